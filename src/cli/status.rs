//! `status`: what is where, what waits, and why a file isn't taken.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{ExitStatus, LangArg, load_config, out, what, world};
use crate::intake;
use crate::ledger::{FileView, Life as _, Summary, codes};
use crate::marks::{Standing, Trouble};
use crate::model::{Lang, Status};
use crate::report::{Totals, message, status_word, who_key, who_word};
use crate::run::{self, AtRisk, Books, Ends, Shop, Standings, Waiting};
use crate::submit::clocks_differ;

/// Files shown without being named.
const FILES: u32 = 30;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files to tell about; without it the newest
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<PathBuf>, args: &Args) -> Result<ExitStatus> {
    let (config, lang) = (load_config(config)?, args.lang.into());
    let shop = Shop::open(config, world::world(), Books::Real)?;
    let mut folders = run::open_folders(&shop);
    let standings = run::standings(&shop)?;
    let looked = run::look(&shop, &mut folders, true, &CancellationToken::new())?;
    let summary = shop.ledger.ask_blocking(|ledger| ledger.summary())?;
    let wanted: Vec<String> = args.files.iter().map(|file| name_of(file)).collect();
    let waiting: Vec<Waiting> = looked
        .waiting
        .into_iter()
        .filter(|one| wanted.is_empty() || wanted.contains(&one.name) || one.name.is_empty())
        .collect();
    let mut at_risk = run::at_risk(&shop)?;
    at_risk.retain(|one| {
        wanted.is_empty()
            || one.file.file_name().is_some_and(|name| wanted.iter().any(|file| name == file.as_str()))
    });
    let files = files(&shop, &wanted)?;
    let is_known = |name: &&String| {
        files.iter().any(|(view, _)| view.name == **name) || waiting.iter().any(|one| one.name == **name)
    };
    let strangers: Vec<&String> = wanted.iter().filter(|name| !is_known(name)).collect();
    if args.json {
        let document = document(&files, &waiting, &at_risk, &summary, looked.too_old, &standings, lang);
        out::line(&document.to_string())?;
    } else {
        show(&files, &waiting, &summary, looked.too_old, lang)?;
        at_risk.iter().try_for_each(|one| risk(one, lang))?;
        marks(&standings, lang)?;
        for name in &strangers {
            out::line(&format!("{name}: {}", unknown_file(&folders, name, lang)))?;
        }
    }
    let nowhere = |name: &&String| !folders.iter().any(|folder| folder.drop.folder.join(name).exists());
    if strangers.iter().any(nowhere) {
        return Ok(ExitStatus::Unable);
    }
    if standings.stopped().is_some() {
        return Ok(ExitStatus::Unable);
    }
    Ok(exit(&summary, &waiting, &files))
}

