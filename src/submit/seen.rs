//! What was seen of a request that brought no proof, in the reader's language.
//!
//! The ledger keeps it in English as evidence; Bulgarian is made of it when it is told.

use std::borrow::Cow;

use crate::model::Lang;

/// What was seen, in one language. Words that no table knows, such as a library's of a rare failure, stay as
/// they are.
pub fn seen_in(seen: &str, lang: Lang) -> Cow<'_, str> {
    match lang {
        Lang::En => Cow::Borrowed(seen),
        Lang::Bg => bulgarian(seen).map_or(Cow::Borrowed(seen), Cow::Owned),
    }
}

/// Sentences of ours and of the libraries that tell us; an error's number or detail may follow.
const BEGINNINGS: [(&str, &str); 42] = [
    ("the record can't be read back under today's catalogue", "редът не се разчита по днешния каталог"),
    ("not there, in an answer without a Date", "не познава номера, но отговорът не казва кога"),
    (
        "not there, but neither is a number that surely is",
        "не познава номера, но не намира и такъв, който сигурно има",
    ),
    (
        "not there, and no number is known that surely is",
        "не познава номера, но няма приет ред, с който да се сравни",
    ),
    ("not there, though it took the batch", "не познава номера, макар че е взела пакета"),
    ("not there, but asked too early", "не познава номера, но е питана твърде рано"),
    ("not there", "не познава номера"),
    ("empty answer", "празен отговор"),
    ("not JSON", "отговорът не е в очаквания вид JSON"),
    ("neither rows nor a batch number", "в отговора няма нито редове, нито номер на пакет"),
    ("speaks of another batch", "отговорът е за друг пакет"),
    ("another transaction", "отговорът е за друга транзакция"),
    ("not live any more", "транзакцията вече не е в сила"),
    ("the number is there with other content", "под този номер системата има транзакция с друго съдържание"),
    ("no number given", "системата не е дала номер"),
    ("the answer does not name every row", "отговорът не споменава всички редове"),
    (
        "the program was stopped between sending and the answer",
        "програмата е спряна след изпращането, преди да дойде отговор",
    ),
    ("the ledger was older than its marks", "регистърът е бил по-стар от белезите си"),
    ("the machine stood still before sending", "компютърът е спял точно преди изпращането"),
    ("stopped while waiting for the answer", "програмата е спряна, докато чака отговор"),
    ("an answer larger than 16 MiB", "отговорът е по-голям от 16 MiB"),
    ("an address outside base_url", "адрес извън base_url"),
    ("no path is configured for it", "в настройките няма път за това"),
    ("no connection in time", "връзката не се осъществи навреме"),
    ("no token in the answer", "в отговора няма достъп (token)"),
    ("no certificate in it", "няма сертификат в него"),
    ("certificate required", "сървърът изисква сертификат"),
    ("http is for this machine only, use https", "http е само за тази машина, пишете https"),
    ("must begin with https://", "трябва да започва с https://"),
    ("connection closed before message completed", "връзката прекъсна, преди да дойде целият отговор"),
    ("end of file before message length reached", "връзката прекъсна по средата на отговора"),
    ("unexpected EOF", "връзката прекъсна по средата на отговора"),
    ("peer closed connection without", "връзката прекъсна по средата на отговора"),
    ("connection reset", "връзката беше прекъсната отсреща"),
    ("broken pipe", "връзката беше прекъсната отсреща"),
    ("connection refused", "сървърът отказва връзка"),
    ("network is unreachable", "няма път до мрежата"),
    ("no route to host", "няма път до сървъра"),
    ("failed to lookup address information", "името на сървъра не се намира"),
    ("operation timed out", "времето изтече"),
    ("invalid peer certificate: UnknownIssuer", "издателят му не е познат"),
    ("invalid peer certificate: Expired", "срокът му е изтекъл"),
];

/// Windows tells connections' troubles in its own language; the numbers are the same everywhere.
const WINDOWS: [(&str, &str); 5] = [
    ("(os error 10061)", "сървърът отказва връзка"),
    ("(os error 10060)", "времето изтече"),
    ("(os error 10054)", "връзката беше прекъсната отсреща"),
    ("(os error 10051)", "няма път до мрежата"),
    ("(os error 11001)", "името на сървъра не се намира"),
];

