//! What can be wrong with a configuration, in both languages. All of it is the administrator's.

use crate::model::{CodeInfo, Who, Words};

/// Every code of this room.
pub static CODES: &[&CodeInfo] = &[
    &C001, &C002, &C003, &C004, &C005, &C006, &C007, &C008, &C009, &C010, &C011, &C012, &C013, &C014, &C015,
    &C016, &C017, &C018, &C019, &C020, &C021,
];

pub(super) static C001: CodeInfo = CodeInfo {
    code: "C001",
    who: Who::Administrator,
    bg: Words {
        message: "не мога да прочета настройките `{0}`: {1}; посочете пътя с --config",
        why: "Без настройките нищо не работи.",
        example: "rxdrop -c nowhere.toml run",
        repair: "Посочете верния път и дайте право за четене на потребителя, с който работи услугата. `rxdrop init` създава нов файл.",
    },
    en: Words {
        message: "can't read the configuration `{0}`: {1}; give its path with --config",
        why: "Nothing works without the configuration.",
        example: "rxdrop -c nowhere.toml run",
        repair: "Give the right path, and the right to read it to the account the service runs under. `rxdrop init` writes a new one.",
    },
};

pub(super) static C002: CodeInfo = CodeInfo {
    code: "C002",
    who: Who::Administrator,
    bg: Words {
        message: "това не е правилен TOML: {0}",
        why: "Докато формата на файла е нарушена, останалото в него не е сигурно.",
        example: "folder = \"C:\\data\"",
        repair: "Поправете реда. Текстът стои в двойни кавички, а пътищата с наклонени черти в единични.",
    },
    en: Words {
        message: "this is not valid TOML: {0}",
        why: "The rest of the file can't be trusted while its form is broken.",
        example: "folder = \"C:\\data\"",
        repair: "Mend the line. Text stands in double quotes, paths with backslashes in single ones.",
    },
};

pub(super) static C003: CodeInfo = CodeInfo {
    code: "C003",
    who: Who::Administrator,
    bg: Words {
        message: "тук няма настройка `{0}`; най-близката е `{1}`",
        why: "Сгрешено име би оставило мълчаливо стойността по подразбиране.",
        example: "instalation = 2",
        repair: "Поправете името или махнете реда. `rxdrop schema config` изброява всички имена.",
    },
    en: Words {
        message: "there is no setting `{0}` here; the nearest is `{1}`",
        why: "A misspelt key would silently leave the default in force.",
        example: "instalation = 2",
        repair: "Correct the name or take the line out. `rxdrop schema config` lists all names.",
    },
};

pub(super) static C004: CodeInfo = CodeInfo {
    code: "C004",
    who: Who::Administrator,
    bg: Words {
        message: "`{0}` има грешна стойност: {1}",
        why: "Стойността не може да се използва така.",
        example: "settle = \"soon\"",
        repair: "Напишете стойност във вида, който съобщението посочва.",
    },
    en: Words {
        message: "`{0}` has a wrong value: {1}",
        why: "The value can't be used as it stands.",
        example: "settle = \"soon\"",
        repair: "Write a value of the form the message names.",
    },
};

pub(super) static C005: CodeInfo = CodeInfo {
    code: "C005",
    who: Who::Administrator,
    bg: Words {
        message: "пътят съдържа управляващ знак, защото \\t и подобните означават друго в двойни кавички; напишете го в единични: {0}",
        why: "Път с табулатор в него не съществува никъде; папката никога няма да бъде намерена.",
        example: "folder = \"C:\\temp\"",
        repair: "Напишете пътя в единични кавички.",
    },
    en: Words {
        message: "the path holds a control character, because \\t and the like mean something in double quotes; write it in single ones: {0}",
        why: "A path with a tab in it exists nowhere; the folder would never be found.",
        example: "folder = \"C:\\temp\"",
        repair: "Write the path in single quotes.",
    },
};

