//! Why a file cannot be read at all. Each reason ends in one message to a person.

use std::io;

use super::choice::{T039, listed};
use super::reading::Format;
use crate::model::{CodeInfo, Issue, Who, Words};

/// What stops the reading of a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// Nothing in it, or only a byte-order mark or blank rows.
    #[error("the file is empty")]
    Empty,
    /// A web page or other markup without a table, whatever its suffix says.
    #[error("the file is a web page without a table")]
    Markup,
    /// A workbook of a format that is not read; the format's name.
    #[error("the file is a workbook of the format {0}")]
    OtherWorkbook(&'static str),
    /// A workbook behind a password.
    #[error("the workbook is protected by a password")]
    Protected,
    /// Neither text nor workbook.
    #[error("the file is no table")]
    NotATable,
    /// A workbook that is cut or damaged; what the reader said.
    #[error("the workbook is damaged: {0}")]
    Broken(String),
    /// A workbook beyond a limit; which, and the limit.
    #[error("the workbook is beyond the limit of {limit} {what}")]
    Limit {
        /// What is counted, in English.
        what: &'static str,
        /// The most that is read.
        limit: u64,
    },
    /// More rows and cells on the sheets of a workbook than this.
    #[error("the workbook has more than {0} cells")]
    Cells(u64),
    /// More merged ranges in a workbook than this.
    #[error("the workbook has more than {0} merged ranges")]
    Merged(u64),
    /// The process that read a workbook died, or had to be ended: of memory, of time or of a mistake.
    #[error("the reader of the {} file gave up", .0.name())]
    GaveUp(Format),
    /// A workbook with a document type definition.
    #[error("the workbook holds a document type definition")]
    Dtd,
    /// An archive with two parts of the same name: each reader may take another one.
    #[error("the archive has two parts of one name")]
    TwoParts,
    /// No such sheet; its name, and those there are.
    #[error("the workbook has no such sheet")]
    NoSheet {
        /// The name that was looked for.
        wanted: String,
        /// The sheets of the workbook.
        known: Vec<String>,
    },
    /// All that there is stands on hidden sheets; their names.
    #[error("only hidden sheets have data")]
    OnlyHidden(Vec<String>),
    /// Several visible sheets have the same columns; the one that would be read, and the others.
    #[error("several sheets have the same columns")]
    SheetsAlike {
        /// The sheet that would be read.
        read: String,
        /// The sheets that would be lost.
        others: Vec<String>,
    },
    /// The header is said to stand in a row that does not exist.
    #[error("the file has no row {0} to hold the header")]
    NoHeader(u32),
    /// Names of columns with bytes that are no letters; which, and where.
    #[error("the names of the columns are damaged")]
    DamagedHeader(Box<Issue>),
    /// Nothing but blanks divides the columns, so that each begins at one place of its line.
    #[error("columns are aligned by blanks")]
    Aligned,
    /// A mapping's encoding or delimiter that nobody knows.
    #[error("unknown {what}")]
    Unknown {
        /// `encoding` or `delimiter`.
        what: &'static str,
        /// As the mapping says it.
        given: String,
    },
}

impl Error {
    /// The message to a person.
    pub fn issue(&self) -> Issue {
        match self {
            Self::Io(error) => Issue::new(&T001).arg(error.kind().to_string()),
            Self::Empty => Issue::new(&T002),
            Self::Markup => Issue::new(&T003),
            Self::OtherWorkbook(format) => Issue::new(&T004).arg(*format),
            Self::Protected => Issue::new(&T005),
            Self::NotATable => Issue::new(&T006),
            Self::Broken(_) => Issue::new(&T007),
            Self::Limit { what, limit } => Issue::new(&T008).arg(*what).arg(limit.to_string()),
            Self::Aligned => Issue::new(&T016),
            Self::Cells(most) => Issue::new(&T014).arg(most.to_string()),
            Self::Merged(most) => Issue::new(&T015).arg(most.to_string()),
            Self::GaveUp(format) => Issue::new(&T013).arg(format.title()),
            Self::Dtd => Issue::new(&T009),
            Self::NoSheet { wanted, known } => Issue::new(&T010).arg(wanted).arg(known.join(", ")),
            Self::TwoParts => Issue::new(&T037),
            Self::OnlyHidden(names) => Issue::new(&T038).arg(listed(names)),
            Self::SheetsAlike { read, others } => Issue::new(&T039).arg(listed(others)).arg(read),
            Self::NoHeader(row) => Issue::new(&T011).arg(row.to_string()),
            Self::DamagedHeader(issue) => Issue::clone(issue),
            Self::Unknown { what, given } => Issue::new(&T012).arg(*what).arg(given),
        }
    }
}

