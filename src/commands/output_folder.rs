//! A folder of files on its way to disk: what would fail is found out before the run, and what
//! cannot be saved there is saved elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::output_file::{OutputFile, Saved};
use crate::interrupt::unfinished::{self, Unfinished};

/// A folder that is known to be writable.
pub(super) struct OutputFolder {
    path: PathBuf,
    /// Set if this command made it: then it goes again if nothing comes into it.
    made: Option<Unfinished>,
}

impl OutputFolder {
    /// Makes the folder if it is missing (its parent must be there), and makes sure that these
    /// files can be put into it.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("cannot write to the folder {}", path.display());
        if path == Path::new("-") {
            bail!("{}: several files cannot go to stdout; name a folder", what());
        }
        let made = match fs::metadata(path) {
            Ok(found) if found.is_dir() => None,
            Ok(_) => bail!("{}: it is a file", what()),
            Err(_) => {
                let make = || fs::create_dir(path).map(|()| path);
                Some(unfinished::make(make).with_context(what)?.1)
            }
        };
        let folder = Self { path: path.to_owned(), made };
        tempfile::tempfile_in(path).map(drop).with_context(what)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes each file whole or not at all, and none before all are known to be writable.
    pub(super) fn save(self, files: &BTreeMap<String, String>) -> anyhow::Result<Saved> {
        let Err(reason) = put(&self.path, files) else { return Ok(Saved::There) };
        match elsewhere(files) {
            Some(path) => Ok(Saved::Elsewhere { path, reason }),
            None => Err(reason.context("what was measured could be saved nowhere")),
        }
    }
}

fn put(folder: &Path, files: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let outputs = files.keys().map(|name| OutputFile::create(&folder.join(name)));
    let outputs: Vec<OutputFile> = outputs.collect::<anyhow::Result<_>>()?;
    for (output, text) in outputs.into_iter().zip(files.values()) {
        output.put(text)?;
    }
    Ok(())
}

/// A new folder where temporary files are.
fn elsewhere(files: &BTreeMap<String, String>) -> Option<PathBuf> {
    let make = || tempfile::Builder::new().prefix("rcache-hgrm-").tempdir();
    let (folder, _unfinished) = unfinished::make(make).ok()?;
    put(folder.path(), files).ok()?;
    Some(folder.keep())
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if self.made.is_some() {
            // Only if it is empty; with files in it this fails, which is what is wanted.
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
    fn what_cannot_be_written_is_found_before_the_run() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let said = |path: &Path| format!("{:#}", OutputFolder::create(path).err().unwrap());
        assert!(said(&file).contains("it is a file"));
        assert!(said(Path::new("-")).contains("stdout"));
        assert!(said(&parent.path().join("missing/hgrm")).contains("missing/hgrm"));
        assert!(said(Path::new("/proc")).contains("/proc"), "not even root writes there");
    }

    #[test]
    fn a_name_that_is_taken_by_a_folder_leaves_nothing_half_written() {
        let parent = tempfile::tempdir().unwrap();
        let folder = OutputFolder::create(parent.path()).unwrap();
        fs::create_dir(parent.path().join("rcache.hlog")).unwrap();
        let Saved::Elsewhere { path, reason } = folder.save(&files()).unwrap() else { panic!("it is taken") };
        assert!(format!("{reason:#}").contains("it is a folder"), "{reason:#}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(path.join("a.hgrm")).unwrap(), "1");
        fs::remove_dir_all(path).unwrap();
    }
}
