//! What a column proves about its own numbers and dates, where the mapping leaves that open.
//!
//! `1.234` is one or a thousand, `03/04/2026` March or April: a single cell can't tell, but another cell of the same
//! column often can. So such columns are read once before anything is judged, one decision is made for each, and
//! the row that proves it is told. Where no row does, a person is asked; nothing is guessed cell by cell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::{Columns, Found};
use super::date::Format;
use super::number::Marks;
use super::typed::shown;
use super::{FieldPlan, Mapping, Source};
use crate::model::{CodeInfo, Issue, Kind, Schema, Who, Words};
use crate::table::{Cell, CellKind, Header, Row};

/// A decimal mark that a row proves.
pub(super) static W202: CodeInfo = CodeInfo {
    code: "W202",
    who: Who::Nobody,
    bg: Words {
        message: "в колона „{0}“ дробите се отделят с „{1}“: така показва ред {2} ({3})",
        why: "Число като 1.234 може да значи едно или хиляда. Друг ред от същата колона показва кое е вярното.",
        example: "1.234 на един ред и 1.234,50 на друг",
        repair: "Не е нужно да правите нищо. Който пише настройката, може да каже знака с `decimal`.",
    },
    en: Words {
        message: "in column `{0}` the decimal mark is `{1}`: row {2} proves it ({3})",
        why: "A number like 1.234 may be one or a thousand. Another row of the same column shows which.",
        example: "1.234 in one row and 1.234,50 in another",
        repair: "Nothing to do. The mapping's author may state the mark with `decimal`.",
    },
};

/// An order of day and month that a row proves.
pub(super) static W203: CodeInfo = CodeInfo {
    code: "W203",
    who: Who::Nobody,
    bg: Words {
        message: "в колона „{0}“ датите са {1}: така показва ред {2} ({3})",
        why: "Дата като 03/04/2026 може да е през март или през април. Друг ред от същата колона показва кое е вярното.",
        example: "03/04/2026 на един ред и 23/04/2026 на друг",
        repair: "Не е нужно да правите нищо. Който пише настройката, може да каже вида на датата с `format`.",
    },
    en: Words {
        message: "in column `{0}` dates are {1}: row {2} proves it ({3})",
        why: "A date like 03/04/2026 may be in March or in April. Another row of the same column shows which.",
        example: "03/04/2026 in one row and 23/04/2026 in another",
        repair: "Nothing to do. The mapping's author may state the form with `format`.",
    },
};

/// No row proves the decimal mark.
pub(super) static M030: CodeInfo = CodeInfo {
    code: "M030",
    who: Who::User,
    bg: Words {
        message: "не личи дали „{1}“ на ред {2} в колона „{0}“ е цяло число с хиляди или дроб; нищо не е подадено. \
                  Запишете числата без разделител и поставете файла отново, или помолете администратора да отговори: \
                  rxdrop release ФАЙЛ --answer decimal=, (или decimal=.)",
        why: "Точка или запетая с точно три цифри след нея може да дели хиляди или да е десетичният знак, а никой \
              друг ред на колоната не показва кое. Грешката би била хилядократна.",
        example: "1.234 във всички редове",
        repair: "Най-добре внедрителят на програмата да укаже знака в настройката (decimal): тогава въпросът не идва повече. Отговорът с --answer важи \
                 само за този файл.",
    },
    en: Words {
        message: "nothing tells whether `{1}` in row {2} of column `{0}` has thousands or a fraction; nothing was \
                  sent. Write the numbers without a separator and drop the file again, or have the administrator \
                  answer: rxdrop release FILE --answer decimal=, (or decimal=.)",
        why: "A point or comma followed by exactly three digits may divide thousands or be the decimal mark, and no \
              other row of the column shows which. The mistake would be a thousandfold.",
        example: "1.234 in all rows",
        repair: "Best: the person who set up the reporting states the mark (`decimal`); then it is never asked again. What --answer says holds for \
                 this file only.",
    },
};

/// No row proves which part of the date is the day.
pub(super) static M031: CodeInfo = CodeInfo {
    code: "M031",
    who: Who::User,
    bg: Words {
        message: "не личи кое е денят и кое месецът в „{1}“ на ред {2} в колона „{0}“; нищо не е подадено. Запишете \
                  датите като 31.12.2026 и поставете файла отново, или помолете администратора да отговори: rxdrop \
                  release ФАЙЛ --answer dates=day-first (или dates=month-first)",
        why: "Нито един ред на колоната няма число над 12, което да покаже деня. Разменени ден и месец променят и \
              датата на отчета, и законовия срок.",
        example: "03/04/2026 във всички редове",
        repair: "Най-добре внедрителят на програмата да укаже вида на датата в настройката (format): тогава въпросът не идва повече. Отговорът с --answer важи \
                 само за този файл.",
    },
    en: Words {
        message: "nothing tells day from month in `{1}` in row {2} of column `{0}`; nothing was sent. Write dates like \
                  31.12.2026 and drop the file again, or have the administrator answer: rxdrop release FILE --answer \
                  dates=day-first (or dates=month-first)",
        why: "No row of the column has a number above 12 that would show the day. Swapped, they change both the \
              reported day and the legal window.",
        example: "03/04/2026 in all rows",
        repair: "Best: the person who set up the reporting states the form (`format`); then it is never asked again. What --answer says holds for \
                 this file only.",
    },
};

