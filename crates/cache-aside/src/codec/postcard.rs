//! Compact rows: the fastest codec for a single small value.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::CodecError;

/// Compact bytes, by serde: the fastest for small values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

serde_codec!(Postcard, 2, encode, decode);

fn encode<T: Serialize>(value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
    postcard::to_io(value, payload).map(|_| ()).map_err(|error| CodecError::new("postcard", error))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(CodecError::new("postcard", "there are bytes after the value")),
        Err(error) => Err(CodecError::new("postcard", error)),
    }
}
