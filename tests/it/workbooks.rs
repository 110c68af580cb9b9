//! Workbooks that ask for more than there is: one refusal each, little memory, and nothing else suffers.

use std::io::Write as _;
use std::path::Path;

use super::place::{Ran, program};

/// What stands in front of the rows of an .ods, and behind them.
const HEAD: &str = r#"<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet><table:table table:name="S">"#;
const TAIL: &str = "</table:table></office:spreadsheet></office:body></office:document-content>";

fn ods(rows: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let content = format!("{HEAD}{rows}{TAIL}");
    let manifest = "<manifest:manifest/>";
    let kind = "application/vnd.oasis.opendocument.spreadsheet";
    for (name, text) in [("mimetype", kind), ("META-INF/manifest.xml", manifest), ("content.xml", &content)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn cell(repeated: u32, text: &str) -> String {
    format!(
        r#"<table:table-cell office:value-type="string" table:number-columns-repeated="{repeated}"><text:p>{text}</text:p></table:table-cell>"#
    )
}

/// Tells what `inspect` says of a file of these bytes.
fn inspected(bytes: &[u8], name: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), bytes).unwrap();
    Ran::of(program(dir.path(), &["inspect", name]).output().unwrap())
}

#[track_caller]
fn refused(bytes: &[u8], name: &str, code: &str) {
    let ran = inspected(bytes, name);
    assert!(ran.exit == 2 && ran.stderr.contains(code), "{name}: {} {}", ran.exit, ran.stderr);
}

/// A few hundred bytes that stand for ninety million cells.
#[cfg(target_os = "linux")]
#[test]
fn a_workbook_that_asks_for_all_memory_is_refused() {
    let row = format!(
        r#"<table:table-row table:number-rows-repeated="1048576">{}</table:table-row>"#,
        cell(90, "x")
    );
    refused(&ods(&row), "bomb.ods", "T013");
}

/// More than the reader gives room for; where memory lasts, it says so itself.
#[test]
fn a_repeated_row_beyond_the_limit_is_named_so() {
    let row = format!(
        r#"<table:table-row table:number-rows-repeated="1048570">{}</table:table-row>"#,
        cell(16_384, "x")
    );
    refused(&ods(&row), "repeated.ods", "T014");
}

/// An .xls whose sheet is said to hold two thousand million rows: its reader makes room for them.
#[test]
fn a_workbook_that_kills_its_reader_is_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/workbook-formats/in/day.xls");
    let mut bytes = std::fs::read(path).unwrap();
    let size = [0x00, 0x02, 0x0E, 0x00];
    let places: Vec<usize> = (0..bytes.len() - 16).filter(|at| bytes[*at..].starts_with(&size)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + 4..at + 12].copy_from_slice(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]);
    }
    refused(&bytes, "dims.xls", "T013");
}

#[test]
fn what_is_looked_through_first_is_refused_as_in_other_workbooks() {
    let entities = format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{}", cell(1, "x"));
    refused(&ods(&entities), "entities.ods", "T009");
    refused(&ods(&cell(1, &"x".repeat(5 << 20))), "long.ods", "T008");
    let large = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(large.path().join("large.xls")).unwrap();
    (&file).write_all(b"<table>").unwrap();
    file.set_len(65 << 20).unwrap();
    let ran = Ran::of(program(large.path(), &["inspect", "large.xls"]).output().unwrap());
    assert!(ran.exit == 2 && ran.stderr.contains("T008"), "{}", ran.stderr);
}

