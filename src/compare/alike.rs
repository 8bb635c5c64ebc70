//! Whether two runs measured the same thing on the same ground.
//!
//! Runs are unlike where something differs that changes a number and is not what a candidate is there to change: the
//! data set, the clients, how the cores were kept, the TTL, the paths (the rounds of one run interleave them, so each is
//! neighbour to the others), the workloads and their codecs, the servers with their settings and transports, the
//! machine, and whether one of them is a debug build. More iterations only narrow the intervals, another order of keys
//! and paths is another draw of the same thing, and the version of rcache may be the very candidate: these are told,
//! not refused.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::{Difference, Unsound};
use crate::run_file::{Run, Server, WorkloadRun};

/// What stands for a value that a run does not have.
const ABSENT: &str = "not given";

/// Every difference that changes a number.
pub(super) fn unlike(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(baseline), &of(candidate));
    let mut found: Vec<Difference> = [
        field("environment.os", &|run| run.environment.os.clone()),
        field("environment.cpu_model", &|run| optional(run.environment.cpu_model.as_ref())),
        field("environment.cores", &|run| optional(run.environment.cores)),
        field("debug build", &|run| is_debug_build(run).to_owned()),
        field("dataset.users", &|run| run.dataset.users.to_string()),
        field("dataset.rng_seed", &|run| run.dataset.rng_seed.to_string()),
        field("dataset.fingerprint", &|run| run.dataset.fingerprint.clone()),
        field("config.clients", &|run| run.config.clients.to_string()),
        field("config.placement", &|run| run.config.placement.clone()),
        field("config.cores_awake", &|run| run.config.cores_awake.to_string()),
        field("config.ttl_s", &|run| run.config.ttl_s.to_string()),
        field("config.verify_hit_percent", &|run| {
            run.config.verify_hit_percent.map_or("none".to_owned(), |percent| percent.to_string())
        }),
        field("config.paths", &|run| paths(&run.config.paths)),
        field("workloads", &|run| joined(run.workloads.iter().map(|workload| workload.name.clone()))),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(codecs(baseline, candidate));
    let (baseline, candidate) = (&baseline.environment, &candidate.environment);
    found.extend(servers("environment.mysql", &baseline.mysql, &candidate.mysql));
    found.extend(servers("environment.redis", &baseline.redis, &candidate.redis));
    found
}

