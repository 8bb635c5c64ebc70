//! What the command line means: typed settings out of typed text, or a sentence about what is wrong with it.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::cli::{Cli, Color, Format, Global, TypedFormat, TypedUrl};
use crate::endpoint::{MysqlEndpoint, RedisEndpoint, UrlError};

/// The command line was wrong: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// What holds for every command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    mysql_url: Option<TypedUrl>,
    redis_url: Option<TypedUrl>,
    /// None: the default folder.
    pub(crate) sandbox_dir: Option<PathBuf>,
    pub(crate) namespace: String,
    pub(crate) format: Format,
    /// The same for commands that write markdown, too.
    pub(crate) page_format: TypedFormat,
    pub(crate) verbosity: Verbosity,
    pub(crate) color: Color,
    pub(crate) ascii: bool,
}

impl Settings {
    /// `matches` tells what was typed from what came out of the environment, where empty means the same as not set.
    pub(crate) fn new(cli: &Cli, matches: &ArgMatches) -> Result<Self, UsageError> {
        let global = &cli.global;
        if global.sandbox {
            reject_typed_url(matches)?;
        }
        if global.format == TypedFormat::Markdown && !cli.command.writes_markdown() {
            let message = "--format markdown is written by bench, compare and scenario; choose text or json";
            return Err(UsageError(message.to_owned()));
        }
        let url = |url: &Option<TypedUrl>| url.clone().filter(|url| !global.sandbox && !url.0.is_empty());
        Ok(Self {
            mysql_url: url(&global.mysql_url),
            redis_url: url(&global.redis_url),
            sandbox_dir: global.sandbox_dir.clone().filter(|dir| !dir.is_empty()).map(PathBuf::from),
            namespace: namespace(global, matches)?,
            format: global.format.format(),
            page_format: global.format,
            verbosity: verbosity(global),
            color: global.color,
            ascii: global.ascii,
        })
    }

    /// None: MySQL comes from the sandbox. A URL is judged only by the commands that need it.
    pub(crate) fn mysql(&self) -> Result<Option<MysqlEndpoint>, UsageError> {
        endpoint(self.mysql_url.as_ref(), "--mysql-url", "RCACHE_MYSQL_URL", MysqlEndpoint::parse)
    }

    /// None: Redis comes from the sandbox.
    pub(crate) fn redis(&self) -> Result<Option<RedisEndpoint>, UsageError> {
        endpoint(self.redis_url.as_ref(), "--redis-url", "RCACHE_REDIS_URL", RedisEndpoint::parse)
    }
}

fn namespace(global: &Global, matches: &ArgMatches) -> Result<String, UsageError> {
    match (global.namespace.as_str(), source(matches, "namespace")) {
        ("", Some(ValueSource::EnvVariable)) => Ok("rcache".to_owned()),
        ("", _) => {
            Err(UsageError("--namespace is empty; every key needs a prefix, such as rcache".to_owned()))
        }
        (name, _) => Ok(name.to_owned()),
    }
}

/// `--sandbox` speaks against the environment; against a URL typed beside it, it is a contradiction.
fn reject_typed_url(matches: &ArgMatches) -> Result<(), UsageError> {
    for (id, flag) in [("mysql_url", "--mysql-url"), ("redis_url", "--redis-url")] {
        if source(matches, id) == Some(ValueSource::CommandLine) {
            return Err(UsageError(format!("--sandbox and {flag} contradict each other; give one of them")));
        }
    }
    Ok(())
}

/// Where a global argument came from; what was typed behind a subcommand counts before the rest.
fn source(matches: &ArgMatches, id: &str) -> Option<ValueSource> {
    let here = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
    let below = matches.subcommand().and_then(|(_, matches)| source(matches, id));
    [here, below].into_iter().flatten().max()
}

fn endpoint<E>(
    url: Option<&TypedUrl>,
    flag: &str,
    variable: &str,
    parse: impl Fn(&str) -> Result<E, UrlError>,
) -> Result<Option<E>, UsageError> {
    url.map(|url| parse(&url.0))
        .transpose()
        .map_err(|error| UsageError(format!("{flag} (or {variable}): {error}")))
}

fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}
