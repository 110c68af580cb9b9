//! Columns by the names a mapping gives them.

use std::sync::Arc;

use crate::model::{CodeInfo, Issue, Who, Words, names};
use crate::table::Header;

/// A column is not in the file.
pub(super) static M001: CodeInfo = CodeInfo {
    code: "M001",
    who: Who::User,
    bg: Words {
        message: "във файла няма колона „{0}“; най-близките до нея са {1}; върнете това заглавие или експортирайте файла отново",
        why: "От тази колона се взема стойност за подаване. Без нея нито един ред не може да се подаде.",
        example: "Колич.",
        repair: "Поправете заглавието на колоната. Ако складовата Ви програма вече прави файла по друг начин, кажете на внедрителя на програмата.",
    },
    en: Words {
        message: "the file has no column `{0}`; nearest are {1}; restore its header or export the file again",
        why: "A reported value is taken from this column. Without it no row can be reported.",
        example: "Qty.",
        repair: "Correct the column's header. If your program now exports another layout, tell the person who set up the reporting.",
    },
};

/// The file names no column at all.
pub(super) static M023: CodeInfo = CodeInfo {
    code: "M023",
    who: Who::User,
    bg: Words {
        message: "във файла няма ред с имената на колоните, той започва направо с данни; експортирайте го със заглавен ред",
        why: "Стойностите се вземат от колоните по имената им. Без имена не личи коя клетка какво е.",
        example: "31.08.2026;2415;5 още на първия ред",
        repair: "Включете заглавния ред в настройките на експорта. Ако програмата Ви не може да го запише, кажете на внедрителя: \
                 колоните могат да се посочат и с букви.",
    },
    en: Words {
        message: "the file has no row with the names of the columns, it begins with data at once; export it with a header row",
        why: "Values are taken from the columns by their names. Without names nothing says which cell is what.",
        example: "31.08.2026;2415;5 already in the first row",
        repair: "Switch the header row on in the export's settings. If your program can't write one, tell the person who set up the \
                 reporting: columns may be stated by letters too.",
    },
};

/// A name fits several columns.
pub(super) static M002: CodeInfo = CodeInfo {
    code: "M002",
    who: Who::User,
    bg: Words {
        message: "заглавието „{0}“ стои над няколко колони ({1}); оставете го само над едната",
        why: "Не личи от коя колона да се вземе стойността, а изборът наслуки би подал грешни данни.",
        example: "Код",
        repair: "Преименувайте излишната колона. Ако файлът винаги идва така, кажете на внедрителя на програмата, коя от колоните е вярната.",
    },
    en: Words {
        message: "the header `{0}` stands above several columns ({1}); leave it above one only",
        why: "Nothing says which column the value is to be taken from, and a choice at random would report wrong data.",
        example: "Code",
        repair: "Rename the other column. If the file always comes this way, tell the person who set up the reporting which column is right.",
    },
};

/// A header differs from the expected name in what cannot be seen.
pub(super) static W201: CodeInfo = CodeInfo {
    code: "W201",
    who: Who::User,
    bg: Words {
        message: "заглавието „{0}“ е прието за „{1}“, но е написано с подобни букви от друга азбука, невидими знаци или други интервали",
        why: "Изглежда еднакво, но не е същото. Файлът се чете; утре друго такова заглавие може да не бъде разпознато.",
        example: "Cерия",
        repair: "Напишете заглавието на ръка с букви от една азбука.",
    },
    en: Words {
        message: "the header `{0}` was taken for `{1}`, though written with look-alike letters, invisible characters or other blanks",
        why: "It looks the same but is not. The file is read; another such header may not be recognised.",
        example: "Cерия",
        repair: "Type the header by hand in letters of one alphabet.",
    },
};

/// The columns of one file, ours (`rx_…`) left out.
pub(super) struct Columns<'a> {
    headers: Vec<Named<'a>>,
    rx_ref: Option<usize>,
    rx_codes: Option<usize>,
}

struct Named<'a> {
    header: &'a Header,
    folded: String,
    /// Position as it was before our columns were added, so letters mean the user's columns.
    position: usize,
}

/// What a name leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One column.
    Column {
        /// Its place in a row.
        index: usize,
        /// Its header, or letter where there is none.
        label: Arc<str>,
        /// Folding was needed beyond blanks at the ends and case.
        look_alike: bool,
    },
    /// None.
    Missing,
    /// Several; their letters.
    Several(Vec<String>),
}

