//! A TOML file read key by key, so that one mistake does not hide the next.

use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::codes::{C002, C003, C004, C014};
use super::problem::{Problem, Show, Source};

/// Keys whose value is secret or says where a secret is.
const SECRET_KEYS: &[&str] = &["client_id", "client_secret", "actor_reg_no"];

/// Words that make a line suspicious of holding a secret, misspelt keys included.
const SECRET_WORDS: &[&str] = &["secr", "client", "reg_no", "value", "passw", "token", "@"];

/// A parsed file, with what is wrong in it so far.
pub(super) struct Document<'a> {
    pub(super) source: &'a Arc<Source>,
    root: Spanned<DeValue<'a>>,
    pub(super) found: Vec<Problem>,
}

impl<'a> Document<'a> {
    /// Parses the file; mistakes of syntax are found all at once.
    pub(super) fn parse(source: &'a Arc<Source>) -> Self {
        let (mut root, errors) = DeTable::parse_recoverable(&source.text);
        quote_days(root.get_mut());
        let span = root.span();
        let root = Spanned::new(span, DeValue::Table(root.into_inner()));
        let mut document = Self { source, root, found: Vec::new() };
        for error in &errors {
            document.syntax(error);
        }
        document
    }

    /// The keys of a table as `T`, and the table of those that are good. Unknown keys and wrong values
    /// become problems; what is wrong counts as not said.
    pub(super) fn read<T: DeserializeOwned + JsonSchema + Default>(
        &mut self,
        path: &[&str],
    ) -> (T, DeTable<'a>) {
        let known = keys_of::<T>();
        let mut good = DeTable::new();
        for (key, value) in self.table(path).cloned().unwrap_or_default() {
            let name = key.get_ref().as_ref();
            if !known.iter().any(|known| known == name) {
                self.unknown(&key, &known);
            } else if let Err(error) = read_alone::<T>(&key, &value) {
                self.wrong(&key, &value, &error);
            } else {
                good.insert(key, value);
            }
        }
        (deserialize(good.clone()).unwrap_or_default(), good)
    }

    /// The names of the tables in a table.
    pub(super) fn names(&self, path: &[&str]) -> Vec<String> {
        let table = self.table(path).into_iter().flatten();
        table
            .filter(|(_, value)| value.get_ref().is_table())
            .map(|(key, _)| key.get_ref().to_string())
            .collect()
    }

    /// How many entries an array has.
    pub(super) fn count(&self, path: &[&str]) -> usize {
        self.value(path).and_then(|value| value.get_ref().as_array()).map_or(0, |array| array.iter().len())
    }

    /// Adds a problem at the value of a path, or as near to it as the file goes.
    pub(super) fn problem(&mut self, path: &[&str], problem: Problem) {
        let secret = path.iter().any(|key| SECRET_KEYS.contains(key)) || self.written(path).contains('@');
        let span = if secret { self.key_span(path) } else { self.span(path) };
        let show = self.show(&span, secret);
        self.found.push(problem.at(self.source, span, show));
    }

    /// The bytes of a value as written, for example `"C:\temp"` with its quotes.
    pub(super) fn written(&self, path: &[&str]) -> &'a str {
        self.source.text.get(self.span(path)).unwrap_or_default()
    }

    fn span(&self, path: &[&str]) -> Range<usize> {
        let nearest = (0..=path.len()).rev().find_map(|end| self.value(path.get(..end)?));
        nearest.map_or(0..0, Spanned::span)
    }

    fn key_span(&self, path: &[&str]) -> Range<usize> {
        let Some((name, parent)) = path.split_last() else { return self.span(path) };
        let key = self.table(parent).and_then(|table| table.get_key_value(*name));
        key.map_or_else(|| self.key_span(parent), |(key, _)| key.span())
    }

    fn table(&self, path: &[&str]) -> Option<&DeTable<'a>> {
        self.value(path)?.get_ref().as_table()
    }

    fn value(&self, path: &[&str]) -> Option<&Spanned<DeValue<'a>>> {
        path.iter().try_fold(&self.root, |value, step| match value.get_ref() {
            DeValue::Table(table) => table.get(*step),
            DeValue::Array(array) => array.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or_default();
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let hint =
            if message.contains("escape") { "; write paths in single quotes: 'C:\\folder'" } else { "" };
        let show = if self.is_suspicious(&span, 3) { Show::Nothing } else { Show::Line };
        self.found.push(Problem::new(&C002, vec![message + hint]).at(self.source, span, show));
    }

    fn unknown(&mut self, key: &Spanned<toml::de::DeString<'a>>, known: &[String]) {
        let name = key.get_ref();
        let args = vec![name.to_string(), nearest(name, known)];
        self.found.push(Problem::new(&C003, args).at(self.source, key.span(), Show::Span));
    }

    fn wrong(
        &mut self,
        key: &Spanned<toml::de::DeString<'a>>,
        value: &Spanned<DeValue<'a>>,
        error: &toml::de::Error,
    ) {
        let name = key.get_ref().to_string();
        if SECRET_KEYS.contains(&name.as_str()) {
            self.found.push(Problem::new(&C014, vec![name]).at(self.source, key.span(), Show::Span));
            return;
        }
        let span = error.span().unwrap_or_else(|| value.span());
        let message = match error.message().lines().next().unwrap_or_default() {
            sequence if sequence.contains("expected a sequence") && value.get_ref().is_table() => {
                format!("write it with two brackets, [[{name}]], once for each")
            }
            message => message.to_owned(),
        };
        let show = self.show(&span, false);
        self.found.push(Problem::new(&C004, vec![name, message]).at(self.source, span, show));
    }

    fn show(&self, span: &Range<usize>, secret: bool) -> Show {
        if secret || self.is_suspicious(span, 0) { Show::Span } else { Show::Line }
    }

    /// Whether a secret may stand in the lines of a span or in some lines before it.
    fn is_suspicious(&self, span: &Range<usize>, lines_before: usize) -> bool {
        let text = &self.source.text;
        let before = text.get(..span.start).unwrap_or(text);
        let start = before.rmatch_indices('\n').nth(lines_before).map_or(0, |(at, _)| at + 1);
        let after = text.get(span.end..).unwrap_or_default();
        let end = after.find('\n').map_or(text.len(), |at| span.end + at);
        let lines = text.get(start..end).unwrap_or(text).to_lowercase();
        SECRET_WORDS.iter().any(|word| lines.contains(word))
    }
}

