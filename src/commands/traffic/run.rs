//! From a request to the document of what happened.

use std::time::Duration;

use super::super::console::Console;
use super::super::scenario::experiment;
use super::super::servers::Servers;
use super::Request;
use super::progress::Progress;
use super::trace;
use crate::assertion::traffic::{Condition, Field};
use crate::cli;
use crate::config::{Settings, UsageError};
use crate::interrupt;
use crate::load_model::arrivals::DueTimes;
use crate::load_model::operations::Mix;
use crate::load_model::popularity::Keys;
use crate::measure::awake::Awake;
use crate::measure::clock::RunClock;
use crate::operator::Operator;
use crate::scenario::{Ground, ScenarioError};
use crate::traffic::find::{self, Figure, SearchLoad, Target};
use crate::traffic::plan::{Plan, Source, TraceEvent};
use crate::traffic::trial::Trials;
use crate::traffic_file::{Config, Document, FORMAT, FORMAT_VERSION, Strategy, build};

const DEFAULT_DURATION: Duration = Duration::from_secs(10);
/// More operations than anybody waits for.
const MOST_OPERATIONS: f64 = 200_000_000.0;

/// What was measured, and what kept the rest from being.
pub(super) struct Done {
    pub(super) document: Document,
    pub(super) failure: Option<ScenarioError>,
}

/// What is to be done, before any server is asked.
pub(super) fn plan(arguments: &cli::Traffic, console: &Console) -> anyhow::Result<Plan> {
    let mix = mix(arguments);
    let wanted = arguments.duration.unwrap_or(DEFAULT_DURATION);
    let (source, keys, duration) = match (&arguments.trace, arguments.rate) {
        (Some(path), _) => {
            let (events, keys) = trace::read(path, console)?;
            let (events, duration) = within(events, arguments.duration);
            (Source::Trace(events.into()), keys, duration)
        }
        (None, Some(rate)) => {
            if rate * wanted.as_secs_f64() > MOST_OPERATIONS {
                let message =
                    "--rate times --duration is more than 200,000,000 operations; choose less of either";
                return Err(UsageError(message.to_owned()).into());
            }
            let due = DueTimes::new(arguments.arrivals.law(), rate, wanted.as_secs_f64(), arguments.rng_seed);
            (Source::Open { mix, due }, arguments.keys, wanted)
        }
        (None, None) => (Source::Closed(mix), arguments.keys, wanted),
    };
    Ok(Plan {
        source,
        keys,
        clients: arguments.clients,
        duration,
        ttl_s: arguments.ttl,
        cold: arguments.cold || arguments.trace.is_some(),
        late: arguments.late,
        rng_seed: arguments.rng_seed,
    })
}

fn mix(arguments: &cli::Traffic) -> Mix {
    Mix {
        keys: Keys::new(arguments.popularity, arguments.keys, arguments.rng_seed),
        writes: arguments.writes,
        rng_seed: arguments.rng_seed,
    }
}

/// The events of a trace that fall into the time, and the time that they take.
fn within(mut events: Vec<TraceEvent>, duration: Option<Duration>) -> (Vec<TraceEvent>, Duration) {
    if let Some(limit) = duration.and_then(|limit| u64::try_from(limit.as_nanos()).ok()) {
        let end = events.partition_point(|event| event.due_ns <= limit);
        events.truncate(end);
    }
    let last_ns = events.last().map_or(0, |event| event.due_ns);
    let length = duration.unwrap_or(Duration::from_nanos(last_ns.saturating_add(1)));
    (events, length.max(Duration::from_millis(1)))
}

