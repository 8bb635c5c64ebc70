//! Removes rcache's entries from Redis, and nothing else: each key is looked at and removed in one
//! script.

use std::sync::LazyLock;

use redis::{ConnectionLike, RedisError};

use super::admin::AdminError;
use super::connection::Connection;
use super::entry;
use super::key;
use super::protocol::key_state;
use crate::endpoint::Address;
use crate::interrupt;

/// Keys that one SCAN looks at: enough to make round trips rare, few enough not to hold Redis up.
const SCAN_BATCH: u32 = 1000;
/// Keys of a cluster that are looked at in one round trip, each with the whole script.
const CLUSTER_BATCH: usize = 100;
/// A cluster whose nodes change all the time is walked through so often.
const MOST_TURNS: u32 = 10;
const SCRIPT: &str = include_str!("flush.lua");

/// The result of a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    pub(crate) removed: u64,
    /// Leases and write markers, which were spared.
    pub(crate) spared: u64,
    /// The longest that one of those still lives, ms.
    pub(crate) spared_for_ms: u64,
    /// Values of rcache in a format of another version.
    pub(crate) other_version: u64,
    /// Keys that begin like the namespace's but hold nothing of rcache's.
    pub(crate) left_alone: u64,
    /// Those of them that stand where a bench would put an entry.
    pub(crate) in_the_way: u64,
    /// Keys that this account may not read or remove, or that this server does not let anybody
    /// remove.
    pub(crate) not_looked_at: u64,
    /// The first refusal of those, in the server's words.
    pub(crate) refusal: Option<String>,
}

/// Who uses a key, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A bench: its leases may outlive it by an hour, and removing one only makes a miss.
    Bench,
    /// One arm of one experiment, and nobody else ever.
    Experiment,
    /// Any program that uses the library.
    Library,
}

/// Removes the namespace's entries: keys that have the layout of rcache's keys *and* hold what
/// rcache wrote. Leases and markers of the library are spared. Walks the key space with SCAN, so
/// that Redis serves others meanwhile. `progress` is called after every batch.
pub(crate) fn flush(
    connection: &mut Connection,
    namespace: &str,
    owner: &dyn Fn(&[u8]) -> Owner,
    progress: &dyn Fn(&Flushed),
) -> Result<Flushed, AdminError> {
    let mut flushed = Flushed::default();
    for turn in 1.. {
        let before = primaries(connection, &flushed)?;
        for address in &before {
            flush_one(connection, address, namespace, owner, progress, &mut flushed)?;
        }
        // A key that moved from a node that was still to be looked at to one that had been was
        // missed.
        if turn == MOST_TURNS || before == primaries(connection, &flushed)? {
            break;
        }
        flushed = Flushed { removed: flushed.removed, ..Flushed::default() };
    }
    Ok(flushed)
}

fn primaries(connection: &mut Connection, flushed: &Flushed) -> Result<Vec<Address>, AdminError> {
    connection.primaries().map_err(|cause| failed("asking which nodes it has", cause, flushed))
}

/// Walks through the keys of one server.
fn flush_one(
    connection: &mut Connection,
    address: &Address,
    namespace: &str,
    owner: &dyn Fn(&[u8]) -> Owner,
    progress: &dyn Fn(&Flushed),
    flushed: &mut Flushed,
) -> Result<(), AdminError> {
    let pattern = key::scan_pattern(namespace);
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN_BATCH);
        let scanned: Result<(String, Vec<Vec<u8>>), RedisError> =
            connection.link(address).and_then(|link| scan.query(link));
        let (next, keys) = scanned.map_err(|cause| failed("listing its keys with SCAN", cause, flushed))?;
        let (ours, others): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key::is_ours(namespace, key));
        flushed.left_alone += others.len() as u64;
        for of in [Owner::Bench, Owner::Experiment, Owner::Library] {
            let batch: Vec<&[u8]> =
                ours.iter().map(|key| key.as_slice()).filter(|key| owner(key) == of).collect();
            remove_batch(connection, of, &batch, flushed)?;
        }
        progress(flushed);
        cursor = next;
        if cursor == "0" {
            return Ok(());
        }
        if interrupt::requested() {
            return Err(AdminError::Interrupted(flushed.clone()));
        }
    }
}

/// Removes what an arm of an experiment left under these keys; its time to live ends the rest.
pub(crate) fn remove_experiment(connection: &mut Connection, keys: &[Vec<u8>]) -> Result<(), RedisError> {
    send(connection, &STATES.all, b"", true, keys).map(drop)
}

fn remove_batch(
    connection: &mut Connection,
    owner: Owner,
    keys: &[&[u8]],
    flushed: &mut Flushed,
) -> Result<(), AdminError> {
    if keys.is_empty() {
        return Ok(());
    }
    match run(connection, owner, keys) {
        Ok(seen) => add(flushed, owner, seen),
        // One key that the account has no right on makes Redis refuse them all.
        Err(error) if is_refusal(&error) && keys.len() > 1 => {
            for key in keys {
                remove_batch(connection, owner, &[key], flushed)?;
            }
        }
        Err(error) if is_refusal(&error) => {
            let words = super::admin::said(&error);
            add(flushed, owner, Seen { not_looked_at: 1, words, ..Seen::default() });
        }
        Err(error) => return Err(failed("looking at keys and removing entries", error, flushed)),
    }
    Ok(())
}

