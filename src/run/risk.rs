//! Rows without an answer whose last day comes near: what each choice risks is said beside the file and by `status`.

use std::path::PathBuf;

use anyhow::Result;
use chrono::{Days, NaiveDate};

use super::Shop;
use crate::ledger::{Risk, StoredIssue, codes};

/// How many days before the last day people are warned.
const WARNED_DAYS: u64 = 3;

/// A file with such rows.
#[derive(Debug, Clone)]
pub struct AtRisk {
    /// The file.
    pub file: PathBuf,
    /// The first of the rows.
    pub first: Vec<u32>,
    /// What is at stake.
    pub risk: Risk,
    /// What is said of it.
    pub told: StoredIssue,
}

/// Every such file.
///
/// # Errors
/// When the ledger fails.
pub fn at_risk(shop: &Shop) -> Result<Vec<AtRisk>> {
    let near = near(shop);
    let mut all = Vec::new();
    for (intake, first) in shop.ledger.ask_blocking(move |ledger| ledger.files_at_risk(near))? {
        let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { continue };
        let Some(risk) = shop.ledger.ask_blocking(move |ledger| ledger.at_risk(intake, near))? else {
            continue;
        };
        all.push(AtRisk { file: view.folder.join(&view.name), first, risk, told: told(&risk) });
    }
    Ok(all)
}

/// The day up to which last days are near.
pub(super) fn near(shop: &Shop) -> NaiveDate {
    let today = shop.world.clock.today();
    today.checked_add_days(Days::new(WARNED_DAYS)).unwrap_or(today)
}

/// What must be said of a file's rows without an answer, where their last day comes near or has passed.
pub(super) fn alarm(shop: &Shop, intake: i64) -> Result<Option<StoredIssue>> {
    let near = near(shop);
    let risk = shop.ledger.ask_blocking(move |ledger| ledger.at_risk(intake, near))?;
    Ok(risk.as_ref().map(told))
}

fn told(risk: &Risk) -> StoredIssue {
    let local = |day: NaiveDate| day.format("%d.%m.%Y").to_string();
    let reverse = risk.reverse_until.map_or_else(|| "—".to_owned(), local);
    super::stage::told(&codes::RISK, [risk.rows.to_string(), local(risk.until), reverse])
}
