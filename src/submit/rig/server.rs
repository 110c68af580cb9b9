//! A server that answers by a script and remembers what it was sent.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The authority that signed the TLS server's certificate; both are made for these tests and good until 2119.
pub(in crate::submit) const AUTHORITY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/submit/rig/authority.pem");

/// What the server does with the next request that is not for a token.
#[derive(Debug, Clone)]
pub(in crate::submit) enum Step {
    /// 200 with an id for each row.
    Accept,
    /// 202 with that ticket.
    Taken(&'static str),
    /// A status with headers and no body.
    Status(u16, &'static str),
    /// 200 with ids 1 to n.
    Ids(usize),
    /// 200, compressed.
    Gzip(Vec<u8>),
    /// The connection ends without an answer.
    Cut,
    /// Nothing happens.
    Hang,
}

/// One request as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::submit) struct Seen {
    pub(in crate::submit) line: String,
    pub(in crate::submit) authorization: String,
    pub(in crate::submit) body: String,
}

#[derive(Debug, Clone)]
pub(in crate::submit) struct Server {
    pub(in crate::submit) base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    steps: Arc<Mutex<VecDeque<Step>>>,
    /// Answers of the token endpoint: (status line and headers, body); a fresh token where there is none.
    tokens: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    journal: Arc<Mutex<Vec<&'static str>>>,
}

impl Server {
    /// Serves a script, then accepts everything.
    pub(in crate::submit) async fn start(steps: &[Step], journal: &Arc<Mutex<Vec<&'static str>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::new(&listener, steps, journal);
        tokio::spawn(server.clone().serve(listener, usize::MAX));
        server
    }

    pub(in crate::submit) fn new(
        listener: &TcpListener,
        steps: &[Step],
        journal: &Arc<Mutex<Vec<&'static str>>>,
    ) -> Self {
        Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            steps: Arc::new(Mutex::new(steps.iter().cloned().collect())),
            tokens: Arc::default(),
            journal: Arc::clone(journal),
        }
    }

    /// Lets the token endpoint give these answers first.
    pub(in crate::submit) fn tokens(self, answers: &[(u16, &'static str)]) -> Self {
        self.tokens.lock().unwrap().extend(answers);
        self
    }

    /// Serves that many connections.
    pub(in crate::submit) async fn serve(self, listener: TcpListener, connections: usize) {
        for _ in 0..connections {
            let Ok((stream, _)) = listener.accept().await else { return };
            let one = self.clone().converse(stream);
            if connections == usize::MAX {
                tokio::spawn(one);
            } else {
                one.await;
            }
        }
    }

    /// Everything it was sent, tokens aside.
    pub(in crate::submit) fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| !one.line.contains("/token")).cloned().collect()
    }

    pub(in crate::submit) fn logins(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|one| one.line.contains("/token")).count()
    }

    async fn converse(self, mut stream: TcpStream) {
        let Some(seen) = read_request(&mut stream).await else { return };
        let answer = if seen.line.contains("/token") {
            self.seen.lock().unwrap().push(seen);
            self.token()
        } else {
            self.journal.lock().unwrap().push("request");
            let step = self.steps.lock().unwrap().pop_front().unwrap_or(Step::Accept);
            let rows = seen.body.matches("\"n\"").count();
            self.seen.lock().unwrap().push(seen);
            match step {
                Step::Accept => answer(200, "", ids(rows).as_bytes()),
                Step::Ids(count) => answer(200, "", ids(count).as_bytes()),
                Step::Taken(ticket) => answer(202, "", format!("{{\"ticket\":\"{ticket}\"}}").as_bytes()),
                Step::Status(status, headers) => answer(status, headers, b""),
                Step::Gzip(body) => answer(200, "content-encoding: gzip\r\n", &body),
                Step::Cut => return,
                Step::Hang => return std::future::pending().await,
            }
        };
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }

    fn token(&self) -> Vec<u8> {
        if let Some((status, body)) = self.tokens.lock().unwrap().pop_front() {
            return answer(status, "", body.as_bytes());
        }
        let body = format!("{{\"access_token\":\"t{}\",\"expires_in\":3600}}", self.logins());
        answer(200, "content-type: application/json\r\n", body.as_bytes())
    }
}

fn ids(count: usize) -> String {
    serde_json::json!({ "ids": (1..=count).collect::<Vec<_>>() }).to_string()
}

fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(seen) = whole_request(&bytes) {
            return Some(seen);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn whole_request(bytes: &[u8]) -> Option<Seen> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let header = |name: &str| {
        let value = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().starts_with(name).then(|| &line[name.len()..]));
        value.unwrap_or_default().trim().to_owned()
    };
    let length: usize = header("content-length:").parse().unwrap_or(0);
    let line = head.lines().next().unwrap_or_default().to_owned();
    (body.len() >= length).then(|| Seen {
        line,
        authorization: header("authorization:"),
        body: body.to_owned(),
    })
}

/// A TLS server for one connection, on a thread of its own. Gives its address and, once joined, what it read.
pub(in crate::submit) fn tls(wants_certificate: bool) -> (String, std::thread::JoinHandle<Vec<u8>>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = |name: &str| format!("{}/src/submit/rig/{name}", env!("CARGO_MANIFEST_DIR"));
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let builder = rustls::ServerConfig::builder();
    let builder = if wants_certificate {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(AUTHORITY).unwrap()).unwrap();
        builder.with_client_cert_verifier(
            rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap(),
        )
    } else {
        builder.with_no_client_auth()
    };
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    (base, std::thread::spawn(move || answer_one(&listener, config)))
}

fn answer_one(listener: &std::net::TcpListener, config: Arc<rustls::ServerConfig>) -> Vec<u8> {
    let (stream, _) = listener.accept().unwrap();
    let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), stream);
    let mut read = vec![0; 4096];
    let count = stream.read(&mut read).unwrap_or(0);
    read.truncate(count);
    let _ = stream.write_all(&answer(200, "", b"{\"access_token\":\"t\"}"));
    let _ = stream.flush();
    read
}
