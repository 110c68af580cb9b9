//! THE STORY: intake → convert → ledger → submit → report.
//!
//! Two loops meet only in the ledger: intake takes, converts and stages files; one sender a section sends what
//! is due. `run` goes on until neither has work, `watch` until it is told to stop. Memory is not the truth:
//! each pass lists the folders and asks the ledger, so a crash anywhere means "run again".

mod intake_loop;
mod lock;
mod reports;
mod shop;
mod stage;
mod take;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ledger::{MappingRef, Summary};
use crate::mapping::Mapping;
use crate::submit::{self, Intake, Mode, Pace, Stop};

pub use intake_loop::{Looked, look, open_folders};
pub use lock::Lock;
pub use reports::{Reported, notices, write_due};
pub use shop::{Books, Shop, World, catalogue, code_rooms, spool_of};
pub use stage::{Staged, stage};
pub use take::{Folder, Waiting};

/// How long a pass lasts.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// Until there is nothing more to do, waiting that long for answers and retries.
    Done(Duration),
    /// Until told to stop.
    Stopped,
}

/// What a `run` came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Files reported in this call.
    pub reported: Vec<Reported>,
    /// Files that wait, and why.
    pub waiting: Vec<Waiting>,
    /// Files left alone because they are older than `since`.
    pub too_old: usize,
    /// Sections that stopped sending, and why.
    pub stopped: Vec<Stop>,
    /// Everything open in the ledger.
    pub summary: Summary,
}

/// Takes what is ready, sends what is due, writes reports.
///
/// # Errors
/// When the ledger fails, or the process may not send because another one does.
pub async fn run(shop: Arc<Shop>, until: Until, stop: CancellationToken) -> Result<Outcome> {
    let now = shop.world.clock.now();
    let _lock = Lock::take(&shop.config.ledger.path, now)?;
    crate::intake::prepare_spool(&shop.spool())?;
    let of = |section: &str| shop.destinations.get(section).cloned();
    submit::recover(&shop.ledger, &lock::owner(now), &of, crate::validate::Record::restored, &shop.world.clock).await?;

    let (accepted, progress) = watch::channel(Intake::default());
    let mode = match until {
        Until::Done(wait) => Mode::Run { wait },
        Until::Stopped => Mode::Watch,
    };
    let senders: Vec<_> = senders(&shop, mode, &progress, &stop);
    let looking = tokio::task::spawn_blocking({
        let (shop, stop) = (Arc::clone(&shop), stop.clone());
        move || intake_loop::run(&shop, until, &accepted, &stop)
    });
    let mut outcome = intake_loop::join(&shop, looking, senders).await?;
    outcome.summary = shop.ledger.ask(|ledger| ledger.summary()).await?;
    Ok(outcome)
}

type Sender = tokio::task::JoinHandle<Result<submit::Report, submit::Error>>;

fn senders(shop: &Shop, mode: Mode, progress: &watch::Receiver<Intake>, stop: &CancellationToken) -> Vec<Sender> {
    let sections = shop.config.sections.iter();
    let sender = |section: &crate::destinations::Section| {
        let destination = shop.destinations.get(&section.name).cloned()?;
        let settings = intake_loop::settings(shop, section, Pace::default());
        let (ledger, clock) = (shop.ledger.clone(), shop.world.clock.clone());
        let (progress, stop) = (progress.clone(), stop.clone());
        Some(tokio::spawn(submit::drive(ledger, destination, settings, mode, clock, progress, stop)))
    };
    sections.filter_map(sender).collect()
}

/// How the ledger and receipts name a mapping.
pub fn mapping_ref(mapping: &Mapping) -> MappingRef {
    MappingRef { name: mapping.name.clone(), version: mapping.version, sha256: mapping.sha256.clone() }
}
