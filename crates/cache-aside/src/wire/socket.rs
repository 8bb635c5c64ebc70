//! A socket whose reads and writes end at a deadline, however slowly the bytes drip.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv, sockopt};

/// Bounds on one connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the connection is open: the name is looked up, TCP connects, TLS shakes hands.
    pub connect: Duration,
    /// Until a command is answered; each byte that is sent or received adds `NS_PER_BYTE`.
    pub reply: Duration,
    /// Asked while waiting; true gives up.
    pub is_over: Option<fn() -> bool>,
    /// A reply that announces a longer string is refused before a byte of it is read.
    pub max_string_bytes: usize,
}

impl Limits {
    /// Redis' own limit for one string (`proto-max-bulk-len`).
    pub const MAX_STRING_BYTES: usize = 512 << 20;

    /// An error if the caller gives up.
    pub(super) fn check_interrupt(&self) -> io::Result<()> {
        match self.is_over {
            Some(is_over) if is_over() => Err(io::Error::other("interrupted")),
            _ => Ok(()),
        }
    }

    /// The longest single wait within this time: [`is_over`](Self::is_over) is asked in between.
    pub(super) fn wait(&self, longest: Duration) -> Duration {
        if self.is_over.is_some() { longest.min(LOOK) } else { longest }
    }
}

/// The time in which a connection has to be open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    limits: Limits,
    began: Instant,
    pub(super) deadline: Instant,
}

impl Opening {
    /// Begins now.
    pub(super) fn new(limits: Limits) -> Self {
        let began = Instant::now();
        Self { limits, began, deadline: began + limits.connect }
    }

    /// The longest single wait now; an error with these words when the time is over, or when the
    /// caller gives up.
    pub(super) fn wait(&self, too_late_words: &'static str) -> io::Result<Duration> {
        // As with replies, only a server that is silent is given up: one that answers may be needed
        // to clean up.
        if self.began.elapsed() >= LOOK {
            self.limits.check_interrupt()?;
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(too_late(too_late_words)) } else { Ok(self.limits.wait(left)) }
    }
}

/// A link that carries less than 10 MB/s is too slow for large values.
const NS_PER_BYTE: u32 = 100;
/// The longest wait between two calls of [`Limits::is_over`].
const LOOK: Duration = Duration::from_millis(500);

pub(super) enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connected socket and the deadline of the command at hand.
pub(super) struct Socket {
    raw: Raw,
    limits: Limits,
    /// When the command at hand was begun.
    began: Instant,
    deadline: Instant,
    /// The timeout that the kernel has for this socket.
    timeout: Duration,
    /// The part of what had arrived by the deadline that is still to be read. A reply that is there
    /// is taken, also if this thread was woken too late to read it in time.
    arrived: Option<usize>,
    /// While the connection is being opened, one deadline covers everything.
    is_opening: bool,
}

impl Socket {
    /// A socket that is being opened until the deadline.
    pub(super) fn new(raw: Raw, limits: Limits, deadline: Instant) -> io::Result<Self> {
        if let Raw::Tcp(stream) = &raw {
            stream.set_nodelay(true)?;
            notice_loss(stream.as_fd())?;
        }
        let began = Instant::now();
        let mut socket =
            Self { raw, limits, began, deadline, timeout: Duration::ZERO, arrived: None, is_opening: true };
        socket.set_timeout(deadline.saturating_duration_since(began))?;
        Ok(socket)
    }

    /// It is connected. Logging in has the time of one reply as a whole.
    pub(super) fn log_in(&mut self) -> io::Result<()> {
        self.deadline = Instant::now() + self.limits.reply;
        self.set_timeout(self.limits.reply)
    }

    /// From now on each command has a deadline of its own.
    pub(super) fn is_open(&mut self) -> io::Result<()> {
        self.is_opening = false;
        self.set_timeout(self.limits.reply)
    }

    /// Sets another limit for the replies to come.
    pub(super) fn set_reply_limit(&mut self, reply: Duration) {
        self.limits.reply = reply;
    }

    /// A command of that many bytes is about to be sent.
    pub(super) fn begin(&mut self, bytes: usize) -> io::Result<()> {
        self.arrived = None;
        self.began = Instant::now();
        if self.is_opening {
            return Ok(());
        }
        self.deadline = self.began + self.limits.reply + for_bytes(bytes);
        if self.timeout == self.limits.wait(self.limits.reply) {
            Ok(())
        } else {
            self.set_timeout(self.limits.reply)
        }
    }

    /// When the last command was begun.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// True if nothing waits to be read and the other side has not closed the connection.
    pub(super) fn is_quiet(&self) -> bool {
        let looked = recv(self.as_fd(), &mut [0u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        looked.is_err_and(|error| error == rustix::io::Errno::AGAIN)
    }

    /// Shortens the time of one wait in the kernel to what is left until the deadline.
    fn set_timeout(&mut self, longest: Duration) -> io::Result<()> {
        // Zero would mean no timeout at all.
        let timeout = self.limits.wait(longest).max(Duration::from_millis(1));
        if timeout != self.timeout {
            match &self.raw {
                Raw::Tcp(stream) => {
                    stream.set_read_timeout(Some(timeout))?;
                    stream.set_write_timeout(Some(timeout))?;
                }
                Raw::Unix(stream) => {
                    stream.set_read_timeout(Some(timeout))?;
                    stream.set_write_timeout(Some(timeout))?;
                }
            }
            self.timeout = timeout;
        }
        Ok(())
    }

    /// The number of bytes that may be read now: any before the deadline, and afterwards what had
    /// arrived by then.
    fn may_read(&mut self) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            // Not for the few microseconds that sending took.
            if left + self.timeout / 8 < self.timeout {
                self.set_timeout(left)?;
            }
            return Ok(usize::MAX);
        }
        if self.arrived.is_none() {
            self.arrived = Some(usize::try_from(rustix::io::ioctl_fionread(self.as_fd())?).unwrap_or(0));
        }
        match self.arrived {
            Some(0) | None => Err(too_late("no whole reply in time")),
            Some(bytes) => Ok(bytes),
        }
    }

