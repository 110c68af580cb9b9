//! SESPA, the Bulgarian system of movements of medicines, for holders of a wholesale licence.
//!
//! Sources: the guideline for wholesalers, version 1.0 (types, members, cancelling), and the notice on
//! information security of October 2021 (OAuth 2.0, ten days to submit, fourteen to cancel). The description of
//! the automated interface is not public, so paths, envelope, forms and names of answers are settings
//! ([`SespaWire`](super::SespaWire)) whose defaults are those of the built-in sandbox.
//!
//! Quirks that the code answers to:
//! - answers mix letter cases (`TRANSACTION_ID`, `process_status`): members are found in any case;
//! - four letter codes of types are printed in Cyrillic; only the number is ever sent;
//! - countries are divided by a comma in one section and a semicolon in two others; the planned date has two
//!   names; notes have no `p_` before their name: three settings;
//! - `p_actor_trn_no` is a number, so document numbers with letters cannot be sent in it;
//! - type 38 needs the warehouse's postcode only for returns from a wholesaler, which no member shows: it is
//!   sent when there and never missed;
//! - nothing promises that a number sent twice is registered once, so an answer that is lost stays unknown.

mod answer;
mod countries;
mod identifiers;
mod recipient;
mod reply;
mod request;
mod rules;
pub mod sandbox;
mod schema;
mod script;
mod wire;

use chrono::{Days, NaiveDate};
use http::{Request, Response};

use super::{Call, Context, Destination, Error, Limits, Login, Reply, Section, SespaWire, Ticket, Window};
use crate::model::{CodeInfo, Schema};
use crate::validate::{Record, Rule};

pub use schema::CatalogueError;
use wire::Wire;

/// Every code of SESPA's own rules.
pub(super) static CODES: &[&CodeInfo] = &[
    &countries::S001,
    &recipient::S002,
    &recipient::S003,
    &rules::S004,
    &rules::W401,
    &countries::W402,
    &recipient::W403,
    &recipient::W404,
    &recipient::W405,
    &script::W406,
    &script::W407,
    &rules::W408,
    &rules::W409,
    &rules::W410,
    &rules::W411,
    &rules::W412,
    &rules::W413,
    &recipient::W414,
    &rules::W415,
    &rules::W416,
];

/// The ticket's member with the system's batch number.
const TICKET_BATCH: &str = "batch";
/// The other value of `match_by`, beside our number's name.
const BY_POSITION: &str = "position";

/// Its fields and its types under the given catalogue text, or the built-in one.
pub(super) fn schema(catalogue: Option<&str>) -> Result<Schema, Error> {
    Ok(schema::schema(catalogue)?)
}

/// Makes a destination of a section's settings.
pub(super) fn open(section: &Section, catalogue: Option<&str>) -> Result<Box<dyn Destination>, Error> {
    Ok(Box::new(Sespa::new(section, catalogue)?))
}

struct Sespa {
    schema: Schema,
    wire: Wire,
    settings: SespaWire,
    base_url: String,
    submit_windows: Vec<Window>,
    reverse_windows: Vec<Window>,
}

impl Sespa {
    fn new(section: &Section, catalogue: Option<&str>) -> Result<Self, Error> {
        let schema = schema(catalogue)?;
        check(&section.wire, &schema)?;
        Ok(Self {
            wire: Wire::new(&schema, &section.wire)?,
            schema,
            settings: section.wire.clone(),
            base_url: section.base_url.trim_end_matches('/').to_owned(),
            submit_windows: section.submit_window_days.clone(),
            reverse_windows: section.reverse_window_days.clone(),
        })
    }
}

impl Destination for Sespa {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn rules(&self) -> &[Rule] {
        rules::RULES
    }

    fn limits(&self) -> Limits {
        Limits { rows: self.settings.max_batch, body_bytes: self.settings.max_body }
    }

