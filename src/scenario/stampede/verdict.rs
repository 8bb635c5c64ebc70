//! What the counts of all arms prove, and what they do not.

use super::{COURSES, LOAD_DELAY, TTL, ms};
use crate::scenario::activity::unfit;
use crate::scenario::answers::broken;
use crate::scenario::outcome::{Arm, Findings, Rush, Verdict};
use crate::units::counted;

/// A broken promise of the library is reported whatever else went wrong. How often it loaded is judged only in an arm that
/// did its work: without Redis every read loads, and that breaks no promise.
pub(super) fn judge(arms: &[Arm]) -> Verdict {
    let library = || arms.iter().filter(|arm| arm.name != "naive");
    let at_work = || library().filter(|arm| unfit(std::slice::from_ref(*arm), [arm.name]).is_none());
    let reason = library()
        .find_map(broken)
        .or_else(|| [ran_together, never_ahead].into_iter().find_map(|promise| at_work().find_map(promise)));
    if let Some(reason) = reason {
        return Verdict::Broken(reason);
    }
    match proves_nothing(arms) {
        Some(reason) => Verdict::ProvesNothing(reason),
        None => Verdict::Shown,
    }
}

fn rush(arm: &Arm) -> Option<&Rush> {
    match &arm.findings {
        Findings::Stampede(rush) => Some(rush),
        _ => None,
    }
}

/// A lease lets one read load, and the others wait. What is loaded ahead of time was not waited for by anybody; and where
/// Redis did not answer in time, or waiting took too long, a read asks the database itself.
fn ran_together(arm: &Arm) -> Option<String> {
    let rush = rush(arm)?;
    let counts = rush.library?;
    let allowed = rush.expiries + counts.early_refreshes + counts.excused_loads;
    (arm.database_loads > allowed).then(|| {
        format!(
            "the arm {} loaded {} times for {} expiries, and nothing excuses more than {allowed}",
            arm.name, arm.database_loads, rush.expiries
        )
    })
}

/// Read eight times while one load takes, a value is found due in time whatever the dice say; that not a single one was is
/// no mischance.
fn never_ahead(arm: &Arm) -> Option<String> {
    const A_CROWD: u64 = 8;
    let rush = rush(arm).filter(|rush| arm.name == "lease-early" && rush.expiries >= 3)?;
    let loads_in_a_life = ms(TTL) / ms(LOAD_DELAY);
    let is_crowd = arm.reads >= A_CROWD * loads_in_a_life * rush.expiries;
    let never = is_crowd && rush.library?.early_refreshes == 0;
    never.then(|| format!("the arm {} refreshed nothing ahead of {} expiries", arm.name, rush.expiries))
}

fn proves_nothing(arms: &[Arm]) -> Option<String> {
    if let Some(reason) = unfit(arms, COURSES.iter().map(|course| course.name)) {
        return Some(reason);
    }
    let naive = arms.iter().find(|arm| arm.name == "naive")?;
    // Two for each at the least: less would be no crowd.
    if naive.database_loads >= 2 * rush(naive)?.expiries {
        return arms.iter().find_map(too_busy).or_else(|| arms.iter().find_map(refreshed_too_late));
    }
    Some(
        "the naive arm loaded less than twice for each expiry, so there was no stampede; try more --clients"
            .to_owned(),
    )
}

/// A crowd came to the database past the lease, since Redis or the machine did not keep up.
fn too_busy(arm: &Arm) -> Option<String> {
    let rush = rush(arm)?;
    let counts = rush.library?;
    let on_time = counts.early_refreshes + rush.expiries;
    (arm.database_loads > on_time + rush.expiries).then(|| {
        format!(
            "Redis often did not answer the arm {} in time: {} of its {} loads went past the lease; try a less busy machine, or \
             fewer --clients",
            arm.name, counts.excused_loads, arm.database_loads
        )
    })
}

