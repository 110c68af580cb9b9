//! What follows when a record moves: who waited behind it, whose place it takes, what becomes of its document.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::fact::{stopped_by, twice};
use super::store::{Key, Stand, Which, differences, in_place_of, told, told_of};
use super::{Judgement, Known, Life as _, Met, RecordEvent, RecordState, Store, Way, judge};
use crate::ledger::{Error, codes};

/// The newcomer takes the older one's place and all keys under which that one was known; but where it is said to be another
/// movement, the older one's own key is left to the other row that came under it.
pub(super) fn take_place<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    let mut keys = store.live_keys(older)?;
    store.forget_facts(older)?;
    if newcomer.is_a_movement_of_its_own()
        && newcomer.moves() != older.moves()
        && !has_key_of(store, newcomer, older)?
    {
        let left = leave_key(store, older)?;
        keys.retain(|key| left.as_ref() != Some(key));
    }
    store.set_newer(older.id, Some(newcomer.id))?;
    if newcomer.sha256 != older.sha256 {
        // In the same content each twin is met by its own row.
        replace_twins(store, older, newcomer)?;
    }
    if is_idle(newcomer) {
        store.revive_facts(newcomer)?;
        store.inherit_facts(newcomer, &keys)?;
    }
    if let (Some(movement), None) = (older.movement, newcomer.movement) {
        store.set_movement(newcomer.id, movement)?;
    }
    tell_repaired(store, newcomer, older)?;
    store.ask_on(newcomer.id, older.id)?;
    store.mark_changed(older.id)?;
    judge_later(store, older)?;
    hand_on(store, newcomer, older)
}

/// Another row of its file that is held because it came under the same key has that key from here on; gives it.
fn leave_key<S: Store>(store: &mut S, of: &Known) -> Result<Option<Key>, Error> {
    // Of three, the second and the third are held beside the first.
    for beside in [Some(of.id), of.of_record].into_iter().flatten() {
        for twin in store.select(Which::HeldBeside(beside, 0))? {
            let is_other = twin.id != of.id && twin.intake == of.intake && twin.way == Some(Way::Key);
            if is_other && has_key_of(store, &twin, of)? {
                store.revive_facts(&twin)?;
                return Ok(store.own_keys(&twin)?.into_iter().next());
            }
        }
    }
    Ok(None)
}

/// The first row of its file that is held beside one, as a key twice or as another repair of the same row.
fn held_twin<S: Store>(store: &S, of: &Known) -> Result<Option<Known>, Error> {
    let held = store.select(Which::HeldBeside(of.id, 0))?;
    Ok(held.into_iter().find(|one| one.intake == of.intake && one.way == Some(Way::Key)))
}

/// Rows of other files that were held as twins of a replaced one are replaced with it, by whatever has their key or is
/// about the same movement: not by a row with a number of its own, and not where a row of its file takes their place
/// itself.
fn replace_twins<S: Store>(store: &mut S, older: &Known, newcomer: &Known) -> Result<(), Error> {
    for twin in store.select(Which::HeldBeside(older.id, newcomer.intake))? {
        let same = twin.movement.is_some() && twin.movement == newcomer.movement;
        let is_twin = twin.way == Some(Way::Key) && twin.id != newcomer.id;
        if is_twin
            && (same || has_key_of(store, newcomer, &twin)?)
            && !store.is_to_be_taken(twin.id, newcomer.intake)?
        {
            store.set_newer(twin.id, Some(newcomer.id))?;
            judge_later(store, &twin)?;
        }
    }
    Ok(())
}

/// How a row meets another one that is about the same movement.
pub(super) fn way_to<S: Store>(store: &S, one: &Known, other: &Known) -> Result<Way, Error> {
    Ok(if has_key_of(store, one, other)? { Way::Named } else { Way::Movement })
}

/// Whether two rows came under one key.
pub(super) fn has_key_of<S: Store>(store: &S, one: &Known, other: &Known) -> Result<bool, Error> {
    let key = store.own_keys(one)?.into_iter().next();
    Ok(key.is_some() && key == store.own_keys(other)?.into_iter().next())
}

