//! Reads of many keys; on a Redis of their own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::middlebox::{Middlebox, connect};
use crate::private_redis::PrivateRedis;
use crate::{Cache, CallOptions, Key, KeyError, Options, socket_calls};

/// For whatever must happen, on the slowest machine.
const PATIENT: Duration = Duration::from_secs(60);

fn options() -> Options {
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    options.longest_load(PATIENT).load_wait(PATIENT)
}

fn cache(redis: &PrivateRedis) -> Cache {
    Cache::at(redis.endpoint(), options()).unwrap()
}

fn key(id: &u32) -> Result<Key, KeyError> {
    Key::new("thing", 1, id)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

type Rows = HashMap<u32, String>;

/// Rows that do not exist are those whose number ends with 9.
fn rows(ids: &[u32]) -> Rows {
    let exists = |id: &&u32| *id % 10 != 9;
    ids.iter().filter(exists).map(|id| (*id, format!("row {id}"))).collect()
}

fn read(cache: &Cache, ids: &[u32]) -> Rows {
    cache.get_many(ids, key, |missing| Ok::<_, Infallible>(rows(missing))).unwrap()
}

fn must_not_load(ids: &[u32]) -> Result<Rows, Infallible> {
    panic!("{ids:?} are cached")
}

#[test]
fn a_thousand_ids_are_one_load_and_few_round_trips() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    let ids: Vec<u32> = (0..1000).collect();
    let (mut calls, mut asked) = (0, 0);
    let mut seen = Rows::new();
    let sent = socket_calls::during(|| {
        seen = cache
            .get_many(&ids, key, |missing| {
                (calls, asked) = (calls + 1, missing.len());
                Ok::<_, Infallible>(rows(missing))
            })
            .unwrap();
    });
    assert_eq!((calls, asked, seen), (1, 1000, rows(&ids)));
    // 8 each for the look, the leases and the fills, and a few for the connection and unknown
    // scripts.
    assert!(sent.sends <= 24 + 8, "{sent:?}");
    let sent = socket_calls::during(|| {
        let seen = cache.get_many(&ids, key, must_not_load).unwrap();
        assert_eq!(seen, rows(&ids));
    });
    assert!(sent.sends <= 8 + 1, "{sent:?}");
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.hits, stats.negative, stats.fills), (1000, 900, 100, 1000));
    assert_eq!((stats.loads, stats.bypasses, stats.redis_errors), (1, 0, 0), "{stats:?}");
    // Each of them is an entry as any other.
    assert_eq!(cache.get(&key(&7).unwrap(), || Err::<Option<String>, _>(())), Ok(Some("row 7".to_owned())));
}

#[test]
fn hits_misses_missing_rows_and_odd_ids_come_together() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    assert!(read(&cache, &[]).is_empty());
    read(&cache, &[1, 2, 9]);
    let asked = Mutex::new(Vec::new());
    let seen = cache
        .get_many(&[1, 3, 3, 9, 2, 19, 3], key, |missing| {
            asked.lock().unwrap().extend_from_slice(missing);
            // Rows that were not asked for, and not all that were.
            Ok::<_, Infallible>(rows(&[3, 77, 1]).into_iter().chain([(2, "wrong".to_owned())]))
        })
        .unwrap();
    assert_eq!(*asked.lock().unwrap(), [3, 19]);
    assert_eq!(seen, rows(&[1, 2, 3]));
    assert_eq!(read(&cache, &[77, 2]), rows(&[77, 2]));
    assert_eq!(cache.stats().misses, 6);

    // Ids that make no key are loaded with the others; ids that share a key are read.
    let loads = AtomicU32::new(0);
    let lower = |text: &String| Key::new("text", 1, text.to_lowercase());
    let texts = ["", "a", "A", "b", "aA"].map(str::to_owned);
    let load = |missing: &[String]| {
        loads.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(
            missing.iter().map(|text| (text.clone(), text.to_lowercase())).collect::<Vec<_>>(),
        )
    };
    let seen = cache.get_many(&texts, lower, load).unwrap();
    assert_eq!(seen, texts.iter().map(|text| (text.clone(), text.to_lowercase())).collect());
    assert_eq!((loads.load(Ordering::Relaxed), cache.stats().unkeyed), (1, 1));
}

