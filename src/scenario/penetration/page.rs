//! The page of `penetration`: how many reads of rows that do not exist reached the database.

use super::Found;
use crate::page::blocks::Section;
use crate::page::figures::Figure;
use crate::scenario::document::{Arm, Document};
use crate::scenario::page::{self, arms_table, bar_of, bars, config, findings, found};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let title = "Loads of rows that do not exist";
    let header = ["reads", "of missing rows", "their loads", "all loads"];
    let table = arms_table(title, &header, document, row);
    sections.extend([table, findings([naive(document), negative(document)])]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "Random reads by {} in {}, {} s an arm: half of the time one of {}, else one of {} that do not exist. lease remembers \
         those for {} ms. Ids that are never asked for twice reach the database whatever a cache remembers.",
        counted(number("clients"), "client", "clients"),
        counted(number("processes"), "process", "processes"),
        units::count(number("duration_s")),
        counted(number("keys"), "row", "rows"),
        units::count(number("missing_keys")),
        units::count(number("negative_ttl_ms")),
    );
    page::setting(text)
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.found::<Found>().copied().unwrap_or_default();
    [arm.reads, found.missing_reads, found.missing_loads, arm.database_loads].map(units::count).to_vec()
}

fn naive(document: &Document) -> Option<String> {
    let naive = found::<Found>(document, "naive")?;
    Some(format!(
        "naive asked the database {} for rows that do not exist, in {}.",
        counted(naive.missing_loads, "time", "times"),
        counted(naive.missing_reads, "read", "reads"),
    ))
}

fn negative(document: &Document) -> Option<String> {
    let found = |name| found::<Found>(document, name);
    let (with, without) = (found("lease")?, found("lease-no-negative")?);
    Some(format!(
        "With the same library, {} of such rows took {} without negative entries; {} took {} with them.",
        counted(without.missing_reads, "read", "reads"),
        counted(without.missing_loads, "load", "loads"),
        counted(with.missing_reads, "read", "reads"),
        counted(with.missing_loads, "load", "loads"),
    ))
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let texts = [
        "Loads of rows that do not exist",
        "loads",
        "How often the database was asked for a row that does not exist.",
    ];
    bars(document, texts, |arm| Some(bar_of(arm.found::<Found>()?.missing_loads))).into_iter().collect()
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let loads = |name| Some(found::<Found>(document, name)?.missing_loads);
    Some(format!(
        "reads of rows that do not exist all reach the database ({}) unless the cache remembers that they do not ({}).",
        counted(loads("naive")?, "load", "loads"),
        units::count(loads("lease")?),
    ))
}
