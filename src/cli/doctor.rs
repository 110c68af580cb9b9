//! `doctor`: what is wrong, before a file is dropped.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{ExitStatus, load_config, out, world};
use crate::config::{Config, is_network_path};
use crate::marks::Standing;
use crate::model::Lang;
use crate::run::{self, Books, Folder, Shop};
use crate::submit::{Pace, ProbeResult, probe};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at everything here; call no system
    #[arg(long)]
    offline: bool,
    /// Write what was found to FILE as JSON
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// One JSON document instead of lines for people
    #[arg(long)]
    json: bool,
}

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    good: bool,
    seen: String,
}

#[derive(Debug, Serialize)]
struct Proof {
    at: String,
    version: &'static str,
    config: String,
    verdict: &'static str,
    findings: Vec<Finding>,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let path = config.path.display().to_string();
    let mut findings = vec![fine("config", &path)];
    findings.push(clock());
    findings.push(ledger_place(&config));
    findings.extend(config.drops.iter().flat_map(|drop| folder(&drop.folder)));
    let shop = match Shop::open(config, world::world(), Books::Real) {
        Ok(shop) => Some(Arc::new(shop)),
        Err(error) => {
            findings.push(bad("ledger", format!("{error:#}")));
            None
        }
    };
    if let Some(shop) = &shop {
        findings.extend(here(shop));
        if !args.offline {
            findings.extend(there(shop)?);
        }
    }
    let good = findings.iter().all(|finding| finding.good);
    let verdict = if good && !args.offline { "ONLINE" } else { "OFFLINE" };
    let proof = Proof {
        at: world::now().to_rfc3339(),
        version: env!("CARGO_PKG_VERSION"),
        config: path,
        verdict,
        findings,
    };
    tell(&proof, args)?;
    Ok(if good { ExitStatus::Done } else { ExitStatus::Unable })
}

fn tell(proof: &Proof, args: &Args) -> Result<()> {
    let text = serde_json::to_string_pretty(&proof)?;
    if let Some(path) = &args.proof {
        let mut file = tempfile::NamedTempFile::new_in(
            path.parent().filter(|dir| dir.is_dir()).unwrap_or(Path::new(".")),
        )?;
        file.write_all(text.as_bytes())?;
        file.persist(path).with_context(|| format!("{} could not be written", path.display()))?;
    }
    if args.json {
        return Ok(out::line(&text)?);
    }
    for finding in &proof.findings {
        let mark = if finding.good { "ok " } else { "BAD" };
        out::line(&format!("{mark} {}: {}", finding.what, finding.seen))?;
    }
    Ok(out::line(proof.verdict)?)
}

fn fine(what: impl Into<String>, seen: impl Into<String>) -> Finding {
    Finding { what: what.into(), good: true, seen: seen.into() }
}

fn bad(what: impl Into<String>, seen: impl Into<String>) -> Finding {
    Finding { what: what.into(), good: false, seen: seen.into() }
}

/// A clock before this program was made is wrong, whatever else it says.
fn clock() -> Finding {
    let now = world::now();
    let seen = now.with_timezone(&chrono_tz::Europe::Sofia).format("%Y-%m-%d %H:%M:%S %Z").to_string();
    if now.timestamp() < 1_780_000_000 {
        return bad("clock", format!("{seen}: earlier than this program; set the machine's clock"));
    }
    fine("clock", seen)
}

fn ledger_place(config: &Config) -> Finding {
    let path = &config.ledger.path;
    if is_network_path(path) {
        return bad("ledger", format!("{} lies on a network share; a local disk is needed", path.display()));
    }
    fine("ledger on a local disk", path.display().to_string())
}

