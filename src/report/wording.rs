//! Arguments that the ledger keeps as evidence, in words for a reader.

use std::borrow::Cow;

use crate::ledger::codes::{RETRYING, UNKNOWN};
use crate::model::{CodeInfo, Lang};
use crate::submit::seen_in;

/// The message of a code with its arguments in the reader's words.
pub fn message(info: &CodeInfo, lang: Lang, args: &[String]) -> String {
    info.message(lang, &worded(info, lang, args))
}

/// The arguments of a code in the reader's words. Nothing is copied for a code whose arguments are words already.
pub(super) fn worded<'a>(info: &CodeInfo, lang: Lang, args: &'a [String]) -> Cow<'a, [String]> {
    if ![UNKNOWN.code, RETRYING.code].contains(&info.code) {
        return Cow::Borrowed(args);
    }
    let mut args = args.to_vec();
    if let Some(seen) = args.first_mut() {
        *seen = seen_in(seen, lang).into_owned();
    }
    Cow::Owned(args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::codes::DOUBLE;

    fn told(info: &CodeInfo, lang: Lang, args: &[&str]) -> String {
        message(info, lang, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
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
        assert!(told(&UNKNOWN, Lang::Bg, &[]).contains("{0}"));
    }
}
