//! The only way out: results to stdout, everything else to stderr.

mod wrap;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use anstyle::{AnsiColor, Style as Ink};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use rustix::fs::OFlags;

use crate::cli::{Color, TypedFormat};
use crate::config::{Settings, Verbosity};
use crate::report::bench::Detail;
use crate::report::blocks::Section;
use crate::report::render::terminal::{self, Screen};
use crate::{plain_text, units};

/// stdout and stderr as the settings want them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    verbosity: Verbosity,
    detail: Detail,
    color: Color,
    ascii: bool,
    notes: bool,
}

impl Console {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            verbosity: settings.verbosity,
            detail: if settings.details { Detail::Full } else { Detail::Brief },
            color: settings.color,
            ascii: settings.ascii,
            notes: true,
        }
    }

    /// Before the settings are known.
    pub(crate) fn plain() -> Self {
        Self {
            verbosity: Verbosity::Normal,
            detail: Detail::Brief,
            color: Color::Auto,
            ascii: false,
            notes: true,
        }
    }

    /// For one of several runs: its progress is shown, and what the first one said is not repeated.
    pub(crate) fn without_notes(&self) -> Self {
        Self { notes: false, ..*self }
    }

    /// Writes a result to stdout. That nobody reads it any more, as after `| head`, is no error.
    pub(crate) fn result(&self, text: &str) -> anyhow::Result<()> {
        if leads_nowhere(io::stdout()) {
            self.warning("stdout is closed, or reads and writes /dev/null: the result is shown nowhere");
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(anyhow::anyhow!("cannot write the result to stdout: {error}")),
        }
    }

    /// The terminal on stdout.
    pub(crate) fn screen(&self) -> Screen {
        let width = console_width().unwrap_or(Screen::default().width);
        let color = colored(self.color, io::stdout().is_terminal());
        Screen { width, color, ascii: needs_ascii(self.ascii) }
    }

    /// A page as this terminal shows it, or in another format.
    pub(crate) fn render(&self, page: &[Section], format: TypedFormat) -> String {
        format.render(page, &self.screen())
    }

    /// The amount of detail on pages.
    pub(crate) fn detail_of_pages(&self) -> Detail {
        self.detail
    }

    /// A line about what is being done.
    pub(crate) fn note(&self, text: &str) {
        if self.notes && self.verbosity >= Verbosity::Normal {
            self.line(text);
        }
    }

    /// A step that takes a while, as a line. On a terminal its progress is shown instead.
    pub(crate) fn step(&self, text: &str) {
        if !io::stderr().is_terminal() {
            self.note(text);
        }
    }

    /// A line for those who want to know more.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.line(text);
        }
    }

    /// A line that even the quiet want to see.
    pub(crate) fn warning(&self, text: &str) {
        self.labelled("warning:", AnsiColor::Yellow, text);
    }

    /// A text that comes laid out already.
    pub(crate) fn raw(&self, text: &str) {
        let text = if needs_ascii(self.ascii) { terminal::to_ascii(text) } else { text.to_owned() };
        let _ = write!(io::stderr().lock(), "{text}");
    }

    pub(crate) fn error(&self, text: &str) {
        self.labelled("error:", AnsiColor::Red, text);
    }

    /// The label is coloured after the text was wrapped, which counts columns.
    fn labelled(&self, label: &str, color: AnsiColor, text: &str) {
        let message = self.wrapped(&format!("{label} {text}"));
        let rest = message.strip_prefix(label).unwrap_or_default();
        write_line(&format!("{}{rest}", self.label(label, color)));
    }

    fn line(&self, text: &str) {
        write_line(&self.wrapped(text));
    }

    /// A message as it goes to stderr, as wide as that is.
    fn wrapped(&self, text: &str) -> String {
        let text = clean(text);
        let text = if needs_ascii(self.ascii) { terminal::to_ascii(&text) } else { text };
        let terminal = console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
        wrap::wrap(&text, terminal.or_else(wanted_width).unwrap_or(wrap::USUAL_WIDTH))
    }

    /// Prose for stdout, as wide as that is.
    pub(crate) fn prose(&self, text: &str) -> String {
        let width = console_width().or_else(wanted_width).unwrap_or(Screen::default().width);
        let text = wrap::wrap(text, width);
        if needs_ascii(self.ascii) { terminal::to_ascii(&text) } else { text }
    }

    fn label(&self, word: &str, color: AnsiColor) -> String {
        let ink = Ink::new().bold().fg_color(Some(color.into()));
        if colored(self.color, io::stderr().is_terminal()) {
            format!("{ink}{word}{ink:#}")
        } else {
            word.to_owned()
        }
    }

    /// A bar on stderr where that is a terminal, and nothing elsewhere. The template may use
    /// `{rate}`.
    pub(crate) fn progress(&self, length: u64, template: &str) -> ProgressBar {
        if self.verbosity == Verbosity::Quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10));
        // A template that does not parse is found by the first test that shows a bar.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&units::rate(state.per_sec()));
        };
        bar.with_style(style.with_key("rate", rate).progress_chars("━╸─"))
    }

    /// A sign of life for a step of unknown length.
    pub(crate) fn spinner(&self, text: &str) -> ProgressBar {
        let bar = self.progress(0, "{spinner} {msg}").with_message(text.to_owned());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar
    }
}

/// Messages quote servers, and a server must not steer the terminal.
fn clean(text: &str) -> String {
    plain_text::lines(text)
}

/// True if only ASCII can be shown: it was asked for, the terminal is dumb, or the locale names
/// another charset than UTF-8. Without any locale in the environment, as in many containers,
/// terminals still show UTF-8.
fn needs_ascii(asked_for: bool) -> bool {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    let has_utf8 =
        |locale: String| ["utf-8", "utf8"].iter().any(|charset| locale.to_lowercase().contains(charset));
    asked_for || variable("TERM").is_some_and(|term| term == "dumb") || !locale.is_none_or(has_utf8)
}

/// A message that cannot be written has nowhere else to go.
fn write_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The width that the environment asks for.
fn wanted_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}

/// Whether what is written there is lost: the descriptor was closed, in whose place the runtime
/// opens /dev/null for reading and writing. A shell's `> /dev/null` opens it for writing alone:
/// then that is what the user wants.
fn leads_nowhere(stdout: impl AsFd) -> bool {
    let Ok(found) = rustix::fs::fstat(&stdout) else { return true };
    let is_null = std::fs::metadata("/dev/null").is_ok_and(|null| {
        null.rdev() == found.st_rdev && null.dev() == found.st_dev && null.ino() == found.st_ino
    });
    let is_both = rustix::fs::fcntl_getfl(&stdout)
        .is_ok_and(|flags| flags.intersection(OFlags::ACCMODE) == OFlags::RDWR);
    is_null && is_both
}

fn colored(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Columns of the terminal on stdout, where it is one.
fn console_width() -> Option<usize> {
    let (_, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns))
}
