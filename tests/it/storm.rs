//! Readers and writers on a few rows through several caches, all at once, with every answer held
//! against what it may be.
//!
//! The rows stand for a database: a load is a snapshot from when it began and takes a while, as a
//! SELECT does. A row's payload follows from its id and its version, so a wrong answer cannot look
//! right. What a read may return is known exactly: nothing older than the *floor* that stood when
//! it began, nothing newer than what is committed when it ends.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cache_aside::{Cache, Key, Options, StaleError, Stats, WriteGuard};
use serde::{Deserialize, Serialize};

use crate::private_redis::PATIENT;
use crate::proxy::Luck;
use crate::world;

/// Few, so that readers and writers meet.
pub(crate) const ROWS: u32 = 6;
const PROCESSES: usize = 3;
const READERS_EACH: usize = 2;
/// A writer that has not come to its COMMIT by half of this rolls back, so no marker expires before
/// a COMMIT.
const MARKER: Duration = Duration::from_secs(10);
/// Writers die with these alone in their hands: their markers keep them uncached for long, and the
/// others shall be cached.
const DEADLY_ROWS: u32 = 2;

/// From when on reads must see a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// From its COMMIT on, and reads never go back, whatever becomes of the writer: all writes are
    /// crash-safe and Redis loses no marker.
    Committed,
    /// From when `finish` or `invalidate` returned without an error. That holds also where Redis
    /// loses all it has, and where simple and crash-safe writers write the same rows.
    Returned,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u32,
    version: u64,
    payload: String,
}

impl Row {
    /// Some are long enough to be sent in several pieces.
    fn of(id: u32, version: u64) -> Self {
        let times = if version.is_multiple_of(5) { 6_000 } else { 3 };
        Self { id, version, payload: format!("<{id}/{version}>").repeat(times) }
    }
}

/// Some versions are that the row does not exist.
fn is_deleted(version: u64) -> bool {
    version % 4 == 3
}

#[derive(Default)]
struct Stored {
    /// Held by a writer from its statements to its COMMIT, as InnoDB does.
    lock: Mutex<()>,
    committed: AtomicU64,
    floor: AtomicU64,
}

/// The state that all threads share.
pub(crate) struct Storm {
    rows: Vec<Stored>,
    caches: Vec<Cache>,
    promise: Promise,
    seed: u64,
    is_over: AtomicBool,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
}

impl Storm {
    /// Over as many caches that share nothing but the Redis at this URL.
    pub(crate) fn new(url: &str, promise: Promise, seed: u64) -> Self {
        let options = Options::default()
            .marker(MARKER)
            .lease(Duration::from_millis(500))
            .lease_wait(Duration::from_millis(200))
            .ttl(Duration::from_secs(2))
            .early_refresh(20.0);
        Self {
            rows: (0..ROWS).map(|_| Stored::default()).collect(),
            caches: (0..PROCESSES).map(|_| Cache::connect(url, options.clone()).unwrap()).collect(),
            promise,
            seed,
            is_over: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    /// Reads and writes on several threads while `trouble` runs, and until all of this is true of
    /// what was counted.
    pub(crate) fn rage(&self, trouble: impl FnOnce(), mut is_enough: impl FnMut(&Stats) -> bool) {
        self.is_over.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            let _end = EndOf(&self.is_over);
            for number in 0..PROCESSES * READERS_EACH {
                let luck = Luck::new(self.seed ^ ((number as u64) << 32));
                scope.spawn(move || self.until_over(|luck| self.read(number % PROCESSES, luck), luck));
            }
            for number in 0..PROCESSES {
                let luck = Luck::new(self.seed ^ ((100 + number as u64) << 32));
                scope.spawn(move || self.until_over(|luck| self.write(number, luck), luck));
            }
            trouble();
            world::wait_until("the storm has met enough", || {
                is_enough(&self.stats()) || self.is_over.load(Ordering::Relaxed)
            });
        });
    }

    fn until_over(&self, mut act: impl FnMut(&mut Luck), mut luck: Luck) {
        // One that fails ends the others too.
        let _end = EndOf(&self.is_over);
        while !self.is_over.load(Ordering::Relaxed) {
            act(&mut luck);
        }
    }

