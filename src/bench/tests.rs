//! The stage from samples to the page, without a server: clients are fakes, everything else is the
//! real code.

use std::time::Duration;

use super::Measured;
use super::analyse::analyse;
use super::assemble::{Setting, assemble};
use super::measure::{Finished, Taken};
use super::request::Request;
use super::subject::Subject;
use crate::assertion;
use crate::measure::clock::RunClock;
use crate::measure::plan::{Amount, Plan};
use crate::measure::rounds::{self, Outside, Task};
use crate::model::{Codec, Cores, Judgement, ReadPath};
use crate::paths::fake_client::FakeClient;
use crate::paths::query::Workload;
use crate::report::bench::{self, Detail};
use crate::report::render::terminal::{self, Screen};
use crate::report::sample_runs;
use crate::run_file::load;
use crate::stats::client_saturation;
use crate::stats::external_traffic::ServerSide;
use crate::users::DataSet;

const DATA: DataSet = DataSet { users: 1_000, rng_seed: 42 };
const MACHINE: client_saturation::Machine =
    client_saturation::Machine { clients: 2, cores: 2, beside_servers: true };

fn request() -> Request {
    Request {
        amount: Amount::Reads(400),
        clients: 2,
        workloads: vec![Workload::Point, Workload::Page],
        paths: vec![ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm],
        codecs: vec![Codec::Postcard],
        verify_hit_percent: Some(80),
        distance: None,
        cores: Cores::Free,
        ttl: Duration::from_secs(60),
        share: None,
        rng_seed: 42,
        start_at: None,
        assertions: Vec::new(),
    }
}

/// Rounds of one workload with fake clients.
fn finished(request: &Request, workload: Workload, client: &FakeClient) -> Finished {
    let plan = Plan::new(workload, request.amount, u64::from(request.clients), DATA, None, request.rng_seed);
    let kinds = request.blocks(&request.codecs);
    let task = Task { plan: plan.clone(), amount: request.amount, kinds: &kinds, share: None };
    let mut outside =
        Outside { open: &|| Ok(client.beside()), is_precise: &|_| false, progress: &mut |_| () };
    let samples = rounds::measure(task, request.clients, &mut outside).unwrap();
    let not_asked = || "there is no server".to_owned();
    let server_side =
        ServerSide { mysql: Err(not_asked()), redis: Err(not_asked()), sampled_entry_bytes: Vec::new() };
    let codecs = request.codecs.clone();
    Finished { subject: Subject::BuiltIn(workload), plan, codecs, samples, server_side }
}

fn run(request: &Request, finished: Vec<Finished>) -> Measured {
    let first_error = finished.iter().find_map(|finished| finished.samples.first_error.clone());
    let (clock, warnings) = (RunClock::start(), Vec::new());
    let taken = Taken { clock, awake: None, finished, first_error, warnings };
    let setting = Setting {
        environment: sample_runs::full(20).environment,
        dataset: Some(DATA),
        warnings: Vec::new(),
        first_accesses: None,
    };
    let analysed = analyse(request, MACHINE, &taken);
    assemble(setting, request, taken, analysed)
}

fn page(measured: &Measured) -> String {
    terminal::render(&bench::page(&measured.run, Detail::Full), &Screen::default())
}

#[test]
fn a_run_without_servers_ends_in_a_page_and_a_document() {
    let request = request();
    let finished =
        request.workloads.iter().map(|it| finished(&request, *it, &FakeClient::default())).collect();
    let measured = run(&request, finished);
    assert_eq!((measured.failed_reads, &measured.first_error), (0, &None));
    for workload in &measured.run.workloads {
        let counts = |path: &str| {
            let path = workload.paths.iter().find(|run| run.path == path).unwrap();
            (path.operations, path.hits.unwrap_or(0), path.misses.unwrap_or(0))
        };
        let (reads, _, _) = counts("mysql");
        assert!(reads >= 400, "{reads}");
        assert_eq!((counts("warm"), counts("cold")), ((reads, reads, 0), (reads, 0, reads)));
        let verified = workload.verified_hit_ratio.as_ref().unwrap();
        assert!(verified.hits > verified.misses && verified.misses > 0, "{verified:?}");
    }
    let text = page(&measured);
    for words in ["point", "page", "MySQL", "hit", "miss", "Summary"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let document = serde_json::to_vec(&measured.run).unwrap();
    assert_eq!(load::parse(&document).unwrap(), measured.run);
}

#[test]
fn a_wrong_answer_is_counted_and_named() {
    let request = Request { workloads: vec![Workload::Point], verify_hit_percent: None, ..request() };
    let wrong = FakeClient::new(1..=500, []);
    let measured = run(&request, vec![finished(&request, Workload::Point, &wrong)]);
    assert!(measured.failed_reads > 0);
    let first = measured.first_error.unwrap();
    assert!(first.contains("is not what its number") && first.contains("path"), "{first}");
    let errors: u64 =
        measured.run.workloads[0].paths.iter().filter_map(|path| path.errors.get("wrong_answer")).sum();
    assert_eq!(errors, measured.failed_reads);
}

#[test]
fn a_run_is_built_with_its_assertions() {
    let assertions = ["point.warm.errors == 0", "point.mysql.errors > 0", "page.warm.errors == 0"];
    let request = Request {
        workloads: vec![Workload::Point],
        assertions: assertions.map(|text| assertion::parse(text).unwrap()).to_vec(),
        ..request()
    };
    let measured = run(&request, vec![finished(&request, Workload::Point, &FakeClient::default())]);
    let verdicts = measured.run.assertions.iter().map(|judged| judged.verdict);
    let expected = [Judgement::Passed, Judgement::Failed, Judgement::Inconclusive];
    assert_eq!(verdicts.collect::<Vec<_>>(), expected);
}

#[test]
fn a_client_that_cannot_read_ends_the_rounds_and_keeps_the_run() {
    let request = Request { workloads: vec![Workload::Point], ..request() };
    let gone = FakeClient::new([], 0..=1_000);
    let measured = run(&request, vec![finished(&request, Workload::Point, &gone)]);
    assert!(measured.failed_reads > 0 && measured.first_error.is_some());
    assert!(page(&measured).contains("point"));
}
