//! What a workload comes to, in plain words and absolute times. No ratio stands here: a ratio without
//! its interval says more than is known.

use super::layout::{clean, entry, heading, text_column};
use super::{PLAIN, Style, distribution};
use crate::run_file::{PathRun, Run, WorkloadRun};
use crate::units;

/// One entry a workload.
pub(super) fn block(run: &Run, style: &Style) -> Vec<String> {
    if run.workloads.is_empty() {
        return Vec::new();
    }
    let column = text_column(run.workloads.iter().map(|workload| workload.name.as_str()));
    let entries = run
        .workloads
        .iter()
        .flat_map(|workload| entry(&workload.name, PLAIN, column, &sentences(workload), style));
    heading("In short (mean times)", style).into_iter().chain(entries).collect()
}

/// How the mean of one path lies to that of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Difference {
    Shorter {
        by_ns: f64,
    },
    Longer {
        by_ns: f64,
    },
    /// Chance alone can explain it.
    NotSeen,
    /// Fewer than ten reads on a path: nothing can be said of chance.
    TooFewReads,
}

/// How a path's mean lies to that of MySQL alone, where both were measured.
pub(super) fn against_mysql(workload: &WorkloadRun, path: &str) -> Option<Difference> {
    difference(measured(workload, path)?, measured(workload, "mysql")?)
}

/// The difference of two paths' means. Twice the standard error is a floor for what can be seen; an
/// interval over rounds may say more.
fn difference(path: &PathRun, other: &PathRun) -> Option<Difference> {
    let by_ns = mean_ns(path)? - mean_ns(other)?;
    // The spread of so few reads says nothing about the next ones.
    if path.operations.min(other.operations) < 10 {
        return Some(Difference::TooFewReads);
    }
    let chance_ns =
        2.0 * distribution::standard_error_ns(path)?.hypot(distribution::standard_error_ns(other)?);
    Some(match by_ns {
        _ if by_ns.abs() <= chance_ns => Difference::NotSeen,
        _ if by_ns < 0.0 => Difference::Shorter { by_ns: -by_ns },
        _ => Difference::Longer { by_ns },
    })
}

/// The path of that name, if anything was read on it.
fn measured<'a>(workload: &'a WorkloadRun, name: &str) -> Option<&'a PathRun> {
    workload.paths.iter().find(|path| path.path == name && mean_ns(path).is_some())
}

fn mean_ns(path: &PathRun) -> Option<f64> {
    path.mean_ns.filter(|_| path.operations > 0)
}

fn sentences(workload: &WorkloadRun) -> String {
    let times = times(workload);
    if times.is_empty() {
        return "No read was measured.".to_owned();
    }
    [Some(times), verdict(workload)].into_iter().flatten().collect::<Vec<_>>().join(" ")
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

/// What a hit saves and what a miss costs.
pub(super) fn verdict(workload: &WorkloadRun) -> Option<String> {
    let (hit, miss) = (against_mysql(workload, "warm"), against_mysql(workload, "cold"));
    if hit == Some(Difference::TooFewReads) || miss == Some(Difference::TooFewReads) {
        return Some("Fewer than ten reads a path cannot tell a difference from chance.".to_owned());
    }
    let parts: Vec<String> =
        [hit.and_then(of_a_hit), miss.and_then(of_a_miss)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| capitalised(&parts.join("; ")) + ".")
}

fn of_a_hit(hit: Difference) -> Option<String> {
    match hit {
        Difference::Shorter { by_ns } => Some(format!("a hit saves {}", units::duration(by_ns))),
        Difference::Longer { by_ns } => Some(format!(
            "Redis adds nothing here: even a hit takes {} longer than MySQL alone",
            units::duration(by_ns)
        )),
        Difference::NotSeen => {
            Some("Redis adds nothing that can be seen here: a hit takes as long as MySQL alone".to_owned())
        }
        Difference::TooFewReads => None,
    }
}

fn of_a_miss(miss: Difference) -> Option<String> {
    match miss {
        Difference::Longer { by_ns } => {
            Some(format!("a miss costs {} more than no cache at all", units::duration(by_ns)))
        }
        Difference::NotSeen => {
            Some("what a miss costs more than no cache at all is lost in the noise".to_owned())
        }
        Difference::Shorter { by_ns } => Some(format!(
            "a miss took {} less than no cache at all, though it does more: take that as noise",
            units::duration(by_ns)
        )),
        Difference::TooFewReads => None,
    }
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
