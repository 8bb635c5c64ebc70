//! What was typed: the one definition of the command line, from which help, completions and the man
//! page are generated. What it means is decided in `config`.

mod distance;
#[cfg(test)]
mod documents;
mod examples;
mod numbers;
mod relevance;
mod scenario;
mod size;
mod traffic;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::units;
use crate::users::DEFAULT_USERS;

pub(crate) use distance::Distance;
use numbers::{count_in, hit_percent, iterations, percent, users};
pub(crate) use relevance::{command, relevant_options};
pub(crate) use scenario::Scenario;
pub(crate) use size::Size;
pub(crate) use traffic::{Strategy, Traffic};
pub(crate) use words::{Codec, Cores, ReadPath, ScenarioChoice, ScenarioName, StatementKind, Workload};

const ABOUT: &str = "Measures what Redis in front of MySQL would really buy";
const LONG_ABOUT: &str = "\
Measures what Redis in front of MySQL would really buy.

rcache creates a table of users, reads it again and again from MySQL alone and through a Redis \
cache, on real servers, verifies every answer, and shows where the time goes. With no server named \
it runs private, throw-away servers of its own (the sandbox) and leaves nothing else behind.";
const AFTER_HELP: &str = "\
Start with `rcache demo`: the whole story in half a minute, nothing to configure.

Exit status:
  0    fine
  1    it failed
  2    the command line was wrong
  3    an assertion or the regression gate failed
  4    an assertion or the gate could not be decided: too noisy, or too few samples; or an experiment proves nothing
  5    the files cannot be compared or merged: they measured different things
  130  interrupted, after printing and saving what was measured so far";

#[derive(Debug, Parser)]
#[command(name = "rcache", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
#[command(max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A URL as typed, whatever its bytes. It may hold a password, so it can be neither printed nor compared.
#[derive(Clone)]
pub(crate) struct TypedUrl(pub(crate) OsString);

impl std::fmt::Debug for TypedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[url]")
    }
}

impl From<OsString> for TypedUrl {
    // Infallible on purpose: clap quotes a value that it rejects, password and all.
    fn from(text: OsString) -> Self {
        Self(text)
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// MySQL or MariaDB server: mysql://user:password@host:port/database
    ///
    /// Add `?socket=/path` for a unix socket, `?ssl-mode=required|verify_ca|verify_identity` and
    /// `ssl-ca=FILE`, `ssl-cert=FILE` and `ssl-key=FILE` for TLS. Without it the sandbox's own server is used.
    #[arg(long, global = true, env = "RCACHE_MYSQL_URL", hide_env_values = true, value_name = "URL")]
    #[arg(help_heading = "Servers")]
    pub(crate) mysql_url: Option<TypedUrl>,

    /// Redis or Valkey server: redis://user:password@host:port/0
    ///
    /// `rediss://` for TLS (trusted is what the system trusts, or the file that SSL_CERT_FILE names),
    /// `redis+unix:///path?db=0&pass=PASSWORD` for a unix socket. Without it the sandbox's own server is used.
    #[arg(long, global = true, env = "RCACHE_REDIS_URL", hide_env_values = true, value_name = "URL")]
    #[arg(help_heading = "Servers")]
    pub(crate) redis_url: Option<TypedUrl>,

    /// Use private servers even though a URL is set in the environment
    #[arg(long, global = true, help_heading = "Servers")]
    pub(crate) sandbox: bool,

    // Its help is in `sandbox_dir_help`.
    #[arg(long, global = true, help = sandbox_dir_help(), env = "RCACHE_SANDBOX_DIR", value_name = "DIR", help_heading = "Servers")]
    #[arg(value_hint = clap::ValueHint::DirPath)]
    // Not a PathBuf: clap refuses an empty one, which an empty variable in the environment would be.
    pub(crate) sandbox_dir: Option<OsString>,

    /// Prefix of every Redis key
    #[arg(long, global = true, env = "RCACHE_NAMESPACE", value_name = "NAME", help_heading = "Servers")]
    #[arg(default_value = "rcache")]
    // Any bytes: what is wrong with them is said by `config`, which knows where they came from.
    pub(crate) namespace: OsString,

    /// What stdout carries: json is one document and nothing else; markdown is for bench, candidates, compare, report,
    /// scenario, size and traffic
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: TypedFormat,

    /// No progress and no notes, only results, warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Say more about what is being done, and print all details of a run
    #[arg(short, long, visible_alias = "details", global = true, help_heading = "Output")]
    pub(crate) verbose: bool,

    /// Write pages in ASCII alone; the default if TERM=dumb or the locale is not UTF-8
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) ascii: bool,

