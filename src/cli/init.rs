//! `init`: a commented configuration, folders and an example mapping.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{ExitStatus, out, world};

/// The example mapping: a wholesaler's export with Bulgarian headers.
pub(super) const MAPPING: &str = include_str!("../../mappings/sespa/deliveries.toml");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where; the current folder without it
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus> {
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let today = world::world().clock.today();
    for folder in ["drop", "mappings/sespa", "state"] {
        let folder = dir.join(folder);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} could not be made", folder.display()))?;
    }
    let files = [
        ("rxdrop.toml", crate::config::template(today)),
        ("mappings/sespa/deliveries.toml", MAPPING.to_owned()),
    ];
    for (name, text) in files {
        let path = dir.join(name);
        create(&path, text.as_bytes())?;
        out::line(&path.display().to_string())?;
    }
    out::tell(
        "next: adapt the mapping to your export, `rxdrop check FILE`, `rxdrop doctor`, then `rxdrop watch`",
    );
    Ok(ExitStatus::Done)
}

/// Writes a file that is not there yet: nothing of the user's is ever overwritten.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file =
        file.with_context(|| format!("{} could not be written; nothing is overwritten", path.display()))?;
    file.write_all(bytes).with_context(|| format!("{} could not be written", path.display()))
}