fn name_of(file: &str) -> String {
    what::absolute(file).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Why a file that was named is neither known nor waiting.
fn unknown_file(folders: &[run::Folder], name: &str, lang: Lang) -> String {
    let look = |folder: &run::Folder| {
        Some((std::fs::metadata(folder.drop.folder.join(name)).ok()?, folder.drop.since))
    };
    let Some((metadata, since)) = folders.iter().find_map(look) else {
        let (bg, en) = (
            "няма го нито в папка за подаване, нито в регистъра",
            "neither in a drop folder nor in the ledger",
        );
        return out::pick(lang, bg, en).to_owned();
    };
    let changed = intake::Stamp::of(&metadata).changed_on();
    let told = match since.filter(|since| changed < *since) {
        Some(since) => Some((&intake::F008, vec![since.to_string()])),
        None => intake::names::is_ignored(name).then(|| (&intake::F014, Vec::new())),
    };
    told.map_or_else(
        || {
            let bg = "още не е взет; взема се, щом спре да се променя, освен ако е наш отчет";
            let en =
                "not taken yet; the next pass takes it once it has rested, unless it is a report of ours";
            out::pick(lang, bg, en).to_owned()
        },
        |(code, args)| format!("{} ({})", message(code, lang, &args), code.code),
    )
}

fn files(shop: &Shop, wanted: &[String]) -> Result<Vec<(FileView, Totals)>> {
    let intakes = if wanted.is_empty() {
        shop.ledger.ask_blocking(|ledger| ledger.files(FILES))?
    } else {
        let mut intakes = Vec::new();
        for name in wanted {
            let name = name.clone();
            intakes.extend(shop.ledger.ask_blocking(move |ledger| ledger.newest(None, &name))?);
        }
        intakes
    };
    let mut files = Vec::new();
    for intake in intakes {
        files.extend(file(shop, intake)?);
    }
    Ok(files)
}

/// A file as it stands in the ledger.
pub(super) fn file(shop: &Shop, intake: i64) -> Result<Option<(FileView, Totals)>> {
    let view = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
    view.map(|view| Ok((view, run::totals(shop, intake)?))).transpose()
}

fn counts(totals: &Totals, lang: Lang) -> String {
    let counts = Status::ALL.into_iter().filter(|status| totals.of(*status) > 0);
    counts
        .map(|status| format!("{} {}", totals.of(status), status_word(status, lang)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn show(
    files: &[(FileView, Totals)],
    waiting: &[Waiting],
    summary: &Summary,
    too_old: usize,
    lang: Lang,
) -> Result<()> {
    if !files.is_empty() {
        out::line(&table(files, lang).to_string())?;
    }
    for one in waiting {
        out::line(&wait(one, lang))?;
    }
    let (batch_rows, older) = (
        out::pick(lang, "реда", "rows"),
        out::pick(lang, "файла по-стари от `since` не се пипат", "file(s) older than `since` left alone"),
    );
    for (batch, state, rows) in &summary.batches {
        out::line(&format!("batch:{batch} {state}, {rows} {batch_rows}"))?;
    }
    if too_old > 0 {
        out::line(&format!("{too_old} {older}"))?;
    }
    for (environment, rows) in &summary.elsewhere {
        let elsewhere = out::pick(
            lang,
            "реда са приети при друга среда или регистрация и не се пипат",
            "rows were taken under another environment or registration; they are left alone",
        );
        out::line(&format!("{rows} {elsewhere} ({environment})"))?;
    }
    if let Some(told) = clocks(summary, lang) {
        out::line(&told)?;
    }
    Ok(out::line(&in_all(summary, lang))?)
}

fn table(files: &[(FileView, Totals)], lang: Lang) -> comfy_table::Table {
    let header = match lang {
        Lang::Bg => ["приет (UTC)", "файл", "състояние", "редове", ""],
        Lang::En => ["received (UTC)", "file", "state", "rows", ""],
    };
    let mut table = out::table(&header);
    for (view, totals) in files {
        let received = view.received_at.format("%Y-%m-%d %H:%M").to_string();
        let environment = view.environment.map_or("", |environment| environment.word());
        let state = format!("{} {environment}", view.state.word());
        table.add_row([received, view.name.clone(), state, totals.rows().to_string(), counts(totals, lang)]);
    }
    table
}

/// Why a file waits, since when and for whom.
fn wait(one: &Waiting, lang: Lang) -> String {
    format!(
        "{}: {}: {} ({}, {} {}, {})",
        out::pick(lang, "чака", "waits"),
        one.folder.join(&one.name).display(),
        message(one.code, lang, &one.args),
        one.code.code,
        out::pick(lang, "от", "since"),
        one.since.format("%Y-%m-%d %H:%M UTC"),
        who_word(one.code.who, lang)
    )
}

/// What each choice risks of a file's rows without an answer, and the command for each.
fn risk(one: &AtRisk, lang: Lang) -> std::io::Result<()> {
    let named: Vec<String> = one.first.iter().map(u32::to_string).collect();
    let more = if one.risk.rows > one.first.len() as u64 { ", …" } else { "" };
    out::line(&format!(
        "{}: {}, {} {}{more}: {} ({}, {})",
        out::pick(lang, "срокът наближава", "the last day comes near"),
        one.file.display(),
        out::pick(lang, "ред", "row"),
        named.join(", "),
        message(&codes::RISK, lang, &one.told.args),
        codes::RISK.code,
        who_word(codes::RISK.who, lang)
    ))?;
    out::line(&format!("    {}", what_to_do(one, lang)))
}

/// The repair, with the first row in its commands.
fn what_to_do(one: &AtRisk, lang: Lang) -> String {
    let name = one.file.file_name().unwrap_or_default().to_string_lossy();
    let row = one.first.first().map_or(name.to_string(), |row| format!("{name}:{row}"));
    codes::RISK.words(lang).repair.replace(out::pick(lang, "ФАЙЛ:РЕД", "FILE:ROW"), &row)
}

fn risk_json(one: &AtRisk, lang: Lang) -> serde_json::Value {
    json!({"file": one.file, "rows": one.risk.rows, "first": one.first, "until": one.risk.until,
        "reverse_until": one.risk.reverse_until, "code": codes::RISK.code, "who": who_key(codes::RISK.who),
        "message": message(&codes::RISK, lang, &one.told.args), "repair": what_to_do(one, lang)})
}

fn in_all(summary: &Summary, lang: Lang) -> String {
    let next =
        out::pick(lang, "; най-ранен последен ден за подаване е", "; the earliest last day to send is");
    let next = summary.next_until.map_or(String::new(), |day| format!("{next} {}", day.format("%d.%m.%Y")));
    let counts = [
        (summary.waiting, Status::Waiting),
        (summary.unknown, Status::Unknown),
        (summary.held, Status::Held),
    ];
    let counts = counts.map(|(rows, status)| format!("{rows} {}", status_word(status, lang)));
    format!("{}: {}{next}", out::pick(lang, "общо", "in all"), counts.join(", "))
}

fn document(
    files: &[(FileView, Totals)],
    waiting: &[Waiting],
    at_risk: &[AtRisk],
    summary: &Summary,
    too_old: usize,
    standings: &Standings,
    lang: Lang,
) -> serde_json::Value {
    let files: Vec<_> = files
        .iter()
        .map(|(view, totals)| {
            json!({"file": view.folder.join(&view.name), "received_at": view.received_at, "state": view.state.word(),
                "environment": view.environment, "rows": totals.rows(), "totals": totals})
        })
        .collect();
    let waiting: Vec<_> = waiting
        .iter()
        .map(|one| json!({"file": one.folder.join(&one.name), "code": one.code.code, "message": message(one.code, lang, &one.args), "since": one.since, "who": who_key(one.code.who)}))
        .collect();
    let at_risk: Vec<_> = at_risk.iter().map(|one| risk_json(one, lang)).collect();
    json!({"files": files, "waiting": waiting, "at_risk": at_risk, "too_old": too_old, "ledger": summary_json(summary),
        "stopped": standings.stopped().map(|trouble| told(trouble, lang)), "folders": folders(standings, lang)})
}

/// Whose each folder is, and why nothing is sent where a mark says so.
fn marks(standings: &Standings, lang: Lang) -> Result<()> {
    for (folder, standing) in &standings.folders {
        if let Some(Standing::Ours(mark)) = standing {
            let (since, sent) = match lang {
                Lang::Bg => ("на този регистър от", "белегът е от"),
                Lang::En => ("this ledger's since", "marked last at"),
            };
            let at = mark.at.format("%Y-%m-%d %H:%M UTC");
            out::line(&format!("{}: {since} {}, {sent} {at}", folder.display(), mark.day()))?;
        }
    }
    if let Some(trouble) = standings.stopped() {
        out::line(&trouble.message(lang))?;
    }
    Ok(())
}

fn told(trouble: &Trouble, lang: Lang) -> serde_json::Value {
    json!({"code": trouble.code.code, "message": trouble.message(lang)})
}

fn folders(standings: &Standings, lang: Lang) -> Vec<serde_json::Value> {
    let one = |(folder, standing): &(PathBuf, Option<Standing>)| {
        let (state, mark, trouble) = match standing {
            Some(Standing::Ours(mark)) => ("ours", Some(mark), None),
            Some(Standing::New) => ("new", None, None),
            Some(Standing::Away) | None => ("away", None, None),
            Some(Standing::Barred(trouble)) => ("barred", trouble.mark.as_ref(), Some(trouble)),
            Some(Standing::Stopped(trouble)) => ("stopped", trouble.mark.as_ref(), Some(trouble)),
        };
        json!({"folder": folder, "state": state, "mark": mark, "trouble": trouble.map(|trouble| told(trouble, lang))})
    };
    standings.folders.iter().map(one).collect()
}

/// The counts of the whole ledger.
pub(super) fn summary_json(summary: &Summary) -> serde_json::Value {
    let batches: Vec<_> = summary
        .batches
        .iter()
        .map(|(id, state, rows)| json!({"id": id, "state": state, "rows": rows}))
        .collect();
    let elsewhere: Vec<_> = summary
        .elsewhere
        .iter()
        .map(|(environment, rows)| json!({"environment": environment, "rows": rows}))
        .collect();
    json!({"waiting": summary.waiting, "unknown": summary.unknown, "held": summary.held,
        "next_until": summary.next_until, "batches": batches, "elsewhere": elsewhere, "clock": summary.clock})
}

/// What is said of clocks that are too far apart.
pub(super) fn clocks(summary: &Summary, lang: Lang) -> Option<String> {
    let skew = summary.clock.as_ref().filter(|skew| skew.is_told())?;
    let told = clocks_differ(&skew.section, skew.ahead_s);
    Some(format!("{} ({})", told.message(lang), told.code.code))
}

fn exit(summary: &Summary, waiting: &[Waiting], files: &[(FileView, Totals)]) -> ExitStatus {
    let refused = files.iter().any(|(_, totals)| totals.refused > 0);
    let people = refused || summary.held > 0 || waiting.iter().any(|one| one.ends == Ends::Person);
    let open =
        summary.waiting > 0 || summary.unknown > 0 || waiting.iter().any(|one| one.ends == Ends::Itself);
    let unable = waiting.iter().any(|one| one.ends == Ends::Administrator);
    ExitStatus::of(unable, open, people)
}
