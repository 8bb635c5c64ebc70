//! The folder of percentile files: what would fail is found out before the run, and no file is left half-written.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

/// A folder that is known to be writable.
pub(super) struct OutputFolder {
    path: PathBuf,
    /// Whether this command made it: then it goes again if nothing comes into it.
    made: bool,
}

impl OutputFolder {
    /// Makes the folder where it is missing (its parent must be there), and makes sure that files can be put into it.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let what = || {
            format!("cannot write percentile files to the folder {}; choose another --hgrm", path.display())
        };
        let made = match fs::metadata(path) {
            Ok(found) if found.is_dir() => false,
            Ok(_) => bail!("{}: it is a file", what()),
            Err(_) => fs::create_dir(path).map(|()| true).with_context(what)?,
        };
        let folder = Self { path: path.to_owned(), made };
        temporary_in(path).with_context(what)?;
        Ok(folder)
    }

    /// Writes each file whole or not at all, and puts none in its place before all are written.
    pub(super) fn save(self, files: &BTreeMap<String, String>) -> anyhow::Result<PathBuf> {
        let mut written = Vec::new();
        for (name, text) in files {
            let path = self.path.join(name);
            let what = || format!("cannot write {}", path.display());
            if path.is_dir() {
                bail!("{}: it is a folder", what());
            }
            let mut file = temporary_in(&self.path).with_context(what)?;
            file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(what)?;
            written.push((file, path));
        }
        for (file, path) in written {
            let what = || format!("cannot write {}", path.display());
            file.persist(&path).map_err(|error| error.error).with_context(what)?;
        }
        Ok(self.path.clone())
    }
}

/// In the same folder, so that putting it in place is one step; readable as an ordinary file would be.
fn temporary_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rcache-hgrm-").permissions(fs::Permissions::from_mode(0o666));
    builder.tempfile_in(folder)
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if self.made {
            // Only where it is empty; with files in it this fails, which is what is wanted.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, String> {
        [("a.hgrm", "1"), ("rcache.hlog", "2")].map(|(name, text)| (name.to_owned(), text.to_owned())).into()
    }

    #[test]
    fn files_come_whole_and_replace_older_ones() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hgrm");
        OutputFolder::create(&path).unwrap().save(&files()).unwrap();
        fs::write(path.join("a.hgrm"), "older").unwrap();
        OutputFolder::create(&path).unwrap().save(&files()).unwrap();
        assert_eq!(fs::read_to_string(path.join("a.hgrm")).unwrap(), "1");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2, "nothing else is left there");
    }

    #[test]
    fn a_folder_that_was_made_in_vain_goes_again() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("hgrm");
        drop(OutputFolder::create(&path).unwrap());
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        drop(OutputFolder::create(&path).unwrap());
        assert!(path.exists(), "it was there before");
    }

    #[test]
    fn what_cannot_be_written_is_found_at_once() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let said = |path: &Path| format!("{:#}", OutputFolder::create(path).err().unwrap());
        assert!(said(&file).contains("it is a file"));
        assert!(said(&parent.path().join("missing/hgrm")).contains("--hgrm"));
        assert!(said(Path::new("/proc")).contains("--hgrm"), "not even root writes there");
    }

    #[test]
    fn a_name_that_is_taken_by_a_folder_leaves_nothing_half_written() {
        let parent = tempfile::tempdir().unwrap();
        let folder = OutputFolder::create(parent.path()).unwrap();
        fs::create_dir(parent.path().join("rcache.hlog")).unwrap();
        let error = folder.save(&files()).unwrap_err();
        assert!(format!("{error:#}").contains("it is a folder"), "{error:#}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
