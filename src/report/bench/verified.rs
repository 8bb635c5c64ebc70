//! The hit ratio of `--verify-hit-ratio`: the measured mean beside the expected one.

use crate::claims::{self, Side};
use crate::report::blocks::Block;
use crate::report::numbers::side_of_one;
use crate::run_file::{VerifiedHitRatio, WorkloadRun};
use crate::units;

/// A paragraph; none if no hit ratio was to be verified.
pub(in crate::report) fn sentence(workload: &WorkloadRun, with_codec: bool) -> Option<Block> {
    let verified = workload.verified_hit_ratio.as_ref()?;
    let codec = if with_codec { format!(" with {}", workload.codec) } else { String::new() };
    Some(Block::Sentence(text(verified, &codec)))
}

fn text(verified: &VerifiedHitRatio, codec: &str) -> String {
    let percent = verified.hit_percent;
    let (Some(mean_ns), true) = (verified.mean_ns, verified.operations > 0) else {
        return format!("At {percent} % hits{codec} nothing was measured.");
    };
    let measured = with_interval(mean_ns, verified.mean_ci95_ns);
    let counts = format!("{} hits, {} misses", units::count(verified.hits), units::count(verified.misses));
    let head = format!("Measured at {percent} % hits{codec} ({counts}): {measured} a read");
    let expected = verified.expected_mean_ns.map(|ns| with_interval(ns, verified.expected_mean_ci95_ns));
    let expected = expected.map(|expected| format!(", expected {expected}")).unwrap_or_default();
    format!("{head}{expected}. {}", judgement(verified))
}

fn with_interval(ns: f64, ci95: Option<[f64; 2]>) -> String {
    let mean = units::duration(ns);
    match ci95.map(|ends| ends.map(units::duration)) {
        Some([low, high]) => format!("{mean} ({low} to {high})"),
        None => mean,
    }
}

fn judgement(verified: &VerifiedHitRatio) -> String {
    let Some(over) = verified.measured_over_expected else {
        let reason = verified.withheld.as_deref().unwrap_or("there is no interval");
        return format!("No comparison: {reason}.");
    };
    let [low, high] = over.ci95;
    let interval = format!("{:.2} times, {low:.2} to {high:.2}", over.ratio);
    match side_of_one(&over) {
        Side::Above => format!("That is more ({interval}): hits and misses slow each other down."),
        Side::Below => format!("That is less ({interval}): the servers were quicker with a mix."),
        // Agreement is certain only if the interval is narrow.
        Side::Unsure if claims::is_agreement(over.ci95) => format!("Both agree ({interval})."),
        Side::Unsure => format!("No difference was found ({interval})."),
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
    fn the_measured_mean_stands_beside_the_expected_one() {
        let nothing = VerifiedHitRatio { operations: 0, ..verified(None) };
        let said = [
            text(&verified(Some((0.96, 1.02, 1.08))), ""),
            text(&verified(Some((0.56, 1.02, 1.48))), ""),
            text(&verified(Some((1.01, 1.05, 1.08))), " with json"),
            text(&verified(Some((0.90, 0.94, 0.97))), ""),
            text(&verified(None), ""),
            text(&nothing, ""),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }
}
