//! Reading a document of traffic back.

use serde::Deserialize;

use super::{Document, FORMAT, FORMAT_VERSION};

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("it is not as rcache traffic saves it: {0}")]
    Wrong(#[from] serde_json::Error),
    #[error("it was written in format version {0}, and this rcache knows versions up to {FORMAT_VERSION}")]
    Newer(u32),
}

#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

/// Whether the document says that it is of traffic.
pub(crate) fn is_traffic(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.format == FORMAT)
}

/// Reads a document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document, LoadError> {
    let head: Head = serde_json::from_slice(bytes)?;
    if head.format_version > FORMAT_VERSION {
        return Err(LoadError::Newer(head.format_version));
    }
    Ok(serde_json::from_slice(bytes)?)
}
