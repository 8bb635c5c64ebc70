//! Renderers: from blocks to text.

mod axis;
mod bars;
mod figure;
mod grid;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod terminal;
mod wrap;
