//! What people decide: letting go what is held, saying what became of an unknown outcome.

use std::collections::BTreeSet;

use super::follow::{
    documents_of_record, documents_of_records, give_place_back, judge_followers, judge_followers_of,
    wait_behind, way_to,
};
use super::store::{Stand, Which, in_place_of, told};
use super::{Judgement, Known, Life as _, RecordEvent, RecordState, Store, Way};
use crate::ledger::lists::{is_listed_under_our_number, listed_ids};
use crate::ledger::{By, Decision, Double, Error, StoredIssue, codes};
use crate::model::{CodeInfo, Outcome};

/// What holds a record because it may be a double: only an answer to that lets it go.
pub(crate) const DOUBTS: [&CodeInfo; 7] = [
    &codes::CHANGE,
    &codes::DOUBLE,
    &codes::TWICE,
    &codes::REPORTED_BEFORE,
    &codes::REPAIRED_TWICE,
    &codes::DOUBTFUL,
    &codes::PERHAPS_LISTED,
];

/// Lets one record go, or drops it. False where the answer does not fit what holds it. `moved` gets those whose documents
/// are still to be judged.
pub(crate) fn release<S: Store>(
    store: &mut S,
    known: &Known,
    answer: Option<Double>,
    by: &By,
    moved: &mut Vec<i64>,
) -> Result<bool, Error> {
    if known.state == RecordState::Reversed
        && let Some(live) = sent_anew(store, known)?
    {
        return judge_reversed(store, known, &live);
    }
    if store.doubt_if_taken_over(known)? {
        store.mark_changed(known.id)?;
        if answer != Some(Double::Drop) {
            // Whoever answered was asked about something else.
            return Ok(false);
        }
    }
    if answer != Some(Double::Drop) && ask_first(store, known, moved)? {
        return Ok(false);
    }
    let reasons = store.reason(known.id)?;
    let code = reasons.first().map(|issue| issue.code.as_str()).unwrap_or_default();
    let doubt = DOUBTS.iter().any(|one| one.code == code);
    let empty = known.members.is_none() && answer != Some(Double::Drop);
    let unsendable = !known.valid || empty || code == codes::UNKNOWN_REF.code;
    // What a person says to drop is never sent: only a doubt about doubles can be answered so.
    let other_question = !doubt && answer == Some(Double::Drop);
    if unsendable || other_question || (doubt && answer.is_none()) {
        return Ok(false);
    }
    if answer == Some(Double::Drop) {
        drop_it(store, known, by)?;
    } else if known.newer.is_none() {
        let asked = doubt && is_asked_about_movement(store, known)?;
        if asked && goes_already(store, known)?.is_some() {
            // That it is another movement is what "double=send" says then; else it is the one that is to be reported.
            store.set_movement(known.id, (known.intake, known.row))?;
        }
        let state = known.state.after(RecordEvent::Released)?;
        store.let_go(known.id, state)?;
        store.tell(known.id, &[told(&codes::RELEASED, [by.name.clone(), by.reason.clone()])])?;
        // A row that is sent is its fact's live row, unless the live one is accepted or on its way itself.
        if let Some(own) = store.own_keys(known)?.first() {
            store.vacate_fact(own)?;
        }
        store.revive_facts(known)?;
    }
    store.mark_changed(known.id)?;
    moved.push(known.id);
    Ok(true)
}

/// Whoever lets a row go is asked first about another one about the same movement, of which nobody was told. Whether
/// there is one.
fn ask_first<S: Store>(store: &mut S, known: &Known, moved: &mut Vec<i64>) -> Result<bool, Error> {
    let Some(other) = went_meanwhile(store, known)? else { return Ok(false) };
    let cancelled = known.state == RecordState::Reversed && known.of_record.is_none();
    if !cancelled {
        let way = way_to(store, known, &other)?;
        wait_behind(store, known, &other, way)?;
        store.mark_changed(known.id)?;
        moved.push(known.id);
    }
    Ok(true)
}

/// Another row about the same movement that went, or is about to, where what is asked is something else.
fn went_meanwhile<S: Store>(store: &S, known: &Known) -> Result<Option<Known>, Error> {
    let may = known.valid && known.newer.is_none();
    if !may || is_asked_about_movement(store, known)? { Ok(None) } else { goes_already(store, known) }
}

