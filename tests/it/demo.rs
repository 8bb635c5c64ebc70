//! The demo and the commands without any URL: everything from a sandbox of their own, and nothing left running.

use crate::world::{self, ran, rcache};

crate::tests![the_story_is_told_and_nothing_is_left_running, a_killed_bench_leaves_no_server];

fn the_story_is_told_and_nothing_is_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = |arguments: &[&str]| {
        let mut command = rcache();
        ran(command.args(arguments).arg("--sandbox-dir").arg(folder.path().join("sandbox")))
    };
    let told = sandbox(&["demo", "--users", "2000", "--iterations", "20"]).fine();
    for word in
        ["45,861 ms", "2,000 users", "all users, one key", "What Redis buys", "scenario stale", "Next"]
    {
        assert!(told.stdout.contains(word), "{word:?} is missing in:\n{}", told.stdout);
    }
    assert!(told.stdout.lines().count() <= 60, "{}", told.stdout);
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
