//! Any bytes, in any pieces: the reading machine never panics, gives the same points and errors
//! however they are cut, and holds no more than a line or a frame once all points are taken. A
//! pickle that means harm costs itself alone. What was received can be sent and read again, but for
//! paths and values that no receiver takes.
//!
//! The first byte tells how the bytes are cut, the second what is made of them.

use graphite_proto::{DecodeError, MAX_FRAME_BYTES, MAX_LINE_BYTES, Metric, Protocol, Receiver};

use crate::bytes::Bytes;
use crate::points::Point;

type Decoded = Result<Metric<'static>, DecodeError>;

/// A stream of lines.
pub fn receive_plaintext(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let (cut, form) = (bytes.byte(), bytes.byte());
    let stream = stretched(bytes.0, form);
    let points = both(Protocol::Plaintext, &stream, cut, MAX_LINE_BYTES);
    assert!(points.len() <= stream.len());
}

/// A stream of frames, or one pickle between two frames that must be read.
pub fn receive_pickle(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let (cut, form) = (bytes.byte(), bytes.byte());
    let body = stretched(bytes.0, form);
    if form & 1 == 0 {
        both(Protocol::Pickle, &body, cut, MAX_FRAME_BYTES + 4);
        return;
    }
    let good = Metric::new("good", 1).at(1_700_000_000);
    let mut frame = Vec::new();
    Protocol::Pickle.encode([&good], 0, &mut frame).expect("a good point");
    let length = u32::try_from(body.len()).expect("a short pickle").to_be_bytes();
    let stream = [&frame[..], &length, &body, &frame].concat();
    let points = both(Protocol::Pickle, &stream, cut, MAX_FRAME_BYTES + 4);
    assert!(points.len() <= body.len() + 3, "{} points", points.len());
    let good = Some(Ok(good));
    assert_eq!((points.first(), points.last()), (good.as_ref(), good.as_ref()));
}

/// Bytes whose last one is repeated until no line can hold it, and then once more what they were:
/// where the form says so, since no input is as long.
fn stretched(bytes: &[u8], form: u8) -> Vec<u8> {
    let mut all = bytes.to_vec();
    if let (Some(last), true) = (bytes.last(), form & 2 == 2) {
        all.resize(bytes.len() + MAX_LINE_BYTES - 8 + usize::from(form >> 2), *last);
        all.extend_from_slice(bytes);
    }
    all
}

/// Reads a stream at once and in pieces; returns what both give.
fn both(protocol: Protocol, stream: &[u8], cut: u8, limit: usize) -> Vec<Decoded> {
    let mut whole = Receiver::new(protocol);
    whole.receive(stream);
    let points = taken(&mut whole);
    let mut torn = Receiver::new(protocol);
    let mut pieces = Vec::new();
    let mut rest = stream;
    let mut size = usize::from(cut);
    while !rest.is_empty() {
        // From 1 to 256 bytes, another number each time; a stretched stream in larger ones.
        size = (size * 5 + 3) % 256;
        let (piece, behind) = rest.split_at(rest.len().min(size + 1 + stream.len() / 1024));
        torn.receive(piece);
        pieces.append(&mut taken(&mut torn));
        assert!(torn.pending_bytes() <= limit, "{} bytes are held", torn.pending_bytes());
        rest = behind;
    }
    assert_eq!(pieces, points, "{protocol} cut by {cut}");
    assert_eq!(torn.is_ended(), whole.is_ended());
    assert_eq!(torn.pending_bytes(), whole.pending_bytes());
    again(protocol, &points);
    points
}

/// Sends on what was received.
fn again(protocol: Protocol, points: &[Decoded]) {
    let points = points.iter().flatten().filter_map(Point::of);
    // One that is barely read in a line may be sent with more digits.
    let points = points.filter(|point| point.is_valid() && point.path.len() <= 16_300);
    let points: Vec<_> = points.collect();
    let mut sent = Vec::new();
    let encoded = protocol.encode(points.iter().map(Point::metric), 0, &mut sent);
    assert_eq!(encoded, Ok(()), "what was received cannot be sent");
    let mut receiver = Receiver::new(protocol);
    receiver.receive(&sent);
    let read = taken(&mut receiver);
    let expected: Vec<_> = points.iter().map(|point| Ok(point.arrived(protocol))).collect();
    assert_eq!(read, expected, "what was received and sent is read otherwise");
    for (read, point) in read.iter().flatten().zip(&points) {
        // Zero and minus zero are equal.
        let (read, sent) = (read.value().as_f64(), point.value.as_f64());
        assert_eq!(read.to_bits(), sent.to_bits(), "{point:?}");
    }
}

fn taken(receiver: &mut Receiver) -> Vec<Decoded> {
    let points: Vec<_> = std::iter::from_fn(|| receiver.next_metric()).collect();
    for error in points.iter().filter_map(|point| point.as_ref().err()) {
        let text = error.to_string();
        assert!(text.len() < 1000 && !text.contains('\n'), "{text}");
    }
    points
}
