//! The clients of a trial in a made time, on a server of a known law: no sleep, no thread, and the
//! same outcome on every machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::client::{GRACE, Shared, ns};
use super::find::{self, Figure, SearchLoad, Target, quantile_ns};
use super::plan::{Plan, Source};
use super::tally::DoneKind;
use super::time::Time;
use super::trial::{End, TrialResult};
use super::worker::{Failure, Verdict, Worker};
use crate::load_model::arrivals::{Arrivals, DueTimes};
use crate::load_model::operations::Mix;
use crate::load_model::popularity::{Keys, Popularity};
use crate::load_model::search::Found;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// Passes when the one client sleeps or is served.
#[derive(Clone)]
struct VirtualTime {
    now_ns: Arc<AtomicU64>,
    end_ns: u64,
}

impl VirtualTime {
    fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Relaxed)
    }

    fn advance_to(&self, instant_ns: u64) {
        self.now_ns.fetch_max(instant_ns, Ordering::Relaxed);
    }
}

impl Time for VirtualTime {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.now_ns())
    }

    fn goes_on(&self) -> bool {
        self.now_ns() < self.end_ns
    }

    fn sleep_until(&self, since: Duration) {
        self.advance_to(ns(since));
    }

    fn pause(&self, pause: Duration) {
        self.advance_to(self.now_ns() + ns(pause));
    }
}

/// Takes the same time for each operation, and may stand still for a while at the beginning of each
/// period.
#[derive(Clone, Copy)]
struct Server {
    service_ns: u64,
    period_ns: u64,
    stopped_ns: u64,
}

impl Server {
    const fn constant(service_ns: u64) -> Self {
        Self { service_ns, period_ns: SECOND, stopped_ns: 0 }
    }

    /// When it is done with what it begins now.
    fn done_ns(&self, mut now_ns: u64) -> u64 {
        let mut left_ns = self.service_ns;
        while left_ns > 0 {
            let phase_ns = now_ns % self.period_ns;
            if phase_ns < self.stopped_ns {
                now_ns += self.stopped_ns - phase_ns;
                continue;
            }
            let step_ns = left_ns.min(self.period_ns - phase_ns);
            now_ns += step_ns;
            left_ns -= step_ns;
        }
        now_ns
    }
}

struct Served {
    server: Server,
    time: VirtualTime,
    fails: bool,
}

impl Served {
    fn serve(&self) -> Result<(), Failure> {
        self.time.advance_to(self.server.done_ns(self.time.now_ns()));
        let failure = || Failure { kind: Failure::MYSQL, words: "on purpose".to_owned() };
        if self.fails { Err(failure()) } else { Ok(()) }
    }
}

impl Worker for Served {
    fn read(&mut self, _: u32) -> Result<DoneKind, Failure> {
        self.serve().map(|()| DoneKind::Load)
    }

    fn write(&mut self, _: u32) -> Result<(), Failure> {
        self.serve()
    }

    fn check(&mut self, _: u32, _: Duration, _: Duration) -> Verdict {
        Verdict::Right
    }
}

fn plan(rate_per_s: Option<f64>, arrivals: Arrivals, seconds: f64) -> Plan {
    let mix = Mix { keys: Keys::new(Popularity::Uniform, 100, 1), writes: 0.1, rng_seed: 1 };
    let source = match rate_per_s {
        Some(rate) => Source::Open { mix, due: DueTimes::new(arrivals, rate, seconds, 1) },
        None => Source::Closed(mix),
    };
    Plan {
        source,
        keys: 100,
        clients: 1,
        duration: Duration::from_secs_f64(seconds),
        ttl_s: 60.0,
        cold: false,
        late: None,
        rng_seed: 1,
    }
}

/// One client alone, and when it ended.
fn run_at(plan: &Plan, server: Server, fails: bool) -> (TrialResult, u64) {
    let time = VirtualTime { now_ns: Arc::default(), end_ns: ns(plan.duration + GRACE) };
    let shared = Shared::new(plan);
    shared.work(&mut Served { server, time: time.clone(), fails }, &time);
    (TrialResult::new(shared, time.now_ns()), time.now_ns())
}

fn run(plan: &Plan, server: Server) -> TrialResult {
    run_at(plan, server, false).0
}

fn is_near(value: f64, expected: f64, share: f64) -> bool {
    (value / expected - 1.0).abs() <= share
}

