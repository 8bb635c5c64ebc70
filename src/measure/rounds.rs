//! Runs the rounds: every series reads the same block, in an order shuffled anew, all clients at
//! the same time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use super::affinity::Affinity;
use super::barrier::Barrier;
use super::clock::timed;
use super::pace::Pace;
use super::plan::{Amount, Block, Plan};
use super::queue;
use super::schedule::{Next, Position, Schedule};
use super::worker::{BlockDone, ControlLoad, Controls, Step, Worker};
use crate::model::series::{BlockKind, Series};
use crate::paths::client::Client;
use crate::samples::ended::Ended;
use crate::samples::round_series::RoundSums;
use crate::samples::workload::{Course, WorkloadSamples};
use crate::{client_threads, interrupt};

/// Blocks grow until a round takes this share of the time: a run then has a hundred rounds or more.
/// Several clients need longer blocks, so that waiting for the last of them is a small part of
/// each.
const ROUND_SHARE: u32 = 100;
const ROUND_SHARE_OF_SEVERAL: u32 = 20;
/// The number of tries to connect in the middle of a run, and the pause between: a server that was
/// just hung up on by many clients may still count them.
const RECONNECT_TRIES: u32 = 20;
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// The reads to measure, and how much of them.
pub(crate) struct Task<'a> {
    pub(crate) plan: Plan,
    pub(crate) amount: Amount,
    pub(crate) kinds: &'a [BlockKind],
    /// At most so many percent of each connection's time keep MySQL busy.
    pub(crate) share: Option<u8>,
}

/// The callbacks of the rounds.
pub(crate) struct Outside<'a, C: Client> {
    /// Opens the connections of one client.
    pub(crate) open: &'a dyn Fn() -> anyhow::Result<C>,
    /// Whether more rounds would add no digit to any ratio.
    pub(crate) is_precise: &'a dyn Fn(&WorkloadSamples) -> bool,
    /// Is told the share that is done, 0 to 1.
    pub(crate) progress: &'a mut dyn FnMut(f64),
}

/// A worker's ends of its channels.
struct Link {
    steps: Sender<Step>,
    done: Receiver<BlockDone>,
}

/// Measures one workload, group by group, with one worker a client. Stops early when asked to, or
/// when a whole block fails; what was measured until then is returned. An error only if the first
/// connections cannot be opened.
pub(crate) fn measure<C: Client>(
    task: Task<'_>,
    clients: u16,
    outside: &mut Outside<'_, C>,
) -> anyhow::Result<WorkloadSamples> {
    let first = open(clients, outside.open)?;
    let mut rounds = Rounds::new(task);
    let mut next = rounds.group(first, outside);
    while next == Next::Reconnect {
        next = match reopen(clients, outside.open) {
            Ok(again) => rounds.group(again, outside),
            Err(error) => {
                rounds.samples.first_error.get_or_insert(format!("{error:#}"));
                Next::End(Ended::Early)
            }
        };
    }
    Ok(rounds.finish(next))
}

fn open<C: Client>(clients: u16, open: &dyn Fn() -> anyhow::Result<C>) -> anyhow::Result<Vec<C>> {
    (0..clients).map(|_| open()).collect()
}

