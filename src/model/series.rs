//! A series of measurements: a path, and on the paths through the cache the codec of its entries.

use std::fmt;

use super::{Codec, ReadPath};

/// One way to read. Several codecs share the path without a cache, so that each is held against the
/// same reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) path: ReadPath,
    /// None where no cache is asked.
    pub(crate) codec: Option<Codec>,
}

impl Series {
    /// MySQL only.
    pub(crate) const MYSQL: Self = Self { path: ReadPath::Mysql, codec: None };

    /// MySQL only, just restarted.
    pub(crate) const DISK: Self = Self { path: ReadPath::Disk, codec: None };

    /// Through the cache, with entries of this codec; whether it is a miss or a hit depends on what
    /// is there.
    pub(crate) fn cached(path: ReadPath, codec: Codec) -> Self {
        Self { path, codec: Some(codec) }
    }

    /// Every series of the rounds that these paths and codecs make. Reads from disk are none: a
    /// restart would disturb the others.
    pub(crate) fn all(paths: &[ReadPath], codecs: &[Codec]) -> Vec<Self> {
        let of_path = |path: &ReadPath| match path {
            ReadPath::Mysql => vec![Self::MYSQL],
            ReadPath::Disk => Vec::new(),
            ReadPath::Cold | ReadPath::Warm | ReadPath::Naive => {
                codecs.iter().map(|codec| Self::cached(*path, *codec)).collect()
            }
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// True for what the numbers of this codec are made of: its own entries, and MySQL alone.
    pub(crate) fn belongs_to(self, codec: Codec) -> bool {
        self.codec.is_none_or(|own| own == codec)
    }
}

/// The state of the cache that a block's reads find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// All of them by one series.
    Series(Series),
    /// So many percent of them an entry, the others none.
    AtHitRatio { percent: u8, codec: Codec },
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series(Series { path, codec: None }) => write!(f, "path {}", path.name()),
            Self::Series(Series { path, codec: Some(codec) }) => {
                write!(f, "path {} with {}", path.name(), codec.name())
            }
            Self::AtHitRatio { percent, codec } => {
                write!(f, "the cache at {percent} % hits with {}", codec.name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_share_the_path_without_a_cache() {
        let all_series =
            Series::all(&[ReadPath::Mysql, ReadPath::Warm, ReadPath::Disk], &[Codec::Arrow, Codec::Json]);
        let warm = |codec| Series::cached(ReadPath::Warm, codec);
        assert_eq!(all_series, [Series::MYSQL, warm(Codec::Arrow), warm(Codec::Json)]);
        let of_json: Vec<Series> =
            all_series.into_iter().filter(|series| series.belongs_to(Codec::Json)).collect();
        assert_eq!(of_json, [Series::MYSQL, warm(Codec::Json)]);
    }
}
