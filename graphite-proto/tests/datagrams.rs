//! Lines in datagrams: whole, packed, never above the limit, and the same as in a stream.

use graphite_proto::{
    DatagramError, Datagrams, MAX_DATAGRAM_BYTES, Metric, MetricError, Protocol, Timestamp,
};
use proptest::prelude::*;

const T: u32 = 1_700_000_000;

fn encode(points: &[(String, i64)], limit: usize) -> Result<Datagrams, DatagramError> {
    Protocol::Plaintext.encode_datagrams(
        points.iter().map(|(path, value)| (path, *value)),
        T,
        limit,
    )
}

fn line(path: &str, value: i64) -> String {
    format!("{path} {value} {T}\n")
}

proptest! {
    #[test]
    fn any_batch_is_cut_between_lines_and_no_sooner_than_it_must(
        points in proptest::collection::vec(("[!-~é漢]{1,60}", any::<i64>()), 0..60),
        limit in 1_usize..600,
    ) {
        let lines: Vec<String> = points.iter().map(|(path, value)| line(path, *value)).collect();
        match encode(&points, limit) {
            Ok(datagrams) => {
                let datagrams: Vec<&[u8]> = datagrams.iter().collect();
                prop_assert_eq!(datagrams.concat(), lines.concat().into_bytes());
                for datagram in &datagrams {
                    prop_assert!(datagram.len() <= limit && datagram.ends_with(b"\n"));
                }
                for pair in datagrams.windows(2) {
                    let next = pair[1].split_inclusive(|byte| *byte == b'\n').next().unwrap();
                    prop_assert!(pair[0].len() + next.len() > limit);
                }
            }
            Err(DatagramError::Metric { index, source }) => {
                let first = lines.iter().position(|line| line.len() > limit);
                prop_assert_eq!(Some(index), first);
                let (path, bytes) = (points[index].0.as_str().into(), lines[index].len());
                prop_assert_eq!(source, MetricError::DatagramTooLong { path, bytes, limit });
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_line_of_just_the_limit_fits_and_one_byte_more_does_not() {
    let points = [("load".to_owned(), 1), ("disks".to_owned(), 2)];
    let limit = line("disks", 2).len();
    let datagrams = encode(&points, limit).unwrap();
    let expected = [line("load", 1), line("disks", 2)];
    assert!(datagrams.iter().eq(expected.iter().map(String::as_bytes)));
    let error = encode(&points, limit - 1).unwrap_err();
    let expected = "point 1 of the batch: line of metric \"disks\" is 19 bytes with its newline, \
                    limit of a datagram is 18";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_empty_batch_has_no_datagram() {
    let datagrams = encode(&[], 1432).unwrap();
    assert!(datagrams.is_empty() && datagrams.iter().next().is_none());
    assert!(!encode(&[("a".to_owned(), 1)], 1432).unwrap().is_empty());
    assert!(Datagrams::default().iter().next().is_none());
}

#[test]
fn a_limit_that_no_datagram_has_is_refused() {
    assert_eq!(MAX_DATAGRAM_BYTES, 65_507);
    for bytes in [0, MAX_DATAGRAM_BYTES + 1, usize::MAX] {
        let error = encode(&[], bytes).unwrap_err();
        assert_eq!(error, DatagramError::Limit { bytes, limit: MAX_DATAGRAM_BYTES });
    }
    assert_eq!(
        encode(&[], 0).unwrap_err().to_string(),
        "limit of 0 bytes for a datagram is outside 1 to 65507"
    );
    let points: Vec<_> = (0..9000).map(|n| (format!("servers.web01.disk{n:04}"), n)).collect();
    let datagrams = encode(&points, MAX_DATAGRAM_BYTES).unwrap();
    let lines: String = points.iter().map(|(path, value)| line(path, *value)).collect();
    assert_eq!(datagrams.iter().count(), lines.len().div_ceil(MAX_DATAGRAM_BYTES));
    assert_eq!(datagrams.iter().collect::<Vec<_>>().concat(), lines.into_bytes());
}

#[test]
fn what_no_stream_takes_no_datagram_takes() {
    let metrics = [Metric::from(("good", 1)), Metric::from(("b d", 2))];
    let error = Protocol::Plaintext.encode_datagrams(metrics, T, 1432).unwrap_err();
    let DatagramError::Metric { index: 1, source } = error else { panic!("{error}") };
    assert!(matches!(source, MetricError::ForbiddenCharacter { offset: 1, .. }), "{source}");
    let late = Metric::new("a", 1).at(Timestamp::from(u64::MAX));
    assert!(Protocol::Plaintext.encode_datagrams([late], T, 1432).is_err());
    let line_limit = [("x".repeat(16_384), 1)];
    let error = Protocol::Plaintext.encode_datagrams(line_limit, T, 60_000).unwrap_err();
    let DatagramError::Metric { index: 0, source } = error else { panic!("{error}") };
    assert!(matches!(source, MetricError::LineTooLong { limit: 16_384, .. }), "{source}");
}

#[test]
fn no_receiver_reads_pickles_from_datagrams() {
    let error = Protocol::Pickle.encode_datagrams([("a", 1)], T, 1432).unwrap_err();
    assert_eq!(error, DatagramError::Pickle);
    assert_eq!(error.to_string(), "no receiver reads pickles from datagrams, only lines");
}
