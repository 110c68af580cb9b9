//! The only clock and the only randomness; logging.

use std::hash::{BuildHasher, Hasher};

use chrono::{DateTime, NaiveDate, Utc};
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::LogSettings;
use crate::run::World;
use crate::submit::Clock;

/// Europe/Sofia for SESPA, whose calendar the legal days are on.
const ZONE: chrono_tz::Tz = chrono_tz::Europe::Sofia;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The world as it is.
pub(super) fn world() -> World {
    World { clock: Clock::new(now, ZONE), seed: seed(), host: host() }
}

/// The world on a given day, at noon.
pub(super) fn world_on(today: Option<NaiveDate>) -> World {
    let Some(noon) = today.and_then(|day| day.and_hms_opt(12, 0, 0)) else { return world() };
    World { clock: Clock::new(move || noon.and_utc(), ZONE), seed: seed(), host: host() }
}

/// This machine's name, for those who read a mark.
#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// This machine's name, for those who read a mark.
#[cfg(not(unix))]
fn host() -> String {
    std::env::var_os("COMPUTERNAME").unwrap_or_default().to_string_lossy().into_owned()
}

/// Fresh randomness of the process: the standard library seeds its hashers with it.
fn seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// Takes a test's order to stop at some point; see `knife`.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "not a setting: builds for users hold nothing of it")]
pub(super) fn arm() -> anyhow::Result<()> {
    use crate::knife;
    std::env::var(knife::ORDER).map_or(Ok(()), |order| knife::arm(&order).map_err(anyhow::Error::msg))
}

/// Starts the log: standard error, or one file a day. Keep the guard while logging.
pub(super) fn log(settings: &LogSettings) -> Option<tracing_appender::non_blocking::WorkerGuard> {
    let (writer, guard) = match &settings.file {
        None => (BoxMakeWriter::new(std::io::stderr), None),
        Some(path) => {
            let folder = path.parent().unwrap_or(std::path::Path::new("."));
            let name = path.file_name().unwrap_or_default();
            let daily = tracing_appender::rolling::daily(folder, name);
            let (writer, guard) = tracing_appender::non_blocking(daily);
            (BoxMakeWriter::new(writer), Some(guard))
        }
    };
    let filter: tracing_subscriber::filter::LevelFilter = settings.level.into();
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(writer)
        .with_ansi(settings.file.is_none() && super::out::colours())
        .with_target(false)
        // Told on standard error instead, a log that can't be written (a full disk) would end the thread that writes.
        .log_internal_errors(false)
        .try_init();
    guard
}
