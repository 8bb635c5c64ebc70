//! Outputs that the shell opened before the program began, named `/dev/stdout`, `/dev/fd/3` and the
//! like.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::bail;
use rustix::fs::OFlags;
use rustix::io::FdFlags;

use super::patient;

/// The folders in which a process finds its own descriptors.
const FOLDERS: [&str; 3] = ["/proc/self/fd", "/proc/thread-self/fd", "/dev/fd"];
const STDOUT: RawFd = 1;
/// The kernel follows as many links in a row.
const MAX_LINKS: usize = 40;

/// A copy of an open descriptor: its position in the file and its mode are shared with the shell.
pub(super) struct Descriptor {
    number: RawFd,
    file: File,
}

impl Descriptor {
    pub(super) fn stdout() -> io::Result<Self> {
        Ok(Self { number: STDOUT, file: File::from(io::stdout().as_fd().try_clone_to_owned()?) })
    }

    /// The descriptor that this path names, through links too; none if it names something else.
    ///
    /// # Errors
    /// If there is no such descriptor, or it cannot be written.
    pub(super) fn named_by(path: &Path) -> anyhow::Result<Option<Self>> {
        let Some(number) = number_of(path) else { return Ok(None) };
        let Some(file) = inherited(number)? else {
            bail!("descriptor {number} was not open when rcache started");
        };
        let mode = rustix::fs::fcntl_getfl(&file)? & OFlags::ACCMODE;
        if mode != OFlags::WRONLY && mode != OFlags::RDWR {
            bail!("descriptor {number} is open for reading alone");
        }
        Ok(Some(Self { number, file }))
    }

    pub(super) fn is_stdout(&self) -> bool {
        self.number == STDOUT
    }

    pub(super) fn write(&mut self, document: &[u8]) -> io::Result<()> {
        // What was printed before comes first.
        io::stdout().flush()?;
        match self.pipe() {
            Some(mut pipe) => patient::write(&mut pipe, document),
            None => self.file.write_all(document),
        }
    }

    /// The pipe behind the descriptor, if it is one, opened anew so that its writes do not wait:
    /// that of the descriptor itself is shared with the shell.
    fn pipe(&self) -> Option<File> {
        self.file.metadata().ok().filter(|found| found.file_type().is_fifo())?;
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        OpenOptions::new().write(true).custom_flags(nonblocking).open(path).ok()
    }
}

fn number_of(path: &Path) -> Option<RawFd> {
    let own: Vec<PathBuf> = FOLDERS.iter().filter_map(|folder| std::fs::canonicalize(folder).ok()).collect();
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = std::fs::canonicalize(folder).ok()?;
        if own.contains(&folder) {
            return path.file_name()?.to_str()?.parse().ok().filter(|number| *number >= 0);
        }
        path = folder.join(std::fs::read_link(&path).ok()?);
    }
    None
}

/// A copy of a descriptor that was open when the program started: all that were opened since are
/// closed on exec.
fn inherited(number: RawFd) -> io::Result<Option<File>> {
    // SAFETY: the number is not negative. A number that is not open makes the first call fail, and
    // nothing is done with it then; the descriptors that a program inherits are closed by no one
    // but itself, and rcache closes none of them.
    #[expect(unsafe_code, reason = "the standard library has no safe way to a descriptor by its number")]
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    match rustix::io::fcntl_getfd(descriptor) {
        Ok(flags) if !flags.contains(FdFlags::CLOEXEC) => {
            descriptor.try_clone_to_owned().map(|file| Some(File::from(file)))
        }
        _ => Ok(None),
    }
}
