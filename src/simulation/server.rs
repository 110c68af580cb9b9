//! The national system as a model: books that cannot lie, and a line that does what lines do.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::random::Random;
use crate::ledger::{ClaimItem, OpenBatch, RawAnswer};

/// The latest that a request is still registered after it was sent, minutes.
pub(super) const LATEST_M: i64 = 30;

/// A body as the model's system reads it: a line a row, number and members.
pub(super) fn body(items: &[ClaimItem]) -> Vec<u8> {
    let lines: Vec<String> = items.iter().map(|item| format!("{} {}", item.number, item.members)).collect();
    lines.join("\n").into_bytes()
}

/// The number in a line of a body.
fn number_of(line: &str) -> Option<String> {
    line.split_once(' ').map(|(number, _)| number.to_owned())
}

/// One registered transaction.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    pub(super) number: String,
    pub(super) members: String,
}

/// A request that is still to be worked on.
#[derive(Debug, Clone)]
struct Late {
    at: DateTime<Utc>,
    body: Vec<u8>,
    batch: Option<usize>,
}

/// A batch that is answered later.
#[derive(Debug, Clone)]
struct Later {
    done: bool,
    never: bool,
    /// Number → id or none for a refusal.
    rows: Vec<(String, Option<usize>)>,
}

/// What comes of one request, as the client sees it.
#[derive(Debug, Clone)]
pub(super) enum Line {
    /// No connection: not one byte went out.
    NotSent,
    /// Nothing came back.
    Cut,
    Answer(RawAnswer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    NoConnection,
    CutBefore,
    CutAfter,
    CutHalf,
    ApplyLate,
    Shuffled,
    Missing,
    Extra,
    Twice,
    SameId,
    Html,
    Truncated,
    Empty,
    Unauthorized,
    Busy,
    Unavailable,
    ErrorBefore,
    ErrorAfter,
    Forbidden,
    Async,
    AsyncNever,
    AsyncLate,
}

const TROUBLES: &[Mood] = &[
    Mood::NoConnection,
    Mood::CutBefore,
    Mood::CutAfter,
    Mood::CutHalf,
    Mood::ApplyLate,
    Mood::Shuffled,
    Mood::Missing,
    Mood::Extra,
    Mood::Twice,
    Mood::SameId,
    Mood::Html,
    Mood::Truncated,
    Mood::Empty,
    Mood::Unauthorized,
    Mood::Busy,
    Mood::Unavailable,
    Mood::ErrorBefore,
    Mood::ErrorAfter,
    Mood::Forbidden,
    Mood::Async,
    Mood::AsyncNever,
    Mood::AsyncLate,
];

/// The system with its books.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) books: Vec<Registered>,
    pub(super) by_number: HashMap<String, usize>,
    /// Registered since somebody looked.
    pub(super) fresh: Vec<usize>,
    late: Vec<Late>,
    batches: Vec<Later>,
    /// How often something goes wrong, of a hundred.
    pub(super) trouble: usize,
    /// How many rows are refused, of a hundred.
    pub(super) refuses: usize,
    /// From when to when nobody is there.
    pub(super) away: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Server {
    pub(super) fn new(trouble: usize, refuses: usize) -> Self {
        Self { trouble, refuses, ..Self::default() }
    }

    /// A request arrives, or does not.
    pub(super) fn submit(&mut self, open: &OpenBatch, now: DateTime<Utc>, random: &mut Random) -> Line {
        if self.is_away(now) {
            return Line::NotSent;
        }
        let mood = if random.percent(self.trouble) { *random.pick(TROUBLES) } else { Mood::Good };
        let status = |code| Line::Answer(answer(code, &[], ""));
        match mood {
            Mood::NoConnection => return Line::NotSent,
            Mood::CutBefore => return Line::Cut,
            Mood::Unauthorized => return status(401),
            Mood::Busy => return Line::Answer(answer(429, &[("retry-after", "7")], "")),
            Mood::Unavailable => return Line::Answer(answer(503, &[("retry-after", "9")], "")),
            Mood::ErrorBefore => return status(500),
            Mood::Forbidden => return status(403),
            Mood::ApplyLate | Mood::AsyncLate => return self.put_off(open, mood, now, random),
            Mood::Async | Mood::AsyncNever => return self.take_in(open, mood == Mood::AsyncNever, random),
            _ => {}
        }
        let all = lines(&open.body).len();
        let reach = if mood == Mood::CutHalf { random.below(all + 1) } else { all };
        let rows = self.register(&open.body, reach, random);
        Self::answer(mood, rows, random)
    }

    fn answer(mood: Mood, mut rows: Vec<(String, Option<usize>)>, random: &mut Random) -> Line {
        match mood {
            Mood::CutAfter | Mood::CutHalf => return Line::Cut,
            Mood::Html => return Line::Answer(answer(200, &[], "<html>welcome</html>")),
            Mood::Empty => return Line::Answer(answer(200, &[], "")),
            Mood::ErrorAfter => return Line::Answer(answer(502, &[], "")),
            Mood::Shuffled => shuffle(&mut rows, random),
            Mood::Missing => rows.truncate(random.below(rows.len())),
            Mood::Extra => rows.push(("9999999999999".to_owned(), Some(999_999))),
            Mood::Twice => rows.extend(rows.first().cloned()),
            _ => {}
        }
        let mut text = shown(&rows, None);
        if mood == Mood::SameId && rows.iter().filter(|(_, id)| id.is_some()).count() > 1 {
            text = text.replace("\"TRANSACTION_ID\":", "\"TRANSACTION_ID\":7,\"was\":");
        }
        if mood == Mood::Truncated {
            text.truncate(text.len() / 2);
        }
        Line::Answer(answer(200, &[], &text))
    }

    /// Registers the first rows of a body.
    fn register(&mut self, body: &[u8], reach: usize, random: &mut Random) -> Vec<(String, Option<usize>)> {
        let mut rows = Vec::new();
        for (number, members) in lines(body).into_iter().take(reach) {
            if random.percent(self.refuses) {
                rows.push((number, None));
                continue;
            }
            let id = self.books.len();
            self.by_number.insert(number.clone(), id);
            self.books.push(Registered { number: number.clone(), members });
            self.fresh.push(id);
            rows.push((number, Some(id)));
        }
        rows
    }

    fn put_off(&mut self, open: &OpenBatch, mood: Mood, now: DateTime<Utc>, random: &mut Random) -> Line {
        let at = now + TimeDelta::minutes(random.within(1, LATEST_M));
        let batch = (mood == Mood::AsyncLate).then_some(self.batches.len());
        self.late.push(Late { at, body: open.body.clone(), batch });
        if batch.is_none() {
            return Line::Cut;
        }
        self.batches.push(Later { done: false, never: false, rows: Vec::new() });
        Line::Answer(answer(202, &[], &format!("{{\"BATCH_ID\":{}}}", self.batches.len())))
    }

    fn take_in(&mut self, open: &OpenBatch, never: bool, random: &mut Random) -> Line {
        let reach = lines(&open.body).len();
        let rows = self.register(&open.body, reach, random);
        self.batches.push(Later { done: !never, never, rows });
        Line::Answer(answer(202, &[], &format!("{{\"BATCH_ID\":{}}}", self.batches.len())))
    }

    /// A question about a batch.
    pub(super) fn ask(&self, ticket: &serde_json::Value, now: DateTime<Utc>, random: &mut Random) -> Line {
        if self.is_away(now) {
            return Line::NotSent;
        }
        let number: usize = ticket["batch"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        let Some(batch) = number.checked_sub(1).and_then(|at| self.batches.get(at)) else {
            return Line::Answer(answer(404, &[], ""));
        };
        if random.percent(self.trouble / 2) {
            return match random.below(5) {
                0 => Line::Cut,
                1 => Line::NotSent,
                2 => Line::Answer(answer(502, &[], "")),
                3 => Line::Answer(answer(401, &[], "")),
                _ => Line::Answer(answer(200, &[], "<html>")),
            };
        }
        let mut rows = batch.rows.clone();
        shuffle(&mut rows, random);
        Line::Answer(answer(200, &[], &shown(&rows, Some((number, batch.done)))))
    }

    pub(super) fn is_away(&self, now: DateTime<Utc>) -> bool {
        self.away.is_some_and(|(from, to)| (from..to).contains(&now))
    }

    /// Time passes: what was put off is registered.
    pub(super) fn pass(&mut self, now: DateTime<Utc>, random: &mut Random) {
        let (due, later): (Vec<Late>, Vec<Late>) =
            std::mem::take(&mut self.late).into_iter().partition(|late| late.at <= now);
        self.late = later;
        for late in due {
            let rows = self.register(&late.body, usize::MAX, random);
            if let Some(batch) = late.batch {
                self.batches[batch].rows = rows;
                self.batches[batch].done = true;
            }
        }
    }

    /// Numbers of what was sent and is not registered yet.
    pub(super) fn under_way(&self) -> Vec<String> {
        let bodies = self.late.iter().map(|late| String::from_utf8_lossy(&late.body));
        bodies.flat_map(|body| body.lines().filter_map(number_of).collect::<Vec<_>>()).collect()
    }

    /// The faults stop: what was never to be final is.
    pub(super) fn mend(&mut self) {
        self.trouble = 0;
        self.refuses = 0;
        self.away = None;
        self.batches.iter_mut().filter(|batch| batch.never).for_each(|batch| batch.done = true);
    }

    /// What the portal shows of a number.
    pub(super) fn look(&self, number: &str) -> Option<usize> {
        self.by_number.get(number).copied()
    }

    /// Whether that is what was sent.
    pub(super) fn shows(&self, number: &str, members: &str) -> bool {
        self.look(number).is_some_and(|id| self.books[id].members == members)
    }

    /// The batch that numbers came in, where the portal shows one that says of each what the books say.
    pub(super) fn batch_with(&self, numbers: &[String]) -> Option<usize> {
        let has = |batch: &Later, number: &String| {
            batch.rows.iter().any(|(one, id)| one == number && *id == self.look(number))
        };
        let is_it = |batch: &Later| numbers.iter().all(|number| has(batch, number));
        self.batches.iter().rposition(is_it).map(|at| at + 1)
    }
}

fn shuffle(rows: &mut [(String, Option<usize>)], random: &mut Random) {
    for at in (1..rows.len()).rev() {
        rows.swap(at, random.below(at + 1));
    }
}

/// Ids count from 1: a system writes 0 for "none".
fn shown(rows: &[(String, Option<usize>)], batch: Option<(usize, bool)>) -> String {
    let row = |(number, id): &(String, Option<usize>)| match id {
        Some(id) => format!("{{\"p_actor_trn_no\":{number},\"TRANSACTION_ID\":{}}}", id + 1),
        None => {
            format!("{{\"p_actor_trn_no\":{number},\"errors\":[{{\"code\":\"E1\",\"message\":\"no\"}}]}}")
        }
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    let head = batch.map_or(String::new(), |(number, done)| {
        format!("\"BATCH_ID\":{number},\"status\":\"{}\",", if done { "done" } else { "working" })
    });
    format!("{{{head}\"transactions\":[{}]}}", rows.join(","))
}

fn lines(body: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(body).unwrap();
    let line =
        |line: &str| line.split_once(' ').map(|(number, members)| (number.to_owned(), members.to_owned()));
    text.lines().filter_map(line).collect()
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> RawAnswer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    RawAnswer { status, headers, body: body.as_bytes().to_vec() }
}
