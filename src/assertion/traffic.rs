//! Conditions on traffic: `lease.p99 < 5ms`, `lease.hit_ratio > 80%`, `lease.max_rate > 2 *
//! mysql.max_rate`; and, without a strategy, what `--find` searches for: `p99 < 5ms`.

use super::{AssertionError, number, share, split};
use crate::model::operator::Operator;
use crate::units;

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrafficAssertion {
    /// The text as it was typed.
    pub(crate) text: String,
    pub(crate) left: Term,
    pub(crate) operator: Operator,
    pub(crate) right: Right,
}

/// A figure of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// `lease`, or `point.lease` if there are several workloads.
    pub(crate) strategy: String,
    pub(crate) field: Field,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Right {
    /// ns for times, a plain number otherwise.
    Value(f64),
    /// A multiple of another figure.
    Multiple(f64, Term),
}

/// A number of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A percentile of the response times, by its name in the document.
    Percentile(&'static str),
    Mean,
    Max,
    HitRatio,
    Throughput,
    Errors,
    StaleReads,
    GivenUp,
    MaxRate,
}

const FIELDS: [(&str, Field); 13] = [
    ("p50", Field::Percentile("50")),
    ("p90", Field::Percentile("90")),
    ("p95", Field::Percentile("95")),
    ("p99", Field::Percentile("99")),
    ("p99.9", Field::Percentile("99.9")),
    ("mean", Field::Mean),
    ("max", Field::Max),
    ("hit_ratio", Field::HitRatio),
    ("throughput", Field::Throughput),
    ("errors", Field::Errors),
    ("stale_reads", Field::StaleReads),
    ("given_up", Field::GivenUp),
    ("max_rate", Field::MaxRate),
];

impl Field {
    fn is_time(self) -> bool {
        matches!(self, Self::Percentile(_) | Self::Mean | Self::Max)
    }
}

/// The condition for which `--find` searches the highest rate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// The text as it was typed.
    pub(crate) text: String,
    pub(crate) field: Field,
    pub(crate) operator: Operator,
    pub(crate) threshold: f64,
}

/// Takes an assertion apart.
pub(crate) fn parse(text: &str, strategies: &[&str]) -> Result<TrafficAssertion, String> {
    let like = |error: &str| {
        format!("{error}; it looks like 'lease.p99 < 5ms' or 'lease.max_rate > 2 * mysql.max_rate'")
    };
    let (left, operator, right) = split(text).map_err(|AssertionError(error)| like(&error))?;
    let left = term(left, strategies).map_err(|error| like(&error))?;
    let right = match right.split_once('*') {
        Some((factor, other)) => {
            let factor = number(factor).ok_or_else(|| like(&format!("{factor:?} is not a number")))?;
            Right::Multiple(factor, term(other.trim(), strategies).map_err(|error| like(&error))?)
        }
        None => match threshold(right, left.field) {
            Ok(value) => Right::Value(value),
            Err(error) => Right::Multiple(1.0, term(right, strategies).map_err(|_| like(&error))?),
        },
    };
    if let Right::Multiple(_, other) = &right
        && (other.field.is_time() != left.field.is_time())
    {
        return Err(like("a time cannot be compared with another kind of number"));
    }
    Ok(TrafficAssertion { text: text.to_owned(), left, operator, right })
}

/// Takes what is to be found apart.
pub(crate) fn parse_condition(text: &str) -> Result<Condition, String> {
    let like = |error: &str| format!("{error}; it looks like 'p99 < 5ms', 'mean < 1ms' or 'p99.9 <= 20ms'");
    let (left, operator, right) = split(text).map_err(|AssertionError(error)| like(&error))?;
    let field = field(left).map_err(|error| like(&error))?;
    if !matches!(field, Field::Percentile(_) | Field::Mean)
        || !matches!(operator, Operator::Less | Operator::LessOrEqual)
    {
        return Err(like("only an upper bound of a response time gives way under load"));
    }
    let threshold = threshold(right, field).map_err(|error| like(&error))?;
    if threshold <= 0.0 {
        return Err(like("no response takes less time than none"));
    }
    Ok(Condition { text: text.to_owned(), field, operator, threshold })
}

