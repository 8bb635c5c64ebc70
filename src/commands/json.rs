//! Documents as JSON that people can read, too.

use anyhow::Context;
use serde::Serialize;

/// The document over several lines, with a line break at its end.
pub(super) fn pretty(document: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(document).context("cannot write the result as JSON")?;
    Ok(text + "\n")
}
