//! Report workbooks: what became of each row in front and coloured, the user's cells as text, a summary behind.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, Write};

use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, IgnoreError, Note, Workbook,
    Worksheet,
};

use super::columns::{Added, Frame, PEOPLE, PROGRAMS};
use super::guard::guarded;
use super::messages::{Speaker, pick};
use super::{Error, Form, Kind, Render, Setting, Source, Story, summary};
use crate::ledger::RowView;
use crate::model::{CodeInfo, Lang, Severity, Status};
use crate::table::{CellKind, Row};

/// Every row of a workbook.
pub(super) static RESULT: Form =
    Form { kind: Kind::ResultXlsx, of_text: false, of_workbook: true, refused_only: false, begin };
/// The refused rows of any input, to be repaired by people.
pub(super) static ERRORS: Form =
    Form { kind: Kind::ErrorsXlsx, of_text: true, of_workbook: true, refused_only: true, begin };

/// Rows a sheet can hold, the header included (Excel's limit).
const SHEET_ROWS: u32 = 1_048_576;
/// Columns a sheet can hold (Excel's limit).
const SHEET_COLUMNS: u16 = 16_384;
/// UTF-16 units a cell can hold (Excel's limit).
const CELL_UNITS: usize = 32_767;
/// Width of the column of messages, in characters.
const MESSAGE_WIDTH: usize = 60;
/// Most lines of a message that are shown at once.
const MESSAGE_LINES: usize = 12;
/// Height of a line, in points.
const LINE_POINTS: usize = 15;
/// Most rows that get a height of their own, as each is kept in memory; behind them Excel fits them itself.
const FITTED_ROWS: u32 = 20_000;
/// Room for the filter's button in a header, in characters.
const BUTTON: usize = 3;

fn begin<'a>(setting: Setting<'a>, out: File) -> Result<Box<dyn Render + 'a>, Error> {
    Ok(Box::new(Xlsx::new(setting, out)?))
}

/// Writes a report workbook; rows leave memory at once.
struct Xlsx<'a, W> {
    workbook: Workbook,
    out: W,
    speaker: Speaker<'a>,
    looks: Looks,
    grid: Grid<'a>,
    /// Rows that no sheet can hold any more.
    beyond: u64,
}

impl<'a, W: Write + Seek + Send> Xlsx<'a, W> {
    fn new(setting: Setting<'a>, out: W) -> Result<Self, Error> {
        let mut workbook = Workbook::new();
        if let Some(folder) = setting.scratch {
            workbook.set_tempdir(folder)?;
        }
        let looks = Looks::new();
        let grid = Grid::new(setting.frame);
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(sheet_name(setting.source, setting.speaker.lang))?;
        grid.dress(sheet, &looks)?;
        let mut xlsx = Self { workbook, out, speaker: setting.speaker, looks, grid, beyond: 0 };
        xlsx.header()?;
        Ok(xlsx)
    }

    fn header(&mut self) -> Result<(), Error> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        let names = self.grid.frame.kept.iter().map(|header| &*header.name);
        let names = PEOPLE.into_iter().chain(names).chain(PROGRAMS);
        for (index, name) in names.enumerate() {
            let look = if self.grid.is_users(index) { &self.looks.header } else { &self.looks.our_header };
            self.grid.cell(sheet, column(index), name, Some(look))?;
            self.grid.widen(index, BUTTON + name.chars().count());
        }
        for (index, words) in summary::legend(self.speaker.lang).into_iter().enumerate() {
            let note = Note::new(words).set_author("rxdrop").add_author_prefix(false);
            sheet.insert_note(0, column(index), &note)?;
        }
        self.grid.row = 1;
        Ok(())
    }
}

