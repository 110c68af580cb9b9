//! The text of a cell becomes a value under the field's kind.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::NaiveDateTime;
use compact_str::CompactString;

use super::date::{self, Format, M020, M021};
use super::habit::{Habit, W205};
use super::number::{self, Decimal, Flaw as NumberFlaw, M010, M011, M012, M013, Marks, PLAIN};
use super::proof::is_undecided;
use crate::model::wide::{any, any_control, are_digits};
use crate::model::{CodeInfo, Issue, Kind, Value, Who, Words, both, names};
use crate::table::{CellKind, DayCount};

/// A long code that a spreadsheet turned into a rounded number.
pub(super) static M014: CodeInfo = CodeInfo {
    code: "M014",
    who: Who::User,
    bg: Words {
        message: "„{0}“ е променено от Excel и цифри са загубени; впишете кода отново, след като форматирате колоната като \
                  текст („Форматиране на клетки“ > „Текст“), а CSV отваряйте с „Данни“ > „От текст/CSV“ и тип на колоната \
                  „Текст“",
        why: "Excel показва дългите числа като 5,71225E+12 и пази само първите 15 цифри, а на мястото на другите слага нули. \
              Загубените цифри не могат да се възстановят.",
        example: "5,71225E+12; 123456789012345000",
        repair: "Вземете кода от първичния документ или от складовата програма. Форматирайте колоната като „Текст“, преди да \
                 пишете или поставяте в нея; файл CSV не отваряйте с двукратно щракване, а с „Данни“ > „От текст/CSV“.",
    },
    en: Words {
        message: "`{0}` was changed by the spreadsheet and digits are lost; enter the code again after formatting the column \
                  as text (Format Cells > Text), and open CSV files by Data > From Text/CSV with the column type Text",
        why: "Excel shows long numbers as 5.71225E+12 and keeps only the first 15 digits; in place of the others it puts \
              zeros. Lost digits cannot be restored.",
        example: "5.71225E+12; 123456789012345000",
        repair: "Take the code from the document or from your stock program. Format the column as Text before you type or \
                 paste; open a CSV file not by a double click but by Data > From Text/CSV.",
    },
};

/// A code that a spreadsheet turned into a date.
pub(super) static M015: CodeInfo = CodeInfo {
    code: "M015",
    who: Who::User,
    bg: Words {
        message: "Excel е превърнал кода в дата ({0}); впишете го отново, след като форматирате колоната като текст \
                  („Форматиране на клетки“ > „Текст“), а CSV отваряйте с „Данни“ > „От текст/CSV“ и тип на колоната „Текст“",
        why: "Партида като 03-12 или MAR1 става дата, щом се впише в клетка без формат „Текст“, и първоначалният запис се губи.",
        example: "2026-03-12; мар.26",
        repair: "Форматирайте колоната като „Текст“ и впишете кода така, както стои върху опаковката. Файл CSV не отваряйте с \
                 двукратно щракване, а с „Данни“ > „От текст/CSV“.",
    },
    en: Words {
        message: "Excel made a date of the code ({0}); enter it again after formatting the column as text (Format Cells > \
                  Text), and open CSV files by Data > From Text/CSV with the column type Text",
        why: "A batch like 03-12 or MAR1 becomes a date once it is typed into a cell that is not text, and what was typed is lost.",
        example: "2026-03-12; Mar-26",
        repair: "Format the column as Text and enter the code as it stands on the pack. Open a CSV file not by a double click \
                 but by Data > From Text/CSV.",
    },
};

/// Characters nobody sees in a code.
pub(super) static M016: CodeInfo = CodeInfo {
    code: "M016",
    who: Who::User,
    bg: Words {
        message: "в „{0}“ има невидими знаци; изтрийте клетката и впишете стойността на ръка",
        why: "Невидим знак прави кода различен за системата, макар че на екрана изглежда верен.",
        example: "AB[U+200B]12",
        repair: "Впишете стойността на ръка, без копиране; невидимите знаци са показани в квадратни скоби.",
    },
    en: Words {
        message: "`{0}` holds invisible characters; clear the cell and type the value by hand",
        why: "An invisible character makes the code another one for the system, although it looks right on the screen.",
        example: "AB[U+200B]12",
        repair: "Type the value by hand, without copying; the invisible characters are shown in square brackets.",
    },
};

