//! The rows of a text file in order: damaged ones put right where the shapes of their columns prove how.
//!
//! A row is looked at closely only where something is odd about it: another number of cells than the header has,
//! quotes that don't pair, or a line without any delimiter behind it, which may be the rest of it. Rows that were
//! read ahead for that wait in a queue.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::general;
use super::mend::{self, Damage, Mended};
use super::reading::Repair;
use super::records::{Cutter, Raw, Records, T022};
use super::row::{Header, Row};
use super::shape::{STRANGE, Shapes};
use crate::model::{CodeInfo, Issue, Who, Words};

/// Damaged rows that are tried to be put right: a file of nothing else is another table.
const MOST_TRIED: usize = 10_000;
/// Rows with the right number of cells that are looked at closely in vain before no more are.
const MOST_IN_VAIN: usize = 200;
/// Lines of one broken row.
const MOST_PARTS: usize = 6;
/// Repairs that are told one by one.
const REPAIRS_TOLD: usize = 100;
/// Columns that are named as proof.
const COLUMNS_TOLD: usize = 4;

/// Where the rows of a file stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The last row of the header.
    pub(super) header_row: u32,
    /// Rows it takes.
    pub(super) header_rows: u32,
    /// Cells that rows usually have, empty ones behind the last column too.
    pub(super) usual: usize,
    /// Nearly all rows have another number of cells than there are names.
    pub(super) misnamed: bool,
    /// Empty cells at the end of a row are never written.
    pub(super) stripped: bool,
}

impl Place {
    /// Whether the row of this number is of the header.
    pub(super) fn is_of_header(&self, number: u32) -> bool {
        number <= self.header_row && number + self.header_rows > self.header_row
    }
}

/// Learns what columns look like: asked once, and only where a row is damaged.
type Learn = Box<dyn Fn() -> Shapes + Send>;

/// Gives the rows of a text file one after another.
pub(super) struct Ordered {
    records: Records,
    place: Place,
    columns: usize,
    /// Columns up to the last one with a name: a row needs so many cells.
    needed: usize,
    names: Vec<Arc<str>>,
    learn: Learn,
    shapes: OnceCell<Shapes>,
    ahead: VecDeque<Ahead>,
    /// Rows that glued lines held beyond the first.
    shift: u32,
    tried: usize,
    in_vain: usize,
    repaired: Vec<Repair>,
    repaired_count: u64,
    /// Why nobody knows for certain which name is whose.
    doubt: Option<Issue>,
    /// What is a line of its own, and never a part of a broken row.
    is_apart: Box<dyn Fn(&Row) -> bool + Send>,
}

/// A row that was read ahead.
struct Ahead {
    row: Row,
    record: String,
    odd: bool,
}

impl Ordered {
    pub(super) fn new(
        records: Records,
        place: Place,
        columns: &[Header],
        learn: impl Fn() -> Shapes + Send + 'static,
    ) -> Self {
        let last_named = columns.iter().rposition(|column| !column.name.is_empty()).map(|at| at + 1);
        Self {
            records,
            place,
            columns: columns.len(),
            needed: last_named.unwrap_or(columns.len()),
            names: columns.iter().map(Header::label).collect(),
            learn: Box::new(learn),
            shapes: OnceCell::new(),
            ahead: VecDeque::new(),
            shift: 0,
            tried: 0,
            in_vain: 0,
            repaired: Vec::new(),
            repaired_count: 0,
            doubt: None,
            is_apart: Box::new(|_| false),
        }
    }

    /// The same where the names of the columns were put right: every row says so.
    pub(super) fn doubting(self, doubt: Option<Issue>) -> Self {
        Self { doubt, ..self }
    }

    /// Lines that are so are put together with no other.
    pub(super) fn keep_apart(&mut self, is_so: impl Fn(&Row) -> bool + Send + 'static) {
        self.is_apart = Box::new(is_so);
    }

    /// What every row says of the names of the columns.
    pub(super) fn doubt(&self) -> Option<&Issue> {
        self.doubt.as_ref()
    }

    /// The quote, if a quoted field was met so far.
    pub(super) fn quote_met(&self) -> Option<char> {
        self.records.quote_met()
    }

    /// What the cells of each column look like.
    pub(super) fn shapes(&self) -> &Shapes {
        self.shapes.get_or_init(|| (self.learn)())
    }

