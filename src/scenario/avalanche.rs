//! Thousands of values that were loaded at once expire together: how hard do the loads come?

mod page;
mod peak;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::answers::{self, Answers};
use super::database::Loads;
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::{self, Arm};
use super::run_clients::RunTime;
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{ArmClients, Strategy};
use crate::cache::Options;

const KEYS: u32 = 2_000;
/// The mean pause of a client between two reads.
const PAUSE: Duration = Duration::from_millis(1);
/// The peak is that of a window of this length.
const WINDOW: Duration = Duration::from_millis(100);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "avalanche",
    meaning: "thousands of values that were loaded at once expire together",
    // The library shortens every time to live by chance, so an arm without that is a naive one;
    // another naive one that does it too separates the effect of the shortening from that of the
    // lease.
    arms: &[
        ArmKind::Whole(Strategy::Naive),
        ArmKind::Whole(Strategy::NaiveJitter),
        ArmKind::Whole(Strategy::Lease),
    ],
    rows: KEYS,
    missing_rows: 0,
    clients: 16,
    processes: 4,
    duration_s: 10,
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
    /// The most loads that began within `window_ms`.
    pub(crate) peak_loads: u64,
    /// The time until all but the first and the last twentieth of the loads had begun; null without
    /// loads.
    pub(crate) nine_tenths_of_loads_ms: Option<f64>,
}

fn config(setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(ttl(setting))),
        ("window_ms", ms(WINDOW)),
    ]
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::logged(KEYS));
    let setup = arm.setup(&loads, Options::default().ttl(ttl(arm.setting)).early_refresh(0.0));
    let ArmClients { clients, background, usage } = arm.arm_clients(&setup, arm.setting.clients)?;
    let step = usize::from(arm.setting.clients);
    let fill = |reader: Reader, _: &RunTime| fill(reader, step);
    let readers = arm.prepare(arm.setting.duration, arm.readers(clients), fill)?;
    loads.forget();
    let seen = arm.work(readers, read)?;
    drop(background);
    let begun = loads.begun();
    let found = Found {
        peak_loads: peak::most_within(&begun, WINDOW),
        nine_tenths_of_loads_ms: peak::nine_tenths(&begun).map(document::ms),
    };
    Ok(Answers::sum(seen).into_arm(arm.kind, loads.all(), usage.seen(arm.asks_missing()), found))
}

/// All expire once within the time, and are read for a while afterwards.
fn ttl(setting: &Setting) -> Duration {
    setting.duration * 4 / 5
}

/// Each client loads its share. A failure here shows up soon enough.
fn fill(mut reader: Reader, clients: usize) -> Reader {
    let own = usize::try_from(reader.number).unwrap_or(usize::MAX);
    (0..KEYS).skip(own).step_by(clients.max(1)).for_each(|id| drop(reader.client.read(id)));
    reader
}

fn read(mut reader: Reader, run_time: &RunTime) -> Answers {
    let mut answers = Answers::default();
    reader.repeat(run_time, PAUSE, |reader| {
        let id = reader.rng.random_range(0..KEYS);
        answers.book(id, true, reader.client.read(id));
    });
    answers
}