/// An error of the workbook in place of a value.
pub(super) static M017: CodeInfo = CodeInfo {
    code: "M017",
    who: Who::User,
    bg: Words {
        message: "в клетката стои грешка на Excel ({0}); поправете формулата или впишете стойността",
        why: "Формулата в клетката не е дала резултат, затова няма какво да се подаде.",
        example: "#N/A",
        repair: "Поправете формулата или впишете стойността направо и запишете файла отново.",
    },
    en: Words {
        message: "the cell holds an Excel error ({0}); repair the formula or enter the value",
        why: "The formula in the cell gave no result, so there is nothing to report.",
        example: "#N/A",
        repair: "Repair the formula or enter the value itself, and save the file again.",
    },
};

/// Is no country code.
pub(super) static M022: CodeInfo = CodeInfo {
    code: "M022",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е код на държава; напишете две латински букви, например DE, а няколко държави разделете с ;",
        why: "Системата познава държавите само по двубуквените им кодове от ISO 3166-1.",
        example: "Германия",
        repair: "Напишете кода с латински букви: DE за Германия, AT за Австрия, GR за Гърция.",
    },
    en: Words {
        message: "`{0}` is no country code; write two Latin letters such as DE, several divided by ;",
        why: "The system knows countries only by their two-letter codes of ISO 3166-1.",
        example: "Germany",
        repair: "Write the code in Latin letters: DE for Germany, AT for Austria, GR for Greece.",
    },
};

/// Why a text gives no value.
#[derive(Debug, Clone)]
pub(super) struct Flaw {
    pub(super) code: &'static CodeInfo,
    pub(super) args: Vec<String>,
}

impl Flaw {
    pub(super) fn new(code: &'static CodeInfo, text: &str) -> Self {
        Self { code, args: vec![shown(text)] }
    }

    pub(super) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(super) fn at(self, row: u32, column: Option<Arc<str>>) -> Issue {
        Issue { args: self.args, ..Issue::at(self.code, column).row(row) }
    }
}

/// Where a text comes from, which decides how its numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A cell of the file, or of a list.
    Cell(CellKind),
    /// A constant of the mapping.
    Constant,
}

impl Origin {
    /// The marks of its numbers.
    pub(super) fn marks(self, of_text: Marks) -> Marks {
        match self {
            Self::Cell(CellKind::Text) => of_text,
            Self::Cell(_) | Self::Constant => PLAIN,
        }
    }
}

/// How the texts of one field become values.
#[derive(Debug, Clone)]
pub(super) struct Typing {
    pub(super) kind: Kind,
    /// Marks of numbers in text cells.
    pub(super) marks: Marks,
    /// Forms of dates in text cells.
    pub(super) formats: Arc<[Format]>,
    /// Whether dates may have the common forms too: the mapping states none.
    pub(super) common: bool,
    /// What is to be said of a date that is not read because its column proves nothing, or contradicts itself.
    pub(super) unclear: Option<Arc<Issue>>,
    /// How codes are written in the column that the field is made of; none where nothing is known.
    pub(super) habit: Option<Arc<Habit>>,
    /// The zone in whose wall time the system's moments are.
    pub(super) zone: chrono_tz::Tz,
    /// From which day the workbook counts, where that is known.
    pub(super) day_count: Option<DayCount>,
    /// The file is a report of ours, where a workbook's dates stand as text.
    pub(super) own_report: bool,
}

impl Typing {
    /// The value of a text that is trimmed and not empty.
    pub(super) fn value(&self, text: &str, origin: Origin) -> Result<Value, Flaw> {
        if origin == Origin::Cell(CellKind::Error) || is_error_text(text) {
            return Err(Flaw::new(&M017, text));
        }
        match self.kind {
            Kind::Text => plain_text(text),
            Kind::Identifier => self.identifier(text, origin),
            Kind::Integer { min, max } => self.integer(text, origin, min, max),
            Kind::DateTime => self.date(text, origin).map(Value::DateTime),
            Kind::Date => self.date(text, origin).map(|at| Value::Date(at.date())),
            Kind::Countries => countries(text),
        }
    }

