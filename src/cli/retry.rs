//! `retry`: judges refused and held rows anew under today's mapping, lists and settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{ExitStatus, LangArg, load_config, out, status, what, world};
use crate::ledger::{FileState, FileView, Life as _, StoredIssue, What};
use crate::model::{Lang, Status};
use crate::report::{Totals, message, status_word};
use crate::run::{self, Books, Shop, Staged};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files as they were dropped
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document instead of lines for people
    #[arg(long)]
    json: bool,
}

/// What judging anew came to.
#[derive(Default)]
struct Judged {
    /// Files as they stand in the ledger now; who writes their reports, this process or a `watch`, is no matter.
    files: Vec<(FileView, Totals)>,
    /// Files that could not be read again, by name, and why; they stay as they were.
    unread: Vec<(String, Option<StoredIssue>)>,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let wanted =
        args.files.iter().map(|file| newest(&shop, &what::absolute(file))).collect::<Result<Vec<_>>>()?;
    judge(&shop, &wanted, args.json, args.lang.into())
}

/// The newest file of a name, as the ledger counts it, with its name; where a report of another file lies there
/// now, that file.
pub(super) fn newest(shop: &Shop, path: &Path) -> Result<(i64, String)> {
    if let What::Received(intake, _) = run::meant(shop, What::File(path.to_owned()))? {
        let view = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
        return Ok((intake, view.map_or_else(String::new, |view| view.name)));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned);
    let newest = shop.ledger.ask_blocking({
        let name = name.clone();
        move |ledger| ledger.newest(folder.as_deref(), &name)
    })?;
    match newest {
        Some(intake) => Ok((intake, name)),
        None => bail!("`{name}` is not in the ledger; `rxdrop status` lists what is"),
    }
}

/// Judges files anew and tells what came of it.
pub(super) fn judge(shop: &Shop, wanted: &[(i64, String)], json: bool, lang: Lang) -> Result<ExitStatus> {
    let mut folders = run::open_folders(shop);
    let mut judged = Judged::default();
    for (intake, name) in wanted {
        retry_one(shop, &mut folders, *intake, name, &mut judged)?;
    }
    if json {
        out::line(&judged.as_json(shop, lang).to_string())?;
    } else {
        judged.tell(shop, lang)?;
    }
    Ok(ExitStatus::of(false, judged.is_open(), judged.needs_people()))
}

fn retry_one(
    shop: &Shop,
    folders: &mut [run::Folder],
    intake: i64,
    name: &str,
    judged: &mut Judged,
) -> Result<()> {
    let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { return Ok(()) };
    if !view.here {
        bail!(
            "`{name}` was taken under another environment or registration than is configured now; its rows are left \
             alone, drop the file again to report it under this one"
        );
    }
    let Some(folder) = folders.iter().find(|folder| folder.drop.folder == view.folder) else {
        bail!("the folder of `{name}` is no longer configured");
    };
    let taken = view.state == FileState::Taken;
    let now = shop.world.clock.now();
    let reading =
        if taken { shop.ledger.ask_blocking(move |ledger| ledger.retry(intake, now))? } else { intake };
    let staged = run::stage(shop, &folder.drop, &folder.mappings, reading, &CancellationToken::new())?;
    if let Some(Staged::Aside(_, issues)) = &staged {
        judged.unread.push((name.to_owned(), issues.first().cloned()));
    }
    if taken && matches!(staged, Some(Staged::Aside(..))) {
        // The second reading is over; the file stays as it was.
        let none = Vec::new();
        shop.ledger
            .ask_blocking(move |ledger| ledger.set_aside(reading, FileState::Withdrawn, &none, now))?;
        return Ok(());
    }
    run::write_due(shop, &mut run::Later::new())?;
    judged.files.extend(status::file(shop, intake)?);
    Ok(())
}

impl Judged {
    fn needs_people(&self) -> bool {
        !self.unread.is_empty() || self.files.iter().any(|(_, totals)| totals.refused + totals.held > 0)
    }

    fn is_open(&self) -> bool {
        self.files.iter().any(|(_, totals)| totals.waiting + totals.unknown > 0)
    }

    fn tell(&self, shop: &Shop, lang: Lang) -> Result<()> {
        let not_judged = match lang {
            Lang::Bg => "не може да се прецени наново",
            Lang::En => "could not be judged anew",
        };
        for (name, issue) in &self.unread {
            let why = issue.as_ref().and_then(|issue| words(shop, issue, lang)).unwrap_or_default();
            out::line(&format!("{name}: {not_judged}: {why}"))?;
        }
        for (view, totals) in &self.files {
            let counts: Vec<String> = [Status::Refused, Status::Held, Status::Waiting]
                .into_iter()
                .map(|status| format!("{} {}", totals.of(status), status_word(status, lang)))
                .collect();
            out::line(&format!("{}: {}", view.folder.join(&view.name).display(), counts.join(", ")))?;
        }
        Ok(())
    }

    fn as_json(&self, shop: &Shop, lang: Lang) -> serde_json::Value {
        let file = |(view, totals): &(FileView, Totals)| {
            json!({"file": view.folder.join(&view.name), "state": view.state.word(), "rows": totals.rows(),
                "totals": totals})
        };
        let unread = |(name, issue): &(String, Option<StoredIssue>)| {
            json!({"file": name, "code": issue.as_ref().map(|issue| &issue.code),
                "message": issue.as_ref().and_then(|issue| words(shop, issue, lang))})
        };
        json!({"files": self.files.iter().map(file).collect::<Vec<_>>(),
            "not_judged": self.unread.iter().map(unread).collect::<Vec<_>>()})
    }
}

fn words(shop: &Shop, issue: &StoredIssue, lang: Lang) -> Option<String> {
    Some(message(shop.catalogue.get(&issue.code)?, lang, &issue.args))
}
