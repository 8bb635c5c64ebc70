//! The run file on its way to disk: what would fail is found out before the run, and nothing half-written is left.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

/// A place for the run that is known to be writable.
pub(super) struct OutputFile {
    path: PathBuf,
    target: Target,
}

enum Target {
    /// A new file beside the path, which takes its place when it is complete.
    Beside(NamedTempFile),
    /// Not a regular file (`/dev/stderr`, a named pipe): written as it is, never replaced.
    Itself(File),
}

impl OutputFile {
    /// Makes sure that the path can be written, and changes nothing there yet.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("cannot write the run to {}; choose another --output", path.display());
        let target = match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => anyhow::bail!("{}: it is a folder", what()),
            Ok(found) if !found.is_file() => Target::Itself(open_special(path).with_context(what)?),
            Ok(_) => {
                OpenOptions::new().append(true).open(path).with_context(what)?;
                Target::Beside(beside(path).with_context(what)?)
            }
            Err(_) => Target::Beside(beside(path).with_context(what)?),
        };
        // Through a symbolic link, so that the link stays and its target changes.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { path, target })
    }

    /// Writes the document and puts it in its place.
    pub(super) fn save(self, document: &str) -> anyhow::Result<PathBuf> {
        let what = || format!("cannot write the run to {}", self.path.display());
        match self.target {
            Target::Itself(mut file) => file.write_all(document.as_bytes()).with_context(what)?,
            Target::Beside(mut file) => {
                file.write_all(document.as_bytes())
                    .and_then(|()| file.as_file().sync_all())
                    .with_context(what)?;
                file.persist(&self.path).map_err(|error| error.error).with_context(what)?;
            }
        }
        Ok(self.path)
    }
}

/// A device or a named pipe. A pipe that nobody reads is an error at once, instead of a wait without an end.
fn open_special(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().write(true).custom_flags(nonblocking).open(path)?;
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// In the same folder, so that putting it in place is one step.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match real.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rcache-run-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As a file made in the ordinary way would be; the umask still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_only_when_it_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        std::fs::write(&path, "old").unwrap();
        let output = OutputFile::create(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        output.save("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        drop(OutputFile::create(&path).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_symbolic_link_stays_and_its_target_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target.json"), folder.path().join("link.json"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        OutputFile::create(&link).unwrap().save("new").unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(OutputFile::create(&pipe).is_err());
    }

    #[test]
    fn what_cannot_be_written_is_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OutputFile::create(folder.path()).is_err());
        assert!(OutputFile::create(&folder.path().join("missing/run.json")).is_err());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let output = OutputFile::create(Path::new("/dev/full"));
        // Only Linux has this device.
        if let Ok(output) = output {
            assert!(output.save("document").is_err());
        }
    }
}
