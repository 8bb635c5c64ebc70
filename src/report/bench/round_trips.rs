//! Round trips: the time to reach each server and come back, without any work there.

use crate::report::blocks::{Block, Row, Section, Table};
use crate::report::numbers::{duration, percentile};
use crate::run_file::{Control, Run};
use crate::units;

pub(super) fn section(run: &Run) -> Option<Section> {
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
    let sentence = sentence(&measured).map(Block::Sentence);
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

/// The difference between the servers, which is no merit of the cache.
fn sentence(controls: &[&Control]) -> Option<String> {
    let mean_ns = |server: &str| controls.iter().find(|control| control.server == server)?.mean_ns;
    let (mysql_ns, redis_ns) = (mean_ns("mysql")?, mean_ns("redis")?);
    let difference_ns = (mysql_ns - redis_ns).abs();
    let difference = units::duration(difference_ns);
    Some(if difference_ns < 0.1 * mysql_ns.max(redis_ns) {
        "Both servers are about equally near: differences between reads are not due to the way there."
            .to_owned()
    } else if mysql_ns > redis_ns {
        format!(
            "Redis answers {difference} sooner without any work: that part of a gain is not due to caching."
        )
    } else {
        format!(
            "MySQL answers {difference} sooner without any work: every hit and every miss pays for the longer way to Redis."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs::control;

    #[test]
    fn nearness_is_told_from_speed() {
        let said = |mysql_ns, redis_ns| {
            let controls = [control("mysql", "SELECT 1", mysql_ns), control("redis", "PING", redis_ns)];
            sentence(&controls.iter().collect::<Vec<_>>()).unwrap()
        };
        assert!(said(24e3, 16e3).starts_with("Redis answers 8"));
        assert!(said(24e3, 410e3).starts_with("MySQL answers"));
        assert!(said(24e3, 23e3).starts_with("Both servers"));
        let redis = control("redis", "PING", 16e3);
        assert_eq!(sentence(&[&redis]), None);
    }
}
