//! The data rows of a file: titles, blank rows and totals left out, ragged rows told.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::block::Block;
use super::error::Error;
use super::figures::Figures;
use super::header;
use super::order::{Ordered, T029, W115};
use super::peek::Peeked;
use super::reading::{Format, Found, Why};
use super::records::{Cutter, Raw, T024};
use super::row::{Cell, CellKind, Header, Row};
use super::shape::Shapes;
use super::workbook::T027;
use crate::model::names::{fold, look_alike};
use crate::model::{CodeInfo, Issue, Place, Severity, Who, Words};

/// Words that totals begin with where a mapping names none.
const TOTALS: [&str; 17] = [
    "Общо",
    "Всичко",
    "Сума",
    "Итого",
    "Крайна сума",
    "Обща сума",
    "Общ сбор",
    "Total",
    "Totals",
    "Grand total",
    "Sum",
    "Totale",
    "Totali",
    "Összesen",
    "Mindösszesen",
    "Summe",
    "Gesamt",
];
/// Letters that lines are drawn with.
const RULES: [char; 9] = ['-', '=', '_', '*', '+', '|', '─', '═', '—'];
/// Words that stand before the number of a page.
const PAGES: [&str; 7] = ["Страница", "Стр", "Лист", "Page", "Pagina", "Oldal", "Seite"];
/// Rows that may stand behind totals, such as signatures.
const TAIL: usize = 64;
/// Rows below the header of a sheet that are looked at to see whether those above it are like them.
const LEARNED_AHEAD: u32 = 100;
/// Rows that tell nothing of their columns.
const FEW: u32 = 3;

/// Where rows come from.
pub(super) enum Source {
    /// A text file.
    Text(Box<Ordered>),
    /// A sheet of a workbook.
    Sheet(Box<Peeked>),
}

impl Source {
    fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        match self {
            Self::Text(ordered) => Ok(ordered.next(row)?),
            Self::Sheet(peeked) => peeked.next(row),
        }
    }
}

/// Gives the data rows one after another.
pub(super) struct Body {
    source: Source,
    /// The last row of the header, and its first.
    header_row: u32,
    above: u32,
    columns: usize,
    /// Columns up to the last one with a name: a row needs so many cells.
    needed: usize,
    named: usize,
    words: Arc<SkipWords>,
    last_number: u32,
    /// Rows read ahead that turned out to be data, in order.
    ready: VecDeque<Row>,
    rows: u64,
    ended: bool,
    /// The columns' names as they stand in the header.
    header: Vec<Arc<str>>,
    /// The same as a line, and the single rows of a header that has several.
    lines: Vec<Vec<Arc<str>>>,
    /// The row before was blank: a table may have ended.
    after_blank: bool,
    /// What stands in the columns of a sheet.
    figures: Figures,
    /// A row below the data that holds nothing but the sum of its column.
    bare_total: Option<u32>,
    /// Rows as full as data that begin with a word the mapping states: the first, and how many.
    skipped: Option<(u32, u32)>,
    /// Where the names of the columns stand once more, in another order or others among them.
    reordered: Option<u32>,
    /// Rows ahead with figures as in this table, and with its words too: each row is looked at once.
    goes_on_at: (u32, u32),
    /// Whether the rows above the header are of the table; nobody knows before the first one.
    sorted_in: Option<bool>,
    /// What stands in the columns below the header of a sheet; learned where rows stand above it.
    below: Option<Figures>,
    /// Something stands above the header that is no row of the table.
    titled: bool,
}

struct SkipWords {
    words: Vec<(char, String)>,
    by_default: bool,
    /// Whether one of them begins with a digit.
    with_digit: bool,
    /// The names of the columns: they may stand there once more, in any order.
    names: Vec<Name>,
}

/// A column's name, to be compared with the first cells of rows.
struct Name {
    first: char,
    letters: usize,
    folded: String,
}

/// What a row is.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Data,
    LeftOut(Why),
    /// No data if only such rows, and sparse ones, follow until the end.
    Tail(Why),
    /// The header of another table.
    Another,
    /// The names of the columns in another order, or others among them.
    Reordered,
}

impl Body {
    /// `header` is its last row and how many it takes.
    pub(super) fn new(
        source: Source,
        header: (u32, u32),
        columns: &[Header],
        skip: Option<&[String]>,
    ) -> Self {
        let named = columns.iter().filter(|column| !column.name.is_empty()).count();
        let last_named = columns.iter().rposition(|column| !column.name.is_empty()).map(|at| at + 1);
        let line: Vec<Arc<str>> = columns.iter().map(|column| Arc::clone(&column.name)).collect();
        let words = Arc::new(SkipWords::new(skip, columns));
        let mut source = source;
        if let Source::Text(ordered) = &mut source {
            let words = Arc::clone(&words);
            ordered.keep_apart(move |row| is_rule(row) || is_mark_of_page(row) || words.are_all_of(row));
        }
        Self {
            source,
            header_row: header.0,
            above: header.0.saturating_sub(header.1.saturating_sub(1)),
            columns: columns.len(),
            needed: last_named.unwrap_or(columns.len()),
            named: if named == 0 { columns.len() } else { named },
            words,
            last_number: 0,
            ready: VecDeque::new(),
            rows: 0,
            ended: false,
            header: line.clone(),
            lines: vec![line],
            after_blank: false,
            figures: Figures::default(),
            bare_total: None,
            skipped: None,
            reordered: None,
            goes_on_at: (0, 0),
            sorted_in: None,
            below: None,
            titled: false,
        }
    }

    /// Leaves a row out that was found to be a sum.
    pub(super) fn without_total(self, bare_total: Option<u32>) -> Self {
        Self { bare_total, ..self }
    }

    /// Reads the next data row. False at the end.
    pub(super) fn read(&mut self, row: &mut Row, found: &mut Found) -> Result<bool, Error> {
        let more = self.next_data(row, found)?;
        if more {
            self.rows += 1;
            if matches!(self.source, Source::Sheet(_)) {
                self.figures.learn(row);
            }
            self.straighten(row, found.format);
        }
        Ok(more)
    }

