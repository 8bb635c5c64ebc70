//! Keeps the leases of loads that take long: one thread for all loads of a cache, which extends
//! each lease by a compare-and-set of the lease by itself. A lease that was destroyed meanwhile is
//! not put back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::core::Core;
use super::key::Key;
use super::per_process::PerProcess;
use super::protocol::key_state::Head;

/// Without any load for so many lives of a lease, the thread ends.
const IDLE_LIVES: u32 = 4;
/// The longest round: replies to entries are taken so often from connections that are not used.
const LONGEST_ROUND: Duration = Duration::from_millis(100);
/// A connection that was not used for this time has its replies taken.
const UNUSED_FOR: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(crate) struct Renewals {
    /// A child has none of its parent's leases, and not the thread, which may have held the inner
    /// lock.
    held: Mutex<PerProcess<Arc<Mutex<Held>>>>,
}

#[derive(Default)]
struct Held {
    leases: Vec<Lease>,
    next_number: u64,
    is_running: bool,
}

#[derive(Clone)]
struct Lease {
    /// The number of the load. One load can have several leases.
    number: u64,
    lease: (Key, Head),
    due: Instant,
    /// A load that takes longer is taken for dead.
    until: Instant,
}

/// Leases that are kept until this is dropped.
pub(crate) struct Renewal {
    held: Arc<Mutex<Held>>,
    number: u64,
}

impl Renewals {
    /// From now on these leases are renewed, until what this returns is dropped. Where the system
    /// has no thread to give, they are not, and may expire.
    pub(crate) fn keep(
        &self,
        core: &Weak<Core>,
        lives: Duration,
        until: Instant,
        leases: &[(Key, Head)],
    ) -> Renewal {
        let all = Arc::clone(self.held.lock().unwrap_or_else(PoisonError::into_inner).here());
        let mut held = lock(&all);
        let number = held.next_number;
        held.next_number += 1;
        let due = Instant::now() + lives / 3;
        held.leases.extend(leases.iter().map(|lease| Lease { number, lease: lease.clone(), due, until }));
        if !held.is_running {
            held.is_running = start(&all, core, lives);
        }
        drop(held);
        Renewal { held: all, number }
    }
}

fn start(held: &Arc<Mutex<Held>>, core: &Weak<Core>, lives: Duration) -> bool {
    let (held, core) = (Arc::clone(held), Weak::clone(core));
    let round = (lives / 6).clamp(Duration::from_millis(1), LONGEST_ROUND);
    let body = move || run(&held, &core, round, lives * IDLE_LIVES);
    thread::Builder::new().name("cache-renewals".to_owned()).spawn(body).is_ok()
}

fn run(held: &Mutex<Held>, core: &Weak<Core>, round: Duration, longest_idle: Duration) {
    let mut idle_since = Instant::now();
    loop {
        thread::sleep(round);
        // The last clone of the cache is gone.
        let Some(core) = core.upgrade() else { return };
        let now = Instant::now();
        if let Some(since) = now.checked_sub(UNUSED_FOR) {
            core.take_replies(since);
        }
        let mut all = lock(held);
        if !all.leases.is_empty() {
            idle_since = now;
        }
        if now.duration_since(idle_since) > longest_idle {
            all.is_running = false;
            return;
        }
        all.leases.retain(|lease| lease.until > now);
        let due: Vec<Lease> = all.leases.iter().filter(|lease| lease.due <= now).cloned().collect();
        drop(all);
        if due.is_empty() {
            continue;
        }
        let leases: Vec<(Key, Head)> = due.iter().map(|due| due.lease.clone()).collect();
        let stand = core.renew(&leases);
        let stand: HashMap<Head, bool> = leases.iter().map(|(_, head)| *head).zip(stand).collect();
        let next = Instant::now() + core.options.lease / 3;
        lock(held).leases.retain_mut(|lease| match stand.get(&lease.lease.1) {
            Some(stands) => {
                lease.due = next;
                *stands
            }
            None => true,
        });
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        lock(&self.held).leases.retain(|lease| lease.number != self.number);
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    // No code that can panic runs under it, so a poisoned lock holds a whole list.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
