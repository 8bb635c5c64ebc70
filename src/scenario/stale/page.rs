//! The page of `stale`: who got to read what was already replaced, how often, and for how long.

use super::Found;
use crate::page::blocks::{Block, Section};
use crate::page::figures::Figure;
use crate::page::sentences::{list, percent};
use crate::scenario::document::{Arm, Document, Spread};
use crate::scenario::page::{self, arms_table, bars, config, findings, time_ms};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let title = "Reads that missed a write which had returned before they began";
    let mut reads = arms_table(title, &["reads", "stale", "share", "age p50", "p99", "max"], document, ages);
    reads.blocks.push(Block::Sentence(BOUND.to_owned()));
    let header = ["loads", "writes", "backwards", "left stale", "missed"];
    let title = "What else was counted";
    let mut rest = arms_table(title, &header, document, counts);
    rest.blocks.push(Block::Sentence(COUNTS.to_owned()));
    sections.extend([reads, rest, findings([harm(document), cure(document), deaths(document)])]);
    sections
}

const BOUND: &str = "age: how long before the read began the write that it missed had returned. None stale in N reads means, with \
                     95 % confidence, a share below 3/N.";
const COUNTS: &str = "loads: rows read from MySQL. backwards: reads of an older version than the same reader had seen before. \
                      left stale: cached values that differ from the committed row at the end; missed: those of them \
                      that miss a write that had returned, while the others miss what a writer committed that then died.";

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} and {} in {} on {}, {} s an arm. Each load is made {} ms slower, so that races happen within seconds. A writer \
         pauses for {} ms on average; one write in {} ends with the writer's death after its COMMIT, and {} more at the end.",
        counted(number("clients"), "reader", "readers"),
        counted(number("writers"), "writer", "writers"),
        counted(number("processes"), "process", "processes"),
        counted(number("keys"), "row", "rows"),
        units::count(number("duration_s")),
        number("load_delay_ms"),
        number("write_pause_ms"),
        units::count(number("writes_per_death")),
        number("deaths_at_the_end"),
    );
    page::setting(text)
}

fn ages(arm: &Arm) -> Vec<String> {
    let stale = arm.found::<Found>().cloned().unwrap_or_default();
    let age = |pick: fn(&Spread) -> Option<f64>| match &stale.stale_age_ms {
        Some(spread) => time_ms(pick(spread)),
        None => "-".to_owned(),
    };
    vec![
        units::count(arm.reads),
        units::count(stale.stale_reads),
        share(&stale),
        age(|spread| spread.p50),
        age(|spread| spread.p99),
        age(|spread| Some(spread.max)),
    ]
}

/// `12.3 %`, or `< 0.00012 %` where there was none.
fn share(stale: &Found) -> String {
    match (stale.stale_share, stale.stale_share_below) {
        (Some(share), _) => percent(share),
        (None, Some(below)) => format!("< {}", percent(below)),
        (None, None) => "n/a".to_owned(),
    }
}

fn counts(arm: &Arm) -> Vec<String> {
    let stale = arm.found::<Found>().cloned().unwrap_or_default();
    [
        arm.database_loads,
        arm.writes,
        stale.non_monotonic_reads,
        stale.stale_keys_when_quiet,
        stale.stale_keys_that_miss_a_returned_write,
    ]
    .map(units::count)
    .to_vec()
}

/// The arms that showed stale reads.
fn harm(document: &Document) -> Option<String> {
    let shown: Vec<String> = document
        .arms
        .iter()
        .filter_map(|arm| {
            let stale = arm.found::<Found>().filter(|stale| stale.stale_reads > 0)?;
            Some(format!("{} of those of {}", percent(stale.stale_share?), arm.arm))
        })
        .collect();
    (!shown.is_empty())
        .then(|| format!("Of all reads, {} were stale: they missed a write that had returned.", list(&shown)))
}

/// The arms that showed none, with what that is worth.
fn cure(document: &Document) -> Option<String> {
    let clean: Vec<String> = document
        .arms
        .iter()
        .filter_map(|arm| {
            let stale = arm.found::<Found>().filter(|stale| stale.stale_reads == 0)?;
            let below = percent(stale.stale_share_below?);
            Some(format!(
                "{} (none in {}, so fewer than {below})",
                arm.arm,
                counted(arm.reads, "read", "reads")
            ))
        })
        .collect();
    (!clean.is_empty()).then(|| format!("No stale read was found in {}.", list(&clean)))
}

fn missed(stale: &Found) -> u64 {
    stale.stale_keys_that_miss_a_returned_write.min(stale.stale_keys_when_quiet)
}

/// The stale values of writers who died after their COMMIT.
fn deaths(document: &Document) -> Option<String> {
    let of = |name| page::found::<Found>(document, name).filter(|stale| stale.dead_writers > 0);
    let left = |name| of(name).map(|stale| stale.stale_keys_when_quiet - missed(stale));
    let (lease, marker) = (left("lease")?, left("lease-marker")?);
    Some(format!(
        "At the end, {} of lease missed the commit of a writer that died, and will until they expire; of lease-marker, {}.",
        counted(lease, "cached value", "cached values"),
        if marker == 0 { "none".to_owned() } else { units::count(marker) },
    ))
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let texts = [
        "Stale reads by arm",
        "% of reads",
        "The share of reads that missed a write which had returned before they began.",
    ];
    let stale = |arm: &Arm| {
        let found = arm.found::<Found>()?;
        Some((found.stale_share.unwrap_or(0.0) * 100.0, share(found)))
    };
    bars(document, texts, stale).into_iter().collect()
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let served_old = page::found::<Found>(document, "naive")?.stale_share?;
    let lease = page::arm(document, "lease")?;
    Some(format!(
        "GET/SET/DEL served old rows in {} of reads; a lease served none in {}.",
        percent(served_old),
        units::count(lease.reads),
    ))
}
