//! The page of `avalanche`: how hard the loads came when thousands of values expired together.

use super::{arms_table, config, sentences, time};
use crate::report::blocks::{Block, Section};
use crate::scenario_file::{Arm, Avalanche, Document};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let title = "Loads of values that were loaded at once before";
    let mut arms = arms_table(title, &["reads", "loads", "peak", "nine tenths within"], document, row);
    let note = format!(
        "peak: the most loads that began within {} ms. nine tenths within: how long all but the first and the last twentieth took \
         to come.",
        config(document, "window_ms")
    );
    arms.blocks.push(Block::Sentence(note));
    let seen: Vec<String> = [peaks(document), spread(document)].into_iter().flatten().collect();
    sections.extend([arms, sentences(&seen)]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} in {} load {} at once, cache them for {} ms, and go on reading them at random, {} s an arm.",
        counted(number("clients"), "client", "clients"),
        counted(number("processes"), "process", "processes"),
        counted(number("keys"), "row", "rows"),
        units::count(number("ttl_ms")),
        units::count(number("duration_s")),
    );
    Section::new(vec![Block::Sentence(text)])
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.avalanche.unwrap_or_default();
    vec![
        units::count(arm.reads),
        units::count(arm.database_loads),
        units::count(found.peak_loads),
        within(&found).unwrap_or_else(|| "-".to_owned()),
    ]
}

fn within(found: &Avalanche) -> Option<String> {
    Some(time(Some(found.nine_tenths_of_loads_ms? * 1e6)))
}

fn find(document: &Document, name: &str) -> Option<Avalanche> {
    document.arms.iter().find(|arm| arm.arm == name)?.avalanche
}

fn peaks(document: &Document) -> Option<String> {
    let peak = |name| Some(units::count(find(document, name)?.peak_loads));
    Some(format!(
        "With equal times to live, up to {} values were loaded within {} ms; with random ones, up to {} in naive-jitter \
         and {} in lease.",
        peak("naive")?,
        config(document, "window_ms"),
        peak("naive-jitter")?,
        peak("lease")?,
    ))
}

fn spread(document: &Document) -> Option<String> {
    let took = |name| within(&find(document, name)?);
    Some(format!(
        "Nine tenths of the loads came within {} in naive, {} in naive-jitter and {} in lease.",
        took("naive")?,
        took("naive-jitter")?,
        took("lease")?,
    ))
}
