//! The last line of a page: what to take away from an experiment, in plain words.

use super::stale::percent;
use crate::scenario_file::{Arm, Document, Phase};
use crate::units::{count, counted};

/// None for a run that proves nothing or proves the library wrong.
pub(super) fn line(document: &Document) -> Option<String> {
    if !document.valid || document.broken || document.interrupted {
        return None;
    }
    match document.scenario.as_str() {
        "stale" => stale(document),
        "stampede" => stampede(document),
        "outage" => outage(document),
        "avalanche" => avalanche(document),
        "penetration" => penetration(document),
        "corrupt" => corrupt(document),
        "metastable" => metastable(document),
        _ => None,
    }
}

fn find<'a>(document: &'a Document, name: &str) -> Option<&'a Arm> {
    document.arms.iter().find(|arm| arm.arm == name)
}

fn stale(document: &Document) -> Option<String> {
    let share = find(document, "naive")?.stale.as_ref()?.stale_share?;
    let lease = find(document, "lease")?;
    Some(format!(
        "GET/SET/DEL served old rows in {} of reads; a lease served none in {}.",
        percent(share),
        count(lease.reads),
    ))
}

fn stampede(document: &Document) -> Option<String> {
    let naive = find(document, "naive")?.stampede.as_ref()?.loads_per_expiry?;
    let lease = find(document, "lease")?.stampede.as_ref()?.loads_per_expiry?;
    Some(format!(
        "each time a popular value expired, {naive:.1} clients asked the database for it at once; with a lease {lease:.1} did."
    ))
}

fn outage(document: &Document) -> Option<String> {
    let away = |arm: &str| -> Option<Vec<&Phase>> {
        let phases = &find(document, arm)?.outage.as_ref()?.phases;
        Some(phases.iter().filter(|phase| ["stopped", "killed"].contains(&phase.phase.as_str())).collect())
    };
    let failed = |phases: &[&Phase]| {
        let failed: u64 = phases.iter().map(|phase| phase.failed_reads).sum();
        let reads: u64 = phases.iter().map(|phase| phase.reads).sum();
        share(failed, failed + reads)
    };
    let (naive, lease) = (away("naive")?, away("lease")?);
    let lease_failed: u64 = lease.iter().map(|phase| phase.failed_reads).sum();
    Some(format!(
        "while Redis was away, an application that trusts it failed {} of its reads; the library failed {} and read from MySQL.",
        percent(failed(&naive)?),
        if lease_failed == 0 { "none".to_owned() } else { count(lease_failed) },
    ))
}

fn avalanche(document: &Document) -> Option<String> {
    let peak = |name| Some(find(document, name)?.avalanche?.peak_loads);
    let window = super::config(document, "window_ms");
    Some(format!(
        "values stored together expire together: at worst {} loads within {window} ms, and {} when each time to live is a \
         little shorter at random.",
        count(peak("naive")?),
        count(peak("lease")?),
    ))
}

fn penetration(document: &Document) -> Option<String> {
    let found = |name| find(document, name)?.penetration;
    let (naive, lease) = (found("naive")?, found("lease")?);
    Some(format!(
        "reads of rows that do not exist all reach the database ({} loads) unless the cache remembers that they do not ({}).",
        count(naive.missing_loads),
        count(lease.missing_loads),
    ))
}

fn corrupt(document: &Document) -> Option<String> {
    let (naive, lease) = (find(document, "naive")?, find(document, "lease")?);
    let noticed = lease.corrupt.as_ref()?.corrupt?;
    Some(format!(
        "without a checksum, damaged entries became {} and {}; with one, {} met damage and all were answered from MySQL.",
        counted(naive.wrong_reads, "wrong answer", "wrong answers"),
        counted(naive.failed_reads, "failed read", "failed reads"),
        counted(noticed, "read", "reads"),
    ))
}

fn metastable(document: &Document) -> Option<String> {
    let found = |name| find(document, name)?.metastable;
    let (naive, lease) = (found("naive")?, found("lease")?);
    Some(format!(
        "after a flush, GET/SELECT/SET answered {} of {} reads a second for good; loads bounded by the library filled the \
         cache again in {:.1} s.",
        count(crate::units::whole(naive.answered_at_the_end_per_s)),
        count(crate::units::whole(naive.answered_before_per_s)),
        lease.recovery_after_flush_ms? / 1e3,
    ))
}

fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    (whole > 0).then(|| part as f64 / whole as f64)
}
