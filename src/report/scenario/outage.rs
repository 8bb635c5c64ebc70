//! The page of `outage`: what readers got while Redis was away, how long they waited for it, and how soon all was well.

use super::{arms_table, config, sentences, time};
use crate::report::blocks::{Block, Section};
use crate::scenario_file::{Arm, Document, Outage, Phase, Spread};
use crate::units::{self, counted};

/// One number of a distribution.
type Pick = fn(&Spread) -> Option<f64>;

pub(super) const PHASES: [&str; 5] = ["before", "stopped", "continued", "killed", "restarted"];
/// Those in which there is no Redis.
pub(super) const AWAY: [&str; 2] = ["stopped", "killed"];

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let times: [(&str, Pick); 3] = [
        ("Time until an answer or an error, p50", |spread| spread.p50),
        ("p99", |spread| spread.p99),
        ("max", |spread| Some(spread.max)),
    ];
    for (title, pick) in times {
        let row = |arm: &Arm| PHASES.map(|name| time_in(phase(arm, name), pick)).to_vec();
        sections.push(arms_table(title, &PHASES, document, row));
    }
    let header = ["reads", "failed", "loads", "loads while away", "hits after stop", "after kill"];
    let mut counts = arms_table("What was counted", &header, document, counts);
    counts.blocks.push(Block::Sentence(NOTE.to_owned()));
    sections.extend([counts, sentences(&what_one_sees(document))]);
    sections
}

const NOTE: &str = "A read belongs to the phase in which it began, or to the outage that it met. Between its reads, \
                    each client reads the database past the cache about as often: for comparison, in no count and no time \
                    here. hits after stop, after kill: how long after Redis' return every client had a hit again.";

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} in {} on {}. Redis is stopped (SIGSTOP) for {} s and continued, then killed (SIGKILL) for {} s and restarted empty, each \
         followed by twice that time with it. naive waits {} ms for Redis; the library {} ms for a connection and {} ms for an answer, \
         until its breaker opens.",
        counted(number("clients"), "client", "clients"),
        counted(number("processes"), "process", "processes"),
        counted(number("keys"), "row", "rows"),
        number("duration_s"),
        number("duration_s"),
        units::count(number("naive_timeout_ms")),
        number("library_connect_timeout_ms"),
        number("library_reply_timeout_ms"),
    );
    Section::new(vec![Block::Sentence(text)])
}

pub(super) fn phase<'a>(arm: &'a Arm, name: &str) -> Option<&'a Phase> {
    arm.outage.as_ref()?.phases.iter().find(|phase| phase.phase == name)
}

fn time_in(phase: Option<&Phase>, pick: Pick) -> String {
    match phase.and_then(|phase| phase.latency_ms.as_ref()) {
        Some(spread) => ms(pick(spread)),
        None => "-".to_owned(),
    }
}

pub(super) fn ms(ms: Option<f64>) -> String {
    time(ms.map(|ms| ms * 1e6))
}

fn counts(arm: &Arm) -> Vec<String> {
    let away: u64 = AWAY.iter().filter_map(|name| phase(arm, name)).map(|phase| phase.database_loads).sum();
    let recovery = arm.outage.as_ref().map(|outage| outage.recovery_ms).unwrap_or_default();
    let back = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| ms(Some(time)));
    vec![
        units::count(arm.reads),
        units::count(arm.failed_reads),
        units::count(arm.database_loads),
        units::count(away),
        back(recovery.continued),
        back(recovery.restarted),
    ]
}

fn what_one_sees(document: &Document) -> Vec<String> {
    [failures(document), cost(document), recovery(document)].into_iter().flatten().collect()
}

fn find<'a>(document: &'a Document, name: &str) -> Option<(&'a Arm, &'a Outage)> {
    let arm = document.arms.iter().find(|arm| arm.arm == name)?;
    Some((arm, arm.outage.as_ref()?))
}

/// Who got no answer.
fn failures(document: &Document) -> Option<String> {
    let ((naive, _), (lease, _)) = (find(document, "naive")?, find(document, "lease")?);
    Some(format!(
        "naive failed {}, lease {} of {}.",
        counted(naive.failed_reads, "read", "reads"),
        if lease.failed_reads == 0 { "none".to_owned() } else { units::count(lease.failed_reads) },
        units::count(lease.reads + lease.failed_reads),
    ))
}

/// What a read costs without Redis, beside one past the cache by the same clients in the same moments.
fn cost(document: &Document) -> Option<String> {
    let ratio = |arm: &str, name: &str| {
        let phase = phase(find(document, arm)?.0, name)?;
        Some(phase.latency_ms.as_ref()?.p50? / phase.past_the_cache_ms.as_ref()?.p50?)
    };
    let [stopped, gone] = AWAY;
    let noise = match (ratio("mysql", stopped), ratio("mysql", gone)) {
        (Some(one), Some(other)) => {
            format!(" The same ratios of mysql, whose reads are equal, are {one:.2} and {other:.2}.")
        }
        _ => String::new(),
    };
    Some(format!(
        "The median read of lease took {:.2} times as long as those past the cache that its clients made in between while Redis \
         was stopped, and {:.2} times as long while it was gone.{noise}",
        ratio("lease", stopped)?,
        ratio("lease", gone)?,
    ))
}

/// How soon hits flow again.
fn recovery(document: &Document) -> Option<String> {
    let (_, lease) = find(document, "lease")?;
    Some(format!(
        "All clients of lease had hits again {} after Redis went on, and {} after it was restarted.",
        ms(Some(lease.recovery_ms.continued?)),
        ms(Some(lease.recovery_ms.restarted?)),
    ))
}
