//! Values that are kept beyond their time to live, for loads that fail; on a Redis of their own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::private_redis::PrivateRedis;
use crate::{Cache, CallOptions, Key, Options};

/// For whatever must happen, on the slowest machine.
const PATIENT: Duration = Duration::from_secs(60);
const TTL: Duration = Duration::from_millis(20);

fn options() -> Options {
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    options.ttl(TTL).stale_if_error(PATIENT)
}

fn cache(redis: &PrivateRedis) -> Cache {
    Cache::at(redis.endpoint(), options()).unwrap()
}

fn key() -> Key {
    Key::new("thing", 1, 1).unwrap()
}

fn fill(cache: &Cache, value: &str) {
    let load = || Ok::<_, Infallible>(Some(value.to_owned()));
    assert_eq!(cache.get(&key(), load).unwrap().as_deref(), Some(value));
}

fn expire() {
    thread::sleep(TTL * 3);
}

fn read_without_database(cache: &Cache) -> Result<Option<String>, &'static str> {
    cache.get(&key(), || Err("no database"))
}

#[test]
fn an_old_value_serves_where_the_loader_fails_and_nowhere_else() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    fill(&cache, "old");
    expire();
    assert_eq!(read_without_database(&cache), Ok(Some("old".to_owned())));
    assert_eq!(read_without_database(&cache), Ok(Some("old".to_owned())));
    let stats = cache.stats();
    assert_eq!((stats.stale_served, stats.hits, stats.loads, stats.misses), (2, 0, 3, 3), "{stats:?}");
    // The database is there again.
    fill(&cache, "new");
    assert_eq!((cache.stats().fills, cache.stats().stale_served), (2, 2));
    expire();
    assert_eq!(read_without_database(&cache), Ok(Some("new".to_owned())));
    // Without the option, also for a single call, an entry is gone after its time.
    let call = CallOptions::default().stale_if_error(Duration::ZERO);
    cache.invalidate(&key()).unwrap();
    cache.get_with(&key(), &call, || Ok::<_, ()>(Some("short".to_owned()))).unwrap();
    expire();
    assert_eq!(read_without_database(&cache), Err("no database"));
}

#[test]
fn nothing_serves_that_a_write_removed() {
    let redis = PrivateRedis::start();
    let (cache, writer) = (cache(&redis), cache(&redis));
    fill(&cache, "old");
    expire();
    writer.invalidate(&key()).unwrap();
    assert_eq!(read_without_database(&cache), Err("no database"));
    fill(&cache, "old");
    expire();
    let guard = writer.mark(&[&key()]).unwrap();
    assert_eq!(read_without_database(&cache), Err("no database"));
    drop(guard);
    assert_eq!(read_without_database(&cache), Err("no database"));
    assert_eq!(cache.stats().stale_served, 0);
    // Nor does a load write it back that a write overtook.
    writer.mark(&[&key()]).unwrap().finish().unwrap();
    redis.say("FLUSHALL");
    fill(&cache, "old");
    expire();
    let overtaken = cache.get(&key(), || {
        writer.invalidate(&key()).unwrap();
        Ok::<_, Infallible>(Some("loaded".to_owned()))
    });
    assert_eq!(overtaken.unwrap().as_deref(), Some("loaded"));
    assert_eq!(cache.stats().fills_refused, 1);
    assert_eq!(read_without_database(&cache), Err("no database"));
}

#[test]
fn missing_rows_are_not_remembered_longer() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), options().negative_ttl(TTL)).unwrap();
    assert_eq!(cache.get(&key(), || Ok::<Option<String>, ()>(None)), Ok(None));
    expire();
    assert_eq!(read_without_database(&cache), Err("no database"));
}

#[test]
fn threads_with_an_old_value_share_one_load_and_its_failure() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    for fails in [true, false] {
        fill(&cache, "old");
        expire();
        let (loads, start, go) = (AtomicU32::new(0), Barrier::new(50), AtomicBool::new(false));
        thread::scope(|scope| {
            let readers: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        cache.get(&key(), || {
                            loads.fetch_add(1, Ordering::SeqCst);
                            while !go.load(Ordering::SeqCst) {
                                thread::sleep(Duration::from_millis(1));
                            }
                            if fails { Err("no database") } else { Ok(Some("new".to_owned())) }
                        })
                    })
                })
                .collect();
            let all_wait = || cache.stats().waits % 50 == 49;
            while !all_wait() {
                thread::sleep(Duration::from_millis(1));
            }
            go.store(true, Ordering::SeqCst);
            for reader in readers {
                let seen = reader.join().unwrap().unwrap();
                // With so short a time to live, some may find the new one expired again.
                assert!(
                    matches!(seen.as_deref(), Some("old") | Some("new"))
                        && (!fails || seen.as_deref() == Some("old"))
                );
            }
        });
        if fails {
            assert_eq!((loads.into_inner(), cache.stats().stale_served), (1, 50));
            redis.say("FLUSHALL");
        }
    }
}

#[test]
fn many_keys_are_served_together_or_not_at_all() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    let many_key = |id: &u32| Key::new("many", 1, id);
    let rows = |ids: &[u32]| -> HashMap<u32, u32> { ids.iter().map(|id| (*id, *id)).collect() };
    let ids: Vec<u32> = (0..300).collect();
    cache.get_many(&ids, many_key, |ids| Ok::<_, Infallible>(rows(ids))).unwrap();
    expire();
    let failing = |_: &[u32]| Err::<HashMap<u32, u32>, _>("no database");
    assert_eq!(cache.get_many(&ids, many_key, failing), Ok(rows(&ids)));
    assert_eq!((cache.stats().stale_served, cache.stats().loads), (300, 2));
    let one_more: Vec<u32> = (0..301).collect();
    assert_eq!(cache.get_many(&one_more, many_key, failing), Err("no database"));
    cache.invalidate(&many_key(&7).unwrap()).unwrap();
    assert_eq!(cache.get_many(&ids, many_key, failing), Err("no database"));
    assert_eq!(cache.get_many(&ids, many_key, |ids| Ok::<_, Infallible>(rows(ids))), Ok(rows(&ids)));
    assert_eq!(cache.stats().fills, 600);
}