/// Another row about the same movement that went, or is about to.
fn goes_already<S: Store>(store: &S, known: &Known) -> Result<Option<Known>, Error> {
    let Some(movement) = known.movement else { return Ok(None) };
    for other in store.select(Which::GoingOfMovement(movement))?.into_iter().rev() {
        let ready = other.state == RecordState::Ready && store.is_taken(other.intake)?;
        if other.id != known.id && (other.is_with_system() || ready) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Whether what holds a row asks if it is the movement of another, or a movement of its own: by what it names, or as one
/// of several rows of its file that repair one.
fn is_asked_about_movement<S: Store>(store: &S, known: &Known) -> Result<bool, Error> {
    let met = known.of_record.map_or(Ok(None), |of| store.record(of))?;
    match (known.way, known.movement) {
        (Some(Way::Named | Way::Movement), _) => Ok(met.is_some()),
        (Some(_), Some(movement)) if met.is_some_and(|met| met.moves() == movement) => Ok(true),
        (Some(Way::Key), Some(movement)) => store.has_twin(known, movement),
        _ => Ok(false),
    }
}

/// The row of a reversed one's fact that was sent after it, or is about to be.
fn sent_anew<S: Store>(store: &S, known: &Known) -> Result<Option<Known>, Error> {
    for (scope, key) in store.own_keys(known)? {
        let live = store.live(scope, &key)?.filter(|live| live.id != known.id);
        if let Some(live) = live.filter(|live| live.state == RecordState::Accepted || live.state.is_open()) {
            return Ok(Some(live));
        }
    }
    Ok(None)
}

/// A row that repeats one that was reversed is judged by the one that was sent since; the reversed one itself stays.
fn judge_reversed<S: Store>(store: &mut S, known: &Known, live: &Known) -> Result<bool, Error> {
    let repeats = known.of_record.is_some();
    if repeats {
        wait_behind(store, known, live, Way::Key)?;
        store.mark_changed(known.id)?;
        documents_of_record(store, known.id)?;
    }
    Ok(repeats)
}

fn drop_it<S: Store>(store: &mut S, known: &Known, by: &By) -> Result<(), Error> {
    if known.state != RecordState::Held || known.newer.is_some() {
        return Ok(());
    }
    let state = known.state.after(RecordEvent::Dropped)?;
    let reason = [told(&codes::DROPPED, [by.name.clone()])];
    store.stand(known.id, &Stand { state, way: known.way, of_record: known.of_record, reason: &reason })?;
    judge_followers(store, known.id)
}

/// A ready record does not go after all; rows that waited for it are judged now, and its document stands still.
pub(crate) fn stop<S: Store>(
    store: &mut S,
    id: i64,
    event: RecordEvent,
    why: &StoredIssue,
) -> Result<(), Error> {
    let state = RecordState::Ready.after(event)?;
    let reason = std::slice::from_ref(why);
    store.stand(id, &Stand { state, way: None, of_record: None, reason })?;
    store.mark_changed(id)?;
    documents_of_record(store, id)?;
    judge_followers(store, id)
}

/// Lists show rows that were held because somebody else might have sent them: somebody did. They are their facts' live
/// rows still, so what comes for these again repeats them.
pub(crate) fn sent_by_others<S: Store>(store: &mut S, rows: &[(Known, StoredIssue)]) -> Result<(), Error> {
    for (known, why) in rows {
        let state = known.state.after(RecordEvent::Judged(Judgement::Duplicate))?;
        let reason = std::slice::from_ref(why);
        store.stand(known.id, &Stand { state, way: None, of_record: None, reason })?;
        store.mark_changed(known.id)?;
    }
    let ids: Vec<i64> = rows.iter().map(|(known, _)| known.id).collect();
    judge_followers_of(store, &ids)?;
    documents_of_records(store, &ids)
}

/// It is proven what became of one record whose outcome is unknown: it is registered under that number, or, without
/// one, was not received.
pub(crate) fn prove<S: Store>(
    store: &mut S,
    known: &Known,
    id: Option<&str>,
    why: &StoredIssue,
) -> Result<(), Error> {
    let mut settled = Settled::default();
    prove_one(store, known, id, why, &mut settled)?;
    follow(store, &settled)
}

/// Records whose outcomes became known in one commit, and the batches they are in. Whatever follows is judged once, when
/// all have moved.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    records: Vec<i64>,
    batches: BTreeSet<i64>,
}

/// The same as [`prove`], without what follows.
pub(crate) fn prove_one<S: Store>(
    store: &mut S,
    known: &Known,
    id: Option<&str>,
    why: &StoredIssue,
    settled: &mut Settled,
) -> Result<(), Error> {
    let (transaction, batch) = store.transaction(known.id)?;
    let reason = std::slice::from_ref(why);
    if let Some(id) = id {
        store.settle_one(transaction, &Outcome::Accepted { id: id.to_owned() })?;
        store.tell(known.id, reason)?;
    } else {
        store.not_received(transaction)?;
        let state = known.state.after(RecordEvent::NotReceived)?;
        store.stand(known.id, &Stand { state, way: known.way, of_record: known.of_record, reason })?;
        store.hold_doubtful_record(known.id)?;
    }
    settled.add(known.id, batch);
    Ok(())
}

impl Settled {
    fn add(&mut self, record: i64, batch: i64) {
        self.records.push(record);
        self.batches.insert(batch);
    }
}

/// What follows when outcomes became known.
pub(crate) fn follow<S: Store>(store: &mut S, settled: &Settled) -> Result<(), Error> {
    judge_followers_of(store, &settled.records)?;
    for record in &settled.records {
        store.mark_changed(*record)?;
    }
    for batch in &settled.batches {
        store.close_batch(*batch)?;
        store.mark_batch(*batch)?;
    }
    Ok(())
}

/// A list shows under our number what was taken for not received. It does not go again: nobody knows what became of
/// it, until the list itself proves it or a person decides. Held would not do, because a newer row of its fact takes
/// the place of what is held, and would go out beside it under a number of its own. False where nothing is to be
/// done, or no more can be: a newer row went in its place. `moved` gets those whose documents are still to be judged.
pub(crate) fn contradict<S: Store>(
    store: &mut S,
    known: &Known,
    why: &StoredIssue,
    moved: &mut Vec<i64>,
) -> Result<bool, Error> {
    let Some(state) = known.state.step(RecordEvent::Contradicted) else { return Ok(false) };
    let newer = in_place_of(known.clone(), |id| store.record(id))?;
    if newer.id != known.id && newer.state.was_taken() {
        return Ok(false);
    }
    let (transaction, batch) = store.transaction(known.id)?;
    store.contradicted(transaction, batch)?;
    let reason = std::slice::from_ref(why);
    store.stand(known.id, &Stand { state, way: known.way, of_record: known.of_record, reason })?;
    if newer.id != known.id {
        give_place_back(store, &newer, known)?;
    }
    store.mark_changed(known.id)?;
    store.mark_batch(batch)?;
    moved.extend([known.id, newer.id]);
    Ok(true)
}

/// What a word about these is about: of one that waits, the one whose unknown outcome it waits for; each once.
pub(crate) fn about_what<S: Store>(store: &S, named: Vec<Known>) -> Result<Vec<Known>, Error> {
    let (mut seen, mut about) = (BTreeSet::new(), Vec::with_capacity(named.len()));
    for known in named {
        let of = known.of_record.filter(|_| known.state == RecordState::Behind);
        let met = of.map_or(Ok(None), |of| store.record(of))?;
        let known = met.filter(|met| met.state == RecordState::Unknown).unwrap_or(known);
        about.extend(seen.insert(known.id).then_some(known));
    }
    Ok(about)
}

/// Why a person's word about a record, or its batch, decides nothing: the system's number that is given is another's
/// already. Both can't be true, and what became of the other would be taken for this one's.
pub(crate) fn objection<S: Store>(
    store: &S,
    known: &Known,
    decision: &Decision,
    of_batch: bool,
) -> Result<Option<StoredIssue>, Error> {
    let (Decision::Accepted(id) | Decision::AskAbout { remote: id, .. }) = decision else { return Ok(None) };
    let bearer = if of_batch {
        let (_, batch) = store.transaction(known.id)?;
        store.bearer_of_number(batch, id)?.map(|batch| format!("batch:{batch}"))
    } else if is_listed_as(store, known, id)? {
        None
    } else {
        store.bearer_of_id(known.id, id)?
    };
    Ok(bearer.map(|bearer| told(&codes::ID_OF_ANOTHER, [id.clone(), bearer])))
}

/// Whether a list shows the record's own number under that number of the system.
fn is_listed_as<S: Store>(store: &S, known: &Known, id: &str) -> Result<bool, Error> {
    let reasons = store.reason(known.id)?;
    let mut listed = reasons.iter().filter(|issue| is_listed_under_our_number(&issue.code));
    Ok(listed.any(|issue| issue.args.get(2).is_some_and(|ids| listed_ids(ids).any(|one| one == id))))
}

/// A person says what became of one record whose outcome is unknown; gives its transaction. `of_batch`: the number
/// given is the batch's. What follows is still to be done ([`follow`]).
pub(crate) fn resolve<S: Store>(
    store: &mut S,
    known: &Known,
    decision: &Decision,
    of_batch: bool,
    by: &By,
    settled: &mut Settled,
) -> Result<i64, Error> {
    let (transaction, batch) = store.transaction(known.id)?;
    let word = [by.name.clone(), by.reason.clone()];
    match decision {
        Decision::Accepted(id) | Decision::AskAbout { remote: id, .. } => {
            store.settle_one(transaction, &Outcome::Accepted { id: id.clone() })?;
            if of_batch {
                // Its rows are accepted without an id of their own.
                store.number_of_batch(transaction, batch, id)?;
            }
            store.tell(known.id, &[told(&codes::BY_WORD, word)])?;
        }
        Decision::NotReceived | Decision::NotThoughListed(_) => {
            store.not_received(transaction)?;
            let state = known.state.after(RecordEvent::NotReceived)?;
            let reason = [told(&codes::RELEASED, word)];
            let stand = Stand { state, way: known.way, of_record: known.of_record, reason: &reason };
            store.stand(known.id, &stand)?;
            store.hold_doubtful_record(known.id)?;
        }
    }
    settled.add(known.id, batch);
    Ok(transaction)
}
