//! The file as a whole: nothing in a document can change it, its numbers are those of the
//! documents, and it needs nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::documents::{self, Loaded, Saved};
use crate::report::blocks::{Column, Page};
use crate::report::pictures;
use crate::report::sample_runs;
use crate::report::scenario::samples;
use crate::report::traffic::tests as traffic;
use crate::run_file::Run;
use crate::traffic_file::SecondRow;

fn loaded(run: &Run) -> Loaded {
    let json = serde_json::to_string_pretty(run).unwrap();
    Loaded { saved: Saved::Run(Box::new(run.clone())), json }
}

fn page_of(run: &Run) -> String {
    render("a run", &pictures::of_file("run.json", &loaded(run)))
}

/// A page of a document that was saved as this JSON.
fn page_of_json(document: &Value) -> String {
    let loaded = documents::parse(document.to_string().as_bytes()).unwrap();
    render("a document", &pictures::of_file("document.json", &loaded))
}

/// The document as a reader of its text has it.
fn reread(document: &Value) -> Value {
    serde_json::from_str(&document.to_string()).unwrap()
}

/// Traffic of every shape.
fn traffics() -> [Value; 5] {
    let mut closed = traffic::sample();
    closed.config.kind = "closed".to_owned();
    [traffic::sample(), traffic::troubled(), traffic::searched(), traffic::of_workloads(), closed]
        .map(|document| serde_json::to_value(document).unwrap())
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

/// The cells of the table below the picture of that title, row by row.
fn numbers_of(page: &str, title: &str) -> Vec<Vec<String>> {
    let table = page.split(&format!("Numbers: {title}<")).nth(1).unwrap().split("</table>").next().unwrap();
    let rows = table.split("<tbody>").nth(1).unwrap().split("<tr>").skip(1);
    let cell = |cell: &str| cell.split_once('>').unwrap().1.split('<').next().unwrap().to_owned();
    rows.map(|row| row.split("<td").skip(1).map(cell).collect()).collect()
}

#[test]
fn operations_drawn_are_operations_counted() {
    for document in traffics() {
        let page = page_of_json(&document);
        let saved = &embedded(&page)[0];
        assert_eq!(*saved, reread(&document));
        let strategies = saved["strategies"].as_array().unwrap();
        let is_open = saved["config"]["loop"] != "closed";
        let counted: u64 = strategies
            .iter()
            .flat_map(|it| [&it["response"], &it["service"]].into_iter().take(1 + usize::from(is_open)))
            .map(|times| times["operations"].as_u64().unwrap())
            .sum();
        assert_eq!(lanes(&page).iter().map(|(drawn, _)| *drawn).sum::<u64>(), counted);
        // Each second's table has the numbers of the document.
        let done = numbers_of(&page, "Operations done");
        for (second, cells) in done.iter().enumerate() {
            let of = |strategy: &Value| strategy["seconds"][second]["done"].as_u64().unwrap() as f64;
            let expected: Vec<String> = strategies.iter().map(|it| crate::units::rate(of(it))).collect();
            assert_eq!(*cells, expected);
        }
        assert_eq!(done.len(), strategies[0]["seconds"].as_array().unwrap().len());
    }
}

#[test]
fn every_page_is_the_same_for_the_same_documents() {
    let compared = serde_json::to_value(traffic::compared(&traffic::sample(), &traffic::troubled())).unwrap();
    let size = serde_json::to_value(crate::report::size::tests::sample()).unwrap();
    let candidates = serde_json::to_value(crate::candidates::samples::document()).unwrap();
    for document in traffics().into_iter().chain([compared, size, candidates]) {
        let page = page_of_json(&document);
        assert_eq!(page, page_of_json(&document));
        assert_eq!(embedded(&page), [reread(&document)]);
        let found = elements(&page);
        assert_eq!(found.get("figure"), found.get("details"), "every picture has its numbers");
        assert!(page.len() < 200_000, "{} bytes", page.len());
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
fn texts_of_traffic_cannot_become_markup() {
    let kinds = |document: &Value| {
        let mut document = document.clone();
        let kind = document["config"]["loop"].clone();
        let format = document["format"].clone();
        replace(&mut document, HOSTILE);
        document["format"] = format;
        document["config"]["loop"] = kind;
        for assertion in document["assertions"].as_array_mut().unwrap() {
            assertion["verdict"] = "passed".into();
        }
        document
    };
    let mut compared =
        serde_json::to_value(traffic::compared(&traffic::sample(), &traffic::troubled())).unwrap();
    for strategy in compared["strategies"].as_array_mut().unwrap() {
        strategy["strategy"] = HOSTILE.into();
    }
    compared["baseline"] = HOSTILE.into();
    for document in traffics().iter().map(kinds).chain([compared]) {
        let found = elements(&page_of_json(&document));
        assert_eq!(found["script"], 1);
        assert!(!found.contains_key("img"));
    }
}

#[test]
fn what_grows_with_traffic_is_bounded() {
    let mut document = traffic::sample();
    let strategy = document.strategies[1].clone();
    document.strategies = (0..20)
        .map(|index| {
            let mut strategy = strategy.clone();
            strategy.strategy = format!("{index}{}", "x".repeat(10_000));
            strategy.measured_s = 1e6;
            let row = strategy.seconds[0];
            strategy.seconds = (0..500).map(|second| SecondRow { second, ..row }).collect();
            strategy.errors = (0..1_000).map(|kind| (format!("kind{kind}"), 1 << 53)).collect();
            strategy
        })
        .collect();
    let page = page_of_json(&serde_json::to_value(&document).unwrap());
    let shown = page.split("<script").next().unwrap();
    assert!(shown.len() < 4_000_000, "{} bytes", shown.len());
    assert!(shown.contains("4 strategies"), "what is left out is said");
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

/// Real documents of other kinds.
#[test]
fn older_documents_are_pages() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let loaded = documents::load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let page = render("an old document", &pictures::of_file("old.json", &loaded));
        assert!(elements(&page)["figure"] >= 1, "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "only {files} older documents");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_numbers_make_a_page_of_traffic(
        kind in 0usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), numbers()), 0..40),
        counts in prop::collection::vec((any::<prop::sample::Index>(), 0u64..1 << 53), 0..40),
    ) {
        let mut document = traffics()[kind].clone();
        let (mut pointers, mut whole) = (Vec::new(), Vec::new());
        number_pointers("", &document, &mut pointers);
        count_pointers("", &document, &mut whole);
        for (index, number) in changes {
            *document.pointer_mut(index.get(pointers.as_slice()).as_str()).unwrap() = number.into();
        }
        for (index, number) in counts {
            *document.pointer_mut(index.get(whole.as_slice()).as_str()).unwrap() = number.into();
        }
        let page = page_of_json(&document);
        elements(&page);
        for bad in ["NaN", "=\"inf", " x=\"-", " y=\"-", "x1=\"-", "y1=\"-", "width=\"-", "height=\"-"] {
            prop_assert!(!page.split("<script").next().unwrap().contains(bad), "{}", bad);
        }
    }
}

/// Every count below the strategies.
fn count_pointers(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| count_pointers(&format!("{path}/{name}"), value, found));
        }
        Value::Array(items) => {
            let below = items.iter().enumerate();
            below.for_each(|(index, value)| count_pointers(&format!("{path}/{index}"), value, found));
        }
        Value::Number(number) if number.is_u64() && path.starts_with("/strategies") => {
            found.push(path.to_owned());
        }
        _ => {}
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
