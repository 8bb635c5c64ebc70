//! The row of an experiment: everything in it follows from its id and its version, so that every
//! answer can be checked.

use serde::{Deserialize, Serialize};

use crate::permutation::mix;

/// A row as the database has it, and as it is cached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: u32,
    /// Raised by one with every write.
    pub(crate) version: u64,
    /// Follows from the two above.
    pub(crate) payload: String,
}

/// The version that every row begins with.
pub(crate) const FIRST_VERSION: u64 = 1;

impl Row {
    /// The one row that has this id and this version.
    pub(crate) fn of(id: u32, version: u64) -> Self {
        Self { id, version, payload: payload(id, version) }
    }

    /// Whether this is what was once written under that id. Which version it is, is another
    /// question.
    pub(crate) fn is_genuine(&self, id: u32) -> bool {
        self.id == id && self.payload == payload(id, self.version)
    }
}

/// 64 hexadecimal digits.
fn payload(id: u32, version: u64) -> String {
    let start = mix(u64::from(id)) ^ version;
    (1..=4).map(|word: u64| format!("{:016x}", mix(start.wrapping_add(word << 56)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_genuine_only_as_it_was_written() {
        let row = Row::of(7, 3);
        assert!(row.is_genuine(7) && row.payload.len() == 64);
        assert!(!row.is_genuine(8), "another row's");
        assert!(
            !Row { version: 4, ..row.clone() }.is_genuine(7),
            "the version of one, the payload of another"
        );
        assert!(!Row { payload: row.payload.replace('a', "b"), ..row }.is_genuine(7), "damaged");
        assert_ne!(Row::of(7, 3).payload, Row::of(7, 4).payload);
    }
}
