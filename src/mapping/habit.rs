//! How a column's codes are written, as the first rows of a file show it: by it a code that a spreadsheet changed
//! stands out.
//!
//! Looked at once per file, in rows that are read anyway. Where too few rows say something, nothing is concluded.

use crate::model::{CodeInfo, Issue, Who, Words};
use crate::table::{CellKind, Row};

use super::date;

/// Rows that must say the same before it counts.
const FEW: u32 = 3;
/// Longest codes whose length counts.
const LONGEST: usize = 32;
/// Digits of a number that spreadsheets keep; what follows is zeros or noise.
const KEPT: usize = 15;

/// A number among codes.
pub(super) static W205: CodeInfo = CodeInfo {
    code: "W205",
    who: Who::User,
    bg: Words {
        message: "„{0}“ е число, а другите клетки в колоната са текст: ако кодът е имал нули отпред или буква Е, Excel ги е \
                  загубил; сверете го и форматирайте колоната като текст („Форматиране на клетки“ > „Текст“), преди да \
                  впишете кодове",
        why: "Excel прави число от всеки код, който прилича на число: 00123 става 123, а 12E4 става 120000.",
        example: "123 вместо 00123",
        repair: "Сверете кода с опаковката. Ако е верен, не правете нищо; ако не е, впишете го в клетка с формат „Текст“.",
    },
    en: Words {
        message: "`{0}` is a number, and the other cells of the column are text: if the code had zeros in front or a letter \
                  E, Excel has lost them; compare it, and format the column as text (Format Cells > Text) before codes are \
                  entered",
        why: "Excel makes a number of every code that looks like one: 00123 becomes 123, and 12E4 becomes 120000.",
        example: "123 in place of 00123",
        repair: "Compare the code with the pack. If it is right, do nothing; if not, enter it in a cell with the format Text.",
    },
};

/// What the cells of one column have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Habit {
    texts: u32,
    numbers: u32,
    /// Cells that are a day, and nothing else.
    days: u32,
    /// Codes of more than fifteen digits, and how many of them have nothing but zeros behind these.
    long: u32,
    rounded: u32,
    /// Codes of digits by their length, and how many of them begin with a zero.
    lengths: [(u32, u32); LONGEST],
}

impl Habit {
    /// Takes one more row's cell into account.
    pub(super) fn look_at(&mut self, row: &Row, column: usize) {
        let sound = !row.is_mended() && !row.issues().iter().any(Issue::is_error);
        if let Some(cell) = row.cell(column).filter(|_| sound) {
            self.meet(cell.text.trim(), cell.kind);
        }
    }

    fn meet(&mut self, text: &str, kind: CellKind) {
        if text.is_empty() {
            return;
        }
        match kind {
            CellKind::Number => self.numbers += 1,
            CellKind::Text => self.texts += 1,
            _ => return,
        }
        self.days += u32::from(date::may_be_day(text) && is_day(text));
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        if let Some((met, zeros)) = self.lengths.get_mut(text.len()) {
            *met += 1;
            *zeros += u32::from(text.starts_with('0'));
        }
        if let Some(rest) = text.get(KEPT..).filter(|rest| !rest.is_empty()) {
            self.long += 1;
            self.rounded += u32::from(rest.bytes().all(|byte| byte == b'0'));
        }
    }

    fn filled(&self) -> u32 {
        self.texts + self.numbers
    }

    /// The number of digits that codes of the column have, where that shows by zeros in front.
    pub(super) fn padded_to(&self) -> Option<usize> {
        let count = |lengths: &[(u32, u32)]| lengths.iter().map(|(met, _)| met).sum::<u32>();
        let (digits, (met, zeros)) = self.lengths.iter().enumerate().max_by_key(|(_, (_, zeros))| *zeros)?;
        let longer = self.lengths.get(digits + 1..).map_or(0, count);
        let usual = met * 2 >= count(&self.lengths) && longer * 4 <= *met;
        (*zeros >= FEW && usual).then_some(digits)
    }

    /// Whether a day among these codes is what a spreadsheet made of one.
    fn days_are_odd(&self) -> bool {
        self.filled() - self.days >= FEW && self.days * 2 < self.filled()
    }

    /// Whether the column's long codes end in zeros where a spreadsheet would have put them.
    fn is_rounded(&self) -> bool {
        self.long >= FEW && self.long == self.rounded
    }

    /// Whether most of the column's long codes kept all their digits. One in a thousand ends in three zeros even so.
    fn is_whole(&self) -> bool {
        let whole = self.long - self.rounded;
        whole >= FEW && whole > self.rounded
    }

