//! Looks that put a lease, and entries whose reply is left for later: on servers that refuse,
//! forget, fall silent or lose connections in between.

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

use crate::middlebox::Middlebox;
use crate::private_redis::PrivateRedis;
use crate::{Cache, CallOptions, Key, Options, Stats};

/// For whatever must happen, on the slowest machine.
const PATIENT: Duration = Duration::from_secs(60);

fn options() -> Options {
    Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0)
}

fn cache(redis: &PrivateRedis) -> Cache {
    Cache::at(redis.endpoint(), options()).unwrap()
}

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

/// Reads by a look that may put a lease.
fn read(cache: &Cache, id: u32, loaded: u32) -> Option<u32> {
    let call = CallOptions::default().expects_miss(true);
    cache.get_with(&key(id), &call, || Ok::<_, Infallible>(Some(loaded))).unwrap()
}

/// The script of replacements is known to the server from here on: entries are sent ahead.
fn warm(cache: &Cache) {
    read(cache, 0, 0);
    assert_eq!(cache.stats().fills, 1);
}

fn calls(redis: &PrivateRedis, command: &str) -> u64 {
    let mut connection = crate::middlebox::connect(&redis.endpoint());
    let mut value = Vec::new();
    connection.command(&[b"INFO", b"commandstats"], &mut value).unwrap();
    let text = String::from_utf8(value).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn wait_until(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < PATIENT);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_miss_waits_for_one_command_and_the_next_read_finds_its_entry() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    warm(&cache);
    let (gets, scripts) = (calls(&redis, "get"), calls(&redis, "evalsha"));
    for id in 1..=10 {
        assert_eq!(read(&cache, id, id), Some(id));
        assert_eq!(read(&cache, id, 99), Some(id));
    }
    let Stats { hits, misses, loads, fills, redis_errors, .. } = cache.stats();
    assert_eq!((hits, misses, loads, fills, redis_errors), (10, 11, 11, 11, 0));
    assert_eq!(calls(&redis, "get"), gets, "no look was a plain GET");
    assert_eq!(calls(&redis, "evalsha"), scripts + 10, "a script for each entry, and none for its lease");
}

/// An older server, an account without the right to SET, a full server, a replica that took over
/// badly.
#[test]
fn a_server_that_refuses_leases_is_read_with_get_and_refuses_once() {
    for refusal in
        ["ACL SETUSER default -set", "CONFIG SET maxmemory 1", "CONFIG SET min-replicas-to-write 1"]
    {
        let redis = PrivateRedis::start();
        let cache = cache(&redis);
        warm(&cache);
        assert_eq!(read(&cache, 1, 1), Some(1));
        cache.flush();
        assert_eq!(redis.say(refusal), "+OK");
        let before = cache.stats();
        for _ in 0..20 {
            assert_eq!(read(&cache, 1, 2), Some(1), "a hit is not refused: {refusal}");
        }
        let after = cache.stats();
        assert_eq!((after.hits - before.hits, after.loads), (20, before.loads), "{refusal}");
        assert_eq!(after.redis_errors, before.redis_errors, "{refusal}");
        assert!(calls(&redis, "get") >= 20, "{refusal}");
        // And a miss is right, though not kept.
        assert_eq!(read(&cache, 2, 3), Some(3), "{refusal}");
        assert_eq!(read(&cache, 2, 4), Some(4), "{refusal}");
    }
}

#[test]
fn what_is_stored_there_is_seen_as_by_a_plain_look() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    warm(&cache);
    // A key of another type, bytes that are no entry, a marker, and the lease of another process.
    redis.say("RPUSH cache:thing:1:1 element");
    redis.say("SET cache:thing:1:2 junk");
    for id in [1, 2] {
        assert_eq!(read(&cache, id, 7), Some(7));
        assert_eq!(read(&cache, id, 8), Some(7), "removed and kept anew");
    }
    assert_eq!(cache.stats().corrupt, 2);
    let guard = cache.mark(&[&key(3)]).unwrap();
    assert_eq!(read(&cache, 3, 9), Some(9));
    guard.finish().unwrap();
    assert_eq!(read(&cache, 3, 10), Some(10), "nothing was kept while it was marked");
    let other = self::cache(&redis);
    let nested = other.get(&key(4), || {
        let hasty = Cache::at(redis.endpoint(), options().lease_wait(Duration::from_millis(1))).unwrap();
        Ok::<_, Infallible>(read(&hasty, 4, 11).map(|read| read + 1))
    });
    assert_eq!(nested, Ok(Some(12)));
    assert_eq!(read(&cache, 4, 13), Some(12), "the lease was respected");
}

