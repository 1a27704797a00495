//! Escapes: Python's `quote` and `unquote`, and the schemes `Percent` and `Portable`.
//!
//! Which characters mean what to a receiver is in `check.rs`; here is only what is escaped.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, percent_encode_byte};

use crate::error::{DecodeError, EncodeError};

/// Characters that stay as they are, beside ASCII letters and digits: once as a table for the
/// scan that every name goes through, once as the set that `percent-encoding` writes by.
pub(crate) struct Kept {
    table: [bool; 256],
    escaped: &'static AsciiSet,
}

/// What `urllib.parse.quote(...).replace('.', '%2E')` leaves alone.
pub(crate) static QUOTE: Kept = Kept {
    table: table(b"_-~/"),
    escaped: &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'~').remove(b'/'),
};

/// What `Percent` leaves alone.
static PERCENT: Kept =
    Kept { table: table(b"_-"), escaped: &NON_ALPHANUMERIC.remove(b'_').remove(b'-') };

const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut other = 0;
    while other < others.len() {
        table[others[other] as usize] = true;
        other += 1;
    }
    table
}

impl Kept {
    /// Whether the whole text stays as it is.
    pub(crate) fn holds(&self, text: &str) -> bool {
        text.bytes().all(|b| self.table[usize::from(b)])
    }

    /// The length of the escaped text.
    pub(crate) fn length(&self, text: &[u8]) -> usize {
        text.len() + 2 * text.iter().filter(|&&b| !self.table[usize::from(b)]).count()
    }

    /// Appends the escaped text.
    pub(crate) fn append(&self, text: &[u8], out: &mut String) {
        out.extend(percent_encode(text, self.escaped));
    }
}

/// The longest file name, 255 bytes, less whisper's `.wsp`.
pub(crate) const MAX_FILE_NAME: usize = 255 - ".wsp".len();

/// Refuses a text that is not ASCII.
pub(crate) fn check_ascii(text: &str) -> Result<(), DecodeError> {
    match text.bytes().enumerate().find(|(_, b)| !b.is_ascii()) {
        None => Ok(()),
        Some((offset, byte)) => Err(DecodeError::NotAscii { offset, byte }),
    }
}

/// The bytes that Python's `unquote` makes of a text, each with the offset where it stands: a `%`
/// without two hexadecimal digits behind it is left alone.
#[derive(Clone)]
pub(crate) struct Unquote<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Unquote<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }
}

impl Iterator for Unquote<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<(usize, u8)> {
        let offset = self.at;
        let byte = *self.text.get(offset)?;
        self.at += 1;
        if byte == b'%'
            && let Some(value) = hex(self.text, self.at, |digit| char::from(digit).to_digit(16))
        {
            self.at += 2;
            return Some((offset, value));
        }
        Some((offset, byte))
    }
}

/// The byte that two digits at `at` stand for.
fn hex(text: &[u8], at: usize, digit: impl Fn(u8) -> Option<u32>) -> Option<u8> {
    let high = digit(*text.get(at)?)?;
    let low = digit(*text.get(at + 1)?)?;
    u8::try_from(high << 4 | low).ok()
}

fn upper_hex(byte: u8) -> Option<u32> {
    if byte.is_ascii_lowercase() { None } else { char::from(byte).to_digit(16) }
}

/// One of the two schemes that escape bytes: `Percent` with `%`, `Portable` with `_`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    Percent,
    Portable,
}

impl Escape {
    fn mark(self) -> char {
        match self {
            Self::Percent => '%',
            Self::Portable => '_',
        }
    }

