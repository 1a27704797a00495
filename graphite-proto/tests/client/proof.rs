//! What proves that a receiver read everything: an end of file with nothing unacknowledged.

use std::io::Read as _;
use std::net::{Shutdown, TcpListener};
use std::thread;

use crate::client::{Client, Delivery};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, names, numbered, quick};

#[test]
fn an_end_of_file_with_everything_read_is_proof() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let log = Log::default();
        let client = log.listen(quick()).connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 1000)).await.unwrap();
        graphite.received(1000).await;
        assert_eq!((client.stats().confirmed, client.stats().window_bytes > 0), (0, true));
        graphite.close_connections().await;
        until("the end is seen", || log.lost() == 1).await;
        assert_eq!((client.stats().confirmed, client.stats().window_bytes), (1000, 0));
        client.send(("next", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 1001);
    });
}

#[test]
fn a_close_with_unread_bytes_is_no_proof() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let log = Log::default();
        let client = log.listen(quick()).connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 1000)).await.unwrap();
        // Closes in good order, as far as it knows: its kernel resets.
        graphite.behave(Manner::CloseAtOnce);
        until("the end is seen", || log.lost() > 0).await;
        assert_eq!(client.stats().confirmed, 0);
        graphite.behave(Manner::Read);
        graphite.received(1000).await;
        client.close().await.unwrap();
        assert_eq!((graphite.distinct(), client.stats().confirmed), (1000, 1000));
        assert!(client.stats().replayed >= 1000);
    });
}

/// The receiver closes its side with much unread, and reads on later: its kernel keeps what it had
/// taken, so that all arrives, once.
#[test]
fn an_end_of_file_with_bytes_on_their_way_is_no_proof_and_no_loss() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let log = Log::default();
        let builder = log.listen(quick().delivery(Delivery::Replay { window: 64 << 20 }));
        let client = builder.max_attempts(1_000_000).connect(graphite.address()).await.unwrap();
        let sender = client.clone();
        let sending = rt::spawn(async move { sender.send_multiple(numbered("x", 400_000)).await });
        let mut written = u64::MAX;
        while client.stats().written != written || written == 0 {
            written = client.stats().written;
            rt::sleep(100 * MS).await;
        }
        // The kernels are full; now it closes its side, with much unread.
        graphite.behave(Manner::HangUp);
        graphite.hung_up(1).await;
        graphite.behave(Manner::Read);
        sending.await.unwrap();
        graphite.received(400_000).await;
        assert_eq!((client.stats().confirmed, client.stats().replayed), (0, 0));
        let error = client.close().await.unwrap_err();
        assert!(error.undelivered > 0, "{error:?}");
        assert_eq!((graphite.count(), graphite.connections(), log.lost()), (400_000, 1, 1));
    });
}

/// netcat without input, a service that dropped its writing half: they read on.
#[test]
fn a_half_open_receiver_gets_every_point_once_over_one_connection() {
    block_on(async {
        for delivery in [Delivery::default(), Delivery::BestEffort] {
            let graphite = Graphite::with(Manner::HalfOpen);
            let client = quick().delivery(delivery).connect(graphite.address()).await.unwrap();
            for i in 0..10 {
                client.send((format!("sent.{i}"), i)).await.unwrap();
            }
            for point in numbered("fed", 20_000) {
                client.feed(point).await.unwrap();
            }
            client.flush().await.unwrap();
            graphite.received(20_010).await;
            // Nobody can know whether it has read them: `close` says so.
            let error = client.close().await.unwrap_err();
            assert_eq!(error.undelivered, 20_010, "{error:?}");
            let cause = error.source.unwrap().text;
            assert!(
                cause.starts_with("receiver closed its side of the connection first"),
                "{cause}"
            );
            let paths: Vec<_> = names("sent", 10).into_iter().chain(names("fed", 20_000)).collect();
            assert!(graphite.paths() == paths, "{} points", graphite.count());
            assert_eq!((graphite.connections(), client.stats().replayed), (1, 0), "{delivery:?}");
        }
    });
}

#[test]
fn confirmed_gives_a_half_open_receiver_every_point_and_claims_nothing() {
    block_on(async {
        // A receiver that does not come to close its side within 10 ms of a new connection looks
        // like one that answers our end. On a busy machine the test's own may be as late.
        for _ in 0..10 {
            if confirmed_claims_nothing().await {
                return;
            }
        }
        panic!("the receiver was late ten times");
    });
}

/// Returns whether nothing was claimed to be proven while the receiver was half-open.
async fn confirmed_claims_nothing() -> bool {
    let graphite = Graphite::with(Manner::HalfOpen);
    let builder = quick().delivery(Delivery::Confirmed { window: 1 << 20 });
    let builder = builder.settle_timeout(50 * MS).close_timeout(500 * MS);
    let client = builder.connect(graphite.address()).await.expect("connection");
    // The end of file must be there before ours: else it would answer it.
    graphite.hung_up(1).await;
    for point in numbered("x", 1000) {
        client.feed(point).await.expect("room");
    }
    let flushed = client.flush().await;
    graphite.received_distinct(1000).await;
    let claimed = flushed.is_ok() || client.stats().confirmed > 0;
    assert!(!claimed || graphite.was_late(), "an end of file was taken for a proof");
    graphite.behave(Manner::Read);
    while client.flush().await.is_err() {}
    assert_eq!(client.stats().confirmed, 1000);
    client.close().await.expect("everything is read");
    !claimed
}

