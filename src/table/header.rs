//! Which row holds the names of the columns.

use std::collections::HashSet;

use super::error::Error;
use super::names::{self, Below, Line, Slip, is_odd_header};
use super::row::{Header, Row};
use super::shape::Shapes;
use crate::model::names::fold;
use crate::model::{CodeInfo, Issue, Who, Words};

/// Rows at the top of a file among which the header is looked for.
pub(super) const PREVIEW: usize = 100;
/// Bytes of text of these rows at most: a few rows may hold hundreds of megabytes.
pub(super) const PREVIEW_TEXT: usize = 8 * 1024 * 1024;
/// No header is looked for below this row, whatever a mapping says.
const LOWEST_HEADER: u32 = 10_000;

/// Column names that are expected, folded so that spelling does not matter.
pub(super) struct Wanted(HashSet<String>);

impl Wanted {
    pub(super) fn new(expect: &[String]) -> Self {
        Self(expect.iter().map(|name| fold(without_count(name))).filter(|name| !name.is_empty()).collect())
    }

    /// Whether nobody expects anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&fold(name))
    }

    /// How many of the names stand in a row.
    pub(super) fn matches(&self, row: &Row) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let found: HashSet<&String> = row.cells().filter_map(|cell| self.0.get(&fold(cell.text))).collect();
        found.len()
    }

    /// The most names that any of the rows has.
    pub(super) fn best(&self, rows: &[Row]) -> usize {
        rows.iter().map(|row| self.matches(row)).max().unwrap_or(0)
    }
}

