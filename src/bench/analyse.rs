//! From samples to numbers and warnings: pure.

use super::measure::{Finished, Taken};
use super::request::Request;
use crate::model::Codec;
use crate::samples::workload::{ControlSamples, WorkloadSamples};
use crate::stats::analysis::Analysis;
use crate::stats::warnings::{self, Warning};
use crate::stats::{client_saturation, external_traffic};

/// The numbers of a run.
pub(super) struct Analysed {
    /// One for each workload and codec.
    pub(super) workloads: Vec<AnalysedWorkload>,
    pub(super) controls: ControlSamples,
    pub(super) warnings: Vec<Warning>,
    /// Reads that failed or answered wrongly.
    pub(super) failed_reads: u64,
}

pub(super) struct AnalysedWorkload {
    /// Its number among the workloads that are finished.
    pub(super) number: usize,
    pub(super) codec: Codec,
    /// The samples of this codec.
    pub(super) samples: WorkloadSamples,
    pub(super) analysis: Analysis,
}

pub(super) fn analyse(request: &Request, machine: client_saturation::Machine, taken: &Taken) -> Analysed {
    let mut controls = ControlSamples::new();
    let (mut workloads, mut warnings) = (Vec::new(), Vec::new());
    for (number, finished) in taken.finished.iter().enumerate() {
        controls.merge(&finished.samples.controls);
        warnings.extend(warnings_of(finished, machine));
        workloads.extend(finished.codecs.iter().map(|codec| {
            let samples = finished.samples.of_codec(*codec);
            let clients = finished.plan.clients();
            let analysis = Analysis::new(&samples, clients, request.distance, request.rng_seed);
            AnalysedWorkload { number, codec: *codec, samples, analysis }
        }));
    }
    warnings.extend(taken.warnings.iter().cloned());
    warnings.extend(not_measured(request, taken.finished.len()));
    let failed_reads = taken.finished.iter().map(|finished| finished.samples.failed_reads()).sum();
    Analysed { workloads, controls, warnings, failed_reads }
}

fn warnings_of(
    finished: &Finished,
    machine: client_saturation::Machine,
) -> impl Iterator<Item = Warning> + use<> {
    let Finished { subject, samples, server_side, .. } = finished;
    let name = subject.name();
    warnings::of_workload(&name, samples)
        .into_iter()
        .chain(client_saturation::warnings(&name, samples, machine))
        .chain(external_traffic::warnings(&name, server_side, &samples.requests))
}

fn not_measured(request: &Request, reached: usize) -> Option<Warning> {
    let workloads: Vec<&'static str> =
        request.workloads.iter().skip(reached).map(|workload| workload.name()).collect();
    (!workloads.is_empty()).then_some(Warning::NotMeasured { workloads })
}
