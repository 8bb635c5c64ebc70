//! The reasons why the arms prove nothing.

use super::Found;
use crate::scenario::definition::Arms;
use crate::scenario::strategies::Strategy;

/// One of the arms did not meet the damage.
pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    if arms.found::<Found>(Strategy::Lease)?.corrupt.unwrap_or(0) == 0 {
        return Some(
            "the library met no damaged value, so its right answers prove nothing; try a longer --duration"
                .to_owned(),
        );
    }
    let naive = arms.strategy(Strategy::Naive)?;
    (naive.wrong_reads + naive.failed_reads == 0).then(|| {
        "the naive arm showed no wrong answer and no failed read; try a longer --duration".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::SCENARIO;
    use super::*;
    use crate::scenario::answers::Answers;
    use crate::scenario::definition::ArmKind;
    use crate::scenario::document::{Arm, Verdict};
    use crate::scenario::runner;

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    fn arm(strategy: Strategy, wrong_reads: u64, corrupt: Option<u64>, unusable_when_quiet: u64) -> Arm {
        let answers = Answers { reads: 1_000, wrong_reads, ..Answers::default() };
        let found = Found { damage: Default::default(), corrupt, unusable_when_quiet };
        answers.into_arm(ArmKind::Whole(strategy), 10, None, found)
    }

    fn judged(change: impl Fn(&mut Arm, &mut Arm)) -> Verdict {
        let (mut naive, mut lease) = (arm(Strategy::Naive, 7, None, 0), arm(Strategy::Lease, 0, Some(9), 0));
        change(&mut naive, &mut lease);
        judge(&[naive, lease])
    }

    #[test]
    fn damage_must_be_met_and_must_do_harm_elsewhere() {
        assert_eq!(judged(|_, _| ()), Verdict::Shown);
        let failed_instead = judged(|naive, _| (naive.wrong_reads, naive.failed_reads) = (0, 1));
        assert_eq!(failed_instead, Verdict::Shown);
        for nothing in [
            judged(|naive, _| naive.wrong_reads = 0),
            judged(|_, lease| *lease = arm(Strategy::Lease, 0, Some(0), 0)),
            judged(|_, lease| lease.reads = 0),
            judge(&[]),
        ] {
            assert!(matches!(nothing, Verdict::ProvesNothing(_)), "{nothing:?}");
        }
    }

    #[test]
    fn a_wrong_answer_of_the_library_is_a_broken_promise() {
        for broken in [
            judged(|_, lease| lease.wrong_reads = 1),
            judged(|_, lease| lease.failed_reads = 1),
            judged(|_, lease| *lease = arm(Strategy::Lease, 0, Some(9), 1)),
        ] {
            assert!(matches!(broken, Verdict::Broken(_)), "{broken:?}");
        }
    }
}
