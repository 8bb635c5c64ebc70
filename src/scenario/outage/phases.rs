//! The phases of an arm: with Redis, without it, with it again, and all that twice.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Before,
    Stopped,
    Continued,
    Killed,
    Restarted,
    PrimaryKilled,
    TakenOver,
    SlotsMoving,
    SlotsMoved,
}

/// Those of an arm on a single server.
pub(super) const PHASES: [Phase; 5] =
    [Phase::Before, Phase::Stopped, Phase::Continued, Phase::Killed, Phase::Restarted];
/// Those of the arm in which a primary of a cluster is killed.
pub(super) const OF_FAILOVER: [Phase; 3] = [Phase::Before, Phase::PrimaryKilled, Phase::TakenOver];
/// Those of the arm in which slots of a cluster move.
pub(super) const OF_RESHARDING: [Phase; 3] = [Phase::Before, Phase::SlotsMoving, Phase::SlotsMoved];
/// Every phase, by its index.
pub(super) const ALL: [Phase; 9] = [
    Phase::Before,
    Phase::Stopped,
    Phase::Continued,
    Phase::Killed,
    Phase::Restarted,
    Phase::PrimaryKilled,
    Phase::TakenOver,
    Phase::SlotsMoving,
    Phase::SlotsMoved,
];
/// Those that begin with the return of Redis.
pub(super) const RETURNS: [Phase; 2] = [Phase::Continued, Phase::Restarted];

impl Phase {
    /// Its name in every output.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Stopped => "stopped",
            Self::Continued => "continued",
            Self::Killed | Self::PrimaryKilled => "killed",
            Self::Restarted => "restarted",
            Self::TakenOver => "taken-over",
            Self::SlotsMoving => "moving",
            Self::SlotsMoved => "moved",
        }
    }

    /// When it is due, in outages since the beginning; the ends of what happens to a cluster come
    /// by themselves.
    fn due(self) -> u32 {
        match self {
            Self::Before => 0,
            Self::Stopped | Self::PrimaryKilled | Self::SlotsMoving => 1,
            Self::Continued => 2,
            Self::Killed => 4,
            Self::Restarted => 5,
            Self::TakenOver | Self::SlotsMoved => 0,
        }
    }

    /// The phase of a read that began in this phase and ended in that one: the outage, if it met
    /// one.
    pub(super) fn or_met(self, ended_in: Self) -> Self {
        if matches!(ended_in, Self::Stopped | Self::Killed | Self::PrimaryKilled) { ended_in } else { self }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// Outages that an arm lasts: the last phase is twice as long as one.
pub(super) const DURATIONS: u16 = 7;

/// The length of an arm with outages of this length.
pub(super) fn length(outage: Duration) -> Duration {
    outage * u32::from(DURATIONS)
}

/// The phase of these that follows and is due.
pub(super) fn next(phases: &[Phase], now: Phase, elapsed: Duration, outage: Duration) -> Option<Phase> {
    let place = phases.iter().position(|phase| *phase == now)?;
    let next = phases.get(place + 1).copied()?;
    (elapsed >= outage * next.due()).then_some(next)
}

/// The phase that is, for all threads.
#[derive(Default)]
pub(super) struct Phases {
    now: AtomicUsize,
    began_ns: [AtomicU64; ALL.len()],
}

impl Phases {
    pub(super) fn now(&self) -> Phase {
        ALL.get(self.now.load(Ordering::SeqCst)).copied().unwrap_or(Phase::Before)
    }

    pub(super) fn begin(&self, phase: Phase, elapsed: Duration) {
        if let Some(began) = self.began_ns.get(phase.index()) {
            began.store(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
        self.now.store(phase.index(), Ordering::SeqCst);
    }

    /// Since the beginning; of a phase that has begun.
    pub(super) fn began(&self, phase: Phase) -> Duration {
        let ns = self.began_ns.get(phase.index()).map_or(0, |began| began.load(Ordering::SeqCst));
        Duration::from_nanos(ns)
    }
}

/// The time after `returned` until the last client had its first hit; none while one of them has
/// had none.
pub(super) fn at_all(
    first_hits: impl Iterator<Item = Option<Duration>>,
    returned: Duration,
) -> Option<Duration> {
    let last = first_hits.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    Some(last.saturating_sub(returned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_comes_when_it_is_due_and_none_is_left_out() {
        let s = Duration::from_secs;
        let mut now = Phase::Before;
        let mut began = Vec::new();
        for elapsed in 0..=15 {
            if let Some(phase) = next(&PHASES, now, s(elapsed), s(2)) {
                began.push((elapsed, phase.name()));
                now = phase;
            }
        }
        assert_eq!(began, [(2, "stopped"), (4, "continued"), (8, "killed"), (10, "restarted")]);
        assert_eq!(length(s(2)), s(2) * (Phase::Restarted.due() + 2));
        let first = |phases: &[Phase]| next(phases, Phase::Before, s(99), s(2));
        assert_eq!(first(&PHASES), Some(Phase::Stopped), "one after the other");
        assert_eq!(first(&OF_FAILOVER), Some(Phase::PrimaryKilled));
        assert_eq!(first(&OF_RESHARDING), Some(Phase::SlotsMoving));
        assert_eq!(next(&OF_FAILOVER, Phase::TakenOver, s(99), s(2)), None);
    }

    #[test]
    fn a_phase_is_found_by_its_index() {
        for (index, phase) in ALL.into_iter().enumerate() {
            let phases = Phases::default();
            phases.begin(phase, Duration::from_secs(1));
            assert_eq!((phase.index(), phases.now()), (index, phase));
        }
    }

    #[test]
    fn a_read_that_met_an_outage_belongs_to_it() {
        assert_eq!(Phase::Before.or_met(Phase::Stopped), Phase::Stopped);
        assert_eq!(Phase::Stopped.or_met(Phase::Continued), Phase::Stopped);
        assert_eq!(Phase::Continued.or_met(Phase::Continued), Phase::Continued);
    }

    #[test]
    fn all_is_well_when_the_last_client_has_a_hit() {
        let ms = Duration::from_millis;
        assert_eq!(at_all([Some(ms(30)), Some(ms(50))].into_iter(), ms(20)), Some(ms(30)));
        assert_eq!(at_all([Some(ms(30)), None].into_iter(), ms(20)), None);
        assert_eq!(at_all([].into_iter(), ms(20)), None);
    }
}
