//! Files to try the product with: synthetic, and like those a wholesaler's program exports. The
//! days in them move with `newest`, so that a demonstration is never too late; everything else
//! stands still. Companies, permits, lots and codes of products are made up.
//!
//! `samples/` holds what these functions give for 31 August 2026.

mod nightly;
mod workbook;

use chrono::{Days, NaiveDate};

pub use nightly::nightly_csv;
pub use workbook::deliveries_xlsx;

/// The header of every sample.
pub const HEADER: &str = "Дата;Тип движение;Док. №;Ред;Код НСЦРЛП;GTIN;Партида;Количество;Наличност;Склад;\
                          Обект получател;Склад получател;Държава;Планирана дата;Група;Забележка";

/// What the two hand-made samples hold: `{N}` stands for the day N days after the newest,
/// `{year}` for its year, `{header}` for the header.
const DELIVERIES: &str = include_str!("deliveries.txt");

/// A wholesaler's day as an older program exports it: windows-1251, `;`, titles above the header,
/// a totals row below, decimal commas, `dd.mm.yyyy`; all 25 types, goods that are not reported,
/// and 16 rows each wrong in another way.
pub fn deliveries_csv(newest: NaiveDate) -> Vec<u8> {
    let mut text = String::with_capacity(DELIVERIES.len());
    for line in DELIVERIES.lines() {
        text.push_str(&filled(line, newest));
        text.push_str("\r\n");
    }
    encoding_rs::WINDOWS_1251.encode(&text).0.into_owned()
}

/// A line with its days filled in.
fn filled(line: &str, newest: NaiveDate) -> String {
    let mut parts = line.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        text.push_str(&meaning(name, newest));
        text.push_str(rest);
    }
    text
}

fn meaning(name: &str, newest: NaiveDate) -> String {
    match (name, name.parse()) {
        (_, Ok(days)) => dotted(moved(newest, days)),
        ("header", _) => HEADER.to_owned(),
        _ => newest.format("%Y").to_string(),
    }
}

fn moved(day: NaiveDate, days: i64) -> NaiveDate {
    let distance = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(distance) } else { day.checked_add_days(distance) };
    moved.unwrap_or(day)
}

