//! The behaviour of the program, seen from outside, on real private servers: one sandbox for all
//! tests, a database and a namespace for each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod bench;
mod browser;
mod candidates;
mod chaos;
mod chaos_database;
mod clean;
mod cluster;
mod command_line;
mod compare;
mod database_nodes;
mod demo;
mod disk;
mod flush;
mod foreign;
mod formats;
mod galera;
mod hostile;
mod idle;
mod library;
mod library_trouble;
mod load;
mod merge;
mod mysql_settings;
mod output;
mod own_query;
mod private_cluster;
mod private_mysql;
mod private_redis;
mod proxy;
mod published;
mod report;
mod runs;
mod sandbox;
mod saving;
mod scenario;
mod scenario_obstacles;
mod schema;
mod seed;
mod seed_loaders;
#[cfg(feature = "serve")]
mod serve;
mod signals;
mod silent_servers;
mod size;
mod storm;
mod tls;
mod tls_nodes;
mod traffic;
mod twemproxy;
mod workloads;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut tests = Vec::new();
    for (room, room_tests) in [
        ("bench", bench::TESTS),
        ("browser", browser::TESTS),
        ("candidates", candidates::TESTS),
        ("chaos", chaos::TESTS),
        ("chaos_database", chaos_database::TESTS),
        ("clean", clean::TESTS),
        ("cluster", cluster::TESTS),
        ("command_line", command_line::TESTS),
        ("compare", compare::TESTS),
        ("database_nodes", database_nodes::TESTS),
        ("demo", demo::TESTS),
        ("disk", disk::TESTS),
        ("flush", flush::TESTS),
        ("foreign", foreign::TESTS),
        ("formats", formats::TESTS),
        ("galera", galera::TESTS),
        ("hostile", hostile::TESTS),
        ("idle", idle::TESTS),
        ("library", library::TESTS),
        ("library_trouble", library_trouble::TESTS),
        ("load", load::TESTS),
        ("merge", merge::TESTS),
        ("mysql_settings", mysql_settings::TESTS),
        ("output", output::TESTS),
        ("own_query", own_query::TESTS),
        ("report", report::TESTS),
        ("runs", runs::TESTS),
        ("sandbox", sandbox::TESTS),
        ("saving", saving::TESTS),
        ("scenario", scenario::TESTS),
        ("scenario_obstacles", scenario_obstacles::TESTS),
        ("schema", schema::TESTS),
        ("seed", seed::TESTS),
        ("seed_loaders", seed_loaders::TESTS),
        #[cfg(feature = "serve")]
        ("serve", serve::TESTS),
        ("silent_servers", silent_servers::TESTS),
        ("size", size::TESTS),
        ("signals", signals::TESTS),
        ("tls", tls::TESTS),
        ("tls_nodes", tls_nodes::TESTS),
        ("traffic", traffic::TESTS),
        ("twemproxy", twemproxy::TESTS),
        ("workloads", workloads::TESTS),
    ] {
        tests.extend(room_tests.iter().map(|(name, test)| {
            Trial::test(format!("{room}::{name}"), move || {
                test();
                Ok(())
            })
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    world::close();
    conclusion.exit_code()
}

/// A table of tests by name, so that none can be forgotten: one that is not listed is dead code,
/// which the compiler reports.
type Tests = &'static [(&'static str, fn())];

/// Lists test functions under their own names.
#[macro_export]
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: $crate::Tests = &[$((stringify!($name), $name as fn())),+];
    };
}
