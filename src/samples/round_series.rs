//! The times of each path's block in each round, in memory that does not grow with the number of
//! rounds.

use std::ops::Range;

/// The reads that one path answered in one round, or in several neighbouring ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RoundSums {
    /// Zero where the path answered nothing in the round.
    pub(crate) count: u64,
    /// 64 bits of nanoseconds are 584 years.
    pub(crate) sum_ns: u64,
    /// The sum of the natural logarithms of the times in ns: the time of a typical read, whatever a
    /// few slow ones did.
    pub(crate) sum_ln: f64,
}

impl RoundSums {
    /// Adds one read.
    pub(crate) fn record(&mut self, ns: u64) {
        self.add(Self::alike(1, ns));
    }

    /// So many reads that took equally long.
    pub(crate) fn alike(count: u64, sum_ns: u64) -> Self {
        let sum_ln = match count {
            0 => 0.0,
            // A clock may stand still for a short read.
            _ => count as f64 * (sum_ns.max(1) as f64 / count as f64).ln(),
        };
        Self { count, sum_ns, sum_ln }
    }

    /// The geometric mean in ns; not a number without reads.
    pub(crate) fn typical_ns(&self) -> f64 {
        (self.sum_ln / self.count as f64).exp()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.sum_ln += other.sum_ln;
    }
}

/// The rounds of one workload in the order in which they ran, the same rounds for every path, in
/// groups: the rounds of a group were read over the same connections.
///
/// When it is full, neighbours of the same group are merged pairwise: an estimate made of sums
/// stays the same, and merging neighbours keeps what correlates in one place.
#[derive(Clone, Debug)]
pub(crate) struct RoundSeries {
    columns: Vec<Vec<RoundSums>>,
    /// The number of its group, for each row.
    groups: Vec<u32>,
    group: u32,
    /// Rounds that go into one row.
    rounds_per_row: u64,
    /// Rounds in the last row.
    in_last_row: u64,
    rounds: u64,
}

impl RoundSeries {
    /// More rows tell an interval nothing more: a standard error out of 512 rows, which are the
    /// fewest of a full log, is within 3 % of the true one. 1,024 rows of three paths are 72 kB, of
    /// which the statistics make a few copies.
    const MAX_ROWS: usize = 1024;

    pub(crate) fn new(paths: usize) -> Self {
        Self {
            columns: vec![Vec::new(); paths],
            groups: Vec::new(),
            group: 0,
            rounds_per_row: 1,
            in_last_row: 0,
            rounds: 0,
        }
    }

    /// The next rounds are of another group. More groups than a quarter of the rows are not told
    /// apart.
    pub(crate) fn start_group(&mut self) {
        let current = self.groups.last() == Some(&self.group);
        if current && usize::try_from(self.group).is_ok_and(|group| group < Self::MAX_ROWS / 4) {
            self.group += 1;
        }
    }

    /// The number of its group, for each row.
    pub(crate) fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Adds a round: what each path did, in the order of the paths. A path that is not named did
    /// nothing.
    pub(crate) fn push(&mut self, round: &[RoundSums]) {
        if self.opens_a_row() && self.rows() == Self::MAX_ROWS {
            self.halve();
        }
        let opens_a_row = self.opens_a_row();
        if opens_a_row {
            self.groups.push(self.group);
            self.in_last_row = 0;
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            let sums = round.get(index).copied().unwrap_or_default();
            match column.last_mut() {
                Some(last) if !opens_a_row => last.add(sums),
                _ => column.push(sums),
            }
        }
        self.in_last_row += 1;
        self.rounds += 1;
    }

    fn opens_a_row(&self) -> bool {
        self.groups.last() != Some(&self.group) || self.in_last_row >= self.rounds_per_row
    }

    /// A path's rows, as many for each path; empty for a path that there is not.
    pub(crate) fn column(&self, path: usize) -> &[RoundSums] {
        self.columns.get(path).map_or(&[], Vec::as_slice)
    }

    /// The same rounds of some of the paths, in this order; a path that there is not did nothing.
    pub(crate) fn select(&self, paths: &[usize]) -> Self {
        let columns = paths.iter().map(|path| self.column(*path).to_vec()).collect();
        Self { columns, groups: self.groups.clone(), ..*self }
    }

    /// Rounds pushed, whatever became of them.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The number of paths in a round.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    fn rows(&self) -> usize {
        self.groups.len()
    }

    fn halve(&mut self) {
        let pairs = pairs(&self.groups);
        for column in &mut self.columns {
            *column = pairs.iter().map(|pair| merged(column.get(pair.clone()).unwrap_or_default())).collect();
        }
        if pairs.last().is_some_and(|pair| pair.len() == 2) {
            self.in_last_row += self.rounds_per_row;
        }
        self.groups = pairs.iter().filter_map(|pair| self.groups.get(pair.start).copied()).collect();
        self.rounds_per_row *= 2;
    }
}

