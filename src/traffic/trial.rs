//! One strategy under one load: the cache in its expected state, clients at work, and what came of
//! it.

use std::time::Duration;

use super::client::{GRACE, Shared, ns};
use super::filling;
use super::plan::{Plan, Source};
use super::subject::{Subject, TrafficError};
use super::tally::{Second, Tally};
use super::worker::Worker;
use crate::interrupt;
use crate::load_model::lru_simulation::LruSimulation;
use crate::load_model::operations::Kind;
use crate::load_model::steady_state::{self, Lifetimes, Load};
use crate::measure::clock::process_processor_s;
use crate::measure::timer;
use crate::scenario::keys::{Keys, KeysGuard, new_run};
use crate::scenario::run_clients::{self, RunTime};
use crate::scenario::strategies::Strategy;
use crate::scenario::{ScenarioError, ServerPair};

/// Runs trials on one pair of servers.
pub(crate) struct Trials<'a> {
    pair: &'a ServerPair<'a>,
    run: String,
}

/// One strategy of caching one subject, under one load.
pub(crate) struct Contender<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) strategy: Strategy,
    pub(crate) plan: Plan,
}

/// The result of a trial.
#[derive(Clone, Debug)]
pub(crate) struct TrialResult {
    pub(crate) tally: Tally,
    /// Operations that were due; in a closed loop those that were begun.
    pub(crate) offered: u64,
    /// The same by second; empty in a closed loop.
    pub(crate) offered_by_second: Vec<u64>,
    /// The time in which operations were due, s.
    pub(crate) measured_s: f64,
    /// Until the last client ended, s.
    pub(crate) ended_s: f64,
    /// Share of the reads; none without reads or without a cache.
    pub(crate) hit_ratio: Option<f64>,
    /// None without a cache, for a cold one, and for an interrupted trial.
    pub(crate) expected_hit_ratio: Option<f64>,
    /// Answers that were asked of the database.
    pub(crate) database_loads: u64,
    /// The share of the machine's processor that this process used, 0 to 1.
    pub(crate) own_processor_share: f64,
    pub(crate) end: End,
}

/// Why a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Interrupted,
    /// Too many operations failed.
    Failures,
}

impl TrialResult {
    /// No trial.
    pub(crate) fn none() -> Self {
        Self {
            tally: Tally::new(),
            offered: 0,
            offered_by_second: Vec::new(),
            measured_s: 0.0,
            ended_s: 0.0,
            hit_ratio: None,
            expected_hit_ratio: None,
            database_loads: 0,
            own_processor_share: 0.0,
            end: End::Complete,
        }
    }

    /// The result of clients that have ended; without a cache, the database and an expected hit
    /// ratio.
    pub(super) fn new(shared: Shared<'_>, ended_ns: u64) -> Self {
        let plan = shared.plan;
        let end = match (interrupt::requested(), shared.fails()) {
            (true, _) => End::Interrupted,
            (false, true) => End::Failures,
            (false, false) => End::Complete,
        };
        let tally = shared.into_tally();
        let planned_ns = ns(plan.duration);
        let measured_ns = if end == End::Complete { planned_ns } else { ended_ns.min(planned_ns) };
        let begun = tally.done() + tally.failures();
        let offered = plan.source.due_before(measured_ns.saturating_add(1)).unwrap_or(begun).max(begun);
        let offered_by_second = plan.source.due_by_second(measured_ns);
        let [measured_s, ended_s] = [measured_ns, ended_ns].map(|ns| ns as f64 / 1e9);
        Self { tally, offered, offered_by_second, measured_s, ended_s, end, ..Self::none() }
    }

    /// Operations that were due and neither done nor failed.
    pub(crate) fn given_up(&self) -> u64 {
        self.offered.saturating_sub(self.tally.done() + self.tally.failures())
    }

    pub(crate) fn offered_per_s(&self) -> f64 {
        self.offered as f64 / self.measured_s.max(1e-9)
    }

    /// Operations done a second, also of those that were done after the last was due.
    pub(crate) fn throughput_per_s(&self) -> f64 {
        self.tally.done() as f64 / self.measured_s.max(self.ended_s).max(1e-9)
    }
}

/// Hears how a trial goes on: the time, and once a second the last second that is over.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Duration, Option<&Second>);

/// The closed loop is tried for so long, to find the rate for which the cache is filled.
const PILOT: Duration = Duration::from_millis(600);
/// The rate of which the pilot takes the cache to be full, operations a second.
const PILOT_RATE_PER_S: f64 = 10_000.0;

impl<'a> Trials<'a> {
    pub(crate) fn new(pair: &'a ServerPair<'a>) -> Self {
        Self { pair, run: new_run() }
    }

