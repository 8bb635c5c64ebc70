//! How a value becomes the payload of an entry, and back.

mod arrow;
mod json;
mod msgpack;
mod postcard;

pub(crate) use arrow::{Arrow, Columnar};
pub(crate) use json::Json;
pub(crate) use msgpack::Msgpack;
pub(crate) use postcard::Postcard;

use std::ops::Range;

use super::entry::CodecId;

/// A value could not be encoded or decoded; the message is the codec's own.
#[derive(Debug, thiserror::Error)]
#[error("{codec}: {message}")]
pub(crate) struct CodecError {
    codec: &'static str,
    message: String,
}

impl CodecError {
    fn new(codec: &'static str, error: impl std::fmt::Display) -> Self {
        Self { codec, message: error.to_string() }
    }
}

/// Encodes and decodes values of one type.
pub(crate) trait Codec<T>: Send {
    /// Stands in the entry's header: an entry of another codec is a miss.
    fn id(&self) -> CodecId;

    /// Appends the encoded value to `payload`.
    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads the value that stands at `payload` in the entry. A codec may take the entry's bytes away to keep
    /// them in the value instead of copying them; what is left in `entry` then is of no use but as a buffer. Everything is validated: any bytes give a value or an error.
    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError>;
}
