//! A mapping file, read and checked: every mistake at once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use compact_str::CompactString;
use encoding_rs::Encoding;
use sha2::{Digest as _, Sha256};

use super::condition::Test;
use super::date::Format;
use super::document::{
    ConditionForm, Document, FieldForm, FieldTable, KeyForm, Many, ManyScalars, MatchForm, Named, RuleForm,
    Scalar, TableForm, TargetColumn, TargetForm, place,
};
use super::lookup::{self, LookupTable};
use super::matching::Glob;
use super::number::{Decimal, PLAIN};
use super::problem::{At, Problem, Problems, hint};
use super::typed::{Origin, Typing};
use super::wording::Wording;
use super::{
    ConditionPlan, FieldPlan, Key, LookupPlan, Mapping, Match, Piece, RECONCILE, Repaired, Report, RulePlan,
    Source, Subject, TableSettings, Target, columns,
};
use crate::model::{Kind, LISTED_ID, Lang, Schema, hash, names};

/// The schema of a section of the configuration by the section's name; none where there is no such section.
pub type Schemas<'a> = dyn Fn(&str) -> Option<Arc<Schema>> + 'a;
/// Reads a list as inputs are read; `Err` says why it cannot, in English.
pub type OpenLookup<'a> = dyn Fn(&Path) -> Result<LookupTable, String> + 'a;

/// Reads a mapping and the lists it names. `sections` are the names of all sections of the configuration.
///
/// # Errors
/// Every mistake in the file and its lists, in the order of the file.
pub fn load(
    path: &Path,
    schemas: &Schemas<'_>,
    sections: &[String],
    open_lookup: &OpenLookup<'_>,
) -> Result<Mapping, Vec<Problem>> {
    let of_file = |message| vec![Problem::of_file(path, message)];
    let bytes = std::fs::read(path).map_err(|error| of_file(format!("cannot be read: {error}")))?;
    let text =
        decode(&bytes).ok_or_else(|| of_file("is neither UTF-8 nor UTF-16; save it as UTF-8".to_owned()))?;
    let mut problems = Problems::default();
    let document = Document::read(&text, &mut problems);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut loader =
        Loader { folder, schemas, sections, open_lookup, schema: None, problems, lists: BTreeMap::new() };
    let mapping = loader.mapping(document, path, &bytes);
    match mapping {
        Some(mapping) if loader.problems.is_empty() => Ok(mapping),
        _ => Err(loader.problems.draw(path, &text)),
    }
}

/// A mapping's text without its byte-order mark.
fn decode(bytes: &[u8]) -> Option<String> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((encoding_rs::UTF_8, 0));
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes.get(mark..)?)?;
    Some(text.into_owned())
}

struct Loader<'a> {
    folder: &'a Path,
    schemas: &'a Schemas<'a>,
    sections: &'a [String],
    open_lookup: &'a OpenLookup<'a>,
    /// None while the destination is unknown: then what needs it is not checked.
    schema: Option<Arc<Schema>>,
    problems: Problems,
    /// Each list once, by its path as written; none where it cannot be read.
    lists: BTreeMap<String, Option<Rc<LookupTable>>>,
}

