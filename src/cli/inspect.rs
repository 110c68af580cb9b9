//! `inspect`: what the reader sees in a file.

use std::io;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::ValueEnum;

use super::{ExitStatus, LangArg, load_config, out};
use crate::model::Lang;
use crate::table::{self, Guess, Inspection, Proof, Reading, Suspicion};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    Csv,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or Excel file
    file: PathBuf,
    /// Write header and data rows as plain CSV (UTF-8, comma, CRLF)
    #[arg(long, value_enum, conflicts_with = "json")]
    to: Option<To>,
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let lang = Lang::from(args.lang);
    // Only a configuration that was named: what the reader sees must not depend on where it is asked.
    let language = match config {
        Some(path) => load_config(Some(path))?.drops.first().map_or(Lang::Bg, |drop| drop.language),
        None => Lang::Bg,
    };
    let reading = Reading { language, ..Reading::default() };
    let told = |error: table::Error| {
        let issue = error.issue();
        anyhow!("{}: {} ({})", args.file.display(), issue.code.message(lang, &issue.args), issue.code.code)
    };
    if args.to.is_some() {
        table::to_csv(&args.file, &reading, io::stdout().lock()).map_err(told)?;
        return Ok(ExitStatus::Done);
    }
    let inspection = table::inspect(&args.file, &reading, 3).map_err(told)?;
    if args.json {
        out::line(&serde_json::to_string_pretty(&inspection)?)?;
    } else {
        show(&inspection, lang)?;
    }
    Ok(ExitStatus::Done)
}

fn show(inspection: &Inspection, lang: Lang) -> Result<()> {
    let width = out::width();
    out::text(&facts(inspection, lang), 0, width)?;
    heading("колони", "columns", lang)?;
    out::cut(&columns(inspection, lang), width)?;
    if !inspection.first_rows.is_empty() {
        heading("първи редове, както са прочетени", "first rows, as read", lang)?;
        out::cut(&first_rows(inspection, lang), width)?;
    }
    let misnamed = inspection.reading.evidence.format.as_ref().filter(|proof| proof.rival.is_some());
    if misnamed.is_some() || !inspection.reading.notes.is_empty() {
        heading("как е прочетен и защо", "how it was read and why", lang)?;
    }
    if let Some(Proof { bg, en, .. }) = misnamed {
        let why = match lang {
            Lang::Bg => bg,
            Lang::En => en,
        };
        out::text(why, 2, width)?;
    }
    for note in &inspection.reading.notes {
        let place =
            note.place.row.map_or(String::new(), |row| format!("{} {row}: ", out::pick(lang, "ред", "row")));
        let told = format!("{place}{} ({})", note.code.message(lang, &note.args), note.code.code);
        out::text(&told, 2, width)?;
    }
    if !inspection.suspicious.is_empty() {
        heading("какво да се провери", "what to look at", lang)?;
    }
    inspection.suspicious.iter().try_for_each(|one| Ok(out::text(&suspicion(one, lang), 2, width)?))
}

fn heading(bg: &'static str, en: &'static str, lang: Lang) -> Result<()> {
    Ok(out::line(&format!("\n{}:", out::pick(lang, bg, en)))?)
}

/// What the file is and how it is read, in one sentence.
fn facts(inspection: &Inspection, lang: Lang) -> String {
    let found = &inspection.reading;
    let said = |bg, en, what: &str| format!("{} {what}", out::pick(lang, bg, en));
    let mut facts = vec![said("формат", "format", found.format.name())];
    facts.extend(found.encoding.as_ref().map(|encoding| said("кодиране", "encoding", encoding)));
    facts.extend(found.delimiter.as_ref().map(|mark| said("разделител", "delimiter", &format!("`{mark}`"))));
    facts.extend(found.sheet.as_ref().map(|sheet| said("лист", "sheet", &format!("`{sheet}`"))));
    facts.extend(found.header_row.map(|row| match row {
        0 => out::pick(lang, "без имена на колони", "no header").to_owned(),
        row => said("имена на колони на ред", "header in row", &row.to_string()),
    }));
    facts.push(format!("{} {}", inspection.rows, out::pick(lang, "реда с данни", "data rows")));
    let left = &found.left_out_count;
    for (count, bg, en) in [
        (left.title, "заглавни", "title"),
        (left.blank, "празни", "blank"),
        (left.total, "със суми", "total"),
        (left.beyond, "извън таблицата", "foreign"),
    ] {
        match lang {
            _ if count == 0 => {}
            Lang::Bg => facts.push(format!("пропуснати редове {bg}: {count}")),
            Lang::En => facts.push(format!("{count} {en} row(s) left out")),
        }
    }
    facts.join(", ")
}

fn columns(inspection: &Inspection, lang: Lang) -> String {
    let header = match lang {
        Lang::Bg => ["", "колона", "вид", "попълнени", "празни", "примери"],
        Lang::En => ["", "column", "kind", "filled", "empty", "examples"],
    };
    let mut table = out::table(&header);
    for column in &inspection.columns {
        table.add_row([
            column.letter.clone(),
            column.name.clone(),
            kind(column.kind, lang).to_owned(),
            column.filled.to_string(),
            column.empty.to_string(),
            column.examples.join(" · "),
        ]);
    }
    table.to_string()
}

fn kind(guess: Guess, lang: Lang) -> &'static str {
    let (bg, en) = match guess {
        Guess::Empty => ("празна", "empty"),
        Guess::Whole => ("цифри", "whole"),
        Guess::Number => ("число", "number"),
        Guess::Date => ("дата", "date"),
        Guess::Bool => ("да/не", "bool"),
        Guess::Text => ("текст", "text"),
    };
    out::pick(lang, bg, en)
}

/// Letters of a cell that the rows show: enough to know it, and few enough that a terminal shows several.
const CELL_LETTERS: usize = 12;

fn first_rows(inspection: &Inspection, lang: Lang) -> String {
    let letters = inspection.columns.iter().map(|column| column.letter.as_str());
    let header: Vec<&str> = std::iter::once(out::pick(lang, "ред", "row")).chain(letters).collect();
    let mut table = out::table(&header);
    for row in &inspection.first_rows {
        let cells =
            row.cells.iter().take(inspection.columns.len()).map(|cell| out::shortened(cell, CELL_LETTERS));
        table.add_row(std::iter::once(row.row.to_string()).chain(cells));
    }
    table.to_string()
}

fn suspicion(suspicion: &Suspicion, lang: Lang) -> String {
    let issue = &suspicion.first;
    let place = issue.place.column.as_deref().map_or(String::new(), |column| format!("`{column}`: "));
    let (message, code) = (issue.code.message(lang, &issue.args), issue.code.code);
    let (rows, first) = (suspicion.rows, issue.place.row);
    let first = first.map_or(String::new(), |row| match lang {
        Lang::Bg => format!(", първи: {row}"),
        Lang::En => format!(", first in row {row}"),
    });
    format!("{place}{message} ({code}; {rows} {}{first})", out::pick(lang, "ред(а)", "row(s)"))
}
