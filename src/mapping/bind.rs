//! Names of columns and fields become places, once per file.

use std::sync::Arc;

use compact_str::CompactString;

use super::columns::{Columns, Found, W201};
use super::condition::Test;
use super::habit::Habit;
use super::lookup::List;
use super::memo::Memo;
use super::number::Marks;
use super::proof::Decided;
use super::typed::{Origin, Typing};
use super::wording::Wording;
use super::{
    FieldPlan, Key, LookupPlan, Mapping, Piece, Repaired, Report, RulePlan, Source, Subject, Target,
};
use crate::model::{CodeInfo, FieldSet, Issue, Kind, Schema, Value, Who, Words};
use crate::table::{Block, CellKind, DayCount, Header, Row};

/// A field of the mapping that the destination does not know.
pub(super) static M007: CodeInfo = CodeInfo {
    code: "M007",
    who: Who::Integrator,
    bg: Words {
        message: "настройката за този вид файл подава полето {0}, което системата не познава; трябва да я поправи внедрителят на програмата",
        why: "Каталогът на системата или мястото на подаване са сменени, след като настройката е била проверена.",
        example: "p_batch_number",
        repair: "Поправете името на полето в настройката или върнете каталога, с който тя е писана.",
    },
    en: Words {
        message: "the mapping makes the field {0}, which the system does not know; its author must correct it",
        why: "The system's catalogue or the destination was changed after the mapping had been checked.",
        example: "p_batch_number",
        repair: "Correct the field's name in the mapping, or restore the catalogue it was written for.",
    },
};

/// A mapping bound to one file: every name is a place. Rows are applied in order, since empty cells may
/// take the one above.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Every way to make a field; those of rules after those of `[fields]`.
    pub(super) plans: Vec<Plan>,
    /// By field of the schema: the plan of `[fields]`.
    pub(super) base: Vec<Option<usize>>,
    /// By field of the schema: the plan for the row at hand.
    pub(super) active: Vec<Option<usize>>,
    /// Whether a rule has put a plan of its own there.
    pub(super) overruled: bool,
    pub(super) rules: Vec<Rule>,
    pub(super) target: TargetPlan,
    pub(super) key: Vec<Slot>,
    pub(super) document: Vec<Slot>,
    pub(super) fills: Vec<Fill>,
    pub(super) marks: Marks,
    /// Plans whose codes have zeros in front in this file, and of how many digits they are.
    pub(super) padded: Vec<(usize, usize)>,
    /// Our reports put `'` before what a spreadsheet would take for a formula.
    pub(super) guarded: bool,
    notes: Vec<Issue>,
    rx_ref: Option<usize>,
    /// Where a report of ours says what was wrong with a row.
    pub(super) rx_codes: Option<usize>,
    repaired: Repaired,
    /// Of the fields it was bound to.
    kinds: Vec<Kind>,
    /// Fields of which nothing more than the kind is to be looked at; see [`Draft::vouched`](super::Draft).
    pub(super) vouched: FieldSet,
}

/// A column of the file.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) index: usize,
    /// Its place among the columns whose empty cells take the one above.
    pub(super) fill: Option<usize>,
    pub(super) label: Arc<str>,
}

/// The last filled cell of a column.
#[derive(Debug, Clone)]
pub(super) struct Fill {
    pub(super) index: usize,
    pub(super) text: String,
    pub(super) kind: CellKind,
}

/// How one field is made of a row.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) field: usize,
    pub(super) source: Made,
    pub(super) take: Option<regex::Regex>,
    pub(super) values: Option<Values>,
    pub(super) lookup: Option<(Arc<List>, Vec<Slot>)>,
    pub(super) negate: bool,
    /// The mapping says what is meant where nothing was left.
    pub(super) optional: bool,
    /// The value where nothing was left.
    pub(super) default: Option<Value>,
    pub(super) typing: Typing,
    /// The field is made of one cell alone, as it stands.
    pub(super) direct: bool,
    /// What cells met so far came to, where the field is made so directly; nothing where they are blank.
    pub(super) memo: Memo<Option<Value>>,
}

/// What a field's texts stand for.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) wording: Arc<Wording<CompactString>>,
    /// What texts met so far stand for.
    pub(super) texts: Memo<Option<CompactString>>,
}

