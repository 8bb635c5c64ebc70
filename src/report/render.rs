//! Renderers: from blocks to text.

mod axis;
mod bars;
mod figure;
mod grid;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod terminal;
mod wrap;

use clap::ValueEnum;

use self::terminal::Screen;
use super::blocks::Section;

/// The format of stdout. Commands whose pages are made of blocks write markdown, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypedFormat {
    #[default]
    Text,
    Json,
    Markdown,
}

impl TypedFormat {
    /// A page for people. JSON has none: where one is shown beside it, it is text.
    pub(crate) fn render(self, page: &[Section], screen: &Screen) -> String {
        match self {
            Self::Text | Self::Json => terminal::render(page, screen),
            Self::Markdown => markdown::render(page),
        }
    }
}
