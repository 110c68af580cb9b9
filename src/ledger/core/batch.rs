//! The life of a batch: the rows of one request body, over all its attempts.

use chrono::{DateTime, TimeDelta, Utc};

use super::Life;
use super::{AttemptEvent, AttemptState, RecordEvent, TransactionEvent, TransactionState};
use crate::ledger::{BatchVerdict, Work};
use crate::model::Outcome;

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchState {
    /// An attempt is under way.
    Sending,
    /// Surely not received: the same bytes go again when it is due.
    Retry,
    /// The system took it; it is asked about when it is due.
    Pending,
    /// Of some row nobody knows what became.
    Unknown,
    /// Every row was answered for, by the system or by a person.
    Settled,
}

/// What can happen to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchEvent {
    /// The same bytes go again; the intent is written.
    SentAgain,
    /// Every row was answered for.
    Answered,
    /// An answer that leaves rows open.
    PartlyAnswered,
    /// The system took it and answers later.
    TakenIn,
    /// It surely was not received.
    NotSent,
    /// Nothing is proven.
    Lost,
    /// A person found the system's number of it.
    AskedAbout,
    /// A person has spoken about its last open row.
    SpokenFor,
    /// The ledger is older than its marks: what it takes for not received may have been.
    Doubted,
    /// A list shows a row of it that was taken for not received.
    Contradicted,
}

use BatchEvent as On;
use BatchState::{Pending, Retry, Sending, Settled, Unknown};

impl Life for BatchState {
    type Event = BatchEvent;
    const TABLE: &'static str = "batches";
    const STATES: &'static [Self] = &[Sending, Retry, Pending, Unknown, Settled];
    const EVENTS: &'static [BatchEvent] = &[
        On::SentAgain,
        On::Answered,
        On::PartlyAnswered,
        On::TakenIn,
        On::NotSent,
        On::Lost,
        On::AskedAbout,
        On::SpokenFor,
        On::Doubted,
        On::Contradicted,
    ];

    fn word(self) -> &'static str {
        match self {
            Sending => "sending",
            Retry => "retry",
            Pending => "pending",
            Unknown => "unknown",
            Settled => "settled",
        }
    }

    fn step(self, event: BatchEvent) -> Option<Self> {
        let lawful = match event {
            On::SentAgain => self == Retry,
            On::Doubted => matches!(self, Sending | Retry),
            // Proof may come late, also to one that was given up. Settled stays settled.
            On::PartlyAnswered if self == Settled => return Some(Settled),
            On::Answered | On::PartlyAnswered => true,
            On::TakenIn | On::Lost => matches!(self, Sending | Pending | Unknown),
            // Only the attempt that is under way can say that nothing went out.
            On::NotSent => self == Sending,
            On::AskedAbout | On::SpokenFor => self == Unknown,
            // One that is asked about goes on so: its answer names the row.
            On::Contradicted if self == Pending => return Some(Pending),
            On::Contradicted => matches!(self, Retry | Unknown | Settled),
        };
        lawful.then_some(event.leads_to())
    }
}

impl BatchEvent {
    /// The state an event leads to, wherever it changes anything.
    pub fn leads_to(self) -> BatchState {
        match self {
            On::SentAgain => Sending,
            On::Answered | On::SpokenFor => Settled,
            On::TakenIn | On::AskedAbout => Pending,
            On::NotSent => Retry,
            On::PartlyAnswered | On::Lost | On::Doubted | On::Contradicted => Unknown,
        }
    }
}

/// Nothing waits longer than an hour (`submit/retry.rs`); a minute more for two clocks that differ a little. A moment
/// further ahead was written while the clock was wrong.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(61);

/// The furthest moment that is still waited for.
pub fn horizon(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_add_signed(LONGEST_WAIT).unwrap_or(now)
}

/// Whether what was put off until a moment is due.
pub fn is_due(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at <= now || at > horizon(now)
}

/// A batch that was put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOff {
    /// The batch.
    pub batch: i64,
    /// `Retry` or `Pending`.
    pub state: BatchState,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What a sender does next. `first`: of those put off, the one due first; `retry`: the earliest of those that were
/// not received. They go before anything new, because the system is not reached, or told us to wait.
pub fn next(first: Option<PutOff>, retry: Option<DateTime<Utc>>, ready: bool, now: DateTime<Utc>) -> Work {
    match (first, retry) {
        (Some(first), _) if first.state == Retry && is_due(first.until, now) => Work::Resend(first.batch),
        (Some(first), _) if first.state == Pending && is_due(first.until, now) => Work::Ask(first.batch),
        (first, Some(at)) => Work::Later(first.map_or(at, |first| first.until.min(at))),
        _ if ready => Work::Claim,
        (first, None) => first.map_or(Work::Nothing, |first| Work::Later(first.until)),
    }
}

