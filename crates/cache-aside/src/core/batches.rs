//! Commands for many keys: sorted by server, a batch in each round trip, and none after the first batch
//! that failed, because with Redis out of reach each batch would take its timeouts.

use super::{Core, Twice};
use crate::breaker::Permit;
use crate::key::Key;
use crate::session::Session;
use crate::store::Change;
use crate::wire::WireError;

/// So many keys go to Redis in one round trip.
pub(crate) const BATCH: usize = 128;

/// The outcome for one of many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<R> {
    Answer(R),
    /// Redis refused, and so nothing was done.
    Refused,
    /// There was no answer: what was done is unknown.
    Unknown,
    /// Nothing was sent, because a batch before had failed.
    Untried,
}

impl<R> Outcome<R> {
    pub(crate) fn answer(self) -> Option<R> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Refused | Self::Unknown | Self::Untried => None,
        }
    }
}

impl Core {
    /// Sends commands for many keys. `command` is given the numbers of a batch's keys and their names, and
    /// returns an answer for each; fewer answers mean that the rest of the batch was not reached.
    pub(crate) fn in_batches<R>(
        &self,
        permit: Permit,
        twice: Twice,
        keys: &[&Key],
        mut command: impl FnMut(&mut Session, &[usize], &[Vec<u8>]) -> Result<Vec<R>, WireError>,
    ) -> Vec<Outcome<R>> {
        let mut all: Vec<Outcome<R>> = keys.iter().map(|_| Outcome::Untried).collect();
        let mut set = |number: usize, outcome| {
            if let Some(place) = all.get_mut(number) {
                *place = outcome;
            }
        };
        for (pool, numbers) in self.connections.numbers_by_server(keys) {
            let mut rest = &numbers[..];
            while !rest.is_empty() {
                let batch = rest.get(..BATCH).unwrap_or(rest);
                let names: Vec<Vec<u8>> =
                    batch.iter().filter_map(|number| keys.get(*number)).map(|key| self.name(key)).collect();
                let answers = self.ask_server(pool, permit, twice, |session| command(session, batch, &names));
                let reached = match answers {
                    Ok(answers) => {
                        // Always at least one: no batch is tried for ever.
                        let reached = answers.len().clamp(1, batch.len());
                        for (number, answer) in batch.iter().zip(answers) {
                            set(*number, Outcome::Answer(answer));
                        }
                        reached
                    }
                    Err(error) => {
                        let is_refused = matches!(error, WireError::Server(_));
                        for number in batch {
                            set(*number, if is_refused { Outcome::Refused } else { Outcome::Unknown });
                        }
                        break;
                    }
                };
                rest = rest.get(reached..).unwrap_or_default();
            }
        }
        all
    }

    /// Does many compare-and-sets of small values. False if something else is stored there.
    pub(crate) fn replace_all(
        &self,
        permit: Permit,
        keys: &[&Key],
        changes: &[Change<'_>],
    ) -> Vec<Outcome<bool>> {
        let replaced = self.in_batches(permit, Twice::Harmless, keys, |session, numbers, names| {
            let changes: Vec<Change<'_>> =
                numbers.iter().filter_map(|number| changes.get(*number)).copied().collect();
            session.store.replace_all(names, &changes)
        });
        let told = replaced.into_iter().zip(keys).map(|(outcome, key)| match outcome {
            Outcome::Answer(Ok(done)) => Outcome::Answer(done),
            Outcome::Answer(Err(error)) => {
                self.refused(self.connections.for_key(key), error);
                Outcome::Refused
            }
            Outcome::Refused => Outcome::Refused,
            Outcome::Unknown => Outcome::Unknown,
            Outcome::Untried => Outcome::Untried,
        });
        told.collect()
    }
}
