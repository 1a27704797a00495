//! Points that wait for others to fill their frame: never for long, and never for a caller that
//! waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::{Client, Delivery};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{MS, names, numbered, quick};

/// As long as can be set. Where it is not to be waited for, the machine's own tests say so by a clock
/// that is made up; here it is seen that every call gets there.
const LONG: std::time::Duration = std::time::Duration::from_secs(1);

#[test]
fn what_is_fed_after_a_pause_goes_out_by_itself() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().linger(LONG).connect(graphite.address()).await.unwrap();
        // The first few do not wait at all.
        for round in 1..=3 {
            client.feed(("lone", round, 1)).await.unwrap();
            graphite.received(round).await;
        }
        client.close().await.unwrap();
    });
}

#[test]
fn points_that_wait_go_out_without_a_call() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        for metric in numbered("burst", 1_000) {
            client.feed(metric).await.unwrap();
        }
        graphite.received(1_000).await;
        assert_eq!(graphite.paths(), names("burst", 1_000));
        client.close().await.unwrap();
    });
}

#[test]
fn whoever_waits_for_points_ends_their_wait() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().linger(LONG).connect(graphite.address()).await.unwrap();
        let mut points = numbered("waits", 1_000);
        for round in 1..=20 {
            for metric in points.by_ref().take(20) {
                client.feed(metric).await.unwrap();
            }
            match round % 3 {
                0 => client.flush().await.unwrap(),
                1 => client.send(points.next().unwrap()).await.unwrap(),
                _ => client.send_multiple(points.by_ref().take(7)).await.unwrap(),
            }
            let stats = client.stats();
            assert_eq!((stats.queued, stats.written), (0, stats.accepted));
        }
        // And so does a close.
        client.feed(points.next().unwrap()).await.unwrap();
        client.close().await.unwrap();
        let stats = client.stats();
        assert_eq!((stats.queued, stats.confirmed), (0, stats.accepted));
    });
}

#[test]
fn confirmed_waits_no_longer_for_lingering() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let delivery = Delivery::Confirmed { window: 1 << 20 };
        let builder = quick().linger(LONG).delivery(delivery);
        let client = builder.connect(graphite.address()).await.unwrap();
        for metric in numbered("confirmed", 500) {
            client.feed(metric).await.unwrap();
        }
        client.flush().await.unwrap();
        assert_eq!(client.stats().confirmed, 500);
        client.close().await.unwrap();
    });
}

/// A queue in which the open frame takes the room that is asked for.
#[test]
fn whoever_needs_the_room_ends_the_wait_of_the_points_in_it() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().linger(LONG).queue_bytes(1_000);
        let client = builder.connect(graphite.address()).await.unwrap();
        let large = "x".repeat(900);
        for _ in 0..20 {
            // Frames of one point each and a large one that needs nearly all of the queue.
            client.feed(("small", 1, 1)).await.unwrap();
            client.feed((&large, 1, 1)).await.unwrap();
        }
        client.flush().await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 40);
    });
}

/// A loop that finds room every time, and whose receiver takes everything, would else never let its
/// thread do anything else.
#[test]
fn who_feeds_without_a_pause_lets_others_run() {
    block_on(async {
        let graphite = Graphite::with(Manner::Read);
        let client = Client::connect(graphite.address()).await.unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let other = rt::spawn({
            let ran = ran.clone();
            async move { ran.store(true, Ordering::SeqCst) }
        });
        let mut fed = 0u64;
        while !ran.load(Ordering::SeqCst) {
            client.feed(("without.a.pause", fed, 1)).await.unwrap();
            fed += 1;
            assert!(fed < 10_000_000, "the other task is never run");
        }
        other.await;
        let ran = Arc::new(AtomicBool::new(false));
        let other = rt::spawn({
            let ran = ran.clone();
            async move { ran.store(true, Ordering::SeqCst) }
        });
        while !ran.load(Ordering::SeqCst) {
            client.send(("without.a.pause", fed, 1)).await.unwrap();
            fed += 1;
            assert!(fed < 11_000_000, "the other task is never run");
        }
        other.await;
        client.close().await.unwrap();
    });
}

/// The few first points of a pause do not wait; the ones behind them do, and all arrive.
#[test]
fn bursts_and_pauses_lose_nothing() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        let mut points = numbered("bursts", 2_000);
        for burst in 0..40 {
            for metric in points.by_ref().take(1 + burst % 50) {
                client.feed(metric).await.unwrap();
            }
            if burst % 4 == 0 {
                let fed = usize::try_from(client.stats().accepted).unwrap();
                until("the burst has arrived", || graphite.count() == fed).await;
            } else {
                rt::sleep(MS).await;
            }
        }
        let fed = usize::try_from(client.stats().accepted).unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("bursts", fed));
    });
}
