//! What the type requires is there.

use crate::model::{CodeInfo, FieldSet, Schema, Who, Words};
use crate::validate::{Candidate, Findings, Rule, label};

pub(super) const RULE: Rule = Rule { codes: &[&V003], check };

/// A required member is missing.
pub static V003: CodeInfo = CodeInfo {
    code: "V003",
    who: Who::User,
    bg: Words {
        message: "не е попълнено: {0} – задължително при {1}; попълнете клетката",
        why: "Системата отказва транзакция, в която липсват данни, задължителни за нейния тип.",
        example: "Доставка на аптека (3) без код на получателя; бракуване (25) без номер на акта в забележките",
        repair: "Попълнете клетката. Ако в реда няма такива данни, проверете дали типът е верен.",
    },
    en: Words {
        message: "not filled in: {0} – required for {1}; fill it in",
        why: "The system refuses a transaction that lacks what its type requires.",
        example: "A delivery to a pharmacy (3) without recipient; scrapping (25) without the act number in the notes",
        repair: "Fill in the cell. If the row has no such data, check that the type is right.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let required = match candidate.spec {
        Some(spec) => spec.required,
        None => required_everywhere(candidate.schema),
    };
    let missing = required.minus(candidate.present).minus(candidate.draft.failed);
    if missing.is_empty() {
        return;
    }
    for field in missing.iter() {
        let (bg, en) = label(candidate.schema, field);
        let (type_bg, type_en) = type_words(candidate);
        findings.add(candidate.issue(&V003, field).both(bg, en).both(&type_bg, &type_en));
    }
}

/// What every type requires: all that can be said while the type is not known.
fn required_everywhere(schema: &Schema) -> FieldSet {
    let everywhere = |field: &usize| schema.types.iter().all(|spec| spec.required.contains(*field));
    (0..schema.fields.len()).filter(everywhere).collect()
}

/// The type in words, for messages.
pub(super) fn type_words(candidate: &Candidate<'_>) -> (String, String) {
    match candidate.spec {
        Some(spec) => (
            format!("тип {} ({})", spec.number, spec.name_bg),
            format!("type {} ({})", spec.number, spec.name_en),
        ),
        None => ("всяка транзакция".to_owned(), "every transaction".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::FieldSet;
    use crate::validate::tests::{codes, judged, text_of};

    #[test]
    fn each_missing_member_is_named_once() {
        let verdict = judged(|draft| {
            draft.values[2] = None;
            draft.values[6] = None;
        });
        assert_eq!(codes(&verdict), ["V003", "V003"]);
        assert_eq!(text_of(&verdict, 0), "not filled in: code – required for type 1 (first); fill it in");
    }

    #[test]
    fn what_failed_before_is_not_missing() {
        let verdict = judged(|draft| {
            draft.values[2] = None;
            draft.failed = FieldSet::from_iter([2]);
        });
        assert!(codes(&verdict).is_empty());
    }

    #[test]
    fn without_a_type_only_what_all_types_require_is_missing() {
        let verdict = judged(|draft| draft.values.fill(None));
        assert_eq!(codes(&verdict), ["V003", "V003"], "type and day; the code is not required everywhere");
    }
}
