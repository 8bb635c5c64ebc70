//! An experiment as a page: the setting, the arms side by side, and what was found, in words made from the numbers.

mod avalanche;
mod corrupt;
mod figures;
mod metastable;
mod outage;
mod penetration;
#[cfg(test)]
pub(crate) mod samples;
mod so_what;
mod stale;
mod stampede;
pub(crate) mod summary;

pub(super) use figures::figures;

use super::bench::head;
use super::blocks::{Block, Entry, Page, Role, Row, Section, Table, Tone};
use super::numbers::UNKNOWN;
use crate::scenario_file::{Arm, Document};
use crate::units::{self, counted};

/// The heading above what was found.
pub(super) const FINDINGS: &str = "Findings";

/// The whole page; what to take away is last.
pub(crate) fn page(document: &Document) -> Page {
    let mut sections = vec![title(document)];
    if !document.arms.is_empty() {
        sections.push(meanings(document));
    }
    sections.extend(match document.scenario.as_str() {
        "stale" => stale::sections(document),
        "outage" => outage::sections(document),
        "avalanche" => avalanche::sections(document),
        "penetration" => penetration::sections(document),
        "stampede" => stampede::sections(document),
        "corrupt" => corrupt::sections(document),
        "metastable" => metastable::sections(document),
        _ => Vec::new(),
    });
    sections.extend(errors(document));
    sections.extend(warnings(document));
    sections.extend(verdict(document));
    sections.extend(so_what(document));
    sections
}

fn title(document: &Document) -> Section {
    let wall = units::duration(document.wall_s.max(0.0) * 1e9);
    let title = format!(
        "rcache {}, scenario {} of {}, took {wall}",
        document.rcache_version, document.scenario, document.started_at
    );
    let environment = &document.environment;
    let cores = environment.cores.map(|cores| format!("; {}", counted(cores, "core", "cores")));
    let servers = head::servers(&environment.mysql, &environment.redis) + &cores.unwrap_or_default();
    let interrupted = document
        .interrupted
        .then(|| Block::Note("Interrupted: every number covers only what happened until then.".to_owned()));
    Section::titled(title, std::iter::once(Block::Sentence(servers)).chain(interrupted).collect())
}

/// What each arm does.
fn meanings(document: &Document) -> Section {
    let entry = |arm: &Arm| Some(Entry::new(arm.arm.clone(), meaning(&arm.arm)?));
    Section::titled("Arms", vec![Block::Entries(document.arms.iter().filter_map(entry).collect())])
}

fn meaning(arm: &str) -> Option<&'static str> {
    Some(match arm {
        "mysql" => "no cache",
        "naive" => "GET; on a miss SELECT, then SET. Writers COMMIT, then DEL",
        "naive-double-delete" => "as naive; a second DEL follows each write a while later",
        "lock" => "as naive, but only the client that gets a lock (SET NX) loads",
        "lease" => "rcache's library; writers COMMIT, then invalidate",
        "lease-marker" => "rcache's library; writers mark, COMMIT, finish",
        "naive-jitter" => "as naive; each time to live is shortened by a random 0 to 10 %",
        "lease-no-negative" => "as lease, but it does not remember which rows do not exist",
        "lease-no-mutex" => "as lease; each client is a process of its own, so no mutex is shared",
        "lease-early" => {
            "as lease; values are refreshed in the background before they expire, at random (XFetch)"
        }
        _ => return None,
    })
}

/// The first error of each arm that has one.
fn errors(document: &Document) -> Option<Section> {
    let entry = |arm: &Arm| {
        let text = format!(
            "{} and {} failed; the first: {}",
            counted(arm.failed_reads, "read", "reads"),
            counted(arm.failed_writes, "write", "writes"),
            arm.first_error.as_ref()?
        );
        Some(Entry { label: arm.arm.clone(), tone: Tone::Alert, text })
    };
    let entries: Vec<Entry> = document.arms.iter().filter_map(entry).collect();
    (!entries.is_empty()).then(|| Section::titled("Errors", vec![Block::Entries(entries)]))
}

