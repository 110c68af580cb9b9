//! Lists that a mapping looks values up in: own warehouses and their postcodes, articles and their numbers.

use std::sync::Arc;

use compact_str::CompactString;

use super::columns::{Columns, Found};
use super::problem::{At, Problems, hint};
use super::wording::Wording;
use crate::table::Header;

/// A list as read from its file.
#[derive(Debug, Clone, Default)]
pub struct LookupTable {
    /// Names of its columns.
    pub headers: Vec<String>,
    /// Its rows; short ones end in empty cells.
    pub rows: Vec<Vec<String>>,
}

/// Rows of one list; more would take memory that a converter of files has no use for.
const ROWS: usize = 1_000_000;

/// Between the parts of a key.
pub(super) const DIVIDER: char = '\u{1f}';

/// The list of one field: keys and what they stand for.
pub(super) type List = Wording<CompactString>;

/// Makes the list a field looks up in, from the columns it names.
pub(super) fn list(
    table: &LookupTable,
    file: &At<String>,
    from: &[At<String>],
    to: &At<String>,
    problems: &mut Problems,
) -> Option<Arc<List>> {
    if table.rows.len() > ROWS {
        problems
            .add(&file.span, format!("`{}` has more than {ROWS} rows; a list may have no more", file.value));
        return None;
    }
    let keys: Vec<_> = from.iter().filter_map(|name| column(table, file, name, problems)).collect();
    let to = column(table, file, to, problems)?;
    if keys.len() != from.len() {
        return None;
    }
    let mut list = Wording::new();
    let mut key = CompactString::default();
    for (number, row) in table.rows.iter().enumerate() {
        let cell = |index: &usize| row.get(*index).map_or("", |cell| cell.trim());
        join(&mut key, keys.iter().map(cell));
        if key.is_empty() {
            continue;
        }
        if list.insert(&key, CompactString::new(cell(&to))).is_some() {
            let shown = key.replace(DIVIDER, " / ");
            let message = "stands in it twice with different values; a key must have one";
            problems
                .add(&file.span, format!("`{}`, data row {}: `{shown}` {message}", file.value, number + 1));
            return None;
        }
    }
    Some(Arc::new(list))
}

/// The text of a key of several cells: trimmed, whole numbers without `.0`; empty where all are.
pub(super) fn join<'a>(key: &mut CompactString, parts: impl Iterator<Item = &'a str>) {
    key.clear();
    let mut empty = true;
    for (index, part) in parts.enumerate() {
        if index > 0 {
            key.push(DIVIDER);
        }
        let part = without_zero_fraction(part);
        empty &= part.is_empty();
        key.push_str(part);
    }
    if empty {
        key.clear();
    }
}

/// `12.0`, as some programs write the whole number 12.
pub(super) fn without_zero_fraction(text: &str) -> &str {
    if !text.ends_with('0') {
        return text;
    }
    let Some((whole, fraction)) = text.split_once('.') else { return text };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_zero = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    if is_whole && is_zero { whole } else { text }
}

fn column(
    table: &LookupTable,
    file: &At<String>,
    name: &At<String>,
    problems: &mut Problems,
) -> Option<usize> {
    let header = |(index, name): (usize, &String)| Header { name: name.trim().into(), index };
    let headers: Vec<_> = table.headers.iter().enumerate().map(header).collect();
    match Columns::of(&headers).find(&name.value) {
        Found::Column { index, .. } => return Some(index),
        Found::Missing => {
            let hint = hint(&name.value, table.headers.iter().map(String::as_str));
            problems.add(&name.span, format!("`{}` has no column `{}`; {hint}", file.value, name.value));
        }
        Found::Several(letters) => {
            let letters = letters.join(", ");
            problems
                .add(&name.span, format!("`{}` has several columns `{}`: {letters}", file.value, name.value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At<String> {
        At { value: text.to_owned(), span: 0..1 }
    }

    fn table(headers: &[&str], rows: &[&[&str]]) -> LookupTable {
        let texts = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        LookupTable { headers: texts(&headers), rows: rows.iter().map(texts).collect() }
    }

    #[test]
    fn keys_of_several_columns_meet_whatever_the_program_made_of_numbers() {
        let table = table(&["item", "wh", "qty"], &[&["10.0", "СФ", "5"], &["", "", "9"], &["11", "СФ"]]);
        let mut problems = Problems::default();
        let list = list(&table, &at("s.csv"), &[at("item"), at("WH")], &at("qty"), &mut problems).unwrap();
        let mut key = CompactString::default();
        join(&mut key, ["10", "сф"].into_iter());
        assert_eq!(list.find(&key).map(CompactString::as_str), Some("5"));
        join(&mut key, ["11", "СФ"].into_iter());
        assert_eq!(list.find(&key).map(CompactString::as_str), Some(""));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_list_that_contradicts_itself_or_lacks_a_column_is_a_mistake() {
        let twice = table(&["code", "to"], &[&["1", "a"], &["1", "a"], &["1", "b"]]);
        let mut problems = Problems::default();
        assert!(list(&twice, &at("s.csv"), &[at("code")], &at("to"), &mut problems).is_none());
        assert!(list(&twice, &at("s.csv"), &[at("cod")], &at("too"), &mut problems).is_none());
        let drawn = problems.draw(std::path::Path::new("m.toml"), "x");
        let messages: Vec<_> = drawn.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages.len(), 3);
        assert!(messages[0].contains("data row 3: `1`"), "{}", messages[0]);
        assert!(messages[1].contains("no column `cod`; did you mean `code`?"), "{}", messages[1]);
    }

    #[test]
    fn only_whole_numbers_lose_their_fraction() {
        for (text, wanted) in [
            ("12.0", "12"),
            ("-3.00", "-3"),
            ("12.5", "12.5"),
            ("1.0.0", "1.0.0"),
            ("a.0", "a.0"),
            (".0", ".0"),
        ] {
            assert_eq!(without_zero_fraction(text), wanted);
        }
    }
}
