//! The library on a real Redis: what is cached when, and what writes do to it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use cache_aside::codec::Postcard;
use cache_aside::{Cache, Key, Options};
use redis::Commands;

use crate::private_redis::PATIENT;
use crate::world::{wait_until, world};

crate::tests![
    a_miss_is_loaded_once_and_then_a_hit,
    a_missing_row_is_remembered_until_it_is_written,
    a_missing_row_is_not_remembered_where_the_options_say_so,
    a_wrapped_function_is_cached,
    a_loader_that_fails_or_panics_leaves_nothing_behind,
    a_write_during_a_load_wins,
    marked_keys_stay_uncached_until_the_last_writer_finishes,
    a_guard_that_is_dropped_leaves_its_marker,
    an_entry_is_refreshed_ahead_of_its_expiry,
    a_refresh_that_fails_leaves_the_entry_as_the_answer,
    nobody_waits_for_a_refresh_behind_the_readers_backs,
    a_refresh_behind_the_readers_backs_that_fails_does_no_harm,
    a_write_during_a_refresh_behind_the_readers_backs_wins,
    many_threads_that_miss_load_once,
    several_processes_that_miss_load_once,
    waiting_ends_with_the_budget,
    damaged_and_foreign_values_are_missed_and_replaced,
    scripts_that_the_server_forgot_are_sent_again,
    values_that_are_too_large_are_not_kept,
    nobody_queues_for_what_cannot_be_kept,
    codecs_and_namespaces_do_not_read_each_other,
    the_program_flushes_what_the_library_wrote,
];

/// A cache on the shared Redis in a namespace that no other test uses, and patient with it.
struct Place {
    cache: Cache,
    redis: redis::Connection,
    options: Options,
}

impl Place {
    fn new() -> Self {
        Self::with(&Options::default())
    }

    fn with(options: &Options) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("library{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let options = options
            .clone()
            .namespace(namespace)
            .connect_timeout(PATIENT)
            .reply_timeout(PATIENT)
            .lease(PATIENT)
            .marker(PATIENT)
            .lease_wait(4 * PATIENT);
        let redis = redis::Client::open(world().redis_url()).unwrap().get_connection().unwrap();
        Self { cache: other_process(&options), redis, options }
    }

    /// The key as it stands in Redis.
    fn raw(&self, key: &Key) -> String {
        format!("{}:{key}", self.options.namespace)
    }

    fn is_there(&mut self, key: &Key) -> bool {
        let raw = self.raw(key);
        self.redis.exists(raw).unwrap()
    }
}

/// A cache that shares nothing with others but Redis.
fn other_process(options: &Options) -> Cache {
    Cache::connect(&world().redis_url(), options.clone()).unwrap()
}

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn load(value: &str) -> Result<Option<String>, Infallible> {
    Ok(Some(value.to_owned()))
}

fn must_not_load() -> Result<Option<String>, Infallible> {
    panic!("this must be a hit")
}

fn a_miss_is_loaded_once_and_then_a_hit() {
    let mut place = Place::with(&Options::default().ttl(Duration::from_secs(1000)));
    for loader in [|| load("one"), must_not_load, must_not_load] {
        assert_eq!(place.cache.get(&key(1), loader).unwrap().as_deref(), Some("one"));
    }
    let stats = place.cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.fills), (2, 1, 1, 1));
    assert_eq!((stats.redis_errors, stats.corrupt, stats.bypasses), (0, 0, 0));
    let raw = place.raw(&key(1));
    let left_ms: i64 = place.redis.pttl(raw).unwrap();
    assert!((800_000..=1_000_000).contains(&left_ms), "a tenth shorter at most, and {left_ms} ms");
}

fn a_missing_row_is_remembered_until_it_is_written() {
    let place = Place::new();
    let nothing = || Ok::<Option<String>, Infallible>(None);
    assert_eq!(place.cache.get(&key(1), nothing).unwrap(), None);
    assert_eq!(place.cache.get(&key(1), must_not_load).unwrap(), None);
    assert_eq!(place.cache.stats().negative, 1);
    place.cache.invalidate(&key(1)).unwrap();
    assert_eq!(place.cache.get(&key(1), || load("inserted")).unwrap().as_deref(), Some("inserted"));
}

