//! The entry format: what stands under a cache key. Frozen by a test on its bytes.
//!
//! | offset | bytes | what |
//! | ---: | ---: | --- |
//! | 0 | 4 | magic `rcae` |
//! | 4 | 1 | format number, 1 |
//! | 5 | 1 | state: 1 = a value, 2 = known missing (3 and 4 are leases and markers, see `protocol`) |
//! | 6 | 1 | codec of the payload: 1 = arrow, 2 = postcard, 3 = json, 4 = msgpack, 5 = msgpack with names; 0 = no payload |
//! | 7 | 1 | highest byte of the type tag |
//! | 8 | 16 | nonce, unique to each fill |
//! | 24 | 6 | expiry, ms since 1970 |
//! | 30 | 2 | low bytes of the type tag, see [`Codec::type_tag`](crate::codec::Codec::type_tag) |
//! | 32 | 4 | time that the load took, µs; 0 = not measured |
//! | 36 | 4 | length of the payload |
//! | 40 | 8 | checksum: XXH3-64 over key length, key, the 40 bytes above, payload |
//! | 48 | | payload |
//!
//! **Several entries can stand under one key, one after the other**: programs that cache the same
//! row as different types, with different codecs or, during an upgrade, with different formats each
//! find their own. They share one key because a writer cannot know its readers' types: a marker, or
//! a removal, is for all of them. A new entry is put in front of the others, so that the first 24
//! bytes are as unique as ever, and lives no longer than they do.
//!
//! **Frozen for all formats** are the magic, the place of the format number and of the length, and
//! the 48 bytes of the header: that is how one version steps over the entries of another. Leases
//! and markers have a layout of their own that never changes.
//!
//! Integers are little-endian. The nonce stands early, so that a compare-and-set can recognise an
//! entry by its first 24 bytes. The length of the header keeps an Arrow payload aligned to 16
//! bytes. The checksum covers the key, so that a reply that belongs to another key is caught. XXH3
//! because it runs at memory speed: it takes a fortieth of the time that reading the same bytes
//! from a socket takes.

mod checksum;

use std::ops::Range;

pub use self::checksum::{Arriving, Checksum};

pub(super) const MAGIC: [u8; 4] = *b"rcae";
const FORMAT_NUMBER: u8 = 1;
/// More entries than this under one key are not kept.
const MAX_ENTRIES: usize = 4;
const STATE_VALUE: u8 = 1;
const STATE_MISSING: u8 = 2;
/// The year 10,889.
const MAX_EXPIRY_MS: u64 = (1 << 48) - 1;
/// The offset of the payload.
pub const HEADER_BYTES: usize = 48;
const CHECKED_HEADER_BYTES: usize = 40;

/// Which codec wrote a payload; part of the format. rcache's own have numbers below 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecId(pub u8);

/// The values that a reader can decode: its codec and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub codec: CodecId,
    /// 24 bits.
    pub type_tag: u32,
}

/// The codec of an entry without a payload.
const NO_CODEC: CodecId = CodecId(0);

/// The fields of an entry's header beside the lengths and sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub codec: CodecId,
    /// Tells the type of the value; 24 bits.
    pub type_tag: u32,
    pub nonce: [u8; 16],
    /// Milliseconds since 1970, 48 bits; a clock that jumps decides only when, never whether it is
    /// right.
    pub expires_at_ms: u64,
    /// The time that the database took; the early refresh needs it.
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
    #[error("in an unknown state")]
    State,
    #[error("cut off, or with bytes after its end")]
    Length,
    #[error("damaged, or an entry of another key")]
    Checksum,
}

/// True where the bytes begin like anything that rcache writes.
pub fn has_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The beginning of every value of rcache.
pub const fn magic() -> &'static [u8] {
    &MAGIC
}

/// The number of bytes of a value that [`has_magic`] needs.
pub const MAGIC_BYTES: usize = MAGIC.len();

