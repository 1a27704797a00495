//! The names of series: from any name and any labels one that every receiver takes, the same for
//! ever, and no other's.
//!
//! Not here: what stands behind a series ([`super::series`]), and what is done where two series
//! come to one name nevertheless ([`super::collector`]).

use std::fmt::Write as _;
use std::hash::Hasher as _;

use ::metrics::Key;
use graphite_encoder::{Scheme, tagged};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::settings::{Labels, MAX_STATISTIC};

/// The longest name, in bytes, without a client's prefix: with the folders of a store before it,
/// what a file system takes as a path (4,096), and far from a line's limit.
pub(super) const MAX_NAME: usize = 2048;
/// The longest part that is not cut, in bytes; with a hash it is still a file's name.
const MAX_PART: usize = 200;
/// The longest part with a mark, in bytes: a store adds `.wsp`, and a file's name has 255 at most.
const MAX_MARKED: usize = 250;
/// How long a hash is with what stands before it.
const MARK: usize = 3 + 32;
/// The longest name without a statistic, and without the mark of one that is another's.
const MAX_STEM: usize = MAX_NAME - 1 - MAX_STATISTIC - MARK;
/// What an empty label becomes: no receiver takes an empty value.
const UNSPECIFIED: &str = "unspecified";
/// The tag that carbon makes of the path itself, and drops.
const NAME: &str = "name";

/// How names are made.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    prefix: String,
    scheme: Scheme,
    labels: Labels,
    global: Vec<(String, String)>,
    /// Keys that no label of a series may have, the shorter ones first.
    taken: Vec<String>,
}

/// The name of a series but for the statistic, which stands between these two.
#[derive(Debug)]
pub(super) struct Stem {
    head: String,
    tail: String,
}

impl Stem {
    /// Returns the name of a statistic; without one, that of the series.
    pub(super) fn name(&self, statistic: &str) -> String {
        let Self { head, tail } = self;
        let dot = if statistic.is_empty() { "" } else { "." };
        format!("{head}{dot}{statistic}{tail}")
    }

    /// Makes the name that of this series alone, where it is another's already.
    pub(super) fn mark(&mut self, scheme: Scheme, kind: &str, key: &Key) {
        let mut hash = Hash::new();
        hash.text(kind);
        hash.key(key);
        push_mark(&mut self.head, &hash.mark(scheme));
    }
}

impl Naming {
    pub(super) fn new(
        prefix: &str,
        scheme: Scheme,
        labels: Labels,
        global: &[(String, String)],
    ) -> Self {
        let mut naming =
            Self { prefix: String::new(), scheme, labels, global: vec![], taken: vec![] };
        let parts = prefix.trim_end_matches('.').split('.').filter(|_| !prefix.is_empty());
        let safe = |part: &str| (1..=MAX_PART).contains(&part.len()) && part.bytes().all(is_safe);
        let parts = parts.map(|part| if safe(part) { part.to_owned() } else { naming.part(part) });
        naming.prefix = parts.collect::<Vec<_>>().join(".");
        if labels == Labels::Tags {
            naming.taken.push(NAME.to_owned());
        }
        for (key, value) in global {
            let (key, value) = (naming.free(key), naming.value(value));
            naming.global.push((naming.part(&key), value));
            naming.taken.push(key);
            naming.taken.sort_by_key(String::len);
        }
        naming
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the name of a series.
    pub(super) fn stem(&self, key: &Key) -> Stem {
        let mut head = self.prefix.clone();
        for part in key.name().split('.') {
            push(&mut head, &self.part(part));
        }
        let (labels, repeated) = self.labels(key);
        if repeated {
            push_mark(&mut head, &Hash::of(key).mark(self.scheme));
        }
        let size: usize = labels.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
        let cut = (head.len() + size > MAX_STEM).then(|| Hash::of(key));
        match self.labels {
            Labels::Tags => self.tags(head, labels, cut),
            Labels::Path => self.path(head, labels.iter().map(|(_, value)| value), cut),
            Labels::KeyedPath => {
                self.path(head, labels.iter().flat_map(|(key, value)| [key, value]), cut)
            }
        }
    }

    /// Makes a tagged series; of one that is to be cut the last tags are left out.
    fn tags(&self, mut head: String, labels: Vec<(String, String)>, cut: Option<Hash>) -> Stem {
        let mut room = usize::MAX;
        if let Some(hash) = &cut {
            let rest = MAX_STEM - MARK;
            truncate(&mut head, rest);
            room = rest - head.len();
            push_mark(&mut head, &hash.mark(self.scheme));
        }
        let fits = labels.into_iter().take_while(|(key, value)| {
            let rest = room.checked_sub(key.len() + value.len() + 2);
            rest.inspect(|rest| room = *rest).is_some()
        });
        // What is made of safe parts is never refused.
        let series = tagged(&head, fits).unwrap_or_else(|_| head.clone());
        let tail = series.get(head.len()..).unwrap_or_default().to_owned();
        Stem { head, tail }
    }

    /// Makes a path; of one that is to be cut the end is left out.
    fn path<'a>(
        &self,
        mut head: String,
        parts: impl Iterator<Item = &'a String>,
        cut: Option<Hash>,
    ) -> Stem {
        parts.for_each(|part| push(&mut head, part));
        if let Some(hash) = &cut
            && head.len() > MAX_STEM
        {
            truncate(&mut head, MAX_STEM - MARK);
            push_mark(&mut head, &hash.mark(self.scheme));
        }
        Stem { head, tail: String::new() }
    }

