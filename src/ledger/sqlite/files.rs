//! Files: receiving them, knowing them again, their reports.

use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::takeover::next_id;
use super::{Event, Sqlite, stamp};
use crate::intake::parse_report_name;
use crate::ledger::core::place::parse_reference;
use crate::ledger::core::{FileEvent, Life as _};
use crate::ledger::{Error, KnownFile, Meaning, NewFile, Referenced};
use crate::model::Lang;

impl Sqlite {
    pub(super) fn receive_file(&mut self, file: &NewFile, now: DateTime<Utc>) -> Result<i64, Error> {
        let folder = file.folder.to_string_lossy().into_owned();
        let language = if file.language == Lang::Bg { "bg" } else { "en" };
        self.commit(now, "received", |tx| {
            let intake = next_id(tx, "intakes")?;
            tx.execute(
                // What was received and not read yet stays: its content is in the spool, and its rows must be told.
                "UPDATE intakes SET state = ?3, changed = changed + 1
                  WHERE folder = ?1 AND name = ?2 AND kind = 'drop' AND state IN ('held', 'unreadable')",
                params![folder, file.name, FileEvent::Withdrawn.leads_to().word()],
            )?;
            tx.execute(
                "INSERT INTO intakes (kind, folder, name, sha256, bytes, received_at, state, language, id)
                 VALUES ('drop', ?1, ?2, ?3, ?4, ?5, 'received', ?6, ?7)",
                params![folder, file.name, file.sha256, bytes(file.bytes), stamp(now), language, intake],
            )?;
            tx.execute(
                "INSERT INTO sightings (folder, name, bytes, mtime_ns, intake_id) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (folder, name) DO UPDATE SET bytes = excluded.bytes, mtime_ns = excluded.mtime_ns,
                    intake_id = excluded.intake_id",
                params![folder, file.name, bytes(file.bytes), file.mtime_ns, intake],
            )?;
            Ok((intake, Event::about(intake, serde_json::json!({"name": file.name, "sha256": file.sha256}))))
        })
    }

    pub(super) fn retry_file(&mut self, target: i64, now: DateTime<Utc>) -> Result<i64, Error> {
        self.commit(now, "retry", |tx| {
            let intake = next_id(tx, "intakes")?;
            tx.execute(
                "INSERT INTO intakes (id, kind, target, folder, name, sha256, bytes, received_at, state, language, reading)
                 SELECT ?3, 'retry', id, folder, name, sha256, bytes, ?2, 'received', language,
                        iif(reading IS NULL, NULL, json_object('answers', json(reading -> '$.answers'))) FROM intakes WHERE id = ?1",
                params![target, stamp(now), intake],
            )?;
            Ok((intake, Event::about(target, serde_json::json!({}))))
        })
    }

    pub(super) fn files_of(&self, folder: &Path) -> Result<Vec<KnownFile>, Error> {
        let mut found = self
            .conn
            .prepare_cached("SELECT name, bytes, mtime_ns, intake_id FROM sightings WHERE folder = ?1")?;
        let known = found.query_map([folder.to_string_lossy()], |row| {
            Ok(KnownFile {
                name: row.get(0)?,
                bytes: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
                mtime_ns: row.get(2)?,
                intake: row.get(3)?,
            })
        })?;
        Ok(known.collect::<Result<_, _>>()?)
    }

