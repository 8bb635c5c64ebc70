//! Readers and writers while everything around them goes wrong: no read is stale, no value is
//! wrong.
//!
//! A row is a version. A writer raises the row's floor once its write has returned; a reader looks
//! at the floor before it reads, and what it reads may not be older. The text of a value says its
//! row and version. Redis is stopped, filled, flushed and made to evict; connections are killed,
//! forgotten and slowed down; entries are damaged and swapped; loaders fail.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::middlebox::Middlebox;
use crate::private_redis::PrivateRedis;
use crate::{Cache, CallOptions, Key, KeyError, Options, Stats};

const ROWS: u64 = 24;
/// The longest time to live, its grace, and a lease before it, with room for a slow machine.
const LONGEST_STALE: Duration = Duration::from_secs(20);

struct Row {
    version: AtomicU64,
    floor: AtomicU64,
    written_at: Mutex<Instant>,
    /// One writer at a time, as the database's lock has it.
    lock: Mutex<()>,
}

pub(crate) struct World {
    rows: Vec<Row>,
    /// A failover may lose writes that were acknowledged: their stale reads are counted.
    loses_writes: bool,
    pub(crate) stale: AtomicU64,
    is_over: AtomicBool,
    pub(crate) reads: AtomicU64,
    failed: AtomicU64,
    writes: AtomicU64,
    refused: AtomicU64,
    disturbances: AtomicU64,
}

fn key(id: &u64) -> Result<Key, KeyError> {
    Key::new("row", 1, id)
}

