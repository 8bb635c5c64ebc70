//! What the counts of all arms prove, and what they do not.

use crate::scenario::activity::unfit;
use crate::scenario::arms::Way;
use crate::scenario::outcome::{Arm, Findings, Staleness, Verdict};

/// The library's promises first: whatever else went wrong, a broken one must be heard of.
pub(super) fn judge(arms: &[Arm]) -> Verdict {
    let library = [Way::Lease, Way::LeaseMarker];
    if let Some(reason) = library.into_iter().find_map(|way| broken(way, find(arms, way)?)) {
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

fn staleness(arm: &Arm) -> Option<&Staleness> {
    match &arm.findings {
        Findings::Stale(staleness) => Some(staleness),
        _ => None,
    }
}

fn broken(way: Way, arm: &Arm) -> Option<String> {
    let found = staleness(arm)?;
    let mut counts = vec![
        (found.stale_reads, "stale reads"),
        (arm.wrong_reads, "wrong answers"),
        (arm.failed_reads.saturating_sub(arm.failed_by_database), "failed reads"),
        (
            found.when_quiet.missed_a_returned_write,
            "keys that miss a write that returned, when all was quiet",
        ),
    ];
    if way == Way::LeaseMarker {
        counts.push((found.non_monotonic_reads, "reads older than what the same reader had seen"));
        counts.push((
            found.when_quiet.stale_keys,
            "keys that differ from the committed row, when all was quiet",
        ));
    }
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!counts.is_empty()).then(|| format!("the arm {} shows {}", arm.name, counts.join(", ")))
}

fn proves_nothing(arms: &[Arm]) -> Option<String> {
    if let Some(reason) = unfit(arms, super::WAYS.map(Way::name)) {
        return Some(reason);
    }
    let stale = |way| find(arms, way).and_then(staleness).map_or(0, |found| found.stale_reads);
    if stale(Way::Mysql) > 0 || find(arms, Way::Mysql).is_some_and(|arm| arm.wrong_reads > 0) {
        return Some(
            "MySQL without a cache shows stale or wrong reads, so the experiment itself is at fault"
                .to_owned(),
        );
    }
    if stale(Way::Naive) == 0 {
        return Some(
            "the naive arm showed no stale read either, so this run proves nothing; try a longer --duration or more --clients"
                .to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Latencies;
    use crate::scenario::outcome::WhenQuiet;

    fn arm(way: Way, stale_reads: u64) -> Arm {
        Arm {
            name: way.name(),
            reads: 1_000,
            failed_reads: 0,
            wrong_reads: 0,
            database_loads: 10,
            writes: 100,
            failed_writes: 0,
            first_error: None,
            failed_by_database: 0,
            cache: None,
            obstacle: None,
            findings: Findings::Stale(Staleness {
                stale_reads,
                ages: Latencies::new(),
                non_monotonic_reads: 0,
                dead_writers: 4,
                when_quiet: WhenQuiet::default(),
            }),
        }
    }

    /// As it should be, with one arm changed.
    fn judged(change: impl Fn(&mut Arm, &mut bool)) -> Verdict {
        let harmed = [Way::Naive, Way::NaiveDoubleDelete, Way::Lock];
        let mut arms: Vec<Arm> = super::super::WAYS
            .iter()
            .map(|way| arm(*way, if harmed.contains(way) { 20 } else { 0 }))
            .collect();
        arms.retain_mut(|arm| {
            let mut stays = true;
            change(arm, &mut stays);
            stays
        });
        judge(&arms)
    }

    fn found(arm: &mut Arm) -> &mut Staleness {
        let Findings::Stale(found) = &mut arm.findings else { unreachable!() };
        found
    }

    #[test]
    fn harm_without_the_cure_and_none_with_it_is_what_is_to_be_shown() {
        assert_eq!(judged(|_, _| ()), Verdict::Shown);
    }

    #[test]
    fn every_promise_of_the_library_is_held_against_the_counts() {
        type Change = fn(&mut Arm);
        let broken = |name: &'static str, change: Change| {
            judged(move |arm, _| {
                if arm.name == name {
                    change(arm)
                }
            })
        };
        let changes: [(Change, bool); 6] = [
            (|arm| found(arm).stale_reads = 1, true),
            (|arm| arm.wrong_reads = 1, true),
            (|arm| arm.failed_reads = 1, true),
            (|arm| found(arm).when_quiet.missed_a_returned_write = 1, true),
            // Only the crash-safe write promises these.
            (|arm| found(arm).when_quiet.stale_keys = 1, false),
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
        assert_eq!(reason, Verdict::Broken("the arm lease shows 2 stale reads, 3 failed reads".to_owned()));
    }

    #[test]
    fn a_run_that_lacks_its_controls_proves_nothing() {
        let words = |verdict| match verdict {
            Verdict::ProvesNothing(reason) => reason,
            other => panic!("{other:?}"),
        };
        let of = |name: &'static str, change: fn(&mut Arm, &mut bool)| {
            words(judged(move |arm, stays| {
                if arm.name == name {
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