    fn login(&self) -> Login {
        Login::OAuth { token_url: self.url(&self.settings.token_path), auth: self.settings.client_auth }
    }

    fn members(&self, record: &Record, number: Option<&str>, registration: Option<&str>, out: &mut Vec<u8>) {
        self.wire.members(record, number, registration, out);
    }

    fn request(&self, call: &Call<'_>, with: &Context) -> Result<Option<Request<Vec<u8>>>, Error> {
        self.build(call, with)
    }

    fn reply(&self, call: &Call<'_>, answer: &Response<Vec<u8>>) -> Reply {
        self.read(call, answer)
    }

    fn ticket(&self, remote_batch: &str) -> Option<Ticket> {
        let asks = !self.settings.status_path.is_empty();
        asks.then(|| Ticket(serde_json::json!({ TICKET_BATCH: remote_batch })))
    }

    fn submit_until(&self, day: NaiveDate) -> Option<NaiveDate> {
        last_day(&self.submit_windows, day)
    }

    fn reverse_until(&self, day: NaiveDate) -> Option<NaiveDate> {
        last_day(&self.reverse_windows, day)
    }
}

/// The last day of the window that holds for a day: the newest that began by then.
fn last_day(windows: &[Window], day: NaiveDate) -> Option<NaiveDate> {
    if windows.is_empty() {
        return None;
    }
    // A row dated before every window has no day left but its own: it is late, and a person decides.
    let begun = windows.iter().filter(|window| window.from <= day);
    let days = begun.max_by_key(|window| window.from).map_or(0, |window| window.days);
    day.checked_add_days(Days::new(u64::from(days)))
}