    /// Fills a block with the next data rows; false where it holds the last ones. What was read before an error
    /// stays.
    pub(super) fn read_block(&mut self, block: &mut Block, found: &mut Found) -> Result<bool, Error> {
        block.clear();
        while !block.is_full() {
            if !self.pass_on(block)? && !block.push_row(|row| self.read(row, found))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Hands the next record over as it is, if it is data whatever stands around it and nothing has to be told of
    /// it that its cells don't tell.
    fn pass_on(&mut self, block: &mut Block) -> Result<bool, Error> {
        let Source::Text(ordered) = &mut self.source else { return Ok(false) };
        if self.after_blank
            || self.reordered.is_some()
            || self.ended
            || self.rows == 0
            || self.last_number < self.header_row
            || !self.ready.is_empty()
        {
            return Ok(false);
        }
        let (whole, words) = (self.needed..=self.columns, &self.words);
        let fits = |cutter: &Cutter, raw: &Raw<'_>| {
            // Without a figure it may be the header of another table.
            raw.record.iter().any(u8::is_ascii_digit)
                && whole.contains(&cutter.count(raw))
                && words.cannot_begin(cutter, raw)
                // It may be a line of text below the table, or the number of a page.
                && (raw.record.first().is_some_and(u8::is_ascii_digit) || !cutter.has_empty_second(raw))
        };
        let Some((raw, cutter)) = ordered.next_plain(fits)? else { return Ok(false) };
        (self.last_number, self.rows) = (raw.number, self.rows + 1);
        block.push_record(&raw, cutter, self.columns);
        Ok(true)
    }

    fn next_data(&mut self, row: &mut Row, found: &mut Found) -> Result<bool, Error> {
        loop {
            if let Some(mut ready) = self.ready.pop_front() {
                std::mem::swap(row, &mut ready);
                return Ok(true);
            }
            if self.ended || !self.pull(row, found)? {
                self.finish(found);
                return Ok(false);
            }
            if self.bare_total == Some(row.number()) {
                found.note(Issue::new(&W132).row(row.number()).arg(row.number().to_string()));
                leave_out(row, Why::Total, found);
                continue;
            }
            match self.judge(row)? {
                Verdict::Data => {
                    self.after_blank = false;
                    return Ok(true);
                }
                Verdict::LeftOut(why) => {
                    self.after_blank = why == Why::Blank;
                    if why == Why::Total && !self.is_sparse(row) {
                        self.skipped.get_or_insert((row.number(), 0)).1 += 1;
                    }
                    if why == Why::Title && counts_columns(row) {
                        found.note(Issue::new(&W131).row(row.number()).arg(row.number().to_string()));
                    }
                    leave_out(row, why, found);
                }
                Verdict::Tail(why) => self.look_ahead(row, why, found)?,
                Verdict::Reordered => self.doubt_names(row, found),
                Verdict::Another => {
                    let begins = row.number();
                    self.leave_rest_out(std::mem::take(row), begins, found)?;
                }
            }
        }
    }

    /// What follows stands under these names, not under the header's.
    fn doubt_names(&mut self, row: &Row, found: &mut Found) {
        self.reordered = Some(row.number());
        if let Source::Text(ordered) = &mut self.source {
            ordered.stop_mending();
        }
        leave_out(row, Why::Title, found);
    }

    /// The next row below the header; rows above it are left out, and so are those a workbook does not mention.
    fn pull(&mut self, row: &mut Row, found: &mut Found) -> Result<bool, Error> {
        while self.source.next(row)? {
            let number = row.number();
            if number > self.last_number + 1 && matches!(self.source, Source::Sheet(_)) {
                found.leave_out_gap(self.last_number + 1..number);
                self.after_blank = true;
            }
            self.last_number = number;
            if number > self.header_row {
                return Ok(true);
            }
            if number >= self.above && self.above < self.header_row {
                self.lines.push(row.cells().map(|cell| cell.text.into()).collect());
            }
            if number < self.above {
                if self.is_sorted_in(row, found)? {
                    return Ok(true);
                }
                self.tell_of_data_above(row, found);
                found.leave_out(number, if row.is_blank() { Why::Blank } else { Why::Title });
            }
        }
        self.ended = true;
        Ok(false)
    }

    /// A row right below the header that counts the columns, where cells of other forms stand in several of them: one
    /// alone may be a price without its decimals. Where the next row begins with 2 it is the rows that are counted.
    fn is_count(&mut self, row: &Row) -> Result<bool, Error> {
        let Source::Text(ordered) = &mut self.source else { return Ok(false) };
        if self.header_row == 0 || row.len() < self.needed || !counts_columns(row) {
            return Ok(false);
        }
        let counts_on = |next: &Row, _: &Shapes| next.cell(0).is_some_and(|cell| cell.text.trim() == "2");
        if !ordered.shapes().can_tell() || ordered.find_ahead(1, counts_on)?.is_some() {
            return Ok(false);
        }
        // What the columns look like takes longer to learn than a night's file to read.
        let shapes = ordered.shapes();
        let strange = |column: &usize| {
            row.cell(*column).is_some_and(|cell| !shapes.knows_form(*column, cell.text.trim()))
        };
        Ok(shapes.mostly_filled().filter(strange).count() > 1)
    }

    /// Whether nothing but rows as full as the table and with its figures stands above the header: somebody sorted the
    /// rows, header and all. Below a title, a blank row or other names they are of another table. A row that counts
    /// the columns has figures too.
    fn is_sorted_in(&mut self, first: &Row, found: &mut Found) -> Result<bool, Error> {
        if let Some(known) = self.sorted_in {
            return Ok(known);
        }
        let known = self.are_data(first)?;
        if known {
            found.note(self.above_names().row(first.number()));
        }
        self.sorted_in = Some(known);
        Ok(known)
    }

    /// Whether this row and all others above the header are rows of the table.
    fn are_data(&mut self, first: &Row) -> Result<bool, Error> {
        let (needed, columns, above) = (self.needed, self.columns, self.above);
        let others = (above - 1).saturating_sub(first.number());
        match &mut self.source {
            Source::Text(ordered) => {
                let is_data = |row: &Row, shapes: &Shapes| {
                    (needed..=columns).contains(&row.len()) && is_of_table(row, shapes)
                };
                Ok(is_data(first, ordered.shapes())
                    && ordered.find_ahead(others as usize, |row, shapes| !is_data(row, shapes))?.is_none())
            }
            Source::Sheet(peeked) => {
                let figures = figures_around(peeked, first, self.header_row, above);
                let is_data = |row: &Row| row.len() <= columns && is_of_sheet(row, &figures);
                let behind: Vec<bool> = peeked.ahead(|row| row.number() < above).map(is_data).collect();
                let all =
                    behind.len() == others as usize && is_data(first) && behind.into_iter().all(|data| data);
                self.below = Some(figures);
                Ok(all)
            }
        }
    }

    /// Tells of the first row that is left out above the header though it looks like data.
    fn tell_of_data_above(&mut self, row: &Row, found: &mut Found) {
        if self.resembles_data(row) {
            if !found.notes.iter().any(|note| note.code.code == W130.code) {
                found.note(Issue::new(&W130).row(row.number()).arg(self.header_row.to_string()));
            }
        } else {
            self.titled |= !row.is_blank();
        }
    }

    /// Whether a row above the header has a figure where the table has such figures; beside a title it must be as full
    /// as the table too.
    fn resembles_data(&self, row: &Row) -> bool {
        if counts_columns(row) {
            return false;
        }
        let has_figure = || !self.figures_of(row).is_empty();
        match &self.source {
            Source::Text(ordered) => {
                let shapes = ordered.shapes();
                let wordy = || shapes.rigid().next().is_none() && has_known_word(row, shapes);
                (self.needed..=self.columns).contains(&row.len())
                    && (has_figure() || wordy())
                    && (!self.titled || shapes.is_as_full(row))
            }
            Source::Sheet(_) => {
                let fits = |figures: &Figures| {
                    figures.is_as_full(row) && (!self.titled || figures.all_in_place(row))
                };
                row.len() <= self.columns && has_figure() && self.below.as_ref().is_some_and(fits)
            }
        }
    }

    /// The columns where a row has figures as the table has them there.
    fn figures_of(&self, row: &Row) -> Vec<usize> {
        match &self.source {
            Source::Text(ordered) => figures_in_place(row, ordered.shapes()).collect(),
            Source::Sheet(_) if row.number() < self.above => {
                self.below.as_ref().map(|figures| figures.in_place(row)).unwrap_or_default()
            }
            Source::Sheet(_) => self.figures.in_place(row),
        }
    }

    /// What is told of a row above the header.
    fn above_names(&self) -> Issue {
        Issue::new(&W129).arg(self.header_row.to_string())
    }

    fn judge(&mut self, row: &Row) -> Result<Verdict, Error> {
        // Nearly every row begins so, with a date or a number.
        let begins_with_digit =
            row.raw(0).and_then(|cell| cell.bytes.first()).is_some_and(u8::is_ascii_digit);
        if begins_with_digit && !self.words.with_digit && !self.after_blank && self.rows > 0 {
            return Ok(Verdict::Data);
        }
        Ok(if is_blank(row) {
            Verdict::LeftOut(Why::Blank)
        } else if self.is_header_again(row) {
            self.reordered = None;
            Verdict::LeftOut(Why::Title)
        } else if is_rule(row) || self.rows == 0 && self.is_count(row)? {
            Verdict::LeftOut(Why::Title)
        } else if self.is_reordered(row) || self.is_renamed(row) {
            Verdict::Reordered
        } else if row.is_mended() || !self.words.begin(row) {
            self.judge_below(row)?
        } else if !self.words.by_default {
            Verdict::LeftOut(Why::Total)
        } else if self.is_sparse(row) && !self.has_codes(row) {
            Verdict::Tail(Why::Total)
        } else {
            Verdict::Data
        })
    }

    /// What a row is that does not begin like totals.
    fn judge_below(&mut self, row: &Row) -> Result<Verdict, Error> {
        if self.rows == 0 {
            return Ok(Verdict::Data);
        }
        let below = self.words.by_default;
        if self.is_page_mark(row) && self.is_bare(row) {
            return Ok(Verdict::LeftOut(Why::Title));
        }
        Ok(if (below || self.would_hide(row)) && self.begins_another(row)? {
            if self.next_is_like_data(row)? { Verdict::Reordered } else { Verdict::Another }
        } else if below && (self.after_blank && self.is_alien(row) || self.is_footer(row)) {
            Verdict::Tail(Why::Beyond)
        } else if self.is_page_mark(row) {
            Verdict::Tail(Why::Title)
        } else {
            Verdict::Data
        })
    }

    /// Whether rows of another table that begins with this row would go under names that are not their own: rows of
    /// another width are told by themselves.
    fn would_hide(&self, row: &Row) -> bool {
        self.after_blank && (row.len() == self.columns || matches!(self.source, Source::Sheet(_)))
    }

    /// Whether a row is the header of another table: names only, where figures stand in this one, and a row of the
    /// same width behind it, with none of this table among those that come next.
    fn begins_another(&mut self, row: &Row) -> Result<bool, Error> {
        if matches!(self.source, Source::Sheet(_)) {
            return Ok(self.begins_another_on_sheet(row));
        }
        let digits = |at: usize| row.raw(at).is_some_and(|cell| cell.bytes.iter().any(u8::is_ascii_digit));
        let wide = row.len() == self.columns;
        let is_open = wide && self.after_blank;
        let (figures, words) = self.goes_on_at;
        if !is_open && row.number() < if wide { words } else { figures.max(words) } {
            return Ok(false);
        }
        if row.is_mended() || row.len() < 2 || !self.after_blank && (0..row.len()).any(digits) {
            return Ok(false);
        }
        if !names_columns(row) || wide && !self.is_heading(row) {
            return Ok(false);
        }
        let Source::Text(ordered) = &mut self.source else { return Ok(false) };
        let needed = if wide || self.after_blank { 1 } else { 2 };
        if !ordered.rows_ahead(row.len(), needed)? {
            return Ok(false);
        }
        let columns = self.columns;
        let goes_on = |next: &Row, shapes: &Shapes| {
            // Another table of as many columns may have figures where this one has; its words are others.
            next.len() == columns && fits_figures(next, shapes) && (!wide || has_known_word(next, shapes))
        };
        if is_open {
            return Ok(true);
        }
        let found = ordered.find_ahead(TAIL, goes_on)?;
        let at = found.unwrap_or(0);
        self.goes_on_at = if wide { (figures, at) } else { (at, words) };
        Ok(found.is_none())
    }

    /// Whether the row below the header of another table looks like one of this: a person must see it, so that it is
    /// refused rather than left out.
    fn next_is_like_data(&mut self, row: &Row) -> Result<bool, Error> {
        let (columns, figures, next) = (self.columns, &self.figures, row.number() + 1);
        match &mut self.source {
            Source::Text(ordered) => {
                let is_like = |next: &Row, shapes: &Shapes| {
                    next.len() == columns && fits_figures(next, shapes) && has_known_word(next, shapes)
                };
                Ok(row.len() == columns && ordered.find_ahead(1, is_like)?.is_some())
            }
            Source::Sheet(peeked) => {
                let is_like = |row: &Row| {
                    row.number() == next && figures.in_place(row).len() > 1 && figures.all_in_place(row)
                };
                Ok(peeked.ahead(|row| row.number() <= next).any(is_like))
            }
        }
    }

    /// The same behind a blank row of a sheet. One with few cells is a note, or a row that has the others from above.
    fn begins_another_on_sheet(&mut self, row: &Row) -> bool {
        if !self.after_blank || self.is_sparse(row) || !names_columns(row) || !self.is_heading(row) {
            return false;
        }
        let Source::Sheet(peeked) = &mut self.source else { return false };
        let next = row.number() + 1;
        peeked.ahead(|row| row.number() <= next).any(has_figure)
    }

    /// Whether a row of text has nothing in three columns or more where all other rows have something.
    fn is_bare(&self, row: &Row) -> bool {
        let Source::Text(ordered) = &self.source else { return false };
        let is_empty = |column: &usize| row.cell(*column).is_none_or(|cell| cell.text.trim().is_empty());
        ordered.shapes().can_tell() && ordered.shapes().mostly_filled().filter(is_empty).count() > 2
    }

    /// A line of text that no row of this table begins with.
    fn is_footer(&self, row: &Row) -> bool {
        let text = row.cell(0).map_or("", |cell| cell.text.trim());
        let others = || row.cells().skip(1).any(|cell| !cell.text.trim().is_empty());
        let single = row.len() == 1 || !row.is_mended() && !others() && self.is_bare(row);
        let alone = single && self.columns > 2 && text.starts_with(char::is_alphabetic);
        alone
            && match &self.source {
                Source::Text(ordered) => ordered.shapes().fit_at(0, text) < 0.0,
                Source::Sheet(_) => !self.figures.all_in_place(row),
            }
    }

    /// Nothing but the number of a page, as programs print it between two pages.
    fn is_page_mark(&self, row: &Row) -> bool {
        self.needed > 2 && is_mark_of_page(row)
    }

    /// Whether codes or dates stand where the table has such: no total has them, whatever its first word.
    fn has_codes(&self, row: &Row) -> bool {
        self.figures_of(row).into_iter().filter(|column| *column > 0).any(|column| {
            row.cell(column).is_some_and(|cell| {
                let marks = cell.text.matches(['.', '-', '/', ':']).count();
                marks > 1 || cell.text.contains(char::is_alphabetic)
            })
        })
    }

    /// Far fewer cells filled than the header has.
    fn is_sparse(&self, row: &Row) -> bool {
        is_sparse(row, self.named)
    }

    /// Not of this table: a row of a text file with another number of cells, or with none but one of them filled, or
    /// with a few words where nearly all rows have figures elsewhere. In a workbook, where every row has all cells,
    /// one of a few words without any figure.
    fn is_alien(&self, row: &Row) -> bool {
        let filled = || row.cells().filter(|cell| !cell.text.trim().is_empty());
        if let Source::Text(ordered) = &self.source {
            let wider = row.len() > self.columns && row.has_text_from(self.columns);
            let few = row.len() < self.needed || filled().count() <= 1 && self.needed > 2;
            let wordy =
                || self.is_sparse(row) && self.is_bare(row) && filled().all(|cell| !has_digit(cell.text));
            return !row.is_mended() && (wider || few || wordy()) && !fits_figures(row, ordered.shapes());
        }
        let is_word = |cell: Cell<'_>| cell.kind == CellKind::Text && !has_digit(cell.text);
        self.is_sparse(row) && self.needed > 2 && filled().all(is_word)
    }

    /// Whether a row that looks like another table goes on: below its first row a workbook's has figures too.
    fn stays_alien(&self, row: &Row) -> bool {
        if matches!(self.source, Source::Text(_)) { self.is_alien(row) } else { self.is_sparse(row) }
    }

    /// Whether a row behind `first`, which looked like the end of the table, is of the table all the same: figures
    /// stand where the table has such figures, and not only where `first` has something. Of rows that follow a row
    /// of words in a sheet one figure is enough if everything else fits too: they may have their first cells from
    /// above.
    fn goes_on(&self, row: &Row, first: &Row, why: Why) -> bool {
        let free = |column: usize| first.cell(column).is_none_or(|cell| cell.text.trim().is_empty());
        let figures = self.figures_of(row);
        if why != Why::Beyond || matches!(self.source, Source::Text(_)) {
            return figures.len() > 1 && figures.into_iter().any(free) && !self.words.begin(row);
        }
        let filled = |column: &usize| row.cell(*column).is_some_and(|cell| !cell.text.trim().is_empty());
        let proven = figures.len() > 1 || figures.len() == 1 && self.figures.all_in_place(row);
        proven && (0..row.len()).filter(filled).any(free)
    }

    /// The names of the columns once more, as programs print them on top of each page; of a header of several rows any
    /// of them.
    fn is_header_again(&self, row: &Row) -> bool {
        self.lines.iter().any(|line| header::is_again(line, row))
    }

    /// Most names of the columns and nothing else, not where they stand in the header.
    fn is_reordered(&self, row: &Row) -> bool {
        let mut seen = HashSet::new();
        let mut moved = false;
        for (at, cell) in row.cells().enumerate() {
            let text = cell.text.trim();
            if text.is_empty() {
                continue;
            }
            if text.starts_with(|first: char| first.is_ascii_digit())
                || !self
                    .header
                    .iter()
                    .any(|name| name.len() == text.len() && header::is_same_name(name.trim(), text))
                || !seen.insert(text)
            {
                return false;
            }
            moved |= self.header.get(at).is_none_or(|name| name.trim() != text);
        }
        moved && seen.len() > 2 && seen.len() * 2 > self.named
    }

    /// Names of columns below the data, some as in the header to the letter and others in place of the rest: below them
    /// another table goes on, or this one with another column. A row that states columns' names by hand in place of
    /// values that lack is not so exact.
    fn is_renamed(&self, row: &Row) -> bool {
        self.rows > 0 && !row.is_mended() && self.lines.iter().any(|line| self.is_renamed_line(line, row))
    }

    fn is_renamed_line(&self, line: &[Arc<str>], row: &Row) -> bool {
        let is_sheet = matches!(self.source, Source::Sheet(_));
        let first = row.cell(0).map_or("", |cell| cell.text.trim());
        // Rows that begin otherwise are not looked at where they have digits: nearly all are data.
        let begins = !first.is_empty() && line.first().is_some_and(|name| name.trim() == first);
        if !begins && has_figure(row) {
            return false;
        }
        let kept = header::kept_names(line, row);
        let wide = row.len() == self.columns || is_sheet && row.len() < self.columns || kept * 2 > self.named;
        let names = line.iter().map(|name| name.trim()).chain(std::iter::repeat(""));
        let is_other = |(name, text): (&str, &str)| !text.is_empty() && !header::is_same_name(name, text);
        kept > 1
            && wide
            && names.zip(row.cells().map(|cell| cell.text.trim())).any(is_other)
            && self.is_heading(row)
    }

    /// Whether a row has words where the table has figures; where that is too short to tell in which columns, whether
    /// it has nothing but words, each its own.
    fn is_heading(&self, row: &Row) -> bool {
        match &self.source {
            Source::Text(ordered) if ordered.shapes().can_tell() => header::is_heading(row, ordered.shapes()),
            Source::Text(ordered) => {
                ordered.shapes().have_figures() && names_columns(row) && !has_figure(row)
            }
            Source::Sheet(_) => self.figures.is_heading(row),
        }
    }

    /// Reads on behind a row that looks like totals, like a note below the table, or like the end of a page. Only if
    /// nothing but sparse rows follow until the end, another table, or the names of the columns once more, are they
    /// left out; otherwise all of them are data, because a row must never be lost.
    fn look_ahead(&mut self, first: &mut Row, why: Why, found: &mut Found) -> Result<(), Error> {
        let begins = first.number();
        let mut held = vec![std::mem::take(first)];
        loop {
            let mut row = Row::new();
            if !self.pull(&mut row, found)? {
                if why == Why::Title {
                    break;
                }
                leave_all_out(&held, why, found);
                self.tell_of_tail(&held, why, found);
                self.tell_of_guess(&held, why, found);
                return Ok(());
            }
            self.after_blank |= is_blank(&row);
            if self.is_header_again(&row) {
                leave_out(&row, Why::Title, found);
                self.end_page(held, why, found);
                return Ok(());
            }
            if self.is_reordered(&row) || self.is_renamed(&row) {
                leave_all_out(&held, why, found);
                self.doubt_names(&row, found);
                self.after_blank = false;
                return Ok(());
            }
            if (why == Why::Beyond || self.would_hide(&row)) && self.begins_another(&row)? {
                leave_all_out(&held, why, found);
                if self.next_is_like_data(&row)? {
                    self.tell_of_tail(&held, why, found);
                    self.doubt_names(&row, found);
                    self.after_blank = false;
                    return Ok(());
                }
                let begins = if why == Why::Beyond { begins } else { row.number() };
                return self.leave_rest_out(row, begins, found);
            }
            let ends = !self.stays_out(&row, &held, why) || held.len() >= TAIL;
            held.push(row);
            if ends {
                break;
            }
        }
        self.after_blank = false;
        for mut row in held {
            if is_blank(&row) {
                leave_out(&row, Why::Blank, found);
            } else {
                if why == Why::Total && self.words.begin(&row) && self.is_sparse(&row) {
                    row.add_issue(Issue::new(&W117));
                }
                self.ready.push_back(row);
            }
        }
        Ok(())
    }

    /// Rows that stand between the data and the names of the columns once more. One with a figure where the table has
    /// such figures is data, whatever else it lacks.
    fn end_page(&mut self, held: Vec<Row>, why: Why, found: &mut Found) {
        let is_data = |row: &Row| {
            !is_blank(row)
                && !self.words.begin(row)
                && !self.is_page_mark(row)
                && !self.figures_of(row).is_empty()
        };
        let (data, left): (Vec<Row>, Vec<Row>) = held.into_iter().partition(is_data);
        let why = if why == Why::Total { why } else { Why::Title };
        leave_all_out(&left, why, found);
        if !found.notes.iter().any(|note| note.code.code == W114.code) {
            self.tell_of_tail(&left, why, found);
        }
        self.tell_of_guess(&left, why, found);
        self.ready.extend(data);
        (self.after_blank, self.reordered) = (false, None);
    }

    /// Whether a row behind those that are held is no more of the table than they are.
    fn stays_out(&self, row: &Row, held: &[Row], why: Why) -> bool {
        let alien = if why == Why::Beyond { self.stays_alien(row) } else { self.is_sparse(row) };
        alien && !held.first().is_some_and(|first| self.goes_on(row, first, why))
    }

    /// Tells of rows below the table that were left out; totals and single lines behind them speak for themselves.
    fn tell_of_tail(&self, held: &[Row], why: Why, found: &mut Found) {
        let filled = |row: &Row| row.cells().filter(|cell| !cell.text.trim().is_empty()).count();
        let is_told = |row: &&Row| why == Why::Beyond || filled(row) > 1 && !self.words.begin(row);
        if let Some(row) = held.iter().find(is_told) {
            found.note(rows_beyond(row.number(), held.last().map_or(0, Row::number)));
        }
    }

    /// Tells of the first row that was left out as a total though its words say more.
    fn tell_of_guess(&self, held: &[Row], why: Why, found: &mut Found) {
        let is_guess = |row: &&Row| self.words.begin(row) && !self.words.are_first_of(row);
        let told = found.notes.iter().any(|note| note.code.code == W132.code);
        if let Some(row) = held.iter().find(is_guess).filter(|_| why == Why::Total && !told) {
            found.note(Issue::new(&W132).row(row.number()).arg(row.number().to_string()));
        }
    }

    /// Another table begins with `first`: nothing from there on is of this one, until its names stand there again.
    fn leave_rest_out(&mut self, first: Row, begins: u32, found: &mut Found) -> Result<(), Error> {
        let mut row = first;
        if let Source::Text(ordered) = &mut self.source {
            ordered.stop_mending();
        }
        let mut last = row.number();
        loop {
            found.leave_out(row.number(), if is_blank(&row) { Why::Blank } else { Why::Beyond });
            if !is_blank(&row) {
                last = row.number();
            }
            if !self.pull(&mut row, found)? {
                break;
            }
            if self.is_header_again(&row) {
                leave_out(&row, Why::Title, found);
                (self.after_blank, self.reordered) = (false, None);
                break;
            }
        }
        found.note(rows_beyond(begins, last));
        Ok(())
    }

    /// Gives the row as many cells as the header has, and tells what was wrong.
    fn straighten(&self, row: &mut Row, format: Format) {
        let cells = row.len();
        if row.number() < self.above {
            row.add_issue(self.above_names());
        }
        if let Some(names) = self.reordered {
            row.add_issue(Issue::new(&T033).arg(names.to_string()));
            row.pad_to(self.columns);
            return;
        }
        if let Source::Text(ordered) = &self.source
            && ordered.is_misnamed()
        {
            let counts = [self.columns.to_string(), cells.to_string(), self.header_row.to_string()];
            row.add_issue(counts.into_iter().fold(Issue::new(&T030), Issue::arg));
            row.pad_to(self.columns);
            return;
        }
        if let Source::Text(ordered) = &self.source
            && let Some(doubt) = ordered.doubt()
        {
            let place = Place { row: None, ..doubt.place.clone() };
            row.add_issue(Issue { place, ..doubt.clone() });
        }
        if cells < self.needed && format == Format::Csv {
            row.add_issue(Issue::new(&T020).arg(cells.to_string()).arg(self.columns.to_string()));
        }
        row.pad_to(self.columns);
        if cells > self.columns {
            if row.has_text_from(self.columns) {
                row.add_issue(self.surplus(row, format));
            } else if format == Format::Csv {
                row.truncate(self.columns);
            }
        }
    }

    /// What values behind the last column mean. In a text file they are cells in excess, and nobody knows which
    /// value belongs where. In a workbook every cell has its place: a value in the very next column may have
    /// been pushed out of the table, so the row is refused too; behind an empty column it is a note beside
    /// the table.
    fn surplus(&self, row: &Row, format: Format) -> Issue {
        if format == Format::Csv {
            return Issue::new(&T021).arg(row.len().to_string()).arg(self.columns.to_string());
        }
        let letter = Header { name: "".into(), index: self.columns }.letter();
        if row.cell(self.columns).is_some_and(|cell| !cell.text.trim().is_empty()) {
            Issue::at(&T028, Some(letter.as_str().into())).arg(letter)
        } else {
            Issue::new(&W105)
        }
    }

    fn finish(&self, found: &mut Found) {
        if let Source::Text(ordered) = &self.source {
            found.quote = ordered.quote_met();
            (found.repaired, found.repaired_count) = ordered.repaired();
        }
        if let Some((row, count)) =
            self.skipped.filter(|_| !found.notes.iter().any(|note| note.code.code == W116.code))
        {
            found.note(Issue::new(&W116).row(row).arg(row.to_string()).arg(count.to_string()));
        }
        if self.rows == 0 && !found.notes.iter().any(|note| note.code.code == W104.code) {
            found.note(Issue::new(&W104));
        }
    }
}

/// Whether far fewer cells of a row are filled than there are names.
fn is_sparse(row: &Row, named: usize) -> bool {
    row.cells().filter(|cell| !cell.text.trim().is_empty()).count() * 3 <= named * 2
}

/// Whether a row is as full as the table and has its figures: two of them, or the one there is. One that counts the
/// columns has figures too.
fn is_of_table(row: &Row, shapes: &Shapes) -> bool {
    let needed = shapes.rigid().take(2).count().max(1);
    !counts_columns(row) && figures_in_place(row, shapes).count() >= needed && shapes.is_as_full(row)
}

/// The same of a sheet's row.
fn is_of_sheet(row: &Row, figures: &Figures) -> bool {
    let needed = figures.count().clamp(1, 2);
    !counts_columns(row) && figures.in_place(row).len() >= needed && figures.is_as_full(row)
}

/// What stands in the columns of a sheet, learned from the rows right below its header; where they are too few, from
/// those above it too, the first of which was read already.
fn figures_around(peeked: &mut Peeked, first: &Row, header: u32, above: u32) -> Figures {
    let mut figures = Figures::default();
    let last = header.saturating_add(LEARNED_AHEAD);
    let rows: Vec<&Row> = peeked.ahead(|row| row.number() <= last).collect();
    let mut next = header + 1;
    for row in rows.iter().filter(|row| row.number() > header) {
        // Names and notes would teach that there are words, and what stands behind them may be another table.
        let wordy = !has_figure(row);
        if figures.rows() >= FEW && (wordy || row.number() > next) {
            break;
        }
        next = row.number() + 1;
        if !wordy {
            figures.learn(row);
        }
    }
    if figures.rows() < FEW {
        let above = rows.into_iter().filter(|row| row.number() < above);
        above.chain([first]).filter(|row| has_figure(row)).for_each(|row| figures.learn(row));
    }
    figures
}

/// Whether a row counts the columns, as printed reports do below their names: 1, 2, 3 and so on.
fn counts_columns(row: &Row) -> bool {
    row.len() > 2 && row.cells().enumerate().all(|(at, cell)| cell.text.trim().parse() == Ok(at + 1))
}

/// Whether all cells could name columns: words, each its own. `NULL` in every cell names none.
fn names_columns(row: &Row) -> bool {
    let mut seen = HashSet::new();
    row.cells().all(|cell| {
        let text = cell.text.trim();
        !text.starts_with('#') && text.contains(char::is_alphabetic) && seen.insert(fold(text))
    })
}

/// Whether nothing is in a row, and nothing should be: an uncalculated formula will have a value one day.
fn is_blank(row: &Row) -> bool {
    row.is_blank() && !row.issues().iter().any(|issue| issue.code.severity() == Severity::Error)
}

/// Whether a digit stands anywhere in a row.
fn has_figure(row: &Row) -> bool {
    row.cells().any(|cell| has_digit(cell.text))
}

fn has_digit(text: &str) -> bool {
    text.contains(|letter: char| letter.is_ascii_digit())
}

/// A drawn line, as programs print it above and below the names of the columns: no letter and no figure.
fn is_rule(row: &Row) -> bool {
    let mut letters = row.cells().flat_map(|cell| cell.text.chars()).filter(|letter| !letter.is_whitespace());
    letters.next().is_some_and(|first| RULES.contains(&first))
        && letters.all(|letter| RULES.contains(&letter))
        && row.cells().any(|cell| cell.text.trim().chars().count() > 2)
}

/// What is told of rows that are not of the table.
fn rows_beyond(first: u32, last: u32) -> Issue {
    Issue::new(&W114).row(first).arg(first.to_string()).arg(last.to_string())
}

/// The only filled cell of a row.
fn only_text(row: &Row) -> Option<&str> {
    let mut filled = row.cells().map(|cell| cell.text.trim()).filter(|text| !text.is_empty());
    filled.next().filter(|_| filled.next().is_none())
}

/// Nothing but the number of a page.
fn is_mark_of_page(row: &Row) -> bool {
    only_text(row).is_some_and(|text| {
        let words = text.trim_end_matches(|letter: char| !letter.is_alphabetic());
        words.len() < text.len() && PAGES.iter().any(|page| fold(words) == fold(page))
    })
}

/// A row that is left out takes along what is wrong with it: that becomes a note about the file. Uncalculated
/// totals are no loss, nor are damaged ones that were put in order.
fn leave_out(row: &Row, why: Why, found: &mut Found) {
    found.leave_out(row.number(), why);
    let told =
        row.issues().iter().filter(|issue| ![T027.code, T029.code, W115.code].contains(&issue.code.code));
    for issue in told {
        // One is enough of what nobody reads.
        let again = |note: &Issue| note.code.code == T024.code && issue.code.code == T024.code;
        if !found.notes.iter().any(again) {
            found.note(issue.clone().row(row.number()));
        }
    }
}

fn leave_all_out(rows: &[Row], why: Why, found: &mut Found) {
    for row in rows {
        leave_out(row, if is_blank(row) { Why::Blank } else { why }, found);
    }
}

/// A blank, or a byte-order mark, which is no part of the text it stands before.
fn is_unseen(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{FEFF}'
}

/// Figures, dates or codes of the table's own form in two of their columns: a row of the table whose last cells
/// nobody wrote must not pass for another table.
fn fits_figures(row: &Row, shapes: &Shapes) -> bool {
    figures_in_place(row, shapes).count() > 1
}

/// Whether a column that repeats a few words has one of them here.
fn has_known_word(row: &Row, shapes: &Shapes) -> bool {
    row.cells().enumerate().any(|(column, cell)| {
        let text = cell.text.trim();
        text.contains(char::is_alphabetic) && shapes.is_known_at(column, text)
    })
}

/// The columns where a row has figures of the table's own form.
fn figures_in_place<'r>(row: &'r Row, shapes: &'r Shapes) -> impl Iterator<Item = usize> {
    shapes.rigid().filter(|column| {
        row.cell(*column).is_some_and(|cell| {
            let text = cell.text.trim();
            text.contains(|letter: char| letter.is_ascii_digit()) && shapes.knows_form(*column, text)
        })
    })
}

