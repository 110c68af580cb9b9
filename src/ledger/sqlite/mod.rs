//! The ledger on SQLite: bundled, WAL, `synchronous = FULL`, so a commit that returned survives a power cut.

mod accept;
mod asked;
mod batches;
mod copies;
mod decide;
mod digest;
mod files;
#[cfg(debug_assertions)]
mod guard;
mod identity;
mod look;
mod many;
#[cfg(test)]
mod mirror;
mod moves;
mod packed;
mod prune;
mod reconcile;
mod record;
mod risk;
mod stage;
mod store;
mod takeover;
#[cfg(test)]
mod tests;
mod trace;
mod verify;
mod views;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::model::hash;

use super::core::follow::judge_due;
use super::migrations::{APPLICATION_ID, MIGRATIONS, MOVES_FROM};
use super::{
    BatchVerdict, Build, By, Decided, Decision, Double, Error, FileState, FileView, KnownFile, Meaning,
    NewFile, OpenBatch, Plan, Position, Question, RawAnswer, Referenced, RowView, SectionRef, StagedRow,
    StoredIssue, Summary, TakenOver, Takeover, Want, What, Work,
};

/// How long a statement waits for another process's commit.
const BUSY: Duration = Duration::from_secs(20);
/// Pages of write-ahead log before it is copied into the database (4 KiB each): rarely enough that a nightly
/// drop needs no copy in between.
const CHECKPOINT_PAGES: u32 = 4_000;

/// Documents to be judged when the commit under way ends ([`judge_due`]).
const DUE: &str =
    "CREATE TEMP TABLE due (of INTEGER, document TEXT, PRIMARY KEY (of, document)) WITHOUT ROWID";

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        Self::Store(Box::new(source))
    }
}

pub use copies::Contents;
use moves::Touched;

/// How a ledger is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database file; its folder is made if needed.
    pub path: PathBuf,
    /// First digits of the numbers we issue, 1 to 999.
    pub installation: u16,
    /// Where copies of inputs lie.
    pub spool: PathBuf,
    /// Today in the system's calendar: a new ledger's numbers start there.
    pub today: NaiveDate,
    /// Now; the copy of a ledger of an earlier form is named by it.
    pub now: DateTime<Utc>,
    /// Randomness for a new ledger's id.
    pub seed: u64,
}

/// A ledger in one SQLite file.
pub struct Sqlite {
    conn: Connection,
    id: String,
    installation: u16,
    spool: PathBuf,
    /// Section name → realm id, as configured now.
    realms: HashMap<String, i64>,
    epoch: i64,
    staging: Option<stage::Staging>,
    touched: Touched,
    packer: packed::Packer,
}

impl Sqlite {
    /// Opens a ledger, making or migrating it where needed.
    ///
    /// # Errors
    /// When the file is not ours, comes from a newer version, or can't be read or written.
    pub fn open(options: &Options) -> Result<Self, Error> {
        Self::open_as(options, true)
    }

