//! Whether the evidence is as it was left: the ledger by itself, then what lies outside of it.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use super::Shop;
use crate::ledger::{Checked, FileState, Findings, Head, audit};
use crate::marks;
use crate::model::{Status, hash};
use crate::report::Totals;

/// Rows of one page of the ledger's stories.
const PAGE_ROWS: u32 = 5_000;
/// Contents of the spool asked for at once.
const PAGE_CONTENTS: u32 = 500;
/// What the name of a receipt ends in.
const RECEIPT_ENDING: &str = ".receipt.json";

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// What is not as it was left.
    pub findings: Findings,
    /// What people changed as they may: told, no fault.
    pub notes: Findings,
    /// What was looked at in the ledger.
    pub checked: Checked,
    /// Kept copies of inputs.
    pub contents: u64,
    /// Receipts beside inputs.
    pub receipts: u64,
}

/// Called with how many things were looked at since the last call.
pub type Tell = Arc<dyn Fn(u64) + Send + Sync>;

/// Looks at everything. Nothing is written.
///
/// # Errors
/// When the ledger can't be read.
pub fn verify(shop: &Shop, progress: &Tell) -> Result<Verified> {
    let folders = shop.ledger.ask_blocking(|ledger| ledger.folders())?;
    let receipts: Vec<Receipt> = folders.iter().flat_map(|folder| receipts_of(folder)).collect();
    let told = receipts.iter().map(|receipt| Head { path: receipt.path.clone(), hash: receipt.head.clone() });
    let heads: Vec<Head> = told.chain(marked(shop, &folders)?).collect();
    let tell = Arc::clone(progress);
    let (findings, checked) = shop.ledger.ask_blocking(move |ledger| ledger.audit(&heads, &*tell))?;
    let receipts_count = u64::try_from(receipts.len()).unwrap_or_default();
    let mut verified = Verified { findings, checked, receipts: receipts_count, ..Verified::default() };
    spool(shop, progress, &mut verified)?;
    for folder in &folders {
        reports(shop, folder, &mut verified.notes)?;
    }
    totals(shop, &receipts, progress, &mut verified.findings)?;
    Ok(verified)
}

/// What the marks of this ledger say, beside it and in its folders. Those of another ledger say nothing of this one.
fn marked(shop: &Shop, folders: &[PathBuf]) -> Result<Vec<Head>> {
    let ours = shop.ledger.ask_blocking(|ledger| Ok(ledger.id()))?;
    let own = shop.marks.as_ref().map(|marks| marks.own().to_owned());
    let paths = folders.iter().map(|folder| folder.join(marks::NAME)).chain(own);
    let head = |path: PathBuf| match marks::read(&path) {
        marks::Read::Mark(mark) if mark.ledger == ours && !mark.head.is_empty() => {
            Some(Head { path, hash: mark.head })
        }
        _ => None,
    };
    Ok(paths.filter_map(head).collect())
}

/// A receipt as it lies beside an input.
struct Receipt {
    path: PathBuf,
    head: String,
    totals: Value,
    sha256: String,
}

/// The receipts of a folder and of its archive. What is no receipt of ours says nothing.
fn receipts_of(folder: &Path) -> Vec<Receipt> {
    let mut places = vec![folder.to_owned()];
    places.extend(entries(&folder.join("archive")).into_iter().filter(|path| path.is_dir()));
    let names = places.iter().flat_map(|place| entries(place));
    names.filter(|path| path.to_string_lossy().ends_with(RECEIPT_ENDING)).filter_map(receipt).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn receipt(path: PathBuf) -> Option<Receipt> {
    let bytes = std::fs::read(&path).ok()?;
    let told: Value = serde_json::from_slice(&bytes).ok()?;
    let head = told.get("ledger_head")?.as_str().filter(|head| !head.is_empty())?.to_owned();
    Some(Receipt {
        path,
        head,
        totals: told.get("totals").cloned().unwrap_or_default(),
        sha256: hash::sha256(&bytes),
    })
}

/// Every content that the ledger names lies in the spool with its own hash.
fn spool(shop: &Shop, progress: &Tell, verified: &mut Verified) -> Result<()> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = shop.ledger.ask_blocking(move |ledger| ledger.contents(&from, PAGE_CONTENTS))?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        last.clone_into(&mut after);
        for (sha256, name) in page {
            let path = shop.spool.join(&sha256);
            let shown = path.display().to_string();
            match File::open(&path).and_then(hash::sha256_of) {
                Ok(found) if found == sha256 => {}
                Ok(_) => verified.findings.add(&audit::SPOOL_CHANGED, [name, shown]),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    verified.findings.add(&audit::SPOOL_MISSING, [name, shown]);
                }
                Err(error) => {
                    verified.findings.add(&audit::SPOOL_MISSING, [name, format!("{shown}: {error}")]);
                }
            }
            verified.contents += 1;
            progress(1);
        }
    }
}