/// The letter that begins a folded word which begins with this one.
fn upper(letter: char) -> char {
    look_alike(letter.to_uppercase().next().unwrap_or(letter))
}

impl Name {
    /// None where a column has no name.
    fn new(name: &str) -> Option<Self> {
        let first = upper(name.chars().next()?);
        Some(Self { first, letters: name.chars().count(), folded: fold(name) })
    }
}

impl SkipWords {
    fn new(skip: Option<&[String]>, columns: &[Header]) -> Self {
        let stated = skip.map(|words| words.iter().map(|word| fold(word)).collect::<Vec<_>>());
        let words = stated.unwrap_or_else(|| TOTALS.iter().map(|word| fold(word)).collect());
        let with_first = |word: String| word.chars().next().map(|first| (first, word));
        let words: Vec<_> = words.into_iter().filter_map(with_first).collect();
        let with_digit = words.iter().any(|(first, _)| first.is_ascii_digit());
        let names = columns.iter().filter_map(|column| Name::new(column.name.trim())).collect();
        Self { words, by_default: skip.is_none(), with_digit, names }
    }

    /// Whether a record's first letter shows that there is something in its first cell, and that it is none of the
    /// words, nor a column's name. The whole cell is looked at only where a name begins so.
    fn cannot_begin(&self, cutter: &Cutter, raw: &Raw<'_>) -> bool {
        match cutter.first_letter(raw) {
            Some('0'..='9') if !self.with_digit => true,
            Some(letter) => {
                !is_unseen(letter)
                    && !self.has_first(letter)
                    && !self.is_name(letter, || cutter.first_cell(raw))
            }
            None => false,
        }
    }

