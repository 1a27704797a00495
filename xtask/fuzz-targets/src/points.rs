//! Points of any path, value and time, made of bytes or received, and what must become of each.
//! Not here: what is done with them.

use graphite_proto::{Metric, Protocol, Value};

use crate::bytes::Bytes;

/// A point with a time of its own.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) path: String,
    pub(crate) value: Value,
    pub(crate) at: i64,
}

impl Point {
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Self {
        let path = match bytes.byte() {
            // Longer than any line.
            0xFF => "x".repeat(16_300 + usize::from(bytes.byte())),
            0..128 => format!("p{}", bytes.text()),
            _ => bytes.text().into_owned(),
        };
        let value = match bytes.byte() % 5 {
            0 => Value::I64(i64::from_le_bytes(bytes.array())),
            1 => Value::U64(u64::from_le_bytes(bytes.array())),
            2 => Value::I64(i32::from_le_bytes(bytes.array()).into()),
            3 => Value::I64(i8::from_le_bytes(bytes.array()).into()),
            _ => Value::F64(f64::from_le_bytes(bytes.array())),
        };
        let at = match bytes.byte() % 8 {
            0 => i64::from_le_bytes(bytes.array()),
            _ => u32::from_le_bytes(bytes.array()).into(),
        };
        Self { path, value, at }
    }

    /// Makes one of a point that was received; none has a time beyond 64 bits.
    pub(crate) fn of(metric: &Metric<'_>) -> Option<Self> {
        let at = metric.timestamp().map_or(Ok(0), |at| at.seconds().try_into()).ok()?;
        Some(Self { path: metric.path().to_owned(), value: metric.value(), at })
    }

    pub(crate) fn metric(&self) -> Metric<'_> {
        Metric::new(&*self.path, self.value).at(self.at)
    }

    /// Returns whether nothing but its length may be in its way.
    pub(crate) fn is_valid(&self) -> bool {
        !self.path.is_empty()
            && !self.path.chars().any(|c| c.is_whitespace() || c.is_control())
            && self.value.is_finite()
            && u32::try_from(self.at).is_ok()
    }

    /// Returns the point as a receiver has it: integers as they are in lines, in pickles only from
    /// 0 to 2^31-1, and others as floats.
    pub(crate) fn arrived(&self, protocol: Protocol) -> Metric<'static> {
        let integer = match self.value {
            Value::I64(value) => Some(i128::from(value)),
            Value::U64(value) => Some(i128::from(value)),
            _ => None,
        };
        let value = match (integer, protocol) {
            (Some(value), Protocol::Plaintext) => {
                i64::try_from(value).map_or(self.value, Value::I64)
            }
            (Some(value), _) => {
                let small = i32::try_from(value).ok().filter(|value| *value >= 0);
                small.map_or(Value::F64(self.value.as_f64()), Value::from)
            }
            (None, _) => self.value,
        };
        Metric::new(self.path.clone(), value).at(self.at)
    }
}
