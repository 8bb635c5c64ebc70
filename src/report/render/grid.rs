//! Tables as lines of text, in the first form that fits the width.

use comfy_table::{CellAlignment, Table as Comfy, TableStyle};

use super::wrap::{columns_of, halves};
use crate::report::blocks::{Align, Column, Row, Table};

/// Lines of a table: those of the titles, then one for each row.
pub(super) struct Grid {
    pub(super) titles: Vec<String>,
    pub(super) rows: Vec<String>,
}

impl Grid {
    pub(super) fn width(&self) -> usize {
        self.titles.iter().chain(&self.rows).map(|line| columns_of(line)).max().unwrap_or(0)
    }
}

/// The table upright: with its titles in one line, or in two if that makes it fit. None if it is
/// too wide.
pub(super) fn upright(table: &Table, width: usize) -> Option<Grid> {
    let broken = |table: &Table| {
        let columns = table.columns.iter();
        let columns = columns.map(|column| Column { title: halves(&column.title), align: column.align });
        Table { columns: columns.collect(), ..table.clone() }
    };
    let one_line = draw(table);
    if one_line.width() <= width {
        return Some(one_line);
    }
    Some(draw(&broken(table))).filter(|grid| grid.width() <= width)
}

/// Columns become rows, and labels become titles. None if it is too wide.
pub(super) fn on_its_side(table: &Table, width: usize) -> Option<Grid> {
    let rows = table.columns.iter().enumerate().map(|(index, column)| {
        let cells = table.rows.iter().map(|row| row.cells.get(index).cloned().unwrap_or_default());
        Row::new(column.title.clone(), cells.collect())
    });
    let align = table.columns.first().map_or(Align::Left, |column| column.align);
    let columns = table.rows.iter().map(|row| Column { title: row.label.clone(), align });
    let turned =
        Table { corner: table.corner.clone(), columns: columns.collect(), rows: rows.collect(), chart: None };
    Some(draw(&turned)).filter(|grid| grid.width() <= width)
}

/// Two columns of space between cells.
fn draw(table: &Table) -> Grid {
    let mut comfy = Comfy::new();
    comfy.load_style(TableStyle::new());
    let titles = table.columns.iter().map(|column| column.title.clone());
    let titles: Vec<String> = std::iter::once(table.corner.clone()).chain(titles).collect();
    let title_lines = titles.iter().map(|title| title.lines().count()).max().unwrap_or(0);
    let untitled = titles.iter().all(String::is_empty);
    if !untitled {
        comfy.add_row(bottom(&titles, title_lines));
    }
    for row in &table.rows {
        let cells = row.cells.iter().zip(0..).map(|(cell, index)| aligned(cell, index, table));
        comfy.add_row(std::iter::once(row.label.clone()).chain(cells).collect::<Vec<_>>());
    }
    for (index, column) in comfy.column_iter_mut().enumerate() {
        column.set_padding(if index == 0 { (0, 0) } else { (2, 0) });
        if index.checked_sub(1).and_then(|index| table.columns.get(index)).is_some_and(is_right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = comfy.lines().map(|line| line.trim_end().to_owned());
    let titles = lines.by_ref().take(if untitled { 0 } else { title_lines }).collect();
    Grid { titles, rows: lines.collect() }
}

fn is_right(column: &Column) -> bool {
    column.align == Align::Right
}

/// Titles of fewer lines stand at the bottom.
fn bottom(titles: &[String], lines: usize) -> Vec<String> {
    let missing = |title: &String| lines.saturating_sub(title.lines().count().max(1));
    titles.iter().map(|title| "\n".repeat(missing(title)) + title).collect()
}

/// Digits stand below digits only if all units are equally wide: `s` beside `ms` gets a space.
fn aligned(cell: &str, index: usize, table: &Table) -> String {
    let has_wide_unit = |cell: &String| [" ms", " µs", " ns"].iter().any(|unit| cell.ends_with(unit));
    let pads = cell.ends_with(" s")
        && table.columns.get(index).is_some_and(is_right)
        && table.rows.iter().filter_map(|row| row.cells.get(index)).any(has_wide_unit);
    if pads { format!("{cell} ") } else { cell.to_owned() }
}
