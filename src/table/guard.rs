//! Looks through a workbook before the workbook reader may open it.
//!
//! A few kilobytes can unpack to gigabytes, and the reader keeps a whole text run, a whole cell and all shared
//! strings in memory. So every part is unpacked once through a counter: real bytes, because the sizes that an
//! archive declares can lie, and the length of every run of markup or text.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipError;

use super::choice::Oddities;
use super::error::Error;
use super::number::DayCount;
use super::reading::Format;

const MIB: u64 = 1024 * 1024;

/// The most that a workbook may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Parts of the archive. A workbook of 200 sheets with drawings has about 1,000.
    pub(super) parts: u64,
    /// Unpacked bytes of all parts together. A million rows of 15 cells take about 700 MB.
    pub(super) unpacked: u64,
    /// Unpacked bytes of the shared strings, which the reader keeps in memory.
    pub(super) shared_strings: u64,
    /// Unpacked bytes of the styles.
    pub(super) styles: u64,
    /// Unpacked bytes of a part that is no XML, such as a picture.
    pub(super) binary: u64,
    /// Bytes of a file that is no archive and is read as a whole.
    pub(super) whole: u64,
    /// Bytes of one tag or one text; a cell holds 32,767 characters.
    pub(super) run: u64,
    /// Bytes of text between the marks of two cells.
    pub(super) cell: u64,
    /// Rows and cells of all sheets together, empty ones too: each costs time. A full sheet of 60 columns.
    pub(super) cells: u64,
    /// Tags of all parts together. A cell takes four to six, of eight bytes and more.
    pub(super) tags: u64,
    /// Merged ranges: as many as a sheet has rows.
    pub(super) merged: u64,
    /// Bytes of text that the cells of a sheet come to, beside [`TEXT_TIMES`] the unpacked file: many cells may share one
    /// long text.
    pub(super) text: u64,
    /// Bytes of memory that the reader takes for strings, styles and names, which it keeps.
    pub(super) kept: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parts: 4_096,
            unpacked: 2_048 * MIB,
            shared_strings: 64 * MIB,
            styles: 8 * MIB,
            binary: 128 * MIB,
            whole: 64 * MIB,
            run: MIB,
            cell: 4 * MIB,
            cells: CELLS,
            tags: 256 * MIB,
            merged: SEEN_KEPT as u64,
            text: 256 * MIB,
            kept: 384 * MIB,
        }
    }
}

/// How often the bytes of a file may come again as text. A cell with a shared text takes thirty bytes and more.
const TEXT_TIMES: u64 = 16;
/// What is counted of texts.
pub(super) const TEXT: &str = "MiB (text of the cells)";
/// Rows and cells of a workbook or a page.
pub(super) const CELLS: u64 = 64 * MIB;
/// Cell formats of a workbook; Excel allows 65,490.
const STYLES: u64 = 65_536;
/// Bytes that the reader takes for each cell format, beside a copy of its texts.
const STYLE_KEPT: u64 = 256;
/// Bytes of a part's entry in the list of parts, with its name; an average of all.
const PART_NAMED: u64 = 2_048;
/// Bytes that the reader takes for each shared string, beside its text.
const STRING_KEPT: u64 = 80;
/// Bytes that the reader takes for each sheet, defined name or relationship, beside its texts.
const NAME_KEPT: u64 = 256;

/// What was seen in a workbook on the way.
#[derive(Debug)]
pub(super) struct Checked {
    /// By the parts that it has.
    pub(super) format: Format,
    /// Whether a cell may hold a formula whose result was never stored.
    pub(super) uncalculated: bool,
    /// Bytes of text that its cells may come to.
    pub(super) text: u64,
    parts: BTreeMap<String, Seen>,
}

impl Checked {
    /// From which day the workbook counts. Only for an .xlsx.
    pub(super) fn day_count(&self) -> DayCount {
        let is_from_1904 = |(name, seen): (&String, &Seen)| name.ends_with("workbook.xml") && seen.from_1904;
        if self.parts.iter().any(is_from_1904) { DayCount::From1904 } else { DayCount::From1900 }
    }

    /// What is merged or hidden on a sheet, by its place in the workbook's list. Only for an .xlsx.
    pub(super) fn seen_of(&self, sheet: usize) -> Option<&Seen> {
        let of =
            |ending: &str| self.parts.iter().find(|(name, _)| name.ends_with(ending)).map(|(_, seen)| seen);
        let id = of("workbook.xml")?.sheets.get(sheet)?;
        let (_, target) = of("workbook.xml.rels")?.targets.iter().find(|(known, _)| known == id)?;
        of(target.trim_start_matches(['.', '/']))
    }
}

