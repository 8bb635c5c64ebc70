//! Reads a trace as often as a prediction needs it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use anyhow::Context;

use super::super::console::Console;
use crate::interrupt;
use crate::load_model::trace::{self, Counts, Event};
use crate::load_model::trace_curve::TraceCurve;
use crate::plain_text;
use crate::run_file::load;
use crate::size::document::Document;
use crate::size::{Costs, TraceSummary, Wanted, predict_trace};

/// Events between two looks at whether the command was interrupted.
const LOOK_EVERY: u64 = 1 << 16;
const BUFFER_BYTES: usize = 1 << 18;

pub(super) fn predict(
    path: &Path,
    rate_per_s: Option<f64>,
    ttl_s: Option<f64>,
    costs: &Costs,
    wanted: &Wanted,
    console: &Console,
) -> anyhow::Result<Document> {
    let mut file = open(path)?;
    console.step("Reading the trace.");
    let _bar = console.spinner("reading the trace");
    let mut endless = TraceCurve::new(&[u32::MAX], None);
    let mut duration_s = 0.0;
    let counts = pass(&mut file, |event| {
        duration_s = event.time_s;
        endless.add(event);
    })?;
    warn(&counts, console);
    let summary = TraceSummary { counts, duration_s, endless: endless.finish(), ttl_s, rate_per_s };
    let sizes = summary.sizes(costs, wanted);
    let mut curve = TraceCurve::new(&sizes.entries, ttl_s);
    pass(&mut file, |event| curve.add(event))?;
    let curve = curve.finish();
    let around = wanted.hit_ratio.and_then(|hit_ratio| summary.sizes_around(&curve.points, hit_ratio));
    let around = match around {
        None => Vec::new(),
        Some(sizes) => {
            let mut fine = TraceCurve::new(&sizes, ttl_s);
            pass(&mut file, |event| fine.add(event))?;
            fine.finish().points
        }
    };
    Ok(predict_trace(costs, &summary, &sizes, &curve, wanted, &around))
}

/// A file that can be read again: stdin and pipes are copied.
fn open(path: &Path) -> anyhow::Result<File> {
    let what = || format!("cannot read the trace {}", plain_text::path(path));
    let mut input: Box<dyn Read> = if load::is_stdin(path) {
        Box::new(interrupt::stdin().with_context(what)?)
    } else {
        let file = File::open(path).with_context(what)?;
        if file.metadata().with_context(what)?.is_file() {
            return Ok(file);
        }
        Box::new(file)
    };
    let mut copy = tempfile::tempfile().context("cannot make a temporary file for the trace")?;
    io::copy(&mut input, &mut copy).with_context(what)?;
    Ok(copy)
}

fn pass(file: &mut File, mut take: impl FnMut(&Event)) -> anyhow::Result<Counts> {
    file.rewind().context("cannot read the trace again")?;
    let (mut seen, mut interrupted) = (0_u64, false);
    let counts = trace::read(BufReader::with_capacity(BUFFER_BYTES, &mut *file), |event| {
        seen += 1;
        if seen.is_multiple_of(LOOK_EVERY) {
            interrupted |= interrupt::requested();
        }
        if !interrupted {
            take(&event);
        }
    })?;
    interrupt::check()?;
    Ok(counts)
}

fn warn(counts: &Counts, console: &Console) {
    if counts.out_of_order > 0 {
        console.warning(&format!(
            "{} events of the trace are earlier than one before them; they were taken to happen with it",
            counts.out_of_order
        ));
    }
}