/// `Код#2` asks for the second column named `Код`.
fn without_count(name: &str) -> &str {
    match name.rsplit_once('#') {
        Some((name, count)) if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// The header: its last row as Excel counts, 0 where there is none, and its columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundHeader {
    pub(super) row: u32,
    /// Rows it takes.
    pub(super) rows: u32,
    pub(super) columns: Vec<Header>,
    /// What was put right in it.
    pub(super) slips: Vec<Slip>,
}

/// How many rows must be looked at to find the header.
pub(super) fn rows_needed(stated: Option<u32>) -> usize {
    stated.map_or(PREVIEW, |row| PREVIEW.max(row.min(LOWEST_HEADER) as usize))
}

/// Most rows of one header.
const MOST_ROWS: usize = 4;
/// Rows that teach what data looks like, at least, where further rows may be of the header.
const ENOUGH_ROWS: usize = 4;

/// Where rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of<'d> {
    /// Text: every row has these delimiters, and a slip in one of them moves the cells behind it.
    Text(&'d str),
    /// A sheet: a row ends with its last filled cell, and every cell has its place.
    Sheet,
}

/// Finds the header among the first rows: where it is said to be, else by the expected names, else by its looks.
/// `stated` is its last row, and how many rows it takes.
pub(super) fn find(
    rows: &[Row],
    of: Of<'_>,
    stated: Option<(u32, u32)>,
    wanted: &Wanted,
) -> Result<FoundHeader, Error> {
    let below = match of {
        Of::Text(delimiter) => {
            let usual = usual_width(rows);
            Below { usual, filled: filled_width(rows, usual), delimiter }
        }
        Of::Sheet => Below { usual: 0, filled: 0, delimiter: "" },
    };
    match stated {
        Some((0, _)) => Ok(none(rows)),
        Some((last, count)) => {
            let at = rows.iter().position(|row| row.number() == last).ok_or(Error::NoHeader(last))?;
            let first = at.saturating_sub(count.max(1) as usize - 1);
            Ok(of_rows(rows, first, at, &below, wanted))
        }
        None => {
            let oddly = |row: &Row| names::expected_oddly(row, below.usual, wanted) > 1;
            let named = by_names(rows, wanted).or_else(|| rows.iter().position(oddly));
            let at = named.or_else(|| by_looks(rows, below.usual)).ok_or(Error::Empty)?;
            Ok(around(rows, at, &below, named.is_some(), wanted))
        }
    }
}

/// No header: columns have letters only.
fn none(rows: &[Row]) -> FoundHeader {
    let columns = (0..usual_width(rows)).map(|index| Header { name: "".into(), index }).collect();
    FoundHeader { row: 0, rows: 0, columns: without_empty_tail(columns, rows), slips: Vec::new() }
}

/// The header of these rows, the last one too.
fn of_rows(rows: &[Row], first: usize, last: usize, of: &Below<'_>, wanted: &Wanted) -> FoundHeader {
    let lines = rows.get(first..=last).unwrap_or_default();
    let row = lines.last().map_or(0, Row::number);
    let below = rows.get(last + 1..).unwrap_or_default();
    let read: Vec<Line> = lines.iter().map(|line| names::read(line, of, wanted)).collect();
    let columns = columns_of(&read, wanted);
    let columns = if of.usual > 0 { without_empty_tail(columns, below) } else { columns };
    let slips = read.into_iter().flat_map(|line| line.slips).collect();
    FoundHeader { row, rows: u32::try_from(lines.len()).unwrap_or(1), columns, slips }
}

/// The header around the row that looks like one: none at all where it looks like the rows below it, several rows
/// where its neighbours look as little like data as itself.
fn around(rows: &[Row], at: usize, of: &Below<'_>, certain: bool, wanted: &Wanted) -> FoundHeader {
    let usual = of.usual;
    let width = rows.get(at).map_or(0, Row::len);
    // In a sheet a row ends with its last filled cell, and the names of the last columns may stand in the next one.
    let width =
        if usual > 0 { width } else { width.max(usual_width(rows.get(at + 1..).unwrap_or_default())) };
    let learned = if usual > 0 { usual } else { width };
    // The names once more, on top of each page, would teach that names are data.
    let names =
        rows.get(at.saturating_sub(MOST_ROWS - 1)..(at + MOST_ROWS).min(rows.len())).unwrap_or_default();
    let again = |row: &Row| names.iter().any(|name| name.number() != row.number() && is_same(name, row));
    let below = |from: usize| Shapes::forms(rows.iter().skip(from).filter(|row| !again(row)), learned);
    // Further rows of the header would teach what data does not look like.
    let tells = |shapes: &Shapes| shapes.rows() as usize >= ENOUGH_ROWS && shapes.rigid().next().is_some();
    let told = (2..=MOST_ROWS).rev().map(|more| below(at + more)).find(tells);
    let enough = told.is_some();
    let shapes = told.unwrap_or_else(|| below(at + 1));
    if !certain && is_data(rows.get(at), &shapes) {
        return match odd_names_above(rows, at, &shapes, usual) {
            Some(above) => of_rows(rows, above, above, of, wanted),
            None => none(rows),
        };
    }
    if let Some(above) = names_above_figures(rows, at, usual).filter(|_| !certain) {
        return of_rows(rows, above, above, of, wanted);
    }
    let alike = |at: usize| {
        rows.get(at)
            .is_some_and(|row| reaches(row, width, of) && is_heading(row, &shapes) && !row.is_padded())
    };
    // The upper row of two names groups: it has gaps, or says the same again. Where two columns prove that a row
    // is no data it may as well be full.
    let rigid = shapes.rigid().count();
    let sure = enough && (rigid >= 2 || rigid * 3 >= width);
    let gapped = |at: usize| rows.get(at).is_some_and(has_gaps);
    let is_short = |at: usize| rows.get(at).is_some_and(|row| row.len() < width);
    let groups = |upper: usize| gapped(upper) || if is_short(upper) { gapped(upper + 1) } else { sure };
    let certainly = certain.then_some(wanted);
    let no_data = |lower: usize| !matches!((rows.get(lower - 1), rows.get(lower)), (Some(upper), Some(lower)) if is_first_row(upper, lower, &shapes, certainly));
    let mut last = at;
    while last + 1 - at < MOST_ROWS
        && alike(last + 1)
        && no_data(last + 1)
        && (groups(last) || groups(last + 1))
    {
        last += 1;
    }
    let mut first = at;
    while first > 0 && last + 1 - first < MOST_ROWS && alike(first - 1) && groups(first - 1) {
        first -= 1;
    }
    of_rows(rows, first, last, of, wanted)
}

/// Whether a row of words below the names is the first one of data: it holds an error, or what stands below it too; or,
/// where names are expected, none of those, and not a word in each column.
fn is_first_row(upper: &Row, lower: &Row, shapes: &Shapes, wanted: Option<&Wanted>) -> bool {
    let texts = || lower.cells().map(|cell| cell.text.trim());
    let is_error = |text: &str| text.starts_with('#') && text.len() > 1;
    if texts().enumerate().any(|(column, text)| is_error(text) || shapes.has_value(column, text)) {
        return true;
    }
    let joins = |wanted: &Wanted| {
        let mut pairs = upper.cells().map(|cell| cell.text.trim()).zip(texts());
        pairs.any(|(upper, lower)| wanted.has(&format!("{upper} {lower}")))
    };
    wanted.is_some_and(|wanted| {
        texts().any(str::is_empty)
            && wanted.matches(lower) == 0
            && wanted.matches(upper) > 1
            && !joins(wanted)
    })
}

/// The last row of a header if nothing but its looks makes it one: it holds no expected name and stands below a row with
/// a name for each column.
pub(super) fn doubtful_row(rows: &[Row], header: &FoundHeader, wanted: &Wanted) -> Option<Issue> {
    let at = rows.iter().position(|row| row.number() == header.row).filter(|_| header.rows > 1)?;
    let (upper, lower) = (rows.get(at.checked_sub(1)?)?, rows.get(at)?);
    let full = upper.len() >= header.columns.len() && upper.cells().all(|cell| !cell.text.trim().is_empty());
    let doubtful = full && wanted.matches(lower) == 0;
    doubtful.then(|| Issue::new(&W133).row(header.row).arg(header.row.to_string()))
}

/// Whether a row is as wide as the table; in a sheet its last cells may be empty, but not most of them.
fn reaches(row: &Row, width: usize, of: &Below<'_>) -> bool {
    if of.usual > 0 { row.len() == width } else { (width.div_ceil(2)..=width).contains(&row.len()) }
}

/// The names above the first row of data, where a slip in them hid them.
fn odd_names_above(rows: &[Row], at: usize, shapes: &Shapes, usual: usize) -> Option<usize> {
    let first = rows.iter().position(|row| row.len() == usual && is_data(Some(row), shapes)).unwrap_or(at);
    let above = rows.get(..first)?.iter().rposition(|row| !row.is_blank())?;
    is_odd_header(rows.get(above), usual).then_some(above)
}

/// The names above a row with figures, where too few rows show what data looks like.
fn names_above_figures(rows: &[Row], at: usize, usual: usize) -> Option<usize> {
    let has_figures = |row: &Row| row.cells().any(|cell| cell.text.bytes().any(|byte| byte.is_ascii_digit()));
    let above = rows.get(..at)?.iter().rposition(|row| !row.is_blank() && !has_figures(row))?;
    (has_figures(rows.get(at)?) && is_odd_header(rows.get(above), usual)).then_some(above)
}

/// Whether a row is data: it has the forms of the rows below it, or proves itself where they are too few.
fn is_data(row: Option<&Row>, shapes: &Shapes) -> bool {
    row.is_some_and(|row| has_forms(row, shapes) || has_proof(row, shapes))
}

/// Whether a row has the forms of the rows below it.
fn has_forms(row: &Row, shapes: &Shapes) -> bool {
    let (mut fits, mut strange) = (0, 0);
    for (column, text) in rigid_cells(row, shapes) {
        if shapes.knows_form(column, text) { fits += 1 } else { strange += 1 }
    }
    if fits + strange > 0 {
        return fits > strange;
    }
    let cells = || row.cells().enumerate().map(|(column, cell)| (column, cell.text.trim()));
    let known = cells().filter(|(column, text)| shapes.is_known_at(*column, text)).count();
    known > 0 && known > cells().filter(|(column, text)| shapes.is_new_at(*column, text)).count()
}

/// Whether two rows hold the same, and no figures: data may well repeat itself.
fn is_same(one: &Row, other: &Row) -> bool {
    let has_figures = |row: &Row| row.cells().any(|cell| is_figure(cell.text.trim()));
    let cells = |row: &Row| row.cells().map(|cell| cell.text.trim().to_owned()).collect::<Vec<_>>();
    one.len() == other.len() && !one.is_blank() && !has_figures(one) && cells(one) == cells(other)
}

/// Whether a row of a table too short to tell what its columns look like proves itself to be data: it has a figure,
/// or a cell with figures of the very form that stands below it.
fn has_proof(row: &Row, shapes: &Shapes) -> bool {
    let cells = || row.cells().enumerate().map(|(column, cell)| (column, cell.text.trim()));
    let with_digit = |text: &str| text.contains(|letter: char| letter.is_ascii_digit());
    !shapes.can_tell()
        && row.issues().is_empty()
        && cells().any(|(column, text)| {
            !is_year(text) && (is_figure(text) || with_digit(text) && shapes.has_met(column, text))
        })
}

/// Whether a row says the names in a line of the header once more, be it in capitals.
pub(super) fn is_again(line: &[impl AsRef<str>], row: &Row) -> bool {
    let mut same = 0;
    for (name, cell) in line.iter().zip(row.cells()) {
        match (name.as_ref().trim(), cell.text.trim()) {
            (name, text) if is_same_name(name, text) => same += usize::from(!name.is_empty()),
            _ => return false,
        }
    }
    same > 1 && !row.has_text_from(line.len())
}

/// How many names in a line of the header stand in a row to the letter, each in its place.
pub(super) fn kept_names(line: &[impl AsRef<str>], row: &Row) -> usize {
    let cells = line.iter().map(|name| name.as_ref().trim()).zip(row.cells().map(|cell| cell.text.trim()));
    cells.filter(|(name, text)| !text.is_empty() && name == text).count()
}

/// Whether a cell is a column's name, be it in capitals.
pub(super) fn is_same_name(name: &str, text: &str) -> bool {
    name == text || name.chars().count() == text.chars().count() && fold(name) == fold(text)
}

/// A date, a time, or a number: figures and their marks, and nothing else.
fn is_figure(text: &str) -> bool {
    let bare = text.trim_end_matches('г').trim_end_matches("г.").trim_end();
    bare.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | ',' | '.'))
        && bare.contains(|letter: char| letter.is_ascii_digit())
        && bare.chars().all(|letter| {
            letter.is_ascii_digit()
                || matches!(letter, '.' | ',' | '-' | '+' | '/' | ':' | ' ' | '\u{a0}' | 'T')
        })
}