fn a_missing_row_is_not_remembered_where_the_options_say_so() {
    let mut place = Place::with(&Options::default().negative_ttl(None));
    assert_eq!(place.cache.get(&key(1), || Ok::<Option<String>, Infallible>(None)).unwrap(), None);
    assert!(!place.is_there(&key(1)), "no entry and no lease");
}

fn a_wrapped_function_is_cached() {
    let place = Place::new();
    let calls = AtomicU32::new(0);
    let double = place.cache.wrap(
        |number: &u32| Key::new("double", 1, number),
        |number| {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Some(number * 2))
        },
    );
    assert_eq!(
        [double(&21).unwrap(), double(&21).unwrap(), double(&4).unwrap()],
        [Some(42), Some(42), Some(8)]
    );
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    // What makes no key is loaded all the same.
    let echo = place.cache.wrap(|text: &str| Key::new("echo", 1, text), load);
    assert_eq!(echo("").unwrap().as_deref(), Some(""));
    assert_eq!(place.cache.stats().bypasses, 1);
}

fn a_loader_that_fails_or_panics_leaves_nothing_behind() {
    let mut place = Place::new();
    let failed = place.cache.get::<String, _>(&key(1), || Err("the database is gone"));
    assert_eq!(failed, Err("the database is gone"));
    assert!(!place.is_there(&key(1)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        place.cache.get::<String, Infallible>(&key(1), || panic!("the loader's own panic"))
    }));
    assert!(panicked.is_err() && !place.is_there(&key(1)));
    assert_eq!(place.cache.get(&key(1), || load("at last")).unwrap().as_deref(), Some("at last"));
}

/// The mistake of the usual cache-aside: the old row is stored after the write removed the entry.
fn a_write_during_a_load_wins() {
    let mut place = Place::new();
    let writer = other_process(&place.options);
    let old = place.cache.get(&key(1), || {
        writer.invalidate(&key(1)).unwrap();
        load("old")
    });
    assert_eq!(old.unwrap().as_deref(), Some("old"), "right for a read that began before the write returned");
    assert!(!place.is_there(&key(1)));
    let during = place.cache.get(&key(1), || {
        writer.mark(&[&key(1)]).unwrap().finish().unwrap();
        load("old")
    });
    assert_eq!(during.unwrap().as_deref(), Some("old"));
    assert_eq!(place.cache.stats().fills_refused, 2);
    assert_eq!(place.cache.get(&key(1), || load("new")).unwrap().as_deref(), Some("new"));
}

fn marked_keys_stay_uncached_until_the_last_writer_finishes() {
    let mut place = Place::new();
    place.cache.get(&key(1), || load("before")).unwrap();
    let first = place.cache.mark(&[&key(1), &key(2)]).unwrap();
    let second = other_process(&place.options).mark(&[&key(1)]).unwrap();
    for (id, turn) in [(1, "a"), (1, "b"), (2, "c")] {
        assert_eq!(place.cache.get(&key(id), || load(turn)).unwrap().as_deref(), Some(turn));
    }
    first.finish().unwrap();
    assert_eq!(place.cache.get(&key(1), || load("d")).unwrap().as_deref(), Some("d"));
    place.cache.invalidate(&key(1)).unwrap();
    assert!(place.is_there(&key(1)), "the second writer's marker");
    assert_eq!(place.cache.get(&key(2), || load("e")).unwrap().as_deref(), Some("e"));
    assert_eq!(place.cache.get(&key(2), must_not_load).unwrap().as_deref(), Some("e"));
    second.finish().unwrap();
    assert!(!place.is_there(&key(1)));
    assert_eq!(place.cache.get(&key(1), || load("f")).unwrap().as_deref(), Some("f"));
    assert_eq!(place.cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("f"));
}

