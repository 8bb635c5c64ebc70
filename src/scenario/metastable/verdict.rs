//! What the two arms prove, and what they do not.

use super::WAYS;
use crate::scenario::answers::broken;
use crate::scenario::arms::Way;
use crate::scenario::outcome::{Arm, Findings, Metastable, Verdict};

/// The library's promises first: whatever else went wrong, a broken one must be heard of.
pub(super) fn judge(arms: &[Arm]) -> Verdict {
    if let Some(reason) = arms.iter().find(|arm| arm.name == Way::Lease.name()).and_then(broken) {
        return Verdict::Broken(reason);
    }
    match proves_nothing(arms) {
        Some(reason) => Verdict::ProvesNothing(reason),
        None => Verdict::Shown,
    }
}

fn proves_nothing(arms: &[Arm]) -> Option<String> {
    let found = |way: Way| arms.iter().find(|arm| arm.name == way.name()).and_then(findings);
    for way in WAYS {
        match found(way) {
            None => return Some(format!("the arm {} did not run", way.name())),
            Some(found) if found.answered_before_per_s <= 0.0 => {
                return Some(format!("the arm {} answered nothing before the flush", way.name()));
            }
            Some(_) => {}
        }
    }
    if found(Way::Naive).is_some_and(|naive| naive.recovery.is_some()) {
        return Some(
            "the naive arm recovered, so the load was bearable without a cache; try more --clients"
                .to_owned(),
        );
    }
    found(Way::Lease)
        .is_some_and(|lease| lease.recovery.is_none())
        .then(|| "the arm lease did not recover in time; try a longer --duration".to_owned())
}

fn findings(arm: &Arm) -> Option<Metastable> {
    match &arm.findings {
        Findings::Metastable(found) => Some(*found),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::answers::Answers;

    fn arms(recoveries: [Option<u64>; 2]) -> Vec<Arm> {
        let arm = |(way, recovery): (Way, Option<u64>)| {
            let found = Metastable {
                answered_before_per_s: 3_000.0,
                answered_at_the_end_per_s: 10.0,
                recovery: recovery.map(Duration::from_secs),
            };
            let answers = Answers { reads: 9, ..Default::default() };
            answers.into_arm(way.name(), 2_000, None, Findings::Metastable(found))
        };
        WAYS.into_iter().zip(recoveries).map(arm).collect()
    }

    #[test]
    fn naive_must_stay_down_and_lease_must_come_back() {
        assert_eq!(judge(&arms([None, Some(5)])), Verdict::Shown);
        for recoveries in [[Some(5), Some(5)], [None, None], [Some(5), None]] {
            assert!(matches!(judge(&arms(recoveries)), Verdict::ProvesNothing(_)), "{recoveries:?}");
        }
        assert!(matches!(judge(&arms([None, Some(5)])[..1]), Verdict::ProvesNothing(_)));
        let mut wrong = arms([None, Some(5)]);
        wrong[1].wrong_reads = 1;
        assert!(matches!(judge(&wrong), Verdict::Broken(_)));
    }
}
