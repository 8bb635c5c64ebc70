//! The scripts that Redis runs, each sent whole only where the server does not know it yet.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::wire::{Connection, Reply, WireError};

/// Hears the number of a key, the reply to its command, and the string in it.
type Answered<'a> = dyn FnMut(usize, Result<Reply, WireError>, &[u8]) + 'a;

/// A script and the name under which Redis remembers it.
pub(crate) struct Script {
    text: &'static str,
    sha1: String,
    /// A server did not know it, and it could not be sent on the same connection: it is sent whole
    /// next time.
    is_unknown: AtomicBool,
}

pub(crate) static ACQUIRE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/acquire.lua")));
pub(crate) static REPLACE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/replace.lua")));
pub(crate) static WRITERS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/writers.lua")));
pub(crate) static SETTLE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/settle.lua")));

impl Script {
    fn new(text: &'static str) -> Self {
        let sha1 = sha1_smol::Sha1::from(text).digest().to_string();
        Self { text, sha1, is_unknown: AtomicBool::new(false) }
    }

    /// Runs it on many keys, each for itself, in one round trip. `answered` hears the number of the
    /// key and what came. `arguments` gives those of a key, by its number.
    pub(crate) fn run_many<'a, const N: usize>(
        &self,
        connection: &mut Connection,
        keys: &[Vec<u8>],
        arguments: &dyn Fn(usize) -> [&'a [u8]; N],
        mut answered: impl FnMut(usize, Result<Reply, WireError>, &[u8]),
    ) -> Result<(), WireError> {
        let mut unknown = Vec::new();
        let all: Vec<usize> = (0..keys.len()).collect();
        let brings_script = self.is_unknown.swap(false, Ordering::Relaxed);
        self.send_many(connection, keys, arguments, &all, brings_script, &mut |number, reply, value| {
            match reply {
                Err(error) if is_unknown(&error) => unknown.push(number),
                reply => answered(number, reply, value),
            }
        })?;
        self.is_unknown.store(!unknown.is_empty(), Ordering::Relaxed);
        // The first of them brings the script along.
        let mut is_nonsense = false;
        self.send_many(connection, keys, arguments, &unknown, true, &mut |number, reply, value| {
            // Those were the first replies once more.
            is_nonsense |= reply.as_ref().is_err_and(is_unknown);
            answered(number, reply, value);
        })?;
        if is_nonsense {
            return Err(connection.unexpected());
        }
        self.is_unknown.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn send_many<'a, const N: usize>(
        &self,
        connection: &mut Connection,
        keys: &[Vec<u8>],
        arguments: &dyn Fn(usize) -> [&'a [u8]; N],
        numbers: &[usize],
        brings_script: bool,
        answered: &mut Answered<'_>,
    ) -> Result<(), WireError> {
        let of = |place: usize, number: &usize| {
            let head: [&[u8]; 2] = if place == 0 && brings_script {
                [b"EVAL", self.text.as_bytes()]
            } else {
                [b"EVALSHA", self.sha1.as_bytes()]
            };
            let key = keys.get(*number).map(Vec::as_slice).unwrap_or_default();
            [&head[..], &[b"1", key], &arguments(*number)[..]].concat()
        };
        let commands: Vec<Vec<&[u8]>> =
            numbers.iter().enumerate().map(|(place, number)| of(place, number)).collect();
        let commands: Vec<&[&[u8]]> = commands.iter().map(Vec::as_slice).collect();
        if commands.is_empty() {
            return Ok(());
        }
        let mut next = numbers.iter();
        connection.batch(&commands, |reply, value| {
            if let Some(number) = next.next() {
                answered(*number, reply, value);
            }
        })
    }

    /// Runs it on one key, if the server knows it, and leaves the reply for later.
    pub(crate) fn send_ahead<const N: usize>(
        &self,
        connection: &mut Connection,
        key: &[u8],
        arguments: [&[u8]; N],
    ) -> Result<(), WireError> {
        let mut words: Vec<&[u8]> = Vec::with_capacity(4 + N);
        words.extend_from_slice(&[b"EVALSHA", self.sha1.as_bytes(), b"1", key]);
        words.extend_from_slice(&arguments);
        connection.send_ahead(&words)
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
        if self.is_unknown.swap(false, Ordering::Relaxed) {
            return send(b"EVAL", self.text.as_bytes());
        }
        match send(b"EVALSHA", self.sha1.as_bytes()) {
            // A server that restarted, failed over, or flushed its scripts. It has done nothing, so
            // this is no second try.
            Err(error) if is_unknown(&error) => {
                self.is_unknown.store(true, Ordering::Relaxed);
                let outcome = send(b"EVAL", self.text.as_bytes());
                match outcome {
                    // That was the first reply once more.
                    Err(error) if is_unknown(&error) => return Err(connection.unexpected()),
                    Ok(_) => self.is_unknown.store(false, Ordering::Relaxed),
                    Err(_) => {}
                }
                outcome
            }
            outcome => outcome,
        }
    }
}

fn is_unknown(error: &WireError) -> bool {
    error.server_code() == Some("NOSCRIPT")
}
