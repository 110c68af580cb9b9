//! `check`: reads, maps, judges and prints; sends and remembers nothing.
//!
//! The judging is the real one, on a ledger that is thrown away: a copy of the configured one, so that known
//! facts count.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::one_off::{self, OneOff};
use super::{ExitStatus, LangArg, out, world};
use crate::convert::Mappings;
use crate::intake;
use crate::ledger::{Built, FileView, NewFile, RowView, StoredIssue, Want};
use crate::model::{Lang, Status};
use crate::report::{self, Desk, Kind, Speaker, Totals, publish, status_word, who_key, worth_telling};
use crate::run::{self, Books, Shop, Staged};

/// Rows of one page of the ledger's stories.
const PAGE_ROWS: u32 = 2_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or Excel files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write result and errors into DIR as `run` would
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    #[command(flatten)]
    one_off: OneOff,
    /// Language of messages
    #[arg(long, value_enum)]
    lang: Option<LangArg>,
    /// One JSON object a line for each issue, then one for each file
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let (config, configured) = one_off::config(config)?;
    let scratch = tempfile::tempdir().context("a temporary folder could not be made")?;
    let books = if configured { Books::Scratch(scratch.path()) } else { Books::Empty(scratch.path()) };
    let shop = Shop::open(config, world::world_on(args.one_off.today), books)?;
    intake::prepare_spool(&shop.spool)?;
    let lang = args.lang.map_or(Lang::En, Lang::from);
    let mut mappings =
        one_off::mappings(&shop.config, &shop.sections.schemas(), args.one_off.mapping.as_deref(), lang)?;
    if let Some(only) = one_off::forced(&mappings, args.one_off.mapping.is_some()) {
        mappings.good = vec![Arc::new(only.for_any_file())];
    }
    let mut worst = Worst::default();
    for file in &args.files {
        let checked = Check { shop: &shop, args, lang: args.lang.map(Lang::from) }.file(file, &mappings);
        match checked {
            Ok(Some(totals)) => worst.add(&totals),
            Ok(None) => worst.unreadable += 1,
            Err(error) => {
                out::tell(&format!("error: {}: {error:#}", file.display()));
                worst.failed += 1;
            }
        }
    }
    let nothing = worst.failed + worst.unreadable == args.files.len();
    let people = worst.people || worst.unreadable > 0;
    Ok(ExitStatus::of(worst.failed > 0 || nothing, worst.open, people))
}

#[derive(Default)]
struct Worst {
    people: bool,
    open: bool,
    unreadable: usize,
    failed: usize,
}

impl Worst {
    fn add(&mut self, totals: &Totals) {
        self.people |= totals.refused + totals.held > 0;
        self.open |= totals.unknown > 0;
    }
}

struct Check<'a> {
    shop: &'a Shop,
    args: &'a Args,
    lang: Option<Lang>,
}