impl<W: Write + Seek + Send> Render for Xlsx<'_, W> {
    fn row(&mut self, row: &Row, told: &Added, view: &RowView) -> Result<(), Error> {
        if self.grid.row >= SHEET_ROWS {
            self.beyond += 1;
            return Ok(());
        }
        let Self { workbook, speaker, looks, grid, .. } = self;
        let sheet = workbook.worksheet_from_index(0)?;
        let marks = grid.marks(view, speaker);
        for (index, text) in told.people.iter().enumerate() {
            let look = if index == 0 { Some(looks.status(view.status)) } else { None };
            grid.text(sheet, index, text, look)?;
        }
        grid.heighten(sheet, &told.people[1])?;
        let users = grid.frame.kept.iter().map(|header| header.index).zip(PEOPLE.len()..);
        for (from, to) in users {
            let mark =
                marks.iter().rev().find(|(at, _)| *at == to).map(|(_, severity)| looks.mark(*severity));
            grid.user_cell(sheet, row, from, to, mark)?;
        }
        let programs = PEOPLE.len() + grid.frame.kept.len();
        for (index, text) in told.programs.iter().enumerate() {
            grid.text(sheet, programs + index, text, None)?;
        }
        for (from, to) in (grid.frame.width..row.len()).zip(programs + PROGRAMS.len()..) {
            grid.user_cell(sheet, row, from, to, Some(&looks.surplus))?;
        }
        grid.row += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>, story: &Story<'_>) -> Result<(), Error> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        self.grid.fit(sheet)?;
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        summary::write(sheet, story, &self.speaker, &self.looks, self.beyond)?;
        let made = ExcelDateTime::from_timestamp(story.now.timestamp())?;
        let properties = DocProperties::new()
            .set_author("rxdrop")
            .set_title(&story.file.name)
            .set_creation_datetime(&made);
        self.workbook.set_properties(&properties);
        self.workbook.save_to_writer(&mut self.out)?;
        Ok(self.out.flush()?)
    }
}

/// Where cells go on the sheet of rows, and how wide its columns must be.
struct Grid<'a> {
    frame: &'a Frame,
    /// Position of a user's column by the name an issue gives it.
    positions: HashMap<String, usize>,
    /// The next row, 0 for the first.
    row: u32,
    /// Characters of the widest cell of each column.
    widths: Vec<usize>,
    /// Rows that got a height of their own.
    fitted: u32,
    cell: String,
}

impl<'a> Grid<'a> {
    fn new(frame: &'a Frame) -> Self {
        let mut positions = HashMap::new();
        for (position, header) in (PEOPLE.len()..).zip(&frame.kept) {
            let mut name = header.name.to_string();
            let mut copy = 1;
            while positions.contains_key(&name) {
                copy += 1;
                name = format!("{}#{copy}", header.name);
            }
            positions.insert(if name.is_empty() { header.letter() } else { name }, position);
        }
        let widths = vec![0; PEOPLE.len() + frame.kept.len() + PROGRAMS.len()];
        Self { frame, positions, row: 0, widths, fitted: 0, cell: String::new() }
    }

    fn is_users(&self, index: usize) -> bool {
        (PEOPLE.len()..PEOPLE.len() + self.frame.kept.len()).contains(&index)
    }

    /// What holds for whole columns; also for cells that are still empty, so that what is typed stays text.
    fn dress(&self, sheet: &mut Worksheet, looks: &Looks) -> Result<(), Error> {
        let columns = self.widths.len();
        for index in (0..columns).take(usize::from(SHEET_COLUMNS)) {
            let look = if index == 1 { &looks.message } else { &looks.text };
            sheet.set_column_format(column(index), look)?;
        }
        sheet.set_freeze_panes(1, column(PEOPLE.len()))?;
        Ok(())
    }

    /// What stands against each of the user's cells, by position; an error hides a warning.
    fn marks(&self, view: &RowView, speaker: &Speaker<'_>) -> Vec<(usize, Severity)> {
        let mut marks: Vec<(usize, Severity)> = view
            .issues
            .iter()
            .filter_map(|issue| {
                let position = *self.positions.get(issue.column.as_deref()?)?;
                let info = speaker.catalogue.get(&issue.code);
                Some((position, info.map_or(Severity::Error, CodeInfo::severity)))
            })
            .collect();
        marks.sort_by_key(|(_, severity)| *severity == Severity::Error);
        marks
    }

    fn user_cell(
        &mut self,
        sheet: &mut Worksheet,
        row: &Row,
        from: usize,
        to: usize,
        look: Option<&Format>,
    ) -> Result<(), Error> {
        let Some(cell) = row.cell(from) else { return self.plain(sheet, to, "", look) };
        if cell.kind == CellKind::Text {
            self.text(sheet, to, cell.text, look)
        } else {
            self.plain(sheet, to, cell.text, look)
        }
    }

    fn text(
        &mut self,
        sheet: &mut Worksheet,
        index: usize,
        text: &str,
        look: Option<&Format>,
    ) -> Result<(), Error> {
        let shown = guarded(text);
        if !shown.apostrophe {
            return self.plain(sheet, index, text, look);
        }
        let mut cell = std::mem::take(&mut self.cell);
        cell.clear();
        shown.write_to(&mut cell);
        let written = self.plain(sheet, index, &cell, look);
        self.cell = cell;
        written
    }

