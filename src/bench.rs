//! The stage of `bench` and `demo`: preflight, measure, read from disk, analyse, assemble. Each
//! step takes the values of the one before it.

mod analyse;
pub(crate) mod arguments;
mod assemble;
mod disk;
pub(crate) mod flush;
mod machine;
mod measure;
pub(crate) mod own_query;
mod preflight;
pub(crate) mod request;
mod server_counters;
mod subject;
#[cfg(test)]
mod tests;
pub(crate) mod typed_query;
mod views;

use assemble::Setting;
use request::Request;

pub(crate) use preflight::Ready;

use crate::run_file::{FirstAccesses, Run};
use crate::servers::{environment, node};
use crate::stats::client_saturation;

/// A run, and the failures in it.
pub(crate) struct Measured {
    pub(crate) run: Run,
    /// Reads that failed or answered wrongly.
    pub(crate) failed_reads: u64,
    /// The first of them, in words.
    pub(crate) first_error: Option<String>,
}

/// The fate of the entries of the user's own queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryEntries {
    Removed,
    /// Until they expire.
    Kept,
}

/// Measures every workload; an interrupt or a failure in the middle still gives a run.
pub(crate) fn run(
    mut ready: Ready<'_>,
    request: &Request,
    entries: QueryEntries,
    first_accesses: Option<FirstAccesses>,
) -> anyhow::Result<Measured> {
    let taken = measure::measure(&mut ready, request)?;
    let taken = disk::read(&mut ready, request, taken);
    // Whatever happened, they are not to stay.
    if entries == QueryEntries::Removed
        && let Err(error) = ready.remove_entries(request)
    {
        ready.console.warning(&format!("entries of the query stay in Redis until they expire: {error:#}"));
    }
    let endpoint = ready.servers.mysql()?.clone();
    ready.warnings.extend(node::conclude(&mut ready.mysql, &endpoint));
    let analysed = analyse::analyse(request, client_machine(&ready, request)?, &taken);
    let setting = Setting {
        environment: environment::environment(ready.mysql, ready.redis),
        dataset: ready.expected.map(|expected| expected.data),
        warnings: ready.warnings,
        first_accesses,
    };
    Ok(assemble::assemble(setting, request, taken, analysed))
}

fn client_machine(ready: &Ready<'_>, request: &Request) -> anyhow::Result<client_saturation::Machine> {
    let (mysql, redis) = (&ready.servers.mysql()?.address, &ready.servers.redis()?.address);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    Ok(client_saturation::Machine {
        clients: u64::from(request.clients),
        cores: cores as u64,
        beside_servers: mysql.is_here() || redis.is_here(),
    })
}
