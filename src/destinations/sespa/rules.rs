//! SESPA's own rules, beside the general ones: what the guideline says of single types, and what its numbers
//! look like.
//!
//! What is not written there warns at most: the system's own checks are the authority.

use super::identifiers::{gtin_check_holds, is_digits, is_gtin_shape};
use super::schema::{
    AVAILABLE, BATCH, DRUG_CODE, GTIN, NOTES, PLANNED_DATE, POSTCODE, QUANTITY, RECIPIENT_POSTCODE,
    REGISTRATION, REPORT_DATE,
};
use super::{countries, recipient, script};
use crate::model::{CodeInfo, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule, shown};

/// Every rule of SESPA's, in the order in which their issues are told.
pub(super) static RULES: &[Rule] = &[
    Rule { codes: &[&W401], check: act_number },
    countries::RULE,
    recipient::RULE,
    script::RULE,
    Rule { codes: &[&S004, &W409, &W415], check: gtin },
    Rule { codes: &[&W416], check: batch },
    Rule { codes: &[&W408], check: product_code },
    Rule { codes: &[&W410], check: own_warehouses },
    Rule { codes: &[&W411], check: stock_after_delivery },
    Rule { codes: &[&W412], check: planned_day },
    Rule { codes: &[&W413], check: registration },
];

/// Delivery into the own warehouse, after which the stock holds at least what was delivered.
const DELIVERY: i64 = 1;
/// Transfer between own warehouses.
const TRANSFER: i64 = 33;

/// No GTIN.
pub(super) static S004: CodeInfo = CodeInfo {
    code: "S004",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е GTIN; напишете 8, 12, 13 или 14 цифри от баркода или оставете клетката празна",
        why: "Продуктовият код е числото под баркода. Excel често го разваля, като го показва като 5,71E+12.",
        example: "5.71225E+12; 5712249101 с липсващи цифри",
        repair: "Форматирайте колоната като текст и напишете кода от опаковката. Той не е задължителен.",
    },
    en: Words {
        message: "`{0}` is no GTIN; write the 8, 12, 13 or 14 digits of the barcode or leave the cell empty",
        why: "The product code is the number below the barcode. Excel often damages it, showing it as 5.71E+12.",
        example: "5.71225E+12; 5712249101 with digits missing",
        repair: "Format the column as text and type the code from the pack. It is not required.",
    },
};

/// A GTIN got its zeros back.
pub(super) static W415: CodeInfo = CodeInfo {
    code: "W415",
    who: Who::User,
    bg: Words {
        message: "GTIN „{0}“ е загубил нули отпред; подава се {1}: с контролната цифра е верен, а другите в колоната са с {2} \
                  цифри. За да не се повтаря, форматирайте колоната като текст („Форматиране на клетки“ > „Текст“)",
        why: "Excel маха водещите нули на числата. Контролната цифра и другите кодове в колоната показват колко са били.",
        example: "5712249101367 вместо 05712249101367",
        repair: "Не е нужно да правите нищо. Форматирайте колоната като „Текст“, преди да пишете или поставяте в нея; файл CSV \
                 отваряйте с „Данни“ > „От текст/CSV“.",
    },
    en: Words {
        message: "the GTIN `{0}` lost zeros in front; {1} is sent: its check digit is right, and the others of the column have \
                  {2} digits. So that it does not come again, format the column as text (Format Cells > Text)",
        why: "Excel drops the leading zeros of numbers. The check digit and the column's other codes show how many there were.",
        example: "5712249101367 in place of 05712249101367",
        repair: "Nothing to do. Format the column as Text before you type or paste; open a CSV file by Data > From Text/CSV.",
    },
};

/// A batch may have lost its zeros.
pub(super) static W416: CodeInfo = CodeInfo {
    code: "W416",
    who: Who::User,
    bg: Words {
        message: "партида „{0}“ е от по-малко цифри, а другите в колоната са с {1} и започват с нули; подава се така – сверете я \
                  с опаковката и форматирайте колоната като текст („Форматиране на клетки“ > „Текст“)",
        why: "Excel маха водещите нули на числата. Партидата няма контролна цифра, затова нулите не се връщат по догадка.",
        example: "123 вместо 00123",
        repair: "Сверете партидата с опаковката. Ако са липсвали нули, впишете я в клетка с формат „Текст“.",
    },
    en: Words {
        message: "batch `{0}` has fewer digits, while the others of the column have {1} and begin with zeros; sent as it is – \
                  compare it with the pack, and format the column as text (Format Cells > Text)",
        why: "Excel drops the leading zeros of numbers. A batch has no check digit, so its zeros are not put back by guessing.",
        example: "123 in place of 00123",
        repair: "Compare the batch with the pack. If zeros are missing, enter it in a cell with the format Text.",
    },
};

