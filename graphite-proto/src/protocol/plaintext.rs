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

/// Appends the point's line; an error leaves `out` as it was.
#[inline]
pub(crate) fn write(out: &mut Vec<u8>, point: &Point<'_>) -> Result<(), MetricError> {
    // Too long whatever its numbers are: refused before a byte is copied.
    if point.path.len() > MAX_LINE_BYTES {
        return Err(too_long(point, point.path.len() + 4));
    }
    let start = out.len();
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
    let bytes = out.len() - start;
    if bytes > MAX_LINE_BYTES {
        out.truncate(start);
        return Err(too_long(point, bytes));
    }
    out.push(b'\n');
    Ok(())
}

#[cold]
fn too_long(point: &Point<'_>, bytes: usize) -> MetricError {
    MetricError::line_too_long(point.path, bytes, MAX_LINE_BYTES)
}
