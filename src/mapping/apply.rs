//! One row becomes a draft.

use std::borrow::Cow;
use std::sync::Arc;

use compact_str::CompactString;

use super::Report;
use super::bind::{Bound, Condition, Made, Part, Plan, Slot, SubjectPlace, TargetPlan};
use super::draft::Draft;
use super::lookup;
use super::memo::Met;
use super::number;
use super::typed::{Flaw, Origin, shown};
use crate::model::{CodeInfo, Issue, Value, Who, Words};
use crate::table::{CellKind, Row};

/// A cell's text is not among the texts the mapping lists.
pub(super) static M003: CodeInfo = CodeInfo {
    code: "M003",
    who: Who::Integrator,
    bg: Words {
        message: "не е указано какво значи „{0}“; поправете клетката, а ако е вярна, кажете на внедрителя на програмата",
        why: "Всяка стойност в тази колона се превежда за системата по списък, а тази я няма в него.",
        example: "Промо продажба",
        repair: "Добавете стойността към списъка на полето в настройката, ако е нова; ако е сгрешена, поправете клетката.",
    },
    en: Words {
        message: "nothing says what `{0}` stands for; correct the cell or, if it is right, tell the person who set up the reporting",
        why: "Every value of this column is translated for the system by a list, and this one is not in it.",
        example: "Promo sale",
        repair: "If the value is new, add it to the field's `values` in the mapping; if it is a slip, correct the cell.",
    },
};

/// A key is not in the list that values are looked up in.
pub(super) static M004: CodeInfo = CodeInfo {
    code: "M004",
    who: Who::Integrator,
    bg: Words {
        message: "„{0}“ го няма в справочния списък; поправете клетката, а ако е вярна, кажете на внедрителя на програмата",
        why: "Стойността за системата се взема от справочен списък (например складове и пощенски кодове), а такъв запис в него липсва.",
        example: "СКЛАД-9",
        repair: "Добавете записа в справочния списък.",
    },
    en: Words {
        message: "`{0}` is not in the reference list; correct the cell or, if it is right, tell the person who keeps the list",
        why: "The value for the system is looked up in a reference list (warehouses and postcodes, for example), which has no such entry.",
        example: "WAREHOUSE-9",
        repair: "Add the entry to the reference list.",
    },
};

/// A cell does not have the form that a part of it is taken by.
pub(super) static M005: CodeInfo = CodeInfo {
    code: "M005",
    who: Who::Integrator,
    bg: Words {
        message: "„{0}“ не е във вида, от който се взема стойността; поправете клетката, а ако е вярна, кажете на внедрителя на програмата",
        why: "За системата се взема само част от клетката, а тя не се намира в този текст.",
        example: "AB12 11.2027",
        repair: "Поправете израза `take` на полето, или му дайте `default`, ако тази част може да липсва.",
    },
    en: Words {
        message: "`{0}` does not have the form the value is taken from; correct the cell or, if it is right, tell the person who set up the reporting",
        why: "Only a part of the cell goes to the system, and it is not found in this text.",
        example: "AB12 11.2027",
        repair: "Correct the field's `take`, or give it a `default` if that part may be missing.",
    },
};

/// A cell does not say which registration a row belongs to.
pub(super) static M006: CodeInfo = CodeInfo {
    code: "M006",
    who: Who::Integrator,
    bg: Words {
        message: "по „{0}“ не личи от чие име се подава редът; поправете клетката, а ако е вярна, кажете на внедрителя на програмата",
        why: "По тази колона се избира регистрацията, с която редът се подава; погрешна регистрация значи чужди данни.",
        example: "Обект 7",
        repair: "Добавете стойността към `destination` в настройката.",
    },
    en: Words {
        message: "`{0}` does not say for whom the row is reported; correct the cell or, if it is right, tell the person who set up the reporting",
        why: "This column chooses the registration the row is reported under; a wrong one means another's data.",
        example: "Site 7",
        repair: "Add the value to `destination` in the mapping.",
    },
};

/// A field's text before it becomes a value.
struct Material<'r> {
    text: Cow<'r, str>,
    origin: Origin,
    column: Option<&'r Arc<str>>,
}

/// Something is wrong with a cell, or it is not so simple.
struct Wrong;

