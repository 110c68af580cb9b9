//! The registration number of a row is that of its destination. Known only on running, so the caller asks.

use crate::model::{CodeInfo, Issue, Schema, Value, Who, Words};
use crate::validate::Record;

/// The row names another registration.
pub static V007: CodeInfo = CodeInfo {
    code: "V007",
    who: Who::User,
    bg: Words {
        message: "регистрационният номер в реда не е номерът, под който се подава; проверете за кой обект е файлът",
        why: "Всеки обект подава под собствен регистрационен номер. Ред на друг обект би бил отчетен на \
              грешното място.",
        example: "Редове от склад Пловдив във файла на склад София",
        repair: "Оставете във файла само редовете на този обект или поправете номера.",
    },
    en: Words {
        message: "the registration number in the row is not the one it is sent under; check whose file this is",
        why: "Each site reports under its own registration number. A row of another site would be reported in \
              the wrong place.",
        example: "Rows of the Plovdiv warehouse in the file of the Sofia warehouse",
        repair: "Keep only this site's rows in the file, or correct the number.",
    },
};

/// Compares a record's registration number, if it has one, with the destination's, if that is known. The
/// issue never holds either number.
pub fn registration_mismatch(record: &Record, schema: &Schema, configured: Option<&str>) -> Option<Issue> {
    let mapped = record.value(schema.registration_field).and_then(Value::as_text)?;
    let same = mapped.trim().eq_ignore_ascii_case(configured?.trim());
    (!same).then(|| Issue::new(&V007))
}

#[cfg(test)]
mod tests {
    use super::registration_mismatch;
    use crate::validate::Record;
    use crate::validate::tests::schema;

    #[test]
    fn only_two_different_numbers_disagree() {
        let schema = schema();
        let with = Record::restored(&schema, r#"{"registration":"A1"}"#).expect("record");
        let without = Record::restored(&schema, "{}").expect("record");
        assert!(registration_mismatch(&with, &schema, Some("B2")).is_some());
        assert!(registration_mismatch(&with, &schema, Some("a1")).is_none());
        assert!(registration_mismatch(&with, &schema, None).is_none());
        assert!(registration_mismatch(&without, &schema, Some("B2")).is_none());
    }
}
