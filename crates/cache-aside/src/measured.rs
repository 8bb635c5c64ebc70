//! The cost of trouble: the table of `docs/performance.md`. `scripts/trouble` prints it. Figures,
//! not a test.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::middlebox::{Middlebox, connect};
use crate::private_redis::PrivateRedis;
use crate::{Cache, Key, Options};

const PATIENT: Duration = Duration::from_secs(60);

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn value() -> Result<Option<String>, Infallible> {
    Ok(Some("x".repeat(100)))
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn row(what: &str, figure: impl Display) {
    println!("| {what} | {figure} |");
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[test]
#[ignore = "minutes: `scripts/trouble` runs it"]
fn table() {
    row("what", "figure");
    row("---", "---");
    hit_and_get();
    for threads in [1, 4, 16, 64, 200, 500] {
        hits(threads);
        bare_gets(threads);
    }
    for idle in [12, 64] {
        lost_connections(idle);
    }
    for takes in [300, 1500, 6000] {
        stampede(ms(takes));
    }
    commit();
    stall(ms(70));
    stall(Duration::from_secs(20));
    demotion();
    many_keys();
    overlapping_pages();
}

/// A hit through the library, and a bare GET of the same key on one connection, by turns.
fn hit_and_get() {
    const BLOCK: u32 = 200;
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), Options::default()).unwrap();
    let key = key(1);
    let name = format!("cache:{key}");
    let (mut connection, mut bytes) = (connect(&redis.endpoint()), Vec::new());
    let mut hit = || {
        let seen: Result<Option<String>, Infallible> = cache.get(&key, value);
        assert_eq!(seen.unwrap().map(|value| value.len()), Some(100));
    };
    let mut get = || assert!(connection.get(name.as_bytes(), &mut bytes, &mut |_| ()).unwrap());
    hit();
    let time = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        (0..BLOCK).for_each(|_| work());
        started.elapsed().as_secs_f64()
    };
    let mut ratios = Vec::new();
    for block in 0..600 {
        // Neighbours in time, in both orders.
        let (hits, gets) = if block % 2 == 0 {
            let hits = time(&mut hit);
            (hits, time(&mut get))
        } else {
            let gets = time(&mut get);
            (time(&mut hit), gets)
        };
        ratios.push(hits / gets);
    }
    ratios.sort_by(f64::total_cmp);
    let at = |share: usize| ratios[ratios.len() * share / 100];
    let figure = format!("{:.3} × (half of the blocks between {:.3} and {:.3})", at(50), at(25), at(75));
    row("a hit of 100 bytes as JSON, compared with a bare GET", figure);
}

fn hits(threads: usize) {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), Options::default()).unwrap();
    cache.get(&key(1), value).unwrap();
    let (hits, is_over, start) = (AtomicU64::new(0), AtomicBool::new(false), Barrier::new(threads + 1));
    let took = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // Its connection is there before the clock runs.
                cache.get(&key(1), value).unwrap();
                start.wait();
                while !is_over.load(Ordering::Relaxed) {
                    cache.get(&key(1), value).unwrap();
                    hits.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        start.wait();
        let started = Instant::now();
        thread::sleep(Duration::from_secs(2));
        is_over.store(true, Ordering::Relaxed);
        started.elapsed()
    });
    let stats = cache.stats();
    let rate = f64::from(u32::try_from(hits.into_inner()).unwrap()) / took.as_secs_f64();
    let figure = format!("{rate:.0}/s, {} connections, {} loads", stats.connections_opened, stats.loads - 1);
    row(&format!("hits of {threads} threads on one key"), figure);
}

/// The rate of the same number of threads without a cache, each on a connection of its own.
fn bare_gets(threads: usize) {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), Options::default()).unwrap();
    cache.get(&key(1), value).unwrap();
    let name = format!("cache:{}", key(1));
    let (gets, is_over, start) = (AtomicU64::new(0), AtomicBool::new(false), Barrier::new(threads + 1));
    let took = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (mut connection, mut bytes) = (connect(&redis.endpoint()), Vec::new());
                start.wait();
                while !is_over.load(Ordering::Relaxed) {
                    assert!(connection.get(name.as_bytes(), &mut bytes, &mut |_| ()).unwrap());
                    gets.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        start.wait();
        let started = Instant::now();
        thread::sleep(Duration::from_secs(2));
        is_over.store(true, Ordering::Relaxed);
        started.elapsed()
    });
    let rate = f64::from(u32::try_from(gets.into_inner()).unwrap()) / took.as_secs_f64();
    row(&format!("bare GETs of {threads} threads on one key"), format!("{rate:.0}/s"));
}

