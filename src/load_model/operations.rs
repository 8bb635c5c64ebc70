//! The kind and the key of operation k.

use super::draws::{Draws, Purpose};
use super::popularity::Keys;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// One operation, whenever it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) id: u32,
    pub(crate) kind: Kind,
}

/// Reads and writes in a fixed proportion, both by the same popularity.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    pub(crate) keys: Keys,
    /// From 0 to 1.
    pub(crate) writes: f64,
    pub(crate) rng_seed: u64,
}

impl Mix {
    pub(crate) fn operation(&self, number: u64) -> Operation {
        let mut draws = Draws::new(self.rng_seed, Purpose::Operation, number);
        let kind = if draws.uniform() < self.writes { Kind::Write } else { Kind::Read };
        Operation { id: self.keys.draw(&mut draws), kind }
    }
}

#[cfg(test)]
mod tests {
    use super::super::popularity::Popularity;
    use super::*;

    #[test]
    fn writes_have_their_share_and_reads_stay_where_they_were() {
        let mix = |writes| Mix { keys: Keys::new(Popularity::Uniform, 100, 1), writes, rng_seed: 4 };
        let writes = |mix: &Mix| (0..100_000).filter(|k| mix.operation(*k).kind == Kind::Write).count();
        assert_eq!((writes(&mix(0.0)), writes(&mix(1.0))), (0, 100_000));
        let some = writes(&mix(0.05));
        assert!((4_700..5_300).contains(&some), "{some}");
        assert!((0..100).all(|k| mix(0.0).operation(k).id == mix(0.5).operation(k).id));
    }
}
