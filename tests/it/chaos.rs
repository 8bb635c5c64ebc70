//! The library under attack: readers and writers go on while the network, Redis or the database get
//! into trouble. No answer is wrong, none is stale, no read fails while the database answers, none
//! hangs, and afterwards all is cached again.
//!
//! Each storm lasts about a second. `RCACHE_CHAOS_SECONDS=600` makes each that long;
//! `RCACHE_CHAOS_SEED=7` starts from another seed than the usual one (the network's trouble then is
//! the same at every run, the threads' order never is): `RCACHE_CHAOS_SECONDS=600
//! RCACHE_CHAOS_SEED=$RANDOM cargo test --test it chaos`.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cache_aside::{Cache, Key, Options, RedisErrorKind, Stats};
use redis::Commands;
use twox_hash::XxHash3_64;

use crate::private_redis::{PATIENT, PrivateRedis};
use crate::proxy::{Luck, Proxy, Weather};
use crate::storm::{Promise, ROWS, Storm, raw};
use crate::world;

crate::tests![
    a_bad_network,
    commands_that_are_done_long_after_they_were_given_up,
    a_redis_that_stops_and_goes_on,
    a_redis_that_is_killed_and_comes_back_empty,
    connections_killed_and_scripts_forgotten,
    everything_flushed_again_and_again,
    a_redis_that_is_full_now_and_then,
    a_redis_that_wants_a_password_now_and_then,
    a_redis_that_is_a_replica_now_and_then,
    a_redis_that_is_busy_with_somebody_else_s_script,
    a_redis_with_no_connection_to_spare,
    flipped_bits_and_other_types_under_the_keys,
    loaders_that_fail_and_panic_hold_nobody_up,
    clocks_that_disagree_decide_only_when,
    keys_of_odd_characters_never_meet,
    a_redis_that_hangs_is_waited_for_no_longer_than_promised,
    a_reply_that_breaks_off_is_a_lost_connection,
];

fn seed() -> u64 {
    std::env::var("RCACHE_CHAOS_SEED").map_or(42, |seed| seed.parse().unwrap())
}

/// Runs `trouble` for a while.
fn while_it_lasts(mut trouble: impl FnMut(&mut Luck)) {
    let lasts = std::env::var("RCACHE_CHAOS_SECONDS")
        .map_or(Duration::from_millis(1_000), |seconds| Duration::from_secs(seconds.parse().unwrap()));
    let (started, mut luck) = (Instant::now(), Luck::new(!seed()));
    while started.elapsed() < lasts {
        trouble(&mut luck);
    }
}

fn nap(luck: &mut Luck, longest_ms: u64) {
    thread::sleep(Duration::from_millis(1 + luck.below(longest_ms)));
}

/// The cache did its work in between: a storm in which every read fell through to the database
/// would prove nothing.
fn has_cached(stats: &Stats) -> bool {
    stats.hits > 20 && stats.fills > 10
}

/// A storm on a Redis in trouble, directly connected.
fn survives(
    redis: &mut PrivateRedis,
    promise: Promise,
    mut trouble: impl FnMut(&mut PrivateRedis, &mut Luck),
) {
    let storm = Storm::new(&redis.url(), promise, seed());
    storm.rage(|| while_it_lasts(|luck| trouble(redis, luck)), has_cached);
    storm.calms_down(&mut redis.connect());
}

/// A storm behind a network in trouble.
fn survives_weather(weather: Weather) {
    let redis = PrivateRedis::start("");
    let proxy = Proxy::start(&redis.socket(), seed());
    let storm = Storm::new(&proxy.url(), Promise::Committed, seed());
    storm.rage(
        || {
            while_it_lasts(|luck| {
                proxy.set(weather);
                nap(luck, 100);
                // So that breakers close.
                proxy.set(Weather::CALM);
                nap(luck, 50);
            });
        },
        |stats| has_cached(stats) && stats.redis_errors > 0,
    );
    proxy.set(Weather::CALM);
    storm.calms_down(&mut redis.connect());
}

fn a_bad_network() {
    survives_weather(Weather { delayed: 200, held_back: 10, cut: 40 });
}

