//! The looks of a read into Redis: plain ones, and those that leave a lease where nothing is.

use super::Reading;
use crate::codec::Codec;
use crate::core::Retry;
use crate::entry;
use crate::observer::{Observer, Phase};
use crate::options::Foreign;
use crate::protocol::key_state::Head;
use crate::protocol::read_machine::Outcome;
use crate::session::{Observation, Session};
use crate::store::{Acquired, Found};
use crate::wire::WireError;

/// All that a read needs to understand what it finds.
struct View<'a, T> {
    codec: &'a dyn Codec<T>,
    beta: f64,
    keeps_longer: bool,
    max_value_bytes: usize,
}

impl<T> View<'_, T> {
    /// Understands what was found; takes the entries of other types along.
    fn look(&self, session: &mut Session, found: Found) -> (Observation<T>, Vec<u8>) {
        let observation = session.read_timely(found, self.codec, self.beta, self.keeps_longer);
        let others = match observation.outcome {
            Outcome::Others(_) => session.other_entries(self.max_value_bytes),
            _ => Vec::new(),
        };
        (observation, others)
    }

    /// The same after an attempt to put a lease there; `held` is the lease, if it was.
    fn look_again(
        &self,
        session: &mut Session,
        (acquired, head): (Acquired, Head),
        held: &mut Option<Head>,
    ) -> (Observation<T>, Vec<u8>) {
        let found = match acquired {
            Acquired::Held => {
                *held = Some(head);
                Found::Nothing
            }
            Acquired::Found(found) => found,
        };
        self.look(session, found)
    }
}

impl<'a, T, O: Observer> Reading<'a, T, O> {
    fn view(&self) -> View<'a, T> {
        View {
            codec: self.codec,
            beta: self.times.early_refresh,
            keeps_longer: self.times.keeps_longer(),
            max_value_bytes: self.core.options.max_value_bytes,
        }
    }

    pub(super) fn get(&mut self) -> Outcome {
        let view = self.view();
        let observation = self.ask(Retry::Harmless, |session, observer| {
            let found = session.get()?;
            observer.ended(Phase::Get);
            Ok(view.look(session, found))
        });
        let outcome = self.take_decoded(observation);
        self.only_one_refreshes(outcome)
    }

    /// Looks, and takes the lease if nothing is there. Only if no other read of this process is at
    /// the key, which would bring the value sooner, and if the load could begin immediately.
    pub(super) fn get_or_lease(&mut self) -> Outcome {
        self.flight = self.core.single_flight.try_lead(self.key.as_bytes());
        if self.flight.is_some() {
            self.place = self.core.bulkhead.try_enter();
        }
        if self.place.is_none() {
            self.flight = None;
            return self.get();
        }
        let (view, lives) = (self.view(), self.core.options.lease);
        let (mut held, mut is_first) = (None, true);
        let observation = self.ask(Retry::Harmless, |session, observer| {
            // The same lease is never requested twice: the second time, after a lost connection, is
            // a plain look.
            let acquired = if std::mem::take(&mut is_first) {
                session.get_or_lease(lives)?
            } else {
                (Acquired::Found(session.get()?), Head::NONE)
            };
            observer.ended(Phase::Get);
            Ok(view.look_again(session, acquired, &mut held))
        });
        or_held(self.take_decoded(observation), held)
    }

    pub(super) fn acquire(&mut self) -> Outcome {
        if let Some(outcome) = self.follow() {
            return outcome;
        }
        self.enter();
        let (view, lives, mut held) = (self.view(), self.core.options.lease, None);
        let observation = self.ask(Retry::Never, |session, _| {
            let acquired = session.acquire(lives)?;
            Ok(view.look_again(session, acquired, &mut held))
        });
        self.observer.ended(Phase::Lease);
        or_held(self.take(observation), held)
    }

    pub(super) fn discard(&mut self, head: Head) -> Outcome {
        let removed = self.ask(Retry::Harmless, |session, _| session.remove(head));
        self.observer.ended(Phase::Lease);
        removed.map_or(Outcome::Failed, |_| Outcome::Done)
    }

    fn take_decoded(&mut self, observation: Result<(Observation<T>, Vec<u8>), WireError>) -> Outcome {
        let outcome = self.take(observation);
        if outcome != Outcome::Nothing {
            self.observer.ended(Phase::Decode);
        }
        self.note_look(outcome);
        outcome
    }

    /// Counts what a look found.
    #[inline]
    fn note_look(&mut self, outcome: Outcome) {
        if self.waiting.has_begun() || self.waiting.has_missed {
            return;
        }
        match outcome {
            Outcome::Entry | Outcome::Due(_) => return self.core.expectations.note(self.key, true),
            Outcome::Nothing => self.core.expectations.note(self.key, false),
            // A lease could not be put in its place.
            Outcome::Expired(_) => {}
            _ => return,
        }
        self.waiting.has_missed = true;
        self.core.counts.misses.add();
    }

    fn take(&mut self, observation: Result<(Observation<T>, Vec<u8>), WireError>) -> Outcome {
        let Ok((observation, others)) = observation else { return Outcome::Failed };
        if matches!(observation.outcome, Outcome::Others(_)) {
            self.core.counts.other_types.add();
        }
        self.others = others;
        if let Outcome::Unreadable(head) = observation.outcome {
            self.core.counts.corrupt.add();
            if self.core.options.foreign == Foreign::Refuse && !entry::has_magic(head.as_bytes()) {
                self.observer.refused();
                return Outcome::Alone;
            }
        }
        self.answer = observation.answer;
        self.is_expired = matches!(observation.outcome, Outcome::Expired(_));
        observation.outcome
    }

    /// An entry that is due is refreshed by one read in this process; for the others it is as good
    /// as ever.
    fn only_one_refreshes(&mut self, outcome: Outcome) -> Outcome {
        if !matches!(outcome, Outcome::Due(_)) || self.flight.is_some() {
            return outcome;
        }
        self.flight = self.core.single_flight.try_lead(self.key.as_bytes());
        if self.flight.is_some() { outcome } else { Outcome::Entry }
    }
}

/// The sight, or the lease that is there now instead of nothing.
fn or_held(outcome: Outcome, held: Option<Head>) -> Outcome {
    match (outcome, held) {
        (Outcome::Nothing, Some(head)) => Outcome::Held(head),
        (outcome, _) => outcome,
    }
}
