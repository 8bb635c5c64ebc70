//! The looks of a read into Redis: plain ones, and those that leave a lease where nothing is.

use super::Reading;
use crate::codec::Codec;
use crate::core::Twice;
use crate::entry;
use crate::observer::{Observer, Phase};
use crate::options::Foreign;
use crate::protocol::reading::Saw;
use crate::protocol::standing::Head;
use crate::session::{Session, Sight};
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
    fn look(&self, session: &mut Session, found: Found) -> (Sight<T>, Vec<u8>) {
        let sight = session.read_timely(found, self.codec, self.beta, self.keeps_longer);
        let others = match sight.saw {
            Saw::Others(_) => session.other_entries(self.max_value_bytes),
            _ => Vec::new(),
        };
        (sight, others)
    }

    /// The same after an attempt to put a lease there; `held` is the lease, if it was.
    fn look_again(
        &self,
        session: &mut Session,
        (acquired, head): (Acquired, Head),
        held: &mut Option<Head>,
    ) -> (Sight<T>, Vec<u8>) {
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

    pub(super) fn get(&mut self) -> Saw {
        let view = self.view();
        let sight = self.ask(Twice::Harmless, |session, observer| {
            let found = session.get()?;
            observer.ended(Phase::Get);
            Ok(view.look(session, found))
        });
        let saw = self.take_decoded(sight);
        self.only_one_refreshes(saw)
    }

    /// Looks, and takes the lease if nothing is there. Only if no other read of this process is at
    /// the key, which would bring the value sooner, and if the load could begin immediately.
    pub(super) fn get_or_lease(&mut self) -> Saw {
        self.flight = self.core.flights.try_lead(self.key.as_bytes());
        if self.flight.is_some() {
            self.place = self.core.bulkhead.try_enter();
        }
        if self.place.is_none() {
            self.flight = None;
            return self.get();
        }
        let (view, lives) = (self.view(), self.core.options.lease);
        let (mut held, mut is_first) = (None, true);
        let sight = self.ask(Twice::Harmless, |session, observer| {
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
        or_held(self.take_decoded(sight), held)
    }

    pub(super) fn acquire(&mut self) -> Saw {
        if let Some(saw) = self.follow() {
            return saw;
        }
        self.enter();
        let (view, lives, mut held) = (self.view(), self.core.options.lease, None);
        let sight = self.ask(Twice::Never, |session, _| {
            let acquired = session.acquire(lives)?;
            Ok(view.look_again(session, acquired, &mut held))
        });
        self.observer.ended(Phase::Lease);
        or_held(self.take(sight), held)
    }

    pub(super) fn discard(&mut self, head: Head) -> Saw {
        let removed = self.ask(Twice::Harmless, |session, _| session.remove(head));
        self.observer.ended(Phase::Lease);
        removed.map_or(Saw::Failed, |_| Saw::Done)
    }

    fn take_decoded(&mut self, sight: Result<(Sight<T>, Vec<u8>), WireError>) -> Saw {
        let saw = self.take(sight);
        if saw != Saw::Nothing {
            self.observer.ended(Phase::Decode);
        }
        self.note_look(saw);
        saw
    }

    /// Counts what a look found.
    #[inline]
    fn note_look(&mut self, saw: Saw) {
        if self.waiting.has_begun() || self.waiting.has_missed {
            return;
        }
        match saw {
            Saw::Entry | Saw::Due(_) => return self.core.expectations.note(self.key, true),
            Saw::Nothing => self.core.expectations.note(self.key, false),
            // A lease could not be put in its place.
            Saw::Expired(_) => {}
            _ => return,
        }
        self.waiting.has_missed = true;
        self.core.counts.misses.add();
    }

    fn take(&mut self, sight: Result<(Sight<T>, Vec<u8>), WireError>) -> Saw {
        let Ok((sight, others)) = sight else { return Saw::Failed };
        if matches!(sight.saw, Saw::Others(_)) {
            self.core.counts.other_types.add();
        }
        self.others = others;
        if let Saw::Unreadable(head) = sight.saw {
            self.core.counts.corrupt.add();
            if self.core.options.foreign == Foreign::Refuse && !entry::has_magic(head.as_bytes()) {
                self.observer.refused();
                return Saw::Alone;
            }
        }
        self.answer = sight.answer;
        self.is_expired = matches!(sight.saw, Saw::Expired(_));
        sight.saw
    }

    /// An entry that is due is refreshed by one read in this process; for the others it is as good
    /// as ever.
    fn only_one_refreshes(&mut self, saw: Saw) -> Saw {
        if !matches!(saw, Saw::Due(_)) || self.flight.is_some() {
            return saw;
        }
        self.flight = self.core.flights.try_lead(self.key.as_bytes());
        if self.flight.is_some() { saw } else { Saw::Entry }
    }
}

/// The sight, or the lease that is there now instead of nothing.
fn or_held(saw: Saw, held: Option<Head>) -> Saw {
    match (saw, held) {
        (Saw::Nothing, Some(head)) => Saw::Held(head),
        (saw, _) => saw,
    }
}
