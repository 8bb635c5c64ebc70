//! The storage between a server's reads and the disk, as the system reports it: settings only say
//! what was asked for.

use std::path::Path;

use crate::model::Storage;

#[cfg(target_os = "linux")]
impl Storage {
    /// The storage of a file that this process has open.
    pub(super) fn of(pid: u32, file: &Path) -> Self {
        /// `linux/magic.h`: tmpfs and ramfs.
        const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
        let file_system = rustix::fs::statfs(file).ok().and_then(|it| u64::try_from(it.f_type).ok());
        if file_system.is_some_and(|magic| IN_MEMORY.contains(&magic)) {
            return Self::Memory;
        }
        match open_flags(pid, file) {
            Some(flags) if flags & rustix::fs::OFlags::DIRECT.bits() != 0 => Self::Direct,
            Some(_) => Self::PageCache,
            None => Self::Unknown,
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Storage {
    pub(super) fn of(_pid: u32, _file: &Path) -> Self {
        Self::Unknown
    }
}

/// The flags with which a process has opened a file; none where it has not, or may not be looked
/// at.
#[cfg(target_os = "linux")]
fn open_flags(pid: u32, file: &Path) -> Option<u32> {
    let process = Path::new("/proc").join(pid.to_string());
    let entries = std::fs::read_dir(process.join("fd")).ok()?;
    let entry =
        entries.flatten().find(|entry| std::fs::read_link(entry.path()).is_ok_and(|path| path == file))?;
    let info = std::fs::read_to_string(process.join("fdinfo").join(entry.file_name())).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(flags.trim(), 8).ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn a_file_is_told_by_how_it_is_open() {
        // Below the sources, which lie on a disk; the folder for temporary files may not.
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = folder.path().canonicalize().unwrap().join("file");
        let buffered = File::create(&path).unwrap();
        let told = || Storage::of(std::process::id(), &path);
        let plain = told();
        assert!(matches!(plain, Storage::PageCache | Storage::Memory), "{plain:?}");
        drop(buffered);
        let flags = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap();
        // Some file systems refuse it; then there is nothing to see.
        if let Ok(_direct) = File::options().read(true).custom_flags(flags).open(&path)
            && plain == Storage::PageCache
        {
            assert_eq!(told(), Storage::Direct);
        }
        assert_eq!(Storage::of(0, &path.with_file_name("missing")), Storage::Unknown);
    }

    #[test]
    fn what_lies_in_memory_comes_from_no_disk() {
        if let Ok(folder) = tempfile::tempdir_in("/dev/shm") {
            let path = folder.path().join("file");
            let _open = File::create(&path).unwrap();
            assert_eq!(Storage::of(std::process::id(), &path), Storage::Memory);
        }
    }
}
