//! A cache with too little room for all keys that throws out the least recently read one: Che's
//! approximation (Che, Tung and Wang, "Hierarchical Web caching systems", 2002), extended by writes
//! and times to live.
//!
//! In a large cache every entry is thrown out when it was not read for the same time t. An entry
//! then lives until a write, its time to live, or t without a read; by Wald's identity the hit
//! ratio is λE/(1 + λE) as without a limit.

use super::popularity::Class;
use super::steady_state::{Lifetimes, Load, hit_ratio_of_key};

/// The answer of a cache with a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer {
    /// Share of all reads.
    pub(crate) hit_ratio: f64,
    /// Entries in the cache on average.
    pub(crate) entries: f64,
    /// An entry that is not read for so long is thrown out; infinite if there is room for all.
    pub(crate) unread_s: f64,
}

/// A load over keys whose entries live so long.
#[derive(Clone, Debug)]
pub(crate) struct Lru<'a> {
    pub(crate) classes: &'a [Class],
    pub(crate) load: Load,
    pub(crate) lifetimes: Lifetimes,
}

/// A bisection halves an interval of 32 orders of magnitude to 10^-12 of itself.
const STEPS: u32 = 80;

impl Lru<'_> {
    /// With room for everything.
    pub(crate) fn unlimited(&self) -> Answer {
        self.at(f64::INFINITY)
    }

    /// With room for so many entries.
    pub(crate) fn with_room_for(&self, entries: f64) -> Answer {
        let unlimited = self.unlimited();
        if unlimited.entries <= entries {
            return unlimited;
        }
        self.solve(|answer| answer.entries < entries)
    }

    /// The smallest cache that reaches the hit ratio; none if even an unlimited one does not.
    pub(crate) fn for_hit_ratio(&self, hit_ratio: f64) -> Option<Answer> {
        let unlimited = self.unlimited();
        // What rounding leaves of the largest cache is no reason to refuse.
        (unlimited.hit_ratio >= hit_ratio - 1e-9)
            .then(|| self.solve(|answer| answer.hit_ratio < hit_ratio.min(unlimited.hit_ratio)))
    }

    /// The time at which `too_small` turns false.
    fn solve(&self, too_small: impl Fn(&Answer) -> bool) -> Answer {
        let (mut low, mut high) = (1e-12_f64.ln(), 1e20_f64.ln());
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if too_small(&self.at(middle.exp())) { low = middle } else { high = middle }
        }
        self.at(high.exp())
    }

    fn at(&self, unread_s: f64) -> Answer {
        let mut answer = Answer { hit_ratio: 0.0, entries: 0.0, unread_s };
        for class in self.classes {
            let reads = self.load.reads_per_s * class.share;
            let presence = self.presence_s(reads, self.load.writes_per_s * class.share, unread_s);
            let present = hit_ratio_of_key(reads, presence);
            answer.hit_ratio += class.keys * class.share * present;
            answer.entries += class.keys * present;
        }
        answer
    }

    /// The mean life of an entry.
    ///
    /// Until it was not read for t once, it lives (e^(λt) - 1)/λ on average: t for certain, then
    /// with constant hazard, which is exact without a time to live and close with one.
    fn presence_s(&self, reads: f64, writes: f64, unread_s: f64) -> f64 {
        let ttl = self.lifetimes.longest_s;
        let mean_ttl = ttl * (1.0 - self.lifetimes.jitter / 2.0);
        if unread_s >= mean_ttl || unread_s.is_infinite() {
            return self.lifetimes.presence_s(writes);
        }
        if mean_ttl.is_infinite() {
            // Exact: with the chance g λ of a read before a write and before t, the life begins
            // anew.
            let gap = -(-(reads + writes) * unread_s).exp_m1() / (reads + writes);
            return gap / (1.0 - reads * gap);
        }
        let survives = -(-reads * unread_s).exp_m1();
        let first = Lifetimes::fixed(unread_s).presence_s(writes);
        if survives <= 0.0 {
            return first;
        }
        let rest_mean = ((reads * unread_s).exp_m1() / reads - unread_s) / survives;
        // From t to the time to live, against writes and the hazard of not being read.
        let hazard = writes + 1.0 / rest_mean;
        let rest = Lifetimes::fixed(mean_ttl - unread_s).presence_s(hazard);
        first + survives * (-writes * unread_s).exp() * rest
    }
}

