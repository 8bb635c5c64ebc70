//! Looks host names up, with a deadline.
//!
//! The system's resolver knows no timeout and can take many seconds, so a name is looked up on a
//! thread of its own. While that thread is at work, everyone who asks for the same name waits for
//! its answer: a resolver that hangs holds one thread.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use super::socket::Opening;
use crate::per_process::PerProcess;

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;
/// After a fork the child has none of the threads that look names up.
type Names = Mutex<PerProcess<HashMap<(String, u16), Arc<Pending>>>>;

/// Looks names up, one thread a name.
pub(super) struct Resolver {
    look_up: Arc<LookUp>,
    names: Arc<Names>,
}

type Answer = Result<Vec<SocketAddr>, Failure>;

/// A look-up at work.
#[derive(Default)]
struct Pending {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

/// An error that several callers can have.
#[derive(Clone)]
struct Failure {
    kind: io::ErrorKind,
    words: String,
}

/// Asks the system; shared by the whole process.
pub(super) static SYSTEM: LazyLock<Resolver> =
    LazyLock::new(|| Resolver::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())));

impl Resolver {
    pub(super) fn new(
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { look_up: Arc::new(look_up), names: Arc::default() }
    }

    /// The addresses of a host.
    pub(super) fn resolve(&self, host: &str, port: u16, opening: Opening) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        self.join(host, port)?.wait(opening)
    }

    /// The look-up of this name that is at work, or a new one.
    fn join(&self, host: &str, port: u16) -> io::Result<Arc<Pending>> {
        let name = (host.to_owned(), port);
        let mut names = lock(&self.names);
        if let Some(pending) = names.here().get(&name) {
            return Ok(Arc::clone(pending));
        }
        let pending = Arc::new(Pending::default());
        let (look_up, shared, ours) =
            (Arc::clone(&self.look_up), Arc::clone(&self.names), Arc::clone(&pending));
        let asked = name.clone();
        std::thread::Builder::new().name("cache-aside-dns".to_owned()).spawn(move || {
            // Also if the look-up panics, the name is free for the next one.
            let mut end = End { names: shared, name: asked.clone(), pending: ours, answer: None };
            let answer = look_up(&asked.0, asked.1);
            end.answer =
                Some(answer.map_err(|error| Failure { kind: error.kind(), words: error.to_string() }));
        })?;
        names.here().insert(name, Arc::clone(&pending));
        Ok(pending)
    }
}

impl Pending {
    fn wait(&self, opening: Opening) -> io::Result<Vec<SocketAddr>> {
        let mut answer = lock(&self.answer);
        loop {
            match &*answer {
                None => {}
                Some(Ok(addresses)) => return Ok(addresses.clone()),
                Some(Err(failure)) => return Err(io::Error::new(failure.kind, failure.words.clone())),
            }
            let wait = opening.wait("the host name was not looked up in time")?;
            (answer, _) = self.answered.wait_timeout(answer, wait).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct End {
    names: Arc<Names>,
    name: (String, u16),
    pending: Arc<Pending>,
    answer: Option<Answer>,
}

impl Drop for End {
    fn drop(&mut self) {
        lock(&self.names).here().remove(&self.name);
        // Only now: who has this answer and asks again wants a new one.
        let answer = self.answer.take().unwrap_or_else(|| {
            Err(Failure {
                kind: io::ErrorKind::Other,
                words: "the look-up of the host name failed".to_owned(),
            })
        });
        *lock(&self.pending.answer) = Some(answer);
        self.pending.answered.notify_all();
    }
}

/// No thread panics while it holds one of these, so a poisoned lock guards a whole state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::super::socket::Limits;
    use super::*;

    const ADDRESS: &str = "192.0.2.1:6379";

    fn within(connect: Duration) -> Limits {
        Limits { connect, reply: connect, is_over: None, max_string_bytes: 0 }
    }

    fn soon() -> Opening {
        Opening::new(within(Duration::from_millis(20)))
    }

    fn patiently() -> Opening {
        Opening::new(within(Duration::from_secs(60)))
    }

    #[test]
    fn a_caller_that_gives_up_waits_for_no_look_up() {
        let (_go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let resolver = Resolver::new(move |_, _| {
            let _ = lock(&gate).recv();
            Ok(Vec::new())
        });
        let limits = Limits { is_over: Some(|| true), ..within(Duration::from_secs(60)) };
        let error = resolver.resolve("slow.example", 6379, Opening::new(limits)).unwrap_err();
        assert_eq!(error.to_string(), "interrupted");
    }

    #[test]
    fn a_look_up_that_hangs_holds_one_thread_and_its_answer_serves_all_who_wait() {
        let begun = Arc::new(AtomicUsize::new(0));
        let (go, gate) = mpsc::channel::<()>();
        let (count, gate) = (Arc::clone(&begun), Mutex::new(gate));
        let resolver = Resolver::new(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = lock(&gate).recv();
            Ok(vec![ADDRESS.parse().unwrap()])
        });
        for _ in 0..10 {
            let error = resolver.resolve("slow.example", 6379, soon()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        while begun.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..10)
                .map(|_| scope.spawn(|| resolver.resolve("slow.example", 6379, patiently())))
                .collect();
            // Opens the gate for good: who comes after the answer looks again.
            drop(go);
            for waiter in waiting {
                assert_eq!(waiter.join().unwrap().unwrap(), [ADDRESS.parse().unwrap()]);
            }
        });
    }

    #[test]
    fn a_failure_or_a_panic_is_an_error_and_the_next_caller_looks_again() {
        let asked = AtomicUsize::new(0);
        let resolver = Resolver::new(move |_, _| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("the resolver"),
            1 => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            _ => Ok(vec![ADDRESS.parse().unwrap()]),
        });
        assert!(resolver.resolve("a.example", 6379, patiently()).is_err());
        let error = resolver.resolve("a.example", 6379, patiently()).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::NotFound, "no such name".to_owned()));
        assert!(resolver.resolve("a.example", 6379, patiently()).is_ok());
        assert_eq!(resolver.resolve("::1", 1, patiently()).unwrap(), ["[::1]:1".parse().unwrap()]);
    }

    #[test]
    fn a_child_waits_for_no_look_up_of_its_parent() {
        let (begins, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let (begins, gate) = (Mutex::new(begins), Mutex::new(gate));
        let resolver = Resolver::new(move |_, _| {
            let is_first = lock(&begins).send(()).is_ok() && lock(&gate).try_recv().is_ok();
            while is_first && lock(&gate).try_recv() == Err(mpsc::TryRecvError::Empty) {
                thread::yield_now();
            }
            Ok(vec![ADDRESS.parse().unwrap()])
        });
        go.send(()).unwrap();
        assert!(resolver.resolve("slow.example", 6379, soon()).is_err());
        begun.recv().unwrap();
        lock(&resolver.names).fork();
        assert!(resolver.resolve("slow.example", 6379, patiently()).is_ok());
        drop(go);
    }
}
