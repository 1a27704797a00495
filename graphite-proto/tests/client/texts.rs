//! What a client says to people: `{error}` is one line that says it all, and what is shown to
//! developers is bounded.

use std::error::Error;
use std::io;
use std::net::ToSocketAddrs as _;

use crate::client::{Client, Delivery, Metric, Protocol};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::{Log, quick};

const BAD: &str = "metric path \"a b\" holds white space (U+0020) at byte 1";

/// The one line of an error, behind which nothing stands that it does not say.
fn line(error: &dyn Error) -> String {
    let text = error.to_string();
    assert!(error.source().is_none(), "{text}: {:?}", error.source());
    assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    assert!(!text.starts_with(char::is_uppercase), "{text}");
    text
}

#[test]
fn no_connection_is_told_with_its_cause() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let refused = format!("connect to {}: connection refused", graphite.address());
        let error = quick().connect(graphite.address()).await.unwrap_err();
        assert_eq!(line(&error), format!("no connection came about: {refused}"));

        let connector = || async { Err::<rt::Tcp, _>(io::Error::other("no certificate")) };
        let error = quick().connect_with(connector).await.unwrap_err();
        assert_eq!(line(&error), "no connection came about: no certificate");
    });
}

/// On most systems `localhost` has two addresses.
#[test]
fn every_address_of_a_name_is_told() {
    block_on(async {
        let port = Graphite::closed(Protocol::Plaintext).address().port();
        let addresses = ("localhost", port).to_socket_addrs().unwrap();
        let refused = addresses.map(|address| format!("connect to {address}: connection refused"));
        let refused = refused.collect::<Vec<_>>().join("; ");
        let error = quick().connect(("localhost", port)).await.unwrap_err();
        assert_eq!(line(&error), format!("no connection came about: {refused}"));
    });
}

#[test]
fn an_address_is_told_with_what_is_wrong() {
    block_on(async {
        let error = Client::connect("host:port").await.unwrap_err();
        let expected = "port of address \"host:port\" is not a number from 1 to 65535";
        assert_eq!(line(&error), expected);
    });
}

#[test]
fn a_point_is_told_with_what_is_wrong() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let expected = format!("point cannot be sent: {BAD}");
        assert_eq!(line(&client.send(("a b", 1)).await.unwrap_err()), expected);
        assert_eq!(line(&client.feed(("a b", 1)).await.unwrap_err()), expected);
        assert_eq!(line(&client.try_feed(("a b", 1)).unwrap_err()), expected);
        for (bad, queued) in [
            (0, "nothing is queued"),
            (1, "1 point before it is queued"),
            (2, "2 points before it are queued"),
        ] {
            let mut points = [("a", 1), ("b", 2), ("c", 3)];
            points[bad].0 = "a b";
            let error = client.send_multiple(points).await.unwrap_err();
            let expected = format!("item {bad} of the batch cannot be sent: {BAD}; {queued}");
            assert_eq!(line(&error), expected);
        }
        client.close().await.unwrap();
        assert_eq!(line(&client.send(("a", 1)).await.unwrap_err()), "client is closed");
        assert_eq!(line(&client.try_feed(("a", 1)).unwrap_err()), "client is closed");
        let error = client.send_multiple([("a", 1)]).await.unwrap_err();
        assert_eq!(line(&error), "client is closed after 0 points of the batch");
    });
}

#[test]
fn an_outage_is_told_with_its_cause_and_where_the_points_are() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().queue_bytes(100).connect_lazy(graphite.address()).unwrap();
        let cause = format!(
            "the receiver cannot be reached: connect to {}: connection refused",
            graphite.address()
        );
        let queued = |what: &str| format!("{what} queued, but {cause}");
        let error = client.send(("a", 1, 1)).await.unwrap_err();
        assert_eq!(line(&error), queued("point is"));
        let error = client.send_multiple([("a", 1, 1)]).await.unwrap_err();
        assert_eq!(line(&error), queued("the only point is"));
        let error = client.send_multiple([("a", 1, 1), ("b", 2, 2)]).await.unwrap_err();
        assert_eq!(line(&error), queued("all 2 points are"));
        assert_eq!(line(&client.flush().await.unwrap_err()), queued("points are"));

        let long = "x".repeat(100);
        let error = client.feed((&long, 1)).await.unwrap_err();
        assert_eq!(line(&error), format!("queue is full and {cause}"));
        let error = client.send_multiple([(&long, 1)]).await.unwrap_err();
        let full = "queue is full after 0 points of the batch";
        assert_eq!(line(&error), format!("{full} and {cause}"));
        let error = client.try_feed((&long, 1)).unwrap_err();
        assert_eq!(line(&error), "queue is full: 24 bytes are queued, limit is 100");
    });
}

#[test]
fn a_close_is_told_with_the_last_cause() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let log = Log::default();
        let builder = log.listen(quick().delivery(Delivery::BestEffort));
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send_multiple([("a", 1), ("b", 2)]).await.unwrap();
        graphite.received(2).await;
        graphite.kill().await;
        until("the reset is seen", || log.lost() == 1).await;
        let error = client.close().await.unwrap_err();
        let expected = "closed with 2 points not known to be delivered: connection reset by peer";
        assert_eq!(line(&error), expected);
    });
}

#[test]
fn a_client_shows_itself_in_less_than_a_kilobyte() {
    block_on(async {
        let connector = || async { Err::<rt::Tcp, _>(io::Error::other("ü".repeat(50_000))) };
        let builder = quick().prefix("p".repeat(10_000));
        let client = builder.connect_with_lazy(connector).unwrap();
        while client.try_feed(Metric::new("x".repeat(1000), 1)).is_ok() {}
        client.flush().await.unwrap_err();
        assert!(client.stats().queued_bytes > 4_000_000);
        let shown = format!("{client:?}");
        assert!(shown.len() < 1024 && format!("{client:#?}").len() < 1024, "{shown}");
        for part in ["phase: ", "protocol: Plaintext", "window: 8388608", "queued: ", "üü"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    });
}
