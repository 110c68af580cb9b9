//! Dates as people and programs write them. A day is a civil day; only a text that states its own offset is told
//! in the wall time of the system's zone.

use std::fmt::Write as _;

use chrono::format::{Item, Numeric, Pad, Parsed, StrftimeItems, parse};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use crate::model::wide::are_digits;
use crate::model::{CodeInfo, Who, Words};
use crate::table::DayCount;

/// Is no date.
pub(super) static M020: CodeInfo = CodeInfo {
    code: "M020",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е дата; проверете дали има такъв ден и пишете датата така: {1}",
        why: "От датата зависи срокът за подаване. Неразбрана дата не се поправя по догадка: денят и месецът лесно се разменят.",
        example: "31.02.2026",
        repair: "Напишете датата както в примера; в Excel форматирайте колоната като дата.",
    },
    en: Words {
        message: "`{0}` is not a date; write it like {1}, with a day that exists and a year of four digits",
        why: "The legal window goes by the date. A date that is not understood is not repaired by guessing: day and month are easily swapped.",
        example: "31.02.2026",
        repair: "Write the date as in the example; in Excel, format the column as a date.",
    },
};

/// A workbook's bare number where a date is wanted.
pub(super) static M021: CodeInfo = CodeInfo {
    code: "M021",
    who: Who::User,
    bg: Words {
        message: "в клетката стои числото {0}, а трябва дата{1}; форматирайте колоната като дата",
        why: "Excel пази датите като поредни номера на дни. Без формат за дата не личи дали числото е дата.",
        example: "46349 вместо 23.11.2026",
        repair: "В Excel изберете колоната, задайте формат „Дата“ („Форматиране на клетки“) и запишете файла отново.",
    },
    en: Words {
        message: "the cell holds the number {0}, not a date{1}; format the column as a date",
        why: "Excel keeps dates as day numbers. Without a date format nothing says that the number is a date.",
        example: "46349 in place of 23.11.2026",
        repair: "In Excel select the column, give it a date format (Format Cells) and save the file again.",
    },
};

/// A form that dates of text cells have (strftime), ready for use.
#[derive(Debug, Clone)]
pub(super) struct Format {
    text: Box<str>,
    steps: Option<Vec<Step>>,
    items: Vec<Item<'static>>,
    /// The first year that it may give: one of two digits is of this century.
    earliest: i32,
}

/// A part of a form that is read by hand; `chrono` takes ten times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Year,
    /// Two digits, of this century.
    ShortYear,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Letter(char),
}

/// What two digits of a year are counted from.
const CENTURY: i32 = 2000;

/// Shown where an example of a date is asked for: no part can be taken for another.
fn example() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 12, 31).unwrap_or_default().and_time(NaiveTime::MIN)
}

impl Format {
    /// Checks a form: it must give a day.
    ///
    /// # Errors
    /// What is wrong with it, in English.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let items: Vec<_> = StrftimeItems::new(text).map(Item::to_owned).collect();
        if items.contains(&Item::Error) {
            return Err(format!("`{text}` is no date format; write for example `%d.%m.%Y`"));
        }
        if has_part_of_year(&items) {
            return Err(format!(
                "`{text}` has a part of a year; write `%Y`, or `%y` for 26 in place of 2026"
            ));
        }
        let is_short = items.contains(&Item::Numeric(Numeric::YearMod100, Pad::Zero));
        let earliest = if is_short { CENTURY } else { 1000 };
        let format = Self { text: text.into(), steps: steps(&items), items, earliest };
        if format.by_chrono(&format.example()).map(|at| at.date()) == Some(example().date()) {
            Ok(format)
        } else {
            Err(format!(
                "`{text}` does not give a whole date; it needs day, month and year, as `%d.%m.%Y` does"
            ))
        }
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The date a whole text is in this form.
    pub(super) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        match &self.steps {
            Some(steps) => by_hand(text, steps),
            None => {
                self.by_chrono(text).filter(|at| (self.earliest..=9999).contains(&chrono::Datelike::year(at)))
            }
        }
    }

    /// Whether its years have four digits.
    pub(super) fn has_full_year(&self) -> bool {
        self.earliest < CENTURY
    }

    /// 31 December 2026 in this form.
    pub(super) fn example(&self) -> String {
        let mut text = String::new();
        // A form with a time zone can't be written without one; it is refused, not a reason to stop.
        match write!(text, "{}", example().format_with_items(self.items.iter())) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }

    fn by_chrono(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        let day = parsed.to_naive_date().ok()?;
        Some(day.and_time(parsed.to_naive_time().unwrap_or(NaiveTime::MIN)))
    }
}

