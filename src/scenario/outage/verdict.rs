//! What the counts of all arms prove, and what they do not.

use super::WAYS;
use crate::scenario::activity::unfit;
use crate::scenario::answers::broken;
use crate::scenario::arms::Way;
use crate::scenario::outcome::{Arm, Findings, Outage, Verdict};

/// The library's promises first: whatever else went wrong, a broken one must be heard of.
pub(super) fn judge(arms: &[Arm]) -> Verdict {
    if let Some(reason) = find(arms, Way::Lease).and_then(broken) {
        return Verdict::Broken(reason);
    }
    match proves_nothing(arms) {
        Some(reason) => Verdict::ProvesNothing(reason),
        None => Verdict::Shown,
    }
}

fn find(arms: &[Arm], way: Way) -> Option<&Arm> {
    arms.iter().find(|arm| arm.name == way.name())
}

fn outage(arm: &Arm) -> Option<&Outage> {
    match &arm.findings {
        Findings::Outage(outage) => Some(outage),
        _ => None,
    }
}

fn proves_nothing(arms: &[Arm]) -> Option<String> {
    if let Some(reason) = unfit(arms, WAYS.map(Way::name)) {
        return Some(reason);
    }
    for arm in arms {
        let unread = outage(arm)?.phases.iter().find(|phase| phase.reads + phase.failed_reads == 0);
        if let Some(phase) = unread {
            return Some(format!(
                "the arm {} read nothing in the phase {:?}; try a longer --duration",
                arm.name, phase.name
            ));
        }
    }
    let never_hit = arms
        .iter()
        .filter(|arm| arm.cache.is_some())
        .find(|arm| outage(arm).and_then(|found| found.phases.first()).is_none_or(|before| before.hits == 0));
    if let Some(arm) = never_hit {
        return Some(format!(
            "the arm {} found nothing in Redis before the outage, so the outage took nothing from it; try a longer \
             --duration",
            arm.name
        ));
    }
    if find(arms, Way::Naive)?.failed_reads == 0 {
        return Some(
            "the naive arm failed no read either, so this run proves nothing; try a longer --duration"
                .to_owned(),
        );
    }
    let came_back = outage(find(arms, Way::Lease)?)?.recovery.iter().all(Option::is_some);
    (!came_back).then(|| {
        "not every client of the arm lease had a hit again after Redis returned; try a longer --duration"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::phases::PHASES;
    use super::*;
    use crate::sample::Latencies;
    use crate::scenario::answers::Answers;
    use crate::scenario::outcome::{CacheUse, PhaseFound};

    fn arm(way: Way, failed_reads: u64, came_back: bool) -> Arm {
        let phases = PHASES.map(|phase| PhaseFound {
            name: phase.name(),
            reads: 10,
            failed_reads: 0,
            hits: 5,
            database_loads: 5,
            latencies: Latencies::new(),
            past_the_cache: Latencies::new(),
        });
        let recovery = [came_back.then_some(Duration::from_millis(700)); 2];
        let worked = CacheUse { hits: 25, fills: 25, ..CacheUse::default() };
        let cache = (way != Way::Mysql).then_some(worked);
        let answers = Answers { reads: 50, failed_reads, ..Default::default() };
        answers.into_arm(way.name(), 25, cache, Findings::Outage(Outage { phases: phases.into(), recovery }))
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
        assert_eq!(judge(&failed), Verdict::Broken("the arm lease shows 1 failed reads".to_owned()));
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
        let Findings::Outage(outage) = &mut short[0].findings else { unreachable!() };
        outage.phases[4].reads = 0;
        proves_nothing_since(&short, "mysql read nothing in the phase \"restarted\"");
    }

    #[test]
    fn an_arm_that_had_no_hit_before_the_outage_lost_nothing_by_it() {
        for index in [1, 2] {
            let mut arms = arms();
            let Findings::Outage(outage) = &mut arms[index].findings else { unreachable!() };
            outage.phases[0].hits = 0;
            let words = format!("the arm {} found nothing in Redis before the outage", arms[index].name);
            proves_nothing_since(&arms, &words);
        }
        let mut unread = arms();
        unread[2].failed_reads = 3;
        unread[2].failed_by_database = 3;
        proves_nothing_since(&unread, "the arm lease had reads that MySQL failed");
    }
}
