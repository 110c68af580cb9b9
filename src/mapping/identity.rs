//! What a mapping's rows are told apart by. A mapping may be mended, but not so that rows which were reported look
//! new under it.
//!
//! With a key these are its columns. Without one a row is known by the fields that are made of it, so also how they
//! are made counts: what a text stands for may not change, but other texts and formats may come behind those that are
//! there, as the rows they are for could not be reported before; and other columns where no row goes without the field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::proof::{Decided, How, Order, Said};
use super::{ConditionPlan, FieldPlan, Mapping, Piece, Report, RulePlan, Source, Subject, TableSettings};
use crate::model::{Schema, TypeSpec, hash, names};

/// Digits of a hash that stand for a text here.
const SHORT: usize = 12;

/// What rows are told apart by; kept with what was reported under it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The columns of the key, or without one the fields.
    by: String,
    /// How each of the fields is made; nothing where there is a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    made: BTreeMap<String, Made>,
    /// The encoding that the mapping states: another one makes other texts of the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    /// The encodings in which files were read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    read_as: BTreeSet<String>,
    /// Without a key, each column of a field that could be read in two ways: how it was read, and whether a person's
    /// word decided that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    decided: BTreeMap<String, BTreeMap<String, bool>>,
}

/// How a field is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    /// A hash over what must stay.
    how: String,
    /// Columns in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// Formats of dates in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    formats: Vec<String>,
    /// Texts of `values` and of the list, and what they stand for, both as short hashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stand_for: BTreeMap<String, String>,
}

impl Identity {
    /// As the ledger kept it. What an earlier version wrote names only what rows are told apart by.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self { by: text.to_owned(), ..Self::default() })
    }

    /// Whether a row that was reported under the former one can't look new.
    pub fn knows_all_of(&self, former: &Self) -> bool {
        let keeps =
            |(field, former): (&String, &Made)| self.made.get(field).is_some_and(|made| made.keeps(former));
        self.by == former.by
            && former.made.iter().all(keeps)
            && self.reads_as(former)
            && self.decided.iter().all(|(column, now)| {
                former.decided.get(column).is_none_or(|before| is_no_contradiction(now, before))
            })
    }

    /// Whether the same bytes are the same texts, as far as the mapping decides it: an encoding may be stated where all
    /// files were read in it before, or no longer where it is found all the same. What files are that were always read
    /// by a guess is not held against them.
    fn reads_as(&self, former: &Self) -> bool {
        if self.read_as.is_empty() || former.read_as.is_empty() {
            return true;
        }
        match (&self.encoding, &former.encoding) {
            (Some(_), _) => former.read_as.is_subset(&self.read_as),
            (None, Some(_)) => self.read_as.is_subset(&former.read_as),
            (None, None) => true,
        }
    }

    /// This one, with what the former one knew besides.
    #[must_use]
    pub fn and(mut self, former: &Self) -> Self {
        // Whether it was ever stated, also where a workbook comes after it was taken away.
        let of_texts = |one: &Self| one.encoding.clone().filter(|_| !one.read_as.is_empty());
        self.encoding = of_texts(former).or_else(|| of_texts(&self));
        self.read_as.extend(former.read_as.iter().cloned());
        for (column, before) in &former.decided {
            let now = self.decided.entry(column.clone()).or_default();
            for (how, by_word) in before {
                *now.entry(how.clone()).or_default() |= by_word;
            }
        }
        for (field, made) in &mut self.made {
            let known = former.made.get(field).into_iter().flat_map(|former| &former.stand_for);
            known.for_each(|(text, value)| {
                made.stand_for.entry(text.clone()).or_insert_with(|| value.clone());
            });
        }
        self
    }
}

/// Rows prove how a file is written, and files may differ. A person's word that says otherwise than anything was read
/// before, or that what is read now gainsays, was wrong about one of them.
fn is_no_contradiction(now: &BTreeMap<String, bool>, before: &BTreeMap<String, bool>) -> bool {
    let by_word = before.values().any(|by_word| *by_word);
    now.iter().all(|(how, word)| {
        if *word { before.keys().all(|known| known == how) } else { !by_word || before.contains_key(how) }
    })
}

impl Made {
    fn keeps(&self, former: &Self) -> bool {
        let stands = |(text, value)| self.stand_for.get(text).is_none_or(|now| now == value);
        self.how == former.how
            && self.columns.starts_with(&former.columns)
            && self.formats.starts_with(&former.formats)
            && former.stand_for.iter().all(stands)
    }
}

