//! The hit ratio of a trace for several cache sizes, in one pass.
//!
//! Each size is simulated by itself. Stack distances would give all sizes from one list, but only
//! for caches in which a larger one holds all that a smaller one holds: with times to live that
//! begin at a fill it does not, since the smaller cache fills again, later. Memory is bounded by
//! sampling keys, and scaling sizes down likewise: fixed-size SHARDS (Waldspurger et al., FAST
//! 2015) with miniature simulations (USENIX ATC 2017). As long as the keys are no more than the
//! sample holds, every key is in it and the result is exact.

use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::lru_simulation::LruSimulation;
use super::operations::Kind;
use super::trace::Event;
use crate::permutation::mix;
use crate::units;

/// Keys that are followed at most.
const SAMPLED_KEYS: usize = 1 << 16;

/// Sizes, and what they did so far.
#[derive(Debug)]
pub(crate) struct TraceCurve {
    caches: Vec<SizedCache>,
    /// The place of each followed key, by the hash of the key.
    places: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    /// The same, the largest on top: the first to go.
    by_hash: BinaryHeap<(u64, u32)>,
    free: Vec<u32>,
    /// Hashes from here on are not followed.
    threshold: u64,
    most_keys: usize,
    reads: u64,
    /// The reads that the sample stands for.
    sampled_reads: f64,
    first_reads: f64,
}

#[derive(Debug)]
struct SizedCache {
    entries: u32,
    cache: LruSimulation,
    hits: f64,
}

/// The hits of a cache of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SizePoint {
    pub(crate) entries: u32,
    /// Share of all reads.
    pub(crate) hit_ratio: f64,
}

/// The hit ratios of a whole trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    /// One for each size that was asked for.
    pub(crate) points: Vec<SizePoint>,
    /// Different keys, estimated if not all were followed.
    pub(crate) keys: f64,
    /// The share of reads that were the first of their key: no cache answers those.
    pub(crate) first_reads: f64,
    /// True if every key was followed.
    pub(crate) exact: bool,
}

