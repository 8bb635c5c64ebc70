//! `rcache flush`: removes rcache's entries from Redis and says how many.

use serde_json::json;

use super::Outcome;
use super::console::Console;
use super::servers::{Need, Servers};
use crate::cache::admin::{self, Flushed};
use crate::cli::Format;
use crate::config::Settings;
use crate::units;

pub(super) fn run(settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let servers = Servers::open(settings, Need::Redis, "flush", console)?;
    let mut connection = admin::connect(servers.redis()?)?;
    let flushed = with_progress(&mut connection, &settings.namespace, console)?;
    let ephemeral = servers.redis_is_ephemeral();
    servers.stop()?;
    console.result(&match settings.format {
        Format::Text => words(flushed, &settings.namespace, ephemeral),
        Format::Json => {
            let document = json!({
                "namespace": settings.namespace, "removed": flushed.removed, "left_alone": flushed.left_alone
            });
            format!("{document}\n")
        }
    })?;
    Ok(Outcome::Fine)
}

/// Flushes under a bar that runs through the key space.
pub(super) fn with_progress(
    connection: &mut redis::Connection,
    namespace: &str,
    console: &Console,
) -> anyhow::Result<Flushed> {
    let keys = admin::key_count(connection)?;
    let bar = console.progress(keys, "flushing {wide_bar} {human_pos} removed of {human_len} keys in Redis");
    let outcome = admin::flush(connection, namespace, &|flushed| bar.set_position(flushed.removed));
    bar.finish_and_clear();
    Ok(outcome?)
}

fn words(flushed: Flushed, namespace: &str, ephemeral: bool) -> String {
    let mut text = match flushed.removed {
        1 => format!("Removed 1 entry of namespace {namespace:?}."),
        removed => format!("Removed {} entries of namespace {namespace:?}.", units::count(removed)),
    };
    if flushed.left_alone > 0 {
        text.push_str(&format!(
            " Left {} other keys alone that begin like it but were not made by rcache.",
            units::count(flushed.left_alone)
        ));
    }
    if ephemeral {
        text.push_str(
            "\nThe sandbox's Redis starts empty with every command; `rcache sandbox start` keeps it between commands.",
        );
    }
    text.push('\n');
    text
}
