//! The published JSON Schemas in `formats/` are those of the types, word for word, so that neither
//! can change alone. After a change of the types: `UPDATE_FORMATS=1 cargo test --lib formats`, and
//! look at the difference.

#[path = "../tests/it/published.rs"]
mod published;

use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::candidates;
use crate::commands;
use crate::compare::{self, Comparison, Named, Options};
use crate::report::bench::{self, Detail};
use crate::report::render::terminal::{self, Screen};
use crate::report::sample_runs;
use crate::report::scenario::samples;
use crate::run_file::{self, Run, load};
use crate::scenario::document::{self as scenario_file, Document};
use crate::size::document as size;
use crate::traffic_file::{self, Document as Traffic};
use published::{complaints, each_object, strict_complaints};

fn run_schema() -> Value {
    schema::<Run>(
        SchemaSettings::draft2020_12().for_deserialize(),
        run_file::FORMAT,
        run_file::FORMAT_VERSION,
        "What `rcache bench --output RUN.json` saves and `--format json` prints. Units come last in names: _ns, _s, _bytes, \
         _percent. Null is a number that cannot be given, never zero. Fields that are not required came later: files of \
         older versions leave them out.",
    )
}

fn comparison_schema() -> Value {
    schema::<Comparison>(
        SchemaSettings::draft2020_12().for_serialize(),
        compare::FORMAT,
        compare::FORMAT_VERSION,
        "What `rcache compare --format json` prints. Null is a number that cannot be given, never zero.",
    )
}

fn candidates_schema() -> Value {
    schema::<candidates::Document>(
        SchemaSettings::draft2020_12().for_serialize(),
        candidates::FORMAT,
        candidates::FORMAT_VERSION,
        "What `rcache candidates --format json` prints. Units come last in names: _ns, _s, _percent. Null is a number that \
         cannot be given, never zero.",
    )
}

fn scenario_schema() -> Value {
    let settings = || SchemaSettings::draft2020_12().for_serialize();
    let mut schema = schema::<Document>(
        settings(),
        scenario_file::FORMAT,
        scenario_file::FORMAT_VERSION,
        "What `rcache scenario NAME --format json` prints. Units come last in names: _ms, _s. Null is a number that cannot be \
         given, never zero. What a scenario does not count is absent from its arms.",
    );
    let mut groups = vec![vec!["first_error".to_owned()]];
    for mut own in crate::scenario::schemas(settings) {
        each_object(&mut own, &mut tidy);
        groups.push(own["properties"].as_object().unwrap().keys().cloned().collect());
        move_into(&mut schema["$defs"]["Arm"]["properties"], own["properties"].take());
        move_into(&mut schema["$defs"], own["$defs"].take());
    }
    all_or_none(&mut schema["$defs"]["Arm"], &groups);
    schema
}

/// Adds the members of one object, if it is one, to another.
fn move_into(object: &mut Value, members: Value) {
    if let Value::Object(members) = members {
        object.as_object_mut().unwrap().extend(members);
    }
}

fn traffic_schema() -> Value {
    schema::<Traffic>(
        SchemaSettings::draft2020_12().for_deserialize(),
        traffic_file::FORMAT,
        traffic_file::FORMAT_VERSION,
        "What `rcache traffic --output TRAFFIC.json` saves and `--format json` prints. Units come last in names: _ns, _s, _per_s. \
         Shares are from 0 to 1. Null is a number that does not exist, never zero.",
    )
}

fn traffic_comparison_schema() -> Value {
    schema::<compare::TrafficComparison>(
        SchemaSettings::draft2020_12().for_serialize(),
        compare::TRAFFIC_FORMAT,
        compare::TRAFFIC_FORMAT_VERSION,
        "What `rcache compare --format json` prints of two documents of traffic. Null is a number that does not exist, never zero.",
    )
}

fn size_schema() -> Value {
    schema::<size::Document>(
        SchemaSettings::draft2020_12().for_serialize(),
        size::FORMAT,
        size::FORMAT_VERSION,
        "What `rcache size --format json` prints. Units come last in names: _ns, _s, _bytes, _per_s. Shares are from 0 to 1. Null \
         is a number that does not exist, never zero.",
    )
}

/// Requires that an object has every field of a group or none.
fn all_or_none(object: &mut Value, groups: &[Vec<String>]) {
    let is_of_a_group = |name: &Value| groups.iter().flatten().any(|field| name == field.as_str());
    object["required"].as_array_mut().unwrap().retain(|name| !is_of_a_group(name));
    for group in groups {
        for field in group {
            let others: Vec<&String> = group.iter().filter(|other| *other != field).collect();
            if !others.is_empty() {
                object["dependentRequired"][field] = json!(others);
            }
        }
    }
}

