//! The reasons why the arms prove nothing.

use super::Found;
use crate::scenario::definition::Arms;
use crate::scenario::strategies::Strategy;

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    for strategy in [Strategy::Naive, Strategy::Lease] {
        if arms.found::<Found>(strategy)?.answered_before_per_s <= 0.0 {
            return Some(format!("the arm {} answered nothing before the flush", strategy.name()));
        }
    }
    let recovered =
        |strategy| arms.found::<Found>(strategy).is_some_and(|found| found.recovery_after_flush_ms.is_some());
    if recovered(Strategy::Naive) {
        return Some(
            "the naive arm recovered, so the load was bearable without a cache; try more --clients"
                .to_owned(),
        );
    }
    (!recovered(Strategy::Lease))
        .then(|| "the arm lease did not recover in time; try a longer --duration".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::SCENARIO;
    use super::*;
    use crate::scenario::answers::Answers;
    use crate::scenario::document::{Arm, Verdict};
    use crate::scenario::runner;

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    fn arms(recoveries: [Option<f64>; 2]) -> Vec<Arm> {
        let arm = |(kind, recovery_after_flush_ms)| {
            let found = Found {
                answered_before_per_s: 3_000.0,
                answered_at_the_end_per_s: 10.0,
                recovery_after_flush_ms,
            };
            let answers = Answers { reads: 9, ..Default::default() };
            answers.into_arm(kind, 2_000, None, found)
        };
        SCENARIO.arms.iter().copied().zip(recoveries).map(arm).collect()
    }

    #[test]
    fn naive_must_stay_down_and_lease_must_come_back() {
        assert_eq!(judge(&arms([None, Some(5e3)])), Verdict::Shown);
        for recoveries in [[Some(5e3), Some(5e3)], [None, None], [Some(5e3), None]] {
            assert!(matches!(judge(&arms(recoveries)), Verdict::ProvesNothing(_)), "{recoveries:?}");
        }
        assert!(matches!(judge(&arms([None, Some(5e3)])[..1]), Verdict::ProvesNothing(_)));
        let mut wrong = arms([None, Some(5e3)]);
        wrong[1].wrong_reads = 1;
        assert!(matches!(judge(&wrong), Verdict::Broken(_)));
    }

    #[test]
    fn queries_that_come_too_late_are_the_harm_and_no_fault_of_the_run() {
        let mut late = arms([None, Some(5e3)]);
        for arm in &mut late {
            (arm.failed_reads, arm.evidence.failed_by_database) = (70, 70);
        }
        assert_eq!(judge(&late), Verdict::Shown);
    }
}
