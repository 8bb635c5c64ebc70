//! Takes Redis away and gives it back when that is due, on the thread that owns the sandbox.

use std::time::{Duration, Instant};

use super::phases::{PHASES, Phase, Phases, RETURNS, next};
use crate::sandbox::Sandbox;

pub(super) struct FaultInjector<'a> {
    sandbox: &'a mut Sandbox,
    phases: &'a Phases,
    outage: Duration,
    failed: Option<anyhow::Error>,
}

impl<'a> FaultInjector<'a> {
    pub(super) fn new(sandbox: &'a mut Sandbox, phases: &'a Phases, outage: Duration) -> Self {
        Self { sandbox, phases, outage, failed: None }
    }

    /// Does what is due.
    pub(super) fn look(&mut self, elapsed: Duration) {
        if self.failed.is_some() {
            return;
        }
        let Some(phase) = next(&PHASES, self.phases.now(), elapsed, self.outage) else { return };
        // No read that meets the outage shall be booked before it, and none that began in it after
        // it.
        if matches!(phase, Phase::Stopped | Phase::Killed) {
            self.phases.begin(phase, elapsed);
        }
        let started = Instant::now();
        let done = match phase {
            Phase::Stopped => self.sandbox.freeze_redis(),
            Phase::Continued => self.sandbox.thaw_redis(),
            Phase::Killed => self.sandbox.kill_redis(),
            Phase::Restarted => self.sandbox.restart_redis(),
            Phase::Before
            | Phase::PrimaryKilled
            | Phase::TakenOver
            | Phase::SlotsMoving
            | Phase::SlotsMoved => Ok(()),
        };
        match done {
            Ok(()) if RETURNS.contains(&phase) => self.phases.begin(phase, elapsed + started.elapsed()),
            Ok(()) => {}
            Err(error) => self.failed = Some(error),
        }
    }

    /// Redis answers again, whatever came in between; tells what went wrong.
    pub(super) fn make_good(self) -> anyhow::Result<()> {
        let back = self.sandbox.thaw_redis().and_then(|()| self.sandbox.restart_redis());
        self.failed.map_or(back, Err)
    }
}
