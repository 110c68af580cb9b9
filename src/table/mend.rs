//! A damaged row put right, where the shapes of its columns prove how.
//!
//! Every way of reading the row that gives the right number of cells is weighed against the columns
//! ([`Shapes`]). One way must be clearly likelier than any that gives other cells, and each of its cells must
//! itself fit; otherwise the row stays as it is, and says so.

use super::general::{Dialect, Quote, split};
use super::shape::{Fit, STRANGE, Shapes};

/// What was wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// A delimiter too many: an empty cell, or a text cut in two.
    Surplus,
    /// A delimiter too few: two cells in one.
    Missing,
    /// Cells divided by another delimiter than in the other rows.
    OtherDelimiter,
    /// Cells in other quotes than in the other rows.
    OtherQuote,
    /// A quote too many, or one inside a text that is not doubled.
    StrayQuote,
    /// Empty cells at the end that were not written.
    Short,
    /// One row on several lines.
    Broken,
    /// Two rows on one line.
    Glued,
}

impl Damage {
    /// In words, Bulgarian and English.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Surplus => ("разделител в повече", "a delimiter too many"),
            Self::Missing => ("липсващ разделител", "a delimiter too few"),
            Self::OtherDelimiter => ("друг разделител", "another delimiter"),
            Self::OtherQuote => ("други кавички", "other quotes"),
            Self::StrayQuote => ("кавичка в повече", "a quote too many"),
            Self::Short => ("незаписани празни клетки накрая", "empty cells at the end not written"),
            Self::Broken => ("ред, разделен на няколко", "one row on several lines"),
            Self::Glued => ("два реда, слети в един", "two rows on one line"),
        }
    }
}

/// A row as it must have been.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mended {
    pub(super) cells: Vec<String>,
    pub(super) damage: Damage,
    /// The cell where it was found, 0 for the first; none where it is about the whole row.
    pub(super) at: Option<usize>,
}

/// A way to read the row.
struct Way {
    mended: Mended,
    fit: Fit,
}

/// How much likelier the best way must be than the next: twenty to one.
const MARGIN: Fit = 3.0;
/// Delimiters in texts, and empty cells, beyond which a row is not tried.
const MOST_OFF: usize = 12;
/// Quotes of a record that are tried one by one.
const MOST_QUOTES: usize = 32;
/// Letters of a record that is tried.
const LONGEST: usize = 16 * 1024;
/// Other delimiters a row may have.
const OTHERS: [&str; 9] = [";", ",", "\t", "|", ", ", "; ", "||", ":", " "];

/// The ways found so far.
struct Ways<'s> {
    shapes: &'s Shapes,
    dialect: &'s Dialect,
    found: Vec<Way>,
}

/// Puts a row right whose record, quotes and all, is `record`, and whose cells as read are `cells`; none where
/// nothing proves how, or where nothing is wrong.
pub(super) fn mend(record: &str, cells: &[&str], dialect: &Dialect, shapes: &Shapes) -> Option<Mended> {
    let width = shapes.width();
    if width < 2 || !shapes.can_tell() || record.len() > LONGEST {
        return None;
    }
    let mut ways = Ways { shapes, dialect, found: Vec::new() };
    ways.other_dialects(record);
    ways.in_quotes_as_a_whole(cells);
    ways.stray_quotes(record);
    ways.missing_at_quotes(record);
    if cells.len() > width && cells.len() - width <= MOST_OFF {
        ways.surplus(cells, &dialect.delimiter, Damage::Surplus);
    }
    if cells.len() + 1 == width {
        ways.missing(cells);
    }
    ways.best(cells)
}

