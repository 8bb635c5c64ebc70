//! What the scripts do, said in Rust: the model runs on this, and a test runs both on the same operations and finds the
//! same stores. Only tests use it.

use super::Nonce;
use super::standing::{HEAD_BYTES, Head, MARKER_HEADER, MAX_MARKER_MS, SLOT_BYTES, TOKEN_BYTES};

/// What Redis holds under one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    Empty,
    Text(Vec<u8>),
    /// A key of another type than string.
    Other,
}

/// What `acquire` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    Held,
    Found(Slot),
}

pub(crate) fn acquire(slot: &mut Slot, lease: &[u8]) -> Acquired {
    match slot {
        Slot::Empty => {
            *slot = Slot::Text(lease.to_vec());
            Acquired::Held
        }
        there => Acquired::Found(there.clone()),
    }
}

/// Whether it was done.
pub(crate) fn replace(slot: &mut Slot, expected: Head, new: &[u8]) -> bool {
    let head = match slot {
        Slot::Text(text) => Head::of(text),
        Slot::Empty | Slot::Other => Head::NONE,
    };
    if head != expected {
        return false;
    }
    *slot = if new.is_empty() { Slot::Empty } else { Slot::Text(new.to_vec()) };
    true
}

pub(crate) fn mark(slot: &mut Slot, token: Nonce, ends_at_ms: u64, now_ms: u64) {
    let mut tokens = tokens(slot, now_ms);
    tokens.retain(|there| there.0 != token);
    tokens.insert(0, (token, ends_at_ms));
    put(slot, &tokens);
}

pub(crate) fn finish(slot: &mut Slot, token: Nonce, now_ms: u64) {
    let mut tokens = tokens(slot, now_ms);
    tokens.retain(|there| there.0 != token);
    put(slot, &tokens);
}

pub(crate) fn invalidate(slot: &mut Slot, now_ms: u64) {
    let tokens = tokens(slot, now_ms);
    put(slot, &tokens);
}

/// The writers whose time has not come, and when it will.
pub(crate) fn tokens(slot: &Slot, now_ms: u64) -> Vec<(Nonce, u64)> {
    let Slot::Text(text) = slot else { return Vec::new() };
    let Some(slots) = text.strip_prefix(&MARKER_HEADER[..]) else { return Vec::new() };
    slots
        .chunks_exact(SLOT_BYTES)
        .filter_map(|slot| {
            let (token, ends) = slot.split_at(TOKEN_BYTES);
            Some((token.try_into().ok()?, u64::from_le_bytes(ends.try_into().ok()?)))
        })
        .filter(|(_, ends)| *ends > now_ms && *ends <= now_ms + MAX_MARKER_MS)
        .collect()
}

fn put(slot: &mut Slot, tokens: &[(Nonce, u64)]) {
    if tokens.is_empty() {
        *slot = Slot::Empty;
        return;
    }
    let mut marker = MARKER_HEADER.to_vec();
    for (token, ends_at_ms) in tokens {
        marker.extend_from_slice(token);
        marker.extend_from_slice(&ends_at_ms.to_le_bytes());
    }
    *slot = Slot::Text(marker);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::standing::lease;

    fn text(bytes: &[u8]) -> Slot {
        Slot::Text(bytes.to_vec())
    }

    #[test]
    fn a_lease_is_put_only_where_nothing_stands() {
        let mut slot = Slot::Empty;
        assert_eq!(acquire(&mut slot, &lease([1; 16])), Acquired::Held);
        assert_eq!(acquire(&mut slot, &lease([2; 16])), Acquired::Found(text(&lease([1; 16]))));
        assert!(!replace(&mut slot, Head::of(&lease([2; 16])), b"value"));
        assert!(replace(&mut slot, Head::of(&lease([1; 16])), b"value"));
        assert_eq!(slot, text(b"value"));
        assert_eq!(acquire(&mut Slot::Other, b"lease"), Acquired::Found(Slot::Other));
    }

    #[test]
    fn the_last_writer_removes_the_marker_and_nobody_removes_another_s_token() {
        let mut slot = text(b"an entry");
        mark(&mut slot, [1; 16], 100, 0);
        mark(&mut slot, [2; 16], 200, 0);
        assert_eq!(tokens(&slot, 0), [([2; 16], 200), ([1; 16], 100)]);
        invalidate(&mut slot, 0);
        finish(&mut slot, [3; 16], 0);
        finish(&mut slot, [1; 16], 0);
        assert_eq!(tokens(&slot, 0), [([2; 16], 200)]);
        finish(&mut slot, [2; 16], 0);
        assert_eq!(slot, Slot::Empty);
    }

    #[test]
    fn a_writer_who_died_is_forgotten_in_time_whoever_writes_meanwhile() {
        let mut slot = Slot::Empty;
        mark(&mut slot, [1; 16], 100, 0);
        mark(&mut slot, [2; 16], 199, 99);
        finish(&mut slot, [2; 16], 99);
        assert_eq!(tokens(&slot, 99), [([1; 16], 100)]);
        mark(&mut slot, [3; 16], 200, 100);
        finish(&mut slot, [3; 16], 101);
        assert_eq!(slot, Slot::Empty);
    }

    #[test]
    fn finishing_and_invalidating_remove_whatever_else_stands_there() {
        for slot in [text(b"an entry"), Slot::Other, Slot::Empty] {
            let (mut finished, mut invalidated) = (slot.clone(), slot);
            finish(&mut finished, [1; 16], 0);
            invalidate(&mut invalidated, 0);
            assert_eq!((finished, invalidated), (Slot::Empty, Slot::Empty));
        }
    }

    #[test]
    fn what_is_compared_never_ends_in_the_middle() {
        for (standing, expected, done) in [
            (text(b""), Head::NONE, true),
            (Slot::Other, Head::NONE, true),
            (text(b"ab"), Head::NONE, false),
            (text(b"abc"), Head::of(b"ab"), false),
            (text(&[1; 30]), Head::of(&[1; HEAD_BYTES]), true),
        ] {
            let mut slot = standing.clone();
            assert_eq!(replace(&mut slot, expected, b""), done, "{standing:?}");
            assert_eq!(slot == Slot::Empty, done);
        }
    }
}