    /// Whether a text is the day that a spreadsheet made of a code.
    pub(super) fn became_day(&self, text: &str) -> bool {
        date::may_be_day(text) && (date::is_excels_day(text) || self.days_are_odd() && is_day(text))
    }

    /// Whether a text has lost its digits behind the fifteenth.
    pub(super) fn was_cut(&self, text: &str) -> bool {
        let behind = text.get(KEPT..).filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let zeros = behind.filter(|behind| behind.bytes().all(|byte| byte == b'0')).map_or(0, str::len);
        // Three zeros are hardly chance, unless the other codes kept their digits; of one or two they must say it.
        zeros >= 3 && !self.is_whole() || zeros > 0 && self.is_rounded()
    }

    /// Whether a number is odd among these codes.
    pub(super) fn is_odd_number(&self, kind: CellKind) -> bool {
        kind == CellKind::Number && self.texts >= FEW && self.numbers * 4 <= self.filled()
    }
}

/// A whole day, however it is written.
fn is_day(text: &str) -> bool {
    date::read_common(text).or_else(|| date::read_rare(text, chrono_tz::UTC)).is_some()
        || date::looks_like_excels_day(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn habit(cells: &[(&str, CellKind)]) -> Habit {
        let mut habit = Habit::default();
        for (text, kind) in cells {
            let mut row = Row::new();
            row.push(text, *kind);
            habit.look_at(&row, 0);
        }
        habit
    }

    fn texts(cells: &[&str]) -> Habit {
        habit(&cells.iter().map(|text| (*text, CellKind::Text)).collect::<Vec<_>>())
    }

    #[test]
    fn zeros_in_front_show_how_long_codes_are() {
        let gtins = ["05712249101367", "55413760279461", "05012345678900", "03800012345678", "5712249101367"];
        assert_eq!(texts(&gtins).padded_to(), Some(14));
        assert_eq!(texts(&gtins[..3]).padded_to(), None, "two zeros are no habit");
        assert_eq!(texts(&["00123", "00124", "00125", "L24"]).padded_to(), Some(5));
        assert_eq!(texts(&["00123", "00124", "00125", "123456"]).padded_to(), None, "others are longer");
    }

    #[test]
    fn a_day_is_odd_among_lots_only() {
        let lots = texts(&["L24A017", "L24A018", "B77", "01.03.2026"]);
        for text in ["2026-03-01", "01.03.2026", "1.3.2026 г.", "Mar-26", "мар.26"] {
            assert!(lots.became_day(text), "{text}");
        }
        assert!(!lots.became_day("MAR26") && !lots.became_day("L24A017"));
        let days = texts(&["01.03.2026", "02.03.2026", "03.03.2026", "L1", "L2", "L3"]);
        assert!(!days.became_day("04.03.2026") && days.became_day("мар.26"));
        assert!(!texts(&["L1"]).became_day("04.03.2026"), "one row says nothing");
    }

    #[test]
    fn zeros_behind_the_fifteenth_digit_are_excels() {
        let none = Habit::default();
        assert!(none.was_cut("123456789012345000") && !none.was_cut("1234567890123450"));
        assert!(!none.was_cut("123456789012345") && !none.was_cut("L23456789012345000"));
        let cut = texts(&["1234567890123450", "2234567890123450", "3234567890123450"]);
        assert!(cut.was_cut("4234567890123450") && !cut.was_cut("4234567890123451"));
        let long = ["123456789012345678", "123456789012345679", "123456789012345680", "123456789012345000"];
        assert!(!texts(&long).was_cut(long[3]), "a chance among codes that kept their digits");
        assert!(texts(&long[1..]).was_cut(long[3]), "two say nothing");
    }

    #[test]
    fn a_number_is_odd_among_texts_only() {
        let text = ("L1", CellKind::Text);
        let mixed = habit(&[text, text, text, ("123", CellKind::Number)]);
        assert!(mixed.is_odd_number(CellKind::Number) && !mixed.is_odd_number(CellKind::Text));
        let numbers = habit(&[("1", CellKind::Number), ("2", CellKind::Number), text, text, text]);
        assert!(!numbers.is_odd_number(CellKind::Number));
    }

    proptest::proptest! {
        #[test]
        fn no_texts_make_it_panic(cells in proptest::collection::vec(".{0,20}|[0-9.а-я-]{0,20}", 0..9)) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let habit = texts(&cells);
            for text in cells {
                let _ = (habit.became_day(text), habit.was_cut(text), habit.padded_to());
            }
        }
    }
}
