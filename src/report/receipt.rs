//! `rxdrop-receipt/1`: what became of a file, for programs.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Europe::Sofia;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::messages::Speaker;
use super::totals::{Tally, Totals};
use super::{Error, Story};
use crate::ledger::{BatchView, FileState, FileView, StoredIssue, keeps_waiting, lacks_rows};
use crate::model::{Environment, Severity, Who};

/// The name and version of this form.
const SCHEMA: &str = "rxdrop-receipt/1";

/// Everything about one file. All times are RFC 3339 with the offset of Sofia.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Receipt {
    /// `rxdrop-receipt/1`.
    pub schema: &'static str,
    /// The input's name.
    pub file: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// When it was taken.
    pub received_at: String,
    /// When everything was found settled; null while a row can still change by itself.
    pub finished_at: Option<String>,
    /// The file as a whole.
    pub state: State,
    /// Configuration section its rows go to; `;` between several.
    pub destination: Option<String>,
    /// Environment of that section.
    pub environment: Option<Environment>,
    /// The mapping it was read with.
    pub mapping: Option<MappingNote>,
    /// How it was read.
    pub reading: Option<Reading>,
    /// Issues of the file as a whole.
    pub issues: Vec<IssueNote>,
    /// Data rows read: the sum of the totals.
    pub rows: u64,
    /// Data rows by status.
    pub totals: Totals,
    /// Requests its rows went in.
    pub batches: Vec<BatchNote>,
    /// The reports that are current.
    pub reports: Vec<ReportNote>,
    /// The former file of this name whose place it takes.
    pub supersedes: Option<SupersededNote>,
    /// What has to be done.
    pub todo: Vec<TodoNote>,
    /// By how many seconds this machine's clock ran ahead of the system's at the newest answer about its rows;
    /// there only where they were more than five minutes apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ahead_s: Option<i64>,
    /// Hash of the ledger's newest event.
    pub ledger_head: String,
}

/// The file as a whole: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The file can't be read.
    Unreadable,
    /// Of a row it is not known whether it was accepted.
    Unknown,
    /// A row goes on by itself.
    Pending,
    /// A row or the whole file waits for a person.
    Held,
    /// Rows are refused, and none is accepted, duplicate or ignored.
    Refused,
    /// Some rows are refused.
    Partly,
    /// Nobody has to do anything.
    Done,
}

impl State {
    /// The first that holds for a file with these rows.
    pub fn of(file: FileState, totals: &Totals) -> Self {
        let settled = totals.accepted + totals.duplicate + totals.ignored;
        if file == FileState::Unreadable {
            Self::Unreadable
        } else if totals.unknown > 0 {
            Self::Unknown
        } else if totals.waiting > 0 || goes_on(file) {
            Self::Pending
        } else if totals.held > 0 || file == FileState::Held {
            Self::Held
        } else if totals.refused == 0 {
            Self::Done
        } else if settled == 0 {
            Self::Refused
        } else {
            Self::Partly
        }
    }
}

/// A list may wait for a person though none of its own rows does.
fn state(file: &FileView, totals: &Totals) -> State {
    match State::of(file.state, totals) {
        State::Done if file.issues.iter().any(keeps_waiting) => State::Held,
        state => state,
    }
}

/// Whether a file as a whole goes on by itself.
fn goes_on(file: FileState) -> bool {
    matches!(file, FileState::Received | FileState::Staging)
}

/// A mapping by name, version and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MappingNote {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// SHA-256 over the mapping and its lookups, lower-case hex.
    pub sha256: String,
}

/// How a file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reading {
    /// `csv`, `xlsx` …
    pub format: String,
    /// Encoding of a text file, for example `windows-1251`.
    pub encoding: Option<String>,
    /// Delimiter of a text file.
    pub delimiter: Option<String>,
    /// Sheet of a workbook.
    pub sheet: Option<String>,
    /// Row of the header as Excel counts; 0 without one.
    pub header_row: Option<u32>,
    /// How many rows are no data, by reason: `title`, `blank`, `total`, `separator`.
    pub left_out: BTreeMap<String, u64>,
    /// What a person should know about how it was read, in the language of the drop folder.
    pub notes: Vec<String>,
}

/// What is told of a reading, as the ledger keeps it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    format: String,
    encoding: Option<String>,
    delimiter: Option<String>,
    sheet: Option<String>,
    header_row: Option<u32>,
    left_out_count: BTreeMap<String, u64>,
    notes: Vec<FoundNote>,
}

