//! What `check` and `convert` work with: a configuration if there is one, and the mappings that may fit.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::{load_config, out};
use crate::config::{
    Accept, After, C020, C021, Config, DropFolder, LedgerSettings, Level, LogSettings, sandbox_defaults,
};
use crate::convert::{Mappings, Schemas};
use crate::model::{CodeInfo, Lang};

/// Flags that `check` and `convert` share.
#[derive(Debug, clap::Args)]
pub(super) struct OneOff {
    /// Mapping to use; without it the configured ones, else ./mappings, are matched
    #[arg(long, value_name = "M.toml")]
    pub(super) mapping: Option<PathBuf>,
    /// Judge as on that day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) today: Option<chrono::NaiveDate>,
}

/// The configuration named or lying here, else the sandbox's values. Tells whether there is one.
pub(super) fn config(path: Option<PathBuf>) -> Result<(Config, bool)> {
    if path.is_some() || Path::new("rxdrop.toml").exists() {
        return Ok((load_config(path)?, true));
    }
    let dir = std::env::current_dir()?;
    let config = Config {
        path: dir.join("rxdrop.toml"),
        ledger: LedgerSettings { path: dir.join("state/rxdrop.db"), installation: 1, keep_raw_days: None },
        log: LogSettings { file: None, level: Level::Warn },
        drops: Vec::new(),
        sections: vec![sandbox_defaults()],
        dir,
    };
    Ok((config, false))
}

/// The mappings that may fit a file: the one named, those of the configured folders, or `./mappings`.
pub(super) fn mappings(
    config: &Config,
    schemas: &Schemas,
    named: Option<&Path>,
    lang: Lang,
) -> Result<Mappings> {
    let mut paths: Vec<PathBuf> = match named {
        Some(path) => vec![path.to_owned()],
        None => config.drops.iter().flat_map(|drop| drop.mappings.clone()).collect(),
    };
    if paths.is_empty() {
        paths.push(PathBuf::from("mappings"));
    }
    paths.sort();
    paths.dedup();
    let loaded = Mappings::load(&paths, schemas);
    for problem in &loaded.problems {
        out::tell(problem.rendered.trim_end());
    }
    let told = |code: &CodeInfo| anyhow!("{} ({})", code.message::<&str>(lang, &[]), code.code);
    if loaded.good.is_empty() {
        return Err(told(if loaded.problems.is_empty() { &C021 } else { &C020 }));
    }
    Ok(loaded)
}

/// The drop folder a file lies in, or one with the defaults.
pub(super) fn drop_of(config: &Config, file: &Path, lang: Option<Lang>) -> DropFolder {
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let configured = config.drops.iter().find(|drop| drop.folder == folder).cloned();
    let mut drop = configured.unwrap_or(DropFolder {
        folder,
        mappings: Vec::new(),
        destination: None,
        settle: std::time::Duration::ZERO,
        poll: std::time::Duration::from_secs(5),
        since: None,
        accept: Accept::GoodRows,
        after: After::Keep,
        language: Lang::Bg,
        lists: false,
    });
    if let Some(lang) = lang {
        drop.language = lang;
    }
    drop
}

/// The one mapping named, whatever its patterns say, or all.
pub(super) fn forced(mappings: &Mappings, named: bool) -> Option<Arc<crate::mapping::Mapping>> {
    mappings.good.first().filter(|_| named && mappings.good.len() == 1).cloned()
}
