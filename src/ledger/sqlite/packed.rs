//! Bodies and answers as they lie in the ledger: deflated.

use std::io::Read as _;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

use crate::ledger::Error;

/// Bytes that are made room for at a time.
const ROOM: usize = 4 * 1024;

/// Deflates one body after the other. It keeps its tables, some hundred kilobytes that would else be asked of the
/// system and handed back for each.
pub(super) struct Packer(Compress);

impl Packer {
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::fast(), false))
    }

    pub(super) fn pack(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.reset();
        let mut out = Vec::with_capacity(bytes.len() / 8 + ROOM);
        loop {
            let done = usize::try_from(self.0.total_in()).unwrap_or(usize::MAX);
            let rest = bytes.get(done..).unwrap_or_default();
            let status = self.0.compress_vec(rest, &mut out, FlushCompress::Finish);
            if status.map_err(|source| Error::Store(Box::new(source)))? == Status::StreamEnd {
                return Ok(out);
            }
            out.reserve(ROOM);
        }
    }
}

/// What was packed.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    DeflateDecoder::new(bytes).read_to_end(&mut out).map_err(|source| Error::Store(Box::new(source)))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{Packer, unpack};

    #[test]
    fn what_was_packed_comes_back_whatever_was_packed_before() {
        let mut packer = Packer::new();
        let noise: Vec<u8> =
            (0_u32..300_000).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for bytes in [b"".as_slice(), b"{}", &noise, &[7; 10_000], b"{}"] {
            assert_eq!(unpack(&packer.pack(bytes).unwrap()).unwrap(), bytes);
        }
    }
}
