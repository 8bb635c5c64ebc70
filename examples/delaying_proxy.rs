//! A proxy in front of MySQL and Redis that delays replies by known laws, for `scripts/noise`.
//!
//! Usage: `delaying_proxy REDIS_ADDRESS MYSQL_ADDRESS [seed=N] [KIND=TIME_US[@PERCENT][:LAW]]…`
//!
//! | kind | delays |
//! | --- | --- |
//! | `redis`, `mysql` | every exchange with that server |
//! | `redis-takes`, `mysql-takes` | the same, counted from the request: the server's own time is part of it |
//! | `hit` | a GET that finds an entry |
//! | `script` | a step of the cache-aside protocol: a lease, or storing an entry |
//! | `query` | a prepared statement |
//!
//! With a percentage only that share of the exchanges is delayed. A law has the mean TIME_US:
//! `constant` (the default), `exponential`, or `correlated-MS`, a stationary lognormal process with
//! sigma 0.3 and that correlation time, one per server. `stalls` is constant, and the server stands
//! still for 10 ms every 100 ms on average.
//!
//! The proxy prints the ports for Redis and MySQL, and ends when its stdin does.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The kind of an exchange, from its request.
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
            // A look that puts a lease in the same command.
            request if request.starts_with(b"*7\r\n$3\r\nSET\r\n") => Self::Script,
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

/// The distribution of a delay around its mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Law {
    #[default]
    Constant,
    Exponential,
    Correlated {
        time_s: f64,
    },
    Stalls,
}

impl Law {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "constant" => Some(Self::Constant),
            "exponential" => Some(Self::Exponential),
            "stalls" => Some(Self::Stalls),
            _ => {
                let ms: f64 = text.strip_prefix("correlated-")?.parse().ok()?;
                (ms > 0.0).then_some(Self::Correlated { time_s: ms / 1e3 })
            }
        }
    }
}

/// The deviation of the logarithm of a correlated delay.
const SIGMA: f64 = 0.3;
/// The mean time from the end of one stall to the next, and the length of a stall.
const BETWEEN_STALLS_S: f64 = 0.1;
const STALL_S: f64 = 0.01;

/// A time for a share of the exchanges.
#[derive(Clone, Copy, Debug, Default)]
struct Delay {
    us: f64,
    percent: f64,
    law: Law,
}

impl Delay {
    fn parse(text: &str) -> Option<Self> {
        let (value, law) = text.split_once(':').unwrap_or((text, "constant"));
        let (us, percent) = value.split_once('@').unwrap_or((value, "100"));
        let us: f64 = us.parse().ok()?;
        let delay = Self { us, percent: percent.parse().ok()?, law: Law::parse(law)? };
        (us.is_finite() && us >= 0.0).then_some(delay)
    }
}

/// The delays of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    always: Delay,
    takes: Delay,
    hit: Delay,
    script: Delay,
    query: Delay,
}

impl Rules {
    /// Delays that are added to an exchange, for a reply that begins so.
    fn added(&self, kind: Kind, reply: &[u8]) -> [Delay; 2] {
        let own = match kind {
            Kind::Get if !reply.starts_with(b"$-1") => self.hit,
            Kind::Script => self.script,
            Kind::Query => self.query,
            Kind::Get | Kind::Other => Delay::default(),
        };
        [self.always, own]
    }
}

