//! One attempt or one question, from the committed intent to the committed verdict.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::batching::{Desk, builder, context, item};
use super::client::{Broken, Client};
use super::login::{Refusal, Session};
use super::retry::Random;
use super::stop::{CLOCK, MARKS, SETTING, Stop};
use super::verdict::{Around, Came, Effect, later, of_ask, of_submit, response, still};
use super::{Clock, Error, Settings};
use crate::destinations::{Call, Destination, Item, Ticket};
use crate::knife::{Point, pass};
use crate::ledger::{BatchVerdict, Build, Handle, OpenBatch, Question, RawAnswer, TOLD, Waits};

/// From a batch's intent to its first byte no more time passes than a request may take, or than this: what is asked
/// about later counts on it.
const PREPARED: Duration = Duration::from_secs(10);

/// One section's line to its system and to the ledger.
pub(super) struct Line {
    pub(super) ledger: Handle,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) stop: CancellationToken,
    client: Client,
    session: Session,
    random: Random,
    desk: Desk,
    /// Questions in a row without a usable answer.
    unanswered: u32,
    /// How often each pending batch was asked about. Not kept: after a start it is asked about soon again.
    asked: HashMap<i64, u32>,
    /// When the query by our number last found what surely is there.
    pub(super) vouched: Option<Instant>,
    skew_told: bool,
}

impl Line {
    pub(super) fn new(
        ledger: Handle,
        destination: Arc<dyn Destination>,
        settings: Settings,
        clock: &Clock,
        stop: CancellationToken,
    ) -> Result<Self, Stop> {
        let clock = clock.apart();
        let client = Client::new(&settings)?;
        let session = Session::new(destination.login(), &settings, clock.clone());
        let random = Random::seeded(settings.seed);
        Ok(Self {
            ledger,
            destination,
            settings,
            clock,
            stop,
            client,
            session,
            random,
            desk: Desk::default(),
            unanswered: 0,
            asked: HashMap::new(),
            vouched: None,
            skew_told: false,
        })
    }

    /// What makes bodies for the ledger.
    pub(super) fn builder(&self) -> Build {
        builder(Arc::clone(&self.destination), self.settings.registration.clone(), self.desk.clone())
    }

    /// A token for the next request; a login under way is left when the program is told to stop.
    pub(super) async fn token(&mut self) -> Result<Option<SecretString>, Refusal> {
        let token = tokio::select! {
            token = self.session.token(&self.client) => token.map(Some),
            () = self.stop.cancelled() => Ok(None),
        };
        self.tell_skew();
        token
    }

    /// Forgets a token that was refused.
    pub(super) fn forget_token(&mut self) {
        self.session.forget();
    }

    /// A random wait after that many failures in a row, never shorter than what was asked for.
    pub(super) fn wait(&mut self, failures: u32, asked: Option<Duration>) -> Duration {
        self.settings.pace.retry.wait(failures, self.random.next(), asked)
    }

    /// Sends a batch whose intent, stated at that moment or later, is on disk, and settles what comes of it.
    pub(super) async fn submit(
        &mut self,
        open: &OpenBatch,
        begun: Instant,
        token: &SecretString,
        failures: u32,
    ) -> Result<Came, Error> {
        let came = match self.attempt(open, begun, token, failures).await? {
            Ok(came) => came,
            Err(broken) => self.unanswered_submit(broken, failures),
        };
        self.settle(open.attempt, &came.verdict).await?;
        pass(Point::Settled);
        Ok(came)
    }

    async fn attempt(
        &mut self,
        open: &OpenBatch,
        begun: Instant,
        token: &SecretString,
        failures: u32,
    ) -> Result<Result<Came, Broken>, Error> {
        let items = self.items(open)?;
        let call = Call::Submit(&items);
        let request = self.request(&call, token).map(|request| request.map(|_| open.body.clone()));
        let raised = self.raise(open.batch).await;
        // A process that stood still may have been taken over, and what it was about to send sent by another.
        let attempt = open.attempt;
        self.ledger.ask(move |ledger| ledger.require_own(attempt)).await?;
        let prepared = self.clock.instant().saturating_duration_since(begun);
        if prepared > self.settings.timeout.max(PREPARED) {
            return Ok(Ok(self.stood_still()));
        }
        let answer = match (request, raised) {
            (Ok(request), Ok(())) => self.send((open.batch, open.items.len()), request).await,
            (Err(stop), _) | (_, Err(stop)) => Err(Broken::Before(stop)),
        };
        let answer = match answer {
            Ok(answer) => self.keep(open.attempt, answer).await?,
            Err(broken) => return Ok(Err(broken)),
        };
        let reply = self.destination.reply(&call, &response(&answer));
        let (retry, random) = (self.settings.pace.retry, self.random.next());
        let wait = |asked| retry.wait(failures, random, asked);
        Ok(Ok(of_submit(reply, &answer, self.around(open, items.len()), wait)))
    }

