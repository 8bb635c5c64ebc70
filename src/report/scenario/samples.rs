//! Experiments made up for the tests of their pages.

use super::super::sample_runs;
use crate::scenario::Found;
use crate::scenario::document::{Arm, Document, INTERRUPTED, Spread};
use crate::scenario::samples::{
    Avalanche, Corrupt, Metastable, OnCluster, Outage, Penetration, Phase, Recovery, Stale, Stampede,
};

fn document(scenario: &str, config: &[(&str, u64)], arms: Vec<Arm>) -> Document {
    Document {
        format: "rcache-scenario".to_owned(),
        format_version: 1,
        rcache_version: "0.1.0".to_owned(),
        scenario: scenario.to_owned(),
        valid: true,
        broken: false,
        reason: None,
        interrupted: false,
        started_at: "2026-03-01T12:00:00Z".to_owned(),
        wall_s: 12.6,
        environment: sample_runs::full(20).environment,
        config: config.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        arms,
        warnings: Vec::new(),
    }
}

const STALE: [(&str, u64); 8] = [
    ("clients", 16),
    ("writers", 4),
    ("processes", 4),
    ("keys", 64),
    ("duration_s", 2),
    ("load_delay_ms", 2),
    ("write_pause_ms", 4),
    ("writes_per_death", 1_000),
];

fn stale_arm(arm: &str, reads: u64, database_loads: u64, stale: Stale) -> Arm {
    Arm { arm: arm.to_owned(), reads, database_loads, writes: 1_500, found: stale.into(), ..Arm::default() }
}

fn clean(reads: u32, stale_keys_when_quiet: u64) -> Stale {
    Stale {
        stale_share_below: Some(3.0 / f64::from(reads)),
        stale_keys_when_quiet,
        dead_writers: 5,
        ..Stale::default()
    }
}

fn dirty(stale_share: f64, p50: f64, p99: Option<f64>) -> Stale {
    Stale {
        stale_reads: 776,
        stale_share: Some(stale_share),
        stale_age_ms: Some(Spread { p50: Some(p50), p99, max: 436.0 }),
        stale_keys_when_quiet: 6,
        stale_keys_that_miss_a_returned_write: 2,
        non_monotonic_reads: 3,
        dead_writers: 5,
        ..Stale::default()
    }
}

/// Each of them.
pub(crate) fn all() -> [Document; 10] {
    [
        stale(),
        stale_without_harm(),
        stale_broken(),
        interrupted(),
        corrupt(),
        stampede(),
        outage(),
        avalanche(),
        penetration(),
        metastable(),
    ]
}

pub(crate) fn stale() -> Document {
    let arms = vec![
        stale_arm("mysql", 10_784, 10_784, clean(10_784, 0)),
        stale_arm("naive", 59_605, 3_302, dirty(0.013, 40.5, None)),
        stale_arm("naive-double-delete", 58_713, 5_762, dirty(0.006_2, 7.46, Some(20.1))),
        stale_arm("lock", 62_666, 1_600, dirty(0.123, 65.4, Some(418.0))),
        stale_arm("lease", 1_076_682, 1_533, clean(1_076_682, 4)),
        stale_arm("lease-marker", 950_596, 1_788, clean(950_596, 0)),
    ];
    let mut document = document("stale", &STALE, arms);
    document.config.insert("deaths_at_the_end".to_owned(), 4);
    document
}

pub(crate) fn stale_without_harm() -> Document {
    let mut document = stale();
    for arm in &mut document.arms {
        arm.found = clean(59_605, 4).into();
    }
    document.valid = false;
    document.reason = Some(
        "the naive cache-aside shows no stale read, so that none elsewhere proves nothing; give it more time with --duration, \
         or more --clients"
            .to_owned(),
    );
    document
}

pub(crate) fn stale_broken() -> Document {
    let mut document = stale();
    for arm in document.arms.iter_mut().filter(|arm| arm.arm == "lease") {
        arm.failed_reads = 2;
        arm.first_error = Some("MySQL failed while reading a row of rcache_scenario: gone".to_owned());
        arm.found = dirty(0.000_721, 1.3, None).into();
    }
    document.broken = true;
    document.reason = Some("the arm lease shows 776 stale reads, 2 failed reads".to_owned());
    document
}

pub(crate) fn interrupted() -> Document {
    let mut document = stale();
    document.arms.clear();
    document.interrupted = true;
    document.valid = false;
    document.reason = Some(format!("{INTERRUPTED} in its first arm"));
    document
}