/// Rows prove the contrary of each other.
pub(super) static M033: CodeInfo = CodeInfo {
    code: "M033",
    who: Who::User,
    bg: Words {
        message: "датите в колона „{0}“ си противоречат: „{1}“ на ред {2} може да е само в единия ред на ден и месец, а \
                  „{3}“ на ред {4} – само в другия; затова не личи коя е датата тук. Пишете всички дати като 31.12.2026",
        why: "Дата с наклонени черти е ден/месец или месец/ден и цялата колона трябва да е в един и същ вид. Когато са \
              смесени, ден и месец лесно се разменят, затова нищо не се подава по догадка.",
        example: "23/08/2026 на един ред и 08/23/2026 на друг",
        repair: "Вижте двата посочени реда: най-често част от файла е дошла от друга програма или е писана на ръка. \
                 Запишете всички дати като 31.12.2026 и поставете файла отново.",
    },
    en: Words {
        message: "the dates of column `{0}` contradict each other: `{1}` in row {2} can only have one order of day and \
                  month, `{3}` in row {4} only the other, so nothing tells which day this one is; write all dates like 31.12.2026",
        why: "A date with strokes is day/month or month/day, and a whole column must have one form. Where they are mixed \
              day and month are easily swapped, so nothing is sent by guessing.",
        example: "23/08/2026 in one row and 08/23/2026 in another",
        repair: "Look at the two rows named: mostly a part of the file came from another program or was typed. Write all \
                 dates like 31.12.2026 and drop the file again.",
    },
};

/// The century of a column's short years that a row proves.
pub(super) static W204: CodeInfo = CodeInfo {
    code: "W204",
    who: Who::Nobody,
    bg: Words {
        message: "в колона „{0}“ има години с две цифри („{1}“); те са от този век: така показва ред {2} ({3})",
        why: "Дата като 01.08.26 не казва кой е векът. Друг ред от същата колона дава годината с четири цифри.",
        example: "01.08.26 на един ред и 02.08.2026 на друг",
        repair: "Не е нужно да правите нищо. Който пише настройката, може да каже вида на датата с `format`.",
    },
    en: Words {
        message: "column `{0}` has years of two digits (`{1}`); they are of this century: row {2} proves it ({3})",
        why: "A date like 01.08.26 does not say its century. Another row of the same column has the year in four digits.",
        example: "01.08.26 in one row and 02.08.2026 in another",
        repair: "Nothing to do. The mapping's author may state the form with `format`.",
    },
};

/// No row proves what a year of two digits means.
pub(super) static M032: CodeInfo = CodeInfo {
    code: "M032",
    who: Who::User,
    bg: Words {
        message: "годината в „{1}“ на ред {2} в колона „{0}“ е с две цифри и никой ред не показва дали е {3}; нищо не е \
                  подадено. Запишете датите като 31.12.2026 и поставете файла отново, или помолете администратора да \
                  отговори: rxdrop release ФАЙЛ --answer years=20 (тогава годината е {3})",
        why: "Две цифри може да са годината, но може да са и денят, когато датата започва с годината. Погрешната година \
              променя законовия срок.",
        example: "01.08.26 във всички редове",
        repair: "Най-добре внедрителят на програмата да укаже вида на датата в настройката (format, например %d.%m.%y): тогава въпросът не идва \
                 повече. Отговорът с --answer важи само за този файл.",
    },
    en: Words {
        message: "the year in `{1}` in row {2} of column `{0}` has two digits, and no row shows whether it is {3}; nothing \
                  was sent. Write dates like 31.12.2026 and drop the file again, or have the administrator answer: \
                  rxdrop release FILE --answer years=20 (then the year is {3})",
        why: "Two digits may be the year, but also the day where dates begin with the year. A wrong year changes the \
              legal window.",
        example: "01.08.26 in all rows",
        repair: "Best: the person who set up the reporting states the form (`format`, for example %d.%m.%y); then it is never asked again. What \
                 --answer says holds for this file only.",
    },
};

/// What a person answered to the questions of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    /// The decimal mark, `,` or `.`, of every column that proves none.
    pub decimal: Option<char>,
    /// The order of day and month of every column that proves none.
    pub dates: Option<Order>,
    /// Whether years of two digits are of this century in every column that proves nothing.
    pub short_years: bool,
    /// Decimal marks that single columns of the file proved, by their names.
    pub marks: BTreeMap<String, char>,
    /// Orders of day and month that single columns of the file proved.
    pub orders: BTreeMap<String, Order>,
    /// Columns of the file that proved their short years to be of this century.
    pub years: BTreeSet<String>,
}

