//! What is wrong with the user's data: a code, a place and the arguments of its message.

use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Who can end an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The person who made the file.
    User,
    /// The person who writes mappings and reference lists.
    Integrator,
    /// The person who runs the service: configuration, rights, network, login.
    Administrator,
    /// Nobody: it goes on by itself.
    Nobody,
}

/// The two languages every message exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// Bulgarian, the default of a drop folder.
    #[default]
    Bg,
    /// English, the default of the command line.
    En,
}

/// The texts of one code in one language.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// Lowercase fragment: what, and what to do. `{0}`, `{1}` … stand for the issue's arguments.
    pub message: &'static str,
    /// Why it matters, a sentence or two.
    pub why: &'static str,
    /// An example of data that meets it.
    pub example: &'static str,
    /// How to repair it.
    pub repair: &'static str,
}

/// One stable code with everything a person can be told about it.
///
/// A code is a letter and three digits; `W…` only warns. Letters by room: `F` files and
/// intake, `T` tables, `M` mapping, `V` validation, `S` SESPA's own rules, `L` verdicts of
/// the ledger, `D` delivery, `K` marks of folders and ledger.
#[derive(Debug)]
pub struct CodeInfo {
    /// For example `V003`.
    pub code: &'static str,
    /// Who can end it.
    pub who: Who,
    /// Bulgarian.
    pub bg: Words,
    /// English.
    pub en: Words,
}

impl CodeInfo {
    /// Whether the code stops its row or only warns.
    pub fn severity(&self) -> Severity {
        if self.code.starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// The texts in one language.
    pub fn words(&self, lang: Lang) -> &Words {
        match lang {
            Lang::Bg => &self.bg,
            Lang::En => &self.en,
        }
    }

    /// The message with its arguments filled in; see [`Issue::both`] for those that are words themselves.
    pub fn message<S: AsRef<str>>(&self, lang: Lang, args: &[S]) -> String {
        let mut text = String::new();
        self.write_message(lang, args, &mut text, |arg, out| out.push_str(arg));
        text
    }

    /// Appends the message; `push` writes each argument, so that a report can cut long ones. Braces in an
    /// argument stay as they are.
    pub fn write_message<S: AsRef<str>>(
        &self,
        lang: Lang,
        args: &[S],
        out: &mut String,
        mut push: impl FnMut(&str, &mut String),
    ) {
        let mut rest = self.words(lang).message;
        while let Some((before, behind)) = rest.split_once('{') {
            out.push_str(before);
            let argument = behind
                .split_once('}')
                .and_then(|(index, after)| Some((args.get(index.parse::<usize>().ok()?)?, after)));
            if let Some((argument, after)) = argument {
                push(in_language(argument.as_ref(), lang), out);
                rest = after;
            } else {
                out.push('{');
                rest = behind;
            }
        }
        out.push_str(rest);
    }
}

/// One argument that speaks both languages.
pub fn both(bulgarian: &str, english: &str) -> String {
    format!("{bulgarian}{BETWEEN_LANGUAGES}{english}")
}

/// The words of an argument in one language; see [`Issue::both`]. Any other argument is its own.
pub fn in_language(arg: &str, lang: Lang) -> &str {
    match (arg.split_once(BETWEEN_LANGUAGES), lang) {
        (Some((bulgarian, _)), Lang::Bg) => bulgarian,
        (Some((_, english)), Lang::En) => english,
        (None, _) => arg,
    }
}

/// An issue's arguments for programs: texts, and `{"bg", "en"}` where one speaks both languages.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a>(pub &'a [String]);

impl Serialize for Args<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|arg| Arg(arg)))
    }
}

struct Arg<'a>(&'a str);

impl Serialize for Arg<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.split_once(BETWEEN_LANGUAGES) {
            Some((bg, en)) => serializer.collect_map([("bg", bg), ("en", en)]),
            None => serializer.serialize_str(self.0),
        }
    }
}

/// Stands between the Bulgarian and the English words of one argument; no cell that is sent holds it.
const BETWEEN_LANGUAGES: char = '\u{1F}';

/// Whether an issue stops its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The row is not sent.
    Error,
    /// The row is sent; the message says what to look at.
    Warning,
}

/// Where an issue stands, as the user sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Row as Excel shows it; none for an issue of the whole file.
    pub row: Option<u32>,
    /// The column's header as the user wrote it, or its letter where there is none.
    pub column: Option<Arc<str>>,
}

/// One thing wrong with the user's data. Data, not an error: it never stops a file.
#[derive(Debug, Clone)]
pub struct Issue {
    /// What it is.
    pub code: &'static CodeInfo,
    /// Where it is.
    pub place: Place,
    /// The arguments of its message, in order; may hold cell values, so never log them.
    pub args: Vec<String>,
}

impl Issue {
    /// An issue of a whole row or file.
    pub fn new(code: &'static CodeInfo) -> Self {
        Self { code, place: Place::default(), args: Vec::new() }
    }

    /// An issue of one cell.
    pub fn at(code: &'static CodeInfo, column: Option<Arc<str>>) -> Self {
        Self { code, place: Place { row: None, column }, args: Vec::new() }
    }

    /// Adds an argument of the message.
    #[must_use]
    pub fn arg(mut self, value: impl Into<String>) -> Self {
        self.args.push(value.into());
        self
    }

    /// Adds an argument that is worded differently in each language, such as the name of a field. It stays one
    /// string, so that it can be stored like any other.
    #[must_use]
    pub fn both(self, bulgarian: &str, english: &str) -> Self {
        self.arg(both(bulgarian, english))
    }

    /// Sets the row, as Excel shows it.
    #[must_use]
    pub fn row(mut self, row: u32) -> Self {
        self.place.row = Some(row);
        self
    }

    /// Whether it stops its row.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, CodeInfo, Issue, Lang, Who, Words};

    static WORDS: Words = Words { message: "{0}: {1}", why: "", example: "", repair: "" };
    static CODE: CodeInfo = CodeInfo { code: "X001", who: Who::User, bg: WORDS, en: WORDS };

    #[test]
    fn an_argument_may_speak_both_languages() {
        let issue = Issue::new(&CODE).both("количество", "quantity").arg("12");
        assert_eq!(CODE.message(Lang::Bg, &issue.args), "количество: 12");
        assert_eq!(CODE.message(Lang::En, &issue.args), "quantity: 12");
    }

    #[test]
    fn programs_get_both_languages_apart() {
        let issue = Issue::new(&CODE).both("количество", "quantity").arg("12");
        let args = serde_json::to_value(Args(&issue.args)).unwrap();
        assert_eq!(args, serde_json::json!([{"bg": "количество", "en": "quantity"}, "12"]));
    }

    #[test]
    fn an_argument_never_becomes_a_placeholder() {
        assert_eq!(CODE.message(Lang::En, &["{1}", "b {0} {x} {9"]), "{1}: b {0} {x} {9");
        assert_eq!(CODE.message(Lang::En, &["alone"]), "alone: {1}");
    }
}
