//! One point: its path, value and timestamp, and what makes them valid.
//!
//! Not here: what a value and a timestamp are ([`crate::value`]), how a point is written (see
//! [`crate::protocol`]) and how names are made from arbitrary text (the crate `graphite-encoder`).

use std::borrow::Cow;

use crate::error::{MetricError, PrefixError};
use crate::limits::MAX_LINE_BYTES;
use crate::value::{Timestamp, Value};

/// One point of a series: a path, a value and, if it is known already, a timestamp.
///
/// Building one checks nothing; a point is checked where it is sent, by
/// [`Sender::enqueue`](crate::Sender::enqueue) and [`Protocol::encode`](crate::Protocol::encode).
///
/// ```
/// use graphite_proto::Metric;
///
/// let now = Metric::new("servers.web01.load", 0.42);
/// let then = Metric::new("servers.web01.load", 0.42).at(1_700_000_000);
/// assert_eq!(Metric::from(("servers.web01.load", 0.42)), now);
/// assert_eq!(Metric::from(("servers.web01.load", 0.42, 1_700_000_000)), then);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metric<'a> {
    path: Cow<'a, str>,
    value: Value,
    timestamp: Option<Timestamp>,
}

impl<'a> Metric<'a> {
    /// Makes a point without a timestamp: it gets the default one of the call that sends it.
    #[inline]
    pub fn new(path: impl Into<Cow<'a, str>>, value: impl Into<Value>) -> Self {
        Self { path: path.into(), value: value.into(), timestamp: None }
    }

    /// Sets the timestamp.
    #[inline]
    #[must_use]
    pub fn at(mut self, timestamp: impl Into<Timestamp>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// Copies a borrowed path, so that the point can outlive what it was made from.
    pub fn into_owned(self) -> Metric<'static> {
        Metric {
            path: Cow::Owned(self.path.into_owned()),
            value: self.value,
            timestamp: self.timestamp,
        }
    }

    /// Returns the path: parts joined by dots.
    #[inline]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the value.
    pub fn value(&self) -> Value {
        self.value
    }

    /// Returns the timestamp, if the point has one of its own.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }
}

impl<'a, P: Into<Cow<'a, str>>, V: Into<Value>> From<(P, V)> for Metric<'a> {
    #[inline]
    fn from((path, value): (P, V)) -> Self {
        Self::new(path, value)
    }
}

impl<'a, P, V, T> From<(P, V, T)> for Metric<'a>
where
    P: Into<Cow<'a, str>>,
    V: Into<Value>,
    T: Into<Timestamp>,
{
    #[inline]
    fn from((path, value, timestamp): (P, V, T)) -> Self {
        Self::new(path, value).at(timestamp)
    }
}

impl<'a> From<&'a Metric<'_>> for Metric<'a> {
    #[inline]
    fn from(metric: &'a Metric<'_>) -> Self {
        Self { path: Cow::Borrowed(&metric.path), value: metric.value, timestamp: metric.timestamp }
    }
}

/// A point that passed every check that does not depend on the protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<'a> {
    pub(crate) path: &'a str,
    pub(crate) value: Value,
    pub(crate) timestamp: u32,
}

impl<'a> Point<'a> {
    /// Takes a point as nearly all are: valid, with a path in printable ASCII. Of all others
    /// [`check`](Self::check) tells whether they are valid.
    ///
    /// Inlined wherever a point comes in, so that it stays in registers until it is written: put
    /// into memory by words and read from there by pairs of them, it costs a processor as much as
    /// its check.
    #[inline(always)]
    pub(crate) fn usual(
        path: &'a str,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Option<Self> {
        let usual = !metric.path.is_empty() && is_usual(path) && metric.value.is_finite();
        let timestamp = metric.timestamp.unwrap_or(default_timestamp);
        let timestamp = timestamp.in_range().filter(|_| usual)?;
        Some(Self { path, value: metric.value, timestamp })
    }

    /// Checks a point; `path` is the metric's own, or that with a prefix before it.
    #[inline]
    pub(crate) fn check(
        path: &'a str,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<Self, MetricError> {
        if metric.path.is_empty() {
            return Err(MetricError::EmptyPath);
        }
        check_path(path)?;
        if !metric.value.is_finite() {
            return Err(MetricError::not_finite(path, metric.value));
        }
        let timestamp = metric.timestamp.unwrap_or(default_timestamp);
        match timestamp.in_range() {
            Some(timestamp) => Ok(Self { path, value: metric.value, timestamp }),
            None => Err(MetricError::timestamp(path, timestamp)),
        }
    }
}

