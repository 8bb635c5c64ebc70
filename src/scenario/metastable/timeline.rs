//! Answers over time, and when there are as many as before again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Answers are counted by tenths of a second.
const STEP: Duration = Duration::from_millis(100);
/// It has recovered when it answers this share of what it answered before,
const RECOVERED: f64 = 0.8;
/// for so many steps.
const STEPS: usize = 5;
/// The end is the last second.
const END: usize = 10;

pub(super) struct Timeline {
    steps: Vec<AtomicU64>,
}

impl Timeline {
    pub(super) fn new(duration: Duration) -> Self {
        let count = duration.as_millis().div_ceil(STEP.as_millis());
        Self { steps: (0..count).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn answered(&self, elapsed: Duration) {
        if let Some(step) = self.steps.get(index(elapsed)) {
            step.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> Vec<u64> {
        self.steps.iter().map(|step| step.load(Ordering::Relaxed)).collect()
    }

    /// Between two instants.
    pub(super) fn answered_per_s(&self, from: Duration, to: Duration) -> f64 {
        let counts = self.counts();
        per_s(counts.get(index(from)..index(to).min(counts.len())).unwrap_or_default())
    }

    pub(super) fn answered_at_the_end_per_s(&self) -> f64 {
        let counts = self.counts();
        per_s(&counts[counts.len().saturating_sub(END)..])
    }

    /// The time after the flush until there were as many answers as before again; none if that did
    /// not happen.
    pub(super) fn recovery(&self, flush: Duration) -> Option<Duration> {
        let enough = self.answered_per_s(Duration::ZERO, flush) * RECOVERED;
        let counts = self.counts();
        let after = counts.get(index(flush)..)?;
        let first = after.windows(STEPS).position(|steps| per_s(steps) >= enough)?;
        u32::try_from(first).ok().map(|steps| STEP * steps)
    }
}

fn index(elapsed: Duration) -> usize {
    usize::try_from(elapsed.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
fn per_s(counts: &[u64]) -> f64 {
    if counts.is_empty() {
        return 0.0;
    }
    counts.iter().sum::<u64>() as f64 / (counts.len() as f64 * STEP.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(per_step: &[u64]) -> Timeline {
        Timeline { steps: per_step.iter().map(|count| AtomicU64::new(*count)).collect() }
    }

    #[test]
    fn recovery_is_when_as_much_is_answered_for_a_while() {
        let flush = Duration::from_millis(300);
        let slow = timeline(&[10, 10, 10, 0, 1, 2, 9, 9, 9, 9, 9, 9]);
        assert_eq!(slow.recovery(flush), Some(Duration::from_millis(300)));
        assert!((slow.answered_per_s(Duration::ZERO, flush) - 100.0).abs() < 1e-9);
        let never = timeline(&[10, 10, 10, 0, 0, 9, 0, 0, 0, 9, 0, 0]);
        assert_eq!(never.recovery(flush), None);
        assert_eq!(timeline(&[]).recovery(flush), None);
    }

    #[test]
    fn answers_are_counted_where_they_fall() {
        let timeline = Timeline::new(Duration::from_millis(250));
        for ms in [0, 99, 100, 249, 9_000] {
            timeline.answered(Duration::from_millis(ms));
        }
        assert_eq!(timeline.counts(), [2, 1, 1]);
    }
}
