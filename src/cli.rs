//! The definition of the command line, from which help, completions and the man
//! page are generated. What it means is decided in `config`.

mod bench;
mod compare;
mod distance;
#[cfg(test)]
mod documents;
mod examples;
mod numbers;
mod relevance;
mod scenario;
mod size;
mod traffic;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::RedisKind;
pub(crate) use crate::report::render::TypedFormat;
use crate::sandbox::{BELOW_STATE, MOST_REPLICAS};
use crate::units;
use crate::users::DEFAULT_USERS;

pub(crate) use bench::{AmountArgs, Bench, OwnQueryArgs, QueryArgs};
pub(crate) use compare::{Compare, Inconclusive, Merge, Report};
use numbers::{count_in, users};
pub(crate) use relevance::{command, relevant_options};
pub(crate) use scenario::{Scenario, ScenarioChoice};
pub(crate) use size::Size;
pub(crate) use traffic::{Strategy, Traffic};

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

/// A URL as typed, whatever its bytes. It may hold a password, so it can be neither printed nor
/// compared.
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
    /// `ssl-ca=FILE`, `ssl-cert=FILE` and `ssl-key=FILE` for TLS. Without it the sandbox's own
    /// server is used.
    #[arg(long, global = true, env = "RCACHE_MYSQL_URL", hide_env_values = true, value_name = "URL")]
    #[arg(help_heading = "Servers")]
    pub(crate) mysql_url: Option<TypedUrl>,

    /// Redis or Valkey server: redis://user:password@host:port/0
    ///
    /// `rediss://` for TLS (certificates are checked against the system's, or against the file in
    /// SSL_CERT_FILE), `redis+unix:///path?db=0&pass=PASSWORD` for a unix socket. The host may be
    /// any node of a Redis Cluster, or several, separated by commas;
    /// `redis+sentinel://host1,host2:26379/NAME/0` asks Sentinels for the primary of that name.
    /// Without it the sandbox's own server is used.
    #[arg(long, global = true, env = "RCACHE_REDIS_URL", hide_env_values = true, value_name = "URL")]
    #[arg(help_heading = "Servers")]
    pub(crate) redis_url: Option<TypedUrl>,

    /// Use private servers even though a URL is set in the environment
    #[arg(long, global = true, help_heading = "Servers")]
    pub(crate) sandbox: bool,

    // Its help is in `sandbox_dir_help`.
    #[arg(long, global = true, help = sandbox_dir_help(), env = "RCACHE_SANDBOX_DIR", value_name = "DIR", help_heading = "Servers")]
    #[arg(value_hint = clap::ValueHint::DirPath)]
    // Not a PathBuf: clap refuses an empty one, which an empty variable in the environment would
    // be.
    pub(crate) sandbox_dir: Option<OsString>,

    /// Prefix of every Redis key
    #[arg(long, global = true, env = "RCACHE_NAMESPACE", value_name = "NAME", help_heading = "Servers")]
    #[arg(default_value = "rcache")]
    // Any bytes: what is wrong with them is said by `config`, which knows where they came from.
    pub(crate) namespace: OsString,

    /// Format of stdout: json is one document and nothing else; markdown is for bench, candidates,
    /// compare, report, scenario, size and traffic
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: TypedFormat,

    /// No progress and no notes, only results, warnings and errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Report each step, and print all details of a run
    #[arg(short, long, visible_alias = "details", global = true, help_heading = "Output")]
    pub(crate) verbose: bool,

    /// Write pages in ASCII only; the default if TERM=dumb or the locale is not UTF-8
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) ascii: bool,

    /// When to colour the output; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub(crate) color: Color,
}

/// A format that every command can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

impl TypedFormat {
    /// All others are for people, as text is.
    pub(crate) fn format(self) -> Format {
        if self == Self::Json { Format::Json } else { Format::Text }
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
    /// The reads of a MySQL server that a cache could relieve most, by what the server counted
    /// itself
    Candidates,
    /// Two saved runs side by side: what changed, how sure that is, and a verdict
    Compare(Compare),
    /// The runs of several load generators as one run of all their clients
    ///
    /// Reads and rates add up; percentiles come from the added histograms, never from an average.
    /// Runs that measured different things are refused. Start the generators together with `bench
    /// --start-at`.
    Merge(Merge),
    /// Saved documents as a page with pictures, or as tables: HTML, CSV, text
    Report(Report),
    /// One failure of caching on real servers, shown with and without the cure
    Scenario(Scenario),
    /// A mixed load for a while: popularity, writes, a rate; or the highest rate at which a
    /// condition holds
    Traffic(Box<Traffic>),
    /// Predict how much Redis gives which hit ratio, from a saved run and a load or a trace
    Size(Size),
    /// The blog post's web application, with a page that shows live what the cache does
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Remove rcache's entries from Redis and say how many
    Flush,
    /// Remove everything that rcache made on the servers, and report what is left
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

fn sandbox_dir_help() -> String {
    format!("Where the sandbox keeps its data [default: {BELOW_STATE} in the user's state folder]")
}

fn demo_users_help() -> String {
    let usual = units::count(u64::from(DEFAULT_USERS));
    format!("Users in the table [default: those that are there, or {usual}]")
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
    /// Number of users
    #[arg(long, default_value = units::count(u64::from(DEFAULT_USERS)), value_parser = users, value_name = "N")]
    pub(crate) users: u32,

    /// Seed of the random generator that names the users
    #[arg(long, default_value_t = crate::users::DEFAULT_RNG_SEED, value_name = "N")]
    pub(crate) rng_seed: u64,

    /// Replace users that were seeded differently
    #[arg(long)]
    pub(crate) force: bool,
}

/// It ends with Ctrl-C. Its users are a copy of the seeded ones, in a table of its own that goes
/// with it.
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

#[derive(Debug, Subcommand)]
pub(crate) enum Sandbox {
    /// Start the private servers and leave them running
    Start {
        /// A single Redis, or a Redis Cluster of three primaries, to see what a cluster costs
        #[arg(long, value_enum, default_value_t = RedisKind::Single, value_name = "KIND")]
        redis: RedisKind,

        /// Replicas of each primary of the cluster; if a primary is killed, one takes its place
        #[arg(long, value_parser = count_in::<u8>(0, u64::from(MOST_REPLICAS)), value_name = "N")]
        replicas: Option<u8>,
    },
    /// Load an SQL file, such as a dump of mysqldump, into their database
    ///
    /// The servers need not run. Servers that a URL names are never touched. Statements about other
    /// databases are skipped, and definers are replaced by the sandbox's account.
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
        assert_eq!(
            super::compare::DEFAULT_TOLERANCE_TEXT.parse(),
            Ok(crate::compare::DEFAULT_TOLERANCE_PERCENT)
        );
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
