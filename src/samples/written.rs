//! The entries that were written, counted.

/// Entries written, and their size together, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Written {
    pub(crate) fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    /// Mean size of an entry; none where none was written.
    pub(crate) fn entry_bytes(self) -> Option<u64> {
        self.bytes.checked_div(self.entries)
    }
}
