//! Which file a name means on the command line, where a dropped file and a report of another one share it.

use std::fs::File;
use std::path::Path;

use anyhow::{Result, bail};

use super::Shop;
use crate::ledger::{Meaning, What, codes};
use crate::model::{Lang, hash};

/// What is meant by what a person names: a repaired errors file keeps its name when a later report gets the same,
/// so the bytes that lie under it tell which of both it is.
///
/// # Errors
/// When nothing tells, or the ledger can't be read.
pub fn meant(shop: &Shop, what: What) -> Result<What> {
    let (path, row) = match &what {
        What::File(path) => (path, None),
        What::Row(path, row) => (path, Some(*row)),
        _ => return Ok(what),
    };
    match meaning(shop, path)? {
        None | Some(Meaning::Input) => Ok(what),
        Some(Meaning::Report(of)) => Ok(What::Received(of, row)),
        Some(Meaning::Either { of_report, of_input }) => {
            let code = &codes::TWO_MEANINGS;
            // Without a name of its own only the number of a row is left.
            let place =
                |name: Option<String>| name.map_or_else(|| "no:…".to_owned(), |name| format!("{name}:N"));
            let told = [path.display().to_string(), place(of_report), place(of_input)];
            bail!("{} ({})", code.message(Lang::En, &told), code.code)
        }
    }
}

fn meaning(shop: &Shop, path: &Path) -> Result<Option<Meaning>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned);
    let known = name.clone();
    let place = folder.clone();
    let shared = shop.ledger.ask_blocking(move |ledger| ledger.meaning(folder.as_deref(), &known, None))?;
    if shared.is_none() {
        return Ok(None);
    }
    let sha256 = File::open(path).ok().and_then(|file| hash::sha256_of(file).ok());
    Ok(shop.ledger.ask_blocking(move |ledger| ledger.meaning(place.as_deref(), &name, sha256.as_deref()))?)
}
