//! The leases of one load of many keys.

use crate::core::{Core, Outcome};
use crate::key::Key;
use crate::protocol::key_state::Head;
use crate::renewals::Renewal;
use crate::store::Change;

/// Leases that are renewed while their load runs. Those that are not settled are given up when this
/// is dropped, also by a panic of the loader: no read waits for them then.
pub(super) struct Leases<'a> {
    core: &'a Core,
    held: Vec<(Key, Head)>,
    renewal: Option<Renewal>,
}

impl<'a> Leases<'a> {
    pub(super) fn keep(core: &'a Core, held: Vec<(Key, Head)>) -> Self {
        let renewal = (!held.is_empty()).then(|| core.keep_leases(&held));
        Self { core, held, renewal }
    }

    /// These leases are not there any more.
    pub(super) fn settle(&mut self, is_settled: impl Fn(Head) -> bool) {
        self.held.retain(|(_, head)| !is_settled(*head));
    }

    /// Whether these are there is unknown, or nothing more can be said to Redis.
    pub(super) fn orphan(&mut self, is_orphan: impl Fn(Head) -> bool) {
        let core = self.core;
        self.held.retain(|(key, head)| {
            let is_orphan = is_orphan(*head);
            if is_orphan {
                core.orphan(key, *head);
            }
            !is_orphan
        });
    }
}

impl Drop for Leases<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Leases<'_> {
    /// Takes away those that are not settled.
    pub(super) fn give_up(&mut self) {
        self.renewal = None;
        let held = std::mem::take(&mut self.held);
        let keys: Vec<&Key> = held.iter().map(|(key, _)| key).collect();
        let changes: Vec<Change<'_>> = held.iter().map(|(_, head)| Change::removal(*head)).collect();
        let outcomes = self.core.replace_all(&keys, &changes);
        for ((key, head), outcome) in held.iter().zip(outcomes) {
            if matches!(outcome, Outcome::Unknown | Outcome::Untried) {
                self.core.orphan(key, *head);
            }
        }
    }
}
