//! `bench --runs N`: the same bench in N processes one after the other, so that what differs
//! between runs is measured.
//!
//! Each run is this very program with the same command line and its number: memory layout,
//! connections, the placement of threads, private servers and the order of keys are drawn anew. Its
//! document comes back over stdout.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::console::Console;
use crate::assertion::Assertion;
use crate::bench::Measured;
use crate::interrupt;
use crate::run_file::{Run, WorkloadRun, load, pool};
use crate::verdict;

/// The argument that makes a process one of several runs.
pub(super) const ARGUMENT: &str = "--one-of-runs";

/// The time between two looks at whether a run is over.
const POLL: Duration = Duration::from_millis(20);

/// Measures all runs, or as many as there were before an interrupt or a failure.
pub(super) fn measure(runs: u16, assertions: &[Assertion], console: &Console) -> anyhow::Result<Measured> {
    let mut finished = Vec::new();
    let mut first_error = None;
    for number in 1..=runs {
        if interrupt::requested() {
            break;
        }
        console.note(&format!("Run {number} of {runs}"));
        let ended = Ended::of_run(number)?;
        let failed = format!("run {number} of {runs} ended with {}", ended.status);
        match ended.run {
            // What was cut short is no run like the others.
            Ok(run) if run.interrupted && !finished.is_empty() => break,
            Ok(run) => {
                let good = ended.status.success() || run.interrupted;
                finished.push(run);
                if !good {
                    first_error = Some(format!("{failed}; its message is above"));
                    break;
                }
            }
            Err(_) if interrupt::requested() => break,
            Err(error) if finished.is_empty() => bail!("{failed}, and gave no result: {error}"),
            Err(_) => {
                first_error = Some(format!("{failed}, and gave no result; its message is above"));
                break;
            }
        }
    }
    if finished.len() < usize::from(runs) {
        let (were, these) = if finished.len() == 1 { ("was", "this one") } else { ("were", "these") };
        console.warning(&format!(
            "{} of {runs} runs {were} finished; the numbers cover {these}",
            finished.len()
        ));
    }
    let failed_reads = finished.iter().map(failed_reads).sum();
    let judge = |workloads: &[WorkloadRun]| verdict::judge(assertions, workloads);
    let Some(run) = pool::pool_runs(&finished, interrupt::requested(), judge) else {
        return Err(interrupt::Interrupted.into());
    };
    Ok(Measured { run, failed_reads, first_error })
}

fn failed_reads(run: &Run) -> u64 {
    let paths = run.workloads.iter().flat_map(|workload| &workload.paths);
    paths.flat_map(|path| path.errors.values()).sum()
}

/// A run that is over.
struct Ended {
    status: ExitStatus,
    run: Result<Run, load::LoadError>,
}

impl Ended {
    fn of_run(number: u16) -> anyhow::Result<Self> {
        let what = || format!("cannot start run {number}");
        let mut output = tempfile::tempfile().with_context(what)?;
        let program = std::env::current_exe().with_context(what)?;
        let child = Command::new(program)
            .args(std::env::args_os().skip(1))
            .args([ARGUMENT, &number.to_string()])
            .stdin(Stdio::null())
            .stdout(output.try_clone().with_context(what)?)
            .spawn()
            .with_context(what)?;
        let status = wait(child).with_context(|| format!("cannot wait for run {number}"))?;
        let document =
            read(&mut output).with_context(|| format!("cannot read the result of run {number}"))?;
        Ok(Self { status, run: load::parse(&document) })
    }
}

/// Passes one interrupt on: a terminal tells both of us, a supervisor perhaps only this process.
fn wait(mut child: Child) -> std::io::Result<ExitStatus> {
    let mut is_told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::requested() && !is_told {
            is_told = true;
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // It may just have ended by itself.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        std::thread::sleep(POLL);
    }
}

fn read(output: &mut File) -> std::io::Result<Vec<u8>> {
    output.rewind()?;
    let mut document = Vec::new();
    output.read_to_end(&mut document)?;
    Ok(document)
}
