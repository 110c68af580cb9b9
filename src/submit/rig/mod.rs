//! What the tests of this room stand on: a plain system, a scripted server, and a watched ledger.

mod books;
mod server;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use http::{Request, Response};
use tokio::time::Instant;

use super::{Backoff, Clock, Pace, Settings};
use crate::destinations::{
    Call, ClientAuth, Context, Destination, Error, Evidence, Late, Limits, Login, Reply, Retry, Section,
    SespaWire, Ticket,
};
use crate::model::{Environment, Outcome, Schema};
use crate::validate::{Record, Rule};

pub(super) use books::{Batch, Books, body};
pub(super) use server::{AUTHORITY, Seen, Server, Step, tls};

/// A system with one member a record.
pub(super) struct Plain {
    schema: Schema,
    base: String,
    pub(super) rows: usize,
    pub(super) body_bytes: usize,
}

impl Plain {
    pub(super) fn at(base: &str) -> Self {
        let schema = Schema {
            system: "plain".to_owned(),
            fields: Vec::new(),
            types: Vec::new(),
            type_field: 0,
            date_field: 0,
            number_field: 0,
            registration_field: 0,
            zone: chrono_tz::Europe::Sofia,
        };
        Self { schema, base: base.to_owned(), rows: 2, body_bytes: 10_000 }
    }
}

impl Destination for Plain {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn rules(&self) -> &[Rule] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits { rows: self.rows, body_bytes: self.body_bytes }
    }

    fn login(&self) -> Login {
        Login::OAuth { token_url: format!("{}/token", self.base), auth: ClientAuth::Basic }
    }

    fn members(&self, _: &Record, number: Option<&str>, _: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{{\"n\":\"{}\"}}", number.unwrap_or_default()).as_bytes());
    }

    fn request(&self, call: &Call<'_>, with: &Context) -> Result<Option<Request<Vec<u8>>>, Error> {
        let (request, body) = match call {
            Call::Submit(items) => {
                let mut body = b"{\"rows\":[".to_vec();
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        body.push(b',');
                    }
                    self.members(&item.record, Some(&item.number), None, &mut body);
                }
                body.extend_from_slice(b"]}");
                (Request::post(format!("{}/submit", self.base)), body)
            }
            Call::Ask(ticket, _) => {
                // A ticket may be a whole address, as some systems give one.
                let ticket = ticket.0.as_str().unwrap_or_default();
                let url = if ticket.starts_with("http") {
                    ticket.to_owned()
                } else {
                    format!("{}/ask/{ticket}", self.base)
                };
                (Request::get(url), Vec::new())
            }
            Call::Look(item) => (Request::get(format!("{}/look/{}", self.base, item.number)), Vec::new()),
        };
        let request = match &with.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        request.body(body).map(Some).map_err(|error| Error::Setting(error.to_string()))
    }

    fn reply(&self, call: &Call<'_>, answer: &Response<Vec<u8>>) -> Reply {
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match (answer.status().as_u16(), body["ids"].as_array()) {
            (200, Some(ids)) => {
                let outcome = |id: &serde_json::Value| Outcome::Accepted { id: id.to_string() };
                Reply::Settled { outcomes: ids.iter().map(outcome).collect(), remote_batch: None }
            }
            (202, _) => Reply::Pending {
                ticket: Ticket(body["ticket"].clone()),
                remote_batch: None,
                after_s: Some(0),
            },
            (404, _) if matches!(call, Call::Look(_)) => Reply::Absent,
            (401, _) => Reply::LoginExpired,
            (429, _) => Reply::NotSent(Retry { after_s: None }),
            (status, _) => Reply::Unknown(Evidence { status: Some(status), seen: format!("HTTP {status}") }),
        }
    }

    fn submit_until(&self, _: NaiveDate) -> Option<NaiveDate> {
        None
    }

    fn reverse_until(&self, _: NaiveDate) -> Option<NaiveDate> {
        None
    }
}

/// A clock that begins on a fixed day.
pub(super) fn clock() -> Clock {
    let begun = Instant::now();
    let base: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    Clock::new(
        move || base + TimeDelta::from_std(begun.elapsed()).unwrap_or_default(),
        chrono_tz::Europe::Sofia,
    )
}

/// Settings in a hurry.
pub(super) fn settings(base: &str) -> Settings {
    let ms = Duration::from_millis;
    let backoff = |first, cap| Backoff { first: ms(first), cap: ms(cap) };
    Settings {
        section: section(base),
        timeout: Duration::from_secs(20),
        quiet: None,
        registration: None,
        secrets: Arc::new(|| Ok(("id..".into(), "secret..".into()))),
        raise: Arc::new(|_| Ok(())),
        seed: 7,
        pace: Pace {
            connect: Duration::from_secs(10),
            grace: ms(20),
            idle: ms(20),
            retry: backoff(2, 10),
            hold: backoff(10, 40),
            poll: backoff(1, 5),
            ask: backoff(1, 5),
        },
    }
}

fn section(base: &str) -> Section {
    Section {
        name: "plain".to_owned(),
        system: "plain".to_owned(),
        environment: Environment::Sandbox,
        base_url: base.to_owned(),
        client_id: None,
        client_secret: None,
        actor_reg_no: None,
        report_from: None,
        ca_file: None,
        proxy: None,
        catalogue: None,
        submit_window_days: Vec::new(),
        reverse_window_days: Vec::new(),
        late: Late::Hold,
        wire: SespaWire::default(),
    }
}