    fn plain(
        &mut self,
        sheet: &mut Worksheet,
        index: usize,
        text: &str,
        look: Option<&Format>,
    ) -> Result<(), Error> {
        if index >= usize::from(SHEET_COLUMNS) || (text.is_empty() && look.is_none()) {
            return Ok(());
        }
        self.widen(index, text.chars().count());
        self.cell(sheet, column(index), text, look)
    }

    fn cell(
        &self,
        sheet: &mut Worksheet,
        column: u16,
        text: &str,
        look: Option<&Format>,
    ) -> Result<(), Error> {
        let text = fitting(text);
        match look {
            Some(look) => sheet.write_string_with_format(self.row, column, text, look)?,
            None => sheet.write_string(self.row, column, text)?,
        };
        Ok(())
    }

    fn widen(&mut self, index: usize, characters: usize) {
        if index >= self.widths.len() {
            self.widths.resize(index + 1, 0);
        }
        if let Some(width) = self.widths.get_mut(index) {
            *width = (*width).max(characters);
        }
    }

    /// Makes room for all lines of a message; not every program does it by itself.
    fn heighten(&mut self, sheet: &mut Worksheet, message: &str) -> Result<(), Error> {
        let lines = message.chars().count().div_ceil(MESSAGE_WIDTH).min(MESSAGE_LINES);
        if lines > 1 && self.fitted < FITTED_ROWS {
            self.fitted += 1;
            sheet.set_row_height(self.row, u32::try_from(lines * LINE_POINTS).unwrap_or(u32::MAX))?;
        }
        Ok(())
    }

    /// Widths, filter, what is hidden, and no green corners for numbers that are text on purpose.
    fn fit(&self, sheet: &mut Worksheet) -> Result<(), Error> {
        let programs = PEOPLE.len() + self.frame.kept.len();
        for (index, characters) in self.widths.iter().enumerate() {
            sheet.set_column_width(column(index), width(index, *characters))?;
            if (programs..programs + PROGRAMS.len()).contains(&index) {
                sheet.set_column_hidden(column(index))?;
            }
        }
        let last_row = self.row.saturating_sub(1);
        sheet.autofilter(0, 0, last_row, column(programs + PROGRAMS.len() - 1))?;
        let last_column = column(self.widths.len() - 1);
        sheet.ignore_error_range(0, 0, last_row, last_column, IgnoreError::NumberStoredAsText)?;
        sheet.set_landscape().set_print_fit_to_pages(1, 0);
        sheet.set_repeat_rows(0, 0)?;
        Ok(())
    }
}

/// How cells look.
pub(super) struct Looks {
    header: Format,
    our_header: Format,
    text: Format,
    message: Format,
    error: Format,
    warning: Format,
    surplus: Format,
    statuses: Vec<(Status, Format)>,
}

impl Looks {
    fn new() -> Self {
        let text = Format::new().set_num_format("@").set_align(FormatAlign::Top);
        let header = text.clone().set_bold().set_font_color(Color::White).set_border(FormatBorder::Thin);
        let header = header.set_border_color(Color::RGB(0xBF_BF_BF));
        let cell = text.clone().set_border(FormatBorder::Thin).set_border_color(Color::RGB(0xD9_D9_D9));
        Self {
            our_header: header.clone().set_background_color(Color::RGB(0x1F_4E_79)),
            header: header.set_background_color(Color::RGB(0x59_59_59)),
            message: text.clone().set_text_wrap(),
            error: cell.clone().set_background_color(Color::RGB(0xFF_C7_CE)),
            warning: cell.clone().set_background_color(Color::RGB(0xFF_F2_CC)),
            surplus: cell.clone().set_background_color(Color::RGB(0xFC_E4_D6)),
            statuses: Status::ALL.into_iter().map(|status| (status, status_look(status, &cell))).collect(),
            text,
        }
    }

    /// The look of a status.
    pub(super) fn status(&self, status: Status) -> &Format {
        self.statuses.iter().find(|(known, _)| *known == status).map_or(&self.text, |(_, look)| look)
    }

    fn mark(&self, severity: Severity) -> &Format {
        match severity {
            Severity::Error => &self.error,
            Severity::Warning => &self.warning,
        }
    }
}

