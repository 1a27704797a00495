//! What a pickle made, held flat, and the points in it.
//!
//! Every tuple is a range of one vector of items, every list a chain of such ranges, since lists
//! grow after others refer to them. A point is found by looking three levels down and no deeper,
//! so neither nesting nor a list that holds itself costs anything.

use std::ops::Range;

use crate::error::DecodeError;
use crate::metric::Metric;
use crate::protocol::number;
use crate::value::Value;

/// The most bytes that the paths of one pickle may have together. A path in the memo is named
/// again by two bytes: without a limit a mebibyte could stand for a hundred gibibytes.
const MAX_PATH_BYTES: usize = 64 << 20;

/// No chunk follows.
const NONE: u32 = u32::MAX;

/// A value, or where it stands. Offsets fit 32 bits, since a pickle is at most a mebibyte.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Number(Value),
    /// Stands in the pickle as it is.
    Text(u32, u32),
    /// Had to be unescaped.
    Decoded(u32, u32),
    Tuple(u32, u32),
    List(u32),
    /// What is part of no point.
    Other,
}

impl Item {
    pub(super) fn text(range: Range<usize>) -> Self {
        Self::Text(offset(range.start), offset(range.end))
    }

    pub(super) fn tuple(range: Range<usize>) -> Self {
        Self::Tuple(offset(range.start), offset(range.end))
    }
}

/// Narrows an offset; a pickle and what is made of it are far below 4 GiB.
#[expect(clippy::cast_possible_truncation, reason = "a pickle is at most a mebibyte")]
fn offset(offset: usize) -> u32 {
    debug_assert!(offset < NONE as usize);
    offset as u32
}

fn range(start: u32, end: u32) -> Range<usize> {
    start as usize..end as usize
}

/// A piece of a list.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    start: u32,
    end: u32,
    next: u32,
}

const EMPTY: Chunk = Chunk { start: 0, end: 0, next: NONE };

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

/// A pickle that has been read, and how much of it has been given out.
#[derive(Debug)]
pub(in crate::receiver) struct Frame {
    bytes: usize,
    items: Vec<Item>,
    chunks: Vec<Chunk>,
    lists: Vec<List>,
    texts: String,
    /// The elements to be given out.
    rest: Chunk,
    index: usize,
}

