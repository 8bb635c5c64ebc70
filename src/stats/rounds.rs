//! The rounds as the statistics need them: each path's mean, and how far each round lies from it.

use super::estimate::Missing;
use crate::samples::round_series::RoundSums;

/// Fewer rounds give no interval: with 10 the 95 % interval of a moderately skewed mean still
/// covers 94 %.
pub(crate) const MIN_ROUNDS: usize = 10;
/// Paths that one analysis compares.
pub(crate) const PATHS: usize = 3;

/// The rounds of the three paths, round by round the same; a path that did not run is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathRounds<'a> {
    pub(crate) mysql: &'a [RoundSums],
    pub(crate) cold: &'a [RoundSums],
    pub(crate) warm: &'a [RoundSums],
    /// The group of each round, by its connections; empty if that is not known.
    pub(crate) groups: &'a [u32],
}

/// The place of a path in every array here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Mysql = 0,
    Cold = 1,
    Warm = 2,
}

/// One round: per path its residual and its weight.
///
/// The residual is `(sum - mean * count) / mean count`, the influence of the round on a ratio of
/// sums (Cochran, Sampling Techniques, 1977, ch. 6); the weight is `count / mean count`, 1 in every
/// round where nothing failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) residual: [f64; PATHS],
    pub(super) weight: [f64; PATHS],
}

/// All rounds, and the mean latency of each path over them; NaN for a path without reads.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    pub(super) means: [f64; PATHS],
    pub(super) rows: Vec<Row>,
    pub(super) groups: Vec<u32>,
}

impl Rounds {
    pub(super) fn of(paths: &PathRounds<'_>) -> Self {
        let columns = [paths.mysql, paths.cold, paths.warm];
        let length = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        let mut rows = vec![Row { residual: [0.0; PATHS], weight: [0.0; PATHS] }; length];
        let mut means = [f64::NAN; PATHS];
        for (path, column) in columns.iter().enumerate() {
            let count: f64 = column.iter().map(|sums| sums.count as f64).sum();
            let sum_ns: f64 = column.iter().map(|sums| sums.sum_ns as f64).sum();
            if count == 0.0 {
                continue;
            }
            let (mean, mean_count) = (sum_ns / count, count / length as f64);
            means[path] = mean;
            for (row, sums) in rows.iter_mut().zip(*column) {
                row.residual[path] = (sums.sum_ns as f64 - mean * sums.count as f64) / mean_count;
                row.weight[path] = sums.count as f64 / mean_count;
            }
        }
        Self { means, rows, groups: paths.groups.to_vec() }
    }

    /// Whether an interval can be given for something made of these paths.
    pub(super) fn carry(&self, paths: &[Column]) -> Result<(), Missing> {
        let mut fewest = self.rows.len();
        for &path in paths {
            if !self.means[path as usize].is_finite() {
                return Err(Missing::NoReads);
            }
            let with_reads = self.rows.iter().filter(|row| row.weight[path as usize] > 0.0).count();
            fewest = fewest.min(with_reads);
        }
        if fewest < MIN_ROUNDS {
            return Err(Missing::TooFewRounds { rounds: fewest, needed: MIN_ROUNDS });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(sums: &[(u64, u64)]) -> Vec<RoundSums> {
        sums.iter().map(|&(count, sum_ns)| RoundSums::alike(count, sum_ns)).collect()
    }

    #[test]
    fn a_mean_is_a_ratio_of_sums() {
        let mysql = column(&[(2, 20), (1, 16), (3, 36)]);
        let rounds = Rounds::of(&PathRounds { mysql: &mysql, ..PathRounds::default() });
        assert_eq!(rounds.means[0], 12.0);
        assert!(rounds.means[1].is_nan() && rounds.means[2].is_nan());
        let residuals: Vec<f64> = rounds.rows.iter().map(|row| row.residual[0]).collect();
        assert_eq!(residuals, [-2.0, 2.0, 0.0]);
        let weights: Vec<f64> = rounds.rows.iter().map(|row| row.weight[0]).collect();
        assert_eq!(weights, [1.0, 0.5, 1.5]);
    }

    #[test]
    fn too_little_says_why() {
        let mysql = column(&[(1, 5); 9]);
        let rounds = Rounds::of(&PathRounds { mysql: &mysql, ..PathRounds::default() });
        assert_eq!(rounds.carry(&[Column::Mysql]), Err(Missing::TooFewRounds { rounds: 9, needed: 10 }));
        assert_eq!(rounds.carry(&[Column::Mysql, Column::Warm]), Err(Missing::NoReads));
        let gaps = column(&[(1, 5), (0, 0), (1, 5), (1, 5), (1, 5), (1, 5), (1, 5), (1, 5), (1, 5), (1, 5)]);
        let rounds = Rounds::of(&PathRounds { warm: &gaps, ..PathRounds::default() });
        assert_eq!(rounds.carry(&[Column::Warm]), Err(Missing::TooFewRounds { rounds: 9, needed: 10 }));
    }
}
