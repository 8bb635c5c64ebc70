//! Redis stops answering, goes on, is killed, comes back empty; a cluster loses a primary, or moves
//! its slots: what do readers get, and how soon do hits flow again?

mod fault_injector;
mod on_cluster;
mod page;
mod phases;
mod tally;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use self::fault_injector::FaultInjector;
use self::phases::{Phases, at_all};
use self::tally::{Read, Tally};
use super::ScenarioError;
use super::database::{Database, Loads, loaded_here};
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::{self, Arm, Spread};
use super::run_clients::{self, RunTime};
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{APP_TIMEOUT, ArmClients, Strategy};
use crate::cache::Options;
use crate::db::error::DbError;

const KEYS: u32 = 64;
/// The mean pause of a client between two reads.
const PAUSE: Duration = Duration::from_millis(2);
/// Longer than an arm of the default length.
const TTL: Duration = Duration::from_secs(60);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "outage",
    meaning: "Redis stops answering, goes on, is killed, comes back empty; a Redis Cluster loses a primary, or moves \
              slots; only in the sandbox",
    arms: &[
        ArmKind::Whole(Strategy::Mysql),
        ArmKind::Whole(Strategy::Naive),
        ArmKind::Whole(Strategy::Lease),
        ArmKind::Failover,
        ArmKind::Resharding,
    ],
    rows: KEYS,
    missing_rows: 0,
    clients: 8,
    processes: 2,
    // Without Redis; twice as long with it afterwards.
    duration_s: 2,
    durations_per_arm: phases::DURATIONS,
    provokes: Provokes::RedisFailures,
    needs: Needs::PrivateServers,
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
    /// `before`, `stopped`, `continued`, `killed`, `restarted`, in this order; of the arm
    /// `failover` `before`, `killed`, `taken-over`; of `resharding` `before`, `moving`, `moved`.
    pub(crate) phases: Vec<Phase>,
    /// The time until hits flow again on a single server.
    pub(crate) recovery_ms: Recovery,
    /// The event and its effects, in an arm on a cluster; null on a single server.
    #[serde(default)]
    pub(crate) cluster: Option<OnCluster>,
}

impl Found {
    /// Stale reads in all phases.
    fn stale_reads(&self) -> u64 {
        self.phases.iter().filter_map(|phase| phase.stale_reads).sum()
    }
}

/// The event that a cluster went through, and its effects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OnCluster {
    /// The keys of the primary that was killed or gave slots away.
    pub(crate) keys: u64,
    /// The time from the kill until a replica had taken over; null if none did in time, or none was
    /// killed.
    pub(crate) takeover_ms: Option<f64>,
    /// Slots that moved to another primary.
    pub(crate) slots_moved: u64,
    /// The time from the kill, or from the last move, until every client had a hit of one of those
    /// keys again; null if that did not happen in time.
    pub(crate) hits_back_ms: Option<f64>,
    /// The number of times that a node named another one.
    pub(crate) redirects: u64,
}

/// The answers in one phase of an outage; a read belongs to the phase in which it began, or to the
/// outage that it met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Phase {
    /// Its name.
    pub(crate) phase: String,
    /// Reads that were answered.
    pub(crate) reads: u64,
    /// Reads that were not.
    pub(crate) failed_reads: u64,
    /// Reads that were answered without a load.
    pub(crate) hits: u64,
    /// The number of times that the database was asked.
    pub(crate) database_loads: u64,
    /// Reads that returned a version older than one whose write had returned before the read began;
    /// null where nothing is written.
    #[serde(default)]
    pub(crate) stale_reads: Option<u64>,
    /// Until there was an answer, or an error; null where nothing was read.
    pub(crate) latency_ms: Option<Spread>,
    /// The same of reads past the cache, which the same clients made in between and which are in no
    /// other count: what a read costs without a cache, in the same moments.
    pub(crate) past_the_cache_ms: Option<Spread>,
}

/// The time after Redis' return until every client had a hit again; null if that did not happen in
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Recovery {
    /// After it was stopped and continued.
    pub(crate) continued: Option<f64>,
    /// After it was killed and restarted.
    pub(crate) restarted: Option<f64>,
}

