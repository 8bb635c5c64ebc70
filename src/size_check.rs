//! Checks predictions of `size` on private Redis servers that throw entries out: small ones, with
//! the same popularity and the same size of entries, read at a rate at which each entry stays for
//! some seconds. Redis knows the time of a read to the second only, so a faster replay would not
//! see what it throws out on a busy day.

use std::time::{Duration, Instant};

use redis::RedisError;
use serde::{Deserialize, Serialize};

use crate::cache::admin;
use crate::cache::connection::Connection;
use crate::endpoint::RedisEndpoint;
use crate::interrupt;
use crate::load_model::draws::{Draws, Purpose};
use crate::load_model::lru::Lru;
use crate::load_model::memory::{Memory, Tables};
use crate::load_model::popularity::{Class, Keys, Popularity};
use crate::load_model::steady_state::{Lifetimes, Load};
use crate::units;

/// The setting of one Redis.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) popularity: Popularity,
    pub(crate) entry_bytes: f64,
    /// The share of all keys that there is to be room for.
    pub(crate) share: f64,
}

/// One prediction for a small Redis that was checked by reading from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Verified {
    /// The popularity of the keys.
    pub(crate) popularity: String,
    /// Different keys.
    pub(crate) keys: u64,
    /// The `maxmemory` of the private Redis.
    pub(crate) maxmemory_bytes: u64,
    /// Entries that were predicted to fit.
    pub(crate) expected_entries: f64,
    /// Entries that Redis held at the end.
    pub(crate) entries: u64,
    /// The predicted hit ratio for as many entries as Redis held.
    pub(crate) expected_hit_ratio: f64,
    /// The hit ratio that Redis had.
    pub(crate) hit_ratio: f64,
    /// Reads that were counted.
    pub(crate) reads: u64,
}

/// Eight sizes.
pub(crate) const SHARES: [f64; 8] = [0.05, 0.08, 0.12, 0.18, 0.25, 0.33, 0.42, 0.52];

const KEYS: u32 = 20_000;
/// An unread entry stays for so long, s.
const UNREAD_S: f64 = 5.0;
/// Until a cache that begins empty has settled.
const SETTLING: Duration = Duration::from_millis(8_500);
const MEASURING: Duration = Duration::from_secs(10);
/// Commands that are sent together; a key that is missed twice in a batch counts twice.
const BATCH: usize = 40;
const TTL_MS: u64 = 3_600_000;
const TIMEOUT: Duration = Duration::from_secs(5);
const RNG_SEED: u64 = 42;

/// Fills an empty Redis by reading from it, and counts. It is left as it is: it must be private.
pub(crate) fn check(redis: &RedisEndpoint, setting: &Setting) -> Result<Verified, RedisError> {
    let mut connection = admin::open(redis, TIMEOUT, TIMEOUT)?;
    let keys = Keys::new(setting.popularity, KEYS, RNG_SEED);
    let value = vec![b'v'; value_bytes(&mut connection, setting.entry_bytes)?];
    let entry_bytes = usage(&mut connection, value.len())? as f64;
    let memory = Memory { entry_bytes, tables: tables(&mut connection)? };
    let classes = keys.classes();
    let wanted = (f64::from(KEYS) * setting.share).ceil();
    let limit = units::whole(memory.limit_for(wanted));
    for (name, value) in [("maxmemory-policy", "allkeys-lru".to_owned()), ("maxmemory", limit.to_string())] {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut connection)?;
    }
    // With one read a second, the time in which an entry is not read is a number of reads.
    let rate_per_s = lru(&classes).with_room_for(wanted).unread_s / UNREAD_S;
    let mut replay = Replay { connection, keys: &keys, value: &value, next: 0, rate_per_s };
    replay.run(SETTLING)?;
    let (hits, reads) = replay.run(MEASURING)?;
    let entries: u64 = redis::cmd("DBSIZE").query(&mut replay.connection)?;
    Ok(Verified {
        popularity: setting.popularity.name(),
        keys: u64::from(KEYS),
        maxmemory_bytes: limit,
        expected_entries: memory.entries(limit as f64),
        entries,
        expected_hit_ratio: lru(&classes).with_room_for(entries as f64).hit_ratio,
        hit_ratio: hits as f64 / (reads as f64).max(1.0),
        reads,
    })
}

fn lru(classes: &[Class]) -> Lru<'_> {
    Lru { classes, load: Load::new(1.0, 0.0), lifetimes: Lifetimes::endless() }
}

/// The tables as this server keeps them.
fn tables(connection: &mut Connection) -> Result<Tables, RedisError> {
    let info: String = redis::cmd("INFO").arg("server").query(connection)?;
    let (flavor, version) = admin::parse_version(&info);
    Ok(Tables::of_server(flavor, &version))
}

/// The length of a value whose entry is as large as those that are asked for; small ones have a
/// least size.
fn value_bytes(connection: &mut Connection, entry_bytes: f64) -> Result<usize, RedisError> {
    const SAMPLE: usize = 100;
    let overhead = usage(connection, SAMPLE)? as f64 - SAMPLE as f64;
    Ok(usize::try_from(units::whole((entry_bytes - overhead).clamp(8.0, 1e6))).unwrap_or(SAMPLE))
}

