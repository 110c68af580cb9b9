//! One `[destination.*]` section, checked and with its defaults filled in by `config.rs`.

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::model::Environment;

/// Where a secret is read from, anew for each use. Its value is never kept here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Secret {
    /// An environment variable.
    Env {
        /// Its name.
        env: String,
    },
    /// A file of one line.
    File {
        /// Its path.
        file: PathBuf,
    },
    /// The value itself; only in the sandbox.
    Value {
        /// The value.
        value: String,
    },
}

/// A legal window: rows dated from a day on may be sent (or reversed) that many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First row date it holds for.
    #[schemars(with = "String")]
    pub from: NaiveDate,
    /// Days after the row's date, that last day included.
    pub days: u32,
}

/// What happens to rows past the window on the day they would first enter a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// They wait for a person.
    #[default]
    Hold,
    /// They are refused.
    Refuse,
    /// They are sent.
    Send,
}

/// How the client id and secret reach the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// HTTP Basic.
    #[default]
    Basic,
    /// `client_id` and `client_secret` in the form.
    Body,
}

/// How whole numbers stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NumberForm {
    /// `12`
    #[default]
    Number,
    /// `"12"`
    String,
}

/// What the public guideline leaves open on SESPA's wire. The defaults are the sandbox's.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SespaWire {
    /// Path of the token endpoint.
    pub token_path: String,
    /// How the client is authenticated there.
    pub client_auth: ClientAuth,
    /// Path that takes a batch.
    pub submit_path: String,
    /// Path that tells of a batch, with `{batch}`; empty = none.
    pub status_path: String,
    /// Path of the query by our number, with `{number}`; empty = none.
    pub lookup_path: String,
    /// Path that cancels a transaction.
    pub reverse_path: String,
    /// Path that cancels a batch.
    pub reverse_batch_path: String,
    /// Member of a cancelling request that holds the transaction's id.
    pub reverse_id_key: String,
    /// Member of a cancelling request that holds the batch number.
    pub reverse_batch_key: String,
    /// Member of request and answer that holds the rows.
    pub items_key: String,
    /// Member that holds the batch number.
    pub batch_key: String,
    /// Member that holds the transaction's id.
    pub id_key: String,
    /// Member that holds a row's errors.
    pub errors_key: String,
    /// Member of an error that holds its code.
    pub code_key: String,
    /// Member of an error that holds its text.
    pub message_key: String,
    /// Member that holds the state of a batch asked about.
    pub state_key: String,
    /// Values of it that are final.
    pub state_done: Vec<String>,
    /// How answers are matched to rows: `p_actor_trn_no` or `position`.
    pub match_by: String,
    /// Form of dates with time (strftime), Europe/Sofia wall time.
    pub timestamp: String,
    /// Form of dates (strftime).
    pub date: String,
    /// Between several countries, on the way out.
    pub country_separator: String,
    /// Wire name of the planned export date.
    pub planned_date_key: String,
    /// Wire name of the notes.
    pub notes_key: String,
    /// How whole numbers stand on the wire.
    pub numbers_as: NumberForm,
    /// Most rows in one request.
    pub max_batch: usize,
    /// Most rows the system is said to answer at once.
    pub async_above: usize,
    /// Most bytes of one request body.
    pub max_body: usize,
    /// Whole-request statuses that prove nothing was registered.
    pub not_received: Vec<u16>,
    /// First byte sent to last byte read, for example `120s`.
    pub timeout: String,
    /// How long after a request without an answer "not there" proves nothing: it may still be carried out. Asked by
    /// our number, the system must say so twice, that far apart.
    pub quiet: String,
    /// The same for a batch that is answered later.
    pub quiet_later: String,
    /// Constant members of every request body.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub extra: toml::Table,
}

impl Default for SespaWire {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            token_path: text("/oauth/token"),
            client_auth: ClientAuth::Basic,
            submit_path: text("/batchtrn"),
            status_path: text("/batch/{batch}"),
            lookup_path: String::new(),
            reverse_path: text("/revtrn"),
            reverse_batch_path: text("/revbatch"),
            reverse_id_key: text("p_transaction_id"),
            reverse_batch_key: text("p_batch_id"),
            items_key: text("transactions"),
            batch_key: text("BATCH_ID"),
            id_key: text("TRANSACTION_ID"),
            errors_key: text("errors"),
            code_key: text("code"),
            message_key: text("message"),
            state_key: text("status"),
            state_done: vec![text("done")],
            match_by: text("p_actor_trn_no"),
            timestamp: text("%Y-%m-%dT%H:%M:%S"),
            date: text("%Y-%m-%d"),
            country_separator: text(";"),
            planned_date_key: text("p_export_planned_date"),
            notes_key: text("notes"),
            numbers_as: NumberForm::Number,
            max_batch: 250,
            async_above: 250,
            max_body: 1_000_000,
            not_received: vec![401, 429],
            timeout: text("120s"),
            quiet: text("30m"),
            quiet_later: text("24h"),
            extra: toml::Table::new(),
        }
    }
}

/// One registration with one system. The name is the user's.
#[derive(Debug, Clone)]
pub struct Section {
    /// The section's name.
    pub name: String,
    /// The system it speaks to.
    pub system: String,
    /// Which environment.
    pub environment: Environment,
    /// Base of every path.
    pub base_url: String,
    /// Client id of the web services.
    pub client_id: Option<Secret>,
    /// Client secret of the web services.
    pub client_secret: Option<Secret>,
    /// Registration number.
    pub actor_reg_no: Option<Secret>,
    /// Rows dated earlier were reported another way.
    pub report_from: Option<NaiveDate>,
    /// An extra certificate authority.
    pub ca_file: Option<PathBuf>,
    /// A proxy; never taken from the environment.
    pub proxy: Option<String>,
    /// A catalogue in place of the built-in one.
    pub catalogue: Option<PathBuf>,
    /// How long a row may be sent.
    pub submit_window_days: Vec<Window>,
    /// How long an accepted row may be reversed.
    pub reverse_window_days: Vec<Window>,
    /// What happens to late rows.
    pub late: Late,
    /// The wire.
    pub wire: SespaWire,
}
