//! A proxy in front of MySQL and Redis that makes chosen exchanges slower by a known time, for `scripts/noise`.
//!
//! Usage: `delaying_proxy REDIS_ADDRESS MYSQL_ADDRESS [KIND=TIME_US[@PERCENT]]…` with a KIND of `hit` (a GET that finds an entry),
//! `script` (a step of the cache-aside protocol: a lease, or storing an entry), `query` (a prepared statement), `redis` or
//! `mysql` (every exchange). With a percentage only as many of the exchanges are slower. It prints the ports for Redis
//! and MySQL, and ends when its stdin does.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What an exchange is, by its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    Get,
    Script,
    Query,
}

impl Kind {
    fn of_redis(request: &[u8]) -> Self {
        match request {
            [b'*', b'2', b'\r', b'\n', b'$', b'3', b'\r', b'\n', b'G', b'E', b'T', ..] => Self::Get,
            // EVALSHA, and the transaction that stores a large entry.
            request if request.windows(7).take(32).any(|word| word == b"EVALSHA") => Self::Script,
            request if request.windows(5).take(32).any(|word| word == b"WATCH") => Self::Script,
            _ => Self::Other,
        }
    }

    fn of_mysql(request: &[u8]) -> Self {
        // Three bytes of length, a number, the command: COM_STMT_EXECUTE.
        if request.get(4) == Some(&0x17) { Self::Query } else { Self::Other }
    }

    /// None if no request is under way: then the bytes belong to a reply that has begun.
    fn from_number(number: u8) -> Option<Self> {
        [Self::Other, Self::Get, Self::Script, Self::Query].into_iter().find(|kind| *kind as u8 == number)
    }
}

/// No request is under way.
const NO_REQUEST: u8 = u8::MAX;

/// A time for a share of the exchanges.
#[derive(Clone, Copy, Debug, Default)]
struct Delay {
    us: f64,
    percent: f64,
}

/// By `hit`, `script`, `query`, `redis`, `mysql`.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    hit: Delay,
    script: Delay,
    query: Delay,
    redis: Delay,
    mysql: Delay,
}

impl Rules {
    fn parse(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut rules = Self::default();
        for argument in arguments {
            let (kind, value) = argument.split_once('=')?;
            let (us, percent) = value.split_once('@').unwrap_or((value, "100"));
            let delay = Delay { us: us.parse().ok()?, percent: percent.parse().ok()? };
            *match kind {
                "hit" => &mut rules.hit,
                "script" => &mut rules.script,
                "query" => &mut rules.query,
                "redis" => &mut rules.redis,
                "mysql" => &mut rules.mysql,
                _ => return None,
            } = delay;
        }
        Some(rules)
    }

    /// For a reply that begins so.
    fn delays(&self, is_redis: bool, kind: Kind, reply: &[u8]) -> [Delay; 2] {
        let always = if is_redis { self.redis } else { self.mysql };
        let own = match kind {
            Kind::Get if !reply.starts_with(b"$-1") => self.hit,
            Kind::Script => self.script,
            Kind::Query => self.query,
            Kind::Get | Kind::Other => Delay::default(),
        };
        [always, own]
    }
}

/// Shared by both directions of a connection.
struct Link {
    is_redis: bool,
    rules: Rules,
    /// Of the request that is under way.
    kind: AtomicU8,
    random: AtomicU64,
}

impl Link {
    /// Which of many exchanges are slower: SplitMix64.
    fn is_drawn(&self, percent: f64) -> bool {
        let mut mixed = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        drawn * 100.0 < percent
    }

    fn requests(&self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        loop {
            let length = from.read(&mut bytes)?;
            let piece = bytes.get(..length).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            let kind = if self.is_redis { Kind::of_redis(piece) } else { Kind::of_mysql(piece) };
            self.kind.store(kind as u8, Ordering::Release);
            to.write_all(piece)?;
        }
    }

    fn replies(&self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        loop {
            let length = from.read(&mut bytes)?;
            let started = Instant::now();
            let piece = bytes.get(..length).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            // Only the first piece of a reply is held up.
            let kind = Kind::from_number(self.kind.swap(NO_REQUEST, Ordering::AcqRel));
            let delays = kind.map(|kind| self.rules.delays(self.is_redis, kind, piece));
            let drawn = delays.iter().flatten().filter(|delay| self.is_drawn(delay.percent));
            let us: f64 = drawn.map(|delay| delay.us).sum();
            let delay = Duration::from_secs_f64(us / 1e6);
            if let Some(sleep) = delay.checked_sub(Duration::from_micros(200)) {
                thread::sleep(sleep);
            }
            while started.elapsed() < delay {
                std::hint::spin_loop();
            }
            to.write_all(piece)?;
        }
    }
}

/// Carries bytes both ways, each on a thread of its own.
fn join(client: &TcpStream, address: &str, link: Link) -> io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(address)?;
    server.set_nodelay(true)?;
    let link = Arc::new(link);
    let (other, to_server, from_client) = (Arc::clone(&link), server.try_clone()?, client.try_clone()?);
    let to_client = client.try_clone()?;
    thread::spawn(move || {
        let _ = other.requests(&from_client, &to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Both);
    });
    thread::spawn(move || {
        let _ = link.replies(&server, &to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    Ok(())
}

/// Listens on a port of its own, which is returned.
fn listen(address: String, is_redis: bool, rules: Rules) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for (number, client) in (1..).zip(listener.incoming().flatten()) {
            let link =
                Link { is_redis, rules, kind: AtomicU8::new(NO_REQUEST), random: AtomicU64::new(number) };
            let _ = join(&client, &address, link);
        }
    });
    Ok(port)
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || {
        io::Error::new(io::ErrorKind::InvalidInput, "REDIS_ADDRESS MYSQL_ADDRESS [KIND=TIME_US[@PERCENT]]…")
    };
    let (redis, mysql) = arguments.next().zip(arguments.next()).ok_or_else(usage)?;
    let rules = Rules::parse(arguments).ok_or_else(usage)?;
    let ports = [listen(redis, true, rules)?, listen(mysql, false, rules)?];
    writeln!(io::stdout(), "{} {}", ports[0], ports[1])?;
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}
