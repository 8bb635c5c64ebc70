//! Files that are not complete yet. A second signal ends the process without destructors: it
//! removes these files first, and waits for work that must not be left half done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file or an empty folder that is removed if the process ends before this value is dropped.
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

/// Makes a file or a folder that is not complete as long as the second value lives.
pub(crate) fn make<F: AsRef<Path>>(make: impl FnOnce() -> io::Result<F>) -> io::Result<(F, Unfinished)> {
    let mut files = files();
    let file = make()?;
    let path = file.as_ref().to_owned();
    files.push(path.clone());
    Ok((file, Unfinished(path)))
}

/// Does work for which a second signal waits; a third one does not. The work must make no file
/// with [`make`].
pub(crate) fn undivided<T>(work: impl FnOnce() -> T) -> T {
    let _held = files();
    work()
}

/// Removes the files. None is made while the returned value lives.
pub(super) fn remove_all() -> impl Sized {
    let files = files();
    for path in files.iter().rev() {
        // A folder goes only if nothing is in it.
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
    }
    files
}

fn files() -> MutexGuard<'static, Vec<PathBuf>> {
    // The list is whole whatever panicked while it was held.
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        files().retain(|path| *path != self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_listed_until_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let is_listed = |path: &Path| files().iter().any(|listed| listed == path);
        let (file, unfinished) = make(|| tempfile::NamedTempFile::new_in(folder.path())).unwrap();
        assert!(is_listed(file.path()));
        undivided(|| fs::write(file.path(), "text")).unwrap();
        drop(unfinished);
        assert!(!is_listed(file.path()) && file.path().exists());
        assert!(make(|| tempfile::NamedTempFile::new_in("/nonexistent")).is_err());
    }
}
