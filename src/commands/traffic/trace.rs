//! A trace whose keys are numbered in the order in which they first appear.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};

use super::super::console::Console;
use super::super::size::trace::warn;
use crate::interrupt;
use crate::load_model::operations::Operation;
use crate::load_model::trace;
use crate::plain_text;
use crate::run_file::load;
use crate::traffic::plan::TraceEvent;
use crate::units;

/// Events that are kept in memory.
const MOST_EVENTS: usize = 20_000_000;
/// Rows that the table may have.
const MOST_KEYS: usize = 1_000_000;

/// The events, and how many different keys they have.
pub(super) fn read(path: &Path, console: &Console) -> anyhow::Result<(Vec<TraceEvent>, u32)> {
    let what = || format!("cannot read the trace {}", plain_text::path(path));
    let input: Box<dyn BufRead> = if load::is_stdin(path) {
        Box::new(BufReader::new(interrupt::stdin().with_context(what)?))
    } else {
        Box::new(BufReader::with_capacity(1 << 18, interrupt::open(path).with_context(what)?))
    };
    let mut ids: HashMap<u64, u32> = HashMap::new();
    let mut events = Vec::new();
    let counts = trace::read(input, |event| {
        if events.len() >= MOST_EVENTS || ids.len() > MOST_KEYS || interrupt::requested() {
            return;
        }
        let fresh = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let id = *ids.entry(event.key_hash).or_insert(fresh);
        let due_ns = units::whole(event.time_s * 1e9);
        events.push(TraceEvent { due_ns, operation: Operation { id, kind: event.kind } });
    })
    .with_context(what)?;
    interrupt::check()?;
    if events.len() >= MOST_EVENTS || ids.len() > MOST_KEYS {
        bail!(
            "the trace has more than {} events or {} keys\n  give traffic a part of it; rcache size takes traces of any length",
            units::count(MOST_EVENTS as u64),
            units::count(MOST_KEYS as u64)
        );
    }
    warn(&counts, console);
    let keys = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    Ok((events, keys))
}
