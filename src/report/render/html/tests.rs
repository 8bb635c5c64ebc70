//! The file as a whole: nothing in a document can change it, its numbers are those of the documents, and it needs
//! nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::documents::{self, Loaded, Saved};
use crate::report::blocks::{Column, Page};
use crate::report::pictures;
use crate::report::sample_runs;
use crate::report::scenario::samples;
use crate::run_file::Run;

fn loaded(run: &Run) -> Loaded {
    let json = serde_json::to_string_pretty(run).unwrap();
    Loaded { saved: Saved::Run(Box::new(run.clone())), json }
}

fn page_of(run: &Run) -> String {
    render("a run", &pictures::of_file("run.json", &loaded(run)))
}

/// Elements that end without an end tag.
const VOID: [&str; 2] = ["meta", "br"];

/// Every element is closed in its turn; returns how often each occurs.
fn elements(page: &str) -> BTreeMap<String, usize> {
    let (mut open, mut counts) = (Vec::new(), BTreeMap::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag has an end");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in the order in which they were opened");
            continue;
        }
        *counts.entry(name.clone()).or_insert(0) += 1;
        if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name.clone());
        }
        if ["script", "style"].contains(&name.as_str()) {
            rest = &rest[rest.find(&format!("</{name}")).unwrap()..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
    counts
}

fn embedded(page: &str) -> Vec<Value> {
    let scripts = page.split("<script type=\"application/json\"").skip(1);
    let json = scripts.map(|text| text.split_once('>').unwrap().1.split("</script>").next().unwrap());
    json.map(|json| serde_json::from_str(json).unwrap()).collect()
}

/// Lanes as they are drawn: for each, its reads and how many columns it has.
fn lanes(page: &str) -> Vec<(u64, usize)> {
    let of_lane = |text: &str| {
        let reads = text.split('"').next().unwrap().parse().unwrap();
        let lane = text.split("</svg>").next().unwrap();
        let path = lane.split("class=\"columns\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        (reads, path.matches('M').count())
    };
    page.split("data-reads=\"").skip(1).map(of_lane).collect()
}

#[test]
fn reads_drawn_are_reads_counted() {
    for reads in [1, 10, 1_000, 20_000] {
        let page = page_of(&sample_runs::full(reads));
        let documents = embedded(&page);
        let counted: Vec<u64> = documents[0]["workloads"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|workload| workload["paths"].as_array().unwrap())
            .map(|path| path["operations"].as_u64().unwrap())
            .collect();
        let lanes = lanes(&page);
        assert_eq!(lanes.iter().map(|(reads, _)| *reads).sum::<u64>(), counted.iter().sum::<u64>());
        assert!(lanes.iter().all(|(reads, columns)| *columns as u64 <= *reads && *columns > 0), "{lanes:?}");
        // The table below the picture has the same reads, column by column.
        let table =
            page.split("Numbers: How long reads took").nth(1).unwrap().split("</table>").next().unwrap();
        let cells = table.split("<td>").skip(1).map(|cell| cell.split('<').next().unwrap());
        let in_table: u64 = cells.filter_map(|cell| cell.replace(',', "").parse::<u64>().ok()).sum();
        assert_eq!(in_table, lanes.iter().take(3).map(|(reads, _)| *reads).sum::<u64>());
    }
}

#[test]
fn the_page_needs_nothing_else_and_is_always_the_same() {
    let run = sample_runs::full(1_000);
    let page = page_of(&run);
    assert_eq!(page, page_of(&run));
    let without_documents = page.split("<script").next().unwrap();
    for word in
        ["http:", "https:", "//", "src=", "@import", "url(http", "<link", "<img", "javascript", "onclick"]
    {
        assert!(!without_documents.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
    let found = elements(&page);
    assert_eq!(found["figure"], found["figcaption"]);
    assert_eq!(found["figure"], found["details"], "every picture has its numbers");
    let named = page.matches("role=\"img\"").count();
    assert_eq!(
        named,
        page.split("role=\"img\"").skip(1).filter(|text| text.contains("aria-label=\"")).count()
    );
}

#[test]
fn sizes_are_as_specified() {
    let two = page_of(&sample_runs::full(20_000));
    assert!(two.len() <= 120_000, "two workloads: {} bytes", two.len());
    let run = sample_runs::of_codecs(4, 20_000);
    let sixteen = page_of(&run);
    assert!(sixteen.len() <= 500_000, "four workloads by four codecs: {} bytes", sixteen.len());
}

const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{202e}\u{0}]]>--></style>";

/// The run with every text replaced that a file can hold.
fn hostile(run: &Run, text: &str) -> Run {
    let mut document = serde_json::to_value(run).unwrap();
    replace(&mut document, text);
    document["format"] = "rcache-run".into();
    document["started_at"] = text.into();
    serde_json::from_value(document).unwrap()
}

fn replace(value: &mut Value, with: &str) {
    match value {
        Value::String(text) => with.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, with)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, with)),
        _ => {}
    }
}

