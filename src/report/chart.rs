//! The histograms of a workload's paths, drawn one above the other on one time axis.

use hdrhistogram::Histogram;

use super::axis::Axis;
use super::distribution::{self, DistributionError};
use super::layout::{INDENT, clean, columns_of};
use super::{Style, path_ink};
use crate::run_file::PathRun;
use crate::units;

/// Eighths of a row.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Rows of bars: three tell two peaks from one, and three paths still fit on a screen.
const ROWS: usize = 3;

/// One path's part of the chart.
struct Lane {
    label: String,
    mean_ns: Option<f64>,
    distribution: Result<Histogram<u64>, DistributionError>,
}

/// Bars, one lane a path, then the axis. Every line has the same width. Nothing where no path has a
/// distribution to draw.
pub(super) fn draw(paths: &[PathRun], style: &Style) -> Vec<String> {
    let lanes: Vec<Lane> = paths.iter().map(lane).collect();
    let gutter = INDENT + lanes.iter().map(|lane| columns_of(&lane.label)).max().unwrap_or(0) + 2;
    let filled = || lanes.iter().filter_map(Lane::filled);
    let (Some(min_ns), Some(max_ns)) =
        (filled().map(Histogram::min).min(), filled().map(Histogram::max).max())
    else {
        return Vec::new();
    };
    let axis = Axis::around(min_ns, max_ns, gutter, style.columns().saturating_sub(gutter));
    let mut lines: Vec<String> =
        lanes.iter().flat_map(|lane| lane_lines(lane, &axis, gutter, style)).collect();
    lines.extend(axis.draw());
    lines
}

fn lane(path: &PathRun) -> Lane {
    Lane {
        label: clean(&path.path),
        mean_ns: path.mean_ns,
        distribution: distribution::decode(&path.histogram),
    }
}

impl Lane {
    fn filled(&self) -> Option<&Histogram<u64>> {
        self.distribution.as_ref().ok().filter(|histogram| !histogram.is_empty())
    }
}

/// A row that marks the mean, then the bars; or a row that says why there are none.
fn lane_lines(lane: &Lane, axis: &Axis, gutter: usize, style: &Style) -> Vec<String> {
    let ink = path_ink(&lane.label);
    let margin = " ".repeat(gutter);
    let named = format!(
        "{}{}{}",
        " ".repeat(INDENT),
        style.paint(ink, &lane.label),
        " ".repeat(gutter - INDENT - columns_of(&lane.label))
    );
    let note = |text: &str| format!("{named}{}", fitted(text, axis.columns()));
    let histogram = match &lane.distribution {
        Ok(histogram) if histogram.is_empty() => return vec![note("no reads")],
        Ok(histogram) => histogram,
        Err(error) => return vec![note(&format!("histogram unreadable, {error}"))],
    };
    let mark = lane.mean_ns.map(|mean_ns| margin.clone() + &mark(mean_ns, axis));
    let bars = bars(&weights(histogram, axis));
    let last = bars.len().saturating_sub(1);
    mark.into_iter()
        .chain(bars.into_iter().enumerate().map(|(row, bar)| {
            let head = if row == last { &named } else { &margin };
            // Only what is drawn is painted: spaces inside of colour could not be trimmed.
            let drawn = bar.trim_end();
            let rest = " ".repeat(columns_of(&bar) - columns_of(drawn));
            format!("{head}{}{rest}", if drawn.is_empty() { String::new() } else { style.paint(ink, drawn) })
        }))
        .collect()
}

/// `▼ 1.80 ms` above the column of the mean, or `1.80 ms ▼` where the page ends.
fn mark(mean_ns: f64, axis: &Axis) -> String {
    let column = axis.column(mean_ns);
    let right = format!("{}▼ mean {}", " ".repeat(column), units::duration(mean_ns));
    if columns_of(&right) <= axis.columns() {
        return fitted(&right, axis.columns());
    }
    let left = format!("mean {} ▼", units::duration(mean_ns));
    fitted(&format!("{left:>width$}", width = column + 1), axis.columns())
}

/// How many reads fall into each column.
fn weights(histogram: &Histogram<u64>, axis: &Axis) -> Vec<f64> {
    let mut weights = vec![0.0; axis.columns()];
    for bucket in histogram.iter_recorded() {
        let low = histogram.lowest_equivalent(bucket.value_iterated_to());
        let high = histogram.highest_equivalent(low).saturating_add(1);
        spread(&mut weights, axis, low as f64, high as f64, bucket.count_at_value() as f64);
    }
    weights
}

