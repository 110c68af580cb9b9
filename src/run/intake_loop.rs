//! The loop over the drop folders, and how it ends together with the senders.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::pinned;
use super::reports::{self, Later, Notices, Reported};
use super::take::Ends;
use super::{Folder, Outcome, Sender, Shop, Staged, Until, Waiting, lists, stage};
use crate::config::{DropFolder, parse_duration, read_secret};
use crate::convert::Mappings;
use crate::destinations::Section;
use crate::intake::{self, wake_on_events};
use crate::ledger::{FileState, FileView, Quiet};
use crate::model::Lang;
use crate::submit::{Intake, Pace, Raise, Settings};

/// While a pass lasts, reports are renewed at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// How long a thread that looks at folders or writes there may take to end once it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// How long lists are read before anything else is done, from when the first of them can have rested.
const LISTS_FIRST: Duration = Duration::from_secs(30);
/// How soon `watch` looks whether something is to be reported.
const TICK: Duration = Duration::from_millis(500);

/// What one look at all folders found.
#[derive(Debug, Default)]
pub struct Looked {
    /// What waits.
    pub waiting: Vec<Waiting>,
    /// Files accepted.
    pub accepted: u64,
    /// Files left alone because they are too old.
    pub too_old: usize,
}

/// All drop folders with their mappings.
pub fn open_folders(shop: &Shop) -> Vec<Folder> {
    let schemas = shop.sections.schemas();
    let open = |drop: &DropFolder| {
        let mappings = Mappings::load(&drop.mappings, &schemas);
        for problem in &mappings.problems {
            tracing::error!(mapping = %problem.path.display(), line = problem.line, problem = %problem.message, "a mapping is broken");
        }
        Folder::new(drop.clone(), mappings)
    };
    // Lists come first: nothing goes before what they say is known.
    lists_folders(shop).iter().chain(&shop.config.drops).map(open).collect()
}

/// The folders for lists that are there: whoever wants one makes it.
fn lists_folders(shop: &Shop) -> Vec<DropFolder> {
    let all = shop.config.drops.iter().map(DropFolder::for_lists);
    all.filter(|drop| drop.folder.is_dir()).collect()
}

/// Folders for lists that were made since.
fn open_new_lists(shop: &Shop, folders: &mut Vec<Folder>) {
    for drop in lists_folders(shop) {
        if folders.iter().all(|folder| folder.drop.folder != drop.folder) {
            let mappings = Mappings::load(&drop.mappings, &shop.sections.schemas());
            folders.push(Folder::new(drop, mappings));
        }
    }
}

/// Looks at every folder once: takes what is ready, stages and accepts it. With `look_only` nothing is taken.
///
/// # Errors
/// When the ledger or the spool fail.
pub fn look(
    shop: &Shop,
    folders: &mut [Folder],
    look_only: bool,
    ending: &CancellationToken,
) -> Result<Looked> {
    let mut looked = Looked::default();
    for folder in folders.iter_mut() {
        folder.pass(shop, look_only, Instant::now())?;
        looked.too_old += folder.too_old;
    }
    for intake in shop.ledger.ask_blocking(|ledger| ledger.unfinished())? {
        if ending.is_cancelled() {
            break;
        }
        finish(shop, folders, intake, look_only, ending, &mut looked)?;
    }
    looked.waiting.extend(folders.iter().flat_map(|folder| folder.waiting.clone()));
    for folder in folders.iter().filter(|folder| folder.drop.lists) {
        looked.waiting.extend(lists::unclear(shop, folder)?);
    }
    Ok(looked)
}

/// A file that nobody could read yet: who takes it out of the folder takes it back. Others are in the spool for good.
fn waits_for_a_person(view: &FileView) -> bool {
    let unfit = [intake::F006.code, intake::F007.code, intake::F017.code];
    view.state == FileState::Held
        || view.state == FileState::Received
            && view.issues.iter().any(|issue| unfit.contains(&issue.code.as_str()))
}

