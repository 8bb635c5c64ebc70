//! The demo and the commands without any URL: everything from a sandbox of their own, and nothing
//! left running.

use crate::sandbox::Sandbox;
use crate::world::{self, ran, rcache};

crate::tests![
    the_story_is_told_and_nothing_is_left_running,
    a_killed_bench_leaves_no_server,
    a_new_sandbox_is_ready_for_a_bench,
];

fn the_story_is_told_and_nothing_is_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = |arguments: &[&str]| {
        let mut command = rcache();
        ran(command.args(arguments).arg("--sandbox-dir").arg(folder.path().join("sandbox")))
    };
    let told = sandbox(&["demo", "--users", "2000", "--iterations", "20"]).fine();
    // Where a line breaks depends on the length of the sandbox's path.
    let words = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in
        ["45,861 ms", "2,000 users", "all users, one key", "What Redis buys", "scenario stale", "Next"]
    {
        assert!(words.contains(word), "{word:?} is missing in:\n{}", told.stdout);
    }
    assert_eq!(told.stderr.lines().filter(|line| line.contains("measuring")).count(), 2, "{}", told.stderr);
    assert_eq!(world::servers_of(folder.path()), Vec::<String>::new());
    // The data stay from command to command, and so a bench needs no second seed.
    assert!(sandbox(&["seed", "--users", "2000"]).fine().stdout.contains("nothing to do"));
    sandbox(&["bench", "--iterations", "20"]).fine();
    let flushed = sandbox(&["flush"]).fine();
    assert!(flushed.stdout.contains("Removed 0 entries") && flushed.stdout.contains("sandbox start"));
    assert_eq!(world::servers_of(folder.path()), Vec::<String>::new());
}

fn a_killed_bench_leaves_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sandbox");
    let mut command = rcache();
    let mut seeding = world::start(command.args(["seed", "--users", "50000000", "--sandbox-dir"]).arg(&dir));
    world::wait_until("the server runs", || !world::servers_of(&dir).is_empty());
    seeding.kill().unwrap();
    seeding.wait().unwrap();
    world::wait_until("the kernel has ended the server", || world::servers_of(&dir).is_empty());
    // And the folder is as good as before.
    ran(rcache().args(["seed", "--users", "100", "--sandbox-dir"]).arg(&dir)).fine();
}

fn a_new_sandbox_is_ready_for_a_bench() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir();
    let bench = |arguments: &[&str]| {
        let mut command = rcache();
        command.args(["bench", "-n", "3", "-w", "point", "--path", "mysql", "--sandbox-dir"]).arg(dir);
        ran(command.args(arguments))
    };
    let first = bench(&["--users", "2k"]).fine();
    assert!(first.stderr.contains("Seeded 2,000 users"), "{}", first.stderr);
    assert!(first.stderr.contains("Left behind: the sandbox in"), "{}", first.stderr);
    // What is there is used, and what was asked for replaces it: nobody else reads it.
    assert!(!bench(&[]).fine().stderr.contains("eeded"));
    assert!(bench(&["--users", "1,000"]).fine().stderr.contains("seeded 1,000 users"));
    // An interrupted seed is no obstacle.
    let mut seeding = rcache();
    seeding.args(["seed", "--users", "50M", "--force", "--sandbox-dir"]).arg(dir);
    let mut seeding = world::start(&mut seeding);
    world::wait_until("the server runs", || !world::servers_of(dir).is_empty());
    std::thread::sleep(std::time::Duration::from_secs(2));
    seeding.kill().unwrap();
    seeding.wait().unwrap();
    world::wait_until("the kernel has ended the server", || world::servers_of(dir).is_empty());
    bench(&["--users", "1k"]).fine();
    // Kept servers are shared: nothing is replaced there that others may be reading.
    ran(rcache().args(["sandbox", "start", "--quiet", "--sandbox-dir"]).arg(dir)).fine();
    let advice = format!("seed --users 500 --rng-seed 42 --force --sandbox-dir {}", dir.display());
    bench(&["--users", "500"]).failed(1, &[&advice]);
    let status = ran(rcache().args(["sandbox", "status", "--sandbox-dir"]).arg(dir)).fine();
    assert!(status.stdout.contains("1,000 users"), "{}", status.stdout);
    // Sizes are right immediately after a seed.
    ran(rcache().args(["seed", "--users", "20k", "--force", "--sandbox-dir"]).arg(dir)).fine();
    let status =
        ran(rcache().args(["sandbox", "status", "--format", "json", "--sandbox-dir"]).arg(dir)).fine();
    let bytes = status.json()["holds"]["table_bytes"].as_u64();
    assert!(bytes > Some(1_000_000), "{bytes:?}");
}
