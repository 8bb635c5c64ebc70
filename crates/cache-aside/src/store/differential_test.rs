//! The scripts on a real server beside what `reference_store` says that they do: the same
//! operations, the same stores.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::private_redis::PrivateRedis;
use crate::protocol::key_state::{SLOT_BYTES, TOKEN_BYTES, lease};
use crate::protocol::reference_store::{self, Slot};
use crate::wire::Limits;

const KEY: &[u8] = b"k";
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(60),
    reply: Duration::from_secs(60),
    is_over: None,
    max_string_bytes: Limits::MAX_STRING_BYTES,
};
const LONG: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
enum Operation {
    Acquire(u8),
    /// A look that puts a lease in the same command.
    GetOrLease(u8),
    /// A replacement whose reply is taken with that of a later command.
    ReplaceAhead {
        expected: Vec<u8>,
        new: Vec<u8>,
    },
    /// A replacement that is sent twice.
    ReplaceTwice {
        expected: Vec<u8>,
        new: Vec<u8>,
    },
    Replace {
        expected: Vec<u8>,
        new: Vec<u8>,
    },
    Remove {
        expected: Vec<u8>,
    },
    Mark(u8),
    /// A writer whose token ends before anything else happens.
    MarkBriefly(u8),
    Finish(u8),
    /// The same as one of several keys.
    FinishMany(u8, Propagation),
    Invalidate,
    Settle,
    /// Somebody puts this there.
    Set(Vec<u8>),
    /// Somebody makes it a key of another type.
    Push,
    /// Something is added behind what stands there.
    Append(Vec<u8>),
}

fn nonce(number: u8) -> Nonce {
    [number; 16]
}

fn marker(slots: &[(u8, u64)]) -> Vec<u8> {
    let life = 600_000u32.to_le_bytes();
    let slots =
        slots.iter().flat_map(|(token, ends)| [&nonce(*token)[..], &ends.to_le_bytes(), &life].concat());
    MARKER_HEADER.into_iter().chain(slots).collect()
}

/// The states under the key, so that comparisons often meet the one that they look for.
fn key_state() -> impl Strategy<Value = Vec<u8>> {
    let far = now_ms() + 4 * MAX_MARKER_MS;
    prop_oneof![
        (1..4u8).prop_map(|number| lease(nonce(number)).to_vec()),
        (1..4u8).prop_map(|number| [&lease(nonce(number))[..], b"and more"].concat()),
        (1..4u8).prop_map(move |token| marker(&[(token, far)])),
        (1..4u8).prop_map(|token| marker(&[(token, 0)])),
        (1..4u8).prop_map(|token| marker(&[(token, now_ms() + 600_000)])),
        Just(MARKER_HEADER.to_vec()),
        prop::collection::vec(any::<u8>(), 1..30),
        Just(vec![7; 500_000]),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (1..4u8).prop_map(Operation::Acquire),
        3 => (1..4u8).prop_map(Operation::GetOrLease),
        3 => (key_state(), key_state()).prop_map(|(expected, new)| Operation::Replace { expected, new }),
        3 => (key_state(), key_state()).prop_map(|(expected, new)| Operation::ReplaceAhead { expected, new }),
        1 => (key_state(), key_state()).prop_map(|(expected, new)| Operation::ReplaceTwice { expected, new }),
        2 => prop_oneof![key_state(), Just(Vec::new())].prop_map(|expected| Operation::Remove { expected }),
        4 => (1..4u8).prop_map(Operation::Mark),
        1 => (1..4u8).prop_map(Operation::MarkBriefly),
        4 => (1..4u8).prop_map(Operation::Finish),
        1 => (1..4u8).prop_map(|token| Operation::FinishMany(token, Propagation::IfRemoved)),
        1 => (1..4u8).prop_map(|token| Operation::FinishMany(token, Propagation::Always)),
        1 => Just(Operation::Invalidate),
        1 => Just(Operation::Settle),
        2 => key_state().prop_map(Operation::Set),
        1 => Just(Operation::Push),
        1 => prop::collection::vec(any::<u8>(), 1..SLOT_BYTES + 2).prop_map(Operation::Append),
    ]
}

/// A server and the reference store, side by side.
struct Pair {
    store: Store,
    slot: Slot,
    /// The replies that are expected and were not taken yet.
    ahead: Vec<bool>,
}

impl Pair {
    fn say(&mut self, command: &[&[u8]]) -> (Reply, Vec<u8>) {
        let mut value = Vec::new();
        let reply = self.store.connection.command(command, &mut value).unwrap();
        (reply, value)
    }

