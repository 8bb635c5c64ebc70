//! Holds the structure to its own page: which room may import which, how files open, how wide prose
//! is.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room of the program and the rooms it may use. A room is a file or folder directly under
/// `src/`. Rooms are listed from the lowest floor up, and a room may only name rooms above itself
/// in this list.
const ROOMS: &[(&str, &str)] = &[
    ("units", ""),
    ("shell", ""),
    ("claims", ""),
    ("plain_text", ""),
    ("interrupt", ""),
    ("permutation", ""),
    ("client_threads", ""),
    ("reopen", ""),
    ("model", ""),
    ("samples", "model"),
    ("stats", "model permutation samples units"),
    ("page", "units"),
    ("load_model", "permutation plain_text units"),
    ("users", "permutation"),
    ("query", "interrupt permutation plain_text"),
    ("answer", ""),
    ("endpoint", ""),
    ("dump", "plain_text"),
    ("advice", "shell"),
    ("assertion", "model units"),
    ("cache", "endpoint interrupt plain_text reopen samples"),
    ("db", "advice answer dump endpoint interrupt query reopen samples units users"),
    ("sandbox", "advice db endpoint interrupt model plain_text shell units"),
    ("paths", "answer cache db endpoint interrupt model query reopen samples users"),
    ("measure", "client_threads db interrupt model paths permutation samples sandbox units users"),
    ("size_check", "cache endpoint interrupt load_model units"),
    ("run_file", "interrupt measure model paths plain_text samples sandbox stats units"),
    (
        "scenario",
        "cache client_threads db endpoint interrupt page permutation plain_text reopen run_file samples sandbox stats units",
    ),
    (
        "traffic",
        "cache db endpoint interrupt load_model measure model paths plain_text reopen samples scenario",
    ),
    ("candidates", "db query"),
    ("traffic_file", "assertion load_model model run_file samples stats traffic units"),
    ("size", "load_model run_file size_check units"),
    ("compare", "model plain_text run_file stats traffic_file units"),
    ("documents", "candidates compare run_file scenario size traffic_file"),
    ("verdict", "assertion model run_file stats"),
    (
        "report",
        "candidates claims compare documents load_model model page plain_text run_file scenario size stats traffic_file units",
    ),
    ("serve", "db endpoint plain_text reopen users"),
    (
        "limits",
        "cache db endpoint measure model paths permutation run_file samples sandbox stats units users",
    ),
    ("cli", "compare load_model model paths report sandbox scenario shell stats units users"),
    ("config", "advice cli endpoint model shell"),
    ("console", "cli config plain_text report units"),
    ("servers", "advice cache config console db endpoint model run_file sandbox stats"),
    (
        "bench",
        "advice answer assertion cache cli config console db endpoint interrupt measure model paths plain_text query reopen run_file samples scenario servers stats units users verdict",
    ),
    (
        "commands",
        "advice answer assertion bench cache candidates cli compare config console db documents dump endpoint interrupt limits load_model measure model paths \
         plain_text query reopen report run_file samples sandbox scenario serve servers shell size size_check stats traffic traffic_file units \
         users verdict",
    ),
];

/// The names that every room may use, because `lib.rs` takes them from the library.
const LIBRARY: [&str; 3] = ["secret", "texts", "socket_calls"];

