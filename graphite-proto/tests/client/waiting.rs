//! Waiting and giving up waiting: a future that is dropped loses nothing and leaves nothing.

use std::pin::pin;
use std::task::{Context, Poll};

use futures::{SinkExt as _, StreamExt as _, stream};

use crate::client::{Client, Event, Metric, Overflow, Protocol, SendError, TryFeedError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::{Log, MS, assert_accounted, numbered, quick};

/// Polls a future once and drops it: cancelled at its first wait.
fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(futures::task::noop_waker_ref()))
}

/// A client whose queue is full and whose receiver is not there yet.
fn full(graphite: &Graphite) -> Client {
    let builder = quick().queue_bytes(4096).max_attempts(1_000_000);
    let client = builder.connect_lazy(graphite.address()).expect("address");
    fill(&client);
    client
}

/// Fills the queue; returns how many points went in.
fn fill(client: &Client) -> usize {
    (0..).take_while(|i| client.try_feed((format!("fill.{i}"), 1, 1)).is_ok()).count()
}

#[test]
fn feeding_waits_for_room() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = full(&graphite);
        let filled = client.stats().accepted;
        let feeding: Vec<_> = (0..50)
            .map(|i| {
                let client = client.clone();
                rt::spawn(async move { client.feed((format!("wait.{i}"), i)).await })
            })
            .collect();
        rt::sleep(20 * MS).await;
        assert_eq!(client.stats().accepted, filled);
        graphite.listen();
        for feeding in feeding {
            feeding.await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(graphite.count() as u64, filled + 50);
    });
}

#[test]
fn a_feed_that_is_given_up_has_queued_nothing() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = full(&graphite);
        let filled = client.stats().accepted;
        for i in 0..100 {
            assert!(poll_once(client.feed((format!("gone.{i}"), i))).is_pending());
            assert!(poll_once(client.send((format!("gone.{i}"), i))).is_pending());
            assert!(poll_once(client.send_multiple([("gone", i), ("too", i)])).is_pending());
            assert!(poll_once(client.flush()).is_pending());
        }
        assert_eq!(client.stats().accepted, filled);
        let waiting = client.clone();
        let waiting = rt::spawn(async move { waiting.feed(("stays", 1)).await });
        graphite.listen();
        waiting.await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths().last().unwrap(), "stays");
        assert_eq!(graphite.count() as u64, filled + 1);
    });
}

#[test]
fn a_send_that_is_given_up_while_its_point_is_queued_is_still_delivered() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        for i in 0..100 {
            assert!(poll_once(client.send((format!("x.{i}"), i))).is_pending());
        }
        assert!(poll_once(client.send_multiple(numbered("y", 100))).is_pending());
        graphite.listen();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 200);
    });
}

/// Callers come and give up at any moment while points flow: all that was said to be in is in,
/// once, and whoever stays gets an answer.
#[test]
fn giving_up_at_any_moment_loses_and_hangs_nothing() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().queue_bytes(2048);
        let client = builder.connect(graphite.address()).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    let mut fed = Vec::new();
                    for i in 0..300 {
                        let path = format!("t{task}.{i}");
                        let patience = ((i * 7 + task) % 5) as u32 * MS / 4;
                        match i % 3 {
                            0 => drop(rt::timeout(patience, client.send((&path, i))).await),
                            1 => drop(rt::timeout(patience, client.flush()).await),
                            _ => {
                                if let Some(Ok(())) =
                                    rt::timeout(patience, client.feed((&path, i))).await
                                {
                                    fed.push(path);
                                }
                            }
                        }
                    }
                    client.flush().await.unwrap();
                    fed
                })
            })
            .collect();
        let mut fed = Vec::new();
        for task in tasks {
            fed.extend(task.await);
        }
        client.close().await.unwrap();
        let stats = client.stats();
        assert_accounted(&stats);
        let received = graphite.paths();
        assert_eq!(
            (received.len(), graphite.distinct()),
            (stats.accepted as usize, received.len())
        );
        assert!(fed.iter().all(|path| received.contains(path)));
    });
}

#[test]
fn a_feed_that_finds_no_room_fails_with_the_cause_and_counts_as_refused() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().queue_bytes(4096);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let filled = fill(&client) as u64;
        let error = client.try_feed(("more", 1)).unwrap_err();
        let TryFeedError::Full { queued, limit } = error else { panic!("{error:?}") };
        assert!(queued <= limit && limit == 4096, "{queued} of {limit}");
        let error = client.feed(("more", 1)).await.unwrap_err();
        let SendError::Full(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.kind, std::io::ErrorKind::ConnectionRefused);
        let error = client.send_multiple([("more", 1), ("and more", 1)]).await.unwrap_err();
        assert_eq!(error.queued, 0);
        assert!(matches!(error.source, SendError::Full(_)));
        let stats = client.stats();
        assert_eq!((stats.accepted, stats.queued, stats.rejected), (filled, filled, 4));
    });
}

