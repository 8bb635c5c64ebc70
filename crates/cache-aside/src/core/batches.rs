//! Commands for many keys: sorted by server, a batch in each round trip, and none on the same
//! server after the first batch that failed, because with Redis out of reach each batch would take
//! its timeouts.

use super::exchange::{MOST_REDIRECTS, asking};
use super::{Core, Retry};
use crate::breaker::Permit;
use crate::connections::{Groups, Node, Route, Waits};
use crate::error::RedisError;
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

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Leaves a server alone while its breaker is open.
    Reader,
    /// Asks in any case.
    Writer,
}

impl Asker {
    pub(super) fn permit(self, node: &Node) -> Permit {
        match self {
            Self::Reader => node.breaker.permit(),
            Self::Writer => Permit::Free,
        }
    }
}

/// The outcome for one of many keys, with the reason.
pub(crate) enum Each<R> {
    Answer(R),
    /// Redis refused this key.
    Refused(RedisError),
    /// The error of the whole batch. If Redis refused it, nothing was done.
    Failed {
        error: RedisError,
        is_refused: bool,
    },
    /// The error of the batch before, if there was one.
    Untried(Option<RedisError>),
}

impl<R> Each<R> {
    pub(crate) fn outcome(self) -> Outcome<R> {
        match self {
            Self::Answer(answer) => Outcome::Answer(answer),
            Self::Refused(_) | Self::Failed { is_refused: true, .. } => Outcome::Refused,
            Self::Failed { .. } => Outcome::Unknown,
            Self::Untried(_) => Outcome::Untried,
        }
    }

    /// The answer; and whether the server is not to be asked for more.
    pub(crate) fn answer(self) -> (Option<R>, bool) {
        match self {
            Self::Answer(answer) => (Some(answer), false),
            Self::Refused(_) => (None, false),
            Self::Failed { .. } | Self::Untried(_) => (None, true),
        }
    }
}

/// A key that another server may keep.
struct Again {
    number: usize,
    /// The number of the group in which it was.
    group: usize,
    error: WireError,
    /// The error was counted.
    is_noted: bool,
}

/// The fate of the keys so far.
struct Work<R> {
    all: Vec<Option<Each<R>>>,
    again: Vec<Again>,
}

impl<R> Work<R> {
    fn set(&mut self, number: usize, each: Each<R>) {
        if let Some(place) = self.all.get_mut(number) {
            *place = Some(each);
        }
    }

    fn again(&mut self, number: usize, group: usize, error: WireError, is_noted: bool) {
        self.again.push(Again { number, group, error, is_noted });
    }
}

/// Keys that one server keeps, and how it is asked for them.
struct Group<'g, 'c> {
    number: usize,
    route: &'g Route<'c>,
    asker: Asker,
    retry: Retry,
}

impl Core {
    /// Sends commands for many keys. `command` is given the numbers of a batch's keys and their
    /// names, and returns an answer for each; fewer answers mean that the rest of the batch was not
    /// reached. What a server says another one keeps is sent there.
    pub(crate) fn each<R>(
        &self,
        asker: Asker,
        retry: Retry,
        keys: &[&Key],
        mut command: impl FnMut(
            &mut Session,
            &[usize],
            &[Vec<u8>],
        ) -> Result<Vec<Result<R, WireError>>, WireError>,
    ) -> Vec<Each<R>> {
        let mut work = Work { all: keys.iter().map(|_| None).collect(), again: Vec::new() };
        let mut groups = self.connections.by_server(keys);
        for round in 0.. {
            for (group, (route, numbers)) in groups.iter().enumerate() {
                let of = Group { number: group, route, asker, retry };
                self.each_on(&of, keys, numbers, &mut work, &mut command);
            }
            // However many keys failed: a server that is silent would be waited for once for each.
            let (mut next, mut waits) = (Groups::default(), Waits::default());
            for again in std::mem::take(&mut work.again) {
                let (Some((route, _)), Some(key)) = (groups.get(again.group), keys.get(again.number)) else {
                    continue;
                };
                let other = (round < MOST_REDIRECTS).then(|| {
                    let slot = self.connections.slot(key);
                    self.connections.reroute(slot, &route.node, &again.error, retry, &mut waits)
                });
                match other.flatten() {
                    Some(other) => next.add(other, again.number),
                    None => work.set(again.number, self.given_up(route, again.error, again.is_noted)),
                }
            }
            if next.0.is_empty() {
                break;
            }
            groups = next.0;
        }
        work.all.into_iter().map(|each| each.unwrap_or(Each::Untried(None))).collect()
    }

