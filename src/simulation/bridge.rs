//! The same lives on SQLite: each commit is made in both, and both must say and hold the same.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use tempfile::TempDir;

use super::book::{Book, Got, Op, SECTION, by};
use super::life::Life;
use super::looks::QUIET;
use super::memory::Memory;
use super::{FIRST_NUMBER, SESPA, lists, server};
use crate::ledger::marks::IDS_LEFT_OUT;
use crate::ledger::{
    Built, Error, Evidence as _, FileState, Ledger as _, Lists as _, Looks as _, NewFile, OpenBatch, Options,
    RowView, SectionRef, Sqlite, Takeover, Want, Witness, Work, codes,
};
use crate::model::{Environment, Lang};

/// Lives of an ordinary test run.
const LIVES: u64 = 60;

/// The model and the ledger, side by side.
struct Pair {
    model: Memory,
    /// Two processes on one file.
    real: Vec<Sqlite>,
    folder: TempDir,
    /// Of each taken file, how often it changed and what its report would show.
    shown: BTreeMap<i64, (i64, String)>,
}

const LEDGER: &str = "rxdrop.db";
const COPY: &str = "copy.db";

fn real(folder: &Path) -> Sqlite {
    let mut ledger = Sqlite::open(&Options {
        path: folder.join(LEDGER),
        installation: 7,
        spool: folder.join("spool"),
        today: "2026-08-31".parse().unwrap(),
        now: DateTime::UNIX_EPOCH,
        seed: 0xabc,
    })
    .unwrap();
    ledger.unsafe_and_fast();
    let section = SectionRef {
        name: SECTION.into(),
        system: "sespa".into(),
        environment: Environment::Sandbox,
        registration_sha256: Some("r".into()),
    };
    ledger.sections(&[section]).unwrap();
    ledger
}

impl Pair {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut pair =
            Self { model: Memory::new(FIRST_NUMBER, None), real: Vec::new(), folder, shown: BTreeMap::new() };
        pair.open();
        pair
    }

    fn open(&mut self) {
        self.real = (0..2).map(|_| real(self.folder.path())).collect();
    }

    fn copy(&self, now: DateTime<Utc>) {
        let goal = self.folder.path().join(COPY);
        if goal.exists() {
            std::fs::remove_file(&goal).unwrap();
        }
        Sqlite::copy(&self.folder.path().join(LEDGER), &goal, now).unwrap();
    }

    /// Every process ends, the copy is put in the ledger's place, and they begin anew.
    fn restore(&mut self) {
        self.real.clear();
        self.shown.clear();
        for left in ["rxdrop.db-wal", "rxdrop.db-shm"].map(|name| self.folder.path().join(name)) {
            assert!(!left.exists(), "the last process that ends leaves the ledger in one file");
        }
        std::fs::rename(self.folder.path().join(COPY), self.folder.path().join(LEDGER)).unwrap();
        self.open();
    }

    /// I13: what a report would show does not change without its file being due to be reported anew.
    fn reports_are_due(&mut self, process: usize, op: &Op) {
        let files = (1..).zip(&self.model.files);
        let taken = files.filter(|(_, file)| file.state == FileState::Taken && file.retry_of.is_none());
        for (intake, file) in taken.filter(|(_, file)| !file.superseded) {
            let rows = self.real[process].rows(intake, 0, 10_000).unwrap();
            let now = (self.real[process].changes(intake).unwrap(), rows.iter().map(said).collect());
            // A list of a life is taken for this file, and told there.
            let is_list = intake == lists::INTAKE && matches!(op, Op::List(_));
            if let Some((changes, shown)) = self.shown.get(&intake).filter(|_| !is_list) {
                let stale = *changes == now.0 && *shown != now.1;
                assert!(!stale, "I13: {} shows\n{shown}\nand not\n{}\nafter {op:?}", file.name, now.1);
            }
            self.shown.insert(intake, now);
        }
    }

    /// I11: what the log tells from its beginning is what the tables have, and the books balance; else what does not.
    fn touched_by_hand(&mut self) -> Vec<&'static str> {
        let (found, _) = self.real[0].audit(&[], &|_| ()).unwrap();
        found.shown.iter().map(|finding| finding.code.code).collect()
    }

    /// Runs a statement as somebody with another program would.
    fn plant(&self, statement: &str) {
        let conn = rusqlite::Connection::open(self.folder.path().join(LEDGER)).unwrap();
        assert_eq!(conn.execute(statement, []).unwrap(), 1, "{statement}");
    }
}

