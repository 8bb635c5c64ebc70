//! What people read: a run goes in, text comes out. Nothing here reads a file, a clock or a server,
//! so that every page can be tested to the letter.

mod assertions;
mod axis;
mod chart;
mod codecs;
pub(crate) mod comparison;
mod distribution;
mod floors;
pub(crate) mod hdr;
mod layout;
mod parts;
pub(crate) mod reading;
#[cfg(test)]
pub(crate) mod sample_runs;
pub(crate) mod scenario;
mod servers;
mod setting;
mod summary;
mod table;
pub(crate) mod text;
mod verified;
mod warnings;
mod workload;

use anstyle::{AnsiColor, Style as Ink};

use crate::run_file::{Run, WorkloadRun};

/// How a page is to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Columns of the page. Fewer than 40 and more than 100 are not used.
    pub(crate) width: usize,
    /// Whether escape sequences may be written. Every page says the same without them.
    pub(crate) color: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, color: false }
    }
}

impl Style {
    /// Longer lines are hard to read; in fewer columns no chart can be read.
    fn columns(&self) -> usize {
        self.width.clamp(40, 100)
    }

    fn paint(&self, ink: Ink, text: &str) -> String {
        if self.color && !ink.is_plain() { format!("{ink}{text}{ink:#}") } else { text.to_owned() }
    }
}

const PLAIN: Ink = Ink::new();
const ALERT: Ink = AnsiColor::Yellow.on_default();

/// The runs of each workload: one, or where codecs were measured side by side one for each of them.
fn by_workload(run: &Run) -> impl Iterator<Item = &[WorkloadRun]> {
    run.workloads.chunk_by(|one, other| one.name == other.name)
}

/// A path has one colour wherever it is named or drawn, also with a codec behind it. These can be read on dark and on
/// light.
fn path_ink(path: &str) -> Ink {
    match path.split(' ').next().unwrap_or_default() {
        "mysql" => AnsiColor::Magenta.on_default(),
        "cold" => AnsiColor::Cyan.on_default(),
        "warm" => AnsiColor::Green.on_default(),
        "disk" => AnsiColor::Red.on_default(),
        _ => PLAIN,
    }
}
