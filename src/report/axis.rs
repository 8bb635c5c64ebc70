//! A logarithmic time axis: where an instant falls, and the ticks that name it.

use crate::units;

/// Digits that make good ticks, from many to few.
const FINE: [u64; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const COARSE: [u64; 3] = [1, 2, 5];
const DECADES: [u64; 1] = [1];

/// Columns that must stay free between two labels.
const GAP: usize = 2;

/// From one good tick to another, over a number of columns.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low_ns: u64,
    high_ns: u64,
    columns: usize,
}

impl Axis {
    /// The axis that holds everything from `min_ns` to `max_ns`, widened to good ticks.
    pub(super) fn around(min_ns: u64, max_ns: u64, columns: usize) -> Self {
        let (min_ns, max_ns) = (min_ns.max(1), max_ns.max(min_ns).max(1));
        // A narrow range would be lost between ticks that lie far apart.
        let digits: &[u64] = if max_ns / min_ns < 8 { &FINE } else { &COARSE };
        let low_ns = ticks(digits).take_while(|tick| *tick <= min_ns).last().unwrap_or(1);
        let high_ns = ticks(digits).find(|tick| *tick > low_ns && *tick >= max_ns).unwrap_or(u64::MAX);
        Self { low_ns, high_ns, columns: columns.max(2) }
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

    /// The line with its ticks, and their labels below it. `overhang` columns at the left are free
    /// for a label that begins before the axis does.
    pub(super) fn draw(&self, overhang: usize) -> [String; 2] {
        let ticks = self.labelled_ticks(overhang);
        let mut line = vec!['─'; self.columns];
        let mut labels = vec![' '; overhang + self.columns];
        for (ns, start) in ticks {
            if let Some(cell) = line.get_mut(self.column(ns as f64)) {
                *cell = '┬';
            }
            for (cell, c) in labels.iter_mut().skip(start).zip(label(ns).chars()) {
                *cell = c;
            }
        }
        let margin = " ".repeat(overhang);
        [margin + &String::from_iter(line), String::from_iter(labels)]
    }

    /// The densest ticks whose labels stand apart, each with the column at which its label begins.
    fn labelled_ticks(&self, overhang: usize) -> Vec<(u64, usize)> {
        let sets: [&[u64]; 3] = [&FINE, &COARSE, &DECADES];
        sets.iter()
            .map(|digits| self.place(ticks(digits), overhang))
            .find(|placed| apart(placed))
            // From 1 ns to 1 h on few columns only every third decade fits: 1 ns, 1 µs, 1 ms, 1 s.
            .unwrap_or_else(|| self.place(ticks(&DECADES).step_by(3), overhang))
    }

    fn place(&self, ticks: impl Iterator<Item = u64>, overhang: usize) -> Vec<(u64, usize)> {
        ticks
            .skip_while(|tick| *tick < self.low_ns)
            .take_while(|tick| *tick <= self.high_ns)
            .map(|tick| {
                let width = label(tick).chars().count();
                let centred = (overhang + self.column(tick as f64)).saturating_sub((width - 1) / 2);
                (tick, centred.min((overhang + self.columns).saturating_sub(width)))
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
        Axis::around(min_ns, max_ns, columns).draw(4).map(|line| line + "|").join("\n")
    }

    #[test]
    fn ticks_are_as_dense_as_labels_allow() {
        let decade = drawn(17_000, 900_000, 60);
        let narrow = drawn(21_000_000, 38_000_000, 60);
        let endless = drawn(1, 3_600_000_000_000, 30);
        insta::assert_snapshot!([decade, narrow, endless].join("\n\n"));
    }

    #[test]
    fn the_ends_are_on_the_axis() {
        let axis = Axis::around(1_200_000, 48_000_000, 60);
        assert_eq!((axis.low_ns, axis.high_ns), (1_000_000, 50_000_000));
        assert_eq!((axis.column(1e6), axis.column(5e7), axis.column(1e18)), (0, 59, 59));
    }

    #[test]
    fn a_single_value_still_has_a_range() {
        for ns in [0, 1, 1_000, u64::MAX] {
            let axis = Axis::around(ns, ns, 20);
            assert!(axis.low_ns < axis.high_ns, "{axis:?}");
        }
    }
}