/// A server that stops for D of every P, at a rate λ that it can serve at μ: the operation that is
/// due t after a stop began waits D - t(1 - λ/μ), until the queue is gone at T = μD/(μ - λ). So the
/// share T/P of all waits between 0 and D, evenly.
#[test]
fn stops_show_in_response_times_as_they_must() {
    let (period_s, stop_s, rate, service_s) = (5.0, 0.2, 1_000.0, 0.000_1);
    let server = Server { service_ns: 100_000, period_ns: 5 * SECOND, stopped_ns: 200 * MS };
    for arrivals in [Arrivals::Even, Arrivals::Poisson] {
        let result = run(&plan(Some(rate), arrivals, 100.0), server);
        assert_eq!((result.offered, result.given_up()), (100_000, 0));
        let affected = stop_s / (1.0 - rate * service_s) / period_s;
        let mean_s = service_s + affected * stop_s / 2.0;
        let quantile_s = |quantile: f64| service_s + stop_s * (1.0 - (1.0 - quantile) / affected);
        let seen_s = |quantile| quantile_ns(&result.tally, result.offered, quantile).unwrap() as f64 / 1e9;
        let mean_seen_s = result.tally.response.mean_ns().unwrap() / 1e9;
        assert!(is_near(mean_seen_s, mean_s, 0.05), "{arrivals:?}: {mean_seen_s} for {mean_s}");
        for quantile in [0.99, 0.999] {
            let (seen, expected) = (seen_s(quantile), quantile_s(quantile));
            assert!(is_near(seen, expected, 0.05), "{arrivals:?} {quantile}: {seen} for {expected}");
        }
        // Twenty operations are held up in the server itself: service times hide the rest.
        let service = &result.tally.service;
        assert!(service.histogram().value_at_quantile(0.999) < 2 * MS, "only responses tell");
    }
}

#[test]
fn five_times_what_can_be_done_ends_on_time_and_adds_up() {
    let plan = plan(Some(5_000.0), Arrivals::Poisson, 10.0);
    let (result, ended_ns) = run_at(&plan, Server::constant(MS), false);
    assert_eq!(result.offered, 50_000);
    assert_eq!(result.tally.done() + result.given_up(), 50_000);
    assert!((10_900..=11_001).contains(&result.tally.done()), "{}", result.tally.done());
    assert!(is_near(result.throughput_per_s(), 1_000.0, 0.01), "no more than the server can do");
    assert!(ended_ns <= 11 * SECOND + MS, "{ended_ns}");
    let late = Plan { late: Some(Duration::from_millis(10)), ..plan };
    let result = run(&late, Server::constant(MS));
    assert_eq!(result.tally.done() + result.given_up(), 50_000);
    assert!(result.tally.response.max_ns().unwrap() <= 11 * MS + 1, "what is late is not done");
}

#[test]
fn a_closed_loop_has_no_backlog_and_no_wait() {
    let result = run(&plan(None, Arrivals::Even, 10.0), Server::constant(MS));
    assert_eq!((result.tally.done(), result.given_up(), result.offered), (10_000, 0, 10_000));
    assert_eq!((result.tally.response.max_ns(), result.tally.waiting_ns), (Some(MS), 0));
}

#[test]
fn a_server_that_fails_ends_a_trial_early() {
    let (result, ended_ns) = run_at(&plan(Some(1_000.0), Arrivals::Even, 10.0), Server::constant(MS), true);
    assert_eq!((result.end, result.tally.done()), (End::Failures, 0));
    assert!(ended_ns < SECOND, "{ended_ns}");
    assert_eq!(result.offered, result.tally.failures() + result.given_up());
}

const SERVICE_S: f64 = 0.001;

/// The chance to wait no longer than `wait_s` in a queue with one server of constant service
/// (M/D/1; Erlang 1909).
fn waits_no_longer(rate: f64, wait_s: f64) -> f64 {
    let steps = u32::try_from(crate::units::whole((wait_s / SERVICE_S).floor())).unwrap();
    let term = |k: u32| {
        let x = rate * (f64::from(k) * SERVICE_S - wait_s);
        let factorial: f64 = (1..=k).map(f64::from).product();
        x.powi(i32::try_from(k).unwrap()) / factorial * (-x).exp()
    };
    (1.0 - rate * SERVICE_S) * (0..=steps).map(term).sum::<f64>()
}

/// The rate at which the quantile reaches 5 ms.
fn exact_rate(quantile: f64) -> f64 {
    let (mut low, mut high) = (1.0, 999.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if waits_no_longer(middle, 0.005 - SERVICE_S) >= quantile { low = middle } else { high = middle }
    }
    low
}

#[test]
fn the_highest_rate_of_a_known_queue_is_found() {
    for quantile in [0.9, 0.99] {
        let exact = exact_rate(quantile);
        assert!((500.0..950.0).contains(&exact), "{exact}");
        let target =
            Target { figure: Figure::Quantile(quantile), holds: |ns, bound| ns < bound, threshold_ns: 5e6 };
        let load = SearchLoad { arrivals: Arrivals::Poisson, target };
        let seeds = 1..=10;
        let mut errors: Vec<f64> = seeds
            .map(|seed| {
                let plan = Plan { rng_seed: seed * 1_000, ..plan(None, Arrivals::Poisson, 1.0) };
                let searched = find::find(&[plan], &load, &mut |_, plan| {
                    // Ten times as long as on real servers, where ten times as much is done in a
                    // second.
                    Ok(run(plan, Server::constant(MS)))
                });
                let Some(Found::Between { low, high }) = searched.strategies[0].found else {
                    panic!("{:?}", searched.strategies[0].found)
                };
                let best = searched.strategies[0].best.as_ref().unwrap();
                assert!(is_near(best.offered_per_s(), low, 0.01), "the trial at the highest rate is kept");
                ((low * high).sqrt() / exact - 1.0).abs()
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        assert!(errors[8] < 0.05, "{quantile} at {exact}: {errors:?}");
    }
}
