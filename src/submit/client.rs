//! One request out, one whole answer in, and the one question that matters when it fails: was a byte sent?

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use reqwest::tls::{Certificate, TlsInfo};
use rustls::AlertDescription;

use super::Settings;
use super::stop::{CLIENT_CERTIFICATE, CONFIGURATION, SETTING, Stop, UNREACHABLE, UNTRUSTED};
use crate::ledger::RawAnswer;

/// Most bytes of an answer, after decompression. An answer for 250 rows has some 50 KiB.
const ANSWER_CAP: usize = 16 << 20;

/// The headers kept with an answer; all that is ever read of them.
const KEPT: [&str; 5] = ["content-type", "date", "location", "retry-after", "www-authenticate"];

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// It failed before the first byte of the request: surely nothing was received.
    Before(Stop),
    /// It failed later: nobody knows. What was seen.
    After(String),
}

impl Broken {
    /// What was seen.
    pub(super) fn seen(&self) -> &str {
        match self {
            Self::Before(stop) => stop.seen(),
            Self::After(seen) => seen,
        }
    }
}

/// Sends to one section's host and to no other.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    section: String,
    home: Uri,
    timeout: Duration,
}

impl Client {
    /// A client for a section. No redirects, no retries, no connection kept, nothing from the environment.
    pub(super) fn new(settings: &Settings) -> Result<Self, Stop> {
        let section = &settings.section;
        let wrong = |seen: String| Stop::new(&SETTING, &section.name, seen);
        let home: Uri = section.base_url.parse().map_err(|error| wrong(format!("base_url: {error}")))?;
        check_scheme(&home).map_err(|why| wrong(format!("base_url: {why}")))?;
        let builder = trusted(settings, &home).map_err(&wrong)?;
        let http = builder.build().map_err(|error| wrong(innermost(&error)))?;
        Ok(Self { http, section: section.name.clone(), home, timeout: settings.timeout })
    }

    /// Sends a request and reads its whole answer. The timeout counts from the end of the connecting at the latest.
    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> Result<RawAnswer, Broken> {
        self.execute(request).await.map(|(answer, _)| answer)
    }

    /// The same, with the server's certificate (DER) where there was one.
    pub(super) async fn execute(
        &self,
        mut request: Request<Vec<u8>>,
    ) -> Result<(RawAnswer, Option<Vec<u8>>), Broken> {
        if !same_origin(request.uri(), &self.home) {
            return Err(Broken::Before(self.stop(&CONFIGURATION, "an address outside base_url")));
        }
        request.headers_mut().values_mut().for_each(|value| value.set_sensitive(true));
        let request = reqwest::Request::try_from(request)
            .map_err(|error| Broken::Before(self.stop(&SETTING, innermost(&error))))?;
        let mut response = self.http.execute(request).await.map_err(|error| self.broken(&error))?;
        let certificate = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let certificate = certificate.map(<[u8]>::to_vec);
        let (status, headers) = (response.status().as_u16(), kept(response.headers()));
        let body = self.whole_body(&mut response).await?;
        Ok((RawAnswer { status, headers, body }, certificate))
    }

    async fn whole_body(&self, response: &mut reqwest::Response) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        loop {
            let chunk: Option<Bytes> = response.chunk().await.map_err(|error| self.after(&error))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if body.len() + chunk.len() > ANSWER_CAP {
                return Err(Broken::After("an answer larger than 16 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// Only a failed connection proves that nothing was sent; a refusal of our certificate proves that nothing was read.
    fn broken(&self, error: &reqwest::Error) -> Broken {
        match tls_fault(error) {
            Some(Fault::WantsCertificate) => {
                Broken::Before(self.stop(&CLIENT_CERTIFICATE, "certificate required"))
            }
            Some(Fault::Untrusted(seen)) => Broken::Before(self.stop(&UNTRUSTED, seen)),
            None if error.is_connect() => Broken::Before(self.not_connected(error)),
            None => self.after(error),
        }
    }

    fn not_connected(&self, error: &reqwest::Error) -> Stop {
        let seen = if error.is_timeout() { "no connection in time".to_owned() } else { innermost(error) };
        // The connector tells of a proxy's 407 by these words only.
        let code = if seen.contains("proxy auth") { &CONFIGURATION } else { &UNREACHABLE };
        self.stop(code, seen)
    }

    fn after(&self, error: &reqwest::Error) -> Broken {
        Broken::After(if error.is_timeout() {
            format!("no whole answer within {} s", self.timeout.as_secs())
        } else {
            innermost(error)
        })
    }

    fn stop(&self, code: &'static crate::model::CodeInfo, seen: impl Into<String>) -> Stop {
        Stop::new(code, &self.section, seen)
    }
}

/// The TLS side of a client. Where nothing but plain loopback is spoken no system certificates are loaded, which
/// would cost tens of milliseconds.
fn trusted(settings: &Settings, home: &Uri) -> Result<reqwest::ClientBuilder, String> {
    // An error only says that another sender of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("rxdrop/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(settings.pace.connect)
        .timeout(settings.pace.connect + settings.timeout)
        .tls_info(true)
        .no_proxy();
    let authorities = authorities(settings)?;
    if is_plain(home) {
        builder = builder.tls_certs_only(authorities);
    } else if !authorities.is_empty() {
        builder = builder.tls_certs_merge(authorities);
    }
    match &settings.section.proxy {
        Some(proxy) => {
            let proxy =
                reqwest::Proxy::all(proxy).map_err(|error| format!("proxy: {}", innermost(&error)))?;
            Ok(builder.proxy(proxy))
        }
        None => Ok(builder),
    }
}

fn authorities(settings: &Settings) -> Result<Vec<Certificate>, String> {
    let Some(path) = &settings.section.ca_file else { return Ok(Vec::new()) };
    let pem = std::fs::read(path).map_err(|error| format!("ca_file: {error}"))?;
    let found =
        Certificate::from_pem_bundle(&pem).map_err(|error| format!("ca_file: {}", innermost(&error)))?;
    if found.is_empty() { Err("ca_file: no certificate in it".to_owned()) } else { Ok(found) }
}

/// https anywhere, http to this machine only.
fn check_scheme(uri: &Uri) -> Result<(), &'static str> {
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(uri) => Ok(()),
        Some("http") => Err("http is for this machine only, use https"),
        _ => Err("must begin with https://"),
    }
}

fn is_plain(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http")
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().unwrap_or(if is_plain(uri) { 80 } else { 443 });
    let host = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?))).collect()
}

