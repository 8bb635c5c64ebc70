//! One value of an answer, as a program uses it.

use super::{Column, Date, DateTime, Kind, Time};

/// A value in a row and a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Signed(i64),
    /// Also a year and a set of bits.
    Unsigned(u64),
    Float(f32),
    Double(f64),
    Date(Date),
    DateTime(DateTime),
    Time(Time),
    /// Also a decimal number, JSON, and members of an enum or a set.
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Column {
    /// The value in a row; `None` outside the column, and for a date that is none.
    pub(super) fn cell(&self, row: usize, kind: Kind) -> Option<Cell<'_>> {
        let array = self.array();
        if row >= array.len() {
            return None;
        }
        if array.is_null(row) {
            return Some(Cell::Null);
        }
        Some(match self {
            Self::I32(values) => Cell::Signed(i64::from(values.value(row))),
            Self::U32(values) if kind == Kind::Date => Cell::Date(Date::unpack(values.value(row))?),
            Self::U32(values) => Cell::Unsigned(u64::from(values.value(row))),
            Self::I64(values) if kind == Kind::Time => Cell::Time(Time { micros: values.value(row) }),
            Self::I64(values) => Cell::Signed(values.value(row)),
            Self::U64(values) if matches!(kind, Kind::Datetime | Kind::Timestamp) => {
                Cell::DateTime(DateTime::unpack(values.value(row))?)
            }
            Self::U64(values) => Cell::Unsigned(values.value(row)),
            Self::F32(values) => Cell::Float(values.value(row)),
            Self::F64(values) => Cell::Double(values.value(row)),
            Self::Text(values) => Cell::Text(values.value(row)),
            Self::Bytes(values) => Cell::Bytes(values.value(row)),
        })
    }
}
