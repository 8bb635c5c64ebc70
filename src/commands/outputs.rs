//! The files that a bench writes: known to be writable before the run, and reported after the page.

use super::console::Console;
use super::output_file::{OutputFile, Saved};
use super::output_folder::OutputFolder;
use crate::cli::{self, Format};
use crate::config::{Settings, UsageError};
use crate::plain_text;
use crate::report;
use crate::run_file::Run;

/// Where the run and its histograms go, if anywhere.
pub(super) struct Outputs {
    run: Option<OutputFile>,
    histograms: Option<OutputFolder>,
}

/// Where the page goes: not where the document goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageTo {
    Stdout,
    Stderr,
}

/// What was saved, in words, and how that went.
pub(super) type SavedFile = (String, anyhow::Result<Saved>);

impl Outputs {
    /// Makes sure that everything can be written.
    pub(super) fn create(arguments: &cli::Bench, settings: &Settings) -> anyhow::Result<Self> {
        let run = arguments.output.as_deref().map(OutputFile::create).transpose();
        let run = run.map_err(|error| error.context("--output"))?;
        if settings.format == Format::Json && run.as_ref().is_some_and(OutputFile::is_stdout) {
            return Err(UsageError(
                "--format json writes the run to stdout, and --output writes it there once more; leave one of them out"
                    .to_owned(),
            )
            .into());
        }
        let histograms = arguments.hgrm.as_deref().map(OutputFolder::create).transpose();
        Ok(Self { run, histograms: histograms.map_err(|error| error.context("--hgrm"))? })
    }

    /// Saves all; what fails is reported after the page.
    pub(super) fn save(self, document: &str, run: &Run) -> (PageTo, Vec<SavedFile>) {
        let to = if self.run.as_ref().is_some_and(OutputFile::is_stdout) {
            PageTo::Stderr
        } else {
            PageTo::Stdout
        };
        let run_file = self
            .run
            .map(|output| (format!("the run to {}", plain_text::path(output.path())), output.save(document)));
        let histograms = self.histograms.map(|folder| {
            let what = format!("the histograms to {}", plain_text::path(folder.path()));
            (what, report::hdr::files(run).map_err(Into::into).and_then(|files| folder.save(&files)))
        });
        (to, [run_file, histograms].into_iter().flatten().collect())
    }
}

/// Says where everything is; false if something is not where it should be.
pub(super) fn report_saved(saved: Vec<SavedFile>, console: &Console) -> bool {
    let mut all_there = true;
    for (what, outcome) in saved {
        match outcome {
            Ok(Saved::There) => console.note(&format!("Saved {what}.")),
            Ok(Saved::Elsewhere { path, reason }) => {
                all_there = false;
                console.error(&format!("{reason:#}\n  saved in its place: {}", plain_text::path(&path)));
            }
            Err(error) => {
                all_there = false;
                console.error(&format!("{error:#}"));
            }
        }
    }
    all_there
}
