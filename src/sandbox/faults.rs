//! What goes wrong on demand. A document of rules says which request meets which fault; what is
//! drawn by chance is drawn from the seed and the request's number, so a run can be repeated.

use serde::{Deserialize, Serialize};

use super::LABEL;

/// The faults a test has asked for: the document of `POST /_sandbox/faults`.
///
/// ```json
/// {"duplicates": "refuse",
///  "rules": [{"on": "submit", "nth": 3, "do": "apply_then_drop"},
///            {"on": "status", "every": 2, "count": 5, "do": {"status": {"code": 503, "retry_after": 1}}},
///            {"on": "token", "probability": 0.1, "do": {"delay": {"ms": 50}}}]}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// What happens to a `p_actor_trn_no` that is registered already.
    pub duplicates: Duplicates,
    /// In order; of those that fire on a request the first wins. All count every request of
    /// their kind.
    pub rules: Vec<Rule>,
}

/// What happens to a number that is registered already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// It is registered again under another id; the guideline promises nothing else.
    #[default]
    Register,
    /// It is refused as `SBX-021`, naming the id.
    Refuse,
}

/// One fault and when it happens. Everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests.
    pub on: On,
    /// Only this one of them, counted from 1 since the rule was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only each so-many-th of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// At most so many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// By chance, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What goes wrong.
    #[serde(rename = "do")]
    pub action: Action,
    /// Whether the request is carried out, where the fault leaves it open. Default: not for
    /// `status`, `redirect` and `unauthorized`, else before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<Apply>,
    /// Requests of its kind so far.
    #[serde(skip_deserializing, default)]
    pub seen: u64,
    /// Times it has fired.
    #[serde(skip_deserializing, default)]
    pub fired: u64,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A new connection, before anything is read from it.
    Connection,
    /// A token is asked for.
    Token,
    /// Transactions are submitted, one or a batch.
    Submit,
    /// A batch is asked about.
    Status,
    /// A transaction is looked up by its sender's number.
    Lookup,
    /// A transaction or a batch is cancelled.
    Reverse,
}

/// When a request is carried out that is not answered as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Apply {
    /// Before the answer.
    Before,
    /// A tenth of a second after the answer.
    After,
    /// Never.
    None,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The connection ends without a byte of answer; nothing is carried out.
    DropBeforeApply,
    /// The connection ends without a byte of answer; all is carried out.
    ApplyThenDrop,
    /// The same; of a batch only the first half (rounded down) is registered.
    ApplyHalfThenDrop,
    /// The same; of a batch only the first rows are registered.
    ApplySomeThenDrop {
        /// How many.
        rows: usize,
    },
    /// Carried out after a while, also when the client has given up; then answered.
    ApplyLate {
        /// Milliseconds.
        ms: u64,
    },
    /// Carried out twice, as behind a proxy that repeats; the second answer is sent.
    ApplyTwice,
    /// The answers of a batch come in another order.
    Shuffle,
    /// The answer lacks the first transaction of the batch.
    Missing,
    /// The answer holds a transaction that was not asked about.
    Extra,
    /// The answer gives the second transaction the id of the first.
    DuplicateIds,
    /// Every number of the answer is quoted.
    NumbersAsText,
    /// The answer names other ids than were given.
    Contradict,
    /// The answer's Bulgarian is in windows-1251 and does not say so.
    Windows1251,
    /// 200 with a page for people.
    Html,
    /// 200 with nothing.
    Empty,
    /// 200 with the first half of the answer, under its own right length.
    Truncated,
    /// 200 with the answer's beginning and blanks behind it.
    BigBody {
        /// Megabytes of blanks.
        mb: u64,
    },
    /// 200 with arrays in arrays.
    DeepJson {
        /// How deep.
        depth: usize,
    },
    /// 200 with a compressed answer that is large when inflated.
    GzipBomb {
        /// Megabytes inflated.
        mb: usize,
    },
    /// A status in place of the answer.
    Status {
        /// The status.
        code: u16,
        /// Seconds, as `Retry-After`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
    /// A redirect (307).
    Redirect {
        /// Where to.
        location: String,
    },
    /// 401, as if the token had ended.
    Unauthorized,
    /// A batch that stays in work: a submission is answered by its number only, asking tells
    /// nothing.
    NeverFinal,
    /// Answered as it should be, by a clock that is wrong.
    DateOff {
        /// Seconds that the answer's `Date` is ahead; less than nothing where it is behind.
        seconds: i64,
    },
    /// Carried out and answered after a while.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The answer comes byte by byte.
    SlowDrip {
        /// Milliseconds between two bytes.
        ms_per_byte: u64,
    },
    /// The connection is reset after so many bytes of the answer, its head included.
    ResetAtByte {
        /// Bytes that still arrive.
        n: u64,
    },
    /// On a connection only: it is reset after so many bytes were read from it.
    ResetRequestAtByte {
        /// Bytes that are still read.
        n: u64,
    },
}

/// A fault that hits the request at hand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub(super) action: Action,
    pub(super) apply: Apply,
    /// A draw of its own for faults with something left to chance.
    pub(super) dice: u64,
}

