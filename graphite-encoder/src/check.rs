//! Advice on a path that was built by hand: what its parts will meet in stores and queries.
//!
//! Nothing here refuses anything. What [`Portable`](crate::Scheme::Portable) encodes meets none of
//! it, and what `Percent` encodes only carbon-c-relay's allowed characters; `Idna` and `Punycode`
//! leave `/`, `~`, the empty text and any length as Python does.

use std::fmt;

use crate::{
    error::{Code, Shown},
    escape::MAX_FILE_NAME,
    tags::{NAME, Tag, TagError, check_line, is_blank, text, written},
};

/// Tells what each part of a path will meet in a store, in the order of the parts.
///
/// Of each kind there is one warning a part, about the first character of that kind. Of a tagged
/// series the path is looked at in this way, but for what only concerns files, since carbon names
/// the file of a tagged series by a hash; the tags are checked as a whole, and told where carbon
/// stores them in another form.
///
/// # Examples
///
/// ```
/// use graphite_encoder::{PathWarning, check_path};
///
/// assert!(check_path("servers.web01.cpu_user").is_empty());
/// let warnings = check_path("servers..disk[0]");
/// assert_eq!(warnings[0], PathWarning::EmptyPart { part: 1 });
/// assert_eq!(warnings[1].to_string(), "part 2: \"[\" at byte 4 is a pattern in queries");
/// ```
#[must_use]
pub fn check_path(path: &str) -> Vec<PathWarning> {
    let mut warnings = Vec::new();
    if path.starts_with('~') {
        warnings.push(PathWarning::LeadingTilde);
    }
    let name = path.split(';').next().unwrap_or(path);
    let tags = (name.len() < path.len()).then(|| {
        let (_, tags) = written(path)?;
        check_line(path).map(|()| tags)
    });
    let is_file = !matches!(tags, Some(Ok(_)));
    for (part, text) in name.split('.').enumerate() {
        check_part(part, text, is_file, &mut warnings);
    }
    if path.ends_with("\"}") {
        warnings.push(PathWarning::OpenMetrics);
    }
    match tags {
        Some(Ok(tags)) => check_tags(&tags, &mut warnings),
        // That has been told.
        None | Some(Err(TagError::OpenMetrics)) => {}
        Some(Err(error)) => warnings.push(PathWarning::Tags(error)),
    }
    warnings
}

/// Tells what carbon changes of tags that it takes.
fn check_tags(tags: &[Tag<'_>], warnings: &mut Vec<PathWarning>) {
    let kept: Vec<_> = tags.iter().filter(|(key, _)| *key != NAME).collect();
    if kept.len() < tags.len() {
        warnings.push(PathWarning::NameTag);
    }
    if let Some(pair) = kept.windows(2).find(|pair| text(pair[1]).lt(text(pair[0]))) {
        let (key, after) = (pair[1].0.to_owned(), pair[0].0.to_owned());
        warnings.push(PathWarning::UnsortedTags { key, after });
    }
    let mut keys: Vec<_> = kept.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        warnings.push(PathWarning::RepeatedTag { key: pair[0].to_owned() });
    }
}

fn check_part(part: usize, text: &str, is_file: bool, warnings: &mut Vec<PathWarning>) {
    if text.is_empty() {
        warnings.push(PathWarning::EmptyPart { part });
    }
    if is_file && text.len() > MAX_FILE_NAME {
        let (length, limit) = (text.len(), MAX_FILE_NAME);
        warnings.push(PathWarning::LongPart { part, length, limit });
    }
    let first = |matches: fn(char) -> bool| text.char_indices().find(|&(_, c)| matches(c));
    if let Some((offset, character)) = first(is_blank) {
        warnings.push(PathWarning::Blank { part, offset, character });
    }
    if let Some((offset, character)) = first(is_pattern) {
        warnings.push(PathWarning::Pattern { part, offset, character });
    }
    if let Some((offset, character)) = first(is_syntax) {
        warnings.push(PathWarning::Syntax { part, offset, character });
    }
    if is_file && let Some((offset, _)) = first(|c| c == '/') {
        warnings.push(PathWarning::Slash { part, offset });
    }
    if let Some((offset, character)) = first(|c| !is_relayed(c)) {
        warnings.push(PathWarning::Replaced { part, offset, character });
    }
}

/// What Graphite's find and render queries take as a pattern.
fn is_pattern(c: char) -> bool {
    matches!(c, '*' | '?' | '[' | ']' | '{' | '}')
}

