//! Reads the record batches that caches hold mostly: numbers and texts, no nulls, not compressed.
//! Arrow's own reader takes them too, but looks at the borders of every text by itself, which took
//! half the time of decoding 100,000 users.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::{Message, MetadataVersion, root_as_message};
use arrow_schema::{ArrowError, DataType, Schema};

use super::{Place, broken};
use crate::texts;

/// The record batch of a stream whose bounds were checked. None where there is anything in it that
/// is not plain: Arrow's own reader must look at it then.
pub(super) fn batch(stream: &Buffer, messages: &[Place]) -> Result<Option<RecordBatch>, ArrowError> {
    let [schema, batch] = messages else { return Ok(None) };
    let Some(schema) = schema_of(message(stream, schema)?)? else { return Ok(None) };
    let body = stream.slice_with_length(batch.body.start, batch.body.len());
    let Some(columns) = Columns::of(message(stream, batch)?, &body) else { return Ok(None) };
    columns.read(schema)
}

fn message<'a>(stream: &'a Buffer, place: &Place) -> Result<Message<'a>, ArrowError> {
    let metadata = stream.get(place.metadata.clone()).unwrap_or_default();
    root_as_message(metadata).map_err(|error| broken(&error.to_string()))
}

fn schema_of(message: Message<'_>) -> Result<Option<Schema>, ArrowError> {
    let schema =
        message.header_as_schema().filter(|schema| schema.endianness().equals_to_target_endianness());
    schema.map(try_fb_to_schema).transpose()
}

/// The buffers of a record batch, taken from the front.
struct Columns {
    rows: usize,
    /// The number of columns.
    columns: usize,
    buffers: std::vec::IntoIter<Buffer>,
}

impl Columns {
    /// None where they are compressed, have nulls, or have no rows.
    fn of(message: Message<'_>, body: &Buffer) -> Option<Self> {
        let batch = message.header_as_record_batch()?;
        let (nodes, buffers) = (batch.nodes()?, batch.buffers()?);
        let is_plain = message.version() == MetadataVersion::V5
            && batch.compression().is_none()
            && batch.variadicBufferCounts().is_none_or(|counts| counts.is_empty())
            && batch.length() > 0
            && nodes.iter().all(|node| node.null_count() == 0 && node.length() == batch.length());
        if !is_plain {
            return None;
        }
        let slice = |place: &arrow_ipc::Buffer| {
            let (offset, length) = (place.offset(), place.length());
            Some(body.slice_with_length(usize::try_from(offset).ok()?, usize::try_from(length).ok()?))
        };
        let buffers: Vec<Buffer> = buffers.iter().map(slice).collect::<Option<_>>()?;
        let rows = usize::try_from(batch.length()).ok()?;
        Some(Self { rows, columns: nodes.len(), buffers: buffers.into_iter() })
    }

