//! The end of the runtime, which takes the client's task along: whoever waits elsewhere is told.
//!
//! Only tokio has such an end; async-std's runtime lasts as long as the process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use graphite_client_tokio::{Client, Event, FlushError, Metric, SendError, TryFeedError};
use tokio::runtime::{Builder, Runtime};

const LIMIT: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime")
}

/// A client of a receiver that does not exist, on a runtime of its own.
fn client(runtime: &Runtime) -> Client {
    let _guard = runtime.enter();
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Client::builder()
        .max_attempts(1_000_000)
        .queue_bytes(1000)
        .connect_lazy(nobody)
        .expect("address")
}

#[test]
fn waiters_fail_when_the_runtime_of_the_client_ends() {
    let (own, other) = (runtime(), runtime());
    let client = client(&own);
    let sending = other.spawn({
        let client = client.clone();
        async move { client.send(("never.written", 1)).await }
    });
    let waiting: Vec<_> = (0..50)
        .map(|i| {
            let client = client.clone();
            other.spawn(
                async move { (client.send((format!("x.{i}"), i)).await, client.flush().await) },
            )
        })
        .collect();
    let closing = other.spawn({
        let client = client.clone();
        async move {
            while client.stats().accepted == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            client.flush().await
        }
    });
    std::thread::sleep(Duration::from_millis(20));
    own.shutdown_timeout(LIMIT);
    other.block_on(async {
        let all = async {
            assert_eq!(sending.await.unwrap(), Err(SendError::Closed));
            for waiting in waiting {
                let (sent, flushed) = waiting.await.unwrap();
                assert_eq!((sent, flushed), (Err(SendError::Closed), Err(FlushError::Closed)));
            }
            assert_eq!(closing.await.unwrap(), Err(FlushError::Closed));
            assert_eq!(client.try_feed(("y", 1)), Err(TryFeedError::Closed));
            assert_eq!(client.send(("y", 1)).await, Err(SendError::Closed));
            let error = client.send_multiple([("y", 1)]).await.unwrap_err();
            assert_eq!((error.queued, error.source), (0, SendError::Closed));
            let sent = futures::SinkExt::send(&mut client.sink(), Metric::new("y", 1)).await;
            assert_eq!(sent, Err(SendError::Closed));
            let stats = client.stats();
            assert_eq!(client.close().await.unwrap_err().undelivered, stats.queued);
        };
        tokio::time::timeout(LIMIT, all).await.expect("somebody waits for ever");
    });
}

#[test]
fn a_client_is_used_from_any_runtime() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let receiver =
        std::thread::spawn(move || std::io::read_to_string(listener.accept().unwrap().0).unwrap());
    let (own, other) = (runtime(), runtime());
    let client = own.block_on(Client::connect(address)).unwrap();
    other.block_on(client.send(("a", 1, 1))).unwrap();
    other.block_on(client.send(("b", 2, 2))).unwrap();
    other.block_on(client.close()).unwrap();
    assert_eq!(receiver.join().unwrap(), "a 1 1\nb 2 2\n");
}

/// Runs a client of a receiver that does not exist on a runtime of its own, until that ends;
/// returns what was told of the points that it left.
fn left_by(ends: impl AsyncFnOnce(Client)) -> Vec<Event> {
    let (events, told) = mpsc::channel();
    let own = runtime();
    own.block_on(async {
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let builder = Client::builder().close_timeout(Duration::from_millis(50));
        let builder = builder.on_event(move |event| {
            if matches!(event, Event::Abandoned { .. }) {
                // The listener outlives the runtime.
                events.send(event.clone()).expect("the test listens");
                panic!("what the user does here is the user's");
            }
        });
        ends(builder.connect_lazy(nobody).expect("address")).await;
    });
    own.shutdown_timeout(LIMIT);
    // The client is gone with its runtime, and the function with the client.
    told.iter().collect()
}

#[test]
fn points_that_are_lost_with_the_runtime_are_told() {
    let events = left_by(async |client: Client| {
        for i in 0..298 {
            client.feed(("x", i)).await.unwrap();
        }
    });
    assert_eq!(events, [Event::Abandoned { points: 298 }]);
}

#[test]
fn points_that_are_lost_by_a_close_without_a_receiver_are_told() {
    let events = left_by(async |client: Client| {
        client.feed(("x", 1)).await.unwrap();
        assert_eq!(client.close().await.unwrap_err().undelivered, 1);
    });
    assert_eq!(events, [Event::Abandoned { points: 1 }]);
}

#[test]
fn a_client_that_leaves_nothing_says_nothing_at_its_end() {
    assert_eq!(left_by(async |_: Client| {}), []);
    assert_eq!(left_by(async |client: Client| client.close().await.unwrap()), []);
}
