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

/// Numbers left out where a ledger is taken over: those of a lost part may be in use although no mark that can be
/// reached knows them.
const NUMBERS_UNSEEN: i64 = 1_000_000;

/// What is taken over.
#[derive(Debug, Clone)]
pub enum Target {
    /// One of the drop folders that are configured or of which the ledger has rows.
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
    /// Rows dated up to that day may have been sent by somebody else and will be held; none: nothing is in doubt.
    pub doubt_until: Option<NaiveDate>,
    /// Folders that get this ledger's mark.
    pub folders: Vec<PathBuf>,
    /// Whether there is anything to take over: a folder that is not this ledger's, or marks that know more than it.
    pub is_needed: bool,
    /// Numbers up to this one may be in use, whatever the marks say.
    number: i64,
    folder: Option<PathBuf>,
}

impl Survey {
    fn of_nothing(position: Position) -> Self {
        let (marks, folders) = (Vec::new(), Vec::new());
        Self { position, marks, doubt_until: None, folders, is_needed: false, number: 0, folder: None }
    }
}

/// Shows what may exist at the system. Writes nothing.
///
/// # Errors
/// When the folder is not configured or can't be reached, or the ledger fails.
pub fn survey(shop: &Shop, target: &Target) -> Result<Survey> {
    let marks = shop.marks.as_ref().context("this ledger has no marks")?;
    let position = shop.ledger.ask_blocking(|ledger| ledger.position())?;
    match target {
        Target::Folder(folder) => of_folder(shop, marks, folder, position),
        Target::Ledger => of_ledger(shop, marks, position),
    }
}

fn of_folder(shop: &Shop, marks: &Marks, named: &Path, position: Position) -> Result<Survey> {
    let folder = known(shop, named)?;
    if let Some(trouble) = marks.of_ledger(&shop.ledger)? {
        return Err(trouble).context("the ledger first: `rxdrop takeover --ledger`");
    }
    let trouble = match marks.look(&shop.ledger, &folder)? {
        Standing::Ours(_) | Standing::New => return Ok(Survey::of_nothing(position)),
        Standing::Away => bail!("the folder {} can't be reached", folder.display()),
        Standing::Stopped(trouble) if trouble.code.code == K005.code => {
            return Err(trouble).context("the ledger first: `rxdrop takeover --ledger`");
        }
        Standing::Barred(trouble) | Standing::Stopped(trouble) => trouble,
    };
    let missing = matches!(read(&folder.join(NAME)), Read::None);
    let Trouble { mark, .. } = trouble;
    let marks: Vec<_> = mark.map(|mark| (folder.join(NAME), mark)).into_iter().collect();
    let doubt_until = (!missing).then(|| doubted_until(shop, &position, &marks));
    Ok(Survey {
        position,
        marks,
        doubt_until,
        folders: vec![folder.clone()],
        is_needed: true,
        number: 0,
        folder: Some(folder),
    })
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
    if found.is_empty() && marks.of_ledger(&shop.ledger)?.is_none() {
        return Ok(Survey::of_nothing(position));
    }
    let doubt_until = Some(doubted_until(shop, &position, &found));
    let number = position.number + NUMBERS_UNSEEN;
    Ok(Survey { position, marks: found, doubt_until, folders, is_needed: true, number, folder: None })
}

/// The last day of which somebody else may have sent rows: today, or a later one where a mark or the ledger itself was
/// written by a calendar that was ahead of ours.
fn doubted_until(shop: &Shop, position: &Position, marks: &[(PathBuf, Mark)]) -> NaiveDate {
    let clock = &shop.world.clock;
    let written = marks.iter().map(|(_, mark)| mark.at).chain(position.at);
    written.map(|at| clock.day(at)).fold(clock.today(), NaiveDate::max)
}

/// The folder that is named, whatever way: a configured one, or one that was and of which the ledger has rows.
fn known(shop: &Shop, named: &Path) -> Result<PathBuf> {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_default();
    let wanted = real(named);
    let folders = || shop.config.drops.iter().map(|drop| drop.folder.clone());
    if let Some(folder) = folders().find(|folder| real(folder) == wanted) {
        return Ok(folder);
    }
    for folder in [std::path::absolute(named)?, wanted] {
        let once = folder.clone();
        if shop.ledger.ask_blocking(move |ledger| ledger.is_marked(&once))? {
            return Ok(folder);
        }
    }
    let folders: Vec<String> = folders().map(|folder| folder.display().to_string()).collect();
    bail!("{} is no configured drop folder; there are: {}", named.display(), folders.join(", "))
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
        number: survey.marks.iter().map(|(_, mark)| mark.number).fold(survey.number, i64::max),
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
