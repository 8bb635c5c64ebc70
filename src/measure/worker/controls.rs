//! Bare exchanges with both servers, between the blocks of reads.

use super::{BlockDone, Worker, unless_interrupted};
use crate::measure::clock::timed;
use crate::measure::core_rotation::slices;
use crate::model::series::Series;
use crate::model::{Codec, ReadPath};
use crate::paths::client::Client;
use crate::paths::reader::ReadError;
use crate::samples::round_series::RoundSums;
use crate::samples::workload::ControlKind;

/// Bare round trips to each server, and some bare transfers of an entry if entries are large.
pub(in crate::measure) struct Controls {
    /// Round trips to each server.
    pub(in crate::measure) reads: u64,
    pub(in crate::measure) cores: Vec<u32>,
    pub(in crate::measure) item: Option<u32>,
    pub(in crate::measure) counted: bool,
    pub(in crate::measure) load: ControlLoad,
}

/// Who makes bare exchanges at the same time, which decides what they are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::measure) enum ControlLoad {
    /// The only client of the measurement: they are the floor and what its reads are compared with.
    OnlyClient,
    /// One client of several while the others wait: the floor.
    OneOfSeveral,
    /// All clients: what reads of as many clients are compared with.
    AllClients,
}

impl<C: Client> Worker<C> {
    pub(super) fn control_block(&mut self, controls: &Controls) -> BlockDone {
        let mut sums = vec![RoundSums::default(); self.samples.rounds.columns()];
        let mut moving_ns = 0;
        let mut outcome = self.client.wake();
        if let (Some(item), true) = (controls.item, controls.load != ControlLoad::OneOfSeveral) {
            outcome = outcome.and_then(|()| self.prepare_transfers(item));
        }
        let is_together = controls.load == ControlLoad::AllClients;
        if is_together {
            self.barrier.wait();
        }
        let reads: Vec<u64> = (0..controls.reads).collect();
        for (core, reads) in slices(&reads, &controls.cores) {
            moving_ns += self.go_to(core);
            outcome = outcome.and_then(|()| self.round_trips(reads.len(), controls, &mut sums));
        }
        self.leave(&controls.cores);
        if let (Some(item), true) = (controls.item, controls.load != ControlLoad::OneOfSeveral) {
            outcome = outcome.and_then(|()| self.transfers(item, &mut sums));
        }
        if is_together {
            self.barrier.wait();
        }
        BlockDone {
            span: None,
            moving_ns,
            reading_ns: 0,
            answered: 0,
            failed: 0,
            sums,
            hopeless: false,
            first_error: outcome.or_else(unless_interrupted).err().map(|error| error.to_string()),
        }
    }

    /// Bare round trips, first to one server and then to the other: the reads of a block follow one
    /// another as closely.
    fn round_trips(
        &mut self,
        reads: usize,
        controls: &Controls,
        sums: &mut [RoundSums],
    ) -> Result<(), ReadError> {
        let is_floor = controls.counted && controls.load != ControlLoad::AllClients;
        let is_compared = controls.load != ControlLoad::OneOfSeveral;
        for kind in [ControlKind::Ping, ControlKind::SelectOne] {
            for _ in 0..reads {
                let (outcome, ns) = if kind == ControlKind::Ping {
                    timed(|| self.client.ping())
                } else {
                    timed(|| self.client.select_1())
                };
                outcome?;
                if is_compared {
                    self.book_control(kind, ns, sums);
                }
                match kind {
                    ControlKind::Ping if is_floor => self.samples.controls.redis.record(ns),
                    ControlKind::SelectOne if is_floor => self.samples.controls.mysql.record(ns),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The codecs whose entries are large.
    fn large_codecs(&self) -> Vec<Codec> {
        let fetched = |kind: &ControlKind| match *kind {
            ControlKind::Fetch(codec) => self.client.has_large_entries(codec).then_some(codec),
            ControlKind::Ping | ControlKind::SelectOne => None,
        };
        self.samples.control_kinds.iter().filter_map(fetched).collect()
    }

    /// Stores the large entries that bare transfers will ask for.
    fn prepare_transfers(&mut self, item: u32) -> Result<(), ReadError> {
        self.large_codecs()
            .into_iter()
            .try_for_each(|codec| self.client.prepare(Series::cached(ReadPath::Warm, codec), &[item]))
    }

    /// Receives large entries and does nothing with them: what a hit of them takes at the least.
    fn transfers(&mut self, item: u32, sums: &mut [RoundSums]) -> Result<(), ReadError> {
        /// In each round: an entry that takes long to receive is read as rarely.
        const TRANSFERS: usize = 2;
        for codec in self.large_codecs() {
            for _ in 0..TRANSFERS {
                let (outcome, ns) = timed(|| self.client.fetch(codec, item));
                outcome?;
                self.book_control(ControlKind::Fetch(codec), ns, sums);
            }
        }
        Ok(())
    }

    fn book_control(&self, kind: ControlKind, ns: u64, sums: &mut [RoundSums]) {
        let column = self.samples.control_column(kind);
        if let Some(sums) = column.and_then(|column| sums.get_mut(column)) {
            sums.record(ns);
        }
    }
}