/// A year: what columns may be called.
fn is_year(text: &str) -> bool {
    text.len() == 4
        && (text.starts_with("19") || text.starts_with("20"))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters, or a sign that stands for a word.
fn is_word(text: &str) -> bool {
    text.chars().any(char::is_alphabetic) || matches!(text, "№" | "%" | "#")
}

/// Whether a row names columns: words, and no figures where figures stand below.
pub(super) fn is_heading(row: &Row, shapes: &Shapes) -> bool {
    let cells: Vec<_> = rigid_cells(row, shapes).collect();
    // A name may happen to look like the one cell of its column that has no figures.
    let strange = cells.iter().filter(|(column, text)| !shapes.knows_form(*column, text)).count();
    let named = row.cells().map(|cell| cell.text.trim()).all(|text| text.is_empty() || is_word(text));
    strange > 0 && strange * 4 >= cells.len() * 3 && named && words(row) >= 2
}

/// Whether a cell of a row is empty, or repeats another.
fn has_gaps(row: &Row) -> bool {
    let mut seen = HashSet::new();
    row.cells().any(|cell| cell.text.trim().is_empty() || !seen.insert(cell.text.trim()))
}

/// The filled cells of a row in columns with a form of their own.
fn rigid_cells<'r>(row: &'r Row, shapes: &'r Shapes) -> impl Iterator<Item = (usize, &'r str)> {
    shapes
        .rigid()
        .filter_map(|column| Some((column, row.cell(column)?.text.trim())))
        .filter(|(_, text)| !text.is_empty())
}

