//! An act that is reported has happened.

use crate::model::{CodeInfo, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule};

pub(super) const RULE: Rule = Rule { codes: &[&V005], check };

/// The day of the act is after today.
pub static V005: CodeInfo = CodeInfo {
    code: "V005",
    who: Who::User,
    bg: Words {
        message: "датата {0} е в бъдещето (днес е {1}); отчита се само извършено действие – поправете датата",
        why: "Датата на отчета е денят, в който действието е извършено. Бъдеща дата почти винаги е разменен \
              ден и месец или сгрешена година.",
        example: "11.12.2026 вместо 12.11.2026",
        repair: "Напишете деня на действието. За планиран износ бъдещата дата е отделна колона.",
    },
    en: Words {
        message: "the date {0} is in the future (today is {1}); only what has happened is reported – correct it",
        why: "The report date is the day of the act. A date in the future is nearly always day and month \
              exchanged or a wrong year.",
        example: "11.12.2026 instead of 12.11.2026",
        repair: "Write the day of the act. The day of a planned export has a column of its own.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let field = candidate.schema.date_field;
    if let Some(day) = candidate.value(field).and_then(Value::as_day)
        && day > candidate.today
    {
        let issue = candidate.issue(&V005, field).arg(day.format("%d.%m.%Y").to_string());
        findings.add(issue.arg(candidate.today.format("%d.%m.%Y").to_string()));
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Value;
    use crate::validate::tests::{TODAY, codes, day, judged};

    #[test]
    fn today_is_the_last_day() {
        for (text, expected) in [(TODAY, vec![]), ("2026-06-16", vec!["V005"])] {
            let at = day(text).and_hms_opt(23, 59, 59).expect("time");
            let verdict = judged(|draft| draft.values[1] = Some(Value::DateTime(at)));
            assert_eq!(codes(&verdict), expected, "{text}");
        }
    }
}
