//! Every code a user can meet: unique, explained in both languages, met by a test or a case.

use std::collections::BTreeSet;
use std::path::PathBuf;

use regex::Regex;
use rxdrop::model::Lang;
use rxdrop::run::code_rooms;

use super::place::root;

fn codes() -> Vec<&'static rxdrop::model::CodeInfo> {
    let rooms = code_rooms();
    rooms.iter().flatten().copied().collect()
}

#[test]
fn every_code_is_unique_and_has_its_form() {
    let form = Regex::new("^[FTMVSLDCKW][0-9]{3}$").unwrap();
    let mut seen = BTreeSet::new();
    for code in codes() {
        assert!(form.is_match(code.code), "{}", code.code);
        assert!(seen.insert(code.code), "{} stands twice", code.code);
    }
    assert!(seen.len() > 100);
}

#[test]
fn every_code_that_is_defined_is_listed() {
    let defined = Regex::new(r#"code: "([A-Z][0-9]{3})""#).unwrap();
    let listed: BTreeSet<&str> = codes().iter().map(|code| code.code).collect();
    // `samples.rs` of the reports is compiled for their tests only.
    for path in files("src", "rs").into_iter().filter(|path| !path.ends_with("report/samples.rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for found in defined.captures_iter(&parted(&text).0) {
            assert!(listed.contains(&found[1]), "{} of {} is in no list", &found[1], path.display());
        }
    }
}

#[test]
fn every_code_is_explained_in_both_languages() {
    let mark = Regex::new(r"\{\d\}").unwrap();
    for code in codes() {
        let (bg, en) = (code.words(Lang::Bg), code.words(Lang::En));
        for (lang, words) in [("bg", bg), ("en", en)] {
            for text in [words.message, words.why, words.example, words.repair] {
                assert!(!text.trim().is_empty(), "{} lacks words ({lang})", code.code);
            }
        }
        let cyrillic = |text: &str| text.chars().any(|letter| ('а'..='я').contains(&letter));
        assert!(cyrillic(bg.message), "{}: {}", code.code, bg.message);
        assert!(cyrillic(bg.repair), "{}: {}", code.code, bg.repair);
        let marks = |text| mark.find_iter(text).map(|one| one.as_str()).collect::<BTreeSet<_>>();
        assert_eq!(marks(bg.message), marks(en.message), "{} tells different things", code.code);
    }
}

/// Codes that no test can raise, and why.
const OUT_OF_REACH: [(&str, &str); 4] = [
    ("F010", "a file this account may not read; tests may run as root, who may read everything"),
    ("T012", "a mapping that names an unknown encoding is refused when it is loaded"),
    ("W101", "the detector, told that the text is Bulgarian, did not contradict that in anything tried"),
    ("L015", "a fact that was reversed; nothing reverses yet"),
];

/// A code nobody ever raised may be raised wrongly: each stands in a case or in a unit test.
#[test]
fn every_code_is_met_by_a_test_or_a_case() {
    let mut met = String::new();
    for path in files("tests/cases", "")
        .into_iter()
        .chain(files("tests/it", "rs"))
        .filter(|path| !path.ends_with("codes.rs"))
    {
        met += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
    }
    let statics = Regex::new(r#"static (\w+): CodeInfo = CodeInfo \{\s*code: "([A-Z][0-9]{3})""#).unwrap();
    let (mut tests, mut named) = (String::new(), Vec::new());
    for path in files("src", "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        named.extend(statics.captures_iter(&text).map(|found| (found[1].to_owned(), found[2].to_owned())));
        let whole = path.ends_with("tests.rs") || path.to_string_lossy().contains("/rig/");
        tests += &if whole { text } else { parted(&text).1 };
    }
    let word = Regex::new(r"\w+").unwrap();
    let words: BTreeSet<&str> = word.find_iter(&tests).map(|found| found.as_str()).collect();
    let unmet: Vec<&str> = codes()
        .iter()
        .map(|code| code.code)
        .filter(|code| OUT_OF_REACH.iter().all(|(known, _)| known != code))
        .filter(|code| {
            let name = named.iter().find(|(_, one)| one == code).map_or(*code, |(name, _)| name);
            !met.contains(code) && !tests.contains(code) && !words.contains(name)
        })
        .collect();
    assert!(unmet.is_empty(), "no test or case meets {}", unmet.join(" "));
}

/// A source file without its unit tests, and they.
fn parted(text: &str) -> (String, String) {
    let head = Regex::new(r"#\[cfg\(test\)\]\s*(#\[[^\]]*\]\s*)*(pub(\([^)]*\))? )?mod \w+ \{").unwrap();
    let at = head.find(text).map_or(text.len(), |found| found.start());
    (text[..at].to_owned(), text[at..].to_owned())
}

fn files(under: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root().join(under)];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}
