//! The pages of `rcache demo`: the blog post's two accesses beside ours, then many reads and what
//! they mean.

use super::bench::{head, summary, table, warnings};
use super::blocks::{Align, Block, Column, Entry, Page, Row, Section, Table};
use super::charts;
use super::numbers::{Side, capitalised, duration, inverse, mean_ns, percentile, side_of_one, with_interval};
use crate::claims::Worth;
use crate::run_file::{PathRun, Ratio, Run, Server, WorkloadRun};
use crate::units::{self, counted};

/// The facts that are known before many reads are measured.
#[derive(Clone, Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) mysql: &'a Server,
    pub(crate) redis: &'a Server,
    /// The folder of private servers and the bytes in it.
    pub(crate) sandbox: Option<(String, u64)>,
    pub(crate) users: u64,
    /// The first access: read from MySQL, and the entry put into Redis.
    pub(crate) first_ns: f64,
    /// The second access: read from Redis.
    pub(crate) second_ns: f64,
}

/// The command line of some words, with the options that lead to the same servers.
pub(crate) type Command<'a> = &'a dyn Fn(&str) -> String;

/// The servers and the two accesses, as soon as they were made.
pub(crate) fn opening(opening: &Opening<'_>, command: Command<'_>) -> Page {
    let users = counted(opening.users, "user", "users");
    let title = title_of(opening.users);
    vec![
        Section::new(vec![Block::Sentence(servers(opening, &users, command))]),
        Section::titled(title, vec![Block::Table(accesses(opening.first_ns, opening.second_ns))]),
    ]
}

fn servers(opening: &Opening<'_>, users: &str, command: Command<'_>) -> String {
    let servers = capitalised(&head::servers(opening.mysql, opening.redis));
    match &opening.sandbox {
        Some((folder, bytes)) => format!(
            "{servers}, with {users}, in {folder}. {} stay there until `{}`.",
            units::bytes(*bytes as f64),
            command("sandbox destroy")
        ),
        None => format!("{servers}, with {users}."),
    }
}

/// The two accesses of a run of `demo`; none for other runs.
pub(super) fn accesses_of(run: &Run) -> Option<Section> {
    let found = run.first_accesses?;
    let title = title_of(run.dataset.as_ref()?.users);
    Some(Section::titled(title, vec![Block::Table(accesses(found.mysql_ns, found.redis_ns))]))
}

fn title_of(users: u64) -> String {
    let users = match users {
        1 => "the only user".to_owned(),
        users => format!("all {}", counted(users, "user", "users")),
    };
    format!("The old blog post: read {users}, first from MySQL, then from Redis")
}

/// The blog post's figures, as it prints them, beside ours.
fn accesses(first_ns: f64, second_ns: f64) -> Table {
    let row = |label: &str, blog: &str, ns: f64, remark: &str| {
        Row::new(label, vec![blog.to_owned(), units::duration(ns), remark.to_owned()])
    };
    let column = |title: &str, align| Column { title: title.to_owned(), align };
    Table {
        columns: vec![
            column("blog post", Align::Right),
            column("here", Align::Right),
            column("", Align::Left),
        ],
        rows: vec![
            row("from MySQL", "45,861 ms", first_ns, "its app was slow for reasons of its own"),
            row("from Redis", "5 ms", second_ns, "its 5 ms got a text that no program can decode"),
        ],
        ..Table::default()
    }
}

/// Many reads, what they mean, and what to try next.
pub(crate) fn closing(run: &Run, command: Command<'_>) -> Page {
    let mut sections = vec![measured(run)];
    sections.extend(warnings::in_short(run));
    sections.push(gain(run));
    sections.push(cost(run, command));
    sections.push(next(run, command));
    sections
}

/// Means, or medians if means are not to be trusted.
fn measured(run: &Run) -> Section {
    let (figure, of): (&str, fn(&PathRun) -> Option<f64>) = match summary::basis(run) {
        summary::Basis::Means => ("mean", mean_ns),
        summary::Basis::Typical => ("p50", |path| percentile(&path.percentiles_ns, "50")),
    };
    let table = |workload: &WorkloadRun| {
        let mut paths = table::named(std::slice::from_ref(workload));
        paths.retain(|(.., path)| path.operations > 0);
        let row = |(label, tone, path): &table::Named<'_>| Row {
            label: label.clone(),
            tone: *tone,
            cells: vec![duration(of(path))],
        };
        let rows = paths.iter().map(row).collect();
        let table = Table::of_numbers(title(&workload.name), [figure], rows);
        Block::Table(Table { chart: charts::of_paths(&paths, charts::MOST), ..table })
    };
    let blocks: Vec<Block> = run.workloads.iter().map(table).collect();
    let title = "Measured properly: many reads in turn, each answer checked";
    Section::titled(title, blocks)
}

fn title(workload: &str) -> &str {
    match workload {
        "all" => "all users, one key",
        "point" => "one user, one key",
        other => other,
    }
}

