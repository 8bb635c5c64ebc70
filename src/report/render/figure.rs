//! Pictures as lines of text.

use super::bars::TALL;
use super::terminal::Screen;
use super::wrap::{columns_of, wrap};
use crate::report::blocks::{Block, Table};
use crate::report::figures::{Bar, Bars, Figure, Interval, Intervals, Picture};
use crate::report::scale::Scale;
use crate::units;

/// One for each part of a bar, in turn.
const FILLS: [char; 6] = ['█', '▒', '░', '▓', '▚', '▞'];

/// The text of a picture.
pub(super) enum Text<'a> {
    Lines(Vec<String>),
    /// Curves cannot be read off characters.
    Numbers(&'a Table),
}

impl Screen {
    pub(super) fn picture<'a>(&self, figure: &'a Figure, width: usize) -> Text<'a> {
        match &figure.picture {
            Picture::Distributions(drawn) => Text::Lines(self.chart(&drawn.chart(), TALL, width)),
            Picture::Curves(_) => Text::Numbers(&figure.numbers),
            Picture::Bars(bars) => Text::Lines(draw_bars(bars, width)),
            Picture::Intervals(intervals) => Text::Lines(draw_intervals(intervals, width)),
        }
    }
}

/// The blocks above and below a picture.
pub(super) fn around(figure: &Figure) -> [Block; 2] {
    [format!("{}.", figure.title), figure.caption.clone()].map(Block::Sentence)
}

fn draw_bars(bars: &Bars, width: usize) -> Vec<String> {
    let legend = bars.parts.iter().zip(FILLS.iter().cycle()).map(|(part, fill)| format!("{fill} {part}"));
    let legend = wrap(&legend.collect::<Vec<_>>().join("  "), width);
    let lines = bars.bars.iter().flat_map(|bar| {
        let title = wrap(&format!("{} {}", bar.label, bar.text), width);
        title.into_iter().chain([bar_line(bar, &bars.scale, width)])
    });
    legend.into_iter().chain(lines.filter(|line| !line.is_empty())).collect()
}

/// The parts end where they end on the scale, so that rounding does not add up.
fn bar_line(bar: &Bar, scale: &Scale, width: usize) -> String {
    let mut line = String::new();
    let mut sum = 0.0;
    for (value, fill) in bar.values.iter().zip(FILLS.iter().cycle()) {
        sum += value.max(0.0);
        let end = column(scale.share(sum), width + 1);
        line.extend(std::iter::repeat_n(*fill, end.saturating_sub(columns_of(&line))));
    }
    line
}

fn draw_intervals(intervals: &Intervals, width: usize) -> Vec<String> {
    let lines = intervals.rows.iter().flat_map(|row| {
        let title = wrap(&format!("{}: {}", row.label, row.text), width);
        title.into_iter().chain([interval_line(row, intervals, width)])
    });
    let marks: Vec<String> = intervals.lines.iter().map(|line| format!("│ {}", line.label)).collect();
    lines.chain(wrap(&marks.join("   "), width)).collect()
}

fn interval_line(row: &Interval, intervals: &Intervals, width: usize) -> String {
    let place = |value: f64| column(intervals.scale.share(value), width);
    let mut line = vec![' '; width];
    let mut put = |column: usize, c: char| {
        if let Some(cell) = line.get_mut(column) {
            *cell = c;
        }
    };
    let [low, high] = row.ends.map(place);
    (low..=high).for_each(|column| put(column, '─'));
    intervals.lines.iter().for_each(|mark| put(place(mark.at), '│'));
    put(low, '├');
    put(high, '┤');
    put(place(row.value), '●');
    String::from_iter(line).trim_end().to_owned()
}

fn column(share: f64, width: usize) -> usize {
    let last = width.saturating_sub(1);
    usize::try_from(units::whole(share * last as f64)).unwrap_or(last).min(last)
}
