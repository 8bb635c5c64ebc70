//! The end of `rcache scenario all`: what became of each scenario, in a line or two.

use crate::plain_text;
use crate::report::blocks::{self, Block, Page, Section, Tone};
use crate::scenario::document::Document;

/// A scenario and its result.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) found: Found,
}

pub(crate) enum Found {
    Ran(Box<Document>),
    /// Why it was left out.
    Skipped(String),
    /// Why it could not be carried through.
    Failed(String),
}

/// One entry for each scenario.
pub(crate) fn page(entries: &[Entry]) -> Page {
    let entry = |entry: &Entry| {
        let (text, is_fine) = words(&entry.found);
        let tone = if is_fine { Tone::Plain } else { Tone::Alert };
        blocks::Entry { label: entry.name.to_owned(), tone, text }
    };
    vec![Section::titled("Summary", vec![Block::Entries(entries.iter().map(entry).collect())])]
}

/// The result, and whether it is as it should be.
fn words(found: &Found) -> (String, bool) {
    match found {
        Found::Skipped(reason) => (format!("skipped: {reason}"), true),
        Found::Failed(error) => (format!("failed: {}", plain_text::one_line(error)), false),
        Found::Ran(document) => {
            let reason = document.reason.as_deref().unwrap_or_default();
            if document.broken {
                (format!("the library broke a promise: {reason}"), false)
            } else if document.interrupted {
                ("interrupted".to_owned(), false)
            } else if document.valid {
                (super::lesson(document).unwrap_or_else(|| "shown".to_owned()), true)
            } else {
                (format!("proves nothing: {reason}"), false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn each_scenario_in_a_line_or_two() {
        let ran = |name, document| Entry { name, found: Found::Ran(Box::new(document)) };
        let entries = [
            ran("stale", samples::stale()),
            ran("stampede", samples::stampede()),
            Entry { name: "outage", found: Found::Skipped("it needs the sandbox".to_owned()) },
            ran("avalanche", samples::avalanche()),
            ran("penetration", samples::penetration()),
            ran("corrupt", samples::corrupt()),
            ran("stale", samples::stale_without_harm()),
            ran("stale", samples::stale_broken()),
            ran("stale", samples::interrupted()),
            Entry { name: "corrupt", found: Found::Failed("no table\n  make one".to_owned()) },
        ];
        let text = crate::report::render::terminal::render(&page(&entries), &Default::default());
        insta::assert_snapshot!(text);
    }
}