/// An interruption says what was removed before it.
fn failed(doing: &str, cause: RedisError, flushed: &Flushed) -> AdminError {
    match AdminError::new(doing, cause) {
        AdminError::GivenUp(_) if flushed.removed > 0 => AdminError::Interrupted(flushed.clone()),
        error => error,
    }
}

fn is_refusal(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOPERM"))
}

/// The counts of one script.
#[derive(Default)]
struct Seen {
    removed: u64,
    spared: u64,
    other_version: u64,
    foreign: u64,
    not_looked_at: u64,
    longest_ms: u64,
    words: String,
}

fn run(
    connection: &mut Connection,
    owner: Owner,
    keys: &[impl redis::ToRedisArgs],
) -> Result<Seen, RedisError> {
    let (removed, spared) = match owner {
        Owner::Bench => (&STATES.all_but_markers, &STATES.markers),
        Owner::Experiment | Owner::Library => (&STATES.entries, &STATES.live),
    };
    send(connection, removed, spared, owner == Owner::Experiment, keys)
}

/// Sends the script. `by_name`: whatever has a time to live under these keys is rcache's.
fn send<K: redis::ToRedisArgs>(
    connection: &mut Connection,
    removed: &[u8],
    spared: &[u8],
    by_name: bool,
    keys: &[K],
) -> Result<Seen, RedisError> {
    let command = |keys: &[K]| {
        let mut command = redis::cmd("EVAL");
        command.arg(SCRIPT).arg(keys.len()).arg(keys);
        command.arg(&STATES.format).arg(removed).arg(spared).arg(u8::from(by_name));
        command
    };
    // The keys of one script are of one slot in a cluster.
    if !connection.is_cluster()? {
        return seen(command(keys).query(connection)?);
    }
    let mut all = Seen::default();
    for keys in keys.chunks(CLUSTER_BATCH) {
        let mut pipeline = redis::pipe();
        for key in keys {
            pipeline.add_command(command(std::slice::from_ref(key)));
        }
        for value in connection.req_packed_commands(&pipeline.get_packed_pipeline(), 0, keys.len())? {
            all.and(seen(value.extract_error()?)?);
        }
    }
    Ok(all)
}

fn seen(answer: redis::Value) -> Result<Seen, RedisError> {
    let (removed, spared, other_version, foreign, not_looked_at, longest_ms, words) =
        redis::from_redis_value(answer)?;
    Ok(Seen { removed, spared, other_version, foreign, not_looked_at, longest_ms, words })
}

impl Seen {
    fn and(&mut self, other: Self) {
        self.removed += other.removed;
        self.spared += other.spared;
        self.other_version += other.other_version;
        self.foreign += other.foreign;
        self.not_looked_at += other.not_looked_at;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        if self.words.is_empty() {
            self.words = other.words;
        }
    }
}

fn add(flushed: &mut Flushed, owner: Owner, seen: Seen) {
    flushed.removed += seen.removed;
    flushed.spared += seen.spared;
    flushed.spared_for_ms = flushed.spared_for_ms.max(seen.longest_ms);
    flushed.other_version += seen.other_version;
    flushed.left_alone += seen.foreign;
    flushed.in_the_way += if owner == Owner::Bench { seen.foreign } else { 0 };
    flushed.not_looked_at += seen.not_looked_at;
    if seen.not_looked_at > 0 {
        flushed.refusal.get_or_insert(seen.words);
    }
}

/// The bytes by which the script tells what it sees, taken from what the library writes.
struct States {
    /// The beginning of everything: the magic and the number of the format.
    format: Vec<u8>,
    entries: Vec<u8>,
    markers: Vec<u8>,
    /// Leases and markers.
    live: Vec<u8>,
    all_but_markers: Vec<u8>,
    all: Vec<u8>,
}

/// The offset of its state in a value.
const STATE: usize = entry::MAGIC_BYTES + 1;

static STATES: LazyLock<States> = LazyLock::new(|| {
    let (nonce, key) = ([0; 16], b"");
    let header = entry::Header { codec: entry::CodecId(0), type_tag: 0, nonce, expires_at_ms: 0, load_us: 0 };
    let (mut value, mut missing) = (Vec::new(), Vec::new());
    entry::begin(&mut value);
    // An entry without a payload is never too long.
    let _ = entry::seal(&mut value, key, &header);
    entry::seal_missing(&mut missing, key, nonce, 0, 0);
    let state = |value: &[u8]| value.get(STATE).copied().into_iter().collect::<Vec<u8>>();
    let (lease, marker) = (state(&key_state::lease(nonce)), state(&key_state::MARKER_HEADER));
    let entries = [state(&value), state(&missing)].concat();
    let all_but_markers = [&entries[..], &lease].concat();
    States {
        format: value.get(..STATE).unwrap_or_default().to_vec(),
        live: [&lease[..], &marker].concat(),
        all: [&all_but_markers[..], &marker].concat(),
        all_but_markers,
        entries,
        markers: marker,
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_are_those_of_the_format() {
        let states = &*STATES;
        assert_eq!(states.format, b"rcae\x01");
        assert_eq!((&states.entries[..], &states.live[..]), (&[1, 2][..], &[3, 4][..]));
        assert_eq!((&states.all_but_markers[..], &states.all[..]), (&[1, 2, 3][..], &[1, 2, 3, 4][..]));
    }
}
