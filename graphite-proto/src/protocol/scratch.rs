//! What makes the writing of lines fast: the text of a timestamp kept, and short texts copied
//! without a call.
//!
//! The points of a batch mostly share their timestamp, and most texts of a line are shorter than
//! what a call to copy them takes. With both, `Protocol::encode` takes about as long as a bare loop
//! that checks nothing, formats every timestamp and calls for every copy; the ratio of `encode` to
//! `bare` in `cargo bench -p graphite-proto`, 0.9 to 1.0, shows it.
//!
//! Everything goes straight to its place. Gathered in an array first and copied from there, it is
//! read while it is still being stored; processors wait then, and a point takes twice as long.
//!
//! Not here: the formats ([`super::plaintext`], [`super::pickle`]). Pickled points have no need of
//! it: serde-pickle appends numbers of a fixed size, and a path is one copy.

/// The longest end of a line: a space, a timestamp (10 bytes) and the newline.
const END: usize = 1 + 10 + 1;
/// From this length on a call copies faster.
const LONG: usize = 128;

/// What is kept from one line to the next.
pub(crate) struct Scratch {
    timestamp: u32,
    /// The end of a line of that timestamp, and what is left of longer ones.
    end: [u8; END],
    length: usize,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let mut end = [0; END];
        end[..3].copy_from_slice(b" 0\n");
        Self { timestamp: 0, end, length: 3 }
    }

    /// Appends the end of a line.
    #[inline]
    pub(crate) fn end_line(&mut self, out: &mut Vec<u8>, timestamp: u32) {
        if timestamp != self.timestamp {
            self.keep(timestamp);
        }
        let length = out.len() + self.length;
        // All of it, since that size is known to the compiler.
        out.extend_from_slice(&self.end);
        out.truncate(length);
    }

    #[cold]
    fn keep(&mut self, timestamp: u32) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(timestamp).as_bytes();
        self.timestamp = timestamp;
        self.length = digits.len() + 2;
        self.end[1..=digits.len()].copy_from_slice(digits);
        self.end[self.length - 1] = b'\n';
    }
}

/// Appends a text that is probably short. Always inlined, as is what it stands on: by itself the
/// compiler makes calls of both, which are what is to be saved.
#[inline(always)]
pub(crate) fn append(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        LONG.. => out.extend_from_slice(text),
        16.. => pieces::<16>(out, text),
        8.. => pieces::<8>(out, text),
        4.. => pieces::<4>(out, text),
        _ => text.iter().for_each(|byte| out.push(*byte)),
    }
}

/// Appends a text of at least `N` bytes by pieces of `N`, the last one over the end of the one
/// before.
#[inline(always)]
fn pieces<const N: usize>(out: &mut Vec<u8>, text: &[u8]) {
    let Some(last) = text.last_chunk::<N>() else { return };
    let before_last = out.len() + text.len() - N;
    for piece in text.as_chunks::<N>().0 {
        out.extend_from_slice(piece);
    }
    out.truncate(before_last);
    out.extend_from_slice(last);
}
