//! Reads of a database that has just restarted: each alone, on connections of its own, by the same
//! clock as all others.

use super::clock::{InParts, timed_in_parts};
use crate::db::counters;
use crate::db::session::Session;
use crate::interrupt;
use crate::model::series::{BlockKind, Series};
use crate::paths::client::Client;
use crate::paths::query::Check;
use crate::samples::disk::DiskSamples;
use crate::samples::round_series::RoundSums;

/// Fewer carry no p50, and every one of them costs a restart.
pub(crate) const DISK_READS: u64 = 20;

/// A client of a database that has just restarted, and a connection that looks at its counters.
pub(crate) struct Fresh<C: Client> {
    pub(crate) client: C,
    pub(crate) watch: Session,
}

/// Reads each item once, after `restart`. Stops early when asked to, or at the first failure:
/// whatever it is, the next restart would only repeat it.
pub(crate) fn measure<C: Client>(
    items: &[u32],
    restart: &mut dyn FnMut() -> anyhow::Result<Fresh<C>>,
    progress: &mut dyn FnMut(),
) -> DiskSamples {
    let mut samples = DiskSamples::new();
    for &item in items {
        if interrupt::requested() || samples.first_error.is_some() {
            break;
        }
        match restart() {
            Ok(fresh) => read(&mut samples, item, fresh),
            Err(error) => samples.fail("restart", format!("{error:#}")),
        }
        progress();
    }
    samples
}

fn read<C: Client>(samples: &mut DiskSamples, item: u32, mut fresh: Fresh<C>) {
    // One untimed round trip on each connection, as before every block.
    if let Err(error) = fresh.client.prepare(Series::DISK, &[item]) {
        return samples.fail(error.kind(), error.to_string());
    }
    let pages = |watch: &mut Session| counters::read(watch).ok()?.innodb_pages_read;
    let before = pages(&mut fresh.watch);
    let InParts { outcome, ns, parts } = timed_in_parts(|laps| {
        fresh.client.read(BlockKind::Series(Series::DISK), item, &mut |part| laps.end(part))
    });
    let after = pages(&mut fresh.watch);
    let checked = outcome.and_then(|read| fresh.client.check(item, &read));
    match checked {
        Ok(Check::Right | Check::Changed) => {
            samples.path.latencies.record(ns);
            samples.path.parts.record(parts);
            let mut sums = RoundSums::default();
            sums.record(ns);
            samples.rounds.push(&[sums]);
            if let Some(fetched) = after.zip(before).and_then(|(after, before)| after.checked_sub(before)) {
                samples.pages = (samples.pages.0 + fetched, samples.pages.1 + 1);
            }
        }
        Ok(Check::Wrong) => samples.fail(
            "wrong_answer",
            format!("the answer for item {item} by path disk is not what {}", C::TRUTH),
        ),
        Err(error) => samples.fail(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::fake_client::FakeClient;

    #[test]
    fn a_database_that_does_not_come_back_ends_it() {
        let mut restarts = 0;
        let mut restart = || -> anyhow::Result<Fresh<FakeClient>> {
            restarts += 1;
            anyhow::bail!("no room")
        };
        let samples = measure(&[0, 0, 0], &mut restart, &mut || ());
        assert_eq!((restarts, samples.path.errors.get("restart")), (1, Some(&1)));
        assert_eq!((samples.first_error.as_deref(), samples.pages_per_read()), (Some("no room"), None));
    }
}
