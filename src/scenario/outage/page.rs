//! The page of `outage`: what readers got while Redis was away, how long they waited for it, and
//! how soon all was well.

mod cluster;

use super::{Found, Phase};
use crate::page::blocks::{Block, Row, Section, Table};
use crate::page::figures::{Curve, Curves, Figure, Picture, Point};
use crate::page::scale::Scale;
use crate::page::sentences::percent;
use crate::scenario::document::{Arm, Document, Spread, share};
use crate::scenario::page::{self, bar_of, bars, config, findings, time_ms};
use crate::units::{self, counted};

/// One number of a distribution.
type Pick = fn(&Spread) -> Option<f64>;

const PHASES: [&str; 5] = ["before", "stopped", "continued", "killed", "restarted"];
/// Those in which there is no Redis.
const AWAY: [&str; 2] = ["stopped", "killed"];

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
        sections.push(table(title, &PHASES, document, row));
    }
    let header = ["reads", "failed", "loads", "loads while away", "hits after stop", "after kill"];
    let mut counts = table("What was counted", &header, document, counts);
    counts.blocks.push(Block::Sentence(NOTE.to_owned()));
    sections.push(counts);
    sections.extend(cluster::sections(document));
    let single = [failures(document), cost(document), recovery(document)];
    sections.push(findings(single.into_iter().chain(cluster::findings(document))));
    sections
}

/// The arms on a single server.
fn single(document: &Document) -> impl Iterator<Item = &Arm> {
    document.arms.iter().filter(|arm| arm.found::<Found>().is_none_or(|found| found.cluster.is_none()))
}

/// A table of the arms on a single server.
fn table(title: &str, header: &[&str], document: &Document, row: impl Fn(&Arm) -> Vec<String>) -> Section {
    let rows = single(document).map(|arm| Row::new(arm.arm.clone(), row(arm))).collect();
    let table = Table::of_numbers("arm", header.iter().copied(), rows);
    Section::titled(title, vec![Block::Table(table)])
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
    page::setting(text + &cluster::setting(document))
}

fn phase<'a>(arm: &'a Arm, name: &str) -> Option<&'a Phase> {
    arm.found::<Found>()?.phases.iter().find(|phase| phase.phase == name)
}

fn time_in(phase: Option<&Phase>, pick: Pick) -> String {
    match phase.and_then(|phase| phase.latency_ms.as_ref()) {
        Some(spread) => time_ms(pick(spread)),
        None => "-".to_owned(),
    }
}

fn counts(arm: &Arm) -> Vec<String> {
    let away: u64 = AWAY.iter().filter_map(|name| phase(arm, name)).map(|phase| phase.database_loads).sum();
    let recovery = arm.found::<Found>().map(|found| found.recovery_ms).unwrap_or_default();
    let back = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| time_ms(Some(time)));
    vec![
        units::count(arm.reads),
        units::count(arm.failed_reads),
        units::count(arm.database_loads),
        units::count(away),
        back(recovery.continued),
        back(recovery.restarted),
    ]
}

/// Who got no answer.
fn failures(document: &Document) -> Option<String> {
    let (naive, lease) = (page::arm(document, "naive")?, page::arm(document, "lease")?);
    Some(format!(
        "naive failed {}, lease {} of {}.",
        counted(naive.failed_reads, "read", "reads"),
        if lease.failed_reads == 0 { "none".to_owned() } else { units::count(lease.failed_reads) },
        units::count(lease.reads + lease.failed_reads),
    ))
}

/// The cost of a read without Redis, beside one past the cache by the same clients in the same
/// moments.
fn cost(document: &Document) -> Option<String> {
    let ratio = |arm: &str, name: &str| {
        let phase = phase(page::arm(document, arm)?, name)?;
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

/// The time until hits flow again.
fn recovery(document: &Document) -> Option<String> {
    let lease = page::found::<Found>(document, "lease")?;
    Some(format!(
        "All clients of lease had hits again {} after Redis went on, and {} after it was restarted.",
        time_ms(Some(lease.recovery_ms.continued?)),
        time_ms(Some(lease.recovery_ms.restarted?)),
    ))
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let texts = [
        "Failed reads while Redis was away",
        "reads",
        "Reads that got no answer while Redis was stopped or gone.",
    ];
    let failed = |arm: &Arm| {
        arm.found::<Found>().filter(|found| found.cluster.is_none())?;
        let phases = AWAY.iter().filter_map(|name| phase(arm, name));
        Some(bar_of(phases.fold(0, |failed, phase| phase.failed_reads.saturating_add(failed))))
    };
    [bars(document, texts, failed), waits(document)].into_iter().flatten().collect()
}

/// p99 of each phase of an outage.
fn waits(document: &Document) -> Option<Figure> {
    let p99 = |arm: &Arm, name: &str| phase(arm, name)?.latency_ms.as_ref()?.p99;
    let curve = |arm: &Arm| {
        let points: Vec<Point> = PHASES
            .iter()
            .zip(0_u8..)
            .filter_map(|(name, index)| {
                let ns = p99(arm, name).map(|ms| ms * 1e6).filter(|ns| *ns > 0.0)?;
                Some(Point { x: f64::from(index), y: ns, interval: None })
            })
            .collect();
        (!points.is_empty()).then(|| Curve { label: arm.arm.clone(), tone: page::tone(&arm.arm), points })
    };
    let curves: Vec<Curve> = single(document).filter_map(curve).collect();
    let times = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.y);
    let (from, to) = (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max));
    if curves.is_empty() {
        return None;
    }
    let row = |arm: &Arm| Row::new(arm.arm.clone(), PHASES.map(|name| time_ms(p99(arm, name))).to_vec());
    Some(Figure {
        title: "p99 until an answer or an error".to_owned(),
        caption:
            "Redis is stopped and continued, then killed and restarted; the curve shows p99 of each phase."
                .to_owned(),
        picture: Picture::Curves(Curves {
            x: Scale::of_names("phase", &PHASES.map(str::to_owned)),
            y: Scale::of_durations(from, to),
            curves,
            levels: Vec::new(),
            bands: Vec::new(),
        }),
        numbers: Table::of_numbers("arm", PHASES, single(document).map(row).collect()),
    })
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let away = |arm: &str| -> Option<Vec<&Phase>> {
        let phases = &page::found::<Found>(document, arm)?.phases;
        Some(phases.iter().filter(|phase| AWAY.contains(&phase.phase.as_str())).collect())
    };
    let failed = |phases: &[&Phase]| phases.iter().map(|phase| phase.failed_reads).sum::<u64>();
    let (naive, lease) = (away("naive")?, away("lease")?);
    let naive_reads = failed(&naive) + naive.iter().map(|phase| phase.reads).sum::<u64>();
    let lease_failed = failed(&lease);
    Some(
        format!(
            "while Redis was away, an application that trusts it failed {} of its reads; the library failed {} and read from MySQL.",
            percent(share(failed(&naive), naive_reads)?),
            if lease_failed == 0 { "none".to_owned() } else { units::count(lease_failed) },
        ) + &cluster::lesson(document).unwrap_or_default(),
    )
}