impl Bound {
    /// Makes the draft of a row. Rows must come in the order of the file.
    pub fn apply(&mut self, row: &Row, draft: &mut Draft) {
        draft.restart(self.base.len());
        draft.vouched = self.vouched;
        self.remember(row);
        draft.ignored = self.judge(row);
        self.pad(row, draft);
        self.route(row, draft);
        draft.key = self.joined(row, &self.key);
        draft.document = self.joined(row, &self.document);
        if draft.ignored.is_some() {
            // Asks nothing of anybody, so nothing of it can be wrong.
            draft.issues.clear();
            draft.columns.fill(None);
            draft.values.fill(None);
            return;
        }
        for (field, plan) in self.active.iter().enumerate() {
            match plan.and_then(|plan| self.plans.get(plan)) {
                Some(plan) => self.fill(plan, row, draft),
                None => draft.put(field, None, None),
            }
        }
    }

    /// Keeps the cells that empty ones below will take.
    fn remember(&mut self, row: &Row) {
        for fill in &mut self.fills {
            let Some(cell) = row.cell(fill.index) else { continue };
            let text = cell.text.trim();
            if !text.is_empty() {
                fill.text.clear();
                fill.text.push_str(text);
                fill.kind = cell.kind;
            }
        }
    }

    /// Lets the rules choose each field's plan; gives the reason if the row is not to be reported.
    fn judge(&mut self, row: &Row) -> Option<Arc<str>> {
        if self.rules.is_empty() {
            return None;
        }
        let mut active = std::mem::take(&mut self.active);
        if std::mem::take(&mut self.overruled) {
            active.clone_from(&self.base);
        }
        let mut ignored = None;
        for rule in &self.rules {
            if !rule.when.iter().all(|condition| self.holds(condition, row, &active)) {
                continue;
            }
            match &rule.report {
                Some(Report::No(reason)) => ignored = Some(Arc::clone(reason)),
                Some(Report::Yes) => ignored = None,
                None => {}
            }
            for (field, plan) in &rule.fields {
                self.overruled = true;
                if let Some(place) = active.get_mut(*field) {
                    *place = Some(*plan);
                }
            }
        }
        self.active = active;
        ignored
    }

    /// A field is looked at as text, before its kind: a rule may be about numbers the system does not take.
    pub(super) fn holds(&self, condition: &Condition, row: &Row, active: &[Option<usize>]) -> bool {
        let Condition { test, memo, .. } = condition;
        let holds = match &condition.subject {
            SubjectPlace::Column(slot) => memo.get(self.met(row, slot), || {
                let (text, kind) = self.cell(row, slot);
                Some(test.holds(text, Origin::Cell(kind), condition.marks))
            }),
            SubjectPlace::Field(field) => {
                let plan = active.get(*field).copied().flatten().and_then(|plan| self.plans.get(plan));
                let marks = plan.map_or(self.marks, |plan| plan.typing.marks);
                let (text, origin) = match plan.map(|plan| self.text(plan, row)) {
                    Some(Ok(text)) => (text.text, text.origin),
                    Some(Err(_)) | None => (Cow::Borrowed(""), Origin::Constant),
                };
                if marks != self.marks {
                    return test.holds(&text, origin, marks);
                }
                memo.get(Met::text(&text, origin), || Some(test.holds(&text, origin, marks)))
            }
        };
        holds.unwrap_or(false)
    }

    /// Tells how many digits the row's codes have in their columns. What the mapping puts in place of an empty cell
    /// is none of them.
    fn pad(&self, row: &Row, draft: &mut Draft) {
        draft.padded.clear();
        for (at, digits) in &self.padded {
            let Some(plan) = self.plans.get(*at) else { continue };
            let is_active = self.active.get(plan.field) == Some(&Some(*at));
            if is_active && self.is_there(plan, row) {
                draft.padded.push((plan.field, *digits));
            }
        }
    }

    /// Whether a field has a source that is not empty.
    fn is_there(&self, plan: &Plan, row: &Row) -> bool {
        let begins = |slot: &Slot| {
            let cell = row.raw(slot.index).filter(|_| !self.guarded);
            cell.is_some_and(|cell| cell.bytes.first().is_some_and(u8::is_ascii_alphanumeric))
        };
        let plainly = matches!(&plan.source, Made::Columns(slots) if slots.iter().any(begins));
        plainly || !self.source(plan, row).text.is_empty()
    }

    fn route(&self, row: &Row, draft: &mut Draft) {
        match &self.target {
            TargetPlan::Section(name) => draft.set_destination(Some(name)),
            TargetPlan::Column(slot, values, memo) => {
                let met = self.met(row, slot);
                let section = memo.get(met, || Some(values.find(self.cell(row, slot).0).cloned())).flatten();
                draft.set_destination(section.as_ref());
                if section.is_none() {
                    let text = self.cell(row, slot).0;
                    let issue = Issue::at(&M006, Some(Arc::clone(&slot.label))).row(row.number());
                    draft.issues.push(issue.arg(shown(text)));
                }
            }
        }
    }

