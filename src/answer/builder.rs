//! Collects rows as they come off a connection, column by column, without an allocation a row.

use std::sync::Arc;

use arrow_array::{
    BinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, UInt32Array, UInt64Array,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::kind::Storage;
use super::{Answer, Column, Field, Kind, WrongRow};
use crate::texts;

/// Rows of an answer that is not complete yet.
pub(crate) struct Builder {
    fields: Arc<[Field]>,
    pub(super) columns: Vec<Building>,
    pub(super) rows: usize,
}

/// A column that grows.
pub(super) struct Building {
    pub(super) kind: Kind,
    pub(super) cells: Cells,
    /// Rows without a value, in rising order.
    nulls: Vec<u32>,
}

pub(super) enum Cells {
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Texts),
    Bytes(Texts),
}

/// Texts one after the other, and where each ends.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
}

impl Builder {
    pub(crate) fn new(fields: Arc<[Field]>) -> Self {
        let columns = fields.iter().map(|field| Building::new(field.kind)).collect();
        Self { fields, columns, rows: 0 }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// If a text is not UTF-8, or a column is longer than 2 GiB.
    pub(crate) fn finish(self) -> Result<Answer, ArrowError> {
        let rows = self.rows;
        let columns = self.columns.into_iter().map(|column| column.finish(rows)).collect::<Result<_, _>>()?;
        Ok(Answer { fields: self.fields, rows, columns })
    }
}

impl Building {
    pub(super) fn new(kind: Kind) -> Self {
        let cells = match kind.storage() {
            Storage::I32 => Cells::I32(Vec::new()),
            Storage::U32 => Cells::U32(Vec::new()),
            Storage::I64 => Cells::I64(Vec::new()),
            Storage::U64 => Cells::U64(Vec::new()),
            Storage::F32 => Cells::F32(Vec::new()),
            Storage::F64 => Cells::F64(Vec::new()),
            Storage::Text => Cells::Text(Texts::default()),
            Storage::Bytes => Cells::Bytes(Texts::default()),
        };
        Self { kind, cells, nulls: Vec::new() }
    }

    pub(super) fn push_null(&mut self, row: usize) -> Result<(), WrongRow> {
        self.nulls.push(u32::try_from(row).map_err(|_| WrongRow)?);
        match &mut self.cells {
            Cells::I32(cells) => cells.push(0),
            Cells::U32(cells) => cells.push(0),
            Cells::I64(cells) => cells.push(0),
            Cells::U64(cells) => cells.push(0),
            Cells::F32(cells) => cells.push(0.0),
            Cells::F64(cells) => cells.push(0.0),
            Cells::Text(cells) | Cells::Bytes(cells) => cells.push(&[]),
        }
        Ok(())
    }

    fn finish(self, rows: usize) -> Result<Column, ArrowError> {
        column(self.cells, nulls(&self.nulls, rows))
    }
}

/// The rows that hold a value, if some hold none.
pub(super) fn nulls(missing: &[u32], rows: usize) -> Option<NullBuffer> {
    if missing.is_empty() {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    valid.append_n(rows, true);
    for row in missing.iter().filter_map(|row| usize::try_from(*row).ok()).filter(|row| *row < rows) {
        valid.set_bit(row, false);
    }
    Some(NullBuffer::new(valid.finish()))
}

pub(super) fn column(cells: Cells, nulls: Option<NullBuffer>) -> Result<Column, ArrowError> {
    Ok(match cells {
        Cells::I32(cells) => Column::I32(Int32Array::try_new(cells.into(), nulls)?),
        Cells::U32(cells) => Column::U32(UInt32Array::try_new(cells.into(), nulls)?),
        Cells::I64(cells) => Column::I64(Int64Array::try_new(cells.into(), nulls)?),
        Cells::U64(cells) => Column::U64(UInt64Array::try_new(cells.into(), nulls)?),
        Cells::F32(cells) => Column::F32(Float32Array::try_new(cells.into(), nulls)?),
        Cells::F64(cells) => Column::F64(Float64Array::try_new(cells.into(), nulls)?),
        Cells::Text(cells) => {
            let (offsets, bytes) = cells.finish()?;
            let (offsets, bytes, _) = texts::column(offsets, bytes)?.into_parts();
            // Checked by the line above: with the nulls it is only put together again.
            Column::Text(StringArray::try_new(offsets, bytes, nulls)?)
        }
        Cells::Bytes(cells) => {
            let (offsets, bytes) = cells.finish()?;
            Column::Bytes(BinaryArray::try_new(OffsetBuffer::new(offsets), bytes, nulls)?)
        }
    })
}

impl Texts {
    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.bytes.extend_from_slice(text);
        // Too long a column is told at the end; no offset before it is wrong then.
        self.offsets.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn finish(mut self) -> Result<(ScalarBuffer<i32>, Buffer), ArrowError> {
        if i32::try_from(self.bytes.len()).is_err() {
            return Err(ArrowError::OffsetOverflowError(self.bytes.len()));
        }
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        Ok((ScalarBuffer::from(self.offsets), Buffer::from_vec(self.bytes)))
    }
}
