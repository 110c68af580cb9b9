//! A note for people beside a file that waits for something of its own.

use chrono::{DateTime, Utc};

use super::columns::local_time;
use super::messages::{Catalogue, fill, pick, who_word};
use crate::ledger::StoredIssue;
use crate::model::{CodeInfo, Lang, Severity};

/// What a notice says.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The input's name.
    pub file: &'a str,
    /// Since when it waits.
    pub since: DateTime<Utc>,
    /// What it waits for.
    pub items: &'a [NoticeItem<'a>],
    /// The reader's language.
    pub lang: Lang,
}

/// One thing a file waits for.
#[derive(Debug, Clone, Copy)]
pub struct NoticeItem<'a> {
    /// What it is.
    pub code: &'static CodeInfo,
    /// The arguments of its message.
    pub args: &'a [String],
}

impl<'a> NoticeItem<'a> {
    /// What the issues of a file are about; what only warns keeps nothing waiting.
    pub fn of(issues: impl IntoIterator<Item = &'a StoredIssue>, catalogue: &Catalogue) -> Vec<Self> {
        let known = issues.into_iter().filter_map(|issue| Some((catalogue.get(&issue.code)?, issue)));
        let stops = known.filter(|(code, _)| code.severity() == Severity::Error);
        stops.map(|(code, issue)| Self { code, args: &issue.args }).collect()
    }
}

impl Notice<'_> {
    /// UTF-8 with a byte-order mark and CRLF, so that any Windows editor shows it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = String::from("\u{feff}");
        self.line(&mut text, "Файл", "File", self.file);
        self.line(&mut text, "Чака от", "Waits since", &local_time(self.since));
        for item in self.items {
            text.push_str("\r\n");
            let words = item.code.words(self.lang);
            let mut what = String::new();
            fill(item.code, self.lang, item.args, &mut what);
            self.line(&mut text, "Какво", "What", &format!("{what} ({})", item.code.code));
            self.line(&mut text, "Защо", "Why", words.why);
            self.line(&mut text, "Кой може да го реши", "Who can end it", who_word(item.code.who, self.lang));
            self.line(&mut text, "Как", "How", words.repair);
        }
        text.push_str("\r\n");
        text.push_str(pick(
            self.lang,
            "Тази бележка изчезва сама, когато файлът вече не чака.",
            "This note goes away by itself when the file no longer waits.",
        ));
        text.push_str("\r\n");
        text.into_bytes()
    }

    fn line(&self, text: &mut String, bg: &'static str, en: &'static str, value: &str) {
        text.push_str(pick(self.lang, bg, en));
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{catalogue, issue, noon};
    use super::*;

    #[test]
    fn a_notice_says_what_since_when_who_and_how() {
        let catalogue = catalogue();
        let issues = [issue("F900", None, &["Мария"]), issue("W900", None, &[])];
        let items = NoticeItem::of(&issues, &catalogue);
        let notice = Notice { file: "доставки.csv", since: noon(), items: &items, lang: Lang::Bg };
        assert_eq!(
            String::from_utf8(notice.bytes()).unwrap(),
            "\u{feff}Файл: доставки.csv\r\nЧака от: 2026-11-21 14:03:05\r\n\r\n\
             Какво: файлът е отворен от Мария; затворете го (F900)\r\nЗащо: докато е отворен, може да се промени\r\n\
             Кой може да го реши: Вие\r\nКак: Запишете и затворете файла.\r\n\r\n\
             Тази бележка изчезва сама, когато файлът вече не чака.\r\n"
        );
        let english = Notice { lang: Lang::En, ..notice };
        assert!(String::from_utf8(english.bytes()).unwrap().contains("Who can end it: you\r\n"));
    }
}
