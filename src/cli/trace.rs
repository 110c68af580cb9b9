//! `trace`: the whole way of a row, from either end.

use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{ExitStatus, LangArg, load_config, out, what, world};
use crate::ledger::trail::{Attempt, BatchTrail, Happened, RowRef};
use crate::ledger::{FileView, Life as _, StoredIssue, What};
use crate::model::Lang;
use crate::report::{Catalogue, message};
use crate::run::{self, Books, Derived, FieldMade, MappingNow, RowStory, Sent, Shop, Traced};

/// Columns of a terminal that everything fits in.
const WIDTH: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(value_name = "WHAT", value_parser = what::parse, help = what::HELP)]
    what: What,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Shop::open(config, world::world(), Books::Real)?;
    let traced = run::trace(&shop, args.what.clone())?;
    if args.json {
        out::line(&document(&traced).to_string())?;
        return Ok(ExitStatus::Done);
    }
    let page = Page { catalogue: &shop.catalogue, lang: args.lang.into() };
    match &traced {
        Traced::File(view, happened) => page.file(view, happened)?,
        Traced::Rows(rows) => rows.iter().try_for_each(|row| page.row(row))?,
        Traced::Batch(batch) => page.batch(batch, true)?,
    }
    Ok(ExitStatus::Done)
}

fn document(traced: &Traced) -> Value {
    match traced {
        Traced::File(view, happened) => {
            json!({"file": file_json(view), "batches": view.batches, "happened": happened})
        }
        Traced::Rows(rows) => json!({"rows": rows.iter().map(row_json).collect::<Vec<_>>()}),
        Traced::Batch(batch) => json!({"batch": batch, "request": text(batch.body.as_deref())}),
    }
}

fn file_json(view: &FileView) -> Value {
    let reading = view.reading.as_ref();
    let of = |key: &str| reading.and_then(|reading| reading.get(key)).cloned().unwrap_or_default();
    json!({"folder": view.folder, "name": view.name, "sha256": view.sha256, "received_at": view.received_at,
        "state": view.state.word(), "format": of("format"), "sheet": of("sheet"), "header_row": of("header_row"),
        "mapping": view.mapping, "environment": view.environment, "sections": view.destinations})
}

fn row_json(story: &RowStory) -> Value {
    json!({"file": file_json(&story.file), "row": story.trail, "made": story.derived, "sent": story.sent,
        "happened": story.happened})
}

fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// What is printed for people: a name, then what is known, wrapped.
struct Page<'a> {
    catalogue: &'a Catalogue,
    lang: Lang,
}

