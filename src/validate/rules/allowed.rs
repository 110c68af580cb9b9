//! What the type does not know stays behind.

use super::required::type_words;
use crate::model::{CodeInfo, Who, Words};
use crate::validate::{Candidate, Findings, Rule, label};

pub(super) const RULE: Rule = Rule { codes: &[&W301], check };

/// A value that its type does not take stays behind.
pub static W301: CodeInfo = CodeInfo {
    code: "W301",
    who: Who::User,
    bg: Words {
        message: "{0}: не се подава при {1} и се пропуска; ако типът е сгрешен, поправете го",
        why: "Всеки тип има свой набор от данни. Излишните не пречат, но често показват сгрешен тип.",
        example: "Държава в ред за доставка на аптека (3)",
        repair: "Ако типът е верен, не е нужно да правите нищо. Иначе поправете типа.",
    },
    en: Words {
        message: "{0}: not sent with {1}, it stays behind; correct the type if it is wrong",
        why: "Each type has its own set of data. What is too much does no harm, but often shows a wrong type.",
        example: "A country in a delivery to a pharmacy (3)",
        repair: "Nothing to do if the type is right. Otherwise correct the type.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let behind = candidate.present.minus(candidate.sent);
    if behind.is_empty() {
        return;
    }
    let (type_bg, type_en) = type_words(candidate);
    for field in behind.iter() {
        let (bg, en) = label(candidate.schema, field);
        findings.add(candidate.issue(&W301, field).both(bg, en).both(&type_bg, &type_en));
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Value;
    use crate::validate::tests::{codes, judged};

    #[test]
    fn what_the_type_lacks_stays_behind_and_is_told() {
        let verdict = judged(|draft| {
            draft.values[0] = Some(Value::Integer(2));
            draft.values[3] = Some(Value::Text("always goes out".into()));
        });
        assert_eq!(codes(&verdict), ["W301"], "type 2 takes no amount");
        let record = verdict.record.expect("a warning stops nothing");
        assert_eq!(record.value(6), None);
        assert!(record.value(3).is_some());
    }
}
