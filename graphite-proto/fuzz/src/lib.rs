//! What must hold for every stream of bytes; the targets differ in the protocol.
//!
//! `cargo +nightly fuzz run receiver_pickle` from `graphite-proto`; the golden pickles with their
//! length before them make a good corpus.

use graphite_proto::{DecodeError, Metric, Protocol, Receiver};

type Decoded = Result<Metric<'static>, DecodeError>;

fn decode<'a>(protocol: Protocol, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Decoded> {
    let mut receiver = Receiver::new(protocol);
    let mut points = Vec::new();
    let mut fed = 0;
    for piece in pieces {
        receiver.receive(piece);
        fed += piece.len();
        points.extend(std::iter::from_fn(|| receiver.next_metric()));
        assert!(receiver.pending_bytes() <= fed);
        assert_eq!(receiver.next_metric(), None);
    }
    points
}

/// Checks that a stream gives the same points however it is cut, that no more of them come out
/// than bytes went in, and that a point that came in can go out and come in again.
pub fn check(protocol: Protocol, bytes: &[u8]) {
    let Some((piece, stream)) = bytes.split_first() else {
        return;
    };
    let points = decode(protocol, [stream]);
    assert!(points.len() <= stream.len());
    assert_eq!(decode(protocol, stream.chunks(usize::from(*piece).max(1))), points);

    // A point of a pickle may have a path that is never sent.
    let good: Vec<_> = points
        .into_iter()
        .filter_map(Result::ok)
        .filter(|point| protocol.encode([point], 1, &mut Vec::new()).is_ok())
        .collect();
    let mut sent = Vec::new();
    protocol.encode(&good, 1, &mut sent).expect("each of them was encoded before");
    let again = decode(protocol, [&sent[..]]);
    assert_eq!(again.len(), good.len());
    for (again, good) in again.iter().zip(&good) {
        let again = again.as_ref().expect("what is sent is read");
        assert_eq!(again.path(), good.path());
        assert_eq!(again.value().as_f64().to_bits(), good.value().as_f64().to_bits());
        assert_eq!(again.timestamp(), Some(good.timestamp().unwrap_or_else(|| 1.into())));
    }
}
