//! The client whose calls block, of each adapter: from threads, and refused in tasks.
//!
//! Not here: what the calls do, which the other tests of the client show.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use crate::client::blocking::{Builder, Client};
use crate::client::{BatchError, Event, Metric, Protocol, SendError, TryFeedError};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};

const MS: Duration = Duration::from_millis(1);

/// A builder whose delays suit a test.
fn quick() -> Builder {
    Client::builder().backoff(5 * MS, 20 * MS)
}

/// Notes what is told of points that are left.
fn left(builder: Builder) -> (Builder, Arc<Mutex<Vec<u64>>>) {
    let left = Arc::new(Mutex::new(Vec::new()));
    let noted = left.clone();
    let builder = builder.on_event(move |event| {
        if let Event::Abandoned { points } = event {
            noted.lock().expect("left").push(*points);
        }
    });
    (builder, left)
}

#[test]
fn every_call_delivers_by_both_protocols() {
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let graphite = Graphite::start(protocol);
        let builder = Client::builder().protocol(protocol).prefix("p");
        let client = builder.connect(graphite.address()).unwrap();
        assert_eq!(client.protocol(), protocol);
        client.send(("a", 1, 10)).unwrap();
        let batch = [("b".to_owned(), 2.5), ("c".to_owned(), 3.5)];
        client.send_multiple(batch.iter().map(|(path, value)| (path, *value, 20))).unwrap();
        client.feed(("d", 4)).unwrap();
        client.try_feed(("e", 5)).unwrap();
        client.flush().unwrap();
        assert_eq!((client.stats().accepted, client.stats().written), (5, 5));
        assert!(client.is_connected());
        assert_eq!(client.address().unwrap().to_string(), graphite.address().to_string());
        assert_eq!(client.last_failure(), None);
        client.close().unwrap();
        client.clone().close().unwrap();
        assert_eq!(graphite.paths(), ["p.a", "p.b", "p.c", "p.d", "p.e"]);
        assert_eq!(graphite.points()[0], Metric::new("p.a", 1).at(10));
        assert_eq!(client.event_panics(), 0);
        assert!(format!("{client:?}").starts_with("Client("));
    }
}

#[test]
fn any_stream_is_connected() {
    let graphite = Graphite::plaintext();
    let address = graphite.address();
    let client = Client::builder().connect_with(move || rt::tcp(address)).unwrap();
    client.send(("a", 1)).unwrap();
    client.close().unwrap();
    let client = Client::builder().connect_with_lazy(move || rt::tcp(address)).unwrap();
    client.send(("b", 1)).unwrap();
    client.close().unwrap();
    assert_eq!(graphite.paths(), ["a", "b"]);

    let refused = || async { Err::<rt::Tcp, _>(std::io::Error::other("no certificate")) };
    let error = quick().connect_with(refused).unwrap_err();
    assert_eq!(error.to_string(), "no connection came about: no certificate");
}

#[test]
fn an_address_a_setting_or_a_point_that_makes_no_sense_is_told() {
    let error = Client::connect("host:port").unwrap_err();
    let port = "port of address \"host:port\" is not a number from 1 to 65535";
    assert_eq!(error.to_string(), port);
    let error = Client::builder().send_buffer(1).connect_lazy("host").unwrap_err();
    assert!(error.to_string().contains("send_buffer"), "{error}");

    let graphite = Graphite::plaintext();
    let client = Client::connect(graphite.address()).unwrap();
    let bad = "metric path \"a b\" holds white space (U+0020) at byte 1";
    let expected = format!("point cannot be sent: {bad}");
    assert_eq!(client.send(("a b", 1)).unwrap_err().to_string(), expected);
    assert_eq!(client.feed(("a b", 1)).unwrap_err().to_string(), expected);
    assert_eq!(client.try_feed(("a b", 1)).unwrap_err().to_string(), expected);
    let error = client.send_multiple([("a", 1), ("a b", 2)]).unwrap_err();
    let expected =
        format!("item 1 of the batch cannot be sent: {bad}; 1 point before it is queued");
    assert_eq!(error.to_string(), expected);
    client.close().unwrap();
    assert_eq!(client.send(("a", 1)), Err(SendError::Closed));
    assert_eq!(client.try_feed(("a", 1)), Err(TryFeedError::Closed));
    let error = client.send_multiple([("a", 1)]).unwrap_err();
    assert!(matches!(error, BatchError { queued: 0, source: SendError::Closed, .. }), "{error}");
}

