//! The rules of "Facts", "The same content again" and "The same name again", each on a real ledger file.

use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use tempfile::TempDir;

use super::{Options, Sqlite};
use crate::destinations::Late;
use crate::ledger::lists::{Listed, Lists as _, Matching};
use crate::ledger::trail::Trails;
use crate::ledger::{
    Accept, BatchVerdict, Built, By, Decision, Double, Evidence, FactKey, Ledger, Looking, Looks, MappingRef,
    Meaning, NewFile, OpenBatch, Own, Plan, Presence, Question, Quiet, RawAnswer, RowView, SectionRef,
    Sought, StagedRecord, StagedRow, Waits, Want, What, Work,
};
use crate::model::{Environment, Lang, Outcome, Status, SystemError};

struct Bench {
    dir: TempDir,
    ledger: Sqlite,
    minute: i64,
}

/// A row of a test file: row number, key, quantity.
type Line<'a> = (u32, &'a str, i64);

/// Whatever a test did, `verify` finds nothing: each rule's outcome is one that its books allow.
impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let (found, checked) = self.ledger.audit(&[], &|_| ()).unwrap();
            assert!(found.is_empty(), "{found:?}");
            assert!(checked.events > 0);
        }
    }
}

impl Bench {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let options = Options {
            path: dir.path().join("rxdrop.db"),
            installation: 7,
            spool: dir.path().join("spool"),
            today: "2026-08-31".parse().unwrap(),
            now: at(0),
            seed: 0xabc,
        };
        let mut bench = Self { ledger: Sqlite::open(&options).unwrap(), dir, minute: 0 };
        bench.ledger.sections(&[section(Environment::Sandbox)]).unwrap();
        bench.ledger.recover("test", at(0)).unwrap();
        bench
    }

    fn now(&mut self) -> DateTime<Utc> {
        self.minute += 1;
        at(self.minute)
    }

    /// Drops a file of keyed rows and accepts it.
    fn drop_file(&mut self, name: &str, lines: &[Line<'_>]) -> i64 {
        let rows: Vec<_> = lines.iter().map(|line| keyed(*line)).collect();
        self.drop_rows(name, &format!("{lines:?}"), &rows, true, Accept::GoodRows)
    }

    fn drop_weak(&mut self, name: &str, lines: &[(u32, &str)]) -> i64 {
        let rows: Vec<_> = lines.iter().map(|(row, text)| weak(*row, text)).collect();
        self.drop_rows(name, &format!("{lines:?}"), &rows, false, Accept::GoodRows)
    }

    fn drop_rows(
        &mut self,
        name: &str,
        content: &str,
        rows: &[StagedRow],
        keyed: bool,
        accept: Accept,
    ) -> i64 {
        let intake = self.receive(name, content);
        self.fill(intake, rows, keyed, accept);
        intake
    }

    fn receive(&mut self, name: &str, content: &str) -> i64 {
        let now = self.now();
        let file = NewFile {
            folder: "/drop".into(),
            name: name.to_owned(),
            bytes: content.len() as u64,
            mtime_ns: self.minute,
            sha256: content.to_owned(),
            language: Lang::En,
        };
        self.ledger.receive(&file, now).unwrap()
    }

    /// Stages a file and leaves it so.
    fn stage_only(&mut self, name: &str, rows: &[StagedRow]) -> (i64, DateTime<Utc>) {
        let now = self.now();
        let file = NewFile {
            folder: "/drop".into(),
            name: name.to_owned(),
            bytes: 1,
            mtime_ns: self.minute,
            sha256: name.to_owned(),
            language: Lang::En,
        };
        let intake = self.ledger.receive(&file, now).unwrap();
        self.ledger.plan(&plan_for(intake, true, Accept::GoodRows), at(0)).unwrap();
        self.ledger.stage(rows).unwrap();
        (intake, now)
    }

    fn fill(&mut self, intake: i64, rows: &[StagedRow], keyed: bool, accept: Accept) {
        let plan = plan_for(intake, keyed, accept);
        self.ledger.plan(&plan, at(0)).unwrap();
        for chunk in rows.chunks(3) {
            self.ledger.stage(chunk).unwrap();
        }
        let now = self.now();
        self.ledger.accept(intake, &serde_json::json!({}), &[], now).unwrap();
    }

    fn claim(&mut self) -> Option<OpenBatch> {
        let now = self.now();
        self.ledger
            .claim(&want(now), Box::new(|items| Built { used: items.len(), body: b"body".to_vec() }))
            .unwrap()
    }

    /// Sends everything that is ready; every row gets the outcome.
    fn send_all(&mut self, outcome: &dyn Fn(usize) -> Outcome) {
        while let Some(open) = self.claim() {
            let outcomes = (0..open.items.len()).map(outcome).collect();
            self.settle(&open, &BatchVerdict::Settled { outcomes, remote: Some("9".into()) });
        }
    }

    fn settle(&mut self, open: &OpenBatch, verdict: &BatchVerdict) {
        let now = self.now();
        self.ledger.settle(open.attempt, verdict, now).unwrap();
    }

    /// The newest file of a name.
    fn newest(&mut self, name: &str) -> i64 {
        self.ledger.newest(None, name).unwrap().unwrap()
    }

    fn rows(&mut self, intake: i64) -> Vec<RowView> {
        self.ledger.rows(intake, 0, 1000).unwrap()
    }

    fn statuses(&mut self, intake: i64) -> Vec<Status> {
        self.rows(intake).iter().map(|row| row.status).collect()
    }

    fn codes(&mut self, intake: i64) -> Vec<String> {
        self.rows(intake)
            .iter()
            .map(|row| row.issues.first().map_or(String::new(), |one| one.code.clone()))
            .collect()
    }
}

fn plan_for(intake: i64, keyed: bool, accept: Accept) -> Plan {
    Plan {
        intake,
        mapping: MappingRef { name: "m".into(), version: 1, sha256: "s".into() },
        scope: "m".into(),
        layout: String::new(),
        identity: crate::mapping::Identity::default(),
        keyed,
        ignore: vec!["notes".into()],
        sections: vec!["sespa".into()],
        accept,
    }
}

fn at(minute: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 8, 31, 10, 0, 0).unwrap() + chrono::TimeDelta::minutes(minute)
}

fn section(environment: Environment) -> SectionRef {
    SectionRef {
        name: "sespa".into(),
        system: "sespa".into(),
        environment,
        registration_sha256: Some("r".into()),
    }
}

fn want(now: DateTime<Utc>) -> Want {
    Want { section: "sespa".into(), rows: 250, today: "2026-08-31".parse().unwrap(), late: Late::Hold, now }
}

fn staged(row: u32, members: Option<String>, fact: Option<FactKey>) -> StagedRow {
    let own = if members.is_some() { Own::Ready } else { Own::Refused };
    StagedRow {
        row,
        issues: Vec::new(),
        record: Some(StagedRecord {
            section: Some(0),
            own,
            report_from: None,
            doubt: None,
            members,
            fact,
            day: Some("2026-08-30".parse().unwrap()),
            until: Some("2026-09-09".parse().unwrap()),
            reverse_until: Some("2026-09-13".parse().unwrap()),
            document: None,
            number: None,
            reference: None,
        }),
    }
}

/// Quantity 0 makes a row that validation refuses.
fn keyed((row, key, quantity): Line<'_>) -> StagedRow {
    let members = (quantity > 0).then(|| format!(r#"{{"p_quantity":{quantity}}}"#));
    staged(row, members, Some(FactKey::Strong(key.to_owned())))
}

/// A keyed row whose number its mapping gives.
fn numbered(line: Line<'_>, number: &str) -> StagedRow {
    let mut row = keyed(line);
    row.record.as_mut().unwrap().number = Some(number.to_owned());
    row
}

fn weak(row: u32, text: &str) -> StagedRow {
    staged(row, Some(format!(r#"{{"p_batch_no":"{text}"}}"#)), Some(FactKey::Weak(text.to_owned())))
}

fn accepted(index: usize) -> Outcome {
    Outcome::Accepted { id: (100 + index).to_string() }
}

fn refused(_: usize) -> Outcome {
    Outcome::Refused { errors: vec![SystemError { code: "E1".into(), message: "no".into() }] }
}

fn by() -> By {
    By { name: "Ana".into(), reason: "looked".into() }
}

use Status::{Accepted, Duplicate, Held, Ignored, Refused, Unknown, Waiting};

#[test]
fn a_file_is_sent_once_however_often_it_comes() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 2)]);
    assert_eq!(bench.statuses(first), [Waiting, Waiting]);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(first), [Accepted, Accepted]);
    let again = bench.drop_file("b.csv", &[(2, "k1", 1), (3, "k2", 2)]);
    assert_eq!(bench.statuses(again), [Duplicate, Duplicate]);
    assert_eq!(bench.rows(again)[1].id.as_deref(), Some("101"));
    assert!(bench.claim().is_none());
}

#[test]
fn numbers_are_issued_in_order_and_kept_over_attempts() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 2)]);
    let open = bench.claim().unwrap();
    let numbers: Vec<_> = open.items.iter().map(|item| item.number.clone()).collect();
    assert_eq!(numbers, ["7260831000000", "7260831000001"]);
    bench.settle(&open, &BatchVerdict::NotSent { retry_at: at(0), seen: "refused".into() });
    let now = bench.now();
    assert_eq!(bench.ledger.work("sespa", now).unwrap(), Work::Resend(open.batch));
    let again = bench.ledger.resend(open.batch, now).unwrap().unwrap();
    assert_eq!(
        (again.body, again.items.len(), again.items[1].number.as_str()),
        (open.body, 2, "7260831000001")
    );
}

#[test]
fn what_the_system_refused_is_sent_under_a_new_number() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.send_all(&refused);
    assert_eq!(bench.statuses(first), [Refused]);
    assert_eq!(bench.rows(first)[0].system_errors[0].code, "E1");
    let again = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    assert_eq!(open.items[0].number, "7260831000001");
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None });
    assert_eq!(bench.statuses(again), [Accepted]);
    assert!(bench.rows(first)[0].replaced);
}

#[test]
fn a_changed_accepted_row_is_held_until_somebody_decides() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    bench.send_all(&accepted);
    let changed = bench.drop_file("b.csv", &[(2, "k1", 5), (3, "k2", 5)]);
    assert_eq!(bench.statuses(changed), [Held, Held]);
    assert_eq!(bench.rows(changed)[0].issues[0].args, ["100", "p_quantity"]);
    let now = bench.now();
    let asked = bench.ledger.release(&What::Row("b.csv".into(), 2), None, &by(), now).unwrap();
    assert_eq!((asked.moved.len(), asked.left[0].why.as_ref().map(|why| &*why.code)), (0, Some("L011")));
    bench.ledger.release(&What::Row("b.csv".into(), 2), Some(Double::Send), &by(), now).unwrap();
    bench.ledger.release(&What::Row("b.csv".into(), 3), Some(Double::Drop), &by(), now).unwrap();
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(changed), [Accepted, Ignored]);
    let next = bench.drop_file("c.csv", &[(7, "k2", 5), (8, "k2x", 1)]);
    assert_eq!(bench.statuses(next), [Ignored, Waiting], "dropped once, dropped while unchanged");
}

#[test]
fn rows_wait_behind_an_open_fact_and_are_judged_when_it_is_answered() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1), (4, "k3", 1)]);
    let open = bench.claim().unwrap();
    let later = bench.drop_file("b.csv", &[(2, "k1", 1), (3, "k2", 9), (4, "k3", 9)]);
    assert_eq!(bench.codes(later), ["L014", "L014", "L014"]);
    let outcomes = vec![accepted(0), accepted(1), refused(2)];
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    assert_eq!(bench.statuses(later), [Duplicate, Held, Waiting]);
    assert_eq!(bench.claim().unwrap().items.len(), 1);
}

#[test]
fn unknown_is_never_sent_again_by_itself() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "timed out".into() });
    let again = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    assert_eq!(bench.statuses(first), [Unknown, Unknown]);
    assert_eq!(bench.statuses(again), [Waiting, Waiting]);
    assert!(bench.claim().is_none());
    let now = bench.now();
    let number = open.items[0].number.clone();
    bench.ledger.resolve(&What::Number(number.clone()), &Decision::NotReceived, &by(), now).unwrap();
    bench.ledger.resolve(&What::Id("x".into()), &Decision::NotReceived, &by(), now).unwrap();
    let sent = bench.claim().unwrap();
    assert_eq!(sent.items.iter().map(|item| item.number.clone()).collect::<Vec<_>>(), [number]);
    bench.settle(&sent, &BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None });
    let other = What::Number(open.items[1].number.clone());
    bench.ledger.resolve(&other, &Decision::Accepted("555".into()), &by(), now).unwrap();
    assert_eq!(bench.statuses(again), [Duplicate, Duplicate]);
    assert_eq!(bench.rows(first)[1].id.as_deref(), Some("555"));
}

#[test]
fn a_crash_between_intent_and_answer_is_unknown() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.claim().unwrap();
    let now = bench.now();
    bench.ledger.recover("next", now).unwrap();
    assert_eq!(bench.statuses(first), [Unknown]);
    assert!(bench.claim().is_none());
}

#[test]
fn an_answer_kept_before_a_crash_is_read_after_it() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    let answer = crate::ledger::RawAnswer { status: 200, headers: Vec::new(), body: b"{}".to_vec() };
    let now = bench.now();
    bench.ledger.answered(open.attempt, &answer, now).unwrap();
    let unread = bench.ledger.recover("next", now).unwrap();
    assert_eq!(unread.len(), 1);
    assert_eq!((&unread[0].1.items, &unread[0].2), (&open.items, &answer));
}

#[test]
fn a_key_twice_in_one_file_holds_both() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k1", 1), (4, "k2", 1)]);
    assert_eq!(bench.statuses(file), [Held, Held, Waiting]);
    let rows = bench.rows(file);
    assert_eq!(
        (&rows[0].issues[0].args, &rows[1].issues[0].args),
        (&vec!["3".to_owned()], &vec!["2".to_owned()])
    );
    let repaired = bench.drop_file("b.csv", &[(2, "k1", 1)]);
    assert_eq!(bench.statuses(repaired), [Waiting]);
    assert!(bench.rows(file).iter().take(2).all(|row| row.replaced));
}

#[test]
fn two_rows_can_t_take_the_place_of_one() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 0)]);
    let file = bench.drop_file("b.csv", &[(2, "k1", 1), (3, "k1", 2)]);
    assert_eq!(bench.statuses(file), [Held, Held]);
    assert!(bench.claim().is_none());
}

#[test]
fn without_a_key_equal_rows_of_one_file_are_legal_and_of_another_file_are_asked_about() {
    let mut bench = Bench::new();
    let first = bench.drop_weak("a.csv", &[(2, "x"), (3, "x"), (4, "y")]);
    assert_eq!(bench.statuses(first), [Waiting, Waiting, Waiting]);
    bench.send_all(&accepted);
    let same = bench.drop_weak("copy.csv", &[(2, "x"), (3, "x"), (4, "y")]);
    assert_eq!(bench.statuses(same), [Duplicate, Duplicate, Duplicate]);
    let other = bench.drop_weak("other.csv", &[(2, "x"), (3, "z")]);
    assert_eq!(bench.statuses(other), [Held, Waiting]);
}

#[test]
fn a_growing_export_of_one_name_stays_quiet_without_a_key() {
    let mut bench = Bench::new();
    bench.drop_weak("month.csv", &[(2, "x"), (3, "x")]);
    bench.send_all(&accepted);
    bench.drop_weak("month.csv", &[(2, "x"), (3, "x"), (4, "y")]);
    bench.send_all(&accepted);
    let third = bench.drop_weak("month.csv", &[(2, "x"), (3, "x"), (4, "y"), (5, "x")]);
    assert_eq!(bench.statuses(third), [Duplicate, Duplicate, Duplicate, Waiting]);
    bench.send_all(&accepted);
    let other = bench.drop_weak("month.csv", &[(2, "y"), (3, "w")]);
    assert_eq!(
        bench.statuses(other),
        [Held, Waiting],
        "facts of the former are missing, so it may be a double"
    );
}

#[test]
fn the_same_name_with_other_facts_moves_the_former_reports_aside() {
    let mut bench = Bench::new();
    let monday = bench.drop_file("day.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    bench.send_all(&accepted);
    let tuesday = bench.drop_file("day.csv", &[(2, "k3", 1)]);
    assert_eq!(bench.ledger.file(monday).unwrap().unwrap().period.as_deref(), Some("20260831-1301"));
    let view = bench.ledger.file(tuesday).unwrap().unwrap();
    assert_eq!(
        (view.issues[0].code.as_str(), view.issues[0].args.clone()),
        ("W502", vec!["2".into(), "2, 3".into()])
    );
    let saved = bench.drop_file("day.csv", &[(2, "k3", 1), (3, "k4", 1)]);
    assert_eq!(bench.ledger.file(saved).unwrap().unwrap().supersedes.unwrap().0, "day.csv");
}

#[test]
fn a_report_s_name_tells_which_of_the_files_of_one_name_is_meant() {
    let mut bench = Bench::new();
    let monday = bench.drop_rows("day.csv", "one", &[doubted((2, "k1", 1))], true, Accept::GoodRows);
    let tuesday = bench.drop_rows("day.csv", "two", &[doubted((2, "k3", 1))], true, Accept::GoodRows);
    let period = bench.ledger.file(monday).unwrap().unwrap().period.unwrap();
    let row = |name: &str| What::Row(name.into(), 2);
    let now = bench.now();
    bench.ledger.release(&row(&format!("day.csv.{period}.result.csv")), None, &by(), now).unwrap();
    assert_eq!((bench.statuses(monday), bench.statuses(tuesday)), (vec![Waiting], vec![Held]));
    assert!(bench.ledger.release(&row("day.csv.20000101-0000.result.csv"), None, &by(), now).is_err());
    let places = |name: &str, bench: &mut Bench| bench.ledger.places(&row(name)).unwrap();
    assert_eq!(places(&format!("day.csv.{period}.result.csv"), &mut bench), [(monday, Some(2))]);
    assert_eq!(places("day.csv.result.csv", &mut bench), [(tuesday, Some(2))]);
    bench.ledger.release(&row("day.csv.result.csv"), None, &by(), now).unwrap();
    assert_eq!(bench.statuses(tuesday), [Waiting]);
}

#[test]
fn of_an_input_and_a_report_of_one_name_the_bytes_tell_which_is_meant() {
    let mut bench = Bench::new();
    let name = "a.csv.errors.csv";
    let first = bench.drop_rows(
        "a.csv",
        "one",
        &[doubted((2, "k1", 1)), doubted((3, "k2", 1))],
        true,
        Accept::GoodRows,
    );
    let (folder, now) = (std::path::Path::new("/drop"), bench.now());
    let written =
        |name: &str, sha256: &str, kind: &str| (name.to_owned(), sha256.to_owned(), kind.to_owned());
    let reports = [written(name, "ours", "errors.csv"), written("a.csv.result.csv", "all", "result.csv")];
    bench.ledger.keep_reports(first, folder, &reports, now).unwrap();
    assert_eq!(bench.ledger.meaning(Some(folder), name, Some("changed")).unwrap(), None, "the report alone");
    let second = bench.drop_rows(name, "theirs", &[doubted((2, "k3", 1))], true, Accept::GoodRows);
    let mut meaning = |folder, bytes| bench.ledger.meaning(folder, name, bytes).unwrap().unwrap();
    let either = Meaning::Either { of_report: Some("a.csv.result.csv".into()), of_input: None };
    assert_eq!(meaning(Some(folder), Some("ours")), Meaning::Report(first));
    assert_eq!(meaning(Some(folder), Some("theirs")), Meaning::Input);
    assert_eq!(meaning(Some(folder), Some("changed")), either);
    assert_eq!(meaning(None, None), either);
    bench.ledger.release(&What::Received(first, Some(2)), None, &by(), now).unwrap();
    assert_eq!((bench.statuses(first), bench.statuses(second)), (vec![Waiting, Held], vec![Held]));
}

#[test]
fn a_report_whose_long_name_was_cut_names_its_input() {
    let mut bench = Bench::new();
    let long = format!("{}.csv", "я".repeat(120));
    let file = bench.drop_file(&long, &[(2, "k1", 1)]);
    let report = crate::intake::report_name(&long, crate::intake::Report::ResultCsv, None, None, 5);
    assert!(!report.contains(&long), "{report}");
    let now = bench.now();
    let written = [(report.clone(), "sha".to_owned(), "result.csv".to_owned())];
    bench.ledger.keep_reports(file, "/drop".as_ref(), &written, now).unwrap();
    assert_eq!(bench.ledger.places(&What::Row(report.into(), 2)).unwrap(), [(file, Some(2))]);
}

#[test]
fn a_repaired_row_takes_the_place_of_the_one_it_names_and_its_document_goes() {
    let mut bench = Bench::new();
    let mut rows = [keyed((2, "d1", 1)), keyed((3, "d1b", 0)), keyed((4, "d2", 1))];
    for (row, document) in rows.iter_mut().zip(["D1", "D1", "D2"]) {
        row.record.as_mut().unwrap().document = Some(document.to_owned());
    }
    let first = bench.drop_rows("a.csv", "one", &rows, true, Accept::WholeDocument);
    assert_eq!(bench.statuses(first), [Held, Refused, Waiting]);
    bench.send_all(&accepted);
    let mut repaired = keyed((2, "d1b-new", 3));
    repaired.record.as_mut().unwrap().reference = Some(bench.rows(first)[1].reference.clone());
    let second = bench.drop_rows("a.csv.errors.csv", "two", &[repaired], true, Accept::WholeDocument);
    assert_eq!(
        (bench.statuses(first), bench.statuses(second)),
        (vec![Waiting, Waiting, Accepted], vec![Waiting])
    );
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(first), [Accepted, Accepted, Accepted]);
    let old_key = bench.drop_file("c.csv", &[(9, "d1b", 3)]);
    assert_eq!(bench.statuses(old_key), [Duplicate], "the old key is known as the same fact");
}

/// A good row that goes only when somebody vouches for it.
fn doubted(line: Line<'_>) -> StagedRow {
    let mut row = keyed(line);
    let doubt = crate::ledger::StoredIssue { code: "T029".into(), column: None, args: Vec::new() };
    row.record.as_mut().unwrap().doubt = Some(doubt);
    row
}

#[test]
fn a_doubted_row_goes_on_a_persons_word_and_is_known_then() {
    let mut bench = Bench::new();
    let rows = [doubted((2, "k1", 1)), keyed((3, "k2", 1))];
    let first = bench.drop_rows("a.csv", "one", &rows, true, Accept::GoodRows);
    assert_eq!((bench.statuses(first), bench.codes(first)[0].as_str()), (vec![Held, Waiting], "T029"));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(first), [Held, Accepted]);
    let again = bench.drop_rows("b.csv", "one", &rows, true, Accept::GoodRows);
    assert_eq!(bench.statuses(again), [Held, Duplicate], "the newer one asks now");
    let now = bench.now();
    bench.ledger.release(&What::Row("b.csv".into(), 2), None, &by(), now).unwrap();
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(again), [Accepted, Duplicate]);
    let third = bench.drop_rows("c.csv", "one", &rows, true, Accept::GoodRows);
    assert_eq!(bench.statuses(third), [Duplicate, Duplicate]);
}

#[test]
fn a_doubted_row_that_waited_for_another_still_asks() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let second = bench.drop_rows("b.csv", "two", &[doubted((2, "k1", 2))], true, Accept::GoodRows);
    assert_eq!(bench.statuses(second), [Waiting]);
    bench.send_all(&refused);
    assert_eq!((bench.statuses(second), bench.codes(second)[0].as_str()), (vec![Held], "T029"));
    assert!(bench.claim().is_none());
}

#[test]
fn a_doubted_row_holds_its_document_and_a_key_twice_needs_its_own_answer() {
    let mut bench = Bench::new();
    let mut rows = [doubted((2, "d1", 1)), keyed((3, "d2", 1))];
    for row in &mut rows {
        row.record.as_mut().unwrap().document = Some("D".to_owned());
    }
    let file = bench.drop_rows("a.csv", "one", &rows, true, Accept::WholeDocument);
    assert_eq!(bench.statuses(file), [Held, Held]);
    let now = bench.now();
    bench.ledger.release(&What::Row("a.csv".into(), 2), None, &by(), now).unwrap();
    assert_eq!(bench.statuses(file), [Waiting, Waiting]);
    let twice = [doubted((2, "t", 1)), doubted((3, "t", 1))];
    let file = bench.drop_rows("t.csv", "two", &twice, true, Accept::GoodRows);
    assert_eq!(bench.codes(file), ["L013", "L013"]);
    let left = bench.ledger.release(&What::File("t.csv".into()), None, &by(), now).unwrap();
    assert_eq!((left.moved.len(), left.left.len()), (0, 2));
}

#[test]
fn a_document_waits_whole_for_the_row_of_it_that_waits() {
    for received in [true, false] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k1", 1)]);
        let open = bench.claim().unwrap();
        bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
        let mut rows = [keyed((2, "k1", 1)), keyed((3, "k2", 1)), keyed((4, "k3", 1))];
        for (row, document) in rows.iter_mut().zip(["D", "D", "E"]) {
            row.record.as_mut().unwrap().document = Some(document.to_owned());
        }
        let second = bench.drop_rows("b.csv", "two", &rows, true, Accept::WholeDocument);
        assert_eq!(bench.codes(second), ["L005", "L030", "L001"]);
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(second), [Waiting, Waiting, Accepted]);
        let now = bench.now();
        let decision = if received { Decision::Accepted("5".into()) } else { Decision::NotReceived };
        bench.ledger.resolve(&What::File("a.csv".into()), &decision, &by(), now).unwrap();
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(second), [Duplicate, Accepted, Accepted]);
    }
}

#[test]
fn a_whole_file_waits_for_the_row_of_it_that_waits() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.claim().unwrap();
    let rows = [keyed((2, "k1", 1)), keyed((3, "k2", 1))];
    let second = bench.drop_rows("b.csv", "two", &rows, true, Accept::WholeFile);
    assert_eq!(bench.codes(second), ["L014", "L031"]);
    assert!(bench.claim().is_none());
}

