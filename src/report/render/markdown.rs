//! Pages as GitHub's markdown, for comments and job summaries.

use super::bars::TALL;
use super::figure;
use super::terminal::Screen;
use crate::plain_text;
use crate::report::blocks::{self, Align, Block, Chart, Entry, Heading, Role, Row, Section, Table};
use crate::report::figures::Figure;

/// Columns of a chart, which is drawn as text.
const CHART_COLUMNS: usize = 80;

/// The whole page, with a line break at its end.
pub(crate) fn render(page: &[Section]) -> String {
    let page = blocks::map_texts(page, &plain_text::one_line);
    let (summary, body): (Vec<&Section>, Vec<&Section>) =
        page.iter().partition(|section| section.role == Role::Summary);
    let parts: Vec<String> = summary.into_iter().chain(body).flat_map(section).collect();
    parts.join("\n\n") + "\n"
}

fn section(section: &Section) -> Vec<String> {
    let blocks = section.blocks.iter().flat_map(block);
    match &section.heading {
        Some(heading) if section.role == Role::Detail => {
            let title = format!("<details><summary>{}</summary>", escaped(&heading.text));
            let end = "</details>".to_owned();
            std::iter::once(title).chain(blocks).chain([end]).collect()
        }
        title => title.iter().flat_map(heading).chain(blocks).collect(),
    }
}

fn heading(heading: &Heading) -> Vec<String> {
    if heading.name.is_empty() {
        return vec![format!("### {}", escaped(&heading.text))];
    }
    let parts = [&heading.text, &heading.aside].into_iter().filter(|part| !part.is_empty());
    let text: Vec<&str> = parts.map(String::as_str).collect();
    let title = format!("### {}", escaped(&heading.name));
    std::iter::once(title).chain((!text.is_empty()).then(|| escaped(&text.join("; ")))).collect()
}

fn block(block: &Block) -> Vec<String> {
    match block {
        Block::Sentence(text) => vec![escaped(text)],
        Block::Note(text) => vec![format!("> **Note:** {}", escaped(text))],
        Block::Entries(entries) => vec![entries.iter().map(entry).collect::<Vec<_>>().join("\n")],
        Block::Table(table) => {
            std::iter::once(grid(table)).chain(table.chart.as_ref().map(|c| chart(c, 1))).collect()
        }
        Block::Chart(tall) => vec![chart(tall, TALL)],
        Block::Command(text) => vec![command(text)],
        Block::Figure(drawn) => figure(drawn),
    }
}

fn entry(entry: &Entry) -> String {
    match entry.label.as_str() {
        "" => format!("- {}", escaped(&entry.text)),
        label => format!("- **{}**: {}", escaped(label), escaped(&entry.text)),
    }
}

fn grid(table: &Table) -> String {
    let line = |cells: &mut dyn Iterator<Item = &String>| {
        let cells: Vec<String> = cells.map(|cell| escaped(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let titles =
        line(&mut std::iter::once(&table.corner).chain(table.columns.iter().map(|column| &column.title)));
    let rule =
        table.columns.iter().map(|column| if column.align == Align::Right { " ---: |" } else { " --- |" });
    let rows = table.rows.iter().map(|row: &Row| line(&mut std::iter::once(&row.label).chain(&row.cells)));
    let rule = format!("| --- |{}", rule.collect::<String>());
    [titles, rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// A block of code whose fence is longer than any backticks in the text.
fn command(text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    format!("{fence}sh\n{text}\n{fence}")
}

fn figure(drawn: &Figure) -> Vec<String> {
    let [title, caption] = figure::around(drawn).map(|text| block(&text));
    let picture = match Screen::default().picture(drawn, CHART_COLUMNS) {
        figure::Text::Lines(lines) => fenced(&lines),
        figure::Text::Numbers(table) => grid(table),
    };
    [title, vec![picture], caption].concat()
}

fn chart(chart: &Chart, rows: usize) -> String {
    fenced(&Screen::default().chart(chart, rows, CHART_COLUMNS))
}

/// Monospaced text, in which nothing can end the fence.
fn fenced(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| line.trim_end().replace('`', "'")).collect();
    format!("```text\n{}\n```", lines.join("\n"))
}

/// Text that may quote a file or a server: nothing in it can format, link or mention.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::bench::{self, Detail};
    use crate::report::sample_runs;
    use crate::run_file::Warning;

    #[test]
    fn a_run() {
        insta::assert_snapshot!(render(&bench::page(&sample_runs::full(1_000), Detail::Brief)));
    }

    #[test]
    fn a_run_in_full() {
        let mut run = sample_runs::full(1_000);
        run.workloads.truncate(1);
        let message = "<b>@nobody</b> used | `Redis`\n# twice: [x](y)".to_owned();
        run.warnings.push(Warning { code: "foreign_traffic".to_owned(), message });
        insta::assert_snapshot!(render(&bench::page(&run, Detail::Full)));
    }

    #[test]
    fn foreign_text_cannot_format() {
        assert_eq!(escaped("<b> [x](y) *z* & @a"), "&lt;b> \\[x\\](y) \\*z\\* &amp; &#64;a");
    }
}
