//! Tests of the connections of a cache on a bad network, at a bad moment, or with too many threads.

mod refusals;

use std::convert::Infallible;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::codec::Json;
use crate::middlebox::Middlebox;
use crate::private_redis::PrivateRedis;
use crate::{Cache, Key, Options, RedisErrorKind, Stats};

/// Longer than anything takes on the slowest machine.
const PATIENT: Duration = Duration::from_secs(30);

type Texts = Cache<Json>;

fn patient() -> Options {
    Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT)
}

fn cache(middlebox: &Middlebox, options: Options) -> Texts {
    Cache::at(middlebox.endpoint(), options).unwrap().with_codec(Json)
}

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

fn load(value: &str) -> Result<Option<String>, Infallible> {
    Ok(Some(value.to_owned()))
}

fn read(cache: &Texts, id: u32, value: &str) -> String {
    cache.get(&key(id), || load(value)).unwrap().unwrap()
}

fn must_hit(cache: &Texts, id: u32) {
    let loads = cache.stats().loads;
    read(cache, id, "loaded");
    assert_eq!(cache.stats().loads, loads, "this must be a hit: {:?}", cache.stats());
}

/// So many connections, idle, and the value cached.
fn with_idle(cache: &Texts, middlebox: &Middlebox, connections: usize) {
    read(cache, 1, "value");
    middlebox.hold("GET", Duration::from_secs(1));
    let start = Barrier::new(connections);
    while middlebox.connections() < connections {
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    start.wait();
                    read(cache, 1, "value")
                });
            }
        });
    }
    middlebox.hold("", Duration::ZERO);
}

#[test]
fn idle_connections_that_were_lost_in_silence_cost_no_hit_and_no_write() {
    let redis = PrivateRedis::start();
    for connections in [12, 64] {
        let middlebox = Middlebox::start(&redis.socket());
        let options = Options::default().connect_timeout(PATIENT).reply_timeout(Duration::from_secs(2));
        let cache = cache(&middlebox, options);
        with_idle(&cache, &middlebox, connections);
        let before = middlebox.connections();
        thread::sleep(Duration::from_millis(1_100));
        middlebox.forget();
        must_hit(&cache, 1);
        cache.mark(&[&key(2)]).unwrap().finish().unwrap();
        cache.invalidate(&key(2)).unwrap();
        assert!(middlebox.connections() <= before + 2, "the others went with the first that was lost");
        assert_eq!(cache.stats().breaker_opened, 0);
    }
}

#[test]
fn a_lost_connection_leaves_its_place_to_the_next_one() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let options = patient().reply_timeout(Duration::from_secs(1)).max_connections(1);
    let cache = cache(&middlebox, options.connect_timeout(Duration::from_secs(3)));
    read(&cache, 1, "value");
    cache.flush();
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(1_100));
        middlebox.forget();
        must_hit(&cache, 1);
        thread::sleep(Duration::from_millis(1_100));
        middlebox.forget();
        cache.invalidate(&key(2)).unwrap();
    }
    assert_eq!(cache.stats().connections_missing, 0);
}

/// All of them ask their connections at once, and all are lost. Asking takes as long as a
/// connection may take to open.
#[test]
fn threads_whose_connections_were_lost_together_all_get_new_ones() {
    const THREADS: usize = 24;
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let limit = Duration::from_secs(3);
    let cache = cache(&middlebox, Options::default().connect_timeout(limit).reply_timeout(limit));
    with_idle(&cache, &middlebox, THREADS);
    thread::sleep(Duration::from_millis(1_100));
    let before = cache.stats();
    middlebox.forget();
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                assert_eq!(read(&cache, 1, "loaded"), "value");
            });
        }
    });
    let after = cache.stats();
    assert_eq!((after.loads, after.connections_missing), (before.loads, 0), "{after:?}");
}

/// They were used a moment ago, so that nothing is asked before the command.
#[test]
fn connections_that_are_lost_while_in_use_cost_one_read_its_hit() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(Duration::from_secs(1));
    let cache = cache(&middlebox, options);
    with_idle(&cache, &middlebox, 12);
    middlebox.forget();
    read(&cache, 1, "value");
    must_hit(&cache, 1);
    must_hit(&cache, 1);
}

#[test]
fn a_reply_that_comes_twice_is_not_believed() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = cache(&middlebox, patient());
    read(&cache, 1, "0");
    middlebox.double();
    for version in 1..=100 {
        // A write may be refused, which says so; one that was told is told.
        assert!((0..100).any(|_| cache.invalidate(&key(1)).is_ok()), "{:?}", cache.last_error());
        for _ in 0..2 {
            assert_eq!(read(&cache, 1, &version.to_string()), version.to_string());
        }
    }
}

