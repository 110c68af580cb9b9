//! `OpenDocument`: a cell names its style, or its row or column does for it; the style names a number style, itself
//! or through the style that it is made from. (ODF 1.3 part 3, sections 9, 16.29 and 19.615.)

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::{Face, Seen, digits, part};
use crate::table::error::Error;
use crate::table::number::{DayCount, LONGEST_MASK};
use crate::table::records::MAX_COLUMNS;

/// Rows of a sheet.
const ROWS: u32 = 1 << 20;
/// Styles from which a style is made, one after another.
const PARENTS: usize = 16;
/// Bytes of memory for all styles: a hundred thousand of the usual ones.
const MOST_STYLES: usize = 32 * 1024 * 1024;
/// Bytes that a style takes beside its names.
const KEPT: usize = 256;

pub(super) fn look(file: File) -> Result<Seen, Error> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(io::Error::from)?;
    let mut styles = Styles::default();
    // Styles that have names of their own stand there, all others with the content, which may mean them.
    if let Some(part) = part(&mut archive, "styles.xml")? {
        styles.read(&mut Tags::new(BufReader::new(part)))?;
    }
    let content = part(&mut archive, "content.xml")?;
    content.map_or_else(|| Ok(Seen::default()), |part| sheets(styles, BufReader::new(part)))
}

/// What the tables show, whose own styles stand before them.
fn sheets(mut styles: Styles, content: impl BufRead) -> Result<Seen, Error> {
    let mut tags = Tags::new(content);
    styles.read(&mut tags)?;
    Content { masks: styles.masks(), ..Content::default() }.read(&mut tags)
}

/// The tags of a part, and the texts between them.
struct Tags<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
}

impl<R: BufRead> Tags<R> {
    fn new(input: R) -> Self {
        let mut reader = Reader::from_reader(input);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.expand_empty_elements = true;
        Self { reader, buffer: Vec::new() }
    }

    fn next(&mut self) -> Result<Event<'_>, Error> {
        self.buffer.clear();
        Ok(self.reader.read_event_into(&mut self.buffer).map_err(io::Error::other)?)
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    Some(tag.try_get_attribute(name).ok()??.value.into_owned())
}