/// Which part of a date like `03/04/2026` is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// `23/04/2026`
    DayFirst,
    /// `04/23/2026`
    MonthFirst,
}

impl Answers {
    /// These, and of the other where these are silent.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (column, mark) in other.marks {
            self.marks.entry(column).or_insert(mark);
        }
        for (column, order) in other.orders {
            self.orders.entry(column).or_insert(order);
        }
        self.years.extend(other.years);
        Self {
            decimal: self.decimal.or(other.decimal),
            dates: self.dates.or(other.dates),
            short_years: self.short_years || other.short_years,
            ..self
        }
    }
}

impl Order {
    /// Of a date's form, where another order of the same would be one too.
    pub(super) fn of_form(form: &str) -> Option<Self> {
        let begins = |part: &str| ["/", "-"].iter().any(|mark| form.starts_with(&format!("{part}{mark}")));
        let order = |part, order| begins(part).then_some(order);
        order("%d", Self::DayFirst).or_else(|| order("%m", Self::MonthFirst))
    }

    /// The days in this order, as forms.
    fn days(self, short_years: bool) -> Vec<String> {
        let parts = if self == Self::DayFirst { ["%d", "%m"] } else { ["%m", "%d"] };
        let day = |mark: char, year: &str| format!("{}{mark}{}{mark}{year}", parts[0], parts[1]);
        let mut days = vec![day('/', "%Y"), day('-', "%Y")];
        days.extend(short_years.then(|| day('/', "%y")));
        days
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::DayFirst => ("ден/месец/година", "day/month/year"),
            Self::MonthFirst => ("месец/ден/година", "month/day/year"),
        }
    }
}

/// How the cells of a column are read that could be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The column's name.
    pub(super) column: Arc<str>,
    /// What was decided.
    pub(super) how: How,
    /// Whether a person's word decided it, and no row.
    pub(super) by_word: bool,
}

/// One way to read cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Mark(char),
    Order(Order),
}

/// What was decided about the columns of one file, by their places.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    marks: BTreeMap<usize, char>,
    orders: BTreeMap<usize, Order>,
    /// Columns whose years of two digits are of this century.
    years: BTreeSet<usize>,
    proven: Answers,
    /// Each column with what was decided about it, and whether only a person's word decided it.
    said: Vec<Said>,
    /// What is to be said of a date that is not read because of its column.
    unclear: BTreeMap<usize, Arc<Issue>>,
    /// What was decided and by which row, for the receipt.
    pub notes: Vec<Issue>,
}

impl Decided {
    /// Marks of a column's numbers, where they were decided: the one that is not decimal divides thousands.
    pub(super) fn marks(&self, column: usize) -> Option<Marks> {
        let thousands = |mark| if mark == ',' { '.' } else { ',' };
        self.marks.get(&column).map(|mark| Marks { decimal: Some(*mark), thousands: Some(thousands(*mark)) })
    }

    /// Whether the same was decided of two columns.
    pub(super) fn alike(&self, one: usize, other: usize) -> bool {
        self.marks.get(&one) == self.marks.get(&other)
            && self.orders.get(&one) == self.orders.get(&other)
            && self.years.contains(&one) == self.years.contains(&other)
            && self.unclear.contains_key(&one) == self.unclear.contains_key(&other)
    }

    /// Nothing decided: what nobody answers is asked in each row that it is about.
    pub fn asking(questions: Vec<Issue>, headers: &[Header]) -> Self {
        let columns = Columns::of(headers);
        let place = |issue: Issue| match columns.find(issue.place.column.as_deref()?) {
            Found::Column { index, .. } => Some((index, Arc::new(issue))),
            Found::Missing | Found::Several(_) => None,
        };
        Self { unclear: questions.into_iter().filter_map(place).collect(), ..Self::default() }
    }

    /// What is to be said of a date in the column that is not read.
    pub(super) fn unclear(&self, column: usize) -> Option<Arc<Issue>> {
        self.unclear.get(&column).cloned()
    }

    /// How the columns are read that could be read in two ways.
    pub(super) fn said(&self) -> &[Said] {
        &self.said
    }

    /// What single columns proved: it holds for the repaired rows of the file too, which may prove nothing by
    /// themselves.
    pub fn proven(&self) -> Answers {
        self.proven.clone()
    }

    /// Forms of a column's dates besides those that need no decision.
    pub(super) fn formats(&self, column: usize) -> Option<Arc<[Format]>> {
        let short_years = self.years.contains(&column);
        let mut days = self.orders.get(&column).map(|order| order.days(short_years)).unwrap_or_default();
        if short_years {
            days.extend(["%d.%m.%y", "%d.%m.%yг.", "%d.%m.%y г."].map(str::to_owned));
        }
        let forms =
            days.iter().flat_map(|day| ["", " %H:%M", " %H:%M:%S"].map(|time| format!("{day}{time}")));
        let formats: Arc<[Format]> = forms.filter_map(|form| Format::new(&form).ok()).collect();
        (!formats.is_empty()).then_some(formats)
    }
}