/// Two parts of one name.
pub(super) static T037: CodeInfo = CodeInfo {
    code: "T037",
    who: Who::User,
    bg: Words {
        message: "в работната книга има две части с едно и също име и не се знае коя важи; отворете я в Excel, запишете я наново и я пуснете пак",
        why: "Книгата е архив от части с различни имена. При две еднакви едни програми четат първата, а други втората.",
        example: "две части xl/worksheets/sheet1.xml",
        repair: "Отворете файла в Excel, проверете, че данните са верните, и го запишете като .xlsx.",
    },
    en: Words {
        message: "the workbook has two parts of the same name, and nobody knows which one counts; open it in Excel, save it again and drop it once more",
        why: "A workbook is an archive of parts with different names. Of two equal ones some programs read the first, some the second.",
        example: "two parts xl/worksheets/sheet1.xml",
        repair: "Open the file in Excel, see that the data is right, and save it as .xlsx.",
    },
};

/// Nothing but hidden sheets.
pub(super) static T038: CodeInfo = CodeInfo {
    code: "T038",
    who: Who::User,
    bg: Words {
        message: "видимите листове са празни, данни има само на скритите: {0}; покажете листа и запишете файла",
        why: "Чете се видим лист. На скритите листове обикновено има помощни таблици, затова те не се четат сами.",
        example: "листът с движенията е скрит преди запис",
        repair: "Щракнете с десния бутон върху името на лист, изберете „Покажи“, посочете листа и запишете.",
    },
    en: Words {
        message: "the visible sheets are empty, only hidden ones have data: {0}; show the sheet and save the file",
        why: "A visible sheet is read. Hidden ones mostly hold auxiliary tables, so they are not read unasked.",
        example: "the sheet with the movements was hidden before saving",
        repair: "Right-click the name of a sheet, choose Unhide, pick the sheet and save.",
    },
};

/// The operating system does not let us read.
pub(super) static T001: CodeInfo = CodeInfo {
    code: "T001",
    who: Who::Administrator,
    bg: Words {
        message: "файлът не може да се прочете ({0}); проверете правата и диска",
        why: "Операционната система върна грешка при четене, затова нищо от файла не е подадено.",
        example: "папка без право за четене, прекъсната мрежа",
        repair: "Дайте на услугата право за четене или възстановете диска; после файлът ще бъде взет отново.",
    },
    en: Words {
        message: "the file cannot be read ({0}); look at the rights and the disk",
        why: "The operating system gave an error while reading, so nothing of the file was reported.",
        example: "a folder without the right to read, a broken network",
        repair: "Give the service the right to read or mend the disk; the file is taken again then.",
    },
};

/// Nothing to read.
pub(super) static T002: CodeInfo = CodeInfo {
    code: "T002",
    who: Who::User,
    bg: Words {
        message: "файлът е празен; експортирайте го наново",
        why: "В него няма нито заглавен ред, нито данни. Често експортът е прекъснал.",
        example: "файл с размер 0 байта",
        repair: "Направете експорта още веднъж и проверете, че файлът се отваря и има редове.",
    },
    en: Words {
        message: "the file is empty; export it again",
        why: "There is neither a header nor data in it. Often the export was interrupted.",
        example: "a file of 0 bytes",
        repair: "Export once more and check that the file opens and has rows.",
    },
};

