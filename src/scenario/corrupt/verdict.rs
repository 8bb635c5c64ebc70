//! What the counts of both arms prove, and what they do not.

use super::WAYS;
use crate::scenario::activity::unfit;
use crate::scenario::arms::Way;
use crate::scenario::outcome::{Arm, Corruption, Findings, Verdict};

pub(super) fn judge(arms: &[Arm]) -> Verdict {
    let find = |way: Way| arms.iter().find(|arm| arm.name == way.name());
    if let Some(reason) = find(Way::Lease).and_then(broken) {
        return Verdict::Broken(reason);
    }
    let nothing = unfit(arms, WAYS.map(Way::name)).or_else(|| harmless(find(Way::Naive)?, find(Way::Lease)?));
    match nothing {
        Some(reason) => Verdict::ProvesNothing(reason),
        None => Verdict::Shown,
    }
}

fn corruption(arm: &Arm) -> Option<&Corruption> {
    match &arm.findings {
        Findings::Corrupt(corruption) => Some(corruption),
        _ => None,
    }
}

fn broken(arm: &Arm) -> Option<String> {
    let counts = [
        (arm.wrong_reads, "wrong answers"),
        (arm.failed_reads.saturating_sub(arm.failed_by_database), "failed reads"),
        (corruption(arm)?.unusable_when_quiet, "rows that could not be read when all was quiet"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!counts.is_empty()).then(|| format!("the arm {} shows {}", arm.name, counts.join(", ")))
}

/// Why the damage shows nothing: one of the arms did not meet it.
fn harmless(naive: &Arm, lease: &Arm) -> Option<String> {
    if corruption(lease).and_then(|found| found.noticed).unwrap_or(0) == 0 {
        return Some(
            "the library met no damaged value, so its right answers prove nothing; try a longer --duration"
                .to_owned(),
        );
    }
    if naive.wrong_reads + naive.failed_reads == 0 {
        return Some(
            "the naive arm showed no wrong answer and no failed read; try a longer --duration".to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(way: Way, wrong_reads: u64, noticed: Option<u64>) -> Arm {
        Arm {
            name: way.name(),
            reads: 1_000,
            failed_reads: 0,
            wrong_reads,
            database_loads: 10,
            writes: 0,
            failed_writes: 0,
            first_error: None,
            failed_by_database: 0,
            cache: None,
            obstacle: None,
            findings: Findings::Corrupt(Corruption { noticed, ..Corruption::default() }),
        }
    }

    fn judged(change: impl Fn(&mut Arm, &mut Arm)) -> Verdict {
        let (mut naive, mut lease) = (arm(Way::Naive, 7, None), arm(Way::Lease, 0, Some(9)));
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
            judged(|_, lease| *lease = arm(Way::Lease, 0, Some(0))),
            judged(|_, lease| lease.reads = 0),
            judge(&[]),
        ] {
            assert!(matches!(nothing, Verdict::ProvesNothing(_)), "{nothing:?}");
        }
    }

    #[test]
    fn a_wrong_answer_of_the_library_is_a_broken_promise() {
        let unusable = Corruption { unusable_when_quiet: 1, noticed: Some(9), ..Corruption::default() };
        for broken in [
            judged(|_, lease| lease.wrong_reads = 1),
            judged(|_, lease| lease.failed_reads = 1),
            judged(|_, lease| lease.findings = Findings::Corrupt(unusable.clone())),
        ] {
            assert!(matches!(broken, Verdict::Broken(_)), "{broken:?}");
        }
    }
}
