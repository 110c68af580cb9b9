//! One look at a drop folder: what is new and rests is copied, what waits is told why.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::{Shop, owner};
use crate::config::DropFolder;
use crate::convert::Mappings;
use crate::intake::names::Own;
use crate::intake::{self, Candidate, Readiness, ReportName, Settling, Stamp};
use crate::knife::{Point, pass};
use crate::ledger::{FileState, KnownFile, NewFile, StoredIssue};
use crate::mapping::Answers;
use crate::marks::{K002, Standing};
use crate::model::{CodeInfo, Lang, hash};

/// Something in a folder that waits, with its reason.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The folder.
    pub folder: PathBuf,
    /// The file's name, fit to be shown; empty when the folder itself is away.
    pub name: String,
    /// Why.
    pub code: &'static CodeInfo,
    /// Arguments of the message.
    pub args: Vec<String>,
    /// Since when, as far as we know.
    pub since: DateTime<Utc>,
    /// What ends it.
    pub ends: Ends,
    /// Whether a notice belongs beside it.
    pub notice: bool,
}

/// What ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Time: it goes on by itself.
    Itself,
    /// A person.
    Person,
    /// The administrator: until then the program can't work with the folder.
    Administrator,
    /// Nothing has to: it is no input (a link, a pipe), and only told.
    Nothing,
}

/// One drop folder over the passes.
pub struct Folder {
    /// Its settings.
    pub drop: DropFolder,
    /// Its mappings.
    pub mappings: Mappings,
    mappings_stamp: Vec<(PathBuf, u64, Option<std::time::SystemTime>)>,
    /// Files that wait for a person, tried with the mappings as they are now and these answers.
    pub tried: HashMap<i64, Answers>,
    settling: Settling,
    hashes: HashMap<String, (Stamp, String)>,
    since: BTreeMap<String, DateTime<Utc>>,
    /// What waits after the last look.
    pub waiting: Vec<Waiting>,
    /// Files left alone because they were last changed before `since`.
    pub too_old: usize,
    /// Names of all candidates of the last look.
    pub present: HashSet<String>,
    /// Whether the last look could list the folder.
    pub reachable: bool,
}

impl Folder {
    /// A folder not looked at yet.
    pub fn new(drop: DropFolder, mappings: Mappings) -> Self {
        Self {
            settling: Settling::new(drop.settle),
            mappings_stamp: mappings_stamp(&drop.mappings),
            drop,
            mappings,
            tried: HashMap::new(),
            hashes: HashMap::new(),
            since: BTreeMap::new(),
            waiting: Vec::new(),
            too_old: 0,
            present: HashSet::new(),
            reachable: true,
        }
    }

    /// Whether a mapping file or a list beside it changed since it was read.
    pub fn mappings_changed(&mut self) -> bool {
        let stamp = mappings_stamp(&self.drop.mappings);
        std::mem::replace(&mut self.mappings_stamp, stamp.clone()) != stamp
    }

    /// Goes on with mappings read anew.
    pub fn reload(&mut self, mappings: Mappings) {
        self.mappings = mappings;
        self.tried.clear();
    }

    /// Time until the first resting file may be taken.
    pub fn next(&self, now: Instant) -> Option<Duration> {
        self.settling.next(now)
    }