/// An .xlsx of one sheet with these rows, and what stands behind them.
fn xlsx(rows: &str, behind: &str, styles: &str) -> Vec<u8> {
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{target}"/>"#)
    };
    let relations = |inside: &str| format!("<Relationships>{inside}</Relationships>");
    let inside = [("r1", "worksheet", "worksheets/sheet1.xml"), ("r2", "styles", "styles.xml")];
    let inside: String = inside.map(|(id, kind, target)| relation(id, kind, target)).concat();
    let head = r#"<row><c t="str"><v>Код</v></c><c t="str"><v>Брой</v></c></row><row><c><v>7</v></c><c><v>8</v></c></row>"#;
    let parts = [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        ("_rels/.rels", relations(&relation("r1", "officeDocument", "xl/workbook.xml"))),
        ("xl/_rels/workbook.xml.rels", relations(&inside)),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#
                .to_owned(),
        ),
        ("xl/styles.xml", format!("<styleSheet>{styles}</styleSheet>")),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet><sheetData>{head}{rows}</sheetData>{behind}</worksheet>"),
        ),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let quick = zip::write::SimpleFileOptions::default().compression_level(Some(1));
    for (name, text) in parts {
        archive.start_file(name, quick).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Small files that ask for more memory than there is, or for much time.
#[test]
fn merged_ranges_and_styles_without_end_are_refused() {
    let ran = inspected(&xlsx(&"<row><c/></row>".repeat(1_000), "", ""), "day.xlsx");
    assert!(ran.stdout.contains("1 data row"), "{}{}", ran.stdout, ran.stderr);
    let merged = r#"<mergeCell ref="A3:B4"/>"#.repeat((1 << 20) + 1);
    refused(&xlsx("", &format!("<mergeCells>{merged}</mergeCells>"), ""), "merged.xlsx", "T015");
    let name = "x".repeat(20_000);
    let font = format!(r#"<fonts><font><name val="{name}"/></font></fonts>"#);
    let form = format!(r#"<numFmts><numFmt numFmtId="200" formatCode="{name}"/></numFmts>"#);
    let formats = format!("<cellXfs>{}</cellXfs>", r#"<xf numFmtId="200" fontId="0"/>"#.repeat(60_000));
    refused(&xlsx("", "", &(font + &formats)), "fonts.xlsx", "T008");
    refused(&xlsx("", "", &(form + &formats)), "formats.xlsx", "T008");
}

/// A cell of a thousand rows and columns is carried along from row to row.
#[test]
fn a_page_of_cells_without_end_is_refused() {
    let wide = "<td colspan=1024 rowspan=1024>x".repeat(4);
    let page = format!("<table><tr><td>Код<td>Брой<tr>{wide}{}</table>", "<tr><td>1".repeat(20_000));
    refused(page.as_bytes(), "page.xls", "T014");
}

/// Ordinary cells come in order, with blank rows counted.
#[test]
fn repeated_rows_and_cells_keep_their_numbers() {
    let row = |repeated: u32, cells: &str| {
        format!(r#"<table:table-row table:number-rows-repeated="{repeated}">{cells}</table:table-row>"#)
    };
    let empty = r#"<table:table-cell table:number-columns-repeated="3"/>"#;
    let rows =
        [row(2, empty), row(1, &(cell(1, "Код") + &cell(1, "Име"))), row(3, empty), row(2, &cell(2, "7"))];
    let ran = inspected(&ods(&rows.concat()), "day.ods");
    assert!(
        ran.stdout.contains("format ods, sheet `S`, header in row 3, 2 data rows, 5 blank"),
        "{}",
        ran.stdout
    );
}

/// Several words of a name do not make a workbook of it, nor take it from one.
#[test]
fn the_content_says_what_a_file_is() {
    let named = |bytes: &[u8], name: &str| inspected(bytes, name).stdout;
    assert!(named(b"a;b\n1;2\n", "day.xls").starts_with("format csv"));
    assert!(named(b"<table><tr><td>a<td>b<tr><td>1<td>2</table>", "day.csv").starts_with("format html"));
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "a").unwrap().write(1, 0, 1).unwrap();
    assert!(named(&book.save_to_buffer().unwrap(), "day.xls").starts_with("format xlsx"));
    assert!(named(&book.save_to_buffer().unwrap(), "day.xlsm").starts_with("format xlsx"));
    let ods = ods(&format!("<table:table-row>{}</table:table-row>", cell(2, "a")));
    assert!(named(&ods, "day.xlsx").starts_with("format ods"));
}

/// A file that is open several times at once is read each time from its first row.
#[cfg(target_os = "linux")]
#[test]
fn several_mappings_that_may_fit_read_one_after_another() {
    let place = super::place::Place::new(&toml::Table::new());
    let usual = std::fs::read_to_string(place.path("mappings/usual.toml")).unwrap();
    for name in ["other", "third"] {
        let other =
            usual.replace("\"usual\"", &format!("\"{name}\"")).replace("\"Ред\"", &format!("\"Ред {name}\""));
        std::fs::write(place.path(&format!("mappings/{name}.toml")), other).unwrap();
    }
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/workbook-formats/in/day.ods");
    std::fs::copy(from, place.path("drop/day.ods")).unwrap();
    let ran = place.run(&["check", "drop/day.ods"]);
    assert!(ran.stdout.contains("3 rows: 1 refused, 2 would be sent"), "{}{}", ran.stdout, ran.stderr);
}

/// What is hidden on a sheet of an .xlsx is read, and told.
#[test]
fn hidden_rows_and_columns_and_merged_cells_are_told() {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Други").unwrap().set_hidden(true);
    let sheet = book.add_worksheet();
    sheet.set_active(true);
    sheet.merge_range(0, 0, 0, 2, "Заглавие", &rust_xlsxwriter::Format::new()).unwrap();
    for (column, name) in [(0, "Код"), (1, "Име"), (2, "Брой")] {
        sheet.write(1, column, name).unwrap();
    }
    for row in 2..6 {
        sheet.write(row, 0, row).unwrap().write(row, 1, "x").unwrap();
    }
    sheet.set_row_hidden(3).unwrap().set_row_hidden(4).unwrap().set_column_hidden(1).unwrap();
    sheet.merge_range(2, 2, 4, 2, "слято", &rust_xlsxwriter::Format::new()).unwrap();
    let ran = inspected(&book.save_to_buffer().unwrap(), "day.xlsx");
    assert!(ran.stdout.contains("4 data rows"), "{}", ran.stdout);
    for told in ["Други; if the data", "among the data (1)", "2 data rows and 1 columns are hidden", "W109"]
    {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.stdout);
    }
}

/// A table of other columns below the first one is left out, and told; the same below as above.
#[test]
fn a_second_table_on_a_sheet_is_left_out() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(["Код", "Име", "Брой", "Дата", "Склад"]) {
        sheet.write(0, column, name).unwrap();
        for row in 1..4 {
            sheet.write(row, column, row * 10 + u32::from(column)).unwrap();
        }
    }
    sheet.write(6, 0, "Склад").unwrap().write(6, 1, "Сума").unwrap();
    sheet.write(7, 0, "СФ").unwrap().write(7, 1, 120).unwrap();
    sheet.write(9, 0, "Изготвил: Иванов").unwrap();
    let ran = inspected(&book.save_to_buffer().unwrap(), "day.xlsx");
    assert!(ran.stdout.contains("3 data rows") && ran.stdout.contains("W114"), "{}", ran.stdout);
}

/// A sheet of six columns with two full rows and these below; an empty text is no cell.
fn sheet_with(below: &[&[&str]]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let head = ["Документ", "Вид", "Име", "Код", "Брой", "Партида"];
    let above: [&[&str]; 3] = [
        &head,
        &["Аптека 1", "приход", "Аспирин", "2415", "5", "L1"],
        &["", "приход", "Аналгин", "2416", "7", ""],
    ];
    for (row, cells) in (0..).zip(above.iter().chain(below)) {
        for (column, text) in (0..).zip(*cells).filter(|(_, text)| !text.is_empty()) {
            match text.parse::<f64>() {
                Ok(number) => sheet.write(row, column, number).unwrap(),
                Err(_) => sheet.write(row, column, *text).unwrap(),
            };
        }
    }
    book.save_to_buffer().unwrap()
}

/// Rows that have their first cells from the row above are no second table.
#[test]
fn a_group_of_rows_with_few_cells_is_data() {
    let groups: [&[&[&str]]; 3] = [
        &[&[], &["Аптека Здраве"], &["", "", "", "2417", "3", ""], &["", "", "", "2418", "4", ""]],
        &[&[], &["Аптека Здраве", "приход"], &["", "", "Аспирин", "", "3", ""]],
        &[
            &["Общо", "", "", "", "12"],
            &["Аптека Здраве"],
            &["", "", "", "2417", "3"],
            &["", "", "", "2418", "3"],
        ],
    ];
    for group in groups {
        let ran = inspected(&sheet_with(group), "day.xlsx");
        let rows = 2 + group.iter().filter(|row| !row.is_empty()).count();
        assert!(ran.stdout.contains(&format!("{rows} data rows")), "{group:?}: {}", ran.stdout);
        assert!(!ran.stdout.contains("W114"), "{}", ran.stdout);
    }
}

/// What a program prints between two pages is no data.
#[test]
fn headers_and_totals_of_pages_are_left_out() {
    let head = ["Документ", "Вид", "Име", "Код", "Брой", "Партида"];
    let between: [&[&[&str]]; 4] = [
        &[],
        &[&["Страница 2"]],
        &[&["Общо", "", "", "", "12"], &[], &["", "", "", "", "", "Стр. 2"]],
        &[&["Общо за страницата", "", "", "", "12"], &["Страница 2"]],
    ];
    for rows in between {
        let page: [&[&str]; 2] = [&head, &["Аптека 2", "приход", "Аспирин", "2415", "5", "L1"]];
        let ran = inspected(&sheet_with(&[rows, &page].concat()), "day.xlsx");
        assert!(ran.stdout.contains("3 data rows"), "{rows:?}: {}", ran.stdout);
    }
}

/// Cells come out as a person sees them: days whatever their format, masks with their zeros, texts as texts.
#[test]
fn cells_are_read_as_they_are_seen() {
    use rust_xlsxwriter::{ExcelDateTime, Format};
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let form = |form: &str| Format::new().set_num_format(form);
    sheet.write(0, 0, "Стойност").unwrap().write(0, 1, "№").unwrap();
    let day = ExcelDateTime::parse_from_str("2026-08-31").unwrap();
    let days =
        [r#"[$-402]dd mmmm yyyy "г.""#, r#"d.m.yyyy "г.""#, "dd.mm.yyyy", "[$-F800]dddd, mmmm dd, yyyy"];
    let mut wanted = Vec::new();
    for mask in days {
        wanted.push("2026-08-31".to_owned());
        sheet.write_with_format(u32::try_from(wanted.len()).unwrap(), 0, &day, &form(mask)).unwrap();
    }
    for (number, mask, text) in [
        (5_712_249_101_367.0, "00000000000000", "05712249101367"),
        (0.1, "0%", "0.1"),
        (1234.5, r#"# ##0.00 "лв.""#, "1234.5"),
        (46265.75, "dd.mm.yyyy hh:mm", "2026-08-31 18:00:00"),
        (0.5, "hh:mm", "12:00:00"),
        (1.5, "[h]:mm", "36:00:00"),
        (59.0, "dd.mm.yyyy", "1900-02-28"),
        (61.0, "dd.mm.yyyy", "1900-03-01"),
        (46265.0, "General", "46265"),
    ] {
        wanted.push(text.to_owned());
        sheet.write_with_format(u32::try_from(wanted.len()).unwrap(), 0, number, &form(mask)).unwrap();
    }
    wanted.push("00123".to_owned());
    sheet.write(u32::try_from(wanted.len()).unwrap(), 0, "00123").unwrap();
    let dir = tempfile::tempdir().unwrap();
    book.save(dir.path().join("day.xlsx")).unwrap();
    let ran = Ran::of(program(dir.path(), &["inspect", "day.xlsx", "--to", "csv"]).output().unwrap());
    let found: Vec<&str> = ran.stdout.lines().skip(1).map(|line| line.trim_end_matches(',')).collect();
    assert_eq!(found, wanted, "{}", ran.stderr);
}

/// Each sheet costs a look, and naming one costs a few bytes.
#[test]
fn a_workbook_of_too_many_sheets_is_refused() {
    let table = format!(
        "</table:table><table:table table:name=\"S\"><table:table-row>{}</table:table-row>",
        cell(1, "x")
    );
    refused(&ods(&table.repeat(1_200)), "sheets.ods", "T008");
}

/// An .xls that ends before its own list of streams is incomplete, not "no table".
#[test]
fn a_cut_workbook_is_told_as_incomplete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/workbook-formats/in/day.xls");
    let bytes = std::fs::read(path).unwrap();
    refused(&bytes[..2048], "cut.xls", "T007");
    refused(&bytes[..600], "cut.xls", "T007");
}

/// What the content told, what the name says otherwise, and what else might have divided the rows.
#[test]
fn each_decision_comes_with_its_evidence() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("day.xls"), "Код;Цена\n1;2,50\n2;3,50\n3;4,50\n").unwrap();
    let ran = Ran::of(program(dir.path(), &["inspect", "day.xls", "--json"]).output().unwrap());
    let seen: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let evidence = &seen["reading"]["evidence"];
    assert_eq!((&evidence["format"]["kind"], &evidence["format"]["rival"]), (&"text".into(), &"xls".into()));
    let rival = serde_json::json!({"delimiter": ",", "cells": 2, "count": 3, "of": 4});
    assert_eq!(evidence["delimiter"]["rivals"], serde_json::json!([rival]));
}
