//! Signals: the first ends a command in order, a second one counts only after a while.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::Commands;

use crate::world::{self, Place, rcache};

crate::tests![
    two_signals_close_together_lose_nothing,
    a_second_signal_after_a_while_ends_it,
    a_terminal_that_takes_no_text_keeps_no_signal_away,
    the_first_signal_is_answered_in_words_of_the_command,
    a_hangup_that_was_ignored_stays_ignored,
    a_signal_before_the_first_round_ends_it_in_order,
    an_interrupted_experiment_keeps_the_arms_that_are_done,
];

/// Sends signals one right after the other, as `timeout` does.
fn signals(child: &Child, names: &[&str]) {
    let kills: Vec<String> = names.iter().map(|name| format!("kill -s {name} {}", child.id())).collect();
    let sent = Command::new("sh").args(["-c", &kills.join("; ")]).status();
    assert!(sent.unwrap().success());
}

/// Signals are caught from some moment on, which shows in /proc.
pub(crate) fn wait_until_it_listens(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    world::wait_until("it listens", || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
        // All four: SIGHUP is the last.
        u64::from_str_radix(caught, 16).unwrap() & 0x4007 == 0x4007
    });
}

fn two_signals_close_together_lose_nothing() {
    let place = Place::seeded(100);
    for names in [&["TERM", "TERM"][..], &["INT", "TERM"], &["HUP", "INT"], &["QUIT", "INT", "TERM", "HUP"]] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        place.run(&["flush"]).fine();
        let bench = ["bench", "-n", "100M", "-w", "point", "--output", file.to_str().unwrap()];
        let bench = world::start(&mut place.command(&bench));
        let mut redis = place.redis();
        let pattern = format!("{}:user.postcard:1:*", place.namespace);
        world::wait_until("the bench reads", || redis.keys::<_, Vec<String>>(&pattern).unwrap().len() == 100);
        signals(&bench, names);
        let ran = world::checked(&bench.wait_with_output().unwrap()).failed(130, &["interrupted"]);
        assert!(ran.stdout.contains("point"), "{names:?}: no page:\n{}", ran.stdout);
        let run: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(run["interrupted"], true, "{names:?}");
    }
}

/// A program that cannot end: it prints into a pipe that is full.
fn stuck(mut command: Command) -> (std::io::PipeReader, Child) {
    let (reader, mut pipe) = std::io::pipe().unwrap();
    pipe.write_all(&[b'x'; 65_536]).unwrap();
    (reader, command.stdout(pipe).stderr(Stdio::piped()).spawn().unwrap())
}

fn a_second_signal_after_a_while_ends_it() {
    let mut completions = rcache();
    completions.args(["completions", "zsh"]);
    let (_reader, mut stuck) = stuck(completions);
    wait_until_it_listens(&stuck);
    signals(&stuck, &["INT", "TERM"]);
    let mut stderr = stuck.stderr.take().unwrap();
    let mut said = vec![0; 11];
    stderr.read_exact(&mut said).unwrap();
    assert_eq!(String::from_utf8_lossy(&said), "warning: in");
    assert!(stuck.try_wait().unwrap().is_none(), "two signals close together ended it");
    std::thread::sleep(Duration::from_secs(4));
    signals(&stuck, &["INT"]);
    assert_eq!(stuck.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("press Ctrl-C again") && !rest.contains("saving"), "nothing is saved: {rest}");
}

/// The notice about a second signal goes where nothing is read either.
fn a_terminal_that_takes_no_text_keeps_no_signal_away() {
    let mut completions = rcache();
    completions.args(["completions", "zsh"]);
    let (_reader, mut pipe) = std::io::pipe().unwrap();
    pipe.write_all(&[b'x'; 65_536]).unwrap();
    let mut stuck = completions.stdout(pipe.try_clone().unwrap()).stderr(pipe).spawn().unwrap();
    wait_until_it_listens(&stuck);
    world::wait_until("a second signal ends it", || {
        signals(&stuck, &["INT"]);
        std::thread::sleep(Duration::from_secs(1));
        stuck.try_wait().unwrap().is_some()
    });
    assert_eq!(stuck.wait().unwrap().code(), Some(130));
}

