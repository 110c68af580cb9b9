//! Which code page a text in Latin letters is written in: by the letters that one language has.

use super::encoding::Encoding;

/// Letters beyond ASCII in words of nothing else, and in words that have ASCII letters too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Scripts {
    whole: usize,
    mixed: usize,
}

impl Scripts {
    /// Most stand in words of their own.
    pub(super) fn is_cyrillic(self) -> bool {
        self.whole > self.mixed
    }

    /// Nearly all stand among ASCII letters.
    pub(super) fn is_latin(self) -> bool {
        self.mixed > self.whole * 3
    }
}

/// Counts the letters of a text of an unknown code page. One that stands alone says nothing.
pub(super) fn scripts(text: &[u8]) -> Scripts {
    let mut scripts = Scripts::default();
    for word in text.split(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic()) {
        let beyond = word.iter().filter(|byte| !byte.is_ascii()).count();
        if beyond > 0 && beyond < word.len() {
            scripts.mixed += beyond;
        } else if beyond > 1 {
            scripts.whole += beyond;
        }
    }
    scripts
}

/// A code page, and another one that the letters allow as well.
pub(super) struct Page {
    pub(super) encoding: Encoding,
    pub(super) rival: Option<&'static str>,
}

const PAGES: [&str; 4] = ["windows-1252", "windows-1250", "iso-8859-15", "iso-8859-2"];
/// Letters beyond ASCII of the languages written in these pages.
const ALPHABETS: [&str; 11] = [
    "àèéìòùÀÈÉÌÒÙ",
    "ăâîşţĂÂÎŞŢ",
    "áéíóöőúüűÁÉÍÓÖŐÚÜŰ",
    "äöüßÄÖÜ",
    "àâçéèêëîïôùûüœÀÂÇÉÈÊËÎÏÔÙÛÜŒ",
    "áéíñóúüÁÉÍÑÓÚÜ",
    "ãõáâàçéêíóôúÃÕÁÂÀÇÉÊÍÓÔÚ",
    "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",
    "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ",
    "áäčďéíĺľňóôŕšťúýžÁÄČĎÉÍĽŇÓÔŠŤÚÝŽ",
    "čćđšžČĆĐŠŽ",
];
/// Signs that stand in texts of every language.
const SIGNS: &str = "€„“”‘’‚«»–—…•°§№™²³½\u{a0}";

/// The page under which most letters are of one language. Where two pages give the same text it is the first.
pub(super) fn page_of(text: &[u8]) -> Page {
    let mut readings: Vec<(usize, Encoding, String)> = PAGES
        .iter()
        .filter_map(|name| Encoding::from_name(name))
        .map(|encoding| {
            let beyond: String = encoding.text_of(text).chars().filter(|letter| !letter.is_ascii()).collect();
            (strange_in(&beyond), encoding, beyond)
        })
        .collect();
    readings.sort_by_key(|(strange, ..)| *strange);
    let mut readings = readings.into_iter();
    let Some((strange, encoding, letters)) = readings.next() else {
        return Page { encoding: Encoding::utf8(), rival: None };
    };
    let rival = readings.find(|(other, _, text)| *other == strange && *text != letters);
    Page { encoding, rival: rival.map(|(_, rival, _)| rival.name()) }
}

/// How many letters the language that explains most of them lacks.
fn strange_in(letters: &str) -> usize {
    let lacks = |alphabet: &str| {
        letters.chars().filter(|letter| !alphabet.contains(*letter) && !SIGNS.contains(*letter)).count()
    };
    ALPHABETS.iter().map(|alphabet| lacks(alphabet)).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, encoding: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(Encoding::from_name(encoding).unwrap().encode(text, &mut bytes), "{encoding}");
        bytes
    }

    #[test]
    fn the_page_shows_in_the_letters_of_a_language() {
        for (text, encoding) in [
            ("Quantità;Città\nè già;Forlì", "windows-1252"),
            ("Judeţ;Oraş\nBucureşti;Piaţa Română", "windows-1250"),
            ("Megnevezés;Mennyiség\nGyőr;Fűtő", "windows-1250"),
            ("Größe;Preis €\nMünchen;5 €", "windows-1252"),
            ("Prix €;Ville\n5 €;Orléans", "iso-8859-15"),
            ("Město;Země\nPlzeň;Šumperk", "iso-8859-2"),
        ] {
            let found = page_of(&bytes(text, encoding));
            assert_eq!((found.encoding.name(), found.rival), (encoding, None), "{text}");
        }
    }

    #[test]
    fn words_tell_the_alphabet() {
        assert!(scripts(&bytes("Код;Име", "windows-1251")).is_cyrillic());
        assert!(scripts(&bytes("Città;è", "windows-1252")).is_latin());
        assert_eq!(scripts(&bytes("é;à", "windows-1252")), Scripts::default(), "letters alone say nothing");
    }
}
