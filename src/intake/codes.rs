//! Why a file waits or is not taken, in both languages.

use crate::model::{CodeInfo, Who, Words};

/// Every code of this room.
pub static CODES: &[&CodeInfo] = &[
    &F001, &F002, &F003, &F004, &F005, &F006, &F007, &F008, &F009, &F010, &F011, &F012, &F013, &F014, &F015,
    &F016, &F017,
];

/// Open in another program.
pub static F001: CodeInfo = CodeInfo {
    code: "F001",
    who: Who::User,
    bg: Words {
        message: "файлът е отворен в Excel или друга програма; запишете го и го затворете там",
        why: "Докато е отворен, той още може да се промени и би се подала само част от него.",
        example: "~$доставки.xlsx до доставки.xlsx",
        repair: "Затворете файла. Ако никой не го е отворил, останал е заключващ файл от прекъсната програма: изтрийте файла, чието име започва с ~$.",
    },
    en: Words {
        message: "the file is open in Excel or another program; save it and close it there",
        why: "While it is open it may still change, and half of it would be reported.",
        example: "~$deliveries.xlsx beside deliveries.xlsx",
        repair: "Close the file. If nobody has it open, a program that ended badly left the lock file behind: delete the file whose name begins with ~$.",
    },
};

/// Still resting; `{0}` is the settle time.
pub static F002: CodeInfo = CodeInfo {
    code: "F002",
    who: Who::Nobody,
    bg: Words {
        message: "файлът е нов или още се променя; ще бъде взет, след като остане непроменен {0}",
        why: "Файл, който още се копира, би бил прочетен наполовина.",
        example: "голяма справка, която още се записва",
        repair: "Няма какво да правите; продължава от само себе си.",
    },
    en: Words {
        message: "the file is new or still changing; it is taken once it has rested for {0}",
        why: "A file that is still being copied would be read half.",
        example: "a large export that is still being written",
        repair: "Nothing to do; it goes on by itself.",
    },
};

/// A symbolic link.
pub static F003: CodeInfo = CodeInfo {
    code: "F003",
    who: Who::User,
    bg: Words {
        message: "това е препратка към друг файл; поставете тук самия файл",
        why: "Препратка може да води до всеки файл на машината, затова препратките не се следват.",
        example: "символна връзка с име доставки.csv",
        repair: "Копирайте файла в папката и изтрийте препратката.",
    },
    en: Words {
        message: "this is a link or shortcut to another file; put the file itself here",
        why: "A link could lead to any file of the machine, so links are never followed.",
        example: "a symbolic link named deliveries.csv",
        repair: "Copy the file into the folder and delete the link.",
    },
};

/// A pipe, socket or device.
pub static F004: CodeInfo = CodeInfo {
    code: "F004",
    who: Who::User,
    bg: Words {
        message: "това не е обикновен файл, а канал или устройство; поставете тук обикновен файл",
        why: "Четенето му може никога да не свърши.",
        example: "именуван канал поръчки.csv",
        repair: "Изтрийте го и запишете справката като обикновен файл.",
    },
    en: Words {
        message: "this is not a plain file but a pipe, socket or device; put a plain file here",
        why: "Reading it might never end.",
        example: "a named pipe orders.csv",
        repair: "Delete it and save the export as a plain file.",
    },
};

/// A name that is refused; `{0}` is the name as [`escaped`](super::escaped).
pub static F005: CodeInfo = CodeInfo {
    code: "F005",
    who: Who::User,
    bg: Words {
        message: "името `{0}` не може да се използва: има знаци или вид, които не всяка система приема; преименувайте файла",
        why: "Такива имена скриват какъв е файлът или на друга система водят извън папката.",
        example: "CON.csv, `a:b.csv`, име, което завършва с точка",
        repair: "Дайте му обикновено име от букви, цифри, интервали, точки и тирета.",
    },
    en: Words {
        message: "the name `{0}` can't be used: it has characters or a form that not every system takes; rename the file",
        why: "Such names hide what a file is, or lead out of the folder on another system.",
        example: "CON.csv, `a:b.csv`, a name that ends in a dot",
        repair: "Give it a plain name of letters, digits, blanks, dots and dashes.",
    },
};

/// No mapping fits.
pub static F006: CodeInfo = CodeInfo {
    code: "F006",
    who: Who::Integrator,
    bg: Words {
        message: "файлът не прилича на никоя от настроените справки; ако мястото му е тук, изпратете го на внедрителя на програмата, иначе го преместете",
        why: "Без да се знае какво означават колоните, нищо от него не може да се подаде.",
        example: "справка с ново име и други колони",
        repair: "За настройващия: сравнете [match] с името и заглавията на файла; `rxdrop inspect ФАЙЛ` показва какво се вижда в него.",
    },
    en: Words {
        message: "no layout that is set up fits this file; if it belongs here, send it to whoever sets the program up, otherwise move it elsewhere",
        why: "Without knowing what its columns mean, nothing of it can be reported.",
        example: "an export with a new name and other columns",
        repair: "Integrator: compare [match] with the file's name and headers; `rxdrop inspect FILE` shows what is in it.",
    },
};

