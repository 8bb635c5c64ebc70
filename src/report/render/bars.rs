//! Bars: distributions as rows of block characters.

use super::axis::Axis;
use crate::report::blocks::Bin;
use crate::units;

/// Eighths of a row.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Rows of a chart on its own: three tell two peaks from one.
pub(super) const TALL: usize = 3;
/// In a single row, columns with a smaller share of the highest one are left empty.
const VISIBLE_SHARE: f64 = 0.02;

/// Rows of bars from the top down, the highest bar of full height. Several rows show every column
/// that holds anything at all.
pub(super) fn draw(bins: &[Bin], axis: &Axis, rows: usize) -> Vec<String> {
    let weights = weights(bins, axis);
    let peak = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let visible = if rows > 1 { f64::MIN_POSITIVE } else { peak * VISIBLE_SHARE };
    let level = |weight: &f64| {
        let level = usize::try_from(units::whole(weight / peak * (rows * 8) as f64)).unwrap_or(0);
        if *weight >= visible { level.max(1) } else { 0 }
    };
    let levels: Vec<usize> = weights.iter().map(level).collect();
    (0..rows)
        .rev()
        .map(|row| levels.iter().map(|level| BLOCKS[level.saturating_sub(row * 8).min(8)]).collect())
        .collect()
}

/// The number of durations in each column; those beyond the end of the axis are in none.
fn weights(bins: &[Bin], axis: &Axis) -> Vec<f64> {
    let mut weights = vec![0.0; axis.columns()];
    for bin in bins.iter().filter(|bin| bin.low_ns <= axis.high_ns()) {
        spread(&mut weights, axis, bin);
    }
    weights
}

/// Shares out a bin that is wider than a column, since gaps would look like separate peaks.
fn spread(weights: &mut [f64], axis: &Axis, bin: &Bin) {
    let (low_ns, high_ns, count) = (bin.low_ns as f64, bin.high_ns as f64, bin.count as f64);
    let (first, last) = (axis.column(low_ns), axis.column(high_ns));
    let (start, end) = (axis.position(low_ns) + 0.5, axis.position(high_ns) + 0.5);
    for (column, weight) in weights.iter_mut().enumerate().take(last + 1).skip(first) {
        let overlap = end.min((column + 1) as f64) - start.max(column as f64);
        let share = if first == last { 1.0 } else { overlap.max(0.0) / (end - start) };
        *weight += count * share;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_duration_is_lost(lows in prop::collection::vec((1u64..1_000_000_000_000, 1u64..100), 1..40), width in 16usize..100) {
            let bins: Vec<Bin> = lows
                .iter()
                .map(|(low, count)| Bin { low_ns: *low, high_ns: low + low / 100 + 1, count: *count })
                .collect();
            let from = bins.iter().map(|bin| bin.low_ns).min().unwrap_or(1);
            let to = bins.iter().map(|bin| bin.high_ns).max().unwrap_or(1);
            let axis = Axis::new(from, to, 0, width);
            let total: f64 = weights(&bins, &axis).iter().sum();
            let expected: u64 = bins.iter().map(|bin| bin.count).sum();
            prop_assert!((total - expected as f64).abs() < 1e-6 * expected as f64, "{total} of {expected}");
            prop_assert!(draw(&bins, &axis, TALL).iter().all(|row| row.chars().count() == width));
        }
    }
}
