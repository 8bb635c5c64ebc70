//! Redis stops answering, goes on, is killed, comes back empty: what do readers get meanwhile, and how soon is all well?

mod phases;
mod saboteur;
mod tally;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use self::phases::{Phases, at_all};
use self::saboteur::Saboteur;
use self::tally::Tally;
use super::arms::{Client, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::{Database, Loads, loaded_here};
use super::experiment::{self, Ids};
use super::keys::Keys;
use super::outcome::{Arm, Findings, Outcome};
use super::setting::{Setting, ms};
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::cli::ScenarioName;
use crate::db::error::DbError;
use crate::sandbox::Sandbox;

const WAYS: [Way; 3] = [Way::Mysql, Way::Naive, Way::Lease];
const DEFAULT_CLIENTS: u16 = ScenarioName::Outage.defaults().clients;
/// Without Redis; twice as long with it afterwards.
const DEFAULT_DURATION_S: u16 = ScenarioName::Outage.defaults().duration_s;
const PROCESSES: u16 = 2;
const KEYS: u32 = 64;
/// What a client waits on average between two reads.
const PAUSE: Duration = Duration::from_millis(2);
/// Longer than an arm of the default length.
const TTL: Duration = Duration::from_secs(60);

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_CLIENTS, DEFAULT_DURATION_S)
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = setting(request);
    let own = [
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("naive_timeout_ms", ms(super::arms::APP_TIMEOUT)),
        ("library_connect_timeout_ms", ms(Options::default().connect_timeout)),
        ("library_reply_timeout_ms", ms(Options::default().reply_timeout)),
    ];
    setting.config(PROCESSES).into_iter().chain(own).collect()
}

/// Runs every arm, or as many as there is time for before an interrupt. Redis runs when this returns.
pub(crate) fn run(
    ground: &Ground<'_>,
    sandbox: &mut Sandbox,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Outcome, ScenarioError> {
    let setting = setting(request);
    let arms =
        experiment::run(ground, &Ids::of_rows(KEYS), WAYS.map(|way| (way.name(), way)), |way, keys| {
            arm(ground, sandbox, &setting, way, keys, progress)
        })?;
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
    let loads = Arc::new(Loads::new(KEYS));
    let options = Options::default().ttl(TTL);
    let stage = Stage::new(ground, keys, &loads, options);
    let Team { clients, background, usage } =
        stage.team(way, usize::from(setting.clients), usize::from(PROCESSES))?;
    let phases = Phases::new();
    let numbered = clients
        .into_iter()
        .zip(0u64..)
        .map(|(client, number)| Ok((Reader { client, past: stage.database()? }, number)))
        .collect::<Result<Vec<_>, DbError>>()?;
    let work = |(mut reader, number): (Reader, u64), shift: &Shift| {
        // The same choices in every arm.
        reader.read(&mut setting.rng(number), &phases, shift)
    };
    let mut saboteur = Saboteur::new(sandbox, &phases, setting.duration);
    let seen = crowd::work(numbered, phases::length(setting.duration), work, &mut |elapsed| {
        progress(way.name(), elapsed);
        saboteur.look(elapsed);
    });
    saboteur.make_good().map_err(ScenarioError::Sandbox)?;
    drop(background);
    let seen = seen?;
    let recovery = phases::RETURNS
        .map(|phase| at_all(seen.iter().map(|tally| tally.first_hit(phase)), phases.began(phase)));
    let tally = seen.into_iter().fold(Tally::new(), Tally::with);
    let (answers, phases) = tally.into_parts();
    Ok(answers.into_arm(
        way.name(),
        loads.all(),
        usage.seen(false),
        Findings::Outage(super::outcome::Outage { phases, recovery }),
    ))
}

/// A client, and its own way to the database past the cache: what a read costs without one is measured by the same
/// thread in the same moments.
struct Reader {
    client: Box<dyn Client>,
    past: Database,
}

impl Reader {
    fn read(&mut self, rng: &mut StdRng, phases: &Phases, shift: &Shift) -> Tally {
        let mut tally = Tally::new();
        while shift.goes_on() {
            let id = rng.random_range(0..KEYS);
            if rng.random() {
                self.by_the_arm(id, phases, shift, &mut tally);
            } else {
                self.past_the_cache(id, phases, shift, &mut tally);
            }
            shift.pause(PAUSE.mul_f64(2.0 * rng.random::<f64>()));
        }
        tally
    }

    fn by_the_arm(&mut self, id: u32, phases: &Phases, shift: &Shift, tally: &mut Tally) {
        let (phase, began, loaded) = (phases.now(), shift.elapsed(), loaded_here());
        let answer = self.client.read(id);
        let ended = shift.elapsed();
        let phase = phase.or_met(phases.now());
        tally.book(phase, id, answer, loaded_here() - loaded, began, ended);
    }

    /// In no count of the arm. Where the database fails, the arm's own reads tell of it.
    fn past_the_cache(&mut self, id: u32, phases: &Phases, shift: &Shift, tally: &mut Tally) {
        let (phase, began) = (phases.now(), shift.elapsed());
        if self.past.committed(id).is_ok() {
            tally.book_past(phase.or_met(phases.now()), shift.elapsed().saturating_sub(began));
        }
    }
}