impl Mapping {
    /// What its rows are told apart by under a system's schema.
    pub fn identity(&self, schema: &Schema) -> Identity {
        let encoding = self.table.encoding.as_ref().map(|name| name.to_lowercase());
        Identity { encoding, ..self.told_apart(schema) }
    }

    /// The same of one file: read in an encoding, which a workbook has none of, and with what was decided about it.
    pub fn identity_of(&self, schema: &Schema, encoding: Option<&str>, decided: &Decided) -> Identity {
        let mut identity = self.identity(schema);
        identity.read_as.extend(encoding.map(str::to_owned));
        if self.key.is_some() {
            return identity;
        }
        let identifies = |plan: &&FieldPlan| {
            schema.fields.iter().any(|field| field.identifies && field.name == plan.field)
        };
        for plan in
            self.fields.iter().chain(self.rules.iter().flat_map(|rule| &rule.fields)).filter(identifies)
        {
            for column in plan.columns().into_iter().map(names::fold) {
                let of_it = |said: &&Said| names::fold(&said.column) == column;
                let said = decided.said().iter().filter(of_it).map(|said| (said.how, said.by_word));
                for (how, by_word) in said.chain(self.stated(plan).map(|how| (how, false))) {
                    let known = identity.decided.entry(format!("{} {column}", how.about())).or_default();
                    *known.entry(how.told()).or_default() |= by_word;
                }
            }
        }
        identity
    }

    /// What the mapping states where else rows or a person decide.
    fn stated(&self, plan: &FieldPlan) -> impl Iterator<Item = How> {
        let order = plan.formats.iter().find_map(|format| Order::of_form(format.text())).map(How::Order);
        self.table.decimal.map(How::Mark).into_iter().chain(order)
    }

    fn told_apart(&self, schema: &Schema) -> Identity {
        if let Some(key) = &self.key {
            let columns = if key.formerly.is_empty() { &key.columns } else { &key.formerly };
            let columns: Vec<String> = columns.iter().map(|column| names::fold(column)).collect();
            return Identity { by: format!("key:{}", columns.join("\u{1f}")), ..Identity::default() };
        }
        let fields = schema.fields.iter().filter(|field| field.identifies).map(|field| field.name.as_str());
        let fields: Vec<&str> = fields.filter(|field| self.makes(field)).collect();
        let plans = self.fields.iter().filter(|plan| fields.contains(&plan.field.as_str()));
        let mut made: BTreeMap<String, Made> =
            plans.map(|plan| (plan.field.clone(), plan.made(is_needed(schema, plan)))).collect();
        made.extend(self.table.made());
        let rules: Vec<String> = self.rules.iter().filter_map(|rule| rule.told(&fields)).collect();
        if !rules.is_empty() {
            made.insert("[[rule]]".to_owned(), Made { how: short(&rules.join("\n")), ..Made::default() });
        }
        Identity { by: format!("fields:{}", fields.join("\u{1f}")), made, ..Identity::default() }
    }
}

/// Whether no row could be reported in which the field found none of its columns.
fn is_needed(schema: &Schema, plan: &FieldPlan) -> bool {
    let Some(field) = schema.fields.iter().position(|field| field.name == plan.field) else { return false };
    let needed = |one: &TypeSpec| one.required.contains(field) || !one.allowed.contains(field);
    plan.default.is_none() && schema.types.iter().all(needed)
}

impl How {
    fn about(self) -> &'static str {
        match self {
            Self::Mark(_) => "mark",
            Self::Order(_) => "order",
        }
    }

    fn told(self) -> String {
        match self {
            Self::Mark(mark) => mark.to_string(),
            Self::Order(order) => format!("{order:?}"),
        }
    }
}

impl TableSettings {
    /// What makes other figures, and other texts, of the same cells. A mark may come to it where none was stated, but
    /// not another one.
    fn made(&self) -> BTreeMap<String, Made> {
        let mark = |mark: Option<char>| mark.map(|mark| mark.to_string()).into_iter().collect();
        let down = self.fill_down.iter().map(|column| names::fold(column)).collect::<Vec<_>>().join("\u{1f}");
        let of_columns = |columns| Made { columns, ..Made::default() };
        BTreeMap::from([
            ("decimal".to_owned(), of_columns(mark(self.decimal))),
            ("thousands".to_owned(), of_columns(mark(self.thousands))),
            ("fill_down".to_owned(), Made { how: down, ..Made::default() }),
        ])
    }
}