#[test]
fn without_a_receiver_every_call_ends_and_says_what_became_of_the_points() {
    let graphite = Graphite::closed(Protocol::Plaintext);
    let refused = format!("connect to {}: connection refused", graphite.address());
    let error = quick().connect(graphite.address()).unwrap_err();
    assert_eq!(error.to_string(), format!("no connection came about: {refused}"));

    let builder = quick().queue_bytes(100).close_timeout(100 * MS);
    let client = builder.connect_lazy(graphite.address()).unwrap();
    let cause = format!("the receiver cannot be reached: {refused}");
    let error = client.send(("a", 1, 1)).unwrap_err();
    assert_eq!(error.to_string(), format!("point is queued, but {cause}"));
    let error = client.send_multiple([("b", 2, 2), ("c", 3, 3)]).unwrap_err();
    assert_eq!(error.to_string(), format!("all 2 points are queued, but {cause}"));
    let error = client.feed(("x".repeat(100), 1)).unwrap_err();
    assert_eq!(error.to_string(), format!("queue is full and {cause}"));
    let error = client.flush().unwrap_err();
    assert_eq!(error.to_string(), format!("points are queued, but {cause}"));
    let error = client.close().unwrap_err();
    assert_eq!(error.undelivered, 3);
    let closed = format!("closed with 3 points not known to be delivered: {refused}");
    assert_eq!(error.to_string(), closed);
}

#[test]
fn threads_share_a_client() {
    let graphite = Graphite::plaintext();
    let client = Client::builder().queue_bytes(10_000).connect(graphite.address()).unwrap();
    thread::scope(|scope| {
        for number in 0..8 {
            let client = client.clone();
            scope.spawn(move || {
                for i in 0..500 {
                    client.feed((format!("fed.{number}.{i}"), i)).unwrap();
                }
                client.send((format!("sent.{number}"), number)).unwrap();
                let batch = (0..500).map(|i| (format!("batch.{number}.{i}"), i));
                client.send_multiple(batch).unwrap();
            });
        }
    });
    client.close().unwrap();
    assert_eq!((graphite.count(), graphite.distinct()), (8 * 1001, 8 * 1001));
    assert_eq!(graphite.connections(), 1);
}

#[test]
fn a_client_that_nobody_closes_delivers_what_it_was_given() {
    let graphite = Graphite::with(Manner::ReadSlowly(32 << 10));
    let (builder, left) = left(Client::builder());
    let client = builder.connect(graphite.address()).unwrap();
    for i in 0..20_000 {
        client.feed((format!("x.{i}"), i)).unwrap();
    }
    let clone = client.clone();
    drop(client);
    clone.feed(("last", 1)).unwrap();
    drop(clone);
    // No wait: the drop was it.
    assert_eq!(graphite.distinct(), 20_001);
    assert_eq!(*left.lock().unwrap(), [0; 0]);
}

#[test]
fn a_client_that_nobody_closes_tells_what_it_could_not_deliver() {
    let graphite = Graphite::closed(Protocol::Plaintext);
    let (builder, left) = left(quick().close_timeout(100 * MS));
    let client = builder.connect_lazy(graphite.address()).unwrap();
    for i in 0..7 {
        client.feed(("x", i)).unwrap();
    }
    drop(client);
    assert_eq!(*left.lock().unwrap(), [7]);
}

/// Where nothing of a runtime can be asked any more.
#[test]
fn a_client_of_a_thread_ends_with_the_thread() {
    thread_local! {
        static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
    }
    let graphite = Graphite::plaintext();
    let address = graphite.address();
    let thread = thread::spawn(move || {
        CLIENT.set(Some(Client::connect(address).unwrap()));
        CLIENT.with_borrow(|client| client.as_ref().unwrap().feed(("a", 1)).unwrap());
    });
    thread.join().unwrap();
    // The join may come before what the thread leaves is dropped.
    block_on(graphite.received(1));
}