/// Neighbouring rows that are merged: two of one group each, and what is left over at the end of a
/// group.
fn pairs(groups: &[u32]) -> Vec<Range<usize>> {
    let mut pairs = Vec::new();
    let mut start = 0;
    for group in groups.chunk_by(|one, other| one == other) {
        let end = start + group.len();
        pairs.extend((start..end).step_by(2).map(|row| row..end.min(row + 2)));
        start = end;
    }
    pairs
}

fn merged(neighbours: &[RoundSums]) -> RoundSums {
    let mut sum = RoundSums::default();
    neighbours.iter().for_each(|sums| sum.add(*sums));
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums(count: u64, sum_ns: u64) -> RoundSums {
        RoundSums::alike(count, sum_ns)
    }

    #[test]
    fn a_round_is_a_row_until_the_log_is_full() {
        let mut log = RoundSeries::new(2);
        log.push(&[sums(1, 10), sums(2, 30)]);
        log.push(&[sums(1, 11)]);
        assert_eq!(log.column(0), [sums(1, 10), sums(1, 11)]);
        assert_eq!(log.column(1), [sums(2, 30), sums(0, 0)]);
        assert_eq!(log.column(2), []);
        let cold = log.select(&[1]);
        assert_eq!((cold.column(0), cold.rounds()), (log.column(1), 2));
        assert_eq!(cold.column(1), []);
        assert_eq!(RoundSeries::new(0).column(0), []);
    }

    #[test]
    fn a_full_log_merges_neighbours() {
        let mut log = RoundSeries::new(1);
        (0..1025).for_each(|round| log.push(&[sums(1, round)]));
        assert_eq!(log.column(0).len(), 513);
        let times = |row: RoundSums| (row.count, row.sum_ns);
        assert_eq!(log.column(0)[..2].iter().copied().map(times).collect::<Vec<_>>(), [(2, 1), (2, 5)]);
        assert_eq!(log.column(0).last(), Some(&sums(1, 1024)));
        log.push(&[sums(1, 1)]);
        assert_eq!(log.column(0).last().copied().map(times), Some((2, 1025)));
    }

    #[test]
    fn one_slow_read_hardly_moves_the_typical_one() {
        let mut block = RoundSums::default();
        (0..49).for_each(|_| block.record(20_000));
        assert!((block.typical_ns() - 20_000.0).abs() < 1e-6);
        block.record(4_000_000);
        assert!(block.typical_ns() < 22_500.0 && block.sum_ns as f64 / 50.0 > 99_000.0);
        assert!(RoundSums::default().typical_ns().is_nan());
        block.record(0);
        assert!(block.typical_ns() > 0.0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_memory_is_bounded(rounds in 0u64..40_000) {
            let mut log = RoundSeries::new(1);
            (0..rounds).for_each(|round| log.push(&[sums(3, round)]));
            let total = merged(log.column(0));
            prop_assert_eq!((total.count, total.sum_ns), (3 * rounds, (0..rounds).sum()));
            prop_assert_eq!(log.rounds(), rounds);
            prop_assert!(log.column(0).len() <= RoundSeries::MAX_ROWS);
            // All rows but the last hold as many rounds as one another.
            if let Some((_, full)) = log.column(0).split_last() {
                prop_assert!(full.windows(2).all(|pair| pair[0].count == pair[1].count));
            }
        }

        #[test]
        fn groups_stay_apart_however_often_rows_are_merged(lengths in prop::collection::vec(0u64..3_000, 1..12)) {
            let mut log = RoundSeries::new(1);
            for (group, length) in (0u64..).zip(&lengths) {
                log.start_group();
                (0..*length).for_each(|_| log.push(&[sums(1, group)]));
            }
            prop_assert_eq!(log.groups().len(), log.column(0).len());
            prop_assert!(log.column(0).len() <= RoundSeries::MAX_ROWS);
            // Every row has the times of one group alone, and each group all of its rounds.
            let read: Vec<(u64, u64)> = (0..).zip(lengths).filter(|(_, length)| *length > 0).collect();
            for (row, group) in log.column(0).iter().zip(log.groups()) {
                prop_assert_eq!(row.sum_ns, row.count * read[*group as usize].0);
            }
            for (index, (_, length)) in (0u32..).zip(read) {
                let rows = log.column(0).iter().zip(log.groups()).filter(|(_, own)| **own == index);
                prop_assert_eq!(rows.map(|(row, _)| row.count).sum::<u64>(), length);
            }
        }
    }
}
