//! How traffic goes on: strategy, time left, and rate, hit ratio and p99 of the last second.

use std::time::Duration;

use indicatif::ProgressBar;

use super::super::console::Console;
use crate::scenario::arms::Way;
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

    /// Draws once a second, and a sign of life in between.
    pub(super) fn show(&mut self, way: Way, elapsed: Duration, duration: Duration, second: Option<&Second>) {
        if self.bar.is_hidden() {
            return;
        }
        self.look(way, second);
        let left = units::duration(duration.saturating_sub(elapsed).as_secs_f64().ceil() * 1e9);
        self.draw(format!("{}, {left} left", way.name()));
    }

    /// How a search goes on: nobody knows how many trials it takes.
    pub(super) fn show_search(&mut self, way: Way, elapsed: Duration, second: Option<&Second>) {
        if !self.bar.is_hidden() {
            self.look(way, second);
            self.draw(format!("{}, trial of {}", way.name(), units::duration(elapsed.as_secs_f64() * 1e9)));
        }
    }

    fn draw(&self, state: String) {
        self.bar.set_message(state + &self.last);
        self.bar.tick();
    }

    /// Keeps what the last second did.
    fn look(&mut self, way: Way, second: Option<&Second>) {
        let Some(second) = second else { return };
        let reads = second.hits + second.loads;
        let hits = if way == Way::Mysql || reads == 0 {
            String::new()
        } else {
            format!(", {:.1} % hits", second.hits as f64 / reads as f64 * 100.0)
        };
        let p99 = units::duration(second.histogram.value_at_quantile(0.99) as f64);
        self.last = format!(": {}{hits}, p99 {p99}", units::rate(second.done as f64));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
