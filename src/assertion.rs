//! `--assert`: what somebody wants to be true of a run, taken apart before the run. `verdict`
//! judges it after the run.

pub(crate) mod traffic;

use std::fmt;

use clap::ValueEnum;

use crate::model::ReadPath;
use crate::model::operator::Operator;
use crate::units;

/// One expression, such as `all.warm.p99 < 5ms`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assertion {
    /// The text as it was typed.
    pub(crate) text: String,
    /// The name of a built-in workload or of a query.
    pub(crate) workload: String,
    pub(crate) subject: Subject,
    pub(crate) operator: Operator,
    /// ns for times, a plain number otherwise.
    pub(crate) threshold: f64,
}

/// The number that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    OfPath(ReadPath, PathField),
    Speedup,
    MissPenalty,
    BreakEven,
}

impl Subject {
    /// The paths without which there is nothing to judge.
    pub(crate) fn paths(&self) -> &[ReadPath] {
        match self {
            Self::OfPath(path, _) => std::slice::from_ref(path),
            Self::Speedup => &[ReadPath::Mysql, ReadPath::Warm],
            Self::MissPenalty => &[ReadPath::Mysql, ReadPath::Cold],
            Self::BreakEven => &[ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathField {
    /// By its name in the run file: `50`, `90`, `95`, `99`, `99.9`.
    Percentile(&'static str),
    Mean,
    Max,
    Throughput,
    Errors,
}

/// The fault of an expression, and how it should look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct AssertionError(String);

impl fmt::Display for AssertionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; it looks like 'all.warm.p99 < 5ms' or 'point.speedup > 1.5'", self.0)
    }
}

/// Takes an expression apart.
pub(crate) fn parse(text: &str) -> Result<Assertion, AssertionError> {
    let (left, operator, right) = split(text)?;
    let mut parts = left.splitn(3, '.').map(str::trim);
    let workload = parts.next().unwrap_or_default().to_owned();
    let subject = match (parts.next(), parts.next()) {
        (Some("speedup"), None) => Subject::Speedup,
        (Some("miss_penalty"), None) => Subject::MissPenalty,
        (Some("break_even"), None) => Subject::BreakEven,
        (Some(path), Some(field)) => Subject::OfPath(named::<ReadPath>(path, "path")?, path_field(field)?),
        _ => return Err(AssertionError(format!("{left:?} names no field of a path and no ratio"))),
    };
    let threshold = threshold(right, subject)?;
    Ok(Assertion { text: text.to_owned(), workload, subject, operator, threshold })
}

fn split(text: &str) -> Result<(&str, Operator, &str), AssertionError> {
    // The longer ones first: `<=` begins like `<`.
    const OPERATORS: [(&str, Operator); 5] = [
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("==", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    for (sign, operator) in OPERATORS {
        if let Some((left, right)) = text.split_once(sign) {
            return Ok((left.trim(), operator, right.trim()));
        }
    }
    Err(AssertionError("there is no <, <=, >, >= or ==".to_owned()))
}

fn named<T: ValueEnum>(name: &str, kind: &str) -> Result<T, AssertionError> {
    T::from_str(name, false).map_err(|_| {
        let known = T::value_variants().iter().filter_map(T::to_possible_value);
        let known: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        AssertionError(format!("{name:?} is no {kind} ({})", known.join(", ")))
    })
}

fn path_field(name: &str) -> Result<PathField, AssertionError> {
    Ok(match name {
        "p50" => PathField::Percentile("50"),
        "p90" => PathField::Percentile("90"),
        "p95" => PathField::Percentile("95"),
        "p99" => PathField::Percentile("99"),
        "p99.9" => PathField::Percentile("99.9"),
        "mean" => PathField::Mean,
        "max" => PathField::Max,
        "throughput" => PathField::Throughput,
        "errors" => PathField::Errors,
        _ => {
            let known = "p50, p90, p95, p99, p99.9, mean, max, throughput, errors";
            return Err(AssertionError(format!("{name:?} is not a field of a path ({known})")));
        }
    })
}

fn threshold(text: &str, subject: Subject) -> Result<f64, AssertionError> {
    let (value, what) = match subject {
        Subject::OfPath(_, PathField::Percentile(_) | PathField::Mean | PathField::Max) => {
            (units::parse_duration_ns(text), "a time with its unit, such as 5ms")
        }
        Subject::OfPath(_, PathField::Throughput) => {
            (number(text.strip_suffix("/s").unwrap_or(text)), "a number of reads per second")
        }
        Subject::OfPath(_, PathField::Errors) => (number(text), "a number"),
        Subject::Speedup | Subject::MissPenalty => (number(text), "a ratio, such as 1.5"),
        Subject::BreakEven => (share(text), "a hit ratio, such as 0.2 or 20%"),
    };
    value.ok_or_else(|| AssertionError(format!("{text:?} is not {what}")))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn expressions_are_taken_apart() {
        let parsed = |text: &str| {
            let assertion = parse(text).unwrap();
            (assertion.workload, assertion.subject, assertion.operator, assertion.threshold)
        };
        let of_warm = |field| Subject::OfPath(ReadPath::Warm, field);
        assert_eq!(
            parsed("all.warm.p99 < 5ms"),
            ("all".to_owned(), of_warm(PathField::Percentile("99")), Operator::Less, 5e6)
        );
        assert_eq!(
            parsed("point.warm.p99.9<=1.5s"),
            ("point".to_owned(), of_warm(PathField::Percentile("99.9")), Operator::LessOrEqual, 1.5e9)
        );
        assert_eq!(
            parsed("point.speedup > 1.5"),
            ("point".to_owned(), Subject::Speedup, Operator::Greater, 1.5)
        );
        assert_eq!(
            parsed("all.break_even <= 20%"),
            ("all".to_owned(), Subject::BreakEven, Operator::LessOrEqual, 0.2)
        );
        assert_eq!(
            parsed("all.warm.errors == 0"),
            ("all".to_owned(), of_warm(PathField::Errors), Operator::Equal, 0.0)
        );
        assert_eq!(
            parsed("all.warm.throughput >= 100/s"),
            ("all".to_owned(), of_warm(PathField::Throughput), Operator::GreaterOrEqual, 100.0)
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said: Vec<String> = [
            "",
            "all.warm.p99",
            "all.warm.p98 < 5ms",
            "all.hot.p99 < 5ms",
            "all.warm.p99 < 5",
            "all.warm < 5ms",
            "all.speedup > fast",
            "all.speedup > -1",
            "all.break_even < much",
            "all < 3",
        ]
        .map(|text| parse(text).unwrap_err().to_string())
        .to_vec();
        insta::assert_snapshot!(said.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_an_assertion_or_an_error(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn anything_behind_a_good_beginning_is_too(text: String) {
            let _ = parse(&format!("all.warm.p99 < {text}"));
            let _ = parse(&format!("all.{text} < 5ms"));
        }
    }
}