impl<'a> Columns<'a> {
    pub(super) fn of(headers: &'a [Header]) -> Self {
        let mut columns = Self { headers: Vec::with_capacity(headers.len()), rx_ref: None, rx_codes: None };
        let mut ours = 0;
        for header in headers {
            let folded = names::fold(&header.name);
            if is_ours_folded(&folded) {
                ours += 1;
                match folded.as_str() {
                    "RX_REF" => columns.rx_ref = Some(header.index),
                    "RX_CODES" => columns.rx_codes = Some(header.index),
                    _ => {}
                }
            } else {
                columns.headers.push(Named { header, folded, position: header.index.saturating_sub(ours) });
            }
        }
        columns
    }

    /// The place of the column `rx_ref`, if the file is a report of ours.
    pub(super) fn rx_ref(&self) -> Option<usize> {
        self.rx_ref
    }

    /// The place of the column `rx_codes`, which says what was wrong with a row when our report was written.
    pub(super) fn rx_codes(&self) -> Option<usize> {
        self.rx_codes
    }

    /// A column by header, `header#2` or letter; a header that exists wins.
    pub(super) fn find(&self, name: &str) -> Found {
        let by_name = self.by_name(name);
        if by_name != Found::Missing {
            return by_name;
        }
        if let Some(found) = numbered(name).and_then(|(name, nth)| self.nth(name, nth)) {
            return found;
        }
        let position = position(name);
        let lettered = self.headers.iter().find(|column| Some(column.position) == position);
        lettered.map_or(Found::Missing, |column| column.found(false))
    }

    /// Whether a header of that name is there, once or more often.
    pub(super) fn has_header(&self, name: &str) -> bool {
        let numbered = numbered(name).and_then(|(name, nth)| self.nth(name, nth));
        self.by_name(name) != Found::Missing || numbered.is_some()
    }

    /// The issue of a name that leads to no single column.
    pub(super) fn issue(&self, name: &str, found: &Found) -> Issue {
        match found {
            Found::Several(letters) => Issue::new(&M002).arg(name).arg(letters.join(", ")),
            Found::Missing if self.is_nameless() => Issue::new(&M023),
            Found::Missing | Found::Column { .. } => Issue::new(&M001).arg(name).arg(self.nearest(name)),
        }
    }

    fn is_nameless(&self) -> bool {
        !self.headers.is_empty() && self.headers.iter().all(|column| column.folded.is_empty())
    }

    fn by_name(&self, name: &str) -> Found {
        let (name, folded) = (name.trim(), names::fold(name));
        let same: Vec<_> =
            self.headers.iter().filter(|column| column.folded == folded && !folded.is_empty()).collect();
        let lower = name.to_lowercase();
        let exact = |column: &&&Named<'_>| column.header.name.trim() == name;
        let case_only = |column: &&&Named<'_>| column.header.name.trim().to_lowercase() == lower;
        let closer = [same.iter().filter(exact).collect::<Vec<_>>(), same.iter().filter(case_only).collect()];
        match closer.iter().find(|group| !group.is_empty()).map(Vec::as_slice) {
            Some([column]) => column.found(false),
            Some(group) => Found::Several(group.iter().map(|column| column.header.letter()).collect()),
            None => match same.as_slice() {
                [] => Found::Missing,
                [column] => column.found(true),
                several => Found::Several(several.iter().map(|column| column.header.letter()).collect()),
            },
        }
    }

    fn nth(&self, name: &str, nth: usize) -> Option<Found> {
        let folded = names::fold(name);
        let mut same = self.headers.iter().filter(|column| column.folded == folded && !folded.is_empty());
        same.nth(nth.checked_sub(1)?).map(|column| column.found(false))
    }

    /// Up to three headers that resemble a name.
    fn nearest(&self, name: &str) -> String {
        const SHOWN: usize = 3;
        let folded = names::fold(name);
        let mut near: Vec<_> = self.headers.iter().filter(|column| !column.folded.is_empty()).collect();
        near.sort_by_key(|column| strsim::damerau_levenshtein(&folded, &column.folded));
        let near: Vec<_> =
            near.iter().take(SHOWN).map(|column| format!("„{}“", column.header.name)).collect();
        if near.is_empty() { "—".to_owned() } else { near.join(", ") }
    }
}

