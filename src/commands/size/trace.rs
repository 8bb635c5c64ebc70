//! Reads a trace as often as a prediction needs it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use anyhow::{Context, anyhow};

use super::super::console::Console;
use crate::interrupt::{self, Input};
use crate::load_model::trace::{self, Counts, Event};
use crate::load_model::trace_curve::TraceCurve;
use crate::plain_text;
use crate::run_file::load;
use crate::size::document::Document;
use crate::size::{Costs, TraceSummary, Wanted, predict_trace};
use crate::units;

/// Events that go from thread to thread together, and how many such parts may wait.
const CHUNK: usize = 4_096;
const CHUNKS: usize = 4;
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
        match interrupt::open(path).with_context(what)? {
            Input::File(file) => return Ok(file),
            Input::Stream(stream) => Box::new(stream),
        }
    };
    let mut copy = tempfile::tempfile().context("cannot make a temporary file for the trace")?;
    io::copy(&mut input, &mut copy).with_context(what)?;
    Ok(copy)
}

/// Reads the trace on a thread of its own, and shows every event to `take` on this one.
fn pass(file: &mut File, mut take: impl FnMut(&Event)) -> anyhow::Result<Counts> {
    file.rewind().context("cannot read the trace again")?;
    let (sender, receiver) = mpsc::sync_channel(CHUNKS);
    let counts = thread::scope(|scope| {
        let reading = scope.spawn(move || read(file, &sender));
        for events in &receiver {
            if interrupt::requested() {
                break;
            }
            events.iter().for_each(&mut take);
        }
        // Whoever still reads learns that nobody listens.
        drop(receiver);
        reading.join().unwrap_or_else(|_| Err(anyhow!("the trace could not be read to its end")))
    });
    interrupt::check()?;
    counts
}

fn read(file: &mut File, sender: &SyncSender<Vec<Event>>) -> anyhow::Result<Counts> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut is_heard = true;
    let counts = trace::read(BufReader::with_capacity(BUFFER_BYTES, file), |event| {
        chunk.push(event);
        if chunk.len() == CHUNK {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            is_heard = is_heard && sender.send(full).is_ok();
        }
    })?;
    // If nobody listens any more, there was an interrupt.
    let _ = sender.send(chunk);
    Ok(counts)
}

pub(in crate::commands) fn warn(counts: &Counts, console: &Console) {
    if counts.out_of_order > 0 {
        console.warning(&format!(
            "{} of the trace {} earlier than one before; taken to happen with it",
            units::counted(counts.out_of_order, "event", "events"),
            if counts.out_of_order == 1 { "is" } else { "are" }
        ));
    }
}
