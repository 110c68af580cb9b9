//! The user's columns become a system's fields.
//!
//! A [`Mapping`] is one TOML file: what it is for, how the file is read, what its rows' keys are and where
//! each field's value comes from. [`load`] finds every mistake at once; [`choose`] finds the mapping of a
//! file; [`Proof`] finds what its columns prove where a mapping leaves it open; [`Mapping::bind`] turns names of columns into places once per file; [`Bound::apply`] makes a
//! [`Draft`] of each row. Nothing a row holds is an error: what is wrong with it is an issue in its draft.

mod apply;
mod bind;
mod columns;
mod condition;
mod date;
mod document;
mod draft;
mod habit;
mod identity;
mod load;
mod lookup;
mod matching;
mod memo;
mod number;
mod origin;
mod problem;
mod proof;
mod typed;
mod wording;

#[cfg(test)]
mod fixture;

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::CodeInfo;

pub use bind::Bound;
pub use document::json_schema;
pub use draft::Draft;
pub use identity::Identity;
pub use load::{OpenLookup, Schemas, load};
pub use lookup::LookupTable;
pub use matching::{Choice, Match, choose};
pub use origin::{Origin, Origins};
pub use problem::Problem;
pub use proof::{Answers, Decided, Order, Proof};

/// Every code this room gives.
pub static CODES: &[&CodeInfo] = &[
    &columns::M001,
    &columns::M002,
    &apply::M003,
    &apply::M004,
    &apply::M005,
    &apply::M006,
    &bind::M007,
    &number::M010,
    &number::M011,
    &number::M012,
    &number::M013,
    &typed::M014,
    &typed::M015,
    &typed::M016,
    &typed::M017,
    &date::M020,
    &date::M021,
    &typed::M022,
    &columns::M023,
    &proof::M030,
    &proof::M031,
    &proof::M032,
    &proof::M033,
    &columns::W201,
    &habit::W205,
    &proof::W202,
    &proof::W203,
    &proof::W204,
];

/// The operation of mappings that read lists of what a system has.
pub const RECONCILE: &str = "reconcile";

/// How one kind of file becomes a system's transactions. Checked: what it names exists.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its name, shown in receipts.
    pub name: String,
    /// Its author's version.
    pub version: i64,
    /// What is asked of the system; empty for its default.
    pub operation: String,
    /// Where its rows go.
    pub destination: Target,
    /// Which files it is for.
    pub matching: Match,
    /// How the file is read.
    pub table: TableSettings,
    /// What makes a row the same fact when it comes again.
    pub key: Option<Key>,
    /// The mapping file.
    pub path: PathBuf,
    /// SHA-256 of the file and every list it looks up in, lower-case hexadecimal.
    pub sha256: String,
    fields: Vec<FieldPlan>,
    rules: Vec<RulePlan>,
}

/// Where rows go: one section of the configuration, or one by a column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All rows to this section.
    Section(Arc<str>),
    /// To the section that a cell stands for.
    Column {
        /// The column.
        column: String,
        /// Cell texts and sections, all of one system.
        values: Vec<(String, Arc<str>)>,
    },
}

impl Target {
    /// The sections rows may go to, each once.
    pub fn sections(&self) -> Vec<&str> {
        match self {
            Self::Section(name) => vec![name],
            Self::Column { values, .. } => {
                let mut names: Vec<&str> = values.iter().map(|(_, name)| &**name).collect();
                names.sort_unstable();
                names.dedup();
                names
            }
        }
    }
}

/// `[key]`: what makes a row the same fact when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Columns that name the fact.
    pub columns: Vec<String>,
    /// Columns that name the document; may be empty.
    pub document: Vec<String>,
    /// Fields whose change alone changes nothing.
    pub ignore: Vec<String>,
    /// Scope of the key where it is not the mapping's name.
    pub of: Option<String>,
    /// What the columns were called before, in their order; empty where they never had other names.
    pub formerly: Vec<String>,
}

/// `[table]`: how the file is read. What is left out is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSettings {
    /// The encoding of text files, as the mapping's author named it.
    pub encoding: Option<String>,
    /// The one character between cells of text files.
    pub delimiter: Option<String>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// Row of the header as Excel counts; 0 for none.
    pub header: Option<u32>,
    /// Rows whose first filled cell begins so are no data.
    pub skip: Option<Vec<String>>,
    /// The decimal mark of text cells, `,` or `.`.
    pub decimal: Option<char>,
    /// The mark between thousands of text cells.
    pub thousands: Option<char>,
    /// Columns whose empty cells take the one above.
    pub fill_down: Vec<String>,
    /// What becomes of damaged rows that were put in order.
    pub repaired: Repaired,
}

