//! The page of `corrupt`: who passed damaged values on, and who noticed.

use super::{arms_table, config, sentences};
use crate::report::blocks::{Block, Section};
use crate::report::numbers::list;
use crate::scenario_file::{Arm, Corrupt, Document};
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
    sections.extend([table, sentences(&what_one_sees(document))]);
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
    Section::new(vec![Block::Sentence(text)])
}

fn counts(arm: &Arm) -> Vec<String> {
    let found = arm.corrupt.clone().unwrap_or_default();
    vec![
        units::count(arm.reads),
        units::count(arm.wrong_reads),
        units::count(arm.failed_reads),
        units::count(found.damage.values().sum()),
        found.corrupt.map_or("-".to_owned(), units::count),
        units::count(found.unusable_when_quiet),
    ]
}

fn what_one_sees(document: &Document) -> Vec<String> {
    let arms = document.arms.iter().filter_map(|arm| Some((arm, arm.corrupt.as_ref()?)));
    arms.map(|(arm, found)| sentence(arm, found)).collect()
}

fn sentence(arm: &Arm, found: &Corrupt) -> String {
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
