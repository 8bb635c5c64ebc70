//! Limits and hit ratios of a trace, from simulated caches.

use super::costs::Costs;
use super::document::{Document, Losses, Target, Trace};
use super::predict::{Row, Wanted, document, limits, of_trace};
use crate::load_model::trace::Counts;
use crate::load_model::trace_curve::{Curve, SizePoint};

/// Operations a second of a trace that takes no time, as without a trace.
const UNKNOWN_RATE_PER_S: f64 = 1_000.0;

/// The result of one pass over a trace, whatever the size of the cache.
#[derive(Clone, Debug)]
pub(crate) struct TraceSummary {
    pub(crate) counts: Counts,
    pub(crate) duration_s: f64,
    /// The curve of a cache with room for everything whose entries do not expire.
    pub(crate) endless: Curve,
    pub(crate) ttl_s: Option<f64>,
    /// Reads and writes a second; else those of the trace.
    pub(crate) rate_per_s: Option<f64>,
}

/// The sizes to simulate.
#[derive(Clone, Debug)]
pub(crate) struct TraceSizes {
    limits: Vec<f64>,
    /// One for each limit, and at last one with room for everything.
    pub(crate) entries: Vec<u32>,
}

/// The caches that a search for a hit ratio tries at a time.
const TRIALS: u32 = 8;

impl TraceSummary {
    /// The sizes of all limits.
    pub(crate) fn sizes(&self, costs: &Costs, wanted: &Wanted) -> TraceSizes {
        let memory = costs.memory();
        let limits = limits(wanted, memory, self.endless.keys);
        let entries = limits.iter().map(|bytes| count(memory.entries(*bytes))).chain([u32::MAX]).collect();
        TraceSizes { limits, entries }
    }

    /// Sizes between which the hit ratio is reached; none if no size reaches it, or it is reached
    /// by one entry.
    pub(crate) fn sizes_around(&self, known: &[SizePoint], hit_ratio: f64) -> Option<Vec<u32>> {
        let mut points: Vec<SizePoint> = known.to_vec();
        points.sort_by_key(|point| point.entries);
        let reaches = points.iter().position(|point| point.hit_ratio >= hit_ratio)?;
        let above = points[reaches].entries.min(count(self.endless.keys.ceil() * 1.05));
        let below =
            reaches.checked_sub(1).and_then(|index| points.get(index)).map_or(0, |point| point.entries);
        let step = f64::from(above.saturating_sub(below)) / f64::from(TRIALS);
        Some((1..=TRIALS).map(|part| below + count((step * f64::from(part)).ceil())).collect())
    }

    fn document(&self, exact: bool) -> Trace {
        Trace {
            lines: self.counts.lines,
            reads: self.counts.reads,
            writes: self.counts.writes,
            skipped_lines: self.counts.skipped,
            out_of_order: self.counts.out_of_order,
            duration_s: self.duration_s,
            exact,
        }
    }
}

fn count(number: f64) -> u32 {
    u32::try_from(crate::units::whole(number)).unwrap_or(u32::MAX)
}

/// Predicts every limit from the curve of its sizes. `around` are points near the wanted hit ratio.
pub(crate) fn predict_trace(
    costs: &Costs,
    summary: &TraceSummary,
    sizes: &TraceSizes,
    curve: &Curve,
    wanted: &Wanted,
    around: &[SizePoint],
) -> Document {
    let memory = costs.memory();
    let maxmemory = sizes.limits.iter().map(|bytes| Some(*bytes)).chain([None]);
    let rows: Vec<Row> = maxmemory
        .zip(&curve.points)
        .map(|(maxmemory_bytes, point)| Row {
            maxmemory_bytes,
            entries: f64::from(point.entries).min(curve.keys),
            hit_ratio: point.hit_ratio,
            unread_s: None,
        })
        .collect();
    let counts = summary.counts;
    let operations = (counts.reads + counts.writes) as f64;
    let rate = summary.rate_per_s.unwrap_or(match summary.duration_s {
        // All of it happens at one instant.
        0.0 => UNKNOWN_RATE_PER_S,
        duration_s => operations / duration_s,
    });
    let writes = counts.writes as f64 / operations;
    let endless = summary.endless.points.first().map_or(0.0, |point| point.hit_ratio);
    let unlimited = rows.last().map_or(0.0, |row| row.hit_ratio);
    let first_reads = summary.endless.first_reads;
    let losses = Losses {
        first_reads,
        writes: (1.0 - first_reads - endless).max(0.0),
        expiry: (endless - unlimited).max(0.0),
    };
    let target = wanted.hit_ratio.map(|hit_ratio| {
        let smallest =
            around.iter().filter(|point| point.hit_ratio >= hit_ratio).map(|point| point.entries).min();
        let entries = smallest.map(f64::from);
        Target { hit_ratio, maxmemory_bytes: entries.map(|entries| memory.limit_for(entries)), entries }
    });
    let trace = summary.document(curve.exact && summary.endless.exact);
    let load = of_trace(trace, rate, writes, summary.ttl_s);
    document(costs, curve.keys, load, &rows, rate * (1.0 - writes), losses, target)
}

#[cfg(test)]
mod tests {
    use super::super::predict::tests::costs;
    use super::*;
    use crate::load_model::operations::Kind;
    use crate::load_model::trace::Event;
    use crate::load_model::trace_curve::TraceCurve;

    /// A hundred keys in a circle: nothing but a cache for all of them ever hits.
    fn circle(take: &mut dyn FnMut(&Event)) {
        for number in 0..10_000_u32 {
            take(&Event {
                time_s: f64::from(number),
                key_hash: u64::from(number % 100) + 1,
                kind: Kind::Read,
            });
        }
    }

    #[test]
    fn a_circle_needs_room_for_all_of_it() {
        let mut endless = TraceCurve::new(&[u32::MAX], None);
        circle(&mut |event| endless.add(event));
        let summary = TraceSummary {
            counts: Counts { lines: 10_000, reads: 10_000, ..Counts::default() },
            duration_s: 9_999.0,
            endless: endless.finish(),
            ttl_s: None,
            rate_per_s: None,
        };
        let half = costs().memory().limit_for(50.0);
        let wanted = Wanted { limits: vec![half], hit_ratio: Some(0.9) };
        let sizes = summary.sizes(&costs(), &wanted);
        let mut curve = TraceCurve::new(&sizes.entries, None);
        circle(&mut |event| curve.add(event));
        let curve = curve.finish();
        let around = summary.sizes_around(&curve.points, 0.9).unwrap();
        let mut fine = TraceCurve::new(&around, None);
        circle(&mut |event| fine.add(event));
        let document = predict_trace(&costs(), &summary, &sizes, &curve, &wanted, &fine.finish().points);
        let (limits, target) = (&document.limits, document.target.unwrap());
        assert!((limits[limits.len() - 1].hit_ratio - 0.99).abs() < 1e-9);
        assert_eq!(limits[0].hit_ratio, 0.0);
        assert!((document.losses.first_reads - 0.01).abs() < 1e-9);
        assert!(target.entries.is_some_and(|entries| (100.0..=105.0).contains(&entries)), "{target:?}");
        assert!((document.load.rate_per_s - 1.0).abs() < 0.01);
    }
}
