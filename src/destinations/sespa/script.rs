//! Latin and Cyrillic letters that look alike: found and shown, never exchanged.
//!
//! Nobody knows which script a register used for its own numbers, so a guess would do more harm than the
//! letter itself.

use super::schema::{BATCH, RECIPIENT};
use crate::model::{CodeInfo, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule};

pub(super) const RULE: Rule = Rule { codes: &[&W406, &W407], check };

/// Mixed letters in a permit number.
pub(super) static W406: CodeInfo = CodeInfo {
    code: "W406",
    who: Who::User,
    bg: Words {
        message: "в номера на получателя има смесени латински и български букви: {0} (българските са в скоби); \
                  сравнете с разрешението",
        why: "Буквите А, В, Е, К, М, Н, О, Р, С, Т, Х изглеждат еднакво на кирилица и латиница, но за \
              системата са различни. Разрешение с една сгрешена буква не се намира.",
        example: "BG/WDA/МР-0123, в което МР е на кирилица",
        repair: "Напишете номера на ръка с буквите от разрешението. Ако той наистина е смесен, не правете нищо.",
    },
    en: Words {
        message: "the recipient's number mixes Latin and Bulgarian letters: {0} (the Bulgarian ones are in brackets); \
                  compare it with the permit",
        why: "А, В, Е, К, М, Н, О, Р, С, Т, Х look the same in both scripts but are different letters for the \
              system. A permit with one wrong letter is not found.",
        example: "BG/WDA/МР-0123 where МР is Cyrillic",
        repair: "Type the number with the letters of the permit. If it really is mixed, there is nothing to do.",
    },
};

/// Mixed letters in a batch number.
pub(super) static W407: CodeInfo = CodeInfo {
    code: "W407",
    who: Who::User,
    bg: Words {
        message: "в партидния номер има смесени латински и български букви: {0} (българските са в скоби); сравнете \
                  с опаковката",
        why: "Една и съща партида, написана с различни букви, за системата са две партиди и наличностите не \
              се равняват.",
        example: "АB1234, в което А е на кирилица",
        repair: "Напишете номера така, както е на опаковката – обикновено само с латински букви.",
    },
    en: Words {
        message: "the batch number mixes Latin and Bulgarian letters: {0} (the Bulgarian ones are in brackets); compare \
                  it with the pack",
        why: "One batch written with different letters is two batches for the system, and stocks do not agree.",
        example: "АB1234 where А is Cyrillic",
        repair: "Type the number as it stands on the pack, usually in Latin letters only.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let text = |field| candidate.value(field).and_then(Value::as_text).filter(|text| !text.is_ascii());
    if let Some(number) = text(RECIPIENT).filter(|text| is_mixed_permit(text)) {
        findings.add(candidate.issue(&W406, RECIPIENT).arg(marked(number)));
    }
    if let Some(batch) = text(BATCH).filter(|text| is_mixed(text)) {
        findings.add(candidate.issue(&W407, BATCH).arg(marked(batch)));
    }
}

/// Permit numbers legally join Roman numerals and Cyrillic words (`IV-Р-Т/МР-001`); a part that mixes scripts,
/// or Latin words beside Cyrillic ones, is odd.
fn is_mixed_permit(text: &str) -> bool {
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return false;
    }
    let mut words = text
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || is_cyrillic(letter)))
        .filter(|word| !is_roman(word));
    let latin = words.clone().any(|word| word.chars().any(|letter| letter.is_ascii_alphabetic()));
    latin && words.any(|word| word.chars().any(is_cyrillic))
}

fn is_roman(word: &str) -> bool {
    word.bytes().all(is_roman_digit)
}

fn is_roman_digit(byte: u8) -> bool {
    matches!(byte, b'I' | b'V' | b'X')
}

fn is_mixed(text: &str) -> bool {
    text.chars().any(|letter| letter.is_ascii_alphabetic()) && text.chars().any(is_cyrillic)
}

fn is_cyrillic(letter: char) -> bool {
    matches!(letter, '\u{400}'..='\u{52F}')
}

/// The text with every run of Cyrillic letters in `[]`: marks that survive in every encoding of a report.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 12);
    let mut inside = false;
    for letter in text.chars() {
        if is_cyrillic(letter) != inside {
            marked.push(if inside { ']' } else { '[' });
            inside = !inside;
        }
        marked.push(letter);
    }
    if inside {
        marked.push(']');
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::{is_mixed, is_mixed_permit, marked};

    #[test]
    fn permits_may_have_roman_numerals() {
        for text in ["IV-Р-Т/МР-001", "I-Р-1234", "BG/WDA/MP-0123", "А-17"] {
            assert!(!is_mixed_permit(text), "{text}");
        }
        for text in ["BG/WDA/МР-0123", "BG/WDA/MР-0123", "IV-Р-Т/MР-001", "I1Р"] {
            assert!(is_mixed_permit(text), "{text}");
        }
    }

    #[test]
    fn batches_have_one_script() {
        assert!(is_mixed("АB1234") && !is_mixed("АВ1234") && !is_mixed("AB1234"));
        assert_eq!(marked("АB12Х"), "[А]B12[Х]");
    }
}