#[test]
fn a_document_is_judged_once_for_all_of_its_rows_that_one_answer_settles() {
    let mut bench = Bench::new();
    let names: Vec<String> = (2..82).map(|row| format!("k{row}")).collect();
    let rows = |quantity| -> Vec<StagedRow> {
        (2..).zip(&names).map(|(row, key)| keyed((row, key, quantity))).collect()
    };
    bench.drop_rows("a.csv", "one", &rows(1), true, Accept::GoodRows);
    let open = bench.claim().unwrap();
    let second = bench.drop_rows("b.csv", "two", &rows(2), true, Accept::WholeFile);
    let third = bench.drop_rows("c.csv", "three", &rows(3), true, Accept::WholeFile);
    assert_eq!(bench.codes(third)[0], "L014");
    let before = bench.ledger.conn.total_changes();
    let outcomes = names.iter().map(|_| refused(0)).collect();
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    let written = bench.ledger.conn.total_changes() - before;
    // Judged again after each of its rows, the rows of the document alone would be written thousands of times.
    assert!(written < 80 * 30, "{written} rows are written");
    assert!(bench.statuses(second).iter().all(|status| *status == Waiting));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(second), vec![Accepted; 80]);
}

/// A row that repairs the refused row 2 of a first file, under a key that was not known before.
fn repairing_under_another_key(bench: &mut Bench) -> StagedRow {
    let first = bench.drop_file("a.csv", &[(2, "A", 1)]);
    bench.send_all(&refused);
    let mut repaired = keyed((2, "B", 1));
    repaired.record.as_mut().unwrap().reference = Some(bench.rows(first)[0].reference.clone());
    repaired
}

#[test]
fn a_repaired_key_that_stands_twice_in_the_file_holds_both() {
    for order in [[0, 1], [1, 0]] {
        let mut bench = Bench::new();
        let named = repairing_under_another_key(&mut bench);
        let mut rows = [named, keyed((3, "B", 1))];
        (rows[0].row, rows[1].row) = (2 + order[0], 2 + order[1]);
        rows.sort_by_key(|row| row.row);
        let again = bench.drop_rows("a.csv.errors.csv", "again", &rows, true, Accept::GoodRows);
        assert_eq!(bench.statuses(again), [Status::Held, Status::Held]);
        assert!(bench.claim().is_none(), "nothing of them goes");
    }
}

/// Two refused rows, and rows that repair them under each other's keys.
fn exchanging_keys(bench: &mut Bench) -> (i64, [StagedRow; 2]) {
    let first = bench.drop_file("a.csv", &[(2, "A", 1), (3, "B", 2)]);
    bench.send_all(&refused);
    let names = bench.rows(first);
    let mut repaired = [keyed((2, "B", 1)), keyed((3, "A", 2))];
    for (row, named) in repaired.iter_mut().zip(names) {
        row.record.as_mut().unwrap().reference = Some(named.reference);
    }
    (first, repaired)
}

#[test]
fn rows_whose_keys_were_exchanged_are_each_the_newer_one_of_the_row_they_name() {
    for outcome in [accepted, refused] {
        let mut bench = Bench::new();
        let (first, repaired) = exchanging_keys(&mut bench);
        let again = bench.drop_rows("a.csv.errors.csv", "again", &repaired, true, Accept::GoodRows);
        assert_eq!(bench.statuses(again), [Waiting, Waiting], "none is taken for the other");
        bench.send_all(&outcome);
        let ids = |rows: Vec<RowView>| rows.into_iter().map(|row| (row.status, row.id)).collect::<Vec<_>>();
        let (told, repaired) = (ids(bench.rows(first)), ids(bench.rows(again)));
        assert_eq!(told, repaired, "each row tells of the one that names it");
        let next = bench.drop_file("b.csv", &[(2, "B", 1), (3, "A", 2)]);
        let known = if told[0].0 == Accepted { Duplicate } else { Waiting };
        assert_eq!(bench.statuses(next), [known, known], "under its own key each is known");
    }
}

#[test]
fn a_row_under_another_s_key_is_not_taken_for_that_one_where_its_own_is_held() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "A", 1), (3, "B", 0), (4, "C", 0)]);
    bench.send_all(&accepted);
    let names = bench.rows(first);
    let mut repaired = [keyed((2, "A", 2)), keyed((3, "B", 3))];
    for (row, named) in repaired.iter_mut().zip(&names[1..]) {
        row.record.as_mut().unwrap().reference = Some(named.reference.clone());
    }
    let again = bench.drop_rows("a.csv.errors.csv", "again", &repaired, true, Accept::GoodRows);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(again), [Held, Accepted]);
    assert_eq!(bench.statuses(first), [Accepted, Held, Accepted], "row 3 was never registered");
    let next = bench.drop_file("b.csv", &[(2, "B", 3)]);
    assert_eq!(bench.statuses(next), [Duplicate]);
}

#[test]
fn rows_whose_keys_were_exchanged_wait_each_for_the_row_they_name() {
    let mut bench = Bench::new();
    let (first, repaired) = exchanging_keys(&mut bench);
    let now = bench.now();
    let retry = bench.ledger.retry(first, now).unwrap();
    bench.fill(retry, &[keyed((2, "A", 1)), keyed((3, "B", 2))], true, Accept::GoodRows);
    let open = bench.claim().unwrap();
    let again = bench.drop_rows("a.csv.errors.csv", "again", &repaired, true, Accept::GoodRows);
    assert_eq!(bench.statuses(again), [Waiting, Waiting]);
    let outcomes = vec![refused(0), refused(1)];
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(again), [Accepted, Accepted]);
    let next = bench.drop_file("b.csv", &[(2, "B", 1), (3, "A", 2)]);
    assert_eq!(bench.statuses(next), [Duplicate, Duplicate]);
}

/// Row 2 of a first file, key A, is on its way; a row that names it under key B waits behind it.
fn waiting_under_another_key(bench: &mut Bench) -> (OpenBatch, i64) {
    let mut named = repairing_under_another_key(bench);
    let first = bench.newest("a.csv");
    let now = bench.now();
    let retry = bench.ledger.retry(first, now).unwrap();
    bench.fill(retry, &[keyed((2, "A", 1))], true, Accept::GoodRows);
    let open = bench.claim().unwrap();
    named.record.as_mut().unwrap().own = Own::Ready;
    let again = bench.drop_rows("a.csv.errors.csv", "again", &[named], true, Accept::GoodRows);
    assert_eq!(bench.statuses(again), [Waiting]);
    (open, again)
}

#[test]
fn a_row_that_waited_does_not_go_beside_what_was_accepted_under_its_own_key() {
    let mut bench = Bench::new();
    let (open, again) = waiting_under_another_key(&mut bench);
    let night = bench.drop_file("night.csv", &[(9, "B", 1)]);
    bench.send_all(&accepted);
    let outcomes = vec![refused(0)];
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    bench.send_all(&accepted);
    let both = [bench.statuses(night), bench.statuses(again)].concat();
    assert_eq!(both.iter().filter(|status| **status == Accepted).count(), 1, "{both:?}");
}

#[test]
fn rows_behind_one_that_is_set_aside_are_judged_then() {
    for late in [crate::destinations::Late::Hold, crate::destinations::Late::Refuse] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k1", 1)]);
        let mut corrected = keyed((2, "k1", 2));
        corrected.record.as_mut().unwrap().until = Some("2026-10-30".parse().unwrap());
        let newer = bench.drop_rows("b.csv", "b", &[corrected], true, Accept::GoodRows);
        assert_eq!(bench.codes(newer), ["L014"]);
        let now = bench.now();
        let want = Want { today: "2026-09-20".parse().unwrap(), late, ..want(now) };
        let build = Box::new(|items: &[_]| Built { used: items.len(), body: Vec::new() });
        let open = bench.ledger.claim(&want, build).unwrap().unwrap();
        assert_eq!(open.items.len(), 1, "the newer row has taken its place");
        let outcomes = vec![accepted(0)];
        bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
        assert_eq!(bench.statuses(newer), [Accepted]);
    }
}

#[test]
fn retry_and_references_do_not_cross_environments() {
    let mut bench = Bench::new();
    let mut repaired = repairing_under_another_key(&mut bench);
    let first = bench.newest("a.csv");
    bench.ledger.sections(&[section(Environment::Production)]).unwrap();
    let now = bench.now();
    let retry = bench.ledger.retry(first, now).unwrap();
    bench.fill(retry, &[keyed((2, "A", 1))], true, Accept::GoodRows);
    assert!(bench.claim().is_none(), "what was refused in the sandbox stays there");
    assert_eq!(bench.statuses(first), [Refused]);
    repaired.row = 3;
    let other = bench.drop_rows("x.csv", "x", &[repaired], true, Accept::GoodRows);
    assert_eq!(bench.codes(other), ["L023"]);
}

#[test]
fn a_repaired_key_is_known_in_the_next_file() {
    let mut bench = Bench::new();
    let named = repairing_under_another_key(&mut bench);
    bench.drop_rows("a.csv.errors.csv", "again", &[named], true, Accept::GoodRows);
    bench.send_all(&accepted);
    let next = bench.drop_file("b.csv", &[(2, "B", 1), (3, "A", 1)]);
    assert_eq!(bench.statuses(next), [Status::Duplicate, Status::Duplicate]);
}

#[test]
fn an_unknown_reference_is_held() {
    let mut bench = Bench::new();
    let mut row = keyed((2, "k", 1));
    row.record.as_mut().unwrap().reference = Some("ffff-1-2".into());
    let file = bench.drop_rows("x.csv", "x", &[row], true, Accept::GoodRows);
    assert_eq!((bench.statuses(file), bench.codes(file)), (vec![Held], vec!["L023".to_owned()]));
}

#[test]
fn retry_judges_refused_rows_anew_and_leaves_the_others() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 0)]);
    bench.send_all(&accepted);
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &[keyed((2, "k1", 1)), keyed((3, "k2", 4))], true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Accepted, Waiting]);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(file), [Accepted, Accepted]);
    let again = bench.drop_file("b.csv", &[(2, "k2", 4)]);
    assert_eq!(bench.statuses(again), [Duplicate]);
}

#[test]
fn late_rows_are_held_on_the_day_they_would_go_and_released_rows_go() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let now = bench.now();
    let late = Want { today: "2026-09-10".parse().unwrap(), ..want(now) };
    let build =
        || -> crate::ledger::Build { Box::new(|items| Built { used: items.len(), body: Vec::new() }) };
    assert!(bench.ledger.claim(&late, build()).unwrap().is_none());
    assert_eq!(bench.codes(file), ["L017"]);
    let dropped = bench.ledger.release(&What::File("a.csv".into()), Some(Double::Drop), &by(), now).unwrap();
    assert!(dropped.moved.is_empty() && !dropped.left.is_empty(), "what a person drops is never sent");
    bench.ledger.release(&What::File("a.csv".into()), None, &by(), now).unwrap();
    assert!(bench.ledger.claim(&late, build()).unwrap().is_some());
}

#[test]
fn rows_of_another_environment_are_neither_sent_nor_released() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.ledger.sections(&[section(Environment::Production)]).unwrap();
    assert!(bench.claim().is_none());
    let summary = bench.ledger.summary().unwrap();
    assert_eq!((summary.waiting, summary.elsewhere), (0, vec![("sandbox".to_owned(), 1)]));
}

#[test]
fn a_row_too_large_for_a_request_is_refused_and_the_others_go() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 2)]);
    let now = bench.now();
    let build: crate::ledger::Build = Box::new(|items| {
        let used = items.iter().take_while(|item| !item.members.contains(":1}")).count();
        Built { used, body: Vec::new() }
    });
    let open = bench.ledger.claim(&want(now), build).unwrap().unwrap();
    assert_eq!(open.items.len(), 1);
    assert_eq!(bench.statuses(file), [Refused, Waiting]);
}

#[test]
fn a_mapped_number_of_another_fact_is_refused() {
    let mut bench = Bench::new();
    let rows = [numbered((2, "k1", 1), "55"), numbered((3, "k2", 1), "55"), numbered((4, "k3", 1), "56")];
    let file = bench.drop_rows("a.csv", "a", &rows, true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Waiting, Refused, Waiting]);
    let again = bench.drop_rows("b.csv", "b", &[numbered((2, "k1", 1), "55")], true, Accept::GoodRows);
    assert_eq!(bench.statuses(again), [Waiting]);
}

#[test]
fn a_correction_under_the_number_of_what_was_accepted_does_not_go() {
    let mut bench = Bench::new();
    bench.drop_rows("a.csv", "a", &[numbered((2, "k1", 1), "55")], true, Accept::GoodRows);
    bench.send_all(&accepted);
    let changed = bench.drop_rows("b.csv", "b", &[numbered((2, "k1", 2), "55")], true, Accept::GoodRows);
    assert_eq!(bench.codes(changed), ["L011"]);
    let now = bench.now();
    bench.ledger.release(&What::Row("b.csv".into(), 2), Some(Double::Send), &by(), now).unwrap();
    assert!(bench.claim().is_none());
    assert_eq!((bench.statuses(changed), bench.codes(changed)), (vec![Refused], vec!["L025".to_owned()]));
}

/// Seed 26000069207 of the simulation: the row that waits stands in the place of one that went under the number before.
#[test]
fn a_number_of_a_row_and_of_one_that_waits_for_it_is_decided_about_once() {
    let mut bench = Bench::new();
    let twice = [numbered((2, "k1", 1), "55"), numbered((3, "k1", 1), "55")];
    bench.drop_rows("a.csv", "a", &twice[..1], true, Accept::GoodRows);
    bench.send_all(&refused);
    let second = bench.drop_rows("b.csv", "b", &twice, true, Accept::GoodRows);
    let_go(&mut bench, &What::Row("b.csv".into(), 3));
    bench.unknown_batch();
    let now = bench.now();
    let retry = bench.ledger.retry(second, now).unwrap();
    bench.fill(retry, &twice, true, Accept::GoodRows);
    assert_eq!(bench.statuses(second), [Waiting, Unknown]);
    let now = bench.now();
    let done = bench.ledger.resolve(&What::Number("55".into()), &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!((done.moved.len(), done.left.len()), (1, 0));
}

/// Seed 812 of the simulation.
#[test]
fn a_number_that_two_rows_went_under_is_decided_about_once() {
    let mut bench = Bench::new();
    bench.drop_rows("a.csv", "a", &[numbered((2, "k1", 1), "55")], true, Accept::GoodRows);
    bench.send_all(&refused);
    let repaired = bench.drop_rows("b.csv", "b", &[numbered((2, "k1", 2), "55")], true, Accept::GoodRows);
    bench.unknown_batch();
    let now = bench.now();
    let done = bench.ledger.resolve(&What::Number("55".into()), &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!((done.moved.len(), bench.statuses(repaired)), (1, vec![Waiting]));
}

#[test]
fn of_rows_with_one_number_that_a_person_lets_go_only_one_goes() {
    let mut bench = Bench::new();
    let rows = [numbered((2, "k1", 1), "55"), numbered((3, "k1", 1), "55")];
    let file = bench.drop_rows("a.csv", "a", &rows, true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Held, Held]);
    let now = bench.now();
    bench.ledger.release(&What::File("a.csv".into()), Some(Double::Send), &by(), now).unwrap();
    assert_eq!(bench.claim().unwrap().items.len(), 1);
    assert_eq!(bench.statuses(file), [Waiting, Refused]);
}

#[test]
fn one_batch_takes_one_commit_before_and_two_after() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    let events = |bench: &Bench| -> i64 {
        bench.ledger.conn.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap()
    };
    let before = events(&bench);
    let open = bench.claim().unwrap();
    assert_eq!(events(&bench) - before, 1);
    let answer = crate::ledger::RawAnswer { status: 200, headers: Vec::new(), body: Vec::new() };
    let now = bench.now();
    bench.ledger.answered(open.attempt, &answer, now).unwrap();
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![accepted(0), accepted(1)], remote: None });
    assert_eq!(events(&bench) - before, 3);
}

#[test]
fn a_newer_ledger_is_refused() {
    let dir = TempDir::new().unwrap();
    let options = Options {
        path: dir.path().join("l.db"),
        installation: 1,
        spool: dir.path().into(),
        today: "2026-01-01".parse().unwrap(),
        now: at(0),
        seed: 1,
    };
    drop(Sqlite::open(&options).unwrap());
    rusqlite::Connection::open(&options.path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Sqlite::open(&options), Err(crate::ledger::Error::Newer { found: 99, .. })));
}

/// The plan of a statement, one line a step.
fn plan_of(bench: &Bench, sql: &str) -> String {
    let mut steps = bench.ledger.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = steps.query_map([], |row| row.get::<_, String>(3)).unwrap();
    steps.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[test]
fn nothing_in_the_hot_path_looks_at_every_record() {
    let bench = Bench::new();
    let hot = [
        "SELECT id FROM records WHERE realm_id = 1 AND state = 'ready' ORDER BY id LIMIT 250",
        "SELECT id FROM records WHERE of_record = 3 AND state = 'behind'",
        "SELECT id FROM records WHERE of_record = 3 AND state = 'ignored'",
        "UPDATE records SET newer = 2 WHERE of_record = 1 AND state = 'held' AND way = 'key' AND newer IS NULL",
        "SELECT id FROM records WHERE intake_id = 3 AND older IS NOT NULL",
        "SELECT id FROM records WHERE intake_id = 3 AND way = 'weak-again'",
        "SELECT record_id FROM facts WHERE scope_id = 1 AND key = 'x' AND live = 1",
        "SELECT EXISTS (SELECT 1 FROM records WHERE state = 'behind')",
        "SELECT mapped_number FROM records WHERE realm_id = 1 AND mapped_number >= '5' AND mapped_number <= '6'
            AND length(mapped_number) = length('5')",
        "SELECT count(*) FROM records r WHERE r.state = 'sending' AND r.id IN (SELECT t.record_id FROM batches b
            CROSS JOIN transactions t ON t.batch_id = b.id WHERE b.state <> 'settled')",
        "SELECT count(*) FROM records WHERE realm_id = 1 AND state <> 'accepted' AND state <> 'sending'
            AND state <> 'ready' AND state <> 'refused' AND state <> 'rejected' AND state <> 'duplicate' AND state <> 'reversed'
            AND state <> 'ignored'",
    ];
    for sql in hot {
        let plan = plan_of(&bench, sql);
        assert!(plan.contains("INDEX"), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN t"), "{sql}\n{plan}");
    }
}

#[test]
fn what_is_done_to_a_batch_looks_at_its_rows_alone() {
    let bench = Bench::new();
    let hot = [
        "UPDATE records SET state = 'sending', transaction_id = id + 3 WHERE id >= 1 AND id <= 9",
        "UPDATE transactions SET state = 'accepted' WHERE id = 1",
        "UPDATE records SET state = 'accepted' WHERE id >= 1 AND id <= 9
            AND (state = 'sending' OR state = 'pending' OR state = 'unknown' OR state = 'ready')",
        "SELECT c.members FROM transactions t LEFT JOIN contents c ON c.record_id = t.record_id WHERE t.batch_id = 1",
        "WITH RECURSIVE shown (intake, older) AS (
            SELECT r.intake_id, r.older FROM transactions t JOIN records r ON r.id = t.record_id WHERE t.batch_id = 1
            UNION SELECT r.intake_id, r.older FROM shown s JOIN records r ON r.id = s.older)
         UPDATE intakes SET changed = changed + 1 WHERE id IN (SELECT intake FROM shown)",
    ];
    for sql in hot {
        let plan = plan_of(&bench, sql);
        let all = ["SCAN records", "SCAN transactions", "SCAN t", "SCAN r", "SCAN c", "SCAN intakes"];
        assert!(!plan.lines().any(|step| all.contains(&step.trim())), "{sql}\n{plan}");
    }
}

#[test]
fn outcomes_reach_their_own_rows_in_whatever_stretches_they_come() {
    let mut bench = Bench::new();
    let lines: Vec<(u32, String, i64)> =
        (2..12).map(|row| (row, format!("k{row}"), i64::from(row != 4 && row != 9))).collect();
    let lines: Vec<Line<'_>> = lines.iter().map(|(row, key, one)| (*row, key.as_str(), *one)).collect();
    let intake = bench.drop_file("a.csv", &lines);
    let outcome = |index: usize| match index {
        3 => refused(index),
        6 => Outcome::Unknown,
        _ => accepted(index),
    };
    bench.send_all(&outcome);
    let told: Vec<_> = bench
        .rows(intake)
        .into_iter()
        .map(|row| (row.row, row.status, row.id, row.number.is_some()))
        .collect();
    let mut sent = 0;
    for (row, status, id, number) in told {
        if row == 4 || row == 9 {
            assert_eq!((status, id, number), (Status::Refused, None, false), "row {row} was never sent");
            continue;
        }
        let (expected, given) = match outcome(sent) {
            Outcome::Accepted { id } => (Status::Accepted, Some(id)),
            Outcome::Refused { .. } => (Status::Refused, None),
            Outcome::Unknown => (Status::Unknown, None),
        };
        assert_eq!((status, id, number), (expected, given, true), "row {row}");
        sent += 1;
    }
    assert_eq!(sent, 8);
}

#[test]
fn a_run_of_rows_stands_as_if_each_had_come_alone() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    bench.send_all(&accepted);
    let keys: Vec<String> = (0..120).map(|index| format!("n{index}")).collect();
    let mut lines: Vec<Line<'_>> = keys.iter().zip(10..).map(|(key, row)| (row, key.as_str(), 1)).collect();
    lines.insert(0, (2, "k1", 1));
    lines.insert(30, (500, "k2", 7));
    lines.insert(60, (501, "n0", 1));
    let rows: Vec<_> = lines.iter().map(|line| keyed(*line)).collect();
    let now = bench.now();
    let file = NewFile {
        folder: "/drop".into(),
        name: "b.csv".to_owned(),
        bytes: 9,
        mtime_ns: 9,
        sha256: "b".to_owned(),
        language: Lang::En,
    };
    let intake = bench.ledger.receive(&file, now).unwrap();
    bench.ledger.plan(&plan_for(intake, true, Accept::GoodRows), at(0)).unwrap();
    bench.ledger.stage(&rows).unwrap();
    let now = bench.now();
    bench.ledger.accept(intake, &serde_json::json!({}), &[], now).unwrap();
    let rows = bench.rows(intake);
    let of = |status: Status| -> Vec<u32> {
        rows.iter().filter(|row| row.status == status).map(|row| row.row).collect()
    };
    assert_eq!((of(Duplicate), of(Held)), (vec![2], vec![10, 500, 501]));
    assert_eq!(of(Waiting).len(), 119);
}

#[test]
fn retry_reaches_rows_without_a_fact_and_equal_rows_stay_apart() {
    let mut bench = Bench::new();
    let rows = [weak(2, "x"), staged(3, None, None)];
    let file = bench.drop_rows("a.csv", "c", &rows, false, Accept::GoodRows);
    bench.send_all(&accepted);
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &[weak(2, "x"), weak(3, "x")], false, Accept::GoodRows);
    assert_eq!(
        bench.statuses(file),
        [Accepted, Waiting],
        "an equal row of one file is a movement of its own"
    );
}

#[test]
fn a_change_sent_as_its_own_transaction_is_known_the_next_night() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.send_all(&accepted);
    bench.drop_file("b.csv", &[(2, "k1", 5)]);
    let now = bench.now();
    bench.ledger.release(&What::File("b.csv".into()), Some(Double::Send), &by(), now).unwrap();
    bench.send_all(&accepted);
    let next = bench.drop_file("c.csv", &[(2, "k1", 5), (3, "k9", 1)]);
    assert_eq!(bench.statuses(next), [Duplicate, Waiting]);
}

#[test]
fn of_twins_the_one_that_was_sent_is_the_fact() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k1", 2)]);
    let now = bench.now();
    bench.ledger.release(&What::Row("a.csv".into(), 2), Some(Double::Drop), &by(), now).unwrap();
    bench.ledger.release(&What::Row("a.csv".into(), 3), Some(Double::Send), &by(), now).unwrap();
    bench.send_all(&accepted);
    let next = bench.drop_file("b.csv", &[(2, "k1", 2), (3, "k7", 1)]);
    assert_eq!(bench.statuses(next), [Duplicate, Waiting]);
}

#[test]
fn of_twins_the_repaired_one_takes_the_place_of_the_refused_one_too() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k1", 1)]);
    let now = bench.now();
    bench.ledger.release(&What::Row("a.csv".into(), 2), Some(Double::Send), &by(), now).unwrap();
    bench.send_all(&refused);
    let mut repaired = keyed((2, "k1", 1));
    repaired.record.as_mut().unwrap().reference = Some(format!("{}-1-3", bench.ledger.id()));
    bench.drop_rows("a.csv.errors.csv", "repaired", &[repaired], true, Accept::GoodRows);
    bench.drop_file("night.csv", &[(2, "k1", 1)]);
    assert_eq!(bench.claim().unwrap().items.len(), 1, "one fact is sent once");
}

#[test]
fn retry_leaves_twins_to_a_person() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k1", 2)]);
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &[keyed((2, "k1", 1)), keyed((3, "k1", 2))], true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Held, Held]);
    assert!(bench.rows(file).iter().all(|row| !row.replaced));
}

#[test]
fn twins_that_were_both_refused_are_both_held_when_judged_anew() {
    let mut bench = Bench::new();
    let mut rows = [keyed((2, "k1", 1)), keyed((3, "k1", 2))];
    for row in &mut rows {
        row.record.as_mut().unwrap().own = Own::Refused;
    }
    let file = bench.drop_rows("a.csv", "c", &rows, true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Refused, Refused]);
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &[keyed((2, "k1", 1)), keyed((3, "k1", 2))], true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Held, Held]);
    assert_eq!(bench.codes(file), ["L013", "L013"], "each names the other");
    assert!(bench.claim().is_none());
}

#[test]
fn a_row_of_a_file_that_was_never_accepted_takes_no_place() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    let (later, _) = bench.stage_only("b.csv", &[keyed((2, "k1", 5))]);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    let now = bench.now();
    bench.ledger.set_aside(later, crate::ledger::FileState::Unreadable, &[], now).unwrap();
    bench.drop_file("c.csv", &[(2, "zz", 7)]);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(first), [Refused]);
    assert!(!bench.rows(first)[0].replaced);
}

#[test]
fn what_was_set_aside_while_it_was_staged_is_not_accepted() {
    let mut bench = Bench::new();
    let (intake, now) = bench.stage_only("a.csv", &[keyed((2, "k1", 1))]);
    bench.ledger.set_aside(intake, crate::ledger::FileState::Held, &[], now).unwrap();
    assert!(bench.ledger.stage(&[keyed((3, "k2", 1))]).is_err());
    assert!(bench.ledger.accept(intake, &serde_json::json!({}), &[], now).is_err());
}

