//! Thousands of values that were loaded at once expire together: how hard do the loads come?

mod peak;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::answers::Answers;
use super::arms::{Client, Stage, Team, Way};
use super::crowd::{self, Shift};
use super::database::Loads;
use super::experiment::{self, Ids};
use super::keys::Keys;
use super::outcome::{Arm, Avalanche, Findings, Outcome};
use super::setting::{Setting, ms};
use super::{Ground, Progress, Request, ScenarioError};
use crate::cache::Options;
use crate::cli::ScenarioName;

/// The library shortens every time to live by chance, so an arm without that is a naive one; another naive one that does it
/// too tells what the shortening does from what the lease does.
const WAYS: [Way; 3] = [Way::Naive, Way::NaiveJitter, Way::Lease];
const DEFAULT_CLIENTS: u16 = ScenarioName::Avalanche.defaults().clients;
/// For each arm.
const DEFAULT_DURATION_S: u16 = ScenarioName::Avalanche.defaults().duration_s;
const PROCESSES: u16 = 4;
const KEYS: u32 = 2_000;
/// What a client waits on average between two reads.
const PAUSE: Duration = Duration::from_millis(1);
/// The peak is that of a window so long.
const WINDOW: Duration = Duration::from_millis(100);

fn setting(request: &Request) -> Setting {
    Setting::new(request, DEFAULT_CLIENTS, DEFAULT_DURATION_S)
}

/// So that all expire once within the time, and are read for a while afterwards.
fn ttl(setting: &Setting) -> Duration {
    setting.duration * 4 / 5
}

/// Everything that changes a number, by the names that it has in the document.
pub(crate) fn config(request: &Request) -> Vec<(&'static str, u64)> {
    let setting = setting(request);
    let own = [
        ("keys", u64::from(KEYS)),
        ("read_pause_ms", ms(PAUSE)),
        ("ttl_ms", ms(ttl(&setting))),
        ("window_ms", ms(WINDOW)),
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
    let loads = Arc::new(Loads::logged(KEYS));
    let options = Options::default().ttl(ttl(setting)).early_refresh(0.0);
    let stage = Stage::new(ground, keys, &loads, options);
    let Team { clients, background, usage } =
        stage.team(way, usize::from(setting.clients), usize::from(PROCESSES))?;
    let numbered = clients.into_iter().zip(0u32..).collect();
    let step = usize::from(setting.clients);
    let fill = |(mut client, number): (Box<dyn Client>, u32), _: &Shift| {
        // What goes wrong here comes to light soon enough.
        (number..KEYS).step_by(step).for_each(|id| drop(client.read(id)));
        (client, number)
    };
    let filled =
        crowd::work(numbered, setting.duration, fill, &mut |_| progress(way.name(), Duration::ZERO))?;
    loads.forget();
    let work = |(mut client, number): (Box<dyn Client>, u32), shift: &Shift| {
        // The same choices in every arm.
        read(client.as_mut(), &mut setting.rng(u64::from(number)), shift)
    };
    let seen = crowd::work(filled, setting.duration, work, &mut |elapsed| progress(way.name(), elapsed))?;
    drop(background);
    let answers = seen.into_iter().fold(Answers::default(), Answers::with);
    let begun = loads.begun();
    let findings = Findings::Avalanche(Avalanche {
        peak_loads: peak::most_within(&begun, WINDOW),
        most_within: peak::nine_tenths(&begun),
    });
    Ok(answers.into_arm(way.name(), loads.all(), usage.seen(false), findings))
}

fn read(client: &mut dyn Client, rng: &mut StdRng, shift: &Shift) -> Answers {
    let mut answers = Answers::default();
    while shift.goes_on() {
        let id = rng.random_range(0..KEYS);
        answers.book(id, true, client.read(id));
        shift.pause(PAUSE.mul_f64(2.0 * rng.random::<f64>()));
    }
    answers
}
