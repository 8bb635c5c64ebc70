//! The signals that ask a program to end, as a flag that long work looks at, so that destructors
//! still run and what was measured is still printed and saved.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

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
/// more ends the process immediately (the kernel then ends the private servers). `say` is called
/// once, if the command takes a while to end.
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
        .spawn(move || watch(first, &armed, || say(&ending.notice())))?;
    Ok(())
}

/// Waits for the first signal, says how a second one is taken, and arms it when it is time.
fn watch(mut first: UnixStream, armed: &AtomicBool, say: impl FnOnce()) {
    if first.read_exact(&mut [0]).is_err() {
        return;
    }
    std::thread::sleep(SILENCE);
    say();
    std::thread::sleep(GRACE.saturating_sub(SILENCE));
    armed.store(true, Ordering::SeqCst);
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

/// Standard input. After an interrupt it fails instead of waiting for more, be that a person or a
/// program.
#[derive(Debug)]
pub(crate) struct Stdin {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// The part of the piece that was handed out.
    at: usize,
}

/// Time between two looks for an interrupt while nothing comes.
const LOOK: Duration = Duration::from_millis(50);
const PIECE_BYTES: usize = 64 * 1024;

/// Reads standard input on a thread of its own, which may be left waiting when the program ends.
pub(crate) fn stdin() -> io::Result<Stdin> {
    let (sender, pieces) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let outcome = input.read(&mut piece).map(|count| {
                piece.truncate(count);
                piece
            });
            let is_last = !matches!(&outcome, Ok(piece) if !piece.is_empty());
            if sender.send(outcome).is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(Stdin { pieces, piece: Vec::new(), at: 0 })
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            match self.pieces.recv_timeout(LOOK) {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
                // Not of the kind Interrupted, which readers try again.
                Err(RecvTimeoutError::Timeout) => check().map_err(io::Error::other)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
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