#[test]
fn threads_that_read_the_same_ids_load_each_once() {
    let redis = PrivateRedis::start();
    let (first, second) = (cache(&redis), cache(&redis));
    let (loaded, start) = (Mutex::new(Vec::new()), Barrier::new(12));
    thread::scope(|scope| {
        for number in 0..12_u32 {
            // Two processes; windows that overlap, in both orders.
            let cache = if number % 2 == 0 { &first } else { &second };
            let (loaded, start) = (&loaded, &start);
            scope.spawn(move || {
                let mut ids: Vec<u32> = (number * 20..number * 20 + 200).collect();
                if number % 3 == 0 {
                    ids.reverse();
                }
                start.wait();
                let load = |missing: &[u32]| {
                    thread::sleep(ms(20));
                    loaded.lock().unwrap().extend_from_slice(missing);
                    Ok::<_, Infallible>(rows(missing))
                };
                assert_eq!(cache.get_many(&ids, key, load).unwrap(), rows(&ids));
            });
        }
    });
    let mut loaded = loaded.into_inner().unwrap();
    loaded.sort_unstable();
    assert_eq!(loaded, (0..420).collect::<Vec<u32>>());
    assert_eq!(first.stats().bypasses + second.stats().bypasses, 0);
}

#[test]
fn keys_that_are_written_are_read_and_not_cached() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    read(&cache, &[1, 2, 3]);
    let keys = [1, 2, 30].map(|id| key(&id).unwrap());
    let guard = cache.mark(&keys.each_ref()).unwrap();
    let ids: Vec<u32> = (0..40).collect();
    for _ in 0..2 {
        let asked = AtomicUsize::new(0);
        let load = |missing: &[u32]| {
            asked.fetch_add(missing.len(), Ordering::Relaxed);
            Ok::<_, Infallible>(rows(missing).into_iter())
        };
        assert_eq!(cache.get_many(&ids, key, load).unwrap(), rows(&ids));
        assert!(asked.into_inner() >= 3);
    }
    let stats = cache.stats();
    assert_eq!((stats.bypasses, stats.loads), (6, 4), "one load more for all that are marked: {stats:?}");
    guard.finish().unwrap();
    read(&cache, &ids);
    cache.get_many(&ids, key, must_not_load).unwrap();
}

#[test]
fn a_load_elsewhere_is_waited_for_and_not_for_ever() {
    let redis = PrivateRedis::start();
    let (here, there) = (cache(&redis), cache(&redis));
    let impatient = Cache::at(redis.endpoint(), options().lease_wait(ms(50))).unwrap();
    let (loading, go) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let load = |ids: &[u32]| {
                loading.store(true, Ordering::SeqCst);
                while !go.load(Ordering::SeqCst) {
                    thread::sleep(ms(1));
                }
                Ok::<_, Infallible>(rows(ids))
            };
            there.get_many(&(0..300).collect::<Vec<_>>(), key, load).unwrap();
        });
        while !loading.load(Ordering::SeqCst) {
            thread::sleep(ms(1));
        }
        let ids: Vec<u32> = (250..350).collect();
        assert_eq!(read(&impatient, &ids), rows(&ids));
        let stats = impatient.stats();
        assert_eq!((stats.loads, stats.bypasses, stats.fills), (2, 50, 50), "{stats:?}");
        go.store(true, Ordering::SeqCst);
        let ids: Vec<u32> = (0..300).collect();
        here.get_many(&ids, key, must_not_load).unwrap();
    });
}

#[test]
fn without_redis_one_load_brings_all() {
    let ids: Vec<u32> = (0..1000).collect();
    let nowhere = Cache::connect("redis://127.0.0.1:1", options()).unwrap();
    assert_eq!(read(&nowhere, &ids), rows(&ids));
    let stats = nowhere.stats();
    assert_eq!((stats.loads, stats.bypasses, stats.redis_errors), (1, 1000, 1), "{stats:?}");

    // It goes away while the load runs.
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    let redis = Mutex::new(Some(redis));
    let load = |missing: &[u32]| {
        redis.lock().unwrap().take();
        Ok::<_, Infallible>(rows(missing))
    };
    assert_eq!(cache.get_many(&ids, key, load).unwrap(), rows(&ids));
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.fills_skipped, stats.fills), (1, 1000, 0), "{stats:?}");
    assert!(stats.redis_errors <= 3, "no batch after the first that failed: {stats:?}");
    assert_eq!(read(&cache, &ids), rows(&ids));
}