#[test]
fn a_server_that_was_demoted_behind_its_name_is_left() {
    let (old, new) = (PrivateRedis::start(), PrivateRedis::start());
    let middlebox = Middlebox::start(&old.socket());
    let (reader, writer) = (cache(&middlebox, patient()), cache(&middlebox, patient()));
    with_idle(&reader, &middlebox, 12);
    with_idle(&writer, &middlebox, 24);
    assert_eq!(old.say("REPLICAOF 127.0.0.1 1"), "+OK");
    middlebox.lead_to(&new.socket());
    // The first refusal shows that the server is the wrong one; the command is tried on a new
    // connection.
    for _ in 0..200 {
        writer.mark(&[&key(1)]).unwrap().finish().unwrap();
        writer.invalidate(&key(1)).unwrap();
    }
    assert_eq!(read(&writer, 1, "new"), "new");
    // Who only reads is refused nothing.
    thread::sleep(Duration::from_millis(1_100));
    for _ in 0..100 {
        assert_eq!(read(&reader, 1, "new"), "new");
    }
}

#[test]
fn a_replica_is_no_cache_until_it_is_promoted() {
    let redis = PrivateRedis::start();
    redis.say("REPLICAOF 127.0.0.1 1");
    let cache = Cache::at(redis.endpoint(), patient()).unwrap().with_codec(Json);
    assert_eq!(read(&cache, 1, "a"), "a");
    let refused = cache.mark(&[&key(1)]).unwrap_err();
    assert_eq!(refused.cause().server_code(), Some("READONLY"), "{refused}");
    redis.say("REPLICAOF NO ONE");
    cache.mark(&[&key(1)]).unwrap().finish().unwrap();
    while cache.stats().hits == 0 {
        read(&cache, 1, "b");
    }
}

#[test]
fn a_server_that_takes_few_clients_serves_many_threads() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), patient()).unwrap().with_codec(Json);
    read(&cache, 1, "value");
    redis.say("CONFIG SET maxclients 12");
    thread::scope(|scope| {
        for _ in 0..60 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(read(&cache, 1, "value"), "value")));
        }
    });
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.breaker_opened), (1, 0), "{stats:?}");
}

#[test]
fn more_threads_than_connections_wait_within_bounds() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = cache(&middlebox, patient().max_connections(3));
    read(&cache, 1, "value");
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(read(&cache, 1, "value"), "value")));
        }
    });
    assert_eq!((cache.stats().loads, cache.stats().connections_opened), (1, 3));
    // All of them hang: the next one gives up, and says why.
    let hasty =
        self::cache(&middlebox, patient().max_connections(1).connect_timeout(Duration::from_millis(200)));
    read(&hasty, 1, "value");
    // From now on Redis knows the script, whose text contains what is held back.
    hasty.invalidate(&key(2)).unwrap();
    middlebox.hold("GET", Duration::from_secs(5));
    thread::scope(|scope| {
        let slow = scope.spawn(|| read(&hasty, 1, "value"));
        let busy = loop {
            match hasty.invalidate(&key(2)) {
                Err(busy) => break busy,
                Ok(()) => assert!(!slow.is_finished()),
            }
        };
        assert_eq!(busy.cause().kind(), RedisErrorKind::Busy);
    });
    assert_eq!(hasty.stats().connections_missing, 1);
    assert!(!hasty.stats().breaker_open, "that says nothing about Redis");
}

/// A start of many threads at once, and many threads all the time.
#[test]
fn five_hundred_threads_open_no_more_connections_than_they_are() {
    const THREADS: u64 = 500;
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), patient()).unwrap().with_codec(Json);
    let start = Barrier::new(500);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                (0..20).for_each(|_| assert_eq!(read(&cache, 1, "value"), "value"));
            });
        }
    });
    let stats = cache.stats();
    assert!(stats.connections_opened <= THREADS, "{stats:?}");
    assert_eq!((stats.loads, stats.breaker_opened, stats.redis_errors), (1, 0, 0), "{stats:?}");
}

/// A round trip that lasts for longer than a connection is trusted.
#[test]
fn a_connection_that_is_given_back_late_is_asked_and_not_replaced() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = Cache::at(middlebox.endpoint(), patient().max_connections(1)).unwrap().with_codec(Json);
    read(&cache, 1, "value");
    middlebox.hold("GET", Duration::from_millis(1_200));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(read(&cache, 1, "value"), "value"));
        }
    });
    let stats = cache.stats();
    assert_eq!((stats.connections_opened, stats.loads, stats.hits), (1, 1, 3), "{stats:?}");
}

