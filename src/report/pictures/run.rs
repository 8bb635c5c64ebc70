//! A run with its pictures.

use super::workload;
use crate::report::bench::{self, summary};
use crate::report::blocks::{Align, Block, Column, Entry, Page, Role, Row, Section, Table};
use crate::report::demo;
use crate::run_file::Run;

/// The sentences, a picture of everything that was measured, and the setting.
pub(super) fn page(run: &Run) -> Page {
    let mut sections = vec![bench::head::section(run)];
    sections.extend(answer(run));
    sections.extend(demo::accesses_of(run));
    sections.extend(summary::table(run));
    sections.extend(bench::warnings::in_short(run));
    sections.extend(bench::assertions::section(run));
    sections
        .extend(bench::by_workload(run).flat_map(|codecs| workload::sections(codecs, summary::basis(run))));
    sections.extend(bench::round_trips::section(run));
    sections.extend(bench::counters::section(run));
    sections.extend(bench::setting::sections(run));
    sections.extend(bench::warnings::in_full(run));
    sections.push(how_to_read());
    sections
}

/// The gain of a hit, in words.
fn answer(run: &Run) -> Option<Section> {
    let section = demo::gain(run);
    (!run.workloads.is_empty()).then_some(Section { role: Role::Summary, ..section })
}

fn how_to_read() -> Section {
    let entries = [
        ("MySQL", "a read without a cache: one SELECT on a connection that stays open"),
        ("hit", "GET from Redis, check, decode: the entry is there"),
        ("miss", "GET, lease, SELECT, encode, SET: the entry is absent, and is there afterwards"),
        (
            "worth it above",
            "the hit ratio at which reads through Redis take as long as reads from MySQL on average",
        ),
        (
            "p99",
            "99 of 100 reads took no longer. A percentile is left out if fewer than ten reads lie above it",
        ),
        (
            "brackets",
            "95 % intervals, from a bootstrap over rounds. A claim is made only if it holds for the whole interval",
        ),
        ("?", "the reads cannot tell it"),
        ("typical read", "the median over rounds of geometric means: what a few slow reads do not move"),
    ];
    let entries = entries.map(|(label, text)| Entry::new(label, text)).to_vec();
    Section::titled("How to read it", vec![Block::Entries(entries)])
}

/// A table whose columns are aligned one by one.
pub(super) fn table(corner: &str, columns: &[(&str, Align)], rows: Vec<Row>) -> Table {
    let column = |(title, align): &(&str, Align)| Column { title: (*title).to_owned(), align: *align };
    Table { corner: corner.to_owned(), columns: columns.iter().map(column).collect(), rows, chart: None }
}
