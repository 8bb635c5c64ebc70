//! Rows in MessagePack (<https://msgpack.org>), structs as arrays: compact, and read by programs in
//! any language.

use std::io::ErrorKind;

use rmp_serde::decode::Error;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::CodecError;

/// MessagePack, by serde: compact, and read by programs in any language.
#[derive(Clone, Copy, Debug, Default)]
pub struct Msgpack;

serde_codec!(Msgpack, 4, encode, decode);

/// MessagePack with the names of fields: longer than [`Msgpack`], and keeps types that need them,
/// as JSON does (`skip_serializing_if`, `flatten`, `tag`, `untagged`), together with what JSON
/// cannot say.
#[derive(Clone, Copy, Debug, Default)]
pub struct MsgpackNamed;

serde_codec!(MsgpackNamed, 5, encode_named, decode);

fn encode<T: Serialize>(value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
    rmp_serde::encode::write(payload, value).map_err(|error| CodecError::new("msgpack", error))
}

fn encode_named<T: Serialize>(value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
    rmp_serde::encode::write_named(payload, value).map_err(|error| CodecError::new("msgpack", error))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    let value = T::deserialize(&mut decoder).map_err(|error| CodecError::new("msgpack", error))?;
    // The decoder stops behind the value; only the end of the bytes may follow.
    match IgnoredAny::deserialize(&mut decoder) {
        Err(Error::InvalidMarkerRead(end)) if end.kind() == ErrorKind::UnexpectedEof => Ok(value),
        _ => Err(CodecError::new("msgpack", "there are bytes after the value")),
    }
}
