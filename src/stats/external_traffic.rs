//! Our own counts held against the servers': what they disagree by is somebody else's.

use super::warnings::Warning;
use crate::model::Codec;
use crate::samples::request_counts::{Counter, RequestCounts};
use crate::samples::server_counters::{MysqlCounters, RedisCounters};

/// The counts of both servers while one workload was measured, or the reason why they are not
/// known.
#[derive(Clone, Debug)]
pub(crate) struct ServerSide {
    pub(crate) mysql: Result<MysqlCounters, String>,
    pub(crate) redis: Result<RedisCounters, String>,
    /// The memory of some of the workload's entries in Redis at its end with each codec, none for
    /// those that are not there; codecs of which Redis does not tell are missing.
    pub(crate) sampled_entry_bytes: Vec<(Codec, Vec<Option<u64>>)>,
}

/// So much of our own count may differ: a hundredth of the load moves a mean by less than its
/// interval is wide.
const TOLERATED_SHARE: f64 = 0.01;
/// And so many requests besides: a monitor that looks at its server every second is nobody's load.
const TOLERATED_REQUESTS: f64 = 20.0;

/// Warnings that follow from the counts of one workload.
pub(crate) fn warnings(workload: &str, counted: &ServerSide, ours: &RequestCounts) -> Vec<Warning> {
    let mysql = counted.mysql.as_ref().ok();
    let redis = counted.redis.as_ref().ok();
    let selects = mysql.and_then(|mysql| mysql.com_select);
    let executes = mysql.and_then(|mysql| mysql.com_stmt_execute);
    let look_ups = redis.and_then(RedisCounters::look_ups);
    let judged = |counter, counted: Option<u64>, ours| judge(workload, counter, counted?, ours);
    [
        // A prepared SELECT is in both of MySQL's counters: one of them is enough to be told of it.
        judged(Counter::Selects, selects, ours.selects())
            .or_else(|| judged(Counter::Executes, executes, ours.executes)),
        judged(Counter::LookUps, look_ups, ours.look_ups),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn judge(workload: &str, counter: Counter, counted: u64, ours: u64) -> Option<Warning> {
    let tolerated = TOLERATED_REQUESTS + TOLERATED_SHARE * ours as f64;
    let workload = workload.to_owned();
    if counted.abs_diff(ours) as f64 <= tolerated {
        None
    } else if counted > ours {
        Some(Warning::ForeignTraffic { workload, counter, counted, ours })
    } else {
        Some(Warning::UncountedRequests { workload, counter, counted, ours })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: RequestCounts = RequestCounts { text_selects: 1_000, executes: 9_000, look_ups: 20_000 };

    fn codes(selects: u64, executes: u64, hits: u64) -> Vec<(&'static str, &'static str)> {
        let counted = ServerSide {
            mysql: Ok(MysqlCounters {
                com_select: Some(selects),
                com_stmt_execute: Some(executes),
                ..MysqlCounters::default()
            }),
            redis: Ok(RedisCounters {
                keyspace_hits: Some(hits),
                keyspace_misses: Some(5_000),
                evicted_keys: None,
            }),
            sampled_entry_bytes: Vec::new(),
        };
        let warnings = warnings("point", &counted, &OURS);
        let server = |warning: &Warning| match warning {
            Warning::ForeignTraffic { counter, .. } | Warning::UncountedRequests { counter, .. } => {
                counter.server()
            }
            other => panic!("{other:?}"),
        };
        warnings.iter().map(|warning| (warning.code(), server(warning))).collect()
    }

    #[test]
    fn counts_that_agree_raise_nothing() {
        assert_eq!(codes(10_000, 9_000, 15_000), []);
        assert_eq!(codes(10_120, 9_110, 15_220), [], "a hundredth and a monitor");
    }

    #[test]
    fn more_than_ours_is_somebody_else_and_less_is_somebody_between() {
        assert_eq!(codes(10_121, 9_000, 15_000), [("foreign_traffic", "MySQL")]);
        assert_eq!(codes(10_000, 9_111, 15_000), [("foreign_traffic", "MySQL")]);
        assert_eq!(
            codes(30_000, 29_000, 15_221),
            [("foreign_traffic", "MySQL"), ("foreign_traffic", "Redis")]
        );
        assert_eq!(codes(0, 0, 15_000), [("uncounted_requests", "MySQL")]);
        assert_eq!(codes(10_000, 9_000, 0), [("uncounted_requests", "Redis")]);
    }

    #[test]
    fn what_is_not_known_raises_nothing() {
        let forbidden = || "the account may not ask".to_owned();
        let counted =
            ServerSide { mysql: Err(forbidden()), redis: Err(forbidden()), sampled_entry_bytes: Vec::new() };
        assert_eq!(warnings("point", &counted, &OURS), []);
        let reset = ServerSide {
            mysql: Ok(MysqlCounters::default()),
            redis: Ok(RedisCounters::default()),
            sampled_entry_bytes: Vec::new(),
        };
        assert_eq!(warnings("point", &reset, &OURS), []);
    }
}
