//! Random numbers as a pure function of (rng_seed, purpose, number), so that operation k needs none
//! of those before it.

use crate::permutation::mix;

/// The step of SplitMix64.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The purpose of a draw; each has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Arrival,
    Operation,
    Filling,
    Order,
    Replay,
}

/// The numbers of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    state: u64,
}

impl Draws {
    pub(crate) fn new(rng_seed: u64, purpose: Purpose, number: u64) -> Self {
        let stream = match purpose {
            Purpose::Arrival => 0x6172_7269,
            Purpose::Operation => 0x6f70_6572,
            Purpose::Filling => 0x6669_6c6c,
            Purpose::Order => 0x6f72_6465,
            Purpose::Replay => 0x7265_706c,
        };
        Self { state: mix(mix(rng_seed ^ (stream << 32)) ^ number) }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let number = mix(self.state);
        self.state = self.state.wrapping_add(STEP);
        number
    }

    /// From 0 to below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next() >> 11) as f64 * SCALE
    }

    /// Exponentially distributed with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(-self.uniform()).ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_seed_purpose_and_number_alone() {
        let first = |seed, purpose, number| Draws::new(seed, purpose, number).next();
        let one = first(1, Purpose::Operation, 7);
        assert_eq!(one, first(1, Purpose::Operation, 7));
        for other in
            [first(2, Purpose::Operation, 7), first(1, Purpose::Arrival, 7), first(1, Purpose::Operation, 8)]
        {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn draws_have_their_means() {
        let count = 200_000;
        let (mut uniform, mut exponential) = (0.0, 0.0);
        for number in 0..count {
            let mut draws = Draws::new(3, Purpose::Filling, number);
            let next = draws.uniform();
            assert!((0.0..1.0).contains(&next));
            uniform += next;
            exponential += draws.exponential();
        }
        let count = count as f64;
        // Five standard errors.
        assert!((uniform / count - 0.5).abs() < 5.0 * 0.289 / count.sqrt());
        assert!((exponential / count - 1.0).abs() < 5.0 / count.sqrt());
    }
}
