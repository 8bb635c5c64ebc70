//! Compact rows: the fastest codec for a single small value.

use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError, same, type_tag};
use crate::entry::CodecId;

/// Compact bytes, by serde: the fastest for small values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    fn id(&self) -> CodecId {
        CodecId(2)
    }

    fn type_tag(&self) -> u32 {
        type_tag::shape::tag_of::<T>()
    }

    fn is_faithful(&self, value: &T, payload: &[u8]) -> bool {
        decode(payload).is_ok_and(|decoded| same::is_same(value, &decoded))
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        postcard::to_io(value, payload).map(|_| ()).map_err(|error| CodecError::new("postcard", error))
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        decode(entry.get(payload).unwrap_or_default())
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(CodecError::new("postcard", "something stands behind the value")),
        Err(error) => Err(CodecError::new("postcard", error)),
    }
}