/// How often a cell, row or column stands there.
fn repeated(tag: &BytesStart<'_>, name: &str) -> u32 {
    attribute(tag, name).and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// The styles of both parts; of one name, those of the content stand.
#[derive(Default)]
struct Styles {
    numbers: HashMap<String, Number>,
    cells: HashMap<String, Cell>,
    /// The name of the number style whose tag is open.
    open: Option<String>,
    /// Bytes of the tags whose names are kept.
    bytes: usize,
}

/// A number style.
#[derive(Default)]
struct Number {
    zeros: u8,
    /// Anything else is shown beside the digits.
    decorated: bool,
    /// The number style of numbers above zero, where these have one of their own.
    positive: Option<String>,
}

/// A style of cells.
struct Cell {
    number: Option<String>,
    parent: Option<String>,
}

impl Styles {
    /// Reads the styles of a part, up to its body.
    fn read(&mut self, tags: &mut Tags<impl BufRead>) -> Result<(), Error> {
        loop {
            match tags.next()? {
                Event::Start(tag) if tag.name().0 == "office:body" => break,
                Event::Start(tag) => self.start(&tag),
                Event::Text(text) => self.text(&text),
                Event::GeneralRef(text) => self.text(&text),
                // What stands behind them is about pages.
                Event::End(tag) if tag.name().0 == "office:styles" => break,
                Event::End(tag) if tag.name().0 == "number:number-style" => self.open = None,
                Event::Eof => break,
                _ => {}
            }
            if self.bytes > MOST_STYLES {
                return Err(Error::Broken("styles without end".to_owned()));
            }
        }
        Ok(())
    }

    /// The masks of those styles of cells that have one.
    fn masks(&self) -> HashMap<String, u8> {
        let masks = self.cells.keys().map(|name| (name.clone(), self.zeros(name)));
        masks.filter(|(_, zeros)| *zeros > 0).collect()
    }

    fn start(&mut self, tag: &BytesStart<'_>) {
        match tag.name().0 {
            "number:number-style" => {
                self.bytes += tag.len() + KEPT;
                self.open = attribute(tag, "style:name");
                if let Some(name) = &self.open {
                    self.numbers.insert(name.clone(), Number::default());
                }
            }
            "style:style" if attribute(tag, "style:family").as_deref() == Some("table-cell") => {
                self.bytes += tag.len() + KEPT;
                let cell = Cell {
                    number: attribute(tag, "style:data-style-name"),
                    parent: attribute(tag, "style:parent-style-name"),
                };
                self.cells.extend(attribute(tag, "style:name").map(|name| (name, cell)));
            }
            _ => self.inside(tag),
        }
    }

    /// Takes what a number style consists of.
    fn inside(&mut self, tag: &BytesStart<'_>) {
        let Some(number) = self.open.as_ref().and_then(|name| self.numbers.get_mut(name)) else { return };
        match tag.name().0 {
            "number:number" => number.zeros = zeros(tag),
            "style:map" if number.positive.is_none() => {
                let of_positive = |condition: String| {
                    condition.starts_with("value()&gt;") || condition.starts_with("value()>")
                };
                if attribute(tag, "style:condition").is_some_and(of_positive) {
                    self.bytes += tag.len();
                    number.positive = attribute(tag, "style:apply-style-name");
                }
            }
            // A colour, or a text: what it says is seen when it comes.
            "style:text-properties" | "number:text" | "style:map" => {}
            _ => number.decorated = true,
        }
    }

    fn text(&mut self, text: &str) {
        let number = self.open.as_ref().and_then(|name| self.numbers.get_mut(name));
        if let Some(number) = number.filter(|_| !text.trim().is_empty()) {
            number.decorated = true;
        }
    }

    /// The mask of a style of cells, its own or that of the nearest style that it is made from.
    fn zeros(&self, name: &str) -> u8 {
        let parent = |cell: &&Cell| self.cells.get(cell.parent.as_ref()?);
        let mut line = std::iter::successors(self.cells.get(name), parent).take(PARENTS);
        line.find_map(|cell| cell.number.as_deref()).map_or(0, |number| self.shown(number))
    }

    fn shown(&self, number: &str) -> u8 {
        let positive = self.numbers.get(number).and_then(|number| number.positive.as_deref());
        let number = self.numbers.get(positive.unwrap_or(number));
        number.filter(|number| !number.decorated).map_or(0, |number| number.zeros)
    }
}

/// The digits that a number is filled up to, where it is shown with nothing else.
fn zeros(tag: &BytesStart<'_>) -> u8 {
    let plain = attribute(tag, "number:grouping").is_none_or(|grouping| grouping == "false")
        && attribute(tag, "number:decimal-places").is_none_or(|places| places == "0")
        && attribute(tag, "number:display-factor").is_none_or(|factor| factor == "1");
    let digits_of = |number: String| number.parse().ok().filter(|digits| (2..=LONGEST_MASK).contains(digits));
    let zeros = attribute(tag, "number:min-integer-digits").and_then(digits_of);
    if plain { zeros.map_or(0, digits) } else { 0 }
}

/// Whether a row or columns are hidden, by hand or by a filter.
fn is_hidden(tag: &BytesStart<'_>) -> bool {
    attribute(tag, "table:visibility").is_some_and(|seen| matches!(seen.as_str(), "collapse" | "filter"))
}

/// Whether a cell has a formula, and nothing that it came to.
fn is_uncalculated(tag: &BytesStart<'_>) -> bool {
    const VALUES: [&str; 5] = [
        "office:value",
        "office:string-value",
        "office:date-value",
        "office:time-value",
        "office:boolean-value",
    ];
    attribute(tag, "table:formula").is_some()
        && attribute(tag, "office:value-type").is_none_or(|kind| kind != "string")
        && VALUES.iter().all(|name| attribute(tag, name).is_none())
}

/// The tables, and what stands before them.
#[derive(Default)]
struct Content {
    /// Of styles.
    masks: HashMap<String, u8>,
    /// The day from which is counted, where it is said.
    null_date: Option<String>,
    sheets: Vec<Face>,
    /// The masks of columns: up to which column, and which.
    columns: Vec<(u32, u8)>,
    /// The next row of the table, and its mask.
    row: u32,
    of_row: Option<u8>,
    repeated: u32,
    /// Whether the row is hidden, and whether it has values.
    hidden: bool,
    filled: bool,
    /// The next column's description.
    described: u32,
    /// The next cell of the row.
    column: u32,
}

impl Content {
    fn read(mut self, tags: &mut Tags<impl BufRead>) -> Result<Seen, Error> {
        let mut skipped = Vec::new();
        loop {
            match tags.next()? {
                // Texts and notes; drawings may hold tables that are no sheets.
                Event::Start(tag) if self.start(&tag)? => {
                    let name = tag.to_end().into_owned();
                    tags.reader.read_to_end_into(name.name(), &mut skipped).map_err(io::Error::other)?;
                }
                Event::End(tag) if tag.name().0 == "table:table-row" => self.end_row(),
                Event::Eof => break,
                _ => {}
            }
        }
        let day_count = self.day_count();
        Ok(Seen { day_count, sheets: self.sheets.into_iter().map(Face::sorted).collect() })
    }

    fn end_row(&mut self) {
        if self.hidden && self.filled {
            let rows = self.row + 1..=self.row.saturating_add(self.repeated.min(ROWS));
            if let Some(sheet) = self.sheets.last_mut() {
                rows.for_each(|row| sheet.odd.hide_row(row));
            }
        }
        self.row = self.row.saturating_add(self.repeated).min(ROWS);
    }

    /// From which day is counted; 30 December 1899 as Excel's from 1900 where nothing is said.
    fn day_count(&self) -> Option<DayCount> {
        match self.null_date.as_deref() {
            None | Some("1899-12-30") => Some(DayCount::From1900),
            Some("1904-01-01") => Some(DayCount::From1904),
            Some(_) => None,
        }
    }

    /// Takes a tag; whether what is inside it is of no interest.
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<bool, Error> {
        match tag.name().0 {
            "table:null-date" => self.null_date = attribute(tag, "table:date-value"),
            "table:table" if attribute(tag, "table:name").is_some() => {
                self.sheets.push(Face::default());
                (self.row, self.columns, self.described) = (0, Vec::new(), 0);
            }
            "table:table-column" => {
                let zeros = self.mask(tag, "table:default-cell-style-name").unwrap_or(0);
                let before = self.columns.last().map_or(0, |(end, _)| *end);
                let count = repeated(tag, "table:number-columns-repeated");
                self.column(tag, count);
                let end = before.saturating_add(count);
                if (before as usize) < MAX_COLUMNS {
                    self.columns.push((end, zeros));
                }
            }
            "table:table-row" => {
                self.of_row = self.mask(tag, "table:default-cell-style-name");
                self.repeated = repeated(tag, "table:number-rows-repeated");
                self.column = 0;
                (self.hidden, self.filled) = (is_hidden(tag), false);
            }
            "table:table-cell" | "table:covered-table-cell" => {
                self.cell(tag)?;
                return Ok(true);
            }
            "table:shapes" => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    /// Takes the description of so many columns.
    fn column(&mut self, tag: &BytesStart<'_>, count: u32) {
        let before = self.described;
        self.described = before.saturating_add(count);
        if let Some(sheet) = self.sheets.last_mut().filter(|_| is_hidden(tag)) {
            sheet.odd.hide_columns(before.saturating_add(1), self.described);
        }
    }

    /// The mask of the style that an attribute names; none where it names no style.
    fn mask(&self, tag: &BytesStart<'_>, name: &str) -> Option<u8> {
        attribute(tag, name).map(|style| self.masks.get(&style).copied().unwrap_or(0))
    }

    fn cell(&mut self, tag: &BytesStart<'_>) -> Result<(), Error> {
        let begin = self.column;
        self.column = begin.saturating_add(repeated(tag, "table:number-columns-repeated"));
        self.filled |= attribute(tag, "office:value-type").is_some();
        let most = u32::try_from(MAX_COLUMNS).unwrap_or(u32::MAX);
        if let Some(sheet) = self.sheets.last_mut() {
            let spanned = repeated(tag, "table:number-rows-spanned");
            if spanned > 1 || repeated(tag, "table:number-columns-spanned") > 1 {
                sheet.odd.merge(self.row.saturating_add(spanned));
            }
            if is_uncalculated(tag) {
                self.filled = true;
                let rows = self.row..self.row.saturating_add(self.repeated).min(ROWS);
                for row in rows {
                    (begin..self.column.min(most)).try_for_each(|column| sheet.leave_open(row, column))?;
                }
            }
        }
        if attribute(tag, "office:value").is_none() || self.masks.is_empty() {
            return Ok(());
        }
        let own = self.mask(tag, "table:style-name").or(self.of_row);
        for column in begin..self.column.min(most) {
            let zeros = own.unwrap_or_else(|| self.of_column(column));
            if let Some(sheet) = self.sheets.last_mut() {
                sheet.masks.note(self.row, column, zeros)?;
            }
        }
        Ok(())
    }

    fn of_column(&self, column: u32) -> u8 {
        let at = self.columns.partition_point(|(end, _)| *end <= column);
        self.columns.get(at).map_or(0, |(_, zeros)| *zeros)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(named: &str, styles: &str, body: &str) -> Result<Seen, Error> {
        let mut known = Styles::default();
        let named = format!("<office:styles>{named}</office:styles><office:automatic-styles>{OWN}");
        known.read(&mut Tags::new(named.as_bytes()))?;
        let content = format!("{styles}<office:body><office:spreadsheet>{body}</office:spreadsheet>");
        sheets(known, content.as_bytes())
    }

    /// A style of pages.
    const OWN: &str =
        r#"<style:style style:name="plain" style:family="table-cell" style:data-style-name="N5"/>"#;

    /// Masks of five and six digits, and what is none.
    const NAMED: &str = r#"<number:number-style style:name="N5"><number:number number:decimal-places="0"
            number:min-integer-digits="5"/></number:number-style>
        <style:style style:name="Code" style:family="table-cell" style:data-style-name="N5"/>"#;
    const STYLES: &str = r#"<style:style style:name="five" style:family="table-cell" style:parent-style-name="Code"/>
        <style:style style:name="plain" style:family="table-cell"/>
        <number:number-style style:name="N6"><number:number number:min-integer-digits="6"/></number:number-style>
        <style:style style:name="six" style:family="table-cell" style:data-style-name="N6"/>"#;

    const FIVE: &str =
        r#"<table:table-cell table:style-name="five" office:value-type="float" office:value="1"/>"#;
    const BARE: &str = r#"<table:table-cell office:value-type="float" office:value="1"><text:p>1</text:p></table:table-cell>"#;

    /// The masks of the first cells of each row of the first table.
    fn zeros(body: &str, rows: u32, columns: u32) -> Vec<Vec<usize>> {
        let seen =
            seen(NAMED, STYLES, &format!(r#"<table:table table:name="A">{body}</table:table>"#)).unwrap();
        (0..rows).map(|row| (0..columns).map(|column| seen.sheets[0].zeros(row, column)).collect()).collect()
    }

    #[test]
    fn a_cell_has_the_mask_of_its_own_style_or_of_its_rows_or_of_its_columns() {
        let columns = r#"<table:table-column/><table:table-column table:number-columns-repeated="2"
            table:default-cell-style-name="six"/>"#;
        let plain = BARE.replace("office:value-type", r#"table:style-name="plain" office:value-type"#);
        let row = format!("{BARE}{BARE}{plain}{BARE}");
        let body = format!(
            r#"{columns}<table:table-row>{row}</table:table-row>
            <table:table-row table:default-cell-style-name="five">{row}{FIVE}</table:table-row>"#
        );
        assert_eq!(zeros(&body, 2, 5), [[0, 6, 0, 0, 0], [5, 5, 0, 5, 5]]);
    }

    #[test]
    fn what_is_repeated_is_counted() {
        let three =
            FIVE.replace("office:value-type", r#"table:number-columns-repeated="3" office:value-type"#);
        let body = format!(
            r#"<table:table-header-rows><table:table-row table:number-rows-repeated="2"><table:table-cell
                table:number-columns-repeated="2"/>{three}</table:table-row></table:table-header-rows>
            <table:table-row table:number-rows-repeated="3"/>
            <table:table-row><table:covered-table-cell/>{FIVE}{BARE}{BARE}</table:table-row>"#
        );
        let rows = zeros(&body, 6, 6);
        assert_eq!([&rows[0], &rows[1]], [&[0, 0, 5, 5, 5, 0]; 2]);
        assert_eq!(rows[5], [0, 5, 0, 0, 5, 0], "no number stands in the fifth cell");
    }

    /// How the only table is shown, without any style.
    fn face(body: &str) -> Face {
        let body = format!(r#"<table:table table:name="A">{body}</table:table>"#);
        seen("", "", &body).unwrap().sheets.remove(0)
    }

    #[test]
    fn what_is_hidden_or_merged_is_seen() {
        let column = |seen: &str, count: u32| {
            format!(
                r#"<table:table-column table:visibility="{seen}" table:number-columns-repeated="{count}"/>"#
            )
        };
        let row = |seen: &str, count: u32, cells: &str| {
            format!(
                r#"<table:table-row table:visibility="{seen}" table:number-rows-repeated="{count}">{cells}</table:table-row>"#
            )
        };
        let merged = |rows: u32, columns: u32| {
            BARE.replace("office:value-type", &format!(r#"table:number-rows-spanned="{rows}" table:number-columns-spanned="{columns}" office:value-type"#))
        };
        let body = [
            column("visible", 2),
            column("collapse", 3),
            row("visible", 1, &merged(1, 3)),
            row("filter", 2, BARE),
            row("collapse", 7, "<table:table-cell/>"),
            row("collapse", 1, &merged(2, 1)),
            row("collapse", 1_048_000, ""),
        ];
        let odd = face(&body.concat()).odd.oddities(1, 4);
        assert_eq!((odd.hidden_rows, odd.hidden_columns, odd.merged), (3, 2, 1));
    }

    #[test]
    fn formulas_without_a_result_are_seen() {
        let formula = |more: &str| format!(r#"<table:table-cell table:formula="of:=1+1" {more}/>"#);
        let open = |cell: &str| {
            let face = face(&format!("<table:table-row>{BARE}{cell}</table:table-row>"));
            face.uncalculated(0).collect::<Vec<_>>()
        };
        assert_eq!(open(&formula("")), [1]);
        assert_eq!(open(&formula(r#"office:value-type="float" table:number-columns-repeated="2""#)), [1, 2]);
        for calculated in [
            r#"office:value-type="float" office:value="2""#,
            r#"office:value-type="string" office:string-value="""#,
            r#"office:value-type="string""#,
            r#"office:value-type="date" office:date-value="2026-08-01""#,
        ] {
            assert!(open(&formula(calculated)).is_empty(), "{calculated}");
        }
        assert!(open("<table:table-cell/>").is_empty());
    }

    #[test]
    fn every_table_with_a_name_is_a_sheet() {
        let row = |cell: &str| format!("<table:table-row>{cell}</table:table-row>");
        let inner = format!("<table:shapes><table:table>{}</table:table></table:shapes>", row(BARE));
        let body = format!(
            r#"<table:table table:name="A"/><table:table table:name="B">{inner}{}</table:table>"#,
            row(FIVE)
        );
        let seen = seen(NAMED, STYLES, &body).unwrap();
        assert_eq!((seen.sheets.len(), seen.sheets[1].zeros(0, 0)), (2, 5));
    }

    #[test]
    fn anything_beside_digits_is_no_mask() {
        let mask = |number: &str| {
            let styles = format!(
                r#"<number:number-style style:name="N">{number}</number:number-style>
                <style:style style:name="five" style:family="table-cell" style:data-style-name="N"/>"#
            );
            let row = format!(r#"<table:table table:name="A"><table:table-row>{FIVE}"#);
            seen(NAMED, &styles, &row).unwrap().sheets.first().map_or(0, |masks| masks.zeros(0, 0))
        };
        let number = |more: &str| format!(r#"<number:number number:min-integer-digits="3" {more}/>"#);
        assert_eq!(mask(&number("")), 3);
        let blank = r#"<style:text-properties fo:color="red"/><number:text> </number:text>"#;
        assert_eq!(mask(&format!("{}{blank}", number(r#"number:grouping="false""#))), 3);
        for more in
            [r#"number:grouping="true""#, r#"number:decimal-places="2""#, r#"number:display-factor="1000""#]
        {
            assert_eq!(mask(&number(more)), 0, "{more}");
        }
        for text in ["№", "&amp;"] {
            assert_eq!(mask(&format!("<number:text>{text}</number:text>{}", number(""))), 0, "{text}");
        }
        let positive = r#"<style:map style:condition="value()&gt;=0" style:apply-style-name="N5"/>"#;
        assert_eq!(mask(&format!("<number:text>-</number:text>{}{positive}", number(""))), 5);
        assert_eq!(mask(r#"<number:number number:min-integer-digits="1"/>"#), 0);
        assert_eq!(mask(r#"<number:scientific-number number:min-integer-digits="3"/>"#), 0);
    }

    #[test]
    fn styles_without_end_are_not_kept() {
        let style =
            format!(r#"<style:style style:family="table-cell" style:name="{}"/>"#, "n".repeat(100_000));
        assert!(seen("", &style.repeat(10), "").is_ok());
        assert!(seen("", &style.repeat(340), "").is_err());
    }

    #[test]
    fn the_day_from_which_is_counted_may_be_stated() {
        let counted = |settings: &str| seen("", "", settings).unwrap().day_count;
        let stated = |day: &str| counted(&format!(r#"<table:null-date table:date-value="{day}"/>"#));
        assert_eq!(counted(""), Some(DayCount::From1900));
        assert_eq!(stated("1899-12-30"), Some(DayCount::From1900));
        assert_eq!(stated("1904-01-01"), Some(DayCount::From1904));
        assert_eq!(stated("1900-01-01"), None);
    }

    proptest! {
        #[test]
        fn any_markup_ends_in_masks_or_an_error(inside in proptest::collection::vec(prop_oneof![
            Just(FIVE), Just(BARE), Just("<table:table-row>"), Just("</table:table-row>"), Just("</table:table>"),
            Just(r#"<table:table table:name="B">"#), Just(r#"<table:table-column table:number-columns-repeated="4294967295"/>"#),
            Just(r#"<table:table-row table:number-rows-repeated="4294967295">"#), Just("<table:shapes>"), Just("<a"),
            Just(r#"<table:covered-table-cell table:number-columns-repeated="99999999" office:value="1"/>"#)], 0..20)) {
            let _ = seen(NAMED, STYLES, &inside.concat());
        }
    }
}
