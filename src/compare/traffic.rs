//! Two documents of traffic compared, strategy by strategy.
//!
//! The rules are those of runs: a verdict needs an interval wholly on one side, and a figure of a
//! cached strategy is judged by its ratio to MySQL alone in the same document where both have it,
//! so that a slower machine is no regression.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Difference, Gate, Verdict};
use crate::traffic_file::{Config, Document, Strategy, WorkloadConfig};
use crate::units::counted;

/// The value of `format` in every document.
pub(crate) const TRAFFIC_FORMAT: &str = "rcache-traffic-comparison";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const TRAFFIC_FORMAT_VERSION: u32 = 1;

/// A comparison of two documents of traffic, as `--format json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TrafficComparison {
    /// Always `rcache-traffic-comparison`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that compared, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// The file to compare with, as it was typed.
    pub(crate) baseline: String,
    /// The file that is judged, as it was typed.
    pub(crate) candidate: String,
    /// True if the loads differ, and `--force` had them compared all the same.
    pub(crate) forced: bool,
    /// Differences between the loads.
    pub(crate) unlike: Vec<Difference>,
    /// Differences between the machines and the servers.
    pub(crate) environment_differences: Vec<Difference>,
    /// The share by which a figure may get worse.
    pub(crate) tolerance_percent: f64,
    /// The result of the gate on response times and highest rates; null if none was asked for.
    pub(crate) gate: Option<Gate>,
    /// Strategies of both documents.
    pub(crate) strategies: Vec<StrategyComparison>,
}

/// One strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StrategyComparison {
    /// Its name.
    pub(crate) strategy: String,
    /// Those that both documents have.
    pub(crate) figures: Vec<FigureComparison>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FigureComparison {
    /// `mean`, `p50`, `p99` of response times (ns), `hit_ratio`, `throughput`, or `max_rate`
    /// (operations a second).
    pub(crate) figure: String,
    /// Its value there.
    pub(crate) baseline: f64,
    /// Its value there.
    pub(crate) candidate: f64,
    /// candidate / baseline, after both were divided by the figure of `mysql` in the same document
    /// if `judged_by` says so.
    pub(crate) ratio: f64,
    /// Its 95 % interval, from those of the figures; null if one of them has none.
    pub(crate) ratio_ci95: Option<[f64; 2]>,
    /// `mysql` or `itself`.
    pub(crate) judged_by: String,
    /// Compared with the tolerance.
    pub(crate) verdict: Verdict,
}

/// Why two documents are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the loads differ: {}\n  --force compares them all the same", list(.0))]
pub(crate) struct UnlikeLoads(Vec<Difference>);

fn list(differences: &[Difference]) -> String {
    let one = |it: &Difference| format!("{} ({}, then {})", it.field, it.baseline, it.candidate);
    differences.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The request beside the two documents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrafficOptions {
    pub(crate) tolerance_percent: f64,
    pub(crate) gated: bool,
    pub(crate) force: bool,
}

/// Compares what both documents have.
pub(crate) fn compare_traffic(
    files: [&str; 2],
    baseline: &Document,
    candidate: &Document,
    options: TrafficOptions,
) -> Result<TrafficComparison, UnlikeLoads> {
    let unlike = unlike(baseline, candidate);
    if !unlike.is_empty() && !options.force {
        return Err(UnlikeLoads(unlike));
    }
    let tolerance = options.tolerance_percent / 100.0;
    let strategies: Vec<StrategyComparison> = baseline
        .strategies
        .iter()
        .filter_map(|of_baseline| {
            let label = of_baseline.label();
            let of_candidate = candidate.strategies.iter().find(|strategy| strategy.label() == label)?;
            let sides = [of_baseline, of_candidate];
            let controls = [control(baseline, of_baseline), control(candidate, of_candidate)];
            let figures =
                FIGURES.iter().filter_map(|figure| compare_figure(figure, sides, controls, tolerance));
            Some(StrategyComparison { strategy: label, figures: figures.collect() })
        })
        .collect();
    Ok(TrafficComparison {
        format: TRAFFIC_FORMAT.to_owned(),
        format_version: TRAFFIC_FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        baseline: files[0].to_owned(),
        candidate: files[1].to_owned(),
        forced: !unlike.is_empty(),
        unlike,
        environment_differences: environment_differences(baseline, candidate),
        tolerance_percent: options.tolerance_percent,
        gate: options.gated.then(|| gate(&strategies)),
        strategies,
    })
}

/// The strategy that reads the same without a cache.
fn control<'a>(document: &'a Document, strategy: &Strategy) -> Option<&'a Strategy> {
    document.strategies.iter().find(|other| other.is_control_of(strategy))
}

