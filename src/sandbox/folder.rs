//! The sandbox's folder: what lies where, and that it is ours, private and fit for servers before
//! anything is put there.

mod files;

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use self::files::{cannot_make, missing_above};
pub(super) use self::files::{explain, make_private_folder, private_file, remove_if_there, write_private};
use crate::model::UsageError;
use crate::units;

/// The folder of the sandbox, below the user's state folder.
pub(crate) const BELOW_STATE: &str = "rcache/sandbox";

const MARKER: &str = "rcache-sandbox";
const MARKER_TEXT: &str =
    "rcache keeps private servers in this folder. `rcache sandbox destroy` deletes it.\n";
/// A unix socket's path must fit into 104 bytes (108 on Linux), and servers put `.lock` files
/// beside it.
const SOCKET_PATH_MAX: usize = 98;
const SOCKET_NAME_MAX: usize = "/cluster-1.sock".len();

/// A folder that rcache made, mode 0700.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// `rcache/sandbox` in the user's state folder.
pub(crate) fn default_dir() -> anyhow::Result<PathBuf> {
    use etcetera::BaseStrategy;

    let base = etcetera::base_strategy::Xdg::new()
        .context("cannot tell where your home folder is; name a folder with --sandbox-dir")?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok(state.join(BELOW_STATE))
}

impl Folder {
    /// Makes the folder, or makes sure that the one that is there is rcache's and ours.
    pub(super) fn create(dir: &Path) -> anyhow::Result<Self> {
        let missing = missing_above(dir);
        let made = Self::make(dir);
        if made.is_err() {
            // What is refused leaves nothing behind; a folder that another command has filled by
            // now stays.
            for folder in missing {
                let _ = std::fs::remove_dir(folder);
            }
        }
        made
    }

