//! A connection to Redis that reads a reply straight into the caller's buffer.
//!
//! The `redis` crate serves where speed is no matter (`admin`). On the measured path it parses a large reply
//! incrementally and copies it; this connection reads it once, from the socket into its final place. It speaks
//! RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>), one command at a time.

mod error;
mod stream;

use std::io::{self, BufRead, BufReader, Read, Write};

pub use self::error::WireError;
pub use self::stream::Patience;
use self::stream::Patient;
use crate::endpoint::RedisEndpoint;
use crate::secret::Secret;

/// Large enough that a small reply takes one read, small enough to stay in the first-level cache.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Redis's own limit for one string (`proto-max-bulk-len`).
const MAX_BULK_BYTES: u64 = 512 * 1024 * 1024;
/// A longer string is received in pieces of so many bytes. Small enough to be in the processor's second-level cache still
/// when somebody looks at a piece, and not to keep the kernel from taking in the next one for long: a reply of 5 MB was
/// there sooner so than in one go.
const PIECE_BYTES: usize = 64 * 1024;

/// What Redis answered.
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
    stream: BufReader<Patient>,
    command: Vec<u8>,
    line: Vec<u8>,
    /// After an I/O or protocol error the next reply could belong to an earlier command.
    broken: bool,
}

impl Connection {
    /// Connects, logs in and selects the database.
    pub fn open(endpoint: &RedisEndpoint, patience: Patience) -> Result<Self, WireError> {
        let stream = BufReader::with_capacity(READ_BUFFER_BYTES, Patient::open(endpoint, patience)?);
        let mut connection = Self { stream, command: Vec::new(), line: Vec::new(), broken: false };
        if let Some(password) = endpoint.password.as_ref().map(Secret::reveal) {
            match &endpoint.user {
                Some(user) => connection.say(&[b"AUTH", user.as_bytes(), password.as_bytes()])?,
                None => connection.say(&[b"AUTH", password.as_bytes()])?,
            }
        }
        if endpoint.database != 0 {
            connection.say(&[b"SELECT", endpoint.database.to_string().as_bytes()])?;
        }
        connection.stream.get_mut().is_open()?;
        Ok(connection)
    }

    /// `GET` into `value`, replacing what was there; false where the key does not exist. A long value (from 64 KiB on) is
    /// shown to `seen` piece by piece while it arrives, but none of it twice.
    pub fn get(
        &mut self,
        key: &[u8],
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, WireError> {
        match self.converse([&[b"GET", key]], value, seen)? {
            Reply::Bytes => Ok(true),
            Reply::Nil => Ok(false),
            Reply::Status | Reply::Integer(_) => Err(self.unexpected()),
        }
    }

    /// Sends one command and reads its reply; a string replaces what `value` holds. Any failure but the server's own
    /// words leaves the connection unusable, since the next reply could belong to this command.
    pub fn command(&mut self, arguments: &[&[u8]], value: &mut Vec<u8>) -> Result<Reply, WireError> {
        self.pipeline([arguments], value)
    }

    /// Sends several commands at once. The reply is that of the last one, or the first error; the reply of EXEC counts as
    /// that of the one command in it. `value` holds the string among the replies, wherever it stands there.
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
        if self.broken {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection failed before").into());
        }
        self.stream
            .get_mut()
            .begin(commands.iter().flat_map(|command| command.iter()).map(|word| word.len()).sum());
        let outcome = self.exchange(&commands, value, seen);
        self.broken = matches!(outcome, Err(WireError::Io(_) | WireError::Protocol(_)));
        outcome
    }

    fn exchange(
        &mut self,
        commands: &[&[&[u8]]],
        value: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8]),
    ) -> Result<Reply, WireError> {
        self.command.clear();
        for command in commands {
            self.send(command)?;
        }
        self.stream.get_mut().write_all(&self.command)?;
        self.stream.get_mut().flush()?;
        let mut outcome = Ok(Reply::Nil);
        for _ in commands {
            let reply = self.read_reply(value, seen, true);
            match reply {
                Ok(_) | Err(WireError::Server(_)) if outcome.is_ok() => outcome = reply,
                Ok(_) | Err(WireError::Server(_)) => {}
                Err(WireError::Io(_) | WireError::Protocol(_)) => return reply,
            }
        }
        outcome
    }

    /// The reply was a good one, and not of the kind that the command has: nothing that follows can be trusted.
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
        /// A value from here on is sent from where it stands instead of being copied behind the command.
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
        const MAX_LINE_BYTES: u64 = 64 * 1024;
        self.line.clear();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis closed the connection").into());
        }
        if !self.line.ends_with(b"\n") && (self.line.len() as u64) < MAX_LINE_BYTES {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis broke off in a reply").into());
        }
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
        let wanted = u64::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_BULK_BYTES)
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(WireError::Protocol("a string of impossible length"))?;
        self.stream.get_mut().expect(wanted);
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
    pub fn over(stream: std::os::unix::net::UnixStream) -> Self {
        let stream = BufReader::with_capacity(READ_BUFFER_BYTES, Patient::over(stream));
        Self { stream, command: Vec::new(), line: Vec::new(), broken: false }
    }
}

/// What only the bench asks for.
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

    /// Runs a script that returns a number, on these keys with one argument. Sent whole each time: it serves where
    /// nothing is timed.
    pub fn eval(&mut self, script: &str, keys: &[Vec<u8>], argument: &[u8]) -> Result<i64, WireError> {
        let count = keys.len().to_string();
        let head = [b"EVAL", script.as_bytes(), count.as_bytes()];
        self.integer(head.into_iter().chain(keys.iter().map(Vec::as_slice)).chain([argument]))
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

    /// Asks for a value that comes as `reply`, in writes of so many bytes; also what was seen of it on the way.
    fn got(reply: &[u8], written_bytes: usize) -> (Result<bool, WireError>, Vec<u8>, Vec<Vec<u8>>) {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                theirs.read_exact(&mut [0; 20]).unwrap();
                reply.chunks(written_bytes).for_each(|bytes| theirs.write_all(bytes).unwrap());
            });
            let (mut value, mut seen) = (b"old".to_vec(), Vec::new());
            let outcome =
                Connection::over(ours).get(b"k", &mut value, &mut |piece| seen.push(piece.to_vec()));
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
        (Connection::over(ours), theirs)
    }

    #[test]
    fn nothing_of_the_value_before_is_left_in_the_next() {
        let long = [b"$70000\r\n", &[b'x'; 70_000][..], b"\r\n"].concat();
        let replies = [
            &b"$5\r\nhello\r\n$2\r\nab\r\n$0\r\n\r\n"[..],
            &long,
            b"$3\r\nyes\r\n$-1\r\n$1\r\na\r\n-ERR\r\n",
        ];
        let (mut connection, _theirs) = replying(&replies.concat());
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
    fn a_value_that_is_cut_off_is_an_error() {
        for reply in [&b"$5\r\nabc"[..], b"$3\r\nabc", b"$3\r\nabcde", b"$70000\r\nabc"] {
            let (outcome, _, _) = got(reply, reply.len());
            assert!(matches!(outcome, Err(WireError::Io(_) | WireError::Protocol(_))), "{reply:?}");
        }
    }
}
