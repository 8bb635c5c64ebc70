//! Readable rows: what most applications store, and slow to decode.

use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError, same, type_tag};
use crate::entry::CodecId;

/// JSON, by serde: readable for everybody, and slow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn id(&self) -> CodecId {
        CodecId(3)
    }

    fn type_tag(&self) -> u32 {
        type_tag::shape::tag_of::<T>()
    }

    fn is_faithful(&self, value: &T, payload: &[u8]) -> bool {
        decode(payload).is_ok_and(|decoded| same::is_same(value, &decoded))
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(payload, value).map_err(|error| CodecError::new("json", error))
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        decode(entry.get(payload).unwrap_or_default())
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(bytes).map_err(|error| CodecError::new("json", error))
}
