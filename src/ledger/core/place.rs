//! Where a staged row finds its place among the facts: it is nobody's, takes another's place, or is stopped.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::fact::{judge_own, stopped_by, twice};
use super::follow;
use super::store::{Movement, Which, differences, in_place_of, told, told_of};
use super::{Judgement, Known, Life as _, Met, RecordEvent, RecordState, Store, Way, judge};
use crate::ledger::{Error, FactKey, Own, StagedRecord, StoredIssue, codes};

/// In place of a scope, for rows that name another: two that name the same, or rows about the same movement, are a key
/// twice in one file.
const NAMED_ROWS: i64 = -1;
const MOVEMENTS: i64 = -2;
/// The same, for rows that repeat what was answered by a number.
const ANSWERS: i64 = -3;

/// Under what a file's rows are staged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Under<'a> {
    pub(crate) intake: i64,
    pub(crate) sha256: &'a str,
    /// The ledger's own id.
    pub(crate) ledger: &'a str,
    pub(crate) ignore: &'a [String],
    /// The newest earlier intake of the same content.
    pub(crate) again_of: Option<i64>,
}

/// A record on its way in, written down already and looking for its place among the facts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newcomer<'a> {
    pub(crate) under: Under<'a>,
    pub(crate) row: u32,
    pub(crate) staged: &'a StagedRecord,
    pub(crate) id: i64,
    pub(crate) scope: Option<i64>,
    pub(crate) realm: Option<i64>,
}

/// A newcomer's own fact.
struct OwnFact {
    scope: i64,
    key: String,
    live: Option<Known>,
    weak: bool,
}

/// The earlier row that a newcomer is about, apart from its fact.
enum Target {
    None,
    /// With what it is about, where a name says so.
    Row(Way, Box<Known>, Option<Movement>),
    UnknownName,
}

/// What is to become of a newcomer.
#[derive(Debug, Default)]
struct Place {
    /// The record whose place it takes on acceptance.
    takes: Option<Known>,
    /// Whether its fact may be live at once.
    live: bool,
    /// The verdict that stops it, with the record met.
    stopped: Option<(Judgement, Way, Known)>,
}

/// The state in which a record is written down.
pub(crate) fn first_state(staged: &StagedRecord) -> RecordState {
    match staged.own {
        Own::Ready if staged.doubt.is_some() => RecordState::Held,
        Own::Ready => RecordState::Ready,
        Own::Refused => RecordState::Refused,
        Own::BeforeStart => RecordState::Ignored,
    }
}

/// The key of a fact that nobody else has.
pub(crate) fn first_key(fact: &FactKey) -> Cow<'_, str> {
    match fact {
        FactKey::Strong(key) => Cow::Borrowed(key),
        FactKey::Weak(base) => Cow::Owned(weak_key(base, 1)),
    }
}

fn weak_key(base: &str, times: i64) -> String {
    format!("{base}#{times}")
}

/// Whether it may be the key of a row without one: equal rows are counted.
pub(crate) fn is_counted(key: &str) -> bool {
    key.rsplit_once('#').is_some_and(|(_, times)| times.parse::<i64>().is_ok())
}

/// `LEDGER-INTAKE-ROW` of this ledger.
pub(crate) fn parse_reference(reference: &str, ledger: &str) -> Option<(i64, u32)> {
    let mut parts = reference.trim().split('-');
    let (id, intake, row) = (parts.next()?, parts.next()?, parts.next()?);
    if id != ledger || parts.next().is_some() {
        return None;
    }
    Some((intake.parse().ok()?, row.parse().ok()?))
}

