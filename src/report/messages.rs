//! What is said about a row, in words: status, message, codes, and the line on a console.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::wording::worded;
use crate::ledger::{RowView, StoredIssue};
use crate::model::{CodeInfo, Issue, Lang, Severity, Status, Who, in_language};

/// Longest argument shown in a message, in characters; a cell can be a whole page.
const ARGUMENT_CHARS: usize = 200;

/// Every code of every room, by its name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    codes: HashMap<&'static str, &'static CodeInfo>,
}

impl Catalogue {
    /// A catalogue of the rooms' lists.
    pub fn new(rooms: &[&[&'static CodeInfo]]) -> Self {
        Self { codes: rooms.iter().flat_map(|room| room.iter()).map(|info| (info.code, *info)).collect() }
    }

    /// What is known about a code.
    pub fn get(&self, code: &str) -> Option<&'static CodeInfo> {
        self.codes.get(code).copied()
    }
}

/// Puts into words what became of rows, for one file.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// Every code.
    pub catalogue: &'a Catalogue,
    /// The reader's language.
    pub lang: Lang,
    /// Whether the rows go to anything but the real system; then every status says so.
    pub trial: bool,
    /// The national system's name, before its error codes.
    pub system: &'a str,
}

impl Speaker<'_> {
    /// Appends `rx_status_text`.
    pub fn status(&self, status: Status, out: &mut String) {
        out.push_str(status_word(status, self.lang));
        if self.trial {
            out.push(' ');
            out.push_str(trial_mark(self.lang));
        }
    }

    /// Appends `rx_message`: every issue, what the system said, and who can end it. Empty only for a row that is
    /// simply accepted.
    pub fn message(&self, view: &RowView, out: &mut String) {
        let start = out.len();
        for issue in worth_telling(view) {
            separate(start, out);
            self.issue(issue, out);
        }
        for error in &view.system_errors {
            separate(start, out);
            out.push_str(&system_code(self.system, &error.code));
            if !error.message.is_empty() {
                out.push_str(": ");
                push_line(&error.message, usize::MAX, out);
            }
        }
        if view.status == Status::Refused && !view.system_errors.is_empty() {
            separate(start, out);
            out.push_str(after_systems_words(self.lang));
        }
        if view.status == Status::Accepted {
            return;
        }
        if out.len() == start {
            out.push_str(plain_story(view, self.lang));
        }
        separate(start, out);
        self.who(view, out);
    }

    /// Appends `rx_codes`: ours, then the system's behind its name; each once.
    pub fn codes(&self, view: &RowView, out: &mut String) {
        let mut seen: Vec<std::borrow::Cow<'_, str>> = Vec::new();
        let ours = worth_telling(view).map(|issue| issue.code.as_str().into());
        let theirs = view.system_errors.iter().map(|error| system_code(self.system, &error.code).into());
        for code in ours.chain(theirs) {
            if seen.contains(&code) {
                continue;
            }
            if !seen.is_empty() {
                out.push(';');
            }
            push_line(&code, usize::MAX, out);
            seen.push(code);
        }
    }

    /// Appends one issue: `Дата: „31.02.2026“ не е дата; пишете дд.мм.гггг (V003)`.
    pub fn issue(&self, issue: &StoredIssue, out: &mut String) {
        if let Some(column) = &issue.column {
            push_line(column, ARGUMENT_CHARS, out);
            out.push_str(": ");
        }
        if let Some(info) = self.catalogue.get(&issue.code) {
            fill(info, self.lang, &issue.args, out);
        } else {
            let args: Vec<_> = issue.args.iter().map(|arg| in_language(arg, self.lang)).collect();
            push_line(&args.join("; "), ARGUMENT_CHARS, out);
        }
        let _ = write!(out, " ({})", issue.code);
    }

    /// Appends one issue behind the row it is about, if it is about one.
    pub fn issue_of(&self, row: Option<u32>, issue: &StoredIssue, out: &mut String) {
        if let Some(row) = row {
            let _ = write!(out, "{} {row}, ", pick(self.lang, "ред", "row"));
        }
        self.issue(issue, out);
    }

    /// One line for a console of an issue that the ledger keeps.
    pub fn stored_line(&self, row: u32, issue: &StoredIssue) -> String {
        let mut line = format!("{} {row}: ", if self.lang == Lang::Bg { "ред" } else { "row" });
        self.issue(issue, &mut line);
        line
    }

    /// One line for a console: ``row 14, `Дата`: … (V003)``.
    pub fn console_line(&self, issue: &Issue) -> String {
        let mut line = String::new();
        if let Some(row) = issue.place.row {
            let _ = write!(line, "{} {row}", pick(self.lang, "ред", "row"));
        }
        if let Some(column) = &issue.place.column {
            line.push_str(if line.is_empty() { "`" } else { ", `" });
            push_line(column, ARGUMENT_CHARS, &mut line);
            line.push('`');
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        fill(issue.code, self.lang, &issue.args, &mut line);
        let _ = write!(line, " ({})", issue.code.code);
        line
    }

    fn who(&self, view: &RowView, out: &mut String) {
        let whos = self.whos(view);
        if whos.is_empty() {
            out.push_str(nothing_to_do(self.lang));
            return;
        }
        out.push_str(pick(self.lang, "Решава: ", "Who: "));
        for (index, who) in whos.into_iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            out.push_str(who_word(who, self.lang));
        }
    }

    /// Who has to act on a row, each once; empty where nobody has to.
    fn whos(&self, view: &RowView) -> Vec<Who> {
        if view.status.is_final() {
            return Vec::new();
        }
        let known = view.issues.iter().filter_map(|issue| self.catalogue.get(&issue.code));
        let mut whos: Vec<Who> =
            known.filter(|info| info.severity() == Severity::Error).map(|info| info.who).collect();
        if !view.system_errors.is_empty() {
            whos.push(Who::User);
        }
        if whos.is_empty() {
            whos.push(usual_actor(view.status));
        }
        whos.sort_unstable();
        whos.dedup();
        whos.retain(|who| *who != Who::Nobody);
        whos
    }
}

