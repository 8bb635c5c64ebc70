//! The page of `stampede`: how many asked the database for one value when it expired, and how long
//! they waited.

use super::Found;
use crate::page::blocks::{Block, Section};
use crate::page::figures::Figure;
use crate::page::sentences::list;
use crate::scenario::document::{Arm, Document, Spread};
use crate::scenario::page::{self, arms_table, bars, config, findings, time_ms};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let header = ["expiries", "loads", "per expiry", "most", "waited", "wait p50", "p99", "max"];
    let mut arms = arms_table("Loads of one value whenever it expired", &header, document, row);
    let note = format!(
        "expiries: how often the value was gone, or about to go. per expiry, most: loads for one, on average and at most. waited: \
         reads that took {} ms or longer, because they loaded or waited for a load; wait: how long they took.",
        config(document, "waited_from_ms")
    );
    arms.blocks.push(Block::Sentence(note));
    sections.extend([arms, findings([run_clients(document), ahead(document)])]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "One row is read by {} in {}, each about every {} ms, {} s an arm. It is cached for {} ms, and each load is made {} ms \
         slower.",
        counted(number("clients"), "client", "clients"),
        counted(number("processes"), "process", "processes"),
        number("read_pause_ms"),
        units::count(number("duration_s")),
        units::count(number("ttl_ms")),
        number("load_delay_ms"),
    );
    page::setting(text)
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.found::<Found>().cloned().unwrap_or_default();
    let wait = |pick: fn(&Spread) -> Option<f64>| match &found.wait_ms {
        Some(spread) => time_ms(pick(spread)),
        None => "-".to_owned(),
    };
    vec![
        units::count(found.expiries),
        units::count(arm.database_loads),
        found.loads_per_expiry.map_or_else(|| "-".to_owned(), loads),
        units::count(found.most_loads_in_an_expiry),
        units::count(found.waited_reads),
        wait(|spread| spread.p50),
        wait(|spread| spread.p99),
        wait(|spread| Some(spread.max)),
    ]
}

fn loads(average: f64) -> String {
    format!("{average:.2}")
}

/// The number of loads of an expiry with and without the lease.
fn run_clients(document: &Document) -> Option<String> {
    let found = |name| page::found::<Found>(document, name);
    let naive = found("naive")?;
    let cured: Vec<String> = ["lease", "lease-no-mutex"]
        .into_iter()
        .filter_map(|name| Some(format!("{name} {}", loads(found(name)?.loads_per_expiry?))))
        .collect();
    if cured.is_empty() {
        return None;
    }
    let excused: u64 = document.arms.iter().filter_map(|arm| arm.found::<Found>()?.excused_loads).sum();
    let excuse = if excused > 0 {
        format!(
            " In {} of the library, Redis did not answer in time, or waiting took too long.",
            counted(excused, "load", "loads")
        )
    } else {
        String::new()
    };
    let lease_alone = found("lease-no-mutex").is_some();
    Some(format!(
        "When the value expired, naive loaded it {} times on average and {} at most, {}{}.{excuse}",
        loads(naive.loads_per_expiry?),
        counted(naive.most_loads_in_an_expiry, "time", "times"),
        list(&cured),
        if lease_alone { ", the latter with no mutex that clients could share" } else { "" }
    ))
}

/// The cost for the database: early loads are loads, too.
fn price(early: &Found) -> Option<String> {
    let per_expiry = early.loads_per_expiry.filter(|loads| *loads > 1.05)?;
    Some(format!(", which makes {} loads for each expiry", loads(per_expiry)))
}

/// The effect of early refresh on readers that wait.
fn ahead(document: &Document) -> Option<String> {
    let (lease, early_arm) = (page::found::<Found>(document, "lease")?, page::arm(document, "lease-early")?);
    let early = early_arm.found::<Found>()?;
    let (refreshes, found_nothing) = (early.early_refreshes?, early.found_nothing?);
    let behind = format!(
        "{} waited in lease. In lease-early {} of {} came before the expiry, in the background{}",
        counted(lease.waited_reads, "read", "reads"),
        units::count(refreshes),
        counted(early_arm.database_loads, "load", "loads"),
        price(early).unwrap_or_default(),
    );
    Some(match (found_nothing, early.waited_reads) {
        (0, 0) => format!("{behind}, and no reader waited."),
        (0, slow) => {
            let were = if slow == 1 { "was" } else { "were" };
            format!(
                "{behind}: every reader found a value, though {} {were} slow because of the machine.",
                counted(slow, "read", "reads")
            )
        }
        (late, _) => format!("{behind}, but {} found no value.", counted(late, "read", "reads")),
    })
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let texts = [
        "Loads whenever the value expired",
        "loads per expiry",
        "How often the database was asked for the same value each time it expired, on average. One is enough.",
    ];
    let per_expiry = |arm: &Arm| {
        let average = arm.found::<Found>()?.loads_per_expiry?;
        Some((average, loads(average)))
    };
    bars(document, texts, per_expiry).into_iter().collect()
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let loads = |name| page::found::<Found>(document, name)?.loads_per_expiry;
    Some(format!(
        "each time a popular value expired, {:.1} clients asked the database for it at once; with a lease {:.1} did.",
        loads("naive")?,
        loads("lease")?,
    ))
}