pub(super) static C006: CodeInfo = CodeInfo {
    code: "C006",
    who: Who::Administrator,
    bg: Words {
        message: "[destination.{0}] е за {1}, където нищо не се предполага; липсват: {2}",
        why: "Стойностите на пробната среда може да са грешни за истинска система, а грешни срокове биха загубили редове.",
        example: "environment = \"production\"",
        repair: "Вземете стойностите от документите на системата. `status_path` и `lookup_path` могат да са \"\".",
    },
    en: Words {
        message: "[destination.{0}] speaks to {1}, where nothing is assumed; missing: {2}",
        why: "The values of the sandbox could be wrong for a real system, and wrong days would lose rows.",
        example: "environment = \"production\"",
        repair: "Take the values from the system's documents. `status_path` and `lookup_path` may be \"\".",
    },
};

pub(super) static C007: CodeInfo = CodeInfo {
    code: "C007",
    who: Who::Administrator,
    bg: Words {
        message: "няма раздел [destination.{0}]; най-близкият е `{1}`",
        why: "Няма откъде да се вземе или къде да се изпрати онова, което сочи към този раздел.",
        example: "like = \"sepsa\"",
        repair: "Посочете раздел от същия файл.",
    },
    en: Words {
        message: "there is no section [destination.{0}]; the nearest is `{1}`",
        why: "What should be taken from that section, or sent to it, has no place.",
        example: "like = \"sepsa\"",
        repair: "Name a section of this file.",
    },
};

pub(super) static C008: CodeInfo = CodeInfo {
    code: "C008",
    who: Who::Administrator,
    bg: Words {
        message: "`{0}` не е позната система; познати са: {1}",
        why: "Системата на раздела определя какви са заявките; без `system` се взима името му.",
        example: "[destination.warehouse2]",
        repair: "Добавете `system = \"…\"` с едно от познатите имена.",
    },
    en: Words {
        message: "`{0}` is no system known here; known: {1}",
        why: "A section's system decides what its requests look like; without `system` its name is taken.",
        example: "[destination.warehouse2]",
        repair: "Say `system = \"…\"` with one of the known names.",
    },
};

pub(super) static C009: CodeInfo = CodeInfo {
    code: "C009",
    who: Who::Administrator,
    bg: Words {
        message: "`like` се връща към себе си: {0}",
        why: "Всеки раздел чака другия да каже нещо.",
        example: "like = \"sespa\" в [destination.sespa]",
        repair: "Махнете едно от тези `like`.",
    },
    en: Words {
        message: "`like` leads back to itself: {0}",
        why: "Each section waits for the other to say something.",
        example: "like = \"sespa\" inside [destination.sespa]",
        repair: "Take one of these `like` out.",
    },
};

pub(super) static C010: CodeInfo = CodeInfo {
    code: "C010",
    who: Who::Administrator,
    bg: Words {
        message: "{0} още не се поддържа; използвайте sqlite:// и път на местен диск",
        why: "Общ дневник за няколко машини е предвиден за по-късно.",
        example: "url = \"postgres://db/rxdrop\"",
        repair: "Напишете url = \"sqlite://state/rxdrop.db\".",
    },
    en: Words {
        message: "{0} is not yet supported; use sqlite:// and a path on a local disk",
        why: "A ledger shared by several machines is planned.",
        example: "url = \"postgres://db/rxdrop\"",
        repair: "Write url = \"sqlite://state/rxdrop.db\".",
    },
};

pub(super) static C011: CodeInfo = CodeInfo {
    code: "C011",
    who: Who::Administrator,
    bg: Words {
        message: "дневникът `{0}` е на мрежов път; преместете го на местен диск",
        why: "Заключванията на мрежовите файлови системи не са сигурни: дневникът би се повредил и редове биха се подали два пъти.",
        example: "url = 'sqlite://\\\\server\\share\\rxdrop.db'",
        repair: "Дръжте дневника на диск на тази машина. На споделена папка могат да са само входните папки.",
    },
    en: Words {
        message: "the ledger `{0}` lies on a network path; put it on a local disk",
        why: "Locks of network file systems don't hold, so the ledger would be damaged and rows sent twice.",
        example: "url = 'sqlite://\\\\server\\share\\rxdrop.db'",
        repair: "Keep the ledger on a disk of this machine. Only drop folders may lie on a share.",
    },
};