#[test]
fn a_server_that_forgot_the_script_is_sent_it_again() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    warm(&cache);
    assert_eq!(redis.say("SCRIPT FLUSH"), "+OK");
    assert_eq!(read(&cache, 1, 1), Some(1));
    // The next command on the connection brings the news.
    assert_eq!(read(&cache, 1, 2), Some(1));
    assert_eq!(redis.say("SCRIPT FLUSH"), "+OK");
    assert_eq!(read(&cache, 2, 3), Some(3));
    let Stats { fills, fills_skipped, redis_errors, loads, .. } = cache.stats();
    assert_eq!((fills, fills_skipped, redis_errors, loads), (3, 0, 0, 3));
}

#[test]
fn a_connection_that_is_lost_with_its_reply_mixes_nothing_up() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    warm(&cache);
    for id in 1..20 {
        // Held back, so that the connection is lost before, while or after Redis takes the entry.
        assert_eq!(read(&cache, id, id), Some(id));
        redis.say("CLIENT KILL TYPE normal");
        assert_eq!(read(&cache, id + 100, id + 100), Some(id + 100));
        let again = read(&cache, id, 1_000 + id);
        assert!(again == Some(id) || again == Some(1_000 + id), "{again:?}");
    }
    let Stats { fills, fills_refused, fills_skipped, bypasses, loads, .. } = cache.stats();
    assert_eq!(fills + fills_refused + fills_skipped + bypasses, loads, "each load ended in one way");
    assert!(!cache.stats().breaker_open);
}

#[test]
fn a_silent_server_is_noticed_by_the_next_command_or_without_one() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let options = options().reply_timeout(Duration::from_millis(100)).breaker_failures(1_000);
    let cache = Cache::at(middlebox.endpoint(), options).unwrap();
    wait_until(|| {
        read(&cache, 0, 0);
        cache.stats().fills > 0
    });
    middlebox.hold("EVALSHA", Duration::from_millis(300));
    let errors = cache.stats().redis_errors;
    assert_eq!(read(&cache, 1, 1), Some(1));
    // No further read is made: the reply is missed all the same, and its lease looked after.
    wait_until(|| cache.core().counts.redis_errors.get() > errors);
    middlebox.hold("", Duration::ZERO);
    wait_until(|| read(&cache, 1, 2) == Some(2) || cache.stats().hits > 0);
}

#[test]
fn the_end_of_a_cache_and_a_pause_take_the_reply() {
    let redis = PrivateRedis::start();
    let cache = cache(&redis);
    warm(&cache);
    assert_eq!(read(&cache, 1, 1), Some(1));
    wait_until(|| cache.core().counts.fills.get() == 2);
    assert_eq!(read(&cache, 2, 2), Some(2));
    drop(cache);
    let other = self::cache(&redis);
    assert_eq!((read(&other, 1, 9), read(&other, 2, 9)), (Some(1), Some(2)));
    assert_eq!(other.stats().loads, 0);
}

#[test]
fn doubled_replies_end_connections_and_no_answer_is_wrong() {
    let redis = PrivateRedis::start();
    let middlebox = Middlebox::start(&redis.socket());
    let cache = Cache::at(middlebox.endpoint(), options().breaker_failures(1_000)).unwrap();
    warm(&cache);
    middlebox.double();
    for turn in 0..200 {
        let id = turn % 13 + 1;
        assert_eq!(read(&cache, id, id), Some(id));
        assert_eq!(cache.get(&key(id), || Ok::<_, Infallible>(Some(id))), Ok(Some(id)));
    }
}
