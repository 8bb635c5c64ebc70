//! What was measured, where and how: the head of the page, without which no number means anything.

use super::layout::{INDENT, clean, counted, entry, heading, text_column, wrap};
use super::{ALERT, PLAIN, Style, path_ink};
use crate::run_file::{Run, Server};
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
        ("data set", format!("{}, rng_seed {}", users(run), run.dataset.rng_seed)),
        ("bench", reads.join(", ")),
    ];
    let column = text_column(rows.iter().map(|(label, _)| *label));
    let entries = rows.iter().flat_map(|(label, text)| entry(label, PLAIN, column, text, style));
    heading("Setting", style).into_iter().chain(entries).collect()
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
    let mut names: Vec<&str> = Vec::new();
    for path in run.workloads.iter().flat_map(|workload| &workload.paths) {
        if !names.contains(&path.path.as_str()) {
            names.push(&path.path);
        }
    }
    let known: Vec<(&str, &str)> =
        names.into_iter().filter_map(|name| Some((name, path_meaning(name)?))).collect();
    if known.is_empty() {
        return Vec::new();
    }
    let column = text_column(["data set"]);
    let entries = known.iter().flat_map(|(name, text)| entry(name, path_ink(name), column, text, style));
    heading("Paths", style).into_iter().chain(entries).collect()
}

fn path_meaning(path: &str) -> Option<&'static str> {
    match path {
        "mysql" => Some("no cache; InnoDB's buffer pool is warm"),
        "cold" => Some("a miss: the entry is absent in Redis; InnoDB's buffer pool is warm"),
        "warm" => Some("a hit: the entry is in Redis"),
        "disk" => Some("no cache; the database has just restarted and reads its pages from disk"),
        _ => None,
    }
}

/// The warnings, each with its code: cause, and what to do.
pub(super) fn warnings(run: &Run, style: &Style) -> Vec<String> {
    if run.warnings.is_empty() {
        return Vec::new();
    }
    let heading = style.paint(ALERT.bold(), "Warnings");
    let entries = run.warnings.iter().flat_map(|warning| {
        let code = style.paint(ALERT, &clean(&warning.code));
        let lines = wrap(&clean(&warning.message), style.columns() - 2 * INDENT);
        std::iter::once(format!("  {code}")).chain(lines.into_iter().map(|line| format!("    {line}")))
    });
    std::iter::once(heading).chain(entries).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_sizes_and_nothing_else() {
        assert_eq!(setting_value("innodb_buffer_pool_size", "134217728"), "128 MiB");
        assert_eq!(setting_value("maxmemory", "0"), "0");
        assert_eq!(setting_value("save", ""), "\"\"");
        assert_eq!(setting_value("port", "3306"), "3306");
    }
}
