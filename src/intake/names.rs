//! Names: of our own files beside an input, and of what is no input.
//!
//! `deliveries.csv` is reported in `deliveries.csv.result.csv`. Before the kind may stand, in this order,
//! a time (`20261121-0230`: of a former file of the same name, `20261121-0230-2` of the second one of that minute;
//! `changed-20261121-0230`: of a report that
//! a person changed) and a number from 2 (`2`: the plain name could not be written).

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::model::names::is_invisible;

/// Longest name of a file in bytes on common file systems.
const MOST_NAME_BYTES: usize = 255;

/// Longest path in characters that Excel opens.
const MOST_PATH_CHARS: usize = 218;

/// Highest number in a name.
pub const HIGHEST_NUMBER: u32 = 999;

/// The longest that is ever put behind an input's name.
const LONGEST_SUFFIX: usize = ".changed-20261121-0230.999.receipt.json".len();

/// What a cut name ends in: `~` and 8 characters of the hash of the whole name.
const CUT_SUFFIX: usize = 9;

/// A kind of file that we write beside an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Report {
    /// All rows of a text file.
    ResultCsv,
    /// All rows of a workbook.
    ResultXlsx,
    /// The refused rows of a text file.
    ErrorsCsv,
    /// The refused rows, for people.
    ErrorsXlsx,
    /// For programs.
    Receipt,
    /// Why a file waits.
    Notice,
}

impl Report {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::ResultCsv, Self::ResultXlsx, Self::ErrorsCsv, Self::ErrorsXlsx, Self::Receipt, Self::Notice];

    /// What a name of this kind ends in, without the dot before it.
    pub fn ending(self) -> &'static str {
        match self {
            Self::ResultCsv => "result.csv",
            Self::ResultXlsx => "result.xlsx",
            Self::ErrorsCsv => "errors.csv",
            Self::ErrorsXlsx => "errors.xlsx",
            Self::Receipt => "receipt.json",
            Self::Notice => "notice.txt",
        }
    }

    /// Whether a person may repair it and leave it for us to take.
    pub fn is_errors(self) -> bool {
        matches!(self, Self::ErrorsCsv | Self::ErrorsXlsx)
    }
}

/// The name of one of our files, in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReportName {
    /// The input's name as [`stem`] gives it.
    pub stem: String,
    /// A person changed this report: it was renamed and a new one written.
    pub changed: bool,
    /// The time before the kind, `YYYYMMDD-HHMM`, with `-N` from the second of a minute on.
    pub period: Option<String>,
    /// The number before the kind, 2 to 999.
    pub numbered: Option<u32>,
    /// Its kind.
    pub kind: Report,
}

impl fmt::Display for ReportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stem)?;
        if let Some(period) = &self.period {
            write!(f, ".{}{period}", if self.changed { "changed-" } else { "" })?;
        }
        if let Some(number) = self.numbered {
            write!(f, ".{number}")?;
        }
        write!(f, ".{}", self.kind.ending())
    }
}

/// The name of a report of an input.
///
/// `period` (`YYYYMMDD-HHMM`) is the time of receipt of a former file of that name; `folder_chars` is the
/// length of the folder's path. A `numbered` below 2 is the plain name.
pub fn report_name(
    input: &str,
    kind: Report,
    numbered: Option<u32>,
    period: Option<&str>,
    folder_chars: usize,
) -> String {
    let numbered = numbered.filter(|number| *number >= 2);
    let stem = stem(input, folder_chars).into_owned();
    ReportName { stem, changed: false, period: period.map(str::to_owned), numbered, kind }.to_string()
}

/// The name that a report takes which a person changed, at a time (`YYYYMMDD-HHMM`):
/// `deliveries.csv.changed-20261121-0230.result.csv`.
pub fn changed_name(report: &ReportName, at: &str) -> String {
    ReportName { changed: true, period: Some(at.to_owned()), ..report.clone() }.to_string()
}

