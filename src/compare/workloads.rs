//! The workloads of two runs, path by path and figure by figure, and what follows for the gates.

use super::figures::{self, Figure, Side};
use super::{
    ControlChange, FigureChange, Gate, GateResult, GateSpec, Options, PathChange, RatioChange, Verdict,
    WorkloadComparison,
};
use crate::run_file::{PathRun, Ratio, Run, WorkloadRun};
use crate::stats::comparison::{self, Spread};
use crate::stats::estimate::Estimate;

const NO_REASON: &str = "the run file has no interval for it";
const NOT_POSITIVE: &str = "an interval that reaches down to nothing has no ratio";
/// Ratios and means as they were measured, from single runs.
const ASSUMED_DEVIATION: f64 = 0.03;
/// The paths that a cache is there for.
const CACHED: [&str; 2] = ["warm", "cold"];

/// Every workload of either run, the baseline's first.
pub(super) fn compare(baseline: &Run, candidate: &Run, options: &Options) -> Vec<WorkloadComparison> {
    let mut compared: Vec<WorkloadComparison> =
        pairs(baseline, candidate).filter_map(|pair| pair.compare(options)).collect();
    for index in 0..compared.len() {
        let name = compared[index].name.clone();
        if compared.iter().filter(|other| other.name == name).count() > 1 {
            compared[index].label = format!("{name} ({})", compared[index].codec);
        }
    }
    compared
}

/// The result of every gate that was asked for.
pub(super) fn gates(
    compared: &[WorkloadComparison],
    baseline: &Run,
    candidate: &Run,
    options: &Options,
) -> Vec<GateResult> {
    let mut results = Vec::new();
    for (workload, pair) in compared.iter().zip(pairs(baseline, candidate)) {
        let codec = (workload.label != workload.name).then(|| workload.codec.clone());
        let mut specs: Vec<GateSpec> =
            options.gates.iter().filter(|gate| gate.workload == workload.name).cloned().collect();
        if options.gated {
            let asked = |path: &&str| !specs.iter().any(|gate| gate.path == **path && gate.figure.is_none());
            let more: Vec<GateSpec> = pair
                .gated_paths()
                .into_iter()
                .filter(asked)
                .map(|path| GateSpec {
                    workload: workload.name.clone(),
                    path: path.to_owned(),
                    figure: None,
                    tolerance_percent: options.tolerance_percent,
                })
                .collect();
            specs.splice(0..0, more);
        }
        results.extend(specs.iter().map(|spec| GateResult { codec: codec.clone(), ..pair.judge(spec) }));
    }
    results
}

fn pairs<'a>(baseline: &'a Run, candidate: &'a Run) -> impl Iterator<Item = Pair<'a>> {
    let pair = move |before: Option<&'a WorkloadRun>, after: Option<&'a WorkloadRun>| Pair {
        baseline: before,
        candidate: after,
        parts: [parts(baseline, before), parts(candidate, after)],
    };
    let in_baseline = baseline
        .workloads
        .iter()
        .map(move |workload| pair(Some(workload), counterpart(workload, baseline, candidate)));
    let only_in_candidate = candidate
        .workloads
        .iter()
        .filter(|workload| counterpart(workload, candidate, baseline).is_none())
        .map(move |workload| pair(None, Some(workload)));
    in_baseline.chain(only_in_candidate)
}

/// A workload in each of several runs.
fn parts<'a>(run: &'a Run, workload: Option<&WorkloadRun>) -> Vec<&'a WorkloadRun> {
    // Load generators share the luck of their time: what differs between them is not what
    // differs between runs.
    let Some(own) = workload.filter(|_| run.generators <= 1) else { return Vec::new() };
    let is_it = |other: &&WorkloadRun| other.name == own.name && other.codec == own.codec;
    run.runs.iter().filter_map(|part| part.workloads.iter().find(is_it)).collect()
}

/// The same workload in the other run: with the same codec, or the only one of its name in both.
fn counterpart<'a>(workload: &WorkloadRun, run: &Run, other: &'a Run) -> Option<&'a WorkloadRun> {
    let namesakes = |run: &'a Run| run.workloads.iter().filter(|other| other.name == workload.name);
    let alone = run.workloads.iter().filter(|other| other.name == workload.name).count() == 1;
    namesakes(other)
        .find(|other| other.codec == workload.codec)
        .or_else(|| namesakes(other).next().filter(|_| alone && namesakes(other).count() == 1))
}

