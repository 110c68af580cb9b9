//! One life: files come, rows go out, things break, people decide.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use super::backup::Copies;
use super::book::{Book, Got, Op, SECTION, Want};
use super::broken::Bug;
use super::check::{Broken, Check};
use super::files::{Drawer, Made};
use super::people;
use super::random::Random;
use super::server::{Line, Server};
use crate::destinations::Destination;
use crate::ledger::core::RecordState;
use crate::ledger::{BatchVerdict, FileState, OpenBatch, Presence, Question, RawAnswer, Sought, Waits, Work};
use crate::submit::read_again;

/// Most steps of a life's end: far more than any takes.
const END_STEPS: usize = 20_000;
/// So long a life goes on by days; what comes after that, and four days, is its end.
const LONG: TimeDelta = TimeDelta::days(9);

/// Where a sender stands between two steps.
#[derive(Debug, Clone)]
pub(super) enum Sender {
    Idle,
    /// The intent is written.
    Claimed(OpenBatch),
    /// The answer came and is not kept.
    Came(OpenBatch, RawAnswer),
    /// The answer is kept and not read.
    Kept(OpenBatch, RawAnswer),
    /// What a question by our number brought is kept and not concluded from.
    Looked(Sought, Presence),
    /// A pending batch is to be asked about.
    Asking(OpenBatch),
}

/// Where a file stands between two steps.
#[derive(Debug, Clone)]
pub(super) struct Coming {
    intake: i64,
    made: Made,
    /// Rows staged; none before the plan.
    staged: Option<usize>,
}

impl Coming {
    /// The same with none of its rows staged.
    pub(super) fn afresh(&self) -> Self {
        Self { intake: self.intake, made: self.made.clone(), staged: None }
    }
}

/// Everything around one ledger.
pub(super) struct Life<'a, B> {
    pub(super) book: B,
    destination: &'a dyn Destination,
    pub(super) random: Random,
    pub(super) server: Server,
    pub(super) check: Check,
    /// What our clock shows.
    pub(super) now: DateTime<Utc>,
    /// What it is: the system's clock is right.
    pub(super) time: DateTime<Utc>,
    begun: DateTime<Utc>,
    pub(super) drawer: Drawer,
    pub(super) coming: Vec<Coming>,
    /// Rows of each file that was taken.
    pub(super) rows: HashMap<i64, usize>,
    pub(super) senders: [Sender; 2],
    /// The process that works; the other one is frozen or not there.
    pub(super) active: usize,
    pub(super) frozen: bool,
    pub(super) copies: Copies,
    /// What was committed, to be told again.
    pub(super) log: Vec<(usize, Op, DateTime<Utc>)>,
    pub(super) trace: bool,
}

impl<'a, B: Book> Life<'a, B> {
    pub(super) fn new(seed: u64, book: B, destination: &'a dyn Destination, trace: bool) -> Self {
        let mut random = Random::seeded(seed);
        let trouble = *random.pick(&[0, 10, 30, 60]);
        let refuses = *random.pick(&[0, 0, 10, 40]);
        let begun = Utc.with_ymd_and_hms(2026, 8, 31, 10, 0, 0).unwrap();
        let mut drawer = Drawer::new(seed, begun.date_naive(), &mut random);
        let mut server = Server::new(trouble, refuses);
        server.away = drawer.days.away(begun);
        Self {
            book,
            destination,
            random,
            server,
            check: Check::default(),
            now: begun,
            time: begun,
            begun,
            drawer,
            coming: Vec::new(),
            rows: HashMap::new(),
            senders: [Sender::Idle, Sender::Idle],
            active: 0,
            frozen: false,
            copies: Copies::new(seed),
            log: Vec::new(),
            trace,
        }
    }

    /// The whole life.
    pub(super) fn live(&mut self) -> Result<(), Broken> {
        let lived = self.lived();
        if self.trace {
            self.book.memory().dump().iter().for_each(|line| println!("{line}"));
        }
        lived
    }

    fn lived(&mut self) -> Result<(), Broken> {
        self.start(0)?;
        let steps = 40 + self.random.below(160);
        for _ in 0..steps {
            self.step()?;
        }
        self.end()
    }

