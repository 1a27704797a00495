//! The reading machine: a stream of bytes in, points out.
//!
//! It cuts the stream into lines or frames as carbon does and decodes them one at a time; it
//! trusts nothing of what it reads. Not here: how a line is read ([`crate::protocol`]'s
//! `plaintext`) and how a pickle is ([`unpickle`]).

mod unpickle;

use memchr::{memchr, memrchr};

use self::unpickle::Frame;
use crate::error::DecodeError;
use crate::limits::{MAX_FRAME_BYTES, MAX_LINE_BYTES};
use crate::metric::Metric;
use crate::protocol::{Protocol, pickle, plaintext};

/// What an emptied buffer keeps, in bytes: one usual read.
const KEPT_BYTES: usize = 65_536;

/// Reads points from what one connection receives: for sinks, relays and tests.
///
/// Hand in bytes as they come, in pieces of any size, then take points until there are none:
///
/// ```
/// use graphite_proto::{Metric, Protocol, Receiver};
///
/// let mut receiver = Receiver::new(Protocol::Plaintext);
/// receiver.receive(b"load 0.5 1700000000\nnonsense\ndisk 7 17000");
/// assert_eq!(receiver.next_metric(), Some(Ok(Metric::new("load", 0.5).at(1_700_000_000))));
/// assert!(receiver.next_metric().is_some_and(|line| line.is_err()));
/// assert_eq!(receiver.next_metric(), None);
///
/// receiver.receive(b"00001\n");
/// assert_eq!(receiver.next_metric(), Some(Ok(Metric::new("disk", 7).at(1_700_000_001))));
/// assert_eq!(receiver.pending_bytes(), 0);
/// ```
///
/// # Errors
///
/// An error concerns one line, one pickle, or one element of a pickle; what follows is read as if
/// nothing had been. Only a line of more than 16,384 bytes or a pickle of more than 1,048,576
/// ends the stream, as it does for carbon: see [`is_ended`](Self::is_ended).
///
/// # What is accepted
///
/// What carbon accepts, with these differences: NaN, the infinities and timestamps outside 0 to
/// 4,294,967,295 are errors; digits are ASCII and hold no `_`; invalid UTF-8 costs its line or
/// frame, not the connection.
///
/// - A line is three fields at any Unicode white space, ended by `\n` or `\r\n`.
/// - A pickle is a list or tuple of `(path, (timestamp, value))`, of any protocol from 0 to 5; the
///   texts and numbers of protocol 0, which many senders write by hand, with CPython's escapes.
///   Anything that would make a Python object (`GLOBAL`, `REDUCE`, ...) is an error, and so is
///   every opcode that plain lists of text and numbers do not need. Paths in a pickle are taken
///   as they are: they may hold spaces or be empty.
/// - A value is [`Value::I64`](crate::Value::I64) where it is written as an integer and fits,
///   [`Value::U64`](crate::Value::U64) where it only fits there, otherwise
///   [`Value::F64`](crate::Value::F64).
/// - A timestamp is cut to whole seconds. One of -1 means "now" to carbon: such a point has no
///   timestamp.
///
/// # Memory and time
///
/// The buffer holds what was handed in and not yet taken, so take all points after each
/// `receive`: then it is at most one line or frame and one read. A line that never ends is
/// dropped as soon as it is too long, whether points are taken or not. Decoding a pickle takes a
/// few times its size for the moment, and for a hostile one of the full length never more than
/// some tens of MiB. The time is linear in the bytes, however small the pieces.
#[derive(Debug)]
pub struct Receiver {
    protocol: Protocol,
    buffer: Vec<u8>,
    /// Up to here the buffer's bytes are done with.
    consumed: usize,
    /// Up to here it is known to hold no end of a line; never before `consumed`.
    searched: usize,
    /// Where in the buffer the last line or frame begins, the one that may still be torn. Beyond
    /// the buffer when a frame's header is there and its end is not.
    last: usize,
    /// The pickle that is being given out, at `consumed`, without its header.
    frame: Option<Frame>,
    state: State,
}

/// Whether more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The buffer ends with a line or header that is too long; nothing is added to it.
    Full,
    /// That was given out as an error.
    Ended,
}

