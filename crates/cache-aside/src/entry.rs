//! The entry format: what stands under a cache key. Frozen by a test on its bytes.
//!
//! | offset | bytes | what |
//! | ---: | ---: | --- |
//! | 0 | 4 | magic `rcae` |
//! | 4 | 1 | format number, 1 |
//! | 5 | 1 | state: 1 = a value, 2 = known missing (3 and 4 are leases and markers, see `protocol`) |
//! | 6 | 1 | codec of the payload: 1 = arrow, 2 = postcard, 3 = json, 4 = msgpack; 0 = no payload |
//! | 7 | 1 | 0 |
//! | 8 | 16 | nonce, unique to each fill |
//! | 24 | 8 | expiry, ms since 1970 |
//! | 32 | 4 | time that the load took, µs; 0 = not measured |
//! | 36 | 4 | length of the payload |
//! | 40 | 8 | checksum: XXH3-64 over key length, key, the 40 bytes above, payload |
//! | 48 | | payload |
//!
//! Integers are little-endian. The nonce stands early, so that a compare-and-set can recognise an entry by
//! its first 24 bytes. The length of the header keeps an Arrow payload aligned to 16 bytes. The checksum
//! covers the key, so that a reply that belongs to another key is caught. XXH3 because it runs at memory
//! speed: it takes a fortieth of the time that reading the same bytes from a socket takes.

mod checksum;

use std::ops::Range;

pub use self::checksum::{Arriving, Checksum};

pub(super) const MAGIC: [u8; 4] = *b"rcae";
pub(super) const FORMAT_NUMBER: u8 = 1;
const STATE_VALUE: u8 = 1;
const STATE_MISSING: u8 = 2;
/// Where the payload begins.
pub const HEADER_BYTES: usize = 48;
const CHECKED_HEADER_BYTES: usize = 40;

/// Which codec wrote a payload; part of the format. rcache's own have numbers below 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecId(pub u8);

/// Of an entry without a payload.
const NO_CODEC: CodecId = CodecId(0);

/// What an entry's header says beside the lengths and sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub codec: CodecId,
    pub nonce: [u8; 16],
    /// Milliseconds since 1970; a clock that jumps decides only when, never whether it is right.
    pub expires_at_ms: u64,
    /// How long the database took; the early refresh wants to know.
    pub load_us: u32,
}

/// Why bytes are no entry. Every one of these is a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    #[error("too short for an entry")]
    TooShort,
    #[error("no entry of rcache")]
    Magic,
    #[error("an entry of another format")]
    Format,
    #[error("in a state that nobody knows")]
    State,
    #[error("cut off, or with something behind it")]
    Length,
    #[error("damaged, or an entry of another key")]
    Checksum,
}

/// True where the bytes begin like anything that rcache writes.
pub fn has_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// What every value of rcache begins with.
pub const fn magic() -> &'static [u8] {
    &MAGIC
}

/// How many bytes of a value [`has_magic`] wants to see.
pub const MAGIC_BYTES: usize = MAGIC.len();

/// Starts an entry in `entry`, replacing what was there: the payload is to be appended, then [`seal`] called.
pub fn begin(entry: &mut Vec<u8>) {
    entry.clear();
    entry.resize(HEADER_BYTES, 0);
}

/// Writes the header in front of the payload that was appended since [`begin`].
///
/// # Errors
/// [`Corrupt::Length`] where the payload is longer than an entry can say (4 GiB).
pub fn seal(entry: &mut [u8], key: &[u8], header: &Header) -> Result<(), Corrupt> {
    seal_as(STATE_VALUE, entry, key, header)
}

/// Makes `entry` an entry that says: the row does not exist.
pub fn seal_missing(entry: &mut Vec<u8>, key: &[u8], nonce: [u8; 16], expires_at_ms: u64, load_us: u32) {
    begin(entry);
    // Nothing is shorter than an entry without a payload, so this cannot fail.
    let _ = seal_as(STATE_MISSING, entry, key, &Header { codec: NO_CODEC, nonce, expires_at_ms, load_us });
}

fn seal_as(state: u8, entry: &mut [u8], key: &[u8], header: &Header) -> Result<(), Corrupt> {
    let Some((head, payload)) = entry.split_first_chunk_mut::<HEADER_BYTES>() else {
        return Err(Corrupt::TooShort);
    };
    let payload_bytes = u32::try_from(payload.len()).map_err(|_| Corrupt::Length)?;
    head[0..4].copy_from_slice(&MAGIC);
    head[4..8].copy_from_slice(&[FORMAT_NUMBER, state, header.codec.0, 0]);
    head[8..24].copy_from_slice(&header.nonce);
    head[24..32].copy_from_slice(&header.expires_at_ms.to_le_bytes());
    head[32..36].copy_from_slice(&header.load_us.to_le_bytes());
    head[36..40].copy_from_slice(&payload_bytes.to_le_bytes());
    let Checksum(sum) = Checksum::of(key, &head[..CHECKED_HEADER_BYTES], payload);
    head[40..48].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// A good entry, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub header: Header,
    /// Where in the entry the payload stands; none where the row is known to be missing.
    pub payload: Option<Range<usize>>,
}

