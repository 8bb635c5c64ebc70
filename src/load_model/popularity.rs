//! The spread of reads and writes over the keys: popularity by rank, and a bijective permutation
//! from ranks to ids. Hashing ranks instead, as YCSB's scrambled Zipfian does, makes some ids
//! collide and others unreachable.

use super::draws::{Draws, Purpose};
use crate::permutation::{Permutation, below};
use crate::units;

/// The popularity of keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Popularity {
    /// Every key equally often.
    Uniform,
    /// The key of rank r in proportion to 1/r^exponent.
    Zipf { exponent: f64 },
    /// A share of the keys gets a share of the reads, evenly on either side.
    Hotspot { keys: f64, reads: f64 },
}

/// Steeper popularity has all reads on a handful of keys.
const MAX_EXPONENT: f64 = 10.0;

impl Popularity {
    /// Parses `uniform`, `zipf:1.0` or `hotspot:10%:90%`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected uniform, zipf:EXPONENT from 0 to 10, or hotspot:KEYS%:READS% with shares between \
                                0 and 100, such as zipf:1.0 or hotspot:10%:90%";
        let mut parts = text.split(':');
        let parsed = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("uniform"), None, None, None) => Some(Self::Uniform),
            (Some("zipf"), Some(exponent), None, None) => number(exponent)
                .filter(|exponent| (0.0..=MAX_EXPONENT).contains(exponent))
                .map(|exponent| Self::Zipf { exponent }),
            (Some("hotspot"), Some(keys), Some(reads), None) => {
                share(keys).zip(share(reads)).map(|(keys, reads)| Self::Hotspot { keys, reads })
            }
            _ => None,
        };
        parsed.ok_or_else(|| EXPECTED.to_owned())
    }

    /// The name as it is typed.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Uniform => "uniform".to_owned(),
            Self::Zipf { exponent } => format!("zipf:{exponent}"),
            Self::Hotspot { keys, reads } => {
                format!("hotspot:{}%:{}%", round(keys * 100.0), round(reads * 100.0))
            }
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Above 0 and below 1: with nothing on one side some keys could never be drawn.
fn share(text: &str) -> Option<f64> {
    let percent = number(text.strip_suffix('%')?)?;
    (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
}

/// Without the digits that a division leaves behind.
fn round(percent: f64) -> f64 {
    (percent * 1e9).round() / 1e9
}

/// Keys that are equally popular.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Class {
    pub(crate) keys: f64,
    /// The share of all reads that each of them gets.
    pub(crate) share: f64,
}

/// The ids 0 to `keys` - 1 with their popularity.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    law: Law,
    order: Permutation,
}

#[derive(Clone, Debug)]
enum Law {
    Uniform,
    Zipf(Zipf),
    Hotspot { hot: u32, reads: f64 },
}

impl Keys {
    pub(crate) fn new(popularity: Popularity, keys: u32, rng_seed: u64) -> Self {
        let order = Permutation::new(keys, Draws::new(rng_seed, Purpose::Order, 0).next());
        let keys = order.size();
        let law = match popularity {
            Popularity::Uniform => Law::Uniform,
            Popularity::Zipf { exponent } => Law::Zipf(Zipf::new(exponent, keys)),
            Popularity::Hotspot { keys: share, reads } => {
                let hot = u32::try_from(units::whole(share * f64::from(keys))).unwrap_or(keys).clamp(1, keys);
                // Without keys on either side all reads go to the other.
                if hot == keys { Law::Uniform } else { Law::Hotspot { hot, reads } }
            }
        };
        Self { law, order }
    }

    pub(crate) fn count(&self) -> u32 {
        self.order.size()
    }

    /// Draws a rank, 0 for the most popular.
    pub(crate) fn draw_rank(&self, draws: &mut Draws) -> u32 {
        let keys = self.count();
        match &self.law {
            Law::Uniform => below(draws.next(), keys),
            Law::Zipf(zipf) => zipf.draw(draws),
            Law::Hotspot { hot, reads } => {
                if draws.uniform() < *reads {
                    below(draws.next(), *hot)
                } else {
                    hot + below(draws.next(), keys - hot)
                }
            }
        }
    }

    /// Draws an id.
    pub(crate) fn draw(&self, draws: &mut Draws) -> u32 {
        self.id(self.draw_rank(draws))
    }

    /// The id of a rank.
    pub(crate) fn id(&self, rank: u32) -> u32 {
        self.order.at(rank)
    }

    /// The share of all reads that the key of this rank gets.
    pub(crate) fn share(&self, rank: u32) -> f64 {
        let keys = f64::from(self.count());
        match &self.law {
            Law::Uniform => 1.0 / keys,
            Law::Zipf(zipf) => zipf.share(rank),
            Law::Hotspot { hot, reads } if rank < *hot => reads / f64::from(*hot),
            Law::Hotspot { hot, reads } => (1.0 - reads) / (keys - f64::from(*hot)),
        }
    }

