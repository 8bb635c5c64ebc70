//! When, and never whether: early refresh, shortened times to live, and how long a waiter sleeps.
//! Pure: the clock's reading and the uniform random number come from the caller.

use std::time::Duration;

use super::read_machine::Obstacle;

/// Whether this reader shall refresh an entry ahead of its expiry: `-load · beta · ln(uniform) ≥
/// what is left` (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede
/// Prevention, VLDB 2015). `uniform` is drawn evenly from (0, 1], and only where it can matter.
///
/// An entry that should be gone by our clock, and yet stands in Redis, is not refreshed: one of the
/// clocks is wrong, and a wrong clock must not send every read to the database.
pub(crate) fn is_due(
    load_us: u32,
    beta: f64,
    expires_at_ms: u64,
    now_ms: u64,
    uniform: impl FnOnce() -> f64,
) -> bool {
    /// `-ln` of the smallest number that a random number of 53 bits can be.
    const MOST_LOGARITHM: f64 = 36.8;
    let left_ms = expires_at_ms.saturating_sub(now_ms);
    if left_ms == 0 {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
    let left_ms = left_ms as f64;
    let reach_ms = f64::from(load_us) / 1000.0 * beta;
    reach_ms * MOST_LOGARITHM >= left_ms && -reach_ms * uniform().ln() >= left_ms
}

/// A time to live, shortened by up to a tenth, so that what was written together does not expire
/// together. `uniform` is drawn evenly from [0, 1).
pub(crate) fn shortened(ttl: Duration, uniform: f64) -> Duration {
    ttl.mul_f64(1.0 - uniform.clamp(0.0, 1.0) / 10.0)
}

/// The pause before the next look, after that many looks. `uniform` is drawn evenly from [0, 1).
pub(crate) fn pause(obstacle: Obstacle, looks: u32, uniform: f64) -> Duration {
    let (first, longest) = match obstacle {
        // A load is a matter of milliseconds or of seconds; a commit of milliseconds.
        Obstacle::Lease => (Duration::from_millis(1), Duration::from_millis(32)),
        Obstacle::Marker => (Duration::from_millis(1), Duration::from_millis(4)),
    };
    let step = first.saturating_mul(1 << looks.min(16)).min(longest);
    step.mul_f64(0.5 + uniform.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refresh_is_the_likelier_the_nearer_the_expiry() {
        let due = |left_ms: u64, uniform: f64| is_due(10_000, 1.0, 1_000 + left_ms, 1_000, || uniform);
        // A load of 10 ms: at 10 ms before the expiry the odds are 1/e.
        assert!(due(10, 0.36) && !due(10, 0.37));
        assert!(due(1, 0.9) && !due(1, 0.91));
        assert!(!due(400, f64::MIN_POSITIVE), "beyond the reach of any number");
        assert!(!is_due(10_000, 0.0, 1_001, 1_000, || 0.0001), "beta 0 turns it off");
        assert!(!is_due(0, 1.0, 1_001, 1_000, || 0.0001), "a load that was not measured");
    }

    #[test]
    fn a_clock_that_jumped_sends_nobody_to_the_database() {
        assert!(!is_due(u32::MAX, 1.0, 5_000, 5_000, || 0.5));
        assert!(!is_due(u32::MAX, 1.0, 5_000, u64::MAX, || 0.5));
        assert!(!is_due(1_000, 1.0, u64::MAX, 0, || 0.5));
    }

    proptest! {
        #[test]
        fn a_time_to_live_loses_a_tenth_at_most(ms in 1u64..10_000_000_000, uniform in 0.0..1.0) {
            let ttl = Duration::from_millis(ms);
            let short = shortened(ttl, uniform);
            prop_assert!(short <= ttl && short >= ttl.mul_f64(0.899));
        }

        #[test]
        fn no_pause_is_long(looks: u32, uniform in 0.0..1.0) {
            prop_assert!(pause(Obstacle::Lease, looks, uniform) <= Duration::from_millis(48));
            prop_assert!(pause(Obstacle::Marker, looks, uniform) <= Duration::from_millis(6));
            prop_assert!(pause(Obstacle::Lease, looks, uniform) >= Duration::from_micros(500));
        }
    }
}
