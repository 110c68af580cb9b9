//! One question about a single transaction by our number, from the request to the committed conclusion.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::Error;
use super::batching::item;
use super::client::Broken;
use super::clock::date;
use super::exchange::Line;
use super::stop::Stop;
use super::verdict::{Effect, response};
use crate::destinations::{Call, Reply};
use crate::knife::{Point, pass};
use crate::ledger::{ClaimItem, Look, Presence, RawAnswer, Sought, Witness};
use crate::model::Outcome;

/// How long a query that found what surely is there is taken at its word about what is not.
const VOUCHED_FOR: Duration = Duration::from_mins(1);

/// Which of the accepted transactions are asked for, counted from the newest, where those before were cancelled by hand:
/// one row, or a whole batch.
const WITNESSES: [u32; 9] = [0, 1, 2, 4, 8, 32, 128, 512, 2048];

/// Of a record that today's catalogue does not know any more: it is not asked about, and stops nobody else.
const UNREADABLE: &str = "the record can't be read back under today's catalogue";

/// What a question about what surely was there brought.
enum Testimony {
    /// It is there.
    There,
    /// It is there and was cancelled.
    Cancelled,
    /// It is not there: cancelled, or the query does not know yet what it surely will.
    Gone,
    /// Nothing that vouches for anything.
    Nothing,
}

/// What a question brought.
enum Brought {
    /// An answer, and what it says.
    Answer(RawAnswer, Reply),
    /// None.
    Nothing(Broken),
}

impl Line {
    /// Asks about one transaction, and concludes what follows. A login or a line that fails concludes nothing: the
    /// same is asked again.
    pub(super) async fn look(
        &mut self,
        sought: &Sought,
        token: &SecretString,
        failures: u32,
    ) -> Result<Effect, Error> {
        let (seen, presence) = match self.query(sought.batch, &sought.item, token).await? {
            Brought::Nothing(Broken::Before(stop)) => return Ok(self.not_asked(stop, failures)),
            Brought::Nothing(Broken::After(seen)) => (seen, Presence::Unclear),
            Brought::Answer(_, Reply::LoginExpired) => return Ok(Effect::Login),
            Brought::Answer(answer, Reply::Absent) => self.absent(sought.batch, &answer, token).await?,
            Brought::Answer(_, reply) => told(reply),
        };
        let Some(quiet) = self.settings.quiet else { return Ok(Effect::Answered) };
        let (sought, at) = (sought.clone(), (self.clock.now(), self.clock.steady()));
        let brought_nothing = presence == Presence::Unclear && seen != UNREADABLE;
        let effect = if brought_nothing { Effect::Unknown } else { Effect::Answered };
        self.ledger.ask(move |ledger| ledger.conclude(&sought, &seen, &presence, quiet, at)).await?;
        pass(Point::LookSettled);
        Ok(effect)
    }

    fn not_asked(&mut self, stop: Stop, failures: u32) -> Effect {
        if stop.passes() {
            let wait = self.wait(failures, None);
            Effect::Passing(stop, wait)
        } else {
            Effect::Lasting(stop)
        }
    }

    /// "Not there" is taken for what it says only from a query that finds what surely is there, and by the system's
    /// own clock: a wrong path says "not there" of everything.
    async fn absent(
        &mut self,
        batch: i64,
        answer: &RawAnswer,
        token: &SecretString,
    ) -> Result<(String, Presence), Error> {
        let seen = |text: &str| text.to_owned();
        let Some(date) = date(answer) else {
            return Ok((seen("not there, in an answer without a Date"), Presence::Unclear));
        };
        Ok(match self.is_vouched_for(batch, token).await? {
            Some(true) => (seen("not there"), Presence::Absent(date)),
            Some(false) => (seen("not there, but neither is a number that surely is"), Presence::Unclear),
            None => (seen("not there, and no number is known that surely is"), Presence::Unclear),
        })
    }

