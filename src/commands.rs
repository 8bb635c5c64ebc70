//! One thin file a subcommand: the only place where the stages are joined, and the only place that
//! prints.

mod bench;
mod candidates;
mod clean;
mod compare;
mod completions;
mod demo;
mod dry_run;
mod flush;
mod json;
mod left;
mod man;
mod merge;
mod output_file;
mod output_folder;
mod outputs;
mod report;
mod runs;
mod sandbox;
mod scenario;
mod schema;
mod seed;
#[cfg(feature = "serve")]
mod serve;
mod size;
mod traffic;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::advice;
use crate::cache::admin::AdminError;
use crate::cli::{self, Cli, Command, Format, Sandbox};
use crate::config::Settings;
use crate::db::error::DbError;
use crate::db::seed::SeedError;
use crate::interrupt::{self, Ending, Interrupted};
use crate::model::UsageError;
use crate::{console, servers};
use console::Console;

const EXIT_FAILED: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_GATE_FAILED: u8 = 3;
const EXIT_UNDECIDED: u8 = 4;
const EXIT_NOT_COMPARABLE: u8 = 5;

/// The end of a command that did not fail outright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fine,
    /// It did its work, and what it found is a failure; the command has said so.
    Failed,
    /// An assertion or a regression gate failed.
    GateFailed,
    /// No gate failed, and one could not be decided.
    Undecided,
    /// The files that were to be compared hold different things; the command has said so.
    NotComparable,
    /// Somebody asked it to stop; what it had was printed and saved.
    Interrupted,
}

impl Outcome {
    /// The same, or a failure if something could not be saved where it should be.
    fn and_saved(self, all_saved: bool) -> Self {
        match self {
            Self::Fine | Self::Undecided if !all_saved => Self::Failed,
            outcome => outcome,
        }
    }
}

/// Runs the program and turns the outcome into an exit status.
pub(crate) fn run() -> ExitCode {
    let parsed = cli::command()
        .try_get_matches_from(asking_for_help(std::env::args_os().collect()))
        .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error),
    };
    let settings = match Settings::new(&cli, &matches) {
        Ok(settings) => settings,
        Err(error) => {
            Console::plain().error(&error.to_string());
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let console = Console::new(&settings);
    advice::remember(settings.invocation());
    // One of several runs leaves that to the process that started it.
    let is_one_of_runs = matches!(&cli.command, Command::Bench(bench) if bench.one_of_runs.is_some());
    let say = move |notice: &str| {
        if !is_one_of_runs {
            console.warning(notice)
        }
    };
    let outcome = interrupt::install(ending(&cli.command), say)
        .map_err(|error| anyhow::anyhow!("cannot listen to signals: {error}"))
        .and_then(|()| dispatch(&cli.command, &settings, &console));
    match outcome {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) if interrupt::requested() => ExitCode::from(interrupt::EXIT_INTERRUPTED),
        Ok(Outcome::Failed) => ExitCode::from(EXIT_FAILED),
        Ok(Outcome::GateFailed) => ExitCode::from(EXIT_GATE_FAILED),
        Ok(Outcome::Undecided) => ExitCode::from(EXIT_UNDECIDED),
        Ok(Outcome::NotComparable) => ExitCode::from(EXIT_NOT_COMPARABLE),
        Ok(Outcome::Interrupted) => ExitCode::from(interrupt::EXIT_INTERRUPTED),
        Err(error) => failure(&error, &console),
    }
}

/// The reaction of a command when it is asked to stop.
fn ending(command: &Command) -> Ending {
    match command {
        Command::Bench(_) | Command::Demo(_) | Command::Scenario(_) | Command::Traffic(_) => Ending::Saves,
        #[cfg(feature = "serve")]
        Command::Serve(_) => Ending::Answers,
        _ => Ending::Finishes,
    }
}

/// The command line; `--help` behind `help` asks for no other help than `help` does.
fn asking_for_help(mut words: Vec<OsString>) -> Vec<OsString> {
    let is_name = |word: &&OsString| word.to_str().is_some_and(|word| word.chars().all(char::is_alphabetic));
    let names = words.iter().skip(1).take_while(is_name).position(|word| word == "help");
    if let Some(help) = names {
        let mut index = 0;
        words.retain(|word| {
            index += 1;
            index <= help + 2 || (word != "--help" && word != "-h")
        });
    }
    words
}

/// Help, the version, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if error.kind() == ErrorKind::MissingSubcommand
        && let Some(help) = help_of(&arguments)
    {
        Console::plain().raw(&help);
        return ExitCode::from(EXIT_USAGE);
    }
    let text = usage_text(error, &arguments);
    if error.use_stderr() {
        Console::plain().raw(&text);
        return ExitCode::from(EXIT_USAGE);
    }
    match Console::plain().result(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error, &Console::plain()),
    }
}

/// The help of a command that needs another one behind it, if nothing else was typed. clap shows it
/// by itself, but not if a variable of the environment gives an option a value.
fn help_of(arguments: &[OsString]) -> Option<String> {
    let mut command = cli::command();
    for name in arguments {
        command = command.find_subcommand(name)?.clone();
    }
    Some(command.render_help().to_string())
}

