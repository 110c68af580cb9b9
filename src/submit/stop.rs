//! Why nothing more goes to a system for now, in words for the administrator.

use super::seen::seen_in;
use crate::model::{CodeInfo, Lang, Who, Words};

/// Every code of this room.
pub static CODES: &[&CodeInfo] = &[
    &LOGIN_REFUSED,
    &LOGIN_UNREADABLE,
    &UNREACHABLE,
    &CONFIGURATION,
    &UNTRUSTED,
    &CLIENT_CERTIFICATE,
    &NO_ANSWERS,
    &BUSY,
    &SETTING,
    &MARKS,
    &CLOCK,
];

/// Why nothing more goes to a system, or what a probe of it found.
#[derive(Debug, Clone)]
pub struct Stop {
    /// What it is.
    pub code: &'static CodeInfo,
    /// Section first, then what was seen. No secrets, no cell values.
    pub args: Vec<String>,
}

impl Stop {
    pub(super) fn new(code: &'static CodeInfo, section: &str, seen: impl Into<String>) -> Self {
        Self { code, args: vec![section.to_owned(), seen.into()] }
    }

    /// What was seen.
    pub(super) fn seen(&self) -> &str {
        self.args.get(1).map_or("", String::as_str)
    }

    /// Whether trying again later may end it without anybody doing anything.
    pub(super) fn passes(&self) -> bool {
        [UNREACHABLE.code, BUSY.code].contains(&self.code.code)
    }

    /// What it is and what to do, in one line.
    pub fn message(&self, lang: Lang) -> String {
        let section = self.args.first().map_or("", String::as_str);
        self.code.message(lang, &[section, &seen_in(self.seen(), lang)])
    }
}

/// What is said where a system's clock and ours are too far apart.
pub fn clocks_differ(section: &str, ahead_s: i64) -> Stop {
    Stop::new(&CLOCK, section, format!("{ahead_s:+} s"))
}