/// The gain of a hit, one entry for each workload.
pub(super) fn gain(run: &Run) -> Section {
    let basis = summary::basis(run);
    let entry = |workload: &WorkloadRun| {
        let label = title(&workload.name).split(',').next().unwrap_or_default();
        Entry::new(label, gain_of(&summary::Ratios::new(workload, basis)))
    };
    let entries = run.workloads.iter().map(entry).collect();
    let title = format!("What Redis buys ({})", summary::intervals(run));
    Section::titled(title, vec![Block::Entries(entries)])
}

fn gain_of(ratios: &summary::Ratios<'_>) -> String {
    let Some(speedup) = ratios.speedup else { return "too little was measured to tell".to_owned() };
    let times = |ratio: &Ratio| {
        let [ratio, low, high] = with_interval(*ratio);
        format!("{ratio} times ({low}-{high})")
    };
    match side_of_one(&speedup) {
        Side::Above => {
            let worth = match ratios.claim() {
                Worth::AboveBreakEven => {
                    format!("; worth it above {}, below that Redis makes reads slower", ratios.worth())
                }
                Worth::Always => "; worth it from the first hit".to_owned(),
                Worth::Never | Worth::Unsure => {
                    "; above which hit ratio it is worth it is lost in the noise".to_owned()
                }
            };
            format!("a hit is {} as fast as MySQL{worth}", times(&speedup))
        }
        Side::Below => {
            format!("even a hit takes {} as long as MySQL: not worth it", times(&inverse(&speedup)))
        }
        Side::Unsure => {
            format!("a hit is {} as fast as MySQL: no gain can be told from the noise", times(&speedup))
        }
    }
}

fn cost(run: &Run, command: Command<'_>) -> Section {
    // It stops Redis, which given servers must not be.
    let others = if is_own(run) { "or stampede, or outage" } else { "or stampede" };
    let text = format!(
        "And what it costs: values can be stale after a write, many readers can miss at the same time, Redis can be gone. See \
         it happen: `{}`, {others}.",
        command("scenario stale")
    );
    Section::new(vec![Block::Sentence(text)])
}

fn is_own(run: &Run) -> bool {
    run.environment.mysql.sandbox && run.environment.redis.sandbox
}

/// Commands that go on from here, each with its reason.
fn next(run: &Run, command: Command<'_>) -> Section {
    let mut commands =
        vec![("bench", "percentiles and hit ratios"), ("bench --clients 16", "the same under load")];
    if is_own(run) {
        commands.push(("demo --mysql-url URL --redis-url URL", "on your own servers"));
        commands.push(("sandbox start", "keep the servers running"));
    }
    let entries = commands.into_iter().map(|(words, why)| Entry::new(command(words), why)).collect();
    Section::titled("Next", vec![Block::Entries(entries)])
}

#[cfg(test)]
mod tests {
    use super::super::render::terminal::{self, Screen};
    use super::super::sample_runs::{self, latencies, path_of, workload_of};
    use super::*;
    use crate::run_file::Warning;

    fn told(run: &Run, width: usize) -> String {
        let environment = &run.environment;
        let command = |words: &str| format!("rcache {words}");
        let opening = opening(
            &Opening {
                mysql: &environment.mysql,
                redis: &environment.redis,
                sandbox: environment.mysql.sandbox.then(|| ("~/.local/state/rcache".to_owned(), 132_000_000)),
                users: 100_000,
                first_ns: 43.1e6,
                second_ns: 9.19e6,
            },
            &command,
        );
        let page = [opening, closing(run, &command)].concat();
        terminal::render(&page, &Screen { width, ..Screen::default() })
    }

    #[test]
    fn demo() {
        let page = told(&sample_runs::full(1_000), 80);
        assert!(page.lines().count() <= 60, "{page}");
        insta::assert_snapshot!(page);
    }

    #[test]
    fn an_experiment_that_stops_redis_is_proposed_for_private_servers_alone() {
        let mut run = sample_runs::full(1_000);
        for is_own in [true, false] {
            run.environment.mysql.sandbox = true;
            run.environment.redis.sandbox = is_own;
            assert_eq!(told(&run, 80).contains("outage"), is_own);
        }
    }

    #[test]
    fn demo_on_a_busy_machine() {
        let mut run = sample_runs::full(1_000);
        let warning = Warning { code: "busy_machine".to_owned(), message: String::new() };
        run.warnings.push(warning);
        insta::assert_snapshot!(told(&run, 80));
    }

    #[test]
    fn demo_where_redis_saves_nothing() {
        let mut run = sample_runs::full(1_000);
        run.environment.mysql.sandbox = false;
        run.environment.redis.sandbox = false;
        let path = |name, seed, middle_ns| path_of(name, &latencies(seed, 1_000, middle_ns, 0.2));
        let slower = vec![path("mysql", 1, 62e3), path("cold", 2, 910e3), path("warm", 3, 430e3)];
        let mut unsure = run.workloads[0].clone();
        unsure.speedup.as_mut().unwrap().ci95 = [0.54, 1.8];
        run.workloads = vec![unsure, workload_of("point", slower)];
        insta::assert_snapshot!(told(&run, 80));
    }

    #[test]
    fn demo_with_nothing_measured_on_a_narrow_page() {
        insta::assert_snapshot!(told(&sample_runs::full(0), 50));
    }
}