enum Fault {
    WantsCertificate,
    Untrusted(String),
}

/// The TLS library's own words, wherever in the chain of causes they hide.
fn tls_fault(error: &reqwest::Error) -> Option<Fault> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        // Comes after the handshake in TLS 1.3, so it does not look like a failed connection.
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => Some(Fault::WantsCertificate),
        rustls::Error::InvalidCertificate(why) => Some(Fault::Untrusted(why.to_string())),
        _ => None,
    })
}

/// The last cause's words, short and without an address.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let words = causes(error).last().map(ToString::to_string).unwrap_or_default();
    words.chars().filter(|letter| !letter.is_control()).take(120).collect()
}

/// An error and everything behind it; an I/O error's content too, which `source()` steps over.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::rig::{AUTHORITY, Server, Step, settings, tls};
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine() {
        let check = |text: &str| check_scheme(&text.parse().unwrap());
        for good in
            ["https://sespa.example/x", "http://127.0.0.1:8787/sespa", "http://[::1]:1/", "http://localhost/"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://sespa.example/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example/",
            "/path",
            "ftp://127.0.0.1/",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_home_is_home() {
        let home: Uri = "https://Sespa.example/base".parse().unwrap();
        let same = |text: &str| same_origin(&text.parse().unwrap(), &home);
        assert!(same("https://sespa.example/other") && same("https://sespa.example:443/"));
        assert!(
            !same("http://sespa.example/")
                && !same("https://evil.example/")
                && !same("https://sespa.example:8443/")
        );
    }

    async fn sent_to(settings: &Settings, path: &str) -> Result<RawAnswer, Broken> {
        let request =
            Request::post(format!("{}{path}", settings.section.base_url)).body(b"{}".to_vec()).unwrap();
        Client::new(settings).unwrap().send(request).await
    }

    fn not_sent(answer: Result<RawAnswer, Broken>) -> &'static str {
        match answer {
            Err(Broken::Before(stop)) => stop.code.code,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_compressed_answer_may_not_swell_beyond_the_cap() {
        let bomb = |bytes: u64| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::copy(&mut std::io::Read::take(std::io::repeat(b' '), bytes), &mut packed).unwrap();
            Step::Gzip(packed.finish().unwrap())
        };
        let steps = [bomb(1000), bomb(17 << 20)];
        let server = Server::start(&steps, &std::sync::Arc::default()).await;
        let settings = settings(&server.base);
        assert_eq!(sent_to(&settings, "/x").await.unwrap().body.len(), 1000);
        assert!(
            matches!(sent_to(&settings, "/x").await, Err(Broken::After(seen)) if seen.contains("16 MiB"))
        );
    }

    #[tokio::test]
    async fn damaged_compression_proves_nothing() {
        let server = Server::start(&[Step::Gzip(b"no gzip".to_vec())], &std::sync::Arc::default()).await;
        assert!(matches!(sent_to(&settings(&server.base), "/x").await, Err(Broken::After(_))));
    }

    #[tokio::test]
    async fn only_trusted_servers_are_told_anything() {
        let (base, server) = tls(false);
        assert_eq!(not_sent(sent_to(&settings(&base), "/x").await), "D005");
        assert_eq!(server.join().unwrap(), b"");

        let (base, server) = tls(false);
        let mut settings = settings(&base);
        settings.section.ca_file = Some(AUTHORITY.into());
        assert_eq!(sent_to(&settings, "/x").await.unwrap().status, 200);
        assert!(server.join().unwrap().starts_with(b"POST /x HTTP/1.1"));
    }

    #[tokio::test]
    async fn a_server_that_wants_a_certificate_is_a_matter_of_configuration() {
        let (base, server) = tls(true);
        let mut settings = settings(&base);
        settings.section.ca_file = Some(AUTHORITY.into());
        assert_eq!(not_sent(sent_to(&settings, "/x").await), "D006");
        assert_eq!(server.join().unwrap(), b"", "nothing was read");
    }

    #[test]
    fn settings_that_make_no_client_are_told() {
        for (base, ca_file) in
            [("http://sespa.example", None), ("nonsense", None), ("https://x.example", Some("/no/such"))]
        {
            let mut settings = settings(base);
            settings.section.ca_file = ca_file.map(Into::into);
            assert_eq!(Client::new(&settings).unwrap_err().code.code, "D009", "{base}");
        }
    }
}