#[cfg(test)]
mod tests {
    use super::super::draws::{Draws, Purpose};
    use super::super::lru_simulation::LruSimulation;
    use super::super::operations::{Kind, Mix};
    use super::super::popularity::{Keys, Popularity};
    use super::*;

    fn simulate(mix: &Mix, per_s: f64, ttl_s: f64, entries: u32) -> f64 {
        let mut cache = LruSimulation::new(entries, Some(ttl_s).filter(|ttl| ttl.is_finite()));
        let (mut now, mut hits, mut reads) = (0.0, 0.0, 0.0);
        let operations = 600_000;
        for number in 0..operations {
            now += Draws::new(3, Purpose::Replay, number).exponential() / per_s;
            let operation = mix.operation(number);
            match operation.kind {
                Kind::Write => cache.remove(operation.id),
                Kind::Read => {
                    let hit = cache.read(operation.id, now);
                    if number > operations / 3 {
                        reads += 1.0;
                        hits += f64::from(u8::from(hit));
                    }
                }
            }
        }
        hits / reads
    }

    #[test]
    fn the_approximation_is_close_to_a_simulated_cache() {
        let settings = [
            (Popularity::Uniform, 0.0, f64::INFINITY),
            (Popularity::Zipf { exponent: 0.6 }, 0.0, f64::INFINITY),
            (Popularity::Zipf { exponent: 1.0 }, 0.0, f64::INFINITY),
            (Popularity::Zipf { exponent: 1.2 }, 0.0, f64::INFINITY),
            (Popularity::Hotspot { keys: 0.2, reads: 0.8 }, 0.0, f64::INFINITY),
            (Popularity::Zipf { exponent: 1.0 }, 0.1, f64::INFINITY),
            (Popularity::Zipf { exponent: 1.0 }, 0.05, 20.0),
            (Popularity::Uniform, 0.02, 10.0),
        ];
        for (popularity, writes, ttl_s) in settings {
            let keys = Keys::new(popularity, 5_000, 1);
            let mix = Mix { keys: keys.clone(), writes, rng_seed: 8 };
            let (per_s, classes) = (1_000.0, keys.classes());
            let lru =
                Lru { classes: &classes, load: Load::new(per_s, writes), lifetimes: Lifetimes::fixed(ttl_s) };
            for entries in [100, 500, 2_500] {
                let expected = lru.with_room_for(f64::from(entries)).hit_ratio;
                let seen = simulate(&mix, per_s, ttl_s, entries);
                assert!(
                    (seen - expected).abs() < 0.01,
                    "{popularity:?}, writes {writes}, TTL {ttl_s}, {entries} entries: {seen} for {expected}"
                );
            }
        }
    }

    #[test]
    fn a_hit_ratio_and_its_entries_are_each_other_s_inverse() {
        let classes = Keys::new(Popularity::Zipf { exponent: 0.9 }, 10_000, 1).classes();
        for (writes, ttl) in [(0.0, f64::INFINITY), (0.05, f64::INFINITY), (0.05, 100.0)] {
            let lru =
                Lru { classes: &classes, load: Load::new(500.0, writes), lifetimes: Lifetimes::fixed(ttl) };
            let half = lru.for_hit_ratio(0.5).unwrap();
            let again = lru.with_room_for(half.entries);
            assert!((again.hit_ratio - 0.5).abs() < 1e-6, "{again:?}");
            assert!(lru.for_hit_ratio(0.999_99).is_none() == (writes > 0.0 || ttl < 1e9));
            let rising: Vec<f64> =
                (1..=20).map(|part| lru.with_room_for(f64::from(part) * 500.0).hit_ratio).collect();
            assert!(rising.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{rising:?}");
        }
    }

    #[test]
    fn room_for_everything_is_no_limit() {
        let classes = Keys::new(Popularity::Uniform, 100, 1).classes();
        let lru = Lru { classes: &classes, load: Load::new(10.0, 0.0), lifetimes: Lifetimes::endless() };
        let all = lru.with_room_for(100.0);
        assert!((all.hit_ratio - 1.0).abs() < 1e-9 && all.unread_s.is_infinite());
        let half = lru.with_room_for(50.0);
        assert!((half.hit_ratio - 0.5).abs() < 1e-6, "{half:?}");
    }
}
