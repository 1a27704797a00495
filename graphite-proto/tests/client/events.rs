//! What `on_event` is told, and what it cannot do to the client.

use crate::client::{Event, Protocol};
use crate::rt::block_on;
use crate::suite::quick;
use crate::suite::receiver::{Graphite, until};

#[test]
fn a_listener_that_panics_is_counted_and_the_client_goes_on() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().max_attempts(1).on_event(|event| panic!("told of {event}"));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("a", 1)).await.unwrap();
        until("giving up is told", || client.event_panics() == 1).await;
        graphite.listen();
        graphite.received(1).await;
        until("the connection is told", || client.event_panics() == 2).await;
        client.send(("b", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a", "b"]);
        assert_eq!(client.stats().confirmed, 2);
    });
}

/// Points that were given up at the end are told to the one who listens, here as with a runtime
/// that ends; the rest of that stands in `shutdown.rs`.
#[test]
fn points_that_are_left_when_the_last_clone_is_gone_are_told() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let log = crate::suite::Log::default();
        let builder = log.listen(quick()).close_timeout(50 * crate::suite::MS);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("a", 1)).await.unwrap();
        drop(client);
        until("it is told", || log.events().contains(&Event::Abandoned { points: 1 })).await;
    });
}
