//! Numbers and dates of a workbook as text: what a person sees, never an exponent.

use std::fmt::Write as _;

use calamine::{DataRef, ExcelDateTime};
use serde::{Deserialize, Serialize};

use super::row::CellKind;

/// Significant digits that Excel keeps and shows.
pub(super) const DIGITS: usize = 15;

/// Digits of the longest mask; no number has as many.
pub(super) const LONGEST_MASK: usize = 64;

/// From which day a workbook counts its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DayCount {
    /// 1 January 1900, as nearly all do.
    From1900,
    /// 1 January 1904, as Excel for the Mac once did.
    From1904,
}

/// Zeros that a number format fills up to: `00000000000000` gives 14; 0 where it is no such mask.
pub(super) fn mask_of(format: &str) -> usize {
    let first = format.split(';').next().unwrap_or(format);
    let first =
        first.strip_prefix("[$-").and_then(|rest| rest.split_once(']')).map_or(first, |(_, rest)| rest);
    let zeros = first.trim_end_matches(['_', ')', ' ', '\\', '"']);
    if (2..=LONGEST_MASK).contains(&zeros.len()) && zeros.bytes().all(|byte| byte == b'0') {
        zeros.len()
    } else {
        0
    }
}

/// Writes a number plain, filled up with zeros to `mask` digits. True if it has more digits than Excel keeps.
///
/// Fractions are rounded to the 15 digits that Excel shows, so that `0.1 + 0.2` is 0.3.
pub(super) fn push_number(value: f64, mask: usize, scratch: &mut String, out: &mut String) -> bool {
    scratch.clear();
    // Display of a float is the shortest text that reads back the same, without exponent and without `.0`.
    let written = write!(scratch, "{}", value.abs());
    debug_assert!(written.is_ok(), "a string takes any text");
    let mut digits = significant(scratch);
    if digits > DIGITS && scratch.contains('.') {
        round(value, scratch);
        digits = DIGITS;
    }
    if value < 0.0 && scratch != "0" {
        out.push('-');
    }
    if !scratch.contains('.') {
        fill_up(scratch, mask, out);
    }
    out.push_str(scratch);
    digits > DIGITS || value.abs() >= 1e15
}

/// Writes the zeros that a number's digits lack.
fn fill_up(digits: &str, mask: usize, out: &mut String) {
    out.extend(std::iter::repeat_n('0', mask.saturating_sub(digits.len())));
}

/// Writes a whole number plain, filled up with zeros to `mask` digits.
fn push_whole(value: i64, mask: usize, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let digits = value.unsigned_abs().to_string();
    fill_up(&digits, mask, out);
    out.push_str(&digits);
}

fn significant(text: &str) -> usize {
    let digits = text.trim_start_matches(['0', '.']);
    let digits = if text.contains('.') { digits } else { digits.trim_end_matches('0') };
    digits.bytes().filter(u8::is_ascii_digit).count()
}

/// Rounds a fraction to the digits Excel shows and takes off the zeros behind it.
fn round(value: f64, text: &mut String) {
    let whole = text.find('.').unwrap_or(text.len());
    let leading = text.bytes().filter(|byte| *byte != b'.').take_while(|byte| *byte == b'0').count();
    let places = if text.starts_with('0') { DIGITS + leading - 1 } else { DIGITS.saturating_sub(whole) };
    text.clear();
    let written = write!(text, "{:.*}", places, value.abs());
    debug_assert!(written.is_ok(), "a string takes any text");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
}