/// The older one may be registered after all: it is its fact's live row again, and the newcomer that stood in its
/// place, which did not go, waits for what becomes of it. Whoever waited for the newcomer goes on with it. Their
/// documents are still to be judged.
pub(super) fn give_place_back<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    let keys = store.live_keys(newcomer)?;
    store.set_newer(older.id, None)?;
    store.forget_facts(newcomer)?;
    store.revive_facts(older)?;
    store.inherit_facts(older, &keys)?;
    for follower in store.select(Which::Behind(newcomer.id))? {
        if store.is_taken(follower.intake)? {
            wait_behind(store, &follower, older, follower.way.unwrap_or(Way::Key))?;
            store.mark_changed(follower.id)?;
        }
    }
    // One that a person dropped stays dropped, whatever becomes of the older one.
    let waits = newcomer.state != RecordState::Ignored && newcomer.valid;
    // Whoever repairs one that does not wait repairs the older one, and must meet it.
    if newcomer.older == Some(older.id) && waits {
        store.set_older(newcomer.id, None)?;
    }
    if waits && newcomer.state.step(RecordEvent::Judged(Judgement::Behind)).is_some() {
        let way = if newcomer.sha256 == older.sha256 { Way::SameContent } else { Way::Key };
        wait_behind(store, newcomer, older, way)?;
    }
    store.mark_changed(newcomer.id)
}

fn is_idle(known: &Known) -> bool {
    known.state == RecordState::Ready || known.state.gives_way()
}

/// Rows that took places take their own keys too, once all of them have theirs: of rows whose keys were exchanged each
/// is the newer one of the row it names.
pub(super) fn take_keys<S: Store>(store: &mut S, newcomers: &[i64]) -> Result<(), Error> {
    let mut named = BTreeMap::new();
    for id in newcomers {
        let newcomer = store.record(*id)?.filter(|one| one.newer.is_none() && is_idle(one));
        let Some(newcomer) = newcomer else { continue };
        let older = newcomer.older.map_or(Ok(None), |older| store.record(older))?;
        if let Some(older) = older.filter(|older| older.newer == Some(newcomer.id)) {
            replace_live(store, &newcomer, &older, &mut named)?;
            take_own_key(store, &newcomer)?;
            give_way_to_live(store, newcomer.id)?;
        }
    }
    Ok(())
}

/// Its own key may be that of a row of another file by now, which took a place in the same moment: not both go.
fn give_way_to_live<S: Store>(store: &mut S, id: i64) -> Result<(), Error> {
    let Some(ready) = store.record(id)?.filter(|one| one.state == RecordState::Ready) else { return Ok(()) };
    let Some((scope, key)) = store.own_keys(&ready)?.into_iter().next() else { return Ok(()) };
    match store.live(scope, &key)? {
        Some(live)
            if live.intake != ready.intake && !live.state.gives_way() && store.is_taken(live.intake)? =>
        {
            wait_behind(store, &ready, &live, Way::WeakElsewhere)
        }
        _ => Ok(()),
    }
}

/// Who waited for the replaced one waits for the one in its place, or is judged by it. Those of the newcomer's own file
/// are its twins, and are judged with it.
fn hand_on<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    let mut moved = Vec::new();
    for follower in store.select(Which::Behind(older.id))? {
        if follower.intake != newcomer.intake && store.is_taken(follower.intake)? {
            wait_behind(store, &follower, older, follower.way.unwrap_or(Way::Key))?;
            store.hold_doubtful_record(follower.id)?;
            judge_later(store, &follower)?;
            moved.push(follower.id);
        }
    }
    take_keys(store, &moved)
}

/// The row whose place it took may stand for another fact than its own: whoever gave way under its own is replaced
/// too, else that one could still be repaired and sent beside it: by the row of this file that names it, if there is
/// one, and this one only gets the key.
fn replace_live<S: Store>(
    store: &mut S,
    newcomer: &Known,
    older: &Known,
    named: &mut BTreeMap<i64, Places>,
) -> Result<(), Error> {
    for key in store.own_keys(newcomer)? {
        let Some(live) = store.live(key.0, &key.1)? else { continue };
        // Of the same content each other row is met by its own.
        let same_content = live.intake == older.intake && newcomer.sha256 == older.sha256;
        let met_by_its_own = same_content && live.row != newcomer.row;
        if live.intake == newcomer.intake || met_by_its_own || live.newer.is_some() || !live.state.gives_way()
        {
            continue;
        }
        let places = match named.entry(newcomer.intake) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(places_of(store, newcomer.intake)?),
        };
        let owner = places.get(&live.id);
        if let Some(owner) = owner.map_or(Ok(None), |owner| store.record(*owner))? {
            store.give_fact(&live, newcomer, &key)?;
            stand_for(store, &owner, &live)?;
        } else if is_waited_for_by_name(store, &live, newcomer)? {
            store.give_fact(&live, newcomer, &key)?;
        } else {
            store.forget_facts(&live)?;
            store.set_newer(live.id, Some(newcomer.id))?;
            store.mark_changed(live.id)?;
            judge_later(store, &live)?;
        }
    }
    store.revive_facts(newcomer)
}

