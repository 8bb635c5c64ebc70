//! Readable rows: what most applications store, and slow to decode.

use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError};
use crate::entry::CodecId;

/// JSON, by serde: readable for everybody, and slow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn id(&self) -> CodecId {
        CodecId(3)
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(payload, value).map_err(|error| CodecError::new("json", error))
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        let bytes = entry.get(payload).unwrap_or_default();
        serde_json::from_slice(bytes).map_err(|error| CodecError::new("json", error))
    }
}
