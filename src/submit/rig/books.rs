//! A real ledger in a temporary folder, and notes of what the sender did with it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, Utc};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::ledger::trail::{BatchTrail, Happened, Trail, Trails};
use crate::ledger::{
    Accept, BatchVerdict, Build, By, Checked, Decided, Decision, Double, Error, Evidence, FactKey, FileState,
    FileView, Findings, Handle, Head, KnownFile, Ledger, Listed, Lists, Look, Looking, Looks, MappingRef,
    Matching, Meaning, Moment, NewFile, OpenBatch, Options, Own, Plan, Position, Presence, Progress,
    Question, Quiet, RawAnswer, Referenced, Risk, Risks, RowView, SectionRef, Sought, Sqlite, StagedRecord,
    StagedRow, StoredIssue, Summary, TakenOver, Takeover, Waits, Want, What, Witness, Work,
};
use crate::model::{Environment, Lang};

/// The first number a ledger of that installation and day issues.
const FIRST_NUMBER: usize = 7_260_831_000_000;

/// The body of some rows, by the order in which they came.
pub(in crate::submit) fn body(rows: std::ops::Range<usize>) -> String {
    let members: Vec<String> = rows.map(|row| format!("{{\"n\":\"{}\"}}", FIRST_NUMBER + row)).collect();
    format!("{{\"rows\":[{}]}}", members.join(","))
}

/// What was said of one batch.
#[derive(Debug, Clone, Default)]
pub(in crate::submit) struct Batch {
    id: i64,
    attempts: Vec<i64>,
    rows: usize,
    pub(in crate::submit) verdicts: Vec<BatchVerdict>,
}

impl Batch {
    pub(in crate::submit) fn last(&self) -> &BatchVerdict {
        self.verdicts.last().expect("a verdict")
    }
}

/// The notes and the ledger they are about; clones share both.
#[derive(Clone)]
pub(in crate::submit) struct Books {
    ledger: Arc<Mutex<Sqlite>>,
    batches: Arc<Mutex<Vec<Batch>>>,
    added: Arc<Mutex<usize>>,
    /// Commits and requests in the order they happened.
    pub(in crate::submit) journal: Arc<Mutex<Vec<&'static str>>>,
    changed: watch::Sender<u64>,
    _folder: Arc<TempDir>,
}

impl Books {
    pub(in crate::submit) fn with_rows(rows: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options {
            path: folder.path().join("rxdrop.db"),
            installation: 7,
            spool: folder.path().join("spool"),
            today: "2026-08-31".parse().unwrap(),
            now: DateTime::UNIX_EPOCH,
            seed: 1,
        };
        let mut ledger = Sqlite::open(&options).unwrap();
        let section = SectionRef {
            name: "plain".to_owned(),
            system: "plain".to_owned(),
            environment: Environment::Sandbox,
            registration_sha256: None,
        };
        ledger.sections(&[section]).unwrap();
        ledger.recover("test", DateTime::UNIX_EPOCH).unwrap();
        let books = Self {
            ledger: Arc::new(Mutex::new(ledger)),
            batches: Arc::default(),
            added: Arc::default(),
            journal: Arc::default(),
            changed: watch::Sender::new(0),
            _folder: Arc::new(folder),
        };
        books.add(rows);
        books
    }

    /// Accepts a file of that many good rows.
    pub(in crate::submit) fn add(&self, rows: usize) {
        let mut added = self.added.lock().unwrap();
        let first = *added;
        *added += rows;
        let staged: Vec<StagedRow> = (first..first + rows).map(good_row).collect();
        let mut ledger = self.ledger.lock().unwrap();
        let now = DateTime::UNIX_EPOCH;
        let intake = ledger.receive(&file(first), now).unwrap();
        ledger.plan(&plan(intake), now).unwrap();
        ledger.stage(&staged).unwrap();
        ledger.accept(intake, &serde_json::json!({}), &[], now).unwrap();
    }