    /// Runs a contender by another plan. Its keys are removed at the end, however it comes.
    pub(crate) fn run(
        &self,
        contender: &Contender<'_>,
        plan: &Plan,
        watch: Watch<'_>,
    ) -> Result<TrialResult, TrafficError> {
        let rate_per_s = match &plan.source {
            Source::Open { due, .. } => due.count() as f64 / plan.duration.as_secs_f64(),
            Source::Closed(_) if contender.strategy != Strategy::Mysql && !plan.cold => {
                let pilot = Plan { duration: PILOT.min(plan.duration), ..plan.clone() };
                let done = self.once(contender, &pilot, PILOT_RATE_PER_S, &mut |_, _| {})?;
                done.tally.done() as f64 / done.measured_s.max(1e-3)
            }
            Source::Closed(_) | Source::Trace(_) => PILOT_RATE_PER_S,
        };
        self.once(contender, plan, rate_per_s, watch)
    }

    fn once(
        &self,
        &Contender { subject, strategy, .. }: &Contender<'_>,
        plan: &Plan,
        rate_per_s: f64,
        watch: Watch<'_>,
    ) -> Result<TrialResult, TrafficError> {
        let keys = Keys::new(self.pair.namespace, &self.run, strategy.name());
        let _guard = KeysGuard { redis: self.pair.redis, keys: &keys, rows: plan.keys };
        let arm = subject.arm(strategy, &keys, plan)?;
        let lifetimes = lifetimes(strategy, plan.ttl_s);
        let lives = match plan.source.mix().filter(|_| !plan.cold) {
            Some(mix) => filling::fill(arm.as_ref(), mix, Load::new(rate_per_s, mix.writes), lifetimes)?,
            None => Vec::new(),
        };
        let workers = arm.workers(plan.clients)?;
        filling::begin(self.pair.redis, &keys, &lives)?;
        let shared = Shared::new(plan);
        let processor_s = process_processor_s();
        let ended_ns = run_clients(workers, &shared, watch)?;
        let processor_s = process_processor_s() - processor_s;
        let mut result = TrialResult::new(shared, ended_ns);
        result.own_processor_share = processor_s / (result.ended_s.max(1e-3) * cores());
        result.database_loads = arm.loads();
        if strategy != Strategy::Mysql {
            let reads = result.tally.reads();
            result.hit_ratio = (reads > 0).then(|| result.tally.hits.count as f64 / reads as f64);
            // A cold cache has no hit ratio to expect, unless every read is known.
            let is_known = !plan.cold || matches!(plan.source, Source::Trace(_));
            result.expected_hit_ratio = (result.end == End::Complete && is_known)
                .then(|| expected(plan, lifetimes, result.offered_per_s()))
                .flatten();
        }
        Ok(result)
    }
}

/// Returns when the last of them ended.
fn run_clients(
    workers: Vec<Box<dyn Worker>>,
    shared: &Shared<'_>,
    watch: Watch<'_>,
) -> Result<u64, TrafficError> {
    let duration = shared.plan.duration;
    let work = |mut worker: Box<dyn Worker>, run_time: &RunTime| {
        if shared.plan.source.is_open() {
            timer::sharpen();
        }
        shared.work(worker.as_mut(), run_time);
        ns(run_time.elapsed())
    };
    let mut shown = 0;
    let ends = run_clients::run(workers, duration + GRACE, work, &mut |elapsed| {
        let over = elapsed.as_secs().min(duration.as_secs());
        let last = (over > shown).then(|| shared.second(over - 1)).flatten();
        shown = over;
        watch(elapsed.min(duration), last.as_ref());
    });
    Ok(ends.map_err(ScenarioError::from)?.into_iter().max().unwrap_or(0))
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

/// The library shortens each time to live by a tenth at most; the others do not.
fn lifetimes(strategy: Strategy, ttl_s: f64) -> Lifetimes {
    let jitter = match strategy {
        Strategy::Lease | Strategy::LeaseMarker | Strategy::LeaseEarly | Strategy::NaiveJitter => 0.1,
        Strategy::Mysql | Strategy::Naive | Strategy::NaiveDoubleDelete | Strategy::Lock => 0.0,
    };
    Lifetimes { longest_s: ttl_s, jitter }
}

/// In closed form; for a trace by simulation, from an empty cache on.
fn expected(plan: &Plan, lifetimes: Lifetimes, rate_per_s: f64) -> Option<f64> {
    match &plan.source {
        Source::Closed(mix) | Source::Open { mix, .. } => {
            Some(steady_state::hit_ratio(&mix.keys, Load::new(rate_per_s, mix.writes), lifetimes))
        }
        Source::Trace(events) => {
            let mean_ttl_s = lifetimes.longest_s * (1.0 - lifetimes.jitter / 2.0);
            let mut cache = LruSimulation::new(u32::MAX, Some(mean_ttl_s));
            let (mut hits, mut reads) = (0_u64, 0_u64);
            for event in events.iter() {
                match event.operation.kind {
                    Kind::Read => {
                        reads += 1;
                        hits += u64::from(cache.read(event.operation.id, event.due_ns as f64 / 1e9));
                    }
                    Kind::Write => cache.remove(event.operation.id),
                }
            }
            (reads > 0).then(|| hits as f64 / reads as f64)
        }
    }
}