/// The text of a usage error. clap quotes what it does not understand, and that may be a URL with a
/// password.
fn usage_text(error: &clap::Error, arguments: &[OsString]) -> String {
    let shown = arguments.iter().map(|argument| argument.to_string_lossy());
    if error.kind() == ErrorKind::InvalidUtf8 {
        let wrong = arguments.iter().zip(shown).filter(|(bytes, _)| bytes.to_str().is_none());
        let quoted =
            |text: &str| format!("{:?}", without_urls(&without_statements(text.to_owned(), arguments)));
        let wrong: Vec<String> = wrong.map(|(_, text)| quoted(&text)).collect();
        let wrong = wrong.join(", ");
        return format!(
            "error: not UTF-8: {wrong}\n  only URLs and paths may hold other bytes; see rcache --help\n"
        );
    }
    let mut text = without_statements(error.render().to_string(), arguments);
    let is_scenario = arguments.iter().any(|argument| argument == "scenario");
    if error.kind() == ErrorKind::MissingRequiredArgument && is_scenario {
        text.push_str("\n`rcache scenario --list` says what each scenario shows.\n");
    }
    for argument in shown.filter(|argument| argument.contains("://")) {
        text = text.replace(&*argument, "[a URL]");
        if let Some((_, value)) = argument.split_once('=') {
            text = text.replace(value, "[a URL]");
        }
    }
    text
}

/// The text without the statements of the command line, which may hold literals.
fn without_statements(text: String, arguments: &[OsString]) -> String {
    const OPTIONS: [&str; 3] = ["--query", "--params-query", "--params"];
    const SHOWN: &str = "[a statement]";
    let typed: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let values = typed.windows(2).filter_map(|pair| match pair {
        [option, value] if OPTIONS.contains(&&**option) => Some(&**value),
        _ => None,
    });
    let joined = typed.iter().filter_map(|argument| {
        argument.split_once('=').filter(|(option, _)| OPTIONS.contains(option)).map(|(_, value)| value)
    });
    // A statement may also stand where it does not belong.
    let loose = typed.iter().map(|argument| &**argument).filter(|text| is_long(text));
    // Behind the name of an option too.
    let behind = loose.clone().filter_map(|text| text.strip_prefix("--")?.split_once('=')).map(|(_, it)| it);
    values.chain(joined).chain(loose).chain(behind).filter(|value| !value.is_empty()).fold(
        text,
        |text, value| {
            if is_long(value) || text == value || text.ends_with(&format!("={value}")) {
                return text.replace(value, SHOWN);
            }
            // A short one may be a part of any word, and so is looked for as clap quotes it.
            ["'", "=", "-- "].iter().fold(text, |text, before| {
                text.replace(&format!("{before}{value}'"), &format!("{before}{SHOWN}'"))
            })
        },
    )
}

fn is_long(text: &str) -> bool {
    text.trim_start().contains([' ', '\n', '\t'])
}

/// An argument as it may be shown: what may be a URL is not.
fn without_urls(argument: &str) -> &str {
    if argument.contains("://") { "[a URL]" } else { argument }
}

/// Prints how far rcache is from the limits, as a page or pair by pair; no subcommand, since only
/// its makers ask.
#[cfg(feature = "limits")]
pub(crate) fn limits() -> ExitCode {
    let console = Console::plain();
    let pair_by_pair = std::env::args_os().any(|argument| argument == "--pairs");
    let told = |limits: crate::limits::Limits| if pair_by_pair { limits.pairs() } else { limits.page() };
    match crate::limits::measure().and_then(|limits| console.result(&told(limits))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error, &console),
    }
}

fn dispatch(command: &Command, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    match command {
        Command::Demo(arguments) => demo::run(arguments, settings, console),
        Command::Schema(arguments) => schema::run(arguments, settings, console),
        Command::Seed(arguments) => seed::run(arguments, settings, console),
        Command::Bench(arguments) => bench::run(arguments, settings, console),
        Command::Candidates => candidates::run(settings, console),
        Command::Compare(arguments) => compare::run(arguments, settings, console),
        Command::Merge(arguments) => merge::run(arguments, settings, console),
        Command::Report(arguments) => report::run(arguments, settings, console),
        Command::Scenario(arguments) => scenario::run(arguments, settings, console),
        Command::Traffic(arguments) => traffic::run(arguments, settings, console),
        Command::Size(arguments) => size::run(arguments, settings, console),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::run(arguments, settings, console),
        Command::Flush => flush::run(settings, console),
        Command::Clean => clean::run(settings, console),
        Command::Sandbox(action) => sandbox_command(action, settings, console),
        Command::Completions(arguments) => completions::run(arguments, console),
        Command::Man(arguments) => man::run(arguments, console),
    }
}