/// Without a form: `dd.mm.yyyy` (also with `г.`) and ISO, with or without time of day.
pub(super) fn read_common(text: &str) -> Option<NaiveDateTime> {
    let mut reader = Reader { rest: text.as_bytes() };
    let first = reader.number(4)?;
    let day = match (first.digits, reader.byte()?) {
        (4, b'-') => {
            let month = reader.number(2).filter(|part| part.digits == 2)?;
            reader.expect(b'-')?;
            let day = reader.number(2).filter(|part| part.digits == 2)?;
            date(first.value, month.value, day.value)?
        }
        (1 | 2, b'.') => {
            let month = reader.number(2)?;
            reader.expect(b'.')?;
            let year = reader.number(4).filter(|part| part.digits == 4)?;
            reader.year_word();
            date(year.value, month.value, first.value)?
        }
        _ => return None,
    };
    Some(day.and_time(reader.time()?))
}

/// Forms that are met seldom and can be read in one way only: ISO with an offset, told in the wall time of the
/// zone, and months by name or in Roman numerals.
pub(super) fn read_rare(text: &str, zone: Tz) -> Option<NaiveDateTime> {
    read_offset(text, zone).or_else(|| read_named(text))
}

/// `2026-08-01T10:00:00+03:00`, also with `Z`, `+0300` or `+03`.
fn read_offset(text: &str, zone: Tz) -> Option<NaiveDateTime> {
    let (text, ahead) = split_offset(text)?;
    // An offset without a time of day says nothing.
    text.get(10..).filter(|time| !time.is_empty())?;
    let moment = read_iso(text)?.checked_sub_signed(ahead)?;
    Some(zone.from_utc_datetime(&moment).naive_local())
}

/// What stands before the offset, and how far it is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, TimeDelta)> {
    if let Some(before) = text.strip_suffix(['Z', 'z']) {
        return Some((before, TimeDelta::zero()));
    }
    let (before, offset) = text.split_at_checked(text.rfind(['+', '-'])?)?;
    let mut reader = Reader { rest: offset.as_bytes() };
    let sign = if reader.byte()? == b'-' { -1 } else { 1 };
    let hours = reader.number(2).filter(|part| part.digits == 2 && part.value <= 14)?.value;
    reader.rest = reader.rest.strip_prefix(b":").unwrap_or(reader.rest);
    let minutes = match reader.number(2) {
        Some(part) => Some(part.value).filter(|minutes| part.digits == 2 && *minutes < 60)?,
        None => 0,
    };
    let ahead = TimeDelta::minutes(sign * i64::from(hours * 60 + minutes));
    reader.rest.is_empty().then(|| (before.trim_end(), ahead))
}

/// `1 август 2026 г.`, `01-авг-2026`, `1.VIII.2026`, `01-Aug-2026`.
fn read_named(text: &str) -> Option<NaiveDateTime> {
    let mut reader = Reader { rest: text.as_bytes() };
    let day = reader.number(2)?.value;
    reader.gap()?;
    let month = reader.month()?;
    reader.gap()?;
    let year = reader.number(4).filter(|part| part.digits == 4)?.value;
    reader.year_word();
    Some(date(year, month, day)?.and_time(reader.time()?))
}

/// Names of the months; their first three letters are enough, and capitals are Roman.
const MONTHS: [[&str; 3]; 12] = [
    ["януари", "january", "I"],
    ["февруари", "february", "II"],
    ["март", "march", "III"],
    ["април", "april", "IV"],
    ["май", "may", "V"],
    ["юни", "june", "VI"],
    ["юли", "july", "VII"],
    ["август", "august", "VIII"],
    ["септември", "september", "IX"],
    ["октомври", "october", "X"],
    ["ноември", "november", "XI"],
    ["декември", "december", "XII"],
];

