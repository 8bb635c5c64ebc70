//! The operations of the protocol on one key, each atomic, over one connection.

mod large;
mod many;
pub(crate) mod server;

pub(crate) use self::large::LARGE_BYTES;
pub(crate) use self::many::Change;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use self::server::Server;
use super::protocol::key_state::{Head, LEASE_HEADER, MARKER_HEADER, MAX_MARKER_MS};
use super::protocol::{Nonce, draw_nonce};
use super::script::{ACQUIRE, REPLACE, SETTLE, WRITERS};
use super::wire::{Connection, Reply, WireError};

/// The result of a look under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A string; its bytes are in the buffer that was given, or only its first ones if it is longer
    /// than any entry. The connection is of no more use then.
    Text,
    /// A key of another type.
    Other,
}

/// The result of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is there and ours.
    Held,
    Found(Found),
}

/// Whether a removal is written, and so sent to replicas, where there was nothing to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    IfRemoved,
    /// A `WAIT` that follows waits for it, and with it for all that the server did before.
    Always,
}

impl Propagation {
    fn argument(self) -> &'static [u8] {
        match self {
            Self::IfRemoved => b"0",
            Self::Always => b"1",
        }
    }
}

/// A connection that speaks the protocol.
pub struct Store {
    connection: Connection,
    server: Arc<Server>,
}

/// The most entries that are sent ahead on one connection.
const MOST_AHEAD: usize = 8;

impl Store {
    pub fn new(connection: Connection) -> Self {
        Self { connection, server: Arc::default() }
    }