    /// All keys in classes of (nearly) equal popularity, the most popular first: a few thousand,
    /// however many keys.
    pub(crate) fn classes(&self) -> Vec<Class> {
        let keys = f64::from(self.count());
        match &self.law {
            Law::Uniform => vec![Class { keys, share: 1.0 / keys }],
            Law::Zipf(zipf) => zipf.classes(),
            Law::Hotspot { hot, .. } => {
                let hot_keys = f64::from(*hot);
                vec![
                    Class { keys: hot_keys, share: self.share(0) },
                    Class { keys: keys - hot_keys, share: self.share(*hot) },
                ]
            }
        }
    }
}

/// Zipf's law over a bounded number of ranks, drawn by rejection-inversion (Hörmann and Derflinger,
/// "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS
/// 1996): no table, whatever the number of keys.
#[derive(Clone, Debug)]
struct Zipf {
    exponent: f64,
    keys: u32,
    /// The integral of the density at the ends of the ranks.
    first: f64,
    last: f64,
    /// Within this distance of a rank a draw is accepted without a look at the density.
    near: f64,
    sum: f64,
}

impl Zipf {
    /// Ranks up to here are summed one by one; beyond, the integral of a class is its sum to a part
    /// in 10^8.
    const EXACT: u32 = 4_096;
    /// The width of a class.
    const REACH: f64 = 1.01;

