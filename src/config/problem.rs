//! What is wrong in a configuration file, shown with file, line, column and a caret.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::model::{CodeInfo, Lang};

/// Everything wrong with one configuration, in the order of the file. Never empty.
#[derive(Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    /// Orders the problems as they stand in the file; none if there is none.
    pub(super) fn of(mut found: Vec<Problem>) -> Option<Self> {
        found.sort_by_key(Problem::start);
        (!found.is_empty()).then_some(Self(found))
    }

    /// Each problem by itself.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// All problems for a terminal or a log, each with its lines of the file; secrets are masked.
    pub fn render(&self, lang: Lang, colour: bool) -> String {
        self.0.iter().map(|problem| problem.render(lang, colour)).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Lang::En, false))
    }
}

impl std::error::Error for Problems {}

/// One thing wrong in a configuration file.
#[derive(Debug)]
pub struct Problem {
    /// What it is.
    pub code: &'static CodeInfo,
    /// The arguments of its message, in order. Never a secret.
    pub args: Vec<String>,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    source: Arc<Source>,
    span: Range<usize>,
    show: Show,
}

/// How much of the line may be shown: a secret may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// The whole line.
    Line,
    /// The key, and what the caret points at.
    Span,
    /// Nothing but line and column.
    Nothing,
}

/// The text of a file, for pointing into it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Problem {
    /// A problem of the whole file.
    pub(super) fn new(code: &'static CodeInfo, args: Vec<String>) -> Self {
        Self { code, args, place: None }
    }

    /// Points at bytes of the file.
    pub(super) fn at(mut self, source: &Arc<Source>, span: Range<usize>, show: Show) -> Self {
        let end = span.end.min(source.text.len());
        let span = span.start.min(end)..end;
        self.place = Some(Place { source: Arc::clone(source), span, show });
        self
    }

    /// The message with its arguments, without place.
    pub fn message(&self, lang: Lang) -> String {
        self.code.message(lang, &self.args)
    }

    /// The file it stands in; none if the file itself could not be read.
    pub fn path(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| place.source.path.as_path())
    }

    /// Line and column in characters, both from 1.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(Place::line_column)
    }

    /// The problem with its line of the file and a caret.
    pub fn render(&self, lang: Lang, colour: bool) -> String {
        let level = if lang == Lang::Bg { Level::ERROR.with_name("грешка") } else { Level::ERROR };
        let title = level.primary_title(self.message(lang)).id(self.code.code);
        let group = match &self.place {
            None => Group::with_title(title),
            Some(place) if place.show == Show::Nothing => title.element(place.origin()),
            Some(place) => title.element(place.snippet()),
        };
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn start(&self) -> usize {
        self.place.as_ref().map_or(0, |place| place.span.start)
    }
}

impl Place {
    fn line_column(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn origin(&self) -> Origin<'_> {
        let (line, column) = self.line_column();
        Origin::path(self.source.path.display().to_string()).line(line).char_column(column)
    }

    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        Snippet::source(self.visible_text())
            .path(self.source.path.display().to_string())
            .annotation(AnnotationKind::Primary.span(self.span.clone()))
    }

    /// The text, as long in bytes as it is; what stands behind the first `=` of a line as asterisks if it
    /// must not be shown.
    fn visible_text(&self) -> String {
        if self.show == Show::Line {
            return self.source.text.clone();
        }
        let mut visible = String::with_capacity(self.source.text.len());
        let mut is_value = false;
        for (at, letter) in self.source.text.char_indices() {
            if !is_value || self.span.contains(&at) || letter.is_whitespace() {
                visible.push(letter);
            } else {
                visible.extend(std::iter::repeat_n('*', letter.len_utf8()));
            }
            is_value = letter != '\n' && (is_value || letter == '=');
        }
        visible
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes::C002;
    use super::*;

    fn problem(text: &str, wanted: &str, show: Show) -> Problem {
        let source = Arc::new(Source { path: "a.toml".into(), text: text.to_owned() });
        let start = text.find(wanted).unwrap();
        Problem::new(&C002, vec!["x".to_owned()]).at(&source, start..start + wanted.len(), show)
    }

    #[test]
    fn the_caret_stands_under_what_is_wrong() {
        let shown = problem("# едно\nключ = 12\n", "12", Show::Line).render(Lang::En, false);
        assert!(shown.contains("a.toml:2:8"), "{shown}");
        assert!(shown.contains("ключ = 12"), "{shown}");
        assert!(shown.contains("^^"), "{shown}");
        assert_eq!(problem("# едно\nключ = 12\n", "12", Show::Line).line_column(), Some((2, 8)));
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let text = "client_id = \"hünter2\"\n";
        let masked = problem(text, "client_id", Show::Span).render(Lang::En, false);
        assert!(masked.contains("client_id") && !masked.contains("nter2"), "{masked}");
        let hidden = problem(text, "hünter2", Show::Nothing).render(Lang::En, false);
        assert!(hidden.contains("a.toml:1:14") && !hidden.contains("nter2"), "{hidden}");
    }

    #[test]
    fn a_place_at_the_end_of_an_empty_file_can_be_shown() {
        let source = Arc::new(Source { path: "a.toml".into(), text: String::new() });
        let shown = Problem::new(&C002, vec![]).at(&source, 3..9, Show::Line).render(Lang::Bg, false);
        assert!(shown.contains("грешка[C002]"), "{shown}");
    }
}
