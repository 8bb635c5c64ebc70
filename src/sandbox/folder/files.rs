//! Private files and folders, and errors that name the next step.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::endpoint::tls_files::plain_io;
use crate::interrupt::unfinished;
use crate::{advice, plain_text};

pub(in crate::sandbox) fn make_private_folder(path: &Path) -> anyhow::Result<()> {
    let make = || {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if std::fs::metadata(path)?.permissions().mode() & 0o777 != 0o700 {
            std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        Ok(())
    };
    make().map_err(|error| explain(&error, "create", path))
}

/// A new, empty file that only its owner can read.
pub(in crate::sandbox) fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // An older file keeps its mode when it is opened.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Writes a private file in one step: a reader sees the old one or the new one, never half of it.
pub(in crate::sandbox) fn write_private(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = path.with_file_name(name);
    let write = || {
        private_file(&draft)?.write_all(contents)?;
        std::fs::rename(&draft, path)
    };
    unfinished::undivided(write).map_err(|error| {
        let _ = std::fs::remove_file(&draft);
        explain(&error, "write", path)
    })
}

pub(in crate::sandbox) fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(explain(&error, "delete", path)),
        _ => Ok(()),
    }
}

/// The folders on the way there that do not exist, the innermost first.
pub(super) fn missing_above(dir: &Path) -> Vec<PathBuf> {
    let all = dir.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    all.take_while(|folder| folder.symlink_metadata().is_err()).map(Path::to_owned).collect()
}

/// A folder that cannot be made cannot be damaged either.
pub(super) fn cannot_make(error: &io::Error, dir: &Path) -> anyhow::Error {
    let reason = match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => return explain(error, "create the sandbox folder", dir),
        io::ErrorKind::InvalidFilename => "Its name is too long",
        _ => "No folder can be made under this name",
    };
    anyhow::anyhow!(
        "cannot create the sandbox folder {}: {}. {reason}; name another with --sandbox-dir",
        plain_text::path(dir),
        plain_io(error)
    )
}

/// The action, its object, the answer, and the next step.
pub(in crate::sandbox) fn explain(error: &io::Error, tried: &str, path: &Path) -> anyhow::Error {
    let damaged;
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "You may not write there; name a folder of your own with --sandbox-dir"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "The disk is read-only; name a folder on another one with --sandbox-dir"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Make room (the servers need about 300 MiB), or name a folder on another disk with --sandbox-dir"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "A file of that name exists; name another folder with --sandbox-dir"
        }
        _ => {
            damaged = format!(
                "If it is damaged, `{}` deletes it; another folder can be named with --sandbox-dir",
                advice::command("sandbox destroy")
            );
            &damaged
        }
    };
    anyhow::anyhow!("cannot {tried} {}: {error}. {remedy}", path.display())
}
