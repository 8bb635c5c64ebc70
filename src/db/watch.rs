//! Ends waits for a MySQL server that no longer answers, and all waits soon after an interrupt.
//!
//! One thread looks at every open connection a few times a second. It never touches a connection
//! that makes progress, so the measured path pays for two stores to an atomic and for no system
//! call. A wait is ended by shutting the socket down: that works alike for the crate's reads, for
//! our own row reading, for TLS and for unix sockets.
//!
//! A long query and a stopped server look the same on their connection: nothing comes. They are
//! told apart by a second connection: a server that greets new clients is alive, and the query may
//! take as long as it takes.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::connect;
use super::identity::Reached;
use crate::endpoint::MysqlEndpoint;
use crate::interrupt;

/// Time between two looks at all connections.
const LOOK: Duration = Duration::from_millis(100);
/// A reply that is silent for this long makes us ask whether the server is alive.
pub(super) const SILENCE: Duration = Duration::from_secs(4);
/// The number of new connections in a row without an answer after which the server counts as dead.
const FAILED_PROBES: u32 = 2;
/// After an interrupt, a reply may be silent for this long.
pub(super) const LAST_SILENCE: Duration = Duration::from_millis(400);
/// After an interrupt, a statement may take this long, however much it still sends.
const LAST_STATEMENT: Duration = Duration::from_millis(1000);

/// Why a wait was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    #[error("interrupted")]
    Interrupted,
    #[error(
        "the server stopped answering: it sent nothing for a while, and new connections get no answer either"
    )]
    Unresponsive,
}

impl Ended {
    pub(super) fn into_io(self) -> io::Error {
        let kind = match self {
            Self::Interrupted => io::ErrorKind::ConnectionAborted,
            Self::Unresponsive => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, self)
    }
}

/// A server as its connections see it.
#[derive(Debug)]
pub(super) struct Server {
    endpoint: MysqlEndpoint,
    /// It did not answer after an interrupt: nothing more is asked of it.
    is_given_up: AtomicBool,
    health: Mutex<Health>,
    reached: Mutex<Reached>,
}

#[derive(Debug, Default)]
struct Health {
    /// When the server was last seen to be alive.
    alive_at: Option<Instant>,
    is_probed: bool,
    failed_probes: u32,
}

impl Server {
    /// The server at this endpoint; all connections to it share one.
    pub(super) fn at(endpoint: &MysqlEndpoint) -> Arc<Self> {
        let mut servers = lock(&registry().servers);
        if let Some(server) = servers.iter().find(|server| server.endpoint == *endpoint) {
            return Arc::clone(server);
        }
        let server = Arc::new(Self {
            endpoint: endpoint.clone(),
            is_given_up: AtomicBool::new(false),
            health: Mutex::default(),
            reached: Mutex::default(),
        });
        servers.push(Arc::clone(&server));
        server
    }

    /// Whether it has shown after an interrupt that it does not answer.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// Asks nothing more of it, if an interrupt has come.
    pub(super) fn give_up(&self) {
        if interrupt::requested() {
            self.is_given_up.store(true, Ordering::Relaxed);
        }
    }

    /// Adds what a connection has found out.
    pub(super) fn note(&self, add: impl FnOnce(&mut Reached)) {
        add(&mut lock(&self.reached));
    }

    pub(super) fn reached(&self) -> Reached {
        lock(&self.reached).clone()
    }

    fn is_alive(&self, now: Instant) {
        let mut health = lock(&self.health);
        (health.alive_at, health.failed_probes) = (Some(now), 0);
    }

    /// The knowledge about the server when one of its replies has been silent for a while.
    fn examine(self: &Arc<Self>, now: Instant) -> Finding {
        let mut health = lock(&self.health);
        if health.failed_probes >= FAILED_PROBES {
            return Finding::Dead;
        }
        let is_fresh = health.alive_at.is_some_and(|at| now.saturating_duration_since(at) < SILENCE);
        if !is_fresh && !health.is_probed {
            health.is_probed = true;
            let server = Arc::clone(self);
            let probe = thread::Builder::new().name("mysql-probe".to_owned()).spawn(move || server.probe());
            health.is_probed = probe.is_ok();
        }
        Finding::Unknown
    }