/// What somebody acts by. That a row is on its way, under which number, and when the system is asked again, is told with
/// what comes of it.
fn said(row: &RowView) -> String {
    let goes = [&codes::WAITING, &codes::RETRYING, &codes::LOOKED];
    let issues = row.issues.iter().filter(|one| goes.iter().all(|code| code.code != one.code));
    let issues: Vec<String> = issues.map(|one| format!("{} {:?}", one.code, one.args)).collect();
    format!("{} {:?} {issues:?} {:?} {:?}\n", row.row, row.status, row.id, row.system_errors)
}

fn taken_over(number: i64, ids_from: i64, until: NaiveDate) -> Takeover {
    Takeover {
        folder: None,
        number,
        event: ids_from - IDS_LEFT_OUT,
        doubt_until: Some(until),
        evidence: serde_json::json!([]),
        by: by(),
    }
}

fn done(ledger: &mut Sqlite, op: &Op, now: DateTime<Utc>) -> Result<Got, Error> {
    let open = |open: Option<OpenBatch>| Got::Open(open.map(Box::new));
    Ok(match op {
        Op::Receive { name, sha256 } => Got::Id(ledger.receive(
            &NewFile {
                folder: "/drop".into(),
                name: name.clone(),
                bytes: 1,
                mtime_ns: 0,
                sha256: sha256.clone(),
                language: Lang::En,
            },
            now,
        )?),
        Op::Retry(target) => Got::Id(ledger.retry(*target, now)?),
        Op::Plan(plan) => Got::Flag(ledger.plan(plan, now)?),
        Op::Stage(rows) => ledger.stage(rows).map(|()| Got::Nothing)?,
        Op::Accept(intake) => {
            ledger.accept(*intake, &serde_json::json!({}), &[], now).map(|()| Got::Nothing)?
        }
        Op::SetAside(intake, state) => ledger.set_aside(*intake, *state, &[], now).map(|()| Got::Nothing)?,
        Op::Claim(want) => {
            let (rows, today, late) = (want.rows, want.today, want.late);
            let want = Want { section: SECTION.into(), rows, today, late, now };
            let build = |items: &[_]| Built { used: items.len(), body: server::body(items) };
            open(ledger.claim(&want, Box::new(build))?)
        }
        Op::Resend(batch) => open(ledger.resend(*batch, now)?),
        Op::Answered(attempt, answer) => ledger.answered(*attempt, answer, now).map(|()| Got::Nothing)?,
        Op::Asked(question) => Got::Id(ledger.asked(question, now)?),
        Op::Settle(attempt, verdict) => ledger.settle(*attempt, verdict, now).map(|()| Got::Nothing)?,
        Op::LookDue => Got::Looking(ledger.look_due(SECTION, QUIET, now)?),
        Op::Looked(look) => ledger.looked(look, now).map(|()| Got::Nothing)?,
        Op::Conclude(sought, presence) => {
            ledger.conclude(sought, "looked", presence, QUIET, (now, now)).map(|()| Got::Nothing)?
        }
        Op::List(rows) => {
            ledger.begin_list()?;
            ledger.list(&lists::listed(rows))?;
            ledger.reconcile(lists::INTAKE, &lists::matching(), now).map(|_| Got::Nothing)?
        }
        Op::Recover => {
            let unread = ledger.recover("test", now)?;
            Got::Unread(unread.into_iter().map(|(_, open, answer)| (open, answer)).collect())
        }
        Op::Release(what, answer) => {
            let decided = ledger.release(what, *answer, &by(), now)?;
            Got::Decided(decided.moved.len(), decided.left.len())
        }
        Op::Resolve(what, decision) => {
            let decided = ledger.resolve(what, decision, &by(), now)?;
            Got::Decided(decided.moved.len(), decided.left.len())
        }
        Op::TakeOver { number, ids_from, until } => {
            ledger.take_over(&taken_over(*number, *ids_from, *until), now).map(|_| Got::Nothing)?
        }
        Op::Crash => {
            ledger.forget_staging();
            Got::Nothing
        }
        Op::Copy | Op::Restore => Got::Nothing,
    })
}

