//! One connection with the buffers of a read: the steps of the protocol that the library and the
//! bench share.

mod many;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::codec::{Codec, CodecError};
use super::entry::{self, Arriving, Checksum, Corrupt, Header, Kind, Parsed};
use super::key::Key;
use super::ledger::{Ledger, SentFill};
use super::protocol::draw_nonce;
use super::protocol::key_state::{self, Head, KeyState};
use super::protocol::read_machine::Outcome;
use super::protocol::timing;
use super::store::{Acquired, Found, Store};
use super::wire::WireError;

/// The view of a read under its key.
pub struct Observation<T> {
    pub outcome: Outcome,
    /// The answer of a good entry: the value, or that the row is known to be missing.
    pub answer: Option<Option<T>>,
}

impl<T> Observation<T> {
    /// Without an answer.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, answer: None }
    }
}

/// Why a value did not become an entry.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("{0}")]
    Codec(#[from] CodecError),
    #[error("the entry is too long for its format: {0}")]
    Entry(#[from] Corrupt),
    #[error("no random number: {0}")]
    Random(#[from] std::io::Error),
}

/// A connection and its buffers, which are kept from read to read.
pub struct Session {
    pub store: Store,
    /// The key of the read at hand.
    pub key: Vec<u8>,
    reply: Vec<u8>,
    /// The checksum of the reply, if it was long enough to have it taken on the way.
    arrived: Option<Checksum>,
    entry: Vec<u8>,
    /// The lease that the command at hand puts, replaces or removes, until its answer is there.
    unsettled: Option<Head>,
    ledger: Ledger,
    /// Entries that were sent and whose replies were not taken, in the order of their replies.
    sent: VecDeque<SentFill>,
    /// Entries that were made here so far: the last one is in `entry`.
    made: u64,
}

impl Session {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            key: Vec::new(),
            reply: Vec::new(),
            arrived: None,
            entry: Vec::new(),
            unsettled: None,
            ledger: Ledger::default(),
            sent: VecDeque::new(),
            made: 0,
        }
    }

    /// Has it recognise leases whose fate is unknown, and add to them.
    pub(crate) fn recording(mut self, ledger: Ledger) -> Self {
        self.ledger = ledger;
        self
    }

    /// Sends the entry that was made last in the place of the lease, and leaves the reply for
    /// later. False if that cannot be done now: nothing was sent then.
    pub(crate) fn send_replace(&mut self, key: &Key, lease: Head, ttl: Duration) -> Result<bool, WireError> {
        if !self.store.can_send_ahead(self.entry.len()) {
            return Ok(false);
        }
        self.unsettled = Some(lease);
        self.store.send_replace(&self.key, lease, &self.entry, ttl)?;
        self.unsettled = None;
        self.sent.push_back(SentFill::new(key, &self.key, lease, ttl, self.made));
        Ok(true)
    }

    /// Whether replies to entries that were sent are still to be read.
    #[inline]
    pub(crate) fn has_unread(&mut self) -> bool {
        self.store.connection().unread() > 0
    }

    /// Sends an entry whole, whose script the server did not know: nothing was done. Only if its
    /// bytes are still here.
    fn send_again(&mut self, sent: &SentFill, error: WireError) -> Result<bool, WireError> {
        if error.server_code() != Some("NOSCRIPT") || sent.number != self.made {
            return Err(error);
        }
        self.store.replace(&sent.name, sent.lease, &self.entry, sent.ttl)
    }

    /// Counts the replies that were read to entries that were sent before. Returns what Redis
    /// refused.
    #[inline]
    pub(crate) fn settle_sent(&mut self) -> Option<WireError> {
        if self.sent.is_empty() { None } else { self.settle_late() }
    }

    #[cold]
    fn settle_late(&mut self) -> Option<WireError> {
        let mut refused = None;
        while let Some(reply) = self.store.connection().take_late() {
            let Some(sent) = self.sent.pop_front() else { break };
            match reply {
                Ok(is_stored) => self.ledger.answered(is_stored),
                Err(error) => {
                    self.store.server().may_have_forgotten();
                    match self.send_again(&sent, error) {
                        Ok(is_stored) => self.ledger.answered(is_stored),
                        Err(error) => {
                            self.ledger.failed(&sent);
                            refused = Some(error);
                        }
                    }
                }
            }
        }
        refused
    }

    /// The lease that a command without an answer may have put, or left.
    pub(crate) fn unsettled_lease(&mut self) -> Option<Head> {
        self.unsettled.take()
    }

    /// The number of round trips so far.
    #[inline]
    pub(crate) fn exchanges(&mut self) -> u64 {
        self.store.connection().exchanges()
    }

    /// Gives the memory of large values back.
    pub fn shrink(&mut self, kept_bytes: usize) {
        self.made += u64::from(self.entry.capacity() > kept_bytes);
        for buffer in [&mut self.reply, &mut self.entry] {
            if buffer.capacity() > kept_bytes {
                *buffer = Vec::new();
            }
        }
    }

    /// Reads the value under the key, as bytes.
    #[inline]
    pub fn get(&mut self) -> Result<Found, WireError> {
        let (key, mut arriving) = (&self.key, None::<Arriving>);
        let found = self.store.get(key, &mut self.reply, &mut |piece| {
            arriving.get_or_insert_with(|| Arriving::under(key)).piece(piece);
        });
        self.arrived = arriving.and_then(Arriving::checksum);
        found
    }

    /// Looks; if nothing is stored, a lease with a nonce of its own is there afterwards, if the
    /// server does that in the same command.
    pub(crate) fn get_or_lease(&mut self, lives: Duration) -> Result<(Acquired, Head), WireError> {
        match self.try_lease(lives)? {
            (Some(acquired), head) => Ok((acquired, head)),
            (None, head) => Ok((Acquired::Found(self.get()?), head)),
        }
    }

    /// Puts a lease with a nonce of its own there, if nothing is stored there.
    pub fn acquire(&mut self, lives: Duration) -> Result<(Acquired, Head), WireError> {
        if let (Some(acquired), head) = self.try_lease(lives)? {
            return Ok((acquired, head));
        }
        let lease = key_state::lease(draw_nonce()?);
        let head = Head::of(&lease);
        self.arrived = None;
        self.unsettled = Some(head);
        let acquired = self.store.acquire(&self.key, &lease, lives, &mut self.reply)?;
        self.unsettled = None;
        Ok((acquired, head))
    }

    fn try_lease(&mut self, lives: Duration) -> Result<(Option<Acquired>, Head), WireError> {
        let lease = key_state::lease(draw_nonce()?);
        let head = Head::of(&lease);
        self.unsettled = Some(head);
        let (key, mut arriving) = (&self.key, None::<Arriving>);
        let acquired = self.store.get_or_lease(key, &lease, lives, &mut self.reply, &mut |piece| {
            arriving.get_or_insert_with(|| Arriving::under(key)).piece(piece);
        });
        self.arrived = arriving.and_then(Arriving::checksum);
        let acquired = acquired?;
        self.unsettled = None;
        Ok((acquired, head))
    }

    /// Understands what was found. With `beta`, a good entry may be due for an early refresh.
    #[inline]
    pub fn read<T>(&mut self, found: Found, codec: &dyn Codec<T>, beta: f64) -> Observation<T> {
        self.read_timely(found, codec, beta, false)
    }

    /// Like [`read`](Self::read). If values are kept longer than their time to live, one that is
    /// past it is told apart.
    #[inline]
    pub(super) fn read_timely<T>(
        &mut self,
        found: Found,
        codec: &dyn Codec<T>,
        beta: f64,
        keeps_longer: bool,
    ) -> Observation<T> {
        match found {
            Found::Nothing => return Observation::of(Outcome::Nothing),
            Found::Other => return Observation::of(Outcome::Unreadable(Head::NONE)),
            Found::Text => {}
        }
        let observation =
            understand(&mut self.reply, &self.key, self.arrived.take(), codec, beta, keeps_longer);
        if observation.outcome == Outcome::Lease {
            let lease = Head::of(&self.reply);
            if self.ledger.orphans.contains(lease) {
                return Observation::of(Outcome::Orphan(lease));
            }
        }
        observation
    }

    /// Makes the entry that [`Session::replace`] writes. No value: the row does not exist.
    pub fn encode<T>(
        &mut self,
        value: Option<&T>,
        codec: &dyn Codec<T>,
        ttl: Duration,
        load_us: u32,
    ) -> Result<(), EncodeError> {
        self.made += 1;
        write_entry(&mut self.entry, &self.key, value, codec, ttl, load_us)
    }

    /// The encoded value that was made last.
    pub(super) fn payload(&self) -> &[u8] {
        self.entry.get(entry::HEADER_BYTES..).unwrap_or_default()
    }

    /// The entries of other types that were seen last, as many as are kept beside a new one.
    pub(super) fn other_entries(&self, max_bytes: usize) -> Vec<u8> {
        entry::first_entries(&self.reply, max_bytes).to_vec()
    }

    /// Writes the entry that was made last in front of the others, which begin with this and expire
    /// when they would have.
    pub(super) fn put_before(&mut self, expected: Head, others: &[u8]) -> Result<bool, WireError> {
        self.made += 1;
        self.entry.extend_from_slice(others);
        self.store.replace_keeping_ttl(&self.key, expected, &self.entry)
    }

    /// The length of the value that was encoded last.
    pub fn payload_bytes(&self) -> usize {
        self.entry.len().saturating_sub(entry::HEADER_BYTES)
    }

    /// The length of the entry that was made last, its header included.
    pub fn entry_bytes(&self) -> usize {
        self.entry.len()
    }

    /// Writes the entry that was made last in the place of what must stand there.
    pub fn replace(&mut self, expected: Head, ttl: Duration) -> Result<bool, WireError> {
        self.settle(expected, |session| session.store.replace(&session.key, expected, &session.entry, ttl))
    }

    /// Removes what must stand there.
    pub fn remove(&mut self, expected: Head) -> Result<bool, WireError> {
        self.settle(expected, |session| session.store.remove(&session.key, expected))
    }

    /// Does something to what must be there. If it is a lease, nothing is known of it until the
    /// answer comes.
    fn settle(
        &mut self,
        expected: Head,
        command: impl FnOnce(&mut Self) -> Result<bool, WireError>,
    ) -> Result<bool, WireError> {
        self.unsettled = expected.is_lease().then_some(expected);
        let outcome = command(self);
        if matches!(outcome, Ok(_) | Err(WireError::Server(_))) {
            self.unsettled = None;
        }
        outcome
    }
}