    fn joined(&self, row: &Row, slots: &[Slot]) -> Option<CompactString> {
        match slots {
            [] => return None,
            [slot] => {
                let text = lookup::without_zero_fraction(self.cell(row, slot).0);
                return (!text.is_empty()).then(|| CompactString::new(text));
            }
            _ => {}
        }
        let mut key = CompactString::default();
        lookup::join(&mut key, slots.iter().map(|slot| self.cell(row, slot).0));
        (!key.is_empty()).then_some(key)
    }

    /// Makes one field's value, or says why there is none.
    fn fill(&self, plan: &Plan, row: &Row, draft: &mut Draft) {
        match &plan.source {
            Made::Value(_, Some(value)) => draft.copy(plan.field, value, None),
            Made::Value(_, None) => draft.put(plan.field, None, None),
            Made::Columns(slots) if plan.direct && self.fill_directly(plan, slots, row, draft) => {}
            _ => self.fill_slowly(plan, row, draft),
        }
    }

    /// The way most fields go: a cell, perhaps one of listed words, and its kind. Nothing is allocated.
    /// Leaves every issue to [`Bound::fill_slowly`].
    fn fill_directly(&self, plan: &Plan, slots: &[Slot], row: &Row, draft: &mut Draft) -> bool {
        for slot in slots {
            let met = self.met(row, slot);
            if met.is_nothing() {
                continue;
            }
            let known = plan.memo.recall(met, |made| {
                made.as_ref().inspect(|value| draft.copy(plan.field, value, Some(&slot.label))).is_some()
            });
            let Ok(filled) = known.map_or_else(|| self.learn(plan, row, slot, met, draft), Ok) else {
                return false;
            };
            if filled {
                return true;
            }
        }
        let column = slots.first().map(|slot| &slot.label);
        match &plan.default {
            Some(value) => draft.copy(plan.field, value, column),
            None => draft.put(plan.field, None, column),
        }
        true
    }

    /// Fills a field from a cell that was not met before; false where there is nothing in it. The value goes straight
    /// to its place. Apart from the loop that calls it, which is short without it.
    #[inline(never)]
    fn learn(
        &self,
        plan: &Plan,
        row: &Row,
        slot: &Slot,
        met: Met<'_>,
        draft: &mut Draft,
    ) -> Result<bool, Wrong> {
        let (text, kind) = self.cell(row, slot);
        if text.is_empty() {
            plan.memo.learn(met, &None);
            return Ok(false);
        }
        if plan.typing.doubt(text, kind).is_some() {
            return Err(Wrong);
        }
        let (text, origin) = match &plan.values {
            None => (text, Origin::Cell(kind)),
            Some(_) if kind == CellKind::Error => return Err(Wrong),
            Some(values) => {
                let word = values.wording.find(text).filter(|word| !word.is_empty()).ok_or(Wrong)?;
                (word.as_str(), Origin::Constant)
            }
        };
        let value = plan.typing.value(text, origin).map_err(|_| Wrong)?;
        if self.guarded && plan.typing.unrepaired(text, |_| true).is_some() {
            // It depends on more than this cell.
            return Err(Wrong);
        }
        if let Some(made) = draft.set(plan.field, value, Some(&slot.label)) {
            plan.memo.learn(met, made);
        }
        Ok(true)
    }

    #[inline(never)]
    fn fill_slowly(&self, plan: &Plan, row: &Row, draft: &mut Draft) {
        let mut doubt = None;
        let (made, column) = match self.text(plan, row) {
            Ok(text) if text.text.is_empty() => (Ok(plan.default.clone()), text.column),
            Ok(text) => {
                if let Origin::Cell(kind) = text.origin {
                    doubt = plan.typing.doubt(&text.text, kind);
                }
                (self.value(plan, &text, row).map(Some), text.column)
            }
            Err((flaw, column)) => (Err(flaw), column),
        };
        match made {
            Ok(value) => {
                draft.put(plan.field, value, column);
                if let Some(doubt) = doubt {
                    draft.issues.push(doubt.at(row.number(), draft.column(plan.field)));
                }
            }
            Err(flaw) => {
                draft.put(plan.field, None, column);
                draft.failed.insert(plan.field);
                draft.issues.push(flaw.at(row.number(), draft.column(plan.field)));
            }
        }
    }

