//! `release` and `resolve`: what people decide.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;

use super::{ExitStatus, LangArg, load_config, out, retry, what, world};
use crate::ledger::{By, Decided, Decision, Double, Ledger, Touched, What};
use crate::mapping::{Answers, Order};
use crate::model::{CodeInfo, Lang, Severity, Status, is_remote_id};
use crate::report::{Catalogue, message, status_word};
use crate::run::{self, Books, Shop};

/// Who decides and why.
#[derive(Debug, clap::Args)]
struct ByArgs {
    /// Your name; kept as evidence
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why; kept as evidence
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document instead of lines for people
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    #[arg(value_name = "WHAT", value_parser = what::parse, help = what::HELP)]
    what: What,
    /// The answer to what is asked. Of rows: double=send (a transaction of its own) or double=drop (not to be
    /// reported). Of a whole file: decimal=, or decimal=. (the decimal mark), dates=day-first or dates=month-first,
    /// years=20 (years of two digits are of this century)
    #[arg(long, value_name = "KEY=VALUE", value_parser = answer)]
    answer: Option<Answer>,
    #[command(flatten)]
    by: ByArgs,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("said").required(true).args(["accepted", "not_received"])))]
pub(super) struct ResolveArgs {
    #[arg(value_name = "WHAT", value_parser = what::parse, help = what::HELP)]
    what: What,
    /// It is registered, under this number (of a batch: the system's batch number)
    #[arg(long, value_name = "ID", value_parser = remote_id)]
    accepted: Option<String>,
    /// It was surely not received and may be sent again
    #[arg(long)]
    not_received: bool,
    /// Where a list shows our number for it: listed=ID (or ID,ID), the system's number there, which you say is another
    /// movement's
    #[arg(long, value_name = "KEY=VALUE", value_parser = listed, conflicts_with = "accepted")]
    answer: Option<String>,
    #[command(flatten)]
    by: ByArgs,
}

/// What a person may answer.
#[derive(Debug, Clone)]
enum Answer {
    /// About single rows.
    Double(Double),
    /// About how a whole file is read.
    Reading(Answers),
}

fn answer(text: &str) -> Result<Answer, String> {
    let reading = |decimal, dates| Answer::Reading(Answers { decimal, dates, ..Answers::default() });
    let years = Answers { short_years: true, ..Answers::default() };
    Ok(match text {
        "double=send" => Answer::Double(Double::Send),
        "double=drop" => Answer::Double(Double::Drop),
        "decimal=," => reading(Some(','), None),
        "decimal=." => reading(Some('.'), None),
        "years=20" => Answer::Reading(years),
        "dates=day-first" => reading(None, Some(Order::DayFirst)),
        "dates=month-first" => reading(None, Some(Order::MonthFirst)),
        _ => {
            return Err("answers are double=send, double=drop, decimal=, decimal=. dates=day-first, \
                        dates=month-first and years=20; the message of the row or file says which is asked for"
                .to_owned());
        }
    })
}

/// A number as it is copied from a portal, with what is blank around it.
fn remote_id(text: &str) -> Result<String, String> {
    let id = text.trim();
    let is_one = is_remote_id(id);
    is_one.then(|| id.to_owned()).ok_or_else(|| {
        "the system's numbers have 1 to 64 characters and are not zero; copy it from the portal".to_owned()
    })
}

fn listed(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("listed=").map(|id| id.replace(' ', ""));
    id.filter(|id| !id.is_empty())
        .ok_or_else(|| "the answer is listed=ID; the row's message names the number".to_owned())
}

pub(super) fn release(config: Option<PathBuf>, args: &ReleaseArgs) -> Result<ExitStatus> {
    let answer = match args.answer.clone() {
        Some(Answer::Reading(answers)) => return answer_file(config, &args.what, answers, &args.by),
        Some(Answer::Double(double)) => Some(double),
        None => None,
    };
    decide(config, &args.what, &args.by, move |_, what| {
        Box::new(move |ledger, by, now| ledger.release(&what, answer, &by, now))
    })
}

/// A file held as a whole is read with the answers at once; what of it is good goes with the next `run` or `watch`.
fn answer_file(config: Option<PathBuf>, what: &What, answers: Answers, args: &ByArgs) -> Result<ExitStatus> {
    let What::File(path) = what else { bail!("this answer is about a whole file; name FILE") };
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let (intake, name) = retry::newest(&shop, path)?;
    let view = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
    let known = run::answers(view.and_then(|view| view.reading).as_ref());
    let kept = serde_json::to_value(answers.or(known))?;
    let by = By { name: args.by.clone(), reason: args.reason.clone() };
    let now = shop.world.clock.now();
    if !shop.ledger.ask_blocking(move |ledger| ledger.answer(intake, &kept, &by, now))? {
        bail!("`{name}` does not wait for this answer; `rxdrop status FILE` shows where it stands");
    }
    retry::judge(&shop, &[(intake, name)], args.json, args.lang.into())
}