/// A web page that pretends to be a table.
pub(super) static T003: CodeInfo = CodeInfo {
    code: "T003",
    who: Who::User,
    bg: Words {
        message: "това е уеб страница (HTML или XML) без таблица с данни; отворете я в Excel и я запишете като .xlsx",
        why: "Някои програми записват HTML с разширение .xls. От него се чете първата таблица с данни, но тук такава няма.",
        example: "страница за вход, записана вместо справката",
        repair: "Отворете файла: ако данните са в него, изберете „Запиши като“ и вид „Работна книга на Excel (.xlsx)“; \
                 ако ги няма, направете експорта наново.",
    },
    en: Words {
        message: "this is a web page (HTML or XML) without a table of data; open it in Excel and save it as .xlsx",
        why: "Some programs write HTML and name it .xls. The first table with data is read from it, but here is none.",
        example: "a login page that was saved in place of the report",
        repair: "Open the file: if the data is there, choose Save As and the type Excel Workbook (.xlsx); if not, \
                 export it again.",
    },
};

/// A workbook of a format that is too old.
pub(super) static T004: CodeInfo = CodeInfo {
    code: "T004",
    who: Who::User,
    bg: Words {
        message: "файлове във формат {0} не се четат; отворете го и го запишете като .xlsx",
        why: "Четат се текстови файлове (CSV), .xlsx, .xlsm, .xls, .xlsb, .ods и таблици в HTML.",
        example: "справка.xls от Excel 4",
        repair: "Отворете файла, изберете „Запиши като“ и вид „Работна книга на Excel (.xlsx)“.",
    },
    en: Words {
        message: "files of the format {0} are not read; open it and save it as .xlsx",
        why: "Text files (CSV), .xlsx, .xlsm, .xls, .xlsb, .ods and tables in HTML are read.",
        example: "report.xls of Excel 4",
        repair: "Open the file, choose Save As and the type Excel Workbook (.xlsx).",
    },
};

/// A password.
pub(super) static T005: CodeInfo = CodeInfo {
    code: "T005",
    who: Who::User,
    bg: Words {
        message: "файлът е защитен с парола; махнете паролата и го запишете отново",
        why: "Съдържанието е шифровано и не може да се прочете без паролата.",
        example: "работна книга с парола за отваряне",
        repair: "В Excel: Файл, Информация, Защита на работна книга, Шифроване с парола; изтрийте паролата и запишете.",
    },
    en: Words {
        message: "the file is protected by a password; take the password off and save it again",
        why: "The content is encrypted and cannot be read without the password.",
        example: "a workbook with a password to open it",
        repair: "In Excel: File → Info → Protect Workbook → Encrypt with Password; delete the password and save.",
    },
};

/// Something else.
pub(super) static T006: CodeInfo = CodeInfo {
    code: "T006",
    who: Who::User,
    bg: Words {
        message: "това не е таблица; поставете в папката файл CSV или Excel",
        why: "Съдържанието не е нито текст, нито работна книга, каквото и да е разширението.",
        example: "PDF, снимка или архив, преименуван на .csv",
        repair: "Експортирайте данните като CSV или като работна книга .xlsx.",
    },
    en: Words {
        message: "this is no table; drop a CSV or Excel file",
        why: "The content is neither text nor a workbook, whatever the file's suffix.",
        example: "a PDF, a picture or an archive renamed to .csv",
        repair: "Export the data as CSV or as an .xlsx workbook.",
    },
};

/// A damaged workbook.
pub(super) static T007: CodeInfo = CodeInfo {
    code: "T007",
    who: Who::User,
    bg: Words {
        message: "работната книга е непълна или повредена; отворете я в Excel, запишете я отново и пак я поставете в папката",
        why: "Файлът свършва преждевременно или вътрешността му не е такава, каквато Excel записва.",
        example: "копиране, прекъснато по средата",
        repair: "Отворете файла в Excel и го запишете с ново име; ако не се отваря, експортирайте го наново.",
    },
    en: Words {
        message: "the workbook is incomplete or damaged; open it in Excel, save it again and drop it once more",
        why: "The file ends too early, or its inside is not what Excel writes.",
        example: "a copy that broke off in the middle",
        repair: "Open the file in Excel and save it under a new name; if it does not open, export it again.",
    },
};