    /// Does it on both sides, which must answer the same.
    fn perform(&mut self, operation: &Operation) {
        let (store, slot) = (&mut self.store, &mut self.slot);
        match operation {
            Operation::Acquire(number) | Operation::GetOrLease(number) => {
                let (lease, mut value) = (lease(nonce(*number)), Vec::new());
                let acquired = if matches!(operation, Operation::Acquire(_)) {
                    store.acquire(KEY, &lease, LONG, &mut value).unwrap()
                } else {
                    let looked = store.get_or_lease(KEY, &lease, LONG, &mut value, &mut |_| ());
                    looked.unwrap().expect("this server can do it")
                };
                let mirrored = match reference_store::acquire(slot, &lease) {
                    reference_store::Acquired::Held => Acquired::Held,
                    reference_store::Acquired::Found(Slot::Other) => Acquired::Found(Found::Other),
                    reference_store::Acquired::Found(found) => {
                        assert_eq!(without_ends(&found), without_ends(&Slot::Text(value)));
                        Acquired::Found(Found::Text)
                    }
                };
                assert_eq!(acquired, mirrored);
            }
            Operation::Replace { expected, new } => {
                let expected = Head::of(expected);
                let replaced = store.replace(KEY, expected, new, LONG).unwrap();
                assert_eq!(replaced, reference_store::replace(slot, expected, new));
            }
            Operation::ReplaceAhead { expected, new } => {
                let expected = Head::of(expected);
                if store.can_send_ahead(new.len()) {
                    store.send_replace(KEY, expected, new, LONG).unwrap();
                    self.ahead.push(reference_store::replace(slot, expected, new));
                }
            }
            Operation::ReplaceTwice { expected, new } => {
                let expected = Head::of(expected);
                for _ in 0..2 {
                    let replaced = store.replace(KEY, expected, new, LONG).unwrap();
                    assert_eq!(replaced, reference_store::replace(slot, expected, new));
                }
            }
            Operation::Remove { expected } => {
                let expected = Head::of(expected);
                let removed = store.remove(KEY, expected).unwrap();
                if expected.is_marker() {
                    reference_store::invalidate(slot, now_ms());
                } else {
                    assert_eq!(removed, reference_store::replace(slot, expected, b""));
                }
            }
            Operation::Mark(token) => {
                store.mark(KEY, nonce(*token), LONG).unwrap();
                reference_store::mark(slot, nonce(*token), 600_000, now_ms());
            }
            Operation::MarkBriefly(token) => {
                store.mark(KEY, nonce(*token), Duration::from_millis(1)).unwrap();
                reference_store::mark(slot, nonce(*token), 1, now_ms());
                std::thread::sleep(Duration::from_millis(5));
                if reference_store::tokens(slot, now_ms()).is_empty() {
                    *slot = Slot::Empty;
                }
            }
            Operation::Finish(token) => {
                let stood = store.finish(KEY, nonce(*token)).unwrap();
                assert_eq!(stood, reference_store::finish(slot, nonce(*token), now_ms()));
            }
            Operation::FinishMany(token, propagation) => {
                let keys = [KEY.to_vec(), b"another".to_vec()];
                let stood =
                    store.finish_all(&keys, nonce(*token), *propagation).unwrap().swap_remove(0).unwrap();
                assert_eq!(stood, reference_store::finish(slot, nonce(*token), now_ms()));
            }
            Operation::Settle => {
                let changed = store.settle(KEY, LONG).unwrap();
                assert_eq!(changed, reference_store::settle(slot, now_ms()));
            }
            Operation::Invalidate => {
                store.invalidate(KEY).unwrap();
                reference_store::invalidate(slot, now_ms());
            }
            Operation::Set(value) => {
                *slot = Slot::Text(value.clone());
                self.say(&[b"SET", KEY, value]);
            }
            Operation::Push => {
                *slot = Slot::Other;
                self.say(&[b"UNLINK", KEY]);
                self.say(&[b"RPUSH", KEY, b"element"]);
            }
            Operation::Append(more) => {
                if let Slot::Text(text) = slot {
                    text.extend_from_slice(more);
                    self.say(&[b"APPEND", KEY, more]);
                }
            }
        }
    }

