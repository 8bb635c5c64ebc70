//! Our requests to the servers, counted as they count them.

/// Requests sent, whatever became of them: measured reads, warm-up, preparation and controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestCounts {
    /// SELECT statements as text.
    pub(crate) text_selects: u64,
    /// Executions of a prepared SELECT.
    pub(crate) executes: u64,
    /// Keys that Redis was asked for: one for a GET and for each script of the protocol, one a key
    /// for EXISTS, two a key for the script that removes entries.
    pub(crate) look_ups: u64,
}

impl RequestCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.text_selects += other.text_selects;
        self.executes += other.executes;
        self.look_ups += other.look_ups;
    }

    /// Counts questions of a query.
    pub(crate) fn asked(&mut self, questions: u64, is_prepared: bool) {
        if is_prepared {
            self.executes += questions;
        } else {
            self.text_selects += questions;
        }
    }

    /// The SELECTs of both protocols: `Com_select` counts a prepared SELECT each time that it is
    /// executed.
    pub(crate) fn selects(&self) -> u64 {
        self.text_selects + self.executes
    }
}

/// Round trips: how often a request was sent and its reply awaited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchanges {
    pub(crate) mysql: u64,
    pub(crate) redis: u64,
}

impl Exchanges {
    pub(crate) fn add(&mut self, other: Self) {
        self.mysql += other.mysql;
        self.redis += other.redis;
    }

    /// Those that were made after `earlier`; a connection that was opened anew counts from zero.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            mysql: self.mysql.saturating_sub(earlier.mysql),
            redis: self.redis.saturating_sub(earlier.redis),
        }
    }
}

/// Which counter of which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    Selects,
    Executes,
    LookUps,
}

impl Counter {
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::Selects | Self::Executes => "MySQL",
            Self::LookUps => "Redis",
        }
    }

    /// The name that the server gives it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Selects => "Com_select",
            Self::Executes => "Com_stmt_execute",
            Self::LookUps => "keyspace_hits + keyspace_misses",
        }
    }
}
