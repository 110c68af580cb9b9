//! OAuth 2.0 client credentials (RFC 6749 sections 2.3.1 and 4.4), as Oracle REST Data Services speak it.

use std::time::Duration;

use base64::Engine as _;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::{Refusal, Token};
use crate::destinations::ClientAuth;
use crate::ledger::RawAnswer;
use crate::submit::client::{Broken, Client};
use crate::submit::settings::Secrets;
use crate::submit::stop::{BUSY, CONFIGURATION, LOGIN_REFUSED, LOGIN_UNREADABLE, SETTING, Stop, UNREACHABLE};
use crate::submit::{Clock, Settings, retry};

/// Life of a token whose answer does not tell it; short, because a renewal is cheap and a 401 is not.
const UNTOLD_LIFE: Duration = Duration::from_mins(5);

/// Asks for a token with client id and secret, which are read anew each time.
pub(super) struct ClientCredentials {
    section: String,
    url: String,
    auth: ClientAuth,
    secrets: Secrets,
    /// A token must live at least as long as the request it is for.
    request_timeout: Duration,
    clock: Clock,
}

impl ClientCredentials {
    pub(super) fn new(url: String, auth: ClientAuth, settings: &Settings, clock: Clock) -> Self {
        Self {
            section: settings.section.name.clone(),
            url,
            auth,
            secrets: settings.secrets.clone(),
            request_timeout: settings.timeout,
            clock,
        }
    }

    /// One request to the token endpoint.
    pub(super) async fn fetch(&self, client: &Client) -> Result<Token, Refusal> {
        let (id, secret) =
            (self.secrets)().map_err(|why| Refusal::Lasting(self.stop(&LOGIN_UNREADABLE, why)))?;
        let request = request(&self.url, self.auth, &id, &secret)
            .map_err(|error| Refusal::Lasting(self.stop(&SETTING, format!("token_path: {error}"))))?;
        let asked_at = Instant::now();
        let answer = client.send(request).await.map_err(|broken| self.unsent(broken))?;
        self.clock.hears(&answer);
        let (value, life) = self.read(&answer)?;
        tracing::debug!(section = self.section, life_s = life.as_secs(), "token received");
        Ok(Token { value, until: asked_at + usable(life, self.request_timeout) })
    }

    fn unsent(&self, broken: Broken) -> Refusal {
        match broken {
            Broken::Before(stop) if stop.passes() => Refusal::Passing(stop, None),
            Broken::Before(stop) => Refusal::Lasting(stop),
            // Asking for a token twice does no harm, so no answer is no mystery here.
            Broken::After(seen) => Refusal::Passing(self.stop(&UNREACHABLE, seen), None),
        }
    }

    fn read(&self, answer: &RawAnswer) -> Result<(SecretString, Duration), Refusal> {
        let seen = format!("HTTP {}", answer.status);
        match answer.status {
            200..=299 => token(&answer.body).ok_or_else(|| {
                Refusal::Lasting(self.stop(&CONFIGURATION, "token_path: no token in the answer"))
            }),
            400 | 401 => Err(Refusal::Lasting(self.stop(&LOGIN_REFUSED, seen))),
            300..=399 | 403 | 404 | 405 | 407 => {
                Err(Refusal::Lasting(self.stop(&CONFIGURATION, format!("token_path: {seen}"))))
            }
            _ => {
                let asked = retry::asked_by(answer, self.clock.now());
                Err(Refusal::Passing(self.stop(&BUSY, seen), asked))
            }
        }
    }

    fn stop(&self, code: &'static crate::model::CodeInfo, seen: impl Into<String>) -> Stop {
        Stop::new(code, &self.section, seen)
    }
}

/// Until 90 % of its life are over, or less is left than a request may take. A token that lives no longer than
/// that serves one request.
fn usable(life: Duration, request_timeout: Duration) -> Duration {
    (life * 9 / 10).min(life.saturating_sub(request_timeout))
}

fn request(
    url: &str,
    auth: ClientAuth,
    id: &SecretString,
    secret: &SecretString,
) -> Result<Request<Vec<u8>>, http::Error> {
    let (id, secret) = (form(id.expose_secret()), form(secret.expose_secret()));
    let mut request = Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json");
    let mut body = "grant_type=client_credentials".to_owned();
    match auth {
        ClientAuth::Basic => {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
            request = request.header(AUTHORIZATION, format!("Basic {pair}"));
        }
        ClientAuth::Body => body = format!("{body}&client_id={id}&client_secret={secret}"),
    }
    request.body(body.into_bytes())
}

/// `application/x-www-form-urlencoded`; RFC 6749 asks for it inside Basic too. Dots stay as they are.
fn form(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// Token and life, whatever the letter case of the members and whether the life is quoted.
fn token(body: &[u8]) -> Option<(SecretString, Duration)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let members = answer.as_object()?;
    let member =
        |name: &str| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let value = member("access_token")?.as_str().filter(|token| !token.is_empty())?;
    let life = match member("expires_in") {
        Some(Value::Number(seconds)) => seconds.as_u64(),
        Some(Value::String(seconds)) => seconds.trim().parse().ok(),
        _ => None,
    };
    // A day is long enough, and keeps the sum with the clock within bounds.
    let life = life.map_or(UNTOLD_LIFE, |seconds| Duration::from_secs(seconds.min(86_400)));
    Some((SecretString::from(value), life))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(request: &Request<Vec<u8>>) -> String {
        String::from_utf8(request.body().clone()).unwrap()
    }

    #[test]
    fn basic_keeps_dots_and_encodes_the_rest() {
        let request =
            request("https://a.example/t", ClientAuth::Basic, &"Ab-c_..".into(), &"p:ss w%rd..".into())
                .unwrap();
        let header = request.headers()[AUTHORIZATION].to_str().unwrap().strip_prefix("Basic ").unwrap();
        let pair = base64::engine::general_purpose::STANDARD.decode(header).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), "Ab-c_..:p%3Ass+w%25rd..");
        assert_eq!(text(&request), "grant_type=client_credentials");
    }

    #[test]
    fn the_body_form_sends_no_header() {
        let request =
            request("https://a.example/t", ClientAuth::Body, &"id..".into(), &"a&b".into()).unwrap();
        assert!(request.headers().get(AUTHORIZATION).is_none());
        assert_eq!(text(&request), "grant_type=client_credentials&client_id=id..&client_secret=a%26b");
    }

    #[test]
    fn tokens_are_renewed_in_time() {
        let s = Duration::from_secs;
        assert_eq!(usable(s(3600), s(120)), s(3240), "90 %");
        assert_eq!(usable(s(600), s(120)), s(480), "a request's time before the end");
        assert_eq!(usable(s(60), s(120)), s(0), "one request");
    }

    #[test]
    fn a_life_may_be_quoted_or_untold() {
        let life = |body: &str| token(body.as_bytes()).map(|(_, life)| life.as_secs());
        assert_eq!(life(r#"{"access_token":"x","expires_in":3600}"#), Some(3600));
        assert_eq!(life(r#"{"ACCESS_TOKEN":"x","EXPIRES_IN":"60"}"#), Some(60));
        assert_eq!(life(r#"{"access_token":"x"}"#), Some(300));
        assert_eq!(life(r#"{"access_token":"","expires_in":3600}"#), None);
        assert_eq!(life("<html>"), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = token(&body);
        }

        #[test]
        fn the_form_is_plain_ascii(text in ".*") {
            prop_assert!(form(&text).bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte)));
        }
    }
}
