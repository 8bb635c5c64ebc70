//! The language of pages: blocks, pictures and scales as data. Renderers turn them into bytes.

pub(crate) mod blocks;
pub(crate) mod figures;
pub(crate) mod scale;
pub(crate) mod sentences;
