//! `rcache report`: saved documents as a page with pictures, as tables, or as text.

use std::path::Path;

use anyhow::anyhow;

use super::Outcome;
use super::console::Console;
use super::json;
use super::output_file::OutputFile;
use super::output_folder::OutputFolder;
use super::outputs::{check_apart, html_file, report_saved};
use crate::cli::{self, Format};
use crate::compare::{self, DEFAULT_TOLERANCE_PERCENT, Named, Options, TrafficOptions};
use crate::config::Settings;
use crate::documents::{self, Loaded, Saved};
use crate::model::UsageError;
use crate::report::render::html::{self, Part};
use crate::report::{csv, pictures};
use crate::run_file::{Run, load};
use crate::traffic_file::Document as Traffic;

pub(super) fn run(
    arguments: &cli::Report,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Outcome> {
    check(arguments, settings)?;
    let html = html_file(&arguments.picture, settings)?;
    check_apart("--html", html.as_ref(), &arguments.files)?;
    let csv = arguments.csv.as_deref().map(OutputFolder::create).transpose();
    let csv = csv.map_err(|error| error.context("--csv"))?;
    let files: Vec<(String, Loaded)> =
        arguments.files.iter().map(|path| read(path)).collect::<anyhow::Result<_>>()?;
    let parts = parts(&files)?;
    let mut saved = Vec::new();
    if html.is_none() && csv.is_none() {
        console.result(&console.render(&pictures::joined(&parts), settings.page_format))?;
    }
    if let Some(folder) = csv {
        let what = format!("the tables to {}", folder.path().display());
        saved.push((what, folder.save(&csv::files(&files))));
    }
    if let Some(file) = html {
        saved.push(save(file, &files, &parts));
    }
    Ok(Outcome::Fine.and_saved(report_saved(saved, console)))
}

fn save(file: OutputFile, files: &[(String, Loaded)], parts: &[Part]) -> super::outputs::SavedFile {
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let page = html::render(&format!("rcache report of {}", names.join(", ")), parts);
    (format!("the page to {}", file.path().display()), file.save(&page))
}

fn check(arguments: &cli::Report, settings: &Settings) -> Result<(), UsageError> {
    if arguments.files.iter().filter(|path| load::is_stdin(path)).count() > 1 {
        return Err(UsageError("only one of the files can come from stdin".to_owned()));
    }
    if settings.format == Format::Json {
        let message = "report has no JSON: the files that it reads are JSON; choose --format text or markdown, --html \
                       or --csv";
        return Err(UsageError(message.to_owned()));
    }
    Ok(())
}

/// A document, and the name of its file without its folders.
fn read(path: &Path) -> anyhow::Result<(String, Loaded)> {
    let name = if load::is_stdin(path) {
        "stdin".to_owned()
    } else {
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    };
    // The cause is part of the sentence: as a cause of its own it would be said twice.
    let loaded = documents::load(path).map_err(|error| anyhow!("cannot read {}: {error}", path.display()))?;
    Ok((name, loaded))
}

/// Two runs, or two documents of traffic, are compared first; every file is a part.
fn parts(files: &[(String, Loaded)]) -> anyhow::Result<Vec<Part>> {
    let compared = match files {
        [
            (baseline, Loaded { saved: Saved::Run(before), .. }),
            (candidate, Loaded { saved: Saved::Run(after), .. }),
        ] => Some(compared((baseline, before), (candidate, after))?),
        [
            (baseline, Loaded { saved: Saved::Traffic(before), .. }),
            (candidate, Loaded { saved: Saved::Traffic(after), .. }),
        ] => Some(traffic_compared([baseline, candidate], before, after)?),
        _ => None,
    };
    let each = files.iter().flat_map(|(name, loaded)| pictures::of_file(name, loaded));
    Ok(compared.into_iter().chain(each).collect())
}

fn compared(baseline: (&str, &Run), candidate: (&str, &Run)) -> anyhow::Result<Part> {
    let named = |(file, run)| Named { file, run };
    let options = Options {
        tolerance_percent: DEFAULT_TOLERANCE_PERCENT,
        gated: false,
        gates: Vec::new(),
        // What differs is named on the page.
        force: true,
    };
    Ok(match compare::compare(named(baseline), named(candidate), &options) {
        Ok(compared) => pictures::of_two_runs(&compared, &json::pretty(&compared)?),
        Err(refusal) => pictures::of_refusal(&refusal.to_string()),
    })
}

fn traffic_compared(files: [&str; 2], before: &Traffic, after: &Traffic) -> anyhow::Result<Part> {
    let options = TrafficOptions {
        tolerance_percent: DEFAULT_TOLERANCE_PERCENT,
        gated: false,
        // What differs is named on the page.
        force: true,
    };
    Ok(match compare::compare_traffic(files, before, after, options) {
        Ok(compared) => pictures::of_two_traffics(&compared, &json::pretty(&compared)?),
        Err(refusal) => pictures::of_refusal(&refusal.to_string()),
    })
}
