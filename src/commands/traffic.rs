//! `rcache traffic`: a mixed load by several strategies of caching, at a rate, at the times of a
//! trace, or as fast as the clients can.

mod ask;
mod load;
mod progress;
mod run;
mod subjects;
mod trace;
mod unfit;

use std::path::PathBuf;

use super::Outcome;
use super::console::Console;
use super::json;
use super::left::{Left, Made};
use super::output_file::OutputFile;
use super::output_folder::OutputFolder;
use super::outputs::{PageTo, check_apart, refuse_twice, report_saved, show};
use super::servers::{Need, Servers};
use crate::assertion::traffic::{self as conditions, Condition, TrafficAssertion};
use crate::bench::typed_query::{self as own_query, Typed};
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::model::{Judgement, UsageError};
use crate::paths::query::Workload;
use crate::plain_text;
use crate::report;
use crate::scenario::strategies::Strategy;
use crate::traffic_file::Document;
use crate::units::counted;

/// The request, understood.
pub(super) struct Request<'a> {
    arguments: &'a cli::Traffic,
    strategies: Vec<Strategy>,
    /// With the queries, what is read instead of rows of our own.
    workloads: Vec<Workload>,
    queries: Vec<Typed>,
    find: Option<Condition>,
}

pub(super) fn run(
    arguments: &cli::Traffic,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let request = Request::new(arguments)?;
    let assertions = request.assertions()?;
    let load = load::Load::new(&request, console)?;
    let output = arguments.output.as_deref().map(OutputFile::create).transpose();
    let output = output.map_err(|error| error.context("--output"))?;
    refuse_twice("document", output.as_ref(), settings)?;
    let read: Vec<&PathBuf> = arguments.trace.iter().chain(&arguments.own.query_file).collect();
    check_apart("--output", output.as_ref(), &read)?;
    let page_to = PageTo::beside(&output);
    let folder = arguments.hgrm.as_deref().map(OutputFolder::create).transpose();
    let folder = folder.map_err(|error| error.context("--hgrm"))?;
    let servers = Servers::open(settings, Need::Both, "traffic", console)?;
    ask::before_much_load(load.mean_rate_per_s(), arguments.yes, &servers, console)?;
    let done = run::run(&request, &assertions, &load, settings, &servers, console);
    let tables = !request.workloads.is_empty() && (done.is_ok() || servers.mysql_in_sandbox);
    let made = Made { tables, entries: None };
    let run::Done { mut document, failure } = match done {
        Ok(done) => done,
        Err(error) => {
            drop(servers);
            Left::report(settings, Need::Both, made, console);
            return Err(error);
        }
    };
    unfit::find(&mut document, &servers, settings);
    let stopped = servers.stop();
    let saved = json::pretty(&document)?;
    let text = match settings.format {
        Format::Text => console.render(&report::traffic::page(&document), settings.page_format),
        Format::Json => saved.clone(),
    };
    let mut files = Vec::new();
    if let Some(output) = output {
        files.push((format!("the traffic to {}", plain_text::path(output.path())), output.save(&saved)));
    }
    if let Some(folder) = folder {
        let what = format!("the histograms to {}", plain_text::path(folder.path()));
        files.push((
            what,
            report::hdr::traffic_files(&document).map_err(Into::into).and_then(|files| folder.save(&files)),
        ));
    }
    let shown = show(page_to, &text, console);
    let all_saved = report_saved(files, console);
    shown?;
    Left::report(settings, Need::Both, made, console);
    let outcome = outcome(&document, console);
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    stopped?;
    Ok(outcome.and_saved(all_saved))
}

impl<'a> Request<'a> {
    fn new(arguments: &'a cli::Traffic) -> Result<Self, UsageError> {
        let find = arguments.find.as_deref().map(conditions::parse_condition).transpose();
        let find = find.map_err(|error| UsageError(format!("--find: {error}")))?;
        let request = Self {
            arguments,
            strategies: distinct(arguments.strategy.iter().map(|typed| strategy(*typed))),
            workloads: distinct(arguments.workload.iter().copied()),
            queries: own_query::queries(&arguments.own, 1)?,
            find,
        };
        if request.reads_only() && arguments.writes.is_some_and(|share| share > 0.0) {
            let message = "--writes is for rows of rcache's own: workloads and queries are only read, because rcache \
                           changes no other data; leave out --writes, or --workload and --query";
            return Err(UsageError(message.to_owned()));
        }
        Ok(request)
    }

