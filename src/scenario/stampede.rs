//! Many clients, one popular value that expires again and again: how many of them run to the
//! database?

mod expiries;
mod page;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::expiries::Expiries;
use super::ScenarioError;
use super::answers::Answers;
use super::database::Loads;
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::{self, Arm, Spread};
use super::run_clients::RunTime;
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{ArmClients, ArmSetup, Strategy};
use crate::cache::{Cache, Options};
use crate::samples::latencies::Latencies;

/// The one row that every client reads.
const HOT: u32 = 0;
/// Read by all before anything counts, so that every connection is open.
const PRIMER: u32 = 1;
const ROWS: u32 = 2;
const PRIMING: Duration = Duration::from_millis(500);
const TTL: Duration = Duration::from_millis(600);
const LOAD_DELAY: Duration = Duration::from_millis(40);
/// The mean pause of a client between two reads: less than a load takes, so that an expiry meets
/// them all.
const PAUSE: Duration = Duration::from_millis(20);
/// A read that took so long has loaded, or has waited for a load. A hit takes a hundredth of it.
const WAITED_FROM: Duration = Duration::from_millis(20);
/// The loads that begin so soon after the first are for one expiry: a value lives nine tenths of
/// its time at least.
const ONE_EXPIRY: Duration = Duration::from_millis(200);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "stampede",
    meaning: "a popular value expires, and every client that wants it asks the database at the same time",
    arms: &[
        ArmKind::Whole(Strategy::Naive),
        ArmKind::Whole(Strategy::Lease),
        ArmKind::LeaseNoMutex,
        ArmKind::Whole(Strategy::LeaseEarly),
    ],
    rows: ROWS,
    missing_rows: 0,
    clients: 64,
    processes: 4,
    duration_s: 10,
    durations_per_arm: 1,
    provokes: Provokes::Nothing,
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
    /// The number of times that the value was gone, or about to go, and was loaded anew.
    pub(crate) expiries: u64,
    /// Loads for one of them, on average; null where nothing was loaded.
    pub(crate) loads_per_expiry: Option<f64>,
    /// The most loads for one of them.
    pub(crate) most_loads_in_an_expiry: u64,
    /// Reads that took `waited_from_ms` or longer: they have loaded, or have waited for a load.
    /// What is loaded behind the readers' backs is no read.
    pub(crate) waited_reads: u64,
    /// The time that these took; null if there were none.
    pub(crate) wait_ms: Option<Spread>,
    /// Loads ahead of the expiry; null where the arm does not use the library.
    pub(crate) early_refreshes: Option<u64>,
    /// The library's reads that found no value, and those that waited for somebody else's load; one
    /// may be both, and without any no reader waited; null as above.
    pub(crate) found_nothing: Option<u64>,
    /// The library's loads that fill nothing: Redis did not answer, or waiting took too long; null
    /// as above.
    pub(crate) excused_loads: Option<u64>,
}

fn config(_setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("ttl_ms", ms(TTL)),
        ("load_delay_ms", ms(LOAD_DELAY)),
        ("read_pause_ms", ms(PAUSE)),
        ("waited_from_ms", ms(WAITED_FROM)),
    ]
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::logged(ROWS));
    let early_refresh = if arm.kind == ArmKind::Whole(Strategy::LeaseEarly) { 1.0 } else { 0.0 };
    let options = Options::default().ttl(TTL).early_refresh(early_refresh);
    let setup = ArmSetup { load_delay: LOAD_DELAY, ..arm.setup(&loads, options) };
    let ArmClients { clients, background, usage } = arm.arm_clients(&setup, arm.setting.clients)?;
    let mut readers = arm.prepare(PRIMING, arm.readers(clients), prime)?;
    if let Some(reader) = readers.first_mut() {
        // That nothing is there before the first load is no expiry.
        let _ = reader.client.read(HOT);
    }
    loads.forget();
    let before = LibraryCounts::of(usage.caches());
    let seen = arm.work(readers, read)?;
    drop(background);
    let (answers, waits): (Vec<Answers>, Vec<Latencies>) = seen.into_iter().unzip();
    let library = before.zip(LibraryCounts::of(usage.caches())).map(|(before, after)| after.since(before));
    let found = Found::new(Expiries::of(&loads.begun(), ONE_EXPIRY), loads.all(), &waits, library);
    Ok(Answers::sum(answers).into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found))
}

impl Found {
    fn new(expiries: Expiries, loads: u64, waits: &[Latencies], library: Option<LibraryCounts>) -> Self {
        let mut all = Latencies::new();
        waits.iter().for_each(|waits| all.merge(waits));
        Self {
            expiries: expiries.count,
            loads_per_expiry: document::share(loads, expiries.count),
            most_loads_in_an_expiry: expiries.most_loads,
            waited_reads: all.count(),
            wait_ms: Spread::of(&all),
            early_refreshes: library.map(|counts| counts.early_refreshes),
            found_nothing: library.map(|counts| counts.found_nothing),
            excused_loads: library.map(|counts| counts.excused_loads),
        }
    }
}

/// Counts of the library itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LibraryCounts {
    /// Loads ahead of the expiry.
    early_refreshes: u64,
    /// Reads that found no value, and those that waited for a load of another reader; one may be
    /// both.
    found_nothing: u64,
    /// Loads that no reader was asked to wait for: Redis failed, waiting took too long, or the
    /// value could not be kept.
    excused_loads: u64,
}

impl LibraryCounts {
    /// The counts of all processes together; none in an arm without the library.
    fn of(caches: &[Cache]) -> Option<Self> {
        let add = |sum: Self, cache: &Cache| {
            let stats = cache.stats();
            Self {
                early_refreshes: sum.early_refreshes + stats.early_refreshes,
                found_nothing: sum.found_nothing + stats.misses + stats.waits,
                excused_loads: sum.excused_loads + stats.bypasses + stats.fills_skipped,
            }
        };
        (!caches.is_empty()).then(|| caches.iter().fold(Self::default(), add))
    }

    /// The difference to an earlier count.
    fn since(self, before: Self) -> Self {
        Self {
            early_refreshes: self.early_refreshes.saturating_sub(before.early_refreshes),
            found_nothing: self.found_nothing.saturating_sub(before.found_nothing),
            excused_loads: self.excused_loads.saturating_sub(before.excused_loads),
        }
    }
}

/// A client opens its connections. A failure here shows up soon enough.
fn prime(mut reader: Reader, run_time: &RunTime) -> Reader {
    while run_time.goes_on() {
        let _ = reader.client.read(PRIMER);
        run_time.pause(PAUSE);
    }
    reader
}

fn read(mut reader: Reader, run_time: &RunTime) -> (Answers, Latencies) {
    let (mut answers, mut waits) = (Answers::default(), Latencies::new());
    reader.repeat(run_time, PAUSE, |reader| {
        let began = run_time.elapsed();
        let answer = reader.client.read(HOT);
        let took = run_time.elapsed().saturating_sub(began);
        if answers.book(HOT, true, answer) && took >= WAITED_FROM {
            waits.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    });
    (answers, waits)
}
