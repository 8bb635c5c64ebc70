//! Reads from disk, each after a restart of the database. They come after all rounds: a restart
//! leaves every path in a state of its own.

use super::measure::{Finished, Taken};
use super::preflight::Ready;
use super::request::Request;
use super::subject::{Target, WithTarget};
use crate::db::connect;
use crate::interrupt;
use crate::measure::disk::{self, DISK_READS, Fresh};
use crate::measure::plan::Plan;
use crate::paths::query::Query;
use crate::samples::disk::DiskSamples;

/// Adds them to the samples of every workload, if they were asked for and no earlier read failed.
pub(super) fn read(ready: &mut Ready<'_>, request: &Request, mut taken: Taken) -> Taken {
    if request.reads_from_disk() && taken.first_error.is_none() {
        taken.first_error = ready.read_from_disk(request, &mut taken.finished);
    }
    taken
}

/// Reads of one subject.
struct Restarts<'a, 'b> {
    ready: &'a mut Ready<'b>,
    plan: &'a Plan,
    request: &'a Request,
}

impl WithTarget for Restarts<'_, '_> {
    type Output = DiskSamples;

    fn run<Q: Query>(self, target: &Target<Q>) -> DiskSamples {
        self.ready.restarted(target, self.plan, self.request)
    }
}

impl Ready<'_> {
    /// The reads of every workload from disk; the first failure, in words.
    fn read_from_disk(&mut self, request: &Request, finished: &mut [Finished]) -> Option<String> {
        let expected = self.expected.clone();
        for Finished { subject, plan, samples, .. } in finished {
            if interrupt::requested() {
                break;
            }
            let reads = Restarts { ready: self, plan, request };
            let disk = match subject.with_target(expected.as_ref(), request, reads) {
                Ok(disk) => disk,
                Err(error) => return Some(format!("{error:#}")),
            };
            let first_error = disk.first_error.clone();
            samples.disk = Some(disk);
            if first_error.is_some() {
                return first_error;
            }
        }
        None
    }

    /// Reads of one workload, each after a restart of the database.
    fn restarted<Q: Query>(&mut self, target: &Target<Q>, plan: &Plan, request: &Request) -> DiskSamples {
        let items = plan.first_items(DISK_READS);
        let template = format!(
            "measuring {} from disk {{wide_bar}} restart {{human_pos}} of {{human_len}}, {{eta}} left",
            target.name
        );
        self.console.step(&format!("reading {} from disk ...", target.name));
        let bar = self.console.progress(items.len() as u64, &template);
        let mut restart = || {
            self.servers.restart_mysql()?;
            let watch = connect::connect(self.servers.mysql()?)?;
            Ok(Fresh { client: self.reader(target, &[], request.ttl)?, watch })
        };
        let mut samples = disk::measure(&items, &mut restart, &mut || bar.inc(1));
        bar.finish_and_clear();
        samples.storage = self.servers.storage_of("users");
        samples
    }
}