    pub(in crate::submit) fn handle(&self) -> Handle {
        Handle::spawn(Box::new(self.clone())).unwrap()
    }

    pub(in crate::submit) fn batches(&self) -> Vec<Batch> {
        self.batches.lock().unwrap().clone()
    }

    pub(in crate::submit) fn unsent(&self) -> usize {
        let sent: usize = self.batches.lock().unwrap().iter().map(|batch| batch.rows).sum();
        *self.added.lock().unwrap() - sent
    }

    /// Waits until the books say so.
    pub(in crate::submit) async fn when(&self, holds: impl Fn(&[Batch]) -> bool) {
        let mut changed = self.changed.subscribe();
        while !holds(&self.batches.lock().unwrap()) {
            changed.changed().await.unwrap();
        }
    }

    /// Another process begins to send from this ledger.
    pub(in crate::submit) fn taken_over(&self) {
        self.inner().recover("another", DateTime::UNIX_EPOCH).unwrap();
    }

    fn committed(&self, what: &'static str) {
        self.journal.lock().unwrap().push(what);
        self.changed.send_modify(|count| *count += 1);
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Sqlite> {
        self.ledger.lock().unwrap()
    }
}

fn good_row(index: usize) -> StagedRow {
    let record = StagedRecord {
        section: Some(0),
        own: Own::Ready,
        report_from: None,
        doubt: None,
        members: Some("{}".to_owned()),
        fact: Some(FactKey::Strong(index.to_string())),
        day: None,
        until: None,
        reverse_until: None,
        document: None,
        number: None,
        reference: None,
    };
    StagedRow { row: u32::try_from(index).unwrap() + 2, issues: Vec::new(), record: Some(record) }
}

fn file(first: usize) -> NewFile {
    NewFile {
        folder: "/drop".into(),
        name: format!("{first}.csv"),
        bytes: 1,
        mtime_ns: 1,
        sha256: format!("{first}"),
        language: Lang::En,
    }
}

fn plan(intake: i64) -> Plan {
    Plan {
        intake,
        mapping: MappingRef { name: "m".to_owned(), version: 1, sha256: "s".to_owned() },
        layout: String::new(),
        identity: crate::mapping::Identity::default(),
        scope: "m".to_owned(),
        keyed: true,
        ignore: Vec::new(),
        sections: vec!["plain".to_owned()],
        accept: Accept::GoodRows,
    }
}

macro_rules! pass_on {
    ($(fn $name:ident(&mut self $(, $arg:ident: $kind:ty)*) -> $result:ty;)*) => {
        $(fn $name(&mut self $(, $arg: $kind)*) -> $result {
            self.inner().$name($($arg),*)
        })*
    };
}

type Is<T> = Result<T, Error>;

impl Evidence for Books {
    fn audit(&mut self, heads: &[Head], progress: Progress<'_>) -> Is<(Findings, Checked)> {
        self.inner().audit(heads, progress)
    }

    fn contents(&mut self, after: &str, limit: u32) -> Is<Vec<(String, String)>> {
        self.inner().contents(after, limit)
    }

    fn folders(&mut self) -> Is<Vec<PathBuf>> {
        self.inner().folders()
    }

    fn drop_raw(&mut self, days: u32, after: i64, now: DateTime<Utc>) -> Is<Option<i64>> {
        self.inner().drop_raw(days, after, now)
    }
}

impl Trails for Books {
    fn places(&mut self, what: &What) -> Is<Vec<(i64, Option<u32>)>> {
        self.inner().places(what)
    }

    fn trail(&mut self, intake: i64, row: u32) -> Is<Option<Trail>> {
        self.inner().trail(intake, row)
    }

    fn batch_trail(&mut self, batch: i64) -> Is<Option<BatchTrail>> {
        self.inner().batch_trail(batch)
    }

    fn happened(&mut self, intake: i64, row: Option<u32>) -> Is<Vec<Happened>> {
        self.inner().happened(intake, row)
    }
}

impl Looks for Books {
    fn look_due(&mut self, section: &str, quiet: Quiet, now: DateTime<Utc>) -> Is<Looking> {
        self.inner().look_due(section, quiet, now)
    }

