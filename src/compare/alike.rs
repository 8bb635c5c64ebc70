//! The differences of two runs, sorted by what they mean for a comparison.
//!
//! Other data or other workloads are unlike things: no number of theirs belongs together. Settings
//! that differ, of rcache or of a server, are an experiment: the change is theirs as much as the
//! candidate's. Machines and patch levels change by themselves, in CI all the time; the controls of
//! the same rounds take out what they can. All of it is reported, and only unlike things are
//! refused.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::{Difference, Unsound};
use crate::run_file::own::OwnQueryRun;
use crate::run_file::{ClusterNode, DatabaseNode, Run, Server, WorkloadRun};

/// A value that a run does not have.
const ABSENT: &str = "not given";

const INTERRUPTED: &str = "was interrupted before it was complete";

impl Unsound {
    /// Whether nothing else is wrong with the run.
    pub(super) fn is_interrupted(&self) -> bool {
        self.reason == INTERRUPTED
    }
}

/// Whether no workload of one run is in the other.
pub(super) fn nothing_in_common(baseline: &Run, candidate: &Run) -> bool {
    let names =
        |run: &Run| run.workloads.iter().map(|workload| workload.name.clone()).collect::<BTreeSet<_>>();
    let (baseline, candidate) = (names(baseline), names(candidate));
    baseline.is_disjoint(&candidate)
}

/// Differences for which no number belongs to one of the other run.
pub(super) fn unlike(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(baseline), &of(candidate));
    let workloads = nothing_in_common(baseline, candidate).then(|| field("workloads", &workload_names));
    [
        field("dataset.users", &|run| optional(run.dataset.as_ref().map(|data| data.users))),
        field("dataset.rng_seed", &|run| optional(run.dataset.as_ref().map(|data| data.rng_seed))),
        field("dataset.fingerprint", &|run| optional(run.dataset.as_ref().map(|data| &data.fingerprint))),
    ]
    .into_iter()
    .chain(workloads)
    .flatten()
    .chain(queries(baseline, candidate, &IDENTITY))
    .collect()
}

/// Differences for which reads of load generators do not add up: all but the machines' and the
/// order of keys. Each generator may reach the servers over a transport of its own.
pub(super) fn unmergeable(one: &Run, other: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(one), &of(other));
    let versions = SERVERS
        .map(|(name, server)| field(&format!("{name}.version"), &|run: &Run| server(run).version.clone()));
    let amounts = [
        field("rcache_version", &|run| run.rcache_version.clone()),
        field("config.iterations", &|run| optional(run.config.iterations)),
        field("config.time_s", &|run| optional(run.config.time_s)),
        field("--distance", &distances),
        field("debug build", &|run| is_debug_build(run).to_owned()),
    ];
    let mut found = unlike(one, other);
    found.extend(
        settings_differences(one, other).into_iter().filter(|own| !own.field.ends_with(".transport")),
    );
    found.extend(versions.into_iter().chain(amounts).flatten());
    found.dedup();
    found
}

fn distances(run: &Run) -> String {
    let of_workload = |workload: &WorkloadRun| {
        let found = workload.at_distance.as_ref()?;
        Some(format!("mysql {} ns, redis {} ns", found.mysql_extra_ns, found.redis_extra_ns))
    };
    joined(run.workloads.iter().filter_map(of_workload))
}

type QueryField = (&'static str, fn(&OwnQueryRun) -> String);
/// Two queries that are called alike are the same if these are.
const IDENTITY: [QueryField; 2] = [
    ("digest", |query| query.digest.clone()),
    ("parameters.fingerprint", |query| query.parameters.fingerprint.clone()),
];
/// The rest of a query that changes a number.
const SETTINGS: [QueryField; 2] =
    [("protocol", |query| query.protocol.clone()), ("share_percent", |query| optional(query.share_percent))];

fn workload<'a>(run: &'a Run, name: &str) -> Option<&'a WorkloadRun> {
    run.workloads.iter().find(|workload| workload.name == name)
}