/// Cached strategies alone: a slower MySQL is no change of the cache.
fn gate(strategies: &[StrategyComparison]) -> Gate {
    let is_control = |name: &str| name == "mysql" || name.ends_with(".mysql");
    let gated = strategies.iter().filter(|strategy| !is_control(&strategy.strategy));
    let verdicts: Vec<Verdict> = gated
        .flat_map(|strategy| &strategy.figures)
        .filter(|figure| ["mean", "max_rate"].contains(&figure.figure.as_str()))
        .map(|figure| figure.verdict)
        .collect();
    if verdicts.contains(&Verdict::Regressed) {
        Gate::Failed
    } else if verdicts.is_empty() || verdicts.contains(&Verdict::Inconclusive) {
        Gate::Undecided
    } else {
        Gate::Passed
    }
}

struct Figure {
    name: &'static str,
    larger_is_better: bool,
    of: fn(&Strategy) -> Option<Measured>,
}

/// A value, and its interval if it has one.
type Measured = (f64, Option<[f64; 2]>);

const FIGURES: [Figure; 6] = [
    Figure {
        name: "mean",
        larger_is_better: false,
        of: |it| Some((it.response.mean_ns?, it.response.mean_ci95_ns)),
    },
    Figure { name: "p50", larger_is_better: false, of: |it| percentile(it, "50") },
    Figure { name: "p99", larger_is_better: false, of: |it| percentile(it, "99") },
    Figure { name: "hit_ratio", larger_is_better: true, of: |it| Some((it.hit_ratio?, it.hit_ratio_ci95)) },
    Figure { name: "throughput", larger_is_better: true, of: |it| Some((it.throughput_per_s, None)) },
    Figure {
        name: "max_rate",
        larger_is_better: true,
        of: |it| it.max_rate.as_ref().map(|rate| (rate.per_s, rate.interval_per_s)),
    },
];

fn percentile(strategy: &Strategy, name: &str) -> Option<Measured> {
    let response = &strategy.response;
    let value = response.percentiles_ns.get(name).copied().flatten()?;
    Some((value as f64, response.percentiles_ci95_ns.get(name).copied().flatten()))
}

fn compare_figure(
    figure: &Figure,
    sides: [&Strategy; 2],
    controls: [Option<&Strategy>; 2],
    tolerance: f64,
) -> Option<FigureComparison> {
    let [baseline, candidate] = sides.map(figure.of);
    let (baseline, candidate) = (baseline?, candidate?);
    let is_control = sides[0].strategy == "mysql";
    let is_same = sides[0] == sides[1] && controls[0] == controls[1];
    let control = |side: usize| controls[side].and_then(figure.of).filter(|_| !is_control);
    let controls = control(0).zip(control(1));
    let by_control = controls.map(|(before, after)| (divide(baseline, before), divide(candidate, after)));
    let (before, after) = by_control.unwrap_or((baseline, candidate));
    let (ratio, ratio_ci95) = divide(after, before);
    // The same measurement is the same, however wide its intervals are.
    let ratio_ci95 = if is_same { Some([1.0; 2]) } else { ratio_ci95 };
    if !ratio.is_finite() {
        return None;
    }
    Some(FigureComparison {
        figure: figure.name.to_owned(),
        baseline: baseline.0,
        candidate: candidate.0,
        ratio,
        ratio_ci95,
        judged_by: if by_control.is_some() { "mysql" } else { "itself" }.to_owned(),
        verdict: verdict(ratio_ci95, figure.larger_is_better, tolerance),
    })
}