/// What a verdict about a batch does to everything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effects {
    /// To the batch.
    pub batch: BatchEvent,
    /// To the attempt.
    pub attempt: AttemptEvent,
    /// To each transaction and record; none where each has an outcome of its own, or nothing happens to them.
    pub all: Option<(TransactionEvent, RecordEvent)>,
}

/// What a verdict does to a batch whose transactions are in these states.
pub fn effects(verdict: &BatchVerdict, rows: &[TransactionState]) -> Effects {
    match verdict {
        BatchVerdict::Settled { outcomes, .. } => Effects {
            batch: if leaves_open(outcomes, rows) { On::PartlyAnswered } else { On::Answered },
            attempt: AttemptEvent::Applied,
            all: None,
        },
        BatchVerdict::Pending { .. } => Effects {
            batch: On::TakenIn,
            attempt: AttemptEvent::Applied,
            all: Some((TransactionEvent::TakenIn, RecordEvent::TakenIn)),
        },
        BatchVerdict::NotSent { .. } => {
            Effects { batch: On::NotSent, attempt: AttemptEvent::NotSent, all: None }
        }
        BatchVerdict::Unknown { .. } => Effects {
            batch: On::Lost,
            attempt: AttemptEvent::Lost,
            all: Some((TransactionEvent::Unsaid, RecordEvent::Unsaid)),
        },
    }
}

/// Where a verdict about an attempt leads its batch; none where it says nothing new: the batch or the attempt is over,
/// or it names other rows than are in the batch.
pub fn after(
    batch: BatchState,
    attempt: AttemptState,
    verdict: &BatchVerdict,
    rows: &[TransactionState],
) -> Option<BatchState> {
    let effects = effects(verdict, rows);
    // What an attempt came to is told once. A process that was taken over may tell it again, when the same batch is
    // under way a second time.
    attempt.step(effects.attempt)?;
    batch.step(effects.batch).filter(|_| names_all(verdict, rows.len()))
}

/// Whether a verdict names exactly the rows that are in the batch now. Rows that a person let go leave it for
/// another one, and then a late answer's outcomes can't be told apart by their places.
fn names_all(verdict: &BatchVerdict, rows: usize) -> bool {
    match verdict {
        BatchVerdict::Settled { outcomes, .. } => outcomes.len() == rows,
        _ => true,
    }
}

/// Why an answer leaves rows open, in words.
pub fn left_open(outcomes: &[Outcome], remote: Option<&str>) -> String {
    match remote {
        Some(remote) if outcomes.iter().all(|outcome| *outcome == Outcome::Unknown) => {
            format!("taken as batch {remote}")
        }
        _ => "the answer does not name every row".to_owned(),
    }
}

/// Whether a verdict leaves a row without an outcome that had none before.
fn leaves_open(outcomes: &[Outcome], rows: &[TransactionState]) -> bool {
    let open = |(outcome, row): (&Outcome, &TransactionState)| {
        *outcome == Outcome::Unknown && row.step(TransactionEvent::Unsaid).is_some()
    };
    outcomes.iter().zip(rows).any(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_batch_that_surely_was_not_received_goes_again() {
        for state in BatchState::STATES {
            assert_eq!(state.step(On::SentAgain).is_some(), *state == Retry, "{state:?}");
            let put_off = BatchState::EVENTS.iter().any(|on| state.step(*on) == Some(Retry));
            assert_eq!(put_off, *state == Sending, "{state:?}");
        }
    }

    #[test]
    fn what_an_attempt_came_to_is_told_once() {
        let not_sent = BatchVerdict::NotSent { retry_at: DateTime::UNIX_EPOCH, seen: String::new() };
        assert_eq!(
            after(Sending, AttemptState::Answered, &not_sent, &[TransactionState::Sending]),
            Some(Retry)
        );
        assert_eq!(
            after(Sending, AttemptState::NotSent, &not_sent, &[TransactionState::Sending]),
            None,
            "the batch is under way again"
        );
    }

    #[test]
    fn a_settled_batch_stays_so_unless_a_list_contradicts_it() {
        let out: Vec<_> = BatchState::EVENTS
            .iter()
            .filter(|on| Settled.step(**on).is_some_and(|to| to != Settled))
            .collect();
        assert_eq!(out, [&On::Contradicted]);
    }

    #[test]
    fn a_moment_that_a_wrong_clock_wrote_holds_nothing_up() {
        let now = DateTime::UNIX_EPOCH;
        assert!(is_due(now, now) && is_due(now - TimeDelta::days(3650), now));
        assert!(!is_due(now + TimeDelta::hours(1), now));
        assert!(is_due(now + TimeDelta::days(3650), now));
    }
}