impl Newcomer<'_> {
    /// Finds its place.
    pub(crate) fn settle<S: Store>(&self, store: &mut S) -> Result<(), Error> {
        if self.number_is_taken(store)? {
            return self.refuse(store);
        }
        let mut place = Place { live: true, ..Place::default() };
        let fact = self.own_fact(store)?;
        match self.named_or_same_content(store)? {
            Target::None => {}
            Target::Row(way, known, movement) => {
                let met = known.id;
                self.meet_target(store, &mut place, way, *known, movement)?;
                self.meet_anew(&mut place, fact.as_ref());
                self.take_own_row(store, &mut place, met)?;
                if let Some(movement) = movement {
                    self.meet_movement(store, &mut place, way, movement)?;
                }
            }
            Target::UnknownName => {
                return self.stand(
                    store,
                    RecordEvent::SetAside,
                    None,
                    None,
                    &[told(&codes::UNKNOWN_REF, [])],
                );
            }
        }
        if self.staged.own == Own::BeforeStart {
            place.live = false;
        }
        if let (Some(fact), None) = (&fact, &place.stopped) {
            self.meet_fact(store, &mut place, fact)?;
        }
        self.write(store, &place, fact.map(|fact| (fact.scope, fact.key)))
    }

    fn stand<S: Store>(
        &self,
        store: &mut S,
        event: RecordEvent,
        way: Option<Way>,
        of_record: Option<i64>,
        reason: &[StoredIssue],
    ) -> Result<(), Error> {
        let state = first_state(self.staged).after(event)?;
        store.stand(self.id, &super::store::Stand { state, way, of_record, reason })
    }

    /// The record this row names, or the same row of the same content.
    fn named_or_same_content<S: Store>(&self, store: &mut S) -> Result<Target, Error> {
        if let Some(before) = self.decided_before(store)? {
            let movement = before.movement;
            if let Some(movement) = movement {
                store.set_movement(self.id, movement)?;
            }
            return Ok(Target::Row(Way::SameContent, Box::new(before), movement));
        }
        if let Some(reference) = &self.staged.reference {
            let known = match parse_reference(reference, self.under.ledger) {
                Some((intake, row)) => store.of_row(intake, row)?,
                None => None,
            };
            let Some(known) = known.filter(|known| self.is_of_my_realm(known)) else {
                return Ok(Target::UnknownName);
            };
            // A repaired row belongs to the document of the row it names, and is about the same movement.
            store.join_document(self.id, &known)?;
            let stands = stands_for(store, known.clone())?;
            let movement = if let Some(another) = self.another(store, &stands)? {
                another
            } else {
                let renumbered = !self.has_key_of(store, &stands)?;
                movement_of(store, &known, renumbered)?
            };
            store.set_movement(self.id, movement)?;
            return Ok(Target::Row(Way::Named, Box::new(stands), Some(movement)));
        }
        let Some(again_of) = self.under.again_of else { return Ok(Target::None) };
        let known = store.of_row(again_of, self.row)?;
        let Some(known) = known.filter(|known| self.is_of_my_realm(known)) else { return Ok(Target::None) };
        let movement = known.movement;
        if let Some(movement) = movement {
            store.set_movement(self.id, movement)?;
        }
        let known = in_place_of(known, |id| store.record(id))?;
        Ok(Target::Row(Way::SameContent, Box::new(known), movement))
    }

    /// The same row of the same content, where it names another and a person decided about it: that counts again.
    fn decided_before<S: Store>(&self, store: &S) -> Result<Option<Known>, Error> {
        let again = self.under.again_of.filter(|_| self.staged.reference.is_some());
        let before = again.map_or(Ok(None), |again| store.of_row(again, self.row))?;
        let stands = |one: &Known| one.newer.is_none() && !one.state.gives_way() && self.is_of_my_realm(one);
        let Some(before) = before.filter(stands) else { return Ok(None) };
        let repeats = before.state == RecordState::Duplicate && before.way == Some(Way::SameContent);
        let before = if repeats { root(store, before)? } else { before };
        let why = store.reason(before.id)?;
        let dropped = why.first().is_some_and(|why| why.code == codes::DROPPED.code);
        Ok(Some(before).filter(|before| before.released || dropped))
    }

    /// What it is about, where whoever repaired a row was asked about another one of its key, and says by a new key that
    /// it is another movement. Content that was read before answers what was asked when it came first.
    fn another<S: Store>(&self, store: &S, stands: &Known) -> Result<Option<Movement>, Error> {
        let again = self.under.again_of;
        let before = again.map_or(Ok(None), |again| store.of_row(again, self.row))?;
        if let Some(movement) = before.and_then(|before| before.movement) {
            let answer = store.of_row(movement.0, movement.1)?;
            return Ok(answer.filter(|one| one.sha256 == self.under.sha256).map(|_| movement));
        }
        let by_key = !matches!(stands.way, Some(Way::Named | Way::Movement));
        if stands.state != RecordState::Held || !by_key || self.has_key_of(store, stands)? {
            return Ok(None);
        }
        let doubts = [&codes::CHANGE, &codes::DOUBLE, &codes::TWICE];
        let why = store.reason(stands.id)?;
        let asked = why.first().is_some_and(|why| doubts.iter().any(|code| code.code == why.code));
        let came = again.unwrap_or(self.under.intake);
        if !asked || store.asked_after(stands.id)?.is_some_and(|newest| newest >= came) {
            return Ok(None);
        }
        // Of two answers for one row only one can be meant: they are about the same.
        let brother = store.brother(NAMED_ROWS, &stands.id.to_string())?;
        let brother = brother.map_or(Ok(None), |id| store.record(id))?;
        Ok(Some(brother.map_or((self.under.intake, self.row), |one| one.moves())))
    }

    /// Of one movement nothing goes beside what is with the system.
    fn meet_movement<S: Store>(
        &self,
        store: &S,
        place: &mut Place,
        way: Way,
        movement: Movement,
    ) -> Result<(), Error> {
        if place.stopped.is_some() || self.staged.own != Own::Ready {
            return Ok(());
        }
        let Some(other) = other_of(store, movement, self.id)? else { return Ok(()) };
        let way = if way == Way::Named { self.way_to(store, &other)? } else { way };
        place.stopped = self.verdict(way, &other, false).map(|verdict| (verdict, way, other));
        Ok(())
    }

    /// How it meets a row that is about the same movement.
    fn way_to<S: Store>(&self, store: &S, other: &Known) -> Result<Way, Error> {
        Ok(if self.has_key_of(store, other)? { Way::Named } else { Way::Movement })
    }

    /// Whether both count together: one system, environment and registration. What never got so far is anybody's.
    fn is_of_my_realm(&self, known: &Known) -> bool {
        self.realm.is_none() || known.realm.is_none() || self.realm == known.realm
    }

    fn meet_target<S: Store>(
        &self,
        store: &mut S,
        place: &mut Place,
        way: Way,
        known: Known,
        movement: Option<Movement>,
    ) -> Result<(), Error> {
        if known.intake == self.under.intake {
            return Ok(());
        }
        if way == Way::Named {
            self.meet_brother(store, place, NAMED_ROWS, &known.id.to_string())?;
            if let (Some((intake, row)), None) = (movement, &place.stopped) {
                self.meet_brother(store, place, MOVEMENTS, &format!("{intake}-{row}"))?;
            }
            if place.stopped.is_some() {
                return Ok(());
            }
        }
        match self.verdict_by_name(store, way, &known)? {
            Some(Judgement::TakesPlace | Judgement::Anew) => {
                place.live = false;
                place.takes = Some(known);
            }
            Some(verdict) => place.stopped = Some(self.by_root(store, (verdict, way, known))?),
            None => place.live = false,
        }
        Ok(())
    }

    /// What was dropped is that no more under another key.
    fn verdict_by_name<S: Store>(
        &self,
        store: &S,
        way: Way,
        known: &Known,
    ) -> Result<Option<Judgement>, Error> {
        let verdict = self.verdict(way, known, false);
        let dropped = way == Way::Named && verdict == Some(Judgement::Ignored);
        let anew = dropped && !self.has_key_of(store, known)?;
        Ok(if anew { Some(Judgement::TakesPlace) } else { verdict })
    }

    /// Who names a row that only repeats or waits for another is judged by that: under another key it may be another.
    fn by_root<S: Store>(
        &self,
        store: &S,
        (verdict, way, known): (Judgement, Way, Known),
    ) -> Result<(Judgement, Way, Known), Error> {
        let id = known.id;
        let root = root(store, known)?;
        if root.id == id || way != Way::Named || self.has_key_of(store, &root)? {
            return Ok((verdict, way, root));
        }
        let verdict = self.verdict(Way::Movement, &root, false).unwrap_or(verdict);
        Ok((verdict, Way::Movement, root))
    }

    /// The same row of the same content named that one too, and had to give its place back: it is that row which is read
    /// anew.
    fn take_own_row<S: Store>(&self, store: &S, place: &mut Place, met: i64) -> Result<(), Error> {
        let Some(again_of) = self.under.again_of else { return Ok(()) };
        let same = store.of_row(again_of, self.row)?;
        let Some(same) = same.filter(|one| one.newer.is_none() && one.state.gives_way()) else {
            return Ok(());
        };
        let repaired = same.older.map_or(Ok(None), |repaired| store.record(repaired))?;
        let Some(repaired) = repaired else { return Ok(()) };
        if in_place_of(repaired, |id| store.record(id))?.id == met {
            place.live = false;
            place.takes = Some(same);
        }
        Ok(())
    }

    /// What was reversed and then let go, as an equal row of some file, is registered or on its way again.
    fn meet_anew(&self, place: &mut Place, fact: Option<&OwnFact>) {
        let Some((Judgement::Reversed, way, _)) = place.stopped else { return };
        let again = |live: &&Known| live.state == RecordState::Accepted || live.state.is_open();
        let live = fact.and_then(|fact| fact.live.as_ref()).filter(again);
        if let Some(live) = live.filter(|live| self.differs(Way::Key, live).is_empty()) {
            place.stopped = self.verdict(way, live, false).map(|verdict| (verdict, way, live.clone()));
        }
    }

    /// Its own fact with the live record of it. Equal rows of one file without a key are counted: the n-th of this
    /// file meets the n-th known.
    fn own_fact<S: Store>(&self, store: &mut S) -> Result<Option<OwnFact>, Error> {
        let (Some(scope), Some(fact)) = (self.scope, &self.staged.fact) else { return Ok(None) };
        let key = match fact {
            FactKey::Strong(key) => {
                let live = store.live(scope, key)?;
                return Ok(Some(OwnFact { scope, key: key.clone(), live, weak: false }));
            }
            FactKey::Weak(base) => self.counted(store, scope, base)?,
        };
        let live = store.live(scope, &key)?;
        Ok(Some(OwnFact { scope, key, live, weak: true }))
    }

    /// The key of a row without one. A row of content that was read before keeps the key it had: where a row above
    /// it has become good since, another count would make it another fact.
    fn counted<S: Store>(&self, store: &mut S, scope: i64, base: &str) -> Result<String, Error> {
        if let Some(key) = self.kept_key(store, scope, base)? {
            return Ok(key);
        }
        let first = weak_key(base, 1);
        let known = store.live(scope, &first)?;
        if known.is_none() && self.staged.own == Own::BeforeStart {
            return Ok(first);
        }
        // Also where nobody has the fact yet: an equal row above may become its live row on acceptance only.
        let uncounted = known.as_ref().is_some_and(|known| known.intake == self.under.intake);
        loop {
            let key = weak_key(base, store.count(scope, base, i64::from(uncounted))?);
            if self.under.again_of.is_none() || !store.content_had(scope, &key)? {
                return Ok(key);
            }
        }
    }

    /// The key of these members that the same row came under before, unless a row above has it.
    fn kept_key<S: Store>(&self, store: &mut S, scope: i64, base: &str) -> Result<Option<String>, Error> {
        let Some(again_of) = self.under.again_of else { return Ok(None) };
        for (of, key) in store.keys_of_row(again_of, self.row)? {
            let same = of == scope && key.rsplit_once('#').is_some_and(|(members, _)| members == base);
            if same && store.count(scope, &key, 0)? == 1 {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn meet_fact<S: Store>(&self, store: &mut S, place: &mut Place, fact: &OwnFact) -> Result<(), Error> {
        let taken = place.takes.as_ref().map(|taken| taken.id);
        let known = fact.live.clone().filter(|known| Some(known.id) != taken);
        if fact.weak {
            if let Some(known) = known {
                let again = known.sha256 == self.under.sha256 || store.former_has(fact.scope, &fact.key)?;
                let way = if again { Way::WeakAgain } else { Way::WeakElsewhere };
                self.meet(store, place, way, known, false)?;
            }
            return Ok(());
        }
        let Some(known) = known else {
            if taken.is_some() {
                self.meet_brother(store, place, fact.scope, &fact.key)?;
                // A key that nobody has yet is its own at once: the next row with it must meet this one.
                place.live = fact.live.is_none() && self.staged.own != Own::BeforeStart;
            }
            return Ok(());
        };
        let same_file = known.intake == self.under.intake;
        self.meet(store, place, Way::Key, known, same_file)?;
        if !same_file && place.stopped.is_none() {
            self.meet_brother(store, place, fact.scope, &fact.key)?;
        }
        Ok(())
    }

    /// Two rows of this file that both want the place of one earlier record are a key twice in one file.
    fn meet_brother<S: Store>(
        &self,
        store: &mut S,
        place: &mut Place,
        scope: i64,
        key: &str,
    ) -> Result<(), Error> {
        if self.staged.own == Own::BeforeStart {
            // What is not to be reported is no question to anybody.
            return Ok(());
        }
        let brother = store.brother(scope, key)?;
        if let Some(brother) = brother.map_or(Ok(None), |id| store.record(id))? {
            // The same row of the same content stays itself, read anew; any other place is contested.
            place.takes = place.takes.take().filter(|taken| self.is_this_row(taken));
            place.stopped = Some((Judgement::TwiceInFile, Way::Key, brother));
            return Ok(());
        }
        store.keep_brother(scope, key, self.id)
    }

    fn is_this_row(&self, earlier: &Known) -> bool {
        Some(earlier.intake) == self.under.again_of && earlier.row == self.row
    }

    fn meet<S: Store>(
        &self,
        store: &mut S,
        place: &mut Place,
        way: Way,
        known: Known,
        same_file: bool,
    ) -> Result<(), Error> {
        if let Some(stopped) = self.sibling(store, way, &known)? {
            place.stopped = Some(stopped);
            return Ok(());
        }
        match self.verdict(way, &known, same_file) {
            Some(Judgement::TakesPlace | Judgement::Anew) => {
                place.live = false;
                place.takes.get_or_insert(known);
            }
            None => place.live = false,
            Some(verdict) => place.stopped = Some((verdict, way, known)),
        }
        Ok(())
    }

    /// An equal row that a person already decided about beside the live one: sent as a transaction of its own, or
    /// dropped. It counts before the live one does.
    fn sibling<S: Store>(
        &self,
        store: &mut S,
        way: Way,
        known: &Known,
    ) -> Result<Option<(Judgement, Way, Known)>, Error> {
        if way == Way::SameContent || self.staged.own != Own::Ready || known.intake == self.under.intake {
            return Ok(None);
        }
        let mut decided = store.select(Which::DecidedBeside(known.id))?;
        if way == Way::Key
            && let Some(answer) = self.answered(store, known)?
        {
            let met = Met { way, state: answer.state, same_file: false, same_members: true };
            return Ok(Some((judge(&met), way, answer)));
        }
        if self.verdict(way, known, false) == Some(Judgement::Change) {
            for one in decided_about_key(store, known)? {
                if self.has_key_of(store, &one)? {
                    decided.push(one);
                }
            }
        }
        for other in decided {
            let same = match (&self.staged.members, &other.members) {
                (Some(one), Some(two)) => differences(one, two, self.under.ignore).is_empty(),
                _ => false,
            };
            if same && !other.state.gives_way() && other.id != known.id {
                let met = Met { way, state: other.state, same_file: false, same_members: true };
                return Ok(Some((judge(&met), way, other)));
            }
        }
        Ok(None)
    }

    /// What became of an equal row of its key that somebody gave a number of its own, where that is reported or goes.
    /// Each counts for one row of a file.
    fn answered<S: Store>(&self, store: &mut S, live: &Known) -> Result<Option<Known>, Error> {
        let asks =
            live.state == RecordState::Held || self.verdict(Way::Key, live, false) == Some(Judgement::Change);
        let answered = if asks { answered_about_key(store, live)? } else { Vec::new() };
        for (asked, answer) in answered {
            let stands = in_place_of(answer, |id| store.record(id))?;
            let equal = self.differs(Way::Key, &asked).is_empty() && self.has_key_of(store, &asked)?;
            let met = asked.id.to_string();
            if equal && !stands.state.gives_way() && store.brother(ANSWERS, &met)?.is_none() {
                store.keep_brother(ANSWERS, &met, self.id)?;
                return Ok(Some(stands));
            }
        }
        Ok(None)
    }

    fn verdict(&self, way: Way, known: &Known, same_file: bool) -> Option<Judgement> {
        let same_members = self.differs(way, known).is_empty();
        judge_own(self.staged.own, &Met { way, state: known.state, same_file, same_members })
    }

    fn differs(&self, way: Way, known: &Known) -> Vec<String> {
        match (way, &self.staged.members, &known.members) {
            (Way::WeakAgain | Way::WeakElsewhere, ..) => Vec::new(),
            (_, Some(one), Some(other)) => differences(one, other, self.under.ignore),
            _ => vec![String::new()],
        }
    }

    fn write<S: Store>(&self, store: &mut S, place: &Place, key: Option<(i64, String)>) -> Result<(), Error> {
        if let Some((verdict, way, met)) = &place.stopped {
            self.stop(store, *verdict, *way, met)?;
        }
        let live = place.live && place.stopped.is_none();
        if let Some(key) = key {
            store.add_fact((self.under.intake, self.row, self.id), &key, live)?;
        }
        if let Some(taken) = &place.takes {
            store.set_older(self.id, Some(taken.id))?;
        }
        Ok(())
    }

    fn stop<S: Store>(&self, store: &mut S, verdict: Judgement, way: Way, met: &Known) -> Result<(), Error> {
        let goes = met.state == RecordState::Ready || met.only_doubted();
        let code = match verdict {
            Judgement::TwiceInFile => twice(self.has_key_of(store, met)?),
            verdict => stopped_by(verdict),
        };
        if verdict == Judgement::TwiceInFile && goes {
            let reason = [told(code, [self.row.to_string()])];
            let state = met.state.after(RecordEvent::SetAside)?;
            let stand = super::store::Stand { state, way: Some(Way::Key), of_record: None, reason: &reason };
            store.stand(met.id, &stand)?;
        }
        let event = match RecordEvent::Judged(verdict) {
            // What is not valid can't be let go by a person.
            judged if self.staged.own == Own::Refused && judged.leads_to() == RecordState::Held => {
                RecordEvent::Refused
            }
            judged => judged,
        };
        let reason = match verdict {
            Judgement::Ignored => store.reason(met.id)?,
            _ => vec![told_of(code, met, &self.differs(way, met))],
        };
        self.stand(store, event, Some(way), Some(met.id), &reason)
    }

    fn refuse<S: Store>(&self, store: &mut S) -> Result<(), Error> {
        store.forget_number(self.id)?;
        self.stand(store, RecordEvent::Refused, None, None, &[told(&codes::NUMBER_TAKEN, [])])
    }

    /// A mapped number must not be one we issued, nor another fact's.
    fn number_is_taken<S: Store>(&self, store: &S) -> Result<bool, Error> {
        let Some(number) = &self.staged.number else { return Ok(false) };
        if store.was_issued(number)? {
            return Ok(true);
        }
        for other in store.select(Which::OfNumber(number, self.id))? {
            if !self.is_same_fact(store, &other)? && self.staged.reference.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a row ever came under the key of this one.
    fn is_same_fact<S: Store>(&self, store: &S, other: &Known) -> Result<bool, Error> {
        Ok(store.keys_of_row(other.intake, other.row)?.iter().any(|(_, key)| self.came_under(key)))
    }

    /// Whether a row's own key is the one of this one.
    fn has_key_of<S: Store>(&self, store: &S, other: &Known) -> Result<bool, Error> {
        Ok(store.own_keys(other)?.first().is_some_and(|(_, key)| self.came_under(key)))
    }

    fn came_under(&self, key: &str) -> bool {
        match &self.staged.fact {
            Some(FactKey::Strong(mine)) => mine == key,
            Some(FactKey::Weak(mine)) => key.rsplit_once('#').is_some_and(|(base, _)| base == mine),
            None => false,
        }
    }
}

/// Rows about which a person decided, beside the live one of a key or the one whose place that took.
fn decided_about_key<S: Store>(store: &S, live: &Known) -> Result<Vec<Known>, Error> {
    let (mut decided, older) = (Vec::new(), live.older.map_or(Ok(None), |older| store.record(older))?);
    for form in older.iter().chain([live]) {
        let twin = form.of_record.map_or(Ok(None), |of| store.record(of))?;
        decided.extend(twin.filter(|twin| twin.id != live.id && twin.released && twin.newer.is_none()));
        for beside in [form.of_record, Some(form.id)].into_iter().flatten() {
            decided.extend(store.select(Which::DecidedBeside(beside))?);
        }
    }
    Ok(decided)
}

/// Rows that somebody gave a number of their own and nothing else, because they were asked about beside the live one of a
/// key or the one whose place that took; each with its answer.
fn answered_about_key<S: Store>(store: &S, live: &Known) -> Result<Vec<(Known, Known)>, Error> {
    let (mut answered, older) = (Vec::new(), live.older.map_or(Ok(None), |older| store.record(older))?);
    for form in older.iter().chain([live]) {
        let twin = form.of_record.map_or(Ok(None), |of| store.record(of))?;
        let beside = store.select(Which::ReplacedBeside(form.id))?;
        for asked in beside.into_iter().chain(twin) {
            let answer = asked.newer.map_or(Ok(None), |newer| store.record(newer))?;
            let Some(answer) = answer.filter(Known::is_a_movement_of_its_own) else { continue };
            if answer.members == asked.members && !follow::has_key_of(store, &answer, &asked)? {
                answered.push((asked, answer));
            }
        }
    }
    Ok(answered)
}

/// What a row that is named is about, with whatever stands in its place, or has its own. `renumbered`: under another key.
fn movement_of<S: Store>(store: &mut S, named: &Known, renumbered: bool) -> Result<Movement, Error> {
    let mut chain = vec![named.clone()];
    while let Some(newer) =
        chain.last().and_then(|last| last.newer).map_or(Ok(None), |newer| store.record(newer))?
    {
        chain.push(newer);
    }
    // Whoever gave a row a number of its own made another movement of it, and of what stands in its place.
    let movement = chain.iter().rev().find_map(|one| one.movement).unwrap_or_else(|| named.moves());
    for nameless in chain.iter().filter(|one| one.movement.is_none()) {
        store.set_movement(nameless.id, movement)?;
    }
    unite_repeated(store, movement, chain.last().unwrap_or(named), renumbered)
}

/// What repeats another record is about the same, and about what that one repeats in turn.
fn unite_repeated<S: Store>(
    store: &mut S,
    mut movement: Movement,
    known: &Known,
    renumbered: bool,
) -> Result<Movement, Error> {
    let mut seen = BTreeSet::from([known.id]);
    let mut next = repeated(store, known, renumbered)?;
    while let Some(one) = next.filter(|one| seen.insert(one.id)) {
        movement = unite(store, movement, &one)?;
        next = repeated(store, &one, false)?;
    }
    Ok(movement)
}

/// A record, and all that is about the same, is about that movement too; gives the one that stays.
fn unite<S: Store>(store: &mut S, movement: Movement, with: &Known) -> Result<Movement, Error> {
    let stays = with.moves();
    store.set_movement(with.id, stays)?;
    let moved = if stays == movement { Vec::new() } else { store.select(Which::OfMovement(movement))? };
    for one in moved {
        store.set_movement(one.id, stays)?;
    }
    Ok(stays)
}

/// The record that a row only repeats or waits for, or beside which a person dropped it, or that has its key, where nobody
/// said that they are two. What a question by key is about only where another key is no answer to it.
fn repeated<S: Store>(store: &S, known: &Known, renumbered: bool) -> Result<Option<Known>, Error> {
    if known.is_vouched_for() {
        return Ok(None);
    }
    let root = root(store, known.clone())?;
    if root.id != known.id {
        return Ok(Some(root));
    }
    let dropped = known.state == RecordState::Ignored;
    if let Some(of) = known.of_record {
        let counts = dropped || renumbered || matches!(known.way, Some(Way::Named | Way::Movement));
        return if counts { store.record(of) } else { Ok(None) };
    }
    if !(dropped || known.state.gives_way()) {
        return Ok(None);
    }
    // Not the keys that it took over: where keys were exchanged, another row has come under one of them.
    let Some((scope, key)) = store.own_keys(known)?.into_iter().next() else { return Ok(None) };
    let goes = |live: &Known| live.id != known.id && (live.state.may_be_reported() || live.state.is_open());
    Ok(store.live(scope, &key)?.filter(goes))
}

/// The newest of a movement that is with the system, but for one record.
pub(super) fn other_of<S: Store>(store: &S, movement: Movement, but: i64) -> Result<Option<Known>, Error> {
    let sent = store.select(Which::SentOfMovement(movement))?;
    Ok(sent.into_iter().rfind(|one| one.id != but && one.is_with_system()))
}

/// The newest record in the place of one. Where that does not go itself and had to give its place back, it is the one
/// that has the place again, however many repaired it since.
fn stands_for<S: Store>(store: &S, known: Known) -> Result<Known, Error> {
    let known = in_place_of(known, |id| store.record(id))?;
    let goes = known.valid && known.state != RecordState::Ignored;
    if goes || !store.is_taken(known.intake)? {
        return Ok(known);
    }
    let before = stands_before(store, &known, |stands| !stands.state.gives_way())?;
    Ok(before.unwrap_or(known))
}

/// Of those that a record repaired, and those repaired before, the first in whose place another than itself stands:
/// one of them gave that place back.
pub(super) fn stands_before<S: Store>(
    store: &S,
    known: &Known,
    counts: impl Fn(&Known) -> bool,
) -> Result<Option<Known>, Error> {
    let mut before = known.older;
    while let Some(older) = before.map_or(Ok(None), |older| store.record(older))? {
        before = older.older;
        let stands = in_place_of(older, |id| store.record(id))?;
        if stands.id != known.id && counts(&stands) {
            return Ok(Some(stands));
        }
    }
    Ok(None)
}

/// What stands behind a record that only repeats or waits for another.
fn root<S: Store>(store: &S, known: Known) -> Result<Known, Error> {
    let repeats = matches!(known.state, RecordState::Duplicate | RecordState::Behind | RecordState::Reversed);
    match known.of_record.filter(|_| repeats) {
        Some(of) => Ok(store.record(of)?.unwrap_or(known)),
        None => Ok(known),
    }
}
