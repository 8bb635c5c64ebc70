//! A connection to Redis that reads a reply straight into the caller's buffer.
//!
//! The `redis` crate serves where speed is no matter (`admin`). On the measured path it parses a
//! large reply incrementally and copies it; this connection reads it once, from the socket into its
//! final place. It speaks RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>),
//! one command at a time.

mod ahead;
mod bare;
mod bench;
mod error;
mod reply;
mod resolve;
mod role;
mod scan;
mod sentinel;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod tree;

use std::collections::VecDeque;
use std::io::{self, BufReader, Write};
use std::time::Instant;

pub use self::bare::BareStream;
pub use self::error::WireError;
pub use self::reply::Reply;
pub use self::role::Role;
pub use self::socket::Limits;
use self::stream::Stream;
pub use self::tls::{TlsError, check as check_certificates};
pub use self::tree::Tree;
use crate::endpoint::RedisEndpoint;
use crate::secret::Secret;

/// Large enough that a small reply takes one read, small enough to stay in the first-level cache.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// An open connection, logged in, on its database.
pub struct Connection {
    stream: BufReader<Stream>,
    command: Vec<u8>,
    line: Vec<u8>,
    max_string_bytes: usize,
    /// The last reply announced a longer string than that; its first bytes are in the buffer.
    is_too_long: bool,
    /// After an I/O or protocol error the next reply could belong to an earlier command.
    broken: bool,
    exchanges: u64,
    /// Commands that were sent ahead and whose replies were not read: they come before any other.
    unread: usize,
    /// The replies of commands that were sent ahead, since they were last taken.
    late: VecDeque<Result<bool, WireError>>,
    /// Each command is for a slot that is on its way to this node.
    is_asking: bool,
}

impl Connection {
    /// Connects, logs in and selects the database.
    pub fn open(endpoint: &RedisEndpoint, limits: Limits) -> Result<Self, WireError> {
        let mut connection = Self::log_in(endpoint, limits)?;
        connection.stream.get_mut().socket().is_open()?;
        Ok(connection)
    }

    /// Like [`open`](Self::open), and asks the server for its role.
    pub(crate) fn open_asking(endpoint: &RedisEndpoint, limits: Limits) -> Result<(Self, Role), WireError> {
        let mut connection = Self::log_in(endpoint, limits)?;
        let role = connection.role()?;
        connection.stream.get_mut().socket().is_open()?;
        Ok((connection, role))
    }

    fn log_in(endpoint: &RedisEndpoint, limits: Limits) -> Result<Self, WireError> {
        let mut stream = Stream::open(endpoint, limits, &resolve::SYSTEM)?;
        stream.socket().log_in()?;
        let mut connection = Self::new(stream, limits);
        if let Some(password) = endpoint.password.as_ref().map(Secret::reveal) {
            match &endpoint.user {
                Some(user) => connection.say(&[b"AUTH", user.as_bytes(), password.as_bytes()])?,
                None => connection.say(&[b"AUTH", password.as_bytes()])?,
            }
        }
        if endpoint.database != 0 {
            connection.say(&[b"SELECT", endpoint.database.to_string().as_bytes()])?;
        }
        Ok(connection)
    }

    fn new(stream: Stream, limits: Limits) -> Self {
        Self {
            stream: BufReader::with_capacity(READ_BUFFER_BYTES, stream),
            command: Vec::new(),
            line: Vec::new(),
            max_string_bytes: limits.max_string_bytes,
            is_too_long: false,
            broken: false,
            exchanges: 0,
            unread: 0,
            late: VecDeque::new(),
            is_asking: false,
        }
    }

    /// True if the last command failed because its reply is longer than this connection takes. The
    /// string's first bytes are in the buffer that the command was given.
    pub(crate) fn was_too_long(&self) -> bool {
        self.is_too_long
    }

