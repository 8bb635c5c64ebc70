//! The promises of the library when a value expires, and the reasons why the arms prove nothing.

use super::{Found, LOAD_DELAY, TTL, ms};
use crate::scenario::activity::is_idle;
use crate::scenario::answers::broken;
use crate::scenario::definition::{ArmKind, Arms, Provokes};
use crate::scenario::document::Arm;
use crate::scenario::strategies::Strategy;
use crate::units::counted;

/// Judges how often the library loaded only in an arm that did its work: without Redis every read
/// loads, and that breaks no promise.
pub(super) fn broken_promise(kind: ArmKind, arm: &Arm) -> Option<String> {
    broken(kind, arm).or_else(|| {
        if is_idle(arm, Provokes::Nothing) {
            return None;
        }
        loaded_too_often(arm).or_else(|| never_ahead(kind, arm))
    })
}

/// A lease lets one read load, and the others wait. No read waits for a load ahead of time; and if
/// Redis did not answer in time, or waiting took too long, a read asks the database itself.
fn loaded_too_often(arm: &Arm) -> Option<String> {
    let found = arm.found::<Found>()?;
    let allowed = found.expiries + found.early_refreshes? + found.excused_loads?;
    (arm.database_loads > allowed).then(|| {
        format!(
            "the arm {} loaded {} for {}, and nothing excuses more than {allowed}",
            arm.arm,
            counted(arm.database_loads, "time", "times"),
            counted(found.expiries, "expiry", "expiries"),
        )
    })
}

/// Read eight times while one load takes, a value is found due in time whatever the dice say; that
/// not a single one was is no mischance.
fn never_ahead(kind: ArmKind, arm: &Arm) -> Option<String> {
    const A_CROWD: u64 = 8;
    let is_early = kind == ArmKind::Whole(Strategy::LeaseEarly);
    let found = arm.found::<Found>().filter(|found| is_early && found.expiries >= 3)?;
    let loads_in_a_life = ms(TTL) / ms(LOAD_DELAY);
    let is_crowd = arm.reads >= A_CROWD * loads_in_a_life * found.expiries;
    let never = is_crowd && found.early_refreshes? == 0;
    never.then(|| format!("the arm {} refreshed nothing ahead of {} expiries", arm.arm, found.expiries))
}

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    let naive = arms.strategy(Strategy::Naive)?;
    // At least two for each: less would be no stampede.
    if naive.database_loads >= 2 * naive.found::<Found>()?.expiries {
        return arms
            .0
            .iter()
            .find_map(too_busy)
            .or_else(|| refreshed_too_late(arms.strategy(Strategy::LeaseEarly)?));
    }
    Some(
        "the naive arm loaded less than twice for each expiry, so there was no stampede; try more --clients"
            .to_owned(),
    )
}

/// Many clients came to the database past the lease, since Redis or the machine did not keep up.
fn too_busy(arm: &Arm) -> Option<String> {
    let found = arm.found::<Found>()?;
    let (early, excused) = (found.early_refreshes?, found.excused_loads?);
    (arm.database_loads > early + 2 * found.expiries).then(|| {
        format!(
            "Redis often did not answer the arm {} in time: {excused} of its {} went past the lease; try a less busy machine, or \
             fewer --clients",
            arm.arm,
            counted(arm.database_loads, "load", "loads"),
        )
    })
}

/// Chance decides whether a value is refreshed in time; it takes readers, and a machine that keeps
/// up. With both no reader waits; a run in which one did shows nothing of that.
fn refreshed_too_late(arm: &Arm) -> Option<String> {
    let late = arm.found::<Found>()?.found_nothing.filter(|late| *late > 0)?;
    Some(format!(
        "the arm {} was to show that no reader waits, and {} did: the value was refreshed too late; try more --clients, or a \
         less busy machine",
        arm.arm,
        counted(late, "read", "reads")
    ))
}

#[cfg(test)]
mod tests {
    use super::super::SCENARIO;
    use super::*;
    use crate::samples::cache_use::CacheUse;
    use crate::scenario::answers::Answers;
    use crate::scenario::document::Verdict;
    use crate::scenario::runner;

