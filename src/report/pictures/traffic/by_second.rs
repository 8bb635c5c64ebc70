//! Curves of what each second was like.

use crate::report::blocks::{Block, Row, Table};
use crate::report::figures::{Curve, Curves, Picture, Point};
use crate::report::pictures::workload::figure;
use crate::report::scale::Scale;
use crate::report::traffic;
use crate::traffic_file::{Document, SecondRow, Strategy};
use crate::units::{self, count};

/// Points of a curve at most: of a longer load each one is the worst of several seconds.
const POINTS: usize = 120;

/// One number of each second.
#[derive(Clone, Copy)]
pub(super) struct Series {
    title: &'static str,
    caption: &'static str,
    axis: Axis,
    of: fn(&SecondRow) -> Option<f64>,
    /// The worse of two seconds.
    worse: fn(f64, f64) -> f64,
    /// Whether there is anything to see.
    is_drawn: fn(&Strategy) -> bool,
}

#[derive(Clone, Copy)]
enum Axis {
    Rates,
    Durations,
    Shares,
    Counts,
}

pub(super) const SERIES: [Series; 4] = [
    Series {
        title: "Operations done",
        caption: "Operations that were answered, by the second in which they were due.",
        axis: Axis::Rates,
        of: |row| Some(row.done as f64),
        worse: f64::min,
        is_drawn: |strategy| strategy.done > 0,
    },
    Series {
        title: "p99 of the response times",
        caption: "99 of 100 operations of the second took no longer (to 6 %).",
        axis: Axis::Durations,
        of: |row| row.response_p99_ns.filter(|ns| *ns > 0).map(|ns| ns as f64),
        worse: f64::max,
        is_drawn: |_| true,
    },
    Series {
        title: "Hit ratio",
        caption: "The share of the second's reads that the cache answered.",
        axis: Axis::Shares,
        of: |row| {
            let reads = row.hits.saturating_add(row.loads);
            (reads > 0).then(|| row.hits as f64 / reads as f64)
        },
        worse: f64::min,
        is_drawn: |strategy| strategy.hit_ratio.is_some(),
    },
    Series {
        title: "Stale reads",
        caption: "Reads of the second that missed a write which had returned before they began.",
        axis: Axis::Counts,
        of: |row| Some(row.stale_reads as f64),
        worse: f64::max,
        is_drawn: |strategy| strategy.stale_reads > 0,
    },
];

impl Axis {
    fn text(self, value: f64) -> String {
        match self {
            Self::Rates => units::rate(value),
            Self::Durations => units::duration(value),
            Self::Shares => format!("{} %", traffic::percent(value)),
            Self::Counts => count(units::whole(value)),
        }
    }

    fn scale(self, lowest: f64, highest: f64) -> Scale {
        match self {
            Self::Rates => Scale::of_numbers("operations a second", highest * 1.05),
            Self::Durations => {
                let mut scale = Scale::of_durations(lowest, highest);
                scale.title = "p99, logarithmic".to_owned();
                scale
            }
            Self::Shares => Scale::of_shares("hit ratio"),
            Self::Counts => Scale::of_numbers("stale reads a second", highest * 1.05),
        }
    }
}

/// The seconds that one point stands for, and its value.
struct Place {
    from: u64,
    to: u64,
    value: f64,
}

pub(super) fn by_second(document: &Document, series: &Series) -> Option<Block> {
    let drawn = || document.strategies.iter().filter(|strategy| (series.is_drawn)(strategy));
    let longest = drawn().map(|strategy| traffic::whole_seconds(strategy).len()).max()?;
    let each = longest.div_ceil(POINTS).max(1);
    let named: Vec<(&Strategy, Vec<Place>)> =
        drawn().map(|strategy| (strategy, places(strategy, series, each))).collect();
    let curve = |(strategy, places): &(&Strategy, Vec<Place>)| {
        let point = |place: &Place| Point { x: place.from as f64, y: place.value, interval: None };
        (places.len() > 1).then(|| Curve {
            label: strategy.label(),
            tone: traffic::tone(&strategy.strategy),
            points: places.iter().map(point).collect(),
        })
    };
    let curves: Vec<Curve> = named.iter().filter_map(curve).collect();
    let values = || curves.iter().flat_map(|curve| &curve.points);
    let highest = values().map(|point| point.y).fold(0.0, f64::max);
    let lowest = values().map(|point| point.y).fold(f64::INFINITY, f64::min);
    let last = values().map(|point| point.x).fold(1.0, f64::max);
    if curves.is_empty() {
        return None;
    }
    let numbers = table_by_second(&named, series);
    let worst = if each > 1 { format!(" Each point is the worst of {each} seconds.") } else { String::new() };
    let drawn = Curves {
        x: Scale::of_numbers("second", last),
        y: series.axis.scale(lowest, highest),
        curves,
        levels: Vec::new(),
        bands: Vec::new(),
    };
    Some(figure(series.title, &format!("{}{worst}", series.caption), Picture::Curves(drawn), numbers))
}

fn places(strategy: &Strategy, series: &Series, each: usize) -> Vec<Place> {
    let mut rows = traffic::whole_seconds(strategy);
    rows.sort_by_key(|row| row.second);
    let place = |rows: &[&SecondRow]| {
        let value = rows.iter().filter_map(|row| (series.of)(row)).reduce(series.worse)?;
        Some(Place { from: rows.first()?.second, to: rows.last()?.second, value })
    };
    rows.chunks(each).filter_map(place).collect()
}

fn table_by_second(named: &[(&Strategy, Vec<Place>)], series: &Series) -> Table {
    let mut seconds: Vec<(u64, u64)> =
        named.iter().flat_map(|(_, places)| places.iter().map(|place| (place.from, place.to))).collect();
    seconds.sort_unstable();
    seconds.dedup();
    let row = |(from, to): &(u64, u64)| {
        let cell = |(_, places): &(&Strategy, Vec<Place>)| {
            let found = places.iter().find(|place| (place.from, place.to) == (*from, *to));
            found.map_or(String::new(), |place| series.axis.text(place.value))
        };
        let label = if from == to { count(*from) } else { format!("{} to {}", count(*from), count(*to)) };
        Row::new(label, named.iter().map(cell).collect())
    };
    let titles = named.iter().map(|(strategy, _)| strategy.label());
    Table::of_numbers("second", titles, seconds.iter().map(row).collect())
}
