//! What the fuzz targets call, by the doors that the program itself uses. Any bytes must end in an answer: a panic,
//! or a promise that does not hold, is a find. A normal test run calls the same with what is kept in `seeds/`.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rxdrop::destinations::{self, Call, Destination, Item, Late, Reply, Section, SespaWire, Ticket};
use rxdrop::mapping::{self, LookupTable};
use rxdrop::model::{Environment, Lang, Schema};
use rxdrop::table::{Block, Error, Reading, Row, Table, inspect};
use rxdrop::validate::Record;

/// A text file of which nothing is known.
pub(super) fn csv(bytes: &[u8]) {
    if is_text(bytes) {
        read(bytes, &Reading::default());
    }
}

/// A text file of which the first bytes say something: encoding, delimiter, quotes, header.
pub(super) fn dialect(bytes: &[u8]) {
    const ENCODINGS: [&str; 9] = [
        "utf-8",
        "utf-16le",
        "utf-16be",
        "windows-1251",
        "ibm866",
        "mik",
        "windows-1252",
        "windows-1250",
        "iso-8859-2",
    ];
    const DELIMITERS: [&str; 8] = [";", ",", "\\t", "|", " ", ";;", "^~", "::"];
    let Some(([encoding, delimiter, quotes, header], text)) = bytes.split_first_chunk() else { return };
    let said = |list: &[&str], byte: u8| list.get(usize::from(byte)).map(|name| (*name).to_owned());
    let reading = Reading {
        encoding: said(&ENCODINGS, *encoding),
        delimiter: said(&DELIMITERS, *delimiter),
        quote: [None, Some('"'), Some('\'')][usize::from(quotes % 3)],
        backslash: [None, Some(true), Some(false)][usize::from(quotes / 3 % 3)],
        header: (*header < 16).then_some(u32::from(*header)),
        skip: (*header > 128).then(|| vec!["общо".to_owned(), "1".to_owned()]),
        expect: if *header > 64 { vec!["Код".to_owned(), "Брой".to_owned()] } else { Vec::new() },
        language: if quotes % 2 == 0 { Lang::Bg } else { Lang::En },
        ..Reading::default()
    };
    if is_text(text) {
        read(text, &reading);
    }
}

/// The parts of a workbook, divided by zeros: sheet, shared strings, styles.
pub(super) fn sheet(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let archive = archive(&[
        ("xl/worksheets/sheet1.xml", part()),
        ("xl/sharedStrings.xml", part()),
        ("xl/styles.xml", part()),
    ]);
    read(&archive, &Reading::default());
}

/// A mapping's text.
pub(super) fn mapping(bytes: &[u8]) {
    static SCHEMA: LazyLock<Arc<Schema>> =
        LazyLock::new(|| Arc::new(destinations::schema("sespa", None).expect("the built-in catalogue")));
    let file = file_of(bytes);
    let schemas = |_: &str| Some(Arc::clone(&SCHEMA));
    let list = |_: &Path| {
        let headers = ["code", "postcode"].map(str::to_owned).to_vec();
        Ok(LookupTable { rows: vec![headers.clone()], headers })
    };
    let sections = ["sespa".to_owned(), "sespa-plovdiv".to_owned()];
    match mapping::load(file.path(), &schemas, &sections, &list) {
        Ok(mapping) => assert!(!mapping.name.is_empty() && !mapping.sha256.is_empty()),
        Err(problems) => assert!(!problems.is_empty(), "a mapping that is refused says why"),
    }
}

/// A status and the body of an answer to two rows; each row must come to one outcome.
pub(super) fn answers(bytes: &[u8]) {
    static SESPA: LazyLock<Box<dyn Destination>> =
        LazyLock::new(|| destinations::open(&section(), None).expect("a section"));
    static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(items);
    let Some((status, body)) = bytes.split_first() else { return };
    let status = [200, 202, 201, 400, 401, 404, 429, 500][usize::from(status % 8)];
    let answer = http::Response::builder().status(status).body(body.to_vec()).expect("an answer");
    let ticket = Ticket(serde_json::json!({ "batch": "7" }));
    for call in [Call::Submit(&ITEMS), Call::Ask(&ticket, &ITEMS), Call::Look(&ITEMS[0])] {
        let wanted = if matches!(call, Call::Look(_)) { 1 } else { ITEMS.len() };
        if let Reply::Settled { outcomes, .. } = SESPA.reply(&call, &answer) {
            assert_eq!(outcomes.len(), wanted);
        }
    }
}