/// Opens that number of connections, all idle.
fn open(cache: &Cache, middlebox: &Middlebox, connections: usize) {
    middlebox.hold("GET", ms(100));
    let start = Barrier::new(connections);
    while middlebox.connections() < connections {
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    start.wait();
                    cache.get(&key(1), value).unwrap();
                });
            }
        });
    }
    middlebox.hold("", ms(0));
}

fn lost_connections(idle: usize) {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = Cache::at(middlebox.endpoint(), Options::default().connect_timeout(PATIENT)).unwrap();
    cache.get(&key(1), value).unwrap();
    open(&cache, &middlebox, idle);
    let made = middlebox.connections();
    thread::sleep(ms(1200));
    middlebox.forget();
    let (started, before) = (Instant::now(), cache.stats());
    let mut reads = 0;
    while cache.stats().hits == before.hits {
        cache.get(&key(1), value).unwrap();
        reads += 1;
    }
    let first = milliseconds(started.elapsed());
    let loads = cache.stats().loads - before.loads;
    let figure = format!("{first} ({made} connections, {reads} reads, {loads} loads)");
    row(&format!("first hit after {idle} idle connections were lost in silence"), figure);
}

fn stampede(takes: Duration) {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), Options::default()).unwrap();
    let (loads, start, slowest) = (AtomicU32::new(0), Barrier::new(200), Mutex::new(Duration::ZERO));
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                start.wait();
                let started = Instant::now();
                let load = || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    thread::sleep(takes);
                    value()
                };
                cache.get(&key(1), load).unwrap();
                let mut slowest = slowest.lock().unwrap();
                *slowest = slowest.max(started.elapsed());
            });
        }
    });
    let figure =
        format!("{}; slowest read {}", loads.into_inner(), milliseconds(slowest.into_inner().unwrap()));
    row(&format!("loads of 200 threads on one key that loads for {} s", takes.as_secs_f64()), figure);
}

fn commit() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), Options::default()).unwrap();
    let (loads, reads, is_over) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let guard = cache.mark(&[&key(1)]).unwrap();
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let load = || {
                        loads.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(ms(20));
                        value()
                    };
                    cache.get(&key(1), load).unwrap();
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(Duration::from_secs(2));
        is_over.store(true, Ordering::Relaxed);
    });
    guard.finish().unwrap();
    let figure = format!("{} for {} reads", loads.into_inner(), reads.into_inner());
    row("loads of 20 ms of one key during a COMMIT of 2 s with 100 readers", figure);
}

/// Redis stands still for so long, with 16 readers.
fn stall(lasts: Duration) {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), Options::default()).unwrap();
    cache.get(&key(1), value).unwrap();
    let is_over = AtomicBool::new(false);
    let (first, loads) = thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let load = || {
                        thread::sleep(ms(1));
                        value()
                    };
                    cache.get(&key(1), load).unwrap();
                }
            });
        }
        thread::sleep(ms(300));
        let loads = cache.stats().loads;
        redis.signal("STOP");
        thread::sleep(lasts);
        let hits = cache.stats().hits;
        redis.signal("CONT");
        let started = Instant::now();
        while cache.stats().hits == hits {
            thread::sleep(Duration::from_micros(100));
        }
        let first = started.elapsed();
        thread::sleep(ms(1500));
        is_over.store(true, Ordering::Relaxed);
        (first, cache.stats().loads - loads)
    });
    let figure = format!("{} ({loads} loads of 1 ms by 16 readers)", milliseconds(first));
    row(&format!("first hit after Redis stood still for {} s", lasts.as_secs_f64()), figure);
}

