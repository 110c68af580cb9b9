//! Which letters the bytes of a text file stand for.
//!
//! Records are split as bytes: right for UTF-8 and for every single-byte code page, because delimiters, quotes
//! and line ends are plain ASCII there. A cell of a code page is decoded when somebody asks for its text. Only
//! UTF-16 goes through [`utf16_to_utf8`] first.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use compact_str::CompactString;
use memchr::{memchr, memchr2, memchr3};

use super::latin;
use crate::model::Lang;

/// Stands for a byte without a letter; a row that got one always carries an issue.
const NO_LETTER: char = '\u{FFFD}';

/// The upper half of the Bulgarian DOS code page «МИК»: letters without a gap, then frames and signs.
const MIK: &str = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя\
└┴┬├─┼╣║╚╔╩╦╠═╬┐░▒▓│┤№§╗╝┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// An encoding of text files.
#[derive(Debug, Clone)]
pub struct Encoding {
    name: &'static str,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Utf8,
    Utf16 { big_endian: bool },
    SingleByte(Page),
}

/// A single-byte code page. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Page(Arc<Letters>);

#[derive(Debug)]
struct Letters {
    /// The UTF-8 of every byte, and in the last place how many bytes that takes.
    utf8: [[u8; 4]; 256],
    /// Bytes that have no letter.
    gaps: Vec<u8>,
    /// The way back, by letter: reports are written in the input's encoding.
    bytes: Vec<(char, u8)>,
}

impl Encoding {
    /// UTF-8.
    pub fn utf8() -> Self {
        Self { name: "utf-8", form: Form::Utf8 }
    }

    /// An encoding by one of its usual names, such as `windows-1251`, `cp1251`, `utf-16le`, `cp866`, `mik`.
    /// None for an unknown name and for East Asian encodings.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "utf-8" | "utf8" | "utf-8-sig" => return Some(Self::utf8()),
            "utf-16le" | "utf-16" | "utf16" | "unicode" => return Some(Self::utf16(false)),
            "utf-16be" => return Some(Self::utf16(true)),
            "mik" | "мик" | "bulgarian-mik" => {
                return Some(Self { name: "mik", form: Form::SingleByte(Page::new(MIK.chars())) });
            }
            _ => {}
        }
        let known = encoding_rs::Encoding::for_label(name.as_bytes())?;
        known.is_single_byte().then(|| Self::single_byte(known))
    }

    fn utf16(big_endian: bool) -> Self {
        Self { name: if big_endian { "utf-16be" } else { "utf-16le" }, form: Form::Utf16 { big_endian } }
    }

    fn single_byte(known: &'static encoding_rs::Encoding) -> Self {
        let letters = (0x80..=0xFF_u8).map(|byte| {
            known
                .decode_without_bom_handling_and_without_replacement(&[byte])
                .and_then(|text| text.chars().next())
                .filter(|letter| !letter.is_control())
                .unwrap_or(NO_LETTER)
        });
        Self { name: lower_name(known), form: Form::SingleByte(Page::new(letters)) }
    }

    /// The name in receipts and settings: lowercase, as in `windows-1251`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its bytes must become UTF-8 before records can be told apart, and in which byte order they are.
    pub(super) fn utf16_order(&self) -> Option<bool> {
        if let Form::Utf16 { big_endian } = self.form { Some(big_endian) } else { None }
    }

    /// The code page, if it is one.
    pub(super) fn page(&self) -> Option<&Page> {
        if let Form::SingleByte(page) = &self.form { Some(page) } else { None }
    }

    /// Bytes as text, U+FFFD for what is no letter. UTF-16 has become UTF-8 before it comes here.
    pub(super) fn text_of(&self, bytes: &[u8]) -> String {
        match self.page() {
            Some(page) => page.decode(bytes).into(),
            None => replace_damage(bytes),
        }
    }

    /// The place of the first byte of `bytes` that is no letter.
    pub(super) fn first_invalid(&self, bytes: &[u8]) -> Option<usize> {
        match &self.form {
            Form::SingleByte(page) => page.first_gap(bytes),
            Form::Utf8 | Form::Utf16 { .. } => {
                std::str::from_utf8(bytes).err().map(|error| error.valid_up_to())
            }
        }
    }

    /// Appends text in this encoding; a letter it lacks becomes `?`. True if nothing was lost. No byte-order
    /// mark is written.
    pub fn encode(&self, text: &str, out: &mut Vec<u8>) -> bool {
        match &self.form {
            Form::Utf8 => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            Form::Utf16 { big_endian } => {
                for unit in text.encode_utf16() {
                    out.extend(if *big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() });
                }
                true
            }
            Form::SingleByte(page) => page.encode(text, out),
        }
    }
}

