//! One load per key, for loads of any length, whatever the loaders do; on a Redis of its own.

use std::convert::Infallible;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::private_redis::PrivateRedis;
use crate::{Cache, Key, Options};

/// For whatever must happen, on the slowest machine.
const PATIENT: Duration = Duration::from_secs(60);

fn options() -> Options {
    Options::default()
        .connect_timeout(PATIENT)
        .reply_timeout(PATIENT)
        .longest_load(PATIENT)
        .load_wait(PATIENT)
        .early_refresh(0.0)
}

fn cache(redis: &PrivateRedis, options: Options) -> Cache {
    Cache::at(redis.endpoint(), options).unwrap()
}

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn load(value: &str) -> Result<Option<String>, Infallible> {
    Ok(Some(value.to_owned()))
}

/// Threads that read one key at the same moment; how often it was loaded.
fn stampede(cache: &Cache, threads: usize, takes: Duration) -> u32 {
    let (loads, start) = (AtomicU32::new(0), Barrier::new(threads));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                let answer = cache.get(&key(1), || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    thread::sleep(takes);
                    load("once")
                });
                assert_eq!(answer.unwrap().as_deref(), Some("once"));
            });
        }
    });
    loads.into_inner()
}

#[test]
fn a_load_of_any_length_is_the_only_one_and_is_kept() {
    let redis = PrivateRedis::start();
    // Shorter and longer than a waiter's patience with other processes, and several times as long
    // as a lease lives.
    for (takes, renews) in [(ms(50), false), (ms(500), false), (ms(3000), true)] {
        let cache = cache(&redis, options().lease(ms(1000)).lease_wait(ms(200)));
        assert_eq!(stampede(&cache, 100, takes), 1, "{takes:?}");
        let stats = cache.stats();
        assert_eq!((stats.fills, stats.bypasses), (1, 0), "{stats:?}");
        assert!(!renews || stats.renewals > 0, "{stats:?}");
        cache.invalidate(&key(1)).unwrap();
    }
}

#[test]
fn a_lease_is_not_renewed_for_ever() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis, options().lease(ms(100)).longest_load(ms(300)));
    let slow = cache.get(&key(1), || {
        thread::sleep(ms(1500));
        load("slow")
    });
    assert_eq!(slow.unwrap().as_deref(), Some("slow"));
    assert_eq!((cache.stats().fills, cache.stats().fills_skipped), (0, 1));
}

/// Another process is at the same load, and takes longer than one waits for it.
#[test]
fn reads_that_give_up_on_another_process_share_their_own_load() {
    let redis = PrivateRedis::start();
    let (first, second) = (cache(&redis, options()), cache(&redis, options().lease_wait(ms(50))));
    let (begun, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let loads = thread::scope(|scope| {
        scope.spawn(|| {
            let wait = || {
                begun.store(true, Ordering::SeqCst);
                while !over.load(Ordering::SeqCst) {
                    thread::sleep(ms(1));
                }
                load("once")
            };
            first.get(&key(1), wait).unwrap();
        });
        while !begun.load(Ordering::SeqCst) {
            thread::sleep(ms(1));
        }
        let loads = stampede(&second, 100, ms(20));
        over.store(true, Ordering::SeqCst);
        loads
    });
    // One each for those that came before it and those that came while it ran, and a few for
    // stragglers.
    assert!((1..=10).contains(&loads), "{loads} loads");
    assert!(second.stats().joined >= 90, "{:?}", second.stats());
}

#[test]
fn readers_of_a_key_that_is_being_written_take_turns() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis, options().marker(PATIENT));
    let (loads, commits) = (AtomicU32::new(0), AtomicBool::new(true));
    let guard = cache.mark(&[&key(1)]).unwrap();
    let started = Instant::now();
    let took = thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                while commits.load(Ordering::SeqCst) {
                    let answer = cache.get(&key(1), || {
                        loads.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(ms(20));
                        load("value")
                    });
                    assert_eq!(answer.unwrap().as_deref(), Some("value"));
                }
            });
        }
        thread::sleep(ms(1000));
        commits.store(false, Ordering::SeqCst);
        started.elapsed()
    });
    guard.finish().unwrap();
    // They run one after the other: each takes 20 ms at least.
    let most = u32::try_from(took.as_millis() / 20).unwrap() + 2;
    let loads = loads.into_inner();
    assert!(loads <= most, "{loads} loads in {took:?}");
    assert!(cache.stats().joined > u64::from(loads), "{:?}", cache.stats());
}

#[test]
fn a_loader_whose_own_threads_read_through_the_cache_does_not_hang() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis, options().max_loads(1).load_wait(ms(50)));
    let outer = cache.get(&key(1), || {
        let inner =
            thread::scope(|scope| scope.spawn(|| cache.get(&key(2), || load("inner"))).join().unwrap())?;
        load(&format!("outer of {}", inner.unwrap_or_default()))
    });
    assert_eq!(outer.unwrap().as_deref(), Some("outer of inner"));
    assert_eq!(cache.stats().loads_beside, 1);
}

#[test]
fn a_loader_that_reads_its_own_key_or_another_loader_s_does_not_hang() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis, options().lease_wait(ms(100)));
    let outer = cache.get(&key(1), || {
        let inner = cache.get(&key(1), || load("itself"))?;
        load(&format!("outer of {}", inner.unwrap_or_default()))
    });
    assert_eq!(outer.unwrap().as_deref(), Some("outer of itself"));
    // Two loaders that each read what the other one loads.
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for (mine, other) in [(2, 3), (3, 2)] {
            let (cache, both) = (&cache, &both);
            scope.spawn(move || {
                let answer = cache.get(&key(mine), || {
                    both.wait();
                    cache.get(&key(other), || load("inner"))
                });
                assert_eq!(answer.unwrap().as_deref(), Some("inner"));
            });
        }
    });
}

#[test]
fn no_read_waits_longer_than_its_options_say() {
    let redis = PrivateRedis::start();
    let (lease_wait, marker_wait, longest_load, load_wait) = (ms(100), ms(50), ms(300), ms(200));
    let options = options()
        .lease_wait(lease_wait)
        .marker_wait(marker_wait)
        .longest_load(longest_load)
        .load_wait(load_wait)
        .max_loads(1);
    let cache = cache(&redis, options);
    let release = AtomicBool::new(false);
    let bound = lease_wait + marker_wait + longest_load + load_wait;
    thread::scope(|scope| {
        let hang = |id| {
            let (cache, release) = (&cache, &release);
            move || {
                cache.get(&key(id), || {
                    while !release.load(Ordering::SeqCst) {
                        thread::sleep(ms(1));
                    }
                    load("at last")
                })
            }
        };
        // One hangs in the only place, another one beside it.
        scope.spawn(hang(1));
        scope.spawn(hang(2));
        while cache.stats().loads < 2 {
            thread::sleep(ms(1));
        }
        let readers: Vec<_> = (0..20)
            .map(|number| {
                let cache = &cache;
                scope.spawn(move || {
                    let started = Instant::now();
                    let answer = cache.get(&key(1 + number % 2), || load("at once"));
                    assert_eq!(answer.unwrap().as_deref(), Some("at once"));
                    started.elapsed()
                })
            })
            .collect();
        let slowest = readers.into_iter().map(|reader| reader.join().unwrap()).max().unwrap();
        release.store(true, Ordering::SeqCst);
        // And what a machine that is busy adds.
        assert!(slowest < bound + Duration::from_secs(5), "{slowest:?}");
    });
}