/// The quotient with the widest interval that both allow.
fn divide((value, ci95): Measured, (by, by_ci95): Measured) -> Measured {
    let ci95 = ci95.zip(by_ci95).map(|([low, high], [by_low, by_high])| [low / by_high, high / by_low]);
    (value / by, ci95.filter(|ends| ends.iter().all(|end| end.is_finite() && *end >= 0.0)))
}

fn verdict(ratio_ci95: Option<[f64; 2]>, larger_is_better: bool, tolerance: f64) -> Verdict {
    let Some([low, high]) = ratio_ci95 else { return Verdict::Inconclusive };
    let [low, high] = if larger_is_better { [1.0 / high, 1.0 / low] } else { [low, high] };
    let (worse, better) = (1.0 + tolerance, 1.0 / (1.0 + tolerance));
    if low > worse {
        Verdict::Regressed
    } else if high < better {
        Verdict::Improved
    } else if low >= better && high <= worse {
        Verdict::Unchanged
    } else {
        Verdict::Inconclusive
    }
}

fn difference(field: &str, baseline: &impl Serialize, candidate: &impl Serialize) -> Option<Difference> {
    let [baseline, candidate] = [shown(baseline), shown(candidate)];
    (baseline != candidate).then(|| Difference { field: field.to_owned(), baseline, candidate })
}

/// A value as it is in the document, without the marks of JSON.
fn shown(value: &impl Serialize) -> String {
    fn words(value: &Value) -> String {
        match value {
            Value::Null => "none".to_owned(),
            Value::Array(items) if items.is_empty() => "none".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
            number => number.to_string().trim_end_matches(".0").to_owned(),
        }
    }
    serde_json::to_value(value).map_or_else(|_| "unknown".to_owned(), |value| words(&value))
}