/// Refuses a file that is too large to be read as a whole. Gives the bytes of text that its cells may come to.
pub(super) fn check_size(file: &File, limits: &Limits) -> Result<u64, Error> {
    let bytes = file.metadata()?.len();
    if bytes > limits.whole {
        return Err(Error::Limit { what: "MiB", limit: limits.whole / MIB });
    }
    Ok(limits.text_of(bytes))
}

impl Limits {
    fn text_of(&self, unpacked: u64) -> u64 {
        self.text.saturating_add(unpacked.saturating_mul(TEXT_TIMES))
    }
}

/// Bytes of text that may still come.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextLeft {
    left: u64,
    most: u64,
}

impl TextLeft {
    pub(super) fn new(most: u64) -> Self {
        Self { left: most, most }
    }

    /// Counts so many bytes; an error once there are too many.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or(Error::Limit { what: TEXT, limit: self.most.div_ceil(MIB) })?;
        Ok(())
    }
}

/// Refuses a workbook that is encrypted, damaged, of another format or beyond a limit.
pub(super) fn check(file: &File, limits: &Limits) -> Result<Checked, Error> {
    let mut reader = BufReader::new(file.try_clone()?);
    let count = count_parts(&mut reader, limits)?;
    reader.seek(SeekFrom::Start(0))?;
    let mut archive = ZipArchive::new(reader).map_err(|error| broken(&error))?;
    if has_same_names(&archive, count) {
        return Err(Error::TwoParts);
    }
    let mut checked =
        Checked { format: kind(&mut archive)?, uncalculated: false, text: 0, parts: BTreeMap::new() };
    let mut totals = Totals::default();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?.to_ascii_lowercase().replace('\\', "/");
        let (scanned, seen) = scan_part(&mut part, &name, totals, limits)?;
        totals = scanned;
        if seen != Seen::default() {
            checked.parts.insert(name, seen);
        }
    }
    checked.uncalculated = totals.uncalculated;
    checked.text = limits.text_of(totals.bytes);
    // Formulas without a result are found by a second reader, which keeps everything once more.
    if totals.kept() * (1 + u64::from(totals.uncalculated)) > limits.kept {
        return Err(Error::Limit {
            what: "MiB (sharedStrings.xml, styles.xml, workbook.xml)",
            limit: limits.kept / MIB,
        });
    }
    Ok(checked)
}

fn broken(error: &ZipError) -> Error {
    match error {
        ZipError::UnsupportedArchive(text) if *text == ZipError::PASSWORD_REQUIRED => Error::Protected,
        other => Error::Broken(other.to_string()),
    }
}

/// Counts the parts by the end of the archive, before anything is kept in memory for each of them.
fn count_parts(reader: &mut (impl Read + Seek), limits: &Limits) -> Result<u64, Error> {
    const END: usize = 22;
    let size = reader.seek(SeekFrom::End(0))?;
    let tail_at = size.saturating_sub(66_000);
    reader.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    reader.take(66_000).read_to_end(&mut tail)?;
    let Some(at) = memchr::memmem::rfind(&tail, b"PK\x05\x06").filter(|at| at + END <= tail.len()) else {
        return Err(Error::Broken("the end of the archive is missing".to_owned()));
    };
    let mut count = number(&tail, at + 10, 2);
    if let Some(long) = memchr::memmem::rfind(&tail, b"PK\x06\x06") {
        count = count.max(number(&tail, long + 32, 8));
    } else if count == u64::from(u16::MAX) {
        count = u64::MAX;
    }
    if count > limits.parts {
        return Err(too_many_parts(limits));
    }
    check_directory(reader, limits)?;
    Ok(count)
}

fn too_many_parts(limits: &Limits) -> Error {
    Error::Limit { what: "ZIP parts", limit: limits.parts }
}

/// Opens the archive within bounds: its reader may take another end for the true one, and keeps all names.
fn check_directory(reader: impl Read + Seek, limits: &Limits) -> Result<(), Error> {
    let mut bounded = Bounded { reader, left: limits.parts * PART_NAMED };
    let parts = ZipArchive::new(&mut bounded).map(|archive| archive.len() as u64);
    match parts {
        _ if bounded.left == 0 => Err(too_many_parts(limits)),
        Ok(parts) if parts > limits.parts => Err(too_many_parts(limits)),
        Ok(_) => Ok(()),
        Err(error) => Err(broken(&error)),
    }
}

/// A file of which only so many bytes can be read.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let read = self.reader.read(out.get_mut(..most).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}

