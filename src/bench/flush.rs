//! Removes the entries of a namespace, with a progress bar.

use crate::cache::admin;
use crate::cache::connection::Connection;
use crate::cache::flush::{self, Flushed, Owner};
use crate::console::Console;
use crate::paths::reader;
use crate::scenario::keys;
use crate::units::counted;

/// Flushes under a bar that runs through the key space.
pub(crate) fn with_progress(
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

/// The reason why some keys could not be looked at or removed, and the next step.
pub(crate) fn refusal(flushed: &Flushed, namespace: &str) -> Option<String> {
    let words = flushed.refusal.as_ref()?;
    let hint = admin::hint_for(words).map(|hint| format!("\n  {hint}")).unwrap_or_default();
    Some(format!(
        "{} of namespace {namespace:?} could not be looked at or removed: {words}{hint}",
        counted(flushed.not_looked_at, "key", "keys"),
    ))
}
