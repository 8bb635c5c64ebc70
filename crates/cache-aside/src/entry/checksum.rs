//! The checksum of an entry: over the whole, or piece by piece while a long one arrives.

use std::hash::Hasher;

use twox_hash::xxhash3_64::{RawHasher, SecretBuffer};

use super::{CHECKED_HEADER_BYTES, HEADER_BYTES};

/// The checksum of an entry, by its key and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(pub(super) u64);

impl Checksum {
    /// The checksum of the checked part of the header, and the payload.
    #[inline]
    pub(super) fn of(key: &[u8], header: &[u8], payload: &[u8]) -> Self {
        let mut hasher = hasher(key);
        hasher.write(header);
        hasher.write(payload);
        Self(hasher.finish())
    }
}

/// The checksum of an entry that is still on its way. Taken then, its bytes are found in the
/// processor's caches, and the time was spent waiting anyway; afterwards the whole entry would be
/// fetched from memory once more.
pub struct Arriving {
    hasher: XxHash3,
    seen: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Header,
    /// The first piece ended within the header: the whole is to be looked at.
    TooLittle,
}

impl Arriving {
    /// A checksum of an entry under this key, to be fed.
    pub fn under(key: &[u8]) -> Self {
        Self { hasher: hasher(key), seen: Seen::Nothing }
    }

    /// The next piece; the first one holds the header whole.
    pub fn piece(&mut self, bytes: &[u8]) {
        match self.seen {
            Seen::Header => self.hasher.write(bytes),
            Seen::Nothing => match bytes.split_at_checked(HEADER_BYTES) {
                Some((header, payload)) => {
                    self.hasher.write(header.get(..CHECKED_HEADER_BYTES).unwrap_or(header));
                    self.hasher.write(payload);
                    self.seen = Seen::Header;
                }
                None => self.seen = Seen::TooLittle,
            },
            Seen::TooLittle => {}
        }
    }

    /// The checksum of all the pieces; none if they did not begin with a whole header.
    pub fn checksum(self) -> Option<Checksum> {
        (self.seen == Seen::Header).then(|| Checksum(self.hasher.finish()))
    }
}

/// Its secret is the one that the algorithm comes with, borrowed: `XxHash3_64` would copy it to the
/// heap.
type XxHash3 = RawHasher<&'static [u8; 192]>;

fn hasher(key: &[u8]) -> XxHash3 {
    let mut hasher = RawHasher::new(SecretBuffer::default());
    // The length in front keeps key and header apart.
    hasher.write(&(key.len() as u64).to_le_bytes());
    hasher.write(key);
    hasher
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arrived(key: &[u8], pieces: &[&[u8]]) -> Option<Checksum> {
        let mut arriving = Arriving::under(key);
        pieces.iter().for_each(|piece| arriving.piece(piece));
        arriving.checksum()
    }

    #[test]
    fn without_a_whole_header_in_the_first_piece_there_is_none() {
        assert_eq!(arrived(b"k", &[]), None);
        assert_eq!(arrived(b"k", &[&[0; HEADER_BYTES - 1], &[0; HEADER_BYTES]]), None);
        assert!(arrived(b"k", &[&[0; HEADER_BYTES]]).is_some());
    }

    proptest! {
        #[test]
        fn pieces_have_the_checksum_of_the_whole(key: Vec<u8>, header: [u8; HEADER_BYTES], payloads: Vec<Vec<u8>>) {
            let first = [&header[..], payloads.first().map_or(&[], Vec::as_slice)].concat();
            let mut pieces = vec![first.as_slice()];
            pieces.extend(payloads.iter().skip(1).map(Vec::as_slice));
            let whole = Checksum::of(&key, &header[..CHECKED_HEADER_BYTES], &payloads.concat());
            prop_assert_eq!(arrived(&key, &pieces), Some(whole));
        }
    }
}
