//! Sleeping until an instant, as exactly as the system allows.

use std::time::Instant;

/// Lets this thread wake as soon as a timer fires. Linux otherwise gathers the timers of 50 µs, and
/// a thread that was woken waits for one that computes on its core. Only root (`CAP_SYS_NICE`) may
/// pass that one.
pub(crate) fn sharpen() {
    // If it is refused, the lateness that is measured and reported is larger.
    #[cfg(target_os = "linux")]
    {
        use thread_priority::unix::{
            RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        let _ =
            set_thread_priority_and_policy(thread_native_id(), thread_priority::ThreadPriority::Min, policy);
    }
}

/// Sleeps until the instant; returns immediately if it has passed.
pub(crate) fn sleep_until(instant: Instant) {
    let left = instant.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{ClockId, clock_nanosleep_absolute};
        use rustix::time::{Timespec, clock_gettime};
        // The clock of `Instant`; a deadline cannot slip between reading it and falling asleep.
        if let Ok(left) = Timespec::try_from(left) {
            let deadline = clock_gettime(ClockId::Monotonic) + left;
            while clock_nanosleep_absolute(ClockId::Monotonic, &deadline) == Err(rustix::io::Errno::INTR) {}
            return;
        }
    }
    std::thread::sleep(left);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_never_wakes_early_and_a_past_instant_is_no_wait() {
        sharpen();
        for ms in [0, 1, 20] {
            let instant = Instant::now() + Duration::from_millis(ms);
            sleep_until(instant);
            assert!(Instant::now() >= instant);
        }
        let past = Instant::now();
        sleep_until(past);
    }
}
