//! `rcache bench`: repeated reads, MySQL only against Redis-cached, as a page, a document and a file.

use std::time::Duration;

use clap::ValueEnum;

use super::Outcome;
use super::console::Console;
use super::dry_run;
use super::json;
use super::left::{self, Left, Made};
use super::measurement::{Bench, Measured};
use super::outputs::{Outputs, PageTo, report_saved};
use super::own_query::{self, Typed};
use super::request::{self, Request};
use super::runs;
use super::seed;
use super::servers::{Need, Servers};
use crate::advice;
use crate::assertion::{self, Assertion};
use crate::cli::{self, Format, ReadPath, Workload};
use crate::config::{Settings, UsageError};
use crate::interrupt;
use crate::measure::keys;
use crate::report;
use crate::stats::distance::Distance;
use crate::units;
use crate::users::DataSet;
use crate::verdict;

pub(super) fn run(arguments: &cli::Bench, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let request = requested(arguments, settings)?;
    check_paths(&request, settings)?;
    let typed = own_query::typed(&arguments.own, arguments.runs)?;
    let assertions = assertions(arguments, &request, &typed)?;
    if arguments.own.dry_run {
        return dry_run(&request, &typed, settings, console);
    }
    if let Some(number) = arguments.one_of_runs {
        return one_of_runs(number, arguments, request, &typed, settings, console);
    }
    let outputs = Outputs::create(arguments, settings)?;
    let (mut measured, servers) = match arguments.runs {
        1 => measure(arguments, &request, &typed, settings, console)
            .map(|(run, servers)| (run, Some(servers)))?,
        runs => match runs::measure(runs, console) {
            Ok(measured) => (measured, None),
            Err(error) => {
                Left::report(settings, Need::Both, Made::default(), console);
                return Err(error);
            }
        },
    };
    measured.run.assertions =
        assertions.iter().flat_map(|assertion| verdict::judge(assertion, &measured.run)).collect();
    let document = json::pretty(&measured.run)?;
    // Whatever goes wrong from here on, the numbers are shown first.
    let outputs_are_saved = arguments.output.is_some();
    let (page_to, saved) = outputs.save(&document, &measured.run);
    let text = match settings.format {
        Format::Text => {
            let page = match outputs_are_saved {
                true => report::bench::page_of_saved(&measured.run, console.detail_of_pages()),
                false => report::bench::page(&measured.run, console.detail_of_pages()),
            };
            console.render(&page, settings.page_format)
        }
        Format::Json => document,
    };
    match page_to {
        PageTo::Stdout => console.result(&text)?,
        PageTo::Stderr => console.raw(&text),
    }
    let all_saved = report_saved(saved, console);
    servers.map_or(Ok(()), Servers::stop)?;
    let tables = !request.workloads.is_empty();
    let entries = left::entries_of(&measured.run, request.ttl).filter(|_| tables || arguments.own.keep);
    let made = Made { tables, entries };
    Left::report(settings, Need::Both, made, console);
    Ok(outcome(&measured, console).and_saved(all_saved))
}

/// Prepares and explains, and reads nothing.
fn dry_run(
    request: &Request,
    typed: &[Typed],
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let servers = Servers::open(settings, Need::Mysql, "bench --dry-run", console)?;
    let queries = typed.iter().map(|typed| typed.prepare(&servers, request.rng_seed));
    let queries = queries.collect::<anyhow::Result<Vec<_>>>()?;
    servers.stop()?;
    console.result(&dry_run::report(&queries, request, settings.format))?;
    Ok(Outcome::Fine)
}

