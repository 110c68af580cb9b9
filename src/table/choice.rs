//! Which sheet of a workbook is read: the same choice for every format.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::header::{self, Wanted};
use super::reading::{Found, Reading};
use super::row::Row;
use crate::model::names::fold;
use crate::model::{CodeInfo, Issue, Who, Words};

/// A sheet with a table of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) visible: bool,
}

/// Sheets of a workbook: each is looked into, and a few bytes name a hundred thousand of them.
const MOST_SHEETS: usize = 1_024;

/// The sheet that is read.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) name: String,
    /// Its first rows with anything in them.
    pub(super) rows: Vec<Row>,
    pub(super) passed: Passed,
}

/// Sheets that were passed over, by their names. None where a person said which one is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Passed {
    /// Hidden ones.
    pub(super) hidden: Vec<String>,
    /// Visible ones with other cells than a table like the one that is read.
    pub(super) others: Vec<String>,
    /// Visible ones with the columns of the sheet that is read, and rows below them.
    pub(super) alike: Vec<String>,
}

/// The sheet that is said, else the visible one with the most expected names, else the first visible one with a table
/// that has rows, else the first visible one with anything in it. `preview` gives the first rows of a sheet.
pub(super) fn choose(
    sheets: &[Listed],
    reading: &Reading,
    mut preview: impl FnMut(&str, usize) -> Result<Vec<Row>, Error>,
) -> Result<Chosen, Error> {
    if sheets.len() > MOST_SHEETS {
        return Err(Error::Limit { what: "sheets", limit: MOST_SHEETS as u64 });
    }
    let needed = header::rows_needed(reading.header);
    if let Some(wanted) = &reading.sheet {
        let name = named(sheets, wanted)?;
        let rows = preview(&name, needed)?;
        let passed = Passed::default();
        return if rows.is_empty() { Err(Error::Empty) } else { Ok(Chosen { name, rows, passed }) };
    }
    let expected = Wanted::new(&reading.expect);
    let (mut seen, mut best): (Vec<Looked<'_>>, Option<(usize, Vec<Row>)>) = (Vec::new(), None);
    for sheet in sheets.iter().filter(|sheet| sheet.visible) {
        let rows = preview(&sheet.name, needed)?;
        if rows.is_empty() {
            continue;
        }
        let looked = Looked::at(sheet, &rows, reading, &expected);
        if best.as_ref().and_then(|(at, _)| seen.get(*at)).is_none_or(|most| looked.rank() > most.rank()) {
            best = Some((seen.len(), rows));
        }
        seen.push(looked);
    }
    let Some((at, rows)) = best else { return Err(nothing_visible(sheets, preview)) };
    let read = seen.remove(at);
    let hidden = sheets.iter().filter(|sheet| !sheet.visible).map(|sheet| sheet.name.clone()).collect();
    let (alike, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(|looked| looked.is_like(&read));
    let [alike, others] = [alike, others].map(|seen| seen.iter().map(|seen| seen.name.to_owned()).collect());
    Ok(Chosen { name: read.name.to_owned(), rows, passed: Passed { hidden, others, alike } })
}

/// What was seen of a sheet with cells.
struct Looked<'s> {
    name: &'s str,
    /// How many of the expected names stand in one of its rows.
    matches: usize,
    /// Its columns, those that are expected where any are; none where no rows stand below them.
    columns: BTreeSet<String>,
    /// Whether there is a table: several columns, and rows below them.
    is_table: bool,
}

impl<'s> Looked<'s> {
    fn at(sheet: &'s Listed, rows: &[Row], reading: &Reading, expected: &Wanted) -> Self {
        let mut looked = Self {
            name: &sheet.name,
            matches: expected.best(rows),
            columns: BTreeSet::new(),
            is_table: false,
        };
        let Ok(header) = header::find(rows, header::Of::Sheet, reading.stated_header(), expected) else {
            return looked;
        };
        let filled = |row: &Row| row.cells().filter(|cell| !cell.text.trim().is_empty()).count();
        looked.is_table =
            header.columns.len() > 1 && rows.iter().any(|row| row.number() > header.row && filled(row) > 1);
        if looked.is_table {
            let names = header.columns.iter().map(|column| fold(&column.name));
            let counts = |name: &String| !name.is_empty() && (expected.is_empty() || expected.has(name));
            looked.columns = names.filter(counts).collect();
        }
        looked
    }

    fn rank(&self) -> (usize, bool) {
        (self.matches, self.is_table)
    }

    /// Whether it has the columns of the one that is read: then both may be of one table.
    fn is_like(&self, read: &Self) -> bool {
        !read.columns.is_empty() && self.columns == read.columns
    }
}

/// Why there is nothing to read on any visible sheet.
fn nothing_visible(
    sheets: &[Listed],
    mut preview: impl FnMut(&str, usize) -> Result<Vec<Row>, Error>,
) -> Error {
    let has_cells = |sheet: &&Listed| preview(&sheet.name, 1).is_ok_and(|rows| !rows.is_empty());
    let hidden: Vec<_> = sheets.iter().filter(|sheet| !sheet.visible).filter(has_cells).collect();
    if hidden.is_empty() {
        return Error::Empty;
    }
    Error::OnlyHidden(hidden.into_iter().map(|sheet| sheet.name.clone()).collect())
}

fn named(sheets: &[Listed], wanted: &str) -> Result<String, Error> {
    let same = sheets.iter().find(|sheet| sheet.name == wanted);
    let found = same.or_else(|| sheets.iter().find(|sheet| fold(&sheet.name) == fold(wanted)));
    found.map(|sheet| sheet.name.clone()).ok_or_else(|| Error::NoSheet {
        wanted: wanted.to_owned(),
        known: sheets.iter().map(|sheet| sheet.name.clone()).collect(),
    })
}

/// What a person should know about the chosen sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Oddities {
    /// The sheet that is read, and those that were passed over.
    pub(super) read: String,
    pub(super) passed: Passed,
    /// Merged cells that reach into the data.
    pub(super) merged: u32,
    /// Hidden rows with data below the header.
    pub(super) hidden_rows: u32,
    /// Hidden columns of the table.
    pub(super) hidden_columns: u32,
}

