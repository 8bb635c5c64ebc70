//! The meaning of the command line: settings out of typed text, or a sentence about its fault.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::advice::{self, Invocation};
use crate::cli::{Cli, Color, Format, Global, TypedFormat, TypedUrl, relevant_options};
use crate::endpoint::{MysqlEndpoint, RedisEndpoint, UrlError};
use crate::model::UsageError;
use crate::secret::Secret;
use crate::shell;

/// The amount that is written to stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// Settings of every command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    mysql_url: Given<TypedUrl>,
    redis_url: Given<TypedUrl>,
    sandbox_dir: Given<OsString>,
    namespace_origin: Origin,
    /// Typed, to set aside the URLs of the environment.
    sandbox: bool,
    pub(crate) namespace: String,
    pub(crate) format: Format,
    /// The same for commands that write markdown, too.
    pub(crate) page_format: TypedFormat,
    pub(crate) verbosity: Verbosity,
    /// Whether pages show all that is known.
    pub(crate) details: bool,
    pub(crate) color: Color,
    pub(crate) ascii: bool,
}

/// The origin of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    /// A variable that is set and holds nothing, as that of a missing secret in CI: as if it were
    /// not set.
    EmptyVariable,
    Variable,
    Argument,
}

/// A setting that was given, or not.
#[derive(Clone, Debug)]
struct Given<T> {
    value: Option<T>,
    origin: Origin,
}

/// One of the options that also have a variable.
#[derive(Clone, Copy)]
struct Setting {
    id: &'static str,
    flag: &'static str,
    variable: &'static str,
}

const MYSQL: Setting = Setting { id: "mysql_url", flag: "--mysql-url", variable: "RCACHE_MYSQL_URL" };
const REDIS: Setting = Setting { id: "redis_url", flag: "--redis-url", variable: "RCACHE_REDIS_URL" };
const DIR: Setting = Setting { id: "sandbox_dir", flag: "--sandbox-dir", variable: "RCACHE_SANDBOX_DIR" };
const NAMESPACE: Setting = Setting { id: "namespace", flag: "--namespace", variable: "RCACHE_NAMESPACE" };

impl Setting {
    /// Tells what was typed from what the environment holds; nothing but white space counts as
    /// empty.
    fn origin(self, text: Option<&OsStr>, matches: &ArgMatches) -> Result<Origin, UsageError> {
        let is_empty = text.is_some_and(|text| text.to_string_lossy().trim().is_empty());
        match source(matches, self.id) {
            Some(ValueSource::CommandLine) if is_empty => Err(UsageError(format!(
                "{} is empty; leave it out, or if it comes from a variable, set that",
                self.flag
            ))),
            Some(ValueSource::CommandLine) => Ok(Origin::Argument),
            Some(ValueSource::EnvVariable) if is_empty => Ok(Origin::EmptyVariable),
            Some(ValueSource::EnvVariable) => Ok(Origin::Variable),
            _ => Ok(Origin::Default),
        }
    }

    /// "--flag", or the variable from which the value came.
    fn named(self, origin: Origin) -> &'static str {
        if origin == Origin::Argument { self.flag } else { self.variable }
    }
}

impl Settings {
    /// `matches` tells what was typed from what came out of the environment.
    pub(crate) fn new(cli: &Cli, matches: &ArgMatches) -> Result<Self, UsageError> {
        let global = &cli.global;
        if global.sandbox {
            reject_typed_url(matches)?;
        }
        let is_page = !matches!(global.format, TypedFormat::Text | TypedFormat::Json);
        if is_page && !cli.command.writes_markdown() {
            let message = "--format markdown is written by bench, candidates, compare, report, scenario, size and traffic; choose \
                           text or json";
            return Err(UsageError(message.to_owned()));
        }
        let url = |setting: Setting, url: &Option<TypedUrl>| -> Result<Given<TypedUrl>, UsageError> {
            let origin = setting.origin(url.as_ref().map(|url| url.0.as_os_str()), matches)?;
            let counts = !global.sandbox && origin != Origin::EmptyVariable;
            Ok(Given {
                value: url.clone().filter(|_| counts),
                origin: if global.sandbox { Origin::Default } else { origin },
            })
        };
        let dir_origin = DIR.origin(global.sandbox_dir.as_deref(), matches)?;
        let dir = global.sandbox_dir.clone().filter(|_| dir_origin != Origin::EmptyVariable);
        let namespace_origin = NAMESPACE.origin(Some(&global.namespace), matches)?;
        Ok(Self {
            mysql_url: url(MYSQL, &global.mysql_url)?,
            redis_url: url(REDIS, &global.redis_url)?,
            sandbox_dir: Given { value: dir, origin: dir_origin },
            namespace: namespace(&global.namespace, namespace_origin)?,
            namespace_origin,
            sandbox: global.sandbox,
            format: global.format.format(),
            page_format: global.format,
            verbosity: verbosity(global),
            details: global.verbose,
            color: global.color,
            ascii: global.ascii,
        })
    }

