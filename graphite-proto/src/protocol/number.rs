//! Numbers as they are read, from text and from pickles: what becomes an integer, what a float,
//! and which timestamps are taken.

use crate::value::{Timestamp, Value};

/// Reads a number that is written as text, as Python's `float()` would, but exactly where it is
/// an integer. NaN and the infinities are returned as they are.
pub(crate) fn parse(text: &str) -> Option<Value> {
    // `float()` ignores white space around a number; it can stand only in a pickle's text.
    let text = text.trim();
    if let Ok(value) = text.parse() {
        return Some(Value::I64(value));
    }
    if let Ok(value) = text.parse() {
        return Some(Value::U64(value));
    }
    text.parse().ok().map(Value::F64)
}

/// Reads an integer as Python's `int(text, 0)` does: white space around it, a sign, and decimal
/// digits or a prefix of another base; but no `_`, and in another base at most 128 bits.
pub(crate) fn literal(text: &str) -> Option<Value> {
    let text = text.trim_matches(is_space);
    let (sign, digits) = match text.as_bytes() {
        [b'+' | b'-', ..] => text.split_at(1),
        _ => ("", text),
    };
    let radix = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        // What C takes for octal, Python takes for a mistake, unless it is zero all the same.
        [b'0', ..] => return digits.bytes().all(|digit| digit == b'0').then_some(Value::I64(0)),
        [] => return None,
        // Integers of any length are rounded once.
        _ if digits.bytes().all(|digit| digit.is_ascii_digit()) => return parse(text),
        _ => return None,
    };
    signed(sign, &digits[2..], radix)
}

/// Reads what C's `strtol` takes for octal, as Python lets it do for `INT`: digits behind a 0 and
/// nothing behind them.
pub(crate) fn c_octal(text: &str) -> Option<Value> {
    let text = text.trim_start_matches(is_space);
    let (sign, digits) = text.split_at(text.find('0')?);
    // A `long` of C has 64 bits.
    signed(sign, digits, 8).filter(|value| matches!(value, Value::I64(_)))
}

/// White space in C.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

fn signed(sign: &str, digits: &str, radix: u32) -> Option<Value> {
    // `from_str_radix` would take a sign of its own.
    let magnitude = digits
        .starts_with(|c: char| c.is_digit(radix))
        .then(|| i128::from_str_radix(digits, radix).ok())??;
    match sign {
        "" | "+" => Some(from_i128(magnitude)),
        "-" => Some(from_i128(-magnitude)),
        _ => None,
    }
}

/// A timestamp that was read: `Ok(None)` for "now", an error for one out of range.
pub(crate) fn timestamp(value: Value) -> Result<Option<Timestamp>, ()> {
    let seconds = match value {
        Value::I64(seconds) => seconds.into(),
        Value::U64(seconds) => seconds.into(),
        // NaN would become 0.
        Value::F64(seconds) if seconds.is_nan() => return Err(()),
        #[expect(clippy::cast_possible_truncation, reason = "cut to whole seconds, saturating")]
        Value::F64(seconds) => seconds as i128,
    };
    // carbon takes its own clock for -1 (protocols.py, `metricReceived`).
    if seconds == -1 {
        return Ok(None);
    }
    u32::try_from(seconds).map(|seconds| Some(seconds.into())).map_err(|_| ())
}

/// Reads the little-endian two's complement of Python's `LONG1`, rounding to a float what no
/// integer holds; beyond the floats it is infinite.
pub(crate) fn from_long(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let sign = if negative { 0xFF } else { 0 };
    // Above the first 15 bytes the sign alone: an `i128` holds it.
    if bytes.iter().skip(15).all(|byte| *byte == sign) {
        let mut wide = [sign; 16];
        let held = bytes.len().min(15);
        wide[..held].copy_from_slice(&bytes[..held]);
        return from_i128(i128::from_le_bytes(wide));
    }
    Value::F64(if negative { -magnitude(bytes, true) } else { magnitude(bytes, false) })
}

/// Rounds the magnitude of a number of more than 15 bytes, once, to the nearest float.
fn magnitude(bytes: &[u8], negative: bool) -> f64 {
    let mut digits = bytes.to_vec();
    if negative {
        // The complement, plus one.
        let mut carry = true;
        for digit in &mut digits {
            (*digit, carry) = (!*digit).overflowing_add(carry.into());
        }
    }
    let significant = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
    let (low, top) = digits[..significant].split_at(significant.saturating_sub(8));
    let mut leading = top.iter().rev().fold(0, |value, digit| value << 8 | u64::from(*digit));
    // These 57 bits or more round as the whole number does if the last says that more follows.
    leading |= u64::from(low.iter().any(|digit| *digit != 0));
    #[expect(clippy::cast_precision_loss, reason = "this is the rounding")]
    let leading = leading as f64;
    // A power of two changes no digit, so each product is exact; that of `powi` need not be.
    low.iter().fold(leading, |value, _| value * 256.0)
}

/// Turns an integer into the first variant that holds it.
fn from_i128(value: i128) -> Value {
    if let Ok(value) = i64::try_from(value) {
        return Value::I64(value);
    }
    #[expect(clippy::cast_precision_loss, reason = "no integer of 64 bits holds it")]
    u64::try_from(value).map_or(Value::F64(value as f64), Value::U64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a long as Python does, with some bytes of sign or of zeros more.
    fn long(value: i128, zeros: usize, signs: usize) -> Vec<u8> {
        let mut bytes = vec![0; zeros];
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes.resize(bytes.len() + signs, if value < 0 { 0xFF } else { 0 });
        bytes
    }

    #[test]
    fn a_long_is_exact_or_rounded_once() {
        let tie = (1i128 << 53) + 1;
        let mut values = vec![0, 1, i128::MAX, i128::from(u64::MAX), i128::from(i64::MAX)];
        for shift in [0, 1, 7, 8, 31, 60, 63, 64, 70, 72] {
            for near in [tie - 1, tie, tie + 1, tie + 2] {
                values.extend([near << shift, (near << shift) + 1, (near << shift) - 1]);
            }
        }
        for value in values.into_iter().flat_map(|value| [value, -value, !value]) {
            for signs in [0, 1, 40] {
                assert_eq!(from_long(&long(value, 0, signs)), from_i128(value), "{value}");
            }
            // The same number times 256^20 has the same rounding.
            let scaled = match from_long(&long(value, 20, 1)) {
                Value::F64(scaled) => scaled,
                other => other.as_f64(),
            };
            // 2^160, by its exponent alone.
            let scale = f64::from_bits((1023 + 160) << 52);
            #[expect(clippy::cast_precision_loss, reason = "the rounding to compare with")]
            let expected = value as f64 * scale;
            assert_eq!(scaled.to_bits(), expected.to_bits(), "{value} scaled");
        }
        assert_eq!(from_long(&[]), Value::I64(0));
        assert_eq!(from_long(&[0x7F; 255]), Value::F64(f64::INFINITY));
        assert_eq!(from_long(&[0x80; 255]), Value::F64(f64::NEG_INFINITY));
        // From the largest float to the middle between it and 2^1024, which is rounded up.
        let near = |low, digit| [&[low; 121][..], &[digit], &[0xFF; 6], &[0]].concat();
        assert_eq!(from_long(&near(0, 0xF8)), Value::F64(f64::MAX));
        assert_eq!(from_long(&near(0xFF, 0xFB)), Value::F64(f64::MAX));
        assert_eq!(from_long(&near(0, 0xFC)), Value::F64(f64::INFINITY));
    }
}
