//! Runs any scenario: one arm after the other, each on the same rows and with keys of its own, and
//! judges them.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::activity;
use super::database::Loads;
use super::definition::{ArmKind, Arms, Scenario};
use super::document::{Arm, INTERRUPTED, Verdict};
use super::keys::{Keys, KeysGuard, new_run};
use super::obstacle;
use super::run_clients::{self, Lost, RunTime};
use super::setting::Setting;
use super::strategies::{ArmClients, ArmSetup, ArmSetupError, Client};
use super::table::Table;
use super::{Progress, Request, ScenarioError, ServerPair};
use crate::cache::Options;
use crate::interrupt;
use crate::sandbox::Sandbox;

/// The results of an experiment, whole or as far as it came.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) arms: Vec<Arm>,
    /// Everything that changes a number, by its name in the document.
    pub(crate) config: Vec<(&'static str, u64)>,
}

/// Runs every arm, or as many as there is time for before an interrupt. `sandbox`: the private
/// servers, for a scenario that needs them; they run when this returns.
pub(crate) fn run(
    scenario: &Scenario,
    pair: &ServerPair<'_>,
    sandbox: Option<&mut Sandbox>,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Outcome, ScenarioError> {
    let setting = Setting::new(request, scenario);
    let config = setting.config(scenario.processes).into_iter().chain((scenario.config)(&setting)).collect();
    let arms = arms(scenario, pair, sandbox, &setting, progress)?;
    Ok(Outcome { verdict: judge(scenario, &arms, interrupt::requested()), arms, config })
}

/// Each arm finds the rows as they were at first; table and keys are removed at the end, however it
/// comes.
fn arms(
    scenario: &Scenario,
    pair: &ServerPair<'_>,
    mut sandbox: Option<&mut Sandbox>,
    setting: &Setting,
    progress: Progress<'_>,
) -> Result<Vec<Arm>, ScenarioError> {
    let table = Table::create(pair.mysql)?;
    let run = new_run();
    let mut arms = Vec::new();
    for kind in scenario.arms.iter().copied() {
        if interrupt::requested() {
            break;
        }
        match table.fill(scenario.rows) {
            Ok(()) => {}
            // What earlier arms gave is not lost.
            Err(_) if interrupt::requested() => break,
            Err(error) => return Err(error.into()),
        }
        let keys = Keys::new(pair.namespace, &run, kind.name());
        let _guard =
            KeysGuard { redis: pair.redis, keys: &keys, rows: scenario.rows + scenario.missing_rows };
        let mut arm = ArmRun {
            kind,
            pair,
            setting,
            keys: &keys,
            processes: if kind == ArmKind::LeaseNoMutex { setting.clients } else { scenario.processes },
            asks_missing: scenario.missing_rows > 0,
            progress,
            sandbox: sandbox.as_deref_mut(),
        };
        let mut done = match (scenario.run)(&mut arm) {
            Ok(done) => done,
            Err(_) if interrupt::requested() => break,
            Err(error) => return Err(error),
        };
        if activity::is_idle(&done, scenario.provokes) && !interrupt::requested() {
            done.evidence.obstacle = obstacle::find(pair.redis, &keys.entry(0));
        }
        arms.push(done);
    }
    Ok(arms)
}

/// The library's promises first: whatever else went wrong, a broken one must be reported.
pub(super) fn judge(scenario: &Scenario, arms: &[Arm], is_interrupted: bool) -> Verdict {
    let found = Arms(arms);
    let library = scenario.arms.iter().copied().filter(|kind| kind.is_library());
    let broken = library
        .filter_map(|kind| Some((kind, found.of(kind)?)))
        .find_map(|(kind, arm)| (scenario.broken_promise)(kind, arm));
    if let Some(reason) = broken {
        return Verdict::Broken(reason);
    }
    if is_interrupted {
        return Verdict::Interrupted(match arms.last() {
            Some(last) => format!("{INTERRUPTED} in the arm {}", last.arm),
            None => format!("{INTERRUPTED} in its first arm"),
        });
    }
    let names = scenario.arms.iter().map(|kind| kind.name());
    match activity::unfit(arms, names, scenario.provokes).or_else(|| (scenario.proves_nothing)(&found)) {
        Some(reason) => Verdict::ProvesNothing(reason),
        None => Verdict::Shown,
    }
}

/// An arm that is about to run: its servers, its keys, and the settings that all arms share.
pub(crate) struct ArmRun<'a> {
    pub(super) kind: ArmKind,
    pub(super) pair: &'a ServerPair<'a>,
    pub(super) setting: &'a Setting,
    pub(super) keys: &'a Keys,
    processes: u16,
    asks_missing: bool,
    pub(super) progress: Progress<'a>,
    pub(super) sandbox: Option<&'a mut Sandbox>,
}

impl<'a> ArmRun<'a> {
    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub(super) fn setup(&self, loads: &Arc<Loads>, options: Options) -> ArmSetup<'a> {
        ArmSetup::new(self.pair, self.keys, loads, options)
    }

    /// So many clients, spread over the processes of the scenario.
    pub(super) fn arm_clients(
        &self,
        setup: &ArmSetup<'_>,
        clients: u16,
    ) -> Result<ArmClients, ArmSetupError> {
        setup.arm_clients(self.kind.strategy(), usize::from(clients), usize::from(self.processes))
    }

    /// Clients with their numbers; the same random choices in every arm.
    pub(super) fn readers(&self, clients: Vec<Box<dyn Client>>) -> Vec<Reader> {
        let reader = |(client, number)| Reader { client, number, rng: self.setting.rng(number) };
        clients.into_iter().zip(0..).map(reader).collect()
    }

    /// Lets every client work in a thread of its own for the duration of an arm.
    pub(super) fn work<C: Send, T: Send>(
        &self,
        clients: Vec<C>,
        work: impl Fn(C, &RunTime) -> T + Sync,
    ) -> Result<Vec<T>, Lost> {
        self.work_for(self.setting.duration, clients, work)
    }

    pub(super) fn work_for<C: Send, T: Send>(
        &self,
        duration: Duration,
        clients: Vec<C>,
        work: impl Fn(C, &RunTime) -> T + Sync,
    ) -> Result<Vec<T>, Lost> {
        run_clients::run(clients, duration, work, &mut |elapsed| (self.progress)(self.name(), elapsed))
    }

    /// Like [`ArmRun::work_for`], before anything counts.
    pub(super) fn prepare<C: Send, T: Send>(
        &self,
        duration: Duration,
        clients: Vec<C>,
        work: impl Fn(C, &RunTime) -> T + Sync,
    ) -> Result<Vec<T>, Lost> {
        run_clients::run(clients, duration, work, &mut |_| (self.progress)(self.name(), Duration::ZERO))
    }

    /// Whether clients also ask for rows that do not exist.
    pub(super) fn asks_missing(&self) -> bool {
        self.asks_missing
    }
}

/// A client that reads, and the choices that it makes.
pub(super) struct Reader {
    pub(super) client: Box<dyn Client>,
    pub(super) number: u64,
    pub(super) rng: StdRng,
}

impl Reader {
    /// Repeats this until time is over, with pauses of random length in between, of `pause` on
    /// average.
    pub(super) fn repeat(&mut self, run_time: &RunTime, pause: Duration, mut once: impl FnMut(&mut Self)) {
        while run_time.goes_on() {
            once(self);
            run_time.pause(pause.mul_f64(2.0 * self.rng.random::<f64>()));
        }
    }
}
