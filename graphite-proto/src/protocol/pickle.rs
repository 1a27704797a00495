//! The pickle frame: a 4-byte big-endian length and a pickled list of
//! `(path, (timestamp, value))`, protocol 2.
//!
//! Each point is one `Serialize` into the frame's buffer by serde-pickle's serializer, which
//! makes `MARK .. TUPLE` of a tuple. The list around the points is written by hand, since a
//! frame stays open across calls: `PROTO 2`, `EMPTY_LIST`, `MARK`, the points, `APPENDS`, `STOP`.
//! carbon-relay-ng wants just this beginning.
//!
//! Not here: how a pickle is read. Others write the same points with other opcodes, and hostile
//! ones with any, so that is a machine of its own ([`crate::receiver`]).

use serde::ser::{Serialize, SerializeTuple as _, Serializer};

use crate::error::MetricError;
use crate::metric::Point;
use crate::value::Value;

/// The bytes of the frame's length.
pub(crate) const HEADER: usize = 4;
/// The length, filled in by [`seal`]; `PROTO 2`, `EMPTY_LIST`, `MARK`.
pub(crate) const BEGIN: &[u8] = b"\0\0\0\0\x80\x02](";
/// `APPENDS`, `STOP`.
pub(crate) const END: &[u8] = b"e.";

/// The most that a point adds beside its path: `MARK BINUNICODE` and a length (6), `MARK` (1),
/// timestamp and value as `BINFLOAT` (9 each), `TUPLE TUPLE` (2), and the frame's end.
pub(crate) const OVERHEAD: usize = 6 + 1 + 9 + 9 + 2 + END.len();

/// Ends the frame that begins at `start`.
pub(crate) fn seal(out: &mut Vec<u8>, start: usize) {
    out.extend_from_slice(END);
    let bytes = out.len() - start - HEADER;
    // `write` keeps a frame far below 4 GiB.
    let length = u32::try_from(bytes).unwrap_or(u32::MAX);
    out[start..start + HEADER].copy_from_slice(&length.to_be_bytes());
}

/// Appends a point to the open frame.
#[inline]
pub(crate) fn write(out: &mut Vec<u8>, point: &Point<'_>) {
    let options = serde_pickle::SerOptions::new().proto_v2();
    let mut serializer = serde_pickle::Serializer::new(&mut *out, options);
    // Writing to a `Vec` cannot fail, and a point holds nothing that pickle has no form for.
    point.serialize(&mut serializer).expect("a point serializes into memory");
}

/// Returns the length that a frame begins with, once it is there.
pub(crate) fn length(frame: &[u8]) -> Option<usize> {
    let header = frame.first_chunk::<HEADER>()?;
    // At least 32 bits on any platform that holds a frame; if not, it is too long in any case.
    Some(usize::try_from(u32::from_be_bytes(*header)).unwrap_or(usize::MAX))
}

/// Refuses a point that does not fit a pickle of its own, of at most `max_frame` bytes.
#[inline]
pub(crate) fn check_fit(point: &Point<'_>, max_frame: usize) -> Result<(), MetricError> {
    if point.path.len() <= surely_fits(max_frame) { Ok(()) } else { measure(point, max_frame) }
}

/// Returns the longest path that fits with the longest numbers.
#[inline]
pub(crate) fn surely_fits(max_frame: usize) -> usize {
    max_frame.saturating_sub(BEGIN.len() - HEADER + OVERHEAD)
}

/// Measures a point that may not fit, by its exact length.
#[cold]
fn measure(point: &Point<'_>, max_frame: usize) -> Result<(), MetricError> {
    let number = |value: Number| if matches!(value, Number::Int(_)) { 5 } else { 9 };
    let numbers = number(point.timestamp()) + number(point.value());
    let bytes = BEGIN.len() - HEADER + 6 + point.path.len() + 1 + numbers + 2 + END.len();
    if bytes <= max_frame {
        return Ok(());
    }
    Err(MetricError::frame_too_long(point.path, bytes, max_frame))
}

/// A number as it goes into a pickle: as an integer only from 0 to 2^31-1. Larger ones would
/// become Python longs (`LONG1`), which older relays refuse; negative ones are `BININT`, which
/// go-carbon reads as unsigned, so that -1 would be stored as 4294967295.
#[derive(Clone, Copy)]
enum Number {
    Int(i32),
    Float(f64),
}

impl Number {
    /// Takes an integer that goes out as one.
    #[inline]
    fn small(integer: impl TryInto<i32>) -> Option<Self> {
        integer.try_into().ok().filter(|integer| *integer >= 0).map(Self::Int)
    }
}

impl Point<'_> {
    #[inline]
    fn timestamp(&self) -> Number {
        Number::small(self.timestamp).unwrap_or_else(|| Number::Float(self.timestamp.into()))
    }

    #[inline]
    fn value(&self) -> Number {
        let small = match self.value {
            Value::I64(value) => Number::small(value),
            Value::U64(value) => Number::small(value),
            Value::F64(_) => None,
        };
        small.unwrap_or_else(|| Number::Float(self.value.as_f64()))
    }
}

impl Serialize for Point<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut point = serializer.serialize_tuple(2)?;
        point.serialize_element(self.path)?;
        point.serialize_element(&(self.timestamp(), self.value()))?;
        point.end()
    }
}

impl Serialize for Number {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Int(value) => serializer.serialize_i32(value),
            Self::Float(value) => serializer.serialize_f64(value),
        }
    }
}