/// It gets its own key from a row of its file that took it over with the place of the one it names.
fn take_own_key<S: Store>(store: &mut S, newcomer: &Known) -> Result<(), Error> {
    let Some(key) = store.own_keys(newcomer)?.into_iter().next() else { return Ok(()) };
    if let Some(brother) = store.live(key.0, &key.1)?
        && took_over(store, &brother, newcomer)?
    {
        store.give_fact(&brother, newcomer, &key)?;
    }
    Ok(())
}

/// Records whose places rows of a file are to take, with those rows.
type Places = BTreeMap<i64, i64>;

fn places_of<S: Store>(store: &S, intake: i64) -> Result<Places, Error> {
    let rows = store.select(Which::TakingIn(intake))?;
    Ok(rows.into_iter().filter_map(|one| Some((one.older?, one.id))).collect())
}

/// A row that is itself stopped stands for the one it names all the same.
fn stand_for<S: Store>(store: &mut S, owner: &Known, older: &Known) -> Result<(), Error> {
    if is_idle(owner) {
        let keys = store.live_keys(older)?;
        store.forget_facts(older)?;
        store.inherit_facts(owner, &keys)?;
    }
    store.set_newer(older.id, Some(owner.id))?;
    tell_repaired(store, owner, older)?;
    judge_later(store, older)?;
    store.mark_changed(older.id)
}

/// Whether another row of the newcomer's file names a record and waits for it.
fn is_waited_for_by_name<S: Store>(store: &S, known: &Known, newcomer: &Known) -> Result<bool, Error> {
    let names = |one: &Known| one.intake == newcomer.intake && one.way == Some(Way::Named);
    Ok(store.select(Which::Behind(known.id))?.iter().any(|one| one.id != newcomer.id && names(one)))
}

/// Whether a row of the newcomer's file has the newcomer's own key only from the row whose place it took.
fn took_over<S: Store>(store: &S, brother: &Known, newcomer: &Known) -> Result<bool, Error> {
    let same_file = brother.id != newcomer.id && brother.intake == newcomer.intake;
    // One that only its document keeps waits for nobody itself.
    let kept = brother.state == RecordState::Behind && brother.of_record.is_none();
    if !same_file || !(kept || is_idle(brother)) {
        return Ok(false);
    }
    Ok(!brother.valid || store.own_keys(brother)?.first() != store.own_keys(newcomer)?.first())
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
    let met = repeated_by(store, met, newcomer)?;
    let (verdict, differs) = verdict_on(store, newcomer, &met, way)?;
    let before_start = newcomer.state == RecordState::Ignored && newcomer.of_record.is_none();
    if before_start && verdict != Judgement::Duplicate {
        // What is not to be reported is no question to anybody, and never goes.
        return Ok(());
    }
    if verdict == Judgement::TakesPlace {
        return take_place_later(store, newcomer, &met);
    }
    stop_at(store, newcomer, (&met, way), (verdict, &differs))?;
    take_named(store, newcomer.id, newcomer.older)
}

/// What a duplicate repeats: whoever meets it is judged by that, as where it is met at staging.
fn repeated_by<S: Store>(store: &S, met: Known, newcomer: &Known) -> Result<Known, Error> {
    let of = met.of_record.filter(|of| met.state == RecordState::Duplicate && *of != newcomer.id);
    let repeated = of.map_or(Ok(None), |of| store.record(of))?;
    Ok(repeated.unwrap_or(met))
}

fn verdict_on<S: Store>(
    store: &S,
    newcomer: &Known,
    met: &Known,
    way: Way,
) -> Result<(Judgement, Vec<String>), Error> {
    let ignore = store.ignored_fields(newcomer.intake)?;
    let differs = match (&newcomer.members, &met.members) {
        (Some(one), Some(other)) => differences(one, other, &ignore),
        _ => vec![String::new()],
    };
    let weak = matches!(way, Way::WeakAgain | Way::WeakElsewhere);
    let same_members = weak || differs.is_empty();
    Ok((judge(&Met { way, state: met.state, same_file: false, same_members }), differs))
}

