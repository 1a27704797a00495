//! What proves that a receiver read everything: an end of file with nothing unacknowledged.

use std::io::Read as _;
use std::net::{Shutdown, TcpListener};
use std::thread;

use crate::client::{Client, Delivery};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, numbered, quick};

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

#[test]
fn an_end_of_file_with_bytes_on_their_way_is_no_proof() {
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
        until("the end is seen", || log.lost() > 0).await;
        assert_eq!(client.stats().confirmed, 0);
        graphite.behave(Manner::Read);
        sending.await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.distinct(), 400_000);
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
