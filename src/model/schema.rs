//! What a national system's transactions consist of.

use chrono::NaiveDate;

/// A set of fields of one schema, by index (at most 64 fields).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct FieldSet(u64);

impl FieldSet {
    /// The fields of which it is true, in the schema's order.
    pub fn of(fields: impl Iterator<Item = bool>) -> Self {
        // Without a branch: this runs for every field of every row.
        Self(fields.zip(0..64).fold(0, |set, (there, place)| set | u64::from(there) << place))
    }
    /// Adds a field.
    pub fn insert(&mut self, field: usize) {
        self.0 |= 1 << field;
    }
    /// Whether the field is in the set.
    pub fn contains(self, field: usize) -> bool {
        self.0 >> field & 1 == 1
    }
    /// Everything in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Everything in both sets.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Everything in this set and not in the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The indexes in it, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let field = (rest != 0).then_some(rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(field)
        })
    }
}

impl FromIterator<usize> for FieldSet {
    fn from_iter<I: IntoIterator<Item = usize>>(fields: I) -> Self {
        let mut set = Self::default();
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}

/// How the text of a cell becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text, trimmed.
    Text,
    /// A whole number within inclusive bounds; a fraction of zeros (`12,000`) is none.
    Integer {
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// A day with or without time of day.
    DateTime,
    /// A day.
    Date,
    /// Text that is an identifier: no inner blanks are touched, but a number in scientific
    /// notation (`5.71225E+12`) is damage and refused.
    Identifier,
    /// ISO 3166-1 alpha-2 codes, one or several; `,` and `;` separate. Made into `DE;AT`.
    Countries,
}

/// One field of a system's transactions.
#[derive(Debug, Clone)]
pub struct Field {
    /// The catalogue's name, for example `p_quantity`. Mappings use this name.
    pub name: String,
    /// How its cell becomes a value.
    pub kind: Kind,
    /// Part of the fact where a mapping has no key (stock after the movement and notes are not).
    pub identifies: bool,
}

/// One transaction type with what it requires and allows.
#[derive(Debug, Clone)]
pub struct TypeSpec {
    /// The number sent, for example 3.
    pub number: i64,
    /// The printed letter code; for people only, never sent.
    pub code: String,
    /// Bulgarian name.
    pub name_bg: String,
    /// English name.
    pub name_en: String,
    /// First day this entry holds.
    pub from: Option<NaiveDate>,
    /// Last day this entry holds.
    pub until: Option<NaiveDate>,
    /// Fields that must be there.
    pub required: FieldSet,
    /// Fields that go out if they have a value: those it requires, those it may have, those that every type has.
    pub allowed: FieldSet,
    /// Names of the recipient forms it takes (`permit`, `eik`, `rzi`), empty when it has no recipient.
    pub recipient: Vec<String>,
}

/// Everything the pure stages know about one system's transactions.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The system's name, for example `sespa`.
    pub system: String,
    /// Its fields; a field's index here is its identity everywhere.
    pub fields: Vec<Field>,
    /// Its types; several entries of one number differ in validity.
    pub types: Vec<TypeSpec>,
    /// Index of the field that holds the type.
    pub type_field: usize,
    /// Index of the field whose day decides windows, `report_from` and valid-from dates.
    pub date_field: usize,
    /// Index of the field with our number for the transaction.
    pub number_field: usize,
    /// Index of the field with the registration number.
    pub registration_field: usize,
    /// The zone in whose wall time the system's days and moments are.
    pub zone: chrono_tz::Tz,
}

/// The field of a list that holds the system's number. Only lists have it: nobody sends it.
pub const LISTED_ID: &str = "transaction_id";

impl Schema {
    /// The same with the system's number, for lists of what the system has.
    #[must_use]
    pub fn of_lists(&self) -> Self {
        let mut listed = self.clone();
        listed.fields.push(Field { name: LISTED_ID.to_owned(), kind: Kind::Identifier, identifies: false });
        listed
    }

    /// The index of a field by its name.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The entry of a type that holds on a day (on any day if none is given).
    pub fn type_on(&self, number: i64, day: Option<NaiveDate>) -> Option<&TypeSpec> {
        self.types.iter().find(|spec| {
            spec.number == number
                && day.is_none_or(|day| {
                    spec.from.is_none_or(|from| from <= day) && spec.until.is_none_or(|until| day <= until)
                })
        })
    }
}