    /// Returns the labels of a series with the global ones, made safe, in the order of their keys,
    /// and whether one of its own keys stands there twice, which no tags can say.
    fn labels(&self, key: &Key) -> (Vec<(String, String)>, bool) {
        let safe = |(key, value)| (self.part(&self.free(key)), self.value(value));
        let own = key.labels().map(|label| (label.key(), label.value()));
        let mut labels: Vec<_> = own.map(safe).collect();
        labels.sort_unstable();
        labels.dedup();
        let repeated = labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
        labels.extend_from_slice(&self.global);
        labels.sort_unstable();
        (labels, repeated)
    }

    /// Returns a key that is not taken. One that is gets one more underscore at its end, and so
    /// does each that this one would become.
    fn free(&self, key: &str) -> String {
        let mut key = key.to_owned();
        let bare = |key: &str| key.trim_end_matches('_').len();
        for taken in &self.taken {
            let stem = &key[..bare(&key)];
            if key.len() >= taken.len() && stem == &taken[..bare(taken)] {
                key.push('_');
            }
        }
        key
    }

    /// Makes a label's value safe.
    fn value(&self, value: &str) -> String {
        match value.trim_end_matches('_') {
            _ if value.is_empty() => UNSPECIFIED.to_owned(),
            UNSPECIFIED => format!("{value}_"),
            _ => self.part(value),
        }
    }

    /// Makes a part of a name: by the scheme, if that takes the text, and what it makes is short
    /// and safe as a tag; else what is left of it, with a hash of the whole.
    fn part(&self, text: &str) -> String {
        if text.len() <= MAX_PART
            && let Ok(part) = self.scheme.encode(text)
            && (1..=MAX_PART).contains(&part.len())
            && !part.starts_with('~')
        {
            return part.into_owned();
        }
        // Every byte takes three at most.
        let mut start = text.to_owned();
        truncate(&mut start, MAX_PART / 3);
        let scheme = if self.scheme == Scheme::Percent { self.scheme } else { Scheme::Portable };
        let start = scheme.encode(&start).unwrap_or_default();
        let mut hash = Hash::new();
        hash.text(text);
        format!("{start}{}", hash.mark(self.scheme))
    }
}

/// Whether a byte of a prefix is left as it is: every store takes these as they are.
fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%' | b':')
}

/// Adds a part to a path.
fn push(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(part);
}

/// Adds a mark to the last part of a path, which gives way as far as there is no room for both in a
/// file's name: the mark is of the whole.
fn push_mark(path: &mut String, mark: &str) {
    let begin = path.rfind('.').map_or(0, |dot| dot + 1);
    truncate(path, begin + MAX_MARKED - MARK);
    path.push_str(mark);
}

/// Shortens a text, between two characters.
fn truncate(text: &mut String, most: usize) {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// A hash that is the same on every machine and in every release: `SipHash` 2-4 of 128 bits.
struct Hash(SipHasher24);

impl Hash {
    fn new() -> Self {
        Self(SipHasher24::new())
    }

    /// Returns the hash of a series, whatever the order of its labels.
    fn of(key: &Key) -> Self {
        let mut hash = Self::new();
        hash.key(key);
        hash
    }

    fn text(&mut self, text: &str) {
        // Its length tells where it ends.
        self.0.write(&(text.len() as u64).to_le_bytes());
        self.0.write(text.as_bytes());
    }

    fn key(&mut self, key: &Key) {
        let mut labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
        labels.sort_unstable();
        self.text(key.name());
        for (key, value) in labels {
            self.text(key);
            self.text(value);
        }
    }

    /// Returns the digits behind what stands for the byte FF: since no text holds that one, nothing
    /// that `Portable` and `Percent` make of a text ends so.
    fn mark(&self, scheme: Scheme) -> String {
        let escape = if scheme == Scheme::Percent { '%' } else { '_' };
        let mut mark = String::with_capacity(MARK);
        // Writing to a string cannot fail.
        let _ = write!(mark, "{escape}FF{:032x}", u128::from(self.0.finish128()));
        mark
    }
}