pub(crate) fn corrupt() -> Document {
    let config = [
        ("clients", 8),
        ("processes", 2),
        ("keys", 64),
        ("duration_s", 3),
        ("damage_pause_ms", 5),
        ("ttl_ms", 1_000),
    ];
    let damage = || {
        ["flipped", "truncated", "swapped", "other_type", "foreign"].map(|kind| (kind.to_owned(), 80)).into()
    };
    let arms = vec![
        Arm {
            arm: "naive".to_owned(),
            reads: 80_123,
            wrong_reads: 9_876,
            failed_reads: 34_567,
            first_error: Some("the entry in Redis is not a row: EOF while parsing a value".to_owned()),
            found: Corrupt { damage: damage(), corrupt: None, unusable_when_quiet: 31 }.into(),
            ..Arm::default()
        },
        Arm {
            arm: "lease".to_owned(),
            reads: 91_234,
            found: Corrupt { damage: damage(), corrupt: Some(388), unusable_when_quiet: 0 }.into(),
            ..Arm::default()
        },
    ];
    document("corrupt", &config, arms)
}

pub(crate) fn stampede() -> Document {
    let config = [
        ("clients", 64),
        ("processes", 4),
        ("duration_s", 5),
        ("ttl_ms", 600),
        ("load_delay_ms", 40),
        ("read_pause_ms", 20),
        ("waited_from_ms", 20),
    ];
    let arm = |arm: &str, expiries: u32, loads: u32, most: u64, waited: u64, early: Option<u64>| Arm {
        arm: arm.to_owned(),
        reads: 15_000,
        database_loads: u64::from(loads),
        found: Found::from(Stampede {
            expiries: u64::from(expiries),
            loads_per_expiry: Some(f64::from(loads) / f64::from(expiries)),
            most_loads_in_an_expiry: most,
            waited_reads: waited,
            wait_ms: (waited > 0).then_some(Spread { p50: Some(41.2), p99: None, max: 61.0 }),
            early_refreshes: early,
            found_nothing: early.map(|_| waited),
            excused_loads: early.map(|_| 0),
        }),
        ..Arm::default()
    };
    let arms = vec![
        arm("naive", 8, 500, 64, 500, None),
        arm("lease", 8, 8, 1, 420, Some(0)),
        arm("lease-no-mutex", 8, 8, 1, 433, Some(0)),
        arm("lease-early", 12, 20, 3, 0, Some(20)),
    ];
    document("stampede", &config, arms)
}

