//! The texts of pickle protocol 0, which are lines with escapes.

/// Why a text is not read.
type Reason = &'static str;

/// Appends what Python's codec `raw-unicode-escape` reads: Latin-1, with `\uXXXX` and
/// `\UXXXXXXXX` for everything else.
pub(super) fn unicode(mut line: &[u8], text: &mut String) -> Result<(), Reason> {
    while let [byte, rest @ ..] = line {
        line = rest;
        let digits = match (byte, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            // Any other backslash stands for itself, and hides none that follows it.
            (b'\\', Some(b'\\')) => {
                text.push_str("\\\\");
                line = &rest[1..];
                continue;
            }
            _ => {
                text.push(char::from(*byte));
                continue;
            }
        };
        let (code, rest) =
            hex(&rest[1..], digits).ok_or("a \\u in a text has too few hexadecimal digits")?;
        line = rest;
        text.push(match char::from_u32(code) {
            Some(character) => character,
            // Python 2 on some platforms writes a character beyond U+FFFF as two surrogates.
            None => {
                let (character, rest) =
                    pair(code, line).ok_or("a \\u in a text is no character")?;
                line = rest;
                character
            }
        });
    }
    Ok(())
}

/// Makes a character of a surrogate and of the second one at the beginning of the line.
fn pair(high: u32, line: &[u8]) -> Option<(char, &[u8])> {
    let (low, rest) = hex(line.strip_prefix(b"\\u")?, 4)?;
    let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    Some((char::decode_utf16(units).next()?.ok()?, rest))
}

/// Appends what Python reads as a byte string in quotes, of the same kind before and after. The
/// bytes have to be UTF-8, as they have for carbon.
///
/// Python 2 writes its `repr()`, others by rules of their own. So all escapes are read that
/// Python's `codecs.escape_decode` does, and an unknown one stands for itself.
pub(super) fn string(line: &[u8], text: &mut String) -> Result<(), Reason> {
    let (quote, rest) = line.split_first().ok_or("a text stands in no quotes")?;
    let mut rest = match rest.strip_suffix(&[*quote]) {
        Some(rest) if matches!(quote, b'"' | b'\'') => rest,
        _ => return Err("a text stands in no quotes"),
    };
    let mut bytes = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'\\' {
            rest = escape(rest, &mut bytes)?;
        } else {
            bytes.push(*byte);
        }
    }
    text.push_str(std::str::from_utf8(&bytes).map_err(|_| "a text is not UTF-8")?);
    Ok(())
}

/// Appends what an escape stands for, and returns what follows it; the backslash is taken already.
fn escape<'a>(line: &'a [u8], bytes: &mut Vec<u8>) -> Result<&'a [u8], Reason> {
    let (escape, mut rest) = line.split_first().ok_or("a text ends with a backslash")?;
    let byte = match escape {
        b'\\' | b'\'' | b'"' => *escape,
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0B,
        b'f' => 0x0C,
        b'r' => b'\r',
        b'0'..=b'7' => {
            let mut code = escape - b'0';
            // At most three digits; what does not fit a byte is cut off, as Python does.
            for _ in 1..3 {
                let Some((digit @ b'0'..=b'7', after)) = rest.split_first() else {
                    break;
                };
                code = code << 3 | (digit - b'0');
                rest = after;
            }
            code
        }
        b'x' => {
            let (code, after) =
                hex(rest, 2).ok_or("a \\x in a text has too few hexadecimal digits")?;
            rest = after;
            // Two digits are a byte.
            code.to_le_bytes()[0]
        }
        unknown => {
            bytes.extend([b'\\', *unknown]);
            return Ok(rest);
        }
    };
    bytes.push(byte);
    Ok(rest)
}

/// Splits off a number of hexadecimal digits.
fn hex(line: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = line.split_at_checked(digits)?;
    let number = number.iter().try_fold(0, |number, digit| {
        char::from(*digit).to_digit(16).map(|digit| number << 4 | digit)
    })?;
    Some((number, rest))
}
