//! The place where the run is saved: through a descriptor of the shell, in place, beside, or
//! elsewhere; never over files of others.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::{self, Place};

crate::tests![
    a_redirect_keeps_what_is_there,
    a_dash_is_stdout_and_the_page_goes_to_stderr,
    the_document_goes_to_stdout_once,
    a_pipe_that_is_read_gets_the_run,
    what_cannot_be_saved_there_is_saved_elsewhere,
    a_mounted_file_is_written_in_place,
    a_path_of_any_bytes_is_a_path,
    several_files_do_not_go_to_stdout,
    no_file_that_is_read_or_saved_is_replaced,
];

const BENCH: [&str; 7] = ["bench", "-n", "3", "-w", "point", "--path", "mysql"];

/// The program as `$RCACHE` within a script, with the place's servers in the environment.
fn script(place: &Place, folder: &Path, text: &str) -> Output {
    let mut program = place.command(&[]);
    program.env("RCACHE_MYSQL_URL", place.mysql_url()).env("RCACHE_REDIS_URL", world::world().redis_url());
    let mut shell = Command::new("bash");
    shell.args(["-c", text]).current_dir(folder);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("RCACHE", env!("CARGO_BIN_EXE_rcache")).env("BENCH", BENCH.join(" "));
    shell.output().unwrap()
}

#[track_caller]
fn is_a_run(text: &str) {
    let run: serde_json::Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"));
    assert_eq!(run["format"], "rcache-run");
}

fn a_redirect_keeps_what_is_there() {
    let place = Place::seeded(100);
    for text in [
        "echo before > log; $RCACHE $BENCH --output /dev/stdout >> log; echo after >> log",
        "{ echo before; $RCACHE $BENCH --output /dev/stdout; echo after; } > log",
        "{ echo before; $RCACHE $BENCH --output /proc/self/fd/1; echo after; } > log",
        "ln -s /dev/stdout link; { echo before; $RCACHE $BENCH --output link; echo after; } > log",
        "exec 3> log; echo before >&3; $RCACHE $BENCH --output /dev/fd/3; echo after >&3",
        "echo before > log; $RCACHE $BENCH --quiet --output /dev/stderr 2>> log; echo after >> log",
        "{ echo before; $RCACHE $BENCH --output -; echo after; } > log",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = script(&place, folder.path(), text);
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        let run = log.strip_prefix("before\n").and_then(|rest| rest.strip_suffix("after\n"));
        is_a_run(run.unwrap_or_else(|| panic!("{text}:\n{log}")));
    }
}

fn a_dash_is_stdout_and_the_page_goes_to_stderr() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let mut command = place.command(&BENCH);
    let ran = world::ran(command.args(["-o", "-"]).current_dir(folder.path())).fine();
    is_a_run(&ran.stdout);
    assert!(ran.stderr.contains("point"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file of this name");
}

fn the_document_goes_to_stdout_once() {
    let place = Place::new();
    for path in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let ran = world::ran(place.command(&BENCH).args(["--format", "json", "--output", path]));
        ran.failed(2, &["--format json", "--output"]);
    }
}

fn a_pipe_that_is_read_gets_the_run() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let text = "mkfifo pipe; cat pipe > got & sleep 0.2; $RCACHE $BENCH --quiet -o pipe; wait; test -p pipe";
    let output = script(&place, folder.path(), text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    is_a_run(&std::fs::read_to_string(folder.path().join("got")).unwrap());
}

fn what_cannot_be_saved_there_is_saved_elsewhere() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let mut command = place.command(&BENCH);
    let ran = world::ran(command.args(["--output", "/dev/full"]).env("TMPDIR", folder.path()));
    let ran = ran.failed(1, &["/dev/full", "No space left", "saved in its place"]);
    assert!(ran.stdout.contains("point"), "the page is printed all the same");
    let saved = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert!(ran.stderr.contains(saved.to_str().unwrap()), "{}", ran.stderr);
    is_a_run(&std::fs::read_to_string(saved).unwrap());
}

fn a_mounted_file_is_written_in_place() {
    if !Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success()) {
        world::skipped("this account may not mount anything");
        return;
    }
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("inner"), "old").unwrap();
    std::fs::write(folder.path().join("outer"), "untouched").unwrap();
    let text = "unshare -m bash -c 'mount --bind inner outer && $RCACHE $BENCH -o outer'";
    let output = script(&place, folder.path(), text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    is_a_run(&std::fs::read_to_string(folder.path().join("inner")).unwrap());
    assert_eq!(std::fs::read_to_string(folder.path().join("outer")).unwrap(), "untouched");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
}

fn a_path_of_any_bytes_is_a_path() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"r\xffn .json"));
    world::ran(place.command(&BENCH).arg("--output").arg(&path)).fine();
    is_a_run(&std::fs::read_to_string(&path).unwrap());
    let histograms = folder.path().join(std::ffi::OsStr::from_bytes(b"h\xff"));
    world::ran(place.command(&BENCH).arg("--hgrm").arg(&histograms)).fine();
    assert!(histograms.join("rcache.hlog").exists());
}

fn several_files_do_not_go_to_stdout() {
    let place = Place::new();
    world::ran(place.command(&BENCH).args(["--hgrm", "-"])).failed(1, &["--hgrm", "stdout"]);
}

fn no_file_that_is_read_or_saved_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runs/format-1.json");
    let text = std::fs::read_to_string(run).unwrap();
    for name in ["one.json", "other.json"] {
        std::fs::write(folder.path().join(name), &text).unwrap();
    }
    std::os::unix::fs::symlink("one.json", folder.path().join("link.json")).unwrap();
    std::fs::write(folder.path().join("trace.csv"), "0,a\n1,b\n").unwrap();
    std::fs::write(folder.path().join("query.sql"), "SELECT 1").unwrap();
    for arguments in [
        &["report", "one.json", "--html", "one.json"][..],
        &["report", "other.json", "one.json", "--html", "./link.json"],
        &["merge", "one.json", "other.json", "--output", "other.json"],
        &["traffic", "--trace", "trace.csv", "--output", "trace.csv"],
        &["traffic", "--query-file", "query.sql", "--output", "query.sql"],
        &["bench", "--query-file", "query.sql", "--html", "query.sql"],
        &["bench", "--output", "new.html", "--html", "./new.html"],
    ] {
        let mut command = world::rcache();
        let ran = world::ran(command.args(arguments).current_dir(folder.path())).ended(2);
        let is_named = ["would replace", "the same file"].iter().any(|words| ran.stderr.contains(words));
        assert!(is_named, "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("one.json")).unwrap(), text);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing was made");
}