/// It does not go, because of another record.
fn stop_at<S: Store>(
    store: &mut S,
    newcomer: &Known,
    (met, way): (&Known, Way),
    (verdict, differs): (Judgement, &[String]),
) -> Result<(), Error> {
    let state = newcomer.state.after(RecordEvent::Judged(verdict))?;
    if state != RecordState::Behind {
        // What is not sent because of another record is no fact of its own, under whatever key it came.
        store.forget_facts(newcomer)?;
    }
    let reason = [told_of(stopped_by(verdict), met, differs)];
    store.stand(newcomer.id, &Stand { state, way: Some(way), of_record: Some(met.id), reason: &reason })
}

/// What is about to go does not go beside the live row of its own key, whoever let it go before.
pub(super) fn hold_beside<S: Store>(
    store: &mut S,
    ready: &Known,
    live: &Known,
    way: Way,
) -> Result<(), Error> {
    let (verdict, differs) = verdict_on(store, ready, live, way)?;
    stop_at(store, ready, (live, way), (verdict, &differs))?;
    store.let_go_no_more(ready.id)?;
    store.mark_changed(ready.id)?;
    documents_of_record(store, ready.id)?;
    judge_followers(store, ready.id)
}

/// A record that waited takes the place of the one it waited for, unless its own key became another's meanwhile.
fn take_place_later<S: Store>(store: &mut S, newcomer: &Known, met: &Known) -> Result<(), Error> {
    let (event, reason) = newcomer.left_alone();
    let state = newcomer.state.after(event)?;
    if let Some(twin) = held_twin(store, newcomer)? {
        hold_twice(store, twin.id, newcomer)?;
        return take_named(store, newcomer.id, Some(met.id));
    }
    let rival = rival_of(store, newcomer, met)?;
    let took_over = rival.as_ref().map_or(Ok(false), |rival| took_over(store, rival, newcomer))?;
    if let Some(rival) = rival.filter(|_| !took_over) {
        if is_twin(&rival, newcomer) {
            return hold_twice(store, rival.id, newcomer);
        }
        if !rival.state.gives_way() {
            return wait_behind(store, newcomer, &rival, Way::Key);
        }
        let wanted = is_waited_for_by_name(store, &rival, newcomer)?
            || places_of(store, newcomer.intake)?.contains_key(&rival.id);
        if !wanted {
            take_place(store, &Known { state, ..newcomer.clone() }, &rival)?;
        }
    }
    store.stand(newcomer.id, &Stand { state, way: None, of_record: None, reason })?;
    let named = newcomer.older.filter(|older| *older != met.id);
    store.set_older(newcomer.id, Some(met.id))?;
    take_place(store, &Known { state, ..newcomer.clone() }, met)?;
    take_named(store, newcomer.id, named)
}

/// What waited or goes on waiting for a person now takes the place of the row that it repairs, which kept it until then.
fn take_named<S: Store>(store: &mut S, id: i64, named: Option<i64>) -> Result<(), Error> {
    let named = named.map_or(Ok(None), |named| store.record(named))?;
    let named = named.map_or(Ok(None), |named| still_asked(store, named))?;
    let Some(named) = named.filter(|named| named.id != id && named.state.gives_way()) else {
        return Ok(());
    };
    let may = |one: &Known| is_idle(one) || one.state == RecordState::Duplicate;
    let Some(newcomer) = store.record(id)?.filter(|one| may(one) && one.newer.is_none()) else {
        return Ok(());
    };
    if stands_for_named(&newcomer, &named) && store.is_taken(newcomer.intake)? {
        take_place(store, &newcomer, &named)?;
    }
    Ok(())
}

/// The row itself, or the one that came in its place since and asks the same of the same content.
fn still_asked<S: Store>(store: &S, known: Known) -> Result<Option<Known>, Error> {
    if known.newer.is_none() {
        return Ok(Some(known));
    }
    let stands = in_place_of(known.clone(), |id| store.record(id))?;
    let asks = stands.state == RecordState::Held && stands.way == Some(Way::Key);
    let same = stands.members == known.members && has_key_of(store, &stands, &known)?;
    Ok(Some(stands).filter(|_| asks && same))
}

