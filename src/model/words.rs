//! Words that are typed, and stand in the output and in the run file as they were typed.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum ReadPath {
    /// no cache
    Mysql,
    /// a miss: the entry is absent; look and lease, SELECT, encode, store in the place of the lease
    Cold,
    /// a hit
    Warm,
    /// the usual miss, whose SET may store a stale row: GET, SELECT, encode, SET; for comparison
    /// with cold
    Naive,
    /// no cache, and the database has just restarted: pages come from disk; only with the sandbox's
    /// own database
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

/// The way in which a query of the user's own is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum StatementKind {
    /// prepared once a connection, binary values
    Prepared,
    /// whole each time, with its parameters written into it
    Text,
}

/// The use of the CPU cores while reads are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Cores {
    /// kept awake if the system permits it, and clients rotate over all of them (if there are two
    /// or more a client), so that runs repeat
    Steady,
    /// left to the operating system
    Free,
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
    ReadPath { Mysql = "mysql", Cold = "cold", Warm = "warm", Naive = "naive", Disk = "disk" }
    Codec { Arrow = "arrow", Postcard = "postcard", Msgpack = "msgpack", Json = "json" }
}

/// The sandbox's Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RedisKind {
    /// One server
    Single,
    /// Three primaries that share the keys
    Cluster,
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
        check(super::ReadPath::name);
        check(super::Codec::name);
    }
}
