//! Check digits and shapes of the numbers in SESPA's transactions. Pure arithmetic on digits; the rules
//! decide what a failed check means.
//!
//! EIK (BULSTAT) and personal numbers: the published weights of the Bulgarian registers. GTIN: GS1's modulo
//! 10. The health inspectorates' number: ten digits, region, municipality, kind of establishment, serial.

use chrono::NaiveDate;

use crate::model::wide::are_digits;

/// Whether the text is nothing but ASCII digits.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && are_digits(text.as_bytes())
}

/// Whether the text is an EIK of 9 or 13 digits whose check digits hold.
pub(super) fn is_eik(text: &str) -> bool {
    if !is_digits(text) {
        return false;
    }
    let nine = |text: &str| ends_in_check_digit(text, [1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 5, 6, 7, 8, 9, 10]);
    match (text.len(), text.get(..9), text.get(8..)) {
        (9, ..) => nine(text),
        (13, Some(company), Some(branch)) => {
            nine(company) && ends_in_check_digit(branch, [2, 7, 3, 5], [4, 9, 5, 7])
        }
        _ => false,
    }
}

/// The last digit is the sum by the first weights modulo 11; where that is 10, by the second; where that is 10
/// too, zero.
fn ends_in_check_digit<const N: usize>(text: &str, first: [u32; N], second: [u32; N]) -> bool {
    let sum =
        |weights: [u32; N]| digits(text).zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
    let check = match sum(first) {
        10 => sum(second) % 10,
        check => check,
    };
    digits(text).nth(N) == Some(check)
}

/// Whether ten digits are a personal number: a day of birth and a check digit. Never tell anybody the number.
pub(super) fn is_personal(text: &str) -> bool {
    const WEIGHTS: [u32; 9] = [2, 4, 8, 5, 10, 9, 7, 3, 6];
    if !is_digits(text) || text.len() != 10 {
        return false;
    }
    let check = digits(text).zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum::<u32>() % 11 % 10;
    is_birthday(text) && digits(text).nth(9) == Some(check)
}

/// Year, month and day in six digits; the month tells the century: as it is 1900, plus 20 1800, plus 40 2000.
fn is_birthday(text: &str) -> bool {
    let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (part(0), part(2), part(4)) else { return false };
    let (century, month) = match month {
        21..=32 => (1800, month - 20),
        41..=52 => (2000, month - 40),
        _ => (1900, month),
    };
    i32::try_from(century + year).is_ok_and(|year| NaiveDate::from_ymd_opt(year, month, day).is_some())
}

/// What is odd about a health inspectorate's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Not ten digits.
    Length,
    /// The region is not 01 to 28.
    Region,
    /// No known kind of establishment.
    Establishment,
    /// The serial is 000.
    Serial,
}

/// The first doubt about a health inspectorate's number; none where it looks right.
pub(super) fn rzi_doubt(text: &str) -> Option<Doubt> {
    if !is_digits(text) || text.len() != 10 {
        return Some(Doubt::Length);
    }
    let part = |range: std::ops::Range<usize>| {
        text.get(range).and_then(|part| part.parse::<u16>().ok()).unwrap_or(0)
    };
    if !(1..=28).contains(&part(0..2)) {
        Some(Doubt::Region)
    } else if part(7..10) == 0 {
        Some(Doubt::Serial)
    } else if !is_establishment(part(4..7)) {
        Some(Doubt::Establishment)
    } else {
        None
    }
}

fn is_establishment(code: u16) -> bool {
    matches!(code,
        111..=114 | 121..=124 | 131..=134 | 141..=143 | 145 | 146 | 161..=163
        | 211..=214 | 221..=224 | 231..=234 | 241..=244 | 331..=334 | 340 | 351 | 411
        | 621..=623 | 625 | 626 | 711 | 911..=914 | 921..=924 | 931..=934 | 941..=944)
}

/// Whether the text has the digits of a GTIN: 8, 12, 13 or 14 of them.
pub(super) fn is_gtin_shape(text: &str) -> bool {
    matches!(text.len(), 8 | 12..=14) && is_digits(text)
}

