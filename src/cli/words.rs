//! Words that are typed, and stand in the output and in the run file as they were typed.

use clap::ValueEnum;
use clap::builder::PossibleValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Workload {
    /// every user, one key
    All,
    /// 50 users in a row by primary key, one key a page
    Page,
    /// one user by primary key, one key a user
    Point,
    /// the ten most frequent e-mail domains with their counts, one key
    Aggregate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum ReadPath {
    /// no cache
    Mysql,
    /// a miss: the entry is absent; look and lease, SELECT, encode, store in the place of the lease
    Cold,
    /// a hit
    Warm,
    /// the usual miss, whose SET may store a stale row: GET, SELECT, encode, SET; for comparison with cold
    Naive,
    /// no cache, and the database has just restarted: pages come from disk; only with the sandbox's own database
    Disk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Codec {
    /// columns, decoded without a copy
    Arrow,
    /// compact rows
    Postcard,
    /// compact rows that programs in any language read
    Msgpack,
    /// readable rows
    Json,
}

/// How a query of the user's own is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum StatementKind {
    /// prepared once a connection, binary values
    Prepared,
    /// whole each time, with its parameters written into it
    Text,
}

/// What becomes of the processor's cores while reads are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Cores {
    /// kept awake where the system lets us, and every block read for the same time on each, where there are two a
    /// client: no path is lucky with the scheduler, and runs repeat
    Steady,
    /// left to the system
    Free,
}

/// What is typed behind `rcache scenario`: one scenario, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScenarioChoice {
    One(ScenarioName),
    All,
}

impl ValueEnum for ScenarioChoice {
    fn value_variants<'a>() -> &'a [Self] {
        use ScenarioName::{Avalanche, Corrupt, Metastable, Outage, Penetration, Stale, Stampede};
        &[
            Self::One(Stale),
            Self::One(Stampede),
            Self::One(Outage),
            Self::One(Avalanche),
            Self::One(Penetration),
            Self::One(Corrupt),
            Self::One(Metastable),
            Self::All,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(name) => name.to_possible_value(),
            Self::All => {
                Some(PossibleValue::new("all").help("each of them in turn, and a summary at the end"))
            }
        }
    }
}

impl Workload {
    /// The fastest: columns pay where there are many rows.
    pub(crate) fn default_codec(self) -> Codec {
        match self {
            Self::All => Codec::Arrow,
            Self::Page | Self::Point | Self::Aggregate => Codec::Postcard,
        }
    }
}

/// What a scenario does unless something else is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScenarioDefaults {
    pub(crate) clients: u16,
    /// Of each arm; of the scenario outage, of each time without Redis.
    pub(crate) duration_s: u16,
    /// How many durations all arms take together.
    pub(crate) durations: u16,
}

impl ScenarioName {
    /// The one definition: help is made of it, and the scenarios take it.
    pub(crate) const fn defaults(self) -> ScenarioDefaults {
        let (clients, duration_s, durations) = match self {
            Self::Stale => (16, 2, 6),
            Self::Stampede => (64, 10, 4),
            Self::Outage => (8, 2, 21),
            Self::Avalanche => (16, 10, 3),
            Self::Penetration => (8, 3, 3),
            Self::Corrupt => (8, 3, 2),
            // And two seconds before the flush.
            Self::Metastable => (64, 12, 2),
        };
        ScenarioDefaults { clients, duration_s, durations }
    }

    pub(crate) const ALL: [Self; 7] = [
        Self::Stale,
        Self::Stampede,
        Self::Outage,
        Self::Avalanche,
        Self::Penetration,
        Self::Corrupt,
        Self::Metastable,
    ];

    /// What goes wrong in it, in one line.
    pub(crate) fn meaning(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }
}

/// The failures that can be provoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum ScenarioName {
    /// reads return rows that a write has replaced: a reader stores the old row after the writer removed the entry
    Stale,
    /// a popular value expires, and every client that wants it asks the database at the same time
    Stampede,
    /// Redis stops answering, goes on, is killed, comes back empty; only in the sandbox
    Outage,
    /// thousands of values that were loaded at once expire together
    Avalanche,
    /// reads of rows that do not exist go past the cache to the database
    Penetration,
    /// entries get damaged: flipped bits, values cut short or under the wrong key, values of other programs
    Corrupt,
    /// a load that only the cache makes bearable: after a flush the database never catches up
    Metastable,
}

/// The words of the command line are the words of the run file too.
macro_rules! named {
    ($($type:ty { $($variant:ident = $name:literal),+ })+) => {$(
        impl $type {
            /// Its name on the command line, in the output and in the run file.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    )+};
}
named! {
    Workload { All = "all", Page = "page", Point = "point", Aggregate = "aggregate" }
    ReadPath { Mysql = "mysql", Cold = "cold", Warm = "warm", Naive = "naive", Disk = "disk" }
    ScenarioName { Stale = "stale", Stampede = "stampede", Outage = "outage", Avalanche = "avalanche", Penetration = "penetration", Corrupt = "corrupt", Metastable = "metastable" }
    Codec { Arrow = "arrow", Postcard = "postcard", Msgpack = "msgpack", Json = "json" }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    #[test]
    fn what_is_typed_and_what_is_printed_are_the_same_words() {
        fn check<T: ValueEnum + Copy>(name: impl Fn(T) -> &'static str) {
            for value in T::value_variants() {
                assert_eq!(value.to_possible_value().unwrap().get_name(), name(*value));
            }
        }
        check(super::Workload::name);
        check(super::ReadPath::name);
        check(super::Codec::name);
        check(super::ScenarioName::name);
    }
}
