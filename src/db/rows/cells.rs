//! The cells of one row, taken one after the other, as slices of where they stand.

use mysql::{Row, Value};

/// A row is not as the statement promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row has other columns than its statement")]
pub(crate) struct WrongCells;

/// The rest of a row.
#[derive(Clone, Debug)]
pub(crate) enum Cells<'a> {
    /// In the packet that it came in.
    Packet(&'a [u8]),
    /// Taken apart by the `mysql` crate, and the next cell's number.
    Values(&'a Row, usize),
}

impl<'a> Cells<'a> {
    /// Binary row: a zero, a bit for each column that is NULL (the first two bits are no column),
    /// the cells. A NULL is wrong: no column of ours allows it.
    #[inline]
    pub(super) fn in_packet(packet: &'a [u8], columns: usize) -> Result<Self, WrongCells> {
        let (&marker, rest) = packet.split_first().ok_or(WrongCells)?;
        let (nulls, cells) = rest.split_at_checked((columns + 9) / 8).ok_or(WrongCells)?;
        if marker == 0 && nulls.iter().all(|bits| *bits == 0) {
            Ok(Self::Packet(cells))
        } else {
            Err(WrongCells)
        }
    }

    pub(super) fn in_row(row: &'a Row) -> Self {
        Self::Values(row, 0)
    }

    /// INT UNSIGNED.
    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, WrongCells> {
        match self {
            Self::Packet(left) => bytes(left).map(u32::from_le_bytes),
            Self::Values(..) => self.u64().and_then(|value| u32::try_from(value).map_err(|_| WrongCells)),
        }
    }

    /// BIGINT, signed or not, that is not negative.
    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, WrongCells> {
        match self {
            Self::Packet(left) => {
                let value = i64::from_le_bytes(bytes(left)?);
                u64::try_from(value).map_err(|_| WrongCells)
            }
            Self::Values(..) => match self.value()? {
                Value::UInt(value) => Ok(*value),
                Value::Int(value) => u64::try_from(*value).map_err(|_| WrongCells),
                _ => Err(WrongCells),
            },
        }
    }

    /// A text, as the bytes that came.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a [u8], WrongCells> {
        match self {
            Self::Packet(left) => {
                let length = length(left)?;
                let (text, rest) = left.split_at_checked(length).ok_or(WrongCells)?;
                *left = rest;
                Ok(text)
            }
            Self::Values(..) => match self.value()? {
                Value::Bytes(text) => Ok(text),
                _ => Err(WrongCells),
            },
        }
    }

    /// That nothing is left.
    #[inline]
    pub(crate) fn end(self) -> Result<(), WrongCells> {
        let all = match self {
            Self::Packet(left) => left.is_empty(),
            Self::Values(row, next) => row.len() == next,
        };
        if all { Ok(()) } else { Err(WrongCells) }
    }

    fn value(&mut self) -> Result<&'a Value, WrongCells> {
        let Self::Values(row, next) = self else { return Err(WrongCells) };
        *next += 1;
        row.as_ref(*next - 1).ok_or(WrongCells)
    }
}

/// A length-encoded integer.
#[inline]
fn length(left: &mut &[u8]) -> Result<usize, WrongCells> {
    let [first] = bytes(left)?;
    match first {
        0..=250 => Ok(usize::from(first)),
        0xFC => bytes(left).map(|bytes| usize::from(u16::from_le_bytes(bytes))),
        0xFD => {
            let [low, middle, high] = bytes(left)?;
            usize::try_from(u32::from_le_bytes([low, middle, high, 0])).map_err(|_| WrongCells)
        }
        // A text of 16 MiB does not fit into a packet; 251 is NULL in the other protocol.
        _ => Err(WrongCells),
    }
}

#[inline]
fn bytes<const N: usize>(left: &mut &[u8]) -> Result<[u8; N], WrongCells> {
    let (bytes, rest) = left.split_first_chunk().ok_or(WrongCells)?;
    *left = rest;
    Ok(*bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_is_taken_apart() {
        let mut cells =
            Cells::in_packet(b"\x00\x00\x02\x01\x00\x00\x03ann\xfc\x02\x00hi\x05\0\0\0\0\0\0\0", 4).unwrap();
        assert_eq!(cells.u32(), Ok(258));
        assert_eq!((cells.text(), cells.text()), (Ok(&b"ann"[..]), Ok(&b"hi"[..])));
        assert_eq!(cells.u64(), Ok(5));
        assert_eq!(cells.clone().end(), Ok(()));
        assert_eq!(cells.u32(), Err(WrongCells));
    }

    #[test]
    fn what_is_no_row_of_ours_is_told() {
        assert_eq!(Cells::in_packet(b"", 1).unwrap_err(), WrongCells);
        assert_eq!(Cells::in_packet(b"\x00", 1).unwrap_err(), WrongCells);
        assert_eq!(Cells::in_packet(b"\x01\x00", 1).unwrap_err(), WrongCells);
        // The bit of the first column is the third.
        assert_eq!(Cells::in_packet(b"\x00\x04", 1).unwrap_err(), WrongCells);
        assert_eq!(Cells::in_packet(b"\x00\x00\x05ann", 1).unwrap().text(), Err(WrongCells));
        assert_eq!(Cells::in_packet(b"\x00\x00\xfbann", 1).unwrap().text(), Err(WrongCells));
        assert_eq!(
            Cells::in_packet(b"\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 1).unwrap().u64(),
            Err(WrongCells)
        );
        assert_eq!(Cells::in_packet(b"\x00\x00x", 1).unwrap().end(), Err(WrongCells));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(packet: Vec<u8>, columns in 0usize..300) {
            if let Ok(mut cells) = Cells::in_packet(&packet, columns) {
                while cells.text().is_ok() && cells.u32().is_ok() && cells.u64().is_ok() {}
            }
        }
    }
}
