//! Pages as one HTML file that needs nothing else: no network, no script, light and dark, on paper,
//! and with every picture's numbers as a table. The documents that it shows are embedded.

mod embed;
mod picture;
mod svg;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plain_text;
use crate::report::blocks::{self, Align, Block, Entry, Heading, Row, Section, Table, Tone};
use crate::report::figures::Distributions;

pub(crate) use embed::{compact, in_script};

/// One document and its page.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) title: String,
    pub(crate) page: blocks::Page,
    /// The document as JSON, which the page embeds; none if it is shown elsewhere on the page.
    pub(crate) document: Option<String>,
}

const STYLE: &str = include_str!("html/style.css");
/// No request of any kind, whatever a document holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// Longer texts are cut; the embedded document has them whole.
const LONGEST_TEXT: usize = 1_000;

/// The whole file.
pub(crate) fn render(title: &str, parts: &[Part]) -> String {
    let mut writer = Writer::default();
    let articles: Vec<Markup> =
        parts.iter().zip(1..).map(|(part, number)| writer.part(part, number)).collect();
    let title = cleaned(title);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "rcache " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (svg::fills())
                header { h1 { (title) } (contents(parts)) }
                main { @for article in &articles { (article) } }
                footer {
                    p {
                        "Made by rcache " (env!("CARGO_PKG_VERSION")) ". This file holds the measured documents as JSON, in \
                         the elements with the ids document-1, document-2, …"
                    }
                }
                @for (part, number) in parts.iter().zip(1..) {
                    @if let Some(document) = &part.document {
                        script type="application/json" id={ "document-" (number) } {
                            (PreEscaped(in_script(document)))
                        }
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// Links to the parts; a single part needs none.
fn contents(parts: &[Part]) -> Markup {
    html! {
        @if parts.len() > 1 {
            nav aria-label="Contents" {
                ul {
                    @for (part, number) in parts.iter().zip(1..) {
                        li { a href={ "#part-" (number) } { (cleaned(&part.title)) } }
                    }
                }
            }
        }
    }
}

/// Turns blocks into markup and numbers what needs an id.
#[derive(Default)]
struct Writer {
    ids: usize,
}

impl Writer {
    fn id(&mut self, name: &str) -> String {
        self.ids += 1;
        format!("{name}-{}", self.ids)
    }

    fn part(&mut self, part: &Part, number: usize) -> Markup {
        let page = blocks::map_texts(&part.page, &cleaned);
        let sections: Vec<Markup> = page.iter().map(|section| self.section(section)).collect();
        html! {
            article id={ "part-" (number) } aria-labelledby={ "title-" (number) } {
                h2 id={ "title-" (number) } { (cleaned(&part.title)) }
                @for section in &sections { (section) }
            }
        }
    }

    fn section(&mut self, section: &Section) -> Markup {
        let blocks: Vec<Markup> = section.blocks.iter().map(|block| self.block(block)).collect();
        match &section.heading {
            Some(heading) if blocks.is_empty() => {
                html! { p.lead { b { (heading.name) } " " (heading.text) " " (heading.aside) } }
            }
            title => html! {
                section.(class_of(section.role)) {
                    @if let Some(title) = title { (heading(title)) }
                    @for block in &blocks { (block) }
                }
            },
        }
    }

    fn block(&mut self, block: &Block) -> Markup {
        match block {
            Block::Sentence(text) => html! { p { (text) } },
            Block::Note(text) => html! { p.note { strong { "Note: " } (text) } },
            Block::Entries(entries) => list(entries),
            Block::Table(table) => {
                let chart = table.chart.as_ref().map(|chart| self.distributions(&Distributions::new(chart)));
                html! { (grid(table)) @if let Some(chart) = chart { (chart) } }
            }
            Block::Chart(chart) => self.distributions(&Distributions::new(chart)),
            Block::Figure(figure) => self.figure(figure),
            Block::Command(text) => html! { pre.scroll tabindex="0" { (text) } },
        }
    }
}

fn class_of(role: blocks::Role) -> &'static str {
    match role {
        blocks::Role::Body => "body",
        blocks::Role::Detail => "detail",
        blocks::Role::Summary => "summary",
    }
}

fn heading(heading: &Heading) -> Markup {
    html! {
        h3 {
            @if !heading.name.is_empty() { (heading.name) " " }
            span.about { (heading.text) }
            @if !heading.aside.is_empty() { " " span.aside { (heading.aside) } }
        }
    }
}

/// Terms with their explanations. An explanation without a term belongs to the term before it.
fn list(entries: &[Entry]) -> Markup {
    if entries.first().is_none_or(|entry| entry.label.is_empty()) {
        return html! { ul { @for entry in entries { li { (entry.label) " " (entry.text) } } } };
    }
    html! {
        dl {
            @for entry in entries {
                @if !entry.label.is_empty() { dt.(tone(entry.tone)) { (entry.label) } }
                dd { (entry.text) }
            }
        }
    }
}

/// A table that scrolls by itself if the page is narrower.
fn grid(table: &Table) -> Markup {
    // Most tables hold numbers alone, which says so once.
    let is_numeric = table.columns.iter().all(|column| column.align == Align::Right);
    let align = |index: usize| match table.columns.get(index).map(|column| column.align) {
        _ if is_numeric => None,
        Some(Align::Right) => Some("n"),
        _ => Some("t"),
    };
    let untitled = table.corner.is_empty() && table.columns.iter().all(|column| column.title.is_empty());
    let row = |row: &Row| {
        html! {
            tr {
                @if row.label.is_empty() { td {} } @else { th scope="row" class=[tone_class(row.tone)] { (row.label) } }
                @for (cell, index) in row.cells.iter().zip(0..) { td class=[align(index)] { (cell) } }
            }
        }
    };
    html! {
        div.scroll role="group" tabindex="0" aria-label={ "Table " (table.corner) } {
            table class=[is_numeric.then_some("numbers")] {
                @if !untitled {
                    thead {
                        tr {
                            @if table.corner.is_empty() { td {} } @else { th scope="col" { (table.corner) } }
                            @for (column, index) in table.columns.iter().zip(0..) {
                                @if column.title.is_empty() { td {} }
                                @else { th scope="col" class=[align(index)] { (column.title) } }
                            }
                        }
                    }
                }
                tbody { @for each in &table.rows { (row(each)) } }
            }
        }
    }
}

fn tone_class(own: Tone) -> Option<&'static str> {
    (own != Tone::Plain).then(|| tone(own))
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Mysql => "mysql",
        Tone::Disk => "disk",
        Tone::Hit => "hit",
        Tone::Miss => "miss",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Alert => "alert",
    }
}

/// One line without control characters, of a length that can be read.
fn cleaned(text: &str) -> String {
    let line = plain_text::one_line(text);
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => line.get(..end).unwrap_or_default().to_owned() + "…",
        None => line,
    }
}

#[cfg(test)]
mod tests;