/// Whether a row is what a row that it names became: about the same movement, or, by an answer, a movement of its own.
pub(super) fn stands_for_named(newcomer: &Known, named: &Known) -> bool {
    named.moves() == newcomer.moves() || newcomer.is_a_movement_of_its_own()
}

/// Whether a row of the newcomer's own file has its key too and is in no request: a key twice in one file. One that waits
/// for another row of its own is met when that is answered; one that its document keeps may wait for this one.
fn is_twin(rival: &Known, newcomer: &Known) -> bool {
    let stays = match rival.state {
        RecordState::Ready | RecordState::Held => true,
        RecordState::Behind => rival.of_record.is_none(),
        _ => false,
    };
    stays
        && rival.valid
        && rival.newer.is_none()
        && rival.intake == newcomer.intake
        && rival.row != newcomer.row
}

/// The live record of a key that a newcomer came under, if that is neither itself nor the one it waited for. A row of a
/// file that may never be accepted is nobody's rival: it is judged when it is.
pub(super) fn rival_of<S: Store>(store: &S, newcomer: &Known, met: &Known) -> Result<Option<Known>, Error> {
    for (scope, key) in store.own_keys(newcomer)? {
        let Some(live) = store.live(scope, &key)?.filter(|live| live.id != newcomer.id && live.id != met.id)
        else {
            continue;
        };
        if live.intake == newcomer.intake || store.is_taken(live.intake)? {
            return Ok(Some(live));
        }
    }
    Ok(None)
}

/// Documents whose rows moved in a commit: file and name.
type Due = BTreeSet<(i64, String)>;

/// Records that waited for one that is now answered, in the order they came.
pub(crate) fn judge_followers<S: Store>(store: &mut S, of: i64) -> Result<(), Error> {
    judge_followers_of(store, &[of])
}

/// The same for all that one commit answered. Their documents are judged once, when all have moved: what the
/// documents of some waited for may be gone with others.
pub(crate) fn judge_followers_of<S: Store>(store: &mut S, answered: &[i64]) -> Result<(), Error> {
    let mut due = Due::new();
    move_followers_of(store, answered, &mut due)?;
    judge_documents(store, due, None)
}

fn move_followers_of<S: Store>(store: &mut S, answered: &[i64], due: &mut Due) -> Result<(), Error> {
    let (mut moved, mut judged) = (Vec::new(), 0);
    for of in answered {
        move_followers(store, *of, due, &mut moved)?;
    }
    // Who waited for one that waits no more is judged by it in turn.
    while let Some(of) = moved.get(judged).copied() {
        judged += 1;
        if store.record(of)?.is_some_and(|one| !one.state.is_open()) {
            move_followers(store, of, due, &mut moved)?;
        }
    }
    take_keys(store, &moved)
}

fn move_followers<S: Store>(
    store: &mut S,
    of: i64,
    due: &mut Due,
    moved: &mut Vec<i64>,
) -> Result<(), Error> {
    let followers = store.select(Which::Behind(of))?;
    let Some(met) = store.record(of)? else { return Ok(()) };
    if met.state.is_open() {
        // They wait on, but what they say of it may have changed.
        return followers.iter().try_for_each(|follower| store.mark_changed(follower.id));
    }
    let mut first: BTreeMap<i64, i64> = BTreeMap::new();
    for follower in followers {
        // Rows of a file that is not accepted yet are judged when it is.
        if !store.is_taken(follower.intake)? {
            continue;
        }
        due.extend(follower.doc_intake.zip(follower.document));
        // It may have been judged a moment ago with the one that took the place.
        let still = store.record(follower.id)?.filter(|now| now.state == RecordState::Behind);
        if let Some(follower) = still {
            let twice = *first.entry(follower.intake).or_insert(follower.id);
            if twice != follower.id && met.state.gives_way() {
                hold_twice(store, twice, &follower)?;
            } else {
                wait_behind(store, &follower, &met, follower.way.unwrap_or(Way::Key))?;
            }
            store.hold_doubtful_record(follower.id)?;
            store.mark_changed(follower.id)?;
        }
        moved.push(follower.id);
        if let Some(twin) = twin_of(store, follower.id)? {
            moved.push(twin.id);
            due.extend(twin.doc_intake.zip(twin.document));
        }
    }
    Ok(())
}

