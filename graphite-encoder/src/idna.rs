//! The `Idna` scheme: Python's `idna` codec (IDNA 2003, RFC 3490) label by label, then its
//! `urllib.parse.quote`.
//!
//! The Punycode of a label is the `idna` crate's. Not that crate's UTS 46 mapping: it maps many
//! characters differently, which would rename series that are in people's stores.

use std::borrow::Cow;

use ::idna::punycode;

use crate::{
    error::{DecodeError, EncodeError},
    escape::{self, QUOTE, Unquote},
    nameprep::nameprep,
};

const ACE_PREFIX: &str = "xn--";

/// The longest label in bytes (RFC 1034).
const MAX_LABEL: usize = 63;

/// A quoted label at its longest: every byte as an escape, and the dot behind it.
const MAX_QUOTED_LABEL: usize = 3 * (MAX_LABEL + 1);

/// Whether `encode` gives the part back as it is.
pub(crate) fn is_kept(part: &str) -> bool {
    // No dot is left alone, so a part without changes is one label.
    part.len() <= MAX_LABEL && QUOTE.holds(part)
}

/// Appends an encoded part.
pub(crate) fn encode(part: &str, out: &mut String) -> Result<(), EncodeError> {
    let mut offset = 0;
    let mut buffer = Label::new();
    while offset < part.len() {
        let rest = &part[offset..];
        let (end, dot) = rest.char_indices().find(|&(_, c)| is_dot(c)).unzip();
        let label = &rest[..end.unwrap_or(rest.len())];
        let ascii = if label.is_ascii() {
            fits(label.len(), offset)?;
            label.as_bytes()
        } else {
            to_ascii(label, offset, &mut buffer)?;
            buffer.as_bytes()
        };
        let next = offset + label.len() + dot.map_or(0, char::len_utf8);
        if offset == 0 {
            out.reserve(QUOTE.length(ascii) + longest(&part[label.len()..]));
        }
        QUOTE.append(ascii, out);
        if dot.is_some() {
            out.push_str("%2E");
        }
        offset = next;
    }
    Ok(())
}

/// The most that the rest of a part, from the first dot on, can take.
fn longest(rest: &str) -> usize {
    if rest.is_ascii() {
        QUOTE.length(rest.as_bytes())
    } else {
        rest.split(is_dot).count() * MAX_QUOTED_LABEL
    }
}

/// The four dots of RFC 3490.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{FF0E}' | '\u{FF61}')
}

fn fits(length: usize, offset: usize) -> Result<(), EncodeError> {
    match length {
        0 => Err(EncodeError::EmptyLabel { part: 0, offset }),
        1..=MAX_LABEL => Ok(()),
        _ => Err(EncodeError::LongLabel { part: 0, offset }),
    }
}

/// RFC 3490's `ToASCII` for a label that begins at byte `offset` of its part.
fn to_ascii(label: &str, offset: usize, out: &mut Label) -> Result<(), EncodeError> {
    out.len = 0;
    if label.is_ascii() {
        label.bytes().for_each(|b| out.push(b));
        return fits(out.len, offset);
    }
    let prepared = nameprep(label, offset)?;
    if prepared.chars().all(|c| c.is_ascii()) {
        prepared.chars().for_each(|c| out.push(c as u8));
        return fits(out.len, offset);
    }
    if prepared.chars().take(ACE_PREFIX.len()).eq(ACE_PREFIX.chars()) {
        return Err(EncodeError::AcePrefix { part: 0, offset });
    }
    // Every character takes a byte of Punycode at least, so what does not fit here is too long.
    let mut characters = ['\0'; MAX_LABEL];
    let mut count = 0;
    for c in prepared.chars() {
        *characters.get_mut(count).ok_or(EncodeError::LongLabel { part: 0, offset })? = c;
        count += 1;
    }
    // Its 32-bit numbers hold any label of so few characters.
    let digits = punycode::encode(&characters[..count]);
    let digits = digits.ok_or(EncodeError::LongLabel { part: 0, offset })?;
    ACE_PREFIX.bytes().chain(digits.bytes()).for_each(|b| out.push(b));
    fits(out.len, offset)
}

/// An ASCII label under construction.
struct Label {
    bytes: [u8; MAX_LABEL],
    /// May exceed the room: then only the length is kept.
    len: usize,
}

impl Label {
    fn new() -> Self {
        Self { bytes: [0; MAX_LABEL], len: 0 }
    }

    fn push(&mut self, byte: u8) {
        if let Some(room) = self.bytes.get_mut(self.len) {
            *room = byte;
        }
        self.len += 1;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len.min(MAX_LABEL)]
    }
}

/// Decodes a part.
pub(crate) fn decode(encoded: &str) -> Result<Cow<'_, str>, DecodeError> {
    if !encoded.contains('%') && !encoded.contains(ACE_PREFIX) {
        escape::check_ascii(encoded)?;
        return Ok(Cow::Borrowed(encoded));
    }
    // A digit stands for at most one character, which takes at most four bytes.
    let mut out = String::with_capacity(encoded.len() * 4);
    let mut start = 0;
    let mut start_offset = 0;
    for (offset, byte) in Unquote::new(encoded) {
        if !byte.is_ascii() {
            return Err(DecodeError::NotAscii { offset, byte });
        }
        if byte == b'.' {
            to_unicode(&mut out, start, start_offset)?;
            start = out.len() + 1;
        } else if out.len() == start {
            start_offset = offset;
        }
        out.push(char::from(byte));
    }
    to_unicode(&mut out, start, start_offset)?;
    Ok(Cow::Owned(out))
}

/// RFC 3490's `ToUnicode` for the ASCII label `out[start..]`, in place.
fn to_unicode(out: &mut String, start: usize, offset: usize) -> Result<(), DecodeError> {
    if !out[start..].starts_with(ACE_PREFIX) {
        return Ok(());
    }
    let bad_label = DecodeError::BadLabel { offset };
    let mut label = Label::new();
    out[start..].bytes().for_each(|b| label.push(b));
    if label.len > MAX_LABEL {
        return Err(bad_label);
    }
    let ace = label.as_bytes();
    // The label is ASCII: the caller checked every byte.
    let digits = std::str::from_utf8(&ace[ACE_PREFIX.len()..]).unwrap_or_default();
    let decoded = punycode::decode_to_string(digits).ok_or_else(|| bad_label.clone())?;
    out.truncate(start);
    out.push_str(&decoded);

    let mut again = Label::new();
    match to_ascii(&out[start..], 0, &mut again) {
        Ok(()) if again.as_bytes().iter().copied().eq(ace.iter().map(u8::to_ascii_lowercase)) => {
            Ok(())
        }
        _ => Err(bad_label),
    }
}
