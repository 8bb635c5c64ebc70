//! The rounds of every workload.

use super::machine;
use super::preflight::Ready;
use super::request::Request;
use super::server_counters::CounterProbe;
use super::subject::{Subject, Target, WithTarget};
use crate::cache::counters;
use crate::interrupt;
use crate::measure::clock::RunClock;
use crate::measure::cpu_latency::Awake;
use crate::measure::plan::Plan;
use crate::measure::rounds::{self, Outside, Task};
use crate::model::Codec;
use crate::model::series::{BlockKind, Series};
use crate::paths::query::Query;
use crate::paths::reader;
use crate::samples::ended::Ended;
use crate::samples::workload::WorkloadSamples;
use crate::stats::external_traffic::ServerSide;
use crate::stats::precision;
use crate::stats::warnings::Warning;
use crate::units;

/// A workload whose rounds are over.
pub(super) struct Finished {
    pub(super) subject: Subject,
    pub(super) plan: Plan,
    pub(super) codecs: Vec<Codec>,
    pub(super) samples: WorkloadSamples,
    pub(super) server_side: ServerSide,
}

/// All samples of a run.
pub(super) struct Taken {
    pub(super) clock: RunClock,
    /// Held until the last read.
    pub(super) awake: Option<Awake>,
    pub(super) finished: Vec<Finished>,
    /// The first failure, in words; it ended the run.
    pub(super) first_error: Option<String>,
    /// About the run as a whole.
    pub(super) warnings: Vec<Warning>,
}

/// Measures every workload, or as many as there were before an interrupt or a failure.
pub(super) fn measure(ready: &mut Ready<'_>, request: &Request) -> anyhow::Result<Taken> {
    let clock = RunClock::start();
    let awake = request.awake();
    let times = machine::Times::now();
    ready.expect(&request.workloads);
    let evicted_before = counters::read(ready.admin.get()?)?.evicted_keys;
    let (finished, first_error) = ready.rounds(request)?;
    // The servers may be what failed: then there is nothing to ask.
    let after = ready.admin.get().and_then(counters::read).ok().and_then(|counters| counters.evicted_keys);
    let evicted = after.zip(evicted_before).and_then(|(after, before)| after.checked_sub(before));
    let evictions = evicted.filter(|keys| *keys > 0).map(|keys| Warning::Evictions { keys });
    let stolen = times.and_then(machine::Times::stolen_since);
    let warnings = evictions.into_iter().chain(stolen).collect();
    Ok(Taken { clock, awake, finished, first_error, warnings })
}

/// The rounds of one subject.
struct Rounds<'a> {
    ready: &'a Ready<'a>,
    codecs: &'a [Codec],
    plan: &'a Plan,
    request: &'a Request,
}

impl WithTarget for Rounds<'_> {
    type Output = anyhow::Result<(WorkloadSamples, ServerSide)>;

    fn run<Q: Query>(self, target: &Target<Q>) -> Self::Output {
        self.ready.measure(target, self.codecs, self.plan, self.request)
    }
}

impl Ready<'_> {
    /// Every workload's rounds, and the first failure, which ends them.
    fn rounds(&self, request: &Request) -> anyhow::Result<(Vec<Finished>, Option<String>)> {
        let mut finished = Vec::new();
        let built_in = request.workloads.iter().map(|workload| Subject::BuiltIn(*workload));
        for subject in built_in.chain(self.queries.iter().cloned().map(Subject::Own)) {
            if interrupt::requested() {
                break;
            }
            let one = match self.finish(subject, request) {
                Ok(one) => one,
                // What earlier workloads gave is not lost.
                Err(error) if !finished.is_empty() => return Ok((finished, Some(format!("{error:#}")))),
                Err(error) => return Err(error),
            };
            self.log(&one);
            let first_error = one.samples.first_error.clone();
            finished.push(one);
            if first_error.is_some() {
                return Ok((finished, first_error));
            }
        }
        Ok((finished, None))
    }

    /// Logs how the rounds went, and the reads that do not count.
    fn log(&self, finished: &Finished) {
        let (name, samples) = (finished.subject.name(), &finished.samples);
        let rounds = units::counted(samples.rounds.rounds(), "round", "rounds");
        let groups = units::counted(samples.course.groups.into(), "group", "groups");
        let ended = samples.course.ended.map_or("early", Ended::name);
        self.console.detail(&format!("{name}: {rounds} in {groups} of connections; ended: {ended}."));
        if interrupt::requested() {
            self.console.detail(&format!("{name}: the round that was interrupted does not count."));
        }
        for path in &samples.paths {
            for (kind, count) in &path.errors {
                let reads = units::counted(*count, "read", "reads");
                self.console.detail(&format!("{name}: {reads} by {} left out: {kind}.", path.path.name()));
            }
        }
    }

    fn finish(&self, subject: Subject, request: &Request) -> anyhow::Result<Finished> {
        let expected = self.expected.as_ref();
        let (plan, codecs) = (subject.plan(expected, request)?, subject.codecs(request));
        let rounds = Rounds { ready: self, codecs: &codecs, plan: &plan, request };
        let (samples, server_side) = subject.with_target(expected, request, rounds)??;
        Ok(Finished { subject, plan, codecs, samples, server_side })
    }

    fn measure<Q: Query>(
        &self,
        target: &Target<Q>,
        codecs: &[Codec],
        plan: &Plan,
        request: &Request,
    ) -> anyhow::Result<(WorkloadSamples, ServerSide)> {
        const STEPS: u64 = 1_000;
        let template = format!("measuring {} {{wide_bar}} {{eta}} left", target.name);
        self.console.step(&format!("measuring {} ...", target.name));
        let watch = CounterProbe::begin(self.servers);
        let bar = self.console.progress(STEPS, &template);
        let blocks = request.blocks(codecs);
        let task = Task { plan: plan.clone(), amount: request.amount, kinds: &blocks, share: target.share };
        let mut outside = Outside {
            open: &|| self.reader(target, codecs, request.ttl),
            is_precise: &|samples| {
                // Generators that started together also end together.
                request.start_at.is_none() && precision::is_precise(samples, codecs, request.rng_seed)
            },
            progress: &mut |share| bar.set_position(units::whole(share * STEPS as f64)),
        };
        let samples = rounds::measure(task, request.clients, &mut outside);
        bar.finish_and_clear();
        let samples = samples?;
        let sample = plan.block_of(BlockKind::Series(Series::MYSQL), 0, 0).items;
        let layouts =
            codecs.iter().map(|codec| (*codec, reader::key_layout(self.namespace, &target.kind, *codec)));
        let server_side = watch.end(&layouts.collect::<Vec<_>>(), &sample);
        Ok((samples, server_side))
    }
}