impl PartialEq for Encoding {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

fn lower_name(known: &'static encoding_rs::Encoding) -> &'static str {
    match known.name() {
        "windows-1251" => "windows-1251",
        "IBM866" => "ibm866",
        "ISO-8859-5" => "iso-8859-5",
        "KOI8-R" => "koi8-r",
        "ISO-8859-2" => "iso-8859-2",
        "ISO-8859-15" => "iso-8859-15",
        other => other,
    }
}

/// Bytes of a cell whose letters are written without asking for memory first.
const SHORT: usize = 40;

impl Page {
    fn new(upper: impl Iterator<Item = char>) -> Self {
        let mut page = Letters { utf8: [[0; 4]; 256], gaps: Vec::new(), bytes: Vec::new() };
        let letters = (0..0x80_u8).map(char::from).chain(upper);
        for ((slot, letter), byte) in page.utf8.iter_mut().zip(letters).zip(0..=0xFF_u8) {
            if letter == NO_LETTER {
                page.gaps.push(byte);
            } else {
                page.bytes.push((letter, byte));
            }
            slot[3] = u8::try_from(letter.encode_utf8(slot).len()).unwrap_or(0);
        }
        page.bytes.sort_unstable();
        page.bytes.dedup_by_key(|(letter, _)| *letter);
        Self(Arc::new(page))
    }

    /// The place of the first byte that has no letter. Most pages have at most a few such bytes.
    pub(super) fn first_gap(&self, bytes: &[u8]) -> Option<usize> {
        match *self.0.gaps.as_slice() {
            [] => None,
            [one] => memchr(one, bytes),
            [one, two] => memchr2(one, two, bytes),
            [one, two, three] => memchr3(one, two, three, bytes),
            ref gaps => bytes.iter().position(|byte| gaps.contains(byte)),
        }
    }

    /// The text of a cell; bytes without a letter become U+FFFD.
    pub(super) fn decode(&self, bytes: &[u8]) -> CompactString {
        if bytes.len() <= SHORT {
            let mut text = [0; SHORT * 3 + 1];
            let length = self.write(bytes, &mut text);
            // What was made from tables is UTF-8; only the compiler does not know.
            let text = std::str::from_utf8(text.get(..length).unwrap_or_default());
            return CompactString::new(text.unwrap_or_default());
        }
        let mut text = vec![0; bytes.len() * 3 + 1];
        let length = self.write(bytes, &mut text);
        text.truncate(length);
        String::from_utf8(text).unwrap_or_default().into()
    }

    /// Writes letters of at most three bytes each, and one byte more; returns where the text ends.
    fn write(&self, bytes: &[u8], text: &mut [u8]) -> usize {
        let mut at = 0;
        for byte in bytes {
            let slot = self.0.utf8.get(usize::from(*byte)).copied().unwrap_or_default();
            let Some(target) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut) else { break };
            *target = slot;
            at += usize::from(slot[3]);
        }
        at
    }

    fn encode(&self, text: &str, out: &mut Vec<u8>) -> bool {
        let mut whole = true;
        for letter in text.chars() {
            let byte = if letter.is_ascii() { u8::try_from(letter).ok() } else { self.find(letter) };
            whole &= byte.is_some();
            out.push(byte.unwrap_or(b'?'));
        }
        whole
    }

    fn find(&self, letter: char) -> Option<u8> {
        let at = self.0.bytes.binary_search_by_key(&letter, |(known, _)| *known).ok()?;
        self.0.bytes.get(at).map(|(_, byte)| *byte)
    }
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Text with U+FFFD for what is no UTF-8.
pub(super) fn replace_damage(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(NO_LETTER);
        }
    }
    text
}