impl Page<'_> {
    fn pick(&self, bg: &'static str, en: &'static str) -> &'static str {
        out::pick(self.lang, bg, en)
    }

    fn file_part(&self, view: &FileView) -> Result<()> {
        title(self.pick("ФАЙЛ", "FILE"))?;
        pair(self.pick("име", "name"), &view.name)?;
        pair(self.pick("папка", "folder"), &view.folder.display().to_string())?;
        pair("  sha256", &view.sha256)?;
        pair(self.pick("приет", "received"), &moment(Some(view.received_at)))?;
        let reading = view.reading.clone().unwrap_or_default();
        let said = |key: &str| reading.get(key).and_then(Value::as_str).map(str::to_owned);
        let read = [said("format"), said("encoding"), said("sheet")].into_iter().flatten();
        let header = reading.get("header_row").and_then(Value::as_u64);
        let header = header.map(|row| format!("{} {row}", self.pick("заглавен ред", "header in row")));
        pair(self.pick("прочетен", "read as"), &read.chain(header).collect::<Vec<_>>().join(", "))?;
        if let Some(mapping) = &view.mapping {
            let version = self.pick("версия", "version");
            let known = format!("{} {version} {}", mapping.name, mapping.version);
            pair(self.pick("настройка", "mapping"), &known)?;
            pair("  sha256", &mapping.sha256)?;
        }
        Ok(())
    }

    fn file(&self, view: &FileView, happened: &[Happened]) -> Result<()> {
        self.file_part(view)?;
        for batch in &view.batches {
            let known = format!(
                "{} {} {}, {}",
                batch.rows,
                self.pick("реда", "rows"),
                batch.state,
                moment(batch.sent_at)
            );
            pair(&format!("batch:{}", batch.id), &known)?;
        }
        self.happened(happened)
    }

    fn row(&self, story: &RowStory) -> Result<()> {
        self.file_part(&story.file)?;
        self.standing(story)?;
        self.made(&story.derived)?;
        story.sent.iter().try_for_each(|sent| self.sent(sent))?;
        self.happened(&story.happened)?;
        self.others(story)
    }

    fn standing(&self, story: &RowStory) -> Result<()> {
        let trail = &story.trail;
        title(&format!("{} {}", self.pick("РЕД", "ROW"), trail.row))?;
        let ignored = self.pick("изключен от правило", "left out by a rule");
        pair(self.pick("състояние", "state"), trail.state.as_deref().unwrap_or(ignored))?;
        if let Some(section) = &trail.section {
            pair(self.pick("раздел", "section"), section)?;
        }
        for fact in &trail.facts {
            let live = if fact.live {
                self.pick("в сила", "in force")
            } else {
                self.pick("не е в сила", "not in force")
            };
            let known = format!(
                "{}, {} {}, {live}",
                fact.scope,
                self.pick("поколение", "generation"),
                fact.generation
            );
            pair(self.pick("движение", "fact"), &known)?;
        }
        for issue in trail.issues.iter().chain(&trail.reason) {
            pair(&issue.code, &self.issue(issue))?;
        }
        Ok(())
    }

    fn issue(&self, issue: &StoredIssue) -> String {
        self.catalogue
            .get(&issue.code)
            .map_or_else(|| issue.args.join(", "), |info| message(info, self.lang, &issue.args))
    }

    fn made(&self, derived: &Derived) -> Result<()> {
        title(self.pick("ПОЛЕТА", "FIELDS"))?;
        let told = match derived.mapping_now {
            MappingNow::Same => None,
            MappingNow::Changed => Some(self.pick(
                "настройката е променена оттогава; от кои клетки са взети стойностите, вече не личи",
                "the mapping was changed since; which cells the values came from can't be told any more",
            )),
            MappingNow::Gone => Some(self.pick(
                "такава настройка вече няма; от кои клетки са взети стойностите, вече не личи",
                "there is no such mapping any more; which cells the values came from can't be told",
            )),
            MappingNow::Unreadable => Some(self.pick(
                "запазеното копие не може да се прочете както тогава; `rxdrop verify` казва дали е променено",
                "the kept copy can't be read as it was then; `rxdrop verify` tells whether it was changed",
            )),
        };
        if let Some(told) = told {
            pair("", told)?;
        }
        if !derived.rules.is_empty() {
            let rules = derived.rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            pair(self.pick("правила", "rules met"), &rules)?;
        }
        derived.fields.iter().try_for_each(|field| self.field(field))
    }

    fn field(&self, made: &FieldMade) -> Result<()> {
        let value = made.value.as_ref().map_or("—".to_owned(), plain);
        out::line(&format!("  {} = {value}", made.field))?;
        let mut from: Vec<String> = made
            .cells
            .iter()
            .map(|cell| format!("{} „{}“: {}", cell.address, cell.header, cell.text))
            .collect();
        if made.cells.is_empty() {
            from.push(self.pick("постоянна стойност", "a constant").to_owned());
        }
        from.extend(made.rule.map(|rule| format!("{} {rule}", self.pick("правило", "rule"))));
        from.extend(made.looked_up.then(|| self.pick("справочен списък", "by a list").to_owned()));
        pair("", &from.join("; "))
    }

    fn sent(&self, sent: &Sent) -> Result<()> {
        title(&format!("{} {}", self.pick("НОМЕР", "NUMBER"), sent.number))?;
        self.batch(&sent.batch, false)?;
        let gone = self.pick("вече не се пази (keep_raw_days)", "not kept any more (keep_raw_days)");
        let request = sent.request.as_deref().unwrap_or(if sent.batch.body.is_none() { gone } else { "—" });
        pair(self.pick("изпратено", "sent"), request)?;
        for answer in sent.answers.iter().flatten() {
            pair(self.pick("отговор", "answer"), answer)?;
        }
        Ok(())
    }

    fn batch(&self, batch: &BatchTrail, whole: bool) -> Result<()> {
        if whole {
            title(&format!("batch:{}", batch.id))?;
        }
        let remote = batch.remote.as_ref().map_or(String::new(), |remote| {
            format!(", {} {remote}", self.pick("номер на системата", "the system's number"))
        });
        let known = format!(
            "{} {}, {}, {}{remote}",
            batch.rows,
            self.pick("реда", "rows"),
            batch.section,
            batch.state
        );
        pair(&format!("batch:{}", batch.id), &known)?;
        pair(self.pick("  заявка", "  request"), &batch.sha256)?;
        batch.attempts.iter().try_for_each(|attempt| self.attempt(attempt))?;
        if whole {
            for (number, row) in &batch.items {
                pair(number, &row_text(row))?;
            }
        }
        Ok(())
    }

    fn attempt(&self, attempt: &Attempt) -> Result<()> {
        let mut known = vec![attempt.state.clone(), moment(attempt.began_at)];
        known.extend(attempt.http_status.map(|status| format!("HTTP {status}")));
        known
            .extend(attempt.seen.as_deref().map(|seen| crate::submit::seen_in(seen, self.lang).into_owned()));
        known.extend(attempt.ended_at.map(|at| format!("{} {}", self.pick("до", "until"), moment(Some(at)))));
        known.extend((attempt.times > 1).then(|| format!("× {}", attempt.times)));
        known.extend(attempt.server_date.as_ref().map(|date| format!("Date: {date}")));
        pair(&attempt.kind, &known.join(", "))?;
        attempt.sha256.as_ref().map_or(Ok(()), |sha256| pair("  sha256", sha256))
    }

    fn happened(&self, happened: &[Happened]) -> Result<()> {
        if happened.is_empty() {
            return Ok(());
        }
        title(self.pick("СЪБИТИЯ", "EVENTS"))?;
        happened.iter().try_for_each(|one| pair(&one.kind, &told(one)))
    }

    fn others(&self, story: &RowStory) -> Result<()> {
        let trail = &story.trail;
        let lists = [
            (self.pick("замества", "replaces"), trail.older.as_slice()),
            (self.pick("заместен от", "replaced by"), trail.newer.as_slice()),
            (self.pick("повторен от", "repeated by"), trail.met_by.as_slice()),
        ];
        if trail.met.is_none() && lists.iter().all(|(_, rows)| rows.is_empty()) {
            return Ok(());
        }
        title(self.pick("ДРУГИ РЕДОВЕ", "OTHER ROWS"))?;
        if let Some((way, met)) = &trail.met {
            pair(self.pick("среща", "meets"), &format!("{} ({way})", row_text(met)))?;
        }
        for (name, rows) in lists {
            rows.iter().try_for_each(|row| pair(name, &row_text(row)))?;
        }
        Ok(())
    }
}

