//! `rcache demo`: the blog post's story with real servers and honest numbers, and nothing to
//! configure.

use std::path::Path;
use std::time::Duration;

use super::Outcome;
use super::bench::{self, ALL_PATHS};
use super::console::Console;
use super::json;
use super::left::{self, Left, Made};
use super::output_file::OutputFile;
use super::outputs::{self, PageTo};
use super::seed;
use super::servers::{Need, Servers, sandbox_dir};
use crate::advice;
use crate::bench::arguments;
use crate::bench::request::Request;
use crate::bench::{self as stage, QueryEntries, Ready};
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::measure::clock::timed;
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, Cores, ReadPath};
use crate::paths::client::Client;
use crate::paths::query::{AllUsers, Workload};
use crate::paths::reader::{CacheOutcome, Reader};
use crate::report::demo::{self, Opening};
use crate::report::render::terminal;
use crate::run_file::FirstAccesses;
use crate::sandbox;
use crate::users::DEFAULT_RNG_SEED;

const TTL: Duration = Duration::from_secs(3600);

pub(super) fn run(arguments: &cli::Demo, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let html = outputs::html_file(&arguments.picture, settings)?;
    let mut servers = Servers::open(settings, Need::Both, "demo", console)?;
    let filled = seed::fill(&servers, arguments.users, console);
    let mut made = Made { tables: servers.mysql_in_sandbox || filled.is_ok(), entries: None };
    let outcome = filled.and_then(|()| told((&mut servers, &mut made), arguments, html, settings, console));
    match outcome {
        Ok(outcome) => {
            servers.stop()?;
            Left::report(settings, Need::Both, made, console);
            Ok(outcome)
        }
        Err(error) => {
            drop(servers);
            Left::report(settings, Need::Both, made, console);
            Err(error)
        }
    }
}

/// Everything between a filled table and the end; `made` says what is left on the servers.
fn told(
    (servers, made): (&mut Servers, &mut Made),
    arguments: &cli::Demo,
    html: Option<OutputFile>,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let page_to = PageTo::beside(&html);
    let show = |text: &str| outputs::show(page_to, text, console);
    let mut ready = Ready::new(servers, settings, console, true)?;
    ready.flush()?;
    let [first_ns, second_ns] = two_accesses(&ready)?;
    made.entries = Some(TTL);
    let screen = console.screen();
    let command = advice::command;
    if settings.format == Format::Text {
        let (mysql, redis) = ready.described();
        let opening = Opening {
            mysql,
            redis,
            sandbox: if mysql.sandbox || redis.sandbox { usage(settings)? } else { None },
            users: u64::from(ready.data()?.users),
            first_ns,
            second_ns,
        };
        // Shown before the bench, which takes a while.
        show(&format!("{}\n", terminal::render(&demo::opening(&opening, &command), &screen)))?;
    }
    let measured = stage::run(
        ready,
        &Request {
            amount: arguments::amount(&arguments.amount),
            clients: 1,
            workloads: vec![Workload::All, Workload::Point],
            paths: ALL_PATHS.to_vec(),
            codecs: Vec::new(),
            verify_hit_percent: None,
            distance: None,
            cores: Cores::Steady,
            ttl: TTL,
            share: None,
            start_at: None,
            assertions: Vec::new(),
            rng_seed: DEFAULT_RNG_SEED,
        },
        QueryEntries::Removed,
        Some(FirstAccesses { mysql_ns: first_ns, redis_ns: second_ns }),
    )?;
    let document = json::pretty(&measured.run)?;
    let saved = html.map(|file| outputs::save_html(file, "demo", &document, &measured.run));
    let shown = show(&match settings.format {
        Format::Text => terminal::render(&demo::closing(&measured.run, &command), &screen),
        Format::Json => document,
    });
    let all_saved = outputs::report_saved(saved.into_iter().collect(), console);
    made.entries = made.entries.or(left::entries_of(&measured.run, TTL));
    shown?;
    Ok(bench::outcome(&measured, console).and_saved(all_saved))
}

/// The blog post's two requests: the first finds no entry, the second finds the one that the first
/// left.
fn two_accesses(ready: &Ready<'_>) -> anyhow::Result<[f64; 2]> {
    let mut reader = ready.reader(&ready.users::<AllUsers>()?, &[Codec::Arrow], TTL)?;
    let first_ns = access(ready, &mut reader, ReadPath::Cold, CacheOutcome::Miss)?;
    let second_ns = access(ready, &mut reader, ReadPath::Warm, CacheOutcome::Hit)?;
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    Ok([first_ns as f64, second_ns as f64])
}

/// One access, verified outside the timed part.
fn access(
    ready: &Ready<'_>,
    reader: &mut Reader<AllUsers>,
    path: ReadPath,
    expected: CacheOutcome,
) -> anyhow::Result<u64> {
    let series = Series::cached(path, Codec::Arrow);
    let (read, ns) = timed(|| reader.read(BlockKind::Series(series), 0, &mut |_| ()));
    // The error's own words name its cause already.
    let read = read.map_err(|error| anyhow::anyhow!("{error}"))?;
    anyhow::ensure!(read.answer == ready.data()?.all(), "an access did not return the users of the data set");
    let found = read.cache;
    anyhow::ensure!(
        found == expected,
        "the access should have been a {expected:?} of the cache and was a {found:?}"
    );
    Ok(ns)
}

/// The folder of the private servers, and the bytes of their data.
fn usage(settings: &Settings) -> anyhow::Result<Option<(String, u64)>> {
    let folder = sandbox_dir(settings)?;
    let report = sandbox::status(&folder)?;
    Ok(report.map(|report| (short(&folder), report.data_bytes)))
}

/// A folder with `~` for the home folder.
fn short(folder: &Path) -> String {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let below = home.as_deref().and_then(|home| folder.strip_prefix(home).ok());
    below.map_or_else(|| folder.display().to_string(), |below| format!("~/{}", below.display()))
}
