//! One driver a section: what is due goes out, one batch at a time, in the ledger's order.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::exchange::Line;
use super::gate::{Gate, Now, UNKNOWN_IN_A_ROW};
use super::login::Refusal;
use super::stop::{LOGIN_REFUSED, NO_ANSWERS, Stop};
use super::verdict::{Around, Came, Effect, of_ask, of_submit, response};
use super::{Clock, Error, Restore, Settings, batching};
use crate::destinations::{Call, Destination, Ticket};
use crate::ledger::{BatchVerdict, Handle, OpenBatch, RawAnswer, Want, Work};

/// How far intake is. Each accepted file is a change, which wakes the drivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Intake {
    /// Files accepted so far.
    pub accepted: u64,
    /// Nothing more will come in this call.
    pub done: bool,
}

/// How long a driver works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until intake is done and nothing is due, or what is due lies further ahead than `wait`, counted from the
    /// moment when there was nothing new to send.
    Run {
        /// Longest time to wait for answers and retries.
        wait: Duration,
    },
    /// Until told to stop.
    Watch,
}

/// What a driver did.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests that reached the system, or may have.
    pub batches: u32,
    /// Rows in them.
    pub rows: u32,
    /// Why not all of what was due went out.
    pub stopped: Option<Stop>,
}

/// Sends what is due for one section until the mode says that it is enough, or `stop` is cancelled.
///
/// # Errors
/// When the ledger fails, or a record in it cannot be read back. Troubles with the system are in the report.
pub async fn drive(
    ledger: Handle,
    destination: Arc<dyn Destination>,
    settings: Settings,
    mode: Mode,
    clock: Clock,
    intake: watch::Receiver<Intake>,
    stop: CancellationToken,
) -> Result<Report, Error> {
    let gate = Gate::new(&settings.pace, mode == Mode::Watch);
    match Line::new(ledger, destination, settings, clock, stop) {
        Ok(line) => {
            let report = Report::default();
            Driver { line, gate, mode, intake, report, deadline: None, refused: false }.work().await
        }
        Err(stop) => Ok(Report { stopped: Some(told(stop)), ..Report::default() }),
    }
}

/// Reads answers again that were kept but not applied before a crash. Called once, before any [`drive`].
/// Gives the number of batches settled; those of sections that are gone stay as they are.
pub async fn recover(
    ledger: &Handle,
    destination_of: &(dyn Fn(&str) -> Option<Arc<dyn Destination>> + Sync),
    restore: Restore,
    clock: &Clock,
) -> Result<usize, Error> {
    let now = clock.now();
    let mut settled = 0;
    for (section, open, answer) in ledger.ask(move |ledger| ledger.recover(now)).await? {
        let Some(destination) = destination_of(&section) else { continue };
        let verdict = read_again(destination.as_ref(), &section, &open, &answer, restore, clock)?;
        ledger.ask(move |ledger| ledger.settle(open.attempt, &verdict, now)).await?;
        settled += 1;
    }
    Ok(settled)
}

fn read_again(
    destination: &dyn Destination,
    section: &str,
    open: &OpenBatch,
    answer: &RawAnswer,
    restore: Restore,
    clock: &Clock,
) -> Result<BatchVerdict, Error> {
    let read = |claimed| {
        batching::item(claimed, destination.schema(), restore).ok_or(Error::Record(claimed.transaction))
    };
    let items = open.items.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let around = Around { section, now: clock.now(), items: items.len() };
    let response = response(answer);
    Ok(match open.ticket.clone().map(Ticket) {
        Some(ticket) => {
            let reply = destination.reply(&Call::Ask(&ticket, &items), &response);
            of_ask(reply, answer, &ticket, around, |_| Duration::ZERO).verdict
        }
        None => {
            let reply = destination.reply(&Call::Submit(&items), &response);
            of_submit(reply, answer, around, Option::unwrap_or_default).verdict
        }
    })
}

struct Driver {
    line: Line,
    gate: Gate,
    mode: Mode,
    intake: watch::Receiver<Intake>,
    report: Report,
    /// When a `run` stops waiting; set once there is nothing new to send.
    deadline: Option<Instant>,
    /// The last answer said that our token is not valid.
    refused: bool,
}

/// What the driver does next.
enum Next {
    Go,
    /// Until then, or until something changes.
    Rest(Option<Instant>),
}

impl Driver {
    async fn work(mut self) -> Result<Report, Error> {
        while !self.line.stop.is_cancelled() {
            // Read before the ledger is asked, so that what is accepted meanwhile wakes us.
            let done = self.intake.borrow_and_update().done || self.intake.has_changed().is_err();
            let next = match self.gate.at(Instant::now()) {
                Now::Never => break,
                Now::Until(until) => Next::Rest(Some(until)),
                Now::Open => self.step().await?,
            };
            if let Next::Rest(until) = next
                && !self.rest(until, done).await
            {
                break;
            }
        }
        self.report.stopped = self.gate.why().cloned();
        Ok(self.report)
    }