/// A workbook beyond a limit.
pub(super) static T008: CodeInfo = CodeInfo {
    code: "T008",
    who: Who::User,
    bg: Words {
        message: "работната книга е твърде голяма (граница {1}: {0}); разделете я на няколко файла или я запишете като CSV",
        why: "Границата пази от файлове, които при разархивиране заемат цялата памет.",
        example: "малък архив, който се разгъва до гигабайти",
        repair: "Запишете само нужния лист като CSV или разделете данните на няколко файла.",
    },
    en: Words {
        message: "the workbook is too large (limit {1} {0}); divide it into several files or save it as CSV",
        why: "The limit guards against files that fill all memory when they are unpacked.",
        example: "a small archive that unpacks to gigabytes",
        repair: "Save only the sheet that is needed as CSV, or divide the data into several files.",
    },
};

/// A document type definition.
pub(super) static T009: CodeInfo = CodeInfo {
    code: "T009",
    who: Who::User,
    bg: Words {
        message: "работната книга съдържа забранено описание (DTD), каквото Excel никога не записва; не я използвайте",
        why: "С такова описание се правят файлове, които нападат програмите, които ги четат.",
        example: "<!DOCTYPE …> вътре в .xlsx",
        repair: "Експортирайте данните наново от програмата, от която идват.",
    },
    en: Words {
        message: "the workbook holds a forbidden definition (DTD) that Excel never writes; do not use it",
        why: "Such definitions are used for files that attack the programs that read them.",
        example: "<!DOCTYPE …> inside an .xlsx",
        repair: "Export the data again from the program it comes from.",
    },
};

/// No such sheet.
pub(super) static T010: CodeInfo = CodeInfo {
    code: "T010",
    who: Who::User,
    bg: Words {
        message: "няма лист „{0}“; във файла има: {1}. Преименувайте листа с данните",
        why: "За този вид файлове е уговорено на кой лист са данните.",
        example: "листът „Движения“ е преименуван на „Sheet1“",
        repair: "Преименувайте листа с данните и запишете.",
    },
    en: Words {
        message: "there is no sheet `{0}`; the file has: {1}. Rename the sheet with the data",
        why: "For files of this kind it is agreed on which sheet the data stands.",
        example: "the sheet `Movements` was renamed to `Sheet1`",
        repair: "Rename the sheet with the data and save.",
    },
};

/// No such row for the header.
pub(super) static T011: CodeInfo = CodeInfo {
    code: "T011",
    who: Who::User,
    bg: Words {
        message: "имената на колоните се очакват на ред {0}, но такъв ред няма; експортирайте файла както преди",
        why: "За този вид файлове е уговорено на кой ред стоят имената на колоните.",
        example: "изтрити заглавни редове над таблицата",
        repair: "Експортирайте файла наново, без да триете редове от него.",
    },
    en: Words {
        message: "the names of the columns are expected in row {0}, but there is no such row; export the file as before",
        why: "For files of this kind it is agreed in which row the names of the columns stand.",
        example: "title rows above the table were deleted",
        repair: "Export the file again without deleting rows from it.",
    },
};

/// A mapping's mistake.
pub(super) static T012: CodeInfo = CodeInfo {
    code: "T012",
    who: Who::Integrator,
    bg: Words {
        message: "непознато {0} в [table]: {1}",
        why: "Кодировката е име като windows-1251 или utf-8; разделителят е един знак или \\t.",
        example: "encoding = \"cp12510\"",
        repair: "Поправете [table] или махнете ключа: тогава стойността се открива сама.",
    },
    en: Words {
        message: "unknown {0} in [table]: {1}",
        why: "An encoding is a name such as windows-1251 or utf-8; a delimiter is one character or \\t.",
        example: "encoding = \"cp12510\"",
        repair: "Mend [table] or leave the key out: the value is then found out.",
    },
};