/// Names of sheets that are told.
const NAMES_TOLD: usize = 10;

/// Names as they are told: the first of them.
pub(super) fn listed(names: &[String]) -> String {
    let more = if names.len() > NAMES_TOLD { Some("…") } else { None };
    names.iter().take(NAMES_TOLD).map(String::as_str).chain(more).collect::<Vec<_>>().join(", ")
}

impl Oddities {
    /// Notes them.
    pub(super) fn tell(&self, found: &mut Found) {
        let Passed { hidden, others, alike } = &self.passed;
        for (code, names) in [(&T039, alike), (&W128, others)] {
            if !names.is_empty() {
                found.note(Issue::new(code).arg(listed(names)).arg(&self.read));
            }
        }
        if !hidden.is_empty() {
            found.note(Issue::new(&W107).arg(listed(hidden)));
        }
        if self.merged > 0 {
            found.note(Issue::new(&W108).arg(self.merged.to_string()));
        }
        if self.hidden_rows + self.hidden_columns > 0 {
            let counts = Issue::new(&W109).arg(self.hidden_rows.to_string());
            found.note(counts.arg(self.hidden_columns.to_string()));
        }
    }
}

/// Several sheets with the same columns.
pub(super) static T039: CodeInfo = CodeInfo {
    code: "T039",
    who: Who::User,
    bg: Words {
        message: "листовете {0} имат същите колони като „{1}“, а се чете само един; съберете редовете на един лист и запишете",
        why: "Само един лист (или една таблица от страницата) се чете. Ако се прочете първият, редовете на другите биха се загубили, затова нищо не е подадено.",
        example: "листове „Склад 1“ и „Склад 2“ с еднакви колони",
        repair: "Копирайте редовете на един лист и изтрийте другите, или скрийте тези, които не се подават; после запишете.",
    },
    en: Words {
        message: "the sheets {0} have the same columns as `{1}`, and only one is read; put the rows on one sheet and save",
        why: "One sheet (or one table of a page) is read. If the first one were, the rows of the others would be lost, so nothing was reported.",
        example: "sheets `Store 1` and `Store 2` with the same columns",
        repair: "Copy the rows to one sheet and delete the others, or hide those that are not to be reported; then save.",
    },
};

