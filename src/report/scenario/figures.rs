//! The pictures of an experiment: what each arm did, side by side.

use super::{outage, stale, stampede};
use crate::report::blocks::{Block, Row, Section, Table, Tone};
use crate::report::figures::{Bar, Bars, Curve, Curves, Figure, Picture, Point};
use crate::report::numbers::UNKNOWN;
use crate::report::scale::Scale;
use crate::scenario_file::{Arm, Document};
use crate::units;

/// What each scenario is about; nothing for arms without its counts.
pub(in crate::report) fn figures(document: &Document) -> Vec<Section> {
    let found = match document.scenario.as_str() {
        "stale" => vec![stale_reads(document)],
        "stampede" => vec![loads_per_expiry(document)],
        "outage" => vec![failed_reads(document), waits(document)],
        "avalanche" => vec![peak_loads(document)],
        "metastable" => vec![answered_at_the_end(document)],
        "penetration" => vec![missing_loads(document)],
        "corrupt" => vec![bad_answers(document)],
        _ => Vec::new(),
    };
    let blocks: Vec<Block> =
        found.into_iter().flatten().map(|figure| Block::Figure(Box::new(figure))).collect();
    if blocks.is_empty() { Vec::new() } else { vec![Section::new(blocks)] }
}

/// A bar for each arm that has the number.
fn bars(
    document: &Document,
    [title, axis, caption]: [&str; 3],
    number: impl Fn(&Arm) -> Option<(f64, String)>,
) -> Option<Figure> {
    let bar = |arm: &Arm| {
        let (value, text) = number(arm)?;
        Some(Bar { label: arm.arm.clone(), tone: tone(&arm.arm), text, values: vec![value] })
    };
    let bars: Vec<Bar> = document.arms.iter().filter_map(bar).collect();
    if bars.is_empty() {
        return None;
    }
    let longest = bars.iter().flat_map(|bar| &bar.values).copied().fold(0.0, f64::max);
    let rows = bars.iter().map(|bar| Row::new(bar.label.clone(), vec![bar.text.clone()])).collect();
    Some(Figure {
        title: title.to_owned(),
        caption: caption.to_owned(),
        picture: Picture::Bars(Bars { scale: Scale::of_numbers(axis, longest), parts: Vec::new(), bars }),
        numbers: Table::of_numbers("arm", [axis], rows),
    })
}

/// The library's arms are cures, the others show the harm.
fn tone(arm: &str) -> Tone {
    match arm {
        "mysql" => Tone::Mysql,
        lease if lease.starts_with("lease") => Tone::Hit,
        _ => Tone::Disk,
    }
}

fn stale_reads(document: &Document) -> Option<Figure> {
    let texts = [
        "Stale reads by arm",
        "% of reads",
        "The share of reads that missed a write which had returned before they began.",
    ];
    bars(document, texts, |arm| {
        let found = arm.stale.as_ref()?;
        Some((found.stale_share.unwrap_or(0.0) * 100.0, stale::share(found)))
    })
}

fn loads_per_expiry(document: &Document) -> Option<Figure> {
    let texts = [
        "Loads whenever the value expired",
        "loads per expiry",
        "How often the database was asked for the same value each time it expired, on average. One is enough.",
    ];
    bars(document, texts, |arm| {
        let loads = arm.stampede.as_ref()?.loads_per_expiry?;
        Some((loads, stampede::loads(loads)))
    })
}

fn peak_loads(document: &Document) -> Option<Figure> {
    let window = super::config(document, "window_ms");
    let caption =
        format!("The most loads that began within {window} ms when values stored together expired.");
    let texts = ["The peak of loads", "loads", &caption];
    bars(document, texts, |arm| count(arm.avalanche?.peak_loads))
}

fn answered_at_the_end(document: &Document) -> Option<Figure> {
    let texts = [
        "Reads answered in the last second",
        "reads a second",
        "How much of the load is answered at the end, long after the cache was flushed.",
    ];
    bars(document, texts, |arm| {
        let rate = arm.metastable.as_ref()?.answered_at_the_end_per_s;
        Some((rate, units::rate(rate)))
    })
}

fn missing_loads(document: &Document) -> Option<Figure> {
    let texts = [
        "Loads of rows that do not exist",
        "loads",
        "How often the database was asked for a row that does not exist.",
    ];
    bars(document, texts, |arm| count(arm.penetration?.missing_loads))
}

fn bad_answers(document: &Document) -> Option<Figure> {
    let texts = [
        "Reads that damaged entries spoiled",
        "reads",
        "Wrong answers and failed reads together while cached values were being damaged.",
    ];
    bars(document, texts, |arm| {
        arm.corrupt.as_ref()?;
        count(arm.wrong_reads.saturating_add(arm.failed_reads))
    })
}

fn failed_reads(document: &Document) -> Option<Figure> {
    let texts = [
        "Failed reads while Redis was away",
        "reads",
        "Reads that got no answer while Redis was stopped or gone.",
    ];
    bars(document, texts, |arm| {
        let phases = outage::AWAY.iter().filter_map(|name| outage::phase(arm, name));
        arm.outage.as_ref()?;
        count(phases.fold(0, |failed, phase| phase.failed_reads.saturating_add(failed)))
    })
}

fn count(number: u64) -> Option<(f64, String)> {
    #[expect(clippy::cast_precision_loss, reason = "drawn")]
    Some((number as f64, units::count(number)))
}

/// p99 of each phase of an outage.
fn waits(document: &Document) -> Option<Figure> {
    let p99 = |arm: &Arm, name: &str| outage::phase(arm, name)?.latency_ms.as_ref()?.p99;
    let curve = |arm: &Arm| {
        let points: Vec<Point> = outage::PHASES
            .iter()
            .zip(0_u8..)
            .filter_map(|(name, index)| {
                let ns = p99(arm, name).map(|ms| ms * 1e6).filter(|ns| *ns > 0.0)?;
                Some(Point { x: f64::from(index), y: ns, interval: None })
            })
            .collect();
        (!points.is_empty()).then(|| Curve { label: arm.arm.clone(), tone: tone(&arm.arm), points })
    };
    let curves: Vec<Curve> = document.arms.iter().filter_map(curve).collect();
    let times = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.y);
    let (from, to) = (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max));
    if curves.is_empty() {
        return None;
    }
    let cell =
        |arm: &Arm, name: &str| p99(arm, name).map_or_else(|| UNKNOWN.to_owned(), |ms| outage::ms(Some(ms)));
    let row = |arm: &Arm| Row::new(arm.arm.clone(), outage::PHASES.map(|name| cell(arm, name)).to_vec());
    Some(Figure {
        title: "p99 until an answer or an error".to_owned(),
        caption:
            "Redis is stopped and continued, then killed and restarted; the curve shows p99 of each phase."
                .to_owned(),
        picture: Picture::Curves(Curves {
            x: Scale::of_names("phase", &outage::PHASES.map(str::to_owned)),
            y: Scale::of_durations(from, to),
            curves,
            levels: Vec::new(),
            bands: Vec::new(),
        }),
        numbers: Table::of_numbers("arm", outage::PHASES, document.arms.iter().map(row).collect()),
    })
}
