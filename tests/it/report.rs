//! Saved documents of every kind as one page, as text and as tables; two of them compared.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{Place, Ran, ran, rcache};

crate::tests![
    a_bench_saves_its_page,
    a_demo_saves_its_page,
    two_runs_are_compared_first,
    two_documents_of_traffic_are_compared_first,
    every_kind_of_document_is_a_section,
    the_same_documents_make_the_same_page,
    every_kind_of_document_has_its_tables,
    documents_that_are_not_ours_are_explained,
];

/// Saved documents of every kind, measured once.
struct Documents(TempDir);

impl Documents {
    fn get() -> &'static Self {
        static ALL: OnceLock<Documents> = OnceLock::new();
        ALL.get_or_init(Self::measure)
    }

    fn measure() -> Self {
        let place = Place::seeded(100);
        let documents = Self(tempfile::tempdir().unwrap());
        let file = |name: &str| documents.path(name).to_str().unwrap().to_owned();
        for name in ["run.json", "later.json"] {
            place.run(&["bench", "--iterations", "60", "-w", "point", "--output", &file(name)]).fine();
        }
        for name in ["traffic.json", "traffic-later.json"] {
            let load = ["traffic", "--keys", "50", "-c", "2", "--duration", "3", "--rate", "200"];
            place.run(&[&load[..], &["-s", "mysql,naive,lease", "--output", &file(name)]].concat()).fine();
        }
        let printed =
            |name: &str, printed: Ran| std::fs::write(documents.path(name), printed.stdout).unwrap();
        let stale = place.run(&["scenario", "stale", "--duration", "1", "-c", "4", "--format", "json"]);
        printed("stale.json", crate::scenario::not_broken(stale));
        for (name, compared) in
            [("compared.json", ["run", "later"]), ("traffic-compared.json", ["traffic", "traffic-later"])]
        {
            let [one, other] = compared.map(|name| file(&format!("{name}.json")));
            let ran = ran(rcache().args(["compare", &one, &other, "--format", "json"]));
            printed(name, ran.fine());
        }
        let size = ["size", &file("run.json"), "--keys", "1000", "--format", "json"];
        printed("size.json", ran(rcache().args(size)).fine());
        documents
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    fn report(&self, files: &[&str], arguments: &[&str]) -> Ran {
        let files = files.iter().map(|name| self.path(name));
        ran(rcache().arg("report").args(files).args(arguments))
    }

    fn page(&self, files: &[&str]) -> String {
        self.report(files, &["--html", "-"]).fine().stdout
    }
}

const EVERY_KIND: [&str; 6] =
    ["run.json", "stale.json", "traffic.json", "compared.json", "traffic-compared.json", "size.json"];

/// The documents that a page embeds, in their order.
#[track_caller]
fn embedded(page: &str) -> Vec<Value> {
    let scripts = page.split("<script type=\"application/json\"").skip(1);
    let json = scripts.map(|text| text.split_once('>').unwrap().1.split("</script>").next().unwrap());
    json.map(|json| serde_json::from_str(json).unwrap()).collect()
}

/// The names of the parts of a page.
fn titles(page: &str) -> Vec<String> {
    let text = |part: &str| part.split_once('>').unwrap().1.split("</h2>").next().unwrap().to_owned();
    page.split("<h2").skip(1).map(text).collect()
}

#[track_caller]
fn holds(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word:?} is missing in:\n{page}");
    }
}

#[track_caller]
fn is_alone(page: &str) {
    let shown = page.split("<script").next().unwrap();
    for word in ["http://", "https://", "src=", "@import", "<link"] {
        assert!(!shown.contains(word), "{word}");
    }
    holds(page, &["<!DOCTYPE html>", "Content-Security-Policy", "default-src 'none'"]);
}

