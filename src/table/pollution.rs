//! Polluted copies of clean tables, made anew by each run, and how much of them is read right.
//!
//! One fault each: other dialects and encodings, titles, several header rows or none, a second table, and in a
//! single row a delimiter too many or too few, a quote too many, another delimiter or other quotes.

use super::{Encoding, Reading, to_csv};

/// A clean table: its header and its rows.
struct Clean {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// A polluted file and what is to be read of it.
struct Polluted {
    what: String,
    text: String,
    wanted: Vec<Vec<String>>,
    /// Whether a row itself is damaged.
    row_damage: bool,
}

/// Splitmix64: small, and good enough to make rows differ.
struct Draws(u64);

impl Draws {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).unwrap()
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.next(texts.len())]
    }
}

const ROWS: usize = 24;

fn movements(draws: &mut Draws) -> Clean {
    let goods = ["Парацетамол табл. 500 мг", "Аналгин, ампули", "Йод", "Амоксицилин капс.", "Витамин C"];
    let row = |draws: &mut Draws| {
        vec![
            format!("{:02}.03.2026", 1 + draws.next(28)),
            draws.pick(&["Продажба аптека", "Доставка", "Брак"]).to_owned(),
            format!("{:07}", 1_000_000 + draws.next(9_000)),
            draws.pick(&goods).to_owned(),
            format!("L{:04}", draws.next(10_000)),
            format!("{},00", 1 + draws.next(90)),
            draws.pick(&["1532", "4003", "9009"]).to_owned(),
        ]
    };
    let header = vec!["Дата", "Вид", "Документ", "Стока", "Партида", "Брой", "Склад"];
    Clean { header, rows: (0..ROWS).map(|_| row(draws)).collect() }
}

fn stays(draws: &mut Draws) -> Clean {
    let row = |draws: &mut Draws| {
        vec![
            format!("PT-{:05}", draws.next(100_000)),
            draws.pick(&["Иван Петров", "Мария Стоянова", "Анна Колева"]).to_owned(),
            format!("2026-0{}-{:02}", 1 + draws.next(9), 1 + draws.next(28)),
            format!("{:02}:{:02}", draws.next(24), draws.next(60)),
            draws.pick(&["кардиология", "хирургия", "детско отделение"]).to_owned(),
            format!("{}.{:02}", 10 + draws.next(900), draws.next(100)),
        ]
    };
    let header = vec!["Номер", "Пациент", "Ден", "Час", "Отделение", "Сума"];
    Clean { header, rows: (0..ROWS).map(|_| row(draws)).collect() }
}

fn stock(draws: &mut Draws) -> Clean {
    let row = |draws: &mut Draws| {
        vec![
            format!("{:014}", 3_800_000_000_000 + draws.next(999_999_999)),
            format!("Артикул {}", draws.pick(&["алфа", "бета \"плюс\"", "гама; комплект", "делта"])),
            format!("{}", draws.next(5_000)),
            draws.pick(&["да", "не"]).to_owned(),
            format!("{:02}/20{}", 1 + draws.next(12), 26 + draws.next(4)),
        ]
    };
    let header = vec!["Код", "Име", "Наличност", "Хладилник", "Годност"];
    Clean { header, rows: (0..ROWS).map(|_| row(draws)).collect() }
}

/// A cell as a dialect writes it.
fn cell(text: &str, delimiter: &str, quote: char, backslash: bool) -> String {
    let mark = delimiter.trim().chars().next().unwrap_or(' ');
    let divided =
        text.contains(mark) && !delimiter.trim().is_empty() || delimiter == " " && text.contains(' ');
    if !divided && !text.contains([quote, '\n', '\t']) {
        return text.to_owned();
    }
    let escaped = if backslash {
        text.replace(quote, &format!("\\{quote}"))
    } else {
        text.replace(quote, &format!("{quote}{quote}"))
    };
    format!("{quote}{escaped}{quote}")
}

fn line(cells: &[String], delimiter: &str, quote: char, backslash: bool) -> String {
    cells.iter().map(|text| cell(text, delimiter, quote, backslash)).collect::<Vec<_>>().join(delimiter)
}

impl Clean {
    fn all(&self) -> Vec<Vec<String>> {
        let header = self.header.iter().map(|name| (*name).to_owned()).collect();
        std::iter::once(header).chain(self.rows.iter().cloned()).collect()
    }

    fn lines(&self, delimiter: &str) -> Vec<String> {
        self.all().iter().map(|cells| line(cells, delimiter, '"', false)).collect()
    }