/// Writes a value of a workbook's cell. What it is, and whether it is a number with more digits than Excel keeps.
pub(super) fn push_value(
    value: &DataRef<'_>,
    mask: usize,
    scratch: &mut String,
    out: &mut String,
) -> (CellKind, bool) {
    let dated = |is_date: bool| if is_date { CellKind::Date } else { CellKind::Text };
    let kind = match value {
        DataRef::Float(value) => return (CellKind::Number, push_number(*value, mask, scratch, out)),
        DataRef::Int(value) => {
            push_whole(*value, mask, out);
            CellKind::Number
        }
        DataRef::DateTime(date) => dated(push_date(*date, out)),
        DataRef::DateTimeIso(text) => dated(push_iso_date(text, out)),
        DataRef::DurationIso(text) => {
            push_iso_time(text, out);
            CellKind::Text
        }
        DataRef::Bool(value) => {
            out.push_str(if *value { "TRUE" } else { "FALSE" });
            CellKind::Bool
        }
        DataRef::Error(error) => {
            out.push_str(&error.to_string());
            CellKind::Error
        }
        DataRef::String(text) => {
            out.push_str(text);
            CellKind::Text
        }
        DataRef::SharedString(text) => {
            out.push_str(text);
            CellKind::Text
        }
        DataRef::Empty => CellKind::Text,
    };
    (kind, false)
}

/// Writes `PT10H30M00S` as `10:30:00`; anything else as it stands.
fn push_iso_time(text: &str, out: &mut String) {
    let parts = || {
        let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
        let (minutes, rest) = rest.split_once('M')?;
        let seconds = rest.strip_suffix('S')?.split(['.', ',']).next()?;
        let all = [hours, minutes, seconds];
        let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        all.iter().all(digits).then(|| all.map(|part| format!("{part:0>2}")).join(":"))
    };
    match parts() {
        Some(time) => out.push_str(&time),
        None => out.push_str(text),
    }
}

/// Writes a date as `YYYY-MM-DD`, with ` HH:MM:SS` where it has a time. False for a time of day or a duration,
/// written `HH:MM:SS`: that is no date.
pub(super) fn push_date(date: ExcelDateTime, out: &mut String) -> bool {
    let is_date = date.is_datetime() && date.as_f64() >= 1.0;
    let written = if is_date {
        let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
        let midnight = hour == 0 && minute == 0 && second == 0;
        write!(out, "{year:04}-{month:02}-{day:02}")
            .and_then(|()| if midnight { Ok(()) } else { write!(out, " {hour:02}:{minute:02}:{second:02}") })
    } else {
        let hours = date.as_f64().abs() * 24.0;
        let sign = if date.as_f64() < 0.0 { "-" } else { "" };
        let seconds = (hours * 3600.0).round();
        let (hour, rest) = ((seconds / 3600.0).floor(), seconds % 3600.0);
        write!(out, "{sign}{hour:02.0}:{:02.0}:{:02.0}", (rest / 60.0).floor(), rest % 60.0)
    };
    debug_assert!(written.is_ok(), "a string takes any text");
    is_date
}

