//! The arguments of `rcache bench`, some of which `demo` shares.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::numbers::{count_in, hit_percent, iterations, users};
use super::{PictureArgs, distance};
use crate::model::{Codec, Cores, ReadPath, StatementKind};
use crate::paths::query::Workload;
use crate::stats::distance::Distance;
use crate::units;

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) amount: AmountArgs,

    /// Read these workloads, each under keys of its own [default: all,point; with --query only
    /// that]
    #[arg(short, long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) workload: Vec<Workload>,

    #[command(flatten)]
    pub(crate) own: OwnQueryArgs,

    /// Read by these paths: without a cache, as a miss, as a hit, or from disk
    #[arg(long, value_enum, value_delimiter = ',', default_value = "mysql,cold,warm", value_name = "LIST")]
    pub(crate) path: Vec<ReadPath>,

    #[arg(long, help = codec_help(), value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) codec: Vec<Codec>,

    /// Also measure a mix with PERCENT % hits and compare it with the mean predicted from cold and
    /// warm
    #[arg(long, value_parser = hit_percent, value_name = "PERCENT")]
    pub(crate) verify_hit_ratio: Option<u8>,

    /// Threads that read at the same time, each with connections of its own
    #[arg(short, long, default_value_t = 1, value_parser = count_in::<u16>(1, 1024), value_name = "C")]
    pub(crate) clients: u16,

    /// Also compute the results with each server further away, such as 0.5ms or
    /// mysql=0.5ms,redis=0.2ms
    ///
    /// The time is what every round trip takes in addition. How many round trips each path makes is
    /// counted.
    #[arg(long, value_parser = distance::parse, value_name = "TIME")]
    pub(crate) distance: Option<Distance>,

    /// Use of the CPU cores while reads are measured
    #[arg(long, value_enum, default_value = "steady", value_name = "HOW")]
    pub(crate) cores: Cores,

    /// Require a table with this many users; a sandbox that ends with this command is seeded with
    /// them
    #[arg(long, value_parser = users, value_name = "N")]
    pub(crate) users: Option<u32>,

    /// Lifetime of entries in Redis
    #[arg(long, default_value = units::count(3600), value_parser = count_in::<u32>(1, u32::MAX.into()), value_name = "SECONDS")]
    pub(crate) ttl: u32,

    /// Seed of the random generator that orders keys and paths
    #[arg(long, default_value_t = crate::users::DEFAULT_RNG_SEED, value_name = "N")]
    pub(crate) rng_seed: u64,

    /// Repeat the bench in N processes, so that intervals include what differs between runs
    ///
    /// Each run is a fresh process with connections, private servers and an order of keys of its
    /// own. The saved file holds all of them. Five runs are a good start; with two, intervals are
    /// very wide. Ctrl-C keeps the runs that are finished.
    #[arg(long, default_value_t = 1, value_parser = count_in::<u16>(1, 100), value_name = "N")]
    pub(crate) runs: u16,

    /// Connect and read from this time on, so that several load generators start together: RFC
    /// 3339, such as 2026-03-01T09:30:00Z
    ///
    /// Users are in place and entries of earlier runs removed before. Each generator needs a
    /// --namespace of its own, and none ends before its --time is over. `rcache merge` adds their
    /// runs up.
    #[arg(long, conflicts_with = "runs", value_parser = start_at, value_name = "TIME")]
    pub(crate) start_at: Option<jiff::Timestamp>,

    /// This process is that one of several runs
    #[arg(long, hide = true, value_name = "N")]
    pub(crate) one_of_runs: Option<u16>,

    /// Save the run as JSON; `-` writes it to stdout, and the page to stderr
    #[arg(short, long, value_name = "RUN.json", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Save the histograms for other tools: WORKLOAD.PATH.hgrm for each path, and rcache.hlog
    ///
    /// The .hgrm files are percentile tables as the HdrHistogram plotter reads them, in
    /// milliseconds. rcache.hlog is an HdrHistogram interval log (V1.3, values in ns) with one tag
    /// a path. The folder is created if it does not exist.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) hgrm: Option<PathBuf>,

    /// Judge the run, such as 'all.warm.p99 < 5ms' or 'point.speedup > 1.5'; may be repeated
    ///
    /// On the left WORKLOAD.PATH.FIELD with p50, p90, p95, p99, p99.9, mean, max (times with their
    /// unit: ns, us, ms, s), throughput (reads per second) or errors; or WORKLOAD.FIELD with
    /// speedup, miss_penalty or break_even (a share such as 0.2, or 20%). Then <, <=, >, >= or ==.
    /// What has an interval is judged by it: wholly on the right side passes, wholly on the wrong
    /// side fails (exit status 3), astride is inconclusive (exit status 4). With several codecs
    /// each is judged by itself.
    #[arg(long, value_name = "EXPR")]
    pub(crate) assert: Vec<String>,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}

