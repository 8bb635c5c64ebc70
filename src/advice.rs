//! Commands that messages propose, written so that they can be copied: with the program as it was
//! called, and with the options that say which servers are meant.
//!
//! How the program was called holds for the whole process, as its arguments do, and messages are
//! made on every floor.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;

use crate::shell;

/// The call of the program.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// A word of a shell.
    pub(crate) program: String,
    /// The options for servers that were typed, by the name of their argument; no secret among
    /// them.
    pub(crate) options: Vec<(&'static str, String)>,
    /// The arguments that a command has a use for, by its name.
    pub(crate) relevant: fn(&str) -> &'static [&'static str],
}

static INVOCATION: OnceLock<Invocation> = OnceLock::new();

/// Remembers how the program was called; the first call counts.
pub(crate) fn remember(invocation: Invocation) {
    let _ = INVOCATION.set(invocation);
}

/// The command line `rcache WORDS`, to be named within a sentence.
pub(crate) fn command(words: &str) -> String {
    INVOCATION.get().map_or_else(|| format!("rcache {words}"), |invocation| invocation.command(words))
}

/// The command line `rcache WORDS` on a line of its own, at the end of a message.
pub(crate) fn line(words: &str) -> String {
    format!("\n    {}", command(words))
}

impl Invocation {
    fn command(&self, words: &str) -> String {
        let name = words.split(' ').next().unwrap_or_default();
        let mut text = format!("{} {words}", self.program);
        for (_, option) in self.options.iter().filter(|(id, _)| (self.relevant)(name).contains(id)) {
            text.push(' ');
            text.push_str(option);
        }
        text
    }
}

/// The program as it was typed, short enough to be read, as a word of a shell.
pub(crate) fn program(typed: &OsStr, here: Option<&Path>) -> String {
    let below = here.and_then(|here| Path::new(typed).strip_prefix(here).ok());
    match below {
        // A name without a slash would be looked for on PATH.
        Some(path) if path.components().count() == 1 => shell::word(Path::new(".").join(path)),
        Some(path) => shell::word(path),
        None => shell::word(typed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_carries_the_options_that_matter_to_it() {
        let invocation = Invocation {
            program: "rcache".to_owned(),
            options: vec![
                ("mysql_url", "--mysql-url \"$RCACHE_MYSQL_URL\"".to_owned()),
                ("redis_url", "--redis-url redis://h".to_owned()),
                ("sandbox_dir", "--sandbox-dir '/a b'".to_owned()),
                ("namespace", "--namespace n".to_owned()),
            ],
            relevant: |command| match command {
                "seed" => &["mysql_url", "sandbox_dir"],
                "flush" => &["redis_url", "sandbox_dir", "namespace"],
                "sandbox" => &["sandbox_dir"],
                "compare" => &[],
                _ => &["mysql_url", "redis_url", "sandbox_dir", "namespace"],
            },
        };
        for (words, command) in [
            ("seed --force", "rcache seed --force --mysql-url \"$RCACHE_MYSQL_URL\" --sandbox-dir '/a b'"),
            ("flush", "rcache flush --redis-url redis://h --sandbox-dir '/a b' --namespace n"),
            ("sandbox stop", "rcache sandbox stop --sandbox-dir '/a b'"),
            ("compare a b", "rcache compare a b"),
        ] {
            assert_eq!(invocation.command(words), command);
        }
        assert!(invocation.command("bench").ends_with("--sandbox-dir '/a b' --namespace n"));
    }

    #[test]
    fn the_program_is_named_as_it_can_be_called() {
        let named = |typed: &str, here: &str| program(OsStr::new(typed), Some(Path::new(here)));
        assert_eq!(named("rcache", "/home/ann"), "rcache");
        assert_eq!(named("/home/ann/target/release/rcache", "/home/ann"), "target/release/rcache");
        assert_eq!(named("/home/ann/rcache", "/home/ann"), "./rcache");
        assert_eq!(named("/opt/r cache", "/home/ann"), "'/opt/r cache'");
        assert_eq!(named("../rcache", "/home/ann"), "../rcache");
    }
}
