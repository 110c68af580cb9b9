//! A mapping file as written: every key of the format once, with its place. Its JSON Schema comes from
//! the same structs.
//!
//! Read by an own walk over the parsed TOML and not by `serde`, which stops at the first mistake.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{At, Problems, hint};

/// How one kind of file becomes a system's transactions.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Mapping")]
pub(super) struct Document {
    /// Its name in receipts and, unless `[key] of` says otherwise, the scope of its keys.
    #[schemars(required)]
    pub(super) name: Option<At<String>>,
    /// Raised by its author with every change; shown in receipts.
    pub(super) version: Option<At<i64>>,
    /// The section of the configuration its rows go to.
    #[schemars(required)]
    pub(super) destination: Option<At<TargetForm>>,
    /// What is asked of the system; empty for its default.
    pub(super) operation: Option<At<String>>,
    /// Which files it is for. All that is said must hold.
    #[schemars(rename = "match")]
    pub(super) matching: Option<MatchForm>,
    /// How the file is read; what is left out is found out.
    pub(super) table: Option<TableForm>,
    /// What makes a row the same fact when it comes again.
    pub(super) key: Option<At<KeyForm>>,
    /// The system's fields and where their values come from.
    #[schemars(required)]
    pub(super) fields: Option<Named<At<FieldForm>>>,
    /// Exceptions, in order; later ones win field by field.
    pub(super) rule: Option<Vec<At<RuleForm>>>,
}

/// `destination`.
#[derive(Debug)]
pub(super) enum TargetForm {
    /// One section.
    Section(String),
    /// The section by a column's value.
    Column(TargetColumn),
}

/// The section by a column's value.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TargetColumn {
    /// The column.
    #[schemars(required)]
    pub(super) column: Option<At<String>>,
    /// Its values and their sections, all of one system.
    #[schemars(required)]
    pub(super) values: Option<Named<At<String>>>,
}

/// `[match]`.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct MatchForm {
    /// Names of files with `*` and `?`, without case and Unicode form.
    pub(super) files: Option<Many>,
    /// Columns that must be there.
    pub(super) headers: Option<Many>,
}

/// `[table]`.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TableForm {
    /// The encoding of text files, for example `windows-1251`.
    pub(super) encoding: Option<At<String>>,
    /// The one character between cells of text files.
    pub(super) delimiter: Option<At<String>>,
    /// The sheet of a workbook.
    pub(super) sheet: Option<At<String>>,
    /// Row of the header as Excel counts; 0 for none.
    pub(super) header: Option<At<i64>>,
    /// Rows whose first filled cell begins so are no data.
    pub(super) skip: Option<Many>,
    /// The decimal mark, `,` or `.`.
    pub(super) decimal: Option<At<String>>,
    /// A blank, or the one mark between thousands.
    pub(super) thousands: Option<At<String>>,
    /// Columns whose empty cells take the one above.
    pub(super) fill_down: Option<Many>,
    /// Damaged rows that were put in order: `hold` (they wait for a person's word) or `send`.
    #[schemars(extend("enum" = ["hold", "send"]))]
    pub(super) repaired: Option<At<String>>,
}

/// `[key]`.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct KeyForm {
    /// Columns that name the fact, compared as text.
    #[schemars(required)]
    pub(super) columns: Option<Many>,
    /// Columns that name the document: its rows stand or fall together where that is asked for.
    pub(super) document: Option<Many>,
    /// Fields whose change alone changes nothing.
    pub(super) ignore: Option<Many>,
    /// Scope of the key; default: the mapping's name.
    pub(super) of: Option<At<String>>,
    /// What `columns` were called when rows were first reported, in the same order: the same values under new names.
    pub(super) formerly: Option<Many>,
}

/// One field: the name of a column, or a table.
#[derive(Debug)]
pub(super) enum FieldForm {
    /// Short for `{ column = … }`.
    Column(At<String>),
    /// All keys.
    Table(Box<FieldTable>),
}

/// Where a field's value comes from, in this order: `value`, or `template`, or `column`; trimmed; `take`;
/// `values`; `lookup`; `negate`; `default`.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FieldTable {
    /// A constant.
    pub(super) value: Option<At<Scalar>>,
    /// Text with columns in braces.
    pub(super) template: Option<At<String>>,
    /// A column, or several of which the first with a filled cell counts.
    pub(super) column: Option<Many>,
    /// A regular expression whose first group is taken.
    pub(super) take: Option<At<String>>,
    /// The cell's values and what they stand for.
    pub(super) values: Option<Named<At<Scalar>>>,
    /// A list, as CSV or workbook, beside the mapping.
    pub(super) lookup: Option<At<String>>,
    /// More columns to look up by, after the field's own.
    pub(super) and: Option<Many>,
    /// The list's columns to compare with.
    pub(super) from: Option<Many>,
    /// The list's column to take.
    pub(super) to: Option<At<String>>,
    /// Turns the sign of a number.
    pub(super) negate: Option<At<bool>>,
    /// The value where all that left nothing.
    pub(super) default: Option<At<Scalar>>,
    /// Form of dates in text cells (strftime), one or several.
    pub(super) format: Option<Many>,
}

