//! Which sheet of a workbook is read: the same choice for every format.

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
pub(super) struct Chosen {
    pub(super) name: String,
    /// Its first rows with anything in them.
    pub(super) rows: Vec<Row>,
    /// Hidden sheets that were passed over.
    pub(super) hidden: Vec<String>,
}

/// The sheet that is said, else the visible one with the most expected names, else the first visible one with
/// anything in it. `preview` gives the first rows of a sheet.
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
        return if rows.is_empty() {
            Err(Error::Empty)
        } else {
            Ok(Chosen { name, rows, hidden: Vec::new() })
        };
    }
    let expected = Wanted::new(&reading.expect);
    let mut best: Option<(usize, &str, Vec<Row>)> = None;
    for sheet in sheets.iter().filter(|sheet| sheet.visible) {
        let rows = preview(&sheet.name, needed)?;
        let matches = expected.best(&rows);
        if !rows.is_empty() && best.as_ref().is_none_or(|(most, ..)| matches > *most) {
            best = Some((matches, &sheet.name, rows));
        }
    }
    let hidden = sheets.iter().filter(|sheet| !sheet.visible).map(|sheet| sheet.name.clone()).collect();
    let (_, name, rows) = best.ok_or(Error::Empty)?;
    Ok(Chosen { name: name.to_owned(), rows, hidden })
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
    /// Hidden sheets that were passed over.
    pub(super) hidden_sheets: Vec<String>,
    /// Merged cells that reach into the data.
    pub(super) merged: u32,
    /// Hidden rows with data below the header.
    pub(super) hidden_rows: u32,
    /// Hidden columns of the table.
    pub(super) hidden_columns: u32,
}

/// Names of hidden sheets that are told.
const NAMES_TOLD: usize = 10;

impl Oddities {
    /// Notes them.
    pub(super) fn tell(&self, found: &mut Found) {
        if !self.hidden_sheets.is_empty() {
            let mut names: Vec<&str> =
                self.hidden_sheets.iter().take(NAMES_TOLD).map(String::as_str).collect();
            if self.hidden_sheets.len() > NAMES_TOLD {
                names.push("…");
            }
            found.note(Issue::new(&W107).arg(names.join(", ")));
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
        assert_eq!((found.name.as_str(), found.hidden), ("Бележки", vec!["Скрит".to_owned()]));
        let expecting = Reading { expect: vec!["код".into()], ..Reading::default() };
        assert_eq!(chosen(&expecting).unwrap().name, "Данни");
        let stated = Reading { sheet: Some("скрит".into()), ..Reading::default() };
        let found = chosen(&stated).unwrap();
        assert_eq!((found.name.as_str(), found.hidden.len()), ("Скрит", 0));
        let missing = Reading { sheet: Some("няма".into()), ..Reading::default() };
        assert!(matches!(chosen(&missing), Err(Error::NoSheet { .. })));
    }

    #[test]
    fn what_is_hidden_or_merged_is_told() {
        let mut found = Found::new(super::super::Format::Xlsx, &Reading::default());
        let hidden_sheets = (0..12).map(|number| number.to_string()).collect();
        Oddities { hidden_sheets, merged: 1, hidden_rows: 2, hidden_columns: 0 }.tell(&mut found);
        let told: Vec<_> = found.notes.iter().map(|note| (note.code.code, note.args.join("|"))).collect();
        let names = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …".to_owned();
        assert_eq!(told, [("W107", names), ("W108", "1".to_owned()), ("W109", "2|0".to_owned())]);
    }
}