/// The row of its own file beside which a row is held.
fn twin_of<S: Store>(store: &S, id: i64) -> Result<Option<Known>, Error> {
    let Some(held) = store.record(id)?.filter(|one| one.state == RecordState::Held) else { return Ok(None) };
    let twin = held.of_record.map_or(Ok(None), |of| store.record(of))?;
    Ok(twin.filter(|twin| twin.intake == held.intake))
}

/// Two rows of one file waited for the same earlier one, and it was refused: a key twice in one file. Their documents
/// are still to be judged.
pub(super) fn hold_twice<S: Store>(store: &mut S, first: i64, follower: &Known) -> Result<(), Error> {
    let Some(brother) = store.record(first)? else { return Ok(()) };
    let code = twice(has_key_of(store, &brother, follower)?);
    let reason = [told(code, [brother.row.to_string()])];
    let state = follower.state.after(RecordEvent::SetAside)?;
    store
        .stand(follower.id, &Stand { state, way: Some(Way::Key), of_record: Some(first), reason: &reason })?;
    if brother.state == RecordState::Ready || brother.only_doubted() || is_kept(store, &brother)? {
        let reason = [told(code, [follower.row.to_string()])];
        let state = brother.state.after(RecordEvent::SetAside)?;
        store.stand(first, &Stand { state, way: Some(Way::Key), of_record: None, reason: &reason })?;
        store.mark_changed(first)?;
    }
    Ok(())
}

/// Whether nothing but its document keeps a row from going.
fn is_kept<S: Store>(store: &S, known: &Known) -> Result<bool, Error> {
    let documents = [&codes::DOCUMENT, &codes::WHOLE_FILE, &codes::DOCUMENT_WAITS, &codes::WHOLE_FILE_WAITS];
    let stays = matches!(known.state, RecordState::Held | RecordState::Behind) && known.way.is_none();
    let reasons = if stays { store.reason(known.id)? } else { Vec::new() };
    Ok(reasons.first().is_some_and(|issue| documents.iter().any(|code| code.code == issue.code)))
}

/// Holds or lets go the rows of every document this file has a part in.
pub(super) fn documents<S: Store>(store: &mut S, intake: i64) -> Result<(), Error> {
    let due = store.documents(intake)?.into_iter().collect();
    judge_documents(store, due, Some(intake))
}

/// Holds or lets go the rows of a record's document.
pub(crate) fn documents_of_record<S: Store>(store: &mut S, id: i64) -> Result<(), Error> {
    documents_of_records(store, &[id])
}

/// The same for several, each document once.
pub(crate) fn documents_of_records<S: Store>(store: &mut S, ids: &[i64]) -> Result<(), Error> {
    let mut due = Due::new();
    for id in ids {
        let known = store.record(*id)?;
        due.extend(known.and_then(|known| known.doc_intake.zip(known.document)));
    }
    judge_documents(store, due, None)
}

/// The document of a row that moved while others still move: it is judged when the commit ends.
fn judge_later<S: Store>(store: &mut S, known: &Known) -> Result<(), Error> {
    match (known.doc_intake, &known.document) {
        (Some(of), Some(document)) => store.judge_later(of, document),
        _ => Ok(()),
    }
}

/// What every commit ends with: documents whose rows moved amid others.
pub(crate) fn judge_due<S: Store>(store: &mut S) -> Result<(), Error> {
    while let Some(document) = store.next_due()? {
        judge_documents(store, Due::from([document]), None)?;
    }
    Ok(())
}

/// Judges documents, and those of rows that move with theirs, until none is left. `accepting` is the file that is
/// being accepted, if it is about one.
fn judge_documents<S: Store>(store: &mut S, mut due: Due, accepting: Option<i64>) -> Result<(), Error> {
    while let Some((of, document)) = due.pop_first() {
        judge_document(store, (of, &document), accepting, &mut due)?;
    }
    Ok(())
}

/// What keeps a document from going.
const BAD: [RecordState; 3] = [RecordState::Refused, RecordState::Rejected, RecordState::Held];

