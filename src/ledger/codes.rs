//! What the ledger says of a row: waiting, duplicate, held for a decision, and so on.

use crate::model::{CodeInfo, Who, Words};

const fn words(
    message: &'static str,
    why: &'static str,
    example: &'static str,
    repair: &'static str,
) -> Words {
    Words { message, why, example, repair }
}

macro_rules! codes {
    ($($name:ident $code:literal $who:ident
        bg $bm:literal $bw:literal $be:literal $br:literal
        en $em:literal $ew:literal $ee:literal $er:literal)*) => {
        $(
            #[doc = concat!("`", $code, "`")]
            pub static $name: CodeInfo = CodeInfo {
                code: $code,
                who: Who::$who,
                bg: words($bm, $bw, $be, $br),
                en: words($em, $ew, $ee, $er),
            };
        )*
        /// Every code of this room.
        pub static CODES: &[&CodeInfo] = &[$(&$name),*];
    };
}

codes! {
    WAITING "L001" Nobody
        bg "ще бъде подаден; не правете нищо"
           "Редът е проверен и е на опашка."
           "Файлът е поставен в папката преди минута."
           "Нищо: отчетът се обновява сам."
        en "will be sent; nothing to do"
           "The row passed all checks and is in the queue."
           "The file was dropped a minute ago."
           "Nothing: the report is renewed by itself."
    PENDING "L002" Nobody
        bg "подаден е и системата още го обработва; не правете нищо"
           "На големите пакети системата отговаря по-късно."
           "Пакет с повече от 250 реда."
           "Нищо: програмата пита, докато системата отговори."
        en "was sent and the system is still at it; nothing to do"
           "Large batches are answered later."
           "A batch of more than 250 rows."
           "Nothing: the system is asked until it answers."
    UNKNOWN "L003" Administrator
        bg "подаден е, но няма отговор, който да показва дали е приет ({0}); не го подавайте пак: проверете в портала дали е регистриран (наш номер {1}) и кажете на администратора"
           "Без отговор не се знае дали движението е регистрирано; второ подаване би го удвоило."
           "Връзката прекъсна след последния изпратен байт."
           "Администраторът решава: `rxdrop resolve ФАЙЛ:РЕД --accepted НОМЕР` или `--not-received`, с --by и --reason."
        en "was sent, but no answer shows whether it was accepted ({0}); do not send it again: look in the portal whether it is registered (our number {1}) and tell the administrator"
           "Without an answer nobody knows whether the movement is registered; sending again would double it."
           "The connection broke after the last byte was sent."
           "The administrator decides: `rxdrop resolve FILE:ROW --accepted ID` or `--not-received`, with --by and --reason."
    RETRYING "L004" Nobody
        bg "системата не го прие за обработка ({0}); програмата ще го подаде отново, не правете нищо"
           "Сигурно е, че нищо не е регистрирано, затова същото се опитва пак."
           "Сървърът отказа връзката."
           "Нищо; ако продължава, администраторът проверява с `rxdrop doctor`."
        en "the system did not take it ({0}); it is sent again by itself, nothing to do"
           "It is certain that nothing was registered, so the same is tried again."
           "The server refused the connection."
           "Nothing; if it goes on, the administrator looks with `rxdrop doctor`."
    BEHIND_UNKNOWN "L005" Administrator
        bg "изчаква ред {1} на {0}, който е подаден, но без отговор; не го подавайте пак: проверете в портала (наш номер {2}) и кажете на администратора"
           "Докато не се знае какво е станало с първия, вторият би могъл да го удвои."
           "Файлът е записан пак, след като връзката е прекъснала."
           "Администраторът решава за първия: `rxdrop resolve no:НОМЕР --accepted НОМЕР` или `--not-received`; този се решава сам след това."
        en "waits for row {1} of {0}, which was sent without an answer; do not send it again: look in the portal (our number {2}) and tell the administrator"
           "While nobody knows what became of the first, the second might double it."
           "The file was saved again after the connection had broken."
           "The administrator decides about the first: `rxdrop resolve no:NUMBER --accepted ID` or `--not-received`; this one is then decided by itself."
    DUPLICATE "L010" Nobody
        bg "вече е приет под номер {0} (ред {2} на {1}); не се подава повторно"
           "Едно и също движение се отчита веднъж."
           "Вчерашният експорт е поставен отново в папката."
           "Нищо."
        en "was accepted before under number {0} (row {2} of {1}); not sent again"
           "One fact is reported once."
           "Yesterday's export was dropped again."
           "Nothing."
    CHANGE "L011" User
        bg "променен е след приемането под номер {0}: различава се в {1}; не е подаден — решете дали е отделно движение, или промяната не се подава, и кажете на администратора (отговор double=send или double=drop)"
           "Приетото не се променя с ново подаване: втори ред би бил второ движение."
           "Количеството 10 е станало 12."
           "Решете и кажете на администратора: `rxdrop release ФАЙЛ:РЕД --answer double=send` (отделно движение) или `--answer double=drop` (не се подава)."
        en "was changed after it was accepted under number {0}: it differs in {1}; not sent: decide whether it is a movement of its own or the change is to be left out, and tell the administrator (answer double=send or double=drop)"
           "What was accepted is not changed by sending again: a second row would be a second movement."
           "Quantity 10 became 12."
           "Decide and tell the administrator: `rxdrop release FILE:ROW --answer double=send` (a movement of its own) or `--answer double=drop` (not sent)."
    DOUBLE "L012" User
        bg "същият ред вече го има в {0}, ред {1}; не е подаден — решете дали е второ движение, или повторение, и кажете на администратора (отговор double=send или double=drop)"
           "Без номер на документ не се различава повторение от второ еднакво движение."
           "Две еднакви доставки в два файла."
           "Решете и кажете на администратора: `rxdrop release ФАЙЛ:РЕД --answer double=send` (второ движение) или `--answer double=drop` (повторение)."
        en "the same row stands in {0}, row {1}; not sent: decide whether it is a second movement or a repeat, and tell the administrator (answer double=send or double=drop)"
           "Without a document number a repeat can't be told from a second equal movement."
           "Two equal deliveries in two files."
           "Decide and tell the administrator: `rxdrop release FILE:ROW --answer double=send` (a second movement) or `--answer double=drop` (a repeat)."
    TWICE "L013" User
        bg "същият документ и ред стоят и на ред {0} в този файл; нито един не е подаден — поправете номера в единия или, ако са две движения, кажете на администратора (отговор double=send или double=drop)"
           "По документа и реда се познава кое е движението; два пъти в един файл значи грешка или двойно движение."
           "Док. № 1001, ред 1 стои на редове 5 и 9."
           "Поправете номера и поставете файла отново или, ако са две движения, кажете на администратора: `rxdrop release ФАЙЛ:РЕД --answer double=send|drop`."
        en "the same document and line stand in row {0} of this file too; neither was sent: correct the number in one of them or, if they are two movements, tell the administrator (answer double=send or double=drop)"
           "The key says which movement this is; twice in one file is a mistake or a double movement."
           "Document 1001, line 1 stands in rows 5 and 9."
           "Correct the number and drop the file again or, if they are two movements, tell the administrator: `rxdrop release FILE:ROW --answer double=send|drop`."
    BEHIND "L014" Nobody
        bg "изчаква отговора за ред {1} на {0}, който е за същото движение; не правете нищо"
           "Докато няма отговор за първия ред, вторият би могъл да го удвои."
           "Файлът е поставен отново, преди да е дошъл отговорът."
           "Нищо: решава се сам, щом дойде отговорът; при „неизвестно“ — чрез първия ред."
        en "waits for the answer about row {1} of {0}, which is the same movement; nothing to do"
           "Until the first is answered the second might double it."
           "The file was dropped again before the answer came."
           "Nothing: it is decided when the answer comes; where that is unknown, through the first row."
    REVERSED "L015" User
        bg "беше приет под номер {0} и после сторниран; ако пак трябва да се отчете, кажете на администратора (команда rxdrop release)"
           "Сторнираното не се връща само."
           "Поставен е стар експорт."
           "Ако пак трябва да се отчете, кажете на администратора: `rxdrop release ФАЙЛ:РЕД`."
        en "was accepted under number {0} and reversed later; if it is to be reported again, tell the administrator (command rxdrop release)"
           "What was reversed does not come back by itself."
           "An old export was dropped."
           "If it is to be reported again, tell the administrator: `rxdrop release FILE:ROW`."
    REPLACED "L016" Nobody
        bg "заменен е от ред {1} на {0}; гледайте там какво става с него"
           "По-новият ред за същото движение заема мястото на по-стария."
           "Редът е поправен във файла с грешките."
           "Нищо тук: гледайте отчета на посочения файл."
        en "was replaced by row {1} of {0}; look there for what becomes of it"
           "The newer row of a fact takes the place of the older one."
           "The repaired row was dropped with the errors file."
           "Nothing here: see the report of the file named."
    LATE_HELD "L017" User
        bg "срокът за подаване изтече на {0}; не е подаден — решете дали да се подаде със закъснение и кажете на администратора (команда rxdrop release)"
           "След срока системата може да откаже, а закъснението се наказва."
           "Ред от преди 12 дни при срок 10 дни."
           "Решете и кажете на администратора: `rxdrop release ФАЙЛ:РЕД` го подава въпреки срока."
        en "the last day to send it was {0}; not sent: decide whether to send it late and tell the administrator (command rxdrop release)"
           "Past its day the system may refuse it, and lateness is fined."
           "A row of 12 days ago where 10 are allowed."
           "Decide and tell the administrator: `rxdrop release FILE:ROW` sends it all the same."
    LATE_REFUSED "L018" User
        bg "срокът за подаване изтече на {0}; не се подава, а ако датата е сгрешена, поправете я"
           "Така е настроено за закъснели редове."
           "Ред от преди 12 дни при срок 10 дни."
           "Ако датата е сгрешена, поправете я и поставете файла отново."
        en "the last day to send it was {0}; not sent; if the date is wrong, correct it"
           "Late rows are set to be refused."
           "A row of 12 days ago where 10 are allowed."
           "If the date is wrong, correct it and drop the file again."
    BEFORE_START "L019" Nobody
        bg "датата е преди {0}: такива редове са отчетени по друг начин и оттук не се подават"
           "Настроено е от кой ден се отчита оттук."
           "Стар експорт в папката."
           "Нищо."
        en "dated before {0}: reported another way, so not sent"
           "A setting says from which day on reports are sent from here."
           "An old export in the folder."
           "Nothing."
    DOCUMENT "L020" User
        bg "документът се подава само цял, а ред {0} от него е за поправка; поправете онзи ред"
           "Настроено е документът да се подава цял."
           "Доставка с пет реда, един от които е сгрешен."
           "Поправете посочения ред; този ще тръгне с него."
        en "documents are sent whole, and row {0} of this one is to be repaired; repair that row"
           "Documents are set to be sent whole."
           "A delivery of five rows, one of them wrong."
           "Repair the row named; this one goes with it."
    WHOLE_FILE "L021" User
        bg "файлът се подава само цял, а ред {0} е за поправка; поправете онзи ред"
           "Настроено е файлът да се подава цял."
           "Файл със сто реда, един от които е сгрешен."
           "Поправете посочения ред; този ще тръгне с него."
        en "the file is sent whole, and row {0} is to be repaired; repair that row"
           "Files are set to be sent whole."
           "A file of a hundred rows, one of them wrong."
           "Repair the row named; this one goes with it."
    DOCUMENT_WAITS "L030" Nobody
        bg "документът се подава само цял, а ред {0} от него изчаква отговора за по-ранен ред; гледайте онзи ред"
           "Докато не се знае какво е станало с по-ранния ред, не се знае дали този документ ще стои."
           "Документ, един ред от който вече е подаден с друг файл и още е без отговор."
           "Нищо за този ред: тръгва с посочения или остава с него."
        en "documents are sent whole, and row {0} of this one waits for the answer about an earlier row; see that row"
           "Until the earlier row is answered nobody can say whether this document stands."
           "A document one row of which was sent with another file and is not answered yet."
           "Nothing for this row: it goes, or stays, with the row named."
    WHOLE_FILE_WAITS "L031" Nobody
        bg "файлът се подава само цял, а ред {0} изчаква отговора за по-ранен ред; гледайте онзи ред"
           "Докато не се знае какво е станало с по-ранния ред, не се знае дали файлът ще стои."
           "Файл, един ред от който вече е подаден с друг файл и още е без отговор."
           "Нищо за този ред: тръгва с посочения или остава с него."
        en "the file is sent whole, and row {0} waits for the answer about an earlier row; see that row"
           "Until the earlier row is answered nobody can say whether the file stands."
           "A file one row of which was sent with another file and is not answered yet."
           "Nothing for this row: it goes, or stays, with the row named."
    DROPPED "L022" Nobody
        bg "не се подава по решение на {0}"
           "Човек е решил, че този ред не е отделно движение."
           "Повторение от друг файл."
           "Нищо."
        en "not sent, as {0} decided"
           "Somebody decided that this row is no movement of its own."
           "A repeat from another file."
           "Nothing."
    UNKNOWN_REF "L023" User
        bg "колоната rx_ref сочи ред, който тук не е известен; не е подаден — върнете стойността от файла с грешките или изтрийте цялата колона"
           "По rx_ref се разбира кой ред се поправя."
           "Стойността е сменена или файлът е от друга инсталация."
           "Вземете отново файла с грешките и поправете в него."
        en "column rx_ref names a row that is not known here; not sent: put the value of the errors file back, or delete the whole column"
           "rx_ref tells which row is being repaired."
           "The value was changed, or the file comes from another installation."
           "Take the errors file again and repair in it."
    TWO_ORIGINS "L024" User
        bg "колоната rx_ref сочи редове от различни по вид файлове; нищо не е подадено — сложете редовете от всеки в отделен файл"
           "Всеки вид файл се чете по свой начин."
           "Редове от два файла с грешки, събрани в един."
           "Поставете всеки файл с грешки поотделно."
        en "column rx_ref names rows of files of different kinds; nothing was sent: put the rows of each into a file of their own"
           "Each kind of file is read in its own way."
           "Rows of two errors files gathered in one."
           "Drop each errors file by itself."
    NUMBER_TAKEN "L025" Integrator
        bg "номерът на транзакцията вече е използван за друго движение; не е подаден"
           "Един номер сочи едно движение в двете системи."
           "Броячът в програмата е започнал отначало."
           "Вътрешните номера трябва да са единствени, или да не се подават."
        en "the transaction number is taken by another movement; not sent"
           "A number names one movement in both systems."
           "The counter of the program started again."
           "Own numbers must be unique, or left out."
    TOO_LARGE "L026" User
        bg "редът е твърде дълъг за подаване; съкратете забележката"
           "Системата приема заявки до определен размер."
           "Забележка от милион знака."
           "Съкратете текста и поставете файла отново."
        en "the row is larger than a request may be; shorten the notes"
           "The system takes requests up to a size."
           "Notes of a million characters."
           "Shorten the text and drop the file again."
    BY_WORD "L027" Nobody
        bg "отбелязан е като приет от {0}: {1}"
           "Отговор не дойде; човек е проверил в портала."
           "Прекъсната връзка."
           "Нищо."
        en "accepted on the word of {0}: {1}"
           "No answer came; somebody looked in the portal."
           "A cut connection."
           "Nothing."
    BY_RULE "L028" Nobody
        bg "не се подава: {0}"
           "Правило на настройката казва, че такива редове не се отчитат."
           "Козметика, която не е в Позитивния списък."
           "Нищо; ако е грешка, кажете на внедрителя на програмата."
        en "not to be reported: {0}"
           "A rule says that such rows are not reported."
           "Cosmetics, which are not on the Positive List."
           "Nothing; if it is wrong, tell the person who keeps the rules."
    NO_SECTION "L029" Administrator
        bg "файлът чака: настройката „{0}“, към която отива, не може да се използва ({1}); кажете на администратора"
           "Без регистрационен номер и настройки не се знае от чие име се подава."
           "Променливата с регистрационния номер не е зададена."
           "Администраторът поправя настройката и проверява с `rxdrop doctor`; файлът после тръгва сам."
        en "the file waits: section `{0}`, where it goes, can't be used ({1}); tell the administrator"
           "Without registration number and settings it is not known in whose name to report."
           "The variable with the registration number is not set."
           "The administrator mends the setting and looks with `rxdrop doctor`; the file then goes by itself."
    KEY_CHANGED "L032" Integrator
        bg "файлът чака: редовете му вече се разпознават по други колони или стойности, отколкото подадените преди, и вече подаденото би изглеждало ново; изпратете го на внедрителя на програмата"
           "Едно движение се познава по ключа си; смени ли се ключът, всичко от началото на месеца би се подало втори път."
           "В [key] е добавена колона, след като са подадени редове; без [key] нещо вече означава друго: „брак“ беше 25, а сега е 24."
           "За настройващия: върнете предишния ключ (без ключ: предишните полета и какво означава всеки текст; нови текстове, колони и формати могат да се добавят накрая). Ако колоните само са преименувани, впишете в [key] предишните имена: `formerly`. Ако никой от подадените редове няма да дойде пак, дайте на ключа нов обхват с `of`, а където няма ключ, ново име на настройката."
        en "the file waits: its rows are now told apart by other columns or values than those reported before, so what was reported would look new; send it to whoever sets the program up"
           "A movement is known by its key; when the key changes, all since the first of the month would be sent once more."
           "A column was added to [key] after rows had been reported; without [key], something stands for something else now: `брак` was 25 and is 24."
           "Integrator: put the former key back (without a key: the former fields and what each text stood for; new texts, columns and formats may come behind them). If the columns only have new names, state the former ones in [key] as `formerly`. If none of the reported rows will come again, give the key a new scope with `of`, or where there is no key, the mapping a new name."
    LOOKED "L041" Nobody
        bg "системата е питана по нашия номер на {1}: {0}; следващият въпрос е на {2}"
           "Намери ли се под нашия номер, редът е приет; липсва ли два пъти достатъчно време един след друг, сигурно не е получен и се подава отново."
           "Връзката прекъсна и половин час по-късно системата не познава номера."
           "Нищо: програмата пита пак сама. Който вече е видял реда в портала, може да не чака: `rxdrop resolve`."
        en "the system was asked by our number on {1}: {0}; the next question is on {2}"
           "Once it is found under our number the row is accepted; if it is missing twice, long enough apart, it was surely not received and is sent again."
           "The connection broke, and half an hour later the system knows no such number."
           "Nothing: it is asked again by itself. Whoever has seen the row in the portal need not wait: `rxdrop resolve`."
    FOUND "L042" Nobody
        bg "отговор на подаването не дойде; намерен е в системата по нашия номер"
           "Каквото системата показва под нашия номер, е прието."
           "Връзката прекъсна, след като всичко беше записано."
           "Нищо."
        en "the answer to the sending was lost; the system has it under our number"
           "What the system shows under our number is accepted."
           "The connection broke after all had been registered."
           "Nothing."
    NOT_THERE "L043" Nobody
        bg "не е бил получен: питана два пъти, системата не познава нашия номер; подава се отново под същия номер"
           "Липсва ли два пъти, достатъчно време след подаването и един след друг, редът сигурно не е получен."
           "Връзката прекъсна, преди заявката да стигне."
           "Нищо."
        en "was not received: asked twice, the system does not know our number; it is sent again under the same number"
           "What is missing twice, long enough after the sending and apart, was surely not received."
           "The connection broke before the request arrived."
           "Nothing."
    IN_LIST "L044" Nobody
        bg "отговор на подаването не дойде; намерен е в списъка на системата (ред {1} на {0})"
           "Списъкът от портала показва едно-единствено такова движение."
           "Списъкът е поставен в папката reconcile."
           "Нищо."
        en "the answer to the sending was lost; the system's list has it (row {1} of {0})"
           "The portal's list shows exactly one such movement."
           "The list was dropped into the folder reconcile."
           "Nothing."
    CONTRADICTED "L065" Administrator
        bg "щеше да се подаде отново, защото не беше получен, но списъкът на системата го показва под нашия номер (ред {1} на {0}); не се подава — проверете го в портала и кажете на администратора"
           "Каквото системата показва под нашия номер, е получено; още едно подаване би било двойно."
           "Ред, за който е казано, че не е получен, а системата го е записала по-късно."
           "Ако е същото движение: `rxdrop resolve ФАЙЛ:РЕД --accepted НОМЕР`; ако го няма: `--not-received`, с --by и --reason."
        en "was about to be sent again, as it had not been received, but the system's list shows it under our number (row {1} of {0}); it is not sent: look it up in the portal and tell the administrator"
           "What the system shows under our number was received; sending it once more would make a double."
           "A row said not to be received, which the system registered later."
           "If it is the same movement: `rxdrop resolve FILE:ROW --accepted ID`; if it is not there: `--not-received`, with --by and --reason."
    RISK "L045" Administrator
        bg "{0} реда са подадени без отговор, а последният ден за подаване е {1}. Всеки избор носи риск: да се чака — ако не са записани, след {1} вече не могат да се подадат в срок; да се отбележат като приети — ако всъщност ги няма, остават неотчетени; да се отбележат като неполучени и да се подадат пак — ако все пак са записани, стават двойни и двойното трябва да се сторнира до {2}"
           "Двойното може да се сторнира и след срока, липсващото не може да се добави; кое е вярно, показва само системата. Затова никой срок не решава вместо вас."
           "Връзката прекъсна преди седмица и никой не е погледнал в портала."
           "Проверете днес в портала по нашите номера (колона rx_number) и кажете на администратора какво видяхте: `rxdrop resolve ФАЙЛ:РЕД --accepted НОМЕР`, ако редът е там, `--not-received`, ако го няма; с --by и --reason. Или сложете списъка от портала в папката reconcile."
        en "{0} rows were sent without an answer, and the last day to send them is {1}. Each choice has a risk: to wait - if they are not registered, they can't be sent in time after {1}; to mark them as accepted - if they are not there, they stay unreported; to mark them as not received and send them again - if they are registered after all, they stand there twice, and the double must be reversed by {2}"
           "A double can be reversed after that day, what is missing can't be added; which is true only the system shows. So no day ever decides for you."
           "The connection broke a week ago and nobody looked in the portal."
           "Look in the portal today by our numbers (column rx_number) and tell the administrator what you saw: `rxdrop resolve FILE:ROW --accepted ID` if the row is there, `--not-received` if it is not; with --by and --reason. Or drop the portal's list into the folder reconcile."
    LISTED_DIFFERS "L046" Administrator
        bg "под този номер тук е ред {1} на {0}, но с друго съдържание; нищо не е променено — сравнете двата и кажете на администратора"
           "Номерът сочи едно движение; различи ли се съдържанието, единият запис е грешен."
           "В списъка количеството е 12, а тук е подадено 10."
           "Сравнете с портала. Ако редът тук е без отговор, администраторът решава с `rxdrop resolve ФАЙЛ:РЕД`."
        en "under this number stands row {1} of {0} here, with other content; nothing was changed: compare the two and tell the administrator"
           "A number names one movement; where the content differs, one of the two is wrong."
           "The list says 12 where 10 was sent."
           "Compare with the portal. If the row here has no answer, the administrator decides with `rxdrop resolve FILE:ROW`."
    LISTED_AMBIGUOUS "L047" Administrator
        bg "същото съдържание имат подадени оттук редове, чийто номер в системата не е известен: {1}, а в списъка: {0}; не е сигурно кой кой е, затова нищо не е решено — проверете в портала по нашия номер и кажете на администратора"
           "Между еднакви редове списъкът не показва кой кой е; а номер, който е бил в списък преди подаването, е на друго движение."
           "Две еднакви доставки, едната без отговор, а другата още чака."
           "Изчакайте другите редове да получат отговор и сложете нов списък, или администраторът решава за всеки ред без отговор: `rxdrop resolve no:НОМЕР --accepted НОМЕР`."
        en "rows sent from here whose number in the system is not known have the same content: {1}, rows of the list: {0}; it is not sure which is which, so nothing was decided: look in the portal by our number and tell the administrator"
           "Between equal rows the list does not show which is which; and a number that a list showed before the sending is another movement's."
           "Two equal deliveries, one without an answer, while the other still waits."
           "Wait until the other rows have their answers and drop a new list, or the administrator decides about each row without an answer: `rxdrop resolve no:NUMBER --accepted ID`."
    LISTED_STRANGER "L048" User
        bg "това движение не е подадено оттук; ако не е въведено в портала или с друга програма, проверете откъде е"
           "Списъкът показва всичко, което системата има, откъдето и да е дошло."
           "Движение, въведено на ръка в портала."
           "Нищо, ако знаете откъде е; иначе го проверете в портала."
        en "this movement was not sent from here; unless it was entered in the portal or by another program, find out where it comes from"
           "The list shows all that the system has, wherever it came from."
           "A movement typed into the portal."
           "Nothing if you know where it comes from; else look it up in the portal."
    LISTED_OTHERWISE "L049" Administrator
        bg "носи нашия номер {2} за ред {1} на {0}, който тук не е без отговор и не е приет под този номер (номер в системата тук: {3}); сравнете ги и кажете на администратора"
           "Така изглежда движение, записано два пъти."
           "Редът е подаден втори път, след като някой е казал, че не е получен."
           "Администраторът гледа `rxdrop trace ФАЙЛ:РЕД`; двойното се сторнира в портала."
        en "bears our number {2} for row {1} of {0}, which is neither without an answer here nor accepted under this number (the system's number here: {3}); compare them and tell the administrator"
           "So looks a movement registered twice."
           "The row was sent a second time after somebody had said that it was not received."
           "The administrator looks at `rxdrop trace FILE:ROW`; a double is reversed in the portal."
    LIST_UNREAD "L050" User
        bg "редът от списъка не е сравнен: номерът на системата липсва или нещо в него не се разчита"
           "Без номера на системата не се знае под какво е записано движението."
           "Празна клетка в колоната с номерата."
           "Вземете списъка от портала отново и не го променяйте."
        en "the row of the list was not compared: the system's number is missing, or something in it can't be read"
           "Without the system's number it is not known under what the movement is registered."
           "An empty cell in the column of numbers."
           "Fetch the list from the portal again, and don't change it."
    NOT_LISTED "L051" User
        bg "{0} реда, приети тук, с дати от {1} до {2}, липсват в списъка (първите: {3}); ако списъкът е пълен за тези дни, проверете ги в портала"
           "Каквото системата е приела, трябва да е в нейния списък, освен ако е сторнирано или списъкът е непълен."
           "Списък само за един склад или обект."
           "Вземете целия списък за тези дни; ако пак липсват, кажете на администратора."
        en "{0} rows accepted here and dated {1} to {2} are missing in the list (first: {3}); if the list is whole for these days, look them up in the portal"
           "What the system accepted must be in its list, unless it was reversed or the list is not whole."
           "A list of one warehouse only."
           "Fetch the whole list of these days; if they are missing still, tell the administrator."
    UNKNOWN_NOT_LISTED "L052" Administrator
        bg "{0} реда без отговор, с дати от {1} до {2}, не са намерени в списъка (първите: {3}); остават неизвестни: липсата в един списък не доказва, че не са получени"
           "Системата може да ги запише и след като списъкът е взет, или списъкът да е непълен."
           "Списък, взет минута след прекъсването."
           "Вземете по-късно целия списък за тези дни. Който е сигурен, че ги няма: `rxdrop resolve ФАЙЛ:РЕД --not-received`, с --by и --reason."
        en "{0} rows without an answer, dated {1} to {2}, were not found in the list (first: {3}); they stay unknown: missing in one list does not prove that they were not received"
           "The system may register them after the list was fetched, or the list is not whole."
           "A list fetched a minute after the connection broke."
           "Fetch the whole list of these days later. Whoever is sure that they are not there: `rxdrop resolve FILE:ROW --not-received`, with --by and --reason."
    LISTED_TWICE "L062" Administrator
        bg "номерът в системата {0} стои и на друг ред на списъка, или тук е на друго движение; нищо не е решено — проверете го в портала и кажете на администратора"
           "Номерът в системата е на едно-единствено движение; двете не могат да са верни."
           "Ред, копиран в списъка на ръка, или сторнирано движение, показано повторно."
           "Вземете списъка отново и не го променяйте; ако се повтори, администраторът решава с `rxdrop resolve ФАЙЛ:РЕД`."
        en "the system's number {0} stands in another row of the list too, or is another movement's here; nothing was decided: look it up in the portal and tell the administrator"
           "A number of the system is one movement's only; both can't be true."
           "A row of the list copied by hand, or a cancelled movement shown again."
           "Fetch the list again and don't change it; if it comes again, the administrator decides with `rxdrop resolve FILE:ROW`."
    LIST_UNCLEAR "L064" Administrator
        bg "{0} реда на списъка не са ясни и нищо не е решено за тях (първите: {1}); при всеки пише защо (колона rx_message на резултата)"
           "Двойно записано движение или друго съдържание под същия номер се вижда само тук."
           "Списъкът показва едно движение под два номера."
           "Решете редовете в резултата на списъка един по един, после сложете нов списък под същото име или махнете този."
        en "{0} rows of the list are not clear, and nothing was decided about them (first: {1}); each says why (column rx_message of the result)"
           "A movement registered twice, or other content under the same number, is seen only here."
           "The list shows one movement under two numbers."
           "Decide the rows in the list's result one by one, then drop a new list under the same name or take this one away."
    LIST_PARTLY_UNREAD "L066" User
        bg "{0} реда на списъка не са сравнени (първите: {1}): номерът на системата липсва или нещо в тях не се разчита; какво показват те, не се знае, другите редове са сравнени"
           "Ред без отговор, който е сред несравнените, остава неизвестен, макар и да е в списъка."
           "Колоната с номерата е изтрита, преди списъкът да е записан."
           "Вземете списъка от портала отново, не го променяйте и го сложете под същото име; или махнете този, ако редовете не са важни. Ако се повтори, кажете на администратора."
        en "{0} rows of the list were not compared (first: {1}): the system's number is missing, or something in them can't be read; what they show is not known, the other rows were compared"
           "A row without an answer that is among those not compared stays unknown, though the list has it."
           "The column of numbers was deleted before the list was saved."
           "Fetch the list from the portal again, don't change it, and drop it under the same name; or take this one away if the rows don't matter. If it comes again, tell the administrator."
    LISTED_UNDER_WAY "W515" Nobody
        bg "носи нашия номер за ред {1} на {0}, който тук още чака отговор; не го сторнирайте — отговорът ще го реши, а следващият списък ще го покаже като приет"
           "Системата може да е записала движението, преди отговорът ѝ да е дошъл."
           "Голям пакет, който системата обработва по-късно."
           "Нищо; сложете нов списък, след като редът получи отговор."
        en "bears our number for row {1} of {0}, which still waits for its answer here; don't reverse it: the answer settles it, and the next list shows it as accepted"
           "The system may have registered the movement before its answer came."
           "A large batch that the system works on later."
           "Nothing; drop a new list once the row has its answer."
    LISTED_ELSEWHERE "W514" Nobody
        bg "не е сравнено: регистрационният номер в този ред не е този, под който се подава оттук"
           "Списъкът може да е за няколко обекта."
           "Аптека със свой регистрационен номер."
           "Нищо."
        en "was not compared: the registration number in this row is not the one that is sent under from here"
           "The list may be of several places."
           "A pharmacy with a registration number of its own."
           "Nothing."
    LISTED_KNOWN "W511" Nobody
        bg "прието е тук: ред {1} на {0}"
           "Списъкът и редовете тук си отговарят."
           "Вчерашна доставка."
           "Нищо."
        en "is accepted here: row {1} of {0}"
           "List and rows here agree."
           "Yesterday's delivery."
           "Nothing."
    LISTED_FOUND "W512" Nobody
        bg "беше без отговор тук (ред {1} на {0}); вече е приет"
           "Списъкът доказва, че движението е записано."
           "Връзката беше прекъснала след последния изпратен байт."
           "Нищо."
        en "was without an answer here (row {1} of {0}); is accepted now"
           "The list proves that the movement is registered."
           "The connection had broken after the last byte was sent."
           "Nothing."
    LIST_SUMMARY "W513" Nobody
        bg "списъкът е сравнен: {0} реда без отговор са намерени и са приети, {1} бяха известни, {2} не са ясни, {3} не са подадени оттук"
           "Всеки ред на списъка носи какво е намерено за него."
           "Списъкът от портала за седмицата."
           "Нищо."
        en "the list was compared: {0} rows without an answer were found and are accepted, {1} were known, {2} are not clear, {3} were not sent from here"
           "Each row of the list says what was found of it."
           "The portal's list of the week."
           "Nothing."
    DOUBTFUL "L040" Administrator
        bg "задържан: преди програмата да бъде преместена или възстановена от копие, този ред може вече да е бил подаден; проверете в портала и кажете на администратора"
           "Какво е подадено тогава, тук не се знае; второ подаване би го удвоило."
           "Регистърът е върнат от копие отпреди два дни."
           "Администраторът решава за целия файл или за ред: `rxdrop release ФАЙЛ --answer double=send` (не е подаден) или `--answer double=drop` (вече е там), с --by и --reason."
        en "held: before the program was moved or restored from a copy this row may have been sent already; look in the portal and tell the administrator"
           "What was sent then is not known here; sending it again would double it."
           "The ledger was restored from a copy two days old."
           "The administrator decides about the whole file or a row: `rxdrop release FILE --answer double=send` (it was not sent) or `--answer double=drop` (it is there), with --by and --reason."
    REPAIRED "W501" Nobody
        bg "заема мястото на ред {1} от {0}"
           "По-новият ред за същото движение се подава вместо по-стария."
           "Поправеният файл с грешките."
           "Нищо."
        en "takes the place of row {1} of {0}"
           "The newer row of a fact is sent instead of the older one."
           "The repaired errors file."
           "Nothing."
    MISSING_FACTS "W502" User
        bg "{0} реда от предишния файл със същото име липсват тук (първите: {1}); те остават отчетени"
           "Липсващ ред не се сторнира сам."
           "Дневният експорт започва всеки ден отначало."
           "Нищо, ако файлът нарочно е само за новия ден; иначе проверете експорта."
        en "{0} rows of the former file of this name are missing here (first: {1}); they are still reported"
           "A missing row is never reversed by itself."
           "The daily export starts afresh each day."
           "Nothing if the file is meant to hold the new day only; else look at the export."
    RELEASED "W503" Nobody
        bg "разрешен е от {0}: {1}"
           "Човек е решил да се подаде."
           "Закъснял ред."
           "Нищо."
        en "let go by {0}: {1}"
           "Somebody decided to have it sent."
           "A late row."
           "Nothing."
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn every_code_speaks_both_languages() {
        for info in CODES {
            for words in [&info.bg, &info.en] {
                assert!(
                    [words.message, words.why, words.example, words.repair]
                        .iter()
                        .all(|text| !text.is_empty())
                );
            }
            assert!(info.bg.message.chars().any(|letter| ('а'..='я').contains(&letter)), "{}", info.code);
        }
    }
}
