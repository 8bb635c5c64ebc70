//! A connection to Redis that reads a reply straight into the caller's buffer.
//!
//! The `redis` crate serves where speed is no matter (`admin`). On the measured path it parses a large reply
//! incrementally and copies it; this connection reads it once, from the socket into its final place. It speaks
//! RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>), one command at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::endpoint::{Address, RedisEndpoint};
use crate::interrupt;
use crate::secret::Secret;

/// A server that does not answer by then is taken for absent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A reply that takes longer is given up. Generous: a benchmark must show slowness, not cut it off.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one look at the socket may take before we look whether somebody wants us to stop.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);
/// Large enough that a small reply takes one read, small enough to stay in the first-level cache.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Redis's own limit for one string (`proto-max-bulk-len`).
const MAX_BULK_BYTES: u64 = 512 * 1024 * 1024;

/// What can go wrong on the way to Redis and back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Redis answered with an error; its own words.
    #[error("{0}")]
    Server(String),
    #[error("Redis sent what RESP2 does not know: {0}")]
    Protocol(&'static str),
}

impl WireError {
    /// The code in front of the server's words, for example `WRONGTYPE`.
    pub(crate) fn server_code(&self) -> Option<&str> {
        match self {
            Self::Server(text) => text.split(' ').next(),
            Self::Io(_) | Self::Protocol(_) => None,
        }
    }
}

/// An open connection, logged in, on its database.
pub(crate) struct Connection {
    stream: BufReader<Patient>,
    command: Vec<u8>,
    line: Vec<u8>,
    /// After an I/O or protocol error the next reply could belong to an earlier command.
    broken: bool,
}

impl Connection {
    /// Connects, logs in and selects the database.
    pub(crate) fn open(endpoint: &RedisEndpoint) -> Result<Self, WireError> {
        let stream = Patient { stream: Stream::open(endpoint)?, give_up_at: Instant::now() + REPLY_TIMEOUT };
        let stream = BufReader::with_capacity(READ_BUFFER_BYTES, stream);
        let mut connection = Self { stream, command: Vec::new(), line: Vec::new(), broken: false };
        if let Some(password) = endpoint.password.as_ref().map(Secret::reveal) {
            match &endpoint.user {
                Some(user) => connection.status(&[b"AUTH", user.as_bytes(), password.as_bytes()])?,
                None => connection.status(&[b"AUTH", password.as_bytes()])?,
            }
        }
        if endpoint.database != 0 {
            connection.status(&[b"SELECT", endpoint.database.to_string().as_bytes()])?;
        }
        Ok(connection)
    }

    /// `PING`: one bare round trip.
    pub(crate) fn ping(&mut self) -> Result<(), WireError> {
        self.status(&[b"PING"])
    }

    /// `GET` into `value`, replacing what was there; false where the key does not exist.
    pub(crate) fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool, WireError> {
        value.clear();
        self.exchange(&[b"GET", key], |connection| connection.read_bulk(value))
    }

