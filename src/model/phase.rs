//! The parts of a read, and where its time went: what the cold and the warm read are made of.

/// One part of a read. A read goes through its parts in this order, through none twice unless the
/// entry was damaged; a hit ends with the decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Redis asked, and its whole reply received.
    Get,
    /// The entry checked and decoded.
    Decode,
    /// A lease put into Redis, in whose place alone the entry may then be stored.
    Lease,
    /// MySQL asked, and its rows received and put into the answer's type.
    Query,
    /// The answer put into the bytes of an entry.
    Encode,
    /// The entry sent to Redis, and its reply received.
    Set,
}

impl Phase {
    const COUNT: usize = 6;
    /// In the order in which a read goes through them.
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::Get, Self::Decode, Self::Lease, Self::Query, Self::Encode, Self::Set];

    /// Its name in the output and in the run file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Decode => "decode",
            Self::Lease => "lease",
            Self::Query => "query",
            Self::Encode => "encode",
            Self::Set => "set",
        }
    }
}

/// The time of each phase of one read, ns; 0 for a phase that it did not go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PhaseTimes([u64; Phase::COUNT]);

impl PhaseTimes {
    /// The time of one phase, ns.
    pub(crate) fn get(self, part: Phase) -> u64 {
        self.0[part as usize]
    }

    pub(crate) fn add(&mut self, part: Phase, ns: u64) {
        self.0[part as usize] += ns;
    }
}

/// The parts of many reads together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PhaseSums {
    reads: u64,
    sum_ns: [u128; Phase::COUNT],
}

impl PhaseSums {
    /// Adds one read.
    pub(crate) fn record(&mut self, times: PhaseTimes) {
        self.reads += 1;
        self.sum_ns.iter_mut().zip(times.0).for_each(|(sum, ns)| *sum += u128::from(ns));
    }

    /// Adds all reads of another recorder.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.reads += other.reads;
        self.sum_ns.iter_mut().zip(other.sum_ns).for_each(|(sum, ns)| *sum += ns);
    }

    /// Mean time of every part that any of the reads went through, ns, in the order of the parts.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
    pub(crate) fn means_ns(&self) -> impl Iterator<Item = (Phase, f64)> {
        let reads = self.reads;
        let taken = Phase::ALL.into_iter().zip(self.sum_ns).filter(|(_, sum_ns)| *sum_ns > 0);
        taken.map(move |(part, sum_ns)| (part, sum_ns as f64 / reads as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_all_reads_and_name_what_was_gone_through() {
        let mut sums = PhaseSums::default();
        assert_eq!(sums.means_ns().count(), 0);
        for query_ns in [10, 20] {
            let mut times = PhaseTimes::default();
            times.add(Phase::Query, query_ns);
            times.add(Phase::Get, 4);
            sums.record(times);
        }
        let mut twice = sums;
        twice.merge(&sums);
        for sums in [sums, twice] {
            assert_eq!(sums.means_ns().collect::<Vec<_>>(), [(Phase::Get, 4.0), (Phase::Query, 15.0)]);
        }
    }
}