fn commands_that_are_done_long_after_they_were_given_up() {
    survives_weather(Weather { delayed: 0, held_back: 100, cut: 0 });
}

fn a_redis_that_stops_and_goes_on() {
    survives(&mut PrivateRedis::start(""), Promise::Committed, |redis, luck| {
        redis.signal("STOP");
        nap(luck, 150);
        redis.signal("CONT");
        nap(luck, 150);
    });
}

fn a_redis_that_is_killed_and_comes_back_empty() {
    survives(&mut PrivateRedis::start(""), Promise::Returned, |redis, luck| {
        redis.kill();
        nap(luck, 50);
        redis.begin();
        nap(luck, 300);
    });
}

fn connections_killed_and_scripts_forgotten() {
    let mut redis = PrivateRedis::start("");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Committed, |redis, luck| {
        say(&mut admin, &["SCRIPT", "FLUSH"]);
        say(&mut admin, &["CLIENT", "KILL", "TYPE", "normal"]);
        // It is a client too.
        admin = redis.connect();
        nap(luck, 30);
    });
}

fn everything_flushed_again_and_again() {
    let mut redis = PrivateRedis::start("");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Returned, |_, luck| {
        say(&mut admin, &["FLUSHALL"]);
        nap(luck, 20);
    });
}

fn a_redis_that_is_full_now_and_then() {
    let mut redis = PrivateRedis::start("maxmemory-policy noeviction");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Committed, |_, luck| {
        say(&mut admin, &["CONFIG", "SET", "maxmemory", "1"]);
        nap(luck, 60);
        say(&mut admin, &["CONFIG", "SET", "maxmemory", "0"]);
        nap(luck, 60);
    });
}

fn a_redis_that_wants_a_password_now_and_then() {
    let mut redis = PrivateRedis::start("");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Committed, |_, luck| {
        say(&mut admin, &["CONFIG", "SET", "requirepass", "hunter2"]);
        // Who is connected may stay; who comes anew may not.
        say(&mut admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        nap(luck, 60);
        say(&mut admin, &["CONFIG", "SET", "requirepass", ""]);
        nap(luck, 60);
    });
}

fn a_redis_that_is_a_replica_now_and_then() {
    let mut redis = PrivateRedis::start("");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Committed, |_, luck| {
        // Of a primary that is not there: it keeps what it has and takes no write.
        say(&mut admin, &["REPLICAOF", "127.0.0.1", "1"]);
        nap(luck, 60);
        say(&mut admin, &["REPLICAOF", "NO", "ONE"]);
        nap(luck, 60);
    });
}

fn a_redis_that_is_busy_with_somebody_else_s_script() {
    let mut redis = PrivateRedis::start("lua-time-limit 10");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Committed, |redis, luck| {
        let mut other = redis.connect();
        thread::scope(|scope| {
            scope.spawn(|| {
                let ended: redis::RedisResult<()> =
                    redis::cmd("EVAL").arg("while true do end").arg(0).query(&mut other);
                assert!(ended.is_err(), "it was killed");
            });
            nap(luck, 100);
            // Not before it runs; then everything else is refused with BUSY.
            world::wait_until("the script is killed", || {
                redis::cmd("SCRIPT").arg("KILL").query::<()>(&mut admin).is_ok()
            });
        });
        nap(luck, 100);
    });
}

fn a_redis_with_no_connection_to_spare() {
    let mut redis = PrivateRedis::start("");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Committed, |_, luck| {
        say(&mut admin, &["CONFIG", "SET", "maxclients", "2"]);
        say(&mut admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        nap(luck, 60);
        say(&mut admin, &["CONFIG", "SET", "maxclients", "1000"]);
        nap(luck, 60);
    });
}

