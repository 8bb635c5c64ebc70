//! Servers that outlived the rcache that started them: found by their birth records, and ended
//! before others start.

use anyhow::{Context, bail};

use super::folder::Folder;
use super::process::{Identity, end_all};

/// Ends every server that runs in this folder, and clears what it left. Only for the owner of the
/// lock.
pub(super) fn end_servers(folder: &Folder, note: &mut dyn FnMut(&str)) -> anyhow::Result<usize> {
    let alive = running(folder);
    if !alive.is_empty() {
        note("ending the servers of an rcache that was killed ...");
    }
    let left = end_all(&alive).context("cannot end the servers in the sandbox")?;
    if let Some(process) = left.first() {
        bail!(
            "process {} of the sandbox {} does not end although it was killed; is its disk gone?",
            process.pid,
            folder.root().display()
        );
    }
    folder.forget_servers()?;
    Ok(alive.len())
}

/// The processes that birth records name and that are verified to be those.
pub(super) fn running(folder: &Folder) -> Vec<Identity> {
    let births = folder.births();
    births
        .iter()
        .filter_map(|path| Identity::from_record(&std::fs::read_to_string(path).ok()?))
        .filter(Identity::is_alive)
        .collect()
}