fn status_look(status: Status, cell: &Format) -> Format {
    let (ground, letters) = match status {
        Status::Accepted => (0xC6_EF_CE, 0x00_61_00),
        Status::Refused => (0xFF_C7_CE, 0x9C_00_06),
        Status::Held => (0xFF_EB_9C, 0x7F_60_00),
        Status::Waiting => (0xD6_E1_EE, 0x1F_4E_79),
        Status::Unknown => (0xE4_D2_F2, 0x5B_2C_83),
        Status::Duplicate | Status::Ignored => (0xED_ED_ED, 0x59_59_59),
        Status::Reversed => (0xD9_D9_D9, 0x59_59_59),
    };
    let look = cell.clone().set_background_color(Color::RGB(ground)).set_font_color(Color::RGB(letters));
    if status == Status::Reversed { look.set_font_strikethrough() } else { look.set_bold() }
}

/// The name of the sheet of rows: the user's own where there was one.
fn sheet_name(source: Source<'_>, lang: Lang) -> String {
    let ours = pick(lang, "Редове", "Rows");
    match source {
        Source::Workbook(name) if is_sheet_name(name) && name != summary::sheet_name(lang) => name.to_owned(),
        _ => ours.to_owned(),
    }
}

/// Whether Excel takes it for a sheet's name.
fn is_sheet_name(name: &str) -> bool {
    !name.is_empty()
        && name.encode_utf16().count() <= 31
        && !name.contains(['[', ']', ':', '*', '?', '/', '\\'])
        && !name.starts_with('\'')
        && !name.ends_with('\'')
        && !name.eq_ignore_ascii_case("history")
}

/// The text, cut to what a cell can hold.
fn fitting(text: &str) -> &str {
    if text.len() <= CELL_UNITS {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > CELL_UNITS
    });
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// The width of a column, in characters: what is in it, within reason.
fn width(index: usize, characters: usize) -> f64 {
    let most = if index == 1 { MESSAGE_WIDTH } else { 42 };
    let fitting = characters.clamp(6, most) + 1;
    f64::from(u8::try_from(fitting).unwrap_or(u8::MAX)) * 1.05
}