/// Markup and compound files are read by a process of the program itself, which is not here.
fn is_text(bytes: &[u8]) -> bool {
    let is_mark =
        |byte: &u8| matches!(byte, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF) || byte.is_ascii_whitespace();
    let first = bytes.iter().find(|byte| !is_mark(byte));
    !matches!(first, Some(b'<')) && !bytes.starts_with(b"PK") && bytes.first() != Some(&0xD0)
}

/// Reads a file in all ways: rows one by one and in blocks are the same, and so is what was found; once what was
/// found is said, the rows are the same again.
fn read(bytes: &[u8], reading: &Reading) {
    let file = file_of(bytes);
    let _ = inspect(file.path(), reading, 2);
    let Ok((rows, pinned)) = rows_of(file.path(), reading) else { return };
    assert!(rows.windows(2).all(|two| two[0].0 <= two[1].0), "rows come in order");
    let mut blocks = Table::open(file.path(), reading).expect("it was read before");
    let (mut block, mut row, mut many) = (Block::default(), Row::new(), Vec::new());
    let mut more = true;
    while more {
        more = blocks.read_block(&mut block).expect("it was read before");
        block.for_each(&mut row, |row| many.push(shown(row)));
    }
    assert_eq!(rows, many, "in blocks");
    let again = rows_of(file.path(), &pinned).expect("what was found can be said").0;
    assert_eq!(cells(&rows), cells(&again), "once what was found is said");
}

type Shown = (u32, Vec<String>, Vec<&'static str>);

fn rows_of(path: &Path, reading: &Reading) -> Result<(Vec<Shown>, Reading), Error> {
    let mut table = Table::open(path, reading)?;
    let (mut row, mut rows) = (Row::new(), Vec::new());
    while table.read(&mut row)? {
        assert!(row.len() >= table.headers().len(), "short rows are padded");
        rows.push(shown(&row));
    }
    Ok((rows, table.found().reading()))
}

fn shown(row: &Row) -> Shown {
    let cells = row.cells().map(|cell| cell.text.to_owned()).collect();
    (row.number(), cells, row.issues().iter().map(|issue| issue.code.code).collect())
}

fn cells(rows: &[Shown]) -> Vec<(u32, &[String])> {
    rows.iter().map(|(number, cells, _)| (*number, cells.as_slice())).collect()
}

fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a written file");
    file
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |(id, kind, target): (&str, &str, &str)| {
        format!(r#"<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{target}"/>"#)
    };
    let relations = |inside: &str| format!("<Relationships>{inside}</Relationships>");
    let inside = [
        ("r1", "worksheet", "worksheets/sheet1.xml"),
        ("r2", "sharedStrings", "sharedStrings.xml"),
        ("r3", "styles", "styles.xml"),
    ];
    let book = r#"<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#;
    let outer = relations(&relation(("r1", "officeDocument", "xl/workbook.xml")));
    let inner = relations(&inside.map(relation).concat());
    let usual: [(&str, &[u8]); 4] = [
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", outer.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", inner.as_bytes()),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in usual.iter().chain(parts) {
        archive.start_file(*name, stored).expect("a part");
        archive.write_all(bytes).expect("a part");
    }
    archive.finish().expect("an archive").into_inner()
}

fn section() -> Section {
    Section {
        name: "sespa".to_owned(),
        system: "sespa".to_owned(),
        environment: Environment::Sandbox,
        base_url: "http://127.0.0.1:8787/sespa".to_owned(),
        client_id: None,
        client_secret: None,
        actor_reg_no: None,
        report_from: None,
        ca_file: None,
        proxy: None,
        catalogue: None,
        submit_window_days: Vec::new(),
        reverse_window_days: Vec::new(),
        late: Late::Hold,
        wire: SespaWire::default(),
    }
}

fn items() -> Vec<Item> {
    let schema = destinations::schema("sespa", None).expect("the built-in catalogue");
    let item = |transaction: i64| {
        let text = format!(r#"{{"p_trn_type":3,"p_quantity":{}}}"#, transaction + 1);
        let record = Record::restored(&schema, &text).expect("a record");
        Item { transaction, number: format!("126061500000{}", transaction + 1), record }
    };
    (0..2).map(item).collect()
}
