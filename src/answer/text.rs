//! Rows of the text protocol: what statements that are sent whole return
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html>).

use std::str::FromStr;

use super::binary::bit;
use super::builder::{Building, Cells};
use super::definition::{length, take};
use super::{Builder, Date, DateTime, Kind, Time, WrongRow};

impl Builder {
    /// Appends a row: a length and a text for each column, or the mark of NULL.
    ///
    /// # Errors
    /// If the row does not fit its columns; the builder is of no use then.
    pub(crate) fn push_text(&mut self, packet: &[u8]) -> Result<(), WrongRow> {
        let mut left = packet;
        for column in &mut self.columns {
            match length(&mut left)? {
                Some(length) => column.push_text(take(&mut left, length)?)?,
                None => column.push_null(self.rows)?,
            }
        }
        self.rows += 1;
        if left.is_empty() { Ok(()) } else { Err(WrongRow) }
    }
}

impl Building {
    pub(super) fn push_text(&mut self, text: &[u8]) -> Result<(), WrongRow> {
        match &mut self.cells {
            Cells::I32(cells) => cells.push(number(text)?),
            Cells::U32(cells) => cells.push(match self.kind {
                Kind::Date => Date::parse(text).ok_or(WrongRow)?.pack(),
                _ => number(text)?,
            }),
            Cells::I64(cells) => cells.push(match self.kind {
                Kind::Time => Time::parse(text).ok_or(WrongRow)?.micros,
                _ => number(text)?,
            }),
            Cells::U64(cells) => cells.push(match self.kind {
                Kind::Datetime | Kind::Timestamp => DateTime::parse(text).ok_or(WrongRow)?.pack(),
                Kind::Bit => bit(text)?,
                _ => number(text)?,
            }),
            Cells::F32(cells) => cells.push(number(text)?),
            Cells::F64(cells) => cells.push(number(text)?),
            Cells::Text(cells) | Cells::Bytes(cells) => cells.push(text),
        }
        Ok(())
    }
}

fn number<T: FromStr>(text: &[u8]) -> Result<T, WrongRow> {
    let text = std::str::from_utf8(text).map_err(|_| WrongRow)?;
    text.parse().map_err(|_| WrongRow)
}
