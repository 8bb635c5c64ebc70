//! The world of the model: one key in Redis, one row in the database, and who is where with it.

use crate::entry::{self, CodecId, Header, Kind};
use crate::protocol::Nonce;
use crate::protocol::key_state::{self, Head, KeyState};
use crate::protocol::read_machine::{Action, Fill, Outcome};
use crate::protocol::reference_store::{self, Acquired, Slot};

pub(super) const KEY: &[u8] = b"k";
/// The model's clock stands still, save that it may be set back once; what ends ends by an event.
const NOW_MS: u64 = 100;
const SET_BACK_MS: u64 = 1;
const LIFE_MS: u32 = 1;
const LATER_MS: u64 = 101;

/// The way in which a writer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// COMMIT, invalidate.
    Simple,
    /// Mark, COMMIT, finish; no COMMIT without a mark.
    CrashSafe,
    /// Mark, COMMIT, finish; COMMIT also where the mark failed.
    Proceed,
}

/// A piece of the protocol that is left out, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ablation {
    NoNonceCheck,
    OneNonceForAll,
    SharedFlights,
    FinishIgnoresOthers,
    InvalidateDeletesMarkers,
    AcquireSentTwice,
    LoadBeforeLease,
    /// The database is asked before the reply says that the lease is there.
    LoadBeforeReply,
    /// A look that puts a lease does so whatever is there.
    LeaseOverwrites,
    /// A token that ends too late, since the clock was set back, is taken for damaged.
    DropsTokensFromTheFuture,
    /// A removal that finds nothing writes nothing, so that waiting for the replica waits for
    /// nothing.
    WaitsAfterNoWrite,
    /// The end of a write never waits for the replica, also where no marker stands there.
    FinishNeverWaits,
}

/// Whether a replica, which is behind, may take the place of the server once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failover {
    Never,
    /// The server fails, and writes that the replica does not have are lost.
    Loses,
    /// The same; but a mark, or a removal, has succeeded only when the replica has what it wrote.
    Waits,
}

#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) readers: usize,
    pub(super) writers: &'static [Mode],
    /// A marker stands at least until its writer's COMMIT is decided; otherwise it may be gone at
    /// any time.
    pub(super) markers_outlive_commits: bool,
    /// True if the value under the key may turn into nonsense.
    pub(super) damage: bool,
    /// The number of types as which the readers cache the row, one after the other.
    pub(super) types: usize,
    /// Values are kept beyond their time to live, for loads that fail.
    pub(super) keeps_longer: bool,
    /// Redis' clock may be set back once.
    pub(super) clock_steps: bool,
    /// Connections are lost, and what was sent on them is sent once more.
    pub(super) resends: bool,
    pub(super) failover: Failover,
    pub(super) ablation: Option<Ablation>,
}

impl Setting {
    pub(super) fn new(readers: usize, writers: &'static [Mode]) -> Self {
        Self {
            readers,
            writers,
            markers_outlive_commits: true,
            damage: false,
            types: 1,
            keeps_longer: false,
            clock_steps: false,
            resends: false,
            failover: Failover::Never,
            ablation: None,
        }
    }

    pub(super) fn lacks(&self, piece: Ablation) -> bool {
        self.ablation == Some(piece)
    }

