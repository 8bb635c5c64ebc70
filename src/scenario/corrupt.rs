//! Entries that are damaged while readers go on: which arm notices, and which passes nonsense on?

mod fault_injector;
mod page;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use self::fault_injector::FaultInjector;
use super::ScenarioError;
use super::answers::{self, Answers};
use super::database::Loads;
use super::definition::{ArmKind, Needs, Provokes, Scenario};
use super::document::Arm;
use super::run_clients::RunTime;
use super::runner::{ArmRun, Reader};
use super::setting::{Setting, ms};
use super::strategies::{ArmClients, ArmSetup, Strategy, Usage};
use crate::cache::Options;

const KEYS: u32 = 64;
/// Between two acts of damage.
const DAMAGE_PAUSE: Duration = Duration::from_millis(5);
/// Short, so that entries that stay damaged come back once in a while.
const TTL: Duration = Duration::from_secs(1);
/// Short too: a lease is damaged as an entry is, and then has no owner until it expires.
const LEASE: Duration = Duration::from_millis(500);
const LEASE_WAIT: Duration = Duration::from_millis(100);
/// After a failed read: a server that is gone answers immediately.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(1);

pub(super) static SCENARIO: Scenario = Scenario {
    name: "corrupt",
    meaning: "entries get damaged: flipped bits, values cut short or under the wrong key, values of other programs",
    // One after the other: nothing that is compared here is a time.
    arms: &[ArmKind::Whole(Strategy::Naive), ArmKind::Whole(Strategy::Lease)],
    rows: KEYS,
    missing_rows: 0,
    clients: 8,
    processes: 2,
    duration_s: 3,
    durations_per_arm: 1,
    provokes: Provokes::Nothing,
    needs: Needs::AnyServers,
    config,
    run,
    broken_promise,
    proves_nothing: verdict::proves_nothing,
    sections: page::sections,
    figures: page::figures,
    lesson: page::lesson,
};

/// Counts of this scenario alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Found {
    /// The number of times that cached values were damaged, by kind: `flipped`, `truncated`,
    /// `swapped`, `other_type`, `foreign`.
    pub(crate) damage: BTreeMap<String, u64>,
    /// Reads of the library that met a damaged value and took it for a miss; several may meet the
    /// same one before it is removed. Null in arms without the library.
    pub(crate) corrupt: Option<u64>,
    /// Rows that could not be read, or not rightly, once the damage was over.
    pub(crate) unusable_when_quiet: u64,
}

fn config(_setting: &Setting) -> Vec<(&'static str, u64)> {
    vec![
        ("keys", u64::from(KEYS)),
        ("damage_pause_ms", ms(DAMAGE_PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("lease_ms", ms(LEASE)),
        ("lease_wait_ms", ms(LEASE_WAIT)),
    ]
}

fn run(arm: &mut ArmRun<'_>) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let setup = arm.setup(&loads, Options::default().ttl(TTL).lease(LEASE).lease_wait(LEASE_WAIT));
    let ArmClients { clients, background: _background, usage } =
        arm.arm_clients(&setup, arm.setting.clients)?;
    let (seen, damage) = at_work(arm, &setup, arm.readers(clients))?;
    let corrupt = of_library(&usage);
    let (database_loads, cache) = (loads.all(), usage.seen(arm.asks_missing()));
    let left = read_all(&setup, arm.kind.strategy())?;
    let unusable_when_quiet = left.wrong_reads + left.failed_reads;
    let seen = Answers { first_error: seen.first_error.or(left.first_error), ..seen };
    Ok(seen.into_arm(arm.kind, database_loads, cache, Found { damage, corrupt, unusable_when_quiet }))
}

fn broken_promise(_kind: ArmKind, arm: &Arm) -> Option<String> {
    let unusable = arm.found::<Found>()?.unusable_when_quiet;
    let (one, many) =
        ("row that could not be read when all was quiet", "rows that could not be read when all was quiet");
    answers::broken_with(arm, &[(unusable, one, many)])
}

/// Damaged values that the library met; none without it.
fn of_library(usage: &Usage) -> Option<u64> {
    let caches = usage.caches();
    (!caches.is_empty()).then(|| caches.iter().map(|cache| cache.stats().corrupt).sum())
}

/// Acts of damage, by kind.
type Damage = BTreeMap<String, u64>;

enum Part {
    Reader(Box<Reader>),
    FaultInjector(Box<FaultInjector>),
}

enum Report {
    Answers(Answers),
    Damage(Damage),
}

/// Readers, and one thread that damages what they have cached, until time is over.
fn at_work(
    arm: &ArmRun<'_>,
    setup: &ArmSetup<'_>,
    readers: Vec<Reader>,
) -> Result<(Answers, Damage), ScenarioError> {
    let fault_injector =
        FaultInjector::new(setup, KEYS, TTL, arm.setting.rng(u64::from(arm.setting.clients)))?;
    let parts = readers
        .into_iter()
        .map(|reader| Part::Reader(Box::new(reader)))
        .chain([Part::FaultInjector(Box::new(fault_injector))])
        .collect();
    let work = |part: Part, run_time: &RunTime| match part {
        Part::Reader(reader) => Report::Answers(read(*reader, run_time)),
        Part::FaultInjector(mut fault_injector) => {
            while run_time.goes_on() {
                fault_injector.act();
                run_time.pause(DAMAGE_PAUSE);
            }
            Report::Damage(fault_injector.done)
        }
    };
    let (mut seen, mut damage) = (Answers::default(), Damage::default());
    for result in arm.work(parts, work)? {
        match result {
            Report::Answers(answers) => seen = seen.with(answers),
            Report::Damage(done) => damage = done,
        }
    }
    Ok((seen, damage))
}

fn read(mut reader: Reader, run_time: &RunTime) -> Answers {
    let mut seen = Answers::default();
    while run_time.goes_on() {
        let id = reader.rng.random_range(0..KEYS);
        if !seen.book(id, true, reader.client.read(id)) {
            run_time.pause(PAUSE_AFTER_FAILURE);
        }
    }
    seen
}

/// Reads every row once more: one that cannot be used now stays so until its time to live is over.
fn read_all(setup: &ArmSetup<'_>, strategy: Strategy) -> Result<Answers, ScenarioError> {
    let mut arm_clients = setup.arm_clients(strategy, 1, 1)?;
    let mut seen = Answers::default();
    for client in &mut arm_clients.clients {
        for id in 0..KEYS {
            seen.book(id, true, client.read(id));
        }
    }
    Ok(seen)
}
