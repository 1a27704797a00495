//! What is logged of an error, `{error}`: one line that says it, with its cause; and what stands
//! behind it.
//!
//! The texts of points, lines and pickles stand with their rules, in `codec.rs` and `receiver.rs`.

use std::error::Error;

use graphite_proto::{
    Address, Config, EncodeError, EnqueueError, Instant, Metric, MetricError, Protocol, Sender,
};

/// The texts of an error and of all that stands behind it.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut behind = error.source();
    while let Some(error) = behind {
        texts.push(error.to_string());
        behind = error.source();
    }
    texts
}

#[test]
fn an_error_says_its_cause_and_does_not_repeat_it() {
    const CAUSE: &str = "metric path \"a b\" holds white space (U+0020) at byte 1";
    let mut sender = Sender::new(Config::new(Protocol::Plaintext), Instant::START);
    let refused = sender.enqueue(&Metric::new("a b", 1), 0, Instant::START).unwrap_err();
    assert_eq!(chain(&refused), [CAUSE]);

    let EnqueueError::Metric(metric) = refused else { panic!("{refused:?}") };
    assert_eq!(chain(&metric), [CAUSE]);

    let points = [("a", 1), ("b", 2), ("c", 3), ("a b", 4)];
    let batch = Protocol::Plaintext.encode(points, 0, &mut Vec::new()).unwrap_err();
    assert_eq!(batch, EncodeError::Metric { index: 3, source: metric });
    assert_eq!(chain(&batch), [format!("point 3 of the batch: {CAUSE}")]);
}

#[test]
fn a_timestamp_is_named_with_the_whole_path() {
    let mut sender = Sender::new(Config::new(Protocol::Pickle).prefix("web.eu"), Instant::START);
    let metric = Metric::from(("load", 1, 1_520_372_931_562i64));
    let refused = sender.enqueue(&metric, 0, Instant::START).unwrap_err();
    assert!(matches!(
        &refused,
        EnqueueError::Metric(MetricError::TimestampOutOfRange { path, .. })
            if &**path == "web.eu.load"
    ));
    assert_eq!(
        refused.to_string(),
        "timestamp 1520372931562 of metric \"web.eu.load\" is outside 0 to 4294967295 seconds \
         since 1970: milliseconds?"
    );
}

#[test]
fn every_text_is_one_line() {
    let address = |text: &str| Address::try_from(text).unwrap_err().to_string();
    let metric = |path| {
        let refused = Protocol::Pickle.encode([(path, 1, -1)], 0, &mut Vec::new());
        refused.unwrap_err().to_string()
    };
    for text in [address("tcp://\n"), address("a\nb"), metric("a\nb"), metric("a.b")] {
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    }
}