/// The first row with the most expected names, if there is one at all.
fn by_names(rows: &[Row], wanted: &Wanted) -> Option<usize> {
    let best = wanted.best(rows);
    if best == 0 { None } else { rows.iter().position(|row| wanted.matches(row) == best) }
}

/// The first row that has nearly as many cells of words as any row of the table: titles have fewer, data has
/// figures.
fn by_looks(rows: &[Row], usual: usize) -> Option<usize> {
    let least = filled_width(rows, usual);
    let wide = |row: &Row| usual == 0 || (least..=usual + 1).contains(&row.len());
    let of_table = |row: &&Row| wide(row) && !row.is_blank();
    let most = rows.iter().filter(of_table).map(words).max()?;
    rows.iter().position(|row| of_table(&row) && words(row) * 4 >= most * 3)
}

/// Cells of a row that hold words rather than figures or dates.
fn words(row: &Row) -> usize {
    row.cells()
        .filter(|cell| {
            let text = cell.text.trim();
            is_word(text) && !text.starts_with(|first: char| first.is_ascii_digit())
        })
        .count()
}

/// The columns of a header, its rows joined by blanks. A name that is expected stands for itself, whatever groups or
/// units stand above and below it.
fn columns_of(lines: &[Line], wanted: &Wanted) -> Vec<Header> {
    let lines: Vec<&Vec<String>> = lines.iter().map(|line| &line.names).collect();
    let width = lines.iter().map(|line| line.len()).max().unwrap_or(0);
    let name = |index: usize| {
        let parts: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.get(index))
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        let joined = parts.join(" ");
        let alone = if wanted.has(&joined) { None } else { parts.iter().rfind(|part| wanted.has(part)) };
        alone.map_or(joined, |part| (*part).to_owned())
    };
    (0..width).map(|index| Header { name: name(index).into(), index }).collect()
}

