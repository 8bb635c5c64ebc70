//! Pictures as data: what is drawn, with the scale, its ticks and the same numbers as a table.
//! Renderers place these and compute no number.

use super::blocks::{Bin, Chart, Series, Table, Tone};
use super::scale::Scale;

/// A picture with the sentence below it and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) title: String,
    /// A sentence that helps to read it.
    pub(crate) caption: String,
    pub(crate) picture: Picture,
    /// The numbers of the picture.
    pub(crate) numbers: Table,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Picture {
    Distributions(Distributions),
    Curves(Curves),
    Bars(Bars),
    Intervals(Intervals),
}

/// Histograms of durations above each other on one scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distributions {
    pub(crate) scale: Scale,
    pub(crate) lanes: Vec<Distribution>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    /// The bins as they are in the document.
    pub(crate) lane: Series,
    /// The same reads by columns of equal width on the scale; empty columns are left out.
    pub(crate) columns: Vec<Span>,
    /// Mean and percentiles.
    pub(crate) marks: Vec<Mark>,
}

/// A number of durations between two ends, ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) count: u64,
}

/// A named place on a scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) label: String,
    pub(crate) at: f64,
    /// The number as it is printed.
    pub(crate) text: String,
}

/// Values over something, each with its interval.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curves {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) curves: Vec<Curve>,
    /// Values that do not depend on x.
    pub(crate) levels: Vec<Level>,
    /// Ranges of x.
    pub(crate) bands: Vec<Band>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    pub(crate) points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) interval: Option<[f64; 2]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    pub(crate) y: f64,
    pub(crate) interval: Option<[f64; 2]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Band {
    pub(crate) label: String,
    pub(crate) at: f64,
    pub(crate) interval: [f64; 2],
}

/// Horizontal bars, each made of parts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bars {
    pub(crate) scale: Scale,
    /// The names of the parts, in order; a single one needs no name.
    pub(crate) parts: Vec<String>,
    pub(crate) bars: Vec<Bar>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    /// The whole bar as it is printed.
    pub(crate) text: String,
    /// One for each part, from the left.
    pub(crate) values: Vec<f64>,
}

/// Values with their intervals on one scale, beside lines that they are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intervals {
    pub(crate) scale: Scale,
    pub(crate) lines: Vec<Mark>,
    pub(crate) rows: Vec<Interval>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) label: String,
    pub(crate) tone: Tone,
    pub(crate) text: String,
    pub(crate) value: f64,
    pub(crate) ends: [f64; 2],
}

impl Distributions {
    /// Distributions on the scale of a chart, without marks.
    pub(crate) fn new(chart: &Chart) -> Self {
        let scale = Scale::of_durations(chart.from_ns as f64, chart.to_ns as f64);
        let lanes = chart.lanes.iter().map(|lane| Distribution {
            columns: columns(lane.bins.as_deref().unwrap_or_default(), &scale),
            lane: lane.clone(),
            marks: Vec::new(),
        });
        let lanes = lanes.collect();
        Self { scale, lanes }
    }

    /// The chart that a terminal draws.
    pub(crate) fn chart(&self) -> Chart {
        let bins = || self.lanes.iter().filter_map(|lane| lane.lane.bins.as_ref().ok()).flatten();
        Chart {
            from_ns: bins().map(|bin| bin.low_ns).min().unwrap_or(1),
            to_ns: bins().map(|bin| bin.high_ns).max().unwrap_or(1),
            lanes: self.lanes.iter().map(|lane| lane.lane.clone()).collect(),
        }
    }
}

/// Columns on the whole of a scale.
const COLUMNS: usize = 100;

/// Puts each bin into the column that holds its middle. A bin beyond an end goes into the column at
/// that end, so that no read is lost.
fn columns(bins: &[Bin], scale: &Scale) -> Vec<Span> {
    let mut counts = [0_u64; COLUMNS];
    for bin in bins {
        let middle = (bin.low_ns as f64).max(1.0).midpoint(bin.high_ns as f64);
        let column = (scale.share(middle) * COLUMNS as f64).floor();
        let index = usize::try_from(crate::units::whole(column)).unwrap_or(0).min(COLUMNS - 1);
        if let Some(count) = counts.get_mut(index) {
            *count = count.saturating_add(bin.count);
        }
    }
    let edge = |index: usize| scale.value(index as f64 / COLUMNS as f64);
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    filled.map(|(index, count)| Span { from: edge(index), to: edge(index + 1), count: *count }).collect()
}

impl Figure {
    /// The figure with every text replaced.
    pub(crate) fn map_texts(&self, map: &dyn Fn(&str) -> String) -> Self {
        Self {
            title: map(&self.title),
            caption: map(&self.caption),
            picture: self.picture.map_texts(map),
            numbers: self.numbers.map_texts(map),
        }
    }
}

impl Picture {
    fn map_texts(&self, map: &dyn Fn(&str) -> String) -> Self {
        let mut picture = self.clone();
        let change = |text: &mut String| *text = map(text);
        match &mut picture {
            Self::Distributions(distributions) => {
                for lane in &mut distributions.lanes {
                    change(&mut lane.lane.label);
                    lane.lane.bins.as_mut().map_or_else(change, drop);
                    lane.marks.iter_mut().for_each(|mark| change(&mut mark.label));
                }
            }
            Self::Curves(curves) => {
                curves.curves.iter_mut().for_each(|curve| change(&mut curve.label));
                curves.levels.iter_mut().for_each(|level| change(&mut level.label));
                curves.bands.iter_mut().for_each(|band| change(&mut band.label));
            }
            Self::Bars(bars) => {
                bars.parts.iter_mut().for_each(change);
                let texts = bars.bars.iter_mut().flat_map(|bar| [&mut bar.label, &mut bar.text]);
                texts.for_each(change);
            }
            Self::Intervals(intervals) => {
                intervals.lines.iter_mut().for_each(|line| change(&mut line.label));
                let texts = intervals.rows.iter_mut().flat_map(|row| [&mut row.label, &mut row.text]);
                texts.for_each(change);
            }
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_read_is_in_a_column(
            lows in prop::collection::vec((0u64..4_000_000_000_000, 1u64..1_000), 0..60),
            from in 0u64..1_000_000,
            to: u64,
        ) {
            let bins: Vec<Bin> = lows
                .iter()
                .map(|(low, count)| Bin { low_ns: *low, high_ns: low + low / 1_000 + 1, count: *count })
                .collect();
            let reads: u64 = bins.iter().map(|bin| bin.count).sum();
            let lane = Series { label: String::new(), tone: Tone::Plain, mean_ns: None, bins: Ok(bins) };
            let drawn = Distributions::new(&Chart { from_ns: from, to_ns: to, lanes: vec![lane] });
            let columns = &drawn.lanes[0].columns;
            prop_assert_eq!(columns.iter().map(|column| column.count).sum::<u64>(), reads);
            prop_assert!(columns.windows(2).all(|pair| pair[0].to <= pair[1].from * (1.0 + 1e-9)));
        }
    }
}