    /// Nothing went out, and the same is due again, with an intent of its own.
    fn stood_still(&self) -> Came {
        let seen = "the machine stood still before sending".to_owned();
        let verdict = BatchVerdict::NotSent { retry_at: self.clock.steady(), seen };
        Came { verdict, effect: Effect::Again }
    }

    /// What must be written between a batch's intent and its first byte.
    async fn raise(&self, batch: i64) -> Result<(), Stop> {
        let raise = Arc::clone(&self.settings.raise);
        let raised = tokio::task::spawn_blocking(move || raise(batch)).await;
        let raised = raised.unwrap_or_else(|ended| Err(ended.to_string()));
        raised.map_err(|seen| Stop::new(&MARKS, &self.settings.section.name, seen))
    }

    /// Asks about a pending batch, and settles what comes of it.
    pub(super) async fn ask(&mut self, open: &OpenBatch, token: &SecretString) -> Result<Came, Error> {
        let ticket = Ticket(open.ticket.clone().unwrap_or_default());
        let began_at = self.clock.now();
        *self.asked.entry(open.batch).or_default() += 1;
        let (came, answer, seen) = match self.question(open, &ticket, token).await? {
            Ok((came, answer)) => (came, Some(answer), None),
            Err(broken) => {
                let seen = broken.seen().to_owned();
                (self.unanswered_ask(broken, &ticket), None, Some(seen))
            }
        };
        self.unanswered =
            if matches!(came.effect, Effect::Answered) { 0 } else { self.unanswered.saturating_add(1) };
        let waits = waits(&came.verdict);
        let ends = waits.is_none();
        // A question may be asked again after a crash, so one commit does; the answer that ends the batch is on
        // disk before anything is concluded from it.
        let question = Question { batch: open.batch, began_at, answer, seen, waits };
        let now = self.clock.now();
        let attempt = self.ledger.ask(move |ledger| ledger.asked(&question, now)).await?;
        pass(Point::AskKept);
        if ends {
            self.asked.remove(&open.batch);
            self.settle(attempt, &came.verdict).await?;
        }
        pass(Point::AskSettled);
        Ok(came)
    }

    async fn question(
        &mut self,
        open: &OpenBatch,
        ticket: &Ticket,
        token: &SecretString,
    ) -> Result<Result<(Came, RawAnswer), Broken>, Error> {
        let items = self.items(open)?;
        let call = Call::Ask(ticket, &items);
        let answer = match self.request(&call, token) {
            Ok(request) => self.send((open.batch, open.items.len()), request).await,
            Err(stop) => Err(Broken::Before(stop)),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(broken) => return Ok(Err(broken)),
        };
        pass(Point::Asked);
        let reply = self.destination.reply(&call, &response(&answer));
        let pace = self.settings.pace.ask;
        let again = |lasting| if lasting { pace.cap } else { pace.ceiling(self.unanswered) };
        let came = of_ask(reply, &answer, ticket, self.around(open, items.len()), again);
        Ok(Ok((came, answer)))
    }

    fn unanswered_submit(&mut self, broken: Broken, failures: u32) -> Came {
        let now = self.clock.steady();
        let (stop, wait) = match broken {
            Broken::After(seen) => {
                return Came { verdict: BatchVerdict::Unknown { seen }, effect: Effect::Unknown };
            }
            Broken::Before(stop) if stop.passes() => (stop, Some(self.wait(failures, None))),
            Broken::Before(stop) => (stop, None),
        };
        let retry_at = later(now, wait.unwrap_or_default());
        let verdict = BatchVerdict::NotSent { retry_at, seen: stop.seen().to_owned() };
        Came {
            verdict,
            effect: wait.map_or(Effect::Lasting(stop.clone()), |wait| Effect::Passing(stop, wait)),
        }
    }