/// Several mappings fit; `{0}` names them.
pub static F007: CodeInfo = CodeInfo {
    code: "F007",
    who: Who::Integrator,
    bg: Words {
        message: "няколко настроени справки подхождат еднакво на този файл: {0}; внедрителят на програмата трябва да реши коя важи",
        why: "Всяка от тях би подала нещо различно.",
        example: "две описания с еднакви заглавия в [match]",
        repair: "За настройващия: посочете в едното повече заглавия или по-дълъг образец на името.",
    },
    en: Words {
        message: "several layouts fit this file equally well: {0}; whoever sets the program up must decide which one holds",
        why: "Each of them would report something else.",
        example: "two mappings with the same headers in [match]",
        repair: "Integrator: name more headers or a longer file pattern in one of them.",
    },
};

/// Older than `since`; `{0}` is that day.
pub static F008: CodeInfo = CodeInfo {
    code: "F008",
    who: Who::Administrator,
    bg: Words {
        message: "файлът е променян за последно преди {0} и не се взима",
        why: "Старите справки може да са били подадени по друг начин.",
        example: "миналогодишна справка в папка, която е нова за програмата",
        repair: "Ако трябва да се подаде, запишете го отново или задайте по-ранно `since` за папката.",
    },
    en: Words {
        message: "the file was last changed before {0} and is left alone",
        why: "Old exports may have been reported another way.",
        example: "an export of last year in a folder that is new to the program",
        repair: "If it must be reported, save it again, or set an earlier `since` for its folder.",
    },
};

/// The folder is away; `{0}` is its path, `{1}` the system's reason.
pub static F009: CodeInfo = CodeInfo {
    code: "F009",
    who: Who::Administrator,
    bg: Words {
        message: "папката `{0}` не е достъпна: {1}; проверете споделянето и името на папката",
        why: "Докато не се върне, нищо от нея не се взима; вече взетото продължава.",
        example: "мрежова папка, която не отговаря",
        repair: "Възстановете споделянето или поправете `folder`. След това файловете се взимат веднъж, все едно нищо не е станало.",
    },
    en: Words {
        message: "the folder `{0}` can't be reached: {1}; check the share and its name",
        why: "Nothing dropped there is taken until it is back; what was taken goes on.",
        example: "a network share that is down",
        repair: "Bring the share back or correct `folder`. What is there is then taken once, as if nothing had happened.",
    },
};

/// Unreadable; `{0}` is the path, `{1}` the system's reason.
pub static F010: CodeInfo = CodeInfo {
    code: "F010",
    who: Who::Administrator,
    bg: Words {
        message: "`{0}` не може да се прочете: {1}; дайте право за четене на потребителя на услугата",
        why: "Каквото не може да се прочете, не може да се подаде.",
        example: "файл, който само собственикът му може да чете",
        repair: "Задайте права на папката, които новите файлове наследяват.",
    },
    en: Words {
        message: "`{0}` can't be read: {1}; give the account of the service the right to read",
        why: "What can't be read can't be reported.",
        example: "a file that only its owner may read",
        repair: "Set the rights of the folder so that new files inherit them.",
    },
};

/// Too large; `{0}` is the limit.
pub static F011: CodeInfo = CodeInfo {
    code: "F011",
    who: Who::User,
    bg: Words {
        message: "файлът е по-голям от {0} и не се взима; експортирайте го на по-малки части",
        why: "Файл с такъв размер не е дневна справка; копирането му би запълнило диска.",
        example: "архив, поставен в папката",
        repair: "Експортирайте по-малко дни наведнъж или преместете файла.",
    },
    en: Words {
        message: "the file is larger than {0} and is not taken; export it in smaller parts",
        why: "A file of that size is no day's export; copying it would fill the disk.",
        example: "a backup dropped into the folder",
        repair: "Export fewer days at a time, or move the file elsewhere.",
    },
};

/// Changed while it was copied.
pub static F012: CodeInfo = CodeInfo {
    code: "F012",
    who: Who::Nobody,
    bg: Words {
        message: "файлът се промени, докато се копираше; ще бъде взет, щом остане непроменен",
        why: "Би се подала част от старото и част от новото съдържание.",
        example: "справка, записана отново точно в този момент",
        repair: "Няма какво да правите; продължава от само себе си.",
    },
    en: Words {
        message: "the file changed while it was being copied; it is taken once it rests",
        why: "Half of the old and half of the new content would be reported.",
        example: "an export saved again at that moment",
        repair: "Nothing to do; it goes on by itself.",
    },
};

