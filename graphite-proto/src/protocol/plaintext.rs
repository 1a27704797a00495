//! The plaintext line: `path value timestamp\n`.
//!
//! One space and `\n` alone, since go-carbon takes no other separator and carbon-c-relay counts
//! a `\r` as a second, empty line. Not here: what a valid path is ([`crate::metric`]).

use super::MAX_LINE_BYTES;
use crate::error::MetricError;
use crate::metric::{Point, Value};

/// The most that a line holds beside its path: two spaces, the longest value (24 bytes, a
/// float), the longest timestamp (10) and the newline.
pub(crate) const OVERHEAD: usize = 2 + 24 + 10 + 1;

/// Refuses a line that carbon would not read.
#[inline]
pub(crate) fn check_fit(point: &Point<'_>) -> Result<(), MetricError> {
    // The bound counts the newline, which the limit does not.
    if point.path.len() + OVERHEAD <= MAX_LINE_BYTES + 1 { Ok(()) } else { measure(point) }
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
pub(crate) fn write(out: &mut Vec<u8>, point: &Point<'_>) {
    out.reserve(point.path.len() + OVERHEAD);
    out.extend_from_slice(point.path.as_bytes());
    out.push(b' ');
    match point.value {
        Value::F64(value) => {
            out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
        }
        Value::I64(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        Value::U64(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
    out.push(b' ');
    out.extend_from_slice(itoa::Buffer::new().format(point.timestamp).as_bytes());
    out.push(b'\n');
}
