//! Eight bytes of text at a time: most cells are so short that loops over single bytes cost more than all else.

/// The upper bit of each of eight bytes.
pub const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Whether a test holds for one of the words of eight bytes; a short text is filled up with blanks.
#[inline]
pub fn any(bytes: &[u8], test: impl Fn(u64) -> bool) -> bool {
    let (blocks, rest) = bytes.as_chunks::<8>();
    if blocks.iter().any(|block| test(u64::from_le_bytes(*block))) {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    // Those before the rest once more are no harm.
    let last = bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut last = [b' '; 8];
        last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        last
    });
    test(u64::from_le_bytes(last))
}

/// The upper bits of those of eight bytes that are `wanted`.
#[inline]
pub const fn hits(word: u64, wanted: u8) -> u64 {
    let differs = word ^ (ONES * wanted as u64);
    !(((differs & !HIGH) + !HIGH) | differs) & HIGH
}

/// Calls back with the place, among eight bytes, of each upper bit.
#[inline]
pub fn each_bit(mut bits: u64, mut found: impl FnMut(u32)) {
    while bits != 0 {
        found(bits.trailing_zeros() / 8);
        bits &= bits - 1;
    }
}

/// Whether one of eight bytes is below a bound of at most 128.
#[inline]
pub const fn any_below(word: u64, bound: u8) -> bool {
    word.wrapping_sub(ONES * bound as u64) & !word & HIGH != 0
}

/// Whether one of eight bytes is an ASCII control character.
#[inline]
pub const fn any_control(word: u64) -> bool {
    any_below(word, 0x20) || hits(word, 0x7F) != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{any, any_below, any_control, hits};

    proptest! {
        #[test]
        fn words_tell_what_single_bytes_tell(bytes in proptest::collection::vec(any_byte(), 0..30), wanted in any_byte()) {
            prop_assert_eq!(any(&bytes, |word| any_below(word, 0x20)), bytes.iter().any(|byte| *byte < 0x20));
            prop_assert_eq!(any(&bytes, any_control), bytes.iter().any(u8::is_ascii_control));
            prop_assume!(wanted != b' ');
            prop_assert_eq!(any(&bytes, |word| hits(word, wanted) != 0), bytes.contains(&wanted));
        }

        #[test]
        fn hits_are_exact(bytes in any_eight(), wanted in any_byte()) {
            let found = hits(u64::from_le_bytes(bytes), wanted);
            let wide = bytes.map(|byte| if byte == wanted { 0x80 } else { 0 });
            prop_assert_eq!(found.to_le_bytes(), wide);
        }
    }

    fn any_byte() -> impl Strategy<Value = u8> {
        proptest::prelude::any::<u8>()
    }

    fn any_eight() -> impl Strategy<Value = [u8; 8]> {
        proptest::array::uniform8(prop_oneof![Just(0x80), Just(0), Just(b';'), any_byte()])
    }
}