/// Where a field's text comes from.
#[derive(Debug, Clone)]
pub(super) enum Made {
    Value(String, Option<Value>),
    Template(Vec<Part>),
    Columns(Vec<Slot>),
}

/// A part of a template.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Column(Slot),
}

/// A rule of the mapping.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) when: Vec<Condition>,
    pub(super) fields: Vec<(usize, usize)>,
    pub(super) report: Option<Report>,
}

/// One condition of a rule.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) subject: SubjectPlace,
    pub(super) test: Test,
    /// Marks of a column's numbers.
    pub(super) marks: Marks,
    /// What the test said of texts met so far.
    pub(super) memo: Memo<bool>,
}

/// What a condition looks at.
#[derive(Debug, Clone)]
pub(super) enum SubjectPlace {
    Column(Slot),
    Field(usize),
}

/// Where rows go.
#[derive(Debug, Clone)]
pub(super) enum TargetPlan {
    Section(Arc<str>),
    Column(Slot, Wording<Arc<str>>, Memo<Option<Arc<str>>>),
}

impl Mapping {
    /// Finds every column and field it names.
    ///
    /// # Errors
    /// Issues of the whole file: columns that are missing or stand twice, fields the system lacks.
    pub fn bind(&self, headers: &[Header], schema: &Schema) -> Result<Bound, Vec<Issue>> {
        self.bind_decided(headers, schema, &Decided::default())
    }

    /// The same, with what the file's columns proved about themselves.
    ///
    /// # Errors
    /// As [`Mapping::bind`].
    pub fn bind_decided(
        &self,
        headers: &[Header],
        schema: &Schema,
        decided: &Decided,
    ) -> Result<Bound, Vec<Issue>> {
        let columns = Columns::of(headers);
        let (rx_ref, rx_codes) = (columns.rx_ref(), columns.rx_codes());
        let marks = Marks { decimal: self.table.decimal, thousands: self.table.thousands };
        let mut binder = Binder {
            columns,
            schema,
            marks,
            decided,
            own_report: rx_ref.is_some(),
            fills: Vec::new(),
            plans: Vec::new(),
            notes: Vec::new(),
            issues: Vec::new(),
        };
        binder.fills(&self.table.fill_down);
        let base = binder.base(&self.fields);
        let rules = self.rules.iter().map(|rule| binder.rule(rule)).collect();
        let target = binder.target(&self.destination);
        let (key, document) = binder.key(self.key.as_ref());
        match target {
            Some(target) if binder.issues.is_empty() => Ok(Bound {
                plans: binder.plans,
                active: base.clone(),
                overruled: false,
                base,
                rules,
                target,
                key,
                document,
                fills: binder.fills,
                marks,
                padded: Vec::new(),
                guarded: rx_ref.is_some(),
                notes: binder.notes,
                kinds: schema.fields.iter().map(|field| field.kind).collect(),
                vouched: FieldSet::of(schema.fields.iter().map(|field| field.kind != Kind::Text)),
                rx_ref,
                rx_codes,
                repaired: self.table.repaired,
            }),
            _ => Err(binder.issues),
        }
    }
}

impl Bound {
    /// What the receipt should say of the headers, such as look-alike letters.
    pub fn notes(&self) -> &[Issue] {
        &self.notes
    }

    /// The place of the column `rx_ref`, if the file is a report of ours.
    pub fn rx_ref(&self) -> Option<usize> {
        self.rx_ref
    }

    /// What becomes of damaged rows that were put in order.
    pub fn repaired(&self) -> Repaired {
        self.repaired
    }

    /// Places of the columns whose empty cells take the one above.
    pub fn filled_columns(&self) -> Vec<usize> {
        self.fills.iter().map(|fill| fill.index).collect()
    }

    /// The same for a workbook that counts its days so.
    #[must_use]
    pub fn counting(mut self, day_count: Option<DayCount>) -> Self {
        self.plans.iter_mut().for_each(|plan| plan.typing.day_count = day_count);
        self
    }

    /// Whether a field is made of this file: of a column that it has, or of what the mapping says in its place. A
    /// default alone tells nothing of the file.
    pub fn reads(&self, field: usize) -> bool {
        let lacks = |plan: &Plan| matches!(&plan.source, Made::Columns(slots) if slots.is_empty());
        self.plans.iter().any(|plan| plan.field == field && !lacks(plan))
    }

