//! Makes a data directory, once: under a name of its own, renamed when it is complete, so that a
//! crash in the middle leaves nothing that looks finished.
//!
//! MariaDB's directory is made the way `mariadb-install-db` does it, by feeding the server's own
//! SQL files to `mariadbd --bootstrap`, and not through that script: it insists on programs that
//! Debian keeps in the clients' package, as root it takes PAM's helper away from the system's
//! server, and it takes twice as long.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::child::{Life, Server, Spawn};
use super::folder::{Folder, explain, make_private_folder, private_file};
use super::launch::died;
use super::mysql::{is_root, path_option};
use super::programs::{Flavor, Program};
use crate::interrupt;

const POLL: Duration = Duration::from_millis(5);
const DEADLINE: Duration = Duration::from_secs(300);
/// MariaDB takes 115-215 MB, MySQL 125-250 MB.
const ROOM_TO_INITIALISE: u64 = 300_000_000;
/// Temporary tables and undo logs.
const ROOM_TO_START: u64 = 50_000_000;
/// The folders of the SQL files if no setting names one, relative to the folder above the
/// program's.
const SHARE_FOLDERS: [&str; 3] = ["share/mysql", "share/mariadb", "share"];

/// The data directory of this program's series, made if there is none.
pub(super) fn data_directory(
    folder: &Folder,
    program: &Program,
    note: &mut dyn FnMut(&str),
) -> anyhow::Result<PathBuf> {
    let path = folder.data().join(program.release.series());
    let draft = path.with_file_name(format!("{}.new", program.release.series()));
    if draft.exists() {
        note("a data directory was left unfinished; making it anew");
        std::fs::remove_dir_all(&draft).map_err(|error| explain(&error, "delete", &draft))?;
    }
    if path.exists() {
        folder.check_room(ROOM_TO_START)?;
        return Ok(path);
    }
    folder.check_room(ROOM_TO_INITIALISE)?;
    note(&format!("initialising {} (once) ...", program.release));
    let made = initialise(folder, program, &draft)
        .and_then(|()| std::fs::rename(&draft, &path).map_err(|error| explain(&error, "rename", &draft)));
    if made.is_err() {
        // What is unfinished is of no use to anybody, and a full disk wants it gone.
        let _ = std::fs::remove_dir_all(&draft);
    }
    made.map(|()| path)
}

fn initialise(folder: &Folder, program: &Program, data: &Path) -> anyhow::Result<()> {
    let (log, file) = folder.new_log("initialise")?;
    let mut args = common_options(data, &folder.scratch());
    let mut stdin = Stdio::null();
    if program.release.flavor == Flavor::MariaDB {
        // MySQL makes its directory itself.
        make_private_folder(data)?;
        args.extend(
            ["--bootstrap", "--log-warnings=0", "--enforce-storage-engine=", "--loose-debug-no-sync"]
                .map(OsString::from),
        );
        args.extend(["--max-allowed-packet=8M", "--net-buffer-length=16K"].map(OsString::from));
        stdin = bootstrap_sql(program, &folder.run().join("bootstrap.sql"))?.into();
    } else {
        args.extend(
            ["--initialize-insecure", "--innodb-doublewrite=OFF", "--loose-auto-generate-certs=OFF"]
                .map(OsString::from),
        );
    }
    let mut server = Server::spawn(Spawn {
        program: &program.path,
        args,
        stdin,
        log: file,
        birth: &folder.birth("initialise"),
        life: Life::WithUs,
    })
    .map_err(|error| explain(&error, "run", &program.path))?;
    let status = wait(&mut server)?;
    if !status.success() {
        bail!(died(&format!("{} (initialising its data)", program.release), &status.to_string(), &log, &[]));
    }
    Ok(())
}