    fn new(exponent: f64, keys: u32) -> Self {
        let mut zipf = Self { exponent, keys, first: 0.0, last: 0.0, near: 0.0, sum: 1.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(f64::from(keys) + 0.5);
        zipf.near = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf.sum = zipf.weights().map(|class| class.keys * class.share).sum();
        zipf
    }

    fn density(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// (x^(1-s) - 1) / (1 - s), the logarithm if s is 1.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let scaled = (1.0 - self.exponent) * log;
        if scaled.abs() < 1e-12 { log } else { scaled.exp_m1() / scaled * log }
    }

    fn inverse(&self, y: f64) -> f64 {
        let scaled = (y * (1.0 - self.exponent)).max(-1.0);
        if scaled.abs() < 1e-12 { y.exp() } else { (scaled.ln_1p() / scaled * y).exp() }
    }

    fn draw(&self, draws: &mut Draws) -> u32 {
        loop {
            let y = self.last + draws.uniform() * (self.first - self.last);
            let x = self.inverse(y);
            let nearest = u32::try_from(units::whole(x)).unwrap_or(self.keys).clamp(1, self.keys);
            let rank = f64::from(nearest);
            if rank - x <= self.near || y >= self.integral(rank + 0.5) - self.density(rank) {
                return nearest - 1;
            }
        }
    }

    fn share(&self, rank: u32) -> f64 {
        self.density(f64::from(rank) + 1.0) / self.sum
    }

    /// Classes with densities instead of shares.
    fn weights(&self) -> impl Iterator<Item = Class> {
        let exact = (1..=self.keys.min(Self::EXACT))
            .map(|rank| Class { keys: 1.0, share: self.density(rank.into()) });
        let end = f64::from(self.keys) + 1.0;
        let bounds = std::iter::successors(Some(f64::from(Self::EXACT) + 1.0), move |from| {
            let to = (from * Self::REACH).floor().min(end);
            (to > *from).then_some(to)
        });
        let bounds: Vec<f64> = bounds.take_while(|bound| *bound <= end).collect();
        let classes: Vec<Class> = bounds
            .windows(2)
            .map(|ends| {
                let keys = ends[1] - ends[0];
                let mass = self.integral(ends[1] - 0.5) - self.integral(ends[0] - 0.5);
                Class { keys, share: mass / keys }
            })
            .collect();
        exact.chain(classes)
    }

    fn classes(&self) -> Vec<Class> {
        self.weights().map(|class| Class { share: class.share / self.sum, ..class }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    use super::*;

    const LAWS: [Popularity; 9] = [
        Popularity::Uniform,
        Popularity::Zipf { exponent: 0.0 },
        Popularity::Zipf { exponent: 0.6 },
        Popularity::Zipf { exponent: 0.99 },
        Popularity::Zipf { exponent: 1.0 },
        Popularity::Zipf { exponent: 1.2 },
        Popularity::Zipf { exponent: 1.5 },
        Popularity::Zipf { exponent: 5.0 },
        Popularity::Hotspot { keys: 0.1, reads: 0.9 },
    ];

    /// The chance of a χ² at least as large, with cells of fewer than ten expected draws put
    /// together.
    fn chi_squared_p(observed: &[u64], expected: &[f64]) -> f64 {
        let (mut statistic, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
        let mut add = |seen: f64, expected: f64| {
            statistic += (seen - expected).powi(2) / expected;
            cells += 1.0;
        };
        for (seen, expected) in observed.iter().zip(expected) {
            if *expected >= 10.0 {
                add(*seen as f64, *expected);
            } else {
                rest = (rest.0 + *seen as f64, rest.1 + expected);
            }
        }
        if rest.1 >= 10.0 {
            add(rest.0, rest.1);
        }
        if cells < 2.0 { 1.0 } else { ChiSquared::new(cells - 1.0).unwrap().sf(statistic) }
    }

    #[test]
    fn a_million_draws_follow_their_law() {
        let draws = 1_000_000;
        for popularity in LAWS {
            for keys in [1, 7, 1_000, 20_000] {
                let law = Keys::new(popularity, keys, 5);
                let mut observed = vec![0; keys as usize];
                for number in 0..draws {
                    let rank = law.draw_rank(&mut Draws::new(11, Purpose::Operation, number));
                    observed[rank as usize] += 1;
                }
                let expected: Vec<f64> = (0..keys).map(|rank| law.share(rank) * draws as f64).collect();
                let p = chi_squared_p(&observed, &expected);
                assert!(p > 0.001, "{popularity:?} over {keys}: p = {p}");
            }
        }
    }

    #[test]
    fn shares_and_classes_add_up_to_one() {
        for popularity in LAWS {
            for keys in [1, 2, 5_000, 300_000] {
                let law = Keys::new(popularity, keys, 1);
                let by_rank: f64 = (0..keys).map(|rank| law.share(rank)).sum();
                let classes = law.classes();
                let by_class: f64 = classes.iter().map(|class| class.keys * class.share).sum();
                let counted: f64 = classes.iter().map(|class| class.keys).sum();
                assert!((by_rank - 1.0).abs() < 1e-6, "{popularity:?} over {keys}: {by_rank}");
                assert!((by_class - 1.0).abs() < 1e-9, "{popularity:?} over {keys}: {by_class}");
                assert!((counted - f64::from(keys)).abs() < 1e-6, "{popularity:?} over {keys}: {counted}");
            }
        }
        let many = Keys::new(Popularity::Zipf { exponent: 1.0 }, 50_000_000, 1).classes();
        assert!(many.len() < 6_000);
    }

    #[test]
    fn every_id_can_be_drawn_and_every_id_exists() {
        let law = Keys::new(Popularity::Zipf { exponent: 1.0 }, 1_000, 9);
        let ids: HashSet<u32> = (0..1_000).map(|rank| law.id(rank)).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| *id < 1_000));
    }

    #[test]
    fn words_are_read_and_written_alike() {
        for (text, popularity) in [
            ("uniform", Popularity::Uniform),
            ("zipf:1", Popularity::Zipf { exponent: 1.0 }),
            ("zipf:0.99", Popularity::Zipf { exponent: 0.99 }),
            ("hotspot:10%:90%", Popularity::Hotspot { keys: 0.1, reads: 0.9 }),
            ("hotspot:0.7%:29%", Popularity::Hotspot { keys: 0.007, reads: 0.29 }),
        ] {
            assert_eq!(Popularity::parse(text).map(|parsed| parsed.name()), Ok(text.to_owned()));
            let (Popularity::Hotspot { keys, reads }, Ok(Popularity::Hotspot { keys: k, reads: r })) =
                (popularity, Popularity::parse(text))
            else {
                assert_eq!(Popularity::parse(text), Ok(popularity));
                continue;
            };
            assert!((keys - k).abs() < 1e-12 && (reads - r).abs() < 1e-12);
        }
        for text in [
            "",
            "zipf",
            "zipf:",
            "zipf:-1",
            "zipf:11",
            "zipf:NaN",
            "zipf:inf",
            "hotspot:10:90",
            "hotspot:0%:90%",
            "hotspot:10%:100%",
            "hotspot:10%",
            "uniform:1",
            "Uniform",
        ] {
            assert!(Popularity::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_rank_is_always_one_of_the_keys(exponent in 0.0f64..10.0, keys in 1u32.., number: u64) {
            let law = Keys::new(Popularity::Zipf { exponent }, keys.min(1 << 26), 1);
            prop_assert!(law.draw_rank(&mut Draws::new(1, Purpose::Operation, number)) < law.count());
        }

        #[test]
        fn any_text_is_a_popularity_or_an_error(text in "(uniform|zipf|hotspot)?[:0-9.%]{0,12}|.*") {
            let _ = Popularity::parse(&text);
        }
    }
}
