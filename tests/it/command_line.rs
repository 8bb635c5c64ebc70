//! The command line: wrong input, trouble with servers, secrets, and what is generated from the
//! definitions.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Stdio;

use crate::world::{self, Place, ran, rcache, world};

crate::tests![
    wrong_usage_exits_with_2,
    a_wrong_url_is_explained_without_its_password,
    trouble_with_mysql_is_explained,
    trouble_with_redis_is_explained,
    help_never_shows_what_the_environment_holds,
    an_empty_variable_is_none_and_said,
    an_empty_argument_is_an_error,
    bytes_that_are_not_utf_8_are_explained,
    without_a_command_there_is_help,
    help_and_the_names_of_scenarios_are_found,
    a_closed_stdout_is_noticed,
    advice_has_a_url_that_works_and_no_password,
    counts_are_read_as_people_write_them,
    advice_carries_the_flags,
    long_messages_are_wrapped,
    completions_and_man_name_every_command,
    a_full_stdout_is_an_error,
    sandbox_and_url_contradict_each_other,
];

fn wrong_usage_exits_with_2() {
    let lines: [&[&str]; 12] = [
        &[],
        &["nonsense"],
        &["bench", "--iterations", "0"],
        &["bench", "--iterations", "-1"],
        &["bench", "--iterations", "many"],
        &["bench", "--workload", "nothing"],
        &["bench", "--path", "disc"],
        &["bench", "--clients", "0"],
        &["bench", "--ttl", "0"],
        &["seed", "--users", "0"],
        &["seed", "--users", "99999999999"],
        &["seed", "--namespace", ""],
    ];
    for arguments in lines {
        let ran = ran(rcache().args(arguments)).ended(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}");
    }
}

