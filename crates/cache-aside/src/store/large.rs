//! Compare-and-set of a large entry without a script: Redis copies what a script is given several times over, which takes
//! 8 ms for 5 MB. A transaction on a watched key compares the same and copies nothing, for one round trip more.

use super::Store;
use crate::protocol::standing::{HEAD_BYTES, Head};
use crate::wire::{Reply, WireError};

/// From here on the copies cost more than a round trip.
pub(super) const LARGE_BYTES: usize = 64 * 1024;

/// What the first half found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// It stands there, and the transaction fails if it changes or expires from now on.
    Expected,
    SomethingElse,
    /// This server, or a proxy before it, does not do that.
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
        match self.watch(key, expected)? {
            Watched::Expected => self.set_watched(key, entry, ttl_ms).map(Some),
            Watched::SomethingElse => Ok(Some(false)),
            Watched::Unable => Ok(None),
        }
    }

    /// Watches the key, looks at what stands there, and begins a transaction.
    pub(super) fn watch(&mut self, key: &[u8], expected: Head) -> Result<Watched, WireError> {
        let last = (HEAD_BYTES - 1).to_string();
        let mut head = Vec::new();
        // MULTI goes ahead of the SET: were it refused in one go with it, the SET would be done unconditionally.
        let begun = self
            .connection
            .pipeline([&[b"WATCH", key], &[b"GETRANGE", key, b"0", last.as_bytes()], &[b"MULTI"]], &mut head);
        match begun {
            Ok(Reply::Status) if head == expected.as_bytes() && !head.is_empty() => {
                return Ok(Watched::Expected);
            }
            Ok(Reply::Status) => self.discard()?,
            Ok(Reply::Integer(_) | Reply::Bytes | Reply::Nil) => return Err(self.connection.unexpected()),
            Err(WireError::Server(_)) => {
                self.discard()?;
                return Ok(Watched::Unable);
            }
            Err(error) => return Err(error),
        }
        Ok(Watched::SomethingElse)
    }

    /// Ends the transaction; false where the key has changed meanwhile.
    pub(super) fn set_watched(&mut self, key: &[u8], entry: &[u8], ttl_ms: &[u8]) -> Result<bool, WireError> {
        let set: &[&[u8]] = if ttl_ms.is_empty() {
            &[b"SET", key, entry, b"KEEPTTL"]
        } else {
            &[b"SET", key, entry, b"PX", ttl_ms]
        };
        match self.connection.pipeline([set, &[b"EXEC"]], &mut Vec::new())? {
            Reply::Status => Ok(true),
            Reply::Nil => Ok(false),
            Reply::Integer(_) | Reply::Bytes => Err(self.connection.unexpected()),
        }
    }

    /// Leaves the transaction, if there is one, and watches nothing any more.
    fn discard(&mut self) -> Result<(), WireError> {
        match self.connection.pipeline([&[b"DISCARD"]], &mut Vec::new()) {
            // An error says that there was none.
            Ok(Reply::Status) | Err(WireError::Server(_)) => Ok(()),
            Ok(Reply::Integer(_) | Reply::Bytes | Reply::Nil) => Err(self.connection.unexpected()),
            Err(error) => Err(error),
        }
    }
}
