//! The first lines of a page: what was measured on which servers.

use std::collections::BTreeSet;

use crate::report::blocks::{Heading, Section};
use crate::run_file::{Run, Server};
use crate::units::counted;

pub(in crate::report) fn section(run: &Run) -> Section {
    let heading = Heading {
        name: format!("rcache {}", run.rcache_version),
        text: format!(
            "{}{}; {}, {}{}{}, every answer verified",
            servers(&run.environment.mysql, &run.environment.redis),
            cores(run),
            subject(run),
            counted(run.config.clients, "client", "clients"),
            time(run),
            runs(run),
        ),
        aside: String::new(),
    };
    Section { heading: Some(heading), ..Section::default() }
}

/// `100,000 users`, or the number of queries if these are all.
fn subject(run: &Run) -> String {
    match &run.dataset {
        Some(data) => counted(data.users, "user", "users"),
        None => {
            let names: BTreeSet<&str> = run.workloads.iter().map(|workload| workload.name.as_str()).collect();
            counted(names.len() as u64, "query of your own", "queries of your own")
        }
    }
}

/// `, 5 s a workload`, unless a number of reads was asked for.
fn time(run: &Run) -> String {
    let time = |seconds: f64| format!(", {seconds} s a workload");
    run.config.time_s.map(time).unwrap_or_default()
}

/// `, 5 runs`, whose differences the intervals hold; `, 3 load generators`.
fn runs(run: &Run) -> String {
    if run.generators > 1 {
        format!(", {} load generators", run.generators)
    } else if run.runs.is_empty() {
        String::new()
    } else {
        format!(", {} runs", run.runs.len())
    }
}

/// `private MariaDB 10.11.14 and Redis 7.0.15`; servers of others with their transport.
pub(in crate::report) fn servers(mysql: &Server, redis: &Server) -> String {
    let named = |server: &Server| format!("{} {}{}", server.flavor, server.version, primaries(server));
    if mysql.sandbox && redis.sandbox {
        return format!("private {} and {}", named(mysql), named(redis));
    }
    let one = |server: &Server| match server.sandbox {
        true => format!("private {}", named(server)),
        false => format!("{} {}", named(server), transport(&server.transport)),
    };
    format!("{} and {}", one(mysql), one(redis))
}

/// ` (cluster of 3 primaries)`, if it is one.
fn primaries(server: &Server) -> String {
    let words = |number| format!(" (cluster of {})", counted(number, "primary", "primaries"));
    server.cluster_primaries.map(words).unwrap_or_default()
}

pub(super) fn transport(name: &str) -> String {
    match name {
        "tcp" => "over TCP".to_owned(),
        "tcp+tls" => "over TCP with TLS".to_owned(),
        "unix socket" => "over a unix socket".to_owned(),
        other => format!("over {other}"),
    }
}

fn cores(run: &Run) -> String {
    run.environment.cores.map(|cores| format!(" on {}", counted(cores, "core", "cores"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;

    #[test]
    fn a_cluster_is_named_as_one_wherever_it_runs() {
        let mut environment = sample_runs::full(20).environment;
        environment.redis.cluster_primaries = Some(3);
        let words =
            |environment: &crate::run_file::Environment| servers(&environment.mysql, &environment.redis);
        let private = words(&environment);
        assert!(private.ends_with(" and Redis 7.0.15 (cluster of 3 primaries)"), "{private}");
        environment.redis.sandbox = false;
        let given = words(&environment);
        assert!(given.ends_with("Redis 7.0.15 (cluster of 3 primaries) over a unix socket"), "{given}");
    }
}