/// Other visible sheets.
pub(super) static W128: CodeInfo = CodeInfo {
    code: "W128",
    who: Who::User,
    bg: Words {
        message: "чете се лист „{1}“; другите видими листове не се четат: {0}",
        why: "Само един лист (или една таблица от страницата) се чете: този с очакваните колони, а ако те не са известни, първият с таблица.",
        example: "заглавен лист и лист с движенията",
        repair: "Ако и в тях има редове за подаване, преместете ги на един лист и запишете; иначе нищо не е нужно.",
    },
    en: Words {
        message: "the sheet `{1}` is read; other visible sheets are not: {0}",
        why: "One sheet (or one table of a page) is read: the one with the expected columns or, where none are known, the first with a table.",
        example: "a cover sheet and a sheet with the movements",
        repair: "If they have rows to be reported too, move these to one sheet and save; otherwise nothing is needed.",
    },
};

/// Hidden sheets.
pub(super) static W107: CodeInfo = CodeInfo {
    code: "W107",
    who: Who::User,
    bg: Words {
        message: "скритите листове не се четат: {0}; ако данните са там, покажете листа и запишете",
        why: "Чете се видим лист. На скритите листове обикновено има помощни таблици.",
        example: "скрит лист „Номенклатура“",
        repair: "Ако данните са на скрит лист, покажете го и запишете файла; иначе нищо не е нужно.",
    },
    en: Words {
        message: "hidden sheets are not read: {0}; if the data is there, show the sheet and save",
        why: "A visible sheet is read. Hidden ones mostly hold auxiliary tables.",
        example: "a hidden sheet `Codes`",
        repair: "If the data is on a hidden sheet, show it and save the file; otherwise nothing is needed.",
    },
};

/// Merged cells.
pub(super) static W108: CodeInfo = CodeInfo {
    code: "W108",
    who: Who::User,
    bg: Words {
        message: "между данните има слети клетки ({0}); стойността е само в горната лява от тях, останалите са празни",
        why: "Excel пази стойността на слетите клетки само в първата. За другите редове и колони тя липсва.",
        example: "номер на документ, слят за пет реда",
        repair: "Ако стойността важи за всички слети клетки, разделете ги и я въведете във всяка.",
    },
    en: Words {
        message: "there are merged cells among the data ({0}); only the top left one has the value, the rest are empty",
        why: "Excel keeps the value of merged cells in the first one only. Other rows and columns lack it.",
        example: "a document's number merged over five rows",
        repair: "If the value holds for all merged cells, split them and type it into each.",
    },
};