/// Like [`open`], with patience.
fn reopen<C: Client>(clients: u16, connect: &dyn Fn() -> anyhow::Result<C>) -> anyhow::Result<Vec<C>> {
    let mut tries = 1;
    loop {
        match open(clients, connect) {
            Err(_) if tries < RECONNECT_TRIES && !interrupt::requested() => {
                tries += 1;
                thread::sleep(RECONNECT_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// The coordinator: it hands out blocks and adds up what needs all clients to be known.
struct Rounds<'a> {
    plan: Plan,
    schedule: Schedule,
    amount: Amount,
    kinds: &'a [BlockKind],
    share: Option<u8>,
    links: Vec<Link>,
    position: Position,
    samples: WorkloadSamples,
    /// The answers of the current round, in the columns of the log of rounds.
    sums: Vec<RoundSums>,
}

/// A block in which nothing succeeded: going on would only repeat it.
struct AllFailed;

impl<'a> Rounds<'a> {
    fn new(task: Task<'a>) -> Self {
        let Task { plan, amount, kinds, share } = task;
        let samples = WorkloadSamples::new(kinds);
        Self {
            schedule: Schedule::new(amount, plan.rounds()),
            plan,
            amount,
            kinds,
            share,
            links: Vec::new(),
            position: Position::default(),
            sums: vec![RoundSums::default(); samples.rounds.columns()],
            samples,
        }
    }

    /// The rounds over one set of connections.
    fn group<C: Client>(&mut self, clients: Vec<C>, outside: &mut Outside<'_, C>) -> Next {
        let barrier = Arc::new(Barrier::new(clients.len()));
        self.position.groups += 1;
        self.position.rounds_in_group = 0;
        self.position.elapsed_in_group = Duration::ZERO;
        self.samples.rounds.start_group();
        let (links, workers): (Vec<_>, Vec<_>) = clients
            .into_iter()
            .map(|client| {
                let worker = Worker {
                    client,
                    barrier: Arc::clone(&barrier),
                    affinity: Affinity::of_this_thread(),
                    samples: WorkloadSamples::new(self.kinds),
                    processor_ns: 0,
                    pace: self.share.map(Pace::new),
                };
                let (step_sender, steps) = mpsc::channel();
                let (done_sender, done) = mpsc::channel();
                (Link { steps: step_sender, done }, (worker, steps, done_sender))
            })
            .unzip();
        self.links = links;
        let work =
            |(worker, steps, done): (Worker<C>, Receiver<Step>, Sender<BlockDone>)| worker.run(&steps, &done);
        let (next, parts) = client_threads::run(workers, work, |_| {
            let next = self.run_group(outside);
            // Hangs up on the workers, which then return what they have.
            self.links.clear();
            next
        });
        for part in parts {
            match part {
                Ok(part) => self.samples.merge(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        next.unwrap_or(Next::End(Ended::Early))
    }

    fn run_group<C: Client>(&mut self, outside: &mut Outside<'_, C>) -> Result<Next, AllFailed> {
        self.warm_up()?;
        loop {
            let samples = &self.samples;
            let next = self.schedule.next(&self.position, || (outside.is_precise)(samples));
            if next != Next::Round {
                return Ok(next);
            }
            self.timed_round(self.position.rounds, true)?;
            if interrupt::requested() {
                // A round that was cut short is no pair of anything.
                return Err(AllFailed);
            }
            self.samples.rounds.push(&self.sums);
            self.position.rounds += 1;
            self.position.rounds_in_group += 1;
            (outside.progress)(self.schedule.share(&self.position));
        }
    }

    /// Rounds that do not count: before the first group until everything has settled and blocks
    /// have their length, later one for the new connections.
    fn warm_up(&mut self) -> Result<(), AllFailed> {
        if self.position.groups > 1 {
            return self.timed_round(self.position.rounds, false).map(|_| ());
        }
        match (self.amount, self.plan.rounds()) {
            // Warm-up rounds read what the last rounds will read: any keys do.
            (Amount::Reads(_), rounds) => {
                (0..self.plan.warm_up_rounds())
                    .try_for_each(|_| self.timed_round(rounds.unwrap_or(1) - 1, false).map(drop))?;
            }
            (Amount::Time(limit), _) => self.settle(limit)?,
        }
        self.position.end_warm_up();
        Ok(())
    }

    /// Lengthens blocks until they have their usual length, or a round takes its share of the time.
    fn settle(&mut self, limit: Duration) -> Result<(), AllFailed> {
        let mut first_rounds = 3u32;
        loop {
            // Far from the keys of the rounds that count.
            let took = self.timed_round(u64::from(u32::MAX) + u64::from(first_rounds), false)?;
            let share = if self.links.len() > 1 { ROUND_SHARE_OF_SEVERAL } else { ROUND_SHARE };
            let is_long = took * 2 > limit / share;
            first_rounds = first_rounds.max(1) - 1;
            let is_late = self.position.elapsed > limit / 5;
            if is_late || (first_rounds == 0 && (is_long || !self.plan.lengthen())) {
                return Ok(());
            }
        }
    }

    /// A round, and how long it took, untimed parts included.
    fn timed_round(&mut self, round: u64, counted: bool) -> Result<Duration, AllFailed> {
        let (outcome, ns) = timed(|| self.round(round, counted));
        let took = Duration::from_nanos(ns);
        self.position.elapsed += took;
        self.position.elapsed_in_group += took;
        outcome.map(|()| took)
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

    /// Bare exchanges: by one client alone, which is the way to each server without the queue in
    /// front of it; and by all clients together, which is what their reads are compared with, since
    /// both then share a busy machine.
    fn controls(&mut self, round: u64, counted: bool) -> Result<(), AllFailed> {
        let clients = self.links.len();
        match clients {
            0 => Ok(()),
            1 => self.control_step(round, 1, ControlLoad::OnlyClient, counted),
            _ => {
                self.control_step(round, 1, ControlLoad::OneOfSeveral, counted)?;
                self.control_step(round, clients, ControlLoad::AllClients, counted)
            }
        }
    }

    /// One step of controls by the first `clients`.
    fn control_step(
        &mut self,
        round: u64,
        clients: usize,
        load: ControlLoad,
        counted: bool,
    ) -> Result<(), AllFailed> {
        let reads = self.plan.control_reads();
        for (client, link) in (0u64..).zip(&self.links).take(clients) {
            let items = self.plan.block_of(BlockKind::Series(Series::MYSQL), round, client).items;
            let cores = self.plan.control_cores(round, client);
            let controls = Controls { reads, cores, item: items.first().copied(), counted, load };
            link.steps.send(Step::Controls(controls)).map_err(|_| AllFailed)?;
        }
        let mut failure = None;
        for link in self.links.iter().take(clients) {
            let report = link.done.recv().map_err(|_| AllFailed)?;
            self.sums.iter_mut().zip(&report.sums).for_each(|(total, sums)| total.add(*sums));
            failure = failure.or(report.first_error);
        }
        match failure {
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
        let slices = queue::assign(&shares, self.plan.queues());
        for (link, (block, slices)) in self.links.iter().zip(shares.into_iter().zip(slices)) {
            // A worker that is gone panicked; joining it passes the panic on.
            link.steps.send(Step::Block { block, slices, counted }).map_err(|_| AllFailed)?;
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
        let samples =
            self.samples.paths.iter_mut().find(|samples| BlockKind::Series(samples.series()) == kind);
        let reading_ns: u64 = reports.iter().map(|report| report.reading_ns).sum();
        match samples {
            Some(samples) if counted => {
                samples.answered += answered;
                samples.busy_ns += busy_ns(reports);
                samples.reading_ns += reading_ns;
            }
            _ if self.position.rounds == 0 && answered > 0 => {
                self.plan.repeat(kind, reading_ns as f64 / answered as f64)
            }
            _ => {}
        }
        let hopeless = reports.iter().any(|report| report.hopeless) || (failed > 0 && answered == 0);
        if hopeless { Err(AllFailed) } else { Ok(()) }
    }

    fn finish(mut self, last: Next) -> WorkloadSamples {
        let Position { elapsed, warm_up, groups, .. } = self.position;
        let ended = match last {
            Next::End(ended) => ended,
            Next::Round | Next::Reconnect => Ended::Early,
        };
        let with_warm_up = warm_up + elapsed;
        self.samples.course =
            Course { elapsed, with_warm_up, groups, block: self.plan.block(), ended: Some(ended) };
        self.samples
    }
}

/// From the first client's start to the last one's end, without the time in which all were on the
/// move.
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