    pub(super) fn unfinished_files(&self) -> Result<Vec<i64>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT id FROM intakes WHERE state IN ('received', 'staging', 'held') AND kind = 'drop' ORDER BY id",
        )?;
        Ok(found.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    pub(super) fn has_bytes(&self, sha256: &str) -> Result<bool, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM intakes WHERE sha256 = ?1)")?
            .query_row([sha256], |row| row.get(0))?)
    }

    pub(super) fn newest_of(&self, folder: Option<&Path>, name: &str) -> Result<Option<i64>, Error> {
        self.require_one_folder(folder, name)?;
        let newest: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT max(id) FROM intakes WHERE name = ?1 AND (?2 IS NULL OR folder = ?2)
                  AND kind = 'drop' AND state <> 'withdrawn'",
            )?
            .query_row(params![name, folder.map(|path| path.to_string_lossy().into_owned())], |row| {
                row.get(0)
            })?;
        Ok(newest)
    }

    /// Where no folder is said, files of the name must lie in one only.
    fn require_one_folder(&self, folder: Option<&Path>, name: &str) -> Result<(), Error> {
        if folder.is_some() {
            return Ok(());
        }
        let mut found = self.conn.prepare_cached("SELECT DISTINCT folder FROM intakes WHERE name = ?1")?;
        let folders: Vec<String> = found.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if folders.len() > 1 {
            return Err(Error::Ambiguous { name: name.to_owned(), folders });
        }
        Ok(())
    }

    /// The file whose report, or which itself, bears a name.
    pub(super) fn named(&self, folder: Option<&Path>, name: &str) -> Result<Option<i64>, Error> {
        let (input, period) = input_named(&self.conn, folder, name)?;
        self.require_one_folder(folder, &input)?;
        match period {
            None => self.newest_of(folder, &input),
            Some(period) => Ok(self
                .conn
                .prepare_cached(
                    "SELECT max(id) FROM intakes WHERE name = ?1 AND (?2 IS NULL OR folder = ?2)
                      AND coalesce(period, '') = ?3 AND kind = 'drop' AND state <> 'withdrawn'",
                )?
                .query_row(params![input, folder.map(Path::to_string_lossy), period], |row| row.get(0))?),
        }
    }

    pub(super) fn who_is(&self, reference: &str) -> Result<Option<Referenced>, Error> {
        let Some((intake, _)) = parse_reference(reference, &self.id) else { return Ok(None) };
        let found: Option<(Option<String>, Option<String>)> = self
            .conn
            .prepare_cached("SELECT mapping, reading ->> '$.answers' FROM intakes WHERE id = ?1")?
            .query_row([intake], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(found.map(|(mapping, answers)| Referenced {
            mapping: mapping.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            answers: answers.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        }))
    }

    pub(super) fn due_for_report(&self) -> Result<Vec<i64>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT id FROM intakes WHERE reported < changed AND kind = 'drop' AND superseded_by IS NULL
              AND state IN ('taken', 'unreadable', 'withdrawn', 'held') ORDER BY id",
        )?;
        Ok(found.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    pub(super) fn change_count(&self, intake: i64) -> Result<i64, Error> {
        Ok(self.conn.query_row("SELECT changed FROM intakes WHERE id = ?1", [intake], |row| row.get(0))?)
    }

    pub(super) fn keep_reports(
        &mut self,
        intake: i64,
        folder: &Path,
        files: &[(String, String, String)],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let folder = folder.to_string_lossy().into_owned();
        self.commit(now, "reports", |tx| {
            for (name, sha256, kind) in files {
                tx.prepare_cached(
                    "INSERT OR REPLACE INTO reports (folder, name, sha256, kind, intake_id) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![folder, name, sha256, kind, intake])?;
            }
            let named: Vec<_> = files.iter().map(|(name, sha256, _)| serde_json::json!([name, sha256])).collect();
            Ok(((), Event::about(intake, serde_json::json!(named))))
        })
    }

    /// No commit of its own would be lost by a crash: the reports would only be written once more.
    pub(super) fn reports_show(&mut self, intake: i64, count: i64) -> Result<(), Error> {
        self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        let done = self
            .conn
            .execute("UPDATE intakes SET reported = max(reported, ?2) WHERE id = ?1", params![intake, count]);
        self.conn.pragma_update(None, "synchronous", "FULL")?;
        done?;
        Ok(())
    }

    pub(super) fn intake_of_report(
        &self,
        folder: &Path,
        name: &str,
        sha256: &str,
    ) -> Result<Option<i64>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT intake_id FROM reports WHERE folder = ?1 AND name = ?2 AND sha256 = ?3")?
            .query_row(params![folder.to_string_lossy(), name, sha256], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn meaning_of(
        &self,
        folder: Option<&Path>,
        name: &str,
        sha256: Option<&str>,
    ) -> Result<Option<Meaning>, Error> {
        let input = newest_received(&self.conn, folder, name)?;
        let (Some(input), Some(reported)) = (input, newest_reported(&self.conn, folder, name)?) else {
            return Ok(None);
        };
        let report = match (folder, sha256) {
            (Some(folder), Some(sha256)) => self.intake_of_report(folder, name, sha256)?,
            _ => None,
        };
        Ok(Some(match (report, self.was_received(folder, name, sha256)?) {
            (Some(of), false) => Meaning::Report(of),
            (None, true) => Meaning::Input,
            _ => Meaning::Either { of_report: self.result_of(reported)?, of_input: self.result_of(input)? },
        }))
    }

    /// Whether a file was dropped under a name with these bytes.
    fn was_received(&self, folder: Option<&Path>, name: &str, sha256: Option<&str>) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM intakes
            WHERE name = ?1 AND (?2 IS NULL OR folder = ?2) AND sha256 = ?3)";
        Ok(self
            .conn
            .prepare_cached(sql)?
            .query_row(params![name, folder.map(Path::to_string_lossy), sha256], |row| row.get(0))?)
    }

    /// The name of a result that means this file and no other, or the one that has all of its rows since.
    fn result_of(&self, mut intake: i64) -> Result<Option<String>, Error> {
        let mut newer = self.conn.prepare_cached("SELECT superseded_by FROM intakes WHERE id = ?1")?;
        loop {
            if let Some(name) = self.own_result_of(intake)? {
                return Ok(Some(name));
            }
            match newer.query_row([intake], |row| row.get(0))? {
                Some(by) => intake = by,
                None => return Ok(None),
            }
        }
    }

    fn own_result_of(&self, intake: i64) -> Result<Option<String>, Error> {
        let sql =
            "SELECT folder, name FROM reports WHERE intake_id = ?1 AND kind LIKE 'result.%' ORDER BY name";
        let mut found = self.conn.prepare_cached(sql)?;
        let names = found.query_map([intake], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let names: Vec<(String, String)> = names.collect::<Result<_, _>>()?;
        for (folder, name) in names {
            if self.named(Some(Path::new(&folder)), &name)? == Some(intake) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    pub(super) fn report_names_of(&self, folder: &Path) -> Result<Vec<(String, i64)>, Error> {
        let mut found = self
            .conn
            .prepare_cached("SELECT name, max(intake_id) FROM reports WHERE folder = ?1 GROUP BY name")?;
        let names = found.query_map([folder.to_string_lossy()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}

pub(super) fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The input that a person means by a name (in a folder, or in any): its own, or that of one of its reports, which
/// tells files of one name apart by their period (`""`: the newest, whose reports bear the plain name).
pub(super) fn input_named(
    conn: &Connection,
    folder: Option<&Path>,
    name: &str,
) -> Result<(String, Option<String>), Error> {
    let is_input = newest_received(conn, folder, name)?.is_some();
    let report = parse_report_name(name).filter(|report| !is_input && !report.changed);
    Ok(match report {
        Some(report) => {
            let input = input_of_report(conn, name)?.unwrap_or(report.stem);
            (input, Some(report.period.unwrap_or_default()))
        }
        None => (name.to_owned(), None),
    })
}

/// The newest file that was dropped under a name.
fn newest_received(conn: &Connection, folder: Option<&Path>, name: &str) -> Result<Option<i64>, Error> {
    let sql = "SELECT max(id) FROM intakes WHERE name = ?1 AND (?2 IS NULL OR folder = ?2)";
    Ok(conn
        .prepare_cached(sql)?
        .query_row(params![name, folder.map(Path::to_string_lossy)], |row| row.get(0))?)
}

/// The newest file whose report bore a name.
fn newest_reported(conn: &Connection, folder: Option<&Path>, name: &str) -> Result<Option<i64>, Error> {
    let sql = "SELECT max(intake_id) FROM reports WHERE name = ?1 AND (?2 IS NULL OR folder = ?2)";
    Ok(conn
        .prepare_cached(sql)?
        .query_row(params![name, folder.map(Path::to_string_lossy)], |row| row.get(0))?)
}

/// The input beside which a report of a name was written: a long name stands in its reports' names only in part.
fn input_of_report(conn: &Connection, name: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT i.name FROM reports r JOIN intakes i ON i.id = r.intake_id WHERE r.name = ?1
                ORDER BY r.intake_id DESC LIMIT 1";
    Ok(conn.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?)
}
