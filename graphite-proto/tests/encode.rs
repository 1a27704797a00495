//! The fast ways of writing a point beside the plain one: the same bytes and the same errors, for
//! paths of every length, with odd bytes anywhere, and with timestamps in any order.
//!
//! What the bytes have to be is in `codec.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphite_proto::{EncodeError, Metric, MetricError, Protocol, Timestamp, Value};
use proptest::prelude::*;

const T: u32 = 1_700_000_000;
const BOTH: [Protocol; 2] = [Protocol::Plaintext, Protocol::Pickle];
/// Beyond every length from which on paths are written in another way.
const LENGTHS: usize = 300;

/// The texts of floats are of 3 to 24 bytes, those of integers of 1 to 20.
const VALUES: [Value; 22] = [
    Value::F64(0.0),
    Value::F64(-0.0),
    Value::F64(0.37),
    Value::F64(-12.75),
    Value::F64(1e16),
    Value::F64(369.63),
    Value::F64(1234.5678),
    Value::F64(0.1 + 0.2),
    Value::F64(1.0 / 3.0),
    Value::F64(-1.0 / 3.0),
    Value::F64(f64::MAX),
    Value::F64(f64::MIN),
    Value::F64(f64::MIN_POSITIVE),
    Value::F64(-2.225_073_858_507_201e-308),
    Value::F64(5e-324),
    Value::I64(0),
    Value::I64(-1),
    Value::I64(i32::MAX as i64),
    Value::I64(i32::MAX as i64 + 1),
    Value::I64(i64::MIN),
    Value::U64(10),
    Value::U64(u64::MAX),
];

/// Of every number of digits; long and short ones by turns.
const TIMESTAMPS: [u32; 12] = [
    0,
    T,
    T,
    999_999_999,
    7,
    u32::MAX,
    i32::MAX as u32,
    12,
    1_234_567,
    i32::MAX as u32 + 1,
    123,
    100_000_000,
];

/// A path of so many bytes, none like the one before.
fn path(length: usize) -> String {
    ('!'..='~').cycle().skip(length % 7).take(length).collect()
}

fn encode(protocol: Protocol, metrics: &[Metric<'_>]) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    protocol.encode(metrics, T, &mut out).map(|()| out)
}

/// What `encode` writes, made without anything that is there to be fast; less than a frame.
fn plain(protocol: Protocol, metrics: &[Metric<'_>]) -> Vec<u8> {
    let seconds = |metric: &Metric<'_>| metric.timestamp().unwrap_or_else(|| T.into());
    if protocol == Protocol::Plaintext {
        let line = |metric: &Metric<'_>| {
            format!("{} {} {}\n", metric.path(), metric.value(), seconds(metric))
        };
        return metrics.iter().map(line).collect::<String>().into_bytes();
    }
    let mut pickle = b"\x80\x02](".to_vec();
    for metric in metrics {
        pickle.extend(b"(X");
        pickle.extend((metric.path().len() as u32).to_le_bytes());
        pickle.extend(metric.path().bytes());
        pickle.push(b'(');
        pickle.extend(pickled(u32::try_from(seconds(metric).seconds()).unwrap().into()));
        pickle.extend(pickled(metric.value()));
        pickle.extend(b"tt");
    }
    pickle.extend(b"e.");
    [&(pickle.len() as u32).to_be_bytes()[..], &pickle].concat()
}

fn pickled(number: Value) -> Vec<u8> {
    let integer = match number {
        Value::I64(value) => i128::from(value),
        Value::U64(value) => i128::from(value),
        _ => -1,
    };
    match i32::try_from(integer) {
        Ok(integer @ 0..) => [&b"J"[..], &integer.to_le_bytes()].concat(),
        _ => [&b"G"[..], &number.as_f64().to_be_bytes()].concat(),
    }
}

/// Compares with the plain way, what is refused too.
fn check(protocol: Protocol, metrics: &[Metric<'_>]) {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let fault = metrics.iter().enumerate().find_map(|(index, metric)| {
        let found = metric.path().char_indices().find(|(_, c)| odd(*c));
        (found.is_some() || metric.path().is_empty()).then_some((index, found))
    });
    match (encode(protocol, metrics), fault) {
        (Ok(bytes), None) => assert_eq!(bytes, plain(protocol, metrics), "{metrics:?}"),
        (Err(EncodeError::Metric { index, source, .. }), Some((expected, fault))) => {
            let told = match source {
                MetricError::EmptyPath => None,
                MetricError::ForbiddenCharacter { offset, character, .. } => {
                    Some((offset, character))
                }
                other => panic!("{other}"),
            };
            assert_eq!((index, told), (expected, fault), "{metrics:?}");
        }
        (result, fault) => panic!("{result:?}, not {fault:?}: {metrics:?}"),
    }
}

