//! Any saved document of rcache, read back. It may come from anywhere: what is too large to be true
//! is refused, and every way in which a file can be wrong has words of its own.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::candidates::{self, Document as Candidates};
use crate::compare::{self, Comparison, TrafficComparison};
use crate::run_file::load::{self, LoadError};
use crate::run_file::{self, Run};
use crate::scenario::document::{self as scenario_file, Document};
use crate::size::document::{self as size, Document as Size};
use crate::traffic_file::{self, Document as Traffic};

/// The contents of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Saved {
    Run(Box<Run>),
    Comparison(Box<Comparison>),
    /// One experiment, or those of `scenario all`.
    Experiments(Vec<Document>),
    Traffic(Box<Traffic>),
    TrafficComparison(Box<TrafficComparison>),
    Size(Box<Size>),
    Candidates(Box<Candidates>),
}

/// A document and its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) saved: Saved,
    /// The text as it was saved.
    pub(crate) json: String,
}

/// Why a file is no document that this program can read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error(
        "it is not a document of rcache: {found}\n  documents are what `rcache bench` and `rcache traffic` save with \
         --output FILE, and what other commands print with --format json"
    )]
    Foreign { found: String },
    #[error("its format_version {version} is newer than this rcache ({}) knows\n  read it with the rcache that wrote it", env!("CARGO_PKG_VERSION"))]
    Newer { version: u64 },
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Load(#[from] LoadError),
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

/// Reads a document; `-` is stdin.
pub(crate) fn load(path: &Path) -> Result<Loaded, DocumentError> {
    parse(&load::bytes(path)?)
}

/// Checks a document of any kind.
pub(crate) fn parse(bytes: &[u8]) -> Result<Loaded, DocumentError> {
    let bytes = load::json_text(bytes)?;
    let json = std::str::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
    let format = load::format_of(bytes).map_err(|error| match error {
        LoadError::Foreign { found } => DocumentError::Foreign { found },
        other => other.into(),
    })?;
    let saved = match format.as_deref() {
        Some(run_file::FORMAT) => Saved::Run(Box::new(load::parse(bytes)?)),
        Some(compare::FORMAT) => {
            check_version(bytes, compare::FORMAT_VERSION)?;
            Saved::Comparison(Box::new(labelled(load::fields(bytes)?)))
        }
        Some(scenario_file::FORMAT) => {
            check_version(bytes, scenario_file::FORMAT_VERSION)?;
            Saved::Experiments(vec![load::fields(bytes)?])
        }
        Some(scenario_file::FORMAT_OF_SEVERAL) => {
            check_version(bytes, scenario_file::FORMAT_VERSION)?;
            Saved::Experiments(load::fields::<scenario_file::Experiments>(bytes)?.experiments)
        }
        Some(traffic_file::FORMAT) => {
            check_version(bytes, traffic_file::FORMAT_VERSION)?;
            Saved::Traffic(Box::new(load::fields(bytes)?))
        }
        Some(compare::TRAFFIC_FORMAT) => {
            check_version(bytes, compare::TRAFFIC_FORMAT_VERSION)?;
            Saved::TrafficComparison(Box::new(load::fields(bytes)?))
        }
        Some(size::FORMAT) => {
            check_version(bytes, size::FORMAT_VERSION)?;
            Saved::Size(Box::new(load::fields(bytes)?))
        }
        Some(candidates::FORMAT) => {
            check_version(bytes, candidates::FORMAT_VERSION)?;
            Saved::Candidates(Box::new(load::fields(bytes)?))
        }
        Some(other) => {
            let found = format!("its format is {}", load::quoted(other));
            return Err(DocumentError::Foreign { found });
        }
        None => return Err(DocumentError::Foreign { found: load::NO_FORMAT.to_owned() }),
    };
    load::fields::<Bounded>(bytes)?;
    Ok(Loaded { saved, json: json.to_owned() })
}

fn check_version(bytes: &[u8], known: u32) -> Result<(), DocumentError> {
    let Version { format_version: version } = load::fields(bytes)?;
    if version > u64::from(known) { Err(DocumentError::Newer { version }) } else { Ok(()) }
}

/// The labels of a comparison, which are not saved.
fn labelled(mut compared: Comparison) -> Comparison {
    let names: Vec<String> = compared.workloads.iter().map(|workload| workload.name.clone()).collect();
    for workload in &mut compared.workloads {
        let is_one_of_several = names.iter().filter(|name| **name == workload.name).count() > 1;
        let codec = if is_one_of_several { format!(" {}", workload.codec) } else { String::new() };
        workload.label = format!("{}{codec}", workload.name);
    }
    compared
}

/// A document without a number that no count can reach: sums of such numbers would overflow.
struct Bounded;

/// The largest number in JSON that every reader understands.
const LARGEST: u64 = 1 << 53;
/// The one kind of number that may have any value.
const ANY_VALUE: &str = "rng_seed";

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Check)
    }
}

struct Check;