impl Faults {
    /// Reads a document.
    pub(super) fn parse(document: &[u8]) -> Result<Self, String> {
        let faults: Self = serde_json::from_slice(document).map_err(|error| error.to_string())?;
        match faults.rules.iter().position(|rule| !rule.is_lawful()) {
            Some(index) => Err(format!(
                "rule {}: `connection` goes with `reset_request_at_byte` only, and the other way round; \
                 `every` is at least 1",
                index + 1
            )),
            None => Ok(faults),
        }
    }

    /// The document with its counters, labelled.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "sandbox": LABEL, "duplicates": self.duplicates, "rules": self.rules })
    }

    /// Counts a request and tells the fault it meets.
    pub(super) fn draw(&mut self, on: On, seed: u64) -> Option<Hit> {
        let mut hit = None;
        for (index, rule) in self.rules.iter_mut().enumerate().filter(|(_, rule)| rule.on == on) {
            rule.seen += 1;
            let dice = scramble(scramble(seed ^ index as u64) ^ rule.seen);
            if hit.is_none() && rule.fires(dice) {
                rule.fired += 1;
                hit = Some(Hit { action: rule.action.clone(), apply: rule.applied(), dice: scramble(dice) });
            }
        }
        hit
    }
}

impl Rule {
    fn is_lawful(&self) -> bool {
        let of_connection = matches!(self.action, Action::ResetRequestAtByte { .. });
        (self.on == On::Connection) == of_connection && self.every != Some(0)
    }

    fn fires(&self, dice: u64) -> bool {
        self.nth.is_none_or(|nth| nth == self.seen)
            && self.every.is_none_or(|every| self.seen.is_multiple_of(every))
            && self.count.is_none_or(|count| self.fired < count)
            && self.probability.is_none_or(|probability| chance(dice) < probability)
    }

    fn applied(&self) -> Apply {
        self.apply.unwrap_or(match self.action {
            Action::Status { .. } | Action::Redirect { .. } | Action::Unauthorized => Apply::None,
            _ => Apply::Before,
        })
    }
}

/// A number from 0 up to 1, from the upper bits of a draw.
fn chance(dice: u64) -> f64 {
    let upper = u32::try_from(dice >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / (f64::from(u32::MAX) + 1.0)
}

/// One step of the splitmix64 sequence: spreads neighbouring numbers over all bits.
pub(super) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(document: &str, seed: u64, requests: usize) -> Vec<usize> {
        let mut faults = Faults::parse(document.as_bytes()).unwrap();
        (1..=requests).filter(|_| faults.draw(On::Submit, seed).is_some()).collect()
    }

    #[test]
    fn rules_fire_when_all_they_say_holds() {
        assert_eq!(fired(r#"{"rules":[{"on":"submit","nth":3,"do":"html"}]}"#, 1, 9), [3]);
        assert_eq!(fired(r#"{"rules":[{"on":"submit","every":4,"do":"html"}]}"#, 1, 9), [4, 8]);
        assert_eq!(fired(r#"{"rules":[{"on":"submit","every":2,"count":2,"do":"html"}]}"#, 1, 9), [2, 4]);
        assert_eq!(fired(r#"{"rules":[{"on":"token","do":"html"}]}"#, 1, 9), [0; 0]);
    }

    #[test]
    fn chance_follows_the_seed() {
        let document = r#"{"rules":[{"on":"submit","probability":0.25,"do":"html"}]}"#;
        let first = fired(document, 7, 1000);
        assert_eq!(first, fired(document, 7, 1000));
        assert_ne!(first, fired(document, 8, 1000));
        assert!((200..300).contains(&first.len()), "{}", first.len());
    }

    #[test]
    fn the_first_rule_that_fires_wins_and_the_others_still_count() {
        let document =
            br#"{"rules":[{"on":"submit","nth":2,"do":"empty"},{"on":"submit","nth":2,"do":"html"},
                            {"on":"submit","nth":3,"do":{"delay":{"ms":1}}}]}"#;
        let mut faults = Faults::parse(document).unwrap();
        let hits: Vec<_> = (0..3).map(|_| faults.draw(On::Submit, 1).map(|hit| hit.action)).collect();
        assert_eq!(hits, [None, Some(Action::Empty), Some(Action::Delay { ms: 1 })]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for document in [
            r#"{"rules":[{"on":"submit","do":"explode"}]}"#,
            r#"{"rules":[{"on":"submit","do":{"reset_request_at_byte":{"n":1}}}]}"#,
            r#"{"rules":[{"on":"connection","do":"html"}]}"#,
            r#"{"rules":[{"on":"submit","every":0,"do":"html"}]}"#,
            r#"{"rule":[]}"#,
        ] {
            assert!(Faults::parse(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn a_document_reads_back_what_was_set() {
        let document = br#"{"duplicates":"refuse","rules":[{"on":"submit","do":{"status":{"code":503,"retry_after":1}},"apply":"after"}]}"#;
        let shown = Faults::parse(document).unwrap().to_json();
        assert_eq!(shown["duplicates"], "refuse");
        assert_eq!(shown["rules"][0]["do"]["status"]["code"], 503);
        assert_eq!(shown["rules"][0]["apply"], "after");
        assert_eq!(shown["sandbox"], LABEL);
    }
}
