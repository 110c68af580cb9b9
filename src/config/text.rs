//! The text of a small file that a person wrote with any editor.

use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a configuration or secret file; both are written by hand.
const MOST_BYTES: u64 = 1024 * 1024;

/// Reads a file as text: UTF-8 or UTF-16, with or without a byte-order mark, which is taken off.
///
/// # Errors
/// When the file can't be read, is larger than 1 MiB, or is text in neither encoding.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 1 MiB"));
    }
    decode(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "neither UTF-8 nor UTF-16 text"))
}

/// The text of the bytes; none if they are text in neither encoding.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => unmarked(bytes),
    };
    let (text, damaged) = encoding.decode_with_bom_removal(bytes);
    (!damaged).then(|| text.into_owned())
}

/// What we read begins with an ASCII character, so a zero beside it tells UTF-16.
fn unmarked(bytes: &[u8]) -> &'static encoding_rs::Encoding {
    match bytes {
        [first, 0, ..] if *first != 0 => encoding_rs::UTF_16LE,
        [0, second, ..] if *second != 0 => encoding_rs::UTF_16BE,
        _ => encoding_rs::UTF_8,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        let units = mark.into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn every_form_an_editor_saves_is_read() {
        let text = "[drop] # Папка";
        assert_eq!(decode(text.as_bytes()).as_deref(), Some(text));
        assert_eq!(decode(format!("\u{feff}{text}").as_bytes()).as_deref(), Some(text));
        for (mark, big) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(decode(&utf16(text, mark, big)).as_deref(), Some(text), "{mark} {big}");
        }
        assert_eq!(decode(&[0xCF, 0xE0, 0xEF]), None, "windows-1251");
        assert_eq!(decode(b"").as_deref(), Some(""));
    }
}