/// Refuses Unicode white space and control characters.
///
/// carbon splits a line by Python's `str.split()`, at any Unicode white space (protocols.py), and
/// a UDP datagram at further control characters: such a name would lose the point or smuggle in
/// a second one.
#[inline]
fn check_path(path: &str) -> Result<(), MetricError> {
    if is_usual(path) { Ok(()) } else { check_characters(path) }
}

/// Returns whether a path is printable ASCII, as nearly all are, by pieces of a fixed size; the
/// last one overlaps the one before.
#[inline(always)]
fn is_usual(path: &str) -> bool {
    let bytes = path.as_bytes();
    if let Some(last) = bytes.last_chunk::<16>() {
        return is_printable(last) && bytes.as_chunks::<16>().0.iter().all(is_printable);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return is_printable(first) && is_printable(last);
    }
    bytes.iter().all(|byte| is_printable(&[*byte]))
}

/// Returns whether all bytes are from `!` to `~`.
#[inline(always)]
fn is_printable<const N: usize>(bytes: &[u8; N]) -> bool {
    // Without an early end the compiler looks at all bytes at once.
    bytes.iter().fold(true, |printable, byte| printable & (b'!'..=b'~').contains(byte))
}

#[cold]
fn check_characters(path: &str) -> Result<(), MetricError> {
    match forbidden_character(path) {
        Some((offset, character)) => Err(MetricError::forbidden(path, character, offset)),
        None => Ok(()),
    }
}

/// Finds the first character that no path may hold.
fn forbidden_character(path: &str) -> Option<(usize, char)> {
    path.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control())
}

/// The longest prefix, its dot included, that leaves room for a point in a line: the shortest
/// one is `m 0 0`.
const MAX_PREFIX_BYTES: usize = MAX_LINE_BYTES - "m 0 0".len();

/// Refuses what cannot begin a path; an empty prefix is none, and the dot after it may be there.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), PrefixError> {
    if prefix.is_empty() {
        return Ok(());
    }
    if let Some((offset, character)) = forbidden_character(prefix) {
        return Err(PrefixError::forbidden(prefix, character, offset));
    }
    let name = prefix.strip_suffix('.').unwrap_or(prefix);
    let mut offset = 0;
    for part in name.split('.') {
        if part.is_empty() {
            return Err(PrefixError::empty_part(prefix, offset));
        }
        offset += part.len() + 1;
    }
    // What was counted last is the whole name with a dot after it.
    if offset > MAX_PREFIX_BYTES {
        return Err(PrefixError::too_long(prefix, offset, MAX_PREFIX_BYTES));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "tries a million characters")]
    fn every_white_space_and_control_character_is_refused_and_nothing_else() {
        for c in '\0'..=char::MAX {
            for path in [format!("a{c}b"), format!("abc{c}defghijkl")] {
                let refused = check_path(&path).is_err();
                assert_eq!(refused, c.is_whitespace() || c.is_control(), "U+{:04X}", u32::from(c));
            }
        }
    }

    #[test]
    fn a_prefix_begins_a_path_or_is_refused() {
        let longest = "p".repeat(MAX_PREFIX_BYTES - 1);
        for prefix in ["", "a", "a.", "web.eu-1", "grö.汉.", &longest, &format!("{longest}.")] {
            assert_eq!(check_prefix(prefix), Ok(()), "{prefix:?}");
        }
        for (prefix, text) in [
            (".", "prefix \".\" has nothing before the dot at byte 0"),
            (".a", "prefix \".a\" has nothing before the dot at byte 0"),
            ("a..", "prefix \"a..\" has nothing before the dot at byte 2"),
            ("ä...b", "prefix \"ä...b\" has nothing before the dot at byte 3"),
            ("a b", "prefix \"a b\" holds white space (U+0020) at byte 1"),
            ("a.\n", "prefix \"a.\\n\" holds white space (U+000A) at byte 2"),
            ("\0", "prefix \"\\0\" holds a control character (U+0000) at byte 0"),
        ] {
            assert_eq!(check_prefix(prefix).unwrap_err().to_string(), text);
        }
        for prefix in [format!("{longest}p"), format!("{longest}p.")] {
            let text = check_prefix(&prefix).unwrap_err().to_string();
            assert!(text.ends_with("…\" is 16380 bytes with its dot, limit is 16379"), "{text}");
        }
    }

    #[test]
    fn the_longest_prefix_leaves_room_for_one_line() {
        let prefix = "p".repeat(MAX_PREFIX_BYTES - 1);
        let mut line = Vec::new();
        let fits = |prefix: &str, line: &mut Vec<u8>| {
            crate::Protocol::Plaintext.encode([(format!("{prefix}.m"), 0)], 0, line)
        };
        assert_eq!(fits(&prefix, &mut line), Ok(()));
        assert!(fits(&format!("{prefix}p"), &mut line).is_err());
    }
}