    pub(super) fn act(&mut self, process: usize, op: Op) -> Result<Got, Broken> {
        let before = if self.trace { self.book.memory().dump() } else { Vec::new() };
        let got = self.book.apply(process, &op, self.now);
        if self.trace {
            println!("{} {process} {}", self.time.format("%d %H:%M"), op.brief());
            let moved = self.book.memory().dump().into_iter().filter(|line| !before.contains(line));
            moved.for_each(|line| println!("         {line}"));
        }
        if let Got::Failed(told) = &got
            && told.contains("internal")
        {
            return Err(format!("a move that no rule allows: {op:?}: {told}"));
        }
        let untold = self.book.memory().bug == Some(Bug::ACommitIsUntold);
        if !(untold && matches!(op, Op::SetAside(..))) {
            self.log.push((process, op, self.now));
        }
        self.check.step(self.book.memory_mut(), &mut self.server)?;
        Ok(got)
    }

    pub(super) fn here(&mut self, op: Op) -> Result<Got, Broken> {
        self.act(self.active, op)
    }

    fn step(&mut self) -> Result<(), Broken> {
        self.tick();
        self.check.step(self.book.memory_mut(), &mut self.server)?;
        self.copy_or_restore()?;
        match self.random.below(100) {
            0..30 => self.intake(),
            30..78 => self.send(self.active),
            78..88 => people::act(self),
            88..93 => self.crash(),
            93..96 => self.freeze_or_wake(),
            _ => {
                self.jump();
                Ok(())
            }
        }
    }

    fn tick(&mut self) {
        let s =
            if self.random.percent(90) { self.random.within(0, 90) } else { self.random.within(0, 14_400) };
        self.pass(TimeDelta::seconds(s));
    }

    /// Time passes, for us and for the system.
    pub(super) fn pass(&mut self, by: TimeDelta) {
        self.now += by;
        self.time += by;
        self.server.pass(self.time, &mut self.random);
    }

    /// Hours or days pass; or our clock is set wrong, or right again.
    fn jump(&mut self) {
        let (hours, days) = (self.random.within(1, 6), self.random.within(1, 4));
        match self.random.below(10) {
            0..4 => self.pass(TimeDelta::hours(hours)),
            4..6 if self.time < self.begun + LONG => self.pass(TimeDelta::days(days)),
            4..8 => self.now += TimeDelta::days(*self.random.pick(&[-3650, -1, 1, 3650])),
            _ => self.now = self.time,
        }
    }

    /// A process begins to send: what the one before left is unknown, or is read now.
    pub(super) fn start(&mut self, process: usize) -> Result<(), Broken> {
        self.active = process;
        let Got::Unread(unread) = self.act(process, Op::Recover)? else { return Ok(()) };
        for (open, answer) in unread {
            if self.random.percent(10) {
                return self.crash();
            }
            let verdict = self.read(&open, &answer)?;
            self.act(process, Op::Settle(open.attempt, verdict))?;
        }
        Ok(())
    }

    fn crash(&mut self) -> Result<(), Broken> {
        self.senders[self.active] = Sender::Idle;
        self.here(Op::Crash)?;
        self.coming.iter_mut().for_each(|coming| coming.staged = None);
        self.start(self.active)
    }

    /// A process that sends is frozen and another takes over; later it wakes, and must do no harm.
    fn freeze_or_wake(&mut self) -> Result<(), Broken> {
        let other = 1 - self.active;
        if self.frozen {
            self.frozen = false;
            let woken = self.send(other);
            self.senders[other] = Sender::Idle;
            return woken;
        }
        // One that stands between the intent and the first byte is not frozen there: see `simulation`.
        if matches!(self.senders[self.active], Sender::Claimed(_)) {
            return Ok(());
        }
        self.frozen = true;
        self.here(Op::Crash)?;
        self.coming.iter_mut().for_each(|coming| coming.staged = None);
        self.senders[other] = Sender::Idle;
        self.start(other)
    }