/// The issues of a row that still matter. Of a row that is done these are the ledger's verdict, first, and the
/// warnings: what had to be repaired before is over.
pub fn worth_telling(view: &RowView) -> impl Iterator<Item = &StoredIssue> {
    let done = view.status.is_final();
    let verdicts = view.issues.iter().filter(move |issue| done && issue.code.starts_with('L'));
    verdicts.chain(view.issues.iter().filter(move |issue| !done || issue.code.starts_with('W')))
}

/// The system's code as we show it: `sespa:E17`.
pub(super) fn system_code(system: &str, code: &str) -> String {
    format!("{system}:{code}")
}

/// The word for a status in `rx_status_text`.
pub fn status_word(status: Status, lang: Lang) -> &'static str {
    let (bg, en) = match status {
        Status::Accepted => ("приет", "accepted"),
        Status::Refused => ("отказан", "refused"),
        Status::Duplicate => ("вече приет", "already accepted"),
        Status::Waiting => ("чака", "waiting"),
        Status::Unknown => ("неизвестно", "unknown"),
        Status::Held => ("задържан", "held"),
        Status::Reversed => ("сторниран", "reversed"),
        Status::Ignored => ("не се подава", "not reported"),
    };
    pick(lang, bg, en)
}

/// What follows a status outside production.
pub(super) fn trial_mark(lang: Lang) -> &'static str {
    pick(lang, "(ПРОБА)", "(TRIAL)")
}

/// Who can end something, as a reader would say it.
pub fn who_word(who: Who, lang: Lang) -> &'static str {
    let (bg, en) = match who {
        Who::User => ("Вие", "you"),
        Who::Integrator => ("внедрителят на програмата", "the integrator"),
        Who::Administrator => ("администраторът", "the administrator"),
        Who::Nobody => ("никой – продължава от само себе си", "nobody, it goes on by itself"),
    };
    pick(lang, bg, en)
}

