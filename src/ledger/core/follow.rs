//! What follows when a record moves: who waited behind it, whose place it takes, what becomes of its document.

use std::collections::{BTreeMap, BTreeSet};

use super::fact::stopped_by;
use super::store::{Stand, Which, differences, in_place_of, told, told_of};
use super::{Judgement, Known, Life as _, Met, RecordEvent, RecordState, Store, Way, judge};
use crate::ledger::{Error, codes};

/// The newcomer takes the older one's place and all keys under which that one was known.
pub(super) fn take_place<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    let keys = store.live_keys(older)?;
    store.forget_facts(older)?;
    store.set_newer(older.id, Some(newcomer.id))?;
    if newcomer.sha256 != older.sha256 {
        // Twins of the replaced one; in the same content each is met by its own row.
        store.replace_twins(older, newcomer)?;
    }
    if matches!(newcomer.state, RecordState::Ready | RecordState::Refused | RecordState::Held) {
        replace_live(store, newcomer, older)?;
        store.revive_facts(newcomer)?;
        store.inherit_facts(newcomer, &keys)?;
    }
    tell_repaired(store, newcomer, older)?;
    store.mark_changed(older.id)?;
    hand_on(store, newcomer, older)
}

/// The older one may be registered after all: it is its fact's live row again, and the newcomer that stood in its
/// place, which did not go, waits for what becomes of it. Whoever waited for the newcomer goes on with it.
pub(super) fn give_place_back<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    let keys = store.live_keys(newcomer)?;
    store.set_newer(older.id, None)?;
    if newcomer.older == Some(older.id) {
        store.set_older(newcomer.id, None)?;
    }
    store.forget_facts(newcomer)?;
    store.revive_facts(older)?;
    store.inherit_facts(older, &keys)?;
    for follower in store.select(Which::Behind(newcomer.id))? {
        if store.is_taken(follower.intake)? {
            wait_behind(store, &follower, older, follower.way.unwrap_or(Way::Key))?;
            store.mark_changed(follower.id)?;
        }
    }
    if newcomer.state.step(RecordEvent::Judged(Judgement::Behind)).is_some() && newcomer.valid {
        let way = if newcomer.sha256 == older.sha256 { Way::SameContent } else { Way::Key };
        wait_behind(store, newcomer, older, way)?;
        documents_of_record(store, newcomer.id)?;
    }
    store.mark_changed(newcomer.id)
}

/// Who waited for the replaced one waits for the one in its place, or is judged by it. Those of the newcomer's own file
/// are its twins, and are judged with it.
fn hand_on<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    for follower in store.select(Which::Behind(older.id))? {
        if follower.intake != newcomer.intake && store.is_taken(follower.intake)? {
            wait_behind(store, &follower, older, follower.way.unwrap_or(Way::Key))?;
        }
    }
    Ok(())
}

/// The row it repeats may stand for another fact than its own: whoever gave way under its own is replaced too, else
/// that one could still be repaired and sent beside it.
fn replace_live<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    for (scope, key) in store.own_keys(newcomer)? {
        let Some(live) = store.live(scope, &key)? else { continue };
        // Of the same content each row is met by its own.
        let met_by_its_own = live.intake == older.intake && newcomer.sha256 == older.sha256;
        let other = live.intake != newcomer.intake && !met_by_its_own;
        if other && live.newer.is_none() && live.state.gives_way() {
            store.forget_facts(&live)?;
            store.set_newer(live.id, Some(newcomer.id))?;
            store.mark_changed(live.id)?;
        }
    }
    Ok(())
}

/// A row of another file that was replaced is named in the newcomer's own report.
fn tell_repaired<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    if newcomer.sha256 == older.sha256 {
        return Ok(());
    }
    let mut issues = store.reason(newcomer.id)?;
    issues.push(told(&codes::REPAIRED, [older.file.clone(), older.row.to_string()]));
    store.tell(newcomer.id, &issues)
}