    fn read(mut self, schema: Schema) -> Result<Option<RecordBatch>, ArrowError> {
        if schema.fields().len() != self.columns {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(self.columns);
        for field in schema.fields() {
            match self.next(field.data_type())? {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
        }
        if self.buffers.next().is_some() {
            return Ok(None);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).map(Some)
    }

    /// The next column; none where it is of no plain type, or its bytes do not lie as its type
    /// wants them to.
    fn next(&mut self, data_type: &DataType) -> Result<Option<ArrayRef>, ArrowError> {
        // Where the nulls would be.
        let Some(_) = self.buffers.next() else { return Ok(None) };
        match data_type {
            DataType::Utf8 => {
                let (Some(offsets), Some(bytes)) = (self.buffers.next(), self.buffers.next()) else {
                    return Ok(None);
                };
                let Some(offsets) = offsets_of(offsets, self.rows) else { return Ok(None) };
                Ok(Some(Arc::new(texts::column(offsets, bytes)?)))
            }
            fixed if fixed.is_primitive() => {
                let Some(values) = self.buffers.next() else { return Ok(None) };
                let data = ArrayData::builder(fixed.clone()).len(self.rows).add_buffer(values);
                // It copies what is not aligned.
                Ok(Some(make_array(data.align_buffers(true).build()?)))
            }
            _ => Ok(None),
        }
    }
}

fn offsets_of(buffer: Buffer, rows: usize) -> Option<ScalarBuffer<i32>> {
    let count = rows.checked_add(1)?;
    let is_aligned = buffer.as_ptr().align_offset(align_of::<i32>()) == 0;
    (is_aligned && buffer.len() >= count.checked_mul(size_of::<i32>())?)
        .then(|| ScalarBuffer::new(buffer, 0, count))
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{ListBuilder, UInt8Builder};
    use arrow_array::{
        BooleanArray, Float64Array, Int64Array, LargeStringArray, StringArray, UInt8Array, UInt32Array,
    };
    use arrow_ipc::writer::StreamWriter;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::arrow::{any_batch, messages};

    fn record_batch(columns: Vec<ArrayRef>) -> RecordBatch {
        RecordBatch::try_from_iter(
            columns.into_iter().enumerate().map(|(index, column)| (index.to_string(), column)),
        )
        .unwrap()
    }

    fn written(batch: &RecordBatch) -> Buffer {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        Buffer::from_vec(writer.into_inner().unwrap())
    }

    fn read(stream: &Buffer) -> Result<Option<RecordBatch>, ArrowError> {
        batch(stream, &messages(stream).unwrap())
    }

    #[test]
    fn numbers_and_texts_are_plain() {
        let texts = StringArray::from(vec!["ann", "", "b\u{f6}"]);
        for columns in [
            vec![Arc::new(UInt32Array::from(vec![1, 2, 3])) as ArrayRef, Arc::new(texts.clone())],
            vec![Arc::new(Float64Array::from(vec![0.5])), Arc::new(Int64Array::from(vec![-1]))],
            // As a part of something larger.
            vec![Arc::new(texts.slice(1, 2)), Arc::new(UInt8Array::from(vec![1, 2, 3]).slice(1, 2))],
        ] {
            let batch = record_batch(columns);
            assert_eq!(read(&written(&batch)).unwrap(), Some(batch));
        }
    }

    #[test]
    fn everything_else_is_left_to_arrow() {
        let mut lists = ListBuilder::new(UInt8Builder::new());
        lists.append_value([Some(1), Some(2)]);
        for column in [
            Arc::new(StringArray::from(vec![Some("ann"), None])) as ArrayRef,
            Arc::new(UInt32Array::from(vec![None, Some(1)])),
            Arc::new(BooleanArray::from(vec![true])),
            Arc::new(LargeStringArray::from(vec!["ann"])),
            Arc::new(StringArray::from(Vec::<&str>::new())),
            Arc::new(lists.finish()),
        ] {
            let stream = written(&record_batch(vec![column]));
            assert_eq!(read(&stream).unwrap(), None);
            assert!(any_batch(stream).is_ok());
        }
    }

    #[test]
    fn texts_that_are_none_are_errors() {
        let texts = StringArray::from(vec!["ann", "bert"]);
        let good = written(&record_batch(vec![Arc::new(texts)]));
        let at = good.windows(7).position(|bytes| bytes == b"annbert").unwrap();
        let mut bytes = good.to_vec();
        bytes[at] = 0xff;
        assert!(read(&Buffer::from_vec(bytes)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_plain_is_what_arrow_reads(
            rows in prop::collection::vec((any::<u32>(), "[a-z\u{e4}]{0,9}", any::<i64>(), ".{0,5}"), 1..20),
            offset in 0usize..16,
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let batch = record_batch(vec![
                Arc::new(rows.iter().map(|row| row.0).collect::<UInt32Array>()),
                Arc::new(rows.iter().map(|row| Some(row.1.as_str())).collect::<StringArray>()),
                Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()),
                Arc::new(rows.iter().map(|row| Some(row.3.as_str())).collect::<StringArray>()),
            ]);
            // As within an entry, wherever that lies; and as whatever damage makes of it.
            let mut bytes = vec![0; offset];
            bytes.extend_from_slice(&written(&batch));
            let damaged = damage.map(|(at, byte)| {
                let at = offset + at.index(bytes.len() - offset);
                let before = std::mem::replace(&mut bytes[at], byte);
                before != byte
            });
            let stream = Buffer::from_vec(bytes).slice(offset);
            let Ok(messages) = messages(&stream) else {
                prop_assert_eq!(damaged, Some(true));
                return Ok(());
            };
            let ours = std::panic::catch_unwind(|| super::batch(&stream, &messages));
            let arrows = std::panic::catch_unwind(|| any_batch(stream.clone()));
            if damaged != Some(true) {
                let ours = ours.unwrap().unwrap();
                prop_assert_eq!(ours.as_ref().is_some(), offset.is_multiple_of(4));
                prop_assert_eq!(ours.unwrap_or_else(|| batch.clone()), batch);
            } else if let (Ok(Ok(Some(ours))), Ok(Ok(arrows))) = (ours, arrows) {
                prop_assert_eq!(ours, arrows);
            }
        }
    }
}
