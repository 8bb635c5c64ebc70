//! Judges assertions by finished strategies: by the interval of what has one.

use super::Strategy;
use crate::assertion::traffic::{Field, Right, Term, TrafficAssertion};
use crate::model::Judgement;
use crate::run_file::AssertionRun;
use crate::stats::estimate::Interval;
use crate::stats::threshold;
use crate::units::counted;

/// A figure with its interval; a count has one without width.
struct Figure {
    value: f64,
    ci95: Option<[f64; 2]>,
}

/// The assertion with its verdict.
pub(crate) fn judge(assertion: &TrafficAssertion, strategies: &[Strategy]) -> AssertionRun {
    let judged = judge_figures(assertion, strategies);
    let (verdict, value, ci95, reason) = match judged {
        Ok((judgement, figure)) => (judgement, Some(figure.value), figure.ci95, None),
        Err(Missing::Unknown(reason)) => (Judgement::Inconclusive, None, None, Some(reason)),
        Err(Missing::Unbounded(reason)) => (Judgement::Failed, None, None, Some(reason)),
    };
    AssertionRun { expression: assertion.text.clone(), codec: None, verdict, value, ci95, reason }
}

/// Why there is no figure.
enum Missing {
    Unknown(String),
    /// So many operations were not answered that the percentile is beyond every answer.
    Unbounded(String),
}

fn judge_figures(
    assertion: &TrafficAssertion,
    strategies: &[Strategy],
) -> Result<(Judgement, Figure), Missing> {
    let left = figure(&assertion.left, strategies)?;
    let (threshold, uncertain) = match &assertion.right {
        Right::Value(value) => (*value, None),
        Right::Multiple(factor, term) => {
            let right = figure(term, strategies)?;
            let interval = right.ci95.map(|[low, high]| [low * factor, high * factor]);
            (right.value * factor, interval)
        }
    };
    let [low, high] = left.ci95.unwrap_or([left.value; 2]);
    let Some([right_low, right_high]) = uncertain else {
        let judgement = threshold::judge(Interval { low, high }, assertion.operator, threshold);
        return Ok((judgement, left));
    };
    // Certain only if it holds, or fails, for both ends of the right side.
    let against = |threshold| threshold::judge(Interval { low, high }, assertion.operator, threshold);
    let judgement = match (against(right_low), against(right_high)) {
        (one, other) if one == other => one,
        _ => Judgement::Inconclusive,
    };
    Ok((judgement, left))
}

fn figure(term: &Term, strategies: &[Strategy]) -> Result<Figure, Missing> {
    let is_meant = |it: &&Strategy| it.label() == term.strategy || it.strategy == term.strategy;
    let strategy = strategies.iter().find(is_meant);
    let strategy =
        strategy.ok_or_else(|| Missing::Unknown(format!("strategy {} was not measured", term.strategy)))?;
    of_strategy(strategy, term.field)
}

fn of_strategy(strategy: &Strategy, field: Field) -> Result<Figure, Missing> {
    let exact = |value: u64| Ok(Figure { value: value as f64, ci95: None });
    let unknown = |reason: &str| Missing::Unknown(reason.to_owned());
    let response = &strategy.response;
    match field {
        Field::Percentile(name) => match response.percentiles_ns.get(name).copied().flatten() {
            Some(ns) => {
                let ci95 = response.percentiles_ci95_ns.get(name).copied().flatten();
                Ok(Figure { value: ns as f64, ci95 })
            }
            None if strategy.done < strategy.offered => Err(Missing::Unbounded(format!(
                "of {} {} given up or failed: the percentile is beyond every answer",
                counted(strategy.offered, "operation", "operations"),
                counted(strategy.offered - strategy.done, "was", "were"),
            ))),
            None => Err(unknown("too few operations; use a longer --duration")),
        },
        Field::Mean => {
            let value = response.mean_ns.ok_or_else(|| unknown("nothing was answered"))?;
            Ok(Figure { value, ci95: response.mean_ci95_ns })
        }
        Field::Max => response.max_ns.map_or_else(|| Err(unknown("nothing was answered")), exact),
        Field::HitRatio => {
            let value =
                strategy.hit_ratio.ok_or_else(|| unknown("there is no cache, or nothing was read"))?;
            Ok(Figure { value, ci95: strategy.hit_ratio_ci95 })
        }
        Field::Throughput => Ok(Figure { value: strategy.throughput_per_s, ci95: None }),
        Field::Errors => exact(strategy.errors.values().sum()),
        Field::StaleReads => exact(strategy.stale_reads),
        Field::GivenUp => exact(strategy.given_up),
        Field::MaxRate => {
            let rate =
                strategy.max_rate.as_ref().ok_or_else(|| unknown("no rate was searched; add --find"))?;
            match rate.kind.as_str() {
                "between" => Ok(Figure { value: rate.per_s, ci95: rate.interval_per_s }),
                // All that is known is a bound on one side.
                "at_least" => Ok(Figure { value: rate.per_s, ci95: Some([rate.per_s, f64::MAX]) }),
                _ => Ok(Figure { value: rate.per_s, ci95: Some([0.0, rate.per_s]) }),
            }
        }
    }
}