/// Reads an entry that was stored under `key`. Its checksum is taken here, unless that was done while it `arrived`.
pub fn parse(entry: &[u8], key: &[u8], arrived: Option<Checksum>) -> Result<Parsed, Corrupt> {
    if !has_magic(entry) {
        return Err(if entry.len() < MAGIC_BYTES { Corrupt::TooShort } else { Corrupt::Magic });
    }
    let (head, payload) = entry.split_first_chunk::<HEADER_BYTES>().ok_or(Corrupt::TooShort)?;
    if head[4] != FORMAT_NUMBER || head[7] != 0 {
        return Err(Corrupt::Format);
    }
    let is_missing = match head[5] {
        STATE_VALUE => false,
        STATE_MISSING => true,
        _ => return Err(Corrupt::State),
    };
    if usize::try_from(u32::from_le_bytes(part(head, 36))) != Ok(payload.len())
        || (is_missing && !payload.is_empty())
    {
        return Err(Corrupt::Length);
    }
    let checksum = arrived.unwrap_or_else(|| Checksum::of(key, &head[..CHECKED_HEADER_BYTES], payload));
    if Checksum(u64::from_le_bytes(part(head, 40))) != checksum {
        return Err(Corrupt::Checksum);
    }
    let header = Header {
        codec: CodecId(head[6]),
        nonce: part(head, 8),
        expires_at_ms: u64::from_le_bytes(part(head, 24)),
        load_us: u32::from_le_bytes(part(head, 32)),
    };
    Ok(Parsed { header, payload: (!is_missing).then_some(HEADER_BYTES..entry.len()) })
}

/// `N` bytes of the header from `offset`; both are constants of the format.
fn part<const N: usize>(head: &[u8; HEADER_BYTES], offset: usize) -> [u8; N] {
    std::array::from_fn(|index| head[offset + index])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: Header =
        Header { codec: CodecId(2), nonce: [7; 16], expires_at_ms: 1_700_000_000_000, load_us: 1_500 };

    fn entry(key: &[u8], header: &Header, payload: &[u8]) -> Vec<u8> {
        let mut entry = Vec::new();
        begin(&mut entry);
        entry.extend_from_slice(payload);
        seal(&mut entry, key, header).unwrap();
        entry
    }

    #[test]
    fn the_bytes_are_frozen() {
        let hex: String =
            entry(b"rcache:user:1:42", &HEADER, b"ann").iter().map(|b| format!("{b:02x}")).collect();
        insta::assert_snapshot!(hex);
    }

    #[test]
    fn the_bytes_of_a_known_missing_row_are_frozen() {
        let mut entry = Vec::new();
        seal_missing(&mut entry, b"rcache:user:1:42", [7; 16], 1_700_000_000_000, 1_500);
        let hex: String = entry.iter().map(|b| format!("{b:02x}")).collect();
        insta::assert_snapshot!(hex);
        let parsed = parse(&entry, b"rcache:user:1:42", None).unwrap();
        assert_eq!(parsed, Parsed { header: Header { codec: NO_CODEC, ..HEADER }, payload: None });
    }

    #[test]
    fn what_is_no_entry_is_told_apart() {
        let good = entry(b"k", &HEADER, b"payload");
        let broken = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 0x40;
            parse(&bytes, b"k", None).unwrap_err()
        };
        assert_eq!(parse(b"", b"k", None), Err(Corrupt::TooShort));
        assert_eq!(parse(&good[..40], b"k", None), Err(Corrupt::TooShort));
        assert_eq!(parse(&good[..50], b"k", None), Err(Corrupt::Length));
        assert_eq!(broken(0), Corrupt::Magic);
        assert_eq!(broken(4), Corrupt::Format);
        assert_eq!(broken(5), Corrupt::State);
        assert_eq!(broken(50), Corrupt::Checksum);
        assert_eq!(parse(&good, b"another key", None), Err(Corrupt::Checksum));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(key: Vec<u8>, payload: Vec<u8>, codec: u8, nonce: [u8; 16], expires_at_ms: u64, load_us: u32) {
            let header = Header { codec: CodecId(codec), nonce, expires_at_ms, load_us };
            let bytes = entry(&key, &header, &payload);
            let parsed = parse(&bytes, &key, None).unwrap();
            prop_assert_eq!(parsed.header, header);
            prop_assert_eq!(&bytes[parsed.payload.unwrap()], &payload[..]);
        }

        #[test]
        fn no_flipped_bit_goes_unnoticed(key: Vec<u8>, payload: Vec<u8>, at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = entry(&key, &HEADER, &payload);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(parse(&bytes, &key, None).is_err());
        }

        #[test]
        fn no_other_key_and_no_other_length_is_accepted(key: Vec<u8>, other: Vec<u8>, payload: Vec<u8>, cut: prop::sample::Index) {
            let bytes = entry(&key, &HEADER, &payload);
            prop_assert_eq!(parse(&bytes, &other, None).is_ok(), key == other);
            prop_assert!(parse(&bytes[..cut.index(bytes.len())], &key, None).is_err());
            let longer = [&bytes[..], b"x"].concat();
            prop_assert!(parse(&longer, &key, None).is_err());
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>, key: Vec<u8>) {
            let _ = parse(&bytes, &key, None);
            let _ = parse(&[&MAGIC[..], &bytes].concat(), &key, None);
        }
    }
}