    /// `SET` with a time to live.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], ttl: Duration) -> Result<(), WireError> {
        let ttl_ms = ttl.as_millis().max(1).to_string();
        self.status(&[b"SET", key, value, b"PX", ttl_ms.as_bytes()])
    }

    /// `SET` with a time to live where nothing stands under the key; whether it was set.
    pub(crate) fn set_if_absent(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, WireError> {
        let ttl_ms = ttl.as_millis().max(1).to_string();
        self.exchange(&[b"SET", key, value, b"NX", b"PX", ttl_ms.as_bytes()], |connection| {
            connection.read_line_of(b"+$").map(|line| line.starts_with(b"+"))
        })
    }

    /// `EXISTS` of several keys; how many there are.
    pub(crate) fn exists(&mut self, keys: &[Vec<u8>]) -> Result<i64, WireError> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.integer(std::iter::once(&b"EXISTS"[..]).chain(keys.iter().map(Vec::as_slice)))
    }

    /// Runs a script that returns a number, on these keys with one argument. Sent whole each time: it serves where
    /// nothing is timed.
    pub(crate) fn eval(&mut self, script: &str, keys: &[Vec<u8>], argument: &[u8]) -> Result<i64, WireError> {
        let count = keys.len().to_string();
        let head = [b"EVAL", script.as_bytes(), count.as_bytes()];
        self.integer(head.into_iter().chain(keys.iter().map(Vec::as_slice)).chain([argument]))
    }

    fn integer<'a>(&mut self, arguments: impl Iterator<Item = &'a [u8]>) -> Result<i64, WireError> {
        let arguments: Vec<&[u8]> = arguments.collect();
        self.exchange(&arguments, |connection| parse_integer(connection.read_line(b':')?))
    }

    fn status(&mut self, arguments: &[&[u8]]) -> Result<(), WireError> {
        self.exchange(arguments, |connection| connection.read_line(b'+').map(|_| ()))
    }

    /// Sends one command and reads its reply. Any failure but the server's own words leaves the connection unusable,
    /// since the next reply could belong to this command.
    fn exchange<T>(
        &mut self,
        arguments: &[&[u8]],
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        if self.broken {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection failed before").into());
        }
        self.stream.get_mut().give_up_at = Instant::now() + REPLY_TIMEOUT;
        let outcome = self.send(arguments).map_err(WireError::Io).and_then(|()| read(self));
        self.broken = matches!(outcome, Err(WireError::Io(_) | WireError::Protocol(_)));
        outcome
    }

    fn send(&mut self, arguments: &[&[u8]]) -> io::Result<()> {
        /// A value from here on is sent from where it stands instead of being copied behind the command.
        const SEND_IN_PLACE_BYTES: usize = 32 * 1024;
        self.command.clear();
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
        self.stream.get_mut().write_all(&self.command)?;
        self.stream.get_mut().flush()
    }

    /// A bulk string, or nil: its length, then its bytes straight from the socket into `value`.
    fn read_bulk(&mut self, value: &mut Vec<u8>) -> Result<bool, WireError> {
        let length = parse_integer(self.read_line(b'$')?)?;
        if length == -1 {
            return Ok(false);
        }
        let length = u64::try_from(length).ok().filter(|length| *length <= MAX_BULK_BYTES);
        let length = length.ok_or(WireError::Protocol("a string of impossible length"))?;
        let wanted =
            usize::try_from(length).map_err(|_| WireError::Protocol("a string of impossible length"))?;
        value.reserve_exact(wanted);
        (&mut self.stream).take(length).read_to_end(value)?;
        let mut end = [0; 2];
        self.stream.read_exact(&mut end)?;
        if value.len() != wanted || end != *b"\r\n" {
            return Err(WireError::Protocol("a string without its end"));
        }
        Ok(true)
    }

    /// A line that begins with `kind`, without it and without its end. An error line becomes an error.
    fn read_line(&mut self, kind: u8) -> Result<&[u8], WireError> {
        self.read_line_of(&[kind]).map(|line| line.get(1..).unwrap_or_default())
    }

    /// A line that begins with one of the kinds, without its end. An error line becomes an error.
    fn read_line_of(&mut self, kinds: &[u8]) -> Result<&[u8], WireError> {
        const MAX_LINE_BYTES: u64 = 64 * 1024;
        self.line.clear();
        (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Redis closed the connection").into());
        }
        match self.line.strip_suffix(b"\r\n") {
            Some([b'-', words @ ..]) => Err(WireError::Server(String::from_utf8_lossy(words).into_owned())),
            Some(line) if line.first().is_some_and(|kind| kinds.contains(kind)) => Ok(line),
            _ => Err(WireError::Protocol("another kind of reply than the command has")),
        }
    }
}

fn parse_integer(digits: &[u8]) -> Result<i64, WireError> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(WireError::Protocol("a number that is none"))
}

/// A stream that waits for a reply, but neither for ever nor against Ctrl-C, however slowly the bytes drip.
struct Patient {
    stream: Stream,
    give_up_at: Instant,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Ok(bytes) if Instant::now() < self.give_up_at => return Ok(bytes),
                Ok(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, NO_REPLY)),
                Err(error) => return Err(error),
            }
            interrupt::check().map_err(io::Error::other)?;
            if Instant::now() >= self.give_up_at {
                return Err(io::Error::new(io::ErrorKind::TimedOut, NO_REPLY));
            }
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

const NO_REPLY: &str = "no whole reply within 30 s";

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Stream {
    fn open(endpoint: &RedisEndpoint) -> io::Result<Self> {
        match &endpoint.address {
            Address::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(LOOK_TIMEOUT))?;
                stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
                Ok(Self::Unix(stream))
            }
            Address::Tcp { host, port } => {
                let stream = connect_tcp(host, *port)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LOOK_TIMEOUT))?;
                stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
                if endpoint.tls { tls(host, stream) } else { Ok(Self::Tcp(stream)) }
            }
        }
    }
}

fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn tls(host: &str, stream: TcpStream) -> io::Result<Stream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let session = rustls::ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(Stream::Tls(Box::new(rustls::StreamOwned::new(session, stream))))
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