fn column(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use calamine::{Data, Reader, Xlsx as Workbook};

    use super::super::Speaker;
    use super::super::samples::{self, catalogue, file, headers, issue, noon, rows, view};
    use super::super::totals::Tally;
    use super::*;

    /// Ends in the bytes of a workbook.
    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<std::sync::Mutex<Cursor<Vec<u8>>>>);

    impl Shared {
        fn bytes(&self) -> Vec<u8> {
            self.0.lock().unwrap().get_ref().clone()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write_all(bytes).map(|()| bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Shared {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.lock().unwrap().seek(to)
        }
    }

    fn render(names: &[&str], cells: &[&[&str]], views: &[RowView], sheet: &str) -> Vec<u8> {
        let (catalogue, frame) = (catalogue(), Frame::new(&headers(names)));
        let speaker = Speaker { catalogue: &catalogue, lang: Lang::Bg, trial: true, system: "sespa" };
        let setting = Setting { frame: &frame, source: Source::Workbook(sheet), speaker, scratch: None };
        let out = Shared::default();
        let mut book = Box::new(Xlsx::new(setting, out.clone()).unwrap());
        let (mut tally, mut told) = (Tally::default(), Added::default());
        super::super::join(rows(cells), samples::pages(views), |row, view| {
            tally.count(view, &catalogue, "sespa");
            told.tell(view, &speaker, false);
            book.row(row, &told, view)
        })
        .unwrap();
        let file = file("доставки.xlsx");
        book.finish(&Story { file: &file, reading: None, tally: &tally, now: noon() }).unwrap();
        out.bytes()
    }

    fn part(workbook: &[u8], name: &str) -> String {
        let mut zip = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn sample() -> Vec<u8> {
        let mut refused = view(2, Status::Refused);
        refused.issues =
            vec![issue("V900", Some("Дата"), &["31.02.2026"]), issue("W900", Some("Код#2"), &[])];
        let cells: [&[&str]; 2] =
            [&["31.02.2026", "0123", "00", "5712250000001234567"], &["", "=A1", "-5", "x", "излишно"]];
        render(&["Дата", "Код", "Код", "GTIN"], &cells, &[refused, view(3, Status::Accepted)], "Движения")
    }

    #[test]
    fn the_users_cells_stand_as_text_between_ours() {
        let mut workbook = Workbook::new(Cursor::new(sample())).unwrap();
        assert_eq!(workbook.sheet_names(), ["Движения", "Обобщение"]);
        let range = workbook.worksheet_range("Движения").unwrap();
        let text = |row, column| match range.get_value((row, column)) {
            None | Some(Data::Empty) => String::new(),
            Some(Data::String(text)) => text.clone(),
            other => panic!("{other:?}"),
        };
        let line = |row| (0..16).map(|column| text(row, column)).collect::<Vec<_>>();
        let names = [&PEOPLE[..], &["Дата", "Код", "Код", "GTIN"], &PROGRAMS[..], &[""]].concat();
        assert_eq!(line(0), names);
        assert_eq!(line(1)[5..9], ["31.02.2026", "0123", "00", "5712250000001234567"]);
        assert_eq!(line(1)[9..15], ["2", "refused", "", "", "V900;W900", ""]);
        assert_eq!(line(1)[0], "отказан (ПРОБА)");
        assert!(line(1)[1].ends_with("Решава: Вие"));
        assert_eq!(line(2)[5..9], ["", "'=A1", "-5", "x"]);
        assert_eq!(line(2)[15], "излишно");
    }

    #[test]
    fn header_and_our_columns_are_frozen_and_those_for_programs_hidden() {
        let xml = part(&sample(), "xl/worksheets/sheet1.xml");
        assert!(xml.contains(r#"<pane xSplit="5" ySplit="1" topLeftCell="F2""#), "{xml}");
        assert!(xml.contains(r#"<autoFilter ref="A1:O3"/>"#));
        assert!(xml.contains(r#"numberStoredAsText="1""#));
        let hidden: Vec<&str> =
            xml.split("<col ").filter(|column| column.contains(r#"hidden="1""#)).collect();
        let first = hidden.first().unwrap();
        assert!(first.starts_with(r#"min="10""#), "{first}");
        assert!(
            !xml.split("<col ").any(|column| column.starts_with(r#"min="9""#) && column.contains("hidden"))
        );
    }

    #[test]
    fn cells_that_an_issue_names_are_coloured() {
        let xml = part(&sample(), "xl/worksheets/sheet1.xml");
        let style = |cell: &str| {
            let from = xml.split(&format!(r#"<c r="{cell}" s=""#)).nth(1).unwrap();
            from.split('"').next().unwrap().to_owned()
        };
        assert_ne!(style("F2"), style("G2"), "an error");
        assert_ne!(style("H2"), style("G2"), "a warning of the second of two equal names");
        assert_ne!(style("F2"), style("H2"));
        assert_eq!(style("G2"), style("I2"));
        assert_ne!(style("A2"), style("A3"), "statuses differ");
    }

    #[test]
    fn the_same_story_gives_the_same_bytes() {
        assert_eq!(sample(), sample());
    }

    #[test]
    fn what_no_cell_or_sheet_name_can_hold_is_cut_not_refused() {
        let long = "𝒳".repeat(20_000);
        let bytes = render(&["a"], &[&[&long]], &[view(2, Status::Accepted)], "a/b");
        let mut workbook = Workbook::new(Cursor::new(bytes)).unwrap();
        let range = workbook.worksheet_range("Редове").unwrap();
        let cell = range.get_value((1, 5)).unwrap().to_string();
        assert_eq!(cell.encode_utf16().count(), CELL_UNITS - 1);
    }

    #[test]
    fn every_status_is_summed_up() {
        let views: Vec<RowView> = (2..).zip(Status::ALL).map(|(row, status)| view(row, status)).collect();
        let cells: Vec<&[&str]> = views.iter().map(|_| ["x"].as_slice()).collect();
        let bytes = render(&["a"], &cells, &views, "Лист1");
        let mut workbook = Workbook::new(Cursor::new(bytes)).unwrap();
        let range = workbook.worksheet_range("Обобщение").unwrap();
        let said: Vec<String> = range.used_cells().map(|(_, _, cell)| cell.to_string()).collect();
        for status in Status::ALL {
            let word = format!("{} (ПРОБА)", super::super::status_word(status, Lang::Bg));
            let at = said.iter().position(|text| *text == word).unwrap();
            assert_eq!(said[at + 1], "1");
        }
        assert!(said.iter().any(|text| text.starts_with("ПРОБА: ")));
        assert!(said.contains(&"8".to_owned()));
    }
}