#[test]
fn texts_of_documents_cannot_become_markup() {
    let ordinary = elements(&page_of(&sample_runs::full(100)));
    let page = page_of(&hostile(&sample_runs::full(100), HOSTILE));
    let found = elements(&page);
    assert_eq!(found["script"], ordinary["script"]);
    assert!(!found.contains_key("img"));
    assert_eq!(embedded(&page).len(), 1);
    assert_eq!(embedded(&page)[0]["workloads"][0]["name"], HOSTILE);
    let title = render(HOSTILE, &pictures::of_file(HOSTILE, &loaded(&sample_runs::full(1))));
    assert!(!elements(&title).contains_key("img"));
}

#[test]
fn what_grows_with_a_document_is_bounded() {
    let mut run = sample_runs::full(100);
    let long = "x".repeat(100_000);
    let workload = run.workloads[0].clone();
    run.workloads = (0..500)
        .map(|index| {
            let mut workload = workload.clone();
            workload.name = format!("{index}{long}");
            workload.paths.iter_mut().for_each(|path| path.histogram.clear());
            workload
        })
        .collect();
    let page = page_of(&run);
    let shown = page.split("<script").next().unwrap();
    assert!(shown.len() < 4_000_000, "{} bytes", shown.len());
    assert!(shown.contains("436 workloads"), "what is left out is said");
}

#[test]
fn every_kind_of_document_is_a_page() {
    let experiments = samples::all();
    for document in &experiments {
        let json = serde_json::to_string(document).unwrap();
        let loaded = documents::parse(json.as_bytes()).unwrap();
        let page = render("an experiment", &pictures::of_file("a.json", &loaded));
        elements(&page);
        assert!(page.contains("<figure") || document.arms.is_empty(), "{}", document.scenario);
    }
}

/// Old files stay readable.
#[test]
fn older_runs_are_pages() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let loaded = documents::load(&entry.unwrap().path()).unwrap();
        let page = render("an old run", &pictures::of_file("old.json", &loaded));
        assert!(elements(&page)["figure"] >= 2);
    }
}

/// One number of a run.
fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(-1.0), Just(1.0), Just(1e300), Just(1e-300), 0.0..1e13f64, any::<f64>()]
        .prop_filter("JSON has no others", |number| number.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_numbers_and_texts_make_a_page(
        reads in prop::sample::select(vec![0usize, 1, 2, 100]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), numbers()), 0..40),
        text in ".{0,20}",
    ) {
        let mut document = serde_json::to_value(sample_runs::full(reads)).unwrap();
        let mut pointers = Vec::new();
        number_pointers("", &document, &mut pointers);
        for (index, number) in changes {
            *document.pointer_mut(index.get(pointers.as_slice()).as_str()).unwrap() = number.into();
        }
        let run: Run = serde_json::from_value(document).unwrap();
        let page = page_of(&hostile(&run, &text));
        elements(&page);
        for bad in ["NaN", "=\"inf", " x=\"-", " y=\"-", "x1=\"-", "y1=\"-", "width=\"-", "height=\"-"] {
            prop_assert!(!page.split("<script").next().unwrap().contains(bad) || text.contains(bad), "{}", bad);
        }
    }
}

/// Every number that may have a fraction.
fn number_pointers(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| number_pointers(&format!("{path}/{name}"), value, found));
        }
        Value::Array(items) => {
            let below = items.iter().enumerate();
            below.for_each(|(index, value)| number_pointers(&format!("{path}/{index}"), value, found));
        }
        Value::Number(number) if number.is_f64() => found.push(path.to_owned()),
        _ => {}
    }
}

#[test]
fn blocks_that_no_picture_uses_are_drawn_too() {
    let page: Page = vec![Section::new(vec![
        Block::Note("a note".to_owned()),
        Block::Table(Table {
            columns: vec![Column { title: String::new(), align: Align::Left }],
            rows: vec![Row::new("", vec!["cell".to_owned()])],
            ..Table::default()
        }),
        Block::Entries(vec![Entry::new("", "first"), Entry::new("label", "second")]),
    ])];
    let text = render("t", &[Part { title: "t".to_owned(), page, document: None }]);
    elements(&text);
    assert!(text.contains("a note") && text.contains("cell") && text.contains("second"));
}
