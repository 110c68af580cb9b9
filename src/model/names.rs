//! When two names that people write are the same name.

use unicode_normalization::UnicodeNormalization;
use wide::u8x16;

use super::wide::any_of_sixteen;

/// Folds a column or file name: Unicode form, case, blanks of every kind, invisible characters and
/// look-alike Cyrillic and Latin letters no longer matter. Only for comparing, never for showing.
pub fn fold(name: &str) -> String {
    // Every cell of a preview is folded, and nearly all of them are figures or plain Cyrillic words.
    if name.chars().all(is_plain) {
        spelled(name.chars().map(upper), name.len())
    } else {
        spelled(name.nfkc().filter(|letter| !is_invisible(*letter)).flat_map(char::to_uppercase), name.len())
    }
}

/// Whether a letter has one Unicode form and is never invisible: ASCII and the Cyrillic of Europe.
fn is_plain(letter: char) -> bool {
    matches!(letter, '\0'..='\u{7f}' | '\u{400}'..='\u{45f}')
}

/// The upper case of a plain letter.
fn upper(letter: char) -> char {
    let down = match letter {
        'a'..='z' | 'а'..='я' => 0x20,
        'ѐ'..='џ' => 0x50,
        _ => return letter,
    };
    char::from_u32(u32::from(letter) - down).unwrap_or(letter)
}

/// Single blanks inside and none around, and look-alike letters in their Latin form.
fn spelled(letters: impl Iterator<Item = char>, bytes: usize) -> String {
    let mut folded = String::with_capacity(bytes);
    let mut blank = false;
    for letter in letters {
        if letter.is_whitespace() {
            blank = !folded.is_empty();
        } else {
            if std::mem::take(&mut blank) {
                folded.push(' ');
            }
            folded.push(look_alike(letter));
        }
    }
    folded
}

/// The Latin letter an upper-case Cyrillic letter looks like, or the letter itself.
pub fn look_alike(letter: char) -> char {
    match letter {
        'А' => 'A',
        'В' => 'B',
        'Е' => 'E',
        'К' => 'K',
        'М' => 'M',
        'Н' => 'H',
        'О' => 'O',
        'Р' => 'P',
        'С' => 'C',
        'Т' => 'T',
        'У' => 'Y',
        'Х' => 'X',
        'Ѕ' => 'S',
        'І' => 'I',
        'Ј' => 'J',
        other => other,
    }
}

/// Whether a text holds a character that nobody sees, control characters too.
pub fn has_hidden(text: &str) -> bool {
    any_of_sixteen(text.as_bytes(), may_hide) && text.chars().any(is_hidden)
}

/// Whether nobody sees a character; line ends count too.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control() || is_invisible(letter)
}

/// The bytes that a hidden character may begin with. Cyrillic letters never begin so, and ordinary text is passed
/// over.
fn may_hide(bytes: u8x16) -> u8x16 {
    let are = |wanted| bytes.simd_eq(u8x16::splat(wanted));
    bytes.simd_lt(u8x16::splat(0x20)) | are(0x7F) | are(0xC2) | are(0xE2) | are(0xEF)
}

/// Zero-width, direction and soft-hyphen characters, and the byte-order mark.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::{fold, has_hidden, is_hidden, is_invisible, is_plain, upper};

    #[test]
    fn plain_letters_are_what_the_tables_of_unicode_say() {
        for letter in ('\0'..='\u{45f}').filter(|letter| is_plain(*letter)) {
            let by_tables: String = std::iter::once(letter).nfkc().flat_map(char::to_uppercase).collect();
            assert_eq!(by_tables, upper(letter).to_string(), "{letter:?}");
            assert!(!is_invisible(letter));
        }
    }

    #[test]
    fn every_hidden_character_is_found_wherever_it_stands() {
        for letter in (0..=0x10_FFFF).filter_map(char::from_u32).filter(|letter| is_hidden(*letter)) {
            for text in [format!("{letter}"), format!("Партида 12-{letter}"), format!("{letter}Партида 12")]
            {
                assert!(has_hidden(&text), "{letter:?}");
            }
        }
        for text in ["", "L-4711", "акт № 7 – „Партида“ от юли"] {
            assert!(!has_hidden(text), "{text}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        assert_eq!(fold(" Количество\u{a0}  бр. "), fold("КОЛИЧЕСТВО БР."));
        assert_eq!(fold("Cерия"), fold("Серия"), "Latin C, Cyrillic С");
        assert_eq!(fold("\u{feff}Дата"), fold("дата"));
        assert_ne!(fold("Дата"), fold("Дата 2"));
    }
}
