//! The rules' store on SQLite: looks up and carries out inside one transaction, and decides nothing.

use rusqlite::{OptionalExtension, Transaction, params};

use super::record;
use super::{issues_text, json, parse, stamp};
use crate::ledger::core::store::{Key, Movement, Stand, Which};
use crate::ledger::core::{
    BatchEvent, BatchState, Known, Life, RecordEvent, RecordState, Store, TransactionEvent,
};
use crate::ledger::{Error, StoredIssue, codes};
use crate::model::Outcome;

/// The store of one transaction.
pub(super) struct SqlStore<'a> {
    pub(super) tx: &'a Transaction<'a>,
    /// When it is, as the ledger writes it.
    pub(super) at: String,
}

impl<'a> SqlStore<'a> {
    pub(super) fn new(tx: &'a Transaction<'a>, now: chrono::DateTime<chrono::Utc>) -> Self {
        Self { tx, at: stamp(now) }
    }

    /// A store for moves that leave no time behind.
    pub(super) fn timeless(tx: &'a Transaction<'a>) -> Self {
        Self { tx, at: String::new() }
    }

    /// One statement; tells how many rows it changed.
    fn run(&self, sql: &str, args: impl rusqlite::Params) -> Result<usize, Error> {
        Ok(self.tx.prepare_cached(sql)?.execute(args)?)
    }

    /// The first cell of the first row, if there is one.
    fn one<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        args: impl rusqlite::Params,
    ) -> Result<Option<T>, Error> {
        Ok(self.tx.prepare_cached(sql)?.query_row(args, |row| row.get(0)).optional()?)
    }
}

/// A condition that holds for some states. They are named one by one: for a list of three or more SQLite builds a
/// table each time the statement runs.
pub(super) fn among<L: Life>(column: &str, states: impl Iterator<Item = L>) -> String {
    let named: Vec<String> = states.map(|state| format!("{column} = '{}'", state.word())).collect();
    format!("({})", named.join(" OR "))
}