/// Whether two parts have the same name, also in other letters. The archive's reader keeps one of those that are
/// quite the same, so it has fewer than are counted.
fn has_same_names<R: Read + Seek>(archive: &ZipArchive<R>, count: u64) -> bool {
    let mut seen = HashSet::new();
    let names = archive.file_names().filter_map(Result::ok);
    (archive.len() as u64) < count
        || names.map(|name| name.to_ascii_lowercase().replace('\\', "/")).any(|name| !seen.insert(name))
}

/// A little-endian number of an archive's headers; 0 beyond the end.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let field = bytes.get(at..at + length).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Tells workbooks from other archives by the parts they must have.
fn kind<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Result<Format, Error> {
    let names: Vec<String> = archive
        .file_names()
        .filter_map(Result::ok)
        .map(|name| name.to_ascii_lowercase().replace('\\', "/"))
        .collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if names.iter().any(|name| name.ends_with("workbook.bin")) {
        Ok(Format::Xlsb)
    } else if names.iter().any(|name| name.ends_with("workbook.xml"))
        || has("[content_types].xml") && has("xl")
    {
        Ok(Format::Xlsx)
    } else if has("content.xml") && has("mimetype") && is_spreadsheet(archive) {
        Ok(Format::Ods)
    } else {
        Err(Error::NotATable)
    }
}

/// Texts and drawings of the same family have the same parts, but another type.
fn is_spreadsheet<R: Read + Seek>(archive: &mut ZipArchive<R>) -> bool {
    let Ok(part) = archive.by_name("mimetype") else { return false };
    let mut kind = Vec::new();
    part.take(64).read_to_end(&mut kind).is_ok()
        && kind.starts_with(b"application/vnd.oasis.opendocument.spreadsheet")
}

/// What was counted in all parts so far.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    bytes: u64,
    tags: u64,
    /// Rows and cells.
    cells: u64,
    merged: u64,
    strings: u64,
    string_bytes: u64,
    styles: u64,
    /// The longest tag or text among the styles: it may stand in each of them.
    style_run: u64,
    /// Sheets of the workbook.
    sheets: u64,
    /// The longest relationship: it may stand in each of them.
    target_run: u64,
    /// Bytes of sheets' and defined names and of relationships.
    names: u64,
    /// Bytes of what was seen that are kept here.
    seen: u64,
    /// Whether a cell's formula has no stored result.
    uncalculated: bool,
}

impl Totals {
    /// What the reader will keep in memory.
    fn kept(&self) -> u64 {
        // A format and a font's name, each copied for each style.
        let styles = self.styles.saturating_mul(STYLE_KEPT.saturating_add(2 * self.style_run));
        // A sheet's part is named by two relationships.
        let sheets = self.sheets.saturating_mul(2 * self.target_run);
        // A name stands there twice, and room is made for twice a text.
        let names = 2 * self.names;
        let strings = self.strings * STRING_KEPT + self.string_bytes;
        [styles, sheets, names].into_iter().fold(strings, u64::saturating_add)
    }

    /// Counts a tag whose texts the reader keeps.
    fn name(&mut self, tag: &[u8], begins: u64, run: u64) {
        self.names += begins * (NAME_KEPT + run);
        match tag {
            b"sheet" => self.sheets += begins,
            b"Relationship" => self.target_run = self.target_run.max(run),
            _ => {}
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), Error> {
        if self.cells > limits.cells {
            return Err(Error::Cells(limits.cells));
        }
        if self.merged > limits.merged {
            return Err(Error::Merged(limits.merged));
        }
        if self.styles > STYLES {
            return Err(Error::Limit { what: "xf (styles.xml)", limit: STYLES });
        }
        Ok(())
    }
}

/// What one part tells about what is hidden or merged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::table) struct Seen {
    /// Numbers of hidden rows that have cells.
    hidden_rows: Vec<u32>,
    /// First and last of hidden columns, 1 for column A.
    hidden_columns: Vec<(u32, u32)>,
    /// The last row of each merged range.
    merged: Vec<u32>,
    /// Of a workbook: the relationship of each sheet, in order.
    sheets: Vec<String>,
    /// Of a workbook: its days are counted from 1904.
    from_1904: bool,
    /// Of relationships: their names and the parts they lead to, in lower case.
    targets: Vec<(String, String)>,
    /// Bytes of the texts among these.
    texts: u64,
}

/// The most of each kind that is kept; a sheet has no more rows.
const SEEN_KEPT: usize = 1 << 20;
/// Bytes that are kept of all parts together.
const SEEN_BYTES: u64 = 32 * MIB;

impl Seen {
    /// Notes a hidden row that has cells.
    pub(in crate::table) fn hide_row(&mut self, row: u32) {
        push(&mut self.hidden_rows, Some(row));
    }

