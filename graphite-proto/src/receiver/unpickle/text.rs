//! The texts of pickle protocol 0, which are lines with escapes.

/// Appends what Python's codec `raw-unicode-escape` reads: Latin-1, with `\uXXXX` and
/// `\UXXXXXXXX` for everything else. `None` when that is no text.
pub(super) fn unicode(mut line: &[u8], text: &mut String) -> Option<()> {
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
        let (code, rest) = hex(&rest[1..], digits)?;
        line = rest;
        text.push(match char::from_u32(code) {
            Some(character) => character,
            // Python 2 on some platforms writes a character beyond U+FFFF as two surrogates.
            None => {
                let (low, rest) = hex(line.strip_prefix(b"\\u")?, 4)?;
                line = rest;
                let units = [u16::try_from(code).ok()?, u16::try_from(low).ok()?];
                char::decode_utf16(units).next()?.ok()?
            }
        });
    }
    Some(())
}

/// Appends what Python 2 writes for a byte string: its `repr()`. The bytes have to be UTF-8, as
/// they have for carbon.
pub(super) fn string(line: &[u8], text: &mut String) -> Option<()> {
    let quote = *line.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
    let mut rest = line[1..].strip_suffix(&[quote])?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'\\' | b'\'' | b'"' => *escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let (code, after) = hex(rest, 2)?;
                rest = after;
                u8::try_from(code).ok()?
            }
            _ => return None,
        });
    }
    text.push_str(std::str::from_utf8(&bytes).ok()?);
    Some(())
}

/// Splits off a number of hexadecimal digits.
fn hex(line: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = line.split_at_checked(digits)?;
    let number = number.iter().try_fold(0, |number, digit| {
        char::from(*digit).to_digit(16).map(|digit| number << 4 | digit)
    })?;
    Some((number, rest))
}
