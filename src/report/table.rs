//! Tables: the grid of one workload's paths in the form that fits the page, and how grids are set.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::layout::{INDENT, columns_of, entry, paragraph, text_column};
use super::{PLAIN, Style};

/// Rows of cells, the first one the header.
pub(super) type Grid = Vec<Vec<String>>;

/// A grid as it fits: upright with `left` columns of words before the numbers, or on its side.
pub(super) fn set(grid: &[Vec<String>], left: usize, style: &Style) -> Vec<String> {
    let lines = upright(grid, left);
    if fits(&lines, style) { lines } else { on_its_side(grid) }
}

/// A grid as a table with a column of names, or as entries row by row where the page is too narrow for one.
pub(super) fn set_or_list(grid: &[Vec<String>], style: &Style) -> Vec<String> {
    let lines = set(grid, 1, style);
    if fits(&lines, style) {
        return lines;
    }
    let Some((header, rows)) = grid.split_first() else { return lines };
    let labels: Vec<String> = header.iter().map(|label| format!("  {label}")).collect();
    let column = text_column(labels.iter().map(String::as_str));
    rows.iter()
        .flat_map(|row| {
            let head = row.first().map(|name| paragraph(name, style)).unwrap_or_default();
            let cells = labels.iter().zip(row).skip(1);
            head.into_iter().chain(cells.flat_map(|(label, cell)| entry(label, PLAIN, column, cell, style)))
        })
        .collect()
}

fn fits(lines: &[String], style: &Style) -> bool {
    lines.iter().all(|line| columns_of(line) <= style.columns())
}

/// Columns become rows.
fn on_its_side(grid: &[Vec<String>]) -> Vec<String> {
    let columns = grid.iter().map(Vec::len).max().unwrap_or(0);
    let turned: Grid = (0..columns)
        .map(|column| grid.iter().map(|row| row.get(column).cloned().unwrap_or_default()).collect())
        .collect();
    upright(&turned, 1)
}

/// A rule below the header, two columns of space between cells.
fn upright(grid: &[Vec<String>], left: usize) -> Vec<String> {
    const LOOK: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));
    let mut table = Table::new();
    table.load_style(LOOK);
    let mut rows = grid.iter().cloned();
    if let Some(header) = rows.next() {
        table.set_header(header);
    }
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding(if index == 0 { (0, 0) } else { (2, 0) });
        if index >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let margin = " ".repeat(INDENT);
    table.lines().map(|line| format!("{margin}{}", line.trim_end())).collect()
}