/// Every published schema, under the name of its file.
fn schemas() -> Vec<(String, Value)> {
    let own = [
        ("rcache-run.schema.json", run_schema()),
        ("rcache-comparison.schema.json", comparison_schema()),
        ("rcache-scenario.schema.json", scenario_schema()),
        ("rcache-candidates.schema.json", candidates_schema()),
        ("rcache-size.schema.json", size_schema()),
        ("rcache-traffic.schema.json", traffic_schema()),
        ("rcache-traffic-comparison.schema.json", traffic_comparison_schema()),
        ("rcache-scenarios.schema.json", scenarios_schema()),
    ];
    let small = commands::schemas(|| SchemaSettings::draft2020_12().for_serialize());
    let small = small.into_iter().map(|(format, schema)| {
        let command = format.trim_start_matches("rcache-").replace("-list", " --list");
        let command = if command == "dry-run" { "bench --dry-run" } else { command.as_str() };
        let description = format!("The output of `rcache {command} --format json`.");
        (format!("{format}.schema.json"), published_as(schema, format, 1, &description))
    });
    own.into_iter().map(|(name, schema)| (name.to_owned(), schema)).chain(small).collect()
}

/// The experiments are described by the schema of one.
fn scenarios_schema() -> Value {
    let mut schema = schema::<scenario_file::Experiments>(
        SchemaSettings::draft2020_12().for_serialize(),
        scenario_file::FORMAT_OF_SEVERAL,
        scenario_file::FORMAT_VERSION,
        "What `rcache scenario all --format json` prints: one document for each scenario that ran.",
    );
    let mut one = scenario_schema();
    schema["$defs"] = one["$defs"].take();
    for name in ["$defs", "$id", "$schema"] {
        one.as_object_mut().unwrap().remove(name);
    }
    schema["$defs"]["Document"] = one;
    schema
}

fn schema<T: JsonSchema>(settings: SchemaSettings, format: &str, version: u32, description: &str) -> Value {
    published_as(
        settings.into_generator().into_root_schema_for::<T>().to_value(),
        format,
        version,
        description,
    )
}

fn published_as(mut schema: Value, format: &str, version: u32, description: &str) -> Value {
    each_object(&mut schema, &mut tidy);
    schema["$id"] = json!(format!("urn:rcache:{format}:{version}"));
    schema["title"] = json!(format);
    schema["description"] = json!(description);
    schema["properties"]["format"]["const"] = json!(format);
    schema["properties"]["format_version"]["const"] = json!(version);
    schema
}

/// Requires each field without a default, also if it is null; and `uint64` is no format that
/// validators know.
fn tidy(object: &mut Map<String, Value>) {
    if object.get("format").is_some_and(Value::is_string) {
        object.remove("format");
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    let Some(Value::Object(properties)) = object.get("properties") else { return };
    let is_required = |(name, property): (&String, &Value)| {
        property.get("default").is_none().then(|| Value::String(name.clone()))
    };
    let required: Vec<Value> = properties.iter().filter_map(is_required).collect();
    object.insert("required".to_owned(), required.into());
}

fn published_schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    for (name, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats").join(&name);
        if std::env::var_os("UPDATE_FORMATS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "formats/{name} is out of date: UPDATE_FORMATS=1 cargo test --lib formats"
        );
    }
}

#[test]
fn every_field_is_described() {
    for (_, mut schema) in schemas() {
        let mut undescribed = Vec::new();
        each_object(&mut schema, &mut |object| {
            let Some(Value::Object(properties)) = object.get("properties") else { return };
            // The one property of a variant is described by the variant.
            let is_variant = properties.len() == 1 && object.contains_key("description");
            let bare = properties.iter().filter(|(_, property)| property.get("description").is_none());
            let bare = bare.filter(|_| !is_variant);
            undescribed.extend(bare.map(|(name, _)| name.clone()));
        });
        assert_eq!(undescribed, [""; 0]);
    }
}

#[test]
fn sample_runs_and_comparisons_are_as_published() {
    let schema = published_schema("rcache-run.schema.json");
    for reads in [0, 5, 100, 10_000] {
        let run = serde_json::to_value(sample_runs::full(reads)).unwrap();
        assert_eq!(strict_complaints(&schema, &run), [""; 0], "{reads} reads");
    }
    let schema = published_schema("rcache-comparison.schema.json");
    let (baseline, candidate) = (sample_runs::full(100), sample_runs::full(5));
    for (baseline, candidate) in [(&baseline, &baseline), (&baseline, &candidate)] {
        let named = |file, run| Named { file, run };
        let options = Options { tolerance_percent: 10.0, gated: true, gates: Vec::new(), force: true };
        let compared =
            compare::compare(named("a.json", baseline), named("b.json", candidate), &options).unwrap();
        let compared = serde_json::to_value(compared).unwrap();
        assert_eq!(strict_complaints(&schema, &compared), [""; 0]);
    }
}

