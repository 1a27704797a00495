//! Feeders: whose points they hold, until when, and what becomes of them.

use crate::client::{Client, Event, Feeder, FlushError, Protocol, SendError, TryFeedError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

#[test]
fn what_is_fed_arrives_in_order_after_a_flush() {
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        block_on(async move {
            let graphite = Graphite::start(protocol);
            let client =
                quick().protocol(protocol).connect(graphite.address()).await.expect("connect");
            let mut feeder = client.feeder();
            for metric in numbered("feeder", 20_000) {
                feeder.feed(&metric).await.unwrap();
            }
            feeder.flush().await.unwrap();
            assert_eq!(feeder.pending(), 0);
            client.close().await.unwrap();
            assert_eq!(graphite.paths(), names("feeder", 20_000));
            assert_accounted(&client.stats());
            assert_eq!(client.stats().accepted, 20_000);
        });
    }
}

/// They are its own, and nobody else's flush waits for them.
#[test]
fn points_are_the_feeders_until_they_are_handed_over() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().linger(1000 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        for metric in numbered("mine", 3) {
            feeder.feed(metric).await.unwrap();
        }
        assert_eq!((feeder.pending(), client.stats().accepted), (3, 0));
        let other = client.feeder();
        assert_eq!(other.pending(), 0);
        feeder.flush().await.unwrap();
        assert_eq!((feeder.pending(), client.stats().written), (0, 3));
        graphite.received(3).await;
        client.close().await.unwrap();
    });
}

#[test]
fn a_feeder_that_is_left_alone_is_not_forgotten() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        for round in 1..=5 {
            feeder.feed(("alone", round, 1)).await.unwrap();
            graphite.received(round).await;
            assert_eq!(feeder.pending(), 0);
        }
        client.close().await.unwrap();
    });
}

#[test]
fn a_feeder_that_is_dropped_hands_over_what_it_holds() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().linger(1000 * MS).connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        feeder.try_feed(("dropped", 1, 1)).unwrap();
        drop(feeder);
        assert_eq!(client.stats().accepted, 1);
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["dropped"]);
    });
}

#[test]
fn a_close_takes_along_what_feeders_hold() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().linger(1000 * MS).connect(graphite.address()).await.unwrap();
        let mut feeders = [client.feeder(), client.feeder()];
        for feeder in &mut feeders {
            feeder.feed(("held", 1, 1)).await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 2);
        let [mut feeder, other] = feeders;
        assert_eq!(feeder.feed(("late", 1, 1)).await, Err(SendError::Closed));
        assert_eq!(feeder.try_feed(("late", 1, 1)), Err(TryFeedError::Closed));
        assert_eq!(feeder.flush().await, Ok(()), "nothing is left");
        assert_eq!((feeder.pending(), other.pending()), (0, 0));
        assert_eq!(client.feeder().feed(("late", 1, 1)).await, Err(SendError::Closed));
    });
}

/// The queue's bound holds for feeders, and what finds no room stays with them.
#[test]
fn a_feeder_waits_for_room_and_fails_with_the_others() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().queue_bytes(4_000));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let mut feeder = client.feeder();
        let mut fed = 0;
        let error = loop {
            match feeder.feed((format!("full.{fed}"), fed, 1)).await {
                Ok(()) => fed += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SendError::Full(_)), "{error:?}");
        assert!(matches!(feeder.try_feed(("full.more", 1, 1)), Err(TryFeedError::Full { .. })));
        let error = feeder.flush().await.unwrap_err();
        assert!(matches!(error, FlushError::Full(_)), "{error:?}");
        let stats = client.stats();
        assert!(stats.queued_bytes <= 4_000, "{stats:?}");
        assert_eq!(stats.accepted + feeder.pending(), fed, "{stats:?}");

        graphite.listen();
        while feeder.flush().await.is_err() {}
        assert_eq!(client.stats().accepted, fed);
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("full", fed as usize));
        assert_eq!(log.count(|event| matches!(event, Event::Abandoned { .. })), 0);
    });
}

