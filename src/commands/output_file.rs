//! A document on its way to a file: what would fail is found out before the run, nothing of others
//! is lost, and what cannot be saved where it should is saved elsewhere.

mod descriptor;
mod patient;
mod place;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use self::descriptor::Descriptor;
use self::place::Place;
use crate::interrupt::unfinished;
use crate::plain_text;

/// A place for a document that is known to be writable.
pub(super) struct OutputFile {
    /// The path as it was named.
    path: PathBuf,
    target: Target,
}

enum Target {
    /// A descriptor that the shell opened: written through, never opened anew, so that an appending
    /// redirect appends.
    Descriptor(Descriptor),
    /// A new file beside the path, made when there is something to write, which takes its place
    /// when it is complete.
    Beside { place: Place },
    /// Written in place: a device or a named pipe, and a file that no other can replace without a
    /// loss.
    Itself { place: Place, file: File },
}

/// The place where a document ended up.
#[derive(Debug)]
pub(super) enum Saved {
    /// The wanted place.
    There,
    /// In another file, and why.
    Elsewhere { path: PathBuf, reason: anyhow::Error },
}

impl OutputFile {
    /// Makes sure that the path can be written, and changes nothing there yet. `-` is stdout.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let target = target(path).with_context(|| format!("cannot write to {}", plain_text::path(path)))?;
        Ok(Self { path: path.to_owned(), target })
    }

    /// Whether the document goes where the page would.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(&self.target, Target::Descriptor(descriptor) if descriptor.is_stdout())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether saving both would lose one of them.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        self.place().zip(other.place()).is_some_and(|(own, other)| own.is_same_file(other))
    }

    /// Whether saving would replace the file at this path.
    pub(super) fn replaces(&self, path: &Path) -> bool {
        let there = path.exists().then(|| Place::look(path).ok()).flatten();
        self.place().zip(there.as_ref()).is_some_and(|(own, there)| own.is_same_file(there))
    }

    fn place(&self) -> Option<&Place> {
        match &self.target {
            Target::Beside { place } | Target::Itself { place, .. } => Some(place),
            Target::Descriptor(_) => None,
        }
    }

    /// Writes the document and puts it in its place, or saves it elsewhere.
    ///
    /// # Errors
    /// If it could be saved nowhere.
    pub(super) fn save(self, document: &str) -> anyhow::Result<Saved> {
        let Err(reason) = self.put(document) else { return Ok(Saved::There) };
        match elsewhere(document) {
            Some(path) => Ok(Saved::Elsewhere { path, reason }),
            None => Err(reason.context("what was measured could be saved nowhere")),
        }
    }

    /// Like [`OutputFile::save`], there or not at all.
    pub(super) fn put(self, document: &str) -> anyhow::Result<()> {
        write(self.target, document.as_bytes())
            .with_context(|| format!("cannot write to {}", plain_text::path(&self.path)))
    }
}

fn target(path: &Path) -> anyhow::Result<Target> {
    if path == Path::new("-") {
        return Ok(Target::Descriptor(Descriptor::stdout()?));
    }
    if let Some(descriptor) = Descriptor::named_by(path)? {
        return Ok(Target::Descriptor(descriptor));
    }
    let place = Place::look(path)?;
    if !place.may_be_replaced() {
        let file = place.open()?;
        return Ok(Target::Itself { place, file });
    }
    // Has no name, so that nothing is left of it whatever ends the run.
    match tempfile::tempfile_in(place.folder()) {
        Ok(_) => Ok(Target::Beside { place }),
        // A file that may be written in a folder that may not.
        Err(error) => match place.open() {
            Ok(file) if place.exists() => Ok(Target::Itself { place, file }),
            _ => Err(error.into()),
        },
    }
}

