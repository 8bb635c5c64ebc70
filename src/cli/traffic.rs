//! The arguments of `rcache traffic`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::QueryArgs;
use super::numbers::{self, count_in};
use crate::load_model::arrivals;
use crate::load_model::popularity::Popularity;
use crate::paths::query::Workload;

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_TRAFFIC_HELP)]
pub(crate) struct Traffic {
    /// Reads and writes offered a second, however long answers take [default: as fast as the
    /// clients can]
    #[arg(long, value_parser = numbers::rate, value_name = "N")]
    pub(crate) rate: Option<f64>,

    /// The arrival of operations that are offered at a rate
    #[arg(long, value_enum, default_value = "poisson", value_name = "LAW")]
    pub(crate) arrivals: Arrivals,

    /// Search the highest rate at which this holds, such as 'p99 < 5ms', for each strategy
    ///
    /// A response time (mean, p50, p90, p95, p99, p99.9) with < or <= and a time. Operations that
    /// fail or are given up count as slower than any answer.
    #[arg(long, conflicts_with_all = ["rate", "trace", "duration", "cold", "late"], value_name = "EXPR")]
    pub(crate) find: Option<String>,

    /// Take operations and their times from a file: a CSV of time,key or time,key,op, or what
    /// redis-cli MONITOR prints; - is stdin
    #[arg(long, conflicts_with_all = ["rate", "arrivals", "popularity", "writes", "keys"], value_name = "FILE")]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) trace: Option<PathBuf>,

    /// Read these workloads, one after the other, instead of rows of rcache's own; nothing is
    /// written
    #[arg(short, long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) workload: Vec<Workload>,

    /// Strategies of caching, one after the other
    #[arg(
        short,
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "mysql,lease",
        value_name = "LIST"
    )]
    pub(crate) strategy: Vec<Strategy>,

    /// Which keys are read and written: uniform, zipf:EXPONENT or hotspot:KEYS%:READS%
    #[arg(long, value_parser = Popularity::parse, default_value = "zipf:1.0", value_name = "LAW")]
    pub(crate) popularity: Popularity,

    /// The share of operations that are writes [default: 5%; workloads and queries are only read]
    #[arg(long, value_parser = numbers::share, value_name = "PERCENT")]
    pub(crate) writes: Option<f64>,

    /// Lifetime of entries, such as 60, 500ms or 10m
    #[arg(long, value_parser = numbers::lifetime, default_value = "60", value_name = "SECONDS")]
    pub(crate) ttl: f64,

    /// Rows of the table, each under a key of its own; of a workload the first N of its keys
    /// [default: 10,000, or all there are]
    #[arg(long, value_parser = count_in::<u32>(1, 1_000_000), value_name = "N")]
    pub(crate) keys: Option<u32>,

    /// Threads, each with connections of its own
    #[arg(short, long, value_parser = count_in::<u16>(1, 1024), default_value_t = 16, value_name = "N")]
    pub(crate) clients: u16,

    /// Time for which each strategy is measured, such as 10s, 500ms or 2m [default: 10s; the length
    /// of the trace]
    #[arg(long, value_parser = duration, value_name = "SECONDS")]
    pub(crate) duration: Option<Duration>,

    /// Begin with an empty cache instead of the state in which the load leaves it
    #[arg(long)]
    pub(crate) cold: bool,

    /// Give up and count operations that waited so long for a free client [default: at the end of
    /// the time]
    #[arg(long, value_parser = duration, value_name = "AFTER")]
    pub(crate) late: Option<Duration>,

    /// Seed of the random generator that draws keys, instants and kinds of operations
    #[arg(long, default_value_t = crate::users::DEFAULT_RNG_SEED, value_name = "N")]
    pub(crate) rng_seed: u64,

    /// Save the document as JSON; `-` writes it to stdout, and the page to stderr
    #[arg(short, long, value_name = "TRAFFIC.json", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Save the histograms for other tools: STRATEGY.response.hgrm and STRATEGY.service.hgrm
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) hgrm: Option<PathBuf>,

    /// Judge the traffic, such as 'lease.p99 < 5ms' or 'lease.hit_ratio > 80%'; may be repeated
    ///
    /// On the left STRATEGY.FIELD, or WORKLOAD.STRATEGY.FIELD if there are several workloads, with
    /// p50, p90, p95, p99, p99.9, mean, max (response times with their unit: ns, us, ms, s),
    /// hit_ratio, throughput, errors, stale_reads, given_up or, with --find, max_rate. Then
    /// <, <=, >, >= or ==. On the right a value, or a figure of another strategy:
    /// 'lease.max_rate > 2 * mysql.max_rate'. A figure with an interval is judged by it: wholly on
    /// the wrong side fails (exit status 3), astride is inconclusive (exit status 4).
    #[arg(long, value_name = "EXPR")]
    pub(crate) assert: Vec<String>,

    /// Do not ask before more than 1,000 operations a second are offered to a server that is not on
    /// this machine
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) own: QueryArgs,
}

/// The ways of caching that traffic can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// no cache
    Mysql,
    /// GET; on a miss SELECT, then SET. Writers COMMIT, then DEL
    Naive,
    /// as naive, with a lock (SET NX) around the miss
    Lock,
    /// rcache's library; writers COMMIT, then invalidate
    Lease,
    /// rcache's library; writers mark, COMMIT, finish
    LeaseMarker,
}

/// The law of arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arrivals {
    /// independent of each other, as requests of many users are
    Poisson,
    /// at equal distances
    Even,
}

impl Arrivals {
    pub(crate) fn law(self) -> arrivals::Arrivals {
        match self {
            Self::Poisson => arrivals::Arrivals::Poisson,
            Self::Even => arrivals::Arrivals::Even,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    /// The longest time, s.
    const MAX_S: f64 = 3_600.0;
    let seconds = crate::units::parse_time_ns(text).map(|ns| ns / 1e9);
    match seconds.filter(|seconds| (0.001..=MAX_S).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("expected a time from 1ms to 60m, such as 10s, 500ms or 2m".to_owned()),
    }
}

const AFTER_TRAFFIC_HELP: &str = "\
Reads and writes rows of a table of its own, rcache_scenario, and keys of its own, and removes both. Every answer is checked: a stale \
read returns a version older than one whose write had returned before the read began. With --workload the users of `rcache seed` are \
read instead, with --query whatever it asks for, and nothing is written but entries of the cache.

With --rate or --trace, each operation has an instant at which it is due. The response time counts from there, the service time from \
when a client was free for it. Without them, each client goes on as soon as it has its answer, so that a slow server is offered less.

More than a tenth of the operations failing ends a strategy early. Ctrl-C prints and saves what was measured until then.";
