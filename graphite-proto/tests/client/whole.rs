//! A batch that is queued at once, all of it or nothing.

use crate::client::proto::MetricError;
use crate::client::{NonFinite, Overflow, Protocol, TryFeedMultipleError};
use crate::rt::block_on;
use crate::suite::receiver::Graphite;
use crate::suite::{assert_accounted, names, numbered, quick};

/// Each line of `numbered` with a time of its own takes as many bytes.
fn batch(count: usize) -> impl Iterator<Item = (String, u32, u32)> {
    (0..count).map(|i| (format!("x.{i:05}"), 1, 1_700_000_000))
}

const LINE: usize = "x.00000 1 1700000000\n".len();

#[test]
fn a_batch_goes_in_behind_what_was_fed_before_it() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            let client = quick().protocol(protocol).connect(graphite.address()).await.unwrap();
            client.feed(("before", 1)).await.unwrap();
            // Of several frames.
            client.try_feed_multiple(numbered("x", 30_000)).unwrap();
            client.try_feed_multiple::<[(&str, i32); 0]>([]).unwrap();
            client.feed(("after", 1)).await.unwrap();
            client.close().await.unwrap();
            let all = [vec!["before".to_owned()], names("x", 30_000), vec!["after".to_owned()]];
            assert_eq!(graphite.paths(), all.concat());
            assert_accounted(&client.stats());
        }
    });
}

#[test]
fn a_batch_that_finds_room_but_for_a_byte_leaves_nothing() {
    block_on(async {
        for (queue, fits) in [(LINE * 5000, true), (LINE * 5000 - 1, false)] {
            let mut graphite = Graphite::closed(Protocol::Plaintext);
            let client = quick().queue_bytes(queue).connect_lazy(graphite.address()).unwrap();
            client.try_feed_multiple(batch(2000)).unwrap();
            let before = client.stats();
            let result = client.try_feed_multiple(batch(3000));
            let (bytes, queued) = (LINE * 3000, LINE * 2000);
            let full = TryFeedMultipleError::Full { bytes, queued, limit: queue };
            assert_eq!(result, if fits { Ok(()) } else { Err(full) });
            let stats = client.stats();
            let all = if fits { 5000 } else { 2000 };
            assert_eq!((stats.accepted, stats.queued), (all, all));
            assert_eq!(stats.rejected - before.rejected, if fits { 0 } else { 3000 });
            assert_accounted(&stats);
            graphite.listen();
            client.close().await.unwrap();
            assert_eq!(graphite.paths().len() as u64, all);
        }
    });
}

#[test]
fn a_batch_with_a_point_that_cannot_be_sent_leaves_nothing() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        let points = batch(5000).chain([("a b".to_owned(), 1, 1)]).chain(batch(3));
        let error = client.try_feed_multiple(points).unwrap_err();
        let TryFeedMultipleError::Metric { index: 5000, source } = &error else {
            panic!("{error:?}")
        };
        assert!(matches!(source, MetricError::ForbiddenCharacter { offset: 1, .. }), "{source}");
        let text = "nothing of the batch is queued: item 5000: metric path \"a b\" holds white space \
                    (U+0020) at byte 1";
        assert_eq!(error.to_string(), text);
        let stats = client.stats();
        assert_eq!((stats.accepted, stats.queued, stats.rejected), (0, 0, 1));
    });
}

/// Older points make room, none of the batch's own.
#[test]
fn a_batch_drops_the_oldest_but_none_of_its_own() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().overflow(Overflow::DropOldest).queue_bytes(LINE * 1000);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client
            .try_feed_multiple((0..900).map(|i| (format!("o.{i:05}"), 1, 1_700_000_000)))
            .unwrap();
        client.try_feed_multiple(batch(1000)).unwrap();
        let error = client.try_feed_multiple(batch(1001)).unwrap_err();
        assert!(matches!(error, TryFeedMultipleError::Full { .. }), "{error}");
        let stats = client.stats();
        assert!(stats.dropped > 0, "{stats:?}");
        assert_accounted(&stats);
        graphite.listen();
        client.close().await.unwrap();
        let paths = graphite.paths();
        let own: Vec<String> = batch(1000).map(|(path, ..)| path).collect();
        assert_eq!(paths[paths.len() - 1000..], own);
    });
}

/// It would be counted, and not kept.
#[test]
fn what_no_queue_holds_is_refused_however_long_it_is() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().queue_bytes(LINE * 10).connect_lazy(graphite.address()).unwrap();
        let error = client.try_feed_multiple(batch(50_000)).unwrap_err();
        let (bytes, limit) = (LINE * 50_000, LINE * 10);
        assert_eq!(error, TryFeedMultipleError::Full { bytes, queued: 0, limit });
        assert_eq!(client.stats().rejected, 50_000);
        // A single one is taken by an empty queue whatever its length.
        client.try_feed_multiple([("x".repeat(1000), 1)]).unwrap();
        let error = client.try_feed_multiple(batch(1)).unwrap_err();
        assert!(matches!(error, TryFeedMultipleError::Full { bytes: LINE, .. }), "{error}");
        // Neither needs room.
        client.try_feed_multiple::<[(&str, i32); 0]>([]).unwrap();
        assert_accounted(&client.stats());
    });
}

#[test]
fn points_that_are_skipped_need_no_room() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().non_finite(NonFinite::Skip).queue_bytes(1);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.try_feed_multiple([("a", f64::NAN), ("b", 1.0), ("c", f64::INFINITY)]).unwrap();
        client.try_feed_multiple([("a", f64::NAN)]).unwrap();
        let stats = client.stats();
        assert_eq!((stats.accepted, stats.skipped, stats.rejected), (1, 3, 0));
    });
}

#[test]
fn a_closed_client_takes_no_batch() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        client.close().await.unwrap();
        client.try_feed_multiple::<[(&str, i32); 0]>([]).unwrap();
        assert_eq!(client.try_feed_multiple([("a b", 1)]), Err(TryFeedMultipleError::Closed));
        let error = client.try_feed_multiple(batch(2)).unwrap_err();
        assert_eq!(error, TryFeedMultipleError::Closed);
        assert_eq!(error.to_string(), "nothing of the batch is queued: client is closed");
    });
}
