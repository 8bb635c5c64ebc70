//! Entries that are damaged while readers go on: who notices, and who passes nonsense on?

mod vandal;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use self::vandal::Vandal;
use super::answers::Answers;
use super::arms::{Client, Stage, Team, Usage, Way};
use super::crowd::{self, Shift};
use super::database::Loads;
use super::experiment::{self, Ids};
use super::keys::Keys;
use super::outcome::{Arm, Corruption, Damage, Findings, Outcome};
use super::setting::{Setting, ms};
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::cli::ScenarioName;

/// One after the other: nothing that is compared here is a time.
const WAYS: [Way; 2] = [Way::Naive, Way::Lease];
const DEFAULT_READERS: u16 = ScenarioName::Corrupt.defaults().clients;
/// For each arm.
const DEFAULT_DURATION_S: u16 = ScenarioName::Corrupt.defaults().duration_s;
/// Each with a cache of its own.
const PROCESSES: u16 = 2;
const KEYS: u32 = 64;
/// Between two acts of the vandal.
const DAMAGE_PAUSE: Duration = Duration::from_millis(5);
/// Short, so that entries nobody repairs come back once in a while.
const TTL: Duration = Duration::from_secs(1);
/// Short too: a lease is damaged as an entry is, and then belongs to nobody until it expires.
const LEASE: Duration = Duration::from_millis(500);
const LEASE_WAIT: Duration = Duration::from_millis(100);

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_READERS, DEFAULT_DURATION_S)
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = setting(request);
    let own = [
        ("keys", u64::from(KEYS)),
        ("damage_pause_ms", ms(DAMAGE_PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("lease_ms", ms(LEASE)),
        ("lease_wait_ms", ms(LEASE_WAIT)),
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
    let options = Options::default().ttl(TTL).lease(LEASE).lease_wait(LEASE_WAIT);
    let stage = Stage::new(ground, keys, &loads, options);
    let Team { clients, background: _background, usage } =
        stage.team(way, usize::from(setting.clients), usize::from(PROCESSES))?;
    let (seen, damage) = at_work(&stage, setting, clients, way, progress)?;
    let noticed = of_library(&usage);
    let (database_loads, cache) = (loads.all(), usage.seen(false));
    let left = look_around(&stage, way)?;
    let findings = Findings::Corrupt(Corruption {
        damage,
        noticed,
        unusable_when_quiet: left.wrong_reads + left.failed_reads,
    });
    let seen = Answers { first_error: seen.first_error.or(left.first_error), ..seen };
    Ok(seen.into_arm(way.name(), database_loads, cache, findings))
}

/// Damaged values that the library met; none without it.
fn of_library(usage: &Usage) -> Option<u64> {
    let caches = usage.caches();
    (!caches.is_empty()).then(|| caches.iter().map(|cache| cache.stats().corrupt).sum())
}

/// Who takes part.
enum Part {
    /// With the number that its choices follow from.
    Reader(Box<dyn Client>, u64),
    Vandal(Box<Vandal>),
}

/// What became of it.
enum Saw {
    Answers(Answers),
    Damage(Damage),
}

/// Readers, and one who damages what they have cached, until time is over.
fn at_work(
    stage: &Stage<'_>,
    setting: &Setting,
    clients: Vec<Box<dyn Client>>,
    way: Way,
    progress: Progress<'_>,
) -> Result<(Answers, Damage), ScenarioError> {
    let vandal = Vandal::new(stage, KEYS, TTL, setting.rng(0))?;
    let readers = clients.into_iter().zip(1..).map(|(client, number)| Part::Reader(client, number));
    let parts = readers.chain([Part::Vandal(Box::new(vandal))]).collect();
    let work = |part: Part, shift: &Shift| match part {
        Part::Reader(mut client, number) => {
            Saw::Answers(read(client.as_mut(), &mut setting.rng(number), shift))
        }
        Part::Vandal(mut vandal) => {
            while shift.goes_on() {
                vandal.act();
                shift.pause(DAMAGE_PAUSE);
            }
            Saw::Damage(vandal.done)
        }
    };
    let (mut seen, mut damage) = (Answers::default(), Damage::default());
    for saw in crowd::work(parts, setting.duration, work, &mut |elapsed| progress(way.name(), elapsed))? {
        match saw {
            Saw::Answers(answers) => seen = seen.with(answers),
            Saw::Damage(done) => damage = done,
        }
    }
    Ok((seen, damage))
}

fn read(client: &mut dyn Client, rng: &mut StdRng, shift: &Shift) -> Answers {
    let mut seen = Answers::default();
    while shift.goes_on() {
        let id = rng.random_range(0..KEYS);
        if !seen.book(id, true, client.read(id)) {
            // A server that is gone answers at once.
            shift.pause(Duration::from_millis(1));
        }
    }
    seen
}

/// Reads every row once more: what cannot be used now stays so until its time to live is over.
fn look_around(stage: &Stage<'_>, way: Way) -> Result<Answers, ScenarioError> {
    let mut team = stage.team(way, 1, 1)?;
    let mut seen = Answers::default();
    for client in &mut team.clients {
        for id in 0..KEYS {
            seen.book(id, true, client.read(id));
        }
    }
    Ok(seen)
}
