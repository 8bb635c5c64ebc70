//! A load that only the cache makes bearable: after a flush, the database answers every query too late for anyone to use it,
//! so the cache is never filled again, although the load is the same as before (Bronson et al., "Metastable Failures in
//! Distributed Systems", HotOS 2021).

mod timeline;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use self::timeline::Timeline;
use super::answers::Answers;
use super::arms::{Client, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::{Capacity, Loads};
use super::experiment::{self, Ids};
use super::keys::{Keys, KeysGuard};
use super::outcome::{Arm, Findings, Metastable, Outcome};
use super::row::{FIRST_VERSION, Row};
use super::setting::{Setting, ms};
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::cli::ScenarioName;

const WAYS: [Way; 2] = [Way::Naive, Way::Lease];
const DEFAULT_CLIENTS: u16 = ScenarioName::Metastable.defaults().clients;
/// After the flush, for each arm.
const DEFAULT_DURATION_S: u16 = ScenarioName::Metastable.defaults().duration_s;
/// Before the flush.
const BEFORE: Duration = Duration::from_secs(2);
const KEYS: u32 = 1_200;
/// What a client waits on average between two reads.
const PAUSE: Duration = Duration::from_millis(20);
/// Loads that the database does a second, one after the other.
const LOADS_PER_S: u32 = 300;
/// What an application waits for a query. The database carries it out all the same.
const PATIENCE: Duration = Duration::from_millis(100);
/// Loads that the library lets run at a time: they wait much less than the patience for each other.
const MAX_LOADS: usize = 8;
/// Longer than an experiment.
const TTL: Duration = Duration::from_secs(3_600);

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_CLIENTS, DEFAULT_DURATION_S)
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let own = [
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("before_flush_ms", ms(BEFORE)),
        ("loads_per_s", u64::from(LOADS_PER_S)),
        ("query_timeout_ms", ms(PATIENCE)),
        ("max_loads", MAX_LOADS as u64),
    ];
    setting(request).config(1).into_iter().chain(own).collect()
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
    let loads = Arc::new(Loads::new(0));
    let options = Options::default().ttl(TTL).early_refresh(0.0).max_loads(MAX_LOADS);
    let stage = Stage {
        capacity: Some(Arc::new(Capacity::new(LOADS_PER_S, PATIENCE))),
        ..Stage::new(ground, keys, &loads, options)
    };
    if let Some(mut filler) = stage.filler(way)? {
        for id in 0..KEYS {
            filler.fill(&Row::of(id, FIRST_VERSION))?;
        }
        filler.flush();
    }
    let Team { clients, background, usage } = stage.team(way, usize::from(setting.clients), 1)?;
    let timeline = Timeline::new(BEFORE + setting.duration);
    let flushed = AtomicBool::new(false);
    let numbered = clients.into_iter().zip(0u64..).collect();
    let work = |(mut client, number): (Box<dyn Client>, u64), shift: &Shift| {
        // One of the clients flushes, as an operator would.
        let flush = || {
            if number == 0 && shift.elapsed() >= BEFORE && !flushed.swap(true, Ordering::SeqCst) {
                drop(KeysGuard { redis: ground.redis, keys, rows: KEYS });
            }
        };
        // The same choices in every arm.
        read(client.as_mut(), &mut setting.rng(number), shift, &timeline, &flush)
    };
    let seen = crowd::work(numbered, BEFORE + setting.duration, work, &mut |elapsed| {
        progress(way.name(), elapsed);
    })?;
    drop(background);
    let answers = seen.into_iter().fold(Answers::default(), Answers::with);
    let findings = Findings::Metastable(Metastable {
        answered_before_per_s: timeline.answered_per_s(Duration::ZERO, BEFORE),
        answered_at_the_end_per_s: timeline.answered_at_the_end_per_s(),
        recovery: timeline.recovery(BEFORE),
    });
    Ok(answers.into_arm(way.name(), loads.all(), usage.seen(false), findings))
}

fn read(
    client: &mut dyn Client,
    rng: &mut StdRng,
    shift: &Shift,
    timeline: &Timeline,
    flush: &dyn Fn(),
) -> Answers {
    let mut answers = Answers::default();
    while shift.goes_on() {
        flush();
        let id = rng.random_range(0..KEYS);
        if answers.book(id, true, client.read(id)) {
            timeline.answered(shift.elapsed());
        }
        shift.pause(PAUSE.mul_f64(2.0 * rng.random::<f64>()));
    }
    answers
}