    /// None: MySQL comes from the sandbox. A URL is judged only by the commands that need it.
    pub(crate) fn mysql(&self) -> Result<Option<MysqlEndpoint>, UsageError> {
        endpoint(&self.mysql_url, MYSQL, MysqlEndpoint::parse)
    }

    /// None: Redis comes from the sandbox.
    pub(crate) fn redis(&self) -> Result<Option<RedisEndpoint>, UsageError> {
        endpoint(&self.redis_url, REDIS, RedisEndpoint::parse)
    }

    /// None: the default folder.
    pub(crate) fn sandbox_dir(&self) -> Option<PathBuf> {
        self.sandbox_dir.value.clone().map(PathBuf::from)
    }

    /// Variables that are set but empty, and what is used in their place, as far as these are
    /// needed.
    pub(crate) fn empty_variables(&self, mysql: bool, redis: bool, sandbox: bool) -> Vec<String> {
        let notes = [
            (mysql, MYSQL, self.mysql_url.origin, "MySQL comes from the sandbox"),
            (redis, REDIS, self.redis_url.origin, "Redis comes from the sandbox"),
            (sandbox, DIR, self.sandbox_dir.origin, "the sandbox is in its usual folder"),
            (redis, NAMESPACE, self.namespace_origin, "the namespace is rcache"),
        ];
        let is_empty = |(needed, _, origin, _): &(bool, Setting, Origin, &str)| {
            *needed && *origin == Origin::EmptyVariable
        };
        let note = |(_, setting, _, used): (bool, Setting, Origin, &str)| {
            format!("{} is set but empty: {used}", setting.variable)
        };
        notes.into_iter().filter(is_empty).map(note).collect()
    }

    /// Whether the variable of the MySQL URL is set and holds nothing.
    pub(crate) fn mysql_variable_is_empty(&self) -> bool {
        self.mysql_url.origin == Origin::EmptyVariable
    }

    /// The call of the program, for commands that messages propose.
    pub(crate) fn invocation(&self) -> Invocation {
        let program = std::env::args_os().next().unwrap_or_else(|| "rcache".into());
        let mut options = Vec::new();
        options.extend(url_option(&self.mysql_url, MYSQL, mysql_without_secrets));
        options.extend(url_option(&self.redis_url, REDIS, redis_without_secrets));
        if self.sandbox {
            options.push(("sandbox", "--sandbox".to_owned()));
        }
        if let (Some(dir), Origin::Argument) = (&self.sandbox_dir.value, self.sandbox_dir.origin) {
            options.push((DIR.id, format!("{} {}", DIR.flag, shell::word(dir))));
        }
        if self.namespace_origin == Origin::Argument {
            options.push((NAMESPACE.id, format!("{} {}", NAMESPACE.flag, shell::word(&self.namespace))));
        }
        let here = std::env::current_dir().ok();
        Invocation {
            program: advice::program(&program, here.as_deref()),
            options,
            relevant: relevant_options,
        }
    }
}

/// The server that a URL names, and its passwords apart from it.
fn mysql_without_secrets(url: &str) -> Option<(Vec<Secret>, MysqlEndpoint)> {
    let mut server = MysqlEndpoint::parse(url).ok()?;
    Some((server.password.take().into_iter().collect(), server))
}

/// Sentinels have a password of their own.
fn redis_without_secrets(url: &str) -> Option<(Vec<Secret>, RedisEndpoint)> {
    let mut server = RedisEndpoint::parse(url).ok()?;
    let of_sentinels = server.sentinel.as_mut().and_then(|sentinel| sentinel.password.take());
    Some((server.password.take().into_iter().chain(of_sentinels).collect(), server))
}

/// The option as it can be shown. `parse` takes the passwords out of a URL. In the place of a
/// password is the variable, if it holds this very URL, or else the word PASSWORD, which the reader
/// has to replace.
fn url_option<E: PartialEq>(
    url: &Given<TypedUrl>,
    setting: Setting,
    parse: impl Fn(&str) -> Option<(Vec<Secret>, E)>,
) -> Option<(&'static str, String)> {
    let typed = url.value.as_ref().filter(|_| url.origin == Origin::Argument)?;
    let shown = typed.0.to_str().and_then(|text| {
        let (secrets, server) = parse(text)?;
        if secrets.is_empty() {
            return Some(shell::word(text));
        }
        let shown = without_password(text)?;
        let (shown_secrets, same_server) = parse(&shown)?;
        let are_replaced = shown_secrets.iter().all(|secret| secret.reveal() == PASSWORD);
        (are_replaced && shown_secrets.len() == secrets.len() && same_server == server)
            .then(|| shell::word(&shown))
    });
    let is_variable = std::env::var_os(setting.variable).is_some_and(|value| value == typed.0);
    let word = match shown {
        Some(shown) if !is_variable => shown,
        _ if is_variable => format!("\"${}\"", setting.variable),
        _ => "URL".to_owned(),
    };
    Some((setting.id, format!("{} {word}", setting.flag)))
}

const PASSWORD: &str = "PASSWORD";