/// The number of a month by its name, or by its first three letters or more.
pub(super) fn month_of(word: &str) -> Option<u32> {
    let low = word.to_lowercase();
    let is_long = low.chars().nth(2).is_some();
    let begins = |name: &&str| is_long && name.starts_with(&low);
    let named = |[bulgarian, english, roman]: &[&str; 3]| {
        [bulgarian, english].iter().any(|name| begins(name)) || *roman == word
    };
    (1..).zip(MONTHS).find(|(_, names)| named(names)).map(|(number, _)| number)
}

/// Whether a text is what a Bulgarian Excel shows for a code that it took for a date: `мар.26`, `01.мар`.
pub(super) fn is_excels_day(text: &str) -> bool {
    month_among_numbers(text)
        .is_some_and(|month| month.chars().all(|letter| letter.is_lowercase() && !letter.is_ascii()))
}

/// The same of any language: `Mar-26` too, which may as well be a code of its own.
pub(super) fn looks_like_excels_day(text: &str) -> bool {
    month_among_numbers(text).is_some_and(|month| {
        let mut letters = month.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
            || is_excels_day(text)
    })
}

/// The short name of a month that stands beside one or two numbers of two digits at most, or a year.
fn month_among_numbers(text: &str) -> Option<&str> {
    let text = text.trim_end_matches("г.").trim_end();
    let is_number =
        |part: &str| matches!(part.len(), 1 | 2 | 4) && part.bytes().all(|byte| byte.is_ascii_digit());
    let (mut numbers, mut word) = (0, None);
    for part in text.splitn(4, ['.', '-', '/', ' ']).filter(|part| !part.is_empty()) {
        if is_number(part) {
            numbers += 1;
        } else if word.replace(part).is_some() {
            return None;
        }
    }
    let is_short = |word: &&str| (3..=4).contains(&word.chars().count()) && month_of(word).is_some();
    word.filter(is_short).filter(|_| matches!(numbers, 1 | 2))
}

/// Whether a text may be a day at all: it begins with a figure or with the name of a month, and is no mere number.
/// Codes are told apart by it before anything dearer looks at them.
pub(super) fn may_be_day(text: &str) -> bool {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return !are_digits(text.as_bytes());
    }
    begins_with_letters(text.as_bytes())
        && month_of(text.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default()).is_some()
}

/// Whether three letters may stand first, Latin or Cyrillic ones: most codes are out with their first few bytes.
fn begins_with_letters(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, third, ..] if first.is_ascii() => {
            first.is_ascii_alphabetic() && second.is_ascii_alphabetic() && third.is_ascii_alphabetic()
        }
        [0xD0 | 0xD1, _, 0xD0 | 0xD1, _, 0xD0 | 0xD1, ..] => true,
        _ => false,
    }
}

/// The day that Excel's day number stands for (1900 system), written as people do; none outside this century.
pub(super) fn day_of_serial(text: &str, counted: DayCount) -> Option<String> {
    /// Days from the one beginning to the other.
    const BETWEEN: u32 = 1462;
    const FIRST: u32 = 36_526;
    const LAST: u32 = 73_050;
    let whole = text.split_once(['.', ',']).map_or(text, |(whole, _)| whole);
    let before = if counted == DayCount::From1904 { BETWEEN } else { 0 };
    let serial = whole.parse::<u32>().ok()?.checked_add(before)?;
    let serial = Some(serial).filter(|serial| (FIRST..=LAST).contains(serial))?;
    let first = NaiveDate::from_ymd_opt(CENTURY, 1, 1)?;
    let day = first.checked_add_days(chrono::Days::new(u64::from(serial - FIRST)))?;
    Some(day.format("%d.%m.%Y").to_string())
}

/// As a workbook's date cells are written.
pub(super) fn read_iso(text: &str) -> Option<NaiveDateTime> {
    if text.as_bytes().get(4) == Some(&b'-') { read_common(text) } else { None }
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year).ok().filter(|year| *year >= 1000)?;
    NaiveDate::from_ymd_opt(year, month, day)
}