/// What the first bytes of a file say about its encoding.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guess {
    pub(super) encoding: Encoding,
    pub(super) by: By,
    /// Another encoding that the bytes allow and that gives other letters.
    pub(super) rival: Option<&'static str>,
}

/// What an encoding was known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Zeros in every second byte.
    Zeros,
    /// Nothing but ASCII, which all encodings share.
    Ascii,
    /// Sequences that only UTF-8 has.
    Utf8,
    /// Letters where the DOS code pages have them.
    Dos,
    /// Words that are written in one alphabet under this code page.
    Words,
    /// The language of the folder: the bytes prove nothing.
    Language,
}

/// The encoding a byte-order mark names, and the mark's length.
pub(super) fn byte_order_mark(bytes: &[u8]) -> Option<(Encoding, usize)> {
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        Some((Encoding::utf8(), 3))
    } else if bytes.starts_with(&[0xFF, 0xFE]) {
        Some((Encoding::utf16(false), 2))
    } else if bytes.starts_with(&[0xFE, 0xFF]) {
        Some((Encoding::utf16(true), 2))
    } else {
        None
    }
}

/// Guesses the encoding of a sample that has no byte-order mark.
///
/// One or two sequences that happen to be valid UTF-8 are not enough: `CF B0` is `П°` in windows-1251.
pub(super) fn guess(sample: &[u8], language: Lang) -> Guess {
    let known = |encoding, by| Guess { encoding, by, rival: None };
    if let Some(big_endian) = looks_utf16(sample) {
        return known(Encoding::utf16(big_endian), By::Zeros);
    }
    if sample.is_ascii() {
        return known(Encoding::utf8(), By::Ascii);
    }
    if looks_utf8(sample) {
        return known(Encoding::utf8(), By::Utf8);
    }
    let first = sample.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let letters = sample.get(first.saturating_sub(BEFORE)..).unwrap_or_default();
    let letters = letters.get(..ENOUGH).unwrap_or(letters);
    let scripts = latin::scripts(letters);
    let dos = if scripts.is_latin() { None } else { looks_dos(sample) };
    if let Some(encoding) = dos.and_then(Encoding::from_name) {
        return known(encoding, By::Dos);
    }
    legacy(letters, scripts, language)
}

/// Bytes from the first letter on that are enough to tell a code page.
const ENOUGH: usize = 8 * 1024;
/// Bytes before it that show what it stands beside.
const BEFORE: usize = 32;

/// The alphabet is told by the words: in Cyrillic every letter of a word is beyond ASCII, in Latin few are. Which
/// Latin page it is shows in the letters that a language has.
fn legacy(letters: &[u8], scripts: latin::Scripts, language: Lang) -> Guess {
    let cyrillic = || Encoding::single_byte(encoding_rs::WINDOWS_1251);
    if scripts.is_cyrillic() {
        return Guess { encoding: cyrillic(), by: By::Words, rival: may_be_dos(letters).then_some("mik") };
    }
    let latin = latin::page_of(letters);
    if scripts.is_latin() {
        return Guess { encoding: latin.encoding, by: By::Words, rival: latin.rival };
    }
    let other = latin.encoding.name();
    match language {
        Lang::Bg => Guess { encoding: cyrillic(), by: By::Language, rival: Some(other) },
        Lang::En => Guess { encoding: latin.encoding, by: By::Language, rival: Some("windows-1251") },
    }
}