/// Puts the parts of one row together that stand on lines of their own; `parts` are their records.
pub(super) fn mend_broken(parts: &[&str], dialect: &Dialect, shapes: &Shapes) -> Option<Mended> {
    if shapes.width() < 2
        || !shapes.can_tell()
        || parts.iter().map(|part| part.len()).sum::<usize>() > LONGEST
    {
        return None;
    }
    let mut ways = Ways { shapes, dialect, found: Vec::new() };
    if parts.iter().skip(1).any(|part| part.contains(['"', '\''])) {
        ways.quoted_lines(&parts.join("\n"));
    }
    let delimiter = String::from_utf8_lossy(&dialect.delimiter);
    // A line end that stands in quotes is part of its cell.
    let in_quotes = !ways.found.is_empty();
    for between in ["", &delimiter].into_iter().filter(|_| !in_quotes) {
        let read = split(&parts.join(between), dialect);
        if !read.stray {
            ways.weigh(read.cells, Damage::Broken, None, 0.0);
        }
    }
    ways.best(&[])
}

/// Adds the empty cells that a row does not have at its end, in a file that writes none there.
pub(super) fn mend_short(cells: &[&str], shapes: &Shapes) -> Option<Mended> {
    let missing = shapes.width().checked_sub(cells.len()).filter(|missing| *missing > 0)?;
    if !(cells.len()..shapes.width()).all(|column| shapes.is_often_empty(column)) {
        return None;
    }
    let last = cells.last().filter(|last| shapes.can_tell() && !last.trim().is_empty())?;
    let at = cells.len();
    let padded = owned(cells.iter().chain(std::iter::repeat_n(&"", missing)));
    // What is cut off in the middle of a cell is no whole row.
    let whole = shapes.knows_form(at - 1, last) || !shapes.rigid().any(|column| column == at - 1);
    (whole && fits(&padded, shapes)).then_some(Mended { cells: padded, damage: Damage::Short, at: Some(at) })
}

/// Divides a record that holds two rows.
pub(super) fn mend_glued(cells: &[&str], shapes: &Shapes) -> Option<[Vec<String>; 2]> {
    let width = shapes.width();
    if width < 2 || !shapes.can_tell() {
        return None;
    }
    if cells.len() == width * 2 {
        let (one, other) = cells.split_at(width);
        let (one, other) = (owned(one.iter()), owned(other.iter()));
        return (fits(&one, shapes) && fits(&other, shapes)).then_some([one, other]);
    }
    if cells.len() + 1 != width * 2 {
        return None;
    }
    let (before, rest) = cells.split_at(width - 1);
    let (cell, behind) = rest.split_first()?;
    let places = cell.char_indices().map(|(place, _)| place).chain([cell.len()]);
    let halves = |place: usize| {
        let (left, right) = cell.split_at(place);
        [owned(before.iter().chain([&left])), owned([&right].into_iter().chain(behind))]
    };
    let fit = |place: usize| {
        let (left, right) = cell.split_at(place);
        shapes.fit_at(width - 1, left) + shapes.fit_at(0, right)
    };
    let mut weighed: Vec<(usize, Fit)> = places.map(|place| (place, fit(place))).collect();
    weighed.sort_by(|one, other| other.1.total_cmp(&one.1));
    let mut weighed = weighed.into_iter();
    let best = weighed.next()?;
    let clear = weighed.next().is_none_or(|next| best.1 - next.1 >= MARGIN);
    let rows = halves(best.0);
    (clear && rows.iter().all(|row| fits(row, shapes))).then_some(rows)
}

/// Whether every cell may be one of its column.
pub(super) fn fits(cells: &[String], shapes: &Shapes) -> bool {
    cells.len() == shapes.width()
        && cells.iter().enumerate().all(|(column, cell)| shapes.fit_at(column, cell) >= STRANGE)
}