#[test]
fn more_late_rows_than_a_batch_holds_are_all_set_aside() {
    let mut bench = Bench::new();
    let keys: Vec<String> = (0..600).map(|index| format!("k{index}")).collect();
    let lines: Vec<Line<'_>> = keys.iter().zip(2..).map(|(key, row)| (row, key.as_str(), 1)).collect();
    let file = bench.drop_file("a.csv", &lines);
    let now = bench.now();
    let late = Want { today: "2026-09-10".parse().unwrap(), ..want(now) };
    let build: crate::ledger::Build = Box::new(|items| Built { used: items.len(), body: Vec::new() });
    assert!(bench.ledger.claim(&late, build).unwrap().is_none());
    assert!(bench.statuses(file).iter().all(|status| *status == Held));
}

#[test]
fn a_file_that_another_process_took_is_neither_staged_again_nor_set_aside() {
    let mut bench = Bench::new();
    let (intake, now) = bench.stage_only("day.csv", &[keyed((2, "k1", 1))]);
    bench.ledger.accept(intake, &serde_json::json!({}), &[], now).unwrap();
    assert!(
        !bench.ledger.plan(&plan_for(intake, true, Accept::GoodRows), at(0)).unwrap(),
        "its rows act already"
    );
    bench.ledger.set_aside(intake, crate::ledger::FileState::Held, &[], now).unwrap();
    assert_eq!(bench.ledger.file(intake).unwrap().unwrap().state, crate::ledger::FileState::Taken);
    assert_eq!(bench.ledger.rows(intake, 0, 10).unwrap().len(), 1);
}

fn answer(status: u16, date: &str, body: &str) -> RawAnswer {
    RawAnswer {
        status,
        headers: vec![("date".to_owned(), date.to_owned())],
        body: body.as_bytes().to_owned(),
    }
}

/// A question that leaves the batch waiting.
fn asked(batch: i64, answer: Option<RawAnswer>, minute: i64) -> Question {
    let waits = Some(Waits { ticket: serde_json::json!(7), remote: None, ask_at: at(minute + 1) });
    let seen = answer.is_none().then(|| "connection refused".to_owned());
    Question { batch, began_at: at(minute), answer, seen, waits }
}

#[test]
fn each_question_is_kept_and_an_answer_that_comes_again_is_counted() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "1", 1)]);
    let open = bench.claim().unwrap();
    let taken = answer(202, "Mon, 31 Aug 2026 08:00:00 GMT", "taken");
    let now = bench.now();
    bench.ledger.answered(open.attempt, &taken, now).unwrap();
    let pending = BatchVerdict::Pending { ticket: serde_json::json!(7), remote: None, ask_at: at(3) };
    bench.settle(&open, &pending);
    let work = answer(200, "Mon, 31 Aug 2026 08:01:00 GMT", "processing");
    for (minute, came) in [Some(work.clone()), Some(work.clone()), None, Some(work)].into_iter().enumerate() {
        let question = asked(open.batch, came, i64::try_from(minute).unwrap());
        let now = bench.now();
        bench.ledger.asked(&question, now).unwrap();
    }
    let done = Question { waits: None, ..asked(open.batch, Some(answer(200, "", "done")), 9) };
    let now = bench.now();
    let attempt = bench.ledger.asked(&done, now).unwrap();
    let outcomes = vec![Outcome::Accepted { id: "72".to_owned() }];
    bench.settle(&OpenBatch { attempt, ..open.clone() }, &BatchVerdict::Settled { outcomes, remote: None });

    let trail = bench.ledger.batch_trail(open.batch).unwrap().unwrap();
    let kept: Vec<_> = trail
        .attempts
        .iter()
        .map(|one| (one.kind.as_str(), one.times, one.answer.as_deref().unwrap_or_default()))
        .collect();
    let wanted: [(&str, u32, &[u8]); 5] = [
        ("submit", 1, b"taken"),
        ("ask", 2, b"processing"),
        ("ask", 1, b""),
        ("ask", 1, b"processing"),
        ("ask", 1, b"done"),
    ];
    assert_eq!(kept, wanted);
    assert_eq!(trail.state, "settled");
}

#[test]
fn an_answer_kept_but_not_read_before_a_crash_is_read_at_the_next_start() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "1", 1)]);
    let open = bench.claim().unwrap();
    let pending = BatchVerdict::Pending { ticket: serde_json::json!(7), remote: None, ask_at: at(3) };
    bench.settle(&open, &pending);
    let question = Question { waits: None, ..asked(open.batch, Some(answer(200, "", "done")), 5) };
    let attempt = bench.ledger.asked(&question, at(6)).unwrap();
    let unread = bench.ledger.recover("again", at(7)).unwrap();
    let (_, again, kept) = &unread[0];
    assert_eq!((again.attempt, again.batch, again.ticket.is_some()), (attempt, open.batch, true));
    assert_eq!(kept.body, b"done");
}

#[test]
fn what_was_due_by_a_calendar_set_wrong_is_due_now_and_nothing_is_sent_twice() {
    for years in [-10_i64, 10] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "1", 1), (3, "2", 1)]);
        let open = bench.claim().unwrap();
        let wrong = at(years * 365 * 24 * 60);
        let verdict = BatchVerdict::NotSent { retry_at: wrong, seen: "HTTP 429".to_owned() };
        bench.settle(&open, &verdict);
        let now = bench.now();
        assert_eq!(bench.ledger.work("sespa", now).unwrap(), Work::Resend(open.batch), "{years}");
        assert_eq!(bench.ledger.recover("again", now).unwrap().len(), 0);
        assert_eq!(bench.ledger.work("sespa", now).unwrap(), Work::Resend(open.batch), "{years}");
        let again = bench.ledger.resend(open.batch, now).unwrap().unwrap();
        assert_eq!((again.body, again.items), (open.body, open.items));
    }
}

#[test]
fn an_unknown_outcome_stays_so_whatever_the_calendar_says() {
    let mut bench = Bench::new();
    let intake = bench.drop_file("a.csv", &[(2, "1", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".to_owned() });
    for years in [-10, 10] {
        let now = at(years * 365 * 24 * 60);
        bench.ledger.recover("again", now).unwrap();
        assert_eq!(bench.ledger.work("sespa", now).unwrap(), Work::Nothing);
    }
    assert_eq!(bench.statuses(intake), [Status::Unknown]);
}

/// A batch answered at a minute, by a server that has that date then.
fn answered_batch(bench: &mut Bench, name: &str, minute: i64, date: &str) -> i64 {
    bench.drop_file(name, &[(2, name, 1)]);
    let open = bench.claim().unwrap();
    bench.ledger.answered(open.attempt, &answer(200, date, "ok"), at(minute)).unwrap();
    let outcomes = vec![Outcome::Accepted { id: name.to_owned() }];
    let verdict = BatchVerdict::Settled { outcomes, remote: None };
    bench.ledger.settle(open.attempt, &verdict, at(minute)).unwrap();
    open.batch
}

fn kept_whole(bench: &mut Bench, batch: i64) -> bool {
    let trail = bench.ledger.batch_trail(batch).unwrap().unwrap();
    assert_eq!(trail.body.is_some(), trail.attempts[0].answer.is_some());
    assert!(trail.attempts[0].sha256.is_some() && !trail.sha256.is_empty(), "hashes stay");
    trail.body.is_some()
}

#[test]
fn requests_and_answers_are_dropped_by_age_and_verify_still_finds_nothing() {
    const DAY: i64 = 24 * 60;
    let date = |minute: i64| at(minute).to_rfc2822();
    let mut bench = Bench::new();
    let old = answered_batch(&mut bench, "old", 0, &date(0));
    let newer = answered_batch(&mut bench, "newer", 20 * DAY, &date(20 * DAY));
    let open = {
        bench.drop_file("open", &[(2, "open", 1)]);
        let open = bench.claim().unwrap();
        bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".to_owned() });
        open.batch
    };
    let drop = |bench: &mut Bench, now| {
        let mut after = 0;
        while let Some(last) = bench.ledger.drop_raw(10, after, now).unwrap() {
            after = last;
        }
    };
    drop(&mut bench, at(20 * DAY + 400 * DAY));
    assert!(kept_whole(&mut bench, old), "nothing vouches for a clock that jumped ahead");
    drop(&mut bench, at(21 * DAY));
    assert!(!kept_whole(&mut bench, old));
    assert!(kept_whole(&mut bench, newer), "not old enough");
    assert!(bench.ledger.batch_trail(open).unwrap().unwrap().body.is_some(), "only settled ones");
}

#[test]
fn a_trail_leads_both_ways() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "1", 1), (3, "2", 1)]);
    bench.send_all(&|index| match index {
        0 => Outcome::Accepted { id: "72".to_owned() },
        _ => Outcome::Refused { errors: Vec::new() },
    });
    let again = bench.drop_file("b.csv", &[(2, "1", 1), (3, "2", 5)]);
    let places = bench.ledger.places(&What::Id("72".to_owned())).unwrap();
    assert_eq!(places.len(), 1);
    let (intake, row) = places[0];
    let trail = bench.ledger.trail(intake, row.unwrap()).unwrap().unwrap();
    assert_eq!((trail.row, trail.state.as_deref()), (2, Some("accepted")));
    let by = &trail.met_by[0];
    assert_eq!((by.file.as_str(), by.row, by.state.as_str()), ("b.csv", 2, "duplicate"));
    let number = What::Number(trail.transactions[0].number.clone());
    assert_eq!(bench.ledger.places(&number).unwrap(), places);

    let newer = bench.ledger.trail(again, 3).unwrap().unwrap();
    assert_eq!((newer.older[0].file.as_str(), newer.older[0].state.as_str()), ("a.csv", "rejected"));
    let older = bench.ledger.trail(intake, 3).unwrap().unwrap();
    assert_eq!((older.newer[0].intake, older.newer[0].row), (again, 3));
    let named = bench.ledger.places(&What::Row("b.csv".into(), 3)).unwrap();
    assert_eq!(named, [(again, Some(3))]);
}

/// A ledger of the first form, as the first version of the program made it, with one file in it.
fn of_the_first_form(path: &std::path::Path) {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch(super::MIGRATIONS[0]).unwrap();
    conn.execute_batch(
        "INSERT INTO meta (key, value) VALUES ('id', '0000beef'), ('next_number', '260831000017');
         INSERT INTO intakes (kind, folder, name, sha256, bytes, received_at, state, language)
            VALUES ('drop', '/drop', 'old.csv', 'aa', 1, '2026-08-30T10:00:00.000Z', 'taken', 'bg');",
    )
    .unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    conn.pragma_update(None, "application_id", super::APPLICATION_ID).unwrap();
}

fn form_of(path: &std::path::Path) -> u32 {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn options_for(dir: &TempDir) -> Options {
    Options {
        path: dir.path().join("rxdrop.db"),
        installation: 7,
        spool: dir.path().join("spool"),
        today: "2026-08-31".parse().unwrap(),
        now: at(0),
        seed: 1,
    }
}

#[test]
fn a_ledger_of_the_first_form_is_copied_beside_itself_and_goes_on() {
    let dir = TempDir::new().unwrap();
    let options = options_for(&dir);
    of_the_first_form(&options.path);
    let mut ledger = Sqlite::open(&options).unwrap();
    assert_eq!(ledger.id(), "0000beef");
    assert_eq!(ledger.position().unwrap().number, 7_260_831_000_016);
    assert!(ledger.newest(None, "old.csv").unwrap().is_some(), "what it knew");
    // What an older form did not know of is new, not away: its folders get their marks.
    assert!(!ledger.is_marked("/drop".as_ref()).unwrap());
    let (found, _) = ledger.audit(&[], &|_| ()).unwrap();
    assert!(found.is_empty(), "{found:?}");
    drop(ledger);
    assert_eq!(form_of(&options.path) as usize, super::MIGRATIONS.len());
    let kept = dir.path().join("rxdrop.db.v1-20260831-100000.bak");
    assert_eq!(form_of(&kept), 1);
    drop(Sqlite::open(&options).unwrap());
    let copies = std::fs::read_dir(dir.path()).unwrap();
    let copies =
        copies.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".bak"));
    assert_eq!(copies.count(), 1, "one copy an upgrade");
}

impl Bench {
    /// The ledger as the form before would have left it, whose events told no moves, opened again.
    fn of_the_form_before_moves(&mut self) {
        let path = self.dir.path().join("rxdrop.db");
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.execute_batch(
            "DROP TABLE moves; DROP TRIGGER events_are_not_changed; DROP INDEX records_listed;
             ALTER TABLE records DROP COLUMN listed_id; DROP INDEX unlisted_unknown; DROP INDEX unlisted_of;
             ALTER TABLE unlisted DROP COLUMN state; ALTER TABLE listed_ids DROP COLUMN before_takeover;
             DROP INDEX records_taking; CREATE INDEX records_taking ON records (intake_id) WHERE older IS NOT NULL;
             DROP INDEX records_of_movement; DROP INDEX records_replaced; ALTER TABLE records DROP COLUMN moved_intake;
             ALTER TABLE records DROP COLUMN moved_row; ALTER TABLE records DROP COLUMN asked_after;",
        )
        .unwrap();
        let mut found =
            conn.prepare("SELECT id, at, kind, subject, json_remove(data, '$.moves') FROM events").unwrap();
        let mut events = found.query([]).unwrap();
        let mut before = String::new();
        while let Some(row) = events.next().unwrap() {
            let [at, kind, data] = [1, 2, 4].map(|cell| row.get::<_, String>(cell).unwrap());
            before = super::chained(&before, &at, &kind, row.get(3).unwrap(), &data);
            let id: i64 = row.get(0).unwrap();
            conn.execute("UPDATE events SET data = ?2, hash = ?3 WHERE id = ?1", (id, data, &before))
                .unwrap();
        }
        conn.execute_batch(
            "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'no'); END;",
        )
        .unwrap();
        conn.pragma_update(None, "user_version", super::MOVES_FROM - 1).unwrap();
        self.ledger = Sqlite::open(&options_for(&self.dir)).unwrap();
        self.ledger.sections(&[section(Environment::Sandbox)]).unwrap();
    }

    fn found(&mut self) -> Vec<&'static str> {
        let (found, _) = self.ledger.audit(&[], &|_| ()).unwrap();
        found.shown.iter().map(|finding| finding.code.code).collect()
    }
}

#[test]
fn a_ledger_whose_events_told_no_moves_begins_with_the_states_it_has() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1), (4, "k3", 1)]);
    bench.send_all(&|index| if index == 1 { refused(index) } else { accepted(index) });
    let open = bench.drop_file("b.csv", &[(2, "k4", 1), (3, "k1", 2)]);
    bench.unknown_batch();
    bench.stage_only("c.csv", &[keyed((2, "k5", 1))]);
    bench.of_the_form_before_moves();
    assert!(bench.found().is_empty());
    let told = "SELECT group_concat(state || ' ' || last) FROM moves WHERE noun = 'records'";
    let told: String = bench.ledger.conn.query_row(told, [], |row| row.get(0)).unwrap();
    assert_eq!(told, "accepted 1,rejected 2,accepted 3,unknown 4,held 5", "what is only staged is not told");
    bench.ledger.recover("test", at(200)).unwrap();
    bench.drop_file("d.csv", &[(2, "k6", 1)]);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(open), [Unknown, Held]);
    assert!(bench.found().is_empty(), "it goes on");
}

#[test]
fn a_file_is_told_with_its_acceptance_and_a_staging_that_is_dropped_leaves_nothing() {
    let mut bench = Bench::new();
    let told = |bench: &Bench| -> i64 {
        let sql = "SELECT coalesce(sum(last - first + 1), 0) FROM moves WHERE noun = 'records'";
        bench.ledger.conn.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let (staged, _) = bench.stage_only("a.csv", &[keyed((2, "k1", 1)), keyed((3, "k2", 1))]);
    bench.drop_file("b.csv", &[(2, "k3", 1), (3, "k4", 1), (4, "k5", 1)]);
    assert_eq!(told(&bench), 3, "in one run, and nothing of the other file");
    bench.fill(staged, &[keyed((2, "k1", 1)), keyed((3, "k2", 1))], true, Accept::GoodRows);
    assert_eq!(told(&bench), 5);
}

#[test]
fn a_commit_that_touches_more_scattered_rows_than_are_remembered_tells_them_all() {
    let mut bench = Bench::new();
    let rows: Vec<StagedRow> = (2..3_002).map(|row| keyed((row, &format!("k{row}"), 1))).collect();
    let (file, now) = bench.stage_only("a.csv", &rows);
    bench.ledger.accept(file, &serde_json::json!({}), &[], now).unwrap();
    let scattered = "UPDATE records SET state = 'held' WHERE id % 2 = 0";
    let event = super::Event { subject: None, data: serde_json::json!("by twos") };
    bench.ledger.commit(now, "test", |tx| Ok((tx.execute(scattered, [])?, event))).unwrap();
    assert!(bench.found().is_empty());
    let lost = "UPDATE records SET state = 'refused' WHERE id = 1000";
    bench.ledger.conn.execute(lost, []).unwrap();
    assert_eq!(bench.found(), ["L120"], "a statement without an event");
    bench.ledger.conn.execute("UPDATE records SET state = 'held' WHERE id = 1000", []).unwrap();
}

#[test]
fn an_upgrade_that_fails_leaves_the_ledger_as_it_was() {
    let dir = TempDir::new().unwrap();
    let options = options_for(&dir);
    of_the_first_form(&options.path);
    // The last table of the newest form is in the way.
    let conn = rusqlite::Connection::open(&options.path).unwrap();
    conn.execute_batch("CREATE TABLE doubts (x)").unwrap();
    drop(conn);
    assert!(Sqlite::open(&options).is_err());
    assert_eq!(form_of(&options.path), 1);
    let conn = rusqlite::Connection::open(&options.path).unwrap();
    let folders = "SELECT count(*) FROM sqlite_master WHERE name = 'folders'";
    assert_eq!(conn.query_row(folders, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "no half of it stays");
}

#[test]
fn a_database_of_another_program_is_not_made_a_ledger() {
    let dir = TempDir::new().unwrap();
    let options = options_for(&dir);
    rusqlite::Connection::open(&options.path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Sqlite::open(&options), Err(crate::ledger::Error::NotOurs)));
}

fn takeover(folder: Option<&str>, number: i64) -> crate::ledger::Takeover {
    crate::ledger::Takeover {
        folder: folder.map(Into::into),
        number,
        event: 900,
        doubt_until: Some("2026-08-30".parse().unwrap()),
        evidence: serde_json::json!([]),
        by: By { name: "Ivanova".into(), reason: "restored".into() },
    }
}

#[test]
fn after_a_takeover_what_was_ready_is_held_and_no_number_or_id_is_given_again() {
    let mut bench = Bench::new();
    let old = bench.drop_file("a.csv", &[(2, "a", 1), (3, "b", 1)]);
    let now = bench.now();
    let done = bench.ledger.take_over(&takeover(None, 7_260_831_000_400), now).unwrap();
    assert_eq!((done.held, done.unknown), (2, 0));
    assert_eq!(bench.codes(old), ["L040", "L040"]);
    assert!(bench.claim().is_none());
    let new = bench.drop_file("b.csv", &[(2, "c", 1)]);
    assert!(new > 900, "intake {new} may have been another file's");
    assert_eq!(bench.codes(new), ["L040"]);
    let by = By { name: "Ivanova".into(), reason: "not in the portal".into() };
    let left = bench.ledger.release(&What::File("b.csv".into()), None, &by, now).unwrap();
    assert_eq!((left.moved.len(), left.left.len()), (0, 1), "it is a question about doubles");
    bench.ledger.release(&What::File("b.csv".into()), Some(Double::Send), &by, now).unwrap();
    bench.ledger.release(&What::File("a.csv".into()), Some(Double::Drop), &by, now).unwrap();
    let open = bench.claim().unwrap();
    assert!(open.batch > 900);
    assert!(open.items[0].number.parse::<i64>().unwrap() > 7_260_831_000_400);
    assert_eq!(open.items.len(), 1);
    assert_eq!(bench.statuses(old), [Status::Ignored, Status::Ignored]);
}

/// A row dated on a day, whose last day to send is another.
fn dated(row: u32, day: Option<&str>, until: &str) -> StagedRow {
    let mut staged = keyed((row, &row.to_string(), 1));
    let record = staged.record.as_mut().unwrap();
    record.day = day.map(|day| day.parse().unwrap());
    record.until = Some(until.parse().unwrap());
    staged
}

#[test]
fn after_a_takeover_a_row_is_in_doubt_by_its_own_day_whatever_window_it_has() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let rows = [
        dated(2, Some("2026-08-29"), "2027-08-29"), // the window was made longer since
        dated(3, Some("2026-08-30"), "2026-09-09"),
        dated(4, Some("2026-08-31"), "2026-08-31"), // and shorter
        dated(5, Some("2026-08-31"), "2026-09-10"),
        dated(6, None, "2026-09-10"),
    ];
    let file = bench.drop_rows("a.csv", "dated", &rows, true, Accept::GoodRows);
    assert_eq!(bench.codes(file), ["L040", "L040", "L001", "L001", "L040"]);
    assert_eq!(bench.claim().unwrap().items.len(), 2);
}

#[test]
fn after_a_takeover_what_was_held_for_another_reason_goes_only_with_an_answer_about_doubles() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "a", 1)]);
    let now = bench.now();
    let late = Want { today: "2026-09-20".parse().unwrap(), ..want(now) };
    let build = Box::new(|items: &[_]| Built { used: items.len(), body: Vec::new() });
    assert!(bench.ledger.claim(&late, build).unwrap().is_none());
    assert_eq!(bench.codes(file), ["L017"]);
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let left = bench.ledger.release(&What::File("a.csv".into()), None, &by(), now).unwrap();
    assert_eq!((left.moved.len(), left.left[0].why.as_ref().map(|why| &*why.code)), (0, Some("L040")));
    assert_eq!(bench.statuses(file), [Held]);
    let sent = bench.ledger.release(&What::File("a.csv".into()), Some(Double::Send), &by(), now).unwrap();
    assert_eq!(sent.moved.len(), 1);
}

#[test]
fn an_answer_that_was_kept_and_says_not_received_does_not_send_again_after_a_takeover() {
    let mut bench = Bench::new();
    let intake = bench.drop_file("a.csv", &[(2, "a", 1)]);
    let open = bench.claim().unwrap();
    let now = bench.now();
    bench.ledger.answered(open.attempt, &answer(429, "", "later"), now).unwrap();
    assert_eq!(bench.ledger.take_over(&takeover(None, 5), now).unwrap().unknown, 1);
    assert!(bench.ledger.recover("again", now).unwrap().is_empty());
    assert_eq!(bench.statuses(intake), [Status::Unknown]);
}

/// Seed 15000416186 of the simulation.
#[test]
fn a_row_before_the_start_is_no_question_whatever_it_meets() {
    let mut bench = Bench::new();
    let early = |row, key| {
        let mut row = keyed((row, key, 0));
        row.record.as_mut().unwrap().own = Own::BeforeStart;
        row
    };
    let first = bench.drop_rows("a.csv", "early", &[early(2, "w")], true, Accept::GoodRows);
    let mut naming = keyed((3, "v", 0));
    naming.record.as_mut().unwrap().reference = Some(format!("00000abc-{first}-2"));
    bench.drop_rows("b.csv", "b", &[keyed((2, "w", 1)), naming], true, Accept::GoodRows);
    bench.send_all(&accepted);
    let again = bench.drop_rows("c.csv", "early", &[early(2, "w")], true, Accept::GoodRows);
    assert_eq!(bench.statuses(again), [Status::Ignored]);
}

/// Seed 14001963289 of the simulation.
#[test]
fn an_answer_to_another_question_lets_nothing_go_that_somebody_else_may_have_sent() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "w", 1)]);
    bench.send_all(&accepted);
    let changed = bench.drop_file("b.csv", &[(2, "w", 2)]);
    assert_eq!(bench.codes(changed), ["L011"]);
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let row = What::Row("b.csv".into(), 2);
    let left = bench.ledger.release(&row, Some(Double::Send), &by(), now).unwrap();
    assert_eq!((left.moved.len(), left.left[0].why.as_ref().map(|why| &*why.code)), (0, Some("L040")));
    assert!(bench.claim().is_none());
    bench.ledger.release(&row, Some(Double::Send), &by(), now).unwrap();
    assert!(bench.claim().is_some());
}

/// Seed 9138 of the simulation.
#[test]
fn after_a_takeover_what_did_not_arrive_under_its_number_may_have_been_sent_under_another() {
    let mut bench = Bench::new();
    let intake = bench.drop_file("a.csv", &[(2, "a", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let file = What::File("a.csv".into());
    bench.ledger.resolve(&file, &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!((bench.statuses(intake), bench.codes(intake)), (vec![Held], vec!["L040".to_owned()]));
    assert!(bench.claim().is_none());
    bench.ledger.release(&file, Some(Double::Send), &by(), now).unwrap();
    let again = bench.claim().unwrap();
    // Who let it go has answered for both.
    bench.settle(&again, &BatchVerdict::Unknown { seen: "cut".into() });
    bench.ledger.resolve(&file, &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!(bench.statuses(intake), [Waiting]);
}

#[test]
fn a_takeover_of_a_folder_doubts_only_what_lies_there() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.ledger.take_over(&takeover(Some("/elsewhere"), 5), now).unwrap();
    assert!(bench.ledger.is_marked("/elsewhere".as_ref()).unwrap());
    bench.drop_file("a.csv", &[(2, "a", 1)]);
    assert!(bench.claim().is_some(), "another folder's rows go");
    let now = bench.now();
    bench.ledger.take_over(&takeover(Some("/drop"), 5), now).unwrap();
    let held = bench.drop_file("b.csv", &[(2, "b", 1)]);
    assert_eq!(bench.codes(held), ["L040"]);
}

#[test]
fn a_batch_that_was_to_be_sent_again_is_unknown_after_a_takeover() {
    let mut bench = Bench::new();
    let intake = bench.drop_file("a.csv", &[(2, "a", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::NotSent { retry_at: at(500), seen: "HTTP 503".into() });
    let now = bench.now();
    assert_eq!(bench.ledger.take_over(&takeover(None, 5), now).unwrap().unknown, 1);
    assert_eq!(bench.statuses(intake), [Status::Unknown]);
    assert_eq!(bench.ledger.work("sespa", at(1000)).unwrap(), Work::Nothing);
}

#[test]
fn a_ledger_knows_its_own_history_and_no_other() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "a", 1)]);
    let then = bench.ledger.position().unwrap();
    bench.drop_file("b.csv", &[(2, "b", 1)]);
    assert!(bench.ledger.was_at(then.event, &then.head).unwrap(), "a mark that lags behind");
    assert!(!bench.ledger.was_at(then.event, "other").unwrap(), "rolled back, then gone on");
    assert!(!bench.ledger.was_at(then.event + 100, &then.head).unwrap(), "ahead");
}

#[test]
fn of_several_rows_that_waited_for_one_only_the_first_is_sent_when_it_is_refused() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    let second = bench.drop_file("b.csv", &[(2, "k1", 1)]);
    let third = bench.drop_file("c.csv", &[(2, "k1", 1)]);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    assert_eq!(bench.claim().unwrap().items.len(), 1, "one fact, one transaction");
    assert_eq!((bench.statuses(second), bench.statuses(third)), (vec![Waiting], vec![Waiting]));
    assert!(bench.claim().is_none());
}

#[test]
fn a_batch_put_off_under_a_wrong_clock_is_due_once_it_is_right() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    let retry_at = at(0) + chrono::TimeDelta::days(3650);
    bench.settle(&open, &BatchVerdict::NotSent { retry_at, seen: "429".into() });
    assert_eq!(bench.ledger.work("sespa", at(60)).unwrap(), Work::Resend(open.batch));
}