/// Looks at the rows of one file for what they prove.
#[derive(Debug)]
pub struct Proof {
    numbers: Vec<Column<char>>,
    dates: Vec<Column<Order>>,
    /// Of the same columns as `dates`.
    years: Vec<Years>,
}

/// A column that the mapping leaves open, and what it says so far.
#[derive(Debug)]
struct Column<T> {
    index: usize,
    label: Arc<str>,
    /// The first row that proves something: what, where, by which text.
    proven: Option<(T, u32, String)>,
    /// Another row proves the contrary: then each cell stands for itself.
    torn: Option<(u32, String)>,
    /// A cell was met that reads the same both ways.
    either: bool,
    /// The first cell that needs a decision.
    open: Option<(u32, String)>,
}

/// What is known of a column besides its own rows.
#[derive(Debug, Clone, Copy)]
struct Answer<T> {
    /// What it proved in the file that this one repairs.
    of_column: Option<T>,
    /// What a person said of all columns that prove nothing.
    of_file: Option<T>,
}

/// What one cell says.
#[derive(Debug, PartialEq, Eq)]
enum Says<T> {
    /// This is how its column is written.
    This(T),
    /// It can be read in two ways.
    Open,
    /// Both ways to read it come to the same.
    Either,
    Nothing,
}

impl Proof {
    /// None where the mapping leaves nothing open that this file has.
    pub fn of(mapping: &Mapping, headers: &[Header], schema: &Schema) -> Option<Self> {
        let columns = Columns::of(headers);
        let mut proof = Self { numbers: Vec::new(), dates: Vec::new(), years: Vec::new() };
        let marks_open = mapping.table.decimal.is_none() && mapping.table.thousands.is_none();
        let ruled = mapping.rules.iter().flat_map(|rule| &rule.fields);
        for plan in mapping.fields.iter().chain(ruled).filter(|plan| plan.is_plain()) {
            let kind =
                schema.field(&plan.field).and_then(|field| schema.fields.get(field)).map(|field| field.kind);
            match kind {
                Some(Kind::Integer { .. }) if marks_open => add(&mut proof.numbers, plan, &columns),
                Some(Kind::Date | Kind::DateTime) if plan.formats.is_empty() => {
                    add(&mut proof.dates, plan, &columns);
                }
                _ => {}
            }
        }
        proof.years = proof.dates.iter().map(|column| Years::of(column.index, &column.label)).collect();
        (!proof.numbers.is_empty() || !proof.dates.is_empty()).then_some(proof)
    }

    /// Looks at one data row. A damaged one proves nothing: its cells may stand in other columns.
    pub fn look(&mut self, row: &Row) {
        if row.is_mended() || row.issues().iter().any(Issue::is_error) {
            return;
        }
        let text = |cell: Cell<'_>| cell.kind == CellKind::Text && !cell.text.is_empty();
        for column in &mut self.numbers {
            if let Some(cell) = row.cell(column.index).filter(|cell| text(*cell)) {
                column.hear(number_says(cell.text.trim()), row.number(), cell.text);
            }
        }
        for (column, years) in self.dates.iter_mut().zip(&mut self.years) {
            if let Some(cell) = row.cell(column.index).filter(|cell| text(*cell)) {
                column.hear(date_says(cell.text.trim(), 4), row.number(), cell.text);
                years.hear(cell.text.trim(), row.number());
            }
        }
    }

    /// One decision for each column that needs one.
    ///
    /// # Errors
    /// The questions that neither a row nor a person answers.
    pub fn decide(self, answers: &Answers) -> Result<Decided, Vec<Issue>> {
        let mut decided = Decided::default();
        let mut questions = Vec::new();
        for column in self.numbers.into_iter().filter(|column| column.torn.is_none()) {
            let noted = |mark: &char, issue: Issue| issue.arg(mark.to_string());
            let known = answers.marks.get(&*column.label).copied();
            let answer = Answer { of_column: known, of_file: answers.decimal };
            let known = column.settle(answer, [&W202, &M030], noted, &mut decided.notes, &mut questions);
            if let Some(mark) = known {
                decided.said.push(column.said(How::Mark(mark), answer.of_column.is_some()));
                decided.marks.insert(column.index, mark);
            }
            if let (Some(mark), true) = (known, column.proven.is_some()) {
                decided.proven.marks.insert(column.label.to_string(), mark);
            }
        }
        let dates = self.dates.into_iter().zip(&self.years).map(|(column, years)| years.join(column));
        for column in dates {
            if let Some(torn) = column.contradiction() {
                decided.unclear.insert(column.index, Arc::new(torn));
                continue;
            }
            let noted = |order: &Order, issue: Issue| issue.both(order.words().0, order.words().1);
            let known = answers.orders.get(&*column.label).copied();
            let answer = Answer { of_column: known, of_file: answers.dates };
            let known = column.settle(answer, [&W203, &M031], noted, &mut decided.notes, &mut questions);
            if let Some(order) = known {
                decided.said.push(column.said(How::Order(order), answer.of_column.is_some()));
            }
            let alike = column.either && column.proven.is_none() && column.open.is_none();
            let known = known.or(alike.then_some(Order::DayFirst));
            if let Some(order) = known {
                decided.orders.insert(column.index, order);
            }
            if let (Some(order), true) = (known, column.proven.is_some()) {
                decided.proven.orders.insert(column.label.to_string(), order);
            }
        }
        for years in self.years {
            years.settle(answers, &mut decided, &mut questions);
        }
        if questions.is_empty() { Ok(decided) } else { Err(questions) }
    }
}