    fn value(&self, plan: &Plan, text: &Material<'_>, row: &Row) -> Result<Value, Flaw> {
        let value = plan.typing.value(&text.text, text.origin)?;
        // Without our column nobody knows what the row was refused for: it may have been just this.
        let codes = self.rx_codes.map(|index| row.cell(index).map_or("", |cell| cell.text));
        let was_told =
            |info: &CodeInfo| codes.is_none_or(|codes| codes.split(';').any(|code| code.trim() == info.code));
        let still = if self.guarded { plan.typing.unrepaired(&text.text, was_told) } else { None };
        still.map_or(Ok(value), Err)
    }

    /// The text of a field, trimmed, taken apart, translated, looked up; empty where nothing is left.
    fn text<'r>(
        &'r self,
        plan: &'r Plan,
        row: &'r Row,
    ) -> Result<Material<'r>, (Flaw, Option<&'r Arc<str>>)> {
        let mut text = self.source(plan, row);
        // An error of the workbook is told as such when the value is made, not as an unknown word.
        if text.text.is_empty() || text.origin == Origin::Cell(CellKind::Error) {
            return Ok(text);
        }
        match translate(self, plan, row, &mut text) {
            Ok(()) => Ok(text),
            Err(flaw) => Err((flaw, text.column)),
        }
    }

    fn source<'r>(&'r self, plan: &'r Plan, row: &'r Row) -> Material<'r> {
        match &plan.source {
            Made::Value(text, _) => {
                Material { text: Cow::Borrowed(text), origin: Origin::Constant, column: None }
            }
            Made::Columns(slots) => self.first_filled(slots, row),
            Made::Template(parts) => self.template(parts, row),
        }
    }

    fn first_filled<'r>(&'r self, slots: &'r [Slot], row: &'r Row) -> Material<'r> {
        for slot in slots {
            let (text, kind) = self.cell(row, slot);
            if !text.is_empty() {
                return Material {
                    text: Cow::Borrowed(text),
                    origin: Origin::Cell(kind),
                    column: Some(&slot.label),
                };
            }
        }
        let column = slots.first().map(|slot| &slot.label);
        Material { text: Cow::Borrowed(""), origin: Origin::Cell(CellKind::Text), column }
    }

    fn template<'r>(&'r self, parts: &'r [Part], row: &'r Row) -> Material<'r> {
        let mut whole = String::new();
        let mut column = None;
        let mut origin = Origin::Cell(CellKind::Text);
        for part in parts {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Column(slot) => {
                    let (text, kind) = self.cell(row, slot);
                    if kind == CellKind::Error && origin != Origin::Cell(CellKind::Error) {
                        origin = Origin::Cell(CellKind::Error);
                        column = Some(&slot.label);
                    } else if !text.is_empty() {
                        column = column.or(Some(&slot.label));
                    }
                    whole.push_str(text);
                }
            }
        }
        let text = if column.is_none() { Cow::Borrowed("") } else { Cow::Owned(whole.trim().to_owned()) };
        Material { text, origin, column }
    }

    /// What [`Bound::cell`] gives depends on this alone.
    #[inline]
    fn met<'r>(&'r self, row: &'r Row, slot: &Slot) -> Met<'r> {
        match row.raw(slot.index) {
            Some(cell) if slot.fill.is_none() => Met::cell(cell),
            _ => self.met_as_text(row, slot),
        }
    }

    #[cold]
    fn met_as_text<'r>(&'r self, row: &'r Row, slot: &Slot) -> Met<'r> {
        let (text, kind) = self.cell(row, slot);
        Met::text(text, Origin::Cell(kind))
    }

    /// A cell, trimmed, or the one above where the mapping says so.
    pub(super) fn cell<'r>(&'r self, row: &'r Row, slot: &Slot) -> (&'r str, CellKind) {
        let (mut text, mut kind) =
            row.cell(slot.index).map_or(("", CellKind::Text), |cell| (trimmed(cell.text), cell.kind));
        if text.is_empty()
            && let Some(fill) = slot.fill.and_then(|fill| self.fills.get(fill))
        {
            (text, kind) = (&fill.text, fill.kind);
        }
        if self.guarded { (unguarded(text), kind) } else { (text, kind) }
    }
}

