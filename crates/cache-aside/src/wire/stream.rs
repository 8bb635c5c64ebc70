//! The byte stream to Redis: TCP, a unix socket or TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::resolve::Resolver;
use super::socket::{Limits, Opening, Raw, Socket};
use crate::endpoint::{Address, RedisEndpoint};

pub(super) enum Stream {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<super::tls::Stream>),
}

impl Stream {
    /// Connects, and shakes hands if TLS is wanted.
    pub(super) fn open(endpoint: &RedisEndpoint, limits: Limits, resolver: &Resolver) -> io::Result<Self> {
        let found = super::sentinel::find(endpoint, limits)?;
        let opening = Opening::new(limits);
        match found.as_ref().unwrap_or(&endpoint.address) {
            Address::Socket(path) => {
                let stream = connect_unix(path, opening)?;
                Ok(Self::Plain(Socket::new(Raw::Unix(stream), limits, opening.deadline)?))
            }
            Address::Tcp { host, port } => {
                let stream = connect_tcp(resolver, host, *port, opening).map_err(|error| match &found {
                    // The URL does not name it.
                    Some(address) => io::Error::new(
                        error.kind(),
                        format!("the primary at {address}, named by the Sentinels: {error}"),
                    ),
                    None => error,
                })?;
                let socket = Socket::new(Raw::Tcp(stream), limits, opening.deadline)?;
                if endpoint.tls { Self::encrypted(endpoint, host, socket) } else { Ok(Self::Plain(socket)) }
            }
        }
    }

    #[cfg(feature = "tls")]
    fn encrypted(endpoint: &RedisEndpoint, host: &str, socket: Socket) -> io::Result<Self> {
        let mut stream = super::tls::open(&endpoint.certificates, host, socket)?;
        // Shakes hands now, and not within the time that the first command has.
        stream.flush()?;
        Ok(Self::Tls(Box::new(stream)))
    }

    #[cfg(not(feature = "tls"))]
    fn encrypted(_: &RedisEndpoint, _: &str, _: Socket) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, super::tls::WITHOUT))
    }

    #[cfg(any(fuzzing, test))]
    pub(super) fn over(stream: UnixStream, limits: Limits) -> io::Result<Self> {
        let mut socket = Socket::new(Raw::Unix(stream), limits, Opening::new(limits).deadline)?;
        socket.is_open()?;
        Ok(Self::Plain(socket))
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    /// True if no byte waits to be read, as far as can be seen. TLS has messages of its own, and
    /// keeps out replies that were sent twice.
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_quiet(),
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
        }
    }
}

fn connect_tcp(resolver: &Resolver, host: &str, port: u16, opening: Opening) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolver.resolve(host, port, opening)? {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        match connect(family, opening, |socket| rustix::net::connect(socket, &address)) {
            Ok(socket) => return Ok(TcpStream::from(socket)),
            Err(error) => last = error,
        }
        // The next address has no more time either.
        opening.wait(TOO_LATE)?;
    }
    Err(last)
}

fn connect_unix(path: &Path, opening: Opening) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let connected = connect(AddressFamily::UNIX, opening, |socket| rustix::net::connect(socket, &address));
    connected.map(UnixStream::from)
}

const TOO_LATE: &str = "no connection in time";

/// Connects a new socket. A server that does not answer, or whose queue is full, is waited for in
/// steps: the timeout for sending bounds each of them, and connecting once more goes on waiting.
fn connect(
    family: AddressFamily,
    opening: Opening,
    try_connect: impl Fn(&OwnedFd) -> rustix::io::Result<()>,
) -> io::Result<OwnedFd> {
    use rustix::io::Errno;

    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    loop {
        set_socket_timeout(&socket, Timeout::Send, Some(opening.wait(TOO_LATE)?))?;
        match try_connect(&socket) {
            Ok(()) | Err(Errno::ISCONN) => return Ok(socket),
            Err(Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}
