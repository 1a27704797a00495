//! Receivers that are gone, come back, hang, break off or are no receivers at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::{Client, Delivery, Protocol, SendError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

#[test]
fn a_lazy_client_starts_without_a_receiver_and_delivers_later() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        client.feed(("a", 1)).await.unwrap();
        let error = client.send(("b", 2)).await.unwrap_err();
        let SendError::Queued(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.kind, std::io::ErrorKind::ConnectionRefused);
        graphite.listen();
        graphite.received(2).await;
        client.flush().await.unwrap();
        assert_eq!(graphite.paths(), ["a", "b"]);
    });
}

/// aiographite returns success when its third reconnect worked, whatever became of the data.
#[test]
fn the_third_failure_is_an_error_even_if_every_reconnect_works() {
    block_on(async {
        for delivery in [Delivery::default(), Delivery::Confirmed { window: 8 << 20 }] {
            let graphite = Graphite::with(Manner::CloseAtOnce);
            let builder = Client::builder().delivery(delivery);
            let client = builder.connect(graphite.address()).await.unwrap();
            // More than the kernels take.
            let error = client.send_multiple(numbered("x", 400_000)).await.unwrap_err();
            assert!(matches!(error.source, SendError::Full(_) | SendError::Queued(_)), "{error:?}");
            assert!(graphite.connections() >= 3, "{}", graphite.connections());
            assert_accounted(&client.stats());
        }
    });
}

#[test]
fn a_receiver_that_was_restarted_between_two_sends_gets_the_next() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        client.send(("before", 1)).await.unwrap();
        graphite.received(1).await;
        graphite.kill().await;
        graphite.listen();
        client.send(("after", 2)).await.unwrap();
        graphite.received_distinct(2).await;
        assert_eq!(client.stats().reconnects, 1);
    });
}

#[test]
fn a_close_between_two_sends_is_noticed_before_the_next_point() {
    block_on(async {
        for delivery in [Delivery::BestEffort, Delivery::default()] {
            let graphite = Graphite::plaintext();
            let builder = Client::builder().delivery(delivery);
            let client = builder.connect(graphite.address()).await.unwrap();
            for i in 0..12 {
                client.send((format!("x.{i}"), i)).await.unwrap();
                graphite.received(i + 1).await;
                graphite.close_connections().await;
            }
            client.close().await.unwrap();
            assert_eq!(graphite.paths(), names("x", 12), "each once, {delivery:?}");
            assert_eq!(client.stats().replayed, 0);
        }
    });
}

#[test]
fn a_receiver_that_stops_reading_is_an_error_not_a_hang() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let log = Log::default();
        let builder = quick().write_timeout(100 * MS).send_buffer(16 << 10);
        let client = log.listen(builder).connect(graphite.address()).await.unwrap();
        let error = client.send_multiple(numbered("x", 400_000)).await.unwrap_err();
        let (SendError::Full(failure) | SendError::Queued(failure)) = error.source else {
            panic!("{error:?}")
        };
        assert_eq!(failure.text, "receiver stopped reading");
        assert_eq!(log.gave_up(), 1);
        let stats = client.stats();
        assert_accounted(&stats);
        assert_eq!(stats.accepted, error.queued as u64);
        // Everything is still there.
        graphite.behave(Manner::Read);
        graphite.received_distinct(error.queued).await;
        client.close().await.unwrap();
    });
}

#[test]
fn a_slow_receiver_is_waited_for() {
    block_on(async {
        let graphite = Graphite::with(Manner::ReadSlowly(32 << 10));
        let builder = quick().write_timeout(Duration::from_secs(5));
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 50_000)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!((graphite.count(), graphite.connections()), (50_000, 1));
    });
}

#[test]
fn a_receiver_that_pauses_is_not_a_dead_one() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let client = Client::connect(graphite.address()).await.unwrap();
        let sender = client.clone();
        let task = rt::spawn(async move { sender.send_multiple(numbered("x", 400_000)).await });
        // Until nothing moves any more: the kernels are full.
        let mut written = u64::MAX;
        while client.stats().written != written {
            written = client.stats().written;
            rt::sleep(300 * MS).await;
        }
        graphite.behave(Manner::Read);
        task.await.unwrap();
        client.close().await.unwrap();
        assert_eq!((graphite.count(), graphite.connections()), (400_000, 1));
    });
}

