//! The workbook sample, as Excel saves what people typed into it.

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Formula, Workbook, Worksheet, XlsxError};

use super::{HEADER, filled, moved};

const ROWS: &str = include_str!("workbook.txt");
/// Rows above the data: a title, a blank one, the header.
const ABOVE: u32 = 3;

/// The same kind of export as a workbook: a title row, dates as dates, codes as numbers, GTINs as
/// numbers shown through a mask of zeros, a totals row with a formula, a second sheet; five rows
/// are wrong.
pub fn deliveries_xlsx(newest: NaiveDate) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let made = excel_day(newest)?.and_hms(18, 5, 0)?;
    let properties = DocProperties::new().set_author("Склад").set_creation_datetime(&made);
    workbook.set_properties(&properties);
    movements(workbook.add_worksheet(), newest)?;
    warehouses(workbook.add_worksheet())?;
    workbook.save_to_buffer()
}

/// How the cells of a column look.
struct Looks {
    header: Format,
    date: Format,
    gtin: Format,
    quantity: Format,
}

impl Looks {
    fn new() -> Self {
        Self {
            header: Format::new().set_bold().set_text_wrap(),
            date: Format::new().set_num_format("dd.mm.yyyy"),
            gtin: Format::new().set_num_format("00000000000000"),
            quantity: Format::new().set_num_format("#,##0"),
        }
    }
}

fn movements(sheet: &mut Worksheet, newest: NaiveDate) -> Result<(), XlsxError> {
    let looks = Looks::new();
    sheet.set_name("Движения")?;
    let title = filled("Движения на лекарствени продукти, {-2} – {0}", newest);
    sheet.merge_range(0, 0, 0, 7, &title, &Format::new().set_bold().set_font_size(14))?;
    for (column, name) in (0..).zip(HEADER.split(';')) {
        sheet.write_with_format(ABOVE - 1, column, name, &looks.header)?;
    }
    let mut next = ABOVE;
    for line in ROWS.lines() {
        for (column, cell) in (0..).zip(line.split(';')) {
            write_cell(sheet, (next, column), cell, newest, &looks)?;
        }
        next += 1;
    }
    sheet.write(next, 0, "Общо")?;
    let sum = Formula::new(format!("=SUM(H{}:H{next})", ABOVE + 1)).set_result(total());
    sheet.write_formula_with_format(next, 7, sum, &looks.quantity)?;
    sheet.autofilter(ABOVE - 1, 0, next - 1, 15)?;
    sheet.set_freeze_panes(ABOVE, 0)?;
    sheet.autofit();
    Ok(())
}

/// What Excel makes of a cell that somebody typed or pasted. A workbook knows no numbers but `f64`;
/// that is the damage this sample is there to show.
fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &str,
    newest: NaiveDate,
    looks: &Looks,
) -> Result<(), XlsxError> {
    let number = cell.parse::<f64>().ok();
    match (column, number) {
        (_, None) if cell.is_empty() => {}
        (0 | 13, None) => match day_of(cell, newest) {
            Some(day) => drop(sheet.write_with_format(row, column, &excel_day(day)?, &looks.date)?),
            None => drop(sheet.write(row, column, filled(cell, newest))?),
        },
        // Document numbers were pasted as text and keep their zeros; so did one column of lots.
        (5, Some(number)) => drop(sheet.write_with_format(row, column, number, &looks.gtin)?),
        (7 | 8, Some(number)) => drop(sheet.write_with_format(row, column, number, &looks.quantity)?),
        (3 | 4 | 9..=11, Some(number)) => drop(sheet.write(row, column, number)?),
        (6, Some(number)) if !cell.starts_with('0') => drop(sheet.write(row, column, number)?),
        _ => drop(sheet.write(row, column, cell)?),
    }
    Ok(())
}

/// The day a `{N}` stands for.
fn day_of(cell: &str, newest: NaiveDate) -> Option<NaiveDate> {
    let days = cell.strip_prefix('{')?.strip_suffix('}')?;
    Some(moved(newest, days.parse().ok()?))
}

fn excel_day(day: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    let year = u16::try_from(day.year()).unwrap_or_default();
    ExcelDateTime::from_ymd(
        year,
        u8::try_from(day.month()).unwrap_or_default(),
        u8::try_from(day.day()).unwrap_or_default(),
    )
}

/// The sum that Excel would have stored with its formula.
fn total() -> String {
    let quantities = ROWS.lines().filter_map(|line| line.split(';').nth(7)?.parse::<f64>().ok());
    quantities.sum::<f64>().to_string()
}

fn warehouses(sheet: &mut Worksheet) -> Result<(), XlsxError> {
    sheet.set_name("Складове")?;
    let rows = [
        ("Пощенски код", "Склад"),
        ("1532", "София, Изток"),
        ("4003", "Пловдив"),
        ("9009", "Варна"),
        ("8000", "Бургас"),
    ];
    for (row, (code, name)) in (0..).zip(rows) {
        match code.parse::<u32>() {
            Ok(code) => sheet.write(row, 0, code)?,
            Err(_) => sheet.write(row, 0, code)?,
        };
        sheet.write(row, 1, name)?;
    }
    Ok(())
}
