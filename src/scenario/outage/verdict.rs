//! The reasons why the arms prove nothing.

use super::Found;
use crate::scenario::arms::Way;
use crate::scenario::definition::Arms;

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    let all = || arms.0.iter().filter_map(|arm| Some((arm, arm.found::<Found>()?)));
    let unread = all().find_map(|(arm, found)| {
        let phase = found.phases.iter().find(|phase| phase.reads + phase.failed_reads == 0)?;
        Some(format!(
            "the arm {} read nothing in the phase {:?}; try a longer --duration",
            arm.arm, phase.phase
        ))
    });
    if unread.is_some() {
        return unread;
    }
    let never_hit = all()
        .filter(|(arm, _)| arm.evidence.cache.is_some())
        .find(|(_, found)| found.phases.first().is_none_or(|before| before.hits == 0));
    if let Some((arm, _)) = never_hit {
        return Some(format!(
            "the arm {} found nothing in Redis before the outage, so the outage took nothing from it; try a longer \
             --duration",
            arm.arm
        ));
    }
    if arms.way(Way::Naive)?.failed_reads == 0 {
        return Some(
            "the naive arm failed no read either, so this run proves nothing; try a longer --duration"
                .to_owned(),
        );
    }
    let recovery = arms.found::<Found>(Way::Lease)?.recovery_ms;
    (recovery.continued.is_none() || recovery.restarted.is_none()).then(|| {
        "not every client of the arm lease had a hit again after Redis returned; try a longer --duration"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::phases::PHASES;
    use super::super::{Phase, Recovery, SCENARIO};
    use super::*;
    use crate::samples::cache_use::CacheUse;
    use crate::scenario::Found as Any;
    use crate::scenario::answers::Answers;
    use crate::scenario::definition::ArmKind;
    use crate::scenario::document::{Arm, Verdict};
    use crate::scenario::runner;

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    fn arm(way: Way, failed_reads: u64, came_back: bool) -> Arm {
        let phases = PHASES.map(|phase| Phase {
            phase: phase.name().to_owned(),
            reads: 10,
            hits: 5,
            database_loads: 5,
            ..Phase::default()
        });
        let recovery = came_back.then_some(700.0);
        let recovery_ms = Recovery { continued: recovery, restarted: recovery };
        let worked = CacheUse { hits: 25, fills: 25, ..CacheUse::default() };
        let cache = (way != Way::Mysql).then_some(worked);
        let answers = Answers { reads: 50, failed_reads, ..Default::default() };
        answers.into_arm(ArmKind::Whole(way), 25, cache, Found { phases: phases.into(), recovery_ms })
    }

    fn found(arm: &mut Arm) -> &mut Found {
        let Any::Outage(found) = &mut arm.found else { unreachable!() };
        found
    }

    fn arms() -> Vec<Arm> {
        vec![arm(Way::Mysql, 0, false), arm(Way::Naive, 30, true), arm(Way::Lease, 0, true)]
    }

    #[track_caller]
    fn proves_nothing_since(arms: &[Arm], words: &str) {
        let Verdict::ProvesNothing(reason) = judge(arms) else { panic!("{:?}", judge(arms)) };
        assert!(reason.contains(words), "{reason}");
    }

    #[test]
    fn the_library_answers_every_read_and_comes_back() {
        assert_eq!(judge(&arms()), Verdict::Shown);
        let mut failed = arms();
        failed[2].failed_reads = 1;
        failed[1].failed_reads = 0;
        assert_eq!(judge(&failed), Verdict::Broken("the arm lease shows 1 failed read".to_owned()));
    }

    #[test]
    fn without_harm_or_without_an_end_nothing_is_proved() {
        let mut harmless = arms();
        harmless[1].failed_reads = 0;
        proves_nothing_since(&harmless, "failed no read");
        let mut away = arms();
        away[2] = arm(Way::Lease, 0, false);
        proves_nothing_since(&away, "had a hit again");
        proves_nothing_since(&arms()[..2], "the arm lease did not run");
        let mut short = arms();
        found(&mut short[0]).phases[4].reads = 0;
        proves_nothing_since(&short, "mysql read nothing in the phase \"restarted\"");
    }

    #[test]
    fn an_arm_that_had_no_hit_before_the_outage_lost_nothing_by_it() {
        for index in [1, 2] {
            let mut arms = arms();
            found(&mut arms[index]).phases[0].hits = 0;
            let words = format!("the arm {} found nothing in Redis before the outage", arms[index].arm);
            proves_nothing_since(&arms, &words);
        }
        let mut unread = arms();
        unread[2].failed_reads = 3;
        unread[2].evidence.failed_by_database = 3;
        proves_nothing_since(&unread, "the arm lease had reads that MySQL failed");
    }
}
