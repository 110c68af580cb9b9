//! A person takes over: a folder that another ledger marked, or this ledger although it is older than its marks.
//!
//! First what may exist at the system is shown, then the ledger writes the decision down and leaves all numbers and
//! ids behind that may be in use, and only then the marks are written. A crash in between leaves the marks as they
//! were: the takeover is simply done again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use chrono::NaiveDate;

use super::Shop;
use crate::ledger::{By, Position, TakenOver, Takeover};
use crate::marks::{K005, Mark, Marks, NAME, Read, Standing, Trouble, read};

/// What is taken over.
#[derive(Debug, Clone)]
pub enum Target {
    /// One of the configured drop folders.
    Folder(PathBuf),
    /// The ledger.
    Ledger,
}

/// What was found, and what taking over would do.
pub struct Survey {
    /// How far this ledger has come.
    pub position: Position,
    /// Marks that know of something this ledger does not, each where it lies.
    pub marks: Vec<(PathBuf, Mark)>,
    /// Rows with that last day to send or an earlier one will be held; none: nothing is in doubt.
    pub doubt_until: Option<NaiveDate>,
    /// Folders that get this ledger's mark.
    pub folders: Vec<PathBuf>,
    folder: Option<PathBuf>,
}

/// Shows what may exist at the system. Writes nothing. None where there is nothing to take over.
///
/// # Errors
/// When the folder is not configured or can't be reached, no section says how long rows may be sent, or the ledger
/// fails.
pub fn survey(shop: &Shop, target: &Target) -> Result<Option<Survey>> {
    let marks = shop.marks.as_ref().context("this ledger has no marks")?;
    let position = shop.ledger.ask_blocking(|ledger| ledger.position())?;
    match target {
        Target::Folder(folder) => of_folder(shop, marks, folder, position),
        Target::Ledger => of_ledger(shop, marks, position).map(Some),
    }
}

fn of_folder(shop: &Shop, marks: &Marks, named: &Path, position: Position) -> Result<Option<Survey>> {
    let folder = configured(shop, named)?;
    if let Some(trouble) = marks.of_ledger(&shop.ledger)? {
        return Err(trouble).context("the ledger first: `rxdrop takeover --ledger`");
    }
    let trouble = match marks.look(&shop.ledger, &folder)? {
        Standing::Ours(_) | Standing::New => return Ok(None),
        Standing::Away => bail!("the folder {} can't be reached", folder.display()),
        Standing::Stopped(trouble) if trouble.code.code == K005.code => {
            return Err(trouble).context("the ledger first: `rxdrop takeover --ledger`");
        }
        Standing::Barred(trouble) | Standing::Stopped(trouble) => trouble,
    };
    let missing = matches!(read(&folder.join(NAME)), Read::None);
    let doubt_until = if missing { None } else { Some(doubt_until(shop)?) };
    let Trouble { mark, .. } = trouble;
    Ok(Some(Survey {
        position,
        marks: mark.map(|mark| (folder.join(NAME), mark)).into_iter().collect(),
        doubt_until,
        folders: vec![folder.clone()],
        folder: Some(folder),
    }))
}

/// The mark beside the ledger and those of its folders. Where the ledger's file was deleted, the folders bear the id
/// of the one that is gone, as does the mark beside it.
fn of_ledger(shop: &Shop, marks: &Marks, position: Position) -> Result<Survey> {
    let mut found = Vec::new();
    let mut ids = vec![position.ledger.clone()];
    if let Read::Mark(mark) = read(marks.own()) {
        ids.push(mark.ledger.clone());
        found.push((marks.own().to_owned(), mark));
    }
    let mut folders = Vec::new();
    for drop in &shop.config.drops {
        if let Some(Read::Mark(mark)) = marks.within_patience(&drop.folder)
            && ids.contains(&mark.ledger)
        {
            folders.push(drop.folder.clone());
            found.push((drop.folder.join(NAME), mark));
        }
    }
    let unknown = |(_, mark): &(PathBuf, Mark)| {
        let (event, head) = (mark.event, mark.head.clone());
        let same = mark.ledger == position.ledger;
        !(same && shop.ledger.ask_blocking(move |ledger| ledger.was_at(event, &head)).unwrap_or(false))
    };
    found.retain(unknown);
    Ok(Survey { position, marks: found, doubt_until: Some(doubt_until(shop)?), folders, folder: None })
}

/// The configured folder that is named, whatever way.
fn configured(shop: &Shop, named: &Path) -> Result<PathBuf> {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_default();
    let wanted = real(named);
    let folders = || shop.config.drops.iter().map(|drop| drop.folder.clone());
    folders().find(|folder| real(folder) == wanted).with_context(|| {
        let folders: Vec<String> = folders().map(|folder| folder.display().to_string()).collect();
        format!("{} is no configured drop folder; there are: {}", named.display(), folders.join(", "))
    })
}

/// Rows dated up to today may have been sent by somebody else: the last day to send those dated today.
fn doubt_until(shop: &Shop) -> Result<NaiveDate> {
    let today = shop.world.clock.today();
    let until = shop.sections.destinations.values().filter_map(|system| system.submit_until(today)).max();
    until.context(
        "no section can be used, so it can't be told which rows are in doubt; `rxdrop doctor` shows why",
    )
}

/// Takes over what was surveyed.
///
/// # Errors
/// When the ledger fails, or a mark can't be written.
pub fn take_over(shop: &Shop, survey: &Survey, by: By) -> Result<TakenOver> {
    let marks = shop.marks.as_ref().context("this ledger has no marks")?;
    let now = shop.world.clock.now();
    let takeover = Takeover {
        folder: survey.folder.clone(),
        number: survey.marks.iter().map(|(_, mark)| mark.number).max().unwrap_or_default(),
        event: survey.marks.iter().map(|(_, mark)| mark.event).max().unwrap_or(survey.position.event),
        doubt_until: survey.doubt_until,
        evidence: serde_json::to_value(&survey.marks)?,
        by,
    };
    let (done, position) = shop
        .ledger
        .ask_blocking(move |ledger| Ok((ledger.take_over(&takeover, now)?, ledger.position()?)))?;
    let place = "the marks could not be written; take over once more when they can";
    marks.take_over(&position, &survey.folders, now).context(place)?;
    Ok(done)
}