pub(super) fn pick(lang: Lang, bg: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Bg => bg,
        Lang::En => en,
    }
}

fn nothing_to_do(lang: Lang) -> &'static str {
    pick(lang, "не е нужно да правите нищо", "you need not do anything")
}

/// What to do about words that are the system's own.
fn after_systems_words(lang: Lang) -> &'static str {
    pick(
        lang,
        "поправете реда във файла с грешките според казаното от системата и запазете файла; ако не е ясно, \
         кажете на внедрителя на програмата",
        "correct the row in the errors file as the system says and save the file; if it is not clear, tell the \
         integrator",
    )
}

/// Who acts where no issue says it.
fn usual_actor(status: Status) -> Who {
    match status {
        Status::Refused | Status::Held => Who::User,
        Status::Unknown => Who::Administrator,
        _ => Who::Nobody,
    }
}

/// What is said about a row that nothing else is said about.
fn plain_story(view: &RowView, lang: Lang) -> &'static str {
    let (bg, en) = match view.status {
        Status::Accepted => ("", ""),
        Status::Refused => ("редът е отказан без посочена причина", "the row was refused without a reason"),
        Status::Duplicate => ("същото вече е прието по-рано", "the same was accepted before"),
        Status::Waiting if view.sent_at.is_some() => ("подаден, чака отговор", "sent, waits for the answer"),
        Status::Waiting => ("ще бъде подаден", "will be sent"),
        Status::Unknown => (
            "подаден, но няма отговор, който да покаже дали е приет; програмата няма да го подаде втори път",
            "sent, but no answer shows whether it was accepted; it is not sent again by itself",
        ),
        Status::Held => ("не е подаден, чака решение на човек", "not sent, waits for a person's decision"),
        Status::Reversed => ("приетото е сторнирано", "what was accepted has been reversed"),
        Status::Ignored => ("не подлежи на подаване", "is not to be reported"),
    };
    pick(lang, bg, en)
}

fn separate(start: usize, out: &mut String) {
    if out.len() > start {
        out.push_str(" · ");
    }
}

/// Appends a message with its arguments, each on one line and not longer than anybody reads.
pub(super) fn fill(info: &CodeInfo, lang: Lang, args: &[String], out: &mut String) {
    info.write_message(lang, &worded(info, lang, args), out, |arg, out| push_line(arg, ARGUMENT_CHARS, out));
}

