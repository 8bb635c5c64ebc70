//! A column definition of the protocol, for its name and its type.

use super::{Field, Kind, WrongRow};

/// The fixed part behind the names: character set, length, type, flags, decimals and two bytes of
/// nothing.
const FIXED_BYTES: usize = 12;

/// Reads a column definition. Taking the fixed part from its end passes over what MariaDB inserts
/// before it.
pub(crate) fn definition(packet: &[u8]) -> Result<Field, WrongRow> {
    let mut left = packet;
    // Catalog, schema, table, the table's own name.
    for _ in 0..4 {
        text(&mut left)?;
    }
    let name = String::from_utf8_lossy(text(&mut left)?).into_owned();
    let fixed = left.len().checked_sub(FIXED_BYTES).and_then(|start| left.get(start..)).ok_or(WrongRow)?;
    let [c1, c2, _, _, _, _, number, f1, f2, ..] = fixed else { return Err(WrongRow) };
    let kind = Kind::of_column(*number, u16::from_le_bytes([*f1, *f2]), u16::from_le_bytes([*c1, *c2]));
    Ok(Field { name, kind: kind.ok_or(WrongRow)? })
}

/// A length-encoded integer; `None` for NULL.
#[inline]
pub(super) fn length(left: &mut &[u8]) -> Result<Option<usize>, WrongRow> {
    let [first] = bytes(left)?;
    let length = match first {
        0..=250 => return Ok(Some(usize::from(first))),
        251 => return Ok(None),
        0xFC => u64::from(u16::from_le_bytes(bytes(left)?)),
        0xFD => {
            let [low, middle, high] = bytes(left)?;
            u64::from(u32::from_le_bytes([low, middle, high, 0]))
        }
        0xFE => u64::from_le_bytes(bytes(left)?),
        0xFF => return Err(WrongRow),
    };
    usize::try_from(length).map(Some).map_err(|_| WrongRow)
}

/// A length-encoded text that is not NULL.
#[inline]
pub(super) fn text<'a>(left: &mut &'a [u8]) -> Result<&'a [u8], WrongRow> {
    let length = length(left)?.ok_or(WrongRow)?;
    take(left, length)
}

#[inline]
pub(super) fn take<'a>(left: &mut &'a [u8], length: usize) -> Result<&'a [u8], WrongRow> {
    let (text, rest) = left.split_at_checked(length).ok_or(WrongRow)?;
    *left = rest;
    Ok(text)
}

#[inline]
pub(super) fn bytes<const N: usize>(left: &mut &[u8]) -> Result<[u8; N], WrongRow> {
    let (bytes, rest) = left.split_first_chunk().ok_or(WrongRow)?;
    *left = rest;
    Ok(*bytes)
}
