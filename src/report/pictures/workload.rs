//! The pictures of one workload: distributions, the mean at every hit ratio, phases, codecs and
//! percentiles.

use std::collections::BTreeMap;

use super::run::table;
use crate::model::phase::Phase;
use crate::report::bench::{codecs, phases, summary, table as paths, verified, workload};
use crate::report::blocks::{Align, Block, Heading, Row, Section, Table, Tone};
use crate::report::charts;
use crate::report::figures::{
    Band, Bar, Bars, Curve, Curves, Distributions, Figure, Level, Mark, Picture, Point,
};
use crate::report::numbers::{NONE, UNKNOWN, duration, hit_ratio, mean_ns, measured, percent, percentile};
use crate::report::scale::Scale;
use crate::run_file::{CurvePoint, HitRatio, PathRun, WorkloadRun};
use crate::units;

/// Percentiles that are marked on a distribution.
const MARKED: [&str; 3] = ["50", "95", "99"];
/// Percentiles that are drawn as a curve.
const DRAWN: [&str; 5] = ["50", "90", "95", "99", "99.9"];

/// `codecs` are the runs of one workload, one for each codec.
pub(super) fn sections(codecs: &[WorkloadRun], basis: summary::Basis) -> Vec<Section> {
    let Some(first) = codecs.first() else { return Vec::new() };
    let named = paths::named(codecs);
    let mut blocks: Vec<Block> = distributions(&named).into_iter().collect();
    blocks.extend(paths::numbers(&named));
    blocks.extend(hit_ratios(codecs, basis));
    blocks.extend(codecs.iter().filter_map(|run| verified::sentence(run, codecs.len() > 1)));
    blocks.extend(codecs.iter().filter_map(|run| workload::at_distance(run, codecs.len() > 1)));
    blocks.extend(phases_of(&named));
    blocks.extend(codecs_of(codecs));
    blocks.extend(percentiles(&named));
    let failures = phases::failures(codecs);
    let heading: Heading = workload::heading(first, codecs.len());
    let section = Section { heading: Some(heading), blocks, ..Section::default() };
    std::iter::once(section).chain(failures).collect()
}

pub(super) fn figure(title: &str, caption: &str, picture: Picture, numbers: Table) -> Block {
    let (title, caption) = (title.to_owned(), caption.to_owned());
    Block::Figure(Box::new(Figure { title, caption, picture, numbers }))
}