/// A hard link.
pub static F013: CodeInfo = CodeInfo {
    code: "F013",
    who: Who::User,
    bg: Words {
        message: "това е второ име на файл, който стои и другаде (твърда връзка); поставете тук копие",
        why: "Може да се промени по всяко време от другото място и може да е всеки файл на машината.",
        example: "доставки.csv, свързан с файл от друга папка",
        repair: "Копирайте файла в папката и изтрийте връзката.",
    },
    en: Words {
        message: "this is a second name of a file that also lies elsewhere (hard link); put a copy here",
        why: "It can change from the other place at any time, and it could be any file of the machine.",
        example: "ln /elsewhere/a.csv drop/a.csv",
        repair: "Copy the file into the folder and delete the link.",
    },
};

/// A name that is never taken.
pub static F014: CodeInfo = CodeInfo {
    code: "F014",
    who: Who::User,
    bg: Words {
        message: "файл с такова име не се взима: временен, скрит, системен или заключващ е; ако е справка, преименувайте го",
        why: "Под такива имена програмите пишат недовършена работа.",
        example: "доставки.csv.tmp, ~$доставки.xlsx, Thumbs.db",
        repair: "Дайте му име на справка, например доставки.csv.",
    },
    en: Words {
        message: "a file with such a name is never taken: it is a temporary, hidden, system or lock file; rename it if it is an export",
        why: "Programs write unfinished work under such names.",
        example: "deliveries.csv.tmp, ~$deliveries.xlsx, Thumbs.db",
        repair: "Give it the name an export has, for example deliveries.csv.",
    },
};

/// The spool can't be written; `{0}` is the path, `{1}` the system's reason.
pub static F015: CodeInfo = CodeInfo {
    code: "F015",
    who: Who::Administrator,
    bg: Words {
        message: "работното копие не може да се запише в `{0}`: {1}; проверете мястото на диска и правата",
        why: "Чете се само собственото копие, затова нови файлове не се взимат. Вече взетото продължава да се подава.",
        example: "пълен диск",
        repair: "Освободете място на диска на дневника или дайте право за писане на потребителя на услугата.",
    },
    en: Words {
        message: "the work copy can't be written to `{0}`: {1}; check space and rights there",
        why: "Only a copy of our own is read, so no new file is taken. What was taken is still sent.",
        example: "a full disk",
        repair: "Free space on the disk of the ledger, or give the account of the service the right to write.",
    },
};

/// Gone before it was copied.
pub static F016: CodeInfo = CodeInfo {
    code: "F016",
    who: Who::Nobody,
    bg: Words {
        message: "файлът е махнат, преди да бъде копиран",
        why: "Нищо от него не е подадено.",
        example: "файл, преместен веднага след поставянето му",
        repair: "Ако трябва да се подаде, върнете го.",
    },
    en: Words {
        message: "the file was taken away before it was copied",
        why: "Nothing of it was reported.",
        example: "a file moved elsewhere right after it was dropped",
        repair: "If it must be reported, put it back.",
    },
};

/// No mapping fits, and one of them is broken.
pub static F017: CodeInfo = CodeInfo {
    code: "F017",
    who: Who::Integrator,
    bg: Words {
        message: "файлът чака: никоя справка не подхожда, а настройката в {0} има грешка; кажете на внедрителя на програмата, после файлът тръгва сам",
        why: "Може би точно сгрешената настройка е за този файл.",
        example: "Сгрешено име на поле след промяна на настройката.",
        repair: "За настройващия: `rxdrop doctor --offline` показва грешката с ред и място.",
    },
    en: Words {
        message: "the file waits: no layout fits, and the one in {0} has a mistake; tell the person who sets the program up, then the file goes by itself",
        why: "The broken layout may be the very one for this file.",
        example: "A field's name mistyped when the layout was changed.",
        repair: "Integrator: `rxdrop doctor --offline` shows the mistake with line and place.",
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
            assert!(info.code.starts_with('F') && info.code.len() == 4, "{}", info.code);
            let is_cyrillic = |text: &str| text.chars().any(|letter| ('а'..='я').contains(&letter));
            for (bg, en) in [
                (info.bg.message, info.en.message),
                (info.bg.why, info.en.why),
                (info.bg.repair, info.en.repair),
            ] {
                assert!(is_cyrillic(bg) && !is_cyrillic(en) && !en.is_empty(), "{}", info.code);
            }
            for place in ["{0}", "{1}"] {
                assert_eq!(info.bg.message.contains(place), info.en.message.contains(place), "{}", info.code);
            }
            let user = info.who == Who::User;
            assert!(!(user && (info.en.message.contains("mapping") || info.en.message.contains("TOML"))));
        }
    }
}
