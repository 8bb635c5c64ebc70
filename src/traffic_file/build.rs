//! From what trials saw to their document, field by field.

use super::{Distribution, MaxRate, Operations, SecondRow, Strategy};
use crate::load_model::search::Found;
use crate::run_file::build::encode;
use crate::samples::latencies::Latencies;
use crate::stats::batches::{self, Batch};
use crate::stats::estimate::Interval;
use crate::stats::percentile_interval::percentile_interval;
use crate::stats::summary::{PERCENTILES, samples_needed};
use crate::traffic::find::{StrategyFound, quantile_ns};
use crate::traffic::tally::{Second, Sum, Tally};
use crate::traffic::trial::{End, TrialResult};

/// The name of a strategy, and of the workload that it reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) strategy: &'a str,
    pub(crate) workload: Option<&'a str>,
}

/// A strategy that ran for its time.
pub(crate) fn strategy(name: Name<'_>, result: &TrialResult) -> Strategy {
    let tally = &result.tally;
    let seconds = seconds(result);
    let hits: Vec<Batch> = tally
        .seconds
        .iter()
        .map(|second| Batch { count: (second.hits + second.loads) as f64, sum: second.hits as f64 })
        .collect();
    Strategy {
        strategy: name.strategy.to_owned(),
        workload: name.workload.map(str::to_owned),
        ended_early: match result.end {
            End::Complete => None,
            End::Interrupted => Some("interrupted".to_owned()),
            End::Failures => Some("failures".to_owned()),
        },
        measured_s: result.measured_s,
        offered: result.offered,
        done: tally.done(),
        errors: tally.failed.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
        first_error: tally.first_error.clone(),
        given_up: result.given_up(),
        throughput_per_s: result.throughput_per_s(),
        response: response(tally, result.offered),
        service: distribution(&tally.service),
        waiting_mean_ns: (tally.done() > 0).then(|| tally.waiting_ns as f64 / tally.done() as f64),
        waking: distribution(&tally.waking),
        hits: operations(&tally.hits),
        loads: operations(&tally.loads),
        writes: operations(&tally.writes),
        hit_ratio: result.hit_ratio,
        hit_ratio_ci95: result.hit_ratio.and_then(|_| batches::mean_interval(&hits)).map(|interval| {
            let Interval { low, high } = interval.clamped(0.0, 1.0);
            [low, high]
        }),
        expected_hit_ratio: result.expected_hit_ratio,
        stale_reads: tally.stale_reads,
        stale_age_max_ns: tally.stale_ages.max_ns(),
        wrong_reads: tally.wrong_reads,
        changed_reads: tally.changed_reads,
        database_loads: result.database_loads,
        seconds,
        max_rate: None,
        obstacle: None,
    }
}

/// A strategy that was searched; without a trial in which the condition held, its figures are
/// empty.
pub(crate) fn found(name: Name<'_>, found: &StrategyFound) -> Option<Strategy> {
    let max_rate = found.found.map(|result| max_rate(result, found.trials))?;
    let best = found.best.clone().unwrap_or_else(TrialResult::none);
    Some(Strategy { max_rate: Some(max_rate), ..strategy(name, &best) })
}

fn max_rate(found: Found, trials: u32) -> MaxRate {
    let (kind, per_s, interval_per_s) = match found {
        Found::Between { low, high } => ("between", (low * high).sqrt(), Some([low, high])),
        Found::AtLeast(low) => ("at_least", low, None),
        Found::NotAt(high) => ("not_at", high, None),
    };
    MaxRate { kind: kind.to_owned(), per_s, interval_per_s, trials: u64::from(trials) }
}

fn operations(sum: &Sum) -> Operations {
    Operations { operations: sum.count, mean_ns: sum.mean_ns() }
}

/// The response times; an operation without an answer is slower than all with one.
fn response(tally: &Tally, offered: u64) -> Distribution {
    let batches: Vec<Batch> = tally
        .seconds
        .iter()
        .map(|second| Batch { count: second.done as f64, sum: second.response_ns as f64 })
        .collect();
    let histogram = tally.response.histogram();
    let effective = batches::effective_samples(&batches, histogram.stdev());
    let percentile = |percentile: f64| {
        (offered >= samples_needed(percentile))
            .then(|| quantile_ns(tally, offered, percentile / 100.0))
            .flatten()
    };
    let interval = |percent: f64| {
        percentile(percent)?;
        let Interval { low, high } = percentile_interval(histogram, percent, effective?)?;
        Some([low, high])
    };
    let named = |(name, percent): &(&str, f64)| ((*name).to_owned(), *percent);
    let all = tally.done() == offered;
    Distribution {
        mean_ci95_ns: batches::mean_interval(&batches).map(|Interval { low, high }| [low.max(0.0), high]),
        percentiles_ns: PERCENTILES
            .iter()
            .map(named)
            .map(|(name, percent)| (name, percentile(percent)))
            .collect(),
        percentiles_ci95_ns: PERCENTILES
            .iter()
            .map(named)
            .map(|(name, percent)| (name, interval(percent).filter(|_| all)))
            .collect(),
        ..distribution(&tally.response)
    }
}

fn distribution(latencies: &Latencies) -> Distribution {
    let percentile = |percent: f64| {
        (latencies.count() >= samples_needed(percent))
            .then(|| latencies.histogram().value_at_percentile(percent))
    };
    Distribution {
        operations: latencies.count(),
        mean_ns: latencies.mean_ns(),
        mean_ci95_ns: None,
        min_ns: latencies.min_ns(),
        max_ns: latencies.max_ns(),
        percentiles_ns: PERCENTILES
            .iter()
            .map(|(name, percent)| ((*name).to_owned(), percentile(*percent)))
            .collect(),
        percentiles_ci95_ns: PERCENTILES.iter().map(|(name, _)| ((*name).to_owned(), None)).collect(),
        histogram: encode(latencies.histogram()),
    }
}

fn seconds(result: &TrialResult) -> Vec<SecondRow> {
    let (seen, offered) = (&result.tally.seconds, &result.offered_by_second);
    let measured = usize::try_from(crate::units::whole(result.measured_s.ceil())).unwrap_or(0);
    (0..seen.len().max(offered.len()).max(measured))
        .map(|index| row(index, seen.get(index), offered.get(index).copied().unwrap_or(0)))
        .collect()
}

fn row(number: usize, second: Option<&Second>, offered: u64) -> SecondRow {
    let count = |get: fn(&Second) -> u64| second.map_or(0, get);
    let (done, failed) = (count(|second| second.done), count(|second| second.failed));
    let offered = offered.max(done + failed);
    let answered = second.filter(|second| second.done > 0);
    let quantile = |quantile: f64| answered.map(|second| second.histogram.value_at_quantile(quantile));
    SecondRow {
        second: number as u64,
        offered,
        done,
        failed,
        given_up: offered - done - failed,
        hits: count(|second| second.hits),
        loads: count(|second| second.loads),
        stale_reads: count(|second| second.stale),
        response_mean_ns: answered.map(|second| second.response_ns as f64 / second.done as f64),
        response_p50_ns: quantile(0.5),
        response_p99_ns: quantile(0.99),
        response_max_ns: quantile(1.0),
    }
}