fn dotted(day: NaiveDate) -> String {
    day.format("%d.%m.%Y").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::{Cursor, Read};
    use std::path::Path;

    use super::*;
    use crate::destinations::sespa::sandbox::judge;
    use serde_json::{Map, Value, json};

    const SENDER: &str = "0123456789ABCDEF0123456789ABCDEF";

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 8, 31).unwrap()
    }

    fn committed(name: &str) -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
        std::fs::read(path).unwrap()
    }

    fn csv_text() -> String {
        encoding_rs::WINDOWS_1251.decode(&deliveries_csv(day())).0.into_owned()
    }

    #[test]
    fn the_committed_files_are_what_is_generated() {
        assert!(committed("deliveries.csv") == deliveries_csv(day()), "run the example make_samples");
        assert!(committed("nightly.csv") == nightly_csv(day(), 2000), "run the example make_samples");
        let workbook = deliveries_xlsx(day()).unwrap();
        assert!(parts(&committed("deliveries.xlsx")) == parts(&workbook), "run the example make_samples");
    }

    /// Names and inflated contents: how they are packed depends on the processor.
    fn parts(workbook: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
        let mut parts = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            parts.push((file.name().unwrap().into_owned(), bytes));
        }
        parts
    }

    #[test]
    fn days_move_with_the_newest_and_nothing_else_does() {
        let later = day().checked_add_days(Days::new(400)).unwrap();
        let moved = encoding_rs::WINDOWS_1251.decode(&deliveries_csv(later)).0.into_owned();
        let text = csv_text();
        assert!(
            text.contains("\r\n31.08.2026;")
                && text.contains("\r\n29.08.2026;")
                && text.contains("31.02.2026")
        );
        assert!(
            moved.contains("\r\n05.10.2027;")
                && moved.contains("\r\n31.02.2027;")
                && !moved.contains(".2026;")
        );
        assert_eq!(text.len(), moved.len());
    }

    #[test]
    fn the_day_holds_all_types_titles_totals_and_goods_not_reported() {
        let text = csv_text();
        assert!(!text.contains(['{', '}']));
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[3], HEADER);
        assert!(rows[0].starts_with("Склад") && rows.last().unwrap().starts_with("Общо;"));
        let types: BTreeSet<&str> =
            rows[4..rows.len() - 1].iter().filter_map(|row| row.split(';').nth(1)).collect();
        assert_eq!(types.len(), 26, "25 and one that does not exist");
        assert_eq!(rows.iter().filter(|row| row.contains(";Козметика;")).count(), 6);
        assert_eq!(rows.len(), 4 + 61 + 1);
    }

    #[test]
    fn the_nightly_drop_is_of_any_size_and_the_same_each_time() {
        let text = String::from_utf8(nightly_csv(day(), 2000)).unwrap();
        assert!(text.starts_with("\u{feff}Дата;"));
        assert_eq!(text.lines().count(), 2001);
        assert_eq!(nightly_csv(day(), 0).len(), HEADER.len() + 3 + 2);
        let keys: BTreeSet<String> =
            text.lines().skip(1).map(|row| row.split(';').skip(2).take(2).collect()).collect();
        assert_eq!(keys.len(), 2000, "no key twice");
    }

    /// The transaction a row would be, by the plainest reading of its cells.
    fn transaction(cells: &[String]) -> Map<String, Value> {
        let names = include_str!("../../../samples/README.md");
        let number_of =
            |name: &str| names.lines().find_map(|line| line.strip_suffix(&format!("| {name} |"))?.get(2..4));
        let whole = |text: &str| json!(text.replace(",000", "").replace([' ', '\u{a0}'], ""));
        let iso = |text: &str| {
            NaiveDate::parse_from_str(text, "%d.%m.%Y").map_or(text.to_owned(), |day| day.to_string())
        };
        let mut row = json!({
            "p_actor_reg_no": SENDER, "p_trn_type": number_of(&cells[1]).map(str::trim), "p_drug_code": cells[4],
            "p_report_date": format!("{}T00:00:00", iso(&cells[0])), "p_quantity": whole(&cells[7]),
            "p_available_qty": whole(&cells[8]), "p_batch_no": cells[6], "p_postcode": cells[9],
            "p_recipient_code": cells[10], "p_rcpt_postcode": cells[11], "p_country": cells[12], "notes": cells[15],
            "p_export_planned_date": iso(&cells[13]),
        });
        row.as_object_mut().unwrap().retain(|_, value| value != "");
        row.as_object().unwrap().clone()
    }

    /// Rows to be reported that the system would refuse, and how many there are.
    fn judged(text: &str) -> (Vec<usize>, usize) {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b';')
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        let header = rows.iter().position(|row| row[0].ends_with("Дата"));
        let data = rows.iter().enumerate().skip(header.map_or(0, |at| at + 1));
        let reported: Vec<_> = data.filter(|(_, row)| row[14] != "Козметика" && row[0] != "Общо").collect();
        let refused = |row: &[String]| !judge(&transaction(row), Some(SENDER)).is_empty();
        (reported.iter().filter(|(_, row)| refused(row)).map(|(at, _)| at + 1).collect(), reported.len())
    }

    #[test]
    fn the_stand_in_refuses_the_wrong_rows_and_no_other() {
        // GTIN in scientific notation and a cell too many are the client's to see.
        let wrong: Vec<usize> = (50..=65).filter(|row| ![57, 61].contains(row)).collect();
        assert_eq!(judged(&csv_text()), (wrong, 55));
        let (wrong, all) = judged(std::str::from_utf8(&nightly_csv(day(), 2000)).unwrap());
        assert_eq!((wrong, all), (vec![202, 602, 1002, 1402, 1802], 2000));
        let typed: String =
            include_str!("workbook.txt").lines().map(|line| filled(line, day()) + "\n").collect();
        assert_eq!(judged(&typed), ((37..=41).collect(), 39), "below three rows of title and header");
    }

    #[test]
    fn the_workbook_is_as_excel_saves_one() {
        let parts = parts(&deliveries_xlsx(day()).unwrap());
        let text = |name: &str| {
            String::from_utf8(parts.iter().find(|(part, _)| part == name).unwrap().1.clone()).unwrap()
        };
        assert!(text("xl/sharedStrings.xml").contains("Доставка на аптека"));
        assert!(text("xl/styles.xml").contains("00000000000000"));
        assert!(text("xl/workbook.xml").contains("Складове"));
        let sheet = text("xl/worksheets/sheet1.xml");
        assert!(
            sheet.contains("<v>3809999000353</v>")
                && sheet.contains("<mergeCell ")
                && sheet.contains("SUM(H4:H44)")
        );
        assert!(sheet.contains("<v>46265</v>"), "31.08.2026 as Excel counts days");
    }
}