/// Differences of queries that are called alike.
fn queries(baseline: &Run, candidate: &Run, fields: &[QueryField]) -> Vec<Difference> {
    let names: BTreeSet<&String> = baseline.workloads.iter().map(|workload| &workload.name).collect();
    let mut found = Vec::new();
    for name in names {
        let (Some(one), Some(other)) = (workload(baseline, name), workload(candidate, name)) else {
            continue;
        };
        for (field, of) in fields {
            let [one, other] = [one, other].map(|workload| optional(workload.query.as_ref().map(of)));
            found.extend(difference(&format!("workloads.{name}.query.{field}"), &one, &other));
        }
    }
    found
}

/// Settings of rcache and of the servers that change a number.
pub(super) fn settings_differences(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(baseline), &of(candidate));
    let workloads = (!nothing_in_common(baseline, candidate)).then(|| field("workloads", &workload_names));
    let mut found: Vec<Difference> = [
        field("config.clients", &|run| run.config.clients.to_string()),
        field("config.ttl_s", &|run| run.config.ttl_s.to_string()),
        field("config.verify_hit_percent", &|run| {
            run.config.verify_hit_percent.map_or("none".to_owned(), |percent| percent.to_string())
        }),
        field("config.paths", &|run| paths(&run.config.paths)),
    ]
    .into_iter()
    .chain(workloads)
    .flatten()
    .collect();
    found.extend(codecs(baseline, candidate));
    found.extend(queries(baseline, candidate, &SETTINGS));
    for (name, server) in SERVERS {
        found.extend(server_settings(name, server(baseline), server(candidate)));
    }
    found
}

/// Differences that come from the machine and the servers' versions.
pub(super) fn environment_differences(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(baseline), &of(candidate));
    let versions = SERVERS
        .map(|(name, server)| field(&format!("{name}.version"), &|run: &Run| server(run).version.clone()));
    [
        field("environment.os", &|run| run.environment.os.clone()),
        field("environment.cpu_model", &|run| optional(run.environment.cpu_model.as_ref())),
        field("environment.cores", &|run| optional(run.environment.cores)),
        field("config.placement", &|run| run.config.placement.clone()),
        field("config.cores_awake", &|run| run.config.cores_awake.to_string()),
        field("debug build", &|run| is_debug_build(run).to_owned()),
    ]
    .into_iter()
    .chain(versions)
    .chain(nodes(baseline, candidate))
    .flatten()
    .collect()
}

/// The database servers' parts among others, as far as both runs asked for them.
fn nodes(baseline: &Run, candidate: &Run) -> Vec<Option<Difference>> {
    let node = |run: &Run| run.environment.mysql.node.clone();
    let Some((before, after)) = node(baseline).zip(node(candidate)) else { return Vec::new() };
    let field = |name: &str, of: &dyn Fn(&DatabaseNode) -> String| {
        difference(&format!("environment.mysql.node.{name}"), &of(&before), &of(&after))
    };
    let cluster = |of: fn(&ClusterNode) -> Option<String>| {
        move |node: &DatabaseNode| optional(node.cluster.as_ref().and_then(of).as_ref())
    };
    vec![
        field("host_name", &|node| optional(node.host_name.as_ref())),
        field("server_id", &|node| optional(node.server_id)),
        field("read_only", &|node| optional(node.read_only)),
        field("replica", &|node| optional(node.replica)),
        field("cluster.kind", &cluster(|cluster| Some(cluster.kind.clone()))),
        field("cluster.size", &cluster(|cluster| cluster.size.map(|size| size.to_string()))),
        field("cluster.consistency", &cluster(|cluster| cluster.consistency.clone())),
        field("proxy", &|node| optional(node.proxy.as_ref())),
    ]
}

