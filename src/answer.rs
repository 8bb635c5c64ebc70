//! An answer of MySQL's to any statement: typed columns with names, the same Rust type on every
//! path and with every codec.
//!
//! Decimals are kept as the text that MySQL sends, since no number of Rust's has 65 digits. Dates
//! and times are packed into integers, so that zero dates and times of 838 hours have a place.

mod arrow;
mod binary;
mod builder;
mod cell;
mod definition;
mod documents;
mod fingerprint;
#[cfg(any(fuzzing, test))]
mod fuzzing;
mod kind;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod values;

use std::sync::Arc;

use arrow_array::{
    Array, BinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, UInt32Array,
    UInt64Array,
};

pub(crate) use builder::Builder;
pub(crate) use cell::Cell;
pub(crate) use definition::definition;
#[cfg(fuzzing)]
pub use fuzzing::fuzz;
pub(crate) use kind::Kind;
pub(crate) use time::{Date, DateTime, Time};

/// A row is not as its columns are described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row does not fit the columns that the server described")]
pub(crate) struct WrongRow;

/// A column as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Rows of any statement, column by column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    fields: Arc<[Field]>,
    rows: usize,
    columns: Vec<Column>,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    I32(Int32Array),
    U32(UInt32Array),
    I64(Int64Array),
    U64(UInt64Array),
    F32(Float32Array),
    F64(Float64Array),
    Text(StringArray),
    Bytes(BinaryArray),
}

impl Answer {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The value in a row and a column; `None` outside the answer.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Option<Cell<'_>> {
        let field = self.fields.get(column)?;
        (row < self.rows).then(|| self.columns.get(column)?.cell(row, field.kind)).flatten()
    }

    /// The values of a row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = Cell<'_>> {
        (0..self.fields.len()).filter_map(move |column| self.cell(row, column))
    }

    /// The bytes of its values, without names and bookkeeping.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }
}

impl Column {
    fn array(&self) -> &dyn Array {
        match self {
            Self::I32(values) => values,
            Self::U32(values) => values,
            Self::I64(values) => values,
            Self::U64(values) => values,
            Self::F32(values) => values,
            Self::F64(values) => values,
            Self::Text(values) => values,
            Self::Bytes(values) => values,
        }
    }

    fn bytes(&self) -> usize {
        let texts = |offsets: &[i32]| match (offsets.first(), offsets.last()) {
            (Some(first), Some(last)) => usize::try_from(last - first).unwrap_or(0),
            _ => 0,
        };
        match self {
            Self::I32(_) | Self::U32(_) | Self::F32(_) => 4 * self.array().len(),
            Self::I64(_) | Self::U64(_) | Self::F64(_) => 8 * self.array().len(),
            Self::Text(values) => texts(values.value_offsets()),
            Self::Bytes(values) => texts(values.value_offsets()),
        }
    }
}