    /// Whether one of the words begins with a letter like this one.
    fn has_first(&self, letter: char) -> bool {
        let letter = upper(letter);
        self.words.iter().any(|(first, _)| *first == letter)
    }

    /// Whether a cell that begins with this letter is a column's name.
    fn is_name(&self, letter: char, cell: impl Fn() -> String) -> bool {
        let letter = upper(letter);
        let mut names = self.names.iter().filter(|name| name.first == letter).peekable();
        if names.peek().is_none() {
            return false;
        }
        let cell = cell();
        let letters = cell.trim().chars().count();
        let mut names = names.filter(|name| name.letters == letters).peekable();
        names.peek().is_some() && {
            let cell = fold(&cell);
            names.any(|name| name.folded == cell)
        }
    }

    /// Whether nothing but one of the words stands in a row, with or without a number.
    fn are_all_of(&self, row: &Row) -> bool {
        only_text(row).is_some() && self.are_first_of(row)
    }

    /// Whether the row's first filled cell is nothing but one of the words, with or without a number.
    fn are_first_of(&self, row: &Row) -> bool {
        row.cells().map(|cell| cell.text.trim()).find(|text| !text.is_empty()).is_some_and(|text| {
            let text = fold(text.trim_end_matches(|letter: char| !letter.is_alphabetic()));
            self.words.iter().any(|(_, word)| *word == text)
        })
    }

