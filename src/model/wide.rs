//! Eight bytes of text at a time: most cells are so short that loops over single bytes cost more than all else.

use wide::u8x16;

/// The upper bit of each of eight bytes.
pub const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;
/// Eight blanks: together with them an ASCII letter is in lower case.
pub const BLANKS: u64 = ONES * 0x20;

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

/// The same by sixteen bytes: `test` marks those it holds for.
#[inline]
pub fn any_of_sixteen(bytes: &[u8], test: impl Fn(u8x16) -> u8x16) -> bool {
    let (blocks, rest) = bytes.as_chunks::<16>();
    if blocks.iter().any(|block| test(u8x16::new(*block)).any()) {
        return true;
    }
    let last = bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut last = [b' '; 16];
        last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        last
    });
    !rest.is_empty() && test(u8x16::new(last)).any()
}

/// Whether there is nothing but ASCII digits.
#[inline]
pub fn are_digits(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else { return bytes.iter().all(u8::is_ascii_digit) };
    let (blocks, _) = bytes.as_chunks::<8>();
    blocks.iter().chain([last]).all(|block| are_eight_digits(u64::from_le_bytes(*block)))
}

#[inline]
const fn are_eight_digits(word: u64) -> bool {
    const UPPER: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    (word & UPPER == ONES * 0x30) & (word.wrapping_add(ONES * 0x06) & UPPER == ONES * 0x30)
}

/// The upper bits of those of eight bytes that are `wanted`.
#[inline]
pub const fn hits(word: u64, wanted: u8) -> u64 {
    let differs = word ^ (ONES * wanted as u64);
    !(((differs & !HIGH) + !HIGH) | differs) & HIGH
}

/// Of 64 bytes those that are `wanted`, a bit each.
#[inline]
pub fn places(bytes: &[u8; 64], wanted: u8) -> u64 {
    let wanted = u8x16::splat(wanted);
    let (parts, _) = bytes.as_chunks::<16>();
    parts
        .iter()
        .rev()
        .fold(0, |places, part| places << 16 | u64::from(u8x16::new(*part).simd_eq(wanted).to_bitmask()))
}

/// Calls back with the place of each byte that is `wanted`. Where those stand a few bytes apart, a search that starts
/// anew behind each would be too slow.
#[inline]
pub fn each_place(bytes: &[u8], wanted: u8, mut found: impl FnMut(u32)) {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut last = [0; 64];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    let mut base = 0;
    for block in blocks {
        each_bit(places(block, wanted), |place| found(base + place));
        base += 64;
    }
    let behind = u64::MAX.checked_shl(u32::try_from(rest.len()).unwrap_or(64)).unwrap_or(0);
    each_bit(places(&last, wanted) & !behind, |place| found(base + place));
}

#[inline]
fn each_bit(mut bits: u64, mut found: impl FnMut(u32)) {
    while bits != 0 {
        found(bits.trailing_zeros());
        bits &= bits - 1;
    }
}

/// Whether one of eight bytes is `wanted`.
#[inline]
pub const fn has(word: u64, wanted: u8) -> bool {
    any_below(word ^ (ONES * wanted as u64), 1)
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

    use super::{any, any_below, any_control, any_of_sixteen, are_digits, each_place, has, hits, u8x16};

    proptest! {
        #[test]
        fn words_tell_what_single_bytes_tell(bytes in proptest::collection::vec(any_byte(), 0..30), wanted in any_byte()) {
            prop_assert_eq!(any(&bytes, |word| any_below(word, 0x20)), bytes.iter().any(|byte| *byte < 0x20));
            prop_assert_eq!(any(&bytes, any_control), bytes.iter().any(u8::is_ascii_control));
            let digits: Vec<u8> = bytes.iter().map(|byte| b'0' + byte % 11).collect();
            prop_assert_eq!(are_digits(&digits), !digits.contains(&b':'));
            prop_assert_eq!(are_digits(&bytes), bytes.iter().all(u8::is_ascii_digit));
            let controls = |part: u8x16| part.simd_lt(u8x16::splat(0x20));
            prop_assert_eq!(any_of_sixteen(&bytes, controls), bytes.iter().any(|byte| *byte < 0x20));
            prop_assume!(wanted != b' ');
            prop_assert_eq!(any(&bytes, |word| hits(word, wanted) != 0), bytes.contains(&wanted));
            prop_assert_eq!(any(&bytes, |word| has(word, wanted)), bytes.contains(&wanted));
        }

        #[test]
        fn hits_are_exact(bytes in any_eight(), wanted in any_byte()) {
            let found = hits(u64::from_le_bytes(bytes), wanted);
            let wide = bytes.map(|byte| if byte == wanted { 0x80 } else { 0 });
            prop_assert_eq!(found.to_le_bytes(), wide);
        }
    }

    proptest! {
        #[test]
        fn every_place_is_found(bytes in proptest::collection::vec(
            prop_oneof![Just(0), Just(b';'), any_byte()], 0..300), wanted in prop_oneof![Just(0), Just(b';'), any_byte()]) {
            let mut found = Vec::new();
            each_place(&bytes, wanted, |place| found.push(place as usize));
            let expected: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == wanted).collect();
            prop_assert_eq!(found, expected);
        }
    }

    fn any_byte() -> impl Strategy<Value = u8> {
        proptest::prelude::any::<u8>()
    }

    fn any_eight() -> impl Strategy<Value = [u8; 8]> {
        proptest::array::uniform8(prop_oneof![Just(0x80), Just(0), Just(b';'), any_byte()])
    }
}
