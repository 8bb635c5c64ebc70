//! The end of `rcache demo`: the blog post's two accesses beside our own, and what they mean.

use super::layout::{INDENT, counted, entry, heading, page, paragraph, text_column};
use super::summary::{self, Side, side_of_one};
use super::{PLAIN, Style, table};
use crate::run_file::{Ratio, Run, WorkloadRun};
use crate::units;

/// The blog post's figures, as it prints them.
const BLOG_FIRST: &str = "45,861 ms";
const BLOG_SECOND: &str = "5 ms";

/// The blog post's two accesses, made once each by us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accesses {
    /// Read from MySQL, entry put into Redis.
    pub(crate) first_ns: f64,
    /// Read from Redis.
    pub(crate) second_ns: f64,
    /// Users that each of them returned.
    pub(crate) users: u64,
    pub(crate) entry_bytes: u64,
}

const LEFT_OUT: &str = "\
Its app cached str(list), a text that no program can turn back into users: its second access never \
paid for decoding. Its first was slow for reasons of its own: a driver of today reads 100,000 users \
in tens of milliseconds. It says nothing of what a miss costs, of values that go stale after a write, of many \
readers who miss at once, or of Redis being gone.";

/// The two accesses, as soon as they were made.
pub(crate) fn accesses(accesses: &Accesses, style: &Style) -> String {
    page(&[section("The blog post's two accesses, and ours", told(accesses, style), style)])
}

/// What the blog post left out, what the bench adds, what to try next. `program` is what to type for rcache.
pub(crate) fn meaning(run: &Run, program: &str, style: &Style) -> String {
    page(&[
        section("What the blog post left out", paragraph(LEFT_OUT, style), style),
        section("What the bench adds (in brackets 95 % intervals)", added(run, style), style),
        section("What to try next", listed(&next(run, program), style), style),
    ])
}

fn section(title: &str, lines: Vec<String>, style: &Style) -> Vec<String> {
    [heading(title, style), lines].concat()
}

fn told(accesses: &Accesses, style: &Style) -> Vec<String> {
    let row = |name: &str, blog: &str, ns: f64| vec![name.to_owned(), blog.to_owned(), units::duration(ns)];
    let grid = [
        ["", "blog post", "here"].map(str::to_owned).to_vec(),
        row("first access: from MySQL", BLOG_FIRST, accesses.first_ns),
        row("second access: from Redis", BLOG_SECOND, accesses.second_ns),
    ];
    let returned = format!(
        "Each of ours returned {}, decoded and ready to use; the first also left an entry of {} in Redis.",
        counted(accesses.users, "user", "users"),
        units::bytes(accesses.entry_bytes as f64)
    );
    table::set(&grid, 1, style).into_iter().chain(paragraph(&returned, style)).collect()
}

/// What a hit saves and what a miss costs in each workload, and what follows.
fn added(run: &Run, style: &Style) -> Vec<String> {
    let column = text_column(run.workloads.iter().map(|workload| workload.name.as_str()));
    let mut lines: Vec<String> = run
        .workloads
        .iter()
        .filter_map(|workload| Some((workload, summary::verdict(workload)?)))
        .flat_map(|(workload, verdict)| entry(&workload.name, PLAIN, column, &verdict, style))
        .collect();
    if lines.is_empty() {
        lines.extend(paragraph("Nothing: too little was measured to compare the paths.", style));
    } else if let Some(text) = conclusion(run) {
        lines.extend(paragraph(text, style));
    }
    lines
}

fn conclusion(run: &Run) -> Option<&'static str> {
    let sides = |ratio: fn(&WorkloadRun) -> Option<Ratio>| {
        run.workloads.iter().filter_map(move |workload| Some(side_of_one(&ratio(workload)?)))
    };
    let (mut hits, mut misses) =
        (sides(|workload| workload.speedup), sides(|workload| workload.miss_penalty));
    let known = sides(|workload| workload.speedup).next().is_some();
    match (known, hits.any(|side| side == Side::Above), misses.any(|side| side == Side::Above)) {
        (false, ..) => None,
        (_, true, true) => Some(
            "So Redis pays where an entry is read again and again before it expires or a write removes it. \
             Where most reads miss, it costs time.",
        ),
        (_, true, false) => Some("So Redis pays wherever an entry is read again before it expires."),
        (_, false, _) => Some(
            "So on these servers Redis saves no time that can be seen. It can still take reads off a busy \
             MySQL.",
        ),
    }
}

/// Commands that go on from here, each with its reason.
fn next(run: &Run, program: &str) -> Vec<(String, &'static str)> {
    let mut commands = vec![if run.config.iterations < 1_000 {
        ("bench --iterations 1000", "steadier numbers, p99 among them")
    } else {
        ("bench --iterations 10000", "steadier numbers, p99.9 among them")
    }];
    if run.environment.mysql.sandbox || run.environment.redis.sandbox {
        commands.push(("sandbox start", "keep the private servers running between commands"));
        commands.push(("demo --mysql-url URL --redis-url URL", "the same on servers of your own"));
    }
    commands.into_iter().map(|(command, why)| (format!("{program} {command}"), why)).collect()
}

/// Reasons beside the commands, or below them where there is no room for a few words.
fn listed(commands: &[(String, &str)], style: &Style) -> Vec<String> {
    let column = text_column(commands.iter().map(|(command, _)| command.as_str()));
    if column + 25 <= style.columns() {
        return commands
            .iter()
            .flat_map(|(command, why)| entry(command, PLAIN, column, why, style))
            .collect();
    }
    let margin = " ".repeat(INDENT);
    commands
        .iter()
        .flat_map(|(command, why)| {
            let why = paragraph(why, style).into_iter().map(|line| format!("{margin}{line}"));
            std::iter::once(format!("{margin}{command}")).chain(why).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs::{self, latencies, path_of, workload_of};
    use super::*;

    const ACCESSES: Accesses =
        Accesses { first_ns: 33.4e6, second_ns: 2.1e6, users: 100_000, entry_bytes: 4_613_734 };

    fn told_whole(run: &Run, style: &Style) -> String {
        format!("{}\n{}", accesses(&ACCESSES, style), meaning(run, "rcache", style))
    }

    #[test]
    fn demo() {
        insta::assert_snapshot!(told_whole(&sample_runs::full(100), &Style::default()));
    }

    #[test]
    fn demo_where_redis_saves_nothing() {
        let mut run = sample_runs::full(1_000);
        run.environment.mysql.sandbox = false;
        run.environment.redis.sandbox = false;
        run.workloads = vec![workload_of(
            "point",
            vec![
                path_of("mysql", &latencies(1, 1_000, 62e3, 0.2)),
                path_of("warm", &latencies(3, 1_000, 430e3, 0.2)),
            ],
        )];
        insta::assert_snapshot!(told_whole(&run, &Style::default()));
    }

    #[test]
    fn demo_with_nothing_measured_on_a_narrow_page() {
        let style = Style { width: 50, color: false };
        insta::assert_snapshot!(told_whole(&sample_runs::full(0), &style));
    }
}
