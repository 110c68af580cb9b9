//! What `verify` finds in the evidence, and the trait that reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::model::{CodeInfo, Who, Words};

use super::Error;

/// Findings of one code that are kept in full; the rest are counted.
const SHOWN_OF_ONE: u64 = 100;

/// One thing that is not as it was left.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What it is.
    pub code: &'static CodeInfo,
    /// Arguments of its message: the place first.
    pub args: Vec<String>,
}

/// Findings in the order they were met: the first hundred of each code in full, all of them counted.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Those kept in full.
    pub shown: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
}

impl Findings {
    /// One more.
    pub fn add(&mut self, code: &'static CodeInfo, args: impl IntoIterator<Item = String>) {
        let count = self.counts.entry(code.code).or_default();
        *count += 1;
        if *count <= SHOWN_OF_ONE {
            self.shown.push(Finding { code, args: args.into_iter().collect() });
        }
    }

    /// How many there are of each code that is not shown in full.
    pub fn not_shown(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counts
            .iter()
            .filter(|(_, count)| **count > SHOWN_OF_ONE)
            .map(|(code, count)| (*code, count - SHOWN_OF_ONE))
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    /// Events of the chain.
    pub events: u64,
    /// Rows of files.
    pub rows: u64,
    /// Transactions.
    pub transactions: u64,
    /// Batches with their kept request.
    pub batches: u64,
    /// Kept answers.
    pub answers: u64,
}

/// A hash that must be an event's, and where it is written.
#[derive(Debug, Clone)]
pub struct Head {
    /// The file that names it.
    pub path: PathBuf,
    /// The hash.
    pub hash: String,
}

/// Called with how many things were looked at since the last call.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Reads and keeps the evidence: nothing here moves a row.
pub trait Evidence {
    /// Looks at the chain of events and at the books, in constant memory; `heads` are hashes known elsewhere.
    fn audit(&mut self, heads: &[Head], progress: Progress<'_>) -> Result<(Findings, Checked), Error>;
    /// Contents that must be in the spool, in the order of their hashes, after one, at most `limit`: hash and a
    /// name of the file.
    fn contents(&mut self, after: &str, limit: u32) -> Result<Vec<(String, String)>, Error>;
    /// Folders that files were ever received from.
    fn folders(&mut self) -> Result<Vec<PathBuf>, Error>;
    /// Drops the requests and answers of batches after one that were settled more than so many days ago: at most
    /// one commit. Gives the last batch looked at; none when that was all.
    fn drop_raw(&mut self, days: u32, after: i64, now: DateTime<Utc>) -> Result<Option<i64>, Error>;
}

const fn words(
    message: &'static str,
    why: &'static str,
    example: &'static str,
    repair: &'static str,
) -> Words {
    Words { message, why, example, repair }
}

macro_rules! codes {
    ($($name:ident $code:literal
        bg $bm:literal $bw:literal $be:literal $br:literal
        en $em:literal $ew:literal $ee:literal $er:literal)*) => {
        $(
            #[doc = concat!("`", $code, "`")]
            pub static $name: CodeInfo = CodeInfo {
                code: $code,
                who: Who::Administrator,
                bg: words($bm, $bw, $be, $br),
                en: words($em, $ew, $ee, $er),
            };
        )*
        /// Every code of `verify`.
        pub static AUDIT_CODES: &[&CodeInfo] = &[$(&$name),*];
    };
}

codes! {
    CHAIN "L101"
        bg "събитие {0} в регистъра не е такова, каквото е записано: от него нататък записаното за станалото е променяно"
           "Всяко събитие носи хеша на предишното, затова промяна на едно личи."
           "Някой е отворил регистъра с друга програма и е променил таблицата events."
           "Запазете копие на регистъра, изяснете кой го е отварял и върнете последното добро копие."
        en "event {0} of the ledger is not as it was written: from there on the record of what happened was changed"
           "Each event bears the hash of the one before, so a change of one shows."
           "Somebody opened the ledger with another program and changed the table events."
           "Keep a copy of the ledger, find out who opened it, and bring back the last good copy."
    EVENTS_MISSING "L102"
        bg "събития от {0} до {1} липсват в регистъра"
           "Събития само се добавят; номерата им вървят без прескачане."
           "Някой е изтрил редове от таблицата events."
           "Запазете копие на регистъра, изяснете кой го е отварял и върнете последното добро копие."
        en "events {0} to {1} are missing from the ledger"
           "Events are only ever added, and their ids have no gaps."
           "Somebody deleted rows of the table events."
           "Keep a copy of the ledger, find out who opened it, and bring back the last good copy."
    HEAD_UNKNOWN "L103"
        bg "{0} сочи състояние на регистъра, което го няма в него: последните събития са изтрити или регистърът е върнат от по-старо копие"
           "Всяка разписка и всяка марка носи хеша на последното събитие, когато е писана; той трябва да е в регистъра."
           "Машината е върната от резервно копие отпреди тази разписка."
           "Не пускайте изпращане, докато не се изясни какво е подадено след това състояние; разписка от друга инсталация или отпреди `takeover` преместете."
        en "{0} names a state of the ledger that is not in it: its newest events were removed, or the ledger was brought back from an older copy"
           "Each receipt and each mark bears the hash of the newest event when it was written; that event must be in the ledger."
           "The machine was restored from a backup made before this receipt."
           "Send nothing until it is clear what was reported after that state; move a receipt of another installation, or of before a `takeover`, away."
    GUARD "L104"
        bg "защитата срещу промяна на събития в регистъра е махната"
           "Базата сама отказва промяна и изтриване на събития; някой е премахнал това правило."
           "Тригерът events_are_not_changed липсва."
           "Изяснете кой е отварял регистъра и върнете последното добро копие."
        en "the ledger's guard against changing events was taken away"
           "The database itself refuses to change or delete events; somebody removed that rule."
           "The trigger events_are_not_changed is missing."
           "Find out who opened the ledger, and bring back the last good copy."
    DAMAGED "L105"
        bg "файлът на регистъра е повреден: {0}"
           "Вътрешната проверка на базата намира грешка."
           "Дискът е отказал или файлът е копиран, докато се пише в него."
           "Спрете програмата, проверете диска и върнете последното добро копие."
        en "the ledger's file is damaged: {0}"
           "The database's own check finds a fault."
           "The disk failed, or the file was copied while it was written."
           "Stop the program, check the disk, and bring back the last good copy."
    SPOOL_MISSING "L106"
        bg "запазеното копие на „{0}“ липсва: {1}"
           "От копието личи какво точно е прието; без него отчетът не може да се направи наново."
           "Някой е чистил папката spool."
           "Върнете файла от резервно копие под същото име."
        en "the kept copy of `{0}` is missing: {1}"
           "The copy shows what exactly was taken; without it the reports can't be made anew."
           "Somebody cleaned up the folder spool."
           "Bring the file back from a backup, under the same name."
    SPOOL_CHANGED "L107"
        bg "запазеното копие на „{0}“ е променено: {1}"
           "Копието вече няма хеша, с който е прието."
           "Копието е отворено и записано с друга програма."
           "Върнете файла от резервно копие; дотогава не вярвайте на отчети, направени от него."
        en "the kept copy of `{0}` was changed: {1}"
           "The copy no longer has the hash it was taken under."
           "The copy was opened and saved with another program."
           "Bring the file back from a backup; until then trust no report made of it."
    ROWS "L108"
        bg "„{0}“: приети са {1} реда, в регистъра са {2}"
           "Броят на редовете при приемането е записан в събитие."
           "Някой е изтрил редове от регистъра."
           "Запазете копие на регистъра и върнете последното добро."
        en "`{0}`: {1} rows were accepted, {2} are in the ledger"
           "The count of rows at acceptance stands in an event."
           "Somebody deleted rows of the ledger."
           "Keep a copy of the ledger, and bring back the last good one."
    LOOSE "L109"
        bg "„{0}“, ред {1}: редът и записът за него в регистъра не си съответстват"
           "Всеки ред с данни има запис или е изключен от правило, и всеки запис има ред."
           "Някой е изтрил или преместил запис в регистъра."
           "Запазете копие на регистъра и върнете последното добро."
        en "`{0}` row {1}: the row and its record in the ledger do not belong together"
           "Each data row has a record or is left out by a rule, and each record has a row."
           "Somebody deleted or moved a record in the ledger."
           "Keep a copy of the ledger, and bring back the last good one."
    STATES "L110"
        bg "„{0}“, ред {1}: редът е {2}, а транзакцията му е {3}"
           "Състоянието на реда следва от отговора за транзакцията му."
           "Някой е сменил състоянието на ред в регистъра."
           "Сверете реда в портала на системата, запазете копие на регистъра и върнете последното добро."
        en "`{0}` row {1}: the row is {2}, its transaction {3}"
           "A row's state follows from the answer about its transaction."
           "Somebody changed the state of a row in the ledger."
           "Look the row up in the system's portal, keep a copy of the ledger, and bring back the last good one."
    NO_ID "L111"
        bg "„{0}“, ред {1}: приет е без номер от системата, а никой не е решил така"
           "Прието се пише само по отговор с номер или по решение на човек."
           "Номерът е изтрит от регистъра."
           "Сверете реда в портала на системата и върнете последното добро копие на регистъра."
        en "`{0}` row {1}: accepted without a number of the system, and nobody decided so"
           "Accepted is written only after an answer with a number, or by a person's decision."
           "The number was deleted from the ledger."
           "Look the row up in the system's portal, and bring back the last good copy of the ledger."
    FACT_TWICE "L112"
        bg "„{0}“, ред {1}: за едно и също движение са в сила няколко реда"
           "За едно движение е в сила точно един ред; базата сама го пази."
           "Индексът facts_live е изтрит."
           "Сверете движението в портала на системата и върнете последното добро копие на регистъра."
        en "`{0}` row {1}: several rows are in force for the same fact"
           "Exactly one row is in force for a fact; the database itself keeps to that."
           "The index facts_live was deleted."
           "Look the movement up in the system's portal, and bring back the last good copy of the ledger."
    NUMBER "L113"
        bg "номер {0} е издаден два пъти или не по ред"
           "Номерата ни само растат и никой не се дава два пъти."
           "Броячът в регистъра е върнат назад."
           "Не пускайте изпращане; проверете този номер в портала на системата."
        en "number {0} was issued twice or out of order"
           "Our numbers only rise, and none is given twice."
           "The counter in the ledger was set back."
           "Send nothing; look this number up in the system's portal."
    OUTCOMES "L114"
        bg "batch:{0}: отговорите за редовете не са тези, които събитие {1} записва"
           "Събитието пази хеш на отговорите от пакета."
           "Някой е сменил отговора за ред в регистъра."
           "Сравнете със запазения отговор (`rxdrop trace batch:{0}`) и с портала и върнете последното добро копие."
        en "batch:{0}: the outcomes of its rows are not those that event {1} recorded"
           "The event keeps a hash of the batch's outcomes."
           "Somebody changed the outcome of a row in the ledger."
           "Compare with the kept answer (`rxdrop trace batch:{0}`) and with the portal, and bring back the last good copy."
    UNTOLD "L115"
        bg "„{0}“, ред {1}: отговорът за него го няма в нито едно събитие"
           "Всяка промяна на състояние записва и събитие."
           "Някой е вписал отговор направо в регистъра."
           "Сверете реда в портала на системата и върнете последното добро копие на регистъра."
        en "`{0}` row {1}: its outcome stands in no event"
           "Each move of a state writes an event too."
           "Somebody wrote an outcome straight into the ledger."
           "Look the row up in the system's portal, and bring back the last good copy of the ledger."
    REQUEST "L116"
        bg "batch:{0}: запазената заявка не е тази, която е изпратена"
           "Хешът на заявката е записан, преди тя да тръгне."
           "Някой е променил таблицата batches."
           "Запазете копие на регистъра и върнете последното добро."
        en "batch:{0}: the kept request is not the one that was sent"
           "The request's hash is written down before it goes."
           "Somebody changed the table batches."
           "Keep a copy of the ledger, and bring back the last good one."
    ANSWER "L117"
        bg "batch:{0}: запазеният отговор не е този, който е дошъл"
           "Хешът на отговора е записан в събитие, преди той да се прочете."
           "Някой е променил таблицата attempts."
           "Запазете копие на регистъра и върнете последното добро."
        en "batch:{0}: the kept answer is not the one that came"
           "The answer's hash is written into an event before it is read."
           "Somebody changed the table attempts."
           "Keep a copy of the ledger, and bring back the last good one."
    TOTALS "L118"
        bg "{0} казва {1}, а регистърът {2}"
           "Разписката е писана по регистъра и оттогава в него нищо не е ставало, а броят на редовете по състояния е друг."
           "Някой е сменил състоянието на ред в регистъра или е върнал стара разписка."
           "Сверете редовете в портала на системата и върнете последното добро копие на регистъра."
        en "{0} says {1}, the ledger {2}"
           "The receipt was made of the ledger, nothing has happened there since, and yet the rows by status differ."
           "Somebody changed the state of a row in the ledger, or put an old receipt back."
           "Look the rows up in the system's portal, and bring back the last good copy of the ledger."
    WORD "L119"
        bg "batch:{0}: записано е, че системата веднъж вече не е познавала ред от пакета, а такъв отговор го няма в събитията (събитие {1})"
           "Ред се подава пак само ако системата два пъти не познава номера му; и двата пъти са записани в събития."
           "Някой е вписал първия отговор направо в таблицата looks."
           "Не пускайте изпращане, преди редовете на пакета (`rxdrop trace batch:{0}`) да са сверени с портала; върнете последното добро копие."
        en "batch:{0}: a row of it is said to have been unknown to the system once before, and no event holds such an answer (event {1})"
           "A row is sent again only if the system twice does not know its number; both times stand in events."
           "Somebody wrote the first answer straight into the table looks."
           "Send nothing before the batch's rows (`rxdrop trace batch:{0}`) were compared with the portal; bring back the last good copy."
    MOVED "L120"
        bg "{0}: в таблицата състоянието е {1}, а според събитията е {2}"
           "Всяко събитие записва в какво състояние оставя това, което е засегнало; разказани подред, събитията дават точно таблиците."
           "Някой е сменил състояние направо в регистъра."
           "Не пускайте изпращане; сверете го (`rxdrop trace {0}`) с портала на системата, запазете копие на регистъра и върнете последното добро."
        en "{0}: its state in the table is {1}, and {2} by the events"
           "Each event writes down in which state it leaves what it touched; told one after the other, events give exactly the tables."
           "Somebody changed a state straight in the ledger."
           "Send nothing; compare it (`rxdrop trace {0}`) with the system's portal, keep a copy of the ledger, and bring back the last good one."
    NOT_TOLD "L121"
        bg "{0}: стои в регистъра ({1}), а нито едно събитие не го знае"
           "Всичко, което идва в регистъра, идва със събитие."
           "Някой е вписал ред направо в таблица на регистъра."
           "Не пускайте изпращане; изяснете кой е отварял регистъра и върнете последното добро копие."
        en "{0}: it stands in the ledger ({1}), and no event knows of it"
           "Whatever comes into the ledger comes with an event."
           "Somebody wrote a row straight into a table of the ledger."
           "Send nothing; find out who opened the ledger, and bring back the last good copy."
    GONE "L122"
        bg "{0}: според събитията е {1}, а в регистъра го няма"
           "Нищо, за което събитие разказва, не се изтрива от регистъра."
           "Някой е изтрил ред от таблица на регистъра."
           "Запазете копие на регистъра, изяснете кой го е отварял и върнете последното добро копие."
        en "{0}: it is {1} by the events, and not in the ledger"
           "Nothing that an event told of is removed from the ledger."
           "Somebody deleted a row of a table of the ledger."
           "Keep a copy of the ledger, find out who opened it, and bring back the last good copy."
    MOVES "L123"
        bg "състоянията, записани при събитие {0}, не са тези, които то е записало"
           "Събитието пази хеш на състоянията, които е записало."
           "Някой е променил, добавил или изтрил редове в таблицата moves."
           "Запазете копие на регистъра, изяснете кой го е отварял и върнете последното добро копие."
        en "the states that stand with event {0} are not those it wrote down"
           "The event keeps a hash of the states it wrote down."
           "Somebody changed, added or deleted rows of the table moves."
           "Keep a copy of the ledger, find out who opened it, and bring back the last good copy."
    MOVES_LOOSE "L124"
        bg "записани са състояния от събитие {0}, а такова събитие няма"
           "Състояния се записват само заедно със своето събитие."
           "Събитието е изтрито от таблицата events или някой е добавил редове в таблицата moves."
           "Запазете копие на регистъра, изяснете кой го е отварял и върнете последното добро копие."
        en "states stand there of event {0}, and there is no such event"
           "States are written down together with their event only."
           "The event was deleted from the table events, or somebody added rows to the table moves."
           "Keep a copy of the ledger, find out who opened it, and bring back the last good copy."
    UNLAWFUL "L125"
        bg "{0}: събитие {1} го води от {2} в {3}, а никое правило не води дотам"
           "От някои състояния нищо не води другаде: прието от системата остава прието."
           "Някой е сменил състояние в регистъра, а програмата после е продължила от него."
           "Не пускайте изпращане; сверете го (`rxdrop trace {0}`) с портала на системата и върнете последното добро копие на регистъра."
        en "{0}: event {1} leads it from {2} to {3}, and no rule leads there"
           "From some states nothing leads on: what the system accepted stays accepted."
           "Somebody changed a state in the ledger, and the program went on from it."
           "Send nothing; compare it (`rxdrop trace {0}`) with the system's portal, and bring back the last good copy of the ledger."
    REPORT "W504"
        bg "{0} е променен от човек, откакто го написахме"
           "Отчетът вече няма хеша, с който е записан. Това е позволено: поправен файл с грешки се взема като нов."
           "Счетоводител е отворил и записал отчета."
           "Нищо: следващият отчет запазва променения под друго име."
        en "{0} was changed by a person since we wrote it"
           "The report no longer has the hash it was written under. That is allowed: a repaired errors file is taken as an input."
           "An accountant opened and saved the report."
           "Nothing: the next report keeps the changed one under another name."
}