fn a_guard_that_is_dropped_leaves_its_marker() {
    let mut place = Place::new();
    drop(place.cache.mark(&[&key(1)]).unwrap());
    assert_eq!(place.cache.get(&key(1), || load("a")).unwrap().as_deref(), Some("a"));
    assert_eq!(place.cache.get(&key(1), || load("b")).unwrap().as_deref(), Some("b"), "not cached");
    let raw = place.raw(&key(1));
    let left_ms: i64 = place.redis.pttl(raw).unwrap();
    assert!((1..=i64::try_from(PATIENT.as_millis()).unwrap()).contains(&left_ms), "{left_ms}");
}

/// A load that took a while, with an eagerness that makes a refresh all but certain.
fn eager() -> Options {
    Options::default().early_refresh(1e9)
}

fn slowly(value: &str) -> Result<Option<String>, &'static str> {
    thread::sleep(Duration::from_millis(20));
    Ok(Some(value.to_owned()))
}

fn an_entry_is_refreshed_ahead_of_its_expiry() {
    let place = Place::with(&eager());
    place.cache.get(&key(1), || slowly("old")).unwrap();
    assert_eq!(place.cache.get(&key(1), || slowly("new")).unwrap().as_deref(), Some("new"));
    let stats = place.cache.stats();
    assert_eq!((stats.loads, stats.early_refreshes, stats.fills), (2, 1, 2));
    // A write meanwhile: what was loaded before it is not kept.
    let late = place.cache.get(&key(1), || {
        other_process(&place.options).invalidate(&key(1)).unwrap();
        slowly("stale")
    });
    assert_eq!(late.unwrap().as_deref(), Some("stale"));
    assert_eq!(place.cache.stats().fills_refused, 1);
    assert_eq!(place.cache.get(&key(1), || load("now")).unwrap().as_deref(), Some("now"));
}

fn a_refresh_that_fails_leaves_the_entry_as_the_answer() {
    let mut place = Place::with(&eager());
    place.cache.get(&key(1), || slowly("good")).unwrap();
    let answer = place.cache.get::<String, _>(&key(1), || Err("the database is gone"));
    assert_eq!(answer, Ok(Some("good".to_owned())));
    assert_eq!(place.cache.stats().early_refreshes, 1);
    assert!(place.is_there(&key(1)));
}

/// A function that is eagerly refreshed, and how often it was called; from the second call on it
/// does `later`.
fn refreshing(
    place: &Place,
    later: impl Fn(u32) -> Result<Option<u32>, &'static str> + Send + Sync + 'static,
) -> (impl Fn(&u32) -> Result<Option<u32>, &'static str>, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let load = move |_: &u32| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => {
            thread::sleep(Duration::from_millis(20));
            Ok(Some(0))
        }
        call => later(call),
    };
    (place.cache.wrap_refreshing(|id: &u32| Key::new("thing", 1, id), load), calls)
}

