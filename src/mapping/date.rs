//! Dates as people and programs write them. A day is a civil day: nothing here knows a time zone.

use std::fmt::Write as _;

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::model::{CodeInfo, Who, Words};

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
        message: "в клетката стои числото {0}, а трябва дата; форматирайте колоната като дата",
        why: "Excel пази датите като поредни номера на дни. Без формат за дата не личи дали числото е дата.",
        example: "46349",
        repair: "В Excel изберете колоната, задайте формат „Дата“ и запишете файла отново.",
    },
    en: Words {
        message: "the cell holds the number {0}, not a date; format the column as a date",
        why: "Excel keeps dates as day numbers. Without a date format nothing says that the number is a date.",
        example: "46349",
        repair: "In Excel select the column, give it a date format and save the file again.",
    },
};

/// A form that dates of text cells have (strftime), ready for use.
#[derive(Debug, Clone)]
pub(super) struct Format {
    steps: Option<Vec<Step>>,
    items: Vec<Item<'static>>,
}

/// A part of a form that is read by hand; `chrono` takes ten times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Letter(char),
}

/// Shown where an example of a date is asked for: no part can be taken for another.
fn example() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 12, 31).unwrap_or_default().and_time(NaiveTime::MIN)
}

impl Format {
    /// Checks a form: it must give a day whose year has four digits.
    ///
    /// # Errors
    /// What is wrong with it, in English.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let items: Vec<_> = StrftimeItems::new(text).map(Item::to_owned).collect();
        if items.contains(&Item::Error) {
            return Err(format!("`{text}` is no date format; write for example `%d.%m.%Y`"));
        }
        if has_short_year(&items) {
            return Err(format!("`{text}` has a year of two digits; years have four, write `%Y`"));
        }
        let format = Self { steps: steps(&items), items };
        if format.by_chrono(&format.example()).map(|at| at.date()) == Some(example().date()) {
            Ok(format)
        } else {
            Err(format!(
                "`{text}` does not give a whole date; it needs day, month and year, as `%d.%m.%Y` does"
            ))
        }
    }

    /// The date a whole text is in this form.
    pub(super) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        match &self.steps {
            Some(steps) => by_hand(text, steps),
            None => self.by_chrono(text).filter(|at| (1000..=9999).contains(&chrono::Datelike::year(at))),
        }
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

/// As a workbook's date cells are written.
pub(super) fn read_iso(text: &str) -> Option<NaiveDateTime> {
    if text.as_bytes().get(4) == Some(&b'-') { read_common(text) } else { None }
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year).ok().filter(|year| *year >= 1000)?;
    NaiveDate::from_ymd_opt(year, month, day)
}

fn has_short_year(items: &[Item<'_>]) -> bool {
    use chrono::format::{Fixed, Numeric};
    items.iter().any(|item| match item {
        Item::Numeric(Numeric::YearMod100 | Numeric::IsoYearMod100 | Numeric::YearDiv100, _) => true,
        Item::Fixed(fixed) => *fixed == Fixed::RFC2822,
        _ => false,
    })
}

/// The form in steps of our own, if it consists only of what they know.
fn steps(items: &[Item<'_>]) -> Option<Vec<Step>> {
    use chrono::format::Numeric;
    let mut steps = Vec::new();
    for item in items {
        match item {
            Item::Numeric(Numeric::Year, _) => steps.push(Step::Year),
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
    let mut reader = Reader { rest: text.as_bytes() };
    for step in steps {
        match step {
            Step::Year => year = reader.number(4).filter(|part| part.digits == 4)?.value,
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

    /// Takes off a word with blanks before and a point after it, if it is there.
    fn word(&mut self, word: &str) {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix("\u{a0}".as_bytes()).unwrap_or(rest);
        if let Some(rest) = rest.strip_prefix(word.as_bytes()) {
            self.rest = rest.strip_prefix(b".").unwrap_or(rest);
        }
    }

    /// `г.`, as Bulgarian settings of Windows write behind a year.
    fn year_word(&mut self) {
        self.word("г");
    }

    /// The time of day that fills the rest; midnight where nothing is left.
    fn time(&mut self) -> Option<NaiveTime> {
        if self.rest.is_empty() {
            return Some(NaiveTime::MIN);
        }
        let mark = self.byte()?;
        if mark != b'T' {
            (mark == b' ').then_some(())?;
            self.rest = self.rest.trim_ascii_start();
        }
        let hour = self.number(2)?.value;
        self.expect(b':')?;
        let minute = self.number(2).filter(|part| part.digits == 2)?.value;
        let second = self.second()?;
        self.word("ч");
        self.rest.is_empty().then(|| NaiveTime::from_hms_opt(hour, minute, second))?
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
        for wrong in
            ["%d.%m.%y", "%D", "%q", "%d.%m", "%H:%M", "dd.mm.yyyy", "%C%y-%m-%d", "%z", "%d.%m.%Y %z"]
        {
            assert!(Format::new(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
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
            let _ = Format::new(&text);
            let _ = Format::new("%d.%m.%Y").unwrap().read(&text);
        }
    }
}
