//! What a file is, by its content: its name says nothing.

use std::fs::File;
use std::io::{Read as _, Seek as _};

use super::encoding;
use super::error::Error;
use super::reading::Format;

const HEAD: usize = 8 * 1024;

/// Tells the format, or refuses the file by name of what it is. An archive is told to be an .xlsx: which
/// workbook it is, or that it is none, shows when it is looked through.
pub(super) fn format_of(file: &mut File) -> Result<Format, Error> {
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head)?;
    file.rewind()?;
    if head.starts_with(b"PK\x03\x04") {
        return Ok(Format::Xlsx);
    }
    if head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
        return compound(file);
    }
    if is_markup(&head) {
        return Ok(Format::Html);
    }
    if is_old_excel(&head) {
        return Err(Error::OtherWorkbook("Excel 2-4 (.xls)"));
    }
    if is_binary(&head) { Err(Error::NotATable) } else { Ok(Format::Csv) }
}

/// Tells what lies in a compound file by the names of its streams: Excel keeps a workbook in `Workbook`, up to
/// Excel 95 in `Book`, and one behind a password in `EncryptedPackage`.
fn compound(file: &mut File) -> Result<Format, Error> {
    let [encrypted, workbook, book] = ["EncryptedPackage", "Workbook\0", "\0Book\0"]
        .map(|name| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let book = book.get(1..).unwrap_or_default();
    let mut is_workbook = false;
    let mut window = Vec::new();
    loop {
        let kept = window.len().min(encrypted.len());
        window.drain(..window.len() - kept);
        if file.take(64 * 1024).read_to_end(&mut window)? == 0 {
            break;
        }
        if memchr::memmem::find(&window, &encrypted).is_some() {
            return Err(Error::Protected);
        }
        is_workbook |=
            [workbook.as_slice(), book].iter().any(|name| memchr::memmem::find(&window, name).is_some());
    }
    file.rewind()?;
    if is_workbook {
        return Ok(Format::Xls);
    }
    Err(if is_cut(file)? {
        Error::Broken("its list of streams is missing".to_owned())
    } else {
        Error::NotATable
    })
}

/// Whether a compound file ends before the sector that its header names as the list of streams.
fn is_cut(file: &mut File) -> Result<bool, Error> {
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head)?;
    file.rewind()?;
    let number = |at: usize, bytes: usize| {
        let bytes = head.get(at..at + bytes)?;
        Some(bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    let (Some(shift), Some(list)) =
        (number(0x1E, 2).filter(|shift| matches!(shift, 9 | 12)), number(0x30, 4))
    else {
        return Ok(false);
    };
    Ok((list + 2) << shift > file.metadata()?.len())
}

fn is_markup(head: &[u8]) -> bool {
    let start = encoding::byte_order_mark(head).map_or(0, |(_, length)| length);
    let text: Vec<u8> = head
        .get(start..)
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|byte| *byte != 0)
        .skip_while(u8::is_ascii_whitespace)
        .take(16)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    let tags: [&[u8]; 14] = [
        b"<!doctype",
        b"<html",
        b"<?xml",
        b"<table",
        b"<head",
        b"<meta",
        b"<style",
        b"<div",
        b"<!--",
        b"<body",
        b"<center",
        b"<font",
        b"<title",
        b"<tr",
    ];
    tags.iter().any(|tag| text.starts_with(tag))
}

/// Workbooks older than Excel 97 begin with a bare BOF record.
fn is_old_excel(head: &[u8]) -> bool {
    matches!(head, [0x09, 0x00 | 0x02 | 0x04 | 0x08, 0x04..=0x10, 0x00, ..])
}

/// Known binary formats, and bytes that no text has in such number.
fn is_binary(head: &[u8]) -> bool {
    let known: [&[u8]; 10] = [
        b"%PDF",
        b"{\\rtf",
        b"\x89PNG",
        b"\xFF\xD8\xFF",
        b"GIF8",
        b"Rar!",
        b"7z\xBC\xAF",
        b"\x1F\x8B",
        b"PK\x05\x06",
        b"SQLite format 3",
    ];
    let odd =
        head.iter().filter(|byte| **byte < 0x20 && !byte.is_ascii_whitespace() && **byte != 0x1A).count();
    let utf16 = encoding::byte_order_mark(head).is_some()
        || encoding::guess(head, crate::model::Lang::Bg).encoding.utf16_order().is_some();
    known.iter().any(|magic| head.starts_with(magic)) || (odd * 10 > head.len() && !utf16)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn sniffed(bytes: &[u8]) -> Result<Format, Error> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        format_of(&mut file)
    }

    #[test]
    fn each_kind_of_file_gets_its_own_answer() {
        assert_eq!(sniffed("Код;Име\n1;а\n".as_bytes()).unwrap(), Format::Csv);
        assert_eq!(sniffed(b"").unwrap(), Format::Csv);
        assert_eq!(sniffed(b"PK\x03\x04rest").unwrap(), Format::Xlsx);
        assert_eq!(sniffed(b"\xFF\xFEa\0;\0b\0").unwrap(), Format::Csv, "UTF-16");
        assert_eq!(sniffed(b"  \n<HTML><table>").unwrap(), Format::Html);
        assert!(matches!(sniffed(b"%PDF-1.7"), Err(Error::NotATable)));
        assert!(matches!(sniffed(&[1, 2, 3, 0, 0, 7, 9, 200]), Err(Error::NotATable)));
        assert!(matches!(sniffed(&[9, 8, 16, 0, 0, 6, 5, 0]), Err(Error::OtherWorkbook(_))));
        let ole = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
        assert!(matches!(sniffed(&ole), Err(Error::NotATable)), "a letter, or any other compound file");
        for name in ["Workbook\0", "\0Book\0"] {
            let stream: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(sniffed(&[&ole[..], &vec![0; 65_522], &stream].concat()).unwrap(), Format::Xls);
        }
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let protected = [&ole[..], &vec![0; 65_520], &name].concat();
        assert!(matches!(sniffed(&protected), Err(Error::Protected)), "the name lies across two reads");
    }
}