    /// Whether the row's first filled cell begins with one of the words.
    fn begin(&self, row: &Row) -> bool {
        let Some(text) = row.cells().map(|cell| cell.text.trim_start()).find(|text| !text.is_empty()) else {
            return false;
        };
        // Folding takes memory; almost every row is told apart by its first letter.
        if !text.chars().next().is_some_and(|first| self.has_first(first)) {
            return false;
        }
        let text = fold(text);
        self.words.iter().any(|(_, word)| {
            text.strip_prefix(word.as_str())
                .is_some_and(|rest| !self.by_default || !rest.starts_with(char::is_alphanumeric))
        })
    }
}

/// A row with too few cells.
pub(super) static T020: CodeInfo = CodeInfo {
    code: "T020",
    who: Who::User,
    bg: Words {
        message: "редът има само {0} клетки, а колоните са {1}; допълнете липсващите",
        why: "Когато клетки липсват, не е сигурно коя стойност на коя колона е.",
        example: "ред, прекъснат от нов ред вътре в текст",
        repair: "Проверете дали редът не е разделен на два и дали няма изтрити разделители; поправете и запишете.",
    },
    en: Words {
        message: "the row has only {0} cells for {1} columns; add the missing ones",
        why: "Where cells are missing it is not certain which value belongs to which column.",
        example: "a row broken by a line end inside a text",
        repair: "See whether the row was split in two or delimiters were deleted; repair and save.",
    },
};

