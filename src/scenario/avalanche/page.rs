//! The page of `avalanche`: how hard the loads came when thousands of values expired together.

use super::Found;
use crate::page::blocks::{Block, Section};
use crate::page::figures::Figure;
use crate::scenario::document::{Arm, Document};
use crate::scenario::page::{self, arms_table, bar_of, bars, config, findings, found, time_ms};
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
    sections.extend([arms, findings([peaks(document), spread(document)])]);
    sections
}

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} loaded at once by {} in {}, cached for {} ms, and then read at random, {} s an arm.",
        counted(number("keys"), "row is", "rows are"),
        counted(number("clients"), "client", "clients"),
        counted(number("processes"), "process", "processes"),
        units::count(number("ttl_ms")),
        units::count(number("duration_s")),
    );
    page::setting(text)
}

fn row(arm: &Arm) -> Vec<String> {
    let found = arm.found::<Found>().copied().unwrap_or_default();
    vec![
        units::count(arm.reads),
        units::count(arm.database_loads),
        units::count(found.peak_loads),
        within(&found).unwrap_or_else(|| "-".to_owned()),
    ]
}

fn within(found: &Found) -> Option<String> {
    Some(time_ms(Some(found.nine_tenths_of_loads_ms?)))
}

fn peaks(document: &Document) -> Option<String> {
    let peak = |name| Some(units::count(found::<Found>(document, name)?.peak_loads));
    Some(format!(
        "With equal times to live, up to {} loaded within {} ms; with random ones, up to {} in naive-jitter \
         and {} in lease.",
        counted(found::<Found>(document, "naive")?.peak_loads, "value was", "values were"),
        config(document, "window_ms"),
        peak("naive-jitter")?,
        peak("lease")?,
    ))
}

fn spread(document: &Document) -> Option<String> {
    let took = |name| within(found(document, name)?);
    Some(format!(
        "Nine tenths of the loads came within {} in naive, {} in naive-jitter and {} in lease.",
        took("naive")?,
        took("naive-jitter")?,
        took("lease")?,
    ))
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let window = config(document, "window_ms");
    let caption =
        format!("The most loads that began within {window} ms when values stored together expired.");
    let texts = ["The peak of loads", "loads", &caption];
    bars(document, texts, |arm| Some(bar_of(arm.found::<Found>()?.peak_loads))).into_iter().collect()
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let peak = |name| Some(units::count(found::<Found>(document, name)?.peak_loads));
    Some(format!(
        "values stored together expire together: at worst {} within {} ms, and {} when each time to live is a little \
         shorter at random.",
        counted(found::<Found>(document, "naive")?.peak_loads, "load", "loads"),
        config(document, "window_ms"),
        peak("lease")?,
    ))
}