    /// Shares with other connections to the same server what is learned about it.
    pub(crate) fn sharing(self, server: Arc<Server>) -> Self {
        Self { server, ..self }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn is_fit(&self) -> bool {
        self.connection.is_fit()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.connection.is_broken()
    }

    /// The bare connection, for what is no part of the protocol.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Reads the value: one round trip and no script. `seen` is shown a long one while it arrives.
    #[inline]
    pub fn get(
        &mut self,
        key: &[u8],
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Found, WireError> {
        match self.connection.get(key, value, seen) {
            Ok(true) => Ok(Found::Text),
            Ok(false) => Ok(Found::Nothing),
            Err(error) if error.server_code() == Some("WRONGTYPE") => Ok(Found::Other),
            Err(_) if self.connection.was_too_long() => Ok(Found::Text),
            Err(error) => Err(error),
        }
    }

    /// Looks, and puts the lease there if nothing is stored, in one command. `None`: this server
    /// does not do that now, and nothing was done. Never to be tried again with the same lease, as
    /// [`acquire`](Self::acquire).
    pub(crate) fn get_or_lease(
        &mut self,
        key: &[u8],
        lease: &[u8],
        lives: Duration,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Acquired>, WireError> {
        if !self.server.takes_leases() {
            return Ok(None);
        }
        match self.connection.get_or_set([key, lease, &ms(lives)], value, seen) {
            Ok(Reply::Nil) => Ok(Some(Acquired::Held)),
            Ok(Reply::Bytes) => Ok(Some(Acquired::Found(Found::Text))),
            Ok(Reply::Status | Reply::Integer(_)) => {
                let error = self.connection.unexpected();
                self.server.refuses_leases(&error);
                Err(error)
            }
            Err(error) if error.server_code() == Some("WRONGTYPE") => Ok(Some(Acquired::Found(Found::Other))),
            Err(_) if self.connection.was_too_long() => Ok(Some(Acquired::Found(Found::Text))),
            Err(error) if error.is_redirect() => Err(error),
            Err(error @ WireError::Server(_)) => {
                self.server.refuses_leases(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the lease there, if nothing stands there. Never to be tried again with the same lease:
    /// the first try may still be on its way, and arrive after a write.
    pub fn acquire(
        &mut self,
        key: &[u8],
        lease: &[u8],
        lives: Duration,
        value: &mut Vec<u8>,
    ) -> Result<Acquired, WireError> {
        match ACQUIRE.run(&mut self.connection, key, [lease, &ms(lives)], value) {
            Ok(Reply::Status) => Ok(Acquired::Held),
            Ok(Reply::Bytes) => {
                self.connection.expect_no_reply()?;
                Ok(Acquired::Found(Found::Text))
            }
            Ok(Reply::Integer(_) | Reply::Nil) => Err(self.connection.unexpected()),
            Err(error) if error.server_code() == Some("WRONGTYPE") => Ok(Acquired::Found(Found::Other)),
            Err(_) if self.connection.was_too_long() => Ok(Acquired::Found(Found::Text)),
            Err(error) => Err(error),
        }
    }

    /// Puts the entry in the place of what must stand there. False where something else does.
    pub fn replace(
        &mut self,
        key: &[u8],
        expected: Head,
        entry: &[u8],
        ttl: Duration,
    ) -> Result<bool, WireError> {
        self.replace_until(key, expected, entry, &ms(ttl))
    }

    /// Like [`replace`](Self::replace); the new bytes expire when the old ones would have.
    pub fn replace_keeping_ttl(
        &mut self,
        key: &[u8],
        expected: Head,
        entry: &[u8],
    ) -> Result<bool, WireError> {
        self.replace_until(key, expected, entry, b"")
    }

    /// No time to live: that of what is replaced.
    fn replace_until(
        &mut self,
        key: &[u8],
        expected: Head,
        entry: &[u8],
        ttl_ms: &[u8],
    ) -> Result<bool, WireError> {
        // A slot that moves in the middle of a transaction would end it.
        if entry.len() >= large::LARGE_BYTES
            && !self.connection.is_asking()
            && !self.server.without_transactions.load(Ordering::Relaxed)
            && let Some(done) = self.replace_large(key, expected, entry, ttl_ms)?
        {
            return Ok(done);
        }
        let arguments = [expected.as_bytes(), entry, ttl_ms];
        match REPLACE.run(&mut self.connection, key, arguments, &mut Vec::new())? {
            Reply::Integer(done) => {
                self.server.has_run_replace();
                Ok(done == 1)
            }
            Reply::Status | Reply::Bytes | Reply::Nil => Err(self.connection.unexpected()),
        }
    }

    /// Whether [`send_replace`](Self::send_replace) may be used for an entry of this length.
    pub(crate) fn can_send_ahead(&self, entry_bytes: usize) -> bool {
        entry_bytes < large::LARGE_BYTES
            && !self.connection.is_asking()
            && self.connection.unread() < MOST_AHEAD
            && self.server.takes_entries_unseen()
    }

    /// Does the same as [`replace`](Self::replace), and leaves the reply for later.
    pub(crate) fn send_replace(
        &mut self,
        key: &[u8],
        expected: Head,
        entry: &[u8],
        ttl: Duration,
    ) -> Result<(), WireError> {
        REPLACE.send_ahead(&mut self.connection, key, [expected.as_bytes(), entry, &ms(ttl)])
    }

    /// Removes what must stand there: a lease that is given up, or what nobody can read.
    pub fn remove(&mut self, key: &[u8], expected: Head) -> Result<bool, WireError> {
        if expected.is_marker() {
            // A damaged marker may hold writers all the same: they stay.
            return self.invalidate(key).map(|()| true);
        }
        self.replace(key, expected, b"", Duration::ZERO)
    }

    /// Adds a writer to the marker, in the place of whatever else stands there.
    pub fn mark(&mut self, key: &[u8], token: Nonce, stands: Duration) -> Result<(), WireError> {
        self.writers(key, token, &ms(stands)).map(drop)
    }

    /// Takes a writer out of the marker; the last one removes it. Removes whatever else stands
    /// there. Returns whether the writer's token stood there until now.
    pub fn finish(&mut self, key: &[u8], token: Nonce) -> Result<bool, WireError> {
        self.writers(key, token, b"0")
    }

    /// Removes what stands there, save other writers' marker, under which nothing can be stale.
    pub fn invalidate(&mut self, key: &[u8]) -> Result<(), WireError> {
        let token = draw_nonce()?;
        self.writers(key, token, b"0").map(drop)
    }

    fn writers(&mut self, key: &[u8], token: Nonce, stands_ms: &[u8]) -> Result<bool, WireError> {
        let (longest, mut value) = (MAX_MARKER_MS.to_string(), Vec::new());
        let is_written = Propagation::IfRemoved.argument();
        let arguments = [&MARKER_HEADER[..], &token, stands_ms, longest.as_bytes(), is_written];
        let reply = WRITERS.run(&mut self.connection, key, arguments, &mut value)?;
        stood(reply, &value, token).ok_or_else(|| self.connection.unexpected())
    }

    /// Like [`mark`](Self::mark) for many keys in one round trip. An error for one key is in its
    /// place; one that concerns all of them is the result.
    pub(crate) fn mark_all(
        &mut self,
        keys: &[Vec<u8>],
        token: Nonce,
        stands: Duration,
    ) -> Result<Vec<Result<bool, WireError>>, WireError> {
        self.all_writers(keys, token, &ms(stands), Propagation::IfRemoved)
    }

    /// Like [`finish`](Self::finish) for many keys in one round trip. With a token that was never
    /// put, it invalidates.
    pub(crate) fn finish_all(
        &mut self,
        keys: &[Vec<u8>],
        token: Nonce,
        propagation: Propagation,
    ) -> Result<Vec<Result<bool, WireError>>, WireError> {
        self.all_writers(keys, token, b"0", propagation)
    }

    fn all_writers(
        &mut self,
        keys: &[Vec<u8>],
        token: Nonce,
        stands_ms: &[u8],
        propagation: Propagation,
    ) -> Result<Vec<Result<bool, WireError>>, WireError> {
        let (longest, is_written) = (MAX_MARKER_MS.to_string(), propagation.argument());
        let arguments = [&MARKER_HEADER[..], &token, stands_ms, longest.as_bytes(), is_written];
        let mut answers: Vec<Option<Result<bool, WireError>>> = keys.iter().map(|_| None).collect();
        let (mut is_nonsense, mut unfit) = (false, None);
        WRITERS.run_many(&mut self.connection, keys, &|_| arguments, |number, reply, value| {
            let answer = match reply {
                Ok(reply) => stood(reply, value, token).map(Ok),
                Err(error) if error.is_unfit() => {
                    unfit.get_or_insert(error.copy());
                    Some(Err(error))
                }
                Err(error) => Some(Err(error)),
            };
            is_nonsense |= answer.is_none();
            if let Some(place) = answers.get_mut(number) {
                *place = answer;
            }
        })?;
        if let Some(unfit) = unfit {
            return Err(unfit);
        }
        let answers: Option<Vec<_>> = answers.into_iter().collect();
        answers.filter(|_| !is_nonsense).ok_or_else(|| self.connection.unexpected())
    }

    /// Waits until so many replicas have what was written on this connection, or the time is over.
    /// Returns how many have.
    pub(crate) fn wait(&mut self, replicas: u32, longest: Duration) -> Result<u32, WireError> {
        let (replicas, longest) = (replicas.to_string(), ms(longest));
        match self.connection.command(&[b"WAIT", replicas.as_bytes(), &longest], &mut Vec::new())? {
            Reply::Integer(have) => Ok(u32::try_from(have).unwrap_or_default()),
            Reply::Status | Reply::Bytes | Reply::Nil => Err(self.connection.unexpected()),
        }
    }

    /// Bounds how long a lease or a marker stands there, if Redis' clock was set back.
    pub fn settle(&mut self, key: &[u8], lease: Duration) -> Result<bool, WireError> {
        let longest = MAX_MARKER_MS.to_string();
        let arguments = [&MARKER_HEADER[..], &LEASE_HEADER, &ms(lease), longest.as_bytes()];
        match SETTLE.run(&mut self.connection, key, arguments, &mut Vec::new())? {
            Reply::Integer(changed) => Ok(changed == 1),
            Reply::Status | Reply::Bytes | Reply::Nil => Err(self.connection.unexpected()),
        }
    }
}

/// Whether the token stood there; none if that is no answer to a command with this token.
fn stood(reply: Reply, value: &[u8], token: Nonce) -> Option<bool> {
    match (reply, value.strip_prefix(&token[..])) {
        (Reply::Bytes, Some(b"1")) => Some(true),
        (Reply::Bytes, Some(b"0")) => Some(false),
        _ => None,
    }
}

/// Whole milliseconds, at least one: Redis refuses to let anything live for none.
fn ms(time: Duration) -> Vec<u8> {
    time.as_millis().max(1).to_string().into_bytes()
}

#[cfg(test)]
mod differential_test;
