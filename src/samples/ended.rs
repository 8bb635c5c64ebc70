//! The reason why a measurement ended.

/// Why a measurement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All reads that were asked for are done.
    Complete,
    /// The time is up.
    TimeIsUp,
    /// Every ratio is known to two digits.
    Precise,
    /// By a signal or a failure.
    Early,
}

impl Ended {
    /// Its name in the run file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::TimeIsUp => "time",
            Self::Precise => "precise",
            Self::Early => "early",
        }
    }
}
