//! What the counts of all arms prove, and what they do not.

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

fn staleness(arm: &Arm) -> &Staleness {
    let Findings::Stale(staleness) = &arm.findings;
    staleness
}

fn broken(way: Way, arm: &Arm) -> Option<String> {
    let found = staleness(arm);
    let mut counts = vec![
        (found.stale_reads, "stale reads"),
        (arm.wrong_reads, "wrong answers"),
        (arm.failed_reads, "failed reads"),
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
    for way in super::WAYS {
        match find(arms, way) {
            None => return Some(format!("the arm {} did not run", way.name())),
            Some(arm) if arm.reads == 0 => {
                return Some(format!("the arm {} answered no read", way.name()));
            }
            Some(_) => {}
        }
    }
    let count = |way| find(arms, way).map_or(0, |arm| staleness(arm).stale_reads + arm.wrong_reads);
    if count(Way::Mysql) > 0 {
        return Some(
            "MySQL without a cache shows stale reads, so the experiment itself is at fault".to_owned(),
        );
    }
    if count(Way::Naive) == 0 {
        return Some(
            "the naive cache-aside shows no stale read, so that none elsewhere proves nothing; give it more time with \
             --duration, or more --clients"
                .to_owned(),
        );
    }
    None
}
