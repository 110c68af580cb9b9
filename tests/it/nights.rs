//! A month-to-date export dropped every night: the same name, one more day each time, and a stock column that the
//! program of the warehouse computes anew for every row each time it is asked.

use super::balance;
use super::place::{Place, Ran, root};
use super::sheet::Sheet;

const HEADER: &str = "Док;Ред;Дата;Вид;Код;Партида;Колич;Налич;Склад;Обект;Бележка\n";
/// Rows of a day; the first two are equal but for their document.
const OF_A_DAY: [(u32, u32); 3] = [(1, 10), (2, 10), (3, 7)];

/// The export of a night: all days of the month so far, without the rows named.
fn export(day: u32, missing: &[(u32, u32)]) -> String {
    let all = (1..=day).flat_map(|of| OF_A_DAY.map(|row| (of, row)));
    let there = all.filter(|(of, (line, _))| !missing.contains(&(*of, *line)));
    let row = |(of, (line, quantity)): (u32, (u32, u32))| {
        let (document, stock) = (100 + of, 4000 - 17 * day + 3 * of + line);
        format!("{document};{line};{of:02}.08.2026;приход;2415;L24A017;{quantity};{stock};1532;;\n")
    };
    HEADER.to_owned() + &there.map(row).collect::<String>()
}

/// One night's drop and run.
fn night(place: &Place, day: u32, missing: &[(u32, u32)]) -> Ran {
    std::fs::write(place.path("drop/export.csv"), export(day, missing)).unwrap();
    let ran = place.run(&["run"]);
    balance::check(place).unwrap();
    ran
}

/// Statuses of the newest export's rows.
fn statuses(place: &Place) -> Vec<String> {
    let sheet = Sheet::read(&place.path("drop/export.csv.result.csv"));
    sheet.rows.iter().map(|row| sheet.cell(row, "rx_status").to_owned()).collect()
}

/// That nothing but the new day was sent, and nobody is asked about anything.
fn is_quiet(place: &Place, day: u32) {
    let statuses = statuses(place);
    let (known, new) = statuses.split_at(statuses.len() - OF_A_DAY.len());
    assert!(known.iter().all(|status| status == "duplicate"), "night {day}: {known:?}");
    assert!(new.iter().all(|status| status == "accepted"), "night {day}: {new:?}");
    let books = place.books();
    assert_eq!(books["registered"], 3 * day, "night {day}");
    assert_eq!(books["requests"]["submit"], day, "one request a night");
    let beside = std::fs::read_dir(place.path("drop")).unwrap().count();
    assert_eq!(beside, 4, "night {day}: export, result, receipt and our mark, each once");
}

fn place(mapping: &str) -> Place {
    let place = Place::new(&toml::Table::new());
    std::fs::write(place.path("mappings/usual.toml"), mapping).unwrap();
    place
}

#[test]
fn thirty_nights_of_a_growing_export_stay_quiet_without_a_key() {
    let path = root().join("tests/cases/no-key/in/mappings/weak.toml");
    let place = place(&std::fs::read_to_string(path).unwrap());
    for day in 1..=30 {
        night(&place, day, &[]).exits(0);
        is_quiet(&place, day);
    }
}

#[test]
fn thirty_nights_of_a_growing_export_stay_quiet_with_a_key_that_leaves_out_the_stock() {
    let usual = std::fs::read_to_string(root().join("tests/cases/mapping.toml")).unwrap();
    let place = place(&usual.replace(r#"["notes"]"#, r#"["notes", "p_available_qty"]"#));
    for day in 1..=30 {
        if day == 15 {
            // A row is gone for a night: that is said, and nothing is done about it.
            night(&place, day, &[(3, 2)]).exits(0);
            assert_eq!(statuses(&place).len(), 3 * 15 - 1);
            let receipt = std::fs::read_to_string(place.path("drop/export.csv.receipt.json")).unwrap();
            assert!(receipt.contains("W502"), "{receipt}");
            let books = place.books();
            assert_eq!((&books["registered"], &books["requests"]["reverse"]), (&45.into(), &0.into()));
            for path in former_reports(&place) {
                std::fs::remove_file(path).unwrap();
            }
            continue;
        }
        night(&place, day, &[]).exits(0);
        is_quiet(&place, day);
    }
    // The next month begins: what it no longer holds stays reported.
    std::fs::write(
        place.path("drop/export.csv"),
        export(1, &[]).replace(".08.2026", ".09.2026").replace("\n101", "\n201"),
    )
    .unwrap();
    place.run(&["run"]).exits(0);
    balance::check(&place).unwrap();
    assert_eq!(statuses(&place), ["accepted"; 3]);
    assert_eq!(place.books()["registered"], 93);
}

fn former_reports(place: &Place) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(place.path("drop")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().contains("export.csv.20")).collect()
}
