//! No character that nobody sees.

use std::fmt::Write;

use crate::model::names::{has_hidden, is_hidden};
use crate::model::{CodeInfo, Kind, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule, label};

pub(super) const RULE: Rule = Rule { codes: &[&V006, &W302], check };

/// An invisible character in a code.
pub static V006: CodeInfo = CodeInfo {
    code: "V006",
    who: Who::User,
    bg: Words {
        message: "{0}: има невидими знаци ({1}); изтрийте клетката и напишете стойността на ръка",
        why: "Код с невидим знак изглежда верен, но за системата е друг код. Такива знаци идват при копиране \
              от електронна поща и уеб страници.",
        example: "L-4711 с невидим знак U+200B накрая",
        repair: "Изтрийте цялото съдържание на клетката и го напишете на ръка, без копиране.",
    },
    en: Words {
        message: "{0}: holds invisible characters ({1}); clear the cell and type the value by hand",
        why: "A code with an invisible character looks right but is another code for the system. Such \
              characters come with text copied from e-mails and web pages.",
        example: "L-4711 with the invisible character U+200B at its end",
        repair: "Clear the whole cell and type its content by hand, without copying.",
    },
};

/// An invisible character in free text.
pub static W302: CodeInfo = CodeInfo {
    code: "W302",
    who: Who::User,
    bg: Words {
        message: "{0}: има невидими знаци ({1}); подава се така – проверете текста",
        why: "В свободен текст невидимите знаци не пречат, но може да скриват или разместват думи.",
        example: "Забележка с U+202E, който обръща посоката на текста",
        repair: "Ако текстът не се чете правилно, напишете го наново.",
    },
    en: Words {
        message: "{0}: holds invisible characters ({1}); sent as it is – check the text",
        why: "In free text they do no harm, but may hide words or change their order.",
        example: "Notes with U+202E, which reverses the direction of text",
        repair: "Type the text anew if it does not read right.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    for (index, value) in candidate.unvouched() {
        let Value::Text(text) = value else { continue };
        if !has_hidden(text) {
            continue;
        }
        let kind = candidate.schema.fields.get(index).map(|field| field.kind);
        let free = kind == Some(Kind::Text);
        if text.chars().any(|letter| is_hidden(letter) && !(free && matches!(letter, '\n' | '\r' | '\t'))) {
            let (bg, en) = label(candidate.schema, index);
            let code = if free { &W302 } else { &V006 };
            findings.add(candidate.issue(code, index).both(bg, en).arg(shown(text)));
        }
    }
}

/// The text with its control and invisible characters made visible: `[U+202E]`.
pub fn shown(text: &str) -> String {
    let mut visible = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_hidden(letter) {
            // Writing into a string cannot fail.
            let _ = write!(visible, "[U+{:04X}]", u32::from(letter));
        } else {
            visible.push(letter);
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use crate::model::Value;
    use crate::validate::tests::{codes, judged, text_of};

    #[test]
    fn codes_must_be_seen_whole() {
        for text in ["L-1\u{200B}", "\u{202E}gnp", "L\0", "L\n1"] {
            let verdict = judged(|draft| draft.values[2] = Some(Value::Text(text.into())));
            assert_eq!(codes(&verdict), ["V006"], "{text:?}");
        }
        let verdict = judged(|draft| draft.values[2] = Some(Value::Text("L-1\u{200B}".into())));
        assert!(text_of(&verdict, 0).contains("L-1[U+200B]"));
    }

    #[test]
    fn free_text_may_have_lines_and_is_only_warned_about() {
        let with = |text: &str| judged(|draft| draft.values[3] = Some(Value::Text(text.into())));
        assert!(codes(&with("акт № 7\nот 3.5.")).is_empty());
        assert_eq!(codes(&with("акт\u{AD} № 7")), ["W302"]);
        assert!(with("акт\u{AD} № 7").record.is_some());
    }
}