/// Queries of the user's own. Texts as they were typed: none of them may be quoted in an error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Your own query")]
pub(crate) struct QueryArgs {
    /// Measure this SELECT, with ? for its parameters; may be repeated
    ///
    /// The session can only read and its statements are limited in time. Nothing but the
    /// statement's names is printed or saved: no literal and no parameter.
    #[arg(long, value_name = "SQL")]
    pub(crate) query: Vec<String>,

    /// Measure the SELECT in this file; may be repeated
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) query_file: Vec<PathBuf>,

    /// Name of the query on the page and in --assert [default: the name of its file, or query]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,

    /// The parameters, one set a read: A..B, a CSV or TSV file, or - for stdin
    ///
    /// Given once it is for every query with parameters, given several times for one query each.
    #[arg(long, value_name = "A..B|FILE", conflicts_with = "params_query")]
    pub(crate) params: Vec<OsString>,

    /// Take the parameters from the rows of this SELECT
    #[arg(long, value_name = "SQL")]
    pub(crate) params_query: Vec<String>,

    /// Send the query in this way
    #[arg(long, value_enum, default_value = "prepared", value_name = "HOW")]
    pub(crate) statement: StatementKind,

    /// Have the server end a read that takes longer
    #[arg(long, value_parser = time, default_value = "30s", value_name = "SECONDS")]
    pub(crate) query_timeout: Duration,

    /// Refuse larger answers, such as 1MiB or 500k
    #[arg(long, value_parser = bytes, default_value = "64MiB", value_name = "BYTES")]
    pub(crate) max_answer: u64,
}

/// Queries of the user's own, and how a bench goes about them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Your own query")]
pub(crate) struct OwnQueryArgs {
    #[command(flatten)]
    pub(crate) asked: QueryArgs,

    /// Keep each connection busy for at most PERCENT of the time [default: 50, and 100 in the
    /// sandbox]
    #[arg(long, value_parser = count_in::<u8>(1, 100), value_name = "PERCENT")]
    pub(crate) share: Option<u8>,

    /// Prepare and explain the queries and print what would be read, without reading
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Leave the query's entries in Redis until they expire
    #[arg(long)]
    pub(crate) keep: bool,
}

/// The amount of each workload that is measured.
#[derive(Debug, Args)]
pub(crate) struct AmountArgs {
    /// Measure each workload for this time, such as 5s, 500ms, 2m or 5 (seconds)
    ///
    /// Less if all its ratios are certain to two digits before; up to three times as long if fewer
    /// than ten rounds fit.
    #[arg(long, value_parser = time, default_value = "5s", value_name = "SECONDS")]
    pub(crate) time: Duration,

    /// Measured reads for every workload and path, instead of a time; from disk at most 20
    #[arg(short = 'n', long, conflicts_with = "time", value_parser = iterations, value_name = "N")]
    pub(crate) iterations: Option<u64>,
}

fn codec_help() -> String {
    let of_all = Workload::All.about().codec.name();
    let of_rest = Workload::Point.about().codec.name();
    format!(
        "How entries are encoded, several side by side in the same rounds [default: {of_all} for all, {of_rest} for \
         the rest]"
    )
}

/// A number of bytes, at most what Redis holds in one string.
fn bytes(text: &str) -> Result<u64, String> {
    const MOST: u64 = 512 << 20;
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        _ => 0,
    };
    let number = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match number.filter(|bytes| (1..=MOST).contains(bytes)) {
        Some(bytes) => Ok(bytes),
        None => Err("expected a size up to 512MiB, such as 64MiB, 500k or 1000000".to_owned()),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    /// A day.
    const MAX_S: f64 = 86_400.0;
    let seconds = units::parse_time_ns(text).map(|ns| ns / 1e9);
    match seconds.filter(|seconds| (0.001..=MAX_S).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("expected a time from 1ms to 1440m, such as 5s, 500ms or 2m".to_owned()),
    }
}

fn start_at(text: &str) -> Result<jiff::Timestamp, String> {
    /// A day: what is further away is a typing error.
    const MAX_S: i64 = 86_400;
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| "expected a time with its offset from UTC, such as 2026-03-01T09:30:00Z".to_owned())?;
    match time.as_second().saturating_sub(jiff::Timestamp::now().as_second()) {
        ..0 => Err("it is past".to_owned()),
        0..=MAX_S => Ok(time),
        _ => Err("it is more than a day away".to_owned()),
    }
}