impl Loader<'_> {
    fn mapping(&mut self, document: Document, path: &Path, bytes: &[u8]) -> Option<Mapping> {
        let destination = document.destination.and_then(|form| self.target(form));
        let operation = self.operation(document.operation);
        let matching = self.matching(document.matching.unwrap_or_default());
        let table = self.table(document.table.unwrap_or_default());
        let key = document.key.and_then(|key| self.key(key));
        if let Some(fields) = document.fields.as_ref().filter(|_| operation == RECONCILE) {
            self.check_list(fields);
        }
        let fields = document.fields.map(|fields| self.fields(fields));
        let rules =
            document.rule.unwrap_or_default().into_iter().filter_map(|rule| self.rule(rule)).collect();
        let sha256 = self.hash(bytes);
        let name = document.name;
        if let Some(name) = name.as_ref().filter(|name| name.value.trim().is_empty()) {
            self.problems.add(&name.span, "`name` is empty; receipts and keys need it");
        }
        Some(Mapping {
            name: name?.value.trim().to_owned(),
            version: document.version.map_or(1, |version| version.value),
            operation,
            destination: destination?,
            matching,
            table,
            key,
            path: path.to_owned(),
            sha256: sha256?,
            fields: fields?,
            rules,
        })
    }

    /// What is asked of the system; lists have a field more.
    fn operation(&mut self, word: Option<At<String>>) -> String {
        let Some(word) = word else { return String::new() };
        match word.value.as_str() {
            RECONCILE => self.schema = self.schema.as_ref().map(|schema| Arc::new(schema.of_lists())),
            "" => {}
            other => {
                let hint = hint(other, [RECONCILE]);
                self.problems.add(&word.span, format!("`operation` can't be `{other}`; {hint}"));
            }
        }
        word.value
    }

    /// A list must tell the system's numbers, and what else tells its rows apart: ours, or type and day.
    fn check_list(&mut self, fields: &Named<At<FieldForm>>) {
        let Some(schema) = self.schema.clone() else { return };
        let named = |index: usize| schema.fields.get(index).map_or("", |field| field.name.as_str());
        let has = |wanted: &str| fields.0.iter().any(|(name, _)| name.value == wanted);
        let (number, kind, day) =
            (named(schema.number_field), named(schema.type_field), named(schema.date_field));
        let span = fields.0.first().map_or(0..0, |(name, _)| name.span.clone());
        if !has(LISTED_ID) {
            let message = format!("a list needs `{LISTED_ID}`: the column of the system's numbers");
            self.problems.add(&span, message);
        }
        if !(has(number) || has(kind) && has(day)) {
            let message = format!("a list needs `{number}`, or `{kind}` and `{day}` with what else is known");
            self.problems.add(&span, message);
        }
    }

    fn target(&mut self, form: At<TargetForm>) -> Option<Target> {
        match form.value {
            TargetForm::Section(name) => {
                self.schema = self.section(&name, &form.span);
                Some(Target::Section(name.into()))
            }
            TargetForm::Column(TargetColumn { column, values }) => {
                let values = self.sections_by_value(values?, &form.span);
                Some(Target::Column { column: self.column(&column?)?, values })
            }
        }
    }

    fn sections_by_value(
        &mut self,
        values: Named<At<String>>,
        holder: &Range<usize>,
    ) -> Vec<(String, Arc<str>)> {
        if values.0.is_empty() {
            self.problems.add(holder, "`values` names no destination");
        }
        for (_, name) in &values.0 {
            let Some(schema) = self.section(&name.value, &name.span) else { continue };
            let first = self.schema.get_or_insert_with(|| Arc::clone(&schema));
            if first.system != schema.system {
                let message = format!(
                    "`{}` speaks to `{}`, others of the list to `{}`; a mapping serves one system",
                    name.value, schema.system, first.system
                );
                self.problems.add(&name.span, message);
            }
        }
        values.0.into_iter().map(|(text, name)| (text.value.trim().to_owned(), name.value.into())).collect()
    }

    fn section(&mut self, name: &str, span: &Range<usize>) -> Option<Arc<Schema>> {
        let schema = (self.schemas)(name);
        if schema.is_none() {
            let hint = hint(name, self.sections.iter().map(String::as_str));
            self.problems.add(span, format!("unknown destination `{name}`; {hint}"));
        }
        schema
    }

    fn matching(&mut self, form: MatchForm) -> Match {
        let files = form.files.unwrap_or_default();
        let globs = files.0.iter().filter_map(|glob| {
            Glob::new(&glob.value).map_err(|message| self.problems.add(&glob.span, message)).ok()
        });
        let globs = globs.collect();
        Match { files: texts(&files), globs, headers: self.columns(form.headers) }
    }

    fn table(&mut self, form: TableForm) -> TableSettings {
        let decimal = form
            .decimal
            .as_ref()
            .and_then(|mark| self.mark("decimal", mark, |mark| matches!(mark, ',' | '.')));
        let thousands =
            form.thousands.as_ref().and_then(|mark| self.mark("thousands", mark, is_thousands_mark));
        if let (Some(at), true) = (&form.thousands, thousands.is_some() && thousands == decimal) {
            self.problems.add(&at.span, "`thousands` is the decimal mark too; one mark cannot be both");
        }
        TableSettings {
            encoding: form.encoding.and_then(|label| self.encoding(label)),
            delimiter: form
                .delimiter
                .and_then(|mark| self.mark("delimiter", &mark, is_delimiter))
                .map(String::from),
            sheet: form.sheet.map(|sheet| sheet.value),
            header: form.header.and_then(|row| self.header(&row)),
            skip: form.skip.map(|skip| texts(&skip)),
            decimal,
            thousands,
            fill_down: self.columns(form.fill_down),
            repaired: form.repaired.map(|word| self.repaired(&word)).unwrap_or_default(),
        }
    }

    fn repaired(&mut self, word: &At<String>) -> Repaired {
        match word.value.as_str() {
            "send" => return Repaired::Send,
            "hold" => {}
            other => {
                let hint = hint(other, ["hold", "send"]);
                self.problems.add(&word.span, format!("`repaired` can't be `{other}`; {hint}"));
            }
        }
        Repaired::Hold
    }

    fn mark(&mut self, key: &str, text: &At<String>, fits: impl Fn(char) -> bool) -> Option<char> {
        let mut letters = text.value.chars();
        match (letters.next(), letters.next()) {
            (Some(mark), None) if fits(mark) => return Some(mark),
            _ => self.problems.add(
                &text.span,
                format!("`{key}` must be one fitting character, for example {}", mark_example(key)),
            ),
        }
        None
    }

    fn encoding(&mut self, label: At<String>) -> Option<String> {
        /// Bulgarian DOS code page; the reader's own, since no library knows it.
        const MIK: &str = "mik";
        if Encoding::for_label(label.value.as_bytes()).is_some()
            || label.value.trim().eq_ignore_ascii_case(MIK)
        {
            return Some(label.value);
        }
        let message =
            format!("unknown encoding `{}`; write for example `windows-1251` or `utf-8`", label.value);
        self.problems.add(&label.span, message);
        None
    }

    fn header(&mut self, row: &At<i64>) -> Option<u32> {
        /// The last row of a workbook.
        const LAST: u32 = 1_048_576;
        let fitting = u32::try_from(row.value).ok().filter(|row| *row <= LAST);
        if fitting.is_none() {
            self.problems
                .add(&row.span, format!("`header` is a row as Excel counts, 1 to {LAST}, or 0 for none"));
        }
        fitting
    }

    fn key(&mut self, form: At<KeyForm>) -> Option<Key> {
        let span = form.span;
        let form = form.value;
        let ignore = form.ignore.unwrap_or_default();
        for field in &ignore.0 {
            self.field(field);
        }
        let columns = form.columns?;
        if columns.0.is_empty() {
            self.problems.add(&span, "`columns` names no column; leave `[key]` out where rows have no key");
        }
        let formerly = form.formerly.unwrap_or_default();
        if !formerly.0.is_empty() && formerly.0.len() != columns.0.len() {
            let message = "`formerly` names as many columns as `columns`, each by what it was called before";
            self.problems.add(&span, message);
        }
        Some(Key {
            columns: self.columns(Some(columns)),
            document: self.columns(form.document),
            ignore: texts(&ignore),
            of: form.of.map(|of| of.value.trim().to_owned()).filter(|of| !of.is_empty()),
            formerly: self.columns(Some(formerly)),
        })
    }

    /// Checks names of columns; letters and headers alike.
    fn columns(&mut self, names: Option<Many>) -> Vec<String> {
        names.unwrap_or_default().0.iter().filter_map(|name| self.column(name)).collect()
    }

    fn column(&mut self, name: &At<String>) -> Option<String> {
        if names::fold(&name.value).is_empty() {
            self.problems
                .add(&name.span, "a column's name is empty; a column without header is named by its letter");
            return None;
        }
        if columns::is_ours(&name.value) {
            let message = format!(
                "`{}`: columns that begin with `rx_` are those of our reports and are never read",
                name.value
            );
            self.problems.add(&name.span, message);
            return None;
        }
        Some(name.value.clone())
    }

    /// The kind of a field; none where it is unknown, which is told.
    fn field(&mut self, name: &At<String>) -> Option<Kind> {
        let schema = self.schema.as_ref()?;
        let found =
            schema.field(&name.value).and_then(|index| schema.fields.get(index)).map(|field| field.kind);
        if found.is_none() {
            let hint = hint(&name.value, schema.fields.iter().map(|field| field.name.as_str()));
            self.problems.add(&name.span, format!("unknown field `{}`; {hint}", name.value));
        }
        found
    }

    fn fields(&mut self, fields: Named<At<FieldForm>>) -> Vec<FieldPlan> {
        fields.0.into_iter().filter_map(|(name, form)| self.field_plan(&name, form)).collect()
    }

    fn field_plan(&mut self, name: &At<String>, form: At<FieldForm>) -> Option<FieldPlan> {
        let kind = self.field(name);
        let span = form.span;
        let form = match form.value {
            FieldForm::Column(column) => {
                FieldTable { column: Some(Many(vec![column])), ..FieldTable::default() }
            }
            FieldForm::Table(form) => *form,
        };
        self.check_constant_alone(&form);
        self.check_negate(kind, &form);
        let formats = self.formats(kind, form.format.as_ref());
        let typing = kind.map(|kind| Typing {
            kind,
            marks: PLAIN,
            formats: Arc::clone(&formats),
            common: formats.is_empty(),
            unclear: None,
            habit: None,
            zone: chrono_tz::UTC,
            day_count: None,
            own_report: false,
        });
        let of_field = OfField { name: &name.value, typing: typing.as_ref() };
        for constant in form.value.iter().chain(&form.default) {
            self.check_constant(&of_field, constant);
        }
        let is_final = form.lookup.is_none() && form.negate.is_none();
        let source = self.source(&form, &span);
        Some(FieldPlan {
            field: name.value.clone(),
            source: source?,
            take: form.take.as_ref().and_then(|take| self.take(take)),
            values: form.values.as_ref().map(|values| self.values(values, is_final.then_some(&of_field))),
            lookup: self.lookup(&form),
            negate: form.negate.is_some_and(|negate| negate.value),
            default: form.default.map(|default| default.value.0.trim().to_owned()),
            formats,
        })
    }

    fn source(&mut self, form: &FieldTable, span: &Range<usize>) -> Option<Source> {
        match (&form.value, &form.template, &form.column) {
            (Some(value), None, None) => Some(Source::Value(value.value.0.trim().to_owned())),
            (None, Some(template), None) => self.template(template).map(Source::Template),
            (None, None, Some(names)) if !names.0.is_empty() => {
                let columns: Vec<_> = names.0.iter().filter_map(|name| self.column(name)).collect();
                (!columns.is_empty()).then_some(Source::Columns(columns))
            }
            (None, None, _) => {
                self.problems.add(span, "the field has no source; it needs `column`, `template` or `value`");
                None
            }
            _ => {
                self.problems.add(span, "`column`, `template` and `value` exclude each other; keep one");
                None
            }
        }
    }

    /// `{Column} text`, with `{{` and `}}` for braces themselves.
    fn template(&mut self, template: &At<String>) -> Option<Vec<Piece>> {
        let pieces = pieces(&template.value);
        let pieces = match pieces {
            Some(pieces) if pieces.iter().any(|piece| piece.column().is_some()) => pieces,
            Some(_) => {
                self.problems.add(
                    &template.span,
                    "the template names no column in braces; a constant is written as `value`",
                );
                return None;
            }
            None => {
                self.problems.add(
                    &template.span,
                    "a brace of the template is not closed; a brace itself is written `{{` or `}}`",
                );
                return None;
            }
        };
        for name in pieces.iter().filter_map(Piece::column) {
            self.column(&At { value: name.to_owned(), span: template.span.clone() })?;
        }
        Some(pieces)
    }

    fn check_constant_alone(&mut self, form: &FieldTable) {
        if form.value.is_none() {
            return;
        }
        let others = [
            ("take", form.take.as_ref().map(|at| &at.span)),
            ("lookup", form.lookup.as_ref().map(|at| &at.span)),
            ("negate", form.negate.as_ref().map(|at| &at.span)),
            ("default", form.default.as_ref().map(|at| &at.span)),
            ("values", form.values.as_ref().and_then(|values| values.0.first()).map(|(at, _)| &at.span)),
        ];
        for (key, span) in others {
            if let Some(span) = span {
                self.problems.add(span, format!("`{key}` changes nothing of a constant; take it out"));
            }
        }
    }

    fn check_negate(&mut self, kind: Option<Kind>, form: &FieldTable) {
        if let (Some(negate), Some(kind)) = (&form.negate, kind)
            && !matches!(kind, Kind::Integer { .. })
        {
            self.problems.add(&negate.span, "`negate` is for numbers; this field holds none");
        }
    }

    fn formats(&mut self, kind: Option<Kind>, formats: Option<&Many>) -> Arc<[Format]> {
        let formats = formats.map(|formats| formats.0.as_slice()).unwrap_or_default();
        if let (Some(first), Some(kind)) = (formats.first(), kind)
            && !matches!(kind, Kind::DateTime | Kind::Date)
        {
            self.problems.add(&first.span, "`format` is for dates; this field holds none");
        }
        let read = |format: &At<String>| {
            Format::new(&format.value).map_err(|message| self.problems.add(&format.span, message)).ok()
        };
        formats.iter().filter_map(read).collect()
    }

    fn take(&mut self, take: &At<String>) -> Option<regex::Regex> {
        match regex::Regex::new(&take.value) {
            Ok(pattern) if pattern.captures_len() > 1 => Some(pattern),
            Ok(_) => {
                self.problems
                    .add(&take.span, "`take` needs a group in parentheses; what it matches is taken");
                None
            }
            Err(error) => {
                let message = error.to_string();
                let last = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.problems.add(&take.span, format!("`take` is no regular expression: {last}"));
                None
            }
        }
    }

    /// Cell texts and what they stand for; checked under the field's kind where nothing follows them.
    fn values(
        &mut self,
        values: &Named<At<Scalar>>,
        of_field: Option<&OfField<'_>>,
    ) -> Arc<Wording<CompactString>> {
        let mut wording = Wording::new();
        for (text, value) in &values.0 {
            if let Some(of_field) = of_field {
                self.check_constant(of_field, value);
            }
            let key = text.value.trim();
            if key.is_empty() {
                self.problems
                    .add(&text.span, "an empty cell has no value; say with `default` what it stands for");
            } else if wording.insert(key, CompactString::new(value.value.0.trim())).is_some() {
                self.problems
                    .add(&text.span, format!("`{key}` stands in the list twice with different values"));
            }
        }
        Arc::new(wording)
    }

    fn check_constant(&mut self, of_field: &OfField<'_>, constant: &At<Scalar>) {
        let text = constant.value.0.trim();
        let (Some(typing), false) = (of_field.typing, text.is_empty()) else { return };
        match typing.value(text, Origin::Constant) {
            Err(flaw) => {
                let message = flaw.code.message(Lang::En, &flaw.args);
                self.problems.add(&constant.span, format!("no value for `{}`: {message}", of_field.name));
            }
            Ok(value) => {
                let Some(schema) = &self.schema else { return };
                let is_type = schema.field(of_field.name) == Some(schema.type_field);
                let number = value.as_integer().filter(|_| is_type && !schema.types.is_empty());
                if let Some(number) = number.filter(|number| schema.type_on(*number, None).is_none()) {
                    let mut known: Vec<_> = schema.types.iter().map(|spec| spec.number).collect();
                    known.sort_unstable();
                    known.dedup();
                    let known = known.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
                    self.problems.add(&constant.span, format!("unknown type {number}; known are {known}"));
                }
            }
        }
    }

    fn lookup(&mut self, form: &FieldTable) -> Option<LookupPlan> {
        let Some(file) = &form.lookup else {
            let orphan = form.from.iter().chain(&form.and).filter_map(|many| many.0.first()).chain(&form.to);
            for at in orphan {
                self.problems.add(&at.span, "`and`, `from` and `to` belong to `lookup`, which is missing");
            }
            return None;
        };
        let and = form.and.clone().unwrap_or_default();
        let table = self.lookup_table(file);
        let (from, to, table) = (form.from.as_ref()?, form.to.as_ref()?, table?);
        if from.0.len() != and.0.len() + 1 {
            let message = format!(
                "`from` names {} columns, the field looks up by {}; there must be one for each, the field's own first",
                from.0.len(),
                and.0.len() + 1
            );
            self.problems.add(&place(from.0.first(), &file.span), message);
            return None;
        }
        let list = lookup::list(&table, file, &from.0, to, &mut self.problems)?;
        Some(LookupPlan { list, and: self.columns(Some(and)) })
    }

    fn lookup_table(&mut self, file: &At<String>) -> Option<Rc<LookupTable>> {
        if let Some(known) = self.lists.get(&file.value) {
            return known.clone();
        }
        let read = if file.value.chars().any(char::is_control) {
            Err(format!(
                "the path holds a control character; write it in single quotes: '{}'",
                file.value.escape_default()
            ))
        } else {
            let opened = (self.open_lookup)(&self.folder.join(&file.value));
            opened.map_err(|error| format!("the list `{}` cannot be read: {error}", file.value))
        };
        let table = read.map(Rc::new).map_err(|message| self.problems.add(&file.span, message)).ok();
        self.lists.insert(file.value.clone(), table.clone());
        table
    }

    fn rule(&mut self, form: At<RuleForm>) -> Option<RulePlan> {
        let span = form.span;
        let form = form.value;
        let report = self.report(&form, &span);
        if form.fields.is_none() && form.report.is_none() {
            self.problems.add(&span, "the rule does nothing; it needs `fields` or `report = false`");
        }
        let fields = form.fields.map(|fields| self.fields(fields)).unwrap_or_default();
        let when = form.when?;
        if when.is_empty() {
            self.problems.add(&span, "`when` is empty; what holds for every row is written in `[fields]`");
        }
        let when = when.into_iter().filter_map(|condition| self.condition(condition)).collect();
        Some(RulePlan { when, fields, report })
    }

    fn report(&mut self, form: &RuleForm, span: &Range<usize>) -> Option<Report> {
        let reason = form.reason.as_ref().map_or("", |reason| reason.value.trim());
        match form.report.as_ref().map(|report| report.value) {
            Some(false) if reason.is_empty() => {
                let span = place(form.reason.as_ref(), span);
                self.problems
                    .add(&span, "`reason` is missing; the user reads there why a row is not reported");
                None
            }
            Some(false) => Some(Report::No(reason.into())),
            said => {
                if let Some(reason) = &form.reason {
                    self.problems.add(&reason.span, "`reason` goes with `report = false` only");
                }
                said.map(|_| Report::Yes)
            }
        }
    }

    fn condition(&mut self, form: At<ConditionForm>) -> Option<ConditionPlan> {
        let span = form.span;
        let form = form.value;
        let test = Test {
            is: form.is.as_ref().map(wording),
            not: form.not.as_ref().map(wording),
            starts: form.starts.as_ref().map(|starts| self.starts(starts)),
            empty: form.empty.as_ref().map(|empty| empty.value),
            below: form.below.as_ref().and_then(|bound| self.bound("below", bound)),
            above: form.above.as_ref().and_then(|bound| self.bound("above", bound)),
        };
        if test.is_nothing() && form.below.is_none() && form.above.is_none() {
            let message =
                "the condition asks nothing; it needs `is`, `not`, `starts`, `empty`, `below` or `above`";
            self.problems.add(&span, message);
        }
        let subject = match (&form.column, &form.field) {
            (Some(column), None) => Subject::Column(self.column(column)?),
            (None, Some(field)) => {
                self.field(field);
                Subject::Field(field.value.clone())
            }
            _ => {
                self.problems.add(&span, "the condition needs either `column` or `field`");
                return None;
            }
        };
        Some(ConditionPlan { subject, test })
    }

    fn starts(&mut self, starts: &ManyScalars) -> Vec<String> {
        for start in starts.0.iter().filter(|start| names::fold(&start.value.0).is_empty()) {
            self.problems.add(&start.span, "every text begins with nothing; write a beginning");
        }
        starts.0.iter().map(|start| names::fold(&start.value.0)).collect()
    }

    fn bound(&mut self, key: &str, bound: &At<Scalar>) -> Option<Decimal> {
        let number = Decimal::read(&bound.value.0, PLAIN).ok();
        if number.is_none() {
            self.problems.add(&bound.span, format!("`{key}` needs a plain number, for example 0 or 0.5"));
        }
        number
    }

    /// Of the mapping's bytes and then of its lists', in the order of their names.
    fn hash(&mut self, bytes: &[u8]) -> Option<String> {
        let mut hasher = Sha256::new();
        hasher.update(bytes);
        for name in self.lists.iter().filter(|(_, table)| table.is_some()).map(|(name, _)| name) {
            if let Err(error) = hash_file(&self.folder.join(name), &mut hasher) {
                self.problems.add(&(0..0), format!("the list `{name}` cannot be read: {error}"));
                return None;
            }
        }
        Some(hash::hex(&hasher.finalize()))
    }
}

