//! The names in a row of a header: slips in it put right, where names that are expected and the cells below prove how.
//!
//! A delimiter too few or too many in a header moves every name behind it, so a file whose names were put right that
//! way waits for a person's word ([`Slip::held`]). A quote, another delimiter or one behind the last name moves none.

use serde::Serialize;

use super::evidence::{Proof, proof};
use super::general::{self, Dialect, Quote};
use super::header::Wanted;
use super::mend::Damage;
use super::row::{Cell, Row};
use crate::model::names::fold;
use crate::model::{CodeInfo, Issue, Who, Words};

/// Names of a header that were put right, and what proves how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slip {
    /// What was wrong.
    pub damage: Damage,
    /// As it stands in the file.
    pub was: String,
    /// As it is read.
    pub now: Vec<String>,
    /// Whether names stand above other cells now, so that a person must say that it is right.
    pub held: bool,
    /// What shows it.
    #[serde(flatten)]
    pub proof: Proof,
}

/// The cells of the rows below a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Below<'d> {
    /// How many rows of text have; 0 for a sheet, where every cell has its place.
    pub(super) usual: usize,
    /// The same without those at the end in which no row has anything.
    pub(super) filled: usize,
    /// What stands between them.
    pub(super) delimiter: &'d str,
}

/// The names in one row of a header.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) names: Vec<String>,
    pub(super) slips: Vec<Slip>,
}

/// Letters of a header in which no missing delimiter is looked for: each place of a name is tried.
const LONGEST: usize = 4_000;
/// Letters of a name that is not divided.
const LONGEST_NAME: usize = 500;
/// Stands for a delimiter where it is told what was there.
const CUT: &str = " ¦ ";

/// Two names in one cell.
type Pair = [String; 2];

/// The names in a row of a header.
pub(super) fn read(row: &Row, below: &Below<'_>, wanted: &Wanted) -> Line {
    let mut line = Line::default();
    let odd = (row.len() == 1 && below.usual > 1).then(|| divided_oddly(row, below.usual)).flatten();
    if let Some(names) = &odd {
        let was = row.cell(0).map_or("", |cell| cell.text);
        line.tell(Damage::OtherDelimiter, was, names.clone(), false, of_count(below.usual));
    }
    let cells = odd.unwrap_or_else(|| row.cells().map(|cell| cell.text.to_owned()).collect());
    for cell in &cells {
        line.take(cell, below, wanted);
    }
    if below.usual > 0 {
        line.leave_out_nameless(below.usual);
        line.join(below.usual, wanted);
        line.divide_quoted(below);
        line.divide(below, wanted);
    }
    line
}

/// The names of a row that another delimiter divides into as many cells as other rows have.
fn divided_oddly(row: &Row, usual: usize) -> Option<Vec<String>> {
    let text = row.cell(0)?.text;
    let names = [";", ",", "\t", "|", ", ", "; "].into_iter().find_map(|delimiter| {
        let dialect = Dialect { delimiter: delimiter.into(), quote: Quote::Double, backslash: false };
        let cells = general::split(text, &dialect).cells;
        (cells.len() == usual && cells.iter().all(|cell| !cell.trim().is_empty())).then_some(cells)
    })?;
    names.iter().all(|name| name.chars().any(char::is_alphabetic)).then_some(names)
}

/// How many expected names a row has that another delimiter divides.
pub(super) fn expected_oddly(row: &Row, usual: usize, wanted: &Wanted) -> usize {
    let names =
        (row.len() == 1 && usual > 1).then(|| divided_oddly(row, usual)).flatten().unwrap_or_default();
    names.iter().filter(|name| wanted.has(name)).count()
}

/// A row of names that are divided by another delimiter than the rows below, or are more than they have cells, or
/// one less.
pub(super) fn is_odd_header(row: Option<&Row>, usual: usize) -> bool {
    let Some(row) = row.filter(|_| usual > 1) else { return false };
    let named = |cell: &Cell<'_>| {
        cell.text.trim().starts_with(|first: char| first.is_alphabetic() || first == '№' || first == '%')
    };
    let filled = || row.cells().filter(|cell| !cell.text.trim().is_empty());
    let surplus = row.len().saturating_sub(usual);
    row.len() == 1 && divided_oddly(row, usual).is_some()
        || row.len() > 1
            && filled().count() + 1 >= usual
            && row.len() - filled().count() <= surplus
            && filled().all(|cell| named(&cell))
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{FEFF}'
}