#[test]
fn what_cannot_be_sent_does_not_wait_for_room() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = full(&graphite);
        assert!(matches!(client.feed(("", 1)).await, Err(SendError::Metric(_))));
        assert!(matches!(client.send(("a b", 1)).await, Err(SendError::Metric(_))));
        let error = client.send_multiple([("", 1)]).await.unwrap_err();
        assert!(matches!(error.source, SendError::Metric(_)));
    });
}

#[test]
fn every_waiter_fails_at_the_third_failure_and_its_point_stays() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        for round in 0..4 {
            let tasks: Vec<_> = (0..20)
                .map(|i| {
                    let client = client.clone();
                    rt::spawn(async move { client.send((format!("r{round}.{i}"), i)).await })
                })
                .collect();
            for task in tasks {
                assert!(matches!(task.await, Err(SendError::Queued(_))));
            }
        }
        assert_eq!(client.stats().queued, 80);
        graphite.listen();
        graphite.received(80).await;
        client.flush().await.unwrap();
        assert_eq!(graphite.distinct(), 80);
    });
}

#[test]
fn whoever_waits_for_a_dropped_point_is_told() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().queue_bytes(4096).overflow(Overflow::DropOldest);
        let client = builder.max_attempts(1_000_000).connect_lazy(graphite.address()).unwrap();
        let waiting = client.clone();
        let waiting = rt::spawn(async move { waiting.send(("oldest", 1)).await });
        until("it is queued", || client.stats().queued == 1).await;
        for point in numbered("x", 10_000) {
            client.feed(point).await.unwrap();
        }
        assert_eq!(waiting.await, Err(SendError::Dropped));
        let stats = client.stats();
        assert_accounted(&stats);
        assert_eq!(stats.accepted, 10_001);
        assert!(stats.dropped > 9_000 && stats.queued_bytes <= 4096, "{stats:?}");
        graphite.listen();
        // What was dropped before is not this flush's business.
        client.flush().await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count() as u64, stats.queued);
        assert_eq!(graphite.paths().last().unwrap(), "x.9999");
    });
}

#[test]
fn a_sink_waits_for_room_and_flushes() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().queue_bytes(2048);
        let client = builder.connect(graphite.address()).await.unwrap();
        let mut sink = client.sink();
        let mut points = stream::iter(numbered("x", 5000).map(Ok));
        sink.send_all(&mut points).await.unwrap();
        assert_eq!(client.stats().written, 5000);
        sink.send(Metric::new("last", 1)).await.unwrap();
        sink.close().await.unwrap();
        // The sink is closed, the client is not.
        client.send(("after", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 5002);
    });
}

/// A flush that was begun and given up does not answer for what came after it.
#[test]
fn a_sinks_flush_is_for_what_came_later_too() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick()).max_attempts(1_000_000);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let mut sink = client.sink();
        sink.feed(Metric::new("early", 1)).await.unwrap();
        assert!(poll_once(sink.flush()).is_pending());
        graphite.listen();
        client.flush().await.unwrap();
        graphite.received(1).await;
        graphite.kill().await;
        let lost = || log.events().iter().any(|event| matches!(event, Event::Lost(_)));
        until("the loss is told", lost).await;
        sink.feed(Metric::new("late", 1)).await.unwrap();
        assert!(poll_once(sink.flush()).is_pending());
        graphite.listen();
        sink.flush().await.unwrap();
        assert_eq!(client.stats().written, 2);
        client.close().await.unwrap();
    });
}

#[test]
fn a_sink_that_is_dropped_while_it_waits_leaves_nothing() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = full(&graphite);
        let filled = client.stats().accepted;
        for _ in 0..100 {
            let mut sink = client.sink();
            let mut points = stream::iter([Ok(Metric::new("gone", 1)), Ok(Metric::new("too", 1))]);
            assert!(poll_once(sink.send_all(&mut points)).is_pending());
            assert!(poll_once(points.next()).is_ready(), "one is held, one is not taken");
        }
        graphite.listen();
        client.close().await.unwrap();
        assert_eq!(graphite.count() as u64, filled);
    });
}

/// Room that was promised to a future that nobody runs any more goes to those who are run.
#[test]
fn a_feed_that_is_not_run_any_more_holds_up_nobody() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = full(&graphite);
        let filled = client.stats().accepted;
        // Each of them takes the whole queue.
        let large = "x".repeat(10_000);
        let mut idle: Vec<_> = (0..3).map(|i| Box::pin(client.feed((&large, i)))).collect();
        for feed in &mut idle {
            let mut cx = Context::from_waker(futures::task::noop_waker_ref());
            assert!(feed.as_mut().poll(&mut cx).is_pending());
        }
        graphite.listen();
        client.send(("small", 1)).await.unwrap();
        // They were passed, and have lost nothing by it.
        for feed in idle {
            feed.await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(graphite.count() as u64, filled + 4);
    });
}