    /// Whether the query finds what the system surely has; none where nothing is known to be there. What somebody
    /// cancelled by hand gives way to the one before it. One that is simply not there may mean that the query lags
    /// behind: then only what was sent after the batch asked about vouches.
    async fn is_vouched_for(&mut self, batch: i64, token: &SecretString) -> Result<Option<bool>, Error> {
        if self.vouched.is_some_and(|at| at.elapsed() < VOUCHED_FOR) {
            return Ok(Some(true));
        }
        let (mut known, mut lags) = (None, false);
        for before in WITNESSES {
            let section = self.settings.section.name.clone();
            let witness = self.ledger.ask(move |ledger| ledger.witness(&section, before)).await?;
            let Some(witness) = witness else { break };
            known = Some(false);
            let sent = witness.batch;
            if lags && !self.ledger.ask(move |ledger| ledger.sent_after(sent, batch)).await? {
                break;
            }
            match self.testimony(witness, token).await? {
                Testimony::There => {
                    self.vouched = (!lags).then(Instant::now);
                    return Ok(Some(true));
                }
                Testimony::Cancelled => {}
                Testimony::Gone => lags = true,
                Testimony::Nothing => break,
            }
        }
        Ok(known)
    }

    async fn testimony(&mut self, witness: Witness, token: &SecretString) -> Result<Testimony, Error> {
        Ok(match self.query(witness.batch, &witness.item, token).await? {
            Brought::Answer(_, Reply::Absent) => Testimony::Gone,
            Brought::Answer(_, Reply::Cancelled(_)) => Testimony::Cancelled,
            Brought::Answer(_, reply) if told(reply.clone()).1 == Presence::There(witness.id) => {
                Testimony::There
            }
            Brought::Answer(..) | Brought::Nothing(_) => Testimony::Nothing,
        })
    }

    /// Asks, and keeps question and answer before anything is concluded.
    async fn query(
        &mut self,
        batch: i64,
        claimed: &ClaimItem,
        token: &SecretString,
    ) -> Result<Brought, Error> {
        let Some(wanted) = item(claimed, self.destination.schema()) else {
            return Ok(Brought::Nothing(Broken::After(UNREADABLE.to_owned())));
        };
        let call = Call::Look(&wanted);
        let began_at = self.clock.now();
        let answer = match self.request(&call, token) {
            Ok(request) => self.send((batch, 1), request).await,
            Err(stop) => Err(Broken::Before(stop)),
        };
        let (answer, seen, brought) = match answer {
            Ok(answer) => {
                let reply = self.destination.reply(&call, &response(&answer));
                (Some(answer.clone()), in_words(&reply), Brought::Answer(answer, reply))
            }
            Err(broken) => (None, broken.seen().to_owned(), Brought::Nothing(broken)),
        };
        let look = Look { batch, transaction: claimed.transaction, began_at, answer, seen };
        let now = self.clock.now();
        self.ledger.ask(move |ledger| ledger.looked(&look, now)).await?;
        pass(Point::LookKept);
        Ok(brought)
    }
}

/// What a reply says of one transaction.
fn told(reply: Reply) -> (String, Presence) {
    let seen = in_words(&reply);
    let presence = match reply {
        Reply::Settled { outcomes, .. } => match outcomes.as_slice() {
            [Outcome::Accepted { id }] => Presence::There(id.clone()),
            _ => Presence::Unclear,
        },
        _ => Presence::Unclear,
    };
    (seen, presence)
}

fn in_words(reply: &Reply) -> String {
    match reply {
        Reply::Settled { .. } => "there".to_owned(),
        Reply::Absent => "not there".to_owned(),
        Reply::Cancelled(evidence) | Reply::Unknown(evidence) => evidence.seen.clone(),
        Reply::LoginExpired => "HTTP 401".to_owned(),
        Reply::NotSent(_) => "HTTP 429".to_owned(),
        Reply::Pending { .. } => "no number given".to_owned(),
    }
}
