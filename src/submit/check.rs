//! Whether a system can be reached and logged into, for `doctor`. Sends no transaction.

use http::{Request, Uri};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::client::{Broken, Client};
use super::login::{Refusal, Session};
use super::stop::{Stop, UNREACHABLE, clocks_differ};
use super::{Clock, Settings};
use crate::destinations::Destination;
use crate::ledger::{RawAnswer, TOLD};

/// One step on the way to a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Its address, its path and the settings make a client.
    Settings,
    /// Its name is found and it takes a connection.
    Reach,
    /// Its certificate is trusted.
    Tls,
    /// Its clock and ours agree.
    Clock,
    /// It gives a token.
    Login,
}

/// What a step came to.
#[derive(Debug, Clone)]
pub struct ProbeResult {
    /// The step.
    pub probe: Probe,
    /// What was seen where it went well, for example the address reached; no secrets.
    pub seen: String,
    /// What is wrong, with words for the administrator.
    pub trouble: Option<Stop>,
}

impl ProbeResult {
    fn fine(probe: Probe, seen: impl Into<String>) -> Self {
        Self { probe, seen: seen.into(), trouble: None }
    }

    fn bad(probe: Probe, trouble: Stop) -> Self {
        Self { probe, seen: String::new(), trouble: Some(trouble) }
    }
}

/// Goes the way of a submission up to the token, and ends at the first step that fails (a wrong clock does not).
pub async fn probe(settings: &Settings, destination: &dyn Destination, clock: &Clock) -> Vec<ProbeResult> {
    let client = match Client::new(settings) {
        Ok(client) => client,
        Err(stop) => return vec![ProbeResult::bad(Probe::Settings, stop)],
    };
    let mut results = vec![ProbeResult::fine(Probe::Settings, settings.section.base_url.clone())];
    if settings.section.proxy.is_none() {
        results.push(reach(settings).await);
    }
    if results.iter().all(|result| result.trouble.is_none()) {
        results.extend(visit(settings, &client, clock).await);
    }
    if results.iter().all(|result| result.trouble.is_none() || result.probe == Probe::Clock) {
        results.push(login(settings, destination, &client, clock).await);
    }
    results
}

async fn reach(settings: &Settings) -> ProbeResult {
    let trouble =
        |seen: String| ProbeResult::bad(Probe::Reach, Stop::new(&UNREACHABLE, &settings.section.name, seen));
    let uri: Uri = settings.section.base_url.parse().unwrap_or_default();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    let connected = async {
        let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
        TcpStream::connect(addresses.as_slice()).await?.peer_addr()
    };
    match timeout(settings.pace.connect, connected).await {
        Ok(Ok(address)) => ProbeResult::fine(Probe::Reach, address.to_string()),
        Ok(Err(error)) => trouble(error.to_string()),
        Err(_) => trouble("no connection in time".to_owned()),
    }
}

/// A plain GET of the base address: whatever the answer, its handshake and its `Date` tell.
async fn visit(settings: &Settings, client: &Client, clock: &Clock) -> Vec<ProbeResult> {
    let Ok(request) = Request::get(&settings.section.base_url).body(Vec::new()) else { return Vec::new() };
    match client.send(request).await {
        Ok(answer) => {
            let scheme = settings.section.base_url.split("://").next().unwrap_or_default();
            let tls = ProbeResult::fine(Probe::Tls, scheme.to_ascii_lowercase());
            std::iter::once(tls).chain(compare(settings, &answer, clock)).collect()
        }
        Err(Broken::Before(stop)) => vec![ProbeResult::bad(Probe::Tls, stop)],
        Err(Broken::After(seen)) => {
            vec![ProbeResult::bad(Probe::Tls, Stop::new(&UNREACHABLE, &settings.section.name, seen))]
        }
    }
}

fn compare(settings: &Settings, answer: &RawAnswer, clock: &Clock) -> Option<ProbeResult> {
    let clock = clock.apart();
    clock.hears(answer);
    let ahead = clock.ahead()?;
    let ahead_s = ahead.num_seconds();
    Some(if ahead.abs() > TOLD {
        ProbeResult::bad(Probe::Clock, clocks_differ(&settings.section.name, ahead_s))
    } else {
        ProbeResult::fine(Probe::Clock, format!("{ahead_s:+} s"))
    })
}

async fn login(
    settings: &Settings,
    destination: &dyn Destination,
    client: &Client,
    clock: &Clock,
) -> ProbeResult {
    match Session::new(destination.login(), settings, clock.clone()).token(client).await {
        Ok(_) => ProbeResult::fine(Probe::Login, "token"),
        Err(Refusal::Lasting(stop) | Refusal::Passing(stop, _)) => ProbeResult::bad(Probe::Login, stop),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Plain, Server, Step, clock, settings};
    use super::*;

    async fn probed(
        steps: &[Step],
        tokens: &[(u16, &'static str)],
    ) -> (Vec<(Probe, Option<&'static str>)>, Server) {
        let server = Server::start(steps, &std::sync::Arc::default()).await.tokens(tokens);
        let results = probe(&settings(&server.base), &Plain::at(&server.base), &clock()).await;
        let short = |result: &ProbeResult| (result.probe, result.trouble.as_ref().map(|stop| stop.code.code));
        (results.iter().map(short).collect(), server)
    }

    #[tokio::test]
    async fn a_good_system_is_probed_up_to_its_token_without_a_transaction() {
        let (results, server) =
            probed(&[Step::Status(404, "date: Fri, 04 Oct 2024 00:00:09 GMT\r\n")], &[]).await;
        let steps = [Probe::Settings, Probe::Reach, Probe::Tls, Probe::Clock, Probe::Login];
        assert_eq!(results, steps.map(|step| (step, None)));
        assert_eq!(server.seen().len(), 1);
        assert!(server.seen()[0].line.starts_with("GET / "));
        assert_eq!(server.seen()[0].authorization, "", "the base address is asked without a token");
    }

    #[tokio::test]
    async fn a_wrong_clock_and_refused_credentials_are_both_told() {
        let (results, _) =
            probed(&[Step::Status(404, "date: Fri, 04 Oct 2024 01:00:00 GMT\r\n")], &[(401, "{}")]).await;
        assert_eq!(results[3..], [(Probe::Clock, Some("W601")), (Probe::Login, Some("D001"))]);
    }

    #[tokio::test]
    async fn a_closed_port_ends_the_probe() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let results = probe(&settings(&base), &Plain::at(&base), &clock()).await;
        assert_eq!(results.len(), 2);
        assert_eq!(results[1].trouble.as_ref().map(|stop| stop.code.code), Some("D003"));
    }
}
