//! Columns in the Arrow IPC stream format (<https://arrow.apache.org/docs/format/Columnar.html>), decoded
//! without a copy and fully validated.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use super::{Codec, CodecError};
use crate::cache::entry::CodecId;

/// A value that is a set of columns.
pub(crate) trait Columnar: Sized {
    /// The columns; should share the value's memory.
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError>;

    /// The value; should share the batch's memory. Must check that the columns are the expected ones.
    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError>;
}

pub(crate) struct Arrow;

impl<T: Columnar> Codec<T> for Arrow {
    fn id(&self) -> CodecId {
        CodecId(1)
    }

    fn encode(&self, value: &T, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        encode(value, payload).map_err(|error| CodecError::new("arrow", error))
    }

    fn decode(&self, entry: &mut Vec<u8>, payload: Range<usize>) -> Result<T, CodecError> {
        decode(std::mem::take(entry), payload).map_err(|error| CodecError::new("arrow", error))
    }
}

fn encode<T: Columnar>(value: &T, payload: &mut Vec<u8>) -> Result<(), ArrowError> {
    let batch = value.to_record_batch()?;
    payload.reserve(batch.get_array_memory_size() + 1024);
    let mut writer = StreamWriter::try_new(payload, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()
}

fn decode<T: Columnar>(entry: Vec<u8>, payload: Range<usize>) -> Result<T, ArrowError> {
    let mut stream = Buffer::from_vec(entry).slice_with_length(payload.start, payload.len());
    let mut decoder = StreamDecoder::new();
    let batch =
        decoder.decode(&mut stream)?.ok_or_else(|| ArrowError::IpcError("no record batch".to_owned()))?;
    // The end-of-stream mark must follow, and nothing else.
    if decoder.decode(&mut stream)?.is_some() {
        return Err(ArrowError::IpcError("more than one record batch".to_owned()));
    }
    decoder.finish()?;
    T::from_record_batch(&batch)
}
