//! What our stand-in for SESPA refuses, and in which words.
//!
//! Source: the ministry's guideline for wholesalers, version 1.0: section 3.2 lists what each of
//! the 25 types must hold, section 3.5 the form of each parameter. Written from it a second time,
//! apart from the client's rules, so that the two can catch each other's mistakes; nothing here
//! may call them. The codes (`SBX-…`) are ours: the ministry's own are not public.

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;
use serde_json::{Map, Value};

/// The one drug code that has the right form and is on no list, so that only the system can
/// refuse it.
pub const UNLISTED_DRUG: i64 = 99_999;

/// One reason why a transaction was not registered, as it stands in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// `SBX-` and three digits.
    pub code: &'static str,
    /// Bulgarian, as the real system's messages are.
    pub message: String,
}

impl Refusal {
    /// A refusal in these words.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Everything that is wrong with one transaction of a sender; empty when it may be registered.
///
/// `sender` is the registration number of the whole request.
pub fn judge(row: &Map<String, Value>, sender: Option<&str>) -> Vec<Refusal> {
    let mut found = Vec::new();
    judge_sender(row, sender, &mut found);
    judge_names(row, &mut found);
    judge_forms(row, &mut found);
    match row.get("p_trn_type").and_then(whole) {
        Some(number) => judge_type(row, number, &mut found),
        None if filled(row, "p_trn_type") => {}
        None => found.push(missing("p_trn_type")),
    }
    judge_listed(row, &mut found);
    found
}

/// What a type must hold besides the registration number, the date, the drug, the quantity and
/// the type itself.
struct Needs {
    number: i64,
    recipient: Recipient,
    /// Parameters that must be filled.
    also: &'static [&'static str],
}

/// Which code of its recipient a type carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recipient {
    /// None is asked for.
    None,
    /// A number given by an agency or inspectorate; its form is not published.
    Free,
    /// The company's number.
    Eik,
    /// Either of the two.
    EikOrFree,
}

const LOT_PLACE: &[&str] = &["p_batch_no", "p_postcode"];
const STOCK_LOT_PLACE: &[&str] = &["p_available_qty", "p_batch_no", "p_postcode"];
const ACT: &[&str] = &["p_available_qty", "p_batch_no", "p_postcode", "notes"];

const fn needs(number: i64, recipient: Recipient, also: &'static [&'static str]) -> Needs {
    Needs { number, recipient, also }
}

/// The guideline's section 3.2, in its order.
const TYPES: [Needs; 25] = [
    needs(1, Recipient::None, STOCK_LOT_PLACE),
    needs(3, Recipient::Free, STOCK_LOT_PLACE),
    needs(5, Recipient::None, &["p_available_qty", "p_batch_no", "p_postcode", "p_country"]),
    needs(7, Recipient::Free, STOCK_LOT_PLACE),
    needs(10, Recipient::None, &["p_country", "p_export_planned_date"]),
    needs(12, Recipient::None, STOCK_LOT_PLACE),
    needs(13, Recipient::None, STOCK_LOT_PLACE),
    needs(16, Recipient::EikOrFree, &["p_available_qty", "p_batch_no", "p_postcode", "p_rcpt_postcode"]),
    needs(17, Recipient::Free, STOCK_LOT_PLACE),
    needs(18, Recipient::Eik, STOCK_LOT_PLACE),
    needs(19, Recipient::Free, STOCK_LOT_PLACE),
    needs(20, Recipient::Eik, STOCK_LOT_PLACE),
    needs(24, Recipient::Free, STOCK_LOT_PLACE),
    needs(25, Recipient::None, ACT),
    needs(26, Recipient::None, ACT),
    needs(27, Recipient::EikOrFree, STOCK_LOT_PLACE),
    needs(28, Recipient::None, LOT_PLACE),
    needs(29, Recipient::None, LOT_PLACE),
    needs(30, Recipient::None, LOT_PLACE),
    needs(31, Recipient::None, LOT_PLACE),
    needs(32, Recipient::Eik, LOT_PLACE),
    needs(33, Recipient::None, &["p_batch_no", "p_postcode", "p_rcpt_postcode"]),
    needs(36, Recipient::None, LOT_PLACE),
    needs(37, Recipient::None, ACT),
    // The other warehouse's postcode is asked for only where a wholesaler returns, which the
    // transaction itself does not tell.
    needs(38, Recipient::Free, STOCK_LOT_PLACE),
];