/// Reads, creates, renames over and deletes in a drop folder, as this account.
fn folder(path: &Path) -> Vec<Finding> {
    let what = format!("folder {}", path.display());
    let steps = || -> std::io::Result<()> {
        std::fs::read_dir(path)?.next();
        let mut one = tempfile::Builder::new().prefix(".rxdrop-doctor-").suffix(".tmp").tempfile_in(path)?;
        one.write_all(b"rxdrop doctor")?;
        let two = tempfile::Builder::new().prefix(".rxdrop-doctor-").suffix(".tmp").tempfile_in(path)?;
        let kept = one.persist(two.path()).map_err(|error| error.error)?;
        drop(kept);
        two.close()
    };
    match steps() {
        Ok(()) => vec![fine(what, "read, create, rename over, delete: allowed")],
        Err(error) => vec![bad(
            what,
            format!("{error}; give this account the rights to read, create, rename and delete there"),
        )],
    }
}

/// Mappings, sections and what lies in the folders.
fn here(shop: &Shop) -> Vec<Finding> {
    let mut findings = marks(shop);
    for (name, why) in &shop.sections.unusable {
        findings.push(bad(format!("section {name}"), why.clone()));
    }
    for section in &shop.config.sections {
        if section.actor_reg_no.is_none() {
            findings.push(fine(
                format!("section {}", section.name),
                "no actor_reg_no: mappings must give p_actor_reg_no",
            ));
        }
    }
    for mut folder in run::open_folders(shop) {
        let what = format!("mappings of {}", folder.drop.folder.display());
        for problem in &folder.mappings.problems {
            findings.push(bad(&what, problem.rendered.clone()));
        }
        match folder.mappings.good.len() {
            0 => findings.push(bad(&what, "none can be used; every file would wait")),
            count => findings.push(fine(&what, format!("{count} good"))),
        }
        findings.push(waiting(shop, &mut folder));
    }
    findings
}

/// Whose the folders are, and whether the ledger is as new as its marks.
fn marks(shop: &Shop) -> Vec<Finding> {
    let standings = match run::standings(shop) {
        Ok(standings) => standings,
        Err(error) => return vec![bad("marks", format!("{error:#}"))],
    };
    let ledger = match &standings.ledger {
        Some(trouble) => bad("mark of the ledger", trouble.to_string()),
        None => fine("mark of the ledger", "knows no more than the ledger"),
    };
    let folder = |(path, standing): &(PathBuf, Option<Standing>)| {
        let what = format!("mark of {}", path.display());
        match standing {
            Some(Standing::Ours(mark)) => fine(what, format!("ours since {}", mark.day())),
            Some(Standing::New) => fine(what, "none yet; the first run writes it"),
            Some(Standing::Barred(trouble) | Standing::Stopped(trouble)) => bad(what, trouble.to_string()),
            Some(Standing::Away) => bad(what, "the folder can't be reached"),
            None => bad(what, "the folder does not answer"),
        }
    };
    std::iter::once(ledger).chain(standings.folders.iter().map(folder)).collect()
}

fn waiting(shop: &Shop, folder: &mut Folder) -> Finding {
    if let Err(error) = folder.pass(shop, true, std::time::Instant::now()) {
        return bad("listing", format!("{error:#}"));
    }
    let what = format!("files in {}", folder.drop.folder.display());
    fine(what, format!("{} there, {} left alone as older than `since`", folder.present.len(), folder.too_old))
}

/// Each system, up to the token.
fn there(shop: &Arc<Shop>) -> Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut findings = Vec::new();
    for section in &shop.config.sections {
        let Some(destination) = shop.sections.destinations.get(&section.name) else { continue };
        let settings = run::sender_settings(shop, section, Pace::default());
        for result in runtime.block_on(probe(&settings, destination.as_ref(), &shop.world.clock)) {
            findings.push(told(&section.name, &result));
        }
    }
    Ok(findings)
}

fn told(section: &str, result: &ProbeResult) -> Finding {
    let what = format!("{section} {:?}", result.probe).to_lowercase();
    match &result.trouble {
        None => fine(what, result.seen.clone()),
        Some(stop) => bad(what, format!("{} ({})", stop.message(Lang::En), stop.code.code)),
    }
}
