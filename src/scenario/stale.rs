//! Readers and writers on a few hot rows: which reads return a row that was already replaced?

mod page;
mod tally;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use self::tally::Tally;
use super::ScenarioError;
use super::database::Loads;
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::{Arm, Spread};
use super::run_clients::RunTime;
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{ArmClients, ArmSetup, Strategy, WriterOutcome};
use super::version_floor::Floors;
use crate::cache::Options;
use crate::samples::cache_use::CacheUse;

/// Readers for each writer.
const READERS_PER_WRITER: u16 = 4;
const KEYS: u32 = 64;
const LOAD_DELAY: Duration = Duration::from_millis(2);
/// The mean pause of a writer between two writes.
const WRITE_PAUSE: Duration = Duration::from_millis(4);
/// Longer than a load takes, as is usual; shorter than readers are patient.
const SECOND_DELETE_AFTER: Duration = Duration::from_millis(20);
/// One write in so many ends with the writer's death after its COMMIT.
const WRITES_PER_DEATH: u32 = 1_000;
/// So many writers die at the very end, when no later write mends it.
const DEATHS_AT_THE_END: u32 = 4;
/// Longer than a COMMIT takes, and as long as a key stays uncached after a death.
const MARKER: Duration = Duration::from_secs(1);
/// Longer than an experiment of the default length.
const TTL: Duration = Duration::from_secs(60);
/// After a failed read: a server that is gone answers immediately.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(1);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "stale",
    meaning: "reads return rows that a write has replaced: a reader stores the old row after the writer removed the entry",
    // One after the other, each with the machine to itself: nothing that is compared here is a
    // time.
    arms: &[
        ArmKind::Whole(Strategy::Mysql),
        ArmKind::Whole(Strategy::Naive),
        ArmKind::Whole(Strategy::NaiveDoubleDelete),
        ArmKind::Whole(Strategy::Lock),
        ArmKind::Whole(Strategy::Lease),
        ArmKind::Whole(Strategy::LeaseMarker),
    ],
    rows: KEYS,
    missing_rows: 0,
    clients: 16,
    processes: 4,
    duration_s: 2,
    durations_per_arm: 1,
    provokes: Provokes::Writes,
    needs: Needs::AnyServers,
    config,
    run,
    broken_promise: verdict::broken_promise,
    proves_nothing: verdict::proves_nothing,
    sections: page::sections,
    figures: page::figures,
    lesson: page::lesson,
};

/// Counts of this scenario alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Found {
    /// Reads that returned a version older than one whose write had returned before the read began.
    pub(crate) stale_reads: u64,
    /// The share of reads that were stale; where none was, null, and the bound below says what that
    /// is worth.
    pub(crate) stale_share: Option<f64>,
    /// If no read was stale: 3/N, below which the true share lies with 95 % certainty.
    pub(crate) stale_share_below: Option<f64>,
    /// The time between the return of the write that a stale read missed and the beginning of the
    /// read; null if none was stale.
    pub(crate) stale_age_ms: Option<Spread>,
    /// Cached values that differ from the committed row when all is over.
    pub(crate) stale_keys_when_quiet: u64,
    /// Those of them that miss a write that had returned; the others miss what a writer committed
    /// that then died.
    pub(crate) stale_keys_that_miss_a_returned_write: u64,
    /// Reads that returned an older version than the same reader had seen of the same row before.
    pub(crate) non_monotonic_reads: u64,
    /// Writers that died after their COMMIT.
    pub(crate) dead_writers: u64,
}

fn config(setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("writers", u64::from(writers(setting))),
        ("keys", u64::from(KEYS)),
        ("load_delay_ms", ms(LOAD_DELAY)),
        ("write_pause_ms", ms(WRITE_PAUSE)),
        ("second_delete_after_ms", ms(SECOND_DELETE_AFTER)),
        ("writes_per_death", u64::from(WRITES_PER_DEATH)),
        ("deaths_at_the_end", u64::from(DEATHS_AT_THE_END)),
        ("ttl_ms", ms(TTL)),
        ("marker_ms", ms(MARKER)),
    ]
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let options = Options::default().ttl(TTL).marker(MARKER);
    let setup = ArmSetup {
        load_delay: LOAD_DELAY,
        second_delete_after: SECOND_DELETE_AFTER,
        ..arm.setup(&loads, options)
    };
    let floors = Floors::new(KEYS);
    let (mut tally, cache) = at_work(arm, &setup, &floors)?;
    let database_loads = loads.all();
    let deaths = last_deaths(&setup, arm.kind.strategy(), &mut tally)?;
    tally.dead_writers += deaths;
    let left = compare_entries(&setup, arm.kind.strategy(), &floors, &mut tally)?;
    Ok(tally.into_arm(arm.kind, database_loads, cache, left))
}