    fn send(&mut self, process: usize) -> Result<(), Broken> {
        match std::mem::replace(&mut self.senders[process], Sender::Idle) {
            Sender::Idle => self.begin(process),
            Sender::Claimed(open) => self.submit(process, open),
            Sender::Came(open, answer) => {
                self.act(process, Op::Answered(open.attempt, answer.clone()))?;
                self.senders[process] = Sender::Kept(open, answer);
                Ok(())
            }
            Sender::Kept(open, answer) => {
                let verdict = self.read(&open, &answer)?;
                self.act(process, Op::Settle(open.attempt, verdict)).map(drop)
            }
            Sender::Asking(open) => self.ask(process, &open),
            Sender::Looked(sought, presence) => {
                // What becomes final has a moment of its own.
                self.pass(TimeDelta::seconds(1));
                self.act(process, Op::Conclude(sought, presence)).map(drop)
            }
        }
    }

    fn begin(&mut self, process: usize) -> Result<(), Broken> {
        let op = match self.book.work(self.now) {
            Work::Claim => {
                let (rows, late) = (self.drawer.batch, self.drawer.days.late);
                Op::Claim(Want { rows, today: self.deadline_day(), late })
            }
            Work::Resend(batch) => Op::Resend(batch),
            Work::Ask(batch) => {
                if let Some(open) = self.book.pending(batch) {
                    self.senders[process] = Sender::Asking(open);
                }
                return Ok(());
            }
            Work::Later(_) | Work::Nothing => return self.look(process),
        };
        // The disk is full, or the commit fails: nothing was written, so nothing is sent.
        if self.random.percent(3) {
            return Ok(());
        }
        let wanted = if let Op::Claim(want) = op { Some(want) } else { None };
        if let Got::Open(Some(open)) = self.act(process, op)? {
            self.check.begun(self.book.memory(), &open, wanted)?;
            self.senders[process] = Sender::Claimed(*open);
        }
        Ok(())
    }

    fn submit(&mut self, process: usize, open: OpenBatch) -> Result<(), Broken> {
        let line = self.server.submit(&open, self.time, &mut self.random);
        self.check.step(self.book.memory_mut(), &mut self.server)?;
        let verdict = match line {
            Line::Answer(answer) => {
                self.senders[process] = Sender::Came(open, answer);
                return Ok(());
            }
            Line::Cut => BatchVerdict::Unknown { seen: "no whole answer".to_owned() },
            Line::NotSent => {
                let retry_at = self.now + TimeDelta::seconds(self.random.within(0, 600));
                BatchVerdict::NotSent { retry_at, seen: "no connection".to_owned() }
            }
        };
        self.act(process, Op::Settle(open.attempt, verdict)).map(drop)
    }

    fn ask(&mut self, process: usize, open: &OpenBatch) -> Result<(), Broken> {
        let ticket = open.ticket.clone().unwrap_or_default();
        let ask_at = self.now + TimeDelta::seconds(60);
        let waits = Some(Waits { ticket: ticket.clone(), remote: None, ask_at });
        let (batch, began_at) = (open.batch, self.now);
        let answer = match self.server.ask(&ticket, self.time, &mut self.random) {
            Line::Answer(answer) => answer,
            Line::Cut | Line::NotSent => {
                let seen = Some("no answer".to_owned());
                let question = Question { batch, began_at, answer: None, seen, waits };
                return self.act(process, Op::Asked(question)).map(drop);
            }
        };
        let verdict = self.read(open, &answer)?;
        let ends = matches!(verdict, BatchVerdict::Settled { .. });
        let waits = waits.filter(|_| !ends);
        let question = Question { batch, began_at, answer: Some(answer), seen: None, waits };
        if let (Got::Id(attempt), true) = (self.act(process, Op::Asked(question))?, ends) {
            self.act(process, Op::Settle(attempt, verdict))?;
        }
        Ok(())
    }

    /// The product's own reading, with the product's own codec.
    fn read(&self, open: &OpenBatch, answer: &RawAnswer) -> Result<BatchVerdict, Broken> {
        let read = read_again(self.destination, SECTION, open, answer, self.now);
        Ok(match read.map_err(|error| format!("an answer that can't be read: {error:?}: {open:?}"))? {
            BatchVerdict::Pending { ticket, remote, ask_at } => {
                BatchVerdict::Pending { ticket, remote, ask_at: ask_at + TimeDelta::seconds(60) }
            }
            verdict => verdict,
        })
    }

