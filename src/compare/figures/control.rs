//! The control that a path is compared with.

use super::{Figure, Side, linear};
use crate::stats::estimate::Estimate;

/// A path's control in both runs, for an exchange of as many bytes.
pub(super) struct Control {
    statement: &'static str,
    pub(super) baseline_ns: f64,
    pub(super) candidate_ns: f64,
    /// The round trip to the same server, which is the control itself but for large entries.
    round_trip_ns: [f64; 2],
    /// The factors from a saved cost to one in terms of this control: baseline, candidate.
    factors: [f64; 2],
}

impl Control {
    pub(super) fn of(path: &str, baseline: &Side<'_>, candidate: &Side<'_>) -> Option<Self> {
        let own = [baseline.over_control(path)?, candidate.over_control(path)?];
        let sides = [baseline, candidate];
        let in_both = |statement: &str| own.iter().all(|over| over.control == statement);
        let ns = |statement: &str| {
            let [one, other] = sides.map(|side| side.control_ns(statement));
            Some([one?, other?])
        };
        if path == "mysql" {
            let round_trip_ns = ns("SELECT 1")?;
            return Some(Self::new("SELECT 1", round_trip_ns, round_trip_ns, [1.0; 2]));
        }
        let ping_ns = ns("PING")?;
        if !in_both("GET") {
            // Entries of one run may be large and those of the other small.
            let [one, other] = [0, 1].map(|at: usize| {
                let (side, over) = (sides.get(at)?, own.get(at)?);
                Some(side.control_ns(&over.control)? / side.control_ns("PING")?)
            });
            return Some(Self::new("PING", ping_ns, ping_ns, [one?, other?]));
        }
        // Linear in between: a round trip, and the same for each byte.
        let [baseline_ns, get_ns] = ns("GET")?;
        let bytes =
            |side: &Side<'_>| side.workload.value_bytes.filter(|bytes| *bytes > 0).map(|bytes| bytes as f64);
        let share = bytes(baseline).zip(bytes(candidate)).map_or(1.0, |(one, other)| one / other);
        let candidate_ns = ping_ns[1] + (get_ns - ping_ns[1]) * share;
        (candidate_ns > 0.0)
            .then(|| Self::new("GET", [baseline_ns, candidate_ns], ping_ns, [1.0, get_ns / candidate_ns]))
    }

    fn new(statement: &'static str, ns: [f64; 2], round_trip_ns: [f64; 2], factors: [f64; 2]) -> Self {
        let [baseline_ns, candidate_ns] = ns;
        Self { statement, baseline_ns, candidate_ns, round_trip_ns, factors }
    }

    /// candidate / baseline
    pub(super) fn ratio(&self) -> f64 {
        self.candidate_ns / self.baseline_ns
    }

    /// The time by which one exchange takes longer in the candidate, ns.
    pub(super) fn longer_ns(&self) -> f64 {
        self.candidate_ns - self.baseline_ns
    }

    /// The time that the way adds to a miss: it asks Redis three times, and sends a large entry
    /// once.
    pub(super) fn longer_miss_ns(&self) -> f64 {
        let [baseline, candidate] = self.round_trip_ns;
        3.0 * (candidate - baseline) + if self.statement == "GET" { self.longer_ns() } else { 0.0 }
    }

    pub(super) fn judged_by(&self, path: &str) -> String {
        let what = match self.statement {
            "GET" => "a bare GET of as many bytes",
            other => other,
        };
        match path {
            "cold" => format!("{what}, after the path mysql was subtracted, in the same rounds"),
            _ => format!("{what} in the same rounds"),
        }
    }

    pub(super) fn costs(&self, path: &str, figure: Figure, sides: [&Side<'_>; 2]) -> Option<[Estimate; 2]> {
        let cost = |side: &Side<'_>, factor: f64| {
            figure.over_control(side.over_control(path)?).map(|cost| linear(cost, factor, 0.0))
        };
        let [baseline, candidate] = sides;
        let [of_baseline, of_candidate] = self.factors;
        Some([cost(baseline, of_baseline)?, cost(candidate, of_candidate)?])
    }
}
