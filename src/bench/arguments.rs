//! From the arguments of `bench` to a request, and the checks that need no server.

use std::time::Duration;

use clap::ValueEnum;

use super::request::Request;
use super::typed_query::{self, Typed};
use crate::assertion::{self, Assertion};
use crate::config::Settings;
use crate::console::Console;
use crate::measure::keys;
use crate::measure::plan::Amount;
use crate::model::{ReadPath, UsageError};
use crate::paths::query::Workload;
use crate::users::DataSet;
use crate::{advice, cli, interrupt, units};

pub(crate) fn requested(arguments: &cli::Bench, settings: &Settings) -> Result<Request, UsageError> {
    let workloads = match arguments.workload.as_slice() {
        [] if typed_query::is_alone(arguments) => Vec::new(),
        [] => vec![Workload::All, Workload::Point],
        typed => distinct(typed),
    };
    Ok(Request {
        amount: amount(&arguments.amount),
        clients: arguments.clients,
        workloads,
        paths: distinct(&arguments.path),
        codecs: distinct(&arguments.codec),
        verify_hit_percent: arguments.verify_hit_ratio,
        distance: arguments.distance,
        cores: arguments.cores,
        ttl: Duration::from_secs(u64::from(arguments.ttl)),
        share: typed_query::share(&arguments.own, settings.mysql()?.is_none()),
        rng_seed: arguments.rng_seed,
        start_at: arguments.start_at,
        assertions: Vec::new(),
    })
}

/// The amount of reads that was typed.
pub(crate) fn amount(arguments: &cli::AmountArgs) -> Amount {
    arguments.iterations.map_or(Amount::Time(arguments.time), Amount::Reads)
}

/// Paths that need others, or a database of our own.
pub(crate) fn check_paths(request: &Request, settings: &Settings) -> Result<(), UsageError> {
    if request.reads_from_disk() && settings.mysql()?.is_some() {
        return Err(UsageError(
            "--path disk restarts the database, and rcache restarts none but its own: leave out --mysql-url, or use \
             --sandbox where RCACHE_MYSQL_URL is set"
                .to_owned(),
        ));
    }
    // What is expected at a hit ratio is made of a miss and a hit.
    let missing = [ReadPath::Cold, ReadPath::Warm].into_iter().find(|path| !request.paths.contains(path));
    match missing.filter(|_| request.verify_hit_percent.is_some()) {
        Some(path) => Err(UsageError(format!(
            "--verify-hit-ratio needs the path {} to know what to expect; add it to --path",
            path.name()
        ))),
        None => Ok(()),
    }
}

/// The assertions, parsed before the run, so that a typing error costs no wait.
pub(crate) fn assertions(
    arguments: &cli::Bench,
    request: &Request,
    typed: &[Typed],
) -> Result<Vec<Assertion>, UsageError> {
    arguments.assert.iter().map(|text| assertion(text, request, typed)).collect()
}

fn assertion(text: &str, request: &Request, typed: &[Typed]) -> Result<Assertion, UsageError> {
    let wrong = |what: String| UsageError(format!("--assert {text:?}: {what}"));
    let assertion = assertion::parse(text).map_err(|error| wrong(error.to_string()))?;
    let name = &assertion.workload;
    let is_measured = request.workloads.iter().any(|workload| workload.name() == name)
        || typed.iter().any(|query| query.name == *name);
    if !is_measured {
        let known: Vec<&str> = Workload::value_variants().iter().map(|workload| workload.name()).collect();
        return Err(wrong(if known.contains(&name.as_str()) {
            format!("the workload {name} is not measured; add it to --workload")
        } else {
            let known: Vec<&str> = known.into_iter().chain(typed.iter().map(|q| q.name.as_str())).collect();
            format!("{name:?} is not a workload ({})", known.join(", "))
        }));
    }
    for path in assertion.subject.paths() {
        if !request.paths.contains(path) {
            return Err(wrong(format!("the path {} is not measured; add it to --path", path.name())));
        }
    }
    Ok(assertion)
}

/// In the order of the definition, whatever the order in which they were typed.
fn distinct<T: Copy + Ord>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list.dedup();
    list
}

pub(crate) fn check_users(arguments: &cli::Bench, request: &Request, data: DataSet) -> anyhow::Result<()> {
    if let Some(wanted) = arguments.users.filter(|wanted| *wanted != data.users) {
        anyhow::bail!(
            "the table is seeded with {}, not {}\n  replace them with:{}",
            units::counted(u64::from(data.users), "user", "users"),
            units::count(u64::from(wanted)),
            advice::line(&format!("seed --users {wanted} --force"))
        );
    }
    let clients = u32::from(arguments.clients);
    for workload in request.workloads.iter().copied() {
        let Some(most) = keys::most_clients(workload, data).filter(|most| clients > *most) else { continue };
        let message = format!(
            "--clients {clients} is too many for {}, where each client needs a key of its own: the table holds {}, which \
             make {}; name fewer clients, or seed more users",
            workload.name(),
            units::counted(u64::from(data.users), "user", "users"),
            units::counted(u64::from(most), "key", "keys"),
        );
        return Err(UsageError(message).into());
    }
    Ok(())
}

/// Waits, unless the time is past: what was prepared may have taken longer.
pub(crate) fn wait_until(time: jiff::Timestamp, console: &Console) -> anyhow::Result<()> {
    /// The longest time for which an interrupt goes unnoticed.
    const POLL: Duration = Duration::from_millis(20);
    let left = || Duration::try_from(time.duration_since(jiff::Timestamp::now())).unwrap_or_default();
    if left().is_zero() {
        console
            .warning(&format!("{time} is past: this load generator starts late; choose a later --start-at"));
        return Ok(());
    }
    console.note(&format!("Waiting for {time}."));
    while !left().is_zero() {
        interrupt::check()?;
        std::thread::sleep(left().min(POLL));
    }
    Ok(())
}
