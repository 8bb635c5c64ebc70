//! The fingerprint of an answer, by which answers are compared without keeping them.

use twox_hash::XxHash3_64;

use super::{Answer, Cell};

impl Answer {
    /// The fingerprint of names, types and values. If the rows are in no particular order, that of
    /// a bag: each row as often as it comes.
    pub(crate) fn fingerprint(&self, is_ordered: bool) -> u64 {
        let mut bytes = Vec::new();
        for field in self.fields() {
            put(&mut bytes, 0, field.name.as_bytes());
            bytes.push(u8::try_from(field.kind as usize).unwrap_or(u8::MAX));
        }
        let mut fingerprint = XxHash3_64::oneshot_with_seed(self.rows() as u64, &bytes);
        for row in 0..self.rows() {
            bytes.clear();
            self.row(row).for_each(|cell| write(&mut bytes, cell));
            let own = XxHash3_64::oneshot_with_seed(1, &bytes);
            fingerprint = if is_ordered {
                fingerprint.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ own
            } else {
                fingerprint.wrapping_add(own)
            };
        }
        fingerprint
    }
}

/// Appends a form that differs for different values.
fn write(bytes: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => bytes.push(1),
        Cell::Signed(number) => put(bytes, 2, &number.to_le_bytes()),
        Cell::Unsigned(number) => put(bytes, 3, &number.to_le_bytes()),
        Cell::Float(number) => put(bytes, 4, &number.to_bits().to_le_bytes()),
        Cell::Double(number) => put(bytes, 5, &number.to_bits().to_le_bytes()),
        Cell::Date(date) => put(bytes, 6, &date.pack().to_le_bytes()),
        Cell::DateTime(time) => put(bytes, 7, &time.pack().to_le_bytes()),
        Cell::Time(time) => put(bytes, 8, &time.micros.to_le_bytes()),
        Cell::Text(text) => put(bytes, 9, text.as_bytes()),
        Cell::Bytes(value) => put(bytes, 10, value),
    }
}

fn put(bytes: &mut Vec<u8>, tag: u8, value: &[u8]) {
    bytes.push(tag);
    bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    bytes.extend_from_slice(value);
}
