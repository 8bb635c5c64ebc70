//! From what an experiment found to its document, field by field.

use super::{
    Arm, Avalanche, Corrupt, Document, FORMAT, FORMAT_VERSION, Head, Metastable, Outage, Penetration, Phase,
    Recovery, Spread, Stale, Stampede,
};
use crate::sample::Latencies;
use crate::scenario::outcome::{self, Corruption, Damage, Findings, Outcome, Rush, Staleness, Verdict};
use crate::stats::summary::Summary;

impl Document {
    pub(crate) fn new(head: Head, outcome: Outcome) -> Self {
        let (valid, broken, reason) = match outcome.verdict {
            Verdict::Shown => (true, false, None),
            Verdict::Broken(reason) => (true, true, Some(reason)),
            Verdict::ProvesNothing(reason) => (false, false, Some(reason)),
        };
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: head.scenario,
            valid,
            broken,
            reason,
            interrupted: head.interrupted,
            started_at: head.started_at,
            wall_s: head.wall_s,
            environment: head.environment,
            config: head.config.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            arms: outcome.arms.into_iter().map(arm).collect(),
            warnings: head.warnings,
        }
    }
}

fn arm(arm: outcome::Arm) -> Arm {
    let mut saved = Arm {
        arm: arm.name.to_owned(),
        reads: arm.reads,
        failed_reads: arm.failed_reads,
        wrong_reads: arm.wrong_reads,
        database_loads: arm.database_loads,
        writes: arm.writes,
        failed_writes: arm.failed_writes,
        cache_hits: arm.cache.map(|cache| cache.hits),
        cache_fills: arm.cache.map(|cache| cache.fills),
        redis_errors: arm.cache.map(|cache| cache.redis_errors),
        first_error: arm.first_error,
        ..Arm::default()
    };
    match &arm.findings {
        Findings::Stale(found) => saved.stale = Some(stale(found, arm.reads)),
        Findings::Avalanche(found) => saved.avalanche = Some(avalanche(*found)),
        Findings::Penetration(found) => {
            saved.penetration = Some(Penetration { missing_reads: found.reads, missing_loads: found.loads });
        }
        Findings::Outage(found) => saved.outage = Some(outage(found)),
        Findings::Stampede(found) => saved.stampede = Some(stampede(found, arm.database_loads)),
        Findings::Corrupt(found) => saved.corrupt = Some(corrupt(found)),
        Findings::Metastable(found) => {
            saved.metastable = Some(Metastable {
                answered_before_per_s: found.answered_before_per_s,
                answered_at_the_end_per_s: found.answered_at_the_end_per_s,
                recovery_after_flush_ms: found.recovery.map(|time| time.as_secs_f64() * 1e3),
            });
        }
    }
    saved
}

fn stale(found: &Staleness, reads: u64) -> Stale {
    Stale {
        stale_reads: found.stale_reads,
        stale_share: share(found.stale_reads, reads).filter(|_| found.stale_reads > 0),
        stale_share_below: share(3, reads).filter(|_| found.stale_reads == 0).map(|share| share.min(1.0)),
        stale_age_ms: spread_ms(&found.ages),
        stale_keys_when_quiet: found.when_quiet.stale_keys,
        stale_keys_that_miss_a_returned_write: found.when_quiet.missed_a_returned_write,
        non_monotonic_reads: found.non_monotonic_reads,
        dead_writers: found.dead_writers,
    }
}

fn stampede(found: &Rush, loads: u64) -> Stampede {
    Stampede {
        expiries: found.expiries,
        loads_per_expiry: share(loads, found.expiries),
        most_loads_in_an_expiry: found.most_loads,
        waited_reads: found.waits.count(),
        wait_ms: spread_ms(&found.waits),
        early_refreshes: found.library.map(|counts| counts.early_refreshes),
        found_nothing: found.library.map(|counts| counts.found_nothing),
        excused_loads: found.library.map(|counts| counts.excused_loads),
    }
}

fn corrupt(found: &Corruption) -> Corrupt {
    let Damage { flipped, truncated, swapped, other_type, foreign } = found.damage;
    let damage = [
        ("flipped", flipped),
        ("truncated", truncated),
        ("swapped", swapped),
        ("other_type", other_type),
        ("foreign", foreign),
    ];
    Corrupt {
        damage: damage.map(|(kind, count)| (kind.to_owned(), count)).into(),
        corrupt: found.noticed,
        unusable_when_quiet: found.unusable_when_quiet,
    }
}

fn outage(found: &outcome::Outage) -> Outage {
    let phases = found.phases.iter().map(|phase| Phase {
        phase: phase.name.to_owned(),
        reads: phase.reads,
        failed_reads: phase.failed_reads,
        hits: phase.hits,
        database_loads: phase.database_loads,
        latency_ms: spread_ms(&phase.latencies),
        past_the_cache_ms: spread_ms(&phase.past_the_cache),
    });
    let [continued, restarted] = found.recovery.map(|recovery| Some(recovery?.as_secs_f64() * 1e3));
    Outage { phases: phases.collect(), recovery_ms: Recovery { continued, restarted } }
}

fn avalanche(found: outcome::Avalanche) -> Avalanche {
    let ms = found.most_within.map(|time| time.as_secs_f64() * 1e3);
    Avalanche { peak_loads: found.peak_loads, nine_tenths_of_loads_ms: ms }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// None without samples.
fn spread_ms(latencies: &Latencies) -> Option<Spread> {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
    let ms = |ns: u64| ns as f64 / 1e6;
    let summary = Summary::of(latencies);
    let [p50, _, _, p99, _] = summary.percentiles_ns.map(|ns| ns.map(ms));
    summary.max_ns.map(|max| Spread { p50, p99, max: ms(max) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::outcome::WhenQuiet;

    fn found(stale_reads: u64) -> Staleness {
        let mut ages = Latencies::new();
        (0..stale_reads).for_each(|_| ages.record(2_000_000));
        let when_quiet = WhenQuiet { stale_keys: 5, missed_a_returned_write: 1 };
        Staleness { stale_reads, ages, non_monotonic_reads: 3, dead_writers: 4, when_quiet }
    }

    #[test]
    fn none_stale_is_a_bound_and_no_share_of_zero() {
        let none = stale(&found(0), 30_000);
        assert_eq!((none.stale_share, none.stale_share_below), (None, Some(0.000_1)));
        assert_eq!(none.stale_age_ms, None);
        assert_eq!(stale(&found(0), 2).stale_share_below, Some(1.0), "a share is never more than all");
        assert_eq!(stale(&found(0), 0).stale_share_below, None);
    }

    #[test]
    fn ages_are_withheld_where_too_few_carry_them() {
        let few = stale(&found(30), 100);
        assert_eq!((few.stale_share, few.stale_share_below), (Some(0.3), None));
        let ages = few.stale_age_ms.unwrap();
        assert!((ages.max - 2.0).abs() < 1e-9 && ages.p50.is_some() && ages.p99.is_none());
        assert_eq!((few.stale_keys_when_quiet, few.stale_keys_that_miss_a_returned_write), (5, 1));
    }
}
