//! What fuzzing found, and where it begins, is read once more by the same entries.

#[path = "../../fuzz/entries.rs"]
mod entries;

use std::path::Path;

fn replay(name: &str, entry: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let seeds: Vec<_> = std::fs::read_dir(folder).unwrap().map(|seed| seed.unwrap().path()).collect();
    assert!(!seeds.is_empty(), "{name}");
    for seed in seeds {
        eprintln!("{}", seed.display());
        entry(&std::fs::read(seed).unwrap());
    }
}

#[test]
fn seeds_of_text_files() {
    replay("csv", entries::csv);
}

#[test]
fn seeds_of_dialects() {
    replay("dialect", entries::dialect);
}

#[test]
fn seeds_of_sheets() {
    replay("sheet", entries::sheet);
}

#[test]
fn seeds_of_mappings() {
    replay("mapping", entries::mapping);
}

#[test]
fn seeds_of_answers() {
    replay("answers", entries::answers);
}
