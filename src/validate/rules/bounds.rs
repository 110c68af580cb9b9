//! Whole numbers lie within their field's bounds.

use crate::model::{CodeInfo, Kind, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule, label};

pub(super) const RULE: Rule = Rule { codes: &[&V004], check };

/// A whole number outside its bounds.
pub static V004: CodeInfo = CodeInfo {
    code: "V004",
    who: Who::User,
    bg: Words {
        message: "{0}: {1} е извън допустимото; напишете цяло число от {2} до {3}",
        why: "Системата работи с цели опаковки и кодове в определени граници. Нула и отрицателни количества не \
              се подават: връщанията имат собствени типове.",
        example: "Количество: 0 или -5; пощенски код: 100",
        repair: "Поправете числото. За върнати продукти използвайте типа за връщане с положително количество.",
    },
    en: Words {
        message: "{0}: {1} is out of bounds; write a whole number from {2} to {3}",
        why: "The system counts whole packs, and its codes have fixed bounds. Zero and negative quantities are \
              never sent: returns have types of their own.",
        example: "Quantity: 0 or -5; postcode: 100",
        repair: "Correct the number. For returned products use the type for returns with a positive quantity.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    for (index, value) in candidate.unvouched() {
        let Value::Integer(number) = value else { continue };
        let Some(Kind::Integer { min, max }) = candidate.schema.fields.get(index).map(|field| field.kind)
        else {
            continue;
        };
        // An unknown type has an issue of its own.
        if !(min..=max).contains(number) && index != candidate.schema.type_field {
            let (bg, en) = label(candidate.schema, index);
            let issue = candidate.issue(&V004, index).both(bg, en).arg(number.to_string());
            findings.add(issue.arg(min.to_string()).arg(max.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Value;
    use crate::validate::tests::{codes, judged, text_of};

    #[test]
    fn bounds_are_inclusive() {
        for (number, expected) in [(0, 1), (1, 0), (100, 0), (101, 1), (-5, 1), (i64::MIN, 1)] {
            let verdict = judged(|draft| draft.values[6] = Some(Value::Integer(number)));
            assert_eq!(codes(&verdict).len(), expected, "{number}");
        }
        let verdict = judged(|draft| draft.values[6] = Some(Value::Integer(0)));
        assert_eq!(text_of(&verdict, 0), "amount: 0 is out of bounds; write a whole number from 1 to 100");
    }
}