#[test]
fn a_due_time_on_a_batch_that_is_over_is_no_work() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
    bench.ledger.conn.execute("UPDATE batches SET due_at = '2000-01-01T00:00:00.000Z'", []).unwrap();
    assert_eq!(bench.ledger.work("sespa", at(500)).unwrap(), Work::Nothing);
}

#[test]
fn a_process_that_was_taken_over_sends_nothing_more() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let frozen = bench.ledger.epoch;
    bench.ledger.recover("another", at(100)).unwrap();
    let newest = std::mem::replace(&mut bench.ledger.epoch, frozen);
    let now = at(101);
    let build = |items: &[_]| Built { used: items.len(), body: Vec::new() };
    let refused = bench.ledger.claim(&want(now), Box::new(build)).unwrap_err();
    assert!(matches!(refused, crate::ledger::Error::TakenOver), "{refused}");
    bench.ledger.epoch = newest;
    let open = bench.claim().unwrap();
    bench.ledger.require_own(open.attempt).unwrap();
    bench.ledger.epoch = frozen;
    assert!(bench.ledger.require_own(open.attempt).is_err(), "nor what it was about to send");
}

#[test]
fn what_an_attempt_came_to_is_told_once() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    let busy = BatchVerdict::NotSent { retry_at: at(0), seen: "429".into() };
    bench.settle(&open, &busy);
    let now = bench.now();
    let again = bench.ledger.resend(open.batch, now).unwrap().unwrap();
    // A process that was frozen meanwhile wakes and tells the first attempt's end once more.
    bench.settle(&open, &busy);
    assert!(!matches!(bench.ledger.work("sespa", at(500)).unwrap(), Work::Resend(_)));
    bench.settle(&again, &BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None });
    assert_eq!(bench.statuses(file), [Accepted]);
}

#[test]
fn a_late_answer_is_given_to_no_other_rows() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 2), (4, "k3", 3)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
    let now = bench.now();
    let what = What::Number(open.items[1].number.clone());
    bench.ledger.resolve(&what, &Decision::NotReceived, &by(), now).unwrap();
    bench.claim().unwrap();
    let outcomes = vec![accepted(0), refused(1), accepted(2)];
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    assert_eq!(
        bench.statuses(file),
        [Unknown, Waiting, Unknown],
        "three outcomes for two rows prove nothing"
    );
}

#[test]
fn an_answer_that_says_nothing_new_is_read_once() {
    let refused = BatchVerdict::NotSent { retry_at: at(0), seen: "HTTP 429".into() };
    let lost = BatchVerdict::Unknown { seen: "HTTP 500".into() };
    let named_otherwise = BatchVerdict::Settled { outcomes: vec![accepted(0); 2], remote: None };
    for (status, verdict) in [(429, refused), (500, lost), (200, named_otherwise)] {
        for settled in [false, true] {
            let mut bench = Bench::new();
            let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
            let open = bench.claim().unwrap();
            bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
            let now = bench.now();
            if settled {
                let what = What::Number(open.items[0].number.clone());
                bench.ledger.resolve(&what, &Decision::Accepted("9".into()), &by(), now).unwrap();
            }
            let before = bench.statuses(file);
            // The process that waited for it was frozen.
            let date = at(0).to_rfc2822();
            bench.ledger.answered(open.attempt, &answer(status, &date, "late"), at(0)).unwrap();
            let unread = bench.ledger.recover("next", now).unwrap();
            assert_eq!(unread.len(), 1, "{status}");
            bench.settle(&unread[0].1, &verdict);
            assert_eq!(bench.ledger.recover("one more", now).unwrap(), [], "{status} {settled}");
            assert_eq!(bench.statuses(file), before, "{status} {settled}");
        }
    }
}

#[test]
fn an_answer_that_nobody_could_read_is_kept_and_keeps_nobody_from_starting() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
    let (what, now) = (What::Number(open.items[0].number.clone()), bench.now());
    bench.ledger.resolve(&what, &Decision::Accepted("9".into()), &by(), now).unwrap();
    bench.ledger.answered(open.attempt, &answer(200, &at(9).to_rfc2822(), "late"), at(9)).unwrap();
    let later = 30 * 24 * 60;
    answered_batch(&mut bench, "newer", later, &at(later).to_rfc2822());
    assert_eq!(bench.ledger.drop_raw(10, 0, at(later)).unwrap(), None);
    let unread = bench.ledger.recover("next", at(later)).unwrap();
    assert_eq!((unread.len(), &unread[0].2.body[..]), (1, &b"late"[..]));
    bench.settle(&unread[0].1, &BatchVerdict::Unknown { seen: "late".into() });
    assert_eq!(bench.ledger.drop_raw(10, 0, at(later)).unwrap(), Some(open.batch), "it is read");
}

#[test]
fn a_row_that_takes_two_places_leaves_neither_to_be_repaired_beside_it() {
    let mut bench = Bench::new();
    bench.drop_weak("a.csv", &[(2, "w")]);
    let open = bench.claim().unwrap();
    bench.drop_weak("b.csv", &[(2, "w"), (3, "v")]);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    bench.drop_weak("c.csv", &[(2, "w"), (3, "v")]);
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(2));
    let mut repaired = weak(2, "w");
    repaired.record.as_mut().unwrap().reference = Some(format!("{}-1-2", bench.ledger.id()));
    let again = bench.drop_rows("d.csv", "d", &[repaired], false, Accept::GoodRows);
    assert_eq!(bench.statuses(again), [Waiting], "it waits for the one in its place");
    assert!(bench.claim().is_none());
}

#[test]
fn a_row_that_waits_for_one_of_its_own_document_does_not_keep_it_from_going() {
    let mut bench = Bench::new();
    let bad = [keyed((2, "k1", 0)), keyed((3, "k2", 1))];
    bench.drop_rows("a.csv", "a", &bad, true, Accept::WholeFile);
    let repaired = |bench: &Bench| {
        let mut row = keyed((2, "k1", 1));
        row.record.as_mut().unwrap().reference = Some(format!("{}-1-2", bench.ledger.id()));
        [row]
    };
    for name in ["b.csv", "c.csv"] {
        let rows = repaired(&bench);
        bench.drop_rows(name, name, &rows, true, Accept::WholeFile);
    }
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(2));
}

#[test]
fn a_row_whose_former_gave_way_while_it_was_staged_does_not_wait_for_itself() {
    let mut bench = Bench::new();
    bench.drop_weak("a.csv", &[(2, "w"), (3, "v")]);
    let open = bench.claim().unwrap();
    let now = bench.now();
    let file = NewFile {
        folder: "/drop".into(),
        name: "a.csv".into(),
        bytes: 1,
        mtime_ns: 1,
        sha256: "newer".into(),
        language: Lang::En,
    };
    let newer = bench.ledger.receive(&file, now).unwrap();
    bench.ledger.plan(&plan_for(newer, false, Accept::GoodRows), at(0)).unwrap();
    bench.ledger.stage(&[weak(2, "w")]).unwrap();
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0), refused(1)], remote: None });
    bench.ledger.accept(newer, &serde_json::json!({}), &[], now).unwrap();
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(1));
}

#[test]
fn equal_rows_that_a_second_reading_makes_good_are_each_known_later() {
    let mut bench = Bench::new();
    let file = bench.drop_rows(
        "a.csv",
        "a",
        &[staged(2, None, None), staged(3, None, None)],
        false,
        Accept::GoodRows,
    );
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &[weak(2, "w"), weak(3, "w")], false, Accept::GoodRows);
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(2));
    let other = bench.drop_weak("b.csv", &[(2, "w"), (3, "w"), (4, "w")]);
    assert_eq!(bench.statuses(other), [Held, Held, Waiting], "two of three were sent");
}

#[test]
fn a_repaired_row_and_an_equal_one_beside_it_are_each_known_later() {
    let mut bench = Bench::new();
    bench.drop_rows("a.csv", "a", &[staged(2, None, None)], false, Accept::GoodRows);
    let mut repaired = weak(2, "w");
    repaired.record.as_mut().unwrap().reference = Some(format!("{}-1-2", bench.ledger.id()));
    bench.drop_rows("b.csv", "b", &[repaired, weak(3, "w")], false, Accept::GoodRows);
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(2));
    let other = bench.drop_weak("c.csv", &[(2, "w"), (3, "w"), (4, "w")]);
    assert_eq!(bench.statuses(other), [Held, Held, Waiting], "two of three were sent");
}

#[test]
fn documents_that_wait_for_each_other_go_on() {
    let mut bench = Bench::new();
    let rows = [keyed((2, "k1", 1)), keyed((3, "k2", 1))];
    let first = bench.drop_rows("a.csv", "a", &rows, true, Accept::WholeFile);
    let open = bench.claim().unwrap();
    let outcomes = vec![Outcome::Unknown, refused(1)];
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    let now = bench.now();
    let retry = bench.ledger.retry(first, now).unwrap();
    bench.fill(retry, &rows, true, Accept::WholeFile);
    // Its first row waits for the first file's first, its second for the first file's second.
    let second = bench.drop_rows("b.csv", "b", &rows, true, Accept::WholeFile);
    let outcomes = vec![refused(0), refused(1)];
    bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
    assert_eq!(bench.statuses(second), [Waiting, Waiting]);
    let mut repaired = keyed((2, "k1", 1));
    repaired.record.as_mut().unwrap().reference = Some(format!("{}-1-2", bench.ledger.id()));
    bench.drop_rows("c.csv", "c", &[repaired], true, Accept::WholeFile);
    assert!(bench.claim().is_some(), "nothing but the two documents is waited for");
}

#[test]
fn a_document_does_not_wait_for_rows_of_a_file_that_is_not_accepted() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k0", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![Outcome::Unknown], remote: None });
    let mut rows = [keyed((2, "k0", 1)), keyed((3, "k1", 1))];
    for row in &mut rows {
        row.record.as_mut().unwrap().document = Some("D".to_owned());
    }
    let second = bench.drop_rows("b.csv", "b", &rows, true, Accept::WholeDocument);
    assert_eq!(bench.statuses(second), [Waiting, Waiting]);
    assert!(bench.claim().is_none(), "the whole document waits for its first row");
    let mut repaired = rows[0].clone();
    repaired.record.as_mut().unwrap().reference = Some(bench.rows(second)[0].reference.clone());
    bench.stage_only("b.csv.errors.csv", &[repaired]);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None });
    assert_eq!(bench.statuses(second), [Duplicate, Waiting]);
    assert!(bench.claim().is_some(), "what is only staged keeps nobody waiting");
}

#[test]
fn a_key_twice_stays_held_though_its_rows_were_staged_apart_by_an_answer() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k0", 1)]);
    let open = bench.claim().unwrap();
    let rows = [keyed((2, "k0", 1)), keyed((8, "k0", 1))];
    bench.drop_rows("b.csv", "twins", &rows, true, Accept::GoodRows);
    let again = bench.receive("c.csv", "twins");
    bench.ledger.plan(&plan_for(again, true, Accept::GoodRows), at(0)).unwrap();
    bench.ledger.stage(&rows[..1]).unwrap();
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    bench.ledger.stage(&rows[1..]).unwrap();
    let now = bench.now();
    bench.ledger.accept(again, &serde_json::json!({}), &[], now).unwrap();
    assert_eq!(bench.statuses(again), [Held, Held]);
    assert!(bench.claim().is_none(), "one of them may be a slip");
}

#[test]
fn a_key_twice_stays_held_though_one_of_its_rows_was_answered_while_it_was_read_again() {
    let mut bench = Bench::new();
    let rows = [keyed((2, "k0", 1)), keyed((8, "k0", 1))];
    let file = bench.drop_rows("a.csv", "a", &rows, true, Accept::GoodRows);
    let now = bench.now();
    bench.ledger.release(&What::Row("a.csv".into(), 2), Some(Double::Send), &by(), now).unwrap();
    let open = bench.claim().unwrap();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.ledger.plan(&plan_for(retry, true, Accept::GoodRows), at(0)).unwrap();
    bench.ledger.stage(&rows[..1]).unwrap();
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    bench.ledger.stage(&rows[1..]).unwrap();
    let now = bench.now();
    bench.ledger.accept(retry, &serde_json::json!({}), &[], now).unwrap();
    let mut sent = 0;
    for _ in 0..2 {
        while let Some(open) = bench.claim() {
            sent += open.items.len();
            let outcomes = (0..open.items.len()).map(accepted).collect();
            bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
        }
        let now = bench.now();
        let retry = bench.ledger.retry(file, now).unwrap();
        bench.fill(retry, &rows, true, Accept::GoodRows);
    }
    assert!(bench.claim().is_none() && sent <= 1, "nobody said that both go: {sent}");
}

#[test]
fn a_document_waits_no_more_once_what_it_waited_for_is_held_by_the_same_file() {
    let mut bench = Bench::new();
    let rows = [keyed((2, "k0", 1)), keyed((3, "k1", 1)), keyed((4, "k0", 1))];
    bench.drop_rows("a.csv", "a", &rows[..2], true, Accept::WholeFile);
    bench.send_all(&refused);
    bench.drop_rows("b.csv", "b", &rows[..1], true, Accept::WholeFile);
    // The first row waits for the second file's, the second one with it; the last one, a key twice, holds both.
    let mut repaired = rows;
    for (row, of) in repaired.iter_mut().zip(["1-2", "1-3", "2-2"]) {
        row.record.as_mut().unwrap().reference = Some(format!("{}-{of}", bench.ledger.id()));
    }
    let third = bench.drop_rows("c.csv", "c", &repaired, true, Accept::WholeFile);
    assert_eq!(
        bench.codes(third),
        ["L013", "L021", "L013"],
        "nothing waits, and both of one key are asked about"
    );
    assert!(bench.claim().is_none());
    let_go(&mut bench, &What::Row("c.csv".into(), 2));
    assert_eq!(bench.statuses(third)[0], Waiting);
}

#[test]
fn the_same_content_read_again_twice_is_sent_once() {
    let mut bench = Bench::new();
    let bad = [staged(2, None, None), staged(3, None, None)];
    // The later one is read first, so that neither meets the other when it comes.
    let files = ["a.csv", "b.csv"].map(|name| bench.receive(name, "x"));
    files.iter().rev().for_each(|file| bench.fill(*file, &bad, false, Accept::WholeFile));
    let [mut partly, fully] = [weak(2, "v"), weak(2, "v")].map(|row| [row, weak(3, "w")]);
    partly[0] = staged(2, None, None);
    for (file, rows) in files.into_iter().rev().zip([partly, fully]) {
        let now = bench.now();
        let retry = bench.ledger.retry(file, now).unwrap();
        bench.fill(retry, &rows, false, Accept::WholeFile);
    }
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(2));
    let now = bench.now();
    bench.ledger.release(&What::Row("b.csv".into(), 3), None, &by(), now).unwrap();
    assert!(bench.claim().is_none());
}

const QUIET: Quiet = Quiet {
    timeout: Duration::from_mins(2),
    at_once: Duration::from_mins(30),
    later: Duration::from_hours(24),
    above: 250,
};

impl Bench {
    /// The next look that is due long after everything.
    fn sought(&mut self) -> Sought {
        // Whoever is unknown is put down when it is first asked who is due.
        self.ledger.look_due("sespa", QUIET, at(self.minute)).unwrap();
        let Looking::Now(sought) = self.ledger.look_due("sespa", QUIET, at(1_000)).unwrap() else {
            panic!("nobody is due")
        };
        sought
    }

    fn conclude(&mut self, sought: &Sought, presence: &Presence, minute: i64) {
        self.ledger.conclude(sought, "seen", presence, QUIET, (at(minute), at(minute))).unwrap();
    }

    fn unknown_batch(&mut self) -> OpenBatch {
        let open = self.claim().unwrap();
        self.settle(&open, &BatchVerdict::Unknown { seen: "timed out".into() });
        open
    }
}

#[test]
fn nobody_is_asked_about_before_the_quiet_time_is_over() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    assert_eq!(bench.ledger.look_due("sespa", QUIET, at(1_000)).unwrap(), Looking::Nothing);
    bench.unknown_batch();
    let sent = bench.minute - 1;
    let due = bench.ledger.look_due("sespa", QUIET, at(sent)).unwrap();
    assert_eq!(due, Looking::Later(at(sent + 32)));
    assert!(matches!(bench.ledger.look_due("sespa", QUIET, at(sent + 32)).unwrap(), Looking::Now(_)));
    let early = bench.ledger.look_due("sespa", QUIET, at(sent - 600_000)).unwrap();
    assert!(matches!(early, Looking::Now(_)), "a due time of another calendar is due: to ask does no harm");
}

#[test]
fn words_of_not_being_there_count_for_one_sending_only() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.unknown_batch();
    let sought = bench.sought();
    bench.conclude(&sought, &Presence::Absent(at(100)), 100);
    assert_eq!(bench.statuses(file), [Unknown]);
    let (now, number) = (bench.now(), What::Number(sought.item.number.clone()));
    bench.ledger.resolve(&number, &Decision::NotReceived, &by(), now).unwrap();
    bench.unknown_batch();
    let again = bench.sought();
    assert_ne!(again.batch, sought.batch);
    bench.conclude(&again, &Presence::Absent(at(900)), 900);
    assert_eq!(bench.statuses(file), [Unknown], "the first word was about another request");
    bench.conclude(&again, &Presence::Absent(at(929)), 929);
    assert_eq!(bench.statuses(file), [Unknown], "too early");
    bench.conclude(&again, &Presence::Absent(at(930)), 930);
    assert_eq!(bench.statuses(file), [Waiting]);
    assert_eq!(bench.claim().unwrap().items[0].number, sought.item.number);
}

#[test]
fn what_was_taken_under_a_number_is_never_proven_absent() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    bench.settle(
        &open,
        &BatchVerdict::Settled { outcomes: vec![Outcome::Unknown], remote: Some("9002".into()) },
    );
    let sent = bench.minute - 1;
    let due = bench.ledger.look_due("sespa", QUIET, at(sent)).unwrap();
    assert_eq!(due, Looking::Later(at(sent + 1442)), "it is answered later");
    let Looking::Now(sought) = bench.ledger.look_due("sespa", QUIET, at(sent + 1442)).unwrap() else {
        panic!("nobody is due")
    };
    for minute in [3_000, 6_000, 9_000] {
        bench.conclude(&sought, &Presence::Absent(at(minute)), minute);
        assert_eq!(bench.statuses(file), [Unknown]);
    }
    bench.conclude(&sought, &Presence::There("700".into()), 9_001);
    assert_eq!(bench.statuses(file), [Accepted]);
}

#[test]
fn what_a_list_shows_under_our_number_is_never_proven_absent() {
    let mut bench = Bench::new();
    let file = bench.drop_weak("a.csv", &[(2, "w")]);
    bench.unknown_batch();
    let sought = bench.sought();
    list_of(&mut bench, &sought.item.number, "v", 1);
    for minute in [3_000, 6_000, 9_000] {
        bench.conclude(&sought, &Presence::Absent(at(minute)), minute);
        assert_eq!(bench.statuses(file), [Unknown]);
    }
    bench.conclude(&sought, &Presence::There("72".into()), 9_001);
    assert_eq!((bench.statuses(file), bench.codes(file)), (vec![Accepted], vec!["L042".to_owned()]));
}

#[test]
fn a_first_word_that_no_event_holds_is_found() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.unknown_batch();
    let sought = bench.sought();
    bench.conclude(&sought, &Presence::Absent(at(1_100)), 1_100);
    let write = |bench: &Bench, date: &str| {
        bench.ledger.conn.execute("UPDATE looks SET absent_date = ?1", [date]).unwrap();
    };
    write(&bench, &super::stamp(at(100)));
    let (found, _) = bench.ledger.audit(&[], &|_| ()).unwrap();
    assert_eq!(found.shown[0].code.code, "L119");
    write(&bench, &super::stamp(at(1_100)));
}

#[test]
fn a_word_of_not_being_there_counts_only_once_the_request_surely_is_over() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.unknown_batch();
    let sought = bench.sought();
    let sent = bench.minute - 1;
    bench.ledger.recover("another", at(sent)).unwrap();
    bench.conclude(&sought, &Presence::Absent(at(sent + 31)), sent + 31);
    bench.conclude(&sought, &Presence::Absent(at(sent + 61)), sent + 61);
    assert_eq!(bench.statuses(file), [Unknown], "the first was too early");
    bench.conclude(&sought, &Presence::Absent(at(sent + 91)), sent + 91);
    assert_eq!(bench.statuses(file), [Waiting]);
}

#[test]
fn a_look_that_comes_late_moves_nothing_that_was_decided() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 1)]);
    bench.unknown_batch();
    let sought = bench.sought();
    let (now, number) = (bench.now(), What::Number(sought.item.number.clone()));
    bench.ledger.resolve(&number, &Decision::Accepted("555".into()), &by(), now).unwrap();
    bench.conclude(&sought, &Presence::There("556".into()), 200);
    bench.conclude(&sought, &Presence::Absent(at(300)), 300);
    bench.conclude(&sought, &Presence::Absent(at(400)), 400);
    assert_eq!(bench.statuses(file), [Accepted, Unknown]);
    assert_eq!(bench.rows(file)[0].id.as_deref(), Some("555"));
    assert_ne!(bench.sought().item.number, sought.item.number, "the other one is asked about next");
}

#[test]
fn what_only_a_person_said_is_no_witness() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.unknown_batch();
    let (now, number) = (bench.now(), What::Number(open.items[0].number.clone()));
    bench.ledger.resolve(&number, &Decision::Accepted("555".into()), &by(), now).unwrap();
    assert_eq!(bench.ledger.witness("sespa", 0).unwrap(), None);
    bench.drop_file("b.csv", &[(2, "k2", 1)]);
    bench.send_all(&accepted);
    let witness = bench.ledger.witness("sespa", 0).unwrap().unwrap();
    assert_eq!(Outcome::Accepted { id: witness.id }, accepted(0));
}

#[test]
fn a_row_that_was_let_go_while_its_equal_was_read_again_is_sent_once() {
    let mut bench = Bench::new();
    let bad = [staged(2, None, None), staged(3, None, None)];
    let [first, second] = ["a.csv", "b.csv"].map(|name| bench.receive(name, "x"));
    for file in [second, first] {
        bench.fill(file, &bad, false, Accept::WholeFile);
    }
    let now = bench.now();
    let retry = bench.ledger.retry(second, now).unwrap();
    bench.fill(retry, &[staged(2, None, None), weak(3, "w")], false, Accept::WholeFile);
    let retry = bench.ledger.retry(first, now).unwrap();
    bench.ledger.plan(&plan_for(retry, false, Accept::WholeFile), at(0)).unwrap();
    bench.ledger.stage(&[weak(2, "v"), weak(3, "w")]).unwrap();
    bench.ledger.release(&What::Row("b.csv".into(), 3), None, &by(), now).unwrap();
    bench.ledger.accept(retry, &serde_json::json!({}), &[], now).unwrap();
    let open = bench.claim().unwrap();
    assert_eq!(open.items.iter().filter(|item| item.members.contains('w')).count(), 1);
}

/// Seed 5037832 of the simulation.
#[test]
fn a_file_read_twice_under_lists_that_change_back_and_forth_sends_no_row_beside_its_equal() {
    let mut bench = Bench::new();
    let bad = [staged(2, None, None), staged(3, None, None), weak(4, "v")];
    let first = bench.drop_rows("a.csv", "a", &bad, false, Accept::WholeFile);
    let second = bench.drop_rows("b.csv", "b", &bad[..2], false, Accept::WholeFile);
    let read_anew = |bench: &mut Bench, file, rows: &[StagedRow]| {
        let now = bench.now();
        let retry = bench.ledger.retry(file, now).unwrap();
        bench.fill(retry, rows, false, Accept::WholeFile);
    };
    let good = [weak(2, "w"), weak(3, "w"), weak(4, "v")];
    // What one reading calls the first of two equal rows is the second one's key in the other.
    read_anew(&mut bench, first, &[staged(2, None, None), weak(3, "w"), weak(4, "v")]);
    read_anew(&mut bench, first, &[weak(2, "w"), staged(3, None, None), weak(4, "v")]);
    read_anew(&mut bench, second, &good[..2]);
    read_anew(&mut bench, first, &good);
    let open = bench.claim().unwrap();
    let equal = open.items.iter().filter(|item| item.members.contains('w'));
    assert_eq!(equal.count(), 2, "two deliveries, in two files");
}

/// Seed 3000737559 of the simulation.
#[test]
fn a_row_read_again_stays_the_equal_row_it_was_though_one_above_it_is_good_now() {
    let mut bench = Bench::new();
    bench.drop_weak("a.csv", &[(2, "w"), (3, "w")]);
    bench.send_all(&|row| if row == 0 { refused(row) } else { accepted(row) });
    let file = bench.drop_rows(
        "b.csv",
        "b",
        &[staged(2, None, None), weak(3, "w"), weak(4, "w")],
        false,
        Accept::GoodRows,
    );
    bench.send_all(&refused);
    assert_eq!(
        bench.statuses(file),
        [Refused, Refused, Held],
        "the last one may be the accepted one's double"
    );
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &[weak(2, "w"), weak(3, "w"), weak(4, "w")], false, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Waiting, Waiting, Held]);
}

