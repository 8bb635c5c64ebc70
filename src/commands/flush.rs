//! `rcache flush`: removes rcache's entries from Redis and says how many.

use serde::Serialize;

use super::console::Console;
use super::servers::{Need, Servers};
use super::{Outcome, json};
use crate::advice;
use crate::bench::flush::{refusal, with_progress};
use crate::cache::admin;
use crate::cache::flush::Flushed;
use crate::cli::Format;
use crate::config::Settings;
use crate::units::{self, counted};

pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let servers = Servers::open(settings, Need::Redis, "flush", console)?;
    let mut connection = admin::connect(servers.redis()?)?;
    let flushed = with_progress(&mut connection, &settings.namespace, console)?;
    let ephemeral = servers.redis_is_ephemeral();
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => console.prose(&words(&flushed, &settings.namespace, ephemeral)),
        Format::Json => json::line(document(&flushed, &settings.namespace))?,
    })?;
    if let Some(refusal) = refusal(&flushed, &settings.namespace) {
        console.error(&refusal);
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Fine)
}

fn words(flushed: &Flushed, namespace: &str, ephemeral: bool) -> String {
    let entries = counted(flushed.removed, "entry", "entries");
    let mut text = format!("Removed {entries} of namespace {namespace:?}.");
    if flushed.spared > 0 {
        text.push_str(&format!(
            " Left {}: they end by themselves within {}.",
            counted(flushed.spared, "lease or write marker", "leases or write markers"),
            ms(flushed.spared_for_ms),
        ));
    }
    if flushed.other_version > 0 {
        text.push_str(&format!(
            " Left {} of another version of rcache; flush with that version.",
            counted(flushed.other_version, "value", "values"),
        ));
    }
    if flushed.left_alone > 0 {
        text.push_str(&format!(
            " Left {} alone that begin like it but were not made by rcache.",
            counted(flushed.left_alone, "other key", "other keys")
        ));
    }
    if ephemeral {
        text.push_str(&format!(
            "\nThe sandbox's Redis starts empty with every command; `{}` keeps it between commands.",
            advice::command("sandbox start")
        ));
    }
    text.push('\n');
    text
}

fn ms(ms: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    units::duration(ms as f64 * 1e6)
}

/// The document of a flush.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    /// The prefix of every key that was looked at.
    namespace: String,
    /// Entries of rcache that were removed.
    removed: u64,
    /// Keys that begin alike and that rcache did not make.
    left_alone: u64,
    /// Leases and markers, which end by themselves.
    leases_and_markers: u64,
    /// Values of another version of rcache.
    other_version: u64,
    /// Keys that could not be looked at.
    not_looked_at: u64,
}

impl json::Small for Document {
    const FORMAT: &'static str = "rcache-flush";
}

fn document(flushed: &Flushed, namespace: &str) -> Document {
    Document {
        namespace: namespace.to_owned(),
        removed: flushed.removed,
        left_alone: flushed.left_alone,
        leases_and_markers: flushed.spared,
        other_version: flushed.other_version,
        not_looked_at: flushed.not_looked_at,
    }
}