/// Writes a date that the workbook holds as ISO text in the same form. False if it is none.
pub(super) fn push_iso_date(text: &str, out: &mut String) -> bool {
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    let time = time.split(['.', 'Z', '+']).next().unwrap_or_default();
    let shape = |text: &str, mark: char, lengths: [usize; 3]| {
        let parts: Vec<&str> = text.split(mark).collect();
        parts.len() == 3
            && parts
                .iter()
                .zip(lengths)
                .all(|(part, length)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !shape(day, '-', [4, 2, 2]) || !(time.is_empty() || shape(time, ':', [2, 2, 2])) {
        out.push_str(text);
        return false;
    }
    out.push_str(day);
    if !time.is_empty() && time != "00:00:00" {
        out.push(' ');
        out.push_str(time);
    }
    true
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;
    use proptest::prelude::*;

    use super::*;

    fn number(value: f64, mask: usize) -> String {
        let mut out = String::new();
        push_number(value, mask, &mut String::new(), &mut out);
        out
    }

    #[test]
    fn numbers_are_plain_digits() {
        assert_eq!(number(20_469_788.0, 0), "20469788");
        assert_eq!(number(3_800_012_345_678.0, 0), "3800012345678");
        assert_eq!(number(0.1 + 0.2, 0), "0.3");
        assert_eq!(number(35.999_999_999_999_99, 0), "36");
        assert_eq!(number(-12.5, 0), "-12.5");
        assert_eq!(number(0.000_012_5, 0), "0.0000125");
        assert_eq!(number(1e300, 0).len(), 301);
        assert_eq!(number(-0.0, 0), "0");
        assert_eq!(number(2.0_f64.sqrt(), 0), "1.4142135623731");
    }

    #[test]
    fn a_mask_gives_zeros_back() {
        assert_eq!(number(3_800_012_345_678.0, mask_of("00000000000000")), "03800012345678");
        assert_eq!(number(-7.0, mask_of("000")), "-007");
        assert_eq!(number(7.5, mask_of("000")), "7.5");
        assert_eq!(number(123_456.0, mask_of("[$-402]0000")), "123456");
        for format in ["General", "0", "0.00", "#,##0", "@", "00E+00", "000\\-000", ""] {
            assert_eq!(mask_of(format), 0, "{format}");
        }
    }

    #[test]
    fn a_mask_gives_zeros_back_to_whole_numbers_too() {
        let whole = |value, mask| {
            let mut out = String::new();
            let told = push_value(&DataRef::Int(value), mask, &mut String::new(), &mut out);
            (out, told)
        };
        let number = (CellKind::Number, false);
        assert_eq!(whole(71, 5), ("00071".into(), number));
        assert_eq!(whole(-7, 3), ("-007".into(), number));
        assert_eq!(whole(123_456, 0), ("123456".into(), number));
    }

    #[test]
    fn more_than_fifteen_digits_are_told() {
        let told = |value| push_number(value, 0, &mut String::new(), &mut String::new());
        assert!(told(1_234_567_890_123_456.0));
        assert!(told(1.234_567_890_123_456_7e19));
        assert!(!told(123_456_789_012_345.0));
        assert!(!told(0.1 + 0.2));
    }

    #[test]
    fn dates_of_both_calendars() {
        let text = |value, kind, is_1904| {
            let mut out = String::new();
            let date = push_date(ExcelDateTime::new(value, kind, is_1904), &mut out);
            (out, date)
        };
        let day = ExcelDateTimeType::DateTime;
        assert_eq!(text(46_000.0, day, false), ("2025-12-09".into(), true));
        assert_eq!(text(46_000.0, day, true), ("2029-12-10".into(), true));
        assert_eq!(text(60.0, day, false), ("1900-02-29".into(), true), "a day that Excel alone knows");
        assert_eq!(text(45_000.5, day, false), ("2023-03-15 12:00:00".into(), true));
        assert_eq!(text(0.5, day, false), ("12:00:00".into(), false));
        assert_eq!(text(1.5, ExcelDateTimeType::TimeDelta, false), ("36:00:00".into(), false));
    }

    #[test]
    fn iso_dates_take_the_same_form() {
        let text = |iso: &str| {
            let mut out = String::new();
            (push_iso_date(iso, &mut out), out)
        };
        assert_eq!(text("2024-11-05"), (true, "2024-11-05".into()));
        assert_eq!(text("2024-11-05T00:00:00"), (true, "2024-11-05".into()));
        assert_eq!(text("2024-11-05T10:20:30.5Z"), (true, "2024-11-05 10:20:30".into()));
        assert_eq!(text("nonsense"), (false, "nonsense".into()));
    }

    proptest! {
        #[test]
        fn every_whole_number_of_fifteen_digits_is_exact(value in 0_u64..1_000_000_000_000_000) {
            #[allow(clippy::cast_precision_loss, reason = "below 2^53 every whole number is exact")]
            let text = number(value as f64, 0);
            prop_assert_eq!(text, value.to_string());
        }

        #[test]
        fn a_quantity_with_places_is_exact(whole in 0_u32..1_000_000_000, places in 0_u32..10_000) {
            let text = format!("{whole}.{places:04}");
            let trimmed = text.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(number(text.parse().unwrap(), 0), trimmed);
        }

        #[test]
        fn any_float_is_written_without_exponent(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let text = number(value, 0);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-'), "{}", text);
        }
    }
}
