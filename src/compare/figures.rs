//! The change of one figure of one path from run to run, with what the machine and the servers did
//! taken out.
//!
//! A path is compared with its control, the cheapest exchange with the same server in the same
//! rounds (`over_control` of the run file). The control may itself differ between the runs for two
//! reasons that ask for different corrections: a slower machine multiplies every time, a longer way
//! to the server adds the same to each exchange. Nothing in a run tells the two apart, so the
//! change is worked out both ways and its interval holds both: where the control stayed the same
//! they agree, and the more it moved the wider the interval gets.
//!
//! A miss asks MySQL what the path `mysql` asks in the same rounds, so only what is left of it is
//! compared, as a share of the baseline's miss: MySQL may get faster or slower without moving the
//! result.

mod control;
#[cfg(test)]
mod tests;

use self::control::Control;
use crate::run_file::{OverControl, PathRun, Ratio, WorkloadRun};
use crate::stats::comparison::{self, Spread, Term};
use crate::stats::estimate::{Estimate, Interval};
use crate::units::counted;

/// A figure of a path that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    /// A typical read: the median over rounds of their geometric means.
    Typical,
    Mean,
    /// By its name in the run file.
    Percentile(&'static str),
}

impl Figure {
    /// The figures that every comparison shows.
    pub(super) const SHOWN: [Self; 3] = [Self::Typical, Self::Mean, Self::Percentile("99")];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Typical => "typical".to_owned(),
            Self::Mean => "mean".to_owned(),
            Self::Percentile(percentile) => format!("p{percentile}"),
        }
    }

    /// The assumed standard deviation of its logarithm between two runs of the same build, for
    /// single runs: measured by `scripts/noise` for typical reads; means and tails move more, see
    /// docs/measurement.md.
    fn assumed_deviation(self) -> f64 {
        match self {
            Self::Typical => 0.03,
            Self::Mean => 0.05,
            Self::Percentile("50" | "90" | "95") => 0.05,
            Self::Percentile(_) => 0.15,
        }
    }

    /// The time itself, as it was measured.
    pub(super) fn ns(self, path: &PathRun) -> Option<f64> {
        match self {
            Self::Typical => path.typical_ns,
            Self::Mean => path.mean_ns,
            Self::Percentile(name) => path.percentiles_ns.get(name).copied().flatten().map(|ns| ns as f64),
        }
        .filter(|_| path.operations > 0)
    }

    fn estimate(self, path: &PathRun) -> Option<Estimate> {
        let ci95 = match self {
            Self::Typical => path.typical_ci95_ns,
            Self::Mean => path.mean_ci95_ns,
            Self::Percentile(name) => path.percentiles_ci95_ns.get(name).copied().flatten(),
        };
        estimate(self.ns(path)?, ci95?)
    }

    /// Whether a run says anything of it.
    fn is_there(self, path: &PathRun) -> bool {
        match self {
            Self::Percentile(_) => self.ns(path).is_some(),
            _ => path.over_control.as_ref().and_then(|over| self.over_control(over)).is_some(),
        }
    }

    fn over_control(self, over: &OverControl) -> Option<Estimate> {
        match self {
            Self::Typical => from_ratio(over.typical?),
            Self::Mean => from_ratio(over.mean?),
            Self::Percentile(_) => None,
        }
    }
}

/// A workload in one of the files.
#[derive(Clone, Debug)]
pub(super) struct Side<'a> {
    pub(super) workload: &'a WorkloadRun,
    /// It in each of several runs; empty for a single run.
    pub(super) parts: Vec<&'a WorkloadRun>,
}

impl<'a> Side<'a> {
    pub(super) fn path(&self, name: &str) -> Option<&'a PathRun> {
        self.workload.paths.iter().find(|path| path.path == name)
    }

    fn control_ns(&self, statement: &str) -> Option<f64> {
        let control = self.workload.controls.iter().find(|control| control.statement == statement)?;
        control.typical_ns.filter(|ns| *ns > 0.0)
    }

    fn over_control(&self, path: &str) -> Option<&'a OverControl> {
        self.path(path)?.over_control.as_ref()
    }

    /// `level` turns the deviation of a logarithm into that of the number at hand.
    fn spread(&self, path: &str, figure: Figure, level: f64) -> Spread {
        let path_of = |part: &&'a WorkloadRun| part.paths.iter().find(|own| own.path == path);
        match self.parts.iter().filter_map(path_of).filter(|path| figure.is_there(path)).count() {
            0 | 1 => Spread::Assumed { deviation: figure.assumed_deviation() * level },
            runs => Spread::Measured { runs },
        }
    }
}

/// The change of a figure, and the yardstick by which it was judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) estimate: Estimate,
    pub(super) judged_by: String,
}