    /// When to colour the output; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub(crate) color: Color,
}

/// What every command can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// What stdout carries. Commands whose pages are made of blocks write markdown, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypedFormat {
    #[default]
    Text,
    Json,
    Markdown,
}

impl TypedFormat {
    /// Markdown is for people, as text is.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Text | Self::Markdown => Format::Text,
            Self::Json => Format::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole story in one go: servers, users, first and second access, bench, what it means
    Demo(Demo),
    /// Create the tables, print their SQL, or drop what rcache created
    Schema(Schema),
    /// Fill the table with users; the same arguments give the same bytes on every machine
    Seed(Seed),
    /// Repeated reads, MySQL only against Redis-cached, with every answer verified
    Bench(Box<Bench>),
    /// The reads of a MySQL server that a cache could relieve most, by what the server counted itself
    Candidates,
    /// Two saved runs side by side: what changed, how sure that is, and a verdict
    Compare(Compare),
    /// The runs of several load generators as one run of all their clients
    ///
    /// Reads and rates add up; percentiles come from the added histograms, never from an average. Runs that measured
    /// different things are refused. Start the generators together with `bench --start-at`.
    Merge(Merge),
    /// Saved documents as a page with pictures, or as tables: HTML, CSV, text
    Report(Report),
    /// One failure of caching on real servers, shown with and without the cure
    Scenario(Scenario),
    /// A mixed load for a while: popularity, writes, a rate; or the highest rate at which a condition holds
    Traffic(Box<Traffic>),
    /// How much Redis for which hit ratio, predicted from a saved run and a load or a trace
    Size(Size),
    /// The blog post's web application, with a page that shows live what the cache does
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Remove rcache's entries from Redis and say how many
    Flush,
    /// Remove everything that rcache made on the servers, and say what is left
    Clean,
    /// Keep the private servers running between commands
    #[command(subcommand)]
    Sandbox(Sandbox),
    /// Print a shell's completion script
    Completions(Completions),
    /// Print the man page (roff), or write one page a command into a folder
    Man(Man),
}

impl Command {
    pub(crate) fn writes_markdown(&self) -> bool {
        matches!(
            self,
            Self::Bench(_)
                | Self::Candidates
                | Self::Compare(_)
                | Self::Merge(_)
                | Self::Report(_)
                | Self::Scenario(_)
                | Self::Size(_)
                | Self::Traffic(_)
        )
    }
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[arg(long, help = demo_users_help(), value_parser = users, value_name = "N")]
    pub(crate) users: Option<u32>,

    #[command(flatten)]
    pub(crate) amount: AmountArgs,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}

/// A page with pictures beside the page on stdout.
#[derive(Debug, Args)]
pub(crate) struct PictureArgs {
    /// Save the run as one HTML page with pictures, which needs nothing else; `-` is stdout
    #[arg(long, value_name = "FILE.html", value_hint = clap::ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
}

/// Queries of the user's own. Texts as they were typed: none of them may be quoted in an error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Your own query")]
pub(crate) struct QueryArgs {
    /// Measure this SELECT, with ? for its parameters; may be repeated
    ///
    /// The session can only read and its statements are limited in time. Nothing but the statement's names is printed or
    /// saved: no literal and no parameter.
    #[arg(long, value_name = "SQL")]
    pub(crate) query: Vec<String>,

    /// Measure the SELECT in this file; may be repeated
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) query_file: Vec<PathBuf>,

    /// Call a query so on the page and in --assert [default: the name of its file, or query]
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

    /// How the query is sent
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

    /// Keep each connection busy for at most PERCENT of the time [default: 50, and 100 in the sandbox]
    #[arg(long, value_parser = count_in::<u8>(1, 100), value_name = "PERCENT")]
    pub(crate) share: Option<u8>,

    /// Prepare and explain, say what would be read, and read nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Leave the query's entries in Redis until they expire
    #[arg(long)]
    pub(crate) keep: bool,
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