    fn identifier(&self, text: &str, origin: Origin) -> Result<Value, Flaw> {
        if text.len() <= KEPT && origin != Origin::Cell(CellKind::Date) && are_digits(text.as_bytes()) {
            // Nothing that a spreadsheet does to a code leaves so few digits and nothing else.
            return Ok(Value::Text(CompactString::new(text)));
        }
        if names::has_hidden(text) {
            return Err(Flaw::new(&M016, text));
        }
        let became_day = self.habit.as_ref().is_some_and(|habit| habit.became_day(text));
        if origin == Origin::Cell(CellKind::Date) || became_day {
            return Err(Flaw::new(&M015, text));
        }
        let is_number = origin == Origin::Cell(CellKind::Number);
        let was_cut = self.habit.as_ref().is_some_and(|habit| habit.was_cut(text));
        if number::is_scientific(text) || (is_number && is_rounded(text)) || was_cut {
            return Err(Flaw::new(&M014, text));
        }
        Ok(Value::Text(CompactString::new(text)))
    }

    /// What a row of a report of ours was refused for, if the text still looks so: every cell of its workbook is text,
    /// so damage that nobody repaired shows by its form only. `was_told` says whether the row had such an issue.
    pub(super) fn unrepaired(&self, text: &str, was_told: impl Fn(&CodeInfo) -> bool) -> Option<Flaw> {
        if self.kind != Kind::Identifier {
            return None;
        }
        let is_cut = || is_rounded(text) && text.get(KEPT..).is_some_and(is_zeros);
        if date::read_iso(text).is_some() && was_told(&M015) {
            return Some(Flaw::new(&M015, text));
        }
        (is_cut() && was_told(&M014)).then(|| Flaw::new(&M014, text))
    }

    /// What is odd about a cell that gives a value all the same.
    pub(super) fn doubt(&self, text: &str, kind: CellKind) -> Option<Flaw> {
        let habit = self.habit.as_ref()?;
        habit.is_odd_number(kind).then(|| Flaw::new(&W205, text))
    }

    fn integer(&self, text: &str, origin: Origin, min: i64, max: i64) -> Result<Value, Flaw> {
        let out_of_bounds = || Flaw::new(&M013, text).arg(min.to_string()).arg(max.to_string());
        let number = match Decimal::read(text, origin.marks(self.marks)) {
            Ok(number) => number,
            Err(NumberFlaw::Scientific) => return Err(Flaw::new(&M014, text)),
            Err(NumberFlaw::TooLong) => return Err(out_of_bounds()),
            Err(NumberFlaw::NotANumber) => return Err(Flaw::new(&M010, text)),
            Err(NumberFlaw::Ambiguous) => {
                return Err(Flaw::new(&M011, text).arg(text.replace([',', '.'], "")));
            }
        };
        if number.has_fraction() {
            return Err(Flaw::new(&M012, text));
        }
        let number =
            number.whole().filter(|number| (min..=max).contains(number)).ok_or_else(out_of_bounds)?;
        Ok(Value::Integer(number))
    }

    fn date(&self, text: &str, origin: Origin) -> Result<NaiveDateTime, Flaw> {
        let found = match origin {
            Origin::Cell(CellKind::Date) => date::read_iso(text),
            Origin::Constant => self.formatted(text).or_else(|| date::read_common(text)),
            Origin::Cell(_) if self.common => date::read_common(text)
                .or_else(|| self.formatted(text))
                .or_else(|| date::read_rare(text, self.zone)),
            Origin::Cell(_) => self.formatted(text).or_else(|| self.own_date(text)),
        };
        found.ok_or_else(|| {
            if let Some(unclear) = self.unclear.as_ref().filter(|_| is_undecided(text)) {
                return Flaw { code: unclear.code, args: unclear.args.clone() };
            }
            let day = date::day_of_serial(text, DayCount::From1900);
            let of_workbook = origin == Origin::Cell(CellKind::Number);
            if day.is_some() || of_workbook {
                // In a report of ours a workbook's numbers are text, and which workbook's nobody knows.
                let in_text = (!self.own_report).then_some(DayCount::From1900);
                let counted = if of_workbook { self.day_count } else { in_text };
                let day = counted.and_then(|counted| date::day_of_serial(text, counted));
                let shown = day.map_or_else(String::new, |day| {
                    both(&format!(" (Excel би показал {day})"), &format!(" (Excel would show {day})"))
                });
                return Flaw::new(&M021, text).arg(shown);
            }
            let stated = self.formats.first().filter(|form| !self.common || form.has_full_year());
            Flaw::new(&M020, text).arg(stated.map_or("31.12.2026".to_owned(), Format::example))
        })
    }

    fn formatted(&self, text: &str) -> Option<NaiveDateTime> {
        self.formats.iter().find_map(|format| format.read(text))
    }

