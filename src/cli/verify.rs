//! `verify`: whether the evidence is as it was left.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use super::{ExitStatus, LangArg, load_config, out, world};
use crate::ledger::{Finding, Findings};
use crate::model::Lang;
use crate::report::message;
use crate::run::{self, Books, Shop, Verified};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
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
    let shop = Shop::open(config, world::world(), Books::Real)?;
    let bar = out::progress("verify");
    let shown = bar.clone();
    let verified = run::verify(&shop, &(Arc::new(move |count| shown.inc(count)) as _));
    bar.finish_and_clear();
    let verified = verified?;
    if args.json {
        out::line(&document(&verified, args.lang.into()).to_string())?;
    } else {
        tell(&verified, args.lang.into())?;
    }
    Ok(ExitStatus::of(false, false, !verified.findings.is_empty()))
}

fn document(verified: &Verified, lang: Lang) -> Value {
    let list = |found: &Findings| {
        let one = |finding: &Finding| {
            json!({"code": finding.code.code, "args": crate::model::Args(&finding.args), "message": message(finding.code, lang, &finding.args),
                "repair": finding.code.words(lang).repair})
        };
        found.shown.iter().map(one).collect::<Vec<_>>()
    };
    let more: serde_json::Map<String, Value> =
        verified.findings.not_shown().map(|(code, count)| (code.to_owned(), json!(count))).collect();
    json!({
        "intact": verified.findings.is_empty(),
        "findings": list(&verified.findings),
        "more": more,
        "notes": list(&verified.notes),
        "checked": {
            "events": verified.checked.events,
            "rows": verified.checked.rows,
            "transactions": verified.checked.transactions,
            "batches": verified.checked.batches,
            "answers": verified.checked.answers,
            "copies": verified.contents,
            "receipts": verified.receipts,
        },
    })
}

fn tell(verified: &Verified, lang: Lang) -> Result<()> {
    let mut last = "";
    for finding in &verified.findings.shown {
        out::line(&format!("{} ({})", message(finding.code, lang, &finding.args), finding.code.code))?;
        if std::mem::replace(&mut last, finding.code.code) != finding.code.code {
            out::line(&format!("    {}", message_of_repair(finding, lang)))?;
        }
    }
    for (code, count) in verified.findings.not_shown() {
        out::line(&format!("{code}: {count} {}", out::pick(lang, "още", "more")))?;
    }
    for note in &verified.notes.shown {
        out::line(&format!("{} ({})", message(note.code, lang, &note.args), note.code.code))?;
    }
    out::line(&looked_at(verified, lang))?;
    let (intact, touched) = match lang {
        Lang::Bg => ("непокътнато", "НЕ Е такова, каквото беше оставено"),
        Lang::En => ("intact", "NOT as it was left"),
    };
    Ok(out::line(if verified.findings.is_empty() { intact } else { touched })?)
}

fn message_of_repair(finding: &Finding, lang: Lang) -> String {
    let mut text = finding.code.words(lang).repair.to_owned();
    for (index, arg) in finding.args.iter().enumerate() {
        text = text.replace(&format!("{{{index}}}"), arg);
    }
    text
}

fn looked_at(verified: &Verified, lang: Lang) -> String {
    let checked = &verified.checked;
    let (events, rows, transactions) = (checked.events, checked.rows, checked.transactions);
    let (batches, answers) = (checked.batches, checked.answers);
    let (copies, receipts) = (verified.contents, verified.receipts);
    match lang {
        Lang::Bg => format!(
            "прегледани: {events} събития, {rows} реда, {transactions} транзакции, {batches} заявки, {answers} отговора, {copies} копия, {receipts} разписки"
        ),
        Lang::En => format!(
            "looked at: {events} events, {rows} rows, {transactions} transactions, {batches} requests, {answers} answers, {copies} copies, {receipts} receipts"
        ),
    }
}