/// Starts an entry in `entry`, replacing what was there: the payload is to be appended, then
/// [`seal`] called.
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
    let _ = seal_as(
        STATE_MISSING,
        entry,
        key,
        &Header { codec: NO_CODEC, type_tag: 0, nonce, expires_at_ms, load_us },
    );
}

fn seal_as(state: u8, entry: &mut [u8], key: &[u8], header: &Header) -> Result<(), Corrupt> {
    let Some((head, payload)) = entry.split_first_chunk_mut::<HEADER_BYTES>() else {
        return Err(Corrupt::TooShort);
    };
    let payload_bytes = u32::try_from(payload.len()).map_err(|_| Corrupt::Length)?;
    head[0..4].copy_from_slice(&MAGIC);
    let [tag_low, tag_middle, tag_high, _] = header.type_tag.to_le_bytes();
    head[4..8].copy_from_slice(&[FORMAT_NUMBER, state, header.codec.0, tag_high]);
    head[8..24].copy_from_slice(&header.nonce);
    head[24..32].copy_from_slice(&header.expires_at_ms.min(MAX_EXPIRY_MS).to_le_bytes());
    head[30..32].copy_from_slice(&[tag_low, tag_middle]);
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
    /// The range of the payload in the entry; none if the row is known to be missing.
    pub payload: Option<Range<usize>>,
}

/// Reads an entry that was stored under `key`. Its checksum is taken here, unless that was done
/// while it `arrived`.
pub fn parse(entry: &[u8], key: &[u8], arrived: Option<Checksum>) -> Result<Parsed, Corrupt> {
    if !has_magic(entry) {
        return Err(if entry.len() < MAGIC_BYTES { Corrupt::TooShort } else { Corrupt::Magic });
    }
    let (head, payload) = entry.split_first_chunk::<HEADER_BYTES>().ok_or(Corrupt::TooShort)?;
    if head[4] != FORMAT_NUMBER {
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
        type_tag: u32::from_le_bytes([head[30], head[31], head[7], 0]),
        nonce: part(head, 8),
        expires_at_ms: u64::from_le_bytes(part(head, 24)) & MAX_EXPIRY_MS,
        load_us: u32::from_le_bytes(part(head, 32)),
    };
    Ok(Parsed { header, payload: (!is_missing).then_some(HEADER_BYTES..entry.len()) })
}

/// Finds the entry of this kind, or one that says that the row is missing, among all that stand
/// under `key`. None: there are entries of other kinds alone. Where `arrived` is given, it is the
/// checksum of the whole as one entry.
pub fn find(
    entries: &[u8],
    key: &[u8],
    arrived: Option<Checksum>,
    kind: Kind,
) -> Result<Option<Parsed>, Corrupt> {
    let (mut at, mut found) = (0, None);
    loop {
        let rest = entries.get(at..).unwrap_or_default();
        let length = framed_bytes(rest)?;
        let one = rest.get(..length).ok_or(Corrupt::Length)?;
        // Of another format, nothing is known but its length.
        if found.is_none() && one.get(4) == Some(&FORMAT_NUMBER) {
            let Parsed { header, payload } = parse(one, key, arrived.filter(|_| length == entries.len()))?;
            let is_wanted = (Kind { codec: header.codec, type_tag: header.type_tag }) == kind;
            let payload = payload.map(|payload| payload.start + at..payload.end + at);
            if is_wanted || payload.is_none() {
                found = Some(Parsed { header, payload });
            }
        }
        at += length;
        if at >= entries.len() {
            return Ok(found);
        }
    }
}

/// The first entries of these, whole, up to so many bytes, and one fewer than may stand under a
/// key.
pub fn first_entries(entries: &[u8], max_bytes: usize) -> &[u8] {
    let mut end = 0;
    for _ in 1..MAX_ENTRIES {
        let rest = entries.get(end..).unwrap_or_default();
        match framed_bytes(rest) {
            Ok(length) if end + length <= max_bytes.min(entries.len()) => end += length,
            _ => break,
        }
    }
    entries.get(..end).unwrap_or_default()
}

