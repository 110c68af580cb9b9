//! The large sample: a night's export, made row by row from a seed.

use std::fmt::Write as _;

use chrono::NaiveDate;

use super::super::faults::scramble;
use super::{HEADER, dotted, moved};

/// A night's export of so many rows: UTF-8 with byte-order mark, `;`, no titles. All rows are good
/// but five: no lot, quantity 0, a drug only the system knows to be off the list, a company number
/// whose check digit is wrong, scrapping without its act.
pub fn nightly_csv(newest: NaiveDate, rows: usize) -> Vec<u8> {
    let mut text = format!("\u{feff}{HEADER}\r\n");
    for index in 0..rows {
        let line = line_of(index, newest).damaged(fault_of(index, rows));
        line.write(&mut text);
    }
    text.into_bytes()
}

/// The cells that differ from row to row.
struct Line {
    day: NaiveDate,
    kind: &'static str,
    document: usize,
    number: usize,
    drug: &'static str,
    gtin: &'static str,
    lot: String,
    quantity: u64,
    stock: u64,
    recipient: String,
    other_place: &'static str,
    note: String,
}

/// Drug code and GTIN.
const PRODUCTS: [(&str, &str); 10] = [
    ("2415", "03809999000117"),
    ("758", "03809999000285"),
    ("1670", "03809999000353"),
    ("15955", "03809999000421"),
    ("69", "03809999000599"),
    ("4021", "03809999000667"),
    ("8830", "05719999000711"),
    ("12077", "03809999000803"),
    ("3344", "04009999000974"),
    ("10256", "03809999001039"),
];
const PHARMACY: &str = "Доставка на аптека";
const WHOLESALER: &str = "Доставка на ТЕ";
const SCRAPPED: &str = "Бракуване";
/// What goes wrong in a night, at the rows of `fault_of`.
#[derive(Clone, Copy)]
enum Fault {
    NoLot,
    Nothing,
    Unlisted,
    WrongCompany,
    NoAct,
}

fn line_of(index: usize, newest: NaiveDate) -> Line {
    let draw = scramble(index as u64 ^ 0x5A4D_504C);
    let pick = |shift: u32, of: u64| (draw >> shift) % of;
    let (kind, recipient, other_place, note) = movement(pick(0, 100), pick(8, 900));
    let (drug, gtin) =
        PRODUCTS.get(usize::try_from(pick(16, 10)).unwrap_or_default()).copied().unwrap_or_default();
    let quantity = 1 + pick(24, 48);
    Line {
        day: moved(newest, if pick(32, 10) == 0 { -1 } else { 0 }),
        kind,
        document: 700_001 + index / 4,
        number: 1 + index % 4,
        drug,
        gtin,
        lot: format!("N{:04}", pick(40, 9000)),
        quantity,
        stock: quantity + pick(48, 4000),
        recipient,
        other_place,
        note,
    }
}

/// Type, recipient, other warehouse and note, in about the shares of a real day.
fn movement(share: u64, who: u64) -> (&'static str, String, &'static str, String) {
    match share {
        0..75 => (PHARMACY, format!("АП-{:05}", 1000 + who), "", String::new()),
        75..87 => ("Доставка на лечебно заведение", format!("2204211{:03}", 1 + who), "", String::new()),
        87..93 => (WHOLESALER, "999001005".to_owned(), "4003", String::new()),
        93..96 => ("Доставка в страната", String::new(), "", format!("фактура 88{who:05}")),
        96..98 => ("Трансфер между собствени складове", String::new(), "9009", String::new()),
        98 => (SCRAPPED, String::new(), "", format!("акт № {}", 100 + who)),
        _ => {
            ("Получаване на върнати лекарствени продукти", format!("АП-{:05}", 1000 + who), "", String::new())
        }
    }
}

/// Five rows of a night are wrong, spread evenly.
fn fault_of(index: usize, rows: usize) -> Option<Fault> {
    let faults = [Fault::NoLot, Fault::Nothing, Fault::Unlisted, Fault::WrongCompany, Fault::NoAct];
    let stretch = (rows / faults.len()).max(1);
    (index % stretch == stretch / 2).then(|| faults.get(index / stretch).copied()).flatten()
}

impl Line {
    fn damaged(mut self, fault: Option<Fault>) -> Self {
        match fault {
            None => {}
            Some(Fault::NoLot) => self.lot.clear(),
            Some(Fault::Nothing) => self.quantity = 0,
            Some(Fault::Unlisted) => self.drug = "99999",
            Some(Fault::WrongCompany) => {
                (self.kind, self.other_place) = (WHOLESALER, "4003");
                "999001006".clone_into(&mut self.recipient);
            }
            Some(Fault::NoAct) => {
                self.kind = SCRAPPED;
                self.recipient.clear();
                self.note.clear();
                self.other_place = "";
            }
        }
        self
    }

    fn write(&self, text: &mut String) {
        let Self {
            kind,
            document,
            number,
            drug,
            gtin,
            lot,
            quantity,
            stock,
            recipient,
            other_place,
            note,
            ..
        } = self;
        let day = dotted(self.day);
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{day};{kind};{document:010};{number};{drug};{gtin};{lot};{quantity};{stock};1532;{recipient};\
             {other_place};;;ПЛС;{note}\r\n"
        );
    }
}