fn term(text: &str, strategies: &[&str]) -> Result<Term, String> {
    // Names and fields may have dots themselves.
    let named = |name: &&str| Some(((*name).to_owned(), text.strip_prefix(name)?.strip_prefix('.')?));
    if let Some((strategy, name)) = strategies.iter().filter_map(named).max_by_key(|(name, _)| name.len()) {
        return Ok(Term { strategy, field: field(name)? });
    }
    let (strategy, _) =
        text.split_once('.').ok_or_else(|| format!("{text:?} names no field of a strategy"))?;
    Err(format!("{strategy:?} is not a strategy ({})", strategies.join(", ")))
}

fn field(name: &str) -> Result<Field, String> {
    FIELDS.iter().find(|(known, _)| *known == name.trim()).map(|(_, field)| *field).ok_or_else(|| {
        let known: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        format!("{name:?} is not a field of a strategy ({})", known.join(", "))
    })
}

fn threshold(text: &str, field: Field) -> Result<f64, String> {
    let (value, what) = match field {
        Field::Percentile(_) | Field::Mean | Field::Max => {
            (units::parse_duration_ns(text), "a time with its unit, such as 5ms")
        }
        Field::HitRatio => (share(text), "a hit ratio, such as 0.8 or 80%"),
        Field::Throughput | Field::MaxRate => {
            (number(text.strip_suffix("/s").unwrap_or(text)), "a number of operations per second")
        }
        Field::Errors | Field::StaleReads | Field::GivenUp => (number(text), "a number"),
    };
    value.ok_or_else(|| format!("{text:?} is not {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRATEGIES: [&str; 3] = ["mysql", "lease", "lease-marker"];

    #[test]
    fn conditions_are_taken_apart() {
        let parsed = |text: &str| {
            let parsed = parse(text, &STRATEGIES).unwrap();
            (parsed.left.strategy, parsed.left.field, parsed.operator, parsed.right)
        };
        let value = Right::Value;
        assert_eq!(
            parsed("lease.p99 < 5ms"),
            ("lease".to_owned(), Field::Percentile("99"), Operator::Less, value(5e6))
        );
        assert_eq!(
            parsed("lease-marker.p99.9 <= 1s"),
            ("lease-marker".to_owned(), Field::Percentile("99.9"), Operator::LessOrEqual, value(1e9))
        );
        assert_eq!(
            parsed("lease.hit_ratio > 80%"),
            ("lease".to_owned(), Field::HitRatio, Operator::Greater, value(0.8))
        );
        let mysql = |field| Term { strategy: "mysql".to_owned(), field };
        assert_eq!(
            parsed("lease.max_rate > 2 * mysql.max_rate").3,
            Right::Multiple(2.0, mysql(Field::MaxRate))
        );
        assert_eq!(parsed("lease.mean < mysql.p50").3, Right::Multiple(1.0, mysql(Field::Percentile("50"))));
        let condition = parse_condition("p99 < 5ms").unwrap();
        assert_eq!((condition.field, condition.threshold), (Field::Percentile("99"), 5e6));
    }

    #[test]
    fn strategies_of_several_workloads_are_told_apart() {
        let strategies = ["point.mysql", "point.lease", "page.lease"];
        let parsed = parse("point.lease.p99.9 < 2 * page.lease.mean", &strategies).unwrap();
        assert_eq!(
            (parsed.left.strategy.as_str(), parsed.left.field),
            ("point.lease", Field::Percentile("99.9"))
        );
        let page = Term { strategy: "page.lease".to_owned(), field: Field::Mean };
        assert_eq!(parsed.right, Right::Multiple(2.0, page));
        for text in ["lease.p99 < 5ms", "page.mysql.p99 < 5ms", "point.lease < 5ms"] {
            assert!(parse(text, &strategies).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in [
            "",
            "lease.p99",
            "lease.p98 < 5ms",
            "burn.p99 < 5ms",
            "lease < 5ms",
            "lease.p99 < 5",
            "lease.p99 < x * mysql.p99",
            "lease.p99 < 2 * burn.p99",
            "lease.p99 < mysql.hit_ratio",
            "lease.errors == none",
        ] {
            let error = parse(text, &STRATEGIES).unwrap_err();
            assert!(error.contains("it looks like"), "{error}");
        }
        for text in
            ["p99 > 5ms", "hit_ratio > 80%", "p99 < 5", "p99", "lease.p99 < 5ms", "p99 < 0ms", "max < 1s"]
        {
            assert!(parse_condition(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_condition_or_an_error(text in "(lease[.]p99 <)?.*") {
            let _ = parse(&text, &STRATEGIES);
            let _ = parse_condition(&text);
        }
    }
}