/// A good row whose key tells its quantity: what is sent can be told by it.
fn of_key(row: u32, key: i64) -> StagedRow {
    keyed((row, &format!("k{key}"), key))
}

fn refused_of_key(row: u32, key: i64) -> StagedRow {
    let mut row = of_key(row, key);
    row.record.as_mut().unwrap().own = Own::Refused;
    row
}

/// Has rows name those of a file, each the one of its own place.
fn naming<const N: usize>(bench: &mut Bench, file: i64, mut rows: [StagedRow; N]) -> [StagedRow; N] {
    for (row, named) in rows.iter_mut().zip(bench.rows(file)) {
        row.record.as_mut().unwrap().reference = Some(named.reference);
    }
    rows
}

/// Seed 29000616476 of the simulation: rows of one file came under one key, each in the place of another.
#[test]
fn a_key_twice_in_one_file_waits_for_nobody_of_that_file() {
    for whole in [false, true] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k0", 0), (3, "k1", 1)]);
        let open = bench.claim().unwrap();
        let rows = naming(&mut bench, first, [keyed((2, "k0", 1)), keyed((3, "k0", 2))]);
        let accept = if whole { Accept::WholeFile } else { Accept::GoodRows };
        let second = bench.drop_rows("b.csv", "b", &rows, true, accept);
        assert_eq!(bench.statuses(second), [Waiting, Waiting]);
        bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
        assert_eq!(bench.statuses(second), [Held, Held]);
        assert_eq!(bench.codes(second)[1], "L013");
        let_go(&mut bench, &What::Row("b.csv".into(), 3));
        assert_eq!(bench.statuses(second)[1], Waiting);
    }
}

/// Seed 29000524266 of the simulation: an earlier batch's refusals were read as what became of this one.
#[test]
fn the_system_s_number_of_another_row_or_batch_decides_nothing() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.send_all(&accepted);
    let file = bench.drop_file("b.csv", &[(2, "k2", 2)]);
    let batch = What::Batch(bench.unknown_batch().batch);
    let row = What::Row("b.csv".into(), 2);
    for (what, decision) in [
        (&batch, number_of_batch("9", true)),
        (&batch, number_of_batch("9", false)),
        (&row, Decision::Accepted("100".into())),
    ] {
        assert_eq!(say(&mut bench, what, &decision), (0, vec!["L072".to_owned()]), "{decision:?}");
        assert_eq!(bench.statuses(file), [Unknown]);
    }
    assert_eq!(say(&mut bench, &batch, &number_of_batch("10", true)), (1, Vec::new()));
    assert_eq!(bench.statuses(file), [Waiting]);
    let settled = say(&mut bench, &batch, &number_of_batch("9", true));
    assert_eq!(settled, (0, Vec::new()), "it waits for no word any more");
}

/// How often a key stands in the next request.
fn sent_of_key(bench: &mut Bench, key: i64) -> usize {
    let quantity = format!(":{key}}}");
    let items = bench.claim().map_or(Vec::new(), |open| open.items);
    items.iter().filter(|item| item.members.ends_with(&quantity)).count()
}

/// Rows 2 and 5 are of one document, 3 and 4 of another; row 5 is refused.
fn of_two_documents(keys: [i64; 4]) -> [StagedRow; 4] {
    let [one, two, three, four] = keys;
    let mut rows = [of_key(2, one), of_key(3, two), of_key(4, three), refused_of_key(5, four)];
    for (row, document) in rows.iter_mut().zip(["D1", "D2", "D2", "D1"]) {
        row.record.as_mut().unwrap().document = Some(document.to_owned());
    }
    rows
}

/// Seed 21000006935 of the simulation.
#[test]
fn a_row_that_a_second_reading_leaves_out_stands_for_nobody() {
    let mut bench = Bench::new();
    let mut bad = of_two_documents([10, 14, 15, 10]);
    bad[..2].iter_mut().for_each(|row| row.record.as_mut().unwrap().own = Own::Refused);
    let file = bench.drop_rows("a.csv", "a", &bad, true, Accept::WholeDocument);
    let repaired = naming(&mut bench, file, of_two_documents([11, 15, 10, 10]));
    let again = bench.drop_rows("a.csv.errors.csv", "again", &repaired, true, Accept::WholeDocument);
    assert_eq!(bench.statuses(again), [Held, Held, Held, Refused], "a key twice, and its documents");
    let now = bench.now();
    let retry = bench.ledger.retry(file, now).unwrap();
    bench.fill(retry, &of_two_documents([10, 14, 15, 10]), true, Accept::WholeDocument);
    assert_ne!(bench.statuses(file)[2], Waiting, "the row that repaired it stands");
    assert!(sent_of_key(&mut bench, 15) <= 1);
}

/// Two rows repaired under each other's keys, held with their file.
fn exchanged_and_held(bench: &mut Bench) -> (i64, i64) {
    let bad = [refused_of_key(2, 12), refused_of_key(3, 13), refused_of_key(4, 1)];
    let file = bench.drop_rows("a.csv", "a", &bad, true, Accept::WholeFile);
    let repaired = naming(bench, file, [of_key(2, 13), of_key(3, 12), refused_of_key(4, 1)]);
    let again = bench.drop_rows("a.csv.errors.csv", "again", &repaired, true, Accept::WholeFile);
    assert_eq!(bench.statuses(again), [Held, Held, Refused]);
    (file, again)
}

/// Seed 22000203032 of the simulation.
#[test]
fn a_row_that_is_let_go_leaves_another_s_own_key_to_that_one() {
    let mut bench = Bench::new();
    let (file, _) = exchanged_and_held(&mut bench);
    let_go(&mut bench, &What::Row("a.csv.errors.csv".into(), 2));
    let first = bench.claim().unwrap();
    let_go(&mut bench, &What::Row("a.csv.errors.csv".into(), 3));
    bench.send_all(&accepted);
    let named = naming(&mut bench, file, [of_key(2, 12)]);
    let third = bench.drop_rows("b.csv", "b", &named, true, Accept::GoodRows);
    bench.settle(&first, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    assert_eq!(sent_of_key(&mut bench, 12), 0, "it was accepted");
    assert_eq!(bench.statuses(third), [Duplicate]);
}

/// Whatever files did to each other's places, the last look holds: here the books are bent by hand.
#[test]
fn nothing_goes_beside_what_is_accepted_under_its_own_key() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.send_all(&accepted);
    let live_is = |bench: &Bench, intake: i64| {
        for live in [-1, intake] {
            let sql = "UPDATE facts SET live = intake_id = ?1";
            bench.ledger.conn.execute(sql, [live]).unwrap();
        }
    };
    live_is(&bench, 0);
    let second = bench.drop_file("b.csv", &[(3, "k1", 1)]);
    live_is(&bench, first);
    assert_eq!(bench.statuses(second), [Waiting]);
    assert!(bench.claim().is_none());
    assert_eq!(bench.statuses(second), [Duplicate]);
    live_is(&bench, 0);
    let third = bench.drop_file("c.csv", &[(3, "k1", 2)]);
    live_is(&bench, first);
    assert!(bench.claim().is_none());
    assert_eq!((bench.statuses(third), bench.codes(third)), (vec![Held], vec!["L011".to_owned()]));
    let_go(&mut bench, &What::Row("c.csv".into(), 3));
    assert!(bench.claim().is_some(), "who was told of the other one vouches for it");
}

/// A list of one row under our number.
fn list_of(bench: &mut Bench, number: &str, batch: &str, times: u32) {
    let ids: Vec<String> = (2..2 + times).map(|row| format!("{}", 70 + row)).collect();
    let rows: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(number), batch)).collect();
    lay_beside(bench, &rows, false);
}

/// A list of these rows: the system's number, ours, and what is compared. Its first row is the second.
fn lay_beside(bench: &mut Bench, rows: &[(&str, Option<&str>, &str)], by_content: bool) -> i64 {
    let list = bench.receive("list.csv", &format!("{rows:?}"));
    let listed = |(row, (id, number, content)): (u32, &(&str, Option<&str>, &str))| Listed {
        row,
        section: "sespa".into(),
        id: (*id).to_owned(),
        elsewhere: false,
        registration: None,
        number: number.map(str::to_owned),
        day: Some("2026-08-30".parse().unwrap()),
        content: vec![(*content).to_owned()],
    };
    let matching = Matching {
        sections: vec!["sespa".into()],
        fields: vec![("p_batch_no".into(), false)],
        by_content,
        day: "p_report_date".into(),
        registration: "p_actor_reg_no".into(),
        by_row: Vec::new(),
    };
    bench.ledger.begin_list().unwrap();
    bench.ledger.list(&(2..).zip(rows).map(listed).collect::<Vec<_>>()).unwrap();
    let now = bench.now();
    bench.ledger.reconcile(list, &matching, now).unwrap();
    list
}

/// One row whose answer was lost, and that a person said was not received.
fn said_to_be_missing() -> (Bench, i64, OpenBatch) {
    let mut bench = Bench::new();
    let file = bench.drop_weak("a.csv", &[(2, "w")]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
    let now = bench.now();
    bench.ledger.resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!(bench.statuses(file), [Waiting]);
    (bench, file, open)
}

#[test]
fn what_was_said_to_be_missing_and_is_in_the_list_does_not_go_again() {
    let (mut bench, file, open) = said_to_be_missing();
    list_of(&mut bench, &open.items[0].number, "w", 1);
    assert_eq!(bench.statuses(file), [Accepted]);
    for (batch, times) in [("v", 1), ("w", 2)] {
        let (mut bench, file, open) = said_to_be_missing();
        list_of(&mut bench, &open.items[0].number, batch, times);
        assert_eq!(bench.statuses(file), [Unknown], "{batch} {times} times");
        assert_eq!(bench.claim().map(|open| open.items.len()), None);
        // A newer row of the fact waits for it.
        let copy = bench.drop_weak("a.csv", &[(2, "w"), (3, "v")]);
        assert_eq!(bench.statuses(copy), [Waiting, Waiting]);
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1));
    }
}

#[test]
fn a_batch_that_was_to_be_sent_again_and_is_in_the_list_does_not_go_again() {
    let mut bench = Bench::new();
    let file = bench.drop_weak("a.csv", &[(2, "w"), (3, "v")]);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::NotSent { retry_at: at(0), seen: "503".into() });
    list_of(&mut bench, &open.items[0].number, "w", 1);
    assert_eq!(bench.statuses(file), [Accepted, Unknown], "of the second row nobody knows");
    let now = bench.now();
    assert_eq!(bench.ledger.work("sespa", now).unwrap(), Work::Nothing);
}

/// The same, and a takeover holds it; under a key, so that a newer row of its fact meets it.
fn missing_and_taken_over() -> (Bench, i64, OpenBatch) {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "w", 1)]);
    let open = bench.unknown_batch();
    let now = bench.now();
    bench.ledger.resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    assert_eq!(bench.codes(file), ["L040"]);
    (bench, file, open)
}

#[test]
fn what_a_takeover_held_and_the_list_shows_is_accepted_under_its_number() {
    let (mut bench, file, open) = missing_and_taken_over();
    list_of(&mut bench, &open.items[0].number, "", 1);
    assert_eq!(bench.statuses(file), [Accepted]);
    assert_eq!(bench.rows(file)[0].id.as_deref(), Some("72"));
}

#[test]
fn what_the_list_shows_is_accepted_also_where_a_person_dropped_it_after_a_takeover() {
    let (mut bench, file, open) = missing_and_taken_over();
    let now = bench.now();
    bench.ledger.release(&What::File("a.csv".into()), Some(Double::Drop), &by(), now).unwrap();
    assert_eq!(bench.statuses(file), [Status::Ignored]);
    list_of(&mut bench, &open.items[0].number, "", 1);
    assert_eq!(bench.statuses(file), [Accepted]);
}

#[test]
fn a_newer_row_does_not_go_where_the_list_shows_the_one_whose_place_it_took() {
    for answer in [None, Some(Double::Send), Some(Double::Drop)] {
        let (mut bench, file, open) = missing_and_taken_over();
        let newer = bench.drop_file("b.csv", &[(2, "w", 1), (3, "v", 1)]);
        assert_eq!(bench.statuses(newer), [Held, Held]);
        let now = bench.now();
        if answer.is_some() {
            bench.ledger.release(&What::Row("b.csv".into(), 2), answer, &by(), now).unwrap();
        }
        list_of(&mut bench, &open.items[0].number, "", 1);
        assert_eq!(bench.statuses(file), [Accepted], "{answer:?}");
        let repeats = if answer == Some(Double::Drop) { Status::Ignored } else { Status::Duplicate };
        assert_eq!(bench.statuses(newer), [repeats, Held], "{answer:?}");
        assert!(bench.claim().is_none());
    }
}

#[test]
fn a_newer_row_that_went_keeps_its_place() {
    let (mut bench, file, open) = missing_and_taken_over();
    let newer = bench.drop_file("b.csv", &[(2, "w", 1), (3, "v", 1)]);
    let now = bench.now();
    bench.ledger.release(&What::Row("b.csv".into(), 2), Some(Double::Send), &by(), now).unwrap();
    bench.send_all(&accepted);
    list_of(&mut bench, &open.items[0].number, "", 1);
    assert_eq!(bench.rows(file)[0].id.as_deref(), Some("100"), "the newer one's");
    assert_eq!(bench.statuses(newer), [Accepted, Held]);
}

#[test]
fn what_a_list_shows_under_our_number_goes_again_only_where_a_person_names_it() {
    // With other content, and twice under two numbers of the system.
    for (rows, code) in [(vec!["v"], "L071"), (vec!["w", "w"], "L071")] {
        let mut bench = Bench::new();
        let file = bench.drop_weak("a.csv", &[(2, "w"), (3, "x")]);
        let open = bench.unknown_batch();
        let ids = ["72", "73"];
        let listed: Vec<_> = ids
            .iter()
            .zip(&rows)
            .map(|(id, text)| (*id, Some(open.items[0].number.as_str()), *text))
            .collect();
        lay_beside(&mut bench, &listed, false);
        assert_eq!(bench.codes(file), [code, "L003"], "{rows:?}");
        let now = bench.now();
        let say = |bench: &mut Bench, what, decision| {
            let decided = bench.ledger.resolve(&what, &decision, &by(), now).unwrap();
            (
                decided.moved.len(),
                decided.left.first().and_then(|one| one.why.as_ref().map(|why| why.code.clone())),
            )
        };
        let (whole, row) = (What::File("a.csv".into()), What::Row("a.csv".into(), 2));
        assert_eq!(say(&mut bench, whole, Decision::NotReceived), (1, Some(code.to_owned())));
        let wrong = Decision::NotThoughListed("74".into());
        assert_eq!(say(&mut bench, row.clone(), wrong), (0, Some(code.to_owned())));
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1), "the one that no list shows");
        let all = ids[..rows.len()].join(",");
        assert_eq!(say(&mut bench, row, Decision::NotThoughListed(all)), (1, None));
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1));
    }
}

#[test]
fn what_was_to_go_again_and_is_listed_is_said_to_be_missing_only_by_its_number_there() {
    let (mut bench, file, open) = said_to_be_missing();
    list_of(&mut bench, &open.items[0].number, "v", 1);
    assert_eq!(bench.codes(file), ["L065"]);
    let now = bench.now();
    let row = What::Row("a.csv".into(), 2);
    bench.ledger.resolve(&row, &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!(bench.statuses(file), [Unknown]);
    bench.ledger.resolve(&row, &Decision::NotThoughListed("72".into()), &by(), now).unwrap();
    assert_eq!(bench.statuses(file), [Waiting]);
}

/// A folder that somebody else had: its rows are held.
fn taken_over(lines: &[(u32, &str)]) -> (Bench, i64) {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let file = bench.drop_weak("a.csv", lines);
    assert!(bench.statuses(file).iter().all(|status| *status == Held));
    (bench, file)
}

fn let_go(bench: &mut Bench, what: &What) -> usize {
    let now = bench.now();
    bench.ledger.release(what, Some(Double::Send), &by(), now).unwrap().moved.len()
}

#[test]
fn a_row_that_a_takeover_held_and_the_list_shows_was_reported() {
    for number in [None, Some("1000000000009")] {
        let (mut bench, file) = taken_over(&[(2, "w"), (3, "v")]);
        lay_beside(&mut bench, &[("72", number, "w"), ("73", number, "other")], true);
        assert_eq!(bench.statuses(file), [Status::Duplicate, Held], "{number:?}");
        assert_eq!(bench.codes(file), ["L070", "L040"]);
        assert_eq!(bench.rows(file)[0].id.as_deref(), Some("72"));
        // It is known from here on: of another list, and of another file.
        lay_beside(&mut bench, &[("72", number, "w")], true);
        let again = bench.drop_weak("b.csv", &[(2, "w")]);
        assert_eq!((bench.statuses(again), bench.codes(again)), (vec![Held], vec!["L012".to_owned()]));
        assert_eq!(let_go(&mut bench, &What::File("a.csv".into())), 1);
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1), "the one that no list shows");
    }
}

#[test]
fn a_held_row_that_the_list_perhaps_shows_goes_only_where_a_person_looked_at_it() {
    let numbered = ("70", Some("1000000000009"), "other");
    for (lines, rows, rest) in [
        // Two here, one there; one here, two there; and one without a number in a list of numbers.
        (vec![(2, "w"), (3, "w")], vec![("72", None, "w")], 0),
        (vec![(2, "w")], vec![("72", None, "w"), ("73", None, "w")], 0),
        (vec![(2, "w"), (3, "v")], vec![("72", None, "w"), numbered], 1),
    ] {
        let (mut bench, file) = taken_over(&lines);
        lay_beside(&mut bench, &rows, true);
        assert_eq!(bench.codes(file)[0], "L069", "{lines:?} {rows:?}");
        assert_eq!(let_go(&mut bench, &What::File("a.csv".into())), rest, "{lines:?} {rows:?}");
        assert_eq!(let_go(&mut bench, &What::Row("a.csv".into(), 2)), 1);
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1 + rest));
    }
}

#[test]
fn an_unknown_row_beside_an_equal_held_one_is_not_settled_by_a_list_without_our_numbers() {
    let mut bench = Bench::new();
    let sent = bench.drop_weak("a.csv", &[(2, "w")]);
    bench.unknown_batch();
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let equal = staged(2, Some(r#"{"p_batch_no":"w"}"#.to_owned()), Some(FactKey::Strong("k".to_owned())));
    let held = bench.drop_rows("b.csv", "b", &[equal], true, Accept::GoodRows);
    assert_eq!(bench.codes(held), ["L040"]);
    lay_beside(&mut bench, &[("72", None, "w")], true);
    assert_eq!(bench.statuses(sent), [Unknown]);
    assert_eq!((bench.statuses(held), bench.codes(held)), (vec![Held], vec!["L069".to_owned()]));
}

/// Rows without an answer, and a file that goes whole each row of which waits for one of them.
fn waited_for(rows: u32, unknown: bool) -> (Bench, Vec<OpenBatch>) {
    let keyed_rows = |quantity| -> Vec<StagedRow> {
        (2..2 + rows).map(|row| keyed((row, &format!("k{row}"), quantity))).collect()
    };
    let mut bench = Bench::new();
    bench.drop_rows("a.csv", "a", &keyed_rows(1), true, Accept::GoodRows);
    let mut sent = Vec::new();
    while let Some(open) = bench.claim() {
        if unknown {
            bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
        }
        sent.push(open);
    }
    bench.drop_rows("b.csv", "b", &keyed_rows(2), true, Accept::WholeFile);
    (bench, sent)
}

/// Thousands of steps that the database makes for some work.
fn steps(bench: &mut Bench, work: impl FnOnce(&mut Bench)) -> u64 {
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = count.clone();
    let step = move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        false
    };
    bench.ledger.conn.progress_handler(1_000, Some(step)).unwrap();
    work(bench);
    bench.ledger.conn.progress_handler(0, None::<fn() -> bool>).unwrap();
    count.load(std::sync::atomic::Ordering::Relaxed)
}

fn steps_of_a_list(rows: u32) -> u64 {
    let (mut bench, sent) = waited_for(rows, true);
    let numbers: Vec<String> =
        sent.iter().flat_map(|open| &open.items).map(|item| item.number.clone()).collect();
    let ids: Vec<String> = (1..=rows).map(|id| id.to_string()).collect();
    let listed: Vec<_> =
        ids.iter().zip(&numbers).map(|(id, number)| (id.as_str(), Some(number.as_str()), "")).collect();
    steps(&mut bench, |bench| {
        lay_beside(bench, &listed, false);
    })
}

fn steps_of_a_word(rows: u32) -> u64 {
    let (mut bench, _) = waited_for(rows, true);
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    steps(&mut bench, |bench| {
        bench
            .ledger
            .resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now)
            .map(drop)
            .unwrap();
    })
}

fn steps_of_a_takeover(rows: u32) -> u64 {
    let (mut bench, _) = waited_for(rows, true);
    let now = bench.now();
    bench.ledger.resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    steps(&mut bench, |bench| {
        bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    })
}

fn steps_of_answers_after_a_takeover(rows: u32) -> u64 {
    let (mut bench, sent) = waited_for(rows, false);
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    steps(&mut bench, |bench| {
        for open in &sent {
            let outcomes = (0..open.items.len()).map(refused).collect();
            bench.settle(open, &BatchVerdict::Settled { outcomes, remote: None });
        }
    })
}

/// A list shows every row of a file that goes whole, which was said not to be received, with another content.
fn steps_of_a_list_that_contradicts(rows: u32) -> u64 {
    let mut bench = Bench::new();
    let staged: Vec<StagedRow> = (2..2 + rows).map(|row| keyed((row, &format!("k{row}"), 1))).collect();
    bench.drop_rows("a.csv", "a", &staged, true, Accept::WholeFile);
    let mut numbers = Vec::new();
    while let Some(open) = bench.claim() {
        bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
        numbers.extend(open.items.into_iter().map(|item| item.number));
    }
    let now = bench.now();
    bench.ledger.resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    let ids: Vec<String> = (1..=rows).map(|id| id.to_string()).collect();
    let listed: Vec<_> =
        ids.iter().zip(&numbers).map(|(id, number)| (id.as_str(), Some(number.as_str()), "v")).collect();
    steps(&mut bench, |bench| {
        lay_beside(bench, &listed, false);
    })
}

/// Every key of a file that goes whole stands in it twice, and waited for a row that is refused.
fn steps_of_keys_twice(rows: u32) -> u64 {
    let mut bench = Bench::new();
    let first: Vec<StagedRow> = (2..2 + rows).map(|row| keyed((row, &format!("k{row}"), 1))).collect();
    bench.drop_rows("a.csv", "a", &first, true, Accept::GoodRows);
    let sent: Vec<OpenBatch> = std::iter::from_fn(|| bench.claim()).collect();
    let twice: Vec<StagedRow> =
        (2..2 + 2 * rows).map(|row| keyed((row, &format!("k{}", 2 + (row - 2) / 2), 2))).collect();
    bench.drop_rows("b.csv", "b", &twice, true, Accept::WholeFile);
    steps(&mut bench, |bench| {
        for open in &sent {
            let outcomes = (0..open.items.len()).map(refused).collect();
            bench.settle(open, &BatchVerdict::Settled { outcomes, remote: None });
        }
    })
}

fn steps_of_a_release(rows: u32) -> u64 {
    let mut bench = Bench::new();
    let staged: Vec<StagedRow> = (2..2 + rows).map(|row| doubted((row, &format!("k{row}"), 1))).collect();
    bench.drop_rows("a.csv", "a", &staged, true, Accept::WholeFile);
    let now = bench.now();
    steps(&mut bench, |bench| {
        let done = bench.ledger.release(&What::File("a.csv".into()), None, &by(), now).unwrap();
        assert_eq!(done.moved.len(), rows as usize);
    })
}

/// One reference was filled down: every row of a file repairs the same row, and a person lets all of them go.
fn steps_of_copies(rows: u32) -> u64 {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k", 1)]);
    bench.send_all(&refused);
    let copies: Vec<StagedRow> =
        (2..2 + rows).map(|row| names(&mut bench, (first, 0), (row, &format!("k{row}"), 1))).collect();
    steps(&mut bench, |bench| {
        bench.drop_rows("b.csv", "b", &copies, true, Accept::GoodRows);
        assert_eq!(let_go(bench, &What::File("b.csv".into())), rows as usize);
    })
}

#[test]
fn what_settles_a_whole_file_takes_work_in_proportion_to_its_rows() {
    type Steps = fn(u32) -> u64;
    let all: [(&str, Steps); 7] = [
        ("copies", steps_of_copies),
        ("keys twice", steps_of_keys_twice),
        ("release", steps_of_a_release),
        ("list", steps_of_a_list),
        ("word", steps_of_a_word),
        ("takeover", steps_of_a_takeover),
        ("answers", steps_of_answers_after_a_takeover),
    ];
    for (what, steps_of) in all {
        let (few, many) = (steps_of(60), steps_of(240));
        assert!(many < 6 * few.max(1), "{what}: {few} thousand steps for 60 rows, {many} for 240");
    }
    // Of fewer rows other plans than for many are chosen.
    let (few, many) = (steps_of_a_list_that_contradicts(240), steps_of_a_list_that_contradicts(960));
    assert!(many < 6 * few, "a list that contradicts: {few} thousand steps for 240 rows, {many} for 960");
}

#[test]
fn a_number_that_a_list_showed_before_a_takeover_settles_no_held_row() {
    let mut bench = Bench::new();
    bench.drop_weak("z.csv", &[(2, "z")]);
    // Typed into the portal by hand.
    lay_beside(&mut bench, &[("90", None, "w")], true);
    let now = bench.now();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let file = bench.drop_weak("a.csv", &[(2, "w")]);
    lay_beside(&mut bench, &[("90", None, "w")], true);
    assert_eq!((bench.statuses(file), bench.codes(file)), (vec![Held], vec!["L069".to_owned()]));
}

#[test]
fn a_row_that_a_list_may_show_goes_also_where_a_report_names_it() {
    let (mut bench, file) = taken_over(&[(2, "w"), (3, "w")]);
    lay_beside(&mut bench, &[("72", None, "w")], true);
    assert_eq!(bench.codes(file)[0], "L069");
    assert_eq!(let_go(&mut bench, &What::Received(file, Some(2))), 1);
}