impl Named<'_> {
    fn found(&self, look_alike: bool) -> Found {
        let name = &self.header.name;
        let label = if name.is_empty() { self.header.letter().into() } else { Arc::clone(name) };
        Found::Column { index: self.header.index, label, look_alike }
    }
}

/// Whether a name is one of the columns we add to reports, which mappings never read.
pub(super) fn is_ours(name: &str) -> bool {
    is_ours_folded(&names::fold(name))
}

fn is_ours_folded(folded: &str) -> bool {
    folded.starts_with("RX_")
}

/// The header of a name, without the `#2` that tells equal headers apart.
pub(super) fn header_of(name: &str) -> &str {
    numbered(name).map_or(name, |(name, _)| name)
}

fn numbered(name: &str) -> Option<(&str, usize)> {
    let (name, nth) = name.rsplit_once('#')?;
    Some((name, nth.trim().parse().ok()?))
}

/// The position of a column letter, 0 for `A`; three letters at most, as Excel has.
fn position(name: &str) -> Option<usize> {
    let letters = names::fold(name);
    if letters.is_empty() || letters.len() > 3 || !letters.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return None;
    }
    Some(letters.bytes().fold(0, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(names: &[&str]) -> Vec<Header> {
        names.iter().enumerate().map(|(index, name)| Header { name: (*name).into(), index }).collect()
    }

    fn index(headers: &[Header], name: &str) -> Option<usize> {
        match Columns::of(headers).find(name) {
            Found::Column { index, .. } => Some(index),
            Found::Missing | Found::Several(_) => None,
        }
    }

    #[test]
    fn a_header_wins_over_a_letter() {
        let headers = headers(&["Дата", "A", "", "Код"]);
        assert_eq!(index(&headers, "A"), Some(1));
        assert_eq!(index(&headers, "B"), Some(1));
        assert_eq!(index(&headers, "c"), Some(2));
        assert_eq!(index(&headers, "E"), None);
        assert_eq!(index(&headers, " дата "), Some(0));
        assert_eq!(index(&headers, ""), None);
        let Found::Column { label, .. } = Columns::of(&headers).find("C") else { panic!() };
        assert_eq!(&*label, "C");
    }

    #[test]
    fn equal_names_are_told_apart_or_told() {
        let headers = headers(&["Код", "Име", "код ", "Kод"]);
        assert_eq!(index(&headers, "Код"), Some(0), "exactly so written");
        assert_eq!(index(&headers, "Код#2"), Some(2));
        assert_eq!(index(&headers, "Код#3"), Some(3));
        assert_eq!(index(&headers, "Код#4"), None);
        let columns = Columns::of(&headers);
        let found = columns.find("КОД");
        assert_eq!(found, Found::Several(vec!["A".into(), "C".into()]));
        assert_eq!(columns.issue("КОД", &found).code.code, "M002");
    }

    #[test]
    fn look_alikes_are_found_and_told() {
        let headers = headers(&["\u{feff}Cерия", "Дата"]);
        let columns = Columns::of(&headers);
        assert!(matches!(columns.find("Серия"), Found::Column { index: 0, look_alike: true, .. }));
        assert!(matches!(columns.find("ДАТА"), Found::Column { index: 1, look_alike: false, .. }));
    }

    #[test]
    fn our_own_columns_are_never_read_and_move_no_letter() {
        let headers = headers(&["rx_status_text", "rx_message", "Дата", "Код", "rx_ref"]);
        let columns = Columns::of(&headers);
        assert_eq!(columns.find("rx_message"), Found::Missing);
        assert_eq!(index(&headers, "A"), Some(2));
        assert_eq!(index(&headers, "B"), Some(3));
        assert_eq!(index(&headers, "C"), None);
        assert_eq!(columns.rx_ref(), Some(4));
    }

    #[test]
    fn a_missing_column_names_what_is_near() {
        let headers = headers(&["Колич.", "Дата"]);
        let columns = Columns::of(&headers);
        let issue = columns.issue("Количество", &columns.find("Количество"));
        assert_eq!(
            (issue.code.code, issue.args.join("|")),
            ("M001", "Количество|„Колич.“, „Дата“".to_owned())
        );
    }
}