/// One run, and the servers that it was measured on.
fn measure(
    arguments: &cli::Bench,
    request: &Request,
    typed: &[Typed],
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<(Measured, Servers)> {
    let mut servers = if request.reads_from_disk() {
        Servers::open_to_restart(settings, "bench --path disk", console)?
    } else {
        Servers::open(settings, Need::Both, "bench", console)?
    };
    match measure_on(&mut servers, arguments, request, typed, settings, console) {
        Ok(measured) => Ok((measured, servers)),
        Err(error) => {
            // The tables of the sandbox alone are this command's.
            let made =
                Made { tables: servers.mysql_in_sandbox && !request.workloads.is_empty(), ..Made::default() };
            drop(servers);
            if arguments.one_of_runs.is_none() {
                Left::report(settings, Need::Both, made, console);
            }
            Err(error)
        }
    }
}

fn measure_on(
    servers: &mut Servers,
    arguments: &cli::Bench,
    request: &Request,
    typed: &[Typed],
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Measured> {
    let reads_users = !request.workloads.is_empty();
    if reads_users {
        seed::fill_sandbox(servers, arguments.users, console)?;
    }
    let queries = typed.iter().map(|typed| typed.prepare(servers, request.rng_seed));
    let queries = queries.collect::<anyhow::Result<Vec<_>>>()?;
    let mut bench = Bench::prepare(servers, settings, console, reads_users)?;
    if reads_users {
        check_users(arguments, request, bench.data()?)?;
        bench.flush()?;
    }
    bench.add_queries(queries, request)?;
    if let Some(time) = request.start_at {
        wait_until(time, console)?;
    }
    bench.run(request, arguments.own.keep)
}

/// Waits, unless the time is past: what was prepared may have taken longer.
fn wait_until(time: jiff::Timestamp, console: &Console) -> anyhow::Result<()> {
    /// How long an interrupt may go unnoticed.
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

/// Its document goes to the process that started it, which judges, shows and saves all of them together.
fn one_of_runs(
    number: u16,
    arguments: &cli::Bench,
    mut request: Request,
    typed: &[Typed],
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let console = if number > 1 { console.without_notes() } else { *console };
    request.rng_seed = request.rng_seed.wrapping_add(u64::from(number) - 1);
    let (measured, servers) = measure(arguments, &request, typed, settings, &console)?;
    console.result(&json::pretty(&measured.run)?)?;
    servers.stop()?;
    // That it was interrupted is said by the process that started it.
    match measured.run.interrupted {
        true => Ok(Outcome::Interrupted),
        false => Ok(outcome(&measured, &console)),
    }
}

fn requested(arguments: &cli::Bench, settings: &Settings) -> Result<Request, UsageError> {
    let workloads = match arguments.workload.as_slice() {
        [] if own_query::is_alone(arguments) => Vec::new(),
        [] => vec![Workload::All, Workload::Point],
        typed => distinct(typed),
    };
    Ok(Request {
        amount: request::amount(&arguments.amount),
        clients: arguments.clients,
        workloads,
        paths: distinct(&arguments.path),
        codecs: distinct(&arguments.codec),
        verify_hit_percent: arguments.verify_hit_ratio,
        distance: arguments
            .distance
            .map(|cli::Distance { mysql_ns, redis_ns }| Distance { mysql_ns, redis_ns }),
        cores: arguments.cores,
        ttl: Duration::from_secs(u64::from(arguments.ttl)),
        share: own_query::share(&arguments.own, settings.mysql()?.is_none()),
        rng_seed: arguments.rng_seed,
        start_at: arguments.start_at,
    })
}

/// Paths that need others, or a database of our own.
fn check_paths(request: &Request, settings: &Settings) -> Result<(), UsageError> {
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

/// Taken apart before the run: nobody wants to wait for a typing error.
fn assertions(
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
            format!("{name:?} is no workload ({})", known.join(", "))
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

fn check_users(arguments: &cli::Bench, request: &Request, data: DataSet) -> anyhow::Result<()> {
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

/// Wrong answers and failed reads make a command fail, after everything was printed.
pub(super) fn outcome(measured: &Measured, console: &Console) -> Outcome {
    if let Some(error) = &measured.first_error {
        let reads = match measured.failed_reads {
            0 => "the measurement stopped early".to_owned(),
            failed => format!("{} failed", units::counted(failed, "read", "reads")),
        };
        console.error(&format!("{reads}; the first: {error}"));
    }
    let judged = |verdict: &str| measured.run.assertions.iter().any(|assertion| assertion.verdict == verdict);
    if measured.run.interrupted {
        console.warning("interrupted: the numbers cover what was measured until then");
        return Outcome::Interrupted;
    }
    if judged("failed") {
        return Outcome::GateFailed;
    }
    if measured.first_error.is_some() {
        return Outcome::Failed;
    }
    if judged("inconclusive") { Outcome::Undecided } else { Outcome::Fine }
}

/// The paths of a full comparison.
pub(super) const ALL_PATHS: [ReadPath; 3] = [ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm];