#[derive(Deserialize)]
struct FoundNote {
    #[serde(default)]
    row: Option<u32>,
    #[serde(flatten)]
    issue: StoredIssue,
}

impl Reading {
    /// How a file was read, in words; none for a file that was not, or by a version that kept it otherwise.
    pub fn of(file: &FileView, speaker: &Speaker<'_>) -> Option<Self> {
        let found =
            Found::deserialize(file.reading.as_ref()?).ok().filter(|found| !found.format.is_empty())?;
        let note = |note: FoundNote| {
            let mut text = String::new();
            speaker.issue_of(note.row, &note.issue, &mut text);
            text
        };
        Some(Self {
            format: found.format,
            encoding: found.encoding,
            delimiter: found.delimiter,
            sheet: found.sheet,
            header_row: found.header_row,
            left_out: found.left_out_count.into_iter().filter(|(_, rows)| *rows > 0).collect(),
            notes: found.notes.into_iter().map(note).collect(),
        })
    }
}

/// An issue of the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IssueNote {
    /// The stable code.
    pub code: String,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// In words, in the language of the drop folder.
    pub message: String,
    /// `user`, `integrator`, `administrator` or `nobody`.
    pub who: &'static str,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BatchNote {
    /// Ours, as in `rx_batch`.
    pub id: i64,
    /// The system's batch number.
    pub remote: Option<String>,
    /// Rows in it, of any file.
    pub rows: u32,
    /// `sending`, `retry`, `pending`, `unknown` or `settled`.
    pub state: String,
    /// First byte of the last attempt.
    pub sent_at: Option<String>,
    /// Last byte of its answer.
    pub answered_at: Option<String>,
}

/// A report that is current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportNote {
    /// Its name, beside the input.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// The former file of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SupersededNote {
    /// Its name.
    pub file: String,
    /// When it was taken.
    pub received_at: String,
}

/// What one person has to do for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TodoNote {
    /// `user`, `integrator` or `administrator`.
    pub who: &'static str,
    /// The stable code, or the system's behind its name.
    pub code: String,
    /// How many rows; all of them where it is about the whole file; of a list, also those of other files that it lacks.
    pub rows: u64,
    /// The earliest last day among them.
    #[schemars(with = "Option<String>")]
    pub until: Option<NaiveDate>,
}

impl Receipt {
    /// The receipt of a file, still without its reports.
    pub fn new(story: &Story<'_>, speaker: &Speaker<'_>) -> Self {
        let Story { file, reading, tally, now } = *story;
        Self {
            schema: SCHEMA,
            file: file.name.clone(),
            sha256: file.sha256.clone(),
            received_at: stamp(file.received_at),
            finished_at: (!tally.moving && !goes_on(file.state)).then(|| stamp(now)),
            state: state(file, &tally.totals),
            destination: (!file.destinations.is_empty()).then(|| file.destinations.join(";")),
            environment: file.environment,
            mapping: file.mapping.as_ref().map(|mapping| MappingNote {
                name: mapping.name.clone(),
                version: mapping.version,
                sha256: mapping.sha256.clone(),
            }),
            reading: reading.cloned(),
            issues: file.issues.iter().map(|issue| issue_note(issue, speaker)).collect(),
            rows: tally.totals.rows(),
            totals: tally.totals,
            batches: file.batches.iter().map(batch_note).collect(),
            reports: Vec::new(),
            supersedes: file
                .supersedes
                .as_ref()
                .map(|(name, taken)| SupersededNote { file: name.clone(), received_at: stamp(*taken) }),
            todo: todo(file, tally, speaker),
            clock_ahead_s: file.clock.as_ref().filter(|skew| skew.is_told()).map(|skew| skew.ahead_s),
            ledger_head: file.ledger_head.clone(),
        }
    }

    /// Its bytes: UTF-8, one indented document.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The JSON Schema of a receipt.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Receipt).to_value()
}

/// RFC 3339 with the offset of Sofia, whole seconds.
fn stamp(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&Sofia).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The word for a person in receipts and everything else that programs read.
pub fn who_key(who: Who) -> &'static str {
    match who {
        Who::User => "user",
        Who::Integrator => "integrator",
        Who::Administrator => "administrator",
        Who::Nobody => "nobody",
    }
}