/// Loads whose numbers have nothing to do with each other.
fn unlike(baseline: &Document, candidate: &Document) -> Vec<Difference> {
    let (before, after) = (&baseline.config, &candidate.config);
    let names =
        |document: &Document| -> Vec<String> { document.strategies.iter().map(Strategy::label).collect() };
    let workloads = |config: &Config| -> Vec<String> {
        let word = |it: &WorkloadConfig| {
            let keys = counted(it.keys, "key", "keys");
            let statement = it.statement.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
            format!("{} of {keys}, {}{statement}", it.name, it.codec)
        };
        config.workloads.iter().map(word).collect()
    };
    let (ours, theirs) = (names(baseline), names(candidate));
    let in_common = ours.iter().any(|name| theirs.contains(name));
    [
        difference("config.loop", &before.kind, &after.kind),
        difference("config.rate_per_s", &before.rate_per_s, &after.rate_per_s),
        difference("config.arrivals", &before.arrivals, &after.arrivals),
        difference("config.find", &before.find, &after.find),
        difference("config.clients", &before.clients, &after.clients),
        difference("config.keys", &before.keys, &after.keys),
        difference("config.popularity", &before.popularity, &after.popularity),
        difference("config.writes_share", &before.writes_share, &after.writes_share),
        difference("config.ttl_s", &before.ttl_s, &after.ttl_s),
        difference("config.cold", &before.cold, &after.cold),
        difference("config.workloads", &workloads(before), &workloads(after)),
        (!in_common).then(|| difference("strategies", &ours, &theirs)).flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn environment_differences(baseline: &Document, candidate: &Document) -> Vec<Difference> {
    let (before, after) = (&baseline.environment, &candidate.environment);
    [
        difference("environment.os", &before.os, &after.os),
        difference("environment.cpu_model", &before.cpu_model, &after.cpu_model),
        difference("environment.cores", &before.cores, &after.cores),
        difference("environment.mysql.version", &before.mysql.version, &after.mysql.version),
        difference("environment.redis.version", &before.redis.version, &after.redis.version),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::traffic::tests::{of_workloads, sample, searched};

    const OPTIONS: TrafficOptions = TrafficOptions { tolerance_percent: 10.0, gated: true, force: false };

    fn compared(candidate: &Document) -> TrafficComparison {
        compare_traffic(["a", "b"], &sample(), candidate, OPTIONS).unwrap()
    }

    fn verdict_of(compared: &TrafficComparison, strategy: &str, figure: &str) -> Verdict {
        let strategy = compared.strategies.iter().find(|it| it.strategy == strategy).unwrap();
        strategy.figures.iter().find(|it| it.figure == figure).unwrap().verdict
    }

    fn scale(strategy: &mut Strategy, factor: f64) {
        strategy.response.mean_ns = strategy.response.mean_ns.map(|ns| ns * factor);
        strategy.response.mean_ci95_ns =
            strategy.response.mean_ci95_ns.map(|ci95| ci95.map(|ns| ns * factor));
    }

    #[test]
    fn a_document_is_like_itself() {
        let same = compared(&sample());
        assert!(same.strategies.iter().flat_map(|it| &it.figures).all(|it| (it.ratio - 1.0).abs() < 1e-12));
        let figures = || same.strategies.iter().flat_map(|it| &it.figures);
        assert!(figures().all(|it| it.verdict == Verdict::Unchanged), "{:?}", same.strategies);
        assert!(same.unlike.is_empty() && same.gate == Some(Gate::Passed));
    }

    #[test]
    fn a_slower_machine_is_no_regression_and_a_slower_cache_is() {
        let mut slower = sample();
        slower.strategies.iter_mut().for_each(|strategy| scale(strategy, 2.0));
        let machine = compared(&slower);
        assert_ne!(verdict_of(&machine, "lease", "mean"), Verdict::Regressed);
        assert_eq!(verdict_of(&machine, "mysql", "mean"), Verdict::Regressed);
        let mut candidate = sample();
        scale(&mut candidate.strategies[2], 2.0);
        let cache = compared(&candidate);
        assert_eq!(verdict_of(&cache, "lease", "mean"), Verdict::Regressed);
        assert_eq!(cache.gate, Some(Gate::Failed));
        scale(&mut candidate.strategies[2], 0.1);
        assert_eq!(verdict_of(&compared(&candidate), "lease", "mean"), Verdict::Improved);
    }

    #[test]
    fn each_workload_is_compared_with_its_own_control() {
        let before = of_workloads();
        let mut after = before.clone();
        scale(&mut after.strategies[3], 2.0);
        let compared = compare_traffic(["a", "b"], &before, &after, OPTIONS).unwrap();
        let verdict = |name| verdict_of(&compared, name, "mean");
        assert_ne!(verdict("point.lease"), Verdict::Regressed);
        assert_eq!(verdict("orders.lease"), Verdict::Regressed);
        after.config.workloads[1].statement = Some("SELECT 1".to_owned());
        assert!(compare_traffic(["a", "b"], &before, &after, OPTIONS).is_err(), "another query");
    }

    #[test]
    fn other_loads_are_refused_unless_forced() {
        let mut other = sample();
        other.config.rate_per_s = Some(5.0);
        let refused = compare_traffic(["a", "b"], &sample(), &other, OPTIONS).unwrap_err().to_string();
        assert!(refused.contains("config.rate_per_s") && refused.contains("--force"), "{refused}");
        assert!(refused.contains("config.rate_per_s (2000, then 5)"), "{refused}");
        other.config = Config { arrivals: None, workloads: of_workloads().config.workloads, ..other.config };
        let refused = compare_traffic(["a", "b"], &sample(), &other, OPTIONS).unwrap_err().to_string();
        assert!(refused.contains("config.arrivals (poisson, then none)"), "{refused}");
        assert!(
            !refused.contains("Some(") && !refused.contains("None") && !refused.contains('['),
            "{refused}"
        );
        let forced = TrafficOptions { force: true, ..OPTIONS };
        assert!(compare_traffic(["a", "b"], &sample(), &other, forced).unwrap().forced);
        assert!(compare_traffic(["a", "b"], &sample(), &searched(), OPTIONS).is_err());
    }
}