/// The form of a parameter by section 3.5 of the guideline.
#[derive(Clone, Copy)]
enum Form {
    Text,
    /// A whole number of at least this.
    Whole(i64),
    Postcode,
    Timestamp,
    Day,
    Countries,
}

/// Every parameter a transaction may hold. The planned date is printed under two names.
const FORMS: [(&str, Form); 16] = [
    ("p_actor_reg_no", Form::Text),
    ("p_report_date", Form::Timestamp),
    ("p_drug_code", Form::Whole(1)),
    ("p_quantity", Form::Whole(1)),
    ("p_trn_type", Form::Whole(1)),
    ("p_recipient_code", Form::Text),
    ("p_available_qty", Form::Whole(0)),
    ("p_batch_no", Form::Text),
    ("p_postcode", Form::Postcode),
    ("p_rcpt_postcode", Form::Postcode),
    ("p_country", Form::Countries),
    ("p_export_planned_date", Form::Day),
    ("export_planned_date", Form::Day),
    ("p_drug_product_code", Form::Text),
    ("p_actor_trn_no", Form::Whole(1)),
    ("notes", Form::Text),
];

fn judge_sender(row: &Map<String, Value>, sender: Option<&str>, found: &mut Vec<Refusal>) {
    let Some(sender) = sender.filter(|sender| sender.chars().count() == 32) else {
        found.push(Refusal::new(
            "SBX-002",
            "Регистрационният номер на участника липсва или не е от 32 знака.",
        ));
        return;
    };
    match row.get("p_actor_reg_no").and_then(Value::as_str) {
        None => found.push(missing("p_actor_reg_no")),
        Some(own) if own != sender => found.push(Refusal::new(
            "SBX-002",
            "Регистрационният номер в транзакцията е различен от този на пакета.",
        )),
        Some(_) => {}
    }
}

fn judge_names(row: &Map<String, Value>, found: &mut Vec<Refusal>) {
    let unknown = row.keys().filter(|name| !FORMS.iter().any(|(known, _)| known == name));
    found.extend(unknown.map(|name| Refusal::new("SBX-003", format!("Непознат параметър {name}."))));
}

fn judge_forms(row: &Map<String, Value>, found: &mut Vec<Refusal>) {
    for (name, form) in FORMS {
        if let Some(value) = row.get(name).filter(|_| filled(row, name)) {
            found.extend(judge_form(name, form, value));
        }
    }
}

fn judge_form(name: &str, form: Form, value: &Value) -> Option<Refusal> {
    match form {
        Form::Text => (!value.is_string())
            .then(|| Refusal::new("SBX-012", format!("Параметърът {name} трябва да е текст."))),
        Form::Whole(least) => judge_whole(name, least, value),
        Form::Postcode => whole(value)
            .is_none_or(|code| !(1000..=9999).contains(&code))
            .then(|| Refusal::new("SBX-014", format!("Пощенският код {name} трябва да е от четири цифри."))),
        Form::Timestamp => judge_time(name, value, |text| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").is_ok() && text.len() == 19
        }),
        Form::Day => judge_time(name, value, |text| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() && text.len() == 10
        }),
        Form::Countries => judge_countries(value),
    }
}

fn judge_whole(name: &str, least: i64, value: &Value) -> Option<Refusal> {
    match whole(value) {
        None => Some(Refusal::new("SBX-012", format!("Параметърът {name} трябва да е цяло число."))),
        Some(number) if number < least => {
            Some(Refusal::new("SBX-013", format!("Параметърът {name} трябва да е поне {least}.")))
        }
        Some(_) => None,
    }
}

fn judge_time(name: &str, value: &Value, reads: impl Fn(&str) -> bool) -> Option<Refusal> {
    (!value.as_str().is_some_and(reads))
        .then(|| Refusal::new("SBX-017", format!("Параметърът {name} не е валидна дата.")))
}

/// The guideline separates several countries by comma in one place, by semicolon in two others.
fn judge_countries(value: &Value) -> Option<Refusal> {
    let codes = value.as_str().unwrap_or_default();
    let unknown = codes.split([',', ';']).map(str::trim).find(|code| !is_country(code))?;
    Some(Refusal::new("SBX-015", format!("„{unknown}“ не е код на държава по ISO 3166-1.")))
}

fn judge_type(row: &Map<String, Value>, number: i64, found: &mut Vec<Refusal>) {
    let Some(needs) = TYPES.iter().find(|needs| needs.number == number) else {
        found.push(Refusal::new("SBX-010", format!("Непознат тип на транзакция: {number}.")));
        return;
    };
    let everywhere = ["p_report_date", "p_drug_code", "p_quantity"];
    let absent = everywhere.iter().chain(needs.also).filter(|name| !has(row, name));
    found.extend(absent.map(|name| missing(name)));
    judge_recipient(row, needs.recipient, found);
}

