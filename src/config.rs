//! What the command line means: typed settings out of typed text, or a sentence about what is wrong with it.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::cli::{Cli, Color, Format, Global, TypedUrl};
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
    /// None: from the sandbox.
    pub(crate) mysql: Option<MysqlEndpoint>,
    /// None: from the sandbox.
    pub(crate) redis: Option<RedisEndpoint>,
    /// None: the default folder.
    pub(crate) sandbox_dir: Option<PathBuf>,
    pub(crate) namespace: String,
    pub(crate) format: Format,
    pub(crate) verbosity: Verbosity,
    pub(crate) color: Color,
}

impl Settings {
    /// `matches` tells what was typed from what came out of the environment.
    pub(crate) fn new(cli: &Cli, matches: &ArgMatches) -> Result<Self, UsageError> {
        let global = &cli.global;
        if global.sandbox {
            reject_typed_url(matches)?;
        }
        if global.namespace.is_empty() {
            return Err(UsageError(
                "--namespace is empty; every key needs a prefix, such as rcache".to_owned(),
            ));
        }
        let mysql = url(global, global.mysql_url.as_ref());
        let redis = url(global, global.redis_url.as_ref());
        Ok(Self {
            mysql: endpoint(mysql, "--mysql-url", "RCACHE_MYSQL_URL", MysqlEndpoint::parse)?,
            redis: endpoint(redis, "--redis-url", "RCACHE_REDIS_URL", RedisEndpoint::parse)?,
            sandbox_dir: global.sandbox_dir.clone(),
            namespace: global.namespace.clone(),
            format: global.format.format(),
            verbosity: verbosity(global),
            color: global.color,
        })
    }
}

/// `--sandbox` speaks against the environment; against a URL typed beside it, it is a contradiction.
fn reject_typed_url(matches: &ArgMatches) -> Result<(), UsageError> {
    let mut level = Some(matches);
    while let Some(matches) = level {
        for (id, flag) in [("mysql_url", "--mysql-url"), ("redis_url", "--redis-url")] {
            let source = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
            if source == Some(ValueSource::CommandLine) {
                return Err(UsageError(format!(
                    "--sandbox and {flag} contradict each other; give one of them"
                )));
            }
        }
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    Ok(())
}

/// An empty variable in the environment means the same as none.
fn url<'a>(global: &Global, url: Option<&'a TypedUrl>) -> Option<&'a str> {
    url.map(|url| url.0.as_str()).filter(|text| !global.sandbox && !text.is_empty())
}

fn endpoint<E>(
    url: Option<&str>,
    flag: &str,
    variable: &str,
    parse: impl Fn(&str) -> Result<E, UrlError>,
) -> Result<Option<E>, UsageError> {
    url.map(parse).transpose().map_err(|error| UsageError(format!("{flag} (or {variable}): {error}")))
}

fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}