    /// Whether a cached value must equal the committed row at every instant.
    pub(super) fn is_crash_safe(&self) -> bool {
        self.markers_outlive_commits && self.writers.iter().all(|mode| *mode == Mode::CrashSafe)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reader {
    Idle,
    /// About to do this. `floor` is the oldest version that it may return, `seen` that of the entry
    /// in its hands.
    At {
        action: Action,
        floor: u8,
        seen: u8,
    },
    /// The database has said this version.
    Loaded {
        fill: Fill,
        floor: u8,
        version: u8,
    },
    /// Waits for another reader of its process, whose load has not begun yet.
    Joins {
        leader: usize,
        floor: u8,
    },
    /// Waits for the value of another reader's load, which may have begun (an ablation).
    Follows {
        leader: usize,
        floor: u8,
    },
    /// It has returned; with what, for those who follow.
    Done {
        version: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Writer {
    Idle,
    Marked,
    /// Goes to COMMIT without a marker.
    Unmarked,
    /// The outcome is known: this version, or none (a rollback).
    Decided {
        version: Option<u8>,
        marked: bool,
    },
    /// Dead, with its COMMIT on the way.
    Undecided,
    /// Dead, refused, or done.
    Gone,
}

/// A command to Redis that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Command {
    /// Also the second half of a look that puts a lease. `again`: with another nonce, after a first
    /// one whose connection was lost.
    Acquire {
        reader: usize,
        again: bool,
    },
    Replace {
        reader: usize,
        expected: Head,
        version: u8,
        beside: bool,
    },
    Remove {
        expected: Head,
    },
    Mark {
        writer: usize,
    },
    Finish {
        writer: usize,
    },
    Invalidate,
    Settle,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) committed: u8,
    /// The newest version whose write has returned.
    pub(super) returned: u8,
    pub(super) slot: Slot,
    pub(super) readers: Vec<Reader>,
    /// The readers that lost their connection when they looked, and look once more.
    pub(super) again: Vec<bool>,
    pub(super) writers: Vec<Writer>,
    /// Commands whose sender has given up, and which Redis may still do. Sorted.
    pub(super) late: Vec<Command>,
    /// A write ended so that its own result says that reads may be stale.
    pub(super) is_excused: bool,
    /// Redis' clock was set back.
    pub(super) is_set_back: bool,
    /// The state of the replica, until it takes the server's place.
    pub(super) replica: Option<Slot>,
}

impl World {
    pub(super) fn new(setting: &Setting) -> Self {
        Self {
            committed: 0,
            returned: 0,
            slot: Slot::Empty,
            readers: vec![Reader::Idle; setting.readers],
            again: vec![false; setting.readers],
            writers: vec![Writer::Idle; setting.writers.len()],
            late: Vec::new(),
            is_excused: false,
            is_set_back: false,
            replica: (setting.failover != Failover::Never).then_some(Slot::Empty),
        }
    }

    /// The version that is cached as this type, if any is.
    pub(super) fn cached(&self, kind: Kind) -> Option<u8> {
        let Slot::Text(text) = &self.slot else { return None };
        match KeyState::read(text, KEY, None, kind) {
            KeyState::Entry(parsed) => parsed.payload.and_then(|payload| text.get(payload)?.first().copied()),
            _ => None,
        }
    }

    /// Whether anything else than the committed version is cached, as any type.
    pub(super) fn caches_another(&self, setting: &Setting) -> bool {
        let mut kinds = (0..setting.types).map(|reader| kind(reader, setting));
        kinds.any(|kind| self.cached(kind).is_some_and(|version| version != self.committed))
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.readers.iter().all(|reader| matches!(reader, Reader::Done { .. }))
            && self.writers.iter().all(|writer| *writer == Writer::Gone)
    }

    pub(super) fn send_late(&mut self, command: Command) {
        let at = self.late.partition_point(|there| *there < command);
        self.late.insert(at, command);
    }

    /// Redis does it. What an acquire or a replace answers comes as a reader sees it.
    pub(super) fn execute(&mut self, command: Command, setting: &Setting) -> Outcome {
        let now_ms = self.now_ms();
        let slot = &mut self.slot;
        if setting.lacks(Ablation::DropsTokensFromTheFuture) && self.is_set_back {
            let late = reference_store::settle(&mut slot.clone(), now_ms);
            if late && matches!(command, Command::Mark { .. } | Command::Finish { .. } | Command::Invalidate)
            {
                *slot = Slot::Empty;
            }
        }
        match command {
            Command::Acquire { reader, again } => {
                let lease = key_state::lease(lease_nonce(reader, again, setting));
                if setting.lacks(Ablation::LeaseOverwrites) {
                    *slot = Slot::Empty;
                }
                return match reference_store::acquire(slot, &lease) {
                    Acquired::Held => Outcome::Held(Head::of(&lease)),
                    Acquired::Found(found) => see(&found, kind(reader, setting)),
                };
            }
            Command::Replace { reader, version, .. } if setting.lacks(Ablation::NoNonceCheck) => {
                *slot = Slot::Text(entry_of(reader, version, setting));
            }
            Command::Replace { reader, expected, version, beside } => {
                let mut new = entry_of(reader, version, setting);
                // What begins alike is what the reader saw.
                if let (true, Slot::Text(others)) = (beside, &*slot) {
                    new.extend_from_slice(others);
                }
                reference_store::replace(slot, expected, &new);
            }
            Command::Remove { expected } if expected.is_marker() => reference_store::invalidate(slot, now_ms),
            Command::Remove { expected } => {
                reference_store::replace(slot, expected, b"");
            }
            Command::Mark { writer } => reference_store::mark(slot, token(writer), LIFE_MS, now_ms),
            Command::Finish { .. } if setting.lacks(Ablation::FinishIgnoresOthers) => *slot = Slot::Empty,
            Command::Finish { writer } => {
                reference_store::finish(slot, token(writer), now_ms);
            }
            Command::Invalidate if setting.lacks(Ablation::InvalidateDeletesMarkers) => *slot = Slot::Empty,
            Command::Invalidate => reference_store::invalidate(slot, now_ms),
            Command::Settle => {
                reference_store::settle(slot, now_ms);
            }
        }
        Outcome::Done
    }

    /// Redis does it; then its sender waits until the replica has what the command wrote, and with
    /// it all that was before.
    pub(super) fn execute_and_wait(&mut self, command: Command, setting: &Setting) {
        let is_written = match command {
            Command::Mark { .. } => true,
            _ => self.slot != Slot::Empty || !setting.lacks(Ablation::WaitsAfterNoWrite),
        };
        self.execute(command, setting);
        if is_written && setting.failover == Failover::Waits {
            self.replicate();
        }
    }

    /// The replica has everything.
    pub(super) fn replicate(&mut self) {
        if let Some(replica) = &mut self.replica {
            *replica = self.slot.clone();
        }
    }

    /// The writers whose tokens stand in the marker.
    pub(super) fn marked_by(&self) -> Vec<usize> {
        let tokens = reference_store::tokens(&self.slot, self.now_ms());
        (0..self.writers.len())
            .filter(|writer| tokens.iter().any(|there| there.token == token(*writer)))
            .collect()
    }

    /// A writer's token comes to its end; with the last one the key does.
    pub(super) fn end_token(&mut self, writer: usize) {
        let now_ms = self.now_ms();
        reference_store::mark(&mut self.slot, token(writer), 0, now_ms);
        if reference_store::tokens(&self.slot, self.now_ms()).is_empty() {
            self.slot = Slot::Empty;
        }
    }

    /// The lease there, if its reader will not write in its place any more: a command of it failed.
    pub(super) fn orphan(&self, setting: &Setting) -> Option<Head> {
        let Slot::Text(text) = &self.slot else { return None };
        let there = Head::of(text);
        let leases = (0..self.readers.len()).flat_map(|reader| [(reader, false), (reader, true)]);
        let (owner, again) = leases.into_iter().find(|(reader, again)| {
            Head::of(&key_state::lease(lease_nonce(*reader, *again, setting))) == there
        })?;
        let holds = self.again[owner] == again
            && matches!(
                self.readers[owner],
                Reader::At {
                    action: Action::Load(Fill::Lease(_)) | Action::Acquire | Action::GetOrLease,
                    ..
                } | Reader::Loaded { fill: Fill::Lease(_), .. }
            );
        (!holds).then_some(there)
    }

    fn now_ms(&self) -> u64 {
        if self.is_set_back { SET_BACK_MS } else { NOW_MS }
    }
}

/// The view of a reader. Chance decides whether an entry is due, which is up to the caller.
pub(super) fn see(slot: &Slot, kind: Kind) -> Outcome {
    match slot {
        Slot::Empty => Outcome::Nothing,
        Slot::Other => Outcome::Unreadable(Head::NONE),
        Slot::Text(text) => match KeyState::read(text, KEY, None, kind) {
            KeyState::Entry(_) => Outcome::Entry,
            KeyState::OtherEntries => Outcome::Others(Head::of(text)),
            KeyState::Lease => Outcome::Lease,
            KeyState::Marker => Outcome::Marker,
            KeyState::Unreadable(_) => Outcome::Unreadable(Head::of(text)),
        },
    }
}

pub(super) fn lease_nonce(reader: usize, again: bool, setting: &Setting) -> Nonce {
    nonce(if again { 4 } else { 1 }, if setting.lacks(Ablation::OneNonceForAll) { 0 } else { reader })
}

fn token(writer: usize) -> Nonce {
    nonce(3, writer)
}

fn nonce(kind: u8, number: usize) -> Nonce {
    let mut nonce = [kind; 16];
    nonce[1] = u8::try_from(number).unwrap_or(u8::MAX);
    nonce
}

/// The type as which a reader caches the row.
pub(super) fn kind(reader: usize, setting: &Setting) -> Kind {
    Kind { codec: CodecId(2), type_tag: u32::from(reader % setting.types == 1) }
}

fn entry_of(reader: usize, version: u8, setting: &Setting) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry::begin(&mut bytes);
    bytes.push(version);
    let Kind { codec, type_tag } = kind(reader, setting);
    let header = Header { codec, type_tag, nonce: nonce(2, reader), expires_at_ms: LATER_MS, load_us: 1 };
    entry::seal(&mut bytes, KEY, &header).unwrap();
    bytes
}
