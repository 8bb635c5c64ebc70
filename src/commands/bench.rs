//! `rcache bench`: repeated reads, MySQL only against Redis-cached, as a page, a document and a file.

use std::time::Duration;

use anyhow::Context;

use super::Outcome;
use super::console::Console;
use super::measurement::{Bench, Measured, Request};
use super::output_file::OutputFile;
use super::servers::{Need, Servers};
use crate::cli::{self, Format, ReadPath, Workload};
use crate::config::{Settings, UsageError};
use crate::report;
use crate::run_file::Run;
use crate::units;
use crate::users::DataSet;

pub(super) fn run(arguments: &cli::Bench, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let request = request(arguments);
    let output = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    let servers = Servers::open(settings, Need::Both, "bench", console)?;
    let bench = Bench::prepare(&servers, settings, console)?;
    check_users(arguments, bench.data())?;
    let measured = bench.run(&request)?;
    servers.stop()?;
    let document = document(&measured.run)?;
    if let Some(output) = output {
        let path = output.save(&document)?;
        console.note(&format!("Saved the run to {}.", path.display()));
    }
    console.result(&match settings.format {
        Format::Text => report::text::render(&measured.run, &console.page_style()),
        Format::Json => document,
    })?;
    Ok(outcome(&measured, console))
}

fn request(arguments: &cli::Bench) -> Request {
    Request {
        iterations: arguments.iterations,
        clients: arguments.clients,
        workloads: distinct(&arguments.workload),
        paths: distinct(&arguments.path),
        codec: arguments.codec,
        ttl: Duration::from_secs(u64::from(arguments.ttl)),
        rng_seed: arguments.rng_seed,
    }
}

/// In the order of the definition, whatever the order in which they were typed.
fn distinct<T: Copy + Ord>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list.dedup();
    list
}

fn check_users(arguments: &cli::Bench, data: DataSet) -> anyhow::Result<()> {
    if let Some(wanted) = arguments.users.filter(|wanted| *wanted != data.users) {
        anyhow::bail!(
            "the table is seeded with {} users, not {}\n  put {} there with: rcache seed --users {} --force",
            units::count(u64::from(data.users)),
            units::count(u64::from(wanted)),
            units::count(u64::from(wanted)),
            wanted
        );
    }
    let clients = u32::from(arguments.clients);
    if arguments.workload.contains(&Workload::Point) && clients > data.users {
        let message = format!(
            "--clients {clients} needs at least {clients} users, one key for each client; the table holds {}",
            data.users
        );
        return Err(UsageError(message).into());
    }
    Ok(())
}

/// The run file, as one JSON document.
pub(super) fn document(run: &Run) -> anyhow::Result<String> {
    let mut document = serde_json::to_string_pretty(run).context("cannot write the run as JSON")?;
    document.push('\n');
    Ok(document)
}

/// Wrong answers and failed reads make a command fail, after everything was printed.
pub(super) fn outcome(measured: &Measured, console: &Console) -> Outcome {
    if let Some(error) = &measured.first_error {
        let reads = match measured.failed_reads {
            0 => "the measurement stopped early".to_owned(),
            1 => "1 read failed".to_owned(),
            many => format!("{} reads failed", units::count(many)),
        };
        console.error(&format!("{reads}; the first: {error}"));
        return Outcome::Failed;
    }
    if measured.run.interrupted {
        console.warning("interrupted: the numbers cover what was measured until then");
        return Outcome::Interrupted;
    }
    Outcome::Fine
}

/// The paths of a full comparison.
pub(super) const ALL_PATHS: [ReadPath; 3] = [ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm];
