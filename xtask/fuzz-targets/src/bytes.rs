//! Reads choices, numbers and texts from a target's bytes. Where they end, everything is 0 or
//! empty, so that all bytes mean something. Not here: what is made of them.

use std::borrow::Cow;

/// The bytes that are left.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.slice(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub(crate) fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.array())
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// As many bytes as there are, at most so many.
    pub(crate) fn slice(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A text of up to 63 bytes of the input; one in four lengths repeats them, to be long.
    pub(crate) fn text(&mut self) -> Cow<'a, str> {
        let length = self.byte();
        let text = String::from_utf8_lossy(self.slice(usize::from(length & 63)));
        match length >> 6 {
            3 => Cow::Owned(text.repeat(usize::from(self.byte()))),
            _ => text,
        }
    }
}
