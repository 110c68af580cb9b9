//! Countries of an export, by ISO 3166-1 alpha-2.

use super::schema::COUNTRY;
use crate::model::{CodeInfo, Value, Who, Words};
use crate::validate::{Candidate, Findings, Rule, shown};

pub(super) const RULE: Rule = Rule { codes: &[&S001, &W402], check };

/// No code of a country.
pub(super) static S001: CodeInfo = CodeInfo {
    code: "S001",
    who: Who::User,
    bg: Words {
        message: "„{0}“ не е код на държава; напишете две латински букви, например DE, AT, GB",
        why: "При износ системата приема само двубуквените кодове по ISO 3166-1, на латиница.",
        example: "Германия; UK вместо GB; EL вместо GR; АТ на кирилица",
        repair: "Напишете двубуквения код на латиница. Няколко държави се разделят с ; или със запетая.",
    },
    en: Words {
        message: "`{0}` is no country code; write two Latin letters, for example DE, AT, GB",
        why: "For exports the system takes only the two-letter codes of ISO 3166-1.",
        example: "Germany; UK instead of GB; EL instead of GR; АТ in Cyrillic letters",
        repair: "Write the two-letter code in Latin letters. Several countries are divided by ; or a comma.",
    },
};

/// An export to where it starts.
pub(super) static W402: CodeInfo = CodeInfo {
    code: "W402",
    who: Who::User,
    bg: Words {
        message: "държавата на износа е България (BG); подава се така – проверете държавата и типа",
        why: "Износ е доставка извън страната; доставка в България има друг тип.",
        example: "BG при износ в чужбина (5)",
        repair: "Напишете държавата на получателя или изберете типа за доставка в страната.",
    },
    en: Words {
        message: "the country of the export is Bulgaria (BG); sent as it is – check the country and the type",
        why: "An export leaves the country; a delivery within Bulgaria has another type.",
        example: "BG in an export (5)",
        repair: "Write the recipient's country, or choose the type for a delivery within the country.",
    },
};

fn check(candidate: &Candidate<'_>, findings: &mut Findings) {
    let Some(countries) = candidate.value(COUNTRY).and_then(Value::as_text) else { return };
    for country in countries.split([',', ';']).map(str::trim) {
        if !is_country(country) {
            findings.add(candidate.issue(&S001, COUNTRY).arg(shown(country)));
        } else if country == "BG" {
            findings.add(candidate.issue(&W402, COUNTRY));
        }
    }
}

/// Whether the text is an officially assigned code of ISO 3166-1 alpha-2, in capitals.
fn is_country(code: &str) -> bool {
    code.len() == 2 && code.is_ascii() && CODES.split(' ').any(|known| known == code)
}

/// The 249 officially assigned codes.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ \
BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES \
ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO \
IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK \
ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR \
PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK \
TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::{CODES, is_country};
    use crate::destinations::sespa::rules::tests::{codes, judged};

    #[test]
    fn the_list_is_the_standards() {
        let listed: Vec<&str> = CODES.split(' ').collect();
        assert_eq!(listed.len(), 249);
        assert!(listed.is_sorted() && listed.iter().all(|code| code.len() == 2));
        for wrong in ["UK", "EL", "XX", "de", "D", "DEU", "АТ", ""] {
            assert!(!is_country(wrong), "{wrong}");
        }
    }

    #[test]
    fn both_separators_are_read() {
        for (countries, expected) in [
            ("DE", vec![]),
            ("DE;AT", vec![]),
            ("DE, AT", vec![]),
            ("DE;UK;XX", vec!["S001", "S001"]),
            ("BG", vec!["W402"]),
        ] {
            assert_eq!(codes(&judged(5, &[("p_country", countries)])), expected, "{countries}");
        }
    }
}