#[test]
fn what_stands_twice_under_our_number_is_named_in_full_by_whoever_says_it_is_another() {
    let mut bench = Bench::new();
    let file = bench.drop_weak("a.csv", &[(2, "w")]);
    let number = bench.unknown_batch().items[0].number.clone();
    lay_beside(&mut bench, &[("72", Some(number.as_str()), "v"), ("73", Some(number.as_str()), "w")], false);
    for (listed, status) in [("72", Unknown), ("72,73", Waiting)] {
        let now = bench.now();
        let decision = Decision::NotThoughListed(listed.into());
        bench.ledger.resolve(&What::Row("a.csv".into(), 2), &decision, &by(), now).unwrap();
        assert_eq!(bench.statuses(file), [status], "{listed}");
    }
}

/// A row that was said not to have been received.
fn missing_with_key() -> (Bench, i64, OpenBatch) {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.unknown_batch();
    let now = bench.now();
    bench.ledger.resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    (bench, file, open)
}

#[test]
fn what_was_let_go_and_waits_is_doubted_by_another_takeover() {
    let (mut bench, _, open) = missing_with_key();
    let newer = bench.drop_file("b.csv", &[(2, "k1", 2)]);
    let now = bench.now();
    bench.ledger.release(&What::Row("b.csv".into(), 2), Some(Double::Send), &by(), now).unwrap();
    list_of(&mut bench, &open.items[0].number, "v", 1);
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let missing = Decision::NotThoughListed("72".into());
    bench.ledger.resolve(&What::Row("a.csv".into(), 2), &missing, &by(), now).unwrap();
    assert!(bench.claim().is_none());
    assert_eq!(bench.statuses(newer), [Held]);
}

#[test]
fn the_repair_of_a_bad_repair_meets_the_row_that_a_list_shows() {
    for key in ["k1", "k2"] {
        let (mut bench, file, open) = missing_with_key();
        let naming = |bench: &mut Bench, of, (row, key, quantity)| {
            let mut line = keyed((row, key, quantity));
            let record = line.record.as_mut().unwrap();
            record.reference = Some(bench.rows(of)[0].reference.clone());
            // After the takeover, so that no doubt holds it.
            record.day = Some("2026-08-31".parse().unwrap());
            line
        };
        let bad = naming(&mut bench, file, (2, "k1", 0));
        let bad = bench.drop_rows("b.csv", "b", &[bad], true, Accept::GoodRows);
        list_of(&mut bench, &open.items[0].number, "v", 1);
        assert_eq!(bench.codes(file), ["L065"]);
        let again = naming(&mut bench, bad, (2, key, 3));
        let again = bench.drop_rows("c.csv", "c", &[again], true, Accept::GoodRows);
        assert!(bench.claim().is_none(), "{key}");
        assert_eq!(bench.statuses(again), [Waiting], "{key}");
    }
}

#[test]
fn another_key_is_noticed_where_all_that_was_reported_was_reported_by_others() {
    let (mut bench, file) = taken_over(&[(2, "w")]);
    lay_beside(&mut bench, &[("72", None, "w")], true);
    assert_eq!(bench.codes(file), ["L070"]);
    let next = bench.receive("b.csv", "b");
    let mut plan = plan_for(next, false, Accept::GoodRows);
    plan.identity = crate::mapping::Identity::read("key:other");
    assert!(bench.ledger.tells_apart_otherwise(&plan).unwrap());
}

#[test]
fn the_name_that_is_offered_for_a_report_is_of_the_result_in_which_its_rows_stand_now() {
    let mut bench = Bench::new();
    let folder = std::path::Path::new("/drop");
    let written = |name: &str, bytes: &str, kind: &str| (name.to_owned(), bytes.to_owned(), kind.to_owned());
    let first = bench.drop_file("a.csv", &[(2, "k1", 0), (3, "k2", 1)]);
    let now = bench.now();
    let reports =
        [written("a.csv.result.csv", "r1", "result.csv"), written("a.csv.errors.csv", "e1", "errors.csv")];
    bench.ledger.keep_reports(first, folder, &reports, now).unwrap();
    bench.drop_file("a.csv.errors.csv", &[(2, "k3", 1)]);
    let second = bench.drop_file("a.csv", &[(2, "k2", 1), (3, "k1", 1)]);
    bench.ledger.keep_reports(second, folder, &reports[..1], now).unwrap();
    let meaning = bench.ledger.meaning(Some(folder), "a.csv.errors.csv", Some("changed")).unwrap();
    let Some(Meaning::Either { of_report, of_input }) = meaning else { panic!("{meaning:?}") };
    assert_eq!(
        (of_report.as_deref(), of_input),
        (Some("a.csv.result.csv"), None),
        "the newer file has all of its rows"
    );
}

/// A row of key `k1` and of the last day of the month, that names another.
fn of_the_day(reference: Option<&String>, quantity: i64) -> StagedRow {
    let mut line = keyed((2, "k1", quantity));
    let record = line.record.as_mut().unwrap();
    record.reference = reference.cloned();
    record.day = Some("2026-08-31".parse().unwrap());
    line
}

/// A bad repair gave its place back; O was then accepted. The same content as the bad repair comes again, now good, with
/// another quantity than what was accepted: a change, not a duplicate.
#[test]
fn a_bad_repair_read_again_that_differs_from_what_was_accepted_is_a_change() {
    let mut got = Vec::new();
    for again_as_file in [true, false] {
        for named in [true, false] {
            let (mut bench, file, open) = missing_with_key();
            let reference = named.then(|| bench.rows(file)[0].reference.clone());
            let of_b = |quantity| of_the_day(reference.as_ref(), quantity);
            let bad = bench.drop_rows("b.csv", "b", &[of_b(0)], true, Accept::GoodRows);
            list_of(&mut bench, &open.items[0].number, "v", 1);
            assert_eq!(bench.codes(file), ["L065"]);
            let now = bench.now();
            let word = Decision::Accepted("72".into());
            bench.ledger.resolve(&What::Row("a.csv".into(), 2), &word, &by(), now).unwrap();
            assert_eq!(bench.statuses(file), [Accepted]);
            let of = if again_as_file {
                bench.drop_rows("c.csv", "b", &[of_b(3)], true, Accept::GoodRows)
            } else {
                let now = bench.now();
                let retry = bench.ledger.retry(bad, now).unwrap();
                bench.fill(retry, &[of_b(3)], true, Accept::GoodRows);
                bad
            };
            let stands = (again_as_file, named, bench.statuses(of), bench.codes(of));
            got.push(stands);
        }
    }
    assert!(got.iter().all(|(_, _, statuses, codes)| statuses == &[Held] && codes == &["L011"]), "{got:?}");
}

/// The row of a.csv was not received and is taken over; a repair of it comes under another key; a list shows the row. How
/// often that key goes when it comes once more.
fn sent_beside_a_repair(bench: &mut Bench, file: i64) -> usize {
    let open = bench.unknown_batch();
    let now = bench.now();
    bench.ledger.resolve(&What::File("a.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    let mut line = keyed((2, "k2", 3));
    line.record.as_mut().unwrap().reference = Some(bench.rows(file)[0].reference.clone());
    let repair = bench.drop_rows("b.csv", "b", &[line], true, Accept::GoodRows);
    assert_eq!(bench.statuses(repair), [Held]);
    list_of(bench, &open.items[0].number, "v", 1);
    assert_eq!(bench.codes(file), ["L065"]);
    assert_eq!(bench.statuses(repair), [Waiting]);
    let mut third = keyed((2, "k2", 3));
    third.record.as_mut().unwrap().day = Some("2026-09-15".parse().unwrap());
    bench.drop_rows("c.csv", "c", &[third], true, Accept::GoodRows);
    sent_of_key(bench, 3)
}

/// O read again (its own fact is part 1 then); not received; taken over; repaired under another key; a list shows O.
#[test]
fn the_key_of_a_repair_that_gave_its_place_back_is_known() {
    for read_again in [false, true] {
        let mut bench = Bench::new();
        let file = bench.drop_file("a.csv", &[(2, "k1", i64::from(!read_again))]);
        if read_again {
            let now = bench.now();
            let retry = bench.ledger.retry(file, now).unwrap();
            bench.fill(retry, &[keyed((2, "k1", 1))], true, Accept::GoodRows);
        }
        assert_eq!(sent_beside_a_repair(&mut bench, file), 0, "read again: {read_again}");
    }
}

#[test]
fn whoever_says_what_lists_show_names_all_of_it_once_and_in_any_order() {
    let cases: [(&[&[&str]], &str, Status); 3] = [
        (&[&["72", "72"]], "72", Waiting),
        (&[&["72", "73"]], "73,72", Waiting),
        (&[&["72"], &["73"]], "73", Unknown),
    ];
    for (lists, said, status) in cases {
        let mut bench = Bench::new();
        let file = bench.drop_weak("a.csv", &[(2, "w")]);
        let number = bench.unknown_batch().items[0].number.clone();
        for ids in lists {
            let rows: Vec<_> = ids.iter().map(|id| (*id, Some(number.as_str()), "v")).collect();
            lay_beside(&mut bench, &rows, false);
        }
        let (what, now) = (What::Row("a.csv".into(), 2), bench.now());
        bench.ledger.resolve(&what, &Decision::NotThoughListed(said.into()), &by(), now).unwrap();
        assert_eq!(bench.statuses(file), [status], "{lists:?} {said}");
    }
}

/// The same without a second reading: O itself repaired another row and so knows that one's key (its part 1).
#[test]
fn the_key_of_a_repair_of_a_repair_that_gave_its_place_back_is_known() {
    let mut bench = Bench::new();
    let first = bench.drop_file("z.csv", &[(2, "k0", 0)]);
    let mut line = keyed((2, "k1", 1));
    line.record.as_mut().unwrap().reference = Some(bench.rows(first)[0].reference.clone());
    let file = bench.drop_rows("a.csv", "a", &[line], true, Accept::GoodRows);
    assert_eq!(sent_beside_a_repair(&mut bench, file), 0);
}

/// R could not go, gave its place back to O; O was then refused by the system. R is judged anew by `retry`.
#[test]
fn a_bad_repair_that_gave_its_place_back_is_judged_anew() {
    let mut got = Vec::new();
    for named in [true, false] {
        let (mut bench, file, open) = missing_with_key();
        let reference = named.then(|| bench.rows(file)[0].reference.clone());
        let of_b = |quantity| of_the_day(reference.as_ref(), quantity);
        let bad = bench.drop_rows("b.csv", "b", &[of_b(0)], true, Accept::GoodRows);
        list_of(&mut bench, &open.items[0].number, "v", 1);
        assert_eq!(bench.codes(file), ["L065"]);
        let now = bench.now();
        let missing = Decision::NotThoughListed("72".into());
        bench.ledger.resolve(&What::Row("a.csv".into(), 2), &missing, &by(), now).unwrap();
        assert_eq!(let_go(&mut bench, &What::Row("a.csv".into(), 2)), 1);
        bench.send_all(&refused);
        assert_eq!((bench.statuses(file), bench.statuses(bad)), (vec![Refused], vec![Refused]));
        let now = bench.now();
        let retry = bench.ledger.retry(bad, now).unwrap();
        bench.fill(retry, &[of_b(3)], true, Accept::GoodRows);
        let stands =
            (named, bench.statuses(bad), bench.codes(bad), bench.claim().map_or(0, |open| open.items.len()));
        got.push(stands);
    }
    assert!(got.iter().all(|(_, statuses, _, sent)| statuses == &[Waiting] && *sent == 1), "{got:?}");
}

/// Held by the last look though let go before: whoever let it go was told of nobody. Books bent by hand.
#[test]
fn what_the_last_look_held_is_vouched_for_by_nobody() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    bench.send_all(&accepted);
    let live_is = |bench: &Bench, intake: i64| {
        for live in [-1, intake] {
            bench.ledger.conn.execute("UPDATE facts SET live = intake_id = ?1", [live]).unwrap();
        }
    };
    live_is(&bench, 0);
    let second = bench.drop_file("b.csv", &[(3, "k1", 2)]);
    let open = bench.unknown_batch();
    let now = bench.now();
    bench.ledger.resolve(&What::File("b.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    bench.ledger.take_over(&takeover(None, 5), now).unwrap();
    assert_eq!(bench.codes(second), ["L040"]);
    assert_eq!(let_go(&mut bench, &What::Row("b.csv".into(), 3)), 1);
    live_is(&bench, first);
    assert!(bench.claim().is_none());
    assert_eq!(bench.codes(second), ["L011"]);
    list_of(&mut bench, &open.items[0].number, "v", 1);
    let now = bench.now();
    let missing = Decision::NotThoughListed("72".into());
    bench.ledger.resolve(&What::Row("b.csv".into(), 3), &missing, &by(), now).unwrap();
    assert!(bench.claim().is_none(), "nobody answered L011");
}

/// What the last look lets go takes the place of what is held under its key. Books bent by hand.
#[test]
fn what_goes_takes_the_place_of_what_is_held() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k1", 2)]);
    assert_eq!(bench.statuses(first), [Held, Held]);
    let live_is = |bench: &Bench, row: i64| {
        for live in [-1, row] {
            bench.ledger.conn.execute("UPDATE facts SET live = row_no = ?1", [live]).unwrap();
        }
    };
    live_is(&bench, 0);
    bench.drop_file("b.csv", &[(5, "k1", 1)]);
    live_is(&bench, 2);
    bench.send_all(&accepted);
    let_go(&mut bench, &What::Row("a.csv".into(), 2));
    assert!(bench.claim().is_none(), "it was told of row 3, not of what went");
}

/// O was said not to be received; R repairs O and can't go, N repairs R and can't go; a list shows O; M repairs N.
#[test]
fn the_repair_of_the_second_bad_repair_meets_the_row_that_a_list_shows() {
    let mut got = Vec::new();
    for first_is_good in [false, true] {
        for key in ["k1", "k2"] {
            let (mut bench, file, open) = missing_with_key();
            let naming = |bench: &mut Bench, of, (row, key, quantity), day: &str| {
                let mut line = keyed((row, key, quantity));
                let record = line.record.as_mut().unwrap();
                record.reference = Some(bench.rows(of)[0].reference.clone());
                record.day = Some(day.parse().unwrap());
                line
            };
            let quantity = i64::from(first_is_good);
            let bad = naming(&mut bench, file, (2, "k1", quantity), "2026-08-30");
            let bad = bench.drop_rows("b.csv", "b", &[bad], true, Accept::GoodRows);
            let worse = naming(&mut bench, bad, (2, "k1", 0), "2026-08-30");
            let worse = bench.drop_rows("c.csv", "c", &[worse], true, Accept::GoodRows);
            list_of(&mut bench, &open.items[0].number, "v", 1);
            assert_eq!(bench.codes(file), ["L065"]);
            let again = naming(&mut bench, worse, (2, key, 3), "2026-09-15");
            let again = bench.drop_rows("d.csv", "d", &[again], true, Accept::GoodRows);
            let sent = bench.claim().map_or(0, |open| open.items.len());
            let stands = (first_is_good, key, sent, bench.statuses(file), bench.statuses(again));
            got.push(stands);
        }
    }
    assert!(got.iter().all(|(_, _, sent, _, _)| *sent == 0), "{got:?}");
}

#[test]
fn what_stands_several_times_under_our_number_is_told() {
    let (mut bench, file, open) = said_to_be_missing();
    let number = open.items[0].number.as_str();
    lay_beside(&mut bench, &[("72", Some(number), "v"), ("73", Some(number), "u")], false);
    let issue = bench.rows(file)[0].issues[0].clone();
    assert_eq!(issue.code, "L065");
    let text = crate::ledger::codes::CONTRADICTED.message(Lang::En, &issue.args);
    assert!(text.contains("72") && text.contains("73"), "{text}");
}

/// R repairs O and is dropped by a person; a list shows O; M repairs R under another key.
#[test]
fn the_repair_of_a_dropped_repair_meets_the_row_that_a_list_shows() {
    let mut got = Vec::new();
    for key in ["k1", "k2"] {
        let (mut bench, file, open) = missing_with_key();
        let naming = |bench: &mut Bench, of, (row, key, quantity), day: &str| {
            let mut line = keyed((row, key, quantity));
            let record = line.record.as_mut().unwrap();
            record.reference = Some(bench.rows(of)[0].reference.clone());
            record.day = Some(day.parse().unwrap());
            line
        };
        let repair = naming(&mut bench, file, (2, "k1", 2), "2026-08-30");
        let repair = bench.drop_rows("b.csv", "b", &[repair], true, Accept::GoodRows);
        let now = bench.now();
        let done =
            bench.ledger.release(&What::Row("b.csv".into(), 2), Some(Double::Drop), &by(), now).unwrap();
        assert_eq!((done.moved.len(), bench.statuses(repair)), (1, vec![Ignored]));
        list_of(&mut bench, &open.items[0].number, "v", 1);
        assert_eq!(bench.codes(file), ["L065"]);
        let again = naming(&mut bench, repair, (2, key, 3), "2026-09-15");
        let again = bench.drop_rows("d.csv", "d", &[again], true, Accept::GoodRows);
        let sent = bench.claim().map_or(0, |open| open.items.len());
        let stands = (key, sent, bench.statuses(file), bench.statuses(again));
        got.push(stands);
    }
    assert!(got.iter().all(|(_, sent, _, _)| *sent == 0), "{got:?}");
}

/// A bad repair, which names the row that it repairs and gave its place back to it when a list showed that one.
fn beside_what_a_list_shows(bench: &mut Bench, file: i64, open: &OpenBatch) -> (i64, StagedRow) {
    let mut line = keyed((2, "k1", 0));
    line.record.as_mut().unwrap().reference = Some(bench.rows(file)[0].reference.clone());
    let bad = bench.drop_rows("b.csv", "b", &[line.clone()], true, Accept::GoodRows);
    list_of(bench, &open.items[0].number, "v", 1);
    assert_eq!(bench.codes(file), ["L065"]);
    (bad, line)
}

#[test]
fn a_bad_repair_that_is_read_again_and_still_bad_says_so() {
    let (mut bench, file, open) = missing_with_key();
    let (bad, line) = beside_what_a_list_shows(&mut bench, file, &open);
    let now = bench.now();
    let retry = bench.ledger.retry(bad, now).unwrap();
    bench.fill(retry, &[line], true, Accept::GoodRows);
    assert_eq!(bench.statuses(bad), [Refused]);
}

#[test]
fn the_second_repair_of_a_row_that_gave_its_place_back_meets_the_first() {
    let (mut bench, file, open) = missing_with_key();
    let (bad, _) = beside_what_a_list_shows(&mut bench, file, &open);
    let now = bench.now();
    let missing = Decision::NotThoughListed("72".into());
    bench.ledger.resolve(&What::Row("a.csv".into(), 2), &missing, &by(), now).unwrap();
    assert_eq!(let_go(&mut bench, &What::Row("a.csv".into(), 2)), 1);
    bench.send_all(&refused);
    let named = bench.rows(bad)[0].reference.clone();
    let mut repairs = [keyed((2, "k1", 3)), keyed((2, "k3", 4))];
    for (repair, name) in repairs.iter_mut().zip(["c.csv", "d.csv"]) {
        let record = repair.record.as_mut().unwrap();
        record.reference = Some(named.clone());
        record.day = Some("2026-09-15".parse().unwrap());
        bench.drop_rows(name, name, std::slice::from_ref(repair), true, Accept::GoodRows);
        bench.send_all(&accepted);
    }
    let second = bench.newest("d.csv");
    assert_eq!((bench.statuses(second), bench.codes(second)), (vec![Held], vec!["L011".to_owned()]));
}

#[test]
fn what_is_said_of_a_number_says_nothing_of_a_repair_under_another() {
    let mut bench = Bench::new();
    bench.drop_rows("a.csv", "a", &[numbered((2, "k1", 1), "55")], true, Accept::GoodRows);
    bench.send_all(&refused);
    let repaired = bench.drop_rows("b.csv", "b", &[numbered((2, "k1", 2), "56")], true, Accept::GoodRows);
    bench.unknown_batch();
    let now = bench.now();
    let done = bench.ledger.resolve(&What::Number("55".into()), &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!((done.moved.len(), bench.statuses(repaired)), (0, vec![Unknown]));
}

#[test]
fn a_row_and_what_stands_in_its_place_are_both_contradicted_by_one_list() {
    let (mut bench, file, first) = missing_with_key();
    let mut line = keyed((2, "k1", 3));
    line.record.as_mut().unwrap().day = Some("2026-09-15".parse().unwrap());
    let newer = bench.drop_rows("b.csv", "b", &[line], true, Accept::GoodRows);
    let second = bench.unknown_batch();
    let now = bench.now();
    bench.ledger.resolve(&What::File("b.csv".into()), &Decision::NotReceived, &by(), now).unwrap();
    assert_eq!(bench.statuses(newer), [Waiting]);
    let numbers = [&first, &second].map(|open| open.items[0].number.clone());
    let listed = [("72", Some(numbers[0].as_str()), "v"), ("73", Some(numbers[1].as_str()), "u")];
    lay_beside(&mut bench, &listed, false);
    assert_eq!((bench.statuses(file), bench.statuses(newer)), (vec![Unknown], vec![Unknown]));
    assert!(bench.claim().is_none());
}

/// A person's word about an unknown outcome: rows that moved, and the codes of those that were left.
fn say(bench: &mut Bench, what: &What, decision: &Decision) -> (usize, Vec<String>) {
    let now = bench.now();
    let done = bench.ledger.resolve(what, decision, &by(), now).unwrap();
    let left = done.left.into_iter().map(|one| one.why.map_or(String::new(), |why| why.code));
    (done.moved.len(), left.collect())
}

/// The system's number of a batch; its rows are asked about where that is possible.
fn number_of_batch(remote: &str, can_ask: bool) -> Decision {
    let ticket = can_ask.then(|| ("sespa".to_owned(), serde_json::json!({})));
    Decision::AskAbout { remote: remote.into(), tickets: ticket.into_iter().collect() }
}

/// A batch whose first row was refused and whose second one is unknown.
fn half_unknown_batch(bench: &mut Bench) -> (What, i64) {
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 2)]);
    let open = bench.claim().unwrap();
    bench
        .settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0), Outcome::Unknown], remote: None });
    (What::Batch(open.batch), file)
}

#[test]
fn what_is_said_of_a_batch_reaches_its_own_rows_alone() {
    for (decision, own) in [(Decision::NotReceived, Waiting), (number_of_batch("9001", false), Accepted)] {
        let mut bench = Bench::new();
        let (batch, first) = half_unknown_batch(&mut bench);
        let repaired = bench.drop_file("b.csv", &[(2, "k1", 4)]);
        bench.unknown_batch();
        assert_eq!(say(&mut bench, &batch, &decision).0, 1);
        assert_eq!((bench.statuses(first)[1], bench.statuses(repaired)), (own, vec![Unknown]));
    }
}

#[test]
fn what_is_said_of_a_batch_says_nothing_of_what_a_repair_waits_for() {
    let mut bench = Bench::new();
    let other = bench.drop_file("z.csv", &[(2, "k9", 9)]);
    bench.unknown_batch();
    let (batch, first) = half_unknown_batch(&mut bench);
    let mut line = keyed((2, "k9", 4));
    line.record.as_mut().unwrap().reference = Some(bench.rows(first)[0].reference.clone());
    bench.drop_rows("b.csv", "b", &[line], true, Accept::GoodRows);
    say(&mut bench, &batch, &Decision::NotReceived);
    assert_eq!(bench.statuses(other), [Unknown]);
}

#[test]
fn a_number_that_a_list_gave_to_another_row_decides_nothing() {
    let (mut bench, file) = taken_over(&[(2, "w")]);
    lay_beside(&mut bench, &[("72", None, "w")], true);
    assert_eq!(bench.rows(file)[0].id.as_deref(), Some("72"));
    let mut line = keyed((2, "k5", 5));
    line.record.as_mut().unwrap().day = Some("2026-09-15".parse().unwrap());
    let other = bench.drop_rows("b.csv", "b", &[line], true, Accept::GoodRows);
    bench.unknown_batch();
    let done = say(&mut bench, &What::Row("b.csv".into(), 2), &Decision::Accepted("72".into()));
    assert_eq!((done, bench.statuses(other)), ((0, vec!["L072".to_owned()]), vec![Unknown]));
}

#[test]
fn a_batch_s_number_that_another_got_by_mistake_and_that_proved_nothing_is_taken() {
    for said_missing in [true, false] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k1", 1)]);
        let one = bench.unknown_batch();
        bench.drop_file("b.csv", &[(2, "k2", 2)]);
        let two = bench.unknown_batch();
        let number = number_of_batch("9002", true);
        assert_eq!(say(&mut bench, &What::Batch(one.batch), &number).0, 1, "a slip: it is the second one's");
        let done = Question { waits: None, ..asked(one.batch, Some(answer(200, "", "done")), 9) };
        let now = bench.now();
        let attempt = bench.ledger.asked(&done, now).unwrap();
        let proved = BatchVerdict::Settled { outcomes: vec![Outcome::Unknown], remote: Some("9002".into()) };
        bench.settle(&OpenBatch { attempt, ..one.clone() }, &proved);
        if said_missing {
            assert_eq!(say(&mut bench, &What::Batch(one.batch), &Decision::NotReceived).0, 1);
        }
        assert_eq!(say(&mut bench, &What::Batch(two.batch), &number).0, 1, "{said_missing}");
    }
}

#[test]
fn a_row_s_number_that_another_got_by_mistake_is_taken() {
    let mut bench = Bench::new();
    let file = bench.drop_file("a.csv", &[(2, "k1", 1), (3, "k2", 2)]);
    bench.unknown_batch();
    let [one, two] = [2, 3].map(|row| What::Row("a.csv".into(), row));
    let number = Decision::Accepted("101".into());
    assert_eq!(say(&mut bench, &one, &number).0, 1, "a slip: it is row 3's");
    assert_eq!((say(&mut bench, &two, &number).0, bench.statuses(file)), (1, vec![Accepted, Accepted]));
}