/// The name leads to another primary; the old one closes no connection and has become a replica.
fn demotion() {
    let (old, new) = (PrivateRedis::start(), PrivateRedis::start());
    let middlebox = Middlebox::start(&old.socket());
    let cache =
        Cache::at(middlebox.endpoint(), Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT))
            .unwrap();
    let (version, floor) = (AtomicU32::new(0), AtomicU32::new(0));
    let (stale, late_stale, reads, is_over) =
        (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let reached = Mutex::new(None::<Instant>);
    let (mut refused, mut late_refused, mut writes) = (0, 0, 0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let least = floor.load(Ordering::SeqCst);
                    let seen =
                        cache.get(&key(1), || Ok::<_, Infallible>(Some(version.load(Ordering::SeqCst))));
                    reads.fetch_add(1, Ordering::Relaxed);
                    if seen.unwrap() < Some(least) {
                        stale.fetch_add(1, Ordering::Relaxed);
                        if reached.lock().unwrap().is_some_and(|at| at.elapsed() > ms(1100)) {
                            late_stale.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(6) {
            if started.elapsed() > Duration::from_secs(2) && reached.lock().unwrap().is_none() {
                old.say("REPLICAOF 127.0.0.1 1");
                middlebox.lead_to(&new.socket());
                *reached.lock().unwrap() = Some(Instant::now());
            }
            writes += 1;
            match cache.mark(&[&key(1)]) {
                Ok(guard) => {
                    let next = version.fetch_add(1, Ordering::SeqCst) + 1;
                    if guard.finish().is_ok() {
                        floor.store(next, Ordering::SeqCst);
                    }
                }
                Err(_) => {
                    refused += 1;
                    late_refused += u32::from(started.elapsed() > Duration::from_secs(3));
                }
            }
            thread::sleep(ms(5));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let figure = format!(
        "{refused} of {writes} marks refused ({late_refused} later than 1 s); {} of {} reads stale ({} later than 1.1 s)",
        stale.into_inner(),
        reads.into_inner(),
        late_stale.into_inner()
    );
    row("a demotion behind a name, 8 readers and a writer", figure);
}

/// A page of many keys over a link of 3 ms.
fn many_keys() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache =
        Cache::at(middlebox.endpoint(), Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT))
            .unwrap();
    let ids: Vec<u32> = (0..1000).collect();
    let rows = |ids: &[u32]| Ok::<_, Infallible>(ids.iter().map(|id| (*id, *id)).collect::<Vec<_>>());
    let many_key = |id: &u32| Key::new("many", 1, id);
    cache.get_many(&ids[..1], many_key, rows).unwrap();
    middlebox.delay(ms(3));
    for what in ["misses", "hits"] {
        let started = Instant::now();
        cache.get_many(&ids, many_key, rows).unwrap();
        row(&format!("`get_many` of 1,000 {what} over a link of 3 ms"), milliseconds(started.elapsed()));
    }
    let keys: Vec<Key> = ids.iter().map(|id| many_key(id).unwrap()).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    let started = Instant::now();
    let guard = cache.mark(&keys).unwrap();
    row("`mark` of 1,000 keys over a link of 3 ms", milliseconds(started.elapsed()));
    let started = Instant::now();
    assert_eq!(guard.finish().unwrap().lost(), []);
    row("`finish` of 1,000 keys over a link of 3 ms", milliseconds(started.elapsed()));
}

/// Many threads read overlapping pages in both orders, while connections are lost.
fn overlapping_pages() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = Cache::at(middlebox.endpoint(), Options::default()).unwrap();
    let (slowest, rows, calls) = (Mutex::new(Duration::ZERO), AtomicU32::new(0), AtomicU32::new(0));
    let (left, start) = (AtomicU32::new(500), Barrier::new(501));
    thread::scope(|scope| {
        for number in 0..500_u32 {
            let (cache, slowest, rows, calls, left, start) = (&cache, &slowest, &rows, &calls, &left, &start);
            scope.spawn(move || {
                let mut ids: Vec<u32> = (number..number + 100).collect();
                if number % 2 == 0 {
                    ids.reverse();
                }
                start.wait();
                let started = Instant::now();
                let load = |ids: &[u32]| {
                    calls.fetch_add(1, Ordering::Relaxed);
                    rows.fetch_add(u32::try_from(ids.len()).unwrap(), Ordering::Relaxed);
                    thread::sleep(ms(50));
                    Ok::<_, Infallible>(ids.iter().map(|id| (*id, *id)).collect::<Vec<_>>())
                };
                let seen = cache.get_many(&ids, |id| Key::new("page", 1, id), load).unwrap();
                assert!(ids.iter().all(|id| seen[id] == *id));
                let mut slowest = slowest.lock().unwrap();
                *slowest = slowest.max(started.elapsed());
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        start.wait();
        while left.load(Ordering::Relaxed) > 0 {
            thread::sleep(ms(300));
            middlebox.forget();
        }
    });
    let figure = format!(
        "{} calls for {} rows; slowest read {}",
        calls.into_inner(),
        rows.into_inner(),
        milliseconds(slowest.into_inner().unwrap())
    );
    row("500 threads read pages of 100 of 599 rows at once, while connections are lost", figure);
}
