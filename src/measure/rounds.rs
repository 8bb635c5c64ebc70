//! Runs the rounds: every path reads the same block, in an order shuffled anew, all clients at the same time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

use super::plan::Plan;
use super::start_line::StartLine;
use super::worker::{BlockDone, Step, Worker, WorkerDone};
use super::{ControlSamples, PathSamples, WorkloadSamples};
use crate::cli::ReadPath;
use crate::interrupt;
use crate::paths::query::{Expected, Query};
use crate::paths::reader::Reader;
use crate::rounds_log::{RoundSums, RoundsLog};

/// Where the measurement is, for a progress bar.
pub(crate) struct Progress {
    /// Rounds that are over, warm-up included.
    pub(crate) round: u64,
}

/// A worker's ends of its channels.
struct Link {
    steps: Sender<Step>,
    done: Receiver<BlockDone>,
}

/// Measures one workload with one worker a reader. Stops early when asked to, or when a whole block fails; what was
/// measured until then is returned.
pub(crate) fn measure<Q: Query>(
    readers: Vec<Reader<Q>>,
    expected: &Arc<Expected>,
    plan: &Plan,
    paths: &[ReadPath],
    progress: &mut dyn FnMut(Progress),
) -> WorkloadSamples {
    let start_line = Arc::new(StartLine::new(readers.len()));
    thread::scope(|scope| {
        let (links, handles): (Vec<_>, Vec<_>) = readers
            .into_iter()
            .map(|reader| {
                let worker = Worker {
                    reader,
                    expected: Arc::clone(expected),
                    start_line: Arc::clone(&start_line),
                    paths: paths.iter().map(|path| PathSamples::new(*path)).collect(),
                    controls: ControlSamples::new(),
                };
                let (step_sender, steps) = mpsc::channel();
                let (done_sender, done) = mpsc::channel();
                let handle = scope.spawn(move || worker.run(&steps, &done_sender));
                (Link { steps: step_sender, done }, handle)
            })
            .unzip();
        let mut rounds = Rounds::new(links, plan, paths);
        rounds.run(progress);
        let mut samples = rounds.finish();
        for handle in handles {
            match handle.join() {
                Ok(done) => add(&mut samples, &done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        samples
    })
}

fn add(samples: &mut WorkloadSamples, done: &WorkerDone) {
    for (total, part) in samples.paths.iter_mut().zip(&done.paths) {
        total.merge(part);
    }
    samples.controls.merge(&done.controls);
    samples.written_entries += done.written_entries;
    samples.written_bytes += done.written_bytes;
}

/// The coordinator: it hands out blocks and adds up what needs all clients to be known.
struct Rounds<'a> {
    links: Vec<Link>,
    plan: &'a Plan,
    paths: &'a [ReadPath],
    samples: WorkloadSamples,
    /// What each path answered in the round that is under way.
    sums: Vec<RoundSums>,
}

/// A block in which nothing succeeded: going on would only repeat it.
struct AllFailed;

impl<'a> Rounds<'a> {
    fn new(links: Vec<Link>, plan: &'a Plan, paths: &'a [ReadPath]) -> Self {
        let samples = WorkloadSamples {
            paths: paths.iter().map(|path| PathSamples::new(*path)).collect(),
            controls: ControlSamples::new(),
            written_entries: 0,
            written_bytes: 0,
            rounds: RoundsLog::new(paths.len()),
            first_error: None,
        };
        Self { links, plan, paths, samples, sums: vec![RoundSums::default(); paths.len()] }
    }

    fn run(&mut self, progress: &mut dyn FnMut(Progress)) {
        let warm_up = self.plan.warm_up_rounds();
        for round in 0..warm_up + self.plan.rounds() {
            let counted = round >= warm_up;
            // Warm-up rounds read what the last rounds will read: any keys do.
            let number = if counted { round - warm_up } else { self.plan.rounds() - 1 };
            if interrupt::requested() || self.round(number, counted).is_err() {
                return;
            }
            // A round that was cut short is no pair of anything.
            if counted && !interrupt::requested() {
                self.samples.rounds.push(&self.sums);
            }
            progress(Progress { round: round + 1 });
        }
    }

    fn round(&mut self, round: u64, counted: bool) -> Result<(), AllFailed> {
        self.sums.fill(RoundSums::default());
        self.controls(counted)?;
        for path in self.plan.path_order(round, self.paths) {
            if interrupt::requested() {
                return Ok(());
            }
            self.block(round, path, counted)?;
        }
        Ok(())
    }

    /// Bare round trips by the first client alone: the floor is the way to the server, not the queue in front of it.
    fn controls(&mut self, counted: bool) -> Result<(), AllFailed> {
        let reads = self.plan.control_reads();
        let Some(link) = self.links.first() else { return Ok(()) };
        let report =
            link.steps.send(Step::Controls { reads, counted }).ok().and_then(|()| link.done.recv().ok());
        match report.and_then(|report| report.first_error) {
            Some(error) => {
                self.samples.first_error.get_or_insert(error);
                Err(AllFailed)
            }
            None => Ok(()),
        }
    }

    fn block(&mut self, round: u64, path: ReadPath, counted: bool) -> Result<(), AllFailed> {
        for (client, link) in (0..).zip(&self.links) {
            let items = self.plan.items(round, client);
            // A worker that is gone panicked; joining it passes the panic on.
            link.steps.send(Step::Block { path, items, counted }).map_err(|_| AllFailed)?;
        }
        let mut reports = Vec::with_capacity(self.links.len());
        for link in &self.links {
            reports.push(link.done.recv().map_err(|_| AllFailed)?);
        }
        self.add_block(path, &reports, counted)
    }

    fn add_block(&mut self, path: ReadPath, reports: &[BlockDone], counted: bool) -> Result<(), AllFailed> {
        let answered: u64 = reports.iter().map(|report| report.answered).sum();
        let failed: u64 = reports.iter().map(|report| report.failed).sum();
        if let Some(error) = reports.iter().find_map(|report| report.first_error.clone()) {
            self.samples.first_error.get_or_insert(error);
        }
        for report in reports {
            self.sums.iter_mut().zip(&report.sums).for_each(|(total, sums)| total.add(*sums));
        }
        let samples = self.samples.paths.iter_mut().find(|samples| samples.path == path);
        if let (true, Some(samples)) = (counted, samples) {
            samples.answered += answered;
            samples.busy_ns += busy_ns(reports);
        }
        let hopeless = reports.iter().any(|report| report.hopeless) || (failed > 0 && answered == 0);
        if hopeless { Err(AllFailed) } else { Ok(()) }
    }

    /// Hangs up on the workers, which then return what they have.
    fn finish(self) -> WorkloadSamples {
        self.samples
    }
}

/// From the first client's start to the last one's end.
fn busy_ns(reports: &[BlockDone]) -> u64 {
    let start = reports.iter().map(|report| report.started).min();
    let end: Option<Instant> = reports.iter().map(|report| report.ended).max();
    match (start, end) {
        (Some(start), Some(end)) => u64::try_from(end.duration_since(start).as_nanos()).unwrap_or(u64::MAX),
        _ => 0,
    }
}