/// Byte order, if every second byte is the upper half of a Latin or Cyrillic letter.
fn looks_utf16(sample: &[u8]) -> Option<bool> {
    memchr(0, sample)?;
    let upper = |byte: u8| byte == 0 || byte == 4;
    let (mut even, mut odd, mut zeros, mut pairs) = (0_usize, 0_usize, 0_usize, 0_usize);
    for pair in sample.chunks_exact(2) {
        if let [first, second] = *pair {
            pairs += 1;
            even += usize::from(upper(first));
            odd += usize::from(upper(second));
            zeros += usize::from(first == 0) + usize::from(second == 0);
        }
    }
    if pairs == 0 || zeros * 20 < pairs {
        return None;
    }
    match (even * 10 >= pairs * 9, odd * 10 >= pairs * 9) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// Whether the bytes are UTF-8. A few two-byte sequences can be chance, so they must be such as people here
/// write, or at least three different ones; longer sequences are no chance. Where some bytes are no UTF-8, four
/// letters must stand against each of them: then the rows that hold such bytes are damaged, not the encoding
/// another.
fn looks_utf8(sample: &[u8]) -> bool {
    let (mut letters, mut invalid, mut odd) = (0_usize, 0_usize, 0_usize);
    let mut different = BTreeSet::new();
    let mut chunks = sample.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        for letter in chunk.valid().chars().filter(|letter| !letter.is_ascii()) {
            if letter.len_utf8() > 2 || is_usual(letter) {
                letters += 1;
            } else {
                odd += 1;
                different.insert(letter);
            }
        }
        let cut_at_end = chunks.peek().is_none() && letters > 1;
        if !cut_at_end {
            invalid += chunk.invalid().len();
        }
    }
    if different.len() >= SEVERAL {
        letters += odd;
    }
    letters > 0 && letters >= invalid * 4
}

/// Different letters that no other encoding makes by chance.
const SEVERAL: usize = 3;

/// Two-byte letters and signs of texts in Latin, Cyrillic and Greek script.
fn is_usual(letter: char) -> bool {
    matches!(letter,
        '\u{A0}'..='\u{17F}' | '\u{386}'..='\u{3CE}' | '\u{400}'..='\u{45F}' | '\u{490}' | '\u{491}')
}

/// The DOS code pages keep most letters below `0xC0`, windows-1251 keeps nearly all above.
fn looks_dos(sample: &[u8]) -> Option<&'static str> {
    let count =
        |range: std::ops::RangeInclusive<u8>| sample.iter().filter(|byte| range.contains(byte)).count();
    let (low, high, middle, tail) =
        (count(0x80..=0xBF), count(0xC0..=0xFF), count(0xB0..=0xBF), count(0xE0..=0xEF));
    if low < 4 || low < high {
        return None;
    }
    // `№`, which stands in short headers, is the one sign of the upper quarter that people type in MIK.
    let sign = count(0xD5..=0xD5);
    if (high - sign) * 10 < low && sign * 3 <= low {
        Some("mik")
    } else if tail > middle {
        Some("ibm866")
    } else {
        None
    }
}

/// Whether as many bytes stand where the DOS code pages have letters as where windows-1251 has its own.
fn may_be_dos(letters: &[u8]) -> bool {
    let low = letters.iter().filter(|byte| (0x80..=0xAF).contains(*byte)).count();
    let all = letters.iter().filter(|byte| !byte.is_ascii()).count();
    low > 0 && low * 2 >= all
}

/// Whether letters beyond ASCII are there and none of them is one of UTF-8.
pub(super) fn is_no_utf8(bytes: &[u8]) -> bool {
    let mut chunks = bytes.utf8_chunks();
    chunks.all(|chunk| chunk.valid().is_ascii()) && !bytes.is_ascii()
}

/// Turns UTF-16 bytes into UTF-8 while they are read. A unit without partner becomes the byte `0xFF`, which
/// no UTF-8 text has, so that the row it stands in gets its issue.
pub(super) fn utf16_to_utf8(input: Box<dyn Read + Send>, big_endian: bool) -> Box<dyn Read + Send> {
    let encoding = if big_endian { encoding_rs::UTF_16BE } else { encoding_rs::UTF_16LE };
    Box::new(Utf16Reader {
        input,
        decoder: encoding.new_decoder_without_bom_handling(),
        bytes: vec![0; 32 * 1024],
        pending: 0..0,
        text: vec![0; 32 * 1024],
        ready: 0..0,
        ended: false,
        finished: false,
    })
}