    /// Also takes the replies that were left.
    fn compare(&mut self) {
        let mut value = Vec::new();
        let there = match self.store.get(KEY, &mut value, &mut |_| ()).unwrap() {
            Found::Nothing => Slot::Empty,
            Found::Other => Slot::Other,
            Found::Text => Slot::Text(value),
        };
        assert_eq!(without_ends(&there), without_ends(&self.slot));
        let late = std::iter::from_fn(|| self.store.connection.take_late());
        assert_eq!(late.map(Result::unwrap).collect::<Vec<_>>(), std::mem::take(&mut self.ahead));
    }
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since_1970.as_millis()).unwrap()
}

/// Two clocks never agree to the millisecond on when a token ends.
fn without_ends(slot: &Slot) -> Slot {
    let Slot::Text(text) = slot else { return slot.clone() };
    let Some(slots) = text.strip_prefix(&MARKER_HEADER[..]) else { return slot.clone() };
    let tokens = slots.chunks(SLOT_BYTES).flat_map(|slot| slot.iter().take(TOKEN_BYTES));
    Slot::Text(MARKER_HEADER.iter().chain(tokens).copied().collect())
}

#[test]
fn the_scripts_do_what_the_mirror_says() {
    let redis = PrivateRedis::start();
    let store = Store::new(Connection::open(&redis.endpoint(), LIMITS).unwrap());
    let pair = std::cell::RefCell::new(Pair { store, slot: Slot::Empty, ahead: Vec::new() });
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let sequences = prop::collection::vec(operation(), 1..25);
    let outcome = runner.run(&sequences, |operations| {
        let mut pair = pair.borrow_mut();
        pair.say(&[b"UNLINK", KEY]);
        pair.slot = Slot::Empty;
        for operation in &operations {
            pair.perform(operation);
            // Several replies may be left together.
            if !matches!(operation, Operation::ReplaceAhead { .. }) {
                pair.compare();
            }
        }
        pair.compare();
        Ok(())
    });
    outcome.unwrap();
}

/// The server's count of changes is what it sends to replicas.
#[test]
fn a_removal_of_nothing_is_written_if_a_wait_is_to_follow() {
    let redis = PrivateRedis::start();
    let mut store = Store::new(Connection::open(&redis.endpoint(), LIMITS).unwrap());
    let changes = |store: &mut Store| {
        let mut info = Vec::new();
        store.connection.command(&[b"INFO", b"persistence"], &mut info).unwrap();
        let info = String::from_utf8(info).unwrap();
        let count = info.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
        count.unwrap().parse::<u64>().unwrap()
    };
    let keys = [KEY.to_vec(), b"another".to_vec()];
    for policy in ["CONFIG SET maxmemory 0", "CONFIG SET maxmemory 1"] {
        assert_eq!(redis.say(policy), "+OK");
        for (propagation, is_written) in [(Propagation::IfRemoved, false), (Propagation::Always, true)] {
            let before = changes(&mut store);
            let stood = store.finish_all(&keys, nonce(1), propagation).unwrap();
            assert!(stood.into_iter().all(|stood| !stood.unwrap()), "{policy}");
            assert_eq!(changes(&mut store) >= before + 2, is_written, "{policy} {propagation:?}");
            assert_eq!(redis.say("DBSIZE"), ":0", "and nothing stands there");
        }
    }
}

#[test]
fn a_token_ends_for_itself_and_the_marker_with_the_last_one() {
    let redis = PrivateRedis::start();
    let store = Store::new(Connection::open(&redis.endpoint(), LIMITS).unwrap());
    let mut pair = Pair { store, slot: Slot::Empty, ahead: Vec::new() };
    let left_ms = |pair: &mut Pair| match pair.say(&[b"PTTL", KEY]).0 {
        Reply::Integer(left_ms) => left_ms,
        other => panic!("{other:?}"),
    };
    pair.store.mark(KEY, nonce(1), LONG).unwrap();
    pair.store.mark(KEY, nonce(2), Duration::from_secs(60)).unwrap();
    assert!((60_001..=600_000).contains(&left_ms(&mut pair)), "the longer one is not cut short");
    pair.store.finish(KEY, nonce(1)).unwrap();
    assert!((1..=60_000).contains(&left_ms(&mut pair)), "the shorter one is not kept alive");
    pair.store.finish(KEY, nonce(2)).unwrap();
    assert_eq!(left_ms(&mut pair), -2, "nothing stands there");
}

