//! The reasons why the arms prove nothing.

use super::Found;
use crate::scenario::definition::Arms;
use crate::scenario::strategies::Strategy;

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    let peak = |strategy| arms.found::<Found>(strategy).map_or(0, |found| found.peak_loads);
    let jittered = peak(Strategy::NaiveJitter).max(peak(Strategy::Lease));
    // One and a half times as high: less could be chance.
    (peak(Strategy::Naive) * 2 < jittered * 3 || jittered == 0).then(|| {
        "the peak of loads without jitter was not clearly above the one with it; try a longer --duration, which makes \
         values live longer, or more --clients"
            .to_owned()
    })
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

    fn arms(peaks: [u64; 3]) -> Vec<Arm> {
        let arm = |(kind, peak_loads)| {
            let answers = Answers { reads: 9, ..Default::default() };
            answers.into_arm(kind, 2_000, None, Found { peak_loads, nine_tenths_of_loads_ms: None })
        };
        SCENARIO.arms.iter().copied().zip(peaks).map(arm).collect()
    }

    #[test]
    fn the_peak_without_jitter_must_stand_out() {
        assert_eq!(judge(&arms([600, 400, 390])), Verdict::Shown);
        for peaks in [[599, 400, 390], [599, 390, 400], [600, 0, 0]] {
            assert!(matches!(judge(&arms(peaks)), Verdict::ProvesNothing(_)), "{peaks:?}");
        }
        assert!(matches!(judge(&arms([600, 4, 4])[..2]), Verdict::ProvesNothing(_)));
    }

    #[test]
    fn a_read_of_the_library_that_fails_is_a_broken_promise() {
        let mut failed = arms([1, 1, 1]);
        failed[2].wrong_reads = 3;
        assert_eq!(judge(&failed), Verdict::Broken("the arm lease shows 3 wrong answers".to_owned()));
    }
}
