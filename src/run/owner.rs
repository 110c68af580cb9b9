//! Whose the drop folders are: looked at before anything of them is touched, and before anything is sent.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Shop;
use crate::marks::{Standing, Trouble};

/// What the marks of everything configured say.
pub struct Standings {
    /// Why the ledger itself sends nothing.
    pub ledger: Option<Trouble>,
    /// Each configured drop folder, in order; none where its share hangs.
    pub folders: Vec<(PathBuf, Option<Standing>)>,
}

impl Standings {
    /// Why nothing at all may be sent.
    pub fn stopped(&self) -> Option<&Trouble> {
        let of_folder = self.folders.iter().find_map(|(_, standing)| match standing {
            Some(Standing::Stopped(trouble)) => Some(trouble),
            _ => None,
        });
        self.ledger.as_ref().or(of_folder)
    }
}

/// Looks at all marks and writes nothing.
///
/// # Errors
/// When the ledger fails.
pub fn standings(shop: &Shop) -> Result<Standings> {
    let mut found = Standings { ledger: None, folders: Vec::new() };
    let Some(marks) = &shop.marks else { return Ok(found) };
    found.ledger = marks.of_ledger(&shop.ledger)?;
    for drop in &shop.config.drops {
        let standing = match marks.within_patience(&drop.folder) {
            Some(read) => Some(marks.of_folder(&shop.ledger, &drop.folder, &read)?),
            None => None,
        };
        found.folders.push((drop.folder.clone(), standing));
    }
    Ok(found)
}

/// Ends what was begun where nothing may be sent.
///
/// # Errors
/// Why nothing may be sent.
pub(super) fn require(shop: &Shop) -> Result<()> {
    match standings(shop)?.stopped() {
        Some(trouble) => Err(trouble.clone().into()),
        None => Ok(()),
    }
}

/// Where a folder stands before it is listed; one that is new is marked, unless it is only looked at.
///
/// # Errors
/// When the ledger fails, or nothing at all may be sent.
pub(super) fn enter(shop: &Shop, folder: &Path, look_only: bool) -> Result<Standing> {
    let Some(marks) = &shop.marks else { return Ok(Standing::New) };
    let standing = if look_only {
        marks.look(&shop.ledger, folder)?
    } else {
        marks.settle(&shop.ledger, folder, shop.world.clock.now())?
    };
    match marks.stopped() {
        Some(trouble) if !look_only => Err(trouble.into()),
        _ => Ok(standing),
    }
}

/// Whether reports may be written into a folder: not where it is another's, and not into what lies in its place.
///
/// # Errors
/// When the ledger fails.
pub(super) fn may_write(shop: &Shop, folder: &Path) -> Result<bool> {
    let standing = enter(shop, folder, true)?;
    Ok(matches!(standing, Standing::Ours(_) | Standing::New))
}
