//! One client: takes the next operation, waits until it is due, does it, checks the answer, and
//! writes down three instants.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::plan::{Next, Plan};
use super::tally::{Done, DoneKind, Second, Tally};
use super::time::Time;
use super::worker::{Failure, Worker};
use crate::interrupt;
use crate::load_model::operations::{Kind, Operation};

/// A client that sleeps looks this often whether it is all over.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Operations that were due at the very end may still be taken for so long.
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// A server that is gone refuses immediately; one failure in a millisecond says enough.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(1);
/// A trial ends early if there are more failures than this, and more than a tenth of the operations
/// fail.
const FEW_FAILURES: u64 = 100;

/// An operation that failed; the tally has it.
struct Failed;

/// The state that the clients of a trial share.
pub(super) struct Shared<'a> {
    pub(super) plan: &'a Plan,
    /// The number of the next operation: one queue for all.
    next: AtomicU64,
    fails: AtomicBool,
    tally: Mutex<Tally>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self { plan, next: AtomicU64::new(0), fails: AtomicBool::new(false), tally: Mutex::new(Tally::new()) }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of what belongs to a second, so that nothing waits while it is looked at.
    pub(super) fn second(&self, number: u64) -> Option<Second> {
        self.tally().seconds.get(usize::try_from(number).ok()?).cloned()
    }

    /// True if too many operations failed.
    pub(super) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self, time: &dyn Time) -> bool {
        time.goes_on() && !self.fails()
    }

    /// Works until there is nothing left to do. The time lasts longer than the plan by the grace.
    pub(super) fn work(&self, worker: &mut dyn Worker, time: &dyn Time) {
        let end_ns = ns(self.plan.duration);
        while self.goes_on(time) {
            let Some(Next { due_ns, operation }) =
                self.plan.source.next(self.next.fetch_add(1, Ordering::Relaxed))
            else {
                return;
            };
            if due_ns.is_none() && ns(time.elapsed()) >= end_ns {
                return;
            }
            let Some((due_ns, taken_ns)) = self.take(due_ns, time) else { continue };
            let failed = self.carry_out(worker, operation, due_ns, taken_ns, time).is_err();
            if failed {
                time.pause(PAUSE_AFTER_FAILURE);
            }
        }
    }

    /// Waits until an operation is due; none if it is not to be done any more. Returns when it was
    /// due and taken.
    fn take(&self, due_ns: Option<u64>, time: &dyn Time) -> Option<(u64, u64)> {
        let Some(due_ns) = due_ns else {
            let now = ns(time.elapsed());
            return Some((now, now));
        };
        let slept = ns(time.elapsed()) < due_ns;
        if slept && !self.sleep_until(due_ns, time) {
            return None;
        }
        let taken_ns = ns(time.elapsed());
        let late_ns = taken_ns.saturating_sub(due_ns);
        if slept {
            self.tally().add_waking(late_ns);
            return Some((due_ns, taken_ns));
        }
        if self.plan.late.is_some_and(|late| late_ns > ns(late)) {
            return None;
        }
        self.tally().add_waiting(late_ns);
        Some((due_ns, taken_ns))
    }

    /// False if all ended before.
    fn sleep_until(&self, due_ns: u64, time: &dyn Time) -> bool {
        loop {
            let left_ns = due_ns.saturating_sub(ns(time.elapsed()));
            if left_ns == 0 {
                return true;
            }
            if !self.goes_on(time) {
                return false;
            }
            let slice_ns = left_ns.min(ns(LOOK_EVERY));
            // The last slice ends at the instant itself, not so long after now.
            let until_ns = if slice_ns == left_ns { due_ns } else { ns(time.elapsed()) + slice_ns };
            time.sleep_until(Duration::from_nanos(until_ns));
        }
    }

    fn carry_out(
        &self,
        worker: &mut dyn Worker,
        Operation { id, kind }: Operation,
        due_ns: u64,
        taken_ns: u64,
        time: &dyn Time,
    ) -> Result<(), Failed> {
        let outcome = match kind {
            Kind::Read => worker.read(id),
            Kind::Write => worker.write(id).map(|()| DoneKind::Write),
        };
        let done_ns = ns(time.elapsed());
        let kind = match outcome {
            Ok(kind) => kind,
            Err(failure) => {
                self.fail(due_ns, failure);
                return Err(Failed);
            }
        };
        // Checked outside of the lock and of the time.
        let [began, done] = [taken_ns, done_ns].map(Duration::from_nanos);
        let verdict = worker.check(id, began, done);
        let mut tally = self.tally();
        tally.add(Done { due_ns, taken_ns, done_ns, kind });
        tally.add_verdict(due_ns, verdict);
        Ok(())
    }

    fn fail(&self, due_ns: u64, failure: Failure) {
        // What an interrupt cut off did not fail: it was given up.
        if interrupt::requested() {
            return;
        }
        let mut tally = self.tally();
        tally.add_failure(due_ns, failure);
        let (failures, done) = (tally.failures(), tally.done());
        if failures > FEW_FAILURES && failures > done / 10 {
            self.fails.store(true, Ordering::Relaxed);
        }
    }
}

pub(super) fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
