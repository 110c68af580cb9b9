//! SHA-256 as it is shown and kept: lower-case hexadecimal.

use std::fmt::Write as _;
use std::io;

use sha2::{Digest, Sha256};

/// The hash of some bytes.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash of everything a reader gives, in constant memory.
///
/// # Errors
/// When reading fails.
pub fn sha256_of(mut reader: impl io::Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!((sha256(b"").as_str(), sha256_of(&b""[..]).unwrap().as_str()), (empty, empty));
        assert_eq!(sha256(b"rxdrop"), sha256_of(&b"rxdrop"[..]).unwrap());
    }
}
