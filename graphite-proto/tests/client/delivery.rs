//! The three delivery levels: what arrives, how often, and what is counted.

use std::time::Duration;

use crate::client::{Client, Delivery, Protocol, SendError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

const CONFIRMED: Delivery = Delivery::Confirmed { window: 1 << 20 };

/// What a reporter does with a receiver that closes idle connections.
async fn forty_reports(delivery: Delivery, protocol: Protocol) {
    let graphite = Graphite::start(protocol);
    graphite.behave(Manner::CloseAfter(1000));
    let log = Log::default();
    let builder = log.listen(Client::builder().delivery(delivery).protocol(protocol));
    let client = builder.connect(graphite.address()).await.expect("connect");
    for report in 0..40 {
        client.send_multiple(numbered(&format!("r{report}"), 1000)).await.expect("sent");
        graphite.received((report + 1) * 1000).await;
        graphite.closed_all().await;
    }
    client.close().await.expect("close");
    let expected: Vec<_> = (0..40).flat_map(|report| names(&format!("r{report}"), 1000)).collect();
    let told = || format!("{} points: {:?}", graphite.count(), log.events());
    assert!(graphite.paths() == expected, "{delivery:?}: {}", told());
    let stats = client.stats();
    assert_eq!((stats.accepted, stats.confirmed, stats.replayed), (40_000, 40_000, 0));
}

#[test]
fn forty_reports_to_a_receiver_that_closes_after_each_arrive_exactly_once() {
    block_on(forty_reports(Delivery::default(), Protocol::Plaintext));
}

#[test]
fn forty_reports_arrive_by_best_effort_too() {
    block_on(forty_reports(Delivery::BestEffort, Protocol::Pickle));
}

/// The next report does not wait until the last one was read, let alone until the close.
#[test]
fn reports_in_a_hurry_lose_nothing() {
    block_on(async {
        let graphite = Graphite::with(Manner::CloseAfter(1000));
        let client = quick().max_attempts(1000).connect(graphite.address()).await.unwrap();
        for report in 0..40 {
            client.send_multiple(numbered(&format!("r{report}"), 1000)).await.unwrap();
        }
        graphite.received_distinct(40_000).await;
        assert_accounted(&client.stats());
    });
}

#[test]
fn replay_repeats_only_after_a_doubt_and_in_order() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let log = Log::default();
        let client = log.listen(quick()).connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("a", 1000)).await.unwrap();
        graphite.received(1000).await;
        graphite.kill().await;
        graphite.listen();
        client.send_multiple(numbered("b", 1000)).await.unwrap();
        client.close().await.unwrap();
        let mut expected = names("a", 1000);
        expected.extend(names("a", 1000));
        expected.extend(names("b", 1000));
        assert!(graphite.paths() == expected, "{} points", graphite.count());
        let stats = client.stats();
        assert_eq!((stats.written, stats.replayed, stats.confirmed), (2000, 1000, 2000));
        assert_eq!(log.count(|event| matches!(event, crate::client::Event::Replayed(1000))), 1);
    });
}

#[test]
fn what_best_effort_may_have_lost_is_counted() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let builder = quick().delivery(Delivery::BestEffort);
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("a", 1000)).await.unwrap();
        graphite.received(1000).await;
        graphite.kill().await;
        graphite.listen();
        client.send(("b", 1)).await.unwrap();
        let error = client.close().await.unwrap_err();
        assert_eq!(error.undelivered, 1000);
        let stats = client.stats();
        assert_eq!((stats.in_doubt, stats.confirmed, stats.replayed), (1000, 1, 0));
        assert_eq!(graphite.count(), 1001);
    });
}

#[test]
fn a_confirmed_send_was_read() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().delivery(CONFIRMED);
        let client = builder.connect(graphite.address()).await.unwrap();
        for i in 0..10 {
            client.send((format!("x.{i}"), i)).await.unwrap();
            assert_eq!(graphite.count(), i + 1, "read before `send` returned");
        }
        client.send_multiple(numbered("y", 60_000)).await.unwrap();
        assert_eq!(graphite.count(), 60_010);
        client.feed(("z", 1)).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(graphite.count(), 60_011);
        assert_eq!(client.stats().confirmed, 60_011);
        assert_eq!(client.stats().replayed, 0);
        client.close().await.unwrap();
    });
}

#[test]
fn confirmed_proofs_are_told_as_confirmed_not_as_losses() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let log = Log::default();
        let builder = log.listen(quick().delivery(CONFIRMED));
        let client = builder.connect(graphite.address()).await.unwrap();
        for i in 0..5 {
            client.send(("x", i)).await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!((log.lost(), log.connected()), (0, 1), "{:?}", log.events());
        assert_eq!(client.stats().reconnects, 0);
    });
}

#[test]
fn confirmed_loses_nothing_to_a_receiver_that_is_killed_again_and_again() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let builder = quick().delivery(CONFIRMED).max_attempts(1000);
        let client = builder.connect(graphite.address()).await.unwrap();
        let feeder = client.clone();
        let task = rt::spawn(async move {
            for point in numbered("x", 60_000) {
                feeder.feed(point).await.unwrap();
            }
            feeder.flush().await.unwrap();
        });
        for round in 1..=10 {
            let (count, enough) = (graphite.count(), 2000);
            until("more came in", || {
                graphite.count() >= count + enough || graphite.distinct() == 60_000
            })
            .await;
            graphite.kill().await;
            if round % 2 == 0 {
                rt::sleep(20 * MS).await;
            }
            graphite.listen();
        }
        task.await;
        assert_eq!(graphite.distinct(), 60_000);
        client.close().await.unwrap();
        assert_eq!(client.stats().confirmed, 60_000);
        assert_eq!(graphite.errors(), [""; 0]);
    });
}

#[test]
fn confirmed_fails_with_a_receiver_that_never_answers_the_end() {
    block_on(async {
        let graphite = Graphite::with(Manner::NeverFinish);
        let builder = quick().delivery(CONFIRMED).close_timeout(50 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        let error = client.send(("x", 1)).await.unwrap_err();
        let SendError::Queued(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.text, "receiver did not answer the end of the connection");
        assert!(graphite.connections() >= 3);
        graphite.behave(Manner::Read);
        while client.flush().await.is_err() {}
        assert_eq!(client.stats().confirmed, 1);
    });
}

#[test]
fn confirmed_proves_by_itself_within_the_interval() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().delivery(CONFIRMED).confirm_interval(20 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        client.feed(("x", 1)).await.unwrap();
        until("it is proven", || client.stats().confirmed == 1).await;
        assert_eq!(graphite.count(), 1);
    });
}

#[test]
fn waiters_share_a_proof() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().delivery(CONFIRMED);
        let client = builder.connect(graphite.address()).await.unwrap();
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    for i in 0..5 {
                        client.send((format!("t{task}.{i}"), i)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        assert_eq!(client.stats().confirmed, 320);
        assert_eq!((graphite.count(), graphite.distinct()), (320, 320));
        assert!(graphite.connections() < 160, "{} connections", graphite.connections());
    });
}

#[test]
fn an_old_connection_is_renewed_without_a_repeat() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let log = Log::default();
        let builder = quick().max_connection_age(Some(Duration::from_millis(30)));
        let client = log.listen(builder).connect(graphite.address()).await.unwrap();
        let mut sent = 0;
        while graphite.connections() < 4 {
            client.send((format!("x.{sent}"), 1)).await.unwrap();
            sent += 1;
            rt::sleep(MS).await;
        }
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("x", sent));
        assert_eq!((log.lost(), client.stats().replayed), (0, 0));
    });
}