/// Hidden rows and columns.
pub(super) static W109: CodeInfo = CodeInfo {
    code: "W109",
    who: Who::User,
    bg: Words {
        message: "скрити са {0} реда с данни и {1} колони; и те са прочетени",
        why: "Филтър или скриване променя само това, което се вижда. Файлът се подава целият.",
        example: "включен филтър по склад",
        repair: "Ако скритите редове не трябва да се подават, изтрийте ги и запишете.",
    },
    en: Words {
        message: "{0} data rows and {1} columns are hidden; they were read too",
        why: "A filter or hiding changes only what is seen. The whole file is reported.",
        example: "a filter by warehouse that is switched on",
        repair: "If the hidden rows must not be reported, delete them and save.",
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::CellKind;

    fn sheets() -> [Listed; 4] {
        [("Скрит", false), ("Празен", true), ("Бележки", true), ("Данни", true)]
            .map(|(name, visible)| Listed { name: name.to_owned(), visible })
    }

    fn chosen(reading: &Reading) -> Result<Chosen, Error> {
        choose(&sheets(), reading, |name, _| {
            let mut row = Row::new();
            row.start(1);
            row.push(if matches!(name, "Данни" | "Скрит") { "Код" } else { "друго" }, CellKind::Text);
            Ok(if name == "Празен" { Vec::new() } else { vec![row] })
        })
    }

    #[test]
    fn a_hidden_sheet_is_read_only_by_its_name() {
        let found = chosen(&Reading::default()).unwrap();
        assert_eq!((found.name.as_str(), found.passed.hidden), ("Бележки", vec!["Скрит".to_owned()]));
        let expecting = Reading { expect: vec!["код".into()], ..Reading::default() };
        assert_eq!(chosen(&expecting).unwrap().name, "Данни");
        let stated = Reading { sheet: Some("скрит".into()), ..Reading::default() };
        let found = chosen(&stated).unwrap();
        assert_eq!((found.name.as_str(), found.passed), ("Скрит", Passed::default()));
        let missing = Reading { sheet: Some("няма".into()), ..Reading::default() };
        assert!(matches!(chosen(&missing), Err(Error::NoSheet { .. })));
    }

    #[test]
    fn what_is_hidden_or_merged_is_told() {
        let mut found = Found::new(super::super::Format::Xlsx, &Reading::default());
        let names = |count: i32| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        let passed = Passed { hidden: names(12), others: names(2), alike: names(1) };
        Oddities { read: "Д".into(), passed, merged: 1, hidden_rows: 2, hidden_columns: 0 }.tell(&mut found);
        let told: Vec<_> = found.notes.iter().map(|note| (note.code.code, note.args.join("|"))).collect();
        let names = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …".to_owned();
        let told = told.iter().map(|(code, args)| (*code, args.as_str())).collect::<Vec<_>>();
        let expected =
            [("T039", "0|Д"), ("W128", "0, 1|Д"), ("W107", &names), ("W108", "1"), ("W109", "2|0")];
        assert_eq!(told, expected);
    }

    /// Chooses among visible sheets of these rows, whose cells are divided by blanks.
    fn of(sheets: &[(&str, &[&str])], expect: &[&str]) -> Result<Chosen, Error> {
        let listed: Vec<Listed> = sheets
            .iter()
            .map(|(name, _)| Listed { name: (*name).to_owned(), visible: !name.starts_with('-') })
            .collect();
        let expect = expect.iter().map(|name| (*name).to_owned()).collect();
        choose(&listed, &Reading { expect, ..Reading::default() }, |wanted, most| {
            let (_, lines) = sheets.iter().find(|(name, _)| *name == wanted).unwrap();
            let row = |(at, line): (usize, &&str)| {
                let mut row = Row::new();
                row.start(u32::try_from(at).unwrap() + 1);
                line.split(' ').for_each(|cell| row.push(cell, CellKind::Text));
                row
            };
            Ok(lines.iter().enumerate().map(row).take(most).collect())
        })
    }

    const DAY: &[&str] = &["Код Брой", "1 2", "2 3"];

    #[test]
    fn the_first_table_with_rows_is_read_and_the_others_are_told() {
        let found = of(&[("Титул", &["Справка"]), ("Празна", &["Код Брой"]), ("Ден", DAY)], &[]).unwrap();
        assert_eq!(found.name, "Ден");
        let others = vec!["Титул".to_owned(), "Празна".to_owned()];
        assert_eq!(found.passed, Passed { others, ..Passed::default() });
        let found = of(&[("Празна", &["Код Брой"]), ("Ден", DAY)], &["Код", "Брой"]).unwrap();
        assert_eq!((found.name.as_str(), found.passed.others), ("Ден", vec!["Празна".to_owned()]));
    }

    #[test]
    fn sheets_with_the_same_columns_are_told_apart_from_others() {
        let more = ["Код Брой Бележка", "1 2 3"];
        let sheets = [("Ден", DAY), ("Ден 2", &["брой КОД", "5 6"]), ("Друг", &more[..])];
        for expect in [&[][..], &["Код", "Брой", "Партида"]] {
            let found = of(&sheets, expect).unwrap();
            assert_eq!(found.name, "Ден");
            let others = if expect.is_empty() { vec!["Друг".to_owned()] } else { Vec::new() };
            let alike = if expect.is_empty() { vec![] } else { vec!["Друг".to_owned()] };
            assert_eq!(found.passed.others, others);
            assert_eq!(found.passed.alike, [vec!["Ден 2".to_owned()], alike].concat());
        }
        let found = of(&sheets, &["Код", "Брой", "Бележка"]).unwrap();
        assert_eq!(
            (found.name.as_str(), found.passed.alike.len(), found.passed.others.len()),
            ("Друг", 0, 2)
        );
    }

    #[test]
    fn data_on_hidden_sheets_alone_is_told() {
        let found = of(&[("-Скрит", DAY), ("Празен", &[]), ("-Празен", &[])], &[]).unwrap_err();
        assert!(matches!(found, Error::OnlyHidden(names) if names == ["-Скрит"]));
        assert!(matches!(of(&[("Празен", &[]), ("-Празен", &[])], &[]), Err(Error::Empty)));
    }
}