    fn read(&self, process: usize, luck: &mut Luck) {
        let id = u32::try_from(luck.below(ROWS.into())).unwrap();
        let slowness = Duration::from_micros(luck.below(3_000));
        self.check(process, id, slowness);
        self.reads.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_micros(luck.below(300)));
    }

    /// One read, held against what it may be.
    fn check(&self, process: usize, id: u32, slowness: Duration) {
        let stored = &self.rows[id as usize];
        let floor = stored.floor.load(Ordering::SeqCst);
        let started = Instant::now();
        let answer = self.caches[process].get(&key(id), || self.load(id, slowness)).unwrap();
        assert!(started.elapsed() < PATIENT, "a read took {:?}", started.elapsed());
        let ceiling = stored.committed.load(Ordering::SeqCst);
        match answer {
            Some(row) => {
                assert_eq!(row, Row::of(id, row.version), "a wrong answer");
                assert!(row.version >= floor, "stale: row {id} at {} below {floor}", row.version);
                assert!(row.version <= ceiling, "row {id} at {} above {ceiling}", row.version);
                if self.promise == Promise::Committed {
                    stored.floor.fetch_max(row.version, Ordering::SeqCst);
                }
            }
            None => assert!(
                (floor..=ceiling).any(is_deleted),
                "stale: row {id} is missing, and was there from {floor} to {ceiling}"
            ),
        }
    }

    fn load(&self, id: u32, slowness: Duration) -> Result<Option<Row>, Infallible> {
        let version = self.rows[id as usize].committed.load(Ordering::SeqCst);
        thread::sleep(slowness);
        Ok((!is_deleted(version)).then(|| Row::of(id, version)))
    }

    /// A write of one row or of two, as one transaction.
    fn write(&self, process: usize, luck: &mut Luck) {
        let first = luck.below(ROWS.into());
        let second = luck.below(ROWS.into());
        // Locked in one order, so that no two writers wait for each other.
        let mut ids = vec![first.min(second), first.max(second)];
        ids.dedup();
        let ids: Vec<u32> = ids.into_iter().map(|id| u32::try_from(id).unwrap()).collect();
        let cache = &self.caches[process];
        if self.promise == Promise::Committed || luck.one_in(2) {
            self.write_safely(cache, &ids, luck);
        } else {
            self.write_simply(cache, &ids);
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(luck.below(15)));
    }

    fn write_simply(&self, cache: &Cache, ids: &[u32]) {
        let versions = self.commit(&self.locked(ids), ids);
        for (&id, version) in ids.iter().zip(versions) {
            if cache.invalidate(&key(id)).is_ok() {
                self.raise(id, version);
            }
        }
    }

    fn write_safely(&self, cache: &Cache, ids: &[u32], luck: &mut Luck) {
        let keys: Vec<Key> = ids.iter().map(|id| key(*id)).collect();
        let locked = self.locked(ids);
        let started = Instant::now();
        // Refused: nothing is committed.
        let Ok(guard) = cache.mark(&keys.iter().collect::<Vec<_>>()) else { return };
        thread::sleep(Duration::from_micros(luck.below(2_000)));
        if luck.one_in(20) || started.elapsed() > MARKER / 2 {
            return finished(guard, &mut |_| ()); // a rollback
        }
        let versions = self.commit(&locked, ids);
        if self.promise == Promise::Committed {
            ids.iter().zip(&versions).for_each(|(id, version)| self.raise(*id, *version));
        }
        drop(locked);
        if luck.one_in(5) && ids.iter().all(|id| *id < DEADLY_ROWS) {
            return; // the writer dies
        }
        finished(guard, &mut |untold| {
            for (id, version) in ids.iter().zip(&versions) {
                if !untold.contains(&key(*id)) {
                    self.raise(*id, *version);
                }
            }
        });
    }

    fn locked(&self, ids: &[u32]) -> Vec<MutexGuard<'_, ()>> {
        let lock = |id: &u32| self.rows[*id as usize].lock.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().map(lock).collect()
    }

    /// Who holds the locks of the rows may write them.
    fn commit(&self, _locked: &[MutexGuard<'_, ()>], ids: &[u32]) -> Vec<u64> {
        ids.iter().map(|id| self.rows[*id as usize].committed.fetch_add(1, Ordering::SeqCst) + 1).collect()
    }

    fn raise(&self, id: u32, version: u64) {
        self.rows[id as usize].floor.fetch_max(version, Ordering::SeqCst);
    }

    /// The counts of all caches together.
    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for stats in self.caches.iter().map(Cache::stats) {
            sum.hits += stats.hits;
            sum.negative += stats.negative;
            sum.loads += stats.loads;
            sum.fills += stats.fills;
            sum.fills_refused += stats.fills_refused;
            sum.fills_skipped += stats.fills_skipped;
            sum.early_refreshes += stats.early_refreshes;
            sum.waits += stats.waits;
            sum.corrupt += stats.corrupt;
            sum.redis_errors += stats.redis_errors;
            sum.breaker_opened += stats.breaker_opened;
        }
        sum
    }

    /// After the trouble: each cache answers each row from Redis again, save those that a lost
    /// writer's marker keeps uncached, and rows that nobody wrote are cached anew.
    pub(crate) fn calms_down(&self, redis: &mut redis::Connection) {
        for (process, cache) in self.caches.iter().enumerate() {
            for id in 0..ROWS {
                world::wait_until("a row is cached again", || {
                    let stats = cache.stats();
                    self.check(process, id, Duration::ZERO);
                    let after = cache.stats();
                    after.hits + after.negative > stats.hits + stats.negative || is_marked(redis, id)
                });
            }
            let fresh = Key::new("fresh", 1, process).unwrap();
            world::wait_until("a new row is cached", || {
                let fills = cache.stats().fills;
                let answer: Result<_, Infallible> = cache.get(&fresh, || Ok(Some(1_u8)));
                assert_eq!(answer, Ok(Some(1)));
                cache.stats().fills > fills
            });
        }
    }
}

/// Hands the keys over of which Redis could not be told.
fn finished(guard: WriteGuard, told: &mut dyn FnMut(&[Key])) {
    match guard.finish() {
        Ok(_) => told(&[]),
        Err(error) => {
            let error: StaleError = error;
            assert!(error.is_marked(), "the marker stands: {error}");
            told(error.keys());
        }
    }
}

fn key(id: u32) -> Key {
    Key::new("row", 1, id).unwrap()
}

/// The key of a row as it stands in Redis.
pub(crate) fn raw(id: u64) -> String {
    format!("cache:row:1:{id}")
}

fn is_marked(redis: &mut redis::Connection, id: u32) -> bool {
    let standing: redis::RedisResult<Vec<u8>> = redis::cmd("GET").arg(raw(id.into())).query(redis);
    standing.is_ok_and(|bytes| bytes.starts_with(b"rcae\x01\x04"))
}

/// Ends the storm when it is dropped, also by a panic.
struct EndOf<'a>(&'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
