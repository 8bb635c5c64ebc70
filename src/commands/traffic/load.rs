//! A load as it was typed: the times of its operations, and their keys.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

use super::super::console::Console;
use super::{Request, trace};
use crate::cli;
use crate::load_model::arrivals::DueTimes;
use crate::load_model::operations::{Kind, Mix};
use crate::load_model::popularity::Keys;
use crate::model::UsageError;
use crate::traffic::plan::{Plan, Source, TraceEvent};
use crate::units;

const DEFAULT_DURATION: Duration = Duration::from_secs(10);
const DEFAULT_KEYS: u32 = 10_000;
/// The share of writes among operations on rows of our own.
const DEFAULT_WRITES: f64 = 0.05;
/// More operations than anybody waits for.
const MOST_OPERATIONS: f64 = 200_000_000.0;

/// A load, before it is known how many keys there are.
pub(super) struct Load<'a> {
    arguments: &'a cli::Traffic,
    writes: f64,
    pace: Pace,
    duration: Duration,
}

enum Pace {
    Closed,
    Open(DueTimes),
    Trace { events: Arc<[TraceEvent]>, keys: u32 },
}

impl<'a> Load<'a> {
    /// Reads the trace, if there is one.
    pub(super) fn new(request: &Request<'a>, console: &Console) -> anyhow::Result<Self> {
        let arguments = request.arguments;
        let wanted = arguments.duration.unwrap_or(DEFAULT_DURATION);
        let (pace, duration) = match (&arguments.trace, arguments.rate) {
            (Some(path), _) => {
                let (events, keys) = trace::read(path, console)?;
                let (events, duration) = within(events, arguments.duration);
                if request.reads_only() && events.iter().any(|event| event.operation.kind == Kind::Write) {
                    bail!(
                        "the trace has writes, and workloads and queries are only read\n  \
                         leave the writes out of the trace, or leave out --workload and --query"
                    );
                }
                (Pace::Trace { events: events.into(), keys }, duration)
            }
            (None, Some(rate)) => {
                if rate * wanted.as_secs_f64() > MOST_OPERATIONS {
                    let message =
                        "--rate times --duration is more than 200,000,000 operations; choose less of either";
                    return Err(UsageError(message.to_owned()).into());
                }
                let law = arguments.arrivals.law();
                (Pace::Open(DueTimes::new(law, rate, wanted.as_secs_f64(), arguments.rng_seed)), wanted)
            }
            (None, None) => (Pace::Closed, wanted),
        };
        let usual = if request.reads_only() { 0.0 } else { DEFAULT_WRITES };
        Ok(Self { arguments, writes: arguments.writes.unwrap_or(usual), pace, duration })
    }

    /// Operations offered a second; none if that depends on what the servers can do.
    pub(super) fn mean_rate_per_s(&self) -> Option<f64> {
        match &self.pace {
            Pace::Closed => None,
            Pace::Open(_) => self.arguments.rate,
            Pace::Trace { events, .. } => Some(events.len() as f64 / self.duration.as_secs_f64()),
        }
    }

    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    /// None for a trace.
    pub(super) fn writes(&self) -> Option<f64> {
        (!matches!(self.pace, Pace::Trace { .. })).then_some(self.writes)
    }

    /// The load on something that has at most so many keys.
    pub(super) fn plan(&self, name: &str, most_keys: Option<u32>) -> anyhow::Result<Plan> {
        let arguments = self.arguments;
        let (asked, keys) = match (&self.pace, arguments.keys) {
            (Pace::Trace { keys, .. }, _) => ("the trace", *keys),
            (_, Some(keys)) => ("--keys", keys),
            (_, None) => ("", DEFAULT_KEYS.min(most_keys.unwrap_or(u32::MAX))),
        };
        if let Some(most) = most_keys.filter(|most| keys > *most) {
            bail!(
                "{name} has {}, fewer than the {} of {asked}",
                units::counted(u64::from(most), "key", "keys"),
                units::count(u64::from(keys))
            );
        }
        let mix = || Mix {
            keys: Keys::new(arguments.popularity, keys, arguments.rng_seed),
            writes: self.writes,
            rng_seed: arguments.rng_seed,
        };
        let source = match &self.pace {
            Pace::Closed => Source::Closed(mix()),
            Pace::Open(due) => Source::Open { mix: mix(), due: due.clone() },
            Pace::Trace { events, .. } => Source::Trace(Arc::clone(events)),
        };
        Ok(Plan {
            source,
            keys,
            clients: arguments.clients,
            duration: self.duration,
            ttl_s: arguments.ttl,
            cold: arguments.cold || arguments.trace.is_some(),
            late: arguments.late,
            rng_seed: arguments.rng_seed,
        })
    }
}

/// The events of a trace that fall into the time, and the time that they take.
fn within(mut events: Vec<TraceEvent>, duration: Option<Duration>) -> (Vec<TraceEvent>, Duration) {
    if let Some(limit) = duration.and_then(|limit| u64::try_from(limit.as_nanos()).ok()) {
        let end = events.partition_point(|event| event.due_ns <= limit);
        events.truncate(end);
    }
    let last_ns = events.last().map_or(0, |event| event.due_ns);
    let length = duration.unwrap_or(Duration::from_nanos(last_ns.saturating_add(1)));
    (events, length.max(Duration::from_millis(1)))
}