pub(super) static C012: CodeInfo = CodeInfo {
    code: "C012",
    who: Who::Administrator,
    bg: Words {
        message: "[destination.{0}] би изпращал по мрежата в открит вид; използвайте https://",
        why: "Всеки, който подслушва, би прочел достъпа и редовете.",
        example: "base_url = \"http://system.example\"",
        repair: "Напишете https://. Обикновен http се допуска само за 127.0.0.1 и localhost.",
    },
    en: Words {
        message: "[destination.{0}] would send in plain text over the network; use https://",
        why: "Whoever listens would read the login and the rows.",
        example: "base_url = \"http://system.example\"",
        repair: "Write https://. Plain http is for 127.0.0.1 and localhost only.",
    },
};

pub(super) static C013: CodeInfo = CodeInfo {
    code: "C013",
    who: Who::Administrator,
    bg: Words {
        message: "[destination.{0}] е в пробна среда (sandbox), а адресът е на друга машина; посочете `environment`",
        why: "Пробната среда е вграденият заместител на тази машина. Истинска система на нейно място би получила пробните стойности, а отчетите биха нарекли истинските редове проба.",
        example: "base_url = \"https://system.example\"",
        repair: "Напишете environment = \"test\" или \"production\", или махнете base_url.",
    },
    en: Words {
        message: "[destination.{0}] has the environment sandbox but an address on another machine; say `environment`",
        why: "The sandbox is the built-in stand-in on this machine. A real system in its place would get the sandbox's values, and reports would call real rows a trial.",
        example: "base_url = \"https://system.example\"",
        repair: "Say environment = \"test\" or \"production\", or leave base_url out.",
    },
};

pub(super) static C014: CodeInfo = CodeInfo {
    code: "C014",
    who: Who::Administrator,
    bg: Words {
        message: "`{0}` трябва да казва откъде се чете: { env = \"ИМЕ\" } или { file = \"път\" }",
        why: "Файловете с настройки се копират, пращат и архивират; в тях не бива да има тайни.",
        example: "client_id = \"…\"",
        repair: "Посочете една променлива на средата или един файл с един ред.",
    },
    en: Words {
        message: "`{0}` must say where it is read from: { env = \"NAME\" } or { file = \"path\" }",
        why: "Configuration files are copied, mailed and backed up; secrets must not be in them.",
        example: "client_id = \"…\"",
        repair: "Name one environment variable or one file of a single line.",
    },
};

pub(super) static C015: CodeInfo = CodeInfo {
    code: "C015",
    who: Who::Administrator,
    bg: Words {
        message: "променливата на средата `{0}` не е зададена или не е текст; задайте я за потребителя, с който работи услугата",
        why: "Без нея няма достъп до системата и нищо не се подава.",
        example: "client_id = { env = \"RXDROP_SESPA_CLIENT_ID\" }",
        repair: "Задайте променливата и рестартирайте услугата, или използвайте { file = \"…\" }.",
    },
    en: Words {
        message: "the environment variable `{0}` is not set, or is no text; set it for the account the service runs under",
        why: "Without it there is no login, so nothing is sent.",
        example: "client_id = { env = \"RXDROP_SESPA_CLIENT_ID\" }",
        repair: "Set the variable and restart the service, or use { file = \"…\" }.",
    },
};

pub(super) static C016: CodeInfo = CodeInfo {
    code: "C016",
    who: Who::Administrator,
    bg: Words {
        message: "не мога да прочета файла с тайната `{0}`: {1}",
        why: "Без нея няма достъп до системата и нищо не се подава.",
        example: "client_secret = { file = \"secrets/client\" }",
        repair: "Проверете пътя и правото за четене на потребителя, с който работи услугата.",
    },
    en: Words {
        message: "can't read the secret's file `{0}`: {1}",
        why: "Without it there is no login, so nothing is sent.",
        example: "client_secret = { file = \"secrets/client\" }",
        repair: "Check the path and the right to read it of the account the service runs under.",
    },
};

pub(super) static C017: CodeInfo = CodeInfo {
    code: "C017",
    who: Who::Administrator,
    bg: Words {
        message: "`{0}` трябва да съдържа тайната на един ред и нищо друго",
        why: "Тайна, отрязана на грешно място, системата отхвърля като грешен достъп.",
        example: "празен файл или два реда",
        repair: "Запишете стойността като единствен ред.",
    },
    en: Words {
        message: "`{0}` must hold the secret as one line, and nothing else",
        why: "A secret cut at the wrong place is refused by the system as a wrong login.",
        example: "an empty file, or two lines",
        repair: "Write the value as the only line.",
    },
};

