//! The faults of Redis, in the words of the library's errors.

use std::io;

use super::wire::WireError;
use crate::endpoint::RedisEndpoint;

/// Redis did not do what it was asked. Reads never fail with it: they fall back to the database.
#[derive(Debug, thiserror::Error)]
#[error("Redis at {address}: {cause}{}", hint(cause))]
pub struct RedisError {
    address: String,
    #[source]
    cause: WireError,
}

/// The ways in which Redis does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisErrorKind {
    /// There is no connection, or it was lost. Whether the command was done is unknown.
    Unreachable,
    /// No whole answer came in time. Whether the command was done is unknown, and it may still be
    /// done later.
    TimedOut,
    /// Redis answered, and refused: full, read-only, loading, or forbidden.
    Refused,
    /// The reply is no answer to the command.
    Nonsense,
    /// All connections were in use for too long; see
    /// [`Options::max_connections`](struct@crate::Options#structfield.max_connections).
    Busy,
}

impl Clone for RedisError {
    fn clone(&self) -> Self {
        self.copy()
    }
}

impl RedisError {
    pub(crate) fn new(endpoint: &RedisEndpoint, cause: WireError) -> Self {
        Self { address: endpoint.name(), cause }
    }

    /// The same error once more.
    pub(crate) fn copy(&self) -> Self {
        Self { address: self.address.clone(), cause: self.cause.copy() }
    }

    /// Which way it was.
    pub fn kind(&self) -> RedisErrorKind {
        match &self.cause {
            error if error.is_busy() => RedisErrorKind::Busy,
            WireError::Io(error) if error.kind() == io::ErrorKind::TimedOut => RedisErrorKind::TimedOut,
            WireError::Io(_) => RedisErrorKind::Unreachable,
            WireError::Server(_) | WireError::NotOpened(_) => RedisErrorKind::Refused,
            WireError::Protocol(_) => RedisErrorKind::Nonsense,
        }
    }

    /// Whether the server refuses writes for want of replicas.
    pub(crate) fn lacks_replicas(&self) -> bool {
        self.cause.lacks_replicas()
    }

    /// The server's own code where it refused, for example `OOM`, `READONLY`, `LOADING` or
    /// `NOAUTH`.
    pub fn server_code(&self) -> Option<&str> {
        self.cause.server_code()
    }
}

fn hint(cause: &WireError) -> &'static str {
    match cause.server_code() {
        Some("NOAUTH" | "WRONGPASS") => " (look at the user and the password in the URL)",
        Some("NOPERM") => {
            " (the account needs GET, SET, GETRANGE, UNLINK, TIME, PTTL, PEXPIRE, EVAL and EVALSHA; SELECT for a \
             database other than 0; SCAN to invalidate a kind; WATCH, MULTI, EXEC and DISCARD to write large values quickly; WAIT \
             to wait for replicas; ROLE or INFO if it may)"
        }
        Some("MOVED" | "ASK" | "TRYAGAIN") => " (the cluster moves this slot: try again in a while)",
        Some("CLUSTERDOWN") => {
            " (the cluster has no node for this key now: wait for a failover, or look at `redis-cli --cluster check`)"
        }
        Some("SENTINEL") => " (name the primary that it watches)",
        Some("READONLY") => " (this is a replica: name the primary in the URL)",
        Some("LOADING") => " (it is still loading its data: try again in a while)",
        Some("OOM") => " (it is full: raise maxmemory or choose a policy that evicts)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_command_is_explained_by_all_that_the_account_needs() {
        let cause = WireError::Server("NOPERM this user has no permissions".to_owned());
        let endpoint = RedisEndpoint::parse("redis://127.0.0.1:1/2").unwrap();
        let words = RedisError::new(&endpoint, cause).to_string();
        for command in ["GETRANGE", "EVALSHA", "SELECT", "SCAN", "WATCH", "MULTI", "EXEC", "DISCARD", "ROLE"]
        {
            assert!(words.contains(command), "{command} in {words}");
        }
        assert!(!words.contains("  "), "{words}");
    }
}
