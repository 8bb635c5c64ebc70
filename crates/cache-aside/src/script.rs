//! The scripts that Redis runs, each sent whole only where the server does not know it yet.

use std::sync::LazyLock;

use super::wire::{Connection, Reply, WireError};

/// A script and the name under which Redis remembers it.
pub(crate) struct Script {
    text: &'static str,
    sha1: String,
}

pub(crate) static ACQUIRE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/acquire.lua")));
pub(crate) static REPLACE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/replace.lua")));
pub(crate) static WRITERS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/writers.lua")));

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, sha1: sha1_smol::Sha1::from(text).digest().to_string() }
    }

    /// Runs it on one key. A string that it answers replaces what `value` holds.
    pub(crate) fn run<const N: usize>(
        &self,
        connection: &mut Connection,
        key: &[u8],
        arguments: [&[u8]; N],
        value: &mut Vec<u8>,
    ) -> Result<Reply, WireError> {
        let mut send = |command: &[u8], script: &[u8]| {
            let mut words = Vec::with_capacity(4 + N);
            words.extend_from_slice(&[command, script, b"1", key]);
            words.extend_from_slice(&arguments);
            connection.command(&words, value)
        };
        match send(b"EVALSHA", self.sha1.as_bytes()) {
            // A server that restarted, failed over, or flushed its scripts. It has done nothing, so this is no second try.
            Err(error) if error.server_code() == Some("NOSCRIPT") => send(b"EVAL", self.text.as_bytes()),
            outcome => outcome,
        }
    }
}