/// No number in the notes of a type that wants an act.
pub(super) static W401: CodeInfo = CodeInfo {
    code: "W401",
    who: Who::User,
    bg: Words {
        message: "в забележките „{0}“ няма номер; при този тип там се пише № на акта – проверете го",
        why: "При бракуване, установени липси и излишъци забележката трябва да съдържа номера на акта.",
        example: "Забележка: „бракувано“",
        repair: "Допишете номера на акта за бракуване или инвентаризация, например „акт № 12/03.05.2026“.",
    },
    en: Words {
        message: "the notes `{0}` hold no number; for this type they name the act – check them",
        why: "For scrapping, shortages and surpluses the notes must hold the number of the act.",
        example: "Notes: \"scrapped\"",
        repair: "Add the number of the scrapping or inventory act, for example \"act no. 12/03.05.2026\".",
    },
};

/// A product code longer than those of the price council.
pub(super) static W408: CodeInfo = CodeInfo {
    code: "W408",
    who: Who::User,
    bg: Words {
        message: "код на продукт {0} е по-дълъг от кодовете на НСЦРЛП (до 6 цифри); подава се така – вероятно е \
                  номер от друг регистър",
        why: "Подава се идентификаторът от Позитивния лекарствен списък, а не регистрационният номер или кодът \
              на НЗОК.",
        example: "20010123 (регистрационен номер) вместо 2415",
        repair: "Намерете идентификатора на продукта в експорта от сайта на НСЦРЛП.",
    },
    en: Words {
        message: "product code {0} is longer than those of the price council (up to 6 digits); sent as it is – \
                  probably a number of another register",
        why: "The identifier of the Positive Drug List is reported, not the registration number nor the health \
              fund's code.",
        example: "20010123 (a registration number) instead of 2415",
        repair: "Find the product's identifier in the export of the price council's site.",
    },
};

/// A GTIN with a wrong check digit.
pub(super) static W409: CodeInfo = CodeInfo {
    code: "W409",
    who: Who::User,
    bg: Words {
        message: "контролната цифра на GTIN {0} не е вярна; подава се така – сверете го с опаковката",
        why: "Сгрешен GTIN сочи друг продукт или никой. В официалните списъци обаче има и такива кодове.",
        example: "50085412959961",
        repair: "Сверете с баркода на опаковката. Ако е същият, не правете нищо.",
    },
    en: Words {
        message: "the check digit of GTIN {0} does not hold; sent as it is – compare it with the pack",
        why: "A wrong GTIN points to another product or to none. Yet official lists hold such codes too.",
        example: "50085412959961",
        repair: "Compare it with the barcode on the pack. If it is the same, there is nothing to do.",
    },
};

/// A transfer to where it started.
pub(super) static W410: CodeInfo = CodeInfo {
    code: "W410",
    who: Who::User,
    bg: Words {
        message: "трансферът е между складове с еднакъв пощенски код {0}; подава се така – проверете кодовете",
        why: "Складовете се познават по пощенския код: при еднакви кодове системата не вижда движение.",
        example: "От 1000 към 1000",
        repair: "Напишете пощенския код на другия склад. Ако двата са на един код, не правете нищо.",
    },
    en: Words {
        message: "the transfer is between warehouses with the same postcode {0}; sent as it is – check the codes",
        why: "Warehouses are known by postcode: with equal codes the system sees no movement.",
        example: "From 1000 to 1000",
        repair: "Write the other warehouse's postcode. If both share one, there is nothing to do.",
    },
};

