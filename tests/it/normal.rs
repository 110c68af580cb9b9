//! What differs from run to run is replaced before files are compared. The whole list:
//!
//! | what | becomes |
//! |---|---|
//! | the ledger's id, as in `rx_ref` | `LEDGER` |
//! | numbers we issued, `1` and twelve digits of which the first six are a day | `1YYMMDD` and the last six |
//! | times, as RFC 3339 with offset, `YYYY-MM-DD HH:MM:SS`, `dd.mm.yyyy HH:MM` | `TIME` |
//! | times in names of files, `.20261121-0230.`, `.20261121-0230-2.` | `.TIME.` |
//! | SHA-256 in hex | `SHA256` |
//! | `127.0.0.1:` and a port | `127.0.0.1:PORT` |
//! | the temporary folder | `DIR` |
//! | CRLF | LF |

use std::path::Path;
use std::sync::OnceLock;

use regex::Regex;

use super::place::Place;
use super::sheet;

/// A file as it is compared: text, a workbook's sheets as tab-separated text.
pub(crate) fn file(place: &Place, path: &Path) -> String {
    let text = if path.extension().is_some_and(|extension| extension == "xlsx") {
        sheet::sheets(path).into_iter().map(|(name, rows)| shown(&name, &rows)).collect()
    } else {
        sheet::decoded(&std::fs::read(path).unwrap())
    };
    self::text(place, &text)
}

fn shown(name: &str, rows: &[Vec<String>]) -> String {
    let lines = rows.iter().map(|row| row.join("\t").replace('\n', "⏎").trim_end().to_owned() + "\n");
    format!("[{name}]\n{}", lines.collect::<String>())
}

/// Replaces what varies.
pub(crate) fn text(place: &Place, text: &str) -> String {
    let mut text = text.replace("\r\n", "\n").replace(&*place.dir().to_string_lossy(), "DIR");
    for (pattern, by) in patterns() {
        text = pattern.replace_all(&text, *by).into_owned();
    }
    text
}

fn patterns() -> &'static [(Regex, &'static str)] {
    static PATTERNS: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        [
            (r"\b[0-9a-f]{64}\b", "SHA256"),
            (r"\d{8}-\d{4}(-\d)?\.", "TIME."),
            (r"\b[0-9a-f]{8}-(\d+-\d+)\b", "LEDGER-$1"),
            (r"\b1\d{6}(\d{6})\b", "1YYMMDD$1"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
            (r"\d\d\.\d\d\.\d{4}( г\.)?,? \d\d:\d\d(:\d\d)?", "TIME"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        ]
        .into_iter()
        .map(|(pattern, by)| (Regex::new(pattern).unwrap(), by))
        .collect()
    })
}
