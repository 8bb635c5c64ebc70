//! The text output of `rcache bench`: one page, from the setting to the warnings.

use super::layout::{entry, heading, page, text_column};
use super::{
    PLAIN, Style, assertions, by_workload, codecs, floors, servers, setting, summary, warnings, workload,
};
use crate::run_file::Run;

/// The whole page, with a line break at its end.
pub(crate) fn render(run: &Run, style: &Style) -> String {
    let mut blocks = setting::blocks(run, style);
    blocks.extend(by_workload(run).flat_map(|codecs| match codecs {
        [only] => workload::blocks(only, style),
        several => codecs::blocks(several, style),
    }));
    blocks.push(floors::block(run, style));
    blocks.push(servers::block(run, style));
    blocks.push(in_short(run, style));
    blocks.push(assertions::block(run, style));
    blocks.push(warnings::block(run, style));
    page(&blocks)
}

/// One entry a workload.
fn in_short(run: &Run, style: &Style) -> Vec<String> {
    if run.workloads.is_empty() {
        return Vec::new();
    }
    let column = text_column(run.workloads.iter().map(|workload| workload.name.as_str()));
    let entries = by_workload(run).flat_map(|codecs| {
        let text = match codecs {
            [only] => summary::sentences(only),
            several => codecs::sentences(several),
        };
        let name = codecs.first().map_or("", |workload| workload.name.as_str());
        entry(name, PLAIN, column, &text, style)
    });
    heading("In short (mean times; in brackets 95 % intervals)", style).into_iter().chain(entries).collect()
}

#[cfg(test)]
mod tests {
    use super::super::layout::columns_of;
    use super::super::sample_runs::{self, latencies, path_of, workload_of};
    use super::*;
    use crate::run_file::Warning;

    const PAGE: Style = Style { width: 80, color: false };

    #[test]
    fn full_run() {
        insta::assert_snapshot!(render(&sample_runs::full(10_000), &PAGE));
    }

    #[test]
    fn full_run_on_a_wide_page() {
        insta::assert_snapshot!(render(&sample_runs::full(10_000), &Style { width: 100, color: false }));
    }

    #[test]
    fn full_run_on_a_narrow_page() {
        insta::assert_snapshot!(render(&sample_runs::full(100), &Style { width: 56, color: false }));
    }

    #[test]
    fn percentiles_withheld() {
        insta::assert_snapshot!(render(&sample_runs::full(100), &PAGE));
    }

    #[test]
    fn interrupted_before_every_path_was_read() {
        let mut run = sample_runs::full(1_000);
        run.interrupted = true;
        run.workloads.truncate(1);
        run.workloads[0].paths[1] = path_of("cold", &latencies(2, 14, 31e6, 0.1));
        run.workloads[0].paths[2] = path_of("warm", &[]);
        insta::assert_snapshot!(render(&run, &PAGE));
    }

    #[test]
    fn interrupted_before_anything_was_read() {
        let mut run = sample_runs::full(0);
        run.interrupted = true;
        run.controls.clear();
        insta::assert_snapshot!(render(&run, &PAGE));
    }

    #[test]
    fn several_codecs_side_by_side() {
        insta::assert_snapshot!(render(&sample_runs::several_codecs(1_000), &PAGE));
    }

    #[test]
    fn errors_and_warnings() {
        let mut run = sample_runs::full(1_000);
        let paths = &mut run.workloads[0].paths;
        paths[1] = path_of("cold", &[]);
        paths[1].errors.insert("timeout".to_owned(), 1_000);
        paths[2].errors.insert("wrong_answer".to_owned(), 2);
        paths[2].errors.insert("connection".to_owned(), 1);
        paths[2].saturated = 1;
        let warning =
            |code: &str, message: &str| Warning { code: code.to_owned(), message: message.to_owned() };
        run.warnings = vec![
            warning(
                "debug_build",
                "this is a debug build, which is several times slower than a release build: build with \
                 `cargo build --release` and measure again",
            ),
            warning("errors", "1,003 reads failed: see the table of workload all\u{1b}[2J"),
        ];
        insta::assert_snapshot!(render(&run, &PAGE));
    }

    #[test]
    fn warm_slower_than_mysql() {
        let mut run = sample_runs::full(1_000);
        run.environment.redis.transport = "tcp+tls".to_owned();
        run.environment.redis.sandbox = false;
        run.controls[1] = sample_runs::control("redis", "PING", 410e3);
        run.workloads = vec![workload_of(
            "point",
            vec![
                path_of("mysql", &latencies(1, 1_000, 62e3, 0.2)),
                path_of("cold", &latencies(2, 1_000, 910e3, 0.2)),
                path_of("warm", &latencies(3, 1_000, 430e3, 0.2)),
            ],
        )];
        insta::assert_snapshot!(render(&run, &PAGE));
    }

    #[test]
    fn one_path_only() {
        let mut run = sample_runs::full(1_000);
        for workload in &mut run.workloads {
            workload.paths.truncate(1);
        }
        insta::assert_snapshot!(render(&run, &PAGE));
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_colour_changes_no_letter() {
        for (run, width) in [sample_runs::full(10_000), sample_runs::several_codecs(10_000)]
            .iter()
            .flat_map(|run| [40, 60, 79, 80, 92, 100].map(|width| (run, width)))
        {
            let plain = render(run, &Style { width, color: false });
            for line in plain.lines() {
                assert!(columns_of(line) <= width, "{width}: {line}");
            }
            let colored = render(run, &Style { width, color: true });
            assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
        }
    }
}