/// Modules that exist in tests alone.
const TEST_FILES: [&str; 8] = [
    "tests.rs",
    "src/answer/fuzzing.rs",
    "src/formats.rs",
    "src/paths/frugality.rs",
    "sample_runs.rs",
    "src/query/hostile.rs",
    "src/traffic/virtual_time.rs",
    "samples.rs",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` whose names end so, as paths relative to the root, and their text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn room_of(file: &str) -> String {
    let inside = file.strip_prefix("src/").unwrap();
    inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned()
}

/// The part of a file that is compiled into the program.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

/// The first names of all paths that begin with `crate::`, with the number of their line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap();
        for rest in code.split("crate::").skip(1) {
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap().split(',').map(first_name).collect(),
                None => vec![first_name(rest)],
            };
            found.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (number + 1, name)));
        }
    }
    found
}

fn first_name(path: &str) -> String {
    path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn rooms_are_listed_from_the_lowest_floor_up() {
    let mut below = BTreeSet::new();
    for (room, uses) in ROOMS {
        for used in uses.split_whitespace() {
            assert!(below.contains(used), "{room} uses {used}, which is not listed above it");
        }
        assert!(below.insert(*room), "{room} is listed twice");
    }
}

#[test]
fn a_room_imports_only_what_the_table_allows() {
    let mut complaints = Vec::new();
    for (file, text) in files("src", ".rs") {
        let room = room_of(&file);
        if ["lib", "main"].contains(&room.as_str()) || TEST_FILES.iter().any(|test| file.ends_with(test)) {
            continue;
        }
        let Some((_, uses)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            complaints.push(format!("{file}: the room {room} is not in the table of tests/tidy.rs"));
            continue;
        };
        for (line, used) in imports(production(&text)) {
            let known = ROOMS.iter().any(|(name, _)| *name == used);
            let allowed = used == room || uses.split_whitespace().any(|name| name == used);
            if known && !allowed {
                complaints.push(format!("{file}:{line}: {room} may not use {used}"));
            } else if !known && !LIBRARY.contains(&used.as_str()) {
                complaints.push(format!("{file}:{line}: the room {used} is not in the table"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_library_knows_nothing_of_the_program() {
    let words = ["mysql", "clap", "MySQL"];
    let mut complaints = Vec::new();
    for (file, text) in files("crates/cache-aside/src", ".rs") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            if words.iter().any(|word| code.contains(&format!("{word}::"))) {
                complaints.push(format!("{file}:{}: {line}", number + 1));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_file_opens_with_a_sentence_on_why_it_exists() {
    let all = [files("src", ".rs"), files("crates", ".rs"), files("tests", ".rs")].concat();
    let complaints: Vec<String> = all
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(file, _)| format!("{file}: does not begin with //!"))
        .collect();
    assert_none(&complaints);
}

#[test]
fn prose_is_at_most_100_columns_wide() {
    let mut pages = files("docs", ".md");
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        pages.push((page.to_owned(), fs::read_to_string(root().join(page)).unwrap()));
    }
    let mut complaints = Vec::new();
    for (file, text) in pages {
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            is_code ^= line.starts_with("```");
            if !is_code && !line.starts_with('|') && !line.contains("](http") && line.chars().count() > 100 {
                complaints.push(format!("{file}:{}: {} columns", number + 1, line.chars().count()));
            }
        }
    }
    assert_none(&complaints);
}

/// Every source file of the repository.
fn sources() -> Vec<(String, String)> {
    ["src", "crates", "tests", "benches", "examples"].map(|folder| files(folder, ".rs")).concat()
}

#[test]
fn comments_are_at_most_100_columns_wide() {
    let mut complaints = Vec::new();
    for (file, text) in sources() {
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            let comment = line.trim_start();
            let body = comment.trim_start_matches(['/', '!']).trim_start();
            is_code = comment.starts_with("//") && (is_code ^ body.starts_with("```"));
            let may_be_wide = is_code || body.starts_with('|') || line.contains("http");
            if comment.starts_with("//") && !may_be_wide && line.chars().count() > 100 {
                complaints.push(format!("{file}:{}: {} columns", number + 1, line.chars().count()));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn docs_begin_with_a_verb_or_a_noun() {
    const VAGUE: [&str; 5] = ["What", "How", "Where", "As", "Of"];
    let mut complaints = Vec::new();
    for (file, text) in sources() {
        let mut before = "";
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            for mark in ["///", "//!"] {
                let body = line.strip_prefix(mark).unwrap_or_default();
                let word = body.split_whitespace().next().unwrap_or_default();
                if !before.starts_with(mark) && VAGUE.contains(&word) {
                    complaints.push(format!("{file}:{}: {line}", number + 1));
                }
            }
            before = line;
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_architecture_page_names_every_room() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(page.len() <= 10 * 1024, "ARCHITECTURE.md has {} bytes; it is a map", page.len());
    for (room, _) in ROOMS {
        let is_named = [format!("`{room}.rs`"), format!("`{room}/`")].iter().any(|name| page.contains(name));
        assert!(is_named, "ARCHITECTURE.md does not name {room}");
    }
    assert!(Path::new(&root().join("docs/protocol.md")).exists());
}

#[test]
fn every_option_and_counter_of_the_library_is_documented() {
    let page = fs::read_to_string(root().join("docs/production.md")).unwrap();
    let mut complaints = Vec::new();
    for (file, start) in [("options.rs", "pub struct Options {"), ("stats.rs", "pub struct Stats {")] {
        let path = format!("crates/cache-aside/src/{file}");
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let fields = text.split(start).nth(1).unwrap().split("\n}").next().unwrap();
        for line in fields.lines() {
            let Some((name, _)) = line.strip_prefix("    pub ").and_then(|rest| rest.split_once(':')) else {
                continue;
            };
            if !page.contains(&format!("`{name}`")) {
                complaints.push(format!("{path}: docs/production.md does not mention `{name}`"));
            }
        }
    }
    assert_none(&complaints);
}
