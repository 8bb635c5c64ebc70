//! A connection to Redis that reads a reply straight into the caller's buffer.
//!
//! The `redis` crate serves where speed is no matter (`admin`). On the measured path it parses a
//! large reply incrementally and copies it; this connection reads it once, from the socket into its
//! final place. It speaks RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>),
//! one command at a time.

mod bare;
mod error;
mod resolve;
mod role;
mod scan;
mod sentinel;
mod socket;
mod stream;
mod tls;
mod tree;

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Instant;

pub use self::bare::BareStream;
pub use self::error::WireError;
pub use self::role::Role;
pub use self::socket::Limits;
use self::stream::Stream;
pub use self::tls::{TlsError, check as check_certificates};
pub use self::tree::Tree;
use crate::endpoint::RedisEndpoint;
use crate::protocol::standing::HEAD_BYTES;
use crate::secret::Secret;

/// Large enough that a small reply takes one read, small enough to stay in the first-level cache.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// A longer string is received in pieces of so many bytes. Small enough to be in the processor's
/// second-level cache still when somebody looks at a piece, and not to keep the kernel from taking
/// in the next one for long: a reply of 5 MB was there sooner so than in one go.
const PIECE_BYTES: usize = 64 * 1024;

/// The reply of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK` and its like.
    Status,
    Integer(i64),
    /// A string; its bytes are in the buffer that the command was given.
    Bytes,
    /// No such thing.
    Nil,
}

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

    /// The number of commands that were sent ahead and whose replies were not read.
    #[inline]
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// The next reply of a command that was sent ahead, if it was read: whether it was done.
    #[inline]
    pub(crate) fn take_late(&mut self) -> Option<Result<bool, WireError>> {
        self.late.pop_front()
    }

    /// Sends a command that answers 1 or 0, and leaves its reply for later: it is read before that
    /// of the next command.
    pub(crate) fn send_ahead(&mut self, command: &[&[u8]]) -> Result<(), WireError> {
        self.begin()?;
        if let Err(error) = self.send_all(&[command]) {
            return Err(self.last_words(error));
        }
        self.unread += 1;
        self.broken = false;
        Ok(())
    }

    /// Reads the replies of all commands that were sent ahead, within the time of the last of them.
    pub(crate) fn read_ahead(&mut self) -> Result<(), WireError> {
        if self.unread == 0 {
            return Ok(());
        }
        self.begin()?;
        self.read_late()?;
        self.broken = self.expect_no_reply().is_err();
        Ok(())
    }

    fn read_late(&mut self) -> Result<(), WireError> {
        while self.unread > 0 {
            let reply = match self.read_reply(&mut Vec::new(), &mut |_| (), false) {
                Ok(Reply::Integer(done)) => Ok(done == 1),
                Ok(Reply::Status | Reply::Bytes | Reply::Nil) => return Err(self.unexpected()),
                Err(error @ WireError::Server(_)) => Err(error),
                Err(error) => return Err(error),
            };
            self.unread -= 1;
            self.late.push_back(reply);
        }
        Ok(())
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

    /// A line, and behind the line of a string its bytes, straight from the socket into `value`.
    fn read_reply(
        &mut self,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
        may_be_list: bool,
    ) -> Result<Reply, WireError> {
        self.read_line()?;
        self.rest_of_reply(value, seen, may_be_list)
    }

    /// The first line of a reply, into `line`.
    fn read_line(&mut self) -> Result<(), WireError> {
        const MAX_LINE_BYTES: u64 = 64 * 1024;
        self.line.clear();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis closed the connection").into());
        }
        if !self.line.ends_with(b"\n") && (self.line.len() as u64) < MAX_LINE_BYTES {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis broke off in a reply").into());
        }
        Ok(())
    }

    fn rest_of_reply(
        &mut self,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
        may_be_list: bool,
    ) -> Result<Reply, WireError> {
        match self.line.strip_suffix(b"\r\n") {
            Some([b'-', words @ ..]) => Err(WireError::Server(String::from_utf8_lossy(words).into_owned())),
            Some([b'+', ..]) => Ok(Reply::Status),
            Some([b':', digits @ ..]) => Ok(Reply::Integer(parse_integer(digits)?)),
            Some(b"$-1" | b"*-1") => Ok(Reply::Nil),
            // What EXEC answers to one command. Lists of lists of lists are nobody's answer.
            Some(b"*1") if may_be_list => self.read_reply(value, seen, false),
            Some([b'$', digits @ ..]) => {
                let length = parse_integer(digits)?;
                self.read_string(length, value, seen)
            }
            _ => Err(WireError::Protocol("a reply of no kind that is expected here")),
        }
    }

    fn read_string(
        &mut self,
        length: i64,
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Reply, WireError> {
        let wanted =
            usize::try_from(length).map_err(|_| WireError::Protocol("a string of impossible length"))?;
        if wanted > self.max_string_bytes {
            value.resize(HEAD_BYTES.min(wanted), 0);
            self.stream.read_exact(value)?;
            self.is_too_long = true;
            return Err(WireError::Protocol("a string longer than any that is kept"));
        }
        value
            .try_reserve_exact(wanted)
            .map_err(|_| WireError::Protocol("a string too long for this memory"))?;
        while value.len() < wanted {
            let start = value.len();
            value.resize(wanted.min(start + PIECE_BYTES), 0);
            let piece = value.get_mut(start..).unwrap_or_default();
            self.stream.read_exact(piece)?;
            if wanted > PIECE_BYTES {
                seen(piece);
            }
        }
        let mut end = [0; 2];
        self.stream.read_exact(&mut end)?;
        if end != *b"\r\n" {
            return Err(WireError::Protocol("a string without its end"));
        }
        Ok(Reply::Bytes)
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

/// Requests that only the bench makes.
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

fn parse_integer(digits: &[u8]) -> Result<i64, WireError> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(WireError::Protocol("a number that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for a value that comes as `reply`, in writes of so many bytes; also what was seen of it
    /// on the way.
    fn got(reply: &[u8], written_bytes: usize) -> (Result<bool, WireError>, Vec<u8>, Vec<Vec<u8>>) {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                theirs.read_exact(&mut [0; 20]).unwrap();
                reply.chunks(written_bytes).for_each(|bytes| theirs.write_all(bytes).unwrap());
            });
            let (mut value, mut seen) = (b"old".to_vec(), Vec::new());
            let outcome =
                Connection::over(ours).unwrap().get(b"k", &mut value, &mut |piece| seen.push(piece.to_vec()));
            (outcome, value, seen)
        })
    }

    #[test]
    fn a_long_value_is_seen_while_it_arrives_and_a_short_one_is_not() {
        for (bytes, pieces) in [(0, 0), (1, 0), (PIECE_BYTES, 0), (PIECE_BYTES + 1, 2), (300_000, 5)] {
            let sent: Vec<u8> = (0..bytes).map(|index| (index % 251).to_le_bytes()[0]).collect();
            let reply = [format!("${bytes}\r\n").as_bytes(), &sent, b"\r\n"].concat();
            for written_bytes in [7_000, 65_536, reply.len()] {
                let (outcome, value, seen) = got(&reply, written_bytes);
                assert!(outcome.unwrap());
                assert!(value == sent, "{bytes} bytes came in other than they were sent");
                assert_eq!(seen.len(), pieces, "{bytes} bytes");
                assert!(pieces == 0 || seen.concat() == sent);
            }
        }
    }

    /// A connection whose replies were all sent before anything is asked.
    fn replying(replies: &[u8]) -> (Connection, std::os::unix::net::UnixStream) {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(replies).unwrap();
        (Connection::over(ours).unwrap(), theirs)
    }

    /// A connection to a server that answers its commands one after the other.
    fn answering(replies: Vec<Vec<u8>>) -> Connection {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            for reply in replies {
                let _ = theirs.read(&mut [0; 1000]);
                let _ = theirs.write_all(&reply);
            }
        });
        Connection::over(ours).unwrap()
    }

    #[test]
    fn nothing_of_the_value_before_is_left_in_the_next() {
        let long = [b"$70000\r\n", &[b'x'; 70_000][..], b"\r\n"].concat();
        let replies = [
            &b"$5\r\nhello\r\n"[..],
            b"$2\r\nab\r\n",
            b"$0\r\n\r\n",
            &long,
            b"$3\r\nyes\r\n",
            b"$-1\r\n",
            b"$1\r\na\r\n",
            b"-ERR\r\n",
        ];
        let mut connection = answering(replies.map(<[u8]>::to_vec).to_vec());
        let mut value = b"what stood there".to_vec();
        let mut next = || {
            let outcome = connection.get(b"k", &mut value, &mut |_| ());
            (outcome.ok(), value.clone())
        };
        for sent in [&b"hello"[..], b"ab", b"", &[b'x'; 70_000], b"yes"] {
            assert_eq!(next(), (Some(true), sent.to_vec()));
        }
        assert_eq!(next(), (Some(false), Vec::new()));
        assert_eq!(next(), (Some(true), b"a".to_vec()));
        assert_eq!(next(), (None, Vec::new()));
    }

    #[test]
    fn of_several_commands_the_string_is_kept_wherever_it_stands_among_the_replies() {
        let commands: [&[&[u8]]; 3] = [&[b"WATCH", b"k"], &[b"GET", b"k"], &[b"MULTI"]];
        for (replies, kept) in [
            (&b"+OK\r\n$2\r\nab\r\n+OK\r\n"[..], &b"ab"[..]),
            (b"+OK\r\n$2\r\nab\r\n-ERR\r\n", b"ab"),
            (b"+OK\r\n-WRONGTYPE\r\n+OK\r\n", b""),
            (b"+OK\r\n$-1\r\n+OK\r\n", b""),
        ] {
            let (mut connection, _theirs) = replying(replies);
            let mut value = b"what stood there".to_vec();
            let _ = connection.pipeline(commands, &mut value);
            assert_eq!(value, kept);
        }
    }

    #[test]
    fn of_a_string_that_is_too_long_the_beginning_is_read_and_nothing_more() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"$300000000\r\n").unwrap();
        theirs.write_all(&[b'x'; 100]).unwrap();
        let mut connection = Connection::over(ours).unwrap();
        connection.max_string_bytes = 1000;
        let mut value = Vec::new();
        assert!(connection.get(b"k", &mut value, &mut |_| ()).is_err());
        assert!(connection.was_too_long() && !connection.is_fit() && value == [b'x'; HEAD_BYTES]);
    }

    #[test]
    fn a_reply_that_comes_twice_ends_the_connection_before_it_is_believed() {
        for replies in [&b"$1\r\na\r\n$1\r\na\r\n"[..], b"$1\r\na\r\n+OK\r\n", b"$1\r\na\r\n$"] {
            let (mut connection, _theirs) = replying(replies);
            let mut value = Vec::new();
            assert!(matches!(connection.get(b"k", &mut value, &mut |_| ()), Err(WireError::Protocol(_))));
        }
        // It comes when the connection is idle.
        let (mut connection, mut theirs) = replying(b"$1\r\na\r\n");
        assert!(connection.get(b"k", &mut Vec::new(), &mut |_| ()).unwrap() && connection.is_fit());
        theirs.write_all(b"$1\r\na\r\n").unwrap();
        assert!(!connection.is_fit());
    }

    #[test]
    fn a_reply_that_was_left_comes_before_the_next_and_is_never_taken_for_it() {
        let ahead: &[&[u8]] = &[b"EVALSHA", b"sha", b"1", b"k"];
        // What comes, what the commands that were sent ahead did, and what is found afterwards.
        type Case<'a> = (&'a [u8], &'a [Option<bool>], Option<bool>);
        let cases: [Case<'_>; 9] = [
            (b":1\r\n$1\r\na\r\n", &[Some(true)], Some(true)),
            (b":0\r\n$-1\r\n", &[Some(false)], Some(false)),
            (b"-NOSCRIPT No matching script.\r\n$1\r\na\r\n", &[None], Some(true)),
            // Twice the same reply, before or after the right one.
            (b":1\r\n:1\r\n$1\r\na\r\n", &[Some(true)], None),
            (b":1\r\n$1\r\na\r\n$1\r\na\r\n", &[Some(true)], None),
            (b"$-1\r\n:1\r\n$1\r\na\r\n", &[], None),
            (b"$1\r\na\r\n:1\r\n", &[], None),
            (b"+OK\r\n$1\r\na\r\n", &[], None),
            // It never comes.
            (b"", &[], None),
        ];
        for (replies, done, found) in cases {
            let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            let mut connection = Connection::over(ours).unwrap();
            connection.send_ahead(ahead).unwrap();
            assert!(connection.is_fit() && connection.unread() == 1);
            theirs.write_all(replies).unwrap();
            assert!(connection.is_fit(), "the reply may be there");
            if replies.is_empty() {
                theirs.shutdown(std::net::Shutdown::Both).unwrap();
            }
            let outcome = connection.get(b"k", &mut Vec::new(), &mut |_| ());
            assert_eq!(outcome.ok(), found, "{}", replies.escape_ascii());
            let late: Vec<_> = std::iter::from_fn(|| connection.take_late()).map(Result::ok).collect();
            assert_eq!(late, done, "{}", replies.escape_ascii());
            assert_eq!(connection.is_broken(), found.is_none());
        }
    }

    #[test]
    fn replies_are_also_taken_without_a_command() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut connection = Connection::over(ours).unwrap();
        connection.read_ahead().unwrap();
        for _ in 0..3 {
            connection.send_ahead(&[b"EVALSHA"]).unwrap();
        }
        theirs.write_all(b":1\r\n-OOM\r\n:0\r\n").unwrap();
        connection.read_ahead().unwrap();
        let late: Vec<_> = std::iter::from_fn(|| connection.take_late()).map(Result::ok).collect();
        assert_eq!(late, [Some(true), None, Some(false)]);
        assert!(connection.is_fit() && connection.unread() == 0);
    }

    #[test]
    fn a_connection_that_was_closed_is_not_fit() {
        let (connection, theirs) = replying(b"");
        assert!(connection.is_fit());
        drop(theirs);
        assert!(!connection.is_fit());
    }

    #[test]
    fn a_value_that_is_cut_off_is_an_error() {
        for reply in [&b"$5\r\nabc"[..], b"$3\r\nabc", b"$3\r\nabcde", b"$70000\r\nabc"] {
            let (outcome, _, _) = got(reply, reply.len());
            assert!(matches!(outcome, Err(WireError::Io(_) | WireError::Protocol(_))), "{reply:?}");
        }
    }
}
