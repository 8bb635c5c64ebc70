//! From numbers to the document: the only place where a run is built.

use super::Measured;
use super::analyse::{Analysed, AnalysedWorkload};
use super::measure::{Finished, Taken};
use super::request::Request;
use super::subject::Subject;
use crate::interrupt;
use crate::measure::plan::Amount;
use crate::run_file::build::{self, Workload};
use crate::run_file::{self, Config, Dataset, Environment, FirstAccesses, Run, WorkloadRun};
use crate::stats::warnings::Warning;
use crate::users::DataSet;
use crate::verdict;

/// The parts of a run that are known before anything is measured.
pub(super) struct Setting {
    pub(super) environment: Environment,
    pub(super) dataset: Option<DataSet>,
    pub(super) warnings: Vec<Warning>,
    /// The two accesses that `demo` makes first.
    pub(super) first_accesses: Option<FirstAccesses>,
}

pub(super) fn assemble(setting: Setting, request: &Request, taken: Taken, analysed: Analysed) -> Measured {
    let Analysed { workloads, controls, warnings, failed_reads } = analysed;
    let workloads: Vec<WorkloadRun> =
        workloads.iter().filter_map(|workload| workload_run(workload, request, &taken)).collect();
    let warnings = setting.warnings.iter().chain(&warnings).map(saved_warning).collect();
    let run = Run {
        format: run_file::FORMAT.to_owned(),
        format_version: run_file::FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: taken.clock.started_at(),
        wall_s: taken.clock.elapsed_s(),
        interrupted: interrupt::requested(),
        environment: setting.environment,
        dataset: setting.dataset.map(|data| Dataset {
            users: u64::from(data.users),
            rng_seed: data.rng_seed,
            fingerprint: data.fingerprint().to_string(),
        }),
        config: config(request, taken.awake.is_some()),
        controls: build::controls(&controls),
        assertions: verdict::judge(&request.assertions, &workloads),
        workloads,
        warnings,
        runs: Vec::new(),
        generators: 1,
        first_accesses: setting.first_accesses,
    };
    Measured { run, failed_reads, first_error: taken.first_error }
}

fn workload_run(workload: &AnalysedWorkload, request: &Request, taken: &Taken) -> Option<WorkloadRun> {
    let AnalysedWorkload { number, codec, samples, analysis } = workload;
    let Finished { subject, plan, server_side, samples: all, .. } = taken.finished.get(*number)?;
    let query = match subject {
        Subject::BuiltIn(_) => None,
        Subject::Own(own) => Some(own.described(all, plan, samples.entry_bytes(*codec), request)),
    };
    Some(build::workload(Workload {
        name: subject.name(),
        codec: *codec,
        keys: plan.keys(),
        samples,
        analysis,
        server_side: Some(server_side),
        query,
    }))
}

fn config(request: &Request, cores_awake: bool) -> Config {
    let (iterations, time_s) = match request.amount {
        Amount::Reads(reads) => (Some(reads), None),
        Amount::Time(time) => (None, Some(time.as_secs_f64())),
    };
    Config {
        iterations,
        time_s,
        clients: u64::from(request.clients),
        paths: request.paths.iter().map(|path| path.name().to_owned()).collect(),
        placement: if request.core_rotation().is_some() { "even" } else { "free" }.to_owned(),
        cores_awake,
        ttl_s: request.ttl.as_secs(),
        verify_hit_percent: request.verify_hit_percent.map(u64::from),
        rng_seed: request.rng_seed,
    }
}

fn saved_warning(warning: &Warning) -> run_file::Warning {
    run_file::Warning { code: warning.code().to_owned(), message: warning.to_string() }
}