pub(super) static C018: CodeInfo = CodeInfo {
    code: "C018",
    who: Who::Administrator,
    bg: Words {
        message: "папката `{0}` вече се наблюдава от по-горен [[drop]]",
        why: "Всеки файл би бил взет два пъти.",
        example: "два [[drop]] с folder = \"in\"",
        repair: "Дайте на всеки [[drop]] своя папка; една папка може да има много описания на файлове.",
    },
    en: Words {
        message: "the folder `{0}` is already watched by an earlier [[drop]]",
        why: "Every file would be taken twice.",
        example: "two [[drop]] with folder = \"in\"",
        repair: "Give each [[drop]] a folder of its own; one folder can have many mappings.",
    },
};

pub(super) static C019: CodeInfo = CodeInfo {
    code: "C019",
    who: Who::Administrator,
    bg: Words {
        message: "`{0}` е записан в самия файл, което се допуска само в пробната среда; използвайте { env = \"ИМЕ\" } или { file = \"път\" }",
        why: "Файловете с настройки се копират, пращат и архивират; в тях не бива да има тайни.",
        example: "client_id = { value = \"…\" }",
        repair: "Преместете стойността в променлива на средата или във файл с един ред и я сменете в системата: била е на открито.",
    },
    en: Words {
        message: "`{0}` stands in the file itself, which only the sandbox allows; use { env = \"NAME\" } or { file = \"path\" }",
        why: "Configuration files are copied, mailed and backed up; secrets must not be in them.",
        example: "client_id = { value = \"…\" }",
        repair: "Move the value to an environment variable or to a file of a single line, and change it at the system: it was in the open.",
    },
};

/// Mappings that are all wrong, in a command that was started by hand.
pub static C020: CodeInfo = CodeInfo {
    code: "C020",
    who: Who::Administrator,
    bg: Words {
        message: "никоя настройка за четене на файлове не може да се ползва; поправете показаното по-горе",
        why: "Във всеки от намерените файлове с настройки има грешка, а с грешна настройка не се чете нищо.",
        example: "rxdrop check export.csv --mapping сгрешена.toml",
        repair: "Поправете местата, показани над това съобщение, и пуснете командата пак.",
    },
    en: Words {
        message: "no mapping can be used; mend what is shown above",
        why: "Each of the mappings that were found has a mistake, and nothing is read by a wrong one.",
        example: "rxdrop check export.csv --mapping wrong.toml",
        repair: "Mend the places shown above this message, and give the command again.",
    },
};

/// No mapping at all, in a command that was started by hand.
pub static C021: CodeInfo = CodeInfo {
    code: "C021",
    who: Who::Administrator,
    bg: Words {
        message: "няма настройка за четене на файлове; посочете една с --mapping или я сложете в ./mappings \
                  (`rxdrop init` записва пример)",
        why: "Без нея не се знае коя колона какво значи.",
        example: "rxdrop convert export.csv в папка без mappings",
        repair: "Посочете файла с --mapping, пуснете командата в папката на rxdrop.toml, или посочете нея с --config.",
    },
    en: Words {
        message: "there is no mapping; name one with --mapping, or put it into ./mappings (`rxdrop init` writes an example)",
        why: "Without one nobody knows which column means what.",
        example: "rxdrop convert export.csv in a folder without mappings",
        repair: "Name the file with --mapping, give the command in the folder of rxdrop.toml, or name that with --config.",
    },
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_speak_both_languages() {
        let codes: BTreeSet<_> = CODES.iter().map(|info| info.code).collect();
        assert_eq!(codes.len(), CODES.len());
        for info in CODES {
            assert!(info.code.starts_with('C') && info.code.len() == 4, "{}", info.code);
            let is_cyrillic = |text: &str| text.chars().any(|letter| ('а'..='я').contains(&letter));
            for (bg, en) in [
                (info.bg.message, info.en.message),
                (info.bg.why, info.en.why),
                (info.bg.repair, info.en.repair),
            ] {
                assert!(is_cyrillic(bg) && !is_cyrillic(en) && !en.is_empty(), "{}", info.code);
            }
            for place in ["{0}", "{1}", "{2}"] {
                assert_eq!(info.bg.message.contains(place), info.en.message.contains(place), "{}", info.code);
            }
        }
    }
}