/// The URL with the word PASSWORD where its password is; the caller checks that it is still the
/// same server.
fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let rest = match rest.rsplit_once('@') {
        Some((login, place)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:{PASSWORD}@{place}"),
            None => format!("{login}@{place}"),
        },
        None => rest.to_owned(),
    };
    let parameter = |part: &str| match part.split_once('=') {
        Some((name @ ("pass" | "password" | "sentinel-pass"), _)) => format!("{name}={PASSWORD}"),
        _ => part.to_owned(),
    };
    let query = query.map(|query| query.split('&').map(parameter).collect::<Vec<_>>().join("&"));
    Some(format!("{scheme}://{rest}{}", query.map(|query| format!("?{query}")).unwrap_or_default()))
}

fn namespace(typed: &OsStr, origin: Origin) -> Result<String, UsageError> {
    if origin == Origin::EmptyVariable {
        return Ok("rcache".to_owned());
    }
    typed
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| UsageError(format!("{} is not UTF-8; choose another name", NAMESPACE.named(origin))))
}

/// `--sandbox` speaks against the environment; against a URL typed beside it, it is a
/// contradiction.
fn reject_typed_url(matches: &ArgMatches) -> Result<(), UsageError> {
    for setting in [MYSQL, REDIS] {
        if source(matches, setting.id) == Some(ValueSource::CommandLine) {
            let flag = setting.flag;
            return Err(UsageError(format!("--sandbox and {flag} contradict each other; give one of them")));
        }
    }
    Ok(())
}

/// The origin of a global argument; one typed behind a subcommand counts before the rest.
fn source(matches: &ArgMatches, id: &str) -> Option<ValueSource> {
    let here = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
    let below = matches.subcommand().and_then(|(_, matches)| source(matches, id));
    [here, below].into_iter().flatten().max()
}

fn endpoint<E>(
    url: &Given<TypedUrl>,
    setting: Setting,
    parse: impl Fn(&str) -> Result<E, UrlError>,
) -> Result<Option<E>, UsageError> {
    let Some(typed) = &url.value else { return Ok(None) };
    let name = setting.named(url.origin);
    let text = typed.0.to_str().ok_or_else(|| {
        UsageError(format!("{name}: the URL is not UTF-8; write other bytes as %XX, such as %FF"))
    })?;
    parse(text).map(Some).map_err(|error| UsageError(format!("{name}: {error}")))
}

fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mysql(url: &str) -> Option<String> {
        let given = Given { value: Some(TypedUrl(url.into())), origin: Origin::Argument };
        url_option(&given, MYSQL, mysql_without_secrets).map(|(_, option)| option)
    }

    fn redis(url: &str) -> Option<String> {
        let given = Given { value: Some(TypedUrl(url.into())), origin: Origin::Argument };
        url_option(&given, REDIS, redis_without_secrets).map(|(_, option)| option)
    }

    #[test]
    fn a_url_is_proposed_in_a_form_that_works_and_without_its_password() {
        for (url, shown) in [
            ("mysql://ann@h/app", "mysql://ann@h/app"),
            ("mysql://ann:hunter2@h:3307/app", "mysql://ann:PASSWORD@h:3307/app"),
            ("mysql://ann:a%40b@h/app?ssl-mode=required", "'mysql://ann:PASSWORD@h/app?ssl-mode=required'"),
            ("mysql://ann:@h/app", "mysql://ann:PASSWORD@h/app"),
        ] {
            let option = mysql(url).unwrap();
            assert!(option == format!("--mysql-url {shown}") || option.ends_with(url), "{option}");
            assert!(!option.contains("hunter2") && !option.contains("a%40b"), "{option}");
        }
        for (url, shown) in [
            ("redis://h:1/2", "redis://h:1/2"),
            ("redis://:hunter2@h:1/2", "redis://:PASSWORD@h:1/2"),
            ("redis://ann:hunter2@h", "redis://ann:PASSWORD@h"),
            ("redis+unix:///s?db=1&pass=hunter2", "'redis+unix:///s?db=1&pass=PASSWORD'"),
            ("redis://:hunter2@a:1,b:2/0", "redis://:PASSWORD@a:1,b:2/0"),
            ("redis+sentinel://h/n?sentinel-pass=hunter2", "'redis+sentinel://h/n?sentinel-pass=PASSWORD'"),
            (
                "redis+sentinel://:hunter2@h,i/n/1?sentinel-user=s&sentinel-pass=hunter2",
                "'redis+sentinel://:PASSWORD@h,i/n/1?sentinel-user=s&sentinel-pass=PASSWORD'",
            ),
        ] {
            assert_eq!(redis(url).unwrap(), format!("--redis-url {shown}"));
        }
        assert!(!redis("redis+sentinel://h/n?sentinel-pass=a%20hunter2").unwrap().contains("hunter2"));
        // What is no URL of ours is not quoted.
        assert_eq!(redis("hunter2").unwrap(), "--redis-url URL");
        assert_eq!(mysql("mysql://ann:hunter2@").unwrap(), "--mysql-url URL");
    }
}