/// Brings a received file on its way, as far as it goes now.
fn finish(
    shop: &Shop,
    folders: &mut [Folder],
    intake: i64,
    look_only: bool,
    ending: &CancellationToken,
    looked: &mut Looked,
) -> Result<()> {
    let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { return Ok(()) };
    let Some(folder) = folders.iter_mut().find(|folder| folder.drop.folder == view.folder) else {
        return Ok(());
    };
    if !look_only && waits_for_a_person(&view) && folder.withdraw_gone(shop, intake, &view.name)? {
        return Ok(());
    }
    let answers = pinned::answers(view.reading.as_ref());
    let open = matches!(view.state, FileState::Received | FileState::Held);
    let waits = open && folder.tried.get(&intake) == Some(&answers);
    let staged = if look_only || waits {
        Some(Staged::Aside(view.state, view.issues.clone()))
    } else {
        stage(shop, &folder.drop, &folder.mappings, intake, ending)?
    };
    match staged {
        Some(Staged::Accepted) => looked.accepted += 1,
        Some(Staged::Aside(state @ (FileState::Received | FileState::Held), issues)) => {
            folder.tried.insert(intake, answers);
            let told =
                issues.first().and_then(|issue| Some((shop.catalogue.get(&issue.code)?, issue.args.clone())));
            let (code, args) = told.unwrap_or((&intake::F002, vec!["1 s".to_owned()]));
            folder.waiting.push(Waiting {
                folder: view.folder.clone(),
                name: view.name.clone(),
                code,
                args,
                since: view.received_at,
                ends: Ends::Person,
                // A file held as a whole has its notice from its reports.
                notice: state == FileState::Received,
            });
        }
        _ => {}
    }
    Ok(())
}

/// Looks until nothing rests or waits to be read (`run`), or until told to stop (`watch`).
pub(super) fn run(
    shop: &Shop,
    until: Until,
    accepted: &watch::Sender<Intake>,
    ending: &CancellationToken,
) -> Result<Outcome> {
    let mut folders = open_folders(shop);
    reports::archive_left(shop)?;
    let mut notices = Notices::new();
    let (wake, woken) = channel();
    let paths: Vec<_> = folders.iter().map(|folder| folder.drop.folder.clone()).collect();
    let watching = matches!(until, Until::Stopped);
    let mut wakers = watching.then(|| {
        wake_on_events(&paths, move || {
            let _ = wake.send(());
        })
    });
    let mut outcome = Outcome::default();
    let mut books = Bookkeeping::new();
    read_lists(shop, &mut folders, ending)?;
    accepted.send_modify(|progress| progress.lists_read = true);
    loop {
        let looked = look(shop, &mut folders, false, ending)?;
        for folder in &folders {
            reports::notices(shop, &mut notices, folder)?;
        }
        accepted.send_modify(|progress| progress.accepted += looked.accepted);
        outcome.waiting = looked.waiting;
        outcome.too_old = looked.too_old;
        let rest = folders.iter().filter_map(|folder| folder.next(Instant::now())).min();
        if !watching && rest.is_none() || ending.is_cancelled() {
            break;
        }
        if watching {
            reload(shop, &mut folders);
            open_new_lists(shop, &mut folders);
        }
        let poll = folders.iter().map(|folder| folder.drop.poll).min().unwrap_or(TICK);
        let wait = rest.map_or(poll, |rest| rest.min(poll));
        books.wait(shop, &woken, wait, watching, ending, &mut outcome.reported)?;
        if let Some(wakers) = &mut wakers {
            wakers.rearm();
        }
    }
    accepted.send_modify(|progress| progress.done = true);
    Ok(outcome)
}

/// Reads the lists that lie there until none of them rests: what a list shows under our number must not go again. One
/// that never does, as while somebody writes it, keeps neither sending nor the drop folders waiting for long.
fn read_lists(shop: &Shop, folders: &mut [Folder], ending: &CancellationToken) -> Result<()> {
    let count = folders.iter().take_while(|folder| folder.drop.lists).count();
    let (lists, _) = folders.split_at_mut(count);
    let (begun, most) = (Instant::now(), lists_first(lists.iter().map(|folder| folder.drop.settle)));
    while !lists.is_empty() && !ending.is_cancelled() {
        look(shop, lists, false, ending)?;
        let rest = lists.iter().filter_map(|folder| folder.next(Instant::now())).min();
        let Some(pause) = before_next_look(begun.elapsed(), rest, most) else { break };
        std::thread::sleep(pause);
    }
    if lists.iter().any(|folder| folder.next(Instant::now()).is_some()) {
        tracing::warn!("a list does not rest: sending goes on without what it says");
    }
    Ok(())
}

/// How long lists have, given the quiet times of their folders.
pub(super) fn lists_first(quiet: impl Iterator<Item = Duration>) -> Duration {
    LISTS_FIRST + quiet.max().unwrap_or_default()
}

/// How long to wait until lists are looked at again, after so long, where the first of them still rests so long; none
/// where none rests, or they had their time.
fn before_next_look(waited: Duration, rest: Option<Duration>, most: Duration) -> Option<Duration> {
    let left = most.saturating_sub(waited);
    rest.map(|rest| rest.min(TICK).min(left)).filter(|pause| !pause.is_zero())
}

/// Waits until the lists that lie there are read, or have had their time.
pub(super) async fn after_lists(progress: &mut watch::Receiver<Intake>, time: impl Future<Output = ()>) {
    tokio::select! {
        _ = progress.wait_for(|intake| intake.lists_read || intake.done) => {}
        // A share that hangs, or a list that never rests, must not keep rows from being sent.
        () = time => {}
    }
}