/// The memory that Redis takes for an entry with such a value.
fn usage(connection: &mut Connection, value_bytes: usize) -> Result<u64, RedisError> {
    const KEY: u32 = KEYS - 1;
    set(KEY, &vec![b'v'; value_bytes]).exec(connection)?;
    let bytes = redis::cmd("MEMORY").arg("USAGE").arg(key(KEY)).query(connection)?;
    redis::cmd("DEL").arg(key(KEY)).exec(connection)?;
    Ok(bytes)
}

fn key(id: u32) -> String {
    format!("rcache:size:1:{id:08}")
}

fn set(id: u32, value: &[u8]) -> redis::Cmd {
    let mut set = redis::cmd("SET");
    set.arg(key(id)).arg(value).arg("PX").arg(TTL_MS);
    set
}

struct Replay<'a> {
    connection: Connection,
    keys: &'a Keys,
    value: &'a [u8],
    next: u64,
    rate_per_s: f64,
}

impl Replay<'_> {
    /// Reads for so long, and returns hits and reads.
    fn run(&mut self, duration: Duration) -> Result<(u64, u64), RedisError> {
        let began = Instant::now();
        let (mut hits, mut reads) = (0, 0);
        while began.elapsed() < duration && !interrupt::requested() {
            let due = Duration::from_secs_f64(reads as f64 / self.rate_per_s);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            hits += self.batch()?;
            reads += BATCH as u64;
        }
        Ok((hits, reads))
    }

    fn batch(&mut self) -> Result<u64, RedisError> {
        let ids: Vec<u32> = (self.next..self.next + BATCH as u64)
            .map(|number| self.keys.draw(&mut Draws::new(RNG_SEED, Purpose::Replay, number)))
            .collect();
        self.next += BATCH as u64;
        let mut gets = redis::pipe();
        ids.iter().for_each(|id| {
            gets.cmd("GET").arg(key(*id));
        });
        let found: Vec<Option<Vec<u8>>> = gets.query(&mut self.connection)?;
        let mut fills = redis::pipe();
        let mut hits = 0;
        for (id, value) in ids.iter().zip(found) {
            if value.is_some() {
                hits += 1;
            } else {
                fills.add_command(set(*id, self.value)).ignore();
            }
        }
        if hits < BATCH as u64 {
            fills.exec(&mut self.connection)?;
        }
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Sandbox, Wanted};

    /// The memory as a new client finds it: what was sent to the server leaves buffers behind.
    fn used_memory(redis: &RedisEndpoint) -> u64 {
        admin::memory_used(&mut admin::open(redis, TIMEOUT, TIMEOUT).unwrap()).unwrap()
    }

    /// The difference to what is used once the tables have moved to their new places: the servers
    /// move a few entries ten times a second, and until the last of them both tables are there.
    fn difference(predicted: f64, redis: &RedisEndpoint) -> f64 {
        const PAUSE: Duration = Duration::from_millis(500);
        const PAUSES: u32 = 120;
        let mut difference = f64::MIN;
        for _ in 0..PAUSES {
            difference = predicted / used_memory(redis) as f64 - 1.0;
            if difference.abs() <= 0.03 {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        difference
    }

    /// Fills a private Redis step by step, and compares what it takes with what is predicted from
    /// one entry. Returns entries, bytes of an entry, and the difference.
    fn differences(steps: &[u32]) -> Vec<(u32, u64, f64)> {
        const BATCH: usize = 100;
        let mut differences = Vec::new();
        for value_bytes in [60, 150, 700] {
            let folder = tempfile::tempdir().unwrap();
            let wanted = Wanted { mysql: false, redis: true };
            let sandbox = Sandbox::open(folder.path(), wanted, "size", &mut |_| {}).unwrap();
            let redis = sandbox.redis().unwrap();
            let mut connection = admin::open(redis, TIMEOUT, TIMEOUT).unwrap();
            let tables = tables(&mut connection).unwrap();
            let value = vec![b'v'; value_bytes];
            let entry_bytes = usage(&mut connection, value_bytes).unwrap();
            let mut there = 0;
            for entries in steps {
                let ids: Vec<u32> = (there..*entries).collect();
                for ids in ids.chunks(BATCH) {
                    let mut fills = redis::pipe();
                    for id in ids {
                        fills.add_command(set(*id, &value)).ignore();
                    }
                    fills.exec(&mut connection).unwrap();
                }
                there = *entries;
                let predicted = Memory { entry_bytes: entry_bytes as f64, tables }.bytes(f64::from(there));
                differences.push((there, entry_bytes, difference(predicted, redis)));
            }
            sandbox.stop().unwrap();
        }
        differences
    }

    fn assert_close(steps: &[u32]) {
        let differences = differences(steps);
        assert!(differences.iter().all(|(.., difference)| difference.abs() <= 0.03), "{differences:?}");
    }

    #[test]
    fn the_memory_of_entries_is_predicted() {
        assert_close(&[1_000, 10_000, 50_000]);
    }

    #[test]
    #[ignore = "takes some minutes"]
    fn the_memory_of_many_entries_is_predicted() {
        assert_close(&[100_000, 300_000, 1_000_000]);
    }
}
