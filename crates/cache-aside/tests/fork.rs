//! Parent and child after a fork: neither speaks on the other's connections, and no two leases are alike.

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

fn main() {
    let redis = PrivateRedis::start();
    let long = Duration::from_secs(30);
    let options = Options::default().connect_timeout(long).reply_timeout(long);
    let cache = Cache::at(redis.endpoint(), options).unwrap();
    load_and_save_lease(&cache, &redis, "before");
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    // SAFETY: this process has one thread, so that no lock is held by another one.
    #[expect(unsafe_code, reason = "there is no safe fork")]
    let child = unsafe { libc::fork() };
    if child == 0 {
        load_and_save_lease(&cache, &redis, "child");
        // The connection of before is the parent's; the child made one of its own.
        assert_eq!(cache.stats().connections_opened, 2);
        theirs.write_all(b"done").unwrap();
        // Not by return: the server ends with the parent's value.
        std::process::exit(0);
    }
    drop(theirs);
    load_and_save_lease(&cache, &redis, "parent");
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert_eq!(said, "done", "the child failed");
    assert_eq!(cache.stats().connections_opened, 1, "the parent goes on as before");
    let differ = "EVAL \"return redis.call('GET', 'child') ~= redis.call('GET', 'parent') and 1 or 0\" 0";
    assert_eq!(redis.say(differ), ":1", "two leases are alike");
}
