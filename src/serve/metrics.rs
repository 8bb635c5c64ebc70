//! The library's counters as Prometheus text.

use std::fmt::Write as _;

use cache_aside::Stats;

/// Every counter with a line of help.
pub(super) fn text(stats: &Stats, mysql_reads: u64, requests: u64) -> String {
    let counters = [
        ("cache_hits", "Reads answered from Redis with a value", stats.hits),
        ("cache_negative", "Reads answered from Redis: the row does not exist", stats.negative),
        ("cache_misses", "Reads that found nothing in Redis at first", stats.misses),
        ("cache_loads", "Loads that were begun", stats.loads),
        ("cache_fills", "Entries written", stats.fills),
        (
            "cache_fills_refused",
            "Entries not written because something had changed since",
            stats.fills_refused,
        ),
        ("cache_fills_skipped", "Entries not written for another reason", stats.fills_skipped),
        ("cache_early_refreshes", "Loads ahead of an expiry", stats.early_refreshes),
        ("cache_waits", "Reads that waited for another load or write", stats.waits),
        ("cache_joined", "Reads answered with the value of another load", stats.joined),
        ("cache_bypasses", "Reads from the database that were not allowed to fill", stats.bypasses),
        ("cache_corrupt", "Values that could not be read", stats.corrupt),
        ("cache_redis_errors", "Commands that Redis did not do", stats.redis_errors),
        ("cache_markers_lost", "Markers that were gone when their write finished", stats.markers_lost),
        ("cache_connections_opened", "Connections opened to Redis", stats.connections_opened),
        ("cache_breaker_opened", "Times that the breaker has opened", stats.breaker_opened),
        ("mysql_reads", "SELECT statements of this application", mysql_reads),
        ("requests", "HTTP requests", requests),
    ];
    let mut text = String::new();
    for (name, help, value) in counters {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP rcache_{name}_total {help}\n# TYPE rcache_{name}_total counter\n");
        let _ = writeln!(text, "rcache_{name}_total {value}");
    }
    let open = u8::from(stats.breaker_open);
    let _ = write!(
        text,
        "# HELP rcache_cache_breaker_open Whether reads leave Redis alone now\n# TYPE rcache_cache_breaker_open gauge\n\
         rcache_cache_breaker_open {open}\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_its_type() {
        let text = text(&Stats::default(), 3, 5);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(value.parse::<u64>().is_ok(), "{line}");
            assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
        }
        assert!(text.contains("rcache_mysql_reads_total 3\n") && text.ends_with('\n'));
    }
}
