//! `rcache flush`: removes rcache's entries from Redis and says how many.

use serde_json::json;

use super::Outcome;
use super::console::Console;
use super::servers::{Need, Servers};
use crate::advice;
use crate::cache::admin;
use crate::cache::connection::Connection;
use crate::cache::flush::{self, Flushed, Owner};
use crate::cli::Format;
use crate::config::Settings;
use crate::paths::reader;
use crate::scenario::keys;
use crate::units::{self, counted};

pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let servers = Servers::open(settings, Need::Redis, "flush", console)?;
    let mut connection = admin::connect(servers.redis()?)?;
    let flushed = with_progress(&mut connection, &settings.namespace, console)?;
    let ephemeral = servers.redis_is_ephemeral();
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => console.prose(&words(&flushed, &settings.namespace, ephemeral)),
        Format::Json => format!("{}\n", document(&flushed, &settings.namespace)),
    })?;
    if let Some(refusal) = refusal(&flushed, &settings.namespace) {
        console.error(&refusal);
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Fine)
}

/// Flushes under a bar that runs through the key space.
pub(super) fn with_progress(
    connection: &mut Connection,
    namespace: &str,
    console: &Console,
) -> anyhow::Result<Flushed> {
    // Only for the bar: an account need not have the right to count keys.
    let keys = admin::key_count(connection).unwrap_or(0);
    let bar = console.progress(keys, "flushing {wide_bar} {human_pos} removed of {human_len} keys in Redis");
    let outcome = flush::flush(connection, namespace, &owner_in(namespace), &|flushed| {
        bar.set_position(flushed.removed);
    });
    bar.finish_and_clear();
    Ok(outcome?)
}

/// Tells by its name who uses a key of this namespace.
fn owner_in(namespace: &str) -> impl Fn(&[u8]) -> Owner + use<> {
    let (bench, namespace) = (reader::key_prefixes(namespace), namespace.to_owned());
    move |key| {
        if bench.iter().any(|prefix| key.starts_with(prefix)) {
            Owner::Bench
        } else if keys::is_of_experiment(&namespace, key) {
            Owner::Experiment
        } else {
            Owner::Library
        }
    }
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

fn document(flushed: &Flushed, namespace: &str) -> serde_json::Value {
    json!({
        "namespace": namespace,
        "removed": flushed.removed,
        "left_alone": flushed.left_alone,
        "leases_and_markers": flushed.spared,
        "other_version": flushed.other_version,
        "not_looked_at": flushed.not_looked_at,
    })
}

/// What kept some keys from being looked at or removed, and the next step.
pub(super) fn refusal(flushed: &Flushed, namespace: &str) -> Option<String> {
    let words = flushed.refusal.as_ref()?;
    let hint = admin::hint_for(words).map(|hint| format!("\n  {hint}")).unwrap_or_default();
    Some(format!(
        "{} of namespace {namespace:?} could not be looked at or removed: {words}{hint}",
        counted(flushed.not_looked_at, "key", "keys"),
    ))
}
