//! Numbers as people and spreadsheets write them, exactly. Never an `f64`.

use std::cmp::Ordering;

use crate::model::wide::{BLANKS, any, has};
use crate::model::{CodeInfo, Who, Words};

/// Is no number.
pub(super) static M010: CodeInfo = CodeInfo {
    code: "M010",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е число; напишете само цифри, например 12",
        why: "В тази колона системата приема само цяло число. Мерни единици, думи и два знака за десетична част не се четат.",
        example: "12 бр.",
        repair: "Оставете в клетката само числото.",
    },
    en: Words {
        message: "`{0}` is not a number; write digits only, for example 12",
        why: "The system takes only a whole number in this column. Units, words and two decimal marks cannot be read.",
        example: "12 pcs",
        repair: "Leave nothing but the number in the cell.",
    },
};

/// Could be thousands or a fraction.
pub(super) static M011: CodeInfo = CodeInfo {
    code: "M011",
    who: Who::User,
    bg: Words {
        message: "„{0}“ може да е {1} или дробно число; напишете числото без разделител",
        why: "Точка или запетая, след която има точно три цифри, може да дели хиляди или да е десетичен знак. Програмата не гадае: грешката би била хилядократна.",
        example: "12,000",
        repair: "Напишете 12 или 12000. Ако всички числа идват така от програмата Ви, кажете на внедрителя на програмата, кой е десетичният знак.",
    },
    en: Words {
        message: "`{0}` may be {1} or a fraction; write the number without a separator",
        why: "A point or comma followed by exactly three digits may divide thousands or be the decimal mark. We do not guess: the mistake would be a thousandfold.",
        example: "12,000",
        repair: "Write 12 or 12000. If all numbers leave your program this way, tell the person who set up the reporting which mark is the decimal one.",
    },
};

/// A fraction where only whole packs are counted.
pub(super) static M012: CodeInfo = CodeInfo {
    code: "M012",
    who: Who::User,
    bg: Words {
        message: "„{0}“ има дробна част; подават се само цели опаковки",
        why: "Системата брои цели опаковки. Програмата не закръгля, защото така би подала количество, което не е движено.",
        example: "2,5",
        repair: "Напишете количеството в цели опаковки. Ако числото е в таблетки или в кашони, превърнете го в опаковки.",
    },
    en: Words {
        message: "`{0}` has a fraction; only whole packs are reported",
        why: "The system counts whole packs. We do not round, since that would report a quantity that never moved.",
        example: "2.5",
        repair: "Write the quantity in whole packs. If it counts tablets or cartons, turn it into packs.",
    },
};

/// Outside the field's bounds.
pub(super) static M013: CodeInfo = CodeInfo {
    code: "M013",
    who: Who::User,
    bg: Words {
        message: "„{0}“ е извън допустимото; числото трябва да е от {1} до {2}",
        why: "Системата не приема числа извън тези граници. Връщанията имат свой тип движение и не се подават с минус.",
        example: "-5",
        repair: "Проверете числото; за връщане изберете типа движение за връщане и положително количество.",
    },
    en: Words {
        message: "`{0}` is out of bounds; the number must be from {1} to {2}",
        why: "The system takes no numbers outside these bounds. Returns have a movement type of their own and are not reported with a minus.",
        example: "-5",
        repair: "Check the number; for a return choose the type for returns and a positive quantity.",
    },
};

/// Which marks a file's numbers bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// `,` or `.`, where the mapping says.
    pub(super) decimal: Option<char>,
    /// The mark between thousands besides blanks, where the mapping says.
    pub(super) thousands: Option<char>,
}

/// How constants and a workbook's number cells are written.
pub(super) const PLAIN: Marks = Marks { decimal: Some('.'), thousands: None };

/// An exact decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    /// Never set for zero.
    negative: bool,
    whole: u64,
    /// In units of 10⁻¹⁸.
    fraction: u64,
}

