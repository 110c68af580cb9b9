//! THE STORY: intake → convert → ledger → submit → report.
//!
//! Two loops meet only in the ledger: intake takes, converts and stages files; one sender a section sends what
//! is due. `run` goes on until neither has work, `watch` until it is told to stop. Memory is not the truth:
//! each pass lists the folders and asks the ledger, so a crash anywhere means "run again".

mod ageing;
mod backup;
mod intake_loop;
mod lists;
mod lock;
mod meant;
mod owner;
mod pinned;
mod reports;
mod risk;
mod shop;
mod stage;
mod take;
mod trace;
mod verify;
mod takeover;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::knife::{Point, pass};
use crate::ledger::{MappingRef, Summary};
use crate::mapping::Mapping;
use crate::submit::{self, Intake, Mode, Pace, Stop};

pub use backup::{Backup, Entry, backup};
pub use intake_loop::{Looked, look, open_folders, sender_settings};
pub use lock::Lock;
pub use meant::meant;
pub use owner::{Standings, standings};
pub use pinned::answers;
pub use reports::{Later, Reported, render_as, report_name, totals, write_due};
pub use risk::{AtRisk, at_risk};
pub use shop::{Books, Sections, Shop, World, catalogue, code_rooms, spool_of};
pub use stage::{Staged, stage};
pub use take::{Ends, Folder, Waiting};
pub use takeover::{Survey, Target, survey, take_over};
pub use trace::{CellAt, Derived, FieldMade, MappingNow, RowStory, Sent, Traced, trace};
pub use verify::{Tell, Verified, verify};

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
    /// Files whose reports could not be written; the next call tries again.
    pub unreported: usize,
    /// Sections that stopped sending, and why.
    pub stopped: Vec<Stop>,
    /// Everything open in the ledger.
    pub summary: Summary,
}

/// Takes what is ready, sends what is due, writes reports.
///
/// # Errors
/// When the ledger fails, or the process may not send: another one does, or a mark says that the ledger is old.
pub async fn run(shop: Arc<Shop>, until: Until, ending: CancellationToken) -> Result<Outcome> {
    let now = shop.world.clock.now();
    let _lock = Lock::take(&shop.config.ledger.path, now)?;
    let looked = Arc::clone(&shop);
    tokio::task::spawn_blocking(move || owner::require(&looked)).await??;
    crate::intake::prepare_spool(&shop.spool)?;
    recover(&shop, lock::owner(now)).await?;

    let (accepted, progress) = watch::channel(Intake::default());
    let mode = match until {
        Until::Done(wait) => Mode::Run { wait },
        Until::Stopped => Mode::Watch,
    };
    let senders: Vec<_> = senders(&shop, mode, &progress, &ending);
    let looking = tokio::task::spawn_blocking({
        let (shop, ending) = (Arc::clone(&shop), ending.clone());
        move || {
            let looked = intake_loop::run(&shop, until, &accepted, &ending);
            if looked.is_err() {
                ending.cancel();
            }
            looked
        }
    });
    let daily = ageing::begin(&shop, until, &ending);
    let mut outcome = intake_loop::join(&shop, looking, senders, &ending).await?;
    ageing::end(&shop, daily).await?;
    if let Some(trouble) = shop.marks.as_ref().and_then(|marks| marks.stopped()) {
        return Err(trouble.into());
    }
    outcome.summary = shop.ledger.ask(|ledger| ledger.summary()).await?;
    Ok(outcome)
}

/// What an earlier process left: attempts cut before their answer are unknown, answers kept but not applied are
/// read again.
async fn recover(shop: &Shop, owner: String) -> Result<()> {
    let now = shop.world.clock.now();
    let answers = shop.ledger.ask(move |ledger| ledger.recover(&owner, now)).await?;
    pass(Point::Recovered);
    for (section, open, answer) in answers {
        let Some(destination) = shop.sections.destinations.get(&section) else { continue };
        let verdict =
            submit::read_again(destination.as_ref(), &section, &open, &answer, now).unwrap_or_else(|error| {
                tracing::error!(batch = open.batch, %error, "an answer can't be read again");
                crate::ledger::BatchVerdict::Unknown {
                    seen: "the answer can't be read under today's catalogue".to_owned(),
                }
            });
        shop.ledger.ask(move |ledger| ledger.settle(open.attempt, &verdict, now)).await?;
        pass(Point::ReadAgain);
    }
    Ok(())
}

type Sender = tokio::task::JoinHandle<Result<submit::Report, submit::Error>>;

fn senders(
    shop: &Shop,
    mode: Mode,
    progress: &watch::Receiver<Intake>,
    ending: &CancellationToken,
) -> Vec<Sender> {
    // Two sections of one registration would send at the same time: the first speaks for both.
    let mut seen = std::collections::HashSet::new();
    let sections = shop.config.sections.iter().filter(|section| seen.insert(shop.sections.realm(section)));
    let lists_first = intake_loop::lists_first(shop.config.drops.iter().map(|drop| drop.settle));
    let sender = |section: &crate::destinations::Section| {
        let destination = shop.sections.destinations.get(&section.name).cloned()?;
        let settings = sender_settings(shop, section, Pace::default());
        let (ledger, clock) = (shop.ledger.clone(), shop.world.clock.clone());
        let (mut progress, ending) = (progress.clone(), ending.clone());
        Some(tokio::spawn(async move {
            tokio::select! {
                () = intake_loop::after_lists(&mut progress, tokio::time::sleep(lists_first)) => {}
                () = ending.cancelled() => {}
            }
            submit::drive(ledger, destination, settings, mode, clock, progress, ending).await
        }))
    };
    sections.filter_map(sender).collect()
}

/// How the ledger and receipts name a mapping.
pub fn mapping_ref(mapping: &Mapping) -> MappingRef {
    MappingRef { name: mapping.name.clone(), version: mapping.version, sha256: mapping.sha256.clone() }
}