/// Returns what a call panics with.
fn refused<T>(call: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(call)) else { panic!("the call went through") };
    panic.downcast_ref::<String>().expect("a text").clone()
}

/// Asserts that each call that waits says where it may not be made and what to do instead.
fn assert_refused(client: &Client, address: std::net::SocketAddr) {
    let texts = [
        refused(|| Client::connect(address)),
        refused(|| Client::builder().connect_lazy(address)),
        refused(|| Client::builder().connect_with(move || rt::tcp(address))),
        refused(|| Client::builder().connect_with_lazy(move || rt::tcp(address))),
        refused(|| client.send(("a", 1))),
        refused(|| client.send_multiple([("a", 1)])),
        refused(|| client.feed(("a", 1))),
        refused(|| client.flush()),
        refused(|| client.close()),
    ];
    for text in texts {
        for part in ["blocking is made within an asynchronous task", "::Client", "spawn_blocking"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn within_a_task_calls_that_wait_say_so_and_the_others_work() {
    let graphite = Graphite::plaintext();
    let address = graphite.address();
    let client = Client::connect(address).unwrap();
    block_on(async {
        assert_refused(&client, address);
        let in_task = client.clone();
        let task = rt::spawn(async move {
            assert_refused(&in_task, address);
            in_task.try_feed(("a", 1)).unwrap();
            in_task.stats().accepted
        });
        assert_eq!(task.await, 1);
    });
    client.send(("b", 1)).unwrap();
    client.close().unwrap();
    assert_eq!(graphite.paths(), ["a", "b"]);
}

/// The receiver may be one of the tasks that the thread runs: nothing is waited for.
#[test]
fn dropped_within_a_task_a_client_ends_by_itself() {
    let graphite = Graphite::with(Manner::Ignore);
    let (builder, left) = left(Client::builder());
    let client = builder.connect(graphite.address()).unwrap();
    block_on(async {
        client.try_feed(("a", 1)).unwrap();
        rt::spawn(async move { drop(client) }).await;
        graphite.behave(Manner::Read);
        until("the client has ended", || Arc::strong_count(&left) == 1).await;
    });
    assert_eq!((graphite.paths(), left.lock().unwrap().len()), (vec!["a".to_owned()], 0));
}

#[test]
fn threads_of_a_runtime_that_are_there_to_wait_may_wait() {
    let graphite = Graphite::plaintext();
    let address = graphite.address();
    block_on(rt::unblock(move || {
        let client = Client::connect(address).unwrap();
        client.send(("a", 1)).unwrap();
        client.send_multiple([("b", 1)]).unwrap();
        client.close().unwrap();
    }));
    assert_eq!(graphite.paths(), ["a", "b"]);
}

#[test]
fn who_listens_may_not_wait_and_may_be_the_last_to_hold_the_client() {
    let graphite = Graphite::plaintext();
    let held = Arc::new(OnceLock::<Client>::new());
    let listener = held.clone();
    let builder = Client::builder().on_event(move |event| {
        if let (Event::Connected, Some(client)) = (event, listener.get()) {
            let _ = client.flush();
        }
    });
    let client = builder.connect_lazy(graphite.address()).unwrap();
    held.set(client.clone()).unwrap();
    let dropped = Arc::downgrade(&held);
    drop(held);
    client.send(("a", 1)).unwrap();
    client.close().unwrap();
    assert_eq!(client.event_panics(), 1);
    drop(client);
    block_on(until("the listener is dropped", || dropped.strong_count() == 0));
    assert_eq!(graphite.paths(), ["a"]);
}

#[test]
fn a_client_goes_to_any_thread() {
    fn shared<T: Clone + Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
    shared::<Client>();
    fn sent<T: Send + std::fmt::Debug>() {}
    sent::<Builder>();
}