/// Digits kept after the decimal mark, and of a whole number; a `u64` holds them.
const DIGITS: usize = 18;

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let amounts = (self.whole, self.fraction).cmp(&(other.whole, other.fraction));
        match (self.negative, other.negative) {
            (false, false) => amounts,
            (true, true) => amounts.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is none.
    NotANumber,
    /// `12,000`: twelve or twelve thousand.
    Ambiguous,
    /// More digits than any quantity has.
    TooLong,
    /// In scientific notation.
    Scientific,
}

impl Decimal {
    /// Reads a number: sign before or after, thousands in groups of three, one decimal mark.
    pub(super) fn read(text: &str, marks: Marks) -> Result<Self, Flaw> {
        if let Some(whole) = digits(text).or_else(|| with_zeros(text, marks.decimal)) {
            return Ok(Self { negative: false, whole, fraction: 0 });
        }
        let text = text.strip_prefix('\'').unwrap_or(text).trim();
        if is_scientific(text) {
            return Err(Flaw::Scientific);
        }
        let (negative, text) = sign(text).ok_or(Flaw::NotANumber)?;
        let (whole, fraction) = split(text, marks)?;
        let (whole, fraction) = (whole_amount(whole)?, fraction_amount(fraction)?);
        Ok(Self { negative: negative && (whole, fraction) != (0, 0), whole, fraction })
    }

    /// The whole number, unless it has a fraction or is too big.
    pub(super) fn whole(self) -> Option<i64> {
        match (self.fraction, self.negative) {
            (0, false) => i64::try_from(self.whole).ok(),
            (0, true) => 0_i64.checked_sub_unsigned(self.whole),
            _ => None,
        }
    }

    /// Whether something stands after the decimal mark.
    pub(super) fn has_fraction(self) -> bool {
        self.fraction != 0
    }
}