/// Whether nearly all rows below the header have the same number of cells, and there are more names or fewer.
pub(super) fn is_misnamed(rows: &[Row], header: &FoundHeader) -> bool {
    let columns = header.columns.len();
    let needed = header.columns.iter().rposition(|column| !column.name.is_empty()).map_or(0, |last| last + 1);
    let below: Vec<&Row> =
        rows.iter().filter(|row| row.number() > header.row && row.len() > 1 && !row.is_blank()).collect();
    let usual = usual_width(rows);
    let off = |row: &&&Row| row.len() == usual && (usual < needed || row.has_text_from(columns));
    columns > 1 && needed > 0 && below.len() >= 3 && below.iter().filter(off).count() * 10 >= below.len() * 9
}

/// Whether the file writes no empty cells at the end of its rows: many are shorter than the header, and none that
/// is ends with one.
pub(super) fn is_stripped(rows: &[Row], header: &FoundHeader) -> bool {
    let width = header.columns.len();
    // What stands behind a blank row, or below other names, may be another table.
    let is_of_table =
        |row: &&Row| row.cells().any(|cell| cell.text.bytes().any(|byte| byte.is_ascii_digit()));
    let below = || rows.iter().skip_while(|row| row.number() <= header.row).take_while(is_of_table);
    let ends_empty = |row: &Row| row.len().checked_sub(1).is_some_and(|last| !row.has_text_from(last));
    let short = below().filter(|row| row.len() > 1 && row.len() < width).count();
    let whole = below().filter(|row| row.len() == width).count();
    short > 3 && whole > 1 && short * 3 >= below().count() && !below().any(ends_empty)
}

/// Whether rows of the usual width, wider than the header, have something behind its last name: a delimiter may end
/// every row, but then nothing stands there, and where a name is lost the last column may be empty in most rows.
pub(super) fn has_nameless_text(table: &[&Row], header: &FoundHeader) -> bool {
    let columns = header.columns.len();
    header.row > 0 && columns > 1 && table.len() >= 3 && table.iter().any(|row| row.has_text_from(columns))
}

/// Columns without those at the end that have neither name nor cells: a delimiter ends every row.
fn without_empty_tail(mut columns: Vec<Header>, rows: &[Row]) -> Vec<Header> {
    let is_empty =
        |index: usize| rows.iter().all(|row| row.cell(index).is_none_or(|cell| cell.text.trim().is_empty()));
    while columns.len() > 1
        && columns.last().is_some_and(|column| column.name.is_empty() && is_empty(column.index))
    {
        columns.pop();
    }
    columns
}

/// The width without the columns at the end in which no row of this width has anything.
fn filled_width(rows: &[Row], usual: usize) -> usize {
    let lines = || rows.iter().filter(|row| row.len() == usual);
    let filled =
        |index: &usize| lines().any(|row| row.cell(*index).is_some_and(|cell| !cell.text.trim().is_empty()));
    (0..usual).rev().find(filled).map_or(usual, |last| last + 1)
}