/// The rules for Redis and for MySQL, and the seed.
fn parse(arguments: impl Iterator<Item = String>) -> Option<([Rules; 2], u64)> {
    let ([mut redis, mut mysql], mut seed) = ([Rules::default(); 2], 1);
    for argument in arguments {
        let (kind, value) = argument.split_once('=')?;
        let place = match kind {
            "seed" => {
                seed = value.parse().ok()?;
                continue;
            }
            "hit" => &mut redis.hit,
            "script" => &mut redis.script,
            "redis" => &mut redis.always,
            "redis-takes" => &mut redis.takes,
            "query" => &mut mysql.query,
            "mysql" => &mut mysql.always,
            "mysql-takes" => &mut mysql.takes,
            _ => return None,
        };
        *place = Delay::parse(value)?;
    }
    Some(([redis, mysql], seed))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed ^ (mixed >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// The state that all connections to one server share: its luck.
struct Server {
    random: Random,
    started: Instant,
    /// The state of the correlated law: its value, and when that was.
    wave: f64,
    wave_at_s: f64,
    /// When the next stall begins or the current one began.
    stall_at_s: f64,
}

impl Server {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (wave, stall_at_s) = (random.normal(), random.exponential() * BETWEEN_STALLS_S);
        Self { random, started: Instant::now(), wave, wave_at_s: 0.0, stall_at_s }
    }

    /// The delay of this exchange, if there is one.
    fn draw(&mut self, delay: Delay) -> Duration {
        if delay.us <= 0.0 || self.random.uniform() * 100.0 >= delay.percent {
            return Duration::ZERO;
        }
        let now_s = self.started.elapsed().as_secs_f64();
        let seconds = delay.us / 1e6;
        let seconds = match delay.law {
            Law::Constant => seconds,
            Law::Exponential => seconds * self.random.exponential(),
            Law::Correlated { time_s } => {
                let kept = (-(now_s - self.wave_at_s) / time_s).exp();
                self.wave = kept * self.wave + (1.0 - kept * kept).max(0.0).sqrt() * self.random.normal();
                self.wave_at_s = now_s;
                seconds * (SIGMA * self.wave - SIGMA * SIGMA / 2.0).exp()
            }
            Law::Stalls => seconds + self.stalled(now_s + seconds),
        };
        Duration::from_secs_f64(seconds)
    }

    /// The rest of a stall of the server at this moment.
    fn stalled(&mut self, now_s: f64) -> f64 {
        while self.stall_at_s + STALL_S < now_s {
            self.stall_at_s += STALL_S + self.random.exponential() * BETWEEN_STALLS_S;
        }
        if self.stall_at_s < now_s { self.stall_at_s + STALL_S - now_s } else { 0.0 }
    }
}

/// Shared by both directions of a connection.
struct Link {
    is_redis: bool,
    rules: Rules,
    server: Arc<Mutex<Server>>,
    opened: Instant,
    /// The kind of the request that is under way.
    kind: AtomicU8,
    /// When it came, ns after `opened`.
    requested_ns: AtomicU64,
}

impl Link {
    fn requests(&self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        loop {
            let length = from.read(&mut bytes)?;
            let at_ns = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let piece = bytes.get(..length).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            let kind = if self.is_redis { Kind::of_redis(piece) } else { Kind::of_mysql(piece) };
            self.requested_ns.store(at_ns, Ordering::Relaxed);
            self.kind.store(kind as u8, Ordering::Release);
            to.write_all(piece)?;
        }
    }

    fn replies(&self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        loop {
            let length = from.read(&mut bytes)?;
            let replied = Instant::now();
            let piece = bytes.get(..length).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            // Only the first piece of a reply is held up.
            if let Some(kind) = Kind::from_number(self.kind.swap(NO_REQUEST, Ordering::AcqRel)) {
                wait_until(self.due(kind, piece, replied));
            }
            to.write_all(piece)?;
        }
    }

    /// When a reply goes on to the client.
    fn due(&self, kind: Kind, reply: &[u8], replied: Instant) -> Instant {
        let requested = self.opened + Duration::from_nanos(self.requested_ns.load(Ordering::Relaxed));
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = requested + server.draw(self.rules.takes);
        let added: Duration = self.rules.added(kind, reply).into_iter().map(|delay| server.draw(delay)).sum();
        taken.max(replied) + added
    }
}

fn wait_until(due: Instant) {
    if let Some(sleep) = due.saturating_duration_since(Instant::now()).checked_sub(Duration::from_micros(200))
    {
        thread::sleep(sleep);
    }
    while Instant::now() < due {
        std::hint::spin_loop();
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
fn listen(address: String, is_redis: bool, rules: Rules, seed: u64) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let server = Arc::new(Mutex::new(Server::new(seed)));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let link = Link {
                is_redis,
                rules,
                server: Arc::clone(&server),
                opened: Instant::now(),
                kind: AtomicU8::new(NO_REQUEST),
                requested_ns: AtomicU64::new(0),
            };
            let _ = join(&client, &address, link);
        }
    });
    Ok(port)
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || {
        let usage = "REDIS_ADDRESS MYSQL_ADDRESS [seed=N] [KIND=TIME_US[@PERCENT][:LAW]]…";
        io::Error::new(io::ErrorKind::InvalidInput, usage)
    };
    let (redis, mysql) = arguments.next().zip(arguments.next()).ok_or_else(usage)?;
    let ([of_redis, of_mysql], seed) = parse(arguments).ok_or_else(usage)?;
    // Two seeds far apart: the servers' luck is independent.
    let ports = [listen(redis, true, of_redis, seed)?, listen(mysql, false, of_mysql, !seed)?];
    writeln!(io::stdout(), "{} {}", ports[0], ports[1])?;
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}