fn a_bench_saves_its_page() {
    let place = Place::seeded(100);
    let folder = tempfile::tempdir().unwrap();
    let [page, run] = ["page.html", "run.json"].map(|name| folder.path().join(name));
    let bench = |arguments: &[&str]| place.run(&[&["bench", "--iterations", "30"], arguments].concat());
    let said = bench(&["--html", page.to_str().unwrap(), "--output", run.to_str().unwrap()]).fine();
    assert!(said.stderr.contains("Saved the page to") && said.stdout.contains("Summary"), "{}", said.stderr);
    let (page, run) = [&page, &run].map(|file| std::fs::read_to_string(file).unwrap()).into();
    is_alone(&page);
    holds(&page, &["How long reads took", "Where the time goes", "<figure", "How to read it"]);
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(embedded(&page), [run], "the page is the data");
    // On stdout the page stands alone, and the text goes to stderr.
    let said = bench(&["--html", "-"]).fine();
    is_alone(&said.stdout);
    assert!(said.stderr.contains("Summary"), "{}", said.stderr);
    bench(&["--html", "-", "--format", "json"]).failed(2, &["--html"]);
    bench(&["--html", "/nonexistent/page.html"]).failed(1, &["--html", "/nonexistent"]);
}

fn a_demo_saves_its_page() {
    let place = Place::seeded(200);
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("story.html");
    let demo = ["demo", "--users", "200", "--iterations", "20", "--html", page.to_str().unwrap()];
    let said = place.run(&demo).fine();
    assert!(said.stderr.contains("Saved the page to"), "{}", said.stderr);
    let html = std::fs::read_to_string(&page).unwrap();
    is_alone(&html);
    holds(&html, &["rcache demo", "45,861 ms", "What Redis buys", "How long reads took"]);
    let document = embedded(&html).remove(0);
    assert!(document["first_accesses"]["mysql_ns"].is_number(), "{document}");
}

fn two_runs_are_compared_first() {
    let documents = Documents::get();
    let page = documents.page(&["run.json", "later.json"]);
    is_alone(&page);
    let titles = titles(&page);
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert_eq!(titles[0], "Comparison of later.json with run.json");
    assert!(titles[1].starts_with("run.json: bench of") && titles[2].starts_with("later.json: bench of"));
    // The verdict of `compare` on the same files, word for word.
    let compared = documents.json("compared.json");
    let first = page.split("<article").nth(1).unwrap();
    holds(first, &["Summary: ", "What changed", "candidate / baseline", "the tolerance"]);
    for workload in compared["workloads"].as_array().unwrap() {
        for path in workload["paths"].as_array().unwrap().iter().filter(|path| path["path"] != "mysql") {
            let verdict = match path["verdict"].as_str().unwrap() {
                "inconclusive" => "undecided",
                word => word,
            };
            assert!(first.contains(verdict) || first.contains("no regression"), "{verdict}: {first}");
        }
    }
    let saved = embedded(&page);
    assert_eq!(saved.len(), 3);
    assert_eq!(saved[0]["format"], "rcache-comparison");
    assert_eq!(saved[0]["workloads"], compared["workloads"]);
    assert_eq!(saved[1..], [documents.json("run.json"), documents.json("later.json")]);
}

fn two_documents_of_traffic_are_compared_first() {
    let documents = Documents::get();
    let page = documents.page(&["traffic.json", "traffic-later.json"]);
    is_alone(&page);
    let titles = titles(&page);
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert_eq!(titles[0], "Comparison of traffic-later.json with traffic.json");
    let saved = embedded(&page);
    assert_eq!(saved[0]["format"], "rcache-traffic-comparison");
    let compared = documents.json("traffic-compared.json");
    assert_eq!(saved[0]["strategies"], compared["strategies"]);
    holds(page.split("<article").nth(1).unwrap(), &["Summary: ", "lease", "hit ratio", "judged by"]);
    // Loads that are not alike are compared all the same, and it is said.
    let mut other = documents.json("traffic.json");
    other["config"]["clients"] = 99.into();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.json");
    std::fs::write(&file, other.to_string()).unwrap();
    let mut command = rcache();
    command.arg("report").arg(documents.path("traffic.json")).arg(&file).args(["--html", "-"]);
    holds(&ran(&mut command).fine().stdout, &["Forced: the loads differ", "config.clients"]);
}

