//! The highest rate at which a condition holds, for each strategy in turn.

use std::time::Duration;

use super::plan::{Plan, Source};
use super::tally::Tally;
use super::trial::{End, TrialResult, Trials, Watch};
use crate::interrupt;
use crate::load_model::arrivals::{Arrivals, DueTimes};
use crate::load_model::operations::Mix;
use crate::load_model::search::{Found, Search, Seen};
use crate::measure::clock::process_processor_s;
use crate::scenario::ScenarioError;
use crate::scenario::arms::Way;

/// The load of a search, but for its rate, and what is searched for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchLoad<'a> {
    pub(crate) mix: &'a Mix,
    pub(crate) arrivals: Arrivals,
    pub(crate) target: Target,
}

/// What is searched for: a response time below a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) figure: Figure,
    pub(crate) holds: fn(f64, f64) -> bool,
    pub(crate) threshold_ns: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    Mean,
    /// As a share of all operations.
    Quantile(f64),
}

/// What was found for one strategy.
#[derive(Clone, Debug)]
pub(crate) struct StrategyFound {
    pub(crate) way: Way,
    pub(crate) found: Option<Found>,
    pub(crate) trials: u32,
    /// The trial at the highest rate at which it held.
    pub(crate) best: Option<TrialResult>,
}

/// What was found for all strategies, and what ended the search before its time.
#[derive(Debug)]
pub(crate) struct Searched {
    pub(crate) strategies: Vec<StrategyFound>,
    pub(crate) failure: Option<ScenarioError>,
}

const SHORT_S: f64 = 1.0;
const LONG_S: f64 = 3.0;
/// No trial is longer, however few operations fall into it.
const LONGEST_S: f64 = 5.0;
/// Operations that a trial needs, so that its percentile is that of more than a handful.
const OPERATIONS: f64 = 1_000.0;
/// The share of what the closed loop does at which a search begins.
const FIRST_SHARE: f64 = 0.25;
/// If we use so much of this machine's processor ourselves, it is the limit.
const OWN_LIMIT: f64 = 0.85;

/// Searches for all strategies, taking turns, so that whatever changes on the machine changes for all.
pub(crate) fn find(
    trials: &Trials<'_>,
    ways: &[Way],
    plan: &Plan,
    load: &SearchLoad<'_>,
    watch: Watch<'_>,
) -> Searched {
    let mut searches: Vec<(Option<Search>, StrategyFound)> = ways
        .iter()
        .map(|way| (None, StrategyFound { way: *way, found: None, trials: 0, best: None }))
        .collect();
    let mut seed = plan.rng_seed;
    let mut failure = None;
    'turns: loop {
        let mut goes_on = false;
        for (search, strategy) in &mut searches {
            if interrupt::requested() {
                break 'turns;
            }
            seed = seed.wrapping_add(1);
            match turn(trials, search, strategy, plan, load, seed, watch) {
                Ok(took) => goes_on |= took,
                Err(error) => {
                    failure = Some(error);
                    break 'turns;
                }
            }
        }
        if !goes_on {
            break;
        }
    }
    let finish = |(search, strategy): (Option<Search>, StrategyFound)| StrategyFound {
        found: search.as_ref().and_then(Search::found),
        trials: search.as_ref().map_or(0, Search::trials),
        ..strategy
    };
    Searched { strategies: searches.into_iter().map(finish).collect(), failure }
}

/// One trial of one strategy: the first in a closed loop, to see where to begin. False if its search is over.
fn turn(
    trials: &Trials<'_>,
    search: &mut Option<Search>,
    strategy: &mut StrategyFound,
    plan: &Plan,
    load: &SearchLoad<'_>,
    seed: u64,
    watch: Watch<'_>,
) -> Result<bool, ScenarioError> {
    let Some(search) = search else {
        let source = Source::Closed(load.mix.clone());
        let closed = Plan { source, duration: Duration::from_secs_f64(SHORT_S), ..plan.clone() };
        let done = trials.run(strategy.way, &closed, watch)?;
        let per_s = done.tally.done() as f64 / done.measured_s.max(1e-3);
        *search = Some(Search::new(per_s * FIRST_SHARE));
        return Ok(true);
    };
    let Some(rate_per_s) = search.next_per_s() else { return Ok(false) };
    let plan = trial_plan(plan, load, rate_per_s, search.is_precise(), seed);
    let processor = process_processor_s();
    let result = trials.run(strategy.way, &plan, watch)?;
    if result.end != End::Interrupted {
        let own_share = (process_processor_s() - processor) / (result.measured_s.max(1e-3) * cores());
        let seen = judge(&result, load.target, own_share);
        search.add(seen);
        let is_better =
            strategy.best.as_ref().is_none_or(|best| best.offered_per_s() <= result.offered_per_s());
        if seen == Seen::Holds && is_better {
            strategy.best = Some(result);
        }
    }
    Ok(true)
}

fn trial_plan(plan: &Plan, load: &SearchLoad<'_>, rate_per_s: f64, precise: bool, seed: u64) -> Plan {
    let least_s = if precise { LONG_S } else { SHORT_S };
    let duration_s = (OPERATIONS / rate_per_s).clamp(least_s, LONGEST_S);
    let mix = Mix { rng_seed: seed, ..load.mix.clone() };
    let due = DueTimes::new(load.arrivals, rate_per_s, duration_s, seed);
    Plan { source: Source::Open { mix, due }, duration: Duration::from_secs_f64(duration_s), ..plan.clone() }
}

fn judge(result: &TrialResult, target: Target, own_share: f64) -> Seen {
    let value = match target.figure {
        // What was never answered has no response time, so that no mean holds with it.
        Figure::Mean => result.tally.response.mean_ns().filter(|_| result.tally.done() == result.offered),
        Figure::Quantile(quantile) => {
            quantile_ns(&result.tally, result.offered, quantile).map(|ns| ns as f64)
        }
    };
    match value {
        Some(value) if (target.holds)(value, target.threshold_ns) => Seen::Holds,
        _ if own_share > OWN_LIMIT => Seen::OwnLimit,
        _ => Seen::Fails,
    }
}

/// A quantile of all operations that were offered: those that failed or were given up are later than any answer. None if
/// the quantile falls among them.
pub(crate) fn quantile_ns(tally: &Tally, offered: u64, quantile: f64) -> Option<u64> {
    let done = tally.done();
    let rank = (quantile * offered as f64).ceil();
    let within = rank / done as f64;
    (done > 0 && within <= 1.0).then(|| tally.response.histogram().value_at_quantile(within))
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}
