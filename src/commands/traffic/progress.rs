//! Progress of traffic: strategy, time left, and rate, hit ratio and p99 of the last second.

use std::time::Duration;

use indicatif::ProgressBar;

use super::super::console::Console;
use crate::traffic::tally::Second;
use crate::units;

pub(super) struct Progress {
    bar: ProgressBar,
    last: String,
}

impl Progress {
    pub(super) fn new(console: &Console) -> Self {
        Self { bar: console.progress(0, "{spinner} {msg}"), last: String::new() }
    }

    /// Draws how a strategy goes on, once a second and with a sign of life in between. Without a
    /// duration it is one of a search's trials, whose number is not known beforehand.
    pub(super) fn of_strategy(
        &mut self,
        name: &str,
        duration: Option<Duration>,
    ) -> impl FnMut(Duration, Option<&Second>) {
        move |elapsed, second| {
            if self.bar.is_hidden() {
                return;
            }
            if let Some(second) = second {
                self.last = last(second);
            }
            let seconds = |time: Duration| units::duration(time.as_secs_f64().ceil() * 1e9);
            let time = match duration {
                Some(duration) => format!("{} left", seconds(duration.saturating_sub(elapsed))),
                None => format!("trial of {}", seconds(elapsed)),
            };
            self.bar.set_message(format!("{name}, {time}{}", self.last));
            self.bar.tick();
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The counts of the last second.
fn last(second: &Second) -> String {
    let reads = second.hits + second.loads;
    // Without a hit there is no cache, or none that works.
    let hits = if second.hits == 0 {
        String::new()
    } else {
        format!(", {:.1} % hits", second.hits as f64 / reads as f64 * 100.0)
    };
    let p99 = units::duration(second.histogram.value_at_quantile(0.99) as f64);
    format!(": {}{hits}, p99 {p99}", units::rate(second.done as f64))
}
