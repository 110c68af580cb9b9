//! Who received it: a permit number, an EIK or a health inspectorate's number, by what the type takes.
//!
//! Only an EIK can be proven wrong. Permit numbers are free text, because no public text fixes their form;
//! inspectorates' numbers are doubted but sent.

use super::identifiers::{Doubt, is_digits, is_eik, is_personal, rzi_doubt};
use super::schema::{Form, RECIPIENT};
use crate::model::{CodeInfo, TypeSpec, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule, shown};

pub(super) const RULE: Rule = Rule { codes: &[&S002, &S003, &W403, &W404, &W405, &W414], check };

/// No valid EIK where one is wanted.
pub(super) static S002: CodeInfo = CodeInfo {
    code: "S002",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е валиден ЕИК; напишете 9 или 13 цифри от Търговския регистър или БУЛСТАТ",
        why: "ЕИК има контролна цифра: сгрешена или липсваща цифра се открива, преди да е подадена на името на \
              друга фирма.",
        example: "121708729 вместо 121708719; 131 071 587 с интервали",
        repair: "Сверете ЕИК с фактурата или регистъра. Пазете колоната като текст, за да не губи водещи нули.",
    },
    en: Words {
        message: "`{0}` is no valid EIK; write the 9 or 13 digits of the commercial or BULSTAT register",
        why: "An EIK has a check digit: a wrong or missing digit is found before it is reported under the name \
              of another company.",
        example: "121708729 instead of 121708719; 131 071 587 with blanks",
        repair: "Compare with the invoice or the register. Keep the column as text, so that it loses no zeros.",
    },
};

/// Ten digits where a company's number belongs. The number is never repeated.
pub(super) static S003: CodeInfo = CodeInfo {
    code: "S003",
    who: Who::User,
    bg: Words {
        message: "кодът на получателя прилича на ЕГН (десет цифри) и не се подава; напишете ЕИК или номера от \
                  разрешението",
        why: "Личните данни нямат място в отчета. Номерът не се повтаря тук и не се изпраща.",
        example: "Едноличен търговец, записан със своето ЕГН",
        repair: "Напишете деветцифрения ЕИК на получателя или номера на разрешението му.",
    },
    en: Words {
        message: "the recipient code looks like a personal number (ten digits) and is not sent; write the EIK or \
                  the permit's number",
        why: "Personal data have no place in the report. The number is neither repeated here nor sent.",
        example: "A sole trader entered under a personal number",
        repair: "Write the recipient's EIK of nine digits or the number of its permit.",
    },
};

/// The prefix of a VAT number was taken off.
pub(super) static W403: CodeInfo = CodeInfo {
    code: "W403",
    who: Who::User,
    bg: Words {
        message: "„{0}“ е номер по ДДС; подава се ЕИК без BG: {1}",
        why: "Системата познава фирмите по ЕИК; номерът по ДДС е същият с BG отпред.",
        example: "BG131071587",
        repair: "Не е нужно да правите нищо. Ако искате, махнете BG в картона на клиента.",
    },
    en: Words {
        message: "`{0}` is a VAT number; the EIK without BG is sent: {1}",
        why: "The system knows companies by EIK; the VAT number is the same with BG before it.",
        example: "BG131071587",
        repair: "Nothing to do. You may take off BG in the customer's record.",
    },
};

/// A lost leading zero was given back.
pub(super) static W404: CodeInfo = CodeInfo {
    code: "W404",
    who: Who::User,
    bg: Words {
        message: "ЕИК „{0}“ е загубил водеща нула; подава се {1}",
        why: "Excel маха водещите нули на числата. С нулата отпред контролната цифра е вярна.",
        example: "20469788 вместо 020469788",
        repair: "Проверете номера. Форматирайте колоната като текст, преди да пишете в нея.",
    },
    en: Words {
        message: "the EIK `{0}` lost a leading zero; {1} is sent",
        why: "Excel drops the leading zeros of numbers. With the zero the check digit is right.",
        example: "20469788 instead of 020469788",
        repair: "Check the number. Format the column as text before you type into it.",
    },
};

