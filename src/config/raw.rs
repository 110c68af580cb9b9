//! The configuration file as it is written: one struct for each table, one member for each key.
//! These structs are also the JSON Schema; what they can't say is checked in `resolve` and `sections`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::duration::Span;
use crate::destinations::{Late, Secret, SespaWire, Window};
use crate::model::{Environment, Lang};

/// `rxdrop.toml`. Every table and key may be left out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "rxdrop.toml")]
pub(super) struct RawFile {
    /// Where the ledger is.
    #[schemars(with = "RawLedger")]
    ledger: toml::Table,
    /// The log.
    #[schemars(with = "RawLog")]
    log: toml::Table,
    /// The drop folders.
    #[schemars(with = "Vec<RawDrop>")]
    drop: Vec<toml::Table>,
    /// One section for each registration with a national system; the name is yours.
    #[schemars(with = "BTreeMap<String, RawSection>")]
    destination: BTreeMap<String, toml::Table>,
}

/// `[ledger]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Ledger")]
pub(super) struct RawLedger {
    /// `sqlite://` and a path on a local disk; spool and marks lie beside it.
    pub(super) url: String,
    /// First digits of the numbers we issue, different for each installation of a registration.
    #[schemars(range(min = 1, max = 999))]
    pub(super) installation: i64,
    /// How many days requests and answers are kept whole once their batch is settled; their hashes and the events
    /// stay. 0: for ever.
    #[schemars(range(min = 0, max = 36500))]
    pub(super) keep_raw_days: i64,
}

impl Default for RawLedger {
    fn default() -> Self {
        Self { url: "sqlite://state/rxdrop.db".to_owned(), installation: 1, keep_raw_days: 0 }
    }
}

/// `[log]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Log")]
pub(super) struct RawLog {
    /// Empty: standard error only; else one file a day under this name beside the ledger.
    pub(super) file: String,
    /// The least important that is logged.
    pub(super) level: Level,
}

/// The least important that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing.
    Off,
    /// Failures.
    Error,
    /// Failures, and what may become one.
    Warn,
    /// What was done.
    #[default]
    Info,
    /// Each step.
    Debug,
    /// Everything.
    Trace,
}

impl From<Level> for tracing::level_filters::LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// `[[drop]]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Drop")]
pub(super) struct RawDrop {
    /// The folder that is watched.
    pub(super) folder: String,
    /// A folder of mappings, or a list of files and folders.
    pub(super) mappings: OneOrMany,
    /// The section rows go to, whatever the mapping says; empty: the mapping's.
    pub(super) destination: String,
    /// Quiet time before a file is taken, counted from our first sight: `10s`, `500ms`, `2m`.
    #[schemars(with = "String")]
    pub(super) settle: Span,
    /// Time between two full listings.
    #[schemars(with = "String")]
    pub(super) poll: Span,
    /// Files last changed before this day (`YYYY-MM-DD`) are left alone; empty: none.
    #[serde(deserialize_with = "day_or_none")]
    #[schemars(with = "String")]
    pub(super) since: Option<NaiveDate>,
    /// What is sent of a file with refused rows.
    pub(super) accept: Accept,
    /// What becomes of a file whose rows are all final.
    pub(super) after: After,
    /// The language of reports and notices.
    pub(super) language: Language,
}

impl Default for RawDrop {
    fn default() -> Self {
        Self {
            folder: "drop".to_owned(),
            mappings: OneOrMany::One("mappings".to_owned()),
            destination: String::new(),
            settle: Span(std::time::Duration::from_secs(10)),
            poll: Span(std::time::Duration::from_secs(5)),
            since: None,
            accept: Accept::default(),
            after: After::default(),
            language: Language::default(),
        }
    }
}

/// A path or a list of paths.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write a path, or a list of paths: [\"a.toml\", \"b.toml\"]")]
pub(super) enum OneOrMany {
    /// A folder or a file.
    One(String),
    /// Folders and files.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// What is sent of a file with refused rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Accept {
    /// Every good row.
    #[default]
    GoodRows,
    /// The rows of documents without a refused row.
    WholeDocument,
    /// Nothing, unless every row is good.
    WholeFile,
}

/// What becomes of a file whose rows are all final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// It stays where it is.
    #[default]
    Keep,
    /// It goes with its reports to `archive/YYYY-MM/`.
    Archive,
}

/// The language of reports and notices.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// Bulgarian.
    #[default]
    Bg,
    /// English.
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Bg => Self::Bg,
            Language::En => Self::En,
        }
    }
}

/// `[destination.NAME]`. What is left out comes from `like`, else it is the sandbox's.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Destination")]
pub(super) struct RawSection {
    /// The national system; left out: the section's name.
    pub(super) system: Option<String>,
    /// Another section that what is not said here is taken from, but never `environment`,
    /// `client_id`, `client_secret`, `actor_reg_no`, `report_from`; empty: none.
    pub(super) like: Option<String>,
    /// Which of the system's environments; left out: the sandbox.
    pub(super) environment: Option<Environment>,
    /// Base of every path; plain http to loopback only.
    pub(super) base_url: Option<String>,
    /// Client id of the web services.
    #[schemars(with = "Option<Secret>")]
    pub(super) client_id: Option<RawSecret>,
    /// Client secret of the web services.
    #[schemars(with = "Option<Secret>")]
    pub(super) client_secret: Option<RawSecret>,
    /// The registration number that is reported for.
    #[schemars(with = "Option<Secret>")]
    pub(super) actor_reg_no: Option<RawSecret>,
    /// Rows dated before this day (`YYYY-MM-DD`) were reported another way; required in production.
    #[serde(deserialize_with = "day_or_none")]
    #[schemars(with = "Option<String>")]
    pub(super) report_from: Option<NaiveDate>,
    /// An extra certificate authority (PEM); empty: none.
    pub(super) ca_file: Option<String>,
    /// A proxy; never taken from the environment; empty: none.
    pub(super) proxy: Option<String>,
    /// A file in place of the built-in catalogue of types; empty: none.
    pub(super) catalogue: Option<String>,
    /// How many days after its date a row may be sent, by the row's date.
    pub(super) submit_window_days: Option<Vec<Window>>,
    /// How many days after its date an accepted row may be reversed, by the row's date.
    pub(super) reverse_window_days: Option<Vec<Window>>,
    /// What happens to rows past the window on the day they would first enter a request.
    pub(super) late: Option<Late>,
    /// What the system's public documents leave open.
    #[schemars(with = "Option<SespaWire>")]
    pub(super) wire: Option<toml::Table>,
}

/// Where a secret is read from. Read by hand, because an error may never repeat what stands there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSecret {
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
    pub(super) value: Option<String>,
}

/// A day; the empty text is none.
fn day_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    let text = String::deserialize(from)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    text.trim().parse().map(Some).map_err(|_| {
        serde::de::Error::custom(format!("`{text}` is no day; write it as \"2026-11-21\", or \"\" for none"))
    })
}
