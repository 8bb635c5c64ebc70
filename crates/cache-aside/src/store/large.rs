//! Compare-and-set of a large entry without a script: Redis copies what a script is given several
//! times over, which takes 8 ms for 5 MB. A transaction on a watched key compares the same and
//! copies nothing, for one round trip more.

use std::sync::atomic::Ordering;

use super::Store;
use crate::protocol::key_state::{HEAD_BYTES, Head};
use crate::wire::{Reply, WireError};

/// From here on the copies cost more than a round trip.
pub(crate) const LARGE_BYTES: usize = 64 * 1024;

/// The result of the first half.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// The key holds what is expected, and the transaction fails if it changes or expires from now
    /// on.
    Expected,
    SomethingElse,
    /// This server, a proxy before it, or this account cannot do it.
    Unable,
}

/// The result of the second half.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// The key has changed meanwhile.
    Changed,
    /// EXEC was refused, and so nothing was done.
    Unable,
}

impl Store {
    /// None where the script has to do it.
    pub(super) fn replace_large(
        &mut self,
        key: &[u8],
        expected: Head,
        entry: &[u8],
        ttl_ms: &[u8],
    ) -> Result<Option<bool>, WireError> {
        let watched = self.watch(key, expected);
        self.server.began_transaction(watched.as_ref().err());
        match watched? {
            Watched::Expected => {}
            Watched::SomethingElse => return Ok(Some(false)),
            Watched::Unable => return Ok(None),
        }
        Ok(match self.set_watched(key, entry, ttl_ms)? {
            Put::Done => Some(true),
            Put::Changed => Some(false),
            Put::Unable => None,
        })
    }

    /// Watches the key, reads its first bytes, and begins a transaction.
    pub(super) fn watch(&mut self, key: &[u8], expected: Head) -> Result<Watched, WireError> {
        let last = (HEAD_BYTES - 1).to_string();
        let (mut head, mut refused) = (Vec::new(), None);
        let mut replies = [Ok(Reply::Nil), Ok(Reply::Nil), Ok(Reply::Nil)];
        let mut places = replies.iter_mut();
        // MULTI goes ahead of the SET: were it refused in one go with it, the SET would be done
        // unconditionally.
        let commands: [&[&[u8]]; 3] =
            [&[b"WATCH", key], &[b"GETRANGE", key, b"0", last.as_bytes()], &[b"MULTI"]];
        self.connection.batch(&commands, |reply, value| {
            if matches!(reply, Ok(Reply::Bytes)) {
                head = value.to_vec();
            }
            if let Some(place) = places.next() {
                *place = reply;
            }
        })?;
        let [watch, read, multi] = replies;
        let has_begun = match multi {
            Ok(Reply::Status) => true,
            Ok(Reply::Integer(_) | Reply::Bytes | Reply::Nil) => return Err(self.connection.unexpected()),
            Err(error) => {
                self.remember(&error);
                refused = Some(error);
                false
            }
        };
        match watch {
            Ok(Reply::Status) => {}
            Ok(Reply::Integer(_) | Reply::Bytes | Reply::Nil) => return Err(self.connection.unexpected()),
            Err(error) => {
                self.remember(&error);
                refused = Some(error);
            }
        }
        match read {
            Ok(Reply::Bytes) => {}
            Ok(Reply::Status | Reply::Integer(_) | Reply::Nil) => return Err(self.connection.unexpected()),
            Err(error) => refused = Some(error),
        }
        if refused.is_none() && head == expected.as_bytes() && !head.is_empty() {
            return Ok(Watched::Expected);
        }
        let is_over = !has_begun || self.discard()?.is_over();
        match refused {
            None => Ok(Watched::SomethingElse),
            Some(error) if !is_over || error.is_unfit() || error.is_redirect() => Err(error),
            Some(_) => Ok(Watched::Unable),
        }
    }

    /// Ends the transaction.
    pub(super) fn set_watched(&mut self, key: &[u8], entry: &[u8], ttl_ms: &[u8]) -> Result<Put, WireError> {
        let set: &[&[u8]] = if ttl_ms.is_empty() {
            &[b"SET", key, entry, b"KEEPTTL"]
        } else {
            &[b"SET", key, entry, b"PX", ttl_ms]
        };
        match self.connection.pipeline([set, &[b"EXEC"]], &mut Vec::new()) {
            Ok(Reply::Status) => Ok(Put::Done),
            Ok(Reply::Nil) => Ok(Put::Changed),
            Ok(Reply::Integer(_) | Reply::Bytes) => Err(self.connection.unexpected()),
            Err(error @ WireError::Server(_)) => self.after_refusal(error),
            Err(error) => Err(error),
        }
    }

    /// The SET or the EXEC was refused. A refused EXEC can leave the connection within the
    /// transaction.
    fn after_refusal(&mut self, error: WireError) -> Result<Put, WireError> {
        // This code comes first only where the SET was taken: it is the EXEC that was refused, and
        // that ended the transaction.
        let is_aborted = error.server_code() == Some("EXECABORT");
        match self.discard()? {
            Discarded::Now => {}
            Discarded::Before if is_aborted => {}
            Discarded::Before | Discarded::Unknown => return Err(error),
        }
        if error.is_unfit() || error.is_redirect() {
            return Err(error);
        }
        self.server.without_transactions.store(true, Ordering::Relaxed);
        Ok(Put::Unable)
    }

    /// Leaves the transaction and watches nothing any more. Where that is refused, the connection
    /// is of no more use: its next command might be queued.
    fn discard(&mut self) -> Result<Discarded, WireError> {
        match self.connection.pipeline([&[b"DISCARD"]], &mut Vec::new()) {
            Ok(Reply::Status) => Ok(Discarded::Now),
            Ok(Reply::Integer(_) | Reply::Bytes | Reply::Nil) => Err(self.connection.unexpected()),
            Err(WireError::Server(words)) if words.contains("without MULTI") => Ok(Discarded::Before),
            Err(error @ WireError::Server(_)) => {
                self.connection.give_up();
                self.remember(&error);
                Ok(Discarded::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    /// A command of transactions was refused: if for good, the script is used from now on.
    fn remember(&self, error: &WireError) {
        if matches!(error.server_code(), Some("NOPERM" | "ERR")) {
            self.server.without_transactions.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether a transaction was open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Discarded {
    /// It was, and is not any more.
    Now,
    /// It was over already.
    Before,
    /// The server did not say.
    Unknown,
}

impl Discarded {
    fn is_over(self) -> bool {
        self != Self::Unknown
    }
}