struct Utf16Reader {
    input: Box<dyn Read + Send>,
    decoder: encoding_rs::Decoder,
    bytes: Vec<u8>,
    /// Part of `bytes` that is not decoded yet.
    pending: Range<usize>,
    text: Vec<u8>,
    /// Part of `text` that is not handed out yet.
    ready: Range<usize>,
    ended: bool,
    finished: bool,
}

impl Utf16Reader {
    /// Decodes some more into `text`, of which nothing is waiting.
    fn decode(&mut self) -> io::Result<()> {
        if self.pending.is_empty() && !self.ended {
            let read = self.input.read(&mut self.bytes)?;
            self.pending = 0..read;
            self.ended = read == 0;
        }
        let source = self.bytes.get(self.pending.clone()).unwrap_or_default();
        // One byte is kept free for the mark of a lone unit.
        let room = self.text.len() - 1;
        let target = self.text.get_mut(..room).unwrap_or_default();
        let (result, read, mut written) =
            self.decoder.decode_to_utf8_without_replacement(source, target, self.ended);
        self.pending.start += read;
        match result {
            encoding_rs::DecoderResult::Malformed(_, _) => {
                if let Some(mark) = self.text.get_mut(written) {
                    *mark = 0xFF;
                    written += 1;
                }
            }
            encoding_rs::DecoderResult::InputEmpty => self.finished = self.ended,
            encoding_rs::DecoderResult::OutputFull => {}
        }
        self.ready = 0..written;
        Ok(())
    }
}