#[test]
fn what_a_dropped_feeder_holds_waits_for_room() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().queue_bytes(4_000).connect_lazy(graphite.address()).unwrap();
        let mut fed = 0;
        for _ in 0..3 {
            let mut feeder = client.feeder();
            while feeder.try_feed((format!("full.{fed}"), fed, 1)).is_ok() {
                fed += 1;
            }
            assert!(feeder.pending() > 0);
        }
        assert!(client.stats().accepted < fed);
        graphite.listen();
        graphite.received(fed as usize).await;
        client.close().await.unwrap();
        assert_eq!((client.stats().accepted, client.stats().rejected), (fed, 3));
    });
}

/// However many feeders are dropped, what is held for them is bounded.
#[test]
fn what_too_many_dropped_feeders_hold_is_counted_and_told() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().queue_bytes(4_000).close_timeout(50 * MS));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        while client.try_feed(("full", 1, 1)).is_ok() {}
        let before = client.stats();
        for _ in 0..70 {
            client.feeder().try_feed(("x".repeat(400), 1, 1)).unwrap();
        }
        let stats = client.stats();
        assert_eq!((stats.accepted, stats.rejected), (before.accepted, before.rejected + 6));
        let told = Event::LeftBehind { points: 1 };
        until("all are told", || log.count(|event| *event == told) == 6).await;
        let error = client.close().await.unwrap_err();
        assert_eq!(error.undelivered, before.accepted + 64);
    });
}

#[test]
fn an_invalid_point_is_refused_and_counted_and_the_others_stay() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        feeder.feed(("good", 1, 1)).await.unwrap();
        let error = feeder.feed(("not good", 1, 1)).await.unwrap_err();
        assert!(matches!(error, SendError::Metric(_)), "{error:?}");
        assert!(matches!(feeder.try_feed(("", 1)), Err(TryFeedError::Metric(_))));
        assert_eq!(client.stats().rejected, 2);
        feeder.feed(("better", 1, 1)).await.unwrap();
        feeder.flush().await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["good", "better"]);
    });
}

/// Feeders, clones and batches side by side; each task's points stay in order.
#[test]
fn many_feeders_share_a_client() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().queue_bytes(64 << 10).connect(graphite.address()).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    let mut feeder = client.feeder();
                    for i in 0..2_000 {
                        feeder.feed((format!("feeder.{task}"), i, 1)).await.unwrap();
                        if i % 500 == 0 {
                            client.send((format!("client.{task}"), i, 1)).await.unwrap();
                        }
                    }
                    feeder.flush().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        client.close().await.unwrap();
        let points = graphite.points();
        assert_eq!(points.len(), 8 * 2_004);
        for task in 0..8 {
            let path = format!("feeder.{task}");
            let mine = points.iter().filter(|point| point.path() == path);
            assert!(
                mine.map(|point| point.value().as_f64()).eq((0..2_000).map(f64::from)),
                "{path}"
            );
        }
        assert_accounted(&client.stats());
    });
}

/// More than 64 frames of points of a kilobyte, so that the feeder keeps the last to itself.
const BURST: usize = 5_000;

async fn feed_burst(feeder: &mut Feeder) {
    let path = format!("burst.{}", "x".repeat(1_000));
    for i in 0..BURST {
        feeder.feed((&path, i, 1)).await.expect("fed");
    }
}

#[test]
fn a_burst_ends_with_a_flush() {
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        block_on(async move {
            let graphite = Graphite::start(protocol);
            let builder = quick().protocol(protocol).linger(1000 * MS);
            let client = builder.connect(graphite.address()).await.unwrap();
            let mut feeder = client.feeder();
            for burst in 1..=3 {
                feed_burst(&mut feeder).await;
                let (pending, accepted) = (feeder.pending(), client.stats().accepted);
                assert!(pending > 0, "nothing is kept");
                assert_eq!(pending + accepted, burst * BURST as u64);
                feeder.flush().await.unwrap();
                assert_eq!((feeder.pending(), client.stats().written), (0, burst * BURST as u64));
            }
            client.close().await.unwrap();
            assert_eq!(graphite.count(), 3 * BURST);
        });
    }
}

