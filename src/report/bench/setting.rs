//! The setting of a run, and the meaning of its paths.

use super::head::transport;
use crate::report::blocks::{Block, Entry, Section};
use crate::report::names;
use crate::run_file::{ClusterNode, Environment, PathRun, Run, Server};
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
    let mysql = [Some(Entry::new("mysql", server(&environment.mysql))), node(&environment.mysql)];
    let rows = [
        Entry::new("redis", server(&environment.redis)),
        Entry::new("machine", machine(environment)),
        Entry::new("cores", cores(run)),
    ];
    let data = run.dataset.as_ref().map(|data| {
        Entry::new(
            "data set",
            format!("{}, rng_seed {}", counted(data.users, "user", "users"), data.rng_seed),
        )
    });
    let bench = Entry::new("bench", reads.join(", "));
    mysql.into_iter().flatten().chain(rows).chain(data).chain([bench]).chain(workloads).collect()
}

/// The part among others of a database server that rcache did not start, in its own words.
pub(in crate::report) fn node(server: &Server) -> Option<Entry> {
    let node = server.node.as_ref().filter(|_| !server.sandbox)?;
    let id = node.server_id.map(|id| format!(" (server id {id})")).unwrap_or_default();
    let place = match (&node.host_name, node.port) {
        (Some(host), Some(port)) => Some(format!("{host}:{port}{id}")),
        (Some(host), None) => Some(format!("{host}{id}")),
        (None, _) => node.server_id.map(|id| format!("server id {id}")),
    };
    let read_only = node.read_only.map(|is_so| if is_so { "read-only" } else { "takes writes" }.to_owned());
    let replica = node.replica.map(|is_so| match (is_so, node.replica_lag_s) {
        (false, _) => "no replica".to_owned(),
        (true, None) => "replica".to_owned(),
        (true, Some(lag)) => format!("replica, {lag} s behind"),
    });
    let proxy = node.proxy.as_ref().map(|sign| format!("behind a proxy ({sign})"));
    let several = (node.reached.len() > 1).then(|| format!("connections led to {}", node.reached.join(", ")));
    let cluster = node.cluster.as_ref().map(cluster);
    let parts: Vec<String> =
        [place, read_only, replica, cluster, proxy, several].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| Entry::new("", parts.join("; ")))
}

/// `Galera cluster of 3, Synced, wsrep_sync_wait 0`
fn cluster(cluster: &ClusterNode) -> String {
    let (kind, consistency) = match cluster.kind.as_str() {
        "galera" => ("Galera cluster", "wsrep_sync_wait"),
        _ => ("replication group", "group_replication_consistency"),
    };
    let size = cluster.size.map(|size| format!(" of {size}")).unwrap_or_default();
    let state = cluster.state.as_ref().map(|state| format!(", {state}")).unwrap_or_default();
    let waits = cluster.consistency.as_ref().map(|value| format!(", {consistency} {value}"));
    format!("{kind}{size}{state}{}", waits.unwrap_or_default())
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
pub(in crate::report) fn server(server: &Server) -> String {
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

pub(in crate::report) fn machine(environment: &Environment) -> String {
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

/// The peculiarity of reads from disk, and their limits.
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
    use crate::run_file::{DatabaseNode, DiskReads};

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
    fn a_server_among_others_says_its_part() {
        let said = |change: &dyn Fn(&mut Server)| {
            let mut server = sample_runs::full(1).environment.mysql;
            server.sandbox = false;
            let cluster = ClusterNode {
                kind: "galera".to_owned(),
                name: Some("shop".to_owned()),
                size: Some(3),
                state: Some("Synced".to_owned()),
                consistency: Some("0".to_owned()),
            };
            server.node = Some(DatabaseNode {
                host_name: Some("db1".to_owned()),
                port: Some(3306),
                server_id: Some(1),
                read_only: Some(false),
                replica: Some(false),
                cluster: Some(cluster),
                ..DatabaseNode::default()
            });
            change(&mut server);
            node(&server).map(|entry| entry.text)
        };
        assert_eq!(
            said(&|_| ()).unwrap(),
            "db1:3306 (server id 1); takes writes; no replica; Galera cluster of 3, Synced, wsrep_sync_wait 0"
        );
        let lagging = said(&|server| {
            let node = server.node.as_mut().unwrap();
            (node.read_only, node.replica, node.replica_lag_s) = (Some(true), Some(true), Some(7));
            node.cluster = None;
            node.reached = vec!["db1".to_owned(), "db2".to_owned()];
        });
        assert_eq!(
            lagging.unwrap(),
            "db1:3306 (server id 1); read-only; replica, 7 s behind; connections led to db1, db2"
        );
        assert_eq!(said(&|server| server.node = Some(DatabaseNode::default())), None);
        assert_eq!(said(&|server| server.sandbox = true), None, "ours is alone");
    }

    #[test]
    fn sizes_are_read_as_sizes_and_nothing_else() {
        assert_eq!(setting_value("innodb_buffer_pool_size", "134217728"), "128 MiB");
        assert_eq!(setting_value("maxmemory", "0"), "0");
        assert_eq!(setting_value("save", ""), "\"\"");
        assert_eq!(setting_value("port", "3306"), "3306");
    }
}
