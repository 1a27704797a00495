//! Tagged series of Graphite 1.1, `path;key=value;key2=value2`, in carbon's normal form.
//!
//! The rules are those of `TaggedSeries` in carbon 1.1.10. Carbon only logs a series that breaks
//! them, and stores its text as an ordinary name; here it is an error. Not for the parts of the
//! path, which are a [`Scheme`](crate::Scheme)'s business.

use std::{error::Error, fmt};

use crate::error::{Code, Shown};

/// The longest series in bytes: the longest plaintext line that carbon reads, 16,384 bytes, less
/// two spaces, the longest value (24) and a timestamp (10).
const MAX_SERIES: usize = 16_384 - 2 - 24 - 10;

/// What a series in the form `path{key="value"}` ends in.
const OPEN_METRICS_END: &str = "\"}";

/// The tag that carbon makes of the path itself.
pub(crate) const NAME: &str = "name";

/// Makes a tagged series in carbon's normal form: leading `~` of the path removed, tags sorted,
/// the last of a repeated key only, and no key `name`, since that is the path itself.
///
/// What is returned is always accepted as the path of a metric. Without tags it is the path.
///
/// Path, keys and values go in as they are given. A value that may be any text, the name of a disk
/// or a customer, goes through a [`Scheme`](crate::Scheme) first: `Percent` and `Portable` make a
/// valid value of it. A tag of your own that is called `name` needs another key, since carbon
/// drops it.
///
/// # Errors
///
/// Refuses what carbon refuses, and white space and control characters, which no receiver takes
/// in a plaintext line.
///
/// # Examples
///
/// ```
/// use graphite_encoder::{Scheme, tagged};
///
/// let series = tagged("disk.used", [("server", "web01"), ("device", "sda1")])?;
/// assert_eq!(series, "disk.used;device=sda1;server=web01");
///
/// let customer = Scheme::Portable.encode("Smith; Sons")?;
/// assert_eq!(tagged("sales", [("customer", customer)])?, "sales;customer=Smith_3B_20Sons");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn tagged<K, V>(path: &str, tags: impl IntoIterator<Item = (K, V)>) -> Result<String, TagError>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    let name = name_of(path)?;
    if let Some(offset) = path.find(';') {
        return Err(TagError::InPath { path: path.to_owned(), offset });
    }
    let pairs: Vec<(K, V)> = tags.into_iter().collect();
    let mut tags = Vec::with_capacity(pairs.len());
    for (index, (key, value)) in pairs.iter().enumerate() {
        tags.push(checked(index, key.as_ref(), value.as_ref())?);
    }
    let series = Tagged::new(name, tags)?.to_string();
    check_line(&series)?;
    Ok(series)
}

/// Refuses what no plaintext line can hold.
pub(crate) fn check_line(series: &str) -> Result<(), TagError> {
    if let Some((offset, character)) = series.char_indices().find(|&(_, c)| is_blank(c)) {
        // In a series that has been read, the last `;` before it begins its tag.
        let tag = series[..offset].rfind(';').map(|start| &series[start + 1..]);
        let key = tag.and_then(|tag| tag.split('=').next()).map(str::to_owned);
        return Err(TagError::Blank { key, offset, character });
    }
    if series.len() > MAX_SERIES {
        return Err(TagError::TooLong { length: series.len(), limit: MAX_SERIES });
    }
    Ok(())
}

/// Reads a series as carbon does, with or without tags.
///
/// # Errors
///
/// Refuses what carbon refuses. The form `path{key="value"}`, which carbon reads too, is refused
/// as well: [`tagged`] never makes it.
///
/// # Examples
///
/// ```
/// use graphite_encoder::parse_tagged;
///
/// let series = parse_tagged("disk.used;server=web01;device=sda1")?;
/// assert_eq!(series.path(), "disk.used");
/// assert_eq!(series.tags(), [("device", "sda1"), ("server", "web01")]);
/// assert_eq!(series.to_string(), "disk.used;device=sda1;server=web01");
/// # Ok::<(), graphite_encoder::TagError>(())
/// ```
pub fn parse_tagged(series: &str) -> Result<Tagged<'_>, TagError> {
    let (name, tags) = written(series)?;
    Tagged::new(name, tags)
}

/// A key and its value.
pub(crate) type Tag<'a> = (&'a str, &'a str);

/// Reads the path and the tags of a series as they are written.
pub(crate) fn written(series: &str) -> Result<(&str, Vec<Tag<'_>>), TagError> {
    if is_open_metrics(series) {
        return Err(TagError::OpenMetrics);
    }
    let mut segments = series.split(';');
    let name = name_of(segments.next().unwrap_or(""))?;
    let mut tags = Vec::new();
    for (index, segment) in segments.enumerate() {
        let (key, value) = segment
            .split_once('=')
            .ok_or_else(|| TagError::NoValue { segment: segment.to_owned() })?;
        tags.push(checked(index, key, value)?);
    }
    Ok((name, tags))
}

/// A tagged series in carbon's normal form; [`to_string`](ToString::to_string) writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tagged<'a> {
    path: &'a str,
    tags: Vec<Tag<'a>>,
}

impl<'a> Tagged<'a> {
    /// Brings tags into normal form, which must be read as it is written.
    fn new(path: &'a str, mut tags: Vec<Tag<'a>>) -> Result<Self, TagError> {
        tags.retain(|&(key, _)| key != NAME);
        // The last of a repeated key comes first, and stays.
        tags.reverse();
        tags.sort_by_key(|&(key, _)| key);
        tags.dedup_by_key(|&mut (key, _)| key);
        // Carbon sorts by the text `;key=value`: `a-b` before `a`, since `-` comes before `=`.
        tags.sort_unstable_by(|a, b| text(a).cmp(text(b)));
        let (_, last) = tags.last().copied().unwrap_or((NAME, path));
        let braced = |text: &str| text.contains('{');
        if last.ends_with(OPEN_METRICS_END)
            && (braced(path) || tags.iter().any(|(key, value)| braced(key) || braced(value)))
        {
            return Err(TagError::OpenMetrics);
        }
        Ok(Self { path, tags })
    }