    const LEASE: ArmKind = ArmKind::Whole(Strategy::Lease);
    const EARLY: ArmKind = ArmKind::Whole(Strategy::LeaseEarly);

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    /// `library`: early refreshes, reads that found nothing, and excused loads.
    fn arm(kind: ArmKind, database_loads: u64, expiries: u64, library: Option<[u64; 3]>) -> Arm {
        let found = Found {
            expiries,
            most_loads_in_an_expiry: database_loads,
            early_refreshes: library.map(|[early, _, _]| early),
            found_nothing: library.map(|[_, nothing, _]| nothing),
            excused_loads: library.map(|[_, _, excused]| excused),
            ..Found::default()
        };
        let answers = Answers { reads: 100, ..Default::default() };
        answers.into_arm(kind, database_loads, None, found)
    }

    fn arms() -> Vec<Arm> {
        let none = Some([0; 3]);
        vec![
            arm(ArmKind::Whole(Strategy::Naive), 310, 5, None),
            arm(LEASE, 5, 5, none),
            arm(ArmKind::LeaseNoMutex, 5, 5, none),
            arm(EARLY, 9, 5, Some([8, 0, 0])),
        ]
    }

    #[track_caller]
    fn reason(arms: &[Arm]) -> (bool, String) {
        match judge(arms) {
            Verdict::Broken(reason) => (true, reason),
            Verdict::ProvesNothing(reason) | Verdict::Interrupted(reason) => (false, reason),
            Verdict::Shown => (false, "shown".to_owned()),
        }
    }

    #[test]
    fn one_load_for_each_expiry_is_the_promise() {
        assert_eq!(judge(&arms()), Verdict::Shown);
        let mut together = arms();
        together[2] = arm(ArmKind::LeaseNoMutex, 6, 5, Some([0; 3]));
        assert_eq!(
            reason(&together),
            (
                true,
                "the arm lease-no-mutex loaded 6 times for 5 expiries, and nothing excuses more than 5"
                    .to_owned()
            )
        );
        together[2] = arm(ArmKind::LeaseNoMutex, 6, 5, Some([0, 0, 1]));
        assert_eq!(judge(&together), Verdict::Shown, "Redis did not answer once");
    }

    #[test]
    fn a_failed_read_is_a_broken_promise_even_where_nothing_is_proved() {
        let mut failed = arms();
        failed[0].reads = 0;
        failed[1].failed_reads = 2;
        assert_eq!(reason(&failed), (true, "the arm lease shows 2 failed reads".to_owned()));
    }

    #[test]
    fn a_machine_that_cannot_keep_up_proves_nothing() {
        let mut busy = arms();
        busy[1] = arm(LEASE, 10, 5, Some([0, 0, 5]));
        assert_eq!(judge(&busy), Verdict::Shown);
        busy[1] = arm(LEASE, 654, 21, Some([0, 0, 637]));
        assert!(reason(&busy).1.contains("637 of its 654 loads went past the lease"), "{}", reason(&busy).1);
    }

    #[test]
    fn an_arm_whose_cache_never_worked_breaks_no_promise() {
        let mut refused = arms();
        refused[1] = arm(LEASE, 900, 4, Some([0; 3]));
        assert!(reason(&refused).0, "loads that nothing excuses");
        refused[1].evidence.cache = Some(CacheUse::default());
        let (is_broken, words) = reason(&refused);
        assert!(!is_broken && words.contains("stored nothing in Redis"), "{words}");
    }

    #[test]
    fn no_reader_waits_for_what_is_refreshed_ahead() {
        let early = |reads, early_refreshes, found_nothing| {
            let mut arms = arms();
            let counts = Some([early_refreshes, found_nothing, 0]);
            arms[3] = Arm { reads, ..arm(EARLY, 5 + early_refreshes, 5, counts) };
            arms
        };
        assert_eq!(judge(&early(9_000, 5, 0)), Verdict::Shown);
        let (broken, words) = reason(&early(9_000, 5, 1));
        assert!(!broken && words.contains("no reader waits, and 1 read did"), "{words}");
        let (broken, words) = reason(&early(9_000, 0, 70));
        assert!(broken && words.contains("refreshed nothing ahead of 5 expiries"), "{words}");
        assert!(!reason(&early(100, 0, 10)).0, "so few readers may miss the moment");
    }

    #[test]
    fn without_a_stampede_nothing_is_proved() {
        let mut calm = arms();
        calm[0] = arm(ArmKind::Whole(Strategy::Naive), 9, 5, None);
        assert!(reason(&calm).1.contains("less than twice"));
        calm.truncate(2);
        assert_eq!(reason(&calm), (false, "the arm lease-no-mutex did not run".to_owned()));
    }
}
