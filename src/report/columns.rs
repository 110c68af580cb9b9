//! The columns a report adds to the user's, and which of the user's it keeps.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Europe::Sofia;

use super::messages::Speaker;
use crate::ledger::RowView;
use crate::ledger::codes::{PENDING, WAITING};
use crate::model::Status;
use crate::table::Header;

/// Added columns for people.
pub const PEOPLE: [&str; 5] = ["rx_status_text", "rx_message", "rx_until", "rx_id", "rx_sent"];
/// Added columns for programs.
pub const PROGRAMS: [&str; 6] = ["rx_row", "rx_status", "rx_number", "rx_batch", "rx_codes", "rx_ref"];

/// Whether a column is one that reports add; such columns of an input are left out.
pub fn is_ours(header: &str) -> bool {
    header.trim_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("rx_"))
}

/// Which cells of a row stand where.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The user's columns that are kept, in their order.
    pub kept: Vec<Header>,
    /// Number of columns the header has; cells behind are surplus.
    pub width: usize,
}

impl Frame {
    /// The frame of a file with these headers.
    pub fn new(headers: &[Header]) -> Self {
        let width = headers.iter().map(|header| header.index + 1).max().unwrap_or(0);
        let kept = headers.iter().filter(|header| !is_ours(&header.name)).cloned().collect();
        Self { kept, width }
    }
}

/// What the added columns say about one row. Reused from row to row.
#[derive(Debug, Default, Clone)]
pub struct Added {
    /// Cells in the order of [`PEOPLE`].
    pub people: [String; 5],
    /// Cells in the order of [`PROGRAMS`].
    pub programs: [String; 6],
    /// The last moment written, and how it was; rows of one batch share it.
    last_sent: Option<(DateTime<Utc>, String)>,
}

impl Added {
    /// Says it for a row. With `check` nothing was sent or will be, so a row that would be has no status, and
    /// none has a number of ours, a batch or a reference.
    pub fn tell(&mut self, view: &RowView, speaker: &Speaker<'_>, check: bool) {
        if check {
            let as_checked = as_checked(view);
            self.say(&as_checked, speaker, view.status == Status::Waiting);
        } else {
            self.say(view, speaker, false);
        }
    }

    fn say(&mut self, view: &RowView, speaker: &Speaker<'_>, would_be_sent: bool) {
        let Self { people, programs, last_sent } = self;
        people.iter_mut().chain(programs.iter_mut()).for_each(String::clear);
        let [text, message, until, id, sent] = people;
        let [row, word, number, batch, codes, reference] = programs;
        if would_be_sent {
            speaker.message(&RowView { status: Status::Accepted, ..view.clone() }, message);
        } else {
            speaker.status(view.status, text);
            speaker.message(view, message);
            word.push_str(view.status.word());
        }
        if let Some(day) = view.until.filter(|_| view.status != Status::Duplicate) {
            push_day(day, until);
        }
        let _ = write!(row, "{}", view.row);
        speaker.codes(view, codes);
        reference.push_str(&view.reference);
        id.push_str(view.id.as_deref().unwrap_or_default());
        if let Some(moment) = view.sent_at {
            sent.push_str(sent_text(moment, last_sent));
        }
        number.push_str(view.number.as_deref().unwrap_or_default());
        if let Some(id) = view.batch {
            let _ = write!(batch, "{id}");
        }
    }
}

/// A row's story without what only sending gives it.
fn as_checked(view: &RowView) -> RowView {
    let mut view = view.clone();
    view.issues.retain(|issue| ![WAITING.code, PENDING.code].contains(&issue.code.as_str()));
    view.id.take_if(|_| view.status != Status::Duplicate);
    (view.number, view.batch, view.sent_at) = (None, None, None);
    view.reference.clear();
    view
}

/// A moment as people in Bulgaria read it off a clock: `2026-11-21 14:03:05`.
pub(super) fn local_time(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&Sofia).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn sent_text(moment: DateTime<Utc>, last: &mut Option<(DateTime<Utc>, String)>) -> &str {
    if last.as_ref().is_none_or(|(known, _)| *known != moment) {
        *last = Some((moment, local_time(moment)));
    }
    last.as_ref().map_or("", |(_, text)| text)
}

fn push_day(day: NaiveDate, out: &mut String) {
    let _ = write!(out, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
}

#[cfg(test)]
mod tests {
    use super::super::samples::{catalogue, header, issue, noon, view};
    use super::*;
    use crate::model::Lang;

    #[test]
    fn columns_of_former_reports_are_left_out() {
        let frame = Frame::new(&[header("rx_status_text", 0), header("Дата", 1), header("RX_ref", 2)]);
        assert_eq!(frame.kept, [header("Дата", 1)]);
        assert_eq!(frame.width, 3);
        assert!(!is_ours("рх_тип"));
    }

    #[test]
    fn a_checked_row_that_would_be_sent_has_no_status() {
        let catalogue = catalogue();
        let speaker = Speaker { catalogue: &catalogue, lang: Lang::Bg, trial: true, system: "sespa" };
        let mut added = Added::default();
        added.tell(&view(7, Status::Waiting), &speaker, true);
        assert_eq!(added.people, ["", "", "", "", ""].map(str::to_owned));
        assert_eq!(added.programs[..2], ["7".to_owned(), String::new()]);
        added.tell(&view(8, Status::Refused), &speaker, true);
        assert_eq!(added.programs[..2], ["8".to_owned(), "refused".to_owned()]);
    }

    #[test]
    fn a_check_tells_nothing_that_only_sending_gives() {
        let catalogue = catalogue();
        let speaker = Speaker { catalogue: &catalogue, lang: Lang::Bg, trial: true, system: "sespa" };
        let mut sent = view(7, Status::Waiting);
        sent.issues = vec![issue("L001", None, &[]), issue("W900", None, &[]), issue("L002", None, &[])];
        (sent.id, sent.number, sent.batch) = (Some("72".to_owned()), Some("1001".to_owned()), Some(4));
        (sent.sent_at, sent.reference) = (Some(noon()), "1-7-7".to_owned());
        sent.until = Some(noon().date_naive());
        let mut added = Added::default();
        added.tell(&sent, &speaker, true);
        assert_eq!(added.people, ["", "вижте го (W900)", "2026-11-21", "", ""]);
        assert_eq!(added.programs, ["7", "", "", "", "W900", ""]);
        sent.status = Status::Duplicate;
        added.tell(&sent, &speaker, true);
        assert_eq!(added.people[2..], ["", "72", ""], "nothing is to be sent, and the number is known");
        added.tell(&sent, &speaker, false);
        assert_eq!(added.programs[2..], ["1001", "4", "L001;L002;W900", "1-7-7"]);
    }

    #[test]
    fn the_clock_is_the_one_on_the_wall_in_sofia() {
        let moment = DateTime::from_timestamp(1_779_962_585, 0).unwrap();
        assert_eq!(local_time(moment), "2026-05-28 13:03:05");
    }
}