pub(super) fn resolve(config: Option<PathBuf>, args: &ResolveArgs) -> Result<ExitStatus> {
    let what = &args.what;
    let not_received = args.answer.clone().map_or(Decision::NotReceived, Decision::NotThoughListed);
    let decision = args.accepted.clone().map_or(not_received, Decision::Accepted);
    if matches!((what, &decision), (What::File(_), Decision::Accepted(_))) {
        bail!("one number can't stand for a whole file; name FILE:ROW, no:… or batch:…");
    }
    let batch = matches!(what, What::Batch(_));
    decide(config, what, &args.by, move |shop, what| {
        let decision = match decision {
            Decision::Accepted(remote) if batch => {
                let tickets = shop.sections.tickets(&remote);
                Decision::AskAbout { remote, tickets }
            }
            other => other,
        };
        Box::new(move |ledger, by, now| ledger.resolve(&what, &decision, &by, now))
    })
}

/// What is decided, once the ledger is open.
type Work = Box<
    dyn FnOnce(&mut dyn Ledger, By, chrono::DateTime<chrono::Utc>) -> Result<Decided, crate::ledger::Error>
        + Send,
>;

fn decide(
    config: Option<PathBuf>,
    what: &What,
    args: &ByArgs,
    plan: impl FnOnce(&Shop, What) -> Work,
) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let by = By { name: args.by.clone(), reason: args.reason.clone() };
    let now = shop.world.clock.now();
    let work = plan(&shop, run::meant(&shop, what.clone())?);
    let decided = shop.ledger.ask_blocking(move |ledger| work(ledger, by, now))?;
    if decided.moved.is_empty() && decided.left.is_empty() {
        bail!("nothing of that is waiting for a decision; `rxdrop status FILE` shows where it stands");
    }
    run::write_due(&shop, &mut run::Later::new())?;
    if args.json {
        out::line(&as_json(&decided).to_string())?;
    } else {
        tell(&decided, args.lang.into())?;
    }
    let any =
        |open: fn(Status) -> bool| decided.moved.iter().chain(&decided.left).any(|one| open(one.status));
    let waits = any(|status| matches!(status, Status::Waiting | Status::Unknown));
    Ok(ExitStatus::of(false, waits, any(|status| matches!(status, Status::Held | Status::Refused))))
}

fn as_json(decided: &Decided) -> serde_json::Value {
    let rows = |list: &[Touched]| {
        let row = |one: &Touched| json!({"file": one.file, "row": one.row, "status": one.status.word(), "code": one.why.as_ref().map(|why| &why.code)});
        list.iter().map(row).collect::<Vec<_>>()
    };
    json!({"moved": rows(&decided.moved), "left": rows(&decided.left)})
}

fn tell(decided: &Decided, lang: Lang) -> Result<()> {
    let row = out::pick(lang, "ред", "row");
    let (now, left) = (out::pick(lang, "сега", "now"), out::pick(lang, "остава", "left"));
    for one in &decided.moved {
        out::line(&format!("{} {row} {}: {now} {}", one.file, one.row, status_word(one.status, lang)))?;
    }
    let catalogue = run::catalogue();
    // What many rows have in common is said once.
    for alike in decided.left.chunk_by(|one, next| code_of(one) == code_of(next)) {
        for same in alike.chunk_by(|one, next| one.why == next.why) {
            for one in same {
                let status = status_word(one.status, lang);
                out::line(&format!("{} {row} {}: {left} {status}", one.file, one.row))?;
            }
            if let Some((info, args)) = same.first().and_then(|one| in_the_way(one, &catalogue)) {
                out::line(&format!("  {} ({})", message(info, lang, args), info.code))?;
            }
        }
        if let Some((info, _)) = alike.first().and_then(|one| in_the_way(one, &catalogue)) {
            let next = out::pick(lang, "Какво следва", "What next");
            out::line(&format!("  {next}: {}", info.words(lang).repair))?;
        }
    }
    Ok(())
}

fn code_of(one: &Touched) -> Option<&str> {
    one.why.as_ref().map(|why| why.code.as_str())
}

/// What keeps a row that was left from going; a warning does not.
fn in_the_way<'a>(one: &'a Touched, catalogue: &Catalogue) -> Option<(&'static CodeInfo, &'a [String])> {
    let why = one.why.as_ref()?;
    let info = catalogue.get(&why.code)?;
    (info.severity() == Severity::Error).then_some((info, &why.args))
}