    /// What the empty text becomes. The byte 0xFF is in no UTF-8 text, so that no other text
    /// becomes this.
    fn empty(self) -> &'static str {
        match self {
            Self::Percent => "%FF",
            Self::Portable => "_FF",
        }
    }

    /// Whether a byte that is followed by `next` is left as it is.
    fn keeps(self, byte: u8, next: Option<u8>) -> bool {
        // Before a digit, Portable's `_` would look like an escape.
        PERCENT.table[usize::from(byte)]
            && (byte != b'_' || self == Self::Percent || next.and_then(upper_hex).is_none())
    }

    /// The bytes of a text, each with whether it is kept.
    fn bytes(self, part: &str) -> impl Iterator<Item = (u8, bool)> + '_ {
        let bytes = part.as_bytes();
        bytes.iter().enumerate().map(move |(at, &b)| (b, self.keeps(b, bytes.get(at + 1).copied())))
    }

    /// Whether `encode` gives the part back as it is.
    pub(crate) fn is_kept(self, part: &str) -> bool {
        let fits = (1..=MAX_FILE_NAME).contains(&part.len());
        fits && match self {
            Self::Percent => PERCENT.holds(part),
            Self::Portable => {
                let like_escape = |pair: &[u8]| pair[0] == b'_' && upper_hex(pair[1]).is_some();
                PERCENT.holds(part) && !part.as_bytes().windows(2).any(like_escape)
            }
        }
    }

    /// Appends an encoded part.
    pub(crate) fn encode(self, part: &str, out: &mut String) -> Result<(), EncodeError> {
        if part.is_empty() {
            out.push_str(self.empty());
            return Ok(());
        }
        let length = match self {
            Self::Percent => PERCENT.length(part.as_bytes()),
            Self::Portable => part.len() + 2 * self.bytes(part).filter(|&(_, kept)| !kept).count(),
        };
        if length > MAX_FILE_NAME {
            return Err(EncodeError::TooLong { part: 0, length, limit: MAX_FILE_NAME });
        }
        out.reserve(length);
        match self {
            Self::Percent => PERCENT.append(part.as_bytes(), out),
            Self::Portable => {
                for (byte, kept) in self.bytes(part) {
                    if kept {
                        out.push(char::from(byte));
                    } else {
                        out.push('_');
                        out.push_str(&percent_encode_byte(byte)[1..]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Decodes a part: only what `encode` makes is accepted.
    pub(crate) fn decode(self, encoded: &str) -> Result<Cow<'_, str>, DecodeError> {
        if encoded.is_empty() {
            return Err(DecodeError::Empty);
        }
        if encoded.len() > MAX_FILE_NAME {
            return Err(DecodeError::TooLong { length: encoded.len(), limit: MAX_FILE_NAME });
        }
        if self.is_kept(encoded) {
            return Ok(Cow::Borrowed(encoded));
        }
        if encoded == self.empty() {
            return Ok(Cow::Borrowed(""));
        }
        let mut bytes = Vec::with_capacity(encoded.len());
        let mut rest = encoded;
        while let Some(character) = rest.chars().next() {
            let offset = encoded.len() - rest.len();
            let next = rest.as_bytes().get(1).copied();
            // Only ASCII is kept, so that the character's first byte is all of it.
            let byte = rest.as_bytes()[0];
            let taken = if self.keeps(byte, next) {
                bytes.push(byte);
                1
            } else if character == self.mark() {
                bytes.push(self.unescape(rest, offset)?);
                3
            } else {
                return Err(DecodeError::NotAllowed { offset, character });
            };
            rest = &rest[taken..];
        }
        String::from_utf8(bytes).map(Cow::Owned).map_err(|error| {
            // The bytes before it were kept as they are, or took three each.
            let valid = error.utf8_error().valid_up_to();
            let mut offset = 0;
            for _ in 0..valid {
                let at = &encoded.as_bytes()[offset..];
                offset += if self.keeps(at[0], at.get(1).copied()) { 1 } else { 3 };
            }
            DecodeError::NotUtf8 { offset }
        })
    }

    /// The byte of the escape that `text` begins with.
    fn unescape(self, text: &str, offset: usize) -> Result<u8, DecodeError> {
        let text = text.as_bytes();
        let byte = hex(text, 1, upper_hex).ok_or(DecodeError::BadEscape { offset })?;
        if self.keeps(byte, text.get(3).copied()) {
            return Err(DecodeError::NeedlessEscape { offset });
        }
        Ok(byte)
    }
}
