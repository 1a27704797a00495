//! Punycode (RFC 3492) for text of any length, as Python's `punycode` codec has it.
//!
//! Not the `xn--` form of domain labels: there the `idna` crate's Punycode serves (`idna.rs`). It
//! is made for labels and does not fit here: its 32-bit numbers refuse long texts that Python
//! takes, and so does it a leading `-`. The tests compare the two where both answer.

use crate::error::DecodeError;

const BASE: u64 = 36;
const T_MIN: u64 = 1;
const T_MAX: u64 = 26;
const INITIAL_BIAS: u64 = 72;
const FIRST: u64 = 0x80;
const LAST: u64 = 0x10_FFFF;

/// Emits the digits that stand behind the delimiter: none for ASCII.
///
/// The work grows with the length times the number of different characters beyond ASCII.
pub(crate) fn digits(text: impl Iterator<Item = char> + Clone, mut emit: impl FnMut(u8)) {
    let mut handled = text.clone().filter(char::is_ascii).count() as u64;
    // At most 2^21 code points times the length, so 64 bits hold it for any text in memory.
    let mut delta = 0;
    let mut bias = INITIAL_BIAS;
    let mut next = FIRST;
    let mut first = true;
    while let Some(code) = text.clone().map(u64::from).filter(|&c| c >= next).min() {
        delta += (code - next) * (handled + 1);
        for c in text.clone().map(u64::from) {
            if c < code {
                delta += 1;
            } else if c == code {
                number(delta, bias, &mut emit);
                handled += 1;
                bias = adapt(delta, first, handled);
                first = false;
                delta = 0;
            }
        }
        delta += 1;
        next = code + 1;
    }
}

/// Inserts the characters that the digits describe into `out[start..]`, which holds the basic
/// characters. The digits come with their offsets in the encoded text, for the errors.
pub(crate) fn insert(
    out: &mut String,
    start: usize,
    mut digits: impl Iterator<Item = (usize, u8)>,
) -> Result<(), DecodeError> {
    let mut count = (out.len() - start) as u64;
    let mut code = FIRST;
    let mut bias = INITIAL_BIAS;
    let mut position = 0_u64;
    let mut first = true;
    while let Some((offset, digit)) = digits.next() {
        let delta = read_number((offset, digit), &mut digits, bias)?;
        position = position.saturating_add(delta);
        count += 1;
        code = code.saturating_add(position / count);
        if code > LAST {
            return Err(DecodeError::OutOfRange { offset });
        }
        let character = u32::try_from(code).unwrap_or(u32::MAX);
        let character =
            char::from_u32(character).ok_or(DecodeError::Surrogate { offset, code: character })?;
        position %= count;
        bias = adapt(delta, first, count);
        first = false;
        let at = usize::try_from(position)
            .ok()
            .and_then(|n| out[start..].char_indices().nth(n))
            .map_or(out.len(), |(at, _)| start + at);
        out.insert(at, character);
        position += 1;
    }
    Ok(())
}

/// Reads one variable-length number. A number too large for 64 bits stays at the maximum, which
/// is beyond every code point too.
fn read_number(
    start: (usize, u8),
    rest: &mut impl Iterator<Item = (usize, u8)>,
    bias: u64,
) -> Result<u64, DecodeError> {
    let mut value = 0_u64;
    let mut weight = 1_u64;
    let mut k = BASE;
    let (mut offset, mut byte) = start;
    loop {
        let digit = match byte {
            b'a'..=b'z' => byte - b'a',
            b'A'..=b'Z' => byte - b'A',
            b'0'..=b'9' => byte - b'0' + 26,
            _ => return Err(DecodeError::InvalidDigit { offset, character: char::from(byte) }),
        };
        let digit = u64::from(digit);
        value = value.saturating_add(digit.saturating_mul(weight));
        let t = threshold(k, bias);
        if digit < t {
            return Ok(value);
        }
        weight = weight.saturating_mul(BASE - t);
        k += BASE;
        (offset, byte) = rest.next().ok_or(DecodeError::Incomplete { offset: start.0 })?;
    }
}

fn number(mut value: u64, bias: u64, emit: &mut impl FnMut(u8)) {
    let mut k = BASE;
    loop {
        let t = threshold(k, bias);
        if value < t {
            return emit(digit(value));
        }
        emit(digit(t + (value - t) % (BASE - t)));
        value = (value - t) / (BASE - t);
        k += BASE;
    }
}

/// The digit of a value, which both callers keep below 36.
fn digit(value: u64) -> u8 {
    b"abcdefghijklmnopqrstuvwxyz0123456789"[(value % BASE) as usize]
}

fn threshold(k: u64, bias: u64) -> u64 {
    k.saturating_sub(bias).clamp(T_MIN, T_MAX)
}

fn adapt(delta: u64, first: bool, count: u64) -> u64 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut bias = 0;
    while delta > 455 {
        delta /= BASE - T_MIN;
        bias += BASE;
    }
    bias + BASE * delta / (delta + 38)
}