#[test]
fn paths_of_every_length_are_written_with_every_value() {
    for length in 0..=LENGTHS {
        let path = path(length);
        let timestamps = TIMESTAMPS.iter().cycle().skip(length);
        let metrics: Vec<_> = VALUES
            .iter()
            .zip(timestamps)
            .map(|(value, timestamp)| Metric::new(&path, *value).at(*timestamp))
            .collect();
        for protocol in BOTH {
            check(protocol, &metrics);
        }
    }
}

#[test]
fn an_odd_character_is_seen_at_every_place() {
    for length in 0..LENGTHS {
        let path = path(length);
        for offset in 0..=length {
            // At the edges of printable ASCII, on both sides, and beyond it.
            for odd in ['\0', '\u{1F}', ' ', '\u{7F}', '\u{85}', '\u{A0}', 'é', '\u{3000}', '😀']
            {
                let path = [&path[..offset], &path[offset..]].join(odd.encode_utf8(&mut [0; 4]));
                let protocol = BOTH[(length + offset) % 2];
                check(protocol, &[Metric::from(("good", 1)), Metric::from((path, 0.37))]);
            }
        }
    }
}

#[test]
fn every_pair_of_timestamps_is_written() {
    let pairs = TIMESTAMPS.iter().flat_map(|first| TIMESTAMPS.map(|second| [*first, second]));
    let metrics: Vec<_> =
        pairs.flatten().map(|timestamp| Metric::from(("a", 0.5, timestamp))).collect();
    for protocol in BOTH {
        check(protocol, &metrics);
    }
}

#[test]
fn the_first_fault_is_told() {
    let (long, late) = ("x".repeat(2 << 20), Timestamp::from(u64::MAX));
    let spaced = format!("{long} ");
    for protocol in BOTH {
        let told = |path: &str, value: f64, timestamp: Timestamp| {
            let metric = Metric::new(path, value).at(timestamp);
            match encode(protocol, &[metric]) {
                Err(EncodeError::Metric { source, .. }) => source,
                other => panic!("{other:?}"),
            }
        };
        let now = T.into();
        assert_eq!(told("", f64::NAN, late), MetricError::EmptyPath);
        let error = told(&spaced, f64::NAN, late);
        assert!(matches!(error, MetricError::ForbiddenCharacter { .. }), "{error}");
        let error = told(&long, f64::NAN, late);
        assert!(matches!(error, MetricError::NotFinite { .. }), "{error}");
        let error = told(&long, 0.0, late);
        assert!(matches!(error, MetricError::TimestampOutOfRange { .. }), "{error}");
        let error = told(&long, 0.0, now);
        let too_long = match protocol {
            Protocol::Plaintext => matches!(error, MetricError::LineTooLong { .. }),
            _ => matches!(error, MetricError::FrameTooLong { .. }),
        };
        assert!(too_long, "{error}");
    }
}

fn metric() -> impl Strategy<Value = Metric<'static>> {
    let path = prop_oneof![8 => "[!-~]{1,40}", 2 => "[!-~]{1,300}", 1 => "[!-~é 漢\u{7F}]{0,24}"];
    let value = prop_oneof![
        any::<f64>().prop_filter("not finite", |value| value.is_finite()).prop_map(Value::F64),
        any::<f32>().prop_filter("not finite", |value| value.is_finite()).prop_map(Value::from),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        any::<i32>().prop_map(Value::from),
    ];
    let timestamp = prop_oneof![
        4 => Just(None),
        2 => proptest::sample::select(&TIMESTAMPS[..]).prop_map(Some),
        1 => any::<u32>().prop_map(Some),
    ];
    (path, value, timestamp).prop_map(|(path, value, timestamp)| {
        let metric = Metric::new(path, value);
        match timestamp {
            Some(timestamp) => metric.at(timestamp),
            None => metric,
        }
    })
}

proptest! {
    #[test]
    fn any_batch_is_written_as_the_plain_way_writes_it(
        metrics in proptest::collection::vec(metric(), 1..30),
    ) {
        for protocol in BOTH {
            check(protocol, &metrics);
        }
    }
}
