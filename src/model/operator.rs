//! The comparisons that an assertion can make.

/// A comparison of a value with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Operator {
    /// Whether the value stands in this relation to the threshold.
    pub(crate) fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            #[expect(clippy::float_cmp, reason = "equality is what was asked for; counts are exact")]
            Self::Equal => value == threshold,
        }
    }
}