/// A whole number below this.
pub(crate) fn draw(below: u64) -> u64 {
    rand::random::<u64>() % below
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World {
    pub(crate) fn new(loses_writes: bool) -> Self {
        let row = |_| Row {
            version: AtomicU64::new(1),
            floor: AtomicU64::new(1),
            written_at: Mutex::new(Instant::now()),
            lock: Mutex::new(()),
        };
        Self {
            rows: (0..ROWS).map(row).collect(),
            loses_writes,
            stale: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            disturbances: AtomicU64::new(0),
        }
    }

    fn row(&self, id: u64) -> &Row {
        &self.rows[usize::try_from(id).unwrap()]
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn select(&self, id: u64) -> String {
        let version = self.row(id).version.load(Ordering::SeqCst);
        if draw(10) == 0 {
            thread::sleep(ms(draw(8)));
        }
        format!("row {id} version {version}")
    }

    fn check(&self, id: u64, floor: u64, value: Option<&String>) {
        let value = value.unwrap_or_else(|| panic!("row {id} is missing"));
        let version =
            value.strip_prefix(&format!("row {id} version ")).and_then(|rest| rest.parse::<u64>().ok());
        let version = version.unwrap_or_else(|| panic!("a wrong value of row {id}: {value}"));
        if version < floor {
            assert!(
                self.loses_writes,
                "a stale read of row {id}: version {version}, and {floor} was written"
            );
            let age = self.row(id).written_at.lock().unwrap().elapsed();
            assert!(age < LONGEST_STALE, "row {id} is stale after {age:?}");
            add(&self.stale);
        }
        add(&self.reads);
    }

    fn read_one(&self, cache: &Cache) {
        let id = draw(ROWS);
        let floor = self.row(id).floor.load(Ordering::SeqCst);
        let call = CallOptions::default().ttl(ms(1 + draw(2000)));
        let load = || if draw(50) == 0 { Err(()) } else { Ok(Some(self.select(id))) };
        match cache.get_with(&key(&id).unwrap(), &call, load) {
            Ok(value) => self.check(id, floor, value.as_ref()),
            Err(()) => add(&self.failed),
        }
    }

    fn read_many(&self, cache: &Cache) {
        let ids: Vec<u64> = (0..1 + draw(12)).map(|_| draw(ROWS)).collect();
        let floors: Vec<u64> = ids.iter().map(|id| self.row(*id).floor.load(Ordering::SeqCst)).collect();
        let load = |missing: &[u64]| {
            let rows: HashMap<u64, String> = missing.iter().map(|id| (*id, self.select(*id))).collect();
            if draw(50) == 0 { Err(()) } else { Ok(rows) }
        };
        match cache.get_many(&ids, key, load) {
            Ok(seen) => ids.iter().zip(floors).for_each(|(id, floor)| self.check(*id, floor, seen.get(id))),
            Err(()) => add(&self.failed),
        }
    }

    fn write(&self, cache: &Cache) {
        let id = draw(ROWS);
        let (row, key) = (self.row(id), key(&id).unwrap());
        let _lock = row.lock.lock().unwrap();
        let next = row.version.load(Ordering::SeqCst) + 1;
        let is_told = if draw(2) == 0 {
            let Ok(guard) = cache.mark(&[&key]) else {
                return add(&self.refused);
            };
            if draw(4) == 0 {
                thread::sleep(ms(draw(20)));
            }
            row.version.store(next, Ordering::SeqCst);
            match draw(20) {
                // The writer dies: no reader was promised this version yet.
                0 => {
                    drop(guard);
                    false
                }
                _ => guard.finish().is_ok(),
            }
        } else {
            row.version.store(next, Ordering::SeqCst);
            false
        };
        // What was not told is told until it is.
        while !is_told && cache.invalidate(&key).is_err() {
            if self.is_over() {
                return;
            }
            thread::sleep(ms(5));
        }
        *row.written_at.lock().unwrap() = Instant::now();
        row.floor.store(next, Ordering::SeqCst);
        add(&self.writes);
    }

    fn disturb(&self, redis: &PrivateRedis, middlebox: &Middlebox) {
        let name = |id: u64| format!("cache:{}", key(&id).unwrap());
        match draw(14) {
            0 => {
                redis.signal("STOP");
                thread::sleep(ms(draw(700)));
                redis.signal("CONT");
            }
            1 => drop(redis.say("CLIENT KILL TYPE normal")),
            2 => drop(redis.say("FLUSHALL")),
            3 => middlebox.forget(),
            4 => middlebox.delay(ms(draw(4))),
            5 => middlebox.hold("EVALSHA", ms(draw(400))),
            6 => middlebox.hold("", ms(0)),
            7 => {
                redis.say("CONFIG SET maxmemory 1");
                thread::sleep(ms(draw(300)));
                redis.say("CONFIG SET maxmemory 0");
            }
            8 => {
                redis.say("CONFIG SET maxmemory-policy allkeys-random");
                redis.say("CONFIG SET maxmemory 1");
                thread::sleep(ms(draw(50)));
                redis.say("CONFIG SET maxmemory 0");
                redis.say("CONFIG SET maxmemory-policy noeviction");
            }
            9 => drop(redis.say("SCRIPT FLUSH")),
            // Damage, but nothing that was there before: no protocol survives that.
            10 => drop(redis.say(&format!("SET {} junk", name(draw(ROWS))))),
            11 => drop(redis.say(&format!("APPEND {} x", name(draw(ROWS))))),
            12 => drop(redis.say(&format!("SETRANGE {} 40 x", name(draw(ROWS))))),
            _ => drop(redis.say(&format!("CLIENT PAUSE {} ALL", draw(400)))),
        }
    }
}

/// The caches of a storm.
pub(crate) fn options() -> Options {
    let short = Options::default().lease(ms(300)).marker(ms(400)).lease_wait(ms(100)).early_refresh(5.0);
    short.connect_timeout(ms(100)).reply_timeout(ms(100)).max_loads(6).stale_if_error(ms(3000))
}

/// Readers and writers through two caches, while `disturb` is called again and again.
pub(crate) fn storm(world: &World, caches: [&Cache; 2], lasts: Duration, mut disturb: impl FnMut()) {
    let until = Instant::now() + lasts;
    thread::scope(|scope| {
        for number in 0..8 {
            let cache = caches[number % 2];
            scope.spawn(move || {
                let _ends = Ends(world);
                while !world.is_over() {
                    match number {
                        0..3 => world.write(cache),
                        3 | 4 => world.read_many(cache),
                        _ => world.read_one(cache),
                    }
                    if number < 3 {
                        thread::sleep(ms(draw(10)));
                    }
                }
            });
        }
        let _ends = Ends(world);
        while Instant::now() < until && !world.is_over() {
            add(&world.disturbances);
            disturb();
        }
        world.is_over.store(true, Ordering::SeqCst);
    });
    report(world, &[caches[0].stats(), caches[1].stats()], lasts);
}

fn run(lasts: Duration) {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let direct = Cache::at(redis.endpoint(), options()).unwrap();
    let boxed = Cache::at(middlebox.endpoint(), options().stale_if_error(Duration::ZERO)).unwrap();
    let world = World::new(false);
    storm(&world, [&direct, &boxed], lasts, || {
        world.disturb(&redis, &middlebox);
        thread::sleep(ms(draw(300)));
    });
}

/// The first thread that fails ends all.
struct Ends<'a>(&'a World);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_over.store(true, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::print_stdout, reason = "how much was tried is part of the result")]
fn report(world: &World, stats: &[Stats], lasts: Duration) {
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let sum = |of: fn(&Stats) -> u64| stats.iter().map(of).sum::<u64>();
    println!(
        "{} s, {} disturbances: {} reads ({} failed with their loader), {} hits, {} loads, {} old values for failed \
         loads, {} writes, {} refused, {} redirects; {} stale, 0 wrong",
        lasts.as_secs(),
        count(&world.disturbances),
        count(&world.reads),
        count(&world.failed),
        sum(|stats| stats.hits),
        sum(|stats| stats.loads),
        sum(|stats| stats.stale_served),
        count(&world.writes),
        count(&world.refused),
        sum(|stats| stats.redirects),
        count(&world.stale),
    );
    println!(
        "{} Redis errors, {} fills, {} refused, {} skipped, {} orphans removed, {} markers lost, breaker opened {} times",
        sum(|stats| stats.redis_errors),
        sum(|stats| stats.fills),
        sum(|stats| stats.fills_refused),
        sum(|stats| stats.fills_skipped),
        sum(|stats| stats.orphans_removed),
        sum(|stats| stats.markers_lost),
        sum(|stats| stats.breaker_opened),
    );
    assert!(count(&world.reads) > 100 && count(&world.writes) > 10 && sum(|stats| stats.hits) > 10);
}

#[test]
fn no_read_is_stale_while_everything_goes_wrong() {
    run(Duration::from_secs(3));
}

/// `scripts/chaos` runs this.
#[test]
#[ignore = "minutes: RCACHE_CHAOS_SECONDS, 600 by default"]
fn no_read_is_stale_for_long() {
    let seconds = std::env::var("RCACHE_CHAOS_SECONDS").map_or(600, |seconds| seconds.parse().unwrap());
    run(Duration::from_secs(seconds));
}