/// How much of each workload is measured.
#[derive(Debug, Args)]
pub(crate) struct AmountArgs {
    /// How long each workload is measured, such as 5s, 500ms, 2m or 5 (seconds)
    ///
    /// Less if all its ratios are certain to two digits before; up to three times as long if fewer than ten rounds fit.
    #[arg(long, value_parser = time, default_value = "5s", value_name = "SECONDS")]
    pub(crate) time: Duration,

    /// Measured reads for every workload and path, instead of a time; from disk at most 20
    #[arg(short = 'n', long, conflicts_with = "time", value_parser = iterations, value_name = "N")]
    pub(crate) iterations: Option<u64>,
}

/// Where the sandbox is, below the user's state folder.
pub(crate) const SANDBOX_BELOW_STATE: &str = "rcache/sandbox";
/// Of a gate without one, in percent.
pub(crate) const DEFAULT_TOLERANCE_PERCENT: f64 = 10.0;
const DEFAULT_TOLERANCE_TEXT: &str = "10";

fn sandbox_dir_help() -> String {
    format!("Where the sandbox keeps its data [default: {SANDBOX_BELOW_STATE} in the user's state folder]")
}

fn demo_users_help() -> String {
    let usual = units::count(u64::from(DEFAULT_USERS));
    format!("Users in the table [default: those that are there, or {usual}]")
}

fn tolerance_help() -> String {
    format!(
        "Gate hits and misses of every workload: exit with 3 if one is slower by more than PERCENT [default: \
         {DEFAULT_TOLERANCE_TEXT}]"
    )
}

fn tolerance_long_help() -> String {
    format!(
        "{}\n\nHits are compared with PING in the same rounds (large entries with a bare GET of as many bytes), misses too, \
         after the path mysql was subtracted: a faster or slower MySQL or machine is no regression. A path passes if the 95 % \
         interval of its typical read lies below PERCENT, and fails if that interval or the one of its mean lies beyond; \
         otherwise the exit status is 4. Single runs of the same build differ by a few percent, so a tolerance below about \
         10 % usually ends undecided; `bench --runs 5` measures the difference instead of assuming it.",
        tolerance_help()
    )
}