/// What differs and may.
pub(super) fn other_differences(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(baseline), &of(candidate));
    [
        field("rcache_version", &|run| run.rcache_version.clone()),
        field("config.iterations", &|run| optional(run.config.iterations)),
        field("config.time_s", &|run| optional(run.config.time_s)),
        field("config.rng_seed", &|run| run.config.rng_seed.to_string()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs whose own bench ended with another exit status than 0. What was cut off or answered wrongly has shown nothing
/// that a gate could stand on: wrong answers can be fast.
pub(super) fn unsound(baseline: &Run, candidate: &Run) -> Vec<Unsound> {
    let mut found = Vec::new();
    for (name, run) in [("baseline", baseline), ("candidate", candidate)] {
        let mut unsound = |reason: String| found.push(Unsound { run: name, reason });
        if run.interrupted {
            unsound("was interrupted before it was complete".to_owned());
        }
        for workload in &run.workloads {
            let failed = |counts: u64, kind: &u64| counts.saturating_add(*kind);
            let failed = workload.paths.iter().flat_map(|path| path.errors.values()).fold(0, failed);
            if failed > 0 {
                let (name, codec) = (&workload.name, &workload.codec);
                let alone = run.workloads.iter().filter(|other| other.name == *name).count() == 1;
                let with = if alone { String::new() } else { format!(" with {codec}") };
                unsound(format!("has failed reads in workload {name}{with}: {failed}"));
            }
        }
    }
    found
}

fn difference(field: &str, baseline: &str, candidate: &str) -> Option<Difference> {
    (baseline != candidate).then(|| Difference {
        field: field.to_owned(),
        baseline: shown(baseline),
        candidate: shown(candidate),
    })
}

/// An empty value would look like a missing one.
fn shown(value: &str) -> String {
    if value.is_empty() { "\"\"".to_owned() } else { value.to_owned() }
}

fn servers(name: &str, baseline: &Server, candidate: &Server) -> Vec<Difference> {
    let field = |field: &str, of: &dyn Fn(&Server) -> String| {
        difference(&format!("{name}.{field}"), &of(baseline), &of(candidate))
    };
    let mut found = vec![
        field("flavor", &|server| server.flavor.clone()),
        field("version", &|server| server.version.clone()),
        field("transport", &|server| server.transport.clone()),
        field("sandbox", &|server| server.sandbox.to_string()),
    ];
    let settings: BTreeSet<&String> = baseline.settings.keys().chain(candidate.settings.keys()).collect();
    found.extend(settings.into_iter().map(|setting| {
        field(&format!("settings.{setting}"), &|server| optional(server.settings.get(setting)))
    }));
    found.into_iter().flatten().collect()
}

/// Of workloads that both runs have.
fn codecs(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let codecs = |run: &Run, name: &str| {
        joined(
            run.workloads
                .iter()
                .filter(|workload| workload.name == name)
                .map(|workload| workload.codec.clone()),
        )
    };
    let names: BTreeSet<&String> =
        baseline.workloads.iter().map(|workload: &WorkloadRun| &workload.name).collect();
    names
        .into_iter()
        .filter(|name| candidate.workloads.iter().any(|workload| workload.name == **name))
        .filter_map(|name| {
            difference(&format!("workloads.{name}.codec"), &codecs(baseline, name), &codecs(candidate, name))
        })
        .collect()
}

fn is_debug_build(run: &Run) -> &'static str {
    if run.warnings.iter().any(|warning| warning.code == "debug_build") { "yes" } else { "no" }
}

fn optional<T: Display>(value: Option<T>) -> String {
    value.map_or(ABSENT.to_owned(), |value| value.to_string())
}

/// The order in which they were typed is not the order in which they ran.
fn paths(paths: &[String]) -> String {
    joined(paths.iter().cloned())
}

fn joined(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;
    use crate::run_file::Warning;

    /// Fields that differ after something was changed.
    fn fields(change: impl Fn(&mut Run)) -> Vec<String> {
        let baseline = sample_runs::full(100);
        let mut candidate = baseline.clone();
        change(&mut candidate);
        unlike(&baseline, &candidate).into_iter().map(|difference| difference.field).collect()
    }

    #[test]
    fn each_thing_that_changes_a_number_is_named() {
        assert_eq!(fields(|_| {}), [""; 0]);
        assert_eq!(fields(|run| run.environment.os.push('1')), ["environment.os"]);
        assert_eq!(fields(|run| run.environment.cpu_model = None), ["environment.cpu_model"]);
        assert_eq!(fields(|run| run.environment.cores = Some(64)), ["environment.cores"]);
        assert_eq!(fields(|run| run.dataset.users += 1), ["dataset.users"]);
        assert_eq!(fields(|run| run.dataset.rng_seed += 1), ["dataset.rng_seed"]);
        assert_eq!(fields(|run| run.dataset.fingerprint.clear()), ["dataset.fingerprint"]);
        assert_eq!(fields(|run| run.config.clients += 1), ["config.clients"]);
        assert_eq!(fields(|run| run.config.placement = "free".to_owned()), ["config.placement"]);
        assert_eq!(fields(|run| run.config.cores_awake = false), ["config.cores_awake"]);
        assert_eq!(fields(|run| run.config.ttl_s += 1), ["config.ttl_s"]);
        assert_eq!(fields(|run| drop(run.config.paths.pop())), ["config.paths"]);
        assert_eq!(fields(|run| run.config.paths.reverse()), [""; 0]);
        assert_eq!(fields(|run| drop(run.workloads.pop())), ["workloads"]);
        assert_eq!(fields(|run| run.workloads[0].codec.push('2')), ["workloads.all.codec"]);
        let debug = Warning { code: "debug_build".to_owned(), message: String::new() };
        assert_eq!(fields(|run| run.warnings.push(debug.clone())), ["debug build"]);
    }

    #[test]
    fn servers_are_alike_in_every_setting() {
        let changed = fields(|run| {
            let mysql = &mut run.environment.mysql;
            mysql.flavor = "MySQL".to_owned();
            mysql.version = "9.7.0".to_owned();
            mysql.settings.remove("query_cache_type");
            let redis = &mut run.environment.redis;
            redis.transport = "tcp".to_owned();
            redis.sandbox = false;
            redis.settings.insert("save".to_owned(), "60 1".to_owned());
        });
        let of_mysql = ["flavor", "version", "settings.query_cache_type"];
        let of_redis = ["transport", "sandbox", "settings.save"];
        let expected: Vec<String> = of_mysql
            .iter()
            .map(|field| format!("environment.mysql.{field}"))
            .chain(of_redis.iter().map(|field| format!("environment.redis.{field}")))
            .collect();
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_may_differ_is_told() {
        let baseline = sample_runs::full(100);
        let mut candidate = baseline.clone();
        candidate.config.iterations = Some(900);
        candidate.config.rng_seed = 7;
        candidate.rcache_version = "0.2.0".to_owned();
        candidate.wall_s *= 2.0;
        assert_eq!(unlike(&baseline, &candidate), []);
        let fields: Vec<String> =
            other_differences(&baseline, &candidate).into_iter().map(|difference| difference.field).collect();
        assert_eq!(fields, ["rcache_version", "config.iterations", "config.rng_seed"]);
    }

    #[test]
    fn a_run_that_did_not_end_well_is_unsound() {
        let baseline = sample_runs::full(100);
        let mut candidate = baseline.clone();
        assert_eq!(unsound(&baseline, &candidate), []);
        candidate.interrupted = true;
        candidate.workloads[1].paths[2].errors.insert("wrong_answer".to_owned(), 3);
        let reasons: Vec<(&str, String)> =
            unsound(&baseline, &candidate).into_iter().map(|unsound| (unsound.run, unsound.reason)).collect();
        assert_eq!(
            reasons,
            [
                ("candidate", "was interrupted before it was complete".to_owned()),
                ("candidate", "has failed reads in workload point: 3".to_owned()),
            ]
        );
    }
}
