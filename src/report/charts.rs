//! Saved histograms as charts.

use hdrhistogram::Histogram;

use super::blocks::{Bin, Chart, Series, Tone};
use super::distribution;
use crate::run_file::PathRun;

/// The part of each distribution that a chart holds at least, as quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range(f64, f64);

/// The range of most reads: the table beside it has p99 and max.
pub(super) const MOST: Range = Range(0.005, 0.99);
/// Every read.
pub(super) const ALL: Range = Range(0.0, 1.0);

/// Durations of one kind as they are saved.
pub(super) struct Times<'a> {
    pub(super) label: String,
    pub(super) tone: Tone,
    pub(super) mean_ns: Option<f64>,
    pub(super) histogram: &'a str,
}

/// One lane for each path, with its label; none if there is nothing to draw.
pub(super) fn of_paths(paths: &[(String, Tone, &PathRun)], range: Range) -> Option<Chart> {
    let times = paths.iter().map(|(label, tone, path)| Times {
        label: label.clone(),
        tone: *tone,
        mean_ns: path.mean_ns.filter(|_| path.operations > 0),
        histogram: &path.histogram,
    });
    of_times(&times.collect::<Vec<_>>(), range)
}

/// One lane for each kind; none if there is nothing to draw.
pub(super) fn of_times(times: &[Times<'_>], range: Range) -> Option<Chart> {
    let histograms: Vec<_> = times.iter().map(|times| distribution::decode(times.histogram)).collect();
    let filled = || histograms.iter().flatten().filter(|histogram| !histogram.is_empty());
    let from_ns = filled().map(|histogram| histogram.value_at_quantile(range.0)).min()?;
    let to_ns = filled().map(|histogram| histogram.value_at_quantile(range.1)).max()?;
    let lanes = times.iter().zip(&histograms).map(|(times, histogram)| Series {
        label: times.label.clone(),
        tone: times.tone,
        mean_ns: times.mean_ns,
        bins: match histogram {
            Ok(histogram) if histogram.is_empty() => Err("no reads".to_owned()),
            Ok(histogram) => Ok(bins(histogram)),
            Err(error) => Err(format!("histogram unreadable: {error}")),
        },
    });
    Some(Chart { from_ns, to_ns, lanes: lanes.collect() })
}

fn bins(histogram: &Histogram<u64>) -> Vec<Bin> {
    let bin = |value| {
        let low_ns = histogram.lowest_equivalent(value);
        Bin {
            low_ns,
            high_ns: histogram.highest_equivalent(low_ns).saturating_add(1),
            count: histogram.count_at(value),
        }
    };
    histogram.iter_recorded().map(|bucket| bin(bucket.value_iterated_to())).collect()
}