/// Judges a record anew against one that is no longer what it was when staged.
pub(super) fn wait_behind<S: Store>(
    store: &mut S,
    newcomer: &Known,
    met: &Known,
    way: Way,
) -> Result<(), Error> {
    // Of several that waited for one, the first may have taken its place a moment ago.
    let met = store.record(met.id)?.unwrap_or_else(|| met.clone());
    let met = in_place_of(met, |id| store.record(id))?;
    if met.id == newcomer.id {
        return Ok(());
    }
    let ignore = store.ignored_fields(newcomer.intake)?;
    let differs = match (&newcomer.members, &met.members) {
        (Some(one), Some(other)) => differences(one, other, &ignore),
        _ => vec![String::new()],
    };
    let weak = matches!(way, Way::WeakAgain | Way::WeakElsewhere);
    let verdict =
        judge(&Met { way, state: met.state, same_file: false, same_members: weak || differs.is_empty() });
    if verdict == Judgement::TakesPlace {
        return take_place_later(store, newcomer, &met);
    }
    let state = newcomer.state.after(RecordEvent::Judged(verdict))?;
    if state != RecordState::Behind {
        // What is not sent because of another record is no fact of its own, under whatever key it came.
        store.forget_facts(newcomer)?;
    }
    let reason = [told_of(stopped_by(verdict), &met, &differs)];
    store.stand(newcomer.id, &Stand { state, way: Some(way), of_record: Some(met.id), reason: &reason })
}

/// A record that waited takes the place of the one it waited for, unless its own key became another's meanwhile.
fn take_place_later<S: Store>(store: &mut S, newcomer: &Known, met: &Known) -> Result<(), Error> {
    let (event, reason) = newcomer.left_alone();
    let state = newcomer.state.after(event)?;
    if let Some(rival) = rival_of(store, newcomer, met)? {
        if !rival.state.gives_way() {
            return wait_behind(store, newcomer, &rival, Way::Key);
        }
        take_place(store, &Known { state, ..newcomer.clone() }, &rival)?;
    }
    store.stand(newcomer.id, &Stand { state, way: None, of_record: None, reason })?;
    store.set_older(newcomer.id, Some(met.id))?;
    take_place(store, &Known { state, ..newcomer.clone() }, met)
}

/// The live record of a key that a newcomer came under, if that is neither itself nor the one it waited for.
pub(super) fn rival_of<S: Store>(store: &S, newcomer: &Known, met: &Known) -> Result<Option<Known>, Error> {
    for (scope, key) in store.own_keys(newcomer)? {
        if let Some(live) =
            store.live(scope, &key)?.filter(|live| live.id != newcomer.id && live.id != met.id)
        {
            return Ok(Some(live));
        }
    }
    Ok(None)
}

/// Records that waited for one that is now answered, in the order they came.
pub(crate) fn judge_followers<S: Store>(store: &mut S, of: i64) -> Result<(), Error> {
    let followers = store.select(Which::Behind(of))?;
    let Some(met) = store.record(of)? else { return Ok(()) };
    if met.state.is_open() {
        // They wait on, but what they say of it may have changed.
        return followers.iter().try_for_each(|follower| store.mark_changed(follower.id));
    }
    let mut first: BTreeMap<i64, i64> = BTreeMap::new();
    for follower in &followers {
        // It may have been judged a moment ago with the one that took the place.
        let still = store.record(follower.id)?.filter(|now| now.state == RecordState::Behind);
        let Some(follower) = still else { continue };
        // Rows of a file that is not accepted yet are judged when it is.
        if !store.is_taken(follower.intake)? {
            continue;
        }
        let twice = *first.entry(follower.intake).or_insert(follower.id);
        if twice != follower.id && met.state.gives_way() {
            hold_twice(store, twice, &follower)?;
        } else {
            wait_behind(store, &follower, &met, follower.way.unwrap_or(Way::Key))?;
        }
        store.hold_doubtful(follower.intake)?;
        documents_of_record(store, follower.id)?;
        store.mark_changed(follower.id)?;
    }
    documents_of_all(store, &followers)
}

/// Of several that waited for one, some took the place of others meanwhile: what the documents of those waited for
/// may be gone.
fn documents_of_all<S: Store>(store: &mut S, followers: &[Known]) -> Result<(), Error> {
    for follower in followers {
        if store.is_taken(follower.intake)? {
            documents_of_record(store, follower.id)?;
        }
    }
    Ok(())
}

/// Two rows of one file waited for the same earlier one, and it was refused: a key twice in one file.
pub(super) fn hold_twice<S: Store>(store: &mut S, first: i64, follower: &Known) -> Result<(), Error> {
    let Some(brother) = store.record(first)? else { return Ok(()) };
    if brother.state == RecordState::Ready || brother.only_doubted() {
        let reason = [told(&codes::TWICE, [follower.row.to_string()])];
        let state = brother.state.after(RecordEvent::SetAside)?;
        store.stand(first, &Stand { state, way: Some(Way::Key), of_record: None, reason: &reason })?;
    }
    let reason = [told(&codes::TWICE, [brother.row.to_string()])];
    let state = follower.state.after(RecordEvent::SetAside)?;
    store.stand(follower.id, &Stand { state, way: Some(Way::Key), of_record: Some(first), reason: &reason })
}

