//! Calls as HTTP requests. Paths, names and forms are settings, because the public guideline has none.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};

use super::Sespa;
use super::schema::REGISTRATION;
use super::wire::Wire;
use crate::destinations::{Call, Context, Error, Item};
use crate::model::Value;

const JSON: &str = "application/json; charset=utf-8";
/// About what a row takes; saves growing the body step by step.
const ROW_BYTES: usize = 400;

impl Sespa {
    pub(super) fn build(&self, call: &Call<'_>, with: &Context) -> Result<Option<Request<Vec<u8>>>, Error> {
        match call {
            Call::Submit(items) => {
                let url = self.url(&self.settings.submit_path);
                let body = if with.built { Vec::new() } else { self.body(items, with) };
                authorised(&Method::POST, &url, with, body).map(Some)
            }
            Call::Ask(ticket, _) => {
                let batch =
                    ticket.0.get(super::TICKET_BATCH).and_then(serde_json::Value::as_str).unwrap_or_default();
                self.query(&self.settings.status_path, "{batch}", batch, with)
            }
            Call::Look(item) => self.query(&self.settings.lookup_path, "{number}", &item.number, with),
        }
    }

    /// Registration number first, then constant members, then the rows.
    fn body(&self, items: &[Item], with: &Context) -> Vec<u8> {
        let mut body = Vec::with_capacity(ROW_BYTES * (items.len() + 1));
        let registration = with.registration.as_deref();
        self.wire.open_body(registration.or_else(|| shared_registration(items)), &mut body);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            self.wire.members(&item.record, Some(&item.number), registration, &mut body);
        }
        Wire::close_body(&mut body);
        body
    }

    fn query(
        &self,
        path: &str,
        mark: &str,
        id: &str,
        with: &Context,
    ) -> Result<Option<Request<Vec<u8>>>, Error> {
        if path.is_empty() {
            return Ok(None);
        }
        let url = self.url(&path.replace(mark, &escaped(id)));
        authorised(&Method::GET, &url, with, Vec::new()).map(Some)
    }

    pub(super) fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.base_url)
    }
}

/// The registration number that all rows name, where the destination names none.
fn shared_registration(items: &[Item]) -> Option<&str> {
    let named = |item: &'_ Item| item.record.value(REGISTRATION).cloned();
    let first = items.first()?;
    let same = items.iter().all(|item| named(item) == named(first));
    first.record.value(REGISTRATION).filter(|_| same).and_then(Value::as_text)
}

fn authorised(method: &Method, url: &str, with: &Context, body: Vec<u8>) -> Result<Request<Vec<u8>>, Error> {
    let mut request = Request::builder().method(method.clone()).uri(url).header(ACCEPT, "application/json");
    if *method == Method::POST {
        request = request.header(CONTENT_TYPE, JSON);
    }
    if let Some(token) = &with.token {
        // The token itself must not be told.
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Error::Setting("the token cannot stand in a header".to_owned()))?;
        bearer.set_sensitive(true);
        request = request.header(AUTHORIZATION, bearer);
    }
    request.body(body).map_err(|error| Error::Setting(format!("`{url}` is no address: {error}")))
}

/// Percent-encodes all but the unreserved characters of RFC 3986, so that no id can lead to another path.
fn escaped(id: &str) -> String {
    let mut escaped = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            let hex = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase();
            escaped.extend([hex(byte >> 4), hex(byte & 15)]);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use crate::destinations::sespa::tests::{items, sespa, ticket};
    use crate::destinations::{Call, Context, Destination, Error, SespaWire};

    fn context() -> Context {
        Context {
            token: Some("abc..".to_owned()),
            registration: Some("985B8C24D41CC5A870A1E30D000380AE".to_owned()),
            built: false,
        }
    }

    #[test]
    fn a_batch_is_posted_as_in_the_example() {
        let items = items();
        let request = sespa(SespaWire::default()).request(&Call::Submit(&items), &context());
        let request = request.expect("a request").expect("a call");
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/sespa/batchtrn"));
        assert_eq!(request.headers()["authorization"], "Bearer abc..");
        assert_eq!(request.headers()["content-type"], "application/json; charset=utf-8");
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        let example: serde_json::Value =
            serde_json::from_str(include_str!("examples/batch.json")).expect("the example");
        assert_eq!(body, example);
        let order = |value: &serde_json::Value| value.to_string();
        assert_eq!(order(&body), order(&example), "in the same order too");
    }

    #[test]
    fn a_body_that_is_kept_is_not_built_again() {
        let items = items();
        let kept = Context { built: true, ..context() };
        let request = sespa(SespaWire::default()).request(&Call::Submit(&items), &kept);
        let request = request.expect("a request").expect("a call");
        assert_eq!(request.headers()["authorization"], "Bearer abc..");
        assert!(request.body().is_empty());
    }

    #[test]
    fn rows_that_name_the_registration_give_it_to_the_body() {
        let mut items = items();
        let schema = super::super::schema::schema(None).expect("the built-in catalogue");
        for item in &mut items {
            let text = item.record.canonical(&schema).replacen('{', "{\"p_actor_reg_no\":\"AB\",", 1);
            item.record = crate::validate::Record::restored(&schema, &text).expect("a record");
        }
        let without = Context { token: None, registration: None, built: false };
        let request = sespa(SespaWire::default()).request(&Call::Submit(&items), &without);
        let request = request.expect("a request").expect("a call");
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(body["p_actor_reg_no"], "AB");
        assert_eq!(body["transactions"][1]["p_actor_reg_no"], "AB");
        assert!(!request.headers().contains_key("authorization"));
    }

    #[test]
    fn asking_and_looking_up_need_a_path() {
        let (items, ticket) = (items(), ticket("7/8"));
        let calls = [Call::Ask(&ticket, &items), Call::Look(&items[0])];
        let with = SespaWire { lookup_path: "transaction/{number}".to_owned(), ..SespaWire::default() };
        for (call, path) in calls.iter().zip(["/sespa/batch/7%2F8", "/sespa/transaction/1260615000001"]) {
            let request = sespa(with.clone()).request(call, &context()).expect("a request").expect("a call");
            assert_eq!((request.method().as_str(), request.uri().path()), ("GET", path));
            assert!(request.body().is_empty());
        }
        let none = SespaWire { status_path: String::new(), ..SespaWire::default() };
        for call in &calls {
            assert!(sespa(none.clone()).request(call, &context()).expect("no error").is_none());
        }
    }

    #[test]
    fn a_token_that_breaks_a_header_is_never_told() {
        let broken = Context { token: Some("secret\n".to_owned()), registration: None, built: true };
        let error =
            sespa(SespaWire::default()).request(&Call::Submit(&items()), &broken).expect_err("an error");
        assert!(matches!(error, Error::Setting(text) if !text.contains("secret")));
    }

    #[test]
    fn ids_cannot_leave_their_place_in_a_path() {
        assert_eq!(escaped("../a b?ж"), "..%2Fa%20b%3F%D0%B6");
    }
}