    /// A workbook's date that our report of it shows as text.
    fn own_date(&self, text: &str) -> Option<NaiveDateTime> {
        if self.own_report { date::read_iso(text) } else { None }
    }
}

fn plain_text(text: &str) -> Result<Value, Flaw> {
    let is_broken = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    if any(text.as_bytes(), any_control) && text.bytes().any(is_broken) {
        return Err(Flaw::new(&M016, text));
    }
    Ok(Value::Text(CompactString::new(text)))
}

/// Digits of a number that spreadsheets keep; what follows is zeros or noise.
const KEPT: usize = 15;

fn is_rounded(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0');
    digits.count() > KEPT
}

fn is_zeros(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

/// The errors of workbooks as they stand in text exports.
fn is_error_text(text: &str) -> bool {
    text.starts_with('#')
        && matches!(
            text,
            "#N/A" | "#REF!" | "#VALUE!" | "#DIV/0!" | "#NAME?" | "#NULL!" | "#NUM!" | "#SPILL!" | "#CALC!"
        )
}

/// Two Latin letters each, made `DE;AT`. Look-alike Cyrillic letters are told, not silently changed.
fn countries(text: &str) -> Result<Value, Flaw> {
    let mut list = CompactString::default();
    for code in text.split([',', ';']).map(str::trim).filter(|code| !code.is_empty()) {
        if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(Flaw::new(&M022, code));
        }
        if !list.is_empty() {
            list.push(';');
        }
        list.extend(code.chars().map(|letter| letter.to_ascii_uppercase()));
    }
    if list.is_empty() { Err(Flaw::new(&M022, text)) } else { Ok(Value::Text(list)) }
}