/// More reads only narrow the intervals, another order of keys and paths is another draw of the
/// same thing, and the version of rcache may be the very candidate.
pub(super) fn other_differences(baseline: &Run, candidate: &Run) -> Vec<Difference> {
    let field = |name: &str, of: &dyn Fn(&Run) -> String| difference(name, &of(baseline), &of(candidate));
    [
        field("rcache_version", &|run| run.rcache_version.clone()),
        field("config.iterations", &|run| optional(run.config.iterations)),
        field("config.time_s", &|run| optional(run.config.time_s)),
        field("config.rng_seed", &|run| run.config.rng_seed.to_string()),
        field("runs", &|run| run.runs.len().max(1).to_string()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs whose own bench ended with another exit status than 0. What was cut off or answered wrongly
/// has shown nothing that a gate could stand on: wrong answers can be fast.
pub(super) fn unsound(baseline: &Run, candidate: &Run) -> Vec<Unsound> {
    let mut found = Vec::new();
    for (name, run) in [("baseline", baseline), ("candidate", candidate)] {
        let mut unsound = |reason: String| found.push(Unsound { run: name.to_owned(), reason });
        if run.interrupted {
            unsound(INTERRUPTED.to_owned());
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

type ServerOf = fn(&Run) -> &Server;
const SERVERS: [(&str, ServerOf); 2] = [
    ("environment.mysql", |run| &run.environment.mysql),
    ("environment.redis", |run| &run.environment.redis),
];

fn server_settings(name: &str, baseline: &Server, candidate: &Server) -> Vec<Difference> {
    let field = |field: &str, of: &dyn Fn(&Server) -> String| {
        difference(&format!("{name}.{field}"), &of(baseline), &of(candidate))
    };
    let mut found = vec![
        field("flavor", &|server| server.flavor.clone()),
        field("transport", &|server| server.transport.clone()),
        field("sandbox", &|server| server.sandbox.to_string()),
    ];
    let settings: BTreeSet<&String> = baseline.settings.keys().chain(candidate.settings.keys()).collect();
    found.extend(settings.into_iter().map(|setting| {
        field(&format!("settings.{setting}"), &|server| optional(server.settings.get(setting)))
    }));
    found.into_iter().flatten().collect()
}

fn workload_names(run: &Run) -> String {
    joined(run.workloads.iter().map(|workload| workload.name.clone()))
}

/// The codecs of workloads that both runs have.
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

    /// Fields that differ after something was changed, in the sorts unlike, settings, environment,
    /// other.
    fn fields(change: impl Fn(&mut Run)) -> [Vec<String>; 4] {
        let baseline = sample_runs::full(100);
        let mut candidate = baseline.clone();
        change(&mut candidate);
        [unlike, settings_differences, environment_differences, other_differences].map(|differences| {
            differences(&baseline, &candidate).into_iter().map(|difference| difference.field).collect()
        })
    }

    fn node(run: &mut Run) -> &mut DatabaseNode {
        run.environment.mysql.node.as_mut().unwrap()
    }

    #[track_caller]
    fn is(sort: usize, field: &str, change: impl Fn(&mut Run)) {
        let mut expected: [Vec<String>; 4] = Default::default();
        expected[sort].push(field.to_owned());
        assert_eq!(fields(change), expected, "{field}");
    }

    #[test]
    fn each_difference_is_of_one_sort() {
        assert_eq!(fields(|_| {}).concat(), [""; 0]);
        assert_eq!(fields(|run| run.config.paths.reverse()).concat(), [""; 0]);
        is(0, "dataset.users", |run| run.dataset.as_mut().unwrap().users += 1);
        is(0, "dataset.rng_seed", |run| run.dataset.as_mut().unwrap().rng_seed += 1);
        is(0, "dataset.fingerprint", |run| run.dataset.as_mut().unwrap().fingerprint.clear());
        is(1, "config.clients", |run| run.config.clients += 1);
        is(1, "config.ttl_s", |run| run.config.ttl_s += 1);
        is(1, "config.paths", |run| drop(run.config.paths.pop()));
        is(1, "workloads", |run| drop(run.workloads.pop()));
        is(1, "workloads.all.codec", |run| run.workloads[0].codec.push('2'));
        is(1, "environment.mysql.flavor", |run| run.environment.mysql.flavor.push('2'));
        is(1, "environment.redis.transport", |run| run.environment.redis.transport.push('2'));
        is(1, "environment.mysql.settings.query_cache_type", |run| {
            run.environment.mysql.settings.remove("query_cache_type");
        });
        is(2, "environment.os", |run| run.environment.os.push('1'));
        is(2, "environment.cpu_model", |run| run.environment.cpu_model = None);
        is(2, "environment.cores", |run| run.environment.cores = Some(64));
        is(2, "environment.mysql.node.host_name", |run| node(run).host_name = Some("db2".to_owned()));
        is(2, "environment.mysql.node.replica", |run| node(run).replica = Some(true));
        is(2, "environment.redis.version", |run| run.environment.redis.version.push('1'));
        is(2, "config.placement", |run| run.config.placement = "free".to_owned());
        is(2, "config.cores_awake", |run| run.config.cores_awake = false);
        let debug = Warning { code: "debug_build".to_owned(), message: String::new() };
        is(2, "debug build", |run| run.warnings.push(debug.clone()));
        is(3, "rcache_version", |run| run.rcache_version = "0.2.0".to_owned());
        is(3, "config.iterations", |run| run.config.iterations = Some(7));
        is(3, "config.rng_seed", |run| run.config.rng_seed += 1);
    }

    #[test]
    fn load_generators_measure_the_same_on_any_machine() {
        let fields = |change: &dyn Fn(&mut Run)| -> Vec<String> {
            let one = sample_runs::full(100);
            let mut other = one.clone();
            change(&mut other);
            unmergeable(&one, &other).into_iter().map(|difference| difference.field).collect()
        };
        assert_eq!(fields(&|run| run.config.rng_seed += 1), [""; 0]);
        assert_eq!(fields(&|run| run.environment.cores = Some(64)), [""; 0]);
        assert_eq!(fields(&|run| run.environment.redis.transport.push('2')), [""; 0]);
        assert_eq!(fields(&|run| run.dataset.as_mut().unwrap().users += 1), ["dataset.users"]);
        assert_eq!(fields(&|run| run.config.clients += 1), ["config.clients"]);
        assert_eq!(fields(&|run| run.config.time_s = Some(7.0)), ["config.time_s"]);
        assert_eq!(fields(&|run| drop(run.workloads.pop())), ["workloads"]);
        assert_eq!(fields(&|run| run.workloads[0].codec.push('2')), ["workloads.all.codec"]);
        assert_eq!(fields(&|run| run.environment.mysql.version.push('1')), ["environment.mysql.version"]);
        assert_eq!(fields(&|run| run.rcache_version.push('1')), ["rcache_version"]);
    }

    #[test]
    fn workloads_without_one_in_common_are_unlike() {
        let mut candidate = sample_runs::full(100);
        let mut baseline = candidate.clone();
        candidate.workloads.remove(0);
        assert!(!nothing_in_common(&baseline, &candidate));
        baseline.workloads.pop();
        assert!(nothing_in_common(&baseline, &candidate));
        let unlike = unlike(&baseline, &candidate);
        assert_eq!((unlike[0].baseline.as_str(), unlike[0].candidate.as_str()), ("all", "point"));
        candidate.workloads.clear();
        assert!(nothing_in_common(&baseline, &candidate));
    }

    #[test]
    fn a_run_that_did_not_end_well_is_unsound() {
        let baseline = sample_runs::full(100);
        let mut candidate = baseline.clone();
        assert_eq!(unsound(&baseline, &candidate), []);
        candidate.interrupted = true;
        candidate.workloads[1].paths[2].errors.insert("wrong_answer".to_owned(), 3);
        let reasons: Vec<(String, String)> =
            unsound(&baseline, &candidate).into_iter().map(|unsound| (unsound.run, unsound.reason)).collect();
        assert_eq!(
            reasons,
            [
                ("candidate".to_owned(), "was interrupted before it was complete".to_owned()),
                ("candidate".to_owned(), "has failed reads in workload point: 3".to_owned()),
            ]
        );
    }
}
