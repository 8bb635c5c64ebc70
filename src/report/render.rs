//! Renderers: from blocks to text.

mod axis;
mod bars;
mod grid;
pub(crate) mod markdown;
pub(crate) mod terminal;
mod wrap;