/// One workload in either run; at least one has it.
struct Pair<'a> {
    baseline: Option<&'a WorkloadRun>,
    candidate: Option<&'a WorkloadRun>,
    parts: [Vec<&'a WorkloadRun>; 2],
}

impl<'a> Pair<'a> {
    fn compare(&self, options: &Options) -> Option<WorkloadComparison> {
        let either = self.baseline.or(self.candidate)?;
        let paths: Vec<PathChange> =
            self.path_names().map(|path| self.path(path, options, &either.name)).collect();
        let specs = self.gated_paths().into_iter().map(|path| GateSpec {
            workload: either.name.clone(),
            path: path.to_owned(),
            figure: None,
            tolerance_percent: options.tolerance_percent,
        });
        Some(WorkloadComparison {
            name: either.name.clone(),
            codec: either.codec.clone(),
            label: either.name.clone(),
            verdict: worst(paths.iter().filter(|path| self.gated_paths().contains(&path.path.as_str()))),
            gate: Gate::all(specs.map(|spec| self.judge(&spec).result)),
            warm_over_mysql: self.ratio("warm_over_mysql", |workload| workload.warm_over_mysql),
            speedup: self.ratio("speedup", |workload| workload.speedup),
            miss_penalty: self.ratio("miss_penalty", |workload| workload.miss_penalty),
            paths,
            controls: self.controls(),
        })
    }

