//! When two names that people write are the same name.

use unicode_normalization::UnicodeNormalization;

/// Folds a column or file name: Unicode form, case, blanks of every kind, invisible characters and
/// look-alike Cyrillic and Latin letters no longer matter. Only for comparing, never for showing.
pub fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let mut blank = false;
    for letter in name.nfkc().filter(|letter| !is_invisible(*letter)).flat_map(char::to_uppercase) {
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

/// Zero-width, direction and soft-hyphen characters, and the byte-order mark.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        assert_eq!(fold(" Количество\u{a0}  бр. "), fold("КОЛИЧЕСТВО БР."));
        assert_eq!(fold("Cерия"), fold("Серия"), "Latin C, Cyrillic С");
        assert_eq!(fold("\u{feff}Дата"), fold("дата"));
        assert_ne!(fold("Дата"), fold("Дата 2"));
    }
}