pub(super) fn run(
    request: &Request<'_>,
    plan: &Plan,
    settings: &Settings,
    servers: &mut Servers,
    console: &Console,
) -> anyhow::Result<Done> {
    let environment = experiment::look(servers)?;
    let (mysql, redis) = (servers.mysql()?.clone(), servers.redis()?.clone());
    let ground = Ground { mysql: &mysql, redis: &redis, namespace: &settings.namespace };
    let clock = RunClock::start();
    let awake = Awake::hold();
    let mut progress = Progress::new(console);
    let trials = Trials::new(&ground)?;
    let (strategies, failure) = match &request.find {
        Some(condition) => search(request, condition, plan, &trials, &mut progress, console),
        None => each(request, plan, &trials, &mut progress, console),
    };
    drop(trials);
    progress.finish();
    let document = Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: clock.started_at(),
        wall_s: clock.elapsed_s(),
        interrupted: interrupt::requested(),
        environment,
        config: config(request, plan, awake.is_some()),
        strategies,
        assertions: Vec::new(),
        warnings: experiment::warnings(),
    };
    match failure {
        Some(failure) if document.strategies.is_empty() => Err(failure.into()),
        failure => Ok(Done { document, failure }),
    }
}

type Measured = (Vec<Strategy>, Option<ScenarioError>);

/// One strategy after the other.
fn each(
    request: &Request<'_>,
    plan: &Plan,
    trials: &Trials<'_>,
    progress: &mut Progress,
    console: &Console,
) -> Measured {
    let mut strategies = Vec::new();
    for way in &request.ways {
        if interrupt::requested() {
            break;
        }
        console.step(&format!("Strategy {}, {} s.", way.name(), plan.duration.as_secs_f64()));
        let result = trials.run(*way, plan, &mut |way, elapsed, second| {
            progress.show(way, elapsed, plan.duration, second);
        });
        match result {
            Ok(result) => strategies.push(build::strategy(&result, &plan.source)),
            Err(failure) => return (strategies, Some(failure)),
        }
    }
    (strategies, None)
}

fn search(
    request: &Request<'_>,
    condition: &Condition,
    plan: &Plan,
    trials: &Trials<'_>,
    progress: &mut Progress,
    console: &Console,
) -> Measured {
    console.step(&format!("Searching the highest rate at which {}.", condition.text));
    let load = SearchLoad {
        mix: &mix(request.arguments),
        arrivals: request.arguments.arrivals.law(),
        target: target(condition),
    };
    let searched = find::find(trials, &request.ways, plan, &load, &mut |way, elapsed, second| {
        progress.show_search(way, elapsed, second);
    });
    let strategies = searched.strategies.iter().filter_map(|found| build::found(found, &plan.source));
    (strategies.collect(), searched.failure)
}

fn target(condition: &Condition) -> Target {
    let figure = match condition.field {
        Field::Percentile("50") => Figure::Quantile(0.5),
        Field::Percentile("90") => Figure::Quantile(0.9),
        Field::Percentile("95") => Figure::Quantile(0.95),
        Field::Percentile("99") => Figure::Quantile(0.99),
        Field::Percentile(_) => Figure::Quantile(0.999),
        _ => Figure::Mean,
    };
    let holds: fn(f64, f64) -> bool = match condition.operator {
        Operator::LessOrEqual => |value, bound| value <= bound,
        _ => |value, bound| value < bound,
    };
    Target { figure, holds, threshold_ns: condition.threshold }
}

fn config(request: &Request<'_>, plan: &Plan, cores_awake: bool) -> Config {
    let arguments = request.arguments;
    let is_trace = arguments.trace.is_some();
    let kind = match (&request.find, &plan.source) {
        (Some(_), _) => "find",
        (None, Source::Closed(_)) => "closed",
        (None, Source::Open { .. }) => "open",
        (None, Source::Trace(_)) => "trace",
    };
    let has_arrivals = matches!(kind, "open" | "find");
    Config {
        kind: kind.to_owned(),
        rate_per_s: arguments.rate,
        arrivals: has_arrivals.then(|| arguments.arrivals.law().name().to_owned()),
        find: request.find.as_ref().map(|condition| condition.text.clone()),
        duration_s: request.find.is_none().then_some(plan.duration.as_secs_f64()),
        clients: u64::from(plan.clients),
        keys: u64::from(plan.keys),
        popularity: (!is_trace).then(|| arguments.popularity.name()),
        writes_share: (!is_trace).then_some(arguments.writes),
        ttl_s: plan.ttl_s,
        cold: plan.cold,
        late_s: plan.late.map(|late| late.as_secs_f64()),
        cores_awake,
        rng_seed: plan.rng_seed,
    }
}