    /// Every path of either, the baseline's first.
    fn path_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut names: Vec<&'a str> = Vec::new();
        for path in [self.baseline, self.candidate].into_iter().flatten().flat_map(|workload| &workload.paths)
        {
            if !names.contains(&path.path.as_str()) {
                names.push(&path.path);
            }
        }
        names.into_iter()
    }

    /// The paths that the short form gates: hits, and misses if both runs can tell them from MySQL.
    fn gated_paths(&self) -> Vec<&'static str> {
        let Some(baseline) = self.baseline else { return Vec::new() };
        let has = |workload: &WorkloadRun, name: &str| workload.paths.iter().any(|path| path.path == name);
        let tells_misses = |workload: &WorkloadRun| {
            has(workload, "mysql") && workload.paths.iter().any(|path| path.over_control.is_some())
        };
        let is_gated = |path: &&str| has(baseline, path) && (*path == "warm" || tells_misses(baseline));
        CACHED.into_iter().filter(is_gated).collect()
    }

    fn sides(&self) -> Result<[Side<'a>; 2], String> {
        let side =
            |name: &str, workload: Option<&'a WorkloadRun>, parts: &Vec<&'a WorkloadRun>| match workload {
                Some(workload) => Ok(Side { workload, parts: parts.clone() }),
                None => Err(format!("the {name} did not measure this workload")),
            };
        Ok([
            side("baseline", self.baseline, &self.parts[0])?,
            side("candidate", self.candidate, &self.parts[1])?,
        ])
    }

    /// The spreads of numbers that every run has.
    fn spreads(&self) -> [Spread; 2] {
        self.parts.each_ref().map(|parts| match parts.len() {
            0 | 1 => Spread::Assumed { deviation: ASSUMED_DEVIATION },
            runs => Spread::Measured { runs },
        })
    }

    fn change(&self, path: &str, figure: Figure) -> Result<figures::Change, String> {
        let [baseline, candidate] = self.sides()?;
        figures::change(path, figure, &baseline, &candidate)
    }

    fn path(&self, name: &str, options: &Options, workload: &str) -> PathChange {
        let of_path = |gate: &&GateSpec| gate.workload == workload && gate.path == name;
        let tolerance = |figure: Figure| {
            let own = options.gates.iter().filter(of_path);
            let exact = own.clone().find(|gate| gate.figure == Some(figure));
            let percent = exact.or_else(|| own.clone().find(|gate| gate.figure.is_none()));
            percent.map_or(options.tolerance_percent, |gate| gate.tolerance_percent)
        };
        let mut shown: Vec<Figure> = Figure::SHOWN.to_vec();
        shown.extend(options.gates.iter().filter(of_path).filter_map(|gate| gate.figure));
        shown.sort_unstable();
        shown.dedup();
        let changes = shown.iter().map(|figure| self.change(name, *figure));
        let changes: Vec<Result<figures::Change, String>> = changes.collect();
        let figures: Vec<FigureChange> = shown
            .iter()
            .zip(&changes)
            .map(|(figure, change)| self.figure(name, *figure, change, tolerance(*figure)))
            .collect();
        let of =
            |figure: Figure| figures.iter().find(|own| own.figure == figure.name()).map(|own| own.verdict);
        let measured = self.measured_mean(name);
        let mean =
            |workload: Option<&WorkloadRun>| path_of(workload, name).and_then(|path| Figure::Mean.ns(path));
        PathChange {
            path: name.to_owned(),
            baseline_mean_ns: mean(self.baseline),
            candidate_mean_ns: mean(self.candidate),
            change: measured.as_ref().ok().copied(),
            withheld: measured.err(),
            verdict: path_verdict(of(Figure::Typical), of(Figure::Mean)),
            judged_by: changes.into_iter().find_map(Result::ok).map(|change| change.judged_by),
            figures,
        }
    }

    fn figure(
        &self,
        path: &str,
        figure: Figure,
        change: &Result<figures::Change, String>,
        tolerance_percent: f64,
    ) -> FigureChange {
        let ns = |workload: Option<&WorkloadRun>| path_of(workload, path).and_then(|path| figure.ns(path));
        let estimate = change.as_ref().ok().map(|change| change.estimate);
        FigureChange {
            figure: figure.name(),
            baseline_ns: ns(self.baseline),
            candidate_ns: ns(self.candidate),
            change: estimate.as_ref().map(saved),
            verdict: estimate.map_or(Verdict::Inconclusive, |change| {
                comparison::verdict(&change, tolerance_percent / 100.0)
            }),
            tolerance_percent,
            withheld: change.as_ref().err().cloned(),
        }
    }

    /// candidate / baseline of the means as they were measured.
    fn measured_mean(&self, path: &str) -> Result<Ratio, String> {
        let mean = |side: &Side<'_>| {
            let path = side.path(path)?;
            figures::estimate(Figure::Mean.ns(path)?, path.mean_ci95_ns?)
        };
        let sides = self.sides()?;
        let spreads = self.spreads();
        let change = match [mean(&sides[0]), mean(&sides[1])] {
            [Some(before), Some(after)] => comparison::ratio((before, spreads[0]), (after, spreads[1])),
            _ => None,
        };
        change.as_ref().map(saved).ok_or_else(|| {
            self.reasons(|workload| match path_of(Some(workload), path) {
                None => Some("this path was not read".to_owned()),
                Some(path) if path.operations == 0 => Some("this path has no reads".to_owned()),
                Some(path) if path.mean_ci95_ns.is_none() => Some("the mean has no interval".to_owned()),
                Some(_) => None,
            })
        })
    }

    fn judge(&self, spec: &GateSpec) -> GateResult {
        let tolerance = spec.tolerance_percent / 100.0;
        let figures: &[Figure] = match &spec.figure {
            Some(figure) => std::slice::from_ref(figure),
            None => &[Figure::Typical, Figure::Mean],
        };
        let mut decisive: Option<(Gate, Figure, Result<Estimate, String>)> = None;
        for figure in figures {
            let change = self.change(&spec.path, *figure).map(|change| change.estimate);
            let result = match &change {
                Ok(change) => comparison::regression(change, tolerance).into(),
                Err(_) => Gate::Undecided,
            };
            // The first figure decides, unless a later one is shown to have regressed.
            if decisive.is_none() || result == Gate::Failed {
                decisive = Some((result, *figure, change));
            }
            if result == Gate::Failed {
                break;
            }
        }
        let name = spec.name();
        let tolerance_percent = spec.tolerance_percent;
        let (result, figure, change) = match decisive {
            Some(decisive) => decisive,
            None => (Gate::Undecided, Figure::Typical, Err(NO_REASON.to_owned())),
        };
        GateResult {
            name,
            codec: None,
            tolerance_percent,
            result,
            change: change.as_ref().ok().map(saved),
            figure: Some(figure.name()),
            reason: change.err(),
        }
    }

    fn ratio(&self, name: &str, of: impl Fn(&WorkloadRun) -> Option<Ratio>) -> RatioChange {
        let (baseline, candidate) = (self.baseline.and_then(&of), self.candidate.and_then(&of));
        let estimates = baseline.and_then(figures::from_ratio).zip(candidate.and_then(figures::from_ratio));
        let [of_baseline, of_candidate] = self.spreads();
        let change = estimates
            .and_then(|(before, after)| comparison::ratio((before, of_baseline), (after, of_candidate)));
        let withheld = change.is_none().then(|| {
            self.reasons(|workload| match of(workload).and_then(figures::from_ratio) {
                Some(_) => None,
                None => Some(workload.withheld.get(name).map_or(NO_REASON, String::as_str).to_owned()),
            })
        });
        RatioChange { baseline, candidate, change: change.as_ref().map(saved), withheld }
    }

    fn reasons(&self, missing: impl Fn(&WorkloadRun) -> Option<String>) -> String {
        let reasons: Vec<String> = [("baseline", self.baseline), ("candidate", self.candidate)]
            .into_iter()
            .filter_map(|(name, workload)| match workload {
                Some(workload) => Some(format!("in the {name} {}", missing(workload)?)),
                None => Some(format!("the {name} did not measure this workload")),
            })
            .collect();
        if reasons.is_empty() { NOT_POSITIVE.to_owned() } else { reasons.join("; ") }
    }

    fn controls(&self) -> Vec<ControlChange> {
        let ns = |workload: Option<&WorkloadRun>, statement: &str| {
            workload?.controls.iter().find(|control| control.statement == statement)?.typical_ns
        };
        let control = |statement: &str| {
            let (baseline_ns, candidate_ns) = (ns(self.baseline, statement), ns(self.candidate, statement));
            let statement = statement.to_owned();
            baseline_ns.or(candidate_ns).map(|_| ControlChange { statement, baseline_ns, candidate_ns })
        };
        ["PING", "GET", "SELECT 1"].into_iter().filter_map(control).collect()
    }
}

