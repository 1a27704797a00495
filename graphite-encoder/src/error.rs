//! What can be wrong with a name: one error an operation on a part.
//!
//! Every error is plain data, so that a caller can compare it, keep it and hand it to another
//! thread; none has a cause, so its text says it all. The errors of tagged series are beside them,
//! in `tags.rs`.

use std::{error::Error, fmt};

/// Why [`Scheme::encode`](crate::Scheme::encode) or [`Scheme::join`](crate::Scheme::join) refused
/// a part.
///
/// `part` is the part's index in a `join`, and 0 for `encode`; offsets are bytes from the start
/// of that part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// `Idna`: nothing stands between two dots, before the first one, or in the whole label once
    /// the characters that nameprep removes are gone.
    EmptyLabel {
        /// Index of the part.
        part: usize,
        /// Where the empty label is.
        offset: usize,
    },
    /// `Idna`: a label takes more than 63 bytes once encoded. How many more is not measured, since
    /// that of a long text would take long.
    LongLabel {
        /// Index of the part.
        part: usize,
        /// Where the label begins.
        offset: usize,
    },
    /// `Idna`: nameprep prohibits a character.
    Prohibited {
        /// Index of the part.
        part: usize,
        /// Where the character is.
        offset: usize,
        /// The character, as the caller wrote it.
        character: char,
        /// The table of RFC 3454 that prohibits it, such as `C.1.2`.
        table: &'static str,
    },
    /// `Idna`: a left-to-right character in a label that has right-to-left ones (RFC 3454,
    /// section 6, requirement 2).
    MixedDirection {
        /// Index of the part.
        part: usize,
        /// Where the left-to-right character is.
        offset: usize,
        /// The left-to-right character.
        character: char,
    },
    /// `Idna`: a label with right-to-left characters does not begin and end with one (RFC 3454,
    /// section 6, requirement 3).
    NeutralEdge {
        /// Index of the part.
        part: usize,
        /// Where the first or last character is.
        offset: usize,
        /// That character.
        character: char,
    },
    /// `Idna`: a label that is not ASCII begins with `xn--`, the mark of an encoded label.
    AcePrefix {
        /// Index of the part.
        part: usize,
        /// Where the label begins.
        offset: usize,
    },
    /// `Percent`, `Portable`: the result is too long for a file name.
    TooLong {
        /// Index of the part.
        part: usize,
        /// Length of the result in bytes.
        length: usize,
        /// The most it may be in bytes.
        limit: usize,
    },
}

impl EncodeError {
    /// Returns the index of the part that was refused; 0 from `encode`.
    #[must_use]
    pub fn part(&self) -> usize {
        match *self {
            Self::EmptyLabel { part, .. }
            | Self::LongLabel { part, .. }
            | Self::Prohibited { part, .. }
            | Self::MixedDirection { part, .. }
            | Self::NeutralEdge { part, .. }
            | Self::AcePrefix { part, .. }
            | Self::TooLong { part, .. } => part,
        }
    }

    /// Returns the byte offset in the part, where the error has one.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        match *self {
            Self::EmptyLabel { offset, .. }
            | Self::LongLabel { offset, .. }
            | Self::Prohibited { offset, .. }
            | Self::MixedDirection { offset, .. }
            | Self::NeutralEdge { offset, .. }
            | Self::AcePrefix { offset, .. } => Some(offset),
            Self::TooLong { .. } => None,
        }
    }

    /// Returns the character that is to blame, where a single one is.
    #[must_use]
    pub fn character(&self) -> Option<char> {
        match *self {
            Self::Prohibited { character, .. }
            | Self::MixedDirection { character, .. }
            | Self::NeutralEdge { character, .. } => Some(character),
            _ => None,
        }
    }

    /// The same error, told of the part with this index.
    pub(crate) fn of_part(mut self, index: usize) -> Self {
        match &mut self {
            Self::EmptyLabel { part, .. }
            | Self::LongLabel { part, .. }
            | Self::Prohibited { part, .. }
            | Self::MixedDirection { part, .. }
            | Self::NeutralEdge { part, .. }
            | Self::AcePrefix { part, .. }
            | Self::TooLong { part, .. } => *part = index,
        }
        self
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {}: ", self.part())?;
        match *self {
            Self::EmptyLabel { offset, .. } => write!(f, "empty label at byte {offset}"),
            Self::LongLabel { offset, .. } => {
                write!(f, "label at byte {offset} takes over 63 bytes encoded, limit is 63")
            }
            Self::Prohibited { offset, character, table, .. } => write!(
                f,
                "character {} at byte {offset} is prohibited by RFC 3454, table {table}",
                Code(character)
            ),
            Self::MixedDirection { offset, character, .. } => write!(
                f,
                "left-to-right character {} at byte {offset} in a right-to-left label \
                 (RFC 3454, section 6, requirement 2)",
                Code(character)
            ),
            Self::NeutralEdge { offset, character, .. } => write!(
                f,
                "character {} at byte {offset} begins or ends a right-to-left label without \
                 being right-to-left (RFC 3454, section 6, requirement 3)",
                Code(character)
            ),
            Self::AcePrefix { offset, .. } => {
                write!(f, "label at byte {offset} is not ASCII but begins with \"xn--\"")
            }
            Self::TooLong { length, limit, .. } => {
                write!(f, "encoded name is {length} bytes, limit is {limit}")
            }
        }
    }
}