    /// Opens; with `keep_former` a ledger of an earlier form is copied beside itself before it is migrated.
    fn open_as(options: &Options, keep_former: bool) -> Result<Self, Error> {
        if let Some(folder) = options.path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| Error::Store(Box::new(source)))?;
        }
        let mut conn = Connection::open(&options.path)?;
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "trusted_schema", "OFF")?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        // Else a statement is prepared anew whenever a value changes that stands beside a partial index.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.set_prepared_statement_cache_capacity(64);
        migrate(&mut conn, options, keep_former)?;
        #[cfg(debug_assertions)]
        guard::watch(&conn)?;
        conn.execute_batch(DUE)?;
        let touched = Touched::of(&mut conn)?;
        let id = conn.query_row("SELECT value FROM meta WHERE key = 'id'", [], |row| row.get(0))?;
        Ok(Self {
            conn,
            id,
            installation: options.installation,
            spool: options.spool.clone(),
            realms: HashMap::new(),
            epoch: 0,
            staging: None,
            touched,
            packer: packed::Packer::new(),
        })
    }

    /// A ledger that is thrown away, with everything another one knows: for judging without remembering.
    ///
    /// # Errors
    /// When the other ledger can't be read or the copy can't be written.
    pub fn scratch(known: Option<&Path>, options: &Options) -> Result<Self, Error> {
        if let Some(known) = known.filter(|path| path.exists()) {
            copies::copy(known, &options.path)?;
        }
        let mut ledger = Self::open_as(options, false)?;
        // Nobody else has it: requests may be made of its rows, which nobody sends.
        ledger.epoch = batches::newest_epoch(&ledger.conn)?;
        ledger.conn.pragma_update(None, "synchronous", "OFF")?;
        Ok(ledger)
    }

    /// Copies a ledger as it is at one moment, while others read and write it. Gives what belongs to the copy, which
    /// bears that it is one.
    ///
    /// # Errors
    /// When the ledger can't be read, or the copy can't be written or is there already.
    pub fn copy(ledger: &Path, goal: &Path, now: DateTime<Utc>) -> Result<Contents, Error> {
        copies::copy(ledger, goal)?;
        copies::bear(goal, now)?;
        copies::contents(goal)
    }

    fn realm(&self, section: &str) -> Option<i64> {
        self.realms.get(section).copied()
    }

    /// One commit with one event. What the work returns as `data` is kept as evidence.
    fn commit<R>(
        &mut self,
        now: DateTime<Utc>,
        kind: &str,
        work: impl FnOnce(&Transaction<'_>) -> Result<(R, Event), Error>,
    ) -> Result<R, Error> {
        let tx = self.touched.begin(&mut self.conn)?;
        let (result, event) = work(&tx)?;
        judge_due(&mut store::SqlStore::timeless(&tx))?;
        append_event(&tx, &self.touched, now, kind, event)?;
        tx.commit()?;
        Ok(result)
    }

    /// Registers the configured sections and finds their realms.
    pub(super) fn know_sections(&mut self, sections: &[SectionRef]) -> Result<(), Error> {
        for section in sections {
            let registration =
                section.registration_sha256.clone().unwrap_or_else(|| format!("section:{}", section.name));
            let environment = section.environment.word();
            let find = "SELECT id FROM realms WHERE system = ?1 AND environment = ?2 AND registration = ?3";
            let known: Option<i64> = self
                .conn
                .query_row(find, params![section.system, environment, registration], |row| row.get(0))
                .optional()?;
            let realm = if let Some(realm) = known {
                realm
            } else {
                self.conn.execute(
                    "INSERT INTO realms (system, environment, registration, section) VALUES (?1, ?2, ?3, ?4)",
                    params![section.system, environment, registration, section.name],
                )?;
                self.conn.last_insert_rowid()
            };
            self.realms.insert(section.name.clone(), realm);
        }
        Ok(())
    }
}

/// What an event says: the thing it is about and what happened, without cell values.
struct Event {
    subject: Option<i64>,
    data: serde_json::Value,
}

impl Event {
    fn about(subject: i64, data: serde_json::Value) -> Self {
        Self { subject: Some(subject), data }
    }
}

