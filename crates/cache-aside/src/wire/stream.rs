//! The byte stream to Redis: TCP, a unix socket or TLS, and how long one waits for it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, LazyLock, mpsc};
use std::time::{Duration, Instant};

use crate::endpoint::{Address, RedisEndpoint};

/// How long to wait for Redis.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the connection is open and logged in.
    pub connect: Duration,
    /// Until a command is answered; large values get [`LARGE_VALUE_NS_PER_BYTE`] more.
    pub reply: Duration,
    /// Asked while waiting; true gives up.
    pub is_over: Option<fn() -> bool>,
}

/// A link that carries less than 10 MB/s is no place for large values.
const LARGE_VALUE_NS_PER_BYTE: u32 = 100;
/// How long one look at the socket may take before we look whether somebody wants us to stop.
const LOOK: Duration = Duration::from_millis(500);

/// A stream that waits for a reply, but not for ever, however slowly the bytes drip.
pub(super) struct Patient {
    stream: Stream,
    patience: Patience,
    give_up_at: Instant,
    /// While it is being opened, one deadline stands over everything.
    is_opening: bool,
}

impl Patient {
    pub(super) fn open(endpoint: &RedisEndpoint, patience: Patience) -> io::Result<Self> {
        let give_up_at = Instant::now() + patience.connect;
        let stream = Stream::open(endpoint, give_up_at)?;
        stream.set_timeouts(patience.look(patience.connect))?;
        let mut opening = Self { stream, patience, give_up_at, is_opening: true };
        // TLS shakes hands now, and not within the time that the first command has.
        opening.flush()?;
        Ok(opening)
    }

    #[cfg(any(fuzzing, test))]
    pub(super) fn over(stream: UnixStream) -> Self {
        let long = Duration::from_secs(60);
        let patience = Patience { connect: long, reply: long, is_over: None };
        Self { stream: Stream::Unix(stream), patience, give_up_at: Instant::now() + long, is_opening: false }
    }

    /// From now on each command has a deadline of its own.
    pub(super) fn is_open(&mut self) -> io::Result<()> {
        self.is_opening = false;
        self.stream.set_timeouts(self.patience.look(self.patience.reply))
    }

    /// A command of that many bytes is about to be sent.
    pub(super) fn begin(&mut self, bytes: usize) {
        if !self.is_opening {
            self.give_up_at = Instant::now() + self.patience.reply + for_bytes(bytes);
        }
    }

    /// A string of that many bytes is on its way.
    pub(super) fn expect(&mut self, bytes: usize) {
        self.give_up_at += for_bytes(bytes);
    }

    fn check(&self) -> io::Result<()> {
        if self.patience.is_over.is_some_and(|is_over| is_over()) {
            return Err(io::Error::other("interrupted"));
        }
        if Instant::now() >= self.give_up_at {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no whole reply in time"));
        }
        Ok(())
    }
}

impl Patience {
    fn look(&self, longest: Duration) -> Duration {
        if self.is_over.is_some() { longest.min(LOOK) } else { longest }
    }
}

fn for_bytes(bytes: usize) -> Duration {
    Duration::from_nanos(u64::from(LARGE_VALUE_NS_PER_BYTE).saturating_mul(bytes as u64))
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if is_timeout(&error) => self.check()?,
                Ok(bytes) if Instant::now() < self.give_up_at => return Ok(bytes),
                Ok(bytes) => return self.check().map(|()| bytes),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stream.write(bytes) {
                Err(error) if is_timeout(&error) => self.check()?,
                Ok(written) if written < bytes.len() => return self.check().map(|()| written),
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.stream.flush() {
                Err(error) if is_timeout(&error) => self.check()?,
                outcome => return outcome,
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Stream {
    fn open(endpoint: &RedisEndpoint, give_up_at: Instant) -> io::Result<Self> {
        match &endpoint.address {
            Address::Socket(path) => Ok(Self::Unix(connect_unix(path, left(give_up_at)?)?)),
            Address::Tcp { host, port } => {
                let stream = connect_tcp(host, *port, give_up_at)?;
                stream.set_nodelay(true)?;
                if endpoint.tls { tls(host, stream) } else { Ok(Self::Tcp(stream)) }
            }
        }
    }

    fn set_timeouts(&self, timeout: Duration) -> io::Result<()> {
        let tcp = match self {
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                return stream.set_write_timeout(Some(timeout));
            }
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        };
        tcp.set_read_timeout(Some(timeout))?;
        tcp.set_write_timeout(Some(timeout))
    }
}

fn connect_tcp(host: &str, port: u16, give_up_at: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(host, port, give_up_at)? {
        match TcpStream::connect_timeout(&address, left(give_up_at)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Where the queue of a server that hangs is full, a plain `connect` waits without end; the timeout for sending bounds it.
fn connect_unix(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    use rustix::net::sockopt::{Timeout, set_socket_timeout};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

    let stream = UnixStream::from(socket(AddressFamily::UNIX, SocketType::STREAM, None)?);
    rustix::io::fcntl_setfd(&stream, rustix::io::FdFlags::CLOEXEC)?;
    set_socket_timeout(&stream, Timeout::Send, Some(timeout))?;
    match connect(&stream, &SocketAddrUnix::new(path)?) {
        Ok(()) => Ok(stream),
        Err(rustix::io::Errno::AGAIN) => Err(too_late()),
        Err(error) => Err(error.into()),
    }
}

/// The addresses of a host. The system's resolver knows no timeout and can take many seconds, so a name is looked up on
/// a thread of its own, which is left behind where it is too slow.
fn resolve(host: &str, port: u16, give_up_at: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let host = host.to_owned();
    std::thread::Builder::new().name("rcache-resolve".to_owned()).spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more where it took too long.
        let _ = sender.send(addresses);
    })?;
    receiver.recv_timeout(left(give_up_at)?).map_err(|_| too_late())?
}

fn left(give_up_at: Instant) -> io::Result<Duration> {
    let left = give_up_at.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no connection in time")
}

fn tls(host: &str, stream: TcpStream) -> io::Result<Stream> {
    // Reading the system's certificates takes longer than connecting: once is enough.
    static CONFIG: LazyLock<Result<Arc<rustls::ClientConfig>, rustls::Error>> = LazyLock::new(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()))
    });
    let config = CONFIG.as_ref().map_err(|error| io::Error::other(error.clone()))?;
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let session = rustls::ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    Ok(Stream::Tls(Box::new(rustls::StreamOwned::new(session, stream))))
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(any(test, feature = "test-hooks"))]
        crate::socket_calls::received();
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(any(test, feature = "test-hooks"))]
        crate::socket_calls::sent();
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
