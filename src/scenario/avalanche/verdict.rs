//! What the counts of all arms prove, and what they do not.

use super::WAYS;
use crate::scenario::activity::unfit;
use crate::scenario::answers::broken;
use crate::scenario::arms::Way;
use crate::scenario::outcome::{Arm, Findings, Verdict};

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

fn peak(arms: &[Arm], way: Way) -> u64 {
    match arms.iter().find(|arm| arm.name == way.name()).map(|arm| &arm.findings) {
        Some(Findings::Avalanche(found)) => found.peak_loads,
        _ => 0,
    }
}

fn proves_nothing(arms: &[Arm]) -> Option<String> {
    if let Some(reason) = unfit(arms, WAYS.map(Way::name)) {
        return Some(reason);
    }
    let jittered = peak(arms, Way::NaiveJitter).max(peak(arms, Way::Lease));
    // One and a half times as high: less could be chance.
    (peak(arms, Way::Naive) * 2 < jittered * 3 || jittered == 0).then(|| {
        "the peak of loads without jitter was not clearly above the one with it; try a longer --duration, which makes \
         values live longer, or more --clients"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::answers::Answers;
    use crate::scenario::outcome::Avalanche;

    fn arms(peaks: [u64; 3]) -> Vec<Arm> {
        let arm = |(way, peak_loads): (Way, u64)| {
            let answers = Answers { reads: 9, ..Default::default() };
            let found = Avalanche { peak_loads, most_within: None };
            answers.into_arm(way.name(), 2_000, None, Findings::Avalanche(found))
        };
        WAYS.into_iter().zip(peaks).map(arm).collect()
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
