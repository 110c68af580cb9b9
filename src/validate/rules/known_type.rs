//! The type exists, and is valid on the row's day.

use chrono::NaiveDate;

use crate::model::{CodeInfo, Issue, Schema, TypeSpec, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule};

pub(super) const RULE: Rule = Rule { codes: &[&V001, &V002], check };

/// No such type.
pub static V001: CodeInfo = CodeInfo {
    code: "V001",
    who: Who::User,
    bg: Words {
        message: "няма тип транзакция {0}; валидните номера са {1}",
        why: "Системата приема само типовете от своята номенклатура; ред с друг номер не може да бъде подаден.",
        example: "Тип: 99",
        repair: "Напишете номера на типа, който отговаря на действието, например 3 за доставка на аптека.",
    },
    en: Words {
        message: "there is no transaction type {0}; the valid numbers are {1}",
        why: "The system takes only the types of its own list; a row with another number cannot be sent.",
        example: "Type: 99",
        repair: "Write the number of the type that fits the act, for example 3 for a delivery to a pharmacy.",
    },
};

/// The type is not valid on the row's day.
pub static V002: CodeInfo = CodeInfo {
    code: "V002",
    who: Who::User,
    bg: Words {
        message: "тип {0} не важи за дата {1} ({2}); проверете датата или изберете друг тип",
        why: "Номенклатурата се променя: типовете имат дата, от която важат, и дата, до която важат.",
        example: "Тип, който важи от 01.01.2026, с дата 31.12.2025",
        repair: "Поправете датата, ако е грешна; иначе изберете типа, който е важал в този ден.",
    },
    en: Words {
        message: "type {0} is not valid on {1} ({2}); check the date or choose another type",
        why: "The list of types changes: each has a day from which and a day up to which it is valid.",
        example: "A type valid from 2026-01-01 with the date 2025-12-31",
        repair: "Correct the date if it is wrong; otherwise choose the type that was valid on that day.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let (schema, draft) = (candidate.schema, candidate.draft);
    let number = draft.value(schema.type_field).and_then(Value::as_integer);
    let (Some(number), None) = (number, candidate.spec) else { return };
    let day = draft.value(schema.date_field).and_then(Value::as_day);
    findings.add(match (schema.type_on(number, None), day) {
        (Some(spec), Some(day)) => out_of_date(candidate, spec, day),
        _ => unknown(candidate, number, day),
    });
}

fn unknown(candidate: &Candidate<'_>, number: i64, day: Option<NaiveDate>) -> Issue {
    let valid = numbers_on(candidate.schema, day);
    candidate.issue(&V001, candidate.schema.type_field).arg(number.to_string()).arg(valid)
}

fn out_of_date(candidate: &Candidate<'_>, spec: &TypeSpec, day: NaiveDate) -> Issue {
    let shown = |day: Option<NaiveDate>| day.map_or_else(|| "…".to_owned(), |day| day.to_string());
    let period = format!("{} – {}", shown(spec.from), shown(spec.until));
    let issue = candidate.issue(&V002, candidate.schema.type_field);
    issue.both(&named(spec, &spec.name_bg), &named(spec, &spec.name_en)).arg(day.to_string()).arg(period)
}

fn named(spec: &TypeSpec, name: &str) -> String {
    format!("{} ({name})", spec.number)
}

fn numbers_on(schema: &Schema, day: Option<NaiveDate>) -> String {
    let mut numbers: Vec<i64> = schema.types.iter().map(|spec| spec.number).collect();
    numbers.retain(|number| schema.type_on(*number, day).is_some());
    numbers.sort_unstable();
    numbers.dedup();
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::validate::tests::{codes, good, judged, text_of};

    #[test]
    fn unknown_types_are_named_with_the_valid_ones() {
        let verdict = judged(|draft| draft.values[0] = Some(crate::model::Value::Integer(99)));
        assert_eq!(codes(&verdict), ["V001"]);
        assert_eq!(text_of(&verdict, 0), "there is no transaction type 99; the valid numbers are 1, 2");
        assert!(verdict.record.is_none());
    }

    #[test]
    fn a_type_of_another_time_is_not_this_days_type() {
        let verdict = judged(|draft| draft.values[0] = Some(crate::model::Value::Integer(3)));
        assert_eq!(codes(&verdict), ["V002"]);
        assert!(text_of(&verdict, 0).contains("3 (old)"), "{}", text_of(&verdict, 0));
        assert!(good().record.is_some());
    }
}