#[test]
fn a_schema_tells_right_from_wrong() {
    let schema = published_schema("rcache-run.schema.json");
    let wrong = |pointer: &str, value: Value| {
        let mut run = serde_json::to_value(sample_runs::full(100)).unwrap();
        *run.pointer_mut(pointer).unwrap() = value;
        complaints(&schema, &run).len()
    };
    for (pointer, value) in [
        ("/format", json!("rcache-scenario")),
        ("/format_version", json!(2)),
        ("/wall_s", json!("long")),
        ("/workloads/0/paths/0/operations", json!(-1)),
        ("/workloads/0/paths/0/operations", json!(1.5)),
        ("/workloads/0/speedup/ci95", json!([1.0])),
        ("/workloads/1", json!({})),
    ] {
        assert!(wrong(pointer, value.clone()) > 0, "{pointer} {value}");
    }
    let mut run = serde_json::to_value(sample_runs::full(100)).unwrap();
    run["workloads"][0]["paths"][0]["of_tomorrow"] = json!(1);
    assert_eq!(complaints(&schema, &run), [""; 0], "readers take what they do not know");
    assert!(!strict_complaints(&schema, &run).is_empty(), "writers write nothing that is not published");
}

#[test]
fn sample_experiments_are_as_published() {
    let schema = published_schema("rcache-scenario.schema.json");
    for document in samples::all() {
        let document = serde_json::to_value(document).unwrap();
        assert_eq!(strict_complaints(&schema, &document), [""; 0], "{}", document["scenario"]);
    }
    let wrong = |pointer: &str, value: Value| {
        let mut document = serde_json::to_value(samples::stale()).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        complaints(&schema, &document).len()
    };
    for (pointer, value) in [
        ("/format", json!("rcache-run")),
        ("/format_version", json!(2)),
        ("/valid", json!("yes")),
        ("/arms/0/reads", json!(-1)),
        ("/arms/0/arm", json!(null)),
        ("/config/clients", json!("many")),
        ("/environment", json!({})),
        ("/arms/1", json!({})),
    ] {
        assert!(wrong(pointer, value.clone()) > 0, "{pointer} {value}");
    }
    let mut document = serde_json::to_value(samples::stale()).unwrap();
    document["arms"][1].as_object_mut().unwrap().remove("stale_reads");
    assert!(!complaints(&schema, &document).is_empty(), "what a scenario counts is there as a whole");
    let mut document = serde_json::to_value(samples::stale()).unwrap();
    document["arms"][0]["of_tomorrow"] = json!(1);
    assert_eq!(complaints(&schema, &document), [""; 0], "readers take what they do not know");
    assert!(!strict_complaints(&schema, &document).is_empty(), "writers write nothing that is not published");
}

#[test]
fn sample_traffic_is_as_published_and_is_read_back() {
    use crate::report::traffic::tests::{sample, searched, troubled};
    let schema = published_schema("rcache-traffic.schema.json");
    for document in [sample(), troubled(), searched()] {
        let value = serde_json::to_value(&document).unwrap();
        assert_eq!(strict_complaints(&schema, &value), [""; 0]);
        assert_eq!(serde_json::from_value::<Traffic>(value).unwrap(), document);
    }
    let comparison = published_schema("rcache-traffic-comparison.schema.json");
    for document in [sample(), searched()] {
        let options = compare::TrafficOptions { tolerance_percent: 10.0, gated: true, force: false };
        let compared = compare::compare_traffic(["a", "b"], &document, &document, options).unwrap();
        assert_eq!(strict_complaints(&comparison, &serde_json::to_value(&compared).unwrap()), [""; 0]);
        let page = terminal::render(&crate::report::traffic_comparison::page(&compared), &Screen::default());
        assert!(page.contains("lease") && page.contains("gate"), "{page}");
    }
    let mut wrong = serde_json::to_value(sample()).unwrap();
    wrong["strategies"][0]["seconds"][0]["done"] = json!(-1);
    assert!(!complaints(&schema, &wrong).is_empty());
}

#[test]
fn sample_predictions_are_as_published() {
    let schema = published_schema("rcache-size.schema.json");
    let document = serde_json::to_value(crate::report::size::tests::sample()).unwrap();
    assert_eq!(strict_complaints(&schema, &document), [""; 0]);
    let mut wrong = document;
    wrong["limits"][0]["hit_ratio"] = json!("high");
    assert!(!complaints(&schema, &wrong).is_empty());
}

/// Real files of earlier days. Every one stays readable as long as the version of the format
/// stands.
#[test]
fn older_runs_are_as_published_and_are_read_and_compared() {
    let schema = published_schema("rcache-run.schema.json");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runs");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(complaints(&schema, &document), [""; 0], "{}", path.display());
        let run = load::load(&path).unwrap();
        let named = Named { file: "old.json", run: &run };
        let options = Options { tolerance_percent: 10.0, gated: true, gates: Vec::new(), force: false };
        let compared = compare::compare(named, named, &options).unwrap();
        assert_eq!(compared.workloads.len(), run.workloads.len());
        let said = terminal::render(&bench::page(&run, Detail::Brief), &Screen::default());
        assert!(said.contains("Summary"), "{said}");
        files += 1;
    }
    assert!(files >= 2, "only {files} older runs");
}