macro_rules! stops {
    ($($(#[$doc:meta])* $name:ident $code:literal
        bg $bm:literal $bw:literal $be:literal $br:literal
        en $em:literal $ew:literal $ee:literal $er:literal)*) => {
        $($(#[$doc])*
        pub(super) static $name: CodeInfo = CodeInfo {
            code: $code,
            who: Who::Administrator,
            bg: Words { message: $bm, why: $bw, example: $be, repair: $br },
            en: Words { message: $em, why: $ew, example: $ee, repair: $er },
        };)*
    };
}

stops! {
    /// The token endpoint, or the system after a renewal, refuses who we are.
    LOGIN_REFUSED "D001"
    bg "раздел „{0}“: системата отказва входа ({1}); проверете client_id и client_secret, нищо не се изпраща"
       "Без вход системата не приема нищо. Не се опитва многократно, за да не бъде блокиран достъпът."
       "Тайната е сменена или крайните точки на client_id са изпуснати при копиране от писмото."
       "Сверете двете стойности с писмото от системата (точките в края са част от тях) и проверете с `rxdrop doctor`."
    en "section `{0}`: the system refuses the login ({1}); look at client_id and client_secret, nothing is sent"
       "Without a login the system takes nothing. It is not tried over and over, so that the account is not locked."
       "The secret was changed, or the dots at the end of client_id were lost when it was copied from the e-mail."
       "Compare both values with the system's e-mail (dots at the end belong to them) and look with `rxdrop doctor`."
    /// Client id or secret could not be read.
    LOGIN_UNREADABLE "D002"
    bg "раздел „{0}“: данните за вход не могат да се прочетат ({1}); нищо не се изпраща"
       "Client_id и client_secret се четат наново преди всяко влизане."
       "Променливата на средата не е зададена за услугата или файлът с тайната е недостъпен."
       "Задайте променливата или дайте на услугата право да чете файла, после проверете с `rxdrop doctor`."
    en "section `{0}`: the login's id or secret cannot be read ({1}); nothing is sent"
       "client_id and client_secret are read anew before each login."
       "The environment variable is not set for the service, or the file with the secret may not be read."
       "Set the variable or give the service the right to read the file, then look with `rxdrop doctor`."
    /// No connection; tried again by itself.
    UNREACHABLE "D003"
    bg "раздел „{0}“: системата е недостижима ({1}); опитва се пак сама, но проверете мрежата, ако продължава"
       "Няма връзка със сървъра, затова със сигурност нищо не е регистрирано."
       "Прекъснат интернет, спрян сървър, защитна стена."
       "Проверете мрежата, base_url и proxy; `rxdrop doctor` показва докъде се стига."
    en "section `{0}`: the system cannot be reached ({1}); tried again by itself, but look at the network if it goes on"
       "There is no connection to the server, so surely nothing was registered."
       "The line is down, the server is stopped, a firewall is in between."
       "Look at the network, base_url and proxy; `rxdrop doctor` shows how far it gets."
    /// The answer comes from somewhere else than the service.
    CONFIGURATION "D004"
    bg "раздел „{0}“: отговорът ({1}) показва грешна настройка; проверете base_url, пътищата и proxy, нищо повече не се изпраща"
       "Такъв отговор не идва от самата услуга, а от грешен адрес, посредник или липсващо право."
       "HTTP 404 при сгрешен submit_path, HTTP 302 към страница за вход, HTML вместо JSON, HTTP 407 от посредник."
       "Сверете адресите с описанието на услугата и проверете с `rxdrop doctor`."
    en "section `{0}`: the answer ({1}) speaks of a wrong setting; look at base_url, the paths and proxy, nothing more is sent"
       "Such an answer does not come from the service itself but from a wrong address, a proxy or a missing right."
       "HTTP 404 with a wrong submit_path, HTTP 302 to a login page, HTML instead of JSON, HTTP 407 from a proxy."
       "Compare the addresses with the service's description and look with `rxdrop doctor`."
    /// The server's certificate is not trusted.
    UNTRUSTED "D005"
    bg "раздел „{0}“: сертификатът на сървъра не е доверен ({1}); нищо не се изпраща"
       "Без доверен сертификат не е сигурно с кого се говори, затова тайни и данни не се изпращат."
       "Сървърът не дава междинния си сертификат или защитна програма подменя сертификатите."
       "Добавете липсващия удостоверител с ca_file; проверката не може да се изключи."
    en "section `{0}`: the server's certificate is not trusted ({1}); nothing is sent"
       "Without a trusted certificate nobody knows who is at the other end, so no secrets and no data go there."
       "The server does not send its intermediate certificate, or a security product replaces certificates."
       "Add the missing authority with ca_file; verification cannot be switched off."
    /// The server wants a certificate of ours.
    CLIENT_CERTIFICATE "D006"
    bg "раздел „{0}“: сървърът иска клиентски сертификат ({1}); нищо не се изпраща"
       "Този адрес пуска само програми със свой сертификат."
       "base_url сочи портал за вход с електронен подпис вместо услугата."
       "Сверете base_url с описанието на услугата."
    en "section `{0}`: the server asks for a client certificate ({1}); nothing is sent"
       "This address lets in only programs with a certificate of their own."
       "base_url names a portal for logins by electronic signature instead of the service."
       "Compare base_url with the service's description."
    /// Several batches in a row without proof of what became of them.
    NO_ANSWERS "D007"
    bg "раздел „{0}“: {1} пакета подред останаха без отговор; нищо повече не се изпраща, за да не растат неизвестните"
       "Всеки изпратен пакет без отговор трябва да се провери от човек в портала."
       "Системата приема заявките, но отговаря с HTTP 502."
       "Изчакайте системата да се оправи, проверете неизвестните в портала и решете с `rxdrop resolve`."
    en "section `{0}`: {1} batches in a row got no answer; nothing more is sent, so that no more become unknown"
       "Each batch sent without an answer has to be looked up in the portal by a person."
       "The system takes the requests but answers HTTP 502."
       "Wait until the system has recovered, look the unknown ones up in the portal and decide with `rxdrop resolve`."
    /// The system says that it does not take anything now.
    BUSY "D008"
    bg "раздел „{0}“: системата засега не приема ({1}); опитва се пак сама"
       "Системата отговаря, че в момента не обработва заявки, затова нищо не е регистрирано."
       "HTTP 429 при много заявки, HTTP 503 при поддръжка."
       "Изчакайте; ако продължи повече от ден, попитайте поддръжката на системата."
    en "section `{0}`: the system takes nothing for now ({1}); tried again by itself"
       "The system answers that it does not process requests at the moment, so nothing was registered."
       "HTTP 429 after many requests, HTTP 503 during maintenance."
       "Wait; if it lasts longer than a day, ask the system's support."
    /// A setting makes no request.
    SETTING "D009"
    bg "раздел „{0}“: от настройките не може да се направи заявка ({1}); нищо не се изпраща"
       "Заявката се прави от base_url, пътищата и данните на раздела."
       "base_url без https:// или път с интервал."
       "Поправете настройката и проверете с `rxdrop doctor`."
    en "section `{0}`: the settings make no request ({1}); nothing is sent"
       "A request is made of base_url, the paths and the section's values."
       "base_url without https://, or a path with a blank."
       "Correct the setting and look with `rxdrop doctor`."
    /// The marks of ledger and folders could not be raised.
    MARKS "D020"
    bg "раздел „{0}“: белезите на регистъра не могат да се запишат ({1}); нищо не се изпраща"
       "Преди всяко изпращане до регистъра се записва докъде е стигнал, за да се познае после старо копие."
       "Дискът е пълен, или регистърът е върнат от старо копие, докато програмата работи."
       "Освободете място и права в папката на регистъра; `rxdrop status` и `rxdrop doctor` показват какво не е наред."
    en "section `{0}`: the ledger's marks can't be written ({1}); nothing is sent"
       "Before each request it is written beside the ledger how far it has come, so that an old copy is found out later."
       "The disk is full, or the ledger was put back to an old copy while the program ran."
       "Make room and give rights in the ledger's folder; `rxdrop status` and `rxdrop doctor` show what is wrong."
    /// Our clock and the server's disagree.
    CLOCK "W601"
    bg "раздел „{0}“: часовникът тук и на сървъра се разминават с {1}; сверете часовника на тази машина"
       "По часовника се преценява дали срокът за подаване тече още."
       "Машината няма достъп до сървър за време."
       "Включете автоматичното сверяване на часа."
    en "section `{0}`: the clock here and the server's differ by {1}; set this machine's clock"
       "The clock decides whether a row may still be sent."
       "The machine cannot reach a time server."
       "Switch on automatic setting of the time."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_speaks_both_languages() {
        let codes: std::collections::BTreeSet<&str> = CODES.iter().map(|info| info.code).collect();
        assert_eq!(codes.len(), CODES.len());
        for info in CODES {
            for words in [&info.bg, &info.en] {
                assert!(
                    [words.message, words.why, words.example, words.repair]
                        .iter()
                        .all(|text| !text.is_empty())
                );
                assert!(words.message.contains("{0}") && words.message.contains("{1}"), "{}", info.code);
            }
            assert!(info.bg.message.chars().any(|letter| ('а'..='я').contains(&letter)), "{}", info.code);
        }
    }

    #[test]
    fn a_stop_names_section_and_sight() {
        let stop = Stop::new(&UNREACHABLE, "sespa", "connection refused");
        assert!(
            stop.message(Lang::En)
                .starts_with("section `sespa`: the system cannot be reached (connection refused)")
        );
        assert!(stop.message(Lang::Bg).contains("недостижима (сървърът отказва връзка)"));
    }
}