/// A bucket that is wider than a column is shared out, or the lack of resolution would look like
/// separate peaks.
fn spread(weights: &mut [f64], axis: &Axis, low_ns: f64, high_ns: f64, count: f64) {
    let (first, last) = (axis.column(low_ns), axis.column(high_ns));
    let (start, end) = (axis.position(low_ns) + 0.5, axis.position(high_ns) + 0.5);
    for (column, weight) in weights.iter_mut().enumerate().take(last + 1).skip(first) {
        let overlap = end.min((column + 1) as f64) - start.max(column as f64);
        let share = if first == last { 1.0 } else { overlap.max(0.0) / (end - start) };
        *weight += count * share;
    }
}

/// Rows of bars from the top down, the highest bar of full height. A column that holds any read at
/// all shows it: tails are what a histogram is read for.
fn bars(weights: &[f64]) -> Vec<String> {
    let peak = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let eighths = (ROWS * 8) as f64;
    let levels: Vec<usize> = weights
        .iter()
        .map(|weight| {
            let level = usize::try_from(units::whole(weight / peak * eighths)).unwrap_or(0);
            if *weight > 0.0 { level.max(1) } else { 0 }
        })
        .collect();
    (0..ROWS)
        .rev()
        .map(|row| levels.iter().map(|level| BLOCKS[level.saturating_sub(row * 8).min(8)]).collect())
        .collect()
}

/// Cut or padded to a width.
fn fitted(text: &str, width: usize) -> String {
    let cut: String = text.chars().take(width).collect();
    format!("{cut:<width$}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample_runs::{self, path_of};
    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    fn drawn(paths: &[PathRun], width: usize) -> Vec<String> {
        draw(paths, &Style { width, color: false })
    }

    /// Latencies over all magnitudes, not only the largest.
    fn latencies() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec((0.0f64..42.0).prop_map(|bits| units::whole(bits.exp2()).min(HOUR_NS)), 0..40)
    }

    #[test]
    fn two_peaks_and_a_tail_can_be_seen() {
        let mut samples = sample_runs::latencies(1, 5_000, 30_000.0, 0.1);
        samples.extend(sample_runs::latencies(2, 2_000, 60_000.0, 0.1));
        samples.push(2_000_000);
        insta::assert_snapshot!(drawn(&[path_of("warm", &samples)], 80).join("\n"));
    }

    #[test]
    fn an_empty_and_an_unreadable_lane_say_so() {
        let mut broken = path_of("cold", &[5_000]);
        broken.histogram = "?".to_owned();
        let paths = [path_of("mysql", &[20_000, 30_000]), broken, path_of("warm", &[])];
        insta::assert_snapshot!(drawn(&paths, 60).join("\n"));
    }

    #[test]
    fn without_any_reads_there_is_no_chart() {
        assert!(drawn(&[path_of("mysql", &[]), path_of("warm", &[])], 80).is_empty());
        assert!(drawn(&[], 80).is_empty());
    }

    proptest! {
        #[test]
        fn any_latencies_can_be_drawn(mysql in latencies(), warm in latencies(), width in 0usize..200) {
            let paths = [path_of("mysql", &mysql), path_of("warm", &warm)];
            let lines = drawn(&paths, width);
            let expected = Style { width, color: false }.columns();
            for line in &lines {
                prop_assert_eq!(columns_of(line), expected, "{}", lines.join("\n"));
            }
            for path in paths.iter().filter(|path| path.operations > 0) {
                let row = lines.iter().find(|line| line.contains(&path.path)).unwrap();
                prop_assert!(row.contains(&BLOCKS[1..]), "{}", lines.join("\n"));
            }
        }

        #[test]
        fn no_read_is_lost(samples in latencies(), width in 40usize..100) {
            let histogram = distribution::decode(&sample_runs::encode(&samples)).unwrap();
            let axis = Axis::around(histogram.min(), histogram.max(), 0, width);
            let total: f64 = weights(&histogram, &axis).iter().sum();
            prop_assert!((total - samples.len() as f64).abs() < 1e-6, "{total}");
        }
    }
}