    /// Whether nearly all rows have another number of cells than there are names: nobody knows then which name is
    /// whose, not even in a row that has as many.
    pub(super) fn is_misnamed(&self) -> bool {
        self.place.misnamed
    }

    /// Damaged rows that were put right: the first ones, and how many.
    pub(super) fn repaired(&self) -> (Vec<Repair>, u64) {
        (self.repaired.clone(), self.repaired_count)
    }

    /// What follows is not of this table.
    pub(super) fn stop_mending(&mut self) {
        self.tried = MOST_TRIED;
    }

    /// The next record as it stands, if nothing is odd about it and `fits` says so; otherwise it stays the next one.
    pub(super) fn next_plain(
        &mut self,
        fits: impl FnOnce(&Cutter, &Raw<'_>) -> bool,
    ) -> io::Result<Option<(Raw<'_>, &Arc<Cutter>)>> {
        if !self.ahead.is_empty() || self.shift > 0 || self.place.misnamed || self.doubt.is_some() {
            Ok(None)
        } else {
            self.records.next_plain(fits)
        }
    }

    /// Reads the next row, blank lines too. False at the end.
    pub(super) fn next(&mut self, row: &mut Row) -> io::Result<bool> {
        let ahead = self.ahead.pop_front();
        let (record, mut odd) = match ahead {
            Some(ahead) => {
                *row = ahead.row;
                (Some(ahead.record), ahead.odd)
            }
            None if self.read(row)? => (None, self.records.last_is_odd()),
            None => return Ok(false),
        };
        let settled = row.number() <= self.place.header_row || row.is_mended();
        if settled || self.tried >= MOST_TRIED || self.columns < 2 {
            return Ok(true);
        }
        let right = self.is_right(row);
        odd |= row.is_padded() && self.shapes().is_rarely_padded();
        let fragment =
            self.ahead.front().map_or_else(|| self.records.fragment_follows(), |ahead| ahead.row.len() == 1);
        if right && !fragment && (!odd || self.in_vain >= MOST_IN_VAIN) {
            return Ok(true);
        }
        if !row.is_blank() {
            let record = record.unwrap_or_else(|| self.records.last_record());
            self.look_closer(row, &record, right, odd)?;
        }
        Ok(true)
    }

    fn read(&mut self, row: &mut Row) -> io::Result<bool> {
        let more = self.records.next(row)?;
        if more && self.records.last_spans_lines() && self.is_rows(row) {
            self.records.first_line_alone(row);
        }
        if more && self.shift > 0 {
            row.renumber(row.number().saturating_add(self.shift));
        }
        Ok(more)
    }

    /// Whether lines of a record are rows: two quotes that stand in different rows made one cell of all between.
    fn is_rows(&self, row: &Row) -> bool {
        if row.number() <= self.place.header_row || !self.shapes().can_tell() {
            return false;
        }
        let record = self.records.last_record();
        let lines: Vec<&str> = record.split(['\n', '\r']).filter(|line| !line.is_empty()).collect();
        let [first, inside @ .., last] = lines.as_slice() else { return false };
        inside.iter().any(|line| self.is_row(line)) || self.is_row(first) && self.is_row(last)
    }

    /// Whether a line is a row of the table, by the number of its cells and by figures where the columns have such.
    fn is_row(&self, line: &str) -> bool {
        let quote = char::from(self.records.dialect().quote.byte());
        let cells = general::split(line, self.records.dialect()).cells;
        let cells: Vec<&str> = cells.iter().map(|cell| cell.trim_matches(quote)).collect();
        let shapes = self.shapes();
        let known = shapes
            .rigid()
            .filter(|column| cells.get(*column).is_some_and(|cell| shapes.knows_form(*column, cell)))
            .count();
        (self.needed..=self.place.usual.max(self.columns)).contains(&cells.len())
            && known > 0
            && known >= shapes.rigid().count().min(2)
            && cells.iter().enumerate().all(|(column, cell)| shapes.fit_at(column, cell) >= STRANGE)
    }

    /// Whether a row has as many cells as there are columns.
    fn is_right(&self, row: &Row) -> bool {
        let cells = row.len();
        let whole = (self.needed..=self.columns).contains(&cells)
            || cells >= self.columns && cells <= self.place.usual && row.is_as_wide_as(self.columns);
        whole && row.issues().iter().all(|issue| issue.code.code != T022.code)
    }

    /// The row at a place of the queue, read if it was not yet; none at the end.
    fn look_ahead(&mut self, at: usize) -> io::Result<Option<&Ahead>> {
        while self.ahead.len() <= at {
            let mut row = Row::new();
            if !self.read(&mut row)? {
                return Ok(None);
            }
            let (record, odd) = (self.records.last_record(), self.records.last_is_odd());
            self.ahead.push_back(Ahead { row, record, odd });
        }
        Ok(self.ahead.get(at))
    }

    /// Whether so many rows of a width come next.
    pub(super) fn rows_ahead(&mut self, width: usize, count: usize) -> io::Result<bool> {
        for at in 0..count {
            if self.look_ahead(at)?.is_none_or(|ahead| ahead.row.len() != width || ahead.row.is_blank()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The number of the first row that is so, of so many that come next.
    pub(super) fn find_ahead(
        &mut self,
        count: usize,
        is_so: impl Fn(&Row, &Shapes) -> bool,
    ) -> io::Result<Option<u32>> {
        for at in 0..count {
            if self.look_ahead(at)?.is_none() {
                break;
            }
            let found = self.ahead.get(at).filter(|ahead| is_so(&ahead.row, self.shapes()));
            if let Some(ahead) = found {
                return Ok(Some(ahead.row.number()));
            }
        }
        Ok(None)
    }

    /// Puts a row right about which something is odd.
    fn look_closer(&mut self, row: &mut Row, record: &str, right: bool, odd: bool) -> io::Result<()> {
        self.tried += 1;
        if self.place.stripped && row.len() < self.columns {
            let cells: Vec<&str> = row.cells().map(|cell| cell.text).collect();
            if let Some(mended) = mend::mend_short(&cells, self.shapes()) {
                self.accept(row, &mended);
                return Ok(());
            }
        }
        if (row.len() <= self.columns || !right) && self.join(row, record, right)? {
            return Ok(());
        }
        if right && !odd {
            return Ok(());
        }
        let cells: Vec<&str> = row.cells().map(|cell| cell.text).take(self.width_of(row)).collect();
        if let Some([first, second]) = mend::mend_glued(&cells, self.shapes()) {
            self.unglue(row, &first, &second);
            return Ok(());
        }
        match mend::mend(record, &cells, self.records.dialect(), self.shapes()) {
            Some(mended) => self.accept(row, &mended),
            None if right => self.in_vain += 1,
            None => {}
        }
        Ok(())
    }

    /// Cells of a row without the empty ones that stand behind every row.
    fn width_of(&self, row: &Row) -> usize {
        let extra = self.place.usual.saturating_sub(self.columns);
        let empty = |at: &usize| row.cell(*at).is_some_and(|cell| cell.text.trim().is_empty());
        let behind = (0..row.len()).rev().take(extra).take_while(empty).count();
        row.len() - behind
    }

    /// Puts a row together that was broken over several lines.
    fn join(&mut self, row: &mut Row, record: &str, right: bool) -> io::Result<bool> {
        if (self.is_apart)(row) {
            return Ok(false);
        }
        let mut cells = row.len();
        for count in 1..MOST_PARTS {
            let columns = self.columns;
            let Some(next) = self.look_ahead(count - 1)? else { break };
            cells += next.row.len() - 1;
            // A line end may stand in place of a delimiter, so one cell may be missing. Where quotes hold lines together,
            // a delimiter within them may have cut cells.
            let quoted = !right && next.record.contains(['"', '\'']);
            let ends = next.row.is_blank() || cells > columns && !quoted;
            if ends || self.ahead.get(count - 1).is_some_and(|next| (self.is_apart)(&next.row)) {
                break;
            }
            let parts = self.parts(record, count);
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let Some(mended) = mend::mend_broken(&parts, self.records.dialect(), self.shapes()) else {
                continue;
            };
            if self.is_one(row, count, right, &mended)? {
                self.ahead.drain(..count);
                self.accept(row, &mended);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn parts(&self, record: &str, count: usize) -> Vec<String> {
        std::iter::once(record.to_owned())
            .chain(self.ahead.iter().take(count).map(|ahead| ahead.record.clone()))
            .collect()
    }

    /// Whether lines are one row rather than rows of their own.
    fn is_one(&mut self, row: &Row, count: usize, right: bool, mended: &Mended) -> io::Result<bool> {
        let fit = |shapes: &Shapes, cells: &[String]| {
            shapes.fit(cells.iter().map(String::as_str)).unwrap_or(f64::NEG_INFINITY)
        };
        let joined = fit(self.shapes(), &mended.cells);
        if right {
            let alone: Vec<String> =
                row.cells().map(|cell| cell.text.to_owned()).take(self.columns).collect();
            return Ok(joined > fit(self.shapes(), &alone) && self.goes_on(row, count, mended)?);
        }
        let last = self.ahead.get(count - 1).map(|ahead| &ahead.row);
        let whole = last.filter(|last| self.is_right(last));
        Ok(whole.is_none_or(|last| {
            let alone: Vec<String> =
                last.cells().map(|cell| cell.text.to_owned()).take(self.columns).collect();
            !mend::fits(&alone, self.shapes()) || joined > fit(self.shapes(), &alone) + 3.0
        }))
    }

    /// Whether a line without delimiters is the end of the whole row above it, not a note or a title of a group.
    fn goes_on(&mut self, row: &Row, count: usize, mended: &Mended) -> io::Result<bool> {
        let last = self.columns - 1;
        let was = row.cell(last).map_or("", |cell| cell.text);
        let now = mended.cells.get(last).map_or("", String::as_str);
        let rest = now.get(was.len()..).unwrap_or_default();
        let shapes = self.shapes();
        let better = if shapes.rigid().any(|column| column == last) {
            shapes.knows_shape(last, now) || shapes.knows_form(last, now) && !shapes.knows_shape(last, was)
        } else {
            let within = !was.is_empty() && !rest.starts_with(char::is_uppercase);
            shapes.is_known_at(last, now)
                || within && shapes.fit_at(last, now) - shapes.fit_at(last, was) >= 3.0
        };
        let strange = shapes.fit_at(0, rest) < STRANGE;
        let columns = self.columns;
        let table_goes_on = self.look_ahead(count)?.is_some_and(|next| next.row.len() >= columns);
        Ok(better && (strange || table_goes_on))
    }

    fn accept(&mut self, row: &mut Row, mended: &Mended) {
        // Where only empty cells behind the last column go, nothing was wrong with the others.
        if row.is_as_wide_as(self.columns)
            && row.cells().map(|cell| cell.text).zip(&mended.cells).all(|(was, is)| was == is)
        {
            row.truncate(self.columns);
            return;
        }
        let repair = self.repair(row, mended);
        row.mend(&mended.cells);
        self.tell(row, repair);
    }

    /// The first of two rows stays on its line; the second takes the next number, and so do all below.
    fn unglue(&mut self, row: &mut Row, first: &[String], second: &[String]) {
        let mended = Mended { cells: first.to_vec(), damage: Damage::Glued, at: None };
        let repair = self.repair(row, &mended);
        let mut other = row.clone();
        other.renumber(row.number().saturating_add(1));
        for (row, cells) in [(&mut *row, first), (&mut other, second)] {
            row.mend(cells);
            self.tell(row, Repair { row: row.number(), ..repair.clone() });
        }
        self.shift += 1;
        for ahead in &mut self.ahead {
            ahead.row.renumber(ahead.row.number().saturating_add(1));
        }
        self.ahead.push_front(Ahead { row: other, record: String::new(), odd: false });
    }

    fn repair(&self, row: &Row, mended: &Mended) -> Repair {
        let shapes = self.shapes();
        let moved = |column: &usize| {
            row.cell(*column).map(|cell| cell.text) != mended.cells.get(*column).map(String::as_str)
        };
        let rigid = || shapes.rigid().filter(moved);
        let all = (0..self.columns).filter(moved);
        let shown: Vec<usize> = if rigid().next().is_some() { rigid().collect() } else { all.collect() };
        Repair {
            row: row.number(),
            damage: mended.damage,
            column: mended.at.and_then(|at| self.names.get(at)).map(ToString::to_string),
            shown_by: shown
                .into_iter()
                .take(COLUMNS_TOLD)
                .filter_map(|at| self.names.get(at))
                .map(ToString::to_string)
                .collect(),
            compared_with: shapes.rows(),
        }
    }

    fn tell(&mut self, row: &mut Row, repair: Repair) {
        let (bg, en) = repair.damage.words();
        let quoted = |open: &str, close: &str| {
            repair.shown_by.iter().map(|name| format!("{open}{name}{close}")).collect::<Vec<_>>().join(", ")
        };
        let rows = repair.compared_with;
        let bg = format!("{bg}; личи по {} в други {rows} реда", quoted("„", "“"));
        let en = format!("{en}; shown by {} of {rows} other rows", quoted("`", "`"));
        row.forget_issues(T022.code);
        row.add_issue(Issue::at(&W115, repair.column.as_deref().map(Arc::from)).both(&bg, &en));
        row.add_issue(Issue::new(&T029));
        self.repaired_count += 1;
        if self.repaired.len() < REPAIRS_TOLD {
            self.repaired.push(repair);
        }
    }
}

/// Nobody has said yet that a damaged row was put right.
pub static T029: CodeInfo = CodeInfo {
    code: "T029",
    who: Who::User,
    bg: Words {
        message: "не се подава, преди човек да потвърди клетките му: сравнете ги със своята програма и ако са верни, \
                  кажете на администратора (команда rxdrop release); ако не са, поправете реда и поставете файла отново",
        why: "Редът беше повреден. Кои клетки са верните личи само по това как изглеждат другите редове: вероятно е така, \
              но не е сигурно.",
        example: "1.8.20264, където другите редове имат дата и количество",
        repair: "Ако клетките са верни, кажете на администратора: `rxdrop release ФАЙЛ:РЕД` ги подава така. Ако не са, \
                 поправете реда в своя файл и го поставете отново.",
    },
    en: Words {
        message: "not sent before somebody says that its cells are right: compare them with your program and, if they \
                  are, tell the administrator (command rxdrop release); if not, correct the row and drop the file again",
        why: "The row was damaged. Which cells are the right ones shows only by what other rows look like: that is \
              likely, not certain.",
        example: "1.8.20264 where the other rows have a date and a quantity",
        repair: "If the cells are right, tell the administrator: `rxdrop release FILE:ROW` sends them so. If not, correct \
                 the row in your file and drop it again.",
    },
};

/// A damaged row that was put right and then seems to be none to report.
pub static T031: CodeInfo = CodeInfo {
    code: "T031",
    who: Who::User,
    bg: Words {
        message: "според клетките, както са подредени тук, редът не подлежи на подаване, но това не е сигурно; поправете \
                  повреденото в своя файл и го поставете отново",
        why: "Редът беше повреден. Датата му или видът на движението, по които се пропуска, може да са на друга клетка.",
        example: "повреден ред, който изглежда с дата преди началото на подаването",
        repair: "Сравнете реда със своята програма, поправете го във файла и поставете файла отново.",
    },
    en: Words {
        message: "by its cells as they are put in order here the row is none to report, but that is not certain; correct \
                  what is damaged in your file and drop it again",
        why: "The row was damaged. The date or the kind of movement by which it would be passed over may be another cell's.",
        example: "a damaged row that seems to be dated before reporting began",
        repair: "Compare the row with your program, correct it in the file and drop the file again.",
    },
};

/// A damaged row that was put right.
pub(super) static W115: CodeInfo = CodeInfo {
    code: "W115",
    who: Who::User,
    bg: Words {
        message: "редът беше повреден ({0}) и е подреден по вида на съседните редове; така стоят клетките тук",
        why: "Разделител или кавичка в повече или по-малко размества всички клетки след себе си.",
        example: "1.8.20264, където другите редове имат дата и количество",
        repair: "Сравнете клетките на реда със своята програма. За да не се повтаря, кажете на доставчика ѝ как излиза редът.",
    },
    en: Words {
        message: "the row was damaged ({0}) and is put in order by the look of its neighbours; its cells stand here so",
        why: "A delimiter or a quote too many or too few moves all cells behind it.",
        example: "1.8.20264 where the other rows have a date and a quantity",
        repair: "Compare the row's cells with your program. So that it does not come again, tell its vendor how the row comes out.",
    },
};