/// Settings that would only show in the middle of the work.
fn check(wire: &SespaWire, schema: &Schema) -> Result<(), Error> {
    let number = schema.fields.get(schema.number_field).map_or("", |field| field.name.as_str());
    let wrong = |text: String| Err(Error::Setting(text));
    if wire.match_by != number && wire.match_by != BY_POSITION {
        return wrong(format!("`wire.match_by` is `{number}` or `{BY_POSITION}`, not `{}`", wire.match_by));
    }
    if wire.max_batch == 0 {
        return wrong("`wire.max_batch` is 0: no request could hold a row".to_owned());
    }
    for (setting, path, mark) in
        [("status_path", &wire.status_path, "{batch}"), ("lookup_path", &wire.lookup_path, "{number}")]
    {
        if !path.is_empty() && !path.contains(mark) {
            return wrong(format!("`wire.{setting}`: `{path}` lacks {mark}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CODES, Sespa, last_day, rules};
    use crate::destinations::{
        Destination, Error, Item, Late, Login, Section, SespaWire, Ticket, Window, open,
    };
    use crate::model::{Environment, Lang};
    use crate::validate::Record;

    pub(super) fn section(wire: SespaWire) -> Section {
        Section {
            name: "sespa".to_owned(),
            system: "sespa".to_owned(),
            environment: Environment::Sandbox,
            base_url: "http://127.0.0.1:8787/sespa/".to_owned(),
            client_id: None,
            client_secret: None,
            actor_reg_no: None,
            report_from: None,
            ca_file: None,
            proxy: None,
            catalogue: None,
            submit_window_days: vec![window("2021-10-29", 10)],
            reverse_window_days: vec![window("2021-10-29", 14)],
            late: Late::Hold,
            wire,
        }
    }

    fn window(from: &str, days: u32) -> Window {
        Window { from: from.parse().expect("a day"), days }
    }

    pub(super) fn sespa(wire: SespaWire) -> Sespa {
        Sespa::new(&section(wire), None).expect("a destination")
    }

    pub(super) fn ticket(batch: &str) -> Ticket {
        Ticket(serde_json::json!({ "batch": batch }))
    }

    /// The two rows of `examples/batch.json`.
    pub(super) fn items() -> Vec<Item> {
        let schema = super::schema(None).expect("the built-in catalogue");
        let example: serde_json::Value =
            serde_json::from_str(include_str!("examples/batch.json")).expect("the example");
        let rows = example["transactions"].as_array().expect("rows");
        let item = |(index, row): (usize, &serde_json::Value)| {
            let mut members = row.as_object().expect("a row").clone();
            members.shift_remove("p_actor_reg_no");
            let number = members.shift_remove("p_actor_trn_no").expect("our number").to_string();
            let text = serde_json::Value::Object(members).to_string();
            let transaction = i64::try_from(index).expect("an index");
            Item { transaction, number, record: Record::restored(&schema, &text).expect("a record") }
        };
        rows.iter().enumerate().map(item).collect()
    }

    #[test]
    fn a_section_opens_with_its_limits_and_login() {
        let sespa = open(&section(SespaWire::default()), None).expect("a destination");
        assert_eq!((sespa.limits().rows, sespa.limits().body_bytes), (250, 1_000_000));
        let Login::OAuth { token_url, .. } = sespa.login();
        assert_eq!(token_url, "http://127.0.0.1:8787/sespa/oauth/token");
        assert_eq!(sespa.schema().system, "sespa");
        assert_eq!(sespa.rules().len(), rules::RULES.len());
    }

    #[test]
    fn wrong_settings_are_told_on_opening() {
        let error = |wire: SespaWire| match Sespa::new(&section(wire), None) {
            Err(Error::Setting(text)) => text,
            _ => panic!("taken"),
        };
        let plain = SespaWire::default;
        assert!(error(SespaWire { match_by: "order".to_owned(), ..plain() }).contains("match_by"));
        assert!(error(SespaWire { max_batch: 0, ..plain() }).contains("max_batch"));
        assert!(error(SespaWire { status_path: "/batch".to_owned(), ..plain() }).contains("{batch}"));
        assert!(error(SespaWire { lookup_path: "/trn".to_owned(), ..plain() }).contains("{number}"));
        let other = Section { system: "sepsa".to_owned(), ..section(plain()) };
        assert!(matches!(open(&other, None), Err(Error::System { nearest: "sespa", .. })));
        assert!(matches!(open(&section(plain()), Some("x")), Err(Error::Catalogue(_))));
    }

    #[test]
    fn windows_go_by_the_rows_day() {
        let windows = [window("2021-10-29", 10), window("2023-03-01", 3)];
        let last = |day: &str| last_day(&windows, day.parse().expect("a day")).map(|day| day.to_string());
        assert_eq!(last("2021-10-28").as_deref(), Some("2021-10-28"), "before every window it is late");
        assert_eq!(last_day(&[], "2026-01-01".parse().expect("a day")), None);
        assert_eq!(last("2021-10-29").as_deref(), Some("2021-11-08"));
        assert_eq!(last("2023-02-28").as_deref(), Some("2023-03-10"));
        assert_eq!(last("2023-03-01").as_deref(), Some("2023-03-04"));
        let sespa = sespa(SespaWire::default());
        let day = "2026-06-10".parse().expect("a day");
        assert_eq!(sespa.submit_until(day), "2026-06-20".parse().ok());
        assert_eq!(sespa.reverse_until(day), "2026-06-24".parse().ok());
    }

    #[test]
    fn every_code_is_listed_once_and_speaks_both_languages() {
        let listed: BTreeSet<&str> = CODES.iter().map(|info| info.code).collect();
        assert_eq!(listed.len(), CODES.len());
        let given: BTreeSet<&str> =
            rules::RULES.iter().flat_map(|rule| rule.codes).map(|info| info.code).collect();
        assert_eq!(listed, given);
        for info in CODES {
            for words in [Lang::Bg, Lang::En].map(|lang| info.words(lang)) {
                assert!(
                    ![words.message, words.why, words.example, words.repair].contains(&""),
                    "{}",
                    info.code
                );
            }
        }
    }
}
