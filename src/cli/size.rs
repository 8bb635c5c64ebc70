//! The arguments of `rcache size`.

use std::path::PathBuf;

use clap::Args;

use super::numbers::{self, count_in};
use crate::load_model::popularity::Popularity;

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_SIZE_HELP)]
pub(crate) struct Size {
    /// The run whose costs are used, saved by `rcache bench --output`; - is stdin
    #[arg(value_name = "RUN.json", value_hint = clap::ValueHint::FilePath)]
    pub(crate) run: PathBuf,

    /// The workload of the run [default: the one with the most keys]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) workload: Option<String>,

    /// Which keys are read: uniform, zipf:EXPONENT or hotspot:KEYS%:READS%
    #[arg(long, value_parser = Popularity::parse, default_value = "zipf:1.0", value_name = "LAW")]
    pub(crate) popularity: Popularity,

    /// Take reads and writes from a file: a CSV of time,key or time,key,op, or what redis-cli
    /// MONITOR prints; - is stdin
    ///
    /// Times are seconds, ops read or write; a header is optional. Of a MONITOR, GET and its
    /// relatives are reads, DEL and UNLINK are writes, and SET is taken for the fill after a miss.
    /// Keys are hashed as they are read and written to no output.
    #[arg(long, conflicts_with_all = ["popularity", "writes", "keys", "verify"], value_name = "FILE")]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) trace: Option<PathBuf>,

    /// Reads and writes a second [default: 1,000; those of the trace]
    #[arg(long, value_parser = numbers::rate, value_name = "N")]
    pub(crate) rate: Option<f64>,

    /// The share of them that are writes, which remove entries
    #[arg(long, value_parser = numbers::share, default_value = "5%", value_name = "PERCENT")]
    pub(crate) writes: f64,

    /// Lifetime of entries, such as 60, 500ms or 10m [default: as in the run]
    #[arg(long, value_parser = numbers::lifetime, value_name = "SECONDS")]
    pub(crate) ttl: Option<f64>,

    /// Different keys [default: those of the workload]
    #[arg(long, value_parser = count_in::<u32>(1, 1_000_000_000), value_name = "N")]
    pub(crate) keys: Option<u32>,

    /// Memory limits to predict, such as 64mb,1gb [default: some that span the range]
    #[arg(long, value_delimiter = ',', value_parser = numbers::memory, value_name = "LIST")]
    pub(crate) memory: Vec<f64>,

    /// Also say how much memory leads to this hit ratio
    #[arg(long, value_parser = numbers::share, value_name = "PERCENT")]
    pub(crate) hit_ratio: Option<f64>,

    /// Check eight answers on small private Redis servers that throw entries out; takes half a
    /// minute
    #[arg(long)]
    pub(crate) verify: bool,
}

const AFTER_SIZE_HELP: &str = "\
Predicts, for several memory limits of Redis (policy allkeys-lru), the entries in the cache, the hit ratio, the mean read, the reads \
left to MySQL, and whether that pays. Without a trace, reads and writes are taken to be independent of each other, and the same \
popularity governs both. Memory is that of entries with their times to live; other data in the same Redis come on top.";