    /// Notes hidden columns, first and last.
    pub(in crate::table) fn hide_columns(&mut self, first: u32, last: u32) {
        push(&mut self.hidden_columns, Some((first, last)));
    }

    /// Notes a merged range that ends in this row.
    pub(in crate::table) fn merge(&mut self, last: u32) {
        push(&mut self.merged, Some(last));
    }

    /// What is told of a table whose header is this row and has so many columns.
    pub(in crate::table) fn oddities(&self, header: u32, columns: u32) -> Oddities {
        Oddities {
            merged: self.merged(header),
            hidden_rows: self.hidden_rows(header),
            hidden_columns: self.hidden_columns(columns),
            ..Oddities::default()
        }
    }

    /// Hidden rows below the header.
    fn hidden_rows(&self, header: u32) -> u32 {
        count(self.hidden_rows.iter().filter(|row| **row > header))
    }

    /// Hidden columns among the first `columns`.
    fn hidden_columns(&self, columns: u32) -> u32 {
        let inside = |(first, last): &(u32, u32)| (last.min(&columns) + 1).saturating_sub(*first);
        self.hidden_columns.iter().map(inside).fold(0, u32::saturating_add).min(columns)
    }

    /// Merged ranges that reach below the header.
    fn merged(&self, header: u32) -> u32 {
        count(self.merged.iter().filter(|last| **last > header))
    }

    /// Bytes of all that is kept.
    fn bytes(&self) -> u64 {
        let (rows, columns) = (self.hidden_rows.len() + self.merged.len(), self.hidden_columns.len());
        let texts = self.sheets.len() + 2 * self.targets.len();
        (size_of::<u32>() * (rows + 2 * columns) + size_of::<String>() * texts) as u64 + self.texts
    }

    fn look_at(&mut self, name: &[u8], tag: &[u8]) {
        let number = |wanted: &[u8]| digits(attribute(tag, wanted)?);
        let hidden = || attribute(tag, b"hidden").is_some_and(|value| matches!(value, b"1" | b"true"));
        let text =
            |wanted: &[u8]| attribute(tag, wanted).map(|value| String::from_utf8_lossy(value).into_owned());
        match name {
            b"row" if !tag.ends_with(b"/>") && hidden() => push(&mut self.hidden_rows, number(b"r")),
            b"col" if hidden() => push(&mut self.hidden_columns, number(b"min").zip(number(b"max"))),
            b"mergeCell" => {
                let last = attribute(tag, b"ref").and_then(|range| range.rsplit(|byte| *byte == b':').next());
                let row = last
                    .map(<[u8]>::trim_ascii_start)
                    .and_then(|cell| digits(cell.get(cell.iter().position(u8::is_ascii_digit)?..)?));
                push(&mut self.merged, row);
            }
            b"workbookPr" => {
                self.from_1904 |=
                    attribute(tag, b"date1904").is_some_and(|value| matches!(value, b"1" | b"true"));
            }
            b"sheet" => {
                let id = text(b"r:id").or_else(|| text(b"id"));
                self.texts += id.as_ref().map_or(0, |id| id.len() as u64);
                push(&mut self.sheets, id);
            }
            b"Relationship" => {
                let target = text(b"Target").map(|target| target.to_ascii_lowercase());
                let leads = text(b"Id").zip(target);
                self.texts += leads.as_ref().map_or(0, |(id, target)| (id.len() + target.len()) as u64);
                push(&mut self.targets, leads);
            }
            _ => {}
        }
    }
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn push<T>(kept: &mut Vec<T>, item: Option<T>) {
    if kept.len() < SEEN_KEPT {
        kept.extend(item);
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The value of an attribute, as it stands in its tag.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find_iter(tag, name).find_map(|at| {
        let before = tag.get(at.checked_sub(1)?)?;
        let (equals, rest) = tag.get(at + name.len()..)?.split_first()?;
        let (quote, value) = rest.split_first()?;
        let known = before.is_ascii_whitespace() && *equals == b'=' && matches!(quote, b'"' | b'\'');
        let end = memchr::memchr(*quote, value)?;
        if known { value.get(..end) } else { None }
    })
}

/// Unpacks one part.
fn scan_part(
    part: &mut impl Read,
    name: &str,
    totals: Totals,
    limits: &Limits,
) -> Result<(Totals, Seen), Error> {
    let mut scanner = Scanner::new(name, limits, totals);
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        let read = match part.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::Broken(error.to_string())),
        };
        total += read as u64;
        if totals.bytes + total > limits.unpacked {
            return Err(Error::Limit { what: "MiB", limit: limits.unpacked / MIB });
        }
        scanner.size(total)?;
        scanner.feed(buffer.get(..read).unwrap_or_default())?;
    }
    Ok(scanner.end(total))
}