/// The length of the entry that begins here, of whatever format.
fn framed_bytes(entry: &[u8]) -> Result<usize, Corrupt> {
    if !has_magic(entry) {
        return Err(if entry.len() < MAGIC_BYTES { Corrupt::TooShort } else { Corrupt::Magic });
    }
    let head = entry.first_chunk::<HEADER_BYTES>().ok_or(Corrupt::TooShort)?;
    let payload = usize::try_from(u32::from_le_bytes(part(head, 36))).map_err(|_| Corrupt::Length)?;
    if payload > entry.len() - HEADER_BYTES { Err(Corrupt::Length) } else { Ok(HEADER_BYTES + payload) }
}

/// `N` bytes of the header from `offset`; both are constants of the format.
fn part<const N: usize>(head: &[u8; HEADER_BYTES], offset: usize) -> [u8; N] {
    std::array::from_fn(|index| head[offset + index])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: Header = Header {
        codec: CodecId(2),
        type_tag: 0x00ab_cdef,
        nonce: [7; 16],
        expires_at_ms: 1_700_000_000_000,
        load_us: 1_500,
    };

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
        assert_eq!(
            parsed,
            Parsed { header: Header { codec: NO_CODEC, type_tag: 0, ..HEADER }, payload: None }
        );
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

    #[test]
    fn each_kind_finds_its_own_among_the_entries_of_a_key() {
        let kind = |tag| Kind { codec: CodecId(2), type_tag: tag };
        let of = |tag| entry(b"k", &Header { type_tag: tag, ..HEADER }, format!("value {tag}").as_bytes());
        let mut newer = of(9);
        newer[4] = 200;
        let all = [of(1), newer, of(2)].concat();
        let value = |tag| {
            let parsed = find(&all, b"k", None, kind(tag)).unwrap()?;
            Some(all[parsed.payload.unwrap()].to_vec())
        };
        assert_eq!([value(1), value(2)], [Some(b"value 1".to_vec()), Some(b"value 2".to_vec())]);
        assert_eq!([value(3), value(9)], [None, None]);
        let other_codec = Kind { codec: CodecId(3), type_tag: 1 };
        assert_eq!(find(&all, b"k", None, other_codec), Ok(None));
        let mut missing = Vec::new();
        seal_missing(&mut missing, b"k", [7; 16], 1, 1);
        assert!(find(&[of(1), missing].concat(), b"k", None, kind(3)).unwrap().unwrap().payload.is_none());
        for damaged in [&all[..all.len() - 1], &[&all[..], b"x"].concat(), &[&of(1)[..], b"junk"].concat()] {
            assert!(find(damaged, b"k", None, kind(3)).is_err());
        }
        assert!(find(&all, b"another key", None, kind(3)).is_err());
    }

    #[test]
    fn only_whole_entries_are_kept_beside_a_new_one() {
        let one = entry(b"k", &HEADER, b"payload");
        let many = one.repeat(6);
        assert_eq!(first_entries(&many, 10_000).len(), 3 * one.len());
        assert_eq!(first_entries(&many, 2 * one.len() + 5).len(), 2 * one.len());
        assert_eq!(first_entries(&one, one.len() - 1), b"");
        assert_eq!(first_entries(b"junk", 100), b"");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(key: Vec<u8>, payload: Vec<u8>, codec: u8, nonce: [u8; 16], expires_at_ms in 0..=MAX_EXPIRY_MS, load_us: u32, type_tag in 0..1u32 << 24) {
            let header = Header { codec: CodecId(codec), type_tag, nonce, expires_at_ms, load_us };
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
            let kind = Kind { codec: CodecId(1), type_tag: 1 };
            for entries in [bytes.clone(), [&MAGIC[..], &bytes].concat(), [entry(&key, &HEADER, b"x"), bytes].concat()] {
                let _ = find(&entries, &key, None, kind);
                let _ = first_entries(&entries, 1000);
            }
        }
    }
}
