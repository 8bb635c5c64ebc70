//! The state that all threads of a pool share.

use std::time::{Duration, Instant};

use super::decay::Decay;
use super::{FULL_FOR, Idle};

pub(super) struct Shared {
    /// The last used on top.
    pub(super) idle: Vec<Idle>,
    pub(super) decay: Decay,
    /// All there are: idle, lent, and being opened.
    pub(super) open: usize,
    pub(super) opening: usize,
    pub(super) waiting: usize,
    /// The server or this machine had no room for more than that many.
    pub(super) full: Option<(usize, Instant)>,
    /// Connections of an older generation are closed when they are given back.
    pub(super) generation: u64,
    /// The process that opened them.
    pub(super) process: u32,
    /// Until then the server is not asked for its role.
    pub(super) unasked_until: Option<Instant>,
    /// When all were closed because the server lacked replicas.
    pub(super) left_at: Option<Instant>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            idle: Vec::new(),
            decay: Decay::default(),
            open: 0,
            opening: 0,
            waiting: 0,
            full: None,
            generation: 0,
            process: std::process::id(),
            unasked_until: None,
            left_at: None,
        }
    }

    /// After a fork, parent and child would speak on the same connections. The child closes its
    /// copies and begins anew.
    #[inline]
    pub(super) fn check_process(&mut self) {
        let process = std::process::id();
        if process == self.process {
            return;
        }
        self.process = process;
        self.generation += 1;
        self.idle.clear();
        // The parent's threads, which held the others, do not exist here.
        (self.open, self.opening, self.waiting) = (0, 0, 0);
    }

    /// The idle connection that was used last. One that is too old is older than none below it.
    #[inline]
    pub(super) fn pop(&mut self, now: Instant, idle_timeout: Duration) -> Option<Idle> {
        let idle = self.idle.pop()?;
        if now.saturating_duration_since(idle.used_at) < idle_timeout {
            self.decay.taken(self.idle.len());
            return Some(idle);
        }
        self.open = self.open.saturating_sub(self.idle.len() + 1);
        self.idle.clear();
        None
    }

    /// The largest number of connections.
    pub(super) fn most(&mut self, most: usize, now: Instant) -> usize {
        match &mut self.full {
            None => most,
            Some((full, since)) => {
                if now.saturating_duration_since(*since) >= FULL_FOR {
                    (*full, *since) = (*full + 1, now);
                }
                if *full >= most {
                    self.full = None;
                    return most;
                }
                (*full).max(1)
            }
        }
    }
}
