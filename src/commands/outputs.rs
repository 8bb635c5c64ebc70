//! The files that a bench writes: known to be writable before the run, and reported after the page.

use std::path::Path;

use super::console::Console;
use super::output_file::{self, OutputFile};
use super::output_folder::OutputFolder;
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::documents::{Loaded, Saved};
use crate::model::UsageError;
use crate::plain_text;
use crate::report::render::html;
use crate::report::{self, pictures};
use crate::run_file::Run;

/// The files of a run: the run itself, its page with pictures and its histograms.
pub(super) struct Outputs {
    run: Option<OutputFile>,
    html: Option<OutputFile>,
    histograms: Option<OutputFolder>,
}

/// The stream of the page, which is not that of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageTo {
    Stdout,
    Stderr,
}

impl PageTo {
    /// The stream of the page beside these files.
    pub(super) fn beside<'a>(files: impl IntoIterator<Item = &'a OutputFile>) -> Self {
        if files.into_iter().any(OutputFile::is_stdout) { Self::Stderr } else { Self::Stdout }
    }
}

/// A saved file, in words, and how that went.
pub(super) type SavedFile = (String, anyhow::Result<output_file::Saved>);

/// Refuses to write the same document to stdout twice.
pub(super) fn refuse_twice(
    document: &str,
    output: Option<&OutputFile>,
    settings: &Settings,
) -> Result<(), UsageError> {
    if settings.format == Format::Json && output.is_some_and(OutputFile::is_stdout) {
        return Err(UsageError(format!(
            "--format json writes the {document} to stdout, and --output writes it there once more; leave one of them out"
        )));
    }
    Ok(())
}

impl Outputs {
    /// Makes sure that everything can be written.
    pub(super) fn create(arguments: &cli::Bench, settings: &Settings) -> anyhow::Result<Self> {
        let run = arguments.output.as_deref().map(OutputFile::create).transpose();
        let run = run.map_err(|error| error.context("--output"))?;
        refuse_twice("run", run.as_ref(), settings)?;
        let html = html_file(&arguments.picture, settings)?;
        if [&run, &html].iter().all(|file| file.as_ref().is_some_and(OutputFile::is_stdout)) {
            let message = "--output and --html both write to stdout; name a file for one of them";
            return Err(UsageError(message.to_owned()).into());
        }
        for (option, file) in [("--output", &run), ("--html", &html)] {
            check_apart(option, file.as_ref(), &arguments.own.asked.query_file)?;
        }
        if run.as_ref().zip(html.as_ref()).is_some_and(|(run, html)| run.is_same_file(html)) {
            let message = "--output and --html name the same file; name another one for one of them";
            return Err(UsageError(message.to_owned()).into());
        }
        let histograms = arguments.hgrm.as_deref().map(OutputFolder::create).transpose();
        Ok(Self { run, html, histograms: histograms.map_err(|error| error.context("--hgrm"))? })
    }

    /// Saves all; what fails is reported after the page.
    pub(super) fn save(self, document: &str, run: &Run) -> (PageTo, Vec<SavedFile>) {
        let to = PageTo::beside([&self.run, &self.html].into_iter().flatten());
        let html = self.html.map(|file| save_html(file, "bench", document, run));
        let run_file = self
            .run
            .map(|output| (format!("the run to {}", plain_text::path(output.path())), output.save(document)));
        let histograms = self.histograms.map(|folder| {
            let what = format!("the histograms to {}", plain_text::path(folder.path()));
            (what, report::hdr::files(run).map_err(Into::into).and_then(|files| folder.save(&files)))
        });
        (to, [run_file, html, histograms].into_iter().flatten().collect())
    }
}

/// Writes the page where no document goes. If that fails, the saved files are to be reported
/// first.
pub(super) fn show(to: PageTo, page: &str, console: &Console) -> anyhow::Result<()> {
    match to {
        PageTo::Stdout => console.result(page),
        PageTo::Stderr => {
            console.raw(page);
            Ok(())
        }
    }
}

/// Refuses a file that would replace what the command reads.
pub(super) fn check_apart<P: AsRef<Path>>(
    option: &str,
    file: Option<&OutputFile>,
    read: &[P],
) -> Result<(), UsageError> {
    let lost = file.and_then(|file| read.iter().map(AsRef::as_ref).find(|path| file.replaces(path)));
    lost.map_or(Ok(()), |path| {
        let path = plain_text::path(path);
        Err(UsageError(format!("{option} would replace {path}, which is read; name another file")))
    })
}

/// The file of `--html`, known to be writable.
pub(super) fn html_file(
    arguments: &cli::PictureArgs,
    settings: &Settings,
) -> anyhow::Result<Option<OutputFile>> {
    let file = arguments.html.as_deref().map(OutputFile::create).transpose();
    let file = file.map_err(|error| error.context("--html"))?;
    if settings.format == Format::Json && file.as_ref().is_some_and(OutputFile::is_stdout) {
        let message =
            "--format json writes the document to stdout, and --html a page; name a file for one of them";
        return Err(UsageError(message.to_owned()).into());
    }
    Ok(file)
}

/// Saves a run as a page with pictures.
pub(super) fn save_html(file: OutputFile, what: &str, document: &str, run: &Run) -> SavedFile {
    let loaded = Loaded { saved: Saved::Run(Box::new(run.clone())), json: document.to_owned() };
    let page = html::render(&format!("rcache {what}"), &pictures::of_file(what, &loaded));
    (format!("the page to {}", file.path().display()), file.save(&page))
}

/// Says where everything is; false if something is not where it should be.
pub(super) fn report_saved(saved: Vec<SavedFile>, console: &Console) -> bool {
    let mut all_there = true;
    for (what, outcome) in saved {
        match outcome {
            Ok(output_file::Saved::There) => console.note(&format!("Saved {what}.")),
            Ok(output_file::Saved::Elsewhere { path, reason }) => {
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
