//! Connections that idle while others work. A server's timeout, or that of a proxy in between, may
//! close them meanwhile: they are checked when they are used after a pause, and opened anew if they
//! are gone.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A connection that was used so recently is taken for alive: no server and no proxy in use has a
/// shorter idle timeout than a second.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_millis(500);
/// The interval at which a connection that must not be lost is used.
const KEEP_ALIVE: Duration = Duration::from_millis(600);

/// A connection that is opened anew if it was lost while it was idle.
pub(crate) struct Reopening<C, E> {
    /// None after an error that left it unusable.
    connection: Option<C>,
    used: Instant,
    open: Box<dyn Fn() -> Result<C, E> + Send>,
    is_alive: fn(&mut C) -> bool,
}

impl<C, E> Reopening<C, E> {
    /// Opens the connection. `is_alive` makes one round trip.
    pub(crate) fn open(
        open: impl Fn() -> Result<C, E> + Send + 'static,
        is_alive: fn(&mut C) -> bool,
    ) -> Result<Self, E> {
        let connection = Some(open()?);
        Ok(Self { connection, used: Instant::now(), open: Box::new(open), is_alive })
    }

    /// The connection, alive as far as can be known.
    pub(crate) fn get(&mut self) -> Result<&mut C, E> {
        let trusted = self.used.elapsed() < TRUSTED_FOR;
        let is_alive = self.is_alive;
        let mut kept = self.connection.take();
        let is_usable = kept.as_mut().is_some_and(|connection| trusted || is_alive(connection));
        let connection = match kept.filter(|_| is_usable) {
            Some(connection) => connection,
            None => (self.open)()?,
        };
        self.used = Instant::now();
        Ok(self.connection.insert(connection))
    }

    /// Uses the connection. After an error the next use opens another one.
    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut C) -> Result<T, E>) -> Result<T, E> {
        let done = self.get().and_then(work);
        if done.is_err() {
            self.forget();
        }
        done
    }

    /// Drops the connection after an error that leaves it unusable; the next use opens another.
    pub(crate) fn forget(&mut self) {
        self.connection = None;
    }
}

/// A connection that is used now and then on a thread of its own, so that it is not lost with what
/// the server ties to it, such as a lock. Ends with this value.
pub(crate) struct KeptAlive<C, E> {
    connection: Arc<Mutex<Reopening<C, E>>>,
    /// Hangs up to end the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl<C: Send + 'static, E: 'static> KeptAlive<C, E> {
    pub(crate) fn new(connection: Reopening<C, E>) -> Self {
        let connection = Arc::new(Mutex::new(connection));
        let (end, ended) = mpsc::channel::<()>();
        let kept = Arc::clone(&connection);
        let thread = thread::spawn(move || {
            while ended.recv_timeout(KEEP_ALIVE) == Err(RecvTimeoutError::Timeout) {
                // Whoever uses it next meets the error.
                let _ = kept.lock().unwrap_or_else(PoisonError::into_inner).get();
            }
        });
        Self { connection, end: Some(end), thread: Some(thread) }
    }

    /// Uses the connection. After an error the next use opens another one.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut C) -> Result<T, E>) -> Result<T, E> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).with(work)
    }
}

impl<C, E> Drop for KeptAlive<C, E> {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A connection by its number, and whether it is alive.
    type Numbered = (u32, bool);

    fn numbered(opened: &Arc<AtomicU32>) -> Reopening<Numbered, &'static str> {
        let opened = Arc::clone(opened);
        let open = move || match opened.fetch_add(1, Ordering::SeqCst) {
            9 => Err("the server is gone"),
            number => Ok((number, true)),
        };
        Reopening::open(open, |(_, alive)| *alive).unwrap()
    }

    #[test]
    fn a_connection_is_checked_after_a_pause_and_opened_anew_if_it_is_gone() {
        let opened = Arc::default();
        let mut connection = numbered(&opened);
        connection.get().unwrap().1 = false;
        assert_eq!(connection.get().unwrap().0, 0, "it was used a moment ago");
        connection.used = Instant::now().checked_sub(TRUSTED_FOR).unwrap();
        assert_eq!(connection.get().unwrap().0, 1, "it was found dead");
        connection.used = Instant::now().checked_sub(TRUSTED_FOR).unwrap();
        assert_eq!(connection.get().unwrap().0, 1, "it was found alive");
        connection.forget();
        assert_eq!(connection.get().unwrap().0, 2);
        opened.store(9, Ordering::SeqCst);
        connection.forget();
        assert_eq!(connection.get(), Err("the server is gone"));
        assert_eq!(connection.get().unwrap().0, 10, "and it is tried again");
        assert_eq!(connection.with(|_| Err::<(), _>("it broke")), Err("it broke"));
        assert_eq!(connection.with(|(number, _)| Ok(*number)), Ok(11), "however little time has passed");
    }

    #[test]
    fn a_connection_that_is_kept_alive_is_used_while_nobody_asks() {
        static LOOKS: AtomicU32 = AtomicU32::new(0);
        let is_alive = |(): &mut ()| LOOKS.fetch_add(1, Ordering::SeqCst) < 1_000_000;
        let kept = KeptAlive::new(Reopening::<_, ()>::open(|| Ok(()), is_alive).unwrap());
        let began = Instant::now();
        while LOOKS.load(Ordering::SeqCst) == 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "it is never looked at");
            thread::sleep(Duration::from_millis(10));
        }
        kept.with(|()| Ok(())).unwrap();
    }
}