#[test]
fn a_loader_that_fails_or_panics_leaves_no_lease() {
    let redis = PrivateRedis::start();
    let (cache, other) = (cache(&redis), cache(&redis));
    let ids: Vec<u32> = (0..300).collect();
    let failed = cache.get_many(&ids, key, |_| Err::<Rows, _>("no database"));
    assert_eq!(failed, Err("no database"));
    assert_eq!(redis.say("DBSIZE"), ":0");
    let panics = || cache.get_many(&ids, key, |_| -> Result<Rows, ()> { panic!("the loader") });
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(redis.say("DBSIZE"), ":0");
    assert_eq!(read(&other, &ids), rows(&ids));
    assert_eq!((other.stats().waits, other.stats().fills), (0, 300));
    // And no thread waits for a flight that has ended.
    cache.get_many(&ids, key, must_not_load).unwrap();
}

#[test]
fn leases_are_renewed_while_the_load_runs() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), options().lease(ms(500))).unwrap();
    let ids: Vec<u32> = (0..300).collect();
    let load = |missing: &[u32]| {
        thread::sleep(ms(2000));
        Ok::<_, Infallible>(rows(missing))
    };
    cache.get_many(&ids, key, load).unwrap();
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.fills_refused), (300, 0), "{stats:?}");
    assert!(stats.renewals >= 300, "{stats:?}");
}

#[test]
fn whatever_is_stored_there_the_answers_are_right() {
    let redis = PrivateRedis::start();
    let most = 100_000;
    let cache = Cache::at(redis.endpoint(), options().max_value_bytes(most)).unwrap();
    let ids: Vec<u32> = (0..300).collect();
    read(&cache, &ids);
    let mut connection = connect(&redis.endpoint());
    let name = |id: u32| format!("cache:{}", key(&id).unwrap());
    let mut set = |id: u32, value: &[u8]| {
        connection.command(&[b"SET", name(id).as_bytes(), value], &mut Vec::new()).unwrap();
    };
    set(3, b"junk");
    set(4, b"");
    set(200, &vec![b'x'; 2 * most]);
    set(201, &vec![b'x'; 2 * most]);
    let mut other = Vec::new();
    connection.command(&[b"GET", name(5).as_bytes()], &mut other).unwrap();
    connection.command(&[b"SET", name(6).as_bytes(), &other], &mut Vec::new()).unwrap();
    connection.command(&[b"DEL", name(7).as_bytes()], &mut Vec::new()).unwrap();
    connection.command(&[b"RPUSH", name(7).as_bytes(), b"x"], &mut Vec::new()).unwrap();
    cache.get(&key(&8).unwrap(), || Ok::<_, ()>(Some(1_u8))).unwrap();
    for _ in 0..2 {
        assert_eq!(read(&cache, &ids), rows(&ids));
    }
    let stats = cache.stats();
    assert_eq!((stats.corrupt, stats.fills), (6, 307), "{stats:?}");
    cache.get_many(&ids, key, must_not_load).unwrap();
}

#[test]
fn values_that_cannot_be_kept_are_given_all_the_same() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), options().max_value_bytes(200_000)).unwrap();
    let size = |id: u32| match id % 10 {
        5 => 300_000,
        6 => 150_000,
        _ => 10,
    };
    let ids: Vec<u32> = (0..40).collect();
    let load = |missing: &[u32]| {
        Ok::<_, Infallible>(missing.iter().map(|id| (*id, "x".repeat(size(*id)))).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        let seen = cache.get_many(&ids, key, load).unwrap();
        assert!(ids.iter().all(|id| seen[id].len() == size(*id)));
    }
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.fills_skipped, stats.loads), (36, 8, 2), "{stats:?}");
    let call = CallOptions::default().ttl(Duration::ZERO);
    cache.get_many_with(&[100, 101], key, &call, |ids| Ok::<_, ()>(rows(ids))).unwrap();
    assert_eq!(cache.stats().fills, 36);
    let infinite = |_: &[u32]| Ok::<_, Infallible>([(1000, f64::INFINITY), (1001, 1.0)]);
    assert_eq!(cache.get_many(&[1000, 1001], key, infinite).unwrap()[&1000], f64::INFINITY);
    assert_eq!((cache.stats().unfaithful, cache.stats().fills), (1, 37));
}