fn sandbox_command(action: &Sandbox, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    settings.empty_variables(false, false, true).iter().for_each(|note| console.warning(note));
    let dir = servers::sandbox_dir(settings)?;
    let mut page = Vec::new();
    sandbox::run(action, &dir, settings.format, &mut page, &mut |text| console.note(text))?;
    let page = String::from_utf8_lossy(&page);
    console.result(&if settings.format == Format::Text {
        console.prose(&page)
    } else {
        page.into_owned()
    })?;
    Ok(Outcome::Fine)
}

/// Says what went wrong and picks the exit status.
fn failure(error: &anyhow::Error, console: &Console) -> ExitCode {
    if interrupt::requested() || is_interruption(error) {
        console.error(&interruption(error));
        return ExitCode::from(interrupt::EXIT_INTERRUPTED);
    }
    console.error(&format!("{error:#}"));
    ExitCode::from(if error.is::<UsageError>() { EXIT_USAGE } else { EXIT_FAILED })
}

fn is_interruption(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<Interrupted>()
            || matches!(cause.downcast_ref(), Some(SeedError::Interrupted))
            || cause.downcast_ref().is_some_and(AdminError::is_interruption)
            || cause.downcast_ref().is_some_and(DbError::is_interruption)
    })
}

/// An error that ended an interrupted command. One that does not name the interrupt was caused by
/// it, or has lost its importance by it.
fn interruption(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    if text.contains("interrupted") { text } else { format!("interrupted\n  the last failure: {text}") }
}

/// The schemas of documents that only commands know, by their format.
#[cfg(test)]
pub(crate) fn schemas(
    settings: fn() -> schemars::generate::SchemaSettings,
) -> Vec<(&'static str, serde_json::Value)> {
    use json::{Small, schema_of};
    vec![
        (flush::Document::FORMAT, schema_of::<flush::Document>(settings())),
        (seed::Document::FORMAT, schema_of::<seed::Document>(settings())),
        (schema::Document::FORMAT, schema_of::<schema::Document>(settings())),
        (dry_run::Document::FORMAT, schema_of::<dry_run::Document>(settings())),
        (scenario::List::FORMAT, schema_of::<scenario::List>(settings())),
        ("rcache-clean", settings().into_generator().into_root_schema_for::<clean::Document>().to_value()),
        (
            "rcache-sandbox",
            settings().into_generator().into_root_schema_for::<sandbox::Document<'_>>().to_value(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_measures_has_something_to_save() {
        let ending_of = |typed: &str| {
            let matches = cli::command().try_get_matches_from(typed.split(' ')).unwrap();
            ending(&Cli::from_arg_matches(&matches).unwrap().command)
        };
        for typed in ["bench", "demo", "scenario stale", "traffic"] {
            assert_eq!(ending_of(&format!("rcache {typed}")), Ending::Saves, "{typed}");
        }
        for typed in ["seed", "flush", "clean", "schema", "report a.json", "sandbox start", "completions zsh"]
        {
            assert_eq!(ending_of(&format!("rcache {typed}")), Ending::Finishes, "{typed}");
        }
        #[cfg(feature = "serve")]
        assert_eq!(ending_of("rcache serve"), Ending::Answers);
    }

    #[test]
    fn no_statement_of_the_command_line_is_quoted() {
        for line in [
            &["bench", "--query", "SELECT hunter2 FROM t", "--nonsense"][..],
            &["bench", "SELECT hunter2 FROM t"],
            &["bench", "--quer=SELECT hunter2 FROM t"],
            &["traffic", "--clients", "SELECT hunter2 FROM t"],
            &["bench", "--params-query=hunter2", "--params", "hunter2"],
            &["bench", "--params", "a", "--nonsense"],
        ] {
            let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
            let typed = std::iter::once(&"rcache").chain(line.iter());
            let error = cli::command().try_get_matches_from(typed).unwrap_err();
            let text = usage_text(&error, &arguments);
            assert!(!text.contains("hunter2") && text.contains("--help"), "{line:?}: {text}");
        }
        let value = |option: &str| [OsString::from(option), OsString::from("hunter2")];
        for option in ["--query", "--params-query"] {
            assert_eq!(without_statements("hunter2".to_owned(), &value(option)), "[a statement]");
            let joined = format!("{option}=hunter2");
            let arguments = [OsString::from(&joined)];
            assert_eq!(without_statements(joined, &arguments), format!("{option}=[a statement]"));
        }
    }

    #[test]
    fn help_behind_help_is_help() {
        for (typed, meant) in [
            ("rcache help --help", "rcache help"),
            ("rcache help -h", "rcache help"),
            ("rcache help bench --help", "rcache help bench"),
            ("rcache sandbox help start -h", "rcache sandbox help start"),
            ("rcache bench --namespace help --help", "rcache bench --namespace help --help"),
            ("rcache bench --help", "rcache bench --help"),
            ("rcache", "rcache"),
        ] {
            let words = asking_for_help(typed.split(' ').map(OsString::from).collect());
            assert_eq!(words.join(std::ffi::OsStr::new(" ")), meant);
            if meant.contains("help") && !meant.contains("namespace") {
                let error = cli::command().try_get_matches_from(words).unwrap_err();
                assert!(!error.use_stderr(), "{typed}: {error}");
            }
        }
    }
}
