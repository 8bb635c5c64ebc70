//! The highest rate at which a condition holds, for each strategy in turn.

use std::time::Duration;

use super::plan::{Plan, Source};
use super::subject::TrafficError;
use super::tally::Tally;
use super::trial::{End, TrialResult};
use crate::interrupt;
use crate::load_model::arrivals::{Arrivals, DueTimes};
use crate::load_model::operations::Mix;
use crate::load_model::search::{Found, Search, Seen};

/// The law of arrivals in a search, and its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchLoad {
    pub(crate) arrivals: Arrivals,
    pub(crate) target: Target,
}

/// The target of a search: a response time below a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) figure: Figure,
    pub(crate) holds: fn(f64, f64) -> bool,
    pub(crate) threshold_ns: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    Mean,
    /// A share of all operations.
    Quantile(f64),
}

/// The result for one strategy.
#[derive(Clone, Debug, Default)]
pub(crate) struct StrategyFound {
    pub(crate) found: Option<Found>,
    pub(crate) trials: u32,
    /// The trial at the highest rate at which it held.
    pub(crate) best: Option<TrialResult>,
}

/// The results for all strategies, in their order, and the reason why the search ended before its
/// time.
#[derive(Debug)]
pub(crate) struct Searched {
    pub(crate) strategies: Vec<StrategyFound>,
    pub(crate) failure: Option<TrafficError>,
}

const SHORT_S: f64 = 1.0;
const LONG_S: f64 = 3.0;
/// No trial is longer, however few operations fall into it.
const LONGEST_S: f64 = 6.0;
/// Operations that a trial needs, so that its percentile is that of more than a handful.
const OPERATIONS: f64 = 1_000.0;
/// The same once the rate is known to a factor of two.
const PRECISE_OPERATIONS: f64 = 10_000.0;
/// The share of what the closed loop does at which a search begins.
const FIRST_SHARE: f64 = 0.25;
/// If we use so much of this machine's processor ourselves, it is the limit.
const OWN_LIMIT: f64 = 0.85;

/// Runs a trial of one of the strategies by a plan.
pub(crate) type Run<'a> = &'a mut dyn FnMut(usize, &Plan) -> Result<TrialResult, TrafficError>;

/// Searches for all strategies, taking turns, so that whatever changes on the machine changes for
/// all. Each has a plan of a closed loop.
pub(crate) fn find(plans: &[Plan], load: &SearchLoad, run: Run<'_>) -> Searched {
    let mut searches: Vec<(Option<Search>, StrategyFound)> =
        plans.iter().map(|_| (None, StrategyFound::default())).collect();
    let mut round = 0;
    let mut failure = None;
    'turns: loop {
        let mut goes_on = false;
        for (number, plan) in plans.iter().enumerate() {
            if interrupt::requested() {
                break 'turns;
            }
            round += 1;
            let (search, strategy) = &mut searches[number];
            match turn(search, strategy, plan, load, round, &mut |plan: &Plan| run(number, plan)) {
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

/// One trial of one strategy: the first in a closed loop, to see where to begin. False if its
/// search is over.
fn turn(
    search: &mut Option<Search>,
    strategy: &mut StrategyFound,
    plan: &Plan,
    load: &SearchLoad,
    round: u64,
    run: &mut dyn FnMut(&Plan) -> Result<TrialResult, TrafficError>,
) -> Result<bool, TrafficError> {
    let Some(search) = search else {
        let done = run(&Plan { duration: Duration::from_secs_f64(SHORT_S), ..plan.clone() })?;
        let per_s = done.tally.done() as f64 / done.measured_s.max(1e-3);
        *search = Some(Search::new(per_s * FIRST_SHARE));
        return Ok(true);
    };
    let Some(rate_per_s) = search.next_per_s() else { return Ok(false) };
    let Some(plan) = trial_plan(plan, load, rate_per_s, search.is_precise(), round) else { return Ok(false) };
    let result = run(&plan)?;
    if result.end != End::Interrupted {
        let seen = judge(&result, load.target);
        search.add(seen);
        // One good trial alone decides nothing.
        if seen == Seen::Holds && search.held_per_s() == Some(rate_per_s) {
            strategy.best = Some(result);
        }
    }
    Ok(true)
}

/// None for a trace, whose rate is given.
fn trial_plan(plan: &Plan, load: &SearchLoad, rate_per_s: f64, precise: bool, round: u64) -> Option<Plan> {
    let (least_s, operations) = if precise { (LONG_S, PRECISE_OPERATIONS) } else { (SHORT_S, OPERATIONS) };
    let duration_s = (operations / rate_per_s).clamp(least_s, LONGEST_S);
    // Each trial has other keys and instants.
    let seed = plan.rng_seed.wrapping_add(round);
    let mix = Mix { rng_seed: seed, ..plan.source.mix()?.clone() };
    let due = DueTimes::new(load.arrivals, rate_per_s, duration_s, seed);
    let duration = Duration::from_secs_f64(duration_s);
    Some(Plan { source: Source::Open { mix, due }, duration, ..plan.clone() })
}

fn judge(result: &TrialResult, target: Target) -> Seen {
    let value = match target.figure {
        // What was never answered has no response time, so that no mean holds with it.
        Figure::Mean => result.tally.response.mean_ns().filter(|_| result.tally.done() == result.offered),
        Figure::Quantile(quantile) => {
            quantile_ns(&result.tally, result.offered, quantile).map(|ns| ns as f64)
        }
    };
    match value {
        Some(value) if (target.holds)(value, target.threshold_ns) => Seen::Holds,
        _ if result.own_processor_share > OWN_LIMIT => Seen::OwnLimit,
        _ => Seen::Fails,
    }
}

/// A quantile of all operations that were offered: those that failed or were given up are later
/// than any answer. None if the quantile falls among them.
pub(crate) fn quantile_ns(tally: &Tally, offered: u64, quantile: f64) -> Option<u64> {
    let done = tally.done();
    let rank = (quantile * offered as f64).ceil();
    let within = rank / done as f64;
    (done > 0 && within <= 1.0).then(|| tally.response.histogram().value_at_quantile(within))
}