/// One `[[rule]]`.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RuleForm {
    /// All must hold.
    #[schemars(required)]
    pub(super) when: Option<Vec<At<ConditionForm>>>,
    /// Fields made another way.
    pub(super) fields: Option<Named<At<FieldForm>>>,
    /// `false`: the row is not reported.
    pub(super) report: Option<At<bool>>,
    /// Why it is not reported; the user reads it.
    pub(super) reason: Option<At<String>>,
}

/// One condition on a column or a field.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ConditionForm {
    /// The column looked at.
    pub(super) column: Option<At<String>>,
    /// The field looked at, as made so far.
    pub(super) field: Option<At<String>>,
    /// It is one of these.
    pub(super) is: Option<ManyScalars>,
    /// It is none of these.
    pub(super) not: Option<ManyScalars>,
    /// It begins with one of these.
    pub(super) starts: Option<ManyScalars>,
    /// It is empty, or is not.
    pub(super) empty: Option<At<bool>>,
    /// It is a number below this.
    pub(super) below: Option<At<Scalar>>,
    /// It is a number above this.
    pub(super) above: Option<At<Scalar>>,
}

impl Document {
    /// Reads a mapping's text; what is wrong with its form goes to `problems`.
    pub(super) fn read(text: &str, problems: &mut Problems) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What is missing or unknown in a text that could not be read whole says nothing.
            for error in errors {
                problems.add(&error.span().unwrap_or(0..0), error.message().trim());
            }
            return Self::default();
        }
        let mut keys = Keys::of_file(table.get_ref());
        let document = Self {
            name: keys.need("name", problems),
            version: keys.take("version", problems),
            destination: keys.need("destination", problems),
            operation: keys.take("operation", problems),
            matching: keys.take("match", problems),
            table: keys.take("table", problems),
            key: keys.take("key", problems),
            fields: keys.need("fields", problems),
            rule: keys.take("rule", problems),
        };
        keys.finish(problems);
        document
    }
}

/// The JSON Schema of mapping files (draft 2020-12), for completion in editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

/// A table under reading: every key that is asked for is known, all others are mistakes.
struct Keys<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// Of a whole file.
    fn of_file(table: &'a DeTable<'a>) -> Self {
        Self { table, span: 0..0, asked: Vec::new() }
    }

    /// Of a value that must be a table.
    fn of(key: &str, value: &'a Spanned<DeValue<'a>>, problems: &mut Problems) -> Option<Self> {
        Some(Self { table: table(key, value, problems)?, span: value.span(), asked: Vec::new() })
    }

    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of a key that must be there.
    fn need<T: Read>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T> {
        if !self.has(key) {
            problems.add(&self.span, format!("`{key}` is missing"));
        }
        self.take(key, problems)
    }

    fn take<T: Read>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T> {
        self.asked.push(key);
        T::read(key, self.table.get(key)?, problems)
    }

    fn finish(self, problems: &mut Problems) {
        for key in self.table.keys().filter(|key| !self.asked.contains(&key.get_ref().as_ref())) {
            let hint = hint(key.get_ref(), self.asked.iter().copied());
            problems.add(&key.span(), format!("unknown key `{}`; {hint}", key.get_ref()));
        }
    }
}

/// Something a TOML value can be read as.
trait Read: Sized {
    /// None after what is wrong was said.
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self>;
}

fn wrong(key: &str, wanted: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) {
    let found = value.get_ref().type_str();
    problems.add(&value.span(), format!("`{key}` must be {wanted}, this is a value of type {found}"));
}

impl Read for String {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        if let Some(text) = value.get_ref().as_str() {
            return Some(text.to_owned());
        }
        wrong(key, "text in quotes", value, problems);
        None
    }
}

impl Read for i64 {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| Self::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            wrong(key, "a whole number", value, problems);
        }
        number
    }
}

impl Read for bool {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            wrong(key, "`true` or `false`", value, problems);
        }
        truth
    }
}

/// A text, number or date, kept as text so that nothing of it is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar(pub(super) String);