fn bulgarian(seen: &str) -> Option<String> {
    let known = BEGINNINGS.iter().find(|(english, _)| begins(seen, english));
    let known = known.or_else(|| WINDOWS.iter().find(|(number, _)| seen.ends_with(number)));
    if let Some((_, words)) = known {
        return Some((*words).to_owned());
    }
    answered(seen).or_else(|| counted(seen)).or_else(|| of_setting(seen))
}

fn begins(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// `HTTP 200, empty answer`.
fn answered(seen: &str) -> Option<String> {
    let (status, what) = seen.split_once(", ").unwrap_or((seen, ""));
    let status = status.strip_prefix("HTTP ").filter(|status| is_number(status))?;
    Some(match what {
        "" => format!("код HTTP {status}"),
        what => format!("{}, код HTTP {status}", seen_in(what, Lang::Bg)),
    })
}

/// Sentences with numbers in them.
fn counted(seen: &str) -> Option<String> {
    if let Some(batch) = seen.strip_prefix("taken as batch ") {
        return Some(format!("системата го е взела като пакет {batch}"));
    }
    if let Some(seconds) =
        seen.strip_prefix("no whole answer within ").and_then(|rest| rest.strip_suffix(" s"))
    {
        return is_number(seconds).then(|| format!("няма цял отговор за {seconds} секунди"));
    }
    let counts = seen.strip_prefix("an answer about ")?.strip_suffix(" transactions")?;
    let (some, all) = counts.split_once(" of ")?;
    (is_number(some) && is_number(all)).then(|| format!("отговорът е за {some} от {all} транзакции"))
}

/// `token_path: HTTP 404`: what was seen with a setting.
fn of_setting(seen: &str) -> Option<String> {
    let (setting, what) = seen.split_once(": ")?;
    let is_setting = ["base_url", "token_path", "proxy", "ca_file"].contains(&setting);
    Some(format!("{setting}: {}", is_setting.then(|| bulgarian(what))??))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(seen: &str) -> String {
        seen_in(seen, Lang::Bg).into_owned()
    }

    /// The texts that a source file writes behind a marker.
    fn written<'a>(source: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
        source.split(marker).skip(1).filter_map(|rest| rest.split_once('"')).map(|(text, _)| text)
    }

    #[test]
    fn whatever_we_write_has_a_bulgarian_form() {
        let sources = [
            (include_str!("../destinations/sespa/reply.rs"), "unknown(answer, \"", 7),
            (include_str!("client.rs"), "Broken::After(\"", 1),
            (include_str!("exchange.rs"), "Broken::After(\"", 1),
        ];
        for (source, marker, least) in sources {
            let texts: Vec<_> = written(source, marker).filter(|text| !text.is_empty()).collect();
            assert!(texts.len() >= least, "{texts:?}");
            for text in texts {
                assert!(bulgarian(text).is_some(), "{text}");
                assert!(!told(&format!("HTTP 200, {text}")).contains(text), "{text}");
            }
        }
    }

    #[test]
    fn numbers_and_settings_are_kept() {
        assert_eq!(told("HTTP 404"), "код HTTP 404");
        assert_eq!(told("HTTP 200, empty answer"), "празен отговор, код HTTP 200");
        assert_eq!(told("no whole answer within 120 s"), "няма цял отговор за 120 секунди");
        assert_eq!(told("an answer about 1 of 2 transactions"), "отговорът е за 1 от 2 транзакции");
        assert_eq!(told("taken as batch 9002"), "системата го е взела като пакет 9002");
        assert_eq!(told("token_path: HTTP 404"), "token_path: код HTTP 404");
        assert_eq!(told("Connection refused (os error 111)"), "сървърът отказва връзка");
        assert_eq!(told("Aucune connexion (os error 10061)"), "сървърът отказва връзка");
    }

    #[test]
    fn what_nobody_knows_stays_as_it_is() {
        for seen in ["something else", "HTTP abc", "x: HTTP 404", "—", ""] {
            assert_eq!(told(seen), seen);
        }
        assert_eq!(seen_in("not JSON", Lang::En), "not JSON");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_but_for_better_words(seen in "\\PC{0,60}") {
            prop_assert!(seen.is_empty() || !told(&seen).is_empty());
        }
    }
}
