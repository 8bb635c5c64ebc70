//! A load that only the cache makes bearable: after a flush, the database answers every query too
//! late for anyone to use it, so the cache is never filled again, although the load is the same as
//! before (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021).

mod page;
mod timeline;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use self::timeline::Timeline;
use super::ScenarioError;
use super::answers::{self, Answers};
use super::database::{Capacity, Loads};
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::{self, Arm};
use super::keys::KeysGuard;
use super::row::{FIRST_VERSION, Row};
use super::run_clients::RunTime;
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{ArmClients, ArmSetup, Strategy};
use crate::cache::Options;

/// Before the flush.
const BEFORE: Duration = Duration::from_secs(2);
const KEYS: u32 = 1_200;
/// The mean pause of a client between two reads.
const PAUSE: Duration = Duration::from_millis(20);
/// Loads that the database does a second, one after the other.
const LOADS_PER_S: u32 = 300;
/// An application waits so long for a query. The database carries it out all the same.
const PATIENCE: Duration = Duration::from_millis(100);
/// Loads that the library lets run at a time: they wait much less than the patience for each other.
const MAX_LOADS: usize = 8;
/// Longer than an experiment.
const TTL: Duration = Duration::from_secs(3_600);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "metastable",
    meaning: "a load that only the cache makes bearable: after a flush the database never catches up",
    arms: &[ArmKind::Whole(Strategy::Naive), ArmKind::Whole(Strategy::Lease)],
    rows: KEYS,
    missing_rows: 0,
    clients: 64,
    processes: 1,
    // After the flush.
    duration_s: 12,
    durations_per_arm: 1,
    provokes: Provokes::DatabaseFailures,
    needs: Needs::AnyServers,
    config,
    run,
    broken_promise: answers::broken,
    proves_nothing: verdict::proves_nothing,
    sections: page::sections,
    figures: page::figures,
    lesson: page::lesson,
};

/// Counts of this scenario alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Found {
    /// Reads answered a second before the flush.
    pub(crate) answered_before_per_s: f64,
    /// Reads answered a second in the last second.
    pub(crate) answered_at_the_end_per_s: f64,
    /// The time after the flush until 80 % as many reads as before were answered, for half a
    /// second; null if that did not happen.
    pub(crate) recovery_after_flush_ms: Option<f64>,
}

fn config(_setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("before_flush_ms", ms(BEFORE)),
        ("loads_per_s", u64::from(LOADS_PER_S)),
        ("query_timeout_ms", ms(PATIENCE)),
        ("max_loads", MAX_LOADS as u64),
    ]
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(0));
    let options = Options::default().ttl(TTL).early_refresh(0.0).max_loads(MAX_LOADS);
    let setup = ArmSetup {
        capacity: Some(Arc::new(Capacity::new(LOADS_PER_S, PATIENCE))),
        ..arm.setup(&loads, options)
    };
    if let Some(mut filler) = setup.filler(arm.kind.strategy())? {
        for id in 0..KEYS {
            filler.fill(&Row::of(id, FIRST_VERSION))?;
        }
        filler.flush();
    }
    let ArmClients { clients, background, usage } = arm.arm_clients(&setup, arm.setting.clients)?;
    let length = BEFORE + arm.setting.duration;
    let timeline = Timeline::new(length);
    let (redis, keys) = (arm.pair.redis, arm.keys);
    let work = |mut reader: Reader, run_time: &RunTime| {
        // One of the clients flushes, as an operator would.
        let mut flushes = reader.number == 0;
        let mut answers = Answers::default();
        reader.repeat(run_time, PAUSE, |reader| {
            if flushes && run_time.elapsed() >= BEFORE {
                flushes = false;
                drop(KeysGuard { redis, keys, rows: KEYS });
            }
            let id = reader.rng.random_range(0..KEYS);
            if answers.book(id, true, reader.client.read(id)) {
                timeline.answered(run_time.elapsed());
            }
        });
        answers
    };
    let seen = arm.work_for(length, arm.readers(clients), work)?;
    drop(background);
    let found = Found {
        answered_before_per_s: timeline.answered_per_s(Duration::ZERO, BEFORE),
        answered_at_the_end_per_s: timeline.answered_at_the_end_per_s(),
        recovery_after_flush_ms: timeline.recovery(BEFORE).map(document::ms),
    };
    Ok(Answers::sum(seen).into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found))
}
