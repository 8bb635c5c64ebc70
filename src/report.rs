//! What people read: a run goes in, text comes out. Nothing here reads a file, a clock or a server,
//! so that every page can be tested to the letter.

pub(crate) mod bench;
pub(crate) mod blocks;
mod charts;
pub(crate) mod comparison;
pub(crate) mod demo;
mod distribution;
pub(crate) mod hdr;
mod layout;
mod names;
mod numbers;
pub(crate) mod render;
#[cfg(test)]
pub(crate) mod sample_runs;
pub(crate) mod scenario;
mod table;

use anstyle::{AnsiColor, Style as Ink};

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
