//! Books verified reads: under the path that each really took, or as a failure.

use super::{BlockDone, Taken, Worker};
use crate::model::ReadPath;
use crate::model::phase::PhaseTimes;
use crate::model::series::{BlockKind, Series};
use crate::paths::client::Client;
use crate::paths::query::Check;
use crate::paths::reader::CacheOutcome;
use crate::samples::path::count_error;
use crate::samples::request_counts::Exchanges;
use crate::samples::round_series::RoundSums;

impl<C: Client> Worker<C> {
    /// Verifies a read and books it under the path that it really took, with the same codec.
    pub(super) fn judge(
        &mut self,
        planned: BlockKind,
        read: Taken<C::Answer>,
        counted: bool,
        report: &mut BlockDone,
    ) {
        let Taken { item, ns, stored_ns, parts, exchanges, outcome } = read;
        let checked = outcome.and_then(|read| {
            let check = self.client.check(item, &read)?;
            Ok((read.cache, check))
        });
        let failure = match checked {
            Ok((cache, Check::Right | Check::Changed)) => {
                report.answered += 1;
                if counted {
                    self.book(planned, cache, (ns, stored_ns, parts, exchanges), &mut report.sums);
                }
                return;
            }
            Ok((_, Check::Wrong)) => {
                ("wrong_answer", format!("the answer for item {item} by {planned} is not what {}", C::TRUTH))
            }
            Err(error) if error.is_interruption() => return,
            Err(error) => {
                report.hopeless |= error.is_hopeless();
                (error.kind(), error.to_string())
            }
        };
        report.failed += 1;
        self.count_error(planned, failure.0, 1);
        report.first_error.get_or_insert(failure.1);
    }

    fn book(
        &mut self,
        planned: BlockKind,
        cache: CacheOutcome,
        (ns, stored_ns, parts, exchanges): (u64, Option<u64>, PhaseTimes, Exchanges),
        sums: &mut [RoundSums],
    ) {
        let (hit, miss) = (cache == CacheOutcome::Hit, cache == CacheOutcome::Miss);
        let BlockKind::Series(planned) = planned else {
            let Some(index) = self.samples.mixed_index(planned) else { return };
            let column = self.samples.mixed_column(index, miss);
            if let (Some(mixed), Some(sums)) = (self.samples.mixed.get_mut(index), sums.get_mut(column)) {
                mixed.hits += u64::from(hit);
                mixed.misses += u64::from(miss);
                mixed.latencies.record(ns);
                sums.record(ns);
            }
            return;
        };
        let taken = match cache {
            CacheOutcome::Bypassed => Series::MYSQL,
            CacheOutcome::Hit => Series { path: ReadPath::Warm, ..planned },
            CacheOutcome::Miss if planned.path == ReadPath::Naive => planned,
            CacheOutcome::Miss => Series { path: ReadPath::Cold, ..planned },
        };
        for (samples, sums) in self.samples.paths.iter_mut().zip(sums) {
            if samples.series() == planned {
                samples.hits += u64::from(hit);
                samples.misses += u64::from(miss);
            }
            if samples.series() == taken {
                samples.latencies.record(ns);
                samples.parts.record(parts);
                samples.stored.extend(stored_ns);
                samples.exchanges.add(exchanges);
                sums.record(ns);
            }
        }
    }

    /// Books the processor time of the timed reads of a block.
    pub(super) fn book_processor_time(&mut self, kind: BlockKind, counted: bool) {
        let ns = std::mem::take(&mut self.processor_ns);
        let samples =
            self.samples.paths.iter_mut().find(|samples| BlockKind::Series(samples.series()) == kind);
        if let (true, Some(samples)) = (counted, samples) {
            samples.processor_ns += ns;
        }
    }

    /// A failure counts in warm-up rounds too: a wrong answer is never excused.
    pub(super) fn count_error(&mut self, planned: BlockKind, kind: &'static str, count: u64) {
        let errors = match planned {
            BlockKind::Series(series) => {
                let samples = self.samples.paths.iter_mut().find(|samples| samples.series() == series);
                samples.map(|samples| &mut samples.errors)
            }
            BlockKind::AtHitRatio { .. } => {
                let index = self.samples.mixed_index(planned);
                let mixed = index.and_then(|index| self.samples.mixed.get_mut(index));
                mixed.map(|mixed| &mut mixed.errors)
            }
        };
        if let Some(errors) = errors {
            count_error(errors, kind, count);
        }
    }
}
