//! `demo`: the whole job with nothing configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{Days, NaiveDate};

use super::{ExitStatus, init, out, pass, world};
use crate::model::Status;
use crate::run::{Books, Outcome, Shop, Until};
use crate::sandbox::{Options, Server, samples, start};

/// Rows of the nightly sample.
const NIGHTLY_ROWS: usize = 2_000;
/// Longest wait for answers that come later.
const WAIT: Duration = Duration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A new folder for samples, configuration and reports
    #[arg(default_value = "rxdrop-demo")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus> {
    let dir = &args.dir;
    if dir.join("rxdrop.toml").exists() {
        bail!("{} holds a demo already; remove it, or name another folder", dir.display());
    }
    let world = world::world();
    let yesterday = world.clock.today() - Days::new(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let options = Options::new(([127, 0, 0, 1], 0).into(), Arc::new(world::now));
    let server = runtime.block_on(start(options))?;
    write_files(dir, &server, yesterday)?;
    let config = crate::config::load(&dir.join("rxdrop.toml"));
    let config =
        config.map_err(|problems| anyhow::anyhow!(problems.render(crate::model::Lang::En, false)))?;
    let _log = world::log(&config.log);
    out::tell(&format!(
        "a sandbox stands in for SESPA at {}; nothing leaves this machine",
        server.base_url()
    ));
    let shop = Arc::new(Shop::open(config, world, Books::Real)?);
    let outcome = pass::pass(&shop, Until::Done(WAIT))?;
    runtime.block_on(server.stop());
    show(dir, &outcome)?;
    Ok(pass::status(&outcome))
}

fn write_files(dir: &Path, server: &Server, newest: NaiveDate) -> Result<()> {
    let workbook = samples::deliveries_xlsx(newest).context("a sample workbook could not be made")?;
    let files: [(&str, Vec<u8>); 5] = [
        ("rxdrop.toml", settings(&server.base_url()).into_bytes()),
        ("mappings/sespa/deliveries.toml", init::MAPPING.as_bytes().to_vec()),
        ("drop/deliveries.csv", samples::deliveries_csv(newest)),
        ("drop/deliveries.xlsx", workbook),
        ("drop/nightly.csv", samples::nightly_csv(newest, NIGHTLY_ROWS)),
    ];
    files.iter().try_for_each(|(name, bytes)| init::create(&dir.join(name), bytes))
}

/// Batches of up to 600 rows: larger ones are answered later, smaller ones at once.
fn settings(base_url: &str) -> String {
    let address = base_url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    format!(
        r#"# Written by `rxdrop demo`, whose sandbox ended with it. To go on from here:
#   rxdrop sandbox --listen {address}
# and in another window, in this folder: rxdrop run --settle 0s
[ledger]
url = "sqlite://state/rxdrop.db"

[log]
level = "warn"

[[drop]]
folder   = "drop"
mappings = "mappings"
settle   = "0s"

[destination.sespa]
environment   = "sandbox"
base_url      = "{base_url}"
client_id     = {{ value = "sandbox" }}
client_secret = {{ value = "sandbox" }}
actor_reg_no  = {{ value = "00112233445566778899AABBCCDDEEFF" }}

[destination.sespa.wire]
max_batch = 600
"#
    )
}

fn show(dir: &Path, outcome: &Outcome) -> Result<()> {
    let statuses: Vec<Status> = Status::ALL
        .into_iter()
        .filter(|status| outcome.reported.iter().any(|file| file.totals.of(*status) > 0))
        .collect();
    let mut header = vec!["file", "rows"];
    header.extend(statuses.iter().map(|status| status.word()));
    let mut table = out::table(&header);
    for file in &outcome.reported {
        let name = file.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut cells = vec![name, file.totals.rows().to_string()];
        cells.extend(statuses.iter().map(|status| file.totals.of(*status).to_string()));
        table.add_row(cells);
    }
    out::line(&table.to_string())?;
    out::line("")?;
    out::line("reports beside the input:")?;
    for name in outcome.reported.iter().flat_map(|file| &file.reports) {
        out::line(&format!("  {}", dir.join("drop").join(name).display()))?;
    }
    pass::tell_stops(outcome, crate::model::Lang::En);
    Ok(())
}