/// Holds or lets go the rows of every document this file has a part in.
pub(super) fn documents<S: Store>(store: &mut S, intake: i64) -> Result<(), Error> {
    for (of, document) in store.documents(intake)? {
        judge_document(store, of, &document, Some(intake))?;
    }
    Ok(())
}

/// Holds or lets go the rows of a record's document.
pub(crate) fn documents_of_record<S: Store>(store: &mut S, id: i64) -> Result<(), Error> {
    let Some(known) = store.record(id)? else { return Ok(()) };
    let Some((of, document)) = known.doc_intake.zip(known.document) else { return Ok(()) };
    judge_document(store, of, &document, None)
}

/// What keeps a document from going.
const BAD: [RecordState; 3] = [RecordState::Refused, RecordState::Rejected, RecordState::Held];

/// A document goes when none of its rows is refused or held for a reason of its own, and none waits for the outcome
/// of an earlier row: until that is known nobody can say whether the document stands. `accepting` is the file that is
/// being accepted, if it is about one.
fn judge_document<S: Store>(
    store: &mut S,
    of: i64,
    document: &str,
    accepting: Option<i64>,
) -> Result<(), Error> {
    let whole_file = document.is_empty();
    let changed = if let Some(row) = store.first_in_document(of, document, &BAD)? {
        let code = if whole_file { &codes::WHOLE_FILE } else { &codes::DOCUMENT };
        let held = RecordEvent::DocumentHeld.leads_to();
        let held = store.stop_document(of, document, held, &told(code, [row.to_string()]))?;
        held.iter().try_for_each(|id| judge_followers(store, *id))?;
        held.len()
    } else if let Some(row) = first_that_waits(store, of, document, accepting)? {
        let code = if whole_file { &codes::WHOLE_FILE_WAITS } else { &codes::DOCUMENT_WAITS };
        let behind = RecordEvent::DocumentWaits.leads_to();
        store.stop_document(of, document, behind, &told(code, [row.to_string()]))?.len()
    } else {
        store.free_document(of, document)?
    };
    if changed > 0 {
        store.hold_doubtful_document(of, document)?;
        store.mark_file(of)?;
    }
    Ok(())
}

/// The first row of a document that waits for the outcome of a row outside of it. One that waits for a row of the
/// same document goes after that one, and must not keep it from going; neither must one that waits for a row which
/// waits for this document itself. Rows of a file that may never be accepted keep nobody waiting.
fn first_that_waits<S: Store>(
    store: &S,
    of: i64,
    document: &str,
    accepting: Option<i64>,
) -> Result<Option<u32>, Error> {
    let mut first = None;
    for waiting in store.select(Which::WaitingInDocument(of, document))? {
        if Some(waiting.intake) != accepting && !store.is_taken(waiting.intake)? {
            continue;
        }
        let inside = comes_back(store, &waiting, (of, document), &mut BTreeSet::new())?;
        if !inside && first.is_none_or(|row| waiting.row < row) {
            first = Some(waiting.row);
        }
    }
    Ok(first)
}

/// Whether what a record waits for, or what that waits for in turn, is a row of this document.
fn comes_back<S: Store>(
    store: &S,
    waiting: &Known,
    document: (i64, &str),
    seen: &mut BTreeSet<i64>,
) -> Result<bool, Error> {
    let met = waiting.of_record.map_or(Ok(None), |met| store.record(met))?;
    let Some(met) = met.map(|met| in_place_of(met, |id| store.record(id))).transpose()? else {
        return Ok(false);
    };
    let its = met.doc_intake.zip(met.document.as_deref());
    if its == Some(document) {
        return Ok(true);
    }
    if met.state != RecordState::Behind || !seen.insert(met.id) {
        return Ok(false);
    }
    if met.of_record.is_some() {
        return comes_back(store, &met, document, seen);
    }
    // It is kept with its own document.
    let Some((of, name)) = its else { return Ok(false) };
    for waiting in store.select(Which::WaitingInDocument(of, name))? {
        if comes_back(store, &waiting, document, seen)? {
            return Ok(true);
        }
    }
    Ok(false)
}