fn title(title: &str) -> Result<()> {
    Ok(out::line(&format!("\n{title}"))?)
}

/// `  name  what is known`, wrapped under itself.
fn pair(name: &str, known: &str) -> Result<()> {
    const NAMES: usize = 13;
    let gap = NAMES.saturating_sub(name.chars().count());
    let mut first = format!("  {name}{} ", " ".repeat(gap));
    for line in wrapped(known, WIDTH.saturating_sub(first.chars().count())) {
        out::line(format!("{first}{line}").trim_end())?;
        first = " ".repeat(NAMES + 3);
    }
    Ok(())
}

fn row_text(row: &RowRef) -> String {
    let id = row.id.as_ref().map_or(String::new(), |id| format!(", id:{id}"));
    format!("{}:{} {}{id}", row.file, row.row, row.state)
}

/// What an event says, by whom first.
fn told(one: &Happened) -> String {
    let said = |key: &str| one.data.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut known = vec![moment(one.at)];
    known.extend(said("by").map(|by| format!("{by}: {}", said("reason").unwrap_or_default())));
    known.extend(said("answer"));
    known.extend(one.data.get("said").map(Value::to_string));
    known.extend(one.data.get("answers").map(Value::to_string));
    known.extend(one.data.get("status").and_then(Value::as_u64).map(|status| format!("HTTP {status}")));
    known.extend(said("seen"));
    known.push(format!("#{}", one.event));
    known.join(", ")
}

fn moment(at: Option<DateTime<Utc>>) -> String {
    let sofia = |at: DateTime<Utc>| at.with_timezone(&chrono_tz::Europe::Sofia);
    at.map_or("—".to_owned(), |at| sofia(at).format("%Y-%m-%d %H:%M:%S %Z").to_string())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Lines of at most so many characters, broken at blanks where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let Some(line) = lines.last_mut() else { break };
            let used = line.chars().count();
            let free = width.saturating_sub(used + usize::from(used > 0));
            if word.len() <= free || used == 0 {
                let rest = word.split_off(word.len().min(width.max(1)));
                line.extend((used > 0).then_some(' '));
                line.extend(word);
                word = rest;
            }
            if !word.is_empty() {
                lines.push(String::new());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_texts_are_broken_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("abcdefg h", 3), ["abc", "def", "g h"]);
        assert_eq!(wrapped("", 3), [""]);
        assert_eq!(wrapped("ред ред", 3), ["ред", "ред"]);
    }
}