fn warnings(document: &Document) -> Option<Section> {
    let note = |warning: &crate::run_file::Warning| Block::Note(format!("Warning: {}", warning.message));
    let notes: Vec<Block> = document.warnings.iter().map(note).collect();
    (!notes.is_empty()).then(|| Section::new(notes))
}

/// The reason why the run proves nothing, or proves the library wrong.
fn verdict(document: &Document) -> Option<Section> {
    let reason = document.reason.as_ref()?;
    let what = if document.broken {
        "The library broke a promise"
    } else if document.valid {
        return None;
    } else {
        "This run proves nothing"
    };
    Some(Section { role: Role::Summary, ..Section::new(vec![Block::Note(format!("{what}: {reason}."))]) })
}

/// One line that says what to take away, from a run that shows it.
fn so_what(document: &Document) -> Option<Section> {
    let line = Block::Sentence(format!("So what: {}", so_what::line(document)?));
    Some(Section { role: Role::Summary, ..Section::new(vec![line]) })
}

/// A table of arms below a heading, each row under its arm's name.
fn arms_table(
    title: &str,
    header: &[&str],
    document: &Document,
    row: impl Fn(&Arm) -> Vec<String>,
) -> Section {
    let rows = document.arms.iter().map(|arm| Row::new(arm.arm.clone(), row(arm))).collect();
    let table = Table::of_numbers("arm", header.iter().copied(), rows);
    Section::titled(title, vec![Block::Table(table)])
}

/// What was found, sentence by sentence.
fn sentences(sentences: &[String]) -> Section {
    if sentences.is_empty() {
        return Section::default();
    }
    Section::titled(FINDINGS, sentences.iter().cloned().map(Block::Sentence).collect())
}

/// A setting by its name in the document.
fn config(document: &Document, name: &str) -> u64 {
    document.config.get(name).copied().unwrap_or(0)
}

fn time(ns: Option<f64>) -> String {
    ns.map_or_else(|| UNKNOWN.to_owned(), units::duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::render::markdown;
    use crate::report::render::terminal::{self, Screen};

    fn text(document: &Document) -> String {
        terminal::render(&page(document), &Screen::default())
    }

    #[test]
    fn stale_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::stale()));
    }

    #[test]
    fn stale_that_proves_nothing() {
        insta::assert_snapshot!(text(&samples::stale_without_harm()));
    }

    #[test]
    fn stale_with_a_broken_promise_and_errors() {
        insta::assert_snapshot!(text(&samples::stale_broken()));
    }

    #[test]
    fn interrupted_before_the_first_arm() {
        insta::assert_snapshot!(text(&samples::interrupted()));
    }

    #[test]
    fn stampede_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::stampede()));
    }

    #[test]
    fn outage_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::outage()));
    }

    #[test]
    fn avalanche_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::avalanche()));
    }

    #[test]
    fn penetration_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::penetration()));
    }

    #[test]
    fn corrupt_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::corrupt()));
    }

    #[test]
    fn metastable_as_it_should_be() {
        insta::assert_snapshot!(text(&samples::metastable()));
    }

    #[test]
    fn stampede_as_markdown() {
        insta::assert_snapshot!(markdown::render(&page(&samples::stampede())));
    }

    #[test]
    fn a_document_is_frozen() {
        let mut document = samples::stale();
        document.arms.retain(|arm| ["naive", "lease"].contains(&arm.arm.as_str()));
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_colour_changes_no_letter() {
        for document in samples::all() {
            for width in [40, 44, 48, 60, 80, 100] {
                let screen = Screen { width, ..Screen::default() };
                let plain = terminal::render(&page(&document), &screen);
                for line in plain.lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
                let colored = terminal::render(&page(&document), &Screen { color: true, ..screen });
                assert_ne!(colored, plain);
                assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
            }
        }
    }
}
