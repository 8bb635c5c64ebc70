//! Many clients, one popular value that expires again and again: how many of them run to the database?

mod expiries;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use self::expiries::Expiries;
use super::answers::Answers;
use super::arms::{Client, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::Loads;
use super::experiment::{self, Ids};
use super::keys::Keys;
use super::outcome::{Arm, Findings, Outcome, Rush, RushCounts};
use super::setting::{Setting, ms};
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::{Cache, Options};
use crate::cli::ScenarioName;
use crate::sample::Latencies;

const DEFAULT_CLIENTS: u16 = ScenarioName::Stampede.defaults().clients;
/// For each arm.
const DEFAULT_DURATION_S: u16 = ScenarioName::Stampede.defaults().duration_s;
const PROCESSES: u16 = 4;
/// The one row that everybody wants.
const HOT: u32 = 0;
/// Read by all before anything counts, so that every connection is open.
const PRIMER: u32 = 1;
const ROWS: u32 = 2;
const PRIMING: Duration = Duration::from_millis(500);
const TTL: Duration = Duration::from_millis(600);
const LOAD_DELAY: Duration = Duration::from_millis(40);
/// What a client waits on average between two reads: less than a load takes, so that an expiry meets them all.
const PAUSE: Duration = Duration::from_millis(20);
/// A read that took so long has loaded, or has waited for a load. A hit takes a hundredth of it.
const WAITED_FROM: Duration = Duration::from_millis(20);
/// The loads that begin so soon after the first are for one expiry: a value lives nine tenths of its time at least.
const ONE_EXPIRY: Duration = Duration::from_millis(200);

/// An arm: a way of caching, how its clients are spread, and how eagerly values are refreshed ahead of their expiry.
struct Course {
    name: &'static str,
    way: Way,
    spread: Spread,
    early_refresh: f64,
}

/// Which clients share a process, and with it the library's mutex.
enum Spread {
    Few,
    EachItsOwn,
}

const COURSES: [Course; 4] = [
    Course { name: "naive", way: Way::Naive, spread: Spread::Few, early_refresh: 0.0 },
    Course { name: "lease", way: Way::Lease, spread: Spread::Few, early_refresh: 0.0 },
    Course { name: "lease-no-mutex", way: Way::Lease, spread: Spread::EachItsOwn, early_refresh: 0.0 },
    Course { name: "lease-early", way: Way::LeaseEarly, spread: Spread::Few, early_refresh: 1.0 },
];

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_CLIENTS, DEFAULT_DURATION_S)
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = setting(request);
    let own = [
        ("ttl_ms", ms(TTL)),
        ("load_delay_ms", ms(LOAD_DELAY)),
        ("read_pause_ms", ms(PAUSE)),
        ("waited_from_ms", ms(WAITED_FROM)),
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
        &Ids::of_rows(ROWS),
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
    let loads = Arc::new(Loads::logged(ROWS));
    let options = Options::default().ttl(TTL).early_refresh(course.early_refresh);
    let stage = Stage { load_delay: LOAD_DELAY, ..Stage::new(ground, keys, &loads, options) };
    let processes = match course.spread {
        Spread::Few => PROCESSES,
        Spread::EachItsOwn => setting.clients,
    };
    let Team { clients, background, usage } =
        stage.team(course.way, usize::from(setting.clients), usize::from(processes))?;
    let mut clients = crowd::work(clients, PRIMING, prime, &mut |_| progress(course.name, Duration::ZERO))?;
    if let Some(client) = clients.first_mut() {
        // That nothing is there before the first load is no expiry.
        let _ = client.read(HOT);
    }
    loads.forget();
    let before = counts(usage.caches());
    let numbered = clients.into_iter().zip(0u64..).collect();
    let work = |(mut client, number): (Box<dyn Client>, u64), shift: &Shift| {
        // The same pauses in every arm.
        let mut rng = setting.rng(number);
        read(client.as_mut(), &mut rng, shift)
    };
    let seen = crowd::work(numbered, setting.duration, work, &mut |elapsed| progress(course.name, elapsed))?;
    drop(background);
    let (answers, waits) =
        seen.into_iter().fold((Answers::default(), Latencies::new()), |(answers, mut waits), seen| {
            waits.merge(&seen.1);
            (answers.with(seen.0), waits)
        });
    let expiries = Expiries::of(&loads.begun(), ONE_EXPIRY);
    let findings = Findings::Stampede(Rush {
        expiries: expiries.count,
        most_loads: expiries.most_loads,
        waits,
        library: before.zip(counts(usage.caches())).map(|(before, after)| after.since(before)),
    });
    Ok(answers.into_arm(course.name, loads.all(), usage.seen(false), findings))
}

/// One client opens its connections. What goes wrong here comes to light soon enough.
fn prime(mut client: Box<dyn Client>, shift: &Shift) -> Box<dyn Client> {
    while shift.goes_on() {
        let _ = client.read(PRIMER);
        shift.pause(PAUSE);
    }
    client
}

/// One client: reads, and rests a little.
fn read(client: &mut dyn Client, rng: &mut StdRng, shift: &Shift) -> (Answers, Latencies) {
    let (mut answers, mut waits) = (Answers::default(), Latencies::new());
    while shift.goes_on() {
        let began = shift.elapsed();
        let answer = client.read(HOT);
        let took = shift.elapsed().saturating_sub(began);
        if answers.book(HOT, true, answer) && took >= WAITED_FROM {
            waits.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        shift.pause(PAUSE.mul_f64(2.0 * rng.random::<f64>()));
    }
    (answers, waits)
}

/// Of all processes together.
fn counts(caches: &[Cache]) -> Option<RushCounts> {
    let add = |sum: RushCounts, cache: &Cache| {
        let stats = cache.stats();
        RushCounts {
            early_refreshes: sum.early_refreshes + stats.early_refreshes,
            found_nothing: sum.found_nothing + stats.misses + stats.waits,
            excused_loads: sum.excused_loads + stats.bypasses + stats.fills_skipped,
        }
    };
    (!caches.is_empty()).then(|| caches.iter().fold(RushCounts::default(), add))
}
