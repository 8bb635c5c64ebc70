//! Keeps the processor's cores from falling asleep between reads, where the system lets us.
//!
//! A client that waits for an answer leaves its core idle, and so does the server. How deep a core
//! then sleeps, and how long it takes to wake, depends on how long it slept before: two states that
//! keep themselves up, and that last for seconds. On a virtual machine waking takes 50 µs and more,
//! several times a round trip. Linux has an interface against just this, the one that its own
//! latency tests use (`Documentation/power/pm_qos_interface.rst`): while a process holds
//! `/dev/cpu_dma_latency` open with a 0 in it, idle cores wait instead of sleeping. It ends with
//! the process.

use std::fs::{File, OpenOptions};
use std::io::Write;

const DEVICE: &str = "/dev/cpu_dma_latency";

/// Cores stay awake until this is dropped.
#[derive(Debug)]
pub(crate) struct Awake {
    _request: File,
}

impl Awake {
    /// None where the system has no such interface, or only for others than this user.
    pub(crate) fn hold() -> Option<Self> {
        let mut request = OpenOptions::new().write(true).open(DEVICE).ok()?;
        let latency_us: i32 = 0;
        request.write_all(&latency_us.to_ne_bytes()).ok()?;
        Some(Self { _request: request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_wherever_it_may_be() {
        let may = OpenOptions::new().write(true).open(DEVICE).is_ok();
        assert_eq!(Awake::hold().is_some(), may);
    }
}
