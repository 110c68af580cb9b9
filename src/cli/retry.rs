//! `retry`: judges refused and held rows anew under today's mapping, lists and settings.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use tokio_util::sync::CancellationToken;

use super::{ExitStatus, load_config, out, what, world};
use crate::ledger::FileState;
use crate::run::{self, Books, Shop, Staged};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files as they were dropped
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let mut folders = run::open_folders(&shop);
    let mut people = false;
    for file in &args.files {
        let path = what::absolute(file);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().filter(|folder| folder.is_absolute()).map(std::path::Path::to_owned);
        let newest = shop.ledger.ask_blocking({
            let name = name.clone();
            move |ledger| ledger.newest(folder.as_deref(), &name)
        })?;
        let Some(intake) = newest else {
            bail!("`{name}` is not in the ledger; `rxdrop status` lists what is")
        };
        people |= retry_one(&shop, &mut folders, intake, &name)?;
    }
    Ok(ExitStatus::of(false, false, people))
}

fn retry_one(shop: &Shop, folders: &mut [run::Folder], intake: i64, name: &str) -> Result<bool> {
    let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { return Ok(false) };
    let Some(folder) = folders.iter().find(|folder| folder.drop.folder == view.folder) else {
        bail!("the folder of `{name}` is no longer configured");
    };
    let taken = view.state == FileState::Taken;
    let now = shop.world.clock.now();
    let reading =
        if taken { shop.ledger.ask_blocking(move |ledger| ledger.retry(intake, now))? } else { intake };
    let staged = run::stage(shop, &folder.drop, &folder.mappings, reading, &CancellationToken::new())?;
    if let (Some(Staged::Aside(_, issues)), true) = (&staged, taken) {
        // The second reading is over; the file stays as it was.
        let none = Vec::new();
        shop.ledger
            .ask_blocking(move |ledger| ledger.set_aside(reading, FileState::Withdrawn, &none, now))?;
        let code =
            issues.first().and_then(|issue| Some((shop.catalogue.get(&issue.code)?, issue.args.clone())));
        let why = code.map_or(String::new(), |(code, args)| code.message(view.language, &args));
        out::line(&format!("{name}: could not be judged anew: {why}"))?;
        return Ok(true);
    }
    let mut people = false;
    for reported in run::write_due(shop, &mut run::Later::new())? {
        let totals = &reported.totals;
        people |= totals.refused + totals.held > 0;
        out::line(&format!(
            "{}: {} refused, {} held, {} waiting to be sent",
            reported.file.display(),
            totals.refused,
            totals.held,
            totals.waiting
        ))?;
    }
    Ok(people)
}