fn every_kind_of_document_is_a_section() {
    let documents = Documents::get();
    let page = documents.page(&EVERY_KIND);
    is_alone(&page);
    let titles = titles(&page);
    for (title, start) in titles.iter().zip([
        "run.json: bench of",
        "stale.json: scenario stale",
        "traffic.json: traffic of",
        "compared.json: comparison",
        "traffic-compared.json: comparison of traffic",
        "size.json: size",
    ]) {
        assert!(title.starts_with(start), "{titles:?}");
    }
    assert_eq!(embedded(&page), EVERY_KIND.map(|name| documents.json(name)));
    holds(
        &page,
        &["Response times", "Service times", "Hit ratio, measured and expected", "p99 of the response times"],
    );
    for number in 1..=EVERY_KIND.len() {
        holds(&page, &[&format!("href=\"#part-{number}\""), &format!("id=\"part-{number}\"")]);
    }
    // The same as text and as markdown.
    let text = documents.report(&EVERY_KIND, &[]).fine().stdout;
    let markdown = documents.report(&EVERY_KIND, &["--format", "markdown"]).fine().stdout;
    for text in [&text, &markdown] {
        holds(text, &["traffic", "Response times", "Operations done", "By size of Redis"]);
    }
}

fn the_same_documents_make_the_same_page() {
    let documents = Documents::get();
    for files in [&EVERY_KIND[..], &["run.json", "later.json"], &["traffic.json", "traffic-later.json"]] {
        assert_eq!(documents.page(files), documents.page(files));
    }
}

fn every_kind_of_document_has_its_tables() {
    let documents = Documents::get();
    let folder = tempfile::tempdir().unwrap();
    documents.report(&EVERY_KIND, &["--csv", folder.path().to_str().unwrap()]).fine();
    let rows = |name: &str| rows(&folder.path().join(name));
    for name in [
        "paths",
        "phases",
        "histograms",
        "ratios",
        "hit_ratios",
        "arms",
        "strategies",
        "seconds",
        "strategy_times",
        "strategy_histograms",
        "changes",
        "strategy_changes",
        "sizes",
    ] {
        let rows = rows(&format!("{name}.csv"));
        assert!(rows.len() > 1, "{name}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{name}: {rows:?}");
    }
    let traffic = documents.json("traffic.json");
    let done: u64 =
        traffic["strategies"].as_array().unwrap().iter().map(|it| it["done"].as_u64().unwrap()).sum();
    let strategies = rows("strategies.csv");
    let column = strategies[0].iter().position(|title| title == "done").unwrap();
    let in_table: u64 = strategies[1..].iter().map(|row| row[column].parse::<u64>().unwrap()).sum();
    assert_eq!(in_table, done);
    let histograms = rows("strategy_histograms.csv");
    let drawn = histograms[1..].iter().filter(|row| row[3] == "response");
    assert_eq!(drawn.map(|row| row.last().unwrap().parse::<u64>().unwrap()).sum::<u64>(), done);
}

/// No cell of these tables holds a comma.
fn rows(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn documents_that_are_not_ours_are_explained() {
    let documents = Documents::get();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.json");
    let mut cut = std::fs::read_to_string(documents.path("traffic.json")).unwrap();
    cut.truncate(cut.len() / 2);
    let mut wrong = documents.json("traffic.json");
    wrong["strategies"][0]["done"] = "many".into();
    let mut newer = documents.json("size.json");
    newer["format_version"] = 99.into();
    for (text, words) in [
        (cut, "cut short"),
        (wrong.to_string(), "strategies[0].done"),
        (newer.to_string(), "newer than this rcache"),
        ("{\"format\": \"rcache-of-tomorrow\"}".to_owned(), "rcache-of-tomorrow"),
        ("<html>".to_owned(), "not JSON"),
    ] {
        std::fs::write(&file, text).unwrap();
        let ran = ran(rcache().arg("report").arg(&file).args(["--html", "-"]));
        let ran = ran.failed(1, &["file.json", words]);
        assert_eq!(ran.stdout, "", "no half page");
    }
}
