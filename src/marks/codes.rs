//! Why a folder, or everything, stands still: in words for the administrator.

use crate::model::{CodeInfo, Who, Words};

/// Every code of this room.
pub static CODES: &[&CodeInfo] = &[&K001, &K002, &K003, &K004, &K005, &K006, &K007, &K008];

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident
        bg $bm:literal $bw:literal $be:literal $br:literal
        en $em:literal $ew:literal $ee:literal $er:literal)*) => {
        $($(#[$doc])*
        pub static $name: CodeInfo = CodeInfo {
            code: stringify!($name),
            who: Who::Administrator,
            bg: Words { message: $bm, why: $bw, example: $be, repair: $br },
            en: Words { message: $em, why: $ew, example: $ee, repair: $er },
        };)*
    };
}

codes! {
    /// The folder belongs to another ledger; `{0}` folder, `{1}` its host, `{2}` since when, `{3}` its id.
    K001
    bg "папката `{0}` принадлежи на друга инсталация (на „{1}“ от {2}, регистър {3}); нищо в нея не се пипа и не се подава; спрете другата и изпълнете `rxdrop takeover ПАПКА --by ИМЕ`, или махнете папката от rxdrop.toml"
       "Две инсталации над една папка биха подали всеки файл два пъти."
       "Програмата е преместена на нова машина, а старата още работи, или папката state е изтрита."
       "Спрете другата инсталация. `rxdrop takeover ПАПКА` показва какво може вече да е подадено, а с --by ИМЕ продължава: редовете с дати до днес остават задържани, докато човек реши."
    en "the folder `{0}` belongs to another installation (on `{1}` since {2}, ledger {3}); nothing in it is touched or sent: stop that one and run `rxdrop takeover FOLDER --by NAME`, or take the folder out of rxdrop.toml"
       "Two installations on one folder would send each file twice."
       "The program was moved to a new machine while the old one still runs, or the folder state was deleted."
       "Stop the other one. `rxdrop takeover FOLDER` shows what may have been sent already, and with --by NAME goes on: rows dated up to today stay held until a person decides."
    /// A folder of ours without its mark; `{0}` folder.
    K002
    bg "в папката `{0}` липсва белегът .rxdrop-owner, значи това не е същата папка; свържете мрежовия дял или диска, или, ако папката нарочно е нова, изпълнете `rxdrop takeover ПАПКА --by ИМЕ`"
       "Празна папка на мястото на несвързан дял не бива да се вземе за истинската."
       "След рестарт мрежовият дял не се е свързал и на мястото му стои празна папка."
       "Свържете дяла; работата продължава сама, без нищо да се вземе два пъти."
    en "the folder `{0}` lacks its mark .rxdrop-owner, so it is not the same folder; mount its share or disk or, if it is new on purpose, run `rxdrop takeover FOLDER --by NAME`"
       "An empty folder where a share is not mounted must not be taken for the real one."
       "After a restart the share was not mounted, and an empty folder stands in its place."
       "Mount the share; the work goes on by itself, and nothing is taken twice."
    /// A mark of a folder that can't be read; `{0}` its folder, `{1}` why.
    K003
    bg "белегът .rxdrop-owner в папката `{0}` не може да се прочете ({1}); нищо в нея не се пипа: дайте право за четене или изпълнете `rxdrop takeover ПАПКА --by ИМЕ`"
       "По белега се познава чия е папката."
       "Друга програма е записала нещо във файла, или потребителят на услугата няма право да го чете."
       "Върнете файла от архив или дайте право за четене. Ако папката със сигурност е на тази инсталация: `rxdrop takeover ПАПКА --by ИМЕ`."
    en "the mark .rxdrop-owner in the folder `{0}` can't be read ({1}); nothing in it is touched: give the right to read it, or run `rxdrop takeover FOLDER --by NAME`"
       "The mark tells whose the folder is."
       "Another program wrote into the file, or the service's account has no right to read it."
       "Restore the file from a backup, or give the right to read it. If the folder surely is this installation's: `rxdrop takeover FOLDER --by NAME`."
    /// A mark that can't be written; `{0}` folder, `{1}` why.
    K004
    bg "в папката `{0}` не може да се запише белегът .rxdrop-owner ({1}); дайте право за писане, дотогава нищо от нея не се взима"
       "Без белег втора инсталация не би разбрала, че папката е заета. И отчетите се пишат там."
       "Делът е свързан само за четене."
       "Дайте на потребителя на услугата право да създава файлове там и проверете с `rxdrop doctor`."
    en "the mark .rxdrop-owner can't be written in the folder `{0}` ({1}); give the right to write, until then nothing of it is taken"
       "Without a mark a second installation would not see that the folder is taken. Reports are written there too."
       "The share is mounted read-only."
       "Give the service's account the right to create files there, and look with `rxdrop doctor`."
    /// The ledger lacks what a mark of its own knows; `{0}` mark, `{1}` when it was raised, `{2}` the gap of numbers.
    K005
    bg "регистърът е по-стар от белега `{0}` (от {1}): върнат е от копие или машината е върната назад; нищо не се подава, защото подаденото след това не се помни (номера {2}); върнете по-новия регистър, или вижте `rxdrop takeover --ledger`"
       "Подаденото след копието би тръгнало втори път."
       "Възстановен архив, върната снимка на виртуална машина, или копие на регистъра, с което друг вече работи."
       "Ако по-новият регистър е запазен, върнете него. Ако не: `rxdrop takeover --ledger` показва какво може да е в системата, а с --by ИМЕ продължава оттам: съмнителните редове остават задържани, докато човек реши."
    en "the ledger is older than the mark `{0}` (of {1}): it was restored from a copy or the machine was rolled back; nothing is sent, because what was sent after that is not known (numbers {2}); put the newer ledger back, or see `rxdrop takeover --ledger`"
       "What was sent after the copy was made would go a second time."
       "A restored backup, a virtual machine put back to a snapshot, or a copy of the ledger that somebody else works with."
       "If the newer ledger still exists, put it back. If not: `rxdrop takeover --ledger` shows what the system may have, and with --by NAME goes on from there: doubtful rows stay held until a person decides."
    /// A folder of ours bears another's mark; `{0}` folder, `{1}` host, `{2}` since when, `{3}` its ledger.
    K006
    bg "папката `{0}` е поета от друга инсталация (на „{1}“ от {2}, регистър {3}); тази вече нищо не подава; махнете папката от rxdrop.toml, или си я върнете с `rxdrop takeover ПАПКА --by ИМЕ`"
       "Другата вече подава каквото се постави там; двете заедно биха подали всичко два пъти."
       "Старата машина е включена отново, след като новата е поела работата."
       "Оставете тази спряна или махнете папката от rxdrop.toml. Ако трябва да я върнете тук: спрете другата и `rxdrop takeover ПАПКА --by ИМЕ`."
    en "the folder `{0}` was taken over by another installation (on `{1}` since {2}, ledger {3}); this one sends nothing any more: take the folder out of rxdrop.toml, or take it back with `rxdrop takeover FOLDER --by NAME`"
       "The other one sends what is dropped there; both together would send everything twice."
       "The old machine was switched on again after the new one had taken over."
       "Leave this one stopped, or take the folder out of rxdrop.toml. To have it back: stop the other one and `rxdrop takeover FOLDER --by NAME`."
    /// The mark beside the ledger is another ledger's; `{0}` mark, `{1}` host, `{2}` since when, `{3}` that ledger.
    K007
    bg "белегът `{0}` е на друг регистър (на „{1}“ от {2}, регистър {3}): файлът на регистъра е изтрит или подменен; нищо не се подава: върнете го от архив, или вижте `rxdrop takeover --ledger`"
       "Празен или чужд регистър не помни какво е подадено."
       "rxdrop.db е изтрит и програмата е направила нов."
       "Върнете файла на регистъра от архив. Ако го няма: `rxdrop takeover --ledger` показва какво може да е в системата, а с --by ИМЕ продължава оттам."
    en "the mark `{0}` is another ledger's (on `{1}` since {2}, ledger {3}): the ledger's file was deleted or exchanged; nothing is sent: put it back from a backup, or see `rxdrop takeover --ledger`"
       "An empty or foreign ledger does not know what was sent."
       "rxdrop.db was deleted, and the program made a new one."
       "Put the ledger's file back from a backup. If there is none: `rxdrop takeover --ledger` shows what the system may have, and with --by NAME goes on from there."
    /// The mark beside the ledger can't be read; `{0}` mark, `{1}` why.
    K008
    bg "белегът `{0}` до регистъра не може да се прочете ({1}); нищо не се подава"
       "По него се познава дали регистърът е върнат от старо копие."
       "Повреден диск или друга програма."
       "Върнете папката на регистъра от архив. Ако нищо не е връщано или местено, изтрийте само този файл: прави се наново."
    en "the mark `{0}` beside the ledger can't be read ({1}); nothing is sent"
       "It tells whether the ledger was restored from an old copy."
       "A damaged disk, or another program."
       "Restore the ledger's folder from a backup. If nothing was restored or moved, delete this one file: it is made anew."
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn every_code_speaks_both_languages() {
        for info in CODES {
            assert!(info.bg.message.chars().any(|letter| ('а'..='я').contains(&letter)), "{}", info.code);
            for words in [&info.bg, &info.en] {
                let texts = [words.message, words.why, words.example, words.repair];
                assert!(texts.iter().all(|text| !text.is_empty()), "{}", info.code);
            }
        }
    }
}