/// What all names of an input's reports begin with: its whole name, or where the longest of them would
/// pass 255 bytes or its path 218 characters, its beginning with `~` and 8 characters of its hash.
pub fn stem(input: &str, folder_chars: usize) -> Cow<'_, str> {
    let most_bytes = MOST_NAME_BYTES - LONGEST_SUFFIX;
    let most_chars = MOST_PATH_CHARS.saturating_sub(LONGEST_SUFFIX + folder_chars + 1);
    if input.len() <= most_bytes && length(input) <= most_chars {
        return Cow::Borrowed(input);
    }
    let mut cut = String::new();
    let (mut bytes, mut chars) = (CUT_SUFFIX, CUT_SUFFIX);
    for letter in input.chars() {
        bytes += letter.len_utf8();
        chars += letter.len_utf16();
        if bytes > most_bytes || chars > most_chars {
            break;
        }
        cut.push(letter);
    }
    cut.push('~');
    for byte in Sha256::digest(input.as_bytes()).iter().take(4) {
        let _ = write!(cut, "{byte:02x}");
    }
    Cow::Owned(cut)
}

/// Characters as Excel counts them in a path.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The parts of a name that could be one of ours. Whether it is, the ledger knows: a person may name an
/// export so, and an input may itself be called `a.2`.
pub fn parse_report_name(name: &str) -> Option<ReportName> {
    let kind = Report::ALL.into_iter().find(|kind| without_ending(name, kind.ending()).is_some())?;
    let mut rest = without_ending(name, kind.ending())?;
    let mut numbered = None;
    if let Some((before, number)) = last_part(rest, number_of) {
        (rest, numbered) = (before, Some(number));
    }
    let (mut changed, mut period) = (false, None);
    if let Some((before, mark)) = last_part(rest, period_of) {
        rest = before;
        (changed, period) = (mark.0, Some(mark.1));
    }
    Some(ReportName { stem: rest.to_owned(), changed, period, numbered, kind })
}

fn without_ending<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    name.strip_suffix(ending)?.strip_suffix('.').filter(|rest| !rest.is_empty())
}

/// What stands behind the last dot, if it reads so and something stands before it.
fn last_part<'a, T>(name: &'a str, read: impl Fn(&'a str) -> Option<T>) -> Option<(&'a str, T)> {
    let (before, part) = name.rsplit_once('.')?;
    (!before.is_empty()).then_some(())?;
    Some((before, read(part)?))
}

fn number_of(part: &str) -> Option<u32> {
    let number: u32 = part.parse().ok()?;
    ((2..=HIGHEST_NUMBER).contains(&number) && number.to_string() == part).then_some(number)
}

/// Whether it marks a changed report, and the time.
fn period_of(part: &str) -> Option<(bool, String)> {
    let time = part.strip_prefix("changed-").unwrap_or(part);
    let (day, minute) = time.split_once('-')?;
    let (minute, again) =
        minute.split_once('-').map_or((minute, None), |(minute, again)| (minute, Some(again)));
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let counted = again.is_none_or(|again| number_of(again).is_some());
    (digits(day, 8) && digits(minute, 4) && counted).then(|| (time.len() < part.len(), time.to_owned()))
}

/// Whether a file under one of our names is one of ours, and so no input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// It is: as it was written, or changed and to be renamed.
    Ours,
    /// It is while its bytes are those that the ledger knows it wrote; a changed errors file is an input.
    WhileUnchanged,
    /// It is if a receipt beside it names its bytes: another ledger of ours wrote it.
    IfNamed,
    /// It is a person's.
    Input,
}

impl Own {
    /// `written`: the ledger knows that it wrote a report of that name.
    pub fn of(report: &ReportName, written: bool) -> Self {
        if report.changed || matches!(report.kind, Report::Receipt | Report::Notice) {
            return Self::Ours;
        }
        match (written, report.kind.is_errors()) {
            (true, true) => Self::WhileUnchanged,
            (true, false) => Self::Ours,
            (false, true) => Self::Input,
            (false, false) => Self::IfNamed,
        }
    }
}

/// What a name alone says of a file in a drop folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Never taken under that name.
    Bad,
    /// No input, and nobody's concern.
    Ignored,
    /// It may be an input; with the parts of the name, if it is one that a report of ours could have.
    Candidate(Option<ReportName>),
}

