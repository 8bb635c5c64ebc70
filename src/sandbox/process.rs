//! Knows a process again by more than its number, so that no signal ever reaches a stranger that
//! got the number of a server of ours after it ended.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

const POLL: Duration = Duration::from_millis(2);
/// The time that a server may take to end by itself, and the kernel to end it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process: its number and when it began, which no later process with that number shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// Boot and clock ticks since then on Linux, a time of day elsewhere.
    started: String,
}

impl Identity {
    /// The process that has this number now; none if there is none (or only what is left of one).
    pub(super) fn of(pid: u32) -> Option<Self> {
        system::started(pid).map(|started| Self { pid, started })
    }

    /// Reads what was recorded at its start, see [`super::child`].
    pub(super) fn from_record(text: &str) -> Option<Self> {
        system::parse_record(text).map(|(pid, started)| Self { pid, started })
    }

    /// The record that [`Self::from_record`] reads.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn to_record(&self) -> String {
        format!("{} {}", self.pid, self.started)
    }

    /// Whether a signal has suspended it, as far as the system says.
    pub(super) fn is_suspended(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').next());
        matches!(state, Some("T" | "t"))
    }

    pub(super) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Signals this very process; `false` if it is gone.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        system::signal(self, pid, signal)
    }
}

/// Asks all to end, waits, then insists; whether none of them runs any more.
pub(super) fn end<T: ?Sized>(
    all: &mut T,
    signal: impl Fn(&mut T, Signal) -> io::Result<()>,
    run: impl Fn(&mut T) -> io::Result<bool>,
) -> io::Result<bool> {
    for strength in [Signal::TERM, Signal::KILL] {
        signal(all, strength)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if !run(all)? {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                break;
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(false)
}

/// Ends processes that are not our children, and returns those that remain.
pub(super) fn end_all(processes: &[Identity]) -> io::Result<Vec<Identity>> {
    let mut left = processes.to_vec();
    end(
        &mut left,
        |left, signal| left.iter().try_for_each(|process| process.signal(signal).map(drop)),
        |left| {
            left.retain(Identity::is_alive);
            Ok(!left.is_empty())
        },
    )?;
    Ok(left)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

    use super::Identity;

    pub(super) fn started(pid: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, state, ticks) = parse_stat(&stat)?;
        // A zombie has ended; where nobody collects it (a container without an init) it would stay
        // for ever.
        (!matches!(state, "Z" | "X")).then(|| token(&boot_id(), ticks))
    }

    pub(super) fn parse_record(text: &str) -> Option<(u32, String)> {
        let (boot, stat) = text.split_once('\n')?;
        let (pid, _, ticks) = parse_stat(stat)?;
        Some((pid, token(boot, ticks)))
    }

    pub(super) fn signal(process: &Identity, pid: Pid, signal: Signal) -> io::Result<bool> {
        // The handle pins the process before it is verified: nothing else can take its place after
        // that.
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => Some(handle),
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(_) => None,
        };
        if !process.is_alive() {
            return Ok(false);
        }
        match handle.map_or_else(|| kill_process(pid, signal), |handle| pidfd_send_signal(handle, signal)) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Number, state and start time (fields 1, 3, 22) of `/proc/PID/stat`. The name in field 2 may
    /// hold anything.
    fn parse_stat(stat: &str) -> Option<(u32, &str, &str)> {
        let (pid, _) = stat.split_once(' ')?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?;
        let ticks = fields.nth(18)?;
        ticks.parse::<u64>().ok()?;
        Some((pid.parse().ok()?, state, ticks))
    }

    fn token(boot: &str, ticks: &str) -> String {
        format!("{} {ticks}", boot.trim())
    }

    /// Ticks count from the boot, so they mean nothing without it.
    pub(in crate::sandbox) fn boot_id() -> String {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn a_name_with_brackets_and_spaces_does_not_mislead() {
            let stat = "42 (a) R 1 (b) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
            assert_eq!(super::parse_stat(stat), Some((42, "S", "98765")));
            assert_eq!(super::parse_stat("42 (cut) S 1 2"), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::process::Command;

    use rustix::process::{Pid, Signal, kill_process};

    use super::Identity;

    /// The second in which it began, by `ps`, which every Unix has.
    pub(super) fn started(pid: u32) -> Option<String> {
        let output = Command::new("ps")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let (state, started) = text.split_once(char::is_whitespace)?;
        (!state.starts_with('Z')).then(|| started.trim().to_owned())
    }

    pub(super) fn parse_record(text: &str) -> Option<(u32, String)> {
        let (pid, started) = text.trim().split_once(' ')?;
        Some((pid.parse().ok()?, started.to_owned()))
    }

    pub(super) fn signal(process: &Identity, pid: Pid, signal: Signal) -> io::Result<bool> {
        if !process.is_alive() {
            return Ok(false);
        }
        match kill_process(pid, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use system::boot_id;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_again_and_a_stranger_with_its_number_is_not() {
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let real = Identity::of(sleeper.id()).unwrap();
        assert!(real.is_alive());
        let stranger = Identity { pid: sleeper.id(), started: "another boot 1".to_owned() };
        assert!(!stranger.is_alive());
        assert!(!stranger.signal(Signal::KILL).unwrap());
        assert!(end_all(&[stranger]).unwrap().is_empty());
        assert!(sleeper.try_wait().unwrap().is_none(), "the innocent process must live");
        // Nobody collects it before the end of the test: a zombie counts as gone.
        assert!(end_all(std::slice::from_ref(&real)).unwrap().is_empty());
        assert!(!real.is_alive());
        sleeper.wait().unwrap();
    }

    #[test]
    fn number_zero_is_nobody() {
        let nobody = Identity { pid: 0, started: String::new() };
        assert!(!nobody.is_alive());
        assert!(!nobody.signal(Signal::KILL).unwrap());
    }
}
