//! Collects sets of parameters in bounded memory: all distinct sets, or a uniform sample of them.
//!
//! The sample is the sets with the smallest hashes (a bottom-k sketch), so that it does not depend
//! on how often a set is given, nor on the order. Number and fingerprint cover everything that was
//! given.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use twox_hash::XxHash3_64;

use super::value::Value;
use super::{Parameters, WrongColumns};
use crate::permutation::mix;

/// The most that kept sets may take in memory.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The number of sets that are kept, and which ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampling {
    pub(crate) at_most: usize,
    pub(crate) seed: u64,
}

pub(crate) struct Collector {
    columns: usize,
    sampling: Sampling,
    kept: BTreeMap<u64, Kept>,
    kept_bytes: usize,
    /// Rows of the source, its header included.
    rows: u64,
    given: u64,
    is_sampled: bool,
    fingerprint: XxHash3_64,
    encoded: Vec<u8>,
}

struct Kept {
    row: u64,
    set: Vec<Value>,
}

impl Collector {
    /// Collects sets of this many values.
    pub(crate) fn new(columns: usize, sampling: Sampling) -> Self {
        Self {
            columns,
            sampling: Sampling { at_most: sampling.at_most.max(1), ..sampling },
            kept: BTreeMap::new(),
            kept_bytes: 0,
            rows: 0,
            given: 0,
            is_sampled: false,
            fingerprint: XxHash3_64::with_seed(0),
            encoded: Vec::new(),
        }
    }

    fn check(&mut self, found: usize) -> Result<(), WrongColumns> {
        self.rows += 1;
        if found == self.columns {
            return Ok(());
        }
        Err(WrongColumns { row: self.rows, found, expected: self.columns })
    }

    pub(super) fn skip_header(&mut self, columns: usize) -> Result<(), WrongColumns> {
        self.check(columns)
    }

    /// Takes the next set.
    ///
    /// # Errors
    /// If it has another number of values than the statement has parameters.
    pub(crate) fn add(&mut self, set: Vec<Value>) -> Result<(), WrongColumns> {
        self.check(set.len())?;
        self.given += 1;
        self.encoded.clear();
        set.iter().for_each(|value| value.write(&mut self.encoded));
        self.fingerprint.write(&self.encoded);
        let hash = XxHash3_64::oneshot_with_seed(self.sampling.seed, &self.encoded);
        let is_full = self.is_sampled || self.kept.len() >= self.sampling.at_most;
        let largest = self.kept.last_key_value().map(|(hash, _)| *hash);
        if is_full && largest.is_some_and(|largest| hash > largest) {
            self.is_sampled = true;
        } else if !self.kept.contains_key(&hash) {
            self.kept_bytes += bytes(&set);
            self.kept.insert(hash, Kept { row: self.rows, set });
            self.shrink();
        }
        Ok(())
    }

    fn shrink(&mut self) {
        while self.kept.len() > self.sampling.at_most || (self.kept_bytes > MAX_BYTES && self.kept.len() > 1)
        {
            let Some((_, dropped)) = self.kept.pop_last() else { return };
            self.kept_bytes -= bytes(&dropped.set);
            self.is_sampled = true;
        }
    }

    pub(crate) fn finish(self) -> Parameters {
        let mut kept: Vec<_> = self.kept.into_values().collect();
        kept.sort_unstable_by_key(|kept| kept.row);
        Parameters {
            sets: kept.into_iter().map(|kept| kept.set).collect(),
            given: self.given,
            is_sampled: self.is_sampled,
            fingerprint: self.fingerprint.finish(),
            header: false,
        }
    }
}

fn bytes(set: &[Value]) -> usize {
    size_of::<Kept>() + set.iter().map(Value::bytes).sum::<usize>()
}

/// All integers of a range, or a sample of them.
pub(super) fn range(first: i128, last: i128, sampling: Sampling) -> Parameters {
    let size = last.saturating_sub(first).saturating_add(1);
    let at_most = sampling.at_most.max(1);
    let numbers: Vec<i128> = match usize::try_from(size) {
        Ok(size) if size <= at_most => (first..=last).collect(),
        _ => draw(size, at_most, sampling.seed).into_iter().map(|offset| first + offset).collect(),
    };
    let mut hasher = XxHash3_64::with_seed(0);
    hasher.write(b"range");
    hasher.write(&first.to_le_bytes());
    hasher.write(&last.to_le_bytes());
    Parameters {
        is_sampled: i128::try_from(numbers.len()).is_ok_and(|kept| kept < size),
        sets: numbers.into_iter().map(|number| vec![integer(number)]).collect(),
        given: u64::try_from(size).unwrap_or(u64::MAX),
        fingerprint: hasher.finish(),
        header: false,
    }
}

/// `count` distinct numbers below a larger `size`, in rising order (Floyd's algorithm).
fn draw(size: i128, count: usize, seed: u64) -> BTreeSet<i128> {
    let mut drawn = BTreeSet::new();
    let count = i128::try_from(count).unwrap_or(i128::MAX).min(size);
    let mut state = seed;
    for limit in size - count..size {
        state = state.wrapping_add(1);
        let random = u128::from(mix(state)) << 64 | u128::from(mix(state ^ seed.rotate_left(32)));
        let place = i128::try_from(random % (limit.unsigned_abs() + 1)).unwrap_or(limit);
        if !drawn.insert(place) {
            drawn.insert(limit);
        }
    }
    drawn
}

fn integer(number: i128) -> Value {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Value::Signed(number),
        (_, Ok(number)) => Value::Unsigned(number),
        _ => Value::Decimal(number.to_string()),
    }
}