/// Every read of every path on one scale.
fn distributions(named: &[paths::Named<'_>]) -> Option<Block> {
    let read: Vec<paths::Named<'_>> =
        named.iter().filter(|(.., path)| path.operations > 0).cloned().collect();
    let mut drawn = Distributions::new(&charts::of_paths(&read, charts::ALL)?);
    for (lane, (.., path)) in drawn.lanes.iter_mut().zip(&read) {
        lane.marks = marks(mean_ns(path), &path.percentiles_ns);
    }
    let numbers = columns(&drawn);
    Some(figure(
        "How long reads took",
        "Each column holds the reads of one range of times; all paths share the scale. The highest column of each path is \
         equally high. The triangle marks the mean, the lines p50, p95 and p99.",
        Picture::Distributions(drawn),
        numbers,
    ))
}

pub(super) fn marks(mean_ns: Option<f64>, percentiles_ns: &BTreeMap<String, Option<u64>>) -> Vec<Mark> {
    let mark = |label: String, at: Option<f64>| Some(Mark { label, at: at?, text: units::duration(at?) });
    let mean = mark("mean".to_owned(), mean_ns);
    let percentiles =
        MARKED.iter().filter_map(|name| mark(format!("p{name}"), percentile(percentiles_ns, name)));
    mean.into_iter().chain(percentiles).collect()
}

/// The durations in each column of each lane.
pub(super) fn columns(drawn: &Distributions) -> Table {
    let mut ends: Vec<[f64; 2]> =
        drawn.lanes.iter().flat_map(|lane| &lane.columns).map(|span| [span.from, span.to]).collect();
    ends.sort_by(|one, other| one[0].total_cmp(&other[0]));
    ends.dedup_by(|one, other| one[0].to_bits() == other[0].to_bits());
    let rows = ends.iter().map(|[from, to]| {
        let count = |lane: &crate::report::figures::Distribution| {
            let found = lane.columns.iter().find(|span| span.from.to_bits() == from.to_bits());
            found.map_or(String::new(), |span| units::count(span.count))
        };
        let cells = std::iter::once(units::duration(*to)).chain(drawn.lanes.iter().map(count));
        Row::new(units::duration(*from), cells.collect())
    });
    let lanes = drawn.lanes.iter().map(|lane| lane.lane.label.clone());
    Table::of_numbers("from", std::iter::once("to".to_owned()).chain(lanes), rows.collect())
}

/// The expected mean read at every hit ratio, beside the mean without a cache.
fn hit_ratios(codecs: &[WorkloadRun], basis: summary::Basis) -> Option<Block> {
    let several = codecs.len() > 1;
    let curves: Vec<Curve> = codecs.iter().filter_map(|run| curve(run, several)).collect();
    let mysql = codecs.iter().find_map(|run| measured(run, "mysql"));
    let level = mysql.and_then(|path| {
        Some(Level {
            label: format!("MySQL {}", duration(path.mean_ns)),
            tone: Tone::Mysql,
            y: path.mean_ns?,
            interval: path.mean_ci95_ns,
        })
    });
    if curves.is_empty() {
        return None;
    }
    let highest = curves
        .iter()
        .flat_map(|curve| &curve.points)
        .flat_map(|point| [point.y, point.interval.map_or(point.y, |[_, high]| high)]);
    let top = highest.chain(level.as_ref().map(|level| level.y)).fold(0.0, f64::max);
    let bands = codecs.iter().filter_map(|run| band(run, several));
    let note = match basis {
        summary::Basis::Means => "",
        summary::Basis::Typical => " Means: on this noisy machine the summary uses typical reads instead.",
    };
    let caption = format!(
        "The mean read at each hit ratio, expected from the misses and the hits that were measured. Where the curve is below \
         the line of MySQL, Redis saves time; the band is the interval of the hit ratio at which both are equal.{note}"
    );
    let numbers = hit_ratio_table(codecs);
    let drawn = Curves {
        x: Scale::of_shares("hit ratio"),
        y: Scale::of_durations_from_zero("mean read", top * 1.05),
        curves,
        levels: level.into_iter().collect(),
        bands: bands.collect(),
    };
    Some(figure("Mean read by hit ratio", &caption, Picture::Curves(drawn), numbers))
}

fn curve(run: &WorkloadRun, several: bool) -> Option<Curve> {
    let point = |point: &CurvePoint| {
        Some(Point { x: point.hit_percent as f64 / 100.0, y: point.mean_ns?, interval: point.mean_ci95_ns })
    };
    let mut points: Vec<Point> = run.hit_ratio_curve.iter().filter_map(point).collect();
    points.sort_by(|one, other| one.x.total_cmp(&other.x));
    let label = if several { format!("through Redis, {}", run.codec) } else { "through Redis".to_owned() };
    (points.len() > 1).then_some(Curve { label, tone: Tone::Hit, points })
}

fn band(run: &WorkloadRun, several: bool) -> Option<Band> {
    let HitRatio { value, ci95 } = run.break_even_hit_ratio?;
    let codec = if several { format!(" ({})", run.codec) } else { String::new() };
    let label = format!("equal at {}{codec}", hit_ratio(&HitRatio { value, ci95 }));
    Some(Band { label, at: value, interval: ci95 })
}

fn hit_ratio_table(codecs: &[WorkloadRun]) -> Table {
    let several = codecs.len() > 1;
    let mut shares: Vec<u64> =
        codecs.iter().flat_map(|run| &run.hit_ratio_curve).map(|point| point.hit_percent).collect();
    shares.sort_unstable();
    shares.dedup();
    let with_codec =
        |title: &str, codec: &str| if several { format!("{title}, {codec}") } else { title.to_owned() };
    let titles = codecs
        .iter()
        .flat_map(|run| ["mean read", "95 % from", "95 % to"].map(|title| with_codec(title, &run.codec)));
    let cells = |run: &WorkloadRun, share: u64| {
        let point = run.hit_ratio_curve.iter().find(|point| point.hit_percent == share);
        let end = |end: usize| duration(point.and_then(|point| Some(point.mean_ci95_ns?[end.min(1)])));
        [duration(point.and_then(|point| point.mean_ns)), end(0), end(1)]
    };
    let row = |share: &u64| {
        Row::new(format!("{share} %"), codecs.iter().flat_map(|run| cells(run, *share)).collect())
    };
    let rows = shares.iter().map(row).collect();
    Table::of_numbers("hit ratio", titles, rows).without_blank_columns(&[UNKNOWN])
}

/// The phases of a read: each path as a bar made of them.
fn phases_of(named: &[paths::Named<'_>]) -> Option<Block> {
    let split: Vec<&paths::Named<'_>> =
        named.iter().filter(|(.., path)| !path.parts_mean_ns.is_empty() && path.operations > 0).collect();
    if !split.iter().any(|(.., path)| path.parts_mean_ns.len() > 1) {
        return None;
    }
    let known = |name: &&str| split.iter().any(|(.., path)| path.parts_mean_ns.contains_key(*name));
    let parts: Vec<&str> = Phase::ALL.iter().map(|part| part.name()).filter(known).collect();
    let of = |path: &PathRun, part: &str| path.parts_mean_ns.get(part).copied();
    let bars = split.iter().map(|(label, tone, path)| Bar {
        label: label.clone(),
        tone: *tone,
        text: duration(mean_ns(path)),
        values: parts.iter().map(|part| of(path, part).unwrap_or(0.0)).collect(),
    });
    let bars: Vec<Bar> = bars.collect();
    let longest = bars.iter().map(|bar| bar.values.iter().sum()).fold(0.0, f64::max);
    let rows = split.iter().map(|(label, _, path)| {
        let cell = |part: &&str| of(path, part).map_or(NONE.to_owned(), |ns| share_of(ns, path.mean_ns));
        Row::new(label.clone(), parts.iter().map(cell).collect())
    });
    let numbers = Table::of_numbers("", parts.iter().copied(), rows.collect());
    Some(figure(
        "Where the time goes",
        "The mean time of each phase. get: the question to Redis and its whole answer; decode: checking and decoding the \
         entry; lease: the reservation of a miss; query: MySQL; encode and set: making and storing the entry.",
        Picture::Bars(Bars {
            scale: Scale::of_durations_from_zero("mean time", longest),
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            bars,
        }),
        numbers,
    ))
}

/// `20.1 µs, 75 %`
fn share_of(ns: f64, mean_ns: Option<f64>) -> String {
    let share = mean_ns.filter(|mean| *mean > 0.0).map(|mean| format!(", {} %", percent(ns / mean)));
    format!("{}{}", units::duration(ns), share.unwrap_or_default())
}

/// Encoding and decoding side by side.
fn codecs_of(codecs: &[WorkloadRun]) -> Option<Block> {
    let Block::Table(numbers) = codecs::block(codecs)? else { return None };
    let time = |run: &WorkloadRun, path: &str, part: Phase| {
        measured(run, path).and_then(|path| path.parts_mean_ns.get(part.name()).copied())
    };
    let bar = |run: &WorkloadRun| {
        let (encode, decode) = (time(run, "cold", Phase::Encode), time(run, "warm", Phase::Decode));
        let bytes = run.value_bytes.map(|bytes| format!("{} in Redis", units::bytes(bytes as f64)));
        Bar {
            label: run.codec.clone(),
            tone: Tone::Plain,
            text: bytes.unwrap_or_default(),
            values: vec![encode.unwrap_or(0.0), decode.unwrap_or(0.0)],
        }
    };
    let bars: Vec<Bar> = codecs.iter().map(bar).collect();
    let longest = bars.iter().map(|bar| bar.values.iter().sum()).fold(0.0, f64::max);
    let parts = ["encode (in a miss)", "decode (in a hit)"].map(str::to_owned).to_vec();
    let scale = Scale::of_durations_from_zero("mean time", longest);
    Some(figure(
        "Codecs side by side",
        "The mean time to encode an answer and to decode it again.",
        Picture::Bars(Bars { scale, parts, bars }),
        numbers,
    ))
}

/// Percentiles up to p99.9, as far as the reads carry them.
fn percentiles(named: &[paths::Named<'_>]) -> Option<Block> {
    let curve = |(label, tone, path): &paths::Named<'_>| {
        let point = |(index, name): (usize, &&str)| {
            let y = percentile(&path.percentiles_ns, name)?;
            let interval = path.percentiles_ci95_ns.get(*name).copied().flatten();
            Some(Point { x: index as f64, y, interval })
        };
        let points: Vec<Point> = DRAWN.iter().enumerate().filter_map(point).collect();
        (!points.is_empty()).then(|| Curve { label: label.clone(), tone: *tone, points })
    };
    let curves: Vec<Curve> = named.iter().filter_map(curve).collect();
    let values = || {
        let points = curves.iter().flat_map(|curve| &curve.points);
        points.flat_map(|point| point.interval.unwrap_or([point.y; 2])).filter(|ns| *ns > 0.0)
    };
    let (from, to) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if curves.is_empty() || from > to {
        return None;
    }
    let rows = named.iter().filter(|(.., path)| path.operations > 0).flat_map(|(label, _, path)| {
        let interval = |name: &str| path.percentiles_ci95_ns.get(name).copied().flatten();
        let cell = |name: &&str| duration(percentile(&path.percentiles_ns, name));
        let end = |end: usize| {
            move |name: &&str| interval(name).map_or(String::new(), |ends| units::duration(ends[end.min(1)]))
        };
        [
            Row::new(label.clone(), DRAWN.iter().map(cell).collect()),
            Row::new("95 % from", DRAWN.iter().map(end(0)).collect()),
            Row::new("95 % to", DRAWN.iter().map(end(1)).collect()),
        ]
    });
    let titles: Vec<String> = DRAWN.iter().map(|name| format!("p{name}")).collect();
    let columns: Vec<(&str, Align)> = titles.iter().map(|title| (title.as_str(), Align::Right)).collect();
    let numbers = table("", &columns, rows.collect());
    let drawn = Curves {
        x: Scale::of_names("share of reads that took no longer", &titles),
        y: Scale::of_durations(from, to),
        curves,
        levels: Vec::new(),
        bands: Vec::new(),
    };
    Some(figure(
        "Percentiles",
        "99 of 100 reads took no longer than p99. Percentiles that too few reads carry are left out.",
        Picture::Curves(drawn),
        numbers,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;

    fn figures(codecs: &[WorkloadRun]) -> Vec<Figure> {
        let blocks = sections(codecs, summary::Basis::Means).into_iter().flat_map(|section| section.blocks);
        blocks
            .filter_map(|block| match block {
                Block::Figure(figure) => Some(*figure),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_read_is_drawn() {
        let run = sample_runs::full(1_000);
        for workload in &run.workloads {
            let figures = figures(std::slice::from_ref(workload));
            let Some(Picture::Distributions(drawn)) = figures.first().map(|figure| &figure.picture) else {
                panic!("the distributions come first")
            };
            for (lane, path) in drawn.lanes.iter().zip(paths::named(std::slice::from_ref(workload))) {
                let reads: u64 = lane.columns.iter().map(|column| column.count).sum();
                assert_eq!(reads, path.2.operations, "{}", lane.lane.label);
                assert_eq!(lane.marks.len(), 4, "{:?}", lane.marks);
            }
        }
    }

    #[test]
    fn what_was_not_measured_is_not_drawn() {
        assert!(figures(&sample_runs::full(0).workloads[..1]).is_empty());
        let titles: Vec<String> =
            figures(&sample_runs::full(1).workloads[..1]).into_iter().map(|figure| figure.title).collect();
        assert!(!titles.contains(&"Percentiles".to_owned()), "{titles:?}");
    }

    #[test]
    fn the_bars_add_up_to_what_was_timed() {
        let run = sample_runs::full(1_000);
        let figures = figures(&run.workloads[1..]);
        let bars = figures.iter().find_map(|figure| match &figure.picture {
            Picture::Bars(bars) => Some(bars),
            _ => None,
        });
        for (bar, (.., path)) in bars.unwrap().bars.iter().zip(paths::named(&run.workloads[1..])) {
            let sum: f64 = path.parts_mean_ns.values().sum();
            assert!((bar.values.iter().sum::<f64>() / sum - 1.0).abs() < 1e-9, "{}", bar.label);
        }
    }
}
