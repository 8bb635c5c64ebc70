//! Finds the server programs of this machine, wherever packages put them, and says what to install
//! where there are none.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// The folders of packages' servers to which a plain user's PATH does not lead, one a line;
/// `scripts/setup-servers` reads them too. Homebrew links keg-only packages (`mysql@8.4`) in its
/// folders `opt` and nowhere else, so there a line has a `*` for the rest of the package's name.
const USUAL_FOLDERS: &str = include_str!("../../scripts/server-folders");

/// Who wrote the server: option names and the making of a data directory depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Flavor {
    MariaDB,
    MySQL,
    Redis,
    Valkey,
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MariaDB => "MariaDB",
            Self::MySQL => "MySQL",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

/// A flavour and its version, as `--version` tells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Release {
    pub(super) flavor: Flavor,
    /// In full, for people: `10.11.19`.
    pub(super) version: String,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flavor, self.version)
    }
}

impl Release {
    /// `mariadb-10.11`: servers of one series can open each other's data directories.
    pub(super) fn series(&self) -> String {
        let series: Vec<&str> = self.version.split('.').take(2).collect();
        format!("{}-{}", self.flavor, series.join(".")).to_lowercase()
    }
}

/// A server program that can be run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    // As found, links unresolved: Debian's redis-server is a link to a program that looks at the
    // name it was called by.
    pub(super) path: PathBuf,
    pub(super) release: Release,
}

/// The programs of one kind, and the advice if they are missing.
pub(super) struct Family {
    names: &'static [&'static str],
    title: &'static str,
    remedy: &'static str,
}

pub(super) const MYSQL: Family = Family {
    names: &["mariadbd", "mysqld"],
    title: "MariaDB or MySQL server",
    remedy: "Install one (Debian, Ubuntu: apt install mariadb-server-core; Fedora: dnf install mariadb-server; \
             Homebrew: brew install mariadb), or name a running server with --mysql-url",
};

pub(super) const REDIS: Family = Family {
    names: &["redis-server", "valkey-server"],
    title: "Redis or Valkey server",
    remedy: "Install one (Debian, Ubuntu: scripts/setup-servers, or apt install redis-server, which also starts a service; Fedora: dnf install valkey; \
             Homebrew: brew install redis), or name a running server with --redis-url",
};

/// Finds the family's first program on PATH and then in the usual folders.
pub(super) fn find(family: &Family) -> anyhow::Result<Program> {
    let folders = search_folders(std::env::var_os("PATH").as_deref());
    let path = find_in(&folders, family.names).with_context(|| missing(family))?;
    let release = ask_version(&path)?;
    Ok(Program { path, release })
}

fn missing(family: &Family) -> String {
    format!(
        "no {} program is installed (looked for {} on PATH, in {} and in Homebrew's folders). {}",
        family.title,
        family.names.join(", "),
        USUAL_FOLDERS.lines().take(6).collect::<Vec<_>>().join(", "),
        family.remedy
    )
}

fn search_folders(path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    // An empty or relative entry of PATH means the working directory, where nobody meant to keep
    // servers.
    folders.retain(|folder| folder.is_absolute());
    folders.extend(USUAL_FOLDERS.lines().flat_map(expand));
    folders
}

/// The folders that a line stands for.
fn expand(line: &str) -> Vec<PathBuf> {
    let Some((before, after)) = line.split_once('*') else { return vec![line.into()] };
    let (folder, prefix) = before.rsplit_once('/').unwrap_or_default();
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)))
        .map(|entry| entry.path().join(after.trim_start_matches('/')))
        .collect();
    found.sort();
    found
}

fn find_in(folders: &[PathBuf], names: &[&str]) -> Option<PathBuf> {
    folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn ask_version(path: &Path) -> anyhow::Result<Release> {
    let mut command = Command::new(path);
    if !is_redis(path) {
        command.arg("--no-defaults");
    }
    let output = command
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", path.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match parse_version(&said) {
        Some(release) => Ok(release),
        None => bail!(
            "{} --version ({}) does not tell its version: {:?} {:?}",
            path.display(),
            output.status,
            said.trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

fn is_redis(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| REDIS.names.contains(&name))
}

/// Reads `mariadbd  Ver 10.11.19-MariaDB-… for …`, `mysqld  Ver 9.7.4 for …`, `Redis server
/// v=7.0.15 sha=…`.
fn parse_version(text: &str) -> Option<Release> {
    let word = text.split("Ver ").nth(1).or_else(|| text.split(" v=").nth(1))?.split_whitespace().next()?;
    let flavor = if text.contains(" v=") {
        if text.to_lowercase().starts_with("valkey") { Flavor::Valkey } else { Flavor::Redis }
    } else if text.contains("MariaDB") {
        Flavor::MariaDB
    } else {
        Flavor::MySQL
    };
    let version = word.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.trim_matches('.');
    version.contains('.').then(|| Release { flavor, version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_flavour() {
        for (said, shown, series) in [
            (
                "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)",
                "MariaDB 10.11.19",
                "mariadb-10.11",
            ),
            ("/usr/sbin/mysqld  Ver 11.8.6-MariaDB for Linux on aarch64", "MariaDB 11.8.6", "mariadb-11.8"),
            (
                "mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))",
                "MySQL 8.0.36",
                "mysql-8.0",
            ),
            (
                "/x/mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server - GPL)",
                "MySQL 9.7.4",
                "mysql-9.7",
            ),
            (
                "mysqld  Ver 8.4.5-5 for Linux on x86_64 (Percona Server (GPL), Release 5)",
                "MySQL 8.4.5",
                "mysql-8.4",
            ),
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d",
                "Redis 7.0.15",
                "redis-7.0",
            ),
            (
                "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64",
                "Valkey 8.1.1",
                "valkey-8.1",
            ),
        ] {
            let release = parse_version(said).unwrap();
            assert_eq!((release.to_string().as_str(), release.series().as_str()), (shown, series));
        }
        for nonsense in ["", "Ver", "mysqld Ver", "mysqld  Ver x.y for Linux", "Redis server v= sha", "hello"]
        {
            assert_eq!(parse_version(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_first_folder_wins_and_a_file_that_cannot_run_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let [one, two, three] = ["one", "two", "three"].map(|name| root.path().join(name));
        for (folder, name, mode) in
            [(&one, "mariadbd", 0o644), (&two, "mysqld", 0o755), (&three, "mariadbd", 0o755)]
        {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join(name), "").unwrap();
            std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(find_in(&[one.clone(), two.clone(), three], MYSQL.names), Some(two.join("mysqld")));
        assert_eq!(find_in(&[one], MYSQL.names), None);
    }

    #[test]
    fn kegs_are_searched_and_relative_entries_of_path_are_not() {
        let root = tempfile::tempdir().unwrap();
        for name in ["mysql@8.4", "wget", "redis"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let folders = expand(&format!("{}/mysql*/bin", root.path().display()));
        assert_eq!(folders, [root.path().join("mysql@8.4/bin")]);
        let folders = search_folders(Some(OsStr::new(":bin:/x")));
        assert_eq!(folders[0], Path::new("/x"));
        assert!(folders.contains(&PathBuf::from("/usr/sbin")));
    }

    #[test]
    fn what_is_missing_comes_with_the_packages_to_install() {
        let text = missing(&MYSQL);
        assert!(text.contains("apt install mariadb-server-core") && text.contains("--mysql-url"), "{text}");
        assert!(missing(&REDIS).contains("scripts/setup-servers"));
    }
}
