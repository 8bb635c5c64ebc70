//! A logarithmic time axis: the column of a duration, and the ticks that name durations.

use crate::units;

/// Leading digits of the ticks, from many ticks to few.
const DIGITS: [&[u64]; 5] = [&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 2, 3, 5, 7], &[1, 2, 5], &[1, 3], &[1]];

/// Columns that must stay free between two labels.
const GAP: usize = 2;

/// Durations over a number of columns.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low_ns: u64,
    high_ns: u64,
    columns: usize,
    /// Free columns at the left, for a label that begins before the axis does.
    gutter: usize,
    /// Each tick with the column, gutter included, at which its label begins.
    ticks: Vec<(u64, usize)>,
}

impl Axis {
    /// The axis from `from_ns` to `to_ns` with as many ticks as have room for their labels. A range
    /// with fewer than two ticks is widened to the next ones.
    pub(super) fn new(from_ns: u64, to_ns: u64, gutter: usize, columns: usize) -> Self {
        let low_ns = from_ns.max(1);
        let high_ns = to_ns.max(low_ns.saturating_add(1));
        let mut axis = Self { low_ns, high_ns, columns: columns.max(2), gutter, ticks: Vec::new() };
        axis.place_ticks();
        if axis.ticks.len() < 2 {
            let all = DIGITS[0];
            axis.low_ns = ticks(all).take_while(|tick| *tick <= low_ns).last().unwrap_or(1);
            axis.high_ns = ticks(all).find(|tick| *tick >= high_ns).unwrap_or(u64::MAX);
            axis.place_ticks();
        }
        axis
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn high_ns(&self) -> u64 {
        self.high_ns
    }

    /// The place of a duration in columns; the middle of the first column is 0.
    pub(super) fn position(&self, ns: f64) -> f64 {
        let low = self.low_ns as f64;
        let share = (ns.max(low) / low).ln() / (self.high_ns as f64 / low).ln();
        share.min(1.0) * (self.columns - 1) as f64
    }

    /// The column of a duration.
    pub(super) fn column(&self, ns: f64) -> usize {
        let column = usize::try_from(units::whole(self.position(ns))).unwrap_or(usize::MAX);
        column.min(self.columns - 1)
    }

    /// The line with its ticks, and the labels below it.
    pub(super) fn draw(&self) -> [String; 2] {
        let mut line = vec!['─'; self.columns];
        let mut labels = vec![' '; self.gutter + self.columns];
        for (ns, start) in &self.ticks {
            if let Some(cell) = line.get_mut(self.column(*ns as f64)) {
                *cell = '┬';
            }
            for (cell, c) in labels.iter_mut().skip(*start).zip(label(*ns).chars()) {
                *cell = c;
            }
        }
        [" ".repeat(self.gutter) + &String::from_iter(line), String::from_iter(labels)]
    }

    /// Takes the densest ticks whose labels stand apart.
    fn place_ticks(&mut self) {
        let dense = DIGITS.iter().map(|digits| self.placed(ticks(digits)));
        let sparse = [3, 6, 9].map(|decades| self.placed(ticks(&[1]).step_by(decades)));
        self.ticks = dense.chain(sparse).find(|placed| apart(placed)).unwrap_or_default();
    }

    fn placed(&self, ticks: impl Iterator<Item = u64>) -> Vec<(u64, usize)> {
        ticks
            .skip_while(|tick| *tick < self.low_ns)
            .take_while(|tick| *tick <= self.high_ns)
            .map(|tick| {
                let width = label(tick).chars().count();
                let centred = (self.gutter + self.column(tick as f64)).saturating_sub((width - 1) / 2);
                (tick, centred.min((self.gutter + self.columns).saturating_sub(width)))
            })
            .collect()
    }
}

fn apart(placed: &[(u64, usize)]) -> bool {
    placed.windows(2).all(|pair| match pair {
        [(tick, start), (_, next)] => start + label(*tick).chars().count() + GAP <= *next,
        _ => true,
    })
}

/// 1 ns, 2 ns, … as long as they fit into 64 bits.
fn ticks(digits: &[u64]) -> impl Iterator<Item = u64> {
    let decades = std::iter::successors(Some(1u64), |decade| decade.checked_mul(10));
    decades.flat_map(move |decade| digits.iter().filter_map(move |digit| digit.checked_mul(decade)))
}

/// `10 µs`, `500 µs`, `2 ms`, `1 s`: ticks have one significant digit.
fn label(ns: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    let (unit_ns, unit) = UNITS.into_iter().find(|(unit_ns, _)| ns >= *unit_ns).unwrap_or((1, "ns"));
    format!("{} {unit}", ns / unit_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(from_ns: u64, to_ns: u64, columns: usize) -> String {
        Axis::new(from_ns, to_ns, 4, columns).draw().map(|line| line + "|").join("\n")
    }

    #[test]
    fn ticks_are_as_dense_as_labels_allow() {
        let axes = [
            drawn(17_000, 900_000, 60),
            drawn(21_000_000, 38_000_000, 60),
            drawn(20_000, 231_000, 26),
            drawn(30_400_000, 33_100_000, 26),
            drawn(1, 3_600_000_000_000, 30),
        ];
        insta::assert_snapshot!(axes.join("\n\n"));
    }

    #[test]
    fn the_ends_are_on_the_axis() {
        let axis = Axis::new(1_200_000, 48_000_000, 4, 60);
        assert_eq!((axis.column(1.2e6), axis.column(4.8e7), axis.column(1e18)), (0, 59, 59));
    }

    #[test]
    fn a_single_value_still_has_a_range() {
        for ns in [0, 1, 1_000, u64::MAX] {
            let axis = Axis::new(ns, ns, 4, 20);
            assert!(axis.low_ns <= axis.high_ns, "{axis:?}");
            assert!(axis.column(ns as f64) < 20);
        }
    }
}
