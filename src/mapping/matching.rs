//! Which mapping a file goes by.

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::Mapping;
use super::columns::Columns;
use crate::table::Header;

/// The mapping of a file.
#[derive(Debug)]
pub enum Choice<'a> {
    /// This one.
    One(&'a Mapping),
    /// None fits.
    None,
    /// Several fit equally well; a person must decide.
    Tie(Vec<&'a Mapping>),
}

/// `[match]`: which files a mapping is for. All that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// Globs of file names.
    pub files: Vec<String>,
    /// Headers that must be there.
    pub headers: Vec<String>,
    pub(super) globs: Vec<Glob>,
}

/// A pattern of file names, compared by whole characters without case and Unicode form.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    pattern: Regex,
    literal: usize,
}

/// Chooses among mappings, each with the headers that were found for it: more named headers win, then
/// the longer glob without its wildcards.
pub fn choose<'a>(
    candidates: impl Iterator<Item = (&'a Mapping, &'a [Header])>,
    file_name: &str,
) -> Choice<'a> {
    let score = |(mapping, headers): (&'a Mapping, &'a [Header])| {
        Some(((mapping.headers_fit(headers)?, mapping.glob_score(file_name)?), mapping))
    };
    let mut best = Vec::new();
    let mut highest = None;
    for (score, mapping) in candidates.filter_map(score) {
        if Some(score) > highest {
            highest = Some(score);
            best.clear();
        }
        if Some(score) == highest {
            best.push(mapping);
        }
    }
    match best.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(one),
        _ => Choice::Tie(best),
    }
}

impl Mapping {
    /// The same mapping for whatever file: a person named it.
    #[must_use]
    pub fn for_any_file(&self) -> Self {
        Self { matching: Match::default(), ..self.clone() }
    }

    /// How well a file's name fits: letters of the longest matching glob without its wildcards. 0 where
    /// the mapping says nothing of names, none where no glob matches.
    pub fn glob_score(&self, file_name: &str) -> Option<usize> {
        if self.matching.files.is_empty() {
            return Some(0);
        }
        let name: String = file_name.nfc().collect();
        let original = without_copy_marks(&name);
        let matches = |glob: &&Glob| glob.pattern.is_match(&name) || glob.pattern.is_match(&original);
        self.matching.globs.iter().filter(matches).map(|glob| glob.literal).max()
    }

    /// How many of the headers it names are there; none if one is missing.
    pub fn headers_fit(&self, headers: &[Header]) -> Option<usize> {
        let columns = Columns::of(headers);
        let named = &self.matching.headers;
        named.iter().all(|name| columns.has_header(name)).then_some(named.len())
    }
}

impl Glob {
    /// A glob of `*`, `?` and `[…]`.
    ///
    /// # Errors
    /// What is wrong with it, in English.
    pub(super) fn new(glob: &str) -> Result<Self, String> {
        let mut pattern = String::from("(?is)^");
        let mut class = false;
        let mut literal = 0;
        for letter in glob.nfc() {
            match (letter, class) {
                ('*', false) => pattern.push_str(".*"),
                ('?', false) => pattern.push('.'),
                ('[', false) | (']', true) => {
                    class = !class;
                    pattern.push(letter);
                }
                ('!', true) if pattern.ends_with('[') => pattern.push('^'),
                ('-', true) => pattern.push('-'),
                (letter, _) => {
                    literal += usize::from(!class);
                    pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
                }
            }
        }
        pattern.push('$');
        match Regex::new(&pattern) {
            Ok(pattern) if !class => Ok(Self { pattern, literal }),
            _ => Err(format!("`{glob}` is no pattern of file names; a `[` must be closed")),
        }
    }
}

/// The name before Windows or a browser made a copy of the file.
fn without_copy_marks(name: &str) -> String {
    let (stem, extension) = name.rfind('.').map_or((name, ""), |dot| name.split_at(dot));
    let mut stem = stem;
    loop {
        let shorter = without_number(stem);
        let shorter =
            strip_suffix(shorter, " - копие").or_else(|| strip_suffix(shorter, " - copy")).unwrap_or(shorter);
        let shorter = strip_prefix(shorter, "копие на ")
            .or_else(|| strip_prefix(shorter, "copy of "))
            .unwrap_or(shorter);
        if shorter.len() == stem.len() {
            return format!("{stem}{extension}");
        }
        stem = shorter;
    }
}

