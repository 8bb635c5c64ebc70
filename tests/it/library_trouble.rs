//! The library beside a Redis in trouble: no read fails, none is wrong, none hangs; writes say what
//! became of them.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cache_aside::{Cache, Key, Options, RedisErrorKind, Unmarked};

use crate::private_redis::{PATIENT, PrivateRedis};
use crate::world;

crate::tests![
    redis_may_be_absent_from_the_start,
    a_redis_that_hangs_is_left_alone_and_found_again,
    a_redis_that_restarts_is_found_again_at_once,
    a_redis_that_is_loading_costs_no_read,
    unmarked_writes_are_refused_or_said_to_be,
    a_write_that_cannot_finish_says_what_that_means,
    a_full_redis_keeps_no_more_and_takes_markers_still,
    a_replica_is_neither_read_nor_written,
    a_login_that_is_refused_costs_no_read,
    large_values_are_kept_with_and_without_transactions,
    replies_of_any_kind_give_right_answers_in_time,
    a_loader_that_reads_through_the_cache_itself_needs_one_place,
];

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn load(value: &str) -> Result<Option<String>, Infallible> {
    Ok(Some(value.to_owned()))
}

fn must_not_load() -> Result<Option<String>, Infallible> {
    panic!("this must be a hit")
}

/// With time for the slowest machine.
fn patient() -> Options {
    Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).marker(PATIENT)
}

/// With so little time that a Redis that hangs costs a test nothing.
fn hasty() -> Options {
    let short = Duration::from_millis(20);
    Options::default().connect_timeout(short).reply_timeout(short)
}

#[track_caller]
fn reads(cache: &Cache, id: u32, value: &str) {
    assert_eq!(cache.get(&key(id), || load(value)).unwrap().as_deref(), Some(value));
}

fn redis_may_be_absent_from_the_start() {
    let cache = Cache::connect("redis://127.0.0.1:1", Options::default()).unwrap();
    for id in 0..20 {
        reads(&cache, id, "from the database");
    }
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.bypasses, stats.hits), (20, 20, 0));
    assert!(stats.breaker_opened >= 1 && stats.redis_errors < 20, "{stats:?}");
}

fn a_redis_that_hangs_is_left_alone_and_found_again() {
    let redis = PrivateRedis::start("");
    let cache = redis.cache(hasty());
    // A slow machine may miss the short timeouts; sooner or later it does not.
    world::wait_until("the value is cached", || {
        reads(&cache, 1, "value");
        cache.stats().hits > 0
    });
    redis.signal("STOP");
    world::wait_until("the breaker is open", || {
        reads(&cache, 1, "value");
        cache.stats().breaker_open
    });
    let errors = cache.stats().redis_errors;
    let started = Instant::now();
    for _ in 0..1000 {
        reads(&cache, 1, "value");
    }
    // At most one probe in a tenth of a second.
    let tenths = u64::try_from(started.elapsed().as_millis()).unwrap() / 100;
    assert!(cache.stats().redis_errors - errors <= 1 + tenths);
    redis.signal("CONT");
    let hits = cache.stats().hits;
    world::wait_until("a probe finds it again", || {
        reads(&cache, 1, "value");
        thread::sleep(Duration::from_millis(5));
        cache.stats().hits > hits
    });
}

fn a_redis_that_restarts_is_found_again_at_once() {
    let mut redis = PrivateRedis::start("");
    let cache = redis.cache(patient());
    reads(&cache, 1, "before");
    redis.kill();
    redis.begin();
    // The idle connection is dead; nobody notices.
    reads(&cache, 1, "after");
    assert_eq!(cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("after"));
    let guard = cache.mark(&[&key(1)]).unwrap();
    redis.kill();
    redis.begin();
    guard.finish().unwrap();
    let stats = cache.stats();
    assert_eq!((stats.redis_errors, stats.bypasses, stats.breaker_opened), (0, 0, 0));
}

/// With what it had saved before: slowly, until the test has seen enough.
fn a_redis_that_is_loading_costs_no_read() {
    let mut redis = PrivateRedis::start("rdbcompression no");
    reads(&redis.cache(patient()), 1, "right");
    let mut pipeline = redis::pipe();
    for number in 0..2000 {
        // Between two of them, Redis answers.
        pipeline.set(format!("ballast{number}"), [b'x'; 2048].as_slice()).ignore();
    }
    let _: () = pipeline.query(&mut redis.connect()).unwrap();
    let _: () = redis::cmd("SAVE").query(&mut redis.connect()).unwrap();
    redis.kill();
    redis.begin_with("key-load-delay 50000\nloading-process-events-interval-bytes 1024");
    let cache = redis.cache(patient());
    for _ in 0..20 {
        reads(&cache, 1, "right");
    }
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.bypasses, stats.hits), (20, 20, 0), "{stats:?}");
    assert!(stats.redis_errors <= 20 && stats.breaker_opened >= 1, "it is left alone meanwhile: {stats:?}");
    let refused = cache.mark(&[&key(1)]).unwrap_err().to_string();
    assert!(refused.contains("LOADING"), "{refused}");
    let hurry: redis::RedisResult<()> =
        redis::cmd("CONFIG").arg(&["SET", "key-load-delay", "0"]).query(&mut redis.connect());
    hurry.unwrap();
    world::wait_until("it has loaded", || {
        reads(&cache, 1, "right");
        cache.stats().hits > 0
    });
    cache.mark(&[&key(1)]).unwrap().finish().unwrap();
    reads(&cache, 1, "new");
}

