//! Documents as JSON that people can read, too.

use anyhow::Context;
use serde::Serialize;

/// The document over several lines, with a line break at its end.
pub(super) fn pretty(document: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(document).context("cannot write the result as JSON")?;
    Ok(text + "\n")
}

/// The small document of a command that only acts, in one line.
pub(super) fn line<T: Small>(fields: T) -> anyhow::Result<String> {
    let document = Tagged { format: T::FORMAT, format_version: T::FORMAT_VERSION, fields };
    let text = serde_json::to_string(&document).context("cannot write the result as JSON")?;
    Ok(text + "\n")
}

/// The fields of a small document.
pub(super) trait Small: Serialize {
    const FORMAT: &'static str;
    const FORMAT_VERSION: u32 = 1;
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Tagged<T> {
    /// The kind of document.
    format: &'static str,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore those
    /// that you do not know.
    format_version: u32,
    #[serde(flatten)]
    fields: T,
}

/// The schema of a small document.
#[cfg(test)]
pub(super) fn schema_of<T: Small + schemars::JsonSchema>(
    settings: schemars::generate::SchemaSettings,
) -> serde_json::Value {
    settings.into_generator().into_root_schema_for::<Tagged<T>>().to_value()
}
