//! Nameprep (RFC 3491) as Python does it: map, normalise, prohibit, check the direction.
//!
//! The tables are in `unicode.rs`; what becomes of the result is in `idna.rs`. Nothing is
//! allocated: whatever does not fit into a label of 63 bytes may end in an error early.

use stringprep::tables::commonly_mapped_to_nothing;

use crate::{
    error::EncodeError,
    unicode::{
        combining_class, compose, decompose, fold, is_left_to_right, is_right_to_left, prohibited,
    },
};

/// A label holds at most 63 characters, and none of them decomposes canonically into more than
/// four, so a longer decomposition cannot compose into a label.
const CAPACITY: usize = 63 * 4;

/// One character on its way through nameprep.
#[derive(Clone, Copy)]
struct Slot {
    character: char,
    /// Its canonical combining class.
    class: u8,
    /// Where the character that it came from is in the label.
    offset: usize,
}

/// A prepared label.
pub(crate) struct Prepared {
    slots: [Slot; CAPACITY],
    len: usize,
}

impl Prepared {
    /// The prepared characters.
    pub(crate) fn chars(&self) -> impl Iterator<Item = char> + Clone + '_ {
        self.slots[..self.len].iter().map(|slot| slot.character)
    }

    /// Adds a character, among the combining ones before it in canonical order. `None` when
    /// there is no room.
    fn push(&mut self, character: char, offset: usize) -> Option<()> {
        let class = combining_class(character);
        let mut at = self.len;
        *self.slots.get_mut(at)? = Slot { character, class, offset };
        self.len += 1;
        while class > 0 && at > 0 && self.slots[at - 1].class > class {
            self.slots.swap(at - 1, at);
            at -= 1;
        }
        Some(())
    }

    /// Composes canonically, in place.
    fn compose(&mut self) {
        let mut starter: Option<usize> = None;
        let mut kept = 0;
        for i in 0..self.len {
            let slot = self.slots[i];
            if let Some(base) = starter {
                let adjacent = kept == base + 1;
                if (adjacent || self.slots[kept - 1].class < slot.class)
                    && let Some(both) = compose(self.slots[base].character, slot.character)
                {
                    self.slots[base].character = both;
                    continue;
                }
            }
            if slot.class == 0 {
                starter = Some(kept);
            }
            self.slots[kept] = slot;
            kept += 1;
        }
        self.len = kept;
    }
}

/// Prepares a label that begins at byte `start` of its part.
pub(crate) fn nameprep(label: &str, start: usize) -> Result<Prepared, EncodeError> {
    let mut prepared =
        Prepared { slots: [Slot { character: '\0', class: 0, offset: 0 }; CAPACITY], len: 0 };
    let mut room = Some(());
    for (offset, c) in label.char_indices().filter(|&(_, c)| !commonly_mapped_to_nothing(c)) {
        fold(c, |c| decompose(c, |c| room = room.and_then(|()| prepared.push(c, offset))));
        room.ok_or(EncodeError::LongLabel { part: 0, offset: start })?;
    }
    prepared.compose();
    check(label, start, &prepared.slots[..prepared.len])?;
    Ok(prepared)
}

/// Refuses prohibited characters, and text of mixed direction.
fn check(label: &str, start: usize, slots: &[Slot]) -> Result<(), EncodeError> {
    // Errors tell of the character that the caller wrote, not of what became of it.
    let blame = |slot: &Slot| {
        let written = label[slot.offset..].chars().next().unwrap_or(slot.character);
        (start + slot.offset, written)
    };
    for slot in slots {
        if let Some(table) = prohibited(slot.character) {
            let (offset, character) = blame(slot);
            return Err(EncodeError::Prohibited { part: 0, offset, character, table });
        }
    }
    if !slots.iter().any(|slot| is_right_to_left(slot.character)) {
        return Ok(());
    }
    if let Some(slot) = slots.iter().find(|slot| is_left_to_right(slot.character)) {
        let (offset, character) = blame(slot);
        return Err(EncodeError::MixedDirection { part: 0, offset, character });
    }
    for slot in [slots.first(), slots.last()].into_iter().flatten() {
        if !is_right_to_left(slot.character) {
            let (offset, character) = blame(slot);
            return Err(EncodeError::NeutralEdge { part: 0, offset, character });
        }
    }
    Ok(())
}
