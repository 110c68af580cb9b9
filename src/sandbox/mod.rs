//! The built-in stand-in for the national systems: serves them over loopback, keeps books of
//! all it registered, and fails on demand. It is not the ministry's system and says so in every
//! answer; what the public guideline leaves open is our own choice.
//!
//! A stand-in's rules live with its system (`destinations/<system>/sandbox.rs`) and never call
//! the client's, so that both can't agree on a mistake.

mod books;
mod faults;
mod http;
mod line;
mod mischief;

pub mod samples;
mod service;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use faults::{Action, Apply, Duplicates, Faults, On, Rule};

/// What the stand-in says of itself, in the header `x-rxdrop-sandbox` and wherever people look.
pub const LABEL: &str = "stand-in, not the ministry's system";
/// The client id and the client secret it knows.
pub const CREDENTIALS: &str = "sandbox";

/// How long connections may finish when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Tells the time; only the command line reads the real clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How the stand-in behaves when no fault is asked for.
#[derive(Clone)]
pub struct Options {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What is left to chance follows from it.
    pub seed: u64,
    /// Batches of more rows are answered later.
    pub async_above: usize,
    /// How long a token is valid.
    pub token_life_s: u64,
    /// A batch that is answered later is in work for so many questions.
    pub answer_after_polls: u32,
    /// A client secret that it knows besides [`CREDENTIALS`].
    pub secret: Option<String>,
    /// The time.
    pub clock: Clock,
}

impl Options {
    /// The usual behaviour at an address.
    pub fn new(listen: SocketAddr, clock: Clock) -> Self {
        Self {
            listen,
            seed: 1,
            async_above: 250,
            token_life_s: 3600,
            answer_after_polls: 1,
            secret: None,
            clock,
        }
    }
}

/// The stand-in can't serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is for tests on one machine and must not be reachable from another.
    #[error("the sandbox listens on this machine only: {0} is no loopback address; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address is taken or not allowed.
    #[error("the sandbox can't listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The faults document is not one.
    #[error("not a faults document: {0}")]
    Faults(String),
    /// The books could not be written down.
    #[error("the sandbox's books can't be written")]
    Books(#[source] serde_json::Error),
}

/// A running stand-in. Dropping it ends it.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    service: Arc<service::Service>,
    closing: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// Binds and serves in the background.
pub async fn start(options: Options) -> Result<Server, Error> {
    let address = options.listen;
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback(address));
    }
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    let service = service::Service::new(options);
    let closing = CancellationToken::new();
    let task = tokio::spawn(http::serve(listener, Arc::clone(&service), closing.clone()));
    Ok(Server { addr, service, closing, task: AbortOnDropHandle::new(task) })
}

impl Server {
    /// The address a configuration names, for example `http://127.0.0.1:8787/sespa`.
    pub fn base_url(&self) -> String {
        format!("http://{}/sespa", self.addr)
    }

    /// The books, as `GET /_sandbox/books` shows them.
    pub fn books(&self) -> Result<Vec<u8>, Error> {
        self.service.books(0).map_err(Error::Books)
    }

    /// What is registered and live, as `GET /_sandbox/list.csv` shows it.
    pub fn list(&self) -> String {
        self.service.list()
    }

    /// Cancels what is registered under a number, as somebody does in a portal. False where nothing is.
    pub fn cancel(&self, id: u64) -> bool {
        self.service.cancel(id)
    }

    /// Replaces the faults, as `POST /_sandbox/faults` does.
    pub fn set_faults(&self, document: &str) -> Result<(), Error> {
        *self.service.faults() = Faults::parse(document.as_bytes()).map_err(Error::Faults)?;
        Ok(())
    }

    /// Ends it; answers that are under way have two seconds.
    pub async fn stop(self) {
        self.closing.cancel();
        if timeout(STOP_WITHIN, self.task).await.is_err() {
            tracing::debug!("the sandbox stopped with requests under way");
        }
    }
}