impl FieldPlan {
    /// Where the field is `needed`, columns may come behind those that are there.
    fn made(&self, needed: bool) -> Made {
        let columns: Vec<String> = match &self.source {
            Source::Columns(columns) => columns.iter().map(|column| names::fold(column)).collect(),
            Source::Value(_) | Source::Template(_) => Vec::new(),
        };
        let formats = self.formats.iter().map(|format| format.text().to_owned()).collect();
        let exactly = if needed { String::new() } else { format!("; {columns:?}") };
        let how = short(&format!("{}{exactly}", self.how()));
        Made { how, columns, formats, stand_for: self.stand_for() }
    }

    /// As cells are looked up: whatever case and alphabet a text is written in.
    fn stand_for(&self) -> BTreeMap<String, String> {
        let mut texts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let lists = [self.values.as_deref(), self.lookup.as_ref().map(|lookup| &*lookup.list)];
        for (which, list) in lists.into_iter().enumerate() {
            for (text, value) in list.into_iter().flat_map(super::wording::Wording::entries) {
                texts.entry(format!("{which} {}", names::fold(text))).or_default().insert(value);
            }
        }
        texts.iter().map(|(text, values)| (short(text), short(&format!("{values:?}")))).collect()
    }

    fn how(&self) -> String {
        let source = match &self.source {
            Source::Columns(_) => "columns".to_owned(),
            Source::Value(value) => format!("value {value:?}"),
            Source::Template(pieces) => pieces.iter().fold("template".to_owned(), |mut text, piece| {
                let _ = match piece {
                    Piece::Text(part) => write!(text, " {part:?}"),
                    Piece::Column(name) => write!(text, " column {:?}", names::fold(name)),
                };
                text
            }),
        };
        let take = self.take.as_ref().map(regex::Regex::as_str);
        let and = self.lookup.as_ref().map(|lookup| lookup.and.iter().map(|name| names::fold(name)));
        let and: Option<Vec<String>> = and.map(Iterator::collect);
        let (values, negate, default) = (self.values.is_some(), self.negate, &self.default);
        format!("{source}; {take:?} {values} {and:?} {negate} {default:?}")
    }
}

impl RulePlan {
    /// What it does to fields that identify; none where it leaves them alone.
    fn told(&self, fields: &[&str]) -> Option<String> {
        let touched = self.fields.iter().filter(|plan| fields.contains(&plan.field.as_str()));
        let touched: Vec<String> =
            touched.map(|plan| format!("{}: {} {:?}", plan.field, plan.how(), plan.made(false))).collect();
        if touched.is_empty() {
            return None;
        }
        let when: Vec<String> = self.when.iter().map(ConditionPlan::told).collect();
        let reports = !matches!(self.report, Some(Report::No(_)));
        Some(format!("{} {reports} {}", when.join(" and "), touched.join(" ")))
    }
}

impl ConditionPlan {
    fn told(&self) -> String {
        let subject = match &self.subject {
            Subject::Column(name) => format!("column {:?}", names::fold(name)),
            Subject::Field(name) => format!("field {name:?}"),
        };
        format!("{subject} {}", self.test.told())
    }
}

