//! The state in which a cache settles, in closed form, for independent reads and writes of each
//! key.
//!
//! An entry lives from its fill until a write or its time to live ends it, E seconds on average.
//! Between two fills there are λE hits and one miss, so the hit ratio of a key is λE/(1 + λE); that
//! is also the chance that it is in the cache.

use super::draws::Draws;
use super::popularity::{Class, Keys};

/// Times to live: `longest_s` shortened by a random share up to `jitter`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lifetimes {
    pub(crate) longest_s: f64,
    pub(crate) jitter: f64,
}

impl Lifetimes {
    pub(crate) fn fixed(longest_s: f64) -> Self {
        Self { longest_s, jitter: 0.0 }
    }

    pub(crate) fn endless() -> Self {
        Self::fixed(f64::INFINITY)
    }

    /// The mean life of an entry whose key is written so often.
    pub(crate) fn presence_s(&self, writes_per_s: f64) -> f64 {
        if self.jitter == 0.0 || self.longest_s.is_infinite() {
            return presence_s(self.longest_s, writes_per_s);
        }
        // The mean over the jitter by Gauss-Legendre with three nodes, exact to polynomials of
        // degree five.
        const NODES: [(f64, f64); 3] =
            [(0.112_701_665_379_258_3, 5.0 / 18.0), (0.5, 8.0 / 18.0), (0.887_298_334_620_741_7, 5.0 / 18.0)];
        let at = |share: f64| presence_s(self.longest_s * (1.0 - self.jitter * share), writes_per_s);
        NODES.iter().map(|(share, weight)| weight * at(*share)).sum()
    }

    /// The remaining life of an entry that is met in the cache: the age of a survivor has a density
    /// in proportion to the chance of no write within that age.
    pub(crate) fn draw_remaining_s(&self, writes_per_s: f64, draws: &mut Draws) -> f64 {
        let life_s = self.longest_s * (1.0 - self.jitter * draws.uniform());
        let uniform = draws.uniform();
        let age_s = if writes_per_s * life_s < 1e-9 {
            uniform * life_s
        } else {
            -(uniform * (-writes_per_s * life_s).exp_m1()).ln_1p() / writes_per_s
        };
        (life_s - age_s).max(0.0)
    }
}

/// (1 - e^(-ωT))/ω; T without writes.
fn presence_s(ttl_s: f64, writes_per_s: f64) -> f64 {
    let scaled = writes_per_s * ttl_s;
    if scaled.is_nan() || scaled < 1e-12 { ttl_s } else { -(-scaled).exp_m1() / writes_per_s }
}

/// λE/(1 + λE): the share of a key's reads that hit, and the chance that the key is in the cache.
pub(crate) fn hit_ratio_of_key(reads_per_s: f64, presence_s: f64) -> f64 {
    let hits = if reads_per_s > 0.0 { reads_per_s * presence_s } else { 0.0 };
    if hits.is_infinite() { 1.0 } else { hits / (1.0 + hits) }
}

/// A load on all keys together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    pub(crate) reads_per_s: f64,
    pub(crate) writes_per_s: f64,
}

impl Load {
    /// Operations of which a share are writes.
    pub(crate) fn new(per_s: f64, writes: f64) -> Self {
        Self { reads_per_s: per_s * (1.0 - writes), writes_per_s: per_s * writes }
    }
}

/// The chance that a key with this share of all operations is in the cache.
pub(crate) fn presence_of_key(share: f64, load: Load, lifetimes: Lifetimes) -> f64 {
    hit_ratio_of_key(load.reads_per_s * share, lifetimes.presence_s(load.writes_per_s * share))
}

/// The share of all reads that hit a cache with room for every key.
pub(crate) fn hit_ratio(keys: &Keys, load: Load, lifetimes: Lifetimes) -> f64 {
    let hits = |class: &Class| class.keys * class.share * presence_of_key(class.share, load, lifetimes);
    keys.classes().iter().map(hits).sum()
}

#[cfg(test)]
mod tests {
    use super::super::draws::Purpose;
    use super::super::popularity::Popularity;
    use super::*;

    /// Hits and reads of one key, event by event, and the share of the time in which it was in the
    /// cache.
    fn simulate(reads_per_s: f64, writes_per_s: f64, lifetimes: Lifetimes, events: u64) -> (f64, f64) {
        let mut draws = Draws::new(17, Purpose::Replay, 0);
        let (mut now, mut ends, mut present_s, mut hits, mut reads) = (0.0_f64, 0.0_f64, 0.0, 0.0, 0.0);
        for _ in 0..events {
            let step = draws.exponential() / (reads_per_s + writes_per_s);
            present_s += (ends.min(now + step) - now).max(0.0);
            now += step;
            if draws.uniform() * (reads_per_s + writes_per_s) < writes_per_s {
                ends = ends.min(now);
                continue;
            }
            reads += 1.0;
            if now < ends {
                hits += 1.0;
            } else {
                ends = now + lifetimes.longest_s * (1.0 - lifetimes.jitter * draws.uniform());
            }
        }
        (hits / reads, present_s / now)
    }

    #[test]
    fn the_closed_form_is_what_happens() {
        for (reads, writes, ttl, jitter) in [
            (1.0, 0.0, 5.0, 0.0),
            (1.0, 0.2, 5.0, 0.0),
            (0.3, 0.2, 2.0, 0.1),
            (10.0, 1.0, 60.0, 0.1),
            (1.0, 5.0, 60.0, 0.0),
            (2.0, 0.0, 0.4, 0.1),
        ] {
            let lifetimes = Lifetimes { longest_s: ttl, jitter };
            let expected = hit_ratio_of_key(reads, lifetimes.presence_s(writes));
            let (hit_ratio, present) = simulate(reads, writes, lifetimes, 400_000);
            for seen in [hit_ratio, present] {
                assert!((seen - expected).abs() < 0.006, "{reads} {writes} {ttl}: {seen} for {expected}");
            }
        }
    }

    #[test]
    fn limits_are_as_they_must_be() {
        assert!((presence_s(5.0, 0.0) - 5.0).abs() < 1e-12);
        assert!((presence_s(f64::INFINITY, 0.5) - 2.0).abs() < 1e-12);
        assert!((presence_s(5.0, 1e-15) - 5.0).abs() < 1e-9);
        assert!((hit_ratio_of_key(1.0, f64::INFINITY) - 1.0).abs() < 1e-12);
        assert_eq!(hit_ratio_of_key(0.0, f64::INFINITY), 0.0);
        let keys = Keys::new(Popularity::Zipf { exponent: 1.0 }, 1_000, 1);
        let endless = hit_ratio(&keys, Load::new(100.0, 0.05), Lifetimes::endless());
        assert!((endless - 0.95).abs() < 1e-9, "without expiry only writes make misses: {endless}");
        assert_eq!(hit_ratio(&keys, Load::new(100.0, 1.0), Lifetimes::fixed(60.0)), 0.0, "no reads, no hits");
    }

    #[test]
    fn remaining_lives_are_those_of_survivors() {
        // Without writes evenly spread; with many of them a survivor is young.
        for (writes, mean) in [(0.0, 5.0), (2.0, 9.5)] {
            let lifetimes = Lifetimes::fixed(10.0);
            let total: f64 = (0..50_000)
                .map(|number| {
                    lifetimes.draw_remaining_s(writes, &mut Draws::new(1, Purpose::Filling, number))
                })
                .sum();
            assert!((total / 50_000.0 - mean).abs() < 0.05, "{writes}: {}", total / 50_000.0);
        }
    }
}
