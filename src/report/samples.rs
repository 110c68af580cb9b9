//! Small things the tests of this room share.

use std::convert::Infallible;

use chrono::{DateTime, Utc};

use super::Catalogue;
use crate::ledger::{FileState, FileView, RowView, StoredIssue};
use crate::model::{CodeInfo, Environment, Lang, Status, Who, Words};
use crate::table::{CellKind, Header, Row};

static V900: CodeInfo = CodeInfo {
    code: "V900",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е дата; пишете дд.мм.гггг",
        why: "Датата решава до кога може да се подаде.",
        example: "31.02.2026",
        repair: "Напишете датата като дд.мм.гггг.",
    },
    en: Words {
        message: "`{0}` is not a date; write dd.mm.yyyy",
        why: "The day decides how long it may be sent.",
        example: "31.02.2026",
        repair: "Write the date as dd.mm.yyyy.",
    },
};
static M900: CodeInfo = CodeInfo {
    code: "M900",
    who: Who::Integrator,
    bg: Words {
        message: "„{0}“ не е познато", why: "w", example: "e", repair: "Обадете се на внедрителя."
    },
    en: Words { message: "`{0}` is not known", why: "w", example: "e", repair: "Ask the integrator." },
};
static L900: CodeInfo = CodeInfo {
    code: "L900",
    who: Who::Nobody,
    bg: Words { message: "чака ред", why: "w", example: "e", repair: "r" },
    en: Words { message: "waits its turn", why: "w", example: "e", repair: "r" },
};
static W900: CodeInfo = CodeInfo {
    code: "W900",
    who: Who::User,
    bg: Words { message: "вижте го", why: "w", example: "e", repair: "r" },
    en: Words { message: "look at it", why: "w", example: "e", repair: "r" },
};
static F900: CodeInfo = CodeInfo {
    code: "F900",
    who: Who::User,
    bg: Words {
        message: "файлът е отворен от {0}; затворете го",
        why: "докато е отворен, може да се промени",
        example: "e",
        repair: "Запишете и затворете файла.",
    },
    en: Words { message: "the file is open by {0}; close it", why: "w", example: "e", repair: "r" },
};

pub(super) fn catalogue() -> Catalogue {
    Catalogue::new(&[&[&V900, &M900], &[&L900, &W900, &F900]])
}

pub(super) fn issue(code: &str, column: Option<&str>, args: &[&str]) -> StoredIssue {
    StoredIssue {
        code: code.to_owned(),
        column: column.map(str::to_owned),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
    }
}

/// 21.11.2026, 14:03:05 in Sofia.
pub(super) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_262_585, 0).unwrap()
}

pub(super) fn view(row: u32, status: Status) -> RowView {
    RowView {
        row,
        status,
        issues: Vec::new(),
        system_errors: Vec::new(),
        id: None,
        number: None,
        batch: None,
        sent_at: None,
        until: None,
        reference: String::new(),
        replaced: false,
    }
}

pub(super) fn header(name: &str, index: usize) -> Header {
    Header { name: name.into(), index }
}

pub(super) fn file(name: &str) -> FileView {
    FileView {
        intake: 7,
        folder: std::path::PathBuf::new(),
        name: name.to_owned(),
        sha256: "ab".repeat(32),
        snapshot: std::path::PathBuf::new(),
        received_at: noon(),
        state: FileState::Taken,
        destinations: vec!["sespa".to_owned()],
        system: Some("sespa".to_owned()),
        environment: Some(Environment::Sandbox),
        mapping: None,
        reading: None,
        issues: Vec::new(),
        language: Lang::Bg,
        supersedes: None,
        period: None,
        here: true,
        batches: Vec::new(),
        clock: None,
        ledger_head: "cd".repeat(32),
    }
}

pub(super) fn headers(names: &[&str]) -> Vec<Header> {
    names.iter().enumerate().map(|(index, name)| header(name, index)).collect()
}

/// Reads rows of text cells, numbered from 2 on.
pub(super) fn rows<'a>(cells: &'a [&'a [&'a str]]) -> impl FnMut(&mut Row) -> Result<bool, Infallible> + 'a {
    let mut next = (2..).zip(cells);
    move |row| {
        let Some((number, cells)) = next.next() else { return Ok(false) };
        row.start(number);
        cells.iter().for_each(|cell| row.push(cell, CellKind::Text));
        Ok(true)
    }
}

/// All stories in one page.
pub(super) fn pages(views: &[RowView]) -> impl FnMut(u32) -> Result<Vec<RowView>, Infallible> + '_ {
    |after| Ok(views.iter().filter(|view| view.row > after).cloned().collect())
}

/// Windows-1251, `?` for what it lacks.
pub(super) fn windows_1251(text: &str, out: &mut Vec<u8>) {
    for letter in text.chars() {
        let letter = letter.to_string();
        let (bytes, _, lacks) = encoding_rs::WINDOWS_1251.encode(&letter);
        out.extend_from_slice(if lacks { b"?" } else { &bytes });
    }
}

/// UTF-16, low byte first.
pub(super) fn utf_16(text: &str, out: &mut Vec<u8>) {
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}
