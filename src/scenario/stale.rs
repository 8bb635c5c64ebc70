//! Readers against writers on a few hot rows: who gets to read what was already replaced?

mod tally;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use self::tally::Tally;
use super::arms::{Client, Fate, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::Loads;
use super::experiment::{self, Ids};
use super::keys::Keys;
use super::outcome::{Arm, CacheUse, Findings, Outcome, Staleness, WhenQuiet};
use super::setting::{Setting, ms};
use super::version_floor::Floors;
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::cli::ScenarioName;

/// One after the other, each with the machine to itself: nothing that is compared here is a time.
pub(crate) const WAYS: [Way; 6] =
    [Way::Mysql, Way::Naive, Way::NaiveDoubleDelete, Way::Lock, Way::Lease, Way::LeaseMarker];
const DEFAULT_READERS: u16 = ScenarioName::Stale.defaults().clients;
/// For each arm.
const DEFAULT_DURATION_S: u16 = ScenarioName::Stale.defaults().duration_s;
/// So many readers for each writer.
const READERS_PER_WRITER: u16 = 4;
/// Each with a cache of its own.
const PROCESSES: u16 = 4;
const KEYS: u32 = 64;
const LOAD_DELAY: Duration = Duration::from_millis(2);
/// What a writer waits on average between two writes.
const WRITE_PAUSE: Duration = Duration::from_millis(4);
/// Longer than a load takes, as the custom has it; shorter than readers are patient.
const SECOND_DELETE_AFTER: Duration = Duration::from_millis(20);
/// One write in so many ends with the writer's death after its COMMIT.
const WRITES_PER_DEATH: u32 = 1_000;
/// So many writers die at the very end, when nobody mends it any more.
const DEATHS_AT_THE_END: u32 = 4;
/// Longer than a COMMIT takes, and as long as a key stays uncached after a death.
const MARKER: Duration = Duration::from_secs(1);
/// Longer than an experiment of the default length.
const TTL: Duration = Duration::from_secs(60);

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_READERS, DEFAULT_DURATION_S)
}

fn writers(setting: &Setting) -> u16 {
    setting.clients.div_ceil(READERS_PER_WRITER)
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = setting(request);
    let own = [
        ("writers", u64::from(writers(&setting))),
        ("keys", u64::from(KEYS)),
        ("load_delay_ms", ms(LOAD_DELAY)),
        ("write_pause_ms", ms(WRITE_PAUSE)),
        ("second_delete_after_ms", ms(SECOND_DELETE_AFTER)),
        ("writes_per_death", u64::from(WRITES_PER_DEATH)),
        ("deaths_at_the_end", u64::from(DEATHS_AT_THE_END)),
        ("ttl_ms", ms(TTL)),
        ("marker_ms", ms(MARKER)),
    ];
    setting.config(PROCESSES).into_iter().chain(own).collect()
}

/// Runs every arm, or as many as there is time for before an interrupt.
pub(crate) fn run(
    ground: &Ground<'_>,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Outcome, ScenarioError> {
    let setting = setting(request);
    let arms =
        experiment::run(ground, &Ids::of_rows(KEYS), WAYS.map(|way| (way.name(), way)), |way, keys| {
            arm(ground, &setting, way, keys, progress)
        })?;
    Ok(Outcome { verdict: verdict::judge(&arms), arms })
}

fn arm(
    ground: &Ground<'_>,
    setting: &Setting,
    way: Way,
    keys: &Keys,
    progress: Progress<'_>,
) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let options = Options::default().ttl(TTL).marker(MARKER);
    let stage = Stage {
        load_delay: LOAD_DELAY,
        second_delete_after: SECOND_DELETE_AFTER,
        ..Stage::new(ground, keys, &loads, options)
    };
    let floors = Floors::new(KEYS);
    let (mut tally, cache) = at_work(&stage, way, setting, &floors, progress)?;
    let database_loads = loads.all();
    let dead_at_the_end = last_deaths(&stage, way, &mut tally)?;
    let when_quiet = look_around(&stage, way, &floors, &mut tally)?;
    Ok(Arm {
        name: way.name(),
        reads: tally.reads,
        failed_reads: tally.failed_reads,
        wrong_reads: tally.wrong_reads,
        database_loads,
        writes: tally.writes,
        failed_writes: tally.failed_writes,
        first_error: tally.first_error,
        failed_by_database: tally.failed_by_database,
        cache,
        obstacle: None,
        findings: Findings::Stale(Staleness {
            stale_reads: tally.stale_reads,
            ages: tally.ages,
            non_monotonic_reads: tally.non_monotonic_reads,
            dead_writers: tally.dead_writers + dead_at_the_end,
            when_quiet,
        }),
    })
}

