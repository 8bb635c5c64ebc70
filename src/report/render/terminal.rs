//! Pages for a terminal, in plain text or colour.

use anstyle::{AnsiColor, Style as Ink};

use super::axis::Axis;
use super::bars;
use super::bars::TALL;
use super::figure;
use super::grid;
use super::wrap::{columns_of, fit, wrap};
use crate::plain_text;
use crate::report::blocks::{self, Block, Chart, Entry, Heading, Row, Section, Series, Table, Tone};
use crate::report::figures::Figure;
use crate::units;

/// The terminal's abilities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// In columns. Fewer than 40 and more than 100 are not used.
    pub(crate) width: usize,
    /// Escape sequences may be written. Every page says the same without them.
    pub(crate) color: bool,
    /// Only ASCII can be shown.
    pub(crate) ascii: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self { width: 80, color: false, ascii: false }
    }
}

/// The number of columns by which text below a heading is set in.
const INDENT: usize = 2;
/// A text beside its label needs at least this many columns.
const NARROWEST_TEXT: usize = 20;
/// A chart beside a table needs at least this many columns.
const NARROWEST_CHART: usize = 15;
/// Columns between a table and its chart.
const CHART_GAP: usize = 3;

/// The whole page, with a line break at its end.
pub(crate) fn render(page: &[Section], screen: &Screen) -> String {
    let page = blocks::map_texts(page, &plain_text::one_line);
    let sections = page.iter().map(|section| screen.section(section)).filter(|lines| !lines.is_empty());
    let mut text = String::new();
    for lines in sections {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    if screen.ascii { to_ascii(&text) } else { text }
}

impl Screen {
    /// Longer lines are hard to read; in fewer columns nothing can be read.
    fn columns(&self) -> usize {
        self.width.clamp(40, 100)
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        self.ink(ink(tone), text)
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.color && !ink.is_plain() && !text.is_empty() {
            format!("{ink}{text}{ink:#}")
        } else {
            text.to_owned()
        }
    }

    fn section(&self, section: &Section) -> Vec<String> {
        let indent = if section.heading.is_some() { INDENT } else { 0 };
        let heading = section.heading.iter().flat_map(|heading| self.heading(heading));
        let blocks = section.blocks.iter().flat_map(|block| self.block(block, self.columns() - indent));
        let margin = " ".repeat(indent);
        heading.chain(blocks.map(|line| format!("{margin}{line}"))).collect()
    }

    fn heading(&self, heading: &Heading) -> Vec<String> {
        let bold = Ink::new().bold();
        if heading.name.is_empty() {
            return wrap(&heading.text, self.columns()).iter().map(|line| self.ink(bold, line)).collect();
        }
        let start = columns_of(&heading.name) + 3;
        let gap =
            self.columns().saturating_sub(start + columns_of(&heading.text) + columns_of(&heading.aside));
        let text = match heading.aside.as_str() {
            "" => heading.text.clone(),
            aside if gap >= 3 => {
                let line = format!("   {}{}{aside}", heading.text, " ".repeat(gap));
                return vec![self.ink(bold, &heading.name) + &line];
            }
            aside => format!("{}; {aside}", heading.text),
        };
        let mut lines = hanging(&text, start, self.columns());
        if let Some(first) = lines.first_mut() {
            *first = format!("{}   {}", self.ink(bold, &heading.name), first.trim_start());
        }
        lines
    }

    fn block(&self, block: &Block, width: usize) -> Vec<String> {
        match block {
            Block::Sentence(text) => wrap(text, width),
            Block::Note(text) => wrap(text, width).iter().map(|line| self.paint(Tone::Alert, line)).collect(),
            Block::Entries(entries) => self.entries(entries, width),
            Block::Table(table) => self.table(table, width),
            Block::Chart(chart) => self.chart(chart, TALL, width),
            Block::Command(text) => vec![format!("    {text}")],
            Block::Figure(figure) => self.figure(figure, width),
        }
    }

    fn figure(&self, figure: &Figure, width: usize) -> Vec<String> {
        let [title, caption] = figure::around(figure).map(|block| self.block(&block, width));
        let picture = match self.picture(figure, width) {
            figure::Text::Lines(lines) => lines,
            figure::Text::Numbers(table) => self.table(table, width),
        };
        let blank = || vec![String::new()];
        [blank(), title, picture, caption].concat()
    }

    /// Texts in a column of their own, or below their labels if that column would be too narrow.
    fn entries(&self, entries: &[Entry], width: usize) -> Vec<String> {
        let widest = entries.iter().map(|entry| columns_of(&entry.label)).max().unwrap_or(0);
        let start = if widest == 0 { 0 } else { widest + 2 };
        let is_beside = width >= start + NARROWEST_TEXT;
        let lines = entries.iter().flat_map(|entry| {
            let label = self.paint(entry.tone, &entry.label);
            if !is_beside {
                let text = hanging(&entry.text, INDENT, width);
                return std::iter::once(label).chain(text).collect::<Vec<_>>();
            }
            let mut lines = hanging(&entry.text, start, width);
            if let Some(first) = lines.first_mut() {
                let gap = " ".repeat(start - columns_of(&entry.label));
                *first = format!("{label}{gap}{}", first.trim_start());
            }
            lines
        });
        lines.collect()
    }

    fn table(&self, table: &Table, width: usize) -> Vec<String> {
        let Some(grid) = grid::upright(table, width) else {
            let lines = grid::on_its_side(table, width).map_or_else(
                || self.list(table, width),
                |grid| grid.titles.into_iter().chain(grid.rows).collect(),
            );
            return lines.into_iter().chain(self.chart_below(table, width)).collect();
        };
        let dim = Ink::new().dimmed();
        let start = grid.width() + CHART_GAP;
        let beside = table.chart.as_ref().filter(|_| width >= start + NARROWEST_CHART);
        let axis = beside.map(|chart| Axis::new(chart.from_ns, chart.to_ns, CHART_GAP, width - start));
        let mut lines: Vec<String> = grid.titles.iter().map(|line| self.ink(dim, line)).collect();
        for (index, (line, row)) in grid.rows.iter().zip(&table.rows).enumerate() {
            let lane = beside.and_then(|chart| chart.lanes.get(index)).zip(axis.as_ref());
            let bars = lane.map(|(lane, axis)| self.spark(lane, axis)).unwrap_or_default();
            let gap = " ".repeat(start - columns_of(line));
            lines.push(format!("{}{gap}{bars}", self.label(line, row)));
        }
        let margin = " ".repeat(start - CHART_GAP);
        lines.extend(axis.iter().flat_map(Axis::draw).map(|line| margin.clone() + &line));
        if beside.is_none() {
            lines.extend(self.chart_below(table, width));
        }
        lines
    }

    /// The line of a row with its label in colour.
    fn label(&self, line: &str, row: &Row) -> String {
        match line.strip_prefix(row.label.as_str()) {
            Some(rest) => self.paint(row.tone, &row.label) + rest,
            None => line.to_owned(),
        }
    }

    fn chart_below(&self, table: &Table, width: usize) -> Vec<String> {
        table.chart.as_ref().map(|chart| self.chart(chart, 1, width)).unwrap_or_default()
    }

    /// One entry for each cell.
    fn list(&self, table: &Table, width: usize) -> Vec<String> {
        let of_row = |row: &Row| {
            let cells = table.columns.iter().zip(&row.cells).filter(|(_, cell)| !cell.is_empty());
            let entries: Vec<Entry> =
                cells.map(|(column, cell)| Entry::new(format!("  {}", column.title), cell.clone())).collect();
            std::iter::once(self.paint(row.tone, &row.label))
                .chain(self.entries(&entries, width))
                .collect::<Vec<_>>()
        };
        table.rows.iter().flat_map(of_row).collect()
    }

    /// Bars on one row.
    fn spark(&self, lane: &Series, axis: &Axis) -> String {
        match &lane.bins {
            Ok(bins) => self.bar(lane.tone, &bars::draw(bins, axis, 1).concat()),
            Err(reason) => fit(reason, axis.columns()),
        }
    }

    /// Only the bars are painted, since spaces in colour could not be trimmed.
    fn bar(&self, tone: Tone, bar: &str) -> String {
        let drawn = bar.trim_end();
        let start = drawn.len() - drawn.trim_start().len();
        let (margin, drawn) = drawn.split_at(start);
        format!(
            "{margin}{}{}",
            self.paint(tone, drawn),
            " ".repeat(columns_of(bar) - start - columns_of(drawn))
        )
    }

    /// Lanes of so many rows each above one axis, labels at their left, means above tall ones.
    pub(super) fn chart(&self, chart: &Chart, rows: usize, width: usize) -> Vec<String> {
        let widest = chart.lanes.iter().map(|lane| columns_of(&lane.label)).max().unwrap_or(0);
        let gutter = widest + 2;
        let axis = Axis::new(chart.from_ns, chart.to_ns, gutter, width.saturating_sub(gutter));
        let lanes = chart.lanes.iter().flat_map(|lane| self.lane(lane, &axis, gutter, rows));
        lanes.chain(axis.draw()).collect()
    }

    fn lane(&self, lane: &Series, axis: &Axis, gutter: usize, rows: usize) -> Vec<String> {
        let margin = " ".repeat(gutter);
        let label = self.paint(lane.tone, &lane.label) + &" ".repeat(gutter - columns_of(&lane.label));
        let bins = match &lane.bins {
            Ok(bins) => bins,
            Err(reason) => return vec![label + &fit(reason, axis.columns())],
        };
        let mark = lane.mean_ns.filter(|_| rows > 1).map(|mean_ns| margin.clone() + &mark(mean_ns, axis));
        let bars = bars::draw(bins, axis, rows);
        let last = bars.len().saturating_sub(1);
        let rows = bars.iter().enumerate().map(|(row, bar)| {
            let head = if row == last { &label } else { &margin };
            format!("{head}{}", self.bar(lane.tone, bar))
        });
        mark.into_iter().chain(rows).collect()
    }
}

/// `▼ mean 1.80 ms` above the column of the mean, or `mean 1.80 ms ▼` at the end of the page.
fn mark(mean_ns: f64, axis: &Axis) -> String {
    let column = axis.column(mean_ns);
    let right = format!("{}▼ mean {}", " ".repeat(column), units::duration(mean_ns));
    if columns_of(&right) <= axis.columns() {
        return right;
    }
    let left = format!("mean {} ▼", units::duration(mean_ns));
    fit(&format!("{left:>width$}", width = column + 1), axis.columns())
}

/// Wrapped lines that all begin at a column.
fn hanging(text: &str, start: usize, width: usize) -> Vec<String> {
    let margin = " ".repeat(start);
    wrap(text, width.saturating_sub(start)).into_iter().map(|line| format!("{margin}{line}")).collect()
}

/// Colours that can be read on dark and on light.
fn ink(tone: Tone) -> Ink {
    match tone {
        Tone::Plain => Ink::new(),
        Tone::Mysql => AnsiColor::Magenta.on_default(),
        Tone::Disk | Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Hit | Tone::Good => AnsiColor::Green.on_default(),
        Tone::Miss => AnsiColor::Cyan.on_default(),
        Tone::Alert => AnsiColor::Yellow.on_default(),
    }
}

/// Character by character, so that every column stays in its place.
pub(crate) fn to_ascii(text: &str) -> String {
    let ascii = |c: char| match c {
        'µ' | 'μ' => 'u',
        '─' | '–' => '-',
        '…' => '.',
        '’' => '\'',
        '┬' => '+',
        '├' => '[',
        '┤' => ']',
        '│' => '|',
        '●' => 'o',
        '▒' => '%',
        '░' => ',',
        '▓' => '&',
        '▚' => '/',
        '▞' => '\\',
        '▼' => 'v',
        '×' => 'x',
        '▁' => '.',
        '▂' => ':',
        '▃' => '-',
        '▄' => '=',
        '▅' => '+',
        '▆' => '*',
        '▇' => '#',
        '█' => '@',
        _ if c.is_ascii() => c,
        _ => '?',
    };
    text.chars().map(ascii).collect()
}
