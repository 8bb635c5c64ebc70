//! Makes warm reads slower than they are, for `scripts/noise`, which asks whether `compare` notices. Compiled only
//! with the feature `slow-warm`, which no release has.

use std::sync::OnceLock;
use std::time::Instant;

use crate::cli::ReadPath;

/// Spins for so many percent of the time that a warm read has taken since it started.
pub(super) fn linger(path: ReadPath, started: Instant) {
    static PERCENT: OnceLock<f64> = OnceLock::new();
    let percent = PERCENT.get_or_init(|| {
        let text = std::env::var("RCACHE_SLOW_WARM_PERCENT").unwrap_or_default();
        text.parse().ok().filter(|percent| (0.0..=1_000.0).contains(percent)).unwrap_or(0.0)
    });
    if path == ReadPath::Warm {
        let until = started.elapsed().mul_f64(1.0 + percent / 100.0);
        while started.elapsed() < until {
            std::hint::spin_loop();
        }
    }
}