impl Read for Scalar {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(Self(text.to_string())),
            DeValue::Integer(_) => i64::read(key, value, problems).map(|number| Self(number.to_string())),
            DeValue::Float(number) => Some(Self(number.as_str().to_owned())),
            DeValue::Datetime(at) => Some(Self(at.to_string())),
            DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
                wrong(key, "text, a number or a date", value, problems);
                None
            }
        }
    }
}

impl<T: Read> Read for At<T> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        Some(Self { value: T::read(key, value, problems)?, span: value.span() })
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let Some(items) = value.get_ref().as_array() else {
            wrong(key, "a list", value, problems);
            return None;
        };
        Some(items.iter().filter_map(|item| T::read(key, item, problems)).collect())
    }
}

/// One text or a list of texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Many(pub(super) Vec<At<String>>);

/// One value or a list of values.
#[derive(Debug, Clone, Default)]
pub(super) struct ManyScalars(pub(super) Vec<At<Scalar>>);

impl Read for Many {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        one_or_many(key, value, problems).map(Self)
    }
}

impl Read for ManyScalars {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        one_or_many(key, value, problems).map(Self)
    }
}

fn one_or_many<T: Read>(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Vec<T>> {
    if value.get_ref().is_array() {
        return Vec::read(key, value, problems);
    }
    T::read(key, value, problems).map(|one| vec![one])
}

/// A table whose keys the author chooses.
#[derive(Debug, Clone)]
pub(super) struct Named<T>(pub(super) Vec<(At<String>, T)>);

impl<T: Read> Read for Named<T> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let table = table(key, value, problems)?;
        let entry =
            |name: &Spanned<Cow<'_, str>>| At { value: name.get_ref().to_string(), span: name.span() };
        let entries = table.iter();
        Some(Self(
            entries
                .filter_map(|(name, value)| Some((entry(name), T::read(name.get_ref(), value, problems)?)))
                .collect(),
        ))
    }
}

fn table<'a>(key: &str, value: &'a Spanned<DeValue<'a>>, problems: &mut Problems) -> Option<&'a DeTable<'a>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        wrong(key, "a table", value, problems);
    }
    table
}

impl Read for TargetForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        if let Some(name) = value.get_ref().as_str() {
            return Some(Self::Section(name.to_owned()));
        }
        let mut keys = Keys::of(key, value, problems)?;
        let form =
            TargetColumn { column: keys.need("column", problems), values: keys.need("values", problems) };
        keys.finish(problems);
        Some(Self::Column(form))
    }
}

impl Read for MatchForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let mut keys = Keys::of(key, value, problems)?;
        let form = Self { files: keys.take("files", problems), headers: keys.take("headers", problems) };
        keys.finish(problems);
        Some(form)
    }
}

impl Read for TableForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let mut keys = Keys::of(key, value, problems)?;
        let form = Self {
            encoding: keys.take("encoding", problems),
            delimiter: keys.take("delimiter", problems),
            sheet: keys.take("sheet", problems),
            header: keys.take("header", problems),
            skip: keys.take("skip", problems),
            decimal: keys.take("decimal", problems),
            thousands: keys.take("thousands", problems),
            fill_down: keys.take("fill_down", problems),
            repaired: keys.take("repaired", problems),
        };
        keys.finish(problems);
        Some(form)
    }
}

impl Read for KeyForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let mut keys = Keys::of(key, value, problems)?;
        let form = Self {
            columns: keys.need("columns", problems),
            document: keys.take("document", problems),
            ignore: keys.take("ignore", problems),
            of: keys.take("of", problems),
            formerly: keys.take("formerly", problems),
        };
        keys.finish(problems);
        Some(form)
    }
}

impl Read for FieldForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        if value.get_ref().is_str() {
            return At::read(key, value, problems).map(Self::Column);
        }
        if !value.get_ref().is_table() {
            wrong(key, "the name of a column or a table", value, problems);
            return None;
        }
        FieldTable::read(key, value, problems).map(|form| Self::Table(Box::new(form)))
    }
}

impl Read for FieldTable {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let mut keys = Keys::of(key, value, problems)?;
        let looks_up = keys.has("lookup");
        let form = Self {
            value: keys.take("value", problems),
            template: keys.take("template", problems),
            column: keys.take("column", problems),
            take: keys.take("take", problems),
            values: keys.take("values", problems),
            lookup: keys.take("lookup", problems),
            and: keys.take("and", problems),
            from: if looks_up { keys.need("from", problems) } else { keys.take("from", problems) },
            to: if looks_up { keys.need("to", problems) } else { keys.take("to", problems) },
            negate: keys.take("negate", problems),
            default: keys.take("default", problems),
            format: keys.take("format", problems),
        };
        keys.finish(problems);
        Some(form)
    }
}