/// A refresh that waits for a word, and the sender of that word.
fn at_a_gate() -> (mpsc::Sender<()>, impl Fn(u32) -> Result<Option<u32>, &'static str> + Send + Sync + 'static)
{
    let (go, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let load = move |call| {
        let _ = gate.lock().unwrap().recv();
        Ok(Some(call))
    };
    (go, load)
}

fn nobody_waits_for_a_refresh_behind_the_readers_backs() {
    let place = Place::with(&eager());
    let (go, gated) = at_a_gate();
    let (get, calls) = refreshing(&place, gated);
    assert_eq!(get(&1), Ok(Some(0)), "nothing is there: this one loads");
    for _ in 0..20 {
        assert_eq!(get(&1), Ok(Some(0)), "the refresh is at the gate, and nobody waits for it");
    }
    wait_until("the refresh has begun", || calls.load(Ordering::SeqCst) == 2);
    assert_eq!(get(&1), Ok(Some(0)), "one refresh at a time");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    go.send(()).unwrap();
    wait_until("the new value is there", || get(&1) == Ok(Some(1)));
    let stats = place.cache.stats();
    assert_eq!((stats.misses, stats.waits, stats.bypasses, stats.fills), (1, 0, 0, 2));
    assert!(stats.early_refreshes >= 1 && stats.hits >= 22, "{stats:?}");
}

fn a_refresh_behind_the_readers_backs_that_fails_does_no_harm() {
    let place = Place::with(&eager());
    let (get, calls) = refreshing(&place, |call| match call {
        1 => panic!("on purpose"),
        2 => Err("the database is gone"),
        _ => Ok(Some(call)),
    });
    assert_eq!(get(&1), Ok(Some(0)));
    for call in 1..=2 {
        wait_until("the refresh was tried", || {
            assert!(get(&1) != Err("the database is gone"), "nobody hears of it");
            calls.load(Ordering::SeqCst) > call
        });
    }
    wait_until("another refresh succeeds", || get(&1).unwrap() >= Some(3));
    assert_eq!(place.cache.stats().misses, 1);
}

fn a_write_during_a_refresh_behind_the_readers_backs_wins() {
    let place = Place::with(&eager());
    let (go, gated) = at_a_gate();
    let (get, calls) = refreshing(&place, gated);
    get(&1).unwrap();
    get(&1).unwrap();
    wait_until("the refresh has begun", || calls.load(Ordering::SeqCst) == 2);
    other_process(&place.options).invalidate(&key(1)).unwrap();
    go.send(()).unwrap();
    wait_until("the refresh is refused", || place.cache.stats().fills_refused == 1);
    drop(go);
    assert_eq!(get(&1), Ok(Some(2)), "what was loaded before the write is not kept");
}

/// Threads that all read the same key at once, through the caches in turn; how often it was loaded.
fn stampede(caches: &[Cache]) -> u32 {
    const THREADS: usize = 24;
    let (loads, start) = (AtomicU32::new(0), Barrier::new(THREADS));
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (cache, loads, start) = (&caches[number % caches.len()], &loads, &start);
            scope.spawn(move || {
                start.wait();
                let answer = cache.get(&key(1), || {
                    loads.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(50));
                    load("once")
                });
                assert_eq!(answer.unwrap().as_deref(), Some("once"));
            });
        }
    });
    loads.into_inner()
}

fn many_threads_that_miss_load_once() {
    let place = Place::new();
    assert_eq!(stampede(std::slice::from_ref(&place.cache)), 1);
}

fn several_processes_that_miss_load_once() {
    let place = Place::new();
    let caches: Vec<Cache> = (0..4).map(|_| other_process(&place.options)).collect();
    assert_eq!(stampede(&caches), 1);
}

fn waiting_ends_with_the_budget() {
    let place = Place::new();
    let hasty = other_process(&place.options.clone().lease_wait(Duration::from_millis(5)));
    let slow = place.cache.get(&key(1), || {
        // Somebody else loads, and for longer than one wants to wait.
        assert_eq!(hasty.get(&key(1), || load("itself")).unwrap().as_deref(), Some("itself"));
        load("slow")
    });
    assert_eq!(slow.unwrap().as_deref(), Some("slow"));
    let stats = hasty.stats();
    assert_eq!((stats.waits, stats.bypasses, stats.fills), (1, 1, 0));
    assert_eq!(hasty.get(&key(1), must_not_load).unwrap().as_deref(), Some("slow"));
}

fn damaged_and_foreign_values_are_missed_and_replaced() {
    let mut place = Place::new();
    place.cache.get(&key(1), || load("right")).unwrap();
    place.cache.get(&key(2), || load("another's")).unwrap();
    let (raw, other) = (place.raw(&key(1)), place.raw(&key(2)));
    let good: Vec<u8> = place.redis.get(&raw).unwrap();
    let swapped: Vec<u8> = place.redis.get(&other).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut values =
        vec![Vec::new(), b"junk".to_vec(), swapped, good[..50].to_vec(), [&good[..], b"x"].concat()];
    // With another format number it would be the entry of another version, and is left alone.
    values.extend((0..good.len()).filter(|at| *at != 4).map(flipped));
    // A lease and a marker that are cut off, and an empty marker.
    values.extend([
        b"rcae\x01\x03\0\0nonce".to_vec(),
        b"rcae\x01\x04\0\0token".to_vec(),
        b"rcae\x01\x04\0\0".to_vec(),
    ]);
    for value in values {
        let before = place.cache.stats();
        let _: () = place.redis.set(&raw, &value).unwrap();
        let answer = place.cache.get(&key(1), || load("right"));
        assert_eq!(answer.unwrap().as_deref(), Some("right"), "{}", value.escape_ascii());
        let stats = place.cache.stats();
        assert_eq!(
            (stats.corrupt, stats.fills),
            (before.corrupt + 1, before.fills + 1),
            "{}",
            value.escape_ascii()
        );
        assert_eq!(place.cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("right"));
    }
    let _: () = place.redis.del(&raw).unwrap();
    let _: () = place.redis.rpush(&raw, "a list").unwrap();
    assert_eq!(place.cache.get(&key(1), || load("right")).unwrap().as_deref(), Some("right"));
    assert_eq!(place.cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("right"));
    assert_eq!(place.cache.stats().redis_errors, 0, "a damaged value is no failure of Redis");
}

