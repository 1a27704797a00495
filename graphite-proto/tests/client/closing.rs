//! `close`, and what happens without it: the last clone is dropped.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, Delivery, Event, FlushError, Protocol, SendError, TryFeedError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, numbered, quick};

#[test]
fn close_is_ok_only_when_everything_was_read() {
    block_on(async {
        for delivery in
            [Delivery::BestEffort, Delivery::default(), Delivery::Confirmed { window: 1 << 20 }]
        {
            let graphite = Graphite::with(Manner::ReadSlowly(16 << 10));
            let builder = Client::builder().delivery(delivery);
            let client = builder.connect(graphite.address()).await.unwrap();
            for point in numbered("x", 20_000) {
                client.feed(point).await.unwrap();
            }
            client.close().await.unwrap();
            assert_eq!(graphite.count(), 20_000, "read before `close` returned, {delivery:?}");
        }
    });
}

#[test]
fn close_counts_what_a_receiver_did_not_read() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let builder = quick().close_timeout(200 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 100)).await.unwrap();
        let error = client.close().await.unwrap_err();
        assert_eq!(error.undelivered, 100);
        assert_eq!(
            error.to_string(),
            "closed with 100 points not known to be delivered: receiver did not answer the end of \
             the connection"
        );
    });
}

#[test]
fn close_counts_what_could_not_be_sent_and_says_why() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().close_timeout(100 * MS));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        for point in numbered("x", 10) {
            client.feed(point).await.unwrap();
        }
        let error = client.close().await.unwrap_err();
        assert_eq!(error.undelivered, 10);
        let told = log.events();
        assert_eq!(
            told.last(),
            Some(&Event::Abandoned { points: 10 }),
            "told before `close` returned"
        );
        assert!(error.source.unwrap().text.starts_with("connect to 127.0.0.1:"));
    });
}

#[test]
fn close_gives_every_caller_the_same_result() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        client.send(("x", 1)).await.unwrap();
        let others: Vec<_> = (0..8)
            .map(|_| {
                let client = client.clone();
                rt::spawn(async move { client.close().await })
            })
            .collect();
        for other in others {
            other.await.unwrap();
        }
        client.close().await.unwrap();

        let graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().close_timeout(50 * MS);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("x", 1)).await.unwrap();
        let other = client.clone();
        let other = rt::spawn(async move { other.close().await });
        let error = client.close().await.unwrap_err();
        assert_eq!((other.await.unwrap_err(), error.undelivered), (error, 1));
        assert_eq!(client.close().await.unwrap_err().undelivered, 1);
    });
}

#[test]
fn clones_of_a_closed_client_are_closed() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let clone = client.clone();
        client.close().await.unwrap();
        assert_eq!(clone.send(("x", 1)).await, Err(SendError::Closed));
        assert_eq!(clone.feed(("x", 1)).await, Err(SendError::Closed));
        assert_eq!(clone.try_feed(("x", 1)), Err(TryFeedError::Closed));
        let error = clone.send_multiple([("x", 1), ("y", 1)]).await.unwrap_err();
        assert_eq!((error.queued, error.source), (0, SendError::Closed));
        // There is nothing that a flush could wait for.
        assert!(matches!(clone.flush().await, Ok(()) | Err(FlushError::Closed)));
        let mut sink = clone.sink();
        let point = crate::client::Metric::new("x", 1);
        assert_eq!(futures::SinkExt::send(&mut sink, point).await, Err(SendError::Closed));
        assert_eq!(clone.stats().accepted, 0);
        assert_eq!(graphite.count(), 0);
    });
}

#[test]
fn close_with_nothing_to_deliver_needs_no_receiver() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        client.send(("x", 1)).await.unwrap();
        graphite.received(1).await;
        graphite.close_connections().await;
        graphite.refuse();
        client.close().await.unwrap();
        let never = Client::builder().connect_lazy(graphite.address()).unwrap();
        never.close().await.unwrap();
    });
}

#[test]
fn close_does_not_sleep_through_a_delay() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        // The delay is longer than a test may take.
        let builder =
            Client::builder().backoff(Duration::from_secs(3600), Duration::from_secs(3600));
        let builder = log.listen(builder.max_attempts(1));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.send(("x", 1)).await.unwrap_err();
        graphite.listen();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["x"]);
    });
}

#[test]
fn close_goes_on_trying_until_its_time_is_over() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        client.feed(("x", 1)).await.unwrap();
        let closing = client.clone();
        let closing = rt::spawn(async move { closing.close().await });
        rt::sleep(100 * MS).await;
        graphite.listen();
        closing.await.unwrap();
        assert_eq!(graphite.paths(), ["x"]);
    });
}

#[test]
fn closing_goes_on_when_its_future_is_dropped() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        client.feed(("x", 1)).await.unwrap();
        assert!(rt::timeout(20 * MS, client.close()).await.is_none());
        assert_eq!(client.try_feed(("y", 1)), Err(TryFeedError::Closed));
        graphite.listen();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["x"]);
    });
}

#[test]
fn whoever_waits_is_told_of_the_close() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().max_attempts(1_000_000).close_timeout(100 * MS).queue_bytes(1000);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let waiting: Vec<_> = (0..100)
            .map(|i| {
                let client = client.clone();
                rt::spawn(async move { client.send((format!("waits.{i}"), i)).await })
            })
            .collect();
        until("the queue is full", || client.try_feed(("fill", 1)).is_err()).await;
        let flushing = client.clone();
        let flushing = rt::spawn(async move {
            flushing.feed(("x", 1)).await.unwrap_err();
            flushing.flush().await
        });
        let undelivered = client.close().await.unwrap_err().undelivered;
        assert_eq!(undelivered, client.stats().queued);
        for waiting in waiting {
            assert_eq!(waiting.await, Err(SendError::Closed));
        }
        assert_eq!(flushing.await, Err(FlushError::Closed));
    });
}

#[test]
fn dropping_the_last_clone_flushes() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let log = Log::default();
        let client = log.listen(quick()).connect(graphite.address()).await.unwrap();
        let clone = client.clone();
        for point in numbered("x", 10_000) {
            client.feed(point).await.unwrap();
        }
        drop(client);
        clone.feed(("last", 1)).await.unwrap();
        drop(clone);
        graphite.received(10_001).await;
        // The driver ends and drops what it was given.
        until("the driver ends", || Arc::strong_count(&log.0) == 1).await;
        assert_eq!(graphite.count(), 10_001);
    });
}

#[test]
fn a_dropped_client_ends_without_a_receiver_too() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().close_timeout(50 * MS));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("x", 1)).await.unwrap();
        drop(client);
        until("the driver ends", || Arc::strong_count(&log.0) == 1).await;
    });
}

#[test]
fn a_connect_that_is_given_up_leaves_nothing_behind() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().max_attempts(1_000_000));
        assert!(rt::timeout(20 * MS, builder.connect(graphite.address())).await.is_none());
        until("the driver ends", || Arc::strong_count(&log.0) == 1).await;
        let builder = log.listen(quick());
        builder.connect(graphite.address()).await.unwrap_err();
        until("the driver ends", || Arc::strong_count(&log.0) == 1).await;
    });
}
