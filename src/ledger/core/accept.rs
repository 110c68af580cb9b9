//! A staged file is accepted: its rows take the places of those that gave way, as far as they still do.

use super::follow::{
    documents, has_key_of, hold_twice, rival_of, stands_for_named, take_keys, take_place, wait_behind,
};
use super::place::stands_before;
use super::store::{Stand, Which};
use super::{Known, RecordState, Store, Way};
use crate::ledger::{Error, codes};

/// What becomes of the reports of the file that had the name before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Former {
    /// All of its facts are in the newer file: the newer one's reports stand for both.
    Replaced,
    /// They bear its time of receipt from here on, and what was taken for its facts may be doubles.
    Aside,
}

/// What becomes of it, by how many of its facts the newer file lacks, and whether it said anything at all.
pub(crate) fn former(missing: u32, says_something: bool) -> Former {
    if missing == 0 && says_something { Former::Replaced } else { Former::Aside }
}

/// A dropped file's rows take their places and meet what was answered since they were staged.
pub(crate) fn accept<S: Store>(store: &mut S, intake: i64) -> Result<(), Error> {
    store.ask_now(intake)?;
    take_places(store, intake, None)?;
    judge_waiting(store, intake)?;
    replace_older_changes(store, intake)?;
    store.hold_doubtful(intake)?;
    documents(store, intake)?;
    // What its documents set aside may have let others go, and these the rest of their own documents.
    while judge_waiting(store, intake)? {
        store.hold_doubtful(intake)?;
        documents(store, intake)?;
    }
    Ok(())
}

/// Of a second reading, those rows take their places whose record is still the newest of its row in the target, also
/// where that one was answered while they were staged: else a row with the same key would go beside it. The others
/// take no part: one of them that still named a row would be taken for the one that stands in its place.
pub(crate) fn merge<S: Store>(store: &mut S, intake: i64, target: i64) -> Result<(), Error> {
    store.ask_now(intake)?;
    let is_newest = |older: &Known| older.intake == target && older.newer.is_none();
    for newcomer in store.select(Which::TakingIn(intake))? {
        let older = newcomer.older.map_or(Ok(None), |older| store.record(older))?;
        if !older.is_some_and(|older| is_newest(&older)) {
            leave_out(store, &newcomer)?;
        }
    }
    for waiting in store.select(Which::WaitingIn(intake))? {
        let met = waiting.of_record.map_or(Ok(None), |of| store.record(of))?;
        let own = |met: &Known| is_newest(met) && met.row == waiting.row;
        if let Some(met) = met.filter(|met| own(met) && met.state.gives_way()) {
            wait_behind(store, &waiting, &met, waiting.way.unwrap_or(Way::Key))?;
        } else if waiting.older.is_none() {
            leave_out(store, &waiting)?;
        }
    }
    take_places(store, intake, Some(target))
}

/// A row that takes no part names nobody, waits for nobody and has no fact.
fn leave_out<S: Store>(store: &mut S, newcomer: &Known) -> Result<(), Error> {
    store.set_older(newcomer.id, None)?;
    store.stand(newcomer.id, &Stand { state: newcomer.state, way: None, of_record: None, reason: &[] })?;
    store.forget_facts(newcomer)
}

/// Gives staged records the places of those that gave way, as far as they still do; of a second reading, only those of
/// its target's newest.
fn take_places<S: Store>(store: &mut S, intake: i64, target: Option<i64>) -> Result<(), Error> {
    let may = |older: &Known| target.is_none_or(|target| older.intake == target && older.newer.is_none());
    let newcomers = store.select(Which::TakingIn(intake))?;
    for newcomer in &newcomers {
        let Some(older) = newcomer.older.map_or(Ok(None), |older| store.record(older))? else { continue };
        // Its place may be its own already: the older one gave way while the file was staged.
        if older.newer == Some(newcomer.id) || !may(&older) {
            continue;
        }
        let way = newcomer.way.unwrap_or(Way::Key);
        let by_name = matches!(way, Way::Named | Way::Movement);
        if by_name && newcomer.state == RecordState::Behind {
            // The older one keeps its place and its key until somebody is asked, or what this one waits for is answered.
            continue;
        }
        let stands = older.newer.is_none() && older.state.gives_way();
        if newcomer.state == RecordState::Duplicate && (by_name || stands) {
            // It was put right to what is reported already: nobody is to do anything about it any more.
            if stands {
                take_place(store, newcomer, &older)?;
            }
            continue;
        }
        // Who held its own fact and gave way when it was staged may have been let go meanwhile.
        let rival = rival_of(store, newcomer, &older)?;
        let in_the_way = |one: &Known| newcomer.valid && one.intake != intake && !one.state.gives_way();
        if let Some(rival) = rival.filter(in_the_way) {
            wait_behind(store, newcomer, &rival, way)?;
            let judged = store.record(newcomer.id)?.unwrap_or_else(|| newcomer.clone());
            // Nobody is asked about one that waits or only repeats another: the older one keeps its key until then.
            let repairs = judged.state == RecordState::Held && stands_for_named(&judged, &older);
            if (target.is_some() || repairs) && older.state.gives_way() && older.newer.is_none() {
                // It does not go either, and says why: what it said before was read otherwise, or is repaired.
                take_place(store, &judged, &older)?;
            }
            continue;
        }
        if older.newer.is_none() && (older.state.gives_way() || older.state == RecordState::Ignored) {
            take_place(store, newcomer, &older)?;
            take_back(store, newcomer)?;
        } else if older.state == RecordState::Reversed {
            stand_beside(store, newcomer, &older)?;
        } else {
            wait_behind(store, newcomer, &older, way)?;
        }
    }
    let newcomers: Vec<i64> = newcomers.iter().map(|one| one.id).collect();
    take_keys(store, &newcomers)
}

