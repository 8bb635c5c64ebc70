//! The page of `rcache candidates`: a ranking, each read with the command that measures it, and how
//! to read both.

use super::blocks::{Block, Entry, Page, Row, Section, Table};
use crate::candidates::{Candidate, Document};
use crate::units::{self, counted};

const COLUMNS: [&str; 5] = ["calls", "mean", "share of time", "examined per row sent", "possible saving"];

/// The whole page.
pub(crate) fn page(document: &Document) -> Page {
    let mut sections = vec![ranking(document)];
    sections
        .extend(document.candidates.iter().zip(1..).map(|(candidate, number)| statement(candidate, number)));
    sections.push(Section::titled("How to read this", notes(document)));
    sections
}

fn ranking(document: &Document) -> Section {
    let since = document.since.as_ref().map(|since| format!(" since {since} UTC")).unwrap_or_default();
    let setting = format!(
        "{} {} has counted {}{since}. A PING of Redis takes {}.",
        document.flavor,
        document.version,
        counted(document.digests, "different statement", "different statements"),
        units::duration(document.redis_round_trip_ns as f64),
    );
    let title = format!("Reads of database {} that a cache could relieve most", document.database);
    if document.candidates.is_empty() {
        let none = "No read of this database was counted that took longer than that. Does the program use this database, \
                    and has it run since the server began to count?";
        return Section::titled(title, vec![Block::Sentence(setting), Block::Note(none.to_owned())]);
    }
    let rows =
        document.candidates.iter().zip(1..).map(|(candidate, number)| row(candidate, number)).collect();
    let table = Table::of_numbers("", COLUMNS, rows);
    Section::titled(title, vec![Block::Sentence(setting), Block::Table(table)])
}

fn row(candidate: &Candidate, number: usize) -> Row {
    let examined = candidate.rows_examined_per_row_sent.map_or_else(|| "-".to_owned(), digits);
    Row::new(
        number.to_string(),
        vec![
            units::count(candidate.calls),
            units::duration(candidate.mean_ns),
            format!("{} %", digits(candidate.share_percent)),
            examined,
            units::duration(candidate.possible_saving_s * 1e9),
        ],
    )
}

/// Two digits that count, and no fraction above ten.
fn digits(number: f64) -> String {
    if number >= 9.95 {
        units::count(units::whole(number))
    } else if number >= 0.095 {
        format!("{number:.1}")
    } else if number > 0.0 {
        "< 0.1".to_owned()
    } else {
        "0".to_owned()
    }
}

fn statement(candidate: &Candidate, number: usize) -> Section {
    let mut entries = vec![Entry::new(number.to_string(), candidate.statement.clone())];
    if !candidate.volatile.is_empty() {
        entries.push(Entry::new(
            "",
            format!("Its answer is never the same twice: {}.", candidate.volatile.join(", ")),
        ));
    }
    if candidate.has_folded_list {
        let note = "The server folded a list of values into one ?: write as many as your program does.";
        entries.push(Entry::new("", note));
    }
    let mut blocks = vec![Block::Entries(entries)];
    match &candidate.command {
        Some(command) => blocks.push(Block::Command(command.clone())),
        None => {
            let note = "The server kept only the beginning of this statement; raise max_digest_length and \
                        performance_schema_max_digest_length to see the rest.";
            blocks.push(Block::Sentence(note.to_owned()));
        }
    }
    Section::new(blocks)
}

fn notes(document: &Document) -> Vec<Block> {
    let mut notes = vec![
        "Possible saving: calls × (mean time in the server − one round trip to Redis). It is what hits alone would save; \
         misses, writes and the network are not in it. Measure before you decide."
            .to_owned(),
    ];
    if document.candidates.iter().any(|candidate| candidate.parameters > 0 && candidate.command.is_some()) {
        notes.push(
            "FILE.csv holds one column for each ?, in their order. A ? may be a constant in your program, such as that of \
             LIMIT: write it back into the statement."
                .to_owned(),
        );
    }
    if let Some(executions) = document.uncounted_executions.filter(|executions| *executions > 0) {
        notes.push(format!(
            "{} does not count prepared statements by what they read: {} since it started are missing here. If your \
             program prepares its statements, let it send them as text for a while.",
            document.flavor,
            counted(executions, "execution", "executions"),
        ));
    }
    if document.lost_calls >= 1.0 {
        notes.push(format!(
            "{} found no room in the server's table: raise performance_schema_digests_size.",
            counted(units::whole(document.lost_calls), "call", "calls"),
        ));
    }
    notes.into_iter().map(Block::Sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::samples;
    use crate::report::render::{markdown, terminal};

    #[test]
    fn a_page_with_everything() {
        let page = page(&samples::document());
        insta::assert_snapshot!(terminal::render(&page, &Default::default()));
        insta::assert_snapshot!(markdown::render(&page));
    }

    #[test]
    fn nothing_counted_is_said() {
        let document = Document { candidates: Vec::new(), lost_calls: 7.0, ..samples::document() };
        let text = terminal::render(&page(&document), &Default::default());
        assert!(
            text.contains("No read of this database") && text.contains("7 calls found no room"),
            "{text}"
        );
    }
}