impl Store for SqlStore<'_> {
    fn record(&self, id: i64) -> Result<Option<Known>, Error> {
        record::get(self.tx, id)
    }

    fn of_row(&self, intake: i64, row: u32) -> Result<Option<Known>, Error> {
        let sql = "SELECT record_id FROM rows WHERE intake_id = ?1 AND row_no = ?2 AND record_id IS NOT NULL";
        self.one(sql, params![intake, row])?.map_or(Ok(None), |id| record::get(self.tx, id))
    }

    fn live(&self, scope: i64, key: &str) -> Result<Option<Known>, Error> {
        let sql = "SELECT record_id FROM facts WHERE scope_id = ?1 AND key = ?2 AND live = 1";
        self.one(sql, params![scope, key])?.map_or(Ok(None), |id| record::get(self.tx, id))
    }

    fn select(&self, which: Which<'_>) -> Result<Vec<Known>, Error> {
        let select =
            |condition: &str, args: &[&dyn rusqlite::ToSql]| record::select(self.tx, condition, args);
        match which {
            Which::WaitingIn(intake) => select("r.intake_id = ?1 AND r.state = 'behind'", &[&intake]),
            Which::TakingIn(intake) => select("r.intake_id = ?1 AND r.older IS NOT NULL", &[&intake]),
            Which::WeakAgainIn(intake) => select("r.intake_id = ?1 AND r.way = 'weak-again'", &[&intake]),
            Which::HeldIn(intake) => {
                select("r.intake_id = ?1 AND r.state = 'held' AND r.of_record IS NOT NULL", &[&intake])
            }
            Which::Behind(of) => select("r.of_record = ?1 AND r.state = 'behind'", &[&of]),
            Which::HeldBeside(of, intake) => select(
                "r.of_record = ?1 AND r.state = 'held' AND r.newer IS NULL AND r.intake_id <> ?2",
                &[&of, &intake],
            ),
            Which::WaitingInDocument(of, document) => select(
                "r.doc_intake = ?1 AND r.document = ?2 AND r.newer IS NULL AND r.state = 'behind'
                 AND coalesce(r.way, '') <> 'document'",
                &[&of, &document],
            ),
            Which::DecidedBeside(of) => select(
                "r.of_record = ?1 AND (r.state = 'ignored' OR (r.released = 1 AND r.state <> 'held'))",
                &[&of],
            ),
            Which::ReplacedBeside(of) => {
                select("r.of_record = ?1 AND r.state = 'held' AND r.newer IS NOT NULL", &[&of])
            }
            Which::OfNumber(number, id) => select(
                "r.mapped_number = ?1 AND r.id <> ?2 AND r.newer IS NULL AND r.state <> 'refused'
                 AND r.realm_id = (SELECT realm_id FROM records WHERE id = ?2)",
                &[&number, &id],
            ),
            Which::OfMovement((intake, row)) => {
                select("r.moved_intake = ?1 AND r.moved_row = ?2", &[&intake, &row])
            }
            Which::GoingOfMovement((intake, row)) => select(
                "r.moved_intake = ?1 AND r.moved_row = ?2
                 AND r.state IN ('ready', 'sending', 'pending', 'unknown', 'accepted', 'duplicate')",
                &[&intake, &row],
            ),
            Which::SentOfMovement((intake, row)) => select(
                "r.moved_intake = ?1 AND r.moved_row = ?2
                 AND r.state IN ('sending', 'pending', 'unknown', 'accepted', 'duplicate')",
                &[&intake, &row],
            ),
        }
    }

    fn reason(&self, id: i64) -> Result<Vec<StoredIssue>, Error> {
        let reason: Option<Option<String>> = self.one("SELECT reason FROM records WHERE id = ?1", [id])?;
        Ok(parse(reason.flatten().as_deref()))
    }

    fn keys_of_row(&self, intake: i64, row: u32) -> Result<Vec<Key>, Error> {
        let mut keys = self.tx.prepare_cached(
            "SELECT scope_id, key FROM facts WHERE intake_id = ?1 AND row_no = ?2 ORDER BY part",
        )?;
        let keys = keys.query_map(params![intake, row], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn own_keys(&self, known: &Known) -> Result<Vec<Key>, Error> {
        let mut keys = self.tx.prepare_cached(
            "SELECT scope_id, key FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3 ORDER BY part",
        )?;
        let keys =
            keys.query_map(params![known.intake, known.row, known.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn live_keys(&self, known: &Known) -> Result<Vec<Key>, Error> {
        let mut keys = self.tx.prepare_cached(
            "SELECT scope_id, key FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3 AND live = 1",
        )?;
        let keys =
            keys.query_map(params![known.intake, known.row, known.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn ignored_fields(&self, intake: i64) -> Result<Vec<String>, Error> {
        let fields: Option<String> =
            self.one("SELECT ignored_fields FROM intakes WHERE id = ?1", [intake])?;
        Ok(parse(fields.as_deref()))
    }

    fn is_taken(&self, intake: i64) -> Result<bool, Error> {
        Ok(self.one("SELECT state = 'taken' FROM intakes WHERE id = ?1", [intake])?.unwrap_or_default())
    }

    fn went_out(&self, record: i64, number: &str, but: Option<i64>) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM transactions t JOIN batches b ON b.id = t.batch_id
              WHERE t.number = ?2 AND b.realm_id = (SELECT realm_id FROM records WHERE id = ?1) AND t.id IS NOT ?3
                AND t.state <> 'refused' AND t.state <> 'not_received')";
        Ok(self.tx.prepare_cached(sql)?.query_row(params![record, number, but], |row| row.get(0))?)
    }

    fn was_issued(&self, number: &str) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM transactions t JOIN records r ON r.id = t.record_id
                    WHERE t.number = ?1 AND r.mapped_number IS NULL)";
        Ok(self.one(sql, [number])?.unwrap_or_default())
    }

    fn brother(&self, scope: i64, key: &str) -> Result<Option<i64>, Error> {
        self.one("SELECT record_id FROM temp.met_keys WHERE scope_id = ?1 AND key = ?2", params![scope, key])
    }

    fn keep_brother(&mut self, scope: i64, key: &str, id: i64) -> Result<(), Error> {
        let sql = "INSERT INTO temp.met_keys (scope_id, key, times, record_id) VALUES (?1, ?2, 1, ?3)";
        self.run(sql, params![scope, key, id]).map(drop)
    }

    fn count(&mut self, scope: i64, base: &str, seen: i64) -> Result<i64, Error> {
        let sql = "INSERT INTO temp.met_keys (scope_id, key, times, record_id) VALUES (?1, ?2, ?3, 0)
                   ON CONFLICT (scope_id, key) DO UPDATE SET times = times + 1 RETURNING times";
        Ok(self.tx.prepare_cached(sql)?.query_row(params![scope, base, seen + 1], |row| row.get(0))?)
    }

    fn content_had(&self, scope: i64, key: &str) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM temp.content_keys WHERE scope_id = ?1 AND key = ?2)";
        Ok(self.one(sql, params![scope, key])?.unwrap_or_default())
    }

    fn former_has(&self, scope: i64, key: &str) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM temp.former_keys WHERE scope_id = ?1 AND key = ?2)";
        Ok(self.one(sql, params![scope, key])?.unwrap_or_default())
    }

    fn documents(&self, intake: i64) -> Result<Vec<(i64, String)>, Error> {
        let mut found = self.tx.prepare_cached(
            "SELECT DISTINCT doc_intake, document FROM records WHERE intake_id = ?1 AND document IS NOT NULL
              ORDER BY doc_intake, document",
        )?;
        let found = found.query_map([intake], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn first_in_document(
        &self,
        of: i64,
        document: &str,
        states: &[RecordState],
    ) -> Result<Option<u32>, Error> {
        let sql = format!(
            "SELECT min(row_no) FROM records WHERE doc_intake = ?1 AND document = ?2 AND newer IS NULL
              AND coalesce(way, '') <> 'document' AND {}",
            among("state", states.iter().copied())
        );
        Ok(self.one(&sql, params![of, document])?.flatten())
    }

    fn may_be_waited_for(&self, of: i64, document: &str) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM records w INDEXED BY records_behind JOIN records m ON m.id = w.of_record
                    WHERE w.state = 'behind' AND (m.newer IS NOT NULL OR (m.doc_intake = ?1 AND m.document = ?2)))";
        Ok(self.one(sql, params![of, document])?.unwrap_or_default())
    }

    fn stop_document(
        &mut self,
        of: i64,
        document: &str,
        state: RecordState,
        reason: &StoredIssue,
    ) -> Result<Vec<i64>, Error> {
        let sql = "UPDATE records SET state = ?4, way = 'document', reason = ?3
                    WHERE doc_intake = ?1 AND document = ?2 AND newer IS NULL AND transaction_id IS NULL
                      AND released = 0 AND (state = 'ready' OR ((state = 'held' OR state = 'behind') AND way = 'document'))
                    RETURNING id";
        let mut stopped = self.tx.prepare_cached(sql)?;
        let stopped =
            stopped.query_map(params![of, document, json(&[reason])?, state.word()], |row| row.get(0))?;
        let mut stopped: Vec<i64> = stopped.collect::<Result<_, _>>()?;
        stopped.sort_unstable();
        Ok(stopped)
    }

    fn free_document(&mut self, of: i64, document: &str) -> Result<usize, Error> {
        let freed = RecordEvent::DocumentFreed;
        let sql = format!(
            "UPDATE records SET state = ?3, way = NULL, reason = NULL
              WHERE doc_intake = ?1 AND document = ?2 AND newer IS NULL AND way = 'document' AND {}",
            among("state", RecordState::sources(freed))
        );
        self.run(&sql, params![of, document, freed.leads_to().word()])
    }

    fn judge_later(&mut self, of: i64, document: &str) -> Result<(), Error> {
        self.run("INSERT OR IGNORE INTO temp.due VALUES (?1, ?2)", params![of, document]).map(drop)
    }

    fn next_due(&mut self) -> Result<Option<(i64, String)>, Error> {
        let mut first =
            self.tx.prepare_cached("SELECT of, document FROM temp.due ORDER BY of, document LIMIT 1")?;
        let due: Option<(i64, String)> =
            first.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((of, document)) = &due {
            self.run("DELETE FROM temp.due WHERE of = ?1 AND document = ?2", params![of, document])?;
        }
        Ok(due)
    }

    fn hold_doubtful(&mut self, intake: i64) -> Result<(), Error> {
        super::takeover::hold_doubtful(self.tx, intake)
    }

    fn hold_doubtful_record(&mut self, id: i64) -> Result<(), Error> {
        super::takeover::hold_doubtful_record(self.tx, id)
    }

    fn hold_doubtful_document(&mut self, of: i64, document: &str) -> Result<(), Error> {
        super::takeover::hold_doubtful_document(self.tx, of, document)
    }

    fn doubt_if_taken_over(&mut self, known: &Known) -> Result<bool, Error> {
        super::takeover::doubt_if_taken_over(self.tx, known)
    }

    fn join_document(&mut self, id: i64, with: &Known) -> Result<(), Error> {
        let sql = "UPDATE records SET doc_intake = ?2, document = ?3 WHERE id = ?1";
        self.run(sql, params![id, with.doc_intake, with.document]).map(drop)
    }

    fn set_movement(&mut self, id: i64, (intake, row): Movement) -> Result<(), Error> {
        let sql = "UPDATE records SET moved_intake = ?2, moved_row = ?3 WHERE id = ?1";
        self.run(sql, params![id, intake, row]).map(drop)
    }

    fn stand(&mut self, id: i64, stand: &Stand<'_>) -> Result<(), Error> {
        record::set(self.tx, id, stand)
    }

    fn asked_after(&self, id: i64) -> Result<Option<i64>, Error> {
        Ok(self.one("SELECT asked_after FROM records WHERE id = ?1", [id])?.flatten())
    }

    fn ask_now(&mut self, intake: i64) -> Result<(), Error> {
        let sql = "UPDATE records SET asked_after = (SELECT max(id) FROM intakes)
                    WHERE intake_id = ?1 AND state = 'held'";
        self.run(sql, [intake]).map(drop)
    }

    fn ask_on(&mut self, id: i64, as_long_as: i64) -> Result<(), Error> {
        let sql = "UPDATE records AS r SET asked_after = o.asked_after FROM records o
                    WHERE r.id = ?1 AND o.id = ?2 AND r.state = 'held' AND o.state = 'held'
                      AND o.asked_after < r.asked_after
                      AND r.reason ->> '$[0].code' = o.reason ->> '$[0].code'";
        self.run(sql, [id, as_long_as]).map(drop)
    }

    fn let_go(&mut self, id: i64, state: RecordState) -> Result<(), Error> {
        let sql = "UPDATE records SET state = ?2, released = 1, doubt = NULL WHERE id = ?1";
        self.run(sql, params![id, state.word()]).map(drop)
    }

    fn let_go_no_more(&mut self, id: i64) -> Result<(), Error> {
        self.run("UPDATE records SET released = 0 WHERE id = ?1", [id]).map(drop)
    }

    fn tell(&mut self, id: i64, reason: &[StoredIssue]) -> Result<(), Error> {
        let sql = "UPDATE records SET reason = ?2 WHERE id = ?1";
        self.run(sql, params![id, issues_text(reason)?]).map(drop)
    }

    fn set_older(&mut self, id: i64, older: Option<i64>) -> Result<(), Error> {
        self.run("UPDATE records SET older = ?2 WHERE id = ?1", params![id, older]).map(drop)
    }

    fn set_newer(&mut self, id: i64, newer: Option<i64>) -> Result<(), Error> {
        self.run("UPDATE records SET newer = ?2 WHERE id = ?1", params![id, newer]).map(drop)
    }

    fn has_twin(&self, known: &Known, (intake, row): Movement) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE moved_intake = ?1 AND moved_row = ?2
                    AND intake_id = ?3 AND id <> ?4)";
        Ok(self.one(sql, params![intake, row, known.intake, known.id])?.unwrap_or_default())
    }

    fn is_to_be_taken(&self, record: i64, by: i64) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE intake_id = ?1 AND older = ?2)";
        Ok(self.one(sql, params![by, record])?.unwrap_or_default())
    }

    fn forget_number(&mut self, id: i64) -> Result<(), Error> {
        self.run("UPDATE records SET valid = 0, mapped_number = NULL WHERE id = ?1", [id]).map(drop)
    }

    fn add_fact(
        &mut self,
        (intake, row, id): (i64, u32, i64),
        (scope, key): &Key,
        live: bool,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO facts (intake_id, row_no, part, scope_id, key, record_id, live)
                   VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6)";
        self.run(sql, params![intake, row, scope, key, id, live]).map(drop)
    }

    fn forget_facts(&mut self, known: &Known) -> Result<(), Error> {
        let sql = "UPDATE facts SET live = 0 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3";
        self.run(sql, params![known.intake, known.row, known.id]).map(drop)
    }

    fn revive_facts(&mut self, known: &Known) -> Result<(), Error> {
        let sql =
            "UPDATE OR IGNORE facts SET live = 1 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3";
        self.run(sql, params![known.intake, known.row, known.id]).map(drop)
    }

    fn inherit_facts(&mut self, known: &Known, keys: &[Key]) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO facts (intake_id, row_no, part, scope_id, key, record_id, live)
                   SELECT ?1, ?2, (SELECT coalesce(max(part), 0) + 1 FROM facts WHERE intake_id = ?1 AND row_no = ?2),
                          ?3, ?4, ?5, 1 WHERE NOT EXISTS
                    (SELECT 1 FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?5 AND scope_id = ?3 AND key = ?4)";
        for (scope, key) in keys {
            self.run(sql, params![known.intake, known.row, scope, key, known.id])?;
        }
        Ok(())
    }

    fn give_fact(&mut self, from: &Known, to: &Known, (scope, key): &Key) -> Result<(), Error> {
        let sql = "UPDATE facts SET live = ?6 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3 AND scope_id = ?4
                    AND key = ?5";
        self.run(sql, params![from.intake, from.row, from.id, scope, key, false])?;
        self.run(sql, params![to.intake, to.row, to.id, scope, key, true]).map(drop)
    }

    fn next_generation(&mut self, known: &Known, older: &Known) -> Result<(), Error> {
        self.run(
            "UPDATE facts SET live = 0 WHERE intake_id = ?1 AND row_no = ?2",
            params![older.intake, older.row],
        )?;
        let sql = "UPDATE facts SET live = 1,
            generation = 1 + (SELECT coalesce(max(o.generation), 0) FROM facts o WHERE o.intake_id = ?3 AND o.row_no = ?4)
          WHERE intake_id = ?1 AND row_no = ?2";
        self.run(sql, params![known.intake, known.row, older.intake, older.row]).map(drop)
    }

    fn vacate_fact(&mut self, (scope, key): &Key) -> Result<(), Error> {
        let sql = "UPDATE facts SET live = 0 WHERE live = 1 AND scope_id = ?1 AND key = ?2
            AND EXISTS (SELECT 1 FROM records r WHERE r.id = facts.record_id
                        AND r.state IN ('ignored', 'held', 'refused', 'rejected', 'reversed'))";
        self.run(sql, params![scope, key]).map(drop)
    }

    fn mark_changed(&mut self, record: i64) -> Result<(), Error> {
        record::mark_changed(self.tx, record)
    }

    fn mark_file(&mut self, intake: i64) -> Result<(), Error> {
        self.run("UPDATE intakes SET changed = changed + 1 WHERE id = ?1", [intake]).map(drop)
    }

    fn mark_batch(&mut self, batch: i64) -> Result<(), Error> {
        super::batches::mark_batch_changed(self.tx, batch)
    }

    fn transaction(&self, record: i64) -> Result<(i64, i64), Error> {
        let sql = "SELECT t.id, t.batch_id FROM records r JOIN transactions t ON t.id = r.transaction_id WHERE r.id = ?1";
        Ok(self.tx.prepare_cached(sql)?.query_row([record], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    fn settle_one(&mut self, transaction: i64, outcome: &Outcome) -> Result<(), Error> {
        super::batches::settle_one(self.tx, transaction, outcome, &self.at)
    }

    fn not_received(&mut self, transaction: i64) -> Result<(), Error> {
        let state = TransactionEvent::NotReceived.leads_to().word();
        self.run("UPDATE transactions SET state = ?2 WHERE id = ?1", params![transaction, state]).map(drop)
    }

    fn contradicted(&mut self, transaction: i64, batch: i64) -> Result<(), Error> {
        let state = TransactionEvent::Contradicted.leads_to().word();
        self.run("UPDATE transactions SET state = ?2 WHERE id = ?1", params![transaction, state])?;
        let state = super::batches::state_of(self.tx, batch)?.after(BatchEvent::Contradicted)?.word();
        self.run("UPDATE batches SET state = ?2 WHERE id = ?1", params![batch, state])?;
        self.run("DELETE FROM looks WHERE transaction_id = ?1 AND batch_id = ?2", [transaction, batch])
            .map(drop)
    }

    fn bearer_of_id(&self, record: i64, id: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT i.name || ':' || r.row_no
            FROM (SELECT record_id FROM transactions WHERE remote_id = ?2 AND state = 'accepted'
                  UNION ALL SELECT id FROM records WHERE listed_id = ?2) bears
              JOIN records r ON r.id = bears.record_id JOIN intakes i ON i.id = r.intake_id
              JOIN realms theirs ON theirs.id = r.realm_id
              JOIN records mine ON mine.id = ?1 JOIN realms ours ON ours.id = mine.realm_id
            WHERE r.id <> mine.id AND theirs.system = ours.system AND theirs.environment = ours.environment
              AND coalesce(r.reason, '') NOT LIKE ?3
            ORDER BY r.id LIMIT 1";
        let by_word = format!("%\"{}\"%", codes::BY_WORD.code);
        let found = self.tx.prepare_cached(sql)?.query_row(params![record, id, by_word], |row| row.get(0));
        Ok(found.optional()?)
    }

    fn bearer_of_number(&self, batch: i64, number: &str) -> Result<Option<i64>, Error> {
        let sql = "SELECT b.id FROM batches b JOIN realms theirs ON theirs.id = b.realm_id
              JOIN batches mine ON mine.id = ?1 JOIN realms ours ON ours.id = mine.realm_id
              JOIN transactions t ON t.batch_id = b.id JOIN records r ON r.id = t.record_id
            WHERE b.remote = ?2 AND b.id <> mine.id
              AND theirs.system = ours.system AND theirs.environment = ours.environment
              AND (t.state IN ('refused', 'pending') OR t.state = 'accepted'
                   AND coalesce(r.reason, '') NOT LIKE ?3 AND coalesce(r.reason, '') NOT LIKE ?4
                   AND coalesce(r.reason, '') NOT LIKE ?5)
            ORDER BY b.id LIMIT 1";
        let [by_word, in_list, found] =
            [&codes::BY_WORD, &codes::IN_LIST, &codes::FOUND].map(|code| format!("%\"{}\"%", code.code));
        let bearer = self
            .tx
            .prepare_cached(sql)?
            .query_row(params![batch, number, by_word, in_list, found], |row| row.get(0));
        Ok(bearer.optional()?)
    }

    fn number_of_batch(&mut self, transaction: i64, batch: i64, number: &str) -> Result<(), Error> {
        self.run("UPDATE transactions SET remote_id = NULL WHERE id = ?1", [transaction])?;
        self.run("UPDATE batches SET remote = ?2 WHERE id = ?1", params![batch, number]).map(drop)
    }

    fn close_batch(&mut self, batch: i64) -> Result<(), Error> {
        let settled = BatchState::Unknown.after(BatchEvent::SpokenFor)?.word();
        let sql = "UPDATE batches SET state = ?3, answered_at = coalesce(answered_at, ?2)
                    WHERE id = ?1 AND state = 'unknown'
                      AND NOT EXISTS (SELECT 1 FROM transactions WHERE batch_id = ?1 AND state = 'unknown')";
        self.run(sql, params![batch, self.at, settled]).map(drop)
    }
}