/// One whose place it takes had given its own back to the one that it repaired: that one gives way by now too, or was
/// let go meanwhile.
fn take_back<S: Store>(store: &mut S, newcomer: &Known) -> Result<(), Error> {
    let newcomer = store.record(newcomer.id)?.unwrap_or_else(|| newcomer.clone());
    if newcomer.newer.is_some() {
        return Ok(());
    }
    let Some(repaired) = stands_before(store, &newcomer, |_| true)? else { return Ok(()) };
    if repaired.state.gives_way() {
        return match newcomer.state {
            RecordState::Behind => wait_behind(store, &newcomer, &repaired, newcomer.way.unwrap_or(Way::Key)),
            _ => take_place(store, &newcomer, &repaired),
        };
    }
    let goes = newcomer.state == RecordState::Ready || newcomer.only_doubted();
    if goes && (repaired.state.may_be_reported() || repaired.state.is_open()) {
        wait_behind(store, &newcomer, &repaired, Way::Named)?;
    }
    Ok(())
}

/// A changed row of a fact that was reversed is the fact's next generation; the reversed one stays as it is.
fn stand_beside<S: Store>(store: &mut S, newcomer: &Known, older: &Known) -> Result<(), Error> {
    store.set_older(newcomer.id, None)?;
    store.next_generation(newcomer, older)
}

/// Rows staged behind one that was answered or replaced before their file was accepted are judged now. Whether one of
/// them waits no more.
pub(crate) fn judge_waiting<S: Store>(store: &mut S, intake: i64) -> Result<bool, Error> {
    let mut any = false;
    let waiting = store.select(Which::WaitingIn(intake))?;
    for waiting in &waiting {
        let Some(met) = waiting.of_record.map_or(Ok(None), |of| store.record(of))? else { continue };
        if !met.state.is_open() || met.newer.is_some() {
            wait_behind(store, waiting, &met, waiting.way.unwrap_or(Way::Key))?;
            any |= store.record(waiting.id)?.is_some_and(|now| now.state != RecordState::Behind);
        }
    }
    let waiting: Vec<i64> = waiting.iter().map(|one| one.id).collect();
    take_keys(store, &waiting)?;
    Ok(hold_twins(store, intake)? || any)
}

/// A key twice in one file whose rows were let go apart, one when it was staged and one when what it waited for was
/// answered. Whether there were any.
fn hold_twins<S: Store>(store: &mut S, intake: i64) -> Result<bool, Error> {
    let mut any = false;
    let goes = |one: &Known| one.state == RecordState::Ready && one.older.is_some();
    for twin in store.select(Which::TakingIn(intake))? {
        // Not those that it took over: a row of its file may have come under one of them.
        let Some((scope, key)) = store.own_keys(&twin)?.into_iter().next() else { continue };
        let Some(twin) = store.record(twin.id)?.filter(goes) else { continue };
        let live = store.live(scope, &key)?;
        if let Some(first) = live.filter(|live| live.id != twin.id && live.intake == intake && goes(live)) {
            hold_twice(store, first.id, &twin)?;
            any = true;
        }
    }
    Ok(any)
}

/// The newer proposal of a change stands for the older ones.
fn replace_older_changes<S: Store>(store: &mut S, intake: i64) -> Result<(), Error> {
    for change in store.select(Which::HeldIn(intake))? {
        let Some(of) = change.of_record else { continue };
        if !store.reason(change.id)?.iter().any(|issue| issue.code == codes::CHANGE.code) {
            continue;
        }
        for older in store.select(Which::HeldBeside(of, intake))? {
            let same = change.movement.is_some() && change.movement == older.movement;
            if !same && !has_key_of(store, &change, &older)? {
                continue;
            }
            store.set_newer(older.id, Some(change.id))?;
            store.ask_on(change.id, older.id)?;
            store.mark_changed(older.id)?;
        }
    }
    Ok(())
}

/// Equal rows were taken for the former file's facts while it was not known that the new file lacks some of them:
/// then they may be doubles.
pub(crate) fn doubt_weak<S: Store>(store: &mut S, intake: i64, sha256: &str) -> Result<(), Error> {
    for newcomer in store.select(Which::WeakAgainIn(intake))? {
        let Some(met) = newcomer.of_record.map_or(Ok(None), |of| store.record(of))? else { continue };
        if met.sha256 != sha256 {
            wait_behind(store, &newcomer, &met, Way::WeakElsewhere)?;
        }
    }
    Ok(())
}
