//! An experiment as a page: the setting, the arms side by side, the findings in words, and the
//! verdict. The part between the arms and the verdict is the scenario's own.

#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod summary;

use super::bench::head;
use super::blocks::{Block, Entry, Page, Role, Section, Tone};
use crate::scenario;
use crate::scenario::definition::ArmKind;
use crate::scenario::document::{Arm, Document, INTERRUPTED};
pub(super) use crate::scenario::page::FINDINGS;
use crate::units::{self, counted};

/// The whole page; the lesson is last.
pub(crate) fn page(document: &Document) -> Page {
    let mut sections = vec![title(document)];
    if !document.arms.is_empty() {
        sections.push(meanings(document));
    }
    if let Some(scenario) = scenario::find(&document.scenario) {
        sections.extend((scenario.sections)(document));
    }
    sections.extend(errors(document));
    sections.extend(warnings(document));
    sections.extend(verdict(document));
    sections.extend(so_what(document));
    sections
}

/// The pictures of an experiment: the arms side by side.
pub(super) fn figures(document: &Document) -> Vec<Section> {
    let figures = scenario::find(&document.scenario).map(|scenario| (scenario.figures)(document));
    let blocks: Vec<Block> =
        figures.into_iter().flatten().map(|figure| Block::Figure(Box::new(figure))).collect();
    if blocks.is_empty() { Vec::new() } else { vec![Section::new(blocks)] }
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

/// The meaning of each arm.
fn meanings(document: &Document) -> Section {
    let meaning =
        |name: &str| ArmKind::ALL.into_iter().find(|kind| kind.name() == name).map(ArmKind::meaning);
    let entry = |arm: &Arm| Some(Entry::new(arm.arm.clone(), meaning(&arm.arm)?));
    Section::titled("Arms", vec![Block::Entries(document.arms.iter().filter_map(entry).collect())])
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
    let what = match (document.broken, document.valid) {
        (true, _) => "The library broke a promise",
        (false, false) => "This run proves nothing",
        (false, true) => return None,
    };
    let note = Block::Note(format!("{what}: {}.", reason(document)?));
    Some(Section { role: Role::Summary, ..Section::new(vec![note]) })
}

/// The reason for the verdict. An interrupted run is not to be blamed for arms that did not run, as
/// older documents do.
fn reason(document: &Document) -> Option<&str> {
    let reason = document.reason.as_deref();
    if document.interrupted && !document.broken {
        return reason.filter(|reason| reason.starts_with(INTERRUPTED)).or(Some(INTERRUPTED));
    }
    reason
}

/// A run that shows the harm and the cure has a lesson.
fn lesson(document: &Document) -> Option<String> {
    let is_whole = document.valid && !document.broken && !document.interrupted;
    (scenario::find(&document.scenario).filter(|_| is_whole)?.lesson)(document)
}

fn so_what(document: &Document) -> Option<Section> {
    let line = Block::Sentence(format!("So what: {}", lesson(document)?));
    Some(Section { role: Role::Summary, ..Section::new(vec![line]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::render::html;
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
    fn an_interrupted_run_says_so_and_blames_no_arm() {
        // As runs were saved before.
        let old = Document { reason: Some("the arm naive did not run".to_owned()), ..samples::interrupted() };
        for document in [old.clone(), Document { reason: None, ..old }, samples::interrupted()] {
            let page = text(&document);
            assert!(page.contains("This run proves nothing: it was interrupted"), "{page}");
            assert!(!page.contains("did not run"), "{page}");
        }
        let broken = Document { interrupted: true, ..samples::stale_broken() };
        assert!(text(&broken).contains("The library broke a promise: the arm lease"));
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

    /// A line break between an error and the next step, as in documents that were saved before.
    #[test]
    fn an_error_and_its_next_step_are_joined_by_a_mark() {
        let error = "MySQL failed while reading a row: no answer in time\n  did the server restart?";
        let mut document = samples::stale_broken();
        for arm in &mut document.arms {
            arm.first_error = Some(error.to_owned());
        }
        document.reason = Some(format!("the arm lease answered no read. The first error: {error}"));
        let screen = Screen { width: 500, ..Screen::default() };
        let failed = summary::Entry { name: "stale", found: summary::Found::Failed(error.to_owned()) };
        for page in [page(&document), summary::page(&[failed])] {
            let (text, markdown) = (terminal::render(&page, &screen), markdown::render(&page));
            let part = html::Part { title: "page".to_owned(), page, document: None };
            for text in [text, markdown, html::render("page", &[part])] {
                assert!(text.contains("no answer in time; did the server restart?"), "{text}");
            }
        }
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
