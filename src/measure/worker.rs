//! One client on a thread of its own: it prepares, waits for the others, reads against the clock,
//! and verifies when the block is over.

mod booking;
mod controls;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

pub(super) use self::controls::{ControlLoad, Controls};
use super::affinity::Affinity;
use super::barrier::{Barrier, Presence};
use super::clock::{self, InParts, timed, timed_in_parts};
use super::pace::Pace;
use super::plan::Block;
use super::queue::{Queue, Slice};
use crate::interrupt;
use crate::model::ReadPath;
use crate::model::phase::{Phase, PhaseTimes};
use crate::model::series::{BlockKind, Series};
use crate::paths::client::Client;
use crate::paths::reader::{CacheOutcome, Read, ReadError};
use crate::samples::request_counts::Exchanges;
use crate::samples::round_series::RoundSums;
use crate::samples::workload::WorkloadSamples;

/// An order of the coordinator to a worker.
pub(super) enum Step {
    /// Arrange the entries of this share, then read these slices, all workers at the same time.
    Block { block: Block, slices: Vec<Slice>, counted: bool },
    /// Bare exchanges with both servers.
    Controls(Controls),
}

/// The results of a worker in a block.
pub(super) struct BlockDone {
    /// When it began and ended to read; none where the others had taken all reads before it.
    pub(super) span: Option<(Instant, Instant)>,
    /// The part of it that went into moving from core to core.
    pub(super) moving_ns: u64,
    /// The time for which this client was reading.
    pub(super) reading_ns: u64,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// The answers of the block, in the columns of the log of rounds.
    pub(super) sums: Vec<RoundSums>,
    /// A failure that every further round would meet again.
    pub(super) hopeless: bool,
    /// The first failure of the block, in words.
    pub(super) first_error: Option<String>,
}

pub(super) struct Worker<C: Client> {
    pub(super) client: C,
    pub(super) barrier: Arc<Barrier>,
    pub(super) affinity: Affinity,
    /// The samples of this worker so far; the log of rounds is the coordinator's.
    pub(super) samples: WorkloadSamples,
    /// Processor time of the timed reads that are not booked yet.
    pub(super) processor_ns: u64,
    /// Lets MySQL rest between blocks.
    pub(super) pace: Option<Pace>,
}

/// The use of a client's time in a block, ns.
#[derive(Clone, Copy, Default)]
struct Spent {
    /// In moving from core to core, which no read's time includes.
    moving_ns: u64,
    /// From the first read to the end of the last one.
    reading_ns: u64,
}

/// A read as the clock saw it, not yet verified.
struct Taken<A> {
    item: u32,
    ns: u64,
    /// The time until Redis had answered for the entry of a miss.
    stored_ns: Option<u64>,
    parts: PhaseTimes,
    exchanges: Exchanges,
    outcome: Result<Read<A>, ReadError>,
}

impl<C: Client> Worker<C> {
    /// Serves steps until the coordinator hangs up.
    pub(super) fn run(mut self, steps: &Receiver<Step>, done: &Sender<BlockDone>) -> WorkloadSamples {
        let barrier = Arc::clone(&self.barrier);
        let _presence = Presence(&barrier);
        while let Ok(step) = steps.recv() {
            let report = match step {
                Step::Block { block, slices, counted } => self.block(&block, &slices, counted),
                Step::Controls(controls) => self.control_block(&controls),
            };
            if done.send(report).is_err() {
                break;
            }
        }
        self.samples.written = self.client.written();
        self.samples.requests = self.client.requests();
        self.samples
    }