impl<'de> Visitor<'de> for Check {
    type Value = Bounded;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a number up to {LARGEST}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bounded, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == ANY_VALUE {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value::<Bounded>()?;
            }
        }
        Ok(Bounded)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded, A::Error> {
        while list.next_element::<Bounded>()?.is_some() {}
        Ok(Bounded)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Bounded, E> {
        if number > LARGEST {
            return Err(E::custom(format!("the number {number} is larger than {LARGEST}")));
        }
        Ok(Bounded)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Bounded, E> {
        Ok(Bounded)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Bounded, E> {
        Ok(Bounded)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Bounded, E> {
        Ok(Bounded)
    }

    fn visit_str<E>(self, _: &str) -> Result<Bounded, E> {
        Ok(Bounded)
    }

    fn visit_unit<E>(self) -> Result<Bounded, E> {
        Ok(Bounded)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::compare::{Named, Options};
    use crate::report::sample_runs;
    use crate::report::scenario::samples;
    use crate::report::traffic::tests as traffic;

    fn comparison() -> Comparison {
        let run = sample_runs::full(100);
        let named = Named { file: "a.json", run: &run };
        let options = Options { tolerance_percent: 10.0, gated: true, gates: Vec::new(), force: false };
        compare::compare(named, named, &options).unwrap()
    }

    fn traffic_comparison() -> TrafficComparison {
        let options = compare::TrafficOptions { tolerance_percent: 10.0, gated: true, force: false };
        compare::compare_traffic(["a", "b"], &traffic::sample(), &traffic::sample(), options).unwrap()
    }

    fn value(document: impl serde::Serialize) -> Value {
        serde_json::to_value(document).unwrap()
    }

    fn documents() -> Vec<Value> {
        let run = serde_json::to_value(sample_runs::full(100)).unwrap();
        let experiments: Vec<Value> =
            samples::all().iter().map(|document| serde_json::to_value(document).unwrap()).collect();
        let several =
            json!({ "format": "rcache-scenarios", "format_version": 1, "experiments": experiments.clone() });
        let mut all = vec![run, serde_json::to_value(comparison()).unwrap(), several];
        all.extend(experiments);
        all.extend(
            [traffic::sample(), traffic::troubled(), traffic::searched(), traffic::of_workloads()].map(value),
        );
        all.push(value(traffic_comparison()));
        all.push(value(crate::report::size::tests::sample()));
        all.push(value(candidates::samples::document()));
        all
    }

    #[test]
    fn every_kind_comes_back_whole() {
        for document in documents() {
            let text = serde_json::to_string_pretty(&document).unwrap();
            let loaded = parse(text.as_bytes()).unwrap();
            assert_eq!(loaded.json, text);
            let written = match loaded.saved {
                Saved::Run(_) => continue,
                Saved::Comparison(compared) => serde_json::to_value(compared).unwrap(),
                Saved::Experiments(experiments) if document["format"] == "rcache-scenario" => {
                    serde_json::to_value(&experiments[0]).unwrap()
                }
                Saved::Experiments(experiments) => {
                    json!({ "format": "rcache-scenarios", "format_version": 1, "experiments": experiments })
                }
                Saved::Traffic(traffic) => serde_json::to_value(traffic).unwrap(),
                Saved::TrafficComparison(compared) => serde_json::to_value(compared).unwrap(),
                Saved::Size(size) => serde_json::to_value(size).unwrap(),
                Saved::Candidates(candidates) => serde_json::to_value(candidates).unwrap(),
            };
            assert_eq!(written.to_string().len(), document.to_string().len(), "{written}");
        }
        let read = parse(serde_json::to_string(&comparison()).unwrap().as_bytes()).unwrap();
        let Saved::Comparison(read) = read.saved else { panic!("it is one") };
        let labels = |compared: &Comparison| -> Vec<String> {
            compared.workloads.iter().map(|workload| workload.label.clone()).collect()
        };
        assert_eq!(labels(&read), labels(&comparison()));
    }

    #[test]
    fn what_is_not_ours_is_explained() {
        let huge = |pointer: &str| {
            let mut document = documents().remove(0);
            *document.pointer_mut(pointer).unwrap() = json!(u64::MAX);
            document.to_string()
        };
        let said = [
            "{}".to_owned(),
            "[1]".to_owned(),
            "{\"format\": \"rcache-of-tomorrow\"}".to_owned(),
            "{\"format\": \"rcache-traffic\"}".to_owned(),
            "{\"format\": \"rcache-traffic\", \"format_version\": 1}".to_owned(),
            "{\"format\": \"rcache-size\", \"format_version\": 2}".to_owned(),
            "{\"format\": 7}".to_owned(),
            "{\"format\": \"rcache-comparison\", \"format_version\": 2}".to_owned(),
            "{\"format\": \"rcache-scenario\", \"format_version\": 1}".to_owned(),
            "<!DOCTYPE html>".to_owned(),
            huge("/workloads/0/paths/0/operations"),
        ]
        .map(|text| parse(text.as_bytes()).unwrap_err().to_string());
        let said = said.map(|text| text.split(" at line").next().unwrap_or_default().to_owned());
        insta::assert_snapshot!(said.join("\n"));
        assert!(parse(huge("/config/rng_seed").as_bytes()).is_ok());
        let not_utf8 = b"{\"format\": \"rcache-run\", \"later\": \"\xff\"}";
        assert!(matches!(parse(not_utf8), Err(DocumentError::NotUtf8)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0.0f64..1.0, kind in 0usize..16) {
            prop_assert!(parse(&bytes).is_err());
            let mut all = documents();
            let document = all.swap_remove(kind % all.len()).to_string();
            let end = crate::units::index(cut, document.len());
            prop_assert!(parse(&document.as_bytes()[..end]).is_err());
        }
    }
}
