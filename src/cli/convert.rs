//! `convert`: the records as JSON lines, exactly the members that would be sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use secrecy::ExposeSecret;

use super::one_off::{self, OneOff};
use super::{ExitStatus, LangArg, out, world};
use crate::convert::{self, Body, Fit, Judge, Judged, Target};
use crate::mapping::{Answers, Decided, Mapping};
use crate::model::{Issue, Lang, Severity};
use crate::run::Sections;
use crate::table::{self, Header, Row, Table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or Excel file
    file: PathBuf,
    /// Where the records go; standard output without it
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Where issues go, as CSV: row,column,code,severity,value,message
    #[arg(long, value_name = "E.csv")]
    errors: Option<PathBuf>,
    #[command(flatten)]
    one_off: OneOff,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let lang = Lang::from(args.lang);
    keep_apart(args, lang)?;
    let (config, _) = one_off::config(config)?;
    let sections = Sections::open(&config.sections);
    let mappings = one_off::mappings(&config, &sections.schemas(), args.one_off.mapping.as_deref(), lang)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let drop = one_off::drop_of(&config, &std::path::absolute(&args.file)?, None);
    let fit = match one_off::forced(&mappings, args.one_off.mapping.is_some()) {
        Some(mapping) => convert::open_with(&args.file, &mapping, drop.language),
        None => convert::choose(&args.file, &name, &mappings.good, drop.language),
    };
    let (mapping, table) = fitted(fit, lang)?;
    for note in table.passed_over() {
        out::tell(&format!("{} ({})", note.code.message(lang, &note.args), note.code.code));
    }
    let named = drop.destination.as_deref();
    let goals = named.map_or_else(|| mapping.destination.sections(), |name| vec![name]);
    let told = |(section, why): (String, String)| match lang {
        Lang::Bg => anyhow::anyhow!("секцията „{section}“ не може да се ползва: {why}"),
        Lang::En => anyhow::anyhow!("section `{section}` can't be used: {why}"),
    };
    let targets = sections.targets(&goals).map_err(told)?;
    let judge = judge(&mapping, &table, targets, named.is_some(), args, lang)?;
    let mut writer = Writer::open(args, lang)?;
    let left = writer.convert(table, judge, lang)?;
    if left.any() && args.errors.is_none() {
        out::tell(&left.told(lang));
    }
    Ok(ExitStatus::of(false, false, left.any()))
}

/// What is written must not take the place of what is read, nor of each other: a file is emptied when it is opened
/// to be written.
fn keep_apart(args: &Args, lang: Lang) -> Result<()> {
    let (output, errors) = (args.output.as_deref(), args.errors.as_deref());
    let read = [Some(args.file.as_path()), args.one_off.mapping.as_deref()];
    for written in [output, errors].into_iter().flatten() {
        if read.into_iter().flatten().any(|read| is_same(read, written)) {
            let why = out::pick(
                lang,
                "е файл, който се чете, и би се изгубил; посочете друг за -o или --errors",
                "is a file that is read, and would be lost; name another for -o or --errors",
            );
            bail!("{} {why}", written.display());
        }
    }
    if let (Some(output), Some(errors)) = (output, errors)
        && is_same(output, errors)
    {
        let why = out::pick(
            lang,
            "е посочен и за -o, и за --errors; посочете два различни файла",
            "is named for both -o and --errors; name two different files",
        );
        bail!("{} {why}", output.display());
    }
    Ok(())
}

/// Whether two paths are one plain file, by whatever names, or would be. Devices such as `/dev/null` may be shared.
fn is_same(one: &Path, other: &Path) -> bool {
    let is_special = |path: &Path| path.metadata().is_ok_and(|found| !found.is_file());
    if is_special(one) || is_special(other) {
        return false;
    }
    same_file::is_same_file(one, other).unwrap_or_else(|_| place(one) == place(other))
}

/// Where a file lies that may not be there yet.
fn place(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let folder = path.parent()?;
    Some(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).join(path.file_name()?))
}

fn fitted(fit: Fit, lang: Lang) -> Result<(Arc<Mapping>, Table)> {
    match fit {
        Fit::One(mapping, table) => Ok((mapping, *table)),
        Fit::None => bail!(out::pick(
            lang,
            "никоя настройка не отговаря на този файл; посочете една с --mapping или го разгледайте с `rxdrop inspect`",
            "no mapping fits this file; name one with --mapping, or look at it with `rxdrop inspect`",
        )),
        Fit::Tie(several) => {
            let names = several.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>().join(", ");
            match lang {
                Lang::Bg => {
                    bail!("няколко настройки отговарят еднакво добре: {names}; посочете една с --mapping")
                }
                Lang::En => bail!("several mappings fit equally well: {names}; name one with --mapping"),
            }
        }
        Fit::Unreadable(error) => Err(told_error(&error, lang)),
    }
}

