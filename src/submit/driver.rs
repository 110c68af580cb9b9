//! One driver a section: what is due goes out, one batch at a time, in the ledger's order.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::exchange::Line;
use super::gate::{Gate, Now, UNKNOWN_IN_A_ROW};
use super::login::Refusal;
use super::stop::{LOGIN_REFUSED, NO_ANSWERS, Stop};
use super::verdict::{Around, Came, Effect, later, of_ask, of_submit, response};
use super::{Backoff, Clock, Error, Settings, batching};
use crate::destinations::{Call, Destination, Ticket};
use crate::knife::{Point, pass};
use crate::ledger::{BatchVerdict, Handle, Looking, OpenBatch, Quiet, RawAnswer, Sought, Want, Work};

/// How far intake is. Each accepted file is a change, which wakes the drivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Intake {
    /// Files accepted so far.
    pub accepted: u64,
    /// The lists of what a system has that lay there were read.
    pub lists_read: bool,
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
    match Line::new(ledger, destination, settings, &clock, stop) {
        Ok(line) => {
            let report = Report::default();
            let rounds = Rounds::default();
            Driver { line, gate, mode, intake, report, deadline: None, refused: false, rounds }.work().await
        }
        Err(stop) => Ok(Report { stopped: Some(told(stop)), ..Report::default() }),
    }
}

/// What answers come to that were kept but not applied before a crash (`Ledger::recover` gives them). Pure; the
/// caller settles it. Done once, before any [`drive`].
///
/// # Errors
/// When a record of the batch cannot be read back.
pub fn read_again(
    destination: &dyn Destination,
    section: &str,
    open: &OpenBatch,
    answer: &RawAnswer,
    now: DateTime<Utc>,
) -> Result<BatchVerdict, Error> {
    let read =
        |claimed| batching::item(claimed, destination.schema()).ok_or(Error::Record(claimed.transaction));
    let items = open.items.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let around = Around { section, now, items: items.len(), ask_in: Duration::ZERO };
    let response = response(answer);
    let Some(ticket) = open.ticket.clone().map(Ticket) else {
        let reply = destination.reply(&Call::Submit(&items), &response);
        return Ok(of_submit(reply, answer, around, Option::unwrap_or_default).verdict);
    };
    let reply = destination.reply(&Call::Ask(&ticket, &items), &response);
    Ok(of_ask(reply, answer, &ticket, around, |_| Duration::ZERO).verdict)
}

/// A round of questions lasts no longer.
const ROUND: Duration = Duration::from_secs(10);

/// Questions about single transactions, one after the other: what is not received goes together at its end. What was
/// asked about is put off for longer than a round lasts, so that each is asked about once in it.
#[derive(Debug, Clone, Copy)]
struct Round {
    until: Instant,
    /// Files accepted when it began. What comes meanwhile goes out before it is over.
    accepted: u64,
}

/// When questions about single transactions may be asked.
#[derive(Debug, Default)]
struct Rounds {
    round: Option<Round>,
    /// How many in a row brought nothing.
    unclear: u32,
    /// None before then.
    rest: Option<Instant>,
}

impl Rounds {
    /// The round under way.
    fn under_way(&self, accepted: u64) -> Option<Round> {
        self.round.filter(|round| Instant::now() < round.until && round.accepted == accepted)
    }

    /// A question was answered.
    fn answered(&mut self) {
        (self.unclear, self.rest) = (0, None);
    }

    /// A question brought nothing: the round is over, and the next one waits.
    fn unclear(&mut self, hold: Backoff) {
        self.rest = Some(Instant::now() + hold.ceiling(self.unclear));
        (self.unclear, self.round) = (self.unclear.saturating_add(1), None);
    }
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
    rounds: Rounds,
}

/// What the driver does next.
enum Next {
    Go,
    /// Until then, or until something changes.
    Rest(Option<Instant>),
}

/// What is due.
enum Due {
    /// Something to send, or a batch to ask about.
    Work(Work),
    /// A single transaction to ask about.
    Look(Sought),
    /// Nothing before then.
    Later(Option<DateTime<Utc>>),
}