/// Makes an entry in the place of what `entry` holds. No value: the row does not exist.
pub(crate) fn write_entry<T>(
    entry: &mut Vec<u8>,
    key: &[u8],
    value: Option<&T>,
    codec: &dyn Codec<T>,
    ttl: Duration,
    load_us: u32,
) -> Result<(), EncodeError> {
    let (nonce, expires_at_ms) = (draw_nonce()?, now_ms().saturating_add(whole_ms(ttl)));
    let Some(value) = value else {
        entry::seal_missing(entry, key, nonce, expires_at_ms, load_us);
        return Ok(());
    };
    entry::begin(entry);
    codec.encode(value, entry)?;
    let header = Header { codec: codec.id(), type_tag: codec.type_tag(), nonce, expires_at_ms, load_us };
    Ok(entry::seal(entry, key, &header)?)
}

/// Entries that were sent and not answered will not be.
impl Drop for Session {
    fn drop(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        self.store.server().may_have_forgotten();
        self.settle_late();
        self.sent.drain(..).for_each(|sent| self.ledger.failed(&sent));
    }
}

/// Understands the bytes that stand under a key. The codec may keep them.
#[inline]
pub(super) fn understand<T>(
    bytes: &mut Vec<u8>,
    key: &[u8],
    arrived: Option<Checksum>,
    codec: &dyn Codec<T>,
    beta: f64,
    keeps_longer: bool,
) -> Observation<T> {
    let head = Head::of(bytes);
    let kind = Kind { codec: codec.id(), type_tag: codec.type_tag() };
    match KeyState::read(bytes, key, arrived, kind) {
        KeyState::Entry(Parsed { header, payload }) => {
            let answer = match payload.map(|payload| codec.decode(bytes, payload)).transpose() {
                Ok(answer) => answer,
                Err(_) => return Observation::of(Outcome::Unreadable(head)),
            };
            let outcome = match () {
                () if keeps_longer && header.expires_at_ms <= now_ms() => Outcome::Expired(head),
                () if is_due(&header, beta) => Outcome::Due(head),
                () => Outcome::Entry,
            };
            Observation { outcome, answer: Some(answer) }
        }
        KeyState::OtherEntries => Observation::of(Outcome::Others(head)),
        KeyState::Lease => Observation::of(Outcome::Lease),
        KeyState::Marker => Observation::of(Outcome::Marker),
        KeyState::Unreadable(_) => Observation::of(Outcome::Unreadable(head)),
    }
}

fn is_due(header: &Header, beta: f64) -> bool {
    // Random numbers are from [0, 1), and the logarithm wants (0, 1].
    beta > 0.0
        && timing::is_due(header.load_us, beta, header.expires_at_ms, now_ms(), || {
            1.0 - rand::random::<f64>()
        })
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, whole_ms)
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