impl Check<'_> {
    /// Totals, or none when the file as a whole can't be judged.
    fn file(&self, path: &Path, mappings: &Mappings) -> Result<Option<Totals>> {
        let path = std::path::absolute(path)?;
        let drop = one_off::drop_of(&self.shop.config, &path, self.lang);
        let (intake, lang) = (self.receive(&path, drop.language)?, self.lang.unwrap_or(Lang::En));
        let staged = run::stage(self.shop, &drop, mappings, intake, &CancellationToken::new())?;
        let Some(view) = self.shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else {
            return Ok(None);
        };
        if let Some(Staged::Aside(..)) = staged {
            self.tell_file(&view, lang)?;
            return Ok(None);
        }
        self.enter_requests(&view)?;
        let totals = self.rows(&view, lang)?;
        self.tell_file(&view, lang)?;
        self.tell_totals(&view, &totals, lang)?;
        if let Some(folder) = &self.args.report {
            self.report(&view, folder)?;
        }
        Ok(Some(totals))
    }

    fn receive(&self, path: &Path, language: Lang) -> Result<i64> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            bail!("not a plain file");
        }
        let stamp = intake::Stamp::of(&metadata);
        let candidate = intake::Candidate { name: name.clone(), stamp, is_open: false, ours: None };
        let copied = intake::snapshot(&folder, &candidate, &self.shop.spool, &mut |_| {})?;
        let file = NewFile {
            folder,
            name,
            bytes: copied.bytes,
            mtime_ns: stamp.mtime_ns,
            sha256: copied.sha256,
            language,
        };
        let now = self.shop.world.clock.now();
        Ok(self.shop.ledger.ask_blocking(move |ledger| ledger.receive(&file, now))?)
    }

    /// Lets every ready row enter a request that is never sent: what is late or too large shows there.
    fn enter_requests(&self, view: &FileView) -> Result<()> {
        for name in &view.destinations {
            let Some(section) = self.shop.config.section(name) else { continue };
            let clock = &self.shop.world.clock;
            let want = Want {
                section: name.clone(),
                rows: section.wire.max_batch,
                today: clock.today(),
                late: section.late,
                now: clock.now(),
            };
            let claim = || {
                let want = want.clone();
                let build = Box::new(|items: &[_]| Built { used: items.len(), body: Vec::new() });
                self.shop.ledger.ask_blocking(move |ledger| ledger.claim(&want, build))
            };
            while claim()?.is_some() {}
        }
        Ok(())
    }

    fn rows(&self, view: &FileView, lang: Lang) -> Result<Totals> {
        let speaker = Speaker {
            catalogue: &self.shop.catalogue,
            lang,
            trial: true,
            system: view.system.as_deref().unwrap_or("system"),
        };
        let (mut totals, mut after, intake) = (Totals::default(), 0, view.intake);
        loop {
            let page = self.shop.ledger.ask_blocking(move |ledger| ledger.rows(intake, after, PAGE_ROWS))?;
            let Some(last) = page.last() else { return Ok(totals) };
            after = last.row;
            for row in &page {
                totals.add(row.status);
                self.row(view, row, &speaker)?;
            }
        }
    }

    fn row(&self, view: &FileView, row: &RowView, speaker: &Speaker<'_>) -> Result<()> {
        for issue in
            worth_telling(row).filter(|issue| row.status != Status::Waiting || issue.code.starts_with('W'))
        {
            if row.status == Status::Ignored {
                continue;
            }
            if self.args.json {
                out::line(&issue_json(view, Some(row.row), issue, speaker).to_string())?;
            } else {
                out::line(&speaker.stored_line(row.row, issue))?;
            }
        }
        Ok(())
    }

    fn tell_file(&self, view: &FileView, lang: Lang) -> Result<()> {
        let catalogue = &self.shop.catalogue;
        let speaker =
            Speaker { catalogue, lang, trial: true, system: view.system.as_deref().unwrap_or("system") };
        for issue in &view.issues {
            if self.args.json {
                out::line(&issue_json(view, None, issue, &speaker).to_string())?;
            } else {
                let message = catalogue.get(&issue.code).map(|code| report::message(code, lang, &issue.args));
                out::line(&format!("{}: {} ({})", view.name, message.unwrap_or_default(), issue.code))?;
            }
        }
        Ok(())
    }

    fn tell_totals(&self, view: &FileView, totals: &Totals, lang: Lang) -> Result<()> {
        if self.args.json {
            let mapping = view.mapping.as_ref().map(|mapping| mapping.name.clone());
            let line = json!({"file": view.name, "mapping": mapping, "rows": totals.rows(), "would_send": totals.waiting, "totals": totals});
            return Ok(out::line(&line.to_string())?);
        }
        let would = if lang == Lang::Bg { "ще се подадат" } else { "would be sent" };
        let counts = Status::ALL.into_iter().filter(|status| totals.of(*status) > 0).map(|status| {
            let word = if status == Status::Waiting { would } else { status_word(status, lang) };
            format!("{} {word}", totals.of(status))
        });
        let rows = if lang == Lang::Bg { "реда" } else { "rows" };
        Ok(out::line(&format!(
            "{}: {} {rows}: {}",
            view.name,
            totals.rows(),
            counts.collect::<Vec<_>>().join(", ")
        ))?)
    }

    fn report(&self, view: &FileView, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
        let folder_chars = folder.to_string_lossy().chars().count();
        let named = |kind: Kind, infix: &str| run::report_name(&view.name, kind, infix, None, folder_chars);
        let prepared = run::render_as(self.shop, view, folder, &named, true)?;
        let mut desk = Desk {
            names: &named,
            is_ours: &|_, _| true,
            is_copied: &|_| true,
            remember: &mut |_, _| Ok(()),
            now: self.shop.world.clock.now(),
        };
        for (_, name, _) in publish(prepared, &mut desk)?.files {
            out::tell(&folder.join(name).display().to_string());
        }
        Ok(())
    }
}

fn issue_json(
    view: &FileView,
    row: Option<u32>,
    issue: &StoredIssue,
    speaker: &Speaker<'_>,
) -> serde_json::Value {
    let code = speaker.catalogue.get(&issue.code);
    json!({
        "file": view.name,
        "row": row,
        "column": issue.column,
        "code": issue.code,
        "severity": if issue.code.starts_with('W') { "warning" } else { "error" },
        "message": code.map(|code| report::message(code, speaker.lang, &issue.args)),
        "who": code.map(|code| who_key(code.who)),
    })
}

/// The JSON Schema of one issue as `check --json` prints it.
pub(super) fn issue_schema() -> serde_json::Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rxdrop issue",
        "type": "object",
        "required": ["file", "row", "column", "code", "severity", "message", "who"],
        "properties": {
            "file": {"type": "string", "description": "name of the file"},
            "row": {"type": ["integer", "null"], "description": "row as Excel shows it; null for the whole file"},
            "column": {"type": ["string", "null"], "description": "header of the column, or its letter"},
            "code": {"type": "string", "pattern": "^[A-Z][0-9]{3}$", "description": "stable; W only warns"},
            "severity": {"enum": ["error", "warning"]},
            "message": {"type": ["string", "null"]},
            "who": {"enum": ["user", "integrator", "administrator", "nobody", null], "description": "who can end it"}
        }
    })
}