fn codec_help() -> String {
    let of_all = Workload::All.default_codec().name();
    let of_rest = Workload::Point.default_codec().name();
    format!(
        "How entries are encoded, several side by side in the same rounds [default: {of_all} for all, {of_rest} for \
         the rest]"
    )
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

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Print the SQL and change nothing
    #[arg(long, conflicts_with = "drop")]
    pub(crate) print: bool,

    /// Drop the tables that rcache created, and no others
    #[arg(long)]
    pub(crate) drop: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Seed {
    /// How many users
    #[arg(long, default_value = units::count(u64::from(DEFAULT_USERS)), value_parser = users, value_name = "N")]
    pub(crate) users: u32,

    /// Seed of the random generator that names the users
    #[arg(long, default_value_t = crate::users::DEFAULT_RNG_SEED, value_name = "N")]
    pub(crate) rng_seed: u64,

    /// Replace users that were seeded differently
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) amount: AmountArgs,

    /// What is read, each under keys of its own [default: all,point; with --query only that]
    #[arg(short, long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) workload: Vec<Workload>,

    #[command(flatten)]
    pub(crate) own: OwnQueryArgs,

    /// How it is read: without a cache, as a miss, as a hit, or from disk
    #[arg(long, value_enum, value_delimiter = ',', default_value = "mysql,cold,warm", value_name = "LIST")]
    pub(crate) path: Vec<ReadPath>,

    #[arg(long, help = codec_help(), value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) codec: Vec<Codec>,

    /// Also read with so many percent of the entries there, and hold that against what the paths let expect
    #[arg(long, value_parser = hit_percent, value_name = "PERCENT")]
    pub(crate) verify_hit_ratio: Option<u8>,

    /// Threads that read at the same time, each with connections of its own
    #[arg(short, long, default_value_t = 1, value_parser = count_in::<u16>(1, 1024), value_name = "C")]
    pub(crate) clients: u16,

    /// Also compute the results with each server further away, such as 0.5ms or mysql=0.5ms,redis=0.2ms
    ///
    /// The time is what every round trip takes in addition. How many round trips each path makes is counted.
    #[arg(long, value_parser = distance::parse, value_name = "TIME")]
    pub(crate) distance: Option<Distance>,

    /// What becomes of the processor's cores meanwhile
    #[arg(long, value_enum, default_value = "steady", value_name = "HOW")]
    pub(crate) cores: Cores,

    /// Insist that the table holds this many users; a sandbox that ends with this command is seeded so
    #[arg(long, value_parser = users, value_name = "N")]
    pub(crate) users: Option<u32>,

    /// How long entries live in Redis
    #[arg(long, default_value = units::count(3600), value_parser = count_in::<u32>(1, u32::MAX.into()), value_name = "SECONDS")]
    pub(crate) ttl: u32,

    /// Seed of the random generator that orders keys and paths
    #[arg(long, default_value_t = crate::users::DEFAULT_RNG_SEED, value_name = "N")]
    pub(crate) rng_seed: u64,

    /// Repeat the bench in N processes, so that intervals include what differs between runs
    ///
    /// Each run is a fresh process with connections, private servers and an order of keys of its own. The saved file holds
    /// all of them. Five runs are a good start; with two, intervals are very wide. Ctrl-C keeps the runs that are finished.
    #[arg(long, default_value_t = 1, value_parser = count_in::<u16>(1, 100), value_name = "N")]
    pub(crate) runs: u16,

    /// Connect and read from this time on, so that several load generators start together: RFC 3339, such as 2026-03-01T09:30:00Z
    ///
    /// Users are in place and entries of earlier runs removed before. Each generator needs a --namespace of its own, and none
    /// ends before its --time is over. `rcache merge` adds their runs up.
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
    /// The .hgrm files are percentile tables as the HdrHistogram plotter reads them, in milliseconds. rcache.hlog is an
    /// HdrHistogram interval log (V1.3, values in ns) with one tag a path. The folder is made where it is missing.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) hgrm: Option<PathBuf>,

    /// Judge the run, such as 'all.warm.p99 < 5ms' or 'point.speedup > 1.5'; may be repeated
    ///
    /// On the left WORKLOAD.PATH.FIELD with p50, p90, p95, p99, p99.9, mean, max (times with their unit: ns, us,
    /// ms, s), throughput (reads per second) or errors; or WORKLOAD.FIELD with speedup, miss_penalty or
    /// break_even (a share such as 0.2, or 20%). Then <, <=, >, >= or ==. What has an interval is judged by
    /// it: wholly on the right side passes, wholly on the wrong side fails (exit status 3), astride is
    /// inconclusive (exit status 4). With several codecs each is judged by itself.
    #[arg(long, value_name = "EXPR")]
    pub(crate) assert: Vec<String>,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}

