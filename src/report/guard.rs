//! Cells that a spreadsheet would take for a formula, made harmless and back again.

/// The text as a report shows it: an apostrophe before what a spreadsheet would run, the text itself otherwise.
///
/// Text that already begins with an apostrophe before such a beginning gets one more, so that
/// [`taken_off`] gives back every text exactly.
pub fn guarded(text: &str) -> Guarded<'_> {
    Guarded { apostrophe: needs_guard(text), text }
}

/// The text a guarded cell stood for. For files of ours (with a column `rx_ref`) only.
pub fn taken_off(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if needs_guard(text) => text,
        _ => cell,
    }
}

/// A cell's text with or without an apostrophe before it; shown without copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded<'a> {
    /// Whether an apostrophe stands before the text.
    pub apostrophe: bool,
    /// The text.
    pub text: &'a str,
}

impl Guarded<'_> {
    /// Appends what is shown.
    pub fn write_to(self, out: &mut String) {
        if self.apostrophe {
            out.push('\'');
        }
        out.push_str(self.text);
    }
}

fn needs_guard(text: &str) -> bool {
    // Nearly every cell begins with a letter or a digit.
    if !text.starts_with(['\'', '=', '+', '-', '@', '\t', '\r']) {
        return false;
    }
    let bare = text.trim_start_matches('\'');
    bare.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(bare)
}

/// A signed number as people write it: blanks between digits, groups of three, one decimal mark, an exponent.
fn is_number(text: &str) -> bool {
    let Some(unsigned) = text.strip_prefix(['-', '+']) else { return false };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    exponent.is_none_or(|digits| is_digits(digits.strip_prefix(['-', '+']).unwrap_or(digits)))
        && is_mantissa(mantissa)
}

fn is_mantissa(text: &str) -> bool {
    let (whole, fraction) = match text.rfind(['.', ',']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, ""),
    };
    (fraction.is_empty() || is_digits(fraction))
        && (is_grouped(whole) || (whole.is_empty() && !fraction.is_empty()))
}

/// Digits, or groups of digits divided by one and the same mark, each but the first of three.
fn is_grouped(text: &str) -> bool {
    let Some(mark) = text.chars().find(|letter| !letter.is_ascii_digit()) else { return is_digits(text) };
    let mut groups = text.split(mark);
    matches!(mark, ' ' | '\u{a0}' | '\u{202f}' | '.' | ',' | '\'')
        && groups.next().is_some_and(is_digits)
        && groups.all(|group| group.len() == 3 && is_digits(group))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{guarded, taken_off};

    fn shown(text: &str) -> String {
        let mut out = String::new();
        guarded(text).write_to(&mut out);
        out
    }

    #[test]
    fn formulas_get_an_apostrophe_and_numbers_do_not() {
        for formula in
            ["=1+1", "+cmd|' /C calc'!A0", "-", "@SUM(A1)", "\tx", "\r", "-1-2", "+359 88 12", "-1,2.3.4"]
        {
            assert_eq!(shown(formula), format!("'{formula}"));
        }
        for harmless in
            ["", "-12", "+5", "-12,50", "-1 234,5", "-1\u{a0}234", "-,5", "-1.5E+3", "a=b", "'abc", "1-2"]
        {
            assert_eq!(shown(harmless), harmless);
        }
    }

    #[test]
    fn an_apostrophe_of_the_users_own_is_not_lost() {
        assert_eq!(shown("'=a"), "''=a");
        assert_eq!(taken_off("''=a"), "'=a");
        assert_eq!(taken_off("'abc"), "'abc");
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back_exactly(text in "['=+@\\-\t0-9., aE]{0,8}") {
            let cell = shown(&text);
            prop_assert_eq!(taken_off(&cell), text);
        }
    }
}
