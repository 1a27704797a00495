//! Why a receiver has no point. Not here: how it reads ([`crate::receiver`]).

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::{EXCERPT, Meant, excerpt};
use crate::value::Timestamp;

/// Why a [`Receiver`](crate::Receiver) has no point for a line, a pickle or an element of one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The line is longer than is read, and ends the stream.
    LineTooLong {
        /// The line, cut after 120 bytes.
        line: Box<str>,
        /// The longest line that is read, in bytes without its newline.
        limit: usize,
    },
    /// The pickle is longer than is read, and ends the stream.
    FrameTooLong {
        /// The length that stands before the pickle.
        bytes: usize,
        /// The longest pickle that is read.
        limit: usize,
    },
    /// The line is not UTF-8.
    NotUtf8 {
        /// The line, cut after 120 bytes, with U+FFFD where it is not UTF-8.
        line: Box<str>,
        /// Where the first invalid byte stands.
        offset: usize,
    },
    /// The line does not consist of a path, a value and a timestamp.
    FieldCount {
        /// The line, cut after 120 bytes.
        line: Box<str>,
        /// How many fields it has.
        fields: usize,
    },
    /// The value is no finite number.
    Value {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The value, cut likewise.
        value: Box<str>,
    },
    /// The timestamp is no number, or outside 0 to 4,294,967,295 and not -1.
    Timestamp {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The timestamp, cut likewise.
        timestamp: Box<str>,
        /// The largest timestamp that is read.
        limit: Timestamp,
    },
    /// The pickle cannot be read, or is no list of points: all its points are lost.
    Pickle {
        /// The pickle's length.
        bytes: usize,
        /// Where in the pickle the trouble is.
        offset: usize,
        /// What is wrong there.
        reason: Cow<'static, str>,
    },
    /// An element of a pickled list is not `(path, (timestamp, value))`.
    Element {
        /// Which one, counted from 0.
        index: usize,
    },
}

impl DecodeError {
    #[cold]
    pub(crate) fn line_too_long(line: &[u8], limit: usize) -> Self {
        Self::LineTooLong { line: excerpt_bytes(line), limit }
    }

    #[cold]
    pub(crate) fn frame_too_long(bytes: usize, limit: usize) -> Self {
        Self::FrameTooLong { bytes, limit }
    }

    #[cold]
    pub(crate) fn not_utf8(line: &[u8], offset: usize) -> Self {
        Self::NotUtf8 { line: excerpt_bytes(line), offset }
    }

    #[cold]
    pub(crate) fn field_count(line: &str, fields: usize) -> Self {
        Self::FieldCount { line: excerpt(line), fields }
    }

    #[cold]
    pub(crate) fn value(path: &str, value: &str) -> Self {
        Self::Value { path: excerpt(path), value: excerpt(value) }
    }

    #[cold]
    pub(crate) fn timestamp(path: &str, timestamp: &str) -> Self {
        let limit = Timestamp::MAX;
        Self::Timestamp { path: excerpt(path), timestamp: excerpt(timestamp), limit }
    }

    #[cold]
    pub(crate) fn element(index: usize) -> Self {
        Self::Element { index }
    }
}

/// Cuts bytes that may not be UTF-8 for an error.
pub(crate) fn excerpt_bytes(bytes: &[u8]) -> Box<str> {
    // One byte more, so that the cut is seen.
    excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT + 1)]))
}

/// Asks about a line that begins as every pickle's length does.
fn mixed_up(line: &str) -> &'static str {
    if line.starts_with('\0') { ": pickles on the plaintext port?" } else { "" }
}

/// Returns the four bytes of a length when they are text.
fn as_text(length: usize) -> Option<String> {
    let bytes = u32::try_from(length).ok()?.to_be_bytes();
    let text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    text.then(|| bytes.map(char::from).iter().collect())
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { line, limit } => {
                write!(f, "line {line:?} is longer than the limit of {limit} bytes")?;
                f.write_str(mixed_up(line))
            }
            Self::FrameTooLong { bytes, limit } => {
                write!(f, "pickle is announced as {bytes} bytes, limit is {limit}")?;
                match as_text(*bytes) {
                    Some(text) => write!(
                        f,
                        ": these four bytes are the text {text:?}: lines or HTTP on the pickle port?"
                    ),
                    None => Ok(()),
                }
            }
            Self::NotUtf8 { line, offset } => {
                write!(f, "line {line:?} is not UTF-8 at byte {offset}")?;
                f.write_str(mixed_up(line))
            }
            Self::FieldCount { line, fields } => {
                write!(f, "line {line:?} has {fields} fields, not path, value and timestamp")?;
                f.write_str(mixed_up(line))
            }
            Self::Value { path, value } => {
                write!(f, "value {value:?} of metric {path:?} is not a finite number")
            }
            Self::Timestamp { path, timestamp, limit } => {
                #[expect(clippy::cast_possible_truncation, reason = "what it is near is enough")]
                let seconds = timestamp.trim().parse::<f64>().unwrap_or_default() as i128;
                write!(
                    f,
                    "timestamp {timestamp:?} of metric {path:?} is not in 0 to {limit} seconds \
                     since 1970{}",
                    Meant(seconds)
                )
            }
            Self::Pickle { bytes, offset, reason } => {
                write!(f, "pickle of {bytes} bytes is unreadable at byte {offset}: {reason}")
            }
            Self::Element { index } => {
                write!(f, "element {index} of a pickle is not (path, (timestamp, value))")
            }
        }
    }
}

impl Error for DecodeError {}
