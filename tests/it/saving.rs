//! Signals while files are saved: no file is lost, none is half written under its name, and nothing
//! is left beside it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::signals::wait_until_it_listens;
use crate::world::{self, Place, rcache};

crate::tests![
    a_signal_while_a_file_is_saved_changes_nothing,
    a_signal_beside_a_closed_stdout_loses_no_file,
    a_second_signal_while_a_file_is_saved_leaves_none_half_written,
    a_file_that_is_written_in_place_is_never_half_written,
    a_signal_ends_the_wait_for_a_pipe_that_nothing_reads,
    a_signal_ends_a_command_that_waits_for_its_input,
];

/// A disk that takes its time: `fsync` marks that it began, and waits whatever signals come.
const SLOW: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fsync(int file) {
    struct timespec left = { atoi(getenv("SLOW_SECONDS")), 0 };
    close(open(getenv("SLOW_MARK"), O_CREAT | O_WRONLY, 0600));
    while (nanosleep(&left, &left) == -1) {}
    return (int) syscall(SYS_fsync, file);
}
"#;

struct SlowDisk(tempfile::TempDir);

impl SlowDisk {
    /// None, with a word about it, without a C compiler.
    fn new() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        fs::write(disk.0.path().join("slow.c"), SLOW).unwrap();
        let mut compiler = Command::new("cc");
        compiler.current_dir(disk.0.path()).args(["-shared", "-fPIC", "-o", "slow.so", "slow.c"]);
        match compiler.stdin(Stdio::null()).status() {
            Ok(status) => assert!(status.success(), "the slow disk was not compiled"),
            Err(_) => {
                world::skipped("there is no C compiler");
                return None;
            }
        }
        Some(disk)
    }

    fn mark(&self) -> PathBuf {
        self.0.path().join("mark")
    }

    /// Starts the program in a group of its own, on this disk, and waits until it saves.
    fn start(&self, command: &mut Command, seconds: u32) -> Child {
        let _ = fs::remove_file(self.mark());
        command.env("LD_PRELOAD", self.0.path().join("slow.so")).env("SLOW_MARK", self.mark());
        command.env("SLOW_SECONDS", seconds.to_string()).process_group(0);
        let mut child = world::start(command);
        world::wait_until("it saves", || {
            let has_ended = child.try_wait().unwrap().is_some();
            // Looked at afterwards: one that saved and ended in between has left its mark.
            let saves = self.mark().exists();
            assert!(saves || !has_ended, "it ended before: {}", said(&mut child));
            saves
        });
        child
    }
}

/// The messages of a program that has ended.
fn said(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Sends signals to the program, or to its group.
fn send(child: &Child, names: &[&str], to_group: bool) {
    let target = if to_group { format!("-{}", child.id()) } else { child.id().to_string() };
    let kills: Vec<String> = names.iter().map(|name| format!("kill -s {name} -- {target}")).collect();
    assert!(Command::new("sh").args(["-c", &kills.join("; ")]).status().unwrap().success());
}

/// A command that saves, and the files that are in its folder then.
struct Saver {
    name: &'static str,
    command: Command,
    files: Vec<&'static str>,
}

/// All commands that save, each in a way of its own.
fn savers(place: &Place, folder: &Path) -> Vec<Saver> {
    let file = |name: &str| folder.join(name).display().to_string();
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runs/format-1.json");
    let other = other_run(run, folder.parent().unwrap());
    let of_place = |arguments: &[&str]| place.command(arguments);
    let alone = |arguments: &[&str]| {
        let mut command = rcache();
        command.args(arguments);
        command
    };
    let bench = ["bench", "-n", "3", "-w", "point", "--path", "mysql"];
    let traffic = ["traffic", "--keys", "20", "-c", "2", "--duration", "1", "-s", "mysql"];
    vec![
        Saver {
            name: "bench --output",
            command: of_place(&[&bench[..], &["--output", &file("run.json")]].concat()),
            files: vec!["run.json"],
        },
        Saver {
            name: "bench --html",
            command: of_place(&[&bench[..], &["--html", &file("run.html")]].concat()),
            files: vec!["run.html"],
        },
        Saver {
            name: "bench --hgrm",
            command: of_place(&[&bench[..], &["--hgrm", &file("hgrm")]].concat()),
            files: vec!["hgrm", "hgrm/point.mysql.hgrm", "hgrm/rcache.hlog"],
        },
        Saver {
            name: "demo --html",
            command: of_place(&["demo", "--users", "100", "-n", "3", "--html", &file("demo.html")]),
            files: vec!["demo.html"],
        },
        Saver {
            name: "traffic --output",
            command: of_place(&[&traffic[..], &["--output", &file("traffic.json")]].concat()),
            files: vec!["traffic.json"],
        },
        Saver {
            name: "merge --output",
            command: alone(&["merge", run, &other, "--output", &file("merged.json")]),
            files: vec!["merged.json"],
        },
        Saver {
            name: "report --html",
            command: alone(&["report", run, "--html", &file("report.html")]),
            files: vec!["report.html"],
        },
        Saver {
            name: "report --csv",
            command: alone(&["report", run, "--csv", &file("csv")]),
            files: vec!["csv"],
        },
    ]
}

/// A file with a run that can be merged with the first.
fn other_run(first: &str, folder: &Path) -> String {
    let mut run: Value = serde_json::from_slice(&fs::read(first).unwrap()).unwrap();
    run["config"]["rng_seed"] = serde_json::json!(4_711);
    let path = folder.join("other.json");
    fs::write(&path, run.to_string()).unwrap();
    path.display().to_string()
}

/// The files below a folder, by their paths from there.
fn files_in(folder: &Path) -> Vec<String> {
    fn visit(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.is_dir() {
                visit(root, &path, found);
            }
        }
    }
    let mut found = Vec::new();
    visit(folder, folder, &mut found);
    found.sort();
    found
}