/// Appends text as one line, cut to so many characters.
fn push_line(text: &str, chars: usize, out: &mut String) {
    for (index, letter) in text.chars().enumerate() {
        if index == chars {
            out.push('…');
            return;
        }
        out.push(if letter.is_control() { ' ' } else { letter });
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{catalogue, issue, view};
    use super::*;
    use crate::model::SystemError;

    fn speaker(catalogue: &Catalogue, lang: Lang) -> Speaker<'_> {
        Speaker { catalogue, lang, trial: true, system: "sespa" }
    }

    fn message(view: &RowView, lang: Lang) -> String {
        let catalogue = catalogue();
        let mut out = String::new();
        speaker(&catalogue, lang).message(view, &mut out);
        out
    }

    #[test]
    fn all_issues_of_a_row_are_told_with_who() {
        let mut row = view(14, Status::Refused);
        row.issues =
            vec![issue("V900", Some("Дата"), &["31.02.2026"]), issue("M900", Some("Тип"), &["Брак"])];
        assert_eq!(
            message(&row, Lang::Bg),
            "Дата: „31.02.2026“ не е дата; пишете дд.мм.гггг (V900) · Тип: „Брак“ не е познато (M900) · \
             Решава: Вие, внедрителят на програмата"
        );
        assert!(message(&row, Lang::En).ends_with("Who: you, the integrator"));
    }

    #[test]
    fn only_a_simply_accepted_row_has_no_message() {
        for status in Status::ALL {
            for lang in [Lang::Bg, Lang::En] {
                assert_eq!(
                    message(&view(2, status), lang).is_empty(),
                    status == Status::Accepted,
                    "{status:?}"
                );
            }
        }
        let mut warned = view(2, Status::Accepted);
        warned.issues = vec![issue("W900", None, &[])];
        assert_eq!(message(&warned, Lang::En), "look at it (W900)");
    }

    #[test]
    fn what_the_system_said_stands_behind_its_name() {
        let mut row = view(2, Status::Refused);
        row.issues = vec![issue("V900", None, &["a"]), issue("W900", None, &[]), issue("V900", None, &["b"])];
        row.system_errors =
            vec![SystemError { code: "E17".to_owned(), message: "no such\nproduct".to_owned() }];
        assert!(message(&row, Lang::En).contains(
            " · sespa:E17: no such product · correct the row in the errors file as the system says and save the \
             file; if it is not clear, tell the integrator · Who: you"
        ));
        let catalogue = catalogue();
        let mut codes = String::new();
        speaker(&catalogue, Lang::Bg).codes(&row, &mut codes);
        assert_eq!(codes, "V900;W900;sespa:E17");
    }

    #[test]
    fn of_a_row_that_is_done_only_the_verdict_and_warnings_are_told() {
        let mut row = view(2, Status::Duplicate);
        row.issues =
            vec![issue("V900", None, &["a"]), issue("W900", None, &[]), issue("L900", Some("Дата"), &[])];
        let told = message(&row, Lang::En);
        assert!(told.starts_with("Дата: waits its turn (L900) · look at it (W900) · you need"), "{told}");
        let catalogue = catalogue();
        let mut codes = String::new();
        speaker(&catalogue, Lang::Bg).codes(&row, &mut codes);
        assert_eq!(codes, "L900;W900");
        row.status = Status::Held;
        assert!(message(&row, Lang::En).starts_with("`a` is not a date"));
    }

    #[test]
    fn outside_production_every_status_says_so() {
        let catalogue = catalogue();
        let mut text = String::new();
        speaker(&catalogue, Lang::Bg).status(Status::Accepted, &mut text);
        assert_eq!(text, "приет (ПРОБА)");
    }

    #[test]
    fn an_argument_is_one_line_and_no_longer_than_anybody_reads() {
        let (catalogue, mut row) = (catalogue(), view(2, Status::Refused));
        row.issues = vec![issue("V900", None, &[&format!("a\n{{0}}{}", "b".repeat(300))])];
        let mut out = String::new();
        speaker(&catalogue, Lang::En).issue(&row.issues[0], &mut out);
        assert!(out.starts_with("`a {0}bbb") && out.contains("b…`") && out.chars().count() < 300, "{out}");
    }

    #[test]
    fn an_argument_in_two_languages_is_told_in_the_readers() {
        let catalogue = catalogue();
        let both = Issue::new(catalogue.get("V900").unwrap()).both("партиден номер", "batch number");
        let mut row = view(2, Status::Refused);
        row.issues = vec![StoredIssue::from(&both)];
        assert!(message(&row, Lang::Bg).starts_with("„партиден номер“ не е дата"));
        assert!(message(&row, Lang::En).starts_with("`batch number` is not a date"));
        row.issues[0].code = "X999".to_owned();
        assert!(message(&row, Lang::Bg).starts_with("партиден номер (X999)"));
        assert!(speaker(&catalogue, Lang::En).console_line(&both).starts_with("`batch number` is"));
    }

    #[test]
    fn a_console_line_names_row_and_column() {
        let catalogue = catalogue();
        let info = catalogue.get("V900").unwrap();
        let issue = Issue::at(info, Some("Дата".into())).row(14).arg("31.02.2024");
        assert_eq!(
            speaker(&catalogue, Lang::En).console_line(&issue),
            "row 14, `Дата`: `31.02.2024` is not a date; write dd.mm.yyyy (V900)"
        );
        assert!(speaker(&catalogue, Lang::Bg).console_line(&issue).starts_with("ред 14, `Дата`: "));
    }
}