#[test]
fn resets_in_the_middle_of_the_stream_lose_nothing() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            let builder = quick().protocol(protocol).max_attempts(1000);
            let client = builder.connect(graphite.address()).await.unwrap();
            for round in 1..=5 {
                graphite.behave(Manner::ResetAfter(90_000 * round));
                let (before, sender) = (graphite.connections(), client.clone());
                let batch = numbered(&format!("r{round}"), 20_000);
                let sending = rt::spawn(async move { sender.send_multiple(batch).await });
                graphite.reached(before + 1).await;
                graphite.behave(Manner::Read);
                sending.await.unwrap();
            }
            let accepted = client.stats().accepted;
            client.close().await.unwrap();
            assert_eq!(graphite.distinct() as u64, accepted, "{protocol:?}");
            assert_eq!(graphite.errors(), [""; 0], "only whole frames, from their start");
            assert_eq!(accepted, 100_000);
            assert!(client.stats().replayed > 0);
        }
    });
}

#[test]
fn a_server_that_is_no_receiver_is_an_error() {
    block_on(async {
        let graphite = Graphite::with(Manner::Speak);
        let client = quick().connect(graphite.address()).await.unwrap();
        // What was written before it spoke was written; it cannot go on like that.
        let mut error = None;
        for i in 0..10_000 {
            if let Err(failed) = client.send(("x", i)).await {
                error = Some(failed);
                break;
            }
            rt::sleep(MS).await;
        }
        let Some(SendError::Queued(failure)) = error else { panic!("{error:?}") };
        assert_eq!(failure.text, "receiver sent data: wrong port?");
    });
}

#[test]
fn a_receiver_that_accepts_and_closes_is_not_stormed() {
    block_on(async {
        let graphite = Graphite::with(Manner::CloseAtOnce);
        let client = Client::builder().connect_lazy(graphite.address()).unwrap();
        let begun = Instant::now();
        // A caller that knows no patience.
        while begun.elapsed() < Duration::from_secs(3) {
            let _ = client.send_multiple(numbered("x", 1000)).await;
            rt::sleep(MS).await;
        }
        let in_second = |number: u64| {
            let whole = |at: &&Instant| at.duration_since(begun).as_secs() == number;
            graphite.accepted().iter().filter(whole).count()
        };
        let (first, later) = (in_second(0), in_second(2));
        assert!((2..=8).contains(&first), "{first} in the first second");
        assert!(later < first, "{first}, then {later}");
    });
}

#[test]
fn a_receiver_that_refuses_is_not_stormed() {
    block_on(async {
        let attempts = Arc::new(AtomicUsize::new(0));
        let counter = attempts.clone();
        let builder = Client::builder().max_attempts(1);
        let connecting = builder.connect_with(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Err::<rt::Tcp, _>(std::io::ErrorKind::ConnectionRefused.into()) }
        });
        assert!(connecting.await.is_err());
        assert_eq!(attempts.load(Ordering::SeqCst), 1);

        let mut graphite = Graphite::plaintext();
        let log = Log::default();
        let client = log.listen(Client::builder()).connect(graphite.address()).await.unwrap();
        graphite.kill().await;
        let begun = Instant::now();
        let mut failed = 0;
        while begun.elapsed() < Duration::from_secs(1) {
            failed += u32::from(client.send(("x", 1)).await.is_err());
            rt::sleep(MS).await;
        }
        // The first error comes with the third attempt, each later one with one attempt more.
        assert!((1..=6).contains(&failed), "{failed} failed rounds in the first second");
    });
}

#[test]
fn an_outage_is_told_once() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let log = Log::default();
        let client = log.listen(quick()).connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("before", 1000)).await.unwrap();
        graphite.received(1000).await;
        graphite.kill().await;
        for point in numbered("during", 1000) {
            client.feed(point).await.unwrap();
        }
        for _ in 0..5 {
            client.flush().await.unwrap_err();
        }
        graphite.listen();
        graphite.received_distinct(2000).await;
        client.close().await.unwrap();
        assert_eq!((log.lost(), log.gave_up(), log.connected()), (1, 1, 2), "{:?}", log.events());
        assert!(log.events().len() < 10, "{:?}", log.events());
    });
}

#[test]
fn every_loss_is_told_once_and_so_is_every_return() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let log = Log::default();
        let builder = log.listen(quick()).settle_timeout(10 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        for i in 0..10 {
            client.send((format!("x.{i}"), i)).await.unwrap();
            graphite.received(i + 1).await;
            graphite.close_connections().await;
            until("the loss is told", || log.lost() == i + 1).await;
        }
        client.close().await.unwrap();
        assert_eq!((log.lost(), log.connected(), log.gave_up()), (10, 10, 0));
    });
}
