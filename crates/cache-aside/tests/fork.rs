//! Parent and child after a fork: neither speaks on the other's connections, and no two leases are
//! alike.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cache_aside::{Cache, Key, Options};

mod endpoint {
    pub(crate) use cache_aside::internal::endpoint::RedisEndpoint;
}
#[path = "../src/private_redis.rs"]
mod private_redis;

use private_redis::PrivateRedis;

fn key(name: &str) -> Key {
    Key::new("thing", 1, name).unwrap()
}

/// Loads a value, and saves the lease that stands there meanwhile under a key of the same name.
fn load_and_save_lease(cache: &Cache, redis: &PrivateRedis, name: &str) {
    let loaded = cache.get(&key(name), || {
        let copy = format!("EVAL \"return redis.call('SET', ARGV[1], redis.call('GET', KEYS[1]))\" 1 cache:thing:1:{name} {name}");
        assert_eq!(redis.say(&copy), "+OK");
        Ok::<_, Infallible>(Some(name.to_owned()))
    });
    assert_eq!(loaded.unwrap().as_deref(), Some(name));
}

/// A load that takes longer than its lease lives.
fn load_slowly(cache: &Cache, name: &str) {
    let loaded = cache.get(&key(name), || {
        std::thread::sleep(3 * LEASE);
        Ok::<_, Infallible>(Some(name.to_owned()))
    });
    assert_eq!(loaded.unwrap().as_deref(), Some(name));
    let stats = cache.stats();
    assert!(stats.renewals > 0 && stats.fills_refused == 0, "{stats:?}");
}

const LEASE: Duration = Duration::from_millis(600);

fn main() {
    let redis = PrivateRedis::start();
    let long = Duration::from_secs(30);
    let options = Options::default().connect_timeout(long).reply_timeout(long).lease(LEASE);
    let cache = Cache::at(redis.endpoint(), options).unwrap();
    load_and_save_lease(&cache, &redis, "before");
    // From here on a thread of the cache renews leases, and the child will not have it.
    load_slowly(&cache, "slowly before");
    let (before, opened) = (cache.stats().renewals, cache.stats().connections_opened);
    // Its entry was sent, and the reply is outstanding when the child begins.
    load_and_save_lease(&cache, &redis, "ahead");
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    // SAFETY: the other thread of this process is the cache's own, which sleeps.
    #[expect(unsafe_code, reason = "there is no safe fork")]
    let child = unsafe { libc::fork() };
    if child == 0 {
        load_and_save_lease(&cache, &redis, "child");
        load_slowly(&cache, "slowly in the child");
        assert!(cache.stats().renewals > before, "{:?}", cache.stats());
        let stats = cache.stats();
        assert_eq!((stats.fills_skipped, stats.redis_errors), (0, 0));
        // The connection of before is the parent's; the child made one of its own.
        assert!(cache.stats().connections_opened > opened);
        theirs.write_all(b"done").unwrap();
        // Not by return: the server ends with the parent's value.
        std::process::exit(0);
    }
    drop(theirs);
    load_and_save_lease(&cache, &redis, "parent");
    load_slowly(&cache, "slowly in the parent");
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert_eq!(said, "done", "the child failed");
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.fills_skipped, stats.redis_errors), (stats.loads, 0, 0));
    // One for its reads, and perhaps one for its renewals.
    assert!(cache.stats().connections_opened <= 2, "the parent goes on as before");
    let differ = "EVAL \"return redis.call('GET', 'child') ~= redis.call('GET', 'parent') and 1 or 0\" 0";
    assert_eq!(redis.say(differ), ":1", "two leases are alike");
}