    /// Whether workloads or queries are read instead of rows of our own.
    fn reads_only(&self) -> bool {
        !self.workloads.is_empty() || !self.queries.is_empty()
    }

    /// The names of what is read instead of rows of our own.
    fn names(&self) -> impl Iterator<Item = &str> {
        let workloads = self.workloads.iter().map(|workload| workload.name());
        workloads.chain(self.queries.iter().map(|query| query.name.as_str()))
    }

    fn assertions(&self) -> Result<Vec<TrafficAssertion>, UsageError> {
        let of_name = |name: &str| {
            self.strategies.iter().map(|strategy| format!("{name}.{}", strategy.name())).collect()
        };
        let mut names: Vec<String> = self.names().flat_map(|name| -> Vec<String> { of_name(name) }).collect();
        // Without the name of the only workload it is clear, too.
        if self.names().count() < 2 {
            names.extend(self.strategies.iter().map(|strategy| strategy.name().to_owned()));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let parse = |text: &String| {
            conditions::parse(text, &names).map_err(|error| UsageError(format!("--assert {text:?}: {error}")))
        };
        self.arguments.assert.iter().map(parse).collect()
    }
}

/// Without repetitions, in the order in which they were typed.
fn distinct<T: PartialEq>(typed: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in typed {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

fn strategy(strategy: cli::Strategy) -> Strategy {
    match strategy {
        cli::Strategy::Mysql => Strategy::Mysql,
        cli::Strategy::Naive => Strategy::Naive,
        cli::Strategy::Lock => Strategy::Lock,
        cli::Strategy::Lease => Strategy::Lease,
        cli::Strategy::LeaseMarker => Strategy::LeaseMarker,
    }
}

/// Failed operations and broken promises first, then assertions.
fn outcome(document: &Document, console: &Console) -> Outcome {
    if document.interrupted {
        console.warning("interrupted: the numbers cover what happened until then");
        return Outcome::Interrupted;
    }
    let promised = |name: &str| name.starts_with("lease") || name == "mysql";
    let mut failed = false;
    for strategy in &document.strategies {
        let label = strategy.label();
        let errors: u64 = strategy.errors.values().sum();
        let broken = strategy.stale_reads > 0 && promised(&strategy.strategy);
        for (number, one, many) in [
            (errors, "operation failed", "operations failed"),
            (strategy.wrong_reads, "answer was wrong", "answers were wrong"),
            (
                if broken { strategy.stale_reads } else { 0 },
                "read was stale, which must not be",
                "reads were stale, which must not be",
            ),
        ] {
            if number > 0 {
                console.error(&format!("{label}: {}", counted(number, one, many)));
                failed = true;
            }
        }
    }
    let unfit =
        document.strategies.iter().filter_map(|strategy| Some((strategy, strategy.obstacle.as_ref()?)));
    let unfit: Vec<String> =
        unfit.map(|(strategy, reason)| format!("{} proves nothing: {reason}", strategy.label())).collect();
    unfit.iter().for_each(|text| console.error(text));
    let verdict = |verdict| document.assertions.iter().filter(|it| it.verdict == verdict).count();
    match (failed, verdict(Judgement::Failed), verdict(Judgement::Inconclusive)) {
        (true, ..) => Outcome::Failed,
        (false, 0, 0) if !unfit.is_empty() => Outcome::Undecided,
        (false, 0, 0) => Outcome::Fine,
        (false, 0, undecided) => {
            console.error(&format!("{undecided} of {} could not be decided", assertions(document)));
            Outcome::Undecided
        }
        (false, failed, _) => {
            console.error(&format!("{failed} of {} failed", assertions(document)));
            Outcome::GateFailed
        }
    }
}

fn assertions(document: &Document) -> String {
    counted(document.assertions.len() as u64, "assertion", "assertions")
}
