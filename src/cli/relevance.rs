//! Which of the options for servers each command has a use for. All are accepted everywhere, so
//! that an alias or a script can set them once; help, completions and the manual show those that
//! matter.

use clap::{Command, CommandFactory};

use super::{Cli, examples};

const MYSQL: &str = "mysql_url";
const REDIS: &str = "redis_url";
const SANDBOX: &str = "sandbox";
const DIR: &str = "sandbox_dir";
const NAMESPACE: &str = "namespace";
const ALL: [&str; 5] = [MYSQL, REDIS, SANDBOX, DIR, NAMESPACE];

/// The options for servers that this command has a use for.
pub(crate) fn relevant_options(command: &str) -> &'static [&'static str] {
    match command {
        "compare" | "completions" | "man" | "merge" | "report" | "size" => &[],
        "start" | "load" | "status" | "stop" | "destroy" | "sandbox" => &[DIR],
        "schema" | "seed" => &[MYSQL, SANDBOX, DIR],
        "candidates" => &[MYSQL, REDIS, SANDBOX, DIR],
        "flush" => &[REDIS, SANDBOX, DIR, NAMESPACE],
        _ => &ALL,
    }
}

/// The command line, complete: every command with its examples, and with those options that matter
/// to it.
pub(crate) fn command() -> Command {
    let mut command = examples::add(Cli::command());
    // Gives every command its copies of the global options.
    command.build();
    tailored(command)
}

fn tailored(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let shown = relevant_options(command.get_name());
    let command = command.mut_args(|arg| {
        let is_idle = ALL.contains(&arg.get_id().as_str()) && !shown.contains(&arg.get_id().as_str());
        if is_idle { arg.hide(true) } else { arg }
    });
    names.iter().fold(command, |command, name| command.mut_subcommand(name, tailored))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        command().try_get_matches_from(words).unwrap_err().to_string()
    }

    #[test]
    fn help_shows_the_options_that_matter() {
        for (line, shown, hidden) in [
            ("rcache bench --help", &["--mysql-url", "--namespace", "--sandbox-dir"][..], &[][..]),
            ("rcache flush --help", &["--redis-url", "--namespace"], &["--mysql-url"]),
            ("rcache seed --help", &["--mysql-url"], &["--redis-url", "--namespace"]),
            (
                "rcache sandbox stop --help",
                &["--sandbox-dir"],
                &["--mysql-url", "--redis-url", "--namespace"],
            ),
            ("rcache completions --help", &["--color"], &["--mysql-url", "--sandbox", "--namespace"]),
            ("rcache man --help", &["--output-dir"], &["--mysql-url", "--sandbox", "--namespace"]),
            ("rcache compare --help", &["--force"], &["--mysql-url", "--sandbox", "--namespace"]),
            ("rcache --help", &["--mysql-url", "--redis-url", "--namespace"], &[]),
        ] {
            let text = help(line);
            assert!(shown.iter().all(|option| text.contains(option)), "{line}: {text}");
            assert!(!hidden.iter().any(|option| text.contains(option)), "{line}: {text}");
        }
    }

    #[test]
    fn hidden_options_are_accepted() {
        let line = ["rcache", "compare", "a", "b", "--mysql-url", "x", "--namespace", "n"];
        command().try_get_matches_from(line).unwrap();
    }
}