    fn make(dir: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| cannot_make(&error, dir))?;
        let root = usable_path(dir)?;
        check_owner(&root)?;
        // In this order: a rival that is just making the folder writes its marker first.
        let is_empty = std::fs::read_dir(&root)
            .map_err(|error| explain(&error, "read the sandbox folder", &root))?
            .next()
            .is_none();
        if !is_empty && !root.join(MARKER).exists() {
            bail!(UsageError(format!(
                "{} is not empty and was not made by rcache, so nothing is put there. \
                 Name an empty or a new folder with --sandbox-dir",
                root.display()
            )));
        }
        let folder = Self { root };
        folder.claim()?;
        Ok(folder)
    }

    /// The folder that is there; none where there is nothing (or an empty folder).
    pub(super) fn existing(dir: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(explain(&error, "read the sandbox folder", dir)),
            Ok(mut entries) => {
                if entries.next().is_none() {
                    return Ok(None);
                }
            }
        }
        let root = usable_path(dir)?;
        check_owner(&root)?;
        if !root.join(MARKER).exists() {
            bail!(UsageError(format!(
                "{} was not made by rcache, so it is left alone. Is --sandbox-dir right?",
                root.display()
            )));
        }
        Ok(Some(Self { root }))
    }

    /// The root and its marker alone: this much may be done without the lock.
    fn claim(&self) -> anyhow::Result<()> {
        make_private_folder(&self.root)?;
        let marker = self.root.join(MARKER);
        if !marker.exists() {
            private_file(&marker)
                .and_then(|mut file| file.write_all(MARKER_TEXT.as_bytes()))
                .map_err(|error| explain(&error, "write", &marker))?;
        }
        Ok(())
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn holder(&self) -> PathBuf {
        self.root.join("holder.json")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    pub(super) fn mysql_login(&self) -> PathBuf {
        self.root.join("client.cnf")
    }

    pub(super) fn redis_login(&self) -> PathBuf {
        self.root.join("redis.password")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The folder of the files of one start: sockets, birth records, the accounts' SQL.
    pub(super) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Temporary tables, and the working directory of Redis.
    pub(super) fn scratch(&self) -> PathBuf {
        self.root.join("run").join("tmp")
    }

    /// The one folder that LOAD DATA INFILE and SELECT INTO OUTFILE may touch on the server's side.
    pub(super) fn load_files(&self) -> PathBuf {
        self.root.join("run").join("files")
    }

    /// A new log for a server; the one before it stays as `.old`.
    pub(super) fn new_log(&self, role: &str) -> anyhow::Result<(PathBuf, File)> {
        let path = self.logs().join(format!("{role}.log"));
        let _ = std::fs::rename(&path, path.with_extension("log.old"));
        let file = private_file(&path).map_err(|error| explain(&error, "create", &path))?;
        Ok((path, file))
    }

    pub(super) fn birth(&self, role: &str) -> PathBuf {
        self.run().join(format!("{role}.birth"))
    }

    /// The birth records of servers that nobody cleared away.
    pub(super) fn births(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.run()) else { return Vec::new() };
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "birth"));
        found.sort();
        found
    }

    /// A folder whose path is short enough for sockets: `run`, or if that is too deep one
    /// elsewhere, which all servers of this start share.
    pub(super) fn make_socket_folder(&self) -> anyhow::Result<PathBuf> {
        let run = self.run();
        if run.as_os_str().len() + SOCKET_NAME_MAX <= SOCKET_PATH_MAX {
            return Ok(run);
        }
        if let Some(made) = self.socket_folder_elsewhere().filter(|made| made.is_dir()) {
            return Ok(made);
        }
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        for parent in [runtime, Some(std::env::temp_dir()), Some(PathBuf::from("/tmp"))].into_iter().flatten()
        {
            if !parent.is_absolute() || parent.as_os_str().len() + 20 + SOCKET_NAME_MAX > SOCKET_PATH_MAX {
                continue;
            }
            if let Ok(made) = tempfile::Builder::new()
                .prefix("rcache-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(&parent)
            {
                // The record comes first, so that a crash leaves no folder that nobody knows of.
                write_private(&self.sockets_elsewhere(), made.path().as_os_str().as_bytes())?;
                return Ok(made.keep());
            }
        }
        bail!(
            "the path of {} is too long for unix sockets and no folder for temporary files is writable; \
             name a shorter one with --sandbox-dir",
            self.root.display()
        )
    }

    /// Refuses to begin on a disk where servers would only get stuck: MariaDB waits for ever for
    /// room.
    pub(super) fn check_room(&self, needed_bytes: u64) -> anyhow::Result<()> {
        // A file system that cannot tell is given the benefit of the doubt.
        let Ok(disk) = rustix::fs::statvfs(&self.root) else { return Ok(()) };
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free_bytes < needed_bytes {
            bail!(
                "the disk of {} has {} of free space, and the servers need {} to start. \
                 Make room, or name a folder on another disk with --sandbox-dir",
                self.root.display(),
                units::bytes(free_bytes as f64),
                units::bytes(needed_bytes as f64)
            );
        }
        Ok(())
    }

    fn socket_folder_elsewhere(&self) -> Option<PathBuf> {
        std::fs::read_to_string(self.sockets_elsewhere()).ok().map(PathBuf::from)
    }

    fn sockets_elsewhere(&self) -> PathBuf {
        self.run().join("sockets-elsewhere")
    }

    /// The folders that servers need; for the owner of the lock.
    pub(super) fn make_folders(&self) -> anyhow::Result<()> {
        let folders = [self.data(), self.logs(), self.run(), self.scratch(), self.load_files()];
        folders.iter().try_for_each(|path| make_private_folder(path))
    }

    /// Removes what servers that no longer run left in `run` and elsewhere.
    fn clear_run(&self) -> anyhow::Result<()> {
        if let Some(path) = self.socket_folder_elsewhere() {
            remove_socket_folder(&path);
        }
        let run = self.run();
        match std::fs::remove_dir_all(&run) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(explain(&error, "clear", &run));
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes every trace that servers ran, once they no longer do.
    pub(super) fn forget_servers(&self) -> anyhow::Result<()> {
        for path in [self.state(), self.mysql_login(), self.redis_login()] {
            remove_if_there(&path)?;
        }
        self.clear_run()
    }

    /// Deletes the folder; the marker goes last, so that a deletion that was cut short can be
    /// repeated.
    pub(super) fn delete(self) -> anyhow::Result<()> {
        let entries = std::fs::read_dir(&self.root).map_err(|error| explain(&error, "read", &self.root))?;
        let lock = self.lock();
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_folder = path.symlink_metadata().is_ok_and(|file| file.is_dir());
            // The lock stays until the end, too: a rival must not take a new one while we delete.
            if path.file_name().is_some_and(|name| name == MARKER) || path == lock {
                continue;
            }
            let removed =
                if is_folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(|error| explain(&error, "delete", &path))?;
        }
        remove_if_there(&lock)?;
        remove_if_there(&self.root.join(MARKER))?;
        match std::fs::remove_dir(&self.root) {
            // Somebody is already making a new sandbox there, or it is a mount point.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::ResourceBusy) =>
            {
                Ok(())
            }
            Err(error) => Err(explain(&error, "delete", &self.root)),
            Ok(()) => Ok(()),
        }
    }
}

/// Only what a socket folder of ours holds, and only if it looks like one.
fn remove_socket_folder(path: &Path) {
    let is_ours = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"rcache-"))
        && path
            .symlink_metadata()
            .is_ok_and(|file| file.is_dir() && file.uid() == rustix::process::getuid().as_raw());
    if is_ours {
        for name in ["mysql.sock", "mysql.sock.lock", "redis.sock"] {
            let _ = std::fs::remove_file(path.join(name));
        }
        let _ = std::fs::remove_dir(path);
    }
}

/// Absolute, without links, and of characters that fit into a server's configuration.
fn usable_path(dir: &Path) -> anyhow::Result<PathBuf> {
    let root = dir.canonicalize().map_err(|error| explain(&error, "find", dir))?;
    match root.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(root),
        _ => bail!(UsageError(format!(
            "the path {:?} holds characters that servers do not understand; name another with --sandbox-dir",
            root.display().to_string()
        ))),
    }
}

fn check_owner(root: &Path) -> anyhow::Result<()> {
    let owner = std::fs::metadata(root).map_err(|error| explain(&error, "look at", root))?.uid();
    let us = rustix::process::geteuid().as_raw();
    if owner != us {
        bail!(UsageError(format!(
            "{} belongs to another user (number {owner}; this one has {us}). \
             Name a folder of your own with --sandbox-dir",
            root.display()
        )));
    }
    Ok(())
}