/// Whether a value is refreshed in time is left to chance, which wants readers, and to a machine that keeps up. No reader
/// waits while both are there; a run in which one did shows nothing of that.
fn refreshed_too_late(arm: &Arm) -> Option<String> {
    let counts = rush(arm)?.library.filter(|counts| arm.name == "lease-early" && counts.found_nothing > 0)?;
    Some(format!(
        "the arm {} was to show that no reader waits, and {} did: the value was refreshed too late; try more --clients, or a \
         less busy machine",
        arm.name,
        counted(counts.found_nothing, "read", "reads")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Latencies;
    use crate::scenario::outcome::RushCounts;

    fn arm(name: &'static str, database_loads: u64, expiries: u64, library: Option<RushCounts>) -> Arm {
        let findings = Findings::Stampede(Rush {
            expiries,
            most_loads: database_loads,
            waits: Latencies::new(),
            library,
        });
        let answers = crate::scenario::answers::Answers { reads: 100, ..Default::default() };
        answers.into_arm(name, database_loads, None, findings)
    }

    fn arms() -> Vec<Arm> {
        let none = Some(RushCounts::default());
        vec![
            arm("naive", 310, 5, None),
            arm("lease", 5, 5, none),
            arm("lease-no-mutex", 5, 5, none),
            arm("lease-early", 9, 5, Some(RushCounts { early_refreshes: 8, ..RushCounts::default() })),
        ]
    }

    #[track_caller]
    fn reason(arms: &[Arm]) -> (bool, String) {
        match judge(arms) {
            Verdict::Broken(reason) => (true, reason),
            Verdict::ProvesNothing(reason) => (false, reason),
            Verdict::Shown => (false, "shown".to_owned()),
        }
    }

    #[test]
    fn one_load_for_each_expiry_is_the_promise() {
        assert_eq!(judge(&arms()), Verdict::Shown);
        let mut together = arms();
        together[2] = arm("lease-no-mutex", 6, 5, Some(RushCounts::default()));
        assert_eq!(
            reason(&together),
            (
                true,
                "the arm lease-no-mutex loaded 6 times for 5 expiries, and nothing excuses more than 5"
                    .to_owned()
            )
        );
        let excused = RushCounts { excused_loads: 1, ..RushCounts::default() };
        together[2] = arm("lease-no-mutex", 6, 5, Some(excused));
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
        busy[1] = arm("lease", 10, 5, Some(RushCounts { excused_loads: 5, ..RushCounts::default() }));
        assert_eq!(judge(&busy), Verdict::Shown);
        busy[1] = arm("lease", 654, 21, Some(RushCounts { excused_loads: 637, ..RushCounts::default() }));
        assert!(reason(&busy).1.contains("637 of its 654 loads went past the lease"), "{}", reason(&busy).1);
    }

    #[test]
    fn an_arm_whose_cache_never_worked_breaks_no_promise() {
        let mut refused = arms();
        refused[1] = arm("lease", 900, 4, Some(RushCounts::default()));
        assert!(reason(&refused).0, "loads that nothing excuses");
        refused[1].cache = Some(crate::scenario::outcome::CacheUse::default());
        let (is_broken, words) = reason(&refused);
        assert!(!is_broken && words.contains("stored nothing in Redis"), "{words}");
    }

    #[test]
    fn no_reader_waits_for_what_is_refreshed_ahead() {
        let early = |reads, early_refreshes, found_nothing| {
            let mut arms = arms();
            let counts = RushCounts { early_refreshes, found_nothing, ..RushCounts::default() };
            arms[3] = Arm { reads, ..arm("lease-early", 5 + early_refreshes, 5, Some(counts)) };
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
        calm[0] = arm("naive", 9, 5, None);
        assert!(reason(&calm).1.contains("less than twice"));
        calm.truncate(2);
        assert_eq!(reason(&calm), (false, "the arm lease-no-mutex did not run".to_owned()));
    }
}