fn flipped_bits_and_other_types_under_the_keys() {
    let mut redis = PrivateRedis::start("");
    let mut admin = redis.connect();
    survives(&mut redis, Promise::Returned, |_, luck| {
        let (key, other) = (raw(luck.below(ROWS.into())), raw(luck.below(ROWS.into())));
        let bytes: Vec<u8> = admin.get(&key).unwrap_or_default();
        match luck.below(8) {
            0 => {
                redis::pipe().atomic().del(&key).rpush(&key, "a list").query::<()>(&mut admin).unwrap();
            }
            // Another row's entry, or its lease, or its marker. Not the row's own: what was good
            // before a write is no damage that anybody could see. And not for ever: nothing says of
            // a lease when it ends, save its time to live.
            1 if other != key => drop(admin.pset_ex::<_, _, ()>(&other, &bytes, 500)),
            2 => drop(admin.set::<_, _, ()>(&key, &bytes[..bytes.len() / 2])),
            _ if bytes.is_empty() => {}
            _ => {
                let at = usize::try_from(luck.below(bytes.len().min(80) as u64)).unwrap();
                let flipped = [bytes[at] ^ (1 << luck.below(8))];
                let at = isize::try_from(at).unwrap();
                drop(admin.setrange::<_, _, ()>(&key, at, &flipped));
            }
        }
        nap(luck, 4);
    });
}

/// One command of an administrator, whose failure is the test's.
#[track_caller]
fn say(admin: &mut redis::Connection, words: &[&str]) {
    let said: redis::RedisResult<redis::Value> = redis::cmd(words[0]).arg(&words[1..]).query(admin);
    // Who kills all connections kills this one.
    assert!(said.is_ok() || words[..2] == ["CLIENT", "KILL"], "{words:?}: {said:?}");
}

fn thing(id: impl cache_aside::KeyId) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn loaders_that_fail_and_panic_hold_nobody_up() {
    const THREADS: u32 = 16;
    let redis = PrivateRedis::start("");
    // With such patience, whoever waited for a loader that is gone would be noticed.
    let cache = redis.cache(
        Options::default()
            .lease(4 * PATIENT)
            .lease_wait(4 * PATIENT)
            .reply_timeout(PATIENT)
            .connect_timeout(PATIENT),
    );
    let (attempts, start) = (AtomicU32::new(0), Barrier::new(THREADS as usize));
    let started = Instant::now();
    let read = || {
        start.wait();
        cache.get(&thing(1), || {
            thread::sleep(Duration::from_millis(10));
            match attempts.fetch_add(1, Ordering::SeqCst) {
                attempt if attempt >= 10 => Ok(Some("at last".to_owned())),
                attempt if attempt % 2 == 0 => panic!("the loader's own panic"),
                _ => Err("the loader's own error"),
            }
        })
    };
    let (mut panics, mut errors, mut answers) = (0, 0, 0);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..THREADS).map(|_| scope.spawn(read)).collect();
        for reader in readers {
            match reader.join() {
                Err(_) => panics += 1,
                Ok(Err(_)) => errors += 1,
                Ok(Ok(answer)) => {
                    assert_eq!(answer.as_deref(), Some("at last"));
                    answers += 1;
                }
            }
        }
    });
    assert_eq!((panics, errors, answers), (5, 5, 6), "nobody has another's error");
    assert_eq!(attempts.into_inner(), 11, "and one load was for all who were left");
    // Whoever came late saw a lease at first, which is no miss.
    assert!(
        (1..=u64::from(THREADS)).contains(&cache.stats().misses),
        "however often a read looks, it misses once"
    );
    assert!(started.elapsed() < PATIENT, "somebody waited for a loader that was gone");
}

/// An entry, with another expiry in its header than the one that Redis holds it to.
fn expiring_at(entry: &[u8], key: &str, expires_at_ms: u64) -> Vec<u8> {
    let mut entry = entry.to_vec();
    // Six bytes of it are the expiry.
    entry[24..30].copy_from_slice(&expires_at_ms.to_le_bytes()[..6]);
    let length = (key.len() as u64).to_le_bytes();
    let sum = XxHash3_64::oneshot(&[&length, key.as_bytes(), &entry[..40], &entry[48..]].concat());
    entry[40..48].copy_from_slice(&sum.to_le_bytes());
    entry
}