/// A row with too many cells.
pub(super) static T021: CodeInfo = CodeInfo {
    code: "T021",
    who: Who::User,
    bg: Words {
        message: "редът има {0} клетки, а колоните са {1}; махнете излишните или сложете текста в кавички",
        why: "Разделител вътре в текст разделя клетката на две и измества всички стойности надясно.",
        example: "Аптека;Здраве вместо \"Аптека;Здраве\"",
        repair: "Намерете разделителя вътре в текста, махнете го или сложете текста в кавички, и запишете.",
    },
    en: Words {
        message: "the row has {0} cells for {1} columns; remove the surplus or put the text into quotes",
        why: "A delimiter inside a text cuts its cell in two and moves all values to the right.",
        example: "Pharmacy;Health instead of \"Pharmacy;Health\"",
        repair: "Find the delimiter inside the text, remove it or put the text into quotes, and save.",
    },
};

/// There are more names of columns than cells in the rows, or fewer.
pub(super) static T030: CodeInfo = CodeInfo {
    code: "T030",
    who: Who::User,
    bg: Words {
        message: "имената на колони са {0}, а редът има {1} клетки, както почти всички редове, затова не е сигурно коя стойност \
                  на коя колона е; поправете имената в ред {2} или сложете в кавички клетките, в които има разделител",
        why: "Липсващ или излишен разделител в заглавния ред измества всички имена след себе си. Същото става, когато една \
              колона има разделителя в клетките си, например десетична запетая във файл, разделен със запетаи.",
        example: "Дата;Код Име;Количество над редове с по четири клетки",
        repair: "Вижте в заглавния ред за две имена без разделител между тях, за липсващо име или за разделител вътре в име; \
                 поправете го и поставете файла отново.",
    },
    en: Words {
        message: "there are {0} names of columns but the row has {1} cells, as nearly all rows have, so it is not certain which \
                  value belongs to which column; put the names in row {2} right, or quotes around the cells that hold a delimiter",
        why: "A delimiter too few or too many in the header row moves all names behind it. So does a column whose cells hold the \
              delimiter, such as decimal commas in a file that is divided by commas.",
        example: "Date;Code Name;Quantity above rows of four cells",
        repair: "Look in the header row for two names without a delimiter between them, a missing name, or a delimiter inside a \
                 name; correct it and drop the file again.",
    },
};

