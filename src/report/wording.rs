//! Arguments that the ledger keeps as evidence (fields' names, what was seen), in words for a reader.

use std::borrow::Cow;

use crate::ledger::codes::{CHANGE, LOOKED, RETRYING, UNKNOWN};
use crate::model::{CodeInfo, Lang};
use crate::submit::seen_in;
use crate::validate::label_of;

/// Between names of fields in one argument.
const BETWEEN_FIELDS: &str = ", ";

/// The message of a code with its arguments in the reader's words.
pub fn message(info: &CodeInfo, lang: Lang, args: &[String]) -> String {
    info.message(lang, &worded(info, lang, args))
}

/// The arguments of a code in the reader's words. Nothing is copied for a code whose arguments are words already.
pub(super) fn worded<'a>(info: &CodeInfo, lang: Lang, args: &'a [String]) -> Cow<'a, [String]> {
    let (index, words): (usize, fn(&str, Lang) -> String) = match info.code {
        code if [UNKNOWN.code, RETRYING.code, LOOKED.code].contains(&code) => {
            (0, |seen, lang| seen_in(seen, lang).into())
        }
        code if code == CHANGE.code => (1, fields),
        _ => return Cow::Borrowed(args),
    };
    let mut args = args.to_vec();
    if let Some(arg) = args.get_mut(index) {
        *arg = words(arg, lang);
    }
    Cow::Owned(args)
}

/// `p_quantity, p_batch_no` as a reader calls them.
fn fields(names: &str, lang: Lang) -> String {
    let label = |name| match (label_of(name), lang) {
        ((bulgarian, _), Lang::Bg) => bulgarian,
        ((_, english), Lang::En) => english,
    };
    names.split(BETWEEN_FIELDS).map(label).collect::<Vec<_>>().join(BETWEEN_FIELDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::codes::DOUBLE;

    fn told(info: &CodeInfo, lang: Lang, args: &[&str]) -> String {
        message(info, lang, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn fields_are_called_what_people_call_them() {
        let args = ["72", "p_quantity, p_batch_no, x_own"];
        assert!(told(&CHANGE, Lang::Bg, &args).contains("различава се в количество, партиден номер, x_own;"));
        assert!(told(&CHANGE, Lang::En, &args).contains("differs in quantity, batch number, x_own;"));
    }

    #[test]
    fn what_was_seen_is_told_in_the_readers_language() {
        let args = ["HTTP 200, not JSON", "9"];
        assert!(
            told(&UNKNOWN, Lang::Bg, &args).contains("(отговорът не е в очаквания вид JSON, код HTTP 200)")
        );
        assert!(told(&UNKNOWN, Lang::En, &args).contains("(HTTP 200, not JSON)"));
        assert!(told(&RETRYING, Lang::Bg, &["HTTP 503"]).contains("(код HTTP 503)"));
    }

    #[test]
    fn other_arguments_stay_and_absent_ones_do_no_harm() {
        assert!(told(&DOUBLE, Lang::Bg, &["p_quantity", "7"]).contains("p_quantity, ред 7"));
        assert!(told(&CHANGE, Lang::Bg, &[]).contains("{1}"));
    }
}
