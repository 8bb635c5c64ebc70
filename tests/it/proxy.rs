//! Stands between the library and a Redis, and treats the bytes as a bad network does: they come late, or not all, or
//! long after their sender has given up. It changes none of them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often what befalls a piece of a command or of a reply, out of a thousand.
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

struct Shared {
    redis: PathBuf,
    weather: Mutex<Weather>,
    seed: u64,
    connections: AtomicU64,
    is_over: AtomicBool,
}

impl Proxy {
    /// In front of the Redis at this socket.
    pub(crate) fn start(redis: &Path, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            redis: redis.to_owned(),
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
    redis: UnixStream,
}

impl Link {
    fn hang_up(&self) {
        let _ = (self.client.shutdown(Shutdown::Both), self.redis.shutdown(Shutdown::Both));
    }
}

/// Carries bytes both ways, each on a thread of its own.
fn join(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let link = Arc::new(Link { client, redis: UnixStream::connect(&shared.redis)? });
    let number = shared.connections.fetch_add(1, Ordering::Relaxed);
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
        carry(&link.client, &link.redis, shared, luck)?;
        // What came before the client hung up is done still.
        link.redis.shutdown(Shutdown::Write).ok()
    });
    start(1, |link, shared, luck| {
        carry(&link.redis, &link.client, shared, luck)?;
        link.client.shutdown(Shutdown::Write).ok()
    });
    Ok(())
}

/// Carries bytes one way until there are no more. None where the connection was cut.
fn carry(mut from: impl Read, mut to: impl Write, shared: &Shared, mut luck: Luck) -> Option<()> {
    let mut bytes = [0; 16 * 1024];
    // A reader who has gone does not keep the rest from being read: else Redis could not do what it was sent.
    let mut is_wanted = true;
    loop {
        let length = match from.read(&mut bytes) {
            Ok(0) => return Some(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        let weather = *shared.weather.lock().unwrap();
        let befalls = luck.below(1000);
        let mut kept = length;
        if befalls < weather.cut {
            kept = usize::try_from(luck.below(length as u64 + 1)).unwrap();
        } else if befalls < weather.cut + weather.held_back {
            thread::sleep(Duration::from_millis(60 + luck.below(200)));
        } else if befalls < weather.cut + weather.held_back + weather.delayed {
            thread::sleep(Duration::from_micros(luck.below(20_000)));
        }
        is_wanted = is_wanted && bytes.get(..kept).is_some_and(|bytes| to.write_all(bytes).is_ok());
        if befalls < weather.cut {
            return None;
        }
    }
}

/// Random numbers that are the same for the same seed: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
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
