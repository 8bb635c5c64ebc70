//! What was measured, where and how: the head of the page, without which no number means anything.

use super::layout::{clean, counted, entry, heading, text_column, wrap};
use super::{ALERT, PLAIN, Style, path_ink};
use crate::run_file::{PathRun, Run, Server};
use crate::units;

/// The title, the note on an interrupted run, the setting and the paths.
pub(super) fn blocks(run: &Run, style: &Style) -> Vec<Vec<String>> {
    vec![title(run, style), interrupted(run, style), setting(run, style), paths(run, style)]
}

fn title(run: &Run, style: &Style) -> Vec<String> {
    let version = clean(&run.rcache_version);
    let wall = units::duration(run.wall_s.max(0.0) * 1e9);
    let title = format!("rcache {version}, run of {}, took {wall}", clean(&run.started_at));
    heading(&title, style)
}

fn interrupted(run: &Run, style: &Style) -> Vec<String> {
    if !run.interrupted {
        return Vec::new();
    }
    let text =
        "Interrupted: this run ended early, and every number covers only what was measured until then.";
    wrap(text, style.columns()).into_iter().map(|line| style.paint(ALERT, &line)).collect()
}

fn setting(run: &Run, style: &Style) -> Vec<String> {
    let environment = &run.environment;
    let reads = [
        format!("{} a workload and path", counted(run.config.iterations, "read", "reads")),
        counted(run.config.clients, "client", "clients"),
        format!("TTL {} s", units::count(run.config.ttl_s)),
        format!("rng_seed {}", run.config.rng_seed),
    ];
    let rows = [
        ("mysql", server(&environment.mysql)),
        ("", settings(&environment.mysql)),
        ("redis", server(&environment.redis)),
        ("", settings(&environment.redis)),
        ("machine", machine(run)),
        ("cores", cores(run)),
        ("data set", format!("{}, rng_seed {}", users(run), run.dataset.rng_seed)),
        ("bench", reads.join(", ")),
    ];
    let column = text_column(rows.iter().map(|(label, _)| *label));
    let entries = rows.iter().flat_map(|(label, text)| entry(label, PLAIN, column, text, style));
    heading("Setting", style).into_iter().chain(entries).collect()
}

/// What became of the cores: it can weigh more than the cache.
fn cores(run: &Run) -> String {
    let sleep = if run.config.cores_awake { "kept awake" } else { "may fall asleep between reads" };
    match run.config.placement.as_str() {
        "even" => format!("{sleep}; every block is read for the same time on each"),
        _ => format!("{sleep}; who runs where is left to the system"),
    }
}

fn users(run: &Run) -> String {
    counted(run.dataset.users, "user", "users")
}

/// `MariaDB 10.11.14, the sandbox's own, over a unix socket`
fn server(server: &Server) -> String {
    let owner = if server.sandbox { " in the sandbox" } else { "" };
    let transport = match server.transport.as_str() {
        "tcp" => "over TCP",
        "tcp+tls" => "over TCP with TLS",
        "unix socket" => "over a unix socket",
        other => other,
    };
    format!("{} {}{owner}, {transport}", server.flavor, server.version)
}

fn settings(server: &Server) -> String {
    let settings: Vec<String> = server
        .settings
        .iter()
        .map(|(name, value)| format!("{name} {}", setting_value(name, value)))
        .collect();
    settings.join(", ")
}

/// Sizes as people read them; an empty value would look like a missing one.
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

/// What the paths are, for those that were read.
fn paths(run: &Run, style: &Style) -> Vec<String> {
    let mut known: Vec<(&str, String)> = Vec::new();
    for path in run.workloads.iter().flat_map(|workload| &workload.paths) {
        if known.iter().any(|(name, _)| *name == path.path) {
            continue;
        }
        known.extend(path_meaning(path).map(|meaning| (path.path.as_str(), meaning)));
    }
    if known.is_empty() {
        return Vec::new();
    }
    let column = text_column(["data set"]);
    let entries = known.iter().flat_map(|(name, text)| entry(name, path_ink(name), column, text, style));
    heading("Paths", style).into_iter().chain(entries).collect()
}

fn path_meaning(path: &PathRun) -> Option<String> {
    let meaning = match path.path.as_str() {
        "mysql" => "no cache; InnoDB's buffer pool is warm",
        "cold" => "a miss: the entry is absent in Redis; InnoDB's buffer pool is warm",
        "warm" => "a hit: the entry is in Redis",
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
            "This file system takes no O_DIRECT: pages may come from the system's page cache and from no disk."
        }
        Some("memory") => {
            "The sandbox's folder lies in memory, so that no disk is read: name a folder on a disk with --sandbox-dir."
        }
        _ => "Whether pages come past the system's page cache is not known.",
    };
    format!(
        "no cache; the database has just restarted, its buffer pool empty. {storage} After all rounds, by one client, at most 20 \
         reads a workload, each after a restart of its own; in no ratio. Preparing the statement opens the table before \
         the clock starts; whatever else a first query pays for is in its time"
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs;
    use super::*;
    use crate::run_file::DiskReads;

    #[test]
    fn the_disk_is_spoken_of_as_it_is() {
        let said = |storage: &str| {
            let mut path = sample_runs::path_of("disk", &[1]);
            path.disk = Some(DiskReads { storage: storage.to_owned(), pages_per_read: None });
            path_meaning(&path).unwrap()
        };
        assert!(said("direct").contains("past the system's page cache (O_DIRECT)"));
        assert!(said("page_cache").contains("takes no O_DIRECT"));
        assert!(said("memory").contains("--sandbox-dir"));
        assert!(said("?").contains("is not known"));
        assert_eq!(path_meaning(&sample_runs::path_of("later", &[1])), None);
    }

    #[test]
    fn sizes_are_read_as_sizes_and_nothing_else() {
        assert_eq!(setting_value("innodb_buffer_pool_size", "134217728"), "128 MiB");
        assert_eq!(setting_value("maxmemory", "0"), "0");
        assert_eq!(setting_value("save", ""), "\"\"");
        assert_eq!(setting_value("port", "3306"), "3306");
    }
}