/// A blank, or what may have been put in the place of a delimiter.
fn is_between(letter: char) -> bool {
    is_blank(letter) || matches!(letter, ';' | ',' | '|' | '"')
}

fn of_count(cells: usize) -> Proof {
    let bg = format!("така имената са {cells}, колкото са клетките на редовете");
    let en = format!("there are {cells} names so, as many as the rows have cells");
    Proof { count: Some(cells), ..proof("as_many_as_cells", bg, en) }
}

impl Line {
    fn tell(&mut self, damage: Damage, was: &str, now: Vec<String>, held: bool, proof: Proof) {
        self.slips.push(Slip { damage, was: was.trim_matches(is_blank).to_owned(), now, held, proof });
    }

    /// Takes a cell without blanks and byte-order marks around it, and without a quote that has no partner.
    fn take(&mut self, cell: &str, below: &Below<'_>, wanted: &Wanted) {
        let name = cell.trim_matches(is_blank);
        let mut clean = name.to_owned();
        if name.matches('"').count() == 1 && name.len() > 1 {
            name.trim_matches('"').trim_matches(is_blank).clone_into(&mut clean);
            let without = name.replace('"', "");
            if !wanted.has(&clean) && wanted.has(&without) {
                clean = without;
            }
        }
        if clean != name && below.usual > 0 {
            let proof = proof("lone_quote", "кавичката няма друга до себе си", "the quote has no partner");
            self.tell(Damage::StrayQuote, name, vec![clean.clone()], false, proof);
        }
        self.names.push(clean);
    }

    /// Names are put right from behind, so that those in front keep their places; they are told from the front.
    fn turn(&mut self, known: usize) {
        self.slips.get_mut(known..).unwrap_or_default().reverse();
    }

