//! The state under a key, by its bytes: an entry, a lease, a marker, or something that no version
//! can read.
//!
//! | state | bytes |
//! | --- | --- |
//! | 1, 2: entry, or several | see `entry` |
//! | 3: lease | magic, 1, 3, 0, 0, nonce (16) |
//! | 4: marker | magic, 1, 4, 0, 0, then for each writer its token (16), when it ends, ms since 1970 (8), and how long it was to stand, ms (4) |
//!
//! Leases and markers are the same in all versions, whatever the format of entries: no version may
//! take another's writer for nonsense, and remove it.
//!
//! Each writer's token ends for itself, so that a writer who died cannot be kept alive by those who
//! come after it. A token that ends later than its whole time from now was put before Redis' clock
//! was set back: it begins anew. Leases and markers carry no checksum: the worst that a damaged one
//! can do is to keep its key uncached for a while.

use super::Nonce;
use crate::entry::{self, Checksum, Corrupt, Kind, Parsed};

/// The format number of leases and markers, for ever.
const FORMAT_NUMBER: u8 = 1;
const STATE_LEASE: u8 = 3;
const STATE_MARKER: u8 = 4;

/// The number of first bytes that make a state unique: up to the end of the nonce.
pub const HEAD_BYTES: usize = 24;
const LEASE_BYTES: usize = HEAD_BYTES;
pub const TOKEN_BYTES: usize = 16;
/// A token, its end, and how long it was to stand.
pub const SLOT_BYTES: usize = TOKEN_BYTES + 8 + 4;
/// The beginning of every marker.
pub const MARKER_HEADER: [u8; 8] = start(STATE_MARKER);
/// The beginning of every lease.
pub const LEASE_HEADER: [u8; 8] = start(STATE_LEASE);
/// The scripts take a token that was to stand for longer than this for damaged.
pub const MAX_MARKER_MS: u64 = 3_600_000;

const fn start(state: u8) -> [u8; 8] {
    let [a, b, c, d] = entry::MAGIC;
    [a, b, c, d, FORMAT_NUMBER, state, 0, 0]
}

/// The first bytes of what stands under a key: what a compare-and-set compares. No two attempts
/// ever write the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Head {
    bytes: [u8; HEAD_BYTES],
    length: u8,
}

impl Head {
    /// The head of a key that holds no string at all.
    pub const NONE: Self = Self { bytes: [0; HEAD_BYTES], length: 0 };

    pub fn of(key_state: &[u8]) -> Self {
        let mut head = Self::NONE;
        for (to, from) in head.bytes.iter_mut().zip(key_state) {
            *to = *from;
            head.length += 1;
        }
        head
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// True if it is a lease's.
    pub fn is_lease(&self) -> bool {
        self.as_bytes().starts_with(&LEASE_HEADER)
    }

    /// True where a marker might stand, damaged or not: such a thing is never simply removed.
    pub fn is_marker(&self) -> bool {
        self.as_bytes().starts_with(&MARKER_HEADER)
    }
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

/// The bytes of a lease.
pub fn lease(nonce: Nonce) -> [u8; LEASE_BYTES] {
    let mut lease = [0; LEASE_BYTES];
    let (header, rest) = lease.split_at_mut(MARKER_HEADER.len());
    header.copy_from_slice(&start(STATE_LEASE));
    rest.copy_from_slice(&nonce);
    lease
}

/// The state under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// An entry of the kind that was asked for.
    Entry(Parsed),
    /// Entries of other types, codecs or formats alone.
    OtherEntries,
    Lease,
    Marker,
    /// Anything else. A miss, and to be removed.
    Unreadable(Corrupt),
}

impl KeyState {
    /// Reads what was found under `key`. Any bytes give an answer. Their checksum may have been
    /// taken while they `arrived`.
    pub fn read(bytes: &[u8], key: &[u8], arrived: Option<Checksum>, kind: Kind) -> Self {
        match entry::find(bytes, key, arrived, kind) {
            Ok(Some(parsed)) => Self::Entry(parsed),
            Ok(None) => Self::OtherEntries,
            // Too short for an entry, or of another state.
            Err(corrupt) => match bytes.split_first_chunk::<8>() {
                Some((header, nonce)) if *header == start(STATE_LEASE) && nonce.len() == TOKEN_BYTES => {
                    Self::Lease
                }
                Some((header, slots))
                    if *header == MARKER_HEADER
                        && !slots.is_empty()
                        && slots.len().is_multiple_of(SLOT_BYTES) =>
                {
                    Self::Marker
                }
                _ => Self::Unreadable(corrupt),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: Kind = Kind { codec: entry::CodecId(1), type_tag: 1 };

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_a_lease_and_of_a_marker_s_header_are_frozen() {
        assert_eq!(hex(&lease([7; 16])), "726361650103000007070707070707070707070707070707");
        assert_eq!(hex(&MARKER_HEADER), "7263616501040000");
    }

    #[test]
    fn leases_and_markers_are_told_from_what_only_looks_like_them() {
        let read = |bytes: &[u8]| KeyState::read(bytes, b"k", None, KIND);
        let good = lease([7; 16]);
        assert_eq!(read(&good), KeyState::Lease);
        assert!(matches!(read(&good[..23]), KeyState::Unreadable(_)));
        assert!(matches!(read(&[&good[..], b"x"].concat()), KeyState::Unreadable(_)));
        let marker = |slots: usize| [&MARKER_HEADER[..], &vec![9; slots]].concat();
        assert_eq!(read(&marker(SLOT_BYTES)), KeyState::Marker);
        assert_eq!(read(&marker(3 * SLOT_BYTES)), KeyState::Marker);
        for damaged in [0, 1, SLOT_BYTES - 1, SLOT_BYTES + 1] {
            assert!(matches!(read(&marker(damaged)), KeyState::Unreadable(_)), "{damaged}");
            assert!(Head::of(&marker(damaged)).is_marker());
        }
    }

    #[test]
    fn a_head_ends_with_the_nonce() {
        let long = [5; 100];
        assert_eq!(Head::of(&long).as_bytes(), &long[..HEAD_BYTES]);
        assert_eq!(Head::of(b"ab").as_bytes(), b"ab");
        assert_ne!(Head::of(b"ab"), Head::of(b"ab\0"));
        assert_eq!(Head::of(b""), Head::NONE);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(state: u8, rest: Vec<u8>, key: Vec<u8>) {
            let _ = KeyState::read(&rest, &key, None, KIND);
            let _ = KeyState::read(&[&start(state)[..], &rest].concat(), &key, None, KIND);
        }
    }
}