    fn witness(&mut self, section: &str, before: u32) -> Is<Option<Witness>> {
        self.inner().witness(section, before)
    }

    fn sent_after(&mut self, batch: i64, other: i64) -> Is<bool> {
        self.inner().sent_after(batch, other)
    }

    fn looked(&mut self, look: &Look, now: DateTime<Utc>) -> Is<()> {
        self.inner().looked(look, now)
    }

    fn conclude(
        &mut self,
        sought: &Sought,
        seen: &str,
        presence: &Presence,
        quiet: Quiet,
        at: Moment,
    ) -> Is<()> {
        self.inner().conclude(sought, seen, presence, quiet, at)
    }
}

impl Risks for Books {
    fn remind(&mut self, today: NaiveDate, until: NaiveDate) -> Is<()> {
        self.inner().remind(today, until)
    }

    fn at_risk(&mut self, intake: i64, until: NaiveDate) -> Is<Option<Risk>> {
        self.inner().at_risk(intake, until)
    }

    fn files_at_risk(&mut self, until: NaiveDate) -> Is<Vec<(i64, Vec<u32>)>> {
        self.inner().files_at_risk(until)
    }
}

impl Lists for Books {
    fn begin_list(&mut self) -> Is<()> {
        self.inner().begin_list()
    }

    fn list(&mut self, rows: &[Listed]) -> Is<()> {
        self.inner().list(rows)
    }

    fn reconcile(&mut self, intake: i64, matching: &Matching, now: DateTime<Utc>) -> Is<Vec<StoredIssue>> {
        self.inner().reconcile(intake, matching, now)
    }

    fn lapse(&mut self) -> Is<()> {
        self.inner().lapse()
    }
}

impl Ledger for Books {
    fn id(&self) -> String {
        self.inner().id()
    }

    pass_on! {
        fn sections(&mut self, sections: &[SectionRef]) -> Is<()>;
        fn position(&mut self) -> Is<Position>;
        fn was_at(&mut self, event: i64, head: &str) -> Is<bool>;
        fn is_marked(&mut self, folder: &Path) -> Is<bool>;
        fn marked(&mut self, folder: &Path, now: DateTime<Utc>) -> Is<()>;
        fn copied_at(&mut self) -> Is<Option<DateTime<Utc>>>;
        fn folders_of(&mut self, batch: i64) -> Is<Vec<PathBuf>>;
        fn take_over(&mut self, takeover: &Takeover, now: DateTime<Utc>) -> Is<TakenOver>;
        fn known_files(&mut self, folder: &Path) -> Is<Vec<KnownFile>>;
        fn receive(&mut self, file: &NewFile, now: DateTime<Utc>) -> Is<i64>;
        fn retry(&mut self, intake: i64, now: DateTime<Utc>) -> Is<i64>;
        fn unfinished(&mut self) -> Is<Vec<i64>>;
        fn newest(&mut self, folder: Option<&Path>, name: &str) -> Is<Option<i64>>;
        fn referenced(&mut self, reference: &str) -> Is<Option<Referenced>>;
        fn set_aside(&mut self, file: i64, to: FileState, why: &[StoredIssue], now: DateTime<Utc>) -> Is<()>;
        fn tells_apart_otherwise(&mut self, plan: &Plan) -> Is<bool>;
        fn plan(&mut self, plan: &Plan, now: DateTime<Utc>) -> Is<bool>;
        fn stage(&mut self, rows: &[StagedRow]) -> Is<()>;
        fn accept(&mut self, file: i64, read: &serde_json::Value, why: &[StoredIssue], now: DateTime<Utc>) -> Is<()>;
        fn file(&mut self, intake: i64) -> Is<Option<FileView>>;
        fn rows(&mut self, intake: i64, after: u32, limit: u32) -> Is<Vec<RowView>>;
        fn due_reports(&mut self) -> Is<Vec<i64>>;
        fn changes(&mut self, intake: i64) -> Is<i64>;
        fn keep_reports(&mut self, file: i64, folder: &Path, files: &[(String, String, String)], now: DateTime<Utc>) -> Is<()>;
        fn reported(&mut self, intake: i64, changes: i64) -> Is<()>;
        fn meaning(&mut self, folder: Option<&Path>, name: &str, sha256: Option<&str>) -> Is<Option<Meaning>>;
        fn report_of(&mut self, folder: &Path, name: &str, sha256: &str) -> Is<Option<i64>>;
        fn has_content(&mut self, sha256: &str) -> Is<bool>;
        fn reports(&mut self, folder: &Path) -> Is<Vec<(String, i64)>>;
        fn summary(&mut self) -> Is<Summary>;
        fn files(&mut self, limit: u32) -> Is<Vec<i64>>;
        fn release(&mut self, what: &What, answer: Option<Double>, by: &By, now: DateTime<Utc>) -> Is<Decided>;
        fn answer(&mut self, file: i64, answers: &serde_json::Value, by: &By, now: DateTime<Utc>) -> Is<bool>;
        fn resolve(&mut self, what: &What, decision: &Decision, by: &By, now: DateTime<Utc>) -> Is<Decided>;
        fn work(&mut self, section: &str, now: DateTime<Utc>) -> Is<Work>;
        fn is_busy(&mut self) -> Is<bool>;
        fn require_own(&mut self, attempt: i64) -> Is<()>;
        fn pending(&mut self, batch: i64) -> Is<Option<OpenBatch>>;
        fn recover(&mut self, owner: &str, now: DateTime<Utc>) -> Is<Vec<(String, OpenBatch, RawAnswer)>>;
    }

