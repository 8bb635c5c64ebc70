//! The way of a value into the payload of an entry, and back.

/// A codec that serde drives: its number, the function that writes, and the one that reads.
#[cfg(any(feature = "json", feature = "msgpack", feature = "postcard"))]
macro_rules! serde_codec {
    ($codec:ident, $id:literal, $write:ident, $read:ident) => {
        impl<T: serde::Serialize + serde::de::DeserializeOwned> $crate::codec::Codec<T> for $codec {
            fn id(&self) -> $crate::entry::CodecId {
                $crate::entry::CodecId($id)
            }

            fn type_tag(&self) -> u32 {
                $crate::codec::type_tag::shape::tag_of::<T>()
            }

            fn is_faithful(&self, value: &T, payload: &[u8]) -> bool {
                $read(payload).is_ok_and(|decoded: T| $crate::codec::same::is_same(value, &decoded))
            }

            fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), $crate::codec::CodecError> {
                $write(value, payload)
            }

            fn decode(
                &self,
                entry: &mut Vec<u8>,
                payload: std::ops::Range<usize>,
            ) -> Result<T, $crate::codec::CodecError> {
                $read(entry.get(payload).unwrap_or_default())
            }
        }
    };
}

/// Columns for this repository's program; its types follow the versions of the `arrow` crates.
#[cfg(feature = "arrow")]
pub(crate) mod arrow;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "postcard")]
mod postcard;
#[cfg(any(feature = "json", feature = "msgpack", feature = "postcard"))]
mod same;
#[cfg(test)]
#[cfg(all(feature = "json", feature = "msgpack", feature = "postcard"))]
mod torture;
mod type_tag;

#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "msgpack")]
pub use msgpack::{Msgpack, MsgpackNamed};
#[cfg(feature = "postcard")]
pub use postcard::Postcard;

use std::ops::Range;

/// The codec of a cache for which none was named: JSON, or none at all without the feature `json`.
#[cfg(feature = "json")]
pub type DefaultCodec = Json;

/// The codec of a cache for which none was named: JSON, or none at all without the feature `json`.
#[cfg(not(feature = "json"))]
pub type DefaultCodec = NoCodec;

/// In the place of a codec, until [`with_codec`](crate::Cache::with_codec) names one.
#[cfg(not(feature = "json"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCodec;

pub use super::entry::CodecId;

/// A value could not be encoded or decoded; the message is the codec's own.
#[derive(Debug, thiserror::Error)]
#[error("{codec}: {message}")]
pub struct CodecError {
    codec: &'static str,
    message: String,
}

impl CodecError {
    /// The codec's name, and its own words. The words reach no log of the library: they may quote
    /// the value.
    pub fn new(codec: &'static str, error: impl std::fmt::Display) -> Self {
        Self { codec, message: error.to_string() }
    }
}

/// Encodes and decodes values of one type.
///
/// - [`Json`], the default: keeps every type of serde whose values JSON can say; readable with
///   `redis-cli`.
/// - [`Msgpack`]: smaller and faster; structs without the names of their fields. [`MsgpackNamed`]:
///   with them.
/// - [`Postcard`]: the smallest and fastest for small values; nothing but the fields themselves.
///
/// Whichever is chosen, **no value comes back as another one**: before a value is kept it is
/// decoded and compared, and one that would come back changed is not kept
/// ([`Stats::unfaithful`](crate::Stats::unfaithful)). Formats without names cannot keep types with
/// `skip_serializing_if`, `flatten`, `tag` or `untagged`; JSON cannot keep infinities and NaN, maps
/// with keys that are no text, or `Some(None)`. A field with `#[serde(skip)]` is no part of the
/// value: a hit has its default.
///
/// Entries of different types, of different shapes of one type, and of different codecs are never
/// read as each other, and live beside each other under one key. Types that hide their shape from
/// serde (`untagged`, or a `with` of their own) are known by their name alone: raise the key's
/// schema number when those change.
///
/// One of your own implements this trait:
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

    /// Tells types apart, and shapes of a type: an entry with another tag is a miss. Only the low
    /// 24 bits count. The default is made of the type's name; one that also knows the names of the
    /// fields notices more.
    fn type_tag(&self) -> u32 {
        type_tag::of_name::<T>()
    }

    /// Whether `payload`, which was just made of `value`, decodes to it again. Asked before a value
    /// is kept: one that does not is right for its caller, and is not kept. The default decodes it
    /// and encodes that again, which must give the same bytes.
    fn is_faithful(&self, _value: &T, payload: &[u8]) -> bool {
        let mut again = Vec::with_capacity(payload.len());
        self.decode(&mut payload.to_vec(), 0..payload.len())
            .is_ok_and(|decoded| self.encode(&decoded, &mut again).is_ok() && again == payload)
    }

    /// Appends the encoded value to `payload`.
    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads the value that stands at `payload` in the entry. A codec may take the entry's bytes
    /// away to keep them in the value instead of copying them; what is left in `entry` then is of
    /// no use but as a buffer.
    ///
    /// Everything must be validated: any bytes give a value or an error.
    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError>;
}

/// A codec that is chosen at run time.
impl<T> Codec<T> for Box<dyn Codec<T>> {
    fn id(&self) -> CodecId {
        (**self).id()
    }

    fn type_tag(&self) -> u32 {
        (**self).type_tag()
    }

    fn is_faithful(&self, value: &T, payload: &[u8]) -> bool {
        (**self).is_faithful(value, payload)
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        (**self).encode(value, payload)
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        (**self).decode(entry, payload)
    }
}