/// It ends with Ctrl-C. Its users are a copy of the seeded ones, in a table of its own that goes with it.
#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Port on this machine; 0 is any free one
    #[arg(short, long, default_value_t = 0, value_name = "PORT")]
    pub(crate) port: u16,

    /// Listen on an address that other machines may reach, such as 0.0.0.0:8080; there is no login
    #[arg(long, conflicts_with = "port", value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Saved runs, comparisons and experiments; - is stdin
    ///
    /// What `bench --output` saves, and what `compare` and `scenario` print with --format json. Two runs are compared as
    /// `compare` does it, the first one being the baseline.
    #[arg(value_name = "FILE", required = true, num_args = 1..=20, value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,

    /// Save the numbers as CSV files in this folder, which is made if it is missing
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) csv: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The run to compare with, saved by `rcache bench --output`; - is stdin
    #[arg(value_name = "BASELINE")]
    pub(crate) baseline: PathBuf,

    /// The run that is judged; - is stdin
    #[arg(value_name = "CANDIDATE")]
    pub(crate) candidate: PathBuf,

    #[arg(long, value_name = "PERCENT", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_TOLERANCE_TEXT)]
    #[arg(value_parser = percent, help = tolerance_help(), long_help = tolerance_long_help())]
    pub(crate) fail_on_regression: Option<f64>,

    /// Gate one path, such as 'point.cold: 15%', 'point.warm.p99: 50%' or 'all.mysql: 20%'; may be repeated
    ///
    /// WORKLOAD.PATH: PERCENT% or WORKLOAD.PATH.FIGURE: PERCENT%, with a path of mysql, cold, warm and a figure of
    /// typical, mean, p50, p90, p95, p99, p99.9. Without a figure the typical read must be shown to be within the tolerance,
    /// and the mean must not be shown to be beyond it. mysql is compared with SELECT 1. It takes the place of the gate
    /// that --fail-on-regression makes for the same path.
    #[arg(long, value_name = "GATE")]
    pub(crate) gate: Vec<String>,

    /// What happens if a gate cannot be decided, instead of exit status 4
    #[arg(long, value_enum, value_name = "HOW", require_equals = true)]
    pub(crate) inconclusive: Option<Inconclusive>,

    /// Compare runs of other data, or that did not end well, and say so
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The runs, saved by `rcache bench --output`, one of each load generator; - is stdin
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,

    /// Save the merged run as JSON; `-` writes it to stdout, and the page to stderr
    #[arg(short, long, value_name = "RUN.json", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

/// What becomes of a gate that cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inconclusive {
    /// It passes, with a warning
    Pass,
    /// It fails: exit status 3
    Fail,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sandbox {
    /// Start the private servers and leave them running
    Start,
    /// Load an SQL file, such as a dump of mysqldump, into their database
    ///
    /// The servers need not run. Servers that a URL names are never touched. Statements about other databases are skipped, and
    /// definers are replaced by the sandbox's account.
    Load {
        /// The file; - is stdin
        #[arg(value_name = "FILE.sql", value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Say whether they run, where, and what they hold
    Status,
    /// Stop them; the data stay
    Stop,
    /// Stop them and delete their data
    Destroy,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete for
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write rcache.1 and one page a command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_definition_is_consistent() {
        super::Cli::command().debug_assert();
        super::command().debug_assert();
    }

    #[test]
    fn defaults_in_help_are_those_of_the_program() {
        assert_eq!(super::DEFAULT_TOLERANCE_TEXT.parse(), Ok(super::DEFAULT_TOLERANCE_PERCENT));
        let help = |line: &str| {
            super::command().try_get_matches_from(line.split(' ')).unwrap_err().to_string().replace("\n", " ")
        };
        for (line, words) in [
            ("rcache compare --help", "[default: 10]"),
            ("rcache demo --help", "or 100,000]"),
            ("rcache bench --help", "arrow for all, postcard for"),
            ("rcache flush --help", "rcache/sandbox in the user's state folder]"),
            ("rcache scenario --help", "stampede 64"),
        ] {
            let text: Vec<_> = help(line).split_whitespace().map(str::to_owned).collect();
            assert!(text.join(" ").contains(words), "{line}: {}", text.join(" "));
        }
    }

    #[test]
    fn help_is_written_in_ascii() {
        fn visit(command: &mut clap::Command) {
            let text = command.render_long_help().to_string() + &command.render_help().to_string();
            assert!(text.is_ascii(), "{}: {text}", command.get_name());
            command.get_subcommands_mut().for_each(visit);
        }
        visit(&mut super::command());
    }

    #[test]
    fn a_format_holds_before_and_behind_the_command() {
        let parse = |line: &str| super::Cli::try_parse_from(line.split(' '));
        for (line, markdown) in [
            ("rcache --format markdown compare a b", true),
            ("rcache bench --format markdown", true),
            ("rcache scenario stale --format markdown", true),
            ("rcache flush --format markdown", false),
            ("rcache demo --format markdown", false),
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.global.format, super::TypedFormat::Markdown, "{line}");
            assert_eq!(cli.command.writes_markdown(), markdown, "{line}");
        }
        assert_eq!(parse("rcache flush --format json").unwrap().global.format.format(), super::Format::Json);
    }
}
