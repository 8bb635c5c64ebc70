//! The end of a load of many keys: what becomes of its values.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::leases::Leases;
use super::{ManyReading, State};
use crate::breaker::Permit;
use crate::call::Loaded;
use crate::core::{BATCH, Outcome, Retry};
use crate::entry::HEADER_BYTES;
use crate::key::Key;
use crate::protocol::key_state::Head;
use crate::protocol::read_machine::{self, Fill, Finish, Loaded as Brought};
use crate::protocol::timing;
use crate::session::write_entry;
use crate::single_flight::{FlightEnd, Handed, Leader};
use crate::store::{Change, LARGE_BYTES};
use crate::wire::WireError;

/// So many bytes of entries go to Redis in one round trip, and one entry more.
const BATCH_BYTES: usize = 1 << 20;

/// An entry on its way to Redis.
struct Entry {
    number: usize,
    key: Key,
    head: Head,
    bytes: Vec<u8>,
    ttl: Duration,
}

impl Entry {
    fn change(&self) -> Change<'_> {
        Change { expected: self.head, value: &self.bytes, ttl: self.ttl }
    }
}

/// The fate of a value.
enum Kept {
    /// It is on its way.
    Sent(Entry),
    /// It was not written.
    Not,
    /// It was not written, and neither will the next one be.
    Never,
}

