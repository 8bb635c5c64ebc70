//! What a workload comes to, in plain words. Every ratio stands with its 95 % interval; where there is none, the reason
//! stands in its place.

use super::layout::clean;
use crate::run_file::{HitRatio, PathRun, Ratio, WorkloadRun};
use crate::units;

/// The path of that name, if anything was read on it.
fn measured<'a>(workload: &'a WorkloadRun, name: &str) -> Option<&'a PathRun> {
    workload.paths.iter().find(|path| path.path == name && mean_ns(path).is_some())
}

fn mean_ns(path: &PathRun) -> Option<f64> {
    path.mean_ns.filter(|_| path.operations > 0)
}

pub(super) fn sentences(workload: &WorkloadRun) -> String {
    let times = times(workload);
    if times.is_empty() {
        return "No read was measured.".to_owned();
    }
    [Some(times), verdict(workload).or_else(|| no_ratio(workload))]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// `A hit took 1.80 ms, a miss 31.0 ms, MySQL alone 24.0 ms.`
fn times(workload: &WorkloadRun) -> String {
    const NAMES: [(&str, &str); 4] =
        [("warm", "a hit"), ("cold", "a miss"), ("mysql", "MySQL alone"), ("disk", "MySQL from disk")];
    let parts: Vec<String> = NAMES
        .iter()
        .filter_map(|(path, name)| {
            let ns = mean_ns(measured(workload, path)?)?;
            Some((*name, units::duration(ns)))
        })
        .enumerate()
        .map(|(index, (name, time))| match index {
            0 => format!("{} took {time}", capitalised(name)),
            _ => format!("{name} {time}"),
        })
        .collect();
    if parts.is_empty() { String::new() } else { clean(&parts.join(", ")) + "." }
}

/// What a hit gains, what a miss costs, and from which hit ratio Redis pays; none where no ratio can be given.
pub(super) fn verdict(workload: &WorkloadRun) -> Option<String> {
    let parts: Vec<String> = [
        workload.speedup.as_ref().map(of_a_hit),
        workload.miss_penalty.as_ref().map(of_a_miss),
        of_break_even(workload),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// How sure it is that a ratio lies on one side of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
    /// The interval holds 1.
    Unsure,
}

/// On which side of 1 the whole interval lies.
pub(super) fn side_of_one(ratio: &Ratio) -> Side {
    match ratio.ci95 {
        [low, _] if low > 1.0 => Side::Above,
        [_, high] if high < 1.0 => Side::Below,
        _ => Side::Unsure,
    }
}

fn of_a_hit(speedup: &Ratio) -> String {
    match side_of_one(speedup) {
        Side::Above => format!("A hit is {} as fast as MySQL alone.", times_with_interval(speedup)),
        Side::Below => {
            let longer = times_with_interval(&inverse(speedup));
            format!("Redis adds nothing here: even a hit takes {longer} as long as MySQL alone.")
        }
        Side::Unsure => format!(
            "Redis adds nothing that can be seen here: a hit is {} as fast as MySQL alone, which may be no difference at all.",
            times_with_interval(speedup)
        ),
    }
}

fn of_a_miss(penalty: &Ratio) -> String {
    let times = times_with_interval(penalty);
    match side_of_one(penalty) {
        Side::Above => format!("A miss takes {times} as long as no cache at all."),
        Side::Below => format!(
            "A miss took {times} as long as no cache at all, though it does more: take that as noise."
        ),
        Side::Unsure => {
            format!("What a miss costs is lost in the noise: {times} as long as no cache at all.")
        }
    }
}

/// From which hit ratio Redis pays. Where a hit is not faster, that was said already.
fn of_break_even(workload: &WorkloadRun) -> Option<String> {
    if let Some(HitRatio { value, ci95: [low, high] }) = workload.break_even_hit_ratio {
        let [value, low, high] = [value, low, high].map(|share| format!("{:.0}", share * 100.0));
        return Some(format!("Redis pays from a hit ratio of {value} % on ({low} to {high} %)."));
    }
    workload.speedup.as_ref().filter(|speedup| side_of_one(speedup) == Side::Above)?;
    let reason = workload.withheld.get("break_even_hit_ratio")?;
    Some(format!("No break-even hit ratio: {}.", clean(reason)))
}

/// `13.5 times (13.1 to 14.0)`
fn times_with_interval(Ratio { ratio, ci95: [low, high] }: &Ratio) -> String {
    let [ratio, low, high] = [*ratio, *low, *high].map(units::factor);
    format!("{ratio} times ({low} to {high})")
}

fn inverse(Ratio { ratio, ci95: [low, high] }: &Ratio) -> Ratio {
    Ratio { ratio: 1.0 / ratio, ci95: [1.0 / high, 1.0 / low] }
}

/// Why no ratio is given, where none is.
fn no_ratio(workload: &WorkloadRun) -> Option<String> {
    let reason = workload.withheld.get("speedup").or_else(|| workload.withheld.get("miss_penalty"))?;
    let paths = workload.paths.iter().filter(|path| mean_ns(path).is_some()).count();
    (paths > 1).then(|| format!("No ratio is given: {}.", clean(reason)))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs::{latencies, path_of, workload_of};
    use super::*;

    fn said(mysql_ns: f64, cold_ns: f64, warm_ns: f64, reads: usize) -> String {
        sentences(&workload_of(
            "all",
            vec![
                path_of("mysql", &latencies(1, reads, mysql_ns, 0.05)),
                path_of("cold", &latencies(2, reads, cold_ns, 0.05)),
                path_of("warm", &latencies(3, reads, warm_ns, 0.05)),
            ],
        ))
    }

    #[test]
    fn every_outcome_has_its_words() {
        let outcomes = [
            said(24e6, 31e6, 1.8e6, 100),
            said(30e3, 90e3, 45e3, 1_000),
            said(24e6, 24e6, 24e6, 100),
            said(24e6, 20e6, 1.8e6, 100),
            said(24e6, 31e6, 1.8e6, 3),
            said(24e6, 31e6, 1.8e6, 0),
        ];
        insta::assert_snapshot!(outcomes.join("\n"));
    }

    #[test]
    fn paths_that_are_not_there_are_not_spoken_of() {
        let warm = path_of("warm", &latencies(3, 50, 1e6, 0.1));
        assert_eq!(sentences(&workload_of("all", vec![warm])), "A hit took 990 µs.");
    }
}
