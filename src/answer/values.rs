//! Rows that the `mysql` crate took apart: of encrypted connections, which only it can read.

use mysql::Value;

use super::builder::{Building, Cells};
use super::{Builder, Date, DateTime, Kind, Time, WrongRow};

impl Builder {
    /// Appends a row of the crate's values.
    ///
    /// # Errors
    /// If the row does not fit its columns; the builder is of no use then.
    pub(crate) fn push_values<'a>(
        &mut self,
        values: impl ExactSizeIterator<Item = &'a Value>,
    ) -> Result<(), WrongRow> {
        if values.len() != self.columns.len() {
            return Err(WrongRow);
        }
        for (column, value) in self.columns.iter_mut().zip(values) {
            match value {
                Value::NULL => column.push_null(self.rows)?,
                value => column.push_value(value)?,
            }
        }
        self.rows += 1;
        Ok(())
    }
}

impl Building {
    fn push_value(&mut self, value: &Value) -> Result<(), WrongRow> {
        if let Value::Bytes(text) = value {
            // Of the text protocol, and of the types that are texts in both.
            return self.push_text(text);
        }
        match (&mut self.cells, value) {
            (Cells::I32(cells), value) => cells.push(integer(value)?),
            (Cells::U32(cells), value) if self.kind == Kind::Date => {
                cells.push(date_time(value)?.date.pack())
            }
            (Cells::U32(cells), value) => cells.push(integer(value)?),
            (Cells::I64(cells), value) if self.kind == Kind::Time => cells.push(time(value)?.micros),
            (Cells::I64(cells), value) => cells.push(integer(value)?),
            (Cells::U64(cells), Value::Date(..)) => cells.push(date_time(value)?.pack()),
            (Cells::U64(cells), value) => cells.push(integer(value)?),
            (Cells::F32(cells), Value::Float(number)) => cells.push(*number),
            (Cells::F64(cells), Value::Double(number)) => cells.push(*number),
            _ => return Err(WrongRow),
        }
        Ok(())
    }
}

fn integer<T: TryFrom<i64> + TryFrom<u64>>(value: &Value) -> Result<T, WrongRow> {
    match value {
        Value::Int(number) => T::try_from(*number).map_err(|_| WrongRow),
        Value::UInt(number) => T::try_from(*number).map_err(|_| WrongRow),
        _ => Err(WrongRow),
    }
}

fn date_time(value: &Value) -> Result<DateTime, WrongRow> {
    let Value::Date(year, month, day, hour, minute, second, micros) = *value else { return Err(WrongRow) };
    let date = Date::new(year, month, day);
    date.and_then(|date| DateTime::new(date, hour, minute, second, micros)).ok_or(WrongRow)
}

fn time(value: &Value) -> Result<Time, WrongRow> {
    let Value::Time(is_negative, days, hours, minutes, seconds, micros) = *value else {
        return Err(WrongRow);
    };
    let hours = days.checked_mul(24).and_then(|days| days.checked_add(u32::from(hours)));
    hours.and_then(|hours| Time::new(is_negative, hours, minutes, seconds, micros)).ok_or(WrongRow)
}
