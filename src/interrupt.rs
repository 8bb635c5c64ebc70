//! The signals that ask a program to end, as a flag that long work looks at, so that destructors
//! still run and what was measured is still printed and saved.

mod input;
pub(crate) mod unfinished;

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

pub(crate) use self::input::{Input, open, stdin};

/// Exit status of an interrupted command, by the shells' convention for SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// Signals within this time of the first one belong to the same request: `timeout` signals a
/// command and then its group, and a terminal that is closed sends two kinds.
const GRACE: Duration = Duration::from_secs(2);
/// A command that ends within this time ends without a word about how to end it faster.
const SILENCE: Duration = Duration::from_millis(400);

/// The effect of the first signal on a command, in words for the person who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It prints and saves what it has measured.
    Saves,
    /// It answers the requests that it has accepted.
    #[cfg(feature = "serve")]
    Answers,
    /// It leaves nothing half done.
    Finishes,
}

impl Ending {
    fn notice(self) -> String {
        let (doing, lost) = match self {
            Self::Saves => ("finishing, then printing and saving what was measured", ", without saving"),
            #[cfg(feature = "serve")]
            Self::Answers => ("closing connections and stopping", ""),
            Self::Finishes => ("finishing", ""),
        };
        format!("interrupted: {doing}; press Ctrl-C again in 2 s or later to end immediately{lost}")
    }
}

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    FLAG.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// Listens to signals from now on. The first raises the flag; one that comes [`GRACE`] later or
/// more removes the files that are not complete and ends the process (the kernel then ends the
/// private servers). A third one ends it even if the files cannot be removed. `say` is called once,
/// if the command takes a while to end.
pub(crate) fn install(ending: Ending, say: impl FnOnce(&str) + Send + 'static) -> io::Result<()> {
    let (first, sender) = UnixStream::pair()?;
    let armed = Arc::new(AtomicBool::new(false));
    for signal in signals() {
        // The order is the order in which they run: a signal must not act on what it has just set
        // itself.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(EXIT_INTERRUPTED),
            Arc::clone(&armed),
        )?;
        signal_hook::flag::register(signal, Arc::clone(flag()))?;
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || watch(first, &armed, move || say(&ending.notice())))?;
    Ok(())
}

/// Waits for the first signal, says how a second one is taken, and ends the process when that
/// comes.
fn watch(mut signals: UnixStream, armed: &AtomicBool, say: impl FnOnce() + Send + 'static) {
    if signals.read_exact(&mut [0]).is_err() {
        return;
    }
    // On a thread of its own: a terminal that takes no text must not keep the second signal away.
    let _ = std::thread::Builder::new().name("notice".to_owned()).spawn(move || {
        std::thread::sleep(SILENCE);
        say();
    });
    std::thread::sleep(GRACE);
    if forget(&mut signals).and_then(|()| signals.read_exact(&mut [0])).is_err() {
        return;
    }
    armed.store(true, Ordering::SeqCst);
    let _none_is_made = unfinished::remove_all();
    signal_hook::low_level::exit(i32::from(EXIT_INTERRUPTED))
}

/// Takes the signals that came with the first one.
fn forget(signals: &mut UnixStream) -> io::Result<()> {
    signals.set_nonblocking(true)?;
    while matches!(signals.read(&mut [0; 64]), Ok(1..)) {}
    signals.set_nonblocking(false)
}

/// All that ask a program to end; but not SIGHUP if it was ignored when we started, as `nohup` has
/// it.
fn signals() -> impl Iterator<Item = i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let survives_hangup = is_ignored(&status, SIGHUP);
    [SIGINT, SIGTERM, SIGQUIT, SIGHUP].into_iter().filter(move |signal| *signal != SIGHUP || !survives_hangup)
}

/// Whether the mask of ignored signals in `/proc/self/status` holds this one; elsewhere than on
/// Linux nothing is known.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// True once the program was asked to stop.
pub(crate) fn requested() -> bool {
    flag().load(Ordering::Relaxed)
}

/// The work was given up because the program was asked to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// `Err(Interrupted)` once the program was asked to stop.
pub(crate) fn check() -> Result<(), Interrupted> {
    if requested() { Err(Interrupted) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_command_that_measures_says_that_it_saves() {
        assert!(Ending::Saves.notice().contains("without saving"));
        let others = [
            #[cfg(feature = "serve")]
            Ending::Answers,
            Ending::Finishes,
        ];
        assert!(others.iter().all(|ending| !ending.notice().contains("saving")));
        let said = others.into_iter().chain([Ending::Saves]).map(Ending::notice);
        for text in said {
            assert!(text.starts_with("interrupted: ") && text.contains("press Ctrl-C again"), "{text}");
        }
    }

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(status, SIGHUP));
        assert!(!is_ignored(status, SIGINT) && !is_ignored(status, SIGTERM));
        assert!(!is_ignored("", SIGHUP) && !is_ignored("SigIgn:\tx", SIGHUP));
    }
}
