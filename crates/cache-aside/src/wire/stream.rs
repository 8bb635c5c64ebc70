//! The byte stream to Redis: TCP, a unix socket or TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::resolve::{self, Resolver};
use super::socket::{Limits, Raw, Socket, too_late};
use crate::endpoint::{Address, RedisEndpoint};

pub(super) enum Stream {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<super::tls::Stream>),
}

impl Stream {
    /// Connects, and shakes hands if TLS is wanted.
    pub(super) fn open(endpoint: &RedisEndpoint, limits: Limits, resolver: &Resolver) -> io::Result<Self> {
        let deadline = Instant::now() + limits.connect;
        match &endpoint.address {
            Address::Socket(path) => {
                let stream = connect_unix(path, resolve::left(deadline)?)?;
                Ok(Self::Plain(Socket::new(Raw::Unix(stream), limits, deadline)?))
            }
            Address::Tcp { host, port } => {
                let stream = connect_tcp(resolver, host, *port, deadline)?;
                let socket = Socket::new(Raw::Tcp(stream), limits, deadline)?;
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
        let mut socket = Socket::new(Raw::Unix(stream), limits, Instant::now() + limits.connect)?;
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

    /// True if no byte waits to be read, as far as can be seen. TLS has messages of its own, and keeps out replies that were
    /// sent twice.
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_quiet(),
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
        }
    }
}

fn connect_tcp(resolver: &Resolver, host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolver.resolve(host, port, deadline)? {
        match TcpStream::connect_timeout(&address, resolve::left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// If the queue of a server that hangs is full, a plain `connect` waits without end; the timeout for sending bounds it.
fn connect_unix(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    use rustix::net::sockopt::{Timeout, set_socket_timeout};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

    let stream = UnixStream::from(socket(AddressFamily::UNIX, SocketType::STREAM, None)?);
    rustix::io::fcntl_setfd(&stream, rustix::io::FdFlags::CLOEXEC)?;
    set_socket_timeout(&stream, Timeout::Send, Some(timeout))?;
    match connect(&stream, &SocketAddrUnix::new(path)?) {
        Ok(()) => Ok(stream),
        Err(rustix::io::Errno::AGAIN) => Err(too_late("no connection in time")),
        Err(error) => Err(error.into()),
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