    /// Returns the path, without the leading `~` that carbon removes.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Returns the keys and values, in carbon's order.
    #[must_use]
    pub fn tags(&self) -> &[(&'a str, &'a str)] {
        &self.tags
    }
}

impl fmt::Display for Tagged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        self.tags.iter().try_for_each(|(key, value)| write!(f, ";{key}={value}"))
    }
}

/// The text that a tag is sorted by.
pub(crate) fn text<'a>(&(key, value): &Tag<'a>) -> impl Iterator<Item = u8> + use<'a> {
    key.bytes().chain([b'=']).chain(value.bytes())
}

/// The path as carbon keeps it.
fn name_of(path: &str) -> Result<&str, TagError> {
    match path.trim_start_matches('~') {
        "" if path.is_empty() => Err(TagError::EmptyPath),
        "" => Err(TagError::OnlyTildes),
        name => Ok(name),
    }
}

/// Whether carbon reads a series in the form `path{key="value"}`.
fn is_open_metrics(series: &str) -> bool {
    series.ends_with(OPEN_METRICS_END) && series.contains('{')
}

/// Whether a character cannot stand in a plaintext line.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn checked<'a>(index: usize, key: &'a str, value: &'a str) -> Result<Tag<'a>, TagError> {
    let owned = || key.to_owned();
    if key.is_empty() {
        return Err(TagError::EmptyKey { index, value: value.to_owned() });
    }
    let forbidden = |&(_, c): &(usize, char)| matches!(c, ';' | '!' | '^' | '=');
    if let Some((offset, character)) = key.char_indices().find(forbidden) {
        return Err(TagError::InKey { key: owned(), offset, character });
    }
    match value.chars().next() {
        None => Err(TagError::EmptyValue { key: owned() }),
        Some('~') => Err(TagError::LeadingTilde { key: owned() }),
        Some(_) if value.contains(';') => Err(TagError::InValue { key: owned() }),
        Some(_) => Ok((key, value)),
    }
}

/// Why a series and its tags were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagError {
    /// The path is empty.
    EmptyPath,
    /// The path is nothing but `~`, which carbon removes.
    OnlyTildes,
    /// The path holds a `;`, where tags would begin.
    InPath {
        /// The path.
        path: String,
        /// Where it is, in bytes.
        offset: usize,
    },
    /// A key is empty.
    EmptyKey {
        /// Index of the tag.
        index: usize,
        /// Its value.
        value: String,
    },
    /// A key holds one of `;`, `!`, `^` and `=`.
    InKey {
        /// The key.
        key: String,
        /// Where it is in the key, in bytes.
        offset: usize,
        /// The character.
        character: char,
    },
    /// A value is empty.
    EmptyValue {
        /// Its key.
        key: String,
    },
    /// A value holds a `;`, where the next tag would begin.
    InValue {
        /// Its key.
        key: String,
    },
    /// A value begins with `~`.
    LeadingTilde {
        /// Its key.
        key: String,
    },
    /// Something between two `;` has no `=`.
    NoValue {
        /// What stands there.
        segment: String,
    },
    /// The series holds a `{` and ends in `"}`, as it is or with its tags sorted, so that carbon reads
    /// it in another form.
    OpenMetrics,
    /// The series holds white space or a control character.
    Blank {
        /// The key of the tag that holds it, or none where it is in the path.
        key: Option<String>,
        /// Where it is in the series, in bytes.
        offset: usize,
        /// The character.
        character: char,
    },
    /// The series does not fit into a plaintext line.
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most it may be in bytes.
        limit: usize,
    },
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyPath => f.write_str("path is empty"),
            Self::OnlyTildes => f.write_str("path is nothing but \"~\", which carbon removes"),
            Self::InPath { path, offset } => {
                let path = Shown(path);
                write!(f, "path {path} holds \";\" at byte {offset}, where tags would begin")
            }
            Self::EmptyKey { index, value } => {
                write!(f, "key of tag {index} with value {} is empty", Shown(value))
            }
            Self::InKey { key, offset, character } => write!(
                f,
                "tag key {} holds {} at byte {offset}, not allowed are ; ! ^ =",
                Shown(key),
                Code(*character)
            ),
            Self::EmptyValue { key } => write!(f, "value of tag {} is empty", Shown(key)),
            Self::InValue { key } => write!(f, "value of tag {} holds \";\"", Shown(key)),
            Self::LeadingTilde { key } => {
                write!(f, "value of tag {} begins with \"~\"", Shown(key))
            }
            Self::NoValue { segment } => write!(f, "tag {} has no \"=\"", Shown(segment)),
            Self::OpenMetrics => {
                f.write_str(
                "series holds \"{\" and ends, as it is or with its tags sorted, in \"}, which carbon \
                 reads as OpenMetrics",
            )
            }
            Self::Blank { key, offset, character } => {
                match key {
                    Some(key) => write!(f, "tag {} of the series", Shown(key))?,
                    None => f.write_str("path of the series")?,
                }
                let code = Code(*character);
                write!(f, " holds white space or a control character, {code} at byte {offset}")
            }
            Self::TooLong { length, limit } => {
                write!(f, "series is {length} bytes, limit is {limit}")
            }
        }
    }
}

impl Error for TagError {}
