//! The part of the page of `outage` about the arms on a Redis Cluster.

use super::{Found, Pick, time_in};
use crate::page::blocks::{Block, Row, Section, Table};
use crate::page::sentences::percent;
use crate::scenario::document::{Arm, Document, share};
use crate::scenario::outage::{OnCluster, Phase};
use crate::scenario::page::{self, config, time_ms};
use crate::units::{self, counted};

const FAILOVER: &str = "failover";
const RESHARDING: &str = "resharding";

/// Continues the sentence about the setting; nothing in documents without these arms.
pub(super) fn setting(document: &Document) -> String {
    if page::arm(document, FAILOVER).is_none() && page::arm(document, RESHARDING).is_none() {
        return String::new();
    }
    let number = |name| config(document, name);
    format!(
        " The arms failover and resharding have a Redis Cluster of their own, {} primaries and {}, whose nodes take one of them \
         for gone after {} ms; {} beside the readers. After {} s, one primary is killed and its replica takes over, or its \
         slots that hold keys move to another primary, one after the other.",
        number("cluster_primaries"),
        counted(number("cluster_replicas"), "replica", "replicas"),
        units::count(number("cluster_node_timeout_ms")),
        counted(number("cluster_writers"), "client writes", "clients write"),
        number("duration_s"),
    )
}

/// A table of the phases of each arm.
pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections: Vec<Section> = [
        (FAILOVER, "failover: a primary of a cluster is killed, a replica takes over"),
        (RESHARDING, "resharding: slots of a cluster move to another primary"),
    ]
    .into_iter()
    .filter_map(|(arm, title)| Some(phases(title, page::arm(document, arm)?)))
    .collect();
    if let Some(last) = sections.last_mut() {
        last.blocks.push(Block::Sentence(NOTE.to_owned()));
    }
    sections
}

const NOTE: &str = "Of all keys, also those of the nodes that nothing happens to. stale: an older version than one whose \
                    write had returned. p50, p99, max: time until an answer or an error.";

fn phases(title: &str, arm: &Arm) -> Section {
    let header = ["reads", "hits", "loads", "failed", "stale", "p50", "p99", "max"];
    let found = arm.found::<Found>();
    let rows = found.into_iter().flat_map(|found| &found.phases).map(row).collect();
    Section::titled(title, vec![Block::Table(Table::of_numbers("phase", header, rows))])
}

fn row(phase: &Phase) -> Row {
    let time = |pick: Pick| time_in(Some(phase), pick);
    let cells = vec![
        units::count(phase.reads),
        units::count(phase.hits),
        units::count(phase.database_loads),
        units::count(phase.failed_reads),
        units::count(phase.stale_reads.unwrap_or(0)),
        time(|spread| spread.p50),
        time(|spread| spread.p99),
        time(|spread| Some(spread.max)),
    ];
    Row::new(phase.phase.clone(), cells)
}

pub(super) fn findings(document: &Document) -> [Option<String>; 2] {
    [failover(document), resharding(document)]
}

fn on_cluster<'a>(document: &'a Document, arm: &str) -> Option<(&'a Arm, &'a Found, &'a OnCluster)> {
    let arm = page::arm(document, arm)?;
    let found = arm.found::<Found>()?;
    Some((arm, found, found.cluster.as_ref()?))
}

fn failover(document: &Document) -> Option<String> {
    let (arm, found, cluster) = on_cluster(document, FAILOVER)?;
    let stale = found.stale_reads();
    Some(format!(
        "After a primary with {} was killed, a replica had taken over in {}, and every client had hits of those keys again in {}. \
         {}, {}; {} of {} failed.{}",
        counted(cluster.keys, "key", "keys"),
        time_ms(Some(cluster.takeover_ms?)),
        time_ms(Some(cluster.hits_back_ms?)),
        nothing_or(arm.failed_reads, "No read failed", "read failed", "reads failed"),
        nothing_or(stale, "none was stale", "was stale", "were stale"),
        units::count(arm.failed_writes),
        counted(arm.writes + arm.failed_writes, "write", "writes"),
        if stale > 0 { LOST } else { "" },
    ))
}

/// Why reads can be stale after a failover.
const LOST: &str = " The failover lost a removal that Redis had acknowledged, so the old value stays until it expires: the \
                    option `replicas` of the library waits for the replica instead.";

fn resharding(document: &Document) -> Option<String> {
    let (arm, _, cluster) = on_cluster(document, RESHARDING)?;
    Some(format!(
        "While {} moved under load, nodes named another one {}; {}, and {} of {} failed.",
        counted(cluster.slots_moved, "slot", "slots"),
        counted(cluster.redirects, "time", "times"),
        nothing_or(arm.failed_reads, "no read failed", "read failed", "reads failed"),
        units::count(arm.failed_writes),
        counted(arm.writes + arm.failed_writes, "write", "writes"),
    ))
}

fn nothing_or(number: u64, nothing: &str, one: &str, many: &str) -> String {
    if number == 0 { nothing.to_owned() } else { counted(number, one, many) }
}

/// Continues the line of the lesson.
pub(super) fn lesson(document: &Document) -> Option<String> {
    let (_, failover, cluster) = on_cluster(document, FAILOVER)?;
    let (_, resharding, _) = on_cluster(document, RESHARDING)?;
    let hits = |found: &Found, name: &str| {
        let phase = found.phases.iter().find(|phase| phase.phase == name)?;
        Some(percent(share(phase.hits, phase.reads + phase.failed_reads)?))
    };
    Some(format!(
        " On a cluster it had {} hits until a replica took over from a killed primary ({}), and {} while slots moved.",
        hits(failover, "killed")?,
        time_ms(Some(cluster.takeover_ms?)),
        hits(resharding, "moving")?,
    ))
}
