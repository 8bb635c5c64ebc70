//! Rows in MessagePack (<https://msgpack.org>), structs as arrays: compact, and read by programs in
//! any language.

use std::io::ErrorKind;
use std::ops::Range;

use rmp_serde::decode::Error;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::{Codec, CodecError, same, type_tag};
use crate::entry::CodecId;

/// MessagePack, by serde: compact, and read by programs in any language.
#[derive(Clone, Copy, Debug, Default)]
pub struct Msgpack;

impl<T: Serialize + DeserializeOwned> Codec<T> for Msgpack {
    fn id(&self) -> CodecId {
        CodecId(4)
    }

    fn type_tag(&self) -> u32 {
        type_tag::shape::tag_of::<T>()
    }

    fn is_faithful(&self, value: &T, payload: &[u8]) -> bool {
        decode(payload).is_ok_and(|decoded| same::is_same(value, &decoded))
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        rmp_serde::encode::write(payload, value).map_err(|error| CodecError::new("msgpack", error))
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        decode(entry.get(payload).unwrap_or_default())
    }
}

/// MessagePack with the names of fields: longer than [`Msgpack`], and keeps types that need them,
/// as JSON does (`skip_serializing_if`, `flatten`, `tag`, `untagged`), together with what JSON
/// cannot say.
#[derive(Clone, Copy, Debug, Default)]
pub struct MsgpackNamed;

impl<T: Serialize + DeserializeOwned> Codec<T> for MsgpackNamed {
    fn id(&self) -> CodecId {
        CodecId(5)
    }

    fn type_tag(&self) -> u32 {
        type_tag::shape::tag_of::<T>()
    }

    fn is_faithful(&self, value: &T, payload: &[u8]) -> bool {
        decode(payload).is_ok_and(|decoded| same::is_same(value, &decoded))
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        rmp_serde::encode::write_named(payload, value).map_err(|error| CodecError::new("msgpack", error))
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        decode(entry.get(payload).unwrap_or_default())
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    let value = T::deserialize(&mut decoder).map_err(|error| CodecError::new("msgpack", error))?;
    // The decoder stops behind the value; only the end of the bytes may follow.
    match IgnoredAny::deserialize(&mut decoder) {
        Err(Error::InvalidMarkerRead(end)) if end.kind() == ErrorKind::UnexpectedEof => Ok(value),
        _ => Err(CodecError::new("msgpack", "something stands behind the value")),
    }
}