impl Ways<'_> {
    /// The clear winner, if it fits at all and is likelier than what was read.
    fn best(mut self, cells: &[&str]) -> Option<Mended> {
        if let Some(fit) = self.shapes.fit(cells.iter().copied()) {
            // A quote that the column never has is no letter of it; all else must speak against the row as read.
            let mended = Mended { cells: owned(cells.iter()), damage: Damage::Surplus, at: None };
            let padded =
                cells.iter().skip(1).all(|cell| cell.starts_with(' ')) && self.shapes.is_rarely_padded();
            self.found.push(Way { mended, fit: if padded { fit - 2.0 * MARGIN } else { fit } });
        }
        self.found.sort_by(|one, other| other.fit.total_cmp(&one.fit));
        let mut ways = self.found.into_iter();
        let winner = ways.next()?;
        let rival = ways.find(|way| way.mended.cells != winner.mended.cells);
        let clear = rival.is_none_or(|rival| winner.fit - rival.fit >= MARGIN);
        let other = winner.mended.cells.iter().map(String::as_str).ne(cells.iter().copied());
        (clear && other && fits(&winner.mended.cells, self.shapes)).then_some(winner.mended)
    }

    fn weigh(&mut self, cells: Vec<String>, damage: Damage, at: Option<usize>, price: Fit) {
        if let Some(fit) = self.shapes.fit(cells.iter().map(String::as_str)) {
            self.found.push(Way { mended: Mended { cells, damage, at }, fit: fit - price });
        }
    }

    /// The record read under another delimiter, or with the other quote.
    fn other_dialects(&mut self, record: &str) {
        let own = self.dialect.delimiter.clone();
        let others = OTHERS.iter().map(|delimiter| delimiter.as_bytes().to_vec());
        for delimiter in std::iter::once(own.clone()).chain(others.filter(|other| *other != own)) {
            for quote in [Quote::Double, Quote::Single] {
                let other = Dialect { delimiter: delimiter.clone(), quote, ..self.dialect.clone() };
                if other != *self.dialect {
                    self.other_dialect(record, &other);
                }
            }
        }
    }

    /// The one cell of a record that stands in quotes as a whole.
    fn in_quotes_as_a_whole(&mut self, cells: &[&str]) {
        if let [cell] = cells {
            let read = split(cell, self.dialect);
            if !read.stray {
                self.weigh(read.cells, Damage::OtherQuote, None, 0.0);
            }
        }
    }

    fn other_dialect(&mut self, record: &str, other: &Dialect) {
        let read = split(record, other);
        let same = other.delimiter == self.dialect.delimiter;
        let damage = if same { Damage::OtherQuote } else { Damage::OtherDelimiter };
        let padded =
            other.delimiter.len() == 1 && read.cells.iter().skip(1).all(|cell| cell.starts_with(' '));
        if read.stray || read.loose_line || same && read.quoted == 0 || padded {
            return;
        }
        let width = self.shapes.width();
        if read.cells.len() == width {
            self.weigh(read.cells, damage, None, 1.0);
        } else if read.cells.len() > width
            && read.cells.len() - width <= MOST_OFF
            && damage == Damage::OtherDelimiter
        {
            let cells: Vec<&str> = read.cells.iter().map(String::as_str).collect();
            self.surplus(&cells, &other.delimiter, damage);
        }
    }

    /// Each quote left out in turn, or doubled; or all that stand within a cell's own taken for text.
    fn stray_quotes(&mut self, record: &str) {
        let quote = char::from(self.dialect.quote.byte());
        let places: Vec<usize> = record.match_indices(quote).map(|(at, _)| at).take(MOST_QUOTES).collect();
        for at in places {
            let (before, behind) = record.split_at(at);
            let behind = behind.get(quote.len_utf8()..).unwrap_or_default();
            let cell = split(before, self.dialect).cells.len().saturating_sub(1);
            for (between, price) in [("", 0.0), ("\"\"", 2.0)] {
                let read = split(&format!("{before}{between}{behind}"), self.dialect);
                if between.is_empty() && self.leaves_a_partner(before, behind, read.cells.get(cell)) {
                    continue;
                }
                if !read.stray && !read.loose_line && (between.is_empty() || quote == '"') {
                    self.weigh(read.cells, Damage::StrayQuote, Some(cell), price);
                }
            }
        }
        // Nothing but text within quotes that nobody doubled.
        let read = split(record, self.dialect);
        if record.contains(quote) && !read.loose_line {
            self.weigh(read.cells, Damage::StrayQuote, None, 1.0);
            let (cells, at) = self.with_inner_quotes(record);
            if let Some(at) = at {
                self.weigh(cells, Damage::StrayQuote, Some(at), 0.0);
            }
        }
    }

    /// Lines that quotes hold together: these are of another kind, or one beside them is too many, so that the lines
    /// were not read as one.
    fn quoted_lines(&mut self, record: &str) {
        self.other_dialects(record);
        self.stray_quotes(record);
        self.missing_at_quotes(record);
        self.found.retain(|way| way.mended.cells.iter().any(|cell| cell.contains('\n')));
        self.found.retain(|way| fits(&way.mended.cells, self.shapes));
    }

    /// A delimiter too few beside a quote: there one cell ends and another begins.
    fn missing_at_quotes(&mut self, record: &str) {
        let quote = char::from(self.dialect.quote.byte());
        let delimiter = String::from_utf8_lossy(&self.dialect.delimiter);
        let places = record.match_indices(quote).flat_map(|(at, _)| [at, at + quote.len_utf8()]);
        for at in places.take(MOST_QUOTES * 2) {
            let (before, behind) = record.split_at(at);
            let read = split(&format!("{before}{delimiter}{behind}"), self.dialect);
            if !read.stray && !read.loose_line && !before.is_empty() && !behind.is_empty() {
                let cell = split(before, self.dialect).cells.len().saturating_sub(1);
                self.weigh(read.cells, Damage::Missing, Some(cell), 0.0);
            }
        }
    }

    /// Whether the quote between `before` and `behind` has a partner in its cell, which stays alone if it is left
    /// out: a mended row must not lose what stood in a cell.
    fn leaves_a_partner(&self, before: &str, behind: &str, cell: Option<&String>) -> bool {
        let quote = char::from(self.dialect.quote.byte());
        let delimiter = String::from_utf8_lossy(&self.dialect.delimiter);
        let left = before.rsplit(&*delimiter).next().unwrap_or_default();
        let right = behind.split(&*delimiter).next().unwrap_or_default();
        let others = left.matches(quote).count() + right.matches(quote).count();
        others % 2 == 1 && cell.is_some_and(|cell| cell.matches(quote).count() % 2 == 1)
    }

    /// The cells where those that begin and end with a quote have pairs of single quotes between, as in
    /// `"Аналгин "Софарма""`: these are letters. The first such cell, if there is one.
    fn with_inner_quotes(&self, record: &str) -> (Vec<String>, Option<usize>) {
        let quote = char::from(self.dialect.quote.byte());
        let mut read = split(record, self.dialect).cells;
        let mut first = None;
        for (at, cell) in read.iter_mut().enumerate() {
            let Some(inside) = cell.strip_prefix(quote).and_then(|cell| cell.strip_suffix(quote)) else {
                continue;
            };
            let count = inside.matches(quote).count();
            if count > 0 && count % 2 == 0 && !inside.contains(&format!("{quote}{quote}")) {
                *cell = inside.to_owned();
                first = first.or(Some(at));
            }
        }
        (read, first)
    }

    /// Too many cells: empty ones left out, or texts joined again that a delimiter cut.
    fn surplus(&mut self, cells: &[&str], delimiter: &[u8], damage: Damage) {
        let mark = String::from_utf8_lossy(delimiter).into_owned();
        for (joined, price, at) in self.joined(cells, &mark) {
            self.weigh(joined, damage, at, price);
        }
        if cells.len() != self.shapes.width() + 1 || damage != Damage::Surplus {
            return;
        }
        for (at, pair) in cells.windows(2).enumerate() {
            let (before, rest) = cells.split_at(at);
            let joined = pair.concat();
            let joined = joined.as_str();
            if pair.iter().all(|cell| !cell.is_empty()) {
                let cells = before.iter().chain([&joined]).chain(rest.iter().skip(2));
                self.weigh(owned(cells), damage, Some(at), 2.0);
            }
        }
    }

    /// The likeliest ways to make as many cells as there are columns by leaving out empty ones and joining
    /// neighbours; the price of each, and where it begins.
    fn joined(&self, cells: &[&str], mark: &str) -> Vec<(Vec<String>, Fit, Option<usize>)> {
        let spare = cells.len() - self.shapes.width();
        // For each number of cells used: the best beginnings.
        let mut begun: Vec<Vec<Begun>> = vec![Vec::new(); spare + 1];
        if let Some(first) = begun.first_mut() {
            first.push(Begun::default());
        }
        for column in 0..self.shapes.width() {
            let mut next: Vec<Vec<Begun>> = vec![Vec::new(); spare + 1];
            for (off, states) in begun.iter().enumerate() {
                for state in states {
                    self.go_on(state, column, off, cells, mark, &mut next);
                }
            }
            next.iter_mut().for_each(keep_best);
            begun = next;
        }
        let mut ended = Vec::new();
        for (off, states) in begun.into_iter().enumerate() {
            let rest = cells.get(self.shapes.width() + off..).unwrap_or_default();
            if rest.iter().all(|cell| cell.trim().is_empty()) {
                let last = (!rest.is_empty()).then_some(self.shapes.width());
                ended.extend(states.into_iter().map(|state| (state.cells, state.price, state.at.or(last))));
            }
        }
        ended
    }

    fn go_on(
        &self,
        state: &Begun,
        column: usize,
        off: usize,
        cells: &[&str],
        mark: &str,
        next: &mut [Vec<Begun>],
    ) {
        let from = column + off;
        let spare = next.len().saturating_sub(1) - off;
        let empty = cells.iter().skip(from).take(spare).take_while(|cell| cell.trim().is_empty()).count();
        for dropped in 0..=empty {
            for more in 0..=spare - dropped {
                let taken = cells.get(from + dropped..=from + dropped + more).unwrap_or_default();
                let text = taken.join(mark);
                if more > 0 && (text.trim() != text || !self.proves_join(column, &text)) {
                    continue;
                }
                let mut state = state.clone();
                state.price += count(dropped) * 0.5 + count(more) * 1.5;
                state.fit += self.shapes.fit_at(column, &text);
                state.at = state.at.or((dropped + more > 0).then_some(column));
                state.cells.push(text);
                if let Some(states) = next.get_mut(off + dropped + more) {
                    states.push(state);
                }
            }
        }
    }

    /// Whether a text may be joined of several cells: columns behind it show that they belong together, or other
    /// cells of its own column look so.
    fn proves_join(&self, column: usize, text: &str) -> bool {
        self.shapes.rigid().any(|rigid| rigid > column) || self.shapes.knows_form(column, text)
    }

    /// One cell too few: a cell cut where both halves fit, or an empty one put in.
    fn missing(&mut self, cells: &[&str]) {
        for at in 0..cells.len() {
            let (before, rest) = cells.split_at(at);
            let Some((cell, behind)) = rest.split_first() else { continue };
            for (place, _) in cell.char_indices().chain([(cell.len(), ' ')]).take(400) {
                for (left, right) in halves(cell, place) {
                    let (left, right) = (left.as_ref(), right.as_ref());
                    let cells = before.iter().chain([&left, &right]).chain(behind);
                    self.weigh(owned(cells), Damage::Missing, Some(at), 0.0);
                }
            }
        }
        if cells.is_empty() || cells.last().is_some_and(|cell| cell.is_empty()) {
            self.weigh(owned(cells.iter().chain([&""])), Damage::Missing, Some(cells.len()), 0.0);
        }
    }
}

