//! The library beside what it is made of: a hit beside a bare GET, a miss beside the usual
//! cache-aside, each over TCP on the same server with one connection.

use std::convert::Infallible;

use anyhow::Context;

use super::Pair;
use crate::cache::admin;
use crate::cache::{Cache, Key, Options};
use crate::endpoint::{Address, RedisEndpoint};
use crate::measure::clock::timed;
use crate::secret::Secret;

const PAIRS: u32 = 200;
/// Operations timed together: one alone is shorter than the noise of a busy machine.
const BATCH: u32 = 100;
/// A value as long as the encoded user of `point`.
const VALUE: &str = "  7  ursula.underwood.4711  ursula.underwood.4711@mail.example";

/// A hit through the library, and a GET by the `redis` crate of the same bytes.
pub(super) fn hits(redis: &RedisEndpoint) -> anyhow::Result<Vec<Pair>> {
    let cache = cache(redis)?;
    let key = Key::new("hit", 1, 1)?;
    let _filled = cache.get(&key, load)?;
    let mut bare = admin::connect(redis)?;
    let raw = raw(&key);
    let pairs = pairs(
        |_| cache.get(&key, || Ok::<Option<String>, Infallible>(None))?.context("not a hit").map(drop),
        |_| {
            let entry: Vec<u8> = redis::cmd("GET").arg(&raw).query(&mut bare)?;
            anyhow::ensure!(entry.len() > VALUE.len(), "nothing is cached");
            Ok(())
        },
    )?;
    anyhow::ensure!(cache.stats().loads == 1, "not every read was a hit");
    Ok(pairs)
}

/// A miss through the library, and GET and SET by the `redis` crate; neither has anything to load.
pub(super) fn misses(redis: &RedisEndpoint) -> anyhow::Result<Vec<Pair>> {
    let cache = cache(redis)?;
    let mut bare = admin::connect(redis)?;
    let pairs = pairs(
        |number| Ok(cache.get(&Key::new("miss", 1, number)?, load).map(drop)?),
        |number| {
            let raw = raw(&Key::new("naive", 1, number)?);
            let nothing: Option<Vec<u8>> = redis::cmd("GET").arg(&raw).query(&mut bare)?;
            anyhow::ensure!(nothing.is_none(), "not a miss");
            Ok(redis::cmd("SET").arg(&raw).arg(VALUE).arg("PX").arg(300_000).exec(&mut bare)?)
        },
    )?;
    let stats = cache.stats();
    anyhow::ensure!(stats.hits == 0 && stats.fills == stats.misses, "not every read was a miss that filled");
    Ok(pairs)
}

fn load() -> Result<Option<String>, Infallible> {
    Ok(Some(VALUE.to_owned()))
}

fn cache(redis: &RedisEndpoint) -> anyhow::Result<Cache> {
    let Address::Tcp { host, port } = &redis.address else { anyhow::bail!("the limit is measured over TCP") };
    let password = redis.password.as_ref().map_or("", Secret::reveal);
    Ok(Cache::connect(&format!("redis://:{password}@{host}:{port}"), options())?)
}

fn options() -> Options {
    // Every hit must be one, however long the first load took.
    Options::default().namespace("limits").early_refresh(0.0)
}

fn raw(key: &Key) -> String {
    format!("{}:{key}", options().namespace)
}

/// Both in turn, batch by batch; ns for one operation.
fn pairs(
    mut ours: impl FnMut(u32) -> anyhow::Result<()>,
    mut limit: impl FnMut(u32) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for batch in 0..=PAIRS {
        let mut numbers = batch * BATCH..(batch + 1) * BATCH;
        let (outcome, ours_ns) = timed(|| numbers.clone().try_for_each(&mut ours));
        outcome?;
        let (outcome, limit_ns) = timed(|| numbers.try_for_each(&mut limit));
        outcome?;
        // The first pair warms everything up.
        if batch > 0 {
            pairs.push((ours_ns / u64::from(BATCH), limit_ns / u64::from(BATCH)));
        }
    }
    Ok(pairs)
}
