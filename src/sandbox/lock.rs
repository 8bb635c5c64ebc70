//! One owner at a time: a lock on the sandbox's folder that the kernel releases even if its owner
//! is killed.
//!
//! Whoever starts, stops or deletes servers holds it exclusively; commands that are attached to
//! servers that `rcache sandbox start` keeps running share it.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::folder::{Folder, explain, write_private};
use super::process::Identity;

/// Who holds the lock exclusively, for the others' messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    /// The command: `bench`, `sandbox start`.
    pub(crate) purpose: String,
    pub(crate) since: String,
    identity: Option<Identity>,
}

/// The held lock; dropped, it is free.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    // Only the exclusive owner has announced itself.
    announced: Option<PathBuf>,
}

impl Lock {
    /// The lock for oneself, if nobody has it.
    pub(super) fn try_exclusive(folder: &Folder, purpose: &str) -> anyhow::Result<Option<Self>> {
        let Some(file) = try_open(folder, File::try_lock)? else { return Ok(None) };
        let pid = std::process::id();
        let holder = Holder {
            pid,
            purpose: purpose.to_owned(),
            since: crate::units::rfc3339(jiff::Timestamp::now()),
            identity: Identity::of(pid),
        };
        // Only others' messages need it; on a full disk `sandbox destroy` is wanted most.
        let _ = write_private(&folder.holder(), &serde_json::to_vec(&holder)?);
        Ok(Some(Self { file, announced: Some(folder.holder()) }))
    }

    /// A share of the lock, if nobody has it for himself.
    pub(super) fn try_shared(folder: &Folder) -> anyhow::Result<Option<Self>> {
        let file = try_open(folder, File::try_lock_shared)?;
        Ok(file.map(|file| Self { file, announced: None }))
    }

    /// Lets others in. Between the two states the lock is free, so look again at what you know.
    pub(super) fn share(mut self) -> anyhow::Result<Option<Self>> {
        self.withdraw();
        match self.file.try_lock_shared() {
            Ok(()) => Ok(Some(self)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Lets others in while the value lives on, as a killed owner would.
    #[cfg(test)]
    pub(super) fn free(&self) {
        self.file.unlock().unwrap();
    }

    fn withdraw(&mut self) {
        if let Some(path) = self.announced.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.withdraw();
        let _ = self.file.unlock();
    }
}

/// The exclusive holder that has announced itself and is alive.
pub(super) fn holder(folder: &Folder) -> Option<Holder> {
    let text = std::fs::read(folder.holder()).ok()?;
    let holder: Holder = serde_json::from_slice(&text).ok()?;
    holder.identity.as_ref().is_some_and(Identity::is_alive).then_some(holder)
}

/// The processes that hold the lock in any way, as far as the system tells.
pub(super) fn sharers(folder: &Folder) -> Vec<u32> {
    let Ok(lock) = std::fs::metadata(folder.lock()) else { return Vec::new() };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    parse_locks(&locks, lock.ino())
}

/// Lines such as `1: FLOCK  ADVISORY  READ 1234 08:01:5678 0 EOF`.
fn parse_locks(text: &str, inode: u64) -> Vec<u32> {
    let holder = |line: &str| -> Option<u32> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_ours =
            fields.get(1) == Some(&"FLOCK") && fields.get(5)?.rsplit(':').next() == Some(&inode.to_string());
        is_ours.then(|| fields.get(4)?.parse().ok())?
    };
    text.lines().filter_map(holder).filter(|pid| *pid != std::process::id()).collect()
}

fn try_open(
    folder: &Folder,
    take: impl Fn(&File) -> Result<(), TryLockError>,
) -> anyhow::Result<Option<File>> {
    let path = folder.lock();
    loop {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| explain(&error, "open", &path))?;
        match take(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(explain(&error, "lock", &path)),
        }
        // Whoever deleted the sandbox meanwhile deleted this file, too, and the lock on it locks
        // nothing.
        if is_current(&file, &path)? {
            return Ok(Some(file));
        }
    }
}

fn is_current(file: &File, path: &std::path::Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharers_are_read_from_the_kernels_list() {
        let text = "1: FLOCK  ADVISORY  READ 1234 08:01:5678 0 EOF\n2: POSIX ADVISORY WRITE 9 08:01:5678 0 EOF\n\
                    3: FLOCK ADVISORY READ 77 08:01:5678 0 EOF\n4: -> FLOCK junk\n5: FLOCK ADVISORY READ 8 08:01:15678 0 EOF";
        assert_eq!(parse_locks(text, 5678), [1234, 77]);
    }
}