impl Read for RuleForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let mut keys = Keys::of(key, value, problems)?;
        let form = Self {
            when: keys.need("when", problems),
            fields: keys.take("fields", problems),
            report: keys.take("report", problems),
            reason: keys.take("reason", problems),
        };
        keys.finish(problems);
        Some(form)
    }
}

impl Read for ConditionForm {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Self> {
        let mut keys = Keys::of(key, value, problems)?;
        let form = Self {
            column: keys.take("column", problems),
            field: keys.take("field", problems),
            is: keys.take("is", problems),
            not: keys.take("not", problems),
            starts: keys.take("starts", problems),
            empty: keys.take("empty", problems),
            below: keys.take("below", problems),
            above: keys.take("above", problems),
        };
        keys.finish(problems);
        Some(form)
    }
}

/// The place of a `Named` entry's key, or of what holds it.
pub(super) fn place<T>(at: Option<&At<T>>, holder: &Range<usize>) -> Range<usize> {
    at.map_or_else(|| holder.clone(), |at| at.span.clone())
}

/// A place does not show in the schema.
impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Says how a type that is read by hand looks in the JSON Schema; always inlined.
macro_rules! looks_like {
    ([$($param:ident)?] $name:ty, $generator:ident => $schema:expr) => {
        impl$(<$param: JsonSchema>)? JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

looks_like!([] Scalar, _generator => json_schema!({ "type": ["string", "integer", "number"] }));
looks_like!([] Many, _generator => json_schema!({
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
}));
looks_like!([] ManyScalars, generator => {
    let one = generator.subschema_for::<Scalar>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
});
looks_like!([T] Named<T>, generator => BTreeMap::<String, T>::json_schema(generator));
looks_like!([] TargetForm, generator => {
    let table = generator.subschema_for::<TargetColumn>();
    json_schema!({ "anyOf": [{ "type": "string" }, table] })
});
looks_like!([] FieldForm, generator => {
    let table = generator.subschema_for::<FieldTable>();
    json_schema!({ "anyOf": [{ "type": "string" }, table] })
});

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys a table accepts, as its own message lists them.
    fn known(text: &str) -> Vec<String> {
        let mut problems = Problems::default();
        Document::read(text, &mut problems);
        let drawn = problems.draw(std::path::Path::new("m.toml"), text);
        let list = drawn.iter().find_map(|problem| problem.message.split_once("known are ")).unwrap().1;
        list.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
    }

    #[test]
    fn the_json_schema_lists_exactly_the_keys_that_are_read() {
        let schema = json_schema();
        let keys = |pointer: &str| -> Vec<String> {
            let properties = schema.pointer(pointer).unwrap().as_object().unwrap();
            let mut keys: Vec<_> = properties.keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(known("qqqqqqqqqqqqq = 1"), keys("/properties"));
        for (text, name) in [
            ("match = { qqqqqqqqqqq = 1 }", "MatchForm"),
            ("table = { qqqqqqqqqqq = 1 }", "TableForm"),
            ("key = { qqqqqqqqqqq = 1 }", "KeyForm"),
            ("fields = { f = { qqqqqqqqqqq = 1 } }", "FieldTable"),
            ("rule = [{ qqqqqqqqqqq = 1 }]", "RuleForm"),
            ("rule = [{ when = [{ qqqqqqqqqqq = 1 }] }]", "ConditionForm"),
            ("destination = { qqqqqqqqqqq = 1 }", "TargetColumn"),
        ] {
            assert_eq!(known(text), keys(&format!("/$defs/{name}/properties")), "{name}");
        }
        assert_eq!(
            schema.pointer("/required").unwrap(),
            &serde_json::json!(["name", "destination", "fields"])
        );
        assert_eq!(schema.pointer("/additionalProperties").unwrap(), &serde_json::json!(false));
    }

    #[test]
    fn every_mistake_of_form_is_found_at_once() {
        let text =
            "name = 1\nversin = 2\n[table]\nheader = \"x\"\nencodng = 1\n[[rule]]\nwhen = 3\nreport = 1\n";
        let mut problems = Problems::default();
        Document::read(text, &mut problems);
        let lines: Vec<_> =
            problems.draw(std::path::Path::new("m.toml"), text).iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 1, 1, 2, 4, 5, 7, 8], "two keys are missing besides");
    }

    #[test]
    fn broken_syntax_is_a_problem_with_a_place() {
        let text = "name = \"x\"\nversion = = 2\n";
        let mut problems = Problems::default();
        Document::read(text, &mut problems);
        assert_eq!(problems.draw(std::path::Path::new("m.toml"), text)[0].line, 2);
    }
}
