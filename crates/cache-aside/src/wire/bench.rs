//! Requests that only the bench makes.

use super::{Connection, Reply, WireError};

impl Connection {
    /// `PING`: one bare round trip.
    pub fn ping(&mut self) -> Result<(), WireError> {
        self.say(&[b"PING"])
    }

    /// `EXISTS` of several keys; how many there are.
    pub fn exists(&mut self, keys: &[Vec<u8>]) -> Result<i64, WireError> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.integer(std::iter::once(&b"EXISTS"[..]).chain(keys.iter().map(Vec::as_slice)))
    }

    /// Runs a script that returns a number, on these keys with one argument. Sent whole each time:
    /// it serves where nothing is timed.
    pub fn eval(&mut self, script: &str, keys: &[Vec<u8>], argument: &[u8]) -> Result<i64, WireError> {
        let count = keys.len().to_string();
        let head = [b"EVAL", script.as_bytes(), count.as_bytes()];
        self.integer(head.into_iter().chain(keys.iter().map(Vec::as_slice)).chain([argument]))
    }

    /// Sends commands that answer numbers; the sum of the numbers, or the first error.
    pub fn sum(&mut self, commands: &[&[&[u8]]]) -> Result<i64, WireError> {
        let (mut sum, mut is_nonsense) = (Ok(0), false);
        self.batch(commands, |reply, _| match reply {
            Ok(Reply::Integer(integer)) => sum = std::mem::replace(&mut sum, Ok(0)).map(|sum| sum + integer),
            Ok(Reply::Status | Reply::Bytes | Reply::Nil) => is_nonsense = true,
            Err(error) if sum.is_ok() => sum = Err(error),
            Err(_) => {}
        })?;
        if is_nonsense { Err(self.unexpected()) } else { sum }
    }

    fn integer<'a>(&mut self, arguments: impl Iterator<Item = &'a [u8]>) -> Result<i64, WireError> {
        let arguments: Vec<&[u8]> = arguments.collect();
        match self.command(&arguments, &mut Vec::new())? {
            Reply::Integer(integer) => Ok(integer),
            Reply::Status | Reply::Bytes | Reply::Nil => Err(self.unexpected()),
        }
    }
}
