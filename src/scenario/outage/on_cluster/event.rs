//! The event that a cluster goes through, step by step, on the thread that owns the cluster.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::Course;
use super::super::phases::{OF_FAILOVER, OF_RESHARDING, Phase, next};
use crate::sandbox::OwnCluster;

/// The event in the cluster of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario::outage) enum Event {
    /// A primary is killed, and its replica takes over.
    Failover,
    /// The slots of our keys move from one primary to another, one after the other.
    Resharding,
}

impl Event {
    pub(super) fn phases(self) -> &'static [Phase] {
        match self {
            Self::Failover => &OF_FAILOVER,
            Self::Resharding => &OF_RESHARDING,
        }
    }
}

/// The end of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// From the kill until a living node said that a replica had taken over.
    pub(super) takeover: Option<Duration>,
    pub(super) slots_moved: u64,
}

pub(super) struct Disturber<'a> {
    cluster: &'a mut OwnCluster,
    event: Event,
    /// The primary that is killed or gives its slots away.
    primary: usize,
    /// The slots of that primary in which keys of the experiment are.
    slots: VecDeque<u16>,
    /// The first of `slots` is on its way.
    is_moving: bool,
    outage: Duration,
    outcome: Outcome,
    /// The error of the last step, which is tried again.
    trouble: Option<anyhow::Error>,
}

impl<'a> Disturber<'a> {
    /// `slots`: those of the experiment's keys. `outage`: the time before the event.
    pub(super) fn new(
        cluster: &'a mut OwnCluster,
        event: Event,
        slots: &[u16],
        outage: Duration,
    ) -> anyhow::Result<Self> {
        let first = *slots.first().context("the experiment has no key")?;
        let primary = cluster.keeper(first)?.context("no node keeps the slot of a key")?;
        let mut own = Vec::new();
        for slot in slots {
            if cluster.keeper(*slot)? == Some(primary) {
                own.push(*slot);
            }
        }
        own.sort_unstable();
        own.dedup();
        Ok(Self {
            cluster,
            event,
            primary,
            slots: own.into(),
            is_moving: false,
            outage,
            outcome: Outcome::default(),
            trouble: None,
        })
    }

    /// Whether the event concerns the keys of this slot.
    pub(super) fn concerns(&self, slot: u16) -> bool {
        self.slots.contains(&slot)
    }

    /// Does what is due.
    pub(super) fn look(&mut self, elapsed: Duration, course: &Course) {
        let Some(phase) = next(self.event.phases(), course.phases.now(), elapsed, self.outage) else {
            return;
        };
        self.trouble = self.step(phase, elapsed, course).err();
    }

    /// One step towards this phase, or into it.
    fn step(&mut self, phase: Phase, elapsed: Duration, course: &Course) -> anyhow::Result<()> {
        let started = Instant::now();
        let has_come = match phase {
            Phase::PrimaryKilled => {
                // No read that meets the kill shall be booked before it.
                course.phases.begin(phase, elapsed);
                self.cluster.kill(self.primary)?;
                began(course, elapsed + started.elapsed());
                return Ok(());
            }
            Phase::TakenOver => self.is_taken_over(elapsed, course)?,
            Phase::SlotsMoved => self.has_moved_all()?,
            _ => true,
        };
        if has_come {
            let now = elapsed + started.elapsed();
            course.phases.begin(phase, now);
            if phase == Phase::SlotsMoved {
                began(course, now);
            }
        }
        Ok(())
    }

    fn is_taken_over(&mut self, elapsed: Duration, course: &Course) -> anyhow::Result<bool> {
        let Some(slot) = self.slots.front() else { return Ok(false) };
        let keeper = self.cluster.keeper(*slot)?;
        let is_taken_over = keeper.is_some_and(|keeper| keeper != self.primary);
        if is_taken_over {
            self.outcome.takeover = Some(elapsed.saturating_sub(super::since(course)));
        }
        Ok(is_taken_over)
    }

    /// Sends the next slot on its way, or ends its move: so that readers meet each slot on its way.
    fn has_moved_all(&mut self) -> anyhow::Result<bool> {
        let to = (self.primary + 1) % OwnCluster::PRIMARIES;
        let Some(slot) = self.slots.front().copied() else { return Ok(true) };
        if self.is_moving {
            self.cluster.end_move(slot, self.primary, to)?;
            self.slots.pop_front();
            self.outcome.slots_moved += 1;
        } else {
            self.cluster.begin_move(slot, self.primary, to)?;
        }
        self.is_moving = !self.is_moving;
        Ok(self.slots.is_empty())
    }

    /// Fails if the last step did.
    pub(super) fn into_outcome(self) -> anyhow::Result<Outcome> {
        self.trouble.map_or(Ok(self.outcome), Err)
    }
}

fn began(course: &Course, now: Duration) {
    if let Some(written) = &course.written {
        written.began(now);
    }
}