impl<A: Clone + Eq + Hash, T> ManyReading<'_, A, T> {
    /// Writes what was loaded in the place of the leases, and makes it the answer.
    pub(super) fn keep(
        &mut self,
        numbers: Vec<usize>,
        mut loaded: HashMap<A, T>,
        took: Duration,
        leases: &mut Leases<'_>,
    ) {
        let (mut landings, mut entries) = (Vec::new(), Vec::new());
        for number in numbers {
            let State::Load(fill, leader) = self.take(number) else { continue };
            let value = self.items.get(number).and_then(|item| loaded.remove(item.id));
            let is_never = match self.entry(number, fill, value.as_ref(), took) {
                Kept::Sent(entry) => {
                    entries.push(entry);
                    false
                }
                Kept::Not => false,
                Kept::Never => true,
            };
            self.set(number, State::Answered(value));
            landings.extend(leader.map(|leader| (number, leader, is_never)));
        }
        let filled = self.write(&entries, leases);
        // Before anyone is told to look: what is left of the leases.
        leases.give_up();
        for (number, leader, is_never) in landings {
            self.land(number, leader, filled.contains(&number), is_never);
        }
    }

    /// The entry that is to be written.
    fn entry(&self, number: usize, fill: Fill, value: Option<&T>, took: Duration) -> Kept {
        let (options, counts) = (&self.core.options, &self.core.counts);
        let Some(key) = self.items.get(number).and_then(|item| item.key.as_ref()) else { return Kept::Not };
        let ttl = self.times.ttl_of(&Loaded::from(value));
        let brought = match ttl {
            _ if took > options.longest_load => Brought::TooLate,
            Some(_) => Brought::Answer,
            None => Brought::Unstorable,
        };
        let (Finish::Replace(head), Some(ttl)) = (read_machine::after_load(fill, brought), ttl) else {
            if matches!(fill, Fill::Lease(_)) && brought == Brought::TooLate {
                counts.fills_skipped.add();
            }
            return if fill == Fill::Share || brought != Brought::Unstorable {
                Kept::Not
            } else {
                Kept::Never
            };
        };
        let ttl = timing::shortened(ttl, rand::random());
        let kept = self.times.kept(ttl, value.is_some());
        let load_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let (mut bytes, name) = (Vec::new(), self.core.name(key));
        let is_entry = write_entry(&mut bytes, &name, value, self.codec, ttl, load_us).is_ok();
        let payload = bytes.get(HEADER_BYTES..).unwrap_or_default();
        if !is_entry || payload.len() > options.max_value_bytes {
            counts.fills_skipped.add();
            return Kept::Never;
        }
        if value.is_some_and(|value| !self.codec.is_faithful(value, payload)) {
            self.core.unfaithful(key);
            counts.fills_skipped.add();
            return Kept::Never;
        }
        self.core.longest_ttl.raise(kept);
        Kept::Sent(Entry { number, key: key.clone(), head, bytes, ttl: kept })
    }

    /// Writes these entries; the numbers of those that are in Redis now.
    fn write(&self, entries: &[Entry], leases: &mut Leases<'_>) -> HashSet<usize> {
        let (counts, mut filled, mut has_failed) = (&self.core.counts, HashSet::new(), false);
        for batch in batches(entries) {
            let keys: Vec<&Key> = batch.iter().map(|entry| &entry.key).collect();
            let outcomes = match batch {
                _ if has_failed => batch.iter().map(|_| Outcome::Untried).collect(),
                [entry] => vec![self.write_one(entry)],
                batch => {
                    let changes: Vec<Change<'_>> = batch.iter().map(Entry::change).collect();
                    self.core.replace_all(&keys, &changes)
                }
            };
            let (mut settled, mut orphans) = (HashSet::new(), HashSet::new());
            for (entry, outcome) in batch.iter().zip(outcomes) {
                match outcome {
                    Outcome::Answer(true) => {
                        counts.fills.add();
                        filled.insert(entry.number);
                        settled.insert(entry.head);
                    }
                    Outcome::Answer(false) => {
                        counts.fills_refused.add();
                        settled.insert(entry.head);
                    }
                    Outcome::Refused => counts.fills_skipped.add(),
                    Outcome::Unknown | Outcome::Untried => {
                        // Of a cluster, one node failed.
                        has_failed = !self.core.connections.is_cluster();
                        counts.fills_skipped.add();
                        orphans.insert(entry.head);
                    }
                }
            }
            leases.settle(|head| settled.contains(&head));
            leases.orphan(|head| orphans.contains(&head));
        }
        filled
    }

    /// A large entry may go another way than a batch does.
    fn write_one(&self, entry: &Entry) -> Outcome<bool> {
        let permit = self.core.permit(&entry.key);
        if permit == Permit::Refused {
            return Outcome::Untried;
        }
        let replaced = self.core.ask(&entry.key, permit, Retry::Harmless, |session| {
            session.store.replace(&session.key, entry.head, &entry.bytes, entry.ttl)
        });
        match replaced {
            Ok(done) => Outcome::Answer(done),
            Err(WireError::Server(_)) => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        }
    }

    /// Tells those who wait what became of the load.
    fn land(&self, number: usize, mut leader: Leader, is_filled: bool, is_never: bool) {
        let value = match self.items.get(number).map(|item| &item.state) {
            Some(State::Answered(value)) => value.as_ref(),
            _ => None,
        };
        let handed = || Handed::new(value, self.codec).map(Arc::new);
        leader.lands(match (is_filled, is_never) {
            (true, _) => FlightEnd::Look,
            _ if !leader.is_awaited() => FlightEnd::Look,
            (false, true) => FlightEnd::Unkept(handed()),
            (false, false) => handed().map_or(FlightEnd::Unkept(None), FlightEnd::Hand),
        });
    }
}

/// The entries in batches, none too large.
fn batches(entries: &[Entry]) -> Vec<&[Entry]> {
    let (mut batches, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let is_large = entry.bytes.len() >= LARGE_BYTES;
        let was_large = at > begin && bytes >= BATCH_BYTES;
        if at > begin && (is_large || was_large || at - begin >= BATCH) {
            batches.extend(entries.get(begin..at));
            (begin, bytes) = (at, 0);
        }
        // A large one is alone.
        bytes += if is_large { BATCH_BYTES } else { entry.bytes.len() };
    }
    batches.extend(entries.get(begin..).filter(|rest| !rest.is_empty()));
    batches
}