    /// Lists the folder and copies what is ready; with `look_only`, copies nothing. Gives how many were copied.
    ///
    /// # Errors
    /// When the ledger or the spool fail.
    pub fn pass(&mut self, shop: &Shop, look_only: bool, now: Instant) -> Result<usize> {
        self.waiting.clear();
        self.too_old = 0;
        if let Standing::Barred(trouble) | Standing::Stopped(trouble) =
            owner::enter(shop, self.drop.marked(), look_only)?
        {
            let ends = if trouble.code.code == K002.code { Ends::Itself } else { Ends::Administrator };
            self.stand_still(shop, trouble.code, trouble.args, ends);
            return Ok(0);
        }
        let listing = match self.list(shop) {
            Ok(listing) => listing,
            Err(error) => {
                self.stand_still(shop, error.code(), error.args(), Ends::Itself);
                return Ok(0);
            }
        };
        self.reachable = true;
        self.present = listing.candidates.iter().map(|candidate| candidate.name.clone()).collect();
        for refused in &listing.refused {
            let plain = ![intake::F003.code, intake::F004.code].contains(&refused.code.code);
            let ends = if plain { Ends::Person } else { Ends::Nothing };
            self.wait(shop, &refused.shown, refused.code, refused.args.clone(), ends);
        }
        let candidates = self.new_ones(shop, listing.candidates)?;
        let readiness = self.settling.observe(&candidates, now);
        let mut taken = 0;
        for (candidate, readiness) in candidates.iter().zip(readiness) {
            match readiness {
                Readiness::Open => {
                    self.wait(shop, &candidate.name, &intake::F001, Vec::new(), Ends::Person);
                    if let Some(waiting) = self.waiting.last_mut() {
                        waiting.notice = true;
                    }
                }
                Readiness::Resting(left) => {
                    let left = format!("{} s", left.as_secs().max(1));
                    self.wait(shop, &candidate.name, &intake::F002, vec![left], Ends::Itself);
                }
                Readiness::Ready if look_only => {}
                Readiness::Ready => taken += usize::from(self.copy(shop, candidate)?),
            }
        }
        let waiting: HashSet<&str> = self.waiting.iter().map(|one| one.name.as_str()).collect();
        self.since.retain(|name, _| waiting.contains(name.as_str()));
        Ok(taken)
    }

    /// A share that hangs must not keep the other folders waiting.
    fn list(&self, shop: &Shop) -> Result<intake::Listing, intake::Error> {
        let folder = &self.drop.folder;
        if shop.marks.as_ref().is_some_and(|marks| marks.hangs(folder)) {
            let source = std::io::ErrorKind::TimedOut.into();
            return Err(intake::Error::FolderAway { folder: folder.clone(), source });
        }
        intake::list(folder)
    }

    /// The folder as a whole waits: said in the log when it begins, and nothing of it is known.
    fn stand_still(&mut self, shop: &Shop, code: &'static CodeInfo, args: Vec<String>, ends: Ends) {
        if std::mem::replace(&mut self.reachable, false) {
            tracing::error!(code = code.code, "{}", code.message(Lang::En, &args));
        }
        self.present.clear();
        self.wait(shop, "", code, args, ends);
    }

    fn wait(&mut self, shop: &Shop, name: &str, code: &'static CodeInfo, args: Vec<String>, ends: Ends) {
        let now = shop.world.clock.now();
        let since = *self.since.entry(name.to_owned()).or_insert(now);
        let folder = self.drop.folder.clone();
        let name = name.to_owned();
        self.waiting.push(Waiting { folder, name, code, args, since, ends, notice: false });
    }

    /// Candidates that are not known as they lie there, not our own reports and not too old.
    fn new_ones(&mut self, shop: &Shop, candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
        let folder = self.drop.folder.clone();
        let known = shop.ledger.ask_blocking(move |ledger| ledger.known_files(&folder))?;
        let known: HashMap<String, KnownFile> =
            known.into_iter().map(|file| (file.name.clone(), file)).collect();
        let folder = self.drop.folder.clone();
        let reports = shop.ledger.ask_blocking(move |ledger| ledger.reports(&folder))?;
        let reports: HashSet<String> = reports.into_iter().map(|(name, _)| name).collect();
        let mut fresh = Vec::new();
        for candidate in candidates {
            let stamp = candidate.stamp;
            let same = known.get(&candidate.name);
            if same.is_some_and(|file| file.bytes == stamp.size && file.mtime_ns == stamp.mtime_ns) {
                continue;
            }
            if self.is_report(shop, &candidate, reports.contains(&candidate.name))? {
                continue;
            }
            if self.drop.since.is_some_and(|since| stamp.changed_on() < since) {
                self.too_old += 1;
                continue;
            }
            fresh.push(candidate);
        }
        Ok(fresh)
    }

    /// Our own report is no input while its bytes are ours; of changed ones, only errors files are inputs.
    fn is_report(&mut self, shop: &Shop, candidate: &Candidate, written: bool) -> Result<bool> {
        let Some(report) = &candidate.ours else { return Ok(false) };
        match Own::of(report, written) {
            Own::Ours => Ok(true),
            Own::Input => Ok(false),
            Own::WhileUnchanged => self.is_as_written(shop, candidate),
            Own::IfNamed => Ok(self.is_named_by_its_receipt(candidate, report)),
        }
    }