impl Frame {
    /// Makes the frame of a pickle of this length.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            items: Vec::new(),
            chunks: Vec::new(),
            lists: Vec::new(),
            texts: String::new(),
            rest: EMPTY,
            index: 0,
        }
    }

    /// Returns the length of the pickle.
    pub(in crate::receiver) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the next point; `pickle` begins with what the frame was read from.
    pub(in crate::receiver) fn next_point(
        &mut self,
        pickle: &[u8],
    ) -> Option<Result<Metric<'static>, DecodeError>> {
        let (element, rest) = self.split(self.rest)?;
        self.rest = rest;
        let index = self.index;
        self.index += 1;
        Some(self.point(element, pickle).unwrap_or_else(|| Err(DecodeError::element(index))))
    }

    pub(super) fn store(&mut self, items: impl Iterator<Item = Item>) -> Range<usize> {
        let start = self.items.len();
        self.items.extend(items);
        start..self.items.len()
    }

    /// Unescapes a text to behind the others.
    pub(super) fn decode<E>(
        &mut self,
        decode: impl FnOnce(&mut String) -> Result<(), E>,
    ) -> Result<Item, E> {
        let start = self.texts.len();
        decode(&mut self.texts)?;
        Ok(Item::Decoded(offset(start), offset(self.texts.len())))
    }

    /// Makes a list of stored items.
    pub(super) fn list(&mut self, items: Range<usize>) -> Item {
        let list = self.lists.len();
        self.lists.push(List { first: NONE, last: NONE });
        self.extend(list, items);
        Item::List(offset(list))
    }

    /// Appends stored items; returns whether that is a list.
    pub(super) fn append(&mut self, list: Item, items: Range<usize>) -> bool {
        let Item::List(list) = list else {
            return false;
        };
        self.extend(list as usize, items);
        true
    }

    fn extend(&mut self, list: usize, items: Range<usize>) {
        if items.is_empty() {
            return;
        }
        let added = offset(self.chunks.len());
        let list = &mut self.lists[list];
        match list.last {
            NONE => list.first = added,
            last => self.chunks[last as usize].next = added,
        }
        list.last = added;
        self.chunks.push(Chunk { start: offset(items.start), end: offset(items.end), next: NONE });
    }

    /// Sets what the pickle is; returns whether that has elements.
    pub(super) fn set_root(&mut self, root: Item) -> bool {
        let Some(elements) = self.elements(root) else {
            return false;
        };
        self.rest = elements;
        true
    }

    /// Returns whether a few bytes stand for more paths than anyone sends.
    pub(super) fn paths_exceed_limit(&self) -> bool {
        let mut rest = self.rest;
        let mut total = 0;
        while let Some((element, after)) = self.split(rest) {
            if let Some([Item::Text(start, end) | Item::Decoded(start, end), _]) =
                self.pair(element)
            {
                total += range(start, end).len();
            }
            if total > MAX_PATH_BYTES {
                return true;
            }
            rest = after;
        }
        false
    }

    /// Returns the elements of a tuple or list.
    fn elements(&self, item: Item) -> Option<Chunk> {
        match item {
            Item::Tuple(start, end) => Some(Chunk { start, end, next: NONE }),
            Item::List(list) => {
                let first = self.lists[list as usize].first;
                Some(self.chunks.get(first as usize).copied().unwrap_or(EMPTY))
            }
            Item::Number(_) | Item::Text(..) | Item::Decoded(..) | Item::Other => None,
        }
    }

    /// Splits off the first element.
    fn split(&self, rest: Chunk) -> Option<(Item, Chunk)> {
        // No chunk of a list is empty, so the next one has an element if there is one.
        let rest =
            if rest.start == rest.end { *self.chunks.get(rest.next as usize)? } else { rest };
        let element = *self.items.get(rest.start as usize)?;
        Some((element, Chunk { start: rest.start + 1, ..rest }))
    }

    /// Returns the two elements of a tuple or list that has just two.
    fn pair(&self, item: Item) -> Option<[Item; 2]> {
        let (first, rest) = self.split(self.elements(item)?)?;
        let (second, rest) = self.split(rest)?;
        self.split(rest).is_none().then_some([first, second])
    }

    /// Returns a text; `pickle` begins with what the frame was read from.
    pub(super) fn str<'a>(&'a self, item: Item, pickle: &'a [u8]) -> Option<&'a str> {
        match item {
            Item::Text(start, end) => std::str::from_utf8(pickle.get(range(start, end))?).ok(),
            Item::Decoded(start, end) => self.texts.get(range(start, end)),
            Item::Number(_) | Item::Tuple(..) | Item::List(_) | Item::Other => None,
        }
    }

    /// Returns a number; text is one if it reads as one, as for Python's `float()`.
    fn number(&self, item: Item, pickle: &[u8]) -> Option<Value> {
        match item {
            Item::Number(value) => Some(value),
            _ => number::parse(self.str(item, pickle)?),
        }
    }

    /// Shows what stands where a number should.
    #[cold]
    fn show(&self, item: Item, pickle: &[u8]) -> String {
        match item {
            Item::Number(value) => value.to_string(),
            Item::Tuple(..) | Item::List(_) => "a sequence".to_owned(),
            Item::Text(..) | Item::Decoded(..) | Item::Other => {
                self.str(item, pickle).unwrap_or("None").to_owned()
            }
        }
    }

    /// Decodes an element; `None` when it does not have a point's shape.
    fn point(&self, element: Item, pickle: &[u8]) -> Option<Result<Metric<'static>, DecodeError>> {
        let [path, point] = self.pair(element)?;
        let path = self.str(path, pickle)?;
        let [timestamp, value] = self.pair(point)?;
        let seconds = self.number(timestamp, pickle).and_then(|read| number::timestamp(read).ok());
        let Some(seconds) = seconds else {
            let error = DecodeError::timestamp(path, &self.show(timestamp, pickle));
            return Some(Err(error));
        };
        let number = self.number(value, pickle).filter(|value| value.is_finite());
        let Some(number) = number else {
            return Some(Err(DecodeError::value(path, &self.show(value, pickle))));
        };
        let metric = Metric::new(path.to_owned(), number);
        Some(Ok(match seconds {
            Some(seconds) => metric.at(seconds),
            None => metric,
        }))
    }
}