/// The client's task asks for what is kept too long, and the next call hands it over.
#[test]
fn what_is_left_of_a_burst_goes_with_a_later_call() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        feed_burst(&mut feeder).await;
        let mut calls = 0;
        while client.stats().accepted < BURST as u64 {
            rt::sleep(MS).await;
            feeder.feed(("later", calls, 1)).await.unwrap();
            calls += 1;
            assert!(calls < 10_000, "nobody asks for it");
        }
        graphite.received(BURST).await;
        feeder.flush().await.unwrap();
        client.close().await.unwrap();
        let values = graphite.points().into_iter().map(|point| point.value().as_f64());
        assert!(values.take(BURST).eq((0..BURST).map(|i| i as f64)));
    });
}

#[test]
fn what_a_feeder_keeps_when_the_client_closes_is_undelivered() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().linger(1000 * MS).connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        feed_burst(&mut feeder).await;
        let pending = feeder.pending();
        assert!(pending > 0);
        for _ in 0..2 {
            assert_eq!(client.close().await.unwrap_err().undelivered, pending);
        }
        assert_eq!(feeder.feed(("late", 1, 1)).await, Err(SendError::Closed));
        assert_eq!(feeder.flush().await, Err(FlushError::Closed));
        assert_eq!(feeder.pending(), pending);
        drop(feeder);
        let stats = client.stats();
        // With the one that came too late.
        assert_eq!((stats.accepted, stats.rejected), (BURST as u64 - pending, pending + 1));
        assert_accounted(&stats);
        assert_eq!(graphite.count() as u64, stats.accepted);
    });
}

/// Whose call says `Ok` is delivered if the close says so, also while they are at full speed.
#[test]
fn a_close_takes_along_what_feeders_at_work_hold() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    let (mut feeder, mut fed) = (client.feeder(), 0u64);
                    let path = format!("task.{task}.{}", "x".repeat(500));
                    while feeder.feed((&path, fed, 1)).await.is_ok() {
                        fed += 1;
                    }
                    fed
                })
            })
            .collect();
        until("some is written", || client.stats().written > 20_000).await;
        client.close().await.unwrap();
        let mut fed = 0;
        for task in tasks {
            fed += task.await;
        }
        assert_eq!(graphite.count() as u64, fed);
        assert_eq!((client.stats().accepted, client.stats().confirmed), (fed, fed));
    });
}

/// Also one that waits for a feeder which keeps points to itself.
#[test]
fn a_close_that_is_given_up_goes_on() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().linger(1000 * MS).connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        feed_burst(&mut feeder).await;
        let pending = feeder.pending();
        // It waits for the feeder.
        drop(rt::timeout(MS, client.close()).await);
        assert_eq!(client.feed(("late", 1, 1)).await, Err(SendError::Closed));
        assert_eq!(client.close().await.unwrap_err().undelivered, pending);
    });
}

/// A point is in or it is not, however its future ends.
#[test]
fn a_feed_that_is_given_up_has_taken_nothing() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().queue_bytes(4_000).connect_lazy(graphite.address()).unwrap();
        let mut feeder = client.feeder();
        let mut fed = 0;
        while feeder.try_feed(("full", fed, 1)).is_ok() {
            fed += 1;
        }
        let waits = rt::timeout(5 * MS, feeder.feed(("given.up", 1, 1))).await;
        assert!(!matches!(waits, Some(Ok(()))));
        assert_eq!(feeder.pending() + client.stats().accepted, fed);
    });
}

/// A feeder ends with its client's last handle, not before.
#[test]
fn a_feeder_keeps_its_client() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let mut feeder = client.feeder();
        drop(client);
        feeder.feed(("kept", 1, 1)).await.unwrap();
        feeder.flush().await.unwrap();
        feeder.client().close().await.unwrap();
        assert_eq!(graphite.paths(), ["kept"]);
    });
}
