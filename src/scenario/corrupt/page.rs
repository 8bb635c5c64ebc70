//! The page of `corrupt`: who passed damaged values on, and who noticed.

use super::Found;
use crate::page::blocks::{Block, Section};
use crate::page::figures::Figure;
use crate::page::sentences::list;
use crate::scenario::document::{Arm, Document};
use crate::scenario::page::{self, arms_table, bar_of, bars, config, findings};
use crate::units::{self, counted};

pub(super) fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![setting(document)];
    if document.arms.is_empty() {
        return sections;
    }
    let title = "Reads while cached values were damaged";
    let header = ["reads", "wrong", "failed", "damaged", "noticed", "left unusable"];
    let mut table = arms_table(title, &header, document, counts);
    table.blocks.push(Block::Sentence(COUNTS.to_owned()));
    let found = document.arms.iter().map(|arm| Some(sentence(arm, arm.found()?)));
    sections.extend([table, findings(found)]);
    sections
}

const COUNTS: &str = "wrong: answers that are not the row. damaged: acts of damage; noticed: reads of the library that met a damaged \
                      value and took it for a miss. Several may meet the same one before it is removed, and an exchange damages \
                      two. left unusable: rows that could not be read, or not rightly, once \
                      the damage was over; they stay so until their time to live is.";

fn setting(document: &Document) -> Section {
    let number = |name| config(document, name);
    let text = format!(
        "{} in {} on {}, {} s an arm. Every {} ms a cached value is damaged: a bit flipped, the end cut off, two values \
         exchanged, another type in its place, or what another program might store. The rows never change; values live \
         for {} ms.",
        counted(number("clients"), "reader", "readers"),
        counted(number("processes"), "process", "processes"),
        counted(number("keys"), "row", "rows"),
        units::count(number("duration_s")),
        number("damage_pause_ms"),
        units::count(number("ttl_ms")),
    );
    page::setting(text)
}

fn counts(arm: &Arm) -> Vec<String> {
    let found = arm.found::<Found>().cloned().unwrap_or_default();
    vec![
        units::count(arm.reads),
        units::count(arm.wrong_reads),
        units::count(arm.failed_reads),
        units::count(found.damage.values().sum()),
        found.corrupt.map_or("-".to_owned(), units::count),
        units::count(found.unusable_when_quiet),
    ]
}

fn sentence(arm: &Arm, found: &Found) -> String {
    let mut harm = Vec::new();
    if arm.wrong_reads > 0 {
        harm.push(format!("gave {}", counted(arm.wrong_reads, "wrong answer", "wrong answers")));
    }
    if arm.failed_reads > 0 {
        harm.push(format!("failed {}", counted(arm.failed_reads, "read", "reads")));
    }
    if found.unusable_when_quiet > 0 {
        harm.push(format!("could not use {} afterwards", counted(found.unusable_when_quiet, "row", "rows")));
    }
    let noticed = match found.corrupt {
        Some(noticed) => {
            format!("; {} met a damaged value and took it for a miss", counted(noticed, "read", "reads"))
        }
        None => String::new(),
    };
    if harm.is_empty() {
        format!("{} gave only right answers in {}{noticed}.", arm.arm, counted(arm.reads, "read", "reads"))
    } else {
        format!("{} {}{noticed}.", arm.arm, list(&harm))
    }
}

pub(super) fn figures(document: &Document) -> Vec<Figure> {
    let texts = [
        "Reads that damaged entries spoiled",
        "reads",
        "Wrong answers and failed reads together while cached values were being damaged.",
    ];
    let spoiled = |arm: &Arm| {
        arm.found::<Found>()?;
        Some(bar_of(arm.wrong_reads.saturating_add(arm.failed_reads)))
    };
    bars(document, texts, spoiled).into_iter().collect()
}

pub(super) fn lesson(document: &Document) -> Option<String> {
    let naive = page::arm(document, "naive")?;
    let noticed = page::found::<Found>(document, "lease")?.corrupt?;
    Some(format!(
        "without a checksum, damaged entries became {} and {}; with one, {} met damage and all were answered from MySQL.",
        counted(naive.wrong_reads, "wrong answer", "wrong answers"),
        counted(naive.failed_reads, "failed read", "failed reads"),
        counted(noticed, "read", "reads"),
    ))
}
