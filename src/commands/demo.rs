//! `rcache demo`: the blog post's story with real servers and honest numbers, and nothing to configure.

use std::path::Path;
use std::time::Duration;

use super::Outcome;
use super::bench::{self, ALL_PATHS};
use super::console::Console;
use super::measurement::Bench;
use super::request::Request;
use super::seed;
use super::servers::{Need, Servers};
use crate::cli::{self, Codec, Cores, Format, ReadPath, Workload};
use crate::config::Settings;
use crate::db::schema::{self, SeedState, Tables};
use crate::db::{connect, seed as loading};
use crate::measure::clock::timed;
use crate::paths::lane::Lane;
use crate::paths::query::AllUsers;
use crate::paths::reader::{CacheOutcome, Reader, Written};
use crate::report;
use crate::report::reading::Accesses;
use crate::users::{DEFAULT_RNG_SEED, DEFAULT_USERS, DataSet};

const TTL: Duration = Duration::from_secs(3600);

pub(super) fn run(arguments: &cli::Demo, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let mut servers = Servers::open(settings, Need::Both, "demo", console)?;
    fill_table(arguments, &servers, console)?;
    let mut bench = Bench::prepare(&mut servers, settings, console)?;
    bench.flush()?;
    let accesses = two_accesses(&bench)?;
    let style = console.page_style();
    if settings.format == Format::Text {
        // Told as it happens: the bench takes a while.
        console.result(&format!("{}\n", report::reading::accesses(&accesses, &style)))?;
    }
    let measured = bench.run(&Request {
        iterations: arguments.iterations,
        clients: 1,
        workloads: vec![Workload::All, Workload::Point],
        paths: ALL_PATHS.to_vec(),
        codecs: Vec::new(),
        verify_hit_percent: None,
        cores: Cores::Steady,
        ttl: TTL,
        rng_seed: DEFAULT_RNG_SEED,
    })?;
    console.result(&match settings.format {
        Format::Text => {
            let numbers = report::text::render(&measured.run, &style);
            format!("{numbers}\n{}", report::reading::meaning(&measured.run, &program(), &style))
        }
        Format::Json => bench::document(&measured.run)?,
    })?;
    servers.stop()?;
    Ok(bench::outcome(&measured, console))
}

/// Schema and seed. Users that are there already are used, unless another number was asked for.
fn fill_table(arguments: &cli::Demo, servers: &Servers, console: &Console) -> anyhow::Result<()> {
    let endpoint = servers.mysql()?;
    let mut conn = connect::connect(endpoint)?;
    let there = match schema::inspect(&mut conn)? {
        Tables::Ours { state: SeedState::Seeded { data, .. }, .. } => Some(data),
        _ => None,
    };
    let fallback = there.unwrap_or(DataSet { users: DEFAULT_USERS, rng_seed: DEFAULT_RNG_SEED });
    let data = arguments.users.map_or(fallback, |users| DataSet { users, ..fallback });
    let (outcome, ns) = timed(|| seed::with_progress(&mut conn, endpoint, data, false, console));
    let seeded = outcome?;
    if seeded != loading::Seeded::Already {
        console.note(&seed::words(seeded, data, &endpoint.database, ns));
    }
    Ok(())
}

/// The blog post's two requests: the first finds no entry, the second finds the one that the first left.
fn two_accesses(bench: &Bench<'_>) -> anyhow::Result<Accesses> {
    let mut reader = bench.reader::<AllUsers>(&[Codec::Arrow], TTL)?;
    let first_ns = access(bench, &mut reader, ReadPath::Cold, CacheOutcome::Miss)?;
    let second_ns = access(bench, &mut reader, ReadPath::Warm, CacheOutcome::Hit)?;
    let mut written = Written::default();
    reader.written().iter().for_each(|(_, more)| written.add(*more));
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    Ok(Accesses {
        first_ns: first_ns as f64,
        second_ns: second_ns as f64,
        users: u64::from(bench.data().users),
        entry_bytes: written.entry_bytes().unwrap_or(0),
    })
}

/// One access, verified outside the timed part.
fn access(
    bench: &Bench<'_>,
    reader: &mut Reader<AllUsers>,
    path: ReadPath,
    expected: CacheOutcome,
) -> anyhow::Result<u64> {
    let lane = Lane::cached(path, Codec::Arrow);
    let (read, ns) = timed(|| reader.read(lane, 0, &mut |_| ()));
    let read = read?;
    anyhow::ensure!(read.answer == bench.data().all(), "an access did not return the users of the data set");
    let found = read.cache;
    anyhow::ensure!(
        found == expected,
        "the access should have been a {expected:?} of the cache and was a {found:?}"
    );
    Ok(ns)
}

/// What was typed to run this program, short: after `scripts/demo` it is not on PATH.
fn program() -> String {
    let typed = std::env::args().next().unwrap_or_else(|| "rcache".to_owned());
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|here| Path::new(&typed).strip_prefix(here).ok());
    let word = below.map_or(typed.clone(), |path| path.display().to_string());
    // To be copied into a shell.
    if word.contains(char::is_whitespace) { format!("'{word}'") } else { word }
}