fn unmarked_writes_are_refused_or_said_to_be() {
    let url = "redis://127.0.0.1:1";
    let cache = Cache::connect(url, Options::default()).unwrap();
    let error = cache.mark(&[&key(1), &key(2)]).unwrap_err();
    assert_eq!((error.key(), error.cause().kind()), (&key(1), RedisErrorKind::Unreachable));
    assert!(error.to_string().contains("thing:1:1") && error.to_string().contains("127.0.0.1:1"), "{error}");
    let cache = Cache::connect(url, Options::default().unmarked(Unmarked::Proceed)).unwrap();
    let guard = cache.mark(&[&key(1), &key(2)]).unwrap();
    assert_eq!(guard.unmarked().collect::<Vec<_>>(), [&key(1), &key(2)]);
    let error = guard.finish().unwrap_err();
    assert_eq!(error.keys(), [key(1), key(2)]);
    assert!(error.stale_until().unwrap() > SystemTime::now() + Duration::from_secs(300), "{error}");
}

fn a_write_that_cannot_finish_says_what_that_means() {
    let mut redis = PrivateRedis::start("");
    let cache = redis.cache(patient());
    let guard = cache.mark(&[&key(1)]).unwrap();
    redis.kill();
    let error = guard.finish().unwrap_err();
    assert!(error.is_marked() && error.stale_until().is_some(), "the marker stands, or is lost: {error}");
    let error = cache.invalidate(&key(1)).unwrap_err();
    assert_eq!((error.keys(), error.cause().kind()), (&[key(1)][..], RedisErrorKind::Unreachable));
    assert!(error.stale_until().is_some());
    redis.begin();
    let brief = redis.cache(patient().marker(Duration::from_millis(20)));
    // On a slow machine it has ended before the answer comes, and is refused.
    let guard = (0..1000).find_map(|_| brief.mark(&[&key(1)]).ok()).unwrap();
    thread::sleep(Duration::from_millis(40));
    redis.kill();
    assert!(!guard.finish().unwrap_err().is_marked(), "the marker was gone before the end");
}

fn a_full_redis_keeps_no_more_and_takes_markers_still() {
    let redis = PrivateRedis::start("maxmemory-policy noeviction");
    let cache = redis.cache(patient());
    reads(&cache, 1, "old");
    let mut admin = redis.connect();
    let _: () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1"]).query(&mut admin).unwrap();
    assert_eq!(cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("old"));
    reads(&cache, 2, "not kept");
    reads(&cache, 2, "loaded again");
    let guard = cache.mark(&[&key(1), &key(2)]).unwrap();
    let other = cache.mark(&[&key(1)]).unwrap();
    reads(&cache, 1, "new");
    guard.finish().unwrap();
    reads(&cache, 1, "newer");
    other.finish().unwrap();
    reads(&cache, 1, "newest");
    assert!(!cache.stats().breaker_open && cache.stats().redis_errors > 0);
    let _: () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "0"]).query(&mut admin).unwrap();
    reads(&cache, 1, "kept");
    assert_eq!(cache.get(&key(1), must_not_load).unwrap().as_deref(), Some("kept"));
}

/// Uses a replica, whose values may be old; see the crate's own tests for a primary that becomes
/// one.
fn a_replica_is_neither_read_nor_written() {
    let redis = PrivateRedis::start("");
    let cache = redis.cache(patient());
    reads(&cache, 1, "replicated");
    let _: () = redis::cmd("REPLICAOF").arg(&["127.0.0.1", "1"]).query(&mut redis.connect()).unwrap();
    let stranger = redis.cache(patient());
    reads(&stranger, 1, "loaded");
    reads(&cache, 2, "a");
    reads(&cache, 2, "b");
    let error = cache.mark(&[&key(1)]).unwrap_err();
    assert_eq!(
        (error.cause().kind(), error.cause().server_code()),
        (RedisErrorKind::Refused, Some("READONLY"))
    );
    assert!(cache.invalidate(&key(1)).unwrap_err().to_string().contains("primary"));
}