/// What becomes of damaged rows that were put in order by the look of their neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Repaired {
    /// They wait for a person's word.
    #[default]
    Hold,
    /// They are sent, and marked.
    Send,
}

/// How one field is made.
#[derive(Debug, Clone)]
struct FieldPlan {
    field: String,
    source: Source,
    take: Option<regex::Regex>,
    values: Option<Arc<wording::Wording<compact_str::CompactString>>>,
    lookup: Option<LookupPlan>,
    negate: bool,
    default: Option<String>,
    formats: Arc<[date::Format]>,
}

/// Where a field's text comes from.
#[derive(Debug, Clone)]
enum Source {
    Value(String),
    Template(Vec<Piece>),
    Columns(Vec<String>),
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
}

/// A list and the further columns to look up by.
#[derive(Debug, Clone)]
struct LookupPlan {
    list: Arc<lookup::List>,
    and: Vec<String>,
}

/// One `[[rule]]`.
#[derive(Debug, Clone)]
struct RulePlan {
    when: Vec<ConditionPlan>,
    fields: Vec<FieldPlan>,
    report: Option<Report>,
}

/// What a rule says of reporting.
#[derive(Debug, Clone)]
enum Report {
    Yes,
    No(Arc<str>),
}

/// One condition of a rule.
#[derive(Debug, Clone)]
struct ConditionPlan {
    subject: Subject,
    test: condition::Test,
}

/// What a condition looks at.
#[derive(Debug, Clone)]
enum Subject {
    Column(String),
    Field(String),
}

impl Mapping {
    /// Whether it reads lists of what the system has, and not what is to be sent.
    pub fn reads_lists(&self) -> bool {
        self.operation == RECONCILE
    }

    /// Whether it makes a field.
    pub fn makes(&self, field: &str) -> bool {
        let ruled = self.rules.iter().flat_map(|rule| &rule.fields);
        self.fields.iter().chain(ruled).any(|plan| plan.field == field)
    }