    fn named(&self) -> usize {
        self.names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1)
    }

    fn has_elsewhere(&self, at: usize, name: &str) -> bool {
        let name = fold(name);
        self.names.iter().enumerate().any(|(other, known)| other != at && fold(known) == name)
    }

    /// Empty names beyond those that there are cells for.
    fn leave_out_nameless(&mut self, usual: usize) {
        let last = self.names.last().cloned().unwrap_or_default();
        let before = self.names.len();
        self.names.truncate(self.named().max(usual).min(before));
        if self.names.len() < before {
            self.tell(Damage::Surplus, &last, Vec::new(), false, of_count(self.names.len()));
        }
        let empty: Vec<usize> =
            self.names.iter().enumerate().filter(|(_, name)| name.is_empty()).map(|(at, _)| at).collect();
        if empty.is_empty() || self.names.len() != usual + empty.len() {
            return;
        }
        let known = self.slips.len();
        for at in empty.into_iter().rev() {
            let around = at.saturating_sub(1)..(at + 2).min(self.names.len());
            let was = self.names.get(around).unwrap_or_default().to_vec();
            let now = was.iter().filter(|name| !name.is_empty()).cloned().collect();
            self.names.remove(at);
            self.tell(Damage::Surplus, &was.join(CUT), now, true, of_count(usual));
        }
        self.turn(known);
    }

    /// A name that a delimiter cuts in two, where one name is too many.
    fn join(&mut self, usual: usize, wanted: &Wanted) {
        if self.names.len() != usual + 1 {
            return;
        }
        let joined = |pair: &[String]| {
            let name = [" ", "", "; ", ", ", ";", ","].map(|between| pair.join(between));
            name.into_iter().find(|name| wanted.has(name) && pair.iter().all(|half| !half.is_empty()))
        };
        let places = self.names.windows(2).enumerate();
        let found: Vec<_> = places.filter_map(|(at, pair)| Some((at, joined(pair)?))).collect();
        if let [(at, name)] = found.as_slice()
            && !self.names.iter().any(|known| fold(known) == fold(name))
        {
            let was = self.names.splice(*at..*at + 2, [name.clone()]).collect::<Vec<_>>().join(CUT);
            let bg = format!("името се очаква, а редовете имат по {usual} клетки");
            let en = format!("the name is expected, and the rows have {usual} cells");
            self.tell(Damage::Surplus, &was, vec![name.clone()], true, proof("expected_name", bg, en));
        }
    }

    /// Whether so many more names are as many as the rows have cells.
    fn lacks(&self, below: &Below<'_>, more: usize) -> bool {
        let named = self.named();
        named < below.filled && (below.filled..=below.usual).contains(&(named + more))
    }

    /// Cells in which a quote that has no partner keeps names together.
    fn divide_quoted(&mut self, below: &Below<'_>) {
        let parts = |name: &String| -> Vec<String> {
            let parts = name.split(below.delimiter);
            parts.map(|part| part.trim_matches(is_between).to_owned()).collect()
        };
        let kept: Vec<(usize, Vec<String>)> =
            self.names.iter().map(parts).enumerate().filter(|(_, parts)| parts.len() > 1).collect();
        let more = kept.iter().map(|(_, parts)| parts.len() - 1).sum();
        if kept.iter().flat_map(|(_, parts)| parts).any(String::is_empty) || !self.lacks(below, more) {
            return;
        }
        let known = self.slips.len();
        for (at, parts) in kept.into_iter().rev() {
            self.put(at, &parts, Damage::StrayQuote, of_count(below.usual));
        }
        self.turn(known);
    }

    /// Cells in which a delimiter is missing between two names.
    fn divide(&mut self, below: &Below<'_>, wanted: &Wanted) {
        let letters: usize = self.names.iter().map(|name| name.chars().count()).sum();
        if self.named() >= below.filled || letters > LONGEST {
            return;
        }
        let cells = below.usual;
        let both: Vec<(usize, Pair)> =
            (0..self.names.len()).filter_map(|at| Some((at, self.two_expected(at, wanted)?))).collect();
        if !both.is_empty() && self.lacks(below, both.len()) {
            let bg = format!("и двете имена се очакват, а редовете имат по {cells} клетки");
            let en = format!("both names are expected, and the rows have {cells} cells");
            let known = self.slips.len();
            for (at, pair) in both.into_iter().rev() {
                self.put(at, &pair, Damage::Missing, proof("two_expected_names", bg.clone(), en.clone()));
            }
            self.turn(known);
        } else if self.lacks(below, 1)
            && let Some((at, pair)) = self.only_unknown(wanted)
        {
            let bg = format!(
                "всички други имена се очакват, това започва или завършва с очаквано, а редовете имат по {cells} клетки"
            );
            let en = format!(
                "all other names are expected, this one begins or ends with an expected one, and the rows have {cells} cells"
            );
            self.put(at, &pair, Damage::Missing, proof("only_unknown_name", bg, en));
        }
    }

    fn put(&mut self, at: usize, parts: &[String], damage: Damage, proof: Proof) {
        let was: Vec<String> = self.names.splice(at..=at, parts.iter().cloned()).collect();
        self.tell(damage, &was.concat(), parts.to_vec(), true, proof);
    }

    /// The ways to divide a name, blanks around the halves taken off; each half at least two letters.
    fn halves(name: &str) -> impl Iterator<Item = Pair> + '_ {
        let long = |half: &str| half.chars().nth(1).is_some();
        let is_long = name.len() > LONGEST_NAME * 2 || name.chars().count() > LONGEST_NAME;
        let places = name.char_indices().skip(1).take(if is_long { 0 } else { LONGEST_NAME });
        places.filter_map(move |(place, _)| {
            let (left, right) = name.split_at(place);
            let (left, right) = (left.trim_end_matches(is_between), right.trim_start_matches(is_between));
            (long(left) && long(right)).then(|| [left.to_owned(), right.to_owned()])
        })
    }

    /// The only way in which a cell is two names that are expected and stand nowhere else.
    fn two_expected(&self, at: usize, wanted: &Wanted) -> Option<Pair> {
        let name = self.names.get(at).filter(|name| !wanted.has(name))?;
        let is_new = |half: &String| wanted.has(half) && !self.has_elsewhere(at, half);
        only(Self::halves(name).filter(|pair| pair.iter().all(is_new)))
    }

    /// The one name that nobody expects, divided where an expected one ends or begins.
    fn only_unknown(&self, wanted: &Wanted) -> Option<(usize, Pair)> {
        let names = self.names.get(..self.named()).unwrap_or_default();
        let mut unknown = names.iter().enumerate().filter(|(_, name)| !wanted.has(name));
        let (Some((at, name)), None) = (unknown.next(), unknown.next()) else { return None };
        let is_new =
            |half: &str, other: &str| wanted.has(half) && !self.has_elsewhere(at, half) && !wanted.has(other);
        let is_border = |pair: &Pair| {
            let [left, right] = pair;
            let glued = left.len() + right.len() == name.len();
            !glued || left.ends_with(char::is_lowercase) && right.starts_with(char::is_uppercase)
        };
        let ways = Self::halves(name).filter(|[left, right]| is_new(left, right) || is_new(right, left));
        only(ways.filter(is_border)).map(|pair| (at, pair))
    }
}