/// `take`, `values`, `lookup` and `negate`, in this order.
fn translate<'r>(
    bound: &'r Bound,
    plan: &'r Plan,
    row: &'r Row,
    text: &mut Material<'r>,
) -> Result<(), Flaw> {
    if let Some(pattern) = &plan.take {
        taken(pattern, text, plan.optional)?;
    }
    if let (Some(values), false) = (&plan.values, text.text.is_empty()) {
        let met = Met::text(&text.text, text.origin);
        let found = values.texts.get(met, || Some(values.wording.find(&text.text).cloned())).flatten();
        let found = found.ok_or_else(|| Flaw::new(&M003, &text.text))?;
        text.text = Cow::Owned(found.into_string());
        text.origin = Origin::Constant;
    }
    if let (Some((list, and)), false) = (&plan.lookup, text.text.is_empty()) {
        let parts = std::iter::once(&*text.text).chain(and.iter().map(|slot| bound.cell(row, slot).0));
        let mut key = CompactString::default();
        lookup::join(&mut key, parts);
        let missing = || Flaw::new(&M004, &key.replace(lookup::DIVIDER, " / "));
        let found = list.find(&key).ok_or_else(missing)?;
        text.text = Cow::Borrowed(found.as_str());
        text.origin = Origin::Cell(CellKind::Text);
    }
    if plan.negate && !text.text.is_empty() {
        text.text = Cow::Owned(number::negated(&text.text));
    }
    Ok(())
}

/// The first group of the pattern. A group that is not part of the match leaves nothing.
fn taken(pattern: &regex::Regex, text: &mut Material<'_>, optional: bool) -> Result<(), Flaw> {
    let part = match pattern.captures(&text.text) {
        Some(groups) => groups.get(1).map_or("", |group| group.as_str()).trim().to_owned(),
        None if optional => String::new(),
        None => return Err(Flaw::new(&M005, &text.text)),
    };
    text.text = Cow::Owned(part);
    Ok(())
}

/// Without the `'` that our reports put before what a spreadsheet would take for a formula.
fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest.trim(),
        _ => text,
    }
}

