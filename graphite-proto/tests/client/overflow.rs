//! Memory is bounded while the receiver is down, and every point is accounted for.

use crate::client::{Delivery, Overflow, Protocol, TryFeedError};
use crate::rt::block_on;
use crate::suite::receiver::{Graphite, until};
use crate::suite::{Log, assert_accounted, numbered, quick};

const POINTS: u64 = 1_000_000;
const QUEUE: usize = 1 << 20;

async fn million(overflow: Overflow) {
    let mut graphite = Graphite::closed(Protocol::Plaintext);
    let log = Log::default();
    let builder = log.listen(quick().overflow(overflow).queue_bytes(QUEUE));
    let client = builder.connect_lazy(graphite.address()).expect("address");
    let mut refused = 0;
    for i in 0..POINTS {
        match client.try_feed(("servers.web01.cpu.user", i, 1_700_000_000)) {
            Ok(()) => {}
            Err(TryFeedError::Full { .. }) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
        if i % 10_000 == 0 {
            let stats = client.stats();
            assert_accounted(&stats);
            assert!(stats.queued_bytes <= QUEUE, "{stats:?}");
        }
    }
    let stats = client.stats();
    assert_accounted(&stats);
    assert_eq!((stats.accepted + stats.rejected, stats.rejected), (POINTS, refused));
    match overflow {
        Overflow::DropOldest => {
            assert_eq!((refused, stats.queued + stats.dropped), (0, POINTS));
            until("dropping is told", || log.events().contains(&crate::client::Event::Dropping))
                .await;
        }
        _ => assert_eq!((stats.dropped, stats.queued), (0, POINTS - refused)),
    }
    graphite.listen();
    client.close().await.expect("close");
    let points = graphite.points();
    assert_eq!(points.len() as u64, stats.queued);
    let first = if overflow == Overflow::DropOldest { POINTS - stats.queued } else { 0 };
    let in_order = (first..).zip(&points).all(|(i, point)| point.value().as_f64() == i as f64);
    assert!(in_order, "the oldest are kept, or the newest");
    assert_eq!(client.stats().confirmed, stats.queued);
    // However many were dropped or refused: never one event a point.
    assert!(log.events().len() <= 16, "{:?}", log.events());
}

#[test]
fn a_million_points_while_the_receiver_is_down_and_the_newest_are_refused() {
    block_on(million(Overflow::Reject));
}

#[test]
fn a_million_points_while_the_receiver_is_down_and_the_oldest_are_dropped() {
    block_on(million(Overflow::DropOldest));
}

#[test]
fn the_window_is_bounded_while_points_flow() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let window = 256 << 10;
        let builder = quick().delivery(Delivery::Replay { window });
        let client = builder.connect(graphite.address()).await.unwrap();
        for _ in 0..10 {
            client.send_multiple(numbered("x", 20_000)).await.unwrap();
            let stats = client.stats();
            assert!(stats.window_bytes <= window + (64 << 10), "{stats:?}");
        }
        client.close().await.unwrap();
        assert_eq!(client.stats().window_bytes, 0);
        assert_eq!(graphite.count(), 200_000);
    });
}

#[test]
fn a_point_larger_than_the_queue_is_sent() {
    block_on(async {
        let graphite = Graphite::plaintext();
        for overflow in [Overflow::Reject, Overflow::DropOldest] {
            let builder = quick().queue_bytes(100).overflow(overflow);
            let client = builder.connect(graphite.address()).await.unwrap();
            let long = "x".repeat(10_000);
            client.send((&long, 1)).await.unwrap();
            client.send_multiple([(&long, 1), (&long, 2)]).await.unwrap();
            client.close().await.unwrap();
        }
        assert_eq!(graphite.count(), 6);
    });
}
