//! What is wrong with a mapping file, drawn with file, line and caret.

use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake in a mapping file or in a list it names. The integrator repairs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", path.display())]
pub struct Problem {
    /// The mapping file.
    pub path: PathBuf,
    /// Line, 1 for the first.
    pub line: usize,
    /// Character in that line, 1 for the first.
    pub column: usize,
    /// What is wrong and what to do, in English.
    pub message: String,
    /// The same with the line itself and a caret under the place, without colours.
    pub rendered: String,
}

impl Problem {
    /// A mistake that concerns the file itself, such as one that cannot be read.
    pub(super) fn of_file(path: &Path, message: String) -> Self {
        let rendered = format!("error: {message}\n --> {}", path.display());
        Self { path: path.to_owned(), line: 1, column: 1, message, rendered }
    }

    fn drawn(path: &Path, text: &str, span: Range<usize>, message: String) -> Self {
        let shown_path = path.display().to_string();
        let start = floor(text, span.start.min(text.len()));
        let end = floor(text, span.end.min(text.len())).max(start);
        let before = text.get(..start).unwrap_or_default();
        let snippet = Snippet::source(text)
            .path(shown_path.as_str())
            .annotation(AnnotationKind::Primary.span(start..first_line(text, start, end)));
        let rendered =
            Renderer::plain().render(&[Level::ERROR.primary_title(message.as_str()).element(snippet)]);
        Self {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            message,
            rendered,
        }
    }
}

/// A value of a mapping file with its place in the file's text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// Everything found wrong so far, in bytes of the file's text.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<(Range<usize>, String)>,
}

impl Problems {
    pub(super) fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.found.push((span.clone(), message.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in the order of the file, each once.
    pub(super) fn draw(mut self, path: &Path, text: &str) -> Vec<Problem> {
        self.found.sort_by_key(|(span, _)| span.start);
        self.found.dedup();
        self.found.into_iter().map(|(span, message)| Problem::drawn(path, text, span, message)).collect()
    }
}

/// The known name that a wrong one was probably meant to be.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let reach = (wrong.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= reach && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean …` with the nearest name, or all names where none is near.
pub(super) fn hint<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = nearest(wrong, known.clone()) {
        return format!("did you mean `{name}`?");
    }
    let mut names: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    if names.is_empty() { "there is none".to_owned() } else { format!("known are {}", names.join(", ")) }
}

/// A caret over several lines says less than one under the first.
fn first_line(text: &str, start: usize, end: usize) -> usize {
    let length = text.get(start..end).and_then(|part| part.find(['\r', '\n']));
    length.map_or(end, |length| start + length)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_line_and_character_and_draws_a_caret() {
        let text = "name = \"x\"\n# Дата\n\"Дата\" = 1\r\n";
        let start = text.rfind("1\r").unwrap();
        let mut problems = Problems::default();
        problems.add(&(start..start + 1), "wrong");
        problems.add(&(0..4), "first");
        let drawn = problems.draw(Path::new("m.toml"), text);
        assert_eq!((drawn[0].line, drawn[0].column, drawn[0].message.as_str()), (1, 1, "first"));
        assert_eq!((drawn[1].line, drawn[1].column), (3, 10));
        assert!(drawn[1].rendered.contains("m.toml:3:10"), "{}", drawn[1].rendered);
        assert!(drawn[1].rendered.contains("| \"Дата\" = 1"), "{}", drawn[1].rendered);
        assert!(drawn[1].rendered.contains('^'));
        assert_eq!(drawn[0].to_string(), "m.toml:1:1: first");
    }

    #[test]
    fn the_nearest_name_is_named_and_none_where_all_are_far() {
        assert_eq!(nearest("p_quantty", ["p_quantity", "p_country"]), Some("p_quantity"));
        assert_eq!(nearest("zzz", ["p_quantity"]), None);
        assert_eq!(hint("zzz", ["b", "aa"]), "known are `aa`, `b`");
    }

    proptest::proptest! {
        #[test]
        fn drawing_never_panics(text in ".{0,40}", start in 0_usize..60, length in 0_usize..60) {
            let mut problems = Problems::default();
            problems.add(&(start..start + length), "wrong");
            proptest::prop_assert_eq!(problems.draw(Path::new("m.toml"), &text).len(), 1);
        }
    }
}
