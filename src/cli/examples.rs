//! Examples, three or so a command: the end of each `--help`, and a section of the manual.

use clap::Command;

const EXAMPLES: &[(&[&str], &str)] = &[
    (
        &["demo"],
        "rcache demo
rcache demo --users 10k -n 1000
rcache demo --mysql-url mysql://root@127.0.0.1/rcache --redis-url redis://127.0.0.1",
    ),
    (
        &["schema"],
        "rcache schema
rcache schema --print
rcache schema --drop --mysql-url mysql://root@127.0.0.1/rcache",
    ),
    (
        &["seed"],
        "rcache seed
rcache seed --users 1M
rcache seed --users 10,000 --rng-seed 7 --force",
    ),
    (
        &["bench"],
        "rcache bench
rcache bench -n 10k -c 16 -w point,page -o run.json
rcache bench -w all --codec arrow,json --assert 'all.warm.p99 < 20ms' --assert 'all.speedup > 1.5'
rcache bench --query 'SELECT id, total FROM orders WHERE customer_id = ?' --params 1..50000 --dry-run
rcache bench --query-file orders.sql --params customers.csv --assert 'orders.speedup > 2'",
    ),
    (
        &["candidates"],
        "rcache candidates
rcache candidates --mysql-url mysql://reader@127.0.0.1/shop --redis-url redis://127.0.0.1
rcache candidates --format json",
    ),
    (
        &["compare"],
        "rcache compare before.json after.json
rcache compare before.json after.json --fail-on-regression=5
rcache compare before.json after.json --format markdown",
    ),
    (
        &["merge"],
        "rcache merge one.json two.json --output all.json
rcache merge one.json two.json three.json -o all.json --quiet
rcache merge one.json two.json --output - --format markdown",
    ),
    (
        &["report"],
        "rcache report run.json --html report.html
rcache report before.json after.json --html report.html
rcache report run.json stale.json --csv numbers",
    ),
    (
        &["scenario"],
        "rcache scenario stale
rcache scenario stampede -c 128 --duration 5
rcache scenario outage --sandbox --format json",
    ),
    (
        &["traffic"],
        "rcache traffic --rate 2000 --duration 30 --popularity zipf:1.0 --writes 5% --ttl 60
rcache traffic --find 'p99 < 5ms'
rcache traffic --workload point,page --rate 1000 --popularity hotspot:10%:90%
rcache traffic --rate 500 -s naive,lease --assert 'lease.p99 < 5ms' -o traffic.json",
    ),
    (
        &["size"],
        "rcache size run.json
rcache size run.json --popularity zipf:1.0 --rate 2000 --writes 5% --ttl 300 --hit-ratio 90%
rcache size run.json --trace access.csv --memory 64mb,256mb,1gb --format markdown",
    ),
    (
        &["serve"],
        "rcache serve
rcache serve --port 8080
rcache serve --sandbox-dir /dev/shm/rcache",
    ),
    (
        &["flush"],
        "rcache flush
rcache flush --redis-url redis://127.0.0.1:6379/2
rcache flush --namespace staging --format json",
    ),
    (
        &["clean"],
        "rcache clean
rcache clean --mysql-url mysql://root@127.0.0.1/rcache --redis-url redis://127.0.0.1
rcache clean --sandbox --format json",
    ),
    (
        &["sandbox"],
        "rcache sandbox start
rcache sandbox status
rcache sandbox destroy",
    ),
    (
        &["sandbox", "start"],
        "rcache sandbox start
rcache sandbox start --sandbox-dir /dev/shm/rcache
rcache sandbox start --redis cluster --replicas 1
rcache sandbox start --format json",
    ),
    (
        &["sandbox", "load"],
        "rcache sandbox load sql/shop.sql
rcache sandbox load dump.sql --sandbox-dir /dev/shm/rcache
rcache sandbox load - --quiet",
    ),
    (
        &["sandbox", "status"],
        "rcache sandbox status
rcache sandbox status --format json
rcache sandbox status --sandbox-dir /dev/shm/rcache",
    ),
    (
        &["sandbox", "stop"],
        "rcache sandbox stop
rcache sandbox stop --quiet
rcache sandbox stop --sandbox-dir /dev/shm/rcache",
    ),
    (
        &["sandbox", "destroy"],
        "rcache sandbox destroy
rcache sandbox destroy --quiet
rcache sandbox destroy --sandbox-dir /dev/shm/rcache",
    ),
    (
        &["completions"],
        "rcache completions bash > ~/.local/share/bash-completion/completions/rcache
rcache completions fish > ~/.config/fish/completions/rcache.fish
rcache completions zsh",
    ),
    (
        &["man"],
        "rcache man > rcache.1
rcache man --output-dir ~/.local/share/man/man1
rcache man --output-dir /usr/local/share/man/man1 --quiet",
    ),
];

/// The command with examples at the end of its long help, and so have those below it.
pub(super) fn add(command: Command) -> Command {
    // A command whose feature is off is not there.
    let is_there = |(path, _): &&(&[&str], &str)| {
        path.first().is_some_and(|name| command.find_subcommand(name).is_some())
    };
    let known: Vec<_> = EXAMPLES.iter().filter(is_there).collect();
    known.into_iter().fold(command, |command, (path, lines)| add_at(command, path, lines))
}

fn add_at(command: Command, path: &[&str], lines: &str) -> Command {
    match path.split_first() {
        Some((name, rest)) => command.mut_subcommand(name, |below| add_at(below, rest, lines)),
        None => {
            let before = command.get_after_long_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
            let lines: Vec<String> = lines.lines().map(|line| format!("  {line}")).collect();
            command.after_long_help(format!("{before}Examples:\n{}", lines.join("\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::command;

    /// Every command has examples, and each of them is a command line that is understood.
    #[test]
    fn every_help_ends_with_examples_that_parse() {
        let mut seen = 0;
        visit(&command(), &mut |command| {
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let Some((_, examples)) = text.split_once("Examples:\n") else {
                panic!("{} has no examples", command.get_name())
            };
            assert!(examples.lines().count() >= 3, "{}", command.get_name());
            for line in examples.lines() {
                parse(line.trim());
                seen += 1;
            }
        });
        assert!(seen >= 45, "{seen}");
    }

    fn visit(command: &clap::Command, look: &mut impl FnMut(&clap::Command)) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            look(below);
            visit(below, look);
        }
    }

    fn parse(line: &str) {
        let words = crate::shell::words(line).unwrap();
        let words: Vec<String> = words.into_iter().take_while(|word| word != ">").collect();
        assert_eq!(words[0], "rcache");
        if let Err(error) = command().try_get_matches_from(&words) {
            panic!("{line}: {error}");
        }
    }
}