fn has_part_of_year(items: &[Item<'_>]) -> bool {
    use chrono::format::Fixed;
    items.iter().any(|item| match item {
        Item::Numeric(Numeric::IsoYearMod100 | Numeric::YearDiv100, _) => true,
        Item::Fixed(fixed) => *fixed == Fixed::RFC2822,
        _ => false,
    })
}

/// The form in steps of our own, if it consists only of what they know.
fn steps(items: &[Item<'_>]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for item in items {
        match item {
            Item::Numeric(Numeric::Year, _) => steps.push(Step::Year),
            Item::Numeric(Numeric::YearMod100, _) => steps.push(Step::ShortYear),
            Item::Numeric(Numeric::Month, _) => steps.push(Step::Month),
            Item::Numeric(Numeric::Day, _) => steps.push(Step::Day),
            Item::Numeric(Numeric::Hour, _) => steps.push(Step::Hour),
            Item::Numeric(Numeric::Minute, _) => steps.push(Step::Minute),
            Item::Numeric(Numeric::Second, _) => steps.push(Step::Second),
            Item::Literal(text) | Item::Space(text) => steps.extend(text.chars().map(Step::Letter)),
            Item::OwnedLiteral(text) | Item::OwnedSpace(text) => steps.extend(text.chars().map(Step::Letter)),
            _ => return None,
        }
    }
    Some(steps)
}

fn by_hand(text: &str, steps: &[Step]) -> Option<NaiveDateTime> {
    let (mut year, mut month, mut day, mut hour, mut minute, mut second) = (0, 0, 0, 0, 0, 0);
    let century = CENTURY.unsigned_abs();
    let mut reader = Reader { rest: text.as_bytes() };
    for step in steps {
        match step {
            Step::Year => year = reader.number(4).filter(|part| part.digits == 4)?.value,
            Step::ShortYear => year = century + reader.number(2).filter(|part| part.digits == 2)?.value,
            Step::Month => month = reader.number(2)?.value,
            Step::Day => day = reader.number(2)?.value,
            Step::Hour => hour = reader.number(2)?.value,
            Step::Minute => minute = reader.number(2)?.value,
            Step::Second => second = reader.number(2)?.value,
            Step::Letter(letter) => reader.letter(*letter)?,
        }
    }
    if !reader.rest.is_empty() {
        return None;
    }
    Some(date(year, month, day)?.and_time(NaiveTime::from_hms_opt(hour, minute, second)?))
}

/// Reads digits and marks off the front of a text.
struct Reader<'a> {
    rest: &'a [u8],
}

struct Part {
    value: u32,
    digits: usize,
}