/// What all of these are, if they are one and the same.
fn only(mut pairs: impl Iterator<Item = Pair>) -> Option<Pair> {
    let first = pairs.next()?;
    pairs.all(|pair| pair == first).then_some(first)
}

/// What is to be said of a header's slips: what puts every row in doubt, and what only has to be known.
pub(super) fn issues(slips: &[Slip], row: u32) -> [Option<Issue>; 2] {
    let of = |code, told: &[&Slip]| {
        let quoted = |slip: &Slip, open: &str, close: &str| {
            let names: Vec<_> = slip.now.iter().map(|name| format!("{open}{name}{close}")).collect();
            format!("{open}{}{close} → {}", slip.was, names.join(", "))
        };
        let joined = |part: &dyn Fn(&Slip) -> String| {
            let mut parts: Vec<String> = told.iter().map(|slip| part(slip)).collect();
            parts.dedup();
            parts.join("; ")
        };
        let issue = Issue::new(code).row(row).arg(row.to_string());
        let issue = issue.both(
            &joined(&|slip| slip.damage.words().0.to_owned()),
            &joined(&|slip| slip.damage.words().1.to_owned()),
        );
        let issue =
            issue.both(&joined(&|slip| quoted(slip, "„", "“")), &joined(&|slip| quoted(slip, "`", "`")));
        issue.both(&joined(&|slip| slip.proof.bg.clone()), &joined(&|slip| slip.proof.en.clone()))
    };
    let held: Vec<&Slip> = slips.iter().filter(|slip| slip.held).collect();
    let harmless: Vec<&Slip> = slips.iter().filter(|slip| !slip.held && !slip.now.is_empty()).collect();
    let some = |code, told: &[&Slip]| (!told.is_empty()).then(|| of(code, told));
    [some(&W118, &held), some(&W119, &harmless)]
}

/// Names of columns that were put right, so that some stand above other cells.
pub(super) static W118: CodeInfo = CodeInfo {
    code: "W118",
    who: Who::User,
    bg: Words {
        message: "имената на колоните в ред {0} бяха повредени ({1}) и се четат така: {2} ({3}); ако не е вярно, поправете ги и \
                  поставете файла отново",
        why: "Разделител в повече или по-малко в реда с имената размества всички имена след себе си, затова за всеки ред е \
              важно дали са подредени вярно.",
        example: "Дата;ПартидаКоличество над редове с по три клетки",
        repair: "Поправете реда с имената в своя файл. За да не се повтаря, кажете на доставчика на програмата си как излиза той.",
    },
    en: Words {
        message: "the names of the columns in row {0} were damaged ({1}) and are read so: {2} ({3}); if that is wrong, correct \
                  them and drop the file again",
        why: "A delimiter too few or too many in the header moves all names behind it, so every row depends on whether they are \
              put right.",
        example: "Date;BatchQuantity above rows of three cells",
        repair: "Correct the header row in your file. So that it does not come again, tell your program's vendor how it comes out.",
    },
};