fn told_error(error: &table::Error, lang: Lang) -> anyhow::Error {
    anyhow::Error::msg(told(&error.issue(), lang))
}

fn told(issue: &Issue, lang: Lang) -> String {
    format!("{} ({})", issue.code.message(lang, &issue.args), issue.code.code)
}

fn judge(
    mapping: &Mapping,
    table: &Table,
    targets: Vec<Target>,
    forced: bool,
    args: &Args,
    lang: Lang,
) -> Result<Judge> {
    let Some(schema) = targets.first().map(|target| target.destination.schema()) else {
        bail!(out::pick(
            lang,
            "настройката не сочи къде се подава (`destination`)",
            "the mapping names no destination",
        ))
    };
    // What no row proves is asked row by row here: nothing is held, since nothing is sent.
    let decided = convert::prove(&args.file, table, mapping, schema, &Answers::default());
    let decided = decided.map_err(|error| told_error(&error, lang))?;
    let decided = decided.unwrap_or_else(|questions| Decided::asking(questions, table.headers()));
    let bound = mapping.bind_decided(table.headers(), schema, &decided).map_err(|issues| {
        anyhow::Error::msg(issues.iter().map(|issue| told(issue, lang)).collect::<Vec<_>>().join("\n"))
    })?;
    let bound = bound.without_keys().counting(table.day_count());
    Ok(Judge::new(bound, targets, forced, world::world_on(args.one_off.today).clock.today()))
}

/// Rows of which no record is written.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    refused: u64,
    /// They wait for a person's word.
    held: u64,
}

impl Left {
    fn any(self) -> bool {
        self.refused + self.held > 0
    }

    fn told(self, lang: Lang) -> String {
        let Self { refused, held } = self;
        let held = match lang {
            _ if held == 0 => String::new(),
            Lang::Bg => format!(", задържани: {held}"),
            Lang::En => format!(", {held} held"),
        };
        match lang {
            Lang::Bg => format!(
                "отказани редове: {refused}{held}; `--errors E.csv` записва защо, `rxdrop check` го показва"
            ),
            Lang::En => format!(
                "{refused} row(s) refused{held}; `--errors E.csv` writes why, `rxdrop check` shows it"
            ),
        }
    }

    fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.held += other.held;
    }

    fn count(&mut self, body: &Body) {
        self.refused += u64::from(matches!(body, Body::Bad));
        self.held += u64::from(matches!(body, Body::Held(_)));
    }
}
/// Bytes of most lines about an issue.
const LINE: usize = 512;

/// Where records and issues go.
struct Writer {
    records: Box<dyn Write>,
    issues: Option<BufWriter<File>>,
    bar: indicatif::ProgressBar,
}

/// What a block of rows came to.
#[derive(Default)]
struct Made {
    records: Vec<u8>,
    issues: Vec<u8>,
    rows: u64,
    left: Left,
}

/// Makes bytes of judged rows.
struct Renderer {
    targets: Vec<Target>,
    /// Places of columns by their labels, to show the cell an issue is about; none where issues are not asked for.
    columns: Option<HashMap<Arc<str>, usize>>,
    lang: Lang,
}

impl Writer {
    fn open(args: &Args, lang: Lang) -> Result<Self> {
        let create =
            |path: &Path| File::create(path).with_context(|| format!("{} can't be written", path.display()));
        let records: Box<dyn Write> = match &args.output {
            Some(path) => Box::new(create(path)?),
            None => Box::new(BufWriter::with_capacity(1 << 16, io::stdout())),
        };
        let issues = match &args.errors {
            None => None,
            Some(path) => {
                let mut issues = BufWriter::new(create(path)?);
                let mut header = Vec::new();
                push_line(["row", "column", "code", "severity", "value", "message"], &mut header);
                issues.write_all(&header)?;
                Some(issues)
            }
        };
        let what = if lang == Lang::Bg { "преобразуване" } else { "converting" };
        let bar = if args.output.is_some() { out::progress(what) } else { indicatif::ProgressBar::hidden() };
        Ok(Self { records, issues, bar })
    }