/// By the commands' names as the scripts' hashes: the proxy holds back the one that puts a lease,
/// or the one that fills.
#[test]
fn a_command_without_an_answer_leaves_no_lease_that_others_wait_for() {
    let redis = PrivateRedis::start();
    for script in [include_str!("../scripts/acquire.lua"), include_str!("../scripts/replace.lua")] {
        let name = sha1_smol::Sha1::from(script).digest().to_string();
        let middlebox = Middlebox::start(&redis.socket());
        let options = patient().reply_timeout(Duration::from_millis(300)).lease(PATIENT).lease_wait(PATIENT);
        let (cache, other) = (cache(&middlebox, options.clone()), cache(&middlebox, options));
        // Redis knows the scripts.
        read(&cache, 1, "value");
        cache.invalidate(&key(1)).unwrap();
        middlebox.hold(&name, Duration::from_millis(900));
        read(&cache, 1, "value");
        middlebox.hold("", Duration::ZERO);
        thread::sleep(Duration::from_millis(1_200));
        let before = Instant::now();
        while cache.stats().hits == 0 {
            read(&cache, 1, "value");
            read(&cache, 2, "another");
            assert!(before.elapsed() < PATIENT, "{:?}", cache.stats());
        }
        read(&other, 1, "value");
        assert!(before.elapsed() < PATIENT, "{:?}", other.stats());
        cache.invalidate(&key(1)).unwrap();
    }
}

#[test]
fn a_thousand_markers_over_a_slow_link_all_stand_or_the_write_is_refused() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let keys: Vec<Key> = (0..1000).map(key).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    for (marker, delay) in [(60_000, 3), (2_000, 100)] {
        let cache = cache(&middlebox, patient().marker(Duration::from_millis(marker)));
        cache.invalidate(&key(0)).unwrap();
        middlebox.delay(Duration::from_millis(delay));
        let marked = cache.mark(&keys);
        let there = redis.say("DBSIZE");
        middlebox.delay(Duration::ZERO);
        match marked {
            Ok(guard) => {
                assert_eq!(there, ":1000");
                assert_eq!(guard.finish().unwrap().lost().len(), 0);
            }
            Err(refused) => assert_eq!(refused.cause().kind(), RedisErrorKind::TimedOut),
        }
    }
    assert_eq!(redis.say("DBSIZE"), ":0", "nothing is left");
}

#[test]
fn many_marks_and_a_redis_that_hangs_cost_a_few_timeouts() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = cache(&middlebox, patient().reply_timeout(Duration::from_millis(300)));
    let keys: Vec<Key> = (0..1000).map(key).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    let guard = cache.mark(&keys).unwrap();
    middlebox.hold("*", PATIENT);
    cache.mark(&keys).unwrap_err();
    assert_eq!(guard.finish().unwrap_err().keys().len(), 1000);
    assert_eq!(cache.invalidate_all(&keys).unwrap_err().keys().len(), 1000);
    let errors = cache.stats().redis_errors;
    assert!(errors <= 5, "{errors} errors for 3 writes of 1,000 keys");
}

#[test]
fn a_marker_that_was_gone_before_the_end_is_reported() {
    let redis = PrivateRedis::start();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let events = std::sync::Arc::clone(&seen);
    let options = patient().on_error(move |event| events.lock().unwrap().push(event.to_string()));
    let cache = Cache::at(redis.endpoint(), options).unwrap().with_codec(Json);
    let guard = cache.mark(&[&key(1), &key(2), &key(3)]).unwrap();
    assert_eq!(redis.say("DEL cache:thing:1:2"), ":1");
    assert_eq!(guard.finish().unwrap().lost(), [key(2)]);
    assert_eq!(cache.stats().markers_lost, 1);
    assert!(seen.lock().unwrap()[0].contains("thing:1:2"));
    assert_eq!(cache.mark(&[&key(1)]).unwrap().finish().unwrap().lost(), []);
}

