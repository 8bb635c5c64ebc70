//! Checks that every arm did what it is there for. Counts of an arm whose cache never worked, or
//! whose writes all failed, prove nothing, however good they look. Pure.

use super::definition::Provokes;
use super::document::Arm;
use crate::samples::cache_use::CacheUse;
use crate::units::counted;

/// A task that an arm failed to do.
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
fn idle(arm: &Arm, provokes: Provokes) -> Option<Idle> {
    let cache = arm.evidence.cache;
    if arm.reads == 0 {
        return Some(Idle::AnsweredNothing);
    }
    if arm.evidence.failed_by_database > 0 && provokes != Provokes::DatabaseFailures {
        return Some(Idle::DatabaseFailed);
    }
    cache
        .and_then(idle_cache)
        .or_else(|| (provokes == Provokes::Writes && arm.writes == 0).then_some(Idle::WroteNothing))
        .or_else(|| {
            let most_bypassed =
                cache.is_some_and(|cache| cache.breaker_opened > 0 && cache.bypasses > arm.reads / 2);
            // An outage is there to be bypassed; its own verdict asks for hits before and after.
            (most_bypassed && provokes != Provokes::RedisFailures).then_some(Idle::BypassedRedis)
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

/// Whether the arm failed to do something that it is there for, so that it is worth asking Redis
/// why.
pub(super) fn is_idle(arm: &Arm, provokes: Provokes) -> bool {
    idle(arm, provokes).is_some()
}

/// Why these arms prove nothing: one of them did not run, or did not do what it is there for. Arms
/// with the same fault are named together.
pub(super) fn unfit<'a>(
    arms: &[Arm],
    names: impl IntoIterator<Item = &'a str>,
    provokes: Provokes,
) -> Option<String> {
    let ran = |name: &str| arms.iter().any(|arm| arm.arm == name);
    if let Some(name) = names.into_iter().find(|name| !ran(name)) {
        return Some(format!("the arm {name} did not run"));
    }
    let mut faults: Vec<(Idle, Vec<&Arm>)> = Vec::new();
    for arm in arms {
        let Some(idle) = idle(arm, provokes) else { continue };
        match faults.iter_mut().find(|(fault, _)| *fault == idle) {
            Some((_, arms)) => arms.push(arm),
            None => faults.push((idle, vec![arm])),
        }
    }
    let (first, _) = faults.first()?;
    let cause = cause(*first, &faults);
    let faults: Vec<String> = faults.iter().map(|(idle, arms)| sentence(*idle, arms, provokes)).collect();
    Some(format!("{}{}", faults.join("; "), cause.map(|cause| format!(". {cause}")).unwrap_or_default()))
}

/// Who failed to do what, with the counts of the first of them.
fn sentence(idle: Idle, arms: &[&Arm], provokes: Provokes) -> String {
    let names: Vec<&str> = arms.iter().map(|arm| arm.arm.as_str()).collect();
    let who = match names.split_last() {
        Some((last, [])) => format!("the arm {last}"),
        Some((last, rest)) => format!("the arms {} and {last}", rest.join(", ")),
        None => String::new(),
    };
    let counts = arms.first().map(|arm| counts(arm, provokes)).unwrap_or_default();
    let of = if arms.len() > 1 {
        names.first().map(|name| format!("{name}: ")).unwrap_or_default()
    } else {
        String::new()
    };
    format!("{who} {} ({of}{counts})", idle.words())
}

fn counts(arm: &Arm, provokes: Provokes) -> String {
    let mut counts = vec![counted(arm.reads, "read", "reads")];
    if arm.failed_reads > 0 {
        counts.push(counted(arm.failed_reads, "failed read", "failed reads"));
    }
    if provokes == Provokes::Writes {
        counts.push(counted(arm.writes, "write", "writes"));
        counts.push(counted(arm.failed_writes, "failed write", "failed writes"));
    }
    if let Some(cache) = arm.evidence.cache {
        counts.push(counted(cache.hits, "hit", "hits"));
        counts.push(counted(cache.fills, "fill", "fills"));
        counts.push(counted(cache.redis_errors, "Redis error", "Redis errors"));
        if cache.breaker_opened > 0 {
            counts.push(format!("{} without Redis", counted(cache.bypasses, "read", "reads")));
        }
    }
    counts.join(", ")
}

/// The refusal of Redis when it was asked, or else the first error of such an arm.
fn cause(first: Idle, faults: &[(Idle, Vec<&Arm>)]) -> Option<String> {
    let arms = || faults.iter().flat_map(|(_, arms)| arms.iter());
    let obstacle = arms().find_map(|arm| arm.evidence.obstacle.clone());
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
    use crate::scenario::document::Evidence;

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

    fn arm(name: &str, cache: Option<CacheUse>) -> Arm {
        let evidence = Evidence { cache, ..Evidence::default() };
        Arm { arm: name.to_owned(), reads: 1_000, writes: 100, evidence, ..Arm::default() }
    }

    fn reader(cache: Option<CacheUse>) -> Arm {
        Arm { writes: 0, ..arm("lease", cache) }
    }

    #[test]
    fn an_arm_that_worked_is_fit() {
        assert_eq!(idle(&arm("lease", Some(WORKED)), Provokes::Writes), None);
        assert_eq!(idle(&arm("mysql", None), Provokes::Writes), None, "no cache is asked for nothing");
        assert_eq!(idle(&reader(Some(WORKED)), Provokes::Nothing), None, "nothing is written there");
        let done = CacheUse { known_missing: Some(1), locks: Some(1), second_deletes: Some(1), ..WORKED };
        assert_eq!(idle(&arm("lock", Some(done)), Provokes::Writes), None);
        let some_errors = CacheUse { redis_errors: 7, breaker_opened: 1, bypasses: 500, ..WORKED };
        assert_eq!(idle(&arm("lease", Some(some_errors)), Provokes::Writes), None);
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
            assert_eq!(idle(&arm("lease", Some(cache)), Provokes::Writes), Some(expected), "{cache:?}");
            assert_eq!(idle(&reader(Some(cache)), Provokes::Nothing), Some(expected), "{cache:?}");
        }
        for arm in [arm("lease", Some(WORKED)), arm("mysql", None)] {
            assert_eq!(idle(&Arm { reads: 0, ..arm }, Provokes::Writes), Some(Idle::AnsweredNothing));
        }
        let unwritten = Arm { writes: 0, ..arm("mysql", None) };
        assert_eq!(idle(&unwritten, Provokes::Writes), Some(Idle::WroteNothing));
    }

    #[test]
    fn a_failure_is_a_fault_only_if_the_scenario_did_not_provoke_it() {
        let bypassed = CacheUse { breaker_opened: 1, bypasses: 501, ..WORKED };
        assert_eq!(idle(&reader(Some(bypassed)), Provokes::RedisFailures), None);
        let mut failed = reader(Some(WORKED));
        failed.evidence.failed_by_database = 1;
        for provokes in [Provokes::Writes, Provokes::RedisFailures, Provokes::Nothing] {
            let failed = Arm { writes: 1, ..failed.clone() };
            assert_eq!(idle(&failed, provokes), Some(Idle::DatabaseFailed));
        }
        assert_eq!(idle(&failed, Provokes::DatabaseFailures), None);
    }

    #[test]
    fn arms_with_one_fault_are_named_once_with_counts_and_cause() {
        let nothing = CacheUse { hits: 0, fills: 0, redis_errors: 812, ..WORKED };
        let refused = |name| {
            let mut arm = arm(name, Some(nothing));
            arm.evidence.obstacle = Some("Redis refused EVAL: NOPERM".to_owned());
            arm
        };
        let lease = Arm { writes: 0, failed_writes: 3, ..refused("lease") };
        let arms = [arm("naive", Some(WORKED)), lease, refused("lease-marker")];
        let names = ["naive", "lease", "lease-marker"];
        assert_eq!(
            unfit(&arms, names, Provokes::Writes).unwrap(),
            "the arms lease and lease-marker stored nothing in Redis and found nothing there (lease: 1,000 reads, 0 writes, \
             3 failed writes, 0 hits, 0 fills, 812 Redis errors). Redis refused EVAL: NOPERM"
        );
        assert_eq!(unfit(&arms[..1], names, Provokes::Writes).unwrap(), "the arm lease did not run");
        assert_eq!(unfit(&arms[..1], ["naive"], Provokes::Writes), None);
        let first_error = Some("no UPDATE".to_owned());
        let unwritten = Arm { writes: 0, first_error, ..arm("naive", Some(WORKED)) };
        let reason = unfit(&[unwritten], ["naive"], Provokes::Writes).unwrap();
        assert!(
            reason.starts_with("the arm naive completed no write (")
                && reason.ends_with(". The first error: no UPDATE")
        );
    }
}
