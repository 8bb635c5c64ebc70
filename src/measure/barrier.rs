//! A barrier at which clients wait until all are ready. It lets the others go when one of them is
//! lost, since a client that panicked would otherwise leave them waiting for ever.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(super) struct Barrier {
    clients: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: usize,
    generation: u64,
    lost: bool,
}

impl Barrier {
    pub(super) fn new(clients: usize) -> Self {
        let state = State { waiting: 0, generation: 0, lost: false };
        Self { clients, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Returns when every client is here, or one is lost.
    pub(super) fn wait(&self) {
        let mut state = self.lock();
        state.waiting += 1;
        if state.waiting == self.clients {
            state.waiting = 0;
            state.generation += 1;
            self.changed.notify_all();
            return;
        }
        let generation = state.generation;
        while state.generation == generation && !state.lost {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lose(&self) {
        self.lock().lost = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the others when its client panics.
pub(super) struct Presence<'a>(pub(super) &'a Barrier);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lose();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn nobody_starts_before_the_last_one_is_there() {
        let line = Barrier::new(4);
        let arrived = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 1..=50 {
                        arrived.fetch_add(1, Ordering::SeqCst);
                        line.wait();
                        assert!(arrived.load(Ordering::SeqCst) >= round * 4);
                        line.wait();
                    }
                });
            }
        });
    }

    #[test]
    fn a_lost_client_lets_the_others_go() {
        let line = Barrier::new(2);
        std::thread::scope(|scope| {
            let lost = scope.spawn(|| {
                let _presence = Presence(&line);
                panic!("lost");
            });
            line.wait();
            assert!(lost.join().is_err());
        });
    }
}
