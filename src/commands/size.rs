//! `rcache size`: how much Redis for which hit ratio, from a saved run and a load or a trace.

pub(super) mod trace;
mod verify;

use anyhow::anyhow;

use super::Outcome;
use super::console::Console;
use super::json;
use crate::cli::{self, Format};
use crate::config::Settings;
use crate::model::UsageError;
use crate::plain_text;
use crate::report;
use crate::run_file::{Run, load};
use crate::size::document::Document;
use crate::size::{Costs, LoadModel, Wanted, predict};

/// Operations a second, if neither the command line nor a trace says.
const DEFAULT_RATE_PER_S: f64 = 1_000.0;

pub(super) fn run(arguments: &cli::Size, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let saved = load_run(arguments)?;
    let costs = Costs::of_run(&saved, arguments.workload.as_deref())
        .map_err(|error| anyhow!("{}: {error}", plain_text::path(&arguments.run)))?;
    let ttl_s = Some(arguments.ttl.unwrap_or(saved.config.ttl_s as f64));
    let wanted = Wanted { limits: arguments.memory.clone(), hit_ratio: arguments.hit_ratio };
    let mut document = match &arguments.trace {
        Some(path) => trace::predict(path, arguments.rate, ttl_s, &costs, &wanted, console)?,
        None => by_popularity(arguments, ttl_s, &costs, &wanted)?,
    };
    if arguments.verify {
        document.verified = verify::run(arguments.popularity, costs.entry_bytes, console)?;
    }
    console.result(&match settings.format {
        Format::Text => console.render(&report::size::page(&document), settings.page_format),
        Format::Json => json::pretty(&document)?,
    })?;
    Ok(if crate::interrupt::requested() { Outcome::Interrupted } else { Outcome::Fine })
}

fn load_run(arguments: &cli::Size) -> anyhow::Result<Run> {
    let path = &arguments.run;
    if load::is_stdin(path) && arguments.trace.as_deref().is_some_and(load::is_stdin) {
        return Err(UsageError("only one of run and trace can come from stdin".to_owned()).into());
    }
    let file = if load::is_stdin(path) { "from stdin".to_owned() } else { plain_text::path(path) };
    load::load(path).map_err(|error| anyhow!("cannot read the run {file}: {error}"))
}

fn by_popularity(
    arguments: &cli::Size,
    ttl_s: Option<f64>,
    costs: &Costs,
    wanted: &Wanted,
) -> anyhow::Result<Document> {
    let keys = arguments.keys.or_else(|| u32::try_from(costs.keys).ok()).filter(|keys| *keys > 0);
    let keys =
        keys.ok_or_else(|| UsageError("the run has no usable number of keys: add --keys N".to_owned()))?;
    let model = LoadModel {
        popularity: arguments.popularity,
        keys,
        rate_per_s: arguments.rate.unwrap_or(DEFAULT_RATE_PER_S),
        writes: arguments.writes,
        ttl_s,
    };
    Ok(predict(costs, &model, wanted))
}
