//! Shuffled orders as pure functions: the n-th item without a list of all items.

/// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one full-avalanche step.
pub(crate) fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number below `limit`, by the high half of a product (Lemire, "Fast Random Integer Generation
/// in an Interval", 2019, without the rejection step: the bias is below 2^-32 for every limit used
/// here).
pub(crate) fn below(random: u64, limit: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the high half of the product is below `limit`")]
    let number = ((u128::from(random) * u128::from(limit)) >> 64) as u32;
    number
}

/// A permutation of 0..size, chosen by a key.
///
/// A Feistel network over Z_a × Z_b, whose rounds are additions and therefore invertible, with
/// cycle walking where a·b exceeds the size (Black and Rogaway, "Ciphers with Arbitrary Finite
/// Domains", 2002).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permutation {
    size: u32,
    a: u32,
    b: u32,
    key: u64,
}

impl Permutation {
    const ROUNDS: u64 = 4;

    /// A size of 0 is taken for 1.
    pub(crate) fn new(size: u32, key: u64) -> Self {
        let size = size.max(1);
        let root = size.isqrt();
        let a = if root * root == size { root } else { root + 1 };
        Self { size, a, b: size.div_ceil(a), key: mix(key) }
    }

    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// The place of `index`; an index of `size` or more is taken modulo `size`.
    pub(crate) fn at(&self, index: u32) -> u32 {
        let mut place = u64::from(index % self.size);
        loop {
            place = self.step(place);
            // The domain is larger than the size by less than one row: this almost never turns.
            match u32::try_from(place) {
                Ok(place) if place < self.size => return place,
                _ => {}
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "quotient and remainder are below `a` and `b`")]
    fn step(&self, place: u64) -> u64 {
        let b = u64::from(self.b);
        let (mut left, mut right) = ((place / b) as u32, (place % b) as u32);
        for round in 0..Self::ROUNDS {
            left = add(left, self.draw(round * 2, right), self.a);
            right = add(right, self.draw(round * 2 + 1, left), self.b);
        }
        u64::from(left) * b + u64::from(right)
    }

    fn draw(&self, half_round: u64, half: u32) -> u64 {
        mix(self.key ^ (half_round << 32) ^ u64::from(half))
    }
}

/// (number + random) modulo `modulus`, both below 2^17 in every domain of 32 bits.
fn add(number: u32, random: u64, modulus: u32) -> u32 {
    (number + below(random, modulus)) % modulus
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_is_taken_once(size in 1u32..3000, key: u64) {
            let order = Permutation::new(size, key);
            let places: HashSet<u32> = (0..size).map(|index| order.at(index)).collect();
            prop_assert_eq!(places.len(), size as usize);
            prop_assert!(places.iter().all(|place| *place < size));
        }

        #[test]
        fn the_largest_sizes_stay_in_range(size in u32::MAX - 100_000..=u32::MAX, index: u32, key: u64) {
            prop_assert!(Permutation::new(size, key).at(index) < size);
        }
    }

    #[test]
    fn neighbours_are_torn_apart() {
        let order = Permutation::new(100_000, 42);
        let close = (0..10_000).filter(|&i| order.at(i).abs_diff(order.at(i + 1)) < 100).count();
        // Chance alone gives 20 of 10,000.
        assert!(close < 60, "{close}");
    }
}