fn judge_recipient(row: &Map<String, Value>, recipient: Recipient, found: &mut Vec<Refusal>) {
    if recipient == Recipient::None {
        return;
    }
    if !filled(row, "p_recipient_code") {
        found.push(missing("p_recipient_code"));
        return;
    }
    let code = row.get("p_recipient_code").and_then(Value::as_str).unwrap_or_default();
    let looks_like_eik = matches!(code.len(), 9 | 13) && code.bytes().all(|digit| digit.is_ascii_digit());
    let judged = recipient == Recipient::Eik || (recipient == Recipient::EikOrFree && looks_like_eik);
    if judged && !is_eik(code) {
        found.push(Refusal::new("SBX-016", "Кодът на получателя не е валиден ЕИК (грешна контролна цифра)."));
    }
}

fn judge_listed(row: &Map<String, Value>, found: &mut Vec<Refusal>) {
    if row.get("p_drug_code").and_then(whole) == Some(UNLISTED_DRUG) {
        let text = format!(
            "Лекарственият продукт с код {UNLISTED_DRUG} не е включен в Позитивния лекарствен списък."
        );
        found.push(Refusal::new("SBX-020", text));
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new("SBX-011", format!("Липсва задължителният параметър {name}."))
}

/// Whether a mandatory parameter is there, under either of its names.
fn has(row: &Map<String, Value>, name: &str) -> bool {
    filled(row, name) || (name == "p_export_planned_date" && filled(row, "export_planned_date"))
}

fn filled(row: &Map<String, Value>, name: &str) -> bool {
    match row.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    }
}

/// A whole number, quoted or not; neither `12.0` nor `1e3` is one.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    }
}

/// Whether the check digits of a company's number hold (9 digits, or 13 for a branch).
fn is_eik(code: &str) -> bool {
    let digits: Option<Vec<u32>> = code.chars().map(|digit| digit.to_digit(10)).collect();
    let Some(digits) = digits else { return false };
    let head =
        digits.get(..9).is_some_and(|head| closes(head, [1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 5, 6, 7, 8, 9, 10]));
    match digits.len() {
        9 => head,
        13 => head && digits.get(8..).is_some_and(|tail| closes(tail, [2, 7, 3, 5], [4, 9, 5, 7])),
        _ => false,
    }
}

/// Whether the last digit is the remainder by 11 of the others' weighted sum; a remainder of 10
/// is weighed a second time, and then stands for 0.
fn closes<const N: usize>(digits: &[u32], first: [u32; N], second: [u32; N]) -> bool {
    let remainder = |weights: [u32; N]| {
        digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11
    };
    let check = match remainder(first) {
        10 => remainder(second) % 10,
        check => check,
    };
    digits.last() == Some(&check)
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && COUNTRIES.split_ascii_whitespace().any(|known| known == code)
}