/// The loss that threatens a command that measures, and not one that serves.
fn the_first_signal_is_answered_in_words_of_the_command() {
    let place = Place::seeded(100);
    let bench = ["bench", "-n", "100M", "-w", "point"];
    let mut redis = place.redis();
    let pattern = format!("{}:user.postcard:1:*", place.namespace);
    for (arguments, saves) in [(&bench[..], true), (&["flush"], false)] {
        let (_reader, mut child) = stuck(place.command(arguments));
        wait_until_it_listens(&child);
        let mut keys = || redis.keys::<_, Vec<String>>(&pattern).unwrap().len();
        world::wait_until("the bench reads", || !saves || keys() == 100);
        // Those that the bench has left; before they are gone, a signal ends it without a notice.
        world::wait_until("its keys are gone", || saves || keys() == 0);
        std::thread::sleep(Duration::from_secs(1));
        signals(&child, &["INT"]);
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("press Ctrl-C again") {
            said.clear();
            assert!(stderr.read_line(&mut said).unwrap() > 0, "{arguments:?} said nothing");
        }
        assert_eq!(said.contains("saving what was measured"), saves, "{arguments:?}: {said}");
        std::thread::sleep(Duration::from_secs(3));
        signals(&child, &["INT"]);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}

fn a_hangup_that_was_ignored_stays_ignored() {
    let place = Place::seeded(100);
    let bench = place.command(&["bench", "-n", "100M", "-w", "point", "--quiet"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(bench.get_program()).args(bench.get_args());
    let mut bench = world::start(&mut shell);
    let mut redis = place.redis();
    let pattern = format!("{}:user.postcard:1:*", place.namespace);
    world::wait_until("the bench reads", || redis.keys::<_, Vec<String>>(&pattern).unwrap().len() == 100);
    signals(&bench, &["HUP"]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(bench.try_wait().unwrap().is_none(), "nohup is of no use");
    signals(&bench, &["INT"]);
    world::checked(&bench.wait_with_output().unwrap()).ended(130);
}

fn a_signal_before_the_first_round_ends_it_in_order() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    for delay in [0, 5, 20, 50] {
        let file = folder.path().join("run.json");
        let bench = world::start(&mut place.command(&["bench", "-n", "100M", "-o", file.to_str().unwrap()]));
        wait_until_it_listens(&bench);
        std::thread::sleep(Duration::from_millis(delay));
        signals(&bench, &["TERM", "TERM"]);
        let ran = world::checked(&bench.wait_with_output().unwrap()).failed(130, &["interrupted"]);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

fn an_interrupted_experiment_keeps_the_arms_that_are_done() {
    for (name, format) in [("TERM", "json"), ("INT", "text")] {
        let place = Place::seeded(100);
        let arguments = ["scenario", "stale", "--duration", "1", "--clients", "4", "--format", format];
        let scenario = world::start(&mut place.command(&arguments));
        let mut redis = place.redis();
        let pattern = format!("{}*", place.namespace);
        // The first arm has no cache, and so the second is at work.
        world::wait_until("the second arm", || !redis.keys::<_, Vec<Vec<u8>>>(&pattern).unwrap().is_empty());
        signals(&scenario, &[name]);
        let ran = world::checked(&scenario.wait_with_output().unwrap()).failed(130, &["interrupted"]);
        if format == "json" {
            let document = ran.json();
            assert_eq!(document["interrupted"], true);
            assert_eq!(document["arms"][0]["arm"], "mysql", "{document}");
            assert!(document["arms"][0]["reads"].as_u64() > Some(0), "{document}");
        } else {
            assert!(ran.stdout.contains("Interrupted") && ran.stdout.contains("mysql"), "{}", ran.stdout);
        }
    }
}