/// Readers and writers at the same time, until time is over. When this returns, nothing goes on any more.
fn at_work(
    stage: &Stage<'_>,
    way: Way,
    setting: &Setting,
    floors: &Floors,
    progress: Progress<'_>,
) -> Result<(Tally, Option<CacheUse>), ScenarioError> {
    let clients = usize::from(setting.clients + writers(setting));
    let Team { clients, background, usage } = stage.team(way, clients, usize::from(PROCESSES))?;
    let numbered = clients.into_iter().zip(0u64..).collect();
    let work = |(mut client, number): (Box<dyn Client>, u64), shift: &Shift| {
        // The same choices in every arm.
        let mut rng = setting.rng(number);
        if number < u64::from(setting.clients) {
            read(client.as_mut(), &mut rng, floors, shift)
        } else {
            write(client.as_mut(), &mut rng, floors, shift)
        }
    };
    let tallies =
        crowd::work(numbered, setting.duration, work, &mut |elapsed| progress(way.name(), elapsed))?;
    // Waits for the last of the delayed DELs.
    drop(background);
    Ok((tallies.into_iter().fold(Tally::new(0), Tally::with), usage.seen(false)))
}

fn read(client: &mut dyn Client, rng: &mut StdRng, floors: &Floors, shift: &Shift) -> Tally {
    let mut tally = Tally::new(KEYS);
    while shift.goes_on() {
        let id = rng.random_range(0..KEYS);
        let floor = floors.of(id);
        let began = shift.elapsed();
        let answer = client.read(id);
        let failed = answer.is_err();
        tally.book_read(id, floor, answer, |version| floors.age(id, version, began));
        if failed {
            // A server that is gone answers at once.
            shift.pause(Duration::from_millis(1));
        }
    }
    tally
}

fn write(client: &mut dyn Client, rng: &mut StdRng, floors: &Floors, shift: &Shift) -> Tally {
    let mut tally = Tally::new(0);
    while shift.goes_on() {
        let id = rng.random_range(0..KEYS);
        let dies = rng.random_range(0..WRITES_PER_DEATH) == 0;
        let fate = if dies { Fate::DiesAfterCommit } else { Fate::Returns };
        let written = client.write(id, fate);
        // What a writer does not return from, nobody is promised to see.
        if let (Ok(version), Fate::Returns) = (&written, fate) {
            floors.raise(id, *version, shift.elapsed());
        }
        tally.book_write(fate, written);
        shift.pause(WRITE_PAUSE.mul_f64(2.0 * rng.random::<f64>()));
    }
    tally
}

/// A few more writers, of rows that are cached, who die after their COMMIT. Nobody comes after them.
fn last_deaths(stage: &Stage<'_>, way: Way, tally: &mut Tally) -> Result<u64, ScenarioError> {
    let mut team = stage.team(way, 1, 1)?;
    let mut deaths = 0;
    for client in &mut team.clients {
        for id in 0..DEATHS_AT_THE_END {
            let outcome = client.read(id).and_then(|_| client.write(id, Fate::DiesAfterCommit));
            match outcome {
                Ok(_) => deaths += 1,
                Err(error) => tally.note(&error),
            }
        }
    }
    Ok(deaths)
}

/// Compares every cached value with the committed row. What cannot be looked at is a failed read.
fn look_around(
    stage: &Stage<'_>,
    way: Way,
    floors: &Floors,
    tally: &mut Tally,
) -> Result<WhenQuiet, ScenarioError> {
    let mut database = stage.database()?;
    let mut inspector = stage.inspector(way)?;
    let mut found = WhenQuiet::default();
    for id in 0..KEYS {
        let cached = match inspector.cached(id) {
            Ok(Some(cached)) => cached,
            Ok(None) => continue,
            Err(error) => {
                tally.failed_reads += 1;
                tally.note(&error);
                continue;
            }
        };
        if database.committed(id)?.as_ref() != Some(&cached) {
            found.stale_keys += 1;
            found.missed_a_returned_write += u64::from(cached.version < floors.of(id));
        }
    }
    Ok(found)
}
