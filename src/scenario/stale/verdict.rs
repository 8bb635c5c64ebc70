//! The promises of the library under writes, and the reasons why the arms prove nothing.

use super::Found;
use crate::scenario::answers::broken_with;
use crate::scenario::definition::{ArmKind, Arms};
use crate::scenario::document::Arm;
use crate::scenario::strategies::Strategy;

pub(super) fn broken_promise(kind: ArmKind, arm: &Arm) -> Option<String> {
    let found = arm.found::<Found>()?;
    let mut counts = vec![
        (found.stale_reads, "stale read", "stale reads"),
        (
            found.stale_keys_that_miss_a_returned_write,
            "key that misses a write that returned, when all was quiet",
            "keys that miss a write that returned, when all was quiet",
        ),
    ];
    if kind == ArmKind::Whole(Strategy::LeaseMarker) {
        counts.push((
            found.non_monotonic_reads,
            "read older than what the same reader had seen",
            "reads older than what the same reader had seen",
        ));
        counts.push((
            found.stale_keys_when_quiet,
            "key that differs from the committed row, when all was quiet",
            "keys that differ from the committed row, when all was quiet",
        ));
    }
    broken_with(arm, &counts)
}

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    let stale = |strategy| arms.found::<Found>(strategy).map_or(0, |found| found.stale_reads);
    if stale(Strategy::Mysql) > 0 || arms.strategy(Strategy::Mysql).is_some_and(|arm| arm.wrong_reads > 0) {
        return Some(
            "MySQL without a cache shows stale or wrong reads, so the experiment itself is at fault"
                .to_owned(),
        );
    }
    (stale(Strategy::Naive) == 0).then(|| {
        "the naive arm showed no stale read either, so this run proves nothing; try a longer --duration or more --clients"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::SCENARIO;
    use super::*;
    use crate::scenario::Found as Any;
    use crate::scenario::answers::Answers;
    use crate::scenario::document::Verdict;
    use crate::scenario::runner;

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    fn arm(kind: ArmKind, stale_reads: u64) -> Arm {
        let answers = Answers { reads: 1_000, ..Answers::default() };
        let found = Found { stale_reads, dead_writers: 4, ..Found::default() };
        Arm { writes: 100, ..answers.into_arm(kind, 10, None, found) }
    }

    /// The verdict on arms as they should be, with one of them changed.
    fn judged(change: impl Fn(&mut Arm, &mut bool)) -> Verdict {
        let harmed = [Strategy::Naive, Strategy::NaiveDoubleDelete, Strategy::Lock];
        let arm = |kind: &ArmKind| arm(*kind, if harmed.contains(&kind.strategy()) { 20 } else { 0 });
        let mut arms: Vec<Arm> = SCENARIO.arms.iter().map(arm).collect();
        arms.retain_mut(|arm| {
            let mut stays = true;
            change(arm, &mut stays);
            stays
        });
        judge(&arms)
    }

    fn found(arm: &mut Arm) -> &mut Found {
        let Any::Stale(found) = &mut arm.found else { unreachable!() };
        found
    }

    #[test]
    fn harm_without_the_cure_and_none_with_it_is_what_is_to_be_shown() {
        assert_eq!(judged(|_, _| ()), Verdict::Shown);
    }

    #[test]
    fn the_counts_break_every_promise_of_the_library() {
        type Change = fn(&mut Arm);
        let broken = |name: &'static str, change: Change| {
            judged(move |arm, _| {
                if arm.arm == name {
                    change(arm)
                }
            })
        };
        let changes: [(Change, bool); 6] = [
            (|arm| found(arm).stale_reads = 1, true),
            (|arm| arm.wrong_reads = 1, true),
            (|arm| arm.failed_reads = 1, true),
            (|arm| found(arm).stale_keys_that_miss_a_returned_write = 1, true),
            // Only the crash-safe write promises these.
            (|arm| found(arm).stale_keys_when_quiet = 1, false),
            (|arm| found(arm).non_monotonic_reads = 1, false),
        ];
        for (change, also_of_lease) in changes {
            assert!(matches!(broken("lease-marker", change), Verdict::Broken(_)));
            assert_eq!(matches!(broken("lease", change), Verdict::Broken(_)), also_of_lease);
            assert!(!matches!(broken("lock", change), Verdict::Broken(_)), "no promise of ours");
        }
        let reason = broken("lease", |arm| {
            found(arm).stale_reads = 2;
            arm.failed_reads = 3;
        });
        assert_eq!(reason, Verdict::Broken("the arm lease shows 3 failed reads, 2 stale reads".to_owned()));
    }

    #[test]
    fn a_run_that_lacks_its_controls_proves_nothing() {
        let words = |verdict| match verdict {
            Verdict::ProvesNothing(reason) => reason,
            other => panic!("{other:?}"),
        };
        let of = |name: &'static str, change: fn(&mut Arm, &mut bool)| {
            words(judged(move |arm, stays| {
                if arm.arm == name {
                    change(arm, stays)
                }
            }))
        };
        assert!(of("naive", |arm, _| found(arm).stale_reads = 0).contains("--duration"));
        assert!(of("mysql", |arm, _| found(arm).stale_reads = 1).contains("itself is at fault"));
        assert!(of("lease", |arm, _| arm.reads = 0).contains("lease answered no read"));
        assert!(of("lease-marker", |_, stays| *stays = false).contains("lease-marker did not run"));
        assert!(words(judge(&[])).contains("mysql did not run"));
    }
}
