//! Reads of ids that do not exist go past a cache that keeps only what there is: how many reach the database?

mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::answers::Answers;
use super::arms::{Client, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::{Loads, loaded_here};
use super::experiment::{self, Ids};
use super::keys::Keys;
use super::outcome::{Arm, Findings, Outcome, Penetration};
use super::setting::{Setting, ms};
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::cli::ScenarioName;

const DEFAULT_CLIENTS: u16 = ScenarioName::Penetration.defaults().clients;
/// For each arm.
const DEFAULT_DURATION_S: u16 = ScenarioName::Penetration.defaults().duration_s;
const PROCESSES: u16 = 2;
/// The rows that exist, 0 and up, and behind them the ids of those that do not.
const KEYS: u32 = 100;
const MISSING: u32 = 100;
/// What a client waits on average between two reads.
const PAUSE: Duration = Duration::from_millis(1);
const TTL: Duration = Duration::from_secs(60);
const NEGATIVE_TTL: Duration = Duration::from_secs(30);

/// An arm: a way of caching, and whether it remembers that a row does not exist.
struct Course {
    name: &'static str,
    way: Way,
    negative_ttl: Option<Duration>,
}

const COURSES: [Course; 3] = [
    Course { name: "naive", way: Way::Naive, negative_ttl: None },
    Course { name: "lease-no-negative", way: Way::Lease, negative_ttl: None },
    Course { name: "lease", way: Way::Lease, negative_ttl: Some(NEGATIVE_TTL) },
];

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_CLIENTS, DEFAULT_DURATION_S)
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = setting(request);
    let own = [
        ("keys", u64::from(KEYS)),
        ("missing_keys", u64::from(MISSING)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(TTL)),
        ("negative_ttl_ms", ms(NEGATIVE_TTL)),
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
    let arms = experiment::run(
        ground,
        &Ids { rows: KEYS, asked: KEYS + MISSING },
        COURSES.iter().map(|course| (course.name, course)),
        |course, keys| arm(ground, &setting, course, keys, progress),
    )?;
    Ok(Outcome { verdict: verdict::judge(&arms), arms })
}

fn arm(
    ground: &Ground<'_>,
    setting: &Setting,
    course: &Course,
    keys: &Keys,
    progress: Progress<'_>,
) -> Result<Arm, ScenarioError> {
    let loads = Arc::new(Loads::new(KEYS));
    let options = Options::default().ttl(TTL).negative_ttl(course.negative_ttl);
    let stage = Stage::new(ground, keys, &loads, options);
    let Team { clients, background, usage } =
        stage.team(course.way, usize::from(setting.clients), usize::from(PROCESSES))?;
    let numbered = clients.into_iter().zip(0u64..).collect();
    let work = |(mut client, number): (Box<dyn Client>, u64), shift: &Shift| {
        // The same choices in every arm.
        let mut rng = setting.rng(number);
        read(client.as_mut(), &mut rng, shift)
    };
    let seen = crowd::work(numbered, setting.duration, work, &mut |elapsed| progress(course.name, elapsed))?;
    drop(background);
    let (answers, found) = seen
        .into_iter()
        .fold((Answers::default(), Penetration::default()), |(answers, found), (more, also_found)| {
            (answers.with(more), found.with(also_found))
        });
    Ok(answers.into_arm(course.name, loads.all(), usage.seen(true), Findings::Penetration(found)))
}

/// Every second read asks for what does not exist.
fn read(client: &mut dyn Client, rng: &mut StdRng, shift: &Shift) -> (Answers, Penetration) {
    let (mut answers, mut found) = (Answers::default(), Penetration::default());
    while shift.goes_on() {
        let exists = rng.random();
        let id = if exists { rng.random_range(0..KEYS) } else { rng.random_range(KEYS..KEYS + MISSING) };
        let loaded = loaded_here();
        let answered = answers.book(id, exists, client.read(id));
        if !exists {
            found.reads += u64::from(answered);
            found.loads += loaded_here() - loaded;
        }
        shift.pause(PAUSE.mul_f64(2.0 * rng.random::<f64>()));
    }
    (answers, found)
}