    /// The same for whoever asks for no key and no document: making them of every row takes its time.
    #[must_use]
    pub fn without_keys(self) -> Self {
        Self { key: Vec::new(), document: Vec::new(), ..self }
    }

    /// Looks at the first rows of the file for how its codes are written.
    pub fn look_at(&mut self, first: &mut Block) {
        for plan in &mut self.plans {
            if let (Made::Columns(slots), true) = (&plan.source, plan.is_code())
                && let [slot] = slots.as_slice()
            {
                let mut habit = Habit::default();
                first.for_each(&mut Row::new(), |row| habit.look_at(row, slot.index));
                plan.typing.habit = Some(Arc::new(habit));
            }
        }
        let digits = |plan: &Plan| plan.typing.habit.as_ref()?.padded_to();
        let plans = self.plans.iter().enumerate();
        self.padded = plans.filter_map(|(at, plan)| Some((at, digits(plan)?))).collect();
    }

    /// Whether the fields of a schema are of the kinds that values are made under here.
    pub fn has_kinds_of(&self, schema: &Schema) -> bool {
        self.kinds.iter().eq(schema.fields.iter().map(|field| &field.kind))
    }

    /// The fields the mapping makes, in `[fields]` or by a rule.
    pub fn mapped(&self) -> FieldSet {
        self.plans.iter().map(|plan| plan.field).collect()
    }
}

impl Plan {
    /// Whether the field is a code that stands in its column as it is.
    fn is_code(&self) -> bool {
        self.direct && self.values.is_none() && self.typing.kind == Kind::Identifier
    }
}

struct Binder<'a> {
    columns: Columns<'a>,
    schema: &'a Schema,
    marks: Marks,
    decided: &'a Decided,
    own_report: bool,
    fills: Vec<Fill>,
    plans: Vec<Plan>,
    notes: Vec<Issue>,
    issues: Vec<Issue>,
}