#[track_caller]
fn is_whole(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}: {text}", path.display()),
        Some("html") => assert!(text.trim_end().ends_with("</html>"), "{}", path.display()),
        _ => assert!(path.is_dir() || !text.is_empty(), "{}", path.display()),
    }
}

fn a_signal_while_a_file_is_saved_changes_nothing() {
    let Some(disk) = SlowDisk::new() else { return };
    let place = Place::seeded(100);
    let signals: [(&[&str], bool); 4] =
        [(&["INT"], false), (&["TERM"], true), (&["INT", "INT"], true), (&["TERM", "HUP"], false)];
    for (number, (names, to_group)) in signals.into_iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("folder");
        fs::create_dir(&folder).unwrap();
        // Each command with two of the signals.
        let all = savers(&place, &folder).into_iter().enumerate();
        for (_, Saver { name, mut command, files }) in all.filter(|(index, _)| index % 2 == number % 2) {
            let child = disk.start(&mut command, 1);
            send(&child, names, to_group);
            let ran = world::checked(&child.wait_with_output().unwrap());
            assert_eq!(ran.code, Some(0), "{name}, {names:?}: all was done\n{}", ran.stderr);
            for file in files.iter().filter(|file| file.contains('.')) {
                is_whole(&folder.join(file));
            }
            let there = files_in(&folder);
            assert!(files.iter().all(|file| there.contains(&(*file).to_owned())), "{name}: {there:?}");
            assert!(!there.iter().any(|file| file.contains(".rcache-")), "{name}: {there:?}");
        }
    }
}

fn a_signal_beside_a_closed_stdout_loses_no_file() {
    let Some(disk) = SlowDisk::new() else { return };
    let (place, folder) = (Place::seeded(100), tempfile::tempdir().unwrap());
    let file = folder.path().join("run.json");
    let bench = ["bench", "-n", "3", "-w", "point", "--path", "mysql", "--output", file.to_str().unwrap()];
    for names in [&["INT"][..], &["TERM", "TERM"]] {
        let mut child = disk.start(&mut place.command(&bench), 1);
        drop(child.stdout.take());
        send(&child, names, true);
        let ran = world::checked(&child.wait_with_output().unwrap()).fine();
        assert!(ran.stderr.contains("Saved the run"), "{}", ran.stderr);
        is_whole(&file);
        assert_eq!(files_in(folder.path()), ["run.json"]);
        fs::remove_file(&file).unwrap();
    }
}

/// Sends a signal each second until the program has ended: those of the first two seconds count as
/// one.
fn insist(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        send(child, &["INT"], false);
        std::thread::sleep(Duration::from_secs(1));
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no second signal ends it");
    }
}

fn a_second_signal_while_a_file_is_saved_leaves_none_half_written() {
    let Some(disk) = SlowDisk::new() else { return };
    let place = Place::seeded(100);
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    fs::create_dir(&folder).unwrap();
    for Saver { name, mut command, files } in savers(&place, &folder) {
        let old = files.iter().filter(|file| !file.contains('/') && file.contains('.'));
        let old: Vec<PathBuf> = old.map(|file| folder.join(file)).collect();
        // One of the two has a file to lose.
        let has_old = name.len() % 2 == 0;
        if has_old {
            old.iter().for_each(|file| fs::write(file, "old").unwrap());
        }
        let mut child = disk.start(&mut command, 100);
        assert_eq!(insist(&mut child), Some(130), "{name}");
        let there = files_in(&folder);
        if has_old {
            for file in &old {
                assert_eq!(fs::read_to_string(file).unwrap(), "old", "{name}");
                fs::remove_file(file).unwrap();
            }
        }
        assert_eq!(there.len(), if has_old { old.len() } else { 0 }, "{name}: {there:?}");
    }
}

