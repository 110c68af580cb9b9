//! Delimited text of every dialect: delimiters of several characters, either quote, quotes escaped by a backslash.
//!
//! The common dialect has a faster way in `records.rs`; the rules are the same. A quote means something only at
//! the beginning of a cell; what stands behind its closing quote belongs to the cell and is odd.

/// Which quotes a file's cells stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Quote {
    /// `"`
    Double,
    /// `'`
    Single,
}

impl Quote {
    pub(super) fn byte(self) -> u8 {
        if self == Self::Double { b'"' } else { b'\'' }
    }
}

/// How a text file divides its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    /// ASCII, one character or a few.
    pub(super) delimiter: Vec<u8>,
    pub(super) quote: Quote,
    /// A backslash makes the quote behind it a letter; otherwise a quote is doubled.
    pub(super) backslash: bool,
}

/// A record read as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) cells: Vec<String>,
    /// Cells that stood in quotes.
    pub(super) quoted: usize,
    /// A quote is opened and not closed, or something stands behind a closed one.
    pub(super) stray: bool,
    /// A line end stands outside of quotes.
    pub(super) loose_line: bool,
}

/// Where a quoted cell ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The closing quote.
    At(usize),
    /// Not in these bytes.
    Open,
}

impl Dialect {
    /// The usual one with this delimiter.
    pub(super) fn plain(delimiter: u8) -> Self {
        Self { delimiter: vec![delimiter], quote: Quote::Double, backslash: false }
    }

    /// The delimiter of the usual dialect; none for every other.
    pub(super) fn as_plain(&self) -> Option<u8> {
        match self.delimiter[..] {
            [delimiter] if self.quote == Quote::Double && !self.backslash => Some(delimiter),
            _ => None,
        }
    }

    pub(super) fn divides(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(&self.delimiter)
    }

    /// Whether a cell ends here.
    fn ends_at(&self, bytes: &[u8], at: usize) -> bool {
        let behind = bytes.get(at..).unwrap_or_default();
        behind.is_empty() || self.divides(behind) || matches!(behind, [b'\n' | b'\r', ..])
    }

    /// The quote that closes the one before `from`. A quote that is not followed by the end of a cell may be one
    /// too many inside it: the first that is wins, within the line.
    pub(super) fn close(&self, bytes: &[u8], from: usize) -> Close {
        let quote = self.quote.byte();
        let mut at = from;
        let mut first = None;
        while let Some(byte) = bytes.get(at) {
            let next = bytes.get(at + 1);
            match byte {
                b'\\' if self.backslash => at += 1,
                byte if *byte == quote && next == Some(&quote) && !self.backslash => at += 1,
                byte if *byte == quote => {
                    if self.ends_at(bytes, at + 1) {
                        return Close::At(at);
                    }
                    first = first.or(Some(at));
                }
                b'\n' | b'\r' if first.is_some() => break,
                _ => {}
            }
            at += 1;
        }
        first.map_or(Close::Open, Close::At)
    }
}

/// Cells of one record, without its line end.
pub(super) fn split(record: &str, dialect: &Dialect) -> Split {
    let bytes = record.as_bytes();
    let mut split = Split::default();
    let mut at = 0;
    loop {
        let mut cell = String::new();
        if bytes.get(at) == Some(&dialect.quote.byte()) {
            match dialect.close(bytes, at + 1) {
                // Text behind the closing quote: the quotes are letters of a name, such as `"Здраве" ООД`.
                Close::At(end) if !dialect.ends_at(bytes, end + 1) => split.stray = true,
                Close::At(end) => {
                    split.quoted += 1;
                    cell = unescaped(record.get(at + 1..end).unwrap_or_default(), dialect);
                    at = end + 1;
                }
                Close::Open => split.stray = true,
            }
        }
        let rest = record.get(at..).unwrap_or_default();
        let delimiter = std::str::from_utf8(&dialect.delimiter).unwrap_or_default();
        let end = if delimiter.is_empty() { None } else { rest.find(delimiter) };
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        split.loose_line |= text.contains(['\n', '\r']);
        cell.push_str(text);
        split.cells.push(cell);
        match end {
            Some(end) => at += end + delimiter.len(),
            None => return split,
        }
    }
}

fn unescaped(text: &str, dialect: &Dialect) -> String {
    let quote = char::from(dialect.quote.byte());
    if !dialect.backslash {
        return text.replace(&format!("{quote}{quote}"), &quote.to_string());
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let escaped = letter == '\\' && letters.peek().is_some_and(|next| *next == quote || *next == '\\');
        if let (true, Some(next)) = (escaped, letters.peek()) {
            out.push(*next);
            letters.next();
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &str, delimiter: &str, quote: Quote, backslash: bool) -> (Vec<String>, bool) {
        let dialect = Dialect { delimiter: delimiter.as_bytes().to_vec(), quote, backslash };
        let split = split(record, &dialect);
        (split.cells, split.stray)
    }

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn every_dialect_is_split() {
        assert_eq!(read("a;\"b;c\";", ";", Quote::Double, false), (cells(&["a", "b;c", ""]), false));
        assert_eq!(read("a, \"b, c\", d", ", ", Quote::Double, false), (cells(&["a", "b, c", "d"]), false));
        assert_eq!(read("'it''s'||x", "||", Quote::Single, false), (cells(&["it's", "x"]), false));
        assert_eq!(read(r#""a\"b\\",c\d"#, ",", Quote::Double, true), (cells(&["a\"b\\", "c\\d"]), false));
        assert_eq!(read("12\" tube;x", ";", Quote::Double, false), (cells(&["12\" tube", "x"]), false));
    }

    #[test]
    fn quotes_too_many_are_odd_and_lose_nothing() {
        assert_eq!(read("\"a\"b;c", ";", Quote::Double, false), (cells(&["\"a\"b", "c"]), true));
        assert_eq!(read("\"a;b", ";", Quote::Double, false), (cells(&["\"a", "b"]), true));
        assert_eq!(read("\"a\"b\";c", ";", Quote::Double, false), (cells(&["a\"b", "c"]), false));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(cells in proptest::collection::vec("[a';\", \\\\жЯ]{0,6}", 1..6), style in 0_usize..3) {
            let (delimiter, quote, backslash) = [(";", '"', false), (", ", '\'', false), ("||", '"', true)][style];
            let escape = |cell: &String| {
                let marked = if backslash {
                    cell.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"))
                } else {
                    cell.replace(quote, &format!("{quote}{quote}"))
                };
                format!("{quote}{marked}{quote}")
            };
            let record = cells.iter().map(escape).collect::<Vec<_>>().join(delimiter);
            let kind = if quote == '"' { Quote::Double } else { Quote::Single };
            proptest::prop_assert_eq!(read(&record, delimiter, kind, backslash).0, cells);
        }
    }
}