fn add<T>(list: &mut Vec<Column<T>>, plan: &FieldPlan, columns: &Columns<'_>) {
    for name in plan.columns() {
        if let Found::Column { index, label, .. } = columns.find(name)
            && list.iter().all(|known| known.index != index)
        {
            list.push(Column::new(index, label));
        }
    }
}

impl<T> Column<T> {
    fn new(index: usize, label: Arc<str>) -> Self {
        Self { index, label, proven: None, torn: None, either: false, open: None }
    }
}

impl Column<Order> {
    /// What is to be said of dates whose rows prove both orders.
    fn contradiction(&self) -> Option<Issue> {
        let ((_, row, text), (other, against)) = (self.proven.as_ref()?, self.torn.as_ref()?);
        let about = Issue::new(&M033).arg(&*self.label).arg(text).arg(row.to_string());
        Some(about.arg(against).arg(other.to_string()))
    }
}

impl<T: Copy + PartialEq> Column<T> {
    fn said(&self, how: How, repaired: bool) -> Said {
        Said { column: Arc::clone(&self.label), how, by_word: self.proven.is_none() && !repaired }
    }

    fn hear(&mut self, says: Says<T>, row: u32, text: &str) {
        match (says, &self.proven) {
            (Says::This(what), None) => self.proven = Some((what, row, shown(text.trim()))),
            (Says::This(what), Some((known, ..))) if what != *known && self.torn.is_none() => {
                self.torn = Some((row, shown(text.trim())));
            }
            (Says::Open, _) if self.open.is_none() => self.open = Some((row, shown(text.trim()))),
            (Says::Either, _) => self.either = true,
            (Says::This(_) | Says::Open | Says::Nothing, _) => {}
        }
    }

    /// What holds for the column. It is told only where a cell could be read in two ways.
    fn settle(
        &self,
        answer: Answer<T>,
        [note, question]: [&'static CodeInfo; 2],
        say: impl Fn(&T, Issue) -> Issue,
        notes: &mut Vec<Issue>,
        questions: &mut Vec<Issue>,
    ) -> Option<T> {
        let about = |code| Issue::at(code, Some(Arc::clone(&self.label))).arg(&*self.label);
        if let Some((what, row, text)) = &self.proven {
            // What held for the file that this one repairs may differ; then no cell is read in either way.
            if answer.of_column.is_some_and(|known| known != *what) {
                return None;
            }
            if self.open.is_some() {
                notes.push(say(what, about(note)).arg(row.to_string()).arg(text));
            }
            return Some(*what);
        }
        let (row, text) = self.open.as_ref()?;
        let answer = answer.of_column.or(answer.of_file);
        if answer.is_none() {
            questions.push(about(question).arg(text).arg(row.to_string()));
        }
        answer
    }
}

/// The years of a column's dates, some of which may have two digits only.
#[derive(Debug)]
struct Years {
    index: usize,
    label: Arc<str>,
    short: Option<Span>,
    full: Option<Span>,
    /// What short dates with strokes say of day and month.
    order: Column<Order>,
}

/// The first and the last of the years met, and the first cell that has one.
#[derive(Debug)]
struct Span {
    from: u16,
    to: u16,
    row: u32,
    text: String,
}

/// What two digits of a year are counted from.
const CENTURY: u16 = 2000;

impl Years {
    fn of(index: usize, label: &Arc<str>) -> Self {
        let order = Column::new(index, Arc::clone(label));
        Self { index, label: Arc::clone(label), short: None, full: None, order }
    }

    fn hear(&mut self, text: &str, row: u32) {
        let Some((year, digits)) = year_behind(text) else { return };
        let (place, year) =
            if digits == 2 { (&mut self.short, CENTURY + year) } else { (&mut self.full, year) };
        let span = place.get_or_insert_with(|| Span { from: year, to: year, row, text: shown(text) });
        (span.from, span.to) = (span.from.min(year), span.to.max(year));
        // Between dashes, a short year may as well stand first.
        if digits == 2 && text.contains('/') {
            self.order.hear(date_says(text, 2), row, text);
        }
    }