/// Makes `T` of a table.
pub(super) fn deserialize<T: DeserializeOwned>(table: DeTable<'_>) -> Result<T, toml::de::Error> {
    T::deserialize(ValueDeserializer::from(Spanned::new(0..0, DeValue::Table(table))))
}

fn read_alone<'a, T: DeserializeOwned>(
    key: &Spanned<toml::de::DeString<'a>>,
    value: &Spanned<DeValue<'a>>,
) -> Result<(), toml::de::Error> {
    let mut table = DeTable::new();
    table.insert(key.clone(), value.clone());
    deserialize::<T>(table).map(drop)
}

/// The name nearest to one that is not known.
pub(super) fn nearest<S: AsRef<str>>(name: &str, known: &[S]) -> String {
    let likeness = |known: &&S| strsim::jaro_winkler(&name.to_lowercase(), known.as_ref());
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.map(|best| best.as_ref().to_owned()).unwrap_or_default()
}

/// The keys of a struct, by its schema.
fn keys_of<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T);
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}

/// A day may be written with or without quotes.
fn quote_days(table: &mut DeTable<'_>) {
    for (_, value) in table.iter_mut() {
        quote_days_in(value.get_mut());
    }
}

fn quote_days_in(value: &mut DeValue<'_>) {
    match value {
        DeValue::Datetime(day) => *value = DeValue::String(day.to_string().into()),
        DeValue::Array(array) => array.iter_mut().for_each(|value| quote_days_in(value.get_mut())),
        DeValue::Table(table) => quote_days(table),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raw::{RawDrop, RawFile, RawLedger};
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { path: "rxdrop.toml".into(), text: text.to_owned() })
    }

    #[test]
    fn each_key_is_judged_by_itself() {
        let source = source("[ledger]\nurl = 5\ninstallation = \"x\"\ninstalation = 1\n");
        let mut document = Document::parse(&source);
        document.read::<RawLedger>(&["ledger"]);
        let mut codes: Vec<_> = document.found.iter().map(|problem| problem.code.code).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["C003", "C004", "C004"]);
        let unknown = document.found.iter().find(|problem| problem.code.code == "C003").unwrap();
        assert_eq!(unknown.args, ["instalation", "installation"]);
        assert_eq!(unknown.line_column(), Some((4, 1)));
    }

    #[test]
    fn several_mistakes_of_syntax_are_all_found() {
        let source = source("a = \nb = 1\nc = = 2\n");
        let document = Document::parse(&source);
        let lines: Vec<_> =
            document.found.iter().filter_map(Problem::line_column).map(|(line, _)| line).collect();
        assert!(lines.contains(&1) && lines.contains(&3), "{lines:?}");
    }

    #[test]
    fn a_day_needs_no_quotes() {
        let source = source("[[drop]]\nsince = 2026-11-21\n[[drop]]\nsince = \"2026-11-22\"\n");
        let mut document = Document::parse(&source);
        assert_eq!(document.count(&["drop"]), 2);
        let (first, _) = document.read::<RawDrop>(&["drop", "0"]);
        let (second, _) = document.read::<RawDrop>(&["drop", "1"]);
        assert_eq!(second.since.unwrap() - first.since.unwrap(), chrono::TimeDelta::days(1));
        assert!(document.found.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[\\[\\]a-z=\"'\\n\\\\{}.# 0-9]{0,80}") {
            let source = source(&text);
            let mut document = Document::parse(&source);
            document.read::<RawFile>(&[]);
            for problem in &document.found {
                prop_assert!(problem.render(crate::model::Lang::Bg, false).contains("C0"));
            }
        }
    }
}
