//! Rows of the binary protocol: what prepared statements return
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>).

use super::builder::{Building, Cells};
use super::definition::{bytes, length, take, text};
use super::{Builder, Date, DateTime, Kind, Time, WrongRow};

impl Builder {
    /// Appends a row: a zero, a bit for each column that is NULL (the first two bits are no
    /// column), the values.
    ///
    /// # Errors
    /// If the row does not fit its columns; the builder is of no use then.
    pub(crate) fn push_binary(&mut self, packet: &[u8]) -> Result<(), WrongRow> {
        let (&marker, rest) = packet.split_first().ok_or(WrongRow)?;
        let (nulls, mut left) = rest.split_at_checked((self.columns.len() + 9) / 8).ok_or(WrongRow)?;
        if marker != 0 {
            return Err(WrongRow);
        }
        if nulls.iter().all(|bits| *bits == 0) {
            for column in &mut self.columns {
                column.push_binary(&mut left)?;
            }
        } else {
            for (bit, column) in (2..).zip(&mut self.columns) {
                match nulls.get(bit / 8) {
                    Some(bits) if bits >> (bit % 8) & 1 == 1 => column.push_null(self.rows)?,
                    _ => column.push_binary(&mut left)?,
                }
            }
        }
        self.rows += 1;
        if left.is_empty() { Ok(()) } else { Err(WrongRow) }
    }
}

impl Building {
    #[inline]
    fn push_binary(&mut self, left: &mut &[u8]) -> Result<(), WrongRow> {
        match &mut self.cells {
            Cells::I32(cells) => cells.push(match self.kind {
                Kind::Tinyint => i32::from(i8::from_le_bytes(bytes(left)?)),
                Kind::Smallint => i32::from(i16::from_le_bytes(bytes(left)?)),
                _ => i32::from_le_bytes(bytes(left)?),
            }),
            Cells::U32(cells) => cells.push(match self.kind {
                Kind::UnsignedTinyint => u32::from(u8::from_le_bytes(bytes(left)?)),
                Kind::UnsignedSmallint | Kind::Year => u32::from(u16::from_le_bytes(bytes(left)?)),
                Kind::Date => date_time(left)?.date.pack(),
                _ => u32::from_le_bytes(bytes(left)?),
            }),
            Cells::I64(cells) => cells.push(match self.kind {
                Kind::Time => time(left)?.micros,
                _ => i64::from_le_bytes(bytes(left)?),
            }),
            Cells::U64(cells) => cells.push(match self.kind {
                Kind::Datetime | Kind::Timestamp => date_time(left)?.pack(),
                Kind::Bit => bit(text(left)?)?,
                _ => u64::from_le_bytes(bytes(left)?),
            }),
            Cells::F32(cells) => cells.push(f32::from_le_bytes(bytes(left)?)),
            Cells::F64(cells) => cells.push(f64::from_le_bytes(bytes(left)?)),
            Cells::Text(cells) | Cells::Bytes(cells) => cells.push(text(left)?),
        }
        Ok(())
    }
}

/// Bits, the highest byte first.
pub(super) fn bit(text: &[u8]) -> Result<u64, WrongRow> {
    if text.len() > size_of::<u64>() {
        return Err(WrongRow);
    }
    Ok(text.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}

/// A length, then as many of the parts as are not zero.
fn date_time(left: &mut &[u8]) -> Result<DateTime, WrongRow> {
    let length = length(left)?.ok_or(WrongRow)?;
    let (mut date, mut clock, mut micros) = ([0; 4], [0; 3], 0);
    let mut parts = take(left, length)?;
    match length {
        0 => {}
        4 => date = bytes(&mut parts)?,
        7 => (date, clock) = (bytes(&mut parts)?, bytes(&mut parts)?),
        11 => {
            (date, clock) = (bytes(&mut parts)?, bytes(&mut parts)?);
            micros = u32::from_le_bytes(bytes(&mut parts)?);
        }
        _ => return Err(WrongRow),
    }
    let [low, high, month, day] = date;
    let [hour, minute, second] = clock;
    let date = Date::new(u16::from_le_bytes([low, high]), month, day);
    date.and_then(|date| DateTime::new(date, hour, minute, second, micros)).ok_or(WrongRow)
}

/// A length, then the sign, the days, and as much of the rest as is not zero.
fn time(left: &mut &[u8]) -> Result<Time, WrongRow> {
    let length = length(left)?.ok_or(WrongRow)?;
    let mut parts = take(left, length)?;
    if length == 0 {
        return Ok(Time::default());
    }
    if ![8, 12].contains(&length) {
        return Err(WrongRow);
    }
    let [sign] = bytes(&mut parts)?;
    let days = u32::from_le_bytes(bytes(&mut parts)?);
    let [hour, minute, second] = bytes(&mut parts)?;
    let micros = if length == 12 { u32::from_le_bytes(bytes(&mut parts)?) } else { 0 };
    let hours = days.checked_mul(24).and_then(|hours| hours.checked_add(u32::from(hour)));
    hours.and_then(|hours| Time::new(sign != 0, hours, minute, second, micros)).ok_or(WrongRow)
}