    /// The column's word on day and month. Short dates have a say in it only where there are no others: one of them
    /// among full ones is a slip, and no reason to ask about the file.
    fn join(&self, column: Column<Order>) -> Column<Order> {
        if self.full.is_some() {
            return column;
        }
        let both = column.proven.as_ref().zip(self.order.proven.as_ref());
        let torn = both.filter(|(one, other)| one.0 != other.0).map(|(_, other)| (other.1, other.2.clone()));
        Column {
            torn: column.torn.or_else(|| self.order.torn.clone()).or(torn),
            either: column.either || self.order.either,
            proven: column.proven.or_else(|| self.order.proven.clone()),
            open: column.open.or_else(|| self.order.open.clone()),
            ..column
        }
    }

    /// Whether years of four digits in the column lie where the short ones would.
    fn is_proven(&self) -> bool {
        let (Some(short), Some(full)) = (&self.short, &self.full) else { return false };
        full.from <= short.from + 1 && short.to <= full.to + 1
    }

    fn settle(self, answers: &Answers, decided: &mut Decided, questions: &mut Vec<Issue>) {
        let proven = self.is_proven();
        let Some(short) = self.short else { return };
        let about = |code| Issue::at(code, Some(Arc::clone(&self.label))).arg(&*self.label).arg(&*short.text);
        if let (Some(full), true) = (&self.full, proven) {
            decided.notes.push(about(&W204).arg(full.row.to_string()).arg(&*full.text));
            decided.proven.years.insert(self.label.to_string());
        }
        if proven || answers.short_years || answers.years.contains(&*self.label) {
            decided.years.insert(self.index);
        } else if self.full.is_none() {
            let year = CENTURY + year_behind(&short.text).map_or(0, |(year, _)| year);
            questions.push(about(&M032).arg(short.row.to_string()).arg(year.to_string()));
        }
    }
}

/// The last part of a day written with points or strokes, and how many digits it has, two or four.
fn year_behind(text: &str) -> Option<(u16, usize)> {
    let day = text.split(|letter: char| letter == 'T' || letter == 'г' || letter.is_whitespace()).next()?;
    let mark =
        day.chars().find(|letter| !letter.is_ascii_digit()).filter(|mark| matches!(mark, '.' | '/'))?;
    let parts: Vec<&str> = day.split(mark).collect();
    let [first, second, year] = parts.as_slice() else { return None };
    let is_day = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_year = matches!(year.len(), 2 | 4) && year.bytes().all(|byte| byte.is_ascii_digit());
    (is_day(first) && is_day(second) && is_year).then(|| Some((year.parse().ok()?, year.len())))?
}

/// What a number says of its column's marks.
fn number_says(text: &str) -> Says<char> {
    let text = text.trim_start_matches(['-', '+', '\'']).trim_end_matches('-').trim();
    let is_blank = |letter: char| matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}');
    let known = |letter: char| letter.is_ascii_digit() || matches!(letter, ',' | '.') || is_blank(letter);
    if !text.chars().all(known) {
        return Says::Nothing;
    }
    let times = |mark: char| text.matches(mark).count();
    let other = |mark: char| if mark == ',' { '.' } else { ',' };
    let last = if text.rfind(',') > text.rfind('.') { ',' } else { '.' };
    match (times(last), times(other(last))) {
        (0, _) => Says::Nothing,
        (1, 0) => single_says(text, last),
        (_, 0) => Says::This(other(last)),
        (1, _) => Says::This(last),
        _ => Says::Nothing,
    }
}

/// The same for a number with one mark.
fn single_says(text: &str, mark: char) -> Says<char> {
    let (before, after) = text.split_once(mark).unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(after) || before.is_empty() {
        Says::Nothing
    } else if after.len() == 3 && digits(before) && before.len() <= 3 && !before.starts_with('0') {
        Says::Open
    } else {
        Says::This(mark)
    }
}

/// What a date whose year has so many digits says of the order in its column. Dates with points and ISO dates have
/// one order only.
fn date_says(text: &str, digits: usize) -> Says<Order> {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let mut parts = day.split(['/', '-']);
    let part = |part: Option<&str>, most: usize| {
        part.filter(|part| (1..=most).contains(&part.len()))?.parse::<u16>().ok()
    };
    let (first, second) = (part(parts.next(), 2), part(parts.next(), 2));
    let year = parts.next().filter(|year| year.len() == digits && parts.next().is_none());
    match (first, second, year.and_then(|year| year.parse::<u16>().ok())) {
        (Some(13..=31), Some(1..=12), Some(_)) => Says::This(Order::DayFirst),
        (Some(1..=12), Some(13..=31), Some(_)) => Says::This(Order::MonthFirst),
        (Some(day @ 1..=12), Some(month @ 1..=12), Some(_)) if day == month => Says::Either,
        (Some(1..=12), Some(1..=12), Some(_)) => Says::Open,
        _ => Says::Nothing,
    }
}

/// Whether a text is a date that its column could not decide about.
pub(super) fn is_undecided(text: &str) -> bool {
    let in_strokes = |digits| date_says(text, digits) != Says::Nothing;
    in_strokes(4) || in_strokes(2) || year_behind(text).is_some_and(|(_, digits)| digits == 2)
}

