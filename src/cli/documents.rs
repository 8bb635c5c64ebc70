//! Holds the commands in documents to the definition of the command line.

use yaml_rust2::{Yaml, YamlLoader};

use super::command;
use crate::shell;

/// Every command of rcache in a script, as words.
fn commands(script: &str) -> Vec<Vec<String>> {
    // Comments are for people.
    let lines = script.lines().filter_map(|line| line.split(" #").next()).map(str::trim);
    let lines = lines.filter(|line| line.starts_with("rcache "));
    let until = |word: &String| !["||", "&&", ">>", ">", "|"].contains(&word.as_str());
    lines.map(|line| shell::words(line).unwrap().into_iter().take_while(until).collect()).collect()
}

fn steps(job: &Yaml) -> &[Yaml] {
    job["steps"].as_vec().unwrap()
}

#[test]
fn the_workflow_is_valid_and_its_commands_are_understood() {
    let text = include_str!("../../docs/github-workflow.yml");
    let documents = YamlLoader::load_from_str(text).unwrap();
    let [workflow] = documents.as_slice() else { panic!("it is one document") };
    assert_eq!(workflow["on"].as_str(), Some("pull_request"));
    let mut seen = 0;
    for (name, job) in workflow["jobs"].as_hash().unwrap() {
        assert_eq!(job["runs-on"].as_str(), Some("ubuntu-latest"), "{name:?}");
        assert!(job["timeout-minutes"].as_i64().is_some());
        for step in steps(job) {
            let (script, action) = (step["run"].as_str(), step["uses"].as_str());
            assert!(script.is_some() != action.is_some(), "{step:?} either runs or uses");
            // It is for another repository, which has none of these.
            assert!(!script.unwrap_or_default().contains("scripts/"), "{step:?}");
            for words in commands(script.unwrap_or_default()) {
                if let Err(error) = command().try_get_matches_from(&words) {
                    panic!("{words:?}: {error}");
                }
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 6, "every command was looked at");
}

#[test]
fn the_commands_of_the_readme_are_understood() {
    let text = include_str!("../../README.md").replace("\n$ rcache ", "\nrcache ");
    let blocks = text.split("\n```").skip(1).step_by(2).collect::<Vec<_>>().join("\n");
    let mut seen = 0;
    for words in commands(&blocks) {
        if let Err(error) = command().try_get_matches_from(&words) {
            panic!("{words:?}: {error}");
        }
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}
