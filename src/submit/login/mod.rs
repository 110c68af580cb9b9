//! How requests are authorised: one file a strategy, one line each in [`Session::new`].
//!
//! A section has one driver and the driver owns the session, so there is never more than one login at a time.

mod oauth;

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::client::Client;
use super::stop::Stop;
use super::{Clock, Settings};
use crate::destinations::Login;

/// Why there is no token.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It will not get better by trying again.
    Lasting(Stop),
    /// It may; not before the wait the system asked for.
    Passing(Stop, Option<Duration>),
}

/// A token as a strategy got it.
struct Token {
    value: SecretString,
    /// When it is to be replaced.
    until: Instant,
}

/// A section's login with its cached token. Never shows the token.
pub(super) struct Session {
    strategy: oauth::ClientCredentials,
    token: Option<Token>,
}

impl Session {
    pub(super) fn new(login: Login, settings: &Settings, clock: Clock) -> Self {
        let strategy = match login {
            Login::OAuth { token_url, auth } => {
                oauth::ClientCredentials::new(token_url, auth, settings, clock)
            }
        };
        Self { strategy, token: None }
    }

    /// A token that outlives the next request, from the cache if it can.
    pub(super) async fn token(&mut self, client: &Client) -> Result<SecretString, Refusal> {
        if let Some(token) = self.token.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.value.clone());
        }
        let token = self.strategy.fetch(client).await?;
        Ok(self.token.insert(token).value.clone())
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&mut self) {
        self.token = None;
    }
}