/// A cell's text for a message: shortened, and what cannot be seen as `[U+202E]`.
pub(super) fn shown(text: &str) -> String {
    const LETTERS: usize = 80;
    let mut out = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index == LETTERS {
            out.push('…');
            break;
        }
        if names::is_hidden(letter) {
            // Writing to a string cannot fail.
            let _ = write!(out, "[U+{:04X}]", u32::from(letter));
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Origin = Origin::Cell(CellKind::Text);

    fn typing(kind: Kind, formats: &[&str]) -> Typing {
        let common = formats.is_empty();
        let formats = formats.iter().map(|format| Format::new(format).unwrap()).collect();
        Typing {
            common,
            kind,
            marks: Marks { decimal: Some(','), thousands: None },
            formats,
            unclear: None,
            habit: None,
            zone: chrono_tz::Europe::Sofia,
            day_count: None,
            own_report: false,
        }
    }

    fn code(result: Result<Value, Flaw>) -> &'static str {
        result.map_or_else(|flaw| flaw.code.code, |_| "")
    }

    #[test]
    fn whole_numbers_and_what_is_none() {
        let typing = typing(Kind::Integer { min: 1, max: 1_000_000 }, &[]);
        assert_eq!(typing.value("12,000", CELL).unwrap(), Value::Integer(12));
        assert_eq!(typing.value("12", Origin::Cell(CellKind::Number)).unwrap(), Value::Integer(12));
        assert_eq!(typing.value("12.0", Origin::Cell(CellKind::Number)).unwrap(), Value::Integer(12));
        for (text, wanted) in [
            ("1234,50", "M012"),
            ("0", "M013"),
            ("-3", "M013"),
            ("3-", "M013"),
            ("99999999999999999999", "M013"),
            ("5,7E+12", "M014"),
            ("два", "M010"),
            ("1.234", "M011"),
            ("#N/A", "M017"),
        ] {
            assert_eq!(code(typing.value(text, CELL)), wanted, "{text}");
        }
        assert_eq!(typing.value("-3", CELL).unwrap_err().args, ["-3", "1", "1000000"]);
        assert_eq!(typing.value("1.234", CELL).unwrap_err().args, ["1.234", "1234"]);
    }

    #[test]
    fn identifiers_damaged_by_a_spreadsheet_are_refused() {
        let typing = typing(Kind::Identifier, &[]);
        assert_eq!(typing.value("1E5", CELL).unwrap(), Value::Text("1E5".into()));
        assert_eq!(
            typing.value("05712249101367", Origin::Cell(CellKind::Number)).unwrap(),
            Value::Text("05712249101367".into())
        );
        assert_eq!(typing.value("IV-Р-Т/МР-001", CELL).unwrap(), Value::Text("IV-Р-Т/МР-001".into()));
        for (text, origin, wanted) in [
            ("5,71225E+12", CELL, "M014"),
            ("5.71225e+12", CELL, "M014"),
            ("1234567890123456", Origin::Cell(CellKind::Number), "M014"),
            ("2026-03-01", Origin::Cell(CellKind::Date), "M015"),
            ("AB\u{202e}12", CELL, "M016"),
            ("AB\u{200b}12", CELL, "M016"),
            ("AB\u{0}12", CELL, "M016"),
            ("AB\t12", CELL, "M016"),
            ("#REF!", Origin::Cell(CellKind::Error), "M017"),
        ] {
            assert_eq!(code(typing.value(text, origin)), wanted, "{text}");
        }
        assert_eq!(typing.value("AB\u{202e}12", CELL).unwrap_err().args, ["AB[U+202E]12"]);
        assert!(typing.value("1234567890123450", CELL).is_ok() && typing.value("2026-03-12", CELL).is_ok());
        let still = |text, told| typing.unrepaired(text, |_| told).map(|flaw| flaw.code.code);
        assert_eq!(still("1234567890123450", true), Some("M014"));
        assert_eq!(still("2026-03-12 00:00:00", true), Some("M015"));
        assert_eq!((still("1234567890123450", false), still("1234567890123456", true)), (None, None));
    }

    #[test]
    fn dates_follow_the_form_of_the_mapping() {
        let said = typing(Kind::DateTime, &["%d/%m/%Y", "%d.%m.%Y"]);
        assert!(said.value("20/11/2026", CELL).is_ok());
        assert!(said.value("20.11.2026", CELL).is_ok());
        assert_eq!(code(said.value("2026-11-20", CELL)), "M020");
        assert_eq!(said.value("31/02/2026", CELL).unwrap_err().args, ["31/02/2026", "31/12/2026"]);
        assert!(said.value("2026-11-20 14:30:00", Origin::Cell(CellKind::Date)).is_ok());
        assert_eq!(code(said.value("46349", Origin::Cell(CellKind::Number))), "M021");
        let told = |origin| said.value("46349", origin).unwrap_err().args;
        assert_eq!(told(Origin::Cell(CellKind::Number)), ["46349", ""], "it may count from 1904");
        let counting = |days| Typing { day_count: Some(days), ..said.clone() };
        let told_by =
            |days, text| counting(days).value(text, Origin::Cell(CellKind::Number)).unwrap_err().args;
        assert!(told_by(DayCount::From1900, "46349")[1].contains("23.11.2026"));
        assert!(told_by(DayCount::From1904, "44887")[1].contains("23.11.2026"));
        assert_eq!(told_by(DayCount::From1900, "60"), ["60", ""]);
        assert!(told(CELL)[1].contains("23.11.2026"));
        let repaired = Typing { own_report: true, ..said };
        assert!(repaired.value("2026-11-20", CELL).is_ok(), "our report shows a workbook's date so");
        let day = typing(Kind::Date, &[]);
        assert_eq!(
            day.value("20.11.2026 14:30", CELL).unwrap(),
            Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap())
        );
    }

    #[test]
    fn countries_become_one_list() {
        let typing = typing(Kind::Countries, &[]);
        assert_eq!(typing.value("de, AT;", CELL).unwrap(), Value::Text("DE;AT".into()));
        for wrong in ["Германия", "DEU", "АТ", ";", "D1"] {
            assert_eq!(code(typing.value(wrong, CELL)), "M022", "{wrong}");
        }
    }

    #[test]
    fn notes_keep_their_lines_and_lose_no_broken_byte_silently() {
        let typing = typing(Kind::Text, &[]);
        assert_eq!(typing.value("акт 5\nот 12.03", CELL).unwrap(), Value::Text("акт 5\nот 12.03".into()));
        assert_eq!(code(typing.value("a\u{0}b", CELL)), "M016");
    }

    #[test]
    fn long_texts_are_shortened_in_messages() {
        assert_eq!(shown(&"я".repeat(100)).chars().count(), 81);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{1,30}") {
            for kind in [Kind::Text, Kind::Identifier, Kind::Integer { min: 0, max: 9 }, Kind::DateTime, Kind::Date, Kind::Countries] {
                for cell in [CellKind::Text, CellKind::Number, CellKind::Date, CellKind::Bool, CellKind::Error] {
                    let _ = typing(kind, &["%d.%m.%Y"]).value(&text, Origin::Cell(cell));
                }
            }
        }
    }
}
