//! How a value becomes the payload of an entry, and back.

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "postcard")]
mod postcard;
mod type_tag;

#[cfg(feature = "arrow")]
pub use arrow::{Arrow, Columnar};
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "msgpack")]
pub use msgpack::Msgpack;
#[cfg(feature = "postcard")]
pub use postcard::Postcard;

use std::ops::Range;

pub use super::entry::CodecId;

/// A value could not be encoded or decoded; the message is the codec's own.
#[derive(Debug, thiserror::Error)]
#[error("{codec}: {message}")]
pub struct CodecError {
    codec: &'static str,
    message: String,
}

impl CodecError {
    /// The codec's name, and its own words. The words reach no log of the library: they may quote the value.
    pub fn new(codec: &'static str, error: impl std::fmt::Display) -> Self {
        Self { codec, message: error.to_string() }
    }
}

/// Encodes and decodes values of one type.
///
/// The four of rcache's own fit most programs. One of your own implements this trait:
///
/// ```
/// use std::ops::Range;
/// use cache_aside::codec::{Codec, CodecError, CodecId};
///
/// /// Text as it is.
/// struct Plain;
///
/// impl Codec<String> for Plain {
///     fn id(&self) -> CodecId {
///         CodecId(128)
///     }
///
///     fn encode(&self, value: &String, payload: &mut Vec<u8>) -> Result<(), CodecError> {
///         payload.extend_from_slice(value.as_bytes());
///         Ok(())
///     }
///
///     fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<String, CodecError> {
///         String::from_utf8(entry[payload].to_vec()).map_err(|error| CodecError::new("plain", error))
///     }
/// }
/// ```
pub trait Codec<T>: Send + Sync {
    /// Stands in the entry's header: an entry of another codec is a miss.
    fn id(&self) -> CodecId;

    /// Tells types apart, and shapes of a type: an entry with another tag is a miss. Only the low 24 bits count. The
    /// default is made of the type's name; one that also knows the names of the fields notices more.
    fn type_tag(&self) -> u32 {
        type_tag::of_name::<T>()
    }

    /// Appends the encoded value to `payload`.
    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads the value that stands at `payload` in the entry. A codec may take the entry's bytes away to keep
    /// them in the value instead of copying them; what is left in `entry` then is of no use but as a buffer.
    ///
    /// Everything must be validated: any bytes give a value or an error.
    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError>;
}