/// Names of columns that are not written as they should be, each above its own cells.
pub(super) static W119: CodeInfo = CodeInfo {
    code: "W119",
    who: Who::User,
    bg: Words {
        message: "имената на колоните в ред {0} са записани неправилно ({1}) и се четат така: {2} ({3}); никое не е разместено",
        why: "Файлът се чете, но друга програма може да не прочете тези имена.",
        example: "Дата;\"Партида;Количество",
        repair: "Нищо не е нужно. За да не се повтаря, кажете на доставчика на програмата си как излиза редът с имената.",
    },
    en: Words {
        message: "the names of the columns in row {0} are not written as they should be ({1}) and are read so: {2} ({3}); none is \
                  moved",
        why: "The file is read, but another program may not read these names.",
        example: "Date;\"Batch;Quantity",
        repair: "Nothing is needed. So that it does not come again, tell your program's vendor how the header comes out.",
    },
};

/// Nobody has said yet that the names of the columns were put right.
pub static T032: CodeInfo = CodeInfo {
    code: "T032",
    who: Who::User,
    bg: Words {
        message: "не се подава, преди човек да потвърди имената на колоните: ако клетките в отчета стоят под верните имена, \
                  кажете на администратора (команда rxdrop release); ако не, поправете реда с имената и поставете файла отново",
        why: "Редът с имената на колоните беше повреден. Кое име над коя клетка е, личи само по очакваните имена и по броя на \
              клетките: вероятно е така, но не е сигурно.",
        example: "Дата;ПартидаКоличество над редове с по три клетки",
        repair: "Ако имената са верни, кажете на администратора: `rxdrop release ФАЙЛ` подава редовете така. Ако не са, поправете \
                 реда с имената в своя файл и го поставете отново.",
    },
    en: Words {
        message: "not sent before somebody says that the names of the columns are right: if the cells in the report stand under \
                  the right names, tell the administrator (command rxdrop release); if not, correct the header row and drop the \
                  file again",
        why: "The header row was damaged. Which name belongs to which cell shows only by the expected names and the number of \
              cells: that is likely, not certain.",
        example: "Date;BatchQuantity above rows of three cells",
        repair: "If the names are right, tell the administrator: `rxdrop release FILE` sends the rows so. If not, correct the \
                 header row in your file and drop it again.",
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::CellKind;

    /// The names of a row above rows of so many cells, and what was wrong; `!` marks what a person must look at.
    fn line(text: &str, cells: usize, expect: &[&str]) -> (String, Vec<String>) {
        let mut row = Row::new();
        text.split(';').for_each(|cell| row.push(&cell.replace('§', ";"), CellKind::Text));
        let expect: Vec<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        let below = Below { usual: cells, filled: cells, delimiter: ";" };
        let Line { names, slips } = read(&row, &below, &Wanted::new(&expect));
        let told = |slip: &Slip| {
            let mark = if slip.held { "!" } else { "" };
            format!("{}{mark} {} > {}", slip.proof.kind, slip.was, slip.now.join("+"))
        };
        (names.join(";"), slips.iter().map(told).collect())
    }

    const EXPECTED: [&str; 4] = ["Дата", "Партида", "Количество", "Обект получател"];

    #[test]
    fn two_expected_names_in_one_cell_are_divided_where_one_is_missing() {
        for glued in ["ПартидаКоличество", "Партида Количество", "партида, КОЛИЧЕСТВО"]
        {
            let (names, told) = line(&format!("Дата;{glued};Вид"), 4, &EXPECTED);
            assert_eq!((fold(&names), told.len()), (fold("Дата;Партида;Количество;Вид"), 1), "{glued}");
            assert!(told[0].starts_with("two_expected_names! "), "{told:?}");
        }
        let (names, told) = line("ДатаОбект получател;ПартидаКоличество", 4, &EXPECTED);
        assert_eq!(names, "Дата;Обект получател;Партида;Количество");
        assert!(told[0].contains("Дата+"), "in the order of the file: {told:?}");
    }

    #[test]
    fn what_nothing_proves_stays_as_it_is() {
        for (text, cells, why) in [
            ("Дата;ПартидаКоличество;Вид", 3, "no cell without a name"),
            ("Дата;ПартидаКоличество;Вид", 5, "two are missing"),
            ("Дата;ПартидаКоличество;Количество", 4, "it stands there once more"),
            ("Дата;ПартидаБрой;Вид;Код", 5, "another name may be the one that is missing"),
            ("Дата;Партидаброй;Количество", 4, "nothing shows where the other one begins"),
            ("Дата;Партида;Количество", 4, "a name is missing altogether"),
            ("Дата;Код;Вид", 2, "two names and no cell"),
        ] {
            assert_eq!(line(text, cells, &EXPECTED), (text.to_owned(), vec![]), "{why}");
        }
        let (names, _) = line("АБВ;Вид", 3, &["АБ", "АБВ", "ВГ", "А"]);
        assert_eq!(names, "АБВ;Вид", "an expected name is one name");
        let (names, _) = line("Код стоки брой;Вид", 3, &["Код", "Код стоки", "стоки брой", "брой"]);
        assert_eq!(names, "Код стоки брой;Вид", "two ways");
    }

    #[test]
    fn a_name_longer_than_any_is_not_divided() {
        let long = "Количество".repeat(20_000);
        let (names, told) = line(&format!("Дата;{long};Вид"), 4, &EXPECTED);
        assert_eq!((names.len(), told.len()), (format!("Дата;{long};Вид").len(), 0));
        let many = vec!["Кол"; 100_000].join(";");
        assert!(line(&many, 100_001, &EXPECTED).1.is_empty());
    }

    #[test]
    fn the_only_unknown_name_is_divided_where_the_expected_one_ends() {
        let (names, told) = line("Дата;ПартидаЦена;Количество", 4, &EXPECTED);
        assert_eq!(names, "Дата;Партида;Цена;Количество");
        assert_eq!(told, ["only_unknown_name! ПартидаЦена > Партида+Цена"]);
        assert_eq!(line("Дата;Цена Партида;Количество", 4, &EXPECTED).0, "Дата;Цена;Партида;Количество");
    }

    #[test]
    fn a_delimiter_too_many_is_told_and_asked_about_where_names_move() {
        let (names, told) = line("Дата;;Партида;Вид", 3, &[]);
        assert_eq!(names, "Дата;Партида;Вид");
        assert_eq!(told, ["as_many_as_cells! Дата ¦  ¦ Партида > Дата+Партида"]);
        let (names, told) = line("Дата;Партида;Вид;;", 3, &[]);
        assert_eq!(
            (names.as_str(), told.as_slice()),
            ("Дата;Партида;Вид", &["as_many_as_cells  > ".to_owned()][..])
        );
        let (names, told) = line("Дата;Обект;получател;Вид", 3, &EXPECTED);
        assert_eq!(names, "Дата;Обект получател;Вид");
        assert_eq!(told, ["expected_name! Обект ¦ получател > Обект получател"]);
        assert_eq!(line("Дата;;Вид", 3, &[]).0, "Дата;;Вид", "a column without a name");
    }

    #[test]
    fn a_quote_without_a_partner_is_no_part_of_a_name() {
        let (names, told) = line("Дата;\"Партида;Обект \"получател", 3, &EXPECTED);
        assert_eq!(names, "Дата;Партида;Обект получател");
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|told| told.starts_with("lone_quote ")), "none is moved: {told:?}");
        let (names, told) = line("Дата;Партида§\"Количество;Вид", 4, &[]);
        assert_eq!(names, "Дата;Партида;Количество;Вид");
        assert_eq!(told, ["as_many_as_cells! Партида;\"Количество > Партида+Количество"]);
    }
}
