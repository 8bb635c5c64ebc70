//! Brings a cache into the state in which the load would leave it, before the clock starts: first
//! the entries, then, at one time, what they have left of their lives.

use std::time::Duration;

use super::subject::{Arm, Filler, TrafficError};
use crate::cache::admin;
use crate::endpoint::RedisEndpoint;
use crate::interrupt;
use crate::load_model::draws::{Draws, Purpose};
use crate::load_model::operations::Mix;
use crate::load_model::steady_state::{Lifetimes, Load, presence_of_key};
use crate::scenario::ScenarioError;
use crate::scenario::keys::Keys;
use crate::scenario::run_clients::Lost;
use crate::scenario::strategies::{APP_TIMEOUT, ClientError};

/// Connections that fill at the same time.
const FILLERS: u32 = 4;

/// A key, and how long its entry lives from the start of the clock.
pub(super) type Life = (u32, Duration);

/// Fills each key with the chance that it is there. Returns the lives that are to begin with the
/// clock.
pub(super) fn fill(
    arm: &dyn Arm,
    mix: &Mix,
    load: Load,
    lifetimes: Lifetimes,
) -> Result<Vec<Life>, TrafficError> {
    let fillers = (0..FILLERS).map(|_| arm.filler()).collect::<Result<Option<Vec<_>>, _>>()?;
    let Some(fillers) = fillers else { return Ok(Vec::new()) };
    let outcomes: Vec<Result<Vec<Life>, TrafficError>> = std::thread::scope(|scope| {
        let share = |(number, mut filler): (u32, Box<dyn Filler>)| {
            scope.spawn(move || -> Result<Vec<Life>, TrafficError> {
                let mut lives = Vec::new();
                for rank in (number..mix.keys.count()).step_by(FILLERS as usize) {
                    if interrupt::requested() {
                        break;
                    }
                    if let Some(remaining) = remaining(rank, mix, load, lifetimes) {
                        let key = mix.keys.id(rank);
                        filler.fill(key)?;
                        lives.push((key, remaining));
                    }
                }
                filler.flush();
                Ok(lives)
            })
        };
        let threads: Vec<_> = (0..).zip(fillers).map(share).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(ScenarioError::from(Lost).into()))
        };
        threads.into_iter().map(join).collect()
    });
    Ok(outcomes.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// Begins the lives of all entries, as nearly at one time as can be.
pub(super) fn begin(redis: &RedisEndpoint, keys: &Keys, lives: &[Life]) -> Result<(), TrafficError> {
    const BATCH: usize = 500;
    if lives.is_empty() {
        return Ok(());
    }
    let failed = |error: redis::RedisError| ScenarioError::from(ClientError::from(error));
    let mut connection = admin::open(redis, APP_TIMEOUT, APP_TIMEOUT).map_err(failed)?;
    for lives in lives.chunks(BATCH) {
        if interrupt::requested() {
            break;
        }
        let mut expiries = redis::pipe();
        for (key, remaining) in lives {
            // Redis takes no time to live of zero.
            let ms = u64::try_from(remaining.as_millis().max(1)).unwrap_or(u64::MAX);
            expiries.cmd("PEXPIRE").arg(keys.entry(*key)).arg(ms).ignore();
        }
        expiries.exec(&mut connection).map_err(failed)?;
    }
    Ok(())
}

/// The rest of the life of a key's entry; none if it is not in the cache.
fn remaining(rank: u32, mix: &Mix, load: Load, lifetimes: Lifetimes) -> Option<Duration> {
    let share = mix.keys.share(rank);
    let mut draws = Draws::new(mix.rng_seed, Purpose::Filling, u64::from(rank));
    (draws.uniform() < presence_of_key(share, load, lifetimes)).then(|| {
        let seconds = lifetimes.draw_remaining_s(load.writes_per_s * share, &mut draws);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    })
}
