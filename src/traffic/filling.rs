//! Brings a cache into the state in which the load would leave it, before the clock starts.

use std::time::Duration;

use crate::interrupt;
use crate::load_model::draws::{Draws, Purpose};
use crate::load_model::operations::Mix;
use crate::load_model::steady_state::{Lifetimes, Load, presence_of_key};
use crate::scenario::ScenarioError;
use crate::scenario::arms::{Filler, Stage, Way};
use crate::scenario::crowd::Lost;
use crate::scenario::row::{FIRST_VERSION, Row};

/// Connections that fill at the same time.
const FILLERS: u32 = 4;

/// Fills each key with the chance that it is there, and with the life that it then has left. The rows must have their
/// first version.
pub(super) fn fill(
    stage: &Stage<'_>,
    way: Way,
    mix: &Mix,
    load: Load,
    lifetimes: Lifetimes,
) -> Result<(), ScenarioError> {
    let fillers = (0..FILLERS).map(|_| stage.filler(way)).collect::<Result<Option<Vec<Filler>>, _>>()?;
    let Some(fillers) = fillers else { return Ok(()) };
    let outcomes: Vec<Result<(), ScenarioError>> = std::thread::scope(|scope| {
        let share = |(number, mut filler): (u32, Filler)| {
            scope.spawn(move || -> Result<(), ScenarioError> {
                for rank in (number..mix.keys.count()).step_by(FILLERS as usize) {
                    if interrupt::requested() {
                        break;
                    }
                    if let Some(remaining) = remaining(rank, mix, load, lifetimes) {
                        filler.fill(&Row::of(mix.keys.id(rank), FIRST_VERSION), remaining)?;
                    }
                }
                Ok(())
            })
        };
        let threads: Vec<_> = (0..).zip(fillers).map(share).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Lost.into()))).collect()
    });
    outcomes.into_iter().collect()
}

/// What is left of the life of a key's entry; none if it is not in the cache.
fn remaining(rank: u32, mix: &Mix, load: Load, lifetimes: Lifetimes) -> Option<Duration> {
    let share = mix.keys.share(rank);
    let mut draws = Draws::new(mix.rng_seed, Purpose::Filling, u64::from(rank));
    (draws.uniform() < presence_of_key(share, load, lifetimes)).then(|| {
        let seconds = lifetimes.draw_remaining_s(load.writes_per_s * share, &mut draws);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    })
}
