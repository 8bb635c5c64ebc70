//! The plan: the operations, their times, the clients and the duration.

use std::sync::Arc;
use std::time::Duration;

use crate::load_model::arrivals::DueTimes;
use crate::load_model::operations::{Mix, Operation};

/// The load of one trial; the same for every strategy.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    /// Different keys, numbered from 0.
    pub(crate) keys: u32,
    pub(crate) clients: u16,
    pub(crate) duration: Duration,
    pub(crate) ttl_s: f64,
    /// Begin with an empty cache.
    pub(crate) cold: bool,
    /// The longest wait for a client; an operation that waits longer is given up.
    pub(crate) late: Option<Duration>,
    pub(crate) rng_seed: u64,
}

impl Plan {
    /// The lifetime of entries.
    pub(crate) fn ttl(&self) -> Duration {
        Duration::from_secs_f64(self.ttl_s.clamp(1e-3, 1e9))
    }
}

/// The source of operations.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Each client goes on as soon as it has its answer.
    Closed(Mix),
    /// Operations are due at instants that were fixed before, whatever the answers take.
    Open { mix: Mix, due: DueTimes },
    /// A schedule like that of an open loop, from a trace.
    Trace(Arc<[TraceEvent]>),
}

/// One read or write of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceEvent {
    pub(crate) due_ns: u64,
    pub(crate) operation: Operation,
}

/// An operation, and when it is due; without an instant it is due when a client takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) due_ns: Option<u64>,
    pub(crate) operation: Operation,
}

impl Source {
    /// None for a trace.
    pub(crate) fn mix(&self) -> Option<&Mix> {
        match self {
            Self::Closed(mix) | Self::Open { mix, .. } => Some(mix),
            Self::Trace(_) => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Self::Closed(_))
    }

    /// Operation `number`; none beyond the last.
    pub(crate) fn next(&self, number: u64) -> Option<Next> {
        match self {
            Self::Closed(mix) => Some(Next { due_ns: None, operation: mix.operation(number) }),
            Self::Open { mix, due } => {
                due.due_ns(number).map(|ns| Next { due_ns: Some(ns), operation: mix.operation(number) })
            }
            Self::Trace(events) => {
                let event = usize::try_from(number).ok().and_then(|index| events.get(index))?;
                Some(Next { due_ns: Some(event.due_ns), operation: event.operation })
            }
        }
    }

    fn due_ns(&self, number: u64) -> Option<u64> {
        match self {
            Self::Closed(_) => None,
            Self::Open { due, .. } => due.due_ns(number),
            Self::Trace(_) => self.next(number)?.due_ns,
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Closed(_) => 0,
            Self::Open { due, .. } => due.count(),
            Self::Trace(events) => events.len() as u64,
        }
    }

    /// The number of operations that are due before an instant; none in a closed loop.
    pub(crate) fn due_before(&self, instant_ns: u64) -> Option<u64> {
        if !self.is_open() {
            return None;
        }
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.due_ns(middle).is_some_and(|due| due < instant_ns) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        Some(low)
    }

    /// The number of operations that are due in each second up to an instant; nothing in a closed
    /// loop.
    pub(crate) fn due_by_second(&self, end_ns: u64) -> Vec<u64> {
        const SECOND_NS: u64 = 1_000_000_000;
        let after_ns = end_ns.saturating_add(1);
        let before = |second: u64| self.due_before(second.saturating_mul(SECOND_NS).min(after_ns));
        let due = |second| Some(before(second + 1)? - before(second)?);
        let mut seconds: Vec<u64> = (0..after_ns.div_ceil(SECOND_NS)).filter_map(due).collect();
        // The last instant begins a second of its own if the others are whole ones.
        if end_ns.is_multiple_of(SECOND_NS) && seconds.last() == Some(&0) {
            seconds.pop();
        }
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_model::arrivals::Arrivals;
    use crate::load_model::operations::Kind;
    use crate::load_model::popularity::{Keys, Popularity};

    #[test]
    fn what_is_due_is_counted_by_its_instants() {
        let mix = Mix { keys: Keys::new(Popularity::Uniform, 10, 1), writes: 0.0, rng_seed: 1 };
        let due = DueTimes::new(Arrivals::Poisson, 100.0, 10.0, 3);
        let open = Source::Open { mix: mix.clone(), due };
        let counted =
            |ns: u64| (0..1_000).filter(|k| open.next(*k).unwrap().due_ns.unwrap() < ns).count() as u64;
        for ns in [0, 1, 1_000_000_000, 5_500_000_000, 10_000_000_000, u64::MAX] {
            assert_eq!(open.due_before(ns), Some(counted(ns)), "{ns}");
        }
        let by_second = open.due_by_second(10_000_000_000);
        assert_eq!((by_second.len(), by_second.iter().sum::<u64>()), (10, 1_000));
        assert_eq!(open.due_by_second(2_500_000_000).iter().sum::<u64>(), counted(2_500_000_001));
        assert_eq!(open.next(1_000), None);
        assert_eq!(Source::Closed(mix).due_before(5), None);
        let operation = Operation { id: 0, kind: Kind::Read };
        let events = [0, 5, 5, 9].map(|due_ns| TraceEvent { due_ns, operation });
        let trace = Source::Trace(events.into());
        assert_eq!([0, 5, 6, 10].map(|ns| trace.due_before(ns)), [Some(0), Some(1), Some(3), Some(4)]);
        assert_eq!(trace.due_by_second(9), [4]);
        let last = TraceEvent { due_ns: 1_000_000_000, operation };
        assert_eq!(Source::Trace([last].into()).due_by_second(1_000_000_000), [0, 1]);
    }
}
