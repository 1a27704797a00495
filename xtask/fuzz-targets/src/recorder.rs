//! No name and no label makes a point that cannot be sent, and no two series share a name.

use std::collections::BTreeSet;

use graphite_encoder::{Scheme, parse_tagged};
use graphite_proto::Protocol;
use graphite_proto::metrics::{Labels, Recorder};
use metrics::{counter, gauge, with_local_recorder};

use crate::bytes::Bytes;

const LABELS: [Labels; 3] = [Labels::Tags, Labels::Path, Labels::KeyedPath];
const SCHEMES: [Scheme; 4] = [Scheme::Portable, Scheme::Percent, Scheme::Punycode, Scheme::Idna];

/// Counters and gauges of any names and labels.
pub fn recorder(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let recorder = built(&mut bytes);
    let mut distinct = BTreeSet::new();
    while !bytes.is_empty() {
        let kind = bytes.byte();
        let name = bytes.text().into_owned();
        let mut labels: Vec<(String, String)> = (0..kind >> 1 & 3)
            .map(|_| (bytes.text().into_owned(), bytes.text().into_owned()))
            .collect();
        with_local_recorder(&recorder, || match kind & 1 {
            0 => counter!(name.clone(), &labels).increment(1),
            _ => gauge!(name.clone(), &labels).set(1.0),
        });
        labels.sort();
        labels.dedup();
        distinct.insert((kind & 1, name, labels));
    }
    assert_eq!(names(&recorder).len(), distinct.len(), "{distinct:?}");
}

fn built(bytes: &mut Bytes<'_>) -> Recorder {
    let mut builder =
        Recorder::builder().labels(bytes.choose(&LABELS)).names(bytes.choose(&SCHEMES));
    for _ in 0..bytes.byte() & 3 {
        builder = builder.global_label(bytes.text(), bytes.text());
    }
    builder.prefix(bytes.text()).build()
}

/// Returns the names of all series, each of which every receiver takes.
fn names(recorder: &Recorder) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    recorder.collect(1_700_000_000, &mut |point| {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let sent = protocol.encode([&point], 0, &mut Vec::new());
            assert_eq!(sent, Ok(()), "{point:?}");
        }
        let path = point.path();
        assert!(path.len() <= 2048, "{} bytes", path.len());
        let series = parse_tagged(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(series.to_string(), path, "carbon's normal form");
        let values = series.tags().iter().map(|(_, value)| *value);
        for part in series.path().split('.').chain(values) {
            assert!((1..=251).contains(&part.len()), "{path}: {part:?}");
        }
        assert!(names.insert(path.to_owned()), "two series are {path}");
    });
    names
}
