//! The operations of the protocol on one key, each atomic, over one connection.

mod large;

use std::time::Duration;

use super::protocol::Nonce;
use super::protocol::standing::{Head, MARKER_HEADER, MAX_MARKER_MS, TOKEN_BYTES};
use super::script::{ACQUIRE, REPLACE, WRITERS};
use super::wire::{Connection, Reply, WireError};

/// What a look found under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A string; its bytes are in the buffer that was given, or only its first ones if it is longer than any entry. The
    /// connection is of no more use then.
    Text,
    /// A key of another type.
    Other,
}

/// What asking for a lease gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is there and ours.
    Held,
    Found(Found),
}

/// A connection that speaks the protocol.
pub struct Store {
    connection: Connection,
}

impl Store {
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The bare connection, for what is no part of the protocol.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// What stands there: one round trip and no script. `seen` is shown what is long while it arrives.
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

    /// Puts the lease there, if nothing stands there. Never to be tried again with the same lease: the first try may
    /// still be on its way, and arrive after a write.
    pub fn acquire(
        &mut self,
        key: &[u8],
        lease: &[u8],
        lives: Duration,
        value: &mut Vec<u8>,
    ) -> Result<Acquired, WireError> {
        match ACQUIRE.run(&mut self.connection, key, [lease, &ms(lives)], value) {
            Ok(Reply::Status) => Ok(Acquired::Held),
            Ok(Reply::Bytes) => Ok(Acquired::Found(Found::Text)),
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

    /// As [`replace`](Self::replace); the new bytes expire when the old ones would have.
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
        if entry.len() >= large::LARGE_BYTES
            && let Some(done) = self.replace_large(key, expected, entry, ttl_ms)?
        {
            return Ok(done);
        }
        let arguments = [expected.as_bytes(), entry, ttl_ms];
        match REPLACE.run(&mut self.connection, key, arguments, &mut Vec::new())? {
            Reply::Integer(done) => Ok(done == 1),
            Reply::Status | Reply::Bytes | Reply::Nil => Err(self.connection.unexpected()),
        }
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
        self.writers(key, &token, &ms(stands))
    }

    /// Takes a writer out of the marker; the last one removes it. Removes whatever else stands there.
    pub fn finish(&mut self, key: &[u8], token: Nonce) -> Result<(), WireError> {
        self.writers(key, &token, b"0")
    }

    /// Removes what stands there, save other writers' marker, under which nothing can be stale.
    pub fn invalidate(&mut self, key: &[u8]) -> Result<(), WireError> {
        self.writers(key, &[0; TOKEN_BYTES], b"0")
    }

    fn writers(&mut self, key: &[u8], token: &[u8], stands_ms: &[u8]) -> Result<(), WireError> {
        let longest = MAX_MARKER_MS.to_string();
        let arguments = [&MARKER_HEADER[..], token, stands_ms, longest.as_bytes()];
        match WRITERS.run(&mut self.connection, key, arguments, &mut Vec::new())? {
            Reply::Status => Ok(()),
            Reply::Integer(_) | Reply::Bytes | Reply::Nil => Err(self.connection.unexpected()),
        }
    }
}

/// Whole milliseconds, at least one: Redis refuses to let anything live for none.
fn ms(time: Duration) -> Vec<u8> {
    time.as_millis().max(1).to_string().into_bytes()
}

#[cfg(test)]
mod against_the_mirror;