fn short(text: &str) -> String {
    hash::sha256(text.as_bytes()).chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{mapping_with, schema};
    use super::*;

    const FIELDS: &str = r#"
[fields]
p_trn_type    = { column = "Вид", values = { "приход" = 1, "брак" = 25 } }
p_report_date = { column = "Дата", format = "%d.%m.%Y" }
p_batch_no    = { column = "Партида/Годност", take = "^([^/]+)" }
p_postcode    = { column = "Склад", lookup = "list.csv", from = "code", to = "postcode" }
p_drug_code   = { column = "Код", default = "" }
p_quantity    = "Колич"
notes         = { template = "{Бележка} док. {Док}" }

[[rule]]
when   = [{ column = "Вид", is = ["приход", "друг"] }]
fields = { p_quantity = { column = "Колич", negate = true } }

[[rule]]
when   = [{ column = "Група", is = ["Козметика"] }]
report = false
reason = "не е в ПЛС"
"#;
    const LIST: &str = "code,postcode\nС1,1532\nС2,4000\n";

    /// What rows are told apart by where notes do not count, as for the real system.
    fn of(fields: &str, list: &str) -> Identity {
        let mut schema = schema();
        for field in schema.fields.iter_mut().filter(|field| field.name == "notes") {
            field.identifies = false;
        }
        mapping_with(fields, &[("list.csv", list)]).identity(&schema)
    }

    #[test]
    fn what_comes_behind_makes_no_reported_row_look_new() {
        let former = of(FIELDS, LIST);
        for (from, to) in [
            ("\"брак\" = 25", "\"брак\" = 25, \"аптека\" = 3"),
            ("\"брак\" = 25", "\"бракуване\" = 25"),
            ("p_quantity    = \"Колич\"", "p_quantity    = { column = [\"Колич\", \"Количество\"] }"),
            ("format = \"%d.%m.%Y\"", "format = [\"%d.%m.%Y\", \"%Y%m%d\"]"),
            ("док. {Док}", "ред {Ред}"),
            ("is = [\"Козметика\"]", "is = [\"Козметика\", \"Храни\"]"),
            ("\"приход\", \"друг\"", "\"друг\", \"приход\""),
            ("\n[fields]", "\n[table]\ndecimal = \",\"\n[fields]"),
        ] {
            assert!(FIELDS.contains(from), "{from}");
            assert!(of(&FIELDS.replace(from, to), LIST).knows_all_of(&former), "{to}");
        }
        for list in ["code,postcode\nС1,1532\nС2,4000\nС3,9000\n", "code,postcode\nС2,4000\n"] {
            assert!(of(FIELDS, list).knows_all_of(&former), "{list}");
        }
    }

    #[test]
    fn a_field_that_is_made_otherwise_makes_reported_rows_look_new() {
        let former = of(FIELDS, LIST);
        for (from, to) in [
            ("\"брак\" = 25", "\"брак\" = 24"),
            ("\"приход\" = 1", "\"ПРИХОД\" = 37"),
            ("column = \"Код\"", "column = \"Код НСЦРЛП\""),
            ("column = \"Код\"", "column = [\"Код\", \"Код НСЦРЛП\"]"),
            ("\n[fields]", "\n[table]\nfill_down = [\"Вид\"]\n[fields]"),
            ("column = \"Код\"", "column = [\"Код НСЦРЛП\", \"Код\"]"),
            ("column = \"Код\", default = \"\"", "column = \"Код\""),
            ("format = \"%d.%m.%Y\"", "format = \"%m.%d.%Y\""),
            ("^([^/]+)", "([^/]+)$"),
            ("p_quantity    = \"Колич\"", "p_quantity    = { value = \"1\" }"),
            ("p_drug_code ", "p_drug_product_code "),
            ("\"приход\", \"друг\"", "\"приход\""),
            ("negate = true", "negate = false"),
        ] {
            assert!(FIELDS.contains(from), "{from}");
            assert!(!of(&FIELDS.replace(from, to), LIST).knows_all_of(&former), "{to}");
        }
        assert!(!of(FIELDS, "code,postcode\nС1,1000\nС2,4000\n").knows_all_of(&former));
    }

    #[test]
    fn another_decimal_mark_makes_other_figures_of_reported_cells() {
        let table =
            |marks: &str| of(&FIELDS.replace("\n[fields]", &format!("\n[table]\n{marks}\n[fields]")), LIST);
        let former = table("decimal = \",\"");
        assert!(former.knows_all_of(&former));
        assert!(!table("decimal = \".\"\nthousands = \",\"").knows_all_of(&former));
        assert!(!of(FIELDS, LIST).knows_all_of(&former), "it would be guessed anew");
    }

    #[test]
    fn another_encoding_makes_other_texts_of_reported_bytes() {
        let table = |encoding: &str| {
            let stated = format!("\n[table]\nencoding = \"{encoding}\"\n[fields]");
            of(&FIELDS.replace("\n[fields]", &stated), LIST)
        };
        let read = |mut identity: Identity, encoding: &str| {
            identity.read_as.insert(encoding.to_owned());
            identity
        };
        let guessed = |encoding| read(of(FIELDS, LIST), encoding);
        let stated = |encoding| read(table(encoding), encoding);
        assert!(guessed("utf-8").knows_all_of(&guessed("windows-1251")), "files come as they are");
        assert!(stated("windows-1251").knows_all_of(&guessed("windows-1251")), "what was guessed is stated");
        assert!(!stated("ibm866").knows_all_of(&guessed("windows-1251")));
        assert!(!stated("ibm866").knows_all_of(&stated("windows-1251")));
        assert!(!guessed("ibm866").knows_all_of(&stated("windows-1251")));
        assert!(of(FIELDS, LIST).knows_all_of(&stated("windows-1251")), "a workbook");
        let both = guessed("ibm866").and(&guessed("windows-1251"));
        assert!(!stated("windows-1251").knows_all_of(&both), "the others would be read otherwise");
        assert!(guessed("utf-8").knows_all_of(&both), "files come as they are");
        let workbook = table("ibm866").and(&guessed("windows-1251"));
        assert!(!stated("ibm866").knows_all_of(&workbook), "a workbook between them changes nothing");
        let workbook = of(FIELDS, LIST).and(&stated("windows-1251"));
        assert!(!guessed("ibm866").knows_all_of(&workbook));
    }

    #[test]
    fn a_person_s_word_is_not_contradicted() {
        let read = |how: &str, by_word| {
            let mut identity = of(FIELDS, LIST);
            let ways = BTreeMap::from([(how.to_owned(), by_word)]);
            identity.decided.insert("order дата".to_owned(), ways);
            identity
        };
        let (proven, said) = (|how| read(how, false), |how| read(how, true));
        assert!(proven("DayFirst").knows_all_of(&proven("MonthFirst")), "files differ");
        assert!(proven("DayFirst").knows_all_of(&said("DayFirst")));
        assert!(!proven("DayFirst").knows_all_of(&said("MonthFirst")));
        assert!(!said("DayFirst").knows_all_of(&proven("MonthFirst")));
        assert!(said("DayFirst").knows_all_of(&of(FIELDS, LIST)), "nothing was open before");
        let both = proven("DayFirst").and(&proven("MonthFirst"));
        assert!(!said("MonthFirst").knows_all_of(&both));
    }

    #[test]
    fn what_came_to_it_is_remembered() {
        let grown = FIELDS.replace("\"брак\" = 25", "\"брак\" = 25, \"аптека\" = 3");
        let kept = of(FIELDS, LIST).and(&of(&grown, LIST));
        assert!(of(&grown, LIST).knows_all_of(&kept));
        assert!(!of(&grown.replace("= 3", "= 25"), LIST).knows_all_of(&kept));
    }

    #[test]
    fn it_is_read_back_also_as_earlier_versions_wrote_it() {
        let identity = of(FIELDS, LIST);
        assert_eq!(Identity::read(&serde_json::to_string(&identity).unwrap()), identity);
        assert!(identity.knows_all_of(&Identity::read(&identity.by)));
        assert!(!identity.knows_all_of(&Identity::read("key:док\u{1f}ред")));
        assert!(!identity.knows_all_of(&Identity::read("fields:p_trn_type")));
    }

    #[test]
    fn with_a_key_only_its_columns_count() {
        let keyed = format!("{FIELDS}\n[key]\ncolumns = [\"Док\", \"Ред\"]\n");
        let changed = keyed.replace("\"брак\" = 25", "\"брак\" = 24");
        assert!(of(&changed, LIST).knows_all_of(&of(&keyed, LIST)));
        let renamed = keyed.replace("\"Ред\"]", "\"Line\"]\nformerly = [\"Док\", \"Ред\"]");
        assert!(of(&renamed, LIST).knows_all_of(&of(&keyed, LIST)));
        assert!(!of(&renamed.replace("formerly", "document"), LIST).knows_all_of(&of(&keyed, LIST)));
    }

    /// An encoding that was stated only while workbooks came read nothing.
    #[test]
    fn an_encoding_that_read_nothing_holds_nothing() {
        let stated = FIELDS.replace("\n[fields]", "\n[table]\nencoding = \"windows-1251\"\n[fields]");
        let guessed = |encoding: &str| {
            let mut identity = of(FIELDS, LIST);
            identity.read_as.insert(encoding.to_owned());
            identity
        };
        let workbook = of(&stated, LIST);
        assert!(guessed("utf-8").knows_all_of(&workbook));
        let then = guessed("utf-8").and(&workbook);
        assert!(
            guessed("windows-1251").knows_all_of(&then),
            "files come as they are: no text was ever read as stated"
        );
    }
}