const NOT_POSITIVE: &str = "an interval that reaches down to nothing has no ratio";
/// The value of `judged_by` for reads that are the same.
pub(crate) const BY_EQUALITY: &str = "the same reads in both runs";
/// The value of `judged_by` for files from before controls were recorded in every round.
pub(super) const BY_MYSQL: &str = "the path mysql in the same rounds";

/// `candidate / baseline` of a figure, or why there is none.
pub(super) fn change(
    path: &str,
    figure: Figure,
    baseline: &Side<'_>,
    candidate: &Side<'_>,
) -> Result<Change, String> {
    let sides = [("baseline", baseline), ("candidate", candidate)];
    for (name, side) in sides {
        match side.path(path) {
            None => return Err(format!("the {name} did not read this path")),
            Some(read) if read.operations == 0 => {
                return Err(format!("in the {name} this path has no reads"));
            }
            Some(_) => {}
        }
    }
    if are_equal(path, baseline, candidate) {
        let ci95 = Interval { low: 1.0, high: 1.0 };
        return Ok(Change { estimate: Estimate { value: 1.0, ci95 }, judged_by: BY_EQUALITY.to_owned() });
    }
    let Some(control) = Control::of(path, baseline, candidate) else {
        return by_mysql(path, figure, baseline, candidate);
    };
    let missing = || missing(path, figure, sides);
    let both_ways = match (path, figure) {
        ("cold", Figure::Percentile(_)) => miss_percentile(figure, baseline, candidate, &control),
        ("cold", _) => miss(figure, baseline, candidate, &control),
        (_, Figure::Percentile(_)) => percentile(path, figure, baseline, candidate, &control),
        _ => hit(path, figure, baseline, candidate, &control),
    };
    let estimate = comparison::hull(&both_ways.ok_or_else(missing)?).ok_or_else(missing)?;
    Ok(Change { estimate, judged_by: control.judged_by(path) })
}

/// Whether both runs hold the very same reads of a path.
fn are_equal(path: &str, baseline: &Side<'_>, candidate: &Side<'_>) -> bool {
    let reads = |side: &Side<'_>| {
        side.path(path).map(|path| (path.histogram.clone(), path.operations, path.mean_ns.map(f64::to_bits)))
    };
    let (baseline, candidate) = (reads(baseline), reads(candidate));
    baseline.as_ref().is_some_and(|(histogram, ..)| !histogram.is_empty()) && baseline == candidate
}

/// Divided by the control; and with as much subtracted as one exchange takes longer.
fn hit(
    path: &str,
    figure: Figure,
    baseline: &Side<'_>,
    candidate: &Side<'_>,
    control: &Control,
) -> Option<Vec<Estimate>> {
    let [before, after] = control.costs(path, figure, [baseline, candidate])?;
    let shifted = linear(after, control.ratio(), 1.0 - control.ratio());
    let spreads = [baseline, candidate].map(|side| side.spread(path, figure, 1.0));
    both(before, spreads, [after, shifted])
}

fn percentile(
    path: &str,
    figure: Figure,
    baseline: &Side<'_>,
    candidate: &Side<'_>,
    control: &Control,
) -> Option<Vec<Estimate>> {
    let [before, after] = [baseline, candidate].map(|side| figure.estimate(side.path(path)?));
    let (before, after) = (before?, after?);
    let spreads = [baseline, candidate].map(|side| side.spread(path, figure, 1.0));
    let ways = [linear(after, 1.0 / control.ratio(), 0.0), linear(after, 1.0, -control.longer_ns())];
    both(before, spreads, ways)
}

/// The cost of a miss beside the query, in either way, as a share of the baseline's miss.
fn miss(
    figure: Figure,
    baseline: &Side<'_>,
    candidate: &Side<'_>,
    control: &Control,
) -> Option<Vec<Estimate>> {
    let [before, after] = control.costs("cold", figure, [baseline, candidate])?;
    let miss_ns = figure.ns(baseline.path("cold")?)?;
    let change = |unit_ns: f64, shift_ns: f64| {
        let share = |unit_ns: f64| unit_ns / miss_ns;
        let term = |cost: Estimate, side: &Side<'_>, unit_ns: f64| {
            Term::new(cost, side.spread("cold", figure, 1.0 / share(unit_ns))).times(share(unit_ns))
        };
        let before = term(before, baseline, control.baseline_ns).times(-1.0);
        term(after, candidate, unit_ns).plus(before).shifted(1.0 - shift_ns / miss_ns).estimate()
    };
    let slower_machine = change(control.baseline_ns, 0.0)?;
    let longer_way = change(control.candidate_ns, control.longer_miss_ns())?;
    Some(vec![slower_machine, longer_way])
}

