//! What is encoded is decoded to the same points; what cannot be sent is refused with its index,
//! and leaves nothing behind.

use graphite_proto::{EncodeError, Metric, Protocol, Receiver};

use crate::bytes::Bytes;
use crate::points::Point;

/// Points of any kind, by both protocols and back.
pub fn round_trip(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut points = Vec::new();
    while !bytes.is_empty() {
        points.push(Point::read(&mut bytes));
    }
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        for point in &points {
            alone(protocol, point);
        }
        let mut out = b"before".to_vec();
        match protocol.encode(points.iter().map(Point::metric), 0, &mut out) {
            Ok(()) => assert_eq!(decoded(protocol, &out[6..]), arrived(protocol, &points)),
            Err(error) => {
                assert_eq!(out, b"before", "{error}");
                let EncodeError::Metric { index, .. } = error else { panic!("{error}") };
                let mut none = Vec::new();
                let before =
                    protocol.encode(points[..index].iter().map(Point::metric), 0, &mut none);
                assert_eq!(before, Ok(()), "the first one is told, not {index}");
                assert!(protocol.encode([points[index].metric()], 0, &mut none).is_err());
            }
        }
    }
}

/// A point is sent if it is valid and no longer than a receiver reads.
fn alone(protocol: Protocol, point: &Point) {
    let mut out = Vec::new();
    match protocol.encode([point.metric()], 0, &mut out) {
        Ok(()) => {
            assert!(point.is_valid(), "{point:?}");
            let expected = arrived(protocol, std::slice::from_ref(point));
            assert_eq!(decoded(protocol, &out), expected);
        }
        Err(error) => {
            let may_be_long = protocol == Protocol::Plaintext && point.path.len() > 16_300;
            assert!(!point.is_valid() || may_be_long, "{error}: {point:?}");
            let text = error.to_string();
            assert!(text.len() < 1000 && !text.contains('\n'), "{text}");
        }
    }
}

fn arrived(protocol: Protocol, points: &[Point]) -> Vec<Metric<'static>> {
    points.iter().map(|point| point.arrived(protocol)).collect()
}

fn decoded(protocol: Protocol, bytes: &[u8]) -> Vec<Metric<'static>> {
    let mut receiver = Receiver::new(protocol);
    receiver.receive(bytes);
    let points = std::iter::from_fn(|| receiver.next_metric())
        .map(|point| point.unwrap_or_else(|error| panic!("what was encoded is not read: {error}")));
    let points = points.collect();
    assert_eq!(receiver.pending_bytes(), 0);
    points
}