fn writers(setting: &Setting) -> u16 {
    setting.clients.div_ceil(READERS_PER_WRITER)
}

/// Readers and writers at the same time, until time is over. When this returns, nothing goes on any
/// more.
fn at_work(
    arm: &ArmRun<'_>,
    setup: &ArmSetup<'_>,
    floors: &Floors,
) -> Result<(Tally, Option<CacheUse>), ScenarioError> {
    let readers = arm.setting.clients;
    let ArmClients { clients, background, usage } = arm.arm_clients(setup, readers + writers(arm.setting))?;
    let work = |client: Reader, run_time: &RunTime| {
        if client.number < u64::from(readers) {
            read(client, floors, run_time)
        } else {
            write(client, floors, run_time)
        }
    };
    let tallies = arm.work(arm.readers(clients), work)?;
    // Waits for the last of the delayed DELs.
    drop(background);
    Ok((tallies.into_iter().fold(Tally::new(0), Tally::with), usage.seen(arm.asks_missing())))
}

fn read(mut reader: Reader, floors: &Floors, run_time: &RunTime) -> Tally {
    let mut tally = Tally::new(KEYS);
    while run_time.goes_on() {
        let id = reader.rng.random_range(0..KEYS);
        let floor = floors.of(id);
        let began = run_time.elapsed();
        let answer = reader.client.read(id);
        let failed = answer.is_err();
        tally.book_read(id, floor, answer, |version| floors.age(id, version, began));
        if failed {
            run_time.pause(PAUSE_AFTER_FAILURE);
        }
    }
    tally
}

fn write(mut writer: Reader, floors: &Floors, run_time: &RunTime) -> Tally {
    let mut tally = Tally::new(0);
    writer.repeat(run_time, WRITE_PAUSE, |Reader { client, rng, .. }| {
        let id = rng.random_range(0..KEYS);
        let dies = rng.random_range(0..WRITES_PER_DEATH) == 0;
        let writer_outcome = if dies { WriterOutcome::DiesAfterCommit } else { WriterOutcome::Returns };
        let written = client.write(id, writer_outcome);
        // No reader is promised to see a write that did not return.
        if let (Ok(version), WriterOutcome::Returns) = (&written, writer_outcome) {
            floors.raise(id, *version, run_time.elapsed());
        }
        tally.book_write(writer_outcome, written);
    });
    tally
}

/// A few more writers, of rows that are cached, die after their COMMIT, and no other write follows.
fn last_deaths(setup: &ArmSetup<'_>, strategy: Strategy, tally: &mut Tally) -> Result<u64, ScenarioError> {
    let mut arm_clients = setup.arm_clients(strategy, 1, 1)?;
    let mut deaths = 0;
    for client in &mut arm_clients.clients {
        for id in 0..DEATHS_AT_THE_END {
            let outcome = client.read(id).and_then(|_| client.write(id, WriterOutcome::DiesAfterCommit));
            match outcome {
                Ok(_) => deaths += 1,
                Err(error) => tally.note(&error),
            }
        }
    }
    Ok(deaths)
}

/// Cached values that differ from the committed row when all is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LeftStale {
    keys: u64,
    /// Those of them that miss a write that had returned; the others miss only what a dead writer
    /// committed.
    missed_a_returned_write: u64,
}

/// Compares every cached value with the committed row. One that cannot be read is a failed read.
fn compare_entries(
    setup: &ArmSetup<'_>,
    strategy: Strategy,
    floors: &Floors,
    tally: &mut Tally,
) -> Result<LeftStale, ScenarioError> {
    let mut database = setup.database()?;
    let mut inspector = setup.inspector(strategy)?;
    let mut left = LeftStale::default();
    for id in 0..KEYS {
        let cached = match inspector.cached(id) {
            Ok(Some(cached)) => cached,
            Ok(None) => continue,
            Err(error) => {
                tally.answers.failed_reads += 1;
                tally.note(&error);
                continue;
            }
        };
        if database.committed(id)?.as_ref() != Some(&cached) {
            left.keys += 1;
            left.missed_a_returned_write += u64::from(cached.version < floors.of(id));
        }
    }
    Ok(left)
}