pub(crate) fn outage() -> Document {
    let config = [
        ("clients", 8),
        ("processes", 2),
        ("keys", 64),
        ("duration_s", 2),
        ("naive_timeout_ms", 1_000),
        ("library_connect_timeout_ms", 100),
        ("library_reply_timeout_ms", 50),
        ("cluster_primaries", 3),
        ("cluster_replicas", 3),
        ("cluster_node_timeout_ms", 1_000),
        ("cluster_writers", 2),
    ];
    let phase = |phase: &str, reads, failed_reads, database_loads, p50, max| Phase {
        phase: phase.to_owned(),
        reads,
        failed_reads,
        hits: reads - database_loads,
        database_loads,
        stale_reads: None,
        latency_ms: Some(Spread { p50, p99: p50.map(|p50| p50 * 3.0), max }),
        past_the_cache_ms: Some(Spread { p50: Some(0.206), p99: Some(0.6), max: 1.1 }),
    };
    let arm = |arm: &str, failed_reads, phases: Vec<Phase>, continued, restarted| Arm {
        arm: arm.to_owned(),
        reads: phases.iter().map(|phase| phase.reads).sum(),
        failed_reads,
        database_loads: phases.iter().map(|phase| phase.database_loads).sum(),
        first_error: (failed_reads > 0).then(|| "Redis: timed out".to_owned()),
        found: Outage { phases, recovery_ms: Recovery { continued, restarted }, cluster: None }.into(),
        ..Arm::default()
    };
    let mysql = ["before", "stopped", "continued", "killed", "restarted"]
        .map(|name| phase(name, 6_000, 0, 6_000, Some(0.21), 4.2));
    let naive = vec![
        phase("before", 6_000, 0, 64, Some(0.11), 3.0),
        phase("stopped", 0, 16, 0, None, 1_001.0),
        phase("continued", 12_000, 0, 0, Some(0.11), 3.0),
        phase("killed", 0, 6_400, 0, Some(0.09), 2.0),
        phase("restarted", 12_000, 3, 70, Some(0.11), 3.0),
    ];
    let lease = vec![
        phase("before", 6_000, 0, 64, Some(0.12), 3.1),
        phase("stopped", 6_000, 0, 6_000, Some(0.22), 151.0),
        phase("continued", 12_000, 0, 4_800, Some(0.13), 51.0),
        phase("killed", 6_000, 0, 6_000, Some(0.214), 9.0),
        phase("restarted", 12_000, 0, 4_500, Some(0.12), 4.0),
    ];
    let killed = vec![
        phase("before", 6_000, 0, 64, Some(0.13), 3.2),
        phase("killed", 9_000, 0, 3_100, Some(0.14), 501.0),
        phase("taken-over", 27_000, 0, 90, Some(0.13), 5.1),
    ];
    let moved = vec![
        phase("before", 6_000, 0, 64, Some(0.13), 3.2),
        phase("moving", 12_000, 0, 140, Some(0.14), 8.4),
        phase("moved", 24_000, 0, 70, Some(0.13), 3.9),
    ];
    let on_cluster = |mut arm: Arm, event: OnCluster| {
        if let Found::Outage(found) = &mut arm.found {
            found.phases.iter_mut().for_each(|phase| phase.stale_reads = Some(0));
            found.cluster = Some(event);
        }
        if arm.arm == "failover" {
            arm.failed_writes = 96;
            arm.first_error = Some("the write cannot be announced to the cache: timed out".to_owned());
        }
        Arm { writes: 1_120, ..arm }
    };
    let arms = vec![
        arm("mysql", 0, mysql.into(), None, None),
        arm("naive", 6_419, naive, Some(3.1), Some(5.2)),
        arm("lease", 0, lease, Some(1_420.0), Some(1_310.0)),
        on_cluster(
            arm("failover", 0, killed, None, None),
            OnCluster {
                keys: 22,
                takeover_ms: Some(1_610.0),
                slots_moved: 0,
                hits_back_ms: Some(1_640.0),
                redirects: 3,
            },
        ),
        on_cluster(
            arm("resharding", 0, moved, None, None),
            OnCluster {
                keys: 21,
                takeover_ms: None,
                slots_moved: 21,
                hits_back_ms: Some(18.0),
                redirects: 84,
            },
        ),
    ];
    document("outage", &config, arms)
}

pub(crate) fn avalanche() -> Document {
    let config = [
        ("clients", 16),
        ("processes", 4),
        ("keys", 2_000),
        ("duration_s", 10),
        ("ttl_ms", 8_000),
        ("window_ms", 100),
    ];
    let arm = |arm: &str, peak_loads, within| Arm {
        arm: arm.to_owned(),
        reads: 110_000,
        database_loads: 2_010,
        found: Avalanche { peak_loads, nine_tenths_of_loads_ms: within }.into(),
        ..Arm::default()
    };
    let arms = vec![
        arm("naive", 810, Some(341.0)),
        arm("naive-jitter", 262, Some(1_012.0)),
        arm("lease", 255, Some(1_030.0)),
    ];
    document("avalanche", &config, arms)
}

pub(crate) fn penetration() -> Document {
    let config = [
        ("clients", 8),
        ("processes", 2),
        ("keys", 100),
        ("missing_keys", 100),
        ("duration_s", 3),
        ("negative_ttl_ms", 30_000),
    ];
    let arm = |arm: &str, missing_loads| Arm {
        arm: arm.to_owned(),
        reads: 20_000,
        database_loads: missing_loads + 100,
        found: Penetration { missing_reads: 10_000, missing_loads }.into(),
        ..Arm::default()
    };
    let arms = vec![arm("naive", 10_000), arm("lease-no-negative", 9_950), arm("lease", 100)];
    document("penetration", &config, arms)
}

pub(crate) fn metastable() -> Document {
    let config = [
        ("clients", 64),
        ("processes", 1),
        ("keys", 1_200),
        ("duration_s", 12),
        ("before_flush_ms", 2_000),
        ("loads_per_s", 300),
        ("query_timeout_ms", 100),
        ("max_loads", 8),
    ];
    let arm = |arm: &str, failed_reads, end, recovery_after_flush_ms| Arm {
        arm: arm.to_owned(),
        reads: 20_000,
        failed_reads,
        database_loads: 6_000,
        found: Found::from(Metastable {
            answered_before_per_s: 3_050.0,
            answered_at_the_end_per_s: end,
            recovery_after_flush_ms,
        }),
        ..Arm::default()
    };
    let arms = vec![arm("naive", 6_100, 12.0, None), arm("lease", 0, 3_040.0, Some(4_600.0))];
    document("metastable", &config, arms)
}
