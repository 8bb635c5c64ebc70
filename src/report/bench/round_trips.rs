//! Round trips: the time to reach each server and come back, without any work there.

use crate::claims::{self, Nearer};
use crate::report::blocks::{Block, Row, Section, Table};
use crate::report::numbers::{duration, percentile};
use crate::run_file::{Control, Run};
use crate::units;

pub(in crate::report) fn section(run: &Run) -> Option<Section> {
    let measured: Vec<&Control> = run.controls.iter().filter(|control| control.operations > 0).collect();
    if measured.is_empty() {
        return None;
    }
    let rows = measured.iter().map(|control| {
        let of = |name| duration(percentile(&control.percentiles_ns, name));
        let max = duration(control.max_ns.map(|ns| ns as f64));
        let cells =
            vec![units::count(control.operations), duration(control.mean_ns), of("50"), of("99"), max];
        Row::new(format!("{} {}", server(&control.server), control.statement), cells)
    });
    let table = Table::of_numbers("", ["sent", "mean", "p50", "p99", "max"], rows.collect());
    let sentence = sentence(run).map(Block::Sentence);
    let blocks = std::iter::once(Block::Table(table)).chain(sentence).collect();
    Some(Section::titled("Round trips to each server, with no work to do there", blocks))
}

fn server(name: &str) -> &str {
    match name {
        "mysql" => "MySQL",
        "redis" => "Redis",
        other => other,
    }
}

/// The difference between the servers, which is no merit of the cache; none without intervals.
fn sentence(run: &Run) -> Option<String> {
    let (mysql, redis) = run.workloads.iter().find_map(|workload| {
        let control = |statement: &str| {
            let found = workload.controls.iter().find(|control| control.statement == statement)?;
            Some((found.typical_ns?, found.typical_ci95_ns?))
        };
        Some((control("SELECT 1")?, control("PING")?))
    })?;
    let difference = units::duration((mysql.0 - redis.0).abs());
    Some(match claims::nearer(mysql.1, redis.1) {
        Nearer::Neither => {
            "Both servers are about equally near: differences between reads are not due to the way there."
                .to_owned()
        }
        Nearer::Second => format!(
            "Redis answers {difference} sooner without any work: that part of a gain is not due to caching."
        ),
        Nearer::First => format!(
            "MySQL answers {difference} sooner without any work: every hit and every miss pays for the longer way to Redis."
        ),
        Nearer::Unsure => "Which server is nearer cannot be told from the noise.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;
    use crate::run_file::RoundControl;

    fn said(mysql: [f64; 3], redis: [f64; 3]) -> Option<String> {
        let control = |server: &str, statement: &str, [low, typical, high]: [f64; 3]| RoundControl {
            server: server.to_owned(),
            statement: statement.to_owned(),
            operations: 100,
            typical_ns: Some(typical),
            typical_ci95_ns: Some([low, high]),
        };
        let mut run = sample_runs::full(100);
        for workload in &mut run.workloads {
            workload.controls = vec![control("mysql", "SELECT 1", mysql), control("redis", "PING", redis)];
        }
        sentence(&run)
    }

    #[test]
    fn the_nearer_server_is_named_if_the_intervals_tell() {
        let is = |mysql, redis, start: &str| said(mysql, redis).is_some_and(|said| said.starts_with(start));
        assert!(is([23e3, 24e3, 25e3], [15e3, 16e3, 17e3], "Redis answers 8"));
        assert!(is([23e3, 24e3, 25e3], [400e3, 410e3, 420e3], "MySQL answers"));
        assert!(is([23.5e3, 24e3, 24.4e3], [23e3, 23.4e3, 23.8e3], "Both servers"));
        assert!(is([14e3, 24e3, 34e3], [15e3, 16e3, 17e3], "Which server"));
    }

    #[test]
    fn without_intervals_nothing_is_said() {
        let mut run = sample_runs::full(100);
        run.workloads.iter_mut().for_each(|workload| workload.controls.clear());
        assert_eq!(sentence(&run), None);
    }
}
