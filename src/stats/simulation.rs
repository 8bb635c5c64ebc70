//! Rounds drawn from known distributions, to hold the statistics against the truth.

use crate::permutation::mix;
use crate::samples::round_series::RoundSums;

/// True means of the paths mysql, cold and warm in ns.
pub(super) const MEANS_NS: [f64; 3] = [1e6, 3e6, 2e5];

/// Seeded noise: SplitMix64, then Box and Muller.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(rng_seed: u64) -> Self {
        Self(mix(rng_seed))
    }

    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        ((mix(self.0) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// The scatter of the rounds around their means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    Normal {
        relative: f64,
    },
    Lognormal {
        sigma: f64,
    },
    /// Lognormal with sigma 0.2, and a share of rounds that take 20 times as long.
    Outliers {
        share: f64,
    },
    /// Reads of the law before, 200 a round.
    OutliersInBlocks {
        share: f64,
    },
    /// A slow wave common to all paths, lognormal, beside each path's own noise.
    CommonDrift {
        coefficient: f64,
        sigma: f64,
    },
    /// Each path's rounds a first-order autoregression of their logarithms.
    Autoregressive {
        coefficient: f64,
    },
    /// Noise with a long memory, below noise of the same size that has none.
    BelowNoise {
        coefficient: f64,
    },
    /// Every read takes the same time, but for a clock that sees nanoseconds.
    Constant,
    /// Exponential reads, 50 a round.
    Exponential,
    /// Each group of a tenth of the rounds has a level of its own, lognormal, beside the noise of
    /// the rounds.
    Groups {
        sigma: f64,
    },
    /// Each path's times grow by this share from the first round to the last.
    Trend {
        share: f64,
    },
}

/// The groups of so many rounds: ten of equal length.
pub(super) fn groups(length: usize) -> Vec<u32> {
    (0u32..10).flat_map(|group| (0..length.div_ceil(10)).map(move |_| group)).take(length).collect()
}

/// A lognormal factor with mean 1.
fn factor(normal: f64, sigma: f64) -> f64 {
    (sigma * normal - sigma * sigma / 2.0).exp()
}

/// A stationary autoregression of order one with variance 1.
struct Wave {
    coefficient: f64,
    value: f64,
}

impl Wave {
    fn next(&mut self, noise: &mut Noise) -> f64 {
        let value = self.value;
        let innovation = (1.0 - self.coefficient * self.coefficient).sqrt() * noise.normal();
        self.value = self.coefficient * value + innovation;
        value
    }
}

impl Law {
    /// The factor by which the mean of the rounds exceeds [`MEANS_NS`].
    pub(super) fn mean_factor(self) -> f64 {
        match self {
            Self::Outliers { share } | Self::OutliersInBlocks { share } => 1.0 + 19.0 * share,
            _ => 1.0,
        }
    }

    /// Rounds of the paths mysql, cold and warm.
    pub(super) fn rounds(self, length: usize, rng_seed: u64) -> [Vec<RoundSums>; 3] {
        let mut noise = Noise::new(rng_seed);
        let coefficient = match self {
            Self::CommonDrift { coefficient, .. }
            | Self::Autoregressive { coefficient }
            | Self::BelowNoise { coefficient } => coefficient,
            _ => 0.0,
        };
        let mut waves = [0; 4].map(|_| Wave { coefficient, value: noise.normal() });
        let mut columns: [Vec<RoundSums>; 3] = Default::default();
        let mut levels = [0.0; 3];
        for round in 0..length {
            let common = match self {
                Self::Trend { .. } => round as f64 / length as f64 - 0.5,
                _ => waves[3].next(&mut noise),
            };
            if round % length.div_ceil(10) == 0 {
                levels = levels.map(|_| noise.normal());
            }
            for path in 0..3 {
                let own =
                    if let Self::Groups { .. } = self { levels[path] } else { waves[path].next(&mut noise) };
                columns[path].push(self.round(MEANS_NS[path], common, own, &mut noise));
            }
        }
        columns
    }

    fn reads_a_round(self) -> u64 {
        match self {
            Self::OutliersInBlocks { .. } => 200,
            Self::Exponential => 50,
            _ => 1,
        }
    }

    fn round(self, mean_ns: f64, common: f64, own: f64, noise: &mut Noise) -> RoundSums {
        let outlier = |noise: &mut Noise, share: f64| if noise.uniform() < share { 20.0 } else { 1.0 };
        let relative = match self {
            Self::Normal { relative } => 1.0 + relative * own,
            Self::Lognormal { sigma } => factor(own, sigma),
            Self::Outliers { share } => factor(own, 0.2) * outlier(noise, share),
            Self::OutliersInBlocks { share } => {
                let reads = (0..200).map(|_| 200.0f64.recip() * outlier(noise, share));
                factor(own, 0.02) * reads.sum::<f64>()
            }
            Self::CommonDrift { sigma, .. } => factor(common, sigma) * factor(noise.normal(), 0.3),
            Self::Autoregressive { .. } => factor(own, 0.3),
            Self::BelowNoise { .. } => factor(own, 0.2) * factor(noise.normal(), 0.2),
            Self::Constant => 1.0 + 1e-4 * (noise.uniform() - 0.5),
            Self::Exponential => (0..50).map(|_| -noise.uniform().ln()).sum::<f64>() / 50.0,
            Self::Groups { sigma } => factor(own, sigma) * factor(noise.normal(), 0.2),
            Self::Trend { share } => (1.0 + share * common) * factor(noise.normal(), 0.2),
        };
        let count = self.reads_a_round();
        RoundSums::alike(count, crate::units::whole(mean_ns * relative * count as f64))
    }
}
