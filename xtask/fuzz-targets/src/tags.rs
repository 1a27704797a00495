//! A tagged series that is made is read back the same, and every receiver takes it; values that went
//! through a scheme are never refused; one that is read is written in one form only.

use std::collections::BTreeMap;

use graphite_encoder::{Scheme, TagError, check_path, parse_tagged, tagged};
use graphite_proto::Protocol;

/// The text as a series, and its parts between `|` as a path, keys and values.
pub fn tags(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for warning in check_path(&text) {
        assert!(!warning.to_string().contains('\n'), "{warning}");
    }
    if let Ok(series) = parse_tagged(&text) {
        let normal = series.to_string();
        assert_eq!(parse_tagged(&normal), Ok(series));
    }
    let mut words = text.split('|');
    let path = words.next().unwrap_or_default();
    let words: Vec<&str> = words.collect();
    let pairs: Vec<(&str, &str)> =
        words.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default())).collect();
    as_given(path, &pairs);
    through_a_scheme(path, &pairs);
}

fn as_given(path: &str, pairs: &[(&str, &str)]) {
    let series = tagged(path, pairs.iter().copied());
    if is_plain(path) && pairs.iter().all(|(key, value)| is_plain(key) && is_plain(value)) {
        assert_eq!(series.as_deref(), Ok(&*expected(path, pairs)));
    }
    let Ok(series) = series else { return };
    let read = parse_tagged(&series).unwrap_or_else(|error| panic!("{series:?}: {error}"));
    assert_eq!(read.to_string(), series);
    assert_eq!(tagged(read.path(), read.tags().iter().copied()).as_ref(), Ok(&series));
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let sent = protocol.encode([(series.as_str(), f64::MIN)], u32::MAX, &mut Vec::new());
        assert_eq!(sent, Ok(()), "{series:?}");
    }
}

/// Returns whether it is a word that goes in as it is, even beside some hundreds of others.
fn is_plain(word: &str) -> bool {
    (1..=20).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns the series of plain words: the last value of each key, sorted as carbon does, with the
/// `=` behind the key.
fn expected(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut tags: BTreeMap<_, _> = pairs.iter().copied().collect();
    tags.remove("name");
    let mut tags: Vec<_> = tags.iter().map(|(key, value)| format!(";{key}={value}")).collect();
    tags.sort();
    format!("{path}{}", tags.concat())
}

fn through_a_scheme(path: &str, pairs: &[(&str, &str)]) {
    for scheme in [Scheme::Portable, Scheme::Percent] {
        let mut given = BTreeMap::new();
        let mut encoded = Vec::new();
        for (key, value) in pairs {
            let (Ok(key), Ok(value)) = (scheme.encode(key), scheme.encode(value)) else { return };
            if key != "name" {
                given.insert(key.clone(), value.clone());
            }
            encoded.push((key, value));
        }
        let Ok(path) = scheme.encode(path) else { return };
        match tagged(&path, encoded) {
            Ok(series) => {
                let read = parse_tagged(&series).unwrap_or_else(|e| panic!("{series:?}: {e}"));
                let read: BTreeMap<_, _> = read.tags().iter().copied().collect();
                let given = given.iter().map(|(key, value)| (&**key, &**value)).collect();
                assert_eq!(read, given, "{series:?}");
            }
            Err(error) => assert!(matches!(error, TagError::TooLong { .. }), "{error}"),
        }
    }
}