fn a_wrong_url_is_explained_without_its_password() {
    for (flag, url, word) in [
        ("--mysql-url", "postgres://u:hunter2@h/d", "scheme"),
        ("--mysql-url", "not a url, hunter2", "mysql://user:password@host"),
        ("--mysql-url", "mysql://u:hunter2@h", "database"),
        ("--mysql-url", "mysql://u:hunter2@h/d?ssl-mode=maybe", "verify_identity"),
        ("--redis-url", "http://:hunter2@h", "redis://"),
        ("--redis-url", "redis://:hunter2@h/zero", "database number"),
        // A password with a character that ends the part of the URL in which it stands.
        ("--mysql-url", "mysql://u:12/hunter2@h", "%2F"),
        ("--mysql-url", "mysql://u:?hunter2@h/d", "database"),
        ("--redis-url", "redis://u:/hunter2@h:6379/0", "%2F"),
        ("--redis-url", "redis://u:12/hunter2@h", "%2F"),
        ("--redis-url", "redis://u:12?hunter2@h", "%3F"),
        ("--redis-url", "redis://hunter2@h", "redis://:password@host"),
    ] {
        let ran = ran(rcache().args(["bench", flag, url])).failed(2, &[flag, word]);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    for line in [
        &["flush", "redis://:hunter2@h"][..],
        &["bench", "--sandbox=redis://:hunter2@h"],
        &["mysql://u:hunter2@h/d"],
    ] {
        let ran = ran(rcache().args(line)).ended(2);
        assert!(!ran.stderr.contains("hunter2") && !ran.stderr.is_empty(), "{}", ran.stderr);
    }
}

fn trouble_with_mysql_is_explained() {
    let (place, port) = (Place::new(), world().mysql_port);
    let password = &world().mysql_password;
    for (url, words) in [
        (format!("mysql://rcache:hunter2@127.0.0.1:{port}/x"), &["user name or password is wrong"][..]),
        (format!("mysql://nobody:hunter2@127.0.0.1:{port}/x"), &["name or password is wrong"]),
        (format!("mysql://rcache:{password}@127.0.0.1:{port}/missing"), &["missing", "CREATE DATABASE"]),
        ("mysql://u:hunter2@127.0.0.1:1/x".to_owned(), &["127.0.0.1:1", "is the server running"]),
        ("mysql://u:hunter2@no-such-host.invalid/x".to_owned(), &["no-such-host.invalid:3306"]),
        ("mysql://u:hunter2@localhost/x?socket=/nonexistent.sock".to_owned(), &["/nonexistent.sock"]),
    ] {
        for command in ["schema", "seed"] {
            ran(rcache().args([command, "--mysql-url", &url])).failed(1, words);
        }
        let mut bench = rcache();
        bench.args(["bench", "--mysql-url", &url, "--redis-url", &world().redis_url()]);
        ran(&mut bench).failed(1, words);
    }
    drop(place);
}

fn trouble_with_redis_is_explained() {
    let port = world().redis_port;
    for (url, words) in [
        (format!("redis://127.0.0.1:{port}"), &["requires a password", "RCACHE_REDIS_URL"][..]),
        (format!("redis://:hunter2@127.0.0.1:{port}"), &["password is wrong"]),
        (format!("redis://:{}@127.0.0.1:{port}/99", world().redis_password), &["database 99"]),
        ("redis://:hunter2@127.0.0.1:1".to_owned(), &["127.0.0.1:1", "is the server running"]),
        ("redis+unix:///nonexistent.sock".to_owned(), &["/nonexistent.sock"]),
    ] {
        ran(rcache().args(["flush", "--redis-url", &url])).failed(1, words);
    }
}

fn help_never_shows_what_the_environment_holds() {
    for arguments in [&["--help"][..], &["bench", "--help"], &["-h"], &["man"], &["completions", "bash"]] {
        let mut command = rcache();
        command
            .env("RCACHE_MYSQL_URL", "mysql://u:hunter2@h/d")
            .env("RCACHE_REDIS_URL", "redis://:hunter2@h");
        let ran = ran(command.args(arguments)).fine();
        assert!(!ran.stdout.contains("hunter2"));
        assert!(ran.stdout.replace('\\', "").contains("mysql-url"), "{}", ran.stdout);
    }
}

fn an_empty_variable_is_none_and_said() {
    let mut command = rcache();
    for variable in ["RCACHE_MYSQL_URL", "RCACHE_REDIS_URL", "RCACHE_NAMESPACE", "RCACHE_SANDBOX_DIR"] {
        command.env(variable, "");
    }
    let printed = ran(command.args(["schema", "--print"])).fine();
    assert!(printed.stdout.contains("CREATE TABLE users"));
    assert!(printed.stderr.is_empty(), "nothing was used: {}", printed.stderr);
    let folder = tempfile::tempdir().unwrap();
    for empty in ["", " ", "\t\n"] {
        let mut flush = rcache();
        flush.args(["flush", "--quiet"]).env("XDG_STATE_HOME", folder.path());
        for variable in ["RCACHE_MYSQL_URL", "RCACHE_REDIS_URL", "RCACHE_NAMESPACE", "RCACHE_SANDBOX_DIR"] {
            flush.env(variable, empty);
        }
        let flushed = ran(&mut flush).fine();
        for words in [
            "RCACHE_REDIS_URL is set but empty: Redis comes from the sandbox",
            "RCACHE_NAMESPACE is set but empty: the namespace is rcache",
            "RCACHE_SANDBOX_DIR is set but empty",
        ] {
            assert!(flushed.stderr.contains(words), "{words:?} is missing in:\n{}", flushed.stderr);
        }
        assert!(!flushed.stderr.contains("MYSQL"), "flush asks MySQL for nothing: {}", flushed.stderr);
    }
    // Where nothing is asked for want of a sandbox, too.
    let (mut clean, fresh) = (rcache(), tempfile::tempdir().unwrap());
    clean.arg("clean").env("XDG_STATE_HOME", fresh.path()).env("RCACHE_MYSQL_URL", "");
    ran(&mut clean).fine().says("RCACHE_MYSQL_URL is set but empty");
    ran(rcache().arg("candidates").env("RCACHE_MYSQL_URL", " ")).failed(2, &["set but empty", "--mysql-url"]);
    // A URL is judged by the commands that need it.
    let place = Place::new();
    ran(place.command(&["schema"]).env("RCACHE_REDIS_URL", "nonsense")).fine();
    ran(rcache().env("RCACHE_MYSQL_URL", "nonsense").args(["completions", "bash"])).fine();
}

fn an_empty_argument_is_an_error() {
    for flag in ["--mysql-url", "--redis-url", "--sandbox-dir", "--namespace"] {
        for empty in ["", "  ", "\n"] {
            for line in [["flush", flag, empty], [flag, empty, "bench"]] {
                ran(rcache().args(line)).failed(2, &[flag, "empty"]);
            }
        }
    }
    for line in [
        &["bench", "--output"][..],
        &["bench", "--hgrm"],
        &["bench", "--html"],
        &["bench", "--query"],
        &["bench", "--query-file"],
        &["bench", "--params-query"],
        &["bench", "--query", "SELECT 1", "--name"],
        &["bench", "--query", "SELECT ?", "--params"],
        &["bench", "--assert"],
        &["bench", "--distance"],
        &["bench", "--start-at"],
        &["traffic", "--find"],
        &["traffic", "--assert"],
        &["traffic", "--trace"],
        &["traffic", "--output"],
        &["traffic", "--strategy"],
        &["traffic", "--rate"],
        &["demo", "--html"],
        &["report"],
        &["report", "x.json", "--html"],
        &["report", "x.json", "--csv"],
        &["merge", "x.json", "y.json", "--output"],
        &["size"],
        &["size", "x.json", "--memory"],
        &["size", "x.json", "--trace"],
        &["man", "--output-dir"],
        &["sandbox", "load"],
        &["serve", "--listen"],
    ] {
        let ran = ran(rcache().args(line).arg("")).ended(2);
        assert!(!ran.stderr.is_empty() && !ran.stderr.contains("panicked"), "{line:?}: {}", ran.stderr);
    }
}

fn bytes_that_are_not_utf_8_are_explained() {
    let bytes = |text: &str| OsString::from_vec([text.as_bytes(), b"hunter2\xff"].concat());
    let shown = |text: &str| OsString::from_vec([text.as_bytes(), b"\xff"].concat());
    for (line, words) in [
        (["bench", "--mysql-url"], &["--mysql-url", "UTF-8", "%FF"][..]),
        (["flush", "--redis-url"], &["--redis-url", "UTF-8", "%FF"]),
    ] {
        ran(rcache().args(line).arg(bytes("mysql://u:"))).failed(2, words);
        ran(rcache().arg(line[0]).arg(bytes(&format!("{}=redis://:", line[1])))).failed(2, words);
    }
    ran(rcache().args(["flush", "--namespace"]).arg(shown("n"))).failed(2, &["--namespace", "UTF-8"]);
    for (variable, command) in
        [("RCACHE_MYSQL_URL", "seed"), ("RCACHE_REDIS_URL", "flush"), ("RCACHE_NAMESPACE", "flush")]
    {
        ran(rcache().arg(command).env(variable, bytes("mysql://u:"))).failed(2, &[variable, "UTF-8"]);
    }
    // Every other option and argument, and what is no option at all.
    for line in [
        &["bench", "--assert"][..],
        &["bench", "--workload"],
        &["bench", "--iterations"],
        &["bench", "--color"],
        &["seed", "--users"],
        &["scenario"],
        &["completions"],
        &["sandbox"],
        &["--format"],
        &["--nonsense"],
        &[],
    ] {
        let ran = ran(rcache().args(line).arg(shown("x"))).ended(2);
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.is_empty(), "{line:?}: {}", ran.stderr);
        let secret = world::ran(rcache().args(line).arg(bytes("mysql://u:"))).ended(2);
        assert!(!secret.stderr.contains("panicked") && !secret.stderr.is_empty(), "{}", secret.stderr);
    }
    // A statement may hold a secret, and is not quoted.
    for line in [
        &["bench", "--query"][..],
        &["bench", "--params-query"],
        &["traffic", "--find"],
        &["traffic", "--name"],
        &["traffic", "--popularity"],
        &["size", "x.json", "--memory"],
        &["compare", "a", "b", "--tolerance"],
        &["serve", "--listen"],
        &["merge", "--format"],
        &["candidates"],
    ] {
        let ran = ran(rcache().args(line).arg(bytes("SELECT '"))).ended(2);
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.is_empty(), "{line:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{line:?}: {}", ran.stderr);
    }
    let joined = ran(rcache().arg("bench").arg(bytes("--query=x'"))).failed(2, &["UTF-8"]);
    assert!(!joined.stderr.contains("hunter2"), "{}", joined.stderr);
    // Paths may be any bytes.
    let file = shown("/nonexistent/");
    ran(rcache().arg("compare").args([&file, &file])).failed(1, &["/nonexistent/\u{fffd}"]);
    let folder = tempfile::tempdir().unwrap();
    ran(rcache().args(["man", "--output-dir"]).arg(folder.path().join(shown("m")))).fine();
    let status = ran(rcache()
        .args(["sandbox", "status", "--format", "json", "--sandbox-dir"])
        .arg(folder.path().join(shown("s"))));
    assert_eq!(status.fine().json()["action"], "status");
}