    /// Whether its bytes are those of a report that the ledger wrote under its name.
    fn is_as_written(&mut self, shop: &Shop, candidate: &Candidate) -> Result<bool> {
        let Some(sha256) = self.hash(candidate) else { return Ok(true) };
        let (folder, name) = (self.drop.folder.clone(), candidate.name.clone());
        Ok(shop.ledger.ask_blocking(move |ledger| ledger.report_of(&folder, &name, &sha256))?.is_some())
    }

    /// A result that this ledger did not write, and another of ours did: the receipt beside it names its hash.
    fn is_named_by_its_receipt(&mut self, candidate: &Candidate, report: &ReportName) -> bool {
        let plain = ReportName { kind: intake::Report::Receipt, numbered: None, ..report.clone() };
        let receipt = std::fs::read(self.drop.folder.join(plain.to_string())).ok();
        let receipt: Option<serde_json::Value> = receipt.and_then(|text| serde_json::from_slice(&text).ok());
        let Some(reports) = receipt.as_ref().and_then(|receipt| receipt["reports"].as_array()) else {
            return false;
        };
        let sha256 = self.hash(candidate);
        reports
            .iter()
            .any(|one| one["name"] == *candidate.name && one["sha256"].as_str() == sha256.as_deref())
    }

    fn hash(&mut self, candidate: &Candidate) -> Option<String> {
        if let Some((_, hash)) =
            self.hashes.get(&candidate.name).filter(|(stamp, _)| *stamp == candidate.stamp)
        {
            return Some(hash.clone());
        }
        let hash = hash::sha256_of(std::fs::File::open(self.drop.folder.join(&candidate.name)).ok()?).ok()?;
        self.hashes.insert(candidate.name.clone(), (candidate.stamp, hash.clone()));
        Some(hash)
    }

    fn copy(&mut self, shop: &Shop, candidate: &Candidate) -> Result<bool> {
        let folder = self.drop.folder.clone();
        let copied = match intake::snapshot(&folder, candidate, &shop.spool, &mut |_| {}) {
            Ok(copied) => copied,
            Err(intake::Error::Vanished { .. }) => return Ok(false),
            Err(error @ intake::Error::Spool { .. }) => return Err(error.into()),
            Err(error) => {
                self.wait(shop, &candidate.name, error.code(), error.args(), Ends::Itself);
                return Ok(false);
            }
        };
        let file = NewFile {
            folder,
            name: candidate.name.clone(),
            bytes: copied.bytes,
            mtime_ns: candidate.stamp.mtime_ns,
            sha256: copied.sha256,
            language: self.drop.language,
        };
        let now = shop.world.clock.now();
        let name = file.name.clone();
        let intake = shop.ledger.ask_blocking(move |ledger| ledger.receive(&file, now))?;
        pass(Point::Received);
        tracing::info!(intake, file = %name, bytes = copied.bytes, "file received");
        Ok(true)
    }

    /// A file that waits as a whole waits no longer once it is gone from its folder.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn withdraw_gone(&self, shop: &Shop, intake: i64, name: &str) -> Result<bool> {
        if !self.reachable || self.present.contains(name) {
            return Ok(false);
        }
        let now = shop.world.clock.now();
        let none: Vec<StoredIssue> = Vec::new();
        shop.ledger.ask_blocking(move |ledger| ledger.set_aside(intake, FileState::Withdrawn, &none, now))?;
        Ok(true)
    }
}

/// Names, sizes and times of everything in the mappings' folders: lists lie beside them.
fn mappings_stamp(paths: &[PathBuf]) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
    let mut stamps = Vec::new();
    let mut left: Vec<PathBuf> = paths.iter().map(|path| path_or_parent(path)).collect();
    left.sort();
    left.dedup();
    while let Some(path) = left.pop() {
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            left.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else {
            stamps.push((path, metadata.len(), metadata.modified().ok()));
        }
    }
    stamps.sort();
    stamps
}

fn path_or_parent(path: &Path) -> PathBuf {
    if path.is_dir() { path.to_owned() } else { path.parent().unwrap_or(path).to_owned() }
}