/// A row below names of columns in another order, or others.
pub(super) static T033: CodeInfo = CodeInfo {
    code: "T033",
    who: Who::User,
    bg: Words {
        message: "на ред {0} стоят още веднъж имена на колони, но подредени другояче или с други между тях, затова клетките на \
                  този ред са под чужди имена; запишете редовете от там надолу в отделен файл",
        why: "Две справки с различни или различно подредени колони са слети в един файл. Колоните се четат по имената на първата.",
        example: "Дата;Количество;Наличност, а по-надолу Дата;Наличност;Количество",
        repair: "Отделете втората справка, заедно с имената на колоните ѝ, в свой файл и поставете двата файла в папката.",
    },
    en: Words {
        message: "in row {0} names of columns stand once more, but in another order or with others among them, so the cells of \
                  this row are under other names; save the rows from there on as a file of their own",
        why: "Two reports with different columns, or in different orders, were joined into one file. Columns are read by the names \
              of the first.",
        example: "Date;Quantity;Stock, and further down Date;Stock;Quantity",
        repair: "Put the second report, with its names of columns, into a file of its own and drop both files.",
    },
};

/// A row above the names of the columns that is of the table.
pub(super) static W129: CodeInfo = CodeInfo {
    code: "W129",
    who: Who::User,
    bg: Words {
        message: "редът стои над имената на колоните (ред {0}), но прилича на редовете под тях и се чете като тях; ако не е движение, \
                  изтрийте го",
        why: "Когато редовете се подредят наново заедно с имената на колоните, имената остават насред таблицата или на края ѝ.",
        example: "таблица, сортирана по дата заедно с имената на колоните ѝ",
        repair: "Върнете имената на колоните на първия ред, изтрийте каквото не е движение и поставете файла отново.",
    },
    en: Words {
        message: "the row stands above the names of the columns (row {0}) but looks like the rows below them and is read like \
                  them; if it is no movement, delete it",
        why: "Where rows were sorted together with the names of the columns, the names end up amid the table or at its end.",
        example: "a table that was sorted by date, names of the columns and all",
        repair: "Move the names of the columns back to the first row, delete what is no movement, and drop the file again.",
    },
};

/// A row above the names of the columns that looks like data and is not read.
pub(super) static W130: CodeInfo = CodeInfo {
    code: "W130",
    who: Who::User,
    bg: Words {
        message: "редът стои над имената на колоните (ред {0}) и не се чете, макар че прилича на редовете под тях; ако е движение, \
                  преместете го под имената",
        why: "Над имената има и друго: заглавие, празен ред или имената на друга таблица. Затова редовете там не се смятат за \
              редове от тази таблица.",
        example: "справка за заявки над справката за движения",
        repair: "Ако редът и съседните му са движения, преместете ги под имената на колоните или ги запишете в отделен файл. Иначе \
                 не правете нищо.",
    },
    en: Words {
        message: "the row stands above the names of the columns (row {0}) and is not read, though it looks like the rows below \
                  them; if it is a movement, move it below the names",
        why: "Something else stands above the names too: a title, a blank row or the names of another table. So rows there are not \
              taken for rows of this one.",
        example: "a report of orders above the report of movements",
        repair: "If the row and its neighbours are movements, move them below the names of the columns or save them as a file of \
                 their own. Otherwise there is nothing to do.",
    },
};

/// A row right below the names of the columns that counts them.
pub(super) static W131: CodeInfo = CodeInfo {
    code: "W131",
    who: Who::User,
    bg: Words {
        message: "ред {0} брои колоните (1, 2, 3 и нататък) и не се чете; ако е движение, преместете го под друг ред",
        why: "Отпечатаните справки често номерират колоните под имената им. Клетките на този ред не приличат на тези под него.",
        example: "Дата;Код;Количество, а на следващия ред 1;2;3",
        repair: "Ако редът е движение, преместете го по-надолу в таблицата и поставете файла отново. Иначе не правете нищо.",
    },
    en: Words {
        message: "row {0} counts the columns (1, 2, 3 and so on) and is not read; if it is a movement, move it below another row",
        why: "Printed reports often number the columns below their names. The cells of this row are unlike those below it.",
        example: "Date;Code;Quantity, and 1;2;3 in the next row",
        repair: "If the row is a movement, move it further down in the table and drop the file again. Otherwise there is nothing \
                 to do.",
    },
};

/// A row below the data that was taken for a total without a mapping's word.
pub(super) static W132: CodeInfo = CodeInfo {
    code: "W132",
    who: Who::User,
    bg: Words {
        message: "ред {0} е взет за сбор на редовете над него и не се чете; ако е движение, сменете първата му дума или попълнете \
                  празните му клетки",
        why: "Редът започва с дума за сбор или има само числа, равни на сбора на редовете над него, а другите му клетки са \
              празни.",
        example: "стока „Total Care“ без партида под данните",
        repair: "Ако редът е движение, попълнете клетките му или напишете първата по друг начин и поставете файла отново. Ако е \
                 сбор, не правете нищо.",
    },
    en: Words {
        message: "row {0} was taken for a total of the rows above it and is not read; if it is a movement, change its first word \
                  or fill its empty cells",
        why: "The row begins with a word for totals, or has nothing but the sums of the rows above it, and its other cells are \
              empty.",
        example: "a product `Total Care` without a batch below the data",
        repair: "If the row is a movement, fill its cells or write the first one in another way, and drop the file again. If it is \
                 a total, do nothing.",
    },
};

