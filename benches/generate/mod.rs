//! Made-up exports, the same for the same seed.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use rust_xlsxwriter::{Workbook, XlsxError};

/// Day that all rows of [`movements_csv`] and [`movements_xlsx`] are judged on.
pub const TODAY: &str = "2026-03-31";

const HEADER: [&str; 15] = [
    "Дата",
    "Тип движение",
    "Док. №",
    "Ред",
    "Артикул",
    "Наименование",
    "Код НСЦРЛП",
    "GTIN",
    "Партида",
    "Количество",
    "Наличност",
    "Склад",
    "Обект получател",
    "Група",
    "Забележка",
];

/// Reads the exports made here: a list of values, a date's form, decimal commas, a key, a rule.
pub const MAPPING: &str = r#"
name        = "movements"
version     = 1
destination = "sespa"

[match]
files = ["movements*"]

[table]
decimal = ","

[key]
columns  = ["Док. №", "Ред"]
document = ["Док. №"]
ignore   = ["notes"]

[fields]
p_trn_type          = { column = "Тип движение", values = { "Доставка в страната" = 1, "Доставка на аптека" = 3, "Доставка на ТЕ" = 16, "Доставка на лечебно заведение" = 17 } }
p_report_date       = { column = "Дата", format = "%d.%m.%Y" }
p_drug_code         = "Код НСЦРЛП"
p_drug_product_code = { column = "GTIN", default = "" }
p_batch_no          = "Партида"
p_quantity          = "Количество"
p_available_qty     = "Наличност"
p_postcode          = { column = "Склад", values = { "Централен склад София" = 1532, "Склад Пловдив" = 4003 } }
p_recipient_code    = { column = "Обект получател", default = "" }
notes               = { column = "Забележка", default = "" }

[[rule]]
when   = [{ column = "Тип движение", is = ["Доставка на ТЕ"] }]
fields = { p_rcpt_postcode = { value = 9009 } }

[[rule]]
when   = [{ column = "Група", is = ["Козметика"] }]
report = false
reason = "не е лекарствен продукт"
"#;

/// Names of goods; as long as real ones are.
const GOODS: [(&str, &str, &str, &str); 8] = [
    ("100417", "Парацетамол ФХ таблетки 500 мг х 20", "2415", "03809999000117"),
    ("100523", "Амоксицилин капсули 500 мг х 16 бл.", "758", "03809999000285"),
    ("101991", "Метопролол сукцинат табл. 50 мг х 30", "1670", "03809999000353"),
    ("102004", "Инсулин инж. р-р 100 IU/мл х 5 писалки", "15955", "03809999000421"),
    ("104410", "Омепразол стомашно-устойчиви капс. х 28", "69", "03809999000599"),
    ("104877", "Физиологичен р-р 0,9 % 500 мл банка", "4021", "03809999000667"),
    ("107733", "Ибупрофен сусп. 100 мг/5 мл 200 мл", "8830", "05719999000711"),
    ("109002", "Лоратадин табл. 10 мг х 10", "12077", "03809999000803"),
];

/// Splitmix64: small, and good enough to make rows differ.
struct Draws(u64);

impl Draws {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// One row of an export: four types, 2 % wrong in one of four ways, 1 % not to be reported.
fn row(number: u64, draws: &mut Draws) -> [String; 15] {
    let (article, name, code, gtin) = GOODS[usize::try_from(draws.next(GOODS.len() as u64)).unwrap()];
    let (kind, recipient) = match draws.next(100) {
        0..70 => ("Доставка на аптека", format!("АП-{:05}", 1000 + draws.next(4000))),
        70..85 => ("Доставка на лечебно заведение", format!("2204211{:03}", 1 + draws.next(900))),
        85..95 => ("Доставка на ТЕ", "999001005".to_owned()),
        _ => ("Доставка в страната", String::new()),
    };
    let quantity = 1 + draws.next(60);
    let mut cells = [
        format!("{:02}.03.2026", 22 + draws.next(10)),
        kind.to_owned(),
        format!("{:010}", 1_000_000 + number / 4),
        (1 + number % 4).to_string(),
        article.to_owned(),
        name.to_owned(),
        code.to_owned(),
        gtin.to_owned(),
        format!("L{:04}/{}", draws.next(9000), 2027 + draws.next(3)),
        format!("{quantity},00"),
        format!("{},00", quantity + draws.next(5000)),
        ["Централен склад София", "Склад Пловдив"][usize::from(draws.next(5) == 0)].to_owned(),
        recipient,
        if draws.next(100) == 0 { "Козметика" } else { "ПЛС" }.to_owned(),
        if draws.next(4) == 0 {
            format!("по заявка № {}", draws.next(100_000))
        } else {
            String::new()
        },
    ];
    if draws.next(50) == 0 {
        let (place, wrong) = [(0, "31.02.2026"), (9, "2,50"), (1, "Промоция"), (8, "")]
            [usize::try_from(draws.next(4)).unwrap()];
        wrong.clone_into(&mut cells[place]);
    }
    cells
}

/// A windows-1251 export with `;` of so many rows.
pub fn movements_csv(path: &Path, rows: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut draws = Draws(2026);
    let mut line = HEADER.join(";");
    for number in 0..=rows {
        line.push_str("\r\n");
        out.write_all(&encoding_rs::WINDOWS_1251.encode(&line).0)?;
        line = row(number, &mut draws).join(";");
    }
    out.flush()
}

/// The same rows as a workbook whose texts repeat, as Excel saves it: texts in the shared table, numbers as
/// numbers.
pub fn movements_xlsx(path: &Path, rows: u32) -> Result<(), XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_low_memory()?;
    let mut draws = Draws(2026);
    for (column, name) in (0..).zip(HEADER) {
        sheet.write_string(0, column, name)?;
    }
    for number in 0..rows {
        let mut cells = row(number.into(), &mut draws);
        // Few distinct texts: the lot by its year, no numbers in notes.
        cells[8] = cells[8].chars().skip(6).collect();
        cells[14].truncate("по заявка".len());
        for (column, cell) in (0..).zip(&cells) {
            let amount = cell.replace(',', ".").parse::<f64>();
            match (column, amount) {
                (3 | 9 | 10, Ok(amount)) => sheet.write_number(number + 1, column, amount)?,
                (2, _) => sheet.write_string(number + 1, column, "0000700001")?,
                _ => sheet.write_string(number + 1, column, cell)?,
            };
        }
    }
    book.save(path)
}
