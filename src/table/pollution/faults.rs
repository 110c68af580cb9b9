//! What can be wrong with a table's file: one fault each, and what is to be read all the same.

#![allow(clippy::unnecessary_wraps, reason = "every fault has one form; some are not possible everywhere")]

use super::tables::{Clean, Draws};

/// A polluted file and what is to be read of it.
pub(super) struct Polluted {
    pub(super) kind: &'static str,
    pub(super) place: String,
    pub(super) text: String,
    pub(super) wanted: Vec<Vec<String>>,
    /// Whether a row itself is damaged.
    pub(super) row_damage: bool,
}

/// How a file writes its cells.
#[derive(Clone, Copy)]
pub(super) struct Style<'s> {
    pub(super) delimiter: &'s str,
    quote: char,
    backslash: bool,
    all_quoted: bool,
}

pub(super) fn style(delimiter: &str) -> Style<'_> {
    Style { delimiter, quote: '"', backslash: false, all_quoted: false }
}

impl Style<'_> {
    /// A cell as it is written.
    fn cell(self, text: &str) -> String {
        let mark = self.delimiter.trim().chars().chain(self.delimiter.chars()).next();
        let special =
            |letter| Some(letter) == mark || letter == self.quote || letter == '\n' || letter == '\r';
        if !self.all_quoted && !text.contains(special) {
            return text.to_owned();
        }
        let quote = self.quote;
        let escape = if self.backslash { format!("\\{quote}") } else { format!("{quote}{quote}") };
        format!("{quote}{}{quote}", text.replace(quote, &escape))
    }

    fn parts(self, cells: &[String]) -> Vec<String> {
        cells.iter().map(|text| self.cell(text)).collect()
    }

    fn line(self, cells: &[String]) -> String {
        self.parts(cells).join(self.delimiter)
    }

    fn text(self, rows: &[Vec<String>]) -> String {
        rows.iter().map(|cells| self.line(cells) + "\n").collect()
    }
}

fn whole(kind: &'static str, text: String, wanted: &[Vec<String>]) -> Polluted {
    Polluted { kind, place: String::new(), text, wanted: wanted.to_vec(), row_damage: false }
}

/// Every pollution of whole files.
pub(super) fn whole_files(clean: &Clean, delimiter: &str) -> Vec<Polluted> {
    let all: Vec<Vec<String>> = std::iter::once(&clean.header).chain(&clean.rows).cloned().collect();
    let mut made = line_ends(&all, delimiter);
    made.extend(surroundings(&all, delimiter));
    made.extend(second_tables(&all, delimiter));
    made.extend(headers(&all, delimiter));
    made.extend(dialects(&all, delimiter));
    made
}

fn line_ends(all: &[Vec<String>], delimiter: &str) -> Vec<Polluted> {
    let style = style(delimiter);
    let lines: Vec<String> = all.iter().map(|cells| style.line(cells)).collect();
    let plain = style.text(all);
    let mixed = |ends: &[&str]| -> String {
        lines.iter().zip(ends.iter().cycle()).flat_map(|(line, end)| [line.as_str(), end]).collect()
    };
    vec![
        whole("clean", plain.clone(), all),
        whole("crlf", mixed(&["\r\n"]), all),
        whole("cr", mixed(&["\r"]), all),
        whole("mixed line ends", mixed(&["\n", "\r\n"]), all),
        whole("three line ends", mixed(&["\n", "\r", "\r\n"]), all),
        whole("no last line end", lines.join("\n"), all),
        whole("last line end doubled", format!("{plain}\n"), all),
        whole("blank lines at the end", format!("{plain}\n\n\n"), all),
        whole("a blank line after each", mixed(&["\n\n"]), all),
        whole("blank lines at the top", format!("\n\n{plain}"), all),
        whole("blank line below the header", format!("{}\n\n{}", lines[0], style.text(&all[1..])), all),
        whole("trailing delimiters", lines.join(&format!("{delimiter}\n")) + delimiter + "\n", all),
    ]
}