impl Reader<'_> {
    /// One digit or more, at most so many.
    fn number(&mut self, most: usize) -> Option<Part> {
        let mut part = Part { value: 0, digits: 0 };
        while let Some((digit, rest)) = self.rest.split_first()
            && digit.is_ascii_digit()
            && part.digits < most
        {
            self.rest = rest;
            part = Part { value: part.value * 10 + u32::from(digit - b'0'), digits: part.digits + 1 };
        }
        (part.digits > 0).then_some(part)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then_some(())
    }

    fn letter(&mut self, wanted: char) -> Option<()> {
        let mut bytes = [0; 4];
        self.rest = self.rest.strip_prefix(wanted.encode_utf8(&mut bytes).as_bytes())?;
        Some(())
    }

    /// Takes off the first of these words that is there, with blanks before and a point after it.
    fn word(&mut self, words: &[&str]) -> bool {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix("\u{a0}".as_bytes()).unwrap_or(rest);
        let found = words.iter().find_map(|word| rest.strip_prefix(word.as_bytes()));
        if let Some(rest) = found {
            self.rest = rest.strip_prefix(b".").unwrap_or(rest);
        }
        found.is_some()
    }

    /// `г.`, as Bulgarian settings of Windows write behind a year.
    fn year_word(&mut self) {
        self.word(&["година", "год", "г"]);
    }

    /// Blanks, points or strokes between the parts of a day.
    fn gap(&mut self) -> Option<()> {
        let before = self.rest.len();
        while let Some(rest) =
            [" ", "\u{a0}", ".", "-", "/"].iter().find_map(|mark| self.rest.strip_prefix(mark.as_bytes()))
        {
            self.rest = rest;
        }
        (self.rest.len() < before).then_some(())
    }

    /// A month by name.
    fn month(&mut self) -> Option<u32> {
        let text = std::str::from_utf8(self.rest).ok()?;
        let end = text.find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.rest = rest.as_bytes();
        month_of(word)
    }

    /// The time of day that fills the rest; midnight where nothing is left.
    fn time(&mut self) -> Option<NaiveTime> {
        if self.rest.is_empty() {
            return Some(NaiveTime::MIN);
        }
        self.rest = self.rest.strip_prefix(b",").unwrap_or(self.rest);
        let mark = self.byte()?;
        if mark != b'T' {
            (mark == b' ').then_some(())?;
            self.rest = self.rest.trim_ascii_start();
        }
        let hour = self.number(2)?.value;
        let mark = self.byte().filter(|mark| matches!(mark, b':' | b'.'))?;
        let minute = self.number(2).filter(|part| part.digits == 2)?.value;
        let second = self.second()?;
        // `10.30` alone may be anything.
        let told = self.word(&["часа", "ч"]);
        let whole = self.rest.is_empty() && (told || mark == b':');
        whole.then(|| NaiveTime::from_hms_opt(hour, minute, second))?
    }

    /// `:SS`, with a fraction that is left out; 0 where there is none.
    fn second(&mut self) -> Option<u32> {
        let Some(rest) = self.rest.strip_prefix(b":") else { return Some(0) };
        self.rest = rest;
        let second = self.number(2).filter(|part| part.digits == 2)?.value;
        if let Some(rest) = self.rest.strip_prefix(b".") {
            self.rest = rest;
            self.number(9)?;
        }
        Some(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(text: &str) -> Option<String> {
        read_common(text).map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn common_forms_need_no_word_from_the_mapping() {
        for (text, wanted) in [
            ("20.11.2026", "2026-11-20 00:00:00"),
            ("1.8.2026г.", "2026-08-01 00:00:00"),
            ("20.11.2026 г.", "2026-11-20 00:00:00"),
            ("20.11.2026 г. 14:30:05 ч.", "2026-11-20 14:30:05"),
            ("20.11.2026\u{a0}г.", "2026-11-20 00:00:00"),
            ("20.11.2026 9:05", "2026-11-20 09:05:00"),
            ("2026-11-20", "2026-11-20 00:00:00"),
            ("2026-11-20T14:30", "2026-11-20 14:30:00"),
            ("2026-11-20 14:30:05.123", "2026-11-20 14:30:05"),
            ("29.02.2024", "2024-02-29 00:00:00"),
            ("1.8.2026 год.", "2026-08-01 00:00:00"),
            ("1.8.2026 година", "2026-08-01 00:00:00"),
            ("1.8.2026 г., 9:05 ч.", "2026-08-01 09:05:00"),
            ("1.8.2026 г. 9.05 ч.", "2026-08-01 09:05:00"),
            ("1.8.2026 14:30 часа", "2026-08-01 14:30:00"),
        ] {
            assert_eq!(common(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "31.02.2026",
            "29.02.2026",
            "20.11.26",
            "11/20/2026",
            "2026-11-20Z",
            "2026-11-20T14:30:00+02:00",
            "20.13.2026",
            "20.11.2026x",
            "20.11.2026 25:00",
            "46349",
            "2026-1-2",
            "0026-11-20",
            "20.11.20261",
            "20.11.2026 ",
            "20.11",
            "20.11.2026 14:3",
            "20.11.2026 14.30",
            "20.11.2026,",
        ] {
            assert_eq!(common(text), None, "{text}");
        }
    }

    #[test]
    fn a_form_holds_for_the_whole_cell_and_years_have_four_digits() {
        let format = Format::new("%d.%m.%Y").unwrap();
        assert_eq!(format.read("01.12.2026").unwrap().to_string(), "2026-12-01 00:00:00");
        assert!(format.read("1.2.2026").is_some());
        for wrong in ["01.12.26", "01.12.2026 г.", "31.02.2026", "01.12.+2026", " 01.12.2026", "1.12.20266"]
        {
            assert_eq!(format.read(wrong), None, "{wrong}");
        }
        assert_eq!(format.example(), "31.12.2026");
        let long = Format::new("%d %B %Y, %H:%M").unwrap();
        assert_eq!(long.read("01 December 2026, 14:30").unwrap().to_string(), "2026-12-01 14:30:00");
        assert_eq!(long.read("01 December 26, 14:30"), None);
        assert_eq!(
            Format::new("%Y%m%d").unwrap().read("20261201").unwrap().to_string(),
            "2026-12-01 00:00:00"
        );
        assert_eq!(
            Format::new("%d.%m.%Yг.").unwrap().read("1.12.2026г.").unwrap().to_string(),
            "2026-12-01 00:00:00"
        );
    }

    #[test]
    fn forms_that_lose_something_are_refused() {
        for wrong in ["%G-%g", "%q", "%d.%m", "%H:%M", "dd.mm.yyyy", "%C%y-%m-%d", "%z", "%d.%m.%Y %z"] {
            assert!(Format::new(wrong).is_err(), "{wrong}");
        }
    }

    fn rare(text: &str) -> Option<String> {
        read_rare(text, chrono_tz::Europe::Sofia).map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn offsets_are_told_in_the_wall_time_of_the_zone() {
        for (text, wanted) in [
            ("2026-08-01T10:00:00+03:00", "2026-08-01 10:00:00"),
            ("2026-08-01T10:00:00Z", "2026-08-01 13:00:00"),
            ("2026-07-31T22:30:00Z", "2026-08-01 01:30:00"),
            ("2026-12-31T22:00:00.000Z", "2027-01-01 00:00:00"),
            ("2026-01-01T00:30:00+0300", "2025-12-31 23:30:00"),
            ("2026-08-01 10:00-05", "2026-08-01 18:00:00"),
            ("2026-08-01 10:00:00 +00:00", "2026-08-01 13:00:00"),
        ] {
            assert_eq!(rare(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "2026-08-01Z",
            "2026-08-01+03:00",
            "2026-08-01T10:00:00+99:00",
            "2026-08-01T10:00:00+3",
            "Z",
            "+",
        ] {
            assert_eq!(rare(text), None, "{text}");
        }
    }

    #[test]
    fn months_have_names() {
        for (text, wanted) in [
            ("1 август 2026 г.", "2026-08-01 00:00:00"),
            ("01 Август 2026", "2026-08-01 00:00:00"),
            ("1 авг. 2026 г. 14:30 ч.", "2026-08-01 14:30:00"),
            ("01-май-2026", "2026-05-01 00:00:00"),
            ("1.VIII.2026 г.", "2026-08-01 00:00:00"),
            ("01-Aug-2026", "2026-08-01 00:00:00"),
            ("30 юни 2026", "2026-06-30 00:00:00"),
            ("30 юли 2026", "2026-07-30 00:00:00"),
        ] {
            assert_eq!(rare(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["1 ав 2026", "31 юни 2026", "1 август 26", "август 2026", "1 viii 2026", "1 маркет 2026"]
        {
            assert_eq!(rare(text), None, "{text}");
        }
    }

    #[test]
    fn excel_shows_codes_as_days() {
        for text in ["мар.26", "01.мар", "1.мар", "26.мар.26", "мар.26 г.", "мар.2026", "септ.26"]
        {
            assert!(is_excels_day(text), "{text}");
        }
        for text in ["МАР.26", "март", "мар26", "мар.", "L.мар.26", "мар.123", "26", "Mar-26", "1.2.мар.3"]
        {
            assert!(!is_excels_day(text), "{text}");
        }
        assert!(looks_like_excels_day("Mar-26") && looks_like_excels_day("1-Mar-26"));
        assert!(!looks_like_excels_day("MAR-26") && !looks_like_excels_day("mar-26"));
    }

    #[test]
    fn day_numbers_are_days_of_this_century() {
        let day = |text| day_of_serial(text, DayCount::From1900);
        assert_eq!(day("46349").as_deref(), Some("23.11.2026"));
        assert_eq!(day("46349,5").as_deref(), Some("23.11.2026"));
        assert_eq!(day("36526").as_deref(), Some("01.01.2000"));
        assert_eq!(day_of_serial("44887", DayCount::From1904).as_deref(), Some("23.11.2026"));
        assert_eq!(day_of_serial("4294967295", DayCount::From1904), None);
        for text in ["60", "73051", "", "1.8.2026", "x"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn years_of_two_digits_are_of_this_century_where_a_form_says_so() {
        let format = Format::new("%d.%m.%y").unwrap();
        assert_eq!(format.read("01.08.26").unwrap().to_string(), "2026-08-01 00:00:00");
        assert_eq!(format.read("01.08.99").unwrap().to_string(), "2099-08-01 00:00:00");
        for wrong in ["01.08.2026", "01.08.6", "26.13.01"] {
            assert_eq!(format.read(wrong), None, "{wrong}");
        }
        let named = Format::new("%d %b %y").unwrap();
        assert_eq!(named.read("01 Aug 26").unwrap().to_string(), "2026-08-01 00:00:00");
        assert_eq!(named.read("01 Aug 99"), None);
    }

    proptest::proptest! {
        #[test]
        fn a_moment_is_the_same_in_every_offset(minutes in 0_i64..80_000_000, ahead in -14_i64 * 60..=14 * 60) {
            let moment = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap().and_time(NaiveTime::MIN)
                + TimeDelta::minutes(minutes);
            let there = moment + TimeDelta::minutes(ahead);
            let (sign, span) = if ahead < 0 { ('-', -ahead) } else { ('+', ahead) };
            let text = format!("{}{sign}{:02}:{:02}", there.format("%Y-%m-%dT%H:%M:%S"), span / 60, span % 60);
            let utc = moment.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            let zone = chrono_tz::Europe::Sofia;
            proptest::prop_assert_eq!(read_rare(&text, zone), read_rare(&utc, zone));
            proptest::prop_assert_eq!(read_rare(&utc, chrono_tz::UTC), Some(moment));
        }

        #[test]
        fn a_day_is_the_same_however_its_month_is_written(days in 0_i64..40_000, style in 0_usize..3, short: bool) {
            use chrono::Datelike as _;
            let day = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap() + TimeDelta::days(days);
            let name = MONTHS[day.month0() as usize][style];
            let name: String = if short && style < 2 { name.chars().take(3).collect() } else { name.to_owned() };
            for text in [format!("{} {name} {}", day.day(), day.year()), format!("{:02}-{name}-{} г.", day.day(), day.year())] {
                proptest::prop_assert_eq!(read_rare(&text, chrono_tz::UTC).map(|at| at.date()), Some(day));
            }
        }

        #[test]
        fn the_fast_reading_agrees_with_the_library(
            days in 0_i64..3_000_000,
            text in "[0-9]{1,4}[.-][0-9]{1,2}[.-][0-9]{1,4}",
        ) {
            let first = NaiveDate::from_ymd_opt(1000, 1, 1).unwrap();
            let day = first + chrono::Days::new(u64::try_from(days).unwrap());
            for form in ["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y"] {
                let format = Format::new(form).unwrap();
                let written = day.format(form).to_string();
                proptest::prop_assert_eq!(format.read(&written).map(|at| at.date()), Some(day));
                if let Some(found) = format.read(&text) {
                    proptest::prop_assert_eq!(Some(found), format.by_chrono(&text));
                }
            }
            proptest::prop_assert_eq!(read_common(&day.format("%d.%m.%Y").to_string()).map(|at| at.date()), Some(day));
        }

        #[test]
        fn reading_never_panics(text in ".{0,30}") {
            let _ = read_common(&text);
            let _ = read_rare(&text, chrono_tz::Europe::Sofia);
            let _ = day_of_serial(&text, DayCount::From1904);
            let _ = Format::new(&text);
            let _ = Format::new("%d.%m.%Y").unwrap().read(&text);
        }
    }
}