/// It closes its side at accept, reads nothing and dies a while later.
#[test]
fn an_end_of_file_that_was_there_first_proves_nothing() {
    block_on(async {
        for delivery in [Delivery::default(), Delivery::Confirmed { window: 1 << 20 }] {
            let mut graphite = Graphite::with(Manner::HangUp);
            let log = Log::default();
            let builder = log.listen(quick().delivery(delivery).close_timeout(2_500 * MS));
            let client = builder.connect(graphite.address()).await.unwrap();
            graphite.hung_up(1).await;
            graphite.refuse();
            for point in numbered("x", 4) {
                client.feed(point).await.unwrap();
            }
            let flushed = client.flush().await;
            assert_eq!(flushed.is_ok(), delivery == Delivery::default());
            rt::sleep(1_500 * MS).await;
            graphite.behave(Manner::CloseAtOnce);
            let error = client.close().await.unwrap_err();
            assert_eq!((error.undelivered, client.stats().confirmed), (4, 0), "{delivery:?}");
            let proven = log.count(|event| matches!(event, crate::client::Event::Confirmed(_)));
            assert_eq!(proven, 0, "{:?}", log.events());
        }
    });
}

/// Everything is acknowledged and unread, and the receiver's window has no room: what is written
/// after its end of file does not leave, so that the reset of its death does not answer it.
#[test]
fn a_death_behind_a_closed_window_is_no_answer() {
    block_on(async {
        let mut cases = Vec::new();
        // Which of these closes the window just so is the kernel's business.
        for unread in 29..34_u64 {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            socket2::SockRef::from(&listener).set_recv_buffer_size(32_768).unwrap();
            let client = quick().connect(listener.local_addr().unwrap()).await.unwrap();
            cases.push(rt::spawn(async move {
                let (first, _) = listener.accept().unwrap();
                let path = "p".repeat(1_985);
                for i in 0..unread {
                    client.send((&*path, i, 1_700_000_000)).await.unwrap();
                    rt::sleep(20 * MS).await;
                }
                first.shutdown(Shutdown::Write).unwrap();
                // The end of file is seen, and has settled.
                rt::sleep(400 * MS).await;
                client.feed((&*path, unread, 1_700_000_000)).await.unwrap();
                rt::sleep(300 * MS).await;
                drop(first);
                let receiver = thread::spawn(move || {
                    let mut text = String::new();
                    listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
                    text.lines().count() as u64
                });
                client.send((&*path, unread + 1, 1_700_000_000)).await.unwrap();
                client.close().await.unwrap();
                (unread + 2, receiver.join().unwrap())
            }));
        }
        for case in cases {
            let (sent, arrived) = case.await;
            assert!(arrived >= sent, "{arrived} of {sent} arrived");
        }
    });
}

/// Some TLS libraries close without a word; rustls calls that an unexpected end. After our own end
/// it is the end of file that was waited for.
#[test]
fn an_unexpected_end_of_a_stream_answers_our_half_close() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let address = graphite.address();
        let connector = move || async move { rt::abrupt(address).await };
        let client = quick().connect_with(connector).await.unwrap();
        client.send_multiple(numbered("x", 100)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!((graphite.count(), graphite.connections()), (100, 1));
    });
}

/// The end of file and the point cross: whatever comes first, nothing is taken for read that was
/// not.
#[test]
fn points_that_cross_the_end_of_file_are_sent_again() {
    block_on(async {
        let graphite = Graphite::plaintext();
        graphite.behave(Manner::CloseAfter(1));
        let client = Client::builder()
            .backoff(MS, MS)
            .max_attempts(1_000_000)
            .connect(graphite.address())
            .await
            .unwrap();
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    for i in 0..250 {
                        client.send((format!("t{task}.{i}"), i)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        graphite.received_distinct(1000).await;
        graphite.behave(Manner::Read);
        client.close().await.unwrap();
        assert_eq!(client.stats().confirmed, 1000);
    });
}

/// A reset that a caller meets first, in its own write, is not forgotten by the time that the
/// connection's task looks: the kernel tells it once, then there is only an end of file.
#[test]
fn a_reset_that_a_send_meets_first_is_no_proof() {
    block_on(async {
        for _ in 0..50 {
            let mut graphite = Graphite::plaintext();
            let client = quick().connect(graphite.address()).await.unwrap();
            client.send(("before", 1)).await.unwrap();
            graphite.received(1).await;
            graphite.kill().await;
            graphite.listen();
            client.send(("after", 1)).await.unwrap();
            client.close().await.unwrap();
            assert_eq!(graphite.paths(), ["before", "before", "after"]);
        }
    });
}

/// Twisted, and so carbon, shuts a connection down and closes it then: for a moment there is an end
/// of file with everything acknowledged, and only the close tells what was left unread.
#[test]
fn an_end_of_file_just_before_the_reset_is_no_proof() {
    block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = quick().connect(listener.local_addr().unwrap()).await.unwrap();
        client.send(("unread", 1, 1)).await.unwrap();
        let receiver = thread::spawn(move || {
            let (first, _) = listener.accept().unwrap();
            first.shutdown(Shutdown::Both).unwrap();
            thread::sleep(50 * MS);
            drop(first);
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            text
        });
        rt::sleep(25 * MS).await;
        client.send(("after", 2, 2)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(receiver.join().unwrap(), "unread 1 1\nafter 2 2\n");
    });
}
