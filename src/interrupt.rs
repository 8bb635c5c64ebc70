//! Ctrl-C and SIGTERM as a flag that long work looks at, so that destructors still run and what was
//! measured is still printed.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Exit status of an interrupted command, by the shells' convention for SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    FLAG.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// From now on the first signal raises the flag; a second one ends the process at once (the kernel
/// then ends the private servers).
pub(crate) fn install() -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(EXIT_INTERRUPTED),
            Arc::clone(flag()),
        )?;
        signal_hook::flag::register(signal, Arc::clone(flag()))?;
    }
    Ok(())
}

/// True once somebody asked us to stop.
pub(crate) fn requested() -> bool {
    flag().load(Ordering::Relaxed)
}

/// The work was given up because somebody asked us to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// `Err(Interrupted)` once somebody asked us to stop.
pub(crate) fn check() -> Result<(), Interrupted> {
    if requested() { Err(Interrupted) } else { Ok(()) }
}
