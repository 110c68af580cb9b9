//! `takeover`: shows what may exist at the system, then goes on with a folder or ledger that somebody else had.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::{ExitStatus, LangArg, load_config, out, world};
use crate::ledger::{By, TakenOver};
use crate::model::Lang;
use crate::run::{self, Books, Lock, Shop, Survey, Target};

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["folder", "ledger"])))]
pub(super) struct Args {
    /// A drop folder that another installation had, or whose mark is missing on purpose
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// This ledger, although it is older than its marks
    #[arg(long)]
    ledger: bool,
    /// Your name; kept as evidence. Without it nothing is changed
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why; kept as evidence
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document instead of lines for people
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let lang = args.lang.into();
    let _lock = Lock::take(&config.ledger.path, world::now())?;
    let shop = Shop::open(config, world::world(), Books::Real)?;
    let target = args.folder.clone().map_or(Target::Ledger, Target::Folder);
    let survey = run::survey(&shop, &target)?;
    if !args.json && survey.is_needed {
        show(&survey, lang)?;
    }
    let by = args.by.clone().filter(|_| survey.is_needed);
    let by = by.map(|name| By { name, reason: args.reason.clone() });
    let done = by.map(|by| run::take_over(&shop, &survey, by)).transpose()?;
    if args.json {
        out::line(&document(&survey, done).to_string())?;
    }
    match done {
        _ if !survey.is_needed => nothing(args, lang),
        None => {
            out::tell(out::pick(
                lang,
                "нищо не е променено; продължете с --by ИМЕ",
                "nothing was changed; go on with --by NAME",
            ));
            Ok(ExitStatus::Unable)
        }
        Some(done) => {
            if !args.json {
                tell(&survey, done, lang)?;
            }
            Ok(ExitStatus::of(false, done.unknown > 0, done.held > 0))
        }
    }
}

/// There is nothing to take over. Of a ledger that is a refusal: it would hold rows that nobody doubts.
fn nothing(args: &Args, lang: Lang) -> Result<ExitStatus> {
    if args.ledger {
        out::tell(out::pick(
            lang,
            "никой белег не знае повече от регистъра; няма какво да се поема и нищо не е променено",
            "no mark knows more than the ledger; there is nothing to take over, and nothing was changed",
        ));
        return Ok(ExitStatus::Unable);
    }
    if !args.json {
        out::line(out::pick(
            lang,
            "папката е на този регистър или още е ничия; няма какво да се поема",
            "the folder is this ledger's, or nobody's yet; there is nothing to take over",
        ))?;
    }
    Ok(ExitStatus::Done)
}

/// What may exist at the system.
fn show(survey: &Survey, lang: Lang) -> Result<()> {
    for (path, mark) in &survey.marks {
        let (at, number, host) = (mark.at.format("%Y-%m-%d %H:%M UTC"), mark.number, &mark.host);
        let path = path.display();
        out::line(&match lang {
            Lang::Bg => format!(
                "{path}: регистър {} на „{host}“; последно изпращане не по-рано от {at}, номера до {number}",
                mark.ledger
            ),
            Lang::En => format!(
                "{path}: ledger {} on `{host}`; it last sent at {at} or later, numbers up to {number}",
                mark.ledger
            ),
        })?;
    }
    let known = survey.position.at.map_or("—".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string());
    let number = survey.position.number;
    out::line(&match lang {
        Lang::Bg => format!("този регистър помни до {known}, номера до {number}"),
        Lang::En => format!("this ledger knows what happened until {known}, numbers up to {number}"),
    })?;
    if let Some(until) = survey.doubt_until {
        let until = until.format("%d.%m.%Y");
        out::line(&match lang {
            Lang::Bg => format!(
                "Какво е подадено след това или от друг, тук не се знае: вижте го в портала на системата. Редовете с дати до {until} ще се задържат, докато човек реши за тях с `rxdrop release`."
            ),
            Lang::En => format!(
                "What was sent after that or by somebody else is not known here: look in the system's portal. Rows dated up to {until} will be held until a person decides about them with `rxdrop release`."
            ),
        })?;
    }
    Ok(())
}

fn tell(survey: &Survey, done: TakenOver, lang: Lang) -> Result<()> {
    let marked: Vec<String> = survey.folders.iter().map(|folder| folder.display().to_string()).collect();
    let marked = marked.join(", ");
    let TakenOver { held, unknown } = done;
    Ok(out::line(&match lang {
        Lang::Bg => format!("поето: {marked}; задържани редове: {held}, станали неизвестни: {unknown}"),
        Lang::En => format!("taken over: {marked}; rows held: {held}, now unknown: {unknown}"),
    })?)
}

fn document(survey: &Survey, done: Option<TakenOver>) -> serde_json::Value {
    let TakenOver { held, unknown } = done.unwrap_or_default();
    let marks: Vec<_> = survey.marks.iter().map(|(path, mark)| json!({"path": path, "mark": mark})).collect();
    json!({"marks": marks, "ledger": survey.position.ledger, "number": survey.position.number,
        "doubt_until": survey.doubt_until, "folders": survey.folders, "needed": survey.is_needed, "taken_over": done.is_some(), "held": held, "unknown": unknown})
}