    fn unanswered_ask(&self, broken: Broken, ticket: &Ticket) -> Came {
        let wait = self.settings.pace.ask.ceiling(self.unanswered);
        let effect = match broken {
            Broken::After(_) => Effect::Unknown,
            Broken::Before(stop) if stop.passes() => Effect::Passing(stop, wait),
            Broken::Before(stop) => Effect::Lasting(stop),
        };
        Came { verdict: still(ticket, later(self.clock.steady(), wait)), effect }
    }

    fn around(&self, open: &OpenBatch, items: usize) -> Around<'_> {
        let asked = self.asked.get(&open.batch).copied().unwrap_or_default();
        let ask_in = self.settings.pace.poll.ceiling(asked);
        Around { section: &self.settings.section.name, now: self.clock.steady(), items, ask_in }
    }

    fn items(&self, open: &OpenBatch) -> Result<Vec<Item>, Error> {
        if let Some(items) = self.desk.take(&open.items) {
            return Ok(items);
        }
        let read =
            |claimed| item(claimed, self.destination.schema()).ok_or(Error::Record(claimed.transaction));
        open.items.iter().map(read).collect()
    }

    pub(super) fn request(&self, call: &Call<'_>, token: &SecretString) -> Result<Request<Vec<u8>>, Stop> {
        let with = context(Some(token), self.settings.registration.as_ref());
        let wrong = |seen: String| Stop::new(&SETTING, &self.settings.section.name, seen);
        let request = self.destination.request(call, &with).map_err(|error| wrong(error.to_string()))?;
        request.ok_or_else(|| wrong("no path is configured for it".to_owned()))
    }

    /// Sends; once the program is told to stop, the request under way gets its grace and is then left.
    pub(super) async fn send(
        &mut self,
        (batch, rows): (i64, usize),
        request: Request<Vec<u8>>,
    ) -> Result<RawAnswer, Broken> {
        let begun = Instant::now();
        let left = async {
            self.stop.cancelled().await;
            sleep(self.settings.pace.grace).await;
        };
        let answer = tokio::select! {
            answer = self.client.send(request) => answer,
            () = left => Err(Broken::After("stopped while waiting for the answer".to_owned())),
        };
        let section = &self.settings.section.name;
        let elapsed_ms = begun.elapsed().as_millis();
        match &answer {
            Ok(answer @ RawAnswer { status, .. }) => {
                self.clock.hears(answer);
                tracing::info!(section, batch, rows, elapsed_ms, status, "answered");
            }
            Err(Broken::Before(stop)) => {
                tracing::warn!(section, batch, rows, elapsed_ms, code = stop.code.code, "not sent");
            }
            Err(Broken::After(seen)) => {
                tracing::warn!(section, batch, rows, elapsed_ms, seen, "sent, no answer");
            }
        }
        answer
    }

    /// Keeps an answer before it is read.
    async fn keep(&mut self, attempt: i64, answer: RawAnswer) -> Result<Arc<RawAnswer>, Error> {
        let now = self.clock.now();
        self.tell_skew();
        let answer = Arc::new(answer);
        let kept = Arc::clone(&answer);
        pass(Point::Answered);
        self.ledger.ask(move |ledger| ledger.answered(attempt, &kept, now)).await?;
        pass(Point::AnswerKept);
        Ok(answer)
    }

    async fn settle(&self, attempt: i64, verdict: &BatchVerdict) -> Result<(), Error> {
        let (verdict, now) = (verdict.clone(), self.clock.now());
        Ok(self.ledger.ask(move |ledger| ledger.settle(attempt, &verdict, now)).await?)
    }

    /// Once a section, where the system's clock and ours are so far apart that a person should know.
    fn tell_skew(&mut self) {
        let Some(ahead) = self.clock.ahead().filter(|ahead| ahead.abs() > TOLD) else { return };
        if !std::mem::replace(&mut self.skew_told, true) {
            let section = &self.settings.section.name;
            tracing::warn!(section, code = CLOCK.code, ahead_s = ahead.num_seconds(), "clocks differ");
        }
    }
}

/// How a batch waits on after a question; none where the question ended it.
fn waits(verdict: &BatchVerdict) -> Option<Waits> {
    let BatchVerdict::Pending { ticket, remote, ask_at } = verdict else { return None };
    Some(Waits { ticket: ticket.clone(), remote: remote.clone(), ask_at: *ask_at })
}