fn help_and_the_names_of_scenarios_are_found() {
    for line in [&["help", "--help"][..], &["help", "bench", "-h"], &["sandbox", "help", "--help"]] {
        let mut command = rcache();
        let help = ran(command.args(line).env("LC_ALL", "C")).fine().stdout;
        assert!(help.contains("Usage: rcache") && help.is_ascii(), "{line:?}: {help}");
    }
    ran(rcache().arg("scenario")).failed(2, &["rcache scenario --list"]);
    let mut list = rcache();
    let list = ran(list.args(["scenario", "--list"]).env_remove("COLUMNS")).fine().stdout;
    assert!(list.contains("penetration") && list.lines().all(|line| line.len() <= 80), "{list}");
    for (line, range) in [
        (&["bench", "-c", "many"][..], "from 1 to 1,024, such as 16"),
        (&["scenario", "stale", "--duration", "x"], "from 1 to 3,600, such as 16, 1000 or 1,000"),
    ] {
        let failed = ran(rcache().args(line)).failed(2, &[range]);
        assert!(!failed.stderr.contains("2M"), "{}", failed.stderr);
    }
}

/// A result that cannot be shown is not lost in silence; one that is not wanted is.
fn a_closed_stdout_is_noticed() {
    for (redirection, is_noticed) in [(">&-", true), (">/dev/null", false)] {
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("\"$0\" completions zsh {redirection}")])
            .arg(env!("CARGO_BIN_EXE_rcache"));
        let said = ran(&mut shell);
        assert_eq!(said.stderr.contains("shown nowhere"), is_noticed, "{redirection}: {}", said.stderr);
    }
}

