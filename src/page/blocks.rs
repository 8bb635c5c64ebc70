//! The building blocks of a page. They hold plain text and numbers that are already formatted, and
//! know nothing of width, wrapping, colour or markup: those belong to the renderers.

use super::figures::Figure;

/// A page: sections in the order in which they are read.
pub(crate) type Page = Vec<Section>;

/// Blocks that belong together, below an optional heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    pub(crate) heading: Option<Heading>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) role: Role,
}

/// The part that a section plays, by which renderers order and fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Body,
    /// Numbers for those who look closely.
    Detail,
    /// The answer: last on a terminal, where the eye is, and first on a page that opens at its top.
    Summary,
}

/// The line above a section.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heading {
    /// The name of the thing, where it has one.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Written at the end of the line if there is room.
    pub(crate) aside: String,
}

/// One piece of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block {
    /// A paragraph.
    Sentence(String),
    /// A paragraph that must not be overlooked.
    Note(String),
    /// Terms with their explanations.
    Entries(Vec<Entry>),
    Table(Table),
    Chart(Chart),
    /// A command line, to be copied: renderers do not wrap it.
    Command(String),
    Figure(Box<Figure>),
}

/// The explanation of one term.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// Rows of cells below column titles, one chart lane beside each row if there is a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    /// Above the labels of the rows.
    pub(crate) corner: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    /// Its lanes are the rows, in the same order.
    pub(crate) chart: Option<Chart>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) align: Align,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    /// One for each column.
    pub(crate) cells: Vec<String>,
}

/// Distributions of durations above each other on one logarithmic axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chart {
    /// The ends of the axis. Longer durations are marked at its end.
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) lanes: Vec<Series>,
}

/// One distribution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    pub(crate) mean_ns: Option<f64>,
    /// In ascending order; or why they are missing.
    pub(crate) bins: Result<Vec<Bin>, String>,
}

/// A number of durations from `low_ns` to below `high_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bin {
    pub(crate) low_ns: u64,
    pub(crate) high_ns: u64,
    pub(crate) count: u64,
}

/// The meaning that a colour may carry. No page depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Mysql,
    Disk,
    Hit,
    Miss,
    Good,
    Bad,
    Alert,
}

impl Section {
    pub(crate) fn new(blocks: Vec<Block>) -> Self {
        Self { heading: None, blocks, role: Role::Body }
    }

    pub(crate) fn titled(title: impl Into<String>, blocks: Vec<Block>) -> Self {
        let heading = Heading { name: String::new(), text: title.into(), aside: String::new() };
        Self { heading: Some(heading), blocks, role: Role::Body }
    }
}

impl Entry {
    pub(crate) fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { label: label.into(), tone: Tone::Plain, text: text.into() }
    }
}

impl Row {
    pub(crate) fn new(label: impl Into<String>, cells: Vec<String>) -> Self {
        Self { label: label.into(), tone: Tone::Plain, cells }
    }
}

impl Table {
    /// A table of numbers, aligned to the right.
    pub(crate) fn of_numbers<T: Into<String>>(
        corner: &str,
        titles: impl IntoIterator<Item = T>,
        rows: Vec<Row>,
    ) -> Self {
        let columns =
            titles.into_iter().map(|title| Column { title: title.into(), align: Align::Right }).collect();
        Self { corner: corner.to_owned(), columns, rows, chart: None }
    }

    /// A table of short texts, aligned to the left.
    pub(crate) fn of_texts<T: Into<String>>(
        corner: &str,
        titles: impl IntoIterator<Item = T>,
        rows: Vec<Row>,
    ) -> Self {
        let mut table = Self::of_numbers(corner, titles, rows);
        table.columns.iter_mut().for_each(|column| column.align = Align::Left);
        table
    }

    /// Leaves out the columns in which no row has more than one of `blanks`.
    pub(crate) fn without_blank_columns(mut self, blanks: &[&str]) -> Self {
        let filled = |index: usize| {
            self.rows
                .iter()
                .any(|row| row.cells.get(index).is_some_and(|cell| !blanks.contains(&cell.as_str())))
        };
        let keep: Vec<bool> = (0..self.columns.len()).map(filled).collect();
        let mut kept = keep.iter();
        self.columns.retain(|_| kept.next().copied().unwrap_or(true));
        for row in &mut self.rows {
            let mut kept = keep.iter();
            row.cells.retain(|_| kept.next().copied().unwrap_or(true));
        }
        self
    }
}

/// The page with every text replaced.
pub(crate) fn map_texts(page: &[Section], map: &dyn Fn(&str) -> String) -> Page {
    page.iter().map(|section| section.map_texts(map)).collect()
}

impl Section {
    fn map_texts(&self, map: &dyn Fn(&str) -> String) -> Self {
        let heading = self.heading.as_ref().map(|heading| Heading {
            name: map(&heading.name),
            text: map(&heading.text),
            aside: map(&heading.aside),
        });
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Sentence(text) => Block::Sentence(map(text)),
            Block::Note(text) => Block::Note(map(text)),
            Block::Entries(entries) => {
                let mapped = |entry: &Entry| Entry {
                    label: map(&entry.label),
                    tone: entry.tone,
                    text: map(&entry.text),
                };
                Block::Entries(entries.iter().map(mapped).collect())
            }
            Block::Table(table) => Block::Table(table.map_texts(map)),
            Block::Chart(chart) => Block::Chart(chart.map_texts(map)),
            Block::Command(text) => Block::Command(map(text)),
            Block::Figure(figure) => Block::Figure(Box::new(figure.map_texts(map))),
        });
        Self { heading, blocks: blocks.collect(), role: self.role }
    }
}

impl Table {
    pub(crate) fn map_texts(&self, map: &dyn Fn(&str) -> String) -> Self {
        let column = |column: &Column| Column { title: map(&column.title), align: column.align };
        let row = |row: &Row| Row {
            label: map(&row.label),
            tone: row.tone,
            cells: row.cells.iter().map(|cell| map(cell)).collect(),
        };
        Self {
            corner: map(&self.corner),
            columns: self.columns.iter().map(column).collect(),
            rows: self.rows.iter().map(row).collect(),
            chart: self.chart.as_ref().map(|chart| chart.map_texts(map)),
        }
    }
}

impl Chart {
    fn map_texts(&self, map: &dyn Fn(&str) -> String) -> Self {
        let lane = |lane: &Series| Series {
            label: map(&lane.label),
            bins: lane.bins.clone().map_err(|reason| map(&reason)),
            ..lane.clone()
        };
        Self { lanes: self.lanes.iter().map(lane).collect(), ..self.clone() }
    }
}