/// Without ` (1)` at the end.
fn without_number(stem: &str) -> &str {
    let inner = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    match inner {
        Some((rest, digits)) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            rest
        }
        _ => stem,
    }
}

fn strip_prefix<'a>(text: &'a str, lower: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(lower.len())?;
    (start.to_lowercase() == lower).then_some(rest)
}

fn strip_suffix<'a>(text: &'a str, lower: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(lower.len())?)?;
    (end.to_lowercase() == lower).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::fixture::{headers, mapping};

    fn chosen(lines: &[&str], names: &[&str], file: &str) -> String {
        let mappings: Vec<_> =
            lines.iter().map(|line| mapping(&format!("fields = {{}}\nmatch = {line}\n"))).collect();
        let headers = headers(names);
        let place =
            |found: &Mapping| mappings.iter().position(|mapping| std::ptr::eq(mapping, found)).unwrap();
        match choose(mappings.iter().map(|mapping| (mapping, headers.as_slice())), file) {
            Choice::One(found) => place(found).to_string(),
            Choice::None => "none".to_owned(),
            Choice::Tie(found) => format!("tie of {:?}", found.into_iter().map(place).collect::<Vec<_>>()),
        }
    }

    #[test]
    fn more_named_headers_win_then_the_longer_glob() {
        let lines = [
            r#"{ files = ["*доставки*", "дост*.csv"] }"#,
            r#"{ headers = ["Партида", "A"] }"#,
            r#"{ files = ["д*"], headers = ["партидA", "Код#2"] }"#,
            r#"{ files = ["доставки*"] }"#,
        ];
        let all = ["Партида", "Код", "Код", "A"];
        assert_eq!(chosen(&lines, &["x"], "Доставки.csv"), "tie of [0, 3]");
        assert_eq!(chosen(&lines, &["x"], "мои доставки.csv"), "0");
        assert_eq!(chosen(&lines, &all, "доставки.csv"), "2", "both name two headers, one a glob too");
        assert_eq!(
            chosen(&lines, &["Партида", "Код"], "x.csv"),
            "none",
            "A is no letter here, one code only"
        );
        assert_eq!(chosen(&lines, &all, "x.csv"), "1");
        assert_eq!(chosen(&["{}"], &[], "x.csv"), "0", "nothing said, nothing missed");
    }

    fn fits(glob: &str, name: &str) -> bool {
        let glob = Glob::new(glob).unwrap();
        let name: String = name.nfc().collect();
        glob.pattern.is_match(&name) || glob.pattern.is_match(&without_copy_marks(&name))
    }

    #[test]
    fn globs_compare_characters_without_case_and_unicode_form() {
        assert!(fits("доставки*", "ДОСТАВКИ 2026.csv"));
        assert!(fits("й?н.csv", "и\u{306}ън.CSV"), "decomposed й, and ? is one letter");
        assert!(fits("[а-в]1+.csv", "Б1+.csv"));
        assert!(fits("[!а-в]1.csv", "Г1.csv"));
        assert!(!fits("[!а-в]1.csv", "А1.csv"));
        assert!(!fits("deliveries*", "my deliveries.csv"));
        assert!(!fits("a.csv", "abcsv"));
        assert!(Glob::new("a[b").is_err());
    }

    #[test]
    fn copies_are_looked_through() {
        for name in [
            "Копие на deliveries.csv",
            "копие на Копие на deliveries.csv",
            "deliveries - Copy.csv",
            "deliveries - Копие (2).csv",
            "deliveries (1).csv",
            "Copy of deliveries.csv",
        ] {
            assert!(fits("deliveries.csv", name), "{name}");
        }
        assert!(!fits("deliveries.csv", "deliveries (a).csv"));
        assert_eq!(without_copy_marks("без разширение"), "без разширение");
    }

    #[test]
    fn wildcards_do_not_count() {
        assert_eq!(Glob::new("дост*?[ab].csv").unwrap().literal, 8);
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_it_panic(glob in ".{0,20}", name in ".{0,20}") {
            let _ = without_copy_marks(&name);
            if let Ok(glob) = Glob::new(&glob) {
                let _ = glob.pattern.is_match(&name);
            }
        }
    }
}