fn advice_has_a_url_that_works_and_no_password() {
    let place = Place::new();
    let port = world().mysql_port;
    place.run(&["bench"]).failed(1, &["not seeded", &format!("rcache:PASSWORD@127.0.0.1:{port}/")]);
    let redis = world().redis_url();
    let flushed = ran(rcache()
        .args(["demo", "--mysql-url", &place.mysql_url(), "--redis-url", &redis])
        .args(["--users", "100", "-n", "5", "--namespace", &place.namespace]));
    let port = world().redis_port;
    let flushed = flushed.fine();
    let words = format!("redis://:PASSWORD@127.0.0.1:{port}/0");
    assert!(flushed.stderr.contains(&words) || flushed.stdout.contains(&words), "{}", flushed.stderr);
    // The variable holds it: then that is shorter, and right.
    let mut bench = Place::new().command(&["bench"]);
    let url = bench.get_args().nth(2).unwrap().to_owned();
    ran(bench.env("RCACHE_MYSQL_URL", url)).failed(1, &["--mysql-url \"$RCACHE_MYSQL_URL\""]);
}

fn without_a_command_there_is_help() {
    for variable in ["RCACHE_MYSQL_URL", "RCACHE_REDIS_URL", "RCACHE_SANDBOX_DIR", "RCACHE_NAMESPACE", "NONE"]
    {
        for line in [&[][..], &["sandbox"]] {
            let shown = ran(rcache().args(line).env(variable, "something")).ended(2);
            assert!(
                shown.stderr.contains("Usage: rcache") && shown.stderr.contains("Commands:"),
                "{}",
                shown.stderr
            );
            assert!(shown.stdout.is_empty());
        }
    }
}