/// Less in stock after a delivery than was delivered.
pub(super) static W411: CodeInfo = CodeInfo {
    code: "W411",
    who: Who::User,
    bg: Words {
        message: "след доставка на {1} бр. наличността е само {0}; подава се така – проверете дали е взета след \
                  доставката",
        why: "Наличността се посочва след действието, затова след доставка не може да е под доставеното.",
        example: "Доставени 120, налични 20",
        repair: "Напишете наличността след доставката.",
    },
    en: Words {
        message: "after a delivery of {1} packs only {0} are in stock; sent as it is – check that the stock is \
                  that after the delivery",
        why: "Stock is reported after the act, so after a delivery it cannot be below what was delivered.",
        example: "Delivered 120, in stock 20",
        repair: "Write the stock after the delivery.",
    },
};

/// An export planned for a day that is over.
pub(super) static W412: CodeInfo = CodeInfo {
    code: "W412",
    who: Who::User,
    bg: Words {
        message: "планираният износ ({0}) е преди датата на отчета ({1}); подава се така – проверете датите",
        why: "Планира се бъдещ износ. Ако износът вече е извършен, той се отчита като износ (5).",
        example: "Отчет на 10.06.2026 за планиран износ на 01.06.2026",
        repair: "Поправете сгрешената дата или типа.",
    },
    en: Words {
        message: "the planned export ({0}) is before the report date ({1}); sent as it is – check the dates",
        why: "An export is planned ahead. One that has happened is reported as an export (5).",
        example: "Reported on 10.06.2026: an export planned for 01.06.2026",
        repair: "Correct the wrong date, or the type.",
    },
};

/// A registration number of another shape. It is never repeated.
pub(super) static W413: CodeInfo = CodeInfo {
    code: "W413",
    who: Who::Integrator,
    bg: Words {
        message: "регистрационният номер в реда не е от 32 знака (цифри и букви от A до F на латиница); сверете \
                  го с писмото от регистрацията",
        why: "Под грешен номер системата не разпознава подателя.",
        example: "Номер с буква О вместо цифра 0 или с кирилско А",
        repair: "Копирайте номера от писмото за регистрация.",
    },
    en: Words {
        message: "the registration number in the row has not 32 characters (digits and Latin A to F); compare it \
                  with the letter of registration",
        why: "Under a wrong number the system does not know the sender.",
        example: "A number with the letter O for the digit 0, or with a Cyrillic А",
        repair: "Copy the number from the letter of registration.",
    },
};

fn act_number(candidate: &Candidate<'_>, findings: &mut Findings) {
    let wanted = candidate.spec.is_some_and(|spec| spec.required.contains(NOTES));
    if let (true, Some(notes)) = (wanted, candidate.value(NOTES).and_then(Value::as_text))
        && !notes.contains(|letter: char| letter.is_ascii_digit())
    {
        findings.add(candidate.issue(&W401, NOTES).arg(shown(notes)));
    }
}

fn gtin(candidate: &Candidate<'_>, findings: &mut Findings) {
    let Some(code) = candidate.value(GTIN).and_then(Value::as_text) else { return };
    let digits = candidate.draft.padded_to(GTIN).filter(|digits| *digits > code.len());
    if let Some(whole) = digits.and_then(|digits| padded_gtin(code, digits)) {
        let told = candidate.issue(&W415, GTIN).arg(code).arg(&*whole).arg(whole.len().to_string());
        findings.add(told);
        findings.mend(GTIN, Value::Text(whole.into()));
    } else if !is_gtin_shape(code) {
        findings.add(candidate.issue(&S004, GTIN).arg(shown(code)));
    } else if !gtin_check_holds(code) {
        findings.add(candidate.issue(&W409, GTIN).arg(code));
    }
}

/// The code with zeros in front up to so many digits, if that makes a GTIN whose check digit is right. Too short a
/// code is none, whatever its last digit.
fn padded_gtin(code: &str, digits: usize) -> Option<String> {
    let whole = format!("{code:0>digits$}");
    let is_gtin = code.len() >= 8 && is_gtin_shape(&whole) && gtin_check_holds(&whole);
    is_gtin.then_some(whole)
}

fn batch(candidate: &Candidate<'_>, findings: &mut Findings) {
    let Some(code) = candidate.value(BATCH).and_then(Value::as_text) else { return };
    if let Some(digits) = candidate.draft.padded_to(BATCH).filter(|digits| *digits > code.len())
        && is_digits(code)
    {
        findings.add(candidate.issue(&W416, BATCH).arg(code).arg(digits.to_string()));
    }
}

