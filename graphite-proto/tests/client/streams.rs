//! Connectors of the user's own: closures and types, Unix sockets, streams that hold bytes back.

use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::client::{ConnectError, Connector, Delivery, SendError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::{MS, names, numbered, quick};

#[test]
fn a_closure_is_a_connector() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let address = graphite.address();
        let client = quick().connect_with(move || rt::tcp(address)).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        client.send_multiple(numbered("b", 20_000)).await.unwrap();
        // The half-close reaches the receiver, or there would be no end of file to wait for.
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 20_001);
    });
}

#[test]
fn the_connector_is_called_again_after_each_connection() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let (address, calls) = (graphite.address(), Arc::new(AtomicUsize::new(0)));
        let counter = calls.clone();
        let connector = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            rt::tcp(address)
        };
        let client = quick().connect_with(connector).await.unwrap();
        for i in 0..3 {
            client.send((format!("x.{i}"), i)).await.unwrap();
            graphite.received_distinct(i + 1).await;
            graphite.close_connections().await;
        }
        client.close().await.unwrap();
        assert!(calls.load(Ordering::SeqCst) >= 3);
        assert_eq!(graphite.distinct(), 3);
    });
}

#[test]
fn a_connector_that_fails_is_told_with_its_own_words() {
    block_on(async {
        let connector = || async {
            Err::<rt::Tcp, _>(io::Error::new(ErrorKind::PermissionDenied, "no certificate"))
        };
        let error = quick().connect_with(connector).await.unwrap_err();
        let ConnectError::Unreachable(failure) = error else { panic!("{error:?}") };
        assert_eq!((failure.kind, &*failure.text), (ErrorKind::PermissionDenied, "no certificate"));
    });
}

/// A connector that knows what its peer has acknowledged, here always everything.
struct Knowing(SocketAddr);

impl Connector for Knowing {
    type Stream = rt::Tcp;

    async fn connect(&self) -> io::Result<rt::Tcp> {
        rt::tcp(self.0).await
    }

    fn unacknowledged(&self, _stream: &rt::Tcp) -> Option<usize> {
        Some(0)
    }
}

#[test]
fn a_connector_that_knows_what_was_acknowledged_proves_an_idle_close() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect_with(Knowing(graphite.address())).await.unwrap();
        for i in 0..5 {
            client.send((format!("x.{i}"), i)).await.unwrap();
            graphite.received(i + 1).await;
            graphite.close_connections().await;
            // A point that is sent into the end would be taken for read: what this connector knows
            // is true of an idle connection only.
            until("the close is a proof", || client.stats().confirmed == i as u64 + 1).await;
        }
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("x", 5), "nothing is repeated");
    });
}

/// Without that knowledge an idle close is a doubt: repeated rather than lost.
#[test]
fn a_connector_that_knows_nothing_repeats_after_an_idle_close() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let address = graphite.address();
        let client = quick().connect_with(move || rt::tcp(address)).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        graphite.received(1).await;
        graphite.close_connections().await;
        client.send(("b", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a", "a", "b"]);
    });
}

#[test]
fn a_stream_that_holds_bytes_back_is_flushed_before_a_point_counts_as_written() {
    block_on(async {
        for delivery in
            [Delivery::BestEffort, Delivery::default(), Delivery::Confirmed { window: 1 << 20 }]
        {
            let graphite = Graphite::plaintext();
            let address = graphite.address();
            let builder = quick().delivery(delivery).confirm_interval(MS);
            let client = builder.connect_with(move || rt::buffered(address)).await.unwrap();
            for i in 0..20 {
                client.send((format!("x.{i}"), i)).await.unwrap();
                graphite.received(i + 1).await;
            }
            client.send_multiple(numbered("y", 50_000)).await.unwrap();
            graphite.received(50_020).await;
            client.close().await.unwrap();
            assert_eq!((graphite.count(), graphite.distinct()), (50_020, 50_020));
            assert_eq!(graphite.errors(), [""; 0]);
        }
    });
}

#[test]
fn a_unix_socket_will_do() {
    block_on(async {
        let name = format!("graphite-{}-{:?}.sock", std::process::id(), thread::current().id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            text
        });
        let socket = path.clone();
        let client = quick().connect_with(move || rt::unix(socket.clone())).await.unwrap();
        client.send(("a", 1, 2)).await.unwrap();
        client.send(("b", 3, 4)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(reader.join().unwrap(), "a 1 2\nb 3 4\n");
        assert_eq!(client.send(("c", 5)).await, Err(SendError::Closed));
        std::fs::remove_file(&path).unwrap();
    });
}
