//! Checks that every arm did what it is there for. Counts of an arm whose cache never worked, or whose writes all
//! failed, prove nothing, however good they look. Pure.

use super::outcome::{Arm, CacheUse, Findings};
use crate::units::{count, counted};

/// What an arm failed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    AnsweredNothing,
    DatabaseFailed,
    WroteNothing,
    CachedNothing,
    NeverHit,
    NeverFilled,
    BypassedRedis,
    RememberedNoMissingRow,
    NeverLocked,
    NeverDeletedTwice,
}

impl Idle {
    /// Continues "the arm lease …".
    fn words(self) -> &'static str {
        match self {
            Self::AnsweredNothing => "answered no read",
            Self::DatabaseFailed => "had reads that MySQL failed",
            Self::WroteNothing => "completed no write",
            Self::CachedNothing => "stored nothing in Redis and found nothing there",
            Self::NeverHit => "never found again what it had stored in Redis",
            Self::NeverFilled => "stored nothing in Redis",
            Self::BypassedRedis => "went around Redis for most reads, because Redis kept failing",
            Self::RememberedNoMissingRow => "never remembered that a row does not exist",
            Self::NeverLocked => "never got its lock",
            Self::NeverDeletedTwice => "sent no second DEL",
        }
    }

    /// Whether Redis is where to look for the cause.
    fn is_of_redis(self) -> bool {
        !matches!(self, Self::AnsweredNothing | Self::DatabaseFailed | Self::WroteNothing)
    }
}

/// The first thing that this arm should have done and did not.
fn idle(arm: &Arm) -> Option<Idle> {
    let writes = matches!(arm.findings, Findings::Stale(_));
    if arm.reads == 0 {
        return Some(Idle::AnsweredNothing);
    }
    if arm.failed_by_database > 0 {
        return Some(Idle::DatabaseFailed);
    }
    arm.cache
        .and_then(idle_cache)
        .or_else(|| (writes && arm.writes == 0).then_some(Idle::WroteNothing))
        .or_else(|| {
            let most_bypassed =
                arm.cache.is_some_and(|cache| cache.breaker_opened > 0 && cache.bypasses > arm.reads / 2);
            // An outage is there to be bypassed; its own verdict asks for hits before and after.
            (most_bypassed && !matches!(arm.findings, Findings::Outage(_))).then_some(Idle::BypassedRedis)
        })
}

fn idle_cache(cache: CacheUse) -> Option<Idle> {
    match (cache.hits, cache.fills) {
        (0, 0) => return Some(Idle::CachedNothing),
        (0, _) => return Some(Idle::NeverHit),
        (_, 0) => return Some(Idle::NeverFilled),
        _ => {}
    }
    [
        (cache.known_missing, Idle::RememberedNoMissingRow),
        (cache.locks, Idle::NeverLocked),
        (cache.second_deletes, Idle::NeverDeletedTwice),
    ]
    .into_iter()
    .find_map(|(done, idle)| (done == Some(0)).then_some(idle))
}

/// Whether the arm failed to do something that it is there for, so that it is worth asking Redis why.
pub(super) fn is_idle(arm: &Arm) -> bool {
    idle(arm).is_some()
}

/// Why these arms prove nothing: one of them did not run, or did not do what it is there for. Arms with the same fault
/// are named together.
pub(super) fn unfit<'a>(arms: &[Arm], names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let ran = |name: &str| arms.iter().any(|arm| arm.name == name);
    if let Some(name) = names.into_iter().find(|name| !ran(name)) {
        return Some(format!("the arm {name} did not run"));
    }
    let mut faults: Vec<(Idle, Vec<&Arm>)> = Vec::new();
    for arm in arms {
        let Some(idle) = idle(arm) else { continue };
        match faults.iter_mut().find(|(fault, _)| *fault == idle) {
            Some((_, arms)) => arms.push(arm),
            None => faults.push((idle, vec![arm])),
        }
    }
    let (first, _) = faults.first()?;
    let cause = cause(*first, &faults);
    let faults: Vec<String> = faults.iter().map(|(idle, arms)| sentence(*idle, arms)).collect();
    Some(format!("{}{}", faults.join("; "), cause.map(|cause| format!(". {cause}")).unwrap_or_default()))
}

/// Who failed to do what, with the counts of the first of them.
fn sentence(idle: Idle, arms: &[&Arm]) -> String {
    let names: Vec<&str> = arms.iter().map(|arm| arm.name).collect();
    let who = match names.split_last() {
        Some((last, [])) => format!("the arm {last}"),
        Some((last, rest)) => format!("the arms {} and {last}", rest.join(", ")),
        None => String::new(),
    };
    let counts = arms.first().map(|arm| counts(arm)).unwrap_or_default();
    let of = if arms.len() > 1 {
        names.first().map(|name| format!("{name}: ")).unwrap_or_default()
    } else {
        String::new()
    };
    format!("{who} {} ({of}{counts})", idle.words())
}

fn counts(arm: &Arm) -> String {
    let mut counts = vec![counted(arm.reads, "read", "reads")];
    if arm.failed_reads > 0 {
        counts.push(counted(arm.failed_reads, "failed read", "failed reads"));
    }
    if matches!(arm.findings, Findings::Stale(_)) {
        counts.push(counted(arm.writes, "write", "writes"));
        counts.push(counted(arm.failed_writes, "failed write", "failed writes"));
    }
    if let Some(cache) = arm.cache {
        counts.push(counted(cache.hits, "hit", "hits"));
        counts.push(counted(cache.fills, "fill", "fills"));
        counts.push(counted(cache.redis_errors, "Redis error", "Redis errors"));
        if cache.breaker_opened > 0 {
            counts.push(format!("{} reads without Redis", count(cache.bypasses)));
        }
    }
    counts.join(", ")
}

