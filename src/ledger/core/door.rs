//! The door: what is looked at once more, in the commit that states an intent, of records that are about to go.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;

use super::decide::stop;
use super::follow::{self, documents_of_record, take_place};
use super::place::{is_counted, other_of};
use super::store::{Movement, in_place_of, told};
use super::{Known, RecordEvent, RecordState, Store, Way};
use crate::destinations::Late;
use crate::ledger::{Error, codes};

/// A record that is about to go.
#[derive(Debug, Clone)]
pub(crate) struct Leaving {
    pub(crate) record: i64,
    /// The transaction it was in before, which was not received.
    pub(crate) transaction: Option<i64>,
    /// The number that a mapping gave.
    pub(crate) mapped: Option<String>,
    /// Last day to send, for one that must be held against it: not let go by a person, never in a request.
    pub(crate) until: Option<NaiveDate>,
    /// Whether it is not the live row of its own key.
    pub(crate) beside: bool,
    /// What it is about, where others may be about the same.
    pub(crate) movement: Option<Movement>,
}

/// Sets aside those that must not go after all, of the first kind of which there are some; gives them.
pub(crate) fn set_aside<S: Store>(
    store: &mut S,
    leaving: &[&Leaving],
    late: Late,
    today: NaiveDate,
) -> Result<Vec<i64>, Error> {
    let aside = first_aside(store, leaving, late, today)?;
    if !aside.is_empty() {
        // Others of their documents are not to go now either.
        follow::judge_due(store)?;
    }
    Ok(aside)
}

fn first_aside<S: Store>(
    store: &mut S,
    leaving: &[&Leaving],
    late: Late,
    today: NaiveDate,
) -> Result<Vec<i64>, Error> {
    let too_late = set_late_aside(store, leaving, late, today)?;
    if !too_late.is_empty() {
        return Ok(too_late);
    }
    let taken = refuse_taken(store, leaving)?;
    if !taken.is_empty() {
        return Ok(taken);
    }
    let beside = hold_beside(store, leaving)?;
    if !beside.is_empty() {
        return Ok(beside);
    }
    hold_again(store, leaving)
}

/// Those past their last day that never were in a request and that nobody let go.
fn set_late_aside<S: Store>(
    store: &mut S,
    leaving: &[&Leaving],
    late: Late,
    today: NaiveDate,
) -> Result<Vec<i64>, Error> {
    let (event, code) = match late {
        Late::Send => return Ok(Vec::new()),
        Late::Hold => (RecordEvent::SetAside, &codes::LATE_HELD),
        Late::Refuse => (RecordEvent::Refused, &codes::LATE_REFUSED),
    };
    let mut aside = Vec::new();
    for one in leaving {
        let Some(until) = one.until.filter(|until| *until < today) else { continue };
        stop(store, one.record, event, &told(code, [until.format("%d.%m.%Y").to_string()]))?;
        aside.push(one.record);
    }
    Ok(aside)
}

/// Those whose mapped number went out already with another row of their fact, such as the one that they correct: a
/// number names one transaction, else nobody could tell by it what became of which.
fn refuse_taken<S: Store>(store: &mut S, leaving: &[&Leaving]) -> Result<Vec<i64>, Error> {
    let (mut aside, mut seen) = (Vec::new(), HashSet::new());
    for one in leaving {
        let Some(number) = &one.mapped else { continue };
        if store.went_out(one.record, number, one.transaction)? || !seen.insert(number) {
            store.forget_number(one.record)?;
            stop(store, one.record, RecordEvent::Refused, &told(&codes::NUMBER_TAKEN, []))?;
            aside.push(one.record);
        }
    }
    Ok(aside)
}

/// Whatever files did to each other's places, of one key nothing goes beside what is accepted or under way, unless a
/// person who was told of that one let it go.
fn hold_beside<S: Store>(store: &mut S, leaving: &[&Leaving]) -> Result<Vec<i64>, Error> {
    let mut aside = Vec::new();
    for one in leaving.iter().filter(|one| one.beside) {
        let goes = |one: &Known| one.state == RecordState::Ready;
        let Some(ready) = store.record(one.record)?.filter(goes) else { continue };
        if !claim_key(store, &ready)? {
            aside.push(ready.id);
        }
    }
    Ok(aside)
}

/// What moved goes once, under whatever keys repaired rows come: not beside one that is registered or under way, nor with
/// another.
fn hold_again<S: Store>(store: &mut S, leaving: &[&Leaving]) -> Result<Vec<i64>, Error> {
    let (mut aside, mut first) = (Vec::new(), BTreeMap::<Movement, Known>::new());
    for one in leaving {
        let Some(movement) = one.movement else { continue };
        let Some(ready) = store.record(one.record)?.filter(|one| one.state == RecordState::Ready) else {
            continue;
        };
        let sent = other_of(store, movement, ready.id)?;
        let Some(other) = sent.or_else(|| first.get(&movement).cloned()) else {
            first.insert(movement, ready);
            continue;
        };
        let way = follow::way_to(store, &ready, &other)?;
        follow::hold_beside(store, &ready, &other, way)?;
        aside.push(ready.id);
    }
    Ok(aside)
}

/// Makes a record its own key's live row, or holds it beside that one. False where it is held.
fn claim_key<S: Store>(store: &mut S, ready: &Known) -> Result<bool, Error> {
    let Some(key) = store.own_keys(ready)?.into_iter().next() else { return Ok(true) };
    let Some(live) = store.live(key.0, &key.1)? else {
        store.revive_facts(ready)?;
        return Ok(true);
    };
    if live.id == ready.id {
        return Ok(true);
    }
    let is_its_own = store.own_keys(&live)?.first() == Some(&key) && store.is_taken(live.intake)?;
    // Of equal rows without a key a person is told of one for all.
    let of_equals = matches!(ready.way, Some(Way::WeakAgain | Way::WeakElsewhere));
    let is_told = ready.is_vouched_for() && (of_equals || was_told_of(store, ready, &live)?);
    if is_its_own && is_told {
        return Ok(true);
    }
    if is_its_own && live.state.may_be_reported() {
        let way = if is_counted(&key.1) { Way::WeakElsewhere } else { Way::Key };
        follow::hold_beside(store, ready, &live, way)?;
        return Ok(false);
    }
    if is_its_own && live.state.gives_way() && live.newer.is_none() {
        take_place(store, ready, &live)?;
        documents_of_record(store, live.id)?;
    }
    store.give_fact(&live, ready, &key)?;
    Ok(true)
}

/// Whether the person who let a row go was told of another one: of that, of what it became, or of a row of its file.
fn was_told_of<S: Store>(store: &S, ready: &Known, live: &Known) -> Result<bool, Error> {
    let told = ready.of_record.map_or(Ok(None), |of| store.record(of))?;
    let told = told.map_or(Ok(None), |told| in_place_of(told, |id| store.record(id)).map(Some))?;
    Ok(live.intake == ready.intake || told.is_some_and(|told| told.id == live.id))
}