#[test]
fn a_number_of_two_registrations_is_decided_about_for_neither() {
    let mut bench = Bench::new();
    let other = SectionRef {
        name: "other".into(),
        registration_sha256: Some("r2".into()),
        ..section(Environment::Sandbox)
    };
    bench.ledger.sections(&[section(Environment::Sandbox), other]).unwrap();
    bench.drop_file("z.csv", &[(2, "k9", 9)]);
    bench.send_all(&accepted);
    let first = bench.drop_rows("a.csv", "a", &[numbered((2, "k1", 1), "55")], true, Accept::GoodRows);
    bench.unknown_batch();
    let second = bench.receive("b.csv", "b");
    let plan = Plan { sections: vec!["other".into()], ..plan_for(second, true, Accept::GoodRows) };
    bench.ledger.plan(&plan, at(0)).unwrap();
    bench.ledger.stage(&[numbered((2, "k2", 2), "55")]).unwrap();
    let now = bench.now();
    bench.ledger.accept(second, &serde_json::json!({}), &[], now).unwrap();
    let wanted = Want { section: "other".into(), ..want(now) };
    let build = |items: &[crate::ledger::ClaimItem]| Built { used: items.len(), body: b"body".to_vec() };
    let open = bench.ledger.claim(&wanted, Box::new(build)).unwrap().unwrap();
    bench.settle(&open, &BatchVerdict::Unknown { seen: "cut".into() });
    let now = bench.now();
    let said = bench.ledger.resolve(&What::Number("55".into()), &Decision::NotReceived, &by(), now);
    assert!(matches!(said, Err(crate::ledger::Error::SeveralRegistrations { .. })));
    assert_eq!((bench.statuses(first), bench.statuses(second)), (vec![Unknown], vec![Unknown]));
    let row = What::Row("b.csv".into(), 2);
    let of_the_other = say(&mut bench, &row, &Decision::Accepted("100".into()));
    assert_eq!(of_the_other, (0, vec!["L072".to_owned()]), "a number of the system is one movement's");
    assert_eq!(say(&mut bench, &row, &Decision::NotReceived).0, 1);
}

/// A refused first row of document D1, whose others are these, and a row of D2 that is sent.
fn two_documents(bench: &mut Bench, others: &[StagedRow]) -> (i64, OpenBatch) {
    let mut rows = vec![refused_of_key(2, 10), of_key(3, 11)];
    rows.extend_from_slice(others);
    for (row, document) in rows.iter_mut().zip(["D1", "D2", "D1", "D1"]) {
        row.record.as_mut().unwrap().document = Some(document.to_owned());
    }
    let file = bench.drop_rows("a.csv", "a", &rows, true, Accept::WholeDocument);
    let open = bench.claim().unwrap();
    assert_eq!(open.items.len(), 1);
    (file, open)
}

#[test]
fn a_key_twice_in_one_file_holds_both_whatever_keeps_the_first() {
    for (others, before) in [
        (vec![of_key(4, 14)], Waiting),
        // Its document has another refused row, or one that waits.
        (vec![of_key(4, 14), refused_of_key(5, 15)], Held),
        (vec![of_key(4, 14), of_key(5, 16)], Waiting),
    ] {
        let mut bench = Bench::new();
        bench.drop_file("z.csv", &[(2, "k16", 1)]);
        let waited_for = bench.claim().unwrap();
        let (first, open) = two_documents(&mut bench, &others);
        let rows = naming(&mut bench, first, [keyed((2, "k10", 21)), keyed((3, "k10", 22))]);
        let second = bench.drop_rows("b.csv", "b", &rows, true, Accept::WholeDocument);
        assert_eq!(bench.statuses(second), [before, Waiting]);
        bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
        assert_eq!(bench.codes(second), ["L013", "L013"]);
        bench.settle(&waited_for, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
        assert!(bench.claim().is_none(), "their documents stand still with them: {others:?}");
    }
}

#[test]
fn a_doubted_row_is_not_replaced_by_one_of_its_own_file() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k0", 0), (3, "k1", 1)]);
    let open = bench.claim().unwrap();
    let rows = naming(&mut bench, first, [doubted((2, "k0", 1)), keyed((3, "k0", 2))]);
    let second = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    assert_eq!(bench.codes(second), ["L013", "L013"]);
    assert!(bench.claim().is_none());
}

fn repair_of(bench: &mut Bench, of: i64, line: Line<'_>) -> StagedRow {
    let mut line = keyed(line);
    let record = line.record.as_mut().unwrap();
    record.reference = Some(bench.rows(of)[0].reference.clone());
    record.day = Some("2026-09-15".parse().unwrap());
    line
}

/// A row was said to be missing, repaired by a bad row, and that by another; a list shows it, and a person says that
/// another movement stands there. Gives its file and that of the second repair.
fn badly_repaired_twice() -> (Bench, i64, i64) {
    let (mut bench, file, open) = missing_with_key();
    let bad = repair_of(&mut bench, file, (2, "k1", 0));
    let bad = bench.drop_rows("b.csv", "b", &[bad], true, Accept::GoodRows);
    let worse = repair_of(&mut bench, bad, (2, "k1", 0));
    let worse = bench.drop_rows("c.csv", "c", &[worse], true, Accept::GoodRows);
    list_of(&mut bench, &open.items[0].number, "v", 1);
    assert_eq!(bench.codes(file), ["L065"]);
    let missing = Decision::NotThoughListed("72".into());
    assert_eq!(say(&mut bench, &What::Row("a.csv".into(), 2), &missing).0, 1);
    (bench, file, worse)
}

#[test]
fn a_third_repair_takes_the_place_through_two_bad_ones() {
    for key in ["k1", "k3"] {
        let (mut bench, _, worse) = badly_repaired_twice();
        let good = repair_of(&mut bench, worse, (2, key, 3));
        let good = bench.drop_rows("d.csv", "d", &[good], true, Accept::GoodRows);
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(good), [Accepted], "{key}");
        let_go(&mut bench, &What::Row("a.csv".into(), 2));
        assert!(bench.claim().is_none(), "{key}");
    }
}

#[test]
fn a_third_repair_does_not_go_beside_what_was_let_go_while_it_was_staged() {
    for key in ["k1", "k3"] {
        let (mut bench, _, worse) = badly_repaired_twice();
        let good = repair_of(&mut bench, worse, (2, key, 3));
        let (good, now) = bench.stage_only("d.csv", &[good]);
        let_go(&mut bench, &What::Row("a.csv".into(), 2));
        bench.ledger.accept(good, &serde_json::json!({}), &[], now).unwrap();
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1), "{key}");
    }
}

#[test]
fn a_doubted_repair_does_not_go_beside_what_was_let_go_while_it_was_staged() {
    for key in ["k1", "k3"] {
        let (mut bench, file, open) = missing_with_key();
        let (bad, _) = beside_what_a_list_shows(&mut bench, file, &open);
        say(&mut bench, &What::Row("a.csv".into(), 2), &Decision::NotThoughListed("72".into()));
        let mut good = repair_of(&mut bench, bad, (2, key, 3));
        good.record.as_mut().unwrap().doubt = doubted((2, key, 3)).record.unwrap().doubt;
        let (good, now) = bench.stage_only("d.csv", &[good]);
        let_go(&mut bench, &What::Row("a.csv".into(), 2));
        bench.ledger.accept(good, &serde_json::json!({}), &[], now).unwrap();
        bench.send_all(&accepted);
        let now = bench.now();
        bench.ledger.release(&What::Row("d.csv".into(), 2), None, &by(), now).unwrap();
        assert!(bench.claim().is_none(), "{key}");
    }
}

#[test]
fn a_document_goes_on_whose_waiting_row_is_listed_too() {
    let (mut bench, _, first) = missing_with_key();
    let mut rows = [keyed((2, "k1", 3)), keyed((3, "k5", 5))];
    for row in &mut rows {
        let record = row.record.as_mut().unwrap();
        record.day = Some("2026-09-15".parse().unwrap());
        record.document = Some("D".to_owned());
    }
    let newer = bench.drop_rows("b.csv", "b", &rows, true, Accept::WholeDocument);
    let now = bench.now();
    let build = |items: &[crate::ledger::ClaimItem]| Built { used: items.len(), body: b"body".to_vec() };
    let second = bench.ledger.claim(&Want { rows: 1, ..want(now) }, Box::new(build)).unwrap().unwrap();
    bench.settle(&second, &BatchVerdict::Unknown { seen: "cut".into() });
    say(&mut bench, &What::Row("b.csv".into(), 2), &Decision::NotReceived);
    let numbers = [&first, &second].map(|open| open.items[0].number.clone());
    let listed = [("72", Some(numbers[0].as_str()), "v"), ("73", Some(numbers[1].as_str()), "u")];
    lay_beside(&mut bench, &listed, false);
    say(&mut bench, &What::Row("b.csv".into(), 2), &Decision::Accepted("73".into()));
    say(&mut bench, &What::Row("a.csv".into(), 2), &Decision::Accepted("72".into()));
    bench.send_all(&refused);
    assert_eq!(bench.statuses(newer), [Accepted, Refused]);
}

#[test]
fn of_keys_twice_in_a_file_that_goes_whole_each_is_asked_about() {
    for accept in [Accept::GoodRows, Accept::WholeFile] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k0", 1), (3, "k1", 1)]);
        let open = bench.claim().unwrap();
        let rows = [keyed((2, "k0", 1)), keyed((3, "k1", 1)), keyed((8, "k0", 2)), keyed((9, "k1", 2))];
        bench.drop_rows("b.csv", "twins", &rows, true, accept);
        let again = bench.receive("c.csv", "twins");
        bench.ledger.plan(&plan_for(again, true, accept), at(0)).unwrap();
        bench.ledger.stage(&rows[..2]).unwrap();
        let outcomes = vec![refused(0), refused(1)];
        bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
        bench.ledger.stage(&rows[2..]).unwrap();
        let now = bench.now();
        bench.ledger.accept(again, &serde_json::json!({}), &[], now).unwrap();
        assert_eq!(bench.codes(again), ["L013"; 4], "{accept:?}");
    }
}

/// A row of key `k1` that a person let go beside another that went under that key waits for it.
fn waiting_at_the_door(bench: &mut Bench) -> (i64, OpenBatch, i64) {
    let other = bench.drop_file("q.csv", &[(2, "k9", 9)]);
    bench.send_all(&accepted);
    let file = bench.drop_rows("o.csv", "o", &[doubted((2, "k1", 7))], true, Accept::GoodRows);
    let mut under_its_key = keyed((2, "k1", 7));
    under_its_key.record.as_mut().unwrap().reference = Some(bench.rows(other)[0].reference.clone());
    bench.drop_rows("z.csv", "z", &[under_its_key], true, Accept::GoodRows);
    let_go(bench, &What::Row("z.csv".into(), 2));
    let going = bench.claim().unwrap();
    let mut repair = keyed((2, "k3", 3));
    repair.record.as_mut().unwrap().reference = Some(bench.rows(file)[0].reference.clone());
    let (repair, at) = bench.stage_only("n.csv", &[repair]);
    let_go(bench, &What::Row("o.csv".into(), 2));
    bench.ledger.accept(repair, &serde_json::json!({}), &[], at).unwrap();
    assert!(bench.claim().is_none());
    (file, going, repair)
}

#[test]
fn who_waits_for_a_row_that_waits_is_judged_when_that_is() {
    let mut bench = Bench::new();
    let (file, going, repair) = waiting_at_the_door(&mut bench);
    assert_eq!((bench.statuses(file), bench.statuses(repair)), (vec![Waiting], vec![Waiting]));
    bench.settle(&going, &BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None });
    assert_eq!((bench.statuses(file), bench.codes(repair)), (vec![Duplicate], vec!["L073".to_owned()]));
    let told = &bench.rows(repair)[0].issues[0].args;
    assert!(told.contains(&"100".to_owned()), "it is judged by what that one repeats: {told:?}");
}

#[test]
fn a_whole_file_stands_still_where_its_row_is_judged_with_what_another_file_s_row_took() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.claim().unwrap();
    bench.drop_rows("b.csv", "b", &[doubted((2, "k1", 5))], true, Accept::GoodRows);
    let mut names = keyed((2, "k2", 6));
    names.record.as_mut().unwrap().reference = Some(bench.rows(first)[0].reference.clone());
    let rows = [names, keyed((3, "k2", 7)), keyed((4, "k5", 8))];
    let whole = bench.drop_rows("c.csv", "c", &rows, true, Accept::WholeFile);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    assert_eq!(bench.codes(whole), ["L013", "L013", "L021"]);
    assert!(bench.claim().is_none());
}

/// A row that names a row of a file, by its place there.
fn names(bench: &mut Bench, (file, at): (i64, usize), line: Line<'_>) -> StagedRow {
    let mut row = keyed(line);
    row.record.as_mut().unwrap().reference = Some(bench.rows(file)[at].reference.clone());
    row
}

fn drop_naming(bench: &mut Bench, name: &str, of: (i64, usize), line: Line<'_>) -> i64 {
    let row = names(bench, of, line);
    bench.drop_rows(name, name, &[row], true, Accept::GoodRows)
}

/// A refused row, and a file in which a key stands twice and one of whose rows names it. `in_time`: it was refused before
/// that file came.
fn twins_one_of_which_names(bench: &mut Bench, in_time: bool) -> (i64, i64) {
    let first = bench.drop_file("a.csv", &[(2, "k0", 0), (3, "k1", 1)]);
    let open = bench.claim().unwrap();
    let verdict = BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None };
    if in_time {
        bench.settle(&open, &verdict);
    }
    let rows = naming(bench, first, [keyed((2, "k0", 1)), keyed((3, "k0", 2))]);
    let second = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    if !in_time {
        bench.settle(&open, &verdict);
    }
    assert_eq!(bench.codes(second), ["L013", "L013"]);
    (first, second)
}

#[test]
fn a_row_that_one_of_two_with_one_key_repaired_is_not_repaired_unasked_under_another() {
    for in_time in [false, true] {
        let mut bench = Bench::new();
        let (first, second) = twins_one_of_which_names(&mut bench, in_time);
        let_go(&mut bench, &What::Row("b.csv".into(), 3));
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(second), [Held, Accepted]);
        let third = drop_naming(&mut bench, "c.csv", (first, 1), (2, "k7", 3));
        assert_eq!(bench.codes(third), ["L073"], "refused in time: {in_time}");
        assert!(bench.claim().is_none());
    }
}

#[test]
fn whoever_lets_a_row_go_is_asked_first_about_another_repair_that_went_meanwhile() {
    for in_time in [false, true] {
        let mut bench = Bench::new();
        let (first, second) = twins_one_of_which_names(&mut bench, in_time);
        let third = drop_naming(&mut bench, "c.csv", (first, 1), (2, "k7", 3));
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(third), [Accepted]);
        assert_eq!(let_go(&mut bench, &What::Row("b.csv".into(), 3)), 0);
        assert_eq!(bench.codes(second)[1], "L073");
        assert!(bench.claim().is_none());
        assert_eq!(let_go(&mut bench, &What::Row("b.csv".into(), 3)), 1, "now the answer is to that");
        assert_eq!(bench.claim().map(|open| open.items.len()), Some(1));
    }
}

/// Seed 36000004806 of the simulation.
#[test]
fn what_a_repair_is_asked_about_is_asked_again_where_its_errors_file_comes_as_it_is() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    bench.send_all(&accepted);
    let second = drop_naming(&mut bench, "b.csv", (first, 0), (2, "k4", 2));
    assert_eq!(bench.codes(second), ["L011"]);
    let third = drop_naming(&mut bench, "c.csv", (second, 0), (2, "k4", 2));
    assert_eq!(bench.codes(third), ["L073"]);
    assert!(bench.claim().is_none());
}

/// Seed 36000020618 of the simulation.
#[test]
fn no_repair_of_a_bad_repair_goes_beside_the_row_without_an_answer_that_it_named() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    let open = bench.unknown_batch();
    let bad = ["b.csv", "c.csv"].map(|name| drop_naming(&mut bench, name, (first, 0), (2, "k2", 0)));
    let good =
        [(bad[0], "k8"), (bad[1], "k9")].map(|(of, key)| drop_naming(&mut bench, key, (of, 0), (2, key, 2)));
    assert!(bench.claim().is_none());
    for file in good {
        assert_eq!(bench.codes(file), ["L005"]);
    }
    assert_eq!(say(&mut bench, &What::Batch(open.batch), &Decision::NotReceived).0, 1);
    assert_eq!(bench.claim().map(|open| open.items.len()), Some(1), "it goes again, and nothing beside it");
}

/// Seed 36000028778 of the simulation.
#[test]
fn a_bad_row_of_a_key_that_is_reported_is_not_repaired_unasked_under_another() {
    for went in [true, false] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k5", 1)]);
        if went {
            bench.send_all(&accepted);
        }
        let bad = bench.drop_file("b.csv", &[(2, "k5", 0)]);
        let good = drop_naming(&mut bench, "c.csv", (bad, 0), (2, "k9", 2));
        bench.send_all(&accepted);
        assert_eq!(
            (bench.statuses(first), bench.codes(good)),
            (vec![Accepted], vec!["L073".to_owned()]),
            "{went}"
        );
    }
}

#[test]
fn whoever_is_asked_about_a_key_says_by_another_one_that_it_is_another_movement() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    assert_eq!(bench.codes(asked), ["L011"]);
    let other = drop_naming(&mut bench, "c.csv", (asked, 0), (2, "k9", 2));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(other), [Accepted]);
}

#[test]
fn rows_of_one_file_that_repair_two_repairs_of_one_row_are_asked_about() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    bench.unknown_batch();
    let bad = ["b.csv", "c.csv"].map(|name| drop_naming(&mut bench, name, (first, 0), (2, "k2", 0)));
    let rows = [names(&mut bench, (bad[0], 0), (2, "k8", 2)), names(&mut bench, (bad[1], 0), (3, "k9", 2))];
    let good = bench.drop_rows("d.csv", "d", &rows, true, Accept::GoodRows);
    assert_eq!(bench.codes(good), ["L005", "L074"]);
}

/// `L013` says to correct the number in one of the two.
#[test]
fn of_two_rows_of_one_key_the_one_that_gets_a_number_of_its_own_is_another_movement() {
    for repair in [false, true] {
        let mut bench = Bench::new();
        let mut twins = [keyed((2, "k0", 1)), keyed((3, "k0", 2))];
        if repair {
            let first = bench.drop_file("a.csv", &[(2, "k0", 1)]);
            bench.send_all(&refused);
            twins =
                [names(&mut bench, (first, 0), (2, "k0", 1)), names(&mut bench, (first, 0), (3, "k0", 2))];
        }
        let second = bench.drop_rows("b.csv", "b", &twins, true, Accept::GoodRows);
        assert_eq!(bench.codes(second), ["L013", "L013"]);
        for (file, keys) in [("c.csv", ["k0", "k9"]), ("d.csv", ["k0", "k9"])] {
            let lines = [(0, (2, keys[0], 1)), (1, (3, keys[1], 2))];
            let rows = lines.map(|(at, line)| names(&mut bench, (second, at), line));
            let third = bench.drop_rows(file, file, &rows, true, Accept::GoodRows);
            bench.send_all(&accepted);
            let expected = if file == "c.csv" { Accepted } else { Status::Duplicate };
            assert_eq!(bench.statuses(third), [expected, expected], "{file}, of a repair: {repair}");
        }
    }
}

/// Seeds 37000590763 and 37000991157 of the simulation.
#[test]
fn what_a_person_dropped_beside_another_is_not_reported_unasked_under_a_new_key() {
    let drop = |bench: &mut Bench, row| {
        let now = bench.now();
        let what = What::Row("b.csv".into(), row);
        assert_eq!(bench.ledger.release(&what, Some(Double::Drop), &by(), now).unwrap().moved.len(), 1);
    };
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k0", 1)]);
    bench.send_all(&accepted);
    let changed = bench.drop_file("b.csv", &[(2, "k0", 2)]);
    drop(&mut bench, 2);
    for (name, line, code) in
        [("c.csv", (2, "k0", 2), "L022"), ("d.csv", (2, "k9", 2), "L073"), ("e.csv", (2, "k8", 3), "L073")]
    {
        let again = drop_naming(&mut bench, name, (changed, 0), line);
        assert_eq!(bench.codes(again), [code], "{name}");
    }

    for former in [false, true] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k0", 5)]);
        bench.send_all(&refused);
        let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
        let_go(&mut bench, &What::Row("b.csv".into(), 3));
        drop(&mut bench, 2);
        bench.send_all(&accepted);
        let named = if former { first } else { twins };
        let again = drop_naming(&mut bench, "c.csv", (named, 0), (2, "k9", 2));
        bench.send_all(&accepted);
        assert_eq!(bench.codes(again), ["L073"], "{former}");
    }
}

/// Seed 46000391470 of the simulation.
#[test]
fn a_bad_copy_of_a_row_that_waits_with_its_file_is_not_repaired_unasked_under_another_key() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k1", 1)]);
    let open = bench.unknown_batch();
    let rows = [keyed((2, "k1", 1)), keyed((3, "k7", 7))];
    let whole = bench.drop_rows("b.csv", "b", &rows, true, Accept::WholeFile);
    assert_eq!(bench.codes(whole), ["L005", "L031"]);
    let bad = bench.drop_file("c.csv", &[(2, "k7", 0)]);
    let good = drop_naming(&mut bench, "d.csv", (bad, 0), (2, "k9", 7));
    say(&mut bench, &What::Batch(open.batch), &Decision::NotReceived);
    bench.send_all(&accepted);
    bench.send_all(&accepted);
    let both = [bench.statuses(whole)[1], bench.statuses(good)[0]];
    assert_eq!(both, [Held, Accepted], "who comes second is asked about");
}

/// Seed 46000549910 of the simulation: who lets one of two repairs of a row go says which is to be reported.
#[test]
fn the_other_one_of_two_repairs_is_not_repaired_unasked_when_a_person_let_one_go() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    bench.send_all(&refused);
    let rows = [(2, "k2", 1), (3, "k4", 1)].map(|line| names(&mut bench, (first, 0), line));
    let twins = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    assert_eq!(bench.codes(twins), ["L074", "L074"]);
    let_go(&mut bench, &What::Row("b.csv".into(), 3));
    let other = drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k2", 1));
    bench.send_all(&accepted);
    assert_eq!((bench.statuses(twins)[1], bench.codes(other)), (Accepted, vec!["L073".to_owned()]));
    let_go(&mut bench, &What::Row("c.csv".into(), 2));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(other), [Accepted], "it is another movement");
}

/// Seed 48000507880 of the simulation.
#[test]
fn a_repair_that_came_before_its_question_is_no_answer_to_it() {
    for in_time in [true, false] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
        bench.send_all(&refused);
        let rows = [(2, "k7", 1), (3, "k7", 1)].map(|line| names(&mut bench, (first, 0), line));
        let third = names(&mut bench, (first, 0), (2, "k8", 1));
        let (twins, now) = bench.stage_only("b.csv", &rows);
        let early = (!in_time).then(|| bench.receive("c.csv", "c"));
        bench.ledger.accept(twins, &serde_json::json!({}), &[], now).unwrap();
        assert_eq!(bench.codes(twins), ["L013", "L013"]);
        let_go(&mut bench, &What::Row("b.csv".into(), 3));
        bench.send_all(&accepted);
        let repair = early.unwrap_or_else(|| bench.receive("c.csv", "c"));
        bench.fill(repair, &[third], true, Accept::GoodRows);
        bench.send_all(&accepted);
        let expected = if in_time { Accepted } else { Held };
        assert_eq!(bench.statuses(repair), [expected]);
    }
}

/// Of two rows of one key in a document the first gets its own number in one file (and waits for the other), the
/// second comes as it is in the next: the first is taken for an earlier form of the second and is never sent.
#[test]
fn a_row_that_got_its_own_number_is_not_replaced_by_the_other_one_of_its_former_key() {
    for accept in [Accept::WholeDocument, Accept::WholeFile] {
        let mut bench = Bench::new();
        let mut rows = [(2, "k0", 1), (3, "k0", 2), (4, "k5", 4)].map(keyed);
        for one in &mut rows {
            one.record.as_mut().unwrap().document = Some("D".into());
        }
        let twins = bench.drop_rows("b.csv", "b", &rows, true, accept);
        assert_eq!(bench.codes(twins)[..2], ["L013", "L013"]);
        let first = names(&mut bench, (twins, 0), (2, "k9", 1));
        let first = bench.drop_rows("c.csv", "c", &[first], true, accept);
        let second = names(&mut bench, (twins, 1), (2, "k0", 2));
        let second = bench.drop_rows("d.csv", "d", &[second], true, accept);
        assert_eq!(bench.claim_all(), 3, "the document has three movements");
        assert!(!bench.rows(first)[0].replaced);
        assert_eq!(bench.statuses(second), [Accepted]);
    }
}

/// The same where the first was refused by the system, or is under way and is refused then.
#[test]
fn a_refused_row_that_got_its_own_number_is_still_to_be_repaired() {
    for in_time in [true, false] {
        let mut bench = Bench::new();
        let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
        let first = drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
        let open = bench.claim().unwrap();
        let verdict = BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None };
        if in_time {
            bench.settle(&open, &verdict);
        }
        let second = drop_naming(&mut bench, "d.csv", (twins, 1), (2, "k0", 2));
        if !in_time {
            bench.settle(&open, &verdict);
        }
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(second), [Accepted]);
        let row = &bench.rows(first)[0];
        assert_eq!((row.status, row.replaced), (Refused, false), "in time: {in_time} {:?}", row.issues);
    }
}

/// The same where the second comes in the nightly export.
#[test]
fn a_refused_row_that_got_its_own_number_is_not_taken_for_the_other_one_of_an_export() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
    let first = drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
    bench.send_all(&refused);
    let export = bench.drop_file("z.csv", &[(3, "k0", 2)]);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(export), [Accepted]);
    let row = &bench.rows(first)[0];
    assert_eq!((row.status, row.replaced), (Refused, false), "{:?}", row.issues);
}

/// `L013`: the first of two rows of one key gets its own number in one file, the other is dropped again as it is.
#[test]
fn the_other_of_two_rows_of_one_key_is_not_lost_where_the_first_got_its_own_number_alone() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 1)]);
    assert_eq!(bench.codes(twins), ["L013", "L013"]);
    let first = drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(first), [Accepted]);
    let second = drop_naming(&mut bench, "d.csv", (twins, 1), (2, "k0", 1));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(second), [Accepted], "it is another movement; L013 was answered");
}