impl Binder<'_> {
    fn fills(&mut self, names: &[String]) {
        let slots: Vec<_> = names.iter().filter_map(|name| self.slot(name)).collect();
        let fill = |slot: Slot| Fill { index: slot.index, text: String::new(), kind: CellKind::Text };
        self.fills = slots.into_iter().map(fill).collect();
    }

    fn base(&mut self, fields: &[FieldPlan]) -> Vec<Option<usize>> {
        let mut base = vec![None; self.schema.fields.len()];
        for (field, plan) in self.all(fields) {
            if let Some(place) = base.get_mut(field) {
                *place = Some(plan);
            }
        }
        base
    }

    /// Binds fields; gives pairs of field and plan.
    fn all(&mut self, fields: &[FieldPlan]) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for plan in fields.iter().filter_map(|field| self.plan(field)).collect::<Vec<_>>() {
            pairs.push((plan.field, self.plans.len()));
            self.plans.push(plan);
        }
        pairs
    }

    fn plan(&mut self, plan: &FieldPlan) -> Option<Plan> {
        let field = self.field(&plan.field)?;
        let kind = self.schema.fields.get(field)?.kind;
        let typing = self.typing(kind, plan);
        // Checked when the mapping was loaded; a catalogue exchanged since then is told as a field it lacks.
        let constant = |text: &str| typing.value(text, Origin::Constant).ok().filter(|_| !text.is_empty());
        let optional = plan.default.is_some();
        let default = plan.default.as_deref().and_then(constant);
        let source = match &plan.source {
            Source::Value(text) => Made::Value(text.clone(), constant(text)),
            Source::Template(pieces) => Made::Template(self.parts(pieces, optional)),
            Source::Columns(names) => Made::Columns(self.first_of(names, optional)),
        };
        let lookup = plan.lookup.as_ref().map(|lookup| self.lookup(lookup));
        let values =
            plan.values.as_ref().map(|wording| Values { wording: Arc::clone(wording), texts: Memo::new() });
        let direct = plan.take.is_none() && lookup.is_none() && !plan.negate;
        Some(Plan {
            field,
            source,
            take: plan.take.clone(),
            values,
            lookup,
            negate: plan.negate,
            optional,
            default,
            typing,
            direct,
            memo: Memo::new(),
        })
    }

    /// How the field's texts become values: as the mapping says, else as its column proves. Of several columns all
    /// must have proved the same.
    fn typing(&self, kind: Kind, plan: &FieldPlan) -> Typing {
        let common = plan.formats.is_empty();
        let columns = if plan.is_plain() { plan.columns() } else { Vec::new() };
        let places: Vec<usize> = columns
            .into_iter()
            .filter_map(|name| match self.columns.find(name) {
                Found::Column { index, .. } => Some(index),
                Found::Missing | Found::Several(_) => None,
            })
            .collect();
        let first = places.first().copied();
        let alike = |column: &usize| first.is_some_and(|first| self.decided.alike(first, *column));
        let decided = first.filter(|_| places.iter().all(alike));
        let marks = decided.and_then(|column| self.decided.marks(column)).unwrap_or(self.marks);
        let unclear = first.filter(|_| common).and_then(|column| self.decided.unclear(column));
        let proven = decided.filter(|_| common).and_then(|column| self.decided.formats(column));
        let formats = proven.unwrap_or_else(|| Arc::clone(&plan.formats));
        Typing {
            kind,
            marks,
            formats,
            common,
            unclear,
            habit: None,
            zone: self.schema.zone,
            day_count: None,
            own_report: self.own_report,
        }
    }

    fn field(&mut self, name: &str) -> Option<usize> {
        let field = self.schema.field(name);
        if field.is_none() {
            self.add(Issue::new(&M007).arg(name));
        }
        field
    }

    fn parts(&mut self, pieces: &[Piece], optional: bool) -> Vec<Part> {
        let part = |piece: &Piece| match piece {
            Piece::Text(text) => Some(Part::Text(text.clone())),
            Piece::Column(name) if optional => self.slot_if_there(name).map(Part::Column),
            Piece::Column(name) => self.slot(name).map(Part::Column),
        };
        pieces.iter().filter_map(part).collect()
    }

    /// The columns of a list that the file has; that it has none is an issue unless there is a default.
    fn first_of(&mut self, names: &[String], optional: bool) -> Vec<Slot> {
        let slots: Vec<_> = names.iter().filter_map(|name| self.slot_if_there(name)).collect();
        if let (true, false, Some(name)) = (slots.is_empty(), optional, names.first()) {
            self.slot(name);
        }
        slots
    }

    fn lookup(&mut self, lookup: &LookupPlan) -> (Arc<List>, Vec<Slot>) {
        (Arc::clone(&lookup.list), self.slots(&lookup.and))
    }

    fn rule(&mut self, rule: &RulePlan) -> Rule {
        let condition = |plan: &super::ConditionPlan| {
            let subject = match &plan.subject {
                Subject::Column(name) => SubjectPlace::Column(self.slot(name)?),
                Subject::Field(name) => SubjectPlace::Field(self.field(name)?),
            };
            let marks = match &subject {
                SubjectPlace::Column(slot) => self.decided.marks(slot.index).unwrap_or(self.marks),
                SubjectPlace::Field(_) => self.marks,
            };
            Some(Condition { subject, test: plan.test.clone(), marks, memo: Memo::new() })
        };
        let when = rule.when.iter().filter_map(condition).collect();
        Rule { when, fields: self.all(&rule.fields), report: rule.report.clone() }
    }

    fn target(&mut self, target: &Target) -> Option<TargetPlan> {
        match target {
            Target::Section(name) => Some(TargetPlan::Section(Arc::clone(name))),
            Target::Column { column, values } => {
                let mut wording = Wording::new();
                for (text, section) in values {
                    wording.insert(text, Arc::clone(section));
                }
                Some(TargetPlan::Column(self.slot(column)?, wording, Memo::new()))
            }
        }
    }

    fn key(&mut self, key: Option<&Key>) -> (Vec<Slot>, Vec<Slot>) {
        key.map_or_else(Default::default, |key| (self.slots(&key.columns), self.slots(&key.document)))
    }

    fn slots(&mut self, names: &[String]) -> Vec<Slot> {
        names.iter().filter_map(|name| self.slot(name)).collect()
    }

    /// A column that must be there.
    fn slot(&mut self, name: &str) -> Option<Slot> {
        let slot = self.slot_if_there(name);
        if slot.is_none() && self.columns.find(name) == Found::Missing {
            self.add(self.columns.issue(name, &Found::Missing));
        }
        slot
    }

    /// A column that may be missing; that it stands there twice is an issue all the same.
    fn slot_if_there(&mut self, name: &str) -> Option<Slot> {
        match self.columns.find(name) {
            Found::Column { index, label, look_alike } => {
                if look_alike {
                    self.note(name, &label);
                }
                let fill = self.fills.iter().position(|fill| fill.index == index);
                Some(Slot { index, fill, label })
            }
            Found::Missing => None,
            found @ Found::Several(_) => {
                self.add(self.columns.issue(name, &found));
                None
            }
        }
    }

    fn note(&mut self, name: &str, label: &Arc<str>) {
        let note = Issue::at(&W201, Some(Arc::clone(label))).arg(&**label).arg(name);
        if !self.notes.iter().any(|known| known.args == note.args) {
            self.notes.push(note);
        }
    }

    /// Adds an issue once, however many fields name the column.
    fn add(&mut self, issue: Issue) {
        let same = |known: &Issue| std::ptr::eq(known.code, issue.code) && known.args == issue.args;
        if !self.issues.iter().any(same) {
            self.issues.push(issue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::fixture::{codes, headers, mapping, schema};

    fn bind(mapping: &Mapping, names: &[&str]) -> Result<Bound, Vec<String>> {
        mapping.bind(&headers(names), &schema()).map_err(|issues| codes(&issues))
    }

    #[test]
    fn a_column_may_be_missing_only_where_something_stands_for_it() {
        let mapping = mapping(
            "[fields]\np_drug_code = { column = [\"НСЦРЛП\", \"NCPR\"] }\np_quantity = \"Бройки\"\nnotes = { column = \"Бел\", default = \"\" }\n",
        );
        assert!(bind(&mapping, &["ncpr", "Бройки"]).is_ok());
        assert_eq!(bind(&mapping, &["Бройки", "X"]).unwrap_err(), ["M001 НСЦРЛП|„Бройки“, „X“"]);
        assert_eq!(bind(&mapping, &[]).unwrap_err(), ["M001 НСЦРЛП|—", "M001 Бройки|—"]);
        assert_eq!(bind(&mapping, &["", ""]).unwrap_err(), ["M023 "], "one cause for all");
    }

    #[test]
    fn everything_a_mapping_names_must_be_there_and_is_told_once() {
        let mapping = mapping(
            "table = { fill_down = [\"Д\"] }\nkey = { columns = [\"Д\"], document = [\"Е\"] }\n\
             fields = { notes = { template = \"{Д} {Ж}\" } }\n[[rule]]\nreport = true\nwhen = [{ column = \"З\", is = \"x\" }]\n",
        );
        assert_eq!(bind(&mapping, &[]).unwrap_err(), ["M001 Д|—", "M001 Ж|—", "M001 З|—", "M001 Е|—"]);
    }

    #[test]
    fn equal_headers_are_an_issue_and_look_alikes_a_note() {
        let mapping =
            mapping("[fields]\np_batch_no = \"Серия\"\nnotes = { column = \"Серия\", default = \"\" }\n");
        assert_eq!(bind(&mapping, &["Серия", "Серия"]).unwrap_err(), ["M002 Серия|A, B"]);
        let bound = bind(&mapping, &["Cерия", "rx_ref"]).unwrap();
        assert_eq!(codes(bound.notes()), ["W201 Cерия|Серия"]);
        assert_eq!(bound.rx_ref(), Some(1));
        assert_eq!(bound.mapped().iter().collect::<Vec<_>>(), [7, 12]);
    }

    #[test]
    fn a_field_that_the_schema_lost_is_told() {
        let mapping = mapping("[fields]\np_batch_no = \"A\"\n");
        let mut smaller = schema();
        smaller.fields.truncate(3);
        let issues = mapping.bind(&headers(&["x"]), &smaller).unwrap_err();
        assert_eq!(codes(&issues), ["M007 p_batch_no"]);
        assert_eq!(issues[0].code.who, Who::Integrator);
    }
}