/// Reports under names of ours whose bytes are not ours any more.
fn reports(shop: &Shop, folder: &Path, notes: &mut Findings) -> Result<()> {
    let place = folder.to_owned();
    for (name, _) in shop.ledger.ask_blocking(move |ledger| ledger.reports(&place))? {
        let path = folder.join(&name);
        let Ok(sha256) = File::open(&path).and_then(hash::sha256_of) else { continue };
        let place = folder.to_owned();
        let known = shop.ledger.ask_blocking(move |ledger| ledger.report_of(&place, &name, &sha256))?;
        if known.is_none() {
            notes.add(&audit::REPORT, [path.display().to_string()]);
        }
    }
    Ok(())
}

/// A receipt that is up to date says of its file what the ledger says.
fn totals(shop: &Shop, receipts: &[Receipt], progress: &Tell, findings: &mut Findings) -> Result<()> {
    let due: HashSet<i64> = shop.ledger.ask_blocking(|ledger| ledger.due_reports())?.into_iter().collect();
    for receipt in receipts {
        let Some(intake) = intake_of(shop, receipt)?.filter(|intake| !due.contains(intake)) else { continue };
        let changes = shop.ledger.ask_blocking(move |ledger| ledger.changes(intake))?;
        let Some(counted) = counted(shop, intake, progress)? else { continue };
        let moved = changes != shop.ledger.ask_blocking(move |ledger| ledger.changes(intake))?;
        if !moved && serde_json::to_value(counted)? != receipt.totals {
            let path = receipt.path.display().to_string();
            findings.add(
                &audit::TOTALS,
                [path, in_words(&receipt.totals), in_words(&serde_json::to_value(counted)?)],
            );
        }
    }
    Ok(())
}

fn intake_of(shop: &Shop, receipt: &Receipt) -> Result<Option<i64>> {
    let (Some(folder), Some(name)) = (receipt.path.parent(), receipt.path.file_name()) else {
        return Ok(None);
    };
    let (folder, name) = (folder.to_owned(), name.to_string_lossy().into_owned());
    let sha256 = receipt.sha256.clone();
    Ok(shop.ledger.ask_blocking(move |ledger| ledger.report_of(&folder, &name, &sha256))?)
}

/// The rows of a file by status; none of one whose rows do not act.
fn counted(shop: &Shop, intake: i64, progress: &Tell) -> Result<Option<Totals>> {
    let view = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
    if view.is_none_or(|view| view.state != FileState::Taken) {
        return Ok(None);
    }
    let (mut totals, mut after) = (Totals::default(), 0);
    loop {
        let page = shop.ledger.ask_blocking(move |ledger| ledger.rows(intake, after, PAGE_ROWS))?;
        let Some(last) = page.last() else { return Ok(Some(totals)) };
        after = last.row;
        for row in &page {
            totals.add(row.status);
        }
        progress(u64::try_from(page.len()).unwrap_or_default());
    }
}

/// The statuses of a receipt that any row has, as its programs know them.
fn in_words(totals: &Value) -> String {
    let counts = Status::ALL.into_iter().filter_map(|status| {
        let rows = totals.get(status.word())?.as_u64().filter(|rows| *rows > 0)?;
        Some(format!("{} {rows}", status.word()))
    });
    counts.collect::<Vec<_>>().join(", ")
}