    /// Every pollution of whole files.
    fn whole_files(&self, delimiter: &str) -> Vec<Polluted> {
        let all = self.all();
        let lines = self.lines(delimiter);
        let plain = lines.join("\n") + "\n";
        let file = |what: &str, text: String, wanted: &[Vec<String>]| Polluted {
            what: what.to_owned(),
            text,
            wanted: wanted.to_vec(),
            row_damage: false,
        };
        let mut made = vec![
            file("clean", plain.clone(), &all),
            file("crlf", lines.join("\r\n") + "\r\n", &all),
            file("cr", lines.join("\r") + "\r", &all),
            file("no last line end", lines.join("\n"), &all),
            file("blank lines at the end", format!("{plain}\n\n"), &all),
            file("mixed line ends", mixed(&lines), &all),
            file("no header", lines[1..].join("\n") + "\n", &all[1..]),
            file("titles", format!("Справка за движенията\nПериод 01.03 - 31.03\n\n{plain}"), &all),
            file("footer", format!("{plain}\nИзготвил: Иванов\n"), &all),
            file("trailing delimiters", lines.join(&format!("{delimiter}\n")) + delimiter + "\n", &all),
            file("two rows only", lines[..3].join("\n") + "\n", &all[..3]),
        ];
        let second = ["Обобщение", "Склад"].join(delimiter)
            + "\n"
            + &["Централен", "12"].join(delimiter)
            + "\n"
            + &["Резервен", "15"].join(delimiter);
        made.push(file("second table", format!("{plain}\n{second}\n"), &all));
        let (group, joined): (Vec<String>, Vec<String>) =
            self.header.iter().map(|name| ("Общи".to_owned(), format!("Общи {name}"))).unzip();
        let wanted: Vec<Vec<String>> = std::iter::once(joined).chain(all[1..].iter().cloned()).collect();
        made.push(file(
            "two header rows",
            format!("{}\n{plain}", line(&group, delimiter, '"', false)),
            &wanted,
        ));
        for (what, other, quote, backslash) in [
            ("tab", "\t", '"', false),
            ("bar", "|", '"', false),
            ("comma and blank", ", ", '"', false),
            ("two bars", "||", '"', false),
            ("single quotes", delimiter, '\'', false),
            ("backslash", delimiter, '"', true),
            ("blank", " ", '"', false),
        ] {
            let text: String = all.iter().map(|cells| line(cells, other, quote, backslash) + "\n").collect();
            made.push(file(what, text, &all));
        }
        made
    }

    /// Every fault of a single row, at each place.
    fn damaged_rows(&self, delimiter: &str, draws: &mut Draws) -> Vec<Polluted> {
        let all = self.all();
        let mut made = Vec::new();
        for row in (1 + draws.next(3)..all.len()).step_by(3) {
            for column in 0..self.header.len() {
                let kind = draws.next(4);
                let fault = [more, less, quote_too_many, other_delimiter][kind](&all[row], column, delimiter);
                let mut lines = self.lines(delimiter);
                lines[row] = fault;
                made.push(Polluted {
                    what: format!(
                        "{} in row {row}, column {column}",
                        ["delimiter too many", "delimiter too few", "quote too many", "other delimiter"]
                            [kind]
                    ),
                    text: lines.join("\n") + "\n",
                    wanted: all.clone(),
                    row_damage: true,
                });
            }
        }
        made
    }
}

fn mixed(lines: &[String]) -> String {
    lines
        .iter()
        .zip(["\n", "\r\n"].into_iter().cycle())
        .flat_map(|(line, end)| [line.as_str(), end])
        .collect()
}

fn more(cells: &[String], column: usize, delimiter: &str) -> String {
    let mut cells = cells.to_vec();
    cells.insert(column, String::new());
    line(&cells, delimiter, '"', false)
}

fn less(cells: &[String], column: usize, delimiter: &str) -> String {
    let parts: Vec<String> = cells.iter().map(|text| cell(text, delimiter, '"', false)).collect();
    let column = column.min(parts.len() - 2);
    let joined = format!("{}{}", parts[column], parts[column + 1]);
    [&parts[..column], &[joined], &parts[column + 2..]].concat().join(delimiter)
}

fn quote_too_many(cells: &[String], column: usize, delimiter: &str) -> String {
    let mut parts: Vec<String> = cells.iter().map(|text| cell(text, delimiter, '"', false)).collect();
    parts[column].insert(0, '"');
    parts.join(delimiter)
}

fn other_delimiter(cells: &[String], _: usize, delimiter: &str) -> String {
    line(cells, if delimiter == ";" { "," } else { ";" }, '"', false)
}

/// Cells read right, and cells wanted; header and order count.
fn score(polluted: &Polluted, encoding: &str) -> (usize, usize) {
    let mut bytes = Vec::new();
    if encoding.starts_with("utf-16") {
        bytes.extend([0xFF, 0xFE]);
    }
    Encoding::from_name(encoding).unwrap().encode(&polluted.text, &mut bytes);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file.as_file(), &bytes).unwrap();
    let mut out = Vec::new();
    let _ = to_csv(file.path(), &Reading::default(), &mut out);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&out[..]);
    let read: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    let wanted = polluted.wanted.iter().map(Vec::len).sum();
    let right = polluted
        .wanted
        .iter()
        .zip(&read)
        .map(|(wanted, read)| wanted.iter().zip(read).filter(|(a, b)| a == b).count())
        .sum();
    let surplus = read.len().saturating_sub(polluted.wanted.len());
    (usize::saturating_sub(right, surplus), wanted)
}

#[test]
fn polluted_tables_are_read_right() {
    let mut draws = Draws(2026);
    let (mut files, mut right, mut wanted) = (0_usize, 0, 0);
    let mut failures: Vec<String> = Vec::new();
    for delimiter in [";", ",", "\t"] {
        for encoding in ["utf-8", "windows-1251", "utf-16le", "mik"] {
            for clean in [movements(&mut draws), stays(&mut draws), stock(&mut draws)] {
                let rows = clean.damaged_rows(delimiter, &mut draws);
                for polluted in clean.whole_files(delimiter).into_iter().chain(rows) {
                    let (good, all) = score(&polluted, encoding);
                    (files, right, wanted) = (files + 1, right + good, wanted + all);
                    if good < all {
                        failures.push(format!(
                            "{} {encoding} {delimiter:?} {}: {good} of {all}",
                            if polluted.row_damage { "row" } else { "FILE" },
                            polluted.what
                        ));
                    }
                }
            }
        }
    }
    for failure in &failures {
        println!("{failure}");
    }
    println!("{files} files, {right} of {wanted} cells right");
    assert!(failures.iter().all(|failure| failure.starts_with("row")), "whole files");
    assert!(right * 1000 >= wanted * 995, "{right} of {wanted}");
}