/// `5,71225E+12`, the way a spreadsheet shows a long number. The sign is asked for: `1E5` may be a batch.
pub(super) fn is_scientific(text: &str) -> bool {
    // Nearly no text holds the letter in either case.
    if !any(text.as_bytes(), |word| has(word | BLANKS, b'e')) {
        return false;
    }
    let Some(sign) = text.bytes().rposition(|byte| !byte.is_ascii_digit()) else { return false };
    if !matches!(text.as_bytes().get(sign), Some(b'+' | b'-')) {
        return false;
    }
    let mantissa = text.get(..sign).and_then(|before| before.strip_suffix(['E', 'e']));
    let (Some(mantissa), Some(exponent)) = (mantissa, text.get(sign + 1..)) else { return false };
    let (whole, fraction) = mantissa.split_once([',', '.']).unwrap_or((mantissa, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    [whole, fraction, exponent].into_iter().all(is_digits)
}

/// The same number with the other sign, as text; the digits stay as they are.
pub(super) fn negated(text: &str) -> String {
    match sign(text) {
        Some((true, rest)) => rest.to_owned(),
        Some((false, rest)) => format!("-{rest}"),
        None => text.to_owned(),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The common case: digits only, and few.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > DIGITS {
        return None;
    }
    let mut number = 0;
    for byte in text.bytes() {
        number = number * 10 + u64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some(number)
}

/// The next most common: digits, the decimal mark, zeros.
fn with_zeros(text: &str, decimal: Option<char>) -> Option<u64> {
    let mark = u8::try_from(decimal?).ok()?;
    let place = text.bytes().rposition(|byte| byte != b'0')?;
    let (whole, rest) = text.split_at_checked(place)?;
    (rest.len() > 1 && rest.as_bytes().first() == Some(&mark)).then(|| digits(whole))?
}

fn sign(text: &str) -> Option<(bool, &str)> {
    const MINUS: [char; 2] = ['-', '\u{2212}'];
    let before = text.strip_prefix(MINUS).map(|rest| (true, rest.trim_start()));
    let after = text.strip_suffix(MINUS).map(|rest| (true, rest.trim_end()));
    match (before, after) {
        (Some(_), Some(_)) => None,
        (Some(found), None) | (None, Some(found)) => Some(found),
        (None, None) => Some((false, text.strip_prefix('+').unwrap_or(text))),
    }
}

/// Cuts a number at its decimal mark and checks the groups of thousands.
fn split(text: &str, marks: Marks) -> Result<(&str, &str), Flaw> {
    let decimal = decimal_mark(text, marks)?;
    let (whole, fraction) = match decimal.and_then(|mark| text.split_once(mark)) {
        Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
        Some(_) => return Err(Flaw::NotANumber),
        None => (text, ""),
    };
    let mut groups = whole.split(|letter: char| is_group_mark(letter, decimal, marks));
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    let grouped = rest.peek().is_some();
    let fits = is_digits(first) && (!grouped || first.len() <= 3);
    if fits && rest.all(|group| group.len() == 3 && is_digits(group)) {
        Ok((whole, fraction))
    } else {
        Err(Flaw::NotANumber)
    }
}

/// The mark that begins the fraction of this number, if there is one.
fn decimal_mark(text: &str, marks: Marks) -> Result<Option<char>, Flaw> {
    let said = marks.decimal.or(match marks.thousands {
        Some('.') => Some(','),
        Some(',') => Some('.'),
        _ => None,
    });
    let count = |mark| text.bytes().filter(|byte| *byte == mark).count();
    match (count(b','), count(b'.')) {
        (0, 0) => Ok(None),
        (0, times) => single(text, '.', times, said, marks),
        (times, 0) => single(text, ',', times, said, marks),
        (_, _) => {
            let last = if text.rfind(',') > text.rfind('.') { ',' } else { '.' };
            if text.matches(last).count() == 1 && said.is_none_or(|said| said == last) {
                Ok(Some(last))
            } else {
                Err(Flaw::NotANumber)
            }
        }
    }
}

/// The role of the only kind of mark in a number, which stands there so many times.
fn single(
    text: &str,
    mark: char,
    times: usize,
    said: Option<char>,
    marks: Marks,
) -> Result<Option<char>, Flaw> {
    if said == Some(mark) {
        return Ok(Some(mark));
    }
    if marks.thousands == Some(mark) || times > 1 {
        return Ok(said);
    }
    let (whole, after) = text.split_once(mark).unwrap_or((text, ""));
    let blanks = whole.contains(is_blank);
    match (said, after.len() == 3 && is_digits(after) && !blanks) {
        (_, true) => Err(Flaw::Ambiguous),
        (None, false) => Ok(Some(mark)),
        (Some(_), false) => Err(Flaw::NotANumber),
    }
}

fn is_group_mark(letter: char, decimal: Option<char>, marks: Marks) -> bool {
    is_blank(letter)
        || marks.thousands == Some(letter)
        || (matches!(letter, ',' | '.') && decimal != Some(letter))
}

/// Blanks that people and programs put between thousands.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// The number that groups of digits make.
fn whole_amount(groups: &str) -> Result<u64, Flaw> {
    if let Some(amount) = digits(groups) {
        return Ok(amount);
    }
    let mut digits = groups.bytes().filter(u8::is_ascii_digit).map(|digit| u64::from(digit - b'0'));
    digits.try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(digit)).ok_or(Flaw::TooLong)
}

/// In units of 10⁻¹⁸.
fn fraction_amount(fraction: &str) -> Result<u64, Flaw> {
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        return Ok(0);
    }
    let amount = digits(fraction).ok_or(Flaw::TooLong)?;
    Ok((fraction.len()..DIGITS).fold(amount, |amount, _| amount * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, decimal: Option<char>, thousands: Option<char>) -> Result<i64, Flaw> {
        Decimal::read(text, Marks { decimal, thousands }).map(|number| number.whole().unwrap_or(-999))
    }

    #[test]
    fn numbers_of_a_file_with_decimal_commas() {
        let read = |text| whole(text, Some(','), None);
        assert_eq!(read("12,000"), Ok(12));
        assert_eq!(read("1 234,00"), Ok(1234));
        assert_eq!(read("1\u{a0}234\u{202f}567"), Ok(1_234_567));
        assert_eq!(read("'15"), Ok(15));
        assert_eq!(read("5-"), Ok(-5));
        assert_eq!(read("\u{2212}5"), Ok(-5));
        assert_eq!(read("1.234,00"), Ok(1234));
        assert_eq!(read("2,5"), Ok(-999), "a fraction");
        assert_eq!(read("1.234"), Err(Flaw::Ambiguous));
        for wrong in
            ["", "12 бр", "1,2,3", "12,", ",5", "-5-", "1 23", "1.5", "--5", "1..5", "12 34", "1,234.5"]
        {
            assert_eq!(read(wrong), Err(Flaw::NotANumber), "{wrong}");
        }
    }

    #[test]
    fn without_a_word_from_the_mapping_nothing_is_guessed() {
        let read = |text| whole(text, None, None);
        assert_eq!(read("12,000"), Err(Flaw::Ambiguous));
        assert_eq!(read("12.000"), Err(Flaw::Ambiguous));
        assert_eq!(read("12,00"), Ok(12));
        assert_eq!(read("1 234,000"), Ok(1234), "the blank already divides the thousands");
        assert_eq!(read("1.234,00"), Ok(1234));
        assert_eq!(read("1,234,567"), Ok(1_234_567));
        assert_eq!(read("1 000"), Ok(1000));
    }

    #[test]
    fn the_mark_of_thousands_leaves_the_other_for_decimals() {
        assert_eq!(whole("1.234", None, Some('.')), Ok(1234));
        assert_eq!(whole("12,000", None, Some('.')), Ok(12));
        assert_eq!(whole("1'234", Some('.'), Some('\'')), Ok(1234));
    }

    #[test]
    fn long_numbers_are_refused_and_not_cut() {
        assert_eq!(whole("123456789012345678901", None, None), Err(Flaw::TooLong));
        assert_eq!(whole("00000000000000000000000012", None, None), Ok(12));
        assert_eq!(Decimal::read("9999999999999999999", PLAIN).unwrap().whole(), None, "over i64");
        assert_eq!(whole("-9223372036854775808", None, None), Ok(i64::MIN));
        assert_eq!(Decimal::read("0,1234567890123456789", Marks::default()), Err(Flaw::TooLong));
    }

    #[test]
    fn scientific_notation_is_damage_and_a_batch_is_not() {
        for damaged in ["5,71225E+12", "5.71225e+12", "1E+05", "3,80001E-7"] {
            assert!(is_scientific(damaged), "{damaged}");
        }
        for sound in ["1E5", "E+5", "LOT1E+5", "12", "1E+5X"] {
            assert!(!is_scientific(sound), "{sound}");
        }
        assert_eq!(whole("5,71225E+12", Some(','), None), Err(Flaw::Scientific));
    }

    #[test]
    fn comparison_is_exact() {
        let read = |text| Decimal::read(text, PLAIN).unwrap();
        assert!(read("0.1") < read("0.100000000000000001"));
        assert!(read("-1") < read("0") && read("-2") < read("-1.5") && read("-0.5") < read("0.5"));
        assert_eq!(read("-0.0"), read("0"));
        assert_eq!(read("9007199254740993"), read("9007199254740993.000"));
        assert!(read("9007199254740992") < read("9007199254740993"));
    }

    #[test]
    fn the_sign_is_turned_and_nothing_else() {
        assert_eq!(negated("-12,00"), "12,00");
        assert_eq!(negated("12-"), "12");
        assert_eq!(negated("1 234"), "-1 234");
    }

    proptest::proptest! {
        #[test]
        fn every_whole_number_survives_its_ways_of_writing(number in proptest::prelude::any::<i64>()) {
            let digits = number.unsigned_abs().to_string();
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index) % 3 == 0 {
                    grouped.push('\u{a0}');
                }
                grouped.push(digit);
            }
            let text = if number < 0 { format!("{grouped},00-") } else { format!("{grouped},00") };
            proptest::prop_assert_eq!(whole(&number.to_string(), None, None), Ok(number));
            proptest::prop_assert_eq!(whole(&text.replace("00-", "00 -"), Some(','), None), Ok(number));
        }

        #[test]
        fn reading_never_panics(text in ".{0,30}", digits in "[0-9.,  eE+'-]{0,45}") {
            for marks in [PLAIN, Marks::default(), Marks { decimal: Some(','), thousands: Some('.') }] {
                let _ = Decimal::read(&text, marks);
                let _ = Decimal::read(&digits, marks);
            }
        }
    }
}