/// A document goes when none of its rows is refused or held for a reason of its own, and none waits for the outcome
/// of an earlier row: until that is known nobody can say whether the document stands.
fn judge_document<S: Store>(
    store: &mut S,
    (of, document): (i64, &str),
    accepting: Option<i64>,
    due: &mut Due,
) -> Result<(), Error> {
    let whole_file = document.is_empty();
    let changed = if let Some(row) = store.first_in_document(of, document, &BAD)? {
        let code = if whole_file { &codes::WHOLE_FILE } else { &codes::DOCUMENT };
        let held = RecordEvent::DocumentHeld.leads_to();
        let held = store.stop_document(of, document, held, &told(code, [row.to_string()]))?;
        move_followers_of(store, &held, due)?;
        held.len()
    } else if let Some(row) = first_that_waits(store, (of, document), accepting)? {
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
    document: (i64, &str),
    accepting: Option<i64>,
) -> Result<Option<u32>, Error> {
    let mut waiting = store.select(Which::WaitingInDocument(document.0, document.1))?;
    waiting.sort_by_key(|one| one.row);
    if waiting.is_empty() {
        return Ok(None);
    }
    let mut ways = Ways::into(document);
    // Nearly always nobody waits for it: then none of the ways out of it need be gone.
    let waited_for = store.may_be_waited_for(document.0, document.1)?;
    for one in waiting {
        let counts = Some(one.intake) == accepting || store.is_taken(one.intake)?;
        if counts && !(waited_for && ways.comes_back(store, &one)?) {
            return Ok(Some(one.row));
        }
    }
    Ok(None)
}

/// What may be waited for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    /// A record, or whoever stands in its place.
    Record(i64),
    /// Whatever the rows of a document wait for: those without a reason of their own are kept with it.
    Document(i64, String),
}

/// Which ways of waiting lead into a document. What was looked at is not looked at again for the next row.
struct Ways<'a> {
    into: (i64, &'a str),
    /// What was come to, and from where.
    before: BTreeMap<Spot, Vec<Spot>>,
    /// Come to, and not looked at yet.
    open: Vec<Spot>,
    /// From where a way leads into the document.
    inside: BTreeSet<Spot>,
}

impl<'a> Ways<'a> {
    fn into(document: (i64, &'a str)) -> Self {
        Self { into: document, before: BTreeMap::new(), open: Vec::new(), inside: BTreeSet::new() }
    }

    /// Whether what a record waits for, or what that waits for in turn, is a row of this document.
    fn comes_back<S: Store>(&mut self, store: &S, waiting: &Known) -> Result<bool, Error> {
        let Some(start) = waiting.of_record.map(Spot::Record) else { return Ok(false) };
        self.come_to(start.clone(), None);
        while !self.inside.contains(&start) {
            let Some(spot) = self.open.pop() else { return Ok(false) };
            self.look_at(store, &spot)?;
        }
        Ok(true)
    }

    fn come_to(&mut self, spot: Spot, from: Option<&Spot>) {
        if let (true, Some(from)) = (self.inside.contains(&spot), from) {
            return self.leads_inside(from.clone());
        }
        if !self.before.contains_key(&spot) {
            self.open.push(spot.clone());
        }
        self.before.entry(spot).or_default().extend(from.cloned());
    }

    fn leads_inside(&mut self, spot: Spot) {
        let mut found = vec![spot];
        while let Some(spot) = found.pop() {
            if self.inside.insert(spot.clone()) {
                found.extend(self.before.get(&spot).into_iter().flatten().cloned());
            }
        }
    }

    fn look_at<S: Store>(&mut self, store: &S, spot: &Spot) -> Result<(), Error> {
        match spot {
            Spot::Record(id) => {
                let Some(met) = store.record(*id)? else { return Ok(()) };
                let met = in_place_of(met, |id| store.record(id))?;
                let its = met.doc_intake.zip(met.document);
                if its.as_ref().is_some_and(|(of, name)| (*of, name.as_str()) == self.into) {
                    self.leads_inside(spot.clone());
                } else if met.state == RecordState::Behind {
                    let kept = its.map(|(of, name)| Spot::Document(of, name));
                    let next = met.of_record.map(Spot::Record).or(kept);
                    if let Some(next) = next {
                        self.come_to(next, Some(spot));
                    }
                }
            }
            Spot::Document(of, name) => {
                for waiting in store.select(Which::WaitingInDocument(*of, name))? {
                    if let Some(met) = waiting.of_record {
                        self.come_to(Spot::Record(met), Some(spot));
                    }
                }
            }
        }
        Ok(())
    }
}