    fn received(&mut self, bytes: usize) {
        if !self.is_opening {
            self.deadline += for_bytes(bytes);
        }
        if let Some(arrived) = &mut self.arrived {
            *arrived = arrived.saturating_sub(bytes);
        }
    }

    fn check_interrupt(&self) -> io::Result<()> {
        self.limits.check_interrupt()
    }

    fn check_deadline(&self) -> io::Result<()> {
        self.check_interrupt()?;
        if Instant::now() < self.deadline { Ok(()) } else { Err(too_late("not sent in time")) }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let most = self.may_read()?.min(buffer.len());
            let buffer = buffer.get_mut(..most).unwrap_or_default();
            #[cfg(any(test, feature = "test-hooks"))]
            crate::socket_calls::received();
            let outcome = match &mut self.raw {
                Raw::Tcp(stream) => stream.read(buffer),
                Raw::Unix(stream) => stream.read(buffer),
            };
            match outcome {
                Ok(bytes) => {
                    self.received(bytes);
                    return Ok(bytes);
                }
                Err(error) if is_timeout(&error) => self.check_interrupt()?,
                // A signal that the program handles ends a wait with a timeout early; the deadline
                // goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            #[cfg(any(test, feature = "test-hooks"))]
            crate::socket_calls::sent();
            let outcome = match &mut self.raw {
                Raw::Tcp(stream) => stream.write(bytes),
                Raw::Unix(stream) => stream.write(bytes),
            };
            match outcome {
                Err(error) if is_timeout(&error) => self.check_deadline()?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(written) if written < bytes.len() => return self.check_deadline().map(|()| written),
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.raw {
            Raw::Tcp(stream) => stream.as_fd(),
            Raw::Unix(stream) => stream.as_fd(),
        }
    }
}

/// Has the kernel find out that the other side is gone without a word: it asks after 15 s of
/// silence, three times.
fn notice_loss(socket: BorrowedFd<'_>) -> io::Result<()> {
    const IDLE: Duration = Duration::from_secs(15);
    const INTERVAL: Duration = Duration::from_secs(5);
    const UNACKNOWLEDGED_MS: u32 = 30_000;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, IDLE)?;
    sockopt::set_tcp_keepintvl(socket, INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, 3)?;
    Ok(sockopt::set_tcp_user_timeout(socket, UNACKNOWLEDGED_MS)?)
}

fn for_bytes(bytes: usize) -> Duration {
    Duration::from_nanos(u64::from(NS_PER_BYTE).saturating_mul(bytes as u64))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

pub(super) fn too_late(words: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, words)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;

    use super::*;

    static SIGNALS: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count(_: libc::c_int) {
        SIGNALS.fetch_add(1, Ordering::Relaxed);
    }

    #[expect(unsafe_code, reason = "there is no safe way to signal one thread")]
    fn signal(thread: libc::pthread_t) {
        // SAFETY: the thread has not been joined, and its handler only counts.
        assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR2) }, 0);
    }

    #[expect(unsafe_code, reason = "there is no safe way to handle a signal")]
    fn handle_signals() -> libc::pthread_t {
        let handler = count as extern "C" fn(libc::c_int);
        // SAFETY: the handler touches an atomic alone.
        unsafe {
            libc::signal(libc::SIGUSR2, handler as libc::sighandler_t);
            libc::pthread_self()
        }
    }

    #[test]
    fn a_signal_that_the_program_handles_ends_no_wait() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let long = Duration::from_secs(60);
        let limits = Limits { connect: long, reply: long, is_over: None, max_string_bytes: 0 };
        let mut socket = Socket::new(Raw::Unix(ours), limits, Instant::now() + long).unwrap();
        socket.is_open().unwrap();
        let us = handle_signals();
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let before = SIGNALS.load(Ordering::Relaxed);
                while SIGNALS.load(Ordering::Relaxed) < before + 20 {
                    signal(us);
                    thread::sleep(Duration::from_millis(2));
                }
                theirs.write_all(b"+OK\r\n").unwrap();
                // The value is larger than what the kernel keeps, so that sending waits too.
                let before = SIGNALS.load(Ordering::Relaxed);
                while SIGNALS.load(Ordering::Relaxed) < before + 20 {
                    signal(us);
                    thread::sleep(Duration::from_millis(2));
                }
                let mut rest = vec![0; 4 << 20];
                theirs.read_exact(&mut rest).unwrap();
                is_done.store(true, Ordering::Relaxed);
            });
            let mut reply = [0; 5];
            socket.begin(0).unwrap();
            assert_eq!(socket.read(&mut reply).unwrap(), 5);
            socket.write_all(&vec![b'x'; 4 << 20]).unwrap();
        });
        assert!(is_done.load(Ordering::Relaxed) && SIGNALS.load(Ordering::Relaxed) >= 40);
    }
}