fn product_code(candidate: &Candidate<'_>, findings: &mut Findings) {
    // Seven to nine digits; anything longer is out of the field's bounds.
    if let Some(code) = whole(candidate, DRUG_CODE).filter(|code| (1_000_000..1_000_000_000).contains(code)) {
        findings.add(candidate.issue(&W408, DRUG_CODE).arg(code.to_string()));
    }
}

fn own_warehouses(candidate: &Candidate<'_>, findings: &mut Findings) {
    let (from, to) = (whole(candidate, POSTCODE), whole(candidate, RECIPIENT_POSTCODE));
    if let (true, Some(postcode)) = (is_type(candidate, TRANSFER) && from == to, to) {
        findings.add(candidate.issue(&W410, RECIPIENT_POSTCODE).arg(postcode.to_string()));
    }
}

fn stock_after_delivery(candidate: &Candidate<'_>, findings: &mut Findings) {
    if let (Some(stock), Some(delivered)) = (whole(candidate, AVAILABLE), whole(candidate, QUANTITY))
        && stock < delivered
        && is_type(candidate, DELIVERY)
    {
        findings.add(candidate.issue(&W411, AVAILABLE).arg(stock.to_string()).arg(delivered.to_string()));
    }
}

fn planned_day(candidate: &Candidate<'_>, findings: &mut Findings) {
    let day = |field| candidate.value(field).and_then(Value::as_day);
    if let (Some(planned), Some(reported)) = (day(PLANNED_DATE), day(REPORT_DATE))
        && planned < reported
    {
        let form = "%d.%m.%Y";
        let issue = candidate.issue(&W412, PLANNED_DATE).arg(planned.format(form).to_string());
        findings.add(issue.arg(reported.format(form).to_string()));
    }
}

fn registration(candidate: &Candidate<'_>, findings: &mut Findings) {
    if let Some(number) = candidate.value(REGISTRATION).and_then(Value::as_text)
        && !(number.len() == 32 && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))
    {
        findings.add(candidate.issue(&W413, REGISTRATION));
    }
}

fn whole(candidate: &Candidate<'_>, field: usize) -> Option<i64> {
    candidate.value(field).and_then(Value::as_integer)
}