/// What stands at the present place of an XML part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing read yet.
    Start,
    /// No XML at all.
    Binary,
    Text,
    /// Inside `<…>`; the quote of an attribute's value.
    Tag(Option<u8>),
    /// Inside a comment, a CDATA section or an instruction, up to these last bytes.
    Section(&'static [u8]),
}

/// Follows the markup of one part over any number of chunks, and holds lengths against the limits.
struct Scanner<'a> {
    limits: &'a Limits,
    is_strings: bool,
    is_styles: bool,
    at: At,
    /// Bytes since the last `<` or `>` that counted.
    run: u64,
    /// Bytes of text since the last mark of a cell.
    cell: u64,
    /// The first bytes of the present tag.
    tag: Vec<u8>,
    /// The last bytes of the present section.
    last: [u8; 3],
    totals: Totals,
    formulas: Formulas,
    /// Behind the first defined name of a part: its texts are kept, and where they end the reader decides.
    naming: bool,
    seen: Seen,
}

/// Follows the formulas of a sheet.
#[derive(Default)]
struct Formulas {
    /// The present cell has one, and no result so far.
    open: bool,
    /// Bytes of the cell's text before the present result.
    result_from: u64,
    /// One had no result.
    uncalculated: bool,
}

const TAG_KEPT: usize = 512;

impl<'a> Scanner<'a> {
    fn new(name: &str, limits: &'a Limits, totals: Totals) -> Self {
        Self {
            limits,
            is_strings: name.ends_with("sharedstrings.xml"),
            is_styles: name.ends_with("styles.xml"),
            at: At::Start,
            run: 0,
            cell: 0,
            tag: Vec::with_capacity(TAG_KEPT),
            last: [0; 3],
            totals,
            formulas: Formulas::default(),
            naming: false,
            seen: Seen::default(),
        }
    }

    /// What was counted and seen once the part has ended.
    fn end(self, bytes: u64) -> (Totals, Seen) {
        let mut totals = self.totals;
        totals.bytes += bytes;
        totals.string_bytes += if self.is_strings { bytes } else { 0 };
        totals.uncalculated |= self.formulas.uncalculated;
        totals.seen += self.seen.bytes();
        (totals, self.seen)
    }