/// A health inspectorate's number looks odd.
pub(super) static W405: CodeInfo = CodeInfo {
    code: "W405",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не прилича на номер от РЗИ: {1}; подава се така – сверете го с удостоверението",
        why: "Регистрационният номер от РЗИ има десет цифри: област, община, вид на заведението, пореден номер.",
        example: "103211001 вместо 0103211001",
        repair: "Сверете номера с удостоверението за регистрация. Ако е верен, не правете нищо.",
    },
    en: Words {
        message: "`{0}` does not look like a number of the health inspectorate: {1}; sent as it is – compare it \
                  with the certificate",
        why: "The inspectorate's number has ten digits: region, municipality, kind of establishment, serial.",
        example: "103211001 instead of 0103211001",
        repair: "Compare it with the certificate of registration. If it is right, there is nothing to do.",
    },
};

/// A number of another kind where a permit's belongs.
pub(super) static W414: CodeInfo = CodeInfo {
    code: "W414",
    who: Who::User,
    bg: Words {
        message: "кодът на получателя е само от {0} цифри, а за аптека се подава номерът на разрешението от ИАЛ; \
                  подава се така – проверете го",
        why: "Число с толкова цифри обикновено е ЕИК или номер от РЗИ, а аптеките се познават по разрешението.",
        example: "131071587 при доставка на аптека",
        repair: "Напишете номера на актуалното разрешение на аптеката.",
    },
    en: Words {
        message: "the recipient code is just {0} digits, but a pharmacy is named by the number of its permit; sent \
                  as it is – check it",
        why: "A number of so many digits is mostly an EIK or an inspectorate's number; pharmacies are known by \
              their permit.",
        example: "131071587 in a delivery to a pharmacy",
        repair: "Write the number of the pharmacy's current permit.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let text = candidate.value(RECIPIENT).and_then(Value::as_text);
    let (Some(text), Some(spec)) = (text, candidate.spec) else { return };
    let bare = if takes(spec, Form::Eik) { without_country(text) } else { text };
    match (is_digits(bare), bare.len()) {
        (true, 9 | 13) if takes(spec, Form::Eik) => check_eik(candidate, text, bare, findings),
        (true, 8) if takes(spec, Form::Eik) => check_short_eik(candidate, text, bare, findings),
        (true, 10) if takes(spec, Form::Eik) && !takes(spec, Form::Rzi) => {
            findings.add(candidate.issue(&S003, RECIPIENT));
        }
        (true, 10) if takes(spec, Form::Rzi) => check_rzi(candidate, bare, findings),
        _ if takes(spec, Form::Permit) => check_permit(candidate, spec, text, findings),
        _ if takes(spec, Form::Rzi) => check_rzi(candidate, text, findings),
        _ => findings.add(candidate.issue(&S002, RECIPIENT).arg(shown(text))),
    }
}

fn takes(spec: &TypeSpec, form: Form) -> bool {
    spec.recipient.iter().any(|word| word == form.word())
}

/// The digits of a VAT number, or the text as it is.
fn without_country(text: &str) -> &str {
    let rest = text.get(..2).filter(|country| country.eq_ignore_ascii_case("bg")).and(text.get(2..));
    rest.map(str::trim_start).filter(|rest| is_digits(rest)).unwrap_or(text)
}

fn check_eik(candidate: &Candidate<'_>, text: &str, bare: &str, findings: &mut Findings) {
    if !is_eik(bare) {
        findings.add(candidate.issue(&S002, RECIPIENT).arg(text));
    } else if bare.len() < text.len() {
        findings.add(candidate.issue(&W403, RECIPIENT).arg(text).arg(bare));
        findings.mend(RECIPIENT, Value::Text(bare.into()));
    }
}

fn check_short_eik(candidate: &Candidate<'_>, text: &str, bare: &str, findings: &mut Findings) {
    let padded = format!("0{bare}");
    if is_eik(&padded) {
        findings.add(candidate.issue(&W404, RECIPIENT).arg(text).arg(&padded));
        findings.mend(RECIPIENT, Value::Text(padded.into()));
    } else if !candidate.spec.is_some_and(|spec| takes(spec, Form::Permit)) {
        findings.add(candidate.issue(&S002, RECIPIENT).arg(text));
    }
}

fn check_rzi(candidate: &Candidate<'_>, text: &str, findings: &mut Findings) {
    let Some(doubt) = rzi_doubt(text) else { return };
    if is_personal(text) {
        findings.add(candidate.issue(&S003, RECIPIENT));
        return;
    }
    let (bg, en) = match doubt {
        Doubt::Length => ("няма десет цифри", "it has not ten digits"),
        Doubt::Region => {
            ("първите две цифри не са област (01–28)", "its first two digits are no region (01–28)")
        }
        Doubt::Establishment => ("видът на заведението е непознат", "the kind of establishment is not known"),
        Doubt::Serial => ("поредният номер е 000", "its serial is 000"),
    };
    findings.add(candidate.issue(&W405, RECIPIENT).arg(shown(text)).both(bg, en));
}

fn check_permit(candidate: &Candidate<'_>, spec: &TypeSpec, text: &str, findings: &mut Findings) {
    let only_permits = spec.recipient.len() == 1;
    if only_permits && is_digits(text) && matches!(text.len(), 9 | 10 | 13) {
        findings.add(candidate.issue(&W414, RECIPIENT).arg(text.len().to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::without_country;
    use crate::destinations::sespa::rules::tests::{codes, judged};
    use crate::model::Value;

    fn judge(number: i64, recipient: &str) -> (Vec<&'static str>, Option<String>) {
        let verdict = judged(number, &[("p_recipient_code", recipient)]);
        let sent = verdict.record.as_ref().and_then(|record| record.value(super::RECIPIENT));
        (codes(&verdict), sent.and_then(Value::as_text).map(str::to_owned))
    }

    #[test]
    fn where_only_an_eik_is_taken_it_must_be_one() {
        for number in [18, 20, 32] {
            assert_eq!(judge(number, "131071587"), (vec![], Some("131071587".to_owned())));
            for wrong in ["131071588", "ЦСМП София", "123", "BG131071588", "20469789"] {
                assert_eq!(judge(number, wrong), (vec!["S002"], None), "{wrong}");
            }
        }
    }

    #[test]
    fn vat_numbers_and_lost_zeros_are_mended_and_told() {
        assert_eq!(judge(18, "BG131071587"), (vec!["W403"], Some("131071587".to_owned())));
        assert_eq!(judge(16, "bg 131071587"), (vec!["W403"], Some("131071587".to_owned())));
        assert_eq!(judge(20, "20469788"), (vec!["W404"], Some("020469788".to_owned())));
        assert_eq!(without_country("BG/WDA/MP-0123"), "BG/WDA/MP-0123");
    }

    #[test]
    fn ten_digits_are_a_person_unless_an_inspectorate_gave_them() {
        for number in [16, 18, 20, 27, 32] {
            let verdict = judged(number, &[("p_recipient_code", "8001010008")]);
            assert_eq!(codes(&verdict), ["S003"], "{number}");
            assert!(verdict.issues[0].args.is_empty(), "the number is not repeated");
        }
        assert_eq!(judge(17, "0103211001").0, [""; 0]);
        let person = (0..10).map(|check| format!("800101000{check}"));
        assert_eq!(person.filter(|text| judge(17, text).0 == ["S003"]).count(), 1);
    }

    #[test]
    fn wholesalers_are_named_by_permit_or_eik() {
        for number in [16, 27, 38, 24] {
            for code in ["131071587", "0009039460577", "IV-Р-Т/МР-001", "12345678"] {
                assert_eq!(judge(number, code), (vec![], Some(code.to_owned())), "{number} {code}");
            }
            assert_eq!(judge(number, "131071588").0, ["S002"]);
        }
        assert_eq!(judge(38, "0204211001").0, [""; 0]);
    }

    #[test]
    fn doubts_about_inspectorates_numbers_stop_nothing() {
        for code in ["103211001", "0103999001", "РЗИ-17", "3003211001"] {
            for number in [7, 17, 19] {
                assert_eq!(judge(number, code), (vec!["W405"], Some(code.to_owned())), "{number} {code}");
            }
        }
    }

    #[test]
    fn a_pharmacy_is_named_by_its_permit() {
        assert_eq!(judge(3, "I-Р-1234").0, [""; 0]);
        assert_eq!(judge(3, "131071587").0, ["W414"]);
        assert_eq!(judge(3, "BG/WDA/МР-0123").0, ["W406"]);
    }
}