fn a_login_that_is_refused_costs_no_read() {
    let redis = PrivateRedis::start("requirepass hunter2");
    let cache = redis.cache(patient());
    reads(&cache, 1, "a");
    let error = cache.invalidate(&key(1)).unwrap_err();
    assert_eq!(error.cause().server_code(), Some("NOAUTH"));
    let wrong = Cache::connect(&format!("{}?pass=hunter3", redis.url()), patient()).unwrap();
    for _ in 0..10 {
        reads(&wrong, 1, "a");
    }
    assert!(wrong.stats().breaker_open, "nobody knocks ten times with the wrong password");
    let error = wrong.invalidate(&key(1)).unwrap_err().to_string();
    assert!(error.contains("password") && !error.contains("hunter3"), "{error}");
    let right = Cache::connect(&format!("{}?pass=hunter2", redis.url()), patient()).unwrap();
    reads(&right, 1, "b");
    assert_eq!(right.get(&key(1), must_not_load).unwrap().as_deref(), Some("b"));
}

fn large_values_are_kept_with_and_without_transactions() {
    let large = "large ".repeat(50_000);
    for forbidden in ["", "-watch", "-multi"] {
        let redis = PrivateRedis::start(&format!("user default on nopass ~* &* +@all {forbidden}"));
        let cache = redis.cache(patient());
        reads(&cache, 1, &large);
        assert_eq!(
            cache.get(&key(1), must_not_load).unwrap().as_deref(),
            Some(large.as_str()),
            "{forbidden}"
        );
        // The connection is in no transaction, and a write during a load wins.
        let during = cache.get(&key(2), || {
            cache.invalidate(&key(2)).unwrap();
            load(&large)
        });
        assert!(during.unwrap().is_some());
        reads(&cache, 2, "new");
        assert_eq!((cache.stats().fills, cache.stats().fills_refused), (2, 1), "{forbidden}");
    }
}

/// The speech of a server that is no Redis.
#[derive(Clone, Copy)]
enum Talk {
    /// The same to everything.
    Says(&'static [u8]),
    Nothing,
    HangsUp,
    /// A good beginning, byte by byte, that never ends.
    Drips,
}

fn talk(mut stream: TcpStream, talk: Talk) {
    let mut command = [0; 4096];
    while stream.read(&mut command).is_ok_and(|bytes| bytes > 0) {
        let went_well = match talk {
            Talk::Says(words) => stream.write_all(words).is_ok(),
            Talk::Nothing => true,
            Talk::HangsUp => false,
            Talk::Drips => {
                stream.write_all(b"$100000\r\n").is_ok()
                    && (0..100_000).all(|_| {
                        thread::sleep(Duration::from_millis(2));
                        stream.write_all(b"x").is_ok()
                    })
            }
        };
        if !went_well {
            return;
        }
    }
}

fn replies_of_any_kind_give_right_answers_in_time() {
    let talks = [
        Talk::Says(b"-LOADING Redis is loading the dataset in memory\r\n"),
        Talk::Says(b"-MASTERDOWN Link with MASTER is down\r\n"),
        Talk::Says(b"-NOSCRIPT No matching script\r\n"),
        Talk::Says(b"+OK\r\n"),
        Talk::Says(b":1\r\n"),
        Talk::Says(b"$5\r\nhello\r\n"),
        Talk::Says(b"$-1\r\n"),
        Talk::Says(b"$5\r\nhel"),
        Talk::Says(b"$99999999999\r\n"),
        Talk::Says(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        Talk::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        Talk::Says(b"\xff\xfe\r\n"),
        Talk::Nothing,
        Talk::HangsUp,
        Talk::Drips,
    ];
    for how in talks {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || talk(stream, how));
            }
        });
        let options = hasty().connect_timeout(PATIENT).lease_wait(Duration::from_millis(1));
        let cache = Cache::connect(&url, options).unwrap();
        let started = Instant::now();
        for value in ["a", "b", "c"] {
            reads(&cache, 1, value);
        }
        // Each asks a few times at most; the drip alone would take minutes.
        assert!(started.elapsed() < PATIENT, "it hangs");
        let _ = cache.mark(&[&key(1)]).map(|guard| guard.finish());
        assert_eq!(cache.stats().hits, 0);
    }
}

fn a_loader_that_reads_through_the_cache_itself_needs_one_place() {
    let redis = PrivateRedis::start("");
    let cache = redis.cache(patient().max_loads(1));
    let outer = cache.get(&key(1), || {
        let inner = cache.get(&key(2), || load("inner"))?;
        load(&format!("outer of {}", inner.unwrap_or_default()))
    });
    assert_eq!(outer.unwrap().as_deref(), Some("outer of inner"));
}
