//! `release` and `resolve`: what people decide.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;

use super::{ExitStatus, LangArg, load_config, out, what, world};
use crate::ledger::{By, Decided, Decision, Double, Ledger, Touched, What};
use crate::model::{Lang, Status};
use crate::report::status_word;
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
    /// double=send (a transaction of its own) or double=drop (not to be reported)
    #[arg(long, value_name = "KEY=VALUE", value_parser = answer)]
    answer: Option<Double>,
    #[command(flatten)]
    by: ByArgs,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("said").required(true).args(["accepted", "not_received"])))]
pub(super) struct ResolveArgs {
    #[arg(value_name = "WHAT", value_parser = what::parse, help = what::HELP)]
    what: What,
    /// It is registered, under this number (of a batch: the system's batch number)
    #[arg(long, value_name = "ID")]
    accepted: Option<String>,
    /// It was surely not received and may be sent again
    #[arg(long)]
    not_received: bool,
    #[command(flatten)]
    by: ByArgs,
}

fn answer(text: &str) -> Result<Double, String> {
    match text {
        "double=send" => Ok(Double::Send),
        "double=drop" => Ok(Double::Drop),
        _ => Err("the only question is double: answer double=send or double=drop".to_owned()),
    }
}

pub(super) fn release(config: Option<PathBuf>, args: &ReleaseArgs) -> Result<ExitStatus> {
    let (what, answer) = (args.what.clone(), args.answer);
    decide(config, &args.by, move |_| {
        Box::new(move |ledger, by, now| ledger.release(&what, answer, &by, now))
    })
}

pub(super) fn resolve(config: Option<PathBuf>, args: &ResolveArgs) -> Result<ExitStatus> {
    let what = args.what.clone();
    let decision = args.accepted.clone().map_or(Decision::NotReceived, Decision::Accepted);
    if matches!((&what, &decision), (What::File(_), Decision::Accepted(_))) {
        bail!("one number can't stand for a whole file; name FILE:ROW, no:… or batch:…");
    }
    let batch = matches!(what, What::Batch(_));
    decide(config, &args.by, move |shop| {
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

fn decide(config: Option<PathBuf>, args: &ByArgs, plan: impl FnOnce(&Shop) -> Work) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let by = By { name: args.by.clone(), reason: args.reason.clone() };
    let now = shop.world.clock.now();
    let work = plan(&shop);
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
    let open = |one: &Touched| matches!(one.status, Status::Waiting | Status::Unknown);
    let people = decided.left.iter().any(|one| matches!(one.status, Status::Held | Status::Refused));
    Ok(ExitStatus::of(false, decided.moved.iter().chain(&decided.left).any(open), people))
}

fn as_json(decided: &Decided) -> serde_json::Value {
    let rows = |list: &[Touched]| {
        let row = |one: &Touched| json!({"file": one.file, "row": one.row, "status": one.status.word(), "code": one.code});
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
    for one in &decided.left {
        let code = one.code.as_deref().and_then(|code| run::catalogue().get(code));
        let why = code.map_or(String::new(), |code| format!(" ({}: {})", code.code, code.words(lang).repair));
        out::line(&format!("{} {row} {}: {left} {}{why}", one.file, one.row, status_word(one.status, lang)))?;
    }
    Ok(())
}