/// `watch` reads mappings and lists anew when they change.
fn reload(shop: &Shop, folders: &mut [Folder]) {
    for folder in folders {
        if folder.mappings_changed() {
            folder.reload(Mappings::load(&folder.drop.mappings, &shop.sections.schemas()));
            tracing::info!(folder = %folder.drop.folder.display(), mappings = folder.mappings.good.len(), "mappings read anew");
        }
    }
}

/// When reports are written while the loop goes on.
struct Bookkeeping {
    written: Instant,
    took: Duration,
    /// Files whose reports could not be put in place (open in Excel, say), and when to try again.
    later: Later,
}

impl Bookkeeping {
    fn new() -> Self {
        Self { written: Instant::now(), took: Duration::ZERO, later: Later::new() }
    }

    /// Waits for an event or the time, writing reports meanwhile where they are due.
    fn wait(
        &mut self,
        shop: &Shop,
        woken: &std::sync::mpsc::Receiver<()>,
        wait: Duration,
        watching: bool,
        ending: &CancellationToken,
        reported: &mut Vec<Reported>,
    ) -> Result<()> {
        let end = Instant::now() + wait;
        while !ending.is_cancelled() {
            if watching {
                self.report(shop, reported)?;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            match woken.recv_timeout(left.min(TICK)) {
                Ok(()) => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(left.min(TICK)),
            }
        }
        while woken.try_recv().is_ok() {}
        Ok(())
    }

    /// At the end of what is being sent; while it lasts at most every 30 s, and never more than a tenth of the time.
    fn report(&mut self, shop: &Shop, reported: &mut Vec<Reported>) -> Result<()> {
        let busy = shop.ledger.ask_blocking(|ledger| ledger.is_busy())?;
        let since = self.written.elapsed();
        if busy && (since < REPORT_EVERY || since < self.took * 10) {
            return Ok(());
        }
        let began = Instant::now();
        let (written, _) = reports::write_due(shop, &mut self.later)?;
        if !written.is_empty() {
            (self.written, self.took) = (Instant::now(), began.elapsed());
            // `watch` runs for months: only what the last pass wrote is kept.
            *reported = written;
        }
        Ok(())
    }
}

/// Waits for intake and senders to end, renewing reports every 30 s, then writes the last ones.
pub(super) async fn join(
    shop: &Arc<Shop>,
    looking: tokio::task::JoinHandle<Result<Outcome>>,
    senders: Vec<Sender>,
    ending: &CancellationToken,
) -> Result<Outcome> {
    let looked = unless_it_hangs(looking, ending).await.transpose()?.unwrap_or_else(|| {
        tracing::warn!("a drop folder does not answer; it is not waited for");
        Ok(Outcome::default())
    });
    let mut stopped = Vec::new();
    for mut sender in senders {
        let mut pause = REPORT_EVERY;
        let report = loop {
            tokio::select! {
                ended = &mut sender => break ended??,
                () = tokio::time::sleep(pause), if !ending.is_cancelled() => {
                    let began = Instant::now();
                    unless_it_hangs(write_last(shop), ending).await.transpose()?;
                    pause = REPORT_EVERY.max(began.elapsed() * 10);
                }
            }
        };
        stopped.extend(report.stopped);
    }
    let mut outcome = looked?;
    outcome.stopped = stopped;
    // Told to stop, the last reports are left to the next start: a large one takes its time.
    if !ending.is_cancelled()
        && let Some((last, unreported)) = unless_it_hangs(write_last(shop), ending).await.transpose()?
    {
        outcome.unreported = unreported;
        outcome.reported.extend(last);
    }
    Ok(outcome)
}

/// What a thread comes to; none where it did not end within [`GRACE`] after it was told to: a share that hangs
/// ends with its machine, and the ledger is whole at any moment.
async fn unless_it_hangs<T>(thread: impl Future<Output = T>, ending: &CancellationToken) -> Option<T> {
    let too_long = async {
        ending.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        done = thread => Some(done),
        () = too_long => None,
    }
}

/// What was reported, and of how many files the reports could not be written.
async fn write_last(shop: &Arc<Shop>) -> Result<(Vec<Reported>, usize)> {
    let shop = Arc::clone(shop);
    tokio::task::spawn_blocking(move || reports::write_due(&shop, &mut Later::new())).await?
}

/// What a section's sender is told.
pub fn sender_settings(shop: &Shop, section: &Section, pace: Pace) -> Settings {
    let (id, secret) = (section.client_id.clone(), section.client_secret.clone());
    let read = |secret: &Option<crate::destinations::Secret>, what: &str| match secret {
        Some(secret) => read_secret(secret).map_err(|error| error.explain(Lang::En)),
        None => Err(format!("{what} is not configured")),
    };
    let timeout = parse_duration(&section.wire.timeout).unwrap_or(Duration::from_mins(2));
    Settings {
        section: section.clone(),
        timeout,
        quiet: quiet(section, timeout),
        registration: shop.sections.registrations.get(&section.name).cloned(),
        secrets: Arc::new(move || Ok((read(&id, "client_id")?, read(&secret, "client_secret")?))),
        raise: raise(shop),
        seed: shop.world.seed,
        pace,
    }
}

/// Which wait the query by our number wants, where there is one.
fn quiet(section: &Section, timeout: Duration) -> Option<Quiet> {
    let wire = &section.wire;
    let length = |text: &str, usual| parse_duration(text).unwrap_or(usual);
    let quiet = Quiet {
        timeout,
        at_once: length(&wire.quiet, Duration::from_mins(30)),
        later: length(&wire.quiet_later, Duration::from_hours(24)),
        above: wire.async_above,
    };
    Some(quiet).filter(|_| !wire.lookup_path.is_empty())
}

/// Raises the marks before a batch is sent.
fn raise(shop: &Shop) -> Raise {
    let (marks, ledger, clock) = (shop.marks.clone(), shop.ledger.clone(), shop.world.clock.clone());
    Arc::new(move |batch| match &marks {
        Some(marks) => marks.raise(&ledger, batch, clock.now()),
        None => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::{Candidate, FileId, Readiness, Settling, Stamp};

    /// How long a list is waited for that is written until then, and whether it rests at the end.
    fn waited_for_a_list(settle: Duration, written_until: Duration) -> (Duration, bool) {
        let (start, mut settling) = (Instant::now(), Settling::new(settle));
        let (mut waited, mut looks) = (Duration::ZERO, 0);
        loop {
            let size = u64::try_from(waited.min(written_until).as_millis()).unwrap();
            let stamp = Stamp { size, mtime_ns: 0, file: FileId { device: 1, number: 1 } };
            let list = Candidate { name: "portal.csv".into(), stamp, is_open: false, ours: None };
            let now = start + waited;
            let ready = settling.observe(&[list], now) == [Readiness::Ready];
            looks += 1;
            assert!(looks < 2_000, "it is waited for without end");
            let rest = settling.next(now).filter(|_| !ready);
            let Some(pause) = before_next_look(waited, rest, lists_first(std::iter::once(settle))) else {
                return (waited, ready);
            };
            waited += pause;
        }
    }

    #[test]
    fn a_list_that_never_rests_keeps_the_drop_folders_waiting_no_longer_than_lists_may() {
        let settle = Duration::from_secs(10);
        assert_eq!(waited_for_a_list(settle, Duration::MAX), (LISTS_FIRST + settle, false));
    }

    /// However long the quiet time is that was set.
    #[test]
    fn a_list_that_lies_there_is_read_before_anything_is_sent() {
        for settle in [0, 10, 35, 600].map(Duration::from_secs) {
            assert_eq!(waited_for_a_list(settle, Duration::ZERO), (settle, true));
        }
    }

    #[test]
    fn once_no_list_rests_nothing_waits_for_lists() {
        assert_eq!(before_next_look(Duration::ZERO, None, LISTS_FIRST), None);
        let short = Duration::from_millis(7);
        assert_eq!(before_next_look(Duration::ZERO, Some(short), LISTS_FIRST), Some(short));
    }

    #[tokio::test]
    async fn sending_waits_for_lists_until_they_are_read_or_have_had_their_time() {
        let (told, mut progress) = watch::channel(Intake::default());
        after_lists(&mut progress, std::future::ready(())).await;
        tokio::select! {
            biased;
            () = after_lists(&mut progress, std::future::pending()) => panic!("nobody has read them"),
            () = std::future::ready(()) => {}
        }
        told.send_modify(|intake| intake.lists_read = true);
        after_lists(&mut progress, std::future::pending()).await;
    }

    #[tokio::test]
    async fn what_hangs_is_given_up_once_the_end_was_told_and_not_before() {
        let ending = CancellationToken::new();
        assert_eq!(unless_it_hangs(async { 1 }, &ending).await, Some(1));
        let hangs = unless_it_hangs(std::future::pending::<()>(), &ending);
        tokio::select! {
            biased;
            _ = hangs => panic!("given up although nobody told it to end"),
            () = std::future::ready(()) => {}
        }
        ending.cancel();
        assert_eq!(unless_it_hangs(std::future::pending::<()>(), &ending).await, None);
        assert_eq!(unless_it_hangs(async { 2 }, &ending).await, Some(2), "whoever ends is heard");
    }
}