fn surroundings(all: &[Vec<String>], delimiter: &str) -> Vec<Polluted> {
    let style = style(delimiter);
    let plain = style.text(all);
    let empty = delimiter.repeat(all[0].len() - 1);
    let mut totals = vec![String::new(); all[0].len()];
    "Общо".clone_into(&mut totals[0]);
    "123".clone_into(totals.last_mut().unwrap());
    vec![
        whole("titles", format!("Справка за движенията\nПериод 01.03 - 31.03\n\n{plain}"), all),
        whole("one title", format!("Report 2026\n{plain}"), all),
        whole(
            "titles as wide as the table",
            format!("Справка{empty}\nСклад 4{empty}\n{empty}\n{plain}"),
            all,
        ),
        whole(
            "titles of two cells",
            format!("Склад{delimiter}Пловдив\nИзготвен{delimiter}01.04.2026 10:15\n{plain}"),
            all,
        ),
        whole("a long title", format!("# This file was made by a program, for a purpose.\n{plain}"), all),
        whole("footer", format!("{plain}\nИзготвил: Иванов\n"), all),
        whole("footer without a blank line", format!("{plain}Изготвил: Иванов\n"), all),
        whole("footer of two lines", format!("{plain}\nИзготвил: Иванов\nДата: 1.4.2026 г.\n"), all),
        whole("totals", format!("{plain}{}\n", style.line(&totals)), all),
        whole("totals behind an empty row", format!("{plain}{empty}\n{}\n", style.line(&totals)), all),
        whole("header only", style.text(&all[..1]), &all[..1]),
        whole("one row", style.text(&all[..2]), &all[..2]),
        whole("two rows", style.text(&all[..3]), &all[..3]),
        whole(
            "one row, no last line end",
            style.text(&all[..2]).trim_end_matches('\n').to_owned(),
            &all[..2],
        ),
    ]
}

fn second_tables(all: &[Vec<String>], delimiter: &str) -> Vec<Polluted> {
    let style = style(delimiter);
    let plain = style.text(all);
    let width = all[0].len();
    let second = |width: usize, rows: usize| -> String {
        let names = ["Обобщение", "Склад", "Отговорник", "Район", "Телефон", "Бележки"];
        let header: Vec<String> =
            (0..width).map(|at| format!("{}{}", names[at % 6], "а".repeat(at / 6))).collect();
        let row = |row: usize| -> Vec<String> {
            (0..width)
                .map(|at| if at % 2 == 0 { format!("Обект {row}") } else { format!("{}", row * 3) })
                .collect()
        };
        style.text(&std::iter::once(header).chain((1..=rows).map(row)).collect::<Vec<_>>())
    };
    let mut made = vec![
        whole("second table, two columns", format!("{plain}\n{}", second(2, 2)), all),
        whole("second table, narrower", format!("{plain}\n{}", second(width - 1, 5)), all),
        whole("second table, as wide", format!("{plain}\n{}", second(width, 5)), all),
        whole("second table, as wide, long", format!("{plain}\n{}", second(width, 90)), all),
        whole("second table, wider", format!("{plain}\n\n{}", second(width + 2, 5)), all),
        whole(
            "second table with a title",
            format!("{plain}\nОбобщение по обекти\n{}", second(width, 4)),
            all,
        ),
        whole("second table without a blank line", format!("{plain}{}", second(width, 6)), all),
    ];
    if width > 3 {
        let joined = format!("{plain}{}", second(width - 2, 6));
        made.push(whole("narrower table without a blank line", joined, all));
    }
    let more = &all[1 + all.len() / 2..];
    let again = format!("{plain}\n{}\n{}", style.line(&all[0]), style.text(&reversed(more)));
    let wanted = [all, &reversed(more)].concat();
    made.push(whole("the header again", again, &wanted));
    made
}

fn reversed(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    rows.iter().rev().cloned().collect()
}

fn headers(all: &[Vec<String>], delimiter: &str) -> Vec<Polluted> {
    let style = style(delimiter);
    let joined = |rows: &[Vec<String>]| -> Vec<Vec<String>> {
        let name = |at: usize| {
            let parts = rows.iter().map(|row| row[at].as_str()).filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join(" ")
        };
        std::iter::once((0..all[0].len()).map(name).collect()).chain(all[1..].iter().cloned()).collect()
    };
    let over = |kind: &'static str, rows: &[Vec<String>]| {
        whole(kind, style.text(rows) + &style.text(&all[1..]), &joined(rows))
    };
    let header = &all[0];
    let width = header.len();
    let each = |text: &str| vec![text.to_owned(); width];
    let groups: Vec<String> = (0..width)
        .map(|at| if at % 2 == 0 { format!("Група {}", ["А", "Б"][at / 2 % 2]) } else { String::new() })
        .collect();
    let units: Vec<String> =
        (0..width).map(|at| if at % 2 == 0 { "(бр.)".to_owned() } else { String::new() }).collect();
    let words: Vec<String> =
        (0..width).map(|at| format!("{} part", ["upper", "first", "left"][at % 3])).collect();
    let mut same = header.clone();
    same[1] = same[0].clone();
    let with_same: Vec<Vec<String>> = std::iter::once(same.clone()).chain(all[1..].iter().cloned()).collect();
    vec![
        whole("no header", style.text(&all[1..]), &all[1..]),
        whole("names twice", style.text(&with_same), &with_same),
        over("two header rows", &[each("Общи"), header.clone()]),
        over("two header rows, groups", &[groups.clone(), header.clone()]),
        over("two header rows, units", &[header.clone(), units.clone()]),
        over("two header rows, all filled", &[words, header.clone()]),
        over("three header rows", &[groups, header.clone(), units]),
        over("the header twice", &[header.clone(), header.clone()]),
    ]
}

