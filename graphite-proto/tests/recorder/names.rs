//! No name and no label makes a point fail, and no two series have one name.

use std::collections::BTreeMap;

use graphite_encoder::Scheme;
use proptest::prelude::*;

use super::*;

const LABELS: [Labels; 3] = [Labels::Tags, Labels::Path, Labels::KeyedPath];
const SCHEMES: [Scheme; 4] = [Scheme::Portable, Scheme::Percent, Scheme::Punycode, Scheme::Idna];

/// A series: a name and its labels.
type Named = (String, Vec<(String, String)>);

fn record(recorder: &Recorder, (name, labels): &Named) {
    with_local_recorder(recorder, || counter!(name.clone(), labels).increment(1));
}

/// Returns the names of all series, after having looked whether every receiver takes them.
fn names(recorder: &Recorder) -> Vec<String> {
    let mut names = Vec::new();
    let mut bytes = Vec::new();
    recorder.collect(START, &mut |point| {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            bytes.clear();
            protocol.encode([&point], 0, &mut bytes).expect("every point can be sent");
        }
        let path = point.path();
        assert!(path.len() <= 2048, "{} bytes", path.len());
        let series = parse_tagged(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(series.to_string(), path, "carbon's normal form");
        let parts = series.path().split('.').chain(series.tags().iter().map(|(_, value)| *value));
        for part in parts {
            assert!((1..=251).contains(&part.len()), "{path}: {part:?}");
        }
        names.push(path.to_owned());
    });
    names
}

fn assert_apart(names: &mut Vec<String>) {
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two series have one name");
}

/// Texts with what is dangerous in them: separators, escapes, what stands for nothing, much, any.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab_.;=~/ FA0]{0,4}",
        2 => "(name|unspecified|host|count|a)_{0,2}",
        1 => "\\PC{0,8}",
        1 => any::<String>(),
        1 => "[a/]{190,260}",
    ]
}

fn series() -> impl Strategy<Value = Named> {
    (text(), proptest::collection::vec((text(), text()), 0..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "takes many cases")]
    fn names_cannot_fail_and_never_collide(
        all in proptest::collection::vec(series(), 1..200),
        global in proptest::collection::vec((text(), text()), 0..3),
        prefix in text(),
        labels in 0..3_usize,
        scheme in 0..4_usize,
    ) {
        let mut builder = Recorder::builder().labels(LABELS[labels]).names(SCHEMES[scheme]);
        for (key, value) in global {
            builder = builder.global_label(key, value);
        }
        let recorder = builder.prefix(prefix).build();
        all.iter().for_each(|named| record(&recorder, named));
        let mut distinct: BTreeMap<Named, ()> = BTreeMap::new();
        for (name, mut labels) in all {
            labels.sort();
            labels.dedup();
            distinct.insert((name, labels), ());
        }
        let mut names = names(&recorder);
        prop_assert_eq!(names.len(), distinct.len());
        assert_apart(&mut names);
    }
}

/// By the name alone: nothing that another series is called changes what this one is.
#[test]
#[cfg_attr(miri, ignore = "takes its many rounds")]
fn a_hundred_thousand_sets_of_labels_have_names_of_their_own() {
    let recorder = Recorder::builder().global_label("host", "web01").build();
    let mut random = fastrand::Rng::with_seed(7);
    let alphabet: Vec<char> = "ab_.;=~/ FA05é\u{1F469}\u{200D}\n".chars().collect();
    let words = ["name", "unspecified", "host", "count", "", "_FF", "_5F"];
    let text = |random: &mut fastrand::Rng| -> String {
        match random.u8(..10) {
            0 => words[random.usize(..words.len())].to_owned() + &"_".repeat(random.usize(..3)),
            1 => "/".repeat(random.usize(60..70)) + &random.u8(..).to_string(),
            _ => (0..random.usize(..5)).map(|_| alphabet[random.usize(..alphabet.len())]).collect(),
        }
    };
    let mut distinct = BTreeMap::new();
    while distinct.len() < 100_000 {
        let mut labels: Vec<(String, String)> =
            (0..random.usize(1..4)).map(|_| (text(&mut random), text(&mut random))).collect();
        labels.sort();
        labels.dedup();
        let named = ("jobs".to_owned(), labels);
        record(&recorder, &named);
        distinct.insert(named, ());
    }
    let mut names = names(&recorder);
    assert_eq!(names.len(), distinct.len());
    assert_apart(&mut names);
    assert_eq!(recorder.renamed(), 0);
}

/// Returns the only name that a series has.
fn name(builder: RecorderBuilder, name: &str, labels: &[(&str, &str)]) -> String {
    let recorder = builder.build();
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    record(&recorder, &(name.to_owned(), labels.collect()));
    let mut names = names(&recorder);
    assert_eq!(names.len(), 1);
    names.remove(0)
}

