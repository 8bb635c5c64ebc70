//! The round-trip floors: what a read costs before it asks for anything, so that "Redis is faster"
//! can be told from "the network is near".

use super::Style;
use super::layout::{clean, heading, paragraph};
use super::table::{self, Grid};
use crate::run_file::{Control, Run};
use crate::units;

pub(super) fn block(run: &Run, style: &Style) -> Vec<String> {
    let measured: Vec<&Control> = run.controls.iter().filter(|control| control.operations > 0).collect();
    if measured.is_empty() {
        return Vec::new();
    }
    let mut lines = heading("Round-trip floors: the bare way to each server and back", style);
    lines.extend(table::set(&grid(&measured), 2, style));
    if let Some(text) = sentence(&measured) {
        lines.extend(paragraph(&text, style));
    }
    lines
}

fn grid(controls: &[&Control]) -> Grid {
    let header = ["server", "statement", "sent", "mean", "p50", "p99", "max"].map(str::to_owned).to_vec();
    let rows = controls.iter().map(|control| {
        vec![
            clean(&control.server),
            clean(&control.statement),
            units::count(control.operations),
            table::time(control.mean_ns),
            table::time(table::percentile(&control.percentiles_ns, "50")),
            table::time(table::percentile(&control.percentiles_ns, "99")),
            table::time(control.max_ns.map(|ns| ns as f64)),
        ]
    });
    std::iter::once(header).chain(rows).collect()
}

/// Which server is nearer, and by how much: that part of a difference is no merit of the cache.
fn sentence(controls: &[&Control]) -> Option<String> {
    let mean_ns = |server: &str| controls.iter().find(|control| control.server == server)?.mean_ns;
    let (mysql_ns, redis_ns) = (mean_ns("mysql")?, mean_ns("redis")?);
    let difference_ns = (mysql_ns - redis_ns).abs();
    let difference = units::duration(difference_ns);
    Some(if difference_ns < 0.1 * mysql_ns.max(redis_ns) {
        "Both servers are about equally near: what paths differ by is not the way to the server.".to_owned()
    } else if mysql_ns > redis_ns {
        format!(
            "Redis answers {difference} sooner even when nothing is asked of either: so much of what paths \
             differ by is the way to the server, not the cache."
        )
    } else {
        format!(
            "MySQL answers {difference} sooner when nothing is asked of either: every hit and every miss \
             pays for the longer way to Redis."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs::control;
    use super::*;

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