/// What a constant is checked against.
struct OfField<'a> {
    name: &'a str,
    typing: Option<&'a Typing>,
}

fn hash_file(path: &PathBuf, hasher: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..length).filter(|part| !part.is_empty()) else { return Ok(()) };
        hasher.update(part);
    }
}

fn texts(many: &Many) -> Vec<String> {
    many.0.iter().map(|text| text.value.clone()).collect()
}

fn wording(list: &ManyScalars) -> Arc<Wording<()>> {
    let mut wording = Wording::new();
    for text in &list.0 {
        wording.insert(text.value.0.trim(), ());
    }
    Arc::new(wording)
}

fn is_thousands_mark(mark: char) -> bool {
    mark.is_whitespace() || matches!(mark, ',' | '.' | '\'' | '’' | '_' | '`')
}

fn is_delimiter(mark: char) -> bool {
    !mark.is_alphanumeric() && !matches!(mark, '"' | '\r' | '\n') && mark.is_ascii()
}

fn mark_example(key: &str) -> &'static str {
    match key {
        "decimal" => "`,` or `.`",
        "thousands" => "a blank or `.`",
        _ => "`;`, `,`, `|` or `\\t`",
    }
}

/// The pieces of a template; none where a brace has no partner.
fn pieces(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(brace) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at_checked(brace)?;
        text.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            text.push_str(from.get(..1)?);
            rest = after;
            continue;
        }
        let (name, after) = from.strip_prefix('{')?.split_once('}')?;
        if name.contains('{') {
            return None;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Column(name.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::fixture::{load_file, load_text, rendered, write};

    /// The mapping of the format's description, with every key.
    const WHOLE: &str = r#"
name        = "acme-deliveries"
version     = 3
destination = { column = "Обект", values = { "СФ" = "sespa", "ПД" = "sespa-plovdiv" } }
operation   = ""
[match]
files   = ["deliveries*", "доставки*"]
headers = ["Партида", "Количество"]
[table]
encoding  = "windows-1251"
delimiter = ";"
sheet     = "Движения"
header    = 3
skip      = ["Общо", "Всичко"]
decimal   = ","
thousands = " "
fill_down = ["Док. №"]
repaired  = "send"
[key]
columns  = ["Док. №", "Ред"]
document = ["Док. №"]
ignore   = ["notes"]
of       = "acme"
[fields]
p_trn_type      = { column = "Тип движение", values = { "Продажба аптека" = 3, "Брак" = 25 } }
p_report_date   = { column = "Дата", format = "%d.%m.%Y" }
p_drug_code     = { column = ["Код НСЦРЛП", "NCPR"] }
p_quantity      = "Количество"
p_batch_no      = { column = "Партида/Годност", take = "^([^/]+)" }
p_postcode      = { column = "Склад", lookup = "warehouses.csv", from = "code", to = "postcode" }
p_available_qty = { lookup = "stock.csv", column = "Артикул", and = ["Склад"], from = ["item", "wh"], to = "qty" }
p_country       = { value = "DE" }
notes           = { template = "{Забележка} док. {Док. №}" }
p_drug_product_code = { column = "GTIN", default = "" }
[[rule]]
when   = [{ column = "Вид", is = ["Продажба"] }, { field = "p_quantity", below = 0 }]
fields = { p_trn_type = { value = 38 }, p_quantity = { column = "Количество", negate = true } }
[[rule]]
when   = [{ column = "Група", not = "Лекарства", starts = ["Козм"], empty = false, above = 0.5 }]
report = false
reason = "не е в ПЛС"
"#;
    const LISTS: [(&str, &str); 2] =
        [("warehouses.csv", "code,postcode\nСФ,1000\nПД,4000\n"), ("stock.csv", "item,wh,qty\n1,СФ,5\n")];

    fn problems(text: &str) -> Vec<String> {
        let problems = load_text(text, &LISTS).map(|_| ()).unwrap_err();
        problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
    }

    /// The problems of a mapping with these lines from its third on.
    fn of_lines(lines: &str) -> Vec<String> {
        problems(&format!("name = \"x\"\ndestination = \"sespa\"\n{lines}"))
    }

    /// The problems of one field, at line 4.
    fn of_field(field: &str) -> Vec<String> {
        of_lines(&format!("[fields]\n{field}\n"))
    }

    #[test]
    fn every_key_is_read() {
        let mapping = load_text(WHOLE, &LISTS).unwrap_or_else(|problems| panic!("{}", rendered(&problems)));
        assert_eq!(
            (mapping.name.as_str(), mapping.version, mapping.operation.as_str()),
            ("acme-deliveries", 3, "")
        );
        assert_eq!(mapping.destination.sections(), ["sespa", "sespa-plovdiv"]);
        let key = mapping.key.as_ref().unwrap();
        assert_eq!((key.columns.len(), key.document.len(), key.of.as_deref()), (2, 1, Some("acme")));
        assert_eq!(key.ignore, ["notes"]);
        let table = &mapping.table;
        assert_eq!(table.encoding.as_deref(), Some("windows-1251"));
        assert_eq!(
            (table.delimiter.as_deref(), table.sheet.as_deref(), table.header),
            (Some(";"), Some("Движения"), Some(3))
        );
        assert_eq!((table.decimal, table.thousands), (Some(','), Some(' ')));
        assert_eq!(table.repaired, Repaired::Send);
        assert_eq!(table.skip.as_deref().unwrap(), ["Общо", "Всичко"]);
        assert_eq!(
            mapping.column_names(),
            [
                "GTIN",
                "NCPR",
                "Артикул",
                "Вид",
                "Група",
                "Дата",
                "Док. №",
                "Забележка",
                "Код НСЦРЛП",
                "Количество",
                "Обект",
                "Партида",
                "Партида/Годност",
                "Ред",
                "Склад",
                "Тип движение",
            ]
        );
    }

    #[test]
    fn the_hash_covers_the_lists() {
        let hash_with = |lists: &[(&str, &str)]| load_text(WHOLE, lists).unwrap().sha256;
        let first = hash_with(&LISTS);
        assert_eq!(first.len(), 64);
        assert_eq!(first, hash_with(&LISTS));
        assert_ne!(first, hash_with(&[("warehouses.csv", "code,postcode\nСФ,1001\n"), LISTS[1]]));
        let plain = "name=\"x\"\ndestination=\"sespa\"\nfields={p_quantity=\"A\"}\n";
        let expected = hash::sha256(plain.as_bytes());
        assert_eq!(load_text(plain, &[]).unwrap().sha256, expected, "without lists it is the file's own");
    }

    #[test]
    fn byte_order_marks_and_utf_16_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.toml");
        let text = "\u{feff}name = \"Ж\"\ndestination = \"sespa\"\n[fields]\np_quantity = \"Количество\"\n";
        write(&path, text.as_bytes());
        assert_eq!(load_file(&path).unwrap().name, "Ж");
        let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        write(&path, &utf_16);
        assert_eq!(load_file(&path).unwrap().name, "Ж");
        write(&path, &[0xcf, 0xe0, 0xf0]);
        assert!(load_file(&path).unwrap_err()[0].message.contains("UTF-8"));
        assert!(load_file(&folder.path().join("none.toml")).unwrap_err()[0].rendered.contains("none.toml"));
    }

    #[test]
    fn a_list_needs_the_systems_numbers_and_what_tells_its_rows_apart() {
        let list = |fields: &str| {
            let text = format!(
                "name = \"l\"\ndestination = \"sespa\"\noperation = \"reconcile\"\n[fields]\n{fields}"
            );
            let found = load_text(&text, &[]).err().unwrap_or_default();
            found.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>()
        };
        assert_eq!(list("transaction_id = \"A\"\np_actor_trn_no = \"B\"\n"), [""; 0]);
        assert_eq!(list("transaction_id = \"A\"\np_trn_type = \"B\"\np_report_date = \"C\"\n"), [""; 0]);
        assert!(list("p_actor_trn_no = \"B\"\n")[0].contains("needs `transaction_id`"));
        assert!(list("transaction_id = \"A\"\np_trn_type = \"B\"\n")[0].contains("`p_actor_trn_no`, or"));
        let export = "name = \"e\"\ndestination = \"sespa\"\n[fields]\ntransaction_id = \"A\"\n";
        assert!(problems(export)[0].contains("unknown field `transaction_id`"), "nobody sends it");
        let other = "name = \"o\"\ndestination = \"sespa\"\noperation = \"reconsile\"\n[fields]\n";
        assert!(problems(other)[0].contains("did you mean `reconcile`"), "{:?}", problems(other));
    }

    #[test]
    fn all_problems_come_at_once_with_their_lines() {
        let text = WHOLE
            .replace("encoding  =", "encodng  =")
            .replace("p_quantity      = ", "p_quantty      = ")
            .replace("%d.%m.%Y", "%d.%m")
            .replace("^([^/]+)", "^([^/+")
            .replace("stock.csv", "stok.csv")
            .replace("to = \"postcode\"", "to = \"postcod\"")
            .replace("ignore   = [\"notes\"]", "ignore   = [\"note\"]")
            .replace("\"ПД\" = \"sespa-plovdiv\"", "\"ПД\" = \"sespa-plovdv\"")
            .replace("\"Брак\" = 25", "\"Брак\" = 99")
            .replace("value = 38", "value = \"x\"")
            .replace("above = 0.5", "above = 1e3")
            .replace("\"send\"", "\"sent\"")
            .replace("reason =", "# reason =");
        let found = problems(&text);
        let wanted = [
            "4: unknown destination `sespa-plovdv`; did you mean `sespa-plovdiv`?",
            "10: unknown key `encodng`; did you mean `encoding`?",
            "18: `repaired` can't be `sent`; did you mean `send`?",
            "22: unknown field `note`; did you mean `notes`?",
            "25: unknown type 99; known are 1, 3",
            "26: `%d.%m` does not give a whole date",
            "28: unknown field `p_quantty`; did you mean `p_quantity`?",
            "29: `take` is no regular expression: unclosed",
            "30: `warehouses.csv` has no column `postcod`; did you mean `postcode`?",
            "31: the list `stok.csv` cannot be read",
            "37: no value for `p_trn_type`: `x` is not a number",
            "38: `reason` is missing",
            "39: `above` needs a plain number",
        ];
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.starts_with(wanted), "{found}\nis not\n{wanted}");
        }
    }

    #[test]
    fn what_a_destination_may_be() {
        assert_eq!(problems("name = \"x\"\nfields = { }\n"), ["1: `destination` is missing"]);
        let mixed = "name = \"x\"\ndestination = { column = \"A\", values = { a = \"sespa\", b = \"siui\" } }\nfields = { }\n";
        assert!(problems(mixed)[0].contains("a mapping serves one system"));
        let empty = "name = \"\"\ndestination = { column = \"A\", values = { } }\nfields = { }\n";
        assert_eq!(problems(empty).len(), 2);
    }

    #[test]
    fn mistakes_of_fields() {
        for (field, wanted) in [
            ("p_quantity = { column = \"A\", value = 1 }", "exclude each other"),
            ("p_quantity = { negate = true }", "has no source"),
            ("p_quantity = { column = [] }", "has no source"),
            ("p_quantity = \"\"", "name is empty"),
            ("p_quantity = \"rx_row\"", "never read"),
            ("p_quantity = { value = 1, negate = true }", "changes nothing of a constant"),
            ("p_quantity = { column = \"A\", default = -1 }", "out of bounds"),
            ("p_quantity = { column = \"A\", format = \"%d.%m.%Y\" }", "`format` is for dates"),
            ("notes = { column = \"A\", negate = true }", "`negate` is for numbers"),
            ("notes = { column = \"A\", take = \"a+\" }", "needs a group"),
            ("notes = { template = \"x\" }", "names no column"),
            ("notes = { template = \"{x\" }", "not closed"),
            ("notes = { template = \"x}\" }", "not closed"),
            ("notes = { column = \"A\", from = \"x\" }", "belong to `lookup`"),
            ("notes = { column = \"A\", lookup = \"stock.csv\", to = \"qty\" }", "`from` is missing"),
            (
                "notes = { column = \"A\", lookup = \"stock.csv\", from = [\"item\", \"wh\"], to = \"qty\" }",
                "one for each",
            ),
            (
                "notes = { column = \"A\", lookup = \"C:\\temp\", from = \"item\", to = \"qty\" }",
                "'C:\\temp'",
            ),
            ("notes = { column = \"A\", values = { \"\" = 1 } }", "say with `default`"),
            ("p_report_date = { value = \"31.02.2026\" }", "is not a date"),
            ("p_trn_type = { column = \"A\", default = 2 }", "unknown type 2"),
            ("notes = 5", "name of a column or a table"),
        ] {
            let found = of_field(field);
            assert_eq!(found.len(), 1, "{field}: {found:?}");
            assert!(found[0].starts_with("4: ") && found[0].contains(wanted), "{field}: {found:?}");
        }
    }

    #[test]
    fn mistakes_elsewhere() {
        for (lines, wanted) in [
            ("version = \"1\"\nfields = {}", "3: `version` must be a whole number"),
            ("fields = {}\ntable = { decimal = \";\" }", "4: `decimal` must be"),
            (
                "fields = {}\ntable = { decimal = \",\", thousands = \",\" }",
                "4: `thousands` is the decimal mark",
            ),
            ("fields = {}\ntable = { encoding = \"cp9999\" }", "4: unknown encoding"),
            ("fields = {}\ntable = { delimiter = \";;\" }", "4: `delimiter` must be"),
            ("fields = {}\ntable = { header = -1 }", "4: `header` is a row"),
            ("fields = {}\nmatch = { files = [\"a[\"] }", "4: `a[` is no pattern"),
            ("fields = {}\nkey = { columns = [] }", "4: `columns` names no column"),
            ("fields = {}\nkey = { }", "4: `columns` is missing"),
            ("fields = {}\n[[rule]]\nfields = { notes = \"A\" }", "4: `when` is missing"),
            ("fields = {}\n[[rule]]\nwhen = []\nreport = true", "4: `when` is empty"),
            ("fields = {}\n[[rule]]\nwhen = [{ column = \"A\", is = 1 }]", "4: the rule does nothing"),
            (
                "fields = {}\n[[rule]]\nreport = true\nwhen = [{ column = \"A\" }]",
                "6: the condition asks nothing",
            ),
            ("fields = {}\n[[rule]]\nreport = true\nwhen = [{ is = 1 }]", "6: the condition needs either"),
            (
                "fields = {}\n[[rule]]\nreport = true\nwhen = [{ field = \"x\", is = 1 }]",
                "6: unknown field `x`",
            ),
            (
                "fields = {}\n[[rule]]\nreport = true\nreason = \"r\"\nwhen = [{ column = \"A\", is = 1 }]",
                "6: `reason` goes with",
            ),
            (
                "fields = {}\n[[rule]]\nreport = true\nwhen = [{ column = \"A\", starts = \" \" }]",
                "6: every text begins",
            ),
        ] {
            let found = of_lines(lines);
            assert_eq!(found.len(), 1, "{lines}: {found:?}");
            assert!(found[0].starts_with(wanted), "{lines}: {found:?}");
        }
    }

    #[test]
    fn templates_have_columns_and_braces() {
        let column = |name: &str| Piece::Column(name.to_owned());
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces("{A}{B} x").unwrap(), [column("A"), column("B"), text(" x")]);
        assert_eq!(pieces("{{{A}}} №").unwrap(), [text("{"), column("A"), text("} №")]);
        assert_eq!(pieces("{A{B}}"), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn no_text_makes_loading_panic(at in 0_usize..1800, with in "[\\PC\\n]{0,3}") {
            let at = (0..=at.min(WHOLE.len())).rev().find(|at| WHOLE.is_char_boundary(*at)).unwrap_or(0);
            let (before, after) = WHOLE.split_at(at);
            let _ = load_text(&format!("{before}{with}{}", after.get(3..).unwrap_or(after)), &LISTS);
        }
    }
}