fn config(_setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("naive_timeout_ms", ms(APP_TIMEOUT)),
        ("library_connect_timeout_ms", ms(Options::default().connect_timeout)),
        ("library_reply_timeout_ms", ms(Options::default().reply_timeout)),
    ]
    .into_iter()
    .chain(on_cluster::config())
    .collect()
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    match arm.kind {
        ArmKind::Failover => on_cluster::run(arm, on_cluster::Event::Failover),
        ArmKind::Resharding => on_cluster::run(arm, on_cluster::Event::Resharding),
        _ => on_one_server(arm),
    }
}

fn on_one_server(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let setup = arm.setup(&loads, Options::default().ttl(TTL));
    let ArmClients { clients, background, usage } = arm.arm_clients(&setup, arm.setting.clients)?;
    let clients = arm
        .readers(clients)
        .into_iter()
        .map(|reader| Ok(ComparingReader { reader, past: setup.database()? }))
        .collect::<Result<Vec<_>, DbError>>()?;
    let course = Course::default();
    let phases = &course.phases;
    let (name, progress, outage) = (arm.name(), arm.progress, arm.setting.duration);
    let sandbox = arm.sandbox.as_deref_mut().ok_or(ScenarioError::NoSandbox)?;
    let mut fault_injector = FaultInjector::new(sandbox, phases, outage);
    let work = |reader: ComparingReader, run_time: &RunTime| reader.read(&course, run_time);
    let seen = run_clients::run(clients, phases::length(outage), work, &mut |elapsed| {
        progress(name, elapsed);
        fault_injector.look(elapsed);
    });
    fault_injector.make_good().map_err(ScenarioError::Sandbox)?;
    drop(background);
    let seen = seen?;
    let [continued, restarted] = phases::RETURNS
        .map(|phase| at_all(seen.iter().map(|tally| tally.first_hit(phase)), phases.began(phase)))
        .map(|recovery| recovery.map(document::ms));
    let all = seen.into_iter().fold(Tally::new(), Tally::with);
    let (answers, phases) = all.into_parts(&phases::PHASES, false);
    let found = Found { phases, recovery_ms: Recovery { continued, restarted }, cluster: None };
    Ok(answers.into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found))
}

/// The part of an arm that its clients share: the phase that is now, and the rows that are written
/// meanwhile, if any are.
#[derive(Default)]
struct Course {
    phases: Phases,
    written: Option<on_cluster::Written>,
}

/// A client with a connection of its own that goes past the cache: the same thread measures, in the
/// same moments, what a read costs without a cache.
struct ComparingReader {
    reader: Reader,
    past: Database,
}

impl ComparingReader {
    fn read(self, course: &Course, run_time: &RunTime) -> Tally {
        let Self { mut reader, mut past } = self;
        let mut tally = Tally::new();
        reader.repeat(run_time, PAUSE, |reader| {
            let id = reader.rng.random_range(0..KEYS);
            if reader.rng.random() {
                by_the_arm(reader, id, course, run_time, &mut tally);
            } else {
                past_the_cache(&mut past, id, &course.phases, run_time, &mut tally);
            }
        });
        tally
    }
}

fn by_the_arm(reader: &mut Reader, id: u32, course: &Course, run_time: &RunTime, tally: &mut Tally) {
    let Course { phases, written } = course;
    let floor = written.as_ref().map(|written| written.floors.of(id));
    let (phase, began, loaded) = (phases.now(), run_time.elapsed(), loaded_here());
    let answer = reader.client.read(id);
    let ended = run_time.elapsed();
    let read = Read {
        phase: phase.or_met(phases.now()),
        id,
        floor,
        shows_return: written.as_ref().is_none_or(|written| written.shows_return(id, began)),
        loads: loaded_here() - loaded,
        began,
        ended,
    };
    tally.book(&read, answer);
}

/// In no count of the arm. If the database fails, the arm's own reads show it.
fn past_the_cache(past: &mut Database, id: u32, phases: &Phases, run_time: &RunTime, tally: &mut Tally) {
    let (phase, began) = (phases.now(), run_time.elapsed());
    if past.committed(id).is_ok() {
        tally.book_past(phase.or_met(phases.now()), run_time.elapsed().saturating_sub(began));
    }
}