/// What the grammar of graphite-web's render targets does not take in a name.
fn is_syntax(c: char) -> bool {
    matches!(c, '(' | ')' | ',' | '\'' | '"' | '\\' | '|') || !c.is_ascii()
}

/// What carbon-c-relay passes on as it is, unless its option `-c` says otherwise.
fn is_relayed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '#')
}

/// What a part of a path will meet; parts are counted from 0, offsets are bytes in the part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathWarning {
    /// The path begins with `~`: carbon removes it.
    LeadingTilde,
    /// Nothing between two dots: stores and relays drop it, so that the series gets another name.
    EmptyPart {
        /// Index of the part.
        part: usize,
    },
    /// The part is too long for a file name.
    LongPart {
        /// Index of the part.
        part: usize,
        /// Its length in bytes.
        length: usize,
        /// The most it may be in bytes.
        limit: usize,
    },
    /// White space or a control character: no client can send it in a plaintext line.
    Blank {
        /// Index of the part.
        part: usize,
        /// Where it is.
        offset: usize,
        /// The character.
        character: char,
    },
    /// One of `*?[]{}`: queries take it as a pattern.
    Pattern {
        /// Index of the part.
        part: usize,
        /// Where it is.
        offset: usize,
        /// The character.
        character: char,
    },
    /// One of `(),'"\|`, or beyond ASCII: the grammar of queries does not take it in a name.
    Syntax {
        /// Index of the part.
        part: usize,
        /// Where it is.
        offset: usize,
        /// The character.
        character: char,
    },
    /// `/`: stores make a directory of it.
    Slash {
        /// Index of the part.
        part: usize,
        /// Where it is.
        offset: usize,
    },
    /// carbon-c-relay replaces every character but ASCII letters, digits and `-_:#` by `_`.
    Replaced {
        /// Index of the part.
        part: usize,
        /// Where it is.
        offset: usize,
        /// The character.
        character: char,
    },
    /// The path ends in `"}`: with a `{` in it, carbon reads it as OpenMetrics tags.
    OpenMetrics,
    /// A tag has the key `name`: carbon drops it, since that is the path itself.
    NameTag,
    /// Tags are not sorted as `;key=value`: carbon sorts them, and so stores another name than the
    /// one that a relay before it has seen.
    UnsortedTags {
        /// The key of the first tag that should stand further to the front.
        key: String,
        /// The key of the tag before it.
        after: String,
    },
    /// A key stands more than once: carbon keeps the last.
    RepeatedTag {
        /// The key.
        key: String,
    },
    /// The tags break a rule: carbon then stores the whole text as an ordinary name, or no line
    /// can hold it.
    Tags(TagError),
}

impl fmt::Display for PathWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeadingTilde => f.write_str("path begins with \"~\", which carbon removes"),
            Self::EmptyPart { part } => write!(f, "part {part}: is empty, which stores drop"),
            Self::LongPart { part, length, limit } => write!(
                f,
                "part {part}: is {length} bytes, limit of a file name without .wsp is {limit}"
            ),
            Self::Blank { part, offset, character } => write!(
                f,
                "part {part}: {} at byte {offset} is white space or a control character, which \
                 no line can hold",
                Code(*character)
            ),
            Self::Pattern { part, offset, character } => {
                write!(f, "part {part}: \"{character}\" at byte {offset} is a pattern in queries")
            }
            Self::Syntax { part, offset, character } => write!(
                f,
                "part {part}: {} at byte {offset} cannot stand in a name in queries",
                Code(*character)
            ),
            Self::Slash { part, offset } => {
                write!(f, "part {part}: \"/\" at byte {offset} becomes a directory in stores")
            }
            Self::Replaced { part, offset, character } => write!(
                f,
                "part {part}: {} at byte {offset} is replaced by \"_\" in carbon-c-relay",
                Code(*character)
            ),
            Self::OpenMetrics => {
                f.write_str("path ends in \"}, which carbon may read as OpenMetrics tags")
            }
            Self::NameTag => {
                f.write_str("tag \"name\" is dropped by carbon, which names the path by it")
            }
            Self::UnsortedTags { key, after } => write!(
                f,
                "tag {} stands after {}, but carbon sorts tags and stores another name",
                Shown(key),
                Shown(after)
            ),
            Self::RepeatedTag { key } => {
                write!(f, "tag {} stands more than once, carbon keeps the last", Shown(key))
            }
            Self::Tags(error) => write!(f, "tags are not stored as tags: {error}"),
        }
    }
}
