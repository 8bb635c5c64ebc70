//! Redis stops answering, goes on, is killed, comes back empty: what do readers get meanwhile, and how soon is all well?

mod phases;
mod saboteur;
mod tally;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::phases::{Phases, at_all};
use self::saboteur::Saboteur;
use self::tally::Tally;
use super::arms::{Client, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::{Loads, loaded_here};
use super::keys::{Keys, KeysGuard, new_run};
use super::outcome::{Arm, Findings, Outcome};
use super::table::Table;
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::interrupt;
use crate::sandbox::Sandbox;

const WAYS: [Way; 3] = [Way::Mysql, Way::Naive, Way::Lease];
pub(crate) const DEFAULT_CLIENTS: u16 = 8;
/// Without Redis; twice as long with it afterwards.
pub(crate) const DEFAULT_DURATION_S: u16 = 2;
const PROCESSES: u16 = 2;
const KEYS: u32 = 64;
/// What a client waits on average between two reads.
const PAUSE: Duration = Duration::from_millis(2);
/// Longer than an arm of the default length.
const TTL: Duration = Duration::from_secs(60);

/// What was asked for, with the defaults filled in.
struct Setting {
    clients: u16,
    outage: Duration,
    rng_seed: u64,
}

impl Setting {
    fn new(request: &Request) -> Self {
        Self {
            clients: request.clients.unwrap_or(DEFAULT_CLIENTS),
            outage: Duration::from_secs(u64::from(request.duration_s.unwrap_or(DEFAULT_DURATION_S))),
            rng_seed: request.rng_seed,
        }
    }
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = Setting::new(request);
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    vec![
        ("clients", u64::from(setting.clients)),
        ("processes", u64::from(PROCESSES)),
        ("duration_s", setting.outage.as_secs()),
        ("rng_seed", setting.rng_seed),
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("naive_timeout_ms", ms(super::arms::APP_TIMEOUT)),
        ("library_connect_timeout_ms", ms(Options::default().connect_timeout)),
        ("library_reply_timeout_ms", ms(Options::default().reply_timeout)),
    ]
}

/// Runs every arm, or as many as there is time for before an interrupt. Redis runs when this returns.
pub(crate) fn run(
    ground: &Ground<'_>,
    sandbox: &mut Sandbox,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Outcome, ScenarioError> {
    let setting = Setting::new(request);
    let mut table = Table::create(ground.mysql)?;
    table.fill(KEYS)?;
    let run = new_run();
    let mut arms = Vec::new();
    for way in WAYS {
        if interrupt::requested() {
            break;
        }
        let keys = Keys::new(ground.namespace, &run, way.name());
        arms.push(arm(ground, sandbox, &setting, way, &keys, progress)?);
    }
    Ok(Outcome { verdict: verdict::judge(&arms), arms })
}

fn arm(
    ground: &Ground<'_>,
    sandbox: &mut Sandbox,
    setting: &Setting,
    way: Way,
    keys: &Keys,
    progress: Progress<'_>,
) -> Result<Arm, ScenarioError> {
    let _guard = KeysGuard { redis: ground.redis, keys, rows: KEYS };
    let loads = Arc::new(Loads::new(KEYS));
    let stage = Stage {
        mysql: ground.mysql,
        redis: ground.redis,
        keys: keys.clone(),
        loads: Arc::clone(&loads),
        load_delay: Duration::ZERO,
        second_delete_after: Duration::ZERO,
        options: Options { ttl: TTL, ..Options::default() },
    };
    let Team { clients, background, caches } =
        stage.team(way, usize::from(setting.clients), usize::from(PROCESSES))?;
    let phases = Phases::new();
    let numbered = clients.into_iter().zip(0u64..).collect();
    let work = |(mut client, number): (Box<dyn Client>, u64), shift: &Shift| {
        // The same choices in every arm.
        let mut rng = StdRng::seed_from_u64(setting.rng_seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        read(client.as_mut(), &mut rng, &phases, shift)
    };
    let mut saboteur = Saboteur::new(sandbox, &phases, setting.outage);
    let seen = crowd::work(numbered, phases::length(setting.outage), work, &mut |elapsed| {
        progress(way.name(), elapsed);
        saboteur.look(elapsed);
    });
    saboteur.make_good().map_err(ScenarioError::Sandbox)?;
    drop((background, caches));
    let seen = seen?;
    let recovery = phases::RETURNS
        .map(|phase| at_all(seen.iter().map(|tally| tally.first_hit(phase)), phases.began(phase)));
    let tally = seen.into_iter().fold(Tally::new(), Tally::with);
    let (answers, phases) = tally.into_parts();
    Ok(answers.into_arm(
        way.name(),
        loads.all(),
        Findings::Outage(super::outcome::Outage { phases, recovery }),
    ))
}

fn read(client: &mut dyn Client, rng: &mut StdRng, phases: &Phases, shift: &Shift) -> Tally {
    let mut tally = Tally::new();
    while shift.goes_on() {
        let id = rng.random_range(0..KEYS);
        let (phase, began, loaded) = (phases.now(), shift.elapsed(), loaded_here());
        let answer = client.read(id);
        let ended = shift.elapsed();
        let phase = phase.or_met(phases.now());
        tally.book(phase, id, answer, loaded_here() - loaded, began, ended);
        shift.pause(PAUSE.mul_f64(2.0 * rng.random::<f64>()));
    }
    tally
}