    /// Holds the part's size so far against the limits of its kind.
    fn size(&self, total: u64) -> Result<(), Error> {
        let (what, limit) = match self.at {
            _ if self.is_strings => ("MiB (sharedStrings.xml)", self.limits.shared_strings),
            _ if self.is_styles => ("MiB (styles.xml)", self.limits.styles),
            At::Binary => ("MiB", self.limits.binary),
            _ => return Ok(()),
        };
        if total > limit { Err(Error::Limit { what, limit: limit / MIB }) } else { Ok(()) }
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let used = match self.at {
                At::Start => self.begin(rest),
                At::Binary => return Ok(()),
                At::Text => self.text(rest)?,
                At::Tag(quote) => self.tag(rest, quote)?,
                At::Section(end) => self.section(rest, end)?,
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn begin(&mut self, bytes: &[u8]) -> usize {
        let markup =
            bytes.iter().find(|byte| !matches!(byte, 0xEF | 0xBB | 0xBF | b' ' | b'\t' | b'\r' | b'\n'));
        self.at = if markup == Some(&b'<') { At::Text } else { At::Binary };
        0
    }

    fn text(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let found = memchr::memchr(b'<', bytes);
        let used = found.unwrap_or(bytes.len());
        self.cell += used as u64;
        self.go_on(used)?;
        if found.is_some() {
            self.at = At::Tag(None);
            self.run = 0;
            self.tag.clear();
            self.totals.tags += 1;
            if self.totals.tags > self.limits.tags {
                return Err(Error::Limit { what: "XML tags", limit: self.limits.tags });
            }
        }
        Ok(used + usize::from(found.is_some()))
    }

    fn tag(&mut self, bytes: &[u8], quote: Option<u8>) -> Result<usize, Error> {
        if quote.is_none() && self.tag.len() < 3 {
            return self.tag_start(bytes);
        }
        let found = match quote {
            Some(quote) => memchr::memchr(quote, bytes),
            None => memchr::memchr3(b'>', b'"', b'\'', bytes),
        };
        let used = found.map_or(bytes.len(), |at| at + 1);
        let kept = used.min(TAG_KEPT.saturating_sub(self.tag.len()));
        self.tag.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        self.go_on(used)?;
        match found.and_then(|at| bytes.get(at)) {
            Some(b'>') if quote.is_none() => self.end_tag()?,
            Some(mark) if quote.is_none() => self.at = At::Tag(Some(*mark)),
            Some(_) => self.at = At::Tag(None),
            None => {}
        }
        Ok(used)
    }

    /// The first three bytes of a tag, one by one: they tell comments, sections and instructions from tags.
    fn tag_start(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        self.tag.push(*byte);
        match self.tag.as_slice() {
            [b'?'] => self.begin_section(b"?>"),
            [b'!', b'-', b'-'] => self.begin_section(b"-->"),
            [b'!', b'[', _] => self.begin_section(b"]]>"),
            [b'!', letter, _] if *letter != b'-' => return Err(Error::Dtd),
            [.., b'>'] => self.end_tag()?,
            [.., quote @ (b'"' | b'\'')] => self.at = At::Tag(Some(*quote)),
            _ => {}
        }
        self.go_on(1)?;
        Ok(1)
    }

    fn begin_section(&mut self, end: &'static [u8]) {
        self.at = At::Section(end);
        self.last = [0; 3];
    }

    fn section(&mut self, bytes: &[u8], end: &'static [u8]) -> Result<usize, Error> {
        let found = memchr::memchr(b'>', bytes);
        let used = found.map_or(bytes.len(), |at| at + 1);
        for byte in bytes.get(used.saturating_sub(3)..used).unwrap_or_default() {
            let [_, second, third] = self.last;
            self.last = [second, third, *byte];
        }
        self.cell += used as u64;
        self.go_on(used)?;
        if found.is_some() && self.last.ends_with(end) {
            self.at = At::Text;
            self.run = 0;
        }
        Ok(used)
    }

    fn go_on(&mut self, used: usize) -> Result<(), Error> {
        self.run += used as u64;
        if self.is_styles {
            self.totals.style_run = self.totals.style_run.max(self.run);
        }
        if self.naming {
            self.totals.names += used as u64;
        }
        for (length, limit) in [(self.run, self.limits.run), (self.cell, self.limits.cell)] {
            if length > limit {
                return Err(Error::Limit { what: "KiB (text)", limit: limit / 1024 });
            }
        }
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), Error> {
        self.at = At::Text;
        let run = std::mem::take(&mut self.run);
        let inside = self.tag.strip_prefix(b"/").unwrap_or(&self.tag);
        let end = inside.iter().position(|byte| matches!(byte, b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n'));
        let name = inside.get(..end.unwrap_or(inside.len())).unwrap_or_default();
        let local = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
        if self.totals.seen + self.seen.bytes() < SEEN_BYTES {
            self.seen.look_at(local, &self.tag);
        }
        let begins = u64::from(!self.tag.starts_with(b"/"));
        match local {
            b"c" | b"row" | b"table-cell" | b"covered-table-cell" | b"table-row" => {
                self.totals.cells += begins;
                self.end_cell();
            }
            b"si" => {
                self.totals.strings += begins;
                self.end_cell();
            }
            b"f" => self.formulas.open = true,
            b"v" if begins == 0 => self.formulas.open &= self.cell == self.formulas.result_from,
            b"v" => self.formulas.result_from = self.cell,
            b"sst" => self.check_count()?,
            b"xf" => self.totals.styles += begins,
            b"mergeCell" => self.totals.merged += begins,
            b"sheet" | b"definedName" | b"Relationship" => {
                self.naming |= local == b"definedName";
                self.totals.name(local, begins, run);
            }
            _ => return Ok(()),
        }
        self.totals.check(self.limits)
    }

    fn end_cell(&mut self) {
        self.formulas.uncalculated |= std::mem::take(&mut self.formulas.open);
        self.cell = 0;
    }

    /// The reader makes room for as many strings as are declared, before it has seen one.
    fn check_count(&self) -> Result<(), Error> {
        let most = self.limits.shared_strings / 8;
        for at in memchr::memmem::find_iter(&self.tag, b"ount=") {
            let digits =
                self.tag.get(at + 6..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit());
            let count = digits.fold(0_u64, |number, digit| {
                number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
            });
            if count > most {
                return Err(Error::Limit { what: "sharedStrings", limit: most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(name: &str, text: &[u8], chunk: usize, limits: &Limits) -> Result<(), Error> {
        let mut scanner = Scanner::new(name, limits, Totals::default());
        let mut total = 0;
        text.chunks(chunk.max(1)).try_for_each(|piece| {
            total += piece.len() as u64;
            scanner.size(total)?;
            scanner.feed(piece)
        })
    }

    fn small() -> Limits {
        Limits { run: 40, cell: 60, shared_strings: 200, ..Limits::default() }
    }

    #[test]
    fn a_sheet_as_excel_writes_it_passes() {
        let sheet = br#"<?xml version="1.0"?><!-- a > b --><worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c>
            <c r="B1"><f>IF(A1&gt;0,">",'x')</f><v>1</v></c></row></sheetData></worksheet>"#;
        for chunk in [1, 2, 7, 1000] {
            scan("sheet1.xml", sheet, chunk, &small()).unwrap();
        }
    }

    #[test]
    fn long_runs_of_every_kind_are_refused() {
        let long = "x ".repeat(50);
        let cases = [
            format!("<a>{long}</a>"),
            format!("<a b='{long}'/>"),
            format!("<a b='<>{}'/>", "<>".repeat(40)),
            format!("<!-- {} -->", "<a>".repeat(40)),
            format!("<![CDATA[{}]]>", "<a>".repeat(40)),
            format!("<is>{}</is>", "<r><t>xxxxx</t></r>".repeat(20)),
        ];
        for case in cases {
            for chunk in [1, 3, 1000] {
                let result = scan("sheet1.xml", case.as_bytes(), chunk, &small());
                assert!(matches!(result, Err(Error::Limit { .. })), "{case}: {result:?}");
            }
        }
    }

    #[test]
    fn definitions_are_refused() {
        for text in ["<!DOCTYPE a>", "<?xml?>\n<!doctype x [<!ENTITY a 'b'>]>", "<a/><!ENTITY"] {
            assert!(matches!(scan("a.xml", text.as_bytes(), 4, &small()), Err(Error::Dtd)), "{text}");
        }
    }

    #[test]
    fn formulas_without_a_result_are_seen() {
        let seen = |cell: &str, chunk: usize| {
            let limits = Limits::default();
            let mut scanner = Scanner::new("sheet1.xml", &limits, Totals::default());
            let sheet = format!("<row><c r='A1'><v>1</v></c>{cell}<c r='C1'><v>2</v></c></row>");
            sheet.as_bytes().chunks(chunk).for_each(|piece| scanner.feed(piece).unwrap());
            scanner.formulas.uncalculated
        };
        for chunk in [1, 5, 1000] {
            for cell in ["<c><f>A1</f></c>", "<c><f>A1</f><v/></c>", "<c><f t='shared' si='0'/><v></v></c>"] {
                assert!(seen(cell, chunk), "{cell}");
            }
            for cell in
                ["<c><f>A1</f><v>0</v></c>", "<c/>", "<c t='s'><v/></c>", "<x:c><x:f/><x:v>1</x:v></x:c>"]
            {
                assert!(!seen(cell, chunk), "{cell}");
            }
        }
    }

    #[test]
    fn a_declared_number_of_strings_is_held_against_the_limit() {
        let text = br#"<sst count="3" uniqueCount="99999999999"><si><t>a</t></si></sst>"#;
        assert!(matches!(
            scan("xl/sharedstrings.xml", text, 5, &Limits::default()),
            Err(Error::Limit { .. })
        ));
    }

    #[test]
    fn cells_ranges_and_tags_are_counted_over_all_parts() {
        let few = Limits { cells: 4, merged: 2, tags: 40, ..Limits::default() };
        let scanned = |parts: &[&str]| {
            let mut totals = Totals::default();
            for part in parts {
                totals = scan_part(&mut part.as_bytes(), "sheet1.xml", totals, &few)?.0;
            }
            Ok(totals)
        };
        assert!(scanned(&["<row><c/></row>", "<row><c><v>1</v></c></row>"]).is_ok());
        assert!(matches!(scanned(&["<row><c/></row>", "<row><c/></row><row/>"]), Err(Error::Cells(4))));
        assert!(matches!(scanned(&["<mergeCell/>", "<mergeCell/>", "<mergeCell/>"]), Err(Error::Merged(2))));
        assert!(matches!(scanned(&["<a><b>", &"<a/>".repeat(39)]), Err(Error::Limit { .. })));
    }

    #[test]
    fn what_the_reader_keeps_is_counted() {
        let limits = Limits::default();
        let kept = |name: &str, text: &str| {
            scan_part(&mut text.as_bytes(), name, Totals::default(), &limits).unwrap().0.kept()
        };
        assert!(kept("xl/sharedstrings.xml", &"<si/>".repeat(1_000)) > 80_000);
        let long = format!("<font><name val='{}'/></font>{}", "x".repeat(1_000), "<xf/>".repeat(100));
        assert!(kept("xl/styles.xml", &long) > 200_000, "each style has a copy");
        assert!(kept("xl/worksheets/sheet1.xml", &long) < 30_000);
        let name = "n".repeat(1_000);
        let defined = format!("<definedName name='a'>{name}<c/>{name}</definedName>");
        assert!(kept("xl/any.xml", &defined) > 4_000, "a name's text ends where the reader ends it");
        assert!(kept("xl/any.xml", &format!("<definedName name='{name}'/>").repeat(10)) > 20_000);
        let sheets = format!("<Relationship Target='{name}'/>{}", "<sheet/>".repeat(100));
        assert!(kept("xl/any.xml", &sheets) > 200_000, "each sheet has a copy of its part's name");
    }

    #[test]
    fn hidden_and_merged_cells_are_seen() {
        let sheet = br#"<x:cols><x:col min="2" max="3" hidden="1"/><x:col min="5" max="99" hidden='true'/></x:cols>
            <row r="1" hidden="1"><c/></row><row r="7" spans="1:2" hidden="1"><c/></row><row r="8" hidden="1"/>
            <row r="9" hidden="0"><c/></row><mergeCells count="2"><mergeCell ref="A1:D1"/>
            <mergeCell ref="A7:A9"/></mergeCells>"#;
        let limits = Limits::default();
        let mut scanner = Scanner::new("sheet1.xml", &limits, Totals::default());
        scanner.feed(sheet).unwrap();
        let seen = scanner.seen;
        assert_eq!((seen.hidden_rows(1), seen.hidden_columns(6), seen.merged(1)), (1, 4, 1));
    }

    #[test]
    fn a_list_of_parts_without_end_is_not_read() {
        let archive = |parts: usize, name: usize| {
            let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
            for part in 0..parts {
                let name = format!("{part}{}", "n".repeat(name));
                archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            }
            archive.finish().unwrap().into_inner()
        };
        let limits = Limits { parts: 50, ..Limits::default() };
        let told = |bytes: Vec<u8>| count_parts(&mut io::Cursor::new(bytes), &limits);
        told(archive(50, 100)).unwrap();
        let long = told(archive(20, 30_000));
        assert!(matches!(long, Err(Error::Limit { what: "ZIP parts", limit: 50 })), "{long:?}");
        // Behind the true end stands another, which leads nowhere.
        let mut many = archive(60, 1);
        let stray = [&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &[9; 4], &[7; 4], &[0; 2]].concat();
        many.extend(stray);
        let many = told(many);
        assert!(matches!(many, Err(Error::Limit { what: "ZIP parts", limit: 50 })), "{many:?}");
    }

    #[test]
    fn what_is_kept_of_all_parts_has_an_end() {
        let part = |seen: u64| {
            let text = format!("<sheet r:id='{}'/>", "i".repeat(400)).repeat(200_000);
            let before = Totals { seen, ..Totals::default() };
            let (after, kept) = scan_part(&mut text.as_bytes(), "a.xml", before, &Limits::default()).unwrap();
            (after.seen, kept.sheets.len())
        };
        let (seen, sheets) = part(0);
        assert!(sheets < 200_000 && seen < SEEN_BYTES + 1_000, "{sheets} sheets");
        assert_eq!(part(seen), (seen, 0), "nothing more of another part");
    }

    #[test]
    fn a_workbook_says_from_which_day_it_counts() {
        let counted = |part: &[u8]| {
            let limits = Limits::default();
            let mut scanner = Scanner::new("xl/workbook.xml", &limits, Totals::default());
            scanner.feed(part).unwrap();
            let parts = BTreeMap::from([("xl/workbook.xml".to_owned(), scanner.seen)]);
            Checked { format: Format::Xlsx, uncalculated: false, text: 0, parts }.day_count()
        };
        assert_eq!(counted(br#"<workbookPr date1904="1"/>"#), DayCount::From1904);
        assert_eq!(
            counted(b"<x:workbookPr filterPrivacy='1' date1904='true'></x:workbookPr>"),
            DayCount::From1904
        );
        assert_eq!(counted(br#"<workbookPr date1904="0"/>"#), DayCount::From1900);
        assert_eq!(counted(b"<workbookPr/>"), DayCount::From1900);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_chunks_give_the_same_answer(
            bytes in proptest::collection::vec(prop_oneof![
                Just(b'<'), Just(b'>'), Just(b'!'), Just(b'-'), Just(b'['), Just(b'"'), Just(b'a'), any::<u8>()], 0..200),
            chunk in 1_usize..9) {
            let bytes = [b"<", &bytes[..]].concat();
            let whole = scan("a.xml", &bytes, bytes.len(), &small()).is_ok();
            prop_assert_eq!(scan("a.xml", &bytes, chunk, &small()).is_ok(), whole);
        }
    }
}