/// The beginning of a row: the cells of its first columns.
#[derive(Debug, Clone, Default)]
struct Begun {
    cells: Vec<String>,
    fit: Fit,
    price: Fit,
    at: Option<usize>,
}

/// Beginnings that are followed further.
const KEPT: usize = 4;

fn keep_best(states: &mut Vec<Begun>) {
    states.sort_by(|one, other| (other.fit - other.price).total_cmp(&(one.fit - one.price)));
    states.dedup_by(|one, other| one.cells == other.cells);
    states.truncate(KEPT);
}

fn count(number: usize) -> Fit {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A cell cut at a place. A quoted text that begins or ends there loses its quotes.
fn halves(cell: &str, place: usize) -> Vec<(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
    let (left, right) = cell.split_at(place);
    let bare = |text: &str| {
        let inside = text.strip_prefix('"')?.strip_suffix('"')?;
        Some(inside.replace("\"\"", "\""))
    };
    let mut made = vec![(left.into(), right.into())];
    made.extend(bare(right).map(|right| (left.into(), right.into())));
    made.extend(bare(left).map(|left| (left.into(), right.into())));
    made
}

fn owned<'c>(cells: impl Iterator<Item = &'c &'c str>) -> Vec<String> {
    cells.map(|cell| (*cell).to_owned()).collect()
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::{CellKind, Row};

    const DAY: [&str; 6] = [
        "1.8.2026;Аспирин;4;LOT-1;1000",
        "2.8.2026;Аналгин;12;LOT-2;4000",
        "2.8.2026;Витамин C;7;;1000",
        "3.8.2026;Йод;1;LOT-11;1000",
        "4.8.2026;Йод;3;LOT-9;4000",
        "14.8.2026;Маска;13;LOT-19;4000",
    ];

    fn mended(record: &str) -> Option<(String, Damage)> {
        let dialect = Dialect::plain(b';');
        let row_of = |line: &&str| {
            let mut row = Row::new();
            split(line, &dialect).cells.iter().for_each(|cell| row.push(cell, CellKind::Text));
            row
        };
        let rows: Vec<Row> = DAY.iter().map(row_of).collect();
        let shapes = Shapes::learn(rows.iter(), 5);
        let cells = split(record, &dialect).cells;
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        mend(record, &cells, &dialect, &shapes).map(|mended| (mended.cells.join("|"), mended.damage))
    }

    #[test]
    fn a_row_is_put_right_where_its_columns_prove_how() {
        for (record, wanted, damage) in [
            ("1.8.20264;LOT-1;1000", None, Damage::Missing),
            ("1.8.2026Аспирин;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Missing),
            ("1.8.2026;Аспирин;4LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Missing),
            ("1.8.2026;Аспирин;;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Surplus),
            ("1.8.2026;Асп;ирин;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Surplus),
            ("1.8.2026,Аспирин,4,LOT-1,1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::OtherDelimiter),
            ("1.8.2026;'Асп;ирин';4;LOT-1;1000", Some("1.8.2026|Асп;ирин|4|LOT-1|1000"), Damage::OtherQuote),
            ("1.8.2026;\"Аспирин;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::StrayQuote),
            (
                "1.8.2026;\"Йод \"Софарма\"\";4;LOT-1;1000",
                Some("1.8.2026|Йод \"Софарма\"|4|LOT-1|1000"),
                Damage::StrayQuote,
            ),
            ("1.8.2026\"Асп;ирин\";4;LOT-1;1000", Some("1.8.2026|Асп;ирин|4|LOT-1|1000"), Damage::Missing),
            ("1.8.2026;\"Асп;ирин\"4;LOT-1;1000", Some("1.8.2026|Асп;ирин|4|LOT-1|1000"), Damage::Missing),
            (
                "1.8.2026;\"Аспи\nрин\";;4;LOT-1;1000",
                Some("1.8.2026|Аспи\nрин|4|LOT-1|1000"),
                Damage::Surplus,
            ),
        ] {
            let found = mended(record);
            assert_eq!(found.as_ref().map(|(cells, _)| cells.as_str()), wanted, "{record}");
            assert!(found.is_none_or(|found| found.1 == damage), "{record}");
        }
    }

    #[test]
    fn no_quote_that_has_a_partner_is_lost() {
        for name in ["\"Йод \"Софарма\"\"", "\"Мед\" и \"Мас\"", "\"\"Мед\" и \"Мас\"\"", "\"Мед \"Х\"\" ООД"]
        {
            let found = mended(&format!("1.8.2026;{name};4;LOT-1;1000"));
            let lost = found.is_some_and(|found| found.0.matches('"').count() % 2 == 1);
            assert!(!lost, "{name}");
        }
    }
}