/// The same, the other one let go: the nightly export is asked about it, or is its repeat, by the wrong row.
#[test]
fn the_other_of_two_rows_of_one_key_that_was_let_go_is_known_under_its_key() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
    drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
    bench.send_all(&accepted);
    assert_eq!(let_go(&mut bench, &What::Row("b.csv".into(), 3)), 1);
    bench.send_all(&accepted);
    let nightly = bench.drop_file("z.csv", &[(2, "k9", 1), (3, "k0", 2)]);
    assert_eq!(bench.statuses(nightly), [Duplicate, Duplicate]);
}

/// The same of two repairs of one row (`L074`), before and after the other one of the key went.
#[test]
fn nothing_goes_beside_its_own_key_where_a_person_was_told_of_its_twin() {
    for sent in [true, false] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
        bench.send_all(&refused);
        let rows = [(2, "k2", 1), (3, "k4", 1)].map(|line| names(&mut bench, (first, 0), line));
        let twins = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
        assert_eq!(bench.codes(twins), ["L074", "L074"]);
        bench.drop_file("q.csv", &[(2, "k4", 1)]);
        if sent {
            bench.send_all(&accepted);
        }
        let_go(&mut bench, &What::Row("b.csv".into(), 3));
        let went = bench.claim().map_or(0, |open| open.items.len());
        assert_eq!(went, usize::from(!sent), "of one key one goes, sent: {sent}");
    }
}

/// `L011` says to give a new number; the row that does waits for another one of that number, which is then refused.
#[test]
fn what_was_answered_by_a_new_number_is_asked_no_more_where_the_answer_had_to_wait() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    bench.drop_file("q.csv", &[(2, "k9", 9)]);
    let open = bench.claim().unwrap();
    let answer = drop_naming(&mut bench, "c.csv", (asked, 0), (2, "k9", 2));
    assert_eq!(bench.codes(answer), ["L014"]);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(answer), [Accepted]);
    // Whoever answers the question that still stands there registers the movement once more, and was told nothing of c.csv.
    let_go(&mut bench, &What::Row("b.csv".into(), 2));
    assert!(bench.claim().is_none(), "c.csv is what b.csv:2 became");
}

/// The question itself goes on standing there.
#[test]
fn what_was_answered_by_a_new_number_is_replaced_by_the_answer() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    bench.drop_file("q.csv", &[(2, "k9", 9)]);
    let open = bench.claim().unwrap();
    drop_naming(&mut bench, "c.csv", (asked, 0), (2, "k9", 2));
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    bench.send_all(&accepted);
    assert!(bench.rows(asked)[0].replaced);
}

/// The answer itself is asked about (its new number is another's): the question that it answers stands there too, and
/// whoever answers both registers one row of the file twice.
#[test]
fn a_row_and_the_answer_that_names_it_do_not_both_go() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
    drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
    bench.send_all(&accepted);
    let second = drop_naming(&mut bench, "d.csv", (twins, 1), (2, "k9", 2));
    assert_eq!(bench.codes(second), ["L011"]);
    let_go(&mut bench, &What::Row("b.csv".into(), 3));
    let_go(&mut bench, &What::Row("d.csv".into(), 2));
    assert_eq!(bench.claim_all(), 1, "d.csv:2 is what b.csv:3 became");
}

/// The nightly export and the errors file come in one pass: both are received before either is staged.
#[test]
fn a_number_of_its_own_is_an_answer_though_the_same_content_came_again_with_it() {
    let mut bench = Bench::new();
    let lines: [Line<'_>; 2] = [(2, "k0", 1), (3, "k0", 2)];
    let twins = lines.map(keyed);
    let asked = bench.drop_rows("b.csv", "b", &twins, true, Accept::GoodRows);
    assert_eq!(bench.codes(asked), ["L013", "L013"]);
    let rows = [(0, (2, "k0", 1)), (1, (3, "k9", 2))].map(|(at, line)| names(&mut bench, (asked, at), line));
    let again = bench.receive("b.csv", "b");
    let answer = bench.receive("c.csv", "c");
    bench.fill(again, &twins, true, Accept::GoodRows);
    bench.fill(answer, &rows, true, Accept::GoodRows);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(answer), [Accepted, Accepted], "{:?}", bench.codes(answer));
}

/// The errors file is received, then the file of the question is read again by `retry`.
#[test]
fn a_number_of_its_own_is_an_answer_though_the_file_was_read_again_meanwhile() {
    let mut bench = Bench::new();
    let lines: [Line<'_>; 2] = [(2, "k0", 1), (3, "k0", 2)];
    let twins = lines.map(keyed);
    let asked = bench.drop_rows("b.csv", "b", &twins, true, Accept::GoodRows);
    let rows = [(0, (2, "k0", 1)), (1, (3, "k9", 2))].map(|(at, line)| names(&mut bench, (asked, at), line));
    let answer = bench.receive("c.csv", "c");
    let now = bench.now();
    let retry = bench.ledger.retry(asked, now).unwrap();
    bench.fill(retry, &twins, true, Accept::GoodRows);
    bench.fill(answer, &rows, true, Accept::GoodRows);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(answer), [Accepted, Accepted], "{:?}", bench.codes(answer));
}

/// The nightly export holds the changed row still, and comes in one pass with the errors file that answers.
#[test]
fn a_number_of_its_own_answers_l011_though_the_nightly_export_came_with_it() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    assert_eq!(bench.codes(asked), ["L011"]);
    let line = names(&mut bench, (asked, 0), (2, "k9", 2));
    let nightly = bench.receive("n.csv", "n");
    let answer = bench.receive("c.csv", "c");
    bench.fill(nightly, &[keyed((2, "k5", 2)), keyed((3, "k6", 6))], true, Accept::GoodRows);
    bench.fill(answer, &[line], true, Accept::GoodRows);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(answer), [Accepted], "{:?}", bench.rows(answer)[0].issues);
}

/// A bad copy, or a change, that is put right to what was accepted is repaired: nobody is to do anything about it.
#[test]
fn what_is_put_right_to_what_was_accepted_is_asked_about_no_more() {
    for quantity in [0, 2] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k5", 1)]);
        bench.send_all(&accepted);
        let bad = bench.drop_file("b.csv", &[(2, "k5", quantity)]);
        let good = drop_naming(&mut bench, "c.csv", (bad, 0), (2, "k5", 1));
        assert_eq!(bench.statuses(good), [Duplicate]);
        assert!(bench.rows(bad)[0].replaced, "quantity {quantity}: {:?}", bench.statuses(bad));
    }
}

/// `L074` says to take the needless row out and drop the file again.
#[test]
fn a_needless_repair_that_was_taken_out_is_asked_about_no_more() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    let rows = [(2, "k8", 2), (3, "k9", 2)].map(|line| names(&mut bench, (asked, 0), line));
    let both = bench.drop_rows("c.csv", "c", &rows, true, Accept::GoodRows);
    assert_eq!(bench.codes(both), ["L074", "L074"]);
    let one = drop_naming(&mut bench, "d.csv", (asked, 0), (2, "k8", 2));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(one), [Accepted]);
    assert!(bench.rows(both)[1].replaced, "nobody is to do anything about it");
}

/// Two rows of one key that a person let go; the first was refused and repaired, and both are in the nightly export.
#[test]
fn of_two_rows_of_one_key_that_were_let_go_both_are_known_though_one_was_repaired() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
    assert_eq!(let_go(&mut bench, &What::File("b.csv".into())), 2);
    let open = bench.claim().unwrap();
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0), accepted(1)], remote: None });
    let repaired = drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k0", 5));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(repaired), [Accepted]);
    let nightly = bench.drop_file("z.csv", &[(3, "k0", 2)]);
    assert_eq!(bench.statuses(nightly), [Duplicate], "{:?}", bench.codes(nightly));
}

/// What a person said of both of two repairs of a row is known where the same content comes again.
#[test]
fn what_was_said_of_two_rows_of_one_file_is_known_when_its_content_comes_again() {
    for keys in [["k2", "k4"], ["k2", "k2"]] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
        bench.send_all(&refused);
        let rows = [(2, keys[0], 1), (3, keys[1], 2)].map(|line| names(&mut bench, (first, 0), line));
        bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
        assert_eq!(let_go(&mut bench, &What::File("b.csv".into())), 2);
        assert_eq!(bench.claim_all(), 2);
        let again = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
        assert_eq!(bench.statuses(again), [Duplicate, Duplicate], "{keys:?}: {:?}", bench.codes(again));
    }
}

/// Two rows that name one that is under way; it is refused. Both reports say that neither was sent.
#[test]
fn of_two_rows_that_wait_for_the_row_they_repair_neither_goes_unasked() {
    for keys in [["k2", "k4"], ["k2", "k2"], ["k7", "k7"]] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
        let open = bench.claim().unwrap();
        let rows = [(2, keys[0], 1), (3, keys[1], 2)].map(|line| names(&mut bench, (first, 0), line));
        let twins = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
        let before = bench.codes(twins);
        bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
        let went = bench.claim_all();
        assert_eq!(went, 0, "{keys:?}: {before:?}, then {:?}", bench.codes(twins));
    }
}

/// Who says `double=send` to L011 about a row is not asked about that very row again (L073).
#[test]
fn nobody_is_asked_twice_about_one_row() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    bench.send_all(&refused);
    let rows = [(2, "k2", 1), (3, "k4", 2)].map(|line| names(&mut bench, (first, 0), line));
    let twins = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    let line = names(&mut bench, (twins, 1), (2, "k2", 3));
    let (repair, now) = bench.stage_only("c.csv", &[line]);
    let_go(&mut bench, &What::Row("b.csv".into(), 2));
    bench.send_all(&accepted);
    bench.ledger.accept(repair, &serde_json::json!({}), &[], now).unwrap();
    let asked = bench.rows(repair)[0].issues[0].clone();
    let moved = let_go(&mut bench, &What::Row("c.csv".into(), 2));
    let then = bench.rows(repair)[0].issues[0].clone();
    assert_eq!(moved, 1, "first {} {:?}, then {} {:?}", asked.code, asked.args, then.code, then.args);
}

/// The two of one key that a person let go in the other order: the nightly export asks about the first one.
#[test]
fn of_two_rows_of_one_key_that_were_let_go_in_either_order_both_are_known() {
    for order in [[2, 3], [3, 2]] {
        let mut bench = Bench::new();
        bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
        for row in order {
            let_go(&mut bench, &What::Row("b.csv".into(), row));
        }
        bench.send_all(&accepted);
        for line in [(2, "k0", 1), (3, "k0", 2)] {
            let nightly = bench.drop_file(&format!("z{}.csv", line.0), &[line]);
            assert_eq!(bench.statuses(nightly), [Duplicate], "{order:?} {line:?} {:?}", bench.codes(nightly));
        }
    }
}

/// `double=send` for each of two rows of one key: the first is refused in one batch, the second goes in the next.
#[test]
fn a_row_that_a_person_called_a_movement_of_its_own_is_repaired_unasked_in_whatever_batches_they_went() {
    for together in [true, false] {
        let mut bench = Bench::new();
        let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
        assert_eq!(let_go(&mut bench, &What::File("b.csv".into())), 2);
        let now = bench.now();
        let used = if together { 2 } else { 1 };
        let build = move |_: &[crate::ledger::ClaimItem]| Built { used, body: b"body".to_vec() };
        let open = bench.ledger.claim(&want(now), Box::new(build)).unwrap().unwrap();
        let outcomes = [refused(0), accepted(1)][..used].to_vec();
        bench.settle(&open, &BatchVerdict::Settled { outcomes, remote: None });
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(twins), [Refused, Accepted]);
        let repaired = drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k0", 5));
        bench.send_all(&accepted);
        assert_eq!(
            bench.statuses(repaired),
            [Accepted],
            "together: {together} {:?}",
            bench.rows(repaired)[0].issues
        );
    }
}

impl Bench {
    /// Sends all that is ready, each is accepted; tells how many went.
    fn claim_all(&mut self) -> usize {
        let mut went = 0;
        while let Some(open) = self.claim() {
            went += open.items.len();
            let outcomes = (0..open.items.len()).map(accepted).collect();
            self.settle(&open, &BatchVerdict::Settled { outcomes, remote: Some("9".into()) });
        }
        went
    }
}

/// A person says that a row is not to be reported.
fn drop_it(bench: &mut Bench, what: &What) {
    let now = bench.now();
    assert_eq!(bench.ledger.release(what, Some(Double::Drop), &by(), now).unwrap().moved.len(), 1);
}

#[test]
fn a_change_is_not_taken_for_a_row_of_another_key_that_was_let_go() {
    let mut bench = Bench::new();
    let b = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2)]);
    drop_naming(&mut bench, "c.csv", (b, 0), (2, "k9", 1));
    bench.send_all(&accepted);
    let_go(&mut bench, &What::Row("b.csv".into(), 3));
    bench.send_all(&accepted);
    let n = bench.drop_file("n.csv", &[(2, "k9", 2)]);
    assert_eq!(bench.codes(n), ["L011"]);
}

#[test]
fn of_equal_rows_without_a_key_each_is_asked_about_once() {
    let mut bench = Bench::new();
    bench.drop_weak("a.csv", &[(2, "w")]);
    bench.send_all(&accepted);
    for (name, row) in [("b.csv", 3), ("c.csv", 4), ("d.csv", 5)] {
        let file = bench.drop_weak(name, &[(row, "w")]);
        assert_eq!(bench.codes(file), ["L012"]);
        let_go(&mut bench, &What::File(name.into()));
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(file), [Accepted], "{name}");
    }
}

#[test]
fn a_repair_of_before_the_first_day_goes_once_the_mapping_is_mended() {
    let mut bench = Bench::new();
    let bad = bench.drop_file("b.csv", &[(2, "k5", 0)]);
    let mut row = names(&mut bench, (bad, 0), (2, "k5", 1));
    row.record.as_mut().unwrap().own = Own::BeforeStart;
    bench.drop_rows("c.csv", "c", std::slice::from_ref(&row), true, Accept::GoodRows);
    row.record.as_mut().unwrap().own = Own::Ready;
    let mended = bench.drop_rows("c.csv", "c", &[row], true, Accept::GoodRows);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(mended), [Accepted]);
}

#[test]
fn what_is_put_right_to_what_is_accepted_then_is_asked_about_no_more() {
    for in_time in [true, false] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k5", 1)]);
        let open = bench.claim().unwrap();
        let ok = BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None };
        if in_time {
            bench.settle(&open, &ok);
        }
        let bad = bench.drop_file("b.csv", &[(2, "k5", 0)]);
        let good = drop_naming(&mut bench, "c.csv", (bad, 0), (2, "k5", 1));
        if !in_time {
            bench.settle(&open, &ok);
        }
        assert_eq!(bench.statuses(good), [Duplicate]);
        assert!(bench.rows(bad)[0].replaced, "in time {in_time} {:?}", bench.statuses(bad));
    }
}

#[test]
fn what_is_answered_by_a_number_that_repeats_another_goes_no_more() {
    for in_time in [true, false] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k5", 1)]);
        bench.send_all(&accepted);
        let b = bench.drop_file("b.csv", &[(2, "k5", 2)]);
        bench.drop_file("q.csv", &[(2, "k9", 2)]);
        let open = bench.claim().unwrap();
        let ok = BatchVerdict::Settled { outcomes: vec![accepted(0)], remote: None };
        if in_time {
            bench.settle(&open, &ok);
        }
        let c = drop_naming(&mut bench, "c.csv", (b, 0), (2, "k9", 2));
        if !in_time {
            bench.settle(&open, &ok);
        }
        assert_eq!(bench.statuses(c), [Duplicate]);
        let_go(&mut bench, &What::Row("b.csv".into(), 2));
        let went = bench.claim_all();
        assert_eq!(went, 0, "in time {in_time}: b.csv:2 is what q.csv reported");
    }
}

#[test]
fn a_change_that_was_put_right_is_asked_about_when_it_comes_again() {
    for nights in [1, 2] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k5", 1)]);
        bench.send_all(&accepted);
        let mut last = 0;
        for night in 0..nights {
            last = bench.drop_file(&format!("n{night}.csv"), &[(2, "k5", 2), (3, &format!("x{night}"), 1)]);
        }
        drop_naming(&mut bench, "c.csv", (last, 0), (2, "k5", 1));
        let n = bench.drop_file("z.csv", &[(2, "k5", 2), (3, "y", 1)]);
        assert_eq!(bench.codes(n)[0], "L011", "nights {nights} {:?}", bench.statuses(n));
    }
}

#[test]
fn what_was_said_of_two_repairs_is_known_however_often_their_content_comes() {
    for keys in [["k2", "k4"], ["k2", "k2"]] {
        let mut bench = Bench::new();
        let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
        bench.send_all(&refused);
        let rows = [(2, keys[0], 1), (3, keys[1], 2)].map(|line| names(&mut bench, (first, 0), line));
        bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
        assert_eq!(let_go(&mut bench, &What::File("b.csv".into())), 2);
        assert_eq!(bench.claim_all(), 2);
        for time in 0..3 {
            let again = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
            assert_eq!(
                bench.statuses(again),
                [Duplicate, Duplicate],
                "{time} {keys:?}: {:?}",
                bench.codes(again)
            );
        }
    }
}

#[test]
fn an_answer_that_waits_is_known_however_often_it_comes() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let b = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    bench.drop_file("q.csv", &[(2, "k9", 9)]);
    let open = bench.claim().unwrap();
    let row = names(&mut bench, (b, 0), (2, "k9", 2));
    let mut files = Vec::new();
    for _ in 0..3 {
        files.push(bench.drop_rows("c.csv", "c", std::slice::from_ref(&row), true, Accept::GoodRows));
    }
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    let went = bench.claim_all();
    assert_eq!(went, 1);
    assert_eq!(bench.statuses(files[2]), [Duplicate]);
}

#[test]
fn what_was_dropped_stays_so_in_the_export_though_a_row_named_it() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let b = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    drop_it(&mut bench, &What::Row("b.csv".into(), 2));
    drop_naming(&mut bench, "c.csv", (b, 0), (2, "k9", 2));
    let n = bench.drop_file("n.csv", &[(2, "k5", 2), (3, "k6", 6)]);
    assert_eq!(bench.statuses(n)[0], Ignored);
}

#[test]
fn a_newer_change_is_not_what_was_answered_for_the_older_one() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let n1 = bench.drop_file("n1.csv", &[(2, "k5", 2), (3, "x1", 1)]);
    bench.drop_file("n2.csv", &[(2, "k5", 3), (3, "x2", 1)]);
    drop_naming(&mut bench, "c.csv", (n1, 0), (2, "k9", 2));
    bench.send_all(&accepted);
    let n3 = bench.drop_file("n3.csv", &[(2, "k5", 3), (3, "x3", 1)]);
    assert_eq!(bench.codes(n3)[0], "L011");
}

#[test]
fn a_key_of_a_repaired_row_is_not_forgotten_where_its_repair_got_another_number() {
    for typo in [false, true] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k5", 1)]);
        bench.send_all(&accepted);
        let first = bench.drop_file("z.csv", &[(2, "k7", 2)]);
        bench.send_all(&refused);
        let named = if typo { drop_naming(&mut bench, "b.csv", (first, 0), (2, "k5", 2)) } else { first };
        drop_naming(&mut bench, "c.csv", (named, 0), (2, "k9", 2));
        bench.send_all(&accepted);
        bench.drop_file("n.csv", &[(2, "k7", 2), (3, "k6", 6)]);
        assert_eq!(bench.claim_all(), 1, "mistyped before: {typo}");
    }
}

#[test]
fn a_key_of_a_row_that_twins_repair_is_not_forgotten_where_one_got_its_own_number() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    bench.send_all(&refused);
    let rows = [(2, "k7", 1), (3, "k7", 2)].map(|line| names(&mut bench, (first, 0), line));
    let twins = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
    bench.send_all(&accepted);
    bench.drop_file("n.csv", &[(2, "k2", 1), (3, "k6", 6)]);
    assert_eq!(bench.claim_all(), 1);
}

#[test]
fn of_two_rows_of_one_key_the_one_with_a_number_of_its_own_is_known_the_next_night() {
    for numbered in [0_usize, 1] {
        let mut bench = Bench::new();
        let lines = [(2, "k0", 1), (3, "k0", 2)];
        let twins = bench.drop_file("b.csv", &lines);
        drop_naming(&mut bench, "c.csv", (twins, numbered), (2, "k9", lines[numbered].2));
        bench.send_all(&accepted);
        bench.drop_file("z.csv", &[lines[0], lines[1], (4, "k7", 7)]);
        let_go(&mut bench, &What::File("z.csv".into()));
        assert_eq!(bench.claim_all(), 2, "{numbered}");
    }
}

#[test]
fn a_change_answered_by_a_number_is_known_the_next_night() {
    for waits in [false, true] {
        let mut bench = Bench::new();
        bench.drop_file("a.csv", &[(2, "k5", 1)]);
        bench.send_all(&accepted);
        let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
        bench.drop_file("q.csv", &[(2, "k9", 9)]);
        let open = bench.claim().unwrap();
        let refusal = BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None };
        if !waits {
            bench.settle(&open, &refusal);
        }
        drop_naming(&mut bench, "c.csv", (asked, 0), (2, "k9", 2));
        let nightly = bench.drop_file("n.csv", &[(2, "k5", 2), (3, "k6", 6)]);
        if waits {
            bench.settle(&open, &refusal);
        }
        bench.send_all(&accepted);
        let_go(&mut bench, &What::Row("n.csv".into(), 2));
        assert_eq!((bench.claim_all(), bench.statuses(nightly)[1]), (0, Accepted), "waits: {waits}");
    }
}

#[test]
fn a_row_under_way_that_is_refused_is_replaced_by_the_repairs_that_waited() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    let open = bench.claim().unwrap();
    let rows = [(2, "k3", 1), (3, "k4", 1)].map(|line| names(&mut bench, (first, 0), line));
    bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    assert!(bench.rows(first)[0].replaced);
    let third = drop_naming(&mut bench, "c.csv", (first, 0), (2, "k2", 1));
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(third), [Accepted]);
    let_go(&mut bench, &What::File("b.csv".into()));
    assert!(bench.claim().is_none(), "both are replaced by the third");
}

#[test]
fn of_two_equal_rows_of_one_key_only_one_is_known_by_the_number_that_one_got() {
    let mut bench = Bench::new();
    let lines = [(2, "k0", 1), (3, "k0", 1)];
    let twins = bench.drop_file("b.csv", &lines);
    drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k9", 1));
    bench.send_all(&accepted);
    let nightly = bench.drop_file("z.csv", &[lines[0], lines[1], (4, "k7", 7)]);
    bench.send_all(&accepted);
    assert_eq!(bench.statuses(nightly), [Duplicate, Accepted, Accepted]);
}

#[test]
fn of_three_rows_of_one_key_the_last_keeps_it_where_the_others_got_numbers_of_their_own() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 1), (4, "k0", 1)]);
    assert_eq!(bench.codes(twins), ["L013", "L013", "L013"]);
    for (name, at, line) in
        [("c.csv", 0, (2, "k8", 1)), ("d.csv", 1, (2, "k9", 1)), ("e.csv", 2, (2, "k0", 1))]
    {
        let file = drop_naming(&mut bench, name, (twins, at), line);
        bench.send_all(&accepted);
        assert_eq!(bench.statuses(file), [Accepted], "{name}");
    }
}

#[test]
fn of_three_rows_of_one_key_a_refused_one_with_a_number_of_its_own_is_still_to_be_repaired() {
    let mut bench = Bench::new();
    let twins = bench.drop_file("b.csv", &[(2, "k0", 1), (3, "k0", 2), (4, "k0", 3)]);
    drop_naming(&mut bench, "c.csv", (twins, 0), (2, "k8", 1));
    bench.send_all(&accepted);
    let second = drop_naming(&mut bench, "d.csv", (twins, 1), (2, "k9", 2));
    bench.send_all(&refused);
    bench.drop_file("n.csv", &[(2, "k0", 3), (3, "k6", 6)]);
    bench.send_all(&accepted);
    let row = &bench.rows(second)[0];
    assert_eq!((row.status, row.replaced), (Refused, false));
}

/// Seed 58000143994 of the simulation.
#[test]
fn rows_before_the_first_day_are_no_key_twice() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k0", 0)]);
    let mut rows = [names(&mut bench, (first, 0), (2, "k0", 1)), names(&mut bench, (first, 0), (3, "k0", 1))];
    for row in &mut rows {
        row.record.as_mut().unwrap().own = Own::BeforeStart;
    }
    let file = bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    assert_eq!(bench.statuses(file), [Ignored, Ignored]);
}

#[test]
fn nothing_goes_beside_its_own_key_whatever_that_looks_like() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k2", 1)]);
    bench.send_all(&refused);
    let rows = [(2, "k2", 1), (3, "2026#4", 1)].map(|line| names(&mut bench, (first, 0), line));
    bench.drop_rows("b.csv", "b", &rows, true, Accept::GoodRows);
    bench.drop_file("q.csv", &[(2, "2026#4", 1)]);
    bench.send_all(&accepted);
    let_go(&mut bench, &What::Row("b.csv".into(), 3));
    assert!(bench.claim().is_none());
}

#[test]
fn of_two_proposals_for_one_row_under_different_numbers_the_newer_one_stands() {
    let mut bench = Bench::new();
    let first = bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    drop_naming(&mut bench, "b.csv", (first, 0), (2, "k4", 2));
    drop_naming(&mut bench, "d.csv", (first, 0), (2, "k6", 2));
    let_go(&mut bench, &What::Row("d.csv".into(), 2));
    let one = bench.claim_all();
    let_go(&mut bench, &What::Row("b.csv".into(), 2));
    assert_eq!(one + bench.claim_all(), 1);
}

#[test]
fn an_answer_that_waited_is_known_the_next_night() {
    let mut bench = Bench::new();
    bench.drop_file("a.csv", &[(2, "k5", 1)]);
    bench.send_all(&accepted);
    let asked = bench.drop_file("b.csv", &[(2, "k5", 2)]);
    bench.drop_file("q.csv", &[(2, "k9", 9)]);
    let open = bench.claim().unwrap();
    drop_naming(&mut bench, "c.csv", (asked, 0), (2, "k9", 2));
    bench.settle(&open, &BatchVerdict::Settled { outcomes: vec![refused(0)], remote: None });
    bench.send_all(&accepted);
    let nightly = bench.drop_file("n.csv", &[(2, "k5", 2), (3, "k6", 6)]);
    assert_eq!(bench.statuses(nightly)[0], Duplicate);
}
