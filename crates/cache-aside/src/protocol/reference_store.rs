//! The scripts in Rust: the model runs on this, and a test runs both on the same operations and
//! finds the same stores. Only tests use it.

use super::Nonce;
use super::key_state::{HEAD_BYTES, Head, MARKER_HEADER, MAX_MARKER_MS, SLOT_BYTES, TOKEN_BYTES};

/// The value that Redis holds under one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    Empty,
    Text(Vec<u8>),
    /// A key of another type than string.
    Other,
}

/// The answer of `acquire`.
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

/// A writer in a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) token: Nonce,
    pub(crate) ends_at_ms: u64,
    pub(crate) life_ms: u32,
}

pub(crate) fn mark(slot: &mut Slot, token: Nonce, life_ms: u32, now_ms: u64) {
    let mut tokens = tokens(slot, now_ms);
    tokens.retain(|there| there.token != token);
    tokens.insert(0, Token { token, ends_at_ms: now_ms + u64::from(life_ms), life_ms });
    put(slot, &tokens);
}

/// Whether the token stood there.
pub(crate) fn finish(slot: &mut Slot, token: Nonce, now_ms: u64) -> bool {
    let mut tokens = tokens(slot, now_ms);
    let before = tokens.len();
    tokens.retain(|there| there.token != token);
    put(slot, &tokens);
    tokens.len() < before
}

pub(crate) fn invalidate(slot: &mut Slot, now_ms: u64) {
    let tokens = tokens(slot, now_ms);
    put(slot, &tokens);
}

/// Whether something was changed.
pub(crate) fn settle(slot: &mut Slot, now_ms: u64) -> bool {
    let is_late = all_tokens(slot)
        .iter()
        .any(|token| is_valid(token, now_ms) && token.ends_at_ms > now_ms + u64::from(token.life_ms));
    if is_late {
        let tokens = tokens(slot, now_ms);
        put(slot, &tokens);
    }
    is_late
}

/// The writers whose time has not come, and when it will: a token that ends later than its whole
/// time from now begins anew.
pub(crate) fn tokens(slot: &Slot, now_ms: u64) -> Vec<Token> {
    let mut tokens = all_tokens(slot);
    tokens.retain(|token| is_valid(token, now_ms));
    for token in &mut tokens {
        token.ends_at_ms = token.ends_at_ms.min(now_ms + u64::from(token.life_ms));
    }
    tokens
}

fn is_valid(token: &Token, now_ms: u64) -> bool {
    token.ends_at_ms > now_ms && (1..=MAX_MARKER_MS).contains(&u64::from(token.life_ms))
}

fn all_tokens(slot: &Slot) -> Vec<Token> {
    let Slot::Text(text) = slot else { return Vec::new() };
    let Some(slots) = text.strip_prefix(&MARKER_HEADER[..]) else { return Vec::new() };
    slots
        .chunks_exact(SLOT_BYTES)
        .filter_map(|slot| {
            let (token, rest) = slot.split_at(TOKEN_BYTES);
            let (ends, life) = rest.split_at(8);
            Some(Token {
                token: token.try_into().ok()?,
                ends_at_ms: u64::from_le_bytes(ends.try_into().ok()?),
                life_ms: u32::from_le_bytes(life.try_into().ok()?),
            })
        })
        .collect()
}

fn put(slot: &mut Slot, tokens: &[Token]) {
    if tokens.is_empty() {
        *slot = Slot::Empty;
        return;
    }
    let mut marker = MARKER_HEADER.to_vec();
    for token in tokens {
        marker.extend_from_slice(&token.token);
        marker.extend_from_slice(&token.ends_at_ms.to_le_bytes());
        marker.extend_from_slice(&token.life_ms.to_le_bytes());
    }
    *slot = Slot::Text(marker);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::key_state::lease;

    fn text(bytes: &[u8]) -> Slot {
        Slot::Text(bytes.to_vec())
    }

    fn ends(slot: &Slot, now_ms: u64) -> Vec<(Nonce, u64)> {
        tokens(slot, now_ms).iter().map(|token| (token.token, token.ends_at_ms)).collect()
    }

    #[test]
    fn a_clock_that_is_set_back_neither_drops_a_writer_nor_keeps_a_dead_one() {
        let (hours, life) = (7_200_000, 10_000);
        let mut slot = Slot::Empty;
        mark(&mut slot, [1; 16], life, hours);
        for change in [|slot: &mut Slot| invalidate(slot, 0), |slot: &mut Slot| assert!(settle(slot, 0))] {
            let mut slot = slot.clone();
            change(&mut slot);
            assert_eq!(ends(&slot, 0), [([1; 16], 10_000)]);
            assert!(!settle(&mut slot, 0));
        }
        let mut entry = text(b"an entry");
        assert!(!settle(&mut entry, 0) && entry == text(b"an entry"));
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
        assert_eq!(ends(&slot, 0), [([2; 16], 200), ([1; 16], 100)]);
        invalidate(&mut slot, 0);
        assert!(!finish(&mut slot, [3; 16], 0));
        assert!(finish(&mut slot, [1; 16], 0));
        assert_eq!(ends(&slot, 0), [([2; 16], 200)]);
        assert!(finish(&mut slot, [2; 16], 0));
        assert_eq!(slot, Slot::Empty);
    }

    #[test]
    fn a_writer_who_died_is_forgotten_in_time_whoever_writes_meanwhile() {
        let mut slot = Slot::Empty;
        mark(&mut slot, [1; 16], 100, 0);
        mark(&mut slot, [2; 16], 100, 99);
        finish(&mut slot, [2; 16], 99);
        assert_eq!(ends(&slot, 99), [([1; 16], 100)]);
        mark(&mut slot, [3; 16], 100, 100);
        assert!(finish(&mut slot, [3; 16], 101));
        assert_eq!(slot, Slot::Empty);
        assert!(!finish(&mut slot, [1; 16], 102), "its time was over");
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
        for (key_state, expected, done) in [
            (text(b""), Head::NONE, true),
            (Slot::Other, Head::NONE, true),
            (text(b"ab"), Head::NONE, false),
            (text(b"abc"), Head::of(b"ab"), false),
            (text(&[1; 30]), Head::of(&[1; HEAD_BYTES]), true),
        ] {
            let mut slot = key_state.clone();
            assert_eq!(replace(&mut slot, expected, b""), done, "{key_state:?}");
            assert_eq!(slot == Slot::Empty, done);
        }
    }
}