fn counts_are_read_as_people_write_them() {
    let place = Place::new();
    assert!(place.run(&["seed", "--users", "1,000"]).fine().stdout.contains("1,000 users"));
    assert!(place.run(&["seed", "--users", "1_000"]).fine().stdout.contains("nothing to do"));
    assert!(place.run(&["seed", "--users", "1k"]).fine().stdout.contains("nothing to do"));
    let run =
        place.run(&["bench", "-n", "0.1k", "-c", "2", "-w", "point", "--users", "1K", "--format", "json"]);
    assert_eq!(run.fine().json()["config"]["iterations"], 100);
    for wrong in ["1,00", "1e3", "10 k", "1.5", "k", "-1", "1000,"] {
        ran(rcache().args(["seed", "--users", wrong])).ended(2);
        ran(rcache().args(["bench", &format!("-n={wrong}")])).failed(2, &["whole number", "10k"]);
    }
}

fn advice_carries_the_flags() {
    let place = Place::new();
    // A password is never shown; the reader has to fill it in.
    let url = place.mysql_url().replace(&world().mysql_password, "PASSWORD");
    place.run(&["bench"]).failed(1, &[&format!("rcache seed --mysql-url {url}")]);
    place.run(&["seed", "--users", "100"]).fine();
    let force = format!("seed --users 200 --rng-seed 42 --force --mysql-url {url}");
    place.run(&["seed", "--users", "200"]).failed(1, &[&force, "not with 200 users of rng_seed 42"]);
    place.run(&["bench", "--users", "300"]).failed(1, &["seed --users 300 --force --mysql-url"]);
    let seeded = place.run(&["seed", "--users", "100"]).fine();
    assert!(seeded.stderr.contains(&format!("rcache clean --mysql-url {url}")), "{}", seeded.stderr);
    assert!(seeded.stderr.contains(&format!("--namespace {}", place.namespace)), "{}", seeded.stderr);
    // From the environment nothing needs to be repeated.
    let mut bare = rcache();
    bare.arg("schema").env("RCACHE_MYSQL_URL", place.mysql_url());
    ran(bare.arg("--drop")).fine();
    let schema = ran(rcache().arg("schema").env("RCACHE_MYSQL_URL", place.mysql_url())).fine();
    assert!(schema.stdout.contains("rcache seed\n"), "{}", schema.stdout);
}

fn long_messages_are_wrapped() {
    for (columns, most) in [("40", 40), ("", 100), ("x", 100)] {
        let mut command = rcache();
        command.args(["flush", "--redis-url", "http://h"]).env("COLUMNS", columns);
        let failed = ran(&mut command).ended(2);
        assert!(failed.stderr.lines().all(|line| line.chars().count() <= most), "{}", failed.stderr);
        assert!(failed.stderr.lines().count() > usize::from(most < 100), "{}", failed.stderr);
    }
}

fn completions_and_man_name_every_command() {
    let names = [
        "demo",
        "schema",
        "seed",
        "bench",
        "compare",
        "merge",
        "flush",
        "clean",
        "sandbox",
        "completions",
        "man",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ran(rcache().args(["completions", shell])).fine().stdout;
        assert!(names.iter().all(|name| script.contains(name)), "{shell}");
    }
    let page = ran(rcache().arg("man")).fine().stdout;
    assert!(page.contains(".TH RCACHE 1") && page.contains("rcache bench"), "{page}");
    assert!(!page.contains("(1)"), "a page that comes alone refers to no others");
    let folder = tempfile::tempdir().unwrap();
    ran(rcache().args(["man", "--output-dir"]).arg(folder.path())).fine();
    for name in names {
        assert!(folder.path().join(format!("rcache-{name}.1")).exists(), "{name}");
    }
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap().replace('\\', "");
        for reference in text.split_whitespace().filter_map(|word| word.strip_suffix("(1)")) {
            let page = reference.trim_start_matches("fB").trim_end_matches("fR");
            assert!(folder.path().join(format!("{page}.1")).exists(), "{page} is referred to");
        }
    }
}

fn a_full_stdout_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = rcache().args(["schema", "--print"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    world::checked(&output).failed(1, &["stdout", "No space left"]);
}

fn sandbox_and_url_contradict_each_other() {
    let line = ["schema", "--sandbox", "--mysql-url", "mysql://u:hunter2@h/d"];
    ran(rcache().args(line)).failed(2, &["contradict"]);
}