/// A key is a hash already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl TraceCurve {
    pub(crate) fn new(sizes: &[u32], ttl_s: Option<f64>) -> Self {
        Self::with_sample(sizes, ttl_s, SAMPLED_KEYS)
    }

    fn with_sample(sizes: &[u32], ttl_s: Option<f64>, most_keys: usize) -> Self {
        let cache = |entries: &u32| SizedCache {
            entries: *entries,
            cache: LruSimulation::new(*entries, ttl_s),
            hits: 0.0,
        };
        Self {
            caches: sizes.iter().map(cache).collect(),
            places: HashMap::default(),
            by_hash: BinaryHeap::new(),
            free: Vec::new(),
            threshold: u64::MAX,
            most_keys: most_keys.max(1),
            reads: 0,
            sampled_reads: 0.0,
            first_reads: 0.0,
        }
    }

    pub(crate) fn add(&mut self, event: &Event) {
        let is_read = event.kind == Kind::Read;
        self.reads += u64::from(is_read);
        let hash = mix(event.key_hash);
        if hash >= self.threshold {
            return;
        }
        let weight = 1.0 / self.rate();
        let known = self.places.get(&hash).copied();
        if is_read {
            self.sampled_reads += weight;
            if known.is_none() {
                self.first_reads += weight;
            }
        }
        let Some(place) = known.or_else(|| is_read.then(|| self.follow(hash))) else { return };
        for sized in &mut self.caches {
            match event.kind {
                Kind::Read => sized.hits += if sized.cache.read(place, event.time_s) { weight } else { 0.0 },
                Kind::Write => sized.cache.remove(place),
            }
        }
        while self.places.len() > self.most_keys {
            self.narrow();
        }
    }

    fn follow(&mut self, hash: u64) -> u32 {
        let fresh = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let place = self.free.pop().unwrap_or(fresh);
        self.places.insert(hash, place);
        self.by_hash.push((hash, place));
        place
    }

    /// Follows fewer keys, in smaller caches.
    fn narrow(&mut self) {
        let Some((largest, _)) = self.by_hash.peek().copied() else { return };
        self.threshold = largest;
        while let Some((hash, place)) = self.by_hash.peek().copied() {
            if hash < self.threshold {
                break;
            }
            self.by_hash.pop();
            self.places.remove(&hash);
            self.free.push(place);
            self.caches.iter_mut().for_each(|sized| sized.cache.remove(place));
        }
        let rate = self.rate();
        for sized in &mut self.caches {
            let scaled = units::whole(f64::from(sized.entries) * rate);
            sized.cache.shrink(u32::try_from(scaled).unwrap_or(u32::MAX));
        }
    }

    fn rate(&self) -> f64 {
        if self.threshold == u64::MAX { 1.0 } else { self.threshold as f64 / u64::MAX as f64 }
    }

    /// The hit ratios of the trace so far.
    pub(crate) fn finish(&self) -> Curve {
        let reads = (self.reads as f64).max(1.0);
        // Sampled reads that are missing (or too many) are those of the few most popular keys,
        // which hit in any cache.
        let missing = self.reads as f64 - self.sampled_reads;
        let point = |sized: &SizedCache| SizePoint {
            entries: sized.entries,
            hit_ratio: if sized.entries == 0 {
                0.0
            } else {
                ((sized.hits + missing) / reads).clamp(0.0, 1.0)
            },
        };
        Curve {
            points: self.caches.iter().map(point).collect(),
            keys: self.places.len() as f64 / self.rate(),
            first_reads: (self.first_reads / reads).clamp(0.0, 1.0),
            exact: self.threshold == u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::draws::{Draws, Purpose};
    use super::super::operations::Mix;
    use super::super::popularity::{Keys, Popularity};
    use super::*;

    fn trace(popularity: Popularity, keys: u32, writes: f64, events: u64) -> impl Iterator<Item = Event> {
        let mix = Mix { keys: Keys::new(popularity, keys, 1), writes, rng_seed: 2 };
        let mut time_s = 0.0;
        (0..events).map(move |number| {
            time_s += Draws::new(2, Purpose::Replay, number).exponential() / 1_000.0;
            let operation = mix.operation(number);
            Event { time_s, key_hash: mix_hash(operation.id), kind: operation.kind }
        })
    }

    fn mix_hash(id: u32) -> u64 {
        crate::permutation::mix(u64::from(id) | 1 << 40)
    }

    const SIZES: [u32; 5] = [0, 50, 400, 2_000, 10_000];

    #[test]
    fn it_is_exact_as_long_as_every_key_is_followed() {
        for (writes, ttl_s) in [(0.0, None), (0.1, None), (0.1, Some(5.0)), (0.0, Some(1.0))] {
            let popularity = Popularity::Zipf { exponent: 0.9 };
            let mut curve = TraceCurve::new(&SIZES, ttl_s);
            let mut caches = SIZES.map(|size| (LruSimulation::new(size, ttl_s), 0.0));
            let mut reads = 0.0;
            for event in trace(popularity, 5_000, writes, 60_000) {
                curve.add(&event);
                let id = u32::try_from(event.key_hash % 1_000_003).unwrap();
                reads += f64::from(u8::from(event.kind == Kind::Read));
                for (cache, hits) in &mut caches {
                    match event.kind {
                        Kind::Read => *hits += f64::from(u8::from(cache.read(id, event.time_s))),
                        Kind::Write => cache.remove(id),
                    }
                }
            }
            let curve = curve.finish();
            assert!(curve.exact);
            for (point, (_, hits)) in curve.points.iter().zip(caches) {
                assert!((point.hit_ratio - hits / reads).abs() < 2e-3, "{point:?} for {}", hits / reads);
            }
        }
    }

    #[test]
    fn a_sample_is_close() {
        for (popularity, writes, ttl_s) in [
            (Popularity::Zipf { exponent: 0.8 }, 0.0, None),
            (Popularity::Uniform, 0.1, None),
            (Popularity::Zipf { exponent: 1.0 }, 0.05, Some(60.0)),
        ] {
            let sizes = [5_000, 20_000, 60_000];
            let mut whole = TraceCurve::new(&sizes, ttl_s);
            let mut sampled = TraceCurve::with_sample(&sizes, ttl_s, 8_000);
            for event in trace(popularity, 60_000, writes, 400_000) {
                whole.add(&event);
                sampled.add(&event);
            }
            let (whole, sampled) = (whole.finish(), sampled.finish());
            assert!(whole.exact && !sampled.exact);
            assert!((sampled.keys / whole.keys - 1.0).abs() < 0.05, "{} {}", sampled.keys, whole.keys);
            for (exact, close) in whole.points.iter().zip(&sampled.points) {
                assert!((exact.hit_ratio - close.hit_ratio).abs() < 0.015, "{exact:?} {close:?}");
            }
        }
    }

    #[test]
    #[ignore = "takes a minute"]
    fn the_usual_sample_is_within_a_point() {
        for (popularity, writes, ttl_s) in [
            (Popularity::Zipf { exponent: 0.8 }, 0.05, None),
            (Popularity::Zipf { exponent: 1.0 }, 0.05, Some(600.0)),
            (Popularity::Zipf { exponent: 1.2 }, 0.0, None),
            (Popularity::Hotspot { keys: 0.1, reads: 0.9 }, 0.0, Some(600.0)),
            (Popularity::Uniform, 0.1, None),
        ] {
            let sizes = [5_000, 50_000, 200_000, u32::MAX];
            let mut whole = TraceCurve::with_sample(&sizes, ttl_s, usize::MAX);
            let mut sampled = TraceCurve::new(&sizes, ttl_s);
            for event in trace(popularity, 500_000, writes, 2_000_000) {
                whole.add(&event);
                sampled.add(&event);
            }
            let (whole, sampled) = (whole.finish(), sampled.finish());
            assert!(whole.exact && !sampled.exact, "{popularity:?}");
            for (exact, close) in whole.points.iter().zip(&sampled.points) {
                assert!(
                    (exact.hit_ratio - close.hit_ratio).abs() <= 0.01,
                    "{popularity:?}: {exact:?} {close:?}"
                );
            }
        }
    }

    #[test]
    fn one_key_hits_in_any_cache() {
        let mut curve = TraceCurve::new(&SIZES, None);
        for number in 0..100 {
            curve.add(&Event { time_s: f64::from(number), key_hash: 7, kind: Kind::Read });
        }
        let curve = curve.finish();
        assert_eq!(curve.points[0].hit_ratio, 0.0);
        assert!(curve.points[1..].iter().all(|point| (point.hit_ratio - 0.99).abs() < 1e-9));
        assert!((curve.first_reads - 0.01).abs() < 1e-9 && (curve.keys - 1.0).abs() < 1e-9);
    }
}