/// The mean counts if it is shown to have regressed: a few slow reads move it and leave the typical
/// one alone.
fn path_verdict(typical: Option<Verdict>, mean: Option<Verdict>) -> Verdict {
    match (typical, mean) {
        (_, Some(Verdict::Regressed)) => Verdict::Regressed,
        (Some(typical), _) => typical,
        (None, _) => Verdict::Inconclusive,
    }
}

fn worst<'a>(paths: impl Iterator<Item = &'a PathChange>) -> Verdict {
    let verdicts: Vec<Verdict> = paths.map(|path| path.verdict).collect();
    let order = [Verdict::Regressed, Verdict::Inconclusive, Verdict::Improved, Verdict::Unchanged];
    order.into_iter().find(|verdict| verdicts.contains(verdict)).unwrap_or(Verdict::Inconclusive)
}

fn path_of<'a>(workload: Option<&'a WorkloadRun>, name: &str) -> Option<&'a PathRun> {
    workload?.paths.iter().find(|path| path.path == name)
}

fn saved(estimate: &Estimate) -> Ratio {
    Ratio { ratio: estimate.value, ci95: [estimate.ci95.low, estimate.ci95.high] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;

    fn options(gates: &[&str]) -> Options {
        Options {
            tolerance_percent: 10.0,
            gated: true,
            gates: gates.iter().map(|text| GateSpec::parse(text).unwrap()).collect(),
            force: false,
        }
    }

    /// The baseline, and a run whose hits in the first workload are slower by factors of the
    /// typical read and the mean.
    fn runs(typical: f64, mean: f64, half_width: f64) -> [Run; 2] {
        let mut baseline = sample_runs::full(1_000);
        let ratio = |value: f64| Some(Ratio { ratio: value, ci95: [value / half_width, value * half_width] });
        for workload in &mut baseline.workloads {
            for path in &mut workload.paths {
                let over = path.over_control.as_mut().unwrap();
                (over.typical, over.mean) = (ratio(1.5), ratio(1.5));
            }
        }
        let mut candidate = baseline.clone();
        let warm = &mut candidate.workloads[0].paths[2];
        warm.operations -= 1;
        let over = warm.over_control.as_mut().unwrap();
        (over.typical, over.mean) = (ratio(1.5 * typical), ratio(1.5 * mean));
        [baseline, candidate]
    }

    fn judged([baseline, candidate]: &[Run; 2], gates_asked: &[&str]) -> Vec<(String, Gate)> {
        let options = options(gates_asked);
        let compared = compare(baseline, candidate, &options);
        let gates = gates(&compared, baseline, candidate, &options);
        gates.into_iter().map(|gate| (gate.name, gate.result)).collect()
    }

    #[test]
    fn the_typical_read_decides_and_a_regressed_mean_fails() {
        for (typical, mean, half_width, verdict, gate) in [
            (1.0, 1.0, 1.01, Verdict::Unchanged, Gate::Passed),
            (1.5, 1.0, 1.01, Verdict::Regressed, Gate::Failed),
            (1.0, 2.0, 1.01, Verdict::Regressed, Gate::Failed),
            (0.7, 0.7, 1.01, Verdict::Improved, Gate::Passed),
            (1.1, 1.0, 1.01, Verdict::Inconclusive, Gate::Undecided),
            // A mean that says nothing leaves the typical read to decide.
            (1.0, 1.12, 1.01, Verdict::Unchanged, Gate::Passed),
            (1.0, 1.0, 1.3, Verdict::Inconclusive, Gate::Undecided),
        ] {
            let runs = runs(typical, mean, half_width);
            let compared = compare(&runs[0], &runs[1], &options(&[])).remove(0);
            let warm = compared.paths.iter().find(|path| path.path == "warm").unwrap();
            assert_eq!((warm.verdict, compared.gate), (verdict, gate), "{typical} {mean} {half_width}");
            let change = warm.figures[0].change.unwrap();
            assert!(change.ci95[0] < typical && typical < change.ci95[1]);
        }
    }

    #[test]
    fn a_gate_of_its_own_takes_the_place_of_the_short_form() {
        let runs = runs(1.5, 1.5, 1.01);
        let name = |name: &str, gate| (name.to_owned(), gate);
        assert_eq!(
            judged(&runs, &[]),
            [
                name("all.warm", Gate::Failed),
                name("all.cold", Gate::Passed),
                name("point.warm", Gate::Passed),
                name("point.cold", Gate::Passed)
            ]
        );
        let own = ["all.warm: 80%", "all.warm.typical: 5%", "point.mysql: 20%"];
        assert_eq!(
            judged(&runs, &own),
            [
                name("all.cold", Gate::Passed),
                name("all.warm", Gate::Passed),
                name("all.warm.typical", Gate::Failed),
                name("point.warm", Gate::Passed),
                name("point.cold", Gate::Passed),
                name("point.mysql", Gate::Passed)
            ]
        );
    }

    #[test]
    fn what_the_candidate_lacks_is_undecided_and_what_it_adds_is_not_gated() {
        let [baseline, mut candidate] = runs(1.0, 1.0, 1.01);
        candidate.workloads[0].paths.pop();
        candidate.workloads.remove(1);
        let undecided: Vec<String> = judged(&[baseline.clone(), candidate.clone()], &[])
            .into_iter()
            .filter(|(_, gate)| *gate == Gate::Undecided)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(undecided, ["all.warm", "point.warm", "point.cold"]);
        assert_eq!(judged(&[candidate, baseline], &[]), [("all.cold".to_owned(), Gate::Passed)]);
    }

    #[test]
    fn old_files_are_gated_by_hits_alone() {
        let mut old = runs(1.0, 1.0, 1.01);
        for path in old.iter_mut().flat_map(|run| &mut run.workloads).flat_map(|workload| &mut workload.paths)
        {
            path.over_control = None;
        }
        let names: Vec<String> = judged(&old, &[]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["all.warm", "point.warm"]);
        let compared = compare(&old[0], &old[1], &options(&[])).remove(0);
        let warm = compared.paths.iter().find(|path| path.path == "warm").unwrap();
        assert_eq!(warm.judged_by.as_deref(), Some(figures::BY_MYSQL));
    }

    #[test]
    fn several_codecs_of_one_workload_are_told_apart() {
        let mut baseline = sample_runs::full(1_000);
        let mut json = baseline.workloads[0].clone();
        json.codec = "json".to_owned();
        baseline.workloads.insert(0, json);
        let mut candidate = baseline.clone();
        candidate.workloads.reverse();
        let compared = compare(&baseline, &candidate, &options(&[]));
        let labels: Vec<&str> = compared.iter().map(|workload| workload.label.as_str()).collect();
        assert_eq!(labels, ["all (json)", "all (arrow)", "point"]);
    }
}