impl FieldPlan {
    /// Whether a cell's own text becomes the value.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.source, Source::Columns(_))
            && self.take.is_none()
            && self.values.is_none()
            && self.lookup.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::fixture::{codes, headers, mapping, row, schema};

    const MAPPING: &str = "[fields]\np_quantity = \"Бр\"\np_report_date = \"Дата\"\n";

    fn decide(rows: &[[&str; 2]], answers: &Answers) -> Result<Decided, Vec<String>> {
        let mut proof = Proof::of(&mapping(MAPPING), &headers(&["Бр", "Дата"]), &schema()).unwrap();
        for cells in rows {
            proof.look(&row(cells));
        }
        proof.decide(answers).map_err(|issues| codes(&issues))
    }

    #[test]
    fn numbers_say_what_their_marks_mean() {
        for (text, wanted) in [
            ("1.234,50", Says::This(',')),
            ("1,234.5", Says::This('.')),
            ("1.234.567", Says::This(',')),
            ("5,00", Says::This(',')),
            ("12,5-", Says::This(',')),
            ("1234.000", Says::This('.')),
            ("0,500", Says::This(',')),
            ("1 234,000", Says::This(',')),
            ("1.234", Says::Open),
            ("-12,000", Says::Open),
            ("12", Says::Nothing),
            ("12,x", Says::Nothing),
            (",5", Says::Nothing),
            ("", Says::Nothing),
        ] {
            assert_eq!(number_says(text), wanted, "{text}");
        }
    }

    #[test]
    fn dates_say_which_part_is_the_day() {
        for (text, wanted) in [
            ("23/04/2026", Says::This(Order::DayFirst)),
            ("4-23-2026 10:15", Says::This(Order::MonthFirst)),
            ("03/04/2026", Says::Open),
            ("03.04.2026", Says::Nothing),
            ("2026-04-03", Says::Nothing),
            ("11/11/2026", Says::Either),
            ("33/04/2026", Says::Nothing),
            ("03/04/26", Says::Nothing),
        ] {
            assert_eq!(date_says(text, 4), wanted, "{text}");
        }
        assert_eq!(date_says("23/04/26", 2), Says::This(Order::DayFirst));
    }

    #[test]
    fn one_row_decides_for_its_column_and_is_named() {
        let decided =
            decide(&[["1.234", "03/04/2026"], ["2,50", "23/04/2026"]], &Answers::default()).unwrap();
        assert_eq!(
            codes(&decided.notes),
            ["W202 Бр|,|7|2,50", "W203 Дата|ден/месец/година\u{1f}day/month/year|7|23/04/2026"]
        );
        assert_eq!(decided.marks(0), Some(Marks { decimal: Some(','), thousands: Some('.') }));
        let formats = decided.formats(1).unwrap();
        let read = |text: &str| formats.iter().find_map(|format| format.read(text)).map(|at| at.to_string());
        assert_eq!(read("03/04/2026").as_deref(), Some("2026-04-03 00:00:00"));
        assert_eq!(read("3-4-2026 9:05").as_deref(), Some("2026-04-03 09:05:00"));
    }

    #[test]
    fn what_no_row_proves_is_asked_and_a_person_may_answer() {
        let rows = [["1.234", "03/04/2026"], ["12", "2026-05-01"]];
        assert_eq!(
            decide(&rows, &Answers::default()).unwrap_err(),
            ["M030 Бр|1.234|7", "M031 Дата|03/04/2026|7"]
        );
        let answers = Answers { decimal: Some('.'), dates: Some(Order::MonthFirst), ..Answers::default() };
        let decided = decide(&rows, &answers).unwrap();
        assert_eq!(decided.marks(0).and_then(|marks| marks.decimal), Some('.'));
        assert!(decided.notes.is_empty() && decided.formats(1).is_some());
    }

    #[test]
    fn an_answer_for_the_file_undoes_no_proof() {
        let answers = Answers { decimal: Some('.'), dates: Some(Order::MonthFirst), ..Answers::default() };
        let decided = decide(&[["1.234", "03/04/2026"], ["2,50", "23/04/2026"]], &answers).unwrap();
        assert_eq!((decided.marks.get(&0), decided.orders.get(&1)), (Some(&','), Some(&Order::DayFirst)));
        let orders = [("Дата".to_owned(), Order::MonthFirst)].into();
        let repaired = decide(&[["1", "23/04/2026"]], &Answers { orders, ..Answers::default() }).unwrap();
        assert!(repaired.orders.is_empty(), "the file it repairs proved the contrary");
    }

    #[test]
    fn nothing_is_decided_where_nothing_is_open_or_rows_disagree() {
        let decided = decide(&[["1", "1.5.2026"], ["2", ""]], &Answers::default()).unwrap();
        assert_eq!((decided.marks(0), decided.notes.len()), (None, 0));
        let decided = decide(&[["1,50", "23/4/2026"]], &Answers::default()).unwrap();
        assert!(decided.formats(1).is_some() && decided.notes.is_empty(), "nothing could be misread");
        let decided = decide(&[["1", "11/11/2026"]], &Answers::default()).unwrap();
        assert!(decided.formats(1).is_some(), "the same day in either order");
        let decided = decide(&[["1,50", ""], ["2.5", ""], ["1.234", ""]], &Answers::default()).unwrap();
        assert_eq!(decided.marks(0), None, "each number stands for itself");
    }