#[test]
fn names_are_the_same_for_ever() {
    let tags = || Recorder::builder();
    let long = "x".repeat(300);
    for (made, expected) in [
        (name(tags(), "http.requests", &[]), "http.requests.count".to_owned()),
        (name(tags(), "", &[]), "_FF.count".to_owned()),
        (name(tags(), "a..b c", &[]), "a._FF.b_20c.count".to_owned()),
        (name(tags(), "a", &[("k", "")]), "a.count;k=unspecified".to_owned()),
        (name(tags(), "a", &[("k", "unspecified")]), "a.count;k=unspecified_".to_owned()),
        (name(tags(), "a", &[("name", "x")]), "a.count;name_=x".to_owned()),
        (name(tags(), "a", &[("name_", "x")]), "a.count;name__=x".to_owned()),
        (name(tags(), "a", &[("", "~x")]), "a.count;_FF=_7Ex".to_owned()),
        (
            name(tags().global_label("host", "w1"), "a", &[("host", "x"), ("zone", "e")]),
            "a.count;host=w1;host_=x;zone=e".to_owned(),
        ),
        (name(tags().prefix("shop.web_01."), "a", &[]), "shop.web_01.a.count".to_owned()),
        (name(tags().prefix("shop..web 01"), "a", &[]), "shop._FF.web_2001.a.count".to_owned()),
        (
            name(tags().names(Scheme::Percent), "a/b", &[("k", "c d")]),
            "a%2Fb.count;k=c%20d".to_owned(),
        ),
        (
            name(tags().names(Scheme::Idna), "Bücher", &[("k", "a..b")]),
            "xn--bcher-kva.count;k=a_2E_2Eb_FFec71e7248d46c112160e184f2960cb60".to_owned(),
        ),
        (
            name(tags(), "a", &[("k", &long)]),
            format!("a.count;k={}_FF2b415ef10ffacc8fe23192fef361b1e1", "x".repeat(66)),
        ),
    ] {
        assert_eq!(made, expected);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes long texts")]
fn what_is_too_long_is_cut_and_ends_in_a_hash_of_the_whole() {
    let long = |end: &str| format!("{}{end}", "part.".repeat(1000));
    let value = |end: &str| format!("{}{end}", "é".repeat(1000));
    let many: Vec<(String, String)> =
        (0..100).map(|i| (format!("key{i:02}"), "v".repeat(50))).collect();
    for labels in LABELS {
        let recorder = Recorder::builder().labels(labels).build();
        for end in ["a", "b"] {
            record(&recorder, &(long(end), vec![]));
            record(&recorder, &("short".to_owned(), vec![("k".to_owned(), value(end))]));
            let mut many = many.clone();
            many.push(("last".to_owned(), end.to_owned()));
            record(&recorder, &("short".to_owned(), many));
        }
        let mut names = names(&recorder);
        assert_eq!(names.len(), 6);
        assert_apart(&mut names);
        assert_eq!(recorder.renamed(), 0, "by the name alone");
    }
}

/// One for its length, one for its labels, one for what is called so already: a file's name has room for
/// each.
#[test]
fn a_part_with_several_hashes_is_no_longer_than_one() {
    for labels in LABELS {
        let recorder = Recorder::builder().labels(labels).quantiles(&[]).build();
        let repeated = [("k", "1"), ("k", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let (long, repeated) = ("\u{e9}".repeat(200), repeated.to_vec());
        with_local_recorder(&recorder, || {
            gauge!(format!("{long}.count")).set(1.0);
            gauge!(long.clone(), &repeated).set(1.0);
            histogram!(long.clone(), &repeated).record(1.0);
            counter!(long.clone(), &repeated).increment(1);
        });
        let mut names = names(&recorder);
        assert_apart(&mut names);
        let parts = names.iter().flat_map(|name| name.split(['.', ';']));
        assert!(parts.map(str::len).max() <= Some(250), "{names:?}");
    }
}

/// The second one is marked, and the same in each process.
#[test]
fn different_kinds_that_come_to_one_name_are_kept_apart() {
    let make = || {
        let recorder = Recorder::builder().quantiles(&[]).statistics(Statistics::default()).build();
        with_local_recorder(&recorder, || {
            gauge!("jobs.count").set(1.0);
            histogram!("jobs").record(2.0);
            counter!("jobs").increment(3);
        });
        let names = names(&recorder);
        assert_eq!(recorder.renamed(), 2);
        names
    };
    let mut names = make();
    assert_eq!(names, make());
    assert!(names.contains(&"jobs.count".to_owned()), "{names:?}");
    assert_eq!(names.len(), 6);
    assert_apart(&mut names);
}
