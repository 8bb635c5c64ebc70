//! Removes what is cached of one kind, by walking through the keys of Redis.
//!
//! A walk is enough, without a generation that every read would have to look up. SCAN returns every key that is there from its
//! beginning to its end. A load that began before the walk holds a lease, or replaces an entry, that was there before too: the
//! walk meets the key and destroys whatever is stored there, as for any removal, and the fill is refused. A lease that is
//! put after the walk began belongs to a load that reads what was committed by then.

use super::core::Core;
use super::key::kind_prefix;
use super::key::layout::pattern_of;
use super::protocol::{Nonce, draw_nonce};
use super::session::Session;
use super::wire::WireError;
use super::write::StaleError;
use crate::core::BATCH;

/// The number of keys that were found.
pub(crate) fn invalidate(core: &Core, kind: &str) -> Result<u64, StaleError> {
    let prefix = [core.name_prefix().as_bytes(), kind_prefix(kind).as_bytes()].concat();
    let mut found = 0;
    for pool in core.connections.all() {
        let outcome = match draw_nonce() {
            // On one connection: a cursor is of no meaning to another server. After a failure the walk begins anew.
            Ok(token) => core.tell(pool, |session| walk(session, &prefix, token)),
            Err(error) => Err(error.into()),
        };
        found += outcome.map_err(|error| StaleError::of_kind(core, pool, kind, error))?;
    }
    Ok(found)
}

fn walk(session: &mut Session, prefix: &[u8], token: Nonce) -> Result<u64, WireError> {
    let (pattern, mut cursor, mut found) = (pattern_of(prefix), b"0".to_vec(), 0);
    loop {
        let (next, mut names) = session.store.connection().scan(&cursor, &pattern)?;
        names.retain(|name| name.starts_with(prefix));
        for names in names.chunks(BATCH) {
            for removed in session.store.finish_all(names, token)? {
                removed?;
                found += 1;
            }
        }
        if next == b"0" {
            return Ok(found);
        }
        cursor = next;
    }
}

#[cfg(test)]
#[cfg(feature = "json")]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;

    use crate::private_redis::PrivateRedis;
    use crate::{Cache, Key, KeyError, Options};

    fn cache(redis: &PrivateRedis, namespace: &str) -> Cache {
        let long = std::time::Duration::from_secs(60);
        let options = Options::default().connect_timeout(long).reply_timeout(long).early_refresh(0.0);
        Cache::at(redis.endpoint(), options.namespace(namespace)).unwrap()
    }

    fn fill(cache: &Cache, kind: &str, schema: u32, ids: u32) {
        let ids: Vec<u32> = (0..ids).collect();
        let rows =
            |ids: &[u32]| Ok::<_, Infallible>(ids.iter().map(|id| (*id, *id)).collect::<HashMap<_, _>>());
        cache.get_many(&ids, |id| Key::new(kind, schema, id), rows).unwrap();
    }

    #[test]
    fn one_kind_is_removed_and_nothing_else() {
        let redis = PrivateRedis::start();
        let (mine, other) = (cache(&redis, "a*"), cache(&redis, "ab"));
        fill(&mine, "user", 1, 700);
        fill(&mine, "user", 2, 300);
        fill(&mine, "user:x", 1, 10);
        fill(&mine, "use", 1, 10);
        fill(&mine, "users", 1, 10);
        fill(&other, "user", 1, 10);
        let writer = mine.mark(&[&Key::new("user", 1, 5).unwrap()]).unwrap();
        assert_eq!(mine.invalidate_kind("user").unwrap(), 1000);
        assert_eq!(redis.say("DBSIZE"), ":41", "and the marker of a writer at work stays");
        assert_eq!(writer.finish().unwrap().lost(), []);
        assert_eq!(mine.invalidate_kind("user").unwrap(), 0);
        assert_eq!(mine.invalidate_kind("nothing [of] this?").unwrap(), 0);
        assert_eq!(redis.say("DBSIZE"), ":40");
    }

    #[test]
    fn a_load_from_before_is_not_kept() {
        let redis = PrivateRedis::start();
        let cache = cache(&redis, "c");
        let key = Key::new("user", 1, 1).unwrap();
        let seen = cache.get(&key, || {
            assert_eq!(cache.invalidate_kind("user").unwrap(), 1);
            Ok::<_, Infallible>(Some(1))
        });
        assert_eq!((seen, cache.stats().fills, cache.stats().fills_refused), (Ok(Some(1)), 0, 1));
    }

    #[test]
    fn without_redis_it_says_so() {
        let nowhere = Cache::connect("redis://127.0.0.1:1", Options::default()).unwrap();
        let error = nowhere.invalidate_kind("user").unwrap_err();
        assert!(error.keys().is_empty() && !error.is_marked(), "{error}");
        assert!(error.to_string().contains("\"user\""), "{error}");
    }

    /// A write of all rows, then the removal of their kind: whoever reads afterwards sees what was written.
    #[test]
    fn nothing_stale_is_read_after_it() {
        const ROWS: u32 = 300;
        let redis = PrivateRedis::start();
        let (writer, reader) = (cache(&redis, "c"), cache(&redis, "c"));
        let (version, floor, is_over) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
        let key = |id: &u32| -> Result<Key, KeyError> { Key::new("row", 1, id) };
        thread::scope(|scope| {
            for number in 0..4_u32 {
                let (version, floor, is_over) = (&version, &floor, &is_over);
                let cache = if number % 2 == 0 { &writer } else { &reader };
                scope.spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let ids: Vec<u32> = (0..30).map(|_| rand::random::<u32>() % ROWS).collect();
                        let least = floor.load(Ordering::SeqCst);
                        let load = |ids: &[u32]| {
                            let row = version.load(Ordering::SeqCst);
                            thread::yield_now();
                            Ok::<_, Infallible>(ids.iter().map(|id| (*id, row)).collect::<HashMap<_, _>>())
                        };
                        let seen = cache.get_many(&ids, key, load).unwrap();
                        assert!(seen.values().all(|version| *version >= least));
                    }
                });
            }
            for turn in 1..60 {
                version.store(turn, Ordering::SeqCst);
                writer.invalidate_kind("row").unwrap();
                floor.store(turn, Ordering::SeqCst);
                thread::sleep(std::time::Duration::from_millis(10));
            }
            is_over.store(true, Ordering::SeqCst);
        });
        assert!(reader.stats().hits > 0);
    }
}
