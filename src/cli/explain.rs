//! `explain`: a code in words.

use anyhow::{Result, bail};
use serde_json::json;

use super::{ExitStatus, LangArg, out};
use crate::model::{CodeInfo, Lang};
use crate::report::{who_key, who_word};
use crate::run;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// For example V003; without it all codes are listed
    code: Option<String>,
    /// Language
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus> {
    let lang = args.lang.into();
    let rooms = run::code_rooms();
    let all = rooms.iter().flatten().copied();
    let Some(wanted) = &args.code else {
        for code in all {
            if args.json {
                out::line(&as_json(code, lang).to_string())?;
            } else {
                out::line(&format!("{}  {}", code.code, code.words(lang).message))?;
            }
        }
        return Ok(ExitStatus::Done);
    };
    let wanted = wanted.trim().to_uppercase();
    let Some(code) = all.into_iter().find(|code| code.code == wanted) else {
        bail!(
            "there is no code `{wanted}`; `rxdrop explain` lists all. Codes such as `sespa:E17` are the system's own: its description explains them"
        );
    };
    if args.json {
        out::line(&as_json(code, lang).to_string())?;
    } else {
        out::line(&in_words(code, lang))?;
    }
    Ok(ExitStatus::Done)
}

fn in_words(code: &CodeInfo, lang: Lang) -> String {
    let words = code.words(lang);
    let heads = match lang {
        Lang::Bg => ["Защо", "Пример", "Какво да се направи", "Кой"],
        Lang::En => ["Why", "Example", "What to do", "Who"],
    };
    let parts = [words.why, words.example, words.repair, who_word(code.who, lang)];
    let lines = heads.iter().zip(parts).map(|(head, text)| format!("  {head}: {text}"));
    std::iter::once(format!("{}  {}", code.code, words.message)).chain(lines).collect::<Vec<_>>().join("\n")
}

fn as_json(code: &CodeInfo, lang: Lang) -> serde_json::Value {
    let words = code.words(lang);
    json!({"code": code.code, "severity": if code.code.starts_with('W') { "warning" } else { "error" },
        "who": who_key(code.who), "message": words.message, "why": words.why, "example": words.example, "repair": words.repair})
}
