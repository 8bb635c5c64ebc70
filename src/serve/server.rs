//! The listener and the connections: a thread for each connection, and no more of them than a
//! limit.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use super::app::{App, Power, Wish};
use super::http::Response;
use super::request::{Incoming, Next, Refusal};

/// Connections at one time; the others are told to come back.
const CONNECTIONS: usize = 1_100;
/// A client that takes no byte for this long is given up.
const STALL_TIME: Duration = Duration::from_secs(5);
/// A whole response must have gone by then; a browser opens a stream of events again by itself.
const RESPONSE_TIME: Duration = Duration::from_secs(30);
const STREAM_TIME: Duration = Duration::from_secs(600);
/// Time between two looks at whether the server ends while a client takes nothing.
const WRITE_LOOK: Duration = Duration::from_millis(100);
/// Time between two looks for a new connection.
const LOOK: Duration = Duration::from_millis(2);
/// Stack of a connection's thread.
const STACK_BYTES: usize = 512 * 1024;
/// Bytes that are written between two looks at the time.
const CHUNK: usize = 256 * 1024;

/// An open port.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Port 0 is any free one.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Answers until `is_ending`; returns when every connection is closed. Wishes for Redis are granted
/// between two looks for a new connection, on the thread that calls this.
pub(crate) fn serve(
    listener: &Listener,
    app: &App<'_>,
    (wishes, power): (&Receiver<Wish>, Option<&mut dyn Power>),
    is_ending: &(dyn Fn() -> bool + Sync),
) {
    let mut power = power;
    let open = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| app.sample_until(is_ending));
        while !is_ending() {
            if let (Some(power), Ok(wish)) = (power.as_deref_mut(), wishes.try_recv()) {
                wish.grant(power);
            }
            let Ok((stream, peer)) = listener.listener.accept() else {
                // Nothing has come, or the system has no descriptor left at the moment.
                thread::sleep(LOOK);
                continue;
            };
            if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
                refuse(stream);
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let open = &open;
            let started = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || {
                // A panic ends its connection alone.
                let _ = catch_unwind(AssertUnwindSafe(|| connection(stream, peer.ip(), app, is_ending)));
                open.fetch_sub(1, Ordering::SeqCst);
            });
            if started.is_err() {
                open.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
}

/// Tells one client too many to come back, without waiting for it.
fn refuse(mut stream: TcpStream) {
    let response = Response::text(503, "too many connections; try again").header("Retry-After", "1");
    let _ = stream.set_nonblocking(true);
    let _ = response.write(&mut stream, false, false);
}

fn connection(
    stream: TcpStream,
    peer: IpAddr,
    app: &App<'_>,
    is_ending: &(dyn Fn() -> bool + Sync),
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_LOOK))?;
    let mut incoming = Incoming::new(stream)?;
    loop {
        let (response, is_head, keeps_alive) = match incoming.next(is_ending) {
            Next::Request(request) => {
                let response = app.answer(&request, peer, is_ending);
                (response, request.method == "HEAD", request.keeps_alive)
            }
            Next::Refused(refusal) => (refused(refusal), false, false),
            Next::Closed => return Ok(()),
        };
        let time = if response.is_stream() { STREAM_TIME } else { RESPONSE_TIME };
        let mut outgoing = Outgoing { stream: incoming.stream(), deadline: Instant::now() + time, is_ending };
        if !response.write(&mut outgoing, is_head, keeps_alive)? {
            return Ok(());
        }
    }
}

fn refused(refusal: Refusal) -> Response<'static> {
    let (status, text) = match refusal {
        Refusal::Malformed => (400, "the request is malformed"),
        Refusal::TooSlow => (408, "the request took too long"),
        Refusal::HeadTooLarge => (431, "the headers are too large"),
        Refusal::BodyTooLarge => (413, "the body is too large"),
        Refusal::NoLength => (411, "the body needs a Content-Length"),
    };
    Response::text(status, text)
}

/// A client that is written to for a limited time.
struct Outgoing<'a> {
    stream: &'a mut TcpStream,
    deadline: Instant,
    is_ending: &'a (dyn Fn() -> bool + Sync),
}

impl Write for Outgoing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.deadline.min(Instant::now() + STALL_TIME);
        loop {
            match self.stream.write(bytes.get(..CHUNK).unwrap_or(bytes)) {
                Err(error) if is_timeout(&error) => {}
                outcome => return outcome,
            }
            if (self.is_ending)() {
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server ends"));
            }
            if Instant::now() >= end {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly"));
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
