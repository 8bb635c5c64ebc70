//! The regression gates: which figures of which paths must not get slower, and by how much.
//!
//! `WORKLOAD.PATH: PERCENT` or `WORKLOAD.PATH.FIGURE: PERCENT`. Without a figure, the typical read
//! must be shown to be within the tolerance and the mean must not be shown to be beyond it.

use super::figures::Figure;

/// One gate, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GateSpec {
    pub(crate) workload: String,
    /// `mysql`, `cold` or `warm`.
    pub(crate) path: String,
    /// None: typical read and mean.
    pub(crate) figure: Option<Figure>,
    pub(crate) tolerance_percent: f64,
}

/// The fault of a gate, and how it should look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; it looks like 'point.cold: 15%' or 'all.warm.p99: 50%'")]
pub(crate) struct GateError(String);

const PATHS: [&str; 3] = ["mysql", "cold", "warm"];
const FIGURES: [Figure; 7] = [
    Figure::Typical,
    Figure::Mean,
    Figure::Percentile("50"),
    Figure::Percentile("90"),
    Figure::Percentile("95"),
    Figure::Percentile("99"),
    Figure::Percentile("99.9"),
];

impl GateSpec {
    /// Takes a gate apart.
    pub(crate) fn parse(text: &str) -> Result<Self, GateError> {
        let (name, percent) = text.rsplit_once(':').ok_or_else(|| GateError("there is no ':'".to_owned()))?;
        let mut parts = name.splitn(3, '.').map(str::trim);
        let (workload, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if workload.is_empty() {
            return Err(GateError("the workload is missing".to_owned()));
        }
        if !PATHS.contains(&path) {
            return Err(GateError(format!("{path:?} is not a path ({})", PATHS.join(", "))));
        }
        Ok(Self {
            workload: workload.to_owned(),
            path: path.to_owned(),
            figure: parts.next().map(figure).transpose()?,
            tolerance_percent: tolerance(percent)?,
        })
    }

    /// `point.cold`, `all.warm.p99`
    pub(super) fn name(&self) -> String {
        let figure = self.figure.map(|figure| format!(".{}", figure.name()));
        format!("{}.{}{}", self.workload, self.path, figure.unwrap_or_default())
    }
}

fn figure(text: &str) -> Result<Figure, GateError> {
    FIGURES.into_iter().find(|figure| figure.name() == text).ok_or_else(|| {
        let known: Vec<String> = FIGURES.into_iter().map(Figure::name).collect();
        GateError(format!("{text:?} is not a figure ({})", known.join(", ")))
    })
}

fn tolerance(text: &str) -> Result<f64, GateError> {
    let number =
        text.trim().strip_suffix('%').map(str::trim_end).and_then(|number| number.parse::<f64>().ok());
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| GateError(format!("{:?} is not a percentage above 0, such as 15%", text.trim())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gates_are_taken_apart() {
        let parsed = |text: &str| {
            let gate = GateSpec::parse(text).unwrap();
            (gate.name(), gate.figure, gate.tolerance_percent)
        };
        assert_eq!(parsed("point.cold: 15%"), ("point.cold".to_owned(), None, 15.0));
        assert_eq!(parsed(" all . mysql:20 % "), ("all.mysql".to_owned(), None, 20.0));
        let p999 = ("own.warm.p99.9".to_owned(), Some(Figure::Percentile("99.9")), 7.5);
        assert_eq!(parsed("own.warm.p99.9: 7.5%"), p999);
        assert_eq!(parsed("all.warm.mean:1%").1, Some(Figure::Mean));
    }

    #[test]
    fn what_is_wrong_is_reported() {
        let said: Vec<String> = [
            "",
            "point.cold",
            "point: 5%",
            "point.hot: 5%",
            ".warm: 5%",
            "point.warm.p98: 5%",
            "point.warm: 5",
            "point.warm: -5%",
            "point.warm: NaN%",
        ]
        .map(|text| GateSpec::parse(text).unwrap_err().to_string())
        .to_vec();
        insta::assert_snapshot!(said.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_gate_or_an_error(text: String) {
            let _ = GateSpec::parse(&text);
            let _ = GateSpec::parse(&format!("point.warm{text}: 5%"));
        }
    }
}