impl Receiver {
    /// Makes a receiver for one connection, or for one UDP datagram.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            buffer: Vec::new(),
            consumed: 0,
            searched: 0,
            last: 0,
            frame: None,
            state: State::Open,
        }
    }

    /// Returns the protocol that is read.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Takes in the next bytes of the stream. Once the stream [is ended](Self::is_ended) they
    /// are ignored.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.state != State::Open {
            return;
        }
        self.make_room();
        match self.protocol {
            Protocol::Plaintext => self.receive_lines(bytes),
            Protocol::Pickle => self.receive_frames(bytes),
        }
    }

    /// Returns the next point, or why there is none; `None` when it takes more bytes to know.
    pub fn next_metric(&mut self) -> Option<Result<Metric<'static>, DecodeError>> {
        match self.protocol {
            _ if self.state == State::Ended => None,
            Protocol::Plaintext => self.next_line(),
            Protocol::Pickle => self.next_point(),
        }
    }

    /// Returns whether a line or frame over the limit has ended the stream: from then on there
    /// are no more points, and the connection should be closed.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Returns how many bytes are held that no point and no error has accounted for.
    ///
    /// At the end of a connection, with all points taken, this is what the sender did not finish:
    /// an unterminated line or a torn frame. carbon discards it, since a line cut short can still
    /// look whole, with a wrong value or time. To take an unterminated line all the same, as is
    /// usual for UDP, hand in `b"\n"`.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.consumed
    }

    /// Moves the unread bytes to the front once at least as much before them is done with, so
    /// that every byte is moved once on average.
    fn make_room(&mut self) {
        if self.consumed == 0 || self.consumed < self.pending_bytes() {
            return;
        }
        self.buffer.copy_within(self.consumed.., 0);
        self.buffer.truncate(self.buffer.len() - self.consumed);
        self.searched = self.searched.saturating_sub(self.consumed);
        self.last = self.last.saturating_sub(self.consumed);
        self.consumed = 0;
        if self.buffer.len() <= KEPT_BYTES && self.buffer.capacity() > MAX_FRAME_BYTES {
            self.buffer.shrink_to(KEPT_BYTES);
        }
    }

    fn receive_lines(&mut self, bytes: &[u8]) {
        let (ended, tail) = bytes.split_at(memrchr(b'\n', bytes).map_or(0, |end| end + 1));
        self.buffer.extend_from_slice(ended);
        if !ended.is_empty() {
            self.last = self.buffer.len();
        }
        // One byte over the limit is enough to know.
        let room = MAX_LINE_BYTES + 1 - (self.buffer.len() - self.last);
        self.buffer.extend_from_slice(&tail[..tail.len().min(room)]);
        if self.buffer.len() - self.last > MAX_LINE_BYTES {
            self.state = State::Full;
        }
    }

    fn receive_frames(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Some(length) = pickle::length(self.buffer.get(self.last..).unwrap_or_default()) {
            if length > MAX_FRAME_BYTES {
                self.buffer.truncate(self.last + pickle::HEADER);
                self.state = State::Full;
                return;
            }
            self.last += pickle::HEADER + length;
        }
    }

    fn next_line(&mut self) -> Option<Result<Metric<'static>, DecodeError>> {
        let rest = &self.buffer[self.consumed..];
        let checked = self.searched - self.consumed;
        let Some(end) = memchr(b'\n', &rest[checked..]).map(|found| checked + found) else {
            self.searched = self.buffer.len();
            if self.state != State::Full {
                return None;
            }
            let error = DecodeError::line_too_long(rest, MAX_LINE_BYTES);
            return Some(Err(self.end(error)));
        };
        let line = &rest[..end];
        if line.len() > MAX_LINE_BYTES {
            let error = DecodeError::line_too_long(line, MAX_LINE_BYTES);
            return Some(Err(self.end(error)));
        }
        let point = plaintext::read(line);
        self.consumed += end + 1;
        self.searched = self.consumed;
        Some(point)
    }

    fn next_point(&mut self) -> Option<Result<Metric<'static>, DecodeError>> {
        loop {
            let rest = &self.buffer[self.consumed..];
            if let Some(frame) = &mut self.frame {
                if let Some(point) = frame.next_point(rest) {
                    return Some(point);
                }
                self.consumed += frame.bytes();
                self.frame = None;
                continue;
            }
            let length = pickle::length(rest)?;
            if length > MAX_FRAME_BYTES {
                return Some(Err(self.end(DecodeError::frame_too_long(length, MAX_FRAME_BYTES))));
            }
            let payload = rest[pickle::HEADER..].get(..length)?;
            match unpickle::read(payload) {
                Ok(frame) => {
                    self.consumed += pickle::HEADER;
                    self.frame = Some(frame);
                }
                Err(error) => {
                    self.consumed += pickle::HEADER + length;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Ends the stream for good and lets go of what is held.
    fn end(&mut self, error: DecodeError) -> DecodeError {
        *self = Self { state: State::Ended, ..Self::new(self.protocol) };
        error
    }
}