/// A workbook whose reader died.
pub(super) static T013: CodeInfo = CodeInfo {
    code: "T013",
    who: Who::User,
    bg: Words {
        message: "файлът е {0} и не можа да бъде прочетен: твърде голям е или е повреден; отворете го в Excel и го запишете като .xlsx",
        why: "Такива файлове се четат отделно, с ограничена памет и време, за да не пострада останалата работа. Този \
              не се събра в тях.",
        example: "справка за няколко години в един .xls",
        repair: "Отворете файла в Excel, изберете „Запиши като“ и вид „Работна книга на Excel (.xlsx)“, или го разделете.",
    },
    en: Words {
        message: "the file is {0} and could not be read: it is too large or damaged; open it in Excel and save it as .xlsx",
        why: "Such files are read apart, with limited memory and time, so that other work suffers no harm. This one \
              did not fit.",
        example: "a report over several years in one .xls",
        repair: "Open the file in Excel, choose Save As and the type Excel Workbook (.xlsx), or divide it.",
    },
};

/// Cells without end.
pub(super) static T014: CodeInfo = CodeInfo {
    code: "T014",
    who: Who::User,
    bg: Words {
        message: "във файла има повече от {0} клетки, заедно с празните; изтрийте излишните редове и колони около данните \
                  и запишете, или разделете файла",
        why: "Всяка клетка отнема време, и празната. Никоя справка няма толкова; обикновено са форматирани цели редове \
              или колони далеч извън данните.",
        example: "лист, чийто последен ред според Excel (Ctrl+End) е 1048576, а данните са до ред 300",
        repair: "Копирайте само данните в нов файл и го запишете, или изтрийте редовете под тях и колоните вдясно от тях.",
    },
    en: Words {
        message: "the file has more than {0} cells, empty ones included; delete the rows and columns around the data \
                  that are not needed and save, or divide the file",
        why: "Each cell takes time, even an empty one. No report has so many; usually whole rows or columns far outside \
              of the data were formatted.",
        example: "a sheet whose last row is 1048576 by Excel's Ctrl+End, while the data ends in row 300",
        repair: "Copy the data alone into a new file and save that, or delete the rows below and the columns beside it.",
    },
};

/// Merged ranges without end.
pub(super) static T015: CodeInfo = CodeInfo {
    code: "T015",
    who: Who::User,
    bg: Words {
        message: "във файла има повече от {0} слети клетки; разделете ги в Excel и запишете, или запишете листа като CSV",
        why: "Никоя таблица с данни няма толкова слети клетки, а всяка се държи в паметта.",
        example: "справка, в която всяка клетка е слята от няколко",
        repair: "В Excel изберете целия лист, махнете „Сливане и центриране“ и запишете, или запишете листа като CSV.",
    },
    en: Words {
        message: "the file has more than {0} merged cells; split them in Excel and save, or save the sheet as CSV",
        why: "No table of data has so many merged cells, and each is kept in memory.",
        example: "a report in which every cell is merged of several",
        repair: "In Excel select the whole sheet, take Merge & Center off and save, or save the sheet as CSV.",
    },
};

/// Columns that only stand below each other.
pub(super) static T016: CodeInfo = CodeInfo {
    code: "T016",
    who: Who::User,
    bg: Words {
        message: "колоните във файла са подравнени с интервали, за печат, и не личи къде свършва клетка; експортирайте го като CSV \
                  или Excel",
        why: "В такъв файл празна клетка и интервал в текст изглеждат еднакво, затова стойност може да се прочете от чужда колона.",
        example: "31.08.2026    2415       5",
        repair: "Изберете в програмата си експорт в CSV или Excel вместо печат във файл. Ако не може, кажете на доставчика ѝ.",
    },
    en: Words {
        message: "the file's columns are aligned by blanks, as for printing, and nothing shows where a cell ends; export it as CSV \
                  or Excel",
        why: "In such a file an empty cell looks like a blank within a text, so a value may be read from another column.",
        example: "31.08.2026    2415       5",
        repair: "Choose an export to CSV or Excel in your program in place of printing to a file. If it has none, tell its vendor.",
    },
};