/// Whether the last digit of a GTIN is the one GS1's modulo 10 gives: weights 3 and 1 from the right.
pub(super) fn gtin_check_holds(text: &str) -> bool {
    // Zeros before it change nothing. So it is 16 digits, of which every other one counts thrice, from the first.
    let mut padded = [b'0'; 16];
    let Some(place) = padded.len().checked_sub(text.len()).and_then(|start| padded.get_mut(start..)) else {
        return false;
    };
    place.copy_from_slice(text.as_bytes());
    let (pairs, _) = padded.as_chunks::<2>();
    let value = |digit: u8| u32::from(digit & 0x0F);
    pairs.iter().map(|[thrice, once]| 3 * value(*thrice) + value(*once)).sum::<u32>().is_multiple_of(10)
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Doubt, gtin_check_holds, is_eik, is_gtin_shape, is_personal, rzi_doubt};

    #[test]
    fn eik_of_the_registers_pass_and_mistyped_ones_do_not() {
        let valid = [
            "131071587",
            "131129282",
            "130007884",
            "130408101",
            "121708719",
            "202557570",
            "020469788",
            "0009039460577",
            "0000568780291",
            "1751162860016",
            "1751162861128",
            "1217087192000",
            "1213961230342",
        ];
        for text in valid {
            assert!(is_eik(text), "{text}");
        }
        let invalid = [
            "121708729",
            "175116280",
            "202557571",
            "1751162860013",
            "1751162861127",
            "1217087192001",
            "1017087192000",
            "123456789",
            "",
            "20469788",
            "1310715870",
            "13107158А",
        ];
        for text in invalid {
            assert!(!is_eik(text), "{text}");
        }
    }

    #[test]
    fn the_second_weights_decide_where_the_first_give_ten() {
        let body = [0, 0, 0, 0, 2, 0, 0, 0];
        let sum = |from: u32| body.iter().zip(from..).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
        assert_eq!((sum(1), sum(3)), (10, 3));
        assert!(is_eik("000020003"));
        assert!(!is_eik("000020000"));
    }

    #[test]
    fn numbers_of_health_inspectorates_are_only_doubted() {
        for text in ["0103211001", "0204211001", "0290111234", "0213141001"] {
            assert_eq!(rzi_doubt(text), None, "{text}");
        }
        let doubted = [
            ("103211001", Doubt::Length),
            ("О103211001", Doubt::Length),
            ("2903211001", Doubt::Region),
            ("0003211001", Doubt::Region),
            ("0103211000", Doubt::Serial),
            ("0103999001", Doubt::Establishment),
        ];
        for (text, doubt) in doubted {
            assert_eq!(rzi_doubt(text), Some(doubt), "{text}");
        }
    }

    #[test]
    fn gtins_of_official_lists() {
        for text in ["05712249101367", "55413760279461", "5712249101367", "50085412959967"] {
            assert!(is_gtin_shape(text) && gtin_check_holds(text), "{text}");
        }
        assert!(is_gtin_shape("50085412959961") && !gtin_check_holds("50085412959961"));
        for text in ["5.71225E+12", "", "123", "057122491013678", "0571224910136х"] {
            assert!(!is_gtin_shape(text), "{text}");
        }
    }

    #[test]
    fn a_birthday_with_a_check_digit_is_a_person() {
        // Made up: 1 January 1980 and 29 February 2004.
        for (body, person) in
            [("800101000", true), ("044229000", true), ("801301000", false), ("034229000", false)]
        {
            let found = (0..10).filter(|check| is_personal(&format!("{body}{check}"))).count();
            assert_eq!(found, usize::from(person), "{body}");
        }
        assert!(!is_personal("0103211001"));
    }

    proptest! {
        #[test]
        fn checks_take_any_text(text in any::<String>()) {
            let _ = (is_eik(&text), is_personal(&text), rzi_doubt(&text), is_gtin_shape(&text), gtin_check_holds(&text));
        }

        #[test]
        fn one_mistyped_digit_of_a_gtin_is_found(digits in prop::collection::vec(0u32..10, 13), at in 0usize..13, by in 1u32..10) {
            let sum: u32 = digits.iter().rev().zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
            let written = |digits: &[u32]| digits.iter().map(u32::to_string).collect::<String>();
            let check = ((10 - sum % 10) % 10).to_string();
            prop_assert!(gtin_check_holds(&(written(&digits) + &check)));
            let mut mistyped = digits.clone();
            mistyped[at] = (mistyped[at] + by) % 10;
            prop_assert!(!gtin_check_holds(&(written(&mistyped) + &check)));
        }
    }
}
