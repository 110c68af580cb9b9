//! `run` and `watch`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{ExitStatus, LangArg, load_config, out, world};
use crate::config::parse_duration;
use crate::ledger::{FileState, Life as _};
use crate::marks::Trouble;
use crate::model::{Lang, Status};
use crate::report::{message, status_word};
use crate::run::{self, Books, Ends, Outcome, Shop, Until};

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// How long to wait for answers and retries that fall due
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    wait: Duration,
    /// Quiet time before a file is taken, instead of the configured one; 0s takes at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    settle: Option<Duration>,
    /// Language of messages
    #[arg(long, value_enum, default_value = "en")]
    lang: LangArg,
    /// One JSON document instead of lines for people
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a time such as 10s, 2m or 0s".to_owned())
}

pub(super) fn run(config: Option<PathBuf>, args: &RunArgs) -> Result<ExitStatus> {
    let mut config = load_config(config)?;
    let _log = world::log(&config.log);
    if let Some(settle) = args.settle {
        config.drops.iter_mut().for_each(|drop| drop.settle = settle);
    }
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let outcome = match pass(&shop, Until::Done(args.wait)) {
        Err(error) if error.is::<Trouble>() => return Ok(stopped(&error, args)?),
        outcome => outcome?,
    };
    if args.json {
        out::line(&as_json(&outcome, args.lang.into()).to_string())?;
    } else {
        tell(&outcome, args.lang.into())?;
    }
    Ok(status(&outcome))
}

/// Nothing at all may be sent: said in the language asked for.
fn stopped(error: &anyhow::Error, args: &RunArgs) -> std::io::Result<ExitStatus> {
    if let Some(trouble) = error.downcast_ref::<Trouble>() {
        let message = trouble.message(args.lang.into());
        out::tell(&format!("error: {message}"));
        if args.json {
            out::line(&json!({"error": {"code": trouble.code.code, "message": message}}).to_string())?;
        }
    }
    Ok(ExitStatus::Unable)
}

pub(super) fn watch(config: Option<PathBuf>) -> Result<ExitStatus> {
    let config = load_config(config)?;
    let _log = world::log(&config.log);
    let shop = Arc::new(Shop::open(config, world::world(), Books::Real)?);
    let outcome = pass(&shop, Until::Stopped)?;
    tracing::info!("stopped");
    Ok(if outcome.stopped.is_empty() { ExitStatus::Done } else { status(&outcome) })
}

/// Runs the story; Ctrl-C and SIGTERM end it in order.
pub(super) fn pass(shop: &Arc<Shop>, until: Until) -> Result<Outcome> {
    // Senders are all that runs there: one a section.
    let workers = shop.config.sections.len().clamp(1, 2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let ending = CancellationToken::new();
        tokio::spawn(told_to_stop(ending.clone()));
        run::run(Arc::clone(shop), until, ending).await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn told_to_stop(ending: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            ending.cancel();
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    ending.cancel();
}

/// Exit code of a pass: what was reported in it, and everything that waits anywhere.
pub(super) fn status(outcome: &Outcome) -> ExitStatus {
    let mut people = outcome.summary.held > 0;
    let mut open = outcome.summary.waiting > 0 || outcome.summary.unknown > 0 || outcome.unreported > 0;
    for file in outcome.reported.iter().filter(|file| file.here) {
        people |= file.totals.refused > 0 || file.totals.held > 0 || file.state == FileState::Unreadable;
        open |= file.totals.waiting > 0 || file.totals.unknown > 0;
    }
    let unable = outcome.waiting.iter().any(|waiting| waiting.ends == Ends::Administrator);
    for waiting in &outcome.waiting {
        people |= waiting.ends == Ends::Person;
        open |= waiting.ends == Ends::Itself;
    }
    ExitStatus::of(unable, open, people)
}

pub(super) fn tell(outcome: &Outcome, lang: Lang) -> Result<()> {
    for file in &outcome.reported {
        let counts: Vec<String> = Status::ALL
            .into_iter()
            .filter(|status| file.totals.of(*status) > 0)
            .map(|status| format!("{} {}", file.totals.of(status), status_word(status, lang)))
            .collect();
        let counts = if counts.is_empty() { file.state.word().to_owned() } else { counts.join(", ") };
        out::line(&format!("{}: {counts}", file.file.display()))?;
    }
    for waiting in &outcome.waiting {
        let message = message(waiting.code, lang, &waiting.args);
        out::line(&format!(
            "{}: {message} ({})",
            waiting.folder.join(&waiting.name).display(),
            waiting.code.code
        ))?;
    }
    tell_stops(outcome, lang);
    if outcome.unreported > 0 {
        let failed = out::pick(
            lang,
            "файла са без новите си отчети: записът им не успя; причината е в журнала, следващото пускане опитва пак",
            "file(s) lack their newest reports: writing them failed; the log says why, and the next run tries again",
        );
        out::line(&format!("{} {failed}", outcome.unreported))?;
    }
    if outcome.too_old > 0 {
        let older =
            out::pick(lang, "файла по-стари от `since` не се пипат", "file(s) older than `since` left alone");
        out::line(&format!("{} {older}", outcome.too_old))?;
    }
    if outcome.reported.is_empty() && outcome.waiting.is_empty() {
        out::line(out::pick(lang, "нищо ново", "nothing new"))?;
    }
    let open = &outcome.summary;
    if open.waiting + open.unknown + open.held > 0 {
        // What the exit code speaks of besides the files above.
        let counts = [(open.waiting, "waiting"), (open.unknown, "unknown"), (open.held, "held")];
        let counts = counts.iter().filter(|(rows, _)| *rows > 0).map(|(rows, word)| format!("{rows} {word}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        out::line(&format!("rows open in the ledger: {counts}; `rxdrop status` shows them"))?;
    }
    Ok(())
}

/// Why nothing more went to a system.
pub(super) fn tell_stops(outcome: &Outcome, lang: Lang) {
    for stop in &outcome.stopped {
        out::tell(&format!("{} ({})", stop.message(lang), stop.code.code));
    }
    if let Some(told) = super::status::clocks(&outcome.summary, lang) {
        out::tell(&told);
    }
}

fn as_json(outcome: &Outcome, lang: Lang) -> serde_json::Value {
    let files: Vec<_> = outcome
        .reported
        .iter()
        .map(|file| {
            json!({"file": file.file, "state": file.state.word(), "rows": file.totals.rows(), "totals": file.totals, "reports": file.reports})
        })
        .collect();
    let waiting: Vec<_> = outcome
        .waiting
        .iter()
        .map(|one| json!({"file": one.folder.join(&one.name), "code": one.code.code, "message": message(one.code, lang, &one.args), "since": one.since}))
        .collect();
    let stopped: Vec<_> = outcome
        .stopped
        .iter()
        .map(|stop| json!({"code": stop.code.code, "message": stop.message(lang)}))
        .collect();
    json!({"files": files, "waiting": waiting, "too_old": outcome.too_old, "unreported": outcome.unreported, "stopped": stopped,
        "ledger": super::status::summary_json(&outcome.summary)})
}