/// In the same folder, so that putting it in place is one step; with the permissions of the file
/// that it replaces, or those of a file made in the ordinary way.
fn beside(place: &Place) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rcache-").permissions(std::fs::Permissions::from_mode(0o666));
    let file = builder.tempfile_in(place.folder())?;
    if let Some(permissions) = place.permissions() {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

fn write(target: Target, document: &[u8]) -> io::Result<()> {
    match target {
        Target::Descriptor(mut descriptor) => descriptor.write(document),
        Target::Itself { place, mut file } => overwrite(&place, &mut file, document),
        Target::Beside { place } => {
            let (mut file, _unfinished) = unfinished::make(|| beside(&place))?;
            file.write_all(document)?;
            file.as_file().sync_all()?;
            match file.persist(place.path()) {
                Ok(_) => Ok(()),
                // A file that is mounted there, or belongs to another in a folder such as /tmp.
                Err(_) if place.exists() => overwrite(&place, &mut place.open()?, document),
                Err(error) => Err(error.error),
            }
        }
    }
}

fn overwrite(place: &Place, file: &mut File, document: &[u8]) -> io::Result<()> {
    if !place.is_regular() {
        return patient::write(file, document);
    }
    // What was there is gone, so that a second signal waits until the new text is there.
    unfinished::undivided(|| file.set_len(0).and_then(|()| file.write_all(document)))?;
    file.sync_all()
}

/// A new file in the first of the usual folders that takes one.
fn elsewhere(document: &str) -> Option<PathBuf> {
    let suffix = if document.starts_with('<') { ".html" } else { ".json" };
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let folders = [Some(std::env::temp_dir()), std::env::current_dir().ok(), home];
    folders.into_iter().flatten().find_map(|folder| {
        let mut builder = tempfile::Builder::new();
        builder.prefix("rcache-run-").suffix(suffix);
        let (mut file, unfinished) = unfinished::make(|| builder.tempfile_in(folder)).ok()?;
        file.write_all(document.as_bytes()).ok()?;
        file.as_file().sync_all().ok()?;
        // It is whole, and no signal may remove it any more.
        drop(unfinished);
        file.keep().ok().map(|(_, path)| path)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn folder_and(name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        (folder, path)
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    fn save(path: &Path, text: &str) {
        assert!(matches!(OutputFile::create(path).unwrap().save(text).unwrap(), Saved::There));
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_when_it_is_saved() {
        let (folder, path) = folder_and("run.json");
        std::fs::write(&path, "old, and longer than the new one").unwrap();
        let output = OutputFile::create(&path).unwrap();
        assert!(read(&path).starts_with("old"));
        output.save("new").unwrap();
        assert_eq!(read(&path), "new");
        drop(OutputFile::create(&path).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn one_file_under_two_names_is_recognised() {
        let (folder, file) = folder_and("run.json");
        let (link, absent) = (folder.path().join("link.json"), folder.path().join("absent.json"));
        std::fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        let output = |path: &Path| OutputFile::create(path).unwrap();
        assert!(output(&link).replaces(&file) && output(&file).replaces(&link));
        assert!(output(&link).is_same_file(&output(&file)));
        assert!(!output(&absent).replaces(&file) && !output(&file).replaces(&absent));
        let again = folder.path().join(".").join("absent.json");
        assert!(output(&absent).is_same_file(&output(&again)));
        assert!(!output(&absent).is_same_file(&output(&file)));
        let null = Path::new("/dev/null");
        assert!(!output(null).is_same_file(&output(null)) && !output(null).replaces(null));
    }

    #[test]
    fn permissions_are_kept() {
        let (_folder, path) = folder_and("run.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        save(&path, "new");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn links_stay_and_their_targets_change() {
        let (folder, target) = folder_and("target.json");
        let link = folder.path().join("link.json");
        symlink("target.json", &link).unwrap();
        // It points to nothing yet.
        for text in ["first", "second"] {
            save(&link, text);
            assert!(link.symlink_metadata().unwrap().is_symlink());
            assert_eq!(read(&target), text);
        }
        let other_name = folder.path().join("hard.json");
        std::fs::hard_link(&target, &other_name).unwrap();
        save(&other_name, "third");
        assert_eq!(read(&target), "third", "both names are still one file");
        let (round, about) = (folder.path().join("round"), folder.path().join("about"));
        symlink(&round, &about).unwrap();
        symlink(&about, &round).unwrap();
        assert!(OutputFile::create(&round).is_err());
    }

    #[test]
    fn a_device_is_written_and_stays_one() {
        let (_folder, link) = folder_and("null");
        symlink("/dev/null", &link).unwrap();
        save(&link, "text");
        save(Path::new("/dev/null"), "text");
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn what_cannot_be_written_is_found_before_the_run() {
        let (folder, pipe) = folder_and("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (socket, file) = (folder.path().join("socket"), folder.path().join("file"));
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::fs::write(&file, "").unwrap();
        let missing = folder.path().join("missing/run.json");
        let below_a_file = file.join("run.json");
        let slash = PathBuf::from(format!("{}/", folder.path().join("new").display()));
        for (path, word) in [
            (folder.path(), "it is a folder"),
            (&missing, "does not exist"),
            (&below_a_file, "file"),
            (&slash, "names a folder"),
            (&pipe, "nothing reads it"),
            (&socket, "it is a socket"),
            (Path::new(""), "empty"),
            (Path::new("/dev/fd/987"), "/dev/fd/987"),
            (Path::new("/proc/self/fd/x"), "/proc/self/fd/x"),
        ] {
            let error = format!("{:#}", OutputFile::create(path).err().unwrap());
            assert!(error.contains(word), "{}: {error}", path.display());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing was made");
    }

    #[test]
    fn our_own_descriptors_are_no_outputs() {
        let file = tempfile::tempfile().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        assert!(OutputFile::create(Path::new(&format!("/dev/fd/{number}"))).is_err());
    }

    #[test]
    fn what_cannot_be_saved_there_is_saved_elsewhere() {
        // Only Linux has this device.
        let Ok(output) = OutputFile::create(Path::new("/dev/full")) else { return };
        let Saved::Elsewhere { path, reason } = output.save("document").unwrap() else {
            panic!("it is full")
        };
        assert_eq!(read(&path), "document");
        assert!(format!("{reason:#}").contains("/dev/full"), "{reason:#}");
        assert_eq!(path.extension().unwrap(), "json");
        std::fs::remove_file(path).unwrap();
    }
}
