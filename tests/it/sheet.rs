//! A table the way a person sees it: read from and written to CSV and XLSX with other people's libraries, so that
//! the program's own readers are not asked about themselves.

use std::path::Path;

use calamine::{Data, Reader as _, Xlsx, open_workbook};

/// Header and rows, all text.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    dialect: Option<Dialect>,
}

#[derive(Debug, Clone, Copy)]
struct Dialect {
    delimiter: u8,
    byte_order_mark: bool,
    encoding: &'static encoding_rs::Encoding,
}

impl Sheet {
    /// Reads a report or an input whose first row is its header.
    pub(crate) fn read(path: &Path) -> Self {
        if is_workbook(path) {
            let mut rows = sheets(path).swap_remove(0).1;
            let header = rows.remove(0);
            return Self { header, rows, dialect: None };
        }
        let (text, dialect) = text_of(&std::fs::read(path).unwrap());
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.delimiter)
            .from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        let header = rows.remove(0);
        Self { header, rows, dialect: Some(dialect) }
    }

    /// Writes it as it was read; a name ending in `.xlsx` makes a workbook of text cells.
    pub(crate) fn write(&self, path: &Path) {
        if is_workbook(path) {
            return self.write_workbook(path);
        }
        let dialect = self.dialect.unwrap();
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .delimiter(dialect.delimiter)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(&self.header).unwrap();
        self.rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let mut bytes = if dialect.byte_order_mark { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
        bytes.extend_from_slice(&dialect.encoding.encode(&text).0);
        std::fs::write(path, bytes).unwrap();
    }

    fn write_workbook(&self, path: &Path) {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (number, row) in (0_u32..).zip(std::iter::once(&self.header).chain(&self.rows)) {
            for (column, cell) in (0_u16..).zip(row) {
                sheet.write_string(number, column, cell).unwrap();
            }
        }
        book.save(path).unwrap();
    }

    /// Where a column stands.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|header| header == name)
    }

    /// A cell of a row by its column's name.
    pub(crate) fn cell<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        let at = self.column(name).unwrap_or_else(|| panic!("no column {name} in {:?}", self.header));
        row.get(at).map_or("", String::as_str)
    }
}

/// Every sheet of a workbook with its rows.
pub(crate) fn sheets(path: &Path) -> Vec<(String, Vec<Vec<String>>)> {
    let mut book: Xlsx<_> = open_workbook(path).unwrap();
    let names = book.sheet_names();
    names
        .into_iter()
        .map(|name| {
            let range = book.worksheet_range(&name).unwrap();
            let rows = range.rows().map(|row| row.iter().map(shown).collect()).collect();
            (name, rows)
        })
        .collect()
}

fn shown(cell: &Data) -> String {
    cell.to_string()
}

/// Whether a name says that it is a workbook.
pub(crate) fn is_workbook(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "xlsx")
}

/// Text of a file in one of the encodings the tests use: what a mark says, UTF-8 where it is, else windows-1251.
pub(crate) fn decoded(bytes: &[u8]) -> String {
    text_of(bytes).0
}

fn text_of(bytes: &[u8]) -> (String, Dialect) {
    let marked = encoding_rs::Encoding::for_bom(bytes);
    let byte_order_mark = marked.is_some();
    let bare = &bytes[marked.map_or(0, |(_, length)| length)..];
    let usual =
        if std::str::from_utf8(bare).is_ok() { encoding_rs::UTF_8 } else { encoding_rs::WINDOWS_1251 };
    let encoding = marked.map_or(usual, |(encoding, _)| encoding);
    let text = encoding.decode_without_bom_handling(bare).0.into_owned();
    let first = text.lines().next().unwrap_or_default();
    let delimiter =
        [b';', b'\t', b','].into_iter().max_by_key(|mark| first.bytes().filter(|byte| byte == mark).count());
    (text, Dialect { delimiter: delimiter.unwrap(), byte_order_mark, encoding })
}
