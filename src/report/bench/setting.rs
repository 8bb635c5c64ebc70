//! Where and how a run was measured, and what its paths are.

use super::head::transport;
use crate::report::blocks::{Block, Entry, Section};
use crate::report::names;
use crate::run_file::{PathRun, Run, Server};
use crate::units::{self, counted};

pub(in crate::report) fn sections(run: &Run) -> Vec<Section> {
    let setting = Section::titled(
        format!("Run of {}, {}", run.started_at, units::duration(run.wall_s.max(0.0) * 1e9)),
        vec![Block::Entries(setting(run))],
    );
    let paths = paths(run);
    let paths = (!paths.is_empty()).then(|| Section::titled("Paths", vec![Block::Entries(paths)]));
    std::iter::once(setting).chain(paths).collect()
}

fn setting(run: &Run) -> Vec<Entry> {
    let environment = &run.environment;
    let reads = [
        counted(run.config.clients, "client", "clients"),
        format!("TTL {} s", units::count(run.config.ttl_s)),
        format!("rng_seed {}", run.config.rng_seed),
    ];
    let workloads = run.workloads.iter().map(|workload| {
        let rounds = counted(workload.rounds, "round", "rounds");
        let block = counted(workload.block, "read", "reads");
        let keys = counted(workload.keys, "key", "keys");
        Entry::new(
            "",
            format!("{}: {rounds} of {block} a path, {keys}, codec {}", workload.name, workload.codec),
        )
    });
    let rows = [
        Entry::new("mysql", server(&environment.mysql)),
        Entry::new("redis", server(&environment.redis)),
        Entry::new("machine", machine(run)),
        Entry::new("cores", cores(run)),
    ];
    let data = run.dataset.as_ref().map(|data| {
        Entry::new(
            "data set",
            format!("{}, rng_seed {}", counted(data.users, "user", "users"), data.rng_seed),
        )
    });
    let bench = Entry::new("bench", reads.join(", "));
    rows.into_iter().chain(data).chain([bench]).chain(workloads).collect()
}

/// The use of the cores, which can weigh more than the cache.
fn cores(run: &Run) -> String {
    let sleep = if run.config.cores_awake { "kept awake" } else { "may sleep between reads" };
    match run.config.placement.as_str() {
        "even" => format!("{sleep}; each client reads equally long on each"),
        _ => format!("{sleep}; the system decides where clients run"),
    }
}

/// `MariaDB 10.11.14, private, over a unix socket: query_cache_type OFF`
fn server(server: &Server) -> String {
    let owner = if server.sandbox { ", private" } else { "" };
    let settings: Vec<String> = server
        .settings
        .iter()
        .map(|(name, value)| format!("{name} {}", setting_value(name, value)))
        .collect();
    let settings = if settings.is_empty() { String::new() } else { format!(": {}", settings.join(", ")) };
    let nodes = server
        .cluster_primaries
        .map(|nodes| format!(", a cluster of {}", counted(nodes, "primary", "primaries")));
    let nodes = nodes.unwrap_or_default();
    format!("{} {}{owner}{nodes}, {}{settings}", server.flavor, server.version, transport(&server.transport))
}

/// Sizes with their unit; an empty value would look like a missing one.
fn setting_value(name: &str, value: &str) -> String {
    let is_size = name.ends_with("_size") || name == "maxmemory";
    match value.parse::<u64>() {
        Ok(bytes) if is_size && bytes >= 1024 => units::bytes(bytes as f64),
        _ if value.is_empty() => "\"\"".to_owned(),
        _ => value.to_owned(),
    }
}

fn machine(run: &Run) -> String {
    let environment = &run.environment;
    let cores = environment.cores.map(|cores| counted(cores, "core", "cores"));
    let parts = [Some(environment.os.clone()), environment.cpu_model.clone(), cores];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The paths that were read, with their names in the run file.
fn paths(run: &Run) -> Vec<Entry> {
    let mut known: Vec<&PathRun> = Vec::new();
    for path in run.workloads.iter().flat_map(|workload| &workload.paths) {
        if !known.iter().any(|other| other.path == path.path) {
            known.push(path);
        }
    }
    known.sort_by_key(|path| names::rank(&path.path));
    let entry = |path: &PathRun| {
        let label = names::path(&path.path).to_owned();
        Some(Entry { label, tone: names::tone(&path.path), text: meaning(path)? })
    };
    known.into_iter().filter_map(entry).collect()
}

fn meaning(path: &PathRun) -> Option<String> {
    let meaning = match path.path.as_str() {
        "mysql" => "no cache, InnoDB's buffer pool is warm; `mysql` in the run file and on the command line",
        "cold" => "the entry is absent in Redis, InnoDB's buffer pool is warm; `cold` in the run file",
        "warm" => "the entry is in Redis; `warm` in the run file",
        "naive" => "GET, SELECT, SET as usual, which may store a stale row; `naive` in the run file",
        "disk" => return Some(disk_meaning(path)),
        _ => return None,
    };
    Some(meaning.to_owned())
}

/// What is special about reads from disk, and what they do not show.
fn disk_meaning(path: &PathRun) -> String {
    let storage = match path.disk.as_ref().map(|disk| disk.storage.as_str()) {
        Some("direct") => "Pages come from the disk, past the system's page cache (O_DIRECT).",
        Some("page_cache") => {
            "This file system has no O_DIRECT: pages may come from the system's page cache instead of the disk."
        }
        Some("memory") => {
            "The sandbox's folder is in memory, so no disk is read: name a folder on a disk with --sandbox-dir."
        }
        _ => "Whether pages come past the system's page cache is not known.",
    };
    format!(
        "no cache, the database has just restarted with an empty buffer pool. {storage} One client, after all rounds, at \
         most 20 reads a workload, each after a restart of its own; in no ratio. The statement is prepared before the clock \
         starts; whatever else a first query pays for is in its time"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;
    use crate::run_file::DiskReads;

    #[test]
    fn the_disk_is_described_as_it_is() {
        let said = |storage: &str| {
            let mut path = sample_runs::path_of("disk", &[1]);
            path.disk = Some(DiskReads { storage: storage.to_owned(), pages_per_read: None });
            meaning(&path).unwrap()
        };
        assert!(said("direct").contains("past the system's page cache (O_DIRECT)"));
        assert!(said("page_cache").contains("has no O_DIRECT"));
        assert!(said("memory").contains("--sandbox-dir"));
        assert!(said("?").contains("is not known"));
        assert_eq!(meaning(&sample_runs::path_of("later", &[1])), None);
    }

    #[test]
    fn sizes_are_read_as_sizes_and_nothing_else() {
        assert_eq!(setting_value("innodb_buffer_pool_size", "134217728"), "128 MiB");
        assert_eq!(setting_value("maxmemory", "0"), "0");
        assert_eq!(setting_value("save", ""), "\"\"");
        assert_eq!(setting_value("port", "3306"), "3306");
    }
}
