//! The page of `penetration`: how many reads of rows that do not exist reached the database.

use super::{arms_table, config, sentences};
use crate::report::blocks::{Block, Section};
use crate::scenario_file::{Arm, Document, Penetration};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let title = "Loads of rows that do not exist";
    let header = ["reads", "of missing rows", "their loads", "all loads"];
    let seen: Vec<String> = [naive(document), negative(document)].into_iter().flatten().collect();
    sections.extend([arms_table(title, &header, document, row), sentences(&seen)]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} in {} read at random, {} s an arm: half of the time one of {}, else one of {} that do not exist. lease remembers \
         those for {} ms. Ids that are never asked for twice reach the database whatever a cache remembers.",
        counted(number("clients"), "client", "clients"),
        counted(number("processes"), "process", "processes"),
        units::count(number("duration_s")),
        counted(number("keys"), "row", "rows"),
        units::count(number("missing_keys")),
        units::count(number("negative_ttl_ms")),
    );
    Section::new(vec![Block::Sentence(text)])
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.penetration.unwrap_or_default();
    [arm.reads, found.missing_reads, found.missing_loads, arm.database_loads].map(units::count).to_vec()
}

fn find(document: &Document, name: &str) -> Option<Penetration> {
    document.arms.iter().find(|arm| arm.arm == name)?.penetration
}

fn naive(document: &Document) -> Option<String> {
    let naive = find(document, "naive")?;
    Some(format!(
        "naive asked the database {} for rows that do not exist, in {}.",
        counted(naive.missing_loads, "time", "times"),
        counted(naive.missing_reads, "read", "reads"),
    ))
}

fn negative(document: &Document) -> Option<String> {
    let (with, without) = (find(document, "lease")?, find(document, "lease-no-negative")?);
    Some(format!(
        "With the same library, {} of such rows took {} without negative entries; {} took {} with them.",
        counted(without.missing_reads, "read", "reads"),
        counted(without.missing_loads, "load", "loads"),
        counted(with.missing_reads, "read", "reads"),
        counted(with.missing_loads, "load", "loads"),
    ))
}
