//! Doors for `fuzz/`: everything that reads bytes which came from Redis, without a Redis. Tests go
//! through them too, so that they compile; no other build has them.

#![allow(clippy::panic, reason = "a fuzzer reports what panics")]

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::codec::{Codec, Json};
use super::entry::{self, CodecId, Header, Kind};
use super::protocol::key_state::{HEAD_BYTES, Head, KeyState};
use super::protocol::read_machine::Outcome;
use super::session;
use super::wire::{Connection, Reply};

/// More than that is not written into the socket at once, which nobody reads meanwhile.
pub const MAX_REPLY_BYTES: usize = 32 * 1024;
/// Each asks once, and asking takes room in the socket too.
const MAX_REPLIES: usize = 256;

/// Reads these bytes as Redis' replies until one is bad, and says how many were good.
///
/// # Panics
/// Where the connection breaks a promise of its own.
pub fn replies(bytes: &[u8]) -> usize {
    let Ok((ours, mut theirs)) = UnixStream::pair() else { return 0 };
    let sent = theirs.write_all(bytes.get(..MAX_REPLY_BYTES).unwrap_or(bytes));
    if sent.is_err() || theirs.shutdown(Shutdown::Write).is_err() {
        return 0;
    }
    let Ok(mut connection) = Connection::over(ours) else { return 0 };
    // All at once: a connection refuses replies that are there before they were asked for.
    let command: &[&[u8]] = &[b"GET", b"k"];
    let mut good = 0;
    let outcome = connection.batch(&[command; MAX_REPLIES], |reply, value| {
        match reply {
            Ok(Reply::Bytes) => assert!(value.len() <= bytes.len(), "a string longer than all that was sent"),
            Ok(Reply::Status | Reply::Integer(_) | Reply::Nil) | Err(_) => assert!(value.is_empty()),
        }
        good += 1;
    });
    if outcome.is_err() {
        let again = connection.command(command, &mut Vec::new());
        assert!(again.is_err(), "a connection that failed is not used again");
    }
    good
}

/// Reads these bytes as what stands under `key`, from the bytes to the answer of a read.
///
/// # Panics
/// Where what was understood contradicts the bytes.
pub fn key_state(bytes: &[u8], key: &[u8]) {
    let head = Head::of(bytes);
    assert!(bytes.starts_with(head.as_bytes()));
    assert_eq!(head.as_bytes().len(), bytes.len().min(HEAD_BYTES));
    let json: &dyn Codec<serde_json::Value> = &Json;
    let kind = Kind { codec: json.id(), type_tag: json.type_tag() };
    let key_state = KeyState::read(bytes, key, None, kind);
    if key_state == KeyState::Marker {
        assert!(head.is_marker(), "a marker is never simply removed");
    }
    let observation =
        session::understand::<serde_json::Value>(&mut bytes.to_vec(), key, None, &Json, 1.0, false);
    match observation.outcome {
        Outcome::Entry | Outcome::Due(_) => assert!(observation.answer.is_some()),
        Outcome::Lease | Outcome::Marker => assert!(observation.answer.is_none()),
        Outcome::Unreadable(seen) | Outcome::Others(seen) => assert_eq!(seen, head),
        outcome => unreachable!("no bytes mean {outcome:?}"),
    }
    if let KeyState::Entry(parsed) = key_state {
        // It has a checksum over all of it: what is read is what was written, to the bit.
        let payload = parsed.payload.map(|payload| bytes[payload].to_vec());
        let written = sealed(key, parsed.header, payload.as_deref());
        assert!(bytes.windows(written.len()).any(|entry| entry == written));
    }
}

/// Makes an entry of these parts, which must be read as it was written; with any one bit flipped,
/// or under another key, it must not be read as an entry.
///
/// # Panics
/// Where it is.
pub fn entry(key: &[u8], payload: Option<&[u8]>, fields: [u8; 29], bit: usize) {
    let header = Header {
        codec: CodecId(if payload.is_some() { fields[0] } else { 0 }),
        type_tag: if payload.is_some() {
            u32::from_le_bytes([fields[23], fields[24], fields[1], 0])
        } else {
            0
        },
        nonce: std::array::from_fn(|index| fields[1 + index]),
        expires_at_ms: u64::from_le_bytes(std::array::from_fn(|index| fields[17 + index])) & ((1 << 48) - 1),
        load_us: u32::from_le_bytes(std::array::from_fn(|index| fields[25 + index])),
    };
    let mut bytes = sealed(key, header, payload);
    let Ok(parsed) = entry::parse(&bytes, key, None) else { panic!("what was written is not read") };
    assert_eq!(parsed.header, header);
    assert_eq!(parsed.payload.map(|payload| &bytes[payload]), payload);
    assert!(entry::parse(&bytes, &[key, b"x"].concat(), None).is_err(), "another key's");
    let bit = bit % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    assert!(entry::parse(&bytes, key, None).is_err(), "bit {bit} was flipped");
}

fn sealed(key: &[u8], header: Header, payload: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(payload) = payload else {
        entry::seal_missing(&mut bytes, key, header.nonce, header.expires_at_ms, header.load_us);
        return bytes;
    };
    entry::begin(&mut bytes);
    bytes.extend_from_slice(payload);
    let Ok(()) = entry::seal(&mut bytes, key, &header) else { panic!("no entry is that long") };
    bytes
}

/// Decodes any bytes. What gives a value must be encodable, and decode to the same value again.
///
/// # Panics
/// Where it does not.
pub fn codec<T: PartialEq + std::fmt::Debug>(codec: &impl Codec<T>, payload: &[u8]) {
    let decode = |payload: &[u8]| {
        // As in an entry: behind a header.
        let mut bytes = vec![0; entry::HEADER_BYTES];
        bytes.extend_from_slice(payload);
        let range = entry::HEADER_BYTES..bytes.len();
        codec.decode(&mut bytes, range)
    };
    let Ok(value) = decode(payload) else { return };
    let mut encoded = Vec::new();
    let Ok(()) = codec.encode(&value, &mut encoded) else { panic!("cannot be encoded: {value:?}") };
    match decode(&encoded) {
        Ok(again) => assert_eq!(again, value),
        Err(error) => panic!("{error}: {value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_door_opens() {
        assert_eq!(replies(b"+OK\r\n$2\r\nab\r\n:7\r\n$-1\r\n-ERR no\r\n?"), 5);
        assert_eq!(replies(b""), 0);
        assert_eq!(replies(&b"+OK\r\n".repeat(MAX_REPLIES + 1)), MAX_REPLIES);
        for bytes in [&b""[..], b"rcae\x01", b"another program's value"] {
            key_state(bytes, b"key");
        }
        for payload in [None, Some(&b"7"[..])] {
            (0..300).for_each(|bit| entry(b"key", payload, [3; 29], bit));
        }
        codec::<u32>(&Json, b"7");
        codec::<u32>(&Json, b"{");
    }
}
