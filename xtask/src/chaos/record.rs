//! What a receiver tells the process that started it, over a pipe: records of 16 bytes.
//!
//! A record is in the pipe before the bytes that it speaks of are taken from the socket. So a
//! receiver that is killed has read nothing that it did not record, and the kernel that resets the
//! connection for bytes left unread speaks the truth.

use std::io::{self, Read, Write};

pub(super) const BYTES: usize = 16;
/// A pipe takes this many bytes at once or not at all (`PIPE_BUF` on Linux), killed or not.
const ATOMIC: usize = 4096;

const LISTENING: u64 = u64::MAX;
const ACCEPTED: u64 = u64::MAX - 1;
const CORRUPT: u64 = u64::MAX - 2;
const DONE: u64 = u64::MAX - 3;
const LEFT: u64 = u64::MAX - 4;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Record {
    /// These points, both ends included, are read.
    Points { first: u64, last: u64 },
    /// The receiver listens on this port.
    Listening(u16),
    /// The next points are those of a new connection.
    Accepted,
    /// Something arrived that was never sent.
    Corrupt,
    /// The command was carried out.
    Done,
    /// The connection is closed now, with so many bytes unread.
    Left(u64),
}

impl Record {
    fn encode(self) -> [u8; BYTES] {
        let (first, last) = match self {
            Self::Points { first, last } => (first, last),
            Self::Listening(port) => (LISTENING, port.into()),
            Self::Accepted => (ACCEPTED, 0),
            Self::Corrupt => (CORRUPT, 0),
            Self::Done => (DONE, 0),
            Self::Left(bytes) => (LEFT, bytes),
        };
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&first.to_le_bytes());
        bytes[8..].copy_from_slice(&last.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; BYTES]) -> Self {
        let both = u128::from_le_bytes(*bytes);
        // Each half of the 128 bits is one number.
        let (first, last) = (both as u64, (both >> 64) as u64);
        match first {
            LISTENING => Self::Listening(last as u16),
            ACCEPTED => Self::Accepted,
            CORRUPT => Self::Corrupt,
            DONE => Self::Done,
            LEFT => Self::Left(last),
            first => Self::Points { first, last },
        }
    }
}

/// The receiver's end.
#[derive(Default)]
pub(super) struct Writer {
    buffer: Vec<u8>,
    /// The latest stretch of points, which may still grow.
    stretch: Option<(u64, u64)>,
}

impl Writer {
    pub(super) fn point(&mut self, number: u64) {
        match &mut self.stretch {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => {
                self.end_stretch();
                self.stretch = Some((number, number));
            }
        }
    }

    pub(super) fn put(&mut self, record: Record) {
        self.end_stretch();
        self.buffer.extend(record.encode());
    }

    fn end_stretch(&mut self) {
        if let Some((first, last)) = self.stretch.take() {
            self.buffer.extend(Record::Points { first, last }.encode());
        }
    }

    pub(super) fn flush(&mut self, pipe: &mut impl Write) -> io::Result<()> {
        self.end_stretch();
        for whole in self.buffer.chunks(ATOMIC) {
            pipe.write_all(whole)?;
        }
        self.buffer.clear();
        pipe.flush()
    }
}

/// Hands out the records of a pipe until its end; returns whether it ended between two of them.
pub(super) fn read_all(mut pipe: impl Read, mut each: impl FnMut(&[Record])) -> io::Result<bool> {
    let mut buffer = vec![0; 16 * ATOMIC];
    let mut records = Vec::new();
    let mut held = 0;
    loop {
        match pipe.read(&mut buffer[held..])? {
            0 => return Ok(held == 0),
            count => held += count,
        }
        let (whole, rest) = buffer[..held].as_chunks::<BYTES>();
        records.clear();
        records.extend(whole.iter().map(Record::decode));
        let done = held - rest.len();
        each(&records);
        buffer.copy_within(done..held, 0);
        held -= done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order() {
        let mut writer = Writer::default();
        let mut pipe = Vec::new();
        writer.put(Record::Listening(2003));
        writer.put(Record::Accepted);
        for number in [5, 6, 7, 9, 10] {
            writer.point(number);
        }
        writer.flush(&mut pipe).unwrap();
        writer.put(Record::Corrupt);
        writer.put(Record::Left(1 << 33));
        writer.put(Record::Done);
        writer.flush(&mut pipe).unwrap();
        let mut records = Vec::new();
        assert!(read_all(&pipe[..], |some| records.extend_from_slice(some)).unwrap());
        let points = |first, last| Record::Points { first, last };
        let (begin, end) = ([Record::Listening(2003), Record::Accepted], [points(5, 7)]);
        assert_eq!(records[..3], [&begin[..], &end[..]].concat());
        let rest = [points(9, 10), Record::Corrupt, Record::Left(1 << 33), Record::Done];
        assert_eq!(records[3..], rest);
        assert!(!read_all(&pipe[..30], |_| ()).unwrap());
    }
}