impl Read for Utf16Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !self.finished {
            self.decode()?;
        }
        let mut ready = self.text.get(self.ready.clone()).unwrap_or_default();
        let read = ready.read(out)?;
        self.ready.start += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(text: &str, encoding: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(Encoding::from_name(encoding).unwrap().encode(text, &mut bytes), "{text} in {encoding}");
        bytes
    }

    #[test]
    fn short_bulgarian_files_are_told_right() {
        let cases = ["ЕИК;МОЛ", "№;Дата", "Код;Име", "Партида;Количество\r\n1234;5\r\n", "Я", "ЩЪ;ю"];
        for text in cases {
            for encoding in ["windows-1251", "utf-8"] {
                let found = guess(&bytes_of(text, encoding), Lang::Bg).encoding;
                assert_eq!(found.name(), encoding, "{text}");
            }
        }
    }

    #[test]
    fn a_sign_for_numbers_is_no_letter_of_another_page() {
        for encoding in ["mik", "ibm866", "windows-1251"] {
            let found = guess(&bytes_of("Док. №;Ред;Дата\r\n001;1;01.08.2026\r\n", encoding), Lang::Bg);
            assert_eq!((found.encoding.name(), found.rival), (encoding, None));
        }
        let found = guess(&bytes_of("№ ред\r\n1\r\n", "mik"), Lang::Bg);
        assert_eq!((found.encoding.name(), found.rival), ("windows-1251", Some("mik")), "too few letters");
    }

    #[test]
    fn bytes_that_happen_to_be_utf8_are_judged_by_their_letters() {
        let bytes = bytes_of("Темп;П°", "windows-1251");
        assert_eq!(guess(&bytes, Lang::Bg).encoding.name(), "windows-1251");
        assert_eq!(
            guess(&[0xCF, 0xB0], Lang::Bg).encoding.name(),
            "windows-1251",
            "valid UTF-8: a Greek letter"
        );
    }

    #[test]
    fn rare_letters_do_not_change_the_encoding_of_valid_utf8() {
        for text in ["Код;Ω日本", "code;Ω", "note;\u{1F600}", "Код;Име\r\n1;שלום", "a;שלום", "α;β;µ"]
        {
            assert_eq!(guess(text.as_bytes(), Lang::Bg).encoding.name(), "utf-8", "{text}");
        }
    }

    #[test]
    fn one_damaged_place_does_not_change_the_encoding_of_a_short_file() {
        let damaged = ["Код;Количество;Партида\r\n1;2;".as_bytes(), b"\xD0\xFF\xFE\r\n"].concat();
        assert_eq!(guess(&damaged, Lang::Bg).encoding.name(), "utf-8");
    }

    #[test]
    fn a_word_pasted_in_utf8_does_not_change_a_windows_file() {
        let mut bytes = bytes_of("Дата;Код;Количество;Партида\r\n1;2;3;", "windows-1251");
        bytes.extend("Аспирин".as_bytes());
        assert_eq!(guess(&bytes, Lang::Bg).encoding.name(), "windows-1251");
    }

    #[test]
    fn utf16_without_mark_is_seen() {
        for name in ["utf-16le", "utf-16be"] {
            let bytes = bytes_of("Код;Количество;Дата\r\n100;5;01.02.2024\r\n", name);
            assert_eq!(guess(&bytes, Lang::Bg).encoding.name(), name);
        }
    }

    #[test]
    fn dos_pages_are_seen() {
        let text = "Код;Количество;Серия на лекарството;Търговец\r\n100;5;АБВ;Фирма\r\n";
        for name in ["mik", "ibm866"] {
            assert_eq!(guess(&bytes_of(text, name), Lang::Bg).encoding.name(), name);
        }
    }

    #[test]
    fn a_damaged_byte_does_not_change_the_encoding_of_a_long_file() {
        let mut bytes = "Количество;Партида;Дата\r\n".repeat(20).into_bytes();
        bytes[1] = b';';
        assert_eq!(guess(&bytes, Lang::Bg).encoding.name(), "utf-8");
    }

    #[test]
    fn an_undefined_byte_is_told() {
        let encoding = Encoding::from_name("windows-1251").unwrap();
        let page = encoding.page().unwrap();
        assert_eq!(page.decode(&[b'a', 0x98, 0xC0]), "a\u{FFFD}А");
        assert_eq!(encoding.first_invalid(&[b'a', 0x98, 0xC0]), Some(1));
    }

    #[test]
    fn utf16_streams_and_marks_lone_units() {
        let mut bytes = bytes_of("Ж;\u{1F600}", "utf-16le");
        bytes.extend([0x00, 0xD8, b'x', 0]);
        let mut text = Vec::new();
        utf16_to_utf8(Box::new(io::Cursor::new(bytes)), false).read_to_end(&mut text).unwrap();
        assert_eq!(text, ["Ж;\u{1F600}".as_bytes(), &[0xFF], b"x"].concat());
    }

    proptest! {
        #[test]
        fn decoding_is_exact(bytes in proptest::collection::vec(
            prop_oneof![Just(b';'), 0xC0_u8.., any::<u8>()], 0..60)) {
            for (name, known) in [
                ("windows-1251", encoding_rs::WINDOWS_1251),
                ("ibm866", encoding_rs::IBM866),
                ("windows-1257", encoding_rs::WINDOWS_1257),
                ("iso-8859-5", encoding_rs::ISO_8859_5),
            ] {
                let encoding = Encoding::from_name(name).unwrap();
                let page = encoding.page().unwrap();
                let is_gap = |letter: char| letter == '\u{FFFD}' || ('\u{80}'..'\u{A0}').contains(&letter);
                let expected: String = known.decode_without_bom_handling(&bytes).0.chars()
                    .map(|letter| if is_gap(letter) { '\u{FFFD}' } else { letter }).collect();
                prop_assert_eq!(page.decode(&bytes), expected.as_str());
                prop_assert_eq!(page.first_gap(&bytes), expected.chars().position(is_gap));
            }
        }

        #[test]
        fn valid_utf8_with_three_different_letters_is_utf8(
            text in "[a-z;\\r\\n]{0,20}[\\u{400}-\\u{45F}\\u{5D0}-\\u{5EA}\\u{4E00}-\\u{4E80}a-z;]{0,40}") {
            let different: BTreeSet<char> = text.chars().filter(|letter| !letter.is_ascii()).collect();
            prop_assume!(different.len() >= SEVERAL);
            prop_assert_eq!(guess(text.as_bytes(), Lang::En).encoding.name(), "utf-8");
        }
    }

    #[test]
    fn mik_has_128_letters() {
        assert_eq!(MIK.chars().count(), 128);
    }
}
