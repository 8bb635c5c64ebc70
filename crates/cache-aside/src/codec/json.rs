//! Readable rows: what most applications store, and slow to decode.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::CodecError;

/// JSON, by serde: readable for everybody, and slow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

serde_codec!(Json, 3, encode, decode);

fn encode<T: Serialize>(value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
    serde_json::to_writer(payload, value).map_err(|error| CodecError::new("json", error))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(bytes).map_err(|error| CodecError::new("json", error))
}
