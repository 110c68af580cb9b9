//! The house's order, held by reading the source: what the compiler does not know about it.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::place::root;

/// The rooms from top to bottom, as `src/lib.rs` lists them.
fn rooms() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let named = Regex::new(r"(?m)^pub mod (\w+);").unwrap();
    named.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

/// Every source file with its room and its text, without its tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let mut found = Vec::new();
    let mut left = vec![root().join("src")];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !is_test(&path) {
                found.push((
                    path.clone(),
                    room(&path),
                    without_tests(&std::fs::read_to_string(&path).unwrap()),
                ));
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

/// Files that are compiled for tests only.
fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.ends_with("tests.rs")
        || inside.starts_with("submit/rig")
        || inside.starts_with("simulation")
        || inside.ends_with("fixture.rs")
}

fn room(path: &Path) -> String {
    let first = path.strip_prefix(root().join("src")).unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Unit tests stand at the bottom of their file and may import what they like.
fn without_tests(text: &str) -> String {
    let heads = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(super) mod tests {"];
    let at = heads.iter().filter_map(|head| text.find(head)).min();
    text[..at.unwrap_or(text.len())].to_owned()
}

/// Lines of code outside of comments that match, as `file:line: text`.
fn matches(pattern: &str, allowed: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found = Vec::new();
    for (path, room, text) in sources() {
        if allowed(&path, &room) {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            if pattern.is_match(code) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn none(found: &[String], told: &str) {
    assert!(found.is_empty(), "{told}:\n{}", found.join("\n"));
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    let rooms = rooms();
    let place = |room: &str| rooms.iter().position(|one| one == room);
    let path = Regex::new(r"crate::(\w+)").unwrap();
    let mut upward = Vec::new();
    for (file, room, text) in sources() {
        let Some(own) = place(&room) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            for found in path.captures_iter(code) {
                if place(&found[1]).is_some_and(|other| other < own) {
                    upward.push(format!("{}:{number}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    none(&upward, "a room imports one above it");
}

#[test]
fn sql_stands_in_the_ledger_only() {
    let sql = r"\b(SELECT .+ FROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX)|PRAGMA)\b|rusqlite";
    none(&matches(sql, |_, room| room == "ledger"), "SQL outside of the ledger");
}

#[test]
fn no_statement_spells_out_the_state_it_moves_to() {
    // What is set stands before the first WHERE, be it on several lines.
    let set = Regex::new(r#"\bSET\s([^";]*?)(\bWHERE\b|"|;)"#).unwrap();
    let mut found = Vec::new();
    for (file, _, text) in sources() {
        let moves = set.captures_iter(&text).filter(|set| set[1].contains("state = '"));
        found.extend(moves.map(|set| format!("{}: {}", file.display(), &set[1])));
    }
    none(&found, "a move beside the ledger's rules");
}

#[test]
fn the_http_client_stands_in_submit_only() {
    none(&matches(r"\breqwest\b", |_, room| room == "submit"), "the HTTP client outside of submit");
}

#[test]
fn only_cli_and_config_read_the_clock_and_the_environment() {
    let world = r"Utc::now|Local::now|env::vars?(_os)?\b|SystemTime::now";
    none(&matches(world, |_, room| room == "cli" || room == "config"), "the world is read below");
}

#[test]
fn nothing_is_left_half_done() {
    none(&matches(r"\b(todo|unimplemented|dbg)!", |_, _| false), "half done");
}

#[test]
fn functions_stay_short() {
    let head = Regex::new(r"^( *)(pub(\([^)]*\))? )?(const |async )*fn (\w+)").unwrap();
    let (mut long, mut lengths) = (Vec::new(), Vec::new());
    for (path, _, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(found) = head.captures(line) else { continue };
            let close = format!("{}}}", &found[1]);
            let ends = lines[at..]
                .iter()
                .position(|line| *line == close || line.ends_with(" }") || line.ends_with(';'));
            let length = ends.unwrap_or(0) + 1;
            lengths.push(length);
            if length > 70 {
                long.push(format!("{}:{}: {} has {length} lines", path.display(), at + 1, &found[5]));
            }
        }
    }
    none(&long, "functions of more than 70 lines");
    lengths.sort_unstable();
    assert!(lengths[lengths.len() / 2] < 10, "the median function has {} lines", lengths[lengths.len() / 2]);
}