fn scripts_that_the_server_forgot_are_sent_again() {
    let mut place = Place::new();
    place.cache.get(&key(1), || load("a")).unwrap();
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut place.redis).unwrap();
    place.cache.get(&key(2), || load("b")).unwrap();
    // The entry is stored once its reply was taken, here by the counters.
    assert_eq!(place.cache.stats().fills, 2);
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut place.redis).unwrap();
    place.cache.mark(&[&key(2)]).unwrap().finish().unwrap();
    assert_eq!((place.cache.stats().fills, place.cache.stats().redis_errors), (2, 0));
}

fn values_that_are_too_large_are_not_kept() {
    let mut place = Place::with(&Options::default().max_value_bytes(10));
    let long = || load("much longer than ten bytes");
    assert!(place.cache.get(&key(1), long).unwrap().is_some());
    assert!(!place.is_there(&key(1)), "no entry and no lease");
    assert_eq!((place.cache.stats().fills, place.cache.stats().fills_skipped), (0, 1));
    place.cache.get(&key(1), || load("short")).unwrap();
    assert_eq!(place.cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("short"));
}

fn nobody_queues_for_what_cannot_be_kept() {
    const FOLLOWERS: u64 = 4;
    let place = Place::with(&Options::default().max_value_bytes(10));
    let cache = &place.cache;
    thread::scope(|scope| {
        scope.spawn(|| {
            let leads = cache.get(&key(1), || {
                for _ in 0..FOLLOWERS {
                    scope.spawn(|| cache.get(&key(1), || load("much longer than ten bytes")).unwrap());
                }
                crate::world::wait_until("all others wait", || cache.stats().waits == FOLLOWERS);
                load("much longer than ten bytes")
            });
            assert!(leads.unwrap().is_some());
        });
    });
    assert_eq!((cache.stats().bypasses, cache.stats().fills_skipped), (FOLLOWERS, 1));
}

fn codecs_and_namespaces_do_not_read_each_other() {
    let place = Place::new();
    place.cache.get(&key(1), || load("json")).unwrap();
    let compact = place.cache.with_codec(Postcard);
    assert_eq!(compact.get(&key(1), || load("compact")).unwrap().as_deref(), Some("compact"));
    assert_eq!(compact.get(&key(1), must_not_load).unwrap().as_deref(), Some("compact"));
    assert_eq!(place.cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("json"));
    let elsewhere = other_process(&place.options.clone().namespace("elsewhere"));
    assert_eq!(elsewhere.get(&key(1), || load("mine")).unwrap().as_deref(), Some("mine"));
    elsewhere.invalidate(&key(1)).unwrap();
    assert_eq!(compact.get(&key(1), must_not_load).unwrap().as_deref(), Some("compact"));
}

fn the_program_flushes_what_the_library_wrote() {
    let place = Place::new();
    place.cache.get(&key(1), || load("a")).unwrap();
    let guard = place.cache.mark(&[&key(2)]).unwrap();
    let mut flush = crate::world::rcache();
    flush.args(["flush", "--format", "json", "--namespace", &place.options.namespace]);
    flush.args(["--redis-url", &world().redis_url()]);
    let flushed = crate::world::ran(&mut flush).fine().json();
    assert_eq!((&flushed["removed"], &flushed["leases_and_markers"]), (&1.into(), &1.into()));
    guard.finish().unwrap();
}
