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
use crate::mapping::{Answers, Mapping};
use crate::model::{Issue, Lang, Severity};
use crate::run::Sections;
use crate::table::{self, Row, Table};

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
    let (config, _) = one_off::config(config)?;
    let sections = Sections::open(&config.sections);
    let mappings = one_off::mappings(&config, &sections.schemas(), args.one_off.mapping.as_deref())?;
    let lang = Lang::from(args.lang);
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let drop = one_off::drop_of(&config, &std::path::absolute(&args.file)?, None);
    let fit = match one_off::forced(&mappings, args.one_off.mapping.is_some()) {
        Some(mapping) => convert::open_with(&args.file, &mapping, drop.language),
        None => convert::choose(&args.file, &name, &mappings.good, drop.language),
    };
    let (mapping, table) = fitted(fit, lang)?;
    let named = drop.destination.as_deref();
    let goals = named.map_or_else(|| mapping.destination.sections(), |name| vec![name]);
    let told = |(section, why): (String, String)| anyhow::anyhow!("section `{section}` can't be used: {why}");
    let targets = sections.targets(&goals).map_err(told)?;
    let judge = judge(&mapping, &table, targets, named.is_some(), args, lang)?;
    let mut writer = Writer::open(args, lang)?;
    let left = writer.convert(table, judge, lang)?;
    if left.any() && args.errors.is_none() {
        let Left { refused, held } = left;
        let held = if held > 0 { format!(", {held} held") } else { String::new() };
        out::tell(&format!(
            "{refused} row(s) refused{held}; `--errors E.csv` writes why, `rxdrop check` shows it"
        ));
    }
    Ok(ExitStatus::of(false, false, left.any()))
}

fn fitted(fit: Fit, lang: Lang) -> Result<(Arc<Mapping>, Table)> {
    match fit {
        Fit::One(mapping, table) => Ok((mapping, *table)),
        Fit::None => {
            bail!("no mapping fits this file; name one with --mapping, or look at it with `rxdrop inspect`")
        }
        Fit::Tie(several) => {
            let names: Vec<_> = several.iter().map(|mapping| mapping.name.clone()).collect();
            bail!("several mappings fit equally well: {}; name one with --mapping", names.join(", "))
        }
        Fit::Unreadable(error) => Err(told_error(&error, lang)),
    }
}

fn told_error(error: &table::Error, lang: Lang) -> anyhow::Error {
    let issue = error.issue();
    anyhow::anyhow!("{} ({})", issue.code.message(lang, &issue.args), issue.code.code)
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
        bail!("the mapping names no destination")
    };
    // What no row proves is told cell by cell here: nothing is held, since nothing is sent.
    let decided = convert::prove(&args.file, table, mapping, schema, &Answers::default());
    let decided = decided.map_err(|error| told_error(&error, lang))?.unwrap_or_default();
    let bound = mapping.bind_decided(table.headers(), schema, &decided).map_err(|issues| {
        let told = |issue: &Issue| format!("{} ({})", issue.code.message(lang, &issue.args), issue.code.code);
        anyhow::anyhow!("{}", issues.iter().map(told).collect::<Vec<_>>().join("\n"))
    })?;
    Ok(Judge::new(bound.without_keys(), targets, forced, world::world_on(args.one_off.today).clock.today()))
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

    fn count(&mut self, body: &Body) {
        self.refused += u64::from(matches!(body, Body::Bad));
        self.held += u64::from(matches!(body, Body::Held(_)));
    }
}

/// Where records and issues go.
struct Writer {
    records: Box<dyn Write>,
    issues: Option<csv::Writer<File>>,
    bar: indicatif::ProgressBar,
    object: Vec<u8>,
    /// Places of columns by header, to show the cell an issue is about.
    columns: HashMap<Arc<str>, usize>,
}

impl Writer {
    fn open(args: &Args, lang: Lang) -> Result<Self> {
        let create =
            |path: &Path| File::create(path).with_context(|| format!("{} can't be written", path.display()));
        let records: Box<dyn Write> = match &args.output {
            Some(path) => Box::new(BufWriter::with_capacity(1 << 16, create(path)?)),
            None => Box::new(BufWriter::with_capacity(1 << 16, io::stdout())),
        };
        let issues = match &args.errors {
            None => None,
            Some(path) => {
                let mut issues = csv::Writer::from_writer(create(path)?);
                issues.write_record(["row", "column", "code", "severity", "value", "message"])?;
                Some(issues)
            }
        };
        let what = if lang == Lang::Bg { "преобразуване" } else { "converting" };
        let bar = if args.output.is_some() { out::progress(what) } else { indicatif::ProgressBar::hidden() };
        Ok(Self { records, issues, bar, object: Vec::with_capacity(512), columns: HashMap::new() })
    }

    /// Gives how many rows are left out.
    fn convert(&mut self, table: Table, judge: Judge, lang: Lang) -> Result<Left> {
        let headers = table.headers().iter();
        self.columns = headers.map(|header| (Arc::clone(&header.name), header.index)).collect();
        let mut left = Left::default();
        let mut rows = 0_u64;
        let targets = judge.targets().to_vec();
        convert::for_each_row(table, judge, |row, judged| {
            left.count(&judged.body);
            rows += 1;
            if rows.is_multiple_of(8192) {
                self.bar.set_position(rows);
            }
            self.issues(judged, row, lang)?;
            self.record(judged, &targets)
        })?;
        self.records.flush()?;
        if let Some(issues) = &mut self.issues {
            issues.flush()?;
        }
        self.bar.finish_and_clear();
        Ok(left)
    }

    fn record(&mut self, judged: &Judged, targets: &[Target]) -> io::Result<()> {
        let Body::Good(record) = &judged.body else { return Ok(()) };
        let Some(target) = targets.get(judged.target.unwrap_or_default()) else { return Ok(()) };
        let registration = target.registration.as_ref().map(ExposeSecret::expose_secret);
        self.object.clear();
        target.destination.members(record, None, registration, &mut self.object);
        self.object.push(b'\n');
        self.records.write_all(&self.object)
    }

    fn issues(&mut self, judged: &Judged, row: &Row, lang: Lang) -> io::Result<()> {
        let Some(out) = &mut self.issues else { return Ok(()) };
        for issue in &judged.issues {
            let severity = if issue.code.severity() == Severity::Error { "error" } else { "warning" };
            let message = issue.code.message(lang, &issue.args);
            let column = issue.place.column.as_deref().unwrap_or_default();
            let value =
                self.columns.get(column).and_then(|index| row.cell(*index)).map_or("", |cell| cell.text);
            let number = row.number().to_string();
            out.write_record([number.as_str(), column, issue.code.code, severity, value, &message])?;
        }
        Ok(())
    }
}
