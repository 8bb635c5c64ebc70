//! Stands between a test's cache and its Redis, and does what proxies, firewalls and slow links do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::endpoint::RedisEndpoint;

pub(crate) struct Middlebox {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    redis: Mutex<PathBuf>,
    /// Connections so far.
    connections: AtomicUsize,
    /// Connections before this one are forgotten: what is sent on them is lost, and nothing says
    /// so.
    forgotten: AtomicUsize,
    doubles: AtomicBool,
    replies: AtomicUsize,
    delay: Mutex<Duration>,
    /// Commands that contain this are held back for so long.
    held: Mutex<Option<(Vec<u8>, Duration)>>,
}

impl Middlebox {
    /// In front of the Redis on this socket.
    pub(crate) fn start(redis: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            redis: Mutex::new(redis.to_owned()),
            connections: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            doubles: AtomicBool::new(false),
            replies: AtomicUsize::new(0),
            delay: Mutex::default(),
            held: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        // Ends with the process: each test starts a few of them.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = accepting.connections.fetch_add(1, Ordering::SeqCst);
                let redis = accepting.redis.lock().unwrap().clone();
                let Ok(redis) = UnixStream::connect(redis) else { continue };
                client.set_nodelay(true).unwrap();
                let (from_client, to_redis) = (client.try_clone().unwrap(), redis.try_clone().unwrap());
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.carry(number, from_client, to_redis, true));
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.carry(number, redis, client, false));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn endpoint(&self) -> RedisEndpoint {
        RedisEndpoint::parse(&format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Forgets the connections that there are.
    pub(crate) fn forget(&self) {
        self.shared.forgotten.store(self.connections(), Ordering::SeqCst);
    }

    /// New connections lead to another Redis.
    pub(crate) fn lead_to(&self, redis: &Path) {
        *self.shared.redis.lock().unwrap() = redis.to_owned();
    }

    /// Sends every seventh reply twice.
    pub(crate) fn double(&self) {
        self.shared.doubles.store(true, Ordering::SeqCst);
    }

    /// Delays each command by so long.
    pub(crate) fn delay(&self, delay: Duration) {
        *self.shared.delay.lock().unwrap() = delay;
    }

    /// Holds back commands that contain this; nothing, from now on, with an empty text.
    pub(crate) fn hold(&self, text: &str, delay: Duration) {
        *self.shared.held.lock().unwrap() = (!text.is_empty()).then(|| (text.as_bytes().to_vec(), delay));
    }
}

impl Shared {
    fn carry(&self, number: usize, mut from: impl Read, mut to: impl Write, are_commands: bool) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if number < self.forgotten.load(Ordering::SeqCst) {
                continue;
            }
            let bytes = &bytes[..length];
            if are_commands {
                thread::sleep(*self.delay.lock().unwrap());
                let held = self.held.lock().unwrap().clone();
                if let Some((text, delay)) = held
                    && bytes.windows(text.len()).any(|window| window == text)
                {
                    thread::sleep(delay);
                }
            }
            let doubles = !are_commands
                && self.doubles.load(Ordering::SeqCst)
                && self.replies.fetch_add(1, Ordering::SeqCst) % 7 == 6;
            for _ in 0..if doubles { 2 } else { 1 } {
                if to.write_all(bytes).is_err() && !are_commands {
                    return;
                }
            }
        }
    }
}

/// A connection of a test's own.
pub(crate) fn connect(endpoint: &RedisEndpoint) -> crate::wire::Connection {
    crate::wire::Connection::open(endpoint, crate::Options::default().limits()).unwrap()
}