/// ISO 3166-1 alpha-2, officially assigned codes.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT \
    JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY \
    MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM \
    PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
    TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SENDER: &str = "0123456789ABCDEF0123456789ABCDEF";

    fn full(number: i64) -> Map<String, Value> {
        let row = json!({
            "p_actor_reg_no": SENDER, "p_report_date": "2026-08-31T00:00:00", "p_drug_code": 2415,
            "p_quantity": 12, "p_trn_type": number, "p_recipient_code": "131071587", "p_available_qty": 0,
            "p_batch_no": "A1", "p_postcode": 1532, "p_rcpt_postcode": 4003, "p_country": "DE;AT",
            "p_export_planned_date": "2026-09-14", "p_drug_product_code": "05712249101367",
            "p_actor_trn_no": 1, "notes": "акт 5"
        });
        row.as_object().unwrap().clone()
    }

    fn codes(row: &Map<String, Value>) -> Vec<&'static str> {
        judge(row, Some(SENDER)).into_iter().map(|refusal| refusal.code).collect()
    }

    fn with(name: &str, value: Value) -> Vec<&'static str> {
        let mut row = full(16);
        row.insert(name.to_owned(), value);
        codes(&row)
    }

    /// Mandatory parameters by type, written down once more in the short form of a table:
    /// R recipient, A stock, L lot, P postcode, Q other postcode, C country, X planned date, N notes.
    #[test]
    fn each_type_misses_exactly_what_the_guideline_makes_mandatory() {
        let table = "1 ALP,3 RALP,5 ALPC,7 RALP,10 CX,12 ALP,13 ALP,16 RALPQ,17 RALP,18 RALP,19 RALP,20 RALP,24 RALP,\
                     25 ALPN,26 ALPN,27 RALP,28 LP,29 LP,30 LP,31 LP,32 RLP,33 LPQ,36 LP,37 ALPN,38 RALP";
        let names = [
            ('R', "p_recipient_code"),
            ('A', "p_available_qty"),
            ('L', "p_batch_no"),
            ('P', "p_postcode"),
            ('Q', "p_rcpt_postcode"),
            ('C', "p_country"),
            ('X', "p_export_planned_date"),
            ('N', "notes"),
        ];
        assert_eq!(table.split(',').count(), TYPES.len());
        for line in table.split(',') {
            let (number, letters) = line.trim().split_once(' ').unwrap();
            for (letter, name) in names {
                let mut row = full(number.parse().unwrap());
                assert_eq!(codes(&row), [""; 0], "type {number}");
                row.remove(name);
                let refused = codes(&row) == ["SBX-011"];
                assert_eq!(refused, letters.contains(letter), "type {number} without {name}");
            }
        }
    }

    #[test]
    fn the_five_parameters_of_every_type_are_mandatory() {
        for name in ["p_actor_reg_no", "p_report_date", "p_drug_code", "p_quantity", "p_trn_type"] {
            let mut row = full(1);
            row.remove(name);
            assert_eq!(codes(&row), ["SBX-011"], "{name}");
        }
    }

    #[test]
    fn forms_are_checked() {
        assert_eq!(with("p_quantity", json!(0)), ["SBX-013"]);
        assert_eq!(with("p_quantity", json!(-5)), ["SBX-013"]);
        assert_eq!(with("p_quantity", json!(2.5)), ["SBX-012"]);
        assert_eq!(with("p_quantity", json!(12.0)), ["SBX-012"]);
        assert_eq!(with("p_quantity", json!("12")), [""; 0]);
        assert_eq!(with("p_quantity", json!("12 ")), ["SBX-012"]);
        assert_eq!(with("p_postcode", json!("153")), ["SBX-014"]);
        assert_eq!(with("p_postcode", json!("0532")), ["SBX-014"]);
        assert_eq!(with("p_country", json!("DE,XX")), ["SBX-015"]);
        assert_eq!(with("p_country", json!("de")), ["SBX-015"]);
        assert_eq!(with("p_recipient_code", json!("131071588")), ["SBX-016"]);
        assert_eq!(with("p_recipient_code", json!("BG/WDA/MP-0123")), [""; 0]);
        assert_eq!(with("p_report_date", json!("2026-02-31T00:00:00")), ["SBX-017"]);
        assert_eq!(with("p_report_date", json!("31.08.2026")), ["SBX-017"]);
        assert_eq!(with("p_batch_no", json!("  ")), ["SBX-011"]);
        assert_eq!(with("p_batch_no", json!(100_000)), ["SBX-012"]);
        assert_eq!(with("p_trn_type", json!(2)), ["SBX-010"]);
        assert_eq!(with("p_trn_type", json!("x")), ["SBX-012"]);
        assert_eq!(with("p_qty", json!(1)), ["SBX-003"]);
        assert_eq!(with("p_drug_code", json!(UNLISTED_DRUG)), ["SBX-020"]);
    }

    #[test]
    fn the_registration_number_is_the_same_everywhere() {
        assert_eq!(with("p_actor_reg_no", json!("FEDCBA9876543210FEDCBA9876543210")), ["SBX-002"]);
        assert_eq!(judge(&full(1), None).len(), 1);
        assert_eq!(judge(&full(1), Some("short")).len(), 1);
    }

    #[test]
    fn check_digits_of_company_numbers() {
        for good in ["131071587", "121708719", "020469788", "0009039460577", "1751162860016", "1213961230342"]
        {
            assert!(is_eik(good), "{good}");
        }
        for bad in
            ["121708729", "175116280", "1751162860013", "1017087192000", "123456789", "12345678", "13107158X"]
        {
            assert!(!is_eik(bad), "{bad}");
        }
    }

    #[test]
    fn either_name_of_the_planned_date_is_read() {
        let mut row = full(10);
        let day = row.remove("p_export_planned_date").unwrap();
        row.insert("export_planned_date".to_owned(), day);
        assert_eq!(codes(&row), [""; 0]);
    }
}
