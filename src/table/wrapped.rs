//! Lines that stand in quotes as a whole, as a spreadsheet writes them that did not know their delimiter:
//! `"a;b;""c"""`. Their quotes are taken off before anything else is found out about the text.

use std::io::{self, BufRead, BufReader, Read};

use crate::model::{CodeInfo, Who, Words};

/// Bytes of the longest line whose quotes are taken off.
const LONGEST: u64 = 1024 * 1024;
/// Lines that are looked at.
const LINES: usize = 100;
/// What may divide the cells inside.
const DELIMITERS: [u8; 4] = [b';', b'\t', b'|', b','];

/// Whether nearly all lines of a text are such, with something to divide in them. Commas are proof only where there are
/// several, in each line as many: a column of texts may stand in quotes so.
pub(super) fn is_wrapped(text: &[u8]) -> bool {
    if text.first() != Some(&b'"') {
        return false;
    }
    let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LINES);
    let all = lines().count();
    let divides = |delimiter: u8| {
        let marks = |line: &[u8]| inside(line).map_or(0, |line| memchr::memchr_iter(delimiter, line).count());
        let usual = lines().next().map_or(0, marks);
        let fits = |marks: usize| if delimiter == b',' { marks > 1 && marks == usual } else { marks > 0 };
        lines().filter(|line| fits(marks(line))).count() * 10 >= all * 9
    };
    all > 1 && DELIMITERS.into_iter().any(divides)
}

/// What stands between the quotes of a line, its line end left out; none where they are not around the whole line.
fn inside(line: &[u8]) -> Option<&[u8]> {
    let inside = line.trim_ascii().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut quotes = inside.split(|byte| *byte != b'"').map(<[u8]>::len);
    quotes.all(|run| run % 2 == 0).then_some(inside)
}

/// Writes a line without the quotes around it; any other as it stands.
fn write_unwrapped(line: &[u8], out: &mut Vec<u8>) {
    let Some(inside) = inside(line) else { return out.extend_from_slice(line) };
    let mut doubled = false;
    for byte in inside {
        doubled = *byte == b'"' && !doubled;
        if !doubled {
            out.push(*byte);
        }
    }
    let ended = line.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    out.extend_from_slice(line.get(ended..).unwrap_or_default());
}

/// A text without the quotes around its lines.
pub(super) fn unwrapped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    text.split_inclusive(|byte| *byte == b'\n').for_each(|line| write_unwrapped(line, &mut out));
    out
}

/// The same of a stream.
pub(super) struct Unwrapped {
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
}

impl Unwrapped {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input: BufReader::new(input), line: Vec::new(), ready: Vec::new(), given: 0 }
    }
}

impl Read for Unwrapped {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.line.clear();
            self.input.by_ref().take(LONGEST).read_until(b'\n', &mut self.line)?;
            self.ready.clear();
            self.given = 0;
            write_unwrapped(&self.line, &mut self.ready);
        }
        let read = self.ready.get(self.given..).unwrap_or_default().read(out)?;
        self.given += read;
        Ok(read)
    }
}

/// Quotes around whole lines.
pub(super) static W120: CodeInfo = CodeInfo {
    code: "W120",
    who: Who::User,
    bg: Words {
        message: "редовете на файла стоят в кавички като цяло и се четат без тях; проверете дали клетките в отчета са подредени \
                  вярно",
        why: "Така записва таблична програма, която е отворила файла с друг разделител и го е запазила: всеки ред е станал една \
              клетка.",
        example: "\"31.08.2026;2415;5\"",
        repair: "Нищо не е нужно. По-сигурно е файлът да не се отваря и записва, преди да се постави в папката.",
    },
    en: Words {
        message: "the file's lines stand in quotes as a whole and are read without them; see whether the cells in the report are \
                  in order",
        why: "A spreadsheet writes so that opened the file with another delimiter and saved it: each line became one cell.",
        example: "\"31.08.2026;2415;5\"",
        repair: "Nothing is needed. It is safer not to open and save the file before it is dropped.",
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\"Код;Име\"\r\n\"1;\"\"а;б\"\"\"\r\n\"2;\"\r\nбез\n\"3;x\"";

    #[test]
    fn quotes_around_lines_are_taken_off() {
        let read = "Код;Име\r\n1;\"а;б\"\r\n2;\r\nбез\n3;x";
        assert_eq!(unwrapped(TEXT.as_bytes()), read.as_bytes());
        let mut streamed = String::new();
        Unwrapped::new(Box::new(io::Cursor::new(TEXT))).read_to_string(&mut streamed).unwrap();
        assert_eq!(streamed, read);
    }

    #[test]
    fn quotes_around_cells_are_none_around_lines() {
        assert!(is_wrapped(b"\"a;b\"\n\"1;\"\"x\"\"\"\n"));
        for text in [
            "\"a\";\"b\"\n\"1\";\"2\"\n",
            "\"име, форма\"\n\"йод, разтвор\"\n",
            "\"a\"\n\"b\"\n",
            "\"a;b\"\n",
            "\"a\";b\n1;\"x;y\"\n",
            "a;b\n\"1;2\"\n",
        ] {
            assert!(!is_wrapped(text.as_bytes()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_wrapped_is_there_again(lines in proptest::collection::vec("[a;\"ж ]{0,6}x", 1..6)) {
            let text = lines.join("\n");
            let wrap = |line: &String| format!("\"{}\"", line.replace('"', "\"\""));
            let wrapped = lines.iter().map(wrap).collect::<Vec<_>>().join("\n");
            proptest::prop_assert_eq!(unwrapped(wrapped.as_bytes()), text.as_bytes());
        }
    }
}