    /// Every header it names, also alternatives and letters; a file's header row is the one that has them.
    pub fn column_names(&self) -> Vec<String> {
        let mut names: Vec<&str> = self.matching.headers.iter().map(String::as_str).collect();
        if let Target::Column { column, .. } = &self.destination {
            names.push(column);
        }
        if let Some(key) = &self.key {
            names.extend(key.columns.iter().chain(&key.document).map(String::as_str));
        }
        names.extend(self.table.fill_down.iter().map(String::as_str));
        let ruled = self.rules.iter().flat_map(|rule| &rule.fields);
        names.extend(self.fields.iter().chain(ruled).flat_map(FieldPlan::columns));
        names.extend(self.rules.iter().flat_map(|rule| &rule.when).filter_map(|when| when.subject.column()));
        let mut names: Vec<_> =
            names.into_iter().map(|name| columns::header_of(name).trim().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl FieldPlan {
    /// The columns it reads.
    fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match &self.source {
            Source::Value(_) => Vec::new(),
            Source::Template(pieces) => pieces.iter().filter_map(Piece::column).collect(),
            Source::Columns(names) => names.iter().map(String::as_str).collect(),
        };
        names.extend(self.lookup.iter().flat_map(|lookup| &lookup.and).map(String::as_str));
        names
    }
}

impl Piece {
    fn column(&self) -> Option<&str> {
        if let Self::Column(name) = self { Some(name) } else { None }
    }
}

impl Subject {
    fn column(&self) -> Option<&str> {
        if let Self::Column(name) = self { Some(name) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::fixture::{Bench, TYPES, load_file, rendered};
    use super::*;
    use crate::model::Lang;

    const HEADERS: [&str; 16] = [
        "Дата",
        "Тип движение",
        "Док. №",
        "Ред",
        "Код НСЦРЛП",
        "GTIN",
        "Партида",
        "Количество",
        "Наличност",
        "Склад",
        "Обект получател",
        "Склад получател",
        "Държава",
        "Планирана дата",
        "Група",
        "Забележка",
    ];

    fn shipped() -> Mapping {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/sespa/deliveries.toml");
        load_file(&path).unwrap_or_else(|problems| panic!("{}", rendered(&problems)))
    }

    #[test]
    fn the_shipped_mapping_of_lists_reads_lists() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/sespa/portal-list.toml");
        let list = load_file(&path).unwrap_or_else(|problems| panic!("{}", rendered(&problems)));
        assert!(list.reads_lists() && list.makes("transaction_id") && !shipped().reads_lists());
    }

    #[test]
    fn the_shipped_mapping_reads_a_row_of_each_type() {
        let mapping = shipped();
        let Source::Columns(_) =
            &mapping.fields.iter().find(|field| field.field == "p_trn_type").unwrap().source
        else {
            panic!()
        };
        let text = std::fs::read_to_string(&mapping.path).unwrap();
        let names: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with('"'))
            .filter_map(|line| line.split('"').nth(1))
            .collect();
        let mut bench = Bench::new(&mapping, &HEADERS);
        let mut numbers: Vec<i64> = Vec::new();
        for name in names {
            let upper = name.to_uppercase();
            bench.apply(&["20.11.2026", &upper, "5", "1", "1670", "", "A1", "12,000"]);
            assert_eq!(bench.issues(), [""; 0], "{name}");
            numbers.push(bench.get("p_trn_type").parse().unwrap());
        }
        numbers.dedup();
        assert_eq!(numbers, TYPES);
    }

    #[test]
    fn the_shipped_mapping_reads_every_column() {
        let mapping = shipped();
        let mut bench = Bench::new(&mapping, &HEADERS);
        let row = [
            "20.11.2026",
            "Износ в чужбина",
            "100.0",
            "2",
            "1670",
            "05712249101367",
            "AB12",
            "1 234,00",
            "0",
            "1000",
            "IV-Р-Т/МР-001",
            "4000",
            "de,AT",
            "1.12.2026",
            "Лекарства",
            "бележка",
        ];
        bench.apply(&row);
        assert!(bench.draft.issues.is_empty(), "{:?}", bench.issues());
        for (field, wanted) in [
            ("p_report_date", "2026-11-20 00:00:00"),
            ("p_trn_type", "5"),
            ("p_drug_code", "1670"),
            ("p_drug_product_code", "05712249101367"),
            ("p_batch_no", "AB12"),
            ("p_quantity", "1234"),
            ("p_available_qty", "0"),
            ("p_postcode", "1000"),
            ("p_recipient_code", "IV-Р-Т/МР-001"),
            ("p_rcpt_postcode", "4000"),
            ("p_country", "DE;AT"),
            ("p_export_planned_date", "2026-12-01"),
            ("notes", "бележка"),
        ] {
            assert_eq!(bench.get(field), wanted, "{field}");
        }
        assert_eq!(
            (bench.draft.key.as_deref(), bench.draft.document.as_deref()),
            (Some("100\u{1f}2"), Some("100"))
        );
        assert_eq!(bench.draft.destination.as_deref(), Some("sespa"));
        let cosmetics = ["x"; 14].into_iter().chain(["КОЗМЕТИКА"]).collect::<Vec<_>>();
        bench.apply(&cosmetics);
        assert_eq!(bench.draft.ignored.as_deref(), Some("не е лекарствен продукт от ПЛС"));
        assert!(bench.draft.issues.is_empty());
    }

    #[test]
    fn the_shipped_mapping_takes_its_files_and_no_others() {
        let mapping = shipped();
        let headers = fixture::headers(&HEADERS);
        let chosen =
            |name: &str| matches!(choose([(&mapping, headers.as_slice())].into_iter(), name), Choice::One(_));
        assert!(chosen("Копие на ДОСТАВКИ 2026-11-20.csv") && chosen("Deliveries (1).xlsx"));
        assert!(!chosen("клиенти.csv"));
    }

    #[test]
    fn every_code_is_complete_and_speaks_both_languages() {
        let mut codes: Vec<_> = CODES.iter().map(|info| info.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        for info in CODES {
            for lang in [Lang::Bg, Lang::En] {
                let words = info.words(lang);
                let texts = [words.message, words.why, words.example, words.repair];
                assert!(texts.iter().all(|text| !text.is_empty()), "{}", info.code);
                let cyrillic = words.why.chars().any(|letter| ('а'..='я').contains(&letter));
                assert_eq!(cyrillic, lang == Lang::Bg, "{}", info.code);
            }
            let places = |text: &str| {
                (0..4).filter(|index| text.contains(&format!("{{{index}}}"))).collect::<Vec<_>>()
            };
            assert_eq!(places(info.bg.message), places(info.en.message), "{}", info.code);
        }
    }
}