fn clocks_that_disagree_decide_only_when() {
    let redis = PrivateRedis::start("");
    let options = Options::default().reply_timeout(PATIENT).connect_timeout(PATIENT);
    let cache = redis.cache(options);
    let raw = "cache:thing:1:1";
    let load = |value: &str| Ok::<_, Infallible>(Some(value.to_owned()));
    cache.get(&thing(1), || load("cached")).unwrap();
    let mut admin = redis.connect();
    let entry: Vec<u8> = admin.get(raw).unwrap();
    for expires_at_ms in [0, 1, 1_000_000_000_000, u64::MAX / 2, u64::MAX] {
        let skewed = expiring_at(&entry, raw, expires_at_ms);
        let _: () = admin.set(raw, skewed).unwrap();
        for _ in 0..20 {
            let answer = cache.get(&thing(1), || load("from the database")).unwrap();
            assert_eq!(answer.as_deref(), Some("cached"), "expires at {expires_at_ms}");
        }
        cache.invalidate(&thing(1)).unwrap();
        let answer = cache.get(&thing(1), || load("cached")).unwrap();
        assert_eq!(answer.as_deref(), Some("cached"), "and a write still counts");
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.loads, stats.corrupt), (100, 6, 0));
}

fn keys_of_odd_characters_never_meet() {
    let redis = PrivateRedis::start("");
    let options = Options::default().reply_timeout(PATIENT).connect_timeout(PATIENT);
    let cache = redis.cache(options);
    let long = "x".repeat(1000);
    let names = [
        ("a", "b"),
        ("a:1", "b"),
        ("a", "1:b"),
        ("a", "b:"),
        ("a", ":b"),
        ("a", "b\n"),
        ("a", "b\r\n"),
        ("a", "b\0"),
        ("a", "b\0\0"),
        ("a", "%00"),
        ("a", "b%0A"),
        ("a", "b%3A"),
        ("a", " b"),
        ("a", "*"),
        ("a", "b*"),
        ("a", "\u{202e}b"),
        ("a", "é"),
        ("a", "e\u{301}"),
        ("a", &long),
        ("a", &long[1..]),
    ];
    for (number, (kind, id)) in names.iter().enumerate() {
        let key = Key::new(kind, 1, id).unwrap();
        assert_eq!(cache.get(&key, || Ok::<_, Infallible>(Some(number))), Ok(Some(number)));
    }
    for (number, (kind, id)) in names.iter().enumerate() {
        let key = Key::new(kind, 1, id).unwrap();
        let answer = cache.get::<usize, Infallible>(&key, || panic!("{kind:?} {id:?} was cached"));
        assert_eq!(answer, Ok(Some(number)), "{kind:?} {id:?}");
    }
    let stored: usize = redis::cmd("DBSIZE").query(&mut redis.connect()).unwrap();
    assert_eq!(stored, names.len());
    assert!(Key::new("a", 1, "").is_err() && Key::new("", 1, "b").is_err());
    assert!(Key::new("a", 1, "x".repeat(1_025)).is_err() && Key::new("a", 1, "\n".repeat(500)).is_err());
}

/// A unix socket whose queue is full takes no connection and refuses none.
fn a_redis_that_hangs_is_waited_for_no_longer_than_promised() {
    let redis = PrivateRedis::start("tcp-backlog 1");
    let options = Options::default().connect_timeout(Duration::from_millis(20));
    let cache = Cache::connect(&redis.url(), options).unwrap();
    redis.signal("STOP");
    let started = Instant::now();
    for number in 0..20 {
        // Writers ask whatever the breaker says.
        assert!(cache.invalidate(&thing(number)).is_err());
        assert!(started.elapsed() < PATIENT, "connection {number} is waited for without end");
    }
}

/// It may be cut anywhere: after a lost connection a command is tried once more, after nonsense it
/// is not.
fn a_reply_that_breaks_off_is_a_lost_connection() {
    for reply in ["+OK\r", "+OK", "+", "-READONLY You can't wr", ":", "$3\r\nab", "$3\r\nabc\r", "$3"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let mut command = [0; 4096];
                let _ = client.read(&mut command).and_then(|_| client.write_all(reply.as_bytes()));
            }
        });
        let options = Options::default().reply_timeout(PATIENT).connect_timeout(PATIENT);
        let error = Cache::connect(&url, options).unwrap().invalidate(&thing(1)).unwrap_err();
        assert_eq!(error.cause().kind(), RedisErrorKind::Unreachable, "{reply:?}: {error}");
    }
}
