//! The second DEL of a delayed double delete: sent a while after the first by a thread of its own,
//! as a queue would.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::AppCounts;
use super::app_redis::AppRedis;

/// Takes orders and carries them out when they are due. Dropping it waits for the last.
pub(super) struct DelayedDeletes {
    desk: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    delay: Duration,
}

struct Order {
    key: Vec<u8>,
    due: Instant,
}

/// The place where a writer leaves its orders.
pub(super) struct Desk {
    orders: Sender<Order>,
    delay: Duration,
}

impl Desk {
    pub(super) fn delete_later(&self, key: Vec<u8>) {
        // The thread ends only when every desk is gone.
        let _ = self.orders.send(Order { key, due: Instant::now() + self.delay });
    }
}

impl DelayedDeletes {
    pub(super) fn start(redis: AppRedis, delay: Duration, counts: &Arc<AppCounts>) -> Self {
        let (desk, orders) = mpsc::channel();
        let counts = Arc::clone(counts);
        let thread = thread::spawn(move || work(redis, &orders, &counts));
        Self { desk: Some(desk), thread: Some(thread), delay }
    }

    pub(super) fn desk(&self) -> Option<Desk> {
        self.desk.clone().map(|orders| Desk { orders, delay: self.delay })
    }
}

/// Every order waits equally long, so they fall due in the order in which they came.
fn work(mut redis: AppRedis, orders: &Receiver<Order>, counts: &AppCounts) {
    for Order { key, due } in orders {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // Fire and forget: a failure is counted and reported to no client.
        if redis.ask::<u64>(redis::cmd("DEL").arg(key)).is_ok() {
            counts.second_deletes.add();
        }
    }
}

impl Drop for DelayedDeletes {
    fn drop(&mut self) {
        self.desk = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
