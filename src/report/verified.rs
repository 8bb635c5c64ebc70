//! The hit ratio that was enforced: what was measured beside what the two paths let expect.

use super::Style;
use super::layout::{counted, paragraph};
use crate::run_file::{VerifiedHitRatio, WorkloadRun};
use crate::units;

/// A paragraph; nothing where no hit ratio was to be verified.
pub(super) fn block(workload: &WorkloadRun, style: &Style) -> Vec<String> {
    workload.verified_hit_ratio.as_ref().map(|verified| paragraph(&told(verified), style)).unwrap_or_default()
}

fn told(verified: &VerifiedHitRatio) -> String {
    let percent = verified.hit_percent;
    let (Some(mean_ns), true) = (verified.mean_ns, verified.operations > 0) else {
        return format!("At {percent} % hits nothing was measured.");
    };
    let hits = counted(verified.hits, "hit", "hits");
    let misses = counted(verified.misses, "miss", "misses");
    let measured = with_interval(mean_ns, verified.mean_ci95_ns);
    let mut text =
        format!("Put to the test at {percent} % hits: {hits} and {misses}, mixed, took {measured} a read");
    match verified.expected_mean_ns {
        Some(expected_ns) => {
            let expected = with_interval(expected_ns, verified.expected_mean_ci95_ns);
            text.push_str(&format!(", where {expected} is expected. "));
        }
        None => text.push_str(". "),
    }
    text + &judged(verified)
}

fn with_interval(ns: f64, ci95: Option<[f64; 2]>) -> String {
    let mean = units::duration(ns);
    match ci95.map(|ends| ends.map(units::duration)) {
        Some([low, high]) => format!("{mean} ({low} to {high})"),
        None => mean,
    }
}

fn judged(verified: &VerifiedHitRatio) -> String {
    let Some(over) = verified.measured_over_expected else {
        let reason = verified.withheld.as_deref().unwrap_or("there is no interval");
        return format!("Whether that agrees cannot be said: {reason}.");
    };
    let [low, high] = over.ci95;
    let interval = format!("{:.2} times, {low:.2} to {high:.2}", over.ratio);
    if low > 1.0 {
        format!("That is more than expected ({interval}): hits and misses disturb one another.")
    } else if high < 1.0 {
        format!("That is less than expected ({interval}): mixed, the servers were quicker.")
    } else {
        format!("Both agree ({interval}).")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::run_file::Ratio;

    fn verified(ratio: Option<(f64, f64, f64)>) -> VerifiedHitRatio {
        VerifiedHitRatio {
            hit_percent: 80,
            operations: 200,
            hits: 160,
            misses: 40,
            errors: BTreeMap::new(),
            mean_ns: Some(13.9e6),
            mean_ci95_ns: ratio.map(|_| [13.1e6, 14.8e6]),
            expected_mean_ns: Some(13.6e6),
            expected_mean_ci95_ns: Some([13.2e6, 14.1e6]),
            measured_over_expected: ratio.map(|(low, ratio, high)| Ratio { ratio, ci95: [low, high] }),
            withheld: ratio.is_none().then(|| "3 rounds are too few".to_owned()),
            percentiles_ns: BTreeMap::new(),
            histogram: String::new(),
        }
    }

    #[test]
    fn what_was_measured_stands_beside_what_was_expected() {
        let mut nothing = verified(None);
        nothing.operations = 0;
        let said = [
            told(&verified(Some((0.96, 1.02, 1.08)))),
            told(&verified(Some((1.01, 1.05, 1.08)))),
            told(&verified(Some((0.90, 0.94, 0.97)))),
            told(&verified(None)),
            told(&nothing),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }
}