/// What a name alone says.
pub fn named(name: &str) -> Named {
    if is_bad(name) {
        Named::Bad
    } else if is_ignored(name) {
        Named::Ignored
    } else {
        Named::Candidate(parse_report_name(name))
    }
}

/// A name fit to be shown: characters that are invisible, change the direction of reading or break the
/// line stand as `[U+202E]`.
pub fn escaped(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_control() || is_invisible(letter) {
            let _ = write!(shown, "[U+{:04X}]", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Whether a name belongs to a temporary, hidden, system or lock file, or to the service itself.
pub fn is_ignored(name: &str) -> bool {
    let name = name.to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    name.starts_with('.')
        || name.starts_with("_rxdrop")
        || is_lock(&name)
        || ends(&[".tmp", ".part", ".crdownload"])
        || ["thumbs.db", "desktop.ini"].contains(&name.as_str())
}

/// Whether a name is that of an Office lock file.
pub(super) fn is_lock(name: &str) -> bool {
    name.starts_with("~$") || name.starts_with(".~lock.") && name.ends_with('#')
}

/// The names, in lower case, that a lock file of an input can have. Excel puts `~$` before the name, Word
/// puts it in place of up to two letters of a longer one, `LibreOffice` wraps it.
pub(super) fn locks_of(name: &str) -> impl Iterator<Item = String> {
    let name = name.to_lowercase();
    // Short names are whole in a lock's name: else the lock of `2.csv` would hold `12.csv` too.
    let stem = name.split('.').next().unwrap_or_default().chars().count();
    let office = (0..=stem.saturating_sub(6).min(2)).filter_map({
        let name = name.clone();
        move |left_out| {
            let start = name.char_indices().nth(left_out)?.0;
            Some(format!("~${}", name.get(start..)?))
        }
    });
    office.chain([format!(".~lock.{name}#")])
}

/// Whether a name hides what it is or leads elsewhere on some system: control, invisible and direction
/// characters, `\`, `/` and `:`, a dot or blank at the end, names of Windows devices.
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file>)
fn is_bad(name: &str) -> bool {
    name.chars()
        .any(|letter| letter.is_control() || is_invisible(letter) || matches!(letter, '\\' | '/' | ':'))
        || name.ends_with(['.', ' '])
        || is_device(name)
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_uppercase();
    let numbered = |prefix| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|number| {
            matches!(number, "¹" | "²" | "³") || matches!(number.as_bytes(), [b'1'..=b'9'])
        })
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_as_promised() {
        let name = |input, kind, numbered, period| report_name(input, kind, numbered, period, 20);
        assert_eq!(name("deliveries.csv", Report::ResultCsv, None, None), "deliveries.csv.result.csv");
        assert_eq!(name("deliveries.csv", Report::ErrorsXlsx, None, None), "deliveries.csv.errors.xlsx");
        assert_eq!(name("deliveries.csv", Report::ResultCsv, Some(2), None), "deliveries.csv.2.result.csv");
        assert_eq!(name("a.xlsx", Report::Receipt, Some(1), None), "a.xlsx.receipt.json");
        let period = Some("20261121-0230");
        assert_eq!(
            name("export.csv", Report::ResultCsv, None, period),
            "export.csv.20261121-0230.result.csv"
        );
        let report = parse_report_name("deliveries.csv.result.csv").unwrap();
        assert_eq!(changed_name(&report, "20261121-0230"), "deliveries.csv.changed-20261121-0230.result.csv");
    }

    #[test]
    fn names_are_known_again_with_their_parts() {
        let parse =
            |name| parse_report_name(name).map(|name| (name.stem, name.changed, name.period, name.numbered));
        let plain = |stem: &str| Some((stem.to_owned(), false, None, None));
        assert_eq!(parse("a.csv.result.csv"), plain("a.csv"));
        assert_eq!(parse("a.csv.1.notice.txt"), plain("a.csv.1"), "numbers begin at 2");
        assert_eq!(parse("a.csv.02.notice.txt"), plain("a.csv.02"));
        let time = Some("20261121-0230".to_owned());
        assert_eq!(
            parse("a.csv.20261121-0230.3.errors.csv"),
            Some(("a.csv".into(), false, time.clone(), Some(3)))
        );
        let second = Some("20261121-0230-2".to_owned());
        assert_eq!(parse("a.csv.20261121-0230-2.receipt.json"), Some(("a.csv".into(), false, second, None)));
        assert_eq!(parse("a.csv.20261121-0230-1.notice.txt"), plain("a.csv.20261121-0230-1"));
        assert_eq!(parse("a.csv.changed-20261121-0230.result.csv"), Some(("a.csv".into(), true, time, None)));
        for other in
            ["result.csv", ".result.csv", "a.csv", "aresult.csv", "a.csv.result.csv.bak", "a.RESULT.csv"]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn long_names_are_cut_alike_for_all_reports() {
        let long = "доставки ".repeat(14) + ".csv";
        let stem = stem(&long, 30);
        assert!(stem.len() < long.len() && stem.contains('~'), "{stem}");
        for kind in Report::ALL {
            let name = report_name(&long, kind, None, None, 30);
            assert!(name.starts_with(&*stem));
            assert_eq!(parse_report_name(&name).unwrap().stem, *stem);
        }
        let twin = long.replace(".csv", ".xls");
        assert_ne!(super::stem(&twin, 30), stem, "the hash tells names apart that differ at the end");
    }

    #[test]
    fn a_name_is_cut_where_the_path_is_too_long_for_excel() {
        let name = "deliveries-2026-11-21.csv";
        assert_eq!(stem(name, 150), name);
        let longest = 218 - 1 - LONGEST_SUFFIX - name.len();
        assert_eq!(stem(name, longest), name);
        assert_ne!(stem(name, longest + 1), name);
    }

    #[test]
    fn locks_of_a_file_are_found_by_its_name() {
        let locks: Vec<_> = locks_of("Доставки.xlsx").collect();
        assert_eq!(locks, ["~$доставки.xlsx", "~$оставки.xlsx", "~$ставки.xlsx", ".~lock.доставки.xlsx#"]);
        assert_eq!(locks_of("12.csv").collect::<Vec<_>>(), ["~$12.csv", ".~lock.12.csv#"]);
    }

    #[test]
    fn device_names_are_told_from_names_that_begin_so() {
        for bad in ["CON.csv", "aux", "com1.txt", "LPT9.a.b", "NUL .csv", "com².csv"] {
            assert!(is_bad(bad), "{bad}");
        }
        for good in ["CONTROL.csv", "com10.csv", "com.csv", "a-con.csv", "доставки (1).csv", "-x", "%2e"]
        {
            assert!(!is_bad(good), "{good}");
        }
    }

    proptest! {
        #[test]
        fn a_report_name_is_legal_and_parses_to_itself(
            input in "[^/\\x00]{1,255}", folder in 0_usize..400, number in prop::option::of(0..=HIGHEST_NUMBER),
            period in prop::option::of("[0-9]{8}-[0-9]{4}(-[2-9])?"), kind in 0_usize..6,
        ) {
            let name = report_name(&input, Report::ALL[kind], number, period.as_deref(), folder);
            prop_assert!(name.len() <= 255);
            if folder < 160 {
                prop_assert!(folder + 1 + length(&name) <= 218, "{}", name);
            }
            let parsed = parse_report_name(&name).unwrap();
            prop_assert_eq!(parsed.to_string(), name);
            prop_assert_eq!(parsed.kind, Report::ALL[kind]);
            prop_assert!(changed_name(&parsed, "20261121-0230").len() <= 255);
        }

        #[test]
        fn whatever_parses_is_written_the_same(name in "([a-z.0-9~-]|result|errors|receipt|changed-|20261121-0230|\\.csv|\\.2){0,20}\\.result\\.csv") {
            if let Some(parsed) = parse_report_name(&name) {
                prop_assert_eq!(parsed.to_string(), name);
            }
        }

        #[test]
        fn no_name_is_shown_with_invisible_characters(name in "\\PC*|[\\x00-\\x1F\\u{202A}-\\u{202E}a]{0,9}") {
            prop_assert!(!escaped(&name).chars().any(|letter| letter.is_control() || is_invisible(letter)));
        }
    }
}