impl Book for Pair {
    fn apply(&mut self, process: usize, op: &Op, now: DateTime<Utc>) -> Got {
        let model = self.model.apply(process, op, now);
        match op {
            Op::Copy => self.copy(now),
            Op::Restore => self.restore(),
            _ => {}
        }
        let real = done(&mut self.real[process], op, now).unwrap_or_else(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Got::Failed(format!("{error} {source}"))
        });
        match (&model, &real) {
            (Got::Failed(_), Got::Failed(_)) => {}
            _ => assert_eq!(model, real, "{op:?}"),
        }
        let (ours, theirs) = (self.model.dump(), self.real[process].dump());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "model and ledger after {op:?}");
        }
        assert_eq!(ours.len(), theirs.len(), "model and ledger after {op:?}");
        self.reports_are_due(process, op);
        model
    }

    fn work(&mut self, now: DateTime<Utc>) -> Work {
        let work = self.model.work(now);
        assert_eq!(work, self.real[0].work(SECTION, now).unwrap());
        work
    }

    fn pending(&mut self, batch: i64) -> Option<OpenBatch> {
        let open = self.model.pending(batch);
        assert_eq!(open, self.real[0].pending(batch).unwrap());
        open
    }

    fn witness(&mut self) -> Option<Witness> {
        let witness = self.model.vouched_for();
        assert_eq!(witness, self.real[0].witness(SECTION, 0).unwrap());
        witness
    }

    fn memory(&self) -> &Memory {
        &self.model
    }

    fn memory_mut(&mut self) -> &mut Memory {
        &mut self.model
    }
}

#[test]
fn model_and_ledger_live_the_same_lives() {
    let lives = super::number("RXDROP_LIVES").unwrap_or(LIVES);
    let first = super::number("RXDROP_SEED").unwrap_or_default();
    for seed in first..first + lives {
        println!("seed {seed}");
        let mut life = Life::new(seed, Pair::new(), SESPA.as_ref(), false);
        life.live().unwrap();
        assert!(life.book.real[0].chain_is_whole(), "I11: seed {seed}");
        let found = life.book.touched_by_hand();
        assert!(found.is_empty(), "I11: seed {seed}: {found:?}");
    }
}

/// What is planted in the tables of a ledger, and what must find it.
const PLANTED: [(&str, &str); 5] = [
    (
        "UPDATE records SET state = 'ignored' WHERE id = (SELECT max(id) FROM records WHERE state <> 'ignored')",
        "L120",
    ),
    ("UPDATE transactions SET state = 'not_received' WHERE id = 1", "L120"),
    ("UPDATE intakes SET state = 'withdrawn' WHERE id = 1", "L120"),
    ("INSERT INTO attempts (batch_id, kind, state, began_at) VALUES (1, 'ask', 'applied', '')", "L121"),
    ("DELETE FROM attempts WHERE id = 1", "L122"),
];

#[test]
fn a_state_that_no_event_tells_is_found_at_the_end_of_a_life() {
    for (statement, code) in PLANTED {
        let mut life = Life::new(0, Pair::new(), SESPA.as_ref(), false);
        life.live().unwrap();
        life.book.plant(statement);
        let found = life.book.touched_by_hand();
        assert!(found.contains(&code), "{statement}: {code} is not among {found:?}");
    }
}
