//! From a request to the document of what happened.

use super::super::console::Console;
use super::super::scenario::experiment;
use super::super::servers::Servers;
use super::Request;
use super::load::Load;
use super::progress::Progress;
use super::subjects::{self, Asked};
use crate::assertion::traffic::{Condition, Field, TrafficAssertion};
use crate::config::Settings;
use crate::interrupt;
use crate::measure::clock::RunClock;
use crate::measure::cpu_latency::Awake;
use crate::model::operator::Operator;
use crate::scenario::ServerPair;
use crate::servers::environment;
use crate::traffic::find::{self, Figure, SearchLoad, Target};
use crate::traffic::subject::TrafficError;
use crate::traffic::trial::{Contender, Trials};
use crate::traffic_file::build::{self, Name};
use crate::traffic_file::{Config, Document, FORMAT, FORMAT_VERSION, Strategy, WorkloadConfig, judge};

/// The results, and what kept the rest from being measured.
pub(super) struct Done {
    pub(super) document: Document,
    pub(super) failure: Option<TrafficError>,
}

/// The runs of the command, one after the other, and their subject.
struct Work<'a> {
    request: &'a Request<'a>,
    trials: Trials<'a>,
    contenders: Vec<Contender<'a>>,
    console: &'a Console,
}

pub(super) fn run(
    request: &Request<'_>,
    assertions: &[TrafficAssertion],
    load: &Load<'_>,
    settings: &Settings,
    servers: &Servers,
    console: &Console,
) -> anyhow::Result<Done> {
    let mut environment = environment::ask(servers)?;
    let (mysql, redis) = (servers.mysql()?.clone(), servers.redis()?.clone());
    let pair = ServerPair { mysql: &mysql, redis: &redis, namespace: &settings.namespace };
    let clock = RunClock::start();
    let awake = Awake::hold();
    let asked = subjects::open(request, &pair, servers, console)?;
    let contenders = contenders(request, load, &asked)?;
    let config = config(request, load, &asked, &contenders, awake.is_some());
    let work = Work { request, trials: Trials::new(&pair), contenders, console };
    let mut progress = Progress::new(console);
    let (strategies, failure) = match &request.find {
        Some(condition) => work.search(condition, &mut progress),
        None => work.each(&mut progress),
    };
    progress.finish();
    drop(work);
    // With them goes the table.
    drop(asked);
    let warnings = experiment::warnings(&mut environment, &mysql);
    let document = Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: clock.started_at(),
        wall_s: clock.elapsed_s(),
        interrupted: interrupt::requested(),
        environment,
        config,
        assertions: assertions.iter().map(|assertion| judge::judge(assertion, &strategies)).collect(),
        strategies,
        warnings,
    };
    match failure {
        Some(failure) if document.strategies.is_empty() => Err(failure.into()),
        failure => Ok(Done { document, failure }),
    }
}

/// Every strategy on every subject.
fn contenders<'a>(
    request: &Request<'_>,
    load: &Load<'_>,
    asked: &'a [Asked<'_>],
) -> anyhow::Result<Vec<Contender<'a>>> {
    let mut contenders = Vec::new();
    for Asked { subject, .. } in asked {
        let subject = subject.as_ref();
        let plan = load.plan(subject.workload().unwrap_or("the table"), subject.most_keys())?;
        contenders.extend(request.strategies.iter().map(|strategy| Contender {
            subject,
            strategy: *strategy,
            plan: plan.clone(),
        }));
    }
    Ok(contenders)
}

fn name<'a>(contender: &Contender<'a>) -> Name<'a> {
    Name { strategy: contender.strategy.name(), workload: contender.subject.workload() }
}

/// The line shown while it is at work.
fn words(contender: &Contender<'_>) -> String {
    let Name { strategy, workload } = name(contender);
    workload.map_or_else(|| strategy.to_owned(), |workload| format!("{workload}.{strategy}"))
}

type Measured = (Vec<Strategy>, Option<TrafficError>);

impl Work<'_> {
    /// One strategy after the other.
    fn each(&self, progress: &mut Progress) -> Measured {
        let mut strategies = Vec::new();
        for contender in &self.contenders {
            if interrupt::requested() {
                break;
            }
            let (words, duration) = (words(contender), contender.plan.duration);
            self.console.step(&format!("Strategy {words}, {} s.", duration.as_secs_f64()));
            let mut watch = progress.of_strategy(&words, Some(duration));
            match self.trials.run(contender, &contender.plan, &mut watch) {
                Ok(result) => strategies.push(build::strategy(name(contender), &result)),
                Err(failure) => return (strategies, Some(failure)),
            }
        }
        (strategies, None)
    }

    fn search(&self, condition: &Condition, progress: &mut Progress) -> Measured {
        self.console.step(&format!("Searching the highest rate at which {}.", condition.text));
        let load = SearchLoad { arrivals: self.request.arguments.arrivals.law(), target: target(condition) };
        let plans: Vec<_> = self.contenders.iter().map(|contender| contender.plan.clone()).collect();
        let searched = find::find(&plans, &load, &mut |number, plan| {
            let contender = &self.contenders[number];
            let words = words(contender);
            let mut watch = progress.of_strategy(&words, None);
            self.trials.run(contender, plan, &mut watch)
        });
        let found = self.contenders.iter().zip(&searched.strategies);
        let strategies = found.filter_map(|(contender, found)| build::found(name(contender), found));
        (strategies.collect(), searched.failure)
    }
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

fn config(
    request: &Request<'_>,
    load: &Load<'_>,
    asked: &[Asked<'_>],
    contenders: &[Contender<'_>],
    cores_awake: bool,
) -> Config {
    let arguments = request.arguments;
    let is_trace = arguments.trace.is_some();
    let kind = match (&request.find, is_trace, arguments.rate) {
        (Some(_), _, _) => "find",
        (None, true, _) => "trace",
        (None, false, Some(_)) => "open",
        (None, false, None) => "closed",
    };
    let keys_of = |name: Option<&str>| {
        let own = contenders.iter().filter(|contender| contender.subject.workload() == name);
        own.map(|contender| u64::from(contender.plan.keys)).max().unwrap_or(0)
    };
    let described = asked.iter().filter_map(|asked| asked.described.clone());
    let workloads: Vec<WorkloadConfig> = described
        .map(|described| WorkloadConfig { keys: keys_of(Some(&described.name)), ..described })
        .collect();
    let has_arrivals = matches!(kind, "open" | "find");
    Config {
        kind: kind.to_owned(),
        rate_per_s: arguments.rate,
        arrivals: has_arrivals.then(|| arguments.arrivals.law().name().to_owned()),
        find: request.find.as_ref().map(|condition| condition.text.clone()),
        duration_s: request.find.is_none().then_some(load.duration().as_secs_f64()),
        clients: u64::from(arguments.clients),
        keys: contenders.iter().map(|contender| u64::from(contender.plan.keys)).max().unwrap_or(0),
        popularity: (!is_trace).then(|| arguments.popularity.name()),
        writes_share: load.writes(),
        ttl_s: arguments.ttl,
        cold: arguments.cold || is_trace,
        late_s: arguments.late.map(|late| late.as_secs_f64()),
        cores_awake,
        rng_seed: arguments.rng_seed,
        workloads,
    }
}