    fn given_up<R>(&self, route: &Route<'_>, error: WireError, is_noted: bool) -> Each<R> {
        if !is_noted {
            return Each::Refused(self.refused(&route.node, error));
        }
        let is_refused = matches!(error, WireError::Server(_));
        Each::Failed { error: RedisError::new(route.node.pool.endpoint(), error), is_refused }
    }

    fn each_on<R>(
        &self,
        group: &Group<'_, '_>,
        keys: &[&Key],
        numbers: &[usize],
        work: &mut Work<R>,
        command: &mut impl FnMut(
            &mut Session,
            &[usize],
            &[Vec<u8>],
        ) -> Result<Vec<Result<R, WireError>>, WireError>,
    ) {
        let (route, node) = (group.route, &*group.route.node);
        let permit = group.asker.permit(node);
        if permit == Permit::Refused {
            return numbers.iter().for_each(|number| work.set(*number, Each::Untried(None)));
        }
        let mut rest = numbers;
        while !rest.is_empty() {
            let batch = rest.get(..BATCH).unwrap_or(rest);
            let names: Vec<Vec<u8>> =
                batch.iter().filter_map(|number| keys.get(*number)).map(|key| self.name(key)).collect();
            let mut send = |session: &mut Session| command(session, batch, &names);
            let outcome = self.attempt(node, group.retry, &mut asking(route.is_asking, &mut send));
            let outcome = match outcome {
                Err(error) if error.is_redirect() => Err(error),
                outcome => self.note(node, outcome, permit),
            };
            let answers = match outcome {
                Ok(answers) => answers,
                Err(error) => return self.batch_failed(group, batch.len(), rest, error, work),
            };
            // Always at least one: no batch is tried for ever.
            let reached = answers.len().clamp(1, batch.len());
            for (number, answer) in batch.iter().zip(answers) {
                match answer {
                    Ok(answer) => work.set(*number, Each::Answer(answer)),
                    Err(error) if error.is_redirect() => work.again(*number, group.number, error, false),
                    Err(error) => work.set(*number, Each::Refused(self.refused(node, error))),
                }
            }
            rest = rest.get(reached..).unwrap_or_default();
        }
    }

    /// The first ones of the rest were sent.
    fn batch_failed<R>(
        &self,
        group: &Group<'_, '_>,
        sent: usize,
        rest: &[usize],
        error: WireError,
        work: &mut Work<R>,
    ) {
        if self.connections.may_reroute(&error) {
            let is_noted = !error.is_redirect();
            return rest.iter().for_each(|number| work.again(*number, group.number, error.copy(), is_noted));
        }
        let is_refused = matches!(error, WireError::Server(_));
        let error = RedisError::new(group.route.node.pool.endpoint(), error);
        for (place, number) in rest.iter().enumerate() {
            let error = error.copy();
            work.set(
                *number,
                if place < sent { Each::Failed { error, is_refused } } else { Each::Untried(Some(error)) },
            );
        }
    }

    /// Does many compare-and-sets of small values. False if something else is stored there.
    pub(crate) fn replace_all(&self, keys: &[&Key], changes: &[Change<'_>]) -> Vec<Outcome<bool>> {
        let replaced = self.each(Asker::Reader, Retry::Harmless, keys, |session, numbers, names| {
            let changes: Vec<Change<'_>> =
                numbers.iter().filter_map(|number| changes.get(*number)).copied().collect();
            session.store.replace_all(names, &changes)
        });
        replaced.into_iter().map(Each::outcome).collect()
    }
}
