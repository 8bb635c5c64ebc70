//! `rcache bench`: repeated reads, MySQL only against Redis-cached, as a page, a document and a
//! file.

use super::Outcome;
use super::console::Console;
use super::dry_run;
use super::json;
use super::left::{self, Left, Made};
use super::outputs::{Outputs, report_saved, show};
use super::runs;
use super::seed;
use super::servers::{Need, Servers};
use crate::bench::arguments::{assertions, check_paths, check_users, requested, wait_until};
use crate::bench::request::Request;
use crate::bench::typed_query::{self, Typed};
use crate::bench::{self as stage, Measured, QueryEntries, Ready};
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::model::{Judgement, ReadPath};
use crate::report;
use crate::units;

pub(super) fn run(arguments: &cli::Bench, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let mut request = requested(arguments, settings)?;
    check_paths(&request, settings)?;
    let typed = typed_query::typed(&arguments.own, arguments.runs)?;
    let assertions = assertions(arguments, &request, &typed)?;
    if arguments.own.dry_run {
        return dry_run(&request, &typed, settings, console);
    }
    if let Some(number) = arguments.one_of_runs {
        return one_of_runs(number, arguments, request, &typed, settings, console);
    }
    request.assertions = assertions;
    let outputs = Outputs::create(arguments, settings)?;
    let (measured, servers) = match arguments.runs {
        1 => measure(arguments, &request, &typed, settings, console)
            .map(|(run, servers)| (run, Some(servers)))?,
        runs => match runs::measure(runs, &request.assertions, console) {
            Ok(measured) => (measured, None),
            Err(error) => {
                Left::report(settings, Need::Both, Made::default(), console);
                return Err(error);
            }
        },
    };
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
    let shown = show(page_to, &text, console);
    let all_saved = report_saved(saved, console);
    shown?;
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
    console.result(&dry_run::report(&queries, request, settings.format)?)?;
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
    let mut ready = Ready::new(servers, settings, console, reads_users)?;
    if reads_users {
        check_users(arguments, request, ready.data()?)?;
        ready.flush()?;
    }
    ready.add_queries(queries, request)?;
    if let Some(time) = request.start_at {
        wait_until(time, console)?;
    }
    let entries = if arguments.own.keep { QueryEntries::Kept } else { QueryEntries::Removed };
    stage::run(ready, request, entries, None)
}

/// Its document goes to the process that started it, which judges, shows and saves all of them
/// together.
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

/// Wrong answers and failed reads make a command fail, after everything was printed.
pub(super) fn outcome(measured: &Measured, console: &Console) -> Outcome {
    if let Some(error) = &measured.first_error {
        let reads = match measured.failed_reads {
            0 => "the measurement stopped early".to_owned(),
            failed => format!("{} failed", units::counted(failed, "read", "reads")),
        };
        console.error(&format!("{reads}; the first: {error}"));
    }
    let judged = |verdict| measured.run.assertions.iter().any(|assertion| assertion.verdict == verdict);
    if measured.run.interrupted {
        console.warning("interrupted: the numbers cover what was measured until then");
        return Outcome::Interrupted;
    }
    if judged(Judgement::Failed) {
        return Outcome::GateFailed;
    }
    if measured.first_error.is_some() {
        return Outcome::Failed;
    }
    if judged(Judgement::Inconclusive) { Outcome::Undecided } else { Outcome::Fine }
}

/// The paths of a full comparison.
pub(super) const ALL_PATHS: [ReadPath; 3] = [ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm];
