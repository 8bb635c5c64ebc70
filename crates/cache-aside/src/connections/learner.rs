//! Learns the map of a cluster anew: one thread at a time, off the path of reads, for all that find
//! the map old.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::topology::Topology;
use crate::cluster::Layout;
use crate::endpoint::RedisEndpoint;
use crate::per_process::PerProcess;
use crate::wire::{Connection, Limits, Reply, WireError};

#[derive(Default)]
pub(super) struct Learner {
    /// A child of a fork has no such thread.
    state: Mutex<PerProcess<State>>,
    ended: Condvar,
    /// The highest epoch of the cluster that a node named.
    epoch: AtomicU64,
}

#[derive(Default)]
struct State {
    is_running: bool,
    is_wanted: bool,
    /// A round is under way.
    is_asking: bool,
    /// When the last round began.
    began: Option<Instant>,
    /// The number of rounds that have ended.
    ended: u64,
    /// While no node gives a good view, the next round begins so long after the last one.
    rest: Duration,
}

impl State {
    /// Whether the map is to be learned by one who takes it if it is younger than that.
    fn is_old(&self, age: Duration, now: Instant) -> bool {
        let age = if age.is_zero() { age } else { age.max(self.rest) };
        self.began.is_none_or(|began| now.saturating_duration_since(began) >= age)
    }

    /// A round is over; `uniform` is drawn from [0, 1).
    fn end_round(&mut self, is_good: bool, uniform: f64) {
        self.ended += 1;
        self.is_asking = false;
        self.rest = if is_good {
            Duration::ZERO
        } else {
            // The jitter of the last time is not doubled for ever: the longest bounds it.
            (self.rest * 2).clamp(FIRST_REST, LONGEST_REST).mul_f64(1.0 + uniform / 4.0)
        };
    }
}

/// After a round without a good view. Every process of a cluster that is down asks all nodes.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// One node's view of the cluster.
struct View {
    layout: Layout,
    /// It says that every slot is served.
    is_ok: bool,
    epoch: u64,
}

impl Topology {
    /// Has the map learned in the background, unless it is younger than that.
    pub(super) fn learn_soon(self: &Arc<Self>, age: Duration) {
        let mut guard = lock(&self.learner.state);
        let state = guard.here();
        if !state.is_old(age, Instant::now()) {
            return;
        }
        state.is_wanted = true;
        if !state.is_running {
            let me = Arc::clone(self);
            let started = thread::Builder::new().name("cache-cluster".to_owned()).spawn(move || me.run());
            state.is_running = started.is_ok();
        }
    }

    /// Has the map learned unless it is younger than that, and waits for the end of that round as
    /// long as one exchange may take.
    pub(super) fn learn_now(self: &Arc<Self>, age: Duration) {
        self.learn_soon(age);
        let deadline = Instant::now() + self.options.connect_timeout + self.options.reply_timeout;
        let mut guard = lock(&self.learner.state);
        let state = guard.here();
        let awaited = state.ended + u64::from(state.is_asking) + u64::from(state.is_wanted);
        while guard.here().is_running && guard.here().ended < awaited {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.learner.ended.wait_timeout(guard, left);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Has the map learned if nothing is known of the cluster yet.
    pub(super) fn learn_if_new(self: &Arc<Self>) {
        if !self.is_cluster() {
            self.learn_soon(Duration::ZERO);
        }
    }

    fn run(&self) {
        loop {
            {
                let mut guard = lock(&self.learner.state);
                let state = guard.here();
                if !state.is_wanted {
                    state.is_running = false;
                    self.learner.ended.notify_all();
                    return;
                }
                (state.is_wanted, state.is_asking, state.began) = (false, true, Some(Instant::now()));
            }
            let is_good = self.learn();
            lock(&self.learner.state).here().end_round(is_good, rand::random());
            self.learner.ended.notify_all();
        }
    }

    /// Asks one node after the other until one gives a whole and recent view. Otherwise the most
    /// recent one is taken, and the result is false.
    fn learn(&self) -> bool {
        let (known, mut best) = (self.learner.epoch.load(Ordering::Relaxed), None::<View>);
        let mut found_good = false;
        for address in self.candidates() {
            match view(&self.endpoint.at(address), self.options.limits()) {
                Ok(view) => {
                    let is_good = view.is_ok && view.epoch >= known;
                    if is_good || best.as_ref().is_none_or(|best| best.epoch < view.epoch) {
                        best = Some(view);
                    }
                    if is_good {
                        found_good = true;
                        break;
                    }
                }
                Err(WireError::Server(words)) if words.contains("cluster support disabled") => {
                    self.is_no_cluster();
                }
                Err(_) => {}
            }
        }
        if let Some(view) = best {
            self.learner.epoch.store(view.epoch, Ordering::Relaxed);
            self.learned(view.layout);
        }
        found_good
    }
}

fn view(endpoint: &RedisEndpoint, limits: Limits) -> Result<View, WireError> {
    let mut connection = Connection::open(endpoint, limits)?;
    let mut info = Vec::new();
    let has_info = match connection.command(&[b"CLUSTER", b"INFO"], &mut info) {
        Ok(reply) => reply == Reply::Bytes,
        // It may be forbidden.
        Err(WireError::Server(words)) if words.starts_with("NOPERM") => false,
        Err(error) => return Err(error),
    };
    let answer = connection.tree(&[b"CLUSTER", b"SLOTS"])?;
    let layout = Layout::read(&answer, &endpoint.address)
        .ok_or(WireError::Protocol("no node of the cluster is said to keep a slot"))?;
    let info = String::from_utf8_lossy(&info);
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Ok(View {
        layout,
        is_ok: !has_info || field("cluster_state:") == Some("ok"),
        epoch: field("cluster_current_epoch:").and_then(|epoch| epoch.parse().ok()).unwrap_or_default(),
    })
}

fn lock(state: &Mutex<PerProcess<State>>) -> MutexGuard<'_, PerProcess<State>> {
    // No code that can panic runs under it, so a poisoned lock holds a whole state.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn rounds_without_a_good_view_become_rarer_and_a_good_one_ends_that() {
        let (mut state, now) = (State::default(), Instant::now());
        state.began = Some(now);
        let after = |state: &State, ms: u32| state.is_old(100 * MS, now + ms * MS);
        assert!(!after(&state, 99) && after(&state, 100));
        for rest in [100, 200, 400, 800, 1_000, 1_000] {
            state.end_round(false, 0.0);
            assert!(!after(&state, rest - 1) && after(&state, rest), "{rest}");
            assert!(state.is_old(Duration::ZERO, now), "one who needs it now does not wait");
        }
        state.end_round(false, 1.0);
        assert!(state.rest <= LONGEST_REST * 5 / 4);
        state.end_round(true, 1.0);
        assert!(after(&state, 100));
    }
}
