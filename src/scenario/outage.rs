//! Redis stops answering, goes on, is killed, comes back empty: what do readers get, and how soon
//! do hits flow again?

mod page;
mod phases;
mod saboteur;
mod tally;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use self::phases::{Phases, at_all};
use self::saboteur::Saboteur;
use self::tally::Tally;
use super::ScenarioError;
use super::answers;
use super::arms::{APP_TIMEOUT, Team, Way};
use super::crowd::{self, Shift};
use super::database::{Database, Loads, loaded_here};
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::{self, Arm, Spread};
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use crate::cache::Options;
use crate::db::error::DbError;

const KEYS: u32 = 64;
/// The mean pause of a client between two reads.
const PAUSE: Duration = Duration::from_millis(2);
/// Longer than an arm of the default length.
const TTL: Duration = Duration::from_secs(60);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "outage",
    meaning: "Redis stops answering, goes on, is killed, comes back empty; only in the sandbox",
    arms: &[ArmKind::Whole(Way::Mysql), ArmKind::Whole(Way::Naive), ArmKind::Whole(Way::Lease)],
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
    broken_promise: answers::broken,
    proves_nothing: verdict::proves_nothing,
    sections: page::sections,
    figures: page::figures,
    lesson: page::lesson,
};

/// Counts of this scenario alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Found {
    /// `before`, `stopped`, `continued`, `killed`, `restarted`, in this order.
    pub(crate) phases: Vec<Phase>,
    /// The time until hits flow again.
    pub(crate) recovery_ms: Recovery,
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
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let stage = arm.stage(&loads, Options::default().ttl(TTL));
    let Team { clients, background, usage } = arm.team(&stage, arm.setting.clients)?;
    let clients = arm
        .readers(clients)
        .into_iter()
        .map(|reader| Ok(ComparingReader { reader, past: stage.database()? }))
        .collect::<Result<Vec<_>, DbError>>()?;
    let phases = Phases::new();
    let (name, progress, outage) = (arm.name(), arm.progress, arm.setting.duration);
    let sandbox = arm.sandbox.as_deref_mut().ok_or(ScenarioError::NoSandbox)?;
    let mut saboteur = Saboteur::new(sandbox, &phases, outage);
    let work = |reader: ComparingReader, shift: &Shift| reader.read(&phases, shift);
    let seen = crowd::work(clients, phases::length(outage), work, &mut |elapsed| {
        progress(name, elapsed);
        saboteur.look(elapsed);
    });
    saboteur.make_good().map_err(ScenarioError::Sandbox)?;
    drop(background);
    let seen = seen?;
    let [continued, restarted] = phases::RETURNS
        .map(|phase| at_all(seen.iter().map(|tally| tally.first_hit(phase)), phases.began(phase)))
        .map(|recovery| recovery.map(document::ms));
    let (answers, phases) = seen.into_iter().fold(Tally::new(), Tally::with).into_parts();
    let found = Found { phases, recovery_ms: Recovery { continued, restarted } };
    Ok(answers.into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found))
}

/// A client with a connection of its own that goes past the cache: the same thread measures, in the
/// same moments, what a read costs without a cache.
struct ComparingReader {
    reader: Reader,
    past: Database,
}

impl ComparingReader {
    fn read(self, phases: &Phases, shift: &Shift) -> Tally {
        let Self { mut reader, mut past } = self;
        let mut tally = Tally::new();
        reader.repeat(shift, PAUSE, |reader| {
            let id = reader.rng.random_range(0..KEYS);
            if reader.rng.random() {
                by_the_arm(reader, id, phases, shift, &mut tally);
            } else {
                past_the_cache(&mut past, id, phases, shift, &mut tally);
            }
        });
        tally
    }
}

fn by_the_arm(reader: &mut Reader, id: u32, phases: &Phases, shift: &Shift, tally: &mut Tally) {
    let (phase, began, loaded) = (phases.now(), shift.elapsed(), loaded_here());
    let answer = reader.client.read(id);
    let ended = shift.elapsed();
    tally.book(phase.or_met(phases.now()), id, answer, loaded_here() - loaded, began, ended);
}

/// In no count of the arm. If the database fails, the arm's own reads show it.
fn past_the_cache(past: &mut Database, id: u32, phases: &Phases, shift: &Shift, tally: &mut Tally) {
    let (phase, began) = (phases.now(), shift.elapsed());
    if past.committed(id).is_ok() {
        tally.book_past(phase.or_met(phases.now()), shift.elapsed().saturating_sub(began));
    }
}