/// MySQL's part of a slow miss may be a typical one or a slow one of its own: both are held
/// possible.
fn miss_percentile(
    figure: Figure,
    baseline: &Side<'_>,
    candidate: &Side<'_>,
    control: &Control,
) -> Option<Vec<Estimate>> {
    let [before, after] = [baseline, candidate].map(|side| figure.estimate(side.path("cold")?));
    let (before, after) = (before?, after?);
    let spreads = [baseline, candidate].map(|side| side.spread("cold", figure, 1.0));
    let mut changes = Vec::new();
    for of_mysql in [Figure::Typical, figure] {
        let query_ns = [baseline, candidate].map(|side| of_mysql.ns(side.path("mysql")?));
        let (query_before, query_after) = (query_ns[0]?, query_ns[1]?);
        let ways = [
            linear(after, 1.0 / control.ratio(), query_before - query_after / control.ratio()),
            linear(after, 1.0, query_before - query_after - control.longer_miss_ns()),
        ];
        changes.extend(both(before, spreads, ways)?);
    }
    Some(changes)
}

fn both(
    before: Estimate,
    [of_baseline, of_candidate]: [Spread; 2],
    ways: [Estimate; 2],
) -> Option<Vec<Estimate>> {
    let change = |after: Estimate| comparison::ratio((before, of_baseline), (after, of_candidate));
    let [one, other] = ways.map(change);
    Some(vec![one?, other?])
}

/// For files from before controls were recorded in every round: hits by MySQL in the same rounds,
/// as they were judged then.
fn by_mysql(path: &str, figure: Figure, baseline: &Side<'_>, candidate: &Side<'_>) -> Result<Change, String> {
    let old = [("baseline", baseline), ("candidate", candidate)]
        .into_iter()
        .find(|(_, side)| side.over_control(path).is_none())
        .map_or("one of them", |(name, _)| name);
    if path != "warm" || figure != Figure::Typical {
        return Err(format!("the {old} was saved before rcache recorded controls in every round"));
    }
    let cost = |name: &str, side: &Side<'_>| {
        side.workload.warm_over_mysql.and_then(from_ratio).ok_or_else(|| {
            let reason = side.workload.withheld.get("warm_over_mysql");
            format!("in the {name} {}", reason.map_or("the run file has no interval for it", String::as_str))
        })
    };
    let spread = |side: &Side<'_>| side.spread(path, figure, 1.0);
    let before = (cost("baseline", baseline)?, spread(baseline));
    let after = (cost("candidate", candidate)?, spread(candidate));
    let estimate = comparison::ratio(before, after).ok_or_else(|| NOT_POSITIVE.to_owned())?;
    Ok(Change { estimate, judged_by: BY_MYSQL.to_owned() })
}

/// Why there is no change, for each run that lacks something.
fn missing(path: &str, figure: Figure, sides: [(&str, &Side<'_>); 2]) -> String {
    let reason = |(name, side): &(&str, &Side<'_>)| {
        let read = side.path(path)?;
        let over = read.over_control.as_ref();
        if path == "cold" && side.path("mysql").is_none_or(|mysql| mysql.operations == 0) {
            return Some(format!("the {name} did not read the path mysql, which is part of a miss"));
        }
        if matches!(figure, Figure::Percentile(_)) {
            let reads = || {
                format!(
                    "in the {name} {} too few for {}",
                    counted(read.operations, "read is", "reads are"),
                    figure.name()
                )
            };
            return figure.estimate(read).is_none().then(reads);
        }
        if over.and_then(|over| figure.over_control(over)).is_some() {
            return None;
        }
        let withheld = over.and_then(|over| over.withheld.as_deref());
        Some(format!("in the {name} {}", withheld.unwrap_or("the run file has no interval for it")))
    };
    let reasons: Vec<String> = sides.iter().filter_map(reason).collect();
    if reasons.is_empty() { NOT_POSITIVE.to_owned() } else { reasons.join("; ") }
}

/// `factor * estimate + shift`
fn linear(Estimate { value, ci95 }: Estimate, factor: f64, shift: f64) -> Estimate {
    let at = |value: f64| factor * value + shift;
    Estimate { value: at(value), ci95: Interval { low: at(ci95.low), high: at(ci95.high) } }
}

pub(super) fn from_ratio(Ratio { ratio, ci95 }: Ratio) -> Option<Estimate> {
    estimate(ratio, ci95)
}

/// A file may hold anything; an estimate lies in its interval.
pub(super) fn estimate(value: f64, [low, high]: [f64; 2]) -> Option<Estimate> {
    let ci95 = Interval::new(low, high)?;
    ci95.contains(value).then_some(Estimate { value, ci95 })
}