/// Appends one event with the hash of the one before it. Beside it stand the states in which it leaves what was touched
/// since the one before, and in its data a hash over them.
fn append_event(
    tx: &Transaction<'_>,
    touched: &Touched,
    now: DateTime<Utc>,
    kind: &str,
    event: Event,
) -> Result<(), Error> {
    let Event { subject, mut data } = event;
    let (newest, before) = newest(tx)?;
    let id = newest + 1;
    if let Some(moves) = moves::tell(tx, touched, id)? {
        if !data.is_object() {
            data = serde_json::json!({"said": data});
        }
        if let Some(members) = data.as_object_mut() {
            members.insert(moves::MEMBER.to_owned(), moves.into());
        }
    }
    let (data, at) = (data.to_string(), stamp(now));
    let hash = chained(&before, &at, kind, subject, &data);
    tx.prepare_cached(
        "INSERT INTO events (id, at, kind, subject, data, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![id, at, kind, subject, data, hash])?;
    Ok(())
}

/// The hash an event bears.
fn chained(before: &str, at: &str, kind: &str, subject: Option<i64>, data: &str) -> String {
    let mut chain = Sha256::new();
    for part in [before, at, kind, &subject.unwrap_or(0).to_string(), data] {
        chain.update(part.as_bytes());
        chain.update([0]);
    }
    hash::hex(&chain.finalize())
}

fn head(conn: &Connection) -> Result<String, Error> {
    newest(conn).map(|(_, hash)| hash)
}

/// The newest event: its id and its hash.
fn newest(conn: &Connection) -> Result<(i64, String), Error> {
    let newest = conn
        .prepare_cached("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(newest.unwrap_or_default())
}

/// Brings a ledger of an earlier form to today's: all steps in one transaction, after a copy of it was kept.
fn migrate(conn: &mut Connection, options: &Options, keep_former: bool) -> Result<(), Error> {
    let newest = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let version = form(conn)?;
    if version == newest {
        return Ok(());
    }
    if version > 0 && keep_former {
        let kept = copies::keep_former(&options.path, version, options.now)?;
        tracing::info!(from = version, to = newest, kept = %kept.display(), "the ledger gets a new form");
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version = form(&tx)?;
    for migration in MIGRATIONS.iter().skip(version as usize) {
        tx.execute_batch(migration)?;
    }
    if version == 0 {
        begin(&tx, options)?;
    } else if version < MOVES_FROM {
        let event = Event { subject: None, data: serde_json::json!({"form": version}) };
        append_event(&tx, &Touched::everything(), options.now, "states told", event)?;
    }
    tx.pragma_update(None, "user_version", newest)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.commit()?;
    Ok(())
}

/// The form of the ledger in a file; 0 in an empty one.
fn form(conn: &Connection) -> Result<u32, Error> {
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    match version {
        0 if tables == 0 => Ok(0),
        _ if application != APPLICATION_ID => Err(Error::NotOurs),
        version if version > known => Err(Error::Newer { found: version, known }),
        version => Ok(version),
    }
}

/// A new ledger's id and first number: `YYMMDD000000` of that day, so that a ledger made anew on a later day
/// does not issue a number again.
fn begin(tx: &Transaction<'_>, options: &Options) -> Result<(), Error> {
    let day: i64 = options.today.format("%y%m%d").to_string().parse().unwrap_or_default();
    let mut put = tx.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
    put.execute(params!["id", format!("{:08x}", options.seed & 0xffff_ffff)])?;
    put.execute(params!["next_number", (day * 1_000_000).to_string()])?;
    Ok(())
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn from_stamp(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn issues_text(issues: &[StoredIssue]) -> Result<Option<String>, Error> {
    if issues.is_empty() { Ok(None) } else { json(&issues).map(Some) }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Store(Box::new(source)))
}

fn parse<T: serde::de::DeserializeOwned + Default>(text: Option<&str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

impl super::Ledger for Sqlite {
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sections(&mut self, sections: &[SectionRef]) -> Result<(), Error> {
        self.know_sections(sections)
    }
    fn position(&mut self) -> Result<Position, Error> {
        self.how_far()
    }
    fn was_at(&mut self, event: i64, head: &str) -> Result<bool, Error> {
        Sqlite::was_at(self, event, head)
    }
    fn is_marked(&mut self, folder: &Path) -> Result<bool, Error> {
        self.knows(folder)
    }
    fn copied_at(&mut self) -> Result<Option<DateTime<Utc>>, Error> {
        copies::copied_at(&self.conn)
    }
    fn marked(&mut self, folder: &Path, now: DateTime<Utc>) -> Result<(), Error> {
        self.make_known(folder, now)
    }
    fn folders_of(&mut self, batch: i64) -> Result<Vec<PathBuf>, Error> {
        self.folders_in(batch)
    }
    fn take_over(&mut self, takeover: &Takeover, now: DateTime<Utc>) -> Result<TakenOver, Error> {
        let done = self.take_it_over(takeover, now)?;
        if takeover.folder.is_none() {
            // A crash before this leaves the copy to be taken over once more.
            copies::bear_no_more(&self.conn)?;
        }
        Ok(done)
    }
    fn known_files(&mut self, folder: &Path) -> Result<Vec<KnownFile>, Error> {
        self.files_of(folder)
    }
    fn receive(&mut self, file: &NewFile, now: DateTime<Utc>) -> Result<i64, Error> {
        self.receive_file(file, now)
    }
    fn retry(&mut self, intake: i64, now: DateTime<Utc>) -> Result<i64, Error> {
        self.retry_file(intake, now)
    }
    fn unfinished(&mut self) -> Result<Vec<i64>, Error> {
        self.unfinished_files()
    }
    fn newest(&mut self, folder: Option<&Path>, name: &str) -> Result<Option<i64>, Error> {
        self.newest_of(folder, name)
    }
    fn referenced(&mut self, reference: &str) -> Result<Option<Referenced>, Error> {
        self.who_is(reference)
    }
    fn set_aside(
        &mut self,
        intake: i64,
        state: FileState,
        issues: &[StoredIssue],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.set_file_state(intake, state, issues, now)
    }
    fn tells_apart_otherwise(&mut self, plan: &Plan) -> Result<bool, Error> {
        self.knows_otherwise(plan)
    }
    fn plan(&mut self, plan: &Plan, now: DateTime<Utc>) -> Result<bool, Error> {
        self.begin_staging(plan, now)
    }
    fn stage(&mut self, rows: &[StagedRow]) -> Result<(), Error> {
        self.stage_rows(rows)
    }
    fn accept(
        &mut self,
        intake: i64,
        reading: &serde_json::Value,
        issues: &[StoredIssue],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.accept_file(intake, reading, issues, now)
    }
    fn file(&mut self, intake: i64) -> Result<Option<FileView>, Error> {
        self.file_view(intake)
    }
    fn rows(&mut self, intake: i64, after: u32, limit: u32) -> Result<Vec<RowView>, Error> {
        self.row_views(intake, after, limit)
    }
    fn due_reports(&mut self) -> Result<Vec<i64>, Error> {
        self.due_for_report()
    }
    fn changes(&mut self, intake: i64) -> Result<i64, Error> {
        self.change_count(intake)
    }
    fn keep_reports(
        &mut self,
        intake: i64,
        folder: &Path,
        files: &[(String, String, String)],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        Sqlite::keep_reports(self, intake, folder, files, now)
    }
    fn reported(&mut self, intake: i64, changes: i64) -> Result<(), Error> {
        self.reports_show(intake, changes)
    }
    fn report_of(&mut self, folder: &Path, name: &str, sha256: &str) -> Result<Option<i64>, Error> {
        self.intake_of_report(folder, name, sha256)
    }
    fn meaning(
        &mut self,
        folder: Option<&Path>,
        name: &str,
        sha256: Option<&str>,
    ) -> Result<Option<Meaning>, Error> {
        self.meaning_of(folder, name, sha256)
    }
    fn has_content(&mut self, sha256: &str) -> Result<bool, Error> {
        self.has_bytes(sha256)
    }
    fn reports(&mut self, folder: &Path) -> Result<Vec<(String, i64)>, Error> {
        self.report_names_of(folder)
    }
    fn summary(&mut self) -> Result<Summary, Error> {
        self.count()
    }
    fn files(&mut self, limit: u32) -> Result<Vec<i64>, Error> {
        self.files_newest_first(limit)
    }
    fn release(
        &mut self,
        what: &What,
        answer: Option<Double>,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error> {
        self.release_held(what, answer, by, now)
    }
    fn answer(
        &mut self,
        intake: i64,
        answers: &serde_json::Value,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.keep_answers(intake, answers, by, now)
    }
    fn resolve(
        &mut self,
        what: &What,
        decision: &Decision,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error> {
        self.resolve_unknown(what, decision, by, now)
    }
    fn work(&mut self, section: &str, now: DateTime<Utc>) -> Result<Work, Error> {
        self.next_work(section, now)
    }
    fn is_busy(&mut self) -> Result<bool, Error> {
        self.busy()
    }
    fn claim(&mut self, want: &Want, build: Build) -> Result<Option<OpenBatch>, Error> {
        self.claim_batch(want, build)
    }
    fn resend(&mut self, batch: i64, now: DateTime<Utc>) -> Result<Option<OpenBatch>, Error> {
        self.resend_batch(batch, now)
    }
    fn require_own(&mut self, attempt: i64) -> Result<(), Error> {
        self.require_own_attempt(attempt)
    }
    fn pending(&mut self, batch: i64) -> Result<Option<OpenBatch>, Error> {
        self.pending_batch(batch)
    }
    fn answered(&mut self, attempt: i64, answer: &RawAnswer, now: DateTime<Utc>) -> Result<(), Error> {
        self.keep_answer(attempt, answer, now)
    }
    fn asked(&mut self, question: &Question, now: DateTime<Utc>) -> Result<i64, Error> {
        self.keep_question(question, now)
    }
    fn settle(&mut self, attempt: i64, verdict: &BatchVerdict, now: DateTime<Utc>) -> Result<(), Error> {
        self.settle_batch(attempt, verdict, now)
    }
    fn recover(
        &mut self,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, OpenBatch, RawAnswer)>, Error> {
        self.recover_sending(owner, now)
    }
}