/// Nobody has said yet that a row above the names of the columns is of the table.
pub(super) static T034: CodeInfo = CodeInfo {
    code: "T034",
    who: Who::User,
    bg: Words {
        message: "не се подава, преди човек да потвърди, че редът над имената на колоните е движение: ако е, кажете на \
                  администратора (команда rxdrop release); ако не е, изтрийте го и поставете файла отново",
        why: "Над имената на колоните обикновено стоят заглавия, а понякога и ред с начално салдо. Че редът е движение, личи само \
              по това, че прилича на редовете под тях.",
        example: "1.8.2026;2415;5 над Дата;Код;Количество",
        repair: "Ако редът е движение, кажете на администратора: `rxdrop release ФАЙЛ:РЕД` го подава така. Ако не е, изтрийте го и \
                 поставете файла отново.",
    },
    en: Words {
        message: "not sent before somebody says that the row above the names of the columns is a movement: if it is, tell the \
                  administrator (command rxdrop release); if not, delete it and drop the file again",
        why: "Above the names of the columns there usually are titles, and sometimes a row with an opening balance. That the row is \
              a movement shows only by its likeness to the rows below them.",
        example: "1.8.2026;2415;5 above Date;Code;Quantity",
        repair: "If the row is a movement, tell the administrator: `rxdrop release FILE:ROW` sends it so. If not, delete it and drop \
                 the file again.",
    },
};

/// A row amid the data that looks like the total of a page.
pub(super) static W117: CodeInfo = CodeInfo {
    code: "W117",
    who: Who::User,
    bg: Words {
        message: "редът започва с дума за сбор и повечето му клетки са празни, но след него следват редове с данни; ако е сбор \
                  за страница, не е за подаване: изтрийте го",
        why: "Сборове под таблицата се пропускат. Ред по средата ѝ може да е и движение, затова не се пропуска мълчаливо.",
        example: "Общо за страница 1;;;23;",
        repair: "Ако е сбор, изтрийте реда във файла или изключете междинните сборове в програмата си. Ако е движение, не правете нищо.",
    },
    en: Words {
        message: "the row begins with a word for totals and most of its cells are empty, but rows of data follow; if it is the \
                  total of a page it is none to report: delete it",
        why: "Totals below the table are passed over. A row in its middle may as well be a movement, so it is not passed over silently.",
        example: "Total of page 1;;;23;",
        repair: "If it is a total, delete the row in the file or switch subtotals off in your program. If it is a movement, do nothing.",
    },
};

/// A value right behind the last column of a workbook's table.
pub(super) static T028: CodeInfo = CodeInfo {
    code: "T028",
    who: Who::User,
    bg: Words {
        message: "на реда има стойност в колона {0}, веднага след последната колона с име; изтрийте я или върнете \
                  стойностите по местата им",
        why: "Вмъкната клетка измества всички стойности надясно и последната излиза извън таблицата. Затова не е \
              сигурно коя стойност на коя колона е.",
        example: "вмъкната клетка в средата на реда",
        repair: "Ако ред е изместен, изтрийте вмъкнатата клетка. Ако е бележка, дайте име на колоната ѝ или я \
                 преместете поне една празна колона по-надясно; после запишете.",
    },
    en: Words {
        message: "the row has a value in column {0}, right behind the last column with a name; delete it or move \
                  the values back to their places",
        why: "An inserted cell moves all values to the right, and the last one falls out of the table. So it is \
              not certain which value belongs to which column.",
        example: "a cell inserted in the middle of the row",
        repair: "If the row was moved, delete the inserted cell. If it is a note, give its column a name, or leave \
                 at least one empty column before it; then save.",
    },
};

/// Nothing below the header.
pub(super) static W104: CodeInfo = CodeInfo {
    code: "W104",
    who: Who::User,
    bg: Words {
        message: "под заглавния ред няма данни; ако днес няма движения, не правете нищо",
        why: "Файлът има имена на колони, но нито един ред с данни.",
        example: "експорт за ден без движения",
        repair: "Ако трябваше да има редове, направете експорта наново.",
    },
    en: Words {
        message: "there are no data rows below the header; if nothing moved today, do nothing",
        why: "The file has names of columns but not one row of data.",
        example: "an export for a day without movements",
        repair: "If there should be rows, export again.",
    },
};

/// Rows below the table that are not of it.
pub static W114: CodeInfo = CodeInfo {
    code: "W114",
    who: Who::User,
    bg: Words {
        message: "редове от {0} до {1} не са от таблицата и не се четат; ако са движения, поставете ги в отделен файл",
        why: "След таблицата, до края на файла или докато имената на колоните се появят отново, има друго: бележка, подпис или друга \
              таблица.",
        example: "обобщение по складове под справката",
        repair: "Ако са движения, запишете ги в отделен файл със свои имена на колоните. Иначе не правете нищо.",
    },
    en: Words {
        message: "rows {0} to {1} are not of the table and are not read; if they are movements, put them into a file of their own",
        why: "Below the table, until the end of the file or until the names of the columns stand there once more, there is something \
              else: a note, a signature or another table.",
        example: "a summary by warehouse below the report",
        repair: "If they are movements, save them in a file of their own with its own column names. Otherwise there is nothing to do.",
    },
};

/// A value beside the table.
pub(super) static W105: CodeInfo = CodeInfo {
    code: "W105",
    who: Who::User,
    bg: Words {
        message: "вдясно от таблицата има стойност без име на колона и тя не се използва; ако е нужна, сложете я в колона с име",
        why: "Таблицата свършва с последната колона, която има име в заглавния ред.",
        example: "бележка на ръка до реда",
        repair: "Ако стойността е нужна, сложете я в колона с име.",
    },
    en: Words {
        message: "the row has a value to the right of the table, without a column name; it is not used",
        why: "The table ends with the last column that has a name in the header row.",
        example: "a note typed beside the row",
        repair: "If the value is needed, put it into a column with a name.",
    },
};

/// Rows that were left out by a word, though they are as full as data.
pub(super) static W116: CodeInfo = CodeInfo {
    code: "W116",
    who: Who::User,
    bg: Words {
        message: "ред {0} започва с дума за сбор и не се чете, макар че е попълнен като ред с данни (такива редове: {1}); \
                  ако е движение, сменете първата му дума",
        why: "За тези файлове е уговорено, че редове, които започват така, са сборове и не са данни.",
        example: "стока „Общоукрепващ сироп“ в първата колона, когато сборовете започват с „Общо“",
        repair: "Ако редът е движение, напишете първата му клетка по друг начин и запишете. Ако е сбор, не правете нищо.",
    },
    en: Words {
        message: "row {0} begins with a word for totals and is not read, though it is as full as a row of data (such rows: \
                  {1}); if it is a movement, change its first word",
        why: "For these files it is agreed that rows which begin so are totals and no data.",
        example: "a product `Totalex` in the first column where totals begin with `Total`",
        repair: "If the row is a movement, write its first cell in another way and save. If it is a total, do nothing.",
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Reading, Table};

    #[test]
    fn rows_ahead_are_looked_at_once() {
        let row = |at: u32| format!("{}.8.2026;{};Йод;А1\n", at % 28 + 1, 100 + at);
        let day: String = (0..10).map(row).collect();
        let words = |last: char| format!("Алфа;Бета;Гама;Делта{last}\n");
        let words = ('а'..='я').map(words).collect::<Vec<_>>().concat();
        let text = format!("Дата;Код;Име;Обект\n{day}{words}{day}");
        let mut table = Table::of_bytes(text.into_bytes(), &Reading::default()).unwrap();
        let mut row = Row::new();
        let mut looked = Vec::new();
        while table.read(&mut row).unwrap() {
            looked.push(table.body.goes_on_at);
        }
        looked.dedup();
        assert_eq!(looked, [(0, 0), (0, 44)], "the first row of words finds the data behind them all");
    }
}
