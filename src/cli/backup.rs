//! `backup`: a consistent copy of ledger, spool and marks while it works.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{ExitStatus, LangArg, load_config, out, world};
use crate::run::{self, Books, Shop};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A new or empty folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// The backup's list as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let config = load_config(config)?;
    if !config.ledger.path.exists() {
        bail!("{} is not there yet; nothing to copy", config.ledger.path.display());
    }
    let shop = Shop::open(config, world::world(), Books::Real)?;
    let made = run::backup(&shop, &args.dir)?;
    let lang = args.lang.into();
    if args.json {
        out::line(&serde_json::to_string(&made)?)?;
    } else {
        let files = out::pick(lang, "файла копирани в", "file(s) copied to");
        out::line(&format!("{} {files} {}", made.files.len(), args.dir.display()))?;
        out::line(out::pick(
            lang,
            "Настройките и тайните не са в копието; в него има данни за подаденото, пазете го като регистъра.",
            "Configuration and secrets are not in it; it holds what was reported, so keep it as safe as the ledger.",
        ))?;
    }
    for missing in &made.missing {
        let told = out::pick(
            lang,
            "липсва или е повредено копие на вход",
            "a copy of an input is missing or damaged",
        );
        out::tell(&format!("{told}: {missing}"));
    }
    Ok(ExitStatus::of(false, false, !made.missing.is_empty()))
}
