//! Runs the rounds: every lane reads the same block, in an order shuffled anew, all clients at the same time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::WorkloadSamples;
use super::affinity::Affinity;
use super::plan::{Block, BlockKind, Plan};
use super::queue;
use super::start_line::StartLine;
use super::worker::{BlockDone, Step, Worker};
use crate::interrupt;
use crate::paths::lane::Lane;
use crate::paths::query::{Expected, Query};
use crate::paths::reader::Reader;
use crate::rounds_log::RoundSums;

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
    kinds: &[BlockKind],
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
                    affinity: Affinity::of_this_thread(),
                    samples: WorkloadSamples::new(kinds),
                    processor_ns: 0,
                };
                let (step_sender, steps) = mpsc::channel();
                let (done_sender, done) = mpsc::channel();
                let handle = scope.spawn(move || worker.run(&steps, &done_sender));
                (Link { steps: step_sender, done }, handle)
            })
            .unzip();
        let mut rounds = Rounds::new(links, plan, kinds);
        rounds.run(progress);
        let mut samples = rounds.finish();
        for handle in handles {
            match handle.join() {
                Ok(part) => samples.merge(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        samples
    })
}

/// The coordinator: it hands out blocks and adds up what needs all clients to be known.
struct Rounds<'a> {
    links: Vec<Link>,
    plan: &'a Plan,
    kinds: &'a [BlockKind],
    samples: WorkloadSamples,
    /// What the round that is under way answered, in the columns of the log of rounds.
    sums: Vec<RoundSums>,
}

/// A block in which nothing succeeded: going on would only repeat it.
struct AllFailed;

impl<'a> Rounds<'a> {
    fn new(links: Vec<Link>, plan: &'a Plan, kinds: &'a [BlockKind]) -> Self {
        let samples = WorkloadSamples::new(kinds);
        let sums = vec![RoundSums::default(); samples.rounds.columns()];
        Self { links, plan, kinds, samples, sums }
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
        self.controls(round, counted)?;
        for kind in self.plan.order(round, self.kinds) {
            if interrupt::requested() {
                return Ok(());
            }
            self.block(round, kind, counted)?;
        }
        Ok(())
    }

    /// Bare round trips by the first client alone: the floor is the way to the server, not the queue in front of it.
    fn controls(&mut self, round: u64, counted: bool) -> Result<(), AllFailed> {
        let reads = self.plan.control_reads();
        let Some(link) = self.links.first() else { return Ok(()) };
        let cores = self.plan.control_cores(round);
        let items = self.plan.block_of(BlockKind::Lane(Lane::MYSQL), round, 0).items;
        let step = Step::Controls { reads, cores, item: items.first().copied(), counted };
        let report = link.steps.send(step).ok().and_then(|()| link.done.recv().ok());
        if let Some(report) = &report {
            self.sums.iter_mut().zip(&report.sums).for_each(|(total, sums)| total.add(*sums));
        }
        match report.and_then(|report| report.first_error) {
            Some(error) => {
                self.samples.first_error.get_or_insert(error);
                Err(AllFailed)
            }
            None => Ok(()),
        }
    }

    fn block(&mut self, round: u64, kind: BlockKind, counted: bool) -> Result<(), AllFailed> {
        let shares = (0..).zip(&self.links).map(|(client, _)| self.plan.block_of(kind, round, client));
        let shares: Vec<Block> = shares.collect();
        let stretches = queue::hand_out(&shares, self.plan.queues());
        for (link, (block, stretches)) in self.links.iter().zip(shares.into_iter().zip(stretches)) {
            // A worker that is gone panicked; joining it passes the panic on.
            link.steps.send(Step::Block { block, stretches, counted }).map_err(|_| AllFailed)?;
        }
        let mut reports = Vec::with_capacity(self.links.len());
        for link in &self.links {
            reports.push(link.done.recv().map_err(|_| AllFailed)?);
        }
        self.add_block(kind, &reports, counted)
    }

    fn add_block(&mut self, kind: BlockKind, reports: &[BlockDone], counted: bool) -> Result<(), AllFailed> {
        let answered: u64 = reports.iter().map(|report| report.answered).sum();
        let failed: u64 = reports.iter().map(|report| report.failed).sum();
        if let Some(error) = reports.iter().find_map(|report| report.first_error.clone()) {
            self.samples.first_error.get_or_insert(error);
        }
        for report in reports {
            self.sums.iter_mut().zip(&report.sums).for_each(|(total, sums)| total.add(*sums));
        }
        let samples = self.samples.paths.iter_mut().find(|samples| BlockKind::Lane(samples.lane()) == kind);
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

/// From the first client's start to the last one's end, without the time in which all were on the move.
fn busy_ns(reports: &[BlockDone]) -> u64 {
    let start = reports.iter().filter_map(|report| report.span).map(|(start, _)| start).min();
    let end = reports.iter().filter_map(|report| report.span).map(|(_, end)| end).max();
    let moving_ns = reports.iter().map(|report| report.moving_ns).min().unwrap_or(0);
    match (start, end) {
        (Some(start), Some(end)) => {
            let ns = u64::try_from(end.duration_since(start).as_nanos()).unwrap_or(u64::MAX);
            ns.saturating_sub(moving_ns)
        }
        _ => 0,
    }
}
