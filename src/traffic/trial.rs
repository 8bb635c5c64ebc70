//! One strategy under one load: the table filled anew, the cache in its expected state, clients at work, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::client::{GRACE, Shared, ns};
use super::filling;
use super::plan::{Plan, Source};
use super::tally::{Second, Tally};
use crate::cache::Options;
use crate::interrupt;
use crate::load_model::lru_simulation::LruSimulation;
use crate::load_model::operations::{Kind, Mix};
use crate::load_model::steady_state::{self, Lifetimes, Load};
use crate::scenario::arms::{Client, Stage, Team, Way};
use crate::scenario::crowd::{self, Shift};
use crate::scenario::database::Loads;
use crate::scenario::keys::{Keys, KeysGuard, new_run};
use crate::scenario::table::Table;
use crate::scenario::version_floor::Floors;
use crate::scenario::{Ground, ScenarioError};

/// The table of all trials, made for them and dropped with this.
pub(crate) struct Trials<'a> {
    ground: &'a Ground<'a>,
    table: Table,
    run: String,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub(crate) struct TrialResult {
    pub(crate) way: Way,
    pub(crate) tally: Tally,
    /// Operations that were due; in a closed loop those that were begun.
    pub(crate) offered: u64,
    /// From the first to the last operation, s.
    pub(crate) measured_s: f64,
    /// Null without a cache, for a cold one, and for an interrupted trial.
    pub(crate) expected_hit_ratio: Option<f64>,
    /// Rows that were asked of the database.
    pub(crate) database_loads: u64,
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
    /// Operations that were due and neither done nor failed.
    pub(crate) fn given_up(&self) -> u64 {
        self.offered.saturating_sub(self.tally.done() + self.tally.failures())
    }

    pub(crate) fn offered_per_s(&self) -> f64 {
        self.offered as f64 / self.measured_s.max(1e-9)
    }

    /// Share of the reads; none without reads or without a cache.
    pub(crate) fn hit_ratio(&self) -> Option<f64> {
        let reads = self.tally.reads();
        (self.way != Way::Mysql && reads > 0).then(|| self.tally.hits.count as f64 / reads as f64)
    }
}

/// How a trial goes on: the strategy, the time, and once a second the last second that is over.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Way, Duration, Option<&Second>);

/// The closed loop is tried for so long, to find the rate for which the cache is filled.
const PILOT: Duration = Duration::from_millis(600);
/// The rate of which the pilot takes the cache to be full, operations a second.
const PILOT_RATE_PER_S: f64 = 10_000.0;

impl<'a> Trials<'a> {
    pub(crate) fn new(ground: &'a Ground<'a>) -> Result<Self, ScenarioError> {
        Ok(Self { ground, table: Table::create(ground.mysql)?, run: new_run() })
    }

    /// Runs one strategy. Its keys are removed at the end, however it comes.
    pub(crate) fn run(&self, way: Way, plan: &Plan, watch: Watch<'_>) -> Result<TrialResult, ScenarioError> {
        let rate_per_s = match &plan.source {
            Source::Open { due, .. } => due.count() as f64 / plan.duration.as_secs_f64(),
            Source::Closed(_) if way != Way::Mysql && !plan.cold => {
                let pilot = Plan { duration: PILOT.min(plan.duration), ..plan.clone() };
                let done = self.once(way, &pilot, PILOT_RATE_PER_S, &mut |_, _, _| {})?;
                done.tally.done() as f64 / done.measured_s.max(1e-3)
            }
            Source::Closed(_) | Source::Trace(_) => PILOT_RATE_PER_S,
        };
        self.once(way, plan, rate_per_s, watch)
    }

    fn once(
        &self,
        way: Way,
        plan: &Plan,
        rate_per_s: f64,
        watch: Watch<'_>,
    ) -> Result<TrialResult, ScenarioError> {
        self.table.fill(plan.keys)?;
        let keys = Keys::new(self.ground.namespace, &self.run, way.name());
        let _guard = KeysGuard { redis: self.ground.redis, keys: &keys, rows: plan.keys };
        // By row the loads are of no interest.
        let loads = Arc::new(Loads::new(0));
        let options = Options::default().ttl(Duration::from_secs_f64(plan.ttl_s.clamp(1e-3, 1e9)));
        let stage = Stage::new(self.ground, &keys, &loads, options);
        let lifetimes = lifetimes(way, plan.ttl_s);
        if let Some(mix) = plan.source.mix().filter(|_| !plan.cold) {
            filling::fill(&stage, way, mix, Load::new(rate_per_s, mix.writes), lifetimes)?;
        }
        let Team { clients, background, .. } = stage.team(way, usize::from(plan.clients), 1)?;
        loads.forget();
        let floors = Floors::new(plan.keys);
        let shared = Shared::new(plan, &floors);
        let work = |mut client: Box<dyn Client>, shift: &Shift| {
            shared.work(client.as_mut(), shift);
            ns(shift.elapsed())
        };
        let mut shown = 0;
        let ends = crowd::work(clients, plan.duration + GRACE, work, &mut |elapsed| {
            let over = elapsed.as_secs().min(plan.duration.as_secs());
            let last = (over > shown).then(|| shared.second(over - 1)).flatten();
            shown = over;
            watch(way, elapsed.min(plan.duration), last.as_ref());
        })?;
        drop(background);
        let ended_ns = ends.into_iter().max().unwrap_or(0);
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
        let measured_s = measured_ns as f64 / 1e9;
        let expected_hit_ratio = (end == End::Complete && way != Way::Mysql && !plan.cold)
            .then(|| expected(plan, lifetimes, offered as f64 / measured_s))
            .flatten();
        Ok(TrialResult {
            way,
            tally,
            offered,
            measured_s,
            expected_hit_ratio,
            database_loads: loads.all(),
            end,
        })
    }
}

/// The library shortens each time to live by a tenth at most; the others do not.
fn lifetimes(way: Way, ttl_s: f64) -> Lifetimes {
    let jitter = match way {
        Way::Lease | Way::LeaseMarker | Way::LeaseEarly | Way::NaiveJitter => 0.1,
        Way::Mysql | Way::Naive | Way::NaiveDoubleDelete | Way::Lock => 0.0,
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

impl Source {
    /// None for a trace.
    fn mix(&self) -> Option<&Mix> {
        match self {
            Self::Closed(mix) | Self::Open { mix, .. } => Some(mix),
            Self::Trace(_) => None,
        }
    }
}