/// What Redis said when it was asked, or else the first error of such an arm.
fn cause(first: Idle, faults: &[(Idle, Vec<&Arm>)]) -> Option<String> {
    let arms = || faults.iter().flat_map(|(_, arms)| arms.iter());
    let obstacle = arms().find_map(|arm| arm.obstacle.clone());
    let error =
        arms().find_map(|arm| arm.first_error.as_deref()).map(|error| format!("The first error: {error}"));
    match (error, obstacle) {
        (Some(error), Some(obstacle)) if !first.is_of_redis() => Some(format!("{error}. {obstacle}")),
        (error, obstacle) => obstacle.or(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Latencies;
    use crate::scenario::answers::Answers;
    use crate::scenario::outcome::{Avalanche, Staleness, WhenQuiet};

    const WORKED: CacheUse = CacheUse {
        hits: 900,
        fills: 50,
        redis_errors: 0,
        bypasses: 0,
        breaker_opened: 0,
        known_missing: None,
        locks: None,
        second_deletes: None,
    };

    fn stale(name: &'static str, cache: Option<CacheUse>) -> Arm {
        let found = Staleness {
            stale_reads: 0,
            ages: Latencies::new(),
            non_monotonic_reads: 0,
            dead_writers: 4,
            when_quiet: WhenQuiet::default(),
        };
        let answers = Answers { reads: 1_000, ..Answers::default() };
        Arm { writes: 100, cache, ..answers.into_arm(name, 50, None, Findings::Stale(found)) }
    }

    fn avalanche(cache: Option<CacheUse>) -> Arm {
        let found = Avalanche { peak_loads: 1, most_within: None };
        let answers = Answers { reads: 1_000, ..Answers::default() };
        answers.into_arm("lease", 50, cache, Findings::Avalanche(found))
    }

    #[test]
    fn an_arm_that_worked_is_fit() {
        assert_eq!(idle(&stale("lease", Some(WORKED))), None);
        assert_eq!(idle(&stale("mysql", None)), None, "no cache is asked for nothing");
        assert_eq!(idle(&Arm { writes: 0, ..avalanche(Some(WORKED)) }), None, "nothing is written there");
        let done = CacheUse { known_missing: Some(1), locks: Some(1), second_deletes: Some(1), ..WORKED };
        assert_eq!(idle(&stale("lock", Some(done))), None);
        let some_errors = CacheUse { redis_errors: 7, breaker_opened: 1, bypasses: 500, ..WORKED };
        assert_eq!(idle(&stale("lease", Some(some_errors))), None);
    }

    #[test]
    fn each_thing_that_an_arm_must_do_is_missed() {
        let cases = [
            (CacheUse { hits: 0, fills: 0, ..WORKED }, Idle::CachedNothing),
            (CacheUse { hits: 0, ..WORKED }, Idle::NeverHit),
            (CacheUse { fills: 0, ..WORKED }, Idle::NeverFilled),
            (CacheUse { known_missing: Some(0), ..WORKED }, Idle::RememberedNoMissingRow),
            (CacheUse { locks: Some(0), ..WORKED }, Idle::NeverLocked),
            (CacheUse { second_deletes: Some(0), ..WORKED }, Idle::NeverDeletedTwice),
            (CacheUse { breaker_opened: 1, bypasses: 501, ..WORKED }, Idle::BypassedRedis),
        ];
        for (cache, expected) in cases {
            assert_eq!(idle(&stale("lease", Some(cache))), Some(expected), "{cache:?}");
            assert_eq!(idle(&avalanche(Some(cache))), Some(expected), "{cache:?}");
        }
        for arm in [stale("lease", Some(WORKED)), stale("mysql", None)] {
            assert_eq!(idle(&Arm { reads: 0, ..arm }), Some(Idle::AnsweredNothing));
        }
        assert_eq!(idle(&Arm { writes: 0, ..stale("mysql", None) }), Some(Idle::WroteNothing));
        assert_eq!(idle(&Arm { failed_by_database: 1, ..stale("mysql", None) }), Some(Idle::DatabaseFailed));
    }

    #[test]
    fn arms_with_one_fault_are_named_once_with_counts_and_cause() {
        let nothing = CacheUse { hits: 0, fills: 0, redis_errors: 812, ..WORKED };
        let obstacle = Some("Redis refused EVAL: NOPERM".to_owned());
        let arms = [
            stale("naive", Some(WORKED)),
            Arm { obstacle: obstacle.clone(), writes: 0, failed_writes: 3, ..stale("lease", Some(nothing)) },
            Arm { obstacle, ..stale("lease-marker", Some(nothing)) },
        ];
        let names = ["naive", "lease", "lease-marker"];
        assert_eq!(
            unfit(&arms, names).unwrap(),
            "the arms lease and lease-marker stored nothing in Redis and found nothing there (lease: 1,000 reads, 0 writes, \
             3 failed writes, 0 hits, 0 fills, 812 Redis errors). Redis refused EVAL: NOPERM"
        );
        assert_eq!(unfit(&arms[..1], names).unwrap(), "the arm lease did not run");
        assert_eq!(unfit(&arms[..1], ["naive"]), None);
        let unwritten =
            Arm { writes: 0, first_error: Some("no UPDATE".to_owned()), ..stale("naive", Some(WORKED)) };
        let reason = unfit(&[unwritten], ["naive"]).unwrap();
        assert!(
            reason.starts_with("the arm naive completed no write (")
                && reason.ends_with(". The first error: no UPDATE")
        );
    }
}
