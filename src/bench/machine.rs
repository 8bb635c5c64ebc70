//! The load of this machine, as Linux reports it; elsewhere it is unknown.

use std::fs;

use crate::stats::warnings::Warning;

/// With less than a quarter of the cores free, a client and two servers wait for one another.
const BUSY_LOAD_PER_CORE: f64 = 0.75;
/// Less than this moves no number that is reported.
const STOLEN_SHARE: f64 = 0.02;

/// Whether others keep the machine busy right now.
pub(super) fn busy() -> Option<Warning> {
    let load = parse_load(&fs::read_to_string("/proc/loadavg").ok()?)?;
    let cores = parse_times(&fs::read_to_string("/proc/stat").ok()?)?.cores;
    judge_load(load, cores)
}

/// The first fields of `/proc/loadavg`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Load {
    /// Over the last minute.
    average: f64,
    /// Tasks that run or could run at this instant, this one included.
    running: u64,
}

fn parse_load(text: &str) -> Option<Load> {
    let mut fields = text.split_whitespace();
    let average = fields.next()?.parse().ok()?;
    let running = fields.nth(2)?.split('/').next()?.parse().ok()?;
    Some(Load { average, running })
}

/// The average alone also remembers what is over, such as the build of this very program.
fn judge_load(load: Load, cores: u64) -> Option<Warning> {
    let busy = cores > 0 && load.average / cores as f64 >= BUSY_LOAD_PER_CORE && load.running > 1;
    busy.then_some(Warning::BusyMachine { load: load.average, cores })
}

/// Processor time since the machine started, all cores together, from `/proc/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    cores: u64,
    total: u64,
    stolen: u64,
}

impl Times {
    pub(super) fn now() -> Option<Self> {
        parse_times(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Whether the hypervisor took much of the time since then.
    pub(super) fn stolen_since(self) -> Option<Warning> {
        judge_times(self, Self::now()?)
    }
}

/// Follows `man 5 proc_stat`: user, nice, system, idle, iowait, irq, softirq, steal; guest time is
/// in user already.
fn parse_times(text: &str) -> Option<Times> {
    const STEAL: usize = 7;
    let mut lines = text.lines();
    let all = lines.next()?.strip_prefix("cpu ")?;
    let fields: Option<Vec<u64>> =
        all.split_whitespace().take(STEAL + 1).map(|field| field.parse().ok()).collect();
    let fields = fields?;
    let total = fields.iter().try_fold(0u64, |sum, field| sum.checked_add(*field))?;
    let cores = lines.take_while(|line| line.starts_with("cpu")).count() as u64;
    Some(Times { cores, total, stolen: *fields.get(STEAL)? })
}

fn judge_times(before: Times, after: Times) -> Option<Warning> {
    let total = after.total.checked_sub(before.total).filter(|total| *total > 0)?;
    let share = after.stolen.checked_sub(before.stolen)? as f64 / total as f64;
    (share >= STOLEN_SHARE).then_some(Warning::StolenTime { share })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_average_counts_by_the_core_and_only_while_somebody_runs() {
        let load = parse_load("1.63 0.79 0.97 3/612 12345\n").unwrap();
        assert_eq!(load, Load { average: 1.63, running: 3 });
        assert!(matches!(judge_load(load, 2), Some(Warning::BusyMachine { cores: 2, .. })));
        assert_eq!(judge_load(load, 4), None);
        assert_eq!(judge_load(Load { running: 1, ..load }, 2), None, "what made the load is over");
        assert_eq!(judge_load(load, 0), None);
        for text in ["", "x", "1.0", "1.0 1.0 1.0", "1.0 1.0 1.0 x/1 2"] {
            assert_eq!(parse_load(text), None, "{text:?}");
        }
    }

    #[test]
    fn stolen_time_is_a_share_of_all_time() {
        let text = |idle, steal| {
            format!("cpu  100 0 50 {idle} 5 0 5 {steal} 9 9\ncpu0 1 2\ncpu1 1 2\nintr 5 cpu\nctxt 1\n")
        };
        let before = parse_times(&text(840, 0)).unwrap();
        assert_eq!(before, Times { cores: 2, total: 1_000, stolen: 0 });
        let after = |idle, steal| parse_times(&text(idle, steal)).unwrap();
        let judged = judge_times(before, after(930, 10));
        assert_eq!(judged, Some(Warning::StolenTime { share: 0.1 }));
        assert_eq!(judge_times(before, after(1_840, 10)), None);
        assert_eq!(judge_times(before, before), None);
        for text in ["", "cpu", "cpu  1 2 3", "cpu  1 2 3 4 5 6 7 x", "intr 5"] {
            assert_eq!(parse_times(text), None, "{text:?}");
        }
    }
}
