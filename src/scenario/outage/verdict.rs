//! The promises of the library's arms, and the reasons why the arms prove nothing.

use super::Found;
use crate::scenario::answers;
use crate::scenario::definition::{ArmKind, Arms};
use crate::scenario::document::Arm;
use crate::scenario::strategies::Strategy;

/// Each read is answered, and rightly. Only a failover may lose what a write removed, since Redis
/// answers before its replica has it.
pub(super) fn broken_promise(kind: ArmKind, arm: &Arm) -> Option<String> {
    let stale = match kind {
        ArmKind::Failover => 0,
        _ => arm.found::<Found>().map_or(0, Found::stale_reads),
    };
    answers::broken_with(arm, &[(stale, "stale read", "stale reads")])
}

/// Why the event of a cluster did not come to its end.
fn unfinished(arms: &Arms<'_>) -> Option<String> {
    let cluster = |kind| arms.of(kind)?.found::<Found>()?.cluster.as_ref();
    let (failover, resharding) = (cluster(ArmKind::Failover)?, cluster(ArmKind::Resharding)?);
    let reason = match (failover.takeover_ms, failover.hits_back_ms, resharding.hits_back_ms) {
        (None, ..) => "no replica took over in the arm failover",
        (_, None, _) => "not every client of the arm failover had a hit of the killed primary's keys again",
        (_, _, None) => "not all slots had moved in the arm resharding",
        _ => return None,
    };
    Some(format!("{reason}; try a longer --duration"))
}

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    let unfinished = unfinished(arms);
    if unfinished.is_some() {
        return unfinished;
    }
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
    if arms.strategy(Strategy::Naive)?.failed_reads == 0 {
        return Some(
            "the naive arm failed no read either, so this run proves nothing; try a longer --duration"
                .to_owned(),
        );
    }
    let recovery = arms.found::<Found>(Strategy::Lease)?.recovery_ms;
    (recovery.continued.is_none() || recovery.restarted.is_none()).then(|| {
        "not every client of the arm lease had a hit again after Redis returned; try a longer --duration"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::phases::PHASES;
    use super::super::{OnCluster, Phase, Recovery, SCENARIO};
    use super::*;
    use crate::samples::cache_use::CacheUse;
    use crate::scenario::Found as Any;
    use crate::scenario::answers::Answers;
    use crate::scenario::document::Verdict;
    use crate::scenario::runner;

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    fn arm(strategy: Strategy, failed_reads: u64, came_back: bool) -> Arm {
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
        let cache = (strategy != Strategy::Mysql).then_some(worked);
        let answers = Answers { reads: 50, failed_reads, ..Default::default() };
        answers.into_arm(
            ArmKind::Whole(strategy),
            25,
            cache,
            Found { phases: phases.into(), recovery_ms, cluster: None },
        )
    }

    fn found(arm: &mut Arm) -> &mut Found {
        let Any::Outage(found) = &mut arm.found else { unreachable!() };
        found
    }

    fn on_cluster(kind: ArmKind, stale: u64) -> Arm {
        let mut arm = arm(Strategy::LeaseMarker, 0, false);
        kind.name().clone_into(&mut arm.arm);
        let found = found(&mut arm);
        found.phases.truncate(3);
        found.phases[2].stale_reads = Some(stale);
        found.cluster = Some(OnCluster {
            takeover_ms: (kind == ArmKind::Failover).then_some(1_500.0),
            hits_back_ms: Some(1_600.0),
            ..OnCluster::default()
        });
        arm
    }

    fn arms() -> Vec<Arm> {
        vec![
            arm(Strategy::Mysql, 0, false),
            arm(Strategy::Naive, 30, true),
            arm(Strategy::Lease, 0, true),
            on_cluster(ArmKind::Failover, 7),
            on_cluster(ArmKind::Resharding, 0),
        ]
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
    fn only_a_failover_may_lose_a_write() {
        let mut stale = arms();
        stale[4] = on_cluster(ArmKind::Resharding, 3);
        assert_eq!(judge(&stale), Verdict::Broken("the arm resharding shows 3 stale reads".to_owned()));
        let mut failed = arms();
        failed[3].failed_reads = 2;
        assert_eq!(judge(&failed), Verdict::Broken("the arm failover shows 2 failed reads".to_owned()));
    }

    #[test]
    fn an_event_of_the_cluster_that_did_not_end_proves_nothing() {
        type Change = fn(&mut OnCluster);
        let cases: [(usize, Change, &str); 3] = [
            (3, |cluster| cluster.takeover_ms = None, "no replica took over"),
            (3, |cluster| cluster.hits_back_ms = None, "not every client of the arm failover"),
            (4, |cluster| cluster.hits_back_ms = None, "not all slots had moved"),
        ];
        for (index, change, words) in cases {
            let mut arms = arms();
            change(found(&mut arms[index]).cluster.as_mut().unwrap());
            proves_nothing_since(&arms, words);
        }
    }

    #[test]
    fn without_harm_or_without_an_end_nothing_is_proved() {
        let mut harmless = arms();
        harmless[1].failed_reads = 0;
        proves_nothing_since(&harmless, "failed no read");
        let mut away = arms();
        away[2] = arm(Strategy::Lease, 0, false);
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