    fn probe(&self) {
        let answers = connect::answers(&self.endpoint);
        let mut health = lock(&self.health);
        health.is_probed = false;
        if answers {
            (health.alive_at, health.failed_probes) = (Some(Instant::now()), 0);
        } else {
            health.failed_probes += 1;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Unknown,
    Dead,
}

/// A connection under watch.
#[derive(Debug)]
pub(super) struct Watched {
    socket: TcpStream,
    server: Arc<Server>,
    /// Counts the ends and the beginnings of statements: odd while one is under way. Written by the
    /// connection's user alone.
    statements: AtomicU32,
    /// Counts what arrives of a reply.
    arrivals: AtomicU32,
    /// An [`Ended`], or 0.
    ended: AtomicU8,
    seen: Mutex<Seen>,
}

/// The state at the watching thread's last look.
#[derive(Clone, Copy, Debug)]
struct Seen {
    statements: u32,
    statement_since: Instant,
    arrivals: u32,
    silent_since: Instant,
}

impl Watched {
    /// Puts a connection under watch, by a second handle of its socket, until this value is
    /// dropped.
    pub(super) fn new(socket: TcpStream, server: Arc<Server>) -> Arc<Self> {
        let now = Instant::now();
        let seen = Seen { statements: 0, statement_since: now, arrivals: 0, silent_since: now };
        let watched = Arc::new(Self {
            socket,
            server,
            statements: AtomicU32::new(0),
            arrivals: AtomicU32::new(0),
            ended: AtomicU8::new(0),
            seen: Mutex::new(seen),
        });
        let registry = registry();
        lock(&registry.connections).push(Arc::downgrade(&watched));
        registry.start();
        watched
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Takes the timeouts away that connecting had: from now on the watch decides.
    pub(super) fn wait_patiently(&self) -> io::Result<()> {
        self.socket.set_read_timeout(None)?;
        self.socket.set_write_timeout(None)
    }

    /// A statement is about to be sent. Fails when nothing may be asked of the server any more.
    #[inline]
    pub(super) fn begin(&self) -> io::Result<()> {
        if self.server.is_given_up() {
            return Err(Ended::Interrupted.into_io());
        }
        let before = self.statements.load(Ordering::Relaxed);
        self.statements.store(before.wrapping_add(1) | 1, Ordering::Relaxed);
        Ok(())
    }

    /// The whole reply is there, or the connection failed.
    #[inline]
    pub(super) fn end(&self) {
        let before = self.statements.load(Ordering::Relaxed);
        self.statements.store(before.wrapping_add(before & 1), Ordering::Relaxed);
    }

    /// A piece of a reply has arrived.
    #[inline]
    pub(super) fn arrived(&self) {
        self.arrivals.store(self.arrivals.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Why the connection was shut down, if it was.
    pub(super) fn ended(&self) -> Option<Ended> {
        match self.ended.load(Ordering::Acquire) {
            1 => Some(Ended::Interrupted),
            2 => Some(Ended::Unresponsive),
            _ => None,
        }
    }

    fn shut_down(&self, why: Ended) {
        let number = match why {
            Ended::Interrupted => 1,
            Ended::Unresponsive => 2,
        };
        self.ended.store(number, Ordering::Release);
        // A socket that is closed already needs no end.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn look(&self, now: Instant, interrupted_at: Option<Instant>) {
        let (seen, is_progress) = self.see(now);
        if is_progress {
            self.server.is_alive(now);
        }
        if seen.statements % 2 == 0 || self.ended().is_some() {
            return;
        }
        if let Some(at) = interrupted_at {
            let since = |then: Instant| now.saturating_duration_since(then.max(at));
            if since(seen.silent_since) >= LAST_SILENCE {
                self.server.give_up();
                self.shut_down(Ended::Interrupted);
            } else if since(seen.statement_since) >= LAST_STATEMENT {
                self.shut_down(Ended::Interrupted);
            }
        } else if now.saturating_duration_since(seen.silent_since) >= SILENCE
            && self.server.examine(now) == Finding::Dead
        {
            self.shut_down(Ended::Unresponsive);
        }
    }

    /// Notes what has changed since the last look, and whether anything came from the server.
    fn see(&self, now: Instant) -> (Seen, bool) {
        let mut seen = lock(&self.seen);
        let (statements, arrivals) =
            (self.statements.load(Ordering::Relaxed), self.arrivals.load(Ordering::Relaxed));
        // Beginning to wait proves nothing about the server; the end of a statement or a piece of a
        // reply does.
        let is_progress =
            arrivals != seen.arrivals || statements.wrapping_sub(seen.statements) > 1 - seen.statements % 2;
        if statements != seen.statements {
            (seen.statements, seen.statement_since) = (statements, now);
            seen.silent_since = now;
        }
        if arrivals != seen.arrivals {
            (seen.arrivals, seen.silent_since) = (arrivals, now);
        }
        (*seen, is_progress)
    }
}

#[derive(Default)]
struct Registry {
    servers: Mutex<Vec<Arc<Server>>>,
    connections: Mutex<Vec<Weak<Watched>>>,
    is_running: AtomicBool,
}

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::default)
}

impl Registry {
    fn start(&'static self) {
        if !self.is_running.swap(true, Ordering::Relaxed) {
            let watching = thread::Builder::new().name("mysql-watch".to_owned()).spawn(|| self.watch());
            // A machine that gives no thread now may give one for the next connection.
            self.is_running.store(watching.is_ok(), Ordering::Relaxed);
        }
    }

    fn watch(&self) {
        let mut interrupted_at = None;
        loop {
            thread::sleep(LOOK);
            let now = Instant::now();
            interrupted_at = interrupt::requested().then(|| interrupted_at.unwrap_or(now));
            let mut connections = lock(&self.connections);
            connections.retain(|connection| match connection.upgrade() {
                Some(connection) => {
                    connection.look(now, interrupted_at);
                    true
                }
                None => false,
            });
        }
    }
}

/// Takes the lock; after a panic the list of connections is still one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    fn watched() -> (Arc<Watched>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let near = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let endpoint = MysqlEndpoint::parse(&format!("mysql://ann@127.0.0.1:{port}/app")).unwrap();
        let server = Server::at(&endpoint);
        let seen = Seen {
            statements: 0,
            statement_since: Instant::now(),
            arrivals: 0,
            silent_since: Instant::now(),
        };
        let watched = Arc::new(Watched {
            socket: near,
            server,
            statements: AtomicU32::new(0),
            arrivals: AtomicU32::new(0),
            ended: AtomicU8::new(0),
            seen: Mutex::new(seen),
        });
        (watched, listener.accept().unwrap().0)
    }

    #[test]
    fn a_silent_reply_is_ended_soon_after_an_interrupt_and_an_idle_connection_is_not() {
        let (idle, _far) = watched();
        let (waiting, _far) = watched();
        waiting.begin().unwrap();
        let start = Instant::now();
        for connection in [&idle, &waiting] {
            connection.look(start, Some(start));
            assert_eq!(connection.ended(), None);
            connection.look(start + LAST_SILENCE, Some(start));
        }
        assert_eq!((idle.ended(), waiting.ended()), (None, Some(Ended::Interrupted)));
        assert_eq!(waiting.socket().read(&mut [0; 1]).unwrap(), 0, "the wait is over");
    }

    #[test]
    fn a_reply_that_still_arrives_has_longer_but_not_for_ever() {
        let (connection, _far) = watched();
        connection.begin().unwrap();
        let start = Instant::now();
        let mut at = start;
        while connection.ended().is_none() {
            connection.arrived();
            connection.look(at, Some(start));
            at += LOOK;
            assert!(at < start + 2 * LAST_STATEMENT, "it never ended");
        }
        assert!(at >= start + LAST_STATEMENT);
        assert!(!connection.server.is_given_up(), "it answers");
    }

    #[test]
    fn a_new_statement_has_time_of_its_own_after_an_interrupt() {
        let (connection, _far) = watched();
        let start = Instant::now();
        for number in 0..5 {
            connection.begin().unwrap();
            connection.look(start + number * LAST_SILENCE, Some(start));
            connection.end();
        }
        assert_eq!(connection.ended(), None);
    }

    #[test]
    fn a_server_that_answers_others_is_waited_for_and_a_dead_one_is_not() {
        let (connection, _far) = watched();
        connection.begin().unwrap();
        let start = Instant::now();
        connection.look(start, None);
        connection.server.is_alive(start + SILENCE);
        connection.look(start + SILENCE, None);
        assert_eq!(connection.ended(), None);
        lock(&connection.server.health).failed_probes = FAILED_PROBES;
        connection.look(start + 3 * SILENCE, None);
        assert_eq!(connection.ended(), Some(Ended::Unresponsive));
    }

    #[test]
    fn beginning_to_wait_is_no_sign_of_life_and_an_answer_is() {
        let (connection, _far) = watched();
        let now = Instant::now();
        connection.begin().unwrap();
        assert!(!connection.see(now).1);
        connection.arrived();
        assert!(connection.see(now).1);
        connection.end();
        assert!(connection.see(now).1);
        connection.begin().unwrap();
        connection.end();
        assert!(connection.see(now).1);
    }
}
