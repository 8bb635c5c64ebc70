//! Reads of ids that do not exist go past a cache that keeps only rows that exist: how many reach
//! the database?

mod page;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::answers::{self, Answers};
use super::database::{Loads, loaded_here};
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::Arm;
use super::run_clients::RunTime;
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{ArmClients, Strategy};
use crate::cache::Options;

/// The rows that exist, 0 and up, and above them the ids of those that do not.
const KEYS: u32 = 100;
const MISSING: u32 = 100;
/// The mean pause of a client between two reads.
const PAUSE: Duration = Duration::from_millis(1);
const TTL: Duration = Duration::from_secs(60);
const NEGATIVE_TTL: Duration = Duration::from_secs(30);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "penetration",
    meaning: "reads of rows that do not exist go past the cache to the database",
    arms: &[ArmKind::Whole(Strategy::Naive), ArmKind::LeaseNoNegative, ArmKind::Whole(Strategy::Lease)],
    rows: KEYS,
    missing_rows: MISSING,
    clients: 8,
    processes: 2,
    duration_s: 3,
    durations_per_arm: 1,
    provokes: Provokes::Nothing,
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
    /// Reads of rows that do not exist that were answered.
    pub(crate) missing_reads: u64,
    /// The number of times that the database was asked for such a row.
    pub(crate) missing_loads: u64,
}

fn config(_setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("keys", u64::from(KEYS)),
        ("missing_keys", u64::from(MISSING)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("negative_ttl_ms", ms(NEGATIVE_TTL)),
    ]
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let negative_ttl = (arm.kind == ArmKind::Whole(Strategy::Lease)).then_some(NEGATIVE_TTL);
    let setup = arm.setup(&loads, Options::default().ttl(TTL).negative_ttl(negative_ttl));
    let ArmClients { clients, background, usage } = arm.arm_clients(&setup, arm.setting.clients)?;
    let seen = arm.work(arm.readers(clients), read)?;
    drop(background);
    let (answers, found): (Vec<Answers>, Vec<Found>) = seen.into_iter().unzip();
    let found = Found {
        missing_reads: found.iter().map(|found| found.missing_reads).sum(),
        missing_loads: found.iter().map(|found| found.missing_loads).sum(),
    };
    Ok(Answers::sum(answers).into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found))
}

/// Every second read asks for a row that does not exist.
fn read(mut reader: Reader, run_time: &RunTime) -> (Answers, Found) {
    let (mut answers, mut found) = (Answers::default(), Found::default());
    reader.repeat(run_time, PAUSE, |Reader { client, rng, .. }| {
        let exists = rng.random();
        let id = if exists { rng.random_range(0..KEYS) } else { rng.random_range(KEYS..KEYS + MISSING) };
        let loaded = loaded_here();
        let answered = answers.book(id, exists, client.read(id));
        if !exists {
            found.missing_reads += u64::from(answered);
            found.missing_loads += loaded_here() - loaded;
        }
    });
    (answers, found)
}