/// The width of the table: of the widths that make up a good part of the file the one met first.
pub(super) fn usual_width(rows: &[Row]) -> usize {
    // How often each width is met, in the order of their first rows.
    let mut widths: Vec<(usize, usize)> = Vec::new();
    for row in rows.iter().filter(|row| !row.is_blank()) {
        match widths.iter_mut().find(|(width, _)| *width == row.len()) {
            Some((_, count)) => *count += 1,
            None => widths.push((row.len(), 1)),
        }
    }
    let cells = |(width, count): &(usize, usize)| width * count;
    let most = widths.iter().map(cells).max().unwrap_or(0);
    let weighty = |met: &&(usize, usize)| met.0 > 1 && cells(met) * 10 >= most * 3 && met.1 > 2;
    let usual = widths.iter().find(weighty).or_else(|| widths.iter().max_by_key(|met| (cells(met), met.0)));
    usual.map_or(0, |met| met.0)
}

/// A row below the names of the columns that was taken for more of them.
pub(super) static W133: CodeInfo = CodeInfo {
    code: "W133",
    who: Who::User,
    bg: Words {
        message: "ред {0} е прочетен като втори ред с имена на колони, не като данни; ако е движение, преместете го под друг ред",
        why: "Под имената на колоните има само думи, а в редовете под тях стоят числа и дати: така изглеждат мерните единици под \
              имената.",
        example: "Дата;Код;Количество, а под тях ден;номер;бр.",
        repair: "Ако редът е движение, попълнете числата му или го преместете по-надолу и поставете файла отново. Иначе не правете \
                 нищо.",
    },
    en: Words {
        message: "row {0} was read as a second row of names of columns, not as data; if it is a movement, move it below another row",
        why: "There are only words right below the names of the columns, and figures and dates in the rows below: so units look \
              that stand below names.",
        example: "Date;Code;Quantity, and day;number;pcs. below them",
        repair: "If the row is a movement, fill in its figures or move it further down, and drop the file again. Otherwise there is \
                 nothing to do.",
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::CellKind;

    fn rows(lines: &[&str]) -> Vec<Row> {
        let row_of = |(at, line): (usize, &&str)| {
            let mut row = Row::new();
            row.start(u32::try_from(at).unwrap() + 1);
            line.split(';').for_each(|cell| row.push(cell, CellKind::Text));
            row
        };
        lines.iter().enumerate().map(row_of).collect()
    }

    fn find_in(lines: &[&str], stated: Option<u32>, expect: &[&str]) -> u32 {
        let expect: Vec<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        find(&rows(lines), Of::Text(";"), stated.map(|row| (row, 1)), &Wanted::new(&expect)).unwrap().row
    }

    const SHEET: [&str; 5] = [
        "Справка за движенията;;;",
        "Период: 01.11 - 30.11;;;",
        "Дата;Код;Количество;Партида",
        "01.11.2024;100;5;AB1",
        "02.11.2024;101;6;AB2",
    ];

    #[test]
    fn the_header_is_found_below_titles() {
        assert_eq!(find_in(&SHEET, None, &["партида", "Код#2"]), 3, "by names");
        assert_eq!(find_in(&SHEET, None, &[]), 3, "by looks");
        assert_eq!(find_in(&SHEET, Some(2), &["Партида"]), 2, "a mapping's word wins");
        assert_eq!(find_in(&SHEET, Some(0), &[]), 0);
    }

    #[test]
    fn rows_of_a_sheet_end_with_their_last_filled_cell() {
        let names = |lines: &[&str]| {
            let found = find(&rows(lines), Of::Sheet, None, &Wanted::new(&[])).unwrap();
            let names: Vec<_> = found.columns.iter().map(|column| column.name.to_string()).collect();
            (found.row, found.rows, names.join("|"))
        };
        let data =
            (1..9).map(|day| format!("10{day};0{day}.08.2026;2415;L00{day};{day}")).collect::<Vec<_>>();
        let below = |header: &[&'static str]| -> Vec<String> {
            header.iter().map(|line| (*line).to_owned()).chain(data.iter().cloned()).collect()
        };
        let of = |header: &[&'static str]| {
            let lines = below(header);
            names(&lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let joined = "Документ Номер|Дата|Стока Код|Партида|Количество".to_owned();
        assert_eq!(of(&["Документ;;Стока;;Количество", "Номер;Дата;Код;Партида"]), (2, 2, joined));
        let joined = "Номер|Дата|Движение Код|Партида|Брой".to_owned();
        assert_eq!(of(&["Номер;Дата;Движение", ";;Код;Партида;Брой"]), (2, 2, joined));
        let alone = "Номер|Дата|Код|Партида|Брой".to_owned();
        assert_eq!(of(&["Обект:;Аптека;Здраве", "Номер;Дата;Код;Партида;Брой"]), (2, 1, alone));
    }

    #[test]
    fn no_header_means_columns_without_names() {
        let found = find(&rows(&SHEET), Of::Text(";"), Some((0, 1)), &Wanted::new(&[])).unwrap();
        assert_eq!(found.columns.len(), 4);
        assert_eq!(&*found.columns[3].label(), "D");
    }

    #[test]
    fn a_header_below_the_end_is_refused() {
        assert!(matches!(
            find(&rows(&SHEET), Of::Text(";"), Some((9, 1)), &Wanted::new(&[])),
            Err(Error::NoHeader(9))
        ));
    }

    const DAY: [&str; 5] = [
        "01.11.2024;Йод;5;AB1",
        "02.11.2024;Аналгин;6;AB2",
        "03.11.2024;Йод;7;",
        "04.11.2024;;8;AB4",
        "05.11.2024;Йод;9;AB5",
    ];

    #[test]
    fn data_is_no_header() {
        let found = find(&rows(&DAY), Of::Text(";"), None, &Wanted::new(&[])).unwrap();
        assert_eq!((found.row, found.columns.len()), (0, 4));
    }

    #[test]
    fn a_single_row_of_data_is_no_header() {
        for count in 1..=3 {
            assert_eq!(find_in(&DAY[..count], None, &[]), 0, "{count} rows");
        }
        assert_eq!(find_in(&["Йод;AB1", "Аналгин;AB2"], None, &[]), 0, "codes of one form");
        assert_eq!(find_in(&["Дата;Стока;№;Партида", DAY[0]], None, &[]), 1);
        assert_eq!(find_in(&["Дата;Стока;Брой;Партида"], None, &[]), 1, "nothing moved");
        assert_eq!(find_in(&["Стока;2025;2026", "Йод;5;6"], None, &[]), 1, "years name columns");
    }

    #[test]
    fn names_on_top_of_each_page_are_still_names() {
        let page = [&["Дата;Стока;Брой;Партида"], &DAY[..]].concat();
        assert_eq!(find_in(&page.repeat(4), None, &[]), 1);
        let two = [&["Документ;;Стока;", "Дата;Име;Брой;Партида"], &DAY[..]].concat();
        assert_eq!(find_in(&two.repeat(4), None, &[]), 2);
    }

    #[test]
    fn a_sign_may_name_a_column() {
        for sign in ["№", "%"] {
            let lower = format!("Дата;{sign};Брой;Партида");
            let lines = [&["Документ;;Стока;", lower.as_str()], &DAY[..]].concat();
            let found = find(&rows(&lines), Of::Text(";"), None, &Wanted::new(&[])).unwrap();
            assert_eq!((found.row, found.rows), (2, 2), "{sign}");
        }
    }

    #[test]
    fn a_first_row_of_data_without_its_figures_is_no_name() {
        let names = "Дата;Стока;Брой;Партида";
        for (first, expect) in [
            ("#N/A;Йод;#N/A;#N/A", vec![]),
            ("няма;Аналгин;без;липсва", vec![]),
            ("няма;Бинт;без;", vec!["Дата", "Брой"]),
        ] {
            let lines = [&[names, first], &DAY[..]].concat();
            assert_eq!(find_in(&lines, None, &expect), 1, "{first}");
        }
        let lines = [&[names, "ден;име;оп.;№"], &DAY[..]].concat();
        assert_eq!(find_in(&lines, None, &["Дата", "Брой"]), 2, "units");
    }

    #[test]
    fn a_header_of_several_rows_is_joined() {
        let lines = [&["Справка", "Дата;Стока;Брой;Партида", "ден;име;оп.;"], &DAY[..]].concat();
        let found = find(&rows(&lines), Of::Text(";"), None, &Wanted::new(&[])).unwrap();
        let names: Vec<_> = found.columns.iter().map(|column| column.name.to_string()).collect();
        assert_eq!((found.row, found.rows), (3, 2));
        assert_eq!(names, ["Дата ден", "Стока име", "Брой оп.", "Партида"]);
        let pinned = find(&rows(&lines), Of::Text(";"), Some((3, 2)), &Wanted::new(&[])).unwrap();
        assert_eq!(pinned, found);
    }
}
