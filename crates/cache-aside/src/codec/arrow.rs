//! Columns in the Arrow IPC stream format (<https://arrow.apache.org/docs/format/Columnar.html>),
//! decoded without a copy and fully validated.

mod plain;

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_ipc::{Message, root_as_message};
use arrow_schema::ArrowError;

use super::{Codec, CodecError};
use crate::entry::CodecId;

/// A value that is a set of columns.
pub trait Columnar: Sized {
    /// The columns; should share the value's memory.
    fn to_record_batch(&self) -> Result<RecordBatch, ArrowError>;

    /// The value; should share the batch's memory. Must check that the columns are the expected
    /// ones.
    fn from_record_batch(batch: &RecordBatch) -> Result<Self, ArrowError>;
}

/// Columns, decoded without a copy: for results of many rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrow;

impl<T: Columnar> Codec<T> for Arrow {
    fn id(&self) -> CodecId {
        CodecId(1)
    }

    /// The format is checked whole whenever it is read, and names its columns.
    fn is_faithful(&self, _: &T, _: &[u8]) -> bool {
        true
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
    let messages = messages(entry.get(payload.clone()).unwrap_or_default())?;
    // What is read is validated, but Arrow's authors expect well-meant metadata and panic on some
    // that is not. What Redis holds is never a reason to panic, so this is the net below the
    // checks.
    let decoded = std::panic::catch_unwind(|| {
        let stream = Buffer::from_vec(entry).slice_with_length(payload.start, payload.len());
        plain::batch(&stream, &messages)?.map_or_else(|| any_batch(stream), Ok)
    });
    T::from_record_batch(&decoded.map_err(|_| broken("metadata that contradict themselves"))??)
}

/// The one record batch of a stream, of whatever columns.
fn any_batch(mut stream: Buffer) -> Result<RecordBatch, ArrowError> {
    let mut decoder = StreamDecoder::new();
    let batch = decoder.decode(&mut stream)?.ok_or_else(|| broken("no record batch"))?;
    // The end-of-stream mark must follow, and nothing else.
    if decoder.decode(&mut stream)?.is_some() {
        return Err(broken("more than one record batch"));
    }
    decoder.finish()?;
    Ok(batch)
}

fn broken(what: &str) -> ArrowError {
    ArrowError::IpcError(what.to_owned())
}

/// A message of a stream, by where it stands there.
#[derive(Clone, Debug)]
struct Place {
    metadata: Range<usize>,
    body: Range<usize>,
}

/// Walks the messages of a whole stream and holds every buffer that they name against the bytes
/// that are there: Arrow's reader slices by these numbers unseen.
fn messages(stream: &[u8]) -> Result<Vec<Place>, ArrowError> {
    const CONTINUATION: [u8; 4] = [0xff; 4];
    let mut places = Vec::with_capacity(2);
    let mut rest = stream;
    loop {
        rest = rest.strip_prefix(&CONTINUATION).unwrap_or(rest);
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(|| broken("it is cut off"))?;
        let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| broken("a negative length"))?;
        if length == 0 {
            // The end-of-stream mark.
            return if after.is_empty() { Ok(places) } else { Err(broken("there are bytes after its end")) };
        }
        let (metadata, after) = after.split_at_checked(length).ok_or_else(|| broken("it is cut off"))?;
        let message = root_as_message(metadata).map_err(|error| broken(&error.to_string()))?;
        check_buffers(message)?;
        let body_bytes = usize::try_from(message.bodyLength()).map_err(|_| broken("a negative length"))?;
        let body = stream.len() - after.len();
        places.push(Place { metadata: body - length..body, body: body..body.saturating_add(body_bytes) });
        rest = after.get(body_bytes..).ok_or_else(|| broken("it is cut off"))?;
    }
}

fn check_buffers(message: Message<'_>) -> Result<(), ArrowError> {
    let buffers = message.header_as_record_batch().and_then(|batch| batch.buffers());
    for buffer in buffers.into_iter().flatten() {
        let end = buffer.offset().checked_add(buffer.length());
        if buffer.offset() < 0 || buffer.length() < 0 || end.is_none_or(|end| end > message.bodyLength()) {
            return Err(broken("a buffer outside the message"));
        }
    }
    Ok(())
}