impl Error for EncodeError {}

/// Why [`Scheme::decode`](crate::Scheme::decode) refused an encoded part.
///
/// Offsets are bytes from the start of the encoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// `Idna`, `Punycode`: a byte that is not ASCII, as it stands or as an escape.
    NotAscii {
        /// Where it is.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// `Punycode`: the text ends within a Punycode number.
    Incomplete {
        /// Where the number begins.
        offset: usize,
    },
    /// `Punycode`: not a Punycode digit.
    InvalidDigit {
        /// Where it is.
        offset: usize,
        /// What stands there.
        character: char,
    },
    /// `Punycode`: a code point beyond U+10FFFF.
    OutOfRange {
        /// Where its number begins.
        offset: usize,
    },
    /// `Punycode`: a surrogate, which a Rust string cannot hold (Python's can).
    Surrogate {
        /// Where its number begins.
        offset: usize,
        /// The surrogate, 0xD800 to 0xDFFF.
        code: u32,
    },
    /// `Idna`: a label that begins with `xn--`, but that no text encodes to.
    BadLabel {
        /// Where the label begins.
        offset: usize,
    },
    /// `Percent`, `Portable`: the empty text, which no text encodes to.
    Empty,
    /// `Percent`, `Portable`: longer than `encode` ever makes it.
    TooLong {
        /// Length of the text in bytes.
        length: usize,
        /// The most it may be in bytes.
        limit: usize,
    },
    /// `Percent`, `Portable`: an escape without two upper-case hexadecimal digits.
    BadEscape {
        /// Where the escape begins.
        offset: usize,
    },
    /// `Percent`, `Portable`: an escape of what `encode` does not escape.
    NeedlessEscape {
        /// Where the escape begins.
        offset: usize,
    },
    /// `Percent`, `Portable`: a character that `encode` would have escaped.
    NotAllowed {
        /// Where it is.
        offset: usize,
        /// The character.
        character: char,
    },
    /// `Percent`, `Portable`: the escaped bytes are not UTF-8.
    NotUtf8 {
        /// Where the first escape stands that begins no character.
        offset: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAscii { offset, byte } => {
                write!(f, "byte 0x{byte:02X} at byte {offset} is not ASCII")
            }
            Self::Incomplete { offset } => {
                write!(f, "text ends within the Punycode number at byte {offset}")
            }
            Self::InvalidDigit { offset, character } => {
                write!(f, "character {} at byte {offset} is no Punycode digit", Code(character))
            }
            Self::OutOfRange { offset } => {
                write!(f, "Punycode number at byte {offset} leads beyond U+10FFFF")
            }
            Self::Surrogate { offset, code } => {
                write!(f, "Punycode number at byte {offset} leads to the surrogate U+{code:04X}")
            }
            Self::BadLabel { offset } => {
                write!(f, "label at byte {offset} begins with \"xn--\", but no text encodes to it")
            }
            Self::Empty => f.write_str("encoded name is empty"),
            Self::TooLong { length, limit } => {
                write!(f, "encoded name is {length} bytes, limit is {limit}")
            }
            Self::BadEscape { offset } => write!(
                f,
                "escape at byte {offset} is not followed by two upper-case hexadecimal digits"
            ),
            Self::NeedlessEscape { offset } => {
                write!(f, "escape at byte {offset} is of a character that needs none")
            }
            Self::NotAllowed { offset, character } => {
                write!(f, "character {} at byte {offset} should be escaped", Code(character))
            }
            Self::NotUtf8 { offset } => {
                write!(f, "escape at byte {offset} begins no UTF-8 character")
            }
        }
    }
}

impl Error for DecodeError {}

/// A character as messages show it: `U+` and at least four digits, never the character itself,
/// which may be invisible or turn the line around.
pub(crate) struct Code(pub(crate) char);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))
    }
}

/// How much of a name a message shows, in bytes.
const EXCERPT: usize = 120;

/// A text as messages show it: quoted, its control characters escaped, and cut after 120 bytes,
/// since it may be of any length.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A character is at most 4 bytes, so one of these is a border.
        let cut = |end: &usize| self.0.is_char_boundary(*end);
        match (EXCERPT - 3..=EXCERPT).rev().find(cut) {
            Some(end) if self.0.len() > EXCERPT => {
                write!(f, "{:?}", format!("{}…", &self.0[..end]))
            }
            _ => write!(f, "{:?}", self.0),
        }
    }
}