fn is_type(candidate: &Candidate<'_>, number: i64) -> bool {
    candidate.spec.is_some_and(|spec| spec.number == number)
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::NaiveDate;

    use super::RULES;
    use crate::destinations::sespa::schema::{FIELD_COUNT, schema};
    use crate::mapping::Draft;
    use crate::model::{Kind, Lang, Schema, Value};
    use crate::validate::{Verdict, validate};

    pub(in crate::destinations::sespa) fn codes(verdict: &Verdict) -> Vec<&'static str> {
        verdict.issues.iter().map(|issue| issue.code.code).collect()
    }

    fn value(kind: Kind, text: &str) -> Value {
        match kind {
            Kind::Integer { .. } => Value::Integer(text.parse().expect("a number")),
            Kind::DateTime => Value::DateTime(text.parse().expect("a time")),
            Kind::Date => Value::Date(text.parse().expect("a day")),
            Kind::Text | Kind::Identifier | Kind::Countries => Value::Text(text.into()),
        }
    }

    fn ordinary(name: &str) -> &'static str {
        match name {
            "p_report_date" => "2026-06-10T00:00:00",
            "p_drug_code" => "2415",
            "p_quantity" => "10",
            "p_recipient_code" => "131071587",
            "p_available_qty" => "100",
            "p_batch_no" => "L-4711",
            "p_postcode" => "1000",
            "p_rcpt_postcode" => "4000",
            "p_country" => "DE",
            "p_export_planned_date" => "2026-07-01",
            "notes" => "акт № 7/10.06.2026",
            other => panic!("no ordinary value for {other}"),
        }
    }

    fn set(draft: &mut Draft, schema: &Schema, name: &str, text: &str) {
        let field = schema.field(name).expect(name);
        draft.values[field] = (!text.is_empty()).then(|| value(schema.fields[field].kind, text));
    }

    /// A row of a type with ordinary values for all it requires, changed by `with` (empty takes a value away).
    pub(in crate::destinations::sespa) fn judged(number: i64, with: &[(&str, &str)]) -> Verdict {
        let schema = schema(None).expect("the built-in catalogue");
        let mut draft = Draft::default();
        draft.reset(FIELD_COUNT);
        let spec = schema.type_on(number, None).expect("a type");
        for field in spec.required.iter().filter(|field| *field != schema.type_field) {
            let name = schema.fields[field].name.as_str();
            set(&mut draft, &schema, name, ordinary(name));
        }
        set(&mut draft, &schema, "p_trn_type", &number.to_string());
        if matches!(number, 3 | 7 | 17 | 19) {
            set(&mut draft, &schema, "p_recipient_code", if number == 3 { "I-Р-1234" } else { "0103211001" });
        }
        for (name, text) in with {
            set(&mut draft, &schema, name, text);
        }
        let today = NaiveDate::from_ymd_opt(2026, 6, 15).expect("a day");
        validate(&mut draft, &[], &schema, RULES, today)
    }

    #[test]
    fn ordinary_rows_of_all_types_pass_without_a_word() {
        for spec in schema(None).expect("the built-in catalogue").types {
            let verdict = judged(spec.number, &[]);
            assert_eq!(codes(&verdict), [""; 0], "{}", spec.number);
            assert!(verdict.record.is_some(), "{}", spec.number);
        }
    }

    #[test]
    fn single_rules_find_what_they_look_for() {
        let cases: [(i64, (&str, &str), &[&str]); 26] = [
            (25, ("notes", ""), &["V003"]),
            (26, ("notes", ""), &["V003"]),
            (37, ("notes", "протокол"), &["W401"]),
            (3, ("notes", "протокол"), &[]),
            (3, ("p_drug_product_code", "05712249101367"), &[]),
            (3, ("p_drug_product_code", "50085412959961"), &["W409"]),
            (3, ("p_drug_product_code", "5712249101"), &["S004"]),
            (3, ("p_drug_code", "999999"), &[]),
            (3, ("p_drug_code", "20010123"), &["W408"]),
            (3, ("p_drug_code", "1000000000"), &["V004"]),
            (3, ("p_quantity", "0"), &["V004"]),
            (3, ("p_available_qty", "0"), &[]),
            (3, ("p_available_qty", "-1"), &["V004"]),
            (3, ("p_postcode", "999"), &["V004"]),
            (3, ("p_postcode", "10000"), &["V004"]),
            (33, ("p_rcpt_postcode", "1000"), &["W410"]),
            (16, ("p_rcpt_postcode", "1000"), &[]),
            (1, ("p_available_qty", "9"), &["W411"]),
            (1, ("p_available_qty", "10"), &[]),
            (3, ("p_available_qty", "9"), &[]),
            (10, ("p_export_planned_date", "2026-06-09"), &["W412"]),
            (10, ("p_postcode", "1000"), &[]),
            (3, ("p_country", "DE"), &["W301"]),
            (38, ("p_rcpt_postcode", "4000"), &[]),
            (3, ("p_actor_reg_no", "985B8C24D41CC5A870A1E30D000380AE"), &[]),
            (3, ("p_actor_reg_no", "985В8C24D41CC5A870A1E30D000380A"), &["W413"]),
        ];
        for (number, (name, text), expected) in cases {
            assert_eq!(codes(&judged(number, &[(name, text)])), expected, "{number} {name}={text}");
        }
        assert_eq!(codes(&judged(3, &[("p_batch_no", "АB1234")])), ["W407"]);
        assert_eq!(codes(&judged(3, &[("p_actor_trn_no", "1000000000000000")])), ["V004"], "sixteen digits");
    }

    #[test]
    fn a_returns_postcode_is_sent_when_there_and_never_missed() {
        let field = super::RECIPIENT_POSTCODE;
        let sent = |verdict: Verdict| verdict.record.expect("a record").value(field).cloned();
        assert_eq!(sent(judged(38, &[("p_rcpt_postcode", "4000")])), Some(Value::Integer(4000)));
        assert_eq!(sent(judged(38, &[])), None);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let verdict = judged(5, &[("p_country", "UK"), ("p_quantity", "-2"), ("p_batch_no", "")]);
        assert_eq!(codes(&verdict), ["V003", "V004", "S001"]);
        let told = verdict.issues[0].code.message(Lang::Bg, &verdict.issues[0].args);
        assert_eq!(
            told,
            "не е попълнено: партиден номер – задължително при тип 5 (Износ в чужбина); попълнете клетката"
        );
    }
}
