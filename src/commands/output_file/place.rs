//! The file at a path, links followed, and what may be done with it.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::OFlags;

/// The kernel follows as many links in a row.
const MAX_LINKS: usize = 40;

/// The place of a document.
pub(super) struct Place {
    /// The path behind all symbolic links.
    path: PathBuf,
    folder: PathBuf,
    found: Option<Metadata>,
}

impl Place {
    /// # Errors
    /// If it cannot be a file that is written.
    pub(super) fn look(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str().is_empty() {
            bail!("the path is empty");
        }
        let found = match std::fs::metadata(path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        match &found {
            Some(found) if found.is_dir() => bail!("it is a folder"),
            Some(found) if found.file_type().is_socket() => bail!("it is a socket"),
            None if path.as_os_str().as_bytes().ends_with(b"/") => {
                bail!("a path that ends in / names a folder")
            }
            _ => {}
        }
        let path = behind_links(path)?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if !folder.is_dir() {
            bail!("the folder {} does not exist", folder.display());
        }
        let place = Self { path, folder, found };
        if place.exists() {
            // Opened and closed again, except that a pipe would notice.
            place.is_regular().then(|| place.open()).transpose()?;
        }
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether both are one file, of which saving to one place would take what the other has.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        let id = |found: &Metadata| (found.dev(), found.ino());
        self.is_regular()
            && match (&self.found, &other.found) {
                (Some(own), Some(other)) => id(own) == id(other),
                (None, None) => self.full_path().is_some_and(|path| Some(path) == other.full_path()),
                _ => false,
            }
    }

    fn full_path(&self) -> Option<PathBuf> {
        Some(std::fs::canonicalize(&self.folder).ok()?.join(self.path.file_name()?))
    }

    pub(super) fn exists(&self) -> bool {
        self.found.is_some()
    }

    pub(super) fn is_regular(&self) -> bool {
        self.found.as_ref().is_none_or(Metadata::is_file)
    }

    pub(super) fn permissions(&self) -> Option<Permissions> {
        self.found.as_ref().map(Metadata::permissions)
    }

    /// Whether a new file can take its place with nothing lost: it is not there yet, or it is a
    /// file of ours with one name.
    pub(super) fn may_be_replaced(&self) -> bool {
        self.found.as_ref().is_none_or(|found| {
            let is_ours = found.uid() == rustix::process::geteuid().as_raw()
                && found.gid() == rustix::process::getegid().as_raw();
            found.is_file() && found.nlink() == 1 && is_ours
        })
    }

    /// Opens what is there for writing, and changes nothing. A pipe that nothing reads is an error
    /// immediately, instead of a wait without an end; writes to a full pipe do not wait.
    pub(super) fn open(&self) -> io::Result<File> {
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let opened = OpenOptions::new().write(true).custom_flags(nonblocking).open(&self.path);
        let is_pipe = self.found.as_ref().is_some_and(|found| found.file_type().is_fifo());
        let file = opened.map_err(|error| match error.raw_os_error() {
            Some(number) if is_pipe && number == rustix::io::Errno::NXIO.raw_os_error() => {
                io::Error::other("it is a named pipe, and nothing reads it")
            }
            Some(number) if number == rustix::io::Errno::PERM.raw_os_error() => {
                io::Error::other("it may not be changed: it is immutable or append-only (see lsattr)")
            }
            _ => error,
        })?;
        if !is_pipe {
            rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
        }
        Ok(file)
    }
}

/// Follows symbolic links, also to what is not there yet.
fn behind_links(path: &Path) -> anyhow::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                path = folder.join(target);
            }
            // It is no link, or nothing is there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links")).context("it is a link without an end")
}
