//! A logarithmic time axis: where an instant falls, and the ticks that name it.

use crate::units;

/// Digits that make good ticks, from many to few.
const DIGITS: [&[u64]; 4] = [&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 2, 3, 5, 7], &[1, 2, 5], &[1]];
/// The first of them for ranges of a decade and more.
const COARSE: usize = 2;

/// Columns that must stay free between two labels.
const GAP: usize = 2;

/// From one good tick to another, over a number of columns.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low_ns: u64,
    high_ns: u64,
    /// Free columns at the left, for a label that begins before the axis does.
    gutter: usize,
    columns: usize,
    /// Each tick with the column, gutter included, at which its label begins.
    ticks: Vec<(u64, usize)>,
}

impl Axis {
    /// The axis that holds everything from `min_ns` to `max_ns`, widened to good ticks: the densest
    /// whose labels stand apart.
    pub(super) fn around(min_ns: u64, max_ns: u64, gutter: usize, columns: usize) -> Self {
        let (min_ns, max_ns) = (min_ns.max(1), max_ns.max(min_ns).max(1));
        // A narrow range would be lost between ticks that lie far apart.
        let first = if max_ns / min_ns < 8 { 0 } else { COARSE };
        let mut axis =
            Self { low_ns: 1, high_ns: u64::MAX, gutter, columns: columns.max(2), ticks: Vec::new() };
        for digits in DIGITS.iter().skip(first) {
            axis.low_ns = ticks(digits).take_while(|tick| *tick <= min_ns).last().unwrap_or(1);
            axis.high_ns =
                ticks(digits).find(|tick| *tick > axis.low_ns && *tick >= max_ns).unwrap_or(u64::MAX);
            axis.ticks = axis.placed(ticks(digits));
            if apart(&axis.ticks) {
                return axis;
            }
        }
        // From 1 ns to 1 h on few columns only every third decade fits: 1 ns, 1 µs, 1 ms, 1 s.
        axis.ticks = axis.placed(ticks(&[1]).step_by(3));
        axis
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Where an instant falls, in columns; the middle of the first is 0.
    pub(super) fn position(&self, ns: f64) -> f64 {
        let low = self.low_ns as f64;
        let share = (ns.max(low) / low).ln() / (self.high_ns as f64 / low).ln();
        share.min(1.0) * (self.columns - 1) as f64
    }

    /// The column in which an instant falls.
    pub(super) fn column(&self, ns: f64) -> usize {
        let column = usize::try_from(units::whole(self.position(ns))).unwrap_or(usize::MAX);
        column.min(self.columns - 1)
    }

    /// The line with its ticks, and their labels below it.
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

/// `10 µs`, `500 µs`, `2 ms`, `1 s`: ticks have one digit that counts.
fn label(ns: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    let (unit_ns, unit) = UNITS.into_iter().find(|(unit_ns, _)| ns >= *unit_ns).unwrap_or((1, "ns"));
    format!("{} {unit}", ns / unit_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(min_ns: u64, max_ns: u64, columns: usize) -> String {
        Axis::around(min_ns, max_ns, 4, columns).draw().map(|line| line + "|").join("\n")
    }

    #[test]
    fn ticks_are_as_dense_as_labels_allow() {
        let decade = drawn(17_000, 900_000, 60);
        let narrow = drawn(21_000_000, 38_000_000, 60);
        let most_of_a_decade = drawn(35_000, 231_000, 60);
        let endless = drawn(1, 3_600_000_000_000, 30);
        insta::assert_snapshot!([decade, narrow, most_of_a_decade, endless].join("\n\n"));
    }

    #[test]
    fn the_ends_are_on_the_axis() {
        let axis = Axis::around(1_200_000, 48_000_000, 4, 60);
        assert_eq!((axis.low_ns, axis.high_ns), (1_000_000, 50_000_000));
        assert_eq!((axis.column(1e6), axis.column(5e7), axis.column(1e18)), (0, 59, 59));
    }

    #[test]
    fn a_single_value_still_has_a_range() {
        for ns in [0, 1, 1_000, u64::MAX] {
            let axis = Axis::around(ns, ns, 4, 20);
            assert!(axis.low_ns < axis.high_ns, "{axis:?}");
        }
    }
}