fn dialects(all: &[Vec<String>], delimiter: &str) -> Vec<Polluted> {
    let mut made = Vec::new();
    for (kind, delimiter, quote, backslash, all_quoted) in [
        ("bar", "|", '"', false, false),
        ("comma and blank", ", ", '"', false, false),
        ("semicolon and blank", "; ", '"', false, false),
        ("two bars", "||", '"', false, false),
        ("bar between blanks", " | ", '"', false, false),
        ("blank", " ", '"', false, false),
        ("single quotes", delimiter, '\'', false, false),
        ("single quotes everywhere", delimiter, '\'', false, true),
        ("quotes everywhere", delimiter, '"', false, true),
        ("backslash", delimiter, '"', true, false),
        ("backslash, quotes everywhere", delimiter, '"', true, true),
    ] {
        let style = Style { delimiter, quote, backslash, all_quoted };
        made.push(whole(kind, style.text(all), all));
    }
    let mut long = all.to_vec();
    let place = 1;
    long[place][1] = format!("{} {}", long[place][1], "дълъг текст, с край; ".repeat(400).trim_end());
    made.push(whole("a long cell", style(delimiter).text(&long), &long));
    let mut lines = all.to_vec();
    lines[place][1] = format!("{}\nвтори ред", lines[place][1]);
    made.push(whole("a line end in quotes", style(delimiter).text(&lines), &lines));
    made
}

