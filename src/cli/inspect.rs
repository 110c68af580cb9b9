//! `inspect`: what the reader sees in a file.

use std::io;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::ValueEnum;

use super::{ExitStatus, LangArg, load_config, out};
use crate::model::Lang;
use crate::table::{self, Inspection, Reading};

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
    let found = &inspection.reading;
    let mut facts = vec![format!("format {}", found.format.name())];
    facts.extend(found.encoding.as_ref().map(|encoding| format!("encoding {encoding}")));
    facts.extend(found.delimiter.as_ref().map(|delimiter| format!("delimiter `{delimiter}`")));
    facts.extend(found.sheet.as_ref().map(|sheet| format!("sheet `{sheet}`")));
    facts.extend(
        found
            .header_row
            .map(|row| if row == 0 { "no header".to_owned() } else { format!("header in row {row}") }),
    );
    facts.push(format!("{} data rows", inspection.rows));
    let left = &found.left_out_count;
    for (count, what) in
        [(left.title, "title"), (left.blank, "blank"), (left.total, "total"), (left.beyond, "foreign")]
    {
        if count > 0 {
            facts.push(format!("{count} {what} row(s) left out"));
        }
    }
    out::line(&facts.join(", "))?;
    let mut table = out::table(&["", "column", "kind", "filled", "empty", "examples"]);
    for column in &inspection.columns {
        let kind = serde_json::to_value(column.kind)?;
        table.add_row([
            column.letter.clone(),
            column.name.clone(),
            kind.as_str().unwrap_or_default().to_owned(),
            column.filled.to_string(),
            column.empty.to_string(),
            column.examples.join(" · "),
        ]);
    }
    out::line(&table.to_string())?;
    for note in &found.notes {
        let place = note.place.row.map_or(String::new(), |row| format!("row {row}: "));
        out::line(&format!("{place}{} ({})", note.code.message(lang, &note.args), note.code.code))?;
    }
    for suspicion in &inspection.suspicious {
        let issue = &suspicion.first;
        let place = issue.place.column.as_deref().map_or(String::new(), |column| format!("`{column}`: "));
        let first = issue.place.row.map_or(String::new(), |row| format!(", first in row {row}"));
        let message = issue.code.message(lang, &issue.args);
        out::line(&format!("{place}{message} ({}; {} row(s){first})", issue.code.code, suspicion.rows))?;
    }
    Ok(())
}