    #[test]
    fn rows_that_contradict_each_other_are_both_named() {
        let rows = [["1", "03/08/2026"], ["1", "08/23/2026"], ["1", "23/08/2026"], ["1", "08/24/2026"]];
        let decided = decide(&rows, &Answers::default()).unwrap();
        let told: Vec<Issue> = decided.unclear(1).iter().map(|issue| Issue::clone(issue)).collect();
        assert_eq!(codes(&told), ["M033 Дата|08/23/2026|7|23/08/2026|7"]);
        assert!(decided.formats(1).is_none() && decided.notes.is_empty());
        let short = decide(&[["1", "08/23/26"], ["1", "23/08/26"]], &Answers::default()).unwrap_err();
        assert_eq!(short.len(), 1, "the century is still asked");
    }

    fn years(dates: &[&str], answers: &Answers) -> Result<Decided, Vec<String>> {
        let rows: Vec<_> = dates.iter().map(|date| ["1", date]).collect();
        decide(&rows, answers)
    }

    #[test]
    fn short_years_are_read_where_the_column_has_full_ones() {
        let decided = years(&["01.08.26", "02.08.2026", "31.07.25 г."], &Answers::default()).unwrap();
        assert_eq!(codes(&decided.notes), ["W204 Дата|01.08.26|7|02.08.2026"]);
        let formats = decided.formats(1).unwrap();
        let read = |text: &str| formats.iter().find_map(|format| format.read(text)).map(|at| at.to_string());
        assert_eq!(read("01.08.26").as_deref(), Some("2026-08-01 00:00:00"));
        assert_eq!(read("31.7.25 г. 9:05").as_deref(), Some("2025-07-31 09:05:00"));
        assert_eq!(read("01/08/26"), None, "nothing says which part is the day");
        assert!(decided.proven().years.contains("Дата"));
    }

    #[test]
    fn short_years_that_nothing_proves_are_asked_about() {
        assert_eq!(years(&["01.08.26", ""], &Answers::default()).unwrap_err(), ["M032 Дата|01.08.26|7|2026"]);
        let asked = years(&["03/04/26"], &Answers::default()).unwrap_err();
        assert_eq!(asked, ["M031 Дата|03/04/26|7", "M032 Дата|03/04/26|7|2026"]);
        let answers = Answers { short_years: true, dates: Some(Order::MonthFirst), ..Answers::default() };
        let formats = years(&["03/04/26"], &answers).unwrap().formats(1).unwrap();
        let read = |text: &str| formats.iter().find_map(|format| format.read(text)).map(|at| at.to_string());
        assert_eq!(read("03/04/26").as_deref(), Some("2026-03-04 00:00:00"));
        assert_eq!(read("03.04.26").as_deref(), Some("2026-04-03 00:00:00"));
        let slip = years(&["03/04/26", "02.08.2026"], &Answers::default()).unwrap();
        assert!(slip.orders.is_empty(), "one short date among full ones holds nothing up");
        let far = years(&["26.08.01", "02.08.2026"], &Answers::default()).unwrap();
        assert!(far.formats(1).is_none() && far.notes.is_empty(), "2001 is no year of this column");
    }

    proptest::proptest! {
        #[test]
        fn short_years_come_to_what_full_ones_would(offset in 0_u64..900, first in 0_u64..900) {
            let day = |offset| chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(offset);
            let (full, short) = (day(first).format("%d.%m.%Y").to_string(), day(offset).format("%d.%m.%y").to_string());
            let decided = years(&[&full, &short], &Answers::default()).unwrap();
            let read = decided.formats(1).and_then(|formats| formats.iter().find_map(|format| format.read(&short)));
            let apart = chrono::Datelike::year(&day(first)).abs_diff(chrono::Datelike::year(&day(offset)));
            proptest::prop_assert_eq!(read.map(|at| at.date()), (apart <= 1).then(|| day(offset)));
        }

        #[test]
        fn no_texts_make_it_panic(dates in proptest::collection::vec(".{0,12}|[0-9./г -]{0,12}", 0..5)) {
            let dates: Vec<&str> = dates.iter().map(String::as_str).collect();
            let _ = years(&dates, &Answers::default());
        }
    }

    #[test]
    fn what_the_mapping_says_is_not_looked_for() {
        let said = "table = { decimal = \",\" }\n[fields]\np_quantity = \"Бр\"\np_report_date = { column = \"Дата\", format = \"%d/%m/%Y\" }\n";
        assert!(Proof::of(&mapping(said), &headers(&["Бр", "Дата"]), &schema()).is_none());
    }
}