/// Options that make it quick: if the machine fails meanwhile the directory is thrown away anyway,
/// so nothing is flushed.
fn common_options(data: &Path, scratch: &Path) -> Vec<OsString> {
    let mut options: Vec<OsString> = vec!["--no-defaults".into()];
    if is_root() {
        options.push("--user=root".into());
    }
    options.extend([path_option("datadir", data), path_option("tmpdir", scratch)]);
    let fixed = [
        "--loose-innodb-flush-method=nosync",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        "--innodb-buffer-pool-dump-at-shutdown=OFF",
        "--skip-log-bin",
        "--performance-schema=OFF",
    ];
    options.extend(fixed.map(OsString::from));
    options
}

fn wait(server: &mut Server) -> anyhow::Result<ExitStatus> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        interrupt::check()?;
        if let Some(status) = server.exit_status()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            bail!(
                "the data directory is not finished after {} s; is the disk very slow?",
                DEADLINE.as_secs()
            );
        }
        std::thread::sleep(POLL);
    }
}

/// The system tables and what must stand in them, from the server's own files. Help texts, geometry
/// procedures and the sys schema stay out: nobody needs them here.
fn bootstrap_sql(program: &Program, path: &Path) -> anyhow::Result<File> {
    let share = share_folder(program)?;
    let read = |stem: &str| -> anyhow::Result<String> {
        let file =
            sql_file(&share, stem).with_context(|| format!("no file for {stem} in {}", share.display()))?;
        let bytes = std::fs::read(&file).map_err(|error| explain(&error, "read", &file))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let sql = compose(&read("system_tables")?, &read("system_tables_data")?);
    private_file(path)
        .and_then(|mut file| file.write_all(sql.as_bytes()))
        .and_then(|()| File::open(path))
        .map_err(|error| explain(&error, "write", path))
}

fn compose(tables: &str, data: &str) -> String {
    let head = "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n";
    // Accounts at this machine's name are of no use where only loopback listens.
    let data = data.lines().filter(|line| !line.contains("@current_hostname"));
    data.fold(format!("{head}{tables}\n"), |mut sql, line| {
        sql.push_str(line);
        sql.push('\n');
        sql
    })
}

fn share_folder(program: &Program) -> anyhow::Result<PathBuf> {
    let output = Command::new(&program.path)
        .args(["--no-defaults", "--verbose", "--help"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| explain(&error, "run", &program.path))?;
    let told = told_share_folder(&String::from_utf8_lossy(&output.stdout));
    let real = program.path.canonicalize().unwrap_or_else(|_| program.path.clone());
    let above = real.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let guesses = SHARE_FOLDERS.iter().map(|folder| above.join(folder));
    let candidates: Vec<PathBuf> = told.into_iter().chain(guesses).collect();
    match candidates.iter().find(|folder| sql_file(folder, "system_tables").is_some()) {
        Some(folder) => Ok(folder.clone()),
        None => bail!(
            "{} is installed without the SQL files that make its system tables (looked in {}). \
             Install its package again, or another one (apt install mariadb-server-core)",
            program.path.display(),
            candidates.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The settings at the end of `--verbose --help` name a folder within the one that is wanted.
fn told_share_folder(help: &str) -> Option<PathBuf> {
    let line = help.lines().find(|line| line.starts_with("character-sets-dir "))?;
    let path = Path::new(line.strip_prefix("character-sets-dir ")?.trim());
    path.parent().map(Path::to_owned)
}

fn sql_file(share: &Path, stem: &str) -> Option<PathBuf> {
    ["mariadb", "mysql"]
        .iter()
        .map(|prefix| share.join(format!("{prefix}_{stem}.sql")))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_folder_is_read_from_the_settings() {
        let help = "basedir            /usr/\ncharacter-sets-dir          /usr/share/mysql/charsets/\n";
        assert_eq!(told_share_folder(help), Some(PathBuf::from("/usr/share/mysql")));
        assert_eq!(told_share_folder("nothing"), None);
    }

    #[test]
    fn accounts_at_the_machines_name_are_left_out() {
        let sql =
            compose("create table t;", "insert 1;\nreplace into x select @current_hostname;\ninsert 2;");
        assert!(sql.ends_with("create table t;\ninsert 1;\ninsert 2;\n"), "{sql}");
    }
}