    async fn step(&mut self) -> Result<Next, Error> {
        let (section, now) = (self.line.settings.section.name.clone(), self.line.clock.now());
        let work = self.line.ledger.ask(move |ledger| ledger.work(&section, now)).await?;
        match work {
            Work::Nothing => return Ok(Next::Rest(None)),
            Work::Later(at) => {
                let ahead = (at - now).to_std().unwrap_or_default();
                return Ok(Next::Rest(Some(Instant::now() + ahead)));
            }
            Work::Claim | Work::Resend(_) | Work::Ask(_) => {}
        }
        // The token first: rows are claimed only when they can be sent at once.
        match self.line.token().await {
            Ok(Some(token)) => self.exchange(work, &token).await?,
            Ok(None) => {}
            Err(Refusal::Lasting(stop)) => self.gate.lasts(told(stop), Instant::now()),
            Err(Refusal::Passing(stop, asked)) => {
                let wait = self.line.wait(self.gate.passing(), asked);
                self.gate.passes(told(stop), wait, Instant::now());
            }
        }
        Ok(Next::Go)
    }

    async fn exchange(&mut self, work: Work, token: &SecretString) -> Result<(), Error> {
        let now = self.line.clock.now();
        let ledger = self.line.ledger.clone();
        let open = match work {
            Work::Ask(batch) => {
                if let Some(open) = ledger.ask(move |ledger| ledger.pending(batch)).await? {
                    let came = self.line.ask(&open, token).await?;
                    self.take_asked(came);
                }
                return Ok(());
            }
            Work::Resend(batch) => ledger.ask(move |ledger| ledger.resend(batch, now)).await?,
            _ => {
                let (want, build) = (self.want(), self.line.builder());
                ledger.ask(move |ledger| ledger.claim(&want, build)).await?
            }
        };
        let Some(open) = open else { return Ok(()) };
        if work == Work::Claim {
            self.deadline = None;
        }
        let came = self.line.submit(&open, token, self.gate.passing()).await?;
        self.take_sent(&open, came);
        Ok(())
    }

    fn want(&self) -> Want {
        let section = &self.line.settings.section;
        Want {
            section: section.name.clone(),
            rows: self.line.destination.limits().rows.max(1),
            today: self.line.clock.today(),
            late: section.late,
            now: self.line.clock.now(),
        }
    }

    fn take_sent(&mut self, open: &OpenBatch, came: Came) {
        if !matches!(came.verdict, BatchVerdict::NotSent { .. }) {
            self.report.batches += 1;
            self.report.rows = self.report.rows.saturating_add(u32::try_from(open.items.len()).unwrap_or(u32::MAX));
        }
        match came.effect {
            Effect::Answered => {
                self.gate.answered();
                self.refused = false;
            }
            Effect::Unknown => {
                if self.gate.unknown() {
                    let stop = self.stop(&NO_ANSWERS, UNKNOWN_IN_A_ROW.to_string());
                    self.gate.lasts(told(stop), Instant::now());
                }
            }
            other => self.take_trouble(other),
        }
    }

    /// A question tells nothing about how batches fare, unless it meets a trouble of its own.
    fn take_asked(&mut self, came: Came) {
        match came.effect {
            Effect::Answered => self.refused = false,
            Effect::Unknown => {}
            other => self.take_trouble(other),
        }
    }

    fn take_trouble(&mut self, effect: Effect) {
        let now = Instant::now();
        match effect {
            Effect::Answered | Effect::Unknown => {}
            Effect::Passing(stop, wait) => self.gate.passes(told(stop), wait, now),
            Effect::Lasting(stop) => self.gate.lasts(told(stop), now),
            Effect::Login => {
                self.line.forget_token();
                if std::mem::replace(&mut self.refused, true) {
                    let stop = self.stop(&LOGIN_REFUSED, "HTTP 401");
                    self.gate.lasts(told(stop), now);
                }
            }
        }
    }

    fn stop(&self, code: &'static crate::model::CodeInfo, seen: impl Into<String>) -> Stop {
        Stop::new(code, &self.line.settings.section.name, seen)
    }

    /// Waits for the moment, for news or for the end. False when a `run` has waited enough.
    async fn rest(&mut self, until: Option<Instant>, done: bool) -> bool {
        let now = Instant::now();
        if let (Mode::Run { wait }, true) = (self.mode, done) {
            let deadline = *self.deadline.get_or_insert(now + wait);
            if until.is_none_or(|until| until > deadline) {
                return false;
            }
        }
        // Other commands may change the ledger, so nobody sleeps long.
        let idle = now + self.line.settings.pace.idle;
        let until = until.map_or(idle, |until| until.min(idle));
        let intake = &mut self.intake;
        let news = async {
            if intake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = sleep_until(until) => {}
            () = news => {}
            () = self.line.stop.cancelled() => {}
        }
        true
    }
}

/// Says once, where it is met, why nothing goes.
fn told(stop: Stop) -> Stop {
    let section = stop.args.first().map_or("", String::as_str);
    tracing::warn!(section, code = stop.code.code, seen = stop.seen(), "sending pauses");
    stop
}