    fn block(&mut self, block: &Block, slices: &[Slice], counted: bool) -> BlockDone {
        let loads = self.client.loads();
        let (prepared, preparing_ns) = timed(|| self.prepare(block));
        let filled = self.client.loads() > loads;
        let mut database_ns = if filled { preparing_ns } else { 0 };
        if prepared.is_err() {
            // In whatever state they are, it is not the one that was to be measured.
            slices.iter().for_each(|slice| slice.queue.cancel(&block.items));
        }
        let mut taken = Vec::with_capacity(most_reads(block));
        self.barrier.wait();
        let started = Instant::now();
        let spent =
            if prepared.is_ok() { self.timed_block(block, slices, &mut taken) } else { Spent::default() };
        let span = (!taken.is_empty()).then(|| (started, Instant::now()));
        // Nobody verifies while another client is still on the clock.
        self.barrier.wait();
        self.book_processor_time(block.kind, counted);
        let sums = vec![RoundSums::default(); self.samples.rounds.columns()];
        let Spent { moving_ns, reading_ns } = spent;
        let mut report = BlockDone {
            span,
            moving_ns,
            reading_ns,
            answered: 0,
            failed: 0,
            sums,
            hopeless: false,
            first_error: None,
        };
        if let Err(error) = prepared.or_else(unless_interrupted) {
            self.count_error(block.kind, error.kind(), block.items.len() as u64);
            report.failed = block.items.len() as u64;
            report.hopeless = error.is_hopeless();
            report.first_error = Some(error.to_string());
        }
        for read in taken {
            database_ns = database_ns.saturating_add(read.parts.get(Phase::Query));
            self.judge(block.kind, read, counted, &mut report);
        }
        self.samples.database_ns = self.samples.database_ns.saturating_add(database_ns);
        if let Some(pace) = &mut self.pace {
            pace.rest(Duration::from_nanos(database_ns));
        }
        report
    }

    fn prepare(&mut self, block: &Block) -> Result<(), ReadError> {
        match block.kind {
            BlockKind::Series(series) => self.client.prepare(series, &block.items),
            BlockKind::AtHitRatio { codec, .. } => {
                self.client.prepare(Series::cached(ReadPath::Cold, codec), &block.absent)?;
                self.client.prepare(Series::cached(ReadPath::Warm, codec), &block.present)
            }
        }
    }

    /// Reads until the queues are empty, on the cores that are named.
    fn timed_block(&mut self, block: &Block, slices: &[Slice], taken: &mut Vec<Taken<C::Answer>>) -> Spent {
        let mut spent = Spent::default();
        for Slice { core, queue } in slices {
            spent.moving_ns += self.go_to(*core);
            spent.reading_ns += self.timed_reads(block, queue, taken);
        }
        self.leave(&block.cores);
        spent
    }

    /// Moves to a core and makes an untimed round trip to each server from there: every slice
    /// begins alike, and no read pays for the way. Returns how long that took, ns.
    fn go_to(&mut self, core: Option<u32>) -> u64 {
        let Some(core) = core else { return 0 };
        let ((), ns) = timed(|| {
            self.affinity.move_to(core);
            // A server that is gone is found by the read that comes next.
            let _ = self.client.prime();
        });
        ns
    }

    /// Lets the thread go wherever it likes again, if it was moved.
    fn leave(&self, cores: &[u32]) {
        if !cores.is_empty() {
            self.affinity.release();
        }
    }

    /// The only place where a read is timed. The clock stops when the answer is decoded and usable.
    /// Returns how long all of them took together, ns.
    fn timed_reads(&mut self, block: &Block, queue: &Queue, taken: &mut Vec<Taken<C::Answer>>) -> u64 {
        let before_ns = clock::processor_ns();
        let ((), reading_ns) = timed(|| {
            while !interrupt::requested() {
                let Some(item) = queue.take() else { break };
                for _ in 0..block.repeats {
                    let before = self.client.exchanges();
                    let InParts { outcome, ns, parts } = timed_in_parts(|laps| {
                        let mut end = |part| laps.end(part);
                        self.client.read(block.kind, item, &mut end)
                    });
                    let exchanges = self.client.exchanges().since(before);
                    // The answer is usable; that the entry is stored counts for the throughput
                    // alone.
                    let is_miss = outcome.as_ref().is_ok_and(|read| read.cache == CacheOutcome::Miss);
                    let stored_ns = is_miss.then(|| ns + timed(|| self.client.flush()).1);
                    taken.push(Taken { item, ns, stored_ns, parts, exchanges, outcome });
                }
            }
        });
        self.processor_ns += clock::processor_ns().saturating_sub(before_ns);
        reading_ns
    }
}

/// Drops an error that an interrupt caused: it is no failure.
fn unless_interrupted(error: ReadError) -> Result<(), ReadError> {
    if error.is_interruption() { Ok(()) } else { Err(error) }
}

/// For how many reads memory is put aside before the clock runs: a share, and what clients that are
/// held up leave to the others. Not for the whole block, which every one of many clients would put
/// aside.
fn most_reads(block: &Block) -> usize {
    let own = block.items.len().saturating_add(block.items.len() / 2);
    own.saturating_mul(usize::try_from(block.repeats).unwrap_or(usize::MAX))
}