/// A marker from two hours in the future, which a Redis whose clock was set back would keep.
#[test]
fn a_marker_from_before_the_clock_was_set_back_is_bounded_and_not_dropped() {
    let redis = PrivateRedis::start();
    let cache = Cache::at(redis.endpoint(), patient()).unwrap().with_codec(Json);
    let left_ms = || redis.say("PTTL cache:thing:1:1").trim_start_matches(':').parse::<i64>().unwrap();
    let set_back = || {
        // The end, little-endian, behind header and token: two hours later than it was.
        let ends = "struct.unpack('<I8', marker, 25)";
        let script = format!(
            "local marker = redis.call('GET', KEYS[1]); marker = string.sub(marker, 1, 24) .. struct.pack('<I8', {ends} + \
             7200000) .. string.sub(marker, 33); redis.call('SET', KEYS[1], marker, 'PX', 7210000); return 1"
        );
        assert_eq!(redis.say(&format!("EVAL \"{script}\" 1 cache:thing:1:1")), ":1");
        assert!(left_ms() > 7_000_000);
    };
    let writer = cache.mark(&[&key(1)]).unwrap();
    set_back();
    // A reader that waited in vain.
    read(&cache, 1, "value");
    assert!((1..=10_000).contains(&left_ms()));
    set_back();
    // Another writer, whose end does not take the first one's token away.
    cache.mark(&[&key(1)]).unwrap().finish().unwrap();
    assert!((1..=10_000).contains(&left_ms()));
    assert_eq!(writer.finish().unwrap().lost(), []);
    // A lease.
    let lease = "'rcae' .. string.char(1, 3, 0, 0) .. 'aaaaaaaaaaaaaaaa'";
    let put =
        format!("EVAL \"redis.call('SET', KEYS[1], {lease}, 'PX', 7200000) return 1\" 1 cache:thing:1:1");
    assert_eq!(redis.say(&put), ":1");
    let hasty = Cache::at(redis.endpoint(), patient().lease_wait(Duration::from_millis(20))).unwrap();
    read(&hasty.with_codec(Json), 1, "value");
    assert!(left_ms() <= 5_000, "{}", left_ms());
}

#[test]
fn a_check_says_what_is_wrong_in_words() {
    let redis = PrivateRedis::start();
    let checked = |url: &str| {
        let url = format!("{}?{url}", redis.url());
        Cache::connect(&url, patient()).unwrap().check()
    };
    let report = checked("").unwrap();
    assert!(report.is_primary == Some(true) && report.server.is_some(), "{report}");
    assert_eq!(redis.say("DBSIZE"), ":0", "a check leaves nothing behind");
    redis.say("ACL SETUSER reader on >pw ~* +get +info");
    redis.say("ACL SETUSER mute on >pw ~* +@all -info -role");
    redis.say("ACL SETUSER untimed on >pw ~* +@all -time");
    for (account, words) in [
        ("user=reader&pass=pw", &["EVAL", "account needs"][..]),
        ("user=untimed&pass=pw", &["marker"]),
        ("user=reader&pass=no", &["connecting", "password"]),
    ] {
        let error = checked(account).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let mute = checked("user=mute&pass=pw").unwrap();
    assert!(mute.server.is_none() && mute.warnings.len() == 1, "{mute}");
    redis.say("ACL SETUSER still on >pw ~* +@all -scan");
    let still = checked("user=still&pass=pw").unwrap().to_string();
    assert!(still.contains("SCAN is refused, so invalidate_kind fails"), "{still}");
    redis.say("CONFIG SET maxmemory 100mb");
    redis.say("CONFIG SET maxclients 100");
    let report = checked("").unwrap().to_string();
    assert!(report.contains("noeviction") && report.contains("maxclients is 100"), "{report}");
    assert!(!report.contains("snapshots"), "{report}");
    redis.say("CONFIG SET save \"3600 1000000\"");
    let report = checked("").unwrap().to_string();
    assert!(report.contains("snapshots are on"), "{report}");
    redis.say("ACL SETUSER plain on >pw ~* +@all -config");
    let report = checked("user=plain&pass=pw").unwrap().to_string();
    assert!(!report.contains("snapshots"), "not known: {report}");
    redis.say("REPLICAOF 127.0.0.1 1");
    let error = checked("").unwrap_err().to_string();
    assert!(error.contains("replica"), "{error}");
    let nowhere = Cache::connect("redis://127.0.0.1:1", Options::default()).unwrap();
    assert!(nowhere.check().unwrap_err().to_string().contains("connecting"));
}

#[test]
fn reasons_are_told_and_no_secret_is() {
    static EVENTS: AtomicUsize = AtomicUsize::new(0);
    let options = Options::default().on_error(|_| {
        EVENTS.fetch_add(1, Ordering::SeqCst);
    });
    let cache = Cache::connect("redis://:hunter2@127.0.0.1:1", options).unwrap().with_codec(Json);
    assert_eq!(cache.last_error(), None);
    for _ in 0..10 {
        read(&cache, 1, "value");
    }
    let last = cache.last_error().unwrap();
    assert!(last.words.contains("127.0.0.1:1") && !last.words.contains("hunter2"), "{last:?}");
    let Stats { redis_errors, breaker_opened, .. } = cache.stats();
    // Each error, and that the breaker opened.
    assert_eq!(EVENTS.load(Ordering::SeqCst) as u64, redis_errors + breaker_opened);
    assert!(breaker_opened == 1 && redis_errors < 10);
}