fn issue_note(issue: &StoredIssue, speaker: &Speaker<'_>) -> IssueNote {
    let info = speaker.catalogue.get(&issue.code);
    let mut message = String::new();
    speaker.issue(issue, &mut message);
    let warns = info.is_some_and(|info| info.severity() == Severity::Warning);
    IssueNote {
        code: issue.code.clone(),
        severity: if warns { "warning" } else { "error" },
        column: issue.column.clone(),
        message,
        who: who_key(info.map_or(Who::Administrator, |info| info.who)),
    }
}

fn batch_note(batch: &BatchView) -> BatchNote {
    BatchNote {
        id: batch.id,
        remote: batch.remote.clone(),
        rows: batch.rows,
        state: batch.state.clone(),
        sent_at: batch.sent_at.map(stamp),
        answered_at: batch.answered_at.map(stamp),
    }
}

/// What has to be done: about the whole file first, then about rows.
fn todo(file: &FileView, tally: &Tally, speaker: &Speaker<'_>) -> Vec<TodoNote> {
    let waits = matches!(file.state, FileState::Held | FileState::Unreadable | FileState::Received);
    let whole = file.issues.iter().filter_map(|issue| {
        // What a list lacks are rows of other files.
        let lacking = lacks_rows(issue).then(|| issue.args.first()?.parse().ok()).flatten();
        let rows = lacking.or_else(|| waits.then(|| tally.totals.rows()))?;
        let info = speaker.catalogue.get(&issue.code)?;
        (info.severity() == Severity::Error && info.who != Who::Nobody).then(|| TodoNote {
            who: who_key(info.who),
            code: info.code.to_owned(),
            rows,
            until: None,
        })
    });
    let rows = tally.todo.iter().map(|((who, code), burden)| TodoNote {
        who: who_key(*who),
        code: code.clone(),
        rows: burden.rows,
        until: burden.until,
    });
    whole.chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::messages::Catalogue;
    use super::super::samples::{catalogue, file, issue, noon, view};
    use super::*;
    use crate::ledger::MappingRef;
    use crate::ledger::Skew;
    use crate::model::{Lang, Status, SystemError};

    fn receipt(file: &FileView, tally: &Tally, catalogue: &Catalogue) -> Receipt {
        let speaker = Speaker { catalogue, lang: Lang::En, trial: true, system: "sespa" };
        let reading = Reading::of(file, &speaker);
        Receipt::new(&Story { file, reading: reading.as_ref(), tally, now: noon() }, &speaker)
    }

    fn counted(views: &[crate::ledger::RowView]) -> Tally {
        let (catalogue, mut tally) = (catalogue(), Tally::default());
        for view in views {
            tally.count(view, &catalogue, "sespa");
        }
        tally
    }

    #[test]
    fn the_state_is_the_first_that_holds() {
        use Status::{Accepted, Duplicate, Held, Ignored, Refused, Reversed, Unknown, Waiting};
        let of = |statuses: &[Status]| {
            let mut totals = Totals::default();
            for status in statuses {
                totals.add(*status);
            }
            State::of(FileState::Taken, &totals)
        };
        assert_eq!(of(&[Unknown, Waiting, Held, Refused, Accepted]), State::Unknown);
        assert_eq!(of(&[Waiting, Held, Refused, Accepted]), State::Pending);
        assert_eq!(of(&[Held, Refused, Accepted]), State::Held);
        assert_eq!(of(&[Refused, Reversed]), State::Refused);
        for settled in [Accepted, Duplicate, Ignored] {
            assert_eq!(of(&[Refused, settled]), State::Partly);
        }
        assert_eq!(of(&[Accepted, Duplicate, Reversed, Ignored]), State::Done);
        assert_eq!(of(&[]), State::Done);
        assert_eq!(State::of(FileState::Unreadable, &Totals::default()), State::Unreadable);
        assert_eq!(State::of(FileState::Held, &Totals::default()), State::Held);
        assert_eq!(State::of(FileState::Received, &Totals::default()), State::Pending);
    }

    #[test]
    fn a_receipt_byte_for_byte() {
        let mut refused = view(2, Status::Refused);
        refused.issues = vec![issue("V900", Some("Дата"), &["x"]), issue("V900", Some("Час"), &["y"])];
        refused.until = NaiveDate::from_ymd_opt(2026, 12, 1);
        let mut told = view(3, Status::Refused);
        told.issues = vec![issue("V900", None, &["z"])];
        told.system_errors = vec![SystemError { code: "E17".to_owned(), message: "no".to_owned() }];
        told.until = NaiveDate::from_ymd_opt(2026, 11, 29);
        let tally = counted(&[refused, told, view(4, Status::Accepted)]);
        let mut file = file("доставки.csv");
        file.mapping = Some(MappingRef { name: "acme".to_owned(), version: 2, sha256: "ef".to_owned() });
        file.issues = vec![issue("W900", Some("Кол."), &[])];
        file.supersedes = Some(("доставки.csv".to_owned(), noon()));
        file.batches = vec![BatchView {
            id: 5,
            remote: Some("81".to_owned()),
            rows: 2,
            state: "settled".to_owned(),
            sent_at: Some(noon()),
            answered_at: None,
        }];
        file.reading = Some(serde_json::json!({
            "format": "csv", "encoding": "windows-1251", "byte_order_mark": false, "delimiter": ";",
            "quote": null, "sheet": null, "header_row": 3, "left_out": [{"row": 9, "why": "total"}],
            "left_out_count": {"title": 0, "blank": 0, "total": 1, "separator": 0},
            "notes": [{"code": "W900", "row": 5, "column": "Кол.", "args": []}],
        }));
        let mut receipt = receipt(&file, &tally, &catalogue());
        receipt.reports =
            vec![ReportNote { name: "доставки.csv.result.csv".to_owned(), sha256: "aa".to_owned() }];
        let text = String::from_utf8(receipt.bytes().unwrap()).unwrap();
        assert_eq!(text, include_str!("receipt.golden.json"));
    }

    #[test]
    fn nothing_is_finished_while_a_row_goes_on_by_itself() {
        let finished = |views: &[crate::ledger::RowView]| {
            let tally = counted(views);
            receipt(&file("a.csv"), &tally, &catalogue()).finished_at
        };
        assert_eq!(finished(&[view(2, Status::Held)]).as_deref(), Some("2026-11-21T14:03:05+02:00"));
        assert_eq!(finished(&[view(2, Status::Waiting)]), None);
        let mut asked = view(2, Status::Unknown);
        assert!(finished(&[asked.clone()]).is_some(), "a person decides");
        asked.issues = vec![issue("L900", None, &[])];
        assert_eq!(finished(&[asked]), None);
    }

    #[test]
    fn a_file_that_waits_as_a_whole_says_for_whom() {
        let mut file = file("a.csv");
        file.state = FileState::Held;
        file.issues = vec![issue("M900", None, &["a"]), issue("W900", None, &[]), issue("L900", None, &[])];
        let receipt = receipt(&file, &Tally::default(), &catalogue());
        assert_eq!(receipt.todo.iter().map(|todo| todo.code.as_str()).collect::<Vec<_>>(), ["M900"]);
        assert_eq!((receipt.state, receipt.reading), (State::Held, None));
    }

    #[test]
    fn its_form_is_described() {
        let schema = json_schema();
        let described = schema["properties"].as_object().unwrap();
        let (mut file, tally) = (file("a.csv"), Tally::default());
        file.clock = Some(Skew { section: "sespa".to_owned(), ahead_s: -301, at: file.received_at });
        let receipt = receipt(&file, &tally, &catalogue());
        assert_eq!(receipt.clock_ahead_s, Some(-301));
        let written = serde_json::to_value(receipt).unwrap();
        for key in written.as_object().unwrap().keys() {
            assert!(described.contains_key(key), "{key}");
        }
        assert_eq!(described.len(), written.as_object().unwrap().len());
    }

    proptest! {
        #[test]
        fn the_totals_are_the_rows(statuses in proptest::collection::vec(0usize..8, 0..60)) {
            let views: Vec<_> = (2..).zip(&statuses).map(|(row, at)| view(row, Status::ALL[*at])).collect();
            let receipt = receipt(&file("a"), &counted(&views), &catalogue());
            prop_assert_eq!(receipt.rows, statuses.len() as u64);
            for status in Status::ALL {
                let wanted = views.iter().filter(|view| view.status == status).count() as u64;
                prop_assert_eq!(receipt.totals.of(status), wanted);
            }
        }
    }
}