    /// Gives how many rows are left out.
    fn convert(&mut self, table: Table, judge: Judge, lang: Lang) -> Result<Left> {
        let columns = self.issues.is_some().then(|| places(table.headers()));
        let renderer = Renderer { targets: judge.targets().to_vec(), columns, lang };
        let (mut rows, mut left) = (0, Left::default());
        let render = |row: &Row, judged: &mut Judged, made: &mut Made| renderer.render(row, judged, made);
        let found = convert::for_each_block(table, judge, render, |made| {
            rows += std::mem::take(&mut made.rows);
            left.add(std::mem::take(&mut made.left));
            self.bar.set_position(rows);
            self.write(made)
        })?;
        self.records.flush()?;
        if let Some(issues) = &mut self.issues {
            issues.flush()?;
        }
        self.bar.finish_and_clear();
        // Rows that were left out are in neither output.
        found.notes.iter().for_each(|note| out::tell(&told(note, lang)));
        Ok(left)
    }

    fn write(&mut self, made: &mut Made) -> io::Result<()> {
        if let Some(issues) = &mut self.issues {
            issues.write_all(&made.issues)?;
        }
        self.records.write_all(&made.records)?;
        made.issues.clear();
        made.records.clear();
        Ok(())
    }
}

impl Renderer {
    fn render(&self, row: &Row, judged: &Judged, made: &mut Made) {
        made.rows += 1;
        made.left.count(&judged.body);
        if let Some(columns) = &self.columns {
            judged
                .issues
                .iter()
                .for_each(|issue| push_issue(issue, row, columns, self.lang, &mut made.issues));
        }
        let target = self.targets.get(judged.target.unwrap_or_default());
        let (Body::Good(record), Some(target)) = (&judged.body, target) else { return };
        let registration = target.registration.as_ref().map(ExposeSecret::expose_secret);
        target.destination.members(record, None, registration, &mut made.records);
        made.records.push(b'\n');
    }
}

/// Places of columns by what issues call them; of equal ones the first.
fn places(headers: &[Header]) -> HashMap<Arc<str>, usize> {
    headers.iter().rev().map(|header| (header.label(), header.index)).collect()
}

fn push_issue(issue: &Issue, row: &Row, columns: &HashMap<Arc<str>, usize>, lang: Lang, out: &mut Vec<u8>) {
    let severity = if issue.code.severity() == Severity::Error { "error" } else { "warning" };
    let message = issue.code.message(lang, &issue.args);
    let column = issue.place.column.as_deref().unwrap_or_default();
    let value = columns.get(column).and_then(|index| row.cell(*index)).map_or("", |cell| cell.text);
    let number = row.number().to_string();
    push_line([number.as_str(), column, issue.code.code, severity, value, &message], out);
}

fn push_line(cells: [&str; 6], out: &mut Vec<u8>) {
    let mut line = csv::WriterBuilder::new().buffer_capacity(LINE).from_writer(out);
    // Memory is always there to be written to.
    let _ = line.write_record(cells);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::CellKind;

    #[test]
    fn an_issue_shows_the_cell_of_its_own_column() {
        let name = |(index, name): (usize, &str)| Header { name: name.into(), index };
        let headers: Vec<_> = ["Вид", "", "Вид", ""].into_iter().enumerate().map(name).collect();
        let mut row = Row::new();
        row.start(2);
        for text in ["a", "b", "c", "d"] {
            row.push(text, CellKind::Text);
        }
        for (column, value) in [(Some("Вид"), "a"), (Some("B"), "b"), (Some("D"), "d"), (None, "")] {
            let issue = Issue::at(&crate::table::T029, column.map(Arc::from));
            let mut line = Vec::new();
            push_issue(&issue, &row, &places(&headers), Lang::En, &mut line);
            let start = format!("2,{},T029,error,{value},", column.unwrap_or_default());
            assert!(line.starts_with(start.as_bytes()), "{column:?}");
        }
    }

    #[test]
    fn one_file_is_known_by_all_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
        assert!(is_same(&one, &dir.path().join(".").join("one")) && !is_same(&one, &other), "not there yet");
        File::create(&one).unwrap();
        assert!(!is_same(&one, &other));
        std::fs::hard_link(&one, &other).unwrap();
        assert!(is_same(&one, &other));
        assert!(!is_same(dir.path(), dir.path()), "no plain file");
    }
}