impl Driver {
    async fn work(mut self) -> Result<Report, Error> {
        while !self.line.stop.is_cancelled() {
            // Read before the ledger is asked, so that what is accepted meanwhile wakes us.
            let done = self.intake.borrow_and_update().done || self.intake.has_changed().is_err();
            let next = match self.gate.at(Instant::now()) {
                Now::Never => break,
                Now::Until(until) => Next::Rest(Some(until)),
                Now::Open => self.step(done).await?,
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

    async fn step(&mut self, done: bool) -> Result<Next, Error> {
        let (section, now) = (self.line.settings.section.name.clone(), self.line.clock.steady());
        let work = self.line.ledger.ask(move |ledger| ledger.work(&section, now)).await?;
        let due = match work {
            Work::Claim => self.rest_of_round(now, done).await?,
            Work::Resend(_) | Work::Ask(_) => Due::Work(work),
            Work::Nothing => self.look_due(None, now, done).await?,
            Work::Later(at) => self.look_due(Some(at), now, done).await?,
        };
        if let Due::Later(at) = due {
            let ahead = at.map(|at| (at - now).to_std().unwrap_or_default());
            return Ok(Next::Rest(ahead.map(|ahead| Instant::now() + ahead)));
        }
        // The token first: rows are claimed only when they can be sent at once.
        pass(Point::TokenWanted);
        match self.line.token().await {
            Ok(Some(token)) => self.exchange(due, &token).await?,
            Ok(None) => {}
            Err(Refusal::Lasting(stop)) => self.gate.lasts(told(stop), Instant::now()),
            Err(Refusal::Passing(stop, asked)) => {
                let wait = self.line.wait(self.gate.passing(), asked);
                self.gate.passes(told(stop), wait, Instant::now());
            }
        }
        Ok(Next::Go)
    }

    /// What is sent goes before what is asked about by our number, which only waits.
    async fn look_due(
        &mut self,
        at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        done: bool,
    ) -> Result<Due, Error> {
        let Some(quiet) = self.line.settings.quiet else { return Ok(Due::Later(at)) };
        let section = self.line.settings.section.name.clone();
        let looking = self.line.ledger.ask(move |ledger| ledger.look_due(&section, quiet, now)).await?;
        let instant = Instant::now();
        let rest = self.rounds.rest.and_then(|rest| rest.checked_duration_since(instant));
        let rested = rest.filter(|rest| !rest.is_zero()).map(|rest| later(now, rest));
        let sooner = |look: DateTime<Utc>| Due::Later(Some(at.map_or(look, |at| at.min(look))));
        Ok(match (looking, rested) {
            (Looking::Later(look), rested) => sooner(rested.map_or(look, |rested| rested.max(look))),
            (Looking::Now(_), Some(rested)) => sooner(rested),
            (Looking::Now(sought), None) if self.may_look(quiet, instant, done) => Due::Look(sought),
            (Looking::Nothing, _) | (Looking::Now(_), None) => Due::Later(at),
        })
    }

    /// Whether a question is of the round under way, or of another that may begin: in a `run` none after its wait is
    /// over.
    fn may_look(&mut self, quiet: Quiet, now: Instant, done: bool) -> bool {
        let accepted = self.intake.borrow().accepted;
        if self.rounds.under_way(accepted).is_some() {
            return true;
        }
        if let (Mode::Run { wait }, true) = (self.mode, done)
            && now > *self.deadline.get_or_insert(now + wait)
        {
            return false;
        }
        self.rounds.round = Some(Round { until: now + ROUND.min(quiet.shortest()), accepted });
        true
    }

    /// A round of questions is ended before rows are sent that it proved not received, so that they go together.
    async fn rest_of_round(&mut self, now: DateTime<Utc>, done: bool) -> Result<Due, Error> {
        let accepted = self.intake.borrow().accepted;
        if let Some(round) = self.rounds.under_way(accepted) {
            let due = self.look_due(None, now, done).await?;
            let until = self.deadline.map_or(round.until, |deadline| deadline.min(round.until));
            let left = later(now, until.saturating_duration_since(Instant::now()));
            match due {
                Due::Look(_) => return Ok(due),
                Due::Later(Some(at)) if at < left => return Ok(due),
                _ => {}
            }
        }
        self.rounds.round = None;
        Ok(Due::Work(Work::Claim))
    }

    async fn exchange(&mut self, due: Due, token: &SecretString) -> Result<(), Error> {
        pass(Point::TokenHeld);
        match due {
            Due::Work(work) => self.work_off(work, token).await,
            Due::Look(sought) => {
                let effect = self.line.look(&sought, token, self.gate.passing()).await?;
                self.take_look(effect);
                Ok(())
            }
            Due::Later(_) => Ok(()),
        }
    }

    async fn work_off(&mut self, work: Work, token: &SecretString) -> Result<(), Error> {
        let (now, begun) = (self.line.clock.now(), self.line.clock.instant());
        let ledger = self.line.ledger.clone();
        let open = match work {
            Work::Ask(batch) => {
                if let Some(open) = ledger.ask(move |ledger| ledger.pending(batch)).await? {
                    let came = self.line.ask(&open, token).await?;
                    self.take_asked(came.effect);
                }
                return Ok(());
            }
            Work::Resend(batch) => {
                let open = ledger.ask(move |ledger| ledger.resend(batch, now)).await?;
                pass(Point::Resent);
                open
            }
            _ => {
                let (want, build) = (self.want(), self.line.builder());
                pass(Point::Claiming);
                let open = ledger.ask(move |ledger| ledger.claim(&want, build)).await?;
                pass(Point::Claimed);
                open
            }
        };
        let Some(open) = open else { return Ok(()) };
        if work == Work::Claim {
            self.deadline = None;
        }
        let came = self.line.submit(&open, begun, token, self.gate.passing()).await?;
        self.take_sent(&open, came);
        Ok(())
    }

    fn want(&self) -> Want {
        let section = &self.line.settings.section;
        Want {
            section: section.name.clone(),
            rows: self.line.destination.limits().rows.max(1),
            today: self.line.clock.deadline_day(),
            late: section.late,
            now: self.line.clock.now(),
        }
    }

    fn take_sent(&mut self, open: &OpenBatch, came: Came) {
        if !matches!(came.verdict, BatchVerdict::NotSent { .. }) {
            self.report.batches += 1;
            self.report.rows =
                self.report.rows.saturating_add(u32::try_from(open.items.len()).unwrap_or(u32::MAX));
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
    fn take_asked(&mut self, effect: Effect) {
        match effect {
            Effect::Answered => {
                self.gate.reached();
                self.refused = false;
            }
            Effect::Unknown => {}
            other => self.take_trouble(other),
        }
    }

    /// A question about a single transaction stops no sending by what it is answered.
    fn take_look(&mut self, effect: Effect) {
        match effect {
            Effect::Unknown => self.rounds.unclear(self.line.settings.pace.hold),
            Effect::Login if self.refused => {
                self.line.forget_token();
                self.refused = false;
                self.rounds.unclear(self.line.settings.pace.hold);
            }
            Effect::Answered => {
                self.rounds.answered();
                self.take_asked(Effect::Answered);
            }
            other => self.take_asked(other),
        }
    }

    fn take_trouble(&mut self, effect: Effect) {
        let now = Instant::now();
        match effect {
            Effect::Answered | Effect::Unknown | Effect::Again => {}
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use chrono::TimeDelta;

    use super::super::rig::{Batch, Books, Plain, Seen, Server, Step, body, clock, settings};
    use super::*;
    use crate::model::Outcome;

    const RUN: Mode = Mode::Run { wait: Duration::from_secs(20) };

    fn done() -> watch::Receiver<Intake> {
        watch::channel(Intake { accepted: 1, done: true, ..Intake::default() }).1
    }

    async fn run_with(books: &Books, settings: Settings, mode: Mode) -> Report {
        let destination = Arc::new(Plain::at(&settings.section.base_url));
        let stop = CancellationToken::new();
        drive(books.handle(), destination, settings, mode, clock(), done(), stop).await.unwrap()
    }

    async fn run(books: &Books, server: &Server) -> Report {
        run_with(books, settings(&server.base), RUN).await
    }

    async fn scripted(rows: usize, steps: &[Step]) -> (Books, Server) {
        let books = Books::with_rows(rows);
        let server = Server::start(steps, &books.journal).await;
        (books, server)
    }

    fn code(report: &Report) -> Option<&'static str> {
        report.stopped.as_ref().map(|stop| stop.code.code)
    }

    fn bodies(seen: &[Seen]) -> Vec<&str> {
        seen.iter().map(|one| one.body.as_str()).collect()
    }

    fn all_accepted(books: &Books) -> bool {
        books.unsent() == 0
            && books.batches().iter().all(|batch| match batch.last() {
                BatchVerdict::Settled { outcomes, .. } => {
                    outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. }))
                }
                _ => false,
            })
    }

    #[tokio::test]
    async fn a_batch_has_one_commit_before_its_first_byte_and_two_after_its_answer() {
        let (books, server) = scripted(3, &[]).await;
        let report = run(&books, &server).await;
        assert_eq!((report.batches, report.rows, code(&report)), (2, 3, None));
        assert!(all_accepted(&books));
        let one = ["claimed", "request", "answered", "settled"];
        assert_eq!(*books.journal.lock().unwrap(), [one, one].concat());
        assert_eq!(server.logins(), 1, "one token serves all");
        assert_eq!(bodies(&server.seen()), [body(0..2), body(2..3)]);
    }

    #[tokio::test]
    async fn nothing_is_asked_of_the_system_when_nothing_is_due() {
        let (books, server) = scripted(0, &[]).await;
        run(&books, &server).await;
        assert_eq!((server.logins(), server.seen().len()), (0, 0));
    }

    #[tokio::test]
    async fn nothing_is_sent_while_the_marks_can_t_be_raised() {
        let (books, server) = scripted(2, &[]).await;
        let mut barred = settings(&server.base);
        barred.raise = Arc::new(|batch| Err(format!("batch {batch}: no space left")));
        let report = run_with(&books, barred, RUN).await;
        assert_eq!((server.seen().len(), code(&report)), (0, Some("D020")));
        assert!(matches!(books.batches()[0].last(), BatchVerdict::NotSent { .. }));
        run(&books, &server).await;
        assert_eq!(bodies(&server.seen()), [body(0..2)], "the same bytes once they can");
    }

    #[tokio::test]
    async fn a_process_that_was_taken_over_before_its_first_byte_sends_nothing() {
        let (books, server) = scripted(2, &[]).await;
        let (mut frozen, other) = (settings(&server.base), books.clone());
        frozen.raise = Arc::new(move |_| {
            other.taken_over();
            Ok(())
        });
        let destination = Arc::new(Plain::at(&server.base));
        let stop = CancellationToken::new();
        let ended = drive(books.handle(), destination, frozen, RUN, clock(), done(), stop).await;
        assert!(ended.unwrap_err().to_string().contains("another rxdrop"));
        assert!(server.seen().is_empty());
    }

    /// A clock that stands still for so many seconds whenever marks are raised, up to that many times.
    fn standing_still(settings: &mut Settings, seconds: u64, times: u64) -> Clock {
        let (stood, raised) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
        let passed = Arc::clone(&stood);
        settings.raise = Arc::new(move |_| {
            if raised.fetch_add(1, Ordering::SeqCst) < times {
                passed.fetch_add(seconds, Ordering::SeqCst);
            }
            Ok(())
        });
        clock().passing(move || Instant::now() + Duration::from_secs(stood.load(Ordering::SeqCst)))
    }

    #[tokio::test]
    async fn a_process_that_stood_still_before_its_first_byte_begins_again_and_sends_once() {
        // A request may take as long as its timeout, or ten seconds, from the intent on.
        for (timeout, still, begun) in [(120, 125, 2), (120, 110, 1), (5, 15, 2), (5, 7, 1)] {
            let (books, server) = scripted(3, &[]).await;
            let mut frozen = settings(&server.base);
            frozen.timeout = Duration::from_secs(timeout);
            let clock = standing_still(&mut frozen, still, 1);
            let destination = Arc::new(Plain::at(&server.base));
            let stop = CancellationToken::new();
            let report = drive(books.handle(), destination, frozen, RUN, clock, done(), stop).await.unwrap();
            assert_eq!((report.batches, report.rows, code(&report)), (2, 3, None));
            assert_eq!(bodies(&server.seen()), [body(0..2), body(2..3)], "{timeout} s, {still} s");
            assert!(all_accepted(&books));
            let first = ["claimed", "settled", "resent", "request", "answered", "settled"];
            let first = if begun == 2 { &first[..] } else { &["claimed", "request", "answered", "settled"] };
            assert_eq!(books.journal.lock().unwrap()[..first.len()], *first, "{timeout} s, {still} s");
        }
    }

    #[tokio::test]
    async fn a_batch_that_never_gets_out_in_time_is_kept_for_the_next_run() {
        let (books, server) = scripted(2, &[]).await;
        let mut frozen = settings(&server.base);
        let slow = standing_still(&mut frozen, 60, u64::MAX);
        let (destination, stop) = (Arc::new(Plain::at(&server.base)), CancellationToken::new());
        let (held, until) = (books.clone(), stop.clone());
        let stopper = tokio::spawn(async move {
            let sent = |batch: &Batch| matches!(batch.verdicts.last(), Some(BatchVerdict::Settled { .. }));
            held.when(|batches| batches.iter().any(|batch| batch.verdicts.len() > 2 || sent(batch))).await;
            until.cancel();
        });
        drive(books.handle(), destination, frozen, Mode::Watch, slow, done(), stop).await.unwrap();
        stopper.await.unwrap();
        assert!(server.seen().is_empty());
        assert!(matches!(books.batches()[0].last(), BatchVerdict::NotSent { .. }));
        let later = clock().passing(|| Instant::now() + Duration::from_hours(1));
        let (destination, settings) = (Arc::new(Plain::at(&server.base)), settings(&server.base));
        drive(books.handle(), destination, settings, RUN, later, done(), CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(bodies(&server.seen()), [body(0..2)]);
        assert!(all_accepted(&books));
    }

    #[tokio::test]
    async fn what_was_cut_before_its_answer_is_unknown_and_never_sent_again() {
        let (books, server) = scripted(4, &[Step::Cut]).await;
        let report = run(&books, &server).await;
        assert_eq!((report.batches, code(&report)), (2, None));
        assert!(matches!(books.batches()[0].last(), BatchVerdict::Unknown { .. }));
        assert!(matches!(books.batches()[1].last(), BatchVerdict::Settled { .. }), "the next goes on");
        assert_eq!(server.seen().len(), 2);
        run(&books, &server).await;
        assert_eq!(server.seen().len(), 2, "not in the next run either");
    }

    #[tokio::test]
    async fn three_unknown_in_a_row_stop_a_run() {
        let (books, server) =
            scripted(10, &[Step::Cut, Step::Status(502, ""), Step::Ids(1), Step::Accept]).await;
        let report = run(&books, &server).await;
        assert_eq!((server.seen().len(), code(&report)), (3, Some("D007")));
        assert!(books.batches().iter().all(|batch| matches!(batch.last(), BatchVerdict::Unknown { .. })));
        assert_eq!(books.unsent(), 4);
    }

    #[tokio::test]
    async fn what_speaks_of_configuration_stops_a_run_and_no_redirect_is_followed() {
        for status in [302, 307, 403, 404, 407] {
            let (elsewhere, _) = scripted(0, &[]).await;
            let foreign = Server::start(&[], &elsewhere.journal).await;
            let header: &'static str = format!("location: {}/steal\r\n", foreign.base).leak();
            let (books, server) = scripted(4, &[Step::Status(status, header)]).await;
            let report = run(&books, &server).await;
            assert_eq!((server.seen().len(), code(&report)), (1, Some("D004")), "{status}");
            assert!(foreign.seen().is_empty(), "{status}");
            assert_eq!(books.unsent(), 2);
        }
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_once_and_the_same_bytes_go_again() {
        let (books, server) = scripted(2, &[Step::Status(401, "")]).await;
        let report = run(&books, &server).await;
        let seen = server.seen();
        assert_eq!((seen.len(), server.logins(), code(&report)), (2, 2, None));
        assert_eq!(seen[0].body, seen[1].body);
        assert_ne!(seen[0].authorization, seen[1].authorization);
        assert!(all_accepted(&books));
        let attempt = |intent| [intent, "request", "answered", "settled"];
        assert_eq!(*books.journal.lock().unwrap(), [attempt("claimed"), attempt("resent")].concat());
    }

    #[tokio::test]
    async fn a_token_refused_after_its_renewal_stops_a_run() {
        let (books, server) = scripted(6, &[Step::Status(401, ""), Step::Status(401, "")]).await;
        let report = run(&books, &server).await;
        assert_eq!((server.seen().len(), server.logins(), code(&report)), (2, 2, Some("D001")));
        assert_eq!((report.batches, books.unsent()), (0, 4));
        assert!(matches!(books.batches()[0].last(), BatchVerdict::NotSent { .. }));
    }

    #[tokio::test]
    async fn refused_credentials_are_not_tried_again_and_nothing_is_claimed() {
        for status in [400, 401] {
            let books = Books::with_rows(2);
            let server = Server::start(&[], &books.journal).await.tokens(&[(status, "{}")]);
            let report = run(&books, &server).await;
            assert_eq!((server.logins(), code(&report)), (1, Some("D001")));
            assert!(books.batches().is_empty());
        }
    }

    #[tokio::test]
    async fn a_token_endpoint_in_trouble_is_tried_again_and_a_web_page_is_not() {
        let books = Books::with_rows(2);
        let server = Server::start(&[], &books.journal).await.tokens(&[(503, ""), (500, "<html>")]);
        assert_eq!(code(&run(&books, &server).await), None);
        assert_eq!(server.logins(), 3);
        assert!(all_accepted(&books));

        let books = Books::with_rows(2);
        let server = Server::start(&[], &books.journal).await.tokens(&[(200, "<html>login</html>")]);
        assert_eq!(code(&run(&books, &server).await), Some("D004"));
        assert_eq!(server.logins(), 1);
    }

    #[tokio::test]
    async fn what_surely_was_not_received_goes_again_with_the_same_bytes_before_the_rest() {
        let (books, server) =
            scripted(4, &[Step::Status(429, ""), Step::Status(429, "retry-after: 0\r\n")]).await;
        assert_eq!(code(&run(&books, &server).await), None);
        let seen = server.seen();
        let first = body(0..2);
        assert_eq!(bodies(&seen), [first.clone(), first.clone(), first, body(2..4)]);
        assert!(all_accepted(&books));
    }

    #[tokio::test]
    async fn a_calendar_that_jumps_neither_stalls_a_retry_nor_sends_anything_twice() {
        for years in [-10_i64, 10] {
            let steps = [Step::Status(429, ""), Step::Taken("7"), Step::Taken("7"), Step::Ids(2), Step::Cut];
            let (books, server) = scripted(4, &steps).await;
            let asked = std::sync::atomic::AtomicU32::new(0);
            let base = clock().now();
            // From the first request on the calendar is years away.
            let jumping = Clock::new(
                move || {
                    let jumped = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 3;
                    base + chrono::TimeDelta::days(if jumped { years * 365 } else { 0 })
                },
                chrono_tz::Europe::Sofia,
            );
            let destination = Arc::new(Plain::at(&server.base));
            let settings = settings(&server.base);
            let stop = CancellationToken::new();
            drive(books.handle(), destination, settings, RUN, jumping, done(), stop).await.unwrap();
            let posts: Vec<String> = server
                .seen()
                .into_iter()
                .filter(|one| one.line.starts_with("POST"))
                .map(|one| one.body)
                .collect();
            assert_eq!(posts, [body(0..2), body(0..2), body(2..4)], "{years}");
            assert!(matches!(books.batches()[0].last(), BatchVerdict::Settled { .. }), "{years}");
        }
    }

    fn quiet(ms: u64) -> Quiet {
        let rest = Duration::from_millis(ms);
        Quiet { timeout: Duration::ZERO, at_once: rest, later: rest, above: 250 }
    }

    fn lookups(server: &Server) -> usize {
        server.seen().iter().filter(|one| one.line.contains("/look/")).count()
    }

    #[tokio::test]
    async fn a_calendar_that_jumps_asks_nobody_early_and_nobody_twice() {
        for jump in [-1_i64, 24 * 3650] {
            for (rest, asked) in [(600_000, 0), (1_000, 1)] {
                let (books, server) = scripted(1, &[Step::Cut]).await;
                let (stop, base) = (CancellationToken::new(), clock().now());
                let (counted, flood) = (std::sync::atomic::AtomicU32::new(0), stop.clone());
                let jumping = move || {
                    let calls = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if calls > 500 {
                        flood.cancel();
                    }
                    base + TimeDelta::hours(if calls > 0 { jump } else { 0 })
                };
                let clock = Clock::new(jumping, chrono_tz::Europe::Sofia);
                let destination = Arc::new(Plain::at(&server.base));
                let settings = Settings { quiet: Some(quiet(rest)), ..settings(&server.base) };
                let mode = Mode::Run { wait: Duration::from_secs(2) };
                drive(books.handle(), destination, settings, mode, clock, done(), stop).await.unwrap();
                assert_eq!(lookups(&server), asked, "{jump} hours, {rest} ms");
            }
        }
    }

    /// Settings under which whoever is unknown is asked about at once, and after nothing clear nobody for an hour.
    fn asking(base: &str) -> Settings {
        let mut settings = Settings { quiet: Some(quiet(1)), ..settings(base) };
        settings.pace.hold = Backoff { first: Duration::from_hours(1), cap: Duration::from_hours(1) };
        settings
    }

    #[tokio::test]
    async fn a_question_that_brings_nothing_ends_its_round_and_the_run() {
        let (books, server) = scripted(4, &[Step::Cut, Step::Accept, Step::Cut]).await;
        let report = run_with(&books, asking(&server.base), RUN).await;
        assert_eq!((report.batches, code(&report), lookups(&server)), (2, None, 1));
    }

    /// Which rows were asked about, in order.
    fn asked(server: &Server) -> Vec<String> {
        let number = |line: &str| line.split("/look/").nth(1)?.split(' ').next()?.chars().last();
        server.seen().iter().filter_map(|one| number(&one.line)).map(String::from).collect()
    }

    #[tokio::test]
    async fn where_what_surely_was_there_is_gone_only_what_was_sent_after_the_row_vouches() {
        let gone = Step::Status(404, "date: Sat, 28 Nov 2026 01:00:00 GMT\r\n");
        let steps = [Step::Accept, Step::Cut, gone.clone(), gone.clone()];
        let (books, server) = scripted(4, &steps).await;
        run_with(&books, asking(&server.base), RUN).await;
        assert_eq!(asked(&server), ["2", "1"], "the query may lag behind");

        let steps = [Step::Cut, Step::Accept, gone.clone(), gone.clone(), gone];
        let (books, server) = scripted(4, &steps).await;
        run_with(&books, asking(&server.base), RUN).await;
        assert_eq!(asked(&server), ["0", "3", "2"]);
    }

    #[tokio::test]
    async fn a_query_that_refuses_our_token_stops_no_sending() {
        let refused = Step::Status(401, "");
        let (books, server) = scripted(2, &[Step::Cut, refused.clone(), refused]).await;
        let report = run_with(&books, asking(&server.base), RUN).await;
        assert_eq!((code(&report), lookups(&server)), (None, 2));
    }

    #[tokio::test]
    async fn new_rows_go_before_the_next_question() {
        let (books, server) = scripted(2, &[Step::Cut, Step::Hang]).await;
        let (stop, destination) = (CancellationToken::new(), Arc::new(Plain::at(&server.base)));
        let settings = Settings { timeout: Duration::from_secs(1), ..asking(&server.base) };
        let driver = tokio::spawn(drive(
            books.handle(),
            destination,
            settings,
            Mode::Watch,
            clock(),
            done(),
            stop.clone(),
        ));
        while lookups(&server) == 0 {
            tokio::task::yield_now().await;
        }
        books.add(1);
        books.when(|batches| batches.len() == 2 && !batches[1].verdicts.is_empty()).await;
        stop.cancel();
        driver.await.unwrap().unwrap();
        let seen = server.seen();
        let verbs: Vec<&str> = seen.iter().filter_map(|one| one.line.split(' ').next()).collect();
        assert_eq!(verbs, ["POST", "GET", "POST"]);
    }

    #[tokio::test]
    async fn a_run_does_not_wait_longer_than_it_may() {
        let (books, server) = scripted(4, &[Step::Status(429, "retry-after: 3000\r\n")]).await;
        let report = run(&books, &server).await;
        assert_eq!((server.seen().len(), code(&report), books.unsent()), (1, Some("D008"), 2));
    }

    #[tokio::test]
    async fn a_refused_connection_proves_that_nothing_was_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books = Books::with_rows(2);
        let server = Server::new(&listener, &[], &books.journal);
        let (serving, watched) = (server.clone(), books.clone());
        tokio::spawn(async move {
            serving.clone().serve(listener, 1).await; // the token; then nobody listens
            watched.when(|batches| batches.iter().any(|batch| !batch.verdicts.is_empty())).await;
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            serving.serve(listener, usize::MAX).await;
        });
        assert_eq!(code(&run(&books, &server).await), None);
        let verdicts = &books.batches()[0].verdicts;
        assert!(matches!(&verdicts[0], BatchVerdict::NotSent { seen, .. } if seen.contains("refused")));
        assert_eq!(bodies(&server.seen()), [body(0..2)]);
        assert!(all_accepted(&books));
    }

    #[tokio::test]
    async fn nothing_is_claimed_while_the_system_cannot_be_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let books = Books::with_rows(2);
        let report = run_with(&books, settings(&base), Mode::Run { wait: Duration::from_millis(50) }).await;
        assert_eq!(code(&report), Some("D003"));
        assert!(books.batches().is_empty());
    }

    #[tokio::test]
    async fn a_taken_batch_is_asked_about_until_it_is_answered() {
        let steps = [Step::Taken("7"), Step::Taken("7"), Step::Status(502, ""), Step::Cut, Step::Ids(2)];
        let (books, server) = scripted(2, &steps).await;
        assert_eq!(code(&run(&books, &server).await), None);
        let lines: Vec<String> = server.seen().into_iter().map(|one| one.line).collect();
        assert_eq!(lines[0], "POST /submit HTTP/1.1");
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[1..].iter().all(|line| line.starts_with("GET ")), "{lines:?}");
        assert!(all_accepted(&books));
    }

    #[tokio::test]
    async fn a_taken_batch_does_not_stop_the_next() {
        let (books, server) = scripted(4, &[Step::Taken("7")]).await;
        let report =
            run_with(&books, settings(&server.base), Mode::Run { wait: Duration::from_millis(50) }).await;
        assert_eq!((report.batches, books.unsent()), (2, 0));
        assert!(matches!(books.batches()[1].last(), BatchVerdict::Settled { .. }));
    }

    #[tokio::test]
    async fn the_token_goes_to_no_other_host() {
        let (foreign_books, _) = scripted(0, &[]).await;
        let foreign = Server::start(&[], &foreign_books.journal).await;
        let ticket: &'static str = format!("{}/ask", foreign.base).leak();
        let books = Books::with_rows(2);
        let server = Server::start(&[Step::Taken(ticket)], &books.journal).await;
        let report = run(&books, &server).await;
        assert_eq!(code(&report), Some("D004"));
        assert!(foreign.seen().is_empty());
    }

    #[tokio::test]
    async fn a_watch_pauses_and_then_lets_one_batch_try() {
        let steps = [Step::Cut, Step::Cut, Step::Cut, Step::Cut, Step::Accept];
        let (books, server) = scripted(12, &steps).await;
        let stop = CancellationToken::new();
        let destination = Arc::new(Plain::at(&server.base));
        let driver = tokio::spawn(drive(
            books.handle(),
            destination,
            settings(&server.base),
            Mode::Watch,
            clock(),
            done(),
            stop.clone(),
        ));
        books
            .when(|batches| batches.len() == 6 && batches.iter().all(|batch| !batch.verdicts.is_empty()))
            .await;
        stop.cancel();
        assert_eq!(driver.await.unwrap().unwrap().batches, 6);
        let unknown = |batch: &&Batch| matches!(batch.last(), BatchVerdict::Unknown { .. });
        assert_eq!(books.batches().iter().filter(unknown).count(), 4);
    }

    #[tokio::test]
    async fn a_file_accepted_later_wakes_a_run() {
        let (books, server) = scripted(0, &[]).await;
        let (news, intake) = watch::channel(Intake::default());
        let mut settings = settings(&server.base);
        settings.pace.idle = Duration::from_hours(1);
        let destination = Arc::new(Plain::at(&server.base));
        let stop = CancellationToken::new();
        let driver = tokio::spawn(drive(books.handle(), destination, settings, RUN, clock(), intake, stop));
        books.add(2);
        news.send(Intake { accepted: 1, ..Intake::default() }).unwrap();
        books.when(|batches| batches.len() == 1).await;
        news.send(Intake { accepted: 1, done: true, ..Intake::default() }).unwrap();
        assert_eq!(driver.await.unwrap().unwrap().rows, 2);
    }

    #[tokio::test]
    async fn a_request_under_way_gets_its_grace_and_is_then_unknown() {
        let (books, server) = scripted(4, &[Step::Hang]).await;
        let stop = CancellationToken::new();
        let destination = Arc::new(Plain::at(&server.base));
        let driver = tokio::spawn(drive(
            books.handle(),
            destination,
            settings(&server.base),
            Mode::Watch,
            clock(),
            done(),
            stop.clone(),
        ));
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        driver.await.unwrap().unwrap();
        assert!(
            matches!(books.batches()[0].last(), BatchVerdict::Unknown { seen } if seen.contains("stopped"))
        );
        assert_eq!(books.unsent(), 2, "no new batch begins");
    }

    #[tokio::test]
    async fn no_answer_in_time_is_unknown() {
        let (books, server) = scripted(2, &[Step::Hang]).await;
        let mut settings = settings(&server.base);
        (settings.timeout, settings.pace.connect) = (Duration::from_millis(50), Duration::from_millis(200));
        run_with(&books, settings, RUN).await;
        assert!(
            matches!(books.batches()[0].last(), BatchVerdict::Unknown { seen } if seen.contains("no whole answer"))
        );
        assert_eq!(server.seen().len(), 1);
    }

    #[test]
    fn kept_answers_are_read_as_they_would_have_been() {
        let plain = Plain::at("http://127.0.0.1:9");
        let open = |ticket| OpenBatch {
            batch: 1,
            attempt: 1,
            items: Vec::new(),
            body: Vec::new(),
            ticket,
            tries: 0,
        };
        let answer = |status| RawAnswer { status, headers: Vec::new(), body: Vec::new() };
        let read = |ticket, status| {
            read_again(&plain, "plain", &open(ticket), &answer(status), DateTime::UNIX_EPOCH).unwrap()
        };
        assert!(matches!(read(None, 500), BatchVerdict::Unknown { .. }));
        assert!(
            matches!(read(Some(7.into()), 500), BatchVerdict::Pending { .. }),
            "a question is asked again"
        );
        assert!(matches!(read(None, 401), BatchVerdict::NotSent { .. }));
    }
}