    /// From now on each command goes behind `ASKING`, which has a node of a cluster take it
    /// although its slot is still on its way there. False ends that.
    pub fn set_asking(&mut self, is_asking: bool) {
        self.is_asking = is_asking;
    }

    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// True if it failed, and no command can be sent any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// `PING`, of which any answer will do: an account may lack the right to it.
    pub(crate) fn is_alive(&mut self) -> Result<(), WireError> {
        match self.say(&[b"PING"]) {
            Err(error @ WireError::Server(_)) if error.is_unfit() => Err(error),
            Ok(()) | Err(WireError::Server(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// True if a command may be sent: the connection is whole, and no reply waits that no command
    /// asked for.
    pub(crate) fn is_fit(&self) -> bool {
        // A reply that is still to be read may be there already, or not.
        !self.broken
            && self.stream.buffer().is_empty()
            && (self.unread > 0 || self.stream.get_ref().is_quiet())
    }

    /// Nothing may be sent on a connection that failed, or on which a reply waits that no command
    /// asked for. Until all is well again, it counts as failed.
    fn begin(&mut self) -> Result<(), WireError> {
        if self.broken {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection failed before").into());
        }
        self.broken = true;
        self.is_too_long = false;
        self.expect_no_reply()
    }

    /// When the last command was begun.
    pub(crate) fn used_at(&mut self) -> Instant {
        self.stream.get_mut().socket().began()
    }

    /// `GET` into `value`, replacing what was there; false where the key does not exist. A long
    /// value (from 64 KiB on) is shown to `seen` piece by piece while it arrives, but none of it
    /// twice.
    pub fn get(
        &mut self,
        key: &[u8],
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, WireError> {
        match self.converse([&[b"GET", key]], value, seen)? {
            Reply::Bytes => self.expect_no_reply().map(|()| true),
            Reply::Nil => self.expect_no_reply().map(|()| false),
            Reply::Status | Reply::Integer(_) => Err(self.unexpected()),
        }
    }

    /// `SET … NX GET`: the value, or nil where there was none, and `new` is now there for so many
    /// ms. As [`get`](Self::get) otherwise.
    pub(crate) fn get_or_set(
        &mut self,
        [key, new, ms]: [&[u8]; 3],
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Reply, WireError> {
        let reply = self.converse([&[b"SET", key, new, b"NX", b"GET", b"PX", ms]], value, seen)?;
        self.expect_no_reply().map(|()| reply)
    }

    /// Sends one command and reads its reply; a string replaces what `value` holds. Any failure but
    /// the server's own words leaves the connection unusable, since the next reply could belong to
    /// this command.
    pub fn command(&mut self, arguments: &[&[u8]], value: &mut Vec<u8>) -> Result<Reply, WireError> {
        self.pipeline([arguments], value)
    }

    /// Sends several commands at once. The reply is that of the last one, or the first error; the
    /// reply of EXEC counts as that of the one command in it. `value` holds the string among the
    /// replies, wherever it stands there.
    pub fn pipeline<const N: usize>(
        &mut self,
        commands: [&[&[u8]]; N],
        value: &mut Vec<u8>,
    ) -> Result<Reply, WireError> {
        self.converse(commands, value, &mut |_| ())
    }

    fn converse<const N: usize>(
        &mut self,
        commands: [&[&[u8]]; N],
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Reply, WireError> {
        value.clear();
        let mut outcome = Ok(Reply::Nil);
        self.exchange(&commands, |connection| {
            let reply = connection.read_reply(value, seen, true);
            match reply {
                Ok(_) | Err(WireError::Server(_)) if outcome.is_ok() => outcome = reply,
                Ok(_) | Err(WireError::Server(_)) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        outcome
    }

    /// Sends any number of commands at once and hands each reply over, with its string if it has
    /// one.
    pub(crate) fn batch(
        &mut self,
        commands: &[&[&[u8]]],
        mut answered: impl FnMut(Result<Reply, WireError>, &[u8]),
    ) -> Result<(), WireError> {
        let mut value = Vec::new();
        self.exchange(commands, |connection| {
            value.clear();
            match connection.read_reply(&mut value, &mut |_| (), false) {
                Err(error @ (WireError::Io(_) | WireError::Protocol(_))) => return Err(error),
                reply => answered(reply, &value),
            }
            Ok(())
        })
    }

    /// Sends the commands and has as many replies read. Any error from here leaves the connection
    /// unusable, and so does a reply too many.
    fn exchange(
        &mut self,
        commands: &[&[&[u8]]],
        mut read: impl FnMut(&mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        self.begin()?;
        self.exchanges += 1;
        if let Err(error) = self.send_all(commands) {
            return Err(self.last_words(error));
        }
        self.read_late()?;
        for _ in commands {
            if self.is_asking {
                self.read_asking()?;
            }
            read(self)?;
        }
        // The reply that was read may be an older one that came twice, and what is left the right
        // one.
        self.broken = self.expect_no_reply().is_err();
        Ok(())
    }

    /// The reply to `ASKING`. If it is refused, so is the command behind it.
    #[cold]
    fn read_asking(&mut self) -> Result<(), WireError> {
        match self.read_reply(&mut Vec::new(), &mut |_| (), false) {
            Ok(Reply::Status) | Err(WireError::Server(_)) => Ok(()),
            Ok(Reply::Integer(_) | Reply::Bytes | Reply::Nil) => Err(self.unexpected()),
            Err(error) => Err(error),
        }
    }

    /// Round trips so far: commands that were sent together count once.
    pub fn exchanges(&self) -> u64 {
        self.exchanges
    }

    fn send_all(&mut self, commands: &[&[&[u8]]]) -> io::Result<()> {
        let bytes = commands.iter().flat_map(|command| command.iter()).map(|word| word.len()).sum();
        self.stream.get_mut().socket().begin(bytes)?;
        self.command.clear();
        for command in commands {
            if self.is_asking {
                self.command.extend_from_slice(b"*1\r\n$6\r\nASKING\r\n");
            }
            self.send(command)?;
        }
        self.stream.get_mut().write_all(&self.command)?;
        self.stream.get_mut().flush()
    }

    /// An error if more replies came than commands were sent. What was read is believed then only
    /// if it names its command.
    pub(crate) fn expect_no_reply(&self) -> Result<(), WireError> {
        if self.stream.buffer().is_empty() {
            return Ok(());
        }
        Err(WireError::Protocol("more replies than commands were sent"))
    }

    /// A server that hangs up says why, for example that it has too many clients.
    fn last_words(&mut self, error: io::Error) -> WireError {
        let error = WireError::from(error);
        if !error.is_hang_up() {
            return error;
        }
        match self.read_reply(&mut Vec::new(), &mut |_| (), false) {
            Err(words @ WireError::Server(_)) => words,
            _ => error,
        }
    }

    /// The server may be in a state that the next command must not meet: no command can be sent any
    /// more.
    pub(crate) fn give_up(&mut self) {
        self.broken = true;
    }

    /// The reply was a good one, and not of the kind that the command has: nothing that follows can
    /// be trusted.
    pub fn unexpected(&mut self) -> WireError {
        self.broken = true;
        WireError::Protocol("another kind of reply than the command has")
    }

    /// A command whose answer is `OK`, or an error.
    fn say(&mut self, arguments: &[&[u8]]) -> Result<(), WireError> {
        match self.command(arguments, &mut Vec::new())? {
            Reply::Status => Ok(()),
            Reply::Integer(_) | Reply::Bytes | Reply::Nil => Err(self.unexpected()),
        }
    }

    /// Puts a command behind what is to be sent.
    fn send(&mut self, arguments: &[&[u8]]) -> io::Result<()> {
        /// A value from here on is sent from where it stands instead of being copied behind the
        /// command.
        const SEND_IN_PLACE_BYTES: usize = 32 * 1024;
        write!(self.command, "*{}\r\n", arguments.len())?;
        for argument in arguments {
            write!(self.command, "${}\r\n", argument.len())?;
            if argument.len() >= SEND_IN_PLACE_BYTES {
                self.stream.get_mut().write_all(&self.command)?;
                self.stream.get_mut().write_all(argument)?;
                self.command.clear();
            } else {
                self.command.extend_from_slice(argument);
            }
            self.command.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

#[cfg(any(fuzzing, test))]
impl Connection {
    /// Over a stream on whose other side somebody else speaks for Redis.
    pub fn over(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        let long = std::time::Duration::from_secs(60);
        let limits =
            Limits { connect: long, reply: long, is_over: None, max_string_bytes: Limits::MAX_STRING_BYTES };
        Ok(Self::new(Stream::over(stream, limits)?, limits))
    }
}
