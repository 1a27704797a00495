//! The plaintext line: `path value timestamp\n`.
//!
//! One space and `\n` alone, since go-carbon takes no other separator and carbon-c-relay counts
//! a `\r` as a second, empty line. Not here: what a valid path is ([`crate::metric`]).

use memchr::memrchr;

use crate::error::{DecodeError, MetricError};
use crate::limits::MAX_LINE_BYTES;
use crate::metric::{Metric, Point};
use crate::protocol::number;
use crate::protocol::scratch::{Scratch, append};
use crate::value::Value;

/// The most that a line holds beside its path: two spaces, the longest value (24 bytes, a
/// float), the longest timestamp (10) and the newline.
pub(crate) const OVERHEAD: usize = 2 + 24 + 10 + 1;

/// The longest path that fits with the longest numbers. The overhead counts the newline, which the
/// limit does not.
pub(crate) const SURELY_FITS: usize = MAX_LINE_BYTES + 1 - OVERHEAD;

/// Refuses a line that carbon would not read.
#[inline]
pub(crate) fn check_fit(point: &Point<'_>) -> Result<(), MetricError> {
    if point.path.len() <= SURELY_FITS { Ok(()) } else { measure(point) }
}

/// Measures a line that may be too long, by its exact length.
#[cold]
fn measure(point: &Point<'_>) -> Result<(), MetricError> {
    let numbers = format!(" {} {}", point.value, point.timestamp);
    let bytes = point.path.len() + numbers.len();
    if bytes <= MAX_LINE_BYTES {
        return Ok(());
    }
    Err(MetricError::line_too_long(point.path, bytes, MAX_LINE_BYTES))
}

/// Appends the point's line.
#[inline]
pub(crate) fn write(scratch: &mut Scratch, out: &mut Vec<u8>, point: &Point<'_>) {
    append(out, point.path.as_bytes());
    out.push(b' ');
    match point.value {
        Value::F64(value) => append(out, zmij::Buffer::new().format_finite(value).as_bytes()),
        Value::I64(value) => append(out, itoa::Buffer::new().format(value).as_bytes()),
        Value::U64(value) => append(out, itoa::Buffer::new().format(value).as_bytes()),
    }
    scratch.end_line(out, point.timestamp);
}

/// Reads a line, without its newline, as carbon does: three fields at any white space.
pub(crate) fn read(line: &[u8]) -> Result<Metric<'static>, DecodeError> {
    let text = std::str::from_utf8(line)
        .map_err(|error| DecodeError::not_utf8(line, error.valid_up_to()))?;
    let (path, value, timestamp) = match usual_fields(text) {
        Some(fields) => fields,
        None => fields(text)?,
    };
    let Some(number) = number::parse(value).filter(|value| value.is_finite()) else {
        return Err(DecodeError::value(path, value));
    };
    let Some(seconds) = number::parse(timestamp).and_then(|read| number::timestamp(read).ok())
    else {
        return Err(DecodeError::timestamp(path, timestamp));
    };
    let metric = Metric::new(path.to_owned(), number);
    Ok(match seconds {
        Some(seconds) => metric.at(seconds),
        None => metric,
    })
}

/// Splits a line as everyone writes them: printable ASCII and two single spaces.
#[inline]
fn usual_fields(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.strip_suffix('\r').unwrap_or(text).as_bytes();
    let second = memrchr(b' ', bytes)?;
    let first = memrchr(b' ', &bytes[..second])?;
    let others = bytes.iter().fold(0, |count, byte| count + usize::from(!byte.is_ascii_graphic()));
    let (path, value, timestamp) =
        (&text[..first], &text[first + 1..second], &text[second + 1..bytes.len()]);
    (others == 2 && !path.is_empty() && !value.is_empty() && !timestamp.is_empty())
        .then_some((path, value, timestamp))
}

/// Splits any line, at what Python's `str.split()` takes for white space.
#[cold]
fn fields(text: &str) -> Result<(&str, &str, &str), DecodeError> {
    // Python counts four separators as white space that Unicode's own property leaves out.
    let white = |c: char| c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c);
    let mut fields = text.split(white).filter(|field| !field.is_empty());
    match [fields.next(), fields.next(), fields.next(), fields.next()] {
        [Some(path), Some(value), Some(timestamp), None] => Ok((path, value, timestamp)),
        found => {
            let count = found.iter().flatten().count() + fields.count();
            Err(DecodeError::field_count(text, count))
        }
    }
}