/// Between the two halves of a large replacement anything may happen.
#[test]
fn a_large_entry_is_not_put_where_anything_happened_meanwhile() {
    let redis = PrivateRedis::start();
    let open = || Store::new(Connection::open(&redis.endpoint(), LIMITS).unwrap());
    let (mut reader, mut writer) = (open(), Pair { store: open(), slot: Slot::Empty, ahead: Vec::new() });
    let (lease, large) = (lease(nonce(1)), vec![7; large::LARGE_BYTES]);
    let brief = Duration::from_millis(20);
    let outlive = || std::thread::sleep(Duration::from_millis(40));
    type Event<'a> = &'a dyn Fn(&mut Pair);
    let meanwhile: [(&str, Event<'_>, bool); 7] = [
        ("nothing", &|_| (), true),
        ("invalidated", &|pair| pair.store.invalidate(KEY).unwrap(), false),
        ("marked", &|pair| pair.store.mark(KEY, nonce(2), LONG).unwrap(), false),
        (
            "removed and leased again",
            &|pair| {
                pair.store.invalidate(KEY).unwrap();
                pair.store.acquire(KEY, &self::lease(nonce(3)), LONG, &mut Vec::new()).unwrap();
            },
            false,
        ),
        ("expired", &|_| outlive(), false),
        (
            "expired, and a write that found nothing",
            &|pair| {
                outlive();
                pair.store.invalidate(KEY).unwrap();
            },
            false,
        ),
        (
            "expired, and leased again",
            &|pair| {
                outlive();
                pair.store.acquire(KEY, &self::lease(nonce(3)), LONG, &mut Vec::new()).unwrap();
            },
            false,
        ),
    ];
    for (what, happens, is_put) in meanwhile {
        writer.say(&[b"UNLINK", KEY]);
        let lives = if what.contains("expired") { brief } else { LONG };
        assert_eq!(reader.acquire(KEY, &lease, lives, &mut Vec::new()).unwrap(), Acquired::Held);
        // On a machine so slow that the lease is gone by now, that is found out here.
        if reader.watch(KEY, Head::of(&lease)).unwrap() == large::Watched::Expected {
            happens(&mut writer);
            let put = reader.set_watched(KEY, &large, &ms(LONG)).unwrap();
            assert_eq!(put == large::Put::Done, is_put, "{what}");
        } else {
            assert!(what.contains("expired"));
        }
        // The connection is in order, and in no transaction.
        writer.say(&[b"UNLINK", KEY]);
        assert!(!reader.replace(KEY, Head::of(&lease), &large, LONG).unwrap());
        assert_eq!(reader.get(KEY, &mut Vec::new(), &mut |_| ()).unwrap(), Found::Nothing);
    }
}

/// Whichever commands of a transaction an account may not use: the entry is put or an error says
/// why not, the connection is not used again unless it is out of the transaction, and the next
/// connection knows.
#[test]
fn a_transaction_that_is_refused_leaves_no_connection_within_it() {
    let redis = PrivateRedis::start();
    let (lease, large) = (lease(nonce(1)), vec![7; large::LARGE_BYTES]);
    let key = std::str::from_utf8(KEY).unwrap();
    for refused in [
        "-exec",
        "-exec -discard",
        "-discard",
        "-multi",
        "-watch",
        "-watch -discard",
        "-multi -exec -discard -watch",
    ] {
        assert_eq!(redis.say(&format!("ACL SETUSER default allcommands {refused}")), "+OK");
        let server = Arc::new(Server::default());
        let open = || {
            let connection = Connection::open(&redis.endpoint(), LIMITS).unwrap();
            Store::new(connection).sharing(Arc::clone(&server))
        };
        let put = |store: &mut Store, key_state: &[u8]| {
            redis.say(&format!("DEL {key}"));
            store.connection().command(&[b"SET", KEY, key_state], &mut Vec::new()).unwrap();
            store.replace(KEY, Head::of(&lease), &large, LONG)
        };
        let mut first = open();
        let outcome = put(&mut first, b"something else");
        assert!(!matches!(outcome, Ok(true)), "{refused}: {outcome:?}");
        for _ in 0..2 {
            let mut store = if first.is_broken() { open() } else { first };
            let outcome = put(&mut store, &lease);
            assert!(
                matches!(outcome, Ok(true)) || store.is_broken(),
                "{refused}: {outcome:?} on a connection that is used again"
            );
            first = store;
        }
        // Once is enough to know.
        let mut last = if first.is_broken() { open() } else { first };
        assert!(put(&mut last, &lease).unwrap(), "{refused}");
        let mut value = Vec::new();
        assert_eq!(last.get(KEY, &mut value, &mut |_| ()).unwrap(), Found::Text, "{refused}");
        assert_eq!(value, large, "{refused}");
        assert!(server.without_transactions.load(Ordering::Relaxed), "{refused}");
    }
}