    /// A file comes, or the one under way goes on by one commit.
    fn intake(&mut self) -> Result<(), Broken> {
        let begins = self.drawer.left > 0 && (self.coming.is_empty() || self.random.percent(10));
        if begins {
            return self.drop_file();
        }
        let Some(at) = (!self.coming.is_empty()).then(|| self.random.below(self.coming.len())) else {
            return Ok(());
        };
        self.go_on(at)
    }

    fn drop_file(&mut self) -> Result<(), Broken> {
        (self.drawer.left, self.drawer.today) = (self.drawer.left - 1, self.time.date_naive());
        let made = self.drawer.make(&mut self.random, self.book.memory(), &mut self.check.allowed);
        let op = Op::Receive { name: made.name.clone(), sha256: made.sha256.clone() };
        if let Got::Id(intake) = self.here(op)? {
            self.drawer.keep(intake, &made);
            self.come(intake, made);
        }
        Ok(())
    }

    fn go_on(&mut self, at: usize) -> Result<(), Broken> {
        let Coming { intake, made, staged } = self.coming[at].clone();
        let Some(staged) = staged else {
            if self.random.percent(4) {
                return self.set_aside(at, intake);
            }
            let plan = self.drawer.plan(intake);
            let planned = self.here(Op::Plan(plan))?;
            self.coming.iter_mut().for_each(|coming| coming.staged = None);
            if planned == Got::Flag(true) {
                self.coming[at].staged = Some(0);
            } else {
                self.coming.remove(at);
            }
            return Ok(());
        };
        let end = (staged + self.drawer.chunk).min(made.rows.len());
        if staged < end {
            let rows = made.rows[staged..end].iter().map(|row| self.drawer.staged(row)).collect();
            self.here(Op::Stage(rows))?;
            self.coming[at].staged = Some(end);
            return Ok(());
        }
        self.coming.remove(at);
        let accepted = self.here(Op::Accept(intake))?;
        if accepted == Got::Nothing && self.book.memory().file(intake).state == FileState::Taken {
            self.rows.insert(intake, made.rows.len());
        }
        Ok(())
    }

    fn set_aside(&mut self, at: usize, intake: i64) -> Result<(), Broken> {
        let state = *self.random.pick(&[
            FileState::Held,
            FileState::Unreadable,
            FileState::Received,
            FileState::Withdrawn,
        ]);
        self.here(Op::SetAside(intake, state))?;
        if state == FileState::Withdrawn {
            self.coming.remove(at);
        }
        Ok(())
    }

    /// The faults stop. Whatever does not wait for a person ends.
    fn end(&mut self) -> Result<(), Broken> {
        self.server.mend();
        self.now = self.time;
        self.crash()?;
        self.frozen = false;
        for _ in 0..END_STEPS {
            self.pass(TimeDelta::minutes(10));
            self.check.step(self.book.memory_mut(), &mut self.server)?;
            if !self.coming.is_empty() {
                self.go_on(0)?;
                continue;
            }
            if self.drawer.left > 0 {
                self.drop_file()?;
                continue;
            }
            self.send(self.active)?;
            let idle = matches!(self.senders[self.active], Sender::Idle);
            if idle && self.book.work(self.now) == Work::Nothing && !people::resolve_all(self)? {
                Check::end(self.book.memory(), &self.rows)?;
                return Ok(());
            }
        }
        Err("G5: it never ends".to_owned())
    }

    /// A file is to be staged.
    pub(super) fn come(&mut self, intake: i64, made: Made) {
        self.coming.push(Coming { intake, made, staged: None });
    }

    /// How many rows came.
    pub(super) fn rows(&self) -> usize {
        self.rows.values().sum()
    }

    /// Records in a state, newest of their rows.
    pub(super) fn in_state(&self, state: RecordState) -> Vec<i64> {
        let stands = |(at, rec): (usize, &Option<super::memory::Rec>)| {
            rec.as_ref()
                .filter(|rec| rec.state == state && rec.newer.is_none())
                .map(|_| i64::try_from(at + 1).unwrap())
        };
        self.book.memory().records.iter().enumerate().filter_map(stands).collect()
    }
}