#[test]
fn a_full_redis_keeps_hits_and_takes_no_more() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    read(&cache, &[1, 2]);
    redis.say("CONFIG SET maxmemory 1");
    let ids = [1, 2, 3, 9, 4];
    for _ in 0..2 {
        assert_eq!(read(&cache, &ids), rows(&ids));
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.bypasses, stats.loads), (4, 6, 3), "{stats:?}");
    assert!(!stats.breaker_open);
}

#[test]
fn replies_that_come_twice_are_not_believed() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = Cache::at(middlebox.endpoint(), options()).unwrap();
    let ids: Vec<u32> = (0..300).collect();
    read(&cache, &ids);
    middlebox.double();
    for round in 0..40 {
        cache.invalidate(&key(&(round % 300)).unwrap()).ok();
        assert_eq!(read(&cache, &ids), rows(&ids));
    }
}

#[test]
fn a_loader_may_read_the_same_keys() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), options().lease_wait(ms(50)).max_loads(1)).unwrap();
    let ids: Vec<u32> = (0..20).collect();
    let outer = |missing: &[u32]| {
        let single = cache.get(&key(&missing[0]).unwrap(), || Ok::<_, Infallible>(Some("row".to_owned())))?;
        assert_eq!(single.as_deref(), Some("row"));
        Ok::<_, Infallible>(read(&cache, missing))
    };
    assert_eq!(cache.get_many(&ids, key, outer).unwrap(), rows(&ids));
    assert_eq!((cache.stats().loads, cache.stats().waits), (3, 1), "{:?}", cache.stats());
}

/// Writers of both kinds, readers of one and of many keys: no read that begins after a write
/// returned is stale.
#[test]
fn nothing_stale_is_read_while_many_write() {
    const IDS: u32 = 40;
    let redis = PrivateRedis::start();
    let (first, second) = (cache(&redis), cache(&redis));
    let rows: Vec<AtomicU32> = (0..IDS).map(|_| AtomicU32::new(0)).collect();
    let floors: Vec<AtomicU32> = (0..IDS).map(|_| AtomicU32::new(0)).collect();
    let until = Instant::now() + ms(2000);
    let reads = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..2_usize {
            let (cache, rows, floors) = (&first, &rows, &floors);
            scope.spawn(move || {
                for turn in 0_usize.. {
                    if Instant::now() > until {
                        return;
                    }
                    // Each writer has rows of its own.
                    let at = (turn * 14 + writer) % IDS as usize;
                    let key = key(&u32::try_from(at).unwrap()).unwrap();
                    let next = rows[at].load(Ordering::SeqCst) + 1;
                    if turn % 2 == 0 {
                        let guard = cache.mark(&[&key]).unwrap();
                        rows[at].store(next, Ordering::SeqCst);
                        guard.finish().unwrap();
                    } else {
                        rows[at].store(next, Ordering::SeqCst);
                        cache.invalidate(&key).unwrap();
                    }
                    floors[at].store(next, Ordering::SeqCst);
                }
            });
        }
        for reader in 0..4_u32 {
            let cache = if reader % 2 == 0 { &first } else { &second };
            let (rows, floors, reads) = (&rows, &floors, &reads);
            scope.spawn(move || {
                while Instant::now() < until {
                    let least: Vec<u32> = floors.iter().map(|floor| floor.load(Ordering::SeqCst)).collect();
                    let ids: Vec<u32> = (0..IDS).collect();
                    let load = |missing: &[u32]| {
                        let row = |id: &u32| (*id, rows[*id as usize].load(Ordering::SeqCst));
                        let loaded: Vec<(u32, u32)> = missing.iter().map(row).collect();
                        thread::sleep(ms(1));
                        Ok::<_, Infallible>(loaded)
                    };
                    let seen = cache.get_many(&ids, key, load).unwrap();
                    for id in &ids {
                        let (version, least) = (seen[id], least[*id as usize]);
                        assert!(version >= least, "{id}: {version} < {least}");
                    }
                    reads.fetch_add(seen.len(), Ordering::Relaxed);
                }
            });
        }
    });
    assert!(reads.into_inner() > 100);
    let stats = first.stats();
    assert!(stats.hits > 0 && stats.fills > 0, "{stats:?}");
}
