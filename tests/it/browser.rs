//! Pages in a real browser: no text overlaps another or is cut off, every text can be read, nothing
//! is fetched, and the console stays empty, at three widths, in both themes and on paper.
//!
//! The browser is Debian's chromium-headless-shell or chromium, which `scripts/setup-browser`
//! installs. Without one the tests say that they are skipped, unless CI=true.

mod chrome;
mod odd_documents;
mod odd_runs;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::{self, ran, rcache};
use chrome::Chrome;

crate::tests![
    odd_runs_can_be_read_at_every_width,
    odd_documents_can_be_read_at_every_width,
    axe_finds_nothing,
    the_page_is_made_without_a_script,
];

const WIDTHS: [u32; 3] = [360, 800, 1_600];
/// Returns what is wrong with the texts of a page.
const CHECK: &str = include_str!("browser/check.js");

/// A browser, or nothing if there is none and none is required.
fn browser() -> Option<Chrome> {
    let found = Chrome::start();
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI needs a browser: scripts/setup-browser");
    if found.is_none() {
        world::skipped("no chromium; scripts/setup-browser installs one");
    }
    found
}

/// Documents as a page.
fn page_of(folder: &Path, name: &str, documents: &[Value]) -> PathBuf {
    let page = folder.join(format!("{name}.html"));
    let mut command = rcache();
    command.arg("report");
    for (document, number) in documents.iter().zip(1..) {
        let file = folder.join(format!("{name}-{number}.json"));
        std::fs::write(&file, document.to_string()).unwrap();
        command.arg(file);
    }
    ran(command.arg("--html").arg(&page)).fine();
    page
}

fn odd_runs_can_be_read_at_every_width() {
    let runs = odd_runs::all().into_iter().map(|(name, run)| (name, vec![run]));
    can_be_read_at_every_width(runs);
}

fn odd_documents_can_be_read_at_every_width() {
    can_be_read_at_every_width(odd_documents::all());
}

fn can_be_read_at_every_width(pages: impl IntoIterator<Item = (String, Vec<Value>)>) {
    let Some(mut browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("RCACHE_SCREENSHOTS").map(PathBuf::from);
    let mut complaints = Vec::new();
    for (name, documents) in pages {
        browser.open(&page_of(folder.path(), &name, &documents));
        for width in WIDTHS {
            for theme in ["light", "dark"] {
                browser.show(width, theme, "screen");
                complaints.extend(
                    browser.strings(CHECK).into_iter().map(|text| format!("{name} {width} {theme}: {text}")),
                );
                if let Some(folder) = &pictures {
                    browser.screenshot(&folder.join(format!("{name}-{width}-{theme}.png")));
                }
            }
        }
        browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)");
        browser.show(800, "light", "screen");
        complaints.extend(browser.strings(CHECK).into_iter().map(|text| format!("{name} open: {text}")));
        browser.show(700, "dark", "print");
        complaints.extend(browser.strings(CHECK).into_iter().map(|text| format!("{name} print: {text}")));
        complaints.extend(browser.trouble().into_iter().map(|text| format!("{name}: {text}")));
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// The accessibility checker of the npm registry, if npm is there.
fn axe_finds_nothing() {
    let Some(mut browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(axe) = chrome::axe(folder.path()) else {
        world::skipped("npm cannot fetch axe-core");
        return;
    };
    for documents in [vec![odd_runs::ordinary()], odd_documents::every_kind(), odd_documents::two_traffics()]
    {
        browser.open(&page_of(folder.path(), "ordinary", &documents));
        for theme in ["light", "dark"] {
            browser.show(800, theme, "screen");
            browser.evaluate(&axe);
            let found = browser.strings(
                "axe.run().then(found => JSON.stringify(found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 120)).join(' ; '))))",
            );
            assert!(found.is_empty(), "{theme}: {}", found.join("\n"));
        }
    }
}

/// The numbers are in the text of the page, whatever the browser runs.
fn the_page_is_made_without_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let page =
        std::fs::read_to_string(page_of(folder.path(), "ordinary", &odd_documents::every_kind())).unwrap();
    let scripts: Vec<&str> = page.split("<script").skip(1).collect();
    assert!(
        scripts.iter().all(|script| script.starts_with(" type=\"application/json\"")),
        "{}",
        scripts.len()
    );
}