fn a_file_that_is_written_in_place_is_never_half_written() {
    let Some(disk) = SlowDisk::new() else { return };
    let (place, folder) = (Place::seeded(100), tempfile::tempdir().unwrap());
    let (file, other_name) = (folder.path().join("run.json"), folder.path().join("other.json"));
    fs::write(&file, "old".repeat(100_000)).unwrap();
    fs::hard_link(&file, &other_name).unwrap();
    let bench = ["bench", "-n", "3", "-w", "point", "--path", "mysql", "--output", file.to_str().unwrap()];
    let mut child = disk.start(&mut place.command(&bench), 100);
    assert_eq!(insist(&mut child), Some(130));
    is_whole(&file);
    assert_eq!(fs::metadata(&other_name).unwrap().nlink(), 2);
    assert_eq!(files_in(folder.path()), ["other.json", "run.json"]);
}

/// A document that no reader took is saved elsewhere, and the page is printed all the same.
fn a_signal_ends_the_wait_for_a_pipe_that_nothing_reads() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    reader.write_all(&[b'x'; 65_536]).unwrap();
    for (output, name) in [(pipe.to_str().unwrap(), "INT"), ("-", "TERM")] {
        let temporary = tempfile::tempdir().unwrap();
        let mut bench = place.command(&["bench", "-n", "3", "-w", "point", "--path", "mysql", "-o", output]);
        bench.env("TMPDIR", temporary.path());
        let (_reader, mut full) = std::io::pipe().unwrap();
        if output == "-" {
            full.write_all(&[b'x'; 65_536]).unwrap();
        }
        bench.stdout(full).stderr(Stdio::piped());
        let child = bench.spawn().unwrap();
        // The command holds the ends of the pipe, too.
        drop(bench);
        std::thread::sleep(Duration::from_secs(10));
        let start = Instant::now();
        world::signal(&child, name);
        let ran = world::checked(&child.wait_with_output().unwrap());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        let ran = ran.failed(130, &["took nothing", "saved in its place"]);
        let saved = fs::read_dir(temporary.path()).unwrap().next().unwrap().unwrap().path();
        assert!(ran.stderr.contains(saved.to_str().unwrap()), "{}", ran.stderr);
        is_whole(&saved);
    }
}

/// Pipes that no one else opens, or only a writer that writes nothing.
fn a_signal_ends_a_command_that_waits_for_its_input() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let [held, unopened] = ["held", "unopened"].map(|name| {
        let pipe = folder.path().join(name);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        pipe.display().to_string()
    });
    let _writer = fs::OpenOptions::new().read(true).write(true).open(&held).unwrap();
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runs/format-1.json");
    let output = folder.path().join("merged.json").display().to_string();
    let dir = world::world().dir().display().to_string();
    for pipe in [held.as_str(), unopened.as_str()] {
        for arguments in [
            &["report", pipe][..],
            &["report", run, pipe, "--html", "/dev/null"],
            &["compare", run, pipe],
            &["merge", pipe, run, "--output", &output],
            &["size", pipe],
            &["size", run, "--trace", pipe],
            &["traffic", "--trace", pipe],
            &["bench", "--query-file", pipe],
            &["bench", "--query", "SELECT ?", "--params", pipe],
            &["sandbox", "load", pipe, "--sandbox-dir", &dir],
        ] {
            let of_place = matches!(arguments[0], "traffic" | "bench");
            let mut command = if of_place { place.command(arguments) } else { rcache() };
            if !of_place {
                command.args(arguments);
            }
            let child = world::start(&mut command);
            wait_until_it_listens(&child);
            std::thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            world::signal(&child, "INT");
            let ran = world::checked(&child.wait_with_output().unwrap());
            assert!(start.elapsed() < Duration::from_secs(10), "{arguments:?}: {:?}", start.elapsed());
            assert_eq!(ran.code, Some(130), "{arguments:?}: {}", ran.stderr);
            assert!(ran.stderr.contains("interrupted"), "{arguments:?}: {}", ran.stderr);
        }
    }
}
