//! The command line: wrong input, trouble with servers, secrets, and what is generated from the definitions.

use std::process::Stdio;

use crate::world::{self, Place, ran, rcache, world};

crate::tests![
    wrong_usage_exits_with_2,
    a_wrong_url_is_explained_without_its_password,
    trouble_with_mysql_is_explained,
    trouble_with_redis_is_explained,
    help_never_shows_what_the_environment_holds,
    an_empty_variable_is_none,
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
        (
            format!("mysql://rcache:hunter2@127.0.0.1:{port}/x"),
            &["user name or password is wrong", "RCACHE_MYSQL_URL"][..],
        ),
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
        (format!("redis://127.0.0.1:{port}"), &["demands a password", "RCACHE_REDIS_URL"][..]),
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

fn an_empty_variable_is_none() {
    let mut command = rcache();
    for variable in ["RCACHE_MYSQL_URL", "RCACHE_REDIS_URL", "RCACHE_NAMESPACE", "RCACHE_SANDBOX_DIR"] {
        command.env(variable, "");
    }
    let printed = ran(command.args(["schema", "--print"])).fine();
    assert!(printed.stdout.contains("CREATE TABLE users"));
    // A URL is judged by the commands that need it.
    let place = Place::new();
    ran(place.command(&["schema"]).env("RCACHE_REDIS_URL", "nonsense")).fine();
    ran(rcache().env("RCACHE_MYSQL_URL", "nonsense").args(["completions", "bash"])).fine();
}

fn completions_and_man_name_every_command() {
    let names = ["demo", "schema", "seed", "bench", "compare", "flush", "sandbox", "completions", "man"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ran(rcache().args(["completions", shell])).fine().stdout;
        assert!(names.iter().all(|name| script.contains(name)), "{shell}");
    }
    assert!(ran(rcache().arg("man")).fine().stdout.contains(".TH rcache 1"));
    let folder = tempfile::tempdir().unwrap();
    ran(rcache().args(["man", "--output-dir"]).arg(folder.path())).fine();
    for name in names {
        assert!(folder.path().join(format!("rcache-{name}.1")).exists(), "{name}");
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