/// A fault of one row at a column: the lines in its place.
type Fault = fn(&[String], usize, Style<'_>, &mut Draws) -> Option<String>;

const FAULTS: [(&str, Fault); 18] = [
    ("row: delimiter too many", more),
    ("row: delimiter too few", less),
    ("row: quote before a cell", quote_before),
    ("row: quote behind a cell", quote_behind),
    ("row: quote inside quotes", quote_inside),
    ("row: other delimiter ;", |cells, _, style, _| other_delimiter(cells, style, ";")),
    ("row: other delimiter ,", |cells, _, style, _| other_delimiter(cells, style, ",")),
    ("row: other delimiter tab", |cells, _, style, _| other_delimiter(cells, style, "\t")),
    ("row: other delimiter |", |cells, _, style, _| other_delimiter(cells, style, "|")),
    ("row: other delimiter blank", |cells, _, style, _| other_delimiter(cells, style, " ")),
    ("row: other delimiter comma blank", |cells, _, style, _| other_delimiter(cells, style, ", ")),
    ("row: other quotes", other_quotes),
    ("row: ends with cr", |cells, _, style, _| Some(style.line(cells) + "\r")),
    ("row: ends with crlf", |cells, _, style, _| Some(style.line(cells) + "\r\n")),
    ("row: broken inside a cell", broken_inside),
    ("row: broken between cells", broken_between),
    ("row: unquoted delimiter", unquoted),
    ("row: glued to the next", |cells, _, style, _| Some(style.line(cells))),
];

/// One fault of a single row, each kind at one place.
pub(super) fn damaged_rows(clean: &Clean, delimiter: &str, draws: &mut Draws) -> Vec<Polluted> {
    let mut made = Vec::new();
    for (kind, fault) in FAULTS {
        made.extend(damaged(clean, kind, fault, delimiter, draws));
    }
    made
}

fn damaged(
    clean: &Clean,
    kind: &'static str,
    fault: Fault,
    delimiter: &str,
    draws: &mut Draws,
) -> Option<Polluted> {
    let all: Vec<Vec<String>> = std::iter::once(&clean.header).chain(&clean.rows).cloned().collect();
    let row = 1 + draws.next(all.len() - 1 - usize::from(kind.contains("glued")));
    let column = draws.next(clean.header.len());
    let style = style(delimiter);
    let damaged = fault(&all[row], column, style, draws)?;
    let mut lines: Vec<String> = all.iter().map(|cells| style.line(cells) + "\n").collect();
    let ended = damaged.ends_with('\r') || damaged.ends_with('\n') || kind.contains("glued");
    lines[row] = if ended { damaged } else { damaged + "\n" };
    let place = format!("row {row}, column {column}");
    Some(Polluted { kind, place, text: lines.concat(), wanted: all, row_damage: true })
}

fn more(cells: &[String], column: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let mut cells = cells.to_vec();
    cells.insert(column, String::new());
    Some(style.line(&cells))
}

fn less(cells: &[String], column: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let parts = style.parts(cells);
    let column = column.min(parts.len() - 2);
    let joined = format!("{}{}", parts[column], parts[column + 1]);
    Some([&parts[..column], &[joined], &parts[column + 2..]].concat().join(style.delimiter))
}

fn quote_before(cells: &[String], column: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let mut parts = style.parts(cells);
    parts[column].insert(0, '"');
    Some(parts.join(style.delimiter))
}

fn quote_behind(cells: &[String], column: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let mut parts = style.parts(cells);
    parts[column].push('"');
    Some(parts.join(style.delimiter))
}

/// A quote in the text of a quoted cell that is not doubled: it belongs to the text.
fn quote_inside(cells: &[String], _: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let column = cells.iter().position(|cell| cell.contains('"'))?;
    let mut parts = style.parts(cells);
    parts[column] = format!("\"{}\"", cells[column]);
    (!cells[column].ends_with('"')).then(|| parts.join(style.delimiter))
}

fn other_delimiter(cells: &[String], own: Style<'_>, other: &str) -> Option<String> {
    (own.delimiter != other).then(|| style(other).line(cells))
}

fn other_quotes(cells: &[String], column: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let single = Style { quote: '\'', ..style };
    let mut parts = single.parts(cells);
    if !parts.iter().any(|part| part.starts_with('\'')) {
        parts[column] = format!("'{}'", parts[column]);
    }
    Some(parts.join(style.delimiter))
}

/// A line end inside a cell that no quotes protect.
fn broken_inside(cells: &[String], column: usize, style: Style<'_>, draws: &mut Draws) -> Option<String> {
    let mut parts = style.parts(cells);
    let letters: Vec<char> = parts[column].chars().collect();
    if letters.len() < 2 || letters[0] == '"' {
        return None;
    }
    let at = 1 + draws.next(letters.len() - 1);
    parts[column] = letters[..at].iter().chain(&['\n']).chain(&letters[at..]).collect();
    Some(parts.join(style.delimiter))
}

/// A line end in place of a delimiter.
fn broken_between(cells: &[String], column: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    let parts = style.parts(cells);
    let column = column.clamp(1, parts.len() - 1);
    Some(format!("{}\n{}", parts[..column].join(style.delimiter), parts[column..].join(style.delimiter)))
}

/// A delimiter in a text that no quotes protect.
fn unquoted(cells: &[String], _: usize, style: Style<'_>, _: &mut Draws) -> Option<String> {
    cells.iter().any(|cell| cell.contains(style.delimiter)).then(|| cells.join(style.delimiter))
}

/// Faults of the header's row.
pub(super) fn damaged_headers(clean: &Clean, delimiter: &str, draws: &mut Draws) -> Vec<Polluted> {
    let all: Vec<Vec<String>> = std::iter::once(&clean.header).chain(&clean.rows).cloned().collect();
    let style = style(delimiter);
    let mut made = Vec::new();
    let kinds: [(&'static str, Fault); 4] = [
        ("header: delimiter too many", more),
        ("header: quote before a name", quote_before),
        ("header: quote behind a name", quote_behind),
        ("header: other delimiter", |cells, _, style, _| {
            other_delimiter(cells, style, if style.delimiter == ";" { "," } else { ";" })
        }),
    ];
    for (kind, fault) in kinds {
        let column = draws.next(clean.header.len());
        if let Some(line) = fault(&all[0], column, style, draws) {
            let text = line + "\n" + &style.text(&all[1..]);
            let place = format!("column {column}");
            made.push(Polluted { kind, place, text, wanted: all.clone(), row_damage: true });
        }
    }
    made
}
