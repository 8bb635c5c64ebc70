//! The origin of the pages of a database file.

/// The origin of a file's pages when the server asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Opened with O_DIRECT: from the disk, past the system's own cache.
    Direct,
    /// Through the system's page cache, which may still hold them.
    PageCache,
    /// The file system itself is in memory.
    Memory,
    Unknown,
}

impl Storage {
    /// Its name in the run file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::PageCache => "page_cache",
            Self::Memory => "memory",
            Self::Unknown => "unknown",
        }
    }
}
