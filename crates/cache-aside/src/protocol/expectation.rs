//! Whether the next look is expected to find something: by the recent reads of the same kind of
//! key.
//!
//! A look that may put a lease saves a miss one round trip, and costs a hit the drawing of a nonce
//! and a place in the table of flights, a few percent of a round trip. So it pays off below a hit
//! ratio of 95 % or so. Above, the look is a plain GET, which also no server refuses.

/// The share of hits among recent reads, in 65,536ths. Each read counts for a sixteenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HitShare(u32);

impl HitShare {
    /// Before the first read: a cache that has just started is empty.
    pub const START: Self = Self(0);
    const ALL: u32 = 1 << 16;
    const MOSTLY: u32 = Self::ALL / 10 * 9;

    pub fn from_bits(bits: u32) -> Self {
        Self(bits.min(Self::ALL))
    }

    pub fn to_bits(self) -> u32 {
        self.0
    }

    /// The share after one more read.
    #[must_use]
    pub fn after(self, is_hit: bool) -> Self {
        if is_hit { Self(self.0 + (Self::ALL - self.0) / 16) } else { Self(self.0 - self.0 / 16) }
    }

    /// Whether the next look shall put a lease if it finds nothing.
    pub fn expects_misses(self) -> bool {
        self.0 < Self::MOSTLY
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(start: HitShare, reads: &[bool]) -> HitShare {
        reads.iter().fold(start, |share, is_hit| share.after(*is_hit))
    }

    #[test]
    fn a_new_cache_expects_misses_until_most_reads_were_hits() {
        assert!(HitShare::START.expects_misses());
        assert!(after(HitShare::START, &[true; 30]).expects_misses());
        let warm = after(HitShare::START, &[true; 60]);
        assert!(!warm.expects_misses());
        assert!(!warm.after(false).expects_misses(), "one miss says little");
        assert!(after(warm, &[false; 3]).expects_misses());
    }

    #[test]
    fn the_share_settles_at_the_hit_ratio() {
        for (hits_of_20, expects_misses) in [(2, true), (10, true), (16, true), (20, false)] {
            let reads: Vec<bool> = (0..2_000).map(|read| read * 7 % 20 < hits_of_20).collect();
            assert_eq!(after(HitShare::START, &reads).expects_misses(), expects_misses, "{hits_of_20} of 20");
        }
    }

    proptest! {
        #[test]
        fn any_bits_and_any_reads_give_a_share(bits: u32, reads: Vec<bool>) {
            let share = after(HitShare::from_bits(bits), &reads);
            prop_assert_eq!(HitShare::from_bits(share.to_bits()), share);
        }
    }
}
