//! Stands between a client and a server, and treats the bytes as a bad network does: they come
//! late, or not all, or long after their sender has given up. It can also close connections that
//! are idle, and lose commands that it does not know, as proxies do. It changes no byte.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The chances of what happens to a piece of a command or of a reply, out of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// It comes a few milliseconds later.
    pub(crate) delayed: u64,
    /// It comes long after its reader has given up. A command is done all the same, however late.
    pub(crate) held_back: u64,
    /// A random part of it comes, perhaps none and perhaps all; then the connection ends.
    pub(crate) cut: u64,
}

impl Weather {
    pub(crate) const CALM: Self = Self { delayed: 0, held_back: 0, cut: 0 };
}

/// A proxy on a port of its own. Ends with this value.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

/// The address on which the server listens.
enum Server {
    Socket(PathBuf),
    Port(u16),
    /// Several servers behind one address, in turn.
    Ports(Vec<u16>),
}

/// The behaviour of a proxy of its own accord.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manners {
    /// Connections that carry nothing for so long are closed.
    pub(crate) idle: Option<Duration>,
    /// Commands with this word in them never reach the server.
    pub(crate) loses: Option<&'static str>,
}

struct Shared {
    server: Server,
    manners: Manners,
    weather: Mutex<Weather>,
    seed: u64,
    connections: AtomicU64,
    is_over: AtomicBool,
}

impl Proxy {
    /// In front of the Redis at this socket.
    pub(crate) fn start(redis: &Path, seed: u64) -> Self {
        Self::before(Server::Socket(redis.to_owned()), Manners::default(), seed)
    }

    /// In front of the Redis at this socket, in calm weather.
    pub(crate) fn of_socket(redis: &Path, manners: Manners) -> Self {
        Self::before(Server::Socket(redis.to_owned()), manners, 0)
    }

    /// In front of the server at this port of this machine, in calm weather.
    pub(crate) fn of_port(port: u16, manners: Manners) -> Self {
        Self::before(Server::Port(port), manners, 0)
    }

    /// In front of these servers of this machine, a connection to each in turn.
    pub(crate) fn of_ports(ports: &[u16]) -> Self {
        Self::before(Server::Ports(ports.to_vec()), Manners::default(), 0)
    }

    fn before(server: Server, manners: Manners, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            manners,
            weather: Mutex::new(Weather::CALM),
            seed,
            connections: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.is_over.load(Ordering::Relaxed) {
                    return;
                }
                // Where Redis is down, the client is hung up on.
                let _ = join(client, &accepting);
            }
        });
        Self { shared, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap() = weather;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; each other one ends with its connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// A client's connection, and the one to Redis that belongs to it.
struct Link {
    client: TcpStream,
    server: Upstream,
    /// When bytes last went either way.
    used: Mutex<Instant>,
}

/// The connection to the server.
enum Upstream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Upstream {
    fn open(server: &Server, number: u64) -> io::Result<Self> {
        let tcp = |port: u16| {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            Ok(Self::Tcp(stream))
        };
        match server {
            Server::Socket(path) => UnixStream::connect(path).map(Self::Unix),
            Server::Port(port) => tcp(*port),
            Server::Ports(ports) => tcp(ports[usize::try_from(number).unwrap() % ports.len()]),
        }
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(Some(timeout)),
            Self::Tcp(stream) => stream.set_read_timeout(Some(timeout)),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tcp(stream) => stream.shutdown(how),
        }
    }
}

impl Read for &Upstream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Upstream::Unix(stream) => (&*stream).read(bytes),
            Upstream::Tcp(stream) => (&*stream).read(bytes),
        }
    }
}

impl Write for &Upstream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Upstream::Unix(stream) => (&*stream).write(bytes),
            Upstream::Tcp(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Link {
    fn hang_up(&self) {
        let _ = (self.client.shutdown(Shutdown::Both), self.server.shutdown(Shutdown::Both));
    }
}

/// The interval at which a connection is looked at to see whether it is idle.
const LOOK: Duration = Duration::from_millis(50);

/// Carries bytes both ways, each on a thread of its own.
fn join(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let number = shared.connections.fetch_add(1, Ordering::Relaxed);
    let server = Upstream::open(&shared.server, number)?;
    if shared.manners.idle.is_some() {
        client.set_read_timeout(Some(LOOK))?;
        server.set_read_timeout(LOOK)?;
    }
    let link = Arc::new(Link { client, server, used: Mutex::new(Instant::now()) });
    let start = |way: u64, run: fn(&Link, &Shared, Luck) -> Option<()>| {
        let (link, shared) = (Arc::clone(&link), Arc::clone(shared));
        let luck = Luck::new(shared.seed ^ (2 * number + way));
        thread::spawn(move || {
            if run(&link, &shared, luck).is_none() {
                link.hang_up();
            }
        });
    };
    start(0, |link, shared, luck| {
        carry(&link.client, &link.server, link, shared, luck, shared.manners.loses)?;
        // What came before the client hung up is done still.
        link.server.shutdown(Shutdown::Write).ok()
    });
    start(1, |link, shared, luck| {
        carry(&link.server, &link.client, link, shared, luck, None)?;
        link.client.shutdown(Shutdown::Write).ok()
    });
    Ok(())
}

/// Carries bytes one way until there are no more. None where the connection was cut.
fn carry(
    mut from: impl Read,
    mut to: impl Write,
    link: &Link,
    shared: &Shared,
    mut luck: Luck,
    loses: Option<&str>,
) -> Option<()> {
    let mut bytes = [0; 16 * 1024];
    // A reader who has gone does not keep the rest from being read: else Redis could not do what it
    // was sent.
    let mut is_wanted = true;
    loop {
        let length = match from.read(&mut bytes) {
            Ok(0) => return Some(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let idle = shared.manners.idle?;
                if link.used.lock().unwrap().elapsed() >= idle {
                    return None;
                }
                continue;
            }
            Err(_) => return None,
        };
        *link.used.lock().unwrap() = Instant::now();
        let is_lost = |word: &str| {
            bytes.get(..length).is_some_and(|bytes| bytes.windows(word.len()).any(|it| it == word.as_bytes()))
        };
        if loses.is_some_and(is_lost) {
            continue;
        }
        let weather = *shared.weather.lock().unwrap();
        let befalls = luck.below(1000);
        let mut kept = length;
        if befalls < weather.cut {
            kept = usize::try_from(luck.below(length as u64 + 1)).unwrap();
        } else if befalls < weather.cut + weather.held_back {
            thread::sleep(Duration::from_millis(260 + luck.below(200)));
        } else if befalls < weather.cut + weather.held_back + weather.delayed {
            thread::sleep(Duration::from_micros(luck.below(20_000)));
        }
        is_wanted = is_wanted && bytes.get(..kept).is_some_and(|bytes| to.write_all(bytes).is_ok());
        if befalls < weather.cut {
            return None;
        }
    }
}

/// Random numbers that are the same for the same seed: SplitMix64 (Steele, Lea, Flood, OOPSLA
/// 2014).
#[derive(Clone)]
pub(crate) struct Luck(u64);

impl Luck {
    pub(crate) fn new(seed: u64) -> Self {
        let mut luck = Self(seed);
        // Neighbouring seeds are far apart after one step.
        Self(luck.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly from 0 up to, and without, `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}