    fn claim(&mut self, want: &Want, build: Build) -> Is<Option<OpenBatch>> {
        let open = self.inner().claim(want, build)?;
        if let Some(open) = &open {
            let batch = Batch {
                id: open.batch,
                attempts: vec![open.attempt],
                rows: open.items.len(),
                verdicts: Vec::new(),
            };
            self.batches.lock().unwrap().push(batch);
            self.committed("claimed");
        }
        Ok(open)
    }

    fn resend(&mut self, batch: i64, now: DateTime<Utc>) -> Is<Option<OpenBatch>> {
        let open = self.inner().resend(batch, now)?;
        if let Some(open) = &open {
            let mut batches = self.batches.lock().unwrap();
            batches.iter_mut().find(|one| one.id == batch).unwrap().attempts.push(open.attempt);
        }
        self.committed("resent");
        Ok(open)
    }

    fn answered(&mut self, attempt: i64, answer: &RawAnswer, now: DateTime<Utc>) -> Is<()> {
        self.inner().answered(attempt, answer, now)?;
        self.committed("answered");
        Ok(())
    }

    fn asked(&mut self, question: &Question, now: DateTime<Utc>) -> Is<i64> {
        let attempt = self.inner().asked(question, now)?;
        let mut batches = self.batches.lock().unwrap();
        let batch = batches.iter_mut().find(|one| one.id == question.batch).unwrap();
        batch.attempts.push(attempt);
        if let Some(waits) = &question.waits {
            let Waits { ticket, remote, ask_at } = waits.clone();
            batch.verdicts.push(BatchVerdict::Pending { ticket, remote, ask_at });
        }
        drop(batches);
        self.committed(if question.waits.is_some() { "settled" } else { "answered" });
        Ok(attempt)
    }

    fn settle(&mut self, attempt: i64, verdict: &BatchVerdict, now: DateTime<Utc>) -> Is<()> {
        self.inner().settle(attempt, verdict, now)?;
        let mut batches = self.batches.lock().unwrap();
        batches
            .iter_mut()
            .find(|one| one.attempts.contains(&attempt))
            .unwrap()
            .verdicts
            .push(verdict.clone());
        drop(batches);
        self.committed("settled");
        Ok(())
    }
}