/// Trims as `str::trim` does, and sees at once where there is nothing to trim: Latin and Cyrillic letters, digits
/// and marks at both ends.
fn trimmed(text: &str) -> &str {
    let is_solid = |byte: u8| byte.is_ascii_graphic();
    let is_cyrillic = |lead: u8| matches!(lead, 0xd0 | 0xd1);
    match text.as_bytes() {
        [] => text,
        [first, .., before, last] => {
            let starts = is_solid(*first) || is_cyrillic(*first);
            let ends = is_solid(*last) || is_cyrillic(*before);
            if starts && ends { text } else { text.trim() }
        }
        _ => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::fixture::{Bench, mapping, mapping_with, typed_row};
    use crate::table::Block;

    #[test]
    fn a_field_is_made_in_the_order_of_the_format() {
        let mapping = mapping_with(
            "table = { decimal = \",\" }\n[fields]\n\
             p_postcode = { column = \"Склад\", take = \"^([^/]+)\", values = { \"Ц\" = \"СФ\", \"П\" = \"ПД\", \"В\" = \"ВН\" }, lookup = \"w.csv\", from = \"code\", to = \"postcode\", negate = true, default = 9000 }\n",
            &[("w.csv", "code,postcode\nСФ,-1000\nПД,\n")],
        );
        let mut bench = Bench::new(&mapping, &["Склад"]);
        assert_eq!(bench.apply(&[" ц / 5 "]).get("p_postcode"), "1000");
        assert_eq!(bench.apply(&[""]).get("p_postcode"), "9000");
        assert_eq!(bench.apply(&["П/1"]).get("p_postcode"), "9000", "the list leaves nothing");
        assert_eq!(bench.apply(&["/"]).get("p_postcode"), "9000", "take leaves nothing");
        assert_eq!(bench.apply(&["Х/1"]).issues(), ["M003 Склад"]);
        assert_eq!(bench.apply(&["В/1"]).issues(), ["M004 Склад"]);
        assert_eq!(bench.get("p_postcode"), "none");
        assert!(bench.draft.failed.contains(8));
    }

    #[test]
    fn the_first_filled_column_counts_and_names_the_place() {
        let mapping = mapping(
            "[fields]\np_drug_code = { column = [\"НСЦРЛП\", \"NCPR\", \"нету\"] }\nnotes = { template = \"{А} док. {Б}\" }\n",
        );
        let mut bench = Bench::new(&mapping, &["НСЦРЛП", "NCPR", "А", "Б"]);
        assert_eq!(bench.apply(&["", "15", "", " 7 "]).get("p_drug_code"), "15");
        assert_eq!(bench.draft.column(2).as_deref(), Some("NCPR"));
        assert_eq!(bench.get("notes"), "док. 7");
        assert_eq!(bench.apply(&["16", "x", "", ""]).get("p_drug_code"), "16");
        assert_eq!(bench.get("notes"), "none", "a template of empty columns is empty");
        assert_eq!(bench.apply(&["", ""]).get("p_drug_code"), "none");
        assert_eq!(bench.draft.column(2).as_deref(), Some("НСЦРЛП"), "where it is missing");
        assert!(bench.draft.issues.is_empty() && bench.draft.failed.is_empty());
        assert_eq!(bench.apply(&["x"]).issues(), ["M010 НСЦРЛП"]);
    }

    #[test]
    fn lookups_by_several_columns() {
        let mapping = mapping_with(
            "[fields]\np_available_qty = { lookup = \"stock.csv\", column = \"Артикул\", and = [\"Склад\"], from = [\"item\", \"wh\"], to = \"qty\" }\n",
            &[("stock.csv", "item,wh,qty\n10,СФ,5\n10,ПД,6\n")],
        );
        let mut bench = Bench::new(&mapping, &["Артикул", "Склад"]);
        assert_eq!(bench.apply(&["10.0", "пд"]).get("p_available_qty"), "6");
        bench.apply(&["10", "ВН"]);
        assert_eq!(bench.draft.issues[0].args, ["10 / ВН"]);
    }

    #[test]
    fn take_that_finds_nothing_is_told_unless_a_default_allows_it() {
        let with = |default: &str| {
            mapping(&format!("[fields]\nnotes = {{ column = \"П\", take = \"/(.*)$\"{default} }}\n"))
        };
        let mut bench = Bench::new(&with(""), &["П"]);
        assert_eq!(bench.apply(&["A/1"]).get("notes"), "1");
        assert_eq!(bench.apply(&["A"]).issues(), ["M005 П"]);
        let mut bench = Bench::new(&with(", default = \"\""), &["П"]);
        assert!(bench.apply(&["A"]).issues().is_empty());
        assert_eq!(bench.get("notes"), "none");
    }

    #[test]
    fn rules_choose_by_text_before_kinds_and_later_ones_win() {
        let mapping = mapping(
            "[fields]\np_trn_type = { value = 3 }\np_quantity = \"Бр\"\n\
             [[rule]]\nwhen = [{ column = \"Вид\", is = [\"Продажба\"] }, { field = \"p_quantity\", below = 0 }]\n\
             fields = { p_trn_type = { value = 38 }, p_quantity = { column = \"Бр\", negate = true } }\n\
             [[rule]]\nwhen = [{ field = \"p_quantity\", above = 100 }]\nfields = { p_trn_type = { value = 16 } }\n",
        );
        let mut bench = Bench::new(&mapping, &["Вид", "Бр"]);
        bench.apply(&["Продажба", "-5"]);
        assert_eq!((bench.get("p_trn_type").as_str(), bench.get("p_quantity").as_str()), ("38", "5"));
        assert!(bench.draft.issues.is_empty(), "the number that the rule turned is no issue");
        bench.apply(&["Продажба", "-500"]);
        assert_eq!((bench.get("p_trn_type").as_str(), bench.get("p_quantity").as_str()), ("16", "500"));
        bench.apply(&["Покупка", "5"]);
        assert_eq!((bench.get("p_trn_type").as_str(), bench.get("p_quantity").as_str()), ("3", "5"));
        assert_eq!(bench.apply(&["Покупка", "-5"]).issues(), ["M013 Бр"]);
    }

    #[test]
    fn rows_that_are_not_reported_have_a_reason_and_no_issues() {
        let mapping = mapping(
            "key = { columns = [\"Док\"] }\nfields = { p_quantity = \"Бр\" }\n\
             [[rule]]\nwhen = [{ column = \"Група\", is = \"Козметика\" }]\nreport = false\nreason = \"не е в ПЛС\"\n\
             [[rule]]\nwhen = [{ column = \"Док\", starts = \"Л\" }]\nreport = true\n",
        );
        let mut bench = Bench::new(&mapping, &["Док", "Бр", "Група"]);
        bench.apply(&["5", "x", "козметика"]);
        assert_eq!(bench.draft.ignored.as_deref(), Some("не е в ПЛС"));
        assert!(bench.draft.issues.is_empty());
        assert_eq!(bench.draft.key.as_deref(), Some("5"));
        bench.apply(&["Л5", "1", "козметика"]);
        assert_eq!(bench.draft.ignored, None, "the later rule wins");
        assert_eq!(bench.get("p_quantity"), "1");
    }

    #[test]
    fn empty_cells_take_the_one_above_where_the_mapping_says_so() {
        let mapping = mapping(
            "table = { fill_down = [\"Док\"] }\nkey = { columns = [\"Док\", \"Ред\"], document = [\"Док\"] }\nfields = { notes = { template = \"{Док}\" }, p_quantity = \"Ред\" }\n",
        );
        let mut bench = Bench::new(&mapping, &["Док", "Ред"]);
        bench.apply(&["", "1"]);
        assert_eq!((bench.draft.key.as_deref(), bench.draft.document.as_deref()), (Some("\u{1f}1"), None));
        bench.apply(&[" 100.0 ", "2"]);
        assert_eq!(bench.draft.key.as_deref(), Some("100\u{1f}2"));
        bench.apply(&["", "3"]);
        assert_eq!(
            (bench.draft.key.as_deref(), bench.draft.document.as_deref()),
            (Some("100\u{1f}3"), Some("100"))
        );
        assert_eq!(bench.get("notes"), "100.0");
        bench.apply(&["101", ""]);
        assert_eq!(
            (bench.draft.key.as_deref(), bench.get("p_quantity").as_str()),
            (Some("101\u{1f}"), "none")
        );
    }

    #[test]
    fn the_destination_by_a_column() {
        let text = "name = \"x\"\ndestination = { column = \"Обект\", values = { \"СФ\" = \"sespa\", \"ПД\" = \"sespa-plovdiv\" } }\nfields = { p_quantity = \"Бр\" }\n";
        let mapping = crate::mapping::fixture::load_text(text, &[]).unwrap();
        let mut bench = Bench::new(&mapping, &["Обект", "Бр"]);
        assert_eq!(bench.apply(&["пд", "1"]).draft.destination.as_deref(), Some("sespa-plovdiv"));
        assert_eq!(bench.apply(&["ВН", "1"]).draft.destination, None);
        assert_eq!(bench.issues(), ["M006 Обект"]);
    }

    #[test]
    fn the_apostrophe_of_our_reports_is_taken_off_there_only() {
        let mapping = mapping("[fields]\nnotes = \"Бел\"\np_quantity = \"Бр\"\n");
        let mut ours = Bench::new(&mapping, &["rx_message", "Бел", "Бр", "rx_ref"]);
        assert_eq!(ours.apply(&["x", "'=сума", "'-5", "r"]).get("notes"), "=сума");
        assert_eq!(ours.apply(&["x", "'тук", "5", "r"]).get("notes"), "'тук");
        let mut other = Bench::new(&mapping, &["Бел", "Бр"]);
        assert_eq!(other.apply(&["'=сума", "'5"]).get("notes"), "'=сума");
        assert_eq!(other.get("p_quantity"), "5", "numbers kept as text bear an apostrophe");
    }

    #[test]
    fn a_code_that_ends_in_zeros_is_damaged_in_our_reports_only_where_they_said_so() {
        let mapping = mapping("[fields]\np_batch_no = \"Партида\"\n");
        let mut bench = Bench::new(&mapping, &["rx_codes", "Партида", "rx_ref"]);
        let code = "1234567890123400";
        for (codes, wanted) in
            [("M014", true), ("V003", false), ("V003;M014", true), ("", false), ("M014", true)]
        {
            let issues = bench.apply(&[codes, code, "r"]).issues();
            assert_eq!(issues.first().is_some_and(|issue| issue == "M014 Партида"), wanted, "{codes}");
        }
        assert!(bench.apply(&["V003", "2026-03-12", "r"]).issues().is_empty());
        assert_eq!(bench.apply(&["M015", "2026-03-12", "r"]).issues(), ["M015 Партида"]);
        let mut bare = Bench::new(&mapping, &["Партида", "rx_ref"]);
        assert_eq!(
            bare.apply(&[code, "r"]).issues(),
            ["M014 Партида"],
            "nothing says what it was refused for"
        );
    }

    #[test]
    fn zeros_in_front_are_a_habit_of_the_column_that_a_field_is_made_of() {
        let mapping = mapping(
            "[fields]\np_batch_no = { column = \"Партида\", default = \"X1\" }\n\n[[rule]]\n\
             when = [{ column = \"Вид\", is = \"проба\" }]\nfields = { p_batch_no = \"Друга\" }\n",
        );
        let mut bench = Bench::new(&mapping, &["Партида", "Вид", "Друга"]);
        bench.bound.padded = vec![(0, 5)];
        let mut digits = |cells: &[&str]| bench.apply(cells).draft.padded_to(7);
        assert_eq!(digits(&["123", "приход", "9"]), Some(5));
        assert_eq!(digits(&["123", "проба", "9"]), None, "of another column");
        assert_eq!(digits(&[" ", "приход", "9"]), None, "the mapping's own");
    }

    #[test]
    fn cells_of_workbooks() {
        let mapping = mapping(
            "table = { decimal = \",\" }\n[fields]\np_report_date = { column = \"Дата\", format = \"%d.%m.%Y\" }\n\
             p_quantity = \"Бр\"\np_batch_no = \"Партида\"\np_trn_type = { column = \"Вид\", values = { \"1\" = 3 } }\n",
        );
        let mut bench = Bench::new(&mapping, &["Дата", "Бр", "Партида", "Вид"]);
        let row = typed_row(&[
            ("2026-11-20 08:30:00", CellKind::Date),
            ("1500", CellKind::Number),
            ("000123", CellKind::Number),
            ("1", CellKind::Number),
        ]);
        bench.apply_row(&row);
        assert_eq!(bench.get("p_report_date"), "2026-11-20 08:30:00");
        assert_eq!((bench.get("p_batch_no").as_str(), bench.get("p_trn_type").as_str()), ("000123", "3"));
        let row = typed_row(&[
            ("46349", CellKind::Number),
            ("1.5", CellKind::Number),
            ("2026-03-01", CellKind::Date),
            ("#N/A", CellKind::Error),
        ]);
        assert_eq!(bench.apply_row(&row).issues(), ["M021 Дата", "M012 Бр", "M017 Вид", "M015 Партида"]);
    }

    #[test]
    fn a_number_among_codes_is_taken_and_told() {
        let mapping = mapping("[fields]\np_batch_no = \"Партида\"\n");
        let mut bench = Bench::new(&mapping, &["Партида"]);
        let code = typed_row(&[("L24A", CellKind::Text)]);
        let number = typed_row(&[("123", CellKind::Number)]);
        bench.apply_row(&number);
        assert!(bench.issues().is_empty(), "nothing is known of the column");
        let mut bench = Bench::new(&mapping, &["Партида"]);
        let mut first = Block::default();
        for row in [&code, &code, &code, &number] {
            first.push_copy(row);
        }
        bench.bound.look_at(&mut first);
        assert_eq!(bench.apply_row(&number).issues(), ["W205 Партида"]);
        assert_eq!(bench.get("p_batch_no"), "123");
        assert!(bench.apply(&["123"]).issues().is_empty(), "a text is as it was typed");
    }

    #[test]
    fn nothing_is_left_of_any_kind_of_blank() {
        for text in [
            "",
            " ",
            "a",
            "ab",
            "Я",
            "я ",
            " я",
            "\u{a0}я\u{a0}",
            "аб\u{2003}",
            "\u{2003}a",
            "№\u{a0}",
            "я\t",
        ] {
            assert_eq!(trimmed(text), text.trim(), "{text:?}");
        }
    }

    #[test]
    fn short_rows_are_empty_at_the_end_and_every_issue_is_told() {
        let mapping = mapping("[fields]\np_quantity = \"A\"\np_batch_no = \"B\"\np_report_date = \"C\"\n");
        let mut bench = Bench::new(&mapping, &["а1", "б1", "в1"]);
        assert!(bench.apply(&[]).issues().is_empty());
        assert_eq!(bench.apply(&["x", "5,1E+12", "31.02.2026"]).issues(), ["M020 в1", "M010 а1", "M014 б1"]);
    }

    proptest::proptest! {
        #[test]
        fn no_cells_make_it_panic(cells in proptest::collection::vec(".{0,12}", 0..6)) {
            let mapping = mapping(
                "table = { fill_down = [\"A\"] }\nkey = { columns = [\"A\", \"B\"] }\n[fields]\np_quantity = { column = \"A\", take = \"(.)$\", negate = true }\n\
                 notes = { template = \"{A}{B}\" }\np_report_date = \"C\"\n\
                 [[rule]]\nwhen = [{ field = \"p_quantity\", above = 5 }, { column = \"B\", starts = \"1\" }]\nreport = false\nreason = \"r\"\n",
            );
            let mut bench = Bench::new(&mapping, &["x", "y", "z"]);
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            bench.apply(&cells);
        }
    }
}
